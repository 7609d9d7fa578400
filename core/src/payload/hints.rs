//! Hints on how a message is to be handled (XEP-0334). Nobody has to follow them.

use crate::ns;
use crate::stanza::{Message, MessageType};
use crate::xml::{Element, ElementBuilder};

/// The hints that a message has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Hints {
    /// Keep it in no archive (section 4.1).
    pub no_permanent_store: bool,
    /// Keep it nowhere, not even until the addressee is back (section 4.2).
    pub no_store: bool,
    /// Copy it to no other address than the one that it has (section 4.3); means something for full addresses only.
    pub no_copy: bool,
    /// Keep it, also if it does not look like something to keep (section 4.4).
    pub store: bool,
}

impl Hints {
    /// Reads the hints of a message. Those of an error are none: they are the ones of the message that caused it (section 5).
    pub fn of(message: &Message) -> Hints {
        let mut hints = Hints::default();
        if message.kind() == MessageType::Error {
            return hints;
        }
        for child in message.payloads().filter(|child| child.ns() == ns::HINTS) {
            match child.name() {
                "no-permanent-store" => hints.no_permanent_store = true,
                "no-store" => hints.no_store = true,
                "no-copy" => hints.no_copy = true,
                "store" => hints.store = true,
                _ => {}
            }
        }
        hints
    }

    /// The elements to put into a message.
    pub fn to_builders(self) -> impl Iterator<Item = ElementBuilder> {
        let hints = [
            (self.no_permanent_store, "no-permanent-store"),
            (self.no_store, "no-store"),
            (self.no_copy, "no-copy"),
            (self.store, "store"),
        ];
        hints.into_iter().filter(|(wanted, _)| *wanted).map(|(_, name)| Element::builder(name, ns::HINTS))
    }
}
