//! What has been accepted for sending and not yet handed out.
//!
//! Stanzas wait here, and not in the stream, until `transmit`: so that when a stream ends it is certain which of them
//! never left.

use super::{SendError, StanzaHandle};
use crate::machine::Utc;
use crate::stanza::Stanza;
use crate::stream::Stream;
use std::collections::VecDeque;

/// Room kept in the stream's own queue for what does not pass through here: the closing tag, a stream error.
pub(super) const RESERVE: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    entries: VecDeque<Entry>,
}

/// A stanza on its way to the server.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) stanza: Stanza,
    pub(super) origin: Origin,
    /// Bytes that it has on the stream.
    pub(super) bytes: usize,
    /// When it was accepted.
    pub(super) since: Utc,
    /// It has been handed out, on this stream or an earlier one.
    pub(super) is_sent: bool,
}

/// Whose stanza it is, and so who is told what becomes of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Origin {
    /// The caller's.
    Caller(StanzaHandle),
    /// A request, by its id.
    Request(String),
    /// An answer or a question of the machine's own: nobody's business.
    Own,
}

impl Outbox {
    /// Writes a stanza for the stream, if it is small enough and there is room. Returns its bytes.
    pub(super) fn push(
        &mut self,
        stanza: &Stanza,
        stream: &Stream,
        max_stanza: usize,
        max_queued: usize,
    ) -> Result<usize, SendError> {
        let before = self.bytes.len();
        stanza.write(&mut self.bytes, &stream.scope());
        let bytes = self.bytes.len() - before;
        let result = if bytes > max_stanza {
            Err(SendError::TooLarge { bytes, limit: max_stanza })
        } else if self.bytes.len() > max_queued.saturating_sub(RESERVE) {
            Err(SendError::QueueFull)
        } else {
            Ok(bytes)
        };
        if result.is_err() {
            self.bytes.truncate(before);
        }
        result
    }

    /// Remembers what the stanza was that was pushed last.
    pub(super) fn note(&mut self, entry: Entry) {
        self.entries.push_back(entry);
    }

    /// Forgets the stanza that was pushed last.
    pub(super) fn unpush(&mut self, bytes: usize) {
        self.bytes.truncate(self.bytes.len().saturating_sub(bytes));
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many bytes wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Puts back what has been taken, as it is to stand on the new stream.
    pub(super) fn refill(&mut self, entries: impl IntoIterator<Item = Entry>, stream: &Stream) {
        for mut entry in entries {
            let before = self.bytes.len();
            entry.stanza.write(&mut self.bytes, &stream.scope());
            entry.bytes = self.bytes.len() - before;
            self.entries.push_back(entry);
        }
    }

    /// Moves everything into the stream.
    pub(super) fn flush(&mut self, stream: &mut Stream) {
        if !self.bytes.is_empty() {
            stream.send_with(|out, _scope| out.append(&mut self.bytes));
        }
    }

    /// What is to be reported, in order.
    pub(super) fn take_entries(&mut self) -> VecDeque<Entry> {
        core::mem::take(&mut self.entries)
    }

    /// Forgets the bytes: they will never be sent.
    pub(super) fn discard(&mut self) {
        self.bytes = Vec::new();
    }
}
