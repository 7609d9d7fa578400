//! Privacy lists (XEP-0016, RFC 3921 section 10), where blocking ([`Block`](super::Block)) is not enough. A server that
//! does both keeps them in one place: use one or the other.

use super::Event;
use super::effects::Effects;
use super::request::{payload, request};
use crate::ns;
use crate::payload::privacy::{self, Get, List, Names, Set};
use crate::stanza::{Condition, Iq, IqType};

/// Asks for the names of the account's lists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GetPrivacyLists;

/// Asks for the rules of one list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GetPrivacyList(
    /// Its name.
    pub String,
);

/// Chooses, replaces or removes a list. What changes comes as
/// [`Event::PrivacyListChanged`](super::Event::PrivacyListChanged).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetPrivacyList(
    /// What to do.
    pub Set,
);

request!(GetPrivacyLists => Names: Get, to |_this| None,
    ask |_this| Get::Names.to_builder(), read |iq| Ok(Names::parse(payload(iq)?)?));

request!(GetPrivacyList => List: Get, to |_this| None,
    ask |this| Get::List(this.0.clone()).to_builder(), read |iq| Ok(List::parse_answer(payload(iq)?)?));

request!(SetPrivacyList: Set, ask |this| this.0.to_builder());

pub(super) fn is_push(iq: &Iq) -> bool {
    iq.kind() == IqType::Set && iq.payload().is_some_and(|payload| payload.is("query", ns::PRIVACY))
}

/// A push from the account.
pub(super) fn on_push(iq: Iq, effects: &mut Effects) {
    match iq.payload().map(privacy::parse_push) {
        Some(Ok(name)) => {
            effects.acknowledge(&iq);
            effects.events.push_back(Event::PrivacyListChanged(name));
        }
        _ => effects.refuse(iq, Condition::BadRequest),
    }
}
