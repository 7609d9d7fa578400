//! SCRAM as a client speaks it (RFC 5802).

use super::{ClientError, ClientKeys, Credentials, Policy, SelectError};
use crate::sasl::hash::{Secret, same, xor};
use crate::sasl::scram::{Flag, ServerFinal, ServerFirst, encode, escape};
use crate::sasl::stored::prepare_password;
use crate::sasl::{ScramHash, downgrade};
use std::ops::RangeInclusive;

/// An exchange under way.
pub(super) struct Scram {
    hash: ScramHash,
    knowledge: Knowledge,
    iterations: RangeInclusive<u32>,
    /// The gs2 head and the channel-binding data, to repeat in the last message.
    binding: Vec<u8>,
    /// The first message without its head.
    bare: String,
    nonce: String,
    /// What the server has offered, as XEP-0474 hashes it.
    offered: String,
    /// The server has to say that it has offered that.
    is_doubtful: bool,
    stage: Stage,
}

/// What the client knows of the account.
enum Knowledge {
    /// Prepared.
    Password(Secret),
    Keys(ClientKeys),
}

enum Stage {
    First,
    Final {
        expected: Vec<u8>,
        keys: ClientKeys,
    },
    /// The server has proved itself in a challenge.
    Verified {
        keys: ClientKeys,
    },
    Broken,
}

impl Scram {
    /// Begins; gives `client-first-message`. Where a name or password cannot be prepared, there is no beginning.
    pub(super) fn start(
        hash: ScramHash,
        flag: Flag<'_>,
        data: &[u8],
        authzid: Option<&str>,
        credentials: &Credentials,
        policy: &Policy,
        nonce: String,
    ) -> Result<(Scram, Vec<u8>), SelectError> {
        let (username, knowledge) = match credentials {
            Credentials::Password { username, password } => {
                let prepared = prepare_password(password).ok_or(SelectError::BadCredentials)?;
                (username, Knowledge::Password(prepared))
            }
            Credentials::Keys { username, keys } => (username, Knowledge::Keys(keys.clone())),
            _ => return Err(SelectError::NothingInCommon),
        };
        let username = crate::jid::saslprep(username).filter(|name| !name.is_empty());
        let username = username.ok_or(SelectError::BadCredentials)?;
        let flag = match flag {
            Flag::Unable => "n".to_owned(),
            Flag::Unoffered => "y".to_owned(),
            Flag::Bound(name) => format!("p={name}"),
        };
        let authzid = authzid.map(|authzid| format!("a={}", escape(authzid))).unwrap_or_default();
        let head = format!("{flag},{authzid},");
        let bare = format!("n={},r={nonce}", escape(&username));
        if head.contains('\0') || bare.contains('\0') {
            return Err(SelectError::BadCredentials);
        }
        let initial = format!("{head}{bare}").into_bytes();
        let binding = [head.as_bytes(), data].concat();
        let iterations = policy.min_iterations..=policy.max_iterations;
        let scram = Scram {
            hash,
            knowledge,
            iterations,
            binding,
            bare,
            nonce,
            offered: String::new(),
            is_doubtful: false,
            stage: Stage::First,
        };
        Ok((scram, initial))
    }

    /// What the server has offered, as XEP-0474 hashes it: compared with what the server says that it has, if it says so or
    /// the offer is doubtful.
    pub(super) fn offered(self, lists: String, is_doubtful: bool) -> Scram {
        Scram { offered: lists, is_doubtful, ..self }
    }

    /// Answers a challenge. After an error there is nothing left to answer with.
    pub(super) fn challenge(&mut self, challenge: &[u8]) -> Result<Vec<u8>, ClientError> {
        match std::mem::replace(&mut self.stage, Stage::Broken) {
            Stage::First => self.answer(challenge),
            Stage::Final { expected, keys } => {
                // The signature may come as a challenge, with an empty answer (RFC 4422 section 4: protocols without
                // additional data with success).
                check(&expected, challenge)?;
                self.stage = Stage::Verified { keys };
                Ok(Vec::new())
            }
            Stage::Verified { .. } | Stage::Broken => Err(ClientError::Malformed),
        }
    }

    /// The server says that it is done: true only if it has proved itself, now or before.
    pub(super) fn success(self, data: &[u8]) -> Result<ClientKeys, ClientError> {
        match self.stage {
            Stage::Final { .. } if data.is_empty() => Err(ClientError::ServerNotAuthenticated),
            Stage::Final { expected, keys } => check(&expected, data).map(|()| keys),
            Stage::Verified { keys } if data.is_empty() => Ok(keys),
            Stage::Verified { .. } => Err(ClientError::Malformed),
            Stage::First | Stage::Broken => Err(ClientError::ServerNotAuthenticated),
        }
    }

    /// From `server-first-message` to `client-final-message`.
    fn answer(&mut self, challenge: &[u8]) -> Result<Vec<u8>, ClientError> {
        let first = ServerFirst::parse(challenge).map_err(|_| ClientError::Malformed)?;
        // The server has to add something of its own: our half alone would let it replay an old exchange.
        if first.nonce.strip_prefix(self.nonce.as_str()).is_none_or(str::is_empty) {
            return Err(ClientError::Malformed);
        }
        // Said nothing of the password yet: whoever has changed the list gets nothing to guess it by.
        let is_changed = match first.offered {
            Some(said) => said != downgrade::hash(self.hash, &self.offered),
            None => self.is_doubtful,
        };
        if is_changed {
            return Err(ClientError::Downgrade);
        }
        let keys = self.keys(&first)?;
        let without_proof = format!("c={},r={}", encode(&self.binding), first.nonce);
        let signed = [self.bare.as_bytes(), b",", challenge, b",", without_proof.as_bytes()];
        let stored_key = self.hash.digest(&keys.client_key);
        let proof = xor(&keys.client_key, &self.hash.hmac(&stored_key, &signed));
        let expected = self.hash.hmac(&keys.server_key, &signed);
        self.stage = Stage::Final { expected, keys };
        Ok(format!("{without_proof},p={}", encode(&proof)).into_bytes())
    }

    fn keys(&self, first: &ServerFirst<'_>) -> Result<ClientKeys, ClientError> {
        if !self.iterations.contains(&first.iterations) {
            return Err(ClientError::Iterations);
        }
        match &self.knowledge {
            Knowledge::Password(password) => {
                let salted = self.hash.salted_password(password.bytes(), &first.salt, first.iterations);
                Ok(ClientKeys {
                    hash: self.hash,
                    salt: first.salt.clone(),
                    iterations: first.iterations,
                    client_key: self.hash.client_key(&salted).bytes().to_vec(),
                    server_key: self.hash.server_key(&salted),
                })
            }
            Knowledge::Keys(keys) if keys.salt == first.salt && keys.iterations == first.iterations => {
                Ok(keys.clone())
            }
            Knowledge::Keys(_) => Err(ClientError::KeysOutdated),
        }
    }
}

/// Checks `server-final-message`.
fn check(expected: &[u8], message: &[u8]) -> Result<(), ClientError> {
    match ServerFinal::parse(message) {
        Ok(ServerFinal::Verifier(signature)) if same(&signature, expected) => Ok(()),
        Ok(ServerFinal::Verifier(_)) => Err(ClientError::ServerNotAuthenticated),
        Ok(ServerFinal::Error) => Err(ClientError::Refused),
        Err(_) => Err(ClientError::Malformed),
    }
}
