//! RFC 6121 section 2: rosters. A world in which juliet is `juliet/balcony` unless said otherwise.

use super::*;
use crate::server::store::StoreError;

const GET: &str = "<iq type='get' id='g'><query xmlns='jabber:iq:roster'/></iq>";

fn get(ver: &str) -> String {
    format!("<iq type='get' id='g'><query xmlns='jabber:iq:roster' ver='{ver}'/></iq>")
}

fn set(id: &str, inner: &str) -> String {
    format!("<iq type='set' id='{id}'><query xmlns='jabber:iq:roster'>{inner}</query></iq>")
}

/// The version that a result or a push names.
fn ver(stanza: &Stanza) -> String {
    stanza.child("query", crate::ns::ROSTER).unwrap().attr("ver").unwrap().to_owned()
}

/// The items of a result or a push.
fn items(stanza: &Stanza) -> String {
    let xml = xml(stanza);
    let (_, query) = xml.split_once("<query").expect("a query");
    let (_, inner) = query.split_once('>').unwrap();
    inner.split("</query>").next().unwrap().to_owned()
}

/// A roster push, and nothing else: its items. `to` is its address.
fn push(stanza: &Stanza, to: &str) -> String {
    let brief = brief(stanza);
    let (head, id) = brief.split_once(" #").expect("an id");
    assert_eq!(head, format!("iq set - > {to}"));
    assert!(id.len() >= 20, "nobody can guess it");
    items(stanza)
}

impl World {
    /// A session that has asked for the roster, which is forgotten.
    fn interested(&mut self, jid: &str) {
        self.login(jid);
        self.send(jid, GET);
        assert_eq!(self.take(jid).len(), 1);
    }

    /// Juliet's roster as the store has it.
    fn kept(&self) -> &crate::server::store::Roster {
        &self.store.get(&account("juliet")).unwrap().roster
    }

    /// Gives juliet a contact with a subscription, behind the back of the hub.
    fn befriend(&mut self, jid: &str, to: bool, from: bool) {
        let mut record = self.store.get(&account("juliet")).unwrap().clone();
        let version = record.roster.version + 1;
        let contact = crate::server::store::Contact { to, from, version, ..Default::default() };
        record.apply(Delta::Contact { jid: BareJid::new(jid).unwrap(), contact });
        self.store.insert(account("juliet"), record);
    }

    /// What juliet receives on account of a set that is refused, or of a get.
    fn answer_to(&mut self, request: &str) -> String {
        self.send("juliet/balcony", request);
        let got = self.got("juliet/balcony");
        assert_eq!(got.len(), 1, "{got:?}");
        got.into_iter().next().unwrap()
    }

    /// Juliet's session sets an item.
    fn sets(&mut self, inner: &str) {
        assert_eq!(self.answer_to(&set("s", inner)), "iq result juliet > juliet/balcony #s", "{inner}");
    }

    /// Juliet's roster as she gets it.
    fn gets(&mut self) -> Stanza {
        self.send("juliet/balcony", GET);
        self.take("juliet/balcony").pop().unwrap()
    }
}

#[test]
fn rfc6121_2_1_4_an_empty_roster_is_a_query_without_items() {
    let mut world = World::new();
    world.login("juliet/balcony");
    world.send("juliet/balcony", GET);
    let result = world.take("juliet/balcony").pop().unwrap();
    assert_eq!(brief(&result), "iq result juliet > juliet/balcony #g");
    assert!(xml(&result).ends_with("<query xmlns='jabber:iq:roster' ver='0'/></iq>"), "{}", xml(&result));
    world.silence();
}

#[test]
fn rfc6121_2_3_2_a_new_contact_is_answered_and_pushed_to_all_interested_resources() {
    let mut world = World::new();
    for jid in ["juliet/balcony", "juliet/chamber"] {
        world.interested(jid);
    }
    // Available, but not interested.
    world.online("juliet/garden", 0);
    let item =
        "<item jid='nurse@example.com' name='Nurse &amp; co'><group>Servants</group><group>A</group></item>";
    world.send("juliet/balcony", &set("s", item));
    let pushed = "<item jid='nurse@example.com' name='Nurse &amp; co' subscription='none'>\
                  <group>Servants</group><group>A</group></item>";
    let own = world.take("juliet/balcony");
    assert_eq!(own.len(), 2);
    assert_eq!(brief(&own[0]), "iq result juliet > juliet/balcony #s");
    assert_eq!(own[0].element().children().count(), 0);
    assert_eq!(push(&own[1], "juliet/balcony"), pushed);
    let other = world.take("juliet/chamber");
    assert_eq!(other.len(), 1);
    assert_eq!(push(&other[0], "juliet/chamber"), pushed);
    assert_ne!(own[1].id(), other[0].id());
    assert_eq!(ver(&own[1]), ver(&other[0]));
    world.silence();
    let roster = world.gets();
    assert_eq!((items(&roster), ver(&roster)), (pushed.into(), ver(&own[1])));
    assert_eq!(world.kept().version.to_string(), ver(&own[1]));
}
