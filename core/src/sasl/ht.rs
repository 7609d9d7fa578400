//! Hashed tokens: HT-SHA-256-EXPR, -ENDP and -NONE (draft-schmaus-kitten-sasl-ht), the mechanisms of XEP-0484.
//!
//! The client says who it is and proves with an HMAC that it has the token; the server answers with another that it has it,
//! too. That is one round trip. Nothing in it is new each time, so it is for connections that nobody can listen to.

use super::hash::Secret;
use super::{ChannelBinding, ChannelBindings, Password, ScramHash, StoredCredentials};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What the client sends.
pub(super) struct Request {
    pub(super) username: String,
    pub(super) proof: Vec<u8>,
}

impl Request {
    /// Reads the name and, behind a zero byte, the proof. `None` if it is anything else.
    pub(super) fn parse(message: &[u8]) -> Option<Request> {
        let zero = message.iter().position(|byte| *byte == 0)?;
        let (username, proof) = message.split_at_checked(zero)?;
        let proof = proof.get(1..).filter(|proof| proof.len() == HASH.output_len())?;
        let username = std::str::from_utf8(username).ok().filter(|name| !name.is_empty())?;
        Some(Request { username: username.to_owned(), proof: proof.to_vec() })
    }

    pub(super) fn write(&self) -> Vec<u8> {
        [self.username.as_bytes(), b"\0", &self.proof].concat()
    }
}

/// What the client proves itself with.
pub(super) fn initiator(token: &[u8], data: &[u8]) -> Vec<u8> {
    HASH.hmac(token, &[b"Initiator", data])
}

/// What the server proves itself with.
pub(super) fn responder(token: &[u8], data: &[u8]) -> Vec<u8> {
    HASH.hmac(token, &[b"Responder", data])
}

/// The data that a mechanism of this binding is bound to; `None` if the connection has none of the kind.
pub(super) fn binding_data(binding: Option<ChannelBinding>, bindings: &ChannelBindings) -> Option<&[u8]> {
    match binding {
        Some(kind) => bindings.get(kind),
        None => Some(&[]),
    }
}

const HASH: ScramHash = ScramHash::Sha256;

/// Makes a token out of a secret of the server's and what it is for: so nobody has to keep it, and whoever has read what
/// the server keeps has no token. With the account's credentials among `context`, a new password is the end of its tokens.
///
/// The parts of `context` count each for itself.
pub fn derive_token(secret: &[u8; 32], context: &[&[u8]]) -> Password {
    let lengths: Vec<[u8; 8]> = context.iter().map(|part| (part.len() as u64).to_be_bytes()).collect();
    let mut parts: Vec<&[u8]> = vec![b"token\0"];
    for (length, part) in lengths.iter().zip(context) {
        parts.extend([length.as_slice(), *part]);
    }
    let derived = Secret::new(HASH.hmac(secret, &parts));
    Password::new(&URL_SAFE_NO_PAD.encode(derived.bytes()))
}

impl StoredCredentials {
    /// Changes whenever the password does. Says no more of it than the keys do, which are among what it is a hash of.
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut parts: Vec<Vec<u8>> = Vec::new();
        // In an order of ours, whatever that of the store.
        for keys in ScramHash::ALL
            .into_iter()
            .flat_map(|hash| self.scram.iter().filter(move |keys| keys.hash == hash))
        {
            let lengths = [keys.hash.output_len(), keys.salt.len(), keys.stored_key.len()];
            parts.extend(lengths.map(|length| (length as u64).to_be_bytes().to_vec()));
            parts.extend([
                keys.iterations.to_be_bytes().to_vec(),
                keys.salt.clone(),
                keys.stored_key.clone(),
            ]);
        }
        let mut fingerprint = [0; 32];
        fingerprint.iter_mut().zip(HASH.digest(&parts.concat())).for_each(|(to, from)| *to = from);
        fingerprint
    }
}
