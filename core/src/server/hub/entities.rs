//! The table of entities: which are in memory, which are on their way there, which may go.

use super::{Limits, SessionId};
use crate::jid::BareJid;
use crate::machine::{Entropy, Instant, Now};
use crate::server::account::Account;
use crate::server::bind::BindRequest;
use crate::server::managed::Receipt;
use crate::stanza::Stanza;
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeSet, VecDeque};
use std::hash::{BuildHasher, Hasher};

#[derive(Debug)]
pub(super) struct Entities {
    /// By bare address. Never iterated.
    table: Table<Box<str>, Entity>,
    /// Accounts without a session, and since when nothing happened to them.
    idle: BTreeSet<(Instant, BareJid)>,
    /// How many are waiting in all entities that are being loaded. Each of these has at least one, so this bounds their number,
    /// too.
    waiting: usize,
    /// How many bytes that is.
    waiting_bytes: usize,
}

#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "Ready is by far the most frequent, and one allocation less to reach"
)]
pub(super) enum Entity {
    /// The store has been asked.
    Loading(Loading),
    /// In memory.
    Ready(Ready),
}

#[derive(Debug, Default)]
pub(super) struct Loading {
    waiting: VecDeque<Waiting>,
    waiting_bytes: usize,
    /// It has been changed since the store was asked: what comes may be old.
    pub(super) changed: bool,
}

#[derive(Debug)]
pub(super) struct Ready {
    pub(super) account: Account,
    pub(super) reload: Reload,
    /// Its place among the idle ones.
    idle_since: Option<Instant>,
}

/// Whether an account in memory is being read anew.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reload {
    /// What is in memory is what is in the store.
    Current,
    /// The store has been asked; `again`: and must be asked once more, for it has changed since.
    Asked { again: bool },
    /// The store could not say, and will be asked again in a while.
    Retry,
}

/// What waits for an account to be loaded.
#[derive(Debug)]
pub(super) enum Waiting {
    Stanza(Stanza, Option<Receipt>),
    Bind {
        session: SessionId,
        request: BindRequest,
    },
    /// A bind whose session went away. Keeps its place, so that opening and closing connections cannot cause more loads than
    /// the limit allows.
    Cancelled,
}

impl Waiting {
    /// What it counts as, in bytes.
    fn size(&self) -> usize {
        match self {
            Waiting::Stanza(stanza, _) => stanza.element().size(),
            Waiting::Bind { .. } | Waiting::Cancelled => 0,
        }
    }
}

impl Entities {
    pub(super) fn new(entropy: &mut Entropy) -> Entities {
        Entities {
            table: Table::with_hasher(Keyed::new(entropy)),
            idle: BTreeSet::new(),
            waiting: 0,
            waiting_bytes: 0,
        }
    }

    pub(super) fn get_mut(&mut self, bare: &str) -> Option<&mut Entity> {
        self.table.get_mut(bare)
    }

    pub(super) fn ready_mut(&mut self, bare: &str) -> Option<&mut Ready> {
        match self.table.get_mut(bare) {
            Some(Entity::Ready(ready)) => Some(ready),
            _ => None,
        }
    }

    /// Puts an account in memory. Has to be [settled](Self::settle) afterwards.
    pub(super) fn insert(&mut self, bare: &BareJid, account: Account) {
        let ready = Ready { account, reload: Reload::Current, idle_since: None };
        self.table.insert(bare.as_str().into(), Entity::Ready(ready));
    }

    /// Takes an account out of memory.
    pub(super) fn remove(&mut self, bare: &BareJid) -> Option<Ready> {
        self.forget_idle(bare);
        match self.table.remove(bare.as_str())? {
            Entity::Ready(ready) => Some(ready),
            loading @ Entity::Loading(_) => {
                self.table.insert(bare.as_str().into(), loading);
                None
            }
        }
    }

    /// After anything happened to an account: if it has no session, its time of grace begins anew.
    pub(super) fn settle(&mut self, now: Now, bare: &BareJid, limits: &Limits) {
        self.forget_idle(bare);
        let Some(ready) = self.ready_mut(bare.as_str()) else { return };
        if ready.account.is_busy() {
            return;
        }
        if ready.account.is_anonymous() {
            self.table.remove(bare.as_str());
            return;
        }
        ready.idle_since = Some(now.instant);
        self.idle.insert((now.instant, bare.clone()));
        while self.idle.len() > limits.idle_accounts {
            self.evict_first();
        }
    }

    /// Lets go of accounts that have been idle for too long.
    pub(super) fn evict(&mut self, now: Now, limits: &Limits) {
        while self.longest_idle().is_some_and(|since| since + limits.evict_after <= now.instant) {
            self.evict_first();
        }
    }

    /// Since when the account that has been idle for longest has been so.
    pub(super) fn longest_idle(&self) -> Option<Instant> {
        self.idle.first().map(|(since, _)| *since)
    }

    fn evict_first(&mut self) {
        if let Some((_, bare)) = self.idle.pop_first() {
            self.table.remove(bare.as_str());
        }
    }

    fn forget_idle(&mut self, bare: &BareJid) {
        if let Some(since) = self.ready_mut(bare.as_str()).and_then(|ready| ready.idle_since.take()) {
            self.idle.remove(&(since, bare.clone()));
        }
    }

    /// Lets something wait for an account that is not in memory. `Ok(true)`: it is the first, so the store has to be asked.
    /// `Err`: too many are waiting.
    #[allow(clippy::result_large_err, reason = "handed back where it came from, and only under overload")]
    pub(super) fn wait(
        &mut self,
        bare: &BareJid,
        waiting: Waiting,
        limits: &Limits,
    ) -> Result<bool, Box<Waiting>> {
        let bytes = waiting.size();
        let (known, known_bytes) = match self.table.get(bare.as_str()) {
            Some(Entity::Loading(loading)) => (loading.waiting.len(), loading.waiting_bytes),
            _ => (0, 0),
        };
        if known >= limits.waiting_per_account
            || known_bytes + bytes > limits.waiting_bytes_per_account
            || self.waiting >= limits.waiting
            || self.waiting_bytes + bytes > limits.waiting_bytes
        {
            return Err(Box::new(waiting));
        }
        self.waiting += 1;
        self.waiting_bytes += bytes;
        if let Some(Entity::Loading(loading)) = self.table.get_mut(bare.as_str()) {
            loading.waiting_bytes += bytes;
            loading.waiting.push_back(waiting);
            return Ok(false);
        }
        let loading = Loading { waiting: VecDeque::from([waiting]), waiting_bytes: bytes, changed: false };
        self.table.insert(bare.as_str().into(), Entity::Loading(loading));
        Ok(true)
    }

    /// A session that waited to be bound has gone.
    pub(super) fn cancel_bind(&mut self, bare: &BareJid, gone: SessionId) {
        let Some(Entity::Loading(loading)) = self.table.get_mut(bare.as_str()) else { return };
        let is_gone =
            |waiting: &&mut Waiting| matches!(waiting, Waiting::Bind { session, .. } if *session == gone);
        if let Some(waiting) = loading.waiting.iter_mut().find(is_gone) {
            *waiting = Waiting::Cancelled;
        }
    }

    /// The store has spoken: what waited for the account, oldest first. The account is in the table no longer.
    pub(super) fn arrived(&mut self, bare: &BareJid) -> VecDeque<Waiting> {
        match self.table.get_mut(bare.as_str()) {
            Some(Entity::Loading(loading)) => {
                let waiting = std::mem::take(&mut loading.waiting);
                self.waiting -= waiting.len();
                self.waiting_bytes -= loading.waiting_bytes;
                self.table.remove(bare.as_str());
                waiting
            }
            _ => VecDeque::new(),
        }
    }

    /// How many accounts are in memory or being loaded.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }
}

/// A table that is looked things up in, and never iterated.
#[allow(clippy::disallowed_types, reason = "it is not randomly seeded: the key comes from the hub's entropy")]
pub(super) type Table<K, V> = std::collections::HashMap<K, V, Keyed>;

/// Hashes under a key that peers cannot know, so that they cannot choose addresses that collide; the key comes from the hub's
/// entropy, so runs still repeat.
#[derive(Clone, Debug)]
pub(super) struct Keyed {
    key: u64,
}

impl Keyed {
    pub(super) fn new(entropy: &mut Entropy) -> Keyed {
        Keyed { key: entropy.next_u64() }
    }
}

impl BuildHasher for Keyed {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.key);
        hasher
    }
}
