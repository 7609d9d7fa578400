//! The flat index of an element.
//!
//! Items stand in document order: an element, then its namespace declarations and attributes, then what it contains.
//!
//! The text they point into is the frame as it was read. Where something reads otherwise than it is written, that stands in
//! front of the frame: in the tail while the frame is scanned. What was inherited from the stream's header lies in the text of
//! the header, which all elements of the stream share.
use super::{ErrorKind, chars};
use std::sync::Arc;

/// Set in [`Span::start`] while a frame is scanned: the span counts from the beginning of the tail.
pub(super) const TAIL: u32 = 1 << 31;
/// Set in [`Span::start`]: the span lies in the header's text.
pub(super) const CONTEXT: u32 = 1 << 30;
/// The largest frame whose offsets, its tail included, stay below those.
pub(super) const MAX_FRAME: usize = 1 << 29;
/// Stands for no item.
pub(super) const NONE: u32 = u32::MAX;
/// The item of a frame's outermost element.
pub(super) const ROOT: usize = 0;

/// A piece of an element's text.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) len: u32,
}

impl Span {
    /// Stands for [`crate::ns::XML`], which no text needs to hold.
    pub(super) const XML: Span = Span { start: u32::MAX, len: 0 };

    /// The tail, of this length, goes in front of the frame.
    fn settle(&mut self, tail: u32) {
        if self.start & CONTEXT == 0 {
            self.start = if self.start & TAIL == 0 { self.start + tail } else { self.start & !TAIL };
        }
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
    /// The element around it, or [`NONE`].
    pub(super) parent: u32,
    /// The attribute that says its language; [`NONE`] if that is left to the stream's header.
    pub(super) lang: u32,
    /// It or an element inside uses a prefix other than `xml`.
    pub(super) prefixed: bool,
}

/// One entry of the index.
#[derive(Clone, Copy, Debug)]
pub(super) enum Item {
    Element(Tag),
    Decl { prefix: Span, uri: Span },
    Attr { name: QName, ns: Span, value: Span },
    Text(Span),
}

impl Item {
    /// The tail, of this length, goes in front of the frame.
    pub(super) fn settle(&mut self, tail: u32) {
        match self {
            Item::Element(tag) => {
                tag.ns.settle(tail);
                tag.name.start += tail;
                tag.body += tail;
                tag.end += tail;
            }
            Item::Decl { prefix, uri } => {
                prefix.settle(tail);
                uri.settle(tail);
            }
            Item::Attr { name, ns, value } => {
                name.start += tail;
                ns.settle(tail);
                value.settle(tail);
            }
            Item::Text(span) => span.settle(tail),
        }
    }
}

/// What a stream's header puts in force for all that follows. The spans lie in `text`.
#[derive(Debug)]
pub(super) struct Context {
    /// The header's own text.
    pub(super) text: Arc<str>,
    /// The header's name as written, for the end tag.
    pub(super) name: Span,
    pub(super) default_ns: Span,
    pub(super) lang: Span,
    /// Prefixes and what they are bound to.
    pub(super) bindings: Vec<(Span, Span)>,
}

impl Context {
    pub(super) fn str(&self, span: Span) -> &str {
        let start = span.start as usize;
        self.text.get(start..start + span.len as usize).unwrap_or_default()
    }
    /// A span of this text for the index of an element.
    pub(super) fn outside(span: Span) -> Span {
        Span { start: span.start | CONTEXT, ..span }
    }
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

/// The texts that a frame's spans lie in while it is scanned.
#[derive(Clone, Copy)]
pub(super) struct Pieces<'a> {
    pub(super) data: &'a [u8],
    pub(super) tail: &'a [u8],
    pub(super) context: Option<&'a Context>,
}

impl<'a> Pieces<'a> {
    pub(super) fn bytes(&self, span: Span) -> &'a [u8] {
        let start = (span.start & !(TAIL | CONTEXT)) as usize;
        match (span.start & TAIL != 0, span.start & CONTEXT != 0) {
            (false, false) => slice(self.data, start, span.len),
            (true, false) => slice(self.tail, start, span.len),
            (false, true) => slice(self.context.map_or(&[], |c| c.text.as_bytes()), start, span.len),
            (true, true) => crate::ns::XML.as_bytes(),
        }
    }
}

/// A piece of bytes; empty where there are none.
#[inline]
pub(super) fn slice(bytes: &[u8], start: usize, len: u32) -> &[u8] {
    bytes.get(start..start + len as usize).unwrap_or_default()
}

/// True if a name's parts begin as an NCName must.
pub(super) fn parts_begin_well(data: &[u8], name: QName) -> bool {
    let begins_well = |part: Span| {
        let part = slice(data, part.start as usize, part.len);
        matches!(chars::decode(part), chars::Decoded::Char(c, _) if chars::is_name_start(c))
    };
    begins_well(name.local()) && (name.prefix == 0 || begins_well(name.prefix()))
}
