//! Instants, wall-clock time and deadlines. All are plain numbers that the caller provides.

use core::fmt;
use core::ops::{Add, Sub};
use core::time::Duration;

/// A point on the caller's monotonic clock: the time since an origin of the caller's choice.
///
/// A driver typically uses the moment it started; a test starts at [`Instant::ORIGIN`] and adds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(Duration);

impl Instant {
    /// The origin of the clock.
    pub const ORIGIN: Instant = Instant(Duration::ZERO);

    /// The instant that lies `elapsed` after the origin.
    pub const fn from_origin(elapsed: Duration) -> Instant {
        Instant(elapsed)
    }

    /// The time since the origin.
    pub const fn since_origin(self) -> Duration {
        self.0
    }

    /// The time from `earlier` to this instant, or zero where `earlier` is later.
    pub const fn saturating_since(self, earlier: Instant) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    /// Saturates: a deadline beyond the end of time is never met, which is what its owner meant.
    fn add(self, rhs: Duration) -> Instant {
        Instant(self.0.saturating_add(rhs))
    }
}

impl Sub<Instant> for Instant {
    type Output = Duration;

    /// As [`Instant::saturating_since`].
    fn sub(self, rhs: Instant) -> Duration {
        self.saturating_since(rhs)
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{:?}", self.0)
    }
}

/// Wall-clock time in UTC: milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Utc(i64);

impl Utc {
    /// The time `millis` milliseconds after the Unix epoch (before it, where negative).
    pub const fn from_unix_millis(millis: i64) -> Utc {
        Utc(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn unix_millis(self) -> i64 {
        self.0
    }
}

/// The present, as the caller knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Now {
    /// Monotonic time, for time-outs and rates.
    pub instant: Instant,
    /// Wall-clock time, for time stamps and certificate validity.
    pub utc: Utc,
}

impl Now {
    /// Puts the two clocks together.
    pub const fn new(instant: Instant, utc: Utc) -> Now {
        Now { instant, utc }
    }

    /// The present `elapsed` later: both clocks advanced alike. What tests and simulations use.
    pub fn after(self, elapsed: Duration) -> Now {
        let millis = i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX);
        Now { instant: self.instant + elapsed, utc: Utc(self.utc.0.saturating_add(millis)) }
    }
}

/// When a machine wants to be ticked, and which part of it asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deadline {
    /// Call `tick` at this instant, or soon after.
    pub at: Instant,
    /// What is waiting for it. For logs and tests; a driver needs only the instant.
    pub reason: Reason,
}

impl Deadline {
    /// The earlier of two deadlines, either of which may be absent.
    pub fn earlier(a: Option<Deadline>, b: Option<Deadline>) -> Option<Deadline> {
        match (a, b) {
            (Some(a), Some(b)) => Some(if b.at < a.at { b } else { a }),
            (a, b) => a.or(b),
        }
    }
}

/// What a [`Deadline`] is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The stream must have been negotiated by then.
    Negotiation,
    /// A keep-alive is due, or an answer to one is (RFC 6120 section 4.6).
    KeepAlive,
    /// A silent peer is given up (RFC 6120 section 4.6).
    Idle,
    /// The peer's closing tag has not come (RFC 6120 section 4.4).
    Close,
    /// An iq request has waited long enough for its answer.
    Request,
    /// The input rate allows reading again.
    Rate,
    /// An idle account may be evicted from memory.
    Eviction,
    /// A store request has gone unanswered.
    Store,
    /// A name server or a host that is being connected to has taken long enough.
    Connecting,
    /// An acknowledgement is to be asked for (XEP-0198).
    Acknowledgement,
    /// A session whose connection broke is not waited for any longer (XEP-0198).
    Resumption,
    /// It is time to connect again.
    Reconnect,
    /// A delayed answer is due (for example to a failed authentication).
    Delay,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_saturate_instead_of_overflowing() {
        let end = Instant::from_origin(Duration::MAX);
        assert_eq!(end + Duration::from_secs(1), end);
        assert_eq!(Instant::ORIGIN - end, Duration::ZERO);
    }

    #[test]
    fn the_earlier_deadline_wins_and_ties_keep_the_first() {
        let at = |s, reason| Some(Deadline { at: Instant::from_origin(Duration::from_secs(s)), reason });
        let (a, b) = (at(1, Reason::Idle), at(2, Reason::Close));
        assert_eq!(Deadline::earlier(a, b), a);
        assert_eq!(Deadline::earlier(b, a), a);
        assert_eq!(Deadline::earlier(None, b), b);
        assert_eq!(Deadline::earlier(a, at(1, Reason::Close)), a);
    }

    #[test]
    fn both_clocks_advance_together() {
        let now = Now::new(Instant::ORIGIN, Utc::from_unix_millis(5)).after(Duration::from_millis(10));
        assert_eq!(now.instant.since_origin(), Duration::from_millis(10));
        assert_eq!(now.utc.unix_millis(), 15);
    }
}
