//! A peer that a test writes byte by byte.

use std::collections::VecDeque;
use waxwing_core::machine::{Deadline, Machine, Now};

/// A machine that sends what it is told to, and reports what it receives. It follows no protocol, waits for nothing, and
/// is finished when the peer has closed or it has been told to [close](Raw::close).
#[derive(Clone, Debug, Default)]
pub struct Raw {
    outgoing: Vec<u8>,
    received: Vec<u8>,
    events: VecDeque<Vec<u8>>,
    closed: bool,
}

impl Raw {
    /// A peer that begins with these bytes.
    pub fn new(bytes: impl AsRef<[u8]>) -> Raw {
        Raw { outgoing: bytes.as_ref().to_vec(), ..Raw::default() }
    }

    /// Sends bytes.
    pub fn say(&mut self, bytes: impl AsRef<[u8]>) {
        self.outgoing.extend_from_slice(bytes.as_ref());
    }

    /// Closes the transport once everything is sent.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Everything received so far.
    pub fn received(&self) -> &[u8] {
        &self.received
    }

    /// Everything received so far, as text.
    ///
    /// # Panics
    ///
    /// If it is not UTF-8.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.received).expect("the peer sent UTF-8")
    }

    /// What was received since the last call, or since the beginning.
    pub fn take_received(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.received)
    }
}

impl Machine for Raw {
    /// What came in one piece.
    type Event = Vec<u8>;

    fn receive(&mut self, _: Now, input: &[u8]) {
        self.received.extend_from_slice(input);
        self.events.push_back(input.to_vec());
    }

    fn receive_eof(&mut self, _: Now) {
        self.closed = true;
    }

    fn transmit(&mut self, out: &mut Vec<u8>) -> usize {
        let count = self.outgoing.len();
        out.append(&mut self.outgoing);
        count
    }

    fn poll_event(&mut self) -> Option<Vec<u8>> {
        self.events.pop_front()
    }

    fn deadline(&self) -> Option<Deadline> {
        None
    }

    fn tick(&mut self, _: Now) {}

    fn is_finished(&self) -> bool {
        self.closed && self.outgoing.is_empty()
    }
}
