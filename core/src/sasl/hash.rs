//! The hash functions of SCRAM and what is built on them.

use hmac::digest::Digest;
use hmac::digest::common::Key;
use hmac::{EagerHash, Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;

/// SCRAM's hash functions, weakest first.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub enum ScramHash {
    /// SHA-1 (RFC 5802).
    Sha1,
    /// SHA-256 (RFC 7677).
    Sha256,
    /// SHA-512.
    Sha512,
}

impl ScramHash {
    /// All of them, weakest first.
    pub const ALL: [ScramHash; 3] = [ScramHash::Sha1, ScramHash::Sha256, ScramHash::Sha512];

    /// Length of its output in bytes.
    pub const fn output_len(self) -> usize {
        match self {
            ScramHash::Sha1 => 20,
            ScramHash::Sha256 => 32,
            ScramHash::Sha512 => 64,
        }
    }

    /// H(data).
    pub(super) fn digest(self, data: &[u8]) -> Vec<u8> {
        match self {
            ScramHash::Sha1 => Sha1::digest(data).to_vec(),
            ScramHash::Sha256 => Sha256::digest(data).to_vec(),
            ScramHash::Sha512 => Sha512::digest(data).to_vec(),
        }
    }

    /// HMAC(key, data), the data given in parts.
    pub(super) fn hmac(self, key: &[u8], data: &[&[u8]]) -> Vec<u8> {
        match self {
            ScramHash::Sha1 => hmac::<Sha1>(key, data),
            ScramHash::Sha256 => hmac::<Sha256>(key, data),
            ScramHash::Sha512 => hmac::<Sha512>(key, data),
        }
    }

    /// Hi(password, salt, iterations): PBKDF2 with one block of output (RFC 5802 section 2.2). This is where the time
    /// goes, in proportion to `iterations`.
    pub(super) fn salted_password(self, password: &[u8], salt: &[u8], iterations: u32) -> Secret {
        let mut out = vec![0; self.output_len()];
        match self {
            ScramHash::Sha1 => pbkdf2::pbkdf2_hmac::<Sha1>(password, salt, iterations, &mut out),
            ScramHash::Sha256 => pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, iterations, &mut out),
            ScramHash::Sha512 => pbkdf2::pbkdf2_hmac::<Sha512>(password, salt, iterations, &mut out),
        }
        Secret(out)
    }

    /// ClientKey of a salted password.
    pub(super) fn client_key(self, salted: &Secret) -> Secret {
        Secret(self.hmac(salted.bytes(), &[b"Client Key"]))
    }

    /// ServerKey of a salted password.
    pub(super) fn server_key(self, salted: &Secret) -> Vec<u8> {
        self.hmac(salted.bytes(), &[b"Server Key"])
    }
}

/// The checked constructor takes a key of any length and still returns a `Result`; padding the key here (RFC 2104
/// section 2) leaves nothing that could fail.
fn hmac<D: EagerHash + Digest>(key: &[u8], data: &[&[u8]]) -> Vec<u8> {
    let mut block = Key::<Hmac<D>>::default();
    if key.len() <= block.len() {
        block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    } else {
        block.iter_mut().zip(D::digest(key)).for_each(|(to, from)| *to = from);
    }
    let mut mac = <Hmac<D> as KeyInit>::new(&block);
    data.iter().for_each(|part| mac.update(part));
    let tag = mac.finalize().into_bytes().to_vec();
    wipe(&mut block);
    tag
}

/// Compares in a time that depends on the lengths only.
pub(super) fn same(a: &[u8], b: &[u8]) -> bool {
    bool::from(a.ct_eq(b))
}

/// XOR of two strings; as long as the shorter one.
pub(super) fn xor(a: &[u8], b: &[u8]) -> Vec<u8> {
    a.iter().zip(b).map(|(a, b)| a ^ b).collect()
}

/// Overwrites a secret that is no longer needed. Without `unsafe` nothing can force the compiler to keep the writes;
/// `black_box` makes it keep them in practice.
pub(super) fn wipe(bytes: &mut [u8]) {
    bytes.fill(0);
    std::hint::black_box(bytes);
}

/// Bytes that are overwritten when dropped and that `Debug` does not show.
#[derive(Clone, Default)]
pub(super) struct Secret(Vec<u8>);

impl Secret {
    pub(super) fn new(bytes: impl Into<Vec<u8>>) -> Secret {
        Secret(bytes.into())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}
