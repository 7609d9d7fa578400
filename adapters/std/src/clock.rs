//! The two things a pure core must be given: the time and a seed.

use std::io;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use waxwing_core::machine::{self, Entropy, Now, Utc};

/// The machine's clocks, monotonic time counted from when this was made. Copies agree with each other.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// Starts counting.
    pub fn start() -> Clock {
        Clock { origin: Instant::now() }
    }

    /// The present, for the core.
    pub fn now(&self) -> Now {
        let utc = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
        };
        Now::new(machine::Instant::from_origin(self.origin.elapsed()), Utc::from_unix_millis(utc))
    }

    /// An instant of the core as one of `std`; `None` where it lies beyond what `std` can express.
    pub fn to_std(&self, instant: machine::Instant) -> Option<Instant> {
        self.origin.checked_add(instant.since_origin())
    }
}

/// A source of randomness seeded by the operating system.
pub fn entropy() -> io::Result<Entropy> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(io::Error::other)?;
    Ok(Entropy::from_seed(seed))
}
