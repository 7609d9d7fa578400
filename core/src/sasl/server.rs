//! The server's side.
use super::*;
use crate::machine::Entropy;
/// What to do next.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerStep {
    /// Send a challenge.
    Challenge(Vec<u8>),
    /// Look up the stored credentials of a user (prepared local part) and give them to [`ServerSession::credentials`].
    NeedCredentials {
        /// Local part.
        username: String,
    },
    /// Judge an OAuth 2.0 token and call [`ServerSession::verdict`].
    NeedTokenVerdict {
        /// The user named, if any.
        username: Option<String>,
        /// The token.
        token: String,
    },
    /// Judge the TLS client certificate for this authorization identity and call [`ServerSession::verdict`].
    NeedCertificateVerdict {
        /// The identity asked for, if any.
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
/// One authentication attempt.
#[derive(Debug)]
pub struct ServerSession {}
impl ServerSession {
    /// Begins. `domain`: to judge authorization identities. `bindings`: of the connection; `offered`: what the server
    /// advertised (to detect a downgrade, RFC 5802 section 6). `secret`: keys the fake salts of unknown users.
    pub fn start(
        _mechanism: Mechanism,
        _domain: &str,
        _offered: &[Mechanism],
        _bindings: &ChannelBindings,
        _secret: &[u8; 32],
        _entropy: &mut Entropy,
    ) -> ServerSession {
        todo!()
    }
    /// A response from the client, the initial one included (`None`: it sent none with `<auth/>`).
    pub fn response(&mut self, _response: Option<&[u8]>) -> ServerStep {
        todo!()
    }
    /// The result of a look-up; `None`: no such account.
    pub fn credentials(&mut self, _stored: Option<StoredCredentials>) -> ServerStep {
        todo!()
    }
    /// The verdict on a token or certificate: the local part it stands for, or why not.
    pub fn verdict(&mut self, _verdict: Result<String, Condition>) -> ServerStep {
        todo!()
    }
}
