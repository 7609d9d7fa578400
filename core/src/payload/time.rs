//! Entity time (XEP-0202).

use super::datetime::{self, Offset};
use super::{Malformed, expect};
use crate::machine::Utc;
use crate::ns;
use crate::xml::{Element, ElementBuilder, ElementRef};

/// What time an entity says it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct EntityTime {
    /// The time.
    pub utc: Utc,
    /// How far its own clocks are ahead of that.
    pub offset: Offset,
}

impl EntityTime {
    /// A time, and the offset of the time zone.
    pub fn new(utc: Utc, offset: Offset) -> EntityTime {
        EntityTime { utc, offset }
    }

    /// Reads the payload of an answer; its time must be in UTC.
    pub fn parse(time: ElementRef<'_>) -> Result<EntityTime, Malformed> {
        expect(time, "time", ns::TIME)?;
        let text = |name: &str| time.child(name, ns::TIME).map(|child| child.text().trim().to_owned());
        let utc = text("utc").filter(|utc| utc.ends_with('Z')).and_then(|utc| datetime::parse(&utc));
        let offset = text("tzo").and_then(|tzo| datetime::offset(&tzo));
        Ok(EntityTime {
            utc: utc.ok_or(Malformed::new("a time that is not in UTC, or no time"))?,
            offset: offset.ok_or(Malformed::new("a time without an offset of the time zone"))?,
        })
    }

    /// That payload.
    pub fn to_builder(&self) -> ElementBuilder {
        let text = |name: &str, text: &str| Element::builder(name, ns::TIME).text(text);
        get().child(text("tzo", &self.offset.to_string())).child(text("utc", &datetime::format(self.utc)))
    }
}

/// The payload of the request.
pub fn get() -> ElementBuilder {
    Element::builder("time", ns::TIME)
}
