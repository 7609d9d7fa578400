//! XML as XMPP restricts it (RFC 6120 section 11): framing, validation, immutable elements, a builder and a writer.
mod builder;
mod bulk;
mod chars;
mod declaration;
mod element;
mod error;
mod framer;
mod index;
mod indexer;
mod scan;
mod unescape;
mod writer;
pub use builder::ElementBuilder;
pub use element::{Attr, Element, ElementRef, Node};
pub use error::{Error, ErrorKind};
pub use framer::{Frame, Framer, Limits};
pub use writer::{Scope, escape_attr, escape_text};
#[cfg(test)]
mod tests;
