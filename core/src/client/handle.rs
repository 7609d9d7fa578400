//! Names for what has been queued.

/// Names one stanza that was given to [`Client::send`](super::Client::send).
///
/// A handle belongs to the machine that gave it out: no two machines, and no two stanzas of one machine, have equal
/// handles.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct StanzaHandle {
    machine: u64,
    serial: u64,
}

/// Gives out handles. The machine's number is random, so that handles of two machines never meet.
#[derive(Debug)]
pub(super) struct Handles {
    machine: u64,
    serial: u64,
}

impl Handles {
    pub(super) fn new(machine: u64) -> Handles {
        Handles { machine, serial: 0 }
    }

    pub(super) fn next(&mut self) -> StanzaHandle {
        self.serial += 1;
        StanzaHandle { machine: self.machine, serial: self.serial }
    }
}
