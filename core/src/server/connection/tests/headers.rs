//! Stream headers and features (RFC 6120 sections 4.3, 4.7, 5.4).

use super::*;

#[test]
fn rfc6120_4_9_3_6_an_unknown_host_is_refused_by_a_known_one() {
    for to in ["example.net", "juliet@im.example.com", "im.example.com/balcony", "a@b@c"] {
        let mut peer = Peer::in_the_clear();
        let answer = peer.send(&open(&format!("to='{to}' version='1.0'")));
        assert!(answer.contains("from='im.example.com'"), "RFC 6120 section 4.9.1.3: {answer}");
        assert_stream_error(&answer, "host-unknown");
        assert!(matches!(peer.closed(), Closed::Violation { .. }));
    }
}

#[test]
fn rfc6120_4_7_2_no_host_means_the_only_one() {
    let answer = Peer::in_the_clear().send(&open("version='1.0'"));
    assert!(answer.contains("from='im.example.com'") && answer.contains("<stream:features>"), "{answer}");

    let mut config = in_the_clear();
    config.domains.push(domain("capulet.example"));
    let answer = Peer::new(config, Transport::Plain).send(&open("version='1.0'"));
    assert_stream_error(&answer, "host-unknown");
}

#[test]
fn rfc6120_4_7_2_the_header_chooses_among_virtual_hosts() {
    let mut config = in_the_clear();
    config.domains.push(domain("capulet.example"));
    let mut peer = Peer::new(config, Transport::Plain);
    let answer = peer.send(&open("to='CAPULET.example' version='1.0'"));
    assert!(answer.contains("from='capulet.example'"), "{answer}");
    peer.send(&plain("juliet", PASSWORD));
    assert!(
        matches!(peer.event(), Some(Event::Lookup { account }) if account.as_str() == "juliet@capulet.example")
    );
}

#[test]
fn rfc6120_4_7_1_and_2_addresses_of_the_answer() {
    let answer = Peer::in_the_clear().send(&header());
    assert!(!answer.contains(" to="), "no from, no to: {answer}");
    let answer = Peer::in_the_clear()
        .send(&open("from='juliet@im.example.com/balcony' to='im.example.com' version='1.0'"));
    assert!(answer.contains("to='juliet@im.example.com'"), "the bare address: {answer}");
}

#[test]
fn rfc6120_4_7_3_every_stream_has_an_id_of_its_own() {
    let mut peer = Peer::in_the_clear();
    let id = |answer: &str| {
        answer.split(" id='").nth(1).and_then(|rest| rest.split('\'').next()).map(str::to_owned)
    };
    let first = id(&peer.send(&header())).expect("an id");
    peer.send(&plain("juliet", PASSWORD));
    let second = id(&peer.send(&header())).expect("an id");
    assert_ne!(first, second);
    assert!(first.len() >= 22, "128 bits: {first}");
}

#[test]
fn rfc6120_4_7_4_the_language_of_the_answer_is_ours() {
    for (theirs, ours) in [("", "en"), ("xml:lang='de'", "en"), ("xml:lang='EN'", "EN")] {
        let answer = Peer::in_the_clear().send(&open(&format!("to='im.example.com' version='1.0' {theirs}")));
        assert!(answer.contains(&format!("xml:lang='{ours}'")), "{theirs}: {answer}");
    }
}

#[test]
fn rfc6120_4_7_5_versions() {
    for version in ["1.0", "1.5", "2.0", "01.00"] {
        let answer = Peer::in_the_clear().send(&open(&format!("to='im.example.com' version='{version}'")));
        assert!(answer.contains("version='1.0'") && answer.contains("<stream:features>"), "{answer}");
    }
    let answer = Peer::in_the_clear().send(&open("to='im.example.com'"));
    assert_stream_error(&answer, "unsupported-version");
    assert!(!answer.replace("<?xml version=", "").contains("version='"), "{answer}");
    for version in ["0.9", "0.0", "x", ""] {
        let answer = Peer::in_the_clear().send(&open(&format!("to='im.example.com' version='{version}'")));
        assert_stream_error(&answer, "unsupported-version");
    }
}

#[test]
fn rfc6120_4_9_1_2_errors_before_the_header_come_with_a_header_of_ours() {
    for (input, condition) in [
        ("GET / HTTP/1.1\r\n\r\n", "not-well-formed"),
        ("<!DOCTYPE html>", "restricted-xml"),
        (
            "<stream:stream xmlns='jabber:client' xmlns:stream='urn:wrong' to='im.example.com' version='1.0'>",
            "invalid-namespace",
        ),
    ] {
        let mut peer = Peer::in_the_clear();
        let answer = peer.send(input);
        assert!(answer.contains("<stream:stream ") && answer.contains(" id='"), "{answer}");
        assert!(answer.contains(" from='im.example.com'"), "RFC 6120 section 4.7.1: {answer}");
        assert_stream_error(&answer, condition);
        assert!(matches!(peer.closed(), Closed::Violation { .. }));
    }
}

#[test]
fn rfc6120_5_3_1_without_a_certificate_nothing_that_needs_tls_is_pretended() {
    let mut config = in_the_clear();
    config.sasl.require_tls = true;
    let mut peer = Peer::new(config.clone(), Transport::Plain);
    assert_stream_error(&peer.send(&header()), "internal-server-error");
    assert!(matches!(peer.closed(), Closed::Local(_)));

    let mut peer = Peer::new(config, Transport::DirectTls);
    assert!(matches!(peer.closed(), Closed::Local(_)));
    assert!(peer.connection.is_finished());
}

#[test]
fn rfc6120_5_4_2_2_starttls_that_was_not_offered_fails() {
    let starttls = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
    let failure = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>";
    let mut peer = Peer::in_the_clear();
    peer.send(&header());
    assert_eq!(peer.send(starttls), failure);
    assert_eq!(peer.send(&plain("juliet", PASSWORD)), "", "nothing is looked at any more");
    assert!(peer.event().is_none());
    peer.wait(Duration::from_secs(60));
    peer.closed();

    let mut peer = Peer::logged_in(in_the_clear());
    assert_eq!(peer.send(starttls), failure);
}

#[test]
fn rfc6120_6_4_6_after_success_the_stream_is_for_the_same_host_and_account() {
    let mut config = in_the_clear();
    config.domains.push(domain("capulet.example"));
    let logged_in = [header(), plain("juliet", PASSWORD)].concat();
    for (attrs, condition) in [
        ("to='capulet.example' version='1.0'", "not-authorized"),
        ("to='im.example.com' from='romeo@im.example.com' version='1.0'", "invalid-from"),
    ] {
        let mut peer = Peer::new(config.clone(), Transport::Plain);
        peer.send(&logged_in);
        assert_stream_error(&peer.send(&open(attrs)), condition);
    }
}

#[test]
fn xep0440_channel_binding_types_are_announced_with_plus_mechanisms() {
    let answer = Peer::new(in_the_clear(), secured()).send(&header());
    assert!(answer.contains("<mechanism>SCRAM-SHA-256-PLUS</mechanism>"), "{answer}");
    assert!(answer.contains("<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'>"), "{answer}");
    assert!(answer.contains("<channel-binding type='tls-exporter'/>"), "{answer}");
    assert!(answer.contains("<channel-binding type='tls-server-end-point'/>"), "{answer}");
    let answer = Peer::in_the_clear().send(&header());
    assert!(!answer.contains("sasl-channel-binding"), "{answer}");
}

#[test]
fn rfc6120_4_7_2_the_host_may_have_been_named_to_tls() {
    let mut config = in_the_clear();
    config.domains.push(domain("capulet.example"));
    for (name, expected) in [("capulet.example", "<stream:features>"), ("other.example", "<host-unknown ")] {
        let info = TlsInfo { server_name: Some(name.into()), ..TlsInfo::default() };
        let mut peer = Peer::new(config.clone(), Transport::Secured(info.clone()));
        let answer = peer.send(&open("version='1.0'"));
        assert!(answer.contains(expected), "{name}: {answer}");
        let mut peer = Peer::new(in_the_clear(), Transport::Secured(info));
        assert!(peer.send(&open("version='1.0'")).contains("from='im.example.com'"));
    }
}

#[test]
fn rfc6120_5_4_starttls_with_tls_done_outside() {
    let starttls = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
    let mut config = in_the_clear();
    config.sasl = Default::default();
    config.start_tls_outside = true;
    let mut peer = Peer::new(config.clone(), Transport::Plain);
    let answer = peer.send(&header());
    assert!(
        answer.contains("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>"),
        "{answer}"
    );
    assert!(!answer.contains("mechanism"), "RFC 6120 section 5.3.1: {answer}");
    assert_eq!(peer.send(starttls), "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    assert!(matches!(peer.event(), Some(Event::StartTls)));
    peer.connection.secured(peer.now, TlsInfo::default());
    let answer = peer.send(&header());
    assert!(
        answer.contains("<stream:stream ") && answer.contains("<mechanism>PLAIN</mechanism>"),
        "{answer}"
    );
    assert!(!answer.contains("starttls"), "{answer}");
    assert!(peer.send(&plain("juliet", PASSWORD)).starts_with("<success"));

    let mut peer = Peer::new(config, Transport::Plain);
    peer.send(&[header(), starttls.into(), header(), plain("juliet", PASSWORD)].concat());
    peer.connection.secured(peer.now, TlsInfo::default());
    assert_stream_error(&peer.drain(), "not-authorized");
    assert!(
        !peer.events.iter().any(|event| matches!(event, Event::Lookup { .. })),
        "nothing was smuggled in"
    );
}

#[test]
fn rfc6120_4_9_3_10_the_content_is_that_of_a_client() {
    let server = header().replace("jabber:client", "jabber:server");
    let answer = Peer::in_the_clear().send(&[server, "<presence/>".into()].concat());
    assert_stream_error(&answer, "invalid-namespace");
}
