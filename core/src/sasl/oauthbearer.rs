//! The messages of OAUTHBEARER (RFC 7628) as a server reads and writes them.

use super::Condition;
use super::scram::{Flag, Gs2};

/// What the client answers to an error report (RFC 7628 section 3.2.3).
pub(super) const ACKNOWLEDGEMENT: &[u8] = b"\x01";

/// The client's message.
pub(super) struct Request {
    /// As whom, if it says so.
    pub(super) authzid: Option<String>,
    /// `None` where the client only asks what the server would accept (RFC 7628 section 4.3).
    pub(super) token: Option<String>,
}

impl Request {
    pub(super) fn parse(message: &[u8]) -> Result<Request, Condition> {
        let text = std::str::from_utf8(message).map_err(|_| Condition::MalformedRequest)?;
        let (head, rest) = Gs2::parse(text).map_err(|_| Condition::MalformedRequest)?;
        if let Flag::Bound(_) = head.flag {
            // There is no -PLUS variant that could check it.
            return Err(Condition::NotAuthorized);
        }
        let pairs = rest.strip_prefix('\x01').and_then(|rest| rest.strip_suffix('\x01'));
        let token = token(pairs.ok_or(Condition::MalformedRequest)?).ok_or(Condition::MalformedRequest)?;
        Ok(Request { authzid: head.authzid, token })
    }
}

/// Reads the key-value pairs, each ended by 0x01. Only the token is of use; host and port are those of the stream.
fn token(pairs: &str) -> Option<Option<String>> {
    let mut auth = None;
    for pair in pairs.strip_suffix('\x01')?.split('\x01') {
        let (key, value) = pair.split_once('=')?;
        if key.is_empty()
            || !key.bytes().all(|byte| byte.is_ascii_alphabetic())
            || !value.bytes().all(is_value)
        {
            return None;
        }
        if key == "auth" && auth.replace(value).is_some() {
            return None;
        }
    }
    match auth? {
        "" => Some(None),
        auth => {
            let (scheme, token) = auth.split_once(' ')?;
            let fine = scheme.eq_ignore_ascii_case("bearer") && is_token(token);
            fine.then(|| Some(token.to_owned()))
        }
    }
}

fn is_value(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e | b'\t' | b'\r' | b'\n')
}

/// True for what can be a bearer token at all (RFC 6750 section 2.1, taken loosely): visible ASCII.
pub(super) fn is_token(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The report that a token was refused (RFC 7628 section 3.2.2), if this condition is one that a client can mend with
/// another token. It goes out as a challenge; the failure follows the client's answer.
pub(super) fn report(condition: Condition) -> Option<&'static [u8]> {
    matches!(condition, Condition::NotAuthorized | Condition::CredentialsExpired)
        .then_some(br#"{"status":"invalid_token"}"#)
}
