//! The client against scripted servers.

mod authentication;
mod binding;
mod blocking;
mod capabilities;
mod carbons;
mod contacts;
mod end;
mod hostile;
mod management;
mod people;
mod queries;
mod requests;
mod resumption;
mod roster;
mod sasl2;
mod saved;
#[cfg(feature = "dns")]
mod session;
mod soup;
mod split;
mod stanzas;
mod subscription;
mod tls;

use super::*;
use crate::machine::{Instant, Reason, Utc};
use crate::sasl::{Mechanism, ScramHash, ServerSession, ServerStep, StoredCredentials};
use crate::stream::StreamError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

const HEADER: &str = "<?xml version='1.0'?><stream:stream from='example.com' id='s' version='1.0' xml:lang='en' \
     xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
const BIND: &str = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>";
const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
const JID: &str = "juliet@example.com/balcony";

/// A client and the script's side of the conversation.
struct Script {
    client: Client,
    now: Now,
    events: Vec<Event>,
}

fn start_of_time() -> Now {
    Now::new(Instant::ORIGIN, Utc::from_unix_millis(1_767_225_600_000))
}

fn password() -> Credentials {
    Credentials::Password { username: "juliet".into(), password: "r0m30myr0m30".into() }
}

/// A client that uses no TLS, knows its password and may say it in clear: the shortest way online.
fn config() -> Config {
    let mut config = Config::new(Jid::new("juliet@example.com").unwrap(), TlsMode::Plaintext);
    config.credentials = Some(password());
    config.policy.plain_without_tls = true;
    config
}

fn mechanisms(names: &[&str]) -> String {
    let names: String = names.iter().map(|name| format!("<mechanism>{name}</mechanism>")).collect();
    format!("<mechanisms xmlns='{SASL}'>{names}</mechanisms>")
}

fn features(inner: &str) -> String {
    format!("<stream:features>{inner}</stream:features>")
}

/// The value of the last attribute of that name.
fn attr(xml: &str, name: &str) -> String {
    let start = [format!(" {name}='"), format!(" {name}=\"")];
    let at = start.iter().filter_map(|start| xml.rfind(start.as_str())).max().expect("no such attribute");
    let value = &xml[at + name.len() + 3..];
    value[..value.find(['\'', '"']).unwrap()].to_owned()
}

/// The text of the last element.
fn text(xml: &str) -> Option<Vec<u8>> {
    let end = xml.rfind("</")?;
    let start = xml[..end].rfind('>')? + 1;
    match &xml[start..end] {
        "" => None,
        "=" => Some(Vec::new()),
        text => Some(BASE64.decode(text).unwrap()),
    }
}

impl Script {
    fn new(config: Config) -> Script {
        let now = start_of_time();
        Script { client: Client::new(config, now, Entropy::from_seed([7; 32])), now, events: Vec::new() }
    }

    /// Everything the client has to say now.
    fn sent(&mut self) -> String {
        let mut out = Vec::new();
        loop {
            let bytes = self.client.transmit(&mut out);
            match self.client.poll_event() {
                Some(event) => self.events.push(event),
                None if bytes == 0 => break,
                None => {}
            }
        }
        String::from_utf8(out).unwrap()
    }

    /// The server says something; what the client answers.
    fn server(&mut self, says: &str) -> String {
        self.client.receive(self.now, says.as_bytes());
        self.sent()
    }

    /// Time passes; what the client says at the end of it.
    fn wait(&mut self, seconds: u64) -> String {
        self.now = self.now.after(Duration::from_secs(seconds));
        self.client.tick(self.now);
        self.sent()
    }

    /// What has happened since the last time.
    fn events(&mut self) -> Vec<Event> {
        let _ = self.sent();
        core::mem::take(&mut self.events)
    }

    /// The one thing that has happened.
    fn event(&mut self) -> Event {
        let mut events = self.events();
        assert_eq!(events.len(), 1, "{events:?}");
        events.remove(0)
    }

    /// How it ended; the end must have been reported once and last.
    fn end(&mut self) -> Result<(), Error> {
        let events = self.events();
        let ends = events.iter().filter(|event| matches!(event, Event::Closed(_))).count();
        assert_eq!(ends, 1, "{events:?}");
        assert!(self.client.is_finished());
        assert_eq!(self.client.deadline(), None);
        match events.into_iter().next_back() {
            Some(Event::Closed(end)) => end,
            other => panic!("not the last event: {other:?}"),
        }
    }

    fn deadline(&self) -> (u64, Reason) {
        let deadline = self.client.deadline().expect("no deadline");
        ((deadline.at - self.now.instant).as_secs(), deadline.reason)
    }

    /// Up to the server's `<success/>`, with PLAIN.
    fn authenticate(&mut self) {
        self.sent();
        let auth = self.server(&format!("{HEADER}{}", features(&mechanisms(&["PLAIN"]))));
        assert_eq!(text(&auth).as_deref(), Some(b"\0juliet\0r0m30myr0m30".as_slice()), "{auth}");
        let header = self.server(&format!("<success xmlns='{SASL}'/>"));
        assert!(header.contains("<stream:stream "), "{header}");
    }

    /// Up to the request for a resource, which is returned.
    fn authenticated(&mut self, feature_list: &str) -> String {
        self.authenticate();
        self.server(&format!("{HEADER}{}", features(feature_list)))
    }

    fn bound(&mut self, request: &str, jid: &str) -> String {
        let id = attr(request, "id");
        self.server(&format!(
            "<iq type='result' id='{id}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>{jid}</jid></bind></iq>"
        ))
    }

    /// A client that is online.
    fn online(config: Config) -> Script {
        Script::online_with(config, "")
    }

    /// A client that is online with a server that has offered more than it must.
    fn online_with(config: Config, features: &str) -> Script {
        let mut script = Script::new(config);
        let request = script.authenticated(&format!("{BIND}{features}"));
        assert_eq!(script.bound(&request, JID), "");
        assert_eq!(script.event(), Event::Online(FullJid::new(JID).unwrap()));
        assert!(script.client.is_online());
        script
    }
}

/// The server's side of a SCRAM exchange, in XML.
struct Scram(ServerSession, StoredCredentials);

impl Scram {
    fn new(
        mechanism: Mechanism,
        password: &str,
        offered: &[Mechanism],
        bindings: &crate::sasl::ChannelBindings,
    ) -> Scram {
        let mut entropy = Entropy::from_seed([9; 32]);
        let stored = StoredCredentials::derive(password, 4096, &mut entropy).unwrap();
        Scram(
            ServerSession::start(mechanism, "example.com", offered, bindings, &[1; 32], &mut entropy),
            stored,
        )
    }

    /// What the server answers to `<auth/>` or `<response/>`.
    fn answer(&mut self, xml: &str) -> String {
        let mut step = self.0.response(text(xml).as_deref());
        if let ServerStep::NeedCredentials { .. } = step {
            step = self.0.credentials(Some(self.1.clone()));
        }
        match step {
            ServerStep::Challenge(data) => {
                format!("<challenge xmlns='{SASL}'>{}</challenge>", BASE64.encode(data))
            }
            ServerStep::Success { data: Some(data), .. } => {
                format!("<success xmlns='{SASL}'>{}</success>", BASE64.encode(data))
            }
            ServerStep::Success { data: None, .. } => format!("<success xmlns='{SASL}'/>"),
            ServerStep::Failure(condition) => {
                format!("<failure xmlns='{SASL}'><{}/></failure>", condition.name())
            }
            other => panic!("{other:?}"),
        }
    }
}
