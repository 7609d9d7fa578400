//! Drives waxwing-core from any runtime whose sockets speak futures-io.
//!
//! The adapters for tokio, smol and async-std are made of this: each says what its [`Runtime`] is called by, and no more.
//!
//! - [`Driver`] runs any byte machine over a stream: a client is a `Driver<Client, R>`.
//! - [`SessionDriver`] runs a client's session over as many connections as it takes.
//! - [`Server`] accepts connections and runs each in a task of its own.
//! - [`Dialer`] finds a server and gets through to it.
//!
//! No protocol decision is made here.

#[cfg(feature = "client")]
mod aside;
#[cfg(feature = "server")]
mod bell;
#[cfg(feature = "server")]
mod crowd;
#[cfg(feature = "client")]
mod dial;
mod driver;
mod runtime;
#[cfg(feature = "server")]
mod server;
#[cfg(feature = "client")]
mod session;

#[cfg(feature = "client")]
pub use dial::Dialer;
pub use driver::Driver;
#[cfg(feature = "client")]
pub use runtime::Adopts;
pub use runtime::{Runtime, Task};
#[cfg(feature = "server")]
pub use server::Server;
#[cfg(feature = "client")]
pub use session::SessionDriver;
#[cfg(feature = "client")]
pub use waxwing_std::dial::system_config;
pub use waxwing_std::{Clock, entropy};
