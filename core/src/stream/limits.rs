//! Limits of a stream.
use core::time::Duration;

/// A token bucket. Zero is not "unlimited": it counts as one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RateLimit {
    /// Bytes a second.
    pub rate: u32,
    /// Bytes at once.
    pub burst: u32,
}

/// What a peer may cost. All are hard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Of the XML.
    pub xml: crate::xml::Limits,
    /// Input rate, in bytes as they come from the transport (under TLS: with its overhead).
    pub rate: RateLimit,
    /// Outgoing bytes that may wait; more ends the stream with resource-constraint (a slow reader).
    pub max_queued: usize,
    /// How long to wait for the peer's closing tag.
    pub close_timeout: Duration,
}

impl Limits {
    /// Before authentication: 10 KiB a stanza, depth 16, 32 attributes, 32 KiB/s with 64 KiB at once, 64 KiB queued.
    pub const UNAUTHENTICATED: Limits = Limits {
        xml: crate::xml::Limits { max_bytes: 10 << 10, max_depth: 16, max_attributes: 32 },
        rate: RateLimit { rate: 32 << 10, burst: 64 << 10 },
        max_queued: 64 << 10,
        close_timeout: Duration::from_secs(5),
    };

    /// A logged-in client: 256 KiB a stanza, depth 64, 128 attributes, 256 KiB/s with 1 MiB at once, 4 MiB queued.
    pub const CLIENT: Limits = Limits {
        xml: crate::xml::Limits { max_bytes: 256 << 10, max_depth: 64, max_attributes: 128 },
        rate: RateLimit { rate: 256 << 10, burst: 1 << 20 },
        max_queued: 4 << 20,
        close_timeout: Duration::from_secs(5),
    };

    /// A server: 512 KiB a stanza, 4 MiB/s with 8 MiB at once, 16 MiB queued. What a client grants its server, too.
    pub const SERVER: Limits = Limits {
        xml: crate::xml::Limits { max_bytes: 512 << 10, max_depth: 64, max_attributes: 128 },
        rate: RateLimit { rate: 4 << 20, burst: 8 << 20 },
        max_queued: 16 << 20,
        close_timeout: Duration::from_secs(5),
    };
}
