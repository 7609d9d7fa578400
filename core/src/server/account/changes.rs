//! Changes that are to last.
//!
//! Nobody hears of a change before the store has it. So a change is worked out whole, as data: what the store is to write, and
//! what is to happen once it has. Until then the account stays as it was, to be seen from all sides.
//!
//! One change of an account is under way at a time. What reads or changes the same things waits for it in a queue, in order:
//! so each change is worked out from what is true, and a client that changes something and asks for it at once sees the
//! change. Messages, presence and everything else go on meanwhile; a slow or broken store does not stop them. Only what comes
//! from or goes to the contact that is being changed, or from whom something waits, waits behind it: between two addresses
//! nothing overtakes anything (RFC 6120 section 10.1).

use super::effect::{Change, Effect};
use super::{Account, Context, no_such_user};
use crate::jid::{BareJid, Jid};
use crate::ns;
use crate::server::managed::Receipt;
use crate::server::outbox::{Answer, Then, What, store_trouble};
use crate::server::output::SessionId;
use crate::server::services;
use crate::server::store::{Contact, Delta, StoreError};
use crate::stanza::{Condition, ErrorType, PresenceType, Stanza, StanzaError};
use std::collections::VecDeque;

/// The change under way, and what waits for it.
#[derive(Debug, Default)]
pub(super) struct Changes {
    under_way: Option<Change>,
    /// Of the stanza that asked for it.
    receipt: Option<Receipt>,
    waiting: VecDeque<(Waiting, Option<Receipt>)>,
    /// Documents that the store has been asked for.
    pub(super) fetches: usize,
    waiting_bytes: usize,
}

/// What is asked in these reads or changes what lasts.
const NAMESPACES: [&str; 3] = [ns::ROSTER, ns::PRIVACY, ns::BLOCKING];

#[derive(Debug)]
enum Waiting {
    /// Addressed to the account.
    Received(Stanza),
    /// Sent by a session, with an addressee.
    Sent(SessionId, Stanza),
}

impl Waiting {
    fn stanza(&self) -> &Stanza {
        match self {
            Waiting::Received(stanza) | Waiting::Sent(_, stanza) => stanza,
        }
    }
}

impl Account {
    /// Makes a change. Only for what [waits its turn](Self::must_wait): else another change may be under way.
    pub(super) fn change(&mut self, change: Change, ctx: &mut Context<'_>) {
        if change.deltas.is_empty() || self.anonymous {
            return self.changed(change, ctx);
        }
        let deltas = change.deltas.clone();
        self.changes.under_way = Some(change);
        if let Some(receipt) = ctx.hold() {
            self.changes.receipt = Some(receipt);
        }
        ctx.outbox.ask(self.jid.clone(), What::Save(deltas), Then::Change);
    }

    /// True while a change is under way.
    pub(in crate::server) fn is_changing(&self) -> bool {
        self.changes.under_way.is_some()
    }

    /// The store answered.
    pub(in crate::server) fn answered(&mut self, then: Then, answer: Answer, ctx: &mut Context<'_>) {
        match (then, answer) {
            (Then::Change, Answer::Saved(result)) => self.end_change(result, ctx),
            (Then::MessageKept { message, bytes, copies, receipt }, Answer::Saved(result)) => {
                self.message_kept(message, bytes, copies, result, ctx);
                ctx.outbox.settle(receipt);
            }
            (Then::MessagesRead, Answer::Found(result)) => self.messages_read(result, ctx),
            (Then::MessagesRemoved { through, count }, Answer::Saved(result)) => {
                self.messages_removed(through, count, result, ctx);
            }
            (Then::Answer(iq), Answer::Found(result)) => self.fetched(&iq, result, ctx),
            (Then::Password, Answer::Derived(keys)) => self.password_derived(keys, ctx),
            (Then::Removed, Answer::Saved(result)) => self.removed(result, ctx),
            // Nobody is answered anything else than was asked.
            _ => {}
        }
    }

    /// A change is under way of which it is not known yet what it changes.
    pub(super) fn begin(&mut self, change: Change) {
        self.changes.under_way = Some(change);
    }

    /// Now it is known.
    pub(super) fn go_on_with(&mut self, deltas: Vec<Delta>, ctx: &mut Context<'_>) {
        if let Some(change) = self.changes.under_way.take() {
            self.change(Change { deltas, ..change }, ctx);
        }
    }

    /// The change under way cannot be made.
    pub(super) fn give_up(&mut self, error: StanzaError, ctx: &mut Context<'_>) {
        if let Some(Change { asked_by: Some(stanza), .. }) = self.changes.under_way.take() {
            ctx.outbox.bounce_with(&stanza, error);
        }
        ctx.outbox.settle(self.changes.receipt.take());
        self.next_changes(ctx);
    }

    fn end_change(&mut self, result: Result<(), StoreError>, ctx: &mut Context<'_>) {
        if let Err(error) = result {
            // Should the store have made the change all the same, its version must not be given to another.
            self.skip_version();
            return self.give_up(store_trouble(&error), ctx);
        }
        if let Some(change) = self.changes.under_way.take() {
            self.changed(change, ctx);
        }
        ctx.outbox.settle(self.changes.receipt.take());
        self.next_changes(ctx);
    }

    /// The store has removed the account, or not.
    fn removed(&mut self, result: Result<(), StoreError>, ctx: &mut Context<'_>) {
        if result.is_err() {
            return self.end_change(result, ctx);
        }
        if let Some(change) = self.changes.under_way.take() {
            self.changed(change, ctx);
        }
        ctx.outbox.settle(self.changes.receipt.take());
        for (waiting, receipt) in std::mem::take(&mut self.changes.waiting) {
            ctx.outbox.settle(receipt);
            // What its own sessions sent has nobody left to be answered.
            if let Waiting::Received(stanza) = waiting {
                no_such_user(stanza, ctx);
            }
        }
        ctx.outbox.removed.push_back(self.jid.clone());
    }

    /// What has waited takes its turn.
    fn next_changes(&mut self, ctx: &mut Context<'_>) {
        while !self.is_changing()
            && let Some((waiting, receipt)) = self.changes.waiting.pop_front()
        {
            let size = waiting.stanza().element().size();
            self.changes.waiting_bytes = self.changes.waiting_bytes.saturating_sub(size);
            let outer = std::mem::replace(&mut ctx.receipt, receipt);
            match waiting {
                Waiting::Received(stanza) => self.receive(stanza, ctx),
                Waiting::Sent(session, stanza) => {
                    if let Some(stanza) = self.send(session, stanza, ctx) {
                        let receipt = ctx.receipt.take();
                        ctx.outbox.send_with(stanza, receipt);
                    }
                }
            }
            ctx.done();
            ctx.receipt = outer;
        }
    }

    fn changed(&mut self, change: Change, ctx: &mut Context<'_>) {
        let before = self.watch_changes(&change.deltas);
        change.deltas.into_iter().for_each(|delta| self.record.apply(delta));
        for effect in change.effects {
            match effect {
                Effect::Send(stanza) => ctx.outbox.send(stanza),
                Effect::Deliver(session, stanza) => {
                    if self.sessions.iter().any(|known| known.id == session) {
                        ctx.outbox.deliver(session, stanza);
                    }
                }
                Effect::Push(jid) => self.push(&jid, ctx),
                Effect::Privacy(push) => self.push_privacy(&push, ctx),
                Effect::ToAvailable(stanza) => self.to_available(&stanza, ctx),
                Effect::ToInterested(stanza) => self.to_interested(&stanza, ctx),
                Effect::Show(jid) => self.show_to(&jid, ctx),
                Effect::Hide(jid) => self.hide_from(&jid, before.as_ref(), ctx),
            }
        }
        if let Some(before) = before {
            self.shift(before, ctx);
        }
    }

    /// Lets a stanza that is addressed to the account wait for the change under way, if it has to. Returns it if not; and if it
    /// is an answer for which there is no room: it cannot be refused, and too early is better than not at all.
    pub(super) fn received_in_turn(&mut self, stanza: Stanza, ctx: &mut Context<'_>) -> Option<Stanza> {
        if !self.must_wait(&stanza, stanza.from()) || is_answer(&stanza) && !self.has_room(&stanza, ctx) {
            return Some(stanza);
        }
        self.wait(Waiting::Received(stanza), ctx);
        None
    }

    /// As [`received_in_turn`](Self::received_in_turn), for what a session sends.
    pub(super) fn sent_in_turn(
        &mut self,
        session: SessionId,
        stanza: Stanza,
        ctx: &mut Context<'_>,
    ) -> Option<Stanza> {
        match self.must_wait(&stanza, stanza.to()) {
            true => {
                self.wait(Waiting::Sent(session, stanza), ctx);
                None
            }
            false => Some(stanza),
        }
    }

    fn has_room(&self, stanza: &Stanza, ctx: &Context<'_>) -> bool {
        let limits = &ctx.config.limits;
        let bytes = self.changes.waiting_bytes + stanza.element().size();
        self.changes.waiting.len() < limits.waiting_per_account && bytes <= limits.waiting_bytes_per_account
    }

    fn wait(&mut self, waiting: Waiting, ctx: &mut Context<'_>) {
        if self.has_room(waiting.stanza(), ctx) {
            self.changes.waiting_bytes += waiting.stanza().element().size();
            let receipt = ctx.hold();
            return self.changes.waiting.push_back((waiting, receipt));
        }
        let error = StanzaError::new(Condition::ResourceConstraint).with_type(ErrorType::Wait);
        ctx.outbox.bounce_with(waiting.stanza(), error);
    }

    /// `with`: who the stanza comes from or goes to.
    fn must_wait(&self, stanza: &Stanza, with: Option<&Jid>) -> bool {
        let other = || with.filter(|jid| !self.is_own(Some(jid)));
        self.is_changing()
            && (self.concerns_changes(stanza)
                || other().is_some_and(|jid| self.changes.concern(jid.bare_str())))
    }

    /// Whether a stanza reads or changes what lasts: contacts, subscriptions, who is blocked. Requests of others are refused
    /// whatever changes, so they need not wait.
    fn concerns_changes(&self, stanza: &Stanza) -> bool {
        match stanza {
            Stanza::Message(_) => false,
            Stanza::Presence(presence) => matches!(
                presence.kind(),
                PresenceType::Subscribe
                    | PresenceType::Subscribed
                    | PresenceType::Unsubscribe
                    | PresenceType::Unsubscribed
            ),
            Stanza::Iq(iq) => {
                iq.kind().is_request()
                    && iq.to().is_none_or(|to| *to == *self.jid || self.is_own_domain(to))
                    && self.is_own(iq.from())
                    && (iq.payload().is_some_and(|payload| NAMESPACES.contains(&payload.ns()))
                        || services::concerns_changes(iq))
            }
        }
    }
}

impl Changes {
    /// Whether the change under way is about a contact, or something waits that comes from it or goes to it.
    fn concern(&self, bare: &str) -> bool {
        let mut deltas = self.under_way.iter().flat_map(|change| &change.deltas);
        deltas.any(|delta| concerned(delta).is_some_and(|jid| jid.as_str() == bare))
            || self
                .waiting
                .iter()
                .any(|(waiting, _)| waiting.with().is_some_and(|jid| jid.bare_str() == bare))
    }

    /// Whether the user has taken a contact's subscription away, although the store does not know it yet: nothing new is for the
    /// contact to see.
    pub(super) fn revoke(&self, contact: &BareJid) -> bool {
        let mut deltas = self.under_way.iter().flat_map(|change| &change.deltas);
        deltas.any(|delta| match delta {
            Delta::Contact { jid, contact: Contact { from: false, .. } } => jid == contact,
            Delta::ContactRemoved { jid, .. } => jid == contact,
            _ => false,
        }) || self.waiting.iter().any(|(waiting, _)| match waiting {
            Waiting::Sent(_, Stanza::Presence(presence)) => {
                presence.kind() == PresenceType::Unsubscribed
                    && presence.to().is_some_and(|to| to.bare_str() == contact.as_str())
            }
            _ => false,
        })
    }
}

impl Waiting {
    /// Who it comes from or goes to.
    fn with(&self) -> Option<&Jid> {
        match self {
            Waiting::Received(stanza) => stanza.from(),
            Waiting::Sent(_, stanza) => stanza.to(),
        }
    }
}

/// Whether a stanza answers another, so that nobody can be told what becomes of it.
fn is_answer(stanza: &Stanza) -> bool {
    stanza.is_error() || matches!(stanza, Stanza::Iq(iq) if !iq.kind().is_request())
}

/// The contact that a change is about.
fn concerned(delta: &Delta) -> Option<&BareJid> {
    match delta {
        Delta::Contact { jid, .. } | Delta::ContactRemoved { jid, .. } | Delta::Request { jid, .. } => {
            Some(jid)
        }
        _ => None,
    }
}
