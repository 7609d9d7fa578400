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
/// Stream feature of roster versioning (RFC 6121 section 2.6.1).
pub const ROSTER_VER: &str = "urn:xmpp:features:rosterver";
/// Stream feature of subscription pre-approval (RFC 6121 section 3.4).
pub const PRE_APPROVAL: &str = "urn:xmpp:features:pre-approval";
/// When a stanza was sent first (XEP-0203).
pub const DELAY: &str = "urn:xmpp:delay";
/// Forwarded stanzas (XEP-0297).
pub const FORWARD: &str = "urn:xmpp:forward:0";
/// Copies of messages for one's other resources (XEP-0280).
pub const CARBONS: &str = "urn:xmpp:carbons:2";
/// Says that carbons are copied by the rules of XEP-0280 section 6.1 exactly.
pub const CARBONS_RULES: &str = "urn:xmpp:carbons:rules:0";
/// Delivery receipts (XEP-0184).
pub const RECEIPTS: &str = "urn:xmpp:receipts";
/// Chat states: who is typing (XEP-0085).
pub const CHAT_STATES: &str = "http://jabber.org/protocol/chatstates";
/// Chat markers: what has been read (XEP-0333).
pub const CHAT_MARKERS: &str = "urn:xmpp:chat-markers:0";
/// Ids of stanzas (XEP-0359).
pub const STANZA_IDS: &str = "urn:xmpp:sid:0";
/// What rooms and those who are in them tell each other (XEP-0045).
pub const MUC_USER: &str = "http://jabber.org/protocol/muc#user";
/// Direct invitations to rooms (XEP-0249).
pub const CONFERENCE: &str = "jabber:x:conference";
/// Hints on how a message is to be handled (XEP-0334).
pub const HINTS: &str = "urn:xmpp:hints";
/// Offline messages, as a feature in service discovery (XEP-0160).
pub const MSGOFFLINE: &str = "msgoffline";
/// Blocking (XEP-0191).
pub const BLOCKING: &str = "urn:xmpp:blocking";
/// The condition that tells a sender that it has blocked the addressee itself (XEP-0191 section 3.3).
pub const BLOCKING_ERRORS: &str = "urn:xmpp:blocking:errors";
/// Privacy lists (RFC 3921 section 10, XEP-0016).
pub const PRIVACY: &str = "jabber:iq:privacy";
/// Data forms (XEP-0004).
pub const DATA: &str = "jabber:x:data";
/// Entity capabilities (XEP-0115).
pub const CAPS: &str = "http://jabber.org/protocol/caps";
/// Software version (XEP-0092).
pub const VERSION: &str = "jabber:iq:version";
/// Entity time (XEP-0202).
pub const TIME: &str = "urn:xmpp:time";
/// Last activity (XEP-0012).
pub const LAST: &str = "jabber:iq:last";
/// Business cards (XEP-0054).
pub const VCARD: &str = "vcard-temp";
/// In-band registration (XEP-0077).
pub const REGISTER: &str = "jabber:iq:register";
/// Stream feature of in-band registration (XEP-0077 section 8).
pub const REGISTER_FEATURE: &str = "http://jabber.org/features/iq-register";
/// Private storage (XEP-0049).
pub const PRIVATE: &str = "jabber:iq:private";

/// Stream management (XEP-0198).
pub const SM: &str = "urn:xmpp:sm:3";
/// Client state indication (XEP-0352).
pub const CSI: &str = "urn:xmpp:csi:0";
/// SASL2 (XEP-0388).
pub const SASL2: &str = "urn:xmpp:sasl:2";
/// Bind 2 (XEP-0386).
pub const BIND2: &str = "urn:xmpp:bind:0";
/// Fast authentication with tokens (XEP-0484).
pub const FAST: &str = "urn:xmpp:fast:0";

/// True for the namespaces that stanzas live in; which one it is says what kind of stream carried them, nothing
/// about their meaning (RFC 6120 section 4.8.3).
pub fn is_content(ns: &str) -> bool {
    ns == CLIENT || ns == SERVER || ns == COMPONENT
}
