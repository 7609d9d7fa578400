//! Service discovery (XEP-0030).

use super::form::Form;
use super::{Malformed, expect, jid, required};
use crate::jid::Jid;
use crate::ns;
use crate::xml::{Element, ElementBuilder, ElementRef};

/// What an entity is (section 3.1).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
#[non_exhaustive]
pub struct Identity {
    /// Category, such as `client` or `server`.
    pub category: String,
    /// Type within the category, such as `pc` or `im`.
    pub kind: String,
    /// The language of the name, if the identity itself says it: one that a stream or stanza says for all is not here, since
    /// it differs from place to place.
    pub lang: Option<String>,
    /// A name for people.
    pub name: Option<String>,
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

    fn parse(element: ElementRef<'_>) -> Result<Identity, Malformed> {
        Ok(Identity {
            category: required(element, "category", "an identity without category")?.to_owned(),
            kind: required(element, "type", "an identity without type")?.to_owned(),
            lang: element.attr_ns(ns::XML, "lang").filter(|lang| !lang.is_empty()).map(str::to_owned),
            name: element.attr("name").map(str::to_owned),
        })
    }

    fn to_builder(&self) -> ElementBuilder {
        let element = Element::builder("identity", ns::DISCO_INFO)
            .attr("category", &self.category)
            .attr("type", &self.kind)
            .attr_opt("name", self.name.as_deref());
        match &self.lang {
            Some(lang) => element.lang(lang),
            None => element,
        }
    }
}

/// What an entity is and can do (section 3).
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
    /// An entity with this identity.
    pub fn new(identity: Identity) -> Info {
        Info { identities: vec![identity], ..Info::default() }
    }

    /// True if the entity has this feature.
    pub fn has(&self, feature: &str) -> bool {
        self.features.iter().any(|f| f == feature)
    }

    /// The data forms among the extensions (XEP-0128); those that are malformed are left out.
    pub fn forms(&self) -> impl Iterator<Item = Form> {
        self.extensions.iter().filter_map(|extension| Form::parse(extension.root()).ok())
    }

    /// Reads the payload of an answer.
    pub fn parse(query: ElementRef<'_>) -> Result<Info, Malformed> {
        expect(query, "query", ns::DISCO_INFO)?;
        let mut info = Info::default();
        for child in query.children() {
            if child.is("identity", ns::DISCO_INFO) {
                info.identities.push(Identity::parse(child)?);
            } else if child.is("feature", ns::DISCO_INFO) {
                info.features.push(required(child, "var", "a feature without var")?.to_owned());
            } else {
                info.extensions.push(child.to_element());
            }
        }
        Ok(info)
    }

    /// That payload. `node`: the one that was asked about, which the answer repeats.
    pub fn to_builder(&self, node: Option<&str>) -> ElementBuilder {
        let query = self.identities.iter().map(Identity::to_builder).fold(info(node), ElementBuilder::child);
        let feature = |var: &String| Element::builder("feature", ns::DISCO_INFO).attr("var", var);
        let query = self.features.iter().map(feature).fold(query, ElementBuilder::child);
        self.extensions.iter().fold(query, |query, extension| query.element(extension.root()))
    }
}

/// One item of an entity (section 4).
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

impl Item {
    /// An item without node or name.
    pub fn new(jid: Jid) -> Item {
        Item { jid, node: None, name: None }
    }

    fn parse(element: ElementRef<'_>) -> Result<Item, Malformed> {
        Ok(Item {
            jid: jid(element)?,
            node: element.attr("node").map(str::to_owned),
            name: element.attr("name").map(str::to_owned),
        })
    }

    fn to_builder(&self) -> ElementBuilder {
        Element::builder("item", ns::DISCO_ITEMS)
            .attr("jid", self.jid.as_str())
            .attr_opt("node", self.node.as_deref())
            .attr_opt("name", self.name.as_deref())
    }
}

/// The payload of a request for information, about the whole entity or one of its nodes.
pub fn info(node: Option<&str>) -> ElementBuilder {
    Element::builder("query", ns::DISCO_INFO).attr_opt("node", node)
}

/// The payload of a request for items, of the whole entity or one of its nodes.
pub fn items(node: Option<&str>) -> ElementBuilder {
    Element::builder("query", ns::DISCO_ITEMS).attr_opt("node", node)
}

/// The payload of the answer to that. `node`: the one that was asked about.
pub fn item_list(node: Option<&str>, list: &[Item]) -> ElementBuilder {
    list.iter().map(Item::to_builder).fold(items(node), ElementBuilder::child)
}

/// Reads that payload.
pub fn parse_items(query: ElementRef<'_>) -> Result<Vec<Item>, Malformed> {
    expect(query, "query", ns::DISCO_ITEMS)?;
    query.children().filter(|child| child.is("item", ns::DISCO_ITEMS)).map(Item::parse).collect()
}
