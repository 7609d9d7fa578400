//! The subscriptions between a user and a contact, and what changes them (RFC 6121 section 3 and appendix A).
//!
//! Pure: who is told of a change, and how, is the [account](super::account)'s business. Where appendix A leaves a choice:
//! - `unsubscribed` goes nowhere if there is nothing to cancel or to decline (A.2.4);
//! - a request that has been approved of in advance is granted at once, whatever else there is (A.3.1, section 3.4.2), and the
//!   approval stays on record until the user says `unsubscribed` or removes the contact;
//! - a request that waits for the user's answer already is not delivered again (A.3.1).

use super::store::Contact;
use crate::stanza::PresenceType;

#[cfg(test)]
mod tests;

/// The state of the subscriptions between a user and a contact, as the user's server sees it (appendix A.1): the nine states
/// of the RFC, and whether the contact may subscribe without asking.
///
/// `ask` and `to` exclude each other, and so do `pending_in` and `from`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct State {
    /// The user gets the contact's presence.
    pub(super) to: bool,
    /// The contact gets the user's presence.
    pub(super) from: bool,
    /// The user has asked for the contact's presence ("pending out").
    pub(super) ask: bool,
    /// The contact has asked for the user's presence ("pending in").
    pub(super) pending_in: bool,
    /// The user has approved in advance of a request from the contact (section 3.4).
    pub(super) approved: bool,
}

/// The types of presence that manage subscriptions (section 3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Subscribe,
    Subscribed,
    Unsubscribe,
    Unsubscribed,
}

/// What a stanza that the user sends leads to (appendix A.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Outbound {
    /// The state from now on.
    pub(super) state: State,
    /// Whether the stanza goes on to the contact.
    pub(super) route: bool,
}

/// What a stanza from the contact leads to (appendix A.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Inbound {
    /// The state from now on.
    pub(super) state: State,
    /// Whether the user's resources get the stanza.
    pub(super) deliver: bool,
    /// What the server answers on the user's behalf.
    pub(super) reply: Option<Kind>,
}

impl Kind {
    /// `None` for types that manage no subscription.
    pub(super) fn of(presence: PresenceType) -> Option<Kind> {
        match presence {
            PresenceType::Subscribe => Some(Kind::Subscribe),
            PresenceType::Subscribed => Some(Kind::Subscribed),
            PresenceType::Unsubscribe => Some(Kind::Unsubscribe),
            PresenceType::Unsubscribed => Some(Kind::Unsubscribed),
            PresenceType::Available
            | PresenceType::Unavailable
            | PresenceType::Probe
            | PresenceType::Error => None,
        }
    }

    pub(super) fn presence(self) -> PresenceType {
        match self {
            Kind::Subscribe => PresenceType::Subscribe,
            Kind::Subscribed => PresenceType::Subscribed,
            Kind::Unsubscribe => PresenceType::Unsubscribe,
            Kind::Unsubscribed => PresenceType::Unsubscribed,
        }
    }
}

impl State {
    /// As it is on record. Whoever is not in the roster is in the state "None" (appendix A.1).
    pub(super) fn of(contact: Option<&Contact>, pending_in: bool) -> State {
        let Some(contact) = contact else { return State { pending_in, ..State::default() } };
        State {
            to: contact.to,
            from: contact.from,
            ask: contact.ask && !contact.to,
            pending_in: pending_in && !contact.from,
            approved: contact.approved,
        }
    }

    /// The user sends a stanza (appendix A.2).
    pub(super) fn send(self, kind: Kind) -> Outbound {
        let mut state = self;
        let route = match kind {
            Kind::Subscribe => {
                state.ask = !self.to;
                true
            }
            Kind::Unsubscribe => {
                (state.to, state.ask) = (false, false);
                true
            }
            Kind::Subscribed if self.pending_in => {
                (state.from, state.pending_in) = (true, false);
                true
            }
            Kind::Subscribed => {
                state.approved |= !self.from;
                false
            }
            Kind::Unsubscribed => {
                (state.from, state.pending_in, state.approved) = (false, false, false);
                self.from || self.pending_in
            }
        };
        Outbound { state, route }
    }

    /// The contact has sent a stanza (appendix A.3).
    pub(super) fn receive(self, kind: Kind) -> Inbound {
        let mut state = self;
        let reply = match kind {
            Kind::Subscribe if self.from || self.approved => {
                (state.from, state.pending_in) = (true, false);
                return Inbound { state, deliver: false, reply: Some(Kind::Subscribed) };
            }
            Kind::Subscribe => {
                state.pending_in = true;
                None
            }
            Kind::Unsubscribe => {
                (state.from, state.pending_in) = (false, false);
                (state != self).then_some(Kind::Unsubscribed)
            }
            Kind::Subscribed => {
                (state.to, state.ask) = (self.to || self.ask, false);
                None
            }
            Kind::Unsubscribed => {
                (state.to, state.ask) = (false, false);
                None
            }
        };
        Inbound { state, deliver: state != self, reply }
    }

    /// This state, written into a roster item (appendix A.1); `None` if the item says so already. A contact that is not in the
    /// roster does not come in for the sake of a request that it has made (section 3.1.3).
    pub(super) fn in_roster(self, contact: Option<&Contact>) -> Option<Contact> {
        let State { to, from, ask, approved, .. } = self;
        let old = contact.cloned().unwrap_or_default();
        let new = Contact { to, from, ask, approved, ..old.clone() };
        (new != old).then_some(new)
    }
}
