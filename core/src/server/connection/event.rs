//! What a connection tells its owner.

use crate::jid::{BareJid, FullJid};
use crate::sasl::{Condition, Mechanism, Password};
use crate::server::bind::{BindRequest, Enable};
use crate::server::store::TokenChange;
use crate::stanza::Stanza;
use crate::stream::bind2::ClientState;
use crate::stream::sasl2::ClientId;
use crate::stream::{Closed, TlsInfo};

/// What a [`Connection`](super::Connection) tells its owner.
///
/// Questions ([`StartTls`](Event::StartTls), [`Register`](Event::Register), [`Lookup`](Event::Lookup), [`LookupTokens`](Event::LookupTokens), [`ChangeTokens`](Event::ChangeTokens), [`TokenVerdict`](Event::TokenVerdict), [`CertificateVerdict`](Event::CertificateVerdict),
/// [`Bind`](Event::Bind), [`Resume`](Event::Resume)) come one at a time, and nothing more that the peer sends is looked at until they are answered. An
/// answer to a connection that has ended meanwhile is ignored.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// With [`start_tls_outside`](super::Config::start_tls_outside): both sides have agreed to begin TLS. Drain
    /// [`transmit`](crate::machine::Machine::transmit) in the clear, do the handshake as the server, answer with
    /// [`secured`](super::Connection::secured), and go on with the plaintext inside.
    StartTls,
    /// The client wants this account, which may or may not exist (XEP-0077), with
    /// [`registration`](super::Config::registration) only. Answer with [`registered`](super::Connection::registered).
    Register {
        /// The account.
        account: BareJid,
        /// Its password.
        password: Password,
    },
    /// Which credentials are stored for this account? Answer with [`credentials`](super::Connection::credentials).
    Lookup {
        /// The account that wants to log in.
        account: BareJid,
    },
    /// Which tokens has this client of the account (XEP-0484), and what do they hang on? Answer with
    /// [`tokens`](super::Connection::tokens). Asked before a login with a token, and when somebody who has logged in with a
    /// certificate or by OAuth wants a token.
    LookupTokens {
        /// The account that wants to log in.
        account: BareJid,
        /// The client.
        client: ClientId,
    },
    /// The tokens of this client of the account are to change. Answer with
    /// [`tokens_changed`](super::Connection::tokens_changed) once that is durable: the client is told of nothing before.
    ChangeTokens {
        /// The account that has proved who it is.
        account: BareJid,
        /// The client.
        client: ClientId,
        /// All of them or none.
        changes: Vec<TokenChange>,
    },
    /// Is this OAuth 2.0 bearer token (RFC 7628) good? Answer with [`verdict`](super::Connection::verdict).
    TokenVerdict {
        /// The domain it is for.
        domain: BareJid,
        /// Local part of the account that the client says it is for.
        username: Option<String>,
        /// The token: a secret.
        token: String,
    },
    /// Is the TLS client certificate (RFC 6120 section 6.3.4) good for logging in? Answer with
    /// [`verdict`](super::Connection::verdict).
    CertificateVerdict {
        /// The domain it is for.
        domain: BareJid,
        /// The identity that the client wants to act as, if it named one.
        authzid: Option<String>,
        /// The certificates, DER, end entity first.
        certificates: Vec<Vec<u8>>,
    },
    /// The client has proved who it is. For logs.
    Authenticated {
        /// Its account; made up by this connection if the mechanism is ANONYMOUS.
        account: BareJid,
        /// How.
        mechanism: Mechanism,
    },
    /// The client has failed to prove who it is. For logs, and for guards against guessing.
    AuthenticationFailed {
        /// The account whose credentials were asked for, if it came to that.
        account: Option<BareJid>,
        /// How.
        mechanism: Option<Mechanism>,
        /// What it was told.
        condition: Condition,
    },
    /// The client wants a session (RFC 6120 section 7). Answer with [`bound`](super::Connection::bound) or
    /// [`bind_refused`](super::Connection::bind_refused).
    Bind {
        /// Its account.
        account: BareJid,
        /// How it is to be.
        request: BindRequest,
    },
    /// The client wants to go on with an earlier session of its account (XEP-0198 section 5). Answer with
    /// [`resumed`](super::Connection::resumed) or [`resume_refused`](super::Connection::resume_refused).
    Resume {
        /// Its account.
        account: BareJid,
        /// Which session.
        previd: String,
        /// How many stanzas it has handled that it was sent there, modulo 2^32.
        h: u32,
    },
    /// The client wants its stanzas acknowledged (XEP-0198 section 3). [`enabled`](super::Connection::enabled) tells it that
    /// they are. From here on, each stanza of its is one event: [`Stanza`](Event::Stanza), or [`Handled`](Event::Handled).
    Enable(Enable),
    /// A stanza came that needs nobody else. `reply`: what the session is to be delivered in answer to it.
    Handled {
        /// The answer, if there is one.
        reply: Option<Stanza>,
    },
    /// The client wants to know how many of its stanzas have been handled. [`acknowledge`](super::Connection::acknowledge)
    /// tells it.
    AcknowledgementRequested,
    /// The client has handled so many of the stanzas that it was delivered, modulo 2^32.
    Acknowledged {
        /// So many.
        h: u32,
    },
    /// The client says whether somebody looks at it (XEP-0352), with [`client_state`](super::Config::client_state) only. It
    /// gets no answer.
    ClientState(ClientState),
    /// A stanza from the session, well-formed and complete. Its `from` is the session's full address (RFC 6120 section
    /// 8.1.2.1).
    Stanza(Stanza),
    /// The stream is over. The last event.
    Closed(Closed),
}

/// What is known of a connection. For logs, and for rules of the owner's.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct SessionFacts<'a> {
    /// The session's address, once bound.
    pub jid: Option<&'a FullJid>,
    /// The account, once authenticated.
    pub account: Option<&'a BareJid>,
    /// How it was authenticated.
    pub mechanism: Option<Mechanism>,
    /// How the connection is secured, if it is.
    pub tls: Option<&'a TlsInfo>,
}
