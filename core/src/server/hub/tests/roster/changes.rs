//! Changes of a roster, the store and limits.

use super::*;
use crate::server::store::StoreError;

#[test]
fn nobody_hears_of_a_change_before_the_store_has_it() {
    let mut world = World::new();
    world.interested("juliet/balcony");
    world.interested("juliet/chamber");
    world.silent = true;
    world.send("juliet/balcony", &set("1", "<item jid='a@example.net'/>"));
    world.silence();
    world.login("juliet/garden");
    // What does not read or change the roster goes on.
    world.send("juliet/balcony", "<message to='juliet@example.com/chamber' id='m'/>");
    assert_eq!(world.got("juliet/chamber"), ["message juliet/balcony > juliet/chamber #m"]);
    // A get waits, and so is told of the change, by its answer alone.
    world.send("juliet/garden", GET);
    world.silence();
    world.answer();
    assert_eq!(world.got("juliet/balcony").len(), 2);
    assert_eq!(world.got("juliet/chamber").len(), 1);
    let [result] = &world.take("juliet/garden")[..] else { panic!() };
    assert_eq!(items(result), "<item jid='a@example.net' subscription='none'/>");
}

#[test]
fn requests_sent_in_one_go_are_answered_in_order() {
    let mut world = World::new();
    world.login("juliet/balcony");
    world.silent = true;
    world.send("juliet/balcony", &set("1", "<item jid='a@example.net'/>"));
    world.send("juliet/balcony", GET);
    world.send("juliet/balcony", &set("2", "<item jid='a@example.net' name='A'/>"));
    world.send("juliet/balcony", &set("3", "<item jid='nobody@example.net' subscription='remove'/>"));
    world.send("juliet/balcony", &set("4", "<item jid='a@example.net' subscription='remove'/>"));
    world.send("juliet/balcony", GET);
    assert_eq!(world.asked.len(), 1, "one change at a time");
    world.answer();
    let got = world.take("juliet/balcony");
    let ids: Vec<_> = got
        .iter()
        .map(|stanza| stanza.id().unwrap())
        .map(|id| if id.len() > 1 { "push" } else { id })
        .collect();
    assert_eq!(ids, ["1", "g", "2", "push", "3", "4", "push", "g"]);
    assert_eq!(items(&got[1]), "<item jid='a@example.net' subscription='none'/>");
    assert_eq!(items(&got[3]), "<item jid='a@example.net' name='A' subscription='none'/>");
    assert_eq!(items(&got[6]), "<item jid='a@example.net' subscription='remove'/>");
    assert_eq!(ver(&got[7]), ver(&got[6]));
}

#[test]
fn a_change_that_the_store_refuses_is_refused_and_changes_nothing() {
    let mut world = World::new();
    world.interested("juliet/balcony");
    world.sends_and_is_pushed("<item jid='a@example.net'/>");
    let before = world.gets();
    for (error, told) in [
        (StoreError::Unavailable("disk full".into()), "internal-server-error/wait"),
        (StoreError::Busy, "resource-constraint/wait"),
    ] {
        for item in ["<item jid='b@example.net'/>", "<item jid='a@example.net' subscription='remove'/>"] {
            world.silent = true;
            world.send("juliet/balcony", &set("s", item));
            let reply = world.asked.remove(0).refused(error.clone());
            world.reply(reply);
            world.silent = false;
            assert_eq!(world.got("juliet/balcony"), [format!("iq error juliet > juliet/balcony #s {told}")]);
            assert_eq!(items(&world.gets()), items(&before));
        }
    }
    // Versions that a change may have been given are not used again.
    let used = ver(&world.gets());
    world.send("juliet/balcony", &set("s", "<item jid='b@example.net'/>"));
    assert!(ver(&world.take("juliet/balcony")[1]).parse::<u64>().unwrap() > used.parse().unwrap());
}

#[test]
fn a_change_that_the_store_made_without_saying_so_is_pushed_when_it_is_found() {
    let mut world = World::new();
    world.interested("juliet/balcony");
    world.sends_and_is_pushed("<item jid='a@example.net'/>");
    world.sends_and_is_pushed("<item jid='z@example.net'/>");
    world.interested("juliet/chamber");
    world.silent = true;
    world.send("juliet/balcony", &set("s", "<item jid='b@example.net'/>"));
    world.pass(SECOND * 10);
    let error = "iq error juliet > juliet/balcony #s internal-server-error/wait";
    assert_eq!(world.got("juliet/balcony"), [error]);
    world.answer();
    for jid in ["juliet/balcony", "juliet/chamber"] {
        let [stanza] = &world.take(jid)[..] else { panic!() };
        assert_eq!(push(stanza, jid), "<item jid='b@example.net' subscription='none'/>");
        assert_eq!(ver(stanza), world.kept().version.to_string());
    }
    // So is what somebody else has changed in the store.
    let mut record = world.store.get(&account("juliet")).unwrap().clone();
    let version = record.roster.version + 1;
    record.apply(Delta::ContactRemoved { jid: BareJid::new("a@example.net").unwrap(), version });
    world.store.insert(account("juliet"), record);
    world.call(|hub, now| hub.account_changed(now, account("juliet")));
    world.got("juliet/chamber");
    let [stanza] = &world.take("juliet/balcony")[..] else { panic!() };
    assert_eq!(items(stanza), "<item jid='a@example.net' subscription='remove'/>");
    world.silence();
}

#[test]
fn a_session_that_goes_before_its_change_is_saved_gets_no_answer_and_others_are_told() {
    let mut world = World::new();
    world.interested("juliet/balcony");
    world.interested("juliet/chamber");
    world.silent = true;
    world.send("juliet/balcony", &set("1", "<item jid='a@example.net'/>"));
    world.send("juliet/balcony", &set("2", "<item jid='b@example.net'/>"));
    world.send("juliet/balcony", GET);
    world.leave("juliet/balcony");
    world.answer();
    assert_eq!(world.got("juliet/chamber").len(), 2);
    world.silence();
    assert_eq!(world.kept().contacts.len(), 2);
}

#[test]
fn a_roster_survives_eviction() {
    let mut world = World::new();
    world.login("juliet/balcony");
    world.sets("<item jid='a@example.net' name='A'><group>x</group></item>");
    let before = world.gets();
    world.leave("juliet/balcony");
    world.pass(SECOND * 60);
    assert_eq!(world.hub.entities.len(), 0);
    world.login("juliet/balcony");
    assert_eq!(world.gets(), before);
}

#[test]
fn an_anonymous_account_has_a_roster_that_the_store_never_hears_of() {
    let mut world = World::new();
    world.names.insert("guest/x".into(), SessionId(99));
    world.call(|hub, now| {
        hub.bind(now, SessionId(99), account("guest"), BindRequest::resource("x").anonymous())
    });
    world.outputs.clear();
    world.silent = true;
    world.send("guest/x", GET);
    world.send("guest/x", &set("s", "<item jid='a@example.net'/>"));
    world.send("guest/x", GET);
    assert_eq!(world.asked, []);
    let got = world.take("guest/x");
    assert_eq!(got.len(), 4);
    assert_eq!(items(&got[3]), "<item jid='a@example.net' subscription='none'/>");
}

#[test]
fn a_flood_of_changes_is_refused_once_too_many_wait_and_hurts_nobody_else() {
    let limits = Limits { waiting_per_account: 3, ..Limits::default() };
    let mut world = World::with(Config { limits, ..config() });
    world.login("juliet/balcony");
    world.login("romeo/orchard");
    world.silent = true;
    for n in 0..10 {
        world.send("juliet/balcony", &set(&n.to_string(), "<item jid='a@example.net'/>"));
    }
    let refused = |n| format!("iq error juliet > juliet/balcony #{n} resource-constraint/wait");
    assert_eq!(world.got("juliet/balcony"), (4..10).map(refused).collect::<Vec<_>>());
    // Others do not fill the queue: what they ask for is refused at once.
    let forbidden = set("f", "<item jid='a@example.net'/>").replace("type=", "to='juliet@example.com' type=");
    world.send("romeo/orchard", &forbidden);
    assert_eq!(world.got("romeo/orchard"), ["iq error juliet > romeo/orchard #f forbidden/auth"]);
    world.answer();
    assert_eq!(world.got("juliet/balcony").len(), 4);
}

#[test]
fn what_is_refused_because_too_much_waits_is_not_lost_in_silence() {
    let limits = Limits { waiting_per_account: 2, ..Limits::default() };
    let mut world = World::with(Config { limits, federation: true, ..config() });
    world.login("juliet/balcony");
    world.silent = true;
    world.send("juliet/balcony", &set("s", "<item jid='a@example.net'/>"));
    // What goes to the contact waits for the change; so would its answers, and an error about what cannot wait is one of them.
    for n in 0..4 {
        let message = format!("<message to='a@example.net' type='chat' id='{n}'><body>x</body></message>");
        world.send("juliet/balcony", &message);
    }
    let refused = |n| format!("message error a@example.net > juliet/balcony #{n} resource-constraint/wait");
    assert_eq!(world.got("juliet/balcony"), [refused(2), refused(3)]);
    world.remote("<iq type='result' from='a@example.net/x' to='juliet@example.com/balcony' id='late'/>");
    assert_eq!(world.got("juliet/balcony"), ["iq result a@example.net/x > juliet/balcony #late"]);
    world.answer();
    assert_eq!(world.sent().len(), 2);
}

#[test]
fn a_roster_holds_so_many_contacts_and_so_many_bytes() {
    let limits = Limits { contacts_per_roster: 3, roster_bytes: 60, ..Limits::default() };
    let mut world = World::with(Config { limits, ..config() });
    world.login("juliet/balcony");
    let full = "iq error juliet > juliet/balcony #s resource-constraint/wait";
    // 13 bytes each.
    for jid in ["a@example.net", "b@example.net"] {
        world.sets(&format!("<item jid='{jid}'/>"));
    }
    let named = |len: usize| {
        format!("<item jid='b@example.net' name='{}'><group>12345</group></item>", "x".repeat(len))
    };
    assert_eq!(world.answer_to(&set("s", &named(30))), full);
    world.sets(&named(29));
    assert_eq!(world.answer_to(&set("s", "<item jid='c@example.net'/>")), full);
    world.sets(&named(16));
    world.sets("<item jid='c@example.net'/>");
    // Full in both senses: what is there may change, within its size.
    assert_eq!(world.answer_to(&set("s", "<item jid='d@example.net'/>")), full);
    assert_eq!(world.answer_to(&set("s", "<item jid='a@example.net' name='x'/>")), full);
    world.sets(&named(16).replace("xx", "yy"));
    world.sets(&named(0));
    assert_eq!(world.answer_to(&set("s", "<item jid='d@x'/>")), full);
    world.sets("<item jid='a@example.net' subscription='remove'/>");
    world.sets("<item jid='d@x'/>");
}
