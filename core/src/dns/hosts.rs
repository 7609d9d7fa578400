//! What the system itself knows: its name servers and its table of hosts.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;
use std::collections::BTreeMap;

/// The name servers to ask, and how patiently.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resolvers {
    /// Asked in this order.
    pub servers: Vec<SocketAddr>,
    /// How long one server may take before the next is asked.
    pub timeout: Duration,
    /// How often each server is asked.
    pub attempts: u32,
}

/// Names with fixed addresses.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Hosts {
    /// By name, in lower case.
    table: BTreeMap<Box<str>, Vec<IpAddr>>,
}

impl Resolvers {
    /// These servers, on port 53, with the usual patience: 5 seconds, twice each.
    pub fn new(servers: impl IntoIterator<Item = IpAddr>) -> Resolvers {
        Resolvers {
            servers: servers.into_iter().map(|server| SocketAddr::new(server, 53)).collect(),
            timeout: Duration::from_secs(5),
            attempts: 2,
        }
    }

    /// Reads a resolver configuration (`/etc/resolv.conf`): the servers, at most three, and the options `timeout` and
    /// `attempts`, both capped as the system does. What else it says, and what cannot be read, is passed over. Without a server
    /// it is the one on this host.
    pub fn parse(text: &str) -> Resolvers {
        let mut resolvers = Resolvers::new([]);
        for line in text.lines() {
            let line = line.split(['#', ';']).next().unwrap_or_default();
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") => {
                    let server = words.next().and_then(address);
                    if let Some(server) = server.filter(|_| resolvers.servers.len() < 3) {
                        resolvers.servers.push(SocketAddr::new(server, 53));
                    }
                }
                Some("options") => words.for_each(|option| resolvers.option(option)),
                _ => {}
            }
        }
        if resolvers.servers.is_empty() {
            resolvers.servers.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 53));
        }
        resolvers
    }

    fn option(&mut self, option: &str) {
        let Some((name, value)) = option.split_once(':') else { return };
        let Ok(value) = value.parse::<u32>() else { return };
        match name {
            "timeout" => self.timeout = Duration::from_secs(value.clamp(1, 30).into()),
            "attempts" => self.attempts = value.clamp(1, 5),
            _ => {}
        }
    }
}

impl Hosts {
    /// Reads a table of hosts (`/etc/hosts`). What cannot be read is passed over.
    pub fn parse(text: &str) -> Hosts {
        let mut hosts = Hosts::default();
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_ascii_whitespace();
            let Some(address) = words.next().and_then(address) else { continue };
            for name in words {
                hosts.insert(name, address);
            }
        }
        hosts
    }

    /// Adds an address of a name.
    pub fn insert(&mut self, name: &str, address: IpAddr) {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let addresses = self.table.entry(name.into()).or_default();
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }

    /// The addresses of a name, if it is one that need not be asked for. That includes `localhost` and everything below it (RFC
    /// 6761 section 6.3).
    pub(super) fn get(&self, name: &str) -> Option<Vec<IpAddr>> {
        if let Some(addresses) = self.table.get(name) {
            return Some(addresses.clone());
        }
        let is_localhost = name == "localhost" || name.ends_with(".localhost");
        is_localhost.then(|| vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()])
    }
}

/// An address. Zones (`fe80::1%eth0`) are the system's own business: a server that needs one is passed over.
fn address(word: &str) -> Option<IpAddr> {
    word.parse().ok()
}
