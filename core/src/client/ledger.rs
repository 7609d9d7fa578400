//! The books of a managed stream (XEP-0198): what was sent and not acknowledged, what came in and was handed on, and when
//! to ask. They outlive the connection where the stream can be resumed.
//!
//! A stanza that comes in counts as handled once its events have been polled: what the owner has not seen yet is not
//! acknowledged.

use super::outbox::Entry;
use crate::machine::Instant;
use crate::stream::management::{Unacknowledged, WrongCount};
use core::time::Duration;
use std::collections::VecDeque;

/// The longest name of a stream that is kept (XEP-0198 section 5 finds 4000 bytes enough).
const MAX_ID: usize = 4096;
/// How often the wait for an acknowledgement doubles while none comes.
const MAX_DOUBLINGS: u32 = 6;

#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// The server has agreed.
    is_on: bool,
    sent: Unacknowledged<Entry>,
    /// Bytes of what is in `sent`.
    bytes: usize,
    /// How many stanzas of the server's have been handled, modulo 2^32.
    handled: u32,
    marks: Marks,
    /// The server has asked, and the owner has seen all that came before.
    answer_is_due: bool,
    asking: Asking,
    resumption: Option<Resumption>,
    /// It comes from an earlier process, which may have sent more after it was saved.
    is_restored: bool,
}

/// What the stream can be resumed with.
#[derive(Clone, Debug)]
pub(super) struct Resumption {
    pub(super) id: String,
    pub(super) location: Option<String>,
    /// Seconds for which the server keeps it; `None` if it has not said.
    pub(super) max: Option<u32>,
}

/// When to ask for an acknowledgement.
#[derive(Debug, Default)]
struct Asking {
    /// Stanzas sent since the last time.
    since: usize,
    at: Option<Instant>,
    /// How often that brought nothing.
    in_vain: u32,
}

impl Ledger {
    /// `<enable/>` is being sent: what is sent from now on counts (XEP-0198 section 4).
    pub(super) fn asked() -> Ledger {
        Ledger::default()
    }

    /// It has been enabled along with the resource.
    pub(super) fn agreed(resumption: Option<Resumption>) -> Ledger {
        let mut ledger = Ledger::default();
        ledger.enabled(resumption);
        ledger
    }

    /// As an earlier process has left it.
    pub(super) fn restore(
        resumption: Resumption,
        handled: u32,
        acknowledged: u32,
        entries: Vec<Entry>,
    ) -> Ledger {
        Ledger {
            is_on: true,
            bytes: entries.iter().map(|entry| entry.bytes).sum(),
            sent: Unacknowledged::resume(acknowledged, entries),
            handled,
            resumption: Some(resumption),
            is_restored: true,
            ..Ledger::default()
        }
    }

    /// The server has agreed: what it sends from now on counts.
    pub(super) fn enabled(&mut self, resumption: Option<Resumption>) {
        self.is_on = true;
        self.resumption = resumption.filter(|resumption| resumption.id.len() <= MAX_ID);
    }

    pub(super) fn is_on(&self) -> bool {
        self.is_on
    }

    pub(super) fn resumption(&self) -> Option<&Resumption> {
        self.resumption.as_ref()
    }

    /// Stanzas kept because they have not been acknowledged, and their bytes.
    pub(super) fn kept(&self) -> (usize, usize) {
        (self.sent.len(), self.bytes)
    }

    /// How many stanzas of ours the server has handled.
    pub(super) fn acknowledged(&self) -> u32 {
        self.sent.acknowledged()
    }

    /// How many of the server's we have.
    pub(super) fn handled(&self) -> u32 {
        self.handled
    }

    /// What has been sent and not acknowledged, in order.
    pub(super) fn unacknowledged(&self) -> impl Iterator<Item = &Entry> {
        self.sent.iter()
    }

    /// The same, for good.
    pub(super) fn into_unacknowledged(self) -> VecDeque<Entry> {
        self.sent.into_items()
    }

    /// A stanza has been handed out. `patience`: how long to wait for others before asking.
    pub(super) fn sent(&mut self, entry: Entry, now: Instant, patience: Duration) {
        self.bytes += entry.bytes;
        self.sent.push(entry);
        self.asking.since += 1;
        self.asking.at = Some(now + patience);
    }

    /// The server has handled so many. Gives those that are news.
    pub(super) fn acknowledge(
        &mut self,
        h: u32,
        now: Instant,
        patience: Duration,
    ) -> Result<Vec<Entry>, WrongCount> {
        if core::mem::take(&mut self.is_restored) && self.is_later(h) {
            let all = core::mem::replace(&mut self.sent, Unacknowledged::resume(h, []));
            (self.bytes, self.asking) = (0, Asking::default());
            return Ok(all.into_items().into());
        }
        let acknowledged: Vec<Entry> = self.sent.acknowledge(h)?.collect();
        self.bytes -= acknowledged.iter().map(|entry| entry.bytes).sum::<usize>();
        if self.sent.is_empty() {
            self.asking = Asking::default();
        } else if self.asking.at.is_none() {
            // A server that takes its time is asked again, less and less often.
            let in_vain = if acknowledged.is_empty() { self.asking.in_vain + 1 } else { 0 };
            self.asking.in_vain = in_vain.min(MAX_DOUBLINGS);
            self.asking.at = Some(now + patience.saturating_mul(1 << self.asking.in_vain));
        }
        Ok(acknowledged)
    }

    /// True if the count is beyond what has been kept, as it is where more was sent after the state had been saved.
    fn is_later(&self, h: u32) -> bool {
        let more = h.wrapping_sub(self.sent.acknowledged());
        more as usize > self.sent.len() && more <= u32::MAX / 2
    }

    /// True if `<r/>` is due because so many stanzas have been sent.
    pub(super) fn must_ask(&self, after: usize) -> bool {
        self.is_on && self.asking.since >= after.max(1)
    }

    /// When `<r/>` is due because nothing more has been sent for a while.
    pub(super) fn ask_at(&self) -> Option<Instant> {
        self.asking.at.filter(|_| self.is_on)
    }

    /// `<r/>` is being sent.
    pub(super) fn asks(&mut self) {
        (self.asking.since, self.asking.at) = (0, None);
    }

    /// A stanza of the server's has been worked through, and so many events wait to be polled.
    pub(super) fn received(&mut self, events: usize) {
        let reached = self.marks.add(events, Mark { stanzas: 1, ..Mark::default() });
        self.reach(reached);
    }

    /// The server has asked, and so many events wait to be polled.
    pub(super) fn requested(&mut self, events: usize) {
        let reached = self.marks.add(events, Mark { is_request: true, ..Mark::default() });
        self.reach(reached);
    }

    /// An event has been polled.
    pub(super) fn polled(&mut self) {
        let reached = self.marks.polled();
        self.reach(reached);
    }

    fn reach(&mut self, mark: Option<Mark>) {
        if let Some(mark) = mark {
            self.handled = self.handled.wrapping_add(mark.stanzas);
            self.answer_is_due |= mark.is_request;
        }
    }

    /// The answer to the server, if one is due.
    pub(super) fn take_answer(&mut self) -> Option<u32> {
        core::mem::take(&mut self.answer_is_due).then_some(self.handled)
    }

    /// The connection is gone. What has come in and not been polled counts all the same from now on: it is still here, and
    /// the server must not send it again.
    pub(super) fn disconnected(&mut self) {
        for mark in core::mem::take(&mut self.marks).list {
            self.handled = self.handled.wrapping_add(mark.stanzas);
        }
        self.answer_is_due = false;
        self.asking = Asking::default();
    }

    /// The stream goes on, on another connection: what is kept is being sent again, and is asked for.
    pub(super) fn resumed(&mut self, now: Instant, patience: Duration) {
        let since = self.sent.len();
        self.asking = Asking { since, at: (since > 0).then_some(now + patience), in_vain: 0 };
    }
}

/// Where in the queue of events something is reached.
#[derive(Debug, Default)]
struct Marks {
    list: VecDeque<Mark>,
    /// Events before the last mark.
    covered: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    /// Events between the mark before and this one.
    ahead: usize,
    /// Stanzas that have been handled when it is reached.
    stanzas: u32,
    /// The server has asked for an acknowledgement here.
    is_request: bool,
}

impl Marks {
    /// Puts a mark behind so many events; gives it back if it is reached already.
    fn add(&mut self, events: usize, mark: Mark) -> Option<Mark> {
        let ahead = events.saturating_sub(self.covered);
        match self.list.back_mut() {
            Some(last) if ahead == 0 => {
                last.stanzas = last.stanzas.wrapping_add(mark.stanzas);
                last.is_request |= mark.is_request;
            }
            None if ahead == 0 => return Some(mark),
            _ => {
                self.covered = events;
                self.list.push_back(Mark { ahead, ..mark });
            }
        }
        None
    }

    /// An event has been polled; gives the mark that is reached by that.
    fn polled(&mut self) -> Option<Mark> {
        let first = self.list.front_mut()?;
        self.covered = self.covered.saturating_sub(1);
        first.ahead = first.ahead.saturating_sub(1);
        if first.ahead == 0 { self.list.pop_front() } else { None }
    }
}
