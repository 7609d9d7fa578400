//! A connection between a client and a server, in the middle of a play.

use waxwing_core::server::single::ConnectionId;

/// A connection, and what is on its way.
#[derive(Debug)]
pub struct Link {
    /// Its name with the server.
    pub id: ConnectionId,
    /// To the server.
    pub up: Vec<u8>,
    /// To the client.
    pub down: Vec<u8>,
    /// The client is there. If not, nothing comes from it any more.
    pub has_client: bool,
    /// The server is there.
    pub has_server: bool,
}

impl Link {
    /// A new one, with nothing on its way.
    pub fn new(id: ConnectionId) -> Link {
        Link { id, up: Vec::new(), down: Vec::new(), has_client: true, has_server: true }
    }
}

/// Of so many bytes: all of them, or some.
pub fn size(count: u8, of: usize) -> usize {
    if count >= 250 { of } else { usize::from(count).min(of) }
}
