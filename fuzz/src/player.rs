//! Drives one machine as its owner should, and holds it to the contract.

use crate::Wire;
use std::fmt::Debug;
use std::time::Duration;
use waxwing_core::client::{self, Client};
use waxwing_core::machine::{Instant, Machine, Now, Utc};
use waxwing_core::server::connection::{self, Connection};

/// A machine whose last event can be told.
pub trait Subject: Machine<Event: Debug> {
    /// Is this the end?
    fn is_end(event: &Self::Event) -> bool;
}

impl Subject for Connection {
    fn is_end(event: &connection::Event) -> bool {
        matches!(event, connection::Event::Closed(_))
    }
}

impl Subject for Client {
    fn is_end(event: &client::Event) -> bool {
        matches!(event, client::Event::Closed(_))
    }
}

/// The moment when all plays begin.
pub fn start() -> Now {
    Now::new(Instant::ORIGIN, Utc::from_unix_millis(1_767_225_600_000))
}

/// A machine, its clock, and what came of it.
#[derive(Debug)]
pub struct Player<M> {
    /// The machine under test.
    pub machine: M,
    /// The present.
    pub now: Now,
    /// What it has sent.
    pub wire: Wire,
    /// What it has told its owner.
    pub log: Vec<String>,
    /// More than this it must never have waiting to be sent.
    most_queued: usize,
    ended: bool,
}

impl<M: Subject> Player<M> {
    /// A machine that has just been made at [`start`].
    pub fn new(machine: M, most_queued: usize) -> Player<M> {
        Player { machine, now: start(), wire: Wire::default(), log: Vec::new(), most_queued, ended: false }
    }

    /// Lets time pass.
    pub fn wait(&mut self, time: Duration) {
        self.now = self.now.after(time);
        self.machine.tick(self.now);
    }

    /// Lets time pass up to the deadline, if there is one.
    pub fn wait_for_deadline(&mut self) {
        if let Some(deadline) = self.machine.deadline() {
            self.wait(deadline.at - self.now.instant);
        }
    }

    /// Takes outgoing bytes and events until there are no more of either. `on_event` may call the machine. Returns how many
    /// bytes came.
    ///
    /// # Panics
    ///
    /// If the machine never falls silent, sends what it must not, or has anything to say after its end.
    pub fn drain(&mut self, mut on_event: impl FnMut(&mut M, Now, &M::Event)) -> usize {
        let first = self.wire.sent.len();
        for round in 0..100_000 {
            let before = self.wire.sent.len();
            let appended = self.machine.transmit(&mut self.wire.sent);
            assert_eq!(self.wire.sent.len() - before, appended, "transmit reports what it appended");
            if round == 0 {
                assert!(appended <= self.most_queued, "{appended} bytes were waiting");
            }
            self.wire.check();
            match self.machine.poll_event() {
                Some(event) => {
                    assert!(!self.ended, "an event after the end: {event:?}");
                    self.ended = M::is_end(&event);
                    self.log.push(format!("{event:?}"));
                    on_event(&mut self.machine, self.now, &event);
                }
                None if appended == 0 => {
                    assert_eq!(self.ended, self.machine.is_finished(), "the end is told when it comes");
                    return self.wire.sent.len() - first;
                }
                None => {}
            }
        }
        panic!("the machine does not fall silent");
    }

    /// A deadline that has come is dealt with by being ticked: whoever waits for the next one does not spin.
    ///
    /// # Panics
    ///
    /// If it is not.
    pub fn check_deadline(&mut self) {
        for _ in 0..4 {
            match self.machine.deadline() {
                Some(deadline) if deadline.at <= self.now.instant => self.machine.tick(self.now),
                _ => break,
            }
        }
        let deadline = self.machine.deadline();
        assert!(deadline.is_none_or(|it| it.at > self.now.instant), "ticking does not move {deadline:?}");
        if self.machine.is_finished() {
            assert_eq!(deadline, None, "nothing is left to wait for");
        }
        if self.machine.read_budget() == 0 {
            assert!(
                deadline.is_some() || self.machine.is_finished(),
                "a driver that stops reading sleeps for ever"
            );
        }
    }

    /// True once the machine has told its end.
    pub fn has_ended(&self) -> bool {
        self.ended
    }
}
