//! Presence of an account's own resources, and presence that reaches it (RFC 6121 section 4).
//!
//! There are no rosters and no subscriptions yet. Until there are:
//! - broadcasts go to the account's own available resources, to whom everybody is implicitly subscribed (4.2.2);
//! - requests to change a subscription that a session sends are refused with feature-not-implemented; a request to subscribe
//!   that arrives is declined with unsubscribed, other changes mean nothing and are ignored;
//! - a probe from a stranger is answered with unsubscribed, which is the truth (4.3.2); and so it is for an account that does
//!   not exist.

use super::{Account, Available, Context, Session};
use crate::jid::Jid;
use crate::server::output::SessionId;
use crate::stanza::{Condition, Presence, PresenceBuilder, PresenceType, Stanza};

impl Account {
    /// A session's presence without `to`: for broadcast (RFC 6121 sections 4.2.2, 4.4.2, 4.5.2).
    pub(in crate::server) fn broadcast(&mut self, id: SessionId, presence: Presence, ctx: &mut Context<'_>) {
        match presence.kind() {
            PresenceType::Available => self.broadcast_available(id, presence, ctx),
            PresenceType::Unavailable => self.broadcast_unavailable(id, presence, ctx),
            // A client should not probe, but must not be punished for it (4.3). An error that names no addressee says nothing.
            PresenceType::Probe | PresenceType::Error => {}
            PresenceType::Subscribe
            | PresenceType::Subscribed
            | PresenceType::Unsubscribe
            | PresenceType::Unsubscribed => {
                ctx.outbox.bounce(&Stanza::Presence(presence), Condition::BadRequest);
            }
        }
    }

    fn broadcast_available(&mut self, id: SessionId, presence: Presence, ctx: &mut Context<'_>) {
        let Some(session) = self.sessions.iter_mut().find(|session| session.id == id) else { return };
        let initial = session.available.is_none();
        session.available = Some(Available { priority: presence.priority(), presence: presence.clone() });
        self.to_available(&self.addressed_to_self(presence), ctx);
        if initial {
            self.show_others(id, ctx);
        }
        self.became_available(id, ctx);
    }

    /// Tells a resource that has just become available who else is.
    fn show_others(&self, id: SessionId, ctx: &mut Context<'_>) {
        for other in self.sessions.iter().filter(|session| session.id != id) {
            if let Some(available) = &other.available {
                ctx.outbox.deliver(id, self.addressed_to_self(available.presence.clone()));
            }
        }
    }

    fn broadcast_unavailable(&mut self, id: SessionId, presence: Presence, ctx: &mut Context<'_>) {
        let stanza = self.addressed_to_self(presence.clone());
        let Some(index) = self.sessions.iter().position(|session| session.id == id) else { return };
        if self.sessions.get(index).is_some_and(|session| session.available.is_some()) {
            self.to_available(&stanza, ctx);
        }
        if let Some(session) = self.sessions.get_mut(index) {
            session.available = None;
            session.end_directed(Some(&presence), ctx);
        }
    }

    fn addressed_to_self(&self, presence: Presence) -> Stanza {
        let mut stanza = Stanza::Presence(presence);
        stanza.set_to(Some(self.jid.clone().into()));
        stanza
    }

    /// A session's presence with `to`. Returns it if it is to be routed.
    pub(super) fn direct(
        &mut self,
        id: SessionId,
        presence: Presence,
        ctx: &mut Context<'_>,
    ) -> Option<Stanza> {
        let kind = presence.kind();
        let to = presence.to().cloned()?;
        let stanza = Stanza::Presence(presence);
        let session = self.sessions.iter_mut().find(|session| session.id == id)?;
        match kind {
            PresenceType::Available => {
                let full = session.directed.len() >= ctx.config.limits.directed_per_session;
                if full && !session.directed.contains(&to) {
                    ctx.outbox.bounce(&stanza, Condition::ResourceConstraint);
                    return None;
                }
                session.directed.insert(to);
            }
            PresenceType::Unavailable => {
                session.directed.remove(&to);
            }
            PresenceType::Probe | PresenceType::Error => {}
            PresenceType::Subscribe
            | PresenceType::Subscribed
            | PresenceType::Unsubscribe
            | PresenceType::Unsubscribed => {
                ctx.outbox.bounce(&stanza, Condition::FeatureNotImplemented);
                return None;
            }
        }
        Some(stanza)
    }

    /// Presence that is addressed to this account (RFC 6121 sections 8.5.2.1.2, 8.5.2.2.2, 8.5.3).
    pub(super) fn receive_presence(&mut self, presence: Presence, ctx: &mut Context<'_>) {
        match presence.kind() {
            PresenceType::Unavailable => {
                self.forget_directed(&presence);
                self.hand_over(presence, ctx);
            }
            PresenceType::Available => self.hand_over(presence, ctx),
            PresenceType::Error => {
                // To the resource whose presence caused it; nobody else would know what to make of it.
                if presence.to().is_some_and(|to| to.resource().is_some()) {
                    self.hand_over(presence, ctx);
                }
            }
            PresenceType::Probe => self.receive_probe(&presence, ctx),
            PresenceType::Subscribe => decline(&presence, ctx),
            PresenceType::Subscribed | PresenceType::Unsubscribe | PresenceType::Unsubscribed => {}
        }
    }

    /// To the resource that is addressed if it is there, or to all available ones.
    fn hand_over(&self, presence: Presence, ctx: &mut Context<'_>) {
        match presence.to().and_then(|to| to.resource()) {
            Some(resource) => {
                if let Some(session) = self.session(resource) {
                    ctx.outbox.deliver(session.id, Stanza::Presence(presence));
                }
            }
            None => self.to_available(&Stanza::Presence(presence), ctx),
        }
    }

    /// Who has gone need not be told that we go (RFC 6121 section 4.6.1).
    fn forget_directed(&mut self, presence: &Presence) {
        let (Some(from), Some(to)) = (presence.from(), presence.to()) else { return };
        for session in &mut self.sessions {
            if to.resource().is_none() || to.resource() == session.jid.resource() {
                session.directed.remove(from);
            }
        }
    }

    /// RFC 6121 sections 4.3.2 and 4.6.6.
    fn receive_probe(&self, presence: &Presence, ctx: &mut Context<'_>) {
        let (Some(from), Some(to)) = (presence.from(), presence.to()) else { return };
        if self.is_own(Some(from)) {
            return self.answer_own_probe(presence, from, to, ctx);
        }
        let knows = to.resource().and_then(|resource| self.session(resource));
        match knows.filter(|session| session.directed.contains(from)) {
            Some(session) => {
                let answer = Presence::builder(PresenceType::Available)
                    .from(session.jid.clone().into())
                    .to(from.clone());
                ctx.outbox.send(Stanza::Presence(answer.build()));
            }
            None => decline(presence, ctx),
        }
    }

    /// The last presence of each available resource that was asked for, or that there is none.
    fn answer_own_probe(&self, probe: &Presence, from: &Jid, to: &Jid, ctx: &mut Context<'_>) {
        let asked = |session: &&Session| to.resource().is_none() || to.resource() == session.jid.resource();
        let mut available =
            self.sessions.iter().filter(asked).filter_map(|session| session.available.as_ref()).peekable();
        if available.peek().is_none() {
            let answer = Presence::builder(PresenceType::Unavailable).from(to.clone()).to(from.clone());
            ctx.outbox.send(Stanza::Presence(mirror_id(answer, probe).build()));
        }
        for available in available {
            let mut stanza = Stanza::Presence(available.presence.clone());
            stanza.set_to(Some(from.clone()));
            ctx.outbox.send(stanza);
        }
    }
}

impl Session {
    /// Unavailable presence in the name of a session that cannot send it any more.
    pub(super) fn unavailable(&self, to: Option<Jid>) -> Stanza {
        let presence = Presence::builder(PresenceType::Unavailable).from(self.jid.clone().into());
        let mut stanza = Stanza::Presence(presence.build());
        stanza.set_to(to);
        stanza
    }

    /// Tells those who got directed presence that it is over (RFC 6121 section 4.6.3), in the words of the session's own
    /// farewell if it sent one.
    pub(super) fn end_directed(&mut self, farewell: Option<&Presence>, ctx: &mut Context<'_>) {
        for to in std::mem::take(&mut self.directed) {
            let stanza = match farewell {
                Some(presence) => {
                    let mut stanza = Stanza::Presence(presence.clone());
                    stanza.set_to(Some(to));
                    stanza
                }
                None => self.unavailable(Some(to)),
            };
            ctx.outbox.send(stanza);
        }
    }
}

/// Presence for an account that does not exist (RFC 6121 section 8.5.1).
pub(super) fn no_such_user(presence: &Presence, ctx: &mut Context<'_>) {
    if presence.kind() == PresenceType::Probe {
        decline(presence, ctx);
    }
}

/// Answers `unsubscribed` from the bare address.
fn decline(presence: &Presence, ctx: &mut Context<'_>) {
    let (Some(from), Some(to)) = (presence.from(), presence.to()) else { return };
    let answer =
        Presence::builder(PresenceType::Unsubscribed).from(to.to_bare().into()).to(from.to_bare().into());
    ctx.outbox.send(Stanza::Presence(mirror_id(answer, presence).build()));
}

/// An answer that carries no presence of the account's own has the id of what it answers (RFC 6121 section 4.3.2.1).
fn mirror_id(answer: PresenceBuilder, request: &Presence) -> PresenceBuilder {
    match request.id() {
        Some(id) => answer.id(id),
        None => answer,
    }
}
