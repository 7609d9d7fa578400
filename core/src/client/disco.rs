//! Service discovery (XEP-0030): the requests.

use super::{Malformed, Request, RequestKind};
use crate::jid::Jid;
use crate::payload::disco::{self, Info, Item};
use crate::stanza::Iq;
use crate::xml::{ElementBuilder, ElementRef};

/// Asks an entity what it is and can do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DiscoInfo {
    /// Whom.
    pub to: Option<Jid>,
    /// Which part of it.
    pub node: Option<String>,
}

impl Request for DiscoInfo {
    type Reply = Info;

    fn to(&self) -> Option<&Jid> {
        self.to.as_ref()
    }
    fn kind(&self) -> RequestKind {
        RequestKind::Get
    }
    fn payload(&self) -> ElementBuilder {
        disco::info(self.node.as_deref())
    }
    fn parse(&self, reply: &Iq) -> Result<Info, Malformed> {
        Ok(Info::parse(query(reply)?)?)
    }
}

/// Asks an entity for the items that belong to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DiscoItems {
    /// Whom.
    pub to: Option<Jid>,
    /// Which part of it.
    pub node: Option<String>,
}

impl Request for DiscoItems {
    type Reply = Vec<Item>;

    fn to(&self) -> Option<&Jid> {
        self.to.as_ref()
    }
    fn kind(&self) -> RequestKind {
        RequestKind::Get
    }
    fn payload(&self) -> ElementBuilder {
        disco::items(self.node.as_deref())
    }
    fn parse(&self, reply: &Iq) -> Result<Vec<Item>, Malformed> {
        Ok(disco::parse_items(query(reply)?)?)
    }
}

fn query(reply: &Iq) -> Result<ElementRef<'_>, Malformed> {
    reply.payload().ok_or(Malformed("no query element"))
}
