//! Sessions on a real server, over a network that breaks at random moments (RFC 6120 section 3.3, XEP-0198 section 5).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use waxwing_core::client::session::{Action, Reconnect, Session};
use waxwing_core::client::{Config, Event, Management, StanzaHandle, TlsMode};
use waxwing_core::dns::{Failure, Security};
use waxwing_core::jid::{BareJid, Jid};
use waxwing_core::machine::{Instant, Machine as _, Now};
use waxwing_core::sasl::{Credentials, ServerPolicy};
use waxwing_core::server::Server;
use waxwing_core::server::connection::{self, Transport};
use waxwing_core::server::hub::{self, Hub};
use waxwing_core::server::single::ConnectionId;
use waxwing_core::server::store::MemoryStore;
use waxwing_core::stanza::Message;
use waxwing_tests::{Account, Clock, Random};

const ADDRESSES: [&str; 2] = ["alice@localhost/a", "bob@localhost/b"];

/// A server and two sessions that talk to each other, with bytes under way between them.
struct World {
    server: Server,
    store: MemoryStore,
    peers: [Peer; 2],
    clock: Clock,
    random: Random,
    /// Nobody can be reached.
    is_down: bool,
}

struct Peer {
    session: Session,
    line: Option<Line>,
    sent: Vec<StanzaHandle>,
    received: Vec<usize>,
    events: Vec<Event>,
}

struct Line {
    id: ConnectionId,
    up: VecDeque<u8>,
    down: VecDeque<u8>,
    /// The server is done with it.
    is_over: bool,
}

fn server(random: &mut Random) -> Server {
    let domain: BareJid = "localhost".parse().unwrap();
    let mut config = connection::Config::new([domain.clone()], [7; 32]);
    config.sasl = ServerPolicy { require_tls: false, iterations: Account::ITERATIONS, ..config.sasl };
    let hub = Hub::new(hub::Config::new(domain), random.entropy());
    Server::new(Arc::new(config), hub, random.entropy())
}

fn config(address: &str) -> Config {
    let jid = Jid::new(address).unwrap();
    let Account { local, password, .. } = Account::new(jid.local().unwrap(), jid.domain());
    let mut config = Config::new(jid, TlsMode::Plaintext);
    config.credentials = Some(Credentials::Password { username: local, password });
    config.management = Management::Resume { max: None };
    config
}

impl World {
    fn new(seed: u64, change: impl Fn(&mut Config)) -> World {
        let mut random = Random::new(seed);
        let (clock, mut store) = (Clock::new(), MemoryStore::new());
        let mut policy = Reconnect::default();
        // Connections break so often here that waits would outgrow the server's patience.
        (policy.spread, policy.longest) = (Duration::from_secs(5), Duration::from_secs(30));
        let peers = ADDRESSES.map(|address| {
            let mut config = config(address);
            change(&mut config);
            let account = Account::new(config.account.local().unwrap(), "localhost");
            store.insert(account.jid(), account.record(&mut random));
            let session = Session::new(config, policy.clone(), clock.now(), random.entropy());
            Peer { session, line: None, sent: Vec::new(), received: Vec::new(), events: Vec::new() }
        });
        let server = server(&mut random);
        World { server, store, peers, clock, random, is_down: false }
    }

    fn now(&self) -> Now {
        self.clock.now()
    }

    /// Sends the next message of this peer to the other.
    fn say(&mut self, from: usize) {
        let now = self.now();
        let peer = &mut self.peers[from];
        let message = Message::chat(Jid::new(ADDRESSES[1 - from]).unwrap(), &peer.sent.len().to_string());
        peer.sent.push(peer.session.send(now, message).unwrap());
    }

    /// A connection breaks, with all that is under way. Sometimes the server does not notice.
    fn cut(&mut self, peer: usize) {
        let now = self.now();
        let Some(line) = self.peers[peer].line.take() else { return };
        self.peers[peer].session.receive_eof(now);
        if !self.random.one_in(3) {
            self.server.disconnected(now, line.id);
        }
    }

    /// The server loses everything but its store.
    fn crash(&mut self) {
        self.server = server(&mut self.random);
        for peer in 0..2 {
            self.cut(peer);
        }
    }

    /// Lets something happen. False if nothing can but that time passes.
    fn step(&mut self) -> bool {
        let mut busy = self.drain_server();
        for peer in 0..2 {
            busy |= self.drain_peer(peer) | self.carry(peer);
        }
        busy
    }

    fn drain_server(&mut self) -> bool {
        let mut busy = false;
        self.server.run_store(self.clock.now(), &mut self.store);
        while self.server.poll_event().is_some() {}
        while let Some(id) = self.server.poll_writable() {
            busy = true;
            let mut bytes = Vec::new();
            self.server.transmit(id, &mut bytes);
            let is_over = self.server.is_finished(id);
            let line = self.peers.iter_mut().filter_map(|peer| peer.line.as_mut()).find(|line| line.id == id);
            if let Some(line) = line {
                line.down.extend(bytes);
                line.is_over = is_over;
            }
        }
        busy
    }

    fn drain_peer(&mut self, index: usize) -> bool {
        let now = self.clock.now();
        let (peer, mut busy) = (&mut self.peers[index], false);
        let mut bytes = Vec::new();
        loop {
            let count = peer.session.transmit(&mut bytes);
            let (event, action) = (peer.session.poll_event(), peer.session.poll_action());
            if count == 0 && event.is_none() && action.is_none() {
                break;
            }
            busy = true;
            if let Some(Event::Message(message)) = &event {
                assert_eq!(message.error(), None, "{message:?}");
                peer.received.push(message.body(None).unwrap().parse().unwrap());
            }
            peer.events.extend(event);
            match action {
                Some(Action::Dial(_)) if self.is_down => {
                    peer.session.dial_failed(now, &Failure::Unreachable(Vec::new()));
                }
                Some(Action::Dial(_)) => {
                    let id = self.server.accept(now, Transport::Plain);
                    peer.session.connected(now, Security::StartTls).unwrap();
                    bytes.clear();
                    peer.line = Some(Line { id, up: VecDeque::new(), down: VecDeque::new(), is_over: false });
                }
                _ => {}
            }
        }
        if let Some(line) = &mut peer.line {
            line.up.extend(bytes);
            if peer.session.is_finished() && line.up.is_empty() {
                self.server.receive_eof(now, line.id);
                peer.line = None;
            }
        }
        busy
    }

    /// Some of the bytes that are under way arrive.
    fn carry(&mut self, index: usize) -> bool {
        let now = self.clock.now();
        let Peer { session, line: Some(line), .. } = &mut self.peers[index] else { return false };
        let up = line.up.len().min(self.server.read_budget(line.id)).min(1 + self.random.below(800));
        let bytes: Vec<u8> = line.up.drain(..up).collect();
        if !bytes.is_empty() {
            self.server.receive(now, line.id, &bytes);
        }
        let down = line.down.len().min(session.read_budget()).min(1 + self.random.below(800));
        let bytes: Vec<u8> = line.down.drain(..down).collect();
        if !bytes.is_empty() {
            session.receive(now, &bytes);
        }
        let is_over = line.is_over && line.down.is_empty();
        if is_over {
            session.receive_eof(now);
            self.peers[index].line = None;
        }
        up + down > 0 || is_over
    }

    /// Moves to the next deadline; false if there is none.
    fn pass_time(&mut self) -> bool {
        let deadlines = self.peers.iter().map(|peer| peer.session.deadline()).chain([self.server.deadline()]);
        let Some(at) = deadlines.flatten().map(|deadline| deadline.at).min() else { return false };
        self.clock.advance_to(at.max(self.now().instant));
        let now = self.now();
        self.server.tick(now);
        self.peers.iter_mut().for_each(|peer| peer.session.tick(now));
        true
    }

    fn run_until(&mut self, mut done: impl FnMut(&World) -> bool) {
        let limit = self.now().instant + Duration::from_secs(24 * 3600);
        while !done(self) {
            assert!(self.now().instant < limit, "it has not come to that in a day");
            if !self.step() {
                assert!(self.pass_time(), "nothing will ever happen");
            }
        }
    }

    fn acknowledged(&self, peer: usize) -> Vec<StanzaHandle> {
        let acknowledged = |event: &Event| match event {
            Event::Acknowledged(handle) => Some(*handle),
            _ => None,
        };
        self.peers[peer].events.iter().filter_map(acknowledged).collect()
    }

    fn count(&self, peer: usize, is_it: impl Fn(&Event) -> bool) -> usize {
        self.peers[peer].events.iter().filter(|event| is_it(event)).count()
    }
}

fn is_online(world: &World) -> bool {
    world.peers.iter().all(|peer| peer.session.is_online())
}

#[test]
fn xep0198_5_connections_that_break_at_random_moments_lose_nothing_and_double_nothing() {
    const MESSAGES: usize = 150;
    for seed in 0..6 {
        let mut world = World::new(seed, |_| ());
        world.run_until(is_online);
        let mut cuts = 0;
        while world.peers.iter().any(|peer| peer.sent.len() < MESSAGES) {
            for peer in 0..2 {
                if world.peers[peer].sent.len() < MESSAGES && world.random.one_in(4) {
                    world.say(peer);
                }
                if world.random.one_in(120) {
                    world.cut(peer);
                    cuts += 1;
                }
            }
            if !world.step() {
                world.pass_time();
            }
        }
        let all = |world: &World| (0..2).all(|peer| world.acknowledged(peer).len() == MESSAGES);
        world.run_until(|world| all(world) && world.peers.iter().all(|peer| peer.received.len() >= MESSAGES));
        for peer in 0..2 {
            let expected: Vec<usize> = (0..MESSAGES).collect();
            assert_eq!(world.peers[peer].received, expected, "seed {seed}: lost, doubled or out of order");
            assert_eq!(world.acknowledged(peer), world.peers[peer].sent, "seed {seed}");
            assert_eq!(world.count(peer, |event| matches!(event, Event::Online(_))), 1, "seed {seed}");
        }
        let resumed = (0..2).map(|peer| world.count(peer, |event| matches!(event, Event::Resumed(_))));
        assert!(cuts > 0 && resumed.sum::<usize>() > 0, "seed {seed}: {cuts} cuts");
    }
}

#[test]
fn xep0198_4_a_server_that_crashed_gets_again_what_it_had_not_acknowledged() {
    const MESSAGES: usize = 60;
    for seed in 0..4 {
        let mut world = World::new(seed, |_| ());
        world.run_until(is_online);
        while world.peers.iter().any(|peer| peer.sent.len() < MESSAGES) {
            for peer in 0..2 {
                if world.peers[peer].sent.len() < MESSAGES && world.random.one_in(4) {
                    world.say(peer);
                }
            }
            if world.random.one_in(100) {
                world.crash();
            }
            if !world.step() {
                world.pass_time();
            }
        }
        // Each message is the server's in the end, whatever it then makes of those to people who are not there yet.
        world.run_until(|world| (0..2).all(|peer| world.acknowledged(peer).len() == MESSAGES));
        for peer in 0..2 {
            let (mut all, mut sent) = (world.acknowledged(peer), world.peers[peer].sent.clone());
            all.sort_unstable();
            sent.sort_unstable();
            assert_eq!(all, sent, "seed {seed}: each exactly once");
            assert!(world.count(peer, |event| matches!(event, Event::Online(_))) >= 1);
        }
    }
}

#[test]
fn messages_written_while_nobody_can_be_reached_arrive_when_somebody_can() {
    for resume in [true, false] {
        let mut world = World::new(7, |config| {
            if !resume {
                config.management = Management::Acknowledge;
            }
        });
        world.run_until(is_online);
        world.is_down = true;
        world.cut(0);
        for _ in 0..20 {
            world.say(0);
        }
        let until: Instant = world.now().instant + Duration::from_secs(120);
        world.run_until(|world| world.now().instant >= until);
        assert!(world.peers[1].received.is_empty());
        world.is_down = false;
        world.run_until(|world| world.acknowledged(0).len() == 20 && world.peers[1].received.len() >= 20);
        assert_eq!(world.peers[1].received, (0..20).collect::<Vec<_>>());
        assert_eq!(world.acknowledged(0), world.peers[0].sent);
    }
}

#[test]
fn rfc6120_4_9_3_20_sessions_survive_a_server_that_is_shut_down_and_started_again() {
    let mut world = World::new(3, |_| ());
    world.run_until(is_online);
    let shutdown = waxwing_core::stream::Condition::SystemShutdown;
    world.is_down = true;
    let now = world.now();
    world.server.shutdown(now, waxwing_core::stream::StreamError::new(shutdown));
    world.run_until(|world| world.peers.iter().all(|peer| peer.session.next_attempt().is_some()));
    world.crash();
    world.say(0);
    world.is_down = false;
    world.run_until(|world| is_online(world) && world.acknowledged(0).len() == 1);
    for peer in 0..2 {
        assert_eq!(world.count(peer, |event| matches!(event, Event::Online(_))), 2);
        assert_eq!(world.count(peer, |event| matches!(event, Event::Closed(_))), 0);
    }
}
