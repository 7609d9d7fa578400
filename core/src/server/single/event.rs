//! What a server tells its owner.

use super::ConnectionId;
use crate::jid::{BareJid, FullJid};
use crate::sasl::{Condition, Mechanism};
use crate::server::hub::{AdminError, AdminId};
use crate::stanza::Stanza;
use crate::stream::Closed;

/// What a [`Server`](super::Server) tells its owner.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// With [`start_tls_outside`](crate::server::connection::Config::start_tls_outside): transmit what there is, do the
    /// handshake as the server, answer with [`secured`](super::Server::secured), and go on with the plaintext inside.
    StartTls {
        /// On which connection.
        connection: ConnectionId,
    },
    /// Is this OAuth 2.0 bearer token (RFC 7628) good? Answer with [`verdict`](super::Server::verdict).
    TokenVerdict {
        /// Which connection asks.
        connection: ConnectionId,
        /// The domain it is for.
        domain: BareJid,
        /// Local part of the account that the client says it is for.
        username: Option<String>,
        /// The token: a secret.
        token: String,
    },
    /// Is the TLS client certificate good for logging in? Answer with [`verdict`](super::Server::verdict).
    CertificateVerdict {
        /// Which connection asks.
        connection: ConnectionId,
        /// The domain it is for.
        domain: BareJid,
        /// The identity that the client wants to act as, if it named one.
        authzid: Option<String>,
        /// The certificates, DER, end entity first.
        certificates: Vec<Vec<u8>>,
    },
    /// A client has failed to prove who it is.
    AuthenticationFailed {
        /// On which connection.
        connection: ConnectionId,
        /// The account it tried, if it came to that.
        account: Option<BareJid>,
        /// How.
        mechanism: Option<Mechanism>,
        /// What it was told.
        condition: Condition,
    },
    /// A client has a session now, be it new or resumed.
    Online {
        /// On which connection.
        connection: ConnectionId,
        /// Its address.
        jid: FullJid,
    },
    /// It has it no more, or its connection has broken: then the session may come back as another connection's
    /// (XEP-0198).
    Offline {
        /// On which connection it was.
        connection: ConnectionId,
        /// The address that it had.
        jid: FullJid,
    },
    /// A stream is over. What there is to transmit still goes out; then the transport is to be closed.
    Closed {
        /// On which connection.
        connection: ConnectionId,
        /// How it ended.
        closed: Closed,
    },
    /// A stanza for another domain ([`federation`](crate::server::hub::Config::federation) is on). If it cannot be sent, give
    /// it to [`Hub::remote_failed`](crate::server::Hub::remote_failed).
    Remote(Stanza),
    /// An order to change an account has been carried out, durably, or not.
    Administered {
        /// Of the order.
        id: AdminId,
        /// Whether it was carried out.
        result: Result<(), AdminError>,
    },
}
