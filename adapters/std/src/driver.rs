//! One machine over one blocking socket.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use waxwing_core::machine::Machine;

use crate::Clock;

/// Bytes read from the socket at once.
const SCRATCH: usize = 16 << 10;
/// How long a blocked write may keep us from reading. While both sides only write, neither gets on; so a write that
/// makes no progress for this long lets the reader have a turn.
const TURN: Duration = Duration::from_millis(20);
/// How long a peer may take to read what is queued for it when the machine is finished.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// Runs a [`Machine`] over a `TcpStream`, in the caller's thread.
///
/// [`next_event`](Driver::next_event) does all the work: between two calls nothing is read, written or timed.
#[derive(Debug)]
pub struct Driver<M> {
    machine: M,
    /// None between two connections of a machine that has several.
    socket: Option<TcpStream>,
    clock: Clock,
    outgoing: Vec<u8>,
    /// How much of `outgoing` the socket has taken.
    written: usize,
    scratch: Box<[u8]>,
    eof: bool,
    /// Nothing can be written any more. What the peer has sent before can still be read: often it says why.
    unheard: bool,
    last_words: Duration,
    /// When the end is no longer waited for.
    end_by: Option<Instant>,
}

impl<M: Machine> Driver<M> {
    /// Takes a connected socket. `clock` must be the one that the machine has been told the time from.
    pub fn new(machine: M, socket: TcpStream, clock: Clock) -> io::Result<Driver<M>> {
        let mut driver = Driver::unconnected(machine, clock);
        driver.attach(socket)?;
        Ok(driver)
    }

    /// Without a socket yet: what the machine sends is lost until there is one.
    pub(crate) fn unconnected(machine: M, clock: Clock) -> Driver<M> {
        Driver {
            machine,
            socket: None,
            clock,
            outgoing: Vec::new(),
            written: 0,
            scratch: vec![0; SCRATCH].into_boxed_slice(),
            eof: true,
            unheard: true,
            last_words: LAST_WORDS,
            end_by: None,
        }
    }

    /// Goes on over this socket, as if there had been none before.
    pub(crate) fn attach(&mut self, socket: TcpStream) -> io::Result<()> {
        socket.set_nodelay(true)?;
        socket.set_nonblocking(false)?;
        socket.set_write_timeout(Some(TURN))?;
        self.outgoing.clear();
        (self.socket, self.written, self.end_by) = (Some(socket), 0, None);
        (self.eof, self.unheard) = (false, false);
        Ok(())
    }

    /// The socket has failed: the connection is lost.
    #[cfg(feature = "client")]
    pub(crate) fn lose(&mut self) {
        self.detach();
        self.machine.receive_eof(self.clock.now());
    }

    /// Closes the socket.
    fn detach(&mut self) {
        if let Some(socket) = self.socket.take() {
            let _ = socket.shutdown(Shutdown::Both);
        }
        (self.eof, self.unheard) = (true, true);
    }

    /// How long a peer that reads no more may hold up the end, once the machine is finished. 10 seconds unless set.
    pub fn set_last_words(&mut self, patience: Duration) {
        self.last_words = patience;
    }

    /// The machine, to ask.
    pub fn machine(&self) -> &M {
        &self.machine
    }

    /// The machine, to tell. What it wants to send goes out with the next [`next_event`](Driver::next_event).
    pub fn machine_mut(&mut self) -> &mut M {
        &mut self.machine
    }

    /// The clock that goes with the machine.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Sends what is to be sent and waits for the next event, at most for `patience` (`None`: as long as it takes).
    ///
    /// `Ok(None)`: patience is over, or the machine is finished and has reported everything. Errors are those of the
    /// socket while it is still needed; a connection that the peer drops is the machine's business and comes as its
    /// event.
    pub fn next_event(&mut self, patience: Option<Duration>) -> io::Result<Option<M::Event>> {
        let give_up = patience.and_then(|p| Instant::now().checked_add(p));
        loop {
            let blocked = self.flush()?;
            if let Some(event) = self.machine.poll_event() {
                return Ok(Some(event));
            }
            let now = Instant::now();
            if self.machine.is_finished() {
                let end_by = *self.end_by.get_or_insert(now + self.last_words);
                if !blocked || end_by <= now {
                    self.detach();
                    return Ok(None);
                }
            }
            if give_up.is_some_and(|at| at <= now) {
                return Ok(None);
            }
            let deadline = self.machine.deadline().and_then(|d| self.clock.to_std(d.at));
            if deadline.is_some_and(|at| at <= now) {
                self.machine.tick(self.clock.now());
                continue;
            }
            let wake =
                [give_up, deadline, self.end_by, blocked.then(|| now + TURN)].into_iter().flatten().min();
            self.wait(wake.map(|at| at - now))?;
        }
    }

    /// Writes what the machine has to send. True if some of it still waits for the socket.
    fn flush(&mut self) -> io::Result<bool> {
        loop {
            if self.written == self.outgoing.len() || self.unheard {
                self.outgoing.clear();
                self.written = 0;
                if self.machine.transmit(&mut self.outgoing) == 0 {
                    self.outgoing.shrink_to(SCRATCH);
                    return Ok(false);
                }
            }
            let Some(mut socket) = self.socket.as_ref().filter(|_| !self.unheard) else { continue };
            match socket.write(&self.outgoing[self.written..]) {
                Ok(n) => self.written += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if timed_out(&e) => return Ok(true),
                Err(e) if is_loss(&e) => self.unheard = true,
                Err(e) => return Err(e),
            }
        }
    }

    /// Reads once, for at most `wait`.
    fn wait(&mut self, wait: Option<Duration>) -> io::Result<()> {
        let budget = self.machine.read_budget().min(SCRATCH);
        let Some(mut socket) = self.socket.as_ref().filter(|_| budget > 0 && !self.eof) else {
            // The peer is over its rate, or has nothing more to say: only time can change anything.
            std::thread::sleep(wait.unwrap_or(TURN));
            return Ok(());
        };
        // Zero would mean "for ever" to the socket.
        socket.set_read_timeout(wait.map(|w| w.max(Duration::from_millis(1))))?;
        match socket.read(&mut self.scratch[..budget]) {
            Ok(0) => {
                self.eof = true;
                self.machine.receive_eof(self.clock.now());
            }
            Ok(n) => self.machine.receive(self.clock.now(), &self.scratch[..n]),
            Err(e) if timed_out(&e) || e.kind() == ErrorKind::Interrupted => {}
            Err(e) if is_loss(&e) => {
                // A connection that the peer has dropped ends like one that it has closed.
                self.unheard = true;
                self.eof = true;
                self.machine.receive_eof(self.clock.now());
            }
            Err(e) => return Err(e),
        }
        Ok(())
    }
}

/// The peer is gone, or the way to it.
fn is_loss(error: &io::Error) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, TimedOut};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | TimedOut)
}

fn timed_out(error: &io::Error) -> bool {
    // Unix reports an expired socket time-out as WouldBlock, Windows as TimedOut.
    matches!(error.kind(), ErrorKind::WouldBlock) || (cfg!(windows) && error.kind() == ErrorKind::TimedOut)
}
