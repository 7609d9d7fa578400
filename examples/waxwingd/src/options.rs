//! What the operator asked for: flags over a configuration file over defaults.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::policy::Policy;

/// Everything that can be configured. The keys of the file are the flags' names without the dashes in front.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Where the database and the generated certificate live.
    pub data: PathBuf,
    /// Hosted domains.
    pub domains: Vec<String>,
    /// Make `alice` and `bob` and print their passwords.
    pub demo: bool,
    /// STARTTLS listener.
    pub c2s: SocketAddr,
    /// Direct TLS listener.
    pub c2s_tls: SocketAddr,
    /// Server-to-server listener, where asked for.
    pub s2s: Option<SocketAddr>,
    /// Component listener, where asked for.
    pub component: Option<SocketAddr>,
    /// Certificate chain and private key, PEM.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// In-band registration.
    pub allow_registration: bool,
    /// No SASL2.
    pub no_sasl2: bool,
    /// No tokens.
    pub no_tokens: bool,
    /// Logins without TLS, on loopback only.
    pub allow_plaintext: bool,
    /// Connections from one address at once.
    pub max_per_address: usize,
    /// Connections from one address in a minute.
    pub max_attempts: u32,
    /// Connections without a session at once.
    pub max_negotiating: usize,
    /// How sessions are kept, and who gets which messages.
    pub policy: Policy,
    /// Log filter, in the syntax of `RUST_LOG`.
    pub log: Option<String>,
}

/// What one source (the command line or the file) says; absent means "not said here".
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Layer {
    /// `--data DIR`
    pub data: Option<PathBuf>,
    /// `--domain NAME`, repeatable
    #[serde(rename = "domain")]
    pub domains: Vec<String>,
    /// `--demo`
    pub demo: Option<bool>,
    /// `--c2s ADDR`
    pub c2s: Option<SocketAddr>,
    /// `--c2s-tls ADDR`
    pub c2s_tls: Option<SocketAddr>,
    /// `--s2s ADDR`
    pub s2s: Option<SocketAddr>,
    /// `--component ADDR`
    pub component: Option<SocketAddr>,
    /// `--cert FILE`
    pub cert: Option<PathBuf>,
    /// `--key FILE`
    pub key: Option<PathBuf>,
    /// `--allow-registration`
    pub allow_registration: Option<bool>,
    /// `--no-sasl2`
    pub no_sasl2: Option<bool>,
    /// `--no-tokens`
    pub no_tokens: Option<bool>,
    /// `--allow-plaintext`
    pub allow_plaintext: Option<bool>,
    /// `--max-per-address N`
    pub max_per_address: Option<usize>,
    /// `--max-attempts N`
    pub max_attempts: Option<u32>,
    /// `--max-negotiating N`
    pub max_negotiating: Option<usize>,
    /// `--no-resumption`
    pub no_resumption: Option<bool>,
    /// `--resume-within SECONDS`
    pub resume_within: Option<u32>,
    /// `--resume-at HOST[:PORT]`
    pub resume_at: Option<String>,
    /// `--max-unacknowledged N`
    pub max_unacknowledged: Option<usize>,
    /// `--max-unacknowledged-bytes N`
    pub max_unacknowledged_bytes: Option<usize>,
    /// `--max-unacknowledged-bytes-in-all N`
    pub max_unacknowledged_bytes_in_all: Option<usize>,
    /// `--no-client-state`
    pub no_client_state: Option<bool>,
    /// `--strangers allow|refuse|short:BYTES`
    pub strangers: Option<String>,
    /// `--deliver-to most-available|all`
    pub deliver_to: Option<String>,
    /// `--unknown-users refuse|ignore`
    pub unknown_users: Option<String>,
    /// `--log FILTER`
    pub log: Option<String>,
}

/// The keys a configuration file may have.
pub const KEYS: &[&str] = &[
    "data",
    "domain",
    "demo",
    "c2s",
    "c2s-tls",
    "s2s",
    "component",
    "cert",
    "key",
    "allow-registration",
    "no-sasl2",
    "no-tokens",
    "allow-plaintext",
    "max-per-address",
    "max-attempts",
    "max-negotiating",
    "no-resumption",
    "resume-within",
    "resume-at",
    "max-unacknowledged",
    "max-unacknowledged-bytes",
    "max-unacknowledged-bytes-in-all",
    "no-client-state",
    "strangers",
    "deliver-to",
    "unknown-users",
    "log",
];

/// A configuration that cannot be used, in one line that says how to mend it.
#[derive(Clone, Debug, PartialEq)]
pub struct OptionsError(pub String);

impl fmt::Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for OptionsError {}

impl Layer {
    /// Reads a configuration file.
    pub fn from_file(path: &Path) -> Result<Layer, OptionsError> {
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|e| OptionsError(format!("cannot read the configuration {shown}: {e}")))?;
        Layer::from_toml(&text).map_err(|OptionsError(e)| OptionsError(format!("{shown}: {e}")))
    }

    /// Reads the text of a configuration file. Unknown keys are errors that name the nearest known one.
    pub fn from_toml(text: &str) -> Result<Layer, OptionsError> {
        let one_line = |e: toml::de::Error| {
            let line = e.span().map(|s| text[..s.start.min(text.len())].lines().count().max(1));
            let what = e.message().lines().next().unwrap_or("not valid TOML").to_owned();
            OptionsError(line.map_or(what.clone(), |n| format!("line {n}: {what}")))
        };
        let mut table: toml::Table = text.parse().map_err(one_line)?;
        if let Some(unknown) = table.keys().find(|k| !KEYS.contains(&k.as_str())) {
            let nearest = KEYS.iter().min_by_key(|k| strsim::damerau_levenshtein(k, unknown));
            return Err(OptionsError(match nearest {
                Some(nearest) => format!("unknown key `{unknown}`; did you mean `{nearest}`?"),
                None => format!("unknown key `{unknown}`"),
            }));
        }
        // One domain may be written as a plain string.
        if let Some(value @ toml::Value::String(_)) = table.get("domain").cloned() {
            table.insert("domain".into(), toml::Value::Array(vec![value]));
        }
        let keys: Vec<String> = table.keys().cloned().collect();
        for key in keys {
            // Key by key, so that the message can name the key.
            let single = toml::Table::from_iter([(key.clone(), table[&key].clone())]);
            if let Err(e) = single.try_into::<Layer>() {
                let what = e.message().lines().next().unwrap_or_default().to_owned();
                return Err(OptionsError(format!("key `{key}`: {what}")));
            }
        }
        table.try_into().map_err(one_line)
    }

    /// This layer where it says something, `below` where it does not.
    pub fn over(self, below: Layer) -> Layer {
        Layer {
            data: self.data.or(below.data),
            domains: if self.domains.is_empty() { below.domains } else { self.domains },
            demo: self.demo.or(below.demo),
            c2s: self.c2s.or(below.c2s),
            c2s_tls: self.c2s_tls.or(below.c2s_tls),
            s2s: self.s2s.or(below.s2s),
            component: self.component.or(below.component),
            cert: self.cert.or(below.cert),
            key: self.key.or(below.key),
            allow_registration: self.allow_registration.or(below.allow_registration),
            no_sasl2: self.no_sasl2.or(below.no_sasl2),
            no_tokens: self.no_tokens.or(below.no_tokens),
            allow_plaintext: self.allow_plaintext.or(below.allow_plaintext),
            max_per_address: self.max_per_address.or(below.max_per_address),
            max_attempts: self.max_attempts.or(below.max_attempts),
            max_negotiating: self.max_negotiating.or(below.max_negotiating),
            no_resumption: self.no_resumption.or(below.no_resumption),
            resume_within: self.resume_within.or(below.resume_within),
            resume_at: self.resume_at.or(below.resume_at),
            max_unacknowledged: self.max_unacknowledged.or(below.max_unacknowledged),
            max_unacknowledged_bytes: self.max_unacknowledged_bytes.or(below.max_unacknowledged_bytes),
            max_unacknowledged_bytes_in_all: self
                .max_unacknowledged_bytes_in_all
                .or(below.max_unacknowledged_bytes_in_all),
            no_client_state: self.no_client_state.or(below.no_client_state),
            strangers: self.strangers.or(below.strangers),
            deliver_to: self.deliver_to.or(below.deliver_to),
            unknown_users: self.unknown_users.or(below.unknown_users),
            log: self.log.or(below.log),
        }
    }

    /// Fills in the defaults and checks what belongs together.
    pub fn resolve(self) -> Result<Options, OptionsError> {
        let policy = Policy::resolve(&self)?;
        let mut domains = Vec::new();
        for name in if self.domains.is_empty() { vec!["localhost".to_owned()] } else { self.domains } {
            let jid = waxwing_core::jid::Jid::new(&name)
                .ok()
                .filter(|jid| jid.local().is_none() && jid.resource().is_none());
            let Some(jid) = jid else {
                return Err(OptionsError(format!(
                    "`{name}` is not a domain name; give --domain a name such as example.org"
                )));
            };
            if !domains.iter().any(|d| d == jid.as_str()) {
                domains.push(jid.as_str().to_owned());
            }
        }
        let identity = match (self.cert, self.key) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            (Some(_), None) => return Err(OptionsError("--cert needs --key: give both files".into())),
            (None, Some(_)) => return Err(OptionsError("--key needs --cert: give both files".into())),
        };
        if [self.max_per_address, self.max_attempts.map(|n| n as usize), self.max_negotiating]
            .contains(&Some(0))
        {
            return Err(OptionsError(
                "--max-per-address, --max-attempts and --max-negotiating are at least 1: nobody could connect".into(),
            ));
        }
        let limits = waxwing_std::door::Limits::default();
        let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let options = Options {
            data: self.data.unwrap_or_else(|| "waxwing-data".into()),
            domains,
            demo: self.demo.unwrap_or(false),
            c2s: self.c2s.unwrap_or(loopback(5222)),
            c2s_tls: self.c2s_tls.unwrap_or(loopback(5223)),
            s2s: self.s2s,
            component: self.component,
            identity,
            allow_registration: self.allow_registration.unwrap_or(false),
            no_sasl2: self.no_sasl2.unwrap_or(false),
            no_tokens: self.no_tokens.unwrap_or(false),
            allow_plaintext: self.allow_plaintext.unwrap_or(false),
            max_per_address: self.max_per_address.unwrap_or(limits.per_address),
            max_attempts: self.max_attempts.unwrap_or(limits.attempts_per_address),
            max_negotiating: self.max_negotiating.unwrap_or(limits.negotiating),
            policy,
            log: self.log,
        };
        if options.allow_plaintext && !options.c2s.ip().is_loopback() {
            return Err(OptionsError(format!(
                "--allow-plaintext is refused on {}: passwords would cross the network in clear; listen on 127.0.0.1 or drop the flag",
                options.c2s
            )));
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waxwing_core::server::hub::Strangers;

    #[test]
    fn defaults_are_those_of_the_manual() {
        let options = Layer::default().resolve().unwrap();
        assert_eq!(options.domains, ["localhost"]);
        assert_eq!(options.c2s.to_string(), "127.0.0.1:5222");
        assert_eq!(options.c2s_tls.to_string(), "127.0.0.1:5223");
        assert_eq!(options.data, PathBuf::from("waxwing-data"));
        assert!(!options.demo && !options.allow_plaintext && !options.allow_registration);
        assert!(!options.no_sasl2 && !options.no_tokens);
    }

    #[test]
    fn every_key_of_the_file_is_read() {
        let layer = Layer::from_toml(
            "data='/d'\ndomain=['a.example','b.example']\ndemo=true\nc2s='127.0.0.1:1'\nc2s-tls='127.0.0.1:2'\n\
             s2s='127.0.0.1:3'\ncomponent='127.0.0.1:4'\ncert='c'\nkey='k'\nallow-registration=true\n\
             no-sasl2=true\nno-tokens=true\n\
             allow-plaintext=true\nmax-per-address=7\nmax-attempts=8\nmax-negotiating=9\nlog='debug'\n\
             strangers='refuse'\n",
        )
        .unwrap();
        let options = layer.resolve().unwrap();
        assert_eq!(options.domains, ["a.example", "b.example"]);
        assert_eq!(options.s2s.unwrap().port(), 3);
        assert_eq!(options.component.unwrap().port(), 4);
        assert_eq!(options.identity, Some(("c".into(), "k".into())));
        assert!(options.demo && options.allow_registration && options.allow_plaintext);
        assert!(options.no_sasl2 && options.no_tokens);
        assert_eq!((options.max_per_address, options.max_attempts, options.max_negotiating), (7, 8, 9));
        assert_eq!(options.policy.strangers, Strangers::Refuse);
        assert_eq!(options.log.as_deref(), Some("debug"));
    }

    #[test]
    fn limits_of_zero_are_refused() {
        for key in ["max-per-address", "max-attempts", "max-negotiating"] {
            let layer = Layer::from_toml(&format!("{key} = 0")).unwrap();
            assert!(layer.resolve().unwrap_err().0.contains("at least 1"));
        }
        assert!(Layer::from_toml("max-attempts = -1").unwrap_err().0.contains("`max-attempts`"));
    }

    #[test]
    fn an_unknown_key_names_the_nearest_known_one() {
        let error = Layer::from_toml("domian = 'x'").unwrap_err();
        assert_eq!(error.0, "unknown key `domian`; did you mean `domain`?");
    }

    #[test]
    fn a_wrong_value_names_its_key() {
        let error = Layer::from_toml("c2s = 'nowhere'").unwrap_err();
        assert!(error.0.contains("`c2s`"), "{error}");
        assert!(!error.0.contains('\n'));
        assert!(Layer::from_toml("c2s = ").unwrap_err().0.contains("line 1"));
    }

    #[test]
    fn flags_win_over_the_file() {
        let file = Layer::from_toml("domain='file.example'\ndemo=true\nstrangers='refuse'").unwrap();
        let strangers = Some("short:9".to_owned());
        let flags = Layer { domains: vec!["flag.example".into()], strangers, ..Layer::default() };
        let options = flags.over(file).resolve().unwrap();
        assert_eq!(options.domains, ["flag.example"]);
        assert!(options.demo);
        assert_eq!(options.policy.strangers, Strangers::Short { bytes: 9 });
    }

    #[test]
    fn plaintext_is_refused_off_loopback() {
        let layer = Layer {
            c2s: Some("0.0.0.0:5222".parse().unwrap()),
            allow_plaintext: Some(true),
            ..Layer::default()
        };
        assert!(layer.resolve().unwrap_err().0.contains("--allow-plaintext is refused"));
    }

    #[test]
    fn half_an_identity_is_refused() {
        let layer = Layer { cert: Some("c".into()), ..Layer::default() };
        assert!(layer.resolve().unwrap_err().0.contains("--key"));
    }

    #[test]
    fn a_domain_must_be_one() {
        let layer = Layer { domains: vec!["alice@example.org".into()], ..Layer::default() };
        assert!(layer.resolve().unwrap_err().0.contains("not a domain name"));
    }
}
