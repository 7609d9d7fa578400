//! The stream feature: what a server offers.

use super::sasl2;
use crate::ns;
use crate::stream::{bind2, fast};
use crate::xml::{Element, ElementBuilder, ElementRef};

/// `<authentication/>` (section 2.1).
#[derive(Clone, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct Authentication {
    /// The mechanisms by name, in the server's order.
    pub mechanisms: Vec<String>,
    /// What can be asked for along with authentication.
    pub inline: Inline,
}

/// What can be asked for along with authentication.
#[derive(Clone, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct Inline {
    /// A resource (XEP-0386), and what can be asked for along with that.
    pub bind: Option<bind2::Offer>,
    /// To resume a stream (XEP-0198 section 7.2).
    pub resumption: bool,
    /// A token instead of a password, or for the next time (XEP-0484).
    pub fast: Option<fast::Offer>,
    /// Anything else, as it came.
    pub other: Vec<Element>,
}

impl Authentication {
    /// These mechanisms, with this besides.
    pub fn new<'a>(mechanisms: impl IntoIterator<Item = &'a str>, inline: Inline) -> Authentication {
        Authentication { mechanisms: mechanisms.into_iter().map(str::to_owned).collect(), inline }
    }

    /// Reads it. Nothing is refused, as in all features.
    pub(in crate::stream) fn parse(element: ElementRef<'_>) -> Authentication {
        let mechanisms = element.children().filter(|child| child.is("mechanism", ns::SASL2));
        let mut inline = Inline::default();
        for child in element.child("inline", ns::SASL2).into_iter().flat_map(ElementRef::children) {
            match (child.name(), child.ns()) {
                ("bind", ns::BIND2) => inline.bind = Some(bind2::Offer::parse(child)),
                ("sm", ns::SM) => inline.resumption = true,
                ("fast", ns::FAST) => inline.fast = Some(fast::Offer::parse(child)),
                _ => inline.other.push(child.to_element()),
            }
        }
        Authentication { mechanisms: mechanisms.map(|name| name.text().trim().to_owned()).collect(), inline }
    }

    pub(in crate::stream) fn builder(&self) -> ElementBuilder {
        let mechanism = |name: &String| sasl2("mechanism").text(name);
        let feature =
            self.mechanisms.iter().map(mechanism).fold(sasl2("authentication"), ElementBuilder::child);
        if self.inline == Inline::default() { feature } else { feature.child(self.inline.builder()) }
    }
}

impl Inline {
    fn builder(&self) -> ElementBuilder {
        let mut inline = sasl2("inline");
        if let Some(bind) = &self.bind {
            inline = inline.child(bind.builder());
        }
        if self.resumption {
            inline = inline.child(Element::builder("sm", ns::SM));
        }
        if let Some(fast) = &self.fast {
            inline = inline.child(fast.builder());
        }
        self.other.iter().fold(inline, |inline, other| inline.element(other.root()))
    }
}
