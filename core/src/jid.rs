//! Addresses: `local@domain/resource` (RFC 7622, RFC 6122), and XMPP URIs (RFC 5122).
//!
//! Every value is in canonical form, so equality of text is equality of addresses:
//! - **Local part**: nodeprep (RFC 6122 appendix A) as a stored string. Characters newer than Unicode 3.2 are refused, and so
//!   is whatever has no stable form. RFC 7622 would have PRECIS instead; servers in use route by stringprep, and the two
//!   disagree about some characters (`ß`, final sigma, `Ⅳ`, `♚`). The characters that RFC 7622 section 3.3.1 excludes are
//!   excluded by both.
//! - **Domain**: see [`Reason::Idna`] and RFC 7622 section 3.2: U-labels, lower case, no dot at the end; IPv4 addresses;
//!   IPv6 addresses in brackets, without zone.
//! - **Resource**: resourceprep (RFC 6122 appendix B) as a query: characters newer than Unicode 3.2 pass unchanged, as the
//!   resource is its owner's to choose and nicknames hold emoji. Spaces at its beginning or end pass too: stringprep and
//!   PRECIS allow them, although RFC 7622 lists one among its examples of what is no address.
//!
//! Each part has 1 to 1023 bytes after preparation.
mod domain;
mod error;
mod plain;
mod prep;
mod uri;

pub use error::{JidError, Part, Reason};
pub use prep::{PrepError, Strings, saslprep, saslprep_as};
pub use uri::{UriError, XmppUri};

use prep::Profile;
use std::borrow::{Borrow, Cow};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

/// The most bytes that a part of an address may have (RFC 7622 section 3.1).
pub const MAX_PART: usize = 1023;

/// An XMPP address in canonical form: bare, full, or a mere domain.
///
/// Cloning, [`to_bare`](Jid::to_bare) and [`to_domain`](Jid::to_domain) allocate nothing: they share the text. Ordering,
/// equality and hash are those of the text, so maps keyed by addresses can be searched with a `&str` in canonical form.
#[derive(Clone)]
pub struct Jid {
    text: Arc<str>,
    /// Where the address begins and ends in `text`, which other addresses may share.
    start: u16,
    end: u16,
    /// Where the domain begins; `start`, or one past the `@`.
    domain: u16,
    /// Where the domain ends; `end`, or where the `/` stands.
    bare: u16,
}

/// A [`Jid`] without a resource: `local@domain` or `domain`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BareJid(Jid);

/// A [`Jid`] with a resource: `local@domain/resource` or `domain/resource`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FullJid(Jid);

impl Jid {
    /// Prepares and checks an address. The first `/` begins the resource and the first `@` before it ends the local part
    /// (RFC 7622 section 3.2), both looked for before anything is mapped.
    pub fn new(text: &str) -> Result<Jid, JidError> {
        if let Some((start, end)) = plain::split(text) {
            return Ok(Jid {
                start: 0,
                end: offset(text.len()),
                domain: offset(start),
                bare: offset(end),
                text: Arc::from(text),
            });
        }
        let (bare, resource) = cut(text, '/');
        let (local, domain) = match cut(bare, '@') {
            (local, Some(domain)) => (Some(local), domain),
            (domain, None) => (None, domain),
        };
        Jid::from_parts(local, domain, resource)
    }

    /// Prepares and checks the parts of an address.
    pub fn from_parts(local: Option<&str>, domain: &str, resource: Option<&str>) -> Result<Jid, JidError> {
        let local = local.map(prepare_local).transpose()?;
        let domain = domain::prepare(domain).map_err(|reason| JidError::new(Part::Domain, reason))?;
        let resource = resource.map(prepare_resource).transpose()?;
        Ok(Jid::assemble(local.as_deref(), &domain, resource.as_deref()))
    }

    /// Puts canonical parts together.
    fn assemble(local: Option<&str>, domain: &str, resource: Option<&str>) -> Jid {
        let mut text = String::with_capacity(
            local.map_or(0, |l| l.len() + 1) + domain.len() + resource.map_or(0, |r| r.len() + 1),
        );
        if let Some(local) = local {
            text.push_str(local);
            text.push('@');
        }
        let start = offset(text.len());
        text.push_str(domain);
        let bare = offset(text.len());
        if let Some(resource) = resource {
            text.push('/');
            text.push_str(resource);
        }
        Jid { start: 0, end: offset(text.len()), domain: start, bare, text: Arc::from(text) }
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        self.slice(self.start, self.end)
    }
    /// The local part.
    pub fn local(&self) -> Option<&str> {
        (self.domain > self.start).then(|| self.slice(self.start, self.domain - 1))
    }
    /// The domain.
    pub fn domain(&self) -> &str {
        self.slice(self.domain, self.bare)
    }
    /// The resource.
    pub fn resource(&self) -> Option<&str> {
        (self.end > self.bare).then(|| self.slice(self.bare + 1, self.end))
    }
    /// The address without its resource, as text.
    pub fn bare_str(&self) -> &str {
        self.slice(self.start, self.bare)
    }
    /// True if there is no resource.
    pub fn is_bare(&self) -> bool {
        self.end == self.bare
    }
    /// True if there is a domain only, neither local part nor resource.
    pub fn is_domain(&self) -> bool {
        self.is_bare() && self.domain == self.start
    }

    /// The address without its resource.
    pub fn to_bare(&self) -> BareJid {
        BareJid(Jid { end: self.bare, ..self.clone() })
    }
    /// The domain alone.
    pub fn to_domain(&self) -> BareJid {
        BareJid(Jid { start: self.domain, end: self.bare, ..self.clone() })
    }
    /// As a bare address, if it is one.
    pub fn as_bare(&self) -> Option<BareJid> {
        self.is_bare().then(|| BareJid(self.clone()))
    }
    /// As a full address, if it is one.
    pub fn as_full(&self) -> Option<FullJid> {
        (!self.is_bare()).then(|| FullJid(self.clone()))
    }
    /// The address with another resource (prepared and checked).
    pub fn with_resource(&self, resource: &str) -> Result<FullJid, JidError> {
        let resource = prepare_resource(resource)?;
        Ok(FullJid(Jid::assemble(self.local(), self.domain(), Some(&resource))))
    }

    fn slice(&self, from: u16, to: u16) -> &str {
        self.text.get(usize::from(from)..usize::from(to)).unwrap_or_default()
    }
}

impl BareJid {
    /// Prepares and checks; an address with a resource is refused.
    pub fn new(text: &str) -> Result<BareJid, JidError> {
        Jid::new(text)?.try_into()
    }
    /// Prepares and checks the parts of an address.
    pub fn from_parts(local: Option<&str>, domain: &str) -> Result<BareJid, JidError> {
        Jid::from_parts(local, domain, None).map(BareJid)
    }
    /// Prepares and checks a domain: the address of a server or service.
    pub fn domain_only(domain: &str) -> Result<BareJid, JidError> {
        BareJid::from_parts(None, domain)
    }
}

impl FullJid {
    /// Prepares and checks; an address without a resource is refused.
    pub fn new(text: &str) -> Result<FullJid, JidError> {
        Jid::new(text)?.try_into()
    }
    /// Prepares and checks the parts of an address.
    pub fn from_parts(local: Option<&str>, domain: &str, resource: &str) -> Result<FullJid, JidError> {
        Jid::from_parts(local, domain, Some(resource)).map(FullJid)
    }
}

/// Splits at the first separator.
fn cut(text: &str, separator: char) -> (&str, Option<&str>) {
    match text.split_once(separator) {
        Some((head, tail)) => (head, Some(tail)),
        None => (text, None),
    }
}

/// No canonical address is longer than 3071 bytes, so nothing is ever cut here.
#[inline]
fn offset(at: usize) -> u16 {
    u16::try_from(at).unwrap_or(u16::MAX)
}

fn prepare_local(local: &str) -> Result<Cow<'_, str>, JidError> {
    if plain::is_local(local) {
        return Ok(Cow::Borrowed(local));
    }
    let lower = local.to_ascii_lowercase();
    if plain::is_local(&lower) {
        return Ok(Cow::Owned(lower));
    }
    prepare(local, Part::Local, Profile::Node, Strings::Stored)
}

fn prepare_resource(resource: &str) -> Result<Cow<'_, str>, JidError> {
    if plain::is_resource(resource.as_bytes()) {
        return Ok(Cow::Borrowed(resource));
    }
    prepare(resource, Part::Resource, Profile::Resource, Strings::Query)
}

fn prepare(text: &str, part: Part, profile: Profile, strings: Strings) -> Result<Cow<'_, str>, JidError> {
    let prepared = prep::prepare(text, profile, strings).map_err(|e| JidError::new(part, e.into()))?;
    match prepared.len() {
        0 => Err(JidError::new(part, Reason::Empty)),
        1..=MAX_PART => Ok(Cow::Owned(prepared)),
        _ => Err(JidError::new(part, Reason::TooLong)),
    }
}

impl PartialEq for Jid {
    fn eq(&self, other: &Jid) -> bool {
        self.as_str() == other.as_str()
    }
}
impl Eq for Jid {}
impl PartialOrd for Jid {
    fn partial_cmp(&self, other: &Jid) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Jid {
    fn cmp(&self, other: &Jid) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}
impl Hash for Jid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

macro_rules! text_of_an_address {
    ($($type:ident),*) => {$(
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), f)
            }
        }
        impl FromStr for $type {
            type Err = JidError;
            fn from_str(text: &str) -> Result<$type, JidError> {
                $type::new(text)
            }
        }
        impl TryFrom<&str> for $type {
            type Error = JidError;
            fn try_from(text: &str) -> Result<$type, JidError> {
                $type::new(text)
            }
        }
        impl TryFrom<String> for $type {
            type Error = JidError;
            fn try_from(text: String) -> Result<$type, JidError> {
                $type::new(&text)
            }
        }
        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }
        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                self.as_str()
            }
        }
    )*};
}
text_of_an_address!(Jid, BareJid, FullJid);

macro_rules! kind_of_address {
    ($($type:ident, $other:literal, $reason:ident);*) => {$(
        impl Deref for $type {
            type Target = Jid;
            fn deref(&self) -> &Jid {
                &self.0
            }
        }
        impl AsRef<Jid> for $type {
            fn as_ref(&self) -> &Jid {
                &self.0
            }
        }
        impl Borrow<Jid> for $type {
            fn borrow(&self) -> &Jid {
                &self.0
            }
        }
        impl From<$type> for Jid {
            fn from(jid: $type) -> Jid {
                jid.0
            }
        }
        impl TryFrom<Jid> for $type {
            type Error = JidError;
            fn try_from(jid: Jid) -> Result<$type, JidError> {
                if jid.is_bare() == $other {
                    return Err(JidError::new(Part::Resource, Reason::$reason));
                }
                Ok($type(jid))
            }
        }
    )*};
}
kind_of_address!(BareJid, false, Unexpected; FullJid, true, Missing);

impl From<FullJid> for BareJid {
    fn from(jid: FullJid) -> BareJid {
        jid.to_bare()
    }
}

#[cfg(test)]
mod tests;
