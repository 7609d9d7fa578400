//! XMPP URIs and IRIs (RFC 5122).
/// A parsed `xmpp:` URI or IRI.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct XmppUri {}
