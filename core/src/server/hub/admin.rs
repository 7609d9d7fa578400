//! Accounts are made, changed and removed.

use super::requests::{Asked, Order};
use super::{AdminError, AdminId, Hub, Output};
use crate::jid::BareJid;
use crate::machine::Now;
use crate::server::store::{Request, RequestId, StoreError};

impl Hub {
    pub(super) fn administer(&mut self, now: Now, id: AdminId, account: BareJid, order: Order) {
        if !self.is_here(&account) {
            return self.administered(id, Err(AdminError::NotHere));
        }
        let asked = Asked::Change { id, account: account.clone(), order: order.clone() };
        let id = self.ask(now, asked);
        self.request(match order {
            Order::Create(record) => Request::Create { id, account, record: Box::new(record) },
            Order::Save(delta) => Request::Save { id, account, deltas: vec![delta] },
            Order::Delete => Request::Delete { id, account },
        });
    }

    /// Notes what the store is about to be asked.
    pub(super) fn ask(&mut self, now: Now, asked: Asked) -> RequestId {
        let config = &self.tools.config;
        self.requests.begin(now, config.limits.store_timeout, config.shard, asked)
    }

    pub(super) fn saved(
        &mut self,
        now: Now,
        id: AdminId,
        account: &BareJid,
        order: Order,
        result: Result<(), StoreError>,
    ) {
        if result.is_ok() {
            match order {
                // Whoever asked for it before was told that it did not exist.
                Order::Create(_) => self.absent.forget(account),
                Order::Save(delta) => {
                    if let Some(ready) = self.entities.ready_mut(account.as_str()) {
                        ready.account.record.apply(delta);
                    }
                }
                Order::Delete => self.drop_account(now, account),
            }
        }
        self.administered(id, result.map_err(AdminError::Store));
    }

    /// The store did not say whether a change was made: what is in memory has to be compared with what it has.
    pub(super) fn change_unknown(&mut self, now: Now, id: AdminId, account: &BareJid) {
        self.refresh(now, account);
        self.administered(id, Err(AdminError::Unknown));
    }

    fn administered(&mut self, id: AdminId, result: Result<(), AdminError>) {
        self.tools.outbox.outputs.push_back(Output::Administered { id, result });
    }
}
