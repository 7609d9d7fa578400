//! What a runtime is asked for.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use futures_io::{AsyncRead, AsyncWrite};
#[cfg(feature = "client")]
use waxwing_core::dns::{Config, Failure, Route, Target};

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

/// A runtime with threads for what blocks.
#[cfg(feature = "client")]
pub trait Blocking: Runtime {
    /// Makes a socket the runtime's.
    ///
    /// # Errors
    /// Where the system refuses.
    fn adopt(socket: std::net::TcpStream) -> io::Result<Self::Socket>;

    /// Runs something that blocks where it does not disturb.
    fn unblock<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Task<T>;
}

/// What comes of getting through to a server.
#[cfg(feature = "client")]
pub type Outcome<R> = Result<(<R as Runtime>::Socket, Route), Failure>;

/// A runtime that gets through to servers. Those with threads for what blocks do.
#[cfg(feature = "client")]
pub trait Dials: Runtime {
    /// Gets through to the first of the targets that can be reached by a route of which `permits` is true. Dropped, it is given
    /// up.
    fn get_through(targets: Vec<Target>, dns: Config, permits: fn(&Route) -> bool) -> Task<Outcome<Self>>
    where
        Self: Sized;
}

#[cfg(feature = "client")]
impl<R: Blocking> Dials for R {
    fn get_through(targets: Vec<Target>, dns: Config, permits: fn(&Route) -> bool) -> Task<Outcome<R>> {
        let work = R::unblock(move || waxwing_std::dial::get_through(targets, &dns, permits));
        Box::pin(async move {
            let (socket, route) = work.await?;
            match R::adopt(socket) {
                Ok(socket) => Ok((socket, route)),
                Err(error) => Err(Failure::Unreachable(vec![(route.address, error.to_string())])),
            }
        })
    }
}
