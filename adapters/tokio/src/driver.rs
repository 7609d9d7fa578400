//! One machine over one tokio socket.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::pin::{Pin, pin};
use std::task::{Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead as _, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::ReadHalf;
use tokio::time::{Instant, sleep_until};
use waxwing_core::machine::Machine;
use waxwing_std::Clock;

/// Bytes read from a socket at once.
const SCRATCH: usize = 16 << 10;
/// How long a peer may take to read what is queued for it when the machine is finished.
const LAST_WORDS: Duration = Duration::from_secs(10);

thread_local! {
    /// One read buffer for all connections of a thread: an idle connection owns none.
    static INPUT: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH].into_boxed_slice());
}

/// Runs a [`Machine`] over a tokio `TcpStream`.
#[derive(Debug)]
pub struct Driver<M> {
    machine: M,
    /// None between two connections of a machine that has several.
    socket: Option<TcpStream>,
    clock: Clock,
    outgoing: Vec<u8>,
    /// How much of `outgoing` the socket has taken.
    written: usize,
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
            eof: true,
            unheard: true,
            last_words: LAST_WORDS,
            end_by: None,
        }
    }

    /// Goes on over this socket, as if there had been none before.
    pub(crate) fn attach(&mut self, socket: TcpStream) -> io::Result<()> {
        socket.set_nodelay(true)?;
        self.outgoing.clear();
        (self.socket, self.written, self.end_by) = (Some(socket), 0, None);
        (self.eof, self.unheard) = (false, false);
        Ok(())
    }

    /// Closes the socket.
    #[cfg(feature = "client")]
    pub(crate) fn detach(&mut self) {
        (self.socket, self.eof, self.unheard) = (None, true, true);
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

    /// Drives the connection until the machine has an event, and returns it; `None` when the machine is finished and
    /// the connection closed.
    ///
    /// Cancel safe: dropping the future loses nothing.
    pub async fn next_event(&mut self) -> Option<M::Event> {
        self.next_event_or(std::future::pending::<()>()).await.ok().flatten()
    }

    /// As [`next_event`](Driver::next_event), unless `interrupt` completes first: `Err` with its output.
    pub async fn next_event_or<T>(
        &mut self,
        interrupt: impl Future<Output = T>,
    ) -> Result<Option<M::Event>, T> {
        let mut interrupt = pin!(interrupt);
        loop {
            let blocked = self.flush();
            if let Some(event) = self.machine.poll_event() {
                return Ok(Some(event));
            }
            if self.machine.is_finished() {
                let end_by = *self.end_by.get_or_insert_with(|| Instant::now() + self.last_words);
                if !blocked || end_by <= Instant::now() {
                    return Ok(None);
                }
            }
            let now = self.clock.now();
            let deadline = self.machine.deadline();
            if deadline.is_some_and(|d| d.at <= now.instant) {
                self.machine.tick(now);
                continue;
            }
            let budget = if self.eof { 0 } else { self.machine.read_budget().min(SCRATCH) };
            let alarm = deadline.and_then(|d| self.clock.to_std(d.at)).map(Instant::from_std);
            let alarm = alarm.into_iter().chain(self.end_by).min();
            let Some(socket) = &mut self.socket else {
                tokio::select! {
                    output = &mut interrupt => return Err(output),
                    () = alarm_at(alarm) => self.machine.tick(self.clock.now()),
                }
                continue;
            };
            let (mut reader, writer) = socket.split();
            tokio::select! {
                biased;
                output = &mut interrupt => return Err(output),
                read = read(&mut reader, budget, &mut self.machine, self.clock), if budget > 0 => match read {
                    Ok(0) => {
                        self.eof = true;
                        self.machine.receive_eof(self.clock.now());
                    }
                    Ok(_) => {}
                    Err(e) if e.kind() == ErrorKind::Interrupted => {}
                    Err(_) => self.dropped(),
                },
                // What is wrong with it, if anything, writing finds out.
                _ = writer.writable(), if blocked => {}
                () = alarm_at(alarm) => self.machine.tick(self.clock.now()),
            }
        }
    }

    /// Ends a finished connection: tells the peer that nothing more comes, and reads and forgets what it still sends until
    /// it closes as well, at most for `patience`. Closing a socket with unread input resets the connection, and the reset
    /// would overtake the stream error that explains the end.
    pub async fn linger(self, patience: Duration) {
        let Some(mut socket) = self.socket else { return };
        if socket.shutdown().await.is_err() || self.eof {
            return;
        }
        let read_out = async {
            while socket.readable().await.is_ok() {
                let read = INPUT.with_borrow_mut(|input| socket.try_read(input));
                match read {
                    Ok(1..) => {}
                    Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                    Ok(0) | Err(_) => return,
                }
            }
        };
        let _ = tokio::time::timeout(patience, read_out).await;
    }

    /// Writes what the machine has to send, as far as the socket takes it. True if some of it still waits.
    fn flush(&mut self) -> bool {
        loop {
            if self.written == self.outgoing.len() || self.unheard {
                self.outgoing.clear();
                self.written = 0;
                if self.machine.transmit(&mut self.outgoing) == 0 {
                    // An idle connection owns no write buffer either.
                    self.outgoing = Vec::new();
                    return false;
                }
            }
            let Some(socket) = self.socket.as_ref().filter(|_| !self.unheard) else { continue };
            match socket.try_write(&self.outgoing[self.written..]) {
                Ok(n) => self.written += n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return true,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) => self.unheard = true,
            }
        }
    }

    /// A connection that is gone ends like one that the peer has closed; what was to be sent has nowhere to go.
    fn dropped(&mut self) {
        self.unheard = true;
        if !self.eof {
            self.eof = true;
            self.machine.receive_eof(self.clock.now());
        }
    }
}

/// Waits until there is something to read and gives it to the machine, once: how many bytes it was; 0 is the end.
///
/// tokio takes a read that does not fill the buffer as a sign that there is no more, which spares the system call that would
/// say so.
async fn read<M: Machine>(
    reader: &mut ReadHalf<'_>,
    budget: usize,
    machine: &mut M,
    clock: Clock,
) -> io::Result<usize> {
    poll_fn(|cx| {
        INPUT.with_borrow_mut(|input| {
            let mut buffer = ReadBuf::new(&mut input[..budget]);
            ready!(Pin::new(&mut *reader).poll_read(cx, &mut buffer))?;
            let bytes = buffer.filled();
            if !bytes.is_empty() {
                machine.receive(clock.now(), bytes);
            }
            Poll::Ready(Ok(bytes.len()))
        })
    })
    .await
}

async fn alarm_at(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
