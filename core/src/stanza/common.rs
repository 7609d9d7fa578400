//! What the three kinds of stanza share: an element, and addresses that can be replaced without building it anew.
use super::ParseError;
use crate::jid::Jid;
use crate::xml::{Element, ElementBuilder, ElementRef, Node, Scope};

/// An element and its addressing.
#[derive(Clone, Debug)]
pub(super) struct Common {
    element: Element,
    to: Address,
    from: Address,
}

/// One of the two addresses. `replaced` tells that the element's attribute is out of date; where it is not, the attribute is
/// forwarded as it came (RFC 6120 section 8.1.1.1 forbids a server to modify `to`).
#[derive(Clone, Debug)]
struct Address {
    jid: Option<Jid>,
    replaced: bool,
}

impl Address {
    fn kept(jid: Option<Jid>) -> Address {
        Address { jid, replaced: false }
    }
    fn replacement(jid: Option<Jid>) -> Address {
        Address { jid, replaced: true }
    }
    fn text(&self) -> Option<&str> {
        self.jid.as_ref().map(Jid::as_str)
    }
}

impl Common {
    /// Reads the addresses. An empty one is malformed: every address has a domain (RFC 7622 section 3.1).
    pub(super) fn read(element: Element) -> Result<Common, ParseError> {
        let from = element.attr("from").map(Jid::new).transpose().map_err(ParseError::From)?;
        let to = element.attr("to").map(Jid::new).transpose().map_err(ParseError::To)?;
        Ok(Common { element, to: Address::kept(to), from: Address::kept(from) })
    }
    /// Takes an element that was built with these addresses.
    pub(super) fn built(element: Element, to: Option<Jid>, from: Option<Jid>) -> Common {
        Common { element, to: Address::kept(to), from: Address::kept(from) }
    }
    pub(super) fn element(&self) -> &Element {
        &self.element
    }
    pub(super) fn to(&self) -> Option<&Jid> {
        self.to.jid.as_ref()
    }
    pub(super) fn from(&self) -> Option<&Jid> {
        self.from.jid.as_ref()
    }
    pub(super) fn id(&self) -> Option<&str> {
        self.element.attr("id")
    }
    pub(super) fn set_to(&mut self, to: Option<Jid>) {
        self.to = Address::replacement(to);
    }
    pub(super) fn set_from(&mut self, from: Option<Jid>) {
        self.from = Address::replacement(from);
    }
    /// The children that extend the stanza: those in other namespaces than its own (RFC 6120 section 8.4).
    pub(super) fn payloads(&self) -> impl Iterator<Item = ElementRef<'_>> {
        let own = self.element.ns();
        self.element.children().filter(move |child| child.ns() != own)
    }
    /// A child that the stanza's own namespace defines: body, show and so on.
    pub(super) fn own_child(&self, name: &str) -> Option<ElementRef<'_>> {
        self.element.child(name, self.element.ns())
    }
    pub(super) fn own_children<'a>(&'a self, name: &'a str) -> impl Iterator<Item = ElementRef<'a>> {
        let own = self.element.ns();
        self.element.children().filter(move |child| child.is(name, own))
    }
    pub(super) fn write(&self, out: &mut Vec<u8>, scope: &Scope<'_>) {
        self.with_changes(|changes| self.element.write_with(out, scope, changes));
    }
    /// Puts the stanza, addressed as it is now, inside another element.
    pub(super) fn nest(&self, parent: ElementBuilder) -> ElementBuilder {
        self.with_changes(|changes| parent.element_with(self.element.root(), changes))
    }
    /// The same with one more child.
    pub(super) fn with_child(&self, child: ElementBuilder) -> Common {
        let element = self.with_changes(|changes| self.element.with_child(child, changes));
        Common::built(element, self.to().cloned(), self.from().cloned())
    }
    /// Calls `f` with the addresses that the element has otherwise.
    fn with_changes<T>(&self, f: impl FnOnce(&[(&str, Option<&str>)]) -> T) -> T {
        let (to, from) = (("to", self.to.text()), ("from", self.from.text()));
        match (self.to.replaced, self.from.replaced) {
            (false, false) => f(&[]),
            (false, true) => f(&[from]),
            (true, false) => f(&[to]),
            (true, true) => f(&[to, from]),
        }
    }
}

/// Equal when they would be written alike: the addresses count as they are now, not as the element has them.
impl PartialEq for Common {
    fn eq(&self, other: &Common) -> bool {
        let (a, b) = (&self.element, &other.element);
        self.to() == other.to()
            && self.from() == other.from()
            && a.is(b.name(), b.ns())
            && same_attributes(a, b)
            && same_content(a, b)
    }
}

fn same_attributes(a: &Element, b: &Element) -> bool {
    fn others(e: &Element) -> impl Iterator<Item = crate::xml::Attr<'_>> {
        e.attrs().filter(|a| !(a.ns.is_empty() && matches!(a.name, "to" | "from")))
    }
    others(a).count() == others(b).count()
        && others(a).all(|attr| {
            let value = if attr.ns.is_empty() { b.attr(attr.name) } else { b.attr_ns(attr.ns, attr.name) };
            value == Some(attr.value)
        })
}

fn same_content(a: &Element, b: &Element) -> bool {
    let (mut left, mut right) = (a.nodes(), b.nodes());
    loop {
        match (left.next(), right.next()) {
            (None, None) => return true,
            (Some(Node::Text(x)), Some(Node::Text(y))) if x == y => {}
            (Some(Node::Element(x)), Some(Node::Element(y))) if x.to_element() == y.to_element() => {}
            _ => return false,
        }
    }
}

/// What all three kinds of stanza offer alike.
macro_rules! addressing {
    ($type:ident) => {
        impl $type {
            /// The addressee.
            pub fn to(&self) -> Option<&Jid> {
                self.common.to()
            }
            /// The sender.
            pub fn from(&self) -> Option<&Jid> {
                self.common.from()
            }
            /// Replaces the addressee.
            pub fn set_to(&mut self, to: Option<Jid>) {
                self.common.set_to(to);
            }
            /// Replaces the sender.
            pub fn set_from(&mut self, from: Option<Jid>) {
                self.common.set_from(from);
            }
            /// The element as it was received or built; `to` and `from` as set since are not in it.
            pub fn element(&self) -> &Element {
                self.common.element()
            }
            /// The children in other namespaces than the stanza's own, in order (RFC 6120 section 8.4).
            pub fn payloads(&self) -> impl Iterator<Item = ElementRef<'_>> {
                self.common.payloads()
            }
            /// The first child with these names.
            pub fn child(&self, name: &str, ns: &str) -> Option<ElementRef<'_>> {
                self.common.element().child(name, ns)
            }
            /// The same with one more child behind the others.
            pub fn with_child(&self, child: ElementBuilder) -> $type {
                $type { common: self.common.with_child(child), ..self.clone() }
            }
            /// Puts it, addressed as it is now, inside another element (XEP-0297).
            pub fn nest(&self, parent: ElementBuilder) -> ElementBuilder {
                self.common.nest(parent)
            }
            /// The default language of its human-readable text (RFC 6120 section 8.1.5).
            pub fn lang(&self) -> Option<&str> {
                self.common.element().lang()
            }
        }
        impl From<$type> for super::Stanza {
            fn from(stanza: $type) -> super::Stanza {
                super::Stanza::$type(stanza)
            }
        }
    };
}
pub(super) use addressing;
