//! `kill -9` at any moment loses nothing that was acknowledged, and makes nothing happen twice.
//!
//! A server under load is killed at a random moment and started again, many times. The load is people who change their rosters
//! and people who write to others who are offline. What is acknowledged:
//! - a change of a roster, when the result of the roster set has come;
//! - a message to somebody offline, when the reader's vCard has come that was asked for after it: the server takes both in
//!   order to the store, which answers in order.
//!
//! What was not acknowledged may have happened, but only in order: no later change without those before it. So after each
//! restart a roster is what some number of its changes make of it, at least the acknowledged ones; and a reader gets the
//! messages of each writer without a gap, each once, at least the acknowledged ones.

mod common;

use std::collections::{BTreeMap, VecDeque};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use common::{PATIENCE, Server, waxwingd};
use waxwing_core::client::{
    Client, Config, Event, GetVcard, Management, Ping, RemoveItem, Reply, Request, RequestError,
    RequestHandle, Roster, RosterEvent, SendError, SetItem, SetVcard, TlsMode,
};
use waxwing_core::jid::{BareJid, Jid};
use waxwing_core::machine::Machine as _;
use waxwing_core::payload::roster::Item;
use waxwing_core::payload::vcard::Vcard;
use waxwing_core::sasl::{Credentials, StoredCredentials};
use waxwing_core::stanza::{Message, MessageType, Presence, PresenceType};
use waxwing_core::xml::Element;
use waxwing_sqlite::Admin;
use waxwing_std::{Clock, Driver, entropy};
use waxwing_tests::Random;

/// Owners of rosters; writers; readers.
const EACH: usize = 4;

/// Changes, and batches of messages, that wait for their acknowledgement.
const WINDOW: usize = 8;

/// Messages that a writer sends at most before the kill: less than the server keeps for an account, together.
const MESSAGES: u64 = 400;

/// Different contacts in a roster.
const CONTACTS: usize = 30;

const PASSWORD: &str = "a password";

#[test]
fn five_kills_lose_nothing_that_was_acknowledged() {
    kills(5, seed(1));
}

/// Takes some minutes. `WAXWING_SEED` chooses other moments:
///
/// ```text
/// cargo test -p waxwingd --test kill -- --ignored --nocapture
/// ```
#[test]
#[ignore = "takes minutes"]
fn a_hundred_kills_lose_nothing_that_was_acknowledged() {
    kills(100, seed(2));
}

fn seed(usual: u64) -> u64 {
    std::env::var("WAXWING_SEED").map_or(usual, |seed| seed.parse().expect("a number in WAXWING_SEED"))
}

fn kills(count: usize, seed: u64) {
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let directory = tempfile::tempdir().unwrap();
    let mut owners: Vec<Owner> = (0..EACH).map(|n| Owner::new(n, &mut random)).collect();
    let mut writers: Vec<Writer> = (0..EACH).map(|n| Writer::new(n, &mut random)).collect();
    make_accounts(directory.path());
    let command = || {
        let mut command: Command = waxwingd(directory.path());
        command.arg("--allow-plaintext");
        command
    };
    write_cards(Server::start(&mut command()).c2s());
    let (mut changes, mut messages) = (0, 0);
    for kill in 1..=count {
        let mut server = Server::start(&mut command());
        let address = server.c2s();
        check(address, &mut owners, &mut writers);
        let (after, then) = (random.below(300), random.up_to(Duration::from_millis(3)));
        println!("kill {kill} of {count}: after {after} acknowledgements and {} us", then.as_micros());
        std::thread::scope(|scope| {
            let (acknowledged, acknowledgements) = channel();
            for owner in &mut owners {
                let acknowledged = acknowledged.clone();
                scope.spawn(move || owner.work(address, &acknowledged));
            }
            for writer in &mut writers {
                let acknowledged = acknowledged.clone();
                scope.spawn(move || writer.work(address, &acknowledged));
            }
            for _ in 0..after {
                acknowledgements.recv_timeout(PATIENCE).expect("an acknowledgement in time");
            }
            // Not to wait for anything: this is the random moment.
            std::thread::sleep(then);
            server.child.kill().unwrap();
            server.child.wait().unwrap();
        });
        changes += owners.iter().map(|owner| owner.acknowledged).sum::<u64>();
        messages += writers.iter().flat_map(|writer| &writer.lines).map(Line::acknowledged).sum::<u64>();
    }
    check(Server::start(&mut command()).c2s(), &mut owners, &mut writers);
    println!("{changes} changes and {messages} messages were acknowledged, and all are there");
    assert!(changes > 0 && messages > 0, "there was no load");
}

/// After a restart: everything is as the acknowledgements say.
fn check(address: SocketAddr, owners: &mut [Owner], writers: &mut [Writer]) {
    owners.iter_mut().for_each(|owner| owner.check(address));
    (0..EACH).for_each(|reader| read(address, reader, writers));
}

fn make_accounts(directory: &Path) {
    let mut admin = Admin::create(directory).unwrap();
    let credentials = StoredCredentials::derive(PASSWORD, 4096, &mut entropy().unwrap()).unwrap();
    for kind in ["owner", "writer", "reader"] {
        (0..EACH).for_each(|n| admin.add(&account(kind, n), &credentials).unwrap());
    }
}

/// Something that the store has to be asked for.
fn write_cards(address: SocketAddr) {
    for n in 0..EACH {
        let mut session = Session::log_in(address, "reader", n).unwrap();
        let card = Element::builder("vCard", "vcard-temp")
            .child(Element::builder("FN", "vcard-temp").text(&format!("Reader {n}")))
            .build();
        session.ask(SetVcard(Vcard::parse(card.root()).unwrap()));
    }
}

fn account(kind: &str, n: usize) -> BareJid {
    BareJid::new(&format!("{kind}{n}@localhost")).unwrap()
}

/// Somebody who changes a roster, and what is known about it.
struct Owner {
    number: usize,
    random: Random,
    /// Names of contacts: what all acknowledged changes have made of the roster.
    known: BTreeMap<Jid, String>,
    /// Changes without an acknowledgement, in order.
    open: VecDeque<Change>,
    /// As the client had it last: what it caches.
    cached: Option<Roster>,
    acknowledged: u64,
    serial: u64,
}

/// A contact has this name now, or is gone.
type Change = (Jid, Option<String>);

fn apply(roster: &mut BTreeMap<Jid, String>, (jid, name): Change) {
    match name {
        Some(name) => roster.insert(jid, name),
        None => roster.remove(&jid),
    };
}

impl Owner {
    fn new(number: usize, random: &mut Random) -> Owner {
        let (random, known, open) = (random.fork(), BTreeMap::new(), VecDeque::new());
        Owner { number, random, known, open, cached: None, acknowledged: 0, serial: 0 }
    }

    /// Changes the roster until the server is gone.
    fn work(&mut self, address: SocketAddr, acknowledged: &Sender<()>) {
        self.acknowledged = 0;
        let Some(mut session) = Session::log_in(address, "owner", self.number) else { return };
        session.fetch_roster(self.cached.take());
        let mut handles: VecDeque<Handle> = VecDeque::new();
        loop {
            while handles.len() < WINDOW {
                let Some(handle) = self.change(&mut session) else { break };
                handles.push_back(handle);
            }
            match session.next() {
                Some(Event::Reply(reply)) => {
                    let handle = handles.pop_front().expect("a request that waits");
                    match handle.read(&reply).expect("changes are acknowledged in order") {
                        Ok(()) => {}
                        Err(RequestError::Disconnected { .. }) => break,
                        Err(error) => panic!("a roster set: {error}"),
                    }
                    apply(&mut self.known, self.open.pop_front().unwrap());
                    self.acknowledged += 1;
                    let _ = acknowledged.send(());
                }
                Some(Event::Closed(_)) | None => break,
                Some(_) => {}
            }
        }
        self.cached = Some(session.driver.machine().roster().clone());
    }

    fn change(&mut self, session: &mut Session) -> Option<Handle> {
        let mut roster = self.known.clone();
        self.open.iter().cloned().for_each(|change| apply(&mut roster, change));
        let jid = Jid::new(&format!("contact{}@localhost", self.random.below(CONTACTS))).unwrap();
        if roster.contains_key(&jid) && self.random.one_in(3) {
            self.open.push_back((jid.clone(), None));
            return session.request(RemoveItem(jid)).map(Handle::Remove);
        }
        self.serial += 1;
        let name = format!("name {}", self.serial);
        self.open.push_back((jid.clone(), Some(name.clone())));
        session.request(SetItem(Item::new(jid).with_name(&name).in_group("Contacts"))).map(Handle::Set)
    }

    /// The roster is what the acknowledged changes made of it, and perhaps some more, in order. What the client had cached,
    /// brought up to date, is the same.
    fn check(&mut self, address: SocketAddr) {
        let mut session = Session::log_in(address, "owner", self.number).expect("a login");
        session.fetch_roster(None);
        let found = names(session.driver.machine().roster());
        let mut possible = vec![self.known.clone()];
        for change in self.open.drain(..) {
            let mut next = possible.last().unwrap().clone();
            apply(&mut next, change);
            possible.push(next);
        }
        assert!(possible.contains(&found), "owner {}: {found:#?} is none of {possible:#?}", self.number);
        self.known = found;
        if let Some(cached) = self.cached.take() {
            let mut session = Session::log_in(address, "owner", self.number).expect("a login");
            session.fetch_roster(Some(cached));
            // What has changed follows at once.
            session.ask(Ping { to: None });
            assert_eq!(names(session.driver.machine().roster()), self.known, "owner {}", self.number);
        }
    }
}

fn names(roster: &Roster) -> BTreeMap<Jid, String> {
    roster.iter().map(|item| (item.jid.clone(), item.name.clone().unwrap_or_default())).collect()
}

enum Handle {
    Set(RequestHandle<SetItem>),
    Remove(RequestHandle<RemoveItem>),
}

impl Handle {
    fn read(&self, reply: &Reply) -> Option<Result<(), RequestError>> {
        match self {
            Handle::Set(handle) => handle.read(reply),
            Handle::Remove(handle) => handle.read(reply),
        }
    }
}

/// Somebody who writes to readers, to each in a line.
struct Writer {
    number: usize,
    random: Random,
    /// By reader.
    lines: Vec<Line>,
}

/// The messages of one writer to one reader: numbers, from `begin` since the last restart.
#[derive(Clone, Default)]
struct Line {
    begin: u64,
    /// All before this one are acknowledged.
    known: u64,
    /// All before this one have been sent.
    sent: u64,
}

impl Line {
    fn acknowledged(&self) -> u64 {
        self.known - self.begin
    }
}

impl Writer {
    fn new(number: usize, random: &mut Random) -> Writer {
        Writer { number, random: random.fork(), lines: vec![Line::default(); EACH] }
    }

    /// Writes until the server is gone.
    fn work(&mut self, address: SocketAddr, acknowledged: &Sender<()>) {
        let Some(mut session) = Session::log_in(address, "writer", self.number) else { return };
        let mut handles = VecDeque::new();
        let mut written = 0;
        loop {
            while handles.len() < WINDOW && written < MESSAGES {
                let reader = self.random.below(EACH);
                let line = &mut self.lines[reader];
                for _ in 0..=self.random.below(4) {
                    session.write(reader, &format!("{} {}", self.number, line.sent));
                    line.sent += 1;
                    written += 1;
                }
                let card = GetVcard(Some(account("reader", reader)));
                let Some(handle) = session.request(card) else { return };
                handles.push_back((handle, reader, line.sent));
            }
            match session.next() {
                Some(Event::Reply(reply)) => {
                    // Between two addresses all is in order, but not between readers.
                    let at = handles.iter().position(|(handle, ..)| reply.is(handle)).expect("a request");
                    let (handle, reader, sent) = handles.remove(at).unwrap();
                    match handle.read(&reply).unwrap() {
                        Ok(card) => assert_eq!(card.full_name().unwrap(), format!("Reader {reader}")),
                        Err(RequestError::Disconnected { .. }) => break,
                        Err(error) => panic!("a vCard: {error}"),
                    }
                    let line = &mut self.lines[reader];
                    assert!(line.known < sent, "acknowledged in order");
                    line.known = sent;
                    let _ = acknowledged.send(());
                }
                Some(Event::Message(message)) => panic!("a message came back: {:?}", message.error()),
                Some(Event::Closed(_)) | None => break,
                Some(_) => {}
            }
        }
    }
}

/// Reads what waits for a reader: of each writer the messages since the last restart, from the first on, without a gap, each
/// once, at least the acknowledged ones.
fn read(address: SocketAddr, reader: usize, writers: &mut [Writer]) {
    let mut session = Session::log_in(address, "reader", reader).expect("a login");
    session.show(PresenceType::Available);
    let mut found: Vec<Vec<u64>> = vec![Vec::new(); EACH];
    // Messages come by the page; the next one may come after the next answer, but not after the one after that.
    let mut quiet = 0;
    while quiet < 2 {
        let handle = session.request(GetVcard(None)).expect("a server that is there");
        quiet += 1;
        loop {
            match session.next().expect("a server that is there") {
                Event::Reply(reply) if reply.is(&handle) => break,
                Event::Message(message) => {
                    quiet = 0;
                    let body = message.body(None).expect("a body");
                    let (writer, number) = body.split_once(' ').expect("a writer and a number");
                    found[writer.parse::<usize>().unwrap()].push(number.parse().unwrap());
                }
                Event::Closed(how) => panic!("{how:?}"),
                _ => {}
            }
        }
    }
    for (writer, found) in writers.iter_mut().zip(found) {
        let line = &mut writer.lines[reader];
        let end = line.begin + found.len() as u64;
        let expected: Vec<u64> = (line.begin..end).collect();
        assert_eq!(found, expected, "from writer {} to reader {reader}", writer.number);
        let possible = line.known..=line.sent;
        assert!(
            possible.contains(&end),
            "from writer {} to reader {reader}: {end} {possible:?}",
            writer.number
        );
        (line.begin, line.known) = (line.sent, line.sent);
    }
    session.show(PresenceType::Unavailable);
    session.ask(Ping { to: None });
}

/// A client and its connection.
struct Session {
    driver: Driver<Client>,
}

impl Session {
    /// `None` where the server dies before that is done.
    fn log_in(address: SocketAddr, kind: &str, n: usize) -> Option<Session> {
        let mut config = Config::new(account(kind, n).into(), TlsMode::Plaintext);
        let (username, password) = (format!("{kind}{n}"), PASSWORD.to_owned());
        config.credentials = Some(Credentials::Password { username, password });
        // So that what has been handed over has been handed over: a reader that goes without having acknowledged a page is
        // given it again (XEP-0198).
        config.management = Management::Off;
        let clock = Clock::start();
        let client = Client::new(config, clock.now(), entropy().unwrap());
        let driver = Driver::new(client, TcpStream::connect(address).ok()?, clock).ok()?;
        let mut session = Session { driver };
        loop {
            match session.next()? {
                Event::Online(_) => return Some(session),
                Event::Closed(_) => return None,
                _ => {}
            }
        }
    }

    /// `None`: the connection broke.
    fn next(&mut self) -> Option<Event> {
        let event = self.driver.next_event(Some(PATIENCE)).ok()?;
        assert!(event.is_some() || self.driver.machine().is_finished(), "an event in time");
        event
    }

    /// `None`: the stream is over.
    fn request<R: Request>(&mut self, request: R) -> Option<RequestHandle<R>> {
        let now = self.driver.clock().now();
        match self.driver.machine_mut().request(now, request, Some(PATIENCE)) {
            Ok(handle) => Some(handle),
            Err(SendError::NotOnline) => None,
            Err(error) => panic!("{error}"),
        }
    }

    /// Asks and waits for the answer.
    fn ask<R: Request>(&mut self, request: R) -> R::Reply {
        let handle = self.request(request).expect("a server that is there");
        loop {
            match self.next().expect("a server that is there") {
                Event::Reply(reply) if reply.is(&handle) => return handle.read(&reply).unwrap().unwrap(),
                Event::Closed(how) => panic!("{how:?}"),
                _ => {}
            }
        }
    }

    fn fetch_roster(&mut self, cached: Option<Roster>) {
        let now = self.driver.clock().now();
        self.driver.machine_mut().fetch_roster(now, cached).expect("room to send");
        loop {
            match self.next() {
                Some(Event::Roster(RosterEvent::Loaded)) | Some(Event::Closed(_)) | None => return,
                Some(_) => {}
            }
        }
    }

    fn show(&mut self, kind: PresenceType) {
        let now = self.driver.clock().now();
        let presence = Presence::builder(kind).build();
        self.driver.machine_mut().set_presence(now, presence).expect("room to send");
    }

    fn write(&mut self, reader: usize, text: &str) {
        let now = self.driver.clock().now();
        let to = Jid::from(account("reader", reader));
        let message = Message::builder(Some(to), MessageType::Chat).body(None, text).build();
        match self.driver.machine_mut().send(now, message) {
            Ok(_) | Err(SendError::NotOnline) => {}
            Err(error) => panic!("{error}"),
        }
    }
}
