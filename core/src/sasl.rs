//! SASL (RFC 6120 section 6, RFC 4422): mechanisms, both roles, as machines over messages. Knows nothing of streams.
mod client;
mod server;
mod stored;
pub use client::{ClientSession, Credentials, SelectError, Start};
pub use server::{ServerSession, ServerStep};
pub use stored::{ScramHash, ScramKeys, StoredCredentials};

/// The mechanisms that Waxwing speaks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Mechanism {
    /// RFC 4505.
    Anonymous,
    /// RFC 4422 appendix A.
    External,
    /// RFC 7628.
    OAuthBearer,
    /// RFC 4616.
    Plain,
    /// RFC 5802 and RFC 7677; `plus` with channel binding.
    Scram {
        /// Hash function.
        hash: ScramHash,
        /// With channel binding.
        plus: bool,
    },
}
impl Mechanism {
    /// The registered name.
    pub fn name(self) -> &'static str {
        todo!()
    }
    /// By its registered name.
    pub fn from_name(_name: &str) -> Option<Mechanism> {
        todo!()
    }
}

/// Kinds of channel binding.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ChannelBinding {
    /// RFC 9266.
    TlsExporter,
    /// RFC 5929 section 4.
    TlsServerEndPoint,
}
impl ChannelBinding {
    /// The registered name.
    pub fn name(self) -> &'static str {
        todo!()
    }
    /// By its registered name.
    pub fn from_name(_name: &str) -> Option<ChannelBinding> {
        todo!()
    }
}

/// What the TLS connection offers for channel binding; empty without TLS.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ChannelBindings {
    /// 32 bytes of exported keying material.
    pub tls_exporter: Option<Vec<u8>>,
    /// Hash of the server's certificate.
    pub tls_server_end_point: Option<Vec<u8>>,
}

/// What a caller accepts: a floor below which it would rather fail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {}
impl Default for Policy {
    /// SCRAM of any hash; PLAIN only over TLS.
    fn default() -> Policy {
        todo!()
    }
}

/// SASL errors (RFC 6120 section 6.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[non_exhaustive]
pub enum Condition {
    /// 6.5.1
    Aborted,
    /// 6.5.2
    AccountDisabled,
    /// 6.5.3
    CredentialsExpired,
    /// 6.5.4
    EncryptionRequired,
    /// 6.5.5
    IncorrectEncoding,
    /// 6.5.6
    InvalidAuthzid,
    /// 6.5.7
    InvalidMechanism,
    /// 6.5.8
    MalformedRequest,
    /// 6.5.9
    MechanismTooWeak,
    /// 6.5.10
    NotAuthorized,
    /// 6.5.11
    TemporaryAuthFailure,
}
impl Condition {
    /// The element's name.
    pub fn name(self) -> &'static str {
        todo!()
    }
    /// By the element's name.
    pub fn from_name(_name: &str) -> Option<Condition> {
        todo!()
    }
}
