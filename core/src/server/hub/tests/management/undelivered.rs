//! What a session had not acknowledged when it ended (XEP-0198 section 5, RFC 6121 section 8.5).

use super::*;
use crate::ns;

fn delay(stanza: &Stanza) -> Option<String> {
    stanza.child("delay", ns::DELAY).and_then(|delay| delay.attr("stamp").map(str::to_owned))
}

/// Romeo has two sessions and juliet writes to the first one, which has broken.
fn broken() -> (World, String) {
    let mut world = World::new();
    world.online("juliet/balcony", 0);
    let id = world.managed("romeo/orchard");
    world.cut("romeo/orchard");
    (world, id)
}

#[test]
fn xep0198_5_a_message_goes_to_another_resource() {
    let (mut world, _) = broken();
    world.message("juliet/balcony", "romeo", "1");
    world.online("romeo/garden", 0);
    world.pass(5 * MINUTES);
    let got = world.take("romeo/garden");
    let [gone, message] = got.as_slice() else { panic!("{got:?}") };
    assert_eq!(brief(gone), "presence unavailable romeo/orchard > romeo");
    assert_eq!(brief(message), "message chat juliet/balcony > romeo #1");
    assert_eq!(delay(message).as_deref(), Some("2026-01-01T00:00:00Z"), "when it came");
}

#[test]
fn xep0198_5_a_message_is_kept_where_nobody_is() {
    let (mut world, _) = broken();
    world.message("juliet/balcony", "romeo", "1");
    world.message("juliet/balcony", "romeo", "2");
    world.pass(5 * MINUTES);
    assert_eq!(world.store.get(&account("romeo")).unwrap().offline.messages, 2);
    world.pass(MINUTES);
    world.login("romeo/garden");
    world.send("romeo/garden", "<presence/>");
    let got = world.take("romeo/garden");
    let messages: Vec<_> = got.iter().filter(|stanza| matches!(stanza, Stanza::Message(_))).collect();
    assert_eq!(messages.iter().map(|stanza| stanza.id()).collect::<Vec<_>>(), [Some("1"), Some("2")]);
    assert_eq!(delay(messages[0]).as_deref(), Some("2026-01-01T00:00:00Z"));
    world.silence();
}

#[test]
fn xep0198_5_a_message_that_nobody_can_get_goes_back() {
    let (mut world, _) = broken();
    world.send("juliet/balcony", "<message to='romeo@example.com/orchard' id='1'><body>hi</body></message>");
    world.silence();
    world.pass(5 * MINUTES);
    assert_eq!(
        world.got("juliet/balcony"),
        ["message error romeo/orchard > juliet/balcony #1 service-unavailable/cancel"]
    );
}

#[test]
fn xep0198_5_a_request_is_answered_once_it_is_clear_that_nobody_will() {
    let mut world = World::new();
    world.relate("romeo", "juliet", "both");
    world.online("juliet/balcony", 0);
    world.managed("romeo/orchard");
    world.cut("romeo/orchard");
    world.received.clear();
    world.send(
        "juliet/balcony",
        "<iq type='get' to='romeo@example.com/orchard' id='1'><query xmlns='jabber:iq:version'/></iq>",
    );
    world.silence();
    world.pass(5 * MINUTES);
    assert_eq!(
        world.got("juliet/balcony"),
        [
            "presence unavailable romeo/orchard > juliet",
            "iq error romeo/orchard > juliet/balcony #1 service-unavailable/cancel"
        ]
    );
}

#[test]
fn xep0198_5_what_was_acknowledged_is_not_delivered_again() {
    let mut world = World::new();
    world.online("juliet/balcony", 0);
    world.managed("romeo/orchard");
    world.message("juliet/balcony", "romeo", "1");
    world.message("juliet/balcony", "romeo", "2");
    world.ack("romeo/orchard", 2);
    world.cut("romeo/orchard");
    world.pass(5 * MINUTES);
    assert_eq!(world.store.get(&account("romeo")).unwrap().offline.messages, 1);
}

#[test]
fn xep0198_5_a_message_that_another_resource_has_is_not_delivered_again() {
    for acknowledges in [true, false] {
        let mut world = World::new();
        world.online("juliet/balcony", 0);
        world.managed("romeo/orchard");
        world.managed("romeo/garden");
        world.received.clear();
        // Both have seen the presence of the other.
        world.message("juliet/balcony", "romeo", "1");
        assert_eq!(world.got("romeo/garden"), ["message chat juliet/balcony > romeo #1"]);
        if acknowledges {
            world.ack("romeo/garden", 3);
        }
        world.cut("romeo/orchard");
        world.pass(MINUTES);
        world.cut("romeo/garden");
        world.pass(4 * MINUTES);
        assert_eq!(world.store.get(&account("romeo")).unwrap().offline.messages, 0, "another may have it");
        world.pass(MINUTES);
        let kept = u32::from(!acknowledges);
        assert_eq!(world.store.get(&account("romeo")).unwrap().offline.messages, kept, "or nobody has");
    }
}

#[test]
fn xep0198_5_a_copy_stands_for_the_message() {
    for acknowledges in [true, false] {
        let mut world = World::new();
        world.online("juliet/balcony", 0);
        world.managed("romeo/orchard");
        world.managed("romeo/garden");
        world.send("romeo/garden", "<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
        world.ack("romeo/garden", 3);
        world.received.clear();
        world.send(
            "juliet/balcony",
            "<message type='chat' to='romeo@example.com/orchard' id='1'><body>hi</body></message>",
        );
        assert_eq!(world.got("romeo/garden"), ["message chat romeo > romeo/garden"]);
        if acknowledges {
            world.ack("romeo/garden", 4);
        }
        world.cut("romeo/orchard");
        world.cut("romeo/garden");
        world.pass(5 * MINUTES);
        world.received.clear();
        world.login("romeo/tomb");
        world.send("romeo/tomb", "<presence/>");
        let got = world.got("romeo/tomb");
        let expected = (!acknowledges).then_some("message chat juliet/balcony > romeo/orchard #1");
        assert_eq!(got.get(1).map(String::as_str), expected, "{got:?}");
    }
}

#[test]
fn xep0160_5_what_was_kept_and_not_acknowledged_goes_to_the_next_session() {
    let mut world = World::new();
    world.online("juliet/balcony", 0);
    for id in 0..60 {
        world.message("juliet/balcony", "romeo", &id.to_string());
    }
    let kept = |world: &World| world.store.get(&account("romeo")).unwrap().offline.messages;
    world.login("romeo/orchard");
    let id = world.enable("romeo/orchard", Enable { resume: true, max: None });
    world.send("romeo/orchard", "<presence/>");
    assert_eq!(world.take("romeo/orchard").len(), 51, "its presence and one page");
    assert_eq!(kept(&world), 60);
    world.ack("romeo/orchard", 50);
    assert_eq!((kept(&world), world.take("romeo/orchard").len()), (60, 0));
    world.cut("romeo/orchard");
    world.resumed("romeo/orchard", &id, 50);
    assert_eq!(world.take("romeo/orchard").len(), 1, "the one that is missing");
    world.ack("romeo/orchard", 51);
    assert_eq!((kept(&world), world.take("romeo/orchard").len()), (10, 10));
    // While that is under way, what comes waits behind it.
    world.message("juliet/balcony", "romeo", "60");
    assert_eq!(world.got("romeo/orchard"), [""; 0]);
    world.leave("romeo/orchard");
    assert_eq!(kept(&world), 11);
    world.login("romeo/garden");
    world.send("romeo/garden", "<presence/>");
    let got = world.take("romeo/garden");
    let ids: Vec<_> = got.iter().skip(1).map(|stanza| stanza.id().unwrap().to_owned()).collect();
    assert_eq!(ids, (50..61).map(|id| id.to_string()).collect::<Vec<_>>());
    assert_eq!(kept(&world), 0);
}

#[test]
fn xep0198_5_what_is_undelivered_when_the_account_goes_is_refused() {
    let (mut world, _) = broken();
    world.message("juliet/balcony", "romeo", "1");
    world.call(|hub, now| hub.delete_account(now, AdminId(1), account("romeo")));
    assert_eq!(
        world.got("juliet/balcony"),
        ["message error romeo > juliet/balcony #1 service-unavailable/cancel"]
    );
}

#[test]
fn xep0198_5_nothing_remains_of_sessions_that_are_over() {
    let mut world = World::new();
    world.online("juliet/balcony", 0);
    for round in 0..20 {
        let jid = format!("romeo/{round}");
        world.managed(&jid);
        world.message("juliet/balcony", "romeo", "1");
        world.cut(&jid);
        match round % 2 {
            0 => world.pass(5 * MINUTES),
            _ => world.pass(MINUTES),
        }
    }
    world.pass(10 * MINUTES);
    let managed = format!("{:?}", world.hub.tools.outbox.managed);
    assert!(managed.starts_with("Managed { states: {}, deadlines: {}, bytes: 0, behind: []"), "{managed}");
}

#[test]
fn xep0198_5_what_is_undelivered_when_the_server_stops_is_kept() {
    let (mut world, _) = broken();
    world.message("juliet/balcony", "romeo", "1");
    world.call(Hub::give_up_absent);
    assert_eq!(world.store.get(&account("romeo")).unwrap().offline.messages, 1);
    assert_eq!(world.hub.deadline().map(|deadline| deadline.reason), Some(Reason::Eviction));
}
