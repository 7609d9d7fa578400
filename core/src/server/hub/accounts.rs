//! Accounts come into memory and are kept up to date.

use super::entities::{Entity, Reload, Waiting};
use super::requests::Asked;
use super::{Hub, Output, Unavailable};
use crate::jid::BareJid;
use crate::machine::Now;
use crate::sasl::{Derivation, Password, StoredCredentials};
use crate::server::account::{Account, no_such_user, orphaned};
use crate::server::hub::LookupId;
use crate::server::outbox::{Answer, Ask, Outbox, Then, What, store_trouble};
use crate::server::store::{Found, Record, Reply, Request, RequestId, StoreError};
use crate::stanza::{Condition, PresenceType, Stanza, StanzaError};
use crate::stream::{self, StreamError};

impl Hub {
    /// Lets something wait for an account that is not in memory, and asks the store for it if nobody has.
    pub(super) fn wait(&mut self, now: Now, account: &BareJid, waiting: Waiting) {
        let receipt = match &waiting {
            Waiting::Stanza(_, receipt) => *receipt,
            Waiting::Bind { .. } | Waiting::Cancelled => None,
        };
        let result = self.entities.wait(account, waiting, &self.tools.config.limits);
        if result.is_ok() {
            self.tools.outbox.hold(receipt);
        }
        match result {
            Ok(true) => self.load(now, account),
            Ok(false) => {}
            Err(waiting) => self.fail(*waiting, &StoreError::Busy),
        }
    }

    fn load(&mut self, now: Now, account: &BareJid) {
        let id = self.ask(now, Asked::Load(account.clone()));
        self.request(Request::Load { id, account: account.clone() });
    }

    pub(super) fn request(&mut self, request: Request) {
        self.tools.outbox.outputs.push_back(Output::Store(request));
    }

    /// The store answered.
    pub(super) fn answered(&mut self, now: Now, reply: Reply) {
        if reply.id().shard != self.tools.config.shard {
            return;
        }
        let Some(asked) = self.requests.end(reply.id()) else { return };
        match (asked, reply) {
            (Asked::Load(account), Reply::Loaded { result, .. }) => self.loaded(now, &account, result),
            (Asked::Lookup(lookup), Reply::Read { result, .. }) => {
                let stored = match result {
                    Ok(Found::Credentials(credentials)) => Ok(Some(credentials)),
                    Err(StoreError::Missing) => Ok(None),
                    Ok(_) | Err(_) => Err(Unavailable),
                };
                self.tools.outbox.credentials(lookup, stored);
            }
            (Asked::Tokens(lookup), Reply::Read { result, .. }) => self.tokens_read(lookup, result),
            (Asked::TokenChanges(lookup), Reply::Saved { result, .. }) => self.changed_tokens(lookup, result),
            (Asked::Entity { account, then, reads: true }, Reply::Read { result, .. }) => {
                self.entity_answered(now, &account, then, Answer::Found(result));
            }
            (Asked::Entity { account, then, reads: false }, Reply::Saved { result, .. }) => {
                self.entity_answered(now, &account, then, Answer::Saved(result));
            }
            (Asked::Probe(probe), Reply::Read { result, .. }) => self.probed(now, probe, result),
            (Asked::Reload(account), Reply::Loaded { result, .. }) => self.reloaded(now, &account, result),
            (Asked::WhetherTaken(applicant), Reply::Read { result, .. }) => {
                self.whether_taken(now, applicant, result);
            }
            (Asked::Register { id, account }, Reply::Saved { result, .. }) => {
                self.account_made(id, &account, result);
            }
            (Asked::Change { id, account, order }, Reply::Saved { result, .. }) => {
                self.saved(now, id, &account, order, result);
            }
            (asked, _) => self.unanswered(now, asked),
        }
    }

    /// Requests whose time is over are given up; accounts that could not be read anew are tried again.
    pub(super) fn give_up_requests(&mut self, now: Now) {
        while let Some(asked) = self.requests.expired(now) {
            self.unanswered(now, asked);
        }
        while let Some(account) = self.requests.due_retry(now) {
            let ready = self.entities.ready_mut(account.as_str());
            if ready.is_some_and(|ready| ready.reload == Reload::Retry) {
                self.refresh(now, &account);
            }
        }
    }

    fn unanswered(&mut self, now: Now, asked: Asked) {
        let error = StoreError::Unavailable("no answer in time".into());
        match asked {
            Asked::Load(account) => self.loaded(now, &account, Err(error)),
            Asked::Lookup(lookup) => self.tools.outbox.credentials(lookup, Err(Unavailable)),
            Asked::Tokens(lookup) => self.tokens_read(lookup, Err(error)),
            Asked::TokenChanges(lookup) => self.changed_tokens(lookup, Err(error)),
            Asked::Probe(probe) => self.probed(now, probe, Err(error)),
            Asked::Reload(account) => self.reloaded(now, &account, Err(error)),
            Asked::Change { id, account, .. } => self.change_unknown(now, id, &account),
            Asked::WhetherTaken(applicant) => self.whether_taken(now, applicant, Err(error)),
            Asked::KeysFor { id, .. } => self.registered(id, Err(store_trouble(&error))),
            Asked::Register { id, account } => self.account_made(id, &account, Err(error)),
            Asked::Keys { account, then } => {
                self.entity_answered(now, &account, then, Answer::Derived(Err(error)));
            }
            Asked::Entity { account, then, reads: true } => {
                self.entity_answered(now, &account, then, Answer::Found(Err(error)));
            }
            // The change may have been made: what is in memory has to be compared with what the store has.
            Asked::Entity { account, then, reads: false } => {
                self.refresh(now, &account);
                self.entity_answered(now, &account, then, Answer::Saved(Err(error)));
            }
        }
    }

    /// Asks the store what an entity wants to know or to keep.
    pub(super) fn ask_for_entity(&mut self, now: Now, ask: Ask) {
        let Ask { account, what, then } = ask;
        if self.requests.len() >= self.tools.config.limits.store_requests {
            let busy = StoreError::Busy;
            let answer = match what {
                What::Read(_) => Answer::Found(Err(busy)),
                What::Derive(_) => Answer::Derived(Err(busy)),
                What::Save(_) | What::Delete => Answer::Saved(Err(busy)),
            };
            return self.entity_answered(now, &account, then, answer);
        }
        if let What::Derive(password) = what {
            return self.derive(now, account, password, then);
        }
        let reads = matches!(what, What::Read(_));
        let id = self.ask(now, Asked::Entity { account: account.clone(), reads, then });
        self.request(match what {
            What::Save(deltas) => Request::Save { id, account, deltas },
            What::Read(query) => Request::Read { id, account, query },
            What::Delete | What::Derive(_) => Request::Delete { id, account },
        });
    }

    fn derive(&mut self, now: Now, account: BareJid, password: Password, then: Then) {
        let limit = self.tools.config.registration.clone().unwrap_or_default();
        let id = self.ask(now, Asked::Keys { account, then });
        let derivation = Derivation::new(password, limit.iterations, &mut self.tools.entropy);
        self.tools.outbox.outputs.push_back(Output::Derive { id, derivation });
    }

    /// The owner has derived the keys of a password.
    pub(super) fn keys(&mut self, now: Now, id: RequestId, keys: Option<StoredCredentials>) {
        if id.shard != self.tools.config.shard {
            return;
        }
        match self.requests.end(id) {
            Some(Asked::Keys { account, then }) => {
                self.entity_answered(now, &account, then, Answer::Derived(Ok(keys)));
            }
            Some(Asked::KeysFor { id, account }) => self.keys_derived(now, id, account, keys),
            Some(asked) => self.unanswered(now, asked),
            None => {}
        }
    }

    fn entity_answered(&mut self, now: Now, account: &BareJid, then: Then, answer: Answer) {
        let Some(ready) = self.entities.ready_mut(account.as_str()) else {
            return orphaned(then, &mut self.tools.context(now));
        };
        ready.account.answered(then, answer, &mut self.tools.context(now));
        self.settle(now, account);
    }

    fn loaded(&mut self, now: Now, account: &BareJid, result: Result<Option<Box<Record>>, StoreError>) {
        if let Some(Entity::Loading(loading)) = self.entities.get_mut(account.as_str())
            && loading.changed
            && result.is_ok()
        {
            loading.changed = false;
            return self.load(now, account);
        }
        let waiting = self.entities.arrived(account);
        match result {
            Ok(Some(record)) => {
                self.absent.forget(account);
                self.entities.insert(account, Account::new(account.clone(), *record));
                waiting.into_iter().for_each(|waiting| self.admit(now, account, waiting));
                self.settle(now, account);
            }
            Ok(None) => {
                self.absent.insert(now, account.clone(), &self.tools.config.limits);
                waiting.into_iter().for_each(|waiting| self.turn_away(now, waiting));
            }
            Err(error) => waiting.into_iter().for_each(|waiting| self.fail(waiting, &error)),
        }
    }

    /// There is no such account.
    pub(super) fn turn_away(&mut self, now: Now, waiting: Waiting) {
        match waiting {
            Waiting::Stanza(stanza, receipt) => {
                no_such_user(stanza, &mut self.tools.context(now));
                self.tools.outbox.settle(receipt);
            }
            Waiting::Bind { session, .. } => {
                self.refuse_bind(session, StanzaError::new(Condition::NotAuthorized))
            }
            Waiting::Cancelled => {}
        }
    }

    /// Whether there is such an account cannot be said now.
    fn fail(&mut self, waiting: Waiting, error: &StoreError) {
        let error = store_trouble(error);
        match waiting {
            // Presence is repeated or replaced by later presence, and errors about it help nobody. But whoever asks for a
            // subscription is to know that it did not arrive (RFC 6121 section 3.1.2).
            Waiting::Stanza(Stanza::Presence(presence), receipt)
                if presence.kind() != PresenceType::Subscribe =>
            {
                self.tools.outbox.settle(receipt);
            }
            Waiting::Stanza(stanza, receipt) => {
                self.tools.outbox.bounce_with(&stanza, error);
                self.tools.outbox.settle(receipt);
            }
            Waiting::Bind { session, .. } => self.refuse_bind(session, error),
            Waiting::Cancelled => {}
        }
    }

    /// What is held of an account may be old.
    pub(super) fn refresh(&mut self, now: Now, account: &BareJid) {
        self.absent.forget(account);
        match self.entities.get_mut(account.as_str()) {
            Some(Entity::Loading(loading)) => loading.changed = true,
            Some(Entity::Ready(ready)) if !ready.account.is_anonymous() => match ready.reload {
                Reload::Asked { .. } => ready.reload = Reload::Asked { again: true },
                Reload::Current | Reload::Retry => {
                    ready.reload = Reload::Asked { again: false };
                    let id = self.ask(now, Asked::Reload(account.clone()));
                    self.request(Request::Load { id, account: account.clone() });
                }
            },
            Some(Entity::Ready(_)) | None => {}
        }
    }

    fn reloaded(&mut self, now: Now, account: &BareJid, result: Result<Option<Box<Record>>, StoreError>) {
        let Some(ready) = self.entities.ready_mut(account.as_str()) else { return };
        let again = ready.reload == Reload::Asked { again: true };
        ready.reload = Reload::Current;
        match result {
            Ok(_) if again => self.refresh(now, account),
            Ok(Some(record)) => ready.account.refreshed(*record, &mut self.tools.context(now)),
            Ok(None) => self.drop_account(now, account),
            Err(_) => {
                ready.reload = Reload::Retry;
                let delay = self.tools.config.limits.store_timeout;
                self.requests.retry_later(now, delay, account.clone());
            }
        }
    }

    /// The account is no more: it leaves memory, and its sessions are closed.
    pub(super) fn drop_account(&mut self, now: Now, account: &BareJid) {
        let Some(mut ready) = self.entities.remove(account) else { return };
        let error =
            StreamError::new(stream::Condition::NotAuthorized).with_text("the account has been removed");
        ready.account.close_all(&error, &mut self.tools.context(now));
    }
}

impl Outbox {
    /// Answers a look-up.
    pub(super) fn credentials(
        &mut self,
        lookup: LookupId,
        stored: Result<Option<StoredCredentials>, Unavailable>,
    ) {
        self.outputs.push_back(Output::Credentials { lookup, stored });
    }
}
