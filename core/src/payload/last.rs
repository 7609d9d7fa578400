//! Last activity (XEP-0012).

use super::{Malformed, expect, required};
use crate::ns;
use crate::xml::{Element, ElementBuilder, ElementRef};

/// How long ago something was. What it was depends on who was asked (section 8): for an account, when it went offline; for
/// a resource, when its user last did something; for a server, when it started.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Last {
    /// So many seconds.
    pub seconds: u64,
    /// The words in which an account went offline; empty if there were none.
    pub status: String,
}

impl Last {
    /// So many seconds ago.
    pub fn new(seconds: u64) -> Last {
        Last { seconds, status: String::new() }
    }

    /// Adds the words in which the account went offline.
    pub fn with_status(mut self, status: &str) -> Last {
        self.status = status.to_owned();
        self
    }

    /// Reads the payload of an answer.
    pub fn parse(query: ElementRef<'_>) -> Result<Last, Malformed> {
        expect(query, "query", ns::LAST)?;
        let seconds = required(query, "seconds", "last activity without seconds")?.trim();
        let digits = !seconds.is_empty() && seconds.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = digits.then(|| seconds.parse().ok()).flatten();
        let seconds = seconds.ok_or(Malformed::new("last activity whose seconds are no number"))?;
        Ok(Last { seconds, status: query.text().into_owned() })
    }

    /// That payload.
    pub fn to_builder(&self) -> ElementBuilder {
        get().attr("seconds", &self.seconds.to_string()).text(&self.status)
    }
}

/// The payload of the request.
pub fn get() -> ElementBuilder {
    Element::builder("query", ns::LAST)
}
