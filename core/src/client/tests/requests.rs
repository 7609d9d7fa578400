//! Iq requests (RFC 6120 section 8.2.3).

use super::*;
use crate::payload::disco::Identity;
use crate::stanza::Condition;

fn jid(text: &str) -> Option<Jid> {
    Some(Jid::new(text).unwrap())
}

fn result(id: &str, from: Option<&str>) -> String {
    let from = from.map(|from| format!(" from='{from}'")).unwrap_or_default();
    format!("<iq type='result' id='{id}'{from}/>")
}

/// The reply that has come.
fn reply(script: &mut Script) -> Reply {
    match script.event() {
        Event::Reply(reply) => reply,
        other => panic!("{other:?}"),
    }
}

#[test]
fn rfc6120_8_2_3_a_request_and_its_typed_reply() {
    let mut script = Script::online(config());
    let to = jid("example.com");
    let info = script.client.request(script.now, DiscoInfo { to: to.clone(), node: None }, None).unwrap();
    let asked = script.sent();
    let items =
        script.client.request(script.now, DiscoItems { to, node: Some("music".into()) }, None).unwrap();
    let asked_items = script.sent();
    assert!(asked.contains("type='get'") && asked.contains("to='example.com'"), "{asked}");
    assert!(asked_items.contains("node='music'"), "{asked_items}");
    script.server(&format!(
        "<iq type='result' id='{}' from='example.com'><query xmlns='http://jabber.org/protocol/disco#items'>\
         <item jid='people.example.com' name='Directory' node='n'/><item jid='rooms.example.com'/></query></iq>",
        attr(&asked_items, "id")
    ));
    let found = reply(&mut script);
    assert!(!found.is(&info) && found.is(&items));
    assert_eq!(info.read(&found), None);
    assert_eq!(found.request(), items.id());
    let list = items.read(&found).unwrap().unwrap();
    assert_eq!(list.len(), 2);
    assert_eq!((list[0].jid.as_str(), list[0].name.as_deref()), ("people.example.com", Some("Directory")));
    script.server(&format!(
        "<iq type='result' id='{}' from='example.com'><query xmlns='http://jabber.org/protocol/disco#info'>\
         <identity category='server' type='im' name='Shakespeare'/><feature var='urn:xmpp:ping'/></query></iq>",
        attr(&asked, "id")
    ));
    let found = info.read(&reply(&mut script)).unwrap().unwrap();
    assert_eq!(found.identities, [Identity::new("server", "im").with_name("Shakespeare")]);
    assert!(found.has("urn:xmpp:ping") && !found.has("urn:xmpp:pong"));
}

#[test]
fn rfc6120_8_3_errors_and_nonsense_are_told_apart() {
    let mut script = Script::online(config());
    let info =
        script.client.request(script.now, DiscoInfo { to: jid("a.example"), node: None }, None).unwrap();
    let id = attr(&script.sent(), "id");
    script.server(&format!(
        "<iq type='error' id='{id}' from='a.example'><error type='cancel'><remote-server-not-found \
         xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
    ));
    let Some(Err(RequestError::Stanza(error))) = info.read(&reply(&mut script)) else { panic!() };
    assert_eq!(*error.condition(), Condition::RemoteServerNotFound);

    let info =
        script.client.request(script.now, DiscoInfo { to: jid("a.example"), node: None }, None).unwrap();
    let id = attr(&script.sent(), "id");
    script.server(&result(&id, Some("a.example")));
    assert!(matches!(info.read(&reply(&mut script)), Some(Err(RequestError::Malformed(_)))));
}

#[test]
fn rfc6120_8_2_3_a_reply_that_breaks_the_rules_fails_its_request_and_nothing_else() {
    for inner in ["type='error' id='ID'/>", "type='result' id='ID'><a xmlns='x'/><b xmlns='x'/></iq>"] {
        let mut script = Script::online(config());
        let ping = script.client.request(script.now, Ping { to: jid("a.example") }, None).unwrap();
        let id = attr(&script.sent(), "id");
        let inner = inner.replace("ID", &id);
        // From somebody else it is a reply to nothing.
        assert_eq!(script.server(&format!("<iq from='b.example' {inner}")), "");
        assert!(matches!(script.event(), Event::Malformed { error: stanza::ParseError::Children, .. }));
        assert_eq!(script.server(&format!("<iq from='a.example' {inner}")), "", "replies are not answered");
        let result = ping.read(&reply(&mut script));
        assert!(matches!(result, Some(Err(RequestError::Malformed(_)))), "{result:?}");
        assert!(script.client.is_online());
    }
}

#[test]
fn rfc6120_8_1_2_1_only_who_was_asked_can_answer() {
    // Whom the request is for, who may answer, and who may not.
    type Senders = &'static [Option<&'static str>];
    let cases: [(Option<&str>, Senders, Senders); 4] = [
        (
            None,
            &[None, Some("juliet@example.com"), Some("example.com"), Some(JID)],
            &[Some("romeo@example.net/o"), Some("juliet@example.com/other"), Some("example.net")],
        ),
        (
            Some("juliet@example.com"),
            &[None, Some("juliet@example.com"), Some("example.com")],
            &[Some("juliet@example.com/other"), Some("x@example.com")],
        ),
        (
            Some("example.com"),
            &[None, Some("example.com")],
            &[Some("romeo@example.com"), Some("sub.example.com")],
        ),
        (
            Some("romeo@example.net/orchard"),
            &[Some("romeo@example.net/orchard"), Some("ROMEO@EXAMPLE.net/orchard")],
            &[
                None,
                Some("romeo@example.net"),
                Some("romeo@example.net/other"),
                Some("example.net"),
                Some("juliet@example.com"),
            ],
        ),
    ];
    for (to, rightful, impostors) in cases {
        for from in rightful {
            let mut script = Script::online(config());
            let ping = script.client.request(script.now, Ping { to: to.and_then(jid) }, None).unwrap();
            let id = attr(&script.sent(), "id");
            for impostor in impostors {
                script.server(&result(&id, *impostor));
                let event = script.event();
                assert!(matches!(event, Event::StrayReply(_)), "to {to:?} from {impostor:?}: {event:?}");
            }
            script.server(&result(&id, *from));
            assert_eq!(ping.read(&reply(&mut script)), Some(Ok(())), "to {to:?} from {from:?}");
            script.server(&result(&id, *from));
            assert!(matches!(script.event(), Event::StrayReply(_)), "only once");
        }
    }
}

#[test]
fn requests_time_out_in_their_order_under_the_virtual_clock() {
    let mut script = Script::online(config());
    let slow = script.client.request(script.now, Ping { to: None }, None).unwrap();
    let quick = script.client.request(script.now, Ping { to: None }, Some(Duration::from_secs(5))).unwrap();
    let out = script.sent();
    assert_eq!(script.deadline(), (5, Reason::Request));
    script.wait(4);
    assert_eq!(script.events(), []);
    script.wait(1);
    assert_eq!(quick.read(&reply(&mut script)), Some(Err(RequestError::Timeout)));
    assert_eq!(script.deadline(), (55, Reason::Request));
    script.wait(55);
    assert_eq!(slow.read(&reply(&mut script)), Some(Err(RequestError::Timeout)));
    assert_eq!(script.deadline(), (240, Reason::KeepAlive));
    script.server(&result(&attr(&out, "id"), None));
    assert!(matches!(script.event(), Event::StrayReply(_)), "too late");
}

#[test]
fn a_disconnection_ends_all_requests_and_says_whether_they_left() {
    let mut script = Script::online(config());
    let one = script.client.request(script.now, Ping { to: None }, None).unwrap();
    script.sent();
    let two = script.client.request(script.now, Ping { to: None }, None).unwrap();
    script.client.receive_eof(script.now);
    let events = script.events();
    let [Event::Reply(first), Event::Reply(second), Event::Closed(_)] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(one.read(first), Some(Err(RequestError::Disconnected { sent: true })));
    assert_eq!(two.read(second), Some(Err(RequestError::Disconnected { sent: false })));
    assert!(script.client.request(script.now, Ping { to: None }, None).is_err());
}

#[test]
fn requests_have_a_limit() {
    let mut script = Script::online(Config { max_requests: 1, ..config() });
    let first = script.client.request(script.now, Ping { to: None }, None);
    assert!(first.is_ok());
    let second = script.client.request(script.now, Ping { to: None }, None);
    assert_eq!(second.err(), Some(SendError::TooManyRequests));
}

#[test]
fn handles_of_another_machine_fit_nothing_here() {
    let mut script = Script::online(config());
    let mine = script.client.request(script.now, Ping { to: None }, None).unwrap();
    let id = attr(&script.sent(), "id");
    let mut other = Script::online(config());
    other.client = {
        // The same life again, from another seed.
        let mut script = Script {
            client: Client::new(config(), start_of_time(), Entropy::from_seed([8; 32])),
            now: start_of_time(),
            events: Vec::new(),
        };
        let request = script.authenticated(BIND);
        script.bound(&request, JID);
        script.client
    };
    other.events();
    let theirs = other.client.request(other.now, Ping { to: None }, None).unwrap();
    script.server(&result(&id, None));
    let reply = reply(&mut script);
    assert!(reply.is(&mine) && !reply.is(&theirs));
    assert_eq!(theirs.read(&reply), None);
}

#[test]
fn raw_requests_give_the_iq() {
    let mut script = Script::online(config());
    let raw = Raw {
        to: jid("example.com"),
        kind: RequestKind::Set,
        payload: crate::xml::Element::builder("x", "urn:example:x"),
    };
    let raw = script.client.request(script.now, raw, None).unwrap();
    let out = script.sent();
    assert!(out.contains("type='set'") && out.contains("<x xmlns='urn:example:x'/>"), "{out}");
    script.server(&format!(
        "<iq type='result' id='{}' from='example.com'><y xmlns='urn:example:y'/></iq>",
        attr(&out, "id")
    ));
    let iq = raw.read(&reply(&mut script)).unwrap().unwrap();
    assert!(iq.payload().unwrap().is("y", "urn:example:y"));
}
