//! One machine over one stream.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::io::{self, ErrorKind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_io::{AsyncRead as _, AsyncWrite as _};
use waxwing_core::machine::Machine;
use waxwing_std::Clock;

use crate::{Runtime, Task};

/// Bytes read from a socket at once.
const SCRATCH: usize = 16 << 10;
/// How long a peer may take to read what is queued for it when the machine is finished.
const LAST_WORDS: Duration = Duration::from_secs(10);
/// How much is done before other tasks have a turn.
const TURN: usize = 64;

thread_local! {
    /// One read buffer for all connections of a thread: an idle connection owns none.
    static INPUT: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH].into_boxed_slice());
}

/// Runs a [`Machine`] over a socket of a [`Runtime`].
pub struct Driver<M, R: Runtime> {
    machine: M,
    /// None between two connections of a machine that has several.
    stream: Option<R::Stream>,
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
    /// Rings no later than the next deadline. Deadlines move with every stanza; setting it anew each time would not be cheap.
    alarm: Option<(Instant, Task<()>)>,
}

impl<M: std::fmt::Debug, R: Runtime> std::fmt::Debug for Driver<M, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").field("machine", &self.machine).finish_non_exhaustive()
    }
}

impl<M: Machine + Unpin, R: Runtime> Driver<M, R> {
    /// Takes a connected socket. `clock` must be the one that the machine has been told the time from.
    ///
    /// # Errors
    /// Where the socket is not in order.
    pub fn new(machine: M, socket: R::Socket, clock: Clock) -> io::Result<Driver<M, R>> {
        let mut driver = Driver::unconnected(machine, clock);
        driver.attach(socket)?;
        Ok(driver)
    }

    /// Without a stream yet: what the machine sends is lost until there is one.
    pub(crate) fn unconnected(machine: M, clock: Clock) -> Driver<M, R> {
        Driver {
            machine,
            stream: None,
            clock,
            outgoing: Vec::new(),
            written: 0,
            eof: true,
            unheard: true,
            last_words: LAST_WORDS,
            end_by: None,
            alarm: None,
        }
    }

    /// Goes on over this socket, as if there had been none before.
    pub(crate) fn attach(&mut self, socket: R::Socket) -> io::Result<()> {
        R::set_nodelay(&socket)?;
        self.outgoing.clear();
        (self.stream, self.written, self.end_by) = (Some(socket.into()), 0, None);
        (self.eof, self.unheard) = (false, false);
        Ok(())
    }

    /// Closes the stream.
    #[cfg(feature = "client")]
    pub(crate) fn detach(&mut self) {
        (self.stream, self.eof, self.unheard) = (None, true, true);
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
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// As [`next_event`](Driver::next_event), unless `interrupt` completes first: `Err` with its output.
    pub async fn next_event_or<T>(
        &mut self,
        interrupt: impl Future<Output = T>,
    ) -> Result<Option<M::Event>, T> {
        let mut interrupt = pin!(interrupt);
        poll_fn(|cx| match interrupt.as_mut().poll(cx) {
            Poll::Ready(output) => {
                // Interrupts that come one after the other must not keep the machine's bytes back.
                self.flush(cx);
                Poll::Ready(Err(output))
            }
            Poll::Pending => self.poll_event(cx).map(Ok),
        })
        .await
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<M::Event>> {
        for _ in 0..TURN {
            let blocked = self.flush(cx);
            if let Some(event) = self.machine.poll_event() {
                return Poll::Ready(Some(event));
            }
            if self.machine.is_finished() {
                let end_by = *self.end_by.get_or_insert_with(|| Instant::now() + self.last_words);
                if !blocked || end_by <= Instant::now() {
                    return Poll::Ready(None);
                }
            }
            if !self.tick(cx) && !self.read(cx) {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Sees to the deadline. True if it has come.
    fn tick(&mut self, cx: &mut Context<'_>) -> bool {
        let deadline = self.machine.deadline().and_then(|deadline| self.clock.to_std(deadline.at));
        let Some(at) = deadline.into_iter().chain(self.end_by).min() else { return false };
        let now = Instant::now();
        if at <= now {
            self.machine.tick(self.clock.now());
            return true;
        }
        loop {
            if self.alarm.as_ref().is_none_or(|(set, _)| at < *set) {
                self.alarm = Some((at, R::sleep(at - now)));
            }
            let Some((_, sleep)) = &mut self.alarm else { return false };
            if sleep.as_mut().poll(cx).is_pending() {
                return false;
            }
            // It was set for an earlier deadline.
            self.alarm = None;
        }
    }

    /// Writes what the machine has to send, as far as the socket takes it. True if some of it still waits.
    fn flush(&mut self, cx: &mut Context<'_>) -> bool {
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
            let Some(stream) = self.stream.as_mut().filter(|_| !self.unheard) else { continue };
            match Pin::new(stream).poll_write(cx, &self.outgoing[self.written..]) {
                Poll::Ready(Ok(n)) => self.written += n,
                Poll::Pending => return true,
                Poll::Ready(Err(e)) if e.kind() == ErrorKind::Interrupted => {}
                Poll::Ready(Err(_)) => self.unheard = true,
            }
        }
    }

    /// Reads what is there, once. True if there was anything.
    fn read(&mut self, cx: &mut Context<'_>) -> bool {
        let budget = if self.eof { 0 } else { self.machine.read_budget().min(SCRATCH) };
        let Some(stream) = self.stream.as_mut().filter(|_| budget > 0) else { return false };
        INPUT.with_borrow_mut(|input| {
            match Pin::new(stream).poll_read(cx, &mut input[..budget]) {
                Poll::Pending => return false,
                Poll::Ready(Ok(n @ 1..)) => self.machine.receive(self.clock.now(), &input[..n]),
                Poll::Ready(Err(e)) if e.kind() == ErrorKind::Interrupted => {}
                // A connection that is gone ends like one that the peer has closed.
                Poll::Ready(end) => {
                    self.unheard |= end.is_err();
                    self.eof = true;
                    self.machine.receive_eof(self.clock.now());
                }
            }
            true
        })
    }

    /// Ends a finished connection: tells the peer that nothing more comes, and reads and forgets what it still sends until
    /// it closes as well, at most for `patience`. Closing a socket with unread input resets the connection, and the reset
    /// would overtake the stream error that explains the end.
    pub async fn linger(self, patience: Duration) {
        let Some(mut stream) = self.stream else { return };
        let mut give_up = R::sleep(patience);
        let mut closed = false;
        poll_fn(|cx| {
            if give_up.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            if !closed {
                match Pin::new(&mut stream).poll_close(cx) {
                    Poll::Ready(Ok(())) if !self.eof => closed = true,
                    Poll::Ready(_) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
            loop {
                let read = INPUT.with_borrow_mut(|input| Pin::new(&mut stream).poll_read(cx, input));
                match read {
                    Poll::Ready(Ok(1..)) => {}
                    Poll::Ready(_) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await;
    }
}
