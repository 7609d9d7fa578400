//! Time-outs, keep-alive, answers that take long, and what it all may cost.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn rfc6120_4_9_3_14_negotiation_that_takes_too_long_is_ended() {
    let stages: [&[String]; 5] = [
        &[],
        &[header()],
        &[header(), plain("juliet", "wrong")],
        &[header(), plain("juliet", PASSWORD)],
        &[header(), plain("juliet", PASSWORD), header()],
    ];
    for input in stages {
        let mut peer = Peer::in_the_clear();
        peer.send(&input.concat());
        let due = peer.connection.deadline().expect("a deadline");
        assert_eq!((due.reason, due.at.since_origin()), (Reason::Negotiation, 30 * SECOND));
        assert_eq!(peer.wait(29 * SECOND), "");
        assert_stream_error(&peer.wait(SECOND), "policy-violation");
        assert!(matches!(peer.closed(), Closed::Local(_)));
    }
}

#[test]
fn a_drip_does_not_extend_the_time_for_negotiation() {
    let mut peer = Peer::in_the_clear();
    peer.send(&header());
    for _ in 0..29 {
        assert_eq!(peer.wait(SECOND), "");
        peer.send(" ");
    }
    assert_stream_error(&peer.wait(SECOND), "policy-violation");
}

#[test]
fn a_client_does_not_pay_for_a_slow_server() {
    let mut peer = Peer::in_the_clear();
    peer.answers = Answers::Never;
    peer.send(&[header(), plain("juliet", PASSWORD)].concat());
    assert_stream_error(&peer.wait(30 * SECOND), "internal-server-error");
    peer.connection.credentials(peer.now, Ok(Some(stored())));
    assert_eq!(peer.drain(), "", "too late");
}

#[test]
fn a_bound_session_may_be_silent_for_long() {
    let mut peer = Peer::logged_in(in_the_clear());
    assert_eq!(peer.wait(599 * SECOND), "");
}

#[test]
fn xep0199_a_silent_client_is_pinged_and_stays_if_it_answers_anything() {
    let mut peer = Peer::logged_in(in_the_clear());
    let ping = peer.wait(600 * SECOND);
    assert!(ping.starts_with("<iq type='get' id='server-ping-1'"), "{ping}");
    assert!(
        ping.contains("<ping xmlns='urn:xmpp:ping'/>") && ping.contains("from='im.example.com'"),
        "{ping}"
    );
    assert_eq!(peer.connection.deadline().map(|due| due.reason), Some(Reason::Idle));
    assert_eq!(peer.send("<iq type='result' id='server-ping-1' to='im.example.com'/>"), "");
    assert!(peer.stanzas().is_empty(), "the answer is for the connection alone");
    assert_eq!(peer.wait(599 * SECOND), "");
    assert!(peer.wait(SECOND).contains("server-ping-2"));
    peer.send(" ");
    assert_eq!(peer.wait(599 * SECOND), "");
    assert!(peer.wait(SECOND).contains("server-ping-3"));
}

#[test]
fn rfc6120_4_9_3_4_a_client_that_does_not_answer_is_given_up() {
    let mut peer = Peer::logged_in(in_the_clear());
    peer.wait(600 * SECOND);
    assert_eq!(peer.wait(59 * SECOND), "");
    assert_stream_error(&peer.wait(SECOND), "connection-timeout");
    assert!(matches!(peer.closed(), Closed::Local(_)));
}

#[test]
fn rfc6120_4_6_1_whitespace_keep_alive() {
    let mut config = in_the_clear();
    config.keep_alive = KeepAlive::Whitespace { every: 300 * SECOND };
    let mut peer = Peer::logged_in(config);
    assert_eq!(peer.wait(900 * SECOND), "   ");
    peer.send(" ");
    assert_eq!(peer.wait(299 * SECOND), "");
    assert_eq!(peer.connection.deadline().map(|due| due.reason), Some(Reason::KeepAlive));
}

#[test]
fn without_keep_alive_nothing_is_waited_for() {
    let mut config = in_the_clear();
    config.keep_alive = KeepAlive::Off;
    let peer = Peer::logged_in(config);
    assert_eq!(peer.connection.deadline(), None);
}

#[test]
fn what_comes_before_an_answer_is_held_back_in_order() {
    let mut peer = Peer::in_the_clear();
    peer.answers = Answers::Never;
    assert!(peer.connection.read_budget() > 0);
    peer.send(&[header(), plain("juliet", PASSWORD), header()].concat());
    assert_eq!(peer.connection.read_budget(), 0);
    assert!(peer.connection.deadline().is_some(), "or a driver would sleep for ever");
    assert_eq!(peer.send(&bind("balcony")), "");
    assert_eq!(peer.send("<message to='a@b'/>"), "");
    assert!(matches!(peer.event(), Some(Event::Lookup { .. })));
    assert!(peer.event().is_none(), "nothing overtakes the answer");

    peer.connection.credentials(peer.now, Ok(Some(stored())));
    let answer = peer.drain();
    assert!(answer.starts_with("<success") && answer.contains("<bind"), "{answer}");
    assert!(matches!(peer.event(), Some(Event::Bind { .. })));
    assert!(peer.event().is_none());
    assert_eq!(peer.connection.read_budget(), 0);

    peer.connection.bound(
        peer.now,
        FullJid::new("juliet@im.example.com/balcony").unwrap(),
        Granted::default(),
    );
    assert!(peer.drain().contains("/balcony</jid>"));
    assert_eq!(peer.stanzas().len(), 1);
    assert!(peer.connection.read_budget() > 0);
}

#[test]
fn what_is_held_back_is_limited() {
    let mut peer = Peer::in_the_clear();
    peer.answers = Answers::Never;
    peer.send(&[header(), plain("juliet", PASSWORD)].concat());
    for _ in 0..Config::HELD / 1000 {
        assert_eq!(peer.send(&" ".repeat(1000)), "");
    }
    assert_eq!(peer.send(&" ".repeat(Config::HELD % 1000)), "");
    assert!(peer.connection.held.capacity() <= Config::HELD);
    assert_stream_error(&peer.send(" "), "resource-constraint");
    assert_eq!(peer.connection.held.capacity(), 0);
    assert!(matches!(peer.closed(), Closed::Local(_)));
}

/// A driver that reads no more than it is allowed to is never told off for it.
#[test]
fn what_the_budget_allows_can_be_held_back() {
    let mut peer = Peer::in_the_clear();
    peer.answers = Answers::Never;
    peer.send(&header());
    let budget = peer.connection.read_budget();
    assert!(budget <= Config::HELD);
    let mut input = plain("juliet", PASSWORD);
    input.extend(std::iter::repeat_n(' ', budget - input.len()));
    assert_eq!(peer.send(&input), "");
    peer.connection.credentials(peer.now, Ok(Some(stored())));
    assert!(peer.drain().starts_with("<success"));
}

#[test]
fn rfc6120_4_4_a_client_that_is_gone_waits_for_no_answer() {
    let mut peer = Peer::in_the_clear();
    peer.answers = Answers::Never;
    peer.send(&[header(), plain("juliet", PASSWORD), header()].concat());
    peer.connection.receive_eof(peer.now);
    peer.drain();
    assert_eq!(peer.closed(), Closed::Eof);
    assert!(peer.connection.is_finished());
    peer.connection.credentials(peer.now, Ok(Some(stored())));
    assert_eq!(peer.drain(), "");
}

/// Each kind of oversize, before authentication.
#[test]
fn rfc6120_4_9_3_14_limits_before_authentication() {
    let deep = "<a>".repeat(20);
    let wide = format!("<auth {}", (0..40).map(|n| format!("a{n}='' ")).collect::<String>() + "/>");
    let long = format!("<auth>{}", "x".repeat(11 << 10));
    for input in [deep, wide, long] {
        let mut peer = Peer::in_the_clear();
        peer.send(&header());
        let answer = peer.send(&input);
        assert_stream_error(&answer, "policy-violation");
        assert!(matches!(peer.closed(), Closed::Violation { .. }));
    }
    let long_header = open(&format!("to='{}'", "x".repeat(11 << 10)));
    let answer = Peer::in_the_clear().send(&long_header);
    assert_stream_error(&answer, "policy-violation");
}

#[test]
fn after_authentication_the_limits_of_a_client_hold() {
    let mut peer = Peer::logged_in(in_the_clear());
    let body = "x".repeat(100 << 10);
    assert_eq!(peer.send(&format!("<message to='a@b'><body>{body}</body></message>")), "");
    assert_eq!(peer.stanzas().len(), 1);
}

#[test]
fn a_keep_alive_that_finds_no_room_ends_the_stream_at_once() {
    let silence = 10 * SECOND;
    for keep_alive in
        [KeepAlive::Whitespace { every: silence }, KeepAlive::Ping { after: silence, patience: silence }]
    {
        let mut config = in_the_clear();
        config.keep_alive = keep_alive;
        let message: Stanza =
            crate::stanza::Message::chat(crate::jid::Jid::new("juliet@im.example.com").unwrap(), "art thou")
                .into();
        let size = message.element().to_xml().replace(" xmlns='jabber:client'", "").len();
        config.authenticated.max_queued = 10 * size;
        let mut peer = Peer::logged_in(config);
        // The client reads nothing any more.
        for _ in 0..10 {
            peer.connection.deliver(peer.now, &message);
        }
        assert!(!peer.connection.is_finished());
        peer.now = peer.now.after(silence);
        peer.connection.tick(peer.now);
        assert!(peer.connection.is_finished());
        let end = std::iter::from_fn(|| peer.connection.poll_event()).last();
        assert!(matches!(end, Some(Event::Closed(Closed::Local(_)))), "{end:?}");
    }
}

#[test]
fn a_keep_alive_without_a_pause_does_not_stop_time() {
    for keep_alive in [
        KeepAlive::Whitespace { every: Duration::ZERO },
        KeepAlive::Ping { after: Duration::ZERO, patience: Duration::ZERO },
    ] {
        let mut config = in_the_clear();
        config.keep_alive = keep_alive;
        let mut peer = Peer::logged_in(config);
        for _ in 0..3 {
            peer.now = peer.now.after(SECOND);
            peer.connection.tick(peer.now);
            let Some(due) = peer.connection.deadline() else { break };
            assert!(due.at > peer.now.instant, "{keep_alive:?}: {due:?}");
        }
    }
}
