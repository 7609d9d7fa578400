//! Finding a server and getting through to it (RFC 6120 section 3.2, XEP-0368): which addresses a domain has, in which order to
//! try them, and how many at once.
//!
//! Like all of the core it opens no socket. [`Connector`] says which datagram to send to which name server and which address
//! to connect to; what came of it is told back, and so is the time. In the order of its life:
//!
//! 1. It asks for SRV records of direct TLS (`_xmpps-client`) and of STARTTLS (`_xmpp-client`) at once, and puts them into one
//!    order by priority and weight (RFC 2782).
//! 2. It asks for the addresses of the hosts named there, IPv6 and IPv4 at once. Without SRV records, of the domain itself.
//! 3. It tries the addresses in turn, the families alternating, and starts the next one as soon as the last has failed or a
//!    quarter of a second has passed: the first to answer wins (RFC 8305).
//! 4. Whoever finds that the winner is no XMPP server, or not the right one, [goes on](Connector::go_on) behind it.
//!
//! Name servers come from the system's configuration ([`Resolvers::parse`]), names that the system knows itself from its table
//! ([`Hosts::parse`]). Its search domains are not used: the domain of an address is whole (RFC 7622 section 3.2), and one with
//! something appended would be another domain.
//!
//! # Where other sources would join
//!
//! SRV records become a list of offers, each with a priority, a host, a port and what is spoken there; once the questions are
//! answered, or have been waited for long enough, the list is put into order and becomes the hosts that are tried. Another
//! source would add to the same list, and be waited for in the same way: host-meta (XEP-0156), say, which names WebSocket
//! endpoints. Its document comes over HTTPS, so the owner would fetch it, as it sends queries: an [`Action`] goes out, an answer
//! comes in. What speaks another transport says so in its [`Route`].

mod connector;
mod host;
mod hosts;
mod message;
mod race;
mod resolver;
mod srv;
#[cfg(test)]
mod tests;

pub use connector::{Action, Config, Connector, Failure, Route, Security, Target};
pub use hosts::{Hosts, Resolvers};
pub use race::AttemptId;
pub use resolver::{QueryId, Transport};
