//! Finding a server and getting through to it, held against a model that knows all records and all hosts.
//!
//! An input is two bytes of settings and operations of four bytes each: a letter and three numbers. Capital letters make the world
//! before anything happens: `S` an SRV record, `A` and `Q` the addresses of a host, `N` an alias, `U` what becomes of who
//! connects to an address, `H` a line of the table of hosts. Small letters are what happens, in order.
//!
//! Settings: bits 0 and 1 how many name servers there are; 2 no direct TLS; 3 no STARTTLS; 4 to 7 what is looked for; the second
//! byte is the seed.
//!
//! Whatever happens: exchanges and attempts are named once, and end once; nothing is connected to but what name servers have
//! said in answer to our questions; attempts keep their distance and none takes too long; a deadline that has come moves, and
//! none is later than the end of all patience. If everybody is honest and quick from then on, a way is found where there is one,
//! and none where there is none.

mod world;

use arbitrary::{Arbitrary, Result, Unstructured};
use simple_dns::rdata::{A, AAAA, RData};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QTYPE, RCODE, ResourceRecord, TYPE};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use waxwing_core::dns::{
    Action, AttemptId, Config, Connector, Hosts, QueryId, Resolvers, Route, Security, Target, Transport,
};
use waxwing_core::machine::{Entropy, Instant, Now};
use world::{Door, World};

const MOST: usize = 160;
const DOMAIN: &str = "example.com";
/// The domain itself and hosts.
const NAMES: [&str; 6] =
    [DOMAIN, "a.example.com", "b.example.com", "c_d.example.net", "xn--bcher-kva.example", "e.example.com"];
const PATIENCE: Duration = Duration::from_secs(60);
const ATTEMPT: Duration = Duration::from_secs(10);
/// Before that nobody has been given up.
const LATE: Duration = Duration::from_secs(4);
const DISTANCE: Duration = Duration::from_millis(250);
/// What forged answers say: nobody must ever connect there.
const POISON: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(203, 0, 113, 6)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0xbad, 0, 0, 0, 6)),
];

/// A whole play.
#[derive(Clone)]
pub struct Script {
    settings: [u8; 2],
    ops: Vec<Op>,
}

#[derive(Clone, Copy)]
struct Op {
    what: u8,
    args: [u8; 3],
}

const LETTERS: &[u8] = b"SAQNUHqxjftnsyrgwdhc";

impl<'a> Arbitrary<'a> for Script {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Script> {
        let settings = u.arbitrary()?;
        let mut ops = Vec::new();
        while u.len() >= 4 && ops.len() < MOST {
            let what: u8 = u.arbitrary()?;
            let known = LETTERS.contains(&what).then_some(what);
            let what = known.unwrap_or(LETTERS[usize::from(what) % LETTERS.len()]);
            ops.push(Op { what, args: u.arbitrary()? });
        }
        Ok(Script { settings, ops })
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b] = self.settings;
        writeln!(f, "settings {a:#010b} {b}")?;
        self.ops.iter().try_for_each(|op| writeln!(f, "{} {:?}", char::from(op.what), op.args))
    }
}

/// A connector and its owner.
struct Play {
    world: World,
    connector: Connector,
    settings: [u8; 2],
    now: Now,
    begin: Now,
    queries: Vec<(QueryId, Transport, Vec<u8>)>,
    attempts: BTreeMap<AttemptId, (SocketAddr, Instant)>,
    seen: (BTreeSet<QueryId>, BTreeSet<AttemptId>),
    /// Connected to and not announced as the winner yet.
    connecting: Option<AttemptId>,
    winner: Option<Route>,
    /// When the last attempt began, if none has failed since.
    last: Option<Instant>,
    /// What has been tried in vain.
    vain: BTreeSet<SocketAddr>,
    is_over: bool,
    /// Everybody has told the truth, and in time.
    is_honest: bool,
    /// Bits of true answers have been changed: they may say anything.
    is_tampered: bool,
    /// So much time has passed that somebody may have been given up.
    is_late: bool,
}

/// Plays the script.
pub fn play(script: &Script) {
    let mut world = World::default();
    script.ops.iter().for_each(|op| world.add(*op));
    let mut play = Play::new(script.settings, world);
    play.settle();
    for op in &script.ops {
        play.perform(*op);
        play.is_late |= play.now.instant - play.begin.instant >= LATE;
        play.settle();
    }
    play.finish();
}

fn bit(settings: [u8; 2], n: u32) -> bool {
    settings[0] >> n & 1 == 1
}

fn target(settings: [u8; 2]) -> Target {
    let named = |host: &str| Target::Host { host: host.into(), port: 9222, security: Security::Direct };
    match settings[0] >> 4 {
        0..=7 => Target::Client(DOMAIN.into()),
        8..=9 => Target::ClientStartTls(DOMAIN.into()),
        10 => named(NAMES[1]),
        11 => named("192.0.2.1"),
        12 => named("2001:db8::1"),
        13 => Target::Client("192.0.2.1".into()),
        14 => Target::Client("localhost".into()),
        _ => Target::Client("no name".into()),
    }
}

impl Play {
    fn new(settings: [u8; 2], world: World) -> Play {
        let servers = (1..=1 + (settings[0] & 3)).map(|last| [192, 0, 2, 50 + last].into());
        let mut hosts = Hosts::default();
        for (name, addresses) in &world.hosts {
            addresses.iter().for_each(|address| hosts.insert(NAMES[*name], *address));
        }
        let mut config = Config::new(Resolvers::new(servers), hosts);
        (config.direct_tls, config.starttls) = (!bit(settings, 2), !bit(settings, 3));
        (config.timeout, config.attempt_timeout, config.attempt_delay) = (PATIENCE, ATTEMPT, DISTANCE);
        let now = crate::start();
        let connector = Connector::new(target(settings), config, now, Entropy::from_seed([settings[1]; 32]));
        Play {
            world,
            connector,
            settings,
            now,
            begin: now,
            queries: Vec::new(),
            attempts: BTreeMap::new(),
            seen: Default::default(),
            connecting: None,
            winner: None,
            last: None,
            vain: BTreeSet::new(),
            is_over: false,
            is_honest: true,
            is_tampered: false,
            is_late: false,
        }
    }

    fn perform(&mut self, Op { what, args: [a, b, c] }: Op) {
        let now = self.now;
        match what {
            b'q' => self.answer(a, c),
            b'x' => self.forge(a, b, c),
            b'j' => {
                if let Some((query, transport, _)) = self.query(a) {
                    self.is_honest &= transport == Transport::Udp;
                    let bytes: Vec<u8> = (0..b % 64).map(|n| n.wrapping_mul(c)).collect();
                    self.connector.receive(now, query, &bytes);
                }
            }
            b'f' => {
                if let Some((query, ..)) = self.query(a) {
                    self.is_honest = false;
                    self.connector.query_failed(now, query);
                }
            }
            b't' => {
                self.reply_with(a, |reply| {
                    reply.answers.truncate(usize::from(b % 2));
                    reply.set_flags(PacketFlag::TRUNCATION);
                    // Over UDP that is the truth.
                    false
                });
            }
            b'n' => self.reply_with(a, |reply| {
                reply.answers.clear();
                *reply.rcode_mut() = if b % 2 == 0 { RCODE::NameError } else { RCODE::NoError };
                true
            }),
            b's' => self.reply_with(a, |reply| {
                *reply.rcode_mut() = if b % 2 == 0 { RCODE::ServerFailure } else { RCODE::Refused };
                true
            }),
            b'h' => {
                (self.is_honest, self.is_tampered) = (false, true);
                self.answer_changed(a, |bytes| {
                    let at = (usize::from(b) * 2 + usize::from(c / 128)) % bytes.len().max(1);
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte ^= 1 << (c % 8);
                    }
                });
            }
            b'y' => self.connect(a),
            b'r' => self.refuse(a),
            b'g' => {
                if let Some(route) = self.winner.take() {
                    self.vain.insert(route.address);
                    self.connector.go_on(now, &route, "no XMPP here");
                }
            }
            b'w' => self.wait(Duration::from_millis([0, 1, 49, 50, 249, 250, 999, 1000][usize::from(a % 8)])),
            b'd' => self.wait_for_deadline(),
            // Anything that is over.
            b'c' => {
                let (queries, attempts) = (self.seen.0.clone(), self.seen.1.clone());
                let gone = attempts.iter().find(|attempt| !self.attempts.contains_key(attempt));
                gone.into_iter().for_each(|attempt| self.connector.connected(now, *attempt));
                let gone = queries.iter().find(|query| self.queries.iter().all(|(open, ..)| open != *query));
                gone.into_iter().for_each(|query| self.connector.receive(now, *query, &[b, c]));
            }
            _ => {}
        }
    }

    fn query(&self, which: u8) -> Option<(QueryId, Transport, Vec<u8>)> {
        self.queries.get(usize::from(which).checked_rem(self.queries.len())?).cloned()
    }

    fn answer(&mut self, which: u8, pieces: u8) {
        let Some((query, transport, message)) = self.query(which) else { return };
        let bytes = self.honest(transport, &message);
        let size = match transport {
            Transport::Udp => bytes.len(),
            Transport::Tcp => usize::from(pieces % 16) + 1,
        };
        for piece in bytes.chunks(size.max(1)) {
            self.connector.receive(self.now, query, piece);
        }
    }

    fn honest(&self, transport: Transport, message: &[u8]) -> Vec<u8> {
        let question = parse(transport, message);
        frame(transport, self.world.answer(&question).build_bytes_vec().expect("an answer"))
    }

    /// `true` from `change`: not the truth.
    fn reply_with(&mut self, which: u8, change: impl FnOnce(&mut Packet<'_>) -> bool) {
        let Some((query, transport, message)) = self.query(which) else { return };
        let question = parse(transport, &message);
        let mut reply = self.world.answer(&question);
        let is_lie = change(&mut reply) || transport == Transport::Tcp;
        self.is_honest &= !is_lie;
        let bytes = frame(transport, reply.build_bytes_vec().expect("an answer"));
        self.connector.receive(self.now, query, &bytes);
    }

    fn answer_changed(&mut self, which: u8, change: impl FnOnce(&mut Vec<u8>)) {
        let Some((query, transport, message)) = self.query(which) else { return };
        let mut bytes = self.honest(transport, &message);
        change(&mut bytes);
        self.connector.receive(self.now, query, &bytes);
    }

    /// An answer that must not be believed: to another question, or to nobody's.
    fn forge(&mut self, which: u8, how: u8, c: u8) {
        let Some((query, transport, message)) = self.query(which) else { return };
        let question = parse(transport, &message);
        let mut reply = question.clone().into_reply();
        let owner = question.questions[0].qname.clone();
        let poison = |address: IpAddr| match address {
            IpAddr::V4(address) => RData::A(A::from(address)),
            IpAddr::V6(address) => RData::AAAA(AAAA::from(address)),
        };
        for address in POISON {
            reply.answers.push(ResourceRecord::new(owner.clone(), CLASS::IN, 60, poison(address)));
        }
        match how % 5 {
            0 => reply.set_id(question.id() ^ (u16::from(c) + 1)),
            1 => reply.remove_flags(PacketFlag::RESPONSE),
            2 => reply.questions[0].qname = Name::new_unchecked("z.example.com"),
            3 => {
                let other =
                    if reply.questions[0].qtype == QTYPE::TYPE(TYPE::A) { TYPE::AAAA } else { TYPE::A };
                reply.questions[0].qtype = QTYPE::TYPE(other);
            }
            // True but for records of somebody else.
            _ => {
                reply
                    .answers
                    .iter_mut()
                    .for_each(|record| record.name = Name::new_unchecked("z.example.com"));
                reply.answers.extend(self.world.answer(&question).answers);
                *reply.rcode_mut() = self.world.answer(&question).rcode();
            }
        }
        // Over TCP nobody else can speak.
        self.is_honest &= transport == Transport::Udp || how % 5 == 4;
        let bytes = frame(transport, reply.build_bytes_vec().expect("an answer"));
        self.connector.receive(self.now, query, &bytes);
    }

    fn attempt(&self, which: u8) -> Option<(AttemptId, SocketAddr)> {
        let index = usize::from(which).checked_rem(self.attempts.len())?;
        self.attempts.iter().nth(index).map(|(attempt, (address, _))| (*attempt, *address))
    }

    fn connect(&mut self, which: u8) {
        let Some((attempt, _)) = self.attempt(which) else { return };
        self.connecting = Some(attempt);
        self.connector.connected(self.now, attempt);
    }

    fn refuse(&mut self, which: u8) {
        let Some((attempt, address)) = self.attempt(which) else { return };
        self.attempts.remove(&attempt);
        (self.last, _) = (None, self.vain.insert(address));
        self.connector.failed(self.now, attempt, "refused");
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now.after(time);
        self.connector.tick(self.now);
    }

    fn wait_for_deadline(&mut self) {
        if let Some(deadline) = self.connector.deadline() {
            assert!(deadline.at - self.begin.instant <= PATIENCE, "more patience than there is");
            self.wait(deadline.at - self.now.instant);
        }
    }

    /// Does what there is to do, and checks what must be true then.
    fn settle(&mut self) {
        self.drain();
        for _ in 0..4 {
            match self.connector.deadline() {
                Some(deadline) if deadline.at <= self.now.instant => self.connector.tick(self.now),
                _ => break,
            }
            self.drain();
        }
        let deadline = self.connector.deadline();
        assert!(deadline.is_none_or(|it| it.at > self.now.instant), "ticking does not move {deadline:?}");
        assert!(self.connecting.is_none(), "it was connected, and has not won");
        if self.is_over {
            assert_eq!(deadline, None);
            assert!(self.queries.is_empty() && self.attempts.is_empty(), "something is left behind");
        } else if self.winner.is_none() {
            assert!(deadline.is_some(), "nothing goes on");
        }
        if self.winner.is_none() {
            let oldest = self.attempts.values().map(|(_, since)| *since).min();
            assert!(
                oldest.is_none_or(|since| self.now.instant - since < ATTEMPT),
                "an attempt takes too long"
            );
        }
        assert!(self.queries.len() <= 64 && self.attempts.len() <= 64);
    }

    fn drain(&mut self) {
        while let Some(action) = self.connector.poll_action() {
            assert!(!self.is_over, "{action:?} after the end");
            match action {
                Action::Query { query, transport, message, .. } => {
                    assert!(self.seen.0.insert(query), "two exchanges of one name");
                    self.queries.push((query, transport, message));
                }
                Action::Forget { query } => {
                    let before = self.queries.len();
                    self.queries.retain(|(open, ..)| *open != query);
                    assert!(self.queries.len() < before, "forgotten twice");
                }
                Action::Connect { attempt, address } => {
                    assert!(self.seen.1.insert(attempt), "two attempts of one name");
                    assert!(!POISON.contains(&address.ip()), "a forged answer was believed");
                    let is_early = self.last.is_some_and(|last| self.now.instant - last < DISTANCE);
                    assert!(!is_early || self.attempts.is_empty(), "too soon after the last attempt");
                    self.last = Some(self.now.instant);
                    self.attempts.insert(attempt, (address, self.now.instant));
                    self.check_way(address, None);
                }
                Action::Abort { attempt } => {
                    let (address, since) = self.attempts.remove(&attempt).expect("it is under way");
                    if self.now.instant - since >= ATTEMPT {
                        (self.last, _) = (None, self.vain.insert(address));
                    }
                }
                Action::Connected { attempt, route } => {
                    assert_eq!(self.connecting.take(), Some(attempt), "it has been connected");
                    let (address, _) = self.attempts.remove(&attempt).expect("it is under way");
                    assert_eq!(address, route.address);
                    assert!(self.attempts.is_empty(), "the others have been given up");
                    self.check_way(address, Some(route.security));
                    (self.winner, self.last) = (Some(route), None);
                }
                Action::Failed(failure) => {
                    assert!(!failure.to_string().is_empty());
                    self.is_over = true;
                    self.check_end();
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// Somebody has said so; or it is the domain itself, should nobody have answered what its records are.
    fn check_way(&self, address: SocketAddr, security: Option<Security>) {
        let target = target(self.settings);
        let mut ways = self.world.ways(&target, self.settings);
        let is_domain =
            matches!(&target, Target::Client(name) | Target::ClientStartTls(name) if name == DOMAIN);
        if is_domain && !bit(self.settings, 3) {
            let own = self.world.resolve(0).into_iter();
            ways.extend(own.map(|address| (SocketAddr::new(address, 5222), Security::StartTls)));
        }
        let is_local = says_localhost(self.settings) && address.ip().is_loopback();
        let is_way = |way: &(SocketAddr, Security)| {
            way.0 == address && security.is_none_or(|security| way.1 == security)
        };
        assert!(self.is_tampered || is_local || ways.iter().any(is_way), "nobody said {address}");
    }

    /// There is no way: nobody has said that there is one, or it has been tried.
    fn check_end(&self) {
        if !self.is_honest || self.is_late || says_localhost(self.settings) {
            return;
        }
        let ways = self.world.ways(&target(self.settings), self.settings);
        let open = ways.iter().find(|(address, _)| {
            self.world.doors.get(&address.ip()) == Some(&Door::Open) && !self.vain.contains(address)
        });
        assert!(open.is_none(), "there was a way: {open:?}");
    }

    /// From here on everybody is honest, and answers at once.
    fn finish(&mut self) {
        for _ in 0..10_000 {
            if self.is_over || self.winner.is_some() {
                return;
            }
            let answers = self
                .attempts
                .values()
                .position(|(address, _)| self.world.doors.get(&address.ip()) != Some(&Door::Silent));
            if !self.queries.is_empty() {
                self.answer(0, 15);
            } else if let Some(index) = answers {
                let address = self.attempts.values().nth(index).map(|(address, _)| address.ip());
                let is_open = address.is_some_and(|address| self.world.doors.contains_key(&address));
                if is_open { self.connect(index as u8) } else { self.refuse(index as u8) }
            } else {
                self.wait_for_deadline();
            }
            self.settle();
        }
        panic!("it never ends");
    }
}

fn says_localhost(settings: [u8; 2]) -> bool {
    settings[0] >> 4 == 14
}

fn parse(transport: Transport, message: &[u8]) -> Packet<'_> {
    let start = if transport == Transport::Tcp { 2 } else { 0 };
    Packet::parse(&message[start..]).expect("our own question")
}

fn frame(transport: Transport, mut bytes: Vec<u8>) -> Vec<u8> {
    if transport == Transport::Tcp {
        bytes.splice(0..0, (bytes.len() as u16).to_be_bytes());
    }
    bytes
}
