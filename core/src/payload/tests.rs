//! Tests of the formats: what is written reads back the same, and what is malformed is refused by name.

mod blocking;
mod caps;
mod delay;
mod disco;
mod form;
mod forward;
mod privacy;
mod register;
mod roster;
mod small;
mod soup;

use super::*;
use crate::stanza::{Message, Stanza};
use crate::xml::{Element, ElementBuilder, Limits};

const LIMITS: Limits = Limits { max_bytes: 1_000_000, max_depth: 20, max_attributes: 50 };

fn element(xml: &str) -> Element {
    Element::parse(xml.as_bytes(), LIMITS).unwrap_or_else(|e| panic!("{xml}: {e}"))
}

fn stanza(xml: &str) -> Stanza {
    Stanza::parse(element(xml)).unwrap_or_else(|e| panic!("{xml}: {e}"))
}

fn message(xml: &str) -> Message {
    match stanza(xml) {
        Stanza::Message(message) => message,
        other => panic!("{other:?}"),
    }
}

fn built(builder: ElementBuilder) -> Element {
    builder.try_build().unwrap()
}

fn jid(text: &str) -> Jid {
    Jid::new(text).unwrap()
}
