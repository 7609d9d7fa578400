//! XMPP URIs and IRIs (RFC 5122).
//!
//! Parsing takes URIs and IRIs alike: it splits at the delimiters first and then decodes each component (sections 2.8.1 and
//! 2.8.2). It is lenient where no meaning is in doubt (`@` and `/` in a resource, a key without value, characters in values
//! that should have been encoded) and refuses white space, controls and the characters that no URI may hold. Printing writes
//! what the grammar of section 2.2 allows and percent-encodes all else.
mod percent;

use super::{BareJid, Jid, JidError, cut};
use percent::{Allowed, decode, encode};
use std::fmt;
use std::str::FromStr;

/// An XMPP URI or IRI: `xmpp:` and an address, with optional account to use, suggested action and fragment.
///
/// Security note (section 5): the action is a suggestion by whoever wrote the link; ask the user before following it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct XmppUri {
    authority: Option<BareJid>,
    jid: Option<Jid>,
    query: Option<Query>,
    fragment: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
struct Query {
    kind: String,
    pairs: Vec<(String, String)>,
}

/// Why a text is no XMPP URI.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum UriError {
    /// It does not begin with `xmpp:`.
    Scheme,
    /// It holds this character, which has to be percent-encoded.
    Character(char),
    /// A `%` is not followed by two hexadecimal digits.
    Percent,
    /// What is percent-encoded is no UTF-8.
    Utf8,
    /// The account after `//` is not of the form `local@domain`.
    Authority,
    /// The account or address is none.
    Jid(JidError),
}

impl XmppUri {
    /// A URI that identifies an address.
    pub fn new(jid: Jid) -> XmppUri {
        XmppUri { authority: None, jid: Some(jid), query: None, fragment: None }
    }
    /// Names the account to act as (section 2.3); one without local part cannot be named and is refused.
    pub fn with_authority(mut self, account: BareJid) -> Result<XmppUri, UriError> {
        account.local().ok_or(UriError::Authority)?;
        self.authority = Some(account);
        Ok(self)
    }
    /// Suggests an action, such as `message` or `join` (section 2.5).
    pub fn with_query(mut self, kind: &str) -> XmppUri {
        self.query.get_or_insert_default().kind = kind.to_owned();
        self
    }
    /// Adds a key and its value to the suggested action.
    pub fn with_pair(mut self, key: &str, value: &str) -> XmppUri {
        self.query.get_or_insert_default().pairs.push((key.to_owned(), value.to_owned()));
        self
    }
    /// Adds a fragment (section 2.6).
    pub fn with_fragment(mut self, fragment: &str) -> XmppUri {
        self.fragment = Some(fragment.to_owned());
        self
    }

    /// Parses a URI or an IRI.
    pub fn parse(text: &str) -> Result<XmppUri, UriError> {
        if let Some(c) = text.chars().find(|&c| percent::never_raw(c)) {
            return Err(UriError::Character(c));
        }
        let rest = strip_scheme(text).ok_or(UriError::Scheme)?;
        let (rest, fragment) = cut(rest, '#');
        let (path, query) = cut(rest, '?');
        let (authority, path) = match path.strip_prefix("//") {
            Some(path) => {
                let (account, path) = cut(path, '/');
                // A link that names an account only may still end in a slash.
                (Some(parse_authority(account)?), path.filter(|p| !p.is_empty()))
            }
            None => (None, Some(path)),
        };
        Ok(XmppUri {
            authority,
            jid: path.map(parse_path).transpose()?,
            query: query.map(parse_query).transpose()?,
            fragment: fragment.map(decode).transpose()?,
        })
    }

    /// The account to act as. To be ignored by who has a configured account (section 2.3).
    pub fn authority(&self) -> Option<&BareJid> {
        self.authority.as_ref()
    }
    /// The address. Only a URI that names an account may be without.
    pub fn jid(&self) -> Option<&Jid> {
        self.jid.as_ref()
    }
    /// The suggested action; to be ignored where it is not understood (section 2.5).
    pub fn query(&self) -> Option<&str> {
        self.query.as_ref().map(|query| query.kind.as_str())
    }
    /// The keys and values of the suggested action, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.query.iter().flat_map(|query| &query.pairs).map(|(key, value)| (key.as_str(), value.as_str()))
    }
    /// The first value of a key.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.pairs().find(|(k, _)| *k == key).map(|(_, value)| value)
    }
    /// The fragment.
    pub fn fragment(&self) -> Option<&str> {
        self.fragment.as_deref()
    }

    /// As a URI: ASCII only. The same as `Display`.
    pub fn to_uri(&self) -> String {
        self.print(false)
    }
    /// As an IRI: letters and signs of all scripts as they are.
    pub fn to_iri(&self) -> String {
        self.print(true)
    }

    fn print(&self, iri: bool) -> String {
        let mut out = String::from("xmpp:");
        if let Some(authority) = &self.authority {
            out.push_str("//");
            print_jid(authority, iri, &mut out);
            if self.jid.is_some() {
                out.push('/');
            }
        }
        if let Some(jid) = &self.jid {
            print_jid(jid, iri, &mut out);
        }
        if let Some(query) = &self.query {
            out.push('?');
            encode(&query.kind, Allowed::Unreserved, iri, &mut out);
            for (key, value) in &query.pairs {
                out.push(';');
                encode(key, Allowed::Unreserved, iri, &mut out);
                out.push('=');
                encode(value, Allowed::Unreserved, iri, &mut out);
            }
        }
        if let Some(fragment) = &self.fragment {
            out.push('#');
            encode(fragment, Allowed::Fragment, iri, &mut out);
        }
        out
    }
}

fn strip_scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(':')?;
    scheme.eq_ignore_ascii_case("xmpp").then_some(rest)
}

fn parse_authority(text: &str) -> Result<BareJid, UriError> {
    let (local, domain) = text.split_once('@').ok_or(UriError::Authority)?;
    BareJid::from_parts(Some(&decode(local)?), &decode(domain)?).map_err(UriError::Jid)
}

/// The separators are those that stand there unencoded.
fn parse_path(text: &str) -> Result<Jid, UriError> {
    let (bare, resource) = cut(text, '/');
    let (local, domain) = match bare.split_once('@') {
        Some((local, domain)) => (Some(decode(local)?), domain),
        None => (None, bare),
    };
    let resource = resource.map(decode).transpose()?;
    Jid::from_parts(local.as_deref(), &decode(domain)?, resource.as_deref()).map_err(UriError::Jid)
}

fn parse_query(text: &str) -> Result<Query, UriError> {
    let (kind, pairs) = cut(text, ';');
    let pairs = pairs.iter().flat_map(|pairs| pairs.split(';')).filter(|pair| !pair.is_empty()).map(|pair| {
        let (key, value) = cut(pair, '=');
        Ok((decode(key)?, decode(value.unwrap_or_default())?))
    });
    Ok(Query { kind: decode(kind)?, pairs: pairs.collect::<Result<_, UriError>>()? })
}

fn print_jid(jid: &Jid, iri: bool, out: &mut String) {
    if let Some(local) = jid.local() {
        encode(local, Allowed::Local, iri, out);
        out.push('@');
    }
    // An IPv6 address is the one domain with characters beyond the unreserved; its brackets and colons stand in a host.
    if jid.domain().starts_with('[') {
        out.push_str(jid.domain());
    } else {
        encode(jid.domain(), Allowed::Unreserved, iri, out);
    }
    if let Some(resource) = jid.resource() {
        out.push('/');
        encode(resource, Allowed::Resource, iri, out);
    }
}

impl fmt::Display for XmppUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_uri())
    }
}
impl FromStr for XmppUri {
    type Err = UriError;
    fn from_str(text: &str) -> Result<XmppUri, UriError> {
        XmppUri::parse(text)
    }
}
impl From<Jid> for XmppUri {
    fn from(jid: Jid) -> XmppUri {
        XmppUri::new(jid)
    }
}

impl fmt::Display for UriError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UriError::Scheme => f.write_str("an XMPP URI begins with 'xmpp:'; put that before the address"),
            UriError::Character(c) => {
                write!(f, "the character {} cannot stand in a URI; percent-encode it", super::prep::Show(*c))
            }
            UriError::Percent => {
                f.write_str("'%' needs two hexadecimal digits after it; write a mere percent sign as %25")
            }
            UriError::Utf8 => {
                f.write_str("what is percent-encoded is no UTF-8; encode the text as UTF-8 first")
            }
            UriError::Authority => {
                f.write_str("what stands after '//' must be an account, as in xmpp://name@example.com")
            }
            UriError::Jid(e) => e.fmt(f),
        }
    }
}
impl std::error::Error for UriError {}

#[cfg(test)]
mod tests;
