//! The client's side.
use super::*;
use crate::machine::Entropy;
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
    /// An OAuth 2.0 bearer token (RFC 7628).
    Token {
        /// Local part of the account.
        username: String,
        /// The token.
        token: String,
    },
    /// The TLS client certificate.
    External,
    /// No account.
    Anonymous,
}
/// No mechanism fits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SelectError {
    /// The server offers nothing that these credentials can use.
    NothingInCommon,
    /// The server offers only what lies below the policy's floor.
    BelowFloor,
    /// The name or the password cannot be prepared (SASLprep).
    BadCredentials,
}
/// How to begin.
#[derive(Clone, PartialEq, Eq)]
pub struct Start {
    /// The chosen mechanism.
    pub mechanism: Mechanism,
    /// Initial response: `None` none, empty is `=` on the wire (RFC 6120 section 6.4.2).
    pub initial: Option<Vec<u8>>,
}
/// One authentication attempt.
#[derive(Debug)]
pub struct ClientSession {}
/// Why the exchange cannot go on; the server is not who it should be, or speaks nonsense. Abort.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ClientError {
    /// The server's message makes no sense.
    Malformed,
    /// The server did not prove that it knows the keys.
    ServerNotAuthenticated,
    /// Iteration count outside the policy's range.
    Iterations,
}
impl ClientSession {
    /// Chooses the strongest mechanism that both sides and the policy allow, and begins.
    ///
    /// `server_cb`: the channel-binding types that the server announces (XEP-0440), `None` if it does not say.
    pub fn start(
        _offered: &[&str],
        _credentials: &Credentials,
        _policy: &Policy,
        _secure: bool,
        _bindings: &ChannelBindings,
        _server_cb: Option<&[ChannelBinding]>,
        _entropy: &mut Entropy,
    ) -> Result<(ClientSession, Start), SelectError> {
        todo!()
    }
    /// Answers a challenge.
    pub fn challenge(&mut self, _challenge: &[u8]) -> Result<Vec<u8>, ClientError> {
        todo!()
    }
    /// The server reports success, with additional data or none: checks what remains to be checked (the server's signature).
    pub fn success(&mut self, _data: Option<&[u8]>) -> Result<(), ClientError> {
        todo!()
    }
}
