//! Tokens for the next login (XEP-0484).

use crate::machine::Utc;
use crate::sasl::Mechanism;
use core::fmt;

/// Logs in instead of a password, for this installation, until it expires: from
/// [`Event::Token`](super::Event::Token), for [`Config::fast_token`](super::Config::fast_token).
///
/// It is as good as a password: keep it as one. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FastToken {
    /// The mechanism that it is for, one of [`Mechanism::WITH_TOKEN`]; [`Mechanism::name`] writes it and
    /// [`Mechanism::with_token`] reads it.
    pub mechanism: Mechanism,
    /// The secret.
    pub token: String,
    /// It is good until then.
    pub expiry: Utc,
}

impl FastToken {
    /// As it was kept.
    pub fn new(mechanism: Mechanism, token: &str, expiry: Utc) -> FastToken {
        FastToken { mechanism, token: token.to_owned(), expiry }
    }
}

impl fmt::Debug for FastToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FastToken")
            .field("mechanism", &self.mechanism)
            .field("expiry", &self.expiry)
            .finish_non_exhaustive()
    }
}
