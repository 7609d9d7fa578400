//! The XML declaration (XML 1.0 production 23, RFC 6120 section 11.5).
use super::ErrorKind;
use super::chars::{SPACE, is};
use super::index::{Fault, fault};

/// Checks a declaration from its `<` to its `>`.
pub(super) fn check(text: &[u8]) -> Result<(), Fault> {
    let bad = |what| fault(ErrorKind::NotWellFormed, what, 0);
    let Some(mut rest) = text.strip_prefix(b"<?xml").and_then(|t| t.strip_suffix(b"?>")) else {
        return bad("malformed XML declaration");
    };
    let mut last = 0;
    loop {
        let inner = trim_start(rest);
        if inner.is_empty() {
            break;
        }
        let Some((name, value, after)) = pair(inner).filter(|_| inner.len() < rest.len()) else {
            return bad("malformed XML declaration");
        };
        let order = match name {
            b"version" if value == b"1.0" => 1,
            b"version" => return bad("version of XML other than 1.0"),
            b"encoding" if value.eq_ignore_ascii_case(b"utf-8") => 2,
            b"encoding" => return fault(ErrorKind::UnsupportedEncoding, "encoding other than UTF-8", 0),
            b"standalone" if matches!(value, b"yes" | b"no") => 3,
            _ => return bad("malformed XML declaration"),
        };
        if order <= last || (last == 0 && order != 1) {
            return bad("malformed XML declaration");
        }
        last = order;
        rest = after;
    }
    if last == 0 { bad("XML declaration without version") } else { Ok(()) }
}

fn trim_start(bytes: &[u8]) -> &[u8] {
    let n = bytes.iter().position(|&b| !is(b, SPACE)).unwrap_or(bytes.len());
    bytes.get(n..).unwrap_or_default()
}

/// `name = 'value'` at the front, and what follows.
fn pair(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let name_end = bytes.iter().position(|b| !b.is_ascii_lowercase())?;
    let (name, rest) = bytes.split_at_checked(name_end)?;
    let rest = trim_start(trim_start(rest).strip_prefix(b"=")?);
    let (&quote, rest) = rest.split_first()?;
    if quote != b'"' && quote != b'\'' {
        return None;
    }
    let end = rest.iter().position(|&b| b == quote)?;
    Some((name, rest.get(..end)?, rest.get(end + 1..)?))
}
