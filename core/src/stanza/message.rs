//! Messages (RFC 6121 section 5).
use crate::{
    jid::Jid,
    xml::{Element, ElementBuilder},
};
/// Types of message (RFC 6121 section 5.2.2). An unknown type is read as `Normal`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum MessageType {
    /// One-to-one conversation.
    Chat,
    /// Error.
    Error,
    /// In a room.
    Groupchat,
    /// A notice that wants no reply.
    Headline,
    /// A single message.
    #[default]
    Normal,
}
/// A message stanza.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {}
impl Message {
    /// Starts building.
    pub fn builder(_to: Option<Jid>, _kind: MessageType) -> MessageBuilder {
        todo!()
    }
    /// A chat message with a body.
    pub fn chat(_to: Jid, _body: &str) -> Message {
        todo!()
    }
    /// Its type.
    pub fn kind(&self) -> MessageType {
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
    /// The element.
    pub fn element(&self) -> &Element {
        todo!()
    }
    /// The body in the language asked for, or else the one in the message's own, or else the first.
    pub fn body(&self, _lang: Option<&str>) -> Option<String> {
        todo!()
    }
}
/// Builds a [`Message`].
#[derive(Debug, Clone)]
pub struct MessageBuilder {}
impl MessageBuilder {
    /// Sets the id.
    pub fn id(self, _id: &str) -> Self {
        todo!()
    }
    /// Adds a body in a language.
    pub fn body(self, _lang: Option<&str>, _text: &str) -> Self {
        todo!()
    }
    /// Adds an extension.
    pub fn child(self, _child: ElementBuilder) -> Self {
        todo!()
    }
    /// The message.
    pub fn build(self) -> Message {
        todo!()
    }
}
