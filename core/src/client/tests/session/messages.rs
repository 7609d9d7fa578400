//! Messages keep their order and their handles over connections.

use super::*;
use crate::stanza::MessageType;

fn message(body: &str) -> Message {
    Message::chat(Jid::new("romeo@example.net").unwrap(), body)
}

fn send(rig: &mut Rig, body: &str) -> StanzaHandle {
    rig.session.send(rig.now, message(body)).unwrap()
}

/// Which of these bodies were sent, in order.
fn bodies(sent: &str) -> Vec<&str> {
    sent.split("<body>").skip(1).map(|rest| rest.split("</body>").next().unwrap()).collect()
}

fn sent_handles(events: &[Event]) -> Vec<StanzaHandle> {
    let sent = |event: &Event| match event {
        Event::Sent(handle) => Some(*handle),
        _ => None,
    };
    events.iter().filter_map(sent).collect()
}

fn is_unsent(event: &Event) -> bool {
    matches!(event, Event::Unsent { .. } | Event::Unacknowledged { .. })
}

#[test]
fn messages_that_wait_are_sent_in_order_under_their_handles() {
    let mut rig = Rig::new(config(), Reconnect::default(), 1);
    let mut handles = vec![send(&mut rig, "one")];
    rig.failed();
    handles.push(send(&mut rig, "two"));
    rig.wait_for_attempt();
    // A connection that comes to nothing takes nothing with it.
    rig.connected(Security::StartTls);
    handles.push(send(&mut rig, "three"));
    rig.cut();
    rig.wait_for_attempt();
    let sent = rig.log_in();
    assert_eq!(bodies(&sent), ["one", "two", "three"]);
    handles.push(send(&mut rig, "four"));
    assert_eq!(bodies(&rig.sent()), ["four"]);
    let events = rig.events();
    assert_eq!(sent_handles(&events), handles);
    assert!(!events.iter().any(is_unsent), "{events:?}");
    handles.dedup();
    assert_eq!(handles.len(), 4);
}

#[test]
fn what_never_left_goes_first_on_the_next_connection_whatever_is_sent_again() {
    for resend in [true, false] {
        let mut config = config();
        config.resend = resend;
        let mut rig = Rig::online(config, Reconnect::default(), 1);
        rig.events();
        // Nobody asks for the bytes any more.
        let mut handles = vec![send(&mut rig, "one"), send(&mut rig, "two")];
        rig.session.receive_eof(rig.now);
        while rig.session.poll_event().is_some() {}
        handles.push(send(&mut rig, "three"));
        rig.wait_for_attempt();
        handles.push(send(&mut rig, "four"));
        let sent = rig.log_in();
        assert_eq!(bodies(&sent), ["one", "two", "three", "four"]);
        let events = rig.events();
        assert_eq!(sent_handles(&events), handles);
        assert!(!events.iter().any(is_unsent), "{events:?}");
    }
}

#[test]
fn xep0203_who_gets_a_message_late_is_told_when_it_was_written() {
    let mut rig = Rig::new(config(), Reconnect::default(), 1);
    send(&mut rig, "early");
    rig.failed();
    rig.wait(seconds(3600));
    let sent = rig.log_in();
    assert!(sent.contains("<delay xmlns='urn:xmpp:delay' "), "{sent}");
    assert!(sent.contains(" stamp='2026-01-01T00:00:00Z'"), "{sent}");
}

#[test]
fn what_may_wait_is_limited() {
    let mut few = config();
    few.max_unacknowledged = 3;
    let mut rig = Rig::new(few, Reconnect::default(), 1);
    for _ in 0..3 {
        send(&mut rig, "x");
    }
    assert_eq!(rig.session.send(rig.now, message("x")), Err(SendError::QueueFull));
    rig.log_in();
    send(&mut rig, "there is room again");

    let mut small = config();
    small.max_unacknowledged_bytes = 1000;
    let mut rig = Rig::new(small, Reconnect::default(), 1);
    let long = "x".repeat(600);
    send(&mut rig, &long);
    assert_eq!(rig.session.send(rig.now, message(&long)), Err(SendError::QueueFull));
}

#[test]
fn what_means_something_else_in_another_session_is_given_back() {
    let mut rig = Rig::online(config(), Reconnect::default(), 1);
    rig.cut();
    let presence = Presence::builder(PresenceType::Available).build();
    let room = Message::builder(Some(Jid::new("room@rooms.example").unwrap()), MessageType::Groupchat);
    let room = room.body(None, "is anybody here?").build();
    let handles = [rig.session.send(rig.now, presence).unwrap(), rig.session.send(rig.now, room).unwrap()];
    let ping = rig.session.client_mut().request(rig.now, Ping { to: None }, None).unwrap();
    rig.events();
    rig.wait_for_attempt();
    let sent = rig.log_in();
    assert!(!sent.contains("<presence") && !sent.contains("<message"), "{sent}");
    let events = rig.events();
    let unsent = events.iter().filter_map(|event| match event {
        Event::Unsent { handle, .. } => Some(*handle),
        _ => None,
    });
    assert_eq!(unsent.collect::<Vec<_>>(), handles);
    let is_answer = |event: &Event| matches!(event, Event::Reply(reply) if reply.is(&ping));
    assert_eq!(events.iter().filter(|event| is_answer(event)).count(), 1, "{events:?}");
}

#[test]
fn who_waits_for_an_answer_learns_with_the_connection_that_none_will_come() {
    let mut rig = Rig::online(config(), Reconnect::default(), 1);
    let ping = rig.session.client_mut().request(rig.now, Ping { to: None }, None).unwrap();
    rig.sent();
    rig.events();
    rig.cut();
    let events = rig.events();
    assert!(events.iter().any(|event| matches!(event, Event::Reply(reply) if reply.is(&ping))), "{events:?}");
}

#[test]
fn the_end_gives_back_what_waits() {
    let mut rig = Rig::new(config(), Reconnect::default(), 1);
    let handles = [send(&mut rig, "one"), send(&mut rig, "two")];
    rig.session.close(rig.now);
    let events = rig.events();
    let [Event::Unsent { handle: one, .. }, Event::Unsent { handle: two, .. }, Event::Closed(Ok(()))] =
        events.as_slice()
    else {
        panic!("{events:?}");
    };
    assert_eq!([*one, *two], handles);
    assert_eq!(rig.session.send(rig.now, message("too late")), Err(SendError::NotOnline));
}

#[test]
fn what_was_on_its_way_when_the_owner_went_offline_waits_too() {
    let mut rig = Rig::online(config(), Reconnect::default(), 1);
    let handle = send(&mut rig, "one");
    rig.session.go_offline(rig.now);
    // Nobody asks for the bytes, so it never left.
    rig.session.receive_eof(rig.now);
    while rig.session.poll_event().is_some() {}
    let second = send(&mut rig, "two");
    rig.session.go_online(rig.now);
    rig.wait_for_attempt();
    let sent = rig.log_in();
    assert_eq!(bodies(&sent), ["one", "two"]);
    assert_eq!(sent_handles(&rig.events()), [handle, second]);
}
