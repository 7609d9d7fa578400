//! Copies of messages of the account's other sessions (XEP-0280), and messages that were held back (XEP-0203).

use super::*;
use crate::payload::carbons::Direction;

fn copy(from: &str, direction: &str, message: &str) -> String {
    format!(
        "<message {from} to='{JID}' type='chat'><{direction} xmlns='urn:xmpp:carbons:2'>\
         <forwarded xmlns='urn:xmpp:forward:0'>{message}</forwarded></{direction}></message>"
    )
}

const RECEIVED: &str = "<message xmlns='jabber:client' from='romeo@example.net/o' to='juliet@example.com/chamber' \
     type='chat'><body>It is the east</body></message>";
const SENT: &str = "<message xmlns='jabber:client' from='juliet@example.com/chamber' to='romeo@example.net/o' \
     type='chat'><body>O Romeo</body></message>";

#[test]
fn xep0280_4_copies_are_turned_on_and_off() {
    for (on, name) in [(true, "enable"), (false, "disable")] {
        let mut script = Script::online(config());
        let switch = script.client.request(script.now, SetCarbons(on), None).unwrap();
        let out = script.sent();
        assert!(
            out.contains("type='set'") && out.contains(&format!("<{name} xmlns='urn:xmpp:carbons:2'/>")),
            "{out}"
        );
        script.server(&format!("<iq type='result' id='{}' from='juliet@example.com'/>", attr(&out, "id")));
        let Event::Reply(reply) = script.event() else { panic!() };
        assert_eq!(switch.read(&reply), Some(Ok(())));
    }
}

#[test]
fn xep0280_7_copies_from_the_account_are_unwrapped() {
    let mut script = Script::online(config());
    for from in ["from='juliet@example.com'", ""] {
        script.server(&copy(from, "received", RECEIVED));
        let Event::Carbon(carbon) = script.event() else { panic!() };
        assert_eq!(carbon.direction, Direction::Received);
        assert_eq!(carbon.message.from().unwrap().as_str(), "romeo@example.net/o");
        assert_eq!(carbon.message.body(None).as_deref(), Some("It is the east"));
        script.server(&copy(from, "sent", SENT));
        let Event::Carbon(carbon) = script.event() else { panic!() };
        assert_eq!(carbon.direction, Direction::Sent);
        assert_eq!(carbon.message.to().unwrap().as_str(), "romeo@example.net/o");
    }
}

#[test]
fn xep0280_11_copies_from_anyone_else_are_not_even_messages() {
    let strangers =
        ["tybalt@example.net/home", "tybalt@example.net", "example.com", JID, "juliet@example.com/other"];
    for stranger in strangers {
        for (direction, message) in [("received", RECEIVED), ("sent", SENT)] {
            let mut script = Script::online(config());
            script.server(&copy(&format!("from='{stranger}'"), direction, message));
            let event = script.event();
            assert!(
                matches!(event, Event::Ignored { reason: Ignored::ForgedCarbon, .. }),
                "{stranger}: {event:?}"
            );
        }
    }
}

#[test]
fn xep0280_11_what_the_account_cannot_have_sent_or_received_is_no_copy() {
    let mut script = Script::online(config());
    for (direction, message) in [
        ("received", SENT),
        ("sent", RECEIVED),
        ("received", ""),
        ("received", "<presence xmlns='jabber:client' from='romeo@example.net/o'/>"),
        ("sent", "<x xmlns='urn:example:x'/>"),
    ] {
        script.server(&copy("from='juliet@example.com'", direction, message));
        let event = script.event();
        assert!(
            matches!(event, Event::Ignored { reason: Ignored::ForgedCarbon, .. }),
            "{message}: {event:?}"
        );
    }
}

#[test]
fn xep0203_who_says_when_a_message_was_sent_is_told() {
    let mut script = Script::online(config());
    let delay = |from: &str, second: u32| {
        format!(
            "<delay xmlns='urn:xmpp:delay' from='{from}' stamp='2026-01-01T00:00:0{second}Z'>Offline</delay>"
        )
    };
    script.server(&format!(
        "<message from='romeo@example.net/o'><body>Late</body>{}{}</message>",
        delay("example.net", 1),
        delay("example.com", 2)
    ));
    let Event::Message(message) = script.event() else { panic!() };
    let found = script.client.delay(message.element()).unwrap();
    assert_eq!(found.stamp, Utc::from_unix_millis(1_767_225_602_000), "our own server knows best");
    assert_eq!((found.from.unwrap().as_str(), found.reason.as_deref()), ("example.com", Some("Offline")));
    script.server(&format!("<message from='romeo@example.net/o'>{}</message>", delay("example.net", 1)));
    let Event::Message(message) = script.event() else { panic!() };
    assert_eq!(script.client.delay(message.element()).unwrap().from.unwrap().as_str(), "example.net");
    script
        .server("<message from='romeo@example.net/o'><delay xmlns='urn:xmpp:delay' stamp='soon'/></message>");
    let Event::Message(message) = script.event() else { panic!() };
    assert_eq!(script.client.delay(message.element()), None);
}
