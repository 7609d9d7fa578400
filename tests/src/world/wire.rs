//! What joins a device to its server, and the clocks of both.

use crate::{Conditions, Pipe, Random};
use std::collections::VecDeque;
use std::time::Duration;
use waxwing_core::machine::{Instant, Now, Utc};
use waxwing_core::server::single::ConnectionId;
use waxwing_core::stanza::Stanza;

/// One connection, as long as either end knows of it.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) device: usize,
    pub(super) host: usize,
    pub(super) id: ConnectionId,
    pub(super) up: Pipe,
    pub(super) down: Pipe,
    /// The client has closed its end, or is gone.
    pub(super) client_done: bool,
    /// The server has.
    pub(super) server_done: bool,
    /// What is under way, or will be, may get lost.
    pub(super) broken: bool,
    /// The server holds a session for it.
    pub(super) in_session: bool,
    /// Since when its stanzas are counted and kept until they have been acknowledged (XEP-0198).
    pub(super) managed_at: Option<Instant>,
    /// The server has bytes for it, or is done with it.
    pub(super) is_writable: bool,
}

impl Wire {
    pub(super) fn new(
        (device, host): (usize, usize),
        id: ConnectionId,
        conditions: &Conditions,
        random: &mut Random,
    ) -> Wire {
        let mut pipe = || {
            let mut pipe = Pipe::new(random.fork());
            pipe.conditions = conditions.clone();
            pipe
        };
        Wire {
            device,
            host,
            id,
            up: pipe(),
            down: pipe(),
            client_done: false,
            server_done: false,
            broken: false,
            in_session: false,
            managed_at: None,
            is_writable: false,
        }
    }

    /// Whether this is what a server calls so now. (Its next life calls others the same.)
    pub(super) fn is_at(&self, host: usize, id: ConnectionId) -> bool {
        self.host == host && self.id == id && !self.server_done
    }

    pub(super) fn stall(&mut self, stalled: bool) {
        self.up.conditions.stalled = stalled;
        self.down.conditions.stalled = stalled;
    }

    pub(super) fn cut(&mut self, now: Instant) {
        self.up.cut(now);
        self.down.cut(now);
    }
}

/// A machine's clock: its own count of time, which may have leapt, and what it takes for the time of day.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct NodeClock {
    ahead: Duration,
    millis: i64,
}

impl NodeClock {
    /// 2026-01-01T00:00:00Z.
    const START_MILLIS: i64 = 1_767_225_600_000;

    pub(super) fn now(&self, world: Instant) -> Now {
        let instant = world + self.ahead;
        let passed = i64::try_from(instant.since_origin().as_millis()).unwrap_or(i64::MAX);
        let utc = Utc::from_unix_millis((Self::START_MILLIS + self.millis).saturating_add(passed));
        Now::new(instant, utc)
    }

    /// When, in the world's time, this clock shows that.
    pub(super) fn when(&self, own: Instant) -> Instant {
        Instant::from_origin(own.since_origin().saturating_sub(self.ahead))
    }

    pub(super) fn leap(&mut self, time: Duration) {
        self.ahead += time;
    }

    pub(super) fn set(&mut self, millis: i64) {
        self.millis = millis;
    }
}

/// Stanzas on their way from one server to another, in order. What does not get there comes back.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) latency: Duration,
    pub(super) down_until: Instant,
    pub(super) queue: VecDeque<Freight>,
}

#[derive(Debug)]
pub(super) struct Freight {
    pub(super) at: Instant,
    pub(super) stanza: Stanza,
    /// Which life of the sending server it comes from.
    pub(super) life: u32,
}

impl Link {
    pub(super) fn new(latency: Duration) -> Link {
        Link { latency, down_until: Instant::ORIGIN, queue: VecDeque::new() }
    }

    pub(super) fn send(&mut self, now: Instant, stanza: Stanza, life: u32) {
        let at = now + self.latency;
        let at = self.queue.back().map_or(at, |last| last.at.max(at));
        self.queue.push_back(Freight { at, stanza, life });
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.queue.front().map(|freight| freight.at)
    }

    pub(super) fn arrived(&mut self, now: Instant) -> Option<Freight> {
        if self.next()? > now {
            return None;
        }
        self.queue.pop_front()
    }
}
