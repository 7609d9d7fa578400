//! Tokens that stand in for the password of one client (XEP-0484), as a store keeps them.
//!
//! Not the token itself is kept, nor anything that one could log in with: a token is
//! [made](crate::sasl::derive_token) from a secret of the server's, the account's credentials and what is kept here. (A
//! hash would not do: for HT-SHA-256 a hash of the token is as good as the token.)

use super::Delta;
use crate::machine::Utc;
use crate::sasl::{Mechanism, StoredCredentials};
use crate::stream::sasl2::ClientId;
use std::collections::BTreeMap;

/// What is kept of a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Token {
    /// Random: no two tokens have the same.
    pub id: TokenId,
    /// The one mechanism that it is good for, of [`Mechanism::WITH_TOKEN`].
    pub mechanism: Mechanism,
    /// When it was given.
    pub given: Utc,
    /// Good until then.
    pub expires: Utc,
    /// The greatest count that it has been used with (XEP-0484 section 3.4); 0 if it has not been used with one.
    pub count: u32,
}

/// Names a token.
pub type TokenId = [u8; 16];

/// The tokens of one client: two at most (XEP-0484 section 5.1).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tokens {
    /// The last one that the client has used.
    pub current: Option<Token>,
    /// One that it has been given since, which may not have arrived.
    pub new: Option<Token>,
}

/// What happens to the tokens of a client.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TokenChange {
    /// It is given one, in place of any that it has been given and not used.
    Given {
        /// The token.
        token: Token,
        /// Only if this one is there: so nothing grows out of a token that has been revoked meanwhile.
        after: Option<TokenId>,
    },
    /// It has used one: those before it are good for nothing any more. Nothing happens if that one is not there, or, with
    /// a count, the change is [outdated].
    Used {
        /// Which one.
        id: TokenId,
        /// With this count, which must be greater than any before (XEP-0484 section 3.4).
        count: Option<u32>,
    },
    /// All are good for nothing any more.
    Revoked,
}

/// What there is to judge a token by.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StoredTokens {
    /// The account's credentials, which its tokens hang on.
    pub credentials: StoredCredentials,
    /// The client's tokens.
    pub tokens: Tokens,
}

impl Tokens {
    /// So many clients of an account have tokens at most. If another one is given some, those go that would have expired
    /// first, and among them those of the client whose id is smallest.
    pub const CLIENTS: usize = 50;

    /// Makes a change.
    pub fn apply(&mut self, change: &TokenChange) {
        match change {
            TokenChange::Given { token, after } => {
                if after.is_none_or(|after| self.find(after).is_some()) {
                    self.new = Some(token.clone());
                }
            }
            TokenChange::Used { id, count } => {
                if self.new.as_ref().is_some_and(|new| new.id == *id) {
                    self.current = self.new.take();
                }
                if let Some(current) = self.current.as_mut().filter(|current| current.id == *id) {
                    current.count = current.count.max(count.unwrap_or(0));
                }
            }
            TokenChange::Revoked => *self = Tokens::default(),
        }
    }

    /// True unless that would be the use of a token with a count that has been seen, or cannot be compared any more.
    fn allow(&self, change: &TokenChange) -> bool {
        match change {
            TokenChange::Used { id, count: Some(count) } => {
                self.find(*id).is_some_and(|token| token.count < *count)
            }
            _ => true,
        }
    }

    /// The token of this name.
    pub fn find(&self, id: TokenId) -> Option<&Token> {
        [&self.new, &self.current].into_iter().flatten().find(|token| token.id == id)
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.current.is_none() && self.new.is_none()
    }

    /// When the last of them expires.
    pub fn expires(&self) -> Option<Utc> {
        [&self.new, &self.current].into_iter().flatten().map(|token| token.expires).max()
    }
}

/// True if these changes must not be made, none of them: a token is used with a count that is not greater than all before it.
/// Whoever uses it has looked at it before, and somebody else has used it since, so only the store can tell.
///
/// `kept`: the tokens that a client of the account has before the changes.
///
/// # Errors
/// If they cannot be read.
pub fn outdated<E>(
    changes: &[Delta],
    mut kept: impl FnMut(ClientId) -> Result<Tokens, E>,
) -> Result<bool, E> {
    let mut tokens: BTreeMap<ClientId, Tokens> = BTreeMap::new();
    let mut has_none = false;
    for delta in changes {
        match delta {
            Delta::Credentials(_) => {
                tokens.clear();
                has_none = true;
            }
            Delta::Token { client, change } => {
                let before = match tokens.remove(client) {
                    Some(before) => before,
                    None if has_none => Tokens::default(),
                    None => kept(*client)?,
                };
                if !before.allow(change) {
                    return Ok(true);
                }
                tokens.entry(*client).or_insert(before).apply(change);
            }
            _ => {}
        }
    }
    Ok(false)
}
