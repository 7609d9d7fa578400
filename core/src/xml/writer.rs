//! Writing XML: an element moves by having its start tag written anew and the rest copied as it is.
use super::chars;
use super::element::{Element, ElementRef};
use super::index::{Item, Tag};
use crate::ns;

/// What is declared at the place where an element is to be written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scope<'a> {
    /// The default namespace there; empty if none. On a stream: its content namespace. A root element in any content namespace
    /// ([`crate::ns::is_content`]) is then written without a declaration and so takes on this one.
    pub default_ns: &'a str,
    /// The prefix `stream` is declared there (RFC 6120 section 4.8.5).
    pub stream_prefix: bool,
    /// The `xml:lang` in force there. An element that had no language takes this one on: RFC 6120 section 8.1.5 gives a
    /// stanza without `xml:lang` the language of its stream.
    pub lang: Option<&'a str>,
}

impl<'a> Scope<'a> {
    /// Inside a stream with this content namespace, the prefix `stream` declared.
    pub fn stream(content_ns: &'a str, lang: Option<&'a str>) -> Scope<'a> {
        Scope { default_ns: content_ns, stream_prefix: true, lang }
    }
}

/// A scope, and whether an element changes its content namespace on the way there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    scope: Scope<'a>,
    translate: bool,
}

impl<'a> Place<'a> {
    /// Inside another element: nothing changes its meaning.
    pub(super) fn within(default_ns: &'a str, lang: Option<&'a str>) -> Place<'a> {
        Place { scope: Scope { default_ns, stream_prefix: false, lang }, translate: false }
    }
}

impl<'a> From<&Scope<'a>> for Place<'a> {
    fn from(scope: &Scope<'a>) -> Place<'a> {
        Place { scope: *scope, translate: ns::is_content(scope.default_ns) }
    }
}

impl Element {
    /// Writes the element as it must stand in `scope`: whatever it leaned on in its old place and the new place does not
    /// declare alike (default namespace, prefixes, inherited xml:lang) is written out.
    pub fn write(&self, out: &mut Vec<u8>, scope: &Scope<'_>) {
        self.root().write_with(out, scope, &[]);
    }
    /// As [`write`](Self::write), with attributes (in no namespace) of the start tag replaced or added (`Some`) or left out (`None`).
    pub fn write_with(&self, out: &mut Vec<u8>, scope: &Scope<'_>, attrs: &[(&str, Option<&str>)]) {
        self.root().write_with(out, scope, attrs);
    }
    /// The element on its own, everything it needs declared.
    pub fn to_xml(&self) -> String {
        self.root().to_xml()
    }
}

impl ElementRef<'_> {
    /// As [`Element::write`].
    pub fn write(self, out: &mut Vec<u8>, scope: &Scope<'_>) {
        self.write_with(out, scope, &[]);
    }
    /// As [`Element::write_with`].
    pub fn write_with(self, out: &mut Vec<u8>, scope: &Scope<'_>, attrs: &[(&str, Option<&str>)]) {
        write(self, out, &Place::from(scope), attrs);
    }
    /// As [`Element::to_xml`].
    pub fn to_xml(self) -> String {
        let mut out = Vec::new();
        self.write(&mut out, &Scope::default());
        String::from_utf8(out).unwrap_or_default()
    }
}

/// Writes an element, see [`super::Element::write_with`].
pub(super) fn write(e: ElementRef<'_>, out: &mut Vec<u8>, place: &Place<'_>, attrs: &[(&str, Option<&str>)]) {
    let Some(tag) = e.tag() else { return };
    let plan = Plan::new(e, tag, place);
    out.reserve((tag.end - tag.name.start) as usize + 64);
    out.push(b'<');
    plan.name(e, out);
    if let Some(default) = plan.declare_default {
        declare("", default, out);
    }
    plan.prefixes(e, tag, place, out);
    if !e.has_own_lang()
        && let Some(lang) = e.lang().filter(|lang| place.scope.lang != Some(lang))
    {
        attribute("xml:lang", lang, out);
    }
    write_attributes(e, attrs, out);
    let rest = e.text_of(tag.body, tag.end);
    // An end tag holds no `<` but its first byte; an element that closed itself has no rest.
    let inner = rest.rfind('<').and_then(|end| rest.get(..end)).unwrap_or_default();
    if inner.is_empty() {
        out.extend_from_slice(b"/>");
        return;
    }
    out.push(b'>');
    out.extend_from_slice(inner.as_bytes());
    out.extend_from_slice(b"</");
    plan.name(e, out);
    out.push(b'>');
}

/// How the start tag is written at the new place.
struct Plan<'a> {
    prefix: &'a str,
    /// The namespace it is in at the new place.
    ns: &'a str,
    declare_default: Option<&'a str>,
}

impl<'a> Plan<'a> {
    fn new(e: ElementRef<'a>, tag: &Tag, place: &Place<'a>) -> Plan<'a> {
        let scope = &place.scope;
        let travels = |name: &str| place.translate && ns::is_content(name);
        let new_ns = if travels(e.ns()) { scope.default_ns } else { e.ns() };
        let own = e.declarations().find(|(prefix, _)| prefix.is_empty()).map(|(_, uri)| uri);
        let old = own.unwrap_or_else(|| inherited_default(e));
        // The content namespace that the stream gave to all travels; so does the one that the element gave to itself.
        let default =
            if travels(old) && (tag.name.prefix == 0 || own.is_none()) { scope.default_ns } else { old };
        let declare = |wanted: &'a str| (wanted != scope.default_ns).then_some(wanted);
        let as_stream = scope.stream_prefix && new_ns == ns::STREAM && !binds_stream_otherwise(e);
        let keeps_prefix =
            tag.name.prefix != 0 && (new_ns == ns::XML || default != new_ns && leans_on_default(e));
        if as_stream || keeps_prefix {
            let declare_default = declare(default).filter(|_| leans_on_default(e));
            let prefix = if as_stream { "stream" } else { e.prefix() };
            return Plan { prefix, ns: new_ns, declare_default };
        }
        Plan { prefix: "", ns: new_ns, declare_default: declare(new_ns) }
    }

    fn name(&self, e: ElementRef<'_>, out: &mut Vec<u8>) {
        if !self.prefix.is_empty() {
            out.extend_from_slice(self.prefix.as_bytes());
            out.push(b':');
        }
        out.extend_from_slice(e.name().as_bytes());
    }

    /// Declares the prefixes that the element declared itself and those that it used from around it.
    fn prefixes(&self, e: ElementRef<'_>, tag: &Tag, place: &Place<'_>, out: &mut Vec<u8>) {
        let own_prefix = e.prefix();
        let mut emit = |prefix: &str, uri: &str| {
            let known = place.scope.stream_prefix && prefix == "stream" && uri == ns::STREAM;
            if known || prefix.is_empty() || prefix == "xml" {
                return;
            }
            if prefix != own_prefix {
                declare(prefix, uri, out);
            } else if self.prefix == own_prefix || uses_prefix(e, prefix, false) {
                declare(prefix, self.ns, out);
            }
        };
        e.declarations().for_each(|(prefix, uri)| emit(prefix, uri));
        if tag.prefixed {
            let mut seen: Vec<&str> = e.declarations().map(|(prefix, _)| prefix).collect();
            around(e, |prefix, uri| {
                if !seen.contains(&prefix) {
                    seen.push(prefix);
                    if uses_prefix(e, prefix, true) {
                        emit(prefix, uri);
                    }
                }
            });
        }
    }
}

/// Calls `f` with each declaration around `e`, the nearest first.
fn around<'a>(e: ElementRef<'a>, mut f: impl FnMut(&'a str, &'a str)) {
    let mut parent = e.parent();
    while let Some(p) = parent {
        p.declarations().for_each(|(prefix, uri)| f(prefix, uri));
        parent = p.parent();
    }
    e.header_declarations().for_each(|(prefix, uri)| f(prefix, uri));
}

fn inherited_default(e: ElementRef<'_>) -> &str {
    let mut parent = e.parent();
    while let Some(p) = parent {
        if let Some((_, uri)) = p.declarations().find(|(prefix, _)| prefix.is_empty()) {
            return uri;
        }
        parent = p.parent();
    }
    e.header_default()
}

/// True if an element inside has its namespace from a default that is declared on `e` or around it.
fn leans_on_default(e: ElementRef<'_>) -> bool {
    let mut shielded = 0;
    e.descendants().skip(1).any(|inner| {
        let Some(tag) = inner.tag().filter(|_| inner.index() >= shielded) else { return false };
        if inner.declarations().any(|(prefix, _)| prefix.is_empty()) {
            shielded = tag.next;
            return false;
        }
        tag.name.prefix == 0
    })
}

/// True if `stream` means something else to this element than it does on a stream.
fn binds_stream_otherwise(e: ElementRef<'_>) -> bool {
    let other = |prefix: &str, uri: &str| prefix == "stream" && uri != ns::STREAM;
    let mut found = e.declarations().any(|(prefix, uri)| other(prefix, uri));
    around(e, |prefix, uri| found |= other(prefix, uri));
    found
}

/// True if a name in `e` has this prefix. `with_own`: the element's own name counts.
fn uses_prefix(e: ElementRef<'_>, prefix: &str, with_own: bool) -> bool {
    e.descendants().any(|inner| {
        let own = inner.index() != e.index() || with_own;
        (own && inner.prefix() == prefix)
            || inner
                .start_items()
                .any(|item| matches!(item, Item::Attr { name, .. } if e.str(name.prefix()) == prefix))
    })
}

/// The attributes of the start tag, changed as asked.
fn write_attributes(e: ElementRef<'_>, changes: &[(&str, Option<&str>)], out: &mut Vec<u8>) {
    let changed = |name: &str| changes.iter().rposition(|(changed, _)| *changed == name);
    let mut present = 0u64;
    for item in e.start_items() {
        let &Item::Attr { name, value, .. } = item else { continue };
        let written = e.str(name.whole());
        if name.prefix == 0
            && !changes.is_empty()
            && let Some(at) = changed(written)
        {
            present |= 1u64.checked_shl(at as u32).unwrap_or(0);
            if let Some((_, Some(value))) = changes.get(at) {
                attribute(written, value, out);
            }
            continue;
        }
        if value.start > name.start {
            // It stands in the tag as it reads, between its quotes.
            out.push(b' ');
            out.extend_from_slice(written.as_bytes());
            out.push(b'=');
            out.extend_from_slice(e.text_of(value.start - 1, value.start + value.len + 1).as_bytes());
        } else {
            attribute(written, e.str(value), out);
        }
    }
    for (at, (name, value)) in changes.iter().enumerate() {
        let Some(value) = value else { continue };
        let seen = if at < 64 { present & 1 << at != 0 } else { e.attr(name).is_some() };
        if !seen && changed(name) == Some(at) && chars::is_ncname(name) && *name != "xmlns" {
            attribute(name, value, out);
        }
    }
}

pub(super) fn attribute(name: &str, value: &str, out: &mut Vec<u8>) {
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"='");
    escape_attr(value, out);
    out.push(b'\'');
}

pub(super) fn declare(prefix: &str, uri: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b" xmlns");
    if !prefix.is_empty() {
        out.push(b':');
        out.extend_from_slice(prefix.as_bytes());
    }
    out.extend_from_slice(b"='");
    escape_attr(uri, out);
    out.push(b'\'');
}

/// Appends text content, escaped. Characters that XML 1.0 has no way to write become U+FFFD.
pub fn escape_text(text: &str, out: &mut Vec<u8>) {
    escape(text, out, |b| match b {
        b'<' => Some("&lt;"),
        b'&' => Some("&amp;"),
        b'>' => Some("&gt;"),
        b'\r' => Some("&#13;"),
        b'\t' | b'\n' | 0x20.. => None,
        _ => Some("\u{FFFD}"),
    });
}

/// Appends an attribute value (without the quotes), escaped for either kind of quote. Characters that XML 1.0 has no way to
/// write become U+FFFD.
pub fn escape_attr(value: &str, out: &mut Vec<u8>) {
    escape(value, out, |b| match b {
        b'<' => Some("&lt;"),
        b'&' => Some("&amp;"),
        b'>' => Some("&gt;"),
        b'\'' => Some("&apos;"),
        b'"' => Some("&quot;"),
        b'\t' => Some("&#9;"),
        b'\n' => Some("&#10;"),
        b'\r' => Some("&#13;"),
        0x20.. => None,
        _ => Some("\u{FFFD}"),
    });
}

#[inline(always)]
fn escape(text: &str, out: &mut Vec<u8>, becomes: impl Fn(u8) -> Option<&'static str>) {
    let bytes = text.as_bytes();
    let mut from = 0;
    for (i, &b) in bytes.iter().enumerate() {
        let mut len = 1;
        let replacement = match becomes(b) {
            Some(replacement) => replacement,
            None if b == 0xEF && matches!(bytes.get(i + 1..i + 3), Some([0xBF, 0xBE | 0xBF])) => {
                len = 3;
                "\u{FFFD}"
            }
            None => continue,
        };
        out.extend_from_slice(bytes.get(from..i).unwrap_or_default());
        out.extend_from_slice(replacement.as_bytes());
        from = i + len;
    }
    out.extend_from_slice(bytes.get(from..).unwrap_or_default());
}

/// True if XML 1.0 can write all of `text`.
pub(super) fn is_writable(text: &str) -> bool {
    text.chars().all(|c| chars::is_char(c as u32))
}
