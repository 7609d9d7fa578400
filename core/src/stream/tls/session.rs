//! One connection's TLS: ciphertext in, plaintext chunks out, and the other way round.
use super::end_point::server_end_point;
use super::server::Shown;
use super::verify::Refusal;
use super::{ClientTls, Clock, ServerTls};
use crate::machine::Now;
use crate::sasl::ChannelBindings;
use crate::stream::TlsInfo;
use rustls::{CipherSuite, Connection, Error, ProtocolVersion};
use std::io::{self, Read, Write};
use std::sync::{Arc, OnceLock};

/// Plaintext that rustls takes in one go: what fits one record, since each write is followed by a drain.
const WRITE_LIMIT: usize = 16 << 10;
/// TLS bytes a client may send without anything to show for it: a handshake done, or plaintext. Bounds what rustls buffers
/// for a peer that has not authenticated: 32 KiB, since it doubles its buffer. A whole record is 16 KiB and its framing.
const CLIENT_MAY_SEND: usize = 24 << 10;
/// What a record may take beyond the stanza in it: the stream's header in front, padding, the tag.
const RECORD_SLACK: usize = 1024;
/// As [`CLIENT_MAY_SEND`] for a server: its chain of certificates is large at times.
const SERVER_MAY_SEND: usize = 128 << 10;

#[derive(Debug)]
pub(in crate::stream) struct Session {
    connection: Connection,
    clock: Arc<Clock>,
    peer: Peer,
    secured: bool,
    peer_closed: bool,
    /// TLS bytes taken since the last that were good for something.
    unproductive: usize,
    records: Records,
    /// Longest record that is allowed once the handshake is done.
    max_record: usize,
    /// rustls' input buffer may have grown beyond what it needs when idle.
    grown: bool,
    /// Whether plaintext exported for TLS 1.2 is bound to the handshake (RFC 9266 section 4.1).
    extended_master_secret: bool,
}

/// Why the peer's bytes were refused.
#[derive(Debug)]
pub(in crate::stream) enum Failure {
    /// TLS cannot go on.
    Tls(String),
    /// It could, with another certificate.
    Certificate(String),
    /// TLS could, and carries the stream error.
    Policy(&'static str),
}

impl From<String> for Failure {
    fn from(what: String) -> Failure {
        Failure::Tls(what)
    }
}

/// Follows the record layer from header to header (RFC 8446 section 5.1).
#[derive(Debug, Default)]
struct Records {
    /// How much of the header has come, and the length in it.
    header: usize,
    length: usize,
    /// Bytes of the record still to come.
    body: usize,
}

impl Records {
    /// The length of the longest record that begins in `bytes`.
    fn longest(&mut self, mut bytes: &[u8]) -> usize {
        let mut longest = 0;
        loop {
            let skipped = self.body.min(bytes.len());
            self.body -= skipped;
            let Some((&byte, rest)) = bytes.get(skipped..).unwrap_or_default().split_first() else {
                return longest;
            };
            bytes = rest;
            // Type and version take three bytes, the length two.
            if self.header >= 3 {
                self.length = self.length << 8 | usize::from(byte);
            }
            self.header += 1;
            if self.header == 5 {
                longest = longest.max(self.length);
                *self = Records { body: self.length, ..Records::default() };
            }
        }
    }
}

#[derive(Debug)]
enum Peer {
    Server {
        name: String,
        refusal: Arc<OnceLock<Refusal>>,
    },
    /// Until the handshake is done: what was shown to it.
    Client {
        shown: Option<Shown>,
    },
}

impl Session {
    pub(in crate::stream) fn client(
        tls: &ClientTls,
        server_name: &str,
        content_ns: &str,
        direct: bool,
        now: Now,
    ) -> Result<Session, String> {
        let clock = clock(now);
        let (connection, refusal) = tls.connect(server_name, content_ns, direct, Arc::clone(&clock))?;
        let peer = Peer::Server { name: server_name.to_owned(), refusal };
        Ok(Session::new(connection.into(), clock, peer, tls.config().require_ems))
    }

    pub(in crate::stream) fn server(
        tls: &ServerTls,
        content_ns: &str,
        direct: bool,
        now: Now,
    ) -> Result<Session, String> {
        let clock = clock(now);
        let (connection, shown) = tls.accept(content_ns, direct, Arc::clone(&clock))?;
        Ok(Session::new(
            connection.into(),
            clock,
            Peer::Client { shown: Some(shown) },
            tls.config().require_ems,
        ))
    }

    fn new(
        mut connection: Connection,
        clock: Arc<Clock>,
        peer: Peer,
        extended_master_secret: bool,
    ) -> Session {
        connection.set_buffer_limit(Some(WRITE_LIMIT));
        Session {
            connection,
            clock,
            peer,
            secured: false,
            peer_closed: false,
            unproductive: 0,
            records: Records::default(),
            max_record: usize::MAX,
            grown: false,
            extended_master_secret,
        }
    }

    pub(in crate::stream) fn set_time(&self, now: Now) {
        self.clock.set(now);
    }

    /// A peer that may not send stanzas longer than `bytes` needs no records that are much longer. rustls holds each record
    /// whole, twice at its end, so for a peer that has not authenticated this saves most of what it could cost.
    pub(in crate::stream) fn set_longest_stanza(&mut self, bytes: usize) {
        self.max_record = bytes.saturating_add(RECORD_SLACK);
    }

    /// The handshake is complete.
    pub(in crate::stream) fn is_secured(&self) -> bool {
        self.secured
    }

    /// The peer sent close_notify: once [`chunk`](Self::chunk) is empty, nothing more comes.
    pub(in crate::stream) fn peer_closed(&self) -> bool {
        self.peer_closed
    }

    /// Takes some of `input`, appends what TLS itself has to say to `wire`. To be called only while [`chunk`](Self::chunk)
    /// is empty. Returns what is known of the connection when the handshake has just been completed.
    ///
    /// # Errors
    /// Says what failed. For a failure of TLS the alert is in `wire`.
    pub(in crate::stream) fn feed(
        &mut self,
        input: &mut &[u8],
        wire: &mut Vec<u8>,
    ) -> Result<Option<TlsInfo>, Failure> {
        let before = *input;
        let read = self.connection.read_tls(input).map_err(|error| format!("TLS input refused: {error}"))?;
        if read == 0 && !before.is_empty() {
            return Err("TLS record of impossible length".to_owned().into());
        }
        let longest = self.records.longest(before.get(..read).unwrap_or_default());
        if self.secured && longest > self.max_record {
            return Err(Failure::Policy("a TLS record longer than any stanza may be"));
        }
        let state = self.connection.process_new_packets();
        self.flush(wire);
        let state = state.map_err(|error| self.explain(&error))?;
        self.peer_closed = state.peer_has_closed();
        self.grown |= read >= 4096;
        let just_secured = !self.secured && !self.connection.is_handshaking();
        if just_secured || state.plaintext_bytes_to_read() > 0 {
            self.unproductive = 0;
        } else {
            self.unproductive = self.unproductive.saturating_add(read);
        }
        if self.unproductive > self.patience() {
            return Err("the peer sends TLS records without content".to_owned().into());
        }
        if self.peer_closed {
            *input = &[];
        }
        if input.is_empty() && self.grown {
            self.shrink();
        }
        if !just_secured {
            return Ok(None);
        }
        self.secured = true;
        let info = self.info();
        if let Peer::Client { shown } = &mut self.peer {
            *shown = None;
        }
        info.map(Some).map_err(Failure::Tls)
    }

    fn patience(&self) -> usize {
        match self.peer {
            Peer::Client { .. } => CLIENT_MAY_SEND,
            Peer::Server { .. } => SERVER_MAY_SEND,
        }
    }

    /// Lets rustls give back the buffer that a large record made it grow: it looks at the size before each read.
    fn shrink(&mut self) {
        struct Nothing;
        impl Read for Nothing {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::WouldBlock.into())
            }
        }
        self.grown = false;
        // Always an error: there was nothing to read.
        let _ = self.connection.read_tls(&mut Nothing);
    }

    /// Plaintext that has come in; empty if there is none.
    pub(in crate::stream) fn chunk(&mut self) -> &[u8] {
        self.connection.reader().into_first_chunk().unwrap_or_default()
    }

    /// Takes `count` bytes off the front of [`chunk`](Self::chunk).
    pub(in crate::stream) fn consume(&mut self, count: usize) {
        io::BufRead::consume(&mut self.connection.reader(), count);
    }

    /// Encrypts into as few records as will do.
    pub(in crate::stream) fn encrypt(&mut self, mut plain: &[u8], out: &mut Vec<u8>) {
        while !plain.is_empty() {
            let Ok(written @ 1..) = self.connection.writer().write(plain) else { break };
            plain = plain.split_at_checked(written).map_or(&[], |(_, rest)| rest);
            self.flush(out);
        }
    }

    pub(in crate::stream) fn close_notify(&mut self, out: &mut Vec<u8>) {
        self.connection.send_close_notify();
        self.flush(out);
    }

    /// Moves what rustls has ready for the wire to `out`.
    pub(in crate::stream) fn flush(&mut self, out: &mut Vec<u8>) {
        while self.connection.wants_write() {
            // Writing to a Vec cannot fail.
            let Ok(1..) = self.connection.write_tls(out) else { break };
        }
    }

    /// What failed, with the name and the certificate where it was about those.
    fn explain(&self, error: &Error) -> Failure {
        if let Error::InvalidCertificate(reason) = error {
            return Failure::Certificate(match &self.peer {
                Peer::Server { name, refusal } => match refusal.get() {
                    Some(refusal) => format!(
                        "the certificate of {name} was refused: {reason} (SHA-256 fingerprint {})",
                        refusal.fingerprint
                    ),
                    None => format!("the certificate of {name} was refused: {reason}"),
                },
                Peer::Client { .. } => format!("the client's certificate was refused: {reason}"),
            });
        }
        Failure::Tls(match (&self.peer, error) {
            (Peer::Server { name, .. }, Error::AlertReceived(alert)) => {
                format!("{name} ended TLS with the alert {alert:?}")
            }
            (Peer::Client { .. }, Error::AlertReceived(alert)) => {
                format!("the client ended TLS with the alert {alert:?}")
            }
            (Peer::Server { name, .. }, error) => format!("TLS with {name} failed: {error}"),
            (Peer::Client { .. }, error) => format!("TLS failed: {error}"),
        })
    }

    fn info(&self) -> Result<TlsInfo, String> {
        let version = self.connection.protocol_version();
        let peer_certificates: Vec<Vec<u8>> =
            self.connection.peer_certificates().unwrap_or_default().iter().map(|c| c.to_vec()).collect();
        let server_certificate = match &self.peer {
            Peer::Server { .. } => peer_certificates.first().map(Vec::as_slice),
            Peer::Client { shown } => {
                let chosen = shown.as_ref().and_then(|shown| shown.get());
                chosen.and_then(|chosen| chosen.cert.first()).map(|certificate| certificate.as_ref())
            }
        };
        let bindings = ChannelBindings {
            tls_exporter: self.exporter(version)?,
            tls_server_end_point: server_certificate.and_then(server_end_point),
        };
        let server_name = match &self.connection {
            Connection::Client(_) => None,
            Connection::Server(server) => server.server_name().map(str::to_owned),
        };
        Ok(TlsInfo {
            bindings,
            version: version.map(version_name),
            cipher: self.connection.negotiated_cipher_suite().map(|suite| cipher_name(suite.suite())),
            alpn: self.connection.alpn_protocol().map(<[u8]>::to_vec),
            server_name,
            peer_certificates,
        })
    }

    /// RFC 9266 section 4. Without the extended master secret TLS 1.2 binds nothing.
    fn exporter(&self, version: Option<ProtocolVersion>) -> Result<Option<Vec<u8>>, String> {
        let bound = match version {
            Some(ProtocolVersion::TLSv1_3) => true,
            Some(ProtocolVersion::TLSv1_2) => self.extended_master_secret,
            _ => false,
        };
        if !bound {
            return Ok(None);
        }
        let data = self.connection.export_keying_material([0_u8; 32], b"EXPORTER-Channel-Binding", Some(&[]));
        data.map(|data| Some(data.to_vec()))
            .map_err(|error| format!("TLS exports no keying material: {error}"))
    }
}

fn clock(now: Now) -> Arc<Clock> {
    let clock = Arc::new(Clock::default());
    clock.set(now);
    clock
}

fn version_name(version: ProtocolVersion) -> String {
    match version {
        ProtocolVersion::TLSv1_2 => "TLSv1.2".into(),
        ProtocolVersion::TLSv1_3 => "TLSv1.3".into(),
        other => format!("{other:?}"),
    }
}

fn cipher_name(suite: CipherSuite) -> String {
    suite.as_str().map_or_else(|| format!("{suite:?}"), str::to_owned)
}
