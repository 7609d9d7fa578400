//! Rosters (RFC 6121 section 2).

use super::*;
use crate::payload::roster::{Item, Subscription as State};

const VERSIONS: &str = "<ver xmlns='urn:xmpp:features:rosterver'/>";

fn jid(text: &str) -> Jid {
    Jid::new(text).unwrap()
}

fn fetch(script: &mut Script, cached: Option<Roster>) -> String {
    script.client.fetch_roster(script.now, cached).unwrap();
    script.sent()
}

fn answer(script: &mut Script, asked: &str, payload: &str) -> Event {
    let id = attr(asked, "id");
    script.server(&format!("<iq type='result' id='{id}'>{payload}</iq>"));
    script.event()
}

fn query(ver: &str, items: &str) -> String {
    format!("<query xmlns='jabber:iq:roster' {ver}>{items}</query>")
}

fn push(script: &mut Script, from: &str, ver: &str, items: &str) -> String {
    script.server(&format!("<iq type='set' id='push' {from}>{}</iq>", query(ver, items)))
}

fn loaded(features: &str, ver: &str, items: &str) -> Script {
    let mut script = Script::online_with(config(), features);
    let asked = fetch(&mut script, None);
    assert_eq!(answer(&mut script, &asked, &query(ver, items)), Event::Roster(RosterEvent::Loaded));
    script
}

#[test]
fn rfc6121_2_2_the_roster_is_fetched_and_kept() {
    let mut script = Script::online(config());
    assert!(!script.client.roster().is_loaded());
    let asked = fetch(&mut script, None);
    assert!(asked.contains("type='get'") && asked.contains("<query xmlns='jabber:iq:roster'/>"), "{asked}");
    assert!(!asked.contains(" to="), "{asked}");
    let items = "<item jid='romeo@example.net' name='Romeo' subscription='both'><group>Friends</group></item>\
        <item jid='nurse@example.com' subscription='to' ask='subscribe'/>";
    assert_eq!(answer(&mut script, &asked, &query("", items)), Event::Roster(RosterEvent::Loaded));
    let roster = script.client.roster();
    assert!(roster.is_loaded() && roster.is_complete());
    assert_eq!((roster.len(), roster.version()), (2, None));
    let romeo = roster.get(&jid("romeo@example.net/orchard")).unwrap();
    assert_eq!((romeo.name.as_deref(), romeo.subscription), (Some("Romeo"), State::Both));
    assert_eq!(roster.groups().into_iter().collect::<Vec<_>>(), ["Friends"]);
    assert!(roster.sees_us(&jid("romeo@example.net")) && !roster.sees_us(&jid("nurse@example.com")));
    assert!(roster.is_seen(&jid("nurse@example.com")) && roster.get(&jid("nurse@example.com")).unwrap().ask);
}

#[test]
fn rfc6121_2_1_6_pushes_are_applied_and_acknowledged() {
    let mut script = loaded("", "", "");
    for from in ["", "from='juliet@example.com'"] {
        let ack = push(&mut script, from, "", "<item jid='nurse@example.com' name='Nurse'/>");
        assert!(ack.starts_with("<iq type='result' id='push'"), "{ack}");
        assert!(!ack.contains("from="), "{ack}");
        assert_eq!(script.client.roster().len(), 1);
    }
    let events = script.events();
    let [Event::Roster(RosterEvent::Changed { item, before: None }), Event::Roster(second)] =
        events.as_slice()
    else {
        panic!("{events:?}")
    };
    let nurse = Item::new(jid("nurse@example.com")).with_name("Nurse");
    assert_eq!(*item, nurse);
    assert_eq!(*second, RosterEvent::Changed { item: nurse.clone(), before: Some(nurse.clone()) });
    push(&mut script, "", "", "<item jid='nurse@example.com' subscription='remove'/>");
    assert_eq!(script.event(), Event::Roster(RosterEvent::Removed(nurse)));
    assert!(script.client.roster().is_empty());
}

#[test]
fn rfc6121_2_1_6_pushes_from_others_have_no_effect_and_no_answer() {
    for from in [
        "from='romeo@example.net'",
        "from='romeo@example.net/orchard'",
        "from='example.com'",
        "from='juliet@example.com/other'",
        "from='juliet@example.com/balcony'",
    ] {
        let mut script = loaded("", "", "<item jid='nurse@example.com'/>");
        for items in
            ["<item jid='nurse@example.com' subscription='remove'/>", "<item jid='x@example.net'/>", ""]
        {
            assert_eq!(push(&mut script, from, "", items), "", "{from}");
            let event = script.event();
            assert!(matches!(event, Event::Ignored { reason: Ignored::ForgedRosterPush, .. }), "{event:?}");
        }
        assert_eq!(script.client.roster().iter().count(), 1);
        assert!(script.client.roster().get(&jid("nurse@example.com")).is_some());
    }
}

#[test]
fn rfc6121_2_1_6_a_push_has_exactly_one_item() {
    let mut script = loaded("", "", "");
    for items in ["", "<item jid='a@example.net'/><item jid='b@example.net'/>", "<item/>", "<item jid='@'/>"]
    {
        let answer = push(&mut script, "", "", items);
        assert!(answer.contains("<bad-request"), "{answer}");
        assert_eq!(script.events(), []);
        assert!(script.client.roster().is_empty());
    }
}

#[test]
fn rfc6121_2_6_2_without_the_feature_no_version_is_sent() {
    let mut script = Script::online(config());
    let cached = Roster::cached("ver14", [Item::new(jid("old@example.net"))]);
    let asked = fetch(&mut script, Some(cached));
    assert!(!asked.contains("ver="), "{asked}");
    // Nothing is then what it should not be.
    let event = answer(&mut script, &asked, "");
    assert!(matches!(event, Event::Roster(RosterEvent::Failed(RequestError::Malformed(_)))), "{event:?}");
    let asked = fetch(&mut script, None);
    answer(&mut script, &asked, &query("", "<item jid='new@example.net'/>"));
    assert!(script.client.roster().get(&jid("old@example.net")).is_none(), "the new one replaces it");
}

#[test]
fn rfc6121_2_6_2_versioning_begins_with_an_empty_version() {
    let mut script = Script::online_with(config(), VERSIONS);
    let asked = fetch(&mut script, None);
    assert!(asked.contains("<query xmlns='jabber:iq:roster' ver=''/>"), "{asked}");
    answer(&mut script, &asked, &query("ver='ver11'", "<item jid='nurse@example.com'/>"));
    assert_eq!(script.client.roster().version(), Some("ver11"));
}

#[test]
fn rfc6121_2_6_3_a_cached_roster_is_brought_up_to_date_by_pushes() {
    let mut script = Script::online_with(config(), VERSIONS);
    let cached =
        Roster::cached("ver14", ["bill", "tybalt"].map(|name| Item::new(jid(&format!("{name}@x.example")))));
    let asked = fetch(&mut script, Some(cached));
    assert!(asked.contains("ver='ver14'"), "{asked}");
    assert_eq!(script.client.roster().len(), 2, "there while the answer is not");
    assert_eq!(answer(&mut script, &asked, ""), Event::Roster(RosterEvent::Loaded));
    assert_eq!(script.client.roster().version(), Some("ver14"));
    push(&mut script, "", "ver='ver34'", "<item jid='tybalt@x.example' subscription='remove'/>");
    push(&mut script, "", "ver='ver42'", "<item jid='bill@x.example' subscription='both'/>");
    let roster = script.client.roster();
    assert_eq!((roster.version(), roster.len()), (Some("ver42"), 1));
    // What is there is what the next session begins with.
    let (version, items) = (roster.version().unwrap().to_owned(), roster.iter().cloned().collect::<Vec<_>>());
    let mut script = Script::online_with(config(), VERSIONS);
    assert!(fetch(&mut script, Some(Roster::cached(&version, items))).contains("ver='ver42'"));
    assert!(script.client.roster().sees_us(&jid("bill@x.example")));
}

#[test]
fn rfc6121_2_6_3_an_empty_result_to_an_empty_version_is_an_empty_roster() {
    let mut script = loaded("", "", "<item jid='old@example.net'/>");
    let asked = fetch(&mut script, None);
    assert!(
        !script.client.roster().is_loaded() && script.client.roster().len() == 1,
        "the old one until the new comes"
    );
    answer(&mut script, &asked, &query("", ""));
    assert!(script.client.roster().is_empty());
    let mut script = Script::online_with(config(), VERSIONS);
    let asked = fetch(&mut script, None);
    assert_eq!(answer(&mut script, &asked, ""), Event::Roster(RosterEvent::Loaded));
    push(&mut script, "", "ver='1'", "<item jid='a@example.net'/>");
    assert_eq!((script.client.roster().len(), script.client.roster().version()), (1, Some("1")));
}

#[test]
fn rfc6121_2_6_3_the_whole_roster_replaces_a_cached_one() {
    let mut script = Script::online_with(config(), VERSIONS);
    let asked = fetch(&mut script, Some(Roster::cached("ver1", [Item::new(jid("old@example.net"))])));
    answer(&mut script, &asked, &query("ver='ver9'", "<item jid='new@example.net'/>"));
    let roster = script.client.roster();
    assert_eq!(roster.iter().map(|item| item.jid.as_str()).collect::<Vec<_>>(), ["new@example.net"]);
    assert_eq!(roster.version(), Some("ver9"));
    // A change without a version leads to a state without one.
    push(&mut script, "", "", "<item jid='other@example.net'/>");
    assert_eq!(script.client.roster().version(), None);
}

#[test]
fn rfc6121_2_3_contacts_are_set_and_removed() {
    let mut script = loaded("", "", "");
    let mut item = Item::new(jid("nurse@example.com")).with_name("Nurse").in_group("Servants");
    item.ask = true;
    item.subscription = State::Both;
    let set = script.client.request(script.now, SetItem(item), None).unwrap();
    let out = script.sent();
    let payload = "<query xmlns='jabber:iq:roster'><item jid='nurse@example.com' name='Nurse'>\
        <group>Servants</group></item></query>";
    assert!(out.contains("type='set'") && out.contains(payload), "{out}");
    let Event::Reply(reply) = answer(&mut script, &out, "") else { panic!() };
    assert_eq!(set.read(&reply), Some(Ok(())));
    assert!(script.client.roster().is_empty(), "the push is what changes it");
    let _remove = script.client.request(script.now, RemoveItem(jid("nurse@example.com")), None).unwrap();
    let out = script.sent();
    assert!(out.contains("<item jid='nurse@example.com' subscription='remove'/>"), "{out}");
}

#[test]
fn a_roster_that_does_not_come_is_told() {
    let mut script = Script::online(config());
    let asked = fetch(&mut script, None);
    script.server(&format!(
        "<iq type='error' id='{}'><error type='cancel'><not-allowed \
         xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
        attr(&asked, "id")
    ));
    assert!(matches!(script.event(), Event::Roster(RosterEvent::Failed(RequestError::Stanza(_)))));
    fetch(&mut script, None);
    script.wait(60);
    assert_eq!(script.event(), Event::Roster(RosterEvent::Failed(RequestError::Timeout)));
    fetch(&mut script, None);
    script.client.receive_eof(script.now);
    let events = script.events();
    let failed = RosterEvent::Failed(RequestError::Disconnected { sent: true });
    assert!(
        matches!(events.as_slice(), [Event::Roster(event), Event::Closed(_)] if *event == failed),
        "{events:?}"
    );
    assert_eq!(script.client.fetch_roster(script.now, None), Err(SendError::NotOnline));
}

#[test]
fn a_roster_has_its_limit_and_says_so() {
    let mut script = Script::online_with(Config { max_roster_bytes: 400, ..config() }, VERSIONS);
    let asked = fetch(&mut script, None);
    let item = |n: u32| format!("<item jid='c{n}@example.net'/>");
    let items: String = (0..10).map(item).collect();
    answer(&mut script, &asked, &query("ver='v'", &items));
    let roster = script.client.roster();
    assert!((1..=4).contains(&roster.len()), "{}", roster.len());
    assert!(!roster.is_complete());
    assert_eq!(roster.version(), None, "it is not all of that version");
    // A change that does not fit is an event all the same, and removing makes room.
    push(&mut script, "", "ver='w'", &item(10));
    assert!(matches!(script.event(), Event::Roster(RosterEvent::Changed { .. })));
    assert!(script.client.roster().get(&jid("c10@example.net")).is_none());
    assert_eq!(script.client.roster().version(), None);
    for n in 0..10 {
        push(&mut script, "", "", &format!("<item jid='c{n}@example.net' subscription='remove'/>"));
    }
    assert!(script.client.roster().is_empty());
    push(&mut script, "", "", &item(10));
    assert!(script.client.roster().get(&jid("c10@example.net")).is_some());
}
