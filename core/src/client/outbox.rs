//! What has been accepted for sending and not yet handed out.
//!
//! Stanzas wait here, and not in the stream, until `transmit`: so that when a stream ends it is certain which of them
//! never left.

use super::{SendError, StanzaHandle};
use crate::stanza::Stanza;
use crate::stream::Stream;

/// Room kept in the stream's own queue for what does not pass through here: the closing tag, a stream error.
const RESERVE: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

/// What to report about something queued.
#[derive(Debug)]
pub(super) enum Entry {
    /// A stanza of the caller's.
    Stanza(StanzaHandle, Box<Stanza>),
    /// A request, by its id.
    Request(String),
}

impl Outbox {
    /// Writes a stanza for the stream, if it is small enough and there is room.
    pub(super) fn push(
        &mut self,
        stanza: &Stanza,
        stream: &Stream,
        max_stanza: usize,
        max_queued: usize,
    ) -> Result<(), SendError> {
        let before = self.bytes.len();
        stanza.write(&mut self.bytes, &stream.scope());
        let bytes = self.bytes.len() - before;
        let result = if bytes > max_stanza {
            Err(SendError::TooLarge { bytes, limit: max_stanza })
        } else if self.bytes.len() > max_queued.saturating_sub(RESERVE) {
            Err(SendError::QueueFull)
        } else {
            Ok(())
        };
        if result.is_err() {
            self.bytes.truncate(before);
        }
        result
    }

    /// Remembers what to report about the stanza that was pushed last.
    pub(super) fn note(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// Moves everything into the stream.
    pub(super) fn flush(&mut self, stream: &mut Stream) {
        if !self.bytes.is_empty() {
            stream.send_with(|out, _scope| out.append(&mut self.bytes));
        }
    }

    /// What is to be reported, in order.
    pub(super) fn take_entries(&mut self) -> Vec<Entry> {
        core::mem::take(&mut self.entries)
    }

    /// Forgets the bytes: they will never be sent.
    pub(super) fn discard(&mut self) {
        self.bytes = Vec::new();
    }
}
