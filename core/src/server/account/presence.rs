//! Presence of an account's own resources, and presence that reaches it (RFC 6121 section 4).
//!
//! Nobody sees presence but the account's own resources, contacts with a subscription (from, both), and whoever a resource has
//! told itself (RFC 2779 sections 2.3 and 5). Where RFC 6121 leaves a choice:
//! - a resource that becomes available learns of its contacts' presence by probes, whatever other resources know (4.3.1);
//! - whoever may not see presence, and whoever probes an account that does not exist, is told `unsubscribed` (4.3.2 rule 1);
//! - while no resource is available, a probe is answered with the time when the last one went, and no more (4.3.2 rule 3);
//! - a contact with a subscription that a resource sends presence to is told of its end by the broadcast, and not once more
//!   (4.6.3 rule 1);
//! - errors are delivered and change nothing: RFC 6121 does not stop broadcasts to whoever answers with one (4.4.2, 4.5.2).

use super::privacy::Shift;
use super::{Account, Available, Context, Session};
use crate::jid::{BareJid, Jid};
use crate::machine::{Instant, Utc};
use crate::payload::delay::Delay;
use crate::server::config::Limits;
use crate::server::outbox::{Then, What};
use crate::server::output::SessionId;
use crate::server::privacy::Traffic;
use crate::server::store::{Delta, LastPresence};
use crate::server::subscription::Kind;
use crate::stanza::{Condition, ErrorType, Presence, PresenceBuilder, PresenceType, Stanza, StanzaError};
use std::collections::BTreeSet;

impl Account {
    /// Whom a broadcast goes to, besides the account's own resources: contacts that are subscribed to the account (RFC 6121
    /// sections 4.2.2, 4.4.2, 4.5.2), unless a privacy list hides it from them. `session` has sent `presence`, or has it sent
    /// in its name.
    fn audience<'a>(
        &'a self,
        session: &'a Session,
        presence: &Presence,
    ) -> impl Iterator<Item = &'a BareJid> {
        let shows = presence.kind() == PresenceType::Available;
        let contacts =
            self.record.roster.contacts.iter().filter(|(_, contact)| contact.from).map(|(jid, _)| jid);
        let subscribed = contacts.filter(move |jid| !(shows && self.changes.revoke(jid)));
        subscribed.filter(|jid| self.shows(session, jid))
    }

    /// Whether somebody is subscribed to the account's presence. So is the account itself (4.2.2).
    pub(super) fn is_subscribed(&self, jid: &Jid) -> bool {
        let contact = || self.record.roster.contacts.get(jid.bare_str());
        self.is_own(Some(jid)) || contact().is_some_and(|contact| contact.from)
    }

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
        let online = self.is_online();
        let Some(session) = self.sessions.iter_mut().find(|session| session.id == id) else { return };
        if !session.broadcasts.admit(ctx.now.instant, &ctx.config.limits) {
            let error = StanzaError::new(Condition::PolicyViolation).with_type(ErrorType::Wait);
            let error = error.with_text_in("en", "You change your presence too often.");
            return ctx.outbox.bounce_with(&Stanza::Presence(presence), error);
        }
        let available = Available { priority: presence.priority(), presence: presence.clone() };
        let initial = session.available.replace(available).is_none();
        if let Some(session) = self.sessions.iter().find(|session| session.id == id) {
            self.announce(session, &presence, ctx);
        }
        if initial {
            self.show_others(id, ctx);
            self.probe_contacts(id, ctx);
            self.show_requests(id, ctx);
        }
        if !online {
            self.ask_again(ctx);
        }
        self.became_available(id, ctx);
    }

    /// Tells the account's own available resources and its subscribers.
    fn announce(&self, session: &Session, presence: &Presence, ctx: &mut Context<'_>) {
        self.to_available(&addressed(presence, self.jid.clone().into()), ctx);
        for contact in self.audience(session, presence) {
            ctx.outbox.send(addressed(presence, contact.clone().into()));
        }
    }

    /// Tells a resource that has just become available who else is.
    fn show_others(&self, id: SessionId, ctx: &mut Context<'_>) {
        for other in self.sessions.iter().filter(|session| session.id != id) {
            if let Some(available) = &other.available {
                ctx.outbox.deliver(id, addressed(&available.presence, self.jid.clone().into()));
            }
        }
    }

    /// Asks those whom the account is subscribed to for their presence (4.3.1).
    fn probe_contacts(&self, id: SessionId, ctx: &mut Context<'_>) {
        let Some(session) = self.sessions.iter().find(|session| session.id == id) else { return };
        for (contact, _) in self.record.roster.contacts.iter().filter(|(_, contact)| contact.to) {
            if self.asks(session, contact) {
                self.probe(contact, ctx);
            }
        }
    }

    /// Asks somebody for their presence, in the name of all resources.
    pub(super) fn probe(&self, contact: &BareJid, ctx: &mut Context<'_>) {
        let probe = Presence::builder(PresenceType::Probe).from(self.jid.clone().into());
        ctx.outbox.send(Stanza::Presence(probe.to(contact.clone().into()).build()));
    }

    fn broadcast_unavailable(&mut self, id: SessionId, presence: Presence, ctx: &mut Context<'_>) {
        let Some(session) = self.sessions.iter_mut().find(|session| session.id == id) else { return };
        // The session itself is told, too (4.5.2), so it is among the others while they are.
        let directed = std::mem::take(&mut session.directed);
        let was_available = session.available.is_some();
        if let Some(session) = self.sessions.iter().find(|session| session.id == id) {
            if was_available {
                self.announce(session, &presence, ctx);
            }
            self.end_directed(directed, was_available, &presence, ctx);
        }
        if let Some(session) = self.sessions.iter_mut().find(|session| session.id == id) {
            session.available = None;
        }
        if was_available {
            self.note_last(&presence, ctx);
        }
    }

    /// Says that a session which is not among the others any more is unavailable, to all who have been told that it was
    /// available (4.5.2, 4.6.3).
    pub(super) fn announce_end(&self, session: Session, presence: &Presence, ctx: &mut Context<'_>) {
        let was_available = session.available.is_some();
        if was_available {
            self.announce(&session, presence, ctx);
        }
        self.end_directed(session.directed, was_available, presence, ctx);
    }

    /// Tells those who got directed presence that it is over, unless the broadcast has told them.
    fn end_directed(
        &self,
        directed: BTreeSet<Jid>,
        broadcast: bool,
        presence: &Presence,
        ctx: &mut Context<'_>,
    ) {
        for to in directed {
            if !(broadcast && self.is_subscribed(&to)) {
                ctx.outbox.send(addressed(presence, to));
            }
        }
    }

    /// A resource became unavailable. If it was the last one, remembers when (4.3.2 rule 3, XEP-0012). That is known at once, for
    /// it is no promise, and kept for later if the store can.
    pub(super) fn note_last(&mut self, farewell: &Presence, ctx: &mut Context<'_>) {
        if self.anonymous || self.is_online() {
            return;
        }
        let status = farewell.status(None).unwrap_or_default();
        let status = shortened(&status, ctx.config.limits.last_status_bytes).into();
        let last = Delta::Last(Some(LastPresence { at: ctx.now.utc, status }));
        self.record.apply(last.clone());
        ctx.outbox.ask(self.jid.clone(), What::Save(vec![last]), Then::Nothing);
    }

    /// Whether any resource is available.
    pub(super) fn is_online(&self) -> bool {
        self.sessions.iter().any(|session| session.available.is_some())
    }

    /// Somebody has got a subscription: it sees all available resources (3.1.5).
    pub(super) fn show_to(&self, contact: &BareJid, ctx: &mut Context<'_>) {
        for session in self.sessions.iter().filter(|session| self.shows(session, contact)) {
            if let Some(available) = &session.available {
                ctx.outbox.send(addressed(&available.presence, contact.clone().into()));
            }
        }
    }

    /// Somebody is about to lose its subscription: no resource is available to it any more (3.2.2, 3.3.3), also where one had
    /// told it so itself (4.6.1). A session that the contact did not see `before`, on account of a privacy list, says nothing.
    pub(super) fn hide_from(&mut self, contact: &BareJid, before: Option<&Shift>, ctx: &mut Context<'_>) {
        let unseen = |session: &Session| before.is_some_and(|before| before.hid(session.id, contact));
        for session in self.sessions.iter_mut().filter(|session| !unseen(session)) {
            let is_contact = |to: &Jid| to.bare_str() == contact.as_str();
            let told: Vec<Jid> = session.directed.iter().filter(|to| is_contact(to)).cloned().collect();
            session.directed.retain(|to| !is_contact(to));
            let presence = session.unavailable();
            match session.available {
                Some(_) => ctx.outbox.send(addressed(&presence, contact.clone().into())),
                None => told.into_iter().for_each(|to| ctx.outbox.send(addressed(&presence, to))),
            }
        }
    }

    /// A session's presence with `to`. Returns it if it is to be routed.
    pub(super) fn direct(
        &mut self,
        id: SessionId,
        presence: Presence,
        ctx: &mut Context<'_>,
    ) -> Option<Stanza> {
        if let Some(kind) = Kind::of(presence.kind()) {
            self.send_subscription(kind, presence, ctx);
            return None;
        }
        let to = presence.to().cloned()?;
        let is_subscribed = self.is_subscribed(&to);
        let session = self.sessions.iter_mut().find(|session| session.id == id)?;
        match presence.kind() {
            // The broadcast that ends the presence session reaches it, too (4.6.3 rule 1).
            PresenceType::Available if is_subscribed && session.available.is_some() => {}
            PresenceType::Available => {
                let full = session.directed.len() >= ctx.config.limits.directed_per_session;
                if full && !session.directed.contains(&to) {
                    ctx.outbox.bounce(&Stanza::Presence(presence), Condition::ResourceConstraint);
                    return None;
                }
                session.directed.insert(to);
            }
            PresenceType::Unavailable => {
                session.directed.remove(&to);
            }
            _ => {}
        }
        Some(Stanza::Presence(presence))
    }

    /// Presence that is addressed to this account (RFC 6121 sections 8.5.2.1.2, 8.5.2.2.2, 8.5.3).
    pub(super) fn receive_presence(&mut self, presence: Presence, ctx: &mut Context<'_>) {
        if let Some(kind) = Kind::of(presence.kind()) {
            return self.receive_subscription(kind, presence, ctx);
        }
        match presence.kind() {
            PresenceType::Probe => return self.receive_probe(&presence, ctx),
            PresenceType::Unavailable => self.forget_directed(&presence),
            _ => {}
        }
        self.hand_over(presence, ctx);
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
    fn receive_probe(&self, probe: &Presence, ctx: &mut Context<'_>) {
        let (Some(from), Some(to)) = (probe.from(), probe.to()) else { return };
        if self.is_subscribed(from) {
            return match to.resource() {
                None => self.answer_probe(probe, from, ctx),
                Some(resource) => self.answer_probe_of_resource(probe, from, resource, ctx),
            };
        }
        let knows = |session: &&Session| {
            session.directed.contains(from) || session.directed.contains(from.bare_str())
        };
        match to.resource().and_then(|resource| self.session(resource)).filter(knows) {
            Some(session) => ctx.outbox.send(session.mere_presence(from)),
            None => ctx.outbox.decline(probe),
        }
    }

    /// What every available resource has said last; while there is none, since when (4.3.2 rules 3 and 4).
    fn answer_probe(&self, probe: &Presence, from: &Jid, ctx: &mut Context<'_>) {
        let mut seen = false;
        for session in self.sessions.iter().filter(|session| self.shows(session, from)) {
            if let Some(available) = &session.available {
                ctx.outbox.send(addressed(&available.presence, from.clone()));
                seen = true;
            }
        }
        if !seen {
            // Whom a privacy list hides presence from cannot learn from this when the user was last online either.
            let last = self.record.last.as_ref();
            let last = last.filter(|_| !self.is_online() && self.keeps(Traffic::PresenceOut, from));
            answer_gone(probe, last.map(|last| last.at), ctx);
        }
    }

    /// Only whether that one resource is available; to the account's own resources also in what words.
    fn answer_probe_of_resource(&self, probe: &Presence, from: &Jid, resource: &str, ctx: &mut Context<'_>) {
        let session = self.session(resource).filter(|session| self.shows(session, from));
        match session.and_then(|session| Some((session, session.available.as_ref()?))) {
            Some((_, available)) if self.is_own(Some(from)) => {
                ctx.outbox.send(addressed(&available.presence, from.clone()));
            }
            Some((session, _)) => ctx.outbox.send(session.mere_presence(from)),
            None => answer_gone(probe, None, ctx),
        }
    }
}

/// How often a session has changed its presence lately. Each change reaches all subscribers, so nothing that a client can send
/// costs more for its size.
#[derive(Debug, Default)]
pub(super) struct Broadcasts {
    since: Instant,
    count: usize,
}

impl Broadcasts {
    fn admit(&mut self, now: Instant, limits: &Limits) -> bool {
        if self.since + limits.broadcasts_within <= now {
            *self = Broadcasts { since: now, count: 0 };
        }
        self.count += 1;
        self.count <= limits.broadcasts_per_session
    }
}

impl Session {
    /// Unavailable presence in the name of a session that does not send it itself.
    pub(super) fn unavailable(&self) -> Presence {
        Presence::builder(PresenceType::Unavailable).from(self.jid.clone().into()).build()
    }

    /// That it is there, and no more (4.3.2, 4.6.6).
    fn mere_presence(&self, to: &Jid) -> Stanza {
        let presence = Presence::builder(PresenceType::Available).from(self.jid.clone().into());
        Stanza::Presence(presence.to(to.clone()).build())
    }
}

/// The same presence for somebody. Shares all but the address.
fn addressed(presence: &Presence, to: Jid) -> Stanza {
    let mut presence = presence.clone();
    presence.set_to(Some(to));
    Stanza::Presence(presence)
}

/// Answers a probe of an account that has no session. `subscribed`: the prober is subscribed to it; `last`: when its last
/// resource went.
pub(in crate::server) fn answer_absent(
    probe: &Stanza,
    subscribed: bool,
    last: Option<Utc>,
    ctx: &mut Context<'_>,
) {
    let Stanza::Presence(probe) = probe else { return };
    match subscribed {
        true => answer_gone(probe, last.filter(|_| probe.to().is_some_and(Jid::is_bare)), ctx),
        false => ctx.outbox.decline(probe),
    }
}

/// Tells whoever probes that nobody is there, and since when if that is known (4.3.2 rule 3).
fn answer_gone(probe: &Presence, since: Option<Utc>, ctx: &mut Context<'_>) {
    let (Some(from), Some(to)) = (probe.from(), probe.to()) else { return };
    let answer = Presence::builder(PresenceType::Unavailable).from(to.clone()).to(from.clone());
    let answer = mirror_id(answer, probe);
    let answer = match since {
        Some(since) => answer.child(Delay::new(since).to_builder()),
        None => answer,
    };
    ctx.outbox.send(Stanza::Presence(answer.build()));
}

/// The beginning of a text: no more than so many bytes of it.
fn shortened(text: &str, bytes: usize) -> &str {
    let ends = text.char_indices().map(|(at, char)| at + char.len_utf8());
    let end = ends.take_while(|end| *end <= bytes).last().unwrap_or_default();
    text.get(..end).unwrap_or_default()
}

/// Presence for an account that does not exist (RFC 6121 section 8.5.1).
pub(super) fn no_such_user(presence: &Presence, ctx: &mut Context<'_>) {
    if presence.kind() == PresenceType::Probe {
        ctx.outbox.decline(presence);
    }
}

/// An answer that carries no presence of the account's own has the id of what it answers (RFC 6121 section 4.3.2.1).
pub(super) fn mirror_id(answer: PresenceBuilder, request: &Presence) -> PresenceBuilder {
    match request.id() {
        Some(id) => answer.id(id),
        None => answer,
    }
}
