//! Finding a server: name servers answer well, badly or not at all, hosts accept or refuse, time passes, in any order.
//!
//! Whatever happens: nothing panics; ticking at a deadline moves the deadline; every exchange and attempt is named once, and none
//! is given up that was not begun; a winner is announced once for each attempt, and after a failure there is silence.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use simple_dns::rdata::{A, AAAA, CNAME, RData, SRV};
use simple_dns::{CLASS, Name, Packet, PacketFlag, RCODE, ResourceRecord};
use std::collections::BTreeSet;
use std::time::Duration;
use waxwing_core::dns::{
    Action, AttemptId, Config, Connector, Hosts, QueryId, Resolvers, Route, Security, Target, Transport,
};
use waxwing_core::machine::{Entropy, Instant, Now, Utc};

#[derive(Arbitrary, Debug)]
struct Play {
    seed: u8,
    servers: u8,
    target: Wanted,
    steps: Vec<Step>,
}

#[derive(Arbitrary, Debug)]
enum Wanted {
    Example,
    Domain(String),
    Host(String),
}

#[derive(Arbitrary, Debug)]
enum Step {
    /// A proper answer with these records, or one that was tampered with.
    Answer {
        which: u8,
        records: Vec<Record>,
        code: u8,
        truncated: bool,
        flip: Option<(u16, u8)>,
    },
    Bytes {
        which: u8,
        bytes: Vec<u8>,
    },
    QueryFails {
        which: u8,
    },
    Connects {
        which: u8,
    },
    Refuses {
        which: u8,
    },
    GoOn,
    Pass {
        millis: u16,
    },
    Deadline,
}

#[derive(Arbitrary, Debug)]
enum Record {
    A { owner: u8, address: u32 },
    Aaaa { owner: u8, address: u128 },
    Srv { priority: u16, weight: u16, port: u16, target: u8 },
    Alias { owner: u8, target: u8 },
}

const NAMES: [&str; 6] =
    ["", "example.com", "a.example.com", "b.example.com", "c_d.example.net", "xn--a.example"];

fn name(number: u8) -> Name<'static> {
    Name::new_unchecked(NAMES[usize::from(number) % NAMES.len()])
}

struct Stage {
    connector: Connector,
    now: Now,
    open: Vec<(QueryId, Transport, Vec<u8>)>,
    attempts: Vec<AttemptId>,
    seen: (BTreeSet<QueryId>, BTreeSet<AttemptId>),
    won: BTreeSet<AttemptId>,
    route: Option<Route>,
    over: bool,
}

impl Stage {
    fn drain(&mut self) {
        while let Some(action) = self.connector.poll_action() {
            assert!(!self.over, "{action:?} after the end");
            match action {
                Action::Query { query, transport, message, .. } => {
                    assert!(self.seen.0.insert(query));
                    self.open.push((query, transport, message));
                }
                Action::Forget { query } => {
                    assert!(self.seen.0.contains(&query));
                    self.open.retain(|(open, ..)| *open != query);
                }
                Action::Connect { attempt, .. } => {
                    assert!(self.seen.1.insert(attempt));
                    self.attempts.push(attempt);
                }
                Action::Abort { attempt } => self.attempts.retain(|open| *open != attempt),
                Action::Connected { attempt, route } => {
                    assert!(self.seen.1.contains(&attempt) && self.won.insert(attempt));
                    self.attempts.retain(|open| *open != attempt);
                    self.route = Some(route);
                }
                Action::Failed(failure) => {
                    assert!(!failure.to_string().is_empty());
                    assert!(self.open.is_empty() && self.attempts.is_empty());
                    self.over = true;
                }
                _ => {}
            }
        }
        assert!(self.attempts.len() <= 256 && self.open.len() <= 64);
        if self.over {
            assert_eq!(self.connector.deadline(), None);
        }
    }

    fn answer(&mut self, which: u8, records: &[Record], code: u8, truncated: bool, flip: Option<(u16, u8)>) {
        let Some((query, transport, message)) = pick(&self.open, which).cloned() else { return };
        let start = if transport == Transport::Tcp { 2 } else { 0 };
        let packet = Packet::parse(&message[start..]).expect("our own question");
        let asked = packet.questions[0].qname.clone();
        let mut reply = packet.clone().into_reply();
        let owner = |number: u8| if number.is_multiple_of(2) { asked.clone() } else { name(number / 2) };
        for record in records.iter().take(40) {
            let (owner, data) = match *record {
                Record::A { owner: of, address } => (owner(of), RData::A(A { address })),
                Record::Aaaa { owner: of, address } => (owner(of), RData::AAAA(AAAA { address })),
                Record::Alias { owner: of, target } => (owner(of), RData::CNAME(CNAME(name(target)))),
                Record::Srv { priority, weight, port, target } => {
                    (asked.clone(), RData::SRV(SRV { priority, weight, port, target: name(target) }))
                }
            };
            reply.answers.push(ResourceRecord::new(owner, CLASS::IN, 60, data));
        }
        if truncated {
            reply.set_flags(PacketFlag::TRUNCATION);
        }
        *reply.rcode_mut() = match code % 4 {
            0 | 1 => RCODE::NoError,
            2 => RCODE::NameError,
            _ => RCODE::ServerFailure,
        };
        let Ok(mut bytes) = reply.build_bytes_vec() else { return };
        if let Some((at, mask)) = flip {
            let at = usize::from(at) % bytes.len();
            bytes[at] ^= mask;
        }
        if transport == Transport::Tcp {
            bytes.splice(0..0, (bytes.len() as u16).to_be_bytes());
        }
        self.connector.receive(self.now, query, &bytes);
    }

    fn deadline(&mut self) {
        let Some(deadline) = self.connector.deadline() else { return };
        self.now = self.now.after(deadline.at - self.now.instant);
        self.connector.tick(self.now);
        self.drain();
        assert!(self.connector.deadline() != Some(deadline), "ticking does not help");
    }
}

fn pick<T>(from: &[T], which: u8) -> Option<&T> {
    from.get(usize::from(which).checked_rem(from.len())?)
}

fuzz_target!(|play: Play| {
    let servers = (0..play.servers % 4).map(|last| [192, 0, 2, last].into());
    let config = Config::new(Resolvers::new(servers), Hosts::default());
    let target = match play.target {
        Wanted::Example => Target::Client("example.com".into()),
        Wanted::Domain(domain) => Target::Client(domain),
        Wanted::Host(host) => Target::Host { host, port: 5222, security: Security::Direct },
    };
    let now = Now::new(Instant::ORIGIN, Utc::from_unix_millis(0));
    let mut stage = Stage {
        connector: Connector::new(target, config, now, Entropy::from_seed([play.seed; 32])),
        now,
        open: Vec::new(),
        attempts: Vec::new(),
        seen: Default::default(),
        won: BTreeSet::new(),
        route: None,
        over: false,
    };
    stage.drain();
    for step in play.steps {
        match step {
            Step::Answer { which, records, code, truncated, flip } => {
                stage.answer(which, &records, code, truncated, flip);
            }
            Step::Bytes { which, bytes } => {
                if let Some((query, ..)) = pick(&stage.open, which) {
                    stage.connector.receive(stage.now, *query, &bytes);
                }
            }
            Step::QueryFails { which } => {
                if let Some((query, ..)) = pick(&stage.open, which) {
                    stage.connector.query_failed(stage.now, *query);
                }
            }
            Step::Connects { which } => {
                if let Some(attempt) = pick(&stage.attempts, which) {
                    stage.connector.connected(stage.now, *attempt);
                }
            }
            Step::Refuses { which } => {
                if let Some(attempt) = pick(&stage.attempts, which).copied() {
                    stage.attempts.retain(|open| *open != attempt);
                    stage.connector.failed(stage.now, attempt, "refused");
                }
            }
            Step::GoOn => {
                if let Some(route) = stage.route.take() {
                    stage.connector.go_on(stage.now, &route, "not XMPP");
                }
            }
            Step::Pass { millis } => {
                stage.now = stage.now.after(Duration::from_millis(millis.into()));
                stage.connector.tick(stage.now);
            }
            Step::Deadline => stage.deadline(),
        }
        stage.drain();
    }
    // Left alone, it comes to an end: a failure, or a winner that nobody complains about.
    for _ in 0..10_000 {
        if stage.connector.deadline().is_none() {
            return;
        }
        stage.deadline();
    }
    panic!("it never ends");
});
