//! The end of a stream: the closing handshake (RFC 6120 section 4.4), errors (4.9) and time-outs.
use super::{Closed, Condition, Header, Out, Phase, Role, Stream, StreamError};
use crate::machine::Now;
use crate::xml::Framer;

impl Stream {
    /// Sends `</stream:stream>` and waits for the peer's, up to the limits' close time-out (RFC 6120 section 4.4). What the
    /// peer sends until then is still reported. Under TLS the wait includes the peer's close_notify.
    ///
    /// Where our header has not been sent there is nothing to close, and the stream is over at once.
    pub fn close(&mut self, now: Now) {
        if self.phase != Phase::Live {
            return;
        }
        if self.out == Out::Unopened {
            self.finish(Closed::Clean);
        } else {
            self.send_end(None);
            self.phase = Phase::Closing { until: now.instant + self.limits.close_timeout };
        }
    }

    /// Sends our header if that has not happened, then the error and `</stream:stream>`. The next items are the end:
    /// call [`next`](Self::next) with no input.
    pub fn fail(&mut self, _now: Now, error: StreamError) {
        if !self.is_finished() {
            self.send_end(Some(&error));
            self.finish(Closed::Local(error));
        }
    }

    /// As [`fail`](Self::fail), where the peer is to blame: reported as [`Closed::Violation`].
    pub fn violation(&mut self, _now: Now, error: StreamError, detail: &str) {
        self.refuse(error, detail.to_owned());
    }

    /// Time has passed: call `next` with no input afterwards.
    pub fn tick(&mut self, now: Now) {
        self.bucket.refill(now.instant);
        match self.phase {
            Phase::Closing { until } if now.instant >= until => {
                let error = StreamError::new(Condition::ConnectionTimeout);
                self.finish(Closed::Local(error.with_text("the peer did not close its stream")));
            }
            // Both streams were closed; only the TLS alert is missing.
            Phase::AwaitNotify { until } if now.instant >= until => self.finish(Closed::Clean),
            _ => {}
        }
    }

    pub(super) fn refuse(&mut self, error: StreamError, detail: String) {
        if !self.is_finished() {
            self.send_end(Some(&error));
            self.finish(Closed::Violation { sent: error, detail });
        }
    }

    /// Ends our direction. An error during set-up needs a header before it (4.9.1.2).
    pub(super) fn send_end(&mut self, error: Option<&StreamError>) {
        if self.out == Out::Unopened && error.is_some() {
            self.write_set_up_error_header();
        }
        if self.out == Out::Open {
            if let Some(error) = error {
                let mut plain = std::mem::take(self.transport.plain());
                error.to_element().write(&mut plain, &self.scope());
                *self.transport.plain() = plain;
            }
            self.transport.plain().extend_from_slice(b"</stream:stream>");
        }
        self.out = Out::Closed;
    }

    /// The peer's header may not have been understood, or not have come at all: the role's fallback says who we are, and
    /// without it the host stays unspecified (4.9.1.3).
    fn write_set_up_error_header(&mut self) {
        match self.fallback.take() {
            Some(header) => self.open(&header),
            None => {
                let header =
                    Header { lang: Some("en".into()), version: Some(Header::VERSION), ..Header::default() };
                self.open(&header);
            }
        }
    }

    /// The peer closed its stream. If it was the first to do so, ours is closed in answer.
    pub(super) fn peer_closed(&mut self) {
        self.send_end(None);
        match self.phase {
            // We closed first: then we also see TLS closed by both before the transport goes (4.4).
            Phase::Closing { until } if self.under_tls() => {
                self.transport.finish();
                self.phase = Phase::AwaitNotify { until };
            }
            _ => self.finish(Closed::Clean),
        }
    }

    /// Nothing more in either direction: keeps what there is to report, and drops what is not needed for that.
    pub(super) fn finish(&mut self, closed: Closed) {
        if self.is_finished() {
            return;
        }
        self.transport.finish();
        self.framer = Framer::new(self.limits.xml);
        self.fallback = None;
        self.out = Out::Closed;
        self.phase = Phase::Over;
        self.end = Some(Box::new(closed));
    }

    pub(super) fn is_receiver(&self) -> bool {
        self.role == Role::Receiver
    }
}
