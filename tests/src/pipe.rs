//! One direction of a transport: bytes that arrive later, in other pieces than they were sent in, but in order.

use crate::Random;
use std::collections::VecDeque;
use std::time::Duration;
use waxwing_core::machine::Instant;

/// How a [`Pipe`] treats its bytes.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// How long a byte travels at least.
    pub latency: Duration,
    /// How much longer it may take, by chance. Order is kept all the same.
    pub jitter: Duration,
    /// How fast bytes enter the pipe. `None`: at once.
    pub bytes_per_second: Option<u64>,
    /// In which pieces bytes arrive.
    pub split: Split,
    /// How many bytes may be under way before the sender finds its socket not writable.
    pub window: usize,
    /// Nothing arrives while this is set, not even the end.
    pub stalled: bool,
}

impl Default for Conditions {
    /// A perfect network: no delay, no limits, one piece for each write.
    fn default() -> Conditions {
        Conditions {
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            bytes_per_second: None,
            split: Split::Whole,
            window: usize::MAX,
            stalled: false,
        }
    }
}

/// Where a [`Pipe`] cuts what is written into it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Split {
    /// One write arrives as one piece.
    Whole,
    /// Every byte arrives alone.
    EveryByte,
    /// Pieces of a random length from 1 to this many bytes.
    Random(usize),
    /// One cut, before the byte with this offset from the beginning of the pipe. A test that runs once for each offset
    /// has split its input everywhere.
    At(u64),
}

/// What a [`Pipe`] gives its reader.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Arrival {
    /// The next piece.
    Bytes(Vec<u8>),
    /// There will be no more. Given once.
    Eof,
}

/// One direction of an in-memory transport.
#[derive(Debug)]
pub struct Pipe {
    /// Can be changed at any time; bytes already under way keep their arrival time.
    pub conditions: Conditions,
    random: Random,
    flights: VecDeque<Flight>,
    in_flight: usize,
    written: u64,
    /// When the last byte written so far has entered the pipe.
    busy_until: Instant,
    end: End,
}

#[derive(Debug)]
struct Flight {
    at: Instant,
    bytes: Vec<u8>,
}

#[derive(Debug)]
enum End {
    Open,
    Closed { at: Instant },
    Told,
}

impl Pipe {
    /// An empty pipe under perfect conditions.
    pub fn new(random: Random) -> Pipe {
        Pipe {
            conditions: Conditions::default(),
            random,
            flights: VecDeque::new(),
            in_flight: 0,
            written: 0,
            busy_until: Instant::ORIGIN,
            end: End::Open,
        }
    }

    /// True where the sender may write: the window has room, or the pipe has ended and swallows everything.
    pub fn is_writable(&self) -> bool {
        !matches!(self.end, End::Open) || self.in_flight < self.conditions.window
    }

    /// How many bytes were written since the beginning.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Puts bytes under way. After the end they vanish, as on a socket that was reset.
    pub fn write(&mut self, now: Instant, mut bytes: &[u8]) {
        if !matches!(self.end, End::Open) {
            return;
        }
        while !bytes.is_empty() {
            let length = self.piece_length(bytes.len());
            let (piece, rest) = bytes.split_at(length);
            let at = self.arrival_time(now, length);
            self.flights.push_back(Flight { at, bytes: piece.to_vec() });
            self.in_flight += length;
            self.written += length as u64;
            bytes = rest;
        }
    }

    /// The sender is done: the end arrives after everything written so far.
    pub fn close(&mut self, now: Instant) {
        if matches!(self.end, End::Open) {
            self.end = End::Closed { at: self.arrival_time(now, 0) };
        }
    }

    /// The connection breaks: what was under way is lost, the end arrives now.
    pub fn cut(&mut self, now: Instant) {
        self.flights.clear();
        self.in_flight = 0;
        if !matches!(self.end, End::Told) {
            self.end = End::Closed { at: now };
        }
    }

    /// When there will be something to read, if ever.
    pub fn next_arrival(&self) -> Option<Instant> {
        if self.conditions.stalled {
            return None;
        }
        match (self.flights.front(), &self.end) {
            (Some(flight), _) => Some(flight.at),
            (None, End::Closed { at }) => Some(*at),
            (None, _) => None,
        }
    }

    /// True where what comes next is the end, which no read budget holds back.
    pub fn at_end(&self) -> bool {
        self.flights.is_empty()
    }

    /// Takes the next piece that has arrived, cut to `budget` bytes; the rest of it waits.
    pub fn read(&mut self, now: Instant, budget: usize) -> Option<Arrival> {
        if self.next_arrival()? > now {
            return None;
        }
        let Some(flight) = self.flights.front_mut() else {
            self.end = End::Told;
            return Some(Arrival::Eof);
        };
        if budget == 0 {
            return None;
        }
        let rest = flight.bytes.split_off(budget.min(flight.bytes.len()));
        let piece = std::mem::replace(&mut flight.bytes, rest);
        self.in_flight -= piece.len();
        if flight.bytes.is_empty() {
            self.flights.pop_front();
        }
        Some(Arrival::Bytes(piece))
    }

    fn piece_length(&mut self, available: usize) -> usize {
        match self.conditions.split {
            Split::Whole => available,
            Split::EveryByte => 1,
            Split::Random(longest) => (1 + self.random.below(longest)).min(available),
            Split::At(offset) => match offset.checked_sub(self.written) {
                None | Some(0) => available,
                Some(before) => usize::try_from(before).unwrap_or(usize::MAX).min(available),
            },
        }
    }

    fn arrival_time(&mut self, now: Instant, length: usize) -> Instant {
        let sending = match self.conditions.bytes_per_second {
            Some(rate) => Duration::from_secs_f64(length as f64 / rate.max(1) as f64),
            None => Duration::ZERO,
        };
        self.busy_until = self.busy_until.max(now) + sending;
        let at = self.busy_until + self.conditions.latency + self.random.up_to(self.conditions.jitter);
        self.flights.back().map_or(at, |last| last.at.max(at))
    }
}

#[cfg(test)]
mod tests;
