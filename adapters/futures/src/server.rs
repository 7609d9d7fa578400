//! Listeners, and a task for each connection.

use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use async_lock::{Semaphore, SemaphoreGuardArc};
use event_listener::Event as Bell;
use waxwing_core::machine::Entropy;
use waxwing_core::server::connection::{self, Connection, Transport};
use waxwing_core::stream::{Closed, Condition, StreamError};
use waxwing_std::door::{Door, Guest, Limits};
use waxwing_std::served::Served;
use waxwing_std::shards::{Mailbox, Shards};

use crate::{Driver, Runtime};

/// Deliveries that may wait for a connection's task.
const MAILBOX: usize = 4096;
/// How long a peer may take to close its side after the stream has ended.
const LINGER: Duration = Duration::from_secs(2);
/// While nobody more can be let in, how often those who take too long are looked for.
const CROWDED: Duration = Duration::from_millis(250);

/// Accepts connections and runs them until [`shutdown`](Server::shutdown).
#[derive(Debug)]
pub struct Server<R> {
    shards: Arc<Shards>,
    entropy: Mutex<Entropy>,
    on_closed: Option<fn(SocketAddr, &Closed)>,
    limits: Limits,
    door: Arc<Door>,
    /// Places for connections that have no session yet.
    places: Arc<Semaphore>,
    signs: Arc<Signs>,
    runtime: PhantomData<fn() -> R>,
}

/// What all tasks look at.
#[derive(Debug, Default)]
struct Signs {
    stopped: AtomicBool,
    /// Rung when the server stops.
    stop: Bell,
    /// Rung when somebody waits for a place.
    crowded: Bell,
    /// Tasks that have not ended.
    running: AtomicUsize,
    /// Rung when one has.
    ended: Bell,
}

/// Counts a task while it runs.
struct Running(Arc<Signs>);

/// What a connection has been let in with.
struct Ticket {
    _running: Running,
    /// Given back with the session.
    place: Option<SemaphoreGuardArc>,
}

impl Signs {
    fn run(self: &Arc<Signs>) -> Running {
        self.running.fetch_add(1, Ordering::SeqCst);
        Running(Arc::clone(self))
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Ends when the server stops.
    async fn stopping(&self) {
        while !self.is_stopped() {
            let listener = self.stop.listen();
            if !self.is_stopped() {
                listener.await;
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
        self.0.ended.notify(usize::MAX);
    }
}

impl<R: Runtime> Server<R> {
    /// A server on these shards. Starts the thread for the hub's deadlines. `on_closed` is told how each connection
    /// ended, for the log.
    ///
    /// # Errors
    /// Where there is no thread to be had.
    pub fn new(
        shards: Arc<Shards>,
        entropy: Entropy,
        on_closed: Option<fn(SocketAddr, &Closed)>,
    ) -> io::Result<Arc<Server<R>>> {
        Server::with_limits(shards, entropy, on_closed, Limits::default())
    }

    /// As [`new`](Server::new), with other limits on who is let in.
    ///
    /// # Errors
    /// As [`new`](Server::new).
    pub fn with_limits(
        shards: Arc<Shards>,
        entropy: Entropy,
        on_closed: Option<fn(SocketAddr, &Closed)>,
        limits: Limits,
    ) -> io::Result<Arc<Server<R>>> {
        let clockwork = Arc::clone(&shards);
        std::thread::Builder::new().name("waxwing-hub".into()).spawn(move || clockwork.run_deadlines())?;
        Ok(Arc::new(Server {
            shards,
            entropy: Mutex::new(entropy),
            on_closed,
            limits,
            door: Door::new(&limits),
            places: Arc::new(Semaphore::new(limits.negotiating.max(1))),
            signs: Arc::default(),
            runtime: PhantomData,
        }))
    }

    /// Accepts clients on a listener, in a task, until the server is shut down.
    pub fn listen(
        self: &Arc<Server<R>>,
        listener: R::Listener,
        config: Arc<connection::Config>,
        transport: Transport,
    ) {
        let server = Arc::clone(self);
        let running = self.signs.run();
        R::spawn(async move {
            let _running = running;
            loop {
                let accepted = or(server.signs.stopping(), R::accept(&listener)).await;
                match accepted {
                    Err(()) => return,
                    Ok(Ok((stream, peer))) => {
                        let Some(guest) = server.door.admit(peer, std::time::Instant::now()) else {
                            continue;
                        };
                        let Ok(place) = or(server.signs.stopping(), server.place()).await else { return };
                        let ticket = Ticket { _running: server.signs.run(), place: Some(place) };
                        server.start(stream, peer, guest, ticket, &config, &transport);
                    }
                    // Out of file descriptors, most likely: some will come free.
                    Ok(Err(_)) => R::sleep(Duration::from_millis(100)).await,
                }
            }
        });
    }

    /// A place for a connection without a session. While there is none, those who have one are asked to hurry.
    async fn place(&self) -> SemaphoreGuardArc {
        loop {
            match or(R::sleep(CROWDED), self.places.acquire_arc()).await {
                Ok(place) => return place,
                Err(()) => {
                    self.signs.crowded.notify(usize::MAX);
                }
            }
        }
    }

    fn start(
        &self,
        stream: R::Stream,
        peer: SocketAddr,
        guest: Guest,
        ticket: Ticket,
        config: &Arc<connection::Config>,
        transport: &Transport,
    ) {
        let clock = self.shards.clock();
        let entropy = self.entropy.lock().unwrap_or_else(PoisonError::into_inner).fork();
        let connection = Connection::new(Arc::clone(config), transport.clone(), entropy, clock.now());
        let mail = Arc::new(Mail::default());
        let ring = Arc::clone(&mail);
        let mailbox = Arc::new(Mailbox::new(MAILBOX, move || ring.ring()));
        let served = Served::new(connection, mailbox, Arc::clone(&self.shards), guest);
        let Ok(mut driver) = Driver::<Served, R>::new(served, stream, clock) else { return };
        driver.set_last_words(self.limits.last_words);
        let (on_closed, signs, haste) = (self.on_closed, Arc::clone(&self.signs), self.limits.haste);
        R::spawn(async move {
            if let (Some(closed), Some(tell)) = (run(driver, ticket, haste, &mail, &signs).await, on_closed) {
                tell(peer, &closed);
            }
        });
    }

    /// Closes every stream with `system-shutdown`, stops accepting, and waits until all connections have ended, at most
    /// for `patience`. True if they all did.
    pub async fn shutdown(&self, patience: Duration) -> bool {
        self.signs.stopped.store(true, Ordering::SeqCst);
        self.signs.stop.notify(usize::MAX);
        let all_ended = async {
            loop {
                let listener = self.signs.ended.listen();
                if self.signs.running.load(Ordering::SeqCst) == 0 {
                    return;
                }
                listener.await;
            }
        };
        let clean = or(R::sleep(patience), all_ended).await.is_ok();
        self.shards.stop();
        clean
    }
}

/// The mailbox has something. Rung by whoever fills it, heard by the connection's task.
#[derive(Debug, Default)]
struct Mail {
    waits: AtomicBool,
    bell: Bell,
}

impl Mail {
    fn ring(&self) {
        self.waits.store(true, Ordering::SeqCst);
        self.bell.notify(1);
    }

    async fn arrived(&self) {
        loop {
            let listener = self.bell.listen();
            if self.waits.swap(false, Ordering::SeqCst) {
                return;
            }
            listener.await;
        }
    }
}

enum Wake {
    Mail,
    Crowd,
    Stop,
}

/// One connection, from accepting to its end.
async fn run<R: Runtime>(
    mut driver: Driver<Served, R>,
    mut ticket: Ticket,
    haste: Duration,
    mail: &Mail,
    signs: &Signs,
) -> Option<Closed> {
    let begun = Instant::now();
    let mut how = None;
    let mut stopping = false;
    loop {
        let wake = async {
            let crowd = async {
                match ticket.place {
                    Some(_) => signs.crowded.listen().await,
                    None => std::future::pending().await,
                }
            };
            let stop = async {
                match stopping {
                    false => signs.stopping().await,
                    true => std::future::pending().await,
                }
            };
            match or(or(stop, crowd), mail.arrived()).await {
                Ok(()) => Wake::Mail,
                Err(Ok(())) => Wake::Crowd,
                Err(Err(())) => Wake::Stop,
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
                    ticket.place = None;
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

/// Waits for one of two: `Ok` is the second's, `Err` the first's. The first has precedence.
async fn or<A, B>(first: impl Future<Output = A>, second: impl Future<Output = B>) -> Result<B, A> {
    let (mut first, mut second) = (pin!(first), pin!(second));
    std::future::poll_fn(|cx| match first.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Err(output)),
        Poll::Pending => second.as_mut().poll(cx).map(Ok),
    })
    .await
}
