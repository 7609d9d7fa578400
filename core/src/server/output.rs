//! What a hub tells its owner, and the names that both use.

use super::bind::{Enabled, Granted};
use super::managed::Receipt;
use super::store;
use crate::jid::FullJid;
use crate::sasl::{Derivation, StoredCredentials};
use crate::stanza::{Stanza, StanzaError};
use crate::stream::StreamError;

/// Names a session, and the connection that has it. Chosen by the hub's owner, who never uses one twice: a session that has been
/// resumed over another connection (XEP-0198) is still known by its first one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SessionId(pub u64);

/// Names a look-up of credentials or tokens, or a change of tokens. Chosen by the hub's owner.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LookupId(pub u64);

/// Names an order to change an account. Chosen by the hub's owner.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AdminId(pub u64);

/// Names a registration. Chosen by the hub's owner.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RegistrationId(pub u64);

/// The credentials of an account cannot be read right now (SASL temporary-auth-failure).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unavailable;

/// What one shard sends to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    pub(super) content: Content,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Content {
    /// A stanza for an account of that shard.
    Stanza(Stanza, Option<Receipt>),
    /// A stanza of a session's there has been handled.
    Settled(Receipt),
}

/// What a hub tells its owner.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Output {
    /// The answer to [`Hub::lookup`](super::Hub::lookup).
    Credentials {
        /// Of the look-up.
        lookup: LookupId,
        /// The credentials; `None` if there is no such account.
        stored: Result<Option<StoredCredentials>, Unavailable>,
    },
    /// The answer to [`Hub::lookup_tokens`](super::Hub::lookup_tokens).
    Tokens {
        /// Of the look-up.
        lookup: LookupId,
        /// The tokens; `None` if there is no such account.
        stored: Result<Option<store::StoredTokens>, Unavailable>,
    },
    /// The answer to [`Hub::change_tokens`](super::Hub::change_tokens).
    TokensChanged {
        /// Of the change.
        lookup: LookupId,
        /// They have been changed, durably; or it is not known.
        result: Result<(), Unavailable>,
    },
    /// The answer to [`Hub::bind`](super::Hub::bind): the session exists.
    Bound {
        /// Of the session.
        session: SessionId,
        /// Its address.
        jid: FullJid,
        /// What it has of what was asked for.
        granted: Granted,
    },
    /// The answer to [`Hub::bind`](super::Hub::bind): there is no such session.
    BindRefused {
        /// The one given to `bind`; free again.
        session: SessionId,
        /// Why.
        error: StanzaError,
    },
    /// The answer to [`Hub::enable`](super::Hub::enable): what is delivered from here on is counted.
    Enabled {
        /// Of the session.
        session: SessionId,
        /// What has been agreed.
        enabled: Enabled,
    },
    /// A client is to be told how many of its stanzas have been handled. Most often the answer to
    /// [`Hub::acknowledgement_requested`](super::Hub::acknowledgement_requested).
    Acknowledge {
        /// Of the session.
        session: SessionId,
        /// So many, modulo 2^32.
        h: u32,
    },
    /// The answer to [`Hub::resume`](super::Hub::resume): the connection has the session now. What its client has not got
    /// follows.
    Resumed {
        /// The one given to `resume`.
        session: SessionId,
        /// The session's address.
        jid: FullJid,
        /// The id that it was resumed under.
        previd: String,
        /// How many of the client's stanzas have been handled, modulo 2^32.
        h: u32,
    },
    /// The answer to [`Hub::resume`](super::Hub::resume): there is no such session.
    ResumeRefused {
        /// The one given to `resume`; free again.
        session: SessionId,
        /// How many stanzas of the client's had been handled when it ended, if that is known.
        h: Option<u32>,
    },
    /// A session is to receive a stanza.
    Deliver {
        /// Which session.
        session: SessionId,
        /// What it receives.
        stanza: Stanza,
    },
    /// A session has been ended by the hub and forgotten; its stream is to be closed.
    Close {
        /// Which session; calls that name it are ignored from now on.
        session: SessionId,
        /// Why.
        error: StreamError,
    },
    /// A stanza for another domain. If it cannot be sent, give it to [`Hub::remote_failed`](super::Hub::remote_failed) or [`Hub::remote_timeout`](super::Hub::remote_timeout).
    Remote {
        /// The stanza.
        stanza: Stanza,
    },
    /// The store is to do something.
    Store(store::Request),
    /// Another shard is to have something.
    Shard {
        /// Which shard.
        shard: u32,
        /// For its [`Hub::envelope`](super::Hub::envelope).
        envelope: Envelope,
    },
    /// The keys of a new password are to be derived: [`run`](Derivation::run) it, and give what comes of it to
    /// [`Hub::derived`](super::Hub::derived).
    ///
    /// That takes tens of milliseconds, in which a hub could route ten thousand messages; so a hub does not do it, and its
    /// owner should not do it on the thread that drives the hub, if there are others. How often it comes is limited
    /// ([`Registration`](super::hub::Registration)).
    Derive {
        /// Goes into the answer.
        id: store::RequestId,
        /// The work.
        derivation: Derivation,
    },
    /// The answer to [`Hub::register`](super::Hub::register).
    Registered {
        /// Of the registration.
        id: RegistrationId,
        /// Whether there is now such an account, durably; or what the client is told.
        result: Result<(), StanzaError>,
    },
    /// An order to change an account has been carried out, durably, or not.
    Administered {
        /// Of the order.
        id: AdminId,
        /// Whether it was carried out.
        result: Result<(), AdminError>,
    },
}

/// Why an account was not changed.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum AdminError {
    /// The address is not one that this hub has accounts for: another domain, no local part, or another shard's.
    NotHere,
    /// The store refused.
    Store(store::StoreError),
    /// The store did not answer in time. The change may have been made, or may yet be.
    Unknown,
}
