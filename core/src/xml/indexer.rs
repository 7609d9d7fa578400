//! How the index grows while a frame is scanned: namespaces, languages, duplicates.
use super::index::{Context, Fault, Item, NONE, Pieces, QName, ROOT, Span, TAIL, Tag, fault, slice};
use super::limits::Limits;
use super::{ErrorKind, unescape};
use crate::ns;
use std::sync::Arc;

/// Declarations with a prefix that may be in scope at once. Bounds what looking up a prefix can cost.
const MAX_BINDINGS: usize = 64;
/// From how many attributes on duplicates are found by sorting.
const SORT_FROM: usize = 12;
/// A frame's index may have one item per this many bytes that the frame is allowed: of the first ones, which is all that a
/// peer gets before it has authenticated, and of the rest, where rosters have to fit.
const BYTES_PER_ITEM: (usize, usize) = (32, 12);
/// How many bytes the first ones are.
const FIRST_BYTES: usize = 16 << 10;

const TWICE: &str = "attribute given twice";

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
    /// What reads otherwise than it is written.
    tail: Vec<u8>,
    open: Vec<Open>,
    bindings: Vec<Binding>,
    default_ns: Span,
    tag: StartTag,
    order: Vec<u32>,
    max_items: usize,
    max_depth: usize,
    max_attributes: usize,
    /// Elements in a content namespace may have a prefix.
    content_prefix: bool,
}

/// What the start tag so far has.
#[derive(Clone, Copy, Debug, Default)]
struct StartTag {
    attributes: usize,
    /// Declarations among them.
    declares: bool,
    /// Attributes with a prefix among them.
    prefixed: bool,
    /// One bit for each local name, by a cheap hash: only where two share a bit can they be alike.
    names: u64,
    twins: bool,
}

impl Indexer {
    /// Starts a frame. `strict`: it belongs to a stream, where content namespaces take no prefix (RFC 6120 4.8.5).
    pub(super) fn begin(&mut self, limits: &Limits, context: Option<&Context>, strict: bool) {
        self.items.clear();
        self.tail.clear();
        self.open.clear();
        self.bindings.clear();
        let first = limits.max_bytes.min(FIRST_BYTES);
        self.max_items = first / BYTES_PER_ITEM.0 + (limits.max_bytes - first) / BYTES_PER_ITEM.1 + 32;
        self.max_depth = limits.max_depth;
        self.max_attributes = limits.max_attributes;
        self.content_prefix =
            !(strict && context.is_some_and(|c| takes_no_prefix(c.str(c.default_ns).as_bytes())));
        self.default_ns = context.map_or(Span::default(), |c| Context::outside(c.default_ns));
    }

    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// The name that the next end tag must carry.
    pub(super) fn innermost<'d>(&self, data: &'d [u8]) -> Option<&'d [u8]> {
        self.open.last().map(|open| slice(data, open.name.start as usize, u32::from(open.name.len)))
    }

    /// A start tag's name is complete.
    pub(super) fn start(&mut self, name: QName) -> Result<(), Fault> {
        let at = name.start as usize;
        if self.open.len() >= self.max_depth {
            return fault(ErrorKind::Limit, "too many levels of elements", at);
        }
        let item = self.items.len() as u32;
        let (parent, default_ns, lang) = self
            .open
            .last()
            .map_or((NONE, self.default_ns, NONE), |open| (open.item, open.default_ns, open.lang));
        let tag = Tag { name, parent, ..Tag::default() };
        self.push(Item::Element(tag), at)?;
        let bindings = self.bindings.len() as u32;
        self.open.push(Open { item, name, default_ns, lang, bindings, prefixed: false });
        self.tag = StartTag::default();
        Ok(())
    }

    /// An attribute is complete. `plain`: its value reads as it is written.
    #[inline]
    pub(super) fn attribute(
        &mut self,
        data: &[u8],
        name: QName,
        (start, end): (usize, usize),
        plain: bool,
    ) -> Result<(), Fault> {
        let at = name.start as usize;
        self.tag.attributes += 1;
        if self.tag.attributes > self.max_attributes {
            return fault(ErrorKind::Limit, "too many attributes", at);
        }
        let value = if plain {
            Span { start: start as u32, len: (end - start) as u32 }
        } else {
            let from = self.tail.len();
            unescape::value(data.get(start..end).unwrap_or_default(), &mut self.tail);
            self.tail_from(from)
        };
        let written = slice(data, at, u32::from(name.len));
        let item = match written.strip_prefix(b"xmlns") {
            Some([]) => {
                self.tag.declares = true;
                Item::Decl { prefix: Span::default(), uri: value }
            }
            Some([b':', ..]) => {
                self.tag.declares = true;
                Item::Decl { prefix: name.local(), uri: value }
            }
            _ => {
                self.tag.name(written, name);
                Item::Attr { name, ns: Span::default(), value }
            }
        };
        self.push(item, at)
    }

    /// The start tag is complete; `body` is where its content begins.
    pub(super) fn start_done(
        &mut self,
        data: &[u8],
        body: usize,
        context: Option<&Context>,
    ) -> Result<(), Fault> {
        let Some(mut open) = self.open.last().copied() else { return Ok(()) };
        let first = open.item as usize + 1;
        if self.tag.declares {
            self.declare(data, first, &mut open, context)?;
        }
        let mut ns = open.default_ns;
        if open.name.prefix != 0 {
            open.prefixed = true;
            ns = self.resolve(data, open.name, context)?;
            if !self.content_prefix && takes_no_prefix(self.pieces(data, context).bytes(ns)) {
                let what = "prefix on an element of a content namespace";
                return fault(ErrorKind::BadNamespacePrefix, what, open.name.start as usize);
            }
        }
        if self.tag.prefixed {
            self.resolve_attributes(data, first, &mut open, context)?;
        }
        if self.tag.twins && self.has_twins(data, first, context) {
            return fault(ErrorKind::NotWellFormed, TWICE, open.name.start as usize);
        }
        if let Some(Item::Element(tag)) = self.items.get_mut(open.item as usize) {
            tag.ns = ns;
            tag.lang = open.lang;
            tag.body = body as u32;
        }
        if let Some(last) = self.open.last_mut() {
            *last = open;
        }
        Ok(())
    }

    /// A run of text, references and CDATA sections between two tags. `plain`: it reads as it is written.
    #[inline]
    pub(super) fn text(&mut self, data: &[u8], start: usize, end: usize, plain: bool) -> Result<(), Fault> {
        if start >= end {
            return Ok(());
        }
        let span = if plain {
            Span { start: start as u32, len: (end - start) as u32 }
        } else {
            let from = self.tail.len();
            unescape::text(data.get(start..end).unwrap_or_default(), &mut self.tail);
            self.tail_from(from)
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
        let text = if self.tail.is_empty() {
            raw
        } else {
            let tail = self.tail.len() as u32;
            self.items.iter_mut().for_each(|item| item.settle(tail));
            self.tail.extend_from_slice(raw);
            &self.tail
        };
        let text: Arc<str> = std::str::from_utf8(text).ok()?.into();
        let items = Arc::from(self.items.as_slice());
        self.trim();
        Some((text, items))
    }

    /// Room for a document of this many bytes.
    pub(super) fn reserve(&mut self, bytes: usize) {
        self.items.reserve(bytes.min(1 << 20) / 16 + 4);
        self.open.reserve(4);
    }

    /// Gives back all buffers.
    pub(super) fn release(&mut self) {
        (self.items, self.tail, self.open) = (Vec::new(), Vec::new(), Vec::new());
        (self.bindings, self.order) = (Vec::new(), Vec::new());
    }

    /// Gives back what an unusually large frame has made the buffers grow to.
    fn trim(&mut self) {
        self.items.clear();
        self.items.shrink_to(32);
        self.tail.clear();
        self.tail.shrink_to(1024);
        self.open.shrink_to(8);
        self.bindings.shrink_to(8);
        self.order = Vec::new();
    }

    /// Puts the declarations of a start tag in force.
    fn declare(
        &mut self,
        data: &[u8],
        first: usize,
        open: &mut Open,
        context: Option<&Context>,
    ) -> Result<(), Fault> {
        let before = self.bindings.len();
        let at = open.name.start as usize;
        let mut default_seen = false;
        let pieces = Pieces { data, tail: &self.tail, context };
        for item in self.items.get(first..).unwrap_or_default() {
            let &Item::Decl { prefix, uri } = item else { continue };
            let name = if prefix.len == 0 { &[] } else { pieces.bytes(prefix) };
            check_declaration(name, pieces.bytes(uri), at)?;
            if name.is_empty() {
                if default_seen {
                    return fault(ErrorKind::NotWellFormed, TWICE, at);
                }
                default_seen = true;
                open.default_ns = uri;
                continue;
            }
            if self.bindings.iter().skip(before).any(|b| pieces.bytes(b.prefix) == name) {
                return fault(ErrorKind::NotWellFormed, TWICE, at);
            }
            if self.bindings.len() >= MAX_BINDINGS {
                return fault(ErrorKind::Limit, "too many namespace prefixes", at);
            }
            self.bindings.push(Binding { prefix, uri });
        }
        Ok(())
    }

    /// Finds the namespaces of the attributes that have a prefix.
    fn resolve_attributes(
        &mut self,
        data: &[u8],
        first: usize,
        open: &mut Open,
        context: Option<&Context>,
    ) -> Result<(), Fault> {
        for i in first..self.items.len() {
            let Some(&Item::Attr { name, value, .. }) = self.items.get(i) else { continue };
            if name.prefix == 0 {
                continue;
            }
            let ns = self.resolve(data, name, context)?;
            if ns.start != Span::XML.start {
                open.prefixed = true;
            } else if slice(data, name.local().start as usize, name.local().len) == b"lang" {
                open.lang = i as u32;
            }
            if let Some(item) = self.items.get_mut(i) {
                *item = Item::Attr { name, ns, value };
            }
        }
        Ok(())
    }

    fn has_twins(&mut self, data: &[u8], first: usize, context: Option<&Context>) -> bool {
        let Indexer { items, tail, order, .. } = self;
        let pieces = Pieces { data, tail, context };
        let items = items.as_slice();
        let key = |i: usize| match items.get(i) {
            Some(Item::Attr { name, ns, .. }) => Some((pieces.bytes(name.local()), pieces.bytes(*ns))),
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

    /// The namespace that the prefix of a name stands for here.
    fn resolve(&mut self, data: &[u8], name: QName, context: Option<&Context>) -> Result<Span, Fault> {
        let at = name.start as usize;
        let prefix = slice(data, at, u32::from(name.prefix));
        if prefix == b"xml" {
            return Ok(Span::XML);
        }
        let pieces = self.pieces(data, context);
        if let Some(b) = self.bindings.iter().rev().find(|b| pieces.bytes(b.prefix) == prefix) {
            return Ok(b.uri);
        }
        let header = context.and_then(|c| c.bindings.iter().find(|(p, _)| c.str(*p).as_bytes() == prefix));
        match header {
            Some((_, uri)) => Ok(Context::outside(*uri)),
            None => fault(ErrorKind::NotWellFormed, "prefix that is not declared", at),
        }
    }

    #[inline]
    fn push(&mut self, item: Item, at: usize) -> Result<(), Fault> {
        if self.items.len() >= self.max_items {
            return fault(ErrorKind::Limit, "too many elements, attributes and texts", at);
        }
        if self.items.len() == self.items.capacity() {
            // As a vector grows by itself, but not beyond what a frame may have.
            let more = self.items.len().max(16).min(self.max_items - self.items.len());
            self.items.reserve_exact(more);
        }
        self.items.push(item);
        Ok(())
    }

    fn tail_from(&self, start: usize) -> Span {
        Span { start: start as u32 | TAIL, len: (self.tail.len() - start) as u32 }
    }

    fn pieces<'a>(&'a self, data: &'a [u8], context: Option<&'a Context>) -> Pieces<'a> {
        Pieces { data, tail: &self.tail, context }
    }
}

impl StartTag {
    /// Counts an attribute that is no declaration.
    #[inline]
    fn name(&mut self, written: &[u8], name: QName) {
        let local = if name.prefix == 0 {
            written
        } else {
            written.get(usize::from(name.prefix) + 1..).unwrap_or_default()
        };
        let hash = match local {
            [first, .., last] => usize::from(*first) * 5 + usize::from(*last) * 3 + local.len(),
            [only] => usize::from(*only),
            [] => 0,
        };
        let bit = 1 << (hash & 63);
        self.twins |= self.names & bit != 0;
        self.names |= bit;
        self.prefixed |= name.prefix != 0;
    }
}

/// True for the namespaces whose elements take no prefix on a stream (RFC 6120 section 4.8.5).
fn takes_no_prefix(ns: &[u8]) -> bool {
    ns == ns::CLIENT.as_bytes() || ns == ns::SERVER.as_bytes()
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
