//! Reads what a machine sends as a strict peer would.

use waxwing_core::xml::{Element, Frame, Framer, Limits};
use waxwing_core::{ns, stream};

/// No limit that a machine under test could reach: it must keep to its own.
const LIMITS: Limits = Limits { max_bytes: 1 << 24, max_depth: 1000, max_attributes: 1000 };

/// All that a machine has sent, and what it amounts to.
#[derive(Debug)]
pub struct Wire {
    /// Every byte.
    pub sent: Vec<u8>,
    /// How many of them have been read.
    read: usize,
    framer: Framer,
    /// The last thing sent may be followed by a new stream.
    last: Last,
    opened: bool,
    closed: bool,
    /// Messages and presences sent so far.
    pub stanzas: usize,
}

/// What was sent last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Last {
    /// Agreement to begin TLS, or news of success: the old stream is over without an end tag (RFC 6120 sections 5.4.3.3 and
    /// 6.4.6).
    Agreed,
    /// A step of authentication. What the peer answers decides whether a new stream follows.
    Tried,
    Other,
}

impl Default for Wire {
    fn default() -> Wire {
        Wire {
            sent: Vec::new(),
            read: 0,
            framer: Framer::new(LIMITS),
            last: Last::Other,
            opened: false,
            closed: false,
            stanzas: 0,
        }
    }
}

impl Wire {
    /// Reads what has been appended to [`sent`](Wire::sent).
    ///
    /// # Panics
    ///
    /// If it is not what an XMPP entity may send: streams of well-formed elements with known names, nothing behind the end.
    pub fn check(&mut self) {
        while self.read < self.sent.len() {
            let bytes = self.sent.get(self.read..).unwrap_or_default();
            assert!(!self.closed, "bytes behind </stream:stream>: {}", bytes.escape_ascii());
            if self.last != Last::Other
                && [&b"<?xml"[..], b"<stream:stream"].iter().any(|b| bytes.starts_with(b))
            {
                // A new stream begins with the next byte.
                self.framer.restart();
                self.last = Last::Other;
                self.opened = false;
            }
            let mut rest = bytes;
            let frame = match self.framer.next(&mut rest) {
                Ok(frame) => frame,
                Err(error) => panic!("{error} in what was sent: {}", self.sent.escape_ascii()),
            };
            self.read = self.sent.len() - rest.len();
            match frame {
                None => {}
                Some(Frame::Open(header)) => self.header(&header),
                Some(Frame::Element(element)) => self.element(&element),
                Some(Frame::Close) => self.closed = true,
            }
        }
        assert_eq!(self.framer.buffered(), 0, "elements are sent whole: {}", self.sent.escape_ascii());
    }

    fn header(&mut self, header: &Element) {
        self.opened = true;
        assert!(header.is("stream", ns::STREAM));
    }

    fn element(&mut self, element: &Element) {
        assert!(self.opened);
        let name = element.name();
        let known: &[&str] = match element.ns() {
            ns::CLIENT => &["message", "presence", "iq"],
            ns::STREAM => &["features", "error"],
            ns::TLS => &["starttls", "proceed", "failure"],
            ns::SASL => &["auth", "challenge", "response", "success", "failure", "abort"],
            ns::SASL2 => &["authenticate", "challenge", "response", "success", "failure", "abort"],
            ns::SM => &["enable", "enabled", "resume", "resumed", "failed", "r", "a"],
            ns::CSI => &["active", "inactive"],
            _ => &[],
        };
        assert!(known.contains(&name), "no such thing is ever sent: {element:?}");
        if element.is("error", ns::STREAM) {
            let error = stream::StreamError::parse(element.root());
            assert!(element.child(error.condition().name(), ns::STREAMS).is_some(), "{element:?}");
        }
        self.stanzas += usize::from(matches!(name, "message" | "presence"));
        self.last = match name {
            // No new stream follows (XEP-0388 section 2.6.1).
            "success" if element.ns() == ns::SASL2 => Last::Other,
            "success" | "proceed" | "starttls" => Last::Agreed,
            "auth" | "authenticate" | "response" => Last::Tried,
            _ => Last::Other,
        };
    }

    /// True if nothing was sent, or the last stream has been ended, or the next one has not begun.
    pub fn is_complete(&self) -> bool {
        self.closed || !self.opened || self.last == Last::Agreed
    }
}
