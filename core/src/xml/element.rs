//! The immutable element.
use super::{ElementBuilder, Error, Limits, Scope};
use std::borrow::Cow;

/// An immutable XML element with all that is in it: a shared buffer and a flat index. Cloning costs two reference counts.
#[derive(Clone)]
pub struct Element {}
/// An element somewhere inside an [`Element`], borrowed.
#[derive(Clone, Copy)]
pub struct ElementRef<'a> {
    _e: &'a Element,
}
/// One attribute, its value unescaped and normalised.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attr<'a> {
    /// Namespace name, empty for attributes without a prefix.
    pub ns: &'a str,
    /// Local name.
    pub name: &'a str,
    /// Value.
    pub value: &'a str,
}
/// What an element contains.
#[derive(Clone, Copy, Debug)]
pub enum Node<'a> {
    /// A child element.
    Element(ElementRef<'a>),
    /// Text, unescaped; neighbouring runs and CDATA sections are one.
    Text(&'a str),
}
impl Element {
    /// Starts building an element.
    pub fn builder(name: &str, ns: &str) -> ElementBuilder {
        ElementBuilder::new(name, ns)
    }
    /// Parses one complete element, with nothing before or after it but white space.
    pub fn parse(_xml: &[u8], _limits: Limits) -> Result<Element, Error> {
        todo!()
    }
    /// The element itself, borrowed.
    pub fn root(&self) -> ElementRef<'_> {
        todo!()
    }
    /// Local name.
    pub fn name(&self) -> &str {
        todo!()
    }
    /// Namespace name.
    pub fn ns(&self) -> &str {
        todo!()
    }
    /// True if both names are these.
    pub fn is(&self, _name: &str, _ns: &str) -> bool {
        todo!()
    }
    /// Value of an attribute that is in no namespace.
    pub fn attr(&self, _name: &str) -> Option<&str> {
        todo!()
    }
    /// Value of an attribute in a namespace.
    pub fn attr_ns(&self, _ns: &str, _name: &str) -> Option<&str> {
        todo!()
    }
    /// All attributes, in document order, namespace declarations left out.
    pub fn attrs(&self) -> impl Iterator<Item = Attr<'_>> {
        todo!();
        #[allow(unreachable_code)]
        [].into_iter()
    }
    /// The `xml:lang` in force here, also where the stream's header declared it.
    pub fn lang(&self) -> Option<&str> {
        todo!()
    }
    /// Child elements.
    pub fn children(&self) -> impl Iterator<Item = ElementRef<'_>> {
        todo!();
        #[allow(unreachable_code)]
        [].into_iter()
    }
    /// The first child with these names.
    pub fn child(&self, _name: &str, _ns: &str) -> Option<ElementRef<'_>> {
        todo!()
    }
    /// Children and text, in document order.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        todo!();
        #[allow(unreachable_code)]
        [].into_iter()
    }
    /// The text directly inside. Allocates only where children interrupt it.
    pub fn text(&self) -> Cow<'_, str> {
        todo!()
    }
    /// Writes the element as it must stand in `scope`: whatever it leaned on in its old place and the new place does not
    /// declare alike (default namespace, prefixes, inherited xml:lang) is written out.
    pub fn write(&self, _out: &mut Vec<u8>, _scope: &Scope<'_>) {
        todo!()
    }
    /// As [`write`](Self::write), with attributes (in no namespace) of the start tag replaced or added (`Some`) or left out (`None`).
    pub fn write_with(&self, _out: &mut Vec<u8>, _scope: &Scope<'_>, _attrs: &[(&str, Option<&str>)]) {
        todo!()
    }
    /// The element on its own, everything it needs declared.
    pub fn to_xml(&self) -> String {
        todo!()
    }
}
impl<'a> ElementRef<'a> {
    /// Local name.
    pub fn name(self) -> &'a str {
        todo!()
    }
    /// Namespace name.
    pub fn ns(self) -> &'a str {
        todo!()
    }
    /// True if both names are these.
    pub fn is(self, _name: &str, _ns: &str) -> bool {
        todo!()
    }
    /// Value of an attribute that is in no namespace.
    pub fn attr(self, _name: &str) -> Option<&'a str> {
        todo!()
    }
    /// Value of an attribute in a namespace.
    pub fn attr_ns(self, _ns: &str, _name: &str) -> Option<&'a str> {
        todo!()
    }
    /// All attributes.
    pub fn attrs(self) -> impl Iterator<Item = Attr<'a>> {
        todo!();
        #[allow(unreachable_code)]
        [].into_iter()
    }
    /// The `xml:lang` in force here.
    pub fn lang(self) -> Option<&'a str> {
        todo!()
    }
    /// Child elements.
    pub fn children(self) -> impl Iterator<Item = ElementRef<'a>> {
        todo!();
        #[allow(unreachable_code)]
        [].into_iter()
    }
    /// The first child with these names.
    pub fn child(self, _name: &str, _ns: &str) -> Option<ElementRef<'a>> {
        todo!()
    }
    /// Children and text.
    pub fn nodes(self) -> impl Iterator<Item = Node<'a>> {
        todo!();
        #[allow(unreachable_code)]
        [].into_iter()
    }
    /// The text directly inside.
    pub fn text(self) -> Cow<'a, str> {
        todo!()
    }
    /// The element as a value of its own; shares the buffer.
    pub fn to_element(self) -> Element {
        todo!()
    }
}
impl std::fmt::Debug for Element {
    fn fmt(&self, _f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        todo!()
    }
}
impl std::fmt::Debug for ElementRef<'_> {
    fn fmt(&self, _f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        todo!()
    }
}
/// Equal names, attributes (in any order) and content; prefixes do not matter.
impl PartialEq for Element {
    fn eq(&self, _o: &Element) -> bool {
        todo!()
    }
}
