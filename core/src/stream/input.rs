//! The incoming side: from bytes to items.
#[cfg(feature = "tls")]
use super::tls::Failure;
use super::{Closed, Condition, Header, Incoming, Phase, Stream, StreamError};
use crate::ns;
use crate::xml::{Element, Error, Frame};

/// What the next bytes amount to.
enum Read {
    Frame(Frame),
    #[cfg(feature = "tls")]
    Secured(super::TlsInfo),
    /// The peer will send nothing more.
    End,
}

/// Why they amount to nothing.
enum Trouble {
    Xml(Error),
    #[cfg(feature = "tls")]
    Tls(Failure),
    /// Plaintext where TLS was to begin.
    #[cfg(feature = "tls")]
    Injected,
}

impl Stream {
    pub(super) fn advance(&mut self, input: &mut &[u8]) -> Option<Incoming> {
        loop {
            if let Some(end) = self.end.take() {
                return Some(Incoming::Closed(*end));
            }
            if self.is_finished() {
                *input = &[];
                return None;
            }
            let item = match self.read(input) {
                Ok(Some(Read::Frame(frame))) => self.take_frame(frame),
                #[cfg(feature = "tls")]
                Ok(Some(Read::Secured(info))) => {
                    self.tls = Some(Box::new(info.clone()));
                    Some(Incoming::Secured(info))
                }
                Ok(Some(Read::End)) => {
                    self.take_end();
                    None
                }
                Ok(None) => return None,
                Err(trouble) => {
                    self.take_trouble(trouble);
                    None
                }
            };
            if item.is_some() {
                return item;
            }
        }
    }

    fn read(&mut self, input: &mut &[u8]) -> Result<Option<Read>, Trouble> {
        #[cfg(feature = "tls")]
        if self.under_tls() {
            return self.read_tls(input);
        }
        match self.framer.next(input).map_err(Trouble::Xml)? {
            Some(frame) => Ok(Some(Read::Frame(frame))),
            None if self.eof => Ok(Some(Read::End)),
            None => Ok(None),
        }
    }

    /// Plaintext leaves TLS one frame at a time, and no more ciphertext goes in before it is used up: so what comes in takes
    /// effect in order, and no more than a few records are ever held.
    #[cfg(feature = "tls")]
    fn read_tls(&mut self, input: &mut &[u8]) -> Result<Option<Read>, Trouble> {
        if self.tls_must_follow {
            match input.first() {
                None if !self.eof => return Ok(None),
                // The content type of a handshake record (RFC 8446 section 5.1). Decided by what was sent, not by when it
                // arrived, so that the split of the input does not matter.
                Some(0x16) | None => self.tls_must_follow = false,
                Some(_) => return Err(Trouble::Injected),
            }
        }
        loop {
            let Some((tls, wire)) = self.transport.tls_and_wire() else { return Ok(None) };
            let chunk = tls.chunk();
            if !chunk.is_empty() {
                let mut rest = chunk;
                let frame = match self.phase {
                    // The stream has been closed by both sides; whatever follows is not looked at.
                    Phase::AwaitNotify { .. } => {
                        rest = &[];
                        Ok(None)
                    }
                    _ => self.framer.next(&mut rest),
                };
                let used = chunk.len().saturating_sub(rest.len());
                tls.consume(used);
                match frame.map_err(Trouble::Xml)? {
                    Some(frame) => return Ok(Some(Read::Frame(frame))),
                    None => continue,
                }
            }
            if tls.peer_closed() {
                *input = &[];
                return Ok(Some(Read::End));
            }
            if input.is_empty() {
                return Ok(self.eof.then_some(Read::End));
            }
            if let Some(info) = tls.feed(input, wire).map_err(Trouble::Tls)? {
                return Ok(Some(Read::Secured(info)));
            }
        }
    }

    fn take_frame(&mut self, frame: Frame) -> Option<Incoming> {
        match frame {
            Frame::Open(element) => match Header::parse(&element, self.role, self.content_ns) {
                Ok(header) => return Some(Incoming::Header(header)),
                Err(refused) => self.refuse(refused.error(), refused.what.to_owned()),
            },
            Frame::Element(element) => return self.take_element(element),
            Frame::Close => {
                self.peer_closed();
                return Some(Incoming::PeerClosed);
            }
        }
        None
    }

    fn take_element(&mut self, element: Element) -> Option<Incoming> {
        if element.is("error", ns::STREAM) {
            let error = StreamError::parse(element.root());
            self.send_end(None);
            self.finish(Closed::PeerError(error));
            return None;
        }
        // Stanzas of another kind of stream (4.8.3).
        if ns::is_content(element.ns()) && element.ns() != self.content_ns {
            let error = StreamError::new(Condition::InvalidNamespace);
            let detail =
                format!("<{}/> in {} on a stream of {}", element.name(), element.ns(), self.content_ns);
            self.refuse(error, detail);
            return None;
        }
        Some(Incoming::Element(element))
    }

    /// The transport (or TLS) was closed by the peer.
    fn take_end(&mut self) {
        match self.phase {
            Phase::AwaitNotify { .. } => self.finish(Closed::Clean),
            _ => {
                self.send_end(None);
                self.finish(Closed::Eof);
            }
        }
    }

    fn take_trouble(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::Xml(error) => self.refuse(StreamError::from_xml(&error), error.to_string()),
            #[cfg(feature = "tls")]
            Trouble::Tls(Failure::Tls(what)) => self.finish(Closed::Tls(what)),
            #[cfg(feature = "tls")]
            Trouble::Tls(Failure::Certificate(what)) => self.finish(Closed::Certificate(what)),
            #[cfg(feature = "tls")]
            Trouble::Tls(Failure::Policy(what)) => {
                self.refuse(StreamError::new(Condition::PolicyViolation).with_text(what), what.to_owned());
            }
            #[cfg(feature = "tls")]
            Trouble::Injected => {
                // TLS never began, so the old stream is still there to carry the error.
                self.transport.tls = None;
                self.out = super::Out::Open;
                let error = StreamError::new(Condition::NotAuthorized).with_text("TLS was to begin here");
                self.refuse(error, "plaintext behind <starttls/>".into());
            }
        }
    }
}
