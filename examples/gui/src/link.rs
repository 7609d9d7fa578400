//! A machine over a non-blocking socket, polled once a frame.

use std::io::{ErrorKind, Read, Write};

use waxwing_core::machine::{Machine, Now};

/// Bytes read at once.
const SCRATCH: usize = 8 << 10;
/// How often a frame reads at the most: the rest has to wait for the next one.
const READS: usize = 4;

/// A machine and its socket. `S` must not block: it says [`WouldBlock`](ErrorKind::WouldBlock) instead.
#[derive(Debug)]
pub struct Link<M, S> {
    machine: M,
    socket: S,
    outgoing: Vec<u8>,
    scratch: Box<[u8]>,
    eof: bool,
    /// Nothing can be written any more; what has come before can still be read.
    unheard: bool,
}

impl<M: Machine, S: Read + Write> Link<M, S> {
    /// Joins them.
    pub fn new(machine: M, socket: S) -> Link<M, S> {
        let scratch = vec![0; SCRATCH].into_boxed_slice();
        Link { machine, socket, outgoing: Vec::new(), scratch, eof: false, unheard: false }
    }

    /// The machine, to ask.
    pub fn machine(&self) -> &M {
        &self.machine
    }

    /// The machine, to tell. What it wants to send goes out in the next [`poll`](Link::poll).
    pub fn machine_mut(&mut self) -> &mut M {
        &mut self.machine
    }

    /// True when everything has been said.
    pub fn is_over(&self) -> bool {
        self.machine.is_finished() && (self.outgoing.is_empty() || self.unheard)
    }

    /// A frame's share: the deadline if it has come, what there is to read up to a limit, and what follows from it.
    pub fn poll(&mut self, now: Now, mut on_event: impl FnMut(&mut M, M::Event)) {
        if self.machine.deadline().is_some_and(|deadline| deadline.at <= now.instant) {
            self.machine.tick(now);
        }
        self.drain(&mut on_event);
        for _ in 0..READS {
            let budget = self.machine.read_budget().min(SCRATCH);
            if budget == 0 || self.eof || self.machine.is_finished() {
                return;
            }
            match self.socket.read(&mut self.scratch[..budget]) {
                Ok(bytes @ 1..) => self.machine.receive(now, &self.scratch[..bytes]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                end => {
                    self.unheard |= end.is_err();
                    self.eof = true;
                    self.machine.receive_eof(now);
                }
            }
            self.drain(&mut on_event);
        }
    }

    /// The run-loop invariant: bytes to the socket as far as it takes them, events to their owner, until neither has more.
    fn drain(&mut self, on_event: &mut impl FnMut(&mut M, M::Event)) {
        loop {
            let more = self.outgoing.is_empty() && self.machine.transmit(&mut self.outgoing) > 0;
            self.write();
            match self.machine.poll_event() {
                Some(event) => on_event(&mut self.machine, event),
                None if !more => return,
                None => {}
            }
        }
    }

    fn write(&mut self) {
        if self.unheard {
            return self.outgoing.clear();
        }
        while !self.outgoing.is_empty() {
            match self.socket.write(&self.outgoing) {
                Ok(bytes) => drop(self.outgoing.drain(..bytes)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => {
                    self.unheard = true;
                    return self.outgoing.clear();
                }
            }
        }
    }
}
