//! What a session is asked for with, and what it comes with: the words that connections and hubs share for it.

use core::time::Duration;

/// How a session is to be (RFC 6120 section 7, XEP-0386).
///
/// [`BindRequest::default`] asks for a resource that the server makes up, and for nothing else.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct BindRequest {
    /// Which resource.
    pub resource: Resource,
    /// The account exists only as long as it has a session, and the store never hears of it.
    pub anonymous: bool,
    /// It gets copies of messages from the start (XEP-0280).
    pub carbons: bool,
    /// Nobody looks at the client for now (XEP-0352).
    pub inactive: bool,
    /// Stanzas are acknowledged from the start (XEP-0198).
    pub management: Option<Enable>,
}

/// Which resource a session is to have.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Resource {
    /// The server makes one up (RFC 6120 section 7.6).
    #[default]
    Generated,
    /// This one, prepared (RFC 6120 section 7.7).
    Asked(String),
    /// One made up behind a tag (XEP-0386 section 4.1).
    Tagged {
        /// What it begins with: the name of the software, say.
        tag: Option<String>,
        /// Names the installation of the client (XEP-0388 section 2.1); the account's earlier sessions of the same one end with
        /// the stream error conflict. Nobody is told.
        client: Option<String>,
    },
}

/// Stream management is wanted (XEP-0198 section 3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Enable {
    /// The stream is to outlive its connection.
    pub resume: bool,
    /// For so many seconds at most.
    pub max: Option<u32>,
}

/// What a new session has of what was asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Granted {
    /// It gets copies of messages.
    pub carbons: bool,
    /// Nobody looks at the client: what can wait is held back.
    pub inactive: bool,
    /// Stanzas are acknowledged.
    pub management: Option<Enabled>,
}

/// Stream management is on (XEP-0198 section 3).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Enabled {
    /// How the stream can be resumed, if it can.
    pub resumption: Option<Resumption>,
}

/// How a stream can be resumed (XEP-0198 section 5).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Resumption {
    /// Names it. Whoever knows it and can log in to the account can resume it.
    pub id: String,
    /// How long after its connection broke.
    pub within: Duration,
    /// Where to connect for that: host, with or without a port.
    pub location: Option<String>,
}

impl Resource {
    /// The one that is asked for, if it is not left to the server.
    pub fn asked(&self) -> Option<&str> {
        match self {
            Resource::Asked(resource) => Some(resource),
            Resource::Generated | Resource::Tagged { .. } => None,
        }
    }
}

impl BindRequest {
    /// Asks for this resource, which has been prepared, and for nothing else.
    pub fn resource(resource: impl Into<String>) -> BindRequest {
        BindRequest { resource: Resource::Asked(resource.into()), ..BindRequest::default() }
    }

    /// The same for a guest, whose account exists as long as the session.
    pub fn anonymous(self) -> BindRequest {
        BindRequest { anonymous: true, ..self }
    }
}
