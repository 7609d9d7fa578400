//! Waxwing's core: XMPP as pure, synchronous state machines.
#![doc = ""]
pub mod jid;
pub mod machine;
pub mod ns;
pub mod sasl;
pub mod stanza;
pub mod stream;
pub mod xml;

#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "server")]
pub mod server;
