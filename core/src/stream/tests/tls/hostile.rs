//! Peers that do not play by the rules.
use super::*;

/// A server that has been asked for STARTTLS and has said `<proceed/>`.
fn proceeding(authority: &Authority, behind: &[u8], piece: usize) -> (Stream, Vec<Incoming>) {
    let mut server = opened(Role::Receiver);
    let tls = authority.server();
    let mut items = Vec::new();
    let mut script = b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>".to_vec();
    script.extend_from_slice(behind);
    deliver(&mut server, noon(), &script, piece, &mut |server, item| {
        items.push(item.clone());
        if let Incoming::Element(_) = item {
            server.send(&super::element("proceed", ns::TLS));
            server.start_tls_server(noon(), &tls);
        }
    });
    (server, items)
}

#[test]
fn rfc6120_5_3_3_plaintext_behind_starttls_ends_the_stream() {
    let authority = Authority::new();
    for behind in ["<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", " ", "\n<?xml version='1.0'?>", "x"] {
        for piece in [1, 51, 52, usize::MAX] {
            let (mut server, items) = proceeding(&authority, behind.as_bytes(), piece);
            assert_eq!(items.len(), 2, "what was injected is not reported: {items:?}");
            let Closed::Violation { sent: error, .. } = end(&items) else { panic!("{items:?}") };
            assert_eq!(error.condition(), &Condition::NotAuthorized);
            let wire = sent(&mut server);
            assert!(wire.starts_with("<proceed ") && wire.ends_with("</stream:stream>"), "{wire}");
            assert_eq!(wire.matches("<stream:").count(), 1, "no second header: {wire}");
        }
    }
}

#[test]
fn rfc6120_5_4_3_bytes_behind_proceed_are_tls() {
    let authority = Authority::new();
    let mut client = opened(Role::Initiator);
    let tls = authority.client();
    let mut items = Vec::new();
    let script = b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><message/>";
    deliver(&mut client, noon(), script, usize::MAX, &mut |client, item| {
        items.push(item.clone());
        if let Incoming::Element(_) = item {
            client.start_tls_client(noon(), &tls, "im.example");
        }
    });
    assert_eq!(items.len(), 2, "{items:?}");
    assert!(failure(&items).contains("im.example"));
}

#[test]
fn garbage_instead_of_tls_gets_an_alert() {
    let authority = Authority::new();
    for garbage in [PEER_HEADER.as_bytes(), b"GET / HTTP/1.1\r\n\r\n", &[0; 64], &[0x16, 3, 1, 0xff, 0xff, 0]]
    {
        let mut server = stream(Role::Receiver);
        server.start_tls_server(noon(), &authority.server());
        let items = feed(&mut server, noon(), garbage, usize::MAX);
        assert!(!failure(&items).is_empty());
        let mut out = Vec::new();
        server.transmit(&mut out);
        assert_eq!(out.first(), Some(&0x15), "an alert: {out:?}");
        assert!(server.is_finished());
    }
}

#[test]
fn truncated_tls_is_not_a_clean_end() {
    let authority = Authority::new();
    let mut pair = Pair::direct_open(&authority.client(), &authority.server());
    pair.client.send(&super::element("message", ns::CLIENT));
    let mut out = Vec::new();
    pair.client.transmit(&mut out);
    let mut items = feed(&mut pair.server, noon(), &out, usize::MAX);
    pair.server.receive_eof(noon());
    items.extend(feed(&mut pair.server, noon(), b"", 1));
    assert!(matches!(items.as_slice(), [Incoming::Element(_), Incoming::Closed(Closed::Eof)]), "{items:?}");
    // In the middle of the handshake.
    let mut server = stream(Role::Receiver);
    server.start_tls_server(noon(), &authority.server());
    let mut items = feed(&mut server, noon(), &[0x16, 3, 1], usize::MAX);
    server.receive_eof(noon());
    items.extend(feed(&mut server, noon(), b"", 1));
    assert_eq!(end(&items), Closed::Eof);
}

#[test]
fn close_notify_without_a_closing_tag_is_truncation() {
    let authority = Authority::new();
    let mut pair = Pair::direct_open(&authority.client(), &authority.server());
    pair.client.transport.finish();
    pair.settle();
    assert_eq!(end(&pair.server_items), Closed::Eof);
}

#[test]
fn a_changed_record_ends_in_an_alert() {
    let authority = Authority::new();
    let mut pair = Pair::direct_open(&authority.client(), &authority.server());
    pair.client.send(&super::element("message", ns::CLIENT));
    let mut out = Vec::new();
    pair.client.transmit(&mut out);
    *out.last_mut().expect("bytes") ^= 1;
    let items = feed(&mut pair.server, noon(), &out, usize::MAX);
    assert_eq!(items.len(), 1);
    assert!(!failure(&items).is_empty());
    pair.settle();
    assert!(failure(&pair.client_items).contains("alert BadRecordMac"), "{:?}", pair.client_items);
}

#[test]
fn a_handshake_that_never_ends_is_cut_off() {
    let authority = Authority::new();
    let mut server = stream(Role::Receiver);
    server.start_tls_server(noon(), &authority.server());
    // A ClientHello that claims 64,000 bytes, in records of 1,000.
    let mut items = Vec::new();
    let mut fed = 0;
    for n in 0..64 {
        let mut record = vec![0x16, 3, 1, 0x03, 0xe8];
        let mut fragment = vec![0; 1000];
        if n == 0 {
            fragment[..4].copy_from_slice(&[1, 0, 0xfa, 0]);
        }
        record.extend_from_slice(&fragment);
        fed += record.len();
        items.extend(feed(&mut server, noon(), &record, usize::MAX));
        if server.is_finished() {
            break;
        }
    }
    assert!(!failure(&items).is_empty());
    assert!(fed <= 26_000, "{fed}");
}

#[test]
fn xml_that_is_refused_under_tls_is_answered_under_tls() {
    let authority = Authority::new();
    let mut pair = Pair::direct_open(&authority.client(), &authority.server());
    pair.client.send_with(|out, _| out.extend_from_slice(b"<a></b>"));
    pair.settle();
    assert!(matches!(end(&pair.server_items), Closed::Violation { .. }));
    assert_eq!(
        end(&pair.client_items),
        Closed::PeerError(
            StreamError::new(Condition::NotWellFormed).with_text(
                match end(&pair.server_items) {
                    Closed::Violation { sent, .. } => sent.text().unwrap_or_default().to_owned(),
                    other => panic!("{other:?}"),
                }
                .as_str()
            )
        )
    );
}

#[test]
fn a_record_longer_than_any_stanza_is_refused_before_it_is_held() {
    let authority = Authority::new();
    let mut pair = Pair::direct_open(&authority.client(), &authority.server());
    pair.server.set_limits(noon(), Limits::UNAUTHENTICATED);
    pair.client.send_with(|out, _| out.extend_from_slice(&[b' '; 16_000]));
    let mut out = Vec::new();
    pair.client.transmit(&mut out);
    let items = feed(&mut pair.server, noon(), &out[..5], 1);
    let Closed::Violation { sent: error, .. } = end(&items) else { panic!("{items:?}") };
    assert_eq!(error.condition(), &Condition::PolicyViolation);
    pair.settle();
    assert_eq!(end(&pair.client_items), Closed::PeerError(error));
    // As long as a stanza may be is not too long; and after authentication any record will do.
    for (limits, length) in [(Limits::UNAUTHENTICATED, 10 << 10), (Limits::CLIENT, 16 << 10)] {
        let mut pair = Pair::direct_open(&authority.client(), &authority.server());
        pair.server.set_limits(noon(), limits);
        pair.client.send_with(|out, _| out.resize(length, b' '));
        pair.piece = 100;
        pair.settle();
        assert!(pair.server_items.is_empty(), "{:?}", pair.server_items);
    }
}
