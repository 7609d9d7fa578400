//! SCRAM as a server speaks it (RFC 5802).

use super::Context;
use crate::sasl::hash::{Secret, same, xor};
use crate::sasl::scram::{ClientFinal, ClientFirst, Flag, encode};
use crate::sasl::{ChannelBinding, Condition, ScramHash, ScramKeys, downgrade};

/// The client has sent its first message.
pub(super) struct ScramFirst {
    hash: ScramHash,
    username: String,
    authzid: Option<String>,
    /// What the client has to repeat in its last message: the gs2 head and the channel-binding data.
    binding: Vec<u8>,
    bare: String,
    /// Both halves.
    nonce: String,
}

impl ScramFirst {
    /// Reads `client-first-message` and settles the channel binding (RFC 5802 section 6).
    pub(super) fn read(
        hash: ScramHash,
        plus: bool,
        context: &Context,
        message: &[u8],
    ) -> Result<ScramFirst, Condition> {
        let first = ClientFirst::parse(message).map_err(|_| Condition::MalformedRequest)?;
        let data = match (first.gs2.flag, plus) {
            (Flag::Bound(name), true) => ChannelBinding::from_name(name)
                .and_then(|kind| context.bindings.get(kind))
                .ok_or(Condition::NotAuthorized)?,
            // Someone removed -PLUS from the list that the client saw.
            (Flag::Unoffered, false) if context.plus_offered => return Err(Condition::NotAuthorized),
            (Flag::Unable | Flag::Unoffered, false) => &[],
            // The mechanism's name and the flag contradict each other.
            (Flag::Bound(_), false) | (Flag::Unable | Flag::Unoffered, true) => {
                return Err(Condition::MalformedRequest);
            }
        };
        Ok(ScramFirst {
            hash,
            binding: [first.gs2.raw.as_bytes(), data].concat(),
            bare: first.bare.to_owned(),
            nonce: format!("{}{}", first.nonce, context.nonce),
            username: first.username,
            authzid: first.gs2.authzid,
        })
    }

    pub(super) fn hash(&self) -> ScramHash {
        self.hash
    }

    /// As the client sent it, no longer escaped.
    pub(super) fn username(&self) -> &str {
        &self.username
    }

    /// Answers with `server-first-message`. `offered`: the lists to say the hash of.
    pub(super) fn challenge(self, keys: &ScramKeys, offered: Option<&str>) -> (Vec<u8>, ScramFinal) {
        let mut challenge = format!("r={},s={},i={}", self.nonce, encode(&keys.salt), keys.iterations);
        if let Some(offered) = offered {
            challenge = format!("{challenge},h={}", downgrade::hash(self.hash, offered));
        }
        let last = ScramFinal {
            hash: self.hash,
            authzid: self.authzid,
            binding: self.binding,
            signed: format!("{},{challenge},", self.bare),
            nonce: self.nonce,
            stored_key: Secret::new(keys.stored_key.as_slice()),
            server_key: Secret::new(keys.server_key.as_slice()),
        };
        (challenge.into_bytes(), last)
    }
}

/// The server has sent its challenge.
pub(super) struct ScramFinal {
    hash: ScramHash,
    authzid: Option<String>,
    binding: Vec<u8>,
    nonce: String,
    /// AuthMessage up to the client's last part.
    signed: String,
    stored_key: Secret,
    server_key: Secret,
}

impl ScramFinal {
    /// Whom the client wants to be.
    pub(super) fn authzid(&self) -> Option<&str> {
        self.authzid.as_deref()
    }

    /// Checks `client-final-message`; gives `server-final-message`.
    pub(super) fn verify(&self, message: &[u8]) -> Result<Vec<u8>, Condition> {
        let last = ClientFinal::parse(message).map_err(|_| Condition::MalformedRequest)?;
        let signed = [self.signed.as_bytes(), last.without_proof.as_bytes()];
        let client_signature = self.hash.hmac(self.stored_key.bytes(), &signed);
        let client_key = xor(&last.proof, &client_signature);
        // Not short-circuited: all of it is computed in any case.
        let fits = same(&self.hash.digest(&client_key), self.stored_key.bytes())
            & (last.proof.len() == self.hash.output_len())
            & same(last.nonce.as_bytes(), self.nonce.as_bytes())
            & same(&last.binding, &self.binding);
        let signature = self.hash.hmac(self.server_key.bytes(), &signed);
        if fits {
            Ok(format!("v={}", encode(&signature)).into_bytes())
        } else {
            Err(Condition::NotAuthorized)
        }
    }
}
