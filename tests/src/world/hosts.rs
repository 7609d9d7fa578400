//! The servers' side of a world.

use super::model::Sending;
use super::trace::Lane;
use super::wire::{Freight, NodeClock, Wire};
use super::{Rule, Timer, World, store::Disk};
use crate::{Account, Arrival, Random};
use std::sync::Arc;
use std::time::Duration;
use waxwing_core::jid::BareJid;
use waxwing_core::machine::Instant;
use waxwing_core::sasl::ServerPolicy;
use waxwing_core::server::Server;
use waxwing_core::server::connection::{self, KeepAlive};
use waxwing_core::server::hub::{self, Hub};
use waxwing_core::server::single::{ConnectionId, Event};
use waxwing_core::stanza::Stanza;

/// A server, its store and its clock. The store and the clock outlive it.
#[derive(Debug)]
pub(super) struct Host {
    /// `None` while its process is down.
    pub(super) server: Option<Server>,
    pub(super) disk: Disk,
    pub(super) clock: NodeClock,
    /// How often it has been started.
    pub(super) life: u32,
    /// It crashed, or its store was not there when it was needed.
    pub(super) had_trouble: bool,
    pub(super) random: Random,
    pub(super) ticks: u32,
}

/// How long a session can be resumed.
const RESUMABLE: Duration = Duration::from_secs(61);
/// How long the hub waits for the store.
const STORE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a server that has ended a stream tries to write the rest of it.
const LINGER: Duration = Duration::from_secs(10);

impl World {
    /// Starts a server's process.
    pub(super) fn start_host(&mut self, number: usize) {
        let domain = domain(number);
        let limits = self.scenario.limits;
        let mut config = connection::Config::new([domain.clone()], [7; 32]);
        config.sasl = ServerPolicy { require_tls: false, iterations: Account::ITERATIONS, ..config.sasl };
        config.keep_alive =
            KeepAlive::Ping { after: Duration::from_secs(60), patience: Duration::from_secs(20) };
        config.authenticated.max_queued = limits.max_queued;
        let mut hub = hub::Config::new(domain);
        hub.federation = true;
        hub.limits.offline_messages = limits.offline_messages;
        hub.limits.waiting_per_account = limits.waiting_per_account;
        hub.limits.store_requests = limits.store_requests;
        hub.limits.held_back = limits.held_back;
        hub.limits.store_timeout = STORE_TIMEOUT;
        let host = &mut self.hosts[number];
        host.life += 1;
        let hub = Hub::new(hub, host.random.entropy());
        config.features = hub.stream_features();
        host.server = Some(Server::new(Arc::new(config), hub, host.random.entropy()));
        self.trace.mark(self.now, Lane::Host(number), "starts", false);
    }

    /// Its process dies.
    pub(super) fn crash_host(&mut self, number: usize, silent: bool) {
        let host = &mut self.hosts[number];
        if host.server.take().is_none() {
            return;
        }
        host.disk.crash();
        host.had_trouble = true;
        self.is_lossy = true;
        let (now, life) = (self.now, self.hosts[number].life);
        for link in 0..self.hosts.len() {
            let queue = std::mem::take(&mut self.links[number][link].queue);
            let (lost, rest) = queue.into_iter().partition(|freight: &Freight| freight.life == life);
            self.links[number][link].queue = rest;
            self.lose(lost);
        }
        let wires: Vec<u64> = self.wires_where(|wire| wire.host == number);
        for key in wires {
            self.break_wire(key, "its server crashed");
            let Some(wire) = self.wires.get_mut(&key) else { continue };
            wire.server_done = true;
            if std::mem::take(&mut wire.in_session) {
                self.sessions_ended.insert(self.devices[wire.device].account, now);
            }
            match silent {
                true => wire.stall(true),
                false => wire.cut(now),
            }
        }
        self.excuse_at_crash(number);
    }

    /// Whatever a server had in memory is lost with it. What its store had is not.
    fn excuse_at_crash(&mut self, number: usize) {
        let accounts = self.scenario.accounts.clone();
        let mut kept = Vec::new();
        for (account, _) in accounts.iter().enumerate().filter(|(_, host)| **host == number) {
            kept.extend(letters_in(&mut self.hosts[number].disk, &account_jid(account, number)));
        }
        let alone: Vec<Option<Instant>> =
            (0..accounts.len()).map(|account| self.alone_since(account)).collect();
        let mut broken = Vec::new();
        let model = &mut self.model;
        for (index, letter) in model.letters.iter_mut().enumerate() {
            let (sender_at, addressee_at) = (accounts[letter.sender], accounts[letter.to]);
            // What is acknowledged, and can have been handed to nobody, is in the store or has been refused.
            let must_be_kept = letter.sending == Sending::Acknowledged
                && sender_at == addressee_at
                && alone[letter.to].is_some_and(|since| since < letter.at);
            let is_safe = addressee_at == number && kept.contains(&index);
            let concerns = sender_at == number || addressee_at == number;
            let is_gone = concerns && letter.received.is_empty() && !is_safe;
            if is_gone && !must_be_kept {
                letter.excuse.get_or_insert("a server crashed");
            }
            // An error would have come before it was acknowledged.
            let may_be_blocked = model.ever_blocked.contains(&(letter.sender, letter.to));
            if is_gone && must_be_kept && letter.refused == 0 && letter.excuse.is_none() && !may_be_blocked {
                broken.push(format!("m{index} was acknowledged, and died with its server: {letter:?}"));
            }
        }
        broken.into_iter().for_each(|text| self.model.fail(self.now, Rule::Loss, text));
    }

    /// Since when an account has had no session, as far as that is certain; `None` if it has one.
    fn alone_since(&self, account: usize) -> Option<Instant> {
        let has_one = |wire: &Wire| wire.in_session && self.devices[wire.device].account == account;
        if self.wires.values().any(has_one) {
            return None;
        }
        let since = self.sessions_ended.get(&account).copied().unwrap_or(Instant::ORIGIN);
        // One that could be resumed may have waited for it.
        let is_resumable = self.model.rerouting.contains(&account);
        Some(if is_resumable { since + RESUMABLE } else { since })
    }

    fn lose(&mut self, freight: impl IntoIterator<Item = Freight>) {
        for Freight { stanza, .. } in freight {
            self.is_lossy = true;
            self.note_lost(&stanza);
        }
    }

    /// A stanza between servers does not arrive: what hangs on it may be lost.
    fn note_lost(&mut self, stanza: &Stanza) {
        if let Some(letter) = stanza.id().and_then(letter_of) {
            self.model.excuse_one("it, or an error about it, was lost between servers", letter);
        }
        if let (Stanza::Presence(_), Some(from), Some(to)) = (stanza, stanza.from(), stanza.to()) {
            self.tainted.insert(pair(from.bare_str(), to.bare_str()));
        }
    }

    /// Everything that servers do now. True if anything happened.
    pub(super) fn run_hosts(&mut self) -> bool {
        let mut busy = false;
        for number in 0..self.hosts.len() {
            busy |= self.run_store(number);
            busy |= self.receive_links(number);
            busy |= self.tick_host(number);
            busy |= self.drain_host(number);
        }
        let keys: Vec<u64> = self.wires.keys().copied().collect();
        for key in keys {
            busy |= self.read_into_host(key);
        }
        busy
    }

    fn run_store(&mut self, number: usize) -> bool {
        let host = &mut self.hosts[number];
        let Some(server) = &mut host.server else { return false };
        let (world, now) = (self.now, host.clock.now(self.now));
        let mut busy = false;
        while let Some(request) = server.poll_store() {
            host.disk.submit(world, request);
            busy = true;
        }
        while let Some(reply) = host.disk.answer(world) {
            server.store_reply(now, reply);
            busy = true;
        }
        busy
    }

    fn receive_links(&mut self, number: usize) -> bool {
        let mut busy = false;
        for from in 0..self.hosts.len() {
            while let Some(freight) = self.links[from][number].arrived(self.now) {
                busy = true;
                let is_down = self.links[from][number].down_until > self.now;
                match &mut self.hosts[number] {
                    Host { server: Some(server), clock, .. } if !is_down => {
                        let now = clock.now(self.now);
                        let xml = freight.stanza.to_xml();
                        self.trace.link(self.now, (from, number), &xml);
                        self.stanzas += 1;
                        server.with_hub(now, |hub| hub.remote(now, freight.stanza));
                    }
                    _ => self.send_back(from, freight),
                }
            }
        }
        busy
    }

    /// The other server cannot be reached.
    pub(super) fn send_back(&mut self, from: usize, freight: Freight) {
        self.is_lossy = true;
        self.links_had_trouble = true;
        let is_error = freight.stanza.is_error();
        let is_presence = matches!(freight.stanza, Stanza::Presence(_));
        if is_error || is_presence {
            self.note_lost(&freight.stanza);
        }
        let Host { server, clock, life, .. } = &mut self.hosts[from];
        match server {
            Some(server) if *life == freight.life => {
                let now = clock.now(self.now);
                server.with_hub(now, |hub| hub.remote_timeout(now, freight.stanza));
            }
            _ => self.note_lost(&freight.stanza),
        }
    }

    fn tick_host(&mut self, number: usize) -> bool {
        let host = &mut self.hosts[number];
        let now = host.clock.now(self.now);
        let Some(server) = &mut host.server else { return false };
        let due = |server: &Server| server.deadline().is_some_and(|deadline| deadline.at <= now.instant);
        if !due(server) {
            return false;
        }
        host.ticks += 1;
        server.tick(now);
        if host.ticks > super::FAR_TOO_OFTEN && due(server) {
            let text = format!("h{number} wants a tick again and again: {:?}", server.deadline());
            self.model.fail(self.now, Rule::Deadline, text);
        }
        true
    }

    fn drain_host(&mut self, number: usize) -> bool {
        let mut busy = false;
        loop {
            let Some(server) = &mut self.hosts[number].server else { return busy };
            let Some(event) = server.poll_event() else { break };
            busy = true;
            self.on_host_event(number, event);
        }
        let Some(server) = &mut self.hosts[number].server else { return busy };
        while let Some(id) = server.poll_writable() {
            if let Some(wire) = self.wires.values_mut().find(|wire| wire.is_at(number, id)) {
                wire.is_writable = true;
            }
        }
        let keys: Vec<u64> =
            self.wires_where(|wire| wire.host == number && wire.is_writable && !wire.server_done);
        keys.into_iter().fold(busy, |busy, key| self.write_to_client(number, key) | busy)
    }

    fn on_host_event(&mut self, number: usize, event: Event) {
        match event {
            Event::Online { connection, .. } => self.on_session(number, connection, true),
            Event::Offline { connection, .. } => self.on_session(number, connection, false),
            Event::Closed { connection, .. } => {
                if let Some(key) = self.wire_of(number, connection) {
                    self.set_timer(LINGER, Timer::GiveUp { wire: key, life: self.hosts[number].life });
                }
            }
            Event::Remote(stanza) => {
                let to = stanza.to().and_then(|to| host_of(to.domain())).filter(|to| *to < self.hosts.len());
                let life = self.hosts[number].life;
                match to {
                    Some(to) => self.links[number][to].send(self.now, stanza, life),
                    None => {
                        let host = &mut self.hosts[number];
                        let now = host.clock.now(self.now);
                        if let Some(server) = &mut host.server {
                            server.with_hub(now, |hub| hub.remote_failed(now, stanza));
                        }
                    }
                }
            }
            _ => {}
        }
    }

    fn on_session(&mut self, number: usize, connection: ConnectionId, begins: bool) {
        let Some(key) = self.wire_of(number, connection) else { return };
        let Some(wire) = self.wires.get_mut(&key) else { return };
        wire.in_session = begins;
        let device = wire.device;
        let is_void = begins && wire.broken;
        self.sessions_ended.insert(self.devices[device].account, self.now);
        if is_void {
            self.break_wire(key, "a session came about that nobody was left for");
        }
    }

    fn wire_of(&self, host: usize, id: ConnectionId) -> Option<u64> {
        self.wires.iter().find(|(_, wire)| wire.is_at(host, id)).map(|(key, _)| *key)
    }

    fn write_to_client(&mut self, number: usize, key: u64) -> bool {
        let Some(wire) = self.wires.get_mut(&key) else { return false };
        let Some(server) = &mut self.hosts[number].server else { return false };
        if !wire.down.is_writable() {
            return false;
        }
        wire.is_writable = false;
        let mut bytes = Vec::new();
        server.transmit(wire.id, &mut bytes);
        let limit = self.scenario.limits.max_queued + super::LARGEST_STANZA;
        if bytes.len() > limit {
            let text = format!("h{number} had {} bytes for d{}", bytes.len(), wire.device);
            self.model.fail(self.now, Rule::Cap, text);
        }
        let manages = |name: &[u8]| bytes.windows(name.len()).any(|window| window == name);
        if wire.managed_at.is_none() && (manages(b"<enabled") || manages(b"<resumed")) {
            wire.managed_at = Some(self.now);
        }
        self.trace.write(self.now, key, false, &bytes);
        wire.down.write(self.now, &bytes);
        if server.is_finished(wire.id) {
            wire.server_done = true;
            wire.in_session = false;
            wire.down.close(self.now);
        }
        true
    }

    fn read_into_host(&mut self, key: u64) -> bool {
        let Some(wire) = self.wires.get_mut(&key) else { return false };
        let host = &mut self.hosts[wire.host];
        let now = host.clock.now(self.now);
        let server = host.server.as_mut().filter(|_| !wire.server_done);
        // What comes for a connection that is over is read and thrown away.
        let budget = server.as_ref().map_or(usize::MAX, |server| server.read_budget(wire.id));
        let arrival = wire.up.read(self.now, budget);
        match (arrival, server) {
            (Some(Arrival::Bytes(piece)), Some(server)) => {
                self.trace.read(self.now, key, true, piece.len());
                server.receive(now, wire.id, &piece);
            }
            (Some(Arrival::Eof), Some(server)) => {
                self.trace.mark(self.now, Lane::Host(wire.host), "end of stream", false);
                server.receive_eof(now, wire.id);
            }
            (None, _) => return false,
            (Some(_), None) => {}
        }
        true
    }

    /// A transport that a server cannot write to has failed.
    pub(super) fn give_up_wire(&mut self, key: u64, life: u32) {
        let Some(wire) = self.wires.get_mut(&key) else { return };
        let host = &mut self.hosts[wire.host];
        let now = host.clock.now(self.now);
        if let Some(server) = host.server.as_mut().filter(|_| host.life == life && !wire.server_done) {
            server.disconnected(now, wire.id);
            wire.server_done = true;
            wire.in_session = false;
            wire.down.cut(self.now);
        }
    }

    /// When a server wants something, and when something reaches it.
    pub(super) fn next_for_hosts(&self) -> Option<Instant> {
        let hosts = self.hosts.iter().filter_map(|host| {
            let server = host.server.as_ref()?;
            let deadline = server.deadline().map(|deadline| host.clock.when(deadline.at));
            crate::pair::earlier(deadline, host.disk.next())
        });
        let links = self.links.iter().flatten().filter_map(|link| link.next());
        hosts.chain(links).min()
    }

    /// No queue of a server is longer than it may be.
    pub(super) fn check_caps(&mut self) {
        for (number, host) in self.hosts.iter().enumerate() {
            let limit = self.scenario.limits.store_requests;
            // Later lives ask anew; a silent store may owe answers of an earlier question that has been given up.
            if host.disk.outstanding() > 3 * limit + 8 {
                let text = format!("h{number} has {} questions at its store", host.disk.outstanding());
                self.model.violations.push(super::Violation { at: self.now, rule: Rule::Cap, text });
            }
        }
    }
}

pub(super) fn domain(host: usize) -> BareJid {
    BareJid::new(&format!("h{host}.example")).expect("a domain")
}

pub(super) fn account_jid(account: usize, host: usize) -> BareJid {
    BareJid::new(&format!("a{account}@h{host}.example")).expect("an address")
}

fn host_of(domain: &str) -> Option<usize> {
    domain.strip_prefix('h')?.strip_suffix(".example")?.parse().ok()
}

/// The number in `m17`.
pub(super) fn letter_of(id: &str) -> Option<usize> {
    id.strip_prefix('m')?.parse().ok()
}

/// Which messages wait for an account.
pub(super) fn letters_in(disk: &mut Disk, account: &BareJid) -> Vec<usize> {
    let kept = disk.offline(account);
    let ids = kept.iter().filter_map(|message| Stanza::from_xml(&message.stanza));
    ids.filter_map(|stanza| stanza.id().and_then(letter_of)).collect()
}

/// Two addresses, in no order.
pub(super) fn pair(a: &str, b: &str) -> (String, String) {
    let (a, b) = if a < b { (a, b) } else { (b, a) };
    (a.to_owned(), b.to_owned())
}
