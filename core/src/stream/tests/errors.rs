//! RFC 6120 section 4.9: stream errors, sent and received.
use super::*;

/// Feeds bytes to a stream that is open, and returns the condition that was reported and sent.
fn condition_for(bytes: &[u8]) -> Condition {
    condition_of(opened(Role::Receiver), bytes)
}

fn condition_of(mut stream: Stream, bytes: &[u8]) -> Condition {
    let items = feed(&mut stream, noon(), bytes, usize::MAX);
    let Closed::Violation { sent: error, .. } = end(&items) else { panic!("{items:?}") };
    let wire = sent(&mut stream);
    assert!(wire.contains(&format!("<{} ", error.condition().name())), "{wire}");
    assert!(wire.ends_with("</stream:error></stream:stream>"), "{wire}");
    error.condition().clone()
}

#[test]
fn rfc6120_11_xml_that_is_refused_gets_the_error_the_rfc_names() {
    for (xml, condition) in [
        (&b"<a></b>"[..], Condition::NotWellFormed),
        (b"<a b='1' b='2'/>", Condition::NotWellFormed),
        (b"<message><foo:body/></message>", Condition::NotWellFormed),
        (b"<!-- -->", Condition::RestrictedXml),
        (b"<?pi?>", Condition::RestrictedXml),
        (b"<!DOCTYPE x>", Condition::RestrictedXml),
        (b"<a>&entity;</a>", Condition::RestrictedXml),
        (b"<a>\xff</a>", Condition::UnsupportedEncoding),
        (b"<c:message xmlns:c='jabber:client'/>", Condition::BadNamespacePrefix),
        (b"hello", Condition::BadFormat),
    ] {
        assert_eq!(condition_for(xml), condition, "{}", String::from_utf8_lossy(xml));
    }
}

#[test]
fn rfc6120_4_9_3_22_a_declared_encoding_must_be_utf_8() {
    let header = PEER_HEADER.replace("?>", " encoding='UTF-16'?>");
    assert_eq!(condition_of(stream(Role::Receiver), header.as_bytes()), Condition::UnsupportedEncoding);
}

#[test]
fn rfc6120_4_9_3_14_limits_are_policy() {
    let long = format!("<a>{}</a>", "x".repeat(GENEROUS.xml.max_bytes));
    assert_eq!(condition_for(long.as_bytes()), Condition::PolicyViolation);
    let deep = "<a>".repeat(GENEROUS.xml.max_depth + 1);
    assert_eq!(condition_for(deep.as_bytes()), Condition::PolicyViolation);
}

#[test]
fn rfc6120_4_9_1_2_an_error_during_set_up_follows_a_header() {
    for (bad, condition) in [
        (PEER_HEADER.replace("http://etherx.jabber.org/streams", "urn:wrong"), Condition::InvalidNamespace),
        (PEER_HEADER.replace("'jabber:client'", "'jabber:server'"), Condition::InvalidNamespace),
        (PEER_HEADER.replace("version='1.0' ", "version='1' "), Condition::UnsupportedVersion),
        (PEER_HEADER.replace("to='im.example'", "to='@'"), Condition::HostUnknown),
        (PEER_HEADER.replace("from='im.example'", "from='@'"), Condition::ImproperAddressing),
        (PEER_HEADER.replace("stream:stream", "stream:dream"), Condition::BadFormat),
        ("GET / HTTP/1.1\r\n".into(), Condition::NotWellFormed),
    ] {
        let mut server = stream(Role::Receiver);
        let items = feed(&mut server, noon(), bad.as_bytes(), usize::MAX);
        let Closed::Violation { sent: error, .. } = end(&items) else { panic!("{bad}: {items:?}") };
        assert_eq!(error.condition(), &condition, "{bad}");
        let wire = sent(&mut server);
        let expected = "<?xml version='1.0'?><stream:stream from='' version='1.0' xml:lang='en' ";
        assert!(wire.starts_with(expected), "{wire}");
        // The answer is a stream that the other side understands.
        let mut client = stream(Role::Initiator);
        client.open(&header(Role::Initiator));
        let items = feed(&mut client, noon(), wire.as_bytes(), usize::MAX);
        let Closed::PeerError(seen) = end(&items) else { panic!("{items:?}") };
        assert_eq!(seen, error);
    }
}

#[test]
fn rfc6120_4_9_1_3_the_fallback_header_says_who_we_are() {
    let mut server = stream(Role::Receiver);
    server.set_fallback_header(header(Role::Receiver));
    feed(&mut server, noon(), b"<html>", usize::MAX);
    let wire = sent(&mut server);
    assert!(wire.contains("from='im.example' id='i1'"), "{wire}");
}

#[test]
fn rfc6120_4_9_1_1_what_follows_an_error_is_not_looked_at() {
    let mut server = opened(Role::Receiver);
    let items = feed(&mut server, noon(), b"<a></b><message/>", usize::MAX);
    assert_eq!(items.len(), 1);
    assert!(server.is_finished());
}

#[test]
fn rfc6120_4_9_1_1_an_error_of_the_peers_ends_the_stream_and_ours_is_closed() {
    let all = [
        StreamError::new(Condition::SystemShutdown),
        StreamError::new(Condition::SeeOtherHost("other.example:9222".into())),
        StreamError::new(Condition::UndefinedCondition)
            .with_text("no more")
            .with_application(element("too-many", "urn:example")),
    ];
    for error in all {
        let mut pair = Pair::open();
        pair.server.fail(pair.now, error.clone());
        assert!(pair.server.is_finished());
        pair.settle();
        assert_eq!(end(&pair.client_items), Closed::PeerError(error.clone()));
        assert_eq!(end(&pair.server_items), Closed::Local(error));
    }
    let mut client = opened(Role::Initiator);
    feed(&mut client, noon(), b"<stream:error/>", usize::MAX);
    assert_eq!(sent(&mut client), "</stream:stream>");
}

#[test]
fn rfc6120_4_9_1_2_failing_before_the_header_sends_it() {
    let mut server = stream(Role::Receiver);
    server.fail(noon(), Condition::HostUnknown.into());
    let wire = sent(&mut server);
    assert!(wire.contains("<stream:stream from=''") && wire.contains("<host-unknown"), "{wire}");
    let mut client = stream(Role::Initiator);
    client.fail(noon(), Condition::Reset.into());
    let wire = sent(&mut client);
    assert!(!wire.contains("from="), "{wire}");
}

#[test]
fn an_error_while_closing_is_reported_but_cannot_be_sent() {
    let mut client = opened(Role::Initiator);
    client.close(noon());
    let items = feed(&mut client, noon(), b"<a></b>", usize::MAX);
    assert!(matches!(end(&items), Closed::Violation { .. }));
    assert_eq!(sent(&mut client), "</stream:stream>");
}
