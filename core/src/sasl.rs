//! SASL (RFC 6120 section 6, RFC 4422): mechanisms, both roles, as machines over messages. Knows nothing of streams.
//!
//! [`ClientSession`] and [`ServerSession`] each stand for one authentication attempt. They take and give the raw bytes
//! of SASL messages; base64, the `=` for an empty message and the XML around it are the stream's business (RFC 6120
//! section 6.4.2). No call blocks on anything but arithmetic: what a server has to look up or judge leaves it as a
//! [`ServerStep`] and comes back as an input.
//!
//! # Mechanisms, strongest first
//!
//! `SCRAM-SHA-512-PLUS`, `SCRAM-SHA-256-PLUS`, `SCRAM-SHA-1-PLUS` (RFC 5802, RFC 7677, channel binding by RFC 9266 and
//! RFC 5929), the same three without `-PLUS`, `PLAIN` (RFC 4616). This is the order in which a client with a password
//! chooses. `EXTERNAL` (RFC 4422), `OAUTHBEARER` (RFC 7628) and `ANONYMOUS` (RFC 4505) each need credentials of their
//! own kind, so they never compete with the others. `HT-SHA-256-EXPR`, `-ENDP` and `-NONE` (draft-schmaus-kitten-sasl-ht)
//! take a token that the server has given for that one mechanism (XEP-0484); they are never among those that are offered
//! to everybody.
//!
//! # What it costs
//!
//! PBKDF2 runs inline. A client with a password pays one derivation for each SCRAM login, bounded by
//! [`Policy::max_iterations`]; one that keeps [`ClientKeys`] pays none. A server pays none for SCRAM and one for PLAIN,
//! with the iteration count that the account was stored with. Everything else is a handful of hashes.
//!
//! # What is ours, and what is rsasl's
//!
//! rsasl starts and runs the exchanges in which its callbacks have nothing to wait for: PLAIN, EXTERNAL and ANONYMOUS in
//! both roles, and the client's message of OAUTHBEARER. On the server its validation callback only writes down what
//! the client sent, so it cannot fail, and each session is stepped once. The rest is ours:
//! - SCRAM, because rsasl's parser panics on hostile input, takes no injected randomness and no credentials that arrive
//!   later, leaves extensions out of the proof, and compares in variable time.
//! - The choice between SCRAM and the rest: SCRAM is not in rsasl's registry, and the rules about channel binding
//!   (RFC 5802 section 6, XEP-0440) span both.
//! - OAUTHBEARER on the server: the verdict on a token arrives later; and rsasl refuses the gs2 flag `y` and values
//!   that contain `=`, takes a repeated `auth`, and leaves the authorization identity escaped.
//! - The second half of OAUTHBEARER on the client: rsasl fails on an error report with any escape sequence in it.

mod client;
mod downgrade;
mod hash;
mod ht;
mod oauthbearer;
mod policy;
mod scram;
mod server;
mod simple;
mod stored;

#[cfg(test)]
mod tests;

pub use client::{Attempt, ClientError, ClientKeys, ClientSession, Credentials, SelectError, Start};
pub use hash::ScramHash;
pub use ht::derive_token;
pub use policy::{Policy, ServerPolicy, Transport};
pub use server::{ServerSession, ServerStep};
pub use stored::{Derivation, Password, ScramKeys, StoredCredentials};

/// The mechanisms that Waxwing speaks.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
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
    /// draft-schmaus-kitten-sasl-ht, with SHA-256.
    Ht {
        /// With this channel binding, if with any.
        binding: Option<ChannelBinding>,
    },
    /// RFC 5802 and RFC 7677; `plus` with channel binding.
    Scram {
        /// Hash function.
        hash: ScramHash,
        /// With channel binding.
        plus: bool,
    },
}

impl Mechanism {
    /// All of them, in the order in which a server offers them: EXTERNAL first (RFC 6120 section 6.3.4), then by
    /// strength.
    pub const ALL: [Mechanism; 10] = [
        Mechanism::External,
        Mechanism::Scram { hash: ScramHash::Sha512, plus: true },
        Mechanism::Scram { hash: ScramHash::Sha256, plus: true },
        Mechanism::Scram { hash: ScramHash::Sha1, plus: true },
        Mechanism::Scram { hash: ScramHash::Sha512, plus: false },
        Mechanism::Scram { hash: ScramHash::Sha256, plus: false },
        Mechanism::Scram { hash: ScramHash::Sha1, plus: false },
        Mechanism::OAuthBearer,
        Mechanism::Plain,
        Mechanism::Anonymous,
    ];

    /// Those that take a token (XEP-0484), strongest first.
    pub const WITH_TOKEN: [Mechanism; 3] = [
        Mechanism::Ht { binding: Some(ChannelBinding::TlsExporter) },
        Mechanism::Ht { binding: Some(ChannelBinding::TlsServerEndPoint) },
        Mechanism::Ht { binding: None },
    ];

    /// The registered name.
    pub fn name(self) -> &'static str {
        match self {
            Mechanism::Ht { binding: Some(ChannelBinding::TlsExporter) } => "HT-SHA-256-EXPR",
            Mechanism::Ht { binding: Some(ChannelBinding::TlsServerEndPoint) } => "HT-SHA-256-ENDP",
            Mechanism::Ht { binding: None } => "HT-SHA-256-NONE",
            Mechanism::Anonymous => "ANONYMOUS",
            Mechanism::External => "EXTERNAL",
            Mechanism::OAuthBearer => "OAUTHBEARER",
            Mechanism::Plain => "PLAIN",
            Mechanism::Scram { hash: ScramHash::Sha1, plus: false } => "SCRAM-SHA-1",
            Mechanism::Scram { hash: ScramHash::Sha1, plus: true } => "SCRAM-SHA-1-PLUS",
            Mechanism::Scram { hash: ScramHash::Sha256, plus: false } => "SCRAM-SHA-256",
            Mechanism::Scram { hash: ScramHash::Sha256, plus: true } => "SCRAM-SHA-256-PLUS",
            Mechanism::Scram { hash: ScramHash::Sha512, plus: false } => "SCRAM-SHA-512",
            Mechanism::Scram { hash: ScramHash::Sha512, plus: true } => "SCRAM-SHA-512-PLUS",
        }
    }

    /// By its registered name, [those with a token](Mechanism::WITH_TOKEN) apart. `None` for one that we do not speak; names
    /// are case-sensitive (RFC 4422 section 3.1).
    pub fn from_name(name: &str) -> Option<Mechanism> {
        Mechanism::ALL.into_iter().find(|mechanism| mechanism.name() == name)
    }

    /// By its registered name, of [those with a token](Mechanism::WITH_TOKEN).
    pub fn with_token(name: &str) -> Option<Mechanism> {
        Mechanism::WITH_TOKEN.into_iter().find(|mechanism| mechanism.name() == name)
    }

    /// For which mechanism a client should want a token: the strongest that is offered and that a connection with these
    /// channel bindings can use.
    pub fn best_with_token(offered: &[&str], bindings: &ChannelBindings) -> Option<Mechanism> {
        let usable = |mechanism: &Mechanism| match mechanism {
            Mechanism::Ht { binding } => ht::binding_data(*binding, bindings).is_some(),
            _ => false,
        };
        let offered = |mechanism: &Mechanism| offered.contains(&mechanism.name());
        Mechanism::WITH_TOKEN.into_iter().find(|mechanism| offered(mechanism) && usable(mechanism))
    }

    /// True if it proves something about the TLS connection it runs over, not only about the account.
    fn is_bound(self) -> bool {
        matches!(
            self,
            Mechanism::External | Mechanism::Scram { plus: true, .. } | Mechanism::Ht { binding: Some(_) }
        )
    }

    /// True if a secret crosses the connection as it is, or something that is as good, so that whoever reads it can log in.
    fn sends_secret(self) -> bool {
        matches!(self, Mechanism::Plain | Mechanism::OAuthBearer | Mechanism::Ht { .. })
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
    /// All of them, strongest first.
    pub const ALL: [ChannelBinding; 2] = [ChannelBinding::TlsExporter, ChannelBinding::TlsServerEndPoint];

    /// The registered name.
    pub fn name(self) -> &'static str {
        match self {
            ChannelBinding::TlsExporter => "tls-exporter",
            ChannelBinding::TlsServerEndPoint => "tls-server-end-point",
        }
    }

    /// By its registered name.
    pub fn from_name(name: &str) -> Option<ChannelBinding> {
        ChannelBinding::ALL.into_iter().find(|binding| binding.name() == name)
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

impl ChannelBindings {
    /// The data for one kind, if there is any.
    pub fn get(&self, binding: ChannelBinding) -> Option<&[u8]> {
        match binding {
            ChannelBinding::TlsExporter => self.tls_exporter.as_deref(),
            ChannelBinding::TlsServerEndPoint => self.tls_server_end_point.as_deref(),
        }
        .filter(|data| !data.is_empty())
    }

    /// The kinds there is data for, strongest first. A server announces these (XEP-0440).
    pub fn kinds(&self) -> Vec<ChannelBinding> {
        ChannelBinding::ALL.into_iter().filter(|kind| self.get(*kind).is_some()).collect()
    }

    /// True if there is no data of any kind.
    pub fn is_empty(&self) -> bool {
        self.kinds().is_empty()
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
    /// All of them.
    pub const ALL: [Condition; 11] = [
        Condition::Aborted,
        Condition::AccountDisabled,
        Condition::CredentialsExpired,
        Condition::EncryptionRequired,
        Condition::IncorrectEncoding,
        Condition::InvalidAuthzid,
        Condition::InvalidMechanism,
        Condition::MalformedRequest,
        Condition::MechanismTooWeak,
        Condition::NotAuthorized,
        Condition::TemporaryAuthFailure,
    ];

    /// The element's name.
    pub fn name(self) -> &'static str {
        match self {
            Condition::Aborted => "aborted",
            Condition::AccountDisabled => "account-disabled",
            Condition::CredentialsExpired => "credentials-expired",
            Condition::EncryptionRequired => "encryption-required",
            Condition::IncorrectEncoding => "incorrect-encoding",
            Condition::InvalidAuthzid => "invalid-authzid",
            Condition::InvalidMechanism => "invalid-mechanism",
            Condition::MalformedRequest => "malformed-request",
            Condition::MechanismTooWeak => "mechanism-too-weak",
            Condition::NotAuthorized => "not-authorized",
            Condition::TemporaryAuthFailure => "temporary-auth-failure",
        }
    }

    /// By the element's name. An unknown one counts as [`Condition::NotAuthorized`] (RFC 6120 section 6.5): that
    /// decision is the caller's, who may want to log the name.
    pub fn from_name(name: &str) -> Option<Condition> {
        Condition::ALL.into_iter().find(|condition| condition.name() == name)
    }
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
