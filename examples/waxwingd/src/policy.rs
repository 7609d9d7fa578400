//! What the words and numbers of the configuration mean that concern sessions and messages.

use std::time::Duration;

use waxwing_core::jid::Jid;
use waxwing_core::server::hub::{self, BareDelivery, Strangers, UnknownUsers};
use waxwing_core::stream;
use waxwing_std::shards::Mailbox;

use crate::options::{Layer, OptionsError};

/// How sessions are kept, and who gets which messages.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// How long a session waits for a client whose connection broke; `None`: not at all.
    pub resumption: Option<Duration>,
    /// Where such a client is to connect.
    pub resume_at: Option<String>,
    /// Stanzas that a client has not acknowledged.
    pub unacknowledged: usize,
    /// Bytes of these.
    pub unacknowledged_bytes: usize,
    /// Bytes of all clients'.
    pub unacknowledged_bytes_in_all: usize,
    /// Clients may say that nobody looks at them.
    pub client_state: bool,
    /// What strangers may send.
    pub strangers: Strangers,
    /// Which resources get a message to the account.
    pub deliver_to: BareDelivery,
    /// What becomes of messages to nobody.
    pub unknown_users: UnknownUsers,
}

/// So many messages that have waited are handed over at once, so more than that must be able to wait for acknowledgement.
const PAGE: usize = 50;
/// What else there may be in a mailbox when a session is resumed.
const BESIDES: usize = 192;

impl Policy {
    /// Fills in the defaults and checks what was given.
    pub fn resolve(layer: &Layer) -> Result<Policy, OptionsError> {
        let limits = hub::Limits::default();
        let policy = Policy {
            resumption: resumption(layer)?,
            resume_at: layer.resume_at.as_deref().map(location).transpose()?,
            unacknowledged: layer.max_unacknowledged.unwrap_or(limits.unacknowledged),
            unacknowledged_bytes: layer.max_unacknowledged_bytes.unwrap_or(limits.unacknowledged_bytes),
            unacknowledged_bytes_in_all: layer
                .max_unacknowledged_bytes_in_all
                .unwrap_or(limits.unacknowledged_bytes_in_all),
            client_state: !layer.no_client_state.unwrap_or(false),
            strangers: layer.strangers.as_deref().map_or(Ok(Strangers::default()), strangers)?,
            deliver_to: layer.deliver_to.as_deref().map_or(Ok(BareDelivery::default()), deliver_to)?,
            unknown_users: layer
                .unknown_users
                .as_deref()
                .map_or(Ok(UnknownUsers::default()), unknown_users)?,
        };
        policy.check()?;
        Ok(policy)
    }

    fn check(&self) -> Result<(), OptionsError> {
        let most = Mailbox::CAPACITY - hub::Limits::default().held_back - BESIDES;
        if !(PAGE + 1..=most).contains(&self.unacknowledged) {
            return Err(OptionsError(format!(
                "--max-unacknowledged is from {} to {most}: with fewer, messages that waited could not be handed over; more could not be sent to a client that comes back",
                PAGE + 1
            )));
        }
        let least = 2 * stream::Limits::CLIENT.xml.max_bytes;
        if self.unacknowledged_bytes < least {
            return Err(OptionsError(format!(
                "--max-unacknowledged-bytes is at least {least}: one long stanza could end a session"
            )));
        }
        if self.unacknowledged_bytes_in_all < self.unacknowledged_bytes {
            return Err(OptionsError(format!(
                "--max-unacknowledged-bytes-in-all is at least {}, which one session may have (--max-unacknowledged-bytes)",
                self.unacknowledged_bytes
            )));
        }
        Ok(())
    }

    /// Puts it into the configuration of hubs, of which there will be so many.
    pub fn apply(&self, config: &mut hub::Config, shards: u32) {
        config.management.resumption = self.resumption.unwrap_or_default();
        config.management.location.clone_from(&self.resume_at);
        let limits = &mut config.limits;
        limits.unacknowledged = self.unacknowledged;
        limits.unacknowledged_bytes = self.unacknowledged_bytes;
        // Each has its part; but no less than one session may have.
        let part = self.unacknowledged_bytes_in_all / usize::try_from(shards.max(1)).unwrap_or(usize::MAX);
        limits.unacknowledged_bytes_in_all = part.max(self.unacknowledged_bytes);
        config.strangers = self.strangers;
        config.to_bare = self.deliver_to;
        config.unknown_users = self.unknown_users;
    }
}

fn resumption(layer: &Layer) -> Result<Option<Duration>, OptionsError> {
    if layer.no_resumption.unwrap_or(false) {
        return Ok(None);
    }
    match layer.resume_within {
        Some(0) => Err(OptionsError(
            "--resume-within is at least 1 second; if sessions are not to be resumed, give --no-resumption"
                .into(),
        )),
        Some(seconds) => Ok(Some(Duration::from_secs(seconds.into()))),
        None => Ok(Some(hub::Management::default().resumption)),
    }
}

/// A host, with or without a port (XEP-0198 section 3).
fn location(text: &str) -> Result<String, OptionsError> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_host = (host.starts_with('[') || !host.contains(':'))
        && Jid::new(host).is_ok_and(|jid| jid.local().is_none() && jid.resource().is_none());
    let is_port = port.is_none_or(|port| {
        port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    match is_host && is_port {
        true => Ok(text.to_owned()),
        false => Err(OptionsError(format!(
            "`{text}` is no place for clients to come back to; give --resume-at a host such as im1.example.org, im1.example.org:5222 or [::1]:5222"
        ))),
    }
}

fn strangers(word: &str) -> Result<Strangers, OptionsError> {
    match word.split_once(':') {
        None if word == "allow" => Ok(Strangers::Allow),
        None if word == "refuse" => Ok(Strangers::Refuse),
        Some(("short", bytes))
            if bytes.bytes().all(|b| b.is_ascii_digit()) && bytes.parse::<usize>().is_ok() =>
        {
            Ok(Strangers::Short { bytes: bytes.parse().unwrap_or_default() })
        }
        _ => Err(OptionsError(format!(
            "`{word}` says nothing about strangers; give --strangers allow, refuse, or short:500 for messages up to 500 bytes"
        ))),
    }
}

fn deliver_to(word: &str) -> Result<BareDelivery, OptionsError> {
    match word {
        "most-available" => Ok(BareDelivery::MostAvailable),
        "all" => Ok(BareDelivery::NonNegative),
        _ => Err(OptionsError(format!(
            "`{word}` is none of an account's clients; give --deliver-to most-available or all"
        ))),
    }
}

fn unknown_users(word: &str) -> Result<UnknownUsers, OptionsError> {
    match word {
        "refuse" => Ok(UnknownUsers::Refuse),
        "ignore" => Ok(UnknownUsers::Ignore),
        _ => Err(OptionsError(format!(
            "`{word}` cannot be done with messages to nobody; give --unknown-users refuse or ignore"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(toml: &str) -> Result<Policy, String> {
        let layer = Layer::from_toml(toml).map_err(|error| error.0)?;
        Policy::resolve(&layer).map_err(|error| error.0)
    }

    #[test]
    fn without_a_word_everything_is_as_in_the_library() {
        let (mut config, default) = (config(), config());
        policy("").unwrap().apply(&mut config, 1);
        assert_eq!(config, default);
        assert!(policy("").unwrap().client_state);
    }

    fn config() -> hub::Config {
        hub::Config::new(waxwing_core::jid::BareJid::new("localhost").unwrap())
    }

    #[test]
    fn every_word_reaches_the_hubs() {
        let policy = policy(
            "resume-within=60\nresume-at='[::1]:5222'\nmax-unacknowledged=100\nmax-unacknowledged-bytes=1000000\n\
             max-unacknowledged-bytes-in-all=8000000\nno-client-state=true\nstrangers='short:500'\ndeliver-to='all'\n\
             unknown-users='ignore'",
        )
        .unwrap();
        assert!(!policy.client_state);
        let mut config = config();
        policy.apply(&mut config, 4);
        assert_eq!(config.management.resumption, Duration::from_secs(60));
        assert_eq!(config.management.location.as_deref(), Some("[::1]:5222"));
        let limits = config.limits;
        assert_eq!((limits.unacknowledged, limits.unacknowledged_bytes), (100, 1_000_000));
        assert_eq!(limits.unacknowledged_bytes_in_all, 2_000_000, "each has its part");
        assert_eq!(config.strangers, Strangers::Short { bytes: 500 });
        assert_eq!((config.to_bare, config.unknown_users), (BareDelivery::NonNegative, UnknownUsers::Ignore));
        policy.apply(&mut config, 1000);
        assert_eq!(config.limits.unacknowledged_bytes_in_all, 1_000_000, "enough for one session");
    }

    #[test]
    fn the_other_words_mean_the_defaults_or_more() {
        let policy = |toml| policy(toml).unwrap();
        assert_eq!(policy("strangers='allow'"), policy(""));
        assert_eq!(policy("strangers='refuse'").strangers, Strangers::Refuse);
        assert_eq!(policy("deliver-to='most-available'"), policy(""));
        assert_eq!(policy("unknown-users='refuse'"), policy(""));
        assert_eq!(policy("no-resumption=true\nresume-within=60").resumption, None);
        assert_eq!(policy("resume-at='im1.example.org'").resume_at.as_deref(), Some("im1.example.org"));
    }

    #[test]
    fn what_makes_no_sense_is_refused_in_one_line_that_names_the_flag() {
        for (toml, flag) in [
            ("resume-within=0", "--no-resumption"),
            ("resume-within=-1", "`resume-within`"),
            ("resume-at=''", "--resume-at"),
            ("resume-at='im1.example.org:0'", "--resume-at"),
            ("resume-at='im1.example.org:'", "--resume-at"),
            ("resume-at='2001:db8::1'", "--resume-at"),
            ("resume-at='alice@example.org'", "--resume-at"),
            ("resume-at='two words'", "--resume-at"),
            ("max-unacknowledged=50", "--max-unacknowledged "),
            ("max-unacknowledged=7001", "--max-unacknowledged "),
            ("max-unacknowledged-bytes=1000", "--max-unacknowledged-bytes "),
            ("max-unacknowledged-bytes-in-all=1000000", "--max-unacknowledged-bytes-in-all "),
            ("strangers='fly'", "--strangers"),
            ("strangers='short'", "--strangers"),
            ("strangers='short:-1'", "--strangers"),
            ("strangers='short:'", "--strangers"),
            ("deliver-to='none'", "--deliver-to"),
            ("unknown-users='create'", "--unknown-users"),
            ("no-client-state='yes'", "`no-client-state`"),
        ] {
            let error = policy(toml).unwrap_err();
            assert!(error.contains(flag) && !error.contains('\n'), "{toml}: {error}");
        }
        assert!(policy("max-unacknowledged=7000").is_ok());
    }
}
