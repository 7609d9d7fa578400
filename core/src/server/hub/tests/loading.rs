//! Accounts come and go; stores answer, late or never; accounts are administered.

use super::*;
use crate::server::store::{Query, StoreError};
use crate::stream;

/// Bytes of juliet's key, as a look-up finds it.
fn look_up(world: &mut World, name: &str) -> Output {
    world.call(|hub, now| hub.lookup(now, LookupId(1), account(name)));
    world.outputs.pop().unwrap()
}

fn found(mark: Option<u8>) -> Output {
    Output::Credentials { lookup: LookupId(1), stored: Ok(mark.map(credentials)) }
}

/// Brings an account into memory.
fn touch(world: &mut World, name: &str) {
    let xml = format!("<message type='headline' from='a@example.net' to='{name}@example.com'/>");
    world.call(|hub, now| hub.remote(now, stanza(&xml)));
}

/// The credentials that are in memory.
fn held(world: &mut World, name: &str) -> Option<StoredCredentials> {
    let ready = world.hub.entities.ready_mut(account(name).as_str());
    ready.map(|ready| ready.account.record.credentials.clone())
}

fn unavailable() -> Output {
    Output::Credentials { lookup: LookupId(1), stored: Err(Unavailable) }
}

#[test]
fn an_account_is_loaded_once_and_what_waited_is_handled_in_order() {
    let mut world = World::new();
    world.login("romeo/orchard");
    world.silent = true;
    world.bind("juliet/balcony");
    for id in 1..=3 {
        world.send("romeo/orchard", &format!("<message to='juliet@example.com/balcony' id='{id}'/>"));
    }
    assert_eq!(world.asked.len(), 1);
    world.silence();
    world.answer();
    let expected = [1, 2, 3].map(|id| format!("message romeo/orchard > juliet/balcony #{id}"));
    assert_eq!(world.got("juliet/balcony"), expected);
    assert!(matches!(world.outputs.remove(0), Output::Bound { .. }));
    world.silence();
}

#[test]
fn look_ups_find_what_is_there() {
    let mut world = World::new();
    assert_eq!(look_up(&mut world, "juliet"), found(Some(1)));
    assert_eq!(look_up(&mut world, "juliet"), found(Some(1)));
    assert_eq!(look_up(&mut world, "nobody"), found(None));
    world.silent = true;
    let elsewhere = BareJid::new("juliet@example.net").unwrap();
    world.call(|hub, now| hub.lookup(now, LookupId(1), elsewhere));
    assert_eq!(world.outputs.pop(), Some(found(None)));
    assert_eq!(world.asked, []);
}

#[test]
fn rfc6120_13_11_a_look_up_takes_the_same_way_whoever_is_there() {
    let mut world = World::new();
    world.online("juliet/balcony", 0);
    touch(&mut world, "romeo");
    world.silent = true;
    // Online, in memory, and unheard of.
    for name in ["juliet", "romeo", "nobody"] {
        world.call(|hub, now| hub.lookup(now, LookupId(1), account(name)));
        world.silence();
        let [Request::Read { account: asked, query: Query::Credentials, .. }] = world.asked.as_slice() else {
            panic!("{:?}", world.asked)
        };
        assert_eq!(*asked, account(name));
        let reply = world.asked.remove(0).refused(StoreError::Unavailable("disk on fire".into()));
        world.reply(reply);
        assert_eq!(world.outputs.pop(), Some(unavailable()));
    }
}

#[test]
fn a_look_up_brings_no_account_into_memory() {
    let mut world = World::new();
    look_up(&mut world, "juliet");
    assert_eq!(world.hub.entities.len(), 0);
}

#[test]
fn look_ups_that_wait_are_bounded() {
    let limits = Limits { store_requests: 3, ..Limits::default() };
    let mut world = World::with(Config { limits, ..config() });
    world.login("juliet/balcony");
    world.silent = true;
    for _ in 0..5 {
        world.call(|hub, now| hub.lookup(now, LookupId(1), account("juliet")));
    }
    assert_eq!(world.asked.len(), 3);
    assert_eq!(world.outputs, [unavailable(), unavailable()]);
    world.outputs.clear();
    world.pass(SECOND * 10);
    assert_eq!(world.outputs, [unavailable(), unavailable(), unavailable()]);
    assert_eq!(world.hub.deadline(), None);
}

#[test]
fn idle_accounts_are_evicted_after_their_time() {
    let mut world = World::new();
    touch(&mut world, "juliet");
    let deadline = world.hub.deadline().unwrap();
    assert_eq!((deadline.reason, deadline.at.since_origin()), (Reason::Eviction, SECOND * 60));
    world.pass(SECOND * 30);
    world.call(|hub, now| hub.remote(now, stanza("<message from='a@example.net' to='juliet@example.com'/>")));
    world.outputs.clear();
    world.pass(SECOND * 59);
    assert_eq!(world.hub.entities.len(), 1);
    world.pass(SECOND);
    assert_eq!((world.hub.entities.len(), world.hub.deadline()), (0, None));
}

#[test]
fn accounts_with_sessions_stay() {
    let mut world = World::new();
    world.login("juliet/balcony");
    assert_eq!(world.hub.deadline(), None);
    world.pass(SECOND * 1000);
    assert_eq!(world.hub.entities.len(), 1);
    world.leave("juliet/balcony");
    world.pass(SECOND * 60);
    assert_eq!(world.hub.entities.len(), 0);
}

#[test]
fn idle_accounts_are_bounded_and_the_longest_unused_go_first() {
    let limits = Limits { idle_accounts: 3, ..Limits::default() };
    let mut world = World::with(Config { limits, ..config() });
    for number in 0..5 {
        world.store.insert(account(&format!("user{number}")), Record::new(credentials(1)));
        touch(&mut world, &format!("user{number}"));
        world.pass(SECOND);
    }
    assert_eq!(world.hub.entities.len(), 3);
    assert_eq!((held(&mut world, "user1"), held(&mut world, "user2")), (None, Some(credentials(1))));
}

#[test]
fn accounts_that_do_not_exist_leave_nothing_behind() {
    let mut world = World::new();
    world.login("romeo/orchard");
    for number in 0..100 {
        world.send("romeo/orchard", &format!("<message to='nobody{number}@example.com'/>"));
    }
    assert_eq!(world.hub.entities.len(), 1);
}

#[test]
fn an_outage_of_the_store_does_not_stop_loaded_accounts() {
    let mut world = World::new();
    world.login("romeo/orchard");
    world.online("juliet/balcony", 0);
    world.silent = true;
    world.send("romeo/orchard", "<message to='nurse@example.com' id='1'/>");
    world.send("romeo/orchard", "<presence to='nurse@example.com' id='2'/>");
    world.send("romeo/orchard", "<iq type='get' to='nurse@example.com' id='3'><x xmlns='urn:x'/></iq>");
    world.call(|hub, now| hub.lookup(now, LookupId(1), account("nurse")));
    world.bind("nurse/kitchen");
    world.send("romeo/orchard", "<message to='juliet@example.com' id='4'/>");
    assert_eq!(world.got("juliet/balcony"), ["message romeo/orchard > juliet #4"]);
    world.silence();

    let deadline = world.hub.deadline().unwrap();
    assert_eq!((deadline.reason, deadline.at.since_origin()), (Reason::Store, SECOND * 10));
    world.pass(SECOND * 10);
    let expected = [
        "message error nurse > romeo/orchard #1 internal-server-error/wait",
        "iq error nurse > romeo/orchard #3 internal-server-error/wait",
    ];
    assert_eq!(world.got("romeo/orchard"), expected);
    let [Output::BindRefused { .. }, Output::Credentials { stored: Err(Unavailable), .. }] =
        world.outputs.as_slice()
    else {
        panic!("{:?}", world.outputs)
    };
    world.outputs.clear();
    world.silence();
    assert_eq!(world.hub.deadline(), None);

    // The answer comes after all, and is of no use. The next request asks anew.
    world.answer();
    world.silence();
    assert_eq!(look_up(&mut world, "juliet"), found(Some(1)));
}

#[test]
fn an_error_of_the_store_is_reported_at_once() {
    let mut world = World::new();
    world.login("romeo/orchard");
    for (error, condition) in [
        (StoreError::Busy, "resource-constraint/wait"),
        (StoreError::Unavailable("disk on fire".into()), "internal-server-error/wait"),
    ] {
        world.silent = true;
        world.send("romeo/orchard", "<message to='juliet@example.com' id='1'/>");
        let refused = world.asked.remove(0).refused(error);
        world.reply(refused);
        let expected = format!("message error juliet > romeo/orchard #1 {condition}");
        assert_eq!(world.got("romeo/orchard"), [expected]);
    }
    world.silence();
}

#[test]
fn what_waits_is_bounded_for_each_account_and_altogether() {
    let limits = Limits { waiting_per_account: 2, waiting: 3, ..Limits::default() };
    let mut world = World::with(Config { limits, ..config() });
    world.login("romeo/orchard");
    world.silent = true;
    for id in 1..=3 {
        world
            .send("romeo/orchard", &format!("<message type='groupchat' to='juliet@example.com' id='{id}'/>"));
    }
    let full =
        |id: u32, name: &str| format!("message error {name} > romeo/orchard #{id} resource-constraint/wait");
    assert_eq!(world.got("romeo/orchard"), [full(3, "juliet")]);
    world.send("romeo/orchard", "<message type='groupchat' to='nurse@example.com' id='4'/>");
    world.send("romeo/orchard", "<message type='groupchat' to='tybalt@example.com' id='5'/>");
    assert_eq!(world.got("romeo/orchard"), [full(5, "tybalt")]);
    assert_eq!(world.asked.len(), 2);
    world.answer();
    assert_eq!(world.got("romeo/orchard").len(), 3);
    world.send("romeo/orchard", "<message type='groupchat' to='tybalt@example.com' id='6'/>");
    assert_eq!(
        world.got("romeo/orchard"),
        ["message error tybalt > romeo/orchard #6 service-unavailable/cancel"]
    );
}

#[test]
fn sessions_that_go_while_they_wait_still_count() {
    let limits = Limits { waiting: 3, ..Limits::default() };
    let mut world = World::with(Config { limits, ..config() });
    world.silent = true;
    for number in 0..10 {
        let id = SessionId(number);
        world.call(|hub, now| hub.bind(now, id, account(&format!("user{number}")), BindRequest::default()));
        world.call(|hub, now| hub.session_gone(now, id));
    }
    assert_eq!(world.asked.len(), 3);
    assert_eq!(world.hub.entities.len(), 3);
    world.outputs.clear();
    world.answer();
    world.silence();
    assert_eq!(world.hub.entities.len(), 0);
}

#[test]
fn a_session_that_is_not_bound_yet_cannot_speak() {
    let mut world = World::new();
    world.online("romeo/orchard", 0);
    world.silent = true;
    world.bind("juliet/balcony");
    world.send("juliet/balcony", "<message to='romeo@example.com'/>");
    world.silence();
}

#[test]
fn accounts_are_administered_and_answered_when_saved() {
    let mut world = World::new();
    let nurse = account("nurse");
    world.silent = true;
    world.call(|hub, now| hub.create_account(now, AdminId(1), nurse.clone(), credentials(5)));
    world.silence();
    world.answer();
    let done = |id, result| Output::Administered { id: AdminId(id), result };
    assert_eq!(world.outputs.pop(), Some(done(1, Ok(()))));
    assert_eq!(look_up(&mut world, "nurse"), found(Some(5)));
    touch(&mut world, "nurse");

    world.silent = true;
    world.call(|hub, now| hub.set_credentials(now, AdminId(2), nurse.clone(), credentials(6)));
    assert_eq!(held(&mut world, "nurse"), Some(credentials(5)));
    world.answer();
    assert_eq!(world.outputs.pop(), Some(done(2, Ok(()))));
    assert_eq!(held(&mut world, "nurse"), Some(credentials(6)));

    world.call(|hub, now| hub.create_account(now, AdminId(3), nurse.clone(), credentials(7)));
    let exists = AdminError::Store(StoreError::Exists);
    assert_eq!(world.outputs.pop(), Some(done(3, Err(exists))));
    world.call(|hub, now| hub.delete_account(now, AdminId(4), account("nobody")));
    let missing = AdminError::Store(StoreError::Missing);
    assert_eq!(world.outputs.pop(), Some(done(4, Err(missing))));
    let elsewhere = BareJid::new("nurse@example.net").unwrap();
    world.call(|hub, now| hub.delete_account(now, AdminId(5), elsewhere));
    assert_eq!(world.outputs.pop(), Some(done(5, Err(AdminError::NotHere))));
}

/// Juliet is gone: her sessions are closed, those who had her directed presence are told.
fn juliet_is_gone(world: &mut World) {
    let closed: Vec<SessionId> = world
        .outputs
        .drain(..)
        .filter_map(|output| match output {
            Output::Close { session, error } => {
                assert_eq!(*error.condition(), stream::Condition::NotAuthorized);
                Some(session)
            }
            Output::Administered { result: Ok(()), .. } => None,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(closed, [world.names["juliet/balcony"], world.names["juliet/chamber"]]);
    assert_eq!(world.got("romeo/orchard"), ["presence unavailable juliet/balcony > romeo"]);
    world.send("juliet/balcony", "<message to='romeo@example.com'/>");
    world.silence();
    assert_eq!(look_up(world, "juliet"), found(None));
}

fn with_sessions() -> World {
    let mut world = World::new();
    world.online("romeo/orchard", 0);
    world.online("juliet/balcony", 0);
    world.online("juliet/chamber", 0);
    world.send("juliet/balcony", "<presence to='romeo@example.com'/>");
    world.received.clear();
    world
}

#[test]
fn a_removed_account_loses_its_sessions() {
    let mut world = with_sessions();
    world.call(|hub, now| hub.delete_account(now, AdminId(1), account("juliet")));
    juliet_is_gone(&mut world);
}

#[test]
fn an_account_removed_by_somebody_else_loses_its_sessions() {
    let mut world = with_sessions();
    world.store.remove(&account("juliet"));
    world.call(|hub, now| hub.account_changed(now, account("juliet")));
    juliet_is_gone(&mut world);
}

#[test]
fn a_password_changed_by_somebody_else_takes_effect() {
    let mut world = World::new();
    world.login("juliet/balcony");
    world.store.insert(account("juliet"), Record::new(credentials(2)));
    assert_eq!(look_up(&mut world, "juliet"), found(Some(2)));
    assert_eq!(held(&mut world, "juliet"), Some(credentials(1)));
    world.call(|hub, now| hub.account_changed(now, account("juliet")));
    assert_eq!(held(&mut world, "juliet"), Some(credentials(2)));
    // What is not in memory need not be read.
    world.silent = true;
    world.call(|hub, now| hub.account_changed(now, account("romeo")));
    assert_eq!(world.asked, []);
}

#[test]
fn a_change_during_an_outage_is_found_when_the_store_is_back() {
    let mut world = World::new();
    world.login("juliet/balcony");
    world.store.insert(account("juliet"), Record::new(credentials(2)));
    world.silent = true;
    world.call(|hub, now| hub.account_changed(now, account("juliet")));
    world.pass(SECOND * 25);
    world.asked.clear();
    world.silent = false;
    // What was asked last is given up after 10 seconds, and asked again 10 seconds later.
    world.pass(SECOND * 20);
    assert_eq!(held(&mut world, "juliet"), Some(credentials(2)));
    assert_eq!(world.hub.deadline(), None);
}

#[test]
fn a_change_while_the_account_is_being_read_is_not_missed() {
    let mut world = World::new();
    world.silent = true;
    touch(&mut world, "juliet");
    let old = world.store.execute(world.asked.remove(0));
    world.store.insert(account("juliet"), Record::new(credentials(2)));
    world.call(|hub, now| hub.account_changed(now, account("juliet")));
    world.reply(old);
    world.silence();
    world.answer();
    assert_eq!(held(&mut world, "juliet"), Some(credentials(2)));

    // The same while it is being read anew.
    world.silent = true;
    world.call(|hub, now| hub.account_changed(now, account("juliet")));
    let old = world.store.execute(world.asked.remove(0));
    world.store.insert(account("juliet"), Record::new(credentials(3)));
    world.call(|hub, now| hub.account_changed(now, account("juliet")));
    assert_eq!(world.asked, []);
    world.reply(old);
    world.answer();
    assert_eq!(held(&mut world, "juliet"), Some(credentials(3)));
}

#[test]
fn a_change_whose_fate_is_unknown_is_looked_up_later() {
    let mut world = World::new();
    world.login("juliet/balcony");
    world.silent = true;
    world.call(|hub, now| hub.set_credentials(now, AdminId(1), account("juliet"), credentials(2)));
    world.pass(SECOND * 10);
    let unknown = Output::Administered { id: AdminId(1), result: Err(AdminError::Unknown) };
    assert_eq!(world.outputs.pop(), Some(unknown));
    // It was made after all.
    world.answer();
    assert_eq!(held(&mut world, "juliet"), Some(credentials(2)));
}

#[test]
fn replies_that_nobody_waits_for_or_of_the_wrong_kind_do_no_harm() {
    let mut world = World::new();
    let id = store::RequestId { shard: 0, serial: 77 };
    world.reply(Reply::Saved { id, result: Ok(()) });
    world.reply(Reply::Loaded { id: store::RequestId { shard: 3, serial: 0 }, result: Ok(None) });
    world.silence();
    world.silent = true;
    world.call(|hub, now| hub.lookup(now, LookupId(1), account("juliet")));
    let id = world.asked.remove(0).id();
    world.reply(Reply::Saved { id, result: Ok(()) });
    assert_eq!(world.outputs.pop(), Some(unavailable()));
}
