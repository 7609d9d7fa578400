//! Drives waxwing-core from blocking `std::net` sockets.
//!
//! - [`Driver`] runs any byte machine over a `TcpStream`: a client is a `Driver<Client>`.
//! - [`Duplex`] does the same for several threads: some wait for events while others send.
//! - [`SessionDriver`] runs a client's session over as many connections as it takes.
//! - [`Dialer`](dial::Dialer) finds a server and gets through to it.
//! - [`Server`](server::Server) accepts connections, with two threads for each.
//! - [`Shards`](shards::Shards) and [`Served`](served::Served) are what all server adapters share, whatever their
//!   runtime: the hub made thread-safe, and one connection joined to it. [`door`] says whom they let in.
//!
//! No protocol decision is made here.

#[cfg(feature = "server")]
mod applicants;
mod clock;
#[cfg(feature = "server")]
mod deriver;
#[cfg(feature = "client")]
pub mod dial;
#[cfg(feature = "server")]
pub mod door;
mod driver;
mod duplex;
mod pump;
#[cfg(feature = "server")]
pub mod served;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "client")]
mod session;
#[cfg(feature = "server")]
pub mod shards;
mod sync;

pub use clock::{Clock, entropy};
pub use driver::Driver;
pub use duplex::Duplex;
#[cfg(feature = "client")]
pub use session::SessionDriver;
