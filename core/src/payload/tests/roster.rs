//! RFC 6121 section 2.

use super::super::roster::{self, Item, Roster, Subscription};
use super::*;

fn query(inner: &str) -> Element {
    element(&format!("<query xmlns='jabber:iq:roster'>{inner}</query>"))
}

fn set(inner: &str) -> Result<Item, Malformed> {
    roster::parse_set(query(inner).root())
}

fn full() -> Item {
    let mut item =
        Item::new(jid("nurse@example.com")).with_name("Nurse & <co>").in_group("Servants").in_group("Ä");
    (item.subscription, item.ask, item.approved) = (Subscription::From, true, true);
    item
}

#[test]
fn rfc6121_2_1_4_round_trip() {
    let roster = Roster::new(Some("ver7"), vec![full(), Item::new(jid("romeo@example.net"))]);
    assert_eq!(Roster::parse(built(roster.to_builder()).root()), Ok(roster));
    let empty = Roster::default();
    assert_eq!(Roster::parse(built(empty.to_builder()).root()), Ok(empty));
}

#[test]
fn rfc6121_2_1_2_5_values_that_are_not_defined_are_ignored() {
    let parse = |attrs: &str| {
        let roster = Roster::parse(query(&format!("<item jid='a@b' {attrs}/>")).root()).unwrap();
        roster.items.into_iter().next().unwrap()
    };
    let plain = Item::new(jid("a@b"));
    for attrs in
        ["", "subscription='remove'", "subscription='All'", "ask='unsubscribe'", "approved='yes'", "x='y'"]
    {
        assert_eq!(parse(attrs), plain, "{attrs}");
    }
    for name in ["none", "to", "from", "both"] {
        assert_eq!(parse(&format!("subscription='{name}'")).subscription.as_str(), name);
    }
    assert!(parse("approved='1'").approved);
    assert!(parse("ask='subscribe'").ask);
}

#[test]
fn rfc6121_2_1_4_groups_of_a_careless_server_count_once() {
    let xml = "<item jid='a@b'><group>x</group><group/><group>x</group><group>y</group></item>";
    let roster = Roster::parse(query(xml).root()).unwrap();
    assert_eq!(roster.items.first().unwrap().groups, ["x", "y"]);
}

#[test]
fn rfc6121_2_1_2_3_an_item_has_an_address() {
    let mixed = query("<item/><item jid=''/><item jid='a@@b'/><item jid='a@b'/>");
    assert_eq!(Roster::parse(mixed.root()).unwrap().items, [Item::new(jid("a@b"))]);
    assert!(Roster::parse(element("<query xmlns='urn:x'><item jid='a@b'/></query>").root()).is_err());
    for parse in [
        |q: &Element| roster::parse_set(q.root()).map(|_| ()),
        |q: &Element| roster::parse_push(q.root()).map(|_| ()),
    ] {
        assert_eq!(parse(&query("<item/>")).unwrap_err().condition(), Condition::BadRequest);
        assert_eq!(parse(&query("<item jid=''/>")).unwrap_err().condition(), Condition::JidMalformed);
        assert_eq!(parse(&query("<item jid='a@@b'/>")).unwrap_err().condition(), Condition::JidMalformed);
        assert!(parse(&element("<query xmlns='urn:x'><item jid='a@b'/></query>")).is_err());
    }
}

#[test]
fn rfc6121_2_1_3_a_get_contains_no_items() {
    for ver in [None, Some(""), Some("ver14")] {
        assert_eq!(roster::parse_get(built(roster::get(ver)).root()), Ok(ver));
    }
    assert!(roster::parse_get(query("<item jid='a@b'/>").root()).is_err());
    assert_eq!(
        roster::parse_get(query("<annotate xmlns='urn:x'/>").root()),
        Ok(None),
        "RFC 6120 section 8.4"
    );
    assert!(roster::parse_get(element("<query xmlns='urn:x'/>").root()).is_err());
}

#[test]
fn rfc6121_2_1_5_a_set_says_what_a_client_may_say() {
    let item = roster::parse_set(built(roster::set(&full())).root()).unwrap();
    let expected = Item::new(full().jid).with_name("Nurse & <co>").in_group("Servants").in_group("Ä");
    assert_eq!(item, expected);
    let xml = "<item jid='a@b' subscription='both' ask='subscribe' approved='true'/>";
    assert_eq!(set(xml), Ok(Item::new(jid("a@b"))));
}

#[test]
fn rfc6121_2_5_1_a_set_removes() {
    let removal = Item::removal(jid("a@b"));
    assert_eq!(roster::parse_set(built(roster::set(&removal)).root()), Ok(removal));
}

#[test]
fn rfc6121_2_3_3_sets_that_are_refused() {
    for (inner, condition) in [
        ("", Condition::BadRequest),
        ("<x xmlns='urn:x'/>", Condition::BadRequest),
        ("<item jid='a@b'/><item jid='c@d'/>", Condition::BadRequest),
        ("<item jid='a@b'><group>x</group><group>x</group></item>", Condition::BadRequest),
        ("<item jid='a@b'><group/></item>", Condition::NotAcceptable),
        ("<item jid='a@b'><group/><group/></item>", Condition::NotAcceptable),
    ] {
        let refused = set(inner).unwrap_err();
        assert_eq!(refused.condition(), condition, "{inner}");
        assert_eq!(StanzaError::from(refused).condition(), &condition);
    }
}

#[test]
fn rfc6121_2_1_6_a_push_has_one_item() {
    for item in [full(), Item::removal(jid("tybalt@example.org"))] {
        let element = built(roster::push(Some("ver34"), &item));
        assert_eq!(roster::parse_push(element.root()), Ok((Some("ver34"), item)));
    }
    for bad in ["", "<item jid='a@b'/><item jid='c@d'/>"] {
        assert!(roster::parse_push(query(bad).root()).is_err());
    }
}

#[test]
fn rfc6121_2_3_3_thousands_of_groups_are_compared_in_no_time() {
    let groups: String = (0..20_000).map(|n| format!("<group>{n}</group>")).collect();
    assert_eq!(set(&format!("<item jid='a@b'>{groups}</item>")).unwrap().groups.len(), 20_000);
}
