//! Stanzas of a bound session (RFC 6120 section 8), in and out.

use super::*;
use crate::jid::Jid;
use crate::stanza::Message;

fn session() -> Peer {
    Peer::logged_in(in_the_clear())
}

#[test]
fn rfc6120_8_1_2_1_from_is_stamped() {
    for from in [
        "",
        "from='juliet@im.example.com/balcony'",
        "from='juliet@im.example.com'",
        "from='Juliet@IM.example.com'",
    ] {
        let mut peer = session();
        assert_eq!(
            peer.send(&format!("<message to='romeo@example.net' {from}><body>hi</body></message>")),
            ""
        );
        let stanzas = peer.stanzas();
        let [stanza] = stanzas.as_slice() else { panic!("{stanzas:?}") };
        assert_eq!(stanza.from().map(Jid::as_str), Some("juliet@im.example.com/balcony"));
        assert_eq!(stanza.to().map(Jid::as_str), Some("romeo@example.net"));
    }
}

#[test]
fn rfc6120_4_9_3_9_from_somebody_else_ends_the_stream() {
    for from in [
        "romeo@im.example.com",
        "juliet@im.example.com/orchard",
        "im.example.com",
        "juliet@example.net",
        "",
        "@",
        "a@b@c",
    ] {
        for stanza in ["message", "presence", "iq"] {
            let mut peer = session();
            assert_stream_error(&peer.send(&format!("<{stanza} from='{from}'/>")), "invalid-from");
            assert!(peer.stanzas().is_empty());
        }
    }
}

#[test]
fn rfc6120_8_3_3_8_a_malformed_to_is_reported_to_the_sender() {
    let mut peer = session();
    for (stanza, start) in [
        ("<message id='m1' to='@'><body>hi</body></message>", "<message type='error' id='m1'"),
        ("<presence to='a@b@c'/>", "<presence type='error'"),
        ("<iq type='get' id='i1' to=''><q xmlns='urn:q'/></iq>", "<iq type='error' id='i1'"),
    ] {
        let answer = peer.send(stanza);
        assert!(answer.starts_with(start), "{answer}");
        assert!(answer.contains("<jid-malformed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"), "{answer}");
        assert!(answer.contains("to='juliet@im.example.com/balcony'"), "{answer}");
        assert!(answer.contains("from='im.example.com'"), "RFC 6120 section 8.1.2.1 rule 2: {answer}");
    }
    assert!(peer.stanzas().is_empty());
}

#[test]
fn rfc6120_8_2_3_malformed_iqs_are_reported_to_the_sender() {
    let mut peer = session();
    for (stanza, id) in [
        ("<iq type='get'><q xmlns='urn:q'/></iq>", ""),
        ("<iq id='1'><q xmlns='urn:q'/></iq>", "1"),
        ("<iq type='subscribe' id='2'><q xmlns='urn:q'/></iq>", "2"),
        ("<iq type='get' id='3'/>", "3"),
        ("<iq type='set' id='4'><q xmlns='urn:q'/><q xmlns='urn:q'/></iq>", "4"),
    ] {
        let answer = peer.send(stanza);
        assert!(answer.starts_with(&format!("<iq type='error' id='{id}'")), "{answer}");
        assert!(answer.contains("<bad-request "), "{answer}");
    }
    assert!(peer.stanzas().is_empty());
}

#[test]
fn rfc6120_8_3_1_errors_and_results_are_never_answered() {
    let mut peer = session();
    for stanza in [
        "<message type='error' to='@'/>",
        "<presence type='error' to='@'/>",
        "<iq type='error' id='1' to='@'/>",
        "<iq type='result' id='1' to='@'/>",
        "<iq type='result'/>",
        "<iq type='result' id='1'><q xmlns='urn:q'/><q xmlns='urn:q'/></iq>",
        "<iq type='error'/>",
    ] {
        assert_eq!(peer.send(stanza), "", "{stanza}");
    }
    assert!(peer.stanzas().is_empty());
}

#[test]
fn rfc6120_4_9_3_24_what_is_no_stanza_ends_the_stream() {
    for element in ["<foo/>", "<r xmlns='urn:xmpp:sm:3'/>", "<message xmlns='urn:x'/>"] {
        assert_stream_error(&session().send(element), "unsupported-stanza-type");
    }
    let other_kind = "<message xmlns='jabber:server' to='a@b'/>";
    assert_stream_error(&session().send(other_kind), "invalid-namespace");
}

#[test]
fn rfc6120_8_1_1_1_an_unanswered_stanza_goes_to_the_owner_as_it_is() {
    let mut peer = session();
    let sent = [
        "<presence/>",
        "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>",
        "<iq type='set' id='2' to='romeo@example.net/orchard'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
        "<iq type='result' id='server-ping-1'/>",
        "<message type='chat' to='romeo@example.net'><body>&lt;&#x2603;</body></message>",
    ];
    assert_eq!(peer.send(&sent.concat()), "");
    assert_eq!(peer.stanzas().len(), sent.len());
}

#[test]
fn deliveries_reach_the_client_as_they_are() {
    let mut peer = session();
    let mut message = Stanza::Message(Message::chat(Jid::new("juliet@im.example.com").unwrap(), "hi"));
    message.set_from(Some(Jid::new("romeo@example.net/orchard").unwrap()));
    peer.connection.deliver(peer.now, &message);
    let answer = peer.drain();
    assert!(answer.starts_with("<message ") && answer.contains("<body>hi</body>"), "{answer}");
    assert!(answer.contains("from='romeo@example.net/orchard'"), "{answer}");
    assert!(answer.contains("to='juliet@im.example.com'"), "{answer}");
    assert!(!answer.contains("xmlns"), "the stream has declared it: {answer}");

    let mut unbound = Peer::in_the_clear();
    unbound.send(&header());
    unbound.connection.deliver(unbound.now, &message);
    assert_eq!(unbound.drain(), "");
}

#[test]
fn rfc6120_4_9_3_17_a_client_that_does_not_read_is_closed() {
    let mut config = in_the_clear();
    config.authenticated.max_queued = 10_000;
    let mut peer = Peer::logged_in(config);
    let message =
        Stanza::Message(Message::chat(Jid::new("juliet@im.example.com").unwrap(), &"x".repeat(1000)));
    for _ in 0..50 {
        peer.connection.deliver(peer.now, &message);
    }
    let mut out = Vec::new();
    while peer.connection.transmit(&mut out) > 0 {}
    assert!(out.len() < 12_000, "{}", out.len());
    peer.drain();
    match peer.closed() {
        Closed::Local(error) => assert_eq!(*error.condition(), Condition::ResourceConstraint),
        other => panic!("{other:?}"),
    }
}

#[test]
fn rfc6120_4_9_3_3_the_owner_can_close() {
    let mut peer = session();
    peer.connection.close(peer.now, StreamError::new(Condition::Conflict));
    assert_stream_error(&peer.drain(), "conflict");
    assert!(matches!(peer.closed(), Closed::Local(error) if *error.condition() == Condition::Conflict));
    assert_eq!(peer.send("<message to='a@b'/>"), "");
    assert!(peer.stanzas().is_empty());
}
