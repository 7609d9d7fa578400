//! RFC 6120 section 4.4: the closing handshake, and endings without one.
use super::*;

#[test]
fn rfc6120_4_4_we_close_and_the_peer_answers() {
    let mut pair = Pair::open();
    pair.client.close(pair.now);
    assert!(!pair.client.can_send());
    assert_eq!(pair.client.deadline().map(|d| d.reason), Some(Reason::Close));
    pair.settle();
    for items in [&pair.client_items, &pair.server_items] {
        assert!(
            matches!(items.as_slice(), [Incoming::PeerClosed, Incoming::Closed(Closed::Clean)]),
            "{items:?}"
        );
    }
    assert!(pair.client.is_finished() && pair.server.is_finished());
    assert_eq!(pair.client.deadline(), None);
}

#[test]
fn rfc6120_4_4_both_close_at_once() {
    let mut pair = Pair::open();
    pair.client.close(pair.now);
    pair.server.close(pair.now);
    pair.settle();
    assert_eq!(end(&pair.client_items), Closed::Clean);
    assert_eq!(end(&pair.server_items), Closed::Clean);
}

#[test]
fn rfc6120_4_4_what_comes_before_the_peers_closing_tag_is_still_delivered() {
    let mut client = opened(Role::Initiator);
    client.close(noon());
    client.send(&element("message", ns::CLIENT));
    assert_eq!(sent(&mut client), "</stream:stream>");
    let items = feed(&mut client, noon(), b"<message/><presence/></stream:stream>", usize::MAX);
    assert!(
        matches!(
            items.as_slice(),
            [
                Incoming::Element(_),
                Incoming::Element(_),
                Incoming::PeerClosed,
                Incoming::Closed(Closed::Clean)
            ]
        ),
        "{items:?}"
    );
    assert_eq!(sent(&mut client), "");
}

#[test]
fn rfc6120_4_4_a_peer_that_does_not_answer_is_given_up() {
    let mut client = opened(Role::Initiator);
    client.close(noon());
    let deadline = client.deadline().expect("a time-out");
    assert_eq!(deadline.at, noon().instant + GENEROUS.close_timeout);
    client.tick(noon().after(Duration::from_millis(4999)));
    assert!(!client.is_finished());
    let late = noon().after(Duration::from_secs(5));
    client.tick(late);
    let items = feed(&mut client, late, b"<message/>", usize::MAX);
    let Closed::Local(error) = end(&items) else { panic!("{items:?}") };
    assert_eq!(error.condition(), &Condition::ConnectionTimeout);
    assert_eq!(items.len(), 1);
}

#[test]
fn rfc6120_4_4_the_transport_may_not_end_before_the_stream() {
    for partial in ["", "<message><bo", "<message/>"] {
        let mut server = opened(Role::Receiver);
        let mut items = feed(&mut server, noon(), partial.as_bytes(), usize::MAX);
        server.receive_eof(noon());
        items.extend(feed(&mut server, noon(), b"", 1));
        assert_eq!(end(&items), Closed::Eof, "{partial}");
        assert_eq!(sent(&mut server), "</stream:stream>");
        assert!(server.is_finished());
    }
}

#[test]
fn closing_what_was_never_opened_says_nothing() {
    let mut server = stream(Role::Receiver);
    server.close(noon());
    assert_eq!(end(&feed(&mut server, noon(), b"", 1)), Closed::Clean);
    assert_eq!(sent(&mut server), "");
    let mut server = stream(Role::Receiver);
    server.receive_eof(noon());
    assert_eq!(end(&feed(&mut server, noon(), b"", 1)), Closed::Eof);
    assert_eq!(sent(&mut server), "");
}

#[test]
fn a_header_that_closes_itself_is_a_whole_stream() {
    let mut server = stream(Role::Receiver);
    let xml = PEER_HEADER.replace("streams'>", "streams'/>");
    let mut items = Vec::new();
    deliver(&mut server, noon(), xml.as_bytes(), usize::MAX, &mut |server, item| {
        if let Incoming::Header(_) = item {
            server.open(&header(Role::Receiver));
        }
        items.push(item.clone());
    });
    assert_eq!(end(&items), Closed::Clean);
    assert!(sent(&mut server).ends_with("</stream:stream>"));
}

#[test]
fn nothing_comes_after_the_end() {
    let mut server = opened(Role::Receiver);
    let items = feed(&mut server, noon(), b"</stream:stream><message/>", usize::MAX);
    assert_eq!(end(&items), Closed::Clean);
    server.fail(noon(), Condition::Reset.into());
    server.violation(noon(), Condition::Reset.into(), "late");
    server.close(noon());
    server.receive_eof(noon());
    server.restart();
    server.open(&header(Role::Receiver));
    server.tick(noon().after(Duration::from_secs(3600)));
    assert!(feed(&mut server, noon(), b"<message/>", 1).is_empty());
    assert_eq!(sent(&mut server), "</stream:stream>");
    assert_eq!(server.deadline(), None);
}
