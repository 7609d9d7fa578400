//! Presence (RFC 6121 section 4).
use super::common::{Common, addressing};
use super::message::text_in;
use super::{ParseError, StanzaError, language};
use crate::jid::Jid;
use crate::ns;
use crate::xml::{self, Element, ElementBuilder, ElementRef};
use std::borrow::Cow;

/// Types of presence (RFC 6121 section 4.7.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
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

impl PresenceType {
    /// The value of the attribute `type`; being available has none.
    pub fn as_str(self) -> Option<&'static str> {
        match self {
            PresenceType::Available => None,
            PresenceType::Error => Some("error"),
            PresenceType::Probe => Some("probe"),
            PresenceType::Subscribe => Some("subscribe"),
            PresenceType::Subscribed => Some("subscribed"),
            PresenceType::Unavailable => Some("unavailable"),
            PresenceType::Unsubscribe => Some("unsubscribe"),
            PresenceType::Unsubscribed => Some("unsubscribed"),
        }
    }
    fn read(value: Option<&str>) -> Option<PresenceType> {
        Some(match value {
            None => PresenceType::Available,
            Some("error") => PresenceType::Error,
            Some("probe") => PresenceType::Probe,
            Some("subscribe") => PresenceType::Subscribe,
            Some("subscribed") => PresenceType::Subscribed,
            Some("unavailable") => PresenceType::Unavailable,
            Some("unsubscribe") => PresenceType::Unsubscribe,
            Some("unsubscribed") => PresenceType::Unsubscribed,
            Some(_) => return None,
        })
    }
}

/// Availability (RFC 6121 section 4.7.2.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
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

impl Show {
    /// The text of the element `show`.
    pub fn as_str(self) -> &'static str {
        match self {
            Show::Away => "away",
            Show::Chat => "chat",
            Show::Dnd => "dnd",
            Show::Xa => "xa",
        }
    }
}

/// A presence stanza.
#[derive(Clone, Debug, PartialEq)]
pub struct Presence {
    pub(super) common: Common,
    kind: PresenceType,
}
addressing!(Presence);

impl Presence {
    /// Starts building.
    pub fn builder(kind: PresenceType) -> PresenceBuilder {
        let element = Element::builder("presence", ns::CLIENT).attr_opt("type", kind.as_str());
        PresenceBuilder { element, to: None, from: None, kind }
    }
    pub(super) fn read(common: Common) -> Result<Presence, ParseError> {
        let kind = PresenceType::read(common.element().attr("type")).ok_or(ParseError::Type)?;
        Ok(Presence { common, kind })
    }
    /// Its type.
    pub fn kind(&self) -> PresenceType {
        self.kind
    }
    /// The id.
    pub fn id(&self) -> Option<&str> {
        self.common.id()
    }
    /// Availability; `None` where it is absent, which means available without more, or unknown.
    pub fn show(&self) -> Option<Show> {
        let show = self.common.own_child("show")?.text();
        [Show::Away, Show::Chat, Show::Dnd, Show::Xa].into_iter().find(|s| s.as_str() == show.trim())
    }
    /// Priority, 0 where absent or malformed (RFC 6121 section 4.7.2.3).
    pub fn priority(&self) -> i8 {
        self.common.own_child("priority").and_then(|p| p.text().trim().parse().ok()).unwrap_or(0)
    }
    /// The status text that suits the language asked for best, as [`Message::body`](super::Message::body) chooses.
    pub fn status(&self, lang: Option<&str>) -> Option<Cow<'_, str>> {
        language::select(self.common.own_children("status"), lang, self.lang())
    }
    /// All status texts with their languages, in order (RFC 6121 section 4.7.2.2).
    pub fn statuses(&self) -> impl Iterator<Item = (Option<&str>, Cow<'_, str>)> {
        self.common.own_children("status").map(|status| (status.lang(), status.text()))
    }
    /// The error that a presence of type error carries.
    pub fn error(&self) -> Option<StanzaError> {
        if self.kind != PresenceType::Error {
            return None;
        }
        self.common.own_child("error").map(StanzaError::read)
    }
}

/// Builds a [`Presence`].
#[derive(Debug, Clone)]
pub struct PresenceBuilder {
    element: ElementBuilder,
    to: Option<Jid>,
    from: Option<Jid>,
    kind: PresenceType,
}

impl PresenceBuilder {
    /// Sets the addressee.
    pub fn to(mut self, to: Jid) -> Self {
        self.element = self.element.attr("to", to.as_str());
        self.to = Some(to);
        self
    }
    /// Sets the sender. On a stream to a server leave it out: the server stamps it.
    pub fn from(mut self, from: Jid) -> Self {
        self.element = self.element.attr("from", from.as_str());
        self.from = Some(from);
        self
    }
    /// Sets the id.
    pub fn id(self, id: &str) -> Self {
        self.map(|e| e.attr("id", id))
    }
    /// Sets the default language of what is in the presence.
    pub fn lang(self, lang: &str) -> Self {
        self.map(|e| e.lang(lang))
    }
    /// Sets the priority. Call it once.
    pub fn priority(self, priority: i8) -> Self {
        let element = Element::builder("priority", ns::CLIENT).text(&priority.to_string());
        self.map(|e| e.child(element))
    }
    /// Sets the availability. Call it once.
    pub fn show(self, show: Show) -> Self {
        self.map(|e| e.child(Element::builder("show", ns::CLIENT).text(show.as_str())))
    }
    /// Adds a status text in a language. Of several, each needs a language of its own (RFC 6121 section 4.7.2.2).
    pub fn status(self, lang: Option<&str>, text: &str) -> Self {
        self.map(|e| e.child(text_in("status", lang, text)))
    }
    /// Adds an extension.
    pub fn child(self, child: ElementBuilder) -> Self {
        self.map(|e| e.child(child))
    }
    /// The presence. Characters that XML cannot carry (most control characters) become U+FFFD.
    pub fn build(self) -> Presence {
        Presence { common: Common::built(self.element.build(), self.to, self.from), kind: self.kind }
    }
    /// The presence, or what about its text XML cannot carry.
    pub fn try_build(self) -> Result<Presence, xml::Error> {
        let element = self.element.try_build()?;
        Ok(Presence { common: Common::built(element, self.to, self.from), kind: self.kind })
    }

    fn map(mut self, change: impl FnOnce(ElementBuilder) -> ElementBuilder) -> Self {
        self.element = change(self.element);
        self
    }
}
