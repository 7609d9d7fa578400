//! XML as XMPP restricts it (RFC 6120 section 11): framing, validation, immutable elements, a builder and a writer.
//!
//! [`Framer`] cuts a stream into [`Frame`]s in one pass that can stop and go on at any byte; what comes out has been
//! validated against XML 1.0 (fifth edition), Namespaces in XML 1.0 and the restrictions of RFC 6120. [`Element`] is what
//! it makes of a stanza: the bytes as they came, and a flat index into them. [`Element::write`] lets an element move to
//! another stream: only its start tag is written anew. [`ElementBuilder`] makes new elements.
//!
//! # Why the scanner also tokenises
//!
//! A framed stanza could be validated first and then tokenised by quick-xml. For the 411-byte message of `benches/xml.rs`
//! (best of 300 rounds on a busy 2-core machine, one run) quick-xml's events and attributes cost 620 ns with all checks
//! off, before a namespace is resolved or an index is built; the one pass here that frames, validates, resolves and indexes
//! costs 610 ns and 2 allocations, rxml's events of the same message 5870 ns and 19. So the validating pass indexes what
//! it has just judged, and there is no second opinion on where a token ends. quick-xml resolves entities where a text or
//! value has references, which is off the usual path.
mod builder;
mod bulk;
mod chars;
mod declaration;
mod element;
mod error;
mod framer;
mod index;
mod indexer;
mod limits;
mod scan;
mod unescape;
mod writer;
pub use builder::ElementBuilder;
pub(crate) use builder::UNLIMITED;
pub use element::{Attr, Element, ElementRef, Node};
pub use error::{Error, ErrorKind};
pub use framer::{Frame, Framer};
pub use limits::Limits;
pub use writer::{Scope, escape_attr, escape_text};
#[cfg(test)]
mod tests;
