//! Who is let in: limits on connections (RFC 6120 section 13.12), whatever the runtime.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use waxwing_core::machine;

use crate::applicants::Applicants;
use crate::sync::lock;

/// What a server's listeners let in, all together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Connections that have no session yet. While there are so many, the next ones wait in the listeners' queues. 0 counts
    /// as 1. Default: 4096.
    pub negotiating: usize,
    /// How long a connection may then take until it has a session; one that has taken longer is closed to make room. So
    /// connections that say nothing keep others waiting for no longer than this. Default: 5 seconds.
    pub haste: Duration,
    /// Connections from one IP address (of version 6: from one /64) at once, whatever their state. More are closed before a
    /// byte is read. 0 counts as 1. Default: 10,000, for whole networks share one address.
    pub per_address: usize,
    /// Connections from one such address in a [minute](MINUTE), all at once or one after the other. More are closed before a
    /// byte is read. 0 counts as 1. Default: 30,000.
    pub attempts_per_address: u32,
    /// Accounts that one such address may register (XEP-0077), where that is open: one each such time. Default: ten minutes.
    pub register_every: Duration,
    /// So many at once after a quiet time. 0: none ever. Default: 5.
    pub register_burst: u32,
    /// How long a peer may take to read what is queued for it when its stream has ended. Default: 10 seconds.
    pub last_words: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            negotiating: 4096,
            haste: Duration::from_secs(5),
            per_address: 10_000,
            attempts_per_address: 30_000,
            register_every: Duration::from_secs(600),
            register_burst: 5,
            last_words: Duration::from_secs(10),
        }
    }
}

/// The time in which attempts are counted.
pub const MINUTE: Duration = Duration::from_secs(60);

/// Addresses that nobody is in from are forgotten, whatever they have used up, when there are more than this.
const STRANGERS: usize = 100_000;

/// Counts connections by address.
#[derive(Debug)]
pub struct Door {
    per_address: usize,
    /// What one connection uses up of a minute.
    cost: Duration,
    guests: Mutex<Guests>,
    applicants: Applicants,
}

#[derive(Debug, Default)]
struct Guests {
    by_address: BTreeMap<IpAddr, Host>,
    /// How many there may be before those are looked for that can be forgotten.
    sweep_at: usize,
}

/// An address.
#[derive(Clone, Copy, Debug)]
struct Host {
    /// Connections that are in.
    count: usize,
    /// When it will have used up nothing any more: each connection moves this on by its cost.
    settled: Instant,
}

/// A connection that has been let in, until it is dropped.
#[derive(Debug)]
pub struct Guest {
    door: Arc<Door>,
    address: IpAddr,
}

impl Door {
    /// Nobody is in yet.
    pub fn new(limits: &Limits) -> Arc<Door> {
        let cost = MINUTE / limits.attempts_per_address.max(1);
        let applicants = Applicants::new(limits.register_every, limits.register_burst);
        Arc::new(Door { per_address: limits.per_address.max(1), cost, guests: Mutex::default(), applicants })
    }

    /// Lets one in that has come at `now`, unless there are too many from its address, or have been lately.
    pub fn admit(self: &Arc<Door>, peer: SocketAddr, now: Instant) -> Option<Guest> {
        let address = network(peer.ip());
        let mut guests = lock(&self.guests);
        guests.sweep(now);
        let host = guests.by_address.entry(address).or_insert(Host { count: 0, settled: now });
        let settled = host.settled.max(now) + self.cost;
        if host.count >= self.per_address || settled > now + MINUTE {
            return None;
        }
        *host = Host { count: host.count + 1, settled };
        Some(Guest { door: Arc::clone(self), address })
    }
}

impl Guests {
    /// Forgets addresses that count for nothing any more, now and then: what that costs is a constant for each that came.
    fn sweep(&mut self, now: Instant) {
        if self.by_address.len() < self.sweep_at.max(1000) {
            return;
        }
        self.by_address.retain(|_, host| host.count > 0 || host.settled > now);
        if self.by_address.len() > STRANGERS {
            self.by_address.retain(|_, host| host.count > 0);
        }
        self.sweep_at = self.by_address.len() * 2;
    }
}

impl Guest {
    /// Whether an account may be registered from this address now. If so, it counts.
    pub fn may_register(&self, now: machine::Instant) -> bool {
        self.door.applicants.admit(self.address, now)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // What it has used up is remembered until the address is swept away.
        if let Some(host) = lock(&self.door.guests).by_address.get_mut(&self.address) {
            host.count -= 1;
        }
    }
}

/// What one subscriber has: an address of version 4, a /64 of version 6.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6120_13_12_connections_from_one_address_are_limited() {
        let door = Door::new(&Limits { per_address: 2, ..Limits::default() });
        let now = Instant::now();
        let admit = |address: &str| door.admit(SocketAddr::new(address.parse().unwrap(), 5222), now);
        let one = admit("192.0.2.1").unwrap();
        let _two = admit("::ffff:192.0.2.1").unwrap();
        assert!(admit("192.0.2.1").is_none());
        let _other = admit("192.0.2.2").unwrap();
        drop(one);
        let _again = admit("192.0.2.1").unwrap();
        let _v6 = (admit("2001:db8::1").unwrap(), admit("2001:db8::ffff:1").unwrap());
        assert!(admit("2001:db8::2").is_none());
        assert!(admit("2001:db8:0:1::2").is_some());
    }

    #[test]
    fn rfc6120_13_12_attempts_from_one_address_are_limited_over_time() {
        let door = Door::new(&Limits { attempts_per_address: 3, ..Limits::default() });
        let start = Instant::now();
        let admit = |address: &str, seconds: u64| {
            let peer = SocketAddr::new(address.parse().unwrap(), 5222);
            door.admit(peer, start + Duration::from_secs(seconds)).is_some()
        };
        // Whoever is let in leaves at once.
        assert_eq!([0, 0, 0, 0, 19].map(|at| admit("192.0.2.1", at)), [true, true, true, false, false]);
        assert!(admit("192.0.2.2", 19));
        // A third of the minute gives one back; being refused takes none.
        assert_eq!([20, 21, 40, 41].map(|at| admit("192.0.2.1", at)), [true, false, true, false]);
        assert_eq!([200, 200, 200, 200].map(|at| admit("192.0.2.1", at)), [true, true, true, false]);
    }

    #[test]
    fn those_who_left_leave_nothing_behind() {
        let door = Door::new(&Limits { attempts_per_address: 60, ..Limits::default() });
        let start = Instant::now();
        let admit = |n: u32, now: Instant| {
            let address = IpAddr::from(std::net::Ipv4Addr::from_bits(n));
            door.admit(SocketAddr::new(address, 5222), now)
        };
        let stays = admit(0, start);
        for n in 1..3000 {
            assert!(admit(n, start).is_some());
        }
        assert_eq!(lock(&door.guests).by_address.len(), 3000);
        // In the next second all of that is settled.
        for n in 3000..6000 {
            assert!(admit(n, start + Duration::from_secs(1)).is_some());
        }
        let known = lock(&door.guests).by_address.len();
        assert!(known < 4000, "{known}");
        assert!(lock(&door.guests).by_address.contains_key(&IpAddr::from([0, 0, 0, 0])));
        drop(stays);
        // However many come, and however short the time, what is remembered has an end.
        for n in 10_000..400_000 {
            drop(admit(n, start + Duration::from_secs(1)));
        }
        assert!(lock(&door.guests).by_address.len() <= 2 * STRANGERS);
    }

    #[test]
    fn zero_is_not_unlimited() {
        let (peer, now) = ("192.0.2.1:1".parse().unwrap(), Instant::now());
        for limits in [
            Limits { per_address: 0, ..Limits::default() },
            Limits { attempts_per_address: 0, ..Limits::default() },
        ] {
            let door = Door::new(&limits);
            let _one = door.admit(peer, now).unwrap();
            assert!(door.admit(peer, now).is_none());
        }
    }
}
