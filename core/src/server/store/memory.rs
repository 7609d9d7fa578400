//! A store that forgets everything when it is dropped.

use super::{Record, Reply, Request, StoreError};
use crate::jid::BareJid;
use std::collections::BTreeMap;

/// A [store](super) in memory, for tests, simulations and servers whose accounts live elsewhere: it executes a request on
/// the spot and is as durable as the process.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MemoryStore {
    accounts: BTreeMap<BareJid, Record>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    /// Executes a request.
    pub fn execute(&mut self, request: Request) -> Reply {
        match request {
            Request::Load { id, account } => {
                Reply::Loaded { id, result: Ok(self.accounts.get(&account).cloned()) }
            }
            Request::Create { id, account, record } => {
                let result =
                    if self.accounts.contains_key(&account) { Err(StoreError::Exists) } else { Ok(()) };
                if result.is_ok() {
                    self.accounts.insert(account, record);
                }
                Reply::Saved { id, result }
            }
            Request::Save { id, account, deltas } => {
                let record = self.accounts.get_mut(&account).ok_or(StoreError::Missing);
                let result = record.map(|record| deltas.into_iter().for_each(|delta| record.apply(delta)));
                Reply::Saved { id, result }
            }
            Request::Delete { id, account } => {
                let result = self.accounts.remove(&account).map(drop).ok_or(StoreError::Missing);
                Reply::Saved { id, result }
            }
        }
    }

    /// Puts an account in place, whether or not there was one: how accounts get in from outside. Tell a running hub with
    /// [`account_changed`](crate::server::hub::Hub::account_changed).
    pub fn insert(&mut self, account: BareJid, record: Record) {
        self.accounts.insert(account, record);
    }

    /// Takes an account out.
    pub fn remove(&mut self, account: &BareJid) -> Option<Record> {
        self.accounts.remove(account)
    }

    /// An account.
    pub fn get(&self, account: &BareJid) -> Option<&Record> {
        self.accounts.get(account)
    }

    /// All accounts, in order of their addresses.
    pub fn iter(&self) -> impl Iterator<Item = (&BareJid, &Record)> {
        self.accounts.iter()
    }
}
