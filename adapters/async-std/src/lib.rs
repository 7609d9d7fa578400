//! Drives waxwing-core from async-std. The parts are those of [`waxwing_futures`], with async-std's sockets, timer and tasks.
//!
//! async-std is no longer maintained upstream (RUSTSEC-2025-0052). This adapter is for programs that still use it; new ones
//! do better with smol, whose adapter is the same but for the names.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use async_std::net::{TcpListener, TcpStream};
use async_std::task;
use waxwing_futures::{Runtime, Task};

pub use waxwing_futures::{Clock, entropy};

/// async-std, as [`waxwing_futures`] sees it.
#[derive(Clone, Copy, Debug)]
pub enum AsyncStd {}

/// One machine over one async-std `TcpStream`: a client is a `Driver<Client>`.
pub type Driver<M> = waxwing_futures::Driver<M, AsyncStd>;
/// Accepts connections and runs each in a task of async-std's executor.
#[cfg(feature = "server")]
pub type Server = waxwing_futures::Server<AsyncStd>;
/// Finds a server and gets through to it.
#[cfg(feature = "client")]
pub type Dialer = waxwing_futures::Dialer<AsyncStd>;
/// Runs a client's session over as many connections as it takes.
#[cfg(feature = "client")]
pub type SessionDriver = waxwing_futures::SessionDriver<AsyncStd>;
#[cfg(feature = "client")]
pub use waxwing_futures::system_config;

impl Runtime for AsyncStd {
    type Socket = TcpStream;
    type Stream = TcpStream;
    type Listener = TcpListener;

    fn set_nodelay(socket: &TcpStream) -> io::Result<()> {
        socket.set_nodelay(true)
    }

    fn accept(listener: &TcpListener) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send {
        listener.accept()
    }

    fn sleep(time: Duration) -> Task<()> {
        Box::pin(task::sleep(time))
    }

    fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        drop(task::spawn(future));
    }
}

#[cfg(feature = "client")]
impl waxwing_futures::Adopts for AsyncStd {
    fn adopt(socket: std::net::TcpStream) -> io::Result<TcpStream> {
        socket.set_nonblocking(true)?;
        Ok(TcpStream::from(socket))
    }
}
