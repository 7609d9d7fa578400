//! The flat index of an element.
//!
//! Items stand in document order: an element, then its namespace declarations and attributes, then what it contains.
//! Item 0 says what the frame inherited from the stream's header; the declarations with a prefix that the frame used
//! and the header made stand behind the root element's last descendant.
//!
//! The text they point into is the head (what is inherited), the frame as it was read, and the tail (what reads otherwise
//! than it is written). How long head and frame are is known early and late, so only what stands in the tail, which most
//! frames do not have, must be put right in the end.
use super::{ErrorKind, chars};

/// Set in [`Span::start`] while a frame is scanned: the span counts from the beginning of the tail.
pub(super) const TAIL: u32 = 1 << 31;
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
    /// Stands for [`crate::ns::XML`], which no text needs to hold.
    pub(super) const XML: Span = Span { start: u32::MAX, len: 0 };

    fn settle(self, tail: u32) -> Span {
        if self.start & TAIL == 0 || self.start == Span::XML.start {
            return self;
        }
        Span { start: (self.start & !TAIL) + tail, ..self }
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
    /// The same name `by` further on.
    pub(super) fn shift(self, by: u32) -> QName {
        QName { start: self.start + by, ..self }
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
    /// The tail begins at `tail`.
    pub(super) fn settle(&mut self, tail: u32) {
        match self {
            Item::Context { .. } => {}
            Item::Element(tag) => tag.ns = tag.ns.settle(tail),
            Item::Decl { prefix, uri } => (*prefix, *uri) = (prefix.settle(tail), uri.settle(tail)),
            Item::Attr { ns, value, .. } => (*ns, *value) = (ns.settle(tail), value.settle(tail)),
            Item::Text(span) => *span = span.settle(tail),
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

/// The pieces that a frame's text will be made of.
#[derive(Clone, Copy)]
pub(super) struct Pieces<'a> {
    pub(super) head: &'a [u8],
    pub(super) data: &'a [u8],
    pub(super) tail: &'a [u8],
}

impl<'a> Pieces<'a> {
    pub(super) fn bytes(&self, span: Span) -> &'a [u8] {
        let start = span.start as usize;
        if span.start == Span::XML.start {
            crate::ns::XML.as_bytes()
        } else if span.start & TAIL != 0 {
            slice(self.tail, start & !(TAIL as usize), span.len)
        } else if start < self.head.len() {
            slice(self.head, start, span.len)
        } else {
            slice(self.data, start - self.head.len(), span.len)
        }
    }
}

/// A piece of bytes; empty where there are none.
#[inline]
pub(super) fn slice(bytes: &[u8], start: usize, len: u32) -> &[u8] {
    bytes.get(start..start + len as usize).unwrap_or_default()
}

/// True if a name's parts begin as an NCName must.
#[inline]
pub(super) fn parts_begin_well(data: &[u8], name: QName) -> bool {
    begins_well(data, name.local()) && (name.prefix == 0 || begins_well(data, name.prefix()))
}

#[inline]
fn begins_well(data: &[u8], part: Span) -> bool {
    let Some(&first) = data.get(part.start as usize) else { return false };
    if first < 0x80 {
        return part.len > 0 && chars::is(first, chars::NAME_START);
    }
    let part = slice(data, part.start as usize, part.len);
    matches!(chars::decode(part), chars::Decoded::Char(c, _) if chars::is_name_start(c))
}
