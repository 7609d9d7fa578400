//! What the stream targets share: a hostile peer's script, and the driver that plays it into a machine.

#![forbid(unsafe_code)]

use arbitrary::Arbitrary;
use std::time::Duration;
use waxwing_core::machine::{Instant, Machine, Now, Utc};

/// One thing that happens to a machine from outside.
#[derive(Arbitrary, Clone, Debug)]
pub enum Step<'a> {
    /// The peer sends bytes, in one piece.
    Send(&'a [u8]),
    /// The peer sends bytes, one at a time.
    Drip(&'a [u8]),
    /// The peer closes its side.
    Eof,
    /// Time passes, in milliseconds, and the machine is ticked.
    Wait(u32),
    /// Time jumps to the machine's own deadline.
    Deadline,
    /// The caller takes the outgoing bytes and events only now: they had been piling up.
    Drain,
}

/// Plays steps into a machine under a virtual clock and holds it to the contract of [`Machine`].
#[derive(Debug)]
pub struct Player<M> {
    /// The machine under test.
    pub machine: M,
    /// The present.
    pub now: Now,
    /// Everything that the machine has sent.
    pub sent: Vec<u8>,
}

impl<M: Machine> Player<M> {
    /// Starts the clock in the year 2026.
    pub fn new(machine: M) -> Self {
        Player {
            machine,
            now: Now::new(Instant::ORIGIN, Utc::from_unix_millis(1_767_225_600_000)),
            sent: Vec::new(),
        }
    }

    /// Plays one step.
    pub fn step(&mut self, step: &Step<'_>, on_event: &mut impl FnMut(&mut M, Now, M::Event)) {
        match step {
            Step::Send(bytes) => self.machine.receive(self.now, bytes),
            Step::Drip(bytes) => {
                for byte in *bytes {
                    self.machine.receive(self.now, &[*byte]);
                }
            }
            Step::Eof => self.machine.receive_eof(self.now),
            Step::Wait(millis) => {
                self.now = self.now.after(Duration::from_millis(u64::from(*millis)));
                self.machine.tick(self.now);
            }
            Step::Deadline => {
                if let Some(deadline) = self.machine.deadline() {
                    self.now = self.now.after(deadline.at - self.now.instant);
                    self.machine.tick(self.now);
                }
            }
            Step::Drain => self.drain(on_event),
        }
    }

    /// Takes outgoing bytes and events until there are no more of either, handing each event to `on_event`, which may
    /// call the machine (answer a look-up, send a stanza, close).
    ///
    /// # Panics
    ///
    /// If the machine never falls silent, or says it appended another number of bytes than it did.
    pub fn drain(&mut self, on_event: &mut impl FnMut(&mut M, Now, M::Event)) {
        for _ in 0..100_000 {
            let before = self.sent.len();
            let appended = self.machine.transmit(&mut self.sent);
            assert_eq!(self.sent.len() - before, appended, "transmit reports what it appended");
            match self.machine.poll_event() {
                Some(event) => on_event(&mut self.machine, self.now, event),
                None if appended == 0 => return,
                None => {}
            }
        }
        panic!("the machine does not fall silent");
    }

    /// Lets the clock run from deadline to deadline, at most `rounds` times: a machine that is not finished by its own
    /// time-outs must at least stop asking for the past.
    ///
    /// # Panics
    ///
    /// If a deadline that has been met is asked for again and again.
    pub fn settle(&mut self, rounds: usize, on_event: &mut impl FnMut(&mut M, Now, M::Event)) {
        let mut stuck = 0;
        for _ in 0..rounds {
            self.drain(on_event);
            let Some(deadline) = self.machine.deadline() else { return };
            stuck = if deadline.at <= self.now.instant { stuck + 1 } else { 0 };
            assert!(stuck < 100, "ticking does not move the deadline for {:?}", deadline.reason);
            self.step(&Step::Deadline, on_event);
        }
    }
}
