//! Blocking (XEP-0191).

use super::{Malformed, expect, jid};
use crate::jid::Jid;
use crate::ns;
use crate::stanza::{Condition, ErrorType, StanzaError};
use crate::xml::{Element, ElementBuilder, ElementRef};
use std::collections::BTreeSet;

/// What a request, or a push, does to the list of blocked addresses (sections 3.3 to 3.5).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// These are blocked: at least one.
    Block(Vec<Jid>),
    /// These are no longer blocked: at least one.
    Unblock(Vec<Jid>),
    /// Nobody is blocked any more.
    UnblockAll,
}

impl Change {
    /// Reads `block` or `unblock`. An address that stands there twice counts once.
    pub fn parse(element: ElementRef<'_>) -> Result<Change, Malformed> {
        let blocks = element.is("block", ns::BLOCKING);
        if !blocks {
            expect(element, "unblock", ns::BLOCKING)?;
        }
        let addresses = items(element)?;
        match (blocks, addresses.is_empty()) {
            (true, false) => Ok(Change::Block(addresses)),
            (true, true) => Err(Malformed::new("nobody to block")),
            (false, false) => Ok(Change::Unblock(addresses)),
            (false, true) => Ok(Change::UnblockAll),
        }
    }

    /// The payload of the request, and of the push that tells other resources of it.
    pub fn to_builder(&self) -> ElementBuilder {
        match self {
            Change::Block(addresses) => with_items("block", addresses),
            Change::Unblock(addresses) => with_items("unblock", addresses),
            Change::UnblockAll => with_items("unblock", &[]),
        }
    }
}

/// The payload of the request for the list (section 3.2).
pub fn get() -> ElementBuilder {
    with_items("blocklist", &[])
}

/// The payload of its answer.
pub fn list(addresses: &[Jid]) -> ElementBuilder {
    with_items("blocklist", addresses)
}

/// Reads the payload of that answer.
pub fn parse_list(element: ElementRef<'_>) -> Result<Vec<Jid>, Malformed> {
    expect(element, "blocklist", ns::BLOCKING)?;
    items(element)
}

/// The error for somebody who writes to an address that they have blocked themselves (section 3.3).
pub fn refusal() -> StanzaError {
    StanzaError::new(Condition::NotAcceptable)
        .with_type(ErrorType::Cancel)
        .with_application(Element::builder("blocked", ns::BLOCKING_ERRORS).build())
}

/// True for that error.
pub fn is_refusal(error: &StanzaError) -> bool {
    error.application().is_some_and(|application| application.is("blocked", ns::BLOCKING_ERRORS))
}

fn items(element: ElementRef<'_>) -> Result<Vec<Jid>, Malformed> {
    let mut seen = BTreeSet::new();
    let mut addresses = Vec::new();
    for item in element.children().filter(|child| child.is("item", ns::BLOCKING)) {
        let address = jid(item)?;
        if seen.insert(address.clone()) {
            addresses.push(address);
        }
    }
    Ok(addresses)
}

fn with_items(name: &str, addresses: &[Jid]) -> ElementBuilder {
    let item = |jid: &Jid| Element::builder("item", ns::BLOCKING).attr("jid", jid.as_str());
    addresses.iter().map(item).fold(Element::builder(name, ns::BLOCKING), ElementBuilder::child)
}
