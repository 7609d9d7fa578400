//! Why a string is not an address.
use super::prep::{PrepError, Show};
use std::fmt;

/// Why a string is not an address: which part of it, and what is wrong there. Its `Display` says what to do about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JidError {
    part: Part,
    reason: Reason,
}

/// A part of an address (RFC 7622 section 3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// What stands before the `@`.
    Local,
    /// The domain.
    Domain,
    /// What stands after the first `/`.
    Resource,
}

/// What is wrong with a part of an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// Nothing is left of it after preparation, or its separator stands there and it does not.
    Empty,
    /// It has more than 1023 bytes after preparation.
    TooLong,
    /// It holds, perhaps only after preparation, a character that it must not hold.
    Prohibited(char),
    /// It holds a character that Unicode 3.2 does not know.
    Unassigned(char),
    /// It mixes directions of writing (RFC 3454 section 6).
    Bidi,
    /// It has no canonical form: preparing it twice gives something else than preparing it once.
    Unstable,
    /// Two dots of a domain have nothing between them, or the first one nothing before it.
    EmptyLabel,
    /// A label of a domain begins or ends with a hyphen.
    Hyphen,
    /// A label of a domain has more than 63 bytes, or all of it more than 253, as A-labels.
    DnsLength,
    /// A label of a domain breaks the rules of IDNA (UTS #46): a character it disallows, Punycode that is none, directions
    /// mixed.
    Idna,
    /// What stands in brackets is no IPv6 address.
    IpLiteral,
    /// The part is missing where a full address is needed.
    Missing,
    /// The part is there where a bare address is needed.
    Unexpected,
}

impl JidError {
    pub(super) fn new(part: Part, reason: Reason) -> JidError {
        JidError { part, reason }
    }
    /// The part that is wrong.
    pub fn part(&self) -> Part {
        self.part
    }
    /// What is wrong with it.
    pub fn reason(&self) -> Reason {
        self.reason
    }
}

impl From<PrepError> for Reason {
    fn from(e: PrepError) -> Reason {
        match e {
            PrepError::Prohibited(c) => Reason::Prohibited(c),
            PrepError::Unassigned(c) => Reason::Unassigned(c),
            PrepError::Bidi => Reason::Bidi,
            PrepError::Unstable => Reason::Unstable,
            PrepError::TooLong => Reason::TooLong,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Local => "local part (before the '@')",
            Part::Domain => "domain",
            Part::Resource => "resource (after the '/')",
        })
    }
}

impl fmt::Display for JidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} of the address ", self.part)?;
        match self.reason {
            Reason::Empty if self.part == Part::Domain => f.write_str("is empty; write one, as in name@example.com"),
            Reason::Empty => f.write_str("is empty; write one or leave out its separator"),
            Reason::TooLong => write!(f, "is too long; shorten it to {} bytes", super::MAX_PART),
            Reason::Prohibited(c) => {
                write!(f, "contains the character {}, which is not allowed there; leave it out", Show(c))
            }
            Reason::Unassigned(c) => {
                write!(f, "contains the character {}, which is newer than Unicode 3.2; leave it out", Show(c))
            }
            Reason::Bidi => f.write_str(
                "mixes directions of writing; begin and end it with right-to-left letters and leave out left-to-right ones",
            ),
            Reason::Unstable => {
                f.write_str("contains a character without canonical form; replace it with its plain form")
            }
            Reason::EmptyLabel => f.write_str("has nothing between two dots or before the first; mend or remove a dot"),
            Reason::Hyphen => f.write_str("has a hyphen at the beginning or end of a label; remove it"),
            Reason::DnsLength => f.write_str(
                "does not fit the DNS; shorten each label to 63 bytes and all of it to 253, counted in A-labels",
            ),
            Reason::Idna => f.write_str("is no valid internationalised domain name; check its spelling"),
            Reason::IpLiteral => f.write_str("is no IPv6 address in brackets; write it as in [2001:db8::1]"),
            Reason::Missing => f.write_str("is missing; add one"),
            Reason::Unexpected => f.write_str("must not be there; leave it out"),
        }
    }
}
impl std::error::Error for JidError {}
