//! The session outlives the connection (XEP-0198 section 5).

use super::management::{SM, answer, message};
use super::*;
use crate::payload::delay::Delay;
use crate::stanza::{Message, MessageType};
use crate::stream::Condition;

const R: &str = "<r xmlns='urn:xmpp:sm:3'/>";
const HELLO: &str = "<message from='romeo@example.net/o' type='chat'><body>Hark</body></message>";
const ENABLED: &str = "<enabled xmlns='urn:xmpp:sm:3' id='s1' resume='true' location='[2001:db8::1]:9222'/>";
const LOST: &str =
    "<failed xmlns='urn:xmpp:sm:3'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>";

pub(super) fn resumable_config() -> Config {
    Config { management: Management::Resume { max: None }, ..config() }
}

pub(super) fn resumed(h: u32) -> String {
    format!("<resumed xmlns='urn:xmpp:sm:3' previd='s1' h='{h}'/>")
}

pub(super) fn jid() -> FullJid {
    FullJid::new(JID).unwrap()
}

impl Script {
    pub(super) fn resumable(config: Config) -> Script {
        let mut script = Script::new(config);
        let request = script.authenticated(&format!("{BIND}{SM}"));
        let enable = script.bound(&request, JID);
        assert_eq!(enable, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
        script.server(ENABLED);
        assert_eq!(script.event(), Event::Online(jid()));
        assert!(script.client.can_resume());
        script
    }

    /// The connection breaks; what has happened before that.
    pub(super) fn broken(&mut self) -> Vec<Event> {
        self.client.receive_eof(self.now);
        assert_eq!(self.sent(), "", "a closing tag would end the session");
        let mut events = self.events();
        let disconnected = Error::Environment(Environment::Disconnected);
        assert_eq!(events.pop(), Some(Event::Interrupted(disconnected)));
        assert!(self.client.is_interrupted() && self.client.is_finished() && !self.client.is_online());
        events
    }

    /// A new connection, up to the client's wish to resume, which is returned.
    pub(super) fn reconnected(&mut self) -> String {
        self.client.reconnect(self.now, TlsMode::Plaintext).unwrap();
        assert!(!self.client.is_finished());
        self.authenticated(&format!("{BIND}{SM}"))
    }
}

#[test]
fn xep0198_5_a_stream_is_resumed_where_it_broke() {
    let mut script = Script::resumable(resumable_config());
    assert_eq!(script.client.location(), Some("[2001:db8::1]:9222"));
    let (one, two, three) = (script.say("one"), script.say("two"), script.say("three"));
    script.sent();
    script.server(&format!("{HELLO}{HELLO}"));
    script.server(&answer(1));
    let events = script.broken();
    assert!(events.contains(&Event::Acknowledged(one)));
    assert_eq!(script.events(), []);
    let resume = script.reconnected();
    assert_eq!(resume, "<resume xmlns='urn:xmpp:sm:3' previd='s1' h='2'/>");
    let out = script.server(&resumed(2));
    assert!(out.contains("<body>three</body>") && !out.contains("two"), "{out}");
    assert_eq!(script.events(), [Event::Acknowledged(two), Event::Resumed(jid())]);
    assert!(script.client.is_online() && script.client.is_managed() && script.client.can_resume());
    let four = script.say("four");
    script.sent();
    script.server(&answer(4));
    assert_eq!(script.events(), [Event::Sent(four), Event::Acknowledged(three), Event::Acknowledged(four)]);
    assert_eq!(script.server(&format!("{HELLO}{R}")), answer(3));
}

#[test]
fn xep0198_5_what_is_sent_again_is_the_same_in_the_same_order_and_asked_for() {
    let mut script = Script::resumable(Config { ack_after: 2, ..resumable_config() });
    for body in ["one", "two", "three"] {
        script.say(body);
    }
    let first = script.sent();
    script.broken();
    script.reconnected();
    let again = script.server(&resumed(0));
    assert_eq!(first, again);
    assert!(again.ends_with(R));
    // It breaks again before anything has arrived.
    script.events();
    script.broken();
    script.reconnected();
    assert_eq!(script.server(&resumed(0)), first);
}

#[test]
fn xep0198_5_stanzas_can_be_queued_while_there_is_no_connection() {
    let mut script = Script::resumable(resumable_config());
    let one = script.say("one");
    script.sent();
    script.broken();
    let two = script.say("two");
    assert_eq!(script.sent(), "");
    script.client.reconnect(script.now, TlsMode::Plaintext).unwrap();
    let three = script.say("three");
    script.authenticated(&format!("{BIND}{SM}"));
    let out = script.server(&resumed(0));
    let at = |body| out.find(body).unwrap();
    assert!(at("one") < at("two") && at("two") < at("three"), "{out}");
    assert_eq!(script.events(), [Event::Resumed(jid()), Event::Sent(two), Event::Sent(three)]);
    script.server(&answer(3));
    assert_eq!(script.events(), [one, two, three].map(Event::Acknowledged));
}

#[test]
fn xep0198_5_requests_survive_and_their_time_runs() {
    let mut script = Script::resumable(resumable_config());
    let ping = script.client.request(script.now, Ping { to: None }, None).unwrap();
    let out = script.sent();
    let short = script.client.request(script.now, Ping { to: None }, Some(Duration::from_secs(5))).unwrap();
    script.broken();
    assert_eq!(script.deadline(), (5, Reason::Request));
    script.wait(5);
    let Event::Reply(reply) = script.event() else { panic!() };
    assert_eq!(short.read(&reply), Some(Err(RequestError::Timeout)));
    script.reconnected();
    assert!(script.server(&resumed(0)).contains(&attr(&out, "id")), "asked again");
    assert_eq!(script.event(), Event::Resumed(jid()));
    script.server(&format!("<iq type='result' id='{}'/>", attr(&out, "id")));
    let Event::Reply(reply) = script.event() else { panic!() };
    assert_eq!(ping.read(&reply), Some(Ok(())));
}

#[test]
fn xep0198_5_people_stay_known_over_a_resumption_and_not_over_a_new_session() {
    let romeo = Jid::new("romeo@example.net").unwrap();
    for is_lost in [false, true] {
        let mut script = Script::resumable(resumable_config());
        script.server("<presence from='romeo@example.net/o'/>");
        script.broken();
        assert!(script.client.contacts().is_available(&romeo));
        script.reconnected();
        if is_lost {
            let request = script.server(LOST);
            script.bound(&request, JID);
        } else {
            script.server(&resumed(0));
        }
        assert!(script.client.is_online());
        assert_eq!(script.client.contacts().is_available(&romeo), !is_lost);
    }
}

#[test]
fn xep0198_4_messages_of_a_lost_session_are_sent_again_with_their_date() {
    let mut script = Script::resumable(resumable_config());
    let one = script.say("one");
    let presence = Presence::builder(PresenceType::Available).build();
    let presence = script.client.set_presence(script.now, presence).unwrap();
    let room = Message::builder(Some(Jid::new("room@example.org").unwrap()), MessageType::Groupchat).build();
    let room = script.client.send(script.now, room).unwrap();
    let ping = script.client.request(script.now, Ping { to: None }, None).unwrap();
    let two = script.say("two");
    script.sent();
    script.broken();
    script.now = script.now.after(Duration::from_secs(60));
    let three = script.say("three");
    let away = Presence::builder(PresenceType::Available).build();
    let away = script.client.set_presence(script.now, away).unwrap();
    script.reconnected();
    let request = script.server(LOST);
    let events = script.events();
    let [
        Event::Unacknowledged { handle: a, .. },
        Event::Unacknowledged { handle: b, .. },
        Event::Unsent { handle: c, .. },
        Event::Reply(reply),
    ] = events.as_slice()
    else {
        panic!("{events:?}")
    };
    assert_eq!((*a, *b, *c), (presence, room, away));
    assert_eq!(ping.read(reply), Some(Err(RequestError::Disconnected { sent: true })));
    let out = script.bound(&request, "juliet@example.com/other");
    let (enable, rest) = out.split_at(out.find("/>").unwrap() + 2);
    assert_eq!(
        enable, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>",
        "what is sent again counts in the new stream"
    );
    let bodies: Vec<&str> =
        rest.split("<body>").skip(1).map(|rest| &rest[..rest.find('<').unwrap()]).collect();
    assert_eq!(bodies, ["one", "two", "three"]);
    let stamps: Vec<String> = rest
        .split("</message>")
        .filter(|part| part.contains("stamp"))
        .map(|part| attr(part, "stamp"))
        .collect();
    assert_eq!(stamps, ["2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"]);
    let online = Event::Online(FullJid::new("juliet@example.com/other").unwrap());
    assert_eq!(script.events(), [online, Event::Sent(three)]);
    script.server("<enabled xmlns='urn:xmpp:sm:3' id='s2' resume='true'/>");
    script.server(&answer(3));
    assert_eq!(script.events(), [one, two, three].map(Event::Acknowledged));
}

#[test]
fn xep0198_5_the_count_of_a_lost_session_tells_what_need_not_be_sent_again() {
    let mut script = Script::resumable(resumable_config());
    let (one, _two) = (script.say("one"), script.say("two"));
    script.sent();
    script.broken();
    script.reconnected();
    let request = script.server(&LOST.replace(":sm:3'", ":sm:3' h='1'"));
    assert_eq!(script.event(), Event::Acknowledged(one));
    let out = script.bound(&request, JID);
    assert!(out.contains("two") && !out.contains("one<"), "{out}");
}

#[test]
fn xep0198_4_or_they_are_reported_if_that_is_wanted() {
    let mut script = Script::resumable(Config { resend: false, ..resumable_config() });
    let one = script.say("one");
    script.sent();
    script.broken();
    let two = script.say("two");
    script.reconnected();
    let request = script.server(LOST);
    let events = script.events();
    assert!(
        matches!(events.as_slice(), [
        Event::Unacknowledged { handle: a, stanza },
        Event::Unsent { handle: b, .. },
    ] if (*a, *b) == (one, two) && *stanza == message("one").into()),
        "{events:?}"
    );
    assert!(!script.bound(&request, JID).contains("<message"));
}

#[test]
fn xep0198_5_a_server_without_it_gets_a_new_session() {
    let mut script = Script::resumable(resumable_config());
    let one = script.say("one");
    script.sent();
    script.broken();
    script.client.reconnect(script.now, TlsMode::Plaintext).unwrap();
    let request = script.authenticated(BIND);
    assert!(request.contains("urn:ietf:params:xml:ns:xmpp-bind"), "{request}");
    assert!(script.bound(&request, JID).contains("one"));
    assert_eq!(script.event(), Event::Online(jid()));
    // There it ends for good: nobody will ever acknowledge it.
    script.client.receive_eof(script.now);
    let events = script.events();
    assert!(matches!(events.as_slice(), [Event::Closed(Err(_))]), "{events:?} {one:?}");
}

#[test]
fn xep0198_5_a_connection_that_breaks_on_the_way_can_be_followed_by_another() {
    let mut script = Script::resumable(resumable_config());
    let one = script.say("one");
    script.sent();
    script.broken();
    let steps = [
        String::new(),
        HEADER.to_owned(),
        format!("{HEADER}{}", features(&mechanisms(&["PLAIN"]))),
        format!("{HEADER}{}<success xmlns='{SASL}'/>", features(&mechanisms(&["PLAIN"]))),
        format!(
            "{HEADER}{}<success xmlns='{SASL}'/>{HEADER}{}",
            features(&mechanisms(&["PLAIN"])),
            features(SM)
        ),
    ];
    for step in steps {
        script.client.reconnect(script.now, TlsMode::Plaintext).unwrap();
        script.server(&step);
        assert_eq!(script.broken(), [], "{step}");
    }
    // The server has lost it, and the connection breaks before there is another: the message waits all the same.
    script.reconnected();
    script.server(LOST);
    assert_eq!(script.broken(), []);
    script.client.reconnect(script.now, TlsMode::Plaintext).unwrap();
    let request = script.authenticated(&format!("{BIND}{SM}"));
    assert!(script.bound(&request, JID).contains("one"));
    script.server("<enabled xmlns='urn:xmpp:sm:3' id='s2' resume='true'/>");
    script.server(&answer(1));
    assert_eq!(script.events(), [Event::Online(jid()), Event::Acknowledged(one)]);
}

#[test]
fn xep0198_5_what_the_session_survives_and_what_not() {
    let error = |condition: &str| {
        format!(
            "<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"
        )
    };
    for survived in [
        error("system-shutdown"),
        error("reset"),
        error("connection-timeout"),
        error("see-other-host").replace("streams'/>", "streams'>example.org</see-other-host>"),
        "</stream:stream>".to_owned(),
    ] {
        let mut script = Script::resumable(resumable_config());
        script.say("one");
        script.sent();
        script.events();
        assert_eq!(script.server(&survived), "", "{survived}");
        assert!(matches!(script.event(), Event::Interrupted(_)), "{survived}");
    }
    for fatal in [error("conflict"), error("policy-violation"), "<x xmlns='urn:x'/>".to_owned(), answer(9)] {
        let mut script = Script::resumable(resumable_config());
        let one = script.say("one");
        script.sent();
        script.events();
        script.server(&fatal);
        let events = script.events();
        assert!(
            matches!(events.as_slice(), [Event::Unacknowledged { handle, .. }, Event::Closed(Err(_))] if *handle == one),
            "{fatal} {events:?}"
        );
        assert_eq!(script.client.reconnect(script.now, TlsMode::Plaintext), Err(Misuse::NotInterrupted));
    }
}

#[test]
fn xep0198_5_a_silent_server_is_left_without_a_word() {
    let mut script = Script::resumable(resumable_config());
    assert_eq!(script.wait(300), R);
    assert_eq!(script.wait(30), "", "a stream error would end the session, should it arrive");
    assert_eq!(script.event(), Event::Interrupted(Error::Environment(Environment::Silent)));
    assert_eq!(script.client.deadline(), None);
}

#[test]
fn xep0198_5_a_refused_password_ends_the_session() {
    let mut script = Script::resumable(resumable_config());
    let one = script.say("one");
    script.sent();
    script.broken();
    script.client.reconnect(script.now, TlsMode::Plaintext).unwrap();
    script.sent();
    script.server(&format!("{HEADER}{}", features(&mechanisms(&["PLAIN"]))));
    script.server(&format!("<failure xmlns='{SASL}'><not-authorized/></failure></stream:stream>"));
    let events = script.events();
    assert!(
        matches!(events.as_slice(), [Event::Unacknowledged { handle, .. }, Event::Closed(Err(Error::Refused(_)))] if *handle == one),
        "{events:?}"
    );
}

#[test]
fn xep0198_5_a_clean_end_is_an_end() {
    let mut script = Script::resumable(resumable_config());
    script.client.close(script.now);
    assert!(script.sent().ends_with("</stream:stream>"));
    assert!(script.client.save().is_none());
    script.client.receive_eof(script.now);
    assert_eq!(script.end(), Ok(()));
}

#[test]
fn an_interrupted_session_can_be_abandoned() {
    for close in [false, true] {
        let mut script = Script::resumable(resumable_config());
        let one = script.say("one");
        script.sent();
        script.broken();
        let two = script.say("two");
        let ping = script.client.request(script.now, Ping { to: None }, None).unwrap();
        match close {
            true => script.client.close(script.now),
            false => script.client.abandon(script.now),
        }
        assert_eq!(script.sent(), "");
        let events = script.events();
        let [
            Event::Unacknowledged { handle: a, .. },
            Event::Unsent { handle: b, .. },
            Event::Reply(reply),
            Event::Closed(Ok(())),
        ] = events.as_slice()
        else {
            panic!("{events:?}")
        };
        assert_eq!((*a, *b), (one, two));
        assert_eq!(ping.read(reply), Some(Err(RequestError::Disconnected { sent: false })));
        assert_eq!(script.client.send(script.now, message("three")), Err(SendError::NotOnline));
        assert_eq!(script.client.deadline(), None);
    }
    // While there is a connection, too: without a word.
    let mut script = Script::resumable(resumable_config());
    script.client.abandon(script.now);
    assert_eq!(script.sent(), "");
    assert_eq!(script.end(), Ok(()));
}

#[test]
fn xep0198_5_only_a_stream_with_a_name_can_be_resumed() {
    for enabled in [
        "<enabled xmlns='urn:xmpp:sm:3'/>".to_owned(),
        "<enabled xmlns='urn:xmpp:sm:3' id='x'/>".to_owned(),
        "<enabled xmlns='urn:xmpp:sm:3' resume='true'/>".to_owned(),
        format!("<enabled xmlns='urn:xmpp:sm:3' resume='true' id='{}'/>", "x".repeat(5000)),
    ] {
        let mut script = Script::new(resumable_config());
        let request = script.authenticated(&format!("{BIND}{SM}"));
        script.bound(&request, JID);
        script.server(&enabled);
        assert!(script.client.is_managed() && !script.client.can_resume(), "{enabled}");
        script.client.receive_eof(script.now);
        assert!(matches!(script.end(), Err(Error::Environment(_))));
    }
}

#[test]
fn xep0198_5_a_server_that_resumes_wrongly_is_told_so() {
    for (what, condition) in [
        ("<resumed xmlns='urn:xmpp:sm:3' previd='s2' h='0'/>".to_owned(), Condition::InvalidXml),
        ("<resumed xmlns='urn:xmpp:sm:3' previd='s1'/>".to_owned(), Condition::InvalidXml),
        (resumed(2), Condition::UndefinedCondition),
        (resumed(u32::MAX), Condition::UndefinedCondition),
        (LOST.replace(":sm:3'", ":sm:3' h='2'"), Condition::UndefinedCondition),
        (HELLO.to_owned(), Condition::NotAuthorized),
        (ENABLED.to_owned(), Condition::UnsupportedStanzaType),
        (R.to_owned(), Condition::UnsupportedStanzaType),
    ] {
        let mut script = Script::resumable(resumable_config());
        script.say("one");
        script.sent();
        script.broken();
        script.reconnected();
        assert!(script.server(&what).ends_with("</stream:error></stream:stream>"), "{what}");
        let Err(Error::Protocol(error)) = script.end() else { panic!("{what}") };
        assert_eq!(*error.sent.condition(), condition, "{what}");
    }
}

#[test]
fn xep0198_5_the_limit_holds_while_there_is_no_connection() {
    let mut script = Script::resumable(Config { max_unacknowledged: 3, ..resumable_config() });
    script.say("one");
    script.sent();
    script.broken();
    script.say("two");
    script.say("three");
    assert_eq!(script.client.send(script.now, message("four")), Err(SendError::QueueFull));
    script.reconnected();
    script.server(&resumed(1));
    assert!(script.client.send(script.now, message("four")).is_ok());
}

#[test]
fn what_came_in_and_was_not_polled_is_not_asked_for_again() {
    let mut script = Script::resumable(resumable_config());
    script.client.receive(script.now, HELLO.as_bytes());
    script.client.receive_eof(script.now);
    script.client.reconnect(script.now, TlsMode::Plaintext).unwrap();
    let mut out = Vec::new();
    script.client.transmit(&mut out);
    let say = [
        format!("{HEADER}{}", features(&mechanisms(&["PLAIN"]))),
        format!("<success xmlns='{SASL}'/>"),
        format!("{HEADER}{}", features(SM)),
    ];
    for say in say {
        script.client.receive(script.now, say.as_bytes());
        script.client.transmit(&mut out);
    }
    assert!(String::from_utf8(out).unwrap().ends_with("<resume xmlns='urn:xmpp:sm:3' previd='s1' h='1'/>"));
    let events = script.events();
    assert!(matches!(events.as_slice(), [Event::Message(_), Event::Interrupted(_)]), "{events:?}");
    script.server(&resumed(0));
    assert_eq!(script.server(R), answer(1));
}

#[test]
fn a_note_of_when_a_message_was_sent_is_not_repeated() {
    let mut script = Script::resumable(resumable_config());
    let delay = Delay::new(Utc::from_unix_millis(0));
    script.client.send(script.now, message("one").with_child(delay.to_builder())).unwrap();
    script.sent();
    script.broken();
    script.reconnected();
    let request = script.server(LOST);
    let out = script.bound(&request, JID);
    assert_eq!(out.matches("<delay").count(), 1, "{out}");
}
