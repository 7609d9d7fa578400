//! Stanzas inside other elements (XEP-0297).

use super::delay::Delay;
use super::{Malformed, expect};
use crate::ns;
use crate::stanza::Stanza;
use crate::xml::{Element, ElementBuilder, ElementRef};

/// A forwarded stanza. Whether it says the truth about where it comes from depends on who forwarded it.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Forwarded {
    /// The stanza.
    pub stanza: Stanza,
    /// When whoever forwarded it received it.
    pub delay: Option<Delay>,
}

impl Forwarded {
    /// Reads a `forwarded` element: one stanza in a content namespace, at most one delay.
    pub fn parse(element: ElementRef<'_>) -> Result<Forwarded, Malformed> {
        expect(element, "forwarded", ns::FORWARD)?;
        let (mut stanza, mut delay) = (None, None);
        for child in element.children() {
            let unique = if child.is("delay", ns::DELAY) {
                delay.replace(Delay::parse(child)?).is_none()
            } else if ns::is_content(child.ns()) {
                stanza.replace(child).is_none()
            } else {
                continue;
            };
            if !unique {
                return Err(Malformed::new("forwarded holds more than one stanza or delay"));
            }
        }
        let stanza = stanza.ok_or(Malformed::new("forwarded holds no stanza"))?;
        let stanza = Stanza::parse(stanza.to_element());
        let stanza = stanza.map_err(|_| Malformed::new("what is forwarded is no valid stanza"))?;
        Ok(Forwarded { stanza, delay })
    }
}

/// The `forwarded` element around a stanza, which stays in its namespace (section 3.2 rule 3) and is addressed as it is now.
pub fn wrap(stanza: &Stanza, delay: Option<&Delay>) -> ElementBuilder {
    stanza.nest(around(delay))
}

/// A `forwarded` element that only lacks its stanza.
pub(super) fn around(delay: Option<&Delay>) -> ElementBuilder {
    let forwarded = Element::builder("forwarded", ns::FORWARD);
    match delay {
        Some(delay) => forwarded.child(delay.to_builder()),
        None => forwarded,
    }
}
