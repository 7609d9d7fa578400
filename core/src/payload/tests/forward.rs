//! XEP-0297, XEP-0280, XEP-0334.

use super::super::carbons::{self, Carbon, Direction};
use super::super::delay::Delay;
use super::super::forward::{self, Forwarded};
use super::super::hints::Hints;
use super::*;
use crate::jid::{BareJid, FullJid};
use crate::machine::Utc;
use crate::stanza::MessageType;

const CHAT: &str = "<message xmlns='jabber:client' from='romeo@montague.example/home' to='juliet@capulet.example' \
     type='chat' xml:lang='en'><body>Hi</body><mood xmlns='http://jabber.org/protocol/mood'><amorous/></mood></message>";

fn romeo() -> BareJid {
    BareJid::new("romeo@montague.example").unwrap()
}

#[test]
fn xep0297_3_round_trip() {
    let delay = Delay::new(Utc::from_unix_millis(0));
    for (stanza, delay) in [
        (stanza(CHAT), None),
        (stanza(CHAT), Some(delay.clone())),
        (stanza("<presence xmlns='jabber:server' from='a@b/c'/>"), Some(delay)),
        (stanza("<iq xmlns='jabber:client' type='result' id='1'/>"), None),
    ] {
        let element = built(forward::wrap(&stanza, delay.as_ref()));
        assert_eq!(Forwarded::parse(element.root()), Ok(Forwarded { stanza, delay }));
    }
}

#[test]
fn xep0297_3_2_the_stanza_keeps_its_namespace_and_has_the_addresses_of_now() {
    let mut stanza = stanza("<message xmlns='jabber:client' to='a@b' from='forged@b'><body/></message>");
    stanza.set_from(Some(jid("true@b/x")));
    let element = built(forward::wrap(&stanza, None));
    assert_eq!(
        element.to_xml(),
        "<forwarded xmlns='urn:xmpp:forward:0'>\
         <message xmlns='jabber:client' to='a@b' from='true@b/x'><body/></message></forwarded>"
    );
}

#[test]
fn xep0297_3_2_one_stanza_and_a_valid_one() {
    let forwarded = |inner: &str| {
        let xml = format!("<forwarded xmlns='urn:xmpp:forward:0'>{inner}</forwarded>");
        Forwarded::parse(element(&xml).root())
    };
    let message = "<message xmlns='jabber:client'/>";
    assert!(forwarded(message).is_ok());
    // What is unknown is ignored.
    assert!(forwarded(&format!("<x xmlns='urn:x'/>{message}")).is_ok());
    let delay = "<delay xmlns='urn:xmpp:delay' stamp='2010-07-10T23:08:25Z'/>";
    for bad in [
        "",
        "<message/>",
        "<x xmlns='jabber:client'/>",
        "<iq xmlns='jabber:client'/>",
        "<message xmlns='jabber:client' from='@'/>",
        &format!("{message}{message}"),
        &format!("{delay}{message}{delay}"),
        &format!("<delay xmlns='urn:xmpp:delay'/>{message}"),
    ] {
        assert!(forwarded(bad).is_err(), "{bad}");
    }
    assert!(Forwarded::parse(element(message).root()).is_err());
}

#[test]
fn xep0280_7_and_8_round_trip() {
    let to = FullJid::new("romeo@montague.example/garden").unwrap();
    for direction in [Direction::Received, Direction::Sent] {
        let original = message(CHAT);
        let copy = carbons::wrap(direction, &original, &romeo(), &to);
        assert_eq!(copy.kind(), MessageType::Chat);
        assert_eq!(copy.from().map(Jid::as_str), Some("romeo@montague.example"));
        assert_eq!(copy.to().map(Jid::as_str), Some("romeo@montague.example/garden"));
        let carbon = Carbon::read(&copy, &romeo()).unwrap().unwrap();
        assert_eq!(carbon, Carbon { direction, message: original });
    }
    assert_eq!(Carbon::read(&message(CHAT), &romeo()), None);
}

#[test]
fn xep0280_7_copies_from_others_are_forged() {
    let copy = |from: &str| {
        let xml = format!(
            "<message xmlns='jabber:client' {from}><received xmlns='urn:xmpp:carbons:2'>\
             <forwarded xmlns='urn:xmpp:forward:0'>{CHAT}</forwarded></received></message>"
        );
        Carbon::read(&message(&xml), &romeo()).unwrap()
    };
    assert!(copy("from='romeo@montague.example'").is_ok());
    // RFC 6120 section 8.1.2.1: without a sender it is from the account.
    assert!(copy("").is_ok());
    for from in ["tybalt@capulet.example/home", "romeo@montague.example/home", "montague.example"] {
        assert!(copy(&format!("from='{from}'")).is_err(), "{from}");
    }
}

#[test]
fn xep0280_7_only_messages_are_copied() {
    for inner in [
        "",
        "<forwarded xmlns='urn:xmpp:forward:0'/>",
        "<forwarded xmlns='urn:xmpp:forward:0'><presence xmlns='jabber:client'/></forwarded>",
        CHAT,
    ] {
        let xml = format!(
            "<message xmlns='jabber:client'><sent xmlns='urn:xmpp:carbons:2'>{inner}</sent></message>"
        );
        assert!(Carbon::read(&message(&xml), &romeo()).unwrap().is_err(), "{inner}");
    }
}

#[test]
fn xep0280_4_and_5_on_and_off() {
    for on in [true, false] {
        assert_eq!(carbons::parse_switch(built(carbons::switch(on)).root()), Ok(on));
    }
    for bad in ["<enable xmlns='urn:xmpp:carbons:1'/>", "<private xmlns='urn:xmpp:carbons:2'/>"] {
        assert!(carbons::parse_switch(element(bad).root()).is_err());
    }
}

#[test]
fn xep0280_9_private_messages() {
    assert!(!carbons::is_private(&message(CHAT)));
    assert!(carbons::is_private(&message(CHAT).with_child(carbons::private())));
}

#[test]
fn xep0334_4_round_trip() {
    assert_eq!(Hints::of(&message(CHAT)), Hints::default());
    for bits in 0..16u8 {
        let hints = Hints {
            no_permanent_store: bits & 1 != 0,
            no_store: bits & 2 != 0,
            no_copy: bits & 4 != 0,
            store: bits & 8 != 0,
        };
        let hinted = hints.to_builders().fold(message(CHAT), |message, hint| message.with_child(hint));
        assert_eq!(Hints::of(&hinted), hints);
    }
}

#[test]
fn xep0334_5_hints_of_errors_and_of_other_namespaces_count_nothing() {
    let error = "<message xmlns='jabber:client' type='error'><no-store xmlns='urn:xmpp:hints'/><error type='cancel'/></message>";
    assert_eq!(Hints::of(&message(error)), Hints::default());
    let other =
        "<message xmlns='jabber:client'><no-store xmlns='urn:x'/><x xmlns='urn:xmpp:hints'/></message>";
    assert_eq!(Hints::of(&message(other)), Hints::default());
}
