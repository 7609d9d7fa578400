//! Two threads for one machine and one blocking socket: one reads, the other writes and keeps the time.
//!
//! The machine's lock is never held while a socket is waited for, so neither a peer that does not read nor one that says
//! nothing keeps anybody from the machine. One thread alone takes bytes out of the machine, so their order is the machine's.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::Builder;
use std::time::{Duration, Instant};

use waxwing_core::machine::{Machine, Now};

use crate::Clock;
use crate::sync::{Signal, lock, wait};

/// Bytes read from a socket at once.
const SCRATCH: usize = 16 << 10;
/// While so many events wait to be taken, nothing more is read: the transport slows the peer down.
const BACKLOG: usize = 64;
/// A blocked write lets time pass for the machine so often.
const TURN: Duration = Duration::from_millis(500);
/// How long a peer may take to read what is queued for it when the machine is finished.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// What differs between those who use this.
pub(crate) struct Manner<M> {
    /// Called before the machine is asked for bytes, to bring in what waits elsewhere.
    pub(crate) collect: fn(&mut M, Now),
    /// A write that makes no progress for this long has lost its reader. `None`: that is the machine's to notice.
    pub(crate) stalled: Option<Duration>,
    /// How long the peer may take to close its side after the end.
    pub(crate) linger: Duration,
}

/// What the threads share.
pub(crate) struct Pump<M: Machine> {
    state: Mutex<State<M>>,
    /// Events have come, or the end has.
    came: Condvar,
    /// There may be room to read again.
    room: Condvar,
    /// Raised for the writing thread.
    signal: Arc<Signal>,
    /// Raised when the reading thread is done.
    read_out: Signal,
    socket: TcpStream,
    clock: Clock,
    manner: Manner<M>,
}

struct State<M: Machine> {
    machine: M,
    events: VecDeque<M::Event>,
    /// Nobody wants it any more.
    abandoned: bool,
    /// The writing thread is done.
    over: bool,
    last_words: Duration,
}

impl<M: Machine> fmt::Debug for Pump<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pump").field("socket", &self.socket).finish_non_exhaustive()
    }
}

impl<M: Machine> State<M> {
    /// How many bytes may be read now.
    fn room(&self) -> usize {
        if self.abandoned || self.machine.is_finished() {
            // It does not matter any more, but the end is to be found.
            return SCRATCH;
        }
        if self.events.len() < BACKLOG { self.machine.read_budget().min(SCRATCH) } else { 0 }
    }

    fn drain(&mut self) {
        self.events.extend(std::iter::from_fn(|| self.machine.poll_event()));
    }
}

impl<M: Machine> Pump<M> {
    /// Takes a connected socket. `signal` is raised by others when there is something to collect.
    pub(crate) fn new(
        machine: M,
        socket: TcpStream,
        clock: Clock,
        signal: Arc<Signal>,
        manner: Manner<M>,
    ) -> io::Result<Pump<M>> {
        socket.set_nodelay(true)?;
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(None)?;
        socket.set_write_timeout(Some(TURN))?;
        let state =
            State { machine, events: VecDeque::new(), abandoned: false, over: false, last_words: LAST_WORDS };
        Ok(Pump {
            state: Mutex::new(state),
            came: Condvar::new(),
            room: Condvar::new(),
            signal,
            read_out: Signal::default(),
            socket,
            clock,
            manner,
        })
    }

    /// How long a peer that reads no more may hold up the end, once the machine is finished.
    pub(crate) fn set_last_words(&self, patience: Duration) {
        lock(&self.state).last_words = patience;
    }

    /// Starts both threads. `ended` is called at the end of the second one, behind which the socket is closed.
    pub(crate) fn start(self: &Arc<Self>, name: &str, ended: impl FnOnce() + Send + 'static) -> io::Result<()>
    where
        M: Send + 'static,
        M::Event: Send,
    {
        let (reading, writing) = (Arc::clone(self), Arc::clone(self));
        Builder::new().name(format!("{name}-read")).spawn(move || {
            reading.read();
            reading.read_out.raise();
        })?;
        let started = Builder::new().name(format!("{name}-write")).spawn(move || {
            writing.write();
            writing.finish();
            ended();
        });
        if started.is_err() {
            self.abandon();
        }
        started.map(drop)
    }

    /// Calls the machine, and lets the threads do what follows.
    pub(crate) fn tell<R>(&self, f: impl FnOnce(&mut M, Now) -> R) -> R {
        let mut state = lock(&self.state);
        let result = f(&mut state.machine, self.clock.now());
        state.drain();
        let came = !state.events.is_empty();
        drop(state);
        if came {
            self.came.notify_all();
        }
        self.room.notify_all();
        self.signal.raise();
        result
    }

    /// Asks the machine.
    pub(crate) fn ask<R>(&self, f: impl FnOnce(&M) -> R) -> R {
        f(&lock(&self.state).machine)
    }

    /// The next event. `None`: it is all over, or time is up.
    pub(crate) fn next_event(&self, patience: Option<Duration>) -> Option<M::Event> {
        let give_up = patience.and_then(|patience| Instant::now().checked_add(patience));
        let mut state = lock(&self.state);
        loop {
            if let Some(event) = state.events.pop_front() {
                if state.events.len() + 1 == BACKLOG {
                    self.room.notify_all();
                }
                return Some(event);
            }
            let left = give_up.map(|at| at.saturating_duration_since(Instant::now()));
            if state.over || left.is_some_and(|left| left.is_zero()) {
                return None;
            }
            state = wait(&self.came, state, left);
        }
    }

    /// Ends both threads, without another word to the peer.
    pub(crate) fn abandon(&self) {
        lock(&self.state).abandoned = true;
        let _ = self.socket.shutdown(Shutdown::Both);
        self.room.notify_all();
        self.signal.raise();
    }

    /// The reading thread.
    fn read(&self) {
        let mut scratch = vec![0; SCRATCH];
        loop {
            let mut state = lock(&self.state);
            let room = loop {
                match state.room() {
                    0 => state = wait(&self.room, state, None),
                    room => break room,
                }
            };
            drop(state);
            match (&self.socket).read(&mut scratch[..room]) {
                Ok(n @ 1..) => self.tell(|machine, now| machine.receive(now, &scratch[..n])),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                // A connection that is gone ends like one that the peer has closed.
                Ok(0) | Err(_) => return self.tell(|machine, now| machine.receive_eof(now)),
            }
        }
    }

    /// The writing thread, until the machine is finished and all has been written.
    fn write(&self) {
        let mut outgoing = Vec::new();
        // Nothing can be written any more. What the peer has sent before can still be read: often it says why.
        let mut unheard = false;
        loop {
            let (finished, wait) = self.turn(&mut outgoing);
            if unheard {
                outgoing.clear();
            }
            if outgoing.is_empty() {
                if finished {
                    return;
                }
                self.signal.wait(wait);
                continue;
            }
            unheard = !self.write_all(&outgoing);
            outgoing.clear();
            outgoing.shrink_to(SCRATCH);
        }
    }

    /// Brings the machine up to date and takes its bytes: whether it is finished, and how long it can wait.
    fn turn(&self, outgoing: &mut Vec<u8>) -> (bool, Option<Duration>) {
        let mut state = lock(&self.state);
        let now = self.clock.now();
        (self.manner.collect)(&mut state.machine, now);
        if state.machine.deadline().is_some_and(|deadline| deadline.at <= now.instant) {
            state.machine.tick(now);
        }
        while state.machine.transmit(outgoing) > 0 {}
        state.drain();
        let wait = state.machine.deadline().map(|deadline| deadline.at.saturating_since(now.instant));
        let (finished, came) = (state.machine.is_finished(), !state.events.is_empty());
        drop(state);
        if came {
            self.came.notify_all();
        }
        self.room.notify_all();
        (finished, wait)
    }

    /// Writes all of it, and lets time pass for the machine meanwhile. False: the peer has gone, or reads no more.
    fn write_all(&self, mut rest: &[u8]) -> bool {
        let mut progress = Instant::now();
        let mut finished = None;
        while !rest.is_empty() {
            match (&self.socket).write(rest) {
                Ok(n @ 1..) => {
                    rest = &rest[n..];
                    progress = Instant::now();
                    continue;
                }
                Err(e) if is_passing(e.kind()) => {}
                Ok(0) | Err(_) => return false,
            }
            let manner = &self.manner;
            self.tell(|machine, now| {
                (manner.collect)(machine, now);
                machine.tick(now);
            });
            let state = lock(&self.state);
            let last_words = state.last_words;
            if state.machine.is_finished() {
                finished.get_or_insert_with(Instant::now);
            }
            drop(state);
            let is_over = finished.is_some_and(|since: Instant| since.elapsed() >= last_words);
            if is_over || manner.stalled.is_some_and(|patience| progress.elapsed() >= patience) {
                // Nor is anything read any more: that ends the machine, if nothing else has.
                let _ = self.socket.shutdown(Shutdown::Both);
                return false;
            }
        }
        true
    }

    /// The end of the writing thread, and so of the connection.
    fn finish(&self) {
        // The peer is read from until it has seen the end, or has had time to: closing a socket with unread input resets the
        // connection, and the reset would overtake the error that explains it.
        let _ = self.socket.shutdown(Shutdown::Write);
        if !self.manner.linger.is_zero() {
            self.read_out.wait(Some(self.manner.linger));
        }
        let _ = self.socket.shutdown(Shutdown::Both);
        lock(&self.state).over = true;
        self.came.notify_all();
    }
}

/// The socket was busy, or we were.
fn is_passing(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
