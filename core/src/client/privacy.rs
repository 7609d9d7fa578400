//! Privacy lists (XEP-0016, RFC 3921 section 10), where blocking ([`Block`](super::Block)) is not enough. A server that
//! does both keeps them in one place: use one or the other.

use super::request::{payload, request};
use crate::payload::privacy::{Get, List, Names, Set};

/// Asks for the names of the account's lists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GetPrivacyLists;

/// Asks for the rules of one list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GetPrivacyList(
    /// Its name.
    pub String,
);

/// Chooses, replaces or removes a list. That another session has changed one comes as a request in
/// [`ns::PRIVACY`](crate::ns::PRIVACY), if [`Config::incoming`](super::Config::incoming) wants it.
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
