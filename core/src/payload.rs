//! What stanzas carry: formats that clients and servers both read and write.
//!
//! Each module is one format: a typed value, its reading from an element that somebody else made, and its writing. Reading is
//! as strict as the specification demands; what it tells to ignore is ignored, anything else is [`Malformed`], which knows the
//! stanza error that a server answers it with. What to *do* with a value is the roles' business.
//!
//! How much a peer can make us read is limited by the size of a stanza ([`stream::Limits`](crate::stream::Limits)); the work
//! is linear in that size, or by a logarithm more where something has to be unique.

pub mod blocking;
pub mod caps;
pub mod carbons;
pub mod datetime;
pub mod delay;
pub mod disco;
pub mod form;
pub mod forward;
pub mod hints;
pub mod last;
pub mod privacy;
pub mod private;
pub mod register;
pub mod roster;
pub mod time;
pub mod vcard;
pub mod version;

use crate::jid::Jid;
use crate::stanza::{Condition, StanzaError};
use crate::xml::ElementRef;
use std::fmt;

/// A payload that breaks the rules of its format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Malformed {
    kind: Kind,
    what: &'static str,
}

/// Which stanza error it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Request,
    Address,
    NotAcceptable,
}

impl Malformed {
    /// It does not follow its schema (stanza error bad-request). `what` says in a few words what is wrong.
    pub const fn new(what: &'static str) -> Malformed {
        Malformed { kind: Kind::Request, what }
    }

    /// Something in it ought to be an address and is not (stanza error jid-malformed).
    pub const fn address(what: &'static str) -> Malformed {
        Malformed { kind: Kind::Address, what }
    }

    /// It follows its schema, but says something that nobody has to accept (stanza error not-acceptable).
    pub const fn not_acceptable(what: &'static str) -> Malformed {
        Malformed { kind: Kind::NotAcceptable, what }
    }

    /// What is wrong with it, in a few words.
    pub fn what(&self) -> &'static str {
        self.what
    }

    /// The condition of the stanza error that answers it, where it was a request.
    pub fn condition(&self) -> Condition {
        match self.kind {
            Kind::Request => Condition::BadRequest,
            Kind::Address => Condition::JidMalformed,
            Kind::NotAcceptable => Condition::NotAcceptable,
        }
    }
}

impl From<Malformed> for StanzaError {
    fn from(malformed: Malformed) -> StanzaError {
        StanzaError::new(malformed.condition()).with_text_in("en", malformed.what)
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }
}

impl std::error::Error for Malformed {}

/// Checks that an element is the one that is to be read.
fn expect(element: ElementRef<'_>, name: &str, ns: &str) -> Result<(), Malformed> {
    if element.is(name, ns) { Ok(()) } else { Err(Malformed::new("not the element that was expected")) }
}

/// The value of an attribute that must be there.
fn required<'a>(element: ElementRef<'a>, name: &str, otherwise: &'static str) -> Result<&'a str, Malformed> {
    element.attr(name).ok_or(Malformed::new(otherwise))
}

/// The attribute `jid`, which must be there.
fn jid(element: ElementRef<'_>) -> Result<Jid, Malformed> {
    let jid = required(element, "jid", "the attribute 'jid' is missing")?;
    Jid::new(jid).map_err(|_| Malformed::address("the attribute 'jid' is no address"))
}

/// A value of the type boolean (XML Schema part 2 section 3.2.2).
fn boolean(value: &str) -> Option<bool> {
    match value.trim() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
