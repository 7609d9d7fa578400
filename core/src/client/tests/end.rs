//! The end: who closes, time-outs, keep-alive, and what becomes of what was queued.

use super::*;
use crate::stanza::Message;
use crate::stream::Condition;

fn message(body: &str) -> Message {
    Message::chat(Jid::new("romeo@example.net").unwrap(), body)
}

fn stream_error(condition: &str) -> String {
    format!(
        "<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"
    )
}

#[test]
fn rfc6120_4_4_what_is_queued_goes_out_before_the_closing_tag() {
    let mut script = Script::online(config());
    let sent = script.client.send(script.now, message("Parting is such sweet sorrow")).unwrap();
    script.client.close(script.now);
    assert_eq!(script.client.send(script.now, message("one more")), Err(SendError::NotOnline));
    let out = script.sent();
    assert!(out.contains("sweet sorrow"), "{out}");
    assert!(out.ends_with("</message></stream:stream>"), "not available, so not unavailable either: {out}");
    assert_eq!(script.event(), Event::Sent(sent));
    assert_eq!(script.deadline().1, Reason::Close);
    // Section 4.4 rule 2: what the server still sends counts.
    script.server("<message from='romeo@example.net'><body>Sleep dwell upon thine eyes</body></message></stream:stream>");
    let events = script.events();
    assert!(matches!(events.as_slice(), [Event::Message(_), Event::Closed(Ok(()))]), "{events:?}");
}

#[test]
fn rfc6121_4_5_1_closing_says_unavailable_after_available() {
    let mut script = Script::online(config());
    script.client.set_presence(script.now, Presence::builder(PresenceType::Available).build()).unwrap();
    script.sent();
    script.client.close(script.now);
    let out = script.sent();
    assert!(out.starts_with("<presence type='unavailable'/>"), "{out}");
    assert!(out.ends_with("</stream:stream>"), "{out}");

    let mut script = Script::online(config());
    script.client.set_presence(script.now, Presence::builder(PresenceType::Available).build()).unwrap();
    script.client.set_presence(script.now, Presence::builder(PresenceType::Unavailable).build()).unwrap();
    script.sent();
    script.client.close(script.now);
    assert_eq!(script.sent(), "</stream:stream>", "said already");
}

#[test]
fn rfc6120_4_4_a_server_that_does_not_close_is_left_after_a_while() {
    let mut script = Script::online(config());
    script.client.close(script.now);
    script.sent();
    assert_eq!(script.deadline(), (5, Reason::Close));
    script.wait(5);
    assert_eq!(script.end(), Ok(()));
}

#[test]
fn rfc6120_4_4_a_server_that_does_not_read_is_left_after_a_while() {
    let mut script = Script::online(config());
    let handle = script.client.send(script.now, message("one")).unwrap();
    script.client.close(script.now);
    // The transport takes nothing, so nobody asks for what is queued.
    let due = script.client.deadline().expect("a deadline");
    assert_eq!((due.at - script.now.instant, due.reason), (Duration::from_secs(5), Reason::Close));
    script.now = script.now.after(Duration::from_secs(5));
    script.client.tick(script.now);
    let events = script.events();
    let [Event::Unsent { handle: unsent, .. }, Event::Closed(Ok(()))] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert_eq!((*unsent, script.client.deadline()), (handle, None));
}

#[test]
fn closing_during_negotiation_or_twice_is_fine() {
    let mut script = Script::new(config());
    script.sent();
    script.client.close(script.now);
    script.client.close(script.now);
    assert_eq!(script.sent(), "</stream:stream>");
    script.server(&format!("{HEADER}</stream:stream>"));
    assert_eq!(script.end(), Ok(()));
    script.client.close(script.now);
    assert_eq!(script.sent(), "");
    assert_eq!(script.events(), []);
}

#[test]
fn nothing_is_lost_silently() {
    let mut script = Script::online(config());
    let first = script.client.send(script.now, message("one")).unwrap();
    script.sent();
    assert_eq!(script.event(), Event::Sent(first));
    let second = script.client.send(script.now, message("two")).unwrap();
    let ping = script.client.request(script.now, Ping { to: None }, None).unwrap();
    script.client.receive_eof(script.now);
    assert_eq!(script.sent(), "</stream:stream>", "neither has left after all");
    let mut events = script.events();
    assert_eq!(events.pop(), Some(Event::Closed(Err(Error::Environment(Environment::Disconnected)))));
    let Some(Event::Reply(reply)) = events.pop() else { panic!("{events:?}") };
    assert_eq!(ping.read(&reply), Some(Err(RequestError::Disconnected { sent: false })));
    let Some(Event::Unsent { handle, stanza }) = events.pop() else { panic!("{events:?}") };
    assert_eq!((handle, stanza), (second, message("two").into()));
    assert_eq!(events, []);
    assert_eq!(script.client.send(script.now, message("three")), Err(SendError::NotOnline));
}

#[test]
fn a_stream_error_keeps_unsent_stanzas_from_leaving() {
    let mut script = Script::online(config());
    let handle = script.client.send(script.now, message("two")).unwrap();
    script.client.receive(script.now, stream_error("system-shutdown").as_bytes());
    let out = script.sent();
    assert_eq!(out, "</stream:stream>");
    let events = script.events();
    assert!(matches!(&events[0], Event::Unsent { handle: unsent, .. } if *unsent == handle));
    let Some(Event::Closed(Err(end))) = events.last() else { panic!("{events:?}") };
    assert!(end.is_transient());
    assert_eq!(*end, Error::Stream(StreamError::new(Condition::SystemShutdown)));
}

#[test]
fn rfc6120_4_9_3_stream_errors_of_the_server_come_out_typed() {
    for (name, condition, transient) in [
        ("conflict", Condition::Conflict, false),
        ("host-unknown", Condition::HostUnknown, false),
        ("policy-violation", Condition::PolicyViolation, false),
        ("reset", Condition::Reset, true),
        ("internal-server-error", Condition::InternalServerError, true),
        ("connection-timeout", Condition::ConnectionTimeout, true),
    ] {
        let mut script = Script::online(config());
        assert_eq!(script.server(&stream_error(name)), "</stream:stream>");
        let end = script.end().unwrap_err();
        assert_eq!(end, Error::Stream(StreamError::new(condition)));
        assert_eq!(end.is_transient(), transient, "{name}");
        assert!(!end.to_string().is_empty());
    }
}

#[test]
fn rfc6120_4_9_3_19_a_redirection_is_reported_and_not_followed() {
    let mut script = Script::new(config());
    script.sent();
    script.server(&format!(
        "{HEADER}<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>[2001:db8::1]:9222\
         </see-other-host></stream:error></stream:stream>"
    ));
    let end = script.end().unwrap_err();
    assert_eq!(end.see_other_host(), Some("[2001:db8::1]:9222"));
    assert!(!end.is_transient());
}

#[test]
fn the_server_may_close_without_a_reason() {
    let mut script = Script::online(config());
    assert_eq!(script.server("</stream:stream>"), "</stream:stream>");
    let end = script.end().unwrap_err();
    assert_eq!(end, Error::Environment(Environment::ClosedByServer));
    assert!(end.is_transient());
}

#[test]
fn negotiation_has_a_time_limit_at_every_step() {
    let steps = [
        String::new(),
        HEADER.to_owned(),
        format!("{HEADER}{}", features(&mechanisms(&["PLAIN"]))),
        format!("{HEADER}{}<success xmlns='{SASL}'/>", features(&mechanisms(&["PLAIN"]))),
        format!(
            "{HEADER}{}<success xmlns='{SASL}'/>{HEADER}{}",
            features(&mechanisms(&["PLAIN"])),
            features(BIND)
        ),
    ];
    for step in steps {
        let mut script = Script::new(config());
        script.sent();
        script.wait(10);
        script.server(&step);
        assert_eq!(script.deadline(), (20, Reason::Negotiation), "{step}");
        assert_eq!(script.wait(19), "");
        let out = script.wait(1);
        assert!(out.contains("<connection-timeout"), "{out}");
        let end = script.end();
        assert!(matches!(end, Err(Error::Environment(Environment::NegotiationTimeout(_)))), "{end:?}");
    }
}

#[test]
fn rfc6120_4_6_an_idle_stream_is_pinged_and_given_up() {
    let mut script = Script::online(config());
    assert_eq!(script.deadline(), (300, Reason::KeepAlive));
    let ping = script.wait(300);
    assert!(ping.contains("<ping xmlns='urn:xmpp:ping'/>") && ping.contains("to='example.com'"), "{ping}");
    assert_eq!(script.deadline(), (30, Reason::Idle));
    assert_eq!(script.wait(29), "");
    let out = script.wait(1);
    assert!(out.contains("<connection-timeout"), "{out}");
    let end = script.end().unwrap_err();
    assert_eq!(end, Error::Environment(Environment::Silent));
    assert!(end.is_transient());
}

#[test]
fn rfc6120_4_6_any_sign_of_life_will_do_and_pongs_are_not_the_callers_business() {
    let mut script = Script::online(config());
    let ping = script.wait(300);
    script.wait(10);
    script.server(" ");
    assert_eq!(script.deadline(), (300, Reason::KeepAlive));
    script.server(&format!("<iq type='result' id='{}' from='example.com'/>", attr(&ping, "id")));
    assert_eq!(script.events(), []);
    // Also when it comes in the very moment of the ping, and also when it is an error.
    let ping = script.wait(300);
    script.server(&format!(
        "<iq type='error' id='{}' from='example.com'><error type='cancel'><service-unavailable \
         xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
        attr(&ping, "id")
    ));
    assert_eq!(script.events(), []);
    assert_eq!(script.deadline(), (300, Reason::KeepAlive));
}

#[test]
fn rfc6120_4_6_1_white_space_keeps_alive_where_that_is_wanted() {
    let mut script = Script::online(Config {
        keep_alive: KeepAlive::Whitespace { after: Duration::from_secs(60) },
        ..config()
    });
    script.wait(40);
    script.client.send(script.now, message("traffic")).unwrap();
    script.sent();
    assert_eq!(script.deadline(), (60, Reason::KeepAlive), "since the last traffic");
    assert_eq!(script.wait(60), " ");
    assert_eq!(script.deadline(), (60, Reason::KeepAlive));
    let mut script = Script::online(Config { keep_alive: KeepAlive::Off, ..config() });
    assert_eq!(script.client.deadline(), None);
    assert_eq!(script.wait(1_000_000), "");
}

#[test]
fn rfc6120_5_3_3_no_keep_alive_during_negotiation() {
    let config = Config {
        keep_alive: KeepAlive::Whitespace { after: Duration::from_secs(1) },
        credentials: None,
        ..config()
    };
    let mut script = Script::new(config);
    script.sent();
    script.server(&format!("{HEADER}{}", features(&mechanisms(&["PLAIN"]))));
    assert_eq!(script.wait(3600), "");
}
