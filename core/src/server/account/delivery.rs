//! Messages and requests that reach an account (RFC 6121 section 8.5).
//!
//! Where RFC 6121 leaves a choice:
//! - normal and chat messages to the bare address go to the "most available" resources, all that share the highest priority,
//!   or to all resources, as configured; in either case only if the priority is not negative (8.5.2.1.1);
//! - with no such resource they are kept (8.5.2.2.1, XEP-0160);
//! - a full address that matches no resource: chat goes where the bare address would lead (8.5.3.2.1), the rest is refused;
//! - where it may be ignored or refused (8.1), a message with a body is refused, so that nothing that people write is lost in
//!   silence (RFC 2779 section 5.4.1). Anything else is refused only if the sender may know that nobody is there, and ignored
//!   otherwise: so nobody can find out who is online (section 11) without showing himself to whoever is.

use super::offline::is_worth_keeping;
use super::{Account, Context, Session, privacy, roster};
use crate::jid::Jid;
use crate::ns;
use crate::server::config::{BareDelivery, UnknownUsers};
use crate::server::managed::Share;
use crate::server::output::SessionId;
use crate::server::services;
use crate::stanza::{Condition, Iq, Message, MessageType, Stanza};
use std::ops::Bound;

/// What becomes of a message: a cell of the table of RFC 6121 section 8.5.4.
enum Fate {
    /// To the resource that is addressed (D).
    Resource(SessionId),
    /// To all available resources with at least this priority (M, A).
    Priority(i8),
    /// Kept until somebody is there (O).
    Keep,
    /// Refused (E).
    Refuse,
    /// Refused or ignored (S/E).
    Unreachable,
    /// Ignored (S).
    Ignore,
}

impl Account {
    pub(super) fn receive_message(&mut self, message: Message, ctx: &mut Context<'_>) {
        if self.is_stamped_in_our_name(&message) {
            return ctx.outbox.bounce(&message.into(), Condition::NotAcceptable);
        }
        self.deliver_message(message, true, ctx);
    }

    /// Delivers a message, `copies`: also to resources that want copies.
    pub(super) fn deliver_message(&mut self, message: Message, copies: bool, ctx: &mut Context<'_>) {
        match self.fate(&message, ctx.config.to_bare) {
            Fate::Resource(id) => {
                let copied = match copies && self.sessions.len() > 1 {
                    true => self.copy_received(&message, |session| session.id == id, ctx),
                    false => None,
                };
                self.offline.hand(id, message, copied.into(), ctx);
            }
            Fate::Priority(least) => self.deliver_to_priority(message, least, copies, ctx),
            Fate::Keep => self.keep(message, copies, ctx.now.utc, ctx),
            Fate::Unreachable => self.unreachable(message, ctx),
            Fate::Refuse => ctx.outbox.bounce(&message.into(), Condition::ServiceUnavailable),
            Fate::Ignore => {}
        }
    }

    /// Whether a message would be kept if it came now.
    pub(super) fn would_be_kept(&self, message: &Message, ctx: &Context<'_>) -> bool {
        matches!(self.fate(message, ctx.config.to_bare), Fate::Keep)
    }

    fn fate(&self, message: &Message, to_bare: BareDelivery) -> Fate {
        let kind = message.kind();
        let resource = message.to().and_then(|to| to.resource());
        if let Some(resource) = resource {
            if let Some(session) = self.session(resource) {
                return Fate::Resource(session.id);
            }
            if kind != MessageType::Chat {
                return if kind == MessageType::Error { Fate::Ignore } else { Fate::Unreachable };
            }
        }
        match kind {
            MessageType::Normal | MessageType::Chat => {
                let deaf = self.deaf_to(message.from());
                let hearing = self.sessions.iter().filter(|session| !deaf.contains(&session.id));
                match hearing.filter_map(Session::priority).max() {
                    Some(0..) if to_bare == BareDelivery::NonNegative => Fate::Priority(0),
                    Some(highest @ 0..) => Fate::Priority(highest),
                    _ => Fate::Keep,
                }
            }
            MessageType::Headline => Fate::Priority(0),
            MessageType::Groupchat => Fate::Refuse,
            MessageType::Error => Fate::Ignore,
        }
    }

    /// To all available resources with at least this priority.
    fn deliver_to_priority(&mut self, message: Message, least: i8, copies: bool, ctx: &mut Context<'_>) {
        let deaf = self.deaf_to(message.from());
        let reached = |session: &Session| {
            session.priority().is_some_and(|priority| priority >= least) && !deaf.contains(&session.id)
        };
        let copied = match copies && self.sessions.len() > 1 {
            true => self.copy_received(&message, reached, ctx),
            false => None,
        };
        let mut receivers = self.sessions.iter().filter(|session| reached(session)).peekable();
        let several = receivers.clone().nth(1).is_some();
        let share = copied.or_else(|| several.then(Share::default));
        while let Some(session) = receivers.next() {
            if receivers.peek().is_none() {
                return self.offline.hand(session.id, message, share.into(), ctx);
            }
            self.offline.hand(session.id, message.clone(), share.clone().into(), ctx);
        }
    }

    /// A message that reaches nobody and is not kept. See the [module](self).
    pub(super) fn unreachable(&self, message: Message, ctx: &mut Context<'_>) {
        if is_loss(&message) || self.may_know(message.from()) {
            ctx.outbox.bounce(&message.into(), Condition::ServiceUnavailable);
        }
    }

    /// Whether somebody may know who is online: the user, those who are subscribed, and those to whom one of the sessions has
    /// shown itself (RFC 6121 section 8.1); but nobody whom a privacy list hides one of them from.
    fn may_know(&self, who: Option<&Jid>) -> bool {
        let shown = |who| self.sessions.iter().any(|session| session.has_shown_itself_to(who));
        who.is_some_and(|who| self.is_subscribed(who) && !self.hides_from(who) || shown(who))
    }

    /// A note on a delay that claims to be ours is forged (XEP-0203 section 5): ours is added on the way out.
    fn is_stamped_in_our_name(&self, message: &Message) -> bool {
        let Some(delay) = message.child("delay", ns::DELAY) else { return false };
        let by = delay.attr("from").and_then(|from| Jid::new(from).ok());
        by.is_some_and(|by| by.as_str() == self.jid.domain())
    }

    pub(super) fn receive_iq(&mut self, iq: Iq, ctx: &mut Context<'_>) {
        match iq.to().and_then(|to| to.resource()) {
            Some(resource) => match self.session(resource).filter(|session| self.may_ask(session, &iq)) {
                Some(session) => ctx.outbox.deliver(session.id, Stanza::Iq(iq)),
                None => ctx.outbox.bounce(&Stanza::Iq(iq), Condition::ServiceUnavailable),
            },
            None if iq.kind().is_request() && roster::is_about_roster(&iq) => self.receive_roster(iq, ctx),
            None if iq.kind().is_request() && self.is_own(iq.from()) && privacy::is_about_privacy(&iq) => {
                self.receive_privacy(iq, ctx);
            }
            None if iq.kind().is_request() && self.switch_carbons(&iq, ctx) => {}
            None if iq.kind().is_request() => self.receive_request(&iq, ctx),
            // The server asks nothing in the account's name, so this answers nothing (RFC 6120 section 10.3.3).
            None => {}
        }
    }

    /// Requests reach a resource only from those who may know that it is there (RFC 6121 section 8.5.3.1); answers always do.
    fn may_ask(&self, session: &Session, iq: &Iq) -> bool {
        let sees = |who| self.is_subscribed(who) && self.shows(session, who);
        let knows = |who| sees(who) || session.has_shown_itself_to(who);
        !iq.kind().is_request() || iq.from().is_some_and(knows)
    }
}

impl Session {
    /// The priority of an available resource.
    pub(super) fn priority(&self) -> Option<i8> {
        self.available.as_ref().map(|available| available.priority)
    }

    /// Whether it has sent directed presence to an address, or to another with the same bare address: who is in a room is in
    /// it with all others (RFC 6121 section 4.6).
    pub(super) fn has_shown_itself_to(&self, who: &Jid) -> bool {
        // In order of the text: what begins like the bare address stands together.
        let from = (Bound::Included(who.bare_str()), Bound::Unbounded);
        self.directed
            .range::<str, _>(from)
            .take_while(|told| told.as_str().starts_with(who.bare_str()))
            .any(|told| told.bare_str() == who.bare_str())
    }
}

/// Whether people lose something if a message reaches nobody.
fn is_loss(message: &Message) -> bool {
    message.kind() != MessageType::Headline && message.body(None).is_some()
}

/// A stanza for an account that does not exist (RFC 6121 section 8.5.1).
pub(in crate::server) fn no_such_user(stanza: Stanza, ctx: &mut Context<'_>) {
    match stanza {
        Stanza::Message(message) => {
            let to_bare = message.to().is_some_and(Jid::is_bare);
            let refused = match message.kind() {
                MessageType::Groupchat if to_bare => true,
                // Errors are never answered.
                MessageType::Headline | MessageType::Error => false,
                _ if ctx.config.unknown_users == UnknownUsers::Refuse => true,
                // As for an account that exists and nobody is online for: what it would keep is ignored.
                kind => {
                    let would_be_kept = (to_bare || kind == MessageType::Chat) && is_worth_keeping(&message);
                    is_loss(&message) && !would_be_kept
                }
            };
            if refused {
                ctx.outbox.bounce(&message.into(), Condition::ServiceUnavailable);
            }
        }
        // As for a resource that the sender may not know of.
        Stanza::Iq(iq) if iq.to().is_some_and(|to| to.resource().is_some()) => {
            ctx.outbox.bounce(&iq.into(), Condition::ServiceUnavailable);
        }
        Stanza::Iq(ref iq) if roster::is_about_roster(iq) => {
            let condition = roster::refusal_for_strangers(iq);
            ctx.outbox.bounce(&stanza, condition);
        }
        Stanza::Iq(iq) => services::for_nobody(&iq, ctx),
        Stanza::Presence(presence) => super::presence::no_such_user(&presence, ctx),
    }
}
