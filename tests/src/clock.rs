//! Virtual time.

use std::time::Duration;
use waxwing_core::machine::{Instant, Now, Utc};

/// A clock that moves only when it is told to.
#[derive(Clone, Debug)]
pub struct Clock {
    now: Now,
}

impl Clock {
    /// 2026-01-01T00:00:00Z in milliseconds since the Unix epoch: inside the validity of every test certificate.
    const START_MILLIS: i64 = 1_767_225_600_000;

    /// A clock at its origin, in the first moment of 2026.
    pub fn new() -> Clock {
        Clock { now: Now::new(Instant::ORIGIN, Utc::from_unix_millis(Self::START_MILLIS)) }
    }

    /// The present.
    pub fn now(&self) -> Now {
        self.now
    }

    /// Lets time pass.
    pub fn advance(&mut self, by: Duration) {
        self.now = self.now.after(by);
    }

    /// Moves forward to `to`. Does nothing where that is in the past.
    pub fn advance_to(&mut self, to: Instant) {
        self.advance(to - self.now.instant);
    }
}

impl Default for Clock {
    fn default() -> Clock {
        Clock::new()
    }
}
