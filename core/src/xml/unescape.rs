//! From what is written to what is meant: line ends, references, CDATA sections. Everything here has been validated.
use memchr::{memchr, memchr2, memchr3, memmem};
use quick_xml::escape::resolve_xml_entity;

/// Text with references and CDATA sections (XML 1.0 sections 2.7, 2.11, 4.1).
pub(super) fn text(mut raw: &[u8], out: &mut Vec<u8>) {
    while let Some(stop) = memchr3(b'<', b'&', b'\r', raw) {
        let (before, from) = raw.split_at(stop);
        out.extend_from_slice(before);
        raw = match from {
            [b'<', ..] => {
                let section = from.get(b"<![CDATA[".len()..).unwrap_or_default();
                let end = memmem::find(section, b"]]>").unwrap_or(section.len());
                let (inside, rest) = section.split_at(end);
                line_ends(inside, out);
                rest.get(b"]]>".len()..).unwrap_or_default()
            }
            [b'&', ..] => reference(from, out),
            _ => line_end(from, b'\n', out),
        };
    }
    out.extend_from_slice(raw);
}

/// An attribute value (XML 1.0 section 3.3.3).
pub(super) fn value(mut raw: &[u8], out: &mut Vec<u8>) {
    while let Some(stop) = raw.iter().position(|b| matches!(b, b'&' | b'\r' | b'\n' | b'\t')) {
        let (before, from) = raw.split_at(stop);
        out.extend_from_slice(before);
        raw = if from.first() == Some(&b'&') { reference(from, out) } else { line_end(from, b' ', out) };
    }
    out.extend_from_slice(raw);
}

fn line_ends(mut raw: &[u8], out: &mut Vec<u8>) {
    while let Some(stop) = memchr(b'\r', raw) {
        let (before, from) = raw.split_at(stop);
        out.extend_from_slice(before);
        raw = line_end(from, b'\n', out);
    }
    out.extend_from_slice(raw);
}

/// A line end (or tab) at the front of `from` becomes one byte; what follows is returned.
fn line_end<'a>(from: &'a [u8], becomes: u8, out: &mut Vec<u8>) -> &'a [u8] {
    out.push(becomes);
    match from {
        [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => rest,
        [] => from,
    }
}

/// Resolves the reference at the front of `from`; what follows it is returned.
fn reference<'a>(from: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let end = memchr2(b';', b'<', from).unwrap_or(from.len());
    let name = from.get(1..end).unwrap_or_default();
    let name = std::str::from_utf8(name).unwrap_or_default();
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix('x') {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        let c = code.ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    } else {
        out.extend_from_slice(resolve_xml_entity(name).unwrap_or_default().as_bytes());
    }
    from.get(end + 1..).unwrap_or_default()
}
