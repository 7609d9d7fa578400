//! Percent-encoding (RFC 3986 section 2.1, RFC 3987 section 3).
use super::UriError;

/// What may stand unencoded in a component besides letters, digits and `-._~`.
#[derive(Clone, Copy)]
pub(super) enum Allowed {
    /// Nothing (domains, query types, keys and values).
    Unreserved,
    /// `nodeallow` of RFC 5122 section 2.2.
    Local,
    /// `resallow` of RFC 5122 section 2.2.
    Resource,
    /// RFC 3986 section 3.5.
    Fragment,
}

impl Allowed {
    fn extra(self) -> &'static str {
        match self {
            Allowed::Unreserved => "",
            Allowed::Local => "!$()*+,;=",
            Allowed::Resource => "!$&'()*+,:;=",
            Allowed::Fragment => "!$&'()*+,:;=@/?",
        }
    }
}

/// Appends `text` with everything encoded that must not stand there as it is.
pub(super) fn encode(text: &str, allowed: Allowed, iri: bool, out: &mut String) {
    for c in text.chars() {
        let raw = match c {
            _ if c.is_ascii_alphanumeric() => true,
            '-' | '.' | '_' | '~' => true,
            _ if c.is_ascii() => allowed.extra().contains(c),
            _ => iri && is_ucschar(c),
        };
        if raw {
            out.push(c);
            continue;
        }
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            out.push('%');
            out.extend(
                [byte >> 4, byte & 15]
                    .map(|digit| char::from_digit(u32::from(digit), 16).unwrap_or('0').to_ascii_uppercase()),
            );
        }
    }
}

/// The text that was encoded.
pub(super) fn decode(text: &str) -> Result<String, UriError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let (high, low) = (hex(rest.next())?, hex(rest.next())?);
                high << 4 | low
            }
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| UriError::Utf8)
}

fn hex(digit: Option<u8>) -> Result<u8, UriError> {
    match digit {
        Some(d @ b'0'..=b'9') => Ok(d - b'0'),
        Some(d @ b'a'..=b'f') => Ok(d - b'a' + 10),
        Some(d @ b'A'..=b'F') => Ok(d - b'A' + 10),
        _ => Err(UriError::Percent),
    }
}

/// Characters that neither a URI nor an IRI may hold: white space, controls, and those of ASCII that are no part of
/// RFC 3986's repertoire.
pub(super) fn never_raw(c: char) -> bool {
    c.is_control() || c.is_whitespace() || matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}')
}

/// RFC 3987 section 2.2 without what section 4.1 bars, the marks that steer the direction of writing, and without the spaces
/// among them, which a reader of the printed IRI would take for its end.
fn is_ucschar(c: char) -> bool {
    let plane = u32::from(c) >> 16;
    let in_plane = u32::from(c) & 0xFFFF;
    let listed = match plane {
        0 => matches!(in_plane, 0xA0..=0xD7FF | 0xF900..=0xFDCF | 0xFDF0..=0xFFEF),
        1..=13 => in_plane <= 0xFFFD,
        14 => (0x1000..=0xFFFD).contains(&in_plane),
        _ => false,
    };
    listed && !c.is_whitespace() && !matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}')
}
