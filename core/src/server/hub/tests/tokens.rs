//! Tokens (XEP-0484): looked up and changed through the store.

use super::*;
use crate::machine::Utc;
use crate::sasl::Mechanism;
use crate::server::store::{StoreError, StoredTokens, Token, TokenChange, Tokens};
use crate::stream::sasl2::ClientId;

fn client() -> ClientId {
    ClientId::from_random([1; 16])
}

fn look_up(world: &mut World, name: &str) -> Option<Output> {
    world.call(|hub, now| hub.lookup_tokens(now, LookupId(1), account(name), client()));
    world.outputs.pop()
}

fn give(world: &mut World, name: &str) -> Option<Output> {
    let change = TokenChange::Given { token: token(), after: None };
    world.call(|hub, now| hub.change_tokens(now, LookupId(2), account(name), client(), vec![change]));
    world.outputs.pop()
}

fn token() -> Token {
    let (given, expires) = (Utc::from_unix_millis(1), Utc::from_unix_millis(2));
    Token { id: [3; 16], mechanism: Mechanism::WITH_TOKEN[0], given, expires, count: 0 }
}

fn found(tokens: Option<Tokens>) -> Option<Output> {
    let stored = tokens.map(|tokens| StoredTokens { credentials: credentials(1), tokens });
    Some(Output::Tokens { lookup: LookupId(1), stored: Ok(stored) })
}

fn not_found() -> Option<Output> {
    Some(Output::Tokens { lookup: LookupId(1), stored: Err(Unavailable) })
}

fn changed(result: Result<(), Unavailable>) -> Option<Output> {
    Some(Output::TokensChanged { lookup: LookupId(2), result })
}

#[test]
fn xep0484_a_token_is_there_once_the_store_has_it() {
    let mut world = World::new();
    assert_eq!(look_up(&mut world, "juliet"), found(Some(Tokens::default())));
    assert_eq!(look_up(&mut world, "nobody"), found(None));
    assert_eq!(give(&mut world, "nobody"), changed(Err(Unavailable)));
    assert_eq!(give(&mut world, "juliet"), changed(Ok(())));
    assert_eq!(look_up(&mut world, "juliet"), found(Some(Tokens { current: None, new: Some(token()) })));
    assert_eq!(look_up(&mut world, "romeo"), found(Some(Tokens::default())));
}

#[test]
fn xep0484_3_4_a_count_lets_in_once_however_many_looked_the_token_up_before() {
    let mut world = World::new();
    give(&mut world, "juliet");
    let used = TokenChange::Used { id: token().id, count: Some(1) };
    let mut let_in = || {
        world.call(|hub, now| {
            hub.change_tokens(now, LookupId(2), account("juliet"), client(), vec![used.clone()]);
        });
        world.outputs.pop()
    };
    assert_eq!(let_in(), changed(Ok(())));
    assert_eq!(let_in(), changed(Err(Unavailable)));
}

#[test]
fn xep0484_the_store_is_asked_whether_or_not_there_is_such_an_account_and_wherever_it_is() {
    let mut world = World::new();
    world.login("juliet/balcony");
    world.silent = true;
    for name in ["juliet", "romeo", "nobody"] {
        assert_eq!(look_up(&mut world, name), None);
        assert_eq!(world.asked.len(), 1, "{name}");
        world.asked.clear();
    }
    // Not for other domains, and not for the domain itself.
    for foreign in ["example.com", "juliet@example.net"] {
        let foreign = BareJid::new(foreign).unwrap();
        world.call(|hub, now| hub.lookup_tokens(now, LookupId(1), foreign, client()));
        assert_eq!(world.outputs.pop(), found(None));
    }
    assert!(world.asked.is_empty());
}

#[test]
fn xep0484_a_store_that_is_silent_broken_or_busy_is_no_answer() {
    let mut world = World::new();
    world.silent = true;
    assert_eq!((look_up(&mut world, "juliet"), give(&mut world, "juliet")), (None, None));
    let asked = std::mem::take(&mut world.asked);
    world.pass(Duration::from_secs(600));
    let mut outputs = std::mem::take(&mut world.outputs);
    assert_eq!((outputs.pop(), outputs.pop()), (changed(Err(Unavailable)), not_found()));
    // Too late is never.
    for request in asked {
        let reply = world.store.execute(request);
        world.reply(reply);
    }
    world.silence();

    assert_eq!(look_up(&mut world, "juliet"), None);
    let refused = world.asked.remove(0).refused(StoreError::Busy);
    world.reply(refused);
    assert_eq!(world.outputs.pop(), not_found());

    let limits = Limits { store_requests: 0, ..Limits::default() };
    let mut world = World::with(Config { limits, ..config() });
    assert_eq!(look_up(&mut world, "juliet"), not_found());
    assert_eq!(give(&mut world, "juliet"), changed(Err(Unavailable)));
}
