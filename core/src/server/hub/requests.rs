//! What the store has been asked and has not answered.

use super::{AdminId, LookupId, RegistrationId};
use crate::jid::BareJid;
use crate::machine::{Deadline, Instant, Now, Reason};
use crate::sasl::Password;
use crate::server::outbox::Then;
use crate::server::store::{Delta, Record, RequestId};
use crate::stanza::Stanza;
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

#[derive(Debug, Default)]
pub(super) struct Requests {
    next: u64,
    /// By serial number. All have the same time-out, so the first has the earliest deadline.
    pending: BTreeMap<u64, Pending>,
    /// Accounts that could not be read anew, and when to try again; earliest first. One entry an account.
    retries: VecDeque<(Instant, BareJid)>,
}

#[derive(Debug)]
struct Pending {
    deadline: Instant,
    asked: Asked,
}

/// What a request was for.
#[derive(Debug)]
pub(super) enum Asked {
    /// To bring an account into memory.
    Load(BareJid),
    /// To answer a look-up.
    Lookup(LookupId),
    /// To look up tokens.
    Tokens(LookupId),
    /// To change tokens.
    TokenChanges(LookupId),
    /// What an entity asked; it goes on with `then`.
    Entity { account: BareJid, reads: bool, then: Then },
    /// To answer a probe of an account that is not in memory.
    Probe(Stanza),
    /// To bring what is in memory up to date.
    Reload(BareJid),
    /// The owner, to derive the keys of a password for an entity.
    Keys { account: BareJid, then: Then },
    /// Whether there is an account that somebody wants.
    WhetherTaken(Applicant),
    /// The owner, to derive the keys of a password for a new account.
    KeysFor { id: RegistrationId, account: BareJid },
    /// To make an account that somebody wants.
    Register { id: RegistrationId, account: BareJid },
    /// To change an account.
    Change { id: AdminId, account: BareJid, order: Order },
}

/// A change that has been ordered. It takes effect in memory once the store has it.
#[derive(Clone, Debug)]
pub(super) enum Order {
    Create(Record),
    Save(Delta),
    Delete,
}

/// One who wants an account.
#[derive(Debug)]
pub(super) struct Applicant {
    pub(super) id: RegistrationId,
    pub(super) account: BareJid,
    pub(super) password: Password,
}

impl Requests {
    /// Notes a request; its id goes into it.
    pub(super) fn begin(&mut self, now: Now, timeout: Duration, shard: u32, asked: Asked) -> RequestId {
        let serial = self.next;
        self.next += 1;
        self.pending.insert(serial, Pending { deadline: now.instant + timeout, asked });
        RequestId { shard, serial }
    }

    /// How many have not been answered.
    pub(super) fn len(&self) -> usize {
        self.pending.len()
    }

    /// The request that has been answered, unless it was given up before.
    pub(super) fn end(&mut self, id: RequestId) -> Option<Asked> {
        self.pending.remove(&id.serial).map(|pending| pending.asked)
    }

    /// Takes out a request whose time is over.
    pub(super) fn expired(&mut self, now: Now) -> Option<Asked> {
        let first = self.pending.first_entry()?;
        (first.get().deadline <= now.instant).then(|| first.remove().asked)
    }

    pub(super) fn retry_later(&mut self, now: Now, delay: Duration, account: BareJid) {
        self.retries.push_back((now.instant + delay, account));
    }

    /// Takes out an account that is to be read anew now.
    pub(super) fn due_retry(&mut self, now: Now) -> Option<BareJid> {
        match self.retries.front() {
            Some((at, _)) if *at <= now.instant => self.retries.pop_front().map(|(_, account)| account),
            _ => None,
        }
    }

    pub(super) fn deadline(&self) -> Option<Deadline> {
        let store = |at| Deadline { at, reason: Reason::Store };
        let pending = self.pending.first_key_value().map(|(_, pending)| store(pending.deadline));
        let retry = self.retries.front().map(|(at, _)| store(*at));
        Deadline::earlier(pending, retry)
    }
}
