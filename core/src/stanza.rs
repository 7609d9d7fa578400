//! Message, presence and iq (RFC 6120 section 8).
mod common;
mod condition;
mod error;
mod iq;
mod language;
mod message;
mod presence;

pub use condition::{Condition, ErrorType};
pub use error::StanzaError;
pub use iq::{Iq, IqType};
pub use message::{Message, MessageBuilder, MessageType, Thread};
pub use presence::{Presence, PresenceBuilder, PresenceType, Show};

use crate::jid::{Jid, JidError};
use crate::ns;
use crate::xml::{Element, ElementBuilder, ElementRef, Scope};
use common::Common;
use std::fmt;

/// A stanza: an element whose addressing has been read.
///
/// `to` and `from` are decoded once, and may be replaced (a server stamps `from`) without building the element anew; the writer
/// writes the start tag from them. Stanzas are equal when they would be written alike.
#[derive(Clone, Debug, PartialEq)]
pub enum Stanza {
    /// `<message/>`.
    Message(Message),
    /// `<presence/>`.
    Presence(Presence),
    /// `<iq/>`.
    Iq(Iq),
}

/// Why an element is not a stanza that can be handled. [`refuse`] answers it where that is what the RFC asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ParseError {
    /// Not message, presence or iq in a content namespace (stream error unsupported-stanza-type).
    NotAStanza,
    /// `to` is no address, empty ones included (stanza error jid-malformed).
    To(JidError),
    /// `from` is no address (stream error invalid-from).
    From(JidError),
    /// The type is not one that the RFC allows for an iq or a presence (stanza error bad-request).
    Type,
    /// An iq without id (stanza error bad-request).
    NoId,
    /// An iq get or set without exactly one child, a result with several, an error without `error` (stanza error bad-request).
    Children,
}

impl ParseError {
    /// The condition of the stanza error that reports it; `None` where a stream error must.
    pub fn condition(&self) -> Option<Condition> {
        match self {
            ParseError::NotAStanza | ParseError::From(_) => None,
            ParseError::To(_) => Some(Condition::JidMalformed),
            ParseError::Type | ParseError::NoId | ParseError::Children => Some(Condition::BadRequest),
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseError::NotAStanza => f.write_str("only message, presence and iq can be sent here"),
            ParseError::To(e) => write!(f, "mend the attribute 'to': {e}"),
            ParseError::From(e) => write!(f, "mend the attribute 'from': {e}"),
            ParseError::Type => f.write_str("the attribute 'type' is missing or has a value that is not defined"),
            ParseError::NoId => f.write_str("an iq needs an attribute 'id'"),
            ParseError::Children => f.write_str(
                "an iq of type get or set needs exactly one child, one of type result at most one, one of type error an error",
            ),
        }
    }
}
impl std::error::Error for ParseError {}

impl Stanza {
    /// Reads the addressing of an element, and of an iq checks what RFC 6120 section 8.2.3 demands. Allocates nothing but the
    /// addresses.
    pub fn parse(element: Element) -> Result<Stanza, ParseError> {
        if !ns::is_content(element.ns()) {
            return Err(ParseError::NotAStanza);
        }
        let read: fn(Common) -> Result<Stanza, ParseError> = match element.name() {
            "message" => |common| Message::read(common).map(Stanza::Message),
            "presence" => |common| Presence::read(common).map(Stanza::Presence),
            "iq" => |common| Iq::read(common).map(Stanza::Iq),
            _ => return Err(ParseError::NotAStanza),
        };
        read(Common::read(element)?)
    }

    /// The element as it was received or built; `to` and `from` as set since are not in it.
    pub fn element(&self) -> &Element {
        self.common().element()
    }
    /// The addressee.
    pub fn to(&self) -> Option<&Jid> {
        self.common().to()
    }
    /// The sender.
    pub fn from(&self) -> Option<&Jid> {
        self.common().from()
    }
    /// The id.
    pub fn id(&self) -> Option<&str> {
        self.common().id()
    }
    /// Replaces the addressee.
    pub fn set_to(&mut self, to: Option<Jid>) {
        self.common_mut().set_to(to);
    }
    /// Replaces the sender.
    pub fn set_from(&mut self, from: Option<Jid>) {
        self.common_mut().set_from(from);
    }
    /// The children in other namespaces than the stanza's own, in order (RFC 6120 section 8.4).
    pub fn payloads(&self) -> impl Iterator<Item = ElementRef<'_>> {
        self.common().payloads()
    }
    /// The first child with these names.
    pub fn child(&self, name: &str, ns: &str) -> Option<ElementRef<'_>> {
        self.element().child(name, ns)
    }
    /// The same with one more child behind the others (a delay, an id, ...).
    pub fn with_child(&self, child: ElementBuilder) -> Stanza {
        match self {
            Stanza::Message(message) => message.with_child(child).into(),
            Stanza::Presence(presence) => presence.with_child(child).into(),
            Stanza::Iq(iq) => iq.with_child(child).into(),
        }
    }
    /// Puts it, addressed as it is now, inside another element (XEP-0297).
    pub fn nest(&self, parent: ElementBuilder) -> ElementBuilder {
        self.common().nest(parent)
    }
    /// True for type `error`.
    pub fn is_error(&self) -> bool {
        match self {
            Stanza::Message(message) => message.kind() == MessageType::Error,
            Stanza::Presence(presence) => presence.kind() == PresenceType::Error,
            Stanza::Iq(iq) => iq.kind() == IqType::Error,
        }
    }
    /// The error that a stanza of type error carries.
    pub fn error(&self) -> Option<StanzaError> {
        match self {
            Stanza::Message(message) => message.error(),
            Stanza::Presence(presence) => presence.error(),
            Stanza::Iq(iq) => iq.error(),
        }
    }

    /// The reply that reports `error` to the sender, addresses swapped; `None` where no error may be sent (RFC 6120 section
    /// 8.3.1: never in answer to an error, nor to an iq result).
    pub fn error_reply(&self, error: StanzaError) -> Option<Stanza> {
        self.reply(&error, false)
    }
    /// As [`error_reply`](Self::error_reply), with what the stanza contained sent back (section 8.3.1 rule 6). Not for stanzas
    /// that are refused for their size.
    pub fn error_reply_with_payload(&self, error: StanzaError) -> Option<Stanza> {
        self.reply(&error, true)
    }
    fn reply(&self, error: &StanzaError, with_payload: bool) -> Option<Stanza> {
        if !may_be_answered(self.element()) {
            return None;
        }
        let (to, from) = (self.from().cloned(), self.to().cloned());
        error_stanza(error::reply(self.element(), to, from, error, with_payload))
    }

    /// Writes the stanza as it must stand in `scope`, with `to` and `from` as they are now.
    pub fn write(&self, out: &mut Vec<u8>, scope: &Scope<'_>) {
        self.common().write(out, scope);
    }
    /// The stanza on its own, with `to` and `from` as they are now and everything declared that it needs: to be kept, and
    /// read again with [`Stanza::from_xml`].
    pub fn to_xml(&self) -> String {
        let mut out = Vec::new();
        self.write(&mut out, &Scope::default());
        String::from_utf8(out).unwrap_or_default()
    }
    /// Reads what [`to_xml`](Self::to_xml) has written; `None` if it is something else. It was within limits when it came, and
    /// there are none here: not for what comes from a peer.
    pub fn from_xml(xml: &str) -> Option<Stanza> {
        Stanza::parse(Element::parse(xml.as_bytes(), crate::xml::UNLIMITED).ok()?).ok()
    }

    fn common(&self) -> &Common {
        match self {
            Stanza::Message(message) => &message.common,
            Stanza::Presence(presence) => &presence.common,
            Stanza::Iq(iq) => &iq.common,
        }
    }
    fn common_mut(&mut self) -> &mut Common {
        match self {
            Stanza::Message(message) => &mut message.common,
            Stanza::Presence(presence) => &mut presence.common,
            Stanza::Iq(iq) => &mut iq.common,
        }
    }
}

/// The error stanza that answers an element which [`Stanza::parse`] refused with `error`: same kind, id as it was, addresses
/// swapped but a malformed one left out (RFC 6120 section 8.3.1 rule 2), text that says what to mend. `None` where no error
/// stanza may be sent: in answer to an error or an iq result, and where a stream error is due ([`ParseError::condition`]).
pub fn refuse(element: &Element, error: &ParseError) -> Option<Stanza> {
    let condition = error.condition()?;
    if !may_be_answered(element) {
        return None;
    }
    let address = |name| element.attr(name).and_then(|jid| Jid::new(jid).ok());
    let report = StanzaError::new(condition).with_text_in("en", &error.to_string());
    error_stanza(error::reply(element, address("from"), address("to"), &report, false))
}

/// RFC 6120 section 8.3.1 rule 8 and section 8.2.3 rule 4.
fn may_be_answered(element: &Element) -> bool {
    match element.attr("type") {
        Some("error") => false,
        Some("result") => element.name() != "iq",
        _ => true,
    }
}

/// Built by us, it parses; the kinds are those that [`error::reply`] copies from the stanza it answers.
fn error_stanza(common: Common) -> Option<Stanza> {
    match common.element().name() {
        "message" => Message::read(common).map(Stanza::Message).ok(),
        "presence" => Presence::read(common).map(Stanza::Presence).ok(),
        "iq" => Iq::read(common).map(Stanza::Iq).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
