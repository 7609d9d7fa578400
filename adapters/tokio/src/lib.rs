//! Drives waxwing-core from tokio.
//!
//! - [`Driver`] runs any byte machine over a tokio `TcpStream`: a client is a `Driver<Client>`.
//! - [`SessionDriver`] runs a client's session over as many connections as it takes.
//! - [`Dialer`](dial::Dialer) finds a server and gets through to it.
//! - [`Server`] accepts connections and runs each in a task of its own, on all cores; the hub's shards are
//!   called from those tasks (see [`waxwing_std::shards`]).
//!
//! No protocol decision is made here.

#[cfg(feature = "client")]
pub mod dial;
mod driver;
#[cfg(feature = "server")]
mod server;
#[cfg(feature = "client")]
mod session;

pub use driver::Driver;
#[cfg(feature = "server")]
pub use server::Server;
#[cfg(feature = "client")]
pub use session::SessionDriver;
pub use waxwing_std::{Clock, entropy};
