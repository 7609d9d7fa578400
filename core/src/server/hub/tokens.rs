//! Tokens (XEP-0484): looked up and changed for those who log in.
//!
//! Both are asked of the store each time, as credentials are: whether there is such an account, such a client or such a token,
//! and whether the account is in memory, makes no difference to how long it takes.

use super::requests::Asked;
use super::{Hub, LookupId, Output, Unavailable};
use crate::jid::BareJid;
use crate::machine::Now;
use crate::server::store::{Delta, Found, Query, Request, StoreError, StoredTokens, TokenChange};
use crate::stream::sasl2::ClientId;

impl Hub {
    pub(super) fn look_up_tokens(&mut self, now: Now, lookup: LookupId, account: BareJid, client: ClientId) {
        if !self.is_local(&account) || account.local().is_none() {
            return self.found_tokens(lookup, Ok(None));
        }
        if !self.is_here(&account) || self.is_store_busy() {
            return self.found_tokens(lookup, Err(Unavailable));
        }
        let id = self.ask(now, Asked::Tokens(lookup));
        self.request(Request::Read { id, account, query: Query::Tokens(client) });
    }

    pub(super) fn begin_token_changes(
        &mut self,
        now: Now,
        lookup: LookupId,
        account: BareJid,
        client: ClientId,
        changes: Vec<TokenChange>,
    ) {
        if !self.is_here(&account) || self.is_store_busy() {
            return self.changed_tokens(lookup, Err(StoreError::Busy));
        }
        let id = self.ask(now, Asked::TokenChanges(lookup));
        let deltas = changes.into_iter().map(|change| Delta::Token { client, change }).collect();
        self.request(Request::Save { id, account, deltas });
    }

    /// The store answered a look-up.
    pub(super) fn tokens_read(&mut self, lookup: LookupId, result: Result<Found, StoreError>) {
        self.found_tokens(
            lookup,
            match result {
                Ok(Found::Tokens(stored)) => Ok(Some(*stored)),
                Err(StoreError::Missing) => Ok(None),
                Ok(_) | Err(_) => Err(Unavailable),
            },
        );
    }

    /// The store has made the changes, or not.
    pub(super) fn changed_tokens(&mut self, lookup: LookupId, result: Result<(), StoreError>) {
        let result = result.map_err(|_| Unavailable);
        self.tools.outbox.outputs.push_back(Output::TokensChanged { lookup, result });
    }

    fn found_tokens(&mut self, lookup: LookupId, stored: Result<Option<StoredTokens>, Unavailable>) {
        self.tools.outbox.outputs.push_back(Output::Tokens { lookup, stored });
    }

    fn is_store_busy(&self) -> bool {
        self.requests.len() >= self.tools.config.limits.store_requests
    }
}
