//! Copies of messages for one's other resources (XEP-0280).

use super::forward::{self, Forwarded};
use super::{Malformed, expect};
use crate::jid::{BareJid, FullJid};
use crate::ns;
use crate::stanza::{Message, Stanza};
use crate::xml::{Element, ElementBuilder, ElementRef};

/// Whether the copied message was received or sent by another resource.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Direction {
    /// Another resource received it (section 7).
    Received,
    /// Another resource sent it (section 8).
    Sent,
}

/// A copy of a message.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Carbon {
    /// Received or sent.
    pub direction: Direction,
    /// The message.
    pub message: Message,
}

impl Carbon {
    /// Reads the copy that a message to a resource of `account` wraps; `None` if it wraps none.
    ///
    /// A copy that does not come from the account itself is forged, and refused (section 7); so is anything but a message.
    pub fn read(message: &Message, account: &BareJid) -> Option<Result<Carbon, Malformed>> {
        let (direction, wrapper) = [Direction::Received, Direction::Sent]
            .into_iter()
            .find_map(|direction| Some((direction, message.child(direction.as_str(), ns::CARBONS)?)))?;
        if message.from().is_some_and(|from| !from.is_bare() || from.as_str() != account.as_str()) {
            return Some(Err(Malformed::new("a copy that does not come from the account itself")));
        }
        Some(unwrap(wrapper).map(|message| Carbon { direction, message }))
    }
}

/// The message for the resource `to` of `account` that carries a copy of `message`.
pub fn wrap(direction: Direction, message: &Message, account: &BareJid, to: &FullJid) -> Message {
    let forwarded = message.nest(forward::around(None));
    Message::builder(Some(to.clone().into()), message.kind())
        .from(account.clone().into())
        .child(Element::builder(direction.as_str(), ns::CARBONS).child(forwarded))
        .build()
}

/// True if the sender wants no copies of the message (section 9).
pub fn is_private(message: &Message) -> bool {
    message.child("private", ns::CARBONS).is_some()
}

/// The mark of a message that is not to be copied. The hint no-copy belongs beside it.
pub fn private() -> ElementBuilder {
    Element::builder("private", ns::CARBONS)
}

/// The payload of the request (type set) that turns copies on or off (sections 4 and 5).
pub fn switch(on: bool) -> ElementBuilder {
    Element::builder(if on { "enable" } else { "disable" }, ns::CARBONS)
}

/// Reads that payload: whether copies are to be on.
pub fn parse_switch(element: ElementRef<'_>) -> Result<bool, Malformed> {
    match element.name() {
        "enable" if element.ns() == ns::CARBONS => Ok(true),
        "disable" if element.ns() == ns::CARBONS => Ok(false),
        _ => Err(Malformed::new("neither enable nor disable")),
    }
}

impl Direction {
    /// The name of the element around the copy.
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::Received => "received",
            Direction::Sent => "sent",
        }
    }
}

fn unwrap(wrapper: ElementRef<'_>) -> Result<Message, Malformed> {
    let forwarded = wrapper.children().next().ok_or(Malformed::new("a copy of nothing"))?;
    expect(forwarded, "forwarded", ns::FORWARD)?;
    match Forwarded::parse(forwarded)?.stanza {
        Stanza::Message(message) => Ok(message),
        _ => Err(Malformed::new("a copy of something else than a message")),
    }
}
