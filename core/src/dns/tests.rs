//! A connector, name servers with a zone, hosts that accept or refuse, and the clock: all played by hand.

mod connecting;
mod hostile;
mod resolving;
mod system;

use super::*;
use crate::machine::{Entropy, Instant, Now, Reason, Utc};
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use simple_dns::rdata::{A, AAAA, CNAME, RData, SRV};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QTYPE, RCODE, ResourceRecord, TYPE};
use std::collections::BTreeMap;

const MS: Duration = Duration::from_millis(1);

/// A record of the zone, as people write it: `A 192.0.2.1`, `SRV 5 0 5222 host`, `CNAME other`.
type Zone = BTreeMap<&'static str, Vec<&'static str>>;

/// What a name server does with a question.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Server {
    Answers,
    Silent,
    Refuses(RCODE),
    /// Over UDP only: sends nothing but that there is more.
    Truncates,
}

struct World {
    connector: Connector,
    now: Now,
    zone: Zone,
    servers: BTreeMap<IpAddr, Server>,
    /// Questions that nobody has answered: the zone's answers are given when a test says so.
    held: Option<Vec<(QueryId, Vec<u8>)>>,
    /// All that was asked, in brief, and where connections were to go.
    log: Vec<String>,
    attempts: BTreeMap<String, AttemptId>,
    open: Vec<QueryId>,
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn target(domain: &str) -> Target {
    Target::Client(domain.into())
}

fn config(servers: &[&str]) -> Config {
    Config::new(Resolvers::new(servers.iter().map(|server| ip(server))), Hosts::default())
}

impl World {
    fn new(domain: &str, zone: &[(&'static str, &[&'static str])]) -> World {
        World::with(target(domain), config(&["192.0.2.53"]), zone, 1)
    }

    fn with(target: Target, config: Config, zone: &[(&'static str, &[&'static str])], seed: u8) -> World {
        let mut world = World::silent(target, config, zone, seed);
        world.drain();
        world
    }

    /// Nothing has been answered yet.
    fn silent(target: Target, config: Config, zone: &[(&'static str, &[&'static str])], seed: u8) -> World {
        let now = Now::new(Instant::ORIGIN, Utc::from_unix_millis(0));
        World {
            connector: Connector::new(target, config, now, Entropy::from_seed([seed; 32])),
            now,
            zone: zone.iter().map(|(name, records)| (*name, records.to_vec())).collect(),
            servers: BTreeMap::new(),
            held: None,
            log: Vec::new(),
            attempts: BTreeMap::new(),
            open: Vec::new(),
        }
    }

    fn drain(&mut self) {
        while let Some(action) = self.connector.poll_action() {
            match action {
                Action::Query { query, server, transport, message } => {
                    self.open.push(query);
                    self.asked(query, server, transport, message);
                }
                Action::Forget { query } => {
                    let before = self.open.len();
                    self.open.retain(|open| *open != query);
                    assert!(self.open.len() < before, "{query:?} is not open");
                }
                Action::Connect { attempt, address } => {
                    self.attempts.insert(address.to_string(), attempt);
                    self.log.push(format!("connect {address}"));
                }
                Action::Abort { attempt } => {
                    let address = self.address(attempt);
                    self.log.push(format!("abort {address}"));
                }
                Action::Connected { attempt, route } => {
                    assert_eq!(self.address(attempt), route.address.to_string());
                    self.log.push(format!("won {} {:?} {}", route.address, route.security, route.host));
                }
                Action::Failed(failure) => self.log.push(format!("failed: {failure}")),
            }
        }
    }

    fn address(&self, attempt: AttemptId) -> String {
        let found = self.attempts.iter().find(|(_, known)| **known == attempt);
        found.map(|(address, _)| address.clone()).unwrap()
    }

    fn asked(&mut self, query: QueryId, server: SocketAddr, transport: Transport, message: Vec<u8>) {
        let bytes = match transport {
            Transport::Udp => message.as_slice(),
            Transport::Tcp => {
                assert_eq!(usize::from(u16::from_be_bytes([message[0], message[1]])), message.len() - 2);
                &message[2..]
            }
        };
        let packet = Packet::parse(bytes).unwrap();
        let question = &packet.questions[0];
        let QTYPE::TYPE(kind) = question.qtype else { panic!() };
        self.log.push(format!("{:?} {kind:?} {} @{}", transport, question.qname, server.ip()));
        let reply = match self.servers.get(&server.ip()).copied().unwrap_or(Server::Answers) {
            Server::Silent => return,
            Server::Answers => self.answer(&packet),
            Server::Truncates if transport == Transport::Tcp => self.answer(&packet),
            Server::Truncates => {
                let mut reply = packet.clone().into_reply();
                reply.set_flags(PacketFlag::TRUNCATION);
                reply.build_bytes_vec().unwrap()
            }
            Server::Refuses(code) => {
                let mut reply = packet.clone().into_reply();
                *reply.rcode_mut() = code;
                reply.build_bytes_vec().unwrap()
            }
        };
        match &mut self.held {
            Some(held) => held.push((query, reply)),
            None => self.reply(query, transport, reply),
        }
    }

    /// Hands in a reply; what comes over TCP byte by byte.
    fn reply(&mut self, query: QueryId, transport: Transport, reply: Vec<u8>) {
        match transport {
            Transport::Udp => self.connector.receive(self.now, query, &reply),
            Transport::Tcp => {
                let length = u16::try_from(reply.len()).unwrap().to_be_bytes();
                for byte in length.into_iter().chain(reply) {
                    self.connector.receive(self.now, query, &[byte]);
                }
            }
        }
    }

    fn answer(&self, packet: &Packet<'_>) -> Vec<u8> {
        let question = &packet.questions[0];
        let mut owner = question.qname.to_string().to_ascii_lowercase();
        let mut reply = packet.clone().into_reply();
        let mut known = false;
        while let Some(records) = self.zone.get(owner.as_str()) {
            known = true;
            let mut alias = None;
            for record in records {
                let (kind, rest) = record.split_once(' ').unwrap();
                let (wanted, data) = match kind {
                    "A" => (TYPE::A, RData::A(A::from(rest.parse::<core::net::Ipv4Addr>().unwrap()))),
                    "AAAA" => {
                        (TYPE::AAAA, RData::AAAA(AAAA::from(rest.parse::<core::net::Ipv6Addr>().unwrap())))
                    }
                    "SRV" => (TYPE::SRV, RData::SRV(srv_record(rest))),
                    // Where the alias leads is left for the next question.
                    "CNAME" | "ALIAS" => {
                        alias = Some((rest, kind == "CNAME"));
                        (TYPE::CNAME, RData::CNAME(CNAME(Name::new(rest).unwrap())))
                    }
                    other => panic!("{other}"),
                };
                if question.qtype == QTYPE::TYPE(wanted) || wanted == TYPE::CNAME {
                    let name = Name::new(&owner).unwrap().into_owned();
                    reply.answers.push(ResourceRecord::new(name, CLASS::IN, 300, data));
                }
            }
            match alias {
                Some((next, true)) => owner = next.into(),
                _ => break,
            }
        }
        if !known {
            *reply.rcode_mut() = RCODE::NameError;
        }
        reply.build_bytes_vec().unwrap()
    }

    /// Gives the answers that were held back, `which` of them by number.
    fn release(&mut self, which: usize) {
        let (query, reply) = self.held.as_mut().unwrap().remove(which);
        self.connector.receive(self.now, query, &reply);
        self.drain();
    }

    fn connected(&mut self, address: &str) {
        let attempt = self.attempts[address];
        self.connector.connected(self.now, attempt);
        self.drain();
    }

    fn refused(&mut self, address: &str) {
        let attempt = self.attempts[address];
        self.connector.failed(self.now, attempt, "connection refused");
        self.drain();
    }

    /// Lets time pass, ticking at each deadline.
    fn pass(&mut self, time: Duration) {
        let end = self.now.after(time);
        while let Some(deadline) = self.connector.deadline().filter(|deadline| deadline.at <= end.instant) {
            assert_eq!(deadline.reason, Reason::Connecting);
            self.now = self.now.after(deadline.at - self.now.instant);
            self.connector.tick(self.now);
            self.drain();
            assert!(self.connector.deadline() != Some(deadline), "ticking does not help");
        }
        self.now = self.now.after(end.instant - self.now.instant);
    }

    /// What has happened since the last time.
    fn did(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }

    /// The same without the questions.
    fn connections(&mut self) -> Vec<String> {
        self.did().into_iter().filter(|line| !line.starts_with("Udp") && !line.starts_with("Tcp")).collect()
    }
}

fn srv_record(text: &'static str) -> SRV<'static> {
    let words: Vec<&str> = text.split(' ').collect();
    let number = |at: usize| words[at].parse().unwrap();
    let target = Name::new_unchecked(if words[3] == "." { "" } else { words[3] });
    SRV { priority: number(0), weight: number(1), port: number(2), target }
}
