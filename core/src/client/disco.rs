//! Service discovery (XEP-0030): the requests.

use super::request::{payload, request};
use crate::jid::Jid;
use crate::payload::disco::{self, Info, Item};

/// Asks an entity what it is and can do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DiscoInfo {
    /// Whom.
    pub to: Option<Jid>,
    /// Which part of it.
    pub node: Option<String>,
}

request!(DiscoInfo => Info: Get, to |this| this.to.as_ref(),
    ask |this| disco::info(this.node.as_deref()), read |iq| Ok(Info::parse(payload(iq)?)?));

/// Asks an entity for the items that belong to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DiscoItems {
    /// Whom.
    pub to: Option<Jid>,
    /// Which part of it.
    pub node: Option<String>,
}

request!(DiscoItems => Vec<Item>: Get, to |this| this.to.as_ref(),
    ask |this| disco::items(this.node.as_deref()), read |iq| Ok(disco::parse_items(payload(iq)?)?));
