//! Two machines, joined in memory.

use crate::{Arrival, Clock, Conditions, Pipe, Random};
use std::fmt;
use std::time::Duration;
use waxwing_core::machine::{Instant, Machine, Now};

/// Two machines and the transport between them, under one virtual clock.
///
/// The pair drives both as an adapter would: it drains `transmit` and `poll_event` after every call, reads no more than
/// `read_budget` allows, writes only while there is room, ticks at the deadline, and closes the transport of a machine
/// that is finished.
pub struct Pair<A: Machine, B: Machine> {
    /// One side, often the client.
    pub a: Side<A>,
    /// The other side, often the server.
    pub b: Side<B>,
    clock: Clock,
}

/// One side of a [`Pair`].
pub struct Side<M: Machine> {
    /// The machine. After calling it, let the pair run.
    pub machine: M,
    /// What happened to it, oldest first.
    pub log: Vec<Entry<M::Event>>,
    /// All bytes it has sent.
    pub sent: Vec<u8>,
    /// The way from this machine to the other.
    pub pipe: Pipe,
    handler: Option<Handler<M>>,
    closed: bool,
}

/// Answers a machine's events, as its owner would.
type Handler<M> = Box<dyn FnMut(&mut M, Now, &<M as Machine>::Event)>;

/// One line of a [`Side`]'s log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Entry<E> {
    /// The machine received this many bytes in one call.
    Received(Instant, usize),
    /// The machine was told that no more will come.
    ReceivedEof(Instant),
    /// The machine sent this many bytes.
    Sent(Instant, usize),
    /// The machine was ticked because its deadline had come.
    Ticked(Instant),
    /// The machine reported an event.
    Event(Instant, E),
    /// The machine was finished and its transport closed.
    Closed(Instant),
}

impl<A: Machine, B: Machine> Pair<A, B> {
    /// Joins two machines under perfect conditions. The seed decides latencies and splits by chance.
    pub fn new(seed: u64, a: A, b: B) -> Pair<A, B> {
        let mut random = Random::new(seed);
        Pair { a: Side::new(a, random.fork()), b: Side::new(b, random.fork()), clock: Clock::new() }
    }

    /// The present.
    pub fn now(&self) -> Now {
        self.clock.now()
    }

    /// Sets the conditions of both directions.
    pub fn set_conditions(&mut self, conditions: Conditions) {
        self.a.pipe.conditions = conditions.clone();
        self.b.pipe.conditions = conditions;
    }

    /// The connection breaks: both sides find the end of the stream, what was under way is lost.
    pub fn cut(&mut self) {
        let now = self.now().instant;
        self.a.pipe.cut(now);
        self.b.pipe.cut(now);
    }

    /// Lets bytes travel until none is under way and neither machine has more to say. Time moves as far as that takes;
    /// deadlines beyond it are left alone.
    pub fn run_until_idle(&mut self) {
        loop {
            self.run_instant();
            let Some(arrival) =
                earlier(self.a.readable_from(&self.b.pipe), self.b.readable_from(&self.a.pipe))
            else {
                return;
            };
            let due = earlier(self.a.deadline(), self.b.deadline()).map_or(arrival, |due| due.min(arrival));
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
    pub fn run_until(&mut self, limit: Duration, mut condition: impl FnMut(&Pair<A, B>) -> bool) -> bool {
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

    /// Lets time pass until both machines are finished, but no longer than `limit`. Returns whether they are.
    pub fn run_until_finished(&mut self, limit: Duration) -> bool {
        self.run_until(limit, |pair| pair.a.is_closed() && pair.b.is_closed())
    }

    /// Moves to the next thing that happens, and lets it happen. False where nothing does up to `end`.
    fn step(&mut self, end: Instant) -> bool {
        self.run_instant();
        let arrival = earlier(self.a.readable_from(&self.b.pipe), self.b.readable_from(&self.a.pipe));
        let deadline = earlier(self.a.deadline(), self.b.deadline());
        match earlier(arrival, deadline) {
            Some(next) if next <= end => {
                self.clock.advance_to(next);
                self.run_instant();
                true
            }
            _ => false,
        }
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
            let (a, b) = (&mut self.a, &mut self.b);
            let drained = a.drain(now) | b.drain(now);
            let ticked = a.tick(now) | b.tick(now);
            let read = a.read(now, &mut b.pipe) | b.read(now, &mut a.pipe);
            if !(drained || ticked || read) {
                return;
            }
            ticks = if ticked { ticks + 1 } else { 0 };
            assert!(
                ticks < FAR_TOO_OFTEN,
                "ticking does not move a deadline at {:?}: a has {:?}, b has {:?}",
                now.instant,
                a.machine.deadline(),
                b.machine.deadline()
            );
        }
    }
}

impl<A: Machine, B: Machine> fmt::Debug for Pair<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair").field("clock", &self.clock).field("a", &self.a).field("b", &self.b).finish()
    }
}

impl<M: Machine> Side<M> {
    pub(crate) fn new(machine: M, random: Random) -> Side<M> {
        Side {
            machine,
            log: Vec::new(),
            sent: Vec::new(),
            pipe: Pipe::new(random),
            handler: None,
            closed: false,
        }
    }

    /// Has every event answered by `handler` as soon as it is polled, before it goes to the log.
    pub fn on_event(&mut self, handler: impl FnMut(&mut M, Now, &M::Event) + 'static) {
        self.handler = Some(Box::new(handler));
    }

    /// The events so far, oldest first.
    pub fn events(&self) -> impl Iterator<Item = &M::Event> {
        self.log.iter().filter_map(|entry| match entry {
            Entry::Event(_, event) => Some(event),
            _ => None,
        })
    }

    /// True once the machine was finished and its transport closed.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        if self.closed { None } else { self.machine.deadline().map(|deadline| deadline.at) }
    }

    /// When this side will find something to read in the other's pipe.
    pub(crate) fn readable_from(&self, pipe: &Pipe) -> Option<Instant> {
        let arrival = pipe.next_arrival()?;
        let held_back = self.machine.read_budget() == 0 && !pipe.at_end();
        if self.closed || held_back { None } else { Some(arrival) }
    }

    pub(crate) fn drain(&mut self, now: Now) -> bool {
        let mut busy = false;
        loop {
            let start = self.sent.len();
            if self.pipe.is_writable() {
                let appended = self.machine.transmit(&mut self.sent);
                assert_eq!(
                    self.sent.len() - start,
                    appended,
                    "transmit returns the number of bytes it appended"
                );
            }
            let appended = self.sent.len() - start;
            if appended > 0 {
                self.log.push(Entry::Sent(now.instant, appended));
                self.pipe.write(now.instant, &self.sent[start..]);
            }
            let event = self.machine.poll_event();
            if appended == 0 && event.is_none() {
                break;
            }
            if let Some(event) = event {
                if let Some(handler) = &mut self.handler {
                    handler(&mut self.machine, now, &event);
                }
                self.log.push(Entry::Event(now.instant, event));
            }
            busy = true;
        }
        if self.machine.is_finished() && !self.closed && self.pipe.is_writable() {
            self.closed = true;
            self.pipe.close(now.instant);
            self.log.push(Entry::Closed(now.instant));
            busy = true;
        }
        busy
    }

    pub(crate) fn tick(&mut self, now: Now) -> bool {
        let due = self.deadline().is_some_and(|at| at <= now.instant);
        if due {
            self.machine.tick(now);
            self.log.push(Entry::Ticked(now.instant));
        }
        due
    }

    pub(crate) fn read(&mut self, now: Now, from: &mut Pipe) -> bool {
        if self.closed {
            return false;
        }
        match from.read(now.instant, self.machine.read_budget()) {
            Some(Arrival::Bytes(piece)) => {
                self.log.push(Entry::Received(now.instant, piece.len()));
                self.machine.receive(now, &piece);
            }
            Some(Arrival::Eof) => {
                self.log.push(Entry::ReceivedEof(now.instant));
                self.machine.receive_eof(now);
            }
            None => return false,
        }
        true
    }
}

impl<M: Machine> fmt::Debug for Side<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Side")
            .field("sent", &self.sent.len())
            .field("log", &self.log.len())
            .field("pipe", &self.pipe)
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}

pub(crate) fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
