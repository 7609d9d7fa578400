//! What is recorded of a world, to be drawn: see [`super::html`].

use std::collections::{BTreeMap, VecDeque};
use waxwing_core::machine::Instant;

/// Where something happens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Lane {
    Device(usize),
    Host(usize),
}

/// A record of what happened; empty unless it was asked for.
#[derive(Debug, Default)]
pub(super) struct Trace {
    pub(super) arrows: Vec<Arrow>,
    pub(super) marks: Vec<Mark>,
    is_on: bool,
    ends: BTreeMap<u64, (Lane, Lane)>,
    /// Arrows that have not arrived: by wire and direction, with the bytes that are still to come.
    open: BTreeMap<(u64, bool), VecDeque<(usize, usize)>>,
}

/// Bytes from one lane to another.
#[derive(Debug)]
pub(super) struct Arrow {
    pub(super) from: Lane,
    pub(super) to: Lane,
    pub(super) sent: Instant,
    /// When the last of them was read, if ever.
    pub(super) arrived: Option<Instant>,
    pub(super) text: String,
}

/// Something that happened in one place.
#[derive(Debug)]
pub(super) struct Mark {
    pub(super) at: Instant,
    pub(super) lane: Lane,
    pub(super) text: String,
    pub(super) is_fault: bool,
}

impl Trace {
    pub(super) fn new(is_on: bool) -> Trace {
        Trace { is_on, ..Trace::default() }
    }

    pub(super) fn mark(&mut self, at: Instant, lane: Lane, text: &str, is_fault: bool) {
        if self.is_on {
            self.marks.push(Mark { at, lane, text: text.to_owned(), is_fault });
        }
    }

    pub(super) fn connect(&mut self, at: Instant, wire: u64, device: usize, host: usize) {
        if self.is_on {
            self.ends.insert(wire, (Lane::Device(device), Lane::Host(host)));
            self.mark(at, Lane::Device(device), "connects", false);
        }
    }

    pub(super) fn write(&mut self, at: Instant, wire: u64, is_up: bool, bytes: &[u8]) {
        let Some(&(device, host)) = self.ends.get(&wire).filter(|_| self.is_on && !bytes.is_empty()) else {
            return;
        };
        let (from, to) = if is_up { (device, host) } else { (host, device) };
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.open.entry((wire, is_up)).or_default().push_back((self.arrows.len(), bytes.len()));
        self.arrows.push(Arrow { from, to, sent: at, arrived: None, text });
    }

    pub(super) fn read(&mut self, at: Instant, wire: u64, is_up: bool, mut count: usize) {
        let Some(open) = self.open.get_mut(&(wire, is_up)) else { return };
        while let Some((arrow, left)) = open.front_mut() {
            let taken = count.min(*left);
            *left -= taken;
            count -= taken;
            if *left > 0 {
                return;
            }
            self.arrows[*arrow].arrived = Some(at);
            open.pop_front();
        }
    }

    pub(super) fn link(&mut self, at: Instant, (from, to): (usize, usize), xml: &str) {
        if self.is_on {
            let (from, to) = (Lane::Host(from), Lane::Host(to));
            self.arrows.push(Arrow { from, to, sent: at, arrived: Some(at), text: xml.to_owned() });
        }
    }
}
