//! XML streams (RFC 6120 section 4): the transport of every role. Bytes on one side, headers and first-level elements on the
//! other; TLS, limits, rates, errors and the closing handshake in between. Knows no role's business.
mod error;
mod features;
mod header;
mod limits;
#[cfg(feature = "tls")]
pub mod tls;
use crate::machine::{Deadline, Now};
use crate::sasl::ChannelBindings;
use crate::xml::{Element, Scope};
pub use error::{Condition, StreamError};
pub use features::{Feature, Features};
pub use header::Header;
pub use limits::{Limits, RateLimit};

/// Who opened the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// We did.
    Initiator,
    /// The peer did.
    Receiver,
}
/// What a stream needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// Our role.
    pub role: Role,
    /// `jabber:client` or `jabber:server`.
    pub content_ns: &'static str,
    /// Limits before authentication.
    pub limits: Limits,
}
/// What is known of the secured transport.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TlsInfo {
    /// Data for SCRAM-*-PLUS.
    pub bindings: ChannelBindings,
    /// TLS version, such as "TLSv1.3".
    pub version: Option<String>,
    /// Cipher suite.
    pub cipher: Option<String>,
    /// ALPN protocol agreed on.
    pub alpn: Option<Vec<u8>>,
    /// The peer's certificates, DER, end entity first.
    pub peer_certificates: Vec<Vec<u8>>,
}
/// How a stream ended.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Closed {
    /// Both sides sent `</stream:stream>`.
    Clean,
    /// The peer closed the transport without closing the stream (truncation).
    Eof,
    /// The peer sent a stream error.
    PeerError(StreamError),
    /// The peer broke the protocol; this error was sent to it.
    Violation {
        /// The stream error sent.
        sent: StreamError,
        /// For logs.
        detail: String,
    },
    /// We ended it with this error, for a reason of our own (time-outs included).
    Local(StreamError),
    /// TLS failed; the alert was sent. The text names what failed (certificate and name, where that is it).
    Tls(String),
}
/// What comes out of a stream.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Incoming {
    /// The TLS handshake is complete.
    Secured(TlsInfo),
    /// The peer opened (or re-opened) its stream.
    Header(Header),
    /// A first-level child; stream errors are not among them.
    Element(Element),
    /// The peer sent `</stream:stream>`; ours has been queued if it had not been sent. Nothing more will come.
    PeerClosed,
    /// The stream is over. The last item.
    Closed(Closed),
}
/// One side of a bidirectional XML stream.
#[derive(Debug)]
pub struct Stream {}
impl Stream {
    /// A stream on a fresh transport.
    pub fn new(_config: Config, _now: Now) -> Stream {
        todo!()
    }
    /// Takes bytes from the front of `input` until there is something to report. Call until it returns `None`: then all
    /// input has been taken. What follows an item stays in `input` (or, under TLS, inside), so that a restart or a TLS start
    /// after the item takes effect before the next byte is looked at.
    pub fn next(&mut self, _now: Now, _input: &mut &[u8]) -> Option<Incoming> {
        todo!()
    }
    /// The peer closed the transport: call `next` with no input afterwards.
    pub fn receive_eof(&mut self, _now: Now) {
        todo!()
    }
    /// Sends our stream header.
    pub fn open(&mut self, _header: &Header) {
        todo!()
    }
    /// After SASL success: a new stream begins in both directions with the next byte; send its header with
    /// [`open`](Self::open).
    pub fn restart(&mut self) {
        todo!()
    }
    /// What is declared where first-level elements are written.
    pub fn scope(&self) -> Scope<'_> {
        todo!()
    }
    /// Queues a first-level element.
    pub fn send(&mut self, _element: &Element) {
        todo!()
    }
    /// Queues what `write` appends: a stanza written for [`scope`](Self::scope).
    pub fn send_with(&mut self, _write: impl FnOnce(&mut Vec<u8>, &Scope<'_>)) {
        todo!()
    }
    /// Queues one space: keep-alive (RFC 6120 section 4.6.1).
    pub fn send_whitespace(&mut self) {
        todo!()
    }
    /// From the next byte on, in both directions, TLS (as client). Bytes of the peer that have already come in behind its
    /// `<proceed/>` are taken as TLS.
    #[cfg(feature = "tls")]
    pub fn start_tls_client(&mut self, _now: Now, _tls: &tls::ClientTls, _server_name: &str) {
        todo!()
    }
    /// From the next byte on, in both directions, TLS (as server). With `direct` at the start of the connection (XEP-0368).
    /// Plaintext that came in behind `<starttls/>` ends the stream (command injection).
    #[cfg(feature = "tls")]
    pub fn start_tls_server(&mut self, _now: Now, _tls: &tls::ServerTls) {
        todo!()
    }
    /// The caller did TLS itself.
    pub fn secured_outside(&mut self, _info: TlsInfo) {
        todo!()
    }
    /// What is known of TLS, once it is up.
    pub fn tls(&self) -> Option<&TlsInfo> {
        todo!()
    }
    /// After authentication: other limits.
    pub fn set_limits(&mut self, _now: Now, _limits: Limits) {
        todo!()
    }
    /// Sends `</stream:stream>` and waits for the peer's, up to the limits' close time-out (RFC 6120 section 4.4).
    pub fn close(&mut self, _now: Now) {
        todo!()
    }
    /// Sends our header if that has not happened, then the error and `</stream:stream>`. The next items are the end.
    pub fn fail(&mut self, _now: Now, _error: StreamError) {
        todo!()
    }
    /// As [`fail`](Self::fail), where the peer is to blame: reported as [`Closed::Violation`].
    pub fn violation(&mut self, _now: Now, _error: StreamError, _detail: &str) {
        todo!()
    }
    /// Appends outgoing bytes; plaintext gathered so far is encrypted now.
    pub fn transmit(&mut self, _out: &mut Vec<u8>) -> usize {
        todo!()
    }
    /// Bytes queued and not yet transmitted.
    pub fn queued(&self) -> usize {
        todo!()
    }
    /// When anything was last received.
    pub fn last_received(&self) -> crate::machine::Instant {
        todo!()
    }
    /// How much the peer may send now.
    pub fn read_budget(&self) -> usize {
        todo!()
    }
    /// Time-outs of the closing handshake and the input rate. Negotiation and keep-alive are the roles' business.
    pub fn deadline(&self) -> Option<Deadline> {
        todo!()
    }
    /// Time has passed: call `next` with no input afterwards.
    pub fn tick(&mut self, _now: Now) {
        todo!()
    }
    /// Nothing more in either direction.
    pub fn is_finished(&self) -> bool {
        todo!()
    }
}
