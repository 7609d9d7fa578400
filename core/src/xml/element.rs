//! The immutable element.
use super::index::{CONTEXT, Context, Item, NONE, QName, ROOT, Span, Tag};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// An immutable XML element with all that is in it: a shared buffer and a flat index. Cloning costs at most three
/// reference counts.
///
/// Two elements are equal if their names, attributes (in any order) and content are; prefixes, quotes, CDATA sections and
/// the inherited `xml:lang` do not matter. So what [`write`](Self::write) wrote reads equal to the element, but for the
/// `xml:lang` that the new place made it write out. `Debug` prints the XML, so mind what goes to logs.
#[derive(Clone)]
pub struct Element {
    text: Arc<str>,
    items: Arc<[Item]>,
    /// The header of the stream it came on.
    context: Option<Arc<Context>>,
    at: u32,
}

/// An element somewhere inside an [`Element`], borrowed.
#[derive(Clone, Copy)]
pub struct ElementRef<'a> {
    element: &'a Element,
    at: u32,
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
    /// The element itself, borrowed.
    pub fn root(&self) -> ElementRef<'_> {
        ElementRef { element: self, at: self.at }
    }
    /// Local name.
    pub fn name(&self) -> &str {
        self.root().name()
    }
    /// Namespace name.
    pub fn ns(&self) -> &str {
        self.root().ns()
    }
    /// True if both names are these.
    pub fn is(&self, name: &str, ns: &str) -> bool {
        self.root().is(name, ns)
    }
    /// Value of an attribute that is in no namespace.
    pub fn attr(&self, name: &str) -> Option<&str> {
        self.root().attr(name)
    }
    /// Value of an attribute in a namespace.
    pub fn attr_ns(&self, ns: &str, name: &str) -> Option<&str> {
        self.root().attr_ns(ns, name)
    }
    /// All attributes, in document order, namespace declarations left out.
    pub fn attrs(&self) -> impl Iterator<Item = Attr<'_>> {
        self.root().attrs()
    }
    /// The `xml:lang` in force here, also where the stream's header declared it. `None` where it is empty.
    pub fn lang(&self) -> Option<&str> {
        self.root().lang()
    }
    /// Child elements.
    pub fn children(&self) -> impl Iterator<Item = ElementRef<'_>> {
        self.root().children()
    }
    /// The first child with these names.
    pub fn child(&self, name: &str, ns: &str) -> Option<ElementRef<'_>> {
        self.root().child(name, ns)
    }
    /// Children and text, in document order.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'_>> {
        self.root().nodes()
    }
    /// The text directly inside. Allocates only where children interrupt it.
    pub fn text(&self) -> Cow<'_, str> {
        self.root().text()
    }
    /// Bytes of memory that it keeps: all of the element that it is a part of, and the index of that.
    pub fn size(&self) -> usize {
        self.text.len() + std::mem::size_of_val(&*self.items)
    }

    /// From what the indexer finished.
    pub(super) fn assemble(
        parts: Option<(Arc<str>, Arc<[Item]>)>,
        context: Option<&Arc<Context>>,
    ) -> Option<Element> {
        parts.map(|(text, items)| Element { text, items, context: context.cloned(), at: ROOT as u32 })
    }
    /// What stands in where a builder was given more than an index can count.
    pub(super) fn placeholder() -> Element {
        let name = QName { start: 1, prefix: 0, len: 1 };
        let tag = Tag { name, body: 4, end: 4, next: 1, parent: NONE, lang: NONE, ..Tag::default() };
        Element { text: "<_/>".into(), items: [Item::Element(tag)].into(), context: None, at: ROOT as u32 }
    }
    /// What this element, a stream's header, puts in force for the stream.
    pub(super) fn context(&self) -> Option<Context> {
        let root = self.root();
        let tag = root.tag()?;
        let mut context = Context {
            text: self.text.clone(),
            name: tag.name.whole(),
            default_ns: Span::default(),
            lang: Span::default(),
            bindings: Vec::new(),
        };
        if let Some(&Item::Attr { value, .. }) = self.item(tag.lang) {
            context.lang = value;
        }
        for item in root.start_items() {
            match *item {
                Item::Decl { prefix, uri } if prefix.len == 0 => context.default_ns = uri,
                Item::Decl { prefix, uri } => context.bindings.push((prefix, uri)),
                _ => {}
            }
        }
        Some(context)
    }
    fn str(&self, span: Span) -> &str {
        let start = span.start as usize;
        match self.text.get(start..start + span.len as usize) {
            Some(str) => str,
            None => self.elsewhere(span),
        }
    }
    /// What does not lie in the element's own text.
    #[cold]
    fn elsewhere(&self, span: Span) -> &str {
        match &self.context {
            _ if span.start == Span::XML.start => crate::ns::XML,
            Some(context) => context.str(Span { start: span.start & !CONTEXT, ..span }),
            None => "",
        }
    }
    fn item(&self, at: u32) -> Option<&Item> {
        self.items.get(at as usize)
    }
}

impl<'a> ElementRef<'a> {
    /// Local name.
    pub fn name(self) -> &'a str {
        self.tag().map_or("", |tag| self.element.str(tag.name.local()))
    }
    /// Namespace name.
    pub fn ns(self) -> &'a str {
        self.tag().map_or("", |tag| self.element.str(tag.ns))
    }
    /// The prefix it is written with; empty if there is none.
    pub fn prefix(self) -> &'a str {
        self.tag().map_or("", |tag| self.element.str(tag.name.prefix()))
    }
    /// True if both names are these.
    pub fn is(self, name: &str, ns: &str) -> bool {
        // Most names that differ differ in length.
        let fits = self.tag().is_some_and(|tag| tag.name.local().len as usize == name.len());
        fits && self.name() == name && self.ns() == ns
    }
    /// Value of an attribute that is in no namespace.
    pub fn attr(self, name: &str) -> Option<&'a str> {
        self.start_items().find_map(|item| match *item {
            Item::Attr { name: have, value, .. }
                if have.prefix == 0 && self.element.str(have.whole()) == name =>
            {
                Some(self.element.str(value))
            }
            _ => None,
        })
    }
    /// Value of an attribute in a namespace.
    pub fn attr_ns(self, ns: &str, name: &str) -> Option<&'a str> {
        self.attrs().find(|attr| attr.name == name && attr.ns == ns).map(|attr| attr.value)
    }
    /// All attributes, in document order, namespace declarations left out.
    pub fn attrs(self) -> impl Iterator<Item = Attr<'a>> {
        self.start_items().filter_map(move |item| match *item {
            Item::Attr { name, ns, value } => Some(Attr {
                ns: self.element.str(ns),
                name: self.element.str(name.local()),
                value: self.element.str(value),
            }),
            _ => None,
        })
    }
    /// The `xml:lang` in force here. `None` where it is empty.
    pub fn lang(self) -> Option<&'a str> {
        let lang = match self.element.item(self.tag()?.lang) {
            Some(&Item::Attr { value, .. }) => self.element.str(value),
            _ => self.element.context.as_ref().map(|context| context.str(context.lang))?,
        };
        Some(lang).filter(|lang| !lang.is_empty())
    }
    /// Child elements.
    pub fn children(self) -> impl Iterator<Item = ElementRef<'a>> {
        let end = self.tag().map_or(0, |tag| tag.next);
        let mut at = self.content();
        std::iter::from_fn(move || {
            // Text is passed over unread.
            while at < end {
                match self.element.item(at)? {
                    Item::Element(tag) => {
                        let child = ElementRef { at, ..self };
                        at = tag.next;
                        return Some(child);
                    }
                    Item::Text(_) => at += 1,
                    _ => return None,
                }
            }
            None
        })
    }
    /// The first child with these names.
    pub fn child(self, name: &str, ns: &str) -> Option<ElementRef<'a>> {
        self.children().find(|child| child.is(name, ns))
    }
    /// Children and text, in document order.
    pub fn nodes(self) -> impl Iterator<Item = Node<'a>> {
        let end = self.tag().map_or(0, |tag| tag.next);
        let mut at = self.content();
        std::iter::from_fn(move || {
            if at >= end {
                return None;
            }
            match *self.element.item(at)? {
                Item::Element(tag) => {
                    let child = ElementRef { at, ..self };
                    at = tag.next;
                    Some(Node::Element(child))
                }
                Item::Text(span) => {
                    at += 1;
                    Some(Node::Text(self.element.str(span)))
                }
                _ => None,
            }
        })
    }
    /// The text directly inside. Allocates only where children interrupt it.
    pub fn text(self) -> Cow<'a, str> {
        let mut pieces = self.nodes().filter_map(|node| match node {
            Node::Text(text) => Some(text),
            Node::Element(_) => None,
        });
        let mut all = Cow::Borrowed(pieces.next().unwrap_or_default());
        for piece in pieces {
            all.to_mut().push_str(piece);
        }
        all
    }
    /// The element as a value of its own; shares the buffer.
    pub fn to_element(self) -> Element {
        Element { at: self.at, ..self.element.clone() }
    }

    pub(super) fn tag(self) -> Option<&'a Tag> {
        match self.element.item(self.at) {
            Some(Item::Element(tag)) => Some(tag),
            _ => None,
        }
    }
    /// Declarations and attributes of the start tag.
    pub(super) fn start_items(self) -> impl Iterator<Item = &'a Item> {
        let items = self.element.items.get(self.at as usize + 1..).unwrap_or_default();
        items.iter().take_while(|item| matches!(item, Item::Decl { .. } | Item::Attr { .. }))
    }
    /// Prefixes (empty for the default namespace) and what they are bound to in the start tag.
    pub(crate) fn declarations(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.start_items().filter_map(move |item| match *item {
            Item::Decl { prefix, uri } => Some((self.element.str(prefix), self.element.str(uri))),
            _ => None,
        })
    }
    /// Declarations with a prefix that the stream's header made.
    pub(super) fn header_declarations(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let context = self.element.context.as_deref();
        context.into_iter().flat_map(|c| c.bindings.iter().map(|(prefix, uri)| (c.str(*prefix), c.str(*uri))))
    }
    /// The stream's default namespace.
    pub(super) fn header_default(self) -> &'a str {
        self.element.context.as_ref().map_or("", |context| context.str(context.default_ns))
    }
    /// The element around it.
    pub(super) fn parent(self) -> Option<ElementRef<'a>> {
        let at = self.tag()?.parent;
        (at != NONE).then_some(ElementRef { at, ..self })
    }
    /// It and all elements inside, in document order.
    pub(super) fn descendants(self) -> impl Iterator<Item = ElementRef<'a>> {
        let end = self.tag().map_or(0, |tag| tag.next);
        (self.at..end).map(move |at| ElementRef { at, ..self }).filter(|e| e.tag().is_some())
    }
    /// True if its own start tag says its language.
    pub(super) fn has_own_lang(self) -> bool {
        self.tag().is_some_and(|tag| tag.lang != NONE && tag.lang > self.at)
    }
    pub(super) fn index(self) -> u32 {
        self.at
    }
    pub(super) fn str(self, span: Span) -> &'a str {
        self.element.str(span)
    }
    pub(super) fn text_of(self, start: u32, end: u32) -> &'a str {
        self.element.str(Span { start, len: end.saturating_sub(start) })
    }
    /// The item where its content begins.
    fn content(self) -> u32 {
        self.at + 1 + self.start_items().count() as u32
    }
}

impl fmt::Debug for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root().fmt(f)
    }
}

impl fmt::Debug for ElementRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_xml())
    }
}

impl PartialEq for Element {
    fn eq(&self, other: &Element) -> bool {
        self.root() == other.root()
    }
}

impl Eq for Element {}

impl PartialEq for ElementRef<'_> {
    /// Walks both indexes side by side, so depth costs no stack.
    fn eq(&self, other: &ElementRef<'_>) -> bool {
        let (Some(tag), Some(other_tag)) = (self.tag(), other.tag()) else { return false };
        let (mut a, mut b) = (self.at, other.at);
        while a < tag.next && b < other_tag.next {
            let (one, two) = (ElementRef { at: a, ..*self }, ElementRef { at: b, ..*other });
            match (self.element.item(a), other.element.item(b)) {
                (Some(Item::Element(x)), Some(Item::Element(y))) => {
                    // How far each reaches, counted from its own end, tells whether both close at the same place.
                    if one.name() != two.name() || one.ns() != two.ns() || !same_attrs(one, two) {
                        return false;
                    }
                    if one.nodes().count() != two.nodes().count() {
                        return false;
                    }
                    debug_assert!(x.next <= tag.next && y.next <= other_tag.next);
                    (a, b) = (one.content(), two.content());
                }
                (Some(&Item::Text(x)), Some(&Item::Text(y))) if self.str(x) == other.str(y) => {
                    (a, b) = (a + 1, b + 1);
                }
                _ => return false,
            }
        }
        a == tag.next && b == other_tag.next
    }
}

impl Eq for ElementRef<'_> {}

fn same_attrs(a: ElementRef<'_>, b: ElementRef<'_>) -> bool {
    if a.attrs().eq(b.attrs()) {
        return true;
    }
    // No attribute stands twice, so equal numbers and one inclusion are enough.
    a.attrs().count() == b.attrs().count()
        && a.attrs().all(|x| b.attr_ns(x.ns, x.name).is_some_and(|v| v == x.value))
}
