//! The server's side.

mod scram;

#[cfg(test)]
mod tests;

use super::hash::{Secret, same};
use super::stored::{FOR_PASSWORD, decoy};
use super::{
    ChannelBindings, Condition, Mechanism, Password, ScramHash, ScramKeys, StoredCredentials, downgrade, ht,
    oauthbearer, simple,
};
use crate::jid::Jid;
use crate::machine::Entropy;
use scram::{ScramFinal, ScramFirst};

/// What to do next.
#[derive(PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerStep {
    /// Send a challenge, which may be empty; the answer goes to [`ServerSession::response`].
    Challenge(Vec<u8>),
    /// Look up the stored credentials of a user (prepared local part) and give them to [`ServerSession::credentials`].
    NeedCredentials {
        /// Local part.
        username: String,
    },
    /// Look up the tokens of a user (prepared local part) that are good for this mechanism and client, and give them to
    /// [`ServerSession::tokens`].
    NeedTokens {
        /// Local part.
        username: String,
    },
    /// Judge an OAuth 2.0 token and call [`ServerSession::verdict`].
    NeedTokenVerdict {
        /// The local part of the account that the client names, if it names one.
        username: Option<String>,
        /// The token; visible ASCII, not empty.
        token: String,
    },
    /// Judge the TLS client certificate for this authorization identity and call [`ServerSession::verdict`].
    NeedCertificateVerdict {
        /// The identity asked for, if any; a well-formed address without resource.
        authzid: Option<String>,
    },
    /// Done.
    Success {
        /// Local part of the account; `None` for ANONYMOUS.
        username: Option<String>,
        /// Goes with the success.
        data: Option<Vec<u8>>,
    },
    /// Failed.
    Failure(Condition),
}

impl std::fmt::Debug for ServerStep {
    /// Shows no token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ServerStep::Challenge(data) => {
                f.debug_tuple("Challenge").field(&data.escape_ascii().to_string()).finish()
            }
            ServerStep::NeedCredentials { username } => {
                f.debug_struct("NeedCredentials").field("username", username).finish()
            }
            ServerStep::NeedTokens { username } => {
                f.debug_struct("NeedTokens").field("username", username).finish()
            }
            ServerStep::NeedTokenVerdict { username, .. } => {
                f.debug_struct("NeedTokenVerdict").field("username", username).finish_non_exhaustive()
            }
            ServerStep::NeedCertificateVerdict { authzid } => {
                f.debug_struct("NeedCertificateVerdict").field("authzid", authzid).finish()
            }
            ServerStep::Success { username, .. } => {
                f.debug_struct("Success").field("username", username).finish_non_exhaustive()
            }
            ServerStep::Failure(condition) => f.debug_tuple("Failure").field(condition).finish(),
        }
    }
}

/// One authentication attempt. Over with the first [`ServerStep::Success`] or [`ServerStep::Failure`]: drop it then.
///
/// An account that does not exist, a name that cannot be one, a wrong password and (until the password is proved) a
/// disabled account take the same steps, cost the same and end in the same `not-authorized`. Two differences remain: a
/// name that cannot be an account's is not looked up, and [`ServerPolicy::iterations`](super::ServerPolicy) has to fit
/// what the existing accounts have.
pub struct ServerSession {
    mechanism: Mechanism,
    context: Context,
    state: State,
}

/// What holds for the whole attempt.
struct Context {
    domain: String,
    bindings: ChannelBindings,
    /// A mechanism with channel binding was on offer.
    plus_offered: bool,
    /// Our half of SCRAM's nonce.
    nonce: String,
    secret: [u8; 32],
    iterations: u32,
    /// What was offered, as XEP-0474 hashes it, if that is to be said.
    offered: Option<String>,
}

enum State {
    /// Nothing has come yet, or (`prompted`) an empty challenge has asked for what has not.
    Start {
        prompted: bool,
    },
    /// PLAIN waits for a look-up.
    Password {
        username: String,
        authzid: Option<String>,
        password: Secret,
    },
    /// A token has been proved, and which one it was is to be found out.
    Tokens {
        username: String,
        proof: Vec<u8>,
    },
    /// It was this one.
    Proved(usize),
    /// SCRAM waits for a look-up.
    ScramFirst {
        username: String,
        first: ScramFirst,
    },
    /// SCRAM waits for the client's proof.
    ScramFinal {
        username: Option<String>,
        disabled: bool,
        last: ScramFinal,
    },
    /// EXTERNAL and OAUTHBEARER wait for a verdict.
    Verdict {
        authzid: Option<String>,
    },
    /// OAUTHBEARER has reported an error, and fails once the client has answered.
    Refused(Condition),
    Done,
}

impl std::fmt::Debug for ServerSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerSession").field("mechanism", &self.mechanism).finish_non_exhaustive()
    }
}

impl ServerSession {
    /// Begins. `domain`: to judge authorization identities. `bindings`: of the connection; `offered`: what the server
    /// advertised (to detect a downgrade, RFC 5802 section 6). `secret`: keys the fake salts of unknown users; the
    /// same for all sessions, and best for all time.
    ///
    /// Whether the client may have this mechanism at all is [`ServerPolicy::select`](super::ServerPolicy::select)'s to say.
    pub fn start(
        mechanism: Mechanism,
        domain: &str,
        offered: &[Mechanism],
        bindings: &ChannelBindings,
        secret: &[u8; 32],
        entropy: &mut Entropy,
    ) -> ServerSession {
        ServerSession {
            mechanism,
            context: Context {
                domain: domain.to_owned(),
                bindings: bindings.clone(),
                plus_offered: offered
                    .iter()
                    .any(|other| matches!(other, Mechanism::Scram { plus: true, .. })),
                nonce: entropy.id(),
                secret: *secret,
                iterations: StoredCredentials::DEFAULT_ITERATIONS,
                offered: None,
            },
            state: State::Start { prompted: false },
        }
    }

    /// Sets the iteration count that unknown users are shown
    /// ([`ServerPolicy::iterations`](super::ServerPolicy::iterations)). Call it right after `start`.
    #[must_use]
    pub fn decoy_iterations(mut self, iterations: u32) -> ServerSession {
        self.context.iterations = iterations;
        self
    }

    /// Lets SCRAM say what was offered (XEP-0474): the mechanisms, and the kinds of channel binding if any were announced
    /// (XEP-0440), by name, exactly as the client should have seen them. Call it right after `start`.
    #[must_use]
    pub fn protect(mut self, mechanisms: &[&str], bindings: Option<&[&str]>) -> ServerSession {
        self.context.offered = Some(downgrade::lists(mechanisms, bindings));
        self
    }

    /// The mechanism of this attempt.
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// Which of the tokens given to [`tokens`](ServerSession::tokens) the client has proved, after success.
    pub fn proved_token(&self) -> Option<usize> {
        match self.state {
            State::Proved(token) => Some(token),
            _ => None,
        }
    }

    /// A response from the client, the initial one included (`None`: it sent none with `<auth/>`).
    ///
    /// One that comes while a look-up or verdict is awaited, or after the end, is malformed.
    pub fn response(&mut self, response: Option<&[u8]>) -> ServerStep {
        match (std::mem::replace(&mut self.state, State::Done), response) {
            (State::Start { prompted: false }, None) => {
                // All our mechanisms let the client speak first: ask it to (RFC 4422 section 5.1).
                self.state = State::Start { prompted: true };
                ServerStep::Challenge(Vec::new())
            }
            (State::Start { .. }, response) => self.first(response.unwrap_or_default()),
            (State::ScramFinal { username, disabled, last }, response) => {
                self.scram_final(username, disabled, &last, response.unwrap_or_default())
            }
            (State::Refused(condition), _) => ServerStep::Failure(condition),
            _ => ServerStep::Failure(Condition::MalformedRequest),
        }
    }

    /// The result of a look-up; `None`: no such account. PLAIN spends its PBKDF2 here.
    pub fn credentials(&mut self, stored: Option<StoredCredentials>) -> ServerStep {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Password { username, authzid, password } => {
                let stored = stored.unwrap_or_default();
                if !self.check_password(&username, &password, &stored) {
                    return ServerStep::Failure(Condition::NotAuthorized);
                }
                self.finish(username, stored.disabled, authzid.as_deref(), None)
            }
            State::ScramFirst { username, first } => {
                let disabled = stored.as_ref().is_some_and(|stored| stored.disabled);
                let keys = stored.as_ref().and_then(|stored| stored.keys(first.hash()));
                self.scram_first(&username, keys, disabled, first)
            }
            _ => ServerStep::Failure(Condition::TemporaryAuthFailure),
        }
    }

    /// The tokens that the client may have, none of which others have; `None` where there is none. As many each time, whether
    /// there are any or not: so nobody can tell by the time it takes. If `disabled`, the account may not log in.
    pub fn tokens(&mut self, tokens: &[Option<Password>], disabled: bool) -> ServerStep {
        let State::Tokens { username, proof } = std::mem::replace(&mut self.state, State::Done) else {
            return ServerStep::Failure(Condition::TemporaryAuthFailure);
        };
        let Mechanism::Ht { binding } = self.mechanism else {
            return ServerStep::Failure(Condition::TemporaryAuthFailure);
        };
        let Some(data) = ht::binding_data(binding, &self.context.bindings) else {
            return ServerStep::Failure(Condition::NotAuthorized);
        };
        let mut proved = None;
        for (n, token) in tokens.iter().enumerate() {
            let fake = Password::default();
            let key = token.as_ref().unwrap_or(&fake).as_str().as_bytes();
            let (expected, answer) = (ht::initiator(key, data), ht::responder(key, data));
            if same(&expected, &proof) & token.is_some() {
                proved = Some((n, answer));
            }
        }
        let Some((n, answer)) = proved else { return ServerStep::Failure(Condition::NotAuthorized) };
        let step = self.finish(username, disabled, None, Some(answer));
        if matches!(step, ServerStep::Success { .. }) {
            self.state = State::Proved(n);
        }
        step
    }

    /// The look-up or the verdict cannot be had right now (a store that does not answer, say): ends the attempt.
    pub fn unavailable(&mut self) -> ServerStep {
        self.state = State::Done;
        ServerStep::Failure(Condition::TemporaryAuthFailure)
    }

    /// The client gives up (`<abort/>`, RFC 6120 section 6.4.4): ends the attempt.
    pub fn abort(&mut self) -> ServerStep {
        self.state = State::Done;
        ServerStep::Failure(Condition::Aborted)
    }

    /// The verdict on a token or certificate: the local part it stands for, or why not.
    pub fn verdict(&mut self, verdict: Result<String, Condition>) -> ServerStep {
        let State::Verdict { authzid } = std::mem::replace(&mut self.state, State::Done) else {
            return ServerStep::Failure(Condition::TemporaryAuthFailure);
        };
        match verdict {
            Ok(local) => match self.context.prepare(&local) {
                Some(username) => self.finish(username, false, authzid.as_deref(), None),
                None => ServerStep::Failure(Condition::NotAuthorized),
            },
            Err(condition) if self.mechanism == Mechanism::OAuthBearer => self.refuse_token(condition),
            Err(condition) => ServerStep::Failure(condition),
        }
    }

    /// The client's first message.
    fn first(&mut self, message: &[u8]) -> ServerStep {
        let step = match self.mechanism {
            Mechanism::Plain => self.plain(message),
            Mechanism::External => self.external(message),
            Mechanism::Anonymous => anonymous(message),
            Mechanism::Ht { .. } => self.ht(message),
            Mechanism::OAuthBearer => self.oauthbearer(message),
            Mechanism::Scram { hash, plus } => {
                ScramFirst::read(hash, plus, &self.context, message).map(|first| {
                    match self.context.prepare(first.username()) {
                        Some(username) => {
                            self.state = State::ScramFirst { username: username.clone(), first };
                            ServerStep::NeedCredentials { username }
                        }
                        None => {
                            let username = first.username().to_owned();
                            self.scram_first(&username, None, false, first)
                        }
                    }
                })
            }
        };
        step.unwrap_or_else(ServerStep::Failure)
    }

    fn ht(&mut self, message: &[u8]) -> Result<ServerStep, Condition> {
        let ht::Request { username, proof } =
            ht::Request::parse(message).ok_or(Condition::MalformedRequest)?;
        let username = self.context.prepare(&username).ok_or(Condition::NotAuthorized)?;
        self.state = State::Tokens { username: username.clone(), proof };
        Ok(ServerStep::NeedTokens { username })
    }

    fn plain(&mut self, message: &[u8]) -> Result<ServerStep, Condition> {
        let seen = simple::server_read(Mechanism::Plain, message)?;
        if std::str::from_utf8(seen.password.bytes()).is_err() {
            return Err(Condition::MalformedRequest);
        }
        let Some(username) = self.context.prepare(&seen.username) else {
            self.check_password(&seen.username, &seen.password, &StoredCredentials::default());
            return Err(Condition::NotAuthorized);
        };
        self.state =
            State::Password { username: username.clone(), authzid: seen.authzid, password: seen.password };
        Ok(ServerStep::NeedCredentials { username })
    }

    /// Costs one PBKDF2 whether there is a password to compare with or not.
    fn check_password(&self, username: &str, password: &Secret, stored: &StoredCredentials) -> bool {
        let fake = self.context.decoy(FOR_PASSWORD, username);
        let keys = stored.for_password();
        let fits = keys.unwrap_or(&fake).fits(password.bytes());
        fits & keys.is_some()
    }

    fn external(&mut self, message: &[u8]) -> Result<ServerStep, Condition> {
        let authzid = simple::server_read(Mechanism::External, message)?.authzid;
        let well_formed = |text: &String| Jid::new(text).is_ok_and(|jid| jid.resource().is_none());
        if authzid.as_ref().is_some_and(|text| !well_formed(text)) {
            return Err(Condition::InvalidAuthzid);
        }
        self.state = State::Verdict { authzid: authzid.clone() };
        Ok(ServerStep::NeedCertificateVerdict { authzid })
    }

    fn oauthbearer(&mut self, message: &[u8]) -> Result<ServerStep, Condition> {
        let oauthbearer::Request { authzid, token } = oauthbearer::Request::parse(message)?;
        let username = match &authzid {
            Some(authzid) => Some(self.context.local_of(authzid).ok_or(Condition::InvalidAuthzid)?),
            None => None,
        };
        let Some(token) = token else {
            return Ok(self.refuse_token(Condition::NotAuthorized));
        };
        self.state = State::Verdict { authzid };
        Ok(ServerStep::NeedTokenVerdict { username, token })
    }

    /// Tells the client what is wrong with its token, and fails once it has answered (RFC 7628 section 3.2.3).
    fn refuse_token(&mut self, condition: Condition) -> ServerStep {
        match oauthbearer::report(condition) {
            Some(report) => {
                self.state = State::Refused(condition);
                ServerStep::Challenge(report.to_vec())
            }
            None => ServerStep::Failure(condition),
        }
    }

    fn scram_first(
        &mut self,
        username: &str,
        keys: Option<&ScramKeys>,
        disabled: bool,
        first: ScramFirst,
    ) -> ServerStep {
        let fake = self.context.decoy(first.hash(), username);
        let known = keys.is_some().then(|| username.to_owned());
        let (challenge, last) = first.challenge(keys.unwrap_or(&fake), self.context.offered.as_deref());
        self.state = State::ScramFinal { username: known, disabled, last };
        ServerStep::Challenge(challenge)
    }

    fn scram_final(
        &mut self,
        username: Option<String>,
        disabled: bool,
        last: &ScramFinal,
        message: &[u8],
    ) -> ServerStep {
        match (last.verify(message), username) {
            (Ok(signature), Some(username)) => {
                self.finish(username, disabled, last.authzid(), Some(signature))
            }
            (Ok(_), None) => ServerStep::Failure(Condition::NotAuthorized),
            (Err(condition), _) => ServerStep::Failure(condition),
        }
    }

    /// The client is who it says; may it be whom it asks to be (RFC 6120 section 6.3.8)? Only itself.
    fn finish(
        &self,
        username: String,
        disabled: bool,
        authzid: Option<&str>,
        data: Option<Vec<u8>>,
    ) -> ServerStep {
        if disabled {
            return ServerStep::Failure(Condition::AccountDisabled);
        }
        if authzid.is_some_and(|authzid| self.context.local_of(authzid).as_ref() != Some(&username)) {
            return ServerStep::Failure(Condition::InvalidAuthzid);
        }
        ServerStep::Success { username: Some(username), data }
    }
}

impl Context {
    /// A user name as the local part of an account's address, if it can be one.
    fn prepare(&self, username: &str) -> Option<String> {
        Jid::from_parts(Some(username), &self.domain, None).ok()?.local().map(str::to_owned)
    }

    /// The local part of an authorization identity, if it is the bare address of an account here.
    fn local_of(&self, authzid: &str) -> Option<String> {
        let jid = Jid::new(authzid).ok().filter(|jid| jid.resource().is_none())?;
        let local = jid.local()?;
        (Jid::from_parts(Some(local), &self.domain, None).ok()? == jid).then(|| local.to_owned())
    }

    fn decoy(&self, hash: ScramHash, username: &str) -> ScramKeys {
        decoy(&self.secret, hash, username, self.iterations)
    }
}

/// The trace information has no meaning (RFC 4505 section 2), but a limit: 255 characters.
fn anonymous(message: &[u8]) -> Result<ServerStep, Condition> {
    let trace = simple::server_read(Mechanism::Anonymous, message)?.trace;
    if trace.chars().count() > 255 || trace.contains('\0') {
        return Err(Condition::MalformedRequest);
    }
    Ok(ServerStep::Success { username: None, data: None })
}
