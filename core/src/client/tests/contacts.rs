//! Presence of others (RFC 6121 section 4).

use super::*;
use crate::jid::BareJid;
use crate::stanza::Show;

fn jid(text: &str) -> Jid {
    Jid::new(text).unwrap()
}

fn available(script: &mut Script, from: &str, inner: &str) {
    script.server(&format!("<presence from='{from}'>{inner}</presence>"));
    assert!(matches!(script.event(), Event::Presence(_)));
}

fn unavailable(script: &mut Script, from: &str) {
    script.server(&format!("<presence from='{from}' type='unavailable'/>"));
    assert!(matches!(script.event(), Event::Presence(_)));
}

/// Online, with a roster of these items.
fn with_roster(config: Config, items: &str) -> Script {
    let mut script = Script::online(config);
    script.client.fetch_roster(script.now, None).unwrap();
    let id = attr(&script.sent(), "id");
    script
        .server(&format!("<iq type='result' id='{id}'><query xmlns='jabber:iq:roster'>{items}</query></iq>"));
    script.events();
    script
}

fn known(script: &Script) -> Vec<String> {
    let contacts = script.client.contacts();
    let of =
        |contact: &BareJid| contacts.resources(contact).iter().map(|r| r.jid.to_string()).collect::<Vec<_>>();
    contacts.available().flat_map(of).collect()
}

#[test]
fn rfc6121_4_7_presence_is_remembered_by_resource() {
    let mut script = Script::online(config());
    available(
        &mut script,
        "romeo@example.net/orchard",
        "<show>dnd</show><status>Wooing</status><priority>5</priority>\
         <delay xmlns='urn:xmpp:delay' from='example.net' stamp='2026-01-01T00:00:00Z'/>",
    );
    available(&mut script, "romeo@example.net/home", "<show>nonsense</show><priority>-1</priority>");
    available(&mut script, "romeo@example.net/street", "<show>chat</show><priority>5</priority>");
    available(&mut script, "irc.example.net", "");
    let contacts = script.client.contacts();
    assert_eq!(contacts.len(), 4);
    let resources = contacts.resources(&jid("romeo@example.net"));
    let names: Vec<_> = resources.iter().filter_map(|resource| resource.jid.resource()).collect();
    assert_eq!(names, ["street", "orchard", "home"], "by priority, then by availability");
    let orchard = contacts.resource(&jid("romeo@example.net/orchard")).unwrap();
    assert_eq!((orchard.show, orchard.priority), (Some(Show::Dnd), 5));
    assert_eq!(orchard.status.as_deref(), Some("Wooing"));
    assert_eq!(orchard.since, Some(Utc::from_unix_millis(1_767_225_600_000)));
    let home = contacts.resource(&jid("romeo@example.net/home")).unwrap();
    assert_eq!((home.show, home.priority, &home.status, home.since), (None, -1, &None, None));
    assert_eq!(contacts.best(&jid("romeo@example.net/any")), Some(resources[0]));
    assert!(contacts.is_available(&jid("irc.example.net")) && !contacts.is_available(&jid("example.net")));
    // Each presence replaces the last.
    available(&mut script, "romeo@example.net/orchard", "");
    let orchard = script.client.contacts().resource(&jid("romeo@example.net/orchard")).unwrap();
    assert_eq!((orchard.show, orchard.priority, &orchard.status), (None, 0, &None));
}

#[test]
fn rfc6121_4_5_4_unavailable_takes_one_resource_or_all() {
    let mut script = Script::online(config());
    for resource in ["a", "b", "c"] {
        available(&mut script, &format!("romeo@example.net/{resource}"), "");
    }
    unavailable(&mut script, "romeo@example.net/b");
    assert_eq!(known(&script), ["romeo@example.net/a", "romeo@example.net/c"]);
    unavailable(&mut script, "romeo@example.net/b");
    unavailable(&mut script, "paris@example.net");
    assert_eq!(script.client.contacts().len(), 2);
    unavailable(&mut script, "romeo@example.net");
    assert!(script.client.contacts().is_empty());
    assert!(!script.client.contacts().is_available(&jid("romeo@example.net")));
}

#[test]
fn presence_errors_take_away_whom_they_come_from() {
    let mut script = Script::online(config());
    let error =
        "<error type='cancel'><remote-server-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
    available(&mut script, "romeo@example.net/a", "");
    available(&mut script, "romeo@example.net/b", "");
    script.server(&format!("<presence type='error' from='romeo@example.net/a'>{error}</presence>"));
    let Event::Presence(presence) = script.event() else { panic!() };
    assert!(presence.error().is_some());
    assert_eq!(known(&script), ["romeo@example.net/b"]);
    script.server(&format!("<presence type='error' from='romeo@example.net'>{error}</presence>"));
    assert!(script.client.contacts().is_empty());
}

#[test]
fn rfc6121_3_2_3_who_may_not_be_seen_any_more_is_forgotten() {
    let endings = [
        "<presence from='romeo@example.net' type='unsubscribed'/>",
        "<iq type='set' id='p'><query xmlns='jabber:iq:roster'><item jid='romeo@example.net' subscription='from'/>\
         </query></iq>",
        "<iq type='set' id='p'><query xmlns='jabber:iq:roster'><item jid='romeo@example.net' subscription='remove'/>\
         </query></iq>",
    ];
    for ending in endings {
        let mut script = with_roster(config(), "<item jid='romeo@example.net' subscription='both'/>");
        available(&mut script, "romeo@example.net/a", "");
        available(&mut script, "paris@example.net/b", "");
        script.server(ending);
        assert_eq!(known(&script), ["paris@example.net/b"], "{ending}");
    }
    // A change that leaves it as it is.
    let mut script = with_roster(config(), "<item jid='romeo@example.net' subscription='both'/>");
    available(&mut script, "romeo@example.net/a", "");
    script.server(
        "<iq type='set' id='p'><query xmlns='jabber:iq:roster'><item jid='romeo@example.net' name='R' \
         subscription='to'/></query></iq>",
    );
    assert_eq!(known(&script), ["romeo@example.net/a"]);
}

#[test]
fn rfc6121_4_5_2_nobody_is_known_while_we_are_away_or_gone() {
    let mut script = Script::online(config());
    available(&mut script, "romeo@example.net/a", "");
    let away = Presence::builder(PresenceType::Available).show(Show::Xa).build();
    script.client.set_presence(script.now, away).unwrap();
    assert!(!script.client.contacts().is_empty(), "away is available");
    script.client.set_presence(script.now, Presence::builder(PresenceType::Unavailable).build()).unwrap();
    assert!(script.client.contacts().is_empty());
    let mut script = Script::online(config());
    available(&mut script, "romeo@example.net/a", "");
    let directed = Presence::builder(PresenceType::Unavailable).to(jid("paris@example.net")).build();
    script.client.send(script.now, directed).unwrap();
    assert!(!script.client.contacts().is_empty());
    script.client.receive_eof(script.now);
    assert!(script.client.contacts().is_empty());
}

#[test]
fn a_flood_of_presence_has_its_limit_and_strangers_displace_nobody() {
    let config = Config { max_resources: 10, ..config() };
    let mut script = with_roster(config, "<item jid='romeo@example.net' subscription='to'/>");
    for n in 0..20 {
        available(&mut script, &format!("bot{n}@example.org/x"), "");
    }
    assert_eq!(script.client.contacts().len(), 5);
    for n in 0..20 {
        available(&mut script, &format!("romeo@example.net/{n}"), "");
    }
    assert_eq!(script.client.contacts().len(), 10);
    assert_eq!(script.client.contacts().resources(&jid("romeo@example.net")).len(), 5);
    // One that is known is kept up to date, and room is used again.
    available(&mut script, "romeo@example.net/0", "<priority>7</priority>");
    assert_eq!(script.client.contacts().best(&jid("romeo@example.net")).unwrap().priority, 7);
    unavailable(&mut script, "romeo@example.net/0");
    available(&mut script, "romeo@example.net/new", "");
    assert_eq!(script.client.contacts().len(), 10);
    // Long texts are cut, at a character.
    let long = "ö".repeat(5000);
    available(&mut script, "romeo@example.net/new", &format!("<status>{long}</status>"));
    let new = script.client.contacts().resource(&jid("romeo@example.net/new")).unwrap();
    assert_eq!(new.status.as_deref(), Some(&*"ö".repeat(512)));
}
