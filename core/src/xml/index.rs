//! The flat index of an element and how it grows while a frame is scanned.
//!
//! Items stand in document order: an element, then its namespace declarations and attributes, then what it contains.
//! Item 0 says what the frame inherited from the stream's header; the declarations with a prefix that the frame used
//! and the header made stand behind the root element's last descendant.
use super::{ErrorKind, Limits, chars, unescape};
use crate::ns;
use std::sync::Arc;

/// Set in [`Span::start`] while a frame is scanned: the span counts from the beginning of the tail.
const TAIL: u32 = 1 << 31;
/// Declarations with a prefix that may be in scope at once. Bounds what looking up a prefix can cost.
const MAX_BINDINGS: usize = 64;
/// From how many attributes on duplicates are found by sorting.
const SORT_FROM: usize = 12;
/// A frame's index may have one item per this many bytes that the frame is allowed.
const BYTES_PER_ITEM: usize = 12;
/// The largest frame whose offsets fit the index.
pub(super) const MAX_FRAME: usize = 1 << 30;

/// The item of a frame's outermost element.
pub(super) const ROOT: usize = 1;

/// A piece of an element's text.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) len: u32,
}

impl Span {
    fn raw(start: usize, end: usize) -> Span {
        Span { start: start as u32, len: (end - start) as u32 }
    }
    fn settle(self, raw_len: u32) -> Span {
        if self.start & TAIL == 0 { self } else { Span { start: (self.start & !TAIL) + raw_len, ..self } }
    }
}

/// A name as it is written, with or without prefix.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct QName {
    pub(super) start: u32,
    /// Length of the prefix; 0 if there is none.
    pub(super) prefix: u16,
    /// Length of all of it.
    pub(super) len: u16,
}

impl QName {
    pub(super) fn new(start: usize, colon: Option<usize>, end: usize) -> Option<QName> {
        let len = u16::try_from(end - start).ok()?;
        Some(QName { start: start as u32, prefix: colon.map_or(0, |colon| colon - start) as u16, len })
    }
    pub(super) fn local(self) -> Span {
        let skip = if self.prefix == 0 { 0 } else { u32::from(self.prefix) + 1 };
        Span { start: self.start + skip, len: u32::from(self.len) - skip }
    }
    pub(super) fn prefix(self) -> Span {
        Span { start: self.start, len: u32::from(self.prefix) }
    }
    pub(super) fn whole(self) -> Span {
        Span { start: self.start, len: u32::from(self.len) }
    }
}

/// What the index says of an element.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Tag {
    pub(super) name: QName,
    pub(super) ns: Span,
    /// Where what it contains begins in the text (behind the start tag).
    pub(super) body: u32,
    /// Where it ends in the text.
    pub(super) end: u32,
    /// The item behind its last descendant.
    pub(super) next: u32,
    /// The element around it; 0 if there is none.
    pub(super) parent: u32,
    /// The attribute (or [`Item::Context`], 0) that says its language.
    pub(super) lang: u32,
    /// It or an element inside uses a prefix other than `xml`.
    pub(super) prefixed: bool,
}

/// One entry of the index.
#[derive(Clone, Copy, Debug)]
pub(super) enum Item {
    Context { default_ns: Span, lang: Span },
    Element(Tag),
    Decl { prefix: Span, uri: Span },
    Attr { name: QName, ns: Span, value: Span },
    Text(Span),
}

impl Item {
    fn settle(self, raw_len: u32) -> Item {
        match self {
            Item::Context { default_ns, lang } => {
                Item::Context { default_ns: default_ns.settle(raw_len), lang: lang.settle(raw_len) }
            }
            Item::Element(tag) => Item::Element(Tag { ns: tag.ns.settle(raw_len), ..tag }),
            Item::Decl { prefix, uri } => {
                Item::Decl { prefix: prefix.settle(raw_len), uri: uri.settle(raw_len) }
            }
            Item::Attr { name, ns, value } => {
                Item::Attr { name, ns: ns.settle(raw_len), value: value.settle(raw_len) }
            }
            Item::Text(span) => Item::Text(span.settle(raw_len)),
        }
    }
}

/// What a stream's header puts in force for all that follows.
#[derive(Clone, Debug, Default)]
pub(super) struct Context {
    /// The header's name as written, for the end tag.
    pub(super) name: Vec<u8>,
    pub(super) default_ns: String,
    pub(super) lang: String,
    pub(super) bindings: Vec<(String, String)>,
}

/// Something wrong, and where in the frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    pub(super) kind: ErrorKind,
    pub(super) what: &'static str,
    pub(super) at: usize,
}

pub(super) fn fault<T>(kind: ErrorKind, what: &'static str, at: usize) -> Result<T, Fault> {
    Err(Fault { kind, what, at })
}

#[derive(Clone, Copy, Debug)]
struct Binding {
    prefix: Span,
    uri: Span,
}

/// An element whose end tag has not come yet.
#[derive(Clone, Copy, Debug)]
struct Open {
    item: u32,
    name: QName,
    default_ns: Span,
    lang: u32,
    /// How many bindings were in force around it.
    bindings: u32,
    prefixed: bool,
}

/// Builds the index of one frame after the other. Its buffers are kept from frame to frame.
#[derive(Debug, Default)]
pub(super) struct Indexer {
    items: Vec<Item>,
    /// Text that is not in the frame as it is read: unescaped, inherited.
    tail: Vec<u8>,
    open: Vec<Open>,
    bindings: Vec<Binding>,
    /// Bindings of the header that this frame has used; copied to the tail.
    inherited: Vec<Binding>,
    xml_ns: Option<Span>,
    default_ns: Span,
    attributes: usize,
    scratch: Vec<u8>,
    order: Vec<u32>,
    max_items: usize,
    max_depth: usize,
    max_attributes: usize,
    /// Elements in a content namespace may have a prefix.
    content_prefix: bool,
}

impl Indexer {
    /// Starts a frame. `strict`: it belongs to a stream, where content namespaces take no prefix (RFC 6120 4.8.5).
    pub(super) fn begin(&mut self, limits: &Limits, context: &Context, strict: bool) {
        self.items.clear();
        self.tail.clear();
        self.open.clear();
        self.bindings.clear();
        self.inherited.clear();
        self.xml_ns = None;
        self.max_items = limits.max_bytes / BYTES_PER_ITEM + 32;
        self.max_depth = limits.max_depth;
        self.max_attributes = limits.max_attributes;
        self.content_prefix =
            !(strict && (context.default_ns == ns::CLIENT || context.default_ns == ns::SERVER));
        self.default_ns = self.push_tail(context.default_ns.as_bytes());
        let lang = self.push_tail(context.lang.as_bytes());
        self.items.push(Item::Context { default_ns: self.default_ns, lang });
    }

    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// The name that the next end tag must carry.
    pub(super) fn innermost<'d>(&self, data: &'d [u8]) -> Option<&'d [u8]> {
        self.open.last().map(|open| slice(data, open.name.whole()))
    }

    /// A start tag's name is complete.
    pub(super) fn start(&mut self, name: QName, at: usize) -> Result<(), Fault> {
        if self.open.len() >= self.max_depth {
            return fault(ErrorKind::Limit, "too many levels of elements", at);
        }
        let item = self.items.len() as u32;
        let (parent, default_ns, lang) =
            self.open.last().map_or((0, self.default_ns, 0), |open| (open.item, open.default_ns, open.lang));
        self.push(Item::Element(Tag { name, parent, ..Tag::default() }), at)?;
        let bindings = self.bindings.len() as u32;
        self.open.push(Open { item, name, default_ns, lang, bindings, prefixed: false });
        self.attributes = 0;
        Ok(())
    }

    /// An attribute is complete. `plain`: its value reads as it is written.
    pub(super) fn attribute(
        &mut self,
        data: &[u8],
        name: QName,
        value: (usize, usize),
        plain: bool,
    ) -> Result<(), Fault> {
        let at = name.start as usize;
        self.attributes += 1;
        if self.attributes > self.max_attributes {
            return fault(ErrorKind::Limit, "too many attributes", at);
        }
        let raw = Span::raw(value.0, value.1);
        let value = if plain {
            raw
        } else {
            let start = self.tail.len();
            unescape::value(slice(data, raw), &mut self.tail);
            self.tail_from(start)
        };
        let written = slice(data, name.whole());
        let item = match written.strip_prefix(b"xmlns") {
            Some([]) => Item::Decl { prefix: Span::default(), uri: value },
            Some([b':', ..]) => Item::Decl { prefix: name.local(), uri: value },
            _ => Item::Attr { name, ns: Span::default(), value },
        };
        self.push(item, at)
    }

    /// The start tag is complete; `body` is where its content begins.
    pub(super) fn start_done(&mut self, data: &[u8], body: usize, context: &Context) -> Result<(), Fault> {
        let Some(mut open) = self.open.pop() else { return Ok(()) };
        let first = open.item as usize + 1;
        if self.items.len() > first {
            self.declare(data, first, &mut open)?;
        }
        let at = open.name.start as usize;
        let ns = if open.name.prefix == 0 {
            open.default_ns
        } else {
            open.prefixed = true;
            let ns = self.resolve(data, open.name.prefix(), context)?;
            let name = self.bytes(data, ns);
            if !self.content_prefix && (name == ns::CLIENT.as_bytes() || name == ns::SERVER.as_bytes()) {
                return fault(
                    ErrorKind::BadNamespacePrefix,
                    "prefix on an element of the content namespace",
                    at,
                );
            }
            ns
        };
        if self.items.len() > first {
            self.attributes_done(data, first, &mut open, context)?;
        }
        if let Some(Item::Element(tag)) = self.items.get_mut(open.item as usize) {
            tag.ns = ns;
            tag.lang = open.lang;
            tag.body = body as u32;
        }
        self.open.push(open);
        Ok(())
    }

    /// Puts the declarations of a start tag in force.
    fn declare(&mut self, data: &[u8], first: usize, open: &mut Open) -> Result<(), Fault> {
        let before = self.bindings.len();
        let mut default_seen = false;
        for i in first..self.items.len() {
            let Some(&Item::Decl { prefix, uri }) = self.items.get(i) else { continue };
            let (name, value) = (slice(data, prefix), self.bytes(data, uri));
            let at = open.name.start as usize;
            check_declaration(name, value, at)?;
            if name.is_empty() {
                if default_seen {
                    return fault(ErrorKind::NotWellFormed, "attribute given twice", at);
                }
                default_seen = true;
                open.default_ns = uri;
                continue;
            }
            let twice = self.bindings.iter().skip(before).any(|b| slice(data, b.prefix) == name);
            if twice {
                return fault(ErrorKind::NotWellFormed, "attribute given twice", at);
            }
            if self.bindings.len() >= MAX_BINDINGS {
                return fault(ErrorKind::Limit, "too many namespace prefixes", at);
            }
            self.bindings.push(Binding { prefix, uri });
        }
        Ok(())
    }

    /// Finds the namespaces of the attributes and that no two are alike.
    fn attributes_done(
        &mut self,
        data: &[u8],
        first: usize,
        open: &mut Open,
        context: &Context,
    ) -> Result<(), Fault> {
        for i in first..self.items.len() {
            let Some(&Item::Attr { name, value, .. }) = self.items.get(i) else { continue };
            if name.prefix == 0 {
                continue;
            }
            let ns = self.resolve(data, name.prefix(), context)?;
            if slice(data, name.whole()) == b"xml:lang" {
                open.lang = i as u32;
            }
            open.prefixed |= slice(data, name.prefix()) != b"xml";
            if let Some(item) = self.items.get_mut(i) {
                *item = Item::Attr { name, ns, value };
            }
        }
        if self.attributes < 2 || !self.has_twins(data, first) {
            return Ok(());
        }
        fault(ErrorKind::NotWellFormed, "attribute given twice", open.name.start as usize)
    }

    fn has_twins(&mut self, data: &[u8], first: usize) -> bool {
        let Indexer { items, tail, order, .. } = self;
        let items = items.as_slice();
        let key = |i: usize| match items.get(i) {
            Some(Item::Attr { name, ns, .. }) => Some((slice(data, name.local()), either(data, tail, *ns))),
            _ => None,
        };
        if items.len() - first <= SORT_FROM {
            return (first..items.len())
                .any(|i| key(i).is_some_and(|one| (first..i).any(|j| key(j) == Some(one))));
        }
        order.clear();
        order.extend((first..items.len()).filter(|i| key(*i).is_some()).map(|i| i as u32));
        order.sort_unstable_by(|a, b| key(*a as usize).cmp(&key(*b as usize)));
        order.windows(2).any(|pair| matches!(pair, [a, b] if key(*a as usize) == key(*b as usize)))
    }

    /// The namespace that a prefix stands for here.
    fn resolve(&mut self, data: &[u8], prefix: Span, context: &Context) -> Result<Span, Fault> {
        let name = slice(data, prefix);
        if name == b"xml" {
            if let Some(span) = self.xml_ns {
                return Ok(span);
            }
            let span = self.push_tail(ns::XML.as_bytes());
            self.xml_ns = Some(span);
            return Ok(span);
        }
        if let Some(b) = self.bindings.iter().rev().find(|b| slice(data, b.prefix) == name) {
            return Ok(b.uri);
        }
        if let Some(b) = self.inherited.iter().find(|b| self.bytes(data, b.prefix) == name) {
            return Ok(b.uri);
        }
        let Some((_, uri)) = context.bindings.iter().find(|(p, _)| p.as_bytes() == name) else {
            return fault(ErrorKind::NotWellFormed, "prefix that is not declared", prefix.start as usize);
        };
        let binding = Binding { prefix: self.push_tail(name), uri: self.push_tail(uri.as_bytes()) };
        self.inherited.push(binding);
        Ok(binding.uri)
    }

    /// A run of text, references and CDATA sections between two tags. `plain`: it reads as it is written.
    pub(super) fn text(&mut self, data: &[u8], start: usize, end: usize, plain: bool) -> Result<(), Fault> {
        if start >= end {
            return Ok(());
        }
        let raw = Span::raw(start, end);
        let span = if plain {
            raw
        } else {
            let begin = self.tail.len();
            unescape::text(slice(data, raw), &mut self.tail);
            self.tail_from(begin)
        };
        if span.len == 0 { Ok(()) } else { self.push(Item::Text(span), start) }
    }

    /// The innermost element ends before `end`.
    pub(super) fn end(&mut self, end: usize) {
        let Some(open) = self.open.pop() else { return };
        let next = self.items.len() as u32;
        if let Some(Item::Element(tag)) = self.items.get_mut(open.item as usize) {
            tag.end = end as u32;
            tag.next = next;
            tag.prefixed = open.prefixed;
        }
        self.bindings.truncate(open.bindings as usize);
        if let Some(parent) = self.open.last_mut() {
            parent.prefixed |= open.prefixed;
        }
    }

    /// The frame is a lone start tag; its text is about to get a `/` before the `>`.
    pub(super) fn lengthen_root(&mut self) {
        if let Some(Item::Element(tag)) = self.items.get_mut(ROOT) {
            tag.body += 1;
            tag.end += 1;
        }
    }

    /// The finished frame: its text and index. `raw` is all of the frame; what this returns `None` for is not UTF-8.
    pub(super) fn finish(&mut self, raw: &[u8]) -> Option<(Arc<str>, Arc<[Item]>)> {
        let inherited = self.inherited.iter().map(|b| Item::Decl { prefix: b.prefix, uri: b.uri });
        self.items.extend(inherited);
        let text: Arc<str> = if self.tail.is_empty() {
            std::str::from_utf8(raw).ok()?.into()
        } else {
            self.scratch.clear();
            self.scratch.extend_from_slice(raw);
            self.scratch.extend_from_slice(&self.tail);
            std::str::from_utf8(&self.scratch).ok()?.into()
        };
        let raw_len = raw.len() as u32;
        let items = self.items.iter().map(|item| item.settle(raw_len)).collect();
        self.trim();
        Some((text, items))
    }

    /// Gives back what an unusually large frame has made the buffers grow to.
    fn trim(&mut self) {
        self.items.clear();
        self.tail.clear();
        self.scratch.clear();
        self.items.shrink_to(64);
        self.tail.shrink_to(512);
        self.scratch.shrink_to(2048);
        self.open.shrink_to(16);
        self.bindings.shrink_to(16);
        self.order.shrink_to(32);
    }

    fn push(&mut self, item: Item, at: usize) -> Result<(), Fault> {
        if self.items.len() >= self.max_items {
            return fault(ErrorKind::Limit, "too many elements, attributes and texts", at);
        }
        self.items.push(item);
        Ok(())
    }

    fn push_tail(&mut self, bytes: &[u8]) -> Span {
        let start = self.tail.len();
        self.tail.extend_from_slice(bytes);
        self.tail_from(start)
    }

    fn tail_from(&self, start: usize) -> Span {
        Span { start: start as u32 | TAIL, len: (self.tail.len() - start) as u32 }
    }

    fn bytes<'a>(&'a self, data: &'a [u8], span: Span) -> &'a [u8] {
        either(data, &self.tail, span)
    }
}

/// What Namespaces in XML sections 2.2, 3 and 5 forbid a declaration to say.
fn check_declaration(prefix: &[u8], uri: &[u8], at: usize) -> Result<(), Fault> {
    let bad = |what| fault(ErrorKind::NotWellFormed, what, at);
    let is_xml = uri == ns::XML.as_bytes();
    match prefix {
        b"xml" if is_xml => Ok(()),
        b"xml" => bad("xml: bound to another namespace"),
        b"xmlns" => bad("declaration of the prefix xmlns"),
        _ if is_xml => bad("another prefix bound to the namespace of xml:"),
        _ if uri == ns::XMLNS.as_bytes() => bad("prefix bound to the namespace of xmlns"),
        [_, ..] if uri.is_empty() => bad("prefix bound to no namespace"),
        _ => Ok(()),
    }
}

fn either<'a>(data: &'a [u8], tail: &'a [u8], span: Span) -> &'a [u8] {
    if span.start & TAIL == 0 {
        slice(data, span)
    } else {
        slice(tail, Span { start: span.start & !TAIL, ..span })
    }
}

fn slice(data: &[u8], span: Span) -> &[u8] {
    data.get(span.start as usize..span.start as usize + span.len as usize).unwrap_or_default()
}

/// True if a name's parts begin as an NCName must.
pub(super) fn parts_begin_well(data: &[u8], name: QName) -> bool {
    let begins_well = |span: Span| {
        let part = slice(data, span);
        part.first().is_some_and(|&b| chars::is(b, chars::NAME_START))
            || matches!(chars::decode(part), chars::Decoded::Char(c, _) if chars::is_name_start(c))
    };
    begins_well(name.local()) && (name.prefix == 0 || begins_well(name.prefix()))
}
