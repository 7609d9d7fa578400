//! RFC 6121 section 2: rosters. A world in which juliet is `juliet/balcony` unless said otherwise.

mod changes;
mod versions;

use super::*;

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
    inner.split_once("</query>").map(|(inner, _)| inner).unwrap_or_default().to_owned()
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
    pub(super) fn befriend(&mut self, jid: &str, to: bool, from: bool) {
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

    /// Juliet's session, which is interested, sets an item. Returns what is pushed.
    fn sends_and_is_pushed(&mut self, inner: &str) -> String {
        self.send("juliet/balcony", &set("s", inner));
        let got = self.take("juliet/balcony");
        let [result, pushed] = &got[..] else { panic!("{got:?}") };
        assert_eq!(brief(result), "iq result juliet > juliet/balcony #s");
        push(pushed, "juliet/balcony")
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

#[test]
fn rfc6121_2_1_3_a_get_has_no_items() {
    let mut world = World::new();
    world.login("juliet/balcony");
    let bad =
        "<iq type='get' id='g'><query xmlns='jabber:iq:roster'><item jid='a@example.net'/></query></iq>";
    assert_eq!(world.answer_to(bad), "iq error juliet > juliet/balcony #g bad-request/modify");
    // And has no effect (2.2).
    world.login("juliet/chamber");
    world.send("juliet/chamber", &set("s", "<item jid='nurse@example.com'/>"));
    world.got("juliet/chamber");
    world.silence();
}

#[test]
fn rfc6121_2_1_3_a_get_may_name_the_account_and_reaches_the_resource_that_it_names() {
    let mut world = World::new();
    world.login("juliet/balcony");
    world.login("juliet/chamber");
    let to = |to: &str| GET.replace("type=", &format!("to='{to}' type="));
    assert_eq!(world.answer_to(&to("Juliet@EXAMPLE.com")), "iq result juliet > juliet/balcony #g");
    world.send("juliet/balcony", &to("juliet@example.com/chamber"));
    assert_eq!(world.got("juliet/chamber"), ["iq get juliet/balcony > juliet/chamber #g"]);
    let error = world.answer_to(&to("example.com"));
    assert_eq!(error, "iq error . > juliet/balcony #g service-unavailable/cancel");
    world.silence();
}

#[test]
fn rfc6121_2_1_5_what_only_the_server_may_say_is_ignored() {
    let mut world = World::new();
    world.befriend("romeo@example.net", true, false);
    world.interested("juliet/balcony");
    let says = "name='x' subscription='both' ask='subscribe' approved='true'";
    for (jid, expected) in [("nurse@example.com", "none"), ("romeo@example.net", "to")] {
        world.send("juliet/balcony", &set("s", &format!("<item jid='{jid}' {says}/>")));
        let got = world.take("juliet/balcony");
        let item = format!("<item jid='{jid}' name='x' subscription='{expected}'/>");
        assert_eq!(push(&got[1], "juliet/balcony"), item);
    }
}

#[test]
fn rfc6121_2_1_6_what_clients_answer_to_pushes_is_ignored() {
    let mut world = World::new();
    world.interested("juliet/balcony");
    world.online("juliet/chamber", 0);
    world.send("juliet/balcony", &set("s", "<item jid='nurse@example.com'/>"));
    let push = world.take("juliet/balcony").pop().unwrap();
    let id = push.id().unwrap();
    let error =
        "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
    for to in ["", "to='juliet@example.com'"] {
        world.send("juliet/balcony", &format!("<iq type='result' id='{id}' {to}/>"));
        world.send("juliet/balcony", &format!("<iq type='error' id='{id}' {to}>{error}</iq>"));
    }
    world.silence();
    world.sends_and_is_pushed("<item jid='nurse@example.com' name='Nurse'/>");
}

#[test]
fn rfc6121_2_2_a_resource_is_interested_from_its_get_on_and_a_new_session_is_not() {
    let mut world = World::new();
    world.login("juliet/balcony");
    world.sets("<item jid='a@example.net'/>");
    world.gets();
    world.sends_and_is_pushed("<item jid='b@example.net'/>");
    world.leave("juliet/balcony");
    world.login("juliet/balcony");
    world.sets("<item jid='c@example.net'/>");
    // An available resource stays interested when it becomes unavailable.
    world.gets();
    world.send("juliet/balcony", "<presence/>");
    world.send("juliet/balcony", "<presence type='unavailable'/>");
    world.got("juliet/balcony");
    world.sends_and_is_pushed("<item jid='d@example.net'/>");
}

#[test]
fn rfc6121_2_3_3_sets_that_are_refused() {
    let mut world = World::new();
    world.interested("juliet/balcony");
    let long = "x".repeat(1024);
    let groups: String = (0..51).map(|n| format!("<group>{n}</group>")).collect();
    for (inner, error) in [
        ("", "bad-request/modify"),
        ("<item/>", "bad-request/modify"),
        ("<item jid='a@example.net'/><item jid='b@example.net'/>", "bad-request/modify"),
        ("<item jid='a@example.net'><group>x</group><group>x</group></item>", "bad-request/modify"),
        ("<item jid='@example.net'/>", "jid-malformed/modify"),
        ("<item jid='a@example.net'><group/></item>", "not-acceptable/modify"),
        ("<item jid='a@example.net/resource'/>", "not-acceptable/modify"),
        (&format!("<item jid='a@example.net' name='{long}'/>"), "not-acceptable/modify"),
        (&format!("<item jid='a@example.net'><group>{long}</group></item>"), "not-acceptable/modify"),
        (&format!("<item jid='a@example.net'>{groups}</item>"), "not-acceptable/modify"),
        ("<item jid='juliet@example.com'/>", "not-allowed/cancel"),
        ("<item jid='JULIET@example.com' name='me'/>", "not-allowed/cancel"),
    ] {
        let answer = world.answer_to(&set("s", inner));
        assert_eq!(answer, format!("iq error juliet > juliet/balcony #s {error}"), "{inner}");
    }
    world.silence();
    assert_eq!(world.kept().version, 0);
    // What is just as long as it may be is not refused.
    let (long, groups) = (&long[1..], groups.replace("<group>50</group>", ""));
    world.sends_and_is_pushed(&format!("<item jid='a@example.net' name='{long}'>{groups}</item>"));
    world.sends_and_is_pushed(&format!("<item jid='a@example.net'><group>{long}</group></item>"));
}

#[test]
fn rfc6121_2_3_3_others_may_neither_read_nor_write_whether_or_not_there_is_a_roster() {
    let mut world = World::new();
    world.befriend("romeo@example.com", true, true);
    world.interested("juliet/balcony");
    world.login("romeo/orchard");
    for to in ["juliet", "nobody"] {
        for item in
            ["<item jid='x@example.net'/>", "", "<item jid='romeo@example.com' subscription='remove'/>"]
        {
            let set = set("s", item).replace("type=", &format!("to='{to}@example.com' type="));
            world.send("romeo/orchard", &set);
            let error = format!("iq error {to} > romeo/orchard #s forbidden/auth");
            assert_eq!(world.got("romeo/orchard"), [error]);
        }
        let get = GET.replace("type=", &format!("to='{to}@example.com' type="));
        world.send("romeo/orchard", &get);
        let error = format!("iq error {to} > romeo/orchard #g service-unavailable/cancel");
        assert_eq!(world.got("romeo/orchard"), [error]);
    }
    world.silence();
    assert_eq!(world.kept().contacts.len(), 1);
}

#[test]
fn rfc6121_2_4_an_update_replaces_handle_and_groups_and_keeps_subscriptions() {
    let mut world = World::new();
    world.befriend("romeo@example.net", true, true);
    world.interested("juliet/balcony");
    for (said, kept) in [
        (
            "name='Romeo'><group>Friends</group>",
            " name='Romeo' subscription='both'><group>Friends</group></item>",
        ),
        (
            "name='Romeo'><group>Z</group><group>A</group>",
            " name='Romeo' subscription='both'><group>Z</group><group>A</group></item>",
        ),
        ("name='Romeo'><group>a</group>", " name='Romeo' subscription='both'><group>a</group></item>"),
        ("name='Romeo'>", " name='Romeo' subscription='both'/>"),
        (" name=' &lt;MyRomeo> '>", " name=' &lt;MyRomeo> ' subscription='both'/>"),
        ("name=''>", " subscription='both'/>"),
        (">", " subscription='both'/>"),
    ] {
        let pushed = world.sends_and_is_pushed(&format!("<item jid='Romeo@example.NET' {said}</item>"));
        assert_eq!(pushed.replace("&gt;", ">"), format!("<item jid='romeo@example.net'{kept}"));
        assert_eq!(items(&world.gets()), pushed);
    }
}

#[test]
fn rfc6121_2_5_2_a_removal_is_answered_and_pushed() {
    let mut world = World::new();
    world.interested("juliet/balcony");
    world.interested("juliet/chamber");
    world.send(
        "juliet/balcony",
        &set("1", "<item jid='nurse@example.net' name='Nurse'><group>x</group></item>"),
    );
    world.send("juliet/balcony", &set("2", "<item jid='nurse@example.net' subscription='remove'/>"));
    let removed = "<item jid='nurse@example.net' subscription='remove'/>";
    let [.., result, pushed] = &world.take("juliet/balcony")[..] else { panic!() };
    assert_eq!(brief(result), "iq result juliet > juliet/balcony #2");
    assert_eq!(push(pushed, "juliet/balcony"), removed);
    assert_eq!(push(&world.take("juliet/chamber")[1], "juliet/chamber"), removed);
    assert_eq!(items(&world.gets()), "");
    assert_eq!(ver(pushed), world.kept().version.to_string());
    // There was no subscription to cancel.
    world.silence();
}

#[test]
fn rfc6121_2_5_2_a_removal_ends_the_subscriptions() {
    for (to, from) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut world = World::with(Config { federation: true, ..config() });
        world.befriend("nurse@example.net", to, from);
        world.login("juliet/balcony");
        world.silent = true;
        world.send("juliet/balcony", &set("s", "<item jid='nurse@example.net' subscription='remove'/>"));
        world.silence();
        world.answer();
        world.got("juliet/balcony");
        let sent: Vec<_> = world
            .outputs
            .drain(..)
            .map(|output| match output {
                Output::Remote { stanza } => brief(&stanza),
                other => panic!("{other:?}"),
            })
            .collect();
        let mut expected = Vec::new();
        expected.extend(to.then_some("presence unsubscribe juliet > nurse@example.net"));
        expected.extend(from.then_some("presence unsubscribed juliet > nurse@example.net"));
        assert_eq!(sent, expected);
    }
}

#[test]
fn rfc6121_2_5_3_what_is_not_there_cannot_be_removed() {
    let mut world = World::new();
    world.befriend("nurse@example.net", true, true);
    world.interested("juliet/balcony");
    for jid in ["romeo@example.net", "nurse@example.net/resource", "juliet@example.com"] {
        let answer = world.answer_to(&set("s", &format!("<item jid='{jid}' subscription='remove'/>")));
        assert_eq!(answer, "iq error juliet > juliet/balcony #s item-not-found/modify", "{jid}");
    }
    world.silence();
}
