//! A blocking server: one thread for each listener, two for each connection.
//!
//! Threads are dear compared with tasks; this is for programs that embed a server for few clients and want no runtime.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use waxwing_core::machine::Entropy;
use waxwing_core::server::connection::{self, Connection, Transport};
use waxwing_core::stream::{Condition, StreamError};

use crate::door::{Door, Guest, Limits};
use crate::pump::{Manner, Pump};
use crate::served::Served;
use crate::shards::{Mailbox, Shards};
use crate::sync::{Signal, lock, wait};

/// How long a peer may take to close its side after the stream has ended.
const LINGER: Duration = Duration::from_secs(2);
/// A write that makes no progress for this long has lost its reader.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
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
    connections: BTreeMap<u64, Arc<Client>>,
    listeners: Vec<(SocketAddr, JoinHandle<()>)>,
}

/// One connection.
#[derive(Debug)]
struct Client {
    pump: Arc<Pump<Served>>,
    begun: Instant,
}

impl Client {
    fn has_session(&self) -> bool {
        self.pump.ask(|served| served.connection().session_facts().jid.is_some())
    }

    fn close(&self, error: StreamError) {
        self.pump.tell(|served, now| served.close(now, error));
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
            for client in live.connections.values() {
                negotiating += usize::from(!client.has_session());
            }
            if negotiating < self.limits.negotiating.max(1) {
                return true;
            }
            let late =
                |client: &&Arc<Client>| client.begun.elapsed() >= self.limits.haste && !client.has_session();
            for client in live.connections.values().filter(late) {
                let error = StreamError::new(Condition::ResourceConstraint);
                client.close(error.with_text("too many are waiting to log in"));
            }
            live = wait(&self.gone, live, Some(CROWDED));
        }
    }

    fn start(
        self: &Arc<Server>,
        socket: TcpStream,
        guest: Guest,
        config: &Arc<connection::Config>,
        transport: &Transport,
    ) -> io::Result<()> {
        let clock = self.shards.clock();
        let entropy = lock(&self.entropy).fork();
        let connection = Connection::new(Arc::clone(config), transport.clone(), entropy, clock.now());
        let signal = Arc::new(Signal::default());
        let bell = Arc::clone(&signal);
        let mailbox = Arc::new(Mailbox::new(Mailbox::CAPACITY, move || bell.raise()));
        let served = Served::new(connection, mailbox, Arc::clone(&self.shards), guest);
        let manner = Manner {
            // Also while a write is blocked: what waits is bounded in bytes only once the machine has it.
            collect: Served::collect,
            stalled: Some(WRITE_TIMEOUT),
            linger: LINGER,
        };
        let pump = Arc::new(Pump::new(served, socket, clock, signal, manner)?);
        pump.set_last_words(self.limits.last_words);
        let id = self.shards.fresh_id();
        let client = Client { pump: Arc::clone(&pump), begun: Instant::now() };
        lock(&self.live).connections.insert(id, Arc::new(client));
        let server = Arc::clone(self);
        let started = pump.start(&format!("waxwing-{id}"), move || {
            lock(&server.live).connections.remove(&id);
            server.gone.notify_all();
        });
        if started.is_err() {
            lock(&self.live).connections.remove(&id);
        }
        started
    }

    /// Closes every stream with `system-shutdown`, stops accepting, and waits until all connections have ended, at most
    /// for `patience`. True if they all did.
    pub fn shutdown(&self, patience: Duration) -> bool {
        let listeners = {
            let mut live = lock(&self.live);
            live.stopping = true;
            for client in live.connections.values() {
                client.close(StreamError::new(Condition::SystemShutdown));
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
            live = wait(&self.gone, live, Some(left));
        }
        let clean = live.connections.is_empty();
        drop(live);
        self.shards.stop();
        clean
    }
}
