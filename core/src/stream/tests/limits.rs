//! What a peer may cost.
use super::*;

#[test]
fn what_comes_too_fast_is_taken_but_stops_reading_until_it_is_worked_off() {
    let limits = Limits { rate: RateLimit { rate: 10_000, burst: 20_000 }, ..GENEROUS };
    let config = Config { role: Role::Receiver, content_ns: ns::CLIENT, limits };
    let mut server = Stream::new(config, noon());
    assert_eq!(server.read_budget(), 20_000);
    let mut script = PEER_HEADER.to_owned();
    while script.len() < 30_000 {
        script.push_str("<message><body>hello</body></message>");
    }
    let items = feed(&mut server, noon(), script.as_bytes(), 4096);
    assert!(items.len() > 500);
    assert_eq!(server.read_budget(), 0);
    let deadline = server.deadline().expect("a time to read again");
    assert_eq!(deadline.reason, Reason::Rate);
    assert!(deadline.at > noon().instant + Duration::from_millis(1000));
    server.tick(noon().after(Duration::from_millis(500)));
    assert_eq!(server.read_budget(), 0);
    server.tick(noon().after(deadline.at - noon().instant));
    assert!(server.read_budget() >= 1000);
    assert_eq!(server.deadline(), None);
}

#[test]
fn a_slow_reader_is_closed_with_resource_constraint() {
    let limits = Limits { max_queued: 2000, ..GENEROUS };
    let config = Config { role: Role::Receiver, content_ns: ns::CLIENT, limits };
    let mut server = Stream::new(config, noon());
    server.open(&header(Role::Receiver));
    let message = Element::builder("message", ns::CLIENT).attr("id", &"x".repeat(500)).build();
    for _ in 0..3 {
        server.send(&message);
        assert!(server.can_send());
    }
    assert!(server.queued() <= 2000);
    server.send(&message);
    assert!(!server.can_send());
    let Closed::Local(error) = end(&feed(&mut server, noon(), b"", 1)) else { panic!() };
    assert_eq!(error.condition(), &Condition::ResourceConstraint);
    let wire = sent(&mut server);
    assert_eq!(wire.matches("<message").count(), 3, "what was queued before is still whole");
    assert!(wire.ends_with("</stream:stream>"));
}

#[test]
fn limits_change_with_authentication() {
    let config = Config { role: Role::Receiver, content_ns: ns::CLIENT, limits: Limits::UNAUTHENTICATED };
    let mut server = Stream::new(config, noon());
    server.open(&header(Role::Receiver));
    feed(&mut server, noon(), PEER_HEADER.as_bytes(), usize::MAX);
    server.set_limits(noon(), Limits::CLIENT);
    assert_eq!(server.read_budget(), 1 << 20);
    let long = format!("<message>{}</message>", "x".repeat(100_000));
    let items = feed(&mut server, noon(), long.as_bytes(), 10_000);
    assert!(matches!(items.as_slice(), [Incoming::Element(_)]));
}

#[test]
fn an_idle_stream_keeps_no_large_buffers() {
    let mut server = opened(Role::Receiver);
    let message = Element::builder("message", ns::CLIENT).text(&"x".repeat(100_000)).build();
    server.send(&message);
    sent(&mut server);
    assert_eq!(server.transport.spare(), 0);
    let long = format!("<message>{}</message>", "x".repeat(100_000));
    feed(&mut server, noon(), long.as_bytes(), 10_000);
    assert_eq!(server.framer.buffered(), 0);
}
