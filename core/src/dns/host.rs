//! One host that may have the service: its addresses, and the order in which they are tried (RFC 8305).

use super::connector::{Route, Security};
use crate::machine::{Instant, Now};
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use std::collections::VecDeque;

/// How long IPv6 addresses are waited for once there are IPv4 addresses (RFC 8305 section 3).
const RESOLUTION_DELAY: Duration = Duration::from_millis(50);
/// Addresses of each family that are tried.
const ADDRESSES: usize = 8;

/// A host that may have the service, and what is known of its addresses.
#[derive(Debug)]
pub(super) struct Host {
    /// In ASCII.
    pub(super) name: String,
    port: u16,
    security: Security,
    /// Its addresses are known or have been asked for.
    pub(super) asked: bool,
    /// The questions that have not been answered.
    pub(super) v6: Option<u64>,
    pub(super) v4: Option<u64>,
    /// IPv4 has been answered, IPv6 not: until then we wait.
    pub(super) grace: Option<Instant>,
    /// We have waited for IPv6 long enough.
    v6_waived: bool,
    /// What has not been tried, by family.
    addresses6: VecDeque<IpAddr>,
    addresses4: VecDeque<IpAddr>,
    last_was_v6: bool,
}

impl Host {
    /// `None` if the name cannot be a host's.
    pub(super) fn new(name: &str, port: u16, security: Security) -> Option<Host> {
        let address = literal(name);
        let name = match address {
            Some(address) => address.to_string(),
            None => ascii(name)?,
        };
        let mut host = Host {
            name,
            port,
            security,
            asked: address.is_some(),
            v6: None,
            v4: None,
            grace: None,
            v6_waived: false,
            addresses6: VecDeque::new(),
            addresses4: VecDeque::new(),
            last_was_v6: false,
        };
        address.into_iter().for_each(|address| host.add(address));
        Some(host)
    }

    /// Whether a name is an address.
    pub(super) fn is_literal(name: &str) -> bool {
        literal(name).is_some()
    }

    /// One of its questions has been answered.
    pub(super) fn answered(&mut self, now: Now, question: u64) {
        if self.v6 == Some(question) {
            (self.v6, self.grace) = (None, None);
        } else {
            self.v4 = None;
            self.grace = self.v6.is_some().then_some(now.instant + RESOLUTION_DELAY);
        }
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Now) {
        if self.grace.is_some_and(|until| until <= now.instant) {
            (self.grace, self.v6_waived) = (None, true);
        }
    }

    pub(super) fn add(&mut self, address: IpAddr) {
        let family = if address.is_ipv6() { &mut self.addresses6 } else { &mut self.addresses4 };
        if family.len() < ADDRESSES && !family.contains(&address) {
            family.push_back(address);
        }
    }

    fn has_address(&self) -> bool {
        !self.addresses6.is_empty() || !self.addresses4.is_empty()
    }

    /// Nothing has been left untried, and nothing more will come.
    pub(super) fn is_exhausted(&self) -> bool {
        !self.has_address() && self.v6.is_none() && self.v4.is_none()
    }

    /// There is an address, and no better one is about to come.
    pub(super) fn is_ready(&self) -> bool {
        let waits = self.v6.is_some() && !self.v6_waived;
        self.has_address() && !(waits && self.addresses6.is_empty())
    }

    /// The next address, the families taking turns, IPv6 first (RFC 8305 section 4).
    pub(super) fn next_route(&mut self) -> Option<Route> {
        let prefer_v4 = self.last_was_v6 || self.addresses6.is_empty();
        let (first, second) = match prefer_v4 {
            true => (&mut self.addresses4, &mut self.addresses6),
            false => (&mut self.addresses6, &mut self.addresses4),
        };
        let address = first.pop_front().or_else(|| second.pop_front())?;
        self.last_was_v6 = address.is_ipv6();
        let address = SocketAddr::new(address, self.port);
        Some(Route { address, security: self.security, host: self.name.clone() })
    }
}

/// The address that a domain or host is written as: `192.0.2.1`, `[2001:db8::1]`, or without the brackets.
fn literal(name: &str) -> Option<IpAddr> {
    let inner = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    inner.unwrap_or(name).parse().ok()
}

/// A name as name servers know it.
pub(super) fn ascii(name: &str) -> Option<String> {
    let name = name.strip_suffix('.').unwrap_or(name);
    // Underscores have no place in a host's name, but some hosts have one.
    let deny = AsciiDenyList::URL;
    let ascii = Uts46::new().to_ascii(name.as_bytes(), deny, Hyphens::Allow, DnsLength::Verify).ok()?;
    Some(ascii.into_owned())
}
