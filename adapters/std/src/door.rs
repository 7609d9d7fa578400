//! Who is let in: limits on connections (RFC 6120 section 13.12), whatever the runtime.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::shards::lock;

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
    /// How long a peer may take to read what is queued for it when its stream has ended. Default: 10 seconds.
    pub last_words: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            negotiating: 4096,
            haste: Duration::from_secs(5),
            per_address: 10_000,
            last_words: Duration::from_secs(10),
        }
    }
}

/// Counts connections by address.
#[derive(Debug)]
pub struct Door {
    per_address: usize,
    guests: Mutex<BTreeMap<IpAddr, usize>>,
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
        Arc::new(Door { per_address: limits.per_address.max(1), guests: Mutex::default() })
    }

    /// Lets one in, unless there are too many from its address.
    pub fn admit(self: &Arc<Door>, peer: SocketAddr) -> Option<Guest> {
        let address = network(peer.ip());
        let mut guests = lock(&self.guests);
        let count = guests.entry(address).or_default();
        if *count >= self.per_address {
            return None;
        }
        *count += 1;
        Some(Guest { door: Arc::clone(self), address })
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut guests = lock(&self.door.guests);
        if let Some(count) = guests.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                guests.remove(&self.address);
            }
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
        let admit = |address: &str| door.admit(SocketAddr::new(address.parse().unwrap(), 5222));
        let one = admit("192.0.2.1").unwrap();
        let _two = admit("::ffff:192.0.2.1").unwrap();
        assert!(admit("192.0.2.1").is_none());
        let _other = admit("192.0.2.2").unwrap();
        drop(one);
        let _again = admit("192.0.2.1").unwrap();
        let _v6 = (admit("2001:db8::1").unwrap(), admit("2001:db8::ffff:1").unwrap());
        assert!(admit("2001:db8::2").is_none());
        assert!(admit("2001:db8:0:1::2").is_some());
        assert_eq!(lock(&door.guests).len(), 3, "those who left leave nothing behind");
    }

    #[test]
    fn zero_is_not_unlimited() {
        let door = Door::new(&Limits { per_address: 0, ..Limits::default() });
        let peer = "192.0.2.1:1".parse().unwrap();
        let _one = door.admit(peer).unwrap();
        assert!(door.admit(peer).is_none());
    }
}
