//! Any number of machines over non-blocking sockets, in one thread.
//!
//! mio says that a socket has *become* readable or writable, once. So what is known of each is kept ([`Peer`]): a machine that
//! may not read for now (its [`read_budget`](Machine::read_budget) is 0) is read from later without being told again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use waxwing_core::machine::{Instant, Machine, Now};

/// Bytes read at once. All machines share the buffer: an idle one owns none.
const SCRATCH: usize = 16 << 10;
/// How often a machine may read before others have a turn.
const TURNS: usize = 8;

/// The machines, their sockets and their deadlines.
pub(crate) struct Engine<M> {
    poll: Poll,
    ready: Events,
    peers: Vec<Peer<M>>,
    /// When to look at which machine. Deadlines move with almost every call: one that has moved to a later time is noticed
    /// when the earlier one comes, which is cheaper than finding it here.
    timers: BinaryHeap<Reverse<(Instant, usize)>>,
    /// Machines that have had their turns and are not done, or that somebody has called.
    again: Vec<usize>,
    scratch: Box<[u8]>,
    /// How often the system was asked.
    pub(crate) polls: u64,
}

struct Peer<M> {
    machine: M,
    socket: TcpStream,
    outgoing: Vec<u8>,
    /// How much of it the socket has taken.
    written: usize,
    readable: bool,
    writable: bool,
    eof: bool,
    /// Nothing can be written any more; what has come before can still be read.
    unheard: bool,
    /// The earliest of its timers.
    timer: Option<Instant>,
    queued: bool,
    closed: bool,
}

impl<M: Machine> Engine<M> {
    pub(crate) fn new() -> io::Result<Engine<M>> {
        Ok(Engine {
            poll: Poll::new()?,
            ready: Events::with_capacity(1024),
            peers: Vec::new(),
            timers: BinaryHeap::new(),
            again: Vec::new(),
            scratch: vec![0; SCRATCH].into_boxed_slice(),
            polls: 0,
        })
    }

    /// Connects a machine. Its number is one more than the last one's.
    pub(crate) fn connect(&mut self, machine: M, address: SocketAddr) -> io::Result<usize> {
        let number = self.peers.len();
        let mut socket = TcpStream::connect(address)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut socket, Token(number), interest)?;
        self.peers.push(Peer {
            machine,
            socket,
            outgoing: Vec::new(),
            written: 0,
            // Nothing before the socket is connected.
            readable: false,
            writable: false,
            eof: false,
            unheard: false,
            timer: None,
            queued: false,
            closed: false,
        });
        self.enqueue(number);
        Ok(number)
    }

    pub(crate) fn len(&self) -> usize {
        self.peers.len()
    }

    /// A machine, to tell something; it is seen to in the next [`turn`](Engine::turn).
    pub(crate) fn call(&mut self, number: usize) -> Option<&mut M> {
        self.enqueue(number);
        self.peers.get_mut(number).map(|peer| &mut peer.machine)
    }

    fn enqueue(&mut self, number: usize) {
        if let Some(peer) = self.peers.get_mut(number)
            && !std::mem::replace(&mut peer.queued, true)
        {
            self.again.push(number);
        }
    }

    /// Waits until something can be done, but no longer than `at_most`, and does it. `now` reads the clocks; `on_event` gets
    /// each event, with the machine's number.
    pub(crate) fn turn(
        &mut self,
        at_most: Duration,
        now: impl Fn() -> Now,
        mut on_event: impl FnMut(usize, &mut M, Now, M::Event),
    ) -> io::Result<()> {
        let timer = self.timers.peek().map(|Reverse((at, _))| at.saturating_since(now().instant));
        let wait = if self.again.is_empty() {
            timer.map_or(at_most, |timer| timer.min(at_most))
        } else {
            Duration::ZERO
        };
        self.polls += 1;
        match self.poll.poll(&mut self.ready, Some(wait)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &self.ready {
            let Some(peer) = self.peers.get_mut(event.token().0) else { continue };
            // An error shows itself to whoever reads or writes.
            peer.readable |= event.is_readable() || event.is_read_closed() || event.is_error();
            peer.writable |= event.is_writable() || event.is_write_closed() || event.is_error();
            if !std::mem::replace(&mut peer.queued, true) {
                self.again.push(event.token().0);
            }
        }
        let present = now().instant;
        while let Some(&Reverse((at, number))) = self.timers.peek()
            && at <= present
        {
            self.timers.pop();
            if let Some(peer) = self.peers.get_mut(number) {
                peer.timer = None;
            }
            self.enqueue(number);
        }
        for number in std::mem::take(&mut self.again) {
            let Some(peer) = self.peers.get_mut(number) else { continue };
            peer.queued = false;
            let more = peer
                .drive(&mut self.scratch, &now, |machine, now, event| on_event(number, machine, now, event));
            if peer.closed {
                let _ = self.poll.registry().deregister(&mut peer.socket);
                let _ = peer.socket.shutdown(std::net::Shutdown::Both);
                continue;
            }
            if let Some(due) = peer.machine.deadline().map(|deadline| deadline.at)
                && peer.timer.is_none_or(|timer| due < timer)
            {
                peer.timer = Some(due);
                self.timers.push(Reverse((due, number)));
            }
            if more {
                self.enqueue(number);
            }
        }
        Ok(())
    }
}

impl<M: Machine> Peer<M> {
    /// The run loop: drain, then read what there is; and the deadline. True if there may be more to read.
    fn drive(
        &mut self,
        scratch: &mut [u8],
        now: impl Fn() -> Now,
        mut on_event: impl FnMut(&mut M, Now, M::Event),
    ) -> bool {
        for _ in 0..TURNS {
            // Drain: bytes to the socket as far as it takes them, events to their owner, until neither has more.
            let blocked = loop {
                let blocked = self.flush();
                match self.machine.poll_event() {
                    Some(event) => on_event(&mut self.machine, now(), event),
                    None => break blocked,
                }
            };
            if self.machine.is_finished() && !blocked {
                self.closed = true;
                return false;
            }
            let present = now();
            if self.machine.deadline().is_some_and(|deadline| deadline.at <= present.instant) {
                self.machine.tick(present);
                continue;
            }
            let budget = self.machine.read_budget().min(scratch.len());
            if !self.readable || self.eof || budget == 0 {
                return false;
            }
            match self.socket.read(&mut scratch[..budget]) {
                Ok(bytes @ 1..) => self.machine.receive(now(), &scratch[..bytes]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.readable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                end => {
                    self.unheard |= end.is_err();
                    self.eof = true;
                    self.machine.receive_eof(now());
                }
            }
        }
        true
    }

    /// Writes what the machine has to send. True if some of it still waits for the socket.
    fn flush(&mut self) -> bool {
        loop {
            if self.written == self.outgoing.len() || self.unheard {
                self.written = 0;
                self.outgoing.clear();
                if self.machine.transmit(&mut self.outgoing) == 0 {
                    // An idle connection owns no write buffer either.
                    self.outgoing = Vec::new();
                    return false;
                }
            }
            if self.unheard {
                continue;
            }
            if !self.writable {
                return true;
            }
            match self.socket.write(&self.outgoing[self.written..]) {
                Ok(bytes) => self.written += bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable = false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => self.unheard = true,
            }
        }
    }
}
