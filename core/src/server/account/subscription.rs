//! Subscriptions: what the user's own resources send, and what contacts send (RFC 6121 section 3).
//!
//! The [state machine](crate::server::subscription) says what a stanza means. Here it is carried out: the change is worked out
//! whole, the store keeps it, and only then is anybody told, in the order that section 3 gives.
//!
//! Where RFC 6121 leaves a choice:
//! - the account is subscribed to itself (4.2.2), and nothing that it sends itself changes that;
//! - a request that waits for an answer is kept as it came first, with a note of when it came (3.1.3, XEP-0203), and is
//!   delivered to each resource that becomes available until it is answered or withdrawn;
//! - requests of the user's own that nobody has answered are sent again when the user comes online, at most as often as the
//!   [limits](crate::server::config::Limits::ask_again_after) say (3.1.2);
//! - what arrives while no resource is there to be told is not kept, except for requests: the roster says it all;
//! - an anonymous account may subscribe, and all of it ends with its session (XEP-0175 section 5).

use super::effect::{Change, Effect};
use super::presence::mirror_id;
use super::roster::next_version;
use super::{Account, Context};
use crate::jid::BareJid;
use crate::payload::delay::Delay;
use crate::server::output::SessionId;
use crate::server::privacy::Traffic;
use crate::server::store::{Contact, Delta, Roster};
use crate::server::subscription::{Inbound, Kind, Outbound, State};
use crate::stanza::{Condition, Presence, PresenceBuilder, Stanza, StanzaError};
use crate::stream;
use crate::xml::Element;
use std::collections::{BTreeMap, BTreeSet};

impl Account {
    /// A session manages a subscription (sections 3.1.2, 3.1.5, 3.2.2, 3.3.2, 3.4.2).
    pub(super) fn send_subscription(&mut self, kind: Kind, presence: Presence, ctx: &mut Context<'_>) {
        let Some(contact) = presence.to().map(|to| to.to_bare()).filter(|to| *to != self.jid) else { return };
        let before = self.subscription(&contact);
        let Outbound { state: after, route } = before.send(kind);
        let deltas = match self.transition(&contact, before, after, None, ctx) {
            Ok(deltas) => deltas,
            Err(error) => return ctx.outbox.bounce_with(&Stanza::Presence(presence), error),
        };
        let mut effects = Vec::new();
        if before.from && !after.from {
            effects.push(Effect::Hide(contact.clone()));
        }
        if route {
            effects.push(Effect::Send(self.stamped(presence.clone(), &contact)));
        }
        if shows(&deltas) {
            effects.push(Effect::Push(contact.clone()));
        }
        if after.from && !before.from {
            effects.push(Effect::Show(contact));
        }
        self.change(Change { deltas, effects, asked_by: Some(Stanza::Presence(presence)) }, ctx);
    }

    /// A contact, or somebody who wants to be one, manages a subscription (sections 3.1.3, 3.1.6, 3.2.3, 3.3.3).
    pub(super) fn receive_subscription(&mut self, kind: Kind, mut presence: Presence, ctx: &mut Context<'_>) {
        let Some(contact) = presence.from().map(|from| from.to_bare()).filter(|from| *from != self.jid)
        else {
            return;
        };
        if let Some(resource) = presence.to().and_then(|to| to.resource()) {
            if kind != Kind::Subscribe && self.session(resource).is_none() {
                return; // 8.5.3.2.2
            }
            presence.set_to(Some(self.jid.clone().into()));
        }
        let before = self.subscription(&contact);
        let Inbound { state: after, deliver, reply } = before.receive(kind);
        if after == before && reply.is_none() {
            return;
        }
        let deltas = match self.transition(&contact, before, after, Some(&presence), ctx) {
            Ok(deltas) => deltas,
            Err(error) => return ctx.outbox.bounce_with(&Stanza::Presence(presence), error),
        };
        let mut effects = Vec::new();
        let asked_by = (kind == Kind::Subscribe).then(|| Stanza::Presence(presence.clone()));
        let reply = reply.map(|reply| self.reply(reply, &presence, &contact));
        if deliver {
            let stanza = Stanza::Presence(presence);
            effects.push(match kind {
                Kind::Subscribe => Effect::ToAvailable(stanza),
                Kind::Subscribed | Kind::Unsubscribe | Kind::Unsubscribed => Effect::ToInterested(stanza),
            });
        }
        if shows(&deltas) {
            effects.push(Effect::Push(contact.clone()));
        }
        if before.from && !after.from {
            effects.push(Effect::Hide(contact.clone()));
        }
        effects.extend(reply.map(Effect::Send));
        // Also where nothing changed: whoever asks again has lost what it knew.
        if kind == Kind::Subscribe && after.from {
            effects.push(Effect::Show(contact));
        }
        self.change(Change { deltas, effects, asked_by }, ctx);
    }

    /// The state of the subscriptions between the account and somebody else.
    fn subscription(&self, contact: &BareJid) -> State {
        State::of(self.record.roster.contacts.get(contact), self.record.requests.contains_key(contact))
    }

    /// What the store has to write. `request`: what the contact has sent, to be kept if it begins to wait for an answer.
    ///
    /// # Errors
    /// For want of room in the roster or among the requests.
    fn transition(
        &self,
        jid: &BareJid,
        before: State,
        after: State,
        request: Option<&Presence>,
        ctx: &mut Context<'_>,
    ) -> Result<Vec<Delta>, StanzaError> {
        let mut deltas = Vec::new();
        let roster = &self.record.roster;
        if let Some(contact) = after.in_roster(roster.contacts.get(jid)) {
            self.check_room(jid, &contact, &ctx.config.limits)?;
            let version = next_version(roster.version, ctx.entropy);
            deltas.push(Delta::Contact { jid: jid.clone(), contact: Contact { version, ..contact } });
        }
        if after.pending_in != before.pending_in {
            let stanza = match request.filter(|_| after.pending_in) {
                Some(request) => Some(self.keep_request(request, ctx)?),
                None => None,
            };
            deltas.push(Delta::Request { jid: jid.clone(), stanza });
        }
        Ok(deltas)
    }

    /// A request as it is kept until it is answered.
    fn keep_request(&self, request: &Presence, ctx: &Context<'_>) -> Result<Box<str>, StanzaError> {
        if self.record.requests.len() >= ctx.config.limits.requests_per_account {
            let error = StanzaError::new(Condition::ResourceConstraint);
            return Err(error.with_text_in("en", "Too many requests wait for an answer already."));
        }
        let delay = Delay::new(ctx.now.utc).by(self.jid.clone().into());
        let xml = Stanza::Presence(request.with_child(delay.to_builder())).to_xml();
        if xml.len() > ctx.config.limits.request_bytes {
            let error = StanzaError::new(Condition::PolicyViolation);
            return Err(error.with_text_in("en", "A request to subscribe must be shorter."));
        }
        Ok(xml.into())
    }

    /// Delivers the requests that wait for an answer to a resource that has become available (section 3.1.3 rule 4).
    pub(super) fn show_requests(&self, id: SessionId, ctx: &mut Context<'_>) {
        let Some(session) = self.sessions.iter().find(|session| session.id == id) else { return };
        let requests = self.record.requests.iter();
        for (_, request) in requests.filter(|(jid, _)| self.hears(session, Traffic::Other, jid)) {
            let element = Element::parse(request.as_bytes(), stream::Limits::SERVER.xml);
            if let Some(stanza) = element.ok().and_then(|element| Stanza::parse(element).ok()) {
                ctx.outbox.deliver(id, stanza);
            }
        }
    }

    /// Repeats the user's own requests that have not been answered (section 3.1.2), unless they were repeated lately.
    pub(super) fn ask_again(&mut self, ctx: &mut Context<'_>) {
        let now = ctx.now.instant;
        let lately = self.asked_again.is_some_and(|last| now < last + ctx.config.limits.ask_again_after);
        if lately || self.is_changing() {
            return;
        }
        self.asked_again = Some(now);
        let contacts = self.record.roster.contacts.iter();
        for (jid, _) in
            contacts.filter(|(jid, contact)| contact.ask && !contact.to && self.keeps(Traffic::Other, jid))
        {
            let request = self.to_contact(Kind::Subscribe, jid).id(&ctx.entropy.id());
            ctx.outbox.send(Stanza::Presence(request.build()));
        }
    }

    /// The record has been read anew, and says of some subscriptions what nobody has been told: the store made a change without
    /// saying so. Now contacts are told; whoever knows already ignores it (appendix A.3).
    pub(super) fn agree_anew(&mut self, before: &Roster, ctx: &mut Context<'_>) {
        let after = &self.record.roster.contacts;
        let either: BTreeSet<&BareJid> = before.contacts.keys().chain(after.keys()).collect();
        let states = either.into_iter().map(|jid| {
            let state = |contacts: &BTreeMap<BareJid, Contact>| State::of(contacts.get(jid), false);
            (jid.clone(), state(&before.contacts), state(after))
        });
        let differ: Vec<_> = states.filter(|(_, before, after)| before != after).collect();
        for (jid, before, after) in differ {
            let mut tell = |kind| ctx.outbox.send(Stanza::Presence(self.to_contact(kind, &jid).build()));
            match ((before.to || before.ask), (after.to || after.ask)) {
                (false, true) => tell(Kind::Subscribe),
                (true, false) => tell(Kind::Unsubscribe),
                _ => {}
            }
            match (before.from, after.from) {
                (false, true) => {
                    tell(Kind::Subscribed);
                    self.show_to(&jid, ctx);
                }
                (true, false) => {
                    self.hide_from(&jid, None, ctx);
                    ctx.outbox.send(Stanza::Presence(self.to_contact(Kind::Unsubscribed, &jid).build()));
                }
                _ => {}
            }
        }
    }

    /// What has to happen when a contact is taken off the roster (section 2.5.2): it learns that neither side sees the other's
    /// presence any more. A request that it has made stays: the user has not answered it.
    pub(super) fn cancel_subscriptions(&self, jid: &BareJid, contact: &Contact) -> Vec<Effect> {
        let cancel = |kind| Effect::Send(Stanza::Presence(self.to_contact(kind, jid).build()));
        let mut effects = Vec::new();
        if contact.to || contact.ask {
            effects.push(cancel(Kind::Unsubscribe));
        }
        if contact.from {
            effects.push(Effect::Hide(jid.clone()));
            effects.push(cancel(Kind::Unsubscribed));
        }
        effects
    }

    /// The account comes to an end: contacts, and whoever waits for an answer, learn that there is nobody to be subscribed to.
    /// The account's sessions must have gone.
    pub(super) fn cancel_all(&self, ctx: &mut Context<'_>) {
        let contacts = &self.record.roster.contacts;
        let cancel = |kind, jid| Stanza::Presence(self.to_contact(kind, jid).build());
        for (jid, contact) in contacts {
            if contact.to || contact.ask {
                ctx.outbox.send(cancel(Kind::Unsubscribe, jid));
            }
            if contact.from {
                ctx.outbox.send(cancel(Kind::Unsubscribed, jid));
            }
        }
        for jid in self.record.requests.keys() {
            ctx.outbox.send(cancel(Kind::Unsubscribed, jid));
        }
    }

    /// As it goes on to the contact: from one bare address to another (sections 3 and 3.1.2).
    fn stamped(&self, mut presence: Presence, contact: &BareJid) -> Stanza {
        presence.set_from(Some(self.jid.clone().into()));
        if presence.to().is_some_and(|to| to.resource().is_some()) {
            presence.set_to(Some(contact.clone().into()));
        }
        Stanza::Presence(presence)
    }

    /// An automatic reply, which has the id of what it answers.
    fn reply(&self, kind: Kind, to: &Presence, contact: &BareJid) -> Stanza {
        Stanza::Presence(mirror_id(self.to_contact(kind, contact), to).build())
    }

    fn to_contact(&self, kind: Kind, contact: &BareJid) -> PresenceBuilder {
        Presence::builder(kind.presence()).from(self.jid.clone().into()).to(contact.clone().into())
    }
}

/// Whether interested resources have anything to learn.
fn shows(deltas: &[Delta]) -> bool {
    deltas.iter().any(|delta| matches!(delta, Delta::Contact { .. }))
}
