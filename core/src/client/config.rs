//! What a client is told before it starts.

use super::CapsCache;
use super::saved::Saved;
use super::token::FastToken;
use crate::jid::Jid;
use crate::ns;
use crate::payload::datetime::Offset;
use crate::payload::disco::{Identity, Info};
use crate::payload::version::Version;
use crate::sasl::{Credentials, Policy};
use crate::stream::Limits;
use crate::stream::sasl2::UserAgent;
use core::time::Duration;

/// A client's configuration. [`Config::new`] fills in safe defaults; change the fields that should differ.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The account. A resource in it is asked for in binding; without one the server makes one up, which is the
    /// better choice where it does not matter (RFC 6120 section 7.5). Just the domain where the account is not
    /// known beforehand (ANONYMOUS, EXTERNAL).
    pub account: Jid,
    /// How the stream is secured.
    pub tls: TlsMode,
    /// Which client this is, for the account's server: it is told under TLS where the server speaks SASL2 (XEP-0388). An id, the
    /// same at every login of this installation, lets the server give it a token instead of a password (XEP-0484) and
    /// the same resource each time. Default: nothing.
    pub user_agent: UserAgent,
    /// A token of an earlier login ([`Event::Token`](super::Event::Token)): used first, if the server takes tokens and
    /// [`user_agent`](Config::user_agent) has the id that it was given to. Should it be refused, the credentials are next.
    /// Default: `None`.
    pub fast_token: Option<FastToken>,
    /// What a resource that the server makes up begins with, where it speaks Bind 2 (XEP-0386); most often the software's
    /// name. Others may see it. Default: `None`.
    pub resource_tag: Option<String>,
    /// Log in with SASL2 where the server offers it, in fewer round trips. Default: true.
    pub sasl2: bool,
    /// Have copies of messages of the account's other sessions from the beginning (XEP-0280), if the server has them.
    /// [`SetCarbons`](super::SetCarbons) changes it later. Default: false.
    pub carbons: bool,
    /// With what to authenticate, if that is known from the start. Without it
    /// [`Event::CredentialsNeeded`](super::Event::CredentialsNeeded) asks for it.
    pub credentials: Option<Credentials>,
    /// Which mechanisms are acceptable.
    pub policy: Policy,
    /// What the server may cost once it has authenticated us. Before that it is
    /// [`Limits::UNAUTHENTICATED`].
    pub limits: Limits,
    /// Bytes one outgoing stanza may have. Default: 256 KiB, what Waxwing's own server takes.
    pub max_stanza_bytes: usize,
    /// How long the server may take over negotiation, all steps together; the time that the caller takes for TLS or
    /// credentials does not count. Default: 30 s.
    pub negotiation_timeout: Duration,
    /// How to notice a dead connection.
    pub keep_alive: KeepAlive,
    /// Whether stanzas are acknowledged and the stream can be resumed (XEP-0198), if the server can do it. Default:
    /// acknowledged.
    pub management: Management,
    /// A session of an earlier process that is to be resumed ([`Client::save`](super::Client::save)). If that fails, it ends
    /// as one that was interrupted here would. Default: `None`.
    pub resume: Option<Saved>,
    /// What becomes of messages in a session that could not be resumed, where it is not known whether they arrived: sent again
    /// in the new one, with a note of when they were sent first (XEP-0203), or reported as
    /// [`Event::Unacknowledged`](super::Event::Unacknowledged). Sent again they may arrive twice; a message with an id
    /// lets its reader notice. Messages in rooms, and what is not a message, are always reported. Default: sent again.
    pub resend: bool,
    /// How many stanzas may be sent before the server is asked to acknowledge them. Default: 20.
    pub ack_after: usize,
    /// How long after the last stanza it is asked if there are fewer. Default: 1 s.
    pub ack_delay: Duration,
    /// How many stanzas are kept because the server has not acknowledged them, those that wait for `transmit` included. With
    /// more, [`SendError::QueueFull`](super::SendError::QueueFull) refuses what is to be sent. Default: 10,000.
    pub max_unacknowledged: usize,
    /// How many bytes they may have. Default: 8 MiB.
    pub max_unacknowledged_bytes: usize,
    /// How long an iq request waits for its reply if the call does not say. Default: 60 s.
    pub request_timeout: Duration,
    /// How many iq requests may wait for replies at once. Default: 1000.
    pub max_requests: usize,
    /// Bytes that the roster may have in memory, about. What does not fit is still an event. Default: 8 MiB.
    pub max_roster_bytes: usize,
    /// How many resources of others are remembered as available. Default: 10,000.
    pub max_resources: usize,
    /// How many blocked addresses are remembered. Default: 10,000.
    pub max_blocked: usize,
    /// The name of this software, a URI, with which its presence says what it can do (XEP-0115); that is what
    /// [`disco`](Config::disco) says. Default: `None`, and presence says nothing.
    pub caps_node: Option<String>,
    /// Learn what others can do who show it in their presence (XEP-0115), by asking those who know anyway that we are
    /// here. Default: true.
    pub learn_capabilities: bool,
    /// What earlier sessions have learned about that ([`Client::caps_cache`](super::Client::caps_cache)).
    pub caps_cache: CapsCache,
    /// Bytes that may be spent on remembering that. Default: 4 MiB.
    pub max_caps_bytes: usize,
    /// What software this is, told to those who see our presence and ask (XEP-0092). Think twice about the operating
    /// system. Default: `None`, and nobody is told.
    pub software: Option<Version>,
    /// The offset of the user's time zone, told to the same with the time (XEP-0202). Default: `None`, and nobody is told.
    pub utc_offset: Option<Offset>,
    /// Tell the same how long ago the user last did something (XEP-0012,
    /// [`Client::note_activity`](super::Client::note_activity)). Users must be able to turn it off. Default: false.
    pub answer_last_activity: bool,
    /// `xml:lang` of the stream: the language of human-readable text in it (RFC 6120 section 4.7.4). Default: `en`.
    pub lang: Option<String>,
    /// Which iq requests from others the caller wants to answer itself.
    pub incoming: IncomingRequests,
    /// The answer to XEP-0030 disco#info requests, given by the machine itself, which adds what it has been told to do
    /// besides; `None` leaves them to [`incoming`](Config::incoming). Default: a `client/pc` identity with ping and
    /// disco#info.
    pub disco: Option<Info>,
    /// Answer XEP-0199 pings in the machine. Default: true.
    pub answer_pings: bool,
}

impl Config {
    /// The defaults for an account and a way to secure the stream.
    pub fn new(account: Jid, tls: TlsMode) -> Config {
        Config {
            account,
            tls,
            user_agent: UserAgent::default(),
            fast_token: None,
            resource_tag: None,
            sasl2: true,
            carbons: false,
            credentials: None,
            policy: Policy::default(),
            limits: Limits::SERVER,
            max_stanza_bytes: Limits::CLIENT.xml.max_bytes,
            negotiation_timeout: Duration::from_secs(30),
            keep_alive: KeepAlive::default(),
            management: Management::Acknowledge,
            resume: None,
            resend: true,
            ack_after: 20,
            ack_delay: Duration::from_secs(1),
            max_unacknowledged: 10_000,
            max_unacknowledged_bytes: 8 << 20,
            request_timeout: Duration::from_secs(60),
            max_requests: 1000,
            max_roster_bytes: 8 << 20,
            max_resources: 10_000,
            max_blocked: 10_000,
            caps_node: None,
            learn_capabilities: true,
            caps_cache: CapsCache::default(),
            max_caps_bytes: 4 << 20,
            software: None,
            utc_offset: None,
            answer_last_activity: false,
            lang: Some("en".to_owned()),
            incoming: IncomingRequests::default(),
            disco: Some(Info {
                identities: vec![Identity::new("client", "pc")],
                features: vec![ns::DISCO_INFO.to_owned(), ns::PING.to_owned()],
                ..Info::default()
            }),
            answer_pings: true,
        }
    }
}

/// How the stream is secured.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TlsMode {
    /// STARTTLS (RFC 6120 section 5), required: a server that does not offer it learns nothing but the domain.
    #[cfg(feature = "tls")]
    StartTls(crate::stream::tls::ClientTls),
    /// TLS from the first byte (XEP-0368).
    #[cfg(feature = "tls")]
    Direct(crate::stream::tls::ClientTls),
    /// STARTTLS, required, with the caller doing TLS when [`Event::StartTls`](super::Event::StartTls) asks for it.
    StartTlsOutside,
    /// The caller does TLS from the first byte and then calls [`Client::secured`](super::Client::secured).
    Outside,
    /// No TLS at all: for tests, and for transports that nobody else can reach. Everything is readable on the way.
    Plaintext,
}

/// What is wanted of stream management (XEP-0198).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Management {
    /// Nothing. What becomes of a stanza after [`Event::Sent`](super::Event::Sent) is not known.
    Off,
    /// Both sides tell what they have ([`Event::Acknowledged`](super::Event::Acknowledged)).
    #[default]
    Acknowledge,
    /// The same, and a stream whose connection breaks can go on over another one:
    /// [`Event::Interrupted`](super::Event::Interrupted).
    Resume {
        /// How long the server should wait for that, in whole seconds; `None` leaves it to the server, which may wait less
        /// in any case.
        max: Option<Duration>,
    },
}

/// How to notice that the server is gone (RFC 6120 section 4.6).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum KeepAlive {
    /// Leave it to the transport.
    Off,
    /// After this long without traffic in either direction send one space (section 4.6.1). It keeps address
    /// translators awake and lets the transport notice that it is dead.
    Whitespace {
        /// The idle time.
        after: Duration,
    },
    /// After this long without a byte from the server ask it for one (XEP-0199; on a managed stream XEP-0198), and give up if
    /// none comes.
    Ping {
        /// The idle time.
        after: Duration,
        /// How long to wait for any sign of life.
        timeout: Duration,
    },
}

impl Default for KeepAlive {
    /// A ping after 5 minutes (RFC 6120 section 4.6.4 recommends no less) and 30 seconds for the answer.
    fn default() -> KeepAlive {
        KeepAlive::Ping { after: Duration::from_secs(300), timeout: Duration::from_secs(30) }
    }
}

/// Which iq requests (get and set) of others become [`Event::Iq`](super::Event::Iq). Every request that does not is
/// answered with `service-unavailable`, as RFC 6120 section 8.4 asks; every one that does is the caller's to answer.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum IncomingRequests {
    /// None.
    #[default]
    Refuse,
    /// Those whose payload is in one of these namespaces.
    Only(Vec<String>),
    /// All that the machine does not answer itself.
    All,
}

impl IncomingRequests {
    pub(super) fn wants(&self, ns: &str) -> bool {
        match self {
            IncomingRequests::Refuse => false,
            IncomingRequests::Only(list) => list.iter().any(|wanted| wanted == ns),
            IncomingRequests::All => true,
        }
    }
}
