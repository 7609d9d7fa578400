//! Messages (RFC 6121 section 5).
use super::common::{Common, addressing};
use super::{ParseError, StanzaError, language};
use crate::jid::Jid;
use crate::ns;
use crate::xml::{self, Element, ElementBuilder, ElementRef};
use std::borrow::Cow;

/// Types of message (RFC 6121 section 5.2.2). An unknown type is read as `Normal`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
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

impl MessageType {
    /// The value of the attribute `type`.
    pub fn as_str(self) -> &'static str {
        match self {
            MessageType::Chat => "chat",
            MessageType::Error => "error",
            MessageType::Groupchat => "groupchat",
            MessageType::Headline => "headline",
            MessageType::Normal => "normal",
        }
    }
    fn read(value: Option<&str>) -> MessageType {
        match value {
            Some("chat") => MessageType::Chat,
            Some("error") => MessageType::Error,
            Some("groupchat") => MessageType::Groupchat,
            Some("headline") => MessageType::Headline,
            _ => MessageType::Normal,
        }
    }
}

/// A message stanza.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub(super) common: Common,
    kind: MessageType,
}
addressing!(Message);

/// The conversation that a message belongs to (RFC 6121 section 5.2.5). Opaque: only equality means anything.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Thread<'a> {
    /// The conversation.
    pub id: Cow<'a, str>,
    /// The conversation that it branched off from.
    pub parent: Option<&'a str>,
}

impl Message {
    /// Starts building.
    pub fn builder(to: Option<Jid>, kind: MessageType) -> MessageBuilder {
        let element = Element::builder("message", ns::CLIENT)
            .attr_opt("to", to.as_ref().map(Jid::as_str))
            .attr("type", kind.as_str());
        MessageBuilder { element, to, from: None, kind }
    }
    /// A chat message with a body. Characters in it that XML cannot carry become U+FFFD; see [`MessageBuilder::try_build`].
    pub fn chat(to: Jid, body: &str) -> Message {
        Message::builder(Some(to), MessageType::Chat).body(None, body).build()
    }
    pub(super) fn read(common: Common) -> Result<Message, ParseError> {
        let kind = MessageType::read(common.element().attr("type"));
        Ok(Message { common, kind })
    }
    /// Its type.
    pub fn kind(&self) -> MessageType {
        self.kind
    }
    /// The id.
    pub fn id(&self) -> Option<&str> {
        self.common.id()
    }
    /// The body that suits the language asked for best (RFC 4647 section 3.4), or else the one in the message's own language,
    /// or else the first.
    pub fn body(&self, lang: Option<&str>) -> Option<Cow<'_, str>> {
        language::select(self.common.own_children("body"), lang, self.lang())
    }
    /// All bodies with their languages, in order (RFC 6121 section 5.2.3).
    pub fn bodies(&self) -> impl Iterator<Item = (Option<&str>, Cow<'_, str>)> {
        self.common.own_children("body").map(|body| (body.lang(), body.text()))
    }
    /// The subject, chosen like the [body](Self::body).
    pub fn subject(&self, lang: Option<&str>) -> Option<Cow<'_, str>> {
        language::select(self.common.own_children("subject"), lang, self.lang())
    }
    /// All subjects with their languages, in order (RFC 6121 section 5.2.4).
    pub fn subjects(&self) -> impl Iterator<Item = (Option<&str>, Cow<'_, str>)> {
        self.common.own_children("subject").map(|subject| (subject.lang(), subject.text()))
    }
    /// The conversation that the message belongs to.
    pub fn thread(&self) -> Option<Thread<'_>> {
        let thread = self.common.own_child("thread")?;
        Some(Thread { id: thread.text(), parent: thread.attr("parent") })
    }
    /// The error that a message of type error carries.
    pub fn error(&self) -> Option<StanzaError> {
        if self.kind != MessageType::Error {
            return None;
        }
        self.common.own_child("error").map(StanzaError::read)
    }
}

/// Builds a [`Message`].
#[derive(Debug, Clone)]
pub struct MessageBuilder {
    element: ElementBuilder,
    to: Option<Jid>,
    from: Option<Jid>,
    kind: MessageType,
}

impl MessageBuilder {
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
    /// Sets the default language of what is in the message.
    pub fn lang(self, lang: &str) -> Self {
        self.map(|e| e.lang(lang))
    }
    /// Adds a body in a language. Of several, each needs a language of its own (RFC 6121 section 5.2.3).
    pub fn body(self, lang: Option<&str>, text: &str) -> Self {
        self.map(|e| e.child(text_in("body", lang, text)))
    }
    /// Adds a subject in a language. Of several, each needs a language of its own (RFC 6121 section 5.2.4).
    pub fn subject(self, lang: Option<&str>, text: &str) -> Self {
        self.map(|e| e.child(text_in("subject", lang, text)))
    }
    /// Says which conversation the message belongs to, and which one that branched off from (RFC 6121 section 5.2.5).
    pub fn thread(self, id: &str, parent: Option<&str>) -> Self {
        let thread = Element::builder("thread", ns::CLIENT).attr_opt("parent", parent).text(id);
        self.map(|e| e.child(thread))
    }
    /// Adds an extension.
    pub fn child(self, child: ElementBuilder) -> Self {
        self.map(|e| e.child(child))
    }
    /// The message. Characters that XML cannot carry (most control characters) become U+FFFD.
    pub fn build(self) -> Message {
        Message { common: Common::built(self.element.build(), self.to, self.from), kind: self.kind }
    }
    /// The message, or what about its text XML cannot carry, so that nothing a user wrote is lost unnoticed.
    pub fn try_build(self) -> Result<Message, xml::Error> {
        let element = self.element.try_build()?;
        Ok(Message { common: Common::built(element, self.to, self.from), kind: self.kind })
    }

    fn map(mut self, change: impl FnOnce(ElementBuilder) -> ElementBuilder) -> Self {
        self.element = change(self.element);
        self
    }
}

/// A human-readable child of a stanza.
pub(super) fn text_in(name: &str, lang: Option<&str>, text: &str) -> ElementBuilder {
    let element = Element::builder(name, ns::CLIENT).text(text);
    match lang {
        Some(lang) => element.lang(lang),
        None => element,
    }
}
