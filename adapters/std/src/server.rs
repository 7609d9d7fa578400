//! A blocking server: one thread for each listener, two for each connection.
//!
//! Threads are dear compared with tasks; this is for programs that embed a server for few clients and want no runtime.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use waxwing_core::machine::{Entropy, Machine};
use waxwing_core::server::connection::{self, Connection, Transport};
use waxwing_core::stream::{Condition, StreamError};

use crate::door::{Door, Guest, Limits};
use crate::served::Served;
use crate::shards::{Mailbox, Shards, lock};

/// Bytes read from a socket at once.
const SCRATCH: usize = 16 << 10;
/// Deliveries that may wait for a connection's writing thread.
const MAILBOX: usize = 4096;
/// How long a peer may take to close its side after the stream has ended.
const LINGER: Duration = Duration::from_secs(2);
/// A write that makes no progress for this long has lost its reader.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// A blocked write lets deliveries be taken so often: what waits is bounded in bytes only once the machine has it.
const TURN: Duration = Duration::from_millis(500);
/// While nobody more can be let in, how often those who take too long are looked for.
const CROWDED: Duration = Duration::from_millis(250);

/// Accepts connections and runs them until [`shutdown`](Server::shutdown).
#[derive(Debug)]
pub struct Server {
    shards: Arc<Shards>,
    entropy: Mutex<Entropy>,
    live: Mutex<Live>,
    /// Rung when a connection ends.
    gone: Condvar,
    limits: Limits,
    door: Arc<Door>,
}

#[derive(Debug, Default)]
struct Live {
    stopping: bool,
    connections: BTreeMap<u64, Arc<Shared>>,
    listeners: Vec<(SocketAddr, JoinHandle<()>)>,
}

/// What the two threads of a connection share.
#[derive(Debug)]
struct Shared {
    served: Mutex<Served>,
    signal: Arc<Signal>,
    /// Raised when the reading thread is done.
    read_out: Signal,
    begun: Instant,
}

/// Wakes a thread that waits for something to do.
#[derive(Debug, Default)]
struct Signal {
    raised: Mutex<bool>,
    condvar: Condvar,
}

impl Signal {
    fn raise(&self) {
        *lock(&self.raised) = true;
        self.condvar.notify_all();
    }

    fn wait(&self, at_most: Option<Duration>) {
        let mut raised = lock(&self.raised);
        if !*raised {
            let wait = at_most.unwrap_or(Duration::from_secs(3600));
            raised = self.condvar.wait_timeout(raised, wait).unwrap_or_else(PoisonError::into_inner).0;
        }
        *raised = false;
    }
}

impl Server {
    /// A server on these shards. Starts the thread for the hub's deadlines.
    pub fn new(shards: Arc<Shards>, entropy: Entropy) -> io::Result<Arc<Server>> {
        Server::with_limits(shards, entropy, Limits::default())
    }

    /// As [`new`](Server::new), with other limits on who is let in.
    pub fn with_limits(shards: Arc<Shards>, entropy: Entropy, limits: Limits) -> io::Result<Arc<Server>> {
        let clockwork = Arc::clone(&shards);
        thread::Builder::new().name("waxwing-hub".into()).spawn(move || clockwork.run_deadlines())?;
        Ok(Arc::new(Server {
            shards,
            entropy: Mutex::new(entropy),
            live: Mutex::default(),
            gone: Condvar::new(),
            limits,
            door: Door::new(&limits),
        }))
    }

    /// Accepts clients on a listener, in a thread of its own, until the server is shut down. Returns its address.
    pub fn listen(
        self: &Arc<Server>,
        listener: TcpListener,
        config: Arc<connection::Config>,
        transport: Transport,
    ) -> io::Result<SocketAddr> {
        let address = listener.local_addr()?;
        let server = Arc::clone(self);
        let accepting =
            thread::Builder::new().name(format!("waxwing-accept-{}", address.port())).spawn(move || {
                loop {
                    let accepted = listener.accept();
                    if !server.make_room() {
                        return;
                    }
                    match accepted {
                        // A connection that cannot be started is dropped: its client sees it end and tries again.
                        Ok((socket, peer)) => {
                            if let Some(guest) = server.door.admit(peer, Instant::now()) {
                                drop(server.start(socket, guest, &config, &transport));
                            }
                        }
                        // Out of file descriptors, most likely: some will come free.
                        Err(_) => thread::sleep(Duration::from_millis(100)),
                    }
                }
            })?;
        lock(&self.live).listeners.push((address, accepting));
        Ok(address)
    }

    /// Waits until another connection without a session may be there. While there are too many, those that have taken too
    /// long are closed. False: the server is stopping.
    fn make_room(&self) -> bool {
        let mut live = lock(&self.live);
        loop {
            if live.stopping {
                return false;
            }
            let mut negotiating = 0;
            for shared in live.connections.values() {
                negotiating += usize::from(!shared.has_session());
            }
            if negotiating < self.limits.negotiating.max(1) {
                return true;
            }
            let late =
                |shared: &&Arc<Shared>| shared.begun.elapsed() >= self.limits.haste && !shared.has_session();
            for shared in live.connections.values().filter(late) {
                let error = StreamError::new(Condition::ResourceConstraint);
                let now = self.shards.clock().now();
                lock(&shared.served).close(now, error.with_text("too many are waiting to log in"));
                shared.signal.raise();
            }
            live = self.gone.wait_timeout(live, CROWDED).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn start(
        self: &Arc<Server>,
        socket: TcpStream,
        guest: Guest,
        config: &Arc<connection::Config>,
        transport: &Transport,
    ) -> io::Result<()> {
        socket.set_nodelay(true)?;
        socket.set_write_timeout(Some(TURN))?;
        // What can fail comes first, so that nothing is left behind where it does.
        let (reader, stopper) = (socket.try_clone()?, socket.try_clone()?);
        let clock = self.shards.clock();
        let entropy = lock(&self.entropy).fork();
        let connection = Connection::new(Arc::clone(config), transport.clone(), entropy, clock.now());
        let signal = Arc::new(Signal::default());
        let bell = Arc::clone(&signal);
        let mailbox = Arc::new(Mailbox::new(MAILBOX, move || bell.raise()));
        let served = Mutex::new(Served::new(connection, mailbox, Arc::clone(&self.shards), guest));
        let (read_out, begun) = (Signal::default(), Instant::now());
        let shared = Arc::new(Shared { served, signal, read_out, begun });

        let id = self.shards.fresh_id();
        lock(&self.live).connections.insert(id, Arc::clone(&shared));
        let server = Arc::clone(self);
        let last_words = self.limits.last_words;
        let reading = Arc::clone(&shared);
        let started = thread::Builder::new()
            .name(format!("waxwing-read-{id}"))
            .spawn(move || {
                reading.read(&reader, clock);
                reading.read_out.raise();
            })
            .and_then(|_| {
                thread::Builder::new().name(format!("waxwing-write-{id}")).spawn(move || {
                    shared.write(&socket, clock, last_words);
                    // The peer is read from until it has seen the end, or has had time to: closing a socket with
                    // unread input resets the connection, and the reset would overtake the error that explains it.
                    let _ = socket.shutdown(Shutdown::Write);
                    shared.read_out.wait(Some(LINGER));
                    let _ = socket.shutdown(Shutdown::Both);
                    lock(&server.live).connections.remove(&id);
                    server.gone.notify_all();
                })
            });
        if started.is_err() {
            // The reading thread may be there already.
            let _ = stopper.shutdown(Shutdown::Both);
            lock(&self.live).connections.remove(&id);
        }
        started.map(|_| ())
    }

    /// Closes every stream with `system-shutdown`, stops accepting, and waits until all connections have ended, at most
    /// for `patience`. True if they all did.
    pub fn shutdown(&self, patience: Duration) -> bool {
        let listeners = {
            let mut live = lock(&self.live);
            live.stopping = true;
            let now = self.shards.clock().now();
            for shared in live.connections.values() {
                lock(&shared.served).close(now, StreamError::new(Condition::SystemShutdown));
                shared.signal.raise();
            }
            std::mem::take(&mut live.listeners)
        };
        for (address, accepting) in listeners {
            // An accepting thread notices when it is given something to accept.
            let woken = TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok();
            if woken {
                let _ = accepting.join();
            }
        }
        let give_up = Instant::now() + patience;
        let mut live = lock(&self.live);
        while !live.connections.is_empty() {
            let left = give_up.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            live = self.gone.wait_timeout(live, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let clean = live.connections.is_empty();
        drop(live);
        self.shards.stop();
        clean
    }
}

impl Shared {
    fn has_session(&self) -> bool {
        lock(&self.served).connection().session_facts().jid.is_some()
    }

    /// The reading thread: bytes go into the machine, and the writing thread is told.
    fn read(&self, mut socket: &TcpStream, clock: crate::Clock) {
        let mut scratch = vec![0; SCRATCH];
        loop {
            let (budget, finished) = {
                let served = lock(&self.served);
                (served.read_budget().min(SCRATCH), served.is_finished())
            };
            if budget == 0 && !finished {
                // Over its rate, or waiting for an answer: the writing thread runs the deadlines.
                thread::sleep(Duration::from_millis(5));
                continue;
            }
            let room = if finished { SCRATCH } else { budget };
            match socket.read(&mut scratch[..room]) {
                Ok(n @ 1..) => lock(&self.served).receive(clock.now(), &scratch[..n]),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => {
                    lock(&self.served).receive_eof(clock.now());
                    self.signal.raise();
                    return;
                }
            }
            self.signal.raise();
        }
    }

    /// The writing thread: deliveries go into the machine, bytes out to the socket, and time is kept.
    fn write(&self, socket: &TcpStream, clock: crate::Clock, last_words: Duration) {
        let mut outgoing = Vec::new();
        loop {
            let wait = {
                let mut served = lock(&self.served);
                let now = clock.now();
                served.collect(now);
                if served.deadline().is_some_and(|d| d.at <= now.instant) {
                    served.tick(now);
                }
                if served.transmit(&mut outgoing) == 0 && served.is_finished() {
                    return;
                }
                served.deadline().map(|d| d.at.saturating_since(now.instant))
            };
            if outgoing.is_empty() {
                self.signal.wait(wait);
                continue;
            }
            if !self.write_all(socket, &outgoing, clock, last_words) {
                lock(&self.served).receive_eof(clock.now());
                return;
            }
            outgoing.clear();
            outgoing.shrink_to(SCRATCH);
        }
    }

    /// Writes all of it, and takes deliveries meanwhile. False: the peer has gone, or reads no more.
    fn write_all(
        &self,
        mut socket: &TcpStream,
        mut rest: &[u8],
        clock: crate::Clock,
        last_words: Duration,
    ) -> bool {
        let mut progress = Instant::now();
        let mut finished = None;
        loop {
            match socket.write(rest) {
                Ok(0) => return false,
                Ok(n) => {
                    rest = &rest[n..];
                    progress = Instant::now();
                }
                Err(e)
                    if matches!(
                        e.kind(),
                        ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut
                    ) => {}
                Err(_) => return false,
            }
            if rest.is_empty() {
                return true;
            }
            let mut served = lock(&self.served);
            served.collect(clock.now());
            served.tick(clock.now());
            if served.is_finished() {
                finished.get_or_insert_with(Instant::now);
            }
            drop(served);
            let is_over = finished.is_some_and(|since| since.elapsed() >= last_words);
            if is_over || progress.elapsed() >= WRITE_TIMEOUT {
                return false;
            }
        }
    }
}
