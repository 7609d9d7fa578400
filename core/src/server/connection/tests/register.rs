//! In-band registration before logging in (XEP-0077).

use super::*;
use crate::stanza::Condition as C;

fn open_to_all() -> Config {
    let mut config = in_the_clear();
    config.registration = true;
    config
}

/// A stream whose features have been sent.
fn at_features(config: Config, transport: Transport) -> (Peer, String) {
    let mut peer = Peer::new(config, transport);
    let features = peer.send(&header());
    (peer, features)
}

fn registering() -> Peer {
    at_features(open_to_all(), Transport::Plain).0
}

fn set(inner: &str) -> String {
    format!("<iq type='set' id='r2'><query xmlns='jabber:iq:register'>{inner}</query></iq>")
}

fn apply(username: &str, password: &str) -> String {
    set(&format!("<username>{username}</username><password>{password}</password>"))
}

const GET: &str = "<iq type='get' id='r1' to='im.example.com'><query xmlns='jabber:iq:register'/></iq>";
const FEATURE: &str = "<register xmlns='http://jabber.org/features/iq-register'/>";

#[test]
fn xep0077_8_the_feature_is_offered_where_it_works() {
    assert!(at_features(open_to_all(), Transport::Plain).1.contains(FEATURE));
    assert!(!at_features(in_the_clear(), Transport::Plain).1.contains("iq-register"));
    let mut strict = open_to_all();
    strict.sasl.require_tls = true;
    assert!(at_features(strict.clone(), secured()).1.contains(FEATURE));
    // Where TLS is required and not there yet, it works as little as it is offered: passwords do not travel in the clear.
    strict.start_tls_outside = true;
    let (mut peer, features) = at_features(strict, Transport::Plain);
    assert!(!features.contains("iq-register"));
    assert!(peer.send(&apply("bill", "Calliope")).contains("<not-authorized"));
    assert!(peer.event().is_none_or(|event| matches!(event, Event::Closed(_))));
}

#[test]
fn xep0077_3_1_off_by_default() {
    let (mut peer, _) = at_features(in_the_clear(), Transport::Plain);
    assert!(peer.send(GET).contains("<not-authorized"));
}

#[test]
fn xep0077_3_1_what_is_to_be_filled_in() {
    let answer = registering().send(GET);
    assert!(answer.starts_with("<iq type='result' id='r1' from='im.example.com'><query"), "{answer}");
    assert!(answer.contains("<instructions>") && answer.contains("<username/><password/>"), "{answer}");
}

#[test]
fn xep0077_3_1_an_account_is_asked_for_and_then_logged_in_to() {
    let mut peer = registering();
    assert_eq!(peer.send(&apply("Juliet", "Calliope")), "");
    assert_eq!(peer.connection.read_budget(), 0);
    let Some(Event::Register { account, password }) = peer.event() else { panic!() };
    assert_eq!((account.as_str(), password.as_str()), ("juliet@im.example.com", "Calliope"));
    peer.connection.registered(peer.now, Ok(()));
    assert_eq!(peer.drain(), "<iq type='result' id='r2'/>");
    let answer = peer.send(&[plain("juliet", PASSWORD), header(), bind("balcony")].concat());
    assert!(answer.contains("<jid>juliet@im.example.com/balcony</jid>"), "{answer}");
}

#[test]
fn xep0077_3_1_what_comes_ahead_of_the_answer_waits() {
    let mut peer = registering();
    assert_eq!(peer.send(&(apply("juliet", "x") + &plain("juliet", PASSWORD))), "");
    peer.connection.registered(peer.now, Ok(()));
    let answer = peer.drain();
    assert!(answer.starts_with("<iq type='result' id='r2'/><success"), "{answer}");
}

#[test]
fn xep0077_3_1_the_owner_refuses_and_another_name_may_be_tried() {
    let mut peer = registering();
    peer.send(&apply("juliet", "x"));
    peer.connection.registered(peer.now, Err(C::Conflict.into()));
    let answer = peer.drain();
    assert!(answer.starts_with("<iq type='error' id='r2'><error type='cancel'><conflict"), "{answer}");
    assert!(!answer.contains("password"), "what was sent does not come back");
    peer.events.clear();
    assert_eq!(peer.send(&apply("bill", "x")), "");
    assert!(matches!(peer.event(), Some(Event::Register { .. })));
}

#[test]
fn xep0077_3_1_requests_that_are_refused() {
    for (request, condition) in [
        (set(""), "not-acceptable"),
        (set("<username>bill</username>"), "not-acceptable"),
        (apply("bill", ""), "not-acceptable"),
        (apply("", "x"), "not-acceptable"),
        (apply("a@b", "x"), "not-acceptable"),
        (apply(&"x".repeat(1024), "x"), "not-acceptable"),
        (set("<shoe-size>44</shoe-size>"), "bad-request"),
        (set("<remove/><username>bill</username>"), "bad-request"),
        (set("<remove/>"), "unexpected-request"),
        (apply("bill", "x").replace("<iq ", "<iq to='other.example' "), "service-unavailable"),
        (apply("bill", "x").replace("<iq ", "<iq to='bill@im.example.com' "), "service-unavailable"),
        (apply("bill", "x").replace("id='r2'", ""), "bad-request"),
        (apply("bill", "x").replace("</query>", "</query><x xmlns='urn:x'/>"), "bad-request"),
    ] {
        let mut peer = registering();
        let answer = peer.send(&request);
        assert!(answer.contains(&format!("<{condition} ")), "{request}: {answer}");
        assert!(peer.event().is_none());
    }
}

#[test]
fn xep0077_one_connection_makes_one_account() {
    let mut peer = registering();
    peer.send(&apply("bill", "x"));
    peer.connection.registered(peer.now, Ok(()));
    peer.drain();
    peer.events.clear();
    assert!(peer.send(&apply("ben", "x")).contains("<not-allowed "));
    assert!(peer.event().is_none());
}

#[test]
fn xep0077_refused_registrations_are_counted() {
    let mut peer = registering();
    for _ in 0..4 {
        assert!(!peer.send(&set("")).contains("stream:error"));
    }
    assert!(peer.send(&set("")).contains("<policy-violation"));
}

#[test]
fn xep0077_not_during_sasl_and_not_after_logging_in() {
    let mut peer = registering();
    peer.send(&auth("SCRAM-SHA-1", &BASE64.encode("n,,n=juliet,r=abc")));
    assert!(peer.send(&apply("bill", "x")).contains("<not-authorized"));
    let mut peer = Peer::new(open_to_all(), Transport::Plain);
    peer.send(&[header(), plain("juliet", PASSWORD), header()].concat());
    assert!(peer.send(&apply("bill", "x")).contains("<not-authorized"));
}

#[test]
fn rfc6120_4_3_an_owner_that_does_not_answer_is_not_the_clients_fault() {
    let mut peer = registering();
    peer.send(&apply("bill", "x"));
    assert!(peer.wait(Duration::from_secs(31)).contains("<internal-server-error"));
}
