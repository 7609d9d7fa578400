//! The server machines: Connection, Hub, Server.
