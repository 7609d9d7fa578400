//! What a server keeps instead of a password.

use super::ScramHash;
use super::hash::{Secret, same};
use crate::machine::Entropy;

/// A password on its way to where its keys are derived. It is overwritten when it is dropped, and `Debug` does not show it.
#[derive(Clone, Default)]
pub struct Password(Secret);

impl Password {
    /// Takes a password as it was typed.
    pub fn new(password: &str) -> Password {
        Password(Secret::new(password.as_bytes()))
    }

    /// The password.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.0.bytes()).unwrap_or_default()
    }
}

impl PartialEq for Password {
    /// Takes a time that depends on the lengths only.
    fn eq(&self, other: &Password) -> bool {
        same(self.0.bytes(), other.0.bytes())
    }
}

impl Eq for Password {}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(..)")
    }
}

/// The work of deriving the keys of a password, to be done wherever nobody waits for it: it takes tens of milliseconds.
#[derive(Clone, PartialEq, Eq)]
pub struct Derivation {
    password: Password,
    iterations: u32,
    /// What the salts are grown from.
    seed: [u8; 32],
}

impl Derivation {
    /// Work that [`run`](Derivation::run) does.
    pub fn new(password: Password, iterations: u32, entropy: &mut Entropy) -> Derivation {
        let mut seed = [0; 32];
        entropy.fill(&mut seed);
        Derivation { password, iterations, seed }
    }

    /// The password.
    pub fn password(&self) -> &Password {
        &self.password
    }

    /// Does it, as [`StoredCredentials::derive`] does.
    pub fn run(&self) -> Option<StoredCredentials> {
        let mut entropy = Entropy::from_seed(self.seed);
        StoredCredentials::derive(self.password.as_str(), self.iterations, &mut entropy)
    }
}

impl std::fmt::Debug for Derivation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Derivation").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

/// Stored keys for one hash function (RFC 5802 section 3). Not enough to log in with, but enough to try passwords
/// against: keep them as you keep passwords.
#[derive(Clone, PartialEq, Eq)]
pub struct ScramKeys {
    /// Which hash.
    pub hash: ScramHash,
    /// Salt; goes to the client as it is.
    pub salt: Vec<u8>,
    /// Iteration count of PBKDF2.
    pub iterations: u32,
    /// H(ClientKey).
    pub stored_key: Vec<u8>,
    /// ServerKey.
    pub server_key: Vec<u8>,
}

impl ScramKeys {
    /// Derives the keys from a password that has been prepared. Costs one PBKDF2.
    pub(super) fn from_prepared(hash: ScramHash, prepared: &[u8], salt: &[u8], iterations: u32) -> ScramKeys {
        let salted = hash.salted_password(prepared, salt, iterations);
        ScramKeys {
            hash,
            salt: salt.to_vec(),
            iterations,
            stored_key: hash.digest(hash.client_key(&salted).bytes()),
            server_key: hash.server_key(&salted),
        }
    }

    /// True if this is the prepared password. Costs one PBKDF2; compares in constant time.
    pub(super) fn fits(&self, prepared: &[u8]) -> bool {
        let other = ScramKeys::from_prepared(self.hash, prepared, &self.salt, self.iterations);
        same(&self.stored_key, &other.stored_key)
    }

    /// True if a derivation can have made these keys. A store may hand over anything.
    pub(super) fn usable(&self) -> bool {
        self.iterations > 0
            && self.iterations <= StoredCredentials::MAX_ITERATIONS
            && !self.salt.is_empty()
            && self.stored_key.len() == self.hash.output_len()
            && self.server_key.len() == self.hash.output_len()
    }
}

impl std::fmt::Debug for ScramKeys {
    /// Shows no key and no salt.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScramKeys")
            .field("hash", &self.hash)
            .field("iterations", &self.iterations)
            .finish_non_exhaustive()
    }
}

/// All that is stored of one account's password.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StoredCredentials {
    /// One entry for each hash function kept.
    pub scram: Vec<ScramKeys>,
    /// The account may not log in (SASL account-disabled).
    pub disabled: bool,
}

impl StoredCredentials {
    /// The iteration count for new passwords where the caller has no opinion. RFC 7677 section 4 asks for 4096 at
    /// least; a client on a small device pays it at every login with a typed password, and a server for every PLAIN
    /// login. That many took 1 ms with SHA-1 or SHA-256 and 14 ms with SHA-512 on a 2-core x86-64 server with SHA
    /// instructions (release build).
    pub const DEFAULT_ITERATIONS: u32 = 10_000;

    /// No stored count may be larger: PBKDF2 runs inline. Larger ones count as no key at all.
    pub const MAX_ITERATIONS: u32 = 10_000_000;

    /// Length of the salts that [`derive`](StoredCredentials::derive) makes, in bytes.
    pub const SALT_LEN: usize = 16;

    /// Derives the keys for all hash functions, each with a salt of its own. `iterations` is kept between 1 and
    /// [`MAX_ITERATIONS`](StoredCredentials::MAX_ITERATIONS). Costs three PBKDF2 runs of that count.
    ///
    /// `None` where SASLprep (RFC 4013) refuses the password, or nothing is left of it.
    pub fn derive(password: &str, iterations: u32, entropy: &mut Entropy) -> Option<StoredCredentials> {
        let prepared = prepare_password(password)?;
        let iterations = iterations.clamp(1, StoredCredentials::MAX_ITERATIONS);
        let scram = ScramHash::ALL
            .into_iter()
            .map(|hash| {
                let mut salt = [0; StoredCredentials::SALT_LEN];
                entropy.fill(&mut salt);
                ScramKeys::from_prepared(hash, prepared.bytes(), &salt, iterations)
            })
            .collect();
        Some(StoredCredentials { scram, disabled: false })
    }

    /// True if this is the password (constant-time compare; costs one PBKDF2). Does not look at `disabled`.
    pub fn verify(&self, password: &str) -> bool {
        let (Some(prepared), Some(keys)) = (prepare_password(password), self.for_password()) else {
            return false;
        };
        keys.fits(prepared.bytes())
    }

    /// The keys for a hash function. `None` if there are none, or they cannot be right (a length or count that no
    /// derivation gives).
    pub fn keys(&self, hash: ScramHash) -> Option<&ScramKeys> {
        self.scram.iter().find(|keys| keys.hash == hash && keys.usable())
    }

    /// The keys against which a plain password is checked.
    pub(super) fn for_password(&self) -> Option<&ScramKeys> {
        [FOR_PASSWORD, ScramHash::Sha512, ScramHash::Sha1].into_iter().find_map(|hash| self.keys(hash))
    }
}

/// The keys of this hash check plain passwords, if there are any: all would do, and this is the hash that processors
/// help with most.
pub(super) const FOR_PASSWORD: ScramHash = ScramHash::Sha256;

/// SASLprep; `None` where it refuses, or nothing is left.
pub(super) fn prepare_password(password: &str) -> Option<Secret> {
    let prepared = crate::jid::saslprep(password)?;
    (!prepared.is_empty()).then(|| Secret::new(prepared.as_bytes()))
}

/// Keys for an account that does not exist (RFC 5802 section 9 leaves it open; without this anyone could ask a server
/// who its users are). They are a function of the server's secret and the name, so asking twice gives the same answer.
pub(super) fn decoy(secret: &[u8; 32], hash: ScramHash, username: &str, iterations: u32) -> ScramKeys {
    let part = |purpose: &str, len: usize| {
        let input: [&[u8]; 5] =
            [purpose.as_bytes(), b"\0", &[hash.output_len() as u8], b"\0", username.as_bytes()];
        let mut bytes = ScramHash::Sha512.hmac(secret, &input);
        bytes.truncate(len);
        bytes
    };
    ScramKeys {
        hash,
        salt: part("salt", StoredCredentials::SALT_LEN),
        iterations: iterations.clamp(1, StoredCredentials::MAX_ITERATIONS),
        stored_key: part("stored key", hash.output_len()),
        server_key: part("server key", hash.output_len()),
    }
}
