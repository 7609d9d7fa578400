//! Service discovery (XEP-0030): the requests, and what they say.

use super::{Malformed, Request, RequestKind};
use crate::jid::Jid;
use crate::ns;
use crate::stanza::Iq;
use crate::xml::{Element, ElementBuilder, ElementRef};

/// What an entity is (XEP-0030 section 3.1).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Identity {
    /// Category, such as `client` or `server`.
    pub category: String,
    /// Type within the category, such as `pc` or `im`.
    pub kind: String,
    /// A name for people.
    pub name: Option<String>,
    /// The language of the name.
    pub lang: Option<String>,
}

impl Identity {
    /// An identity without a name.
    pub fn new(category: &str, kind: &str) -> Identity {
        Identity { category: category.to_owned(), kind: kind.to_owned(), name: None, lang: None }
    }

    /// Gives it a name for people, in the stream's language.
    pub fn with_name(mut self, name: &str) -> Identity {
        self.name = Some(name.to_owned());
        self
    }
}

/// What an entity is and can do.
#[derive(Clone, PartialEq, Debug, Default)]
#[non_exhaustive]
pub struct Info {
    /// What it is.
    pub identities: Vec<Identity>,
    /// What it can do: names of protocols.
    pub features: Vec<String>,
    /// What else came with it: data forms (XEP-0128) and anything unknown.
    pub extensions: Vec<Element>,
}

impl Info {
    /// True if the entity has this feature.
    pub fn has(&self, feature: &str) -> bool {
        self.features.iter().any(|f| f == feature)
    }

    pub(super) fn parse(query: ElementRef<'_>) -> Result<Info, Malformed> {
        let mut info = Info::default();
        for child in query.children() {
            if child.is("identity", ns::DISCO_INFO) {
                info.identities.push(Identity {
                    category: child
                        .attr("category")
                        .ok_or(Malformed("an identity without category"))?
                        .to_owned(),
                    kind: child.attr("type").ok_or(Malformed("an identity without type"))?.to_owned(),
                    name: child.attr("name").map(str::to_owned),
                    lang: child.lang().map(str::to_owned),
                });
            } else if child.is("feature", ns::DISCO_INFO) {
                let feature = child.attr("var").ok_or(Malformed("a feature without var"))?;
                info.features.push(feature.to_owned());
            } else {
                info.extensions.push(child.to_element());
            }
        }
        Ok(info)
    }

    pub(super) fn query(&self) -> ElementBuilder {
        let mut query = Element::builder("query", ns::DISCO_INFO);
        for identity in &self.identities {
            let mut child = Element::builder("identity", ns::DISCO_INFO)
                .attr("category", &identity.category)
                .attr("type", &identity.kind)
                .attr_opt("name", identity.name.as_deref());
            if let Some(lang) = &identity.lang {
                child = child.lang(lang);
            }
            query = query.child(child);
        }
        for feature in &self.features {
            query = query.child(Element::builder("feature", ns::DISCO_INFO).attr("var", feature));
        }
        for extension in &self.extensions {
            query = query.element(extension.root());
        }
        query
    }
}

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
        Element::builder("query", ns::DISCO_INFO).attr_opt("node", self.node.as_deref())
    }
    fn parse(&self, reply: &Iq) -> Result<Info, Malformed> {
        Info::parse(query(reply, ns::DISCO_INFO)?)
    }
}

/// One item of an entity (XEP-0030 section 4).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Item {
    /// Its address.
    pub jid: Jid,
    /// Its node there.
    pub node: Option<String>,
    /// A name for people.
    pub name: Option<String>,
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
        Element::builder("query", ns::DISCO_ITEMS).attr_opt("node", self.node.as_deref())
    }
    fn parse(&self, reply: &Iq) -> Result<Vec<Item>, Malformed> {
        let query = query(reply, ns::DISCO_ITEMS)?;
        query.children().filter(|child| child.is("item", ns::DISCO_ITEMS)).map(item).collect()
    }
}

fn item(element: ElementRef<'_>) -> Result<Item, Malformed> {
    let jid = element.attr("jid").ok_or(Malformed("an item without jid"))?;
    Ok(Item {
        jid: Jid::new(jid).map_err(|_| Malformed("an item whose jid is no address"))?,
        node: element.attr("node").map(str::to_owned),
        name: element.attr("name").map(str::to_owned),
    })
}

fn query<'a>(reply: &'a Iq, ns: &str) -> Result<ElementRef<'a>, Malformed> {
    reply.payload().filter(|payload| payload.is("query", ns)).ok_or(Malformed("no query element"))
}
