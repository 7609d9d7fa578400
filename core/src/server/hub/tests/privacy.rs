//! XEP-0016 and RFC 3921 section 10, by section of XEP-0016. Juliet is `juliet/balcony`; romeo is a contact of hers, with a
//! subscription both ways, unless said otherwise.

mod passing;

use super::*;
use crate::server::store::Contact;

/// Gives somebody a contact, behind the back of the hub.
pub(super) fn relate(world: &mut World, who: &str, contact: &str, to: bool, from: bool) {
    relate_in(world, who, contact, to, from, &[]);
}

pub(super) fn relate_in(world: &mut World, who: &str, whom: &str, to: bool, from: bool, groups: &[&str]) {
    let mut record = world.store.get(&account(who)).unwrap().clone();
    let jid = if whom.contains('.') { BareJid::new(whom).unwrap() } else { account(whom) };
    let groups = groups.iter().map(|group| (*group).into()).collect();
    let contact = Contact { to, from, groups, version: 1, ..Default::default() };
    record.apply(Delta::Contact { jid, contact });
    world.store.insert(account(who), record);
}

/// Juliet and romeo see each other online; there is a nurse, too.
pub(super) fn world() -> World {
    let mut world = World::new();
    world.store.insert(account("nurse"), Record::new(credentials(1)));
    relate(&mut world, "juliet", "romeo", true, true);
    relate(&mut world, "romeo", "juliet", true, true);
    world.online("romeo/orchard", 0);
    world.online("juliet/balcony", 0);
    world
}

/// A stanza comes in from another domain.
pub(super) fn remote(world: &mut World, xml: &str) {
    world.call(|hub, now| hub.remote(now, stanza(xml)));
}

const ROMEO: &str = "romeo@example.com";

/// A request about lists.
fn ask(kind: &str, inner: &str) -> String {
    format!("<iq type='{kind}' id='q'><query xmlns='jabber:iq:privacy'>{inner}</query></iq>")
}

fn list(name: &str, items: &str) -> String {
    format!("<list name='{name}'>{items}</list>")
}

fn deny(order: u32, jid: &str) -> String {
    format!("<item type='jid' value='{jid}' action='deny' order='{order}'/>")
}

impl World {
    /// What a session gets besides the result of a set, in brief.
    fn orders_privacy(&mut self, jid: &str, inner: &str) -> Vec<String> {
        self.send(jid, &ask("set", inner));
        let mut got = self.got(jid);
        let account = jid.split('/').next().unwrap();
        assert_eq!(got.remove(0), format!("iq result {account} > {jid} #q"), "{inner}");
        got
    }

    /// Sets a list. Pushes are forgotten.
    fn sets_list(&mut self, jid: &str, name: &str, items: &str) {
        self.orders_privacy(jid, &list(name, items));
    }

    fn activates(&mut self, jid: &str, name: &str) -> Vec<String> {
        self.orders_privacy(jid, &format!("<active name='{name}'/>"))
    }

    fn defaults(&mut self, jid: &str, name: &str) -> Vec<String> {
        self.orders_privacy(jid, &format!("<default name='{name}'/>"))
    }

    /// The answer to a get, or the error of a get or set.
    fn hears_privacy(&mut self, jid: &str, kind: &str, inner: &str) -> String {
        self.send(jid, &ask(kind, inner));
        let got = self.take(jid);
        let [answer] = got.as_slice() else { panic!("{inner}: {got:?}") };
        if let Some(error) = answer.error() {
            return format!("{}/{}", error.condition().name(), error.error_type().as_str());
        }
        let answer = xml(answer);
        let (_, query) = answer.split_once("<query xmlns='jabber:iq:privacy'").expect("a query");
        let query = query.strip_suffix("</iq>").unwrap();
        query.strip_prefix('>').map_or("", |query| query.strip_suffix("</query>").unwrap()).to_owned()
    }

    /// Whether a stanza of romeo's reaches a session of juliet's.
    fn reaches(&mut self, jid: &str, xml: &str) -> bool {
        self.send("romeo/orchard", xml);
        let reached = self
            .take(jid)
            .iter()
            .any(|stanza| stanza.from().is_some_and(|from| from.local() == Some("romeo")));
        self.received.clear();
        reached
    }
}

/// The payload of a push, which goes to this session.
fn pushed(stanza: &Stanza, to: &str) -> String {
    let (brief, xml) = (brief(stanza), xml(stanza));
    assert!(brief.starts_with(&format!("iq set - > {to} #")), "{brief}");
    let (_, payload) = xml.split_once('>').unwrap();
    payload.strip_suffix("</iq>").unwrap().to_owned()
}

#[test]
fn xep0016_2_3_names_and_lists_are_retrieved() {
    let mut world = world();
    assert_eq!(world.hears_privacy("juliet/balcony", "get", ""), "");
    let public = "<item type='jid' value='tybalt@example.com' action='deny' order='1'/>\
                  <item action='allow' order='2'/>";
    let special = "<item type='subscription' value='both' action='allow' order='10'>\
                   <message/><presence-out/></item><item action='deny' order='15'/>";
    // Whatever the order in which they are sent.
    let unsorted = "<item action='allow' order='2'/>\
                    <item type='jid' value='tybalt@example.com' action='deny' order='1'/>";
    world.sets_list("juliet/balcony", "public", unsorted);
    world.sets_list("juliet/balcony", "special", special);
    world.defaults("juliet/balcony", "public");
    world.activates("juliet/balcony", "special");
    let names = world.hears_privacy("juliet/balcony", "get", "");
    let lists = "<default name='public'/><list name='public'/><list name='special'/>";
    assert_eq!(names, format!("<active name='special'/>{lists}"));
    assert_eq!(world.hears_privacy("juliet/balcony", "get", "<list name='public'/>"), list("public", public));
    assert_eq!(
        world.hears_privacy("juliet/balcony", "get", "<list name='special'/>"),
        list("special", special)
    );
    // Lists and default are the account's, the active list is the session's.
    world.leave("juliet/balcony");
    world.pass(SECOND * 100);
    world.login("juliet/chamber");
    assert_eq!(world.hears_privacy("juliet/chamber", "get", ""), lists);
    world.received.clear();
    assert_eq!(world.hears_privacy("romeo/orchard", "get", ""), "");
}

#[test]
fn xep0016_2_errors_are_named() {
    let mut world = world();
    world.sets_list("juliet/balcony", "known", &deny(1, "a@b"));
    let item = |attrs: &str| list("x", &format!("<item {attrs}/>"));
    let cases = [
        // 2.3
        ("get", list("unknown", ""), "item-not-found/cancel"),
        ("get", format!("{}{}", list("known", ""), list("x", "")), "bad-request/modify"),
        ("get", "<active/>".into(), "bad-request/modify"),
        // 2.4, 2.5, 2.8
        ("set", "<active name='unknown'/>".into(), "item-not-found/cancel"),
        ("set", "<default name='unknown'/>".into(), "item-not-found/cancel"),
        ("set", list("unknown", ""), "item-not-found/cancel"),
        ("set", format!("{}{}", list("known", ""), list("x", "")), "bad-request/modify"),
        // 2.1
        ("set", String::new(), "bad-request/modify"),
        ("set", "<active name='known'/><default name='known'/>".into(), "bad-request/modify"),
        ("set", list("x", &[deny(1, "a@b"), deny(1, "c@d")].concat()), "bad-request/modify"),
        ("set", item("type='jid' value='a@b' action='deny'"), "bad-request/modify"),
        ("set", item("type='jid' value='a@b' action='deny' order='-1'"), "bad-request/modify"),
        ("set", item("type='jid' value='a@b' action='deny' order='4294967296'"), "bad-request/modify"),
        ("set", item("type='jid' value='a@b' action='hide' order='1'"), "bad-request/modify"),
        ("set", item("type='jid' value='a@b' order='1'"), "bad-request/modify"),
        ("set", item("type='jid' action='deny' order='1'"), "bad-request/modify"),
        ("set", item("type='jid' value='@' action='deny' order='1'"), "jid-malformed/modify"),
        ("set", item("type='subscription' value='remove' action='deny' order='1'"), "bad-request/modify"),
        ("set", item("type='group' value='Nobody' action='deny' order='1'"), "item-not-found/cancel"),
        ("set", item("type='age' value='3' action='deny' order='1'"), "bad-request/modify"),
        ("set", list("", &deny(1, "a@b")), "not-acceptable/modify"),
        ("set", "<list/>".into(), "bad-request/modify"),
        ("set", "<other/>".into(), "bad-request/modify"),
    ];
    for (kind, inner, error) in cases {
        assert_eq!(world.hears_privacy("juliet/balcony", kind, &inner), error, "{inner}");
    }
    assert_eq!(world.hears_privacy("juliet/balcony", "get", ""), "<list name='known'/>");
    world.silence();
}

#[test]
fn xep0016_2_1_groups_of_the_roster_can_be_named() {
    let mut world = World::new();
    relate_in(&mut world, "juliet", "romeo", true, true, &["Lovers"]);
    relate(&mut world, "romeo", "juliet", true, true);
    world.online("romeo/orchard", 0);
    world.online("juliet/balcony", 0);
    let item = "<item type='group' value='Lovers' action='deny' order='1'><message/></item>";
    world.sets_list("juliet/balcony", "x", item);
    world.activates("juliet/balcony", "x");
    let message = "<message to='juliet@example.com/balcony' id='1'/>";
    assert!(!world.reaches("juliet/balcony", message));
    // Rule 9: what changes in the roster counts at once.
    let roster = format!(
        "<iq type='set' id='r'><query xmlns='jabber:iq:roster'><item jid='{ROMEO}'><group>Friends</group></item></query></iq>"
    );
    world.send("juliet/balcony", &roster);
    assert!(world.reaches("juliet/balcony", message));
}

#[test]
fn xep0016_2_2_rule_9_presence_follows_a_contact_that_moves_to_another_group() {
    let mut world = World::new();
    relate_in(&mut world, "juliet", "romeo", true, true, &["Lovers"]);
    relate_in(&mut world, "juliet", "nurse", false, false, &["Servants"]);
    relate(&mut world, "romeo", "juliet", true, true);
    world.online("romeo/orchard", 0);
    world.online("juliet/balcony", 0);
    let item = "<item type='group' value='Servants' action='deny' order='1'/>";
    world.sets_list("juliet/balcony", "x", item);
    world.activates("juliet/balcony", "x");
    let mut moves = |group: &str| {
        let item = format!("<item jid='{ROMEO}'><group>{group}</group></item>");
        world.send(
            "juliet/balcony",
            &format!("<iq type='set' id='r'><query xmlns='jabber:iq:roster'>{item}</query></iq>"),
        );
        (world.got("juliet/balcony").split_off(1), world.got("romeo/orchard"))
    };
    let gone = ("presence unavailable romeo > juliet/balcony", "presence unavailable juliet/balcony > romeo");
    let there = ("presence romeo/orchard > juliet", "presence juliet/balcony > romeo");
    for (group, (heard, seen)) in [("Servants", gone), ("Lovers", there)] {
        let (own, others) = moves(group);
        assert_eq!((own, others), (vec![heard.to_owned()], vec![seen.to_owned()]), "{group}");
    }
}

#[test]
fn xep0016_2_4_an_active_list_is_its_sessions_own() {
    let mut world = world();
    world.online("juliet/chamber", 0);
    world.sets_list("juliet/balcony", "x", &deny(1, ROMEO));
    world.received.clear();
    world.activates("juliet/balcony", "x");
    let message = |resource: &str| format!("<message to='juliet@example.com/{resource}'/>");
    assert!(!world.reaches("juliet/balcony", &message("balcony")));
    assert!(world.reaches("juliet/chamber", &message("chamber")));
    // To the bare address: to those who hear it.
    world.send("romeo/orchard", "<message to='juliet@example.com' id='1'/>");
    assert_eq!(world.got("juliet/chamber"), ["message romeo/orchard > juliet #1"]);
    world.silence();
    // Once it is declined, all is as before.
    world.orders_privacy("juliet/balcony", "<active/>");
    assert!(world.reaches("juliet/balcony", &message("balcony")));
}

#[test]
fn xep0016_2_2_an_active_list_takes_the_place_of_the_default_list() {
    let mut world = world();
    world.sets_list("juliet/balcony", "strict", &deny(1, ROMEO));
    world.sets_list("juliet/balcony", "open", &deny(1, "nobody@example.net"));
    world.defaults("juliet/balcony", "strict");
    let message = "<message to='juliet@example.com/balcony'/>";
    assert!(!world.reaches("juliet/balcony", message));
    world.activates("juliet/balcony", "open");
    assert!(world.reaches("juliet/balcony", message));
    assert!(world.reaches("juliet/balcony", "<message to='juliet@example.com'/>"));
    // Nobody is there: the default list.
    world.leave("juliet/balcony");
    world.received.clear();
    world.send("romeo/orchard", "<message to='juliet@example.com' id='1'><body>x</body></message>");
    assert_eq!(
        world.got("romeo/orchard"),
        ["message error juliet > romeo/orchard #1 service-unavailable/cancel"]
    );
    assert_eq!(world.store.get(&account("juliet")).unwrap().offline, Default::default());
}

#[test]
fn xep0016_2_5_the_default_list_is_in_force_for_all_who_have_none() {
    let mut world = world();
    world.sets_list("juliet/balcony", "x", &deny(1, ROMEO));
    world.defaults("juliet/balcony", "x");
    world.online("juliet/chamber", 0);
    for resource in ["balcony", "chamber"] {
        let message = format!("<message to='juliet@example.com/{resource}'/>");
        assert!(!world.reaches(&format!("juliet/{resource}"), &message));
    }
}

#[test]
fn xep0016_2_5_the_default_list_cannot_be_changed_while_another_resource_uses_it() {
    let mut world = world();
    world.sets_list("juliet/balcony", "a", &deny(1, "a@b"));
    world.sets_list("juliet/balcony", "b", &deny(1, "c@d"));
    world.login("juliet/chamber");
    // There is none yet, so nobody uses one.
    world.defaults("juliet/balcony", "a");
    for inner in ["<default name='b'/>", "<default/>"] {
        assert_eq!(world.hears_privacy("juliet/balcony", "set", inner), "conflict/cancel", "{inner}");
    }
    // What is so already changes nothing.
    world.defaults("juliet/balcony", "a");
    world.activates("juliet/chamber", "b");
    world.defaults("juliet/balcony", "b");
    world.leave("juliet/chamber");
    world.orders_privacy("juliet/balcony", "<default/>");
    let names = world.hears_privacy("juliet/balcony", "get", "");
    assert_eq!(names, "<list name='a'/><list name='b'/>");
}

#[test]
fn xep0016_2_8_a_list_cannot_be_removed_while_another_resource_uses_it() {
    let mut world = world();
    world.sets_list("juliet/balcony", "a", &deny(1, "a@b"));
    world.sets_list("juliet/balcony", "b", &deny(1, "c@d"));
    world.login("juliet/chamber");
    world.activates("juliet/chamber", "a");
    world.defaults("juliet/balcony", "b");
    assert_eq!(world.hears_privacy("juliet/balcony", "set", &list("a", "")), "conflict/cancel");
    assert_eq!(world.hears_privacy("juliet/chamber", "set", &list("b", "")), "conflict/cancel");
    // The sessions that use it themselves may.
    assert_eq!(world.orders_privacy("juliet/chamber", &list("a", "")).len(), 1, "a push");
    assert_eq!(world.hears_privacy("juliet/chamber", "get", ""), "<default name='b'/><list name='b'/>");
    world.received.clear();
    // Now the chamber uses the default list, too.
    assert_eq!(world.hears_privacy("juliet/balcony", "set", &list("b", "")), "conflict/cancel");
    world.leave("juliet/chamber");
    world.orders_privacy("juliet/balcony", &list("b", ""));
    assert_eq!(world.store.get(&account("juliet")).unwrap().privacy, Default::default());
}

#[test]
fn xep0016_2_6_edits_are_pushed_to_all_connected_resources_by_name() {
    let mut world = world();
    world.login("juliet/chamber");
    let push = "<query xmlns='jabber:iq:privacy'><list name='public'/></query>";
    for (items, pushes) in [(deny(1, "a@b"), 1), (deny(2, "a@b"), 1), (deny(2, "a@b"), 0), (String::new(), 1)]
    {
        world.send("juliet/balcony", &ask("set", &list("public", &items)));
        let own = world.take("juliet/balcony");
        assert_eq!(brief(&own[0]), "iq result juliet > juliet/balcony #q");
        assert!(own[0].element().children().next().is_none());
        assert_eq!(
            own[1..].iter().map(|own| pushed(own, "juliet/balcony")).collect::<Vec<_>>(),
            vec![push; pushes]
        );
        let other = world.take("juliet/chamber");
        assert_eq!(
            other.iter().map(|own| pushed(own, "juliet/chamber")).collect::<Vec<_>>(),
            vec![push; pushes]
        );
    }
    world.silence();
}

#[test]
fn xep0016_2_2_rule_8_an_edit_counts_at_once_where_the_list_is_in_use() {
    let mut world = world();
    world.sets_list("juliet/balcony", "x", &deny(1, "a@b"));
    world.activates("juliet/balcony", "x");
    let message = "<message to='juliet@example.com/balcony'/>";
    assert!(world.reaches("juliet/balcony", message));
    world.sets_list("juliet/balcony", "x", &deny(1, ROMEO));
    assert!(!world.reaches("juliet/balcony", message));
}

/// XEP-0191 section 5: the block list is a part of the default list.
#[test]
fn xep0191_5_block_list_and_default_list_are_the_same() {
    let mut world = world();
    let blocklist = "<iq type='get' id='l'><blocklist xmlns='urn:xmpp:blocking'/></iq>";
    let blocked = |world: &mut World| {
        world.send("juliet/balcony", blocklist);
        let got = world.take("juliet/balcony");
        let query = got[0].child("blocklist", crate::ns::BLOCKING).unwrap();
        query.children().map(|item| item.attr("jid").unwrap().to_owned()).collect::<Vec<_>>()
    };
    let command = |name: &str, jid: &str| {
        format!("<iq type='set' id='b'><{name} xmlns='urn:xmpp:blocking'><item jid='{jid}'/></{name}></iq>")
    };
    // 1: only blocking is used, and the list is there for who asks.
    world.send("juliet/balcony", &command("block", "a@example.net"));
    world.received.clear();
    let names = world.hears_privacy("juliet/balcony", "get", "");
    assert_eq!(names, "<default name='blocked'/><list name='blocked'/>");
    // Blocks come first, whatever is there, and who asked for lists is told.
    let items = format!(
        "<item type='jid' value='a@example.net' action='allow' order='0'/>{}",
        deny(1, "b@example.net")
    );
    world.sets_list("juliet/balcony", "blocked", &items);
    assert_eq!(blocked(&mut world), ["b@example.net"]);
    world.send("juliet/balcony", &command("block", "a@example.net"));
    let got = world.take("juliet/balcony");
    assert!(pushed(&got[1], "juliet/balcony").contains("<block xmlns="), "{got:?}");
    assert!(pushed(&got[2], "juliet/balcony").contains("<list name='blocked'/>"), "{got:?}");
    assert_eq!(got.len(), 3);
    let list = world.hears_privacy("juliet/balcony", "get", "<list name='blocked'/>");
    let order = |jid: &str, action: &str| {
        let (_, rest) = list.split_once(&format!("value='{jid}' action='{action}' order='")).expect(jid);
        rest.split('\'').next().unwrap().parse::<u32>().unwrap()
    };
    assert!(order("a@example.net", "deny") < order("a@example.net", "allow"));
    assert!(order("a@example.net", "allow") < order("b@example.net", "deny"));
    // 2: a change of the default list is a change of the block list; 3: others are not.
    let allow = "<item action='allow' order='2'/>";
    world.send(
        "juliet/balcony",
        &ask("set", &super::privacy::list("blocked", &format!("{}{allow}", deny(1, "c@example.net")))),
    );
    let got = world.take("juliet/balcony");
    let pushes: Vec<String> = got[1..].iter().map(|got| pushed(got, "juliet/balcony")).collect();
    let item = |jid: &str| format!("<item jid='{jid}'/>");
    let unblock = format!(
        "<unblock xmlns='urn:xmpp:blocking'>{}{}</unblock>",
        item("a@example.net"),
        item("b@example.net")
    );
    let block = format!("<block xmlns='urn:xmpp:blocking'>{}</block>", item("c@example.net"));
    assert_eq!(pushes[1..], [unblock, block]);
    // 4: another default list, another block list.
    world.sets_list("juliet/balcony", "other", &deny(1, "d@example.net"));
    let got = world.defaults("juliet/balcony", "other");
    assert_eq!(got.len(), 2, "an unblock and a block");
    assert_eq!(blocked(&mut world), ["d@example.net"]);
    world.orders_privacy("juliet/balcony", "<default/>");
    assert_eq!(blocked(&mut world), [""; 0]);
    // Without a default list blocking makes one, of a name that nobody has.
    world.send("juliet/balcony", &command("block", "e@example.net"));
    world.received.clear();
    let names = world.hears_privacy("juliet/balcony", "get", "");
    assert!(names.starts_with("<default name='blocked 2'/>"), "{names}");
    // 5: an active list does not block who is blocked.
    world.activates("juliet/balcony", "other");
    world.send("juliet/balcony", &command("block", ROMEO));
    world.received.clear();
    assert!(world.reaches("juliet/balcony", "<message to='juliet@example.com/balcony'/>"));
}

#[test]
fn privacy_lists_have_limits_that_are_named() {
    let limits = Limits {
        privacy_lists: 2,
        privacy_rules_per_list: 3,
        privacy_bytes: 600,
        privacy_list_name_bytes: 5,
        ..Limits::default()
    };
    let mut world = World::with(Config { limits, ..config() });
    world.login("juliet/balcony");
    let items = |count: u32| (1..=count).map(|order| deny(order, "a@b")).collect::<String>();
    let mut put = |name: &str, items: &str| {
        world.send("juliet/balcony", &ask("set", &list(name, items)));
        world.got("juliet/balcony")[0].rsplit(' ').next().unwrap().to_owned()
    };
    assert_eq!(put("sixsix", &items(1)), "not-acceptable/modify");
    assert_eq!(put("a", &items(4)), "resource-constraint/wait");
    assert_eq!(put("a", &items(3)), "#q");
    assert_eq!(put("b", &deny(1, &format!("{}@b", "a".repeat(500)))), "resource-constraint/wait");
    assert_eq!(put("b", &items(3)), "#q");
    assert_eq!(put("c", &items(1)), "resource-constraint/wait");
    // There is always room for as much or less.
    assert_eq!(put("b", &items(2)), "#q");
    assert_eq!(put("a", ""), "#q");
    assert_eq!(put("c", &items(1)), "#q");
    let Limits { privacy_lists: 2, .. } = limits else { panic!() };
    // The list that blocking makes does not count.
    world.send(
        "juliet/balcony",
        "<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='x@y'/></block></iq>",
    );
    assert_eq!(world.got("juliet/balcony")[0], "iq result juliet > juliet/balcony #b");
}
