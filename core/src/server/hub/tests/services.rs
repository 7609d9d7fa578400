//! What the server answers itself.

use super::*;
use crate::ns;
use crate::payload::caps::{Caps, Verdict};
use crate::payload::datetime::Offset;
use crate::payload::disco::{Info, Item};
use crate::payload::last::Last;
use crate::payload::time::EntityTime;
use crate::payload::version::Version;
use crate::server::module::{Module, Place};
use crate::server::store::{Contact, LastPresence};
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
    assert!(features.is_sorted(), "{features:?}");
    for feature in
        [ns::CAPS, ns::DISCO_INFO, ns::DISCO_ITEMS, ns::LAST, ns::PING, ns::TIME, ns::VCARD, ns::VERSION]
    {
        assert!(features.iter().any(|known| known == feature), "{feature}");
    }
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

/// Romeo, as the contact that juliet's roster has him as; with an account of his own.
fn juliet_knows_romeo(world: &mut World, contact: Contact) {
    let mut record = Record::new(credentials(1));
    record.apply(Delta::Contact { jid: account("romeo"), contact: Contact { version: 1, ..contact } });
    world.store.insert(account("juliet"), record);
}

fn may_see() -> Contact {
    Contact { from: true, ..Contact::default() }
}

#[test]
fn xep0030_8_contacts_that_may_see_presence_learn_what_an_account_is_and_its_resources() {
    let mut world = World::new();
    juliet_knows_romeo(&mut world, may_see());
    world.login("romeo/orchard");
    world.login("juliet/balcony");
    world.online("juliet/chamber", 0);
    let mut ask = |query: &str| {
        answers(
            &mut world,
            "romeo/orchard",
            &format!("<iq type='get' to='juliet@example.com' id='1'>{query}</iq>"),
        )
    };
    let (identities, features) = features(&ask(INFO));
    assert_eq!(identities, ["account"]);
    assert!(features.contains(&ns::DISCO_INFO.to_owned()));
    let answer = ask(ITEMS);
    // Of the two resources one is available.
    let wanted = "<query xmlns='http://jabber.org/protocol/disco#items'><item jid='juliet@example.com/chamber'/></query>";
    assert!(xml(&answer[0]).contains(wanted), "{}", xml(&answer[0]));
    let nobodys = "<query xmlns='http://jabber.org/protocol/disco#info' node='x'/>";
    assert_eq!(brief(&ask(nobodys)[0]), "iq error juliet > romeo/orchard #1 item-not-found/cancel");
}

#[test]
fn xep0030_8_strangers_learn_as_much_as_of_accounts_that_do_not_exist() {
    for contact in [Contact::default(), Contact { to: true, ..Contact::default() }] {
        let mut world = World::new();
        juliet_knows_romeo(&mut world, contact);
        world.login("romeo/orchard");
        world.online("juliet/chamber", 0);
        let node = "<query xmlns='http://jabber.org/protocol/disco#items' node='x'/>";
        for (query, set) in [(INFO, "get"), (ITEMS, "get"), (node, "get"), (ITEMS, "set"), (INFO, "set")] {
            let mut ask = |name: &str| {
                world.send(
                    "romeo/orchard",
                    &format!("<iq type='{set}' to='{name}@example.com' id='1'>{query}</iq>"),
                );
                let [answer] = &world.take("romeo/orchard")[..] else { panic!("{query}") };
                xml(answer).replace(name, "somebody")
            };
            assert_eq!(ask("juliet"), ask("nobody"));
        }
        world.send("romeo/orchard", &format!("<iq type='get' to='juliet@example.com' id='1'>{ITEMS}</iq>"));
        let answer = world.take("romeo/orchard").remove(0);
        assert!(
            xml(&answer).contains("<query xmlns='http://jabber.org/protocol/disco#items'/>"),
            "{answer:?}"
        );
    }
}

#[test]
fn xep0030_4_the_domain_lists_the_services_that_the_operator_names() {
    let mut config = config();
    let mut rooms = Item::new(crate::jid::Jid::new("rooms.example.com").unwrap());
    rooms.name = Some("Rooms".into());
    config.items = vec![rooms];
    let mut world = World::with(config);
    world.login("juliet/balcony");
    let answer = answers(
        &mut world,
        "juliet/balcony",
        &format!("<iq type='get' to='example.com' id='1'>{ITEMS}</iq>"),
    );
    assert!(xml(&answer[0]).contains("<item jid='rooms.example.com' name='Rooms'/>"), "{answer:?}");
}

#[test]
fn xep0115_6_3_what_a_stream_announces_is_what_the_domain_answers() {
    let mut world = World::new();
    world.hub.add_module(Box::new(Time));
    world.login("juliet/balcony");
    let features = world.hub.stream_features();
    let [caps] = &features[..] else { panic!("{features:?}") };
    let caps = Caps::parse(caps.root()).unwrap();
    let mut ask = |node: &str| {
        let query = format!("<query xmlns='http://jabber.org/protocol/disco#info' node='{node}'/>");
        answers(&mut world, "juliet/balcony", &format!("<iq type='get' to='example.com' id='1'>{query}</iq>"))
    };
    let answer = ask(&caps.query_node());
    let Stanza::Iq(iq) = &answer[0] else { panic!() };
    let query = iq.payload().unwrap();
    assert_eq!(query.attr("node"), Some(&*caps.query_node()));
    let info = Info::parse(query).unwrap();
    assert!(info.has(ns::CAPS) && info.has("urn:time"));
    assert_eq!(caps.verify(&info), Verdict::Valid);
    for node in ["urn:waxwing:server", &format!("{}x", caps.query_node()), ""] {
        assert_eq!(brief(&ask(node)[0]), "iq error . > juliet/balcony #1 item-not-found/cancel", "{node}");
    }
}

#[test]
fn xep0092_the_domain_tells_its_software() {
    let mut config = config();
    config.software = Version::new("Test & Co", "1.2");
    let mut world = World::with(config);
    world.login("juliet/balcony");
    let mut ask = |kind: &str| {
        let xml =
            format!("<iq type='{kind}' to='example.com' id='1'><query xmlns='jabber:iq:version'/></iq>");
        answers(&mut world, "juliet/balcony", &xml).remove(0)
    };
    let Stanza::Iq(iq) = ask("get") else { panic!() };
    assert_eq!(Version::parse(iq.payload().unwrap()), Ok(Version::new("Test & Co", "1.2")));
    assert_eq!(brief(&ask("set")), "iq error . > juliet/balcony #1 bad-request/modify");
}

#[test]
fn xep0202_the_domain_tells_the_time() {
    let mut world = World::new();
    world.login("juliet/balcony");
    let now = world.now.utc;
    let mut ask = |kind: &str| {
        let xml = format!("<iq type='{kind}' to='example.com' id='1'><time xmlns='urn:xmpp:time'/></iq>");
        answers(&mut world, "juliet/balcony", &xml).remove(0)
    };
    let Stanza::Iq(iq) = ask("get") else { panic!() };
    assert_eq!(EntityTime::parse(iq.payload().unwrap()), Ok(EntityTime::new(now, Offset::UTC)));
    assert_eq!(brief(&ask("set")), "iq error . > juliet/balcony #1 bad-request/modify");
}

const LAST: &str = "<query xmlns='jabber:iq:last'/>";

/// Seconds and words of an answer, or the error.
fn last(answer: &Stanza) -> Result<(u64, String), String> {
    let Stanza::Iq(iq) = answer else { panic!("{answer:?}") };
    match iq.error() {
        Some(error) => Err(error.condition().name().to_owned()),
        None => Last::parse(iq.payload().unwrap()).map(|l| (l.seconds, l.status)).map_err(|e| e.to_string()),
    }
}

#[test]
fn xep0012_5_the_domain_tells_how_long_it_has_run() {
    let mut world = World::new();
    world.login("juliet/balcony");
    world.pass(61 * SECOND);
    let answer =
        answers(&mut world, "juliet/balcony", &format!("<iq type='get' to='example.com' id='1'>{LAST}</iq>"));
    assert_eq!(last(&answer[0]), Ok((61, String::new())));
}

#[test]
fn xep0012_3_an_account_tells_when_it_went_offline_to_those_who_may_see_its_presence() {
    for (contact, expected) in [
        (may_see(), Ok((42, "Heading home".to_owned()))),
        (Contact { to: true, ..Contact::default() }, Err("forbidden".to_owned())),
        (Contact { ask: true, ..Contact::default() }, Err("forbidden".to_owned())),
        // Whoever has no business with the account must not learn that it is there.
        (Contact::default(), Err("service-unavailable".to_owned())),
    ] {
        let mut world = World::new();
        juliet_knows_romeo(&mut world, contact);
        let mut record = world.store.get(&account("juliet")).unwrap().clone();
        record.apply(Delta::Last(Some(LastPresence { at: world.now.utc, status: "Heading home".into() })));
        world.store.insert(account("juliet"), record);
        world.login("romeo/orchard");
        world.pass(42 * SECOND);
        world.send("romeo/orchard", &format!("<iq type='get' to='juliet@example.com' id='1'>{LAST}</iq>"));
        assert_eq!(last(&world.take("romeo/orchard")[0]), expected);
    }
}

#[test]
fn xep0012_3_an_account_that_is_connected_is_active_now() {
    let mut world = World::new();
    juliet_knows_romeo(&mut world, may_see());
    world.login("romeo/orchard");
    let ask = |world: &mut World| {
        world.send("romeo/orchard", &format!("<iq type='get' to='juliet@example.com' id='1'>{LAST}</iq>"));
        last(&world.take("romeo/orchard")[0])
    };
    assert_eq!(ask(&mut world), Err("item-not-found".into()), "nobody has ever logged in");
    world.login("juliet/balcony");
    assert_eq!(ask(&mut world), Ok((0, String::new())));
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
    assert!(features.is_sorted(), "{features:?}");
    for feature in ["urn:a", "urn:time", ns::PING] {
        assert!(features.iter().any(|known| known == feature), "{feature}");
    }
}
