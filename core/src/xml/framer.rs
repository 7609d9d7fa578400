//! Resumable framing with strict validation.
use super::{Element, Error};

/// Hard limits on what one frame may cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Bytes of one frame (a stanza or a stream header).
    pub max_bytes: usize,
    /// Depth of elements, the stanza itself being 1.
    pub max_depth: usize,
    /// Attributes of one element, namespace declarations included.
    pub max_attributes: usize,
}

/// One complete, validated piece of a stream.
#[derive(Clone, Debug)]
pub enum Frame {
    /// The stream's start tag, as an element without children.
    Open(Element),
    /// A first-level child of the stream.
    Element(Element),
    /// The stream's end tag.
    Close,
}

/// Cuts a stream into [`Frame`]s, in one pass, whatever the split of the input.
#[derive(Debug)]
pub struct Framer {}

impl Framer {
    /// A framer that expects the beginning of a stream.
    pub fn new(_limits: Limits) -> Framer {
        todo!()
    }
    /// Changes the limits from the next frame on.
    pub fn set_limits(&mut self, _limits: Limits) {
        todo!()
    }
    /// A new stream begins with the next byte (RFC 6120 section 4.3.3). Drops any partial frame.
    pub fn restart(&mut self) {
        todo!()
    }
    /// Takes bytes from the front of `input` up to and including the end of the next frame. Leaves what follows the frame in
    /// `input`. `None`: all of `input` was taken and the frame is not complete. After an error the framer stays failed until
    /// [`restart`](Self::restart).
    pub fn next(&mut self, _input: &mut &[u8]) -> Result<Option<Frame>, Error> {
        todo!()
    }
    /// Bytes of an incomplete frame held in memory.
    pub fn buffered(&self) -> usize {
        todo!()
    }
}
