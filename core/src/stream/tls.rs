//! TLS inside the machines: rustls' buffered connections, their clock fed from [`Now`].
//!
//! [`ClientTls`] and [`ServerTls`] are configurations that many streams share; hand one to
//! [`Stream::start_tls_client`](super::Stream::start_tls_client) or
//! [`start_tls_server`](super::Stream::start_tls_server). TLS 1.2 and 1.3 are spoken, nothing older. What holds for each
//! connection, whatever the configuration says:
//!
//! - Time, for certificate validity, comes from the `now` of the calls, never from the system.
//! - Direct TLS (XEP-0368) announces `xmpp-client` or `xmpp-server` by ALPN, unless the configuration lists protocols of its
//!   own; STARTTLS announces none.
//! - rustls draws its randomness from its `CryptoProvider`. For repeatable runs pass one whose `secure_random` is yours.
//!
//! The constructors here turn session resumption off on both sides: a resumed session would skip the certificate check that
//! errors and channel bindings speak of, and tickets cost memory for each connection. Callers who want it set it on a raw
//! configuration (`from_config`).
mod client;
mod end_point;
mod server;
mod session;
mod verify;
pub use client::ClientTls;
pub use server::ServerTls;
pub(super) use session::{Failure, Session};
pub use verify::{Fingerprint, FingerprintVerifier};

use crate::machine::Now;
use core::time::Duration;
use rustls::pki_types::UnixTime;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// The default provider of cryptography: ring.
pub fn default_provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// One connection's clock: shows what the last call brought.
#[derive(Debug, Default)]
struct Clock(AtomicI64);

impl Clock {
    fn set(&self, now: Now) {
        self.0.store(now.utc.unix_millis(), Ordering::Relaxed);
    }
}

impl rustls::time_provider::TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        let millis = u64::try_from(self.0.load(Ordering::Relaxed)).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_millis(millis)))
    }
}

/// What to announce by ALPN on direct TLS (XEP-0368 section 4).
fn alpn(content_ns: &str) -> Option<&'static [u8]> {
    match content_ns {
        crate::ns::CLIENT => Some(b"xmpp-client"),
        crate::ns::SERVER => Some(b"xmpp-server"),
        _ => None,
    }
}

/// Sets the protocols to announce: none with STARTTLS, ours with direct TLS unless the caller listed some.
fn set_alpn(protocols: &mut Vec<Vec<u8>>, content_ns: &str, direct: bool) {
    if !direct {
        protocols.clear();
    } else if protocols.is_empty() {
        protocols.extend(alpn(content_ns).map(<[u8]>::to_vec));
    }
}
