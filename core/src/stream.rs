//! XML streams (RFC 6120 section 4): the transport of every role. Bytes on one side, headers and first-level elements on the
//! other; TLS, limits, rates, errors and the closing handshake in between. Knows no role's business.
pub mod bind2;
mod close;
mod error;
pub mod fast;
mod features;
mod header;
mod input;
mod limits;
mod malformed;
pub mod management;
mod rate;
pub mod sasl2;
#[cfg(test)]
mod tests;
#[cfg(feature = "tls")]
pub mod tls;
mod transport;

use crate::machine::{Deadline, Instant, Now, Reason};
use crate::sasl::ChannelBindings;
use crate::xml::{Element, Framer, Scope};
pub use error::{Condition, StreamError};
pub use features::{Feature, Features};
pub use header::Header;
pub use limits::{Limits, RateLimit};
pub use malformed::Malformed;
use rate::Bucket;
use transport::Transport;

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
    /// On the server's side: the name the client asked for (SNI).
    pub server_name: Option<String>,
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
    /// The peer broke the protocol; this error was sent to it, unless our direction had been closed before.
    Violation {
        /// The stream error sent.
        sent: StreamError,
        /// For logs.
        detail: String,
    },
    /// We ended it with this error, for a reason of our own (time-outs included). It was sent, unless our direction had been
    /// closed before.
    Local(StreamError),
    /// TLS failed; the alert was sent. The text says what failed.
    Tls(String),
    /// TLS works, but the peer's certificate was refused; the alert was sent. The text names the certificate and the name.
    Certificate(String),
}

impl Closed {
    /// The peer may want to go on over another connection (XEP-0198 section 8): it has neither closed the stream nor made it end.
    pub fn is_break(&self) -> bool {
        match self {
            Closed::Clean | Closed::PeerError(_) | Closed::Violation { .. } => false,
            Closed::Eof | Closed::Local(_) | Closed::Tls(_) | Closed::Certificate(_) => true,
        }
    }
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

/// Our direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Out {
    /// Our header has not been sent (since the last restart).
    Unopened,
    Open,
    /// `</stream:stream>` has been sent.
    Closed,
}

/// How far the stream is from its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Live,
    /// We closed first and wait for the peer's closing tag.
    Closing {
        until: Instant,
    },
    /// Both closed; the peer's close_notify is yet to come.
    AwaitNotify {
        until: Instant,
    },
    Over,
}

/// One side of a bidirectional XML stream.
///
/// Bytes go in through [`next`](Self::next), which is called until it returns `None`; what is to be sent is queued and comes
/// out of [`transmit`](Self::transmit). Any call may end the stream; the end is reported by `next` too, so after calls that
/// queue something call it once with no input.
#[derive(Debug)]
pub struct Stream {
    role: Role,
    content_ns: &'static str,
    limits: Limits,
    framer: Framer,
    transport: Transport,
    bucket: Bucket,
    last_received: Instant,
    phase: Phase,
    out: Out,
    /// The `xml:lang` of our header.
    lang: Option<String>,
    fallback: Option<Box<Header>>,
    /// The peer closed its side of the transport.
    eof: bool,
    /// Nothing has been sent or received: TLS that starts now is direct TLS.
    #[cfg(feature = "tls")]
    fresh: bool,
    /// The next byte must begin a TLS record.
    #[cfg(feature = "tls")]
    tls_must_follow: bool,
    tls: Option<Box<TlsInfo>>,
    /// The end, until it has been reported.
    end: Option<Box<Closed>>,
}

impl Stream {
    /// A stream on a fresh transport.
    pub fn new(config: Config, now: Now) -> Stream {
        Stream {
            role: config.role,
            content_ns: config.content_ns,
            limits: config.limits,
            framer: Framer::new(config.limits.xml),
            transport: Transport::default(),
            bucket: Bucket::new(config.limits.rate, now.instant),
            last_received: now.instant,
            phase: Phase::Live,
            out: Out::Unopened,
            lang: None,
            fallback: None,
            eof: false,
            #[cfg(feature = "tls")]
            fresh: true,
            #[cfg(feature = "tls")]
            tls_must_follow: false,
            tls: None,
            end: None,
        }
    }

    /// Takes bytes from the front of `input` until there is something to report. Call until it returns `None`: then all
    /// input has been taken. What follows an item stays in `input` (or, under TLS, inside), so that a restart or a TLS start
    /// after the item takes effect before the next byte is looked at.
    pub fn next(&mut self, now: Now, input: &mut &[u8]) -> Option<Incoming> {
        #[cfg(feature = "tls")]
        self.set_tls_time(now);
        let before = input.len();
        let item = self.advance(input);
        let taken = before.saturating_sub(input.len());
        if taken > 0 {
            self.last_received = now.instant;
            self.bucket.take(now.instant, taken);
            #[cfg(feature = "tls")]
            {
                self.fresh = false;
            }
        }
        item
    }

    /// The peer closed the transport: call `next` with no input afterwards.
    pub fn receive_eof(&mut self, _now: Now) {
        self.eof = true;
    }

    /// Sends our stream header. Nothing happens if it has been sent, or if the stream is over.
    pub fn open(&mut self, header: &Header) {
        if self.out != Out::Unopened {
            return;
        }
        self.out = Out::Open;
        self.lang.clone_from(&header.lang);
        let receiver = self.is_receiver();
        header.write(self.content_ns, receiver, self.transport.plain());
        #[cfg(feature = "tls")]
        {
            self.fresh = false;
        }
    }

    /// The header to send where the stream fails before [`open`](Self::open) (RFC 6120 section 4.9.1.2): who we are when the
    /// peer has not said whom it wants. Without one, `from` is empty, as section 4.9.1.3 allows, and there is no id.
    pub fn set_fallback_header(&mut self, header: Header) {
        self.fallback = Some(Box::new(header));
    }

    /// After SASL success: a new stream begins in both directions with the next byte; send its header with
    /// [`open`](Self::open).
    pub fn restart(&mut self) {
        if self.phase == Phase::Live {
            self.framer.restart();
            self.out = Out::Unopened;
            self.lang = None;
        }
    }

    /// What is declared where first-level elements are written.
    pub fn scope(&self) -> Scope<'_> {
        Scope { default_ns: self.content_ns, stream_prefix: true, lang: self.lang.as_deref() }
    }

    /// Queues a first-level element. Nothing is sent before our header or after our closing tag: see
    /// [`can_send`](Self::can_send).
    pub fn send(&mut self, element: &Element) {
        self.send_with(|out, scope| element.write(out, scope));
    }

    /// Queues what `write` appends: a stanza written for [`scope`](Self::scope).
    ///
    /// If more would wait than the limits allow, it is not queued: the stream ends with `resource-constraint`.
    pub fn send_with(&mut self, write: impl FnOnce(&mut Vec<u8>, &Scope<'_>)) {
        if !self.can_send() {
            return;
        }
        let scope = Scope { default_ns: self.content_ns, stream_prefix: true, lang: self.lang.as_deref() };
        let plain = self.transport.plain();
        let start = plain.len();
        write(plain, &scope);
        if self.transport.queued() > self.limits.max_queued {
            self.transport.plain().truncate(start);
            let error = StreamError::new(Condition::ResourceConstraint);
            let error = error.with_text("the peer reads too slowly");
            self.send_end(Some(&error));
            self.finish(Closed::Local(error));
        }
    }

    /// Queues one space: keep-alive (RFC 6120 section 4.6.1).
    pub fn send_whitespace(&mut self) {
        self.send_with(|out, _| out.push(b' '));
    }

    /// Our header has been sent and our closing tag has not.
    pub fn can_send(&self) -> bool {
        self.out == Out::Open
    }

    /// From the next byte on, in both directions, TLS (as client). Bytes of the peer that have already come in behind its
    /// `<proceed/>` are taken as TLS. At the start of the connection this is direct TLS (XEP-0368).
    ///
    /// `server_name` is the domain of the address that is being served, whatever host DNS led to: the certificate must be
    /// for it (RFC 6120 section 13.7.2).
    #[cfg(feature = "tls")]
    pub fn start_tls_client(&mut self, now: Now, tls: &tls::ClientTls, server_name: &str) {
        let session = tls::Session::client(tls, server_name, self.content_ns, self.fresh, now);
        self.start_tls(session, false);
    }

    /// From the next byte on, in both directions, TLS (as server). At the start of the connection this is direct TLS
    /// (XEP-0368). Plaintext that comes in behind `<starttls/>` ends the stream (command injection).
    #[cfg(feature = "tls")]
    pub fn start_tls_server(&mut self, now: Now, tls: &tls::ServerTls) {
        let session = tls::Session::server(tls, self.content_ns, self.fresh, now);
        self.start_tls(session, !self.fresh);
    }

    #[cfg(feature = "tls")]
    fn start_tls(&mut self, session: Result<tls::Session, String>, tls_must_follow: bool) {
        if self.phase != Phase::Live {
            return;
        }
        match session {
            _ if self.under_tls() => self.finish(Closed::Tls("TLS has been started before".into())),
            Err(what) => self.finish(Closed::Tls(what)),
            Ok(mut session) => {
                session.set_longest_stanza(self.limits.xml.max_bytes);
                self.restart();
                self.fresh = false;
                self.tls_must_follow = tls_must_follow;
                self.transport.start_tls(session);
            }
        }
    }

    /// The caller did TLS itself.
    pub fn secured_outside(&mut self, info: TlsInfo) {
        self.tls = Some(Box::new(info));
    }

    /// What is known of TLS, once it is up.
    pub fn tls(&self) -> Option<&TlsInfo> {
        self.tls.as_deref()
    }

    fn under_tls(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.transport.tls.is_some();
        #[cfg(not(feature = "tls"))]
        false
    }

    #[cfg(feature = "tls")]
    fn set_tls_time(&self, now: Now) {
        if let Some(tls) = &self.transport.tls {
            tls.set_time(now);
        }
    }

    /// After authentication: other limits.
    pub fn set_limits(&mut self, now: Now, limits: Limits) {
        self.limits = limits;
        self.framer.set_limits(limits.xml);
        self.bucket.set_limit(limits.rate, now.instant);
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.transport.tls {
            tls.set_longest_stanza(limits.xml.max_bytes);
        }
    }

    /// What the peer sends next may have, in the same TLS record, stanzas behind it for which these limits will hold.
    pub fn expect_limits(&mut self, limits: Limits) {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.transport.tls {
            tls.set_longest_stanza(limits.xml.max_bytes);
        }
        #[cfg(not(feature = "tls"))]
        let _ = limits;
    }

    /// Gives back the buffers that are kept between stanzas, for streams that have gone idle; see
    /// [`Framer::release`](crate::xml::Framer::release).
    pub fn release(&mut self) {
        self.framer.release();
    }

    /// Appends outgoing bytes and returns how many; plaintext gathered so far is encrypted now. While the TLS handshake is
    /// under way, plaintext waits.
    pub fn transmit(&mut self, out: &mut Vec<u8>) -> usize {
        let before = out.len();
        self.transport.drain(out);
        out.len().saturating_sub(before)
    }

    /// Bytes queued and not yet transmitted, those that wait for the TLS handshake included. What encryption will add is
    /// not counted.
    pub fn queued(&self) -> usize {
        self.transport.queued()
    }

    /// When anything was last received.
    pub fn last_received(&self) -> Instant {
        self.last_received
    }

    /// How many bytes the peer may send now, as of the last call that knew the time. With 0, do not read until
    /// [`deadline`](Self::deadline).
    pub fn read_budget(&self) -> usize {
        self.bucket.budget()
    }

    /// Time-outs of the closing handshake and the input rate. Negotiation and keep-alive are the roles' business.
    pub fn deadline(&self) -> Option<Deadline> {
        let close = match self.phase {
            Phase::Over => return None,
            Phase::Live => None,
            Phase::Closing { until } | Phase::AwaitNotify { until } => {
                Some(Deadline { at: until, reason: Reason::Close })
            }
        };
        Deadline::earlier(close, self.bucket.ready_at().map(|at| Deadline { at, reason: Reason::Rate }))
    }

    /// Nothing more in either direction, what waits to be transmitted apart.
    pub fn is_finished(&self) -> bool {
        self.phase == Phase::Over
    }
}
