//! Presence subscriptions (RFC 6121 section 3): who may see whose presence.
//!
//! The server keeps the states and enforces them. This side says what its user wants, tells what others want, and
//! remembers which requests wait for an answer.

use super::contacts::beginning;
use super::{Client, SendError, StanzaHandle};
use crate::jid::{BareJid, Jid};
use crate::machine::Now;
use crate::ns;
use crate::stanza::{Presence, PresenceType};
use std::collections::BTreeMap;

/// Bytes of a request's text that are remembered.
const MAX_TEXT: usize = 1024;
/// How many requests are remembered; further ones are events all the same.
const MAX_REQUESTS: usize = 1000;

/// Something about a subscription has come in.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Subscription {
    /// Whose presence stanza it is.
    pub from: BareJid,
    /// What it says.
    pub kind: SubscriptionKind,
    /// The stanza itself. Its text is whatever the other one wrote: mind spam (RFC 6121 section 11).
    pub presence: Presence,
}

/// What others say about subscriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionKind {
    /// They ask to see our presence: answer with [`Client::approve`] or [`Client::deny`]. Until then the server repeats
    /// the request at each login.
    Requested,
    /// We may see theirs from now on.
    Approved,
    /// They no longer want to see ours.
    Ended,
    /// We may not see theirs, or no longer.
    Denied,
}

impl SubscriptionKind {
    fn of(kind: PresenceType) -> Option<SubscriptionKind> {
        Some(match kind {
            PresenceType::Subscribe => SubscriptionKind::Requested,
            PresenceType::Subscribed => SubscriptionKind::Approved,
            PresenceType::Unsubscribe => SubscriptionKind::Ended,
            PresenceType::Unsubscribed => SubscriptionKind::Denied,
            _ => return None,
        })
    }
}

impl Subscription {
    /// Reads a presence stanza that is about a subscription. One without sender is the account's own, which has
    /// nothing to say here.
    pub(super) fn read(presence: &Presence) -> Option<Subscription> {
        let kind = SubscriptionKind::of(presence.kind())?;
        let from = presence.from()?.to_bare();
        Some(Subscription { from, kind, presence: presence.clone() })
    }
}

/// The requests of others that wait for an answer, with the beginnings of what they wrote.
#[derive(Debug, Default)]
pub(super) struct Requests {
    waiting: BTreeMap<BareJid, Option<String>>,
}

impl Requests {
    pub(super) fn note(&mut self, subscription: &Subscription) {
        match subscription.kind {
            SubscriptionKind::Requested => {
                if self.waiting.len() < MAX_REQUESTS || self.waiting.contains_key(&subscription.from) {
                    let text = subscription.presence.status(None);
                    let text = text.map(|text| beginning(&text, MAX_TEXT).to_owned());
                    self.waiting.insert(subscription.from.clone(), text);
                }
            }
            SubscriptionKind::Ended => self.settle(&subscription.from),
            SubscriptionKind::Approved | SubscriptionKind::Denied => {}
        }
    }

    /// It is answered, here or in another session of the account's, or withdrawn.
    pub(super) fn settle(&mut self, contact: &Jid) {
        self.waiting.remove(contact.bare_str());
    }

    pub(super) fn retain(&mut self, keep: impl Fn(&Jid) -> bool) {
        self.waiting.retain(|contact, _| keep(contact));
    }

    pub(super) fn clear(&mut self) {
        self.waiting.clear();
    }
}

impl Client {
    /// Asks a contact to let us see its presence (RFC 6121 section 3.1), with words for whoever decides. What becomes
    /// of it comes as [`Event::Subscription`](super::Event::Subscription) and as a change of the roster, which may take
    /// days. Name and groups are best set first ([`SetItem`](super::SetItem)).
    ///
    /// # Errors
    /// As [`send`](Client::send).
    pub fn subscribe(
        &mut self,
        now: Now,
        contact: &BareJid,
        text: Option<&str>,
    ) -> Result<StanzaHandle, SendError> {
        self.say(now, PresenceType::Subscribe, contact, text)
    }

    /// Ends our subscription to a contact's presence, or withdraws the request for one (section 3.3).
    ///
    /// # Errors
    /// As [`send`](Client::send).
    pub fn unsubscribe(&mut self, now: Now, contact: &BareJid) -> Result<StanzaHandle, SendError> {
        self.say(now, PresenceType::Unsubscribe, contact, None)
    }

    /// Lets a contact see our presence, which it has asked for (section 3.1.4). Without a request that waits the server
    /// ignores it or, if it can, takes it for [`pre_approve`](Client::pre_approve).
    ///
    /// # Errors
    /// As [`send`](Client::send).
    pub fn approve(&mut self, now: Now, contact: &BareJid) -> Result<StanzaHandle, SendError> {
        self.say(now, PresenceType::Subscribed, contact, None)
    }

    /// Lets a contact see our presence as soon as it asks (section 3.4).
    ///
    /// # Errors
    /// [`SendError::NotSupported`] if the server cannot do that: it must then not be asked to. Else as
    /// [`send`](Client::send).
    pub fn pre_approve(&mut self, now: Now, contact: &BareJid) -> Result<StanzaHandle, SendError> {
        if self.is_online() && !self.can_pre_approve() {
            return Err(SendError::NotSupported);
        }
        self.say(now, PresenceType::Subscribed, contact, None)
    }

    /// True if the server keeps approvals for requests to come (section 3.4).
    pub fn can_pre_approve(&self) -> bool {
        self.features.as_ref().is_some_and(|features| features.has("sub", ns::PRE_APPROVAL))
    }

    /// Refuses a contact's request to see our presence, or takes back the permission that it has, or the approval for a
    /// request to come (sections 3.1.4, 3.2 and 3.4).
    ///
    /// # Errors
    /// As [`send`](Client::send).
    pub fn deny(&mut self, now: Now, contact: &BareJid) -> Result<StanzaHandle, SendError> {
        self.say(now, PresenceType::Unsubscribed, contact, None)
    }

    /// Who waits for [`approve`](Client::approve) or [`deny`](Client::deny), as far as this session has been told, with
    /// the beginning of what each wrote. By address.
    pub fn subscription_requests(&self) -> impl Iterator<Item = (&BareJid, Option<&str>)> {
        self.im.requests.waiting.iter().map(|(from, text)| (from, text.as_deref()))
    }

    fn say(
        &mut self,
        now: Now,
        kind: PresenceType,
        contact: &BareJid,
        text: Option<&str>,
    ) -> Result<StanzaHandle, SendError> {
        // Section 3.1.1: with an id, and to the bare address.
        let presence = Presence::builder(kind).to(contact.clone().into()).id(&self.entropy.id());
        let presence = match text {
            Some(text) => presence.status(None, text),
            None => presence,
        };
        self.send(now, presence.build())
    }
}
