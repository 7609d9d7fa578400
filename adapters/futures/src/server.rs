//! Listeners, and a task for each connection.

use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use waxwing_core::machine::Entropy;
use waxwing_core::server::connection::{self, Connection, Transport};
use waxwing_core::stream::{Closed, Condition, StreamError};
use waxwing_std::door::{Door, Guest, Limits};
use waxwing_std::served::Served;
use waxwing_std::shards::{Mailbox, Shards};

use crate::bell::{Bell, CROWD, MAIL, STOP};
use crate::crowd::{Crowd, Member};
use crate::{Driver, Runtime};

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
    crowd: Arc<Crowd>,
    runtime: PhantomData<fn() -> R>,
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
            crowd: Arc::default(),
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
        let member = self.crowd.enter();
        R::spawn(async move {
            server.accept(&member.bell, &listener, &config, &transport).await;
            // In this order: whoever is told that all have left finds that nobody listens.
            drop(listener);
            drop(member);
        });
    }

    /// Lets in who comes, until the server stops.
    async fn accept(
        &self,
        bell: &Arc<Bell>,
        listener: &R::Listener,
        config: &Arc<connection::Config>,
        transport: &Transport,
    ) {
        loop {
            // The bell rings for nothing else here, but may have rung for somebody who left.
            match or(bell.rung(), R::accept(listener)).await {
                Err(signs) if signs & STOP != 0 => return,
                Err(_) => {}
                Ok(Ok((socket, peer))) => {
                    let Some(guest) = self.door.admit(peer, Instant::now()) else { continue };
                    let Some(place) = self.place(bell).await else { return };
                    self.start((socket, peer), guest, place, config, transport);
                }
                // Out of file descriptors, most likely: some will come free.
                Ok(Err(_)) => R::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    /// A place for a connection without a session. While there is none, those who have one are asked to hurry. `None`: the
    /// server stops.
    async fn place(&self, bell: &Arc<Bell>) -> Option<Member> {
        loop {
            let place = self.crowd.enter_among(self.limits.negotiating.max(1), bell);
            if place.is_some() {
                return place;
            }
            match or(bell.rung(), R::sleep(CROWDED)).await {
                Err(signs) if signs & STOP != 0 => return None,
                Err(_) => {}
                Ok(()) => self.crowd.hurry(),
            }
        }
    }

    fn start(
        &self,
        (socket, peer): (R::Socket, SocketAddr),
        guest: Guest,
        member: Member,
        config: &Arc<connection::Config>,
        transport: &Transport,
    ) {
        let clock = self.shards.clock();
        let entropy = self.entropy.lock().unwrap_or_else(PoisonError::into_inner).fork();
        let connection = Connection::new(Arc::clone(config), transport.clone(), entropy, clock.now());
        let bell = Arc::clone(&member.bell);
        let mailbox = Arc::new(Mailbox::new(Mailbox::CAPACITY, move || bell.ring(MAIL)));
        let served = Served::new(connection, mailbox, Arc::clone(&self.shards), guest);
        let Ok(mut driver) = Driver::<Served, R>::new(served, socket, clock) else { return };
        driver.set_last_words(self.limits.last_words);
        let (on_closed, haste) = (self.on_closed, self.limits.haste);
        R::spawn(async move {
            if let (Some(closed), Some(tell)) = (run(driver, &member, haste).await, on_closed) {
                tell(peer, &closed);
            }
            // Last, so that nothing of a connection is left once all are said to have ended.
            drop(member);
        });
    }

    /// Closes every stream with `system-shutdown`, stops accepting, and waits until all connections have ended, at most
    /// for `patience`. True if they all did.
    pub async fn shutdown(&self, patience: Duration) -> bool {
        self.crowd.stop();
        let bell = Arc::new(Bell::default());
        let all_ended = async {
            while !self.crowd.is_empty(&bell) {
                bell.rung().await;
            }
        };
        let clean = or(R::sleep(patience), all_ended).await.is_ok();
        self.shards.stop();
        clean
    }
}

/// One connection, from accepting to its end.
async fn run<R: Runtime>(mut driver: Driver<Served, R>, member: &Member, haste: Duration) -> Option<Closed> {
    let begun = Instant::now();
    let mut how = None;
    let mut has_session = false;
    loop {
        let signs = match driver.next_event_or(member.bell.rung()).await {
            Ok(Some(closed)) => {
                how = Some(closed);
                continue;
            }
            Ok(None) => {
                driver.linger(LINGER).await;
                return how;
            }
            Err(signs) => signs,
        };
        let now = driver.clock().now();
        if signs & MAIL != 0 {
            driver.machine_mut().collect(now);
            if !has_session && driver.machine().connection().session_facts().jid.is_some() {
                has_session = true;
                member.has_session();
            }
        }
        if signs & CROWD != 0 && !has_session && begun.elapsed() >= haste {
            let error = StreamError::new(Condition::ResourceConstraint);
            driver.machine_mut().close(now, error.with_text("too many are waiting to log in"));
        }
        if signs & STOP != 0 {
            driver.machine_mut().close(now, StreamError::new(Condition::SystemShutdown));
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
