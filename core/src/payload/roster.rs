//! Rosters (RFC 6121 section 2).

use super::{Malformed, boolean, expect, jid};
use crate::jid::Jid;
use crate::ns;
use crate::xml::{Element, ElementBuilder, ElementRef};
use std::collections::BTreeSet;

/// State of the presence subscription between a user and a contact (section 2.1.2.5).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash)]
pub enum Subscription {
    /// Neither sees the other's presence.
    #[default]
    None,
    /// The user sees the contact's presence.
    To,
    /// The contact sees the user's presence.
    From,
    /// Both.
    Both,
    /// In a set: take the item off the roster. In a push: it is gone. Never in a result.
    Remove,
}

impl Subscription {
    /// The value of the attribute `subscription`.
    pub fn as_str(self) -> &'static str {
        match self {
            Subscription::None => "none",
            Subscription::To => "to",
            Subscription::From => "from",
            Subscription::Both => "both",
            Subscription::Remove => "remove",
        }
    }

    /// Reads such a value.
    pub fn from_name(name: &str) -> Option<Subscription> {
        use Subscription::*;
        [None, To, From, Both, Remove].into_iter().find(|subscription| subscription.as_str() == name)
    }

    /// True for to and both.
    pub fn has_to(self) -> bool {
        matches!(self, Subscription::To | Subscription::Both)
    }

    /// True for from and both.
    pub fn has_from(self) -> bool {
        matches!(self, Subscription::From | Subscription::Both)
    }
}

/// A contact (section 2.1.2).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Item {
    /// Whose it is; what makes the item unique.
    pub jid: Jid,
    /// What the user calls it.
    pub name: Option<String>,
    /// Who sees whose presence.
    pub subscription: Subscription,
    /// The user has asked for a subscription and not been answered (`ask='subscribe'`).
    pub ask: bool,
    /// The user has approved a subscription that the contact has not asked for yet (section 3.4).
    pub approved: bool,
    /// The groups that the user put it into. No two are the same.
    pub groups: Vec<String>,
}

impl Item {
    /// A contact without name, groups and subscription.
    pub fn new(jid: Jid) -> Item {
        let subscription = Subscription::None;
        Item { jid, name: None, subscription, ask: false, approved: false, groups: Vec::new() }
    }

    /// What a set or a push says of an item that is taken off the roster.
    pub fn removal(jid: Jid) -> Item {
        Item { subscription: Subscription::Remove, ..Item::new(jid) }
    }

    /// Gives it a name.
    pub fn with_name(mut self, name: &str) -> Item {
        self.name = Some(name.to_owned());
        self
    }

    /// Puts it into a group, if it is not there yet.
    pub fn in_group(mut self, group: &str) -> Item {
        if !self.groups.iter().any(|known| known == group) {
            self.groups.push(group.to_owned());
        }
        self
    }

    /// The `item` element.
    pub fn to_builder(&self) -> ElementBuilder {
        let mut item = Element::builder("item", ns::ROSTER).attr("jid", self.jid.as_str());
        if self.approved {
            item = item.attr("approved", "true");
        }
        if self.ask {
            item = item.attr("ask", "subscribe");
        }
        item = item.attr_opt("name", self.name.as_deref()).attr("subscription", self.subscription.as_str());
        let group = |name: &String| Element::builder("group", ns::ROSTER).text(name);
        self.groups.iter().map(group).fold(item, ElementBuilder::child)
    }

    /// Reads an item as a server sent it. Values that are not defined are ignored as if they were not there (section 2.1.2.5),
    /// and groups that stand there twice, or are empty, count once or not at all.
    fn parse(item: ElementRef<'_>) -> Result<Item, Malformed> {
        let subscription = item.attr("subscription").and_then(Subscription::from_name);
        let mut seen = BTreeSet::new();
        let groups = groups(item).filter(|group| !group.is_empty() && seen.insert(group.clone())).collect();
        Ok(Item {
            jid: jid(item)?,
            name: item.attr("name").map(str::to_owned),
            subscription: subscription.unwrap_or_default(),
            ask: item.attr("ask") == Some("subscribe"),
            approved: item.attr("approved").and_then(boolean).unwrap_or_default(),
            groups,
        })
    }
}

/// A roster, or what is new in it, as a server sends it (sections 2.1.4 and 2.1.6).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Roster {
    /// The version that this is (section 2.6); opaque to clients.
    pub ver: Option<String>,
    /// The contacts.
    pub items: Vec<Item>,
}

impl Roster {
    /// A roster with these contacts.
    pub fn new(ver: Option<&str>, items: Vec<Item>) -> Roster {
        Roster { ver: ver.map(str::to_owned), items }
    }

    /// Reads the payload of a roster result. An item with the subscription `remove`, which stands in pushes only, has none
    /// here; one without a usable address is left out, so that one contact that only another server can name does not cost
    /// all the others.
    pub fn parse(query: ElementRef<'_>) -> Result<Roster, Malformed> {
        expect(query, "query", ns::ROSTER)?;
        let item = |item| {
            let mut item = Item::parse(item).ok()?;
            if item.subscription == Subscription::Remove {
                item.subscription = Subscription::None;
            }
            Some(item)
        };
        let items = items(query).filter_map(item).collect();
        Ok(Roster { ver: query.attr("ver").map(str::to_owned), items })
    }

    /// The `query` element.
    pub fn to_builder(&self) -> ElementBuilder {
        let query = Element::builder("query", ns::ROSTER).attr_opt("ver", self.ver.as_deref());
        self.items.iter().map(Item::to_builder).fold(query, ElementBuilder::child)
    }
}

/// The payload of a roster get (section 2.1.3). `ver`: the version that the client has; empty to begin with versioning; `None`
/// where the server does not offer it.
pub fn get(ver: Option<&str>) -> ElementBuilder {
    Element::builder("query", ns::ROSTER).attr_opt("ver", ver)
}

/// Reads the payload of a roster get: the version that the client has.
pub fn parse_get(query: ElementRef<'_>) -> Result<Option<&str>, Malformed> {
    expect(query, "query", ns::ROSTER)?;
    if items(query).next().is_some() {
        return Err(Malformed::new("a roster get contains no items"));
    }
    Ok(query.attr("ver"))
}

/// The payload of a roster set (section 2.1.5): only what a client may say of an item is written.
pub fn set(item: &Item) -> ElementBuilder {
    let mut element = Element::builder("item", ns::ROSTER).attr("jid", item.jid.as_str());
    if item.subscription == Subscription::Remove {
        element = element.attr("subscription", Subscription::Remove.as_str());
    } else {
        element = element.attr_opt("name", item.name.as_deref());
        for group in &item.groups {
            element = element.child(Element::builder("group", ns::ROSTER).text(group));
        }
    }
    Element::builder("query", ns::ROSTER).child(element)
}

/// Reads the payload of a roster set as a server must (sections 2.1.5 and 2.3.3): exactly one item; what only the server may
/// say of it is not read, of the subscription only that it is `remove`.
///
/// # Errors
/// bad-request for more or fewer items than one and for groups that are the same; jid-malformed; not-acceptable for an empty
/// group. How long names and groups may be is the server's to check.
pub fn parse_set(query: ElementRef<'_>) -> Result<Item, Malformed> {
    expect(query, "query", ns::ROSTER)?;
    let item = only_item(query)?;
    let groups: Vec<String> = groups(item).collect();
    if groups.iter().any(String::is_empty) {
        return Err(Malformed::not_acceptable("a group without a name"));
    }
    if groups.iter().collect::<BTreeSet<_>>().len() < groups.len() {
        return Err(Malformed::new("a group that stands there twice"));
    }
    let jid = jid(item)?;
    if item.attr("subscription") == Some(Subscription::Remove.as_str()) {
        // What it was called does not matter any more.
        return Ok(Item::removal(jid));
    }
    Ok(Item { name: item.attr("name").map(str::to_owned), groups, ..Item::new(jid) })
}

/// The payload of a roster push (section 2.1.6).
pub fn push(ver: Option<&str>, item: &Item) -> ElementBuilder {
    Element::builder("query", ns::ROSTER).attr_opt("ver", ver).child(item.to_builder())
}

/// Reads the payload of a roster push: the version that the roster now has, and the item. Whether it may be trusted depends on
/// where it came from (section 2.1.6 rule 2).
pub fn parse_push(query: ElementRef<'_>) -> Result<(Option<&str>, Item), Malformed> {
    expect(query, "query", ns::ROSTER)?;
    Ok((query.attr("ver"), Item::parse(only_item(query)?)?))
}

fn items<'a>(query: ElementRef<'a>) -> impl Iterator<Item = ElementRef<'a>> {
    query.children().filter(|child| child.is("item", ns::ROSTER))
}

fn only_item(query: ElementRef<'_>) -> Result<ElementRef<'_>, Malformed> {
    let mut items = items(query);
    match (items.next(), items.next()) {
        (Some(item), None) => Ok(item),
        _ => Err(Malformed::new("exactly one item is needed")),
    }
}

fn groups<'a>(item: ElementRef<'a>) -> impl Iterator<Item = String> {
    item.children().filter(|child| child.is("group", ns::ROSTER)).map(|group| group.text().into_owned())
}
