//! Stream management on a live stream (XEP-0198).

use super::*;
use crate::stanza::Message;
use crate::stream::Condition;

pub(super) const SM: &str = "<sm xmlns='urn:xmpp:sm:3'/>";
const ENABLED: &str = "<enabled xmlns='urn:xmpp:sm:3'/>";
const R: &str = "<r xmlns='urn:xmpp:sm:3'/>";
const HELLO: &str = "<message from='romeo@example.net/o' type='chat'><body>Hark</body></message>";

pub(super) fn answer(h: u32) -> String {
    format!("<a xmlns='urn:xmpp:sm:3' h='{h}'/>")
}

pub(super) fn message(body: &str) -> Message {
    Message::chat(Jid::new("romeo@example.net").unwrap(), body)
}

impl Script {
    /// Online with a server that offers stream management; what the client has asked for.
    fn asking(config: Config) -> (Script, String) {
        let mut script = Script::new(config);
        let request = script.authenticated(&format!("{BIND}{SM}"));
        let enable = script.bound(&request, JID);
        assert_eq!(script.event(), Event::Online(FullJid::new(JID).unwrap()));
        (script, enable)
    }

    fn managed(config: Config) -> Script {
        let (mut script, enable) = Script::asking(config);
        assert_eq!(enable, "<enable xmlns='urn:xmpp:sm:3'/>");
        assert_eq!(script.server(ENABLED), "");
        assert!(script.client.is_managed());
        script
    }

    pub(super) fn say(&mut self, body: &str) -> StanzaHandle {
        self.client.send(self.now, message(body)).unwrap()
    }
}

#[test]
fn xep0198_3_it_is_asked_for_as_configured_and_where_it_is_offered() {
    let with = |management| Config { management, ..config() };
    let (_, out) = Script::asking(with(Management::Resume { max: None }));
    assert_eq!(out, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    let (_, out) = Script::asking(with(Management::Resume { max: Some(Duration::from_secs(60)) }));
    assert_eq!(out, "<enable xmlns='urn:xmpp:sm:3' resume='true' max='60'/>");
    let (_, out) = Script::asking(with(Management::Off));
    assert_eq!(out, "");
    // Not offered: nothing is asked for, and handles are as they were.
    let mut script = Script::online(config());
    let handle = script.say("one");
    assert!(!script.sent().contains("urn:xmpp:sm:3"));
    assert_eq!(script.event(), Event::Sent(handle));
    assert!(!script.client.is_managed());
    assert_eq!(script.deadline().1, Reason::KeepAlive);
}

#[test]
fn xep0198_3_a_server_that_will_not_is_a_server_without() {
    let (mut script, _) = Script::asking(config());
    let handle = script.say("one");
    script.sent();
    script.server("<failed xmlns='urn:xmpp:sm:3'><unexpected-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>");
    assert_eq!(script.event(), Event::Sent(handle));
    assert!(!script.client.is_managed());
    script.say("two");
    assert!(!script.sent().contains(R));
    assert_eq!(script.wait(60), "");
}

#[test]
fn xep0198_4_stanzas_are_acknowledged_each_once_and_in_order() {
    let (mut script, _) = Script::asking(config());
    // The client need not wait for the answer.
    let one = script.say("one");
    script.sent();
    script.server(ENABLED);
    let (two, three) = (script.say("two"), script.say("three"));
    script.sent();
    assert_eq!(script.events(), [Event::Sent(one), Event::Sent(two), Event::Sent(three)]);
    script.server(&answer(0));
    script.server(&answer(2));
    assert_eq!(script.events(), [Event::Acknowledged(one), Event::Acknowledged(two)]);
    script.server(&answer(2));
    assert_eq!(script.events(), []);
    script.server(&answer(3));
    assert_eq!(script.event(), Event::Acknowledged(three));
}

#[test]
fn xep0198_4_what_the_machine_says_counts_too() {
    let mut script = Script::managed(config());
    let _ping = script.client.request(script.now, Ping { to: None }, None).unwrap();
    script.server("<iq type='get' id='p' from='example.com'><ping xmlns='urn:xmpp:ping'/></iq>");
    let one = script.say("one");
    script.sent();
    script.server(&answer(2));
    assert_eq!(script.events(), [Event::Sent(one)]);
    script.server(&answer(3));
    assert_eq!(script.event(), Event::Acknowledged(one));
}

#[test]
fn xep0198_4_an_acknowledgement_is_asked_for_after_so_many_stanzas() {
    let mut script = Script::managed(Config { ack_after: 3, ..config() });
    script.say("one");
    script.say("two");
    assert!(!script.sent().contains(R));
    script.say("three");
    let out = script.sent();
    assert!(out.ends_with(R), "{out}");
    assert_eq!(script.deadline().1, Reason::KeepAlive, "it has been asked for");
}

#[test]
fn xep0198_4_or_a_while_after_the_last() {
    let mut script = Script::managed(config());
    assert_eq!(script.deadline(), (300, Reason::KeepAlive));
    script.say("one");
    script.sent();
    assert_eq!(script.deadline(), (1, Reason::Acknowledgement));
    assert_eq!(script.wait(1), R);
    assert_eq!(script.wait(10), "");
    script.server(&answer(1));
    assert_eq!(script.deadline(), (300, Reason::KeepAlive));
    // A server that takes its time is asked again, less and less often.
    script.say("two");
    script.sent();
    assert_eq!(script.wait(1), R);
    for seconds in [2, 4, 8, 16, 32, 64, 64] {
        script.server(&answer(1));
        assert_eq!(script.deadline(), (seconds, Reason::Acknowledgement));
        assert_eq!(script.wait(seconds), R);
    }
}

#[test]
fn xep0198_4_the_server_is_answered_with_what_the_owner_has_seen() {
    let mut script = Script::managed(config());
    assert_eq!(script.server(R), answer(0));
    script.client.receive(script.now, format!("{HELLO}{HELLO}{R}").as_bytes());
    let mut out = Vec::new();
    script.client.transmit(&mut out);
    assert_eq!(out, b"", "nobody has seen them");
    assert!(matches!(script.client.poll_event(), Some(Event::Message(_))));
    script.client.transmit(&mut out);
    assert_eq!(out, b"", "there is another one");
    assert!(matches!(script.client.poll_event(), Some(Event::Message(_))));
    script.client.transmit(&mut out);
    assert_eq!(String::from_utf8(out).unwrap(), answer(2));
    // Nothing is asked, nothing is answered.
    assert_eq!(script.server(HELLO), "");
    assert_eq!(script.server(&format!("{R}{R}")), answer(3));
}

#[test]
fn xep0198_4_every_kind_of_stanza_counts_and_nothing_else() {
    let mut script = Script::managed(config());
    let ping = "<iq type='get' id='p' from='example.com'><ping xmlns='urn:xmpp:ping'/></iq>";
    script.server(&format!("{ping} <presence from='a@b/c'/>{}<message from='@'/>", answer(0)));
    script.server("<stream:features/>");
    assert_eq!(script.server(R), answer(3));
}

#[test]
fn xep0198_4_stanzas_before_the_server_has_agreed_do_not_count() {
    let (mut script, _) = Script::asking(config());
    script.server(HELLO);
    script.server(ENABLED);
    assert_eq!(script.server(R), answer(0));
}

#[test]
fn xep0198_4_the_end_tells_what_has_been_handled_and_asks_what_has_arrived() {
    let mut script = Script::managed(config());
    script.server(HELLO);
    script.events();
    let (one, two) = (script.say("one"), script.say("two"));
    script.client.close(script.now);
    let out = script.sent();
    assert!(out.ends_with(&format!("</message>{R}{}</stream:stream>", answer(1))), "{out}");
    script.server(&answer(1));
    script.server("</stream:stream>");
    let events = script.events();
    let [
        Event::Sent(_),
        Event::Sent(_),
        Event::Acknowledged(first),
        Event::Unacknowledged { handle, stanza },
        Event::Closed(Ok(())),
    ] = events.as_slice()
    else {
        panic!("{events:?}")
    };
    assert_eq!((*first, *handle, stanza), (one, two, &message("two").into()));
}

#[test]
fn xep0198_4_every_handle_ends_once_when_the_connection_breaks() {
    let mut script = Script::managed(config());
    let (one, two) = (script.say("one"), script.say("two"));
    script.sent();
    script.server(&answer(1));
    let three = script.say("three");
    script.client.receive_eof(script.now);
    let events = script.events();
    assert!(events.contains(&Event::Acknowledged(one)));
    assert!(
        matches!(&events[3..], [
        Event::Unacknowledged { handle: a, .. },
        Event::Unsent { handle: b, .. },
        Event::Closed(Err(Error::Environment(Environment::Disconnected))),
    ] if (*a, *b) == (two, three)),
        "{events:?}"
    );
    assert_eq!(script.client.save().map(drop), None);
}

#[test]
fn xep0198_4_a_silent_server_is_asked_and_given_up() {
    let mut script = Script::managed(config());
    assert_eq!(script.wait(300), R, "no ping");
    assert_eq!(script.deadline(), (30, Reason::Idle));
    script.server(&answer(0));
    assert_eq!(script.deadline(), (300, Reason::KeepAlive));
    assert_eq!(script.wait(300), R);
    let out = script.wait(30);
    assert!(out.contains("<connection-timeout"), "{out}");
    assert_eq!(script.end(), Err(Error::Environment(Environment::Silent)));
}

#[test]
fn what_is_not_acknowledged_is_kept_up_to_a_limit() {
    let mut script = Script::managed(Config { max_unacknowledged: 3, ..config() });
    script.say("one");
    script.sent();
    script.say("two");
    script.say("three");
    let full = script.client.send(script.now, message("four"));
    assert_eq!(full, Err(SendError::QueueFull));
    assert_eq!(script.sent().matches("<message").count(), 2);
    // The machine's own answers still have room.
    assert!(
        script
            .server("<iq type='get' id='p' from='example.com'><ping xmlns='urn:xmpp:ping'/></iq>")
            .contains("result")
    );
    script.events();
    script.server(&answer(2));
    assert!(script.client.send(script.now, message("four")).is_ok());

    let mut script = Script::managed(Config { max_unacknowledged_bytes: 1500, ..config() });
    script.say(&"x".repeat(1000));
    script.sent();
    let full = script.client.send(script.now, message(&"x".repeat(1000)));
    assert_eq!(full, Err(SendError::QueueFull));
    script.server(&answer(1));
    script.say(&"x".repeat(1000));
}

#[test]
fn xep0198_6_a_server_that_breaks_the_rules_is_told_so() {
    for (what, condition, text) in [
        (
            answer(2),
            Condition::UndefinedCondition,
            "<handled-count-too-high xmlns='urn:xmpp:sm:3' h='2' send-count='1'/>",
        ),
        ("<a xmlns='urn:xmpp:sm:3' h='-1'/>".to_owned(), Condition::InvalidXml, ""),
        ("<a xmlns='urn:xmpp:sm:3'/>".to_owned(), Condition::InvalidXml, ""),
        ("<x xmlns='urn:xmpp:sm:3'/>".to_owned(), Condition::InvalidXml, ""),
        (ENABLED.to_owned(), Condition::UnsupportedStanzaType, ""),
        ("<failed xmlns='urn:xmpp:sm:3'/>".to_owned(), Condition::UnsupportedStanzaType, ""),
        ("<enable xmlns='urn:xmpp:sm:3'/>".to_owned(), Condition::UnsupportedStanzaType, ""),
        (
            "<resumed xmlns='urn:xmpp:sm:3' previd='x' h='0'/>".to_owned(),
            Condition::UnsupportedStanzaType,
            "",
        ),
    ] {
        let mut script = Script::managed(config());
        let handle = script.say("one");
        script.sent();
        let out = script.server(&what);
        assert!(out.contains(text) && out.ends_with("</stream:error></stream:stream>"), "{what}: {out}");
        let events = script.events();
        assert!(
            events
                .iter()
                .any(|event| matches!(event, Event::Unacknowledged { handle: h, .. } if *h == handle))
        );
        let Some(Event::Closed(Err(Error::Protocol(error)))) = events.last() else {
            panic!("{what}: {events:?}")
        };
        assert_eq!(*error.sent.condition(), condition, "{what}");
    }
    // Before the server has agreed there is nothing to count, and without our asking nothing to agree to.
    for what in [answer(0), R.to_owned()] {
        let (mut script, _) = Script::asking(config());
        script.server(&what);
        assert!(matches!(script.end(), Err(Error::Protocol(_))), "{what}");
    }
    for what in [answer(0), R.to_owned(), ENABLED.to_owned()] {
        let (mut script, _) = Script::asking(Config { management: Management::Off, ..config() });
        script.server(&what);
        assert!(matches!(script.end(), Err(Error::Protocol(_))), "{what}");
    }
}
