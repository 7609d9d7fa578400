//! TLS inside the machines: rustls' buffered connections, their clock fed from [`Now`](crate::machine::Now).
use std::sync::Arc;
/// A client's TLS configuration, shared by its connections.
#[derive(Clone, Debug)]
pub struct ClientTls {
    _config: Arc<rustls::ClientConfig>,
}
/// A server's TLS configuration, shared by its connections.
#[derive(Clone, Debug)]
pub struct ServerTls {
    _config: Arc<rustls::ServerConfig>,
}
