//! XEP-0016.

use super::super::privacy::{self, Action, Get, Kinds, List, Names, Rule, Set, Stanzas, Subject};
use super::super::roster::Subscription;
use super::*;

fn query(inner: &str) -> Element {
    element(&format!("<query xmlns='jabber:iq:privacy'>{inner}</query>"))
}

fn list() -> List {
    let rule = |order, subject, action, stanzas| Rule { subject, action, order, stanzas };
    let presence = Kinds { presence_in: true, presence_out: true, ..Kinds::default() };
    let others = Kinds { message: true, iq: true, ..Kinds::default() };
    let rules = vec![
        rule(0, Subject::Jid(jid("tybalt@example.com")), Action::Deny, Stanzas::All),
        rule(3, Subject::Group("Enemies & co".into()), Action::Deny, Stanzas::Only(presence)),
        rule(4, Subject::Subscription(Subscription::Both), Action::Allow, Stanzas::Only(others)),
        rule(u32::MAX, Subject::Everyone, Action::Deny, Stanzas::All),
    ];
    List { name: "public".into(), rules }
}

#[test]
fn xep0016_2_1_round_trip() {
    assert_eq!(List::parse_answer(built(list().to_builder()).root()), Ok(list()));
    let name = || Some("public".to_owned());
    for set in [
        Set::Put(list()),
        Set::Remove("public".into()),
        Set::Active(name()),
        Set::Active(None),
        Set::Default(name()),
        Set::Default(None),
    ] {
        assert_eq!(Set::parse(built(set.to_builder()).root()), Ok(set));
    }
    for get in [Get::Names, Get::List("public".into())] {
        assert_eq!(Get::parse(built(get.to_builder()).root()), Ok(get));
    }
    let lists = vec!["public".into(), "private".into()];
    for names in [Names { active: name(), default: name(), lists }, Names::default()] {
        assert_eq!(Names::parse(built(names.to_builder()).root()), Ok(names));
    }
}

#[test]
fn xep0016_2_2_a_push_names_a_list() {
    assert_eq!(privacy::parse_push(built(privacy::push("public")).root()), Ok("public".to_owned()));
    assert!(privacy::parse_push(query("").root()).is_err());
    assert!(privacy::parse_push(query("<active name='x'/>").root()).is_err());
}

#[test]
fn xep0016_2_2_rules_are_tried_in_ascending_order() {
    let xml = "<list name='x'><item action='deny' order='10'/><item action='allow' order='9'/><item action='deny' order='00'/></list>";
    let Ok(Set::Put(list)) = Set::parse(query(xml).root()) else { panic!("{xml}") };
    assert_eq!(list.rules.iter().map(|rule| rule.order).collect::<Vec<_>>(), [0, 9, 10]);
}

#[test]
fn xep0016_2_1_what_is_not_allowed_is_a_bad_request() {
    for inner in [
        "",
        "<list/>",
        "<list xmlns='urn:x' name='x'/>",
        "<x name='x'/>",
        "<list name='a'/><list name='b'/>",
        "<active/><default/>",
    ] {
        assert_eq!(
            Set::parse(query(inner).root()).unwrap_err().condition(),
            Condition::BadRequest,
            "{inner}"
        );
    }
    assert!(
        Set::parse(element("<query xmlns='urn:x'><active xmlns='jabber:iq:privacy'/></query>").root())
            .is_err()
    );
    for item in [
        "<item order='1'/>",
        "<item action='Deny' order='1'/>",
        "<item action='deny'/>",
        "<item action='deny' order=''/>",
        "<item action='deny' order='-1'/>",
        "<item action='deny' order='+1'/>",
        "<item action='deny' order='1.0'/>",
        "<item action='deny' order='4294967296'/>",
        "<item action='deny' order='1' type='JID' value='a@b'/>",
        "<item action='deny' order='1' type='jid'/>",
        "<item action='deny' order='1' type='group'/>",
        "<item action='deny' order='1' type='subscription'/>",
        "<item action='deny' order='1' type='subscription' value='remove'/>",
        "<item action='deny' order='1' type='subscription' value='Both'/>",
        "<item action='deny' order='1'><presence/></item>",
        "<item action='deny' order='1'/><item action='allow' order='1'/>",
        "<item action='deny' order='1'/><item action='allow' order='2'/><item action='allow' order='01'/>",
    ] {
        let refused = Set::parse(query(&format!("<list name='x'>{item}</list>")).root()).unwrap_err();
        assert_eq!(refused.condition(), Condition::BadRequest, "{item}");
    }
    let refused = Set::parse(
        query("<list name='x'><item action='deny' order='1' type='jid' value='@'/></list>").root(),
    );
    assert_eq!(refused.unwrap_err().condition(), Condition::JidMalformed);
}

#[test]
fn xep0016_2_3_one_list_at_a_time() {
    for inner in ["<list name='a'/><list name='b'/>", "<active name='a'/>", "<list/>"] {
        assert_eq!(
            Get::parse(query(inner).root()).unwrap_err().condition(),
            Condition::BadRequest,
            "{inner}"
        );
    }
}
