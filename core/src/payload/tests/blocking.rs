//! XEP-0191.

use super::super::blocking::{self, Change};
use super::*;

fn change(xml: &str) -> Result<Change, Malformed> {
    Change::parse(element(xml).root())
}

#[test]
fn xep0191_3_round_trip() {
    let addresses = || vec![jid("romeo@montague.example"), jid("capulet.example"), jid("a@b/c")];
    for change in [Change::Block(addresses()), Change::Unblock(addresses()), Change::UnblockAll] {
        assert_eq!(Change::parse(built(change.to_builder()).root()), Ok(change));
    }
    for addresses in [addresses(), vec![]] {
        let list = built(blocking::list(&addresses));
        assert_eq!(blocking::parse_list(list.root()), Ok(addresses));
    }
    assert_eq!(blocking::parse_list(built(blocking::get()).root()), Ok(vec![]));
}

#[test]
fn xep0191_3_3_somebody_has_to_be_blocked() {
    let empty = change("<block xmlns='urn:xmpp:blocking'/>").unwrap_err();
    assert_eq!(empty.condition(), Condition::BadRequest);
    assert!(change("<block xmlns='urn:xmpp:blocking'><item xmlns='urn:x' jid='a@b'/></block>").is_err());
}

#[test]
fn xep0191_3_3_addresses_are_addresses_and_count_once() {
    let block = |items: &str| change(&format!("<block xmlns='urn:xmpp:blocking'>{items}</block>"));
    assert_eq!(block("<item/>").unwrap_err().condition(), Condition::BadRequest);
    assert_eq!(block("<item jid='a@'/>").unwrap_err().condition(), Condition::JidMalformed);
    assert_eq!(block("<item jid='a@b'/><item jid='A@B'/>"), Ok(Change::Block(vec![jid("a@b")])));
    assert!(change("<blocklist xmlns='urn:xmpp:blocking'><item jid='a@b'/></blocklist>").is_err());
    assert!(change("<block xmlns='urn:x'><item xmlns='urn:xmpp:blocking' jid='a@b'/></block>").is_err());
}

#[test]
fn xep0191_3_3_writing_to_the_blocked_has_an_error_of_its_own() {
    let error = blocking::refusal();
    let element = built(error.to_builder("jabber:client"));
    assert_eq!(
        element.to_xml(),
        "<error xmlns='jabber:client' type='cancel'>\
         <not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><blocked xmlns='urn:xmpp:blocking:errors'/></error>"
    );
    assert!(blocking::is_refusal(&StanzaError::read(element.root())));
    assert!(!blocking::is_refusal(&StanzaError::new(Condition::NotAcceptable)));
}
