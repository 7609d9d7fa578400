//! Names for what has been queued.

/// Names one stanza that was given to [`Client::send`](super::Client::send).
///
/// A handle belongs to the machine that gave it out, or to the one that goes on with its session in another process: no two
/// machines, and no two stanzas of one machine, have equal handles.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct StanzaHandle {
    machine: u64,
    serial: u64,
}

impl StanzaHandle {
    pub(super) fn new(machine: u64, serial: u64) -> StanzaHandle {
        StanzaHandle { machine, serial }
    }

    pub(super) fn serial(self) -> u64 {
        self.serial
    }
}

/// Gives out handles. The machine's number is random, so that handles of two machines never meet.
#[derive(Clone, Debug)]
pub(super) struct Handles {
    machine: u64,
    serial: u64,
}

impl Handles {
    pub(super) fn new(machine: u64) -> Handles {
        Handles::resume(machine, 0)
    }

    /// Goes on behind what has been given out.
    pub(super) fn resume(machine: u64, serial: u64) -> Handles {
        Handles { machine, serial }
    }

    /// For [`resume`](Self::resume).
    pub(super) fn parts(&self) -> (u64, u64) {
        (self.machine, self.serial)
    }

    pub(super) fn next(&mut self) -> StanzaHandle {
        self.serial = self.serial.wrapping_add(1);
        StanzaHandle { machine: self.machine, serial: self.serial }
    }
}
