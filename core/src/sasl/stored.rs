//! What a server keeps instead of a password.
/// SCRAM's hash functions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum ScramHash {
    /// SHA-1 (RFC 5802).
    Sha1,
    /// SHA-256 (RFC 7677).
    Sha256,
    /// SHA-512.
    Sha512,
}
/// Stored keys for one hash function (RFC 5802 section 3).
#[derive(Clone, PartialEq, Eq)]
pub struct ScramKeys {
    /// Which hash.
    pub hash: ScramHash,
    /// Salt.
    pub salt: Vec<u8>,
    /// Iteration count.
    pub iterations: u32,
    /// H(ClientKey).
    pub stored_key: Vec<u8>,
    /// ServerKey.
    pub server_key: Vec<u8>,
}
impl std::fmt::Debug for ScramKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ScramKeys(..)")
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
    /// Derives the keys for all hash functions. `None` where SASLprep refuses the password.
    pub fn derive(
        _password: &str,
        _iterations: u32,
        _entropy: &mut crate::machine::Entropy,
    ) -> Option<StoredCredentials> {
        todo!()
    }
    /// True if this is the password (constant-time compare; costs one PBKDF2).
    pub fn verify(&self, _password: &str) -> bool {
        todo!()
    }
    /// The keys for a hash function.
    pub fn keys(&self, _hash: ScramHash) -> Option<&ScramKeys> {
        todo!()
    }
}
