//! Namespace names, each with the document that defines it.

/// Streams, their errors and features (RFC 6120 section 4.8.1).
pub const STREAM: &str = "http://etherx.jabber.org/streams";
/// Content namespace of client-to-server streams (RFC 6120 section 4.8.2).
pub const CLIENT: &str = "jabber:client";
/// Content namespace of server-to-server streams (RFC 6120 section 4.8.2).
pub const SERVER: &str = "jabber:server";
/// Content namespace of component streams (XEP-0114).
pub const COMPONENT: &str = "jabber:component:accept";
/// STARTTLS (RFC 6120 section 5).
pub const TLS: &str = "urn:ietf:params:xml:ns:xmpp-tls";
/// SASL (RFC 6120 section 6).
pub const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
/// Resource binding (RFC 6120 section 7).
pub const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
/// Legacy session establishment (RFC 3921 section 3).
pub const SESSION: &str = "urn:ietf:params:xml:ns:xmpp-session";
/// Conditions of stream errors (RFC 6120 section 4.9.2).
pub const STREAMS: &str = "urn:ietf:params:xml:ns:xmpp-streams";
/// Conditions of stanza errors (RFC 6120 section 8.3.2).
pub const STANZAS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
/// What `xml:` is bound to (Namespaces in XML section 3).
pub const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// What `xmlns` is bound to (Namespaces in XML section 3).
pub const XMLNS: &str = "http://www.w3.org/2000/xmlns/";
/// Ping (XEP-0199).
pub const PING: &str = "urn:xmpp:ping";
/// Service discovery: information (XEP-0030).
pub const DISCO_INFO: &str = "http://jabber.org/protocol/disco#info";
/// Service discovery: items (XEP-0030).
pub const DISCO_ITEMS: &str = "http://jabber.org/protocol/disco#items";
/// Channel-binding types a server supports (XEP-0440).
pub const SASL_CB: &str = "urn:xmpp:sasl-cb:0";
/// Rosters (RFC 6121 section 2).
pub const ROSTER: &str = "jabber:iq:roster";

/// True for the namespaces that stanzas live in; which one it is says what kind of stream carried them, nothing
/// about their meaning (RFC 6120 section 4.8.3).
pub fn is_content(ns: &str) -> bool {
    ns == CLIENT || ns == SERVER || ns == COMPONENT
}
