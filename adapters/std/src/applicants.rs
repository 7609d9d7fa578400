//! How many accounts one address may register (XEP-0077).

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Duration;

use waxwing_core::machine::Instant;

use crate::sync::lock;

/// So many addresses that have registered lately are remembered; while there are so many, no others may register.
const REMEMBERED: usize = 10_000;

/// Who has registered lately.
#[derive(Debug)]
pub(crate) struct Applicants {
    every: Duration,
    burst: u32,
    /// When, at the pace that is allowed, the last registration would have been due.
    due: Mutex<BTreeMap<IpAddr, Instant>>,
}

impl Applicants {
    /// One registration each such time, so many at once after a quiet time.
    pub(crate) fn new(every: Duration, burst: u32) -> Applicants {
        Applicants { every, burst, due: Mutex::default() }
    }

    /// Whether an account may be registered from an address now. If so, it counts.
    pub(crate) fn admit(&self, address: IpAddr, now: Instant) -> bool {
        let Some(ahead) = self.burst.checked_sub(1) else { return false };
        let mut all = lock(&self.due);
        if all.len() >= REMEMBERED {
            all.retain(|_, due| *due > now);
        }
        let known = all.get(&address).copied();
        let due = known.map_or(now, |due| due.max(now));
        let full = known.is_none() && all.len() >= REMEMBERED;
        if full || due - now > self.every.saturating_mul(ahead) {
            return false;
        }
        all.insert(address, due + self.every);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::ORIGIN + Duration::from_secs(seconds)
    }

    #[test]
    fn xep0077_registrations_from_one_address_have_a_pace() {
        let applicants = Applicants::new(Duration::from_secs(60), 2);
        let admit = |host: u8, seconds| applicants.admit(IpAddr::from([192, 0, 2, host]), at(seconds));
        assert_eq!([0, 0, 59].map(|seconds| admit(1, seconds)), [true, true, false]);
        assert!(admit(2, 59));
        assert_eq!([60, 60].map(|seconds| admit(1, seconds)), [true, false]);
        assert!(!Applicants::new(Duration::ZERO, 0).admit(IpAddr::from([192, 0, 2, 1]), at(0)));
    }

    #[test]
    fn xep0077_no_more_addresses_are_remembered_than_there_is_room_for() {
        let applicants = Applicants::new(Duration::from_secs(600), 5);
        let admit = |n: u32, seconds| applicants.admit(IpAddr::from(n.to_be_bytes()), at(seconds));
        assert!((0..REMEMBERED as u32).all(|n| admit(n, 0)));
        assert!(!admit(1 << 30, 0));
        assert!(admit(1, 0), "those who are known are not locked out");
        assert!(admit(1 << 30, 600));
    }
}
