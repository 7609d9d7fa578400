//! A server and its clients in one thread.

use crate::pair::earlier;
use crate::{Account, Arrival, Clock, Conditions, Pipe, Random, Side};
use std::fmt;
use std::ops::{Index, IndexMut};
use std::sync::Arc;
use std::time::Duration;
use waxwing_core::jid::BareJid;
use waxwing_core::machine::{Instant, Machine, Now};
use waxwing_core::sasl::ServerPolicy;
use waxwing_core::server::Server;
use waxwing_core::server::connection::{self, Transport};
use waxwing_core::server::hub::{self, Hub};
use waxwing_core::server::single::{ConnectionId, Event};
use waxwing_core::server::store::MemoryStore;

/// A whole server, its store, and clients on in-memory transports, under one virtual clock.
///
/// Index it with what [`connect`](Simulation::connect) returned to get at a client.
pub struct Simulation<C: Machine> {
    /// The server. After calling it, let the simulation run. What it says to a connection that was accepted here, without a
    /// client, goes nowhere.
    pub server: Server,
    /// What the server keeps. Requests are executed on the spot.
    pub store: MemoryStore,
    /// What the server reported, with the time.
    pub events: Vec<(Instant, Event)>,
    clients: Vec<Attached<C>>,
    conditions: Conditions,
    handler: Option<Handler>,
    clock: Clock,
    random: Random,
}

/// A client of a [`Simulation`].
pub struct Attached<C: Machine> {
    /// The client, its log, and its way to the server.
    pub side: Side<C>,
    /// The server's way to it.
    pub from_server: Pipe,
    /// How the server calls its connection.
    pub id: ConnectionId,
    /// The server has bytes for it, or is done with it.
    is_writable: bool,
    is_closed: bool,
}

type Handler = Box<dyn FnMut(&mut Server, Now, &Event)>;

impl<C: Machine> Simulation<C> {
    /// A server for one domain, with default settings, without TLS and without a demand for it.
    ///
    /// # Panics
    ///
    /// If the domain is not valid.
    pub fn new(seed: u64, domain: &str) -> Simulation<C> {
        let domain: BareJid = domain.parse().expect("a valid domain");
        let mut config = connection::Config::new([domain.clone()], [7; 32]);
        config.sasl = ServerPolicy { require_tls: false, iterations: Account::ITERATIONS, ..config.sasl };
        Simulation::with_config(seed, config, hub::Config::new(domain))
    }

    /// A server with settings of the test's.
    pub fn with_config(seed: u64, config: connection::Config, hub: hub::Config) -> Simulation<C> {
        let mut random = Random::new(seed);
        let hub = Hub::new(hub, random.entropy());
        Simulation {
            server: Server::new(Arc::new(config), hub, random.entropy()),
            store: MemoryStore::new(),
            events: Vec::new(),
            clients: Vec::new(),
            conditions: Conditions::default(),
            handler: None,
            clock: Clock::new(),
            random,
        }
    }

    /// The present.
    pub fn now(&self) -> Now {
        self.clock.now()
    }

    /// Chance, grown from the simulation's seed.
    pub fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// Puts an account into the store.
    pub fn add_account(&mut self, account: &Account) {
        let record = account.record(&mut self.random);
        self.store.insert(account.jid(), record);
    }

    /// The conditions for clients that connect from now on, in both directions.
    pub fn set_conditions(&mut self, conditions: Conditions) {
        self.conditions = conditions;
    }

    /// Has every event of the server answered by `handler` as soon as it is polled, before it goes to the log.
    pub fn on_event(&mut self, handler: impl FnMut(&mut Server, Now, &Event) + 'static) {
        self.handler = Some(Box::new(handler));
    }

    /// Connects a client. Its number is the index to find it with.
    pub fn connect(&mut self, client: C, transport: Transport) -> usize {
        let id = self.server.accept(self.clock.now(), transport);
        let mut side = Side::new(client, self.random.fork());
        let mut from_server = Pipe::new(self.random.fork());
        side.pipe.conditions = self.conditions.clone();
        from_server.conditions = self.conditions.clone();
        self.clients.push(Attached { side, from_server, id, is_writable: false, is_closed: false });
        self.clients.len() - 1
    }

    /// A client's network breaks: what was under way is lost, both sides find the end of the stream.
    pub fn cut(&mut self, client: usize) {
        let now = self.clock.now().instant;
        self[client].side.pipe.cut(now);
        self[client].from_server.cut(now);
    }

    /// Lets bytes travel until none is under way and nobody has more to say. Time moves as far as that takes; deadlines
    /// beyond it are left alone.
    pub fn run_until_idle(&mut self) {
        loop {
            self.run_instant();
            let Some(arrival) = self.next_arrival() else { return };
            let due = self.next_deadline().map_or(arrival, |due| due.min(arrival));
            self.clock.advance_to(due);
        }
    }

    /// Lets exactly this much time pass.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.now().instant + time;
        while self.step(end) {}
        self.clock.advance_to(end);
        self.run_instant();
    }

    /// Lets time pass until `condition` holds, but no longer than `limit`. Returns whether it holds.
    pub fn run_until(&mut self, limit: Duration, mut condition: impl FnMut(&Simulation<C>) -> bool) -> bool {
        let end = self.now().instant + limit;
        loop {
            self.run_instant();
            if condition(self) {
                return true;
            }
            if !self.step(end) {
                return condition(self);
            }
        }
    }

    fn step(&mut self, end: Instant) -> bool {
        self.run_instant();
        match earlier(self.next_arrival(), self.next_deadline()) {
            Some(next) if next <= end => {
                self.clock.advance_to(next);
                self.run_instant();
                true
            }
            _ => false,
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let server = self.server.deadline().map(|deadline| deadline.at);
        self.clients.iter().map(|client| client.side.deadline()).fold(server, earlier)
    }

    fn next_arrival(&self) -> Option<Instant> {
        let arrivals = self.clients.iter().map(|client| {
            let held_back = self.server.read_budget(client.id) == 0 && !client.side.pipe.at_end();
            let at_server = if held_back { None } else { client.side.pipe.next_arrival() };
            earlier(at_server, client.side.readable_from(&client.from_server))
        });
        arrivals.fold(None, earlier)
    }

    /// Lets everything happen that happens now.
    ///
    /// # Panics
    ///
    /// If a machine asks for a tick at a time that has come, again and again.
    fn run_instant(&mut self) {
        const FAR_TOO_OFTEN: usize = 1000;
        let now = self.clock.now();
        let mut ticks = 0;
        loop {
            let drained = self.drain_server(now);
            let ticked = self.tick(now);
            let moved = self.run_clients(now);
            if !(drained || ticked || moved) {
                return;
            }
            ticks = if ticked { ticks + 1 } else { 0 };
            assert!(ticks < FAR_TOO_OFTEN, "ticking does not move a deadline at {:?}", now.instant);
        }
    }

    fn drain_server(&mut self, now: Now) -> bool {
        let mut busy = false;
        self.server.run_store(now, &mut self.store);
        while let Some(event) = self.server.poll_event() {
            if let Some(handler) = &mut self.handler {
                handler(&mut self.server, now, &event);
                self.server.run_store(now, &mut self.store);
            }
            self.events.push((now.instant, event));
            busy = true;
        }
        while let Some(id) = self.server.poll_writable() {
            // Ids grow with each connection, and clients are never removed.
            match self.clients.binary_search_by_key(&id, |client| client.id) {
                Ok(found) => self.clients[found].is_writable = true,
                Err(_) => drop(self.server.transmit(id, &mut Vec::new())),
            }
        }
        for client in &mut self.clients {
            busy |= client.write_from(&mut self.server, now);
        }
        busy
    }

    fn tick(&mut self, now: Now) -> bool {
        let due = self.server.deadline().is_some_and(|deadline| deadline.at <= now.instant);
        if due {
            self.server.tick(now);
        }
        self.clients.iter_mut().fold(due, |due, client| client.side.tick(now) | due)
    }

    fn run_clients(&mut self, now: Now) -> bool {
        let mut busy = false;
        for client in &mut self.clients {
            busy |= client.side.drain(now);
            busy |= client.side.read(now, &mut client.from_server);
            busy |= client.read_into(&mut self.server, now);
        }
        busy
    }
}

impl<C: Machine> Attached<C> {
    fn write_from(&mut self, server: &mut Server, now: Now) -> bool {
        let is_finished = server.is_finished(self.id);
        if !self.is_writable || !self.from_server.is_writable() && !is_finished {
            return false;
        }
        self.is_writable = false;
        let mut bytes = Vec::new();
        let count = server.transmit(self.id, &mut bytes);
        assert_eq!(count, bytes.len(), "transmit returns the number of bytes it appended");
        self.from_server.write(now.instant, &bytes);
        if server.is_finished(self.id) && !self.is_closed {
            self.is_closed = true;
            self.from_server.close(now.instant);
        }
        true
    }

    fn read_into(&mut self, server: &mut Server, now: Now) -> bool {
        // What comes for a connection that is over is read and thrown away.
        let budget = if self.is_closed { usize::MAX } else { server.read_budget(self.id) };
        match self.side.pipe.read(now.instant, budget) {
            Some(Arrival::Bytes(piece)) => server.receive(now, self.id, &piece),
            Some(Arrival::Eof) => server.receive_eof(now, self.id),
            None => return false,
        }
        true
    }
}

impl<C: Machine> Index<usize> for Simulation<C> {
    type Output = Attached<C>;

    fn index(&self, client: usize) -> &Attached<C> {
        &self.clients[client]
    }
}

impl<C: Machine> IndexMut<usize> for Simulation<C> {
    fn index_mut(&mut self, client: usize) -> &mut Attached<C> {
        &mut self.clients[client]
    }
}

impl<C: Machine> fmt::Debug for Attached<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attached")
            .field("id", &self.id)
            .field("side", &self.side)
            .field("from_server", &self.from_server)
            .finish_non_exhaustive()
    }
}

impl<C: Machine> fmt::Debug for Simulation<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulation")
            .field("clock", &self.clock)
            .field("clients", &self.clients)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}
