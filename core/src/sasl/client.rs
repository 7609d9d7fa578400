//! The client's side.

mod scram;
mod select;

#[cfg(test)]
mod tests;

use super::hash::{Secret, same, wipe};
use super::scram::escape;
use super::simple::{self, Properties};
use super::{ChannelBinding, ChannelBindings, Mechanism, Policy, ScramHash, downgrade, ht, oauthbearer};
use crate::machine::Entropy;
use scram::Scram;

/// With what a client authenticates. `Debug` shows no secret.
#[derive(Clone)]
#[non_exhaustive]
pub enum Credentials {
    /// A user name and its password.
    Password {
        /// Local part of the account.
        username: String,
        /// Password as typed.
        password: String,
    },
    /// A user name and keys that an earlier login left ([`ClientSession::keys`]): no password is kept, and no PBKDF2
    /// runs. Good for SCRAM with the keys' hash, for as long as the server keeps salt and iteration count.
    Keys {
        /// Local part of the account.
        username: String,
        /// The keys.
        keys: ClientKeys,
    },
    /// An OAuth 2.0 bearer token (RFC 7628).
    Token {
        /// Local part of the account; for the caller. What the server is told is [`Attempt::authzid`].
        username: String,
        /// The token.
        token: String,
    },
    /// The TLS client certificate.
    External,
    /// No account.
    Anonymous,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (kind, username) = match self {
            Credentials::Password { username, .. } => ("Password", username),
            Credentials::Keys { username, .. } => ("Keys", username),
            Credentials::Token { username, .. } => ("Token", username),
            Credentials::External => return f.write_str("External"),
            Credentials::Anonymous => return f.write_str("Anonymous"),
        };
        f.debug_struct(kind).field("username", username).finish_non_exhaustive()
    }
}

/// What a client can keep instead of the password (RFC 5802 section 5.1). As good as the password on this server while
/// salt and iteration count last; worthless elsewhere.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientKeys {
    /// Which hash.
    pub hash: ScramHash,
    /// The salt they were derived with.
    pub salt: Vec<u8>,
    /// The iteration count they were derived with.
    pub iterations: u32,
    /// ClientKey.
    pub client_key: Vec<u8>,
    /// ServerKey.
    pub server_key: Vec<u8>,
}

impl std::fmt::Debug for ClientKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientKeys").field("hash", &self.hash).finish_non_exhaustive()
    }
}

impl Drop for ClientKeys {
    fn drop(&mut self) {
        wipe(&mut self.client_key);
        wipe(&mut self.server_key);
    }
}

/// Why no attempt can begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SelectError {
    /// The server offers nothing that these credentials can use.
    NothingInCommon,
    /// The server offers only what lies below the policy's floor.
    BelowFloor,
    /// The name or the password cannot be prepared (SASLprep), or the token cannot be one.
    BadCredentials,
    /// What the server announces about channel binding contradicts itself, as if someone on the way had changed it
    /// (XEP-0440, business rules 4 to 6).
    Downgrade,
}

impl std::fmt::Display for SelectError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            SelectError::NothingInCommon => "the server offers no mechanism that these credentials can use",
            SelectError::BelowFloor => "the server offers only mechanisms that the policy does not allow",
            SelectError::BadCredentials => "the name, password or token has characters that it cannot have",
            SelectError::Downgrade => {
                "the server's offer of channel binding contradicts itself; someone may have tampered with it"
            }
        })
    }
}

impl std::error::Error for SelectError {}

/// How to begin.
#[derive(Clone, PartialEq, Eq)]
pub struct Start {
    /// The chosen mechanism.
    pub mechanism: Mechanism,
    /// Initial response: `None` none, empty is `=` on the wire (RFC 6120 section 6.4.2).
    pub initial: Option<Vec<u8>>,
}

impl std::fmt::Debug for Start {
    /// Shows no initial response: it may be a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Start").field("mechanism", &self.mechanism).finish_non_exhaustive()
    }
}

/// Why the exchange cannot go on; the server is not who it should be, or speaks nonsense. Abort.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ClientError {
    /// The server's message makes no sense, or does not belong here.
    Malformed,
    /// The server did not prove that it knows the keys.
    ServerNotAuthenticated,
    /// Iteration count outside the policy's range.
    Iterations,
    /// The server has another salt or iteration count than the keys that were kept: ask for the password.
    KeysOutdated,
    /// The server says in SCRAM's last message that it refuses.
    Refused,
    /// The server has offered other mechanisms or kinds of channel binding than those that arrived: someone on the way has
    /// changed the list (XEP-0474). Or the list looks as if, and the server does not say that it is its own.
    Downgrade,
}

impl std::fmt::Display for ClientError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            ClientError::Malformed => "the server's SASL message makes no sense",
            ClientError::ServerNotAuthenticated => "the server did not prove that it knows the account",
            ClientError::Iterations => "the server asks for an iteration count outside the policy's range",
            ClientError::KeysOutdated => "the stored keys no longer fit the account; the password is needed",
            ClientError::Refused => "the server refused the proof",
            ClientError::Downgrade => {
                "what the server offered has been changed on the way; someone is in the middle"
            }
        })
    }
}

impl std::error::Error for ClientError {}

/// What an attempt starts from: what is known of server and connection.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The mechanisms that the server offers. Unknown ones are passed over; their order does not matter.
    pub offered: &'a [&'a str],
    /// TLS protects the connection.
    pub secure: bool,
    /// The channel bindings that TLS gives.
    pub bindings: &'a ChannelBindings,
    /// The kinds of channel binding that the server announces (XEP-0440), by name, unknown ones included; `None` if it does
    /// not say.
    pub server_bindings: Option<&'a [&'a str]>,
    /// It is SASL2 (XEP-0388): there a server that offers `-PLUS` has to say for which kinds (XEP-0440).
    pub sasl2: bool,
    /// As whom to act, where that is not simply whom the credentials stand for (RFC 6120 section 6.3.8): a bare JID
    /// between client and server, a domain between servers.
    pub authzid: Option<&'a str>,
}

/// One authentication attempt.
pub struct ClientSession {
    mechanism: Mechanism,
    state: State,
}

enum State {
    /// All is said; success may come.
    Told,
    /// As `Told`, and the server may report what is wrong with the token.
    ToldToken,
    /// It has, and can only fail now.
    TokenRefused(Vec<u8>),
    Scram(Box<Scram>),
    /// The token has been proved; so must the server prove it.
    Ht {
        expected: Vec<u8>,
    },
    /// The server has succeeded.
    Done(Option<ClientKeys>),
    Broken,
}

impl std::fmt::Debug for ClientSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientSession").field("mechanism", &self.mechanism).finish_non_exhaustive()
    }
}

impl Attempt<'_> {
    /// Chooses the strongest mechanism that both sides and the policy allow (the [module](super) gives the order), and
    /// begins. After a failure, exclude what failed ([`Policy::excluded`]) and start again.
    ///
    /// The kind of channel binding is the strongest that both have. Where both have none, the exchange goes on without it only
    /// if the server confirms in SCRAM that its offer was that (XEP-0474 section 5). A server that offers `-PLUS` but announces
    /// no kinds is, if [`Policy::require_channel_binding`] says so, taken to have `tls-exporter`, the default of RFC 9266
    /// section 2, or `tls-server-end-point` if that is all the connection gives.
    pub fn start(
        &self,
        credentials: &Credentials,
        policy: &Policy,
        entropy: &mut Entropy,
    ) -> Result<(ClientSession, Start), SelectError> {
        let choice = select::choose(self, credentials, policy)?;
        let mechanism = choice.mechanism;
        let (state, initial) = match mechanism {
            Mechanism::Scram { hash, .. } => {
                let (scram, initial) = Scram::start(
                    hash,
                    choice.flag,
                    choice.data,
                    self.authzid,
                    credentials,
                    policy,
                    entropy.id(),
                )?;
                let lists = downgrade::lists(self.offered, self.server_bindings);
                let scram = scram.offered(lists, choice.is_doubtful);
                (State::Scram(Box::new(scram)), initial)
            }
            Mechanism::OAuthBearer => (State::ToldToken, self.message(mechanism, credentials)?),
            _ => (State::Told, self.message(mechanism, credentials)?),
        };
        Ok((ClientSession { mechanism, state }, Start { mechanism, initial: Some(initial) }))
    }

    /// The one message of a mechanism that has only one.
    fn message(&self, mechanism: Mechanism, credentials: &Credentials) -> Result<Vec<u8>, SelectError> {
        let mut properties = Properties { authzid: self.authzid.map(str::to_owned), ..Properties::default() };
        match credentials {
            Credentials::Password { username, password } => {
                // As typed: preparing it is the server's business (RFC 4616 section 2).
                properties.username = Some(username.clone());
                properties.password = Some(Secret::new(password.as_bytes()));
            }
            Credentials::Token { token, .. } => {
                if !oauthbearer::is_token(token) {
                    return Err(SelectError::BadCredentials);
                }
                properties.token = Some(Secret::new(token.as_bytes()));
                properties.authzid = self.authzid.map(escape);
            }
            Credentials::Keys { .. } => return Err(SelectError::NothingInCommon),
            Credentials::External | Credentials::Anonymous => {}
        }
        simple::client_message(mechanism, properties).ok_or(SelectError::BadCredentials)
    }
}

impl ClientSession {
    /// As [`Attempt::start`], without authorization identity.
    ///
    /// `server_cb`: the channel-binding types that the server announces (XEP-0440), `None` if it does not say.
    pub fn start(
        offered: &[&str],
        credentials: &Credentials,
        policy: &Policy,
        secure: bool,
        bindings: &ChannelBindings,
        server_cb: Option<&[ChannelBinding]>,
        entropy: &mut Entropy,
    ) -> Result<(ClientSession, Start), SelectError> {
        let names = server_cb.map(|kinds| kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>());
        let attempt = Attempt {
            offered,
            secure,
            bindings,
            server_bindings: names.as_deref(),
            sasl2: false,
            authzid: None,
        };
        attempt.start(credentials, policy, entropy)
    }

    /// Begins with a token that the server has given for this mechanism, one of [`Mechanism::WITH_TOKEN`] (XEP-0484).
    ///
    /// # Errors
    /// If the mechanism takes no token, or the connection has no channel binding of its kind; if the policy does not allow
    /// it; if the name cannot be one.
    pub fn with_token(
        mechanism: Mechanism,
        username: &str,
        token: &str,
        policy: &Policy,
        secure: bool,
        bindings: &ChannelBindings,
    ) -> Result<(ClientSession, Start), SelectError> {
        let Mechanism::Ht { binding } = mechanism else { return Err(SelectError::NothingInCommon) };
        let data = ht::binding_data(binding, bindings).ok_or(SelectError::NothingInCommon)?;
        if !policy.allows(mechanism, secure) {
            return Err(SelectError::BelowFloor);
        }
        if username.is_empty() || username.contains('\0') || token.is_empty() {
            return Err(SelectError::BadCredentials);
        }
        let proof = ht::initiator(token.as_bytes(), data);
        let state = State::Ht { expected: ht::responder(token.as_bytes(), data) };
        let initial = Some(ht::Request { username: username.to_owned(), proof }.write());
        Ok((ClientSession { mechanism, state }, Start { mechanism, initial }))
    }

    /// The mechanism of this attempt.
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// Answers a challenge. SCRAM with a password spends its PBKDF2 here.
    pub fn challenge(&mut self, challenge: &[u8]) -> Result<Vec<u8>, ClientError> {
        match std::mem::replace(&mut self.state, State::Broken) {
            State::Scram(mut scram) => {
                let answer = scram.challenge(challenge)?;
                self.state = State::Scram(scram);
                Ok(answer)
            }
            State::ToldToken => {
                self.state = State::TokenRefused(challenge.to_vec());
                Ok(oauthbearer::ACKNOWLEDGEMENT.to_vec())
            }
            _ => Err(ClientError::Malformed),
        }
    }

    /// The server reports success, with additional data or none: checks what remains to be checked (the server's
    /// signature). Until this returns `Ok` the server is a stranger.
    pub fn success(&mut self, data: Option<&[u8]>) -> Result<(), ClientError> {
        match (std::mem::replace(&mut self.state, State::Broken), data.unwrap_or_default()) {
            (State::Told | State::ToldToken, []) => self.state = State::Done(None),
            (State::Told | State::ToldToken, _) => return Err(ClientError::Malformed),
            (State::Ht { expected }, data) if same(&expected, data) => self.state = State::Done(None),
            (State::Scram(scram), data) => self.state = State::Done(Some(scram.success(data)?)),
            (State::Ht { .. } | State::TokenRefused(_) | State::Done(_) | State::Broken, _) => {
                return Err(ClientError::ServerNotAuthenticated);
            }
        }
        Ok(())
    }

    /// After a success with SCRAM: the keys that the next login can use instead of the password
    /// ([`Credentials::Keys`]).
    pub fn keys(&self) -> Option<&ClientKeys> {
        match &self.state {
            State::Done(keys) => keys.as_ref(),
            _ => None,
        }
    }

    /// What the server said about a token that it refused: a JSON object (RFC 7628 section 3.2.2), unchecked.
    pub fn token_error(&self) -> Option<&[u8]> {
        match &self.state {
            State::TokenRefused(report) => Some(report),
            _ => None,
        }
    }
}
