//! Listeners, and a task for each connection.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, timeout};
use waxwing_core::machine::Entropy;
use waxwing_core::server::connection::{self, Connection, Transport};
use waxwing_core::stream::{Closed, Condition, StreamError};
use waxwing_std::door::{Door, Guest, Limits};
use waxwing_std::served::Served;
use waxwing_std::shards::{Mailbox, Shards};

use crate::Driver;

/// Deliveries that may wait for a connection's task.
const MAILBOX: usize = 4096;
/// How long a peer may take to close its side after the stream has ended.
const LINGER: Duration = Duration::from_secs(2);
/// While nobody more can be let in, how often those who take too long are looked for.
const CROWDED: Duration = Duration::from_millis(250);

/// Accepts connections and runs them until [`shutdown`](Server::shutdown).
#[derive(Debug)]
pub struct Server {
    shards: Arc<Shards>,
    entropy: Mutex<Entropy>,
    /// Turns true when the server stops. Every task holds a receiver, so that none is left when all have ended.
    stop: watch::Sender<bool>,
    on_closed: Option<fn(SocketAddr, &Closed)>,
    limits: Limits,
    door: Arc<Door>,
    /// Places for connections that have no session yet.
    places: Arc<Semaphore>,
    /// Rung when somebody waits for a place.
    crowded: Arc<Notify>,
}

impl Server {
    /// A server on these shards. Starts the thread for the hub's deadlines. `on_closed` is told how each connection
    /// ended, for the log.
    pub fn new(
        shards: Arc<Shards>,
        entropy: Entropy,
        on_closed: Option<fn(SocketAddr, &Closed)>,
    ) -> io::Result<Arc<Server>> {
        Server::with_limits(shards, entropy, on_closed, Limits::default())
    }

    /// As [`new`](Server::new), with other limits on who is let in.
    pub fn with_limits(
        shards: Arc<Shards>,
        entropy: Entropy,
        on_closed: Option<fn(SocketAddr, &Closed)>,
        limits: Limits,
    ) -> io::Result<Arc<Server>> {
        let clockwork = Arc::clone(&shards);
        std::thread::Builder::new().name("waxwing-hub".into()).spawn(move || clockwork.run_deadlines())?;
        let entropy = Mutex::new(entropy);
        let places = limits.negotiating.clamp(1, Semaphore::MAX_PERMITS);
        Ok(Arc::new(Server {
            shards,
            entropy,
            stop: watch::Sender::new(false),
            on_closed,
            limits,
            door: Door::new(&limits),
            places: Arc::new(Semaphore::new(places)),
            crowded: Arc::default(),
        }))
    }

    /// Accepts clients on a listener, in a task, until the server is shut down.
    pub fn listen(
        self: &Arc<Server>,
        listener: TcpListener,
        config: Arc<connection::Config>,
        transport: Transport,
    ) {
        let server = Arc::clone(self);
        let mut stop = self.stop.subscribe();
        tokio::spawn(async move {
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    _ = stop.wait_for(|stopped| *stopped) => return,
                };
                match accepted {
                    Ok((socket, peer)) => {
                        let Some(guest) = server.door.admit(peer, Instant::now().into_std()) else {
                            continue;
                        };
                        let place = tokio::select! {
                            place = server.place() => place,
                            _ = stop.wait_for(|stopped| *stopped) => return,
                        };
                        server.start((socket, peer), guest, place, &config, &transport);
                    }
                    // Out of file descriptors, most likely: some will come free.
                    Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                }
            }
        });
    }

    /// A place for a connection without a session. While there is none, those who have one are asked to hurry.
    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        loop {
            let free = Arc::clone(&self.places).acquire_owned();
            match timeout(CROWDED, free).await {
                Ok(place) => return place.ok(),
                Err(_) => self.crowded.notify_waiters(),
            }
        }
    }

    fn start(
        self: &Arc<Server>,
        (socket, peer): (TcpStream, SocketAddr),
        guest: Guest,
        place: Option<OwnedSemaphorePermit>,
        config: &Arc<connection::Config>,
        transport: &Transport,
    ) {
        let clock = self.shards.clock();
        let entropy = self.entropy.lock().unwrap_or_else(PoisonError::into_inner).fork();
        let connection = Connection::new(Arc::clone(config), transport.clone(), entropy, clock.now());
        let bell = Arc::new(Notify::new());
        let ring = Arc::clone(&bell);
        let mailbox = Arc::new(Mailbox::new(MAILBOX, move || ring.notify_one()));
        let served = Served::new(connection, mailbox, Arc::clone(&self.shards), guest);
        let Ok(mut driver) = Driver::new(served, socket, clock) else { return };
        driver.set_last_words(self.limits.last_words);
        let (on_closed, stop) = (self.on_closed, self.stop.subscribe());
        let crowded = (Arc::clone(&self.crowded), self.limits.haste);
        tokio::spawn(async move {
            if let (Some(closed), Some(tell)) = (run(driver, place, crowded, bell, stop).await, on_closed) {
                tell(peer, &closed);
            }
        });
    }

    /// Closes every stream with `system-shutdown`, stops accepting, and waits until all connections have ended, at most
    /// for `patience`. True if they all did.
    pub async fn shutdown(&self, patience: Duration) -> bool {
        self.stop.send_replace(true);
        let clean = tokio::time::timeout(patience, self.stop.closed()).await.is_ok();
        self.shards.stop();
        clean
    }
}

/// One connection, from accepting to its end.
async fn run(
    mut driver: Driver<Served>,
    // Given back with the session.
    mut place: Option<OwnedSemaphorePermit>,
    (crowded, haste): (Arc<Notify>, Duration),
    bell: Arc<Notify>,
    mut stop: watch::Receiver<bool>,
) -> Option<Closed> {
    enum Wake {
        Mail,
        Crowd,
        Stop,
    }
    let begun = Instant::now();
    let mut how = None;
    let mut stopping = false;
    loop {
        let wake = async {
            tokio::select! {
                () = bell.notified() => Wake::Mail,
                () = crowded.notified(), if place.is_some() => Wake::Crowd,
                _ = stop.wait_for(|stopped| *stopped), if !stopping => Wake::Stop,
            }
        };
        match driver.next_event_or(wake).await {
            Ok(Some(closed)) => how = Some(closed),
            Ok(None) => {
                driver.linger(LINGER).await;
                return how;
            }
            Err(Wake::Mail) => {
                let now = driver.clock().now();
                driver.machine_mut().collect(now);
                if driver.machine().connection().session_facts().jid.is_some() {
                    place = None;
                }
            }
            Err(Wake::Crowd) if begun.elapsed() >= haste => {
                let now = driver.clock().now();
                let error = StreamError::new(Condition::ResourceConstraint);
                driver.machine_mut().close(now, error.with_text("too many are waiting to log in"));
            }
            Err(Wake::Crowd) => {}
            Err(Wake::Stop) => {
                stopping = true;
                let now = driver.clock().now();
                driver.machine_mut().close(now, StreamError::new(Condition::SystemShutdown));
            }
        }
    }
}
