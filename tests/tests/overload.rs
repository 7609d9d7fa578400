//! Those who take more than their share, under virtual time: what they cost, and that the others do not notice.
//!
//! `load overload` does the same to a real server ([README](../../examples/load/README.md)). A machine takes no virtual time, so
//! that whatever delays somebody here waits for somebody else. Memory is that of the process, so one test runs at a time.

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use waxwing_core::jid::BareJid;
use waxwing_core::sasl::StoredCredentials;
use waxwing_core::server::connection::{self, Transport};
use waxwing_core::server::hub;
use waxwing_core::server::single::{ConnectionId, Event};
use waxwing_core::server::store::Record;
use waxwing_tests::{Conditions, Raw, Simulation};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

const SECOND: Duration = Duration::from_secs(1);
const STEP: Duration = Duration::from_millis(100);
const HEADER: &str = "<stream:stream to='example.org' version='1.0' xmlns='jabber:client' \
                      xmlns:stream='http://etherx.jabber.org/streams'>";
/// SASL PLAIN (RFC 4616) for `alice` with the password `secret`, and with another.
const RIGHT: &str =
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGFsaWNlAHNlY3JldA==</auth>";
const WRONG: &str =
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGFsaWNlAHdyb25n</auth>";
const BIND: &str = "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";

fn live_bytes() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// A server, and two sessions that behave well.
struct Scene {
    simulation: Simulation<Raw>,
    sender: usize,
    reader: usize,
    said: u32,
    /// How long a message and a login take when nothing else happens.
    usual: (Duration, Duration),
    bytes: usize,
    _alone: MutexGuard<'static, ()>,
}

impl Scene {
    fn new() -> Scene {
        let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let domain: BareJid = "example.org".parse().unwrap();
        let mut config = connection::Config::new([domain.clone()], [7; 32]);
        config.sasl.require_tls = false;
        config.sasl.plain_without_tls = true;
        let mut simulation = Simulation::with_config(1, config, hub::Config::new(domain));
        // Keys that cost little, or guessing would take the test longer than the server.
        let stored = StoredCredentials::derive("secret", 1, &mut simulation.random().entropy()).unwrap();
        simulation.store.insert("alice@example.org".parse().unwrap(), Record::new(stored));
        let latency = Duration::from_millis(20);
        simulation.set_conditions(Conditions { latency, window: 64 << 10, ..Conditions::default() });
        let (sender, reader) = (log_in(&mut simulation), log_in(&mut simulation));
        let usual = Default::default();
        let mut scene = Scene { simulation, sender, reader, said: 0, usual, bytes: 0, _alone: alone };
        scene.usual = (scene.message(), scene.login());
        assert_eq!(scene.usual.0, 2 * latency);
        scene.bytes = live_bytes();
        scene
    }

    fn server_has(&self) -> usize {
        self.simulation.server.connections()
    }

    /// How much more memory is in use than at the beginning.
    fn more_bytes(&self) -> usize {
        live_bytes().saturating_sub(self.bytes)
    }

    /// How long a message takes from one who behaves well to the other.
    fn message(&mut self) -> Duration {
        self.said += 1;
        let (body, begin) = (format!("<body>{}.</body>", self.said), self.simulation.now().instant);
        let to = address(&self.simulation, self.reader);
        self.simulation[self.sender].side.machine.say(format!("<message to='{to}'>{body}</message>"));
        let reader = self.reader;
        let is_there = |simulation: &Simulation<Raw>| simulation[reader].side.machine.text().contains(&body);
        assert!(self.simulation.run_until(60 * SECOND, is_there), "{body} does not arrive");
        self.simulation[reader].side.machine.take_received();
        self.simulation.now().instant - begin
    }

    /// How long it takes to log in.
    fn login(&mut self) -> Duration {
        let begin = self.simulation.now().instant;
        let client = log_in(&mut self.simulation);
        let time = self.simulation.now().instant - begin;
        self.simulation[client].side.machine.say("</stream:stream>");
        self.simulation[client].side.machine.close();
        self.simulation.run_for(SECOND);
        time
    }

    /// Those who behave well do not notice a thing.
    #[track_caller]
    fn all_is_as_usual(&mut self) {
        assert_eq!((self.message(), self.login()), self.usual);
    }

    /// Connections of an attacker's, without a client behind them.
    fn attackers(&mut self, count: usize) -> Vec<ConnectionId> {
        let now = self.simulation.now();
        (0..count).map(|_| self.simulation.server.accept(now, Transport::Plain)).collect()
    }

    /// An attacker sends as much as the server reads. Returns how much that was.
    fn push(&mut self, id: ConnectionId, bytes: &[u8]) -> usize {
        let now = self.simulation.now();
        let count = self.simulation.server.read_budget(id).min(bytes.len());
        if count > 0 {
            self.simulation.server.receive(now, id, &bytes[..count]);
        }
        count
    }

    /// An attacker with a session.
    fn attacker_logs_in(&mut self) -> ConnectionId {
        let id = self.attackers(1)[0];
        for said in [HEADER, RIGHT, HEADER, BIND] {
            assert_eq!(self.push(id, said.as_bytes()), said.len());
            self.simulation.run_for(STEP);
        }
        assert!(self.simulation.server.session_facts(id).is_some_and(|facts| facts.jid.is_some()));
        id
    }

    fn is_there(&self, id: ConnectionId) -> bool {
        !self.simulation.server.is_finished(id)
    }
}

fn log_in(simulation: &mut Simulation<Raw>) -> usize {
    let client = simulation.connect(Raw::new(HEADER), Transport::Plain);
    for (said, answer) in
        [("", "</stream:features>"), (RIGHT, "<success"), (HEADER, "</stream:features>"), (BIND, "</iq>")]
    {
        simulation[client].side.machine.say(said);
        let is_answered =
            |simulation: &Simulation<Raw>| simulation[client].side.machine.text().contains(answer);
        assert!(simulation.run_until(60 * SECOND, is_answered), "no {answer}");
        simulation[client].side.machine.take_received();
    }
    client
}

/// The address of a client that is online.
fn address(simulation: &Simulation<Raw>, client: usize) -> String {
    let id = simulation[client].id;
    let facts = simulation.server.session_facts(id).expect("it is connected");
    facts.jid.expect("it has a session").to_string()
}

#[test]
fn rfc6120_13_12_ten_thousand_silent_connections_cost_little_and_go() {
    const COUNT: usize = 10_000;
    let mut scene = Scene::new();
    let silent = scene.attackers(COUNT);
    scene.simulation.run_for(SECOND);
    assert_eq!(scene.server_has(), COUNT + 2);
    let each = scene.more_bytes() / COUNT;
    assert!(each < 4 << 10, "{each} bytes for a connection that says nothing");
    scene.all_is_as_usual();
    scene.simulation.run_for(30 * SECOND);
    assert_eq!(scene.server_has(), 2);
    assert!(silent.iter().all(|id| !scene.is_there(*id)));
    scene.all_is_as_usual();
}

#[test]
fn rfc6120_13_12_slow_writers_cost_little_and_go() {
    const COUNT: usize = 500;
    let mut scene = Scene::new();
    let slow = scene.attackers(COUNT);
    // A header that never ends, a byte at a time.
    let endless = format!("{} x='{}", HEADER.trim_end_matches('>'), "y".repeat(1000));
    for byte in endless.bytes().take(280) {
        slow.iter().for_each(|id| assert_eq!(scene.push(*id, &[byte]), 1));
        scene.simulation.run_for(STEP);
    }
    assert_eq!(scene.message(), scene.usual.0);
    assert_eq!(scene.server_has(), COUNT + 2);
    let each = scene.more_bytes() / COUNT;
    assert!(each < 16 << 10, "{each} bytes for a connection that writes slowly");
    scene.all_is_as_usual();
    scene.simulation.run_for(10 * SECOND);
    assert_eq!(scene.server_has(), 2);
    scene.all_is_as_usual();
}

#[test]
fn rfc6120_13_12_whoever_guesses_passwords_keeps_nobody_out() {
    let mut scene = Scene::new();
    let mut guesses = 0;
    let mut guessing: Vec<ConnectionId> = Vec::new();
    for round in 0..100 {
        guessing.retain(|id| !scene.simulation.server.is_finished(*id));
        let new = scene.attackers(64 - guessing.len());
        new.iter().for_each(|id| assert!(scene.push(*id, HEADER.as_bytes()) > 0));
        guessing.extend(new);
        guesses += guessing.iter().filter(|id| scene.push(**id, WRONG.as_bytes()) > 0).count();
        scene.simulation.run_for(STEP);
        if round % 20 == 10 {
            scene.all_is_as_usual();
        }
    }
    let failed = |event: &Event| matches!(event, Event::AuthenticationFailed { .. });
    let failed = scene.simulation.events.iter().filter(|(_, event)| failed(event)).count();
    assert_eq!(failed, guesses);
    // Five wrong ones end a connection.
    assert!(guesses > 5000, "{guesses}");
    let closed = |event: &Event| matches!(event, Event::Closed { .. });
    let closed = scene.simulation.events.iter().filter(|(_, event)| closed(event)).count();
    assert!(closed >= guesses / 5 - 64, "{closed} of those who guessed {guesses} times");
    scene.all_is_as_usual();
}

#[test]
fn bcp41_a_flood_of_one_session_is_read_no_faster_than_allowed() {
    let mut scene = Scene::new();
    let flooder = scene.attacker_logs_in();
    let to = address(&scene.simulation, scene.reader);
    let message = format!("<message to='{to}'><body>{}</body></message>", "x".repeat(8000));
    let flood = message.repeat(500);
    let (mut sent, mut rest) = (0, flood.as_bytes());
    let begin = scene.simulation.now().instant;
    for round in 0..100 {
        let count = scene.push(flooder, rest);
        sent += count;
        rest = &rest[count..];
        if rest.is_empty() {
            rest = flood.as_bytes();
        }
        scene.simulation.run_for(STEP);
        if round % 20 == 10 {
            scene.all_is_as_usual();
        }
    }
    let time = (scene.simulation.now().instant - begin).as_secs_f64();
    let allowed = (1 << 20) as f64 + time * (256 << 10) as f64;
    assert!(sent as f64 <= allowed * 1.01, "{sent} bytes in {time} s");
    assert!(sent as f64 >= allowed * 0.9, "a limit, and no more: {sent} bytes in {time} s");
    assert!(scene.is_there(flooder), "whoever sends much is not thrown out for it");
}

#[test]
fn rfc6120_13_12_slow_readers_end_themselves_and_nobody_else() {
    const READERS: usize = 4;
    let mut scene = Scene::new();
    let slow: Vec<usize> = (0..READERS).map(|_| log_in(&mut scene.simulation)).collect();
    slow.iter().for_each(|client| scene.simulation[*client].from_server.conditions.stalled = true);
    let senders: Vec<ConnectionId> = (0..READERS).map(|_| scene.attacker_logs_in()).collect();
    let before = scene.server_has();
    let mut most = 0;
    let floods: Vec<Vec<u8>> = slow
        .iter()
        .map(|client| {
            let to = address(&scene.simulation, *client);
            format!("<message to='{to}'><body>{}</body></message>", "x".repeat(8000)).into_bytes()
        })
        .collect();
    let mut at = [0; READERS];
    for round in 0..250 {
        for (number, sender) in senders.iter().enumerate() {
            loop {
                let count = scene.push(*sender, &floods[number][at[number]..]);
                at[number] = (at[number] + count) % floods[number].len();
                if count == 0 {
                    break;
                }
            }
        }
        scene.simulation.run_for(STEP);
        most = most.max(scene.more_bytes());
        if round % 50 == 10 {
            scene.all_is_as_usual();
        }
    }
    let left =
        slow.iter().filter(|client| !scene.simulation.server.is_finished(scene.simulation[**client].id));
    assert_eq!(left.count(), 0, "those who read nothing are there no more");
    assert_eq!(scene.server_has(), before - READERS);
    // 4 MiB for each in a buffer that grows by doubling, and what is in its transport.
    assert!(most < READERS * (10 << 20), "{most} bytes");
    scene.all_is_as_usual();
}

#[test]
fn xep0198_4_what_has_been_acknowledged_leaves_no_memory_behind() {
    const COUNT: usize = 500;
    let mut scene = Scene::new();
    let (sender, reader) = (scene.attacker_logs_in(), scene.attacker_logs_in());
    scene.push(reader, b"<enable xmlns='urn:xmpp:sm:3'/>");
    let to = scene.simulation.server.session_facts(reader).and_then(|facts| facts.jid).unwrap().to_string();
    let message = format!("<message to='{to}'><body>x</body></message>");
    scene.push(sender, message.as_bytes());
    scene.simulation.run_for(STEP);
    scene.push(reader, b"<a xmlns='urn:xmpp:sm:3' h='1'/>");
    // What the server itself needs for so much at once.
    let other = scene.attacker_logs_in();
    let jid = scene.simulation.server.session_facts(other).and_then(|facts| facts.jid).unwrap().to_string();
    scene.push(sender, message.replace(&to, &jid).repeat(COUNT).as_bytes());
    scene.simulation.run_for(STEP);
    let before = live_bytes();
    scene.push(sender, message.repeat(COUNT).as_bytes());
    scene.simulation.run_for(STEP);
    let kept = live_bytes() - before;
    assert!(kept > COUNT * 200, "{kept} bytes");
    scene.push(reader, format!("<a xmlns='urn:xmpp:sm:3' h='{}'/>", COUNT + 1).as_bytes());
    scene.simulation.run_for(STEP);
    let left = live_bytes().saturating_sub(before);
    assert!(left < 4 << 10, "{left} of {kept} bytes are left");
}
