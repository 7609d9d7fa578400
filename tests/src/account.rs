//! Accounts for tests.

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
    /// An account with a password made from its name: `alice` has `alice's ☃ pass`, with a quote, spaces and something
    /// that is not ASCII, so that no test passes by luck.
    pub fn new(local: &str, domain: &str) -> Account {
        Account { local: local.into(), domain: domain.into(), password: format!("{local}'s ☃ pass") }
    }

    /// The bare address, `local@domain`.
    pub fn bare(&self) -> String {
        format!("{}@{}", self.local, self.domain)
    }
}
