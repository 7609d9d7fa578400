//! What a good handshake gives, and what goes over it.
use super::*;

/// A whole login as far as streams are concerned: STARTTLS, SASL with its restart, a message, the end.
fn converse(client_tls: &ClientTls, server_tls: &ServerTls, piece: usize) -> Pair {
    let mut pair = Pair::new();
    pair.piece = piece;
    let now = pair.now;
    pair.client.open(&header(Role::Initiator));
    let (mut secured, mut authenticated) = (false, false);
    let mut on_server = |server: &mut Stream, item: &Incoming| match item {
        Incoming::Header(_) => {
            server.open(&header(Role::Receiver));
            let feature = match (secured, authenticated) {
                (false, _) => Feature::StartTls { required: true },
                (true, false) => Feature::Mechanisms(vec!["EXTERNAL".into()]),
                (true, true) => Feature::Bind,
            };
            server.send(&Features { list: vec![feature] }.to_element());
        }
        Incoming::Element(element) if element.is("starttls", ns::TLS) => {
            server.send(&super::element("proceed", ns::TLS));
            server.start_tls_server(now, server_tls);
        }
        Incoming::Element(element) if element.is("auth", ns::SASL) => {
            server.send(&super::element("success", ns::SASL));
            server.restart();
            authenticated = true;
        }
        Incoming::Element(element) => server.send(element),
        Incoming::Secured(_) => secured = true,
        _ => {}
    };
    let mut on_client = |client: &mut Stream, item: &Incoming| match item {
        Incoming::Element(element) if element.is("features", ns::STREAM) => {
            match Features::parse(element.root()).list.as_slice() {
                [Feature::StartTls { .. }] => client.send(&super::element("starttls", ns::TLS)),
                [Feature::Mechanisms(_)] => client.send(&super::element("auth", ns::SASL)),
                [Feature::Bind] => {
                    let body = Element::builder("body", ns::CLIENT).text("grüezi");
                    client.send(&Element::builder("message", ns::CLIENT).child(body).build());
                }
                other => panic!("{other:?}"),
            }
        }
        Incoming::Element(element) if element.is("proceed", ns::TLS) => {
            client.start_tls_client(now, client_tls, "im.example");
        }
        Incoming::Secured(_) => client.open(&header(Role::Initiator)),
        Incoming::Element(element) if element.is("success", ns::SASL) => {
            client.restart();
            client.open(&header(Role::Initiator));
        }
        Incoming::Element(_) => client.close(now),
        _ => {}
    };
    pair.run(&mut on_client, &mut on_server);
    pair
}

#[test]
fn rfc6120_5_4_starttls_and_a_login_over_both_versions() {
    let authority = Authority::new();
    for (version, name) in [(&rustls::version::TLS12, "TLSv1.2"), (&rustls::version::TLS13, "TLSv1.3")] {
        let pair = converse(&authority.raw_client(version, true), &authority.server(), usize::MAX);
        assert_eq!(end(&pair.client_items), Closed::Clean, "{:?}", pair.log());
        assert_eq!(end(&pair.server_items), Closed::Clean);
        assert_eq!(pair.client_info().version.as_deref(), Some(name));
        assert_eq!(pair.client_info().alpn, None, "STARTTLS announces no protocol");
        let log = pair.log().join("\n");
        assert_eq!(log.matches("C header").count(), 3, "{log}");
        assert_eq!(log.matches("grüezi").count(), 2, "there and back: {log}");
    }
}

#[test]
fn the_conversation_is_the_same_however_the_bytes_are_split() {
    let authority = Authority::new();
    let (client, server) = (authority.client(), authority.server());
    let whole = converse(&client, &server, usize::MAX).log();
    for piece in (1..40).chain([63, 64, 255, 1000, 4095, 4096, 4097]) {
        assert_eq!(converse(&client, &server, piece).log(), whole, "in pieces of {piece}");
    }
}

#[test]
fn xep0368_direct_tls_announces_its_protocol() {
    let authority = Authority::new();
    let pair = Pair::direct_open(&authority.client(), &authority.server());
    assert_eq!(pair.client_info().alpn.as_deref(), Some(&b"xmpp-client"[..]));
    assert_eq!(pair.server_info().alpn.as_deref(), Some(&b"xmpp-client"[..]));
    assert_eq!(pair.server_info().server_name.as_deref(), Some("im.example"));
    assert_eq!(pair.client_info().version.as_deref(), Some("TLSv1.3"));
    assert!(pair.client_info().cipher.as_deref().is_some_and(|c| c.starts_with("TLS13_")));
    assert_eq!(pair.client_info().peer_certificates, [authority.leaf.to_vec()]);
}

#[test]
fn xep0368_a_server_to_server_stream_announces_its_own() {
    let authority = Authority::new();
    let mut pair = Pair::new();
    for (side, role) in [(&mut pair.client, Role::Initiator), (&mut pair.server, Role::Receiver)] {
        *side = Stream::new(Config { role, content_ns: ns::SERVER, limits: GENEROUS }, noon());
    }
    pair.client.start_tls_client(noon(), &authority.client(), "im.example");
    pair.server.start_tls_server(noon(), &authority.server());
    pair.settle();
    assert_eq!(pair.server_info().alpn.as_deref(), Some(&b"xmpp-server"[..]));
}

#[test]
fn rfc9266_4_and_rfc5929_4_both_sides_bind_to_the_same_data() {
    for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384] {
        let authority = Authority::signing_with(algorithm);
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let pair = Pair::direct(&authority.raw_client(version, true), &authority.server());
            let (client, server) = (&pair.client_info().bindings, &pair.server_info().bindings);
            assert_eq!(client, server);
            assert_eq!(client.tls_exporter.as_ref().map(Vec::len), Some(32));
            assert!(client.tls_exporter.as_ref().is_some_and(|data| data.iter().any(|b| *b != 0)));
            let hash = if *algorithm == rcgen::PKCS_ECDSA_P384_SHA384 { 48 } else { 32 };
            assert_eq!(client.tls_server_end_point.as_ref().map(Vec::len), Some(hash));
        }
    }
    let authority = Authority::new();
    let exporter = |pair: &Pair| pair.client_info().bindings.tls_exporter.clone();
    let one = exporter(&Pair::direct(&authority.client(), &authority.server()));
    let other = exporter(&Pair::direct(&authority.client(), &authority.server()));
    assert_ne!(one, other, "every connection has its own");
    let fingerprint = Fingerprint::of(&authority.leaf);
    let pair = Pair::direct(&authority.client(), &authority.server());
    assert_eq!(pair.server_info().bindings.tls_server_end_point.as_deref(), Some(&fingerprint.0[..]));
}

#[test]
fn rfc5929_4_1_a_signature_without_a_hash_function_binds_nothing() {
    let authority = Authority::signing_with(&rcgen::PKCS_ED25519);
    let pair = Pair::direct(&authority.client(), &authority.server());
    assert_eq!(pair.client_info().bindings.tls_server_end_point, None);
    assert!(pair.client_info().bindings.tls_exporter.is_some());
}

#[test]
fn rfc9266_4_2_tls_1_2_exports_only_with_the_extended_master_secret() {
    let authority = Authority::new();
    let (tls12, tls13) = (&rustls::version::TLS12, &rustls::version::TLS13);
    for (version, exported) in [(tls12, false), (tls13, true)] {
        let pair = Pair::direct(&authority.raw_client(version, false), &authority.raw_server(version, false));
        assert_eq!(pair.client_info().bindings.tls_exporter.is_some(), exported);
        assert_eq!(pair.server_info().bindings.tls_exporter.is_some(), exported);
    }
}

#[test]
fn stanzas_gathered_before_transmit_share_a_record() {
    let authority = Authority::new();
    let mut pair = Pair::direct_open(&authority.client(), &authority.server());
    for _ in 0..100 {
        pair.client.send(&super::element("presence", ns::CLIENT));
    }
    let plain = pair.client.queued();
    let mut out = Vec::new();
    pair.client.transmit(&mut out);
    assert_eq!(out.len(), plain + 22, "one header, one content type, one tag");
    let mut count = 0;
    deliver(&mut pair.server, noon(), &out, usize::MAX, &mut |_, item| {
        assert!(matches!(item, Incoming::Element(_)));
        count += 1;
    });
    assert_eq!(count, 100);
}

#[test]
fn megabytes_go_through_both_ways() {
    let authority = Authority::new();
    let mut pair = Pair::direct_open(&authority.client(), &authority.server());
    let body = "0123456789abcdef".repeat(20_000);
    let message = Element::builder("message", ns::CLIENT).text(&body).build();
    for _ in 0..12 {
        pair.client.send(&message);
        pair.server.send(&message);
    }
    for piece in [usize::MAX, 16_384, 1500] {
        pair.piece = piece;
        pair.client.send(&message);
        pair.server.send(&message);
        pair.settle();
    }
    for items in [&pair.client_items, &pair.server_items] {
        assert_eq!(items.len(), 15);
        for item in items {
            let Incoming::Element(element) = item else { panic!("{item:?}") };
            assert_eq!(element.text(), body);
        }
    }
    assert_eq!(pair.client.queued() + pair.server.queued(), 0);
}

#[test]
fn rfc6120_4_4_closing_under_tls_waits_for_close_notify() {
    let authority = Authority::new();
    let mut pair = Pair::direct_open(&authority.client(), &authority.server());
    pair.client.close(pair.now);
    // The server's closing tag and its close_notify come apart.
    let mut out = Vec::new();
    pair.client.transmit(&mut out);
    assert_eq!(end(&feed(&mut pair.server, noon(), &out, usize::MAX)), Closed::Clean);
    out.clear();
    pair.server.transmit(&mut out);
    let tag = out.len() - 24;
    let items = feed(&mut pair.client, noon(), &out[..tag], usize::MAX);
    assert!(matches!(items.as_slice(), [Incoming::PeerClosed]), "{items:?}");
    assert!(!pair.client.is_finished());
    assert!(pair.client.queued() > 0);
    let mut notify = Vec::new();
    assert_eq!(pair.client.transmit(&mut notify), 24, "our close_notify");
    assert_eq!(pair.client.queued(), 0);
    assert_eq!(pair.client.deadline().map(|d| d.reason), Some(Reason::Close));
    let items = feed(&mut pair.client, noon(), &out[tag..], usize::MAX);
    assert_eq!(end(&items), Closed::Clean);
    assert_eq!((pair.client.queued(), pair.client.transmit(&mut notify)), (0, 0), "once");
}

#[test]
fn rfc6120_4_4_a_close_notify_that_never_comes_is_not_waited_for_long() {
    let authority = Authority::new();
    for ends_transport in [true, false] {
        let mut pair = Pair::direct_open(&authority.client(), &authority.server());
        pair.client.close(pair.now);
        let mut out = Vec::new();
        pair.client.transmit(&mut out);
        feed(&mut pair.server, noon(), &out, usize::MAX);
        out.clear();
        pair.server.transmit(&mut out);
        feed(&mut pair.client, noon(), &out[..out.len() - 24], usize::MAX);
        if ends_transport {
            pair.client.receive_eof(noon());
        } else {
            pair.client.tick(noon().after(Duration::from_secs(5)));
        }
        assert_eq!(end(&feed(&mut pair.client, noon(), b"", 1)), Closed::Clean);
    }
}

#[test]
fn rfc6120_4_9_errors_go_out_encrypted_and_tls_is_closed_behind_them() {
    let authority = Authority::new();
    let mut pair = Pair::direct_open(&authority.client(), &authority.server());
    pair.server.fail(pair.now, Condition::SystemShutdown.into());
    pair.settle();
    assert_eq!(end(&pair.client_items), Closed::PeerError(Condition::SystemShutdown.into()));
    // Without a header yet, too.
    let mut pair = Pair::direct(&authority.client(), &authority.server());
    pair.forget();
    pair.server.fail(pair.now, Condition::PolicyViolation.into());
    pair.settle();
    assert!(matches!(pair.client_items.first(), Some(Incoming::Header(_))), "{:?}", pair.log());
    assert_eq!(end(&pair.client_items), Closed::PeerError(Condition::PolicyViolation.into()));
}

#[test]
fn failing_during_the_handshake_leaks_nothing_in_the_clear() {
    let authority = Authority::new();
    let mut server = stream(Role::Receiver);
    server.start_tls_server(noon(), &authority.server());
    server.open(&header(Role::Receiver));
    server.fail(noon(), Condition::ConnectionTimeout.into());
    assert!(matches!(end(&feed(&mut server, noon(), b"", 1)), Closed::Local(_)));
    let mut out = Vec::new();
    server.transmit(&mut out);
    assert!(!String::from_utf8_lossy(&out).contains("stream"), "{out:?}");
    assert_eq!(server.queued(), 0);
}

#[test]
fn tls_is_started_once() {
    let authority = Authority::new();
    let mut pair = Pair::direct_open(&authority.client(), &authority.server());
    pair.client.start_tls_client(noon(), &authority.client(), "im.example");
    assert!(failure(&feed(&mut pair.client, noon(), b"", 1)).contains("before"));
}
