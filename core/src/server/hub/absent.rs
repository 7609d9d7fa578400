//! Accounts that do not exist, as the store has said a while ago.
//!
//! So the store is asked once about an address that many write to and nobody has, and not for each stanza. They are
//! remembered, and forgotten, by the same rules as accounts that exist and have no session: what was asked for lately is
//! answered from memory either way, so the time that an answer takes does not tell the one from the other (RFC 6120 section
//! 13.11).
//!
//! Only stanzas go by this memory. A login asks the store, and so does a session that is to be bound.

use super::Limits;
use super::entities::{Keyed, Table};
use crate::jid::BareJid;
use crate::machine::{Entropy, Instant, Now};
use std::collections::BTreeSet;

#[derive(Debug)]
pub(super) struct Absent {
    /// Since when nothing has come for it. Never iterated.
    table: Table<BareJid, Instant>,
    /// The same, longest first.
    order: BTreeSet<(Instant, BareJid)>,
}

impl Absent {
    pub(super) fn new(entropy: &mut Entropy) -> Absent {
        Absent { table: Table::with_hasher(Keyed::new(entropy)), order: BTreeSet::new() }
    }

    /// There is no such account.
    pub(super) fn insert(&mut self, now: Now, account: BareJid, limits: &Limits) {
        self.forget(&account);
        self.table.insert(account.clone(), now.instant);
        self.order.insert((now.instant, account));
        while self.order.len() > limits.absent_accounts {
            self.forget_first();
        }
    }

    /// Something has come for this address. True if there is no such account; it is then remembered for longer.
    pub(super) fn is_known(&mut self, now: Now, account: &BareJid) -> bool {
        let Some(since) = self.table.get_mut(account) else { return false };
        let before = (*since, account.clone());
        *since = now.instant;
        self.order.remove(&before);
        self.order.insert((now.instant, before.1));
        true
    }

    /// There may be such an account now.
    pub(super) fn forget(&mut self, account: &BareJid) {
        if let Some(since) = self.table.remove(account) {
            self.order.remove(&(since, account.clone()));
        }
    }

    /// Forgets those whom nothing has come for in a while.
    pub(super) fn evict(&mut self, now: Now, limits: &Limits) {
        while self.longest_idle().is_some_and(|since| since + limits.evict_after <= now.instant) {
            self.forget_first();
        }
    }

    /// Since when nothing has come for the one that nothing has come for longest.
    pub(super) fn longest_idle(&self) -> Option<Instant> {
        self.order.first().map(|(since, _)| *since)
    }

    fn forget_first(&mut self) {
        if let Some((_, account)) = self.order.pop_first() {
            self.table.remove(&account);
        }
    }
}
