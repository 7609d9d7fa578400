//! Several peers do anything at all to a whole [`Server`].
//!
//! Settings as for a single connection ([`crate::connection_play`]), and: bit 5 the store answers only when a call says so;
//! 7 bytes are read in small pieces; 13 other domains can be reached; 14 and 15 what becomes of resource conflicts.
//!
//! Each script is played twice and must give the same bytes and events. Here the pieces do make a difference: what several
//! stanzas in one piece lead to, at the store or among sessions, comes after all of them.

use crate::connection_play::{config, transport};
use crate::proper::{DOMAIN, tls_info};
use crate::{Pieces, ProperClient, Script, Step, Wire, assert_same, bit, duration, flood, login, start};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use waxwing_core::jid::BareJid;
use waxwing_core::machine::{Entropy, Now};
use waxwing_core::sasl::{self, StoredCredentials};
use waxwing_core::server::Server;
use waxwing_core::server::hub::{self, AdminId, ConflictPolicy, Hub};
use waxwing_core::server::single::{ConnectionId, Event};
use waxwing_core::server::store::{MemoryStore, Record, Request, StoreError};
use waxwing_core::stanza::Stanza;
use waxwing_core::stream::{Condition, Limits, StreamError};
use waxwing_core::xml::Element;

/// More connections than this are not made.
const MOST_CONNECTIONS: usize = 6;

/// Plays the script, twice.
pub fn play(script: &Script<'_>) {
    let first = Play::new(script.settings).play(&script.steps);
    let second = Play::new(script.settings).play(&script.steps);
    assert_eq!(first.log, second.log, "the same again");
    for (first, second) in first.peers.iter().zip(&second.peers) {
        assert_same(&first.wire.sent, &second.wire.sent);
    }
}

struct Play {
    server: Server,
    now: Now,
    store: MemoryStore,
    /// What the store has been asked and has not answered.
    requests: Vec<Request>,
    store_waits: bool,
    peers: Vec<Peer>,
    current: usize,
    log: Vec<String>,
    settings: [u8; 2],
    pieces: Pieces,
    lazy: u8,
    most_queued: usize,
    orders: u64,
    remote: Option<Stanza>,
}

/// One connection and who is on its other end.
struct Peer {
    id: ConnectionId,
    client: ProperClient,
    wire: Wire,
    /// Bytes that the server has not read yet.
    socket: Vec<u8>,
    eof: bool,
    heard: usize,
    /// When it came.
    since: Now,
    online: Option<String>,
    was_online: bool,
    ended: bool,
    /// The transport failed: nothing that was sent arrived.
    lost: bool,
}

fn account(local: &str) -> BareJid {
    format!("{local}@{DOMAIN}").parse().expect("an address")
}

impl Play {
    fn new(settings: [u8; 2]) -> Play {
        let (config, most_queued) = config(settings);
        let pieces = if bit(settings, 7) { Pieces::Small } else { Pieces::Whole };
        let mut hub = hub::Config::new(DOMAIN.parse().expect("a domain"));
        hub.federation = bit(settings, 13);
        hub.conflict = match settings[1] >> 6 {
            0 | 1 => ConflictPolicy::Replace,
            2 => ConflictPolicy::Refuse,
            _ => ConflictPolicy::Generate,
        };
        if bit(settings, 6) {
            hub.limits.sessions_per_account = 2;
            hub.limits.directed_per_session = 2;
            hub.limits.waiting_per_account = 3;
            hub.limits.waiting = 4;
            hub.limits.idle_accounts = 1;
        }
        let hub = Hub::new(hub, Entropy::from_seed([5; 32]));
        let mut store = MemoryStore::new();
        store.insert(account("juliet"), Record::new(login()));
        store.insert(account("romeo"), Record::new(login()));
        let mut play = Play {
            server: Server::new(Arc::new(config), hub, Entropy::from_seed([9; 32])),
            now: start(),
            store,
            requests: Vec::new(),
            store_waits: bit(settings, 5),
            peers: Vec::new(),
            current: 0,
            log: Vec::new(),
            settings,
            pieces,
            lazy: 0,
            most_queued,
            orders: 0,
            remote: None,
        };
        play.connect();
        play
    }

    fn connect(&mut self) {
        let id = self.server.accept(self.now, transport(self.settings));
        assert!(self.peers.last().is_none_or(|last| last.id < id), "later connections have greater ids");
        let number = self.peers.len() as u8;
        self.current = self.peers.len();
        self.peers.push(Peer {
            id,
            client: ProperClient::new(self.settings, number, self.now),
            wire: Wire::default(),
            socket: Vec::new(),
            eof: false,
            heard: 0,
            since: self.now,
            online: None,
            was_online: false,
            ended: false,
            lost: false,
        });
    }

    fn play(mut self, steps: &[Step<'_>]) -> Play {
        for step in steps {
            self.step(step);
            self.read_sockets();
            match self.lazy.checked_sub(1) {
                Some(left) => self.lazy = left,
                None => {
                    self.drain();
                    self.check();
                }
            }
        }
        self.finish();
        self
    }

    fn step(&mut self, step: &Step<'_>) {
        let now = self.now;
        let peer = &mut self.peers[self.current];
        match *step {
            Step::Send(bytes) => peer.send(bytes),
            Step::Flood(times, bytes) => peer.send(&flood(times, bytes)),
            Step::Peer(n) => {
                let bytes = peer.client.say(n);
                peer.send(&bytes);
            }
            Step::Wish(wish) => peer.client.wish(now, wish),
            Step::Call(call) => self.call(call),
            Step::Switch(n) => {
                let n = usize::from(n) % MOST_CONNECTIONS;
                match self.peers.get(n) {
                    Some(_) => self.current = n,
                    None => self.connect(),
                }
            }
            Step::Eof => peer.eof = true,
            Step::Wait(n) => self.wait(duration(n)),
            Step::Deadline => self.wait_for_deadline(),
            Step::Lazy(n) => self.lazy = n % 8,
        }
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now.after(time);
        self.server.tick(self.now);
        for peer in &mut self.peers {
            peer.client.tick(self.now);
        }
    }

    fn wait_for_deadline(&mut self) {
        if let Some(deadline) = self.server.deadline() {
            self.wait(deadline.at - self.now.instant);
        }
    }

    /// Any call of the owner's at any time.
    fn call(&mut self, call: u8) {
        let (now, id) = (self.now, self.peers[self.current].id);
        let error = || StreamError::new(Condition::SystemShutdown).with_text("<&☃>");
        self.orders += 1;
        let order = AdminId(self.orders);
        match call % 20 {
            0 => self.server.verdict(now, id, Ok("juliet".to_owned())),
            1 => self.server.verdict(now, id, Err(sasl::Condition::NotAuthorized)),
            2 => {
                self.drain();
                self.server.secured(now, id, tls_info());
            }
            3 => self.server.close(now, id, error()),
            4 => self.server.shutdown(now, error()),
            5 => {
                self.server.disconnected(now, id);
                let peer = &mut self.peers[self.current];
                (peer.lost, peer.eof) = (true, true);
                peer.socket.clear();
            }
            6 => self.store_waits = bit(self.settings, 5) && !self.store_waits,
            7 => self.server.with_hub(now, |hub| hub.delete_account(now, order, account("juliet"))),
            8 => {
                let stored = StoredCredentials { disabled: true, ..login() };
                self.server.with_hub(now, |hub| hub.set_credentials(now, order, account("juliet"), stored));
            }
            9 => self.server.with_hub(now, |hub| hub.create_account(now, order, account("romeo"), login())),
            10 => {
                self.store.insert(account("juliet"), Record::new(login()));
                self.server.with_hub(now, |hub| hub.account_changed(now, account("juliet")));
            }
            11 => {
                self.store.remove(&account("juliet"));
                self.server.with_hub(now, |hub| hub.account_changed(now, account("juliet")));
            }
            12 => self.remote_stanza("<message xmlns='jabber:server' from='a@example.net' to='juliet@im.example.com'/>"),
            13 => self.remote_stanza(
                "<iq xmlns='jabber:server' from='a@example.net' to='im.example.com' id='1' type='get'>\
                 <query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
            ),
            14 => {
                if let Some(stanza) = self.remote.take() {
                    self.server.with_hub(now, |hub| hub.remote_failed(now, stanza));
                }
            }
            // The store loses a request, or has no time for it.
            15 => drop(self.take_request()),
            16 => {
                if let Some(request) = self.take_request() {
                    self.server.store_reply(now, request.refused(StoreError::Busy));
                }
            }
            17 => {
                if let Some(request) = self.take_request() {
                    let reply = self.store.execute(request);
                    self.server.store_reply(now, reply.clone());
                    self.server.store_reply(now, reply);
                }
            }
            _ => self.remote_stanza(
                "<presence xmlns='jabber:server' from='a@example.net/x' to='juliet@im.example.com' type='probe'/>",
            ),
        }
    }

    fn remote_stanza(&mut self, xml: &str) {
        let element = Element::parse(xml.as_bytes(), Limits::SERVER.xml).expect("well-formed");
        let stanza = Stanza::parse(element).expect("a stanza");
        let now = self.now;
        self.server.with_hub(now, |hub| hub.remote(now, stanza));
    }

    fn take_request(&mut self) -> Option<Request> {
        self.requests.extend(std::iter::from_fn(|| self.server.poll_store()));
        (!self.requests.is_empty()).then(|| self.requests.remove(0))
    }

    /// The server reads what it is willing to, and the store works, until neither can go on.
    fn read_sockets(&mut self) {
        loop {
            let mut moved = self.run_store();
            for n in 0..self.peers.len() {
                moved |= self.read_socket(n);
            }
            if !moved {
                return;
            }
        }
    }

    fn read_socket(&mut self, n: usize) -> bool {
        let peer = &mut self.peers[n];
        let budget = self.server.read_budget(peer.id);
        let size = self.pieces.size(peer.socket.len().min(budget));
        if size > 0 {
            let piece: Vec<u8> = peer.socket.drain(..size).collect();
            self.server.receive(self.now, peer.id, &piece);
            return true;
        }
        if peer.socket.is_empty() && std::mem::take(&mut peer.eof) && !peer.lost {
            self.server.receive_eof(self.now, peer.id);
            return true;
        }
        false
    }

    fn run_store(&mut self) -> bool {
        if self.store_waits {
            return false;
        }
        let mut moved = false;
        while let Some(request) = self.take_request() {
            let reply = self.store.execute(request);
            self.server.store_reply(self.now, reply);
            moved = true;
        }
        moved
    }

    /// Does all that the owner of a server has to do.
    fn drain(&mut self) {
        for _ in 0..10_000 {
            let mut moved = self.run_store();
            while let Some(event) = self.server.poll_event() {
                self.on_event(event);
                moved = true;
            }
            while let Some(id) = self.server.poll_writable() {
                self.write(id);
                moved = true;
            }
            for n in 0..self.peers.len() {
                moved |= self.read_socket(n);
            }
            if !moved {
                return;
            }
        }
        panic!("the server does not fall silent");
    }

    fn write(&mut self, id: ConnectionId) {
        let peer = self.peers.iter_mut().find(|peer| peer.id == id).expect("a connection that was accepted");
        let before = peer.wire.sent.len();
        let count = self.server.transmit(id, &mut peer.wire.sent);
        assert_eq!(peer.wire.sent.len() - before, count, "transmit reports what it appended");
        assert!(count <= self.most_queued, "{count} bytes were waiting");
        assert!(!peer.lost || count == 0, "there is no transport any more");
        peer.wire.check();
        assert!(peer.was_online || peer.wire.stanzas == 0, "stanzas are for sessions");
        let new = peer.wire.sent.get(peer.heard..).unwrap_or_default();
        peer.client.hear(self.now, new);
        peer.heard = peer.wire.sent.len();
        if self.server.is_finished(id) {
            assert!(peer.wire.is_complete(), "{}", peer.wire.sent.escape_ascii());
            assert_eq!(self.server.transmit(id, &mut Vec::new()), 0);
        }
    }

    fn on_event(&mut self, event: Event) {
        self.log.push(format!("{event:?}"));
        let now = self.now;
        let id = match &event {
            Event::StartTls { connection }
            | Event::TokenVerdict { connection, .. }
            | Event::CertificateVerdict { connection, .. }
            | Event::AuthenticationFailed { connection, .. }
            | Event::Online { connection, .. }
            | Event::Offline { connection, .. }
            | Event::Closed { connection, .. } => *connection,
            Event::Remote(stanza) => {
                assert!(bit(self.settings, 13), "federation is off");
                self.remote = Some(stanza.clone());
                return;
            }
            _ => return,
        };
        let peer = self.peers.iter_mut().find(|peer| peer.id == id).expect("a connection that was accepted");
        assert!(!peer.ended, "an event after the end: {event:?}");
        match event {
            Event::TokenVerdict { .. } | Event::CertificateVerdict { .. } => {
                self.server.verdict(now, id, Ok("juliet".to_owned()));
            }
            Event::StartTls { .. } => {
                // Bytes that have come already came in the clear. Whoever does TLS would choke on them.
                let early = std::mem::take(&mut peer.socket);
                self.write(id);
                self.server.receive(now, id, &early);
                self.server.secured(now, id, tls_info());
            }
            Event::Online { jid, .. } => {
                assert!(!peer.was_online, "one session a connection");
                (peer.online, peer.was_online) = (Some(jid.to_string()), true);
            }
            Event::Offline { jid, .. } => assert_eq!(peer.online.take(), Some(jid.to_string())),
            Event::Closed { .. } => {
                assert_eq!(peer.online, None, "whoever was online is offline before the end");
                peer.ended = true;
            }
            _ => {}
        }
    }

    /// What holds whenever the server has been drained.
    fn check(&mut self) {
        for _ in 0..16 {
            match self.server.deadline() {
                Some(deadline) if deadline.at <= self.now.instant => self.server.tick(self.now),
                _ => break,
            }
        }
        let deadline = self.server.deadline();
        assert!(deadline.is_none_or(|it| it.at > self.now.instant), "ticking does not move {deadline:?}");
        let mut sessions = BTreeMap::new();
        for peer in &self.peers {
            if let Some(jid) = self.server.session_facts(peer.id).and_then(|facts| facts.jid) {
                let other = sessions.insert(jid.clone(), peer.id);
                assert_eq!(other, None, "two sessions of the address {jid}");
            }
            let time = self.now.instant - peer.since.instant;
            assert!(
                peer.was_online || peer.ended || time <= Duration::from_secs(30 + 5),
                "nobody may stay for long without a session"
            );
        }
    }

    /// Left alone, connections without a session end in time; the end of the transports ends them all, and nothing is left.
    fn finish(&mut self) {
        (self.lazy, self.store_waits) = (0, false);
        self.settle(40);
        for peer in &mut self.peers {
            assert!(peer.was_online || peer.ended, "a connection without a session ends by itself");
            peer.eof = true;
        }
        // What it had no budget for it reads in time.
        self.settle(400);
        for peer in &mut self.peers {
            assert!(peer.ended && self.server.is_finished(peer.id));
        }
        assert_eq!(self.server.connections(), 0);
        assert_eq!(self.server.deadline(), None, "nothing is left to wait for");
        self.check_service();
    }

    /// Whatever has happened, whoever comes next can log in and is the only session of the account.
    fn check_service(&mut self) {
        let settings = self.settings;
        let is_secured = bit(settings, 1) || bit(settings, 2);
        let is_scram = matches!(settings[1] & 7, 0 | 2);
        if !is_scram || (bit(settings, 3) && !is_secured) {
            return;
        }
        let (now, juliet) = (self.now, account("juliet"));
        self.store.insert(juliet.clone(), Record::new(login()));
        self.server.with_hub(now, |hub| hub.account_changed(now, juliet));
        self.connect();
        let peer = self.current;
        self.peers[peer].client = ProperClient::new(settings, 0, now);
        for wish in [None; 10].into_iter().chain([Some(0), Some(1)]) {
            if let Some(wish) = wish {
                self.step(&Step::Wish(wish));
            }
            self.step(&Step::Peer(255));
            self.drain();
        }
        let Peer { online, wire, .. } = &self.peers[peer];
        assert!(online.is_some(), "a proper client can log in: {}", wire.sent.escape_ascii());
        // Its own presence and its own message.
        assert_eq!(wire.stanzas, 2, "{}", wire.sent.escape_ascii());
    }

    fn settle(&mut self, rounds: usize) {
        for _ in 0..rounds {
            self.drain();
            self.check();
            if self.server.deadline().is_none() {
                break;
            }
            self.wait_for_deadline();
        }
        self.drain();
    }
}

impl Peer {
    fn send(&mut self, bytes: &[u8]) {
        if !self.eof && !self.lost {
            self.socket.extend_from_slice(bytes);
        }
    }
}
