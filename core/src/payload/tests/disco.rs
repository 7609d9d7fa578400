//! XEP-0030.

use super::super::disco::{self, Identity, Info, Item};
use super::*;

#[test]
fn xep0030_3_1_round_trip() {
    let mut info = Info::new(Identity::new("server", "im").with_name("Verona & <co>"));
    let mut greek = Identity::new("server", "im").with_name("Βερόνα");
    greek.lang = Some("el".into());
    info.identities.push(greek);
    info.features = vec!["urn:xmpp:ping".into(), "http://jabber.org/protocol/disco#info".into()];
    info.extensions = vec![element("<x xmlns='jabber:x:data' type='result'><field var='a'/></x>")];
    for node in [None, Some("node#ver=")] {
        let element = built(info.to_builder(node));
        assert_eq!(element.attr("node"), node);
        assert_eq!(Info::parse(element.root()), Ok(info.clone()));
    }
    assert!(info.has("urn:xmpp:ping") && !info.has("urn:xmpp:pin"));
    assert_eq!(info.forms().count(), 1);
}

#[test]
fn xep0030_4_1_round_trip() {
    let mut item = Item::new(jid("conference.example"));
    (item.node, item.name) = (Some("n".into()), Some("Rooms & <more>".into()));
    let items = vec![item, Item::new(jid("a@b/c"))];
    let element = built(disco::item_list(Some("x"), &items));
    assert_eq!(element.attr("node"), Some("x"));
    assert_eq!(disco::parse_items(element.root()), Ok(items));
}

#[test]
fn xep0030_3_1_and_4_1_what_must_be_there() {
    for inner in ["<identity category='a'/>", "<identity type='a'/>", "<feature/>"] {
        let xml = format!("<query xmlns='http://jabber.org/protocol/disco#info'>{inner}</query>");
        assert!(Info::parse(element(&xml).root()).is_err(), "{inner}");
    }
    for inner in ["<item/>", "<item jid='@'/>"] {
        let xml = format!("<query xmlns='http://jabber.org/protocol/disco#items'>{inner}</query>");
        assert!(disco::parse_items(element(&xml).root()).is_err(), "{inner}");
    }
    assert!(Info::parse(built(disco::items(None)).root()).is_err());
    assert!(disco::parse_items(built(disco::info(None)).root()).is_err());
}

#[test]
fn xep0115_5_1_a_language_that_others_said_is_not_the_identitys_own() {
    let xml = "<query xmlns='http://jabber.org/protocol/disco#info' xml:lang='en'><identity category='a' type='b'/></query>";
    assert_eq!(Info::parse(element(xml).root()).unwrap().identities, [Identity::new("a", "b")]);
}
