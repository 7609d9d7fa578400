//! Drives waxwing-core from smol. The parts are those of [`waxwing_futures`], with smol's sockets, timer and executor.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use smol::net::{TcpListener, TcpStream};
use waxwing_futures::{Runtime, Task};

pub use waxwing_futures::{Clock, entropy};

/// smol, as [`waxwing_futures`] sees it.
#[derive(Clone, Copy, Debug)]
pub enum Smol {}

/// One machine over one smol `TcpStream`: a client is a `Driver<Client>`.
pub type Driver<M> = waxwing_futures::Driver<M, Smol>;
/// Accepts connections and runs each in a task of smol's global executor.
#[cfg(feature = "server")]
pub type Server = waxwing_futures::Server<Smol>;
/// Finds a server and gets through to it.
#[cfg(feature = "client")]
pub type Dialer = waxwing_futures::Dialer<Smol>;
/// Runs a client's session over as many connections as it takes.
#[cfg(feature = "client")]
pub type SessionDriver = waxwing_futures::SessionDriver<Smol>;
#[cfg(feature = "client")]
pub use waxwing_futures::system_config;

impl Runtime for Smol {
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
        Box::pin(async move {
            smol::Timer::after(time).await;
        })
    }

    fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        smol::spawn(task).detach();
    }
}

#[cfg(feature = "client")]
impl waxwing_futures::Adopts for Smol {
    fn adopt(socket: std::net::TcpStream) -> io::Result<TcpStream> {
        TcpStream::try_from(socket)
    }
}
