//! How far a stream is, from the first byte to the last (RFC 6120 section 4.3).

use crate::jid::FullJid;
use crate::sasl::{ClientSession, Credentials, Mechanism, Policy};
use crate::stream::management::Management;
use crate::stream::sasl2::Inline;
use crate::xml::Element;

/// How far the stream is.
#[derive(Debug)]
pub(super) enum State {
    /// TLS is being set up, by the machine or by the caller; our header follows.
    Securing { outside: bool },
    /// Our header has been sent.
    Header(Phase),
    /// The server's header has come; `wrong_host` if it claims to be another than we asked for.
    Features { phase: Phase, wrong_host: bool },
    /// `<starttls/>` has been sent.
    Proceed,
    /// The caller has been asked for credentials.
    Credentials(Offer),
    /// `<auth/>` has been sent.
    Authenticating(Box<Attempt>),
    /// `<abort/>` has been sent. With an offer, other credentials may do.
    Aborting(Option<Offer>),
    /// The request for a resource has been sent; `submitted` if it names one.
    Binding { id: String, submitted: bool },
    /// The request for a legacy session has been sent. Stanzas that come early wait.
    Session { id: String, jid: FullJid, early: Vec<Element> },
    /// A resource has been bound along with authentication; the server's features follow. Stanzas that come early wait.
    Bound { jid: FullJid, asked: Asked, management: Option<Management>, early: Vec<Element> },
    /// `<resume/>` has been sent.
    Resuming,
    /// Stanzas flow.
    Online,
    /// The connection is gone, the session may not be: a new connection can go on with it.
    Interrupted,
    /// The end is decided; nothing that comes in matters any more.
    Ending,
    /// The end has been reported.
    Over,
}

/// Which stream of the connection it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// STARTTLS comes next.
    BeforeTls,
    /// Authentication comes next.
    BeforeAuth,
    /// Resource binding comes next.
    Authenticated,
}

impl State {
    /// What is being waited for, for the error that says it took too long.
    pub(super) fn waiting_for(&self) -> &'static str {
        match self {
            State::Securing { .. } => "TLS handshake",
            State::Header(_) => "stream header",
            State::Features { .. } => "stream features",
            State::Proceed => "STARTTLS",
            State::Credentials(_) | State::Authenticating(_) | State::Aborting(_) => "authentication",
            State::Binding { .. } => "resource binding",
            State::Session { .. } => "session establishment",
            State::Bound { .. } => "stream features",
            State::Resuming => "resumption",
            State::Online | State::Interrupted | State::Ending | State::Over => "end of the stream",
        }
    }

    /// True until the server's offer of mechanisms has been read.
    pub(super) fn is_before_authentication(&self) -> bool {
        match self {
            State::Securing { .. } | State::Proceed => true,
            State::Header(phase) | State::Features { phase, .. } => *phase != Phase::Authenticated,
            _ => false,
        }
    }

    /// True while it is the caller's turn: that time is not the server's.
    pub(super) fn is_callers_turn(&self) -> bool {
        matches!(self, State::Securing { outside: true } | State::Credentials(_))
    }
}

/// What the server offers.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    pub(super) mechanisms: Vec<String>,
    /// By name.
    pub(super) channel_bindings: Option<Vec<String>>,
    /// The mechanisms are those of SASL2 (XEP-0388), and this can be asked for along with it. `None`: RFC 6120's own
    /// profile.
    pub(super) sasl2: Option<Inline>,
    /// The mechanisms of RFC 6120's profile, where the others are those of SASL2.
    pub(super) others: Vec<String>,
}

/// One attempt with one mechanism, and what is needed to make the next.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) session: ClientSession,
    pub(super) mechanism: Mechanism,
    pub(super) offer: Offer,
    /// `None`: a token.
    pub(super) credentials: Option<Credentials>,
    /// The caller's, less what has failed here.
    pub(super) policy: Policy,
    pub(super) asked: Asked,
}

/// What has been asked for along with authentication.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    pub(super) resume: bool,
    pub(super) bind: bool,
    pub(super) management: bool,
    pub(super) carbons: bool,
    /// A token that comes is for this mechanism.
    pub(super) token: Option<Mechanism>,
}
