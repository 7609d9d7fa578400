//! Drives waxwing-core from tokio. The parts are those of [`waxwing_futures`], with tokio's sockets, timer and tasks.
//!
//! - [`Driver`] runs any byte machine over a tokio `TcpStream`: a client is a `Driver<Client>`.
//! - [`SessionDriver`] runs a client's session over as many connections as it takes.
//! - [`Dialer`] finds a server and gets through to it.
//! - [`Server`] accepts connections and runs each in a task of its own, on all cores; the hub's shards are
//!   called from those tasks (see [`waxwing_std::shards`]).
//!
//! No protocol decision is made here.

mod stream;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use waxwing_futures::{Runtime, Task};

pub use stream::Stream;
pub use waxwing_futures::{Clock, entropy};

/// tokio, as [`waxwing_futures`] sees it.
#[derive(Clone, Copy, Debug)]
pub enum Tokio {}

/// One machine over one tokio `TcpStream`: a client is a `Driver<Client>`.
pub type Driver<M> = waxwing_futures::Driver<M, Tokio>;
/// Accepts connections and runs each in a task of the runtime that it is called in.
#[cfg(feature = "server")]
pub type Server = waxwing_futures::Server<Tokio>;
/// Runs a client's session over as many connections as it takes.
///
/// ```no_run
/// # async fn f(config: waxwing_core::client::Config) -> std::io::Result<()> {
/// use waxwing_core::client::session::Reconnect;
/// use waxwing_tokio::{SessionDriver, system_config};
///
/// let mut driver = SessionDriver::new(config, Reconnect::default(), system_config())?;
/// while let Some(event) = driver.next_event().await {
///     println!("{event:?}");
/// }
/// # Ok(()) }
/// ```
#[cfg(feature = "client")]
pub type SessionDriver = waxwing_futures::SessionDriver<Tokio>;
/// Finds a server and gets through to it.
///
/// ```no_run
/// use waxwing_core::dns::Target;
/// use waxwing_tokio::{Dialer, system_config};
///
/// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let mut dialer = Dialer::new(Target::Client("example.com".into()), system_config())?;
/// let (socket, route) = dialer.dial().await?;
/// # Ok(()) }
/// ```
#[cfg(feature = "client")]
pub type Dialer = waxwing_futures::Dialer<Tokio>;
#[cfg(feature = "client")]
pub use waxwing_futures::system_config;

impl Runtime for Tokio {
    type Socket = TcpStream;
    type Stream = Stream;
    type Listener = TcpListener;

    fn set_nodelay(socket: &TcpStream) -> io::Result<()> {
        socket.set_nodelay(true)
    }

    fn accept(listener: &TcpListener) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send {
        listener.accept()
    }

    fn sleep(time: Duration) -> Task<()> {
        Box::pin(tokio::time::sleep(time))
    }

    fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(task);
    }
}

#[cfg(feature = "client")]
impl waxwing_futures::Adopts for Tokio {
    fn adopt(socket: std::net::TcpStream) -> io::Result<TcpStream> {
        socket.set_nonblocking(true)?;
        TcpStream::from_std(socket)
    }
}
