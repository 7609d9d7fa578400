//! Waxwing's core: XMPP (RFC 6120, RFC 6121, RFC 7622) as pure, synchronous state machines.
//!
//! Bytes, calls and the time go in; bytes, events and the next deadline come out. Nothing here opens a socket, reads a
//! clock, starts a thread or draws from a global source of randomness, so the same machines run under any event loop,
//! in a test under a virtual clock, and under a fuzzer, byte for byte alike. The adapter crates (`waxwing-tokio`,
//! `waxwing-std` and their like) are this crate's run loop, written once for each runtime.
//!
//! # The machines
//!
#![cfg_attr(feature = "client", doc = "- [`client::Client`]: one stream to a server.")]
#![cfg_attr(
    all(feature = "client", feature = "dns"),
    doc = "- [`client::Session`]: the same over as many connections as it takes."
)]
#![cfg_attr(not(feature = "client"), doc = "- `client::Client`: one stream to a server (feature `client`).")]
#![cfg_attr(
    feature = "server",
    doc = "- [`server`]: one connection of a client's, and the hub behind all connections."
)]
#![cfg_attr(
    not(feature = "server"),
    doc = "- `server`: connections and the hub behind them (feature `server`)."
)]
//!
//! All that speak to one peer over bytes keep the contract [`machine::Machine`].
//!
//! # The run loop
//!
//! There is one invariant: *after any call that changes a machine, drain `transmit` and `poll_event` until both have
//! nothing more; then wait for input or for the deadline, whichever is first.* Events come of handing out bytes (a stanza
//! was sent) and bytes come of handling events (an answer), so one pass is not enough. As code, for every machine and any
//! transport that can wait for input with a time-out:
//!
//! ```
//! use std::{io, time::Duration};
//! use waxwing_core::machine::{Machine, Now};
//!
//! trait Transport {
//!     fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;
//!     /// Waits for input, which is then put into `buffer`; `Some(0)` is the end. `None`: the time-out came first. Without
//!     /// room in the buffer, just lets the time pass.
//!     fn read(&mut self, buffer: &mut [u8], timeout: Option<Duration>) -> io::Result<Option<usize>>;
//!     /// The present, from a monotonic clock and the wall clock.
//!     fn now(&self) -> Now;
//! }
//!
//! fn run<M: Machine>(
//!     machine: &mut M,
//!     transport: &mut impl Transport,
//!     mut on_event: impl FnMut(&mut M, Now, M::Event),
//! ) -> io::Result<()> {
//!     let (mut input, mut output) = (vec![0; 16 * 1024], Vec::new());
//!     loop {
//!         // Drain.
//!         loop {
//!             let bytes = machine.transmit(&mut output);
//!             transport.write_all(&output)?;
//!             output.clear();
//!             match machine.poll_event() {
//!                 Some(event) => on_event(machine, transport.now(), event),
//!                 None if bytes == 0 => break,
//!                 None => {}
//!             }
//!         }
//!         if machine.is_finished() {
//!             return Ok(());
//!         }
//!         // Wait, and let in no more than the machine wants to read.
//!         let timeout = machine.deadline().map(|deadline| deadline.at - transport.now().instant);
//!         let room = machine.read_budget().min(input.len());
//!         match transport.read(&mut input[..room], timeout)? {
//!             Some(0) => machine.receive_eof(transport.now()),
//!             Some(bytes) => machine.receive(transport.now(), &input[..bytes]),
//!             None => machine.tick(transport.now()),
//!         }
//!     }
//! }
//!
//! // A server that knows no such domain, played back.
//! struct Recording(&'static [u8]);
//! # const RECORDING: &[u8] = b"<?xml version='1.0'?><stream:stream from='example.com' id='1' version='1.0' \
//! #     xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'><stream:error><host-unknown \
//! #     xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>";
//!
//! impl Transport for Recording {
//!     fn write_all(&mut self, _bytes: &[u8]) -> io::Result<()> {
//!         Ok(())
//!     }
//!     fn read(&mut self, buffer: &mut [u8], _timeout: Option<Duration>) -> io::Result<Option<usize>> {
//!         io::Read::read(&mut self.0, buffer).map(Some)
//!     }
//!     fn now(&self) -> Now {
//!         Now::default()
//!     }
//! }
//!
//! # #[cfg(feature = "client")] {
//! use waxwing_core::client::{Client, Config, Error, Event, TlsMode};
//! use waxwing_core::{jid::Jid, machine::Entropy, stream::Condition};
//!
//! let config = Config::new(Jid::new("juliet@example.net").unwrap(), TlsMode::Plaintext);
//! let mut transport = Recording(RECORDING);
//! let mut client = Client::new(config, transport.now(), Entropy::from_seed([7; 32]));
//! let mut end = None;
//! run(&mut client, &mut transport, |_client, _now, event| {
//!     if let Event::Closed(result) = event {
//!         end = Some(result);
//!     }
//! })
//! .unwrap();
//! assert!(matches!(end, Some(Err(Error::Stream(error))) if *error.condition() == Condition::HostUnknown));
//! # }
//! ```
//!
//! A driver reports a transport that fails as its end ([`receive_eof`](machine::Machine::receive_eof)), and keeps a bound
//! on what it has taken from `transmit` and the transport has not: while that bound is passed it takes no more.
//!
//! # The floors
//!
//! Each knows only those below it; `client` and `server` do not know each other.
//!
//! | floor | what it is |
//! |---|---|
//! | `client`, `server` | the roles |
//! | [`stream`], [`sasl`] | headers, features, TLS, errors, limits; authentication, as messages |
//! | [`payload`] | what stanzas carry: rosters, delays, forms, discovery, ... |
//! | [`stanza`] | message, presence, iq and their errors |
//! | [`jid`], [`xml`], [`ns`] | addresses; framing, elements, writing; namespace names |
//! | [`machine`] | the contract, time, randomness |
//!
//! # What holds everywhere
//!
//! - No call blocks, and none panics on any input. What a peer does wrong becomes an event, with the answer that the
//!   protocol asks for among the outgoing bytes.
//! - How the input is split changes nothing.
//! - The same calls with the same [`Now`](machine::Now)s and the same [`Entropy`](machine::Entropy) give the same bytes
//!   and events. (TLS is the exception: its keys come from rustls' provider, which the caller may choose.)
//! - Memory and time that a peer can cost are limited ([`stream::Limits`]); every limit has a default and none means
//!   "unlimited".
//!
//! # Features
//!
//! `client` and `server` bring the roles, `tls` brings TLS inside the machines. All are on by default. Without `tls` the
//! caller does TLS and hands in what is known of it ([`stream::TlsInfo`]).

pub mod jid;
pub mod machine;
pub mod ns;
pub mod payload;
pub mod sasl;
pub mod stanza;
pub mod stream;
pub mod xml;

#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "dns")]
pub mod dns;
#[cfg(feature = "server")]
pub mod server;
