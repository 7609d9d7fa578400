//! Privacy lists (XEP-0016; RFC 3921 section 10): the format. What they do to stanzas is the server's business.

use super::roster::Subscription;
use super::{Malformed, expect, required};
use crate::jid::Jid;
use crate::ns;
use crate::xml::{Element, ElementBuilder, ElementRef};

/// Whom a rule is about (section 2.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Subject {
    /// An address. A bare one means all its resources too, a domain also everybody at it.
    Jid(Jid),
    /// The contacts in this group of the roster.
    Group(String),
    /// The contacts with exactly this subscription; `None` includes everybody who is not on the roster. Never `Remove`.
    Subscription(Subscription),
    /// Everybody: the fall-through.
    Everyone,
}

/// What becomes of a stanza that a rule applies to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Action {
    /// It passes.
    Allow,
    /// It does not.
    Deny,
}

/// Which stanzas a rule applies to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Stanzas {
    /// All, in both directions.
    All,
    /// The named kinds only; at least one.
    Only(Kinds),
}

/// Kinds of stanzas that a rule can name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub struct Kinds {
    /// Incoming messages.
    pub message: bool,
    /// Incoming iq stanzas.
    pub iq: bool,
    /// Incoming presence notifications.
    pub presence_in: bool,
    /// Outgoing presence notifications.
    pub presence_out: bool,
}

/// One rule of a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rule {
    /// Whom it is about.
    pub subject: Subject,
    /// What it does.
    pub action: Action,
    /// Its place: lower ones are tried first. Unique within a list.
    pub order: u32,
    /// Which stanzas it applies to.
    pub stanzas: Stanzas,
}

/// A list of rules.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct List {
    /// Its name, unique within the account.
    pub name: String,
    /// Its rules, in ascending [order](Rule::order).
    pub rules: Vec<Rule>,
}

/// What a request of type get asks for (section 2.3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Get {
    /// The names of all lists, and which are active and default.
    Names,
    /// The list of this name.
    List(String),
}

/// What a request of type set does (sections 2.4 to 2.8).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Set {
    /// Makes a list the session's active one, or makes it use none.
    Active(Option<String>),
    /// Makes a list the account's default, or makes it use none.
    Default(Option<String>),
    /// Creates a list, or replaces the one of this name.
    Put(List),
    /// Removes the list of this name.
    Remove(String),
}

/// The names of an account's lists.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Names {
    /// The active one of the session that asked.
    pub active: Option<String>,
    /// The default one of the account.
    pub default: Option<String>,
    /// All.
    pub lists: Vec<String>,
}

impl Get {
    /// Reads the payload of a request. More than one list cannot be asked for at once.
    pub fn parse(query: ElementRef<'_>) -> Result<Get, Malformed> {
        match only_child(query)? {
            None => Ok(Get::Names),
            Some(list) if list.is("list", ns::PRIVACY) => Ok(Get::List(name(list)?)),
            Some(_) => Err(Malformed::new("only a list can be asked for")),
        }
    }

    /// The payload of the request.
    pub fn to_builder(&self) -> ElementBuilder {
        match self {
            Get::Names => query(),
            Get::List(list) => query().child(named("list", Some(list))),
        }
    }
}

impl Set {
    /// Reads the payload of a request.
    ///
    /// # Errors
    /// bad-request unless there is exactly one child; what [`List::parse`] refuses.
    pub fn parse(query: ElementRef<'_>) -> Result<Set, Malformed> {
        let child = only_child(query)?.ok_or(Malformed::new("nothing to set"))?;
        let name = || child.attr("name").map(str::to_owned);
        match child.name() {
            "active" if child.ns() == ns::PRIVACY => Ok(Set::Active(name())),
            "default" if child.ns() == ns::PRIVACY => Ok(Set::Default(name())),
            _ => {
                let list = List::parse(child)?;
                Ok(if list.rules.is_empty() { Set::Remove(list.name) } else { Set::Put(list) })
            }
        }
    }

    /// The payload of the request.
    pub fn to_builder(&self) -> ElementBuilder {
        query().child(match self {
            Set::Active(name) => named("active", name.as_deref()),
            Set::Default(name) => named("default", name.as_deref()),
            Set::Put(list) => list.element(),
            Set::Remove(name) => named("list", Some(name)),
        })
    }
}

impl Names {
    /// Reads the payload of the answer to [`Get::Names`].
    pub fn parse(query: ElementRef<'_>) -> Result<Names, Malformed> {
        expect(query, "query", ns::PRIVACY)?;
        let mut names = Names::default();
        for child in query.children().filter(|child| child.ns() == ns::PRIVACY) {
            match child.name() {
                "active" => names.active = child.attr("name").map(str::to_owned),
                "default" => names.default = child.attr("name").map(str::to_owned),
                "list" => names.lists.push(name(child)?),
                _ => {}
            }
        }
        Ok(names)
    }

    /// That payload.
    pub fn to_builder(&self) -> ElementBuilder {
        let mut query = query();
        for (which, name) in [("active", &self.active), ("default", &self.default)] {
            if let Some(name) = name {
                query = query.child(named(which, Some(name)));
            }
        }
        self.lists.iter().fold(query, |query, list| query.child(named("list", Some(list))))
    }
}

impl List {
    /// Reads a `list` element and puts its rules in order.
    ///
    /// # Errors
    /// bad-request for anything that section 2.1 does not allow, two rules of the same order among it; jid-malformed.
    pub fn parse(list: ElementRef<'_>) -> Result<List, Malformed> {
        expect(list, "list", ns::PRIVACY)?;
        let items = list.children().filter(|child| child.is("item", ns::PRIVACY));
        let mut rules = items.map(Rule::parse).collect::<Result<Vec<_>, _>>()?;
        rules.sort_by_key(|rule| rule.order);
        if rules.iter().zip(rules.iter().skip(1)).any(|(rule, next)| rule.order == next.order) {
            return Err(Malformed::new("two items of the same order"));
        }
        Ok(List { name: name(list)?, rules })
    }

    /// Reads the payload of the answer to [`Get::List`].
    pub fn parse_answer(query: ElementRef<'_>) -> Result<List, Malformed> {
        List::parse(only_child(query)?.ok_or(Malformed::new("no list"))?)
    }

    /// That payload.
    pub fn to_builder(&self) -> ElementBuilder {
        query().child(self.element())
    }

    fn element(&self) -> ElementBuilder {
        self.rules.iter().map(Rule::to_builder).fold(named("list", Some(&self.name)), ElementBuilder::child)
    }
}

/// The payload of the push that says which list has changed (section 2.2 rule 10).
pub fn push(list: &str) -> ElementBuilder {
    query().child(named("list", Some(list)))
}

/// Reads that payload: the name of the list.
pub fn parse_push(query: ElementRef<'_>) -> Result<String, Malformed> {
    match Get::parse(query)? {
        Get::List(name) => Ok(name),
        Get::Names => Err(Malformed::new("no list")),
    }
}

impl Rule {
    fn parse(item: ElementRef<'_>) -> Result<Rule, Malformed> {
        let action = match item.attr("action") {
            Some("allow") => Action::Allow,
            Some("deny") => Action::Deny,
            _ => return Err(Malformed::new("an action other than allow and deny")),
        };
        let order = required(item, "order", "an item without order")?.trim();
        let digits = !order.is_empty() && order.bytes().all(|byte| byte.is_ascii_digit());
        let order = digits.then(|| order.parse().ok()).flatten();
        let order = order.ok_or(Malformed::new("an order that is no number of 32 bits"))?;
        Ok(Rule { subject: Subject::parse(item)?, action, order, stanzas: Stanzas::parse(item)? })
    }

    fn to_builder(&self) -> ElementBuilder {
        let (kind, value) = match &self.subject {
            Subject::Jid(jid) => (Some("jid"), Some(jid.as_str())),
            Subject::Group(group) => (Some("group"), Some(group.as_str())),
            Subject::Subscription(subscription) => (Some("subscription"), Some(subscription.as_str())),
            Subject::Everyone => (None, None),
        };
        let action = match self.action {
            Action::Allow => "allow",
            Action::Deny => "deny",
        };
        let item = Element::builder("item", ns::PRIVACY)
            .attr_opt("type", kind)
            .attr_opt("value", value)
            .attr("action", action)
            .attr("order", &self.order.to_string());
        let Stanzas::Only(kinds) = self.stanzas else { return item };
        let kinds = [
            (kinds.message, "message"),
            (kinds.iq, "iq"),
            (kinds.presence_in, "presence-in"),
            (kinds.presence_out, "presence-out"),
        ];
        let named = kinds.into_iter().filter(|(named, _)| *named);
        named.fold(item, |item, (_, name)| item.child(Element::builder(name, ns::PRIVACY)))
    }
}

impl Subject {
    fn parse(item: ElementRef<'_>) -> Result<Subject, Malformed> {
        let value = || required(item, "value", "an item with a type but no value");
        match item.attr("type") {
            None => Ok(Subject::Everyone),
            Some("jid") => {
                let jid = Jid::new(value()?);
                Ok(Subject::Jid(jid.map_err(|_| Malformed::address("an item whose value is no address"))?))
            }
            Some("group") => Ok(Subject::Group(value()?.to_owned())),
            Some("subscription") => Subscription::from_name(value()?)
                .filter(|subscription| *subscription != Subscription::Remove)
                .map(Subject::Subscription)
                .ok_or(Malformed::new("a subscription other than none, to, from and both")),
            Some(_) => Err(Malformed::new("a type other than jid, group and subscription")),
        }
    }
}

impl Stanzas {
    fn parse(item: ElementRef<'_>) -> Result<Stanzas, Malformed> {
        let mut kinds = Kinds::default();
        for child in item.children().filter(|child| child.ns() == ns::PRIVACY) {
            match child.name() {
                "message" => kinds.message = true,
                "iq" => kinds.iq = true,
                "presence-in" => kinds.presence_in = true,
                "presence-out" => kinds.presence_out = true,
                _ => return Err(Malformed::new("a kind of stanza that is not defined")),
            }
        }
        Ok(if kinds == Kinds::default() { Stanzas::All } else { Stanzas::Only(kinds) })
    }
}

fn query() -> ElementBuilder {
    Element::builder("query", ns::PRIVACY)
}

fn named(element: &str, name: Option<&str>) -> ElementBuilder {
    Element::builder(element, ns::PRIVACY).attr_opt("name", name)
}

fn name(element: ElementRef<'_>) -> Result<String, Malformed> {
    required(element, "name", "a list without a name").map(str::to_owned)
}

fn only_child(query: ElementRef<'_>) -> Result<Option<ElementRef<'_>>, Malformed> {
    expect(query, "query", ns::PRIVACY)?;
    let mut children = query.children();
    let child = children.next();
    match children.next() {
        None => Ok(child),
        Some(_) => Err(Malformed::new("more than one thing at once")),
    }
}
