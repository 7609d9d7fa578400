//! Why XML was refused.
use core::fmt;

/// What is wrong with the XML, in the classes that RFC 6120 section 4.9.3 tells apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Not well-formed XML 1.0 or not namespace-well-formed (4.9.3.13); a prefix that is not declared is of this kind, as
    /// section 11.3 and the example of 4.9.3.13 have it.
    NotWellFormed,
    /// Well-formed, but what RFC 6120 section 11.1 forbids: comments, processing instructions, DTDs, entities (4.9.3.18).
    Restricted,
    /// Not UTF-8, or declared to be something else (4.9.3.22).
    UnsupportedEncoding,
    /// A prefix where RFC 6120 wants none: on an element of the stream's content namespace (4.8.5, 4.9.3.2).
    BadNamespacePrefix,
    /// Larger, deeper, with more attributes or otherwise more than the limits allow (4.9.3.14).
    Limit,
    /// A well-formed thing in a place where the stream has no use for it (4.9.3.1): text between stanzas, say.
    BadFormat,
}

/// XML that was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
    kind: ErrorKind,
    what: &'static str,
    offset: u64,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, what: &'static str, offset: u64) -> Error {
        Error { kind, what, offset }
    }
    /// The class of the error.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
    /// What is wrong, in a few words.
    pub fn what(&self) -> &'static str {
        self.what
    }
    /// Bytes from the beginning of the stream (or document) to where it went wrong.
    pub fn offset(&self) -> u64 {
        self.offset
    }
}
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.what, self.offset)
    }
}
impl core::error::Error for Error {}
