//! What a flood of requests meets, and accounts that come to an end.

use super::*;

#[test]
fn requests_that_wait_for_an_answer_are_bounded() {
    let limits = Limits { requests_per_account: 2, ..Limits::default() };
    let mut world = World::with(Config { limits, federation: true, ..config() });
    world.present("juliet/balcony");
    let mut ask = |number: u32| {
        world.remote(&format!(
            "<presence type='subscribe' from='x{number}@example.net' to='{JULIET}' id='1'/>"
        ));
        (world.sent().pop(), world.told("juliet/balcony").len())
    };
    assert_eq!((ask(1), ask(2), ask(1)), ((None, 1), (None, 1), (None, 0)));
    let error = "presence error juliet > x3@example.net #1 resource-constraint/wait";
    assert_eq!(ask(3), (Some(error.into()), 0));
    world.send("juliet/balcony", &presence("unsubscribed", "x1@example.net"));
    world.outputs.clear();
    world.remote(&format!("<presence type='subscribe' from='x3@example.net' to='{JULIET}' id='1'/>"));
    assert_eq!(world.told("juliet/balcony"), ["presence subscribe x3@example.net > juliet #1"]);
    // None at all is possible, too.
    let limits = Limits { requests_per_account: 0, ..Limits::default() };
    let mut world = World::with(Config { limits, federation: true, ..config() });
    world.remote(&format!("<presence type='subscribe' from='x3@example.net' to='{JULIET}' id='1'/>"));
    assert_eq!(world.sent(), [error]);
}

#[test]
fn requests_are_bounded_in_length() {
    let mut world = World::with(Config { federation: true, ..config() });
    world.present("juliet/balcony");
    let mut ask = |bytes: usize| {
        let text = "x".repeat(bytes);
        let head = format!("<presence type='subscribe' from='nurse@example.net' to='{JULIET}' id='1'>");
        world.remote(&format!("{head}<status>{text}</status></presence>"));
        (world.sent().pop(), world.told("juliet/balcony").len())
    };
    let error = "presence error juliet > nurse@example.net #1 policy-violation/modify";
    assert_eq!(ask(4096), (Some(error.into()), 0));
    assert_eq!(ask(3500), (None, 1));
}

#[test]
fn a_request_needs_room_in_the_users_own_roster() {
    let limits = Limits { contacts_per_roster: 1, ..Limits::default() };
    let mut world = World::with(Config { limits, federation: true, ..config() });
    world.present("juliet/balcony");
    for (of_type, known, new) in [("subscribe", "x1", "x2"), ("subscribed", "x1", "x3")] {
        world.send("juliet/balcony", &presence(of_type, &format!("{known}@example.net")));
        assert!(world.told("juliet/balcony")[0].starts_with("push x1@example.net none"));
        world.outputs.clear();
        world.send("juliet/balcony", &presence(of_type, &format!("{new}@example.net")));
        let error = format!("presence error {new}@example.net > juliet/balcony #1 resource-constraint/wait");
        assert_eq!(world.told("juliet/balcony"), [error]);
        world.silence();
    }
    // Taking things back needs none.
    world.send("juliet/balcony", &presence("unsubscribe", "x4@example.net"));
    assert_eq!(world.sent(), ["presence unsubscribe juliet > x4@example.net #1"]);
}

#[test]
fn requests_make_no_roster_grow_but_the_askers_own() {
    let mut world = World::with(Config { federation: true, ..config() });
    for number in 0..50 {
        world.remote(&format!("<presence type='subscribe' from='x{number}@example.net' to='{JULIET}'/>"));
    }
    let record = world.store.get(&account("juliet")).unwrap();
    assert_eq!((record.roster.contacts.len(), record.requests.len()), (0, 50));
}

#[test]
fn xep0175_5_the_subscriptions_of_an_anonymous_account_end_with_its_session() {
    let mut world = World::new();
    world.present("romeo/orchard");
    let id = SessionId(77);
    world.names.insert("ghost/r".into(), id);
    world.call(|hub, now| hub.bind(now, id, account("ghost"), BindRequest::resource("r").anonymous()));
    world.outputs.clear();
    world.send("ghost/r", "<presence/>");
    world.send("ghost/r", &presence("subscribe", ROMEO));
    assert_eq!(world.told("romeo/orchard"), ["presence subscribe ghost > romeo #1"]);
    world.send("romeo/orchard", &presence("subscribed", "ghost@example.com"));
    world.send("romeo/orchard", &presence("subscribe", "ghost@example.com"));
    world.send("ghost/r", &presence("subscribed", ROMEO));
    assert_eq!(world.relation("romeo", "ghost"), "both");
    world.received.clear();
    world.leave("ghost/r");
    let expected = [
        "presence unavailable ghost/r > romeo",
        "presence unsubscribe ghost > romeo",
        "push ghost to",
        "presence unsubscribed ghost > romeo",
        "push ghost none",
    ];
    assert_eq!(world.told("romeo/orchard"), expected);
    assert_eq!(world.relation("romeo", "ghost"), "none");
    assert!(world.store.get(&account("ghost")).is_none());
    assert_eq!(world.hub.entities.len(), 1);
}

#[test]
fn the_contacts_of_a_removed_account_are_told() {
    let mut world = World::with(Config { federation: true, ..config() });
    for (who, state) in [("romeo", "both"), ("nurse@example.net", "from"), ("paris@example.net", "absent in")]
    {
        world.relate("juliet", who, state);
    }
    world.relate("romeo", "juliet", "both");
    world.present("romeo/orchard");
    world.present("juliet/balcony");
    world.send("juliet/balcony", "<presence to='room@example.net/juliet'/>");
    world.received.clear();
    world.outputs.clear();
    world.call(|hub, now| hub.delete_account(now, AdminId(1), account("juliet")));
    assert_eq!(world.relation("romeo", "juliet"), "none");
    assert_eq!(world.told("romeo/orchard")[0], "presence unavailable juliet/balcony > romeo");
    world.outputs.retain(|output| matches!(output, Output::Remote { .. }));
    let expected = [
        "presence unavailable juliet/balcony > nurse@example.net",
        "presence unavailable juliet/balcony > room@example.net/juliet",
        "presence unsubscribed juliet > nurse@example.net",
        "presence unsubscribed juliet > paris@example.net",
    ];
    assert_eq!(world.sent(), expected);
}
