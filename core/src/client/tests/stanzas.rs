//! Sending and receiving stanzas, and what the client answers by itself.

use super::*;
use crate::payload::disco::Identity;
use crate::stanza::{Condition, Message, MessageType};
use crate::xml::Element;

fn romeo() -> Jid {
    Jid::new("romeo@example.net").unwrap()
}

const PING: &str = "<iq type='get' id='p' from='romeo@example.net/o' to='juliet@example.com/balcony'>\
     <ping xmlns='urn:xmpp:ping'/></iq>";
const QUERY: &str = "<iq type='set' id='q' from='romeo@example.net/o'><query xmlns='urn:example:q'/></iq>";

#[test]
fn messages_and_presence_come_out_as_events() {
    let mut script = Script::online(config());
    script.server(
        "<message from='romeo@example.net/o' type='chat'><body>It is the east</body></message>\
         <presence from='romeo@example.net/o'/><presence from='tybalt@example.com' type='subscribe'/>",
    );
    let events = script.events();
    let [Event::Message(message), Event::Presence(presence), Event::Subscription(subscribe)] =
        events.as_slice()
    else {
        panic!("{events:?}")
    };
    assert_eq!(message.body(None).as_deref(), Some("It is the east"));
    assert_eq!(presence.kind(), PresenceType::Available);
    assert_eq!(subscribe.kind, SubscriptionKind::Requested);
}

#[test]
fn sent_means_handed_out() {
    let mut script = Script::online(config());
    let one = script.client.send(script.now, Message::chat(romeo(), "one")).unwrap();
    let two = script.client.send(script.now, Message::chat(romeo(), "two")).unwrap();
    assert_ne!(one, two);
    assert_eq!(script.client.poll_event(), None, "nothing has been handed out");
    let out = script.sent();
    assert!(out.find("one").unwrap() < out.find("two").unwrap(), "{out}");
    assert_eq!(script.events(), [Event::Sent(one), Event::Sent(two)]);
}

#[test]
fn what_cannot_be_sent_is_not_queued() {
    let mut script = Script::new(config());
    assert_eq!(script.client.send(script.now, Message::chat(romeo(), "early")), Err(SendError::NotOnline));
    let mut script = Script::online(Config { max_stanza_bytes: 200, ..config() });
    let too_large = script.client.send(script.now, Message::chat(romeo(), &"x".repeat(200)));
    assert!(matches!(too_large, Err(SendError::TooLarge { limit: 200, .. })), "{too_large:?}");
    let foreign = Message::builder(Some(romeo()), MessageType::Chat).from(romeo()).build();
    assert_eq!(script.client.send(script.now, foreign), Err(SendError::ForeignSender));
    for own in [JID, "juliet@example.com"] {
        let own = Message::builder(Some(romeo()), MessageType::Chat).from(Jid::new(own).unwrap()).build();
        assert!(script.client.send(script.now, own).is_ok());
    }
    let out = script.sent();
    assert_eq!(out.matches("<message").count(), 2, "{out}");
    assert_eq!(script.events().len(), 2);
}

#[test]
fn a_queue_that_nobody_drains_has_an_end() {
    let mut limits = Limits::SERVER;
    limits.max_queued = 64 << 10;
    let mut script = Script::online(Config { limits, ..config() });
    let mut accepted = 0;
    let refused = loop {
        match script.client.send(script.now, Message::chat(romeo(), &"x".repeat(1000))) {
            Ok(_) => accepted += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refused, SendError::QueueFull);
    assert!(accepted > 50, "{accepted}");
    assert_eq!(script.sent().matches("<message").count(), accepted);
    assert!(script.client.send(script.now, Message::chat(romeo(), "there is room again")).is_ok());
}

#[test]
fn rfc6121_4_2_own_presence() {
    let mut script = Script::online(config());
    let directed = Presence::builder(PresenceType::Available).to(romeo()).build();
    assert_eq!(script.client.set_presence(script.now, directed.clone()), Err(SendError::NotOwnPresence));
    let subscribe = Presence::builder(PresenceType::Subscribe).build();
    assert_eq!(script.client.set_presence(script.now, subscribe), Err(SendError::NotOwnPresence));
    assert!(script.client.send(script.now, directed).is_ok());
    let own = Presence::builder(PresenceType::Available).priority(5).build();
    assert!(script.client.set_presence(script.now, own).is_ok());
    let out = script.sent();
    assert!(out.contains("<presence><priority>5</priority></presence>"), "{out}");
}

#[test]
fn xep0199_pings_are_answered() {
    let mut script = Script::online(config());
    let pong = script.server(PING);
    assert!(pong.starts_with("<iq type='result' id='p' to='romeo@example.net/o'"), "{pong}");
    assert!(!pong.contains("from="), "the server stamps it: {pong}");
    assert_eq!(script.events(), []);
    let mut script = Script::online(Config { answer_pings: false, ..config() });
    assert!(script.server(PING).contains("<service-unavailable"));
}

#[test]
fn xep0030_disco_info_is_answered() {
    let info = "<iq type='get' id='d' from='romeo@example.net/o'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>";
    let mut config = config();
    let disco = config.disco.as_mut().unwrap();
    disco.identities = vec![Identity::new("client", "bot").with_name("Nurse")];
    disco.features.push("urn:example:x".into());
    let mut script = Script::online(config);
    let answer = script.server(info);
    assert!(answer.contains("<identity category='client' type='bot' name='Nurse'/>"), "{answer}");
    for feature in ["http://jabber.org/protocol/disco#info", "urn:xmpp:ping", "urn:example:x"] {
        assert!(answer.contains(&format!("<feature var='{feature}'/>")), "{answer}");
    }
    let answer = script.server(&info.replace("#info'", "#info' node='what'"));
    assert!(answer.contains("<item-not-found"), "{answer}");
    let answer = script.server(&info.replace("'get'", "'set'"));
    assert!(answer.contains("<service-unavailable"), "{answer}");
    assert_eq!(script.events(), []);
}

#[test]
fn rfc6120_8_4_requests_that_nobody_wants_are_refused() {
    let mut script = Script::online(config());
    let answer = script.server(QUERY);
    assert!(answer.contains("type='error'") && answer.contains("id='q'"), "{answer}");
    assert!(answer.contains("<service-unavailable"), "{answer}");
    assert_eq!(script.events(), []);
}

#[test]
fn rfc6120_8_2_3_requests_that_the_caller_wants_are_its_to_answer() {
    for incoming in [IncomingRequests::All, IncomingRequests::Only(vec!["urn:example:q".into()])] {
        let mut script = Script::online(Config { incoming: incoming.clone(), ..config() });
        assert_eq!(script.server(QUERY), "");
        let Event::Iq(iq) = script.event() else { panic!() };
        let payload = Element::builder("ok", "urn:example:q");
        let handle = script.client.respond(script.now, &iq, Ok(Some(payload))).unwrap();
        let out = script.sent();
        assert!(out.contains("type='result'") && out.contains("<ok xmlns='urn:example:q'/>"), "{out}");
        assert_eq!(script.event(), Event::Sent(handle));
        script.client.refuse(script.now, &iq).unwrap();
        assert!(script.sent().contains("<service-unavailable"));
        let error = StanzaError::new(Condition::Forbidden);
        script.client.respond(script.now, &iq, Err(error)).unwrap();
        assert!(script.sent().contains("<forbidden"));
        assert!(script.server(PING).contains("type='result'"), "still the machine's");
    }
}

#[test]
fn rfc6120_8_2_3_replies_are_never_answered() {
    let mut script = Script::online(Config { incoming: IncomingRequests::All, ..config() });
    assert_eq!(script.server("<iq type='result' id='x' from='romeo@example.net/o'/>"), "");
    let Event::StrayReply(iq) = script.event() else { panic!() };
    assert_eq!(script.client.respond(script.now, &iq, Ok(None)), Err(SendError::NotARequest));
    assert_eq!(script.client.refuse(script.now, &iq), Err(SendError::NotARequest));
}

#[test]
fn nothing_is_answered_once_closing() {
    let mut script = Script::online(config());
    script.client.close(script.now);
    assert_eq!(script.sent(), "</stream:stream>");
    assert_eq!(script.server(PING), "");
    assert_eq!(script.server(QUERY), "");
}
