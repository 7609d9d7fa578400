//! What the owner wants: now, not now, no more.

use super::*;

fn offline() -> Event {
    Event::Offline { error: None, until: None }
}

#[test]
fn offline_on_purpose_closes_in_good_order_and_stays() {
    let mut rig = Rig::online(config(), Reconnect::default(), 1);
    rig.events();
    rig.session.go_offline(rig.now);
    assert_eq!(rig.sent(), "</stream:stream>");
    rig.server("</stream:stream>");
    assert_eq!(rig.event(), offline());
    assert_eq!((rig.session.deadline(), rig.session.is_over()), (None, false));
    // Whatever happens meanwhile.
    rig.session.network_changed(rig.now);
    rig.session.retry_now(rig.now);
    rig.wait(seconds(100_000));
    assert_eq!(rig.attempts.len(), 1);
    let waits = rig.session.send(rig.now, Message::chat(Jid::new("a@b").unwrap(), "x")).unwrap();
    rig.session.go_online(rig.now);
    assert_eq!(rig.wait_for_attempt(), Duration::ZERO);
    rig.log_in();
    assert!(rig.events().contains(&Event::Sent(waits)));
}

#[test]
fn offline_on_purpose_while_there_is_no_connection() {
    // Getting through.
    let mut rig = Rig::new(config(), Reconnect::default(), 1);
    rig.session.go_offline(rig.now);
    assert_eq!((rig.event(), &rig.dialing), (offline(), &None));
    assert_eq!(rig.session.connected(rig.now, Security::StartTls), Err(Misuse::NotDialing));
    // Waiting.
    let mut rig = Rig::new(config(), Reconnect::default(), 1);
    rig.failed();
    rig.events();
    rig.session.go_offline(rig.now);
    assert_eq!((rig.event(), rig.session.deadline()), (offline(), None));
    // Negotiating.
    let mut rig = Rig::new(config(), Reconnect::default(), 1);
    rig.connected(Security::StartTls);
    rig.session.go_offline(rig.now);
    rig.sent();
    rig.cut();
    assert_eq!((rig.event(), rig.session.deadline()), (offline(), None));
    // Twice is once.
    rig.session.go_offline(rig.now);
    assert_eq!(rig.events(), []);
}

#[test]
fn who_thinks_better_of_it_while_it_closes_gets_a_new_connection() {
    let mut rig = Rig::online(config(), Reconnect::default(), 1);
    rig.wait(seconds(10));
    rig.session.go_offline(rig.now);
    rig.session.go_online(rig.now);
    rig.server("</stream:stream>");
    rig.wait_for_attempt();
    rig.log_in();
}

#[test]
fn the_owner_can_end_it_at_any_time() {
    let mut rig = Rig::new(config(), Reconnect::default(), 1);
    rig.session.close(rig.now);
    assert_eq!(rig.end(), Ok(()));

    let mut rig = Rig::new(config(), Reconnect::default(), 1);
    rig.failed();
    rig.session.close(rig.now);
    assert_eq!(rig.end(), Ok(()));

    let mut rig = Rig::new(config(), Reconnect::default(), 1);
    rig.connected(Security::StartTls);
    rig.session.close(rig.now);
    rig.cut();
    assert_eq!(rig.end(), Ok(()));

    let mut rig = Rig::online(config(), Reconnect::default(), 1);
    rig.session.close(rig.now);
    rig.session.close(rig.now);
    rig.sent();
    rig.cut();
    assert_eq!(rig.end(), Ok(()));

    let mut rig = Rig::online(config(), Reconnect::default(), 1);
    rig.session.go_offline(rig.now);
    rig.session.close(rig.now);
    rig.server("</stream:stream>");
    assert_eq!(rig.end(), Ok(()));
    // Nothing brings it back.
    rig.session.go_online(rig.now);
    rig.session.retry_now(rig.now);
    rig.session.network_changed(rig.now);
    assert_eq!((rig.events(), rig.session.deadline()), (Vec::new(), None));
}

#[test]
fn another_network_makes_the_next_attempt_due_and_the_first_failures_forgotten() {
    let mut rig = Rig::new(config(), Reconnect::default(), 1);
    for _ in 0..8 {
        rig.failed();
        rig.wait_for_attempt();
    }
    rig.failed();
    rig.wait(seconds(2));
    rig.session.network_changed(rig.now);
    assert_eq!(rig.wait_for_attempt(), Duration::ZERO);
    rig.failed();
    assert!(rig.wait_for_attempt() <= seconds(5));
}

#[test]
fn another_network_while_getting_through_begins_that_anew() {
    let mut rig = Rig::new(config(), Reconnect::default(), 1);
    rig.wait(seconds(7));
    rig.session.network_changed(rig.now);
    rig.sent();
    assert_eq!(rig.dialing, None);
    assert_eq!(rig.wait_for_attempt(), Duration::ZERO);
}

#[test]
fn somebody_who_does_not_want_to_wait_does_not_have_to() {
    let mut rig = Rig::new(config(), Reconnect::default(), 1);
    for _ in 0..8 {
        rig.failed();
        rig.wait_for_attempt();
    }
    rig.failed();
    rig.session.retry_now(rig.now);
    assert_eq!(rig.wait_for_attempt(), seconds(1));
    rig.failed();
    assert!(rig.wait_for_attempt() > seconds(5), "what failed before is not forgotten");
}

#[test]
fn xep0199_another_network_asks_a_connection_whether_it_is_still_there() {
    let mut rig = Rig::online(config(), Reconnect::default(), 1);
    rig.session.network_changed(rig.now);
    let ping = rig.sent();
    assert!(ping.contains("<ping xmlns='urn:xmpp:ping'/>"), "{ping}");
    // It is.
    rig.server(&format!("<iq type='result' id='{}' from='example.com'/>", attr(&ping, "id")));
    assert_eq!(rig.session.deadline().unwrap().reason, Reason::KeepAlive);
    // It is not.
    rig.events();
    rig.session.network_changed(rig.now);
    rig.sent();
    assert_eq!(rig.session.deadline().unwrap().reason, Reason::Idle);
    rig.wait(seconds(10));
    let error = Some(Error::Environment(Environment::Silent));
    assert!(matches!(rig.event(), Event::Offline { error: why, until: Some(_) } if why == error));
    assert!(rig.wait_for_attempt() <= seconds(5));
}
