//! Probes of accounts that are not in memory (RFC 6121 section 4.3.2).
//!
//! Whoever comes online probes all its contacts, and most of them are not there. Loading them would fill the memory with
//! accounts that nobody uses, so the store is asked for the little that the answer takes. An account that has privacy lists is
//! loaded all the same: they are its own to read.

use super::Hub;
use super::entities::Waiting;
use super::requests::Asked;
use crate::machine::Now;
use crate::server::account::answer_absent;
use crate::server::store::{Found, Query, Request, StoreError};
use crate::stanza::Stanza;

impl Hub {
    /// Somebody probes an account of this shard that is not in memory.
    pub(super) fn probe(&mut self, now: Now, probe: Stanza) {
        let (Some(from), Some(to)) = (probe.from(), probe.to()) else { return };
        // A probe without an answer costs nobody anything: nobody is there. So half of the room is for those that matter.
        if self.requests.len() >= self.tools.config.limits.store_requests / 2 {
            return;
        }
        let (account, query) = (to.to_bare(), Query::Watcher(from.to_bare()));
        let id = self.ask(now, Asked::Probe(probe));
        self.request(Request::Read { id, account, query });
    }

    /// The store answered. If the account has come into memory meanwhile, it knows better.
    pub(super) fn probed(&mut self, now: Now, probe: Stanza, result: Result<Found, StoreError>) {
        if probe.to().is_some_and(|to| self.entities.get_mut(to.bare_str()).is_some()) {
            return self.tools.outbox.send(probe);
        }
        match result {
            Ok(Found::Watcher { guarded: true, .. }) => {
                if let Some(account) = probe.to().map(|to| to.to_bare()) {
                    self.wait(now, &account, Waiting::Stanza(probe, None));
                }
            }
            Ok(Found::Watcher { subscribed, last, .. }) => {
                answer_absent(&probe, subscribed, last, &mut self.tools.context(now))
            }
            Err(StoreError::Missing) => answer_absent(&probe, false, None, &mut self.tools.context(now)),
            Ok(_) | Err(_) => {}
        }
    }
}
