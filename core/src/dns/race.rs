//! Several connections are tried, and the first to be established wins (RFC 8305 section 5).

use crate::machine::{Instant, Now};
use core::time::Duration;
use std::collections::BTreeMap;

/// Names one attempt to connect.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AttemptId(pub(super) u64);

/// The attempts under way, and what each leads to.
#[derive(Debug)]
pub(super) struct Race<T> {
    /// How long an attempt runs alone.
    delay: Duration,
    /// How long it runs at all.
    patience: Duration,
    serial: u64,
    running: BTreeMap<AttemptId, (T, Instant)>,
    /// When the next one may start beside those that run.
    next_start: Instant,
}

impl<T> Race<T> {
    pub(super) fn new(delay: Duration, patience: Duration) -> Race<T> {
        Race { delay, patience, serial: 0, running: BTreeMap::new(), next_start: Instant::ORIGIN }
    }

    /// Whether another attempt may start now.
    pub(super) fn has_room(&self, now: Now) -> bool {
        self.running.is_empty() || self.next_start <= now.instant
    }

    pub(super) fn is_idle(&self) -> bool {
        self.running.is_empty()
    }

    pub(super) fn start(&mut self, now: Now, route: T) -> AttemptId {
        self.serial += 1;
        self.next_start = now.instant + self.delay;
        let id = AttemptId(self.serial);
        self.running.insert(id, (route, now.instant + self.patience));
        id
    }

    /// Ends an attempt, if it runs. The next one may start at once.
    pub(super) fn end(&mut self, now: Now, attempt: AttemptId) -> Option<T> {
        let (route, _) = self.running.remove(&attempt)?;
        self.next_start = now.instant;
        Some(route)
    }

    /// Ends all attempts.
    pub(super) fn stop(&mut self) -> impl Iterator<Item = (AttemptId, T)> + use<T> {
        std::mem::take(&mut self.running).into_iter().map(|(attempt, (to, _))| (attempt, to))
    }

    /// An attempt whose time is over.
    pub(super) fn late(&self, now: Now) -> Option<AttemptId> {
        self.running.iter().find(|(_, (_, until))| *until <= now.instant).map(|(id, _)| *id)
    }

    /// When something is to be done; `more`: there are others that wait to start.
    pub(super) fn deadline(&self, more: bool) -> Option<Instant> {
        let late = self.running.values().map(|(_, until)| *until).min()?;
        Some(if more { late.min(self.next_start) } else { late })
    }
}
