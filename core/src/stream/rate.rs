//! Input rate: a token bucket that can go into debt (RFC 6120 section 13.12 asks for such limits).
use super::RateLimit;
use crate::machine::Instant;
use core::time::Duration;

/// Below this many bytes reading is not worth a call.
const WORTHWHILE: i64 = 1024;

/// Tokens are bytes. What has already been read is paid for, even where that leaves a debt: the driver then reads nothing
/// until the debt is worked off, and the transport's flow control holds the peer back.
#[derive(Debug)]
pub(super) struct Bucket {
    limit: RateLimit,
    tokens: i64,
    /// When `tokens` was right, to the nanosecond that the last refill accounted for.
    at: Instant,
}

impl Bucket {
    pub(super) fn new(limit: RateLimit, now: Instant) -> Bucket {
        let limit = RateLimit { rate: limit.rate.max(1), burst: limit.burst.max(1) };
        Bucket { limit, tokens: i64::from(limit.burst), at: now }
    }

    /// Another limit from now on. A debt stays a debt.
    pub(super) fn set_limit(&mut self, limit: RateLimit, now: Instant) {
        self.refill(now);
        let debt = self.tokens.min(0);
        *self = Bucket::new(limit, now);
        self.tokens = self.tokens.saturating_add(debt);
    }

    /// Accounts for the time that has passed.
    pub(super) fn refill(&mut self, now: Instant) {
        let elapsed = now - self.at;
        let rate = u128::from(self.limit.rate);
        let earned = elapsed.as_nanos() * rate / 1_000_000_000;
        if earned == 0 {
            return;
        }
        let missing = i64::from(self.limit.burst).saturating_sub(self.tokens);
        match i64::try_from(earned) {
            Ok(earned) if earned < missing => {
                self.tokens = self.tokens.saturating_add(earned);
                // Only the time that made whole bytes is used up, so that frequent calls lose nothing.
                self.at = self.at + nanos_for(u128::from(earned.unsigned_abs()), rate);
            }
            _ => {
                self.tokens = self.tokens.saturating_add(missing);
                self.at = now;
            }
        }
    }

    /// Accounts for bytes read.
    pub(super) fn take(&mut self, now: Instant, bytes: usize) {
        self.refill(now);
        self.tokens = self.tokens.saturating_sub(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// What may be read, as of the last call that knew the time.
    pub(super) fn budget(&self) -> usize {
        if self.tokens < self.worthwhile() { 0 } else { usize::try_from(self.tokens).unwrap_or(0) }
    }

    /// When reading is allowed again, if it is not now. Waits for a sixteenth of a second's worth, so as not to tick
    /// for every kilobyte.
    pub(super) fn ready_at(&self) -> Option<Instant> {
        if self.budget() > 0 {
            return None;
        }
        let worth = i64::from(self.limit.rate / 16).min(i64::from(self.limit.burst)).max(self.worthwhile());
        let wanted = worth.saturating_sub(self.tokens);
        let wait = nanos_for(u128::from(wanted.unsigned_abs()), u128::from(self.limit.rate));
        Some(self.at + wait)
    }

    fn worthwhile(&self) -> i64 {
        WORTHWHILE.min(i64::from(self.limit.burst)).max(1)
    }
}

/// How long `bytes` take at `rate`, rounded up.
fn nanos_for(bytes: u128, rate: u128) -> Duration {
    let nanos = (bytes * 1_000_000_000).div_ceil(rate);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: RateLimit = RateLimit { rate: 16_000, burst: 10_000 };

    fn at(millis: u64) -> Instant {
        Instant::from_origin(Duration::from_millis(millis))
    }

    #[test]
    fn a_full_bucket_allows_the_burst_and_refills_no_further() {
        let mut bucket = Bucket::new(LIMIT, at(0));
        assert_eq!(bucket.budget(), 10_000);
        bucket.refill(at(60_000));
        assert_eq!(bucket.budget(), 10_000);
        assert_eq!(bucket.ready_at(), None);
    }

    #[test]
    fn debt_is_worked_off_before_anything_may_be_read() {
        let mut bucket = Bucket::new(LIMIT, at(0));
        bucket.take(at(0), 26_000);
        assert_eq!(bucket.budget(), 0);
        let ready = bucket.ready_at().expect("a time");
        // 16,000 bytes of debt and 1,024 bytes to begin with, at 16,000 bytes a second.
        assert_eq!(ready, at(1064));
        bucket.refill(at(1063));
        assert_eq!(bucket.budget(), 0);
        bucket.refill(ready);
        assert_eq!(bucket.budget(), 1024);
    }

    #[test]
    fn many_small_steps_earn_as_much_as_one_big_one() {
        let (mut small, mut big) = (Bucket::new(LIMIT, at(0)), Bucket::new(LIMIT, at(0)));
        small.take(at(0), 10_000);
        big.take(at(0), 10_000);
        for step in 1..=5000_u64 {
            small.refill(Instant::from_origin(Duration::from_micros(step * 100)));
        }
        big.refill(at(500));
        assert_eq!(big.budget(), 8000);
        assert!(big.budget() - small.budget() <= 1, "{} and {}", big.budget(), small.budget());
    }

    #[test]
    fn the_bucket_is_always_ready_when_it_said_it_would_be() {
        for rate in [1, 7, 1000, 32 << 10, u32::MAX] {
            for burst in [0, 1, 100, 64 << 10, u32::MAX] {
                let mut bucket = Bucket::new(RateLimit { rate, burst }, at(5));
                bucket.take(at(6), burst as usize + 12_345);
                let ready = bucket.ready_at().expect("in debt");
                bucket.refill(ready);
                assert!(bucket.budget() > 0, "rate {rate} burst {burst}");
            }
        }
    }

    #[test]
    fn a_new_limit_forgives_no_debt() {
        let mut bucket = Bucket::new(LIMIT, at(0));
        bucket.take(at(0), 12_000);
        bucket.set_limit(RateLimit { rate: 100_000, burst: 50_000 }, at(0));
        assert_eq!(bucket.budget(), 48_000);
    }

    #[test]
    fn time_that_runs_backwards_earns_nothing() {
        let mut bucket = Bucket::new(LIMIT, at(1000));
        bucket.take(at(1000), 10_000);
        bucket.refill(at(0));
        assert_eq!(bucket.budget(), 0);
    }
}
