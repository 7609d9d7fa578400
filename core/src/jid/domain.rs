//! Domains: internationalised names (RFC 7622 section 3.2, UTS #46) and IP literals.
//!
//! Canonical form: U-labels in lower case and Normalization Form C, A-labels turned into U-labels, no dot at the end; IPv6
//! addresses in brackets and in the form of RFC 5952. Names are mapped as UTS #46 lays down (non-transitional: `ß`, the
//! final sigma and joiners stay what they are, as IDNA2008 has it) and every label must fit the DNS when written as an
//! A-label. Only letters, digits and hyphens pass among ASCII (STD 3).
use super::error::Reason;
use super::plain::{MAX_LABEL, MAX_NAME, is_domain};
use super::prep::MAX_INPUT;
use core::net::Ipv6Addr;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use std::borrow::Cow;

/// The canonical form of a domain.
pub(super) fn prepare(domain: &str) -> Result<Cow<'_, str>, Reason> {
    if is_domain(domain) {
        return Ok(Cow::Borrowed(domain));
    }
    if domain.len() > MAX_INPUT {
        return Err(Reason::TooLong);
    }
    // Before anything else, and whichever of the dots of IDNA2003 section 3.1 it is.
    let name = domain.strip_suffix(['.', '\u{3002}', '\u{FF0E}', '\u{FF61}']).unwrap_or(domain);
    if name.is_empty() {
        return Err(Reason::Empty);
    }
    let lower = name.to_ascii_lowercase();
    if is_domain(&lower) {
        return Ok(Cow::Owned(lower));
    }
    if let Some(inner) = name.strip_prefix('[') {
        return ipv6(inner).map(Cow::Owned);
    }
    let (ascii, unicode) = convert(name)?;
    match convert(&unicode) {
        Ok((a, u)) if a == ascii && u == unicode && unicode.len() <= super::MAX_PART => {
            Ok(Cow::Owned(unicode))
        }
        _ => Err(Reason::Unstable),
    }
}

/// Only a bare address: a zone (RFC 6874) means something on one host alone and has no place in an address that travels.
fn ipv6(inner: &str) -> Result<String, Reason> {
    let address = inner.strip_suffix(']').and_then(|a| a.parse::<Ipv6Addr>().ok());
    address.map(|a| format!("[{a}]")).ok_or(Reason::IpLiteral)
}

/// The name in A-labels and in U-labels.
fn convert(name: &str) -> Result<(String, String), Reason> {
    let uts46 = Uts46::new();
    let Ok(ascii) =
        uts46.to_ascii(name.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast, DnsLength::Verify)
    else {
        return Err(explain(name));
    };
    let (unicode, valid) = uts46.to_unicode(ascii.as_bytes(), AsciiDenyList::STD3, Hyphens::CheckFirstLast);
    if valid.is_err() {
        return Err(Reason::Idna);
    }
    let unicode = unicode.into_owned();
    Ok((ascii.into_owned(), unicode))
}

/// Finds a reason that helps for a name that was refused.
fn explain(name: &str) -> Reason {
    if let Some(c) =
        name.chars().find(|&c| c.is_ascii() && !(c.is_ascii_alphanumeric() || c == '-' || c == '.'))
    {
        return Reason::Prohibited(c);
    }
    if name.split('.').any(str::is_empty) {
        return Reason::EmptyLabel;
    }
    if name.split('.').any(|l| l.starts_with('-') || l.ends_with('-')) {
        return Reason::Hyphen;
    }
    if name.is_ascii() && (name.len() > MAX_NAME || name.split('.').any(|l| l.len() > MAX_LABEL)) {
        return Reason::DnsLength;
    }
    let lax = Uts46::new().to_ascii(
        name.as_bytes(),
        AsciiDenyList::STD3,
        Hyphens::CheckFirstLast,
        DnsLength::Ignore,
    );
    if lax.is_ok() { Reason::DnsLength } else { Reason::Idna }
}

#[cfg(test)]
mod tests;
