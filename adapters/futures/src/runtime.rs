//! What a runtime is asked for.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::pin::Pin;
use std::time::Duration;

use futures_io::{AsyncRead, AsyncWrite};

/// Something that goes on by itself.
pub type Task<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A runtime: its sockets, its timer, its tasks.
pub trait Runtime: Send + Sync + 'static {
    /// A connected socket.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + Sync + 'static;
    /// A listening socket.
    type Listener: Send + Sync + 'static;

    /// Makes a socket the runtime's.
    ///
    /// # Errors
    /// Where the system refuses.
    fn adopt(socket: TcpStream) -> io::Result<Self::Stream>;

    /// Sends what is written without waiting for more (TCP_NODELAY).
    ///
    /// # Errors
    /// Where the system refuses.
    fn set_nodelay(stream: &Self::Stream) -> io::Result<()>;

    /// The next connection.
    fn accept(
        listener: &Self::Listener,
    ) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;

    /// Lets time pass.
    fn sleep(time: Duration) -> Task<()>;

    /// Runs something that blocks where it does not disturb.
    fn unblock<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Task<T>;

    /// Runs something beside everything else.
    fn spawn(task: impl Future<Output = ()> + Send + 'static);
}
