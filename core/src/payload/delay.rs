//! When a stanza was sent first (XEP-0203).

use super::{Malformed, datetime, expect, required};
use crate::jid::Jid;
use crate::machine::Utc;
use crate::ns;
use crate::xml::{Element, ElementBuilder, ElementRef};

/// The note that a stanza is delivered later than it was sent. A stanza gets it with
/// [`Stanza::with_child`](crate::stanza::Stanza::with_child).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Delay {
    /// When the stanza was sent.
    pub stamp: Utc,
    /// Who says so: the sender, or whoever held the stanza back.
    pub from: Option<Jid>,
    /// Why, for people.
    pub reason: Option<String>,
}

impl Delay {
    /// Sent at this time.
    pub fn new(stamp: Utc) -> Delay {
        Delay { stamp, from: None, reason: None }
    }

    /// Says who held the stanza back.
    pub fn by(mut self, from: Jid) -> Delay {
        self.from = Some(from);
        self
    }

    /// Says why, for people.
    pub fn because(mut self, reason: &str) -> Delay {
        self.reason = Some(reason.to_owned());
        self
    }

    /// Reads a `delay` element. A stamp with an offset from UTC is accepted although none should be sent.
    pub fn parse(element: ElementRef<'_>) -> Result<Delay, Malformed> {
        expect(element, "delay", ns::DELAY)?;
        let stamp = required(element, "stamp", "a delay without stamp")?;
        let stamp = datetime::parse(stamp.trim()).ok_or(Malformed::new("a delay whose stamp is no time"))?;
        let from = element.attr("from").map(Jid::new).transpose();
        let from = from.map_err(|_| Malformed::address("a delay from something that is no address"))?;
        let text = element.text();
        let reason = Some(text.trim()).filter(|reason| !reason.is_empty()).map(str::to_owned);
        Ok(Delay { stamp, from, reason })
    }

    /// The `delay` element.
    pub fn to_builder(&self) -> ElementBuilder {
        let element = Element::builder("delay", ns::DELAY)
            .attr_opt("from", self.from.as_ref().map(Jid::as_str))
            .attr("stamp", &datetime::format(self.stamp));
        match &self.reason {
            Some(reason) => element.text(reason),
            None => element,
        }
    }
}
