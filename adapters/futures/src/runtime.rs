//! What a runtime is asked for.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use futures_io::{AsyncRead, AsyncWrite};

/// Something that goes on by itself.
pub type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A runtime: its sockets, its timer, its tasks.
pub trait Runtime: Send + Sync + 'static {
    /// A connected socket.
    type Socket: Send + 'static;
    /// The same as futures-io has it.
    type Stream: From<Self::Socket> + AsyncRead + AsyncWrite + Unpin + Send + Sync + 'static;
    /// A listening socket.
    type Listener: Send + Sync + 'static;

    /// Sends what is written without waiting for more (TCP_NODELAY).
    ///
    /// # Errors
    /// Where the system refuses.
    fn set_nodelay(socket: &Self::Socket) -> io::Result<()>;

    /// The next connection.
    fn accept(
        listener: &Self::Listener,
    ) -> impl Future<Output = io::Result<(Self::Socket, SocketAddr)>> + Send;

    /// Lets time pass.
    fn sleep(time: Duration) -> Task<()>;

    /// Runs something beside everything else.
    fn spawn(task: impl Future<Output = ()> + Send + 'static);
}

/// A runtime that takes over connections which were made without it.
#[cfg(feature = "client")]
pub trait Adopts: Runtime {
    /// Makes a socket the runtime's.
    ///
    /// # Errors
    /// Where the system refuses.
    fn adopt(socket: std::net::TcpStream) -> io::Result<Self::Socket>;
}
