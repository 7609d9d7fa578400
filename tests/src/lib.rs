//! Support for the tests that span crates.
//!
//! Everything here is deterministic: time is a number that the test moves ([`Clock`]), chance grows from a seed
//! ([`Random`]), and the network is memory ([`Pipe`], [`Pair`]). A failing test names its seed, and that seed shows the
//! same failure again, byte for byte. (TLS is the exception: its keys come from the operating system.)
//!
//! - [`Pair`] joins any two machines.
//! - [`Simulation`] runs a whole server, its store and any number of clients.
//! - [`world`] lets many clients and servers live through whatever can go wrong, and looks whether the rules hold.
//! - [`stores`] is what every store must do.
//! - [`Loopback`] is a server on real sockets, for tests of programs.
//! - [`Raw`] is a machine without a mind of its own: a hostile peer, or one that a test writes byte by byte.
//!
//! [`Pair`] keeps the run-loop invariant for both, as an adapter would:
//!
//! ```
//! # use waxwing_core::machine::{Deadline, Machine, Now};
//! # use waxwing_tests::{Conditions, Pair, Split};
//! # #[derive(Default)] struct Greeter(Vec<u8>, Option<usize>);
//! # impl Machine for Greeter {
//! #     type Event = usize;
//! #     fn receive(&mut self, _: Now, input: &[u8]) { self.1 = Some(input.len()) }
//! #     fn receive_eof(&mut self, _: Now) {}
//! #     fn transmit(&mut self, out: &mut Vec<u8>) -> usize { let n = self.0.len(); out.append(&mut self.0); n }
//! #     fn poll_event(&mut self) -> Option<usize> { self.1.take() }
//! #     fn deadline(&self) -> Option<Deadline> { None }
//! #     fn tick(&mut self, _: Now) {}
//! #     fn is_finished(&self) -> bool { false }
//! # }
//! # let (client, server) = (Greeter(b"hello".to_vec(), None), Greeter::default());
//! let mut pair = Pair::new(7, client, server);
//! pair.set_conditions(Conditions { split: Split::EveryByte, ..Conditions::default() });
//! pair.run_until_idle();
//! assert_eq!(pair.b.events().count(), 5);
//! ```

mod account;
mod certificate;
mod clock;
pub mod loopback;
mod mutation;
mod pair;
mod pipe;
mod random;
mod raw;
mod simulation;
pub mod stores;
pub mod world;

pub use account::Account;
pub use certificate::SelfSigned;
pub use clock::Clock;
pub use loopback::Loopback;
pub use mutation::Mutation;
pub use pair::{Entry, Pair, Side};
pub use pipe::{Arrival, Conditions, Pipe, Split};
pub use random::Random;
pub use raw::Raw;
pub use simulation::{Attached, Simulation};
