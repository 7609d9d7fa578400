//! What the elements of stream negotiation have in common when they are read.

use crate::sasl;
use crate::xml::ElementRef;
use core::fmt;

/// Why an element in a namespace of stream negotiation is none that its specification knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Malformed {
    what: &'static str,
    condition: sasl::Condition,
}

impl Malformed {
    pub(super) const fn new(what: &'static str) -> Malformed {
        Malformed { what, condition: sasl::Condition::MalformedRequest }
    }

    /// Its base 64 is none.
    pub(super) const fn encoding() -> Malformed {
        Malformed { what: "that is not base 64", condition: sasl::Condition::IncorrectEncoding }
    }

    /// What is wrong with it, in a few words.
    pub fn what(self) -> &'static str {
        self.what
    }

    /// The SASL error that answers it where it came while a client was logging in.
    pub fn condition(self) -> sasl::Condition {
        self.condition
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }
}

impl std::error::Error for Malformed {}

/// An attribute that is an unsignedInt (XML Schema part 2 section 3.3.22), if it is there.
pub(super) fn number(element: ElementRef<'_>, name: &str) -> Result<Option<u32>, Malformed> {
    let number = element.attr(name).map(|text| text.trim().parse());
    number.transpose().map_err(|_| Malformed::new("an attribute is not a number below 2^32"))
}

/// An attribute that is a boolean (XML Schema part 2 section 3.2.2); false if it is not there.
pub(super) fn flag(element: ElementRef<'_>, name: &str) -> Result<bool, Malformed> {
    match element.attr(name).map(str::trim) {
        None | Some("false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(_) => Err(Malformed::new("an attribute is neither true nor false")),
    }
}

/// The child of this name, which may be there once at most.
pub(super) fn at_most_one<'a>(
    element: ElementRef<'a>,
    name: &str,
    ns: &str,
) -> Result<Option<ElementRef<'a>>, Malformed> {
    let mut found = element.children().filter(|child| child.is(name, ns));
    let first = found.next();
    if found.next().is_some() {
        return Err(Malformed::new("an element that may be there once is there again"));
    }
    Ok(first)
}

/// The text of a child that may be there once at most.
pub(super) fn text_of(element: ElementRef<'_>, name: &str, ns: &str) -> Result<Option<String>, Malformed> {
    let child = at_most_one(element, name, ns)?;
    Ok(child.map(|child| child.text().into_owned()))
}
