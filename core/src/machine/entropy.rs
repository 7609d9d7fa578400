//! Randomness, handed in as a seed.

use core::fmt;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A source of cryptographically strong random bytes, grown from a seed that the caller provides.
///
/// ChaCha20 (RFC 8439) stretches the seed: the same seed gives the same bytes, which makes a machine repeatable in a
/// test. In production take every seed from the operating system and use it once.
pub struct Entropy(ChaCha20Rng);

impl Entropy {
    /// Grows a source from 32 random bytes.
    pub fn from_seed(seed: [u8; 32]) -> Entropy {
        Entropy(ChaCha20Rng::from_seed(seed))
    }

    /// Fills `out` with random bytes.
    pub fn fill(&mut self, out: &mut [u8]) {
        self.0.fill_bytes(out);
    }

    /// A random 64-bit number.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A fresh, independent source: for a machine that this one's owner is about to create.
    pub fn fork(&mut self) -> Entropy {
        let mut seed = [0; 32];
        self.fill(&mut seed);
        Entropy::from_seed(seed)
    }

    /// A random identifier of 128 bits, written with 26 letters and digits that are safe in JIDs, attributes and
    /// SCRAM nonces.
    pub fn id(&mut self) -> String {
        const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
        let mut bits = [0; 16];
        self.fill(&mut bits);
        let mut value = u128::from_be_bytes(bits);
        let mut id = String::with_capacity(26);
        for _ in 0..26 {
            id.push(char::from(ALPHABET[(value & 31) as usize]));
            value >>= 5;
        }
        id
    }
}

impl fmt::Debug for Entropy {
    /// Shows nothing: the state predicts every later nonce.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_bytes() {
        let (mut a, mut b) = (Entropy::from_seed([7; 32]), Entropy::from_seed([7; 32]));
        assert_eq!(a.id(), b.id());
        assert_ne!(a.id(), Entropy::from_seed([8; 32]).id());
        assert_eq!(a.id().len(), 26);
    }

    #[test]
    fn a_fork_differs_from_its_parent() {
        let mut a = Entropy::from_seed([7; 32]);
        let mut fork = a.fork();
        assert_ne!(a.next_u64(), fork.next_u64());
    }

    #[test]
    fn debug_output_does_not_leak_state() {
        assert_eq!(format!("{:?}", Entropy::from_seed([7; 32])), "Entropy(..)");
    }
}
