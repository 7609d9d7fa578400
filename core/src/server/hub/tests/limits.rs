//! What a hostile peer may cost: recipients, stanzas that wait, addresses that nobody has.

use super::*;
use crate::server::store::StoreError;

fn loads(world: &World) -> usize {
    world.asked.iter().filter(|request| matches!(request, Request::Load { .. })).count()
}

/// Romeo writes to somebody. Returns what he is told.
fn write_to(world: &mut World, to: &str) -> Vec<String> {
    world.send("romeo/orchard", &format!("<message to='{to}@example.com' id='m'/>"));
    world.got("romeo/orchard")
}

const UNKNOWN: [&str; 1] = ["message error nobody > romeo/orchard #m service-unavailable/cancel"];

#[test]
fn rfc6120_13_12_stanzas_to_distinct_recipients_are_limited() {
    let limits = Limits { recipients_per_session: 3, recipients_within: SECOND * 10, ..Limits::default() };
    let mut world = World::with(Config { federation: true, limits, ..config() });
    world.login("juliet/balcony");
    world.login("juliet/chamber");
    let told = |world: &mut World, xml: &str| {
        world.send("juliet/balcony", xml);
        let sent = world.outputs.drain(..).count();
        (sent, world.got("juliet/balcony"))
    };
    for to in ["a@example.net", "b@example.net/x", "example.net", "A@example.net/other", "b@example.net"] {
        let (sent, answers) = told(&mut world, &format!("<message to='{to}' id='m'/>"));
        assert_eq!((sent, answers), (1, Vec::new()), "{to}");
    }
    for (xml, error) in [
        ("<message to='c@example.net' id='1'/>", "message error c@example.net > juliet/balcony #1"),
        ("<presence to='c@example.net' id='1'/>", "presence error c@example.net > juliet/balcony #1"),
        (
            "<iq type='get' to='c@example.net' id='1'><x xmlns='urn:x'/></iq>",
            "iq error c@example.net > juliet/balcony #1",
        ),
    ] {
        let expected = format!("{error} policy-violation/wait");
        assert_eq!(told(&mut world, xml), (0, vec![expected]));
    }
    // Answers and farewells, and one's own account, are not counted.
    for xml in
        ["<iq type='result' to='c@example.net' id='1'/>", "<presence type='unavailable' to='d@example.net'/>"]
    {
        assert_eq!(told(&mut world, xml), (1, Vec::new()), "{xml}");
    }
    world.send("juliet/balcony", "<message to='juliet@example.com/chamber' id='1'/>");
    assert_eq!(world.got("juliet/chamber").len(), 1);
    // Each session counts for itself, and each time anew.
    world.send("juliet/chamber", "<message to='c@example.net'/>");
    assert_eq!(world.outputs.drain(..).count(), 1);
    world.pass(SECOND * 10);
    assert_eq!(told(&mut world, "<message to='c@example.net'/>"), (1, Vec::new()));
}

#[test]
fn what_waits_for_an_account_to_be_loaded_is_limited_in_bytes() {
    let limits = Limits { waiting_bytes_per_account: 4000, waiting_bytes: 6000, ..Limits::default() };
    let mut world = World::with(Config { limits, ..config() });
    world.login("romeo/orchard");
    world.silent = true;
    let body = "x".repeat(1500);
    let mut write = |to: &str| {
        world.send(
            "romeo/orchard",
            &format!("<message to='{to}@example.com' id='m'><body>{body}</body></message>"),
        );
        world.got("romeo/orchard").pop()
    };
    let refused = |to: &str| Some(format!("message error {to} > romeo/orchard #m resource-constraint/wait"));
    assert_eq!((write("juliet"), write("juliet")), (None, None));
    assert_eq!(write("juliet"), refused("juliet"), "too much for one account");
    assert_eq!(write("nobody"), None);
    assert_eq!(write("nobody"), refused("nobody"), "too much for all");
    world.answer();
    world.got("romeo/orchard");
    // What has been let go counts no more.
    world.pass(SECOND * 61);
    world.silent = true;
    assert_eq!(write_to(&mut world, "juliet"), [""; 0]);
}

#[test]
fn what_waits_for_a_change_is_limited_in_bytes() {
    let limits = Limits { waiting_bytes_per_account: 4000, ..Limits::default() };
    let mut world = World::with(Config { limits, ..config() });
    world.login("juliet/balcony");
    let set = |id: &str, len: usize| {
        let name = "x".repeat(len);
        format!(
            "<iq type='set' id='{id}'><query xmlns='jabber:iq:roster'><item jid='a@b' name='{name}'/></query></iq>"
        )
    };
    for _ in 0..3 {
        world.silent = true;
        world.send("juliet/balcony", &set("1", 1000));
        world.send("juliet/balcony", &set("2", 1000));
        world.send("juliet/balcony", &set("3", 1000));
        world.send("juliet/balcony", &set("4", 1000));
        world.send("juliet/balcony", &set("5", 10));
        let refused = "iq error juliet > juliet/balcony #4 resource-constraint/wait";
        assert_eq!(world.got("juliet/balcony"), [refused]);
        world.answer();
        assert_eq!(world.got("juliet/balcony").len(), 4);
    }
}

#[test]
fn the_store_is_asked_once_about_an_address_that_nobody_has() {
    let mut world = World::new();
    world.login("romeo/orchard");
    assert_eq!(write_to(&mut world, "nobody"), UNKNOWN);
    world.silent = true;
    for _ in 0..3 {
        assert_eq!(write_to(&mut world, "nobody"), UNKNOWN);
        world.pass(SECOND * 59);
    }
    assert_eq!(loads(&world), 0);
    // A login asks all the same.
    world.call(|hub, now| hub.lookup(now, LookupId(1), account("nobody")));
    assert_eq!(world.asked.len(), 1);
    world.answer();
    world.silent = true;
    // And it is forgotten once nothing has come for a while.
    world.pass(SECOND);
    assert_eq!(world.hub.deadline(), None);
    assert_eq!(write_to(&mut world, "nobody"), [""; 0]);
    assert_eq!(loads(&world), 1);
}

#[test]
fn how_many_absent_addresses_are_remembered_is_limited() {
    let limits = Limits { absent_accounts: 2, ..Limits::default() };
    let mut world = World::with(Config { limits, ..config() });
    world.login("romeo/orchard");
    for to in ["nobody", "nemo", "nobody", "niemand"] {
        write_to(&mut world, to);
        world.pass(SECOND);
    }
    world.silent = true;
    assert_eq!(write_to(&mut world, "nobody"), UNKNOWN);
    assert_eq!(loads(&world), 0);
    write_to(&mut world, "nemo");
    assert_eq!(loads(&world), 1);
}

#[test]
fn an_account_that_has_been_made_is_there_at_once() {
    for by_others in [false, true] {
        let mut world = World::new();
        world.login("romeo/orchard");
        assert_eq!(write_to(&mut world, "nobody"), UNKNOWN);
        if by_others {
            world.store.insert(account("nobody"), Record::new(credentials(1)));
            world.call(|hub, now| hub.account_changed(now, account("nobody")));
        } else {
            world.call(|hub, now| hub.create_account(now, AdminId(1), account("nobody"), credentials(1)));
            world.outputs.clear();
        }
        world.login("nobody/here");
        world.send("romeo/orchard", "<message to='nobody@example.com/here' id='m'/>");
        assert_eq!(world.got("nobody/here").len(), 1);
    }
    // Whoever can log in is bound, even if nobody said that the account has been made; and from then on it is there.
    let mut world = World::new();
    world.login("romeo/orchard");
    write_to(&mut world, "nobody");
    world.store.insert(account("nobody"), Record::new(credentials(1)));
    world.login("nobody/here");
    world.leave("nobody/here");
    world.login("nobody/there");
    world.send("romeo/orchard", "<message to='nobody@example.com/there' id='m'/>");
    assert_eq!(world.got("nobody/there").len(), 1);
}

#[test]
fn a_store_that_cannot_say_whether_there_is_an_account_is_asked_again() {
    let mut world = World::new();
    world.login("romeo/orchard");
    world.silent = true;
    write_to(&mut world, "nobody");
    let reply = world.asked.remove(0).refused(StoreError::Unavailable("disk on fire".into()));
    world.reply(reply);
    assert_eq!(world.got("romeo/orchard").len(), 1);
    write_to(&mut world, "nobody");
    assert_eq!(loads(&world), 1);
}
