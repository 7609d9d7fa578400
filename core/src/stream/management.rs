//! Stream management (XEP-0198): its elements, and the arithmetic of its counters.
//!
//! What is counted, when, and what follows from it is the roles' business. These elements are not stanzas and are not counted
//! themselves (XEP-0198 section 1).

use super::malformed::{flag, number};
use crate::ns;
use crate::stanza::Condition;
use crate::xml::{Element, ElementRef};
use std::collections::VecDeque;

pub use super::malformed::Malformed;

/// An element of stream management.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Management {
    /// The client wants its stanzas acknowledged (section 3).
    Enable {
        /// It wants to resume the stream should it break.
        resume: bool,
        /// For how many seconds at most.
        max: Option<u32>,
    },
    /// The server agrees (section 3).
    Enabled {
        /// Names the stream; there where it can be resumed.
        id: Option<String>,
        /// It can be resumed.
        resume: bool,
        /// Within so many seconds.
        max: Option<u32>,
        /// Where to connect then: a host with or without a port (RFC 6120 section 4.9.3.19).
        location: Option<String>,
    },
    /// The client wants to go on with an earlier stream (section 5).
    Resume {
        /// Which one.
        previd: String,
        /// How many stanzas of the server's it has handled.
        h: u32,
    },
    /// The server goes on with an earlier stream (section 5).
    Resumed {
        /// Which one.
        previd: String,
        /// How many stanzas of the client's it has handled.
        h: u32,
    },
    /// What was asked for cannot be had (section 6).
    Failed {
        /// Why, if it is said.
        condition: Option<Condition>,
        /// How many stanzas of the client's had been handled when the stream that cannot be resumed was given up, if it is said.
        h: Option<u32>,
    },
    /// Asks how many stanzas have been handled (section 4).
    Request,
    /// Says how many stanzas have been handled (section 4).
    Answer {
        /// So many, modulo 2^32.
        h: u32,
    },
}

impl Management {
    /// Reads an element.
    ///
    /// # Errors
    /// If its name is not known, an attribute that it must have is missing, or a number is none.
    pub fn parse(element: ElementRef<'_>) -> Result<Management, Malformed> {
        if element.ns() != ns::SM {
            return Err(Malformed::new("not an element of stream management"));
        }
        let h = || number(element, "h")?.ok_or(Malformed::new("the attribute 'h' is missing"));
        let previd = || element.attr("previd").map(str::to_owned);
        let previd = || previd().ok_or(Malformed::new("the attribute 'previd' is missing"));
        Ok(match element.name() {
            "enable" => Management::Enable { resume: flag(element, "resume")?, max: number(element, "max")? },
            "enabled" => Management::Enabled {
                id: element.attr("id").map(str::to_owned),
                resume: flag(element, "resume")?,
                max: number(element, "max")?,
                location: element.attr("location").map(str::to_owned),
            },
            "resume" => Management::Resume { previd: previd()?, h: h()? },
            "resumed" => Management::Resumed { previd: previd()?, h: h()? },
            "failed" => {
                let conditions = element.children().filter(|child| child.ns() == ns::STANZAS);
                let mut known = conditions.filter_map(|child| Condition::from_name(child.name()));
                Management::Failed { condition: known.next(), h: number(element, "h")? }
            }
            "r" => Management::Request,
            "a" => Management::Answer { h: h()? },
            _ => return Err(Malformed::new("stream management knows no such element")),
        })
    }

    /// Writes it.
    pub fn to_element(&self) -> Element {
        let element = |name| Element::builder(name, ns::SM);
        let text = |number: &u32| number.to_string();
        match self {
            Management::Enable { resume, max } => element("enable")
                .attr_opt("resume", resume.then_some("true"))
                .attr_opt("max", max.as_ref().map(text).as_deref()),
            Management::Enabled { id, resume, max, location } => element("enabled")
                .attr_opt("id", id.as_deref())
                .attr_opt("resume", resume.then_some("true"))
                .attr_opt("max", max.as_ref().map(text).as_deref())
                .attr_opt("location", location.as_deref()),
            Management::Resume { previd, h } => element("resume").attr("previd", previd).attr("h", &text(h)),
            Management::Resumed { previd, h } => {
                element("resumed").attr("previd", previd).attr("h", &text(h))
            }
            Management::Failed { condition, h } => {
                let failed = element("failed").attr_opt("h", h.as_ref().map(text).as_deref());
                match condition {
                    Some(condition) => failed.child(Element::builder(condition.name(), ns::STANZAS)),
                    None => failed,
                }
            }
            Management::Request => element("r"),
            Management::Answer { h } => element("a").attr("h", &text(h)),
        }
        .build()
    }
}

/// What has been sent and not acknowledged, oldest first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unacknowledged<T> {
    /// How many the peer has acknowledged, modulo 2^32.
    acknowledged: u32,
    items: VecDeque<T>,
}

impl<T> Default for Unacknowledged<T> {
    fn default() -> Unacknowledged<T> {
        Unacknowledged::resume(0, [])
    }
}

/// The peer says that it has handled more than it was sent, or less than it had before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WrongCount {
    /// What it says.
    pub h: u32,
    /// How many it was sent.
    pub sent: u32,
}

impl<T> Unacknowledged<T> {
    /// As it was left: so many acknowledged, and these not.
    pub fn resume(acknowledged: u32, items: impl IntoIterator<Item = T>) -> Unacknowledged<T> {
        Unacknowledged { acknowledged, items: items.into_iter().collect() }
    }

    /// One more has been sent.
    pub fn push(&mut self, item: T) {
        self.items.push_back(item);
    }

    /// The peer has handled `h` of all that were sent, modulo 2^32. Gives those that it had not acknowledged before.
    ///
    /// # Errors
    /// If that cannot be; then nothing changes. It ends the stream with
    /// [`handled-count-too-high`](WrongCount::to_stream_error).
    pub fn acknowledge(&mut self, h: u32) -> Result<impl Iterator<Item = T>, WrongCount> {
        let more = h.wrapping_sub(self.acknowledged) as usize;
        if more > self.items.len() {
            return Err(WrongCount { h, sent: self.sent() });
        }
        self.acknowledged = h;
        Ok(self.items.drain(..more))
    }

    /// Gives back the memory that a burst has taken, once most of it has been acknowledged.
    pub fn shrink(&mut self) {
        let (len, capacity) = (self.items.len(), self.items.capacity());
        if len == 0 || capacity > 32 && len <= capacity / 4 {
            self.items.shrink_to((2 * len).max(8));
        }
    }

    /// How many have been acknowledged, modulo 2^32.
    pub fn acknowledged(&self) -> u32 {
        self.acknowledged
    }

    /// How many have been sent, modulo 2^32.
    pub fn sent(&self) -> u32 {
        // Nobody has four billion stanzas in memory.
        self.acknowledged.wrapping_add(u32::try_from(self.items.len()).unwrap_or(u32::MAX))
    }

    /// How many have not been acknowledged.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// True if all have been acknowledged.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Those that have not been acknowledged, oldest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &T> + DoubleEndedIterator {
        self.items.iter()
    }

    /// The same, for good.
    pub fn into_items(self) -> VecDeque<T> {
        self.items
    }
}

impl WrongCount {
    /// The stream error for the peer (section 6).
    pub fn to_stream_error(self) -> super::StreamError {
        let details = Element::builder("handled-count-too-high", ns::SM)
            .attr("h", &self.h.to_string())
            .attr("send-count", &self.sent.to_string())
            .build();
        super::StreamError::new(super::Condition::UndefinedCondition)
            .with_application(details)
            .with_text("You acknowledged what was never sent, or took an acknowledgement back.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Limits;

    const LIMITS: Limits = Limits { max_bytes: 8192, max_depth: 8, max_attributes: 8 };

    fn parse(xml: &str) -> Result<Management, Malformed> {
        Management::parse(Element::parse(xml.as_bytes(), LIMITS).expect("well-formed").root())
    }

    #[test]
    fn xep0198_elements_round_trip() {
        let id = || Some("some-long-sm-id".to_owned());
        let previd = || "some'<&>id".to_owned();
        for management in [
            Management::Enable { resume: false, max: None },
            Management::Enable { resume: true, max: Some(60) },
            Management::Enabled { id: None, resume: false, max: None, location: None },
            Management::Enabled { id: id(), resume: true, max: Some(600), location: Some("[::1]:9".into()) },
            Management::Resume { previd: previd(), h: 0 },
            Management::Resumed { previd: previd(), h: u32::MAX },
            Management::Failed { condition: None, h: None },
            Management::Failed { condition: Some(Condition::ItemNotFound), h: Some(7) },
            Management::Request,
            Management::Answer { h: 5 },
        ] {
            assert_eq!(parse(&management.to_element().to_xml()), Ok(management));
        }
    }

    #[test]
    fn xep0198_3_booleans_have_two_spellings_and_numbers_are_unsigned_ints() {
        let enable = |attributes| parse(&format!("<enable xmlns='urn:xmpp:sm:3' {attributes}/>"));
        assert_eq!(enable("resume='1'"), Ok(Management::Enable { resume: true, max: None }));
        assert_eq!(enable("resume='0' max=' 7 '"), Ok(Management::Enable { resume: false, max: Some(7) }));
        assert!(enable("resume='yes'").is_err());
        assert!(enable("max='-1'").is_err());
        assert!(parse("<a xmlns='urn:xmpp:sm:3' h='4294967296'/>").is_err());
        assert!(parse("<a xmlns='urn:xmpp:sm:3'/>").is_err());
        assert!(parse("<resume xmlns='urn:xmpp:sm:3' h='1'/>").is_err());
        assert!(parse("<b xmlns='urn:xmpp:sm:3'/>").is_err());
        assert!(parse("<a xmlns='urn:xmpp:sm:2' h='1'/>").is_err());
    }

    #[test]
    fn xep0198_4_counting_goes_round_after_two_to_the_power_of_32() {
        let mut sent = Unacknowledged::resume(u32::MAX - 1, ["a", "b"]);
        sent.push("c");
        assert_eq!(sent.sent(), 1);
        assert_eq!(sent.acknowledge(0).unwrap().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((sent.acknowledged(), sent.len()), (0, 1));
        assert_eq!(sent.acknowledge(0).unwrap().count(), 0);
        sent.shrink();
        assert_eq!(sent.acknowledge(1).unwrap().collect::<Vec<_>>(), ["c"]);
        assert!(sent.is_empty());
    }

    #[test]
    fn xep0198_6_a_count_that_cannot_be_changes_nothing() {
        let mut sent = Unacknowledged::resume(3, ["a", "b"]);
        for h in [6, 2, u32::MAX] {
            let wrong = sent.acknowledge(h).err().expect("it cannot be");
            assert_eq!(wrong, WrongCount { h, sent: 5 });
            assert!(wrong.to_stream_error().to_element().to_xml().contains("send-count='5'"));
        }
        assert_eq!(sent.iter().collect::<Vec<_>>(), [&"a", &"b"]);
    }
}
