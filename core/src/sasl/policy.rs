//! What each side accepts: a floor below which it would rather fail.

use super::{ChannelBindings, Condition, Mechanism, ScramHash, StoredCredentials};

/// What a client accepts. `Policy::default()` with the fields changed that matter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Only mechanisms bound to the TLS connection: `-PLUS` and EXTERNAL. Default: false: `-PLUS` is preferred where the
    /// server says for which kinds of binding it is meant (XEP-0440), and not used where it does not say. If true, the
    /// strongest kind is tried there; older servers know tls-unique alone and refuse it. Whoever has a certificate that
    /// the client trusts and sits in the middle can make a server look older; only true keeps that one out.
    pub require_channel_binding: bool,
    /// PLAIN over TLS. Default: true. The server then sees the password, so this trusts it and its certificate. False once the
    /// account has logged in with SCRAM or EXTERNAL: who asks for PLAIN after that may not be the server (XEP-0474 section 5).
    /// A [`Client`](crate::client::Client) keeps to that by itself over its connections; only its owner can over processes.
    pub plain_over_tls: bool,
    /// PLAIN, OAUTHBEARER and tokens without TLS, where anyone on the way can read the secret. Default: false.
    pub plain_without_tls: bool,
    /// SCRAM only with this hash or a stronger one. Default: SHA-1, which is still sound as SCRAM uses it.
    pub min_hash: ScramHash,
    /// Fewest PBKDF2 iterations. A smaller count makes it cheap to find the password from an overheard exchange.
    /// Default: 4096, the least that servers should announce (RFC 5802 section 5.1, RFC 7677 section 3).
    pub min_iterations: u32,
    /// Most PBKDF2 iterations. They run inline, so this bounds for how long a server can keep the client computing.
    /// Default: 1,000,000, well above what servers use. That many took 0.1 s with SHA-1 or SHA-256 and 1.4 s with SHA-512
    /// on a 2-core x86-64 server with SHA instructions (release build).
    pub max_iterations: u32,
    /// Mechanisms not to be used: set by taste, or because they have failed on this server before (RFC 6120
    /// section 6.4.5). Excluding `-PLUS` gives up what channel binding protects from. Default: none.
    pub excluded: Vec<Mechanism>,
}

impl Default for Policy {
    /// SCRAM of any hash; PLAIN only over TLS.
    fn default() -> Policy {
        Policy {
            require_channel_binding: false,
            plain_over_tls: true,
            plain_without_tls: false,
            min_hash: ScramHash::Sha1,
            min_iterations: 4096,
            max_iterations: 1_000_000,
            excluded: Vec::new(),
        }
    }
}

impl Policy {
    /// True if the policy lets this mechanism be used; `secure`: over TLS.
    pub fn allows(&self, mechanism: Mechanism, secure: bool) -> bool {
        let strong = match mechanism {
            Mechanism::Scram { hash, .. } => hash >= self.min_hash,
            Mechanism::Plain if secure => self.plain_over_tls,
            Mechanism::Plain | Mechanism::OAuthBearer | Mechanism::Ht { .. } => {
                secure || self.plain_without_tls
            }
            Mechanism::External | Mechanism::Anonymous => true,
        };
        strong
            && (mechanism.is_bound() || !self.require_channel_binding)
            && !self.excluded.contains(&mechanism)
    }
}

/// What a server offers. `ServerPolicy::default()` with the fields changed that matter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerPolicy {
    /// No mechanism at all without TLS. Default: true.
    pub require_tls: bool,
    /// Only mechanisms bound to the TLS connection: `-PLUS` and EXTERNAL. Default: false.
    pub require_channel_binding: bool,
    /// SCRAM, and with which hash at least; `None`: no SCRAM. Default: SHA-1 and up.
    pub scram: Option<ScramHash>,
    /// PLAIN over TLS. Default: true. Costs one PBKDF2 a login, where SCRAM costs none.
    pub plain_over_tls: bool,
    /// PLAIN, OAUTHBEARER and tokens without TLS; needs `require_tls` to be off as well. Default: false.
    pub plain_without_tls: bool,
    /// EXTERNAL, to clients with a certificate. Default: true; the embedder judges the certificate.
    pub external: bool,
    /// OAUTHBEARER. Default: false; the embedder judges the token.
    pub oauthbearer: bool,
    /// ANONYMOUS. Default: false.
    pub anonymous: bool,
    /// SCRAM says what was offered, so that a client finds out if someone on the way has changed it (XEP-0474). Default:
    /// true; clients that do not know it must pass over it (RFC 5802 section 5.1).
    pub downgrade_protection: bool,
    /// The iteration count to show for accounts that do not exist. Set it to what existing accounts have, else the
    /// count tells who exists. Default: [`StoredCredentials::DEFAULT_ITERATIONS`].
    pub iterations: u32,
}

impl Default for ServerPolicy {
    /// SCRAM, PLAIN and (with a certificate) EXTERNAL, all only over TLS.
    fn default() -> ServerPolicy {
        ServerPolicy {
            require_tls: true,
            require_channel_binding: false,
            scram: Some(ScramHash::Sha1),
            plain_over_tls: true,
            plain_without_tls: false,
            external: true,
            oauthbearer: false,
            anonymous: false,
            downgrade_protection: true,
            iterations: StoredCredentials::DEFAULT_ITERATIONS,
        }
    }
}

/// What a server knows of the connection under a stream.
#[derive(Clone, Copy, Debug)]
pub struct Transport<'a> {
    /// TLS protects it.
    pub secure: bool,
    /// The channel bindings TLS gives.
    pub bindings: &'a ChannelBindings,
    /// The client has shown a certificate that may stand for an account.
    pub client_certificate: bool,
}

impl ServerPolicy {
    /// The mechanisms to offer on this connection, in order of preference (see [`Mechanism::ALL`]).
    pub fn offer(&self, transport: Transport<'_>) -> Vec<Mechanism> {
        Mechanism::ALL.into_iter().filter(|mechanism| self.judge(*mechanism, transport).is_ok()).collect()
    }

    /// The mechanisms that tokens can be had for, and used with, on this connection (XEP-0484), strongest first.
    pub fn offer_with_token(&self, transport: Transport<'_>) -> Vec<Mechanism> {
        let allowed = |mechanism: &Mechanism| self.judge(*mechanism, transport).is_ok();
        Mechanism::WITH_TOKEN.into_iter().filter(allowed).collect()
    }

    /// As [`select`](ServerPolicy::select), for a mechanism with a token.
    pub fn select_with_token(&self, name: &str, transport: Transport<'_>) -> Result<Mechanism, Condition> {
        let mechanism = Mechanism::with_token(name).ok_or(Condition::InvalidMechanism)?;
        self.judge(mechanism, transport).map(|()| mechanism)
    }

    /// The mechanism that a client asks for by name, or why it cannot have it (RFC 6120 sections 6.5.4, 6.5.7 and
    /// 6.5.9). Accepts exactly what [`offer`](ServerPolicy::offer) lists.
    pub fn select(&self, name: &str, transport: Transport<'_>) -> Result<Mechanism, Condition> {
        let mechanism = Mechanism::from_name(name).ok_or(Condition::InvalidMechanism)?;
        self.judge(mechanism, transport).map(|()| mechanism)
    }

    fn judge(&self, mechanism: Mechanism, transport: Transport<'_>) -> Result<(), Condition> {
        let configured = match mechanism {
            Mechanism::Scram { .. } => self.scram.is_some(),
            Mechanism::Plain => self.plain_over_tls || self.plain_without_tls,
            Mechanism::OAuthBearer => self.oauthbearer,
            Mechanism::Anonymous => self.anonymous,
            Mechanism::External => self.external,
            Mechanism::Ht { .. } => true,
        };
        let bound = mechanism.is_bound();
        let exposed = mechanism.sends_secret() && !self.plain_without_tls;
        let usable = match mechanism {
            Mechanism::Scram { plus: true, .. } => !transport.bindings.is_empty(),
            Mechanism::Ht { binding } => super::ht::binding_data(binding, transport.bindings).is_some(),
            Mechanism::External => transport.secure && transport.client_certificate,
            _ => true,
        };
        let weak = match mechanism {
            Mechanism::Scram { hash, .. } => self.scram.is_some_and(|least| hash < least),
            Mechanism::Plain => transport.secure && !self.plain_over_tls,
            _ => false,
        };
        if !configured {
            Err(Condition::InvalidMechanism)
        } else if !transport.secure && (self.require_tls || exposed) {
            Err(Condition::EncryptionRequired)
        } else if !usable {
            Err(Condition::InvalidMechanism)
        } else if weak || (self.require_channel_binding && !bound) {
            Err(Condition::MechanismTooWeak)
        } else {
            Ok(())
        }
    }
}
