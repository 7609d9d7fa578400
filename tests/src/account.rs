//! Accounts for tests.

use crate::Random;
use waxwing_core::jid::BareJid;
use waxwing_core::sasl::StoredCredentials;
use waxwing_core::server::store::Record;

/// An account and its password, the same in every test.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// Local part of its address.
    pub local: String,
    /// Domain part.
    pub domain: String,
    /// Password, in the clear.
    pub password: String,
}

impl Account {
    /// RFC 7677 section 4 asks for no fewer; tests want no more.
    pub const ITERATIONS: u32 = 4096;

    /// An account with a password made from its name: `alice` has `alice's ☃ pass`, with a quote, spaces and something
    /// that is not ASCII, so that no test passes by luck.
    pub fn new(local: &str, domain: &str) -> Account {
        Account { local: local.into(), domain: domain.into(), password: format!("{local}'s ☃ pass") }
    }

    /// The bare address, `local@domain`.
    ///
    /// # Panics
    ///
    /// If the parts do not make one.
    pub fn jid(&self) -> BareJid {
        format!("{}@{}", self.local, self.domain).parse().expect("a valid address")
    }

    /// What a store has of this account: keys for every SCRAM hash, with the smallest iteration count that clients accept.
    ///
    /// # Panics
    ///
    /// If SASLprep refuses the password.
    pub fn record(&self, random: &mut Random) -> Record {
        let stored = StoredCredentials::derive(&self.password, Account::ITERATIONS, &mut random.entropy());
        Record::new(stored.expect("a valid password"))
    }
}
