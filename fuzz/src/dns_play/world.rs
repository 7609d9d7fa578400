//! What there is to be found: records, hosts, and the truth about them.

use super::{DOMAIN, NAMES, Op, bit};
use simple_dns::rdata::{A, AAAA, CNAME, RData, SRV};
use simple_dns::{CLASS, Name, Packet, QTYPE, RCODE, ResourceRecord, TYPE};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use waxwing_core::dns::{Security, Target};

/// Priority, weight, port and target of an SRV record.
type Service = (u16, u16, u16, Option<usize>);

/// What there is.
#[derive(Debug, Default)]
pub(super) struct World {
    /// By kind.
    services: [Vec<Service>; 2],
    addresses: BTreeMap<usize, Vec<IpAddr>>,
    aliases: BTreeMap<usize, usize>,
    /// What becomes of who connects; without an entry he is refused.
    pub(super) doors: BTreeMap<IpAddr, Door>,
    pub(super) hosts: BTreeMap<usize, Vec<IpAddr>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Door {
    Open,
    Silent,
}

pub(super) fn v4(n: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, n % 16).into()
}

pub(super) fn v6(n: u8) -> IpAddr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(n % 16)).into()
}

pub(super) fn host(n: u8) -> usize {
    usize::from(n) % NAMES.len()
}

impl World {
    pub(super) fn add(&mut self, Op { what, args: [a, b, c] }: Op) {
        match what {
            b'S' => {
                let of_kind = &mut self.services[usize::from(a % 2)];
                if of_kind.len() < 4 {
                    let target = (c % 8 < 6).then(|| host(c % 8));
                    of_kind.push((u16::from(b % 4), u16::from(b / 4), 5000 + u16::from(c / 8), target));
                }
            }
            b'A' => self.address(a, v4(b)),
            b'Q' => self.address(a, v6(b)),
            b'N' => {
                self.aliases.insert(host(a), host(b));
            }
            b'U' => {
                let address = if a % 2 == 0 { v4(b) } else { v6(b) };
                self.doors.insert(address, if c % 2 == 0 { Door::Open } else { Door::Silent });
            }
            b'H' => {
                let address = if b % 2 == 0 { v4(c) } else { v6(c) };
                let known = self.hosts.entry(host(a)).or_default();
                if known.len() < 4 && !known.contains(&address) {
                    known.push(address);
                }
            }
            _ => {}
        }
    }

    pub(super) fn address(&mut self, name: u8, address: IpAddr) {
        let known = self.addresses.entry(host(name)).or_default();
        if known.len() < 4 && !known.contains(&address) {
            known.push(address);
        }
    }

    /// The addresses of a host, wherever its aliases lead.
    pub(super) fn resolve(&self, mut name: usize) -> Vec<IpAddr> {
        // The table of hosts stands in for name servers, but for no alias of theirs that leads to it.
        if let Some(known) = self.hosts.get(&name) {
            return known.clone();
        }
        for _ in 0..NAMES.len() {
            match self.aliases.get(&name) {
                Some(other) => name = *other,
                None => return self.addresses.get(&name).cloned().unwrap_or_default(),
            }
        }
        Vec::new()
    }

    /// All ways that there are, open or not.
    pub(super) fn ways(&self, target: &Target, settings: [u8; 2]) -> Vec<(SocketAddr, Security)> {
        let to = |name: usize, port: u16, security: Security| {
            self.resolve(name).into_iter().map(move |address| (SocketAddr::new(address, port), security))
        };
        match target {
            Target::Host { host, port, security } => {
                let known = NAMES.iter().position(|name| name == host);
                match (known, host.parse::<IpAddr>()) {
                    (Some(name), _) => to(name, *port, *security).collect(),
                    (None, Ok(address)) => vec![(SocketAddr::new(address, *port), *security)],
                    (None, Err(_)) => Vec::new(),
                }
            }
            Target::Client(domain) | Target::ClientStartTls(domain) => {
                if let Ok(address) = domain.parse::<IpAddr>() {
                    return vec![(SocketAddr::new(address, 5222), Security::StartTls)];
                }
                // Nobody else has records.
                if domain != DOMAIN {
                    return Vec::new();
                }
                let shuns_direct = matches!(target, Target::ClientStartTls(_));
                let wanted =
                    [(0, Security::Direct, !bit(settings, 2)), (1, Security::StartTls, !bit(settings, 3))];
                let mut ways = Vec::new();
                let mut is_told = false;
                for (kind, security, _) in wanted.into_iter().filter(|(_, _, is_wanted)| *is_wanted) {
                    for (_, _, port, target) in &self.services[kind] {
                        is_told = true;
                        // What is left out is told of nevertheless: nothing is guessed then.
                        let is_left_out = shuns_direct && security == Security::Direct;
                        if let Some(name) = target.filter(|_| !is_left_out) {
                            ways.extend(to(name, *port, security));
                        }
                    }
                }
                if !is_told && !bit(settings, 3) {
                    ways.extend(to(0, 5222, Security::StartTls));
                }
                ways
            }
            _ => Vec::new(),
        }
    }

    /// An honest answer.
    pub(super) fn answer<'a>(&self, question: &Packet<'a>) -> Packet<'a> {
        let mut reply = question.clone().into_reply();
        let Some(asked) = question.questions.first() else { return reply };
        let QTYPE::TYPE(kind) = asked.qtype else { return reply };
        let text = asked.qname.to_string().to_ascii_lowercase();
        let mut put = |owner: Name<'a>, data: RData<'a>| {
            reply.answers.push(ResourceRecord::new(owner, CLASS::IN, 60, data));
        };
        let services = [format!("_xmpps-client._tcp.{DOMAIN}"), format!("_xmpp-client._tcp.{DOMAIN}")];
        if let Some(of_kind) = services.iter().position(|name| *name == text) {
            for (priority, weight, port, target) in &self.services[of_kind] {
                let target = Name::new_unchecked(target.map_or("", |name| NAMES[name]));
                let data = SRV { priority: *priority, weight: *weight, port: *port, target };
                put(asked.qname.clone(), RData::SRV(data));
            }
            return reply;
        }
        let Some(mut name) = NAMES.iter().position(|name| *name == text) else {
            *reply.rcode_mut() = RCODE::NameError;
            return reply;
        };
        for _ in 0..NAMES.len() {
            let owner = Name::new_unchecked(NAMES[name]);
            if let Some(other) = self.aliases.get(&name) {
                put(owner, RData::CNAME(CNAME(Name::new_unchecked(NAMES[*other]))));
                name = *other;
                continue;
            }
            for address in self.addresses.get(&name).into_iter().flatten() {
                match (address, kind) {
                    (IpAddr::V4(address), TYPE::A) => put(owner.clone(), RData::A(A::from(*address))),
                    (IpAddr::V6(address), TYPE::AAAA) => {
                        put(owner.clone(), RData::AAAA(AAAA::from(*address)))
                    }
                    _ => {}
                }
            }
            break;
        }
        reply
    }
}
