//! What a peer's XML may cost.

/// Hard limits on what one frame may cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Bytes of one frame (a stanza or a stream header). No frame may exceed 512 MiB, whatever is said here. The index of a
    /// frame has at most one entry (an element, attribute or text; 40 bytes each, twice while the frame is completed) per 32 of
    /// the first 16 KiB of these bytes, and per 12 of the rest, plus 32.
    pub max_bytes: usize,
    /// Depth of elements, the stanza itself being 1.
    pub max_depth: usize,
    /// Attributes of one element, namespace declarations included. In scope at once are at most 64 declarations with a prefix.
    pub max_attributes: usize,
}
