//! Sessions that are resumed (XEP-0198 section 5), and where.

use super::super::management::SM;
use super::super::resumption::{resumable_config, resumed};
use super::*;

/// TLS as the owner does it.
fn secured() -> Config {
    Config { tls: TlsMode::Outside, ..resumable_config() }
}

fn enabled(location: &str) -> String {
    format!("<enabled xmlns='urn:xmpp:sm:3' id='s1' resume='true' location='{location}'/>")
}

const LOST: &str =
    "<failed xmlns='urn:xmpp:sm:3'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>";

fn message(body: &str) -> Message {
    Message::chat(Jid::new("romeo@example.net").unwrap(), body)
}

impl Rig {
    /// One that is online and can be resumed.
    fn resumable(config: Config, location: &str) -> Rig {
        let mut rig = Rig::new(config, Reconnect::default(), 1);
        rig.bind_anew(location);
        rig.events();
        rig
    }

    /// A new session on a fresh connection.
    fn bind_anew(&mut self, location: &str) {
        self.authenticate();
        let request = self.server(&format!("{HEADER}{}", features(&format!("{BIND}{SM}"))));
        self.bound(&request, location);
    }

    fn bound(&mut self, request: &str, location: &str) -> String {
        let id = attr(request, "id");
        let sent = self.server(&format!(
            "<iq type='result' id='{id}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>{JID}</jid></bind></iq>"
        ));
        self.server(&enabled(location));
        assert!(self.session.client().can_resume());
        sent
    }

    /// A fresh connection, up to the wish to resume, which is returned.
    fn reconnected(&mut self) -> String {
        self.authenticate();
        self.server(&format!("{HEADER}{}", features(&format!("{BIND}{SM}"))))
    }
}

#[test]
fn xep0198_5_a_session_is_resumed_before_anything_else_is_tried() {
    let mut rig = Rig::resumable(secured(), "");
    let one = rig.session.send(rig.now, message("one")).unwrap();
    rig.sent();
    rig.cut();
    let two = rig.session.send(rig.now, message("two")).unwrap();
    let events = rig.events();
    assert!(
        matches!(events.as_slice(), [Event::Sent(_), Event::Offline { error: Some(_), .. }]),
        "{events:?}"
    );
    rig.wait_for_attempt();
    assert_eq!(rig.reconnected(), "<resume xmlns='urn:xmpp:sm:3' previd='s1' h='0'/>");
    let sent = rig.server(&resumed(0));
    assert!(sent.find("<body>one").unwrap() < sent.find("<body>two").unwrap(), "{sent}");
    assert!(!sent.contains("<delay"), "it is the same session: {sent}");
    assert_eq!(rig.events(), [Event::Resumed(FullJid::new(JID).unwrap()), Event::Sent(two)]);
    rig.server("<a xmlns='urn:xmpp:sm:3' h='2'/>");
    assert_eq!(rig.events(), [one, two].map(Event::Acknowledged));
}

#[test]
fn xep0198_5_attempts_come_while_the_server_keeps_the_session() {
    for seed in 0..50 {
        let mut rig = Rig::new(secured(), Reconnect::default(), seed);
        rig.authenticate();
        let request = rig.server(&format!("{HEADER}{}", features(&format!("{BIND}{SM}"))));
        let id = attr(&request, "id");
        rig.server(&format!(
            "<iq type='result' id='{id}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>{JID}</jid></bind></iq>"
        ));
        rig.server("<enabled xmlns='urn:xmpp:sm:3' id='s1' resume='true' max='20'/>");
        assert_eq!(rig.session.client().resumable_for(), Some(seconds(20)));
        rig.wait(seconds(100));
        let cut = rig.now.instant;
        rig.cut();
        for _ in 0..5 {
            rig.wait_for_attempt();
            rig.failed();
        }
        let waits: Vec<Duration> = rig.attempts.iter().filter(|at| **at > cut).map(|at| *at - cut).collect();
        assert!(waits[0] <= seconds(15), "{waits:?}");
        // That was the exception.
        assert!(waits[4] > seconds(60), "{waits:?}");
    }
}

#[test]
fn xep0198_5_attempts_that_fail_do_not_end_what_can_be_resumed() {
    let mut rig = Rig::resumable(secured(), "");
    let ping = rig.session.client_mut().request(rig.now, Ping { to: None }, Some(seconds(9999))).unwrap();
    rig.cut();
    rig.wait_for_attempt();
    rig.failed();
    rig.wait_for_attempt();
    rig.connected(Security::Direct);
    rig.cut();
    rig.wait_for_attempt();
    rig.reconnected();
    rig.cut();
    rig.wait_for_attempt();
    let resume = rig.reconnected();
    assert!(resume.starts_with("<resume "), "{resume}");
    let sent = rig.server(&resumed(0));
    let events = rig.events();
    assert!(!events.iter().any(|event| matches!(event, Event::Reply(_))), "{events:?}");
    rig.server(&format!("<iq type='result' id='{}'/>", attr(&sent, "id")));
    assert!(matches!(rig.event(), Event::Reply(reply) if ping.read(&reply) == Some(Ok(()))));
}

#[test]
fn xep0198_5_a_session_that_is_lost_is_followed_by_a_new_one_and_messages_are_not() {
    for resend in [true, false] {
        let mut rig = Rig::resumable(Config { resend, ..secured() }, "");
        let one = rig.session.send(rig.now, message("one")).unwrap();
        rig.sent();
        rig.cut();
        let two = rig.session.send(rig.now, message("two")).unwrap();
        rig.events();
        rig.wait_for_attempt();
        rig.reconnected();
        let bind = rig.server(LOST);
        let sent = rig.bound(&bind, "");
        assert_eq!(sent.contains("<body>one"), resend, "{sent}");
        assert!(sent.contains("<body>two"), "{sent}");
        let events = rig.events();
        let given_up =
            |event: &Event| matches!(event, Event::Unacknowledged { handle, .. } if *handle == one);
        assert_eq!(events.iter().any(given_up), !resend, "{events:?}");
        assert!(events.contains(&Event::Sent(two)), "{events:?}");
        assert!(events.iter().any(|event| matches!(event, Event::Online(_))), "{events:?}");
    }
}

#[test]
fn xep0198_3_where_the_server_wants_to_resume_is_tried_first() {
    for (location, hint) in [
        ("im3.example.com:5333", host("im3.example.com", 5333, Security::Direct)),
        ("[2001:db8::1]:9222", host("[2001:db8::1]", 9222, Security::Direct)),
        ("im3.example.com", Target::Client("im3.example.com".into())),
    ] {
        let mut rig = Rig::resumable(secured(), location);
        rig.cut();
        rig.wait_for_attempt();
        let both = vec![hint, domain().remove(0)];
        assert_eq!(rig.dialing, Some(both.clone()));
        rig.failed();
        rig.wait_for_attempt();
        assert_eq!(rig.dialing, Some(both), "there was no network perhaps");
        // Somebody is there, but it comes to nothing.
        rig.connected(Security::Direct);
        rig.cut();
        rig.wait_for_attempt();
        assert_eq!(rig.dialing, Some(domain()));
    }
}

#[test]
fn xep0198_3_hints_that_are_none_or_were_given_in_clear_are_not_followed() {
    for (config, location) in [
        (secured(), "not a host"),
        (secured(), "user@im3.example.com:5222"),
        (resumable_config(), "im3.example.com:5333"),
    ] {
        let mut rig = Rig::resumable(config, location);
        rig.cut();
        rig.wait_for_attempt();
        assert_eq!(rig.dialing, Some(domain()), "{location}");
    }
}

#[test]
fn rfc6120_4_9_3_19_a_session_is_resumed_where_it_was_redirected_to() {
    let mut rig = Rig::new(secured(), Reconnect::default(), 1);
    rig.connected(Security::Direct);
    rig.server(&format!(
        "{HEADER}<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>im2.example.com:5222\
         </see-other-host></stream:error></stream:stream>"
    ));
    rig.wait_for_attempt();
    rig.bind_anew("");
    rig.wait(seconds(100));
    rig.cut();
    rig.wait_for_attempt();
    let there = host("im2.example.com", 5222, Security::Direct);
    assert_eq!(rig.dialing, Some(vec![there, domain().remove(0)]));
}

#[test]
fn xep0198_5_a_session_that_is_closed_is_not_resumed() {
    let mut rig = Rig::resumable(secured(), "");
    rig.session.go_offline(rig.now);
    let sent = rig.sent();
    assert!(sent.ends_with("</stream:stream>"), "{sent}");
    rig.server("</stream:stream>");
    rig.session.go_online(rig.now);
    rig.wait_for_attempt();
    let bind = rig.reconnected();
    assert!(bind.contains("<bind "), "{bind}");
}

#[test]
fn xep0198_5_offline_on_purpose_without_a_connection_keeps_what_can_be_resumed() {
    let mut rig = Rig::resumable(secured(), "");
    rig.cut();
    rig.session.go_offline(rig.now);
    rig.wait(seconds(60));
    rig.session.go_online(rig.now);
    rig.wait_for_attempt();
    assert!(rig.reconnected().starts_with("<resume "));
}

#[test]
fn xep0198_5_the_end_reports_what_may_not_have_arrived() {
    let mut rig = Rig::resumable(secured(), "");
    let one = rig.session.send(rig.now, message("one")).unwrap();
    rig.sent();
    rig.cut();
    rig.events();
    rig.session.close(rig.now);
    let events = rig.events();
    let [Event::Unacknowledged { handle, .. }, Event::Closed(Ok(()))] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert_eq!(*handle, one);
}

#[test]
fn rfc6120_6_5_a_password_that_is_refused_meanwhile_ends_what_could_be_resumed() {
    let mut rig = Rig::resumable(secured(), "");
    rig.session.send(rig.now, message("one")).unwrap();
    rig.sent();
    rig.cut();
    rig.wait_for_attempt();
    rig.connected(Security::Direct);
    rig.server(&format!("{HEADER}{}", features(&mechanisms(&["PLAIN"]))));
    rig.server(&format!("<failure xmlns='{SASL}'><not-authorized/></failure>"));
    rig.server("</stream:stream>");
    let events = rig.events.clone();
    assert!(events.iter().any(|event| matches!(event, Event::Unacknowledged { .. })), "{events:?}");
    assert!(matches!(rig.end(), Err(Error::Refused(_))));
}

#[test]
fn xep0198_9_another_process_goes_on_with_the_session() {
    let rig = Rig::resumable(secured(), "im3.example.com:5333");
    let saved = rig.session.client().save().expect("it can be resumed");
    let config = Config { resume: Some(saved), ..secured() };
    let mut rig = Rig::new(config, Reconnect::default(), 2);
    assert_eq!(rig.dialing, Some(domain()), "nobody knows how the hint came");
    assert!(rig.reconnected().starts_with("<resume "));
    rig.server(&resumed(0));
    assert_eq!(rig.event(), Event::Resumed(FullJid::new(JID).unwrap()));
}
