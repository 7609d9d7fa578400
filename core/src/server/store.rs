//! The storage port: what a hub asks of a store and what the store answers, as plain data.
//!
//! A hub puts [`Request`]s out and takes [`Reply`]s in; how they travel is the owner's business. A store adapter executes
//! requests and decides nothing. It keeps three promises:
//!
//! 1. Every request is answered once, with its own [`RequestId`], unless the store has died.
//! 2. Requests that concern one account take effect, and are answered, in the order in which they were submitted.
//! 3. A change that is answered with success survives whatever happens next, `kill -9` included.
//!
//! The hub in turn promises that it tells nobody of a change before the store has confirmed it. An answer that never comes
//! is given up after a time-out of the hub's; one that comes later than that is ignored.

mod memory;
mod record;
mod token;

use crate::jid::BareJid;
use std::fmt;

pub use memory::MemoryStore;
pub use record::{
    Contact, Delta, Document, Found, LastPresence, OfflineCount, OfflineMessage, Query, Record, Roster,
};
pub use token::{StoredTokens, Token, TokenChange, TokenId, Tokens, outdated};

/// Names a request in its reply.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RequestId {
    /// The hub shard that asked, to which the reply goes.
    pub shard: u32,
    /// Unique within the shard; grows by one with each request.
    pub serial: u64,
}

/// What a hub asks of a store.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Request {
    /// Everything about an account that its logic needs in memory. Answered with [`Reply::Loaded`].
    Load {
        /// Goes into the reply.
        id: RequestId,
        /// Which account.
        account: BareJid,
    },
    /// A new account; fails with [`StoreError::Exists`] where there is one. Answered with [`Reply::Saved`].
    Create {
        /// Goes into the reply.
        id: RequestId,
        /// Which account.
        account: BareJid,
        /// What it starts with.
        record: Box<Record>,
    },
    /// Changes to an account, all or none; fails with [`StoreError::Missing`] where there is no such account, and with
    /// [`StoreError::Outdated`] where they are [`outdated`]. Answered with [`Reply::Saved`].
    Save {
        /// Goes into the reply.
        id: RequestId,
        /// Which account.
        account: BareJid,
        /// What changed, in order.
        deltas: Vec<Delta>,
    },
    /// Something about an account that is not part of its record; fails with [`StoreError::Missing`] where there is no such
    /// account. Answered with [`Reply::Read`].
    Read {
        /// Goes into the reply.
        id: RequestId,
        /// Which account.
        account: BareJid,
        /// What.
        query: Query,
    },
    /// An account with all that belongs to it goes; fails with [`StoreError::Missing`] where there is none. Answered with
    /// [`Reply::Saved`].
    Delete {
        /// Goes into the reply.
        id: RequestId,
        /// Which account.
        account: BareJid,
    },
}

/// What a store answers.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Reply {
    /// To [`Request::Load`].
    Loaded {
        /// Of the request.
        id: RequestId,
        /// The account; `None` if there is no such account.
        result: Result<Option<Box<Record>>, StoreError>,
    },
    /// To [`Request::Read`].
    Read {
        /// Of the request.
        id: RequestId,
        /// What the query names: its own kind of [`Found`].
        result: Result<Found, StoreError>,
    },
    /// To [`Request::Create`], [`Request::Save`] and [`Request::Delete`]: the change is durable, or was not made.
    Saved {
        /// Of the request.
        id: RequestId,
        /// Whether the change was made.
        result: Result<(), StoreError>,
    },
}

/// Why a store did not do what it was asked.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// The account exists already.
    Exists,
    /// There is no such account.
    Missing,
    /// The change does not fit what is kept by now ([`outdated`]). Nothing was done.
    Outdated,
    /// Too much is waiting for the store already. Nothing was done; the same request may succeed later.
    Busy,
    /// The store cannot be read or written; the text is for the operator's log. Nothing was done.
    Unavailable(String),
}

impl Request {
    /// The id that the reply must carry.
    pub fn id(&self) -> RequestId {
        match self {
            Request::Load { id, .. }
            | Request::Create { id, .. }
            | Request::Save { id, .. }
            | Request::Read { id, .. }
            | Request::Delete { id, .. } => *id,
        }
    }

    /// The account that the request concerns.
    pub fn account(&self) -> &BareJid {
        match self {
            Request::Load { account, .. }
            | Request::Create { account, .. }
            | Request::Save { account, .. }
            | Request::Read { account, .. }
            | Request::Delete { account, .. } => account,
        }
    }

    /// The reply of a store that could not do it.
    pub fn refused(&self, error: StoreError) -> Reply {
        match self {
            Request::Load { id, .. } => Reply::Loaded { id: *id, result: Err(error) },
            Request::Read { id, .. } => Reply::Read { id: *id, result: Err(error) },
            Request::Create { id, .. } | Request::Save { id, .. } | Request::Delete { id, .. } => {
                Reply::Saved { id: *id, result: Err(error) }
            }
        }
    }
}

impl Reply {
    /// The id of the request that this answers.
    pub fn id(&self) -> RequestId {
        match self {
            Reply::Loaded { id, .. } | Reply::Read { id, .. } | Reply::Saved { id, .. } => *id,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Exists => f.write_str("the account exists already"),
            StoreError::Missing => f.write_str("there is no such account"),
            StoreError::Outdated => f.write_str("something else has happened before"),
            StoreError::Busy => f.write_str("too many requests are waiting for the store"),
            StoreError::Unavailable(why) => write!(f, "the store is unavailable: {why}"),
        }
    }
}

impl std::error::Error for StoreError {}
