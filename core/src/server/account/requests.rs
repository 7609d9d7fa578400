//! Requests to the account's bare address that the server answers in its name (RFC 6120 section 10.5.3.2).
//!
//! What the answer is, [services] decide. Here stands what the account lends them and does for them: documents are fetched,
//! changes are made.

use super::changes::{Change, Effect};
use super::{Account, Context};
use crate::jid::Jid;
use crate::server::outbox::{Then, What, store_trouble};
use crate::server::services::{self, Asked, Asker, Task};
use crate::server::store::{Delta, Document, Found, Query, StoreError};
use crate::stanza::{Condition, Iq, StanzaError};

impl Account {
    /// A request that nothing else in the account answers.
    pub(super) fn receive_request(&mut self, iq: &Iq, ctx: &mut Context<'_>) {
        let available = || self.sessions.iter().filter(|session| session.available.is_some());
        let asked = Asked {
            asker: self.asker(iq.from()),
            record: &self.record,
            anonymous: self.anonymous,
            connected: self.has_sessions(),
            available: &|| available().map(|session| session.jid.clone()).collect(),
        };
        match services::for_account(&asked, iq, ctx) {
            None => {}
            Some(Task::Fetch(document)) => self.fetch(document, iq, ctx),
            Some(Task::Save(deltas)) => self.save(deltas, iq, ctx),
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
