//! Instant messaging and presence (RFC 6121): what the client knows of people, between the stream and its owner.
//!
//! The stream's side hands in stanzas that came and stanzas that were sent; each part ([`roster`](super::roster),
//! [`contacts`](super::contacts) and so on) keeps its own state. What follows from a stanza is gathered in [`Effects`].

use super::blocking::BlockList;
use super::capabilities::{self, Capabilities};
use super::contacts::Contacts;
use super::effects::{Context, Effects};
use super::request::{Purpose, Reply};
use super::roster::{Change, Roster, RosterState};
use super::subscription::{Requests, Subscription, SubscriptionKind};
use super::{Config, Event, Ignored, carbons, privacy};
use crate::jid::{BareJid, Jid};
use crate::machine::Instant;
use crate::stanza::{Iq, Message, Presence, PresenceType};
use std::collections::BTreeSet;

/// How many addressees of directed presence are remembered.
const MAX_DIRECTED: usize = 1000;

/// All of it.
#[derive(Debug)]
pub(super) struct Im {
    pub(super) roster: RosterState,
    pub(super) contacts: Contacts,
    pub(super) requests: Requests,
    pub(super) blocking: BlockList,
    pub(super) capabilities: Capabilities,
    /// Own presence as last sent is available.
    pub(super) is_available: bool,
    /// When the user last did something.
    pub(super) active: Instant,
    /// Who has been sent presence directly, and may so know that we are here (RFC 6121 section 4.6).
    directed: BTreeSet<Jid>,
}

impl Im {
    /// Nobody is known yet. Takes out of the configuration what lives on here.
    pub(super) fn new(config: &mut Config) -> Im {
        Im {
            roster: RosterState::default(),
            contacts: Contacts::default(),
            requests: Requests::default(),
            blocking: BlockList::default(),
            capabilities: Capabilities::new(config),
            is_available: false,
            active: Instant::ORIGIN,
            directed: BTreeSet::new(),
        }
    }

    pub(super) fn on_message(&mut self, context: Context<'_>, message: Message, effects: &mut Effects) {
        match carbons::open(context, &message) {
            None => effects.events.push_back(Event::Message(message)),
            Some(Ok(carbon)) => effects.events.push_back(Event::Carbon(carbon)),
            Some(Err(reason)) => effects.ignore(message.into(), reason),
        }
    }

    pub(super) fn on_presence(&mut self, context: Context<'_>, presence: Presence, effects: &mut Effects) {
        if let Some(subscription) = Subscription::read(&presence) {
            self.on_subscription(&subscription);
            return effects.events.push_back(Event::Subscription(subscription));
        }
        if let Some(from) = presence.from() {
            let trusted = context.is_own(from) || self.roster.roster.is_seen(from);
            let room = context.config.max_resources / if trusted { 1 } else { 2 };
            self.contacts.apply(from, &presence, capabilities::shown(&presence), room);
            self.look_up(context, from, effects);
        }
        effects.events.push_back(Event::Presence(presence));
    }

    /// Asks what an available entity can do, if it shows something new and knows that we are here.
    fn look_up(&mut self, context: Context<'_>, jid: &Jid, effects: &mut Effects) {
        let is_self = jid.as_str() == context.own.as_str();
        if context.config.learn_capabilities && !is_self && self.may_see_us(context, jid) {
            let caps = self.contacts.resource(jid).and_then(|resource| resource.caps.as_ref());
            let question = caps.and_then(|caps| self.capabilities.on_caps(jid, caps));
            effects.lookups.extend(question);
        }
    }

    fn on_subscription(&mut self, subscription: &Subscription) {
        self.requests.note(subscription);
        // We are told nothing any more (RFC 6121 section 3.2.3).
        if subscription.kind == SubscriptionKind::Denied {
            self.contacts.forget(&subscription.from);
        }
    }

    /// A get or set; gives it back if it is none of ours.
    pub(super) fn on_request(&mut self, context: Context<'_>, iq: Iq, effects: &mut Effects) -> Option<Iq> {
        if RosterState::is_push(&iq) {
            if !context.is_from_account(iq.from()) {
                // No answer either: that would tell whoever it was that we are here (RFC 6121 section 2.1.6).
                effects.ignore(iq.into(), Ignored::ForgedRosterPush);
            } else {
                let change = self.roster.on_push(context, iq, effects);
                if let Some(change) = change {
                    self.on_roster_change(context, &change, effects);
                }
            }
            return None;
        }
        if BlockList::is_push(&iq) {
            if context.is_from_account(iq.from()) {
                self.blocking.on_push(context, iq, effects);
            } else {
                effects.ignore(iq.into(), Ignored::ForgedBlockPush);
            }
            return None;
        }
        if privacy::is_push(&iq) {
            if context.is_from_account(iq.from()) {
                privacy::on_push(iq, effects);
            } else {
                effects.ignore(iq.into(), Ignored::ForgedPrivacyPush);
            }
            return None;
        }
        Some(iq)
    }

    /// A request of the machine's own has ended.
    pub(super) fn on_reply(
        &mut self,
        context: Context<'_>,
        purpose: &Purpose,
        reply: &Reply,
        effects: &mut Effects,
    ) {
        match purpose {
            Purpose::Caller | Purpose::Carbons => {}
            Purpose::BlockList => self.blocking.on_reply(context, reply, effects),
            Purpose::Capabilities(jid) => self.capabilities.on_reply(context, jid, reply, effects),
            Purpose::Roster => {
                let before = self.roster.on_reply(context, reply, effects);
                before.iter().for_each(|before| self.on_roster(before));
            }
        }
    }

    /// The roster is another one now.
    fn on_roster(&mut self, before: &Roster) {
        let is_lost = |contact: &&BareJid| before.is_seen(contact) && !self.roster.roster.is_seen(contact);
        let lost: Vec<BareJid> = self.contacts.available().filter(is_lost).cloned().collect();
        lost.iter().for_each(|contact| self.contacts.forget(contact));
        self.requests.retain(|contact| !self.roster.roster.sees_us(contact));
    }

    /// The roster has changed in one contact. Of somebody whose presence we do not see any more nobody tells us (RFC
    /// 6121 section 3.2.3), and who sees ours does not wait for that.
    fn on_roster_change(&mut self, context: Context<'_>, change: &Change, effects: &mut Effects) {
        let contact = &change.contact;
        if change.was_seen && !self.roster.roster.is_seen(contact) {
            self.contacts.forget(contact);
        }
        if self.roster.roster.sees_us(contact) {
            self.requests.settle(contact);
        }
        if !change.saw_us {
            for jid in self.contacts.some_resources(contact) {
                self.look_up(context, &jid, effects);
            }
        }
    }

    /// A stanza of the caller's has been queued.
    pub(super) fn on_sent(&mut self, presence: &Presence) {
        match (presence.kind(), presence.to()) {
            (PresenceType::Subscribed | PresenceType::Unsubscribed, Some(to)) => self.requests.settle(to),
            (PresenceType::Available, Some(to)) if self.directed.len() < MAX_DIRECTED => {
                self.directed.insert(to.clone());
            }
            (PresenceType::Unavailable, Some(to)) => {
                self.directed.remove(to);
            }
            (PresenceType::Available, None) => self.is_available = true,
            (PresenceType::Unavailable, None) => self.leave(),
            _ => {}
        }
    }

    /// There is a new context, which has been told nothing yet. The roster counts as cached.
    pub(super) fn start_over(&mut self) {
        self.leave();
        self.roster.start_over();
        self.blocking = BlockList::default();
    }

    /// We are not available any more: nobody tells us anything, and nobody knows that we are here.
    pub(super) fn leave(&mut self) {
        self.is_available = false;
        self.contacts.clear();
        self.capabilities.leave();
        self.requests.clear();
        self.directed.clear();
    }

    /// True if this entity may know that we are here, so that an answer or a question tells it nothing new (RFC 6121
    /// section 11).
    pub(super) fn may_see_us(&self, context: Context<'_>, who: &Jid) -> bool {
        context.is_own(who)
            || who.as_str() == context.own.domain()
            || (self.is_available && self.roster.roster.sees_us(who))
            || self.directed.contains(who)
            || self.directed.contains(who.bare_str())
    }
}
