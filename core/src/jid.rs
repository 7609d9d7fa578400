//! Addresses (RFC 6122, RFC 7622) and XMPP URIs (RFC 5122).
mod uri;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
pub use uri::XmppUri;

/// An XMPP address in canonical form.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Jid {
    text: Arc<str>,
}
/// A [`Jid`] without a resource.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BareJid(Jid);
/// A [`Jid`] with a resource.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FullJid(Jid);

/// Why a string is not an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum JidError {
    /// The local part.
    Local,
    /// The domain.
    Domain,
    /// The resource.
    Resource,
    /// A resource is missing where a full address is needed, or present where a bare one is.
    Form,
}
impl fmt::Display for JidError {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}
impl std::error::Error for JidError {}
impl Jid {
    /// Prepares and checks an address.
    pub fn new(_text: &str) -> Result<Jid, JidError> {
        todo!()
    }
    /// Prepares and checks the parts of an address.
    pub fn from_parts(_local: Option<&str>, _domain: &str, _resource: Option<&str>) -> Result<Jid, JidError> {
        todo!()
    }
    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.text
    }
    /// The local part.
    pub fn local(&self) -> Option<&str> {
        todo!()
    }
    /// The domain.
    pub fn domain(&self) -> &str {
        todo!()
    }
    /// The resource.
    pub fn resource(&self) -> Option<&str> {
        todo!()
    }
    /// The address without its resource. No allocation where there is none.
    pub fn to_bare(&self) -> BareJid {
        todo!()
    }
    /// The address without its resource, as text.
    pub fn bare_str(&self) -> &str {
        todo!()
    }
    /// As a bare address, if it is one.
    pub fn as_bare(&self) -> Option<BareJid> {
        todo!()
    }
    /// As a full address, if it is one.
    pub fn as_full(&self) -> Option<FullJid> {
        todo!()
    }
    /// The address with another resource (prepared and checked).
    pub fn with_resource(&self, _resource: &str) -> Result<FullJid, JidError> {
        todo!()
    }
}
impl Deref for BareJid {
    type Target = Jid;
    fn deref(&self) -> &Jid {
        &self.0
    }
}
impl Deref for FullJid {
    type Target = Jid;
    fn deref(&self) -> &Jid {
        &self.0
    }
}
impl BareJid {
    /// Prepares and checks.
    pub fn new(_text: &str) -> Result<BareJid, JidError> {
        todo!()
    }
}
impl FullJid {
    /// Prepares and checks.
    pub fn new(_text: &str) -> Result<FullJid, JidError> {
        todo!()
    }
}
impl From<BareJid> for Jid {
    fn from(j: BareJid) -> Jid {
        j.0
    }
}
impl From<FullJid> for Jid {
    fn from(j: FullJid) -> Jid {
        j.0
    }
}
impl fmt::Display for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
impl fmt::Display for BareJid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
impl fmt::Display for FullJid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
impl fmt::Debug for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.text, f)
    }
}
impl fmt::Debug for BareJid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.text, f)
    }
}
impl fmt::Debug for FullJid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.text, f)
    }
}
impl std::str::FromStr for Jid {
    type Err = JidError;
    fn from_str(s: &str) -> Result<Jid, JidError> {
        Jid::new(s)
    }
}
/// Prepares a password (SASLprep, RFC 4013).
pub fn saslprep(_text: &str) -> Option<std::borrow::Cow<'_, str>> {
    todo!()
}
