//! Headers, restarts, and items that do not depend on how the bytes were split.
use super::*;

#[test]
fn rfc6120_4_2_headers_are_exchanged() {
    let mut pair = Pair::new();
    pair.client.open(&header(Role::Initiator));
    pair.run(&mut |_, _| {}, &mut |server, item| {
        if let Incoming::Header(seen) = item {
            assert_eq!(seen, &header(Role::Initiator));
            server.open(&header(Role::Receiver));
        }
    });
    let [Incoming::Header(seen)] = pair.client_items.as_slice() else { panic!("{:?}", pair.client_items) };
    assert_eq!(seen, &header(Role::Receiver));
}

#[test]
fn rfc6120_4_2_nothing_is_sent_before_the_header() {
    let mut client = stream(Role::Initiator);
    client.send(&element("message", ns::CLIENT));
    client.send_whitespace();
    assert_eq!(sent(&mut client), "");
    assert!(!client.can_send());
    client.open(&header(Role::Initiator));
    client.open(&header(Role::Initiator));
    assert!(client.can_send());
    assert_eq!(sent(&mut client).matches("<stream:stream").count(), 1);
}

#[test]
fn rfc6120_4_3_3_a_restart_takes_effect_before_the_next_byte() {
    let mut pair = Pair::open();
    // Success and the new header's answer may come in one piece.
    let mut restarts = 0;
    pair.client.send(&element("auth", ns::SASL));
    pair.run(
        &mut |client, item| {
            if let Incoming::Element(element) = item {
                assert!(element.is("success", ns::SASL));
                client.restart();
                assert!(!client.can_send());
                client.open(&header(Role::Initiator));
            }
        },
        &mut |server, item| match item {
            Incoming::Element(_) => {
                server.send(&element("success", ns::SASL));
                server.restart();
                // Eager, as no real server is; all the harder for the client.
                server.open(&header(Role::Receiver));
            }
            Incoming::Header(_) => restarts += 1,
            other => panic!("{other:?}"),
        },
    );
    assert_eq!(restarts, 1);
    assert!(matches!(pair.client_items.as_slice(), [Incoming::Element(_), Incoming::Header(_)]));
}

#[test]
fn rfc6120_4_3_3_without_a_restart_a_second_header_is_an_error() {
    let mut server = opened(Role::Receiver);
    let items = feed(&mut server, noon(), PEER_HEADER.as_bytes(), usize::MAX);
    assert!(matches!(end(&items), Closed::Violation { .. }));
}

#[test]
fn rfc6120_4_6_1_white_space_between_elements_is_nothing_to_report() {
    let mut pair = Pair::open();
    pair.client.send_whitespace();
    pair.now = pair.now.after(Duration::from_secs(60));
    pair.settle();
    assert!(pair.server_items.is_empty());
    assert_eq!(pair.server.last_received(), pair.now.instant);
}

#[test]
fn rfc6120_4_7_4_the_headers_language_is_inherited() {
    let mut server = stream(Role::Receiver);
    let xml = "<stream:stream to='im.example' version='1.0' xml:lang='de' xmlns='jabber:client' \
               xmlns:stream='http://etherx.jabber.org/streams'><message/>";
    let items = feed(&mut server, noon(), xml.as_bytes(), usize::MAX);
    let [Incoming::Header(_), Incoming::Element(message)] = items.as_slice() else { panic!("{items:?}") };
    assert_eq!(message.lang(), Some("de"));
    server.open(&header(Role::Receiver));
    assert_eq!(server.scope().lang, Some("en"));
}

#[test]
fn everything_is_the_same_wherever_the_bytes_are_split() {
    let body = "ünï & <b> ☃ ".repeat(5);
    let message =
        Element::builder("message", ns::CLIENT).child(Element::builder("body", ns::CLIENT).text(&body));
    let error = StreamError::new(Condition::Reset).with_text("later").to_element();
    let mut script = PEER_HEADER.to_owned();
    let inner = |element: Element| element.to_xml();
    script.push_str(&inner(message.build()));
    script.push_str("  <presence/>\n<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>");
    for tail in ["</stream:stream>", &inner(error), "<bad", "<a></b>", "<!-- -->", "x"] {
        let script = format!("{script}{tail}");
        let run = |pieces: &[&[u8]]| {
            let mut server = stream(Role::Receiver);
            server.open(&header(Role::Receiver));
            let mut items = Vec::new();
            for piece in pieces {
                items.extend(feed(&mut server, noon(), piece, usize::MAX));
            }
            server.receive_eof(noon());
            items.extend(feed(&mut server, noon(), b"", 1));
            (items.iter().map(brief).collect::<Vec<_>>(), sent(&mut server))
        };
        let bytes = script.as_bytes();
        let whole = run(&[bytes]);
        assert_eq!(run(&bytes.chunks(1).collect::<Vec<_>>()), whole, "one at a time");
        for at in 0..=bytes.len() {
            let (a, b) = bytes.split_at(at);
            assert_eq!(run(&[a, b]), whole, "split at {at} of {script}");
        }
    }
}

#[test]
fn rfc6120_4_8_3_stanzas_of_another_kind_of_stream_are_refused() {
    let mut server = opened(Role::Receiver);
    let items = feed(&mut server, noon(), b"<message xmlns='jabber:server'/>", usize::MAX);
    let Closed::Violation { sent, .. } = end(&items) else { panic!("{items:?}") };
    assert_eq!(sent.condition(), &Condition::InvalidNamespace);
    let mut server = opened(Role::Receiver);
    let items = feed(&mut server, noon(), b"<r xmlns='urn:xmpp:sm:3'/>", usize::MAX);
    assert!(matches!(items.as_slice(), [Incoming::Element(_)]), "other namespaces are the roles' business");
}

#[test]
fn tls_done_by_the_caller_is_known() {
    let mut server = stream(Role::Receiver);
    assert_eq!(server.tls(), None);
    let info = TlsInfo { version: Some("TLSv1.3".into()), ..TlsInfo::default() };
    server.secured_outside(info.clone());
    assert_eq!(server.tls(), Some(&info));
}
