//! Stream errors (RFC 6120 section 4.9).
use crate::xml::{Element, ElementRef};
/// Defined conditions (RFC 6120 section 4.9.3).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum Condition {
    BadFormat,
    BadNamespacePrefix,
    Conflict,
    ConnectionTimeout,
    HostGone,
    HostUnknown,
    ImproperAddressing,
    InternalServerError,
    InvalidFrom,
    InvalidNamespace,
    InvalidXml,
    NotAuthorized,
    NotWellFormed,
    PolicyViolation,
    RemoteConnectionFailed,
    Reset,
    ResourceConstraint,
    RestrictedXml,
    SeeOtherHost(String),
    SystemShutdown,
    UndefinedCondition,
    UnsupportedEncoding,
    UnsupportedFeature,
    UnsupportedStanzaType,
    UnsupportedVersion,
}
/// A stream error: condition, text and application-specific condition.
#[derive(Clone, PartialEq, Debug)]
pub struct StreamError {}
impl StreamError {
    /// Just the condition.
    pub fn new(_condition: Condition) -> StreamError {
        todo!()
    }
    /// Adds text in English.
    pub fn with_text(self, _text: &str) -> StreamError {
        todo!()
    }
    /// Adds an application-specific condition (4.9.4).
    pub fn with_application(self, _element: Element) -> StreamError {
        todo!()
    }
    /// The condition.
    pub fn condition(&self) -> &Condition {
        todo!()
    }
    /// The text.
    pub fn text(&self) -> Option<&str> {
        todo!()
    }
    /// Reads `<stream:error/>`.
    pub fn parse(_element: ElementRef<'_>) -> StreamError {
        todo!()
    }
    /// `<stream:error/>`.
    pub fn to_element(&self) -> Element {
        todo!()
    }
}
