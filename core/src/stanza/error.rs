//! Stanza errors (RFC 6120 section 8.3).
/// Defined conditions (RFC 6120 section 8.3.3).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Condition {
    /// 8.3.3.1
    BadRequest,
    /// 8.3.3.2
    Conflict,
    /// 8.3.3.3
    FeatureNotImplemented,
    /// 8.3.3.4
    Forbidden,
    /// 8.3.3.5, with the new address as an URI
    Gone(Option<String>),
    /// 8.3.3.6
    InternalServerError,
    /// 8.3.3.7
    ItemNotFound,
    /// 8.3.3.8
    JidMalformed,
    /// 8.3.3.9
    NotAcceptable,
    /// 8.3.3.10
    NotAllowed,
    /// 8.3.3.11
    NotAuthorized,
    /// 8.3.3.12
    PolicyViolation,
    /// 8.3.3.13
    RecipientUnavailable,
    /// 8.3.3.14, with the alternate address as an URI
    Redirect(Option<String>),
    /// 8.3.3.15
    RegistrationRequired,
    /// 8.3.3.16
    RemoteServerNotFound,
    /// 8.3.3.17
    RemoteServerTimeout,
    /// 8.3.3.18
    ResourceConstraint,
    /// 8.3.3.19
    ServiceUnavailable,
    /// 8.3.3.20
    SubscriptionRequired,
    /// 8.3.3.21
    UndefinedCondition,
    /// 8.3.3.22
    UnexpectedRequest,
}
/// What the sender can do about an error (RFC 6120 section 8.3.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorType {
    /// Retry after providing credentials.
    Auth,
    /// Do not retry.
    Cancel,
    /// Only a warning.
    Continue,
    /// Retry after changing the data.
    Modify,
    /// Retry after waiting.
    Wait,
}
/// A stanza error.
#[derive(Clone, PartialEq, Debug)]
pub struct StanzaError {}
impl StanzaError {
    /// An error with the condition's default type.
    pub fn new(_condition: Condition) -> StanzaError {
        todo!()
    }
    /// Adds text.
    pub fn with_text(self, _text: &str) -> StanzaError {
        todo!()
    }
    /// The condition.
    pub fn condition(&self) -> &Condition {
        todo!()
    }
    /// The type.
    pub fn error_type(&self) -> ErrorType {
        todo!()
    }
}
