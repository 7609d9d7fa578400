//! A store that forgets everything when it is dropped.

use super::{
    Delta, Document, Found, OfflineCount, OfflineMessage, Query, Record, Reply, Request, StoreError,
    StoredTokens, TokenChange, Tokens, outdated,
};
use crate::jid::BareJid;
use crate::stream::sasl2::ClientId;
use std::collections::BTreeMap;

/// A [store](super) in memory, for tests, simulations and servers whose accounts live elsewhere: it executes a request on
/// the spot and is as durable as the process.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MemoryStore {
    accounts: BTreeMap<BareJid, Kept>,
}

/// An account.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Kept {
    record: Record,
    documents: BTreeMap<Document, Box<str>>,
    tokens: BTreeMap<ClientId, Tokens>,
    /// Oldest first.
    offline: Vec<OfflineMessage>,
    /// The serial of the last message that came.
    serial: u64,
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
                let kept = self.accounts.get(&account);
                Reply::Loaded { id, result: Ok(kept.map(|kept| Box::new(kept.record.clone()))) }
            }
            Request::Create { id, account, record } => {
                let result =
                    if self.accounts.contains_key(&account) { Err(StoreError::Exists) } else { Ok(()) };
                if result.is_ok() {
                    self.insert(account, *record);
                }
                Reply::Saved { id, result }
            }
            Request::Save { id, account, deltas } => {
                let kept = self.accounts.get_mut(&account).ok_or(StoreError::Missing);
                let result = kept.and_then(|kept| kept.save(deltas));
                Reply::Saved { id, result }
            }
            Request::Read { id, account, query } => {
                let kept = self.accounts.get(&account).ok_or(StoreError::Missing);
                Reply::Read { id, result: kept.map(|kept| kept.find(&query)) }
            }
            Request::Delete { id, account } => {
                let result = self.accounts.remove(&account).map(drop).ok_or(StoreError::Missing);
                Reply::Saved { id, result }
            }
        }
    }

    /// Puts an account in place, whether or not there was one: how accounts get in from outside. Of documents and messages
    /// that the record speaks of, there are none. Tell a running hub with
    /// [`account_changed`](crate::server::hub::Hub::account_changed).
    pub fn insert(&mut self, account: BareJid, mut record: Record) {
        record.documents.clear();
        record.offline = Default::default();
        self.accounts.insert(account, Kept { record, ..Kept::default() });
    }

    /// Takes an account out.
    pub fn remove(&mut self, account: &BareJid) -> Option<Record> {
        self.accounts.remove(account).map(|kept| kept.record)
    }

    /// An account.
    pub fn get(&self, account: &BareJid) -> Option<&Record> {
        self.accounts.get(account).map(|kept| &kept.record)
    }

    /// All accounts, in order of their addresses.
    pub fn iter(&self) -> impl Iterator<Item = (&BareJid, &Record)> {
        self.accounts.iter().map(|(account, kept)| (account, &kept.record))
    }
}

impl Kept {
    fn save(&mut self, deltas: Vec<Delta>) -> Result<(), StoreError> {
        let tokens = |client| Ok::<_, StoreError>(self.tokens.get(&client).cloned().unwrap_or_default());
        if outdated(&deltas, tokens)? {
            return Err(StoreError::Outdated);
        }
        deltas.into_iter().for_each(|delta| self.apply(delta));
        Ok(())
    }

    fn apply(&mut self, delta: Delta) {
        match &delta {
            Delta::Document { document, xml: Some(xml) } => {
                self.documents.insert(document.clone(), xml.clone());
            }
            Delta::Document { document, xml: None } => {
                self.documents.remove(document);
            }
            Delta::Credentials(_) => self.tokens.clear(),
            Delta::Token { client, change } => self.change_tokens(*client, change),
            Delta::Offline(message) => {
                self.serial += 1;
                self.offline.push(OfflineMessage { serial: self.serial, ..message.clone() });
            }
            Delta::OfflineRemoved { through, .. } => {
                self.offline.retain(|message| message.serial > *through);
            }
            _ => {}
        }
        let recount = matches!(delta, Delta::OfflineRemoved { .. });
        self.record.apply(delta);
        if recount {
            self.record.offline = OfflineCount::default();
            self.offline.iter().for_each(|message| self.record.offline.add(message));
        }
    }

    fn change_tokens(&mut self, client: ClientId, change: &TokenChange) {
        let mut tokens = self.tokens.remove(&client).unwrap_or_default();
        tokens.apply(change);
        if !tokens.is_empty() {
            self.tokens.insert(client, tokens);
        }
        while self.tokens.len() > Tokens::CLIENTS {
            let others = self.tokens.iter().filter(|(other, _)| **other != client);
            let Some((first, _)) = others.min_by_key(|(other, tokens)| (tokens.expires(), **other)) else {
                return;
            };
            let first = *first;
            self.tokens.remove(&first);
        }
    }

    fn find(&self, query: &Query) -> Found {
        match query {
            Query::Tokens(client) => Found::Tokens(Box::new(StoredTokens {
                credentials: self.record.credentials.clone(),
                tokens: self.tokens.get(client).cloned().unwrap_or_default(),
            })),
            Query::Credentials => Found::Credentials(self.record.credentials.clone()),
            Query::Document(document) => Found::Document(self.documents.get(document).cloned()),
            Query::Watcher(jid) => Found::Watcher {
                subscribed: self.record.roster.contacts.get(jid).is_some_and(|contact| contact.from),
                guarded: self.record.privacy.default.is_some(),
                last: self.record.last.as_ref().map(|last| last.at),
            },
            Query::Offline { after, limit } => {
                let waiting = self.offline.iter().filter(|message| message.serial > *after);
                Found::Offline(waiting.take(*limit as usize).cloned().collect())
            }
        }
    }
}
