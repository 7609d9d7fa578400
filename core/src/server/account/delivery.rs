//! Messages and requests that reach an account (RFC 6121 section 8.5).
//!
//! Where RFC 6121 leaves a choice:
//! - normal and chat messages to the bare address go to the "most available" resources: all that share the highest priority,
//!   if that is not negative (8.5.2.1.1);
//! - with no such resource they are refused with service-unavailable, as they are for an account that does not exist, so that
//!   the two cannot be told apart;
//! - a full address that matches no resource: chat goes where the bare address would lead (8.5.3.2.1), headlines are ignored,
//!   the rest is refused.
//!
//! Requests to a full address are delivered to whoever asks: without subscriptions there is no telling who may know that a
//! resource is there (8.5.3.1).

use super::{Account, Context, Session, roster};
use crate::server::module::Place;
use crate::server::services;
use crate::stanza::{Condition, Iq, Message, MessageType, Stanza};

impl Account {
    pub(super) fn receive_message(&self, message: Message, ctx: &mut Context<'_>) {
        let kind = message.kind();
        let resource = message.to().and_then(|to| to.resource());
        if let Some(resource) = resource {
            if let Some(session) = self.session(resource) {
                return ctx.outbox.deliver(session.id, Stanza::Message(message));
            }
            if kind != MessageType::Chat {
                return unmatched_message(message, ctx);
            }
        }
        let message = Stanza::Message(message);
        let reached = match kind {
            MessageType::Normal | MessageType::Chat => self.to_most_available(&message, ctx),
            MessageType::Headline => {
                self.to_priority(&message, 0, ctx);
                true
            }
            MessageType::Error => true,
            MessageType::Groupchat => false,
        };
        if !reached {
            ctx.outbox.bounce(&message, Condition::ServiceUnavailable);
        }
    }

    /// To all resources that share the highest priority. False if there is none whose priority is not negative.
    fn to_most_available(&self, message: &Stanza, ctx: &mut Context<'_>) -> bool {
        let highest = self.sessions.iter().filter_map(Session::priority).max();
        match highest {
            Some(priority) if priority >= 0 => {
                self.to_priority(message, priority, ctx);
                true
            }
            _ => false,
        }
    }

    /// To all available resources with at least this priority.
    fn to_priority(&self, message: &Stanza, least: i8, ctx: &mut Context<'_>) {
        for session in &self.sessions {
            if session.priority().is_some_and(|priority| priority >= least) {
                ctx.outbox.deliver(session.id, message.clone());
            }
        }
    }

    pub(super) fn receive_iq(&mut self, iq: Iq, ctx: &mut Context<'_>) {
        match iq.to().and_then(|to| to.resource()) {
            Some(resource) => match self.session(resource) {
                Some(session) => ctx.outbox.deliver(session.id, Stanza::Iq(iq)),
                None => ctx.outbox.bounce(&Stanza::Iq(iq), Condition::ServiceUnavailable),
            },
            None if iq.kind().is_request() && roster::is_about_roster(&iq) => self.receive_roster(iq, ctx),
            None if iq.kind().is_request() => {
                let own = self.is_own(iq.from());
                services::answer(&iq, Place::Account { own }, ctx);
            }
            // The server asks nothing in the account's name, so this answers nothing (RFC 6120 section 10.3.3).
            None => {}
        }
    }
}

impl Session {
    /// The priority of an available resource.
    fn priority(&self) -> Option<i8> {
        self.available.as_ref().map(|available| available.priority)
    }
}

/// A stanza for an account that does not exist (RFC 6121 section 8.5.1).
pub(in crate::server) fn no_such_user(stanza: Stanza, ctx: &mut Context<'_>) {
    match stanza {
        Stanza::Message(message) => unmatched_message(message, ctx),
        Stanza::Iq(ref iq) => {
            let condition = roster::refusal_for_strangers(iq);
            ctx.outbox.bounce(&stanza, condition);
        }
        Stanza::Presence(presence) => super::presence::no_such_user(&presence, ctx),
    }
}

/// A message that nobody is there for: headlines are ignored, other messages refused (errors are never answered).
fn unmatched_message(message: Message, ctx: &mut Context<'_>) {
    if message.kind() != MessageType::Headline {
        ctx.outbox.bounce(&Stanza::Message(message), Condition::ServiceUnavailable);
    }
}
