//! Tokens (XEP-0484): which are good, which are given, and what the store has to be told first.
//!
//! The store keeps no token but what one is made from, together with a secret that it does not have
//! ([`sasl::derive_token`]). The account's credentials are part of it: whoever changes the password has ended all tokens, even if
//! a login with one was under way. What has been looked up may be outdated when it is used: whether a count is new is for the
//! store to say ([`outdated`](crate::server::store::outdated)).

use super::exchange::{Exchange, Question};
use super::negotiation::{Account, Negotiation, Step};
use super::sasl2::Admission;
use super::{Event, Link};
use crate::jid::BareJid;
use crate::machine::{Now, Utc};
use crate::sasl::{self, Condition, Mechanism, Password};
use crate::server::output::Unavailable;
use crate::server::store::{StoredTokens, Token, TokenChange, TokenId};
use crate::stream::fast;
use crate::stream::sasl2::ClientId;

/// The token that a client has proved, and what is to be known of it.
#[derive(Debug)]
pub(super) struct Proved {
    token: Token,
    /// It is the one that was given last, and has not been used before.
    is_new: bool,
    fingerprint: [u8; 32],
}

/// A client that waits for the store to have its tokens.
#[derive(Debug)]
pub(super) struct Settling {
    pub(super) exchange: Box<Exchange>,
    pub(super) admission: Box<Admission>,
    /// Without that it must not be let in.
    essential: bool,
}

impl Negotiation {
    /// The owner's answer to [`Event::LookupTokens`].
    pub(super) fn tokens(
        &mut self,
        link: &mut Link,
        now: Now,
        stored: Result<Option<StoredTokens>, Unavailable>,
    ) {
        let Some(mut exchange) = self.answered(Question::Tokens) else {
            return self.fingerprint(link, now, stored);
        };
        let step = match stored {
            Ok(stored) => {
                let stored = stored.unwrap_or_default();
                let fingerprint = stored.credentials.fingerprint();
                // The one that was given last is tried first (section 5.1).
                let slots = [stored.tokens.new, stored.tokens.current];
                let candidates = [0, 1]
                    .map(|n| candidate(link, &exchange, slots.get(n).and_then(Option::as_ref), &fingerprint));
                let step = exchange.session.tokens(&candidates, stored.credentials.disabled);
                let proved = exchange.session.proved_token();
                let token = proved.and_then(|n| slots.into_iter().nth(n).flatten());
                exchange.proved = token.map(|token| Proved { token, is_new: proved == Some(0), fingerprint });
                step
            }
            Err(Unavailable) => exchange.session.unavailable(),
        };
        self.advance(link, now, exchange, step);
    }

    /// A client that has proved who it is by other means than the password may have a token all the same (section 3.2), which
    /// hangs on the account's credentials like any other. False if nothing has to be asked for that.
    pub(super) fn asks_for_fingerprint(&self, link: &Link, exchange: &Exchange, account: &Account) -> bool {
        let Some(wishes) = &exchange.wishes else { return false };
        let wanted = wishes.asked.request_token.as_ref();
        let wanted = wanted.and_then(|wanted| Mechanism::with_token(&wanted.mechanism));
        exchange.proved.is_none()
            && wishes.fingerprint.is_none()
            && !account.is_anonymous()
            && exchange.client().is_some()
            && wanted.is_some_and(|mechanism| self.offered_tokens(link).contains(&mechanism))
    }

    /// The answer to that. Who has no credentials, or a store that does not answer, gets no token, and is let in.
    fn fingerprint(&mut self, link: &mut Link, now: Now, stored: Result<Option<StoredTokens>, Unavailable>) {
        let Some(mut exchange) = self.answered(Question::Fingerprint) else { return };
        let Some((account, data)) = exchange.outcome.take() else { return };
        if let (Some(wishes), Ok(Some(stored))) = (&mut exchange.wishes, stored) {
            wishes.fingerprint = (!stored.credentials.disabled).then(|| stored.credentials.fingerprint());
        }
        self.proved(link, now, exchange, account, data);
    }

    /// The client has proved who it is: is the token that it used still good, and does it get another?
    pub(super) fn settle_tokens(
        &mut self,
        link: &mut Link,
        now: Now,
        exchange: Box<Exchange>,
        mut admission: Box<Admission>,
    ) {
        if let Some(condition) = exchange.proved.as_ref().and_then(|proved| outdated(proved, &admission, now))
        {
            return self.refuse2(link, now, Some(&exchange), condition);
        }
        let client = admission.asked().user_agent.as_ref().and_then(|client| client.id);
        let Some(client) = client else { return self.admit(link, now, admission) };
        let mut changes = changes_by_use(exchange.proved.as_ref(), &admission);
        let essential = !changes.is_empty();
        if let Some((mechanism, fingerprint)) = self.token_due(link, now, &exchange, &admission) {
            let mut id = TokenId::default();
            self.entropy.fill(&mut id);
            let lifetime =
                link.config.sasl2.tokens.as_ref().map(|tokens| tokens.lifetime).unwrap_or_default();
            let lifetime = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
            let expires = Utc::from_unix_millis(now.utc.unix_millis().saturating_add(lifetime));
            let token = Token { id, mechanism, given: now.utc, expires, count: 0 };
            let secret = derive(link, &admission.account.jid, client, &token, &fingerprint);
            admission.token = Some(fast::Token { token: secret.as_str().to_owned(), expiry: expires });
            let revoked = changes.contains(&TokenChange::Revoked);
            let after = exchange.proved.as_ref().filter(|_| !revoked).map(|proved| proved.token.id);
            changes.push(TokenChange::Given { token, after });
        }
        if changes.is_empty() {
            return self.admit(link, now, admission);
        }
        let account = admission.account.jid.clone();
        self.step = Step::Settling(Box::new(Settling { exchange, admission, essential }));
        link.event(Event::ChangeTokens { account, client, changes });
    }

    /// For which mechanism the client gets a token now, if for any, and what that hangs on.
    fn token_due(
        &self,
        link: &Link,
        now: Now,
        exchange: &Exchange,
        admission: &Admission,
    ) -> Option<(Mechanism, [u8; 32])> {
        let config = link.config.sasl2.tokens.as_ref()?;
        let asked = admission.asked();
        let offered = self.offered_tokens(link);
        let wanted = asked.request_token.as_ref().and_then(|wanted| Mechanism::with_token(&wanted.mechanism));
        let wanted = wanted.filter(|mechanism| offered.contains(mechanism));
        let Some(proved) = &exchange.proved else {
            // What a token is to hang on.
            return Some((wanted?, admission.fingerprint()?));
        };
        let age = now.utc.unix_millis().saturating_sub(proved.token.given.unix_millis());
        let rotation = i64::try_from(config.rotate_after.as_millis()).unwrap_or(i64::MAX);
        let invalidated = asked.fast.is_some_and(|used| used.invalidate);
        let rotated = (age >= rotation && !invalidated).then_some(proved.token.mechanism);
        Some((wanted.or(rotated)?, proved.fingerprint))
    }

    /// The owner's answer to [`Event::ChangeTokens`].
    pub(super) fn tokens_changed(&mut self, link: &mut Link, now: Now, result: Result<(), Unavailable>) {
        let settling = match std::mem::replace(&mut self.step, Step::Features) {
            Step::Settling(settling) => settling,
            other => {
                self.step = other;
                return;
            }
        };
        let Settling { exchange, mut admission, essential } = *settling;
        if result.is_err() {
            if essential {
                return self.refuse2(link, now, Some(&exchange), Condition::TemporaryAuthFailure);
            }
            admission.token = None;
        }
        self.admit(link, now, admission);
    }
}

/// The token that a client may have, if there is one in that slot. The work is the same if there is none.
fn candidate(
    link: &Link,
    exchange: &Exchange,
    slot: Option<&Token>,
    fingerprint: &[u8; 32],
) -> Option<Password> {
    let none = Token {
        id: TokenId::default(),
        mechanism: exchange.mechanism,
        given: Utc::from_unix_millis(0),
        expires: Utc::from_unix_millis(0),
        count: 0,
    };
    let token = slot.unwrap_or(&none);
    let (account, client) = (exchange.account.as_ref()?, exchange.client()?);
    let secret = derive(link, account, client, token, fingerprint);
    (slot.is_some() && token.mechanism == exchange.mechanism).then_some(secret)
}

fn derive(
    link: &Link,
    account: &BareJid,
    client: ClientId,
    token: &Token,
    fingerprint: &[u8; 32],
) -> Password {
    let context: [&[u8]; 5] = [
        account.as_str().as_bytes(),
        &client.to_bytes(),
        token.mechanism.name().as_bytes(),
        &token.id,
        fingerprint,
    ];
    sasl::derive_token(link.config.secret(), &context)
}

/// Why a token that was proved is not good any more.
fn outdated(proved: &Proved, admission: &Admission, now: Now) -> Option<Condition> {
    if proved.token.expires <= now.utc {
        return Some(Condition::CredentialsExpired);
    }
    let count = admission.asked().fast.and_then(|used| used.count);
    // Section 3.4: seen before, so it may be a replay.
    count.is_some_and(|count| count <= proved.token.count).then_some(Condition::NotAuthorized)
}

/// What using a token does to the client's tokens.
fn changes_by_use(proved: Option<&Proved>, admission: &Admission) -> Vec<TokenChange> {
    let (Some(proved), Some(used)) = (proved, admission.asked().fast) else { return Vec::new() };
    if used.invalidate {
        return vec![TokenChange::Revoked];
    }
    let noteworthy = proved.is_new || used.count.is_some();
    noteworthy.then_some(TokenChange::Used { id: proved.token.id, count: used.count }).into_iter().collect()
}
