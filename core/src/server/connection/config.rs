//! What connections are configured with.

use super::management::Acknowledgements;
use crate::jid::BareJid;
use crate::sasl::{ChannelBindings, ServerPolicy, Transport};
use crate::stream::{Limits, TlsInfo};
use crate::xml::Element;
use core::fmt;
use core::time::Duration;

/// Configuration of [`Connection`](super::Connection)s, shared by all of a server's.
///
/// [`Config::new`] gives safe defaults; change the fields that are to differ.
#[derive(Clone)]
#[non_exhaustive]
pub struct Config {
    /// The domains hosted here; the `to` of the client's stream header chooses one. The first one answers peers that ask for a
    /// host that does not exist (RFC 6120 section 4.9.1.3).
    pub domains: Vec<BareJid>,
    /// Certificates and keys, for STARTTLS and direct TLS. `None`: neither is there, TLS is done outside or not at all.
    #[cfg(feature = "tls")]
    pub tls: Option<crate::stream::tls::ServerTls>,
    /// STARTTLS is offered, and whoever owns the connection does the TLS ([`Event::StartTls`](super::Event::StartTls)).
    pub start_tls_outside: bool,
    /// How clients may log in, and whether only over TLS (which is so unless it is turned off).
    pub sasl: ServerPolicy,
    /// Whether and how clients may log in with SASL2, besides: wherever they can with SASL as it is in RFC 6120.
    pub sasl2: Sasl2,
    /// Clients may make accounts before they log in (XEP-0077). Whoever owns the connections limits how many come from one
    /// address; [`Hub::register`](crate::server::Hub::register) limits how many there are altogether.
    pub registration: bool,
    /// How long a client may take from connecting until a resource is bound. One that takes longer gets policy-violation.
    pub negotiation_timeout: Duration,
    /// So many failed, aborted and abandoned authentications end the stream with policy-violation (RFC 6120 section 6.4.5).
    pub max_auth_failures: u32,
    /// So many refused resources end the stream with policy-violation (RFC 6120 section 7.7.3: 5 to 10).
    pub max_bind_failures: u32,
    /// What a peer may cost before it has authenticated.
    pub unauthenticated: Limits,
    /// What a client may cost after that.
    pub authenticated: Limits,
    /// How clients that have gone silent are found out.
    pub keep_alive: KeepAlive,
    /// Stanzas are acknowledged where clients want it (XEP-0198), and these are asked so often. `None`: that is not offered.
    pub acknowledgements: Option<Acknowledgements>,
    /// Clients may say whether somebody looks at them (XEP-0352), so that what can wait is held back. Default: true.
    pub client_state: bool,
    /// Stream features to announce once a client has logged in, besides those of the negotiation: most often
    /// [`Hub::stream_features`](crate::server::Hub::stream_features).
    pub features: Vec<Element>,
    /// Language of the texts that the server itself sends (RFC 6120 section 4.7.4).
    pub lang: String,
    secret: [u8; 32],
}

/// SASL2 (XEP-0388), and what can be asked for along with authentication.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Sasl2 {
    /// It is offered. Default: true.
    pub enabled: bool,
    /// A resource can be had along with it (XEP-0386). Default: true.
    pub bind: bool,
    /// Clients can have tokens, to use them instead of the password (XEP-0484). Default: they can.
    ///
    /// Tokens are made from the secret given to [`Config::new`]: with another one, all are good for nothing.
    pub tokens: Option<Tokens>,
}

/// Tokens of clients (XEP-0484).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Tokens {
    /// How long one is good for. Default: 21 days.
    pub lifetime: Duration,
    /// The client gets another one once its own is so old. Default: one day.
    pub rotate_after: Duration,
}

impl Default for Sasl2 {
    fn default() -> Sasl2 {
        Sasl2 { enabled: true, bind: true, tokens: Some(Tokens::default()) }
    }
}

impl Default for Tokens {
    fn default() -> Tokens {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Tokens { lifetime: DAY.saturating_mul(21), rotate_after: DAY }
    }
}

/// How clients that have gone silent are found out (RFC 6120 section 4.6). Section 4.6.4 recommends at least five minutes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum KeepAlive {
    /// Not at all.
    Off,
    /// A space after each such time without input: enough to make TCP notice a dead connection.
    Whitespace {
        /// Time without input.
        every: Duration,
    },
    /// A ping (XEP-0199) after such a time without input. If nothing at all comes within `patience`, the stream is closed with
    /// connection-timeout.
    Ping {
        /// Time without input.
        after: Duration,
        /// Time for any input, the answer included.
        patience: Duration,
    },
}

impl Config {
    /// Input held back while an answer of the owner's is awaited, before a resource is bound. A driver that keeps to
    /// [`read_budget`](crate::machine::Machine::read_budget) never gets near it.
    pub(super) const HELD: usize = 16 << 10;

    /// Safe defaults for these domains, which must have no local part.
    ///
    /// `secret` keys the made-up salts with which users that do not exist are answered, so that they cannot be told from those
    /// that do. It should be random, and stay the same over restarts.
    pub fn new(domains: impl IntoIterator<Item = BareJid>, secret: [u8; 32]) -> Config {
        Config {
            domains: domains.into_iter().collect(),
            #[cfg(feature = "tls")]
            tls: None,
            start_tls_outside: false,
            sasl: ServerPolicy::default(),
            sasl2: Sasl2::default(),
            registration: false,
            negotiation_timeout: Duration::from_secs(30),
            max_auth_failures: 5,
            max_bind_failures: 10,
            unauthenticated: Limits::UNAUTHENTICATED,
            authenticated: Limits::CLIENT,
            keep_alive: KeepAlive::Ping {
                after: Duration::from_secs(600),
                patience: Duration::from_secs(60),
            },
            acknowledgements: Some(Acknowledgements::default()),
            client_state: true,
            features: Vec::new(),
            lang: "en".into(),
            secret,
        }
    }

    pub(super) fn secret(&self) -> &[u8; 32] {
        &self.secret
    }

    /// Can STARTTLS be offered?
    pub(super) fn can_start_tls(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls.is_some() || self.start_tls_outside;
        #[cfg(not(feature = "tls"))]
        self.start_tls_outside
    }
}

/// What the SASL policy is to know of a connection that is secured so, or not at all.
pub(super) fn sasl_transport(tls: Option<&TlsInfo>) -> Transport<'_> {
    const NO_BINDINGS: &ChannelBindings = &ChannelBindings { tls_exporter: None, tls_server_end_point: None };
    Transport {
        secure: tls.is_some(),
        bindings: tls.map_or(NO_BINDINGS, |tls| &tls.bindings),
        client_certificate: tls.is_some_and(|tls| !tls.peer_certificates.is_empty()),
    }
}

impl fmt::Debug for Config {
    /// Shows everything but the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("domains", &self.domains)
            .field("can_start_tls", &self.can_start_tls())
            .field("sasl", &self.sasl)
            .field("sasl2", &self.sasl2)
            .field("registration", &self.registration)
            .field("negotiation_timeout", &self.negotiation_timeout)
            .field("max_auth_failures", &self.max_auth_failures)
            .field("max_bind_failures", &self.max_bind_failures)
            .field("unauthenticated", &self.unauthenticated)
            .field("authenticated", &self.authenticated)
            .field("keep_alive", &self.keep_alive)
            .field("acknowledgements", &self.acknowledgements)
            .field("client_state", &self.client_state)
            .field("features", &self.features)
            .field("lang", &self.lang)
            .finish_non_exhaustive()
    }
}
