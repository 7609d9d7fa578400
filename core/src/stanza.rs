//! Message, presence and iq (RFC 6120 section 8).
mod error;
mod iq;
mod message;
mod presence;
use crate::jid::Jid;
use crate::xml::{Element, Scope};
pub use error::{Condition, ErrorType, StanzaError};
pub use iq::{Iq, IqType};
pub use message::{Message, MessageBuilder, MessageType};
pub use presence::{Presence, PresenceBuilder, PresenceType, Show};

/// A stanza: an element whose addressing has been read.
///
/// `to` and `from` are decoded once, and may be replaced (a server stamps `from`) without building the element anew; the writer
/// writes the start tag from them.
#[derive(Clone, Debug, PartialEq)]
pub enum Stanza {
    /// `<message/>`.
    Message(Message),
    /// `<presence/>`.
    Presence(Presence),
    /// `<iq/>`.
    Iq(Iq),
}
/// Why an element is not a stanza that can be handled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ParseError {
    /// Not message, presence or iq in a content namespace (stream error unsupported-stanza-type).
    NotAStanza,
    /// `to` is no address (stanza error jid-malformed).
    To,
    /// `from` is no address (stream error invalid-from).
    From,
    /// The type is not one that the RFC allows for an iq (stanza error bad-request).
    Type,
    /// An iq without id (stanza error bad-request).
    NoId,
    /// An iq get or set without exactly one child, or similar (stanza error bad-request).
    Children,
}
impl Stanza {
    /// Reads the addressing of an element.
    pub fn parse(_element: Element) -> Result<Stanza, ParseError> {
        todo!()
    }
    /// The element as it was received or built; `to` and `from` as set since are not in it.
    pub fn element(&self) -> &Element {
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
    /// The id.
    pub fn id(&self) -> Option<&str> {
        todo!()
    }
    /// Replaces the addressee.
    pub fn set_to(&mut self, _to: Option<Jid>) {
        todo!()
    }
    /// Replaces the sender.
    pub fn set_from(&mut self, _from: Option<Jid>) {
        todo!()
    }
    /// True for type `error`.
    pub fn is_error(&self) -> bool {
        todo!()
    }
    /// The reply that reports `error` to the sender, addresses swapped; `None` where no error may be sent (RFC 6120 section
    /// 8.3.1: never in answer to an error, nor to an iq result).
    pub fn error_reply(&self, _error: StanzaError) -> Option<Stanza> {
        todo!()
    }
    /// Writes the stanza as it must stand in `scope`, with `to` and `from` as they are now.
    pub fn write(&self, _out: &mut Vec<u8>, _scope: &Scope<'_>) {
        todo!()
    }
}
