//! Resource binding (RFC 6120 section 7).

use super::*;
use crate::stanza;

const BIND: &str = "<iq type='set' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";

/// Authenticated, and offered to bind.
fn authenticated() -> Peer {
    let mut peer = Peer::in_the_clear();
    let answer = peer.send(&[header(), plain("juliet", PASSWORD), header()].concat());
    assert!(answer.contains("<bind"), "{answer}");
    peer.events.clear();
    peer
}

fn error_of(answer: &str) -> &str {
    let start = answer.find("<error").expect("an error");
    answer[start..].split("xmlns").next().unwrap().rsplit('<').next().unwrap().trim()
}

#[test]
fn rfc6120_7_6_the_server_makes_up_a_resource_if_the_client_wants_none() {
    for request in [BIND.to_owned(), bind("")] {
        let mut peer = authenticated();
        assert!(peer.send(&request).contains("<jid>juliet@im.example.com/made-up</jid>"));
        let Some(Event::Bind { request, .. }) = peer.event() else { panic!("no bind") };
        assert_eq!(request, BindRequest::default());
    }
}

#[test]
fn rfc6120_7_7_2_1_a_resource_that_is_none_is_refused_and_another_may_be_tried() {
    let mut peer = authenticated();
    for bad in ["a&#7;b".to_owned(), "x".repeat(1024)].map(|bad| bind(&bad)).iter().skip(1) {
        let answer = peer.send(bad);
        assert!(answer.starts_with("<iq type='error' id='b1'"), "{answer}");
        assert_eq!(error_of(&answer), "bad-request");
    }
    assert!(peer.event().is_none());
    assert!(peer.send(&bind("balcony")).contains("/balcony</jid>"));
}

#[test]
fn rfc6120_7_7_2_2_the_owner_may_refuse_and_another_may_be_tried() {
    let mut peer = authenticated();
    peer.answers = Answers::Never;
    assert_eq!(peer.send(&bind("balcony")), "");
    peer.connection.bind_refused(peer.now, StanzaError::new(stanza::Condition::Conflict));
    let answer = peer.drain();
    assert!(answer.starts_with("<iq type='error' id='b1'"), "{answer}");
    assert_eq!(error_of(&answer), "conflict");
    peer.answers = Answers::AtOnce;
    assert!(peer.send(&bind("orchard")).contains("/orchard</jid>"));
}

#[test]
fn rfc6120_7_7_3_retries_are_limited() {
    let mut peer = authenticated();
    let bad = bind(&"x".repeat(1024));
    let mut answer = String::new();
    for _ in 0..10 {
        answer = peer.send(&bad);
    }
    assert_stream_error(&answer, "policy-violation");
    assert!(matches!(peer.closed(), Closed::Violation { .. }));
}

#[test]
fn rfc6120_7_1_no_stanza_before_a_resource_is_bound() {
    for early in [
        "<message to='romeo@example.net'/>",
        "<presence/>",
        "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>",
        "<r xmlns='urn:xmpp:sm:3'/>",
    ] {
        let mut peer = authenticated();
        assert_stream_error(&peer.send(early), "not-authorized");
        assert!(!peer.events.iter().any(|event| matches!(event, Event::Stanza(_))));
    }
}

#[test]
fn rfc6120_8_2_3_a_malformed_request_is_answered() {
    let mut peer = authenticated();
    let answer = peer.send(&BIND.replace("'set'", "'get'"));
    assert_eq!((&answer[..24], error_of(&answer)), ("<iq type='error' id='b1'", "bad-request"));
    let answer = peer.send(&BIND.replace(" id='b1'", ""));
    assert_eq!((&answer[..22], error_of(&answer)), ("<iq type='error' id=''", "bad-request"));
    assert_eq!(peer.send(&BIND.replace("'set'", "'result'")), "", "no answer to an answer");
    assert!(peer.event().is_none());
    let answer = peer.send(&BIND.replace("<iq", "<iq from='romeo@im.example.com'"));
    assert_stream_error(&answer, "invalid-from");
}

#[test]
fn rfc6120_7_6_2_2_a_second_resource_is_not_allowed() {
    let mut peer = Peer::logged_in(in_the_clear());
    let answer = peer.send(&bind("orchard"));
    assert!(answer.starts_with("<iq type='error' id='b1'"), "{answer}");
    assert_eq!(error_of(&answer), "not-allowed");
    assert!(peer.event().is_none());
    assert_eq!(peer.connection.session_facts().jid.and_then(|jid| jid.resource()), Some("balcony"));
}

#[test]
fn rfc3921_3_a_legacy_session_is_answered() {
    let mut peer = Peer::logged_in(in_the_clear());
    for to in ["", "to='im.example.com'"] {
        let answer = peer.send(&format!(
            "<iq type='set' id='s1' {to}><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>"
        ));
        assert!(answer.starts_with("<iq type='result' id='s1'"), "{answer}");
    }
    assert!(peer.event().is_none());
}

#[test]
fn answers_that_nobody_waits_for_are_ignored() {
    let mut peer = Peer::in_the_clear();
    peer.send(&header());
    let jid = FullJid::new("juliet@im.example.com/balcony").unwrap();
    peer.connection.bound(peer.now, jid.clone(), Granted::default());
    peer.connection.bind_refused(peer.now, StanzaError::new(stanza::Condition::Conflict));
    peer.connection.credentials(peer.now, Ok(Some(stored())));
    peer.connection.verdict(peer.now, Ok("juliet".into()));
    assert_eq!(peer.drain(), "");
    peer.connection.close(peer.now, StreamError::new(Condition::SystemShutdown));
    assert_stream_error(&peer.drain(), "system-shutdown");
    peer.connection.bound(peer.now, jid, Granted::default());
    peer.connection.credentials(peer.now, Ok(None));
    assert_eq!(peer.drain(), "");
}
