//! Requests to the account's bare address that the server answers in its name (RFC 6120 section 10.5.3.2).
//!
//! What the answer is, [services] decide. Here stands what the account lends them and does for them: documents are fetched,
//! changes are made.

use super::effect::{Change, Effect};
use super::{Account, Context};
use crate::jid::Jid;
use crate::sasl::{Password, StoredCredentials};
use crate::server::outbox::{Then, What, store_trouble};
use crate::server::services::{self, Asked, Asker, Task};
use crate::server::store::{Delta, Document, Found, Query, StoreError};
use crate::stanza::{Condition, ErrorType, Iq, StanzaError};

impl Account {
    /// A request that nothing else in the account answers.
    pub(super) fn receive_request(&mut self, iq: &Iq, ctx: &mut Context<'_>) {
        let available = || self.sessions.iter().filter(|session| session.available.is_some());
        let asked = Asked {
            asker: self.asker(iq.from()),
            jid: &self.jid,
            record: &self.record,
            anonymous: self.anonymous,
            connected: self.has_sessions(),
            available: &|| available().map(|session| session.jid.clone()).collect(),
        };
        match services::for_account(&asked, iq, ctx) {
            None => {}
            Some(Task::Fetch(document)) => self.fetch(document, iq, ctx),
            Some(Task::Save(deltas)) => self.save(deltas, iq, ctx),
            Some(Task::Password(password)) => self.change_password(password, iq, ctx),
            Some(Task::Remove) => self.remove(iq, ctx),
        }
    }

    /// Who asks something, by the sender of the request. A contact that a privacy list hides presence from is known, no more.
    fn asker(&self, from: Option<&Jid>) -> Asker {
        if self.is_own(from) {
            return Asker::Own;
        }
        let hidden = from.is_some_and(|from| self.hides_from(from));
        match from.and_then(|from| self.record.roster.contacts.get(from.bare_str())) {
            Some(contact) if contact.from && !hidden => Asker::Contact,
            Some(contact) if contact.from || contact.to || contact.ask => Asker::Known,
            _ => Asker::Stranger,
        }
    }

    /// Makes a change that nobody is told of but who asked for it.
    fn save(&mut self, deltas: Vec<Delta>, iq: &Iq, ctx: &mut Context<'_>) {
        if self.anonymous {
            // Nothing is kept of it.
            return ctx.outbox.bounce_with(&iq.clone().into(), StanzaError::new(Condition::NotAllowed));
        }
        let effects = vec![Effect::Send(iq.result(None).into())];
        self.change(Change { deltas, effects, asked_by: Some(iq.clone().into()) }, ctx);
    }

    /// XEP-0077 section 3.3. Deriving the keys belongs to the change: nothing comes in between.
    fn change_password(&mut self, password: Password, iq: &Iq, ctx: &mut Context<'_>) {
        let every = ctx.config.registration.as_ref().map(|limit| limit.password_every).unwrap_or_default();
        if self.password_changed.is_some_and(|at| ctx.now.instant < at + every) {
            let error = StanzaError::new(Condition::ResourceConstraint).with_type(ErrorType::Wait);
            let error = error.with_text_in("en", "The password was changed a moment ago: try again later.");
            return ctx.outbox.bounce_with(&iq.clone().into(), error);
        }
        self.password_changed = Some(ctx.now.instant);
        let effects = vec![Effect::Send(iq.result(None).into())];
        self.begin(Change { effects, asked_by: Some(iq.clone().into()), ..Change::default() });
        ctx.outbox.ask(self.jid.clone(), What::Derive(password), Then::Password);
    }

    /// The keys of a new password have been derived, unless it cannot be one.
    pub(super) fn password_derived(
        &mut self,
        keys: Result<Option<StoredCredentials>, StoreError>,
        ctx: &mut Context<'_>,
    ) {
        match keys {
            Ok(Some(keys)) => self.go_on_with(vec![Delta::Credentials(keys)], ctx),
            Ok(None) => {
                let error = StanzaError::new(Condition::NotAcceptable);
                self.give_up(error.with_text_in("en", "That cannot be a password."), ctx);
            }
            Err(error) => self.give_up(store_trouble(&error), ctx),
        }
    }

    /// XEP-0077 section 3.2. Once the store has removed the account it leaves memory as every account does that is removed:
    /// contacts are told, sessions are closed.
    fn remove(&mut self, iq: &Iq, ctx: &mut Context<'_>) {
        let asking = self.sessions.iter().find(|session| iq.from().is_some_and(|from| *from == *session.jid));
        let effects = asking.map(|session| Effect::Deliver(session.id, iq.result(None).into()));
        let effects = effects.into_iter().collect();
        self.begin(Change { effects, asked_by: Some(iq.clone().into()), ..Change::default() });
        ctx.outbox.ask(self.jid.clone(), What::Delete, Then::Removed);
    }

    fn fetch(&mut self, document: Document, iq: &Iq, ctx: &mut Context<'_>) {
        self.changes.fetches += 1;
        let query = What::Read(Query::Document(document));
        ctx.outbox.ask(self.jid.clone(), query, Then::Answer(iq.clone()));
    }

    /// True while a document is being fetched.
    pub(super) fn is_fetching(&self) -> bool {
        self.changes.fetches > 0
    }

    /// The store has answered.
    pub(super) fn fetched(&mut self, iq: &Iq, found: Result<Found, StoreError>, ctx: &mut Context<'_>) {
        self.changes.fetches = self.changes.fetches.saturating_sub(1);
        let asker = self.asker(iq.from());
        match found {
            Ok(Found::Document(xml)) => services::with_document(asker, iq, xml.as_deref(), ctx),
            // The account has been removed meanwhile.
            Ok(_) | Err(StoreError::Missing) => services::with_document(asker, iq, None, ctx),
            Err(error) => ctx.outbox.bounce_with(&iq.clone().into(), store_trouble(&error)),
        }
    }
}
