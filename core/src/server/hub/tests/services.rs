//! What the server answers itself.

use super::*;
use crate::ns;
use crate::server::module::{Module, Place};
use crate::stanza::Iq;
use crate::stanza::StanzaError;
use crate::xml::ElementBuilder;

/// Everything that a session receives for a request.
fn answers(world: &mut World, jid: &str, xml: &str) -> Vec<Stanza> {
    let id = world.names[jid];
    world.hub.stanza(world.now, id, stanza(xml));
    let mut answers = Vec::new();
    while let Some(output) = world.hub.poll_output() {
        match output {
            Output::Deliver { session, stanza } if session == id => answers.push(stanza),
            other => panic!("{other:?}"),
        }
    }
    answers
}

fn features(answer: &[Stanza]) -> (Vec<String>, Vec<String>) {
    let [Stanza::Iq(iq)] = answer else { panic!("{answer:?}") };
    let query = iq.payload().unwrap();
    assert!(query.is("query", ns::DISCO_INFO));
    let collect = |name: &str, attr: &str| {
        let children = query.children().filter(|child| child.is(name, ns::DISCO_INFO));
        children.map(|child| child.attr(attr).unwrap().to_owned()).collect()
    };
    (collect("identity", "category"), collect("feature", "var"))
}

const INFO: &str = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
const ITEMS: &str = "<query xmlns='http://jabber.org/protocol/disco#items'/>";

#[test]
fn xep0030_the_domain_tells_what_it_is() {
    let mut world = World::new();
    world.login("juliet/balcony");
    let answer =
        answers(&mut world, "juliet/balcony", &format!("<iq type='get' to='example.com' id='1'>{INFO}</iq>"));
    assert_eq!(brief(&answer[0]), "iq result . > juliet/balcony #1");
    let (identities, features) = features(&answer);
    assert_eq!(identities, ["server"]);
    assert_eq!(features, [ns::DISCO_INFO, ns::DISCO_ITEMS, ns::PRE_APPROVAL, ns::PING]);
}

#[test]
fn xep0030_an_account_tells_its_own_sessions_only() {
    let mut world = World::new();
    world.login("juliet/balcony");
    world.login("romeo/orchard");
    let request = format!("<iq type='get' to='juliet@example.com' id='1'>{INFO}</iq>");
    let (identities, _) = features(&answers(&mut world, "juliet/balcony", &request));
    assert_eq!(identities, ["account"]);
    let answer = answers(&mut world, "romeo/orchard", &request);
    assert_eq!(brief(&answer[0]), "iq error juliet > romeo/orchard #1 service-unavailable/cancel");
}

#[test]
fn xep0030_items_nodes_and_wrong_types() {
    let mut world = World::new();
    world.login("juliet/balcony");
    let mut ask = |xml: &str| brief(&answers(&mut world, "juliet/balcony", xml)[0]);
    let items = format!("<iq type='get' to='example.com' id='1'>{ITEMS}</iq>");
    assert_eq!(ask(&items), "iq result . > juliet/balcony #1");
    for query in [INFO, ITEMS] {
        let node = query.replace("/>", " node='x'/>");
        let node = ask(&format!("<iq type='get' to='example.com' id='1'>{node}</iq>"));
        assert_eq!(node, "iq error . > juliet/balcony #1 item-not-found/cancel");
        let set = ask(&format!("<iq type='set' to='example.com' id='1'>{query}</iq>"));
        assert_eq!(set, "iq error . > juliet/balcony #1 bad-request/modify");
    }
}

#[test]
fn xep0199_the_domain_answers_pings() {
    let mut world = World::new();
    world.login("juliet/balcony");
    let mut ask = |xml: &str| brief(&answers(&mut world, "juliet/balcony", xml)[0]);
    let ping = "<ping xmlns='urn:xmpp:ping'/>";
    let answer = ask(&format!("<iq type='get' to='example.com' id='1'>{ping}</iq>"));
    assert_eq!(answer, "iq result . > juliet/balcony #1");
    let answer = ask(&format!("<iq type='set' to='example.com' id='1'>{ping}</iq>"));
    assert_eq!(answer, "iq error . > juliet/balcony #1 bad-request/modify");
}

#[test]
fn rfc6120_10_5_1_and_10_5_2_other_stanzas_to_the_domain() {
    let mut world = World::new();
    world.login("juliet/balcony");
    world.send("juliet/balcony", "<message to='example.com' id='1'/>");
    world.send("juliet/balcony", "<iq type='get' to='example.com' id='2'><what xmlns='urn:what'/></iq>");
    world.send(
        "juliet/balcony",
        "<iq type='get' to='example.com/x' id='3'><ping xmlns='urn:xmpp:ping'/></iq>",
    );
    world.send("juliet/balcony", "<iq type='result' to='example.com' id='4'/>");
    world.send("juliet/balcony", "<presence to='example.com'/>");
    let expected = [
        "message error . > juliet/balcony #1 service-unavailable/cancel",
        "iq error . > juliet/balcony #2 service-unavailable/cancel",
        "iq error ./x > juliet/balcony #3 service-unavailable/cancel",
    ];
    assert_eq!(world.got("juliet/balcony"), expected);
    world.silence();
}

/// Answers `urn:time`; would answer pings, too, if it were asked.
#[derive(Debug)]
struct Time;

impl Module for Time {
    fn features(&self, at: Place) -> &[&'static str] {
        if at == Place::Domain { &["urn:time", "urn:a"] } else { &[] }
    }
    fn handles(&self, at: Place, _: &str, ns: &str) -> bool {
        at == Place::Domain && (ns == "urn:time" || ns == ns::PING)
    }
    fn iq(&mut self, now: Now, _: Place, _: &Iq) -> Result<Option<ElementBuilder>, StanzaError> {
        let utc = now.utc.unix_millis().to_string();
        Ok(Some(Element::builder("time", "urn:time").text(&utc)))
    }
}

#[test]
fn modules_answer_what_the_server_does_not() {
    let mut world = World::new();
    world.hub.add_module(Box::new(Time));
    world.login("juliet/balcony");
    let mut ask = |to: &str, payload: &str| {
        answers(&mut world, "juliet/balcony", &format!("<iq type='get' to='{to}' id='1'>{payload}</iq>"))
    };
    let answer = ask("example.com", "<time xmlns='urn:time'/>");
    let Stanza::Iq(iq) = &answer[0] else { panic!() };
    assert_eq!(iq.payload().unwrap().text(), "1767225600000");
    let answer = ask("juliet@example.com", "<time xmlns='urn:time'/>");
    assert_eq!(brief(&answer[0]), "iq error juliet > juliet/balcony #1 service-unavailable/cancel");
    let answer = ask("example.com", "<ping xmlns='urn:xmpp:ping'/>");
    let Stanza::Iq(iq) = &answer[0] else { panic!() };
    assert!(iq.payload().is_none(), "the server knows pings itself");
    let (_, features) = features(&ask("example.com", INFO));
    assert_eq!(features, [ns::DISCO_INFO, ns::DISCO_ITEMS, "urn:a", "urn:time", ns::PRE_APPROVAL, ns::PING]);
}
