//! When to try again (RFC 6120 section 3.3): truncated binary exponential back-off with full jitter.

use super::config::Reconnect;
use super::verdict::Scope;
use crate::machine::{Entropy, Instant};
use core::time::Duration;

/// No configuration makes attempts follow each other faster.
const FLOOR: Duration = Duration::from_millis(100);

/// Paces the attempts of one session.
#[derive(Debug)]
pub(super) struct Backoff {
    entropy: Entropy,
    /// Attempts in a row that came to nothing, or not to enough.
    failures: u32,
    /// What the window began with when they began.
    scope: Scope,
    /// When the last attempt began.
    attempted: Option<Instant>,
    /// Since when there is no connection to speak of.
    offline: Option<Instant>,
    /// Since then an attempt has been made earlier than its turn, so that the session could still be resumed.
    has_hurried: bool,
}

impl Backoff {
    pub(super) fn new(now: Instant, entropy: Entropy) -> Backoff {
        Backoff {
            entropy,
            failures: 0,
            scope: Scope::Alone,
            attempted: None,
            offline: Some(now),
            has_hurried: false,
        }
    }

    /// An attempt begins.
    pub(super) fn attempt(&mut self, now: Instant) {
        self.attempted = Some(now);
    }

    /// The session is online.
    pub(super) fn online(&mut self) {
        self.offline = None;
        self.has_hurried = false;
    }

    /// A connection that was online since then is lost, or (`None`) an attempt has come to nothing. `resumable_for`: how long
    /// the server keeps the session for whoever comes back. When to try again; `None` if that would be too late.
    pub(super) fn lost(
        &mut self,
        now: Instant,
        online_since: Option<Instant>,
        scope: Scope,
        resumable_for: Option<Duration>,
        policy: &Reconnect,
    ) -> Option<Instant> {
        let offline = *self.offline.get_or_insert(now);
        if online_since.is_some_and(|since| now - since >= policy.settled_after) {
            self.failures = 0;
        }
        // An outage that began with the loss of many stays one.
        self.scope = if self.failures == 0 { scope } else { self.scope.max(scope) };
        let base = match self.scope {
            Scope::Alone => policy.alone,
            Scope::Many => policy.spread,
        };
        let window = base.saturating_mul(2_u32.saturating_pow(self.failures)).min(policy.longest);
        self.failures = self.failures.saturating_add(1);
        let mut at = (now + self.within(window)).max(self.soonest(now, policy));
        if let Some(time) = resumable_for {
            // The server may have noticed first, and a login takes a while.
            at = self.in_time(now, at, offline + time / 4 * 3, policy);
        }
        let too_late = policy.give_up_after.is_some_and(|limit| at > offline + limit);
        (!too_late).then_some(at)
    }

    /// Brings an attempt forward that would come after `end`, to a random time before it. Once in an outage: so at least one
    /// falls into that time, and a server that is gone sees one more of each client, whatever the time is.
    fn in_time(&mut self, now: Instant, at: Instant, end: Instant, policy: &Reconnect) -> Instant {
        let soonest = self.soonest(now, policy);
        if at <= end || soonest >= end || self.has_hurried {
            return at;
        }
        self.has_hurried = true;
        (now + self.within(end - now)).max(soonest)
    }

    /// When an attempt may begin at the soonest.
    pub(super) fn soonest(&self, now: Instant, policy: &Reconnect) -> Instant {
        self.attempted.map_or(now, |last| now.max(last + policy.shortest.max(FLOOR)))
    }

    /// What has failed so far says nothing about what comes.
    pub(super) fn forget(&mut self) {
        self.failures = 0;
        self.scope = Scope::Alone;
    }

    /// Being offline begins anew, as far as patience goes.
    pub(super) fn restart(&mut self, now: Instant) {
        self.forget();
        self.offline = Some(now);
    }

    /// Any time up to this long, each as likely as another.
    fn within(&mut self, window: Duration) -> Duration {
        let window = u64::try_from(window.as_nanos()).unwrap_or(u64::MAX);
        let nanos = (u128::from(self.entropy.next_u64()) * u128::from(window)) >> 64;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEC: Duration = Duration::from_secs(1);

    fn backoff(seed: u8) -> Backoff {
        Backoff::new(Instant::ORIGIN, Entropy::from_seed([seed; 32]))
    }

    /// The waits of so many failures in a row, in a policy without a lower bound to speak of.
    fn waits(seed: u8, scope: Scope, count: usize) -> Vec<Duration> {
        let policy = Reconnect { shortest: Duration::ZERO, ..Reconnect::default() };
        let (mut backoff, mut now) = (backoff(seed), Instant::ORIGIN);
        let wait = |_| {
            backoff.attempt(now);
            let at = backoff.lost(now, None, scope, None, &policy).expect("no limit");
            let wait = at - now;
            now = at;
            wait
        };
        (0..count).map(wait).collect()
    }

    #[test]
    fn rfc6120_3_3_waits_lie_anywhere_in_windows_that_double_up_to_a_bound() {
        let all: Vec<_> = (0..=255).map(|seed| waits(seed, Scope::Many, 8)).collect();
        for (n, window) in [60, 120, 240, 480, 600, 600, 600, 600].into_iter().enumerate() {
            let nth: Vec<_> = all.iter().map(|waits| waits[n].as_secs()).collect();
            assert!(nth.iter().all(|wait| *wait <= window), "{nth:?}");
            // A quarter of them in each quarter of the window, about.
            for quarter in 0..4 {
                let range = window * quarter / 4..window * (quarter + 1) / 4;
                let there = nth.iter().filter(|wait| range.contains(wait)).count();
                assert!((35..100).contains(&there), "{there} of 256 within {range:?}");
            }
        }
    }

    #[test]
    fn rfc6120_3_3_a_loss_of_ones_own_is_made_good_sooner() {
        let first: Vec<_> = (0..=255).map(|seed| waits(seed, Scope::Alone, 1)[0]).collect();
        assert!(first.iter().all(|wait| *wait <= 5 * SEC));
        // Whoever meets the loss of many in between waits as long as they.
        let policy = Reconnect::default();
        let far = (0..=255).filter(|seed| {
            let mut backoff = backoff(*seed);
            backoff.lost(Instant::ORIGIN, None, Scope::Alone, None, &policy);
            let at = backoff.lost(Instant::ORIGIN, None, Scope::Many, None, &policy).expect("no limit");
            let again = backoff.lost(at, None, Scope::Alone, None, &policy).expect("no limit");
            again - at > 20 * SEC
        });
        assert!(far.count() > 200);
    }

    #[test]
    fn same_entropy_same_waits() {
        assert_eq!(waits(7, Scope::Many, 20), waits(7, Scope::Many, 20));
        assert_ne!(waits(7, Scope::Many, 20), waits(8, Scope::Many, 20));
    }

    #[test]
    fn bcp41_attempts_are_apart_however_little_the_policy_asks_for() {
        let policy = Reconnect { spread: Duration::ZERO, shortest: Duration::ZERO, ..Reconnect::default() };
        let (mut backoff, mut now) = (backoff(1), Instant::ORIGIN);
        for _ in 0..10 {
            backoff.attempt(now);
            let at = backoff.lost(now, None, Scope::Many, None, &policy).expect("no limit");
            assert_eq!(at - now, FLOOR);
            now = at;
        }
    }

    #[test]
    fn rfc6120_3_3_only_a_connection_that_lasted_makes_the_waits_short_again() {
        let policy = Reconnect::default();
        let longest = |online: Duration| {
            let mut longest = Duration::ZERO;
            for seed in 0..=255 {
                let (mut backoff, mut now) = (backoff(seed), Instant::ORIGIN);
                for _ in 0..6 {
                    backoff.attempt(now);
                    backoff.online();
                    let since = now;
                    now = now + online;
                    let at = backoff.lost(now, Some(since), Scope::Many, None, &policy).expect("no limit");
                    longest = longest.max(at - now);
                    now = at;
                }
            }
            longest
        };
        assert!(longest(59 * SEC) > 500 * SEC);
        assert!(longest(60 * SEC) <= 60 * SEC);
    }

    #[test]
    fn xep0198_5_an_attempt_falls_into_the_time_in_which_the_session_can_be_resumed() {
        let policy = Reconnect::default();
        let mut first = Vec::new();
        let (mut all, mut usual) = (0, 0);
        for seed in 0..=255 {
            for patience in [Some(40 * SEC), None] {
                let (mut backoff, mut now, mut attempts) = (backoff(seed), Instant::ORIGIN, Vec::new());
                backoff.online();
                while attempts.len() < 20 {
                    now = backoff.lost(now, None, Scope::Many, patience, &policy).expect("no limit");
                    backoff.attempt(now);
                    attempts.push(now - Instant::ORIGIN);
                }
                let within_an_hour = attempts.iter().filter(|at| **at < 3600 * SEC).count();
                if patience.is_some() {
                    first.push(attempts[0].as_secs());
                    all += within_an_hour;
                } else {
                    usual += within_an_hour;
                }
            }
        }
        // Before three quarters of it have passed, and as random as ever.
        assert!(first.iter().all(|at| *at <= 30), "{first:?}");
        for quarter in 0..4 {
            let range = quarter * 30 / 4..(quarter + 1) * 30 / 4;
            assert!(first.iter().filter(|at| range.contains(*at)).count() > 35, "{first:?}");
        }
        assert!(all <= usual + 256 * 2, "{all} attempts instead of {usual}");
    }

    #[test]
    fn nothing_overflows() {
        let policy = Reconnect { longest: Duration::MAX, spread: Duration::MAX, ..Reconnect::default() };
        let mut backoff = backoff(1);
        for _ in 0..100 {
            backoff.lost(Instant::from_origin(Duration::MAX), None, Scope::Many, None, &policy);
        }
        backoff.failures = u32::MAX;
        assert!(backoff.lost(Instant::ORIGIN, None, Scope::Many, None, &policy).is_some());
    }
}
