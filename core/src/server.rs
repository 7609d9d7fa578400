//! The server, in machines that can be put together for one thread or for many.
//!
//! - [`Connection`], one for each socket: bytes, TLS, negotiation and limits. It knows no other
//!   connection.
//! - [`Hub`]: accounts, presence, routing and services. It knows neither bytes nor sockets, and can be split into
//!   shards.
//! - [`Server`]: many connections and one hub, wired up for a single thread: for embedding, tests and simulation.
//!
//! Whoever wires them up carries, besides bytes and time, the following between them. [`Server`] does just that, and is the
//! place to read how.
//!
//! | from | to |
//! |---|---|
//! | [`connection::Event::Lookup`] | [`Hub::lookup`](hub::Hub::lookup) |
//! | [`hub::Output::Credentials`] | [`Connection::credentials`](connection::Connection::credentials) |
//! | [`connection::Event::Register`] | [`Hub::register`](hub::Hub::register) |
//! | [`hub::Output::Derive`] | [`Derivation::run`](crate::sasl::Derivation::run), then [`Hub::derived`](hub::Hub::derived) |
//! | [`hub::Output::Registered`] | [`Connection::registered`](connection::Connection::registered) |
//! | [`connection::Event::Bind`] | [`Hub::bind`](hub::Hub::bind) |
//! | [`hub::Output::Bound`], [`hub::Output::BindRefused`] | [`Connection::bound`](connection::Connection::bound), [`bind_refused`](connection::Connection::bind_refused) |
//! | [`connection::Event::Stanza`] | [`Hub::stanza`](hub::Hub::stanza) |
//! | [`hub::Output::Deliver`] | [`Connection::deliver`](connection::Connection::deliver) |
//! | [`hub::Output::Close`] | [`Connection::close`](connection::Connection::close) |
//! | [`connection::Event::Enable`] | [`Hub::enable`](hub::Hub::enable) |
//! | [`hub::Output::Enabled`] | [`Connection::enabled`](connection::Connection::enabled) |
//! | [`connection::Event::Handled`] | [`Hub::handled`](hub::Hub::handled) |
//! | [`connection::Event::AcknowledgementRequested`] | [`Hub::acknowledgement_requested`](hub::Hub::acknowledgement_requested) |
//! | [`hub::Output::Acknowledge`] | [`Connection::acknowledge`](connection::Connection::acknowledge) |
//! | [`connection::Event::Acknowledged`] | [`Hub::acknowledged`](hub::Hub::acknowledged) |
//! | [`connection::Event::ClientState`] | [`Hub::client_state`](hub::Hub::client_state) |
//! | [`connection::Event::Resume`] | [`Hub::resume`](hub::Hub::resume) |
//! | [`hub::Output::Resumed`], [`hub::Output::ResumeRefused`] | [`Connection::resumed`](connection::Connection::resumed), [`resume_refused`](connection::Connection::resume_refused) |
//! | [`connection::Event::Closed`], after `Bind` or `Resume` | [`Hub::session_broken`](hub::Hub::session_broken) if [it is a break](crate::stream::Closed::is_break), else [`Hub::session_gone`](hub::Hub::session_gone) |
//! | [`hub::Output::Store`] | a [store] |
//! | a store's [`Reply`](store::Reply) | [`Hub::store_reply`](hub::Hub::store_reply) |

mod account;
pub mod bind;
mod config;
pub mod connection;
mod context;
pub mod hub;
mod inactive;
mod managed;
pub mod module;
mod outbox;
mod output;
pub mod privacy;
mod services;
pub mod single;
pub mod store;
mod subscription;

pub use connection::Connection;
pub use hub::Hub;
pub use single::Server;
