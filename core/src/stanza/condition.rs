//! The defined conditions of stanza errors (RFC 6120 section 8.3.3).

/// Defined conditions (RFC 6120 section 8.3.3).
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
#[non_exhaustive]
pub enum Condition {
    /// 8.3.3.1: the stanza does not conform to its schema or cannot be processed.
    BadRequest,
    /// 8.3.3.2: something of the same name or address exists.
    Conflict,
    /// 8.3.3.3: the feature is not implemented.
    FeatureNotImplemented,
    /// 8.3.3.4: the sender lacks the permission.
    Forbidden,
    /// 8.3.3.5: the addressee is at this address no longer; with its new address as a URI or IRI, if that is known.
    Gone(Option<String>),
    /// 8.3.3.6: the server is at fault.
    InternalServerError,
    /// 8.3.3.7: the addressee or item does not exist.
    ItemNotFound,
    /// 8.3.3.8: an address is malformed.
    JidMalformed,
    /// 8.3.3.9: understood, but not as the recipient can accept it.
    NotAcceptable,
    /// 8.3.3.10: nobody may do that.
    NotAllowed,
    /// 8.3.3.11: credentials are missing or wrong.
    NotAuthorized,
    /// 8.3.3.12: a policy of the service is violated.
    PolicyViolation,
    /// 8.3.3.13: the addressee is away for a while.
    RecipientUnavailable,
    /// 8.3.3.14: another address takes these requests for now; with that address as a URI or IRI.
    Redirect(Option<String>),
    /// 8.3.3.15: the sender has to register first.
    RegistrationRequired,
    /// 8.3.3.16: the remote server does not exist or cannot be found.
    RemoteServerNotFound,
    /// 8.3.3.17: the remote server cannot be reached in time.
    RemoteServerTimeout,
    /// 8.3.3.18: the recipient is busy or short of resources.
    ResourceConstraint,
    /// 8.3.3.19: the service is not provided.
    ServiceUnavailable,
    /// 8.3.3.20: the sender has to subscribe first.
    SubscriptionRequired,
    /// 8.3.3.21: none of the others; stands with an application-specific condition.
    UndefinedCondition,
    /// 8.3.3.22: understood, but not expected now.
    UnexpectedRequest,
}

/// What the sender can do about an error (RFC 6120 section 8.3.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
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

impl ErrorType {
    /// The value of the attribute `type`.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorType::Auth => "auth",
            ErrorType::Cancel => "cancel",
            ErrorType::Continue => "continue",
            ErrorType::Modify => "modify",
            ErrorType::Wait => "wait",
        }
    }
    pub(super) fn read(value: Option<&str>) -> Option<ErrorType> {
        use ErrorType::*;
        [Auth, Cancel, Continue, Modify, Wait].into_iter().find(|kind| Some(kind.as_str()) == value)
    }
}

impl Condition {
    /// The name of the condition's element.
    pub fn name(&self) -> &'static str {
        self.entry().0
    }

    /// The type that usually goes with the condition. Where the RFC names two, the one that promises less: `cancel` for
    /// feature-not-implemented, `modify` for policy-violation, `wait` for unexpected-request, `cancel` for undefined-condition.
    pub fn default_type(&self) -> ErrorType {
        self.entry().1
    }

    fn entry(&self) -> (&'static str, ErrorType) {
        use ErrorType::*;
        match self {
            Condition::BadRequest => ("bad-request", Modify),
            Condition::Conflict => ("conflict", Cancel),
            Condition::FeatureNotImplemented => ("feature-not-implemented", Cancel),
            Condition::Forbidden => ("forbidden", Auth),
            Condition::Gone(_) => ("gone", Cancel),
            Condition::InternalServerError => ("internal-server-error", Cancel),
            Condition::ItemNotFound => ("item-not-found", Cancel),
            Condition::JidMalformed => ("jid-malformed", Modify),
            Condition::NotAcceptable => ("not-acceptable", Modify),
            Condition::NotAllowed => ("not-allowed", Cancel),
            Condition::NotAuthorized => ("not-authorized", Auth),
            Condition::PolicyViolation => ("policy-violation", Modify),
            Condition::RecipientUnavailable => ("recipient-unavailable", Wait),
            Condition::Redirect(_) => ("redirect", Modify),
            Condition::RegistrationRequired => ("registration-required", Auth),
            Condition::RemoteServerNotFound => ("remote-server-not-found", Cancel),
            Condition::RemoteServerTimeout => ("remote-server-timeout", Wait),
            Condition::ResourceConstraint => ("resource-constraint", Wait),
            Condition::ServiceUnavailable => ("service-unavailable", Cancel),
            Condition::SubscriptionRequired => ("subscription-required", Auth),
            Condition::UndefinedCondition => ("undefined-condition", Cancel),
            Condition::UnexpectedRequest => ("unexpected-request", Wait),
        }
    }

    /// The condition of that name, without an address.
    pub(crate) fn from_name(name: &str) -> Option<Condition> {
        Condition::all().into_iter().find(|condition| condition.name() == name)
    }

    /// What the numbers of old meant (XEP-0086): a peer that sends nothing else is understood.
    pub(super) fn from_code(code: &str) -> Option<Condition> {
        Some(match code.trim() {
            "302" => Condition::Redirect(None),
            "400" => Condition::BadRequest,
            "401" => Condition::NotAuthorized,
            "403" => Condition::Forbidden,
            "404" => Condition::ItemNotFound,
            "405" => Condition::NotAllowed,
            "406" => Condition::NotAcceptable,
            "407" => Condition::RegistrationRequired,
            "408" | "504" => Condition::RemoteServerTimeout,
            "409" => Condition::Conflict,
            "500" => Condition::InternalServerError,
            "501" => Condition::FeatureNotImplemented,
            "502" | "503" | "510" => Condition::ServiceUnavailable,
            _ => return None,
        })
    }

    /// Every condition, in the order of the RFC.
    pub(super) fn all() -> [Condition; 22] {
        [
            Condition::BadRequest,
            Condition::Conflict,
            Condition::FeatureNotImplemented,
            Condition::Forbidden,
            Condition::Gone(None),
            Condition::InternalServerError,
            Condition::ItemNotFound,
            Condition::JidMalformed,
            Condition::NotAcceptable,
            Condition::NotAllowed,
            Condition::NotAuthorized,
            Condition::PolicyViolation,
            Condition::RecipientUnavailable,
            Condition::Redirect(None),
            Condition::RegistrationRequired,
            Condition::RemoteServerNotFound,
            Condition::RemoteServerTimeout,
            Condition::ResourceConstraint,
            Condition::ServiceUnavailable,
            Condition::SubscriptionRequired,
            Condition::UndefinedCondition,
            Condition::UnexpectedRequest,
        ]
    }
}
