//! Presence (RFC 6121 section 4).
use crate::{
    jid::Jid,
    xml::{Element, ElementBuilder},
};
/// Types of presence (RFC 6121 section 4.7.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PresenceType {
    /// No type: available.
    #[default]
    Available,
    /// Error.
    Error,
    /// Asks for the current presence.
    Probe,
    /// Asks for a subscription.
    Subscribe,
    /// Grants one.
    Subscribed,
    /// No longer available.
    Unavailable,
    /// Ends one's own subscription.
    Unsubscribe,
    /// Refuses or cancels the other's.
    Unsubscribed,
}
/// Availability (RFC 6121 section 4.7.2.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Show {
    /// Away.
    Away,
    /// Wants to chat.
    Chat,
    /// Do not disturb.
    Dnd,
    /// Away for long.
    Xa,
}
/// A presence stanza.
#[derive(Clone, Debug, PartialEq)]
pub struct Presence {}
impl Presence {
    /// Starts building.
    pub fn builder(_kind: PresenceType) -> PresenceBuilder {
        todo!()
    }
    /// Its type; an unknown one is an error of the sender, reported as `None` (bad-request).
    pub fn kind(&self) -> PresenceType {
        todo!()
    }
    /// The addressee.
    pub fn to(&self) -> Option<&Jid> {
        todo!()
    }
    /// The sender.
    pub fn from(&self) -> Option<&Jid> {
        todo!()
    }
    /// The element.
    pub fn element(&self) -> &Element {
        todo!()
    }
    /// Availability.
    pub fn show(&self) -> Option<Show> {
        todo!()
    }
    /// Priority, 0 where absent or malformed.
    pub fn priority(&self) -> i8 {
        todo!()
    }
}
/// Builds a [`Presence`].
#[derive(Debug, Clone)]
pub struct PresenceBuilder {}
impl PresenceBuilder {
    /// Sets the addressee.
    pub fn to(self, _to: Jid) -> Self {
        todo!()
    }
    /// Sets the sender.
    pub fn from(self, _from: Jid) -> Self {
        todo!()
    }
    /// Sets the priority.
    pub fn priority(self, _priority: i8) -> Self {
        todo!()
    }
    /// Sets the availability.
    pub fn show(self, _show: Show) -> Self {
        todo!()
    }
    /// Adds a status text in a language.
    pub fn status(self, _lang: Option<&str>, _text: &str) -> Self {
        todo!()
    }
    /// Adds an extension.
    pub fn child(self, _child: ElementBuilder) -> Self {
        todo!()
    }
    /// The presence.
    pub fn build(self) -> Presence {
        todo!()
    }
}
