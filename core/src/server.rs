//! The server machines: Connection, Hub, Server.
pub mod hub;
pub mod module;
pub mod store;
