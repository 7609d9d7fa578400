//! Listeners, and a task for each connection.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use waxwing_core::machine::Entropy;
use waxwing_core::server::connection::{self, Connection, Transport};
use waxwing_core::stream::{Closed, Condition, StreamError};
use waxwing_std::served::Served;
use waxwing_std::shards::{Mailbox, Shards};

use crate::Driver;

/// Deliveries that may wait for a connection's task.
const MAILBOX: usize = 4096;
/// How long a peer may take to close its side after the stream has ended.
const LINGER: Duration = Duration::from_secs(2);

/// Accepts connections and runs them until [`shutdown`](Server::shutdown).
#[derive(Debug)]
pub struct Server {
    shards: Arc<Shards>,
    entropy: Mutex<Entropy>,
    /// Turns true when the server stops. Every task holds a receiver, so that none is left when all have ended.
    stop: watch::Sender<bool>,
    on_closed: Option<fn(SocketAddr, &Closed)>,
}

impl Server {
    /// A server on these shards. Starts the thread for the hub's deadlines. `on_closed` is told how each connection
    /// ended, for the log.
    pub fn new(
        shards: Arc<Shards>,
        entropy: Entropy,
        on_closed: Option<fn(SocketAddr, &Closed)>,
    ) -> io::Result<Arc<Server>> {
        let clockwork = Arc::clone(&shards);
        std::thread::Builder::new().name("waxwing-hub".into()).spawn(move || clockwork.run_deadlines())?;
        let entropy = Mutex::new(entropy);
        Ok(Arc::new(Server { shards, entropy, stop: watch::Sender::new(false), on_closed }))
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
                    Ok((socket, peer)) => server.start(socket, peer, &config, &transport),
                    // Out of file descriptors, most likely: some will come free.
                    Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                }
            }
        });
    }

    fn start(
        self: &Arc<Server>,
        socket: TcpStream,
        peer: SocketAddr,
        config: &Arc<connection::Config>,
        transport: &Transport,
    ) {
        let clock = self.shards.clock();
        let entropy = self.entropy.lock().unwrap_or_else(PoisonError::into_inner).fork();
        let connection = Connection::new(Arc::clone(config), transport.clone(), entropy, clock.now());
        let bell = Arc::new(Notify::new());
        let ring = Arc::clone(&bell);
        let mailbox = Arc::new(Mailbox::new(MAILBOX, move || ring.notify_one()));
        let served = Served::new(connection, mailbox, Arc::clone(&self.shards));
        let Ok(driver) = Driver::new(served, socket, clock) else { return };
        let (on_closed, stop) = (self.on_closed, self.stop.subscribe());
        tokio::spawn(async move {
            if let (Some(closed), Some(tell)) = (run(driver, bell, stop).await, on_closed) {
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
    bell: Arc<Notify>,
    mut stop: watch::Receiver<bool>,
) -> Option<Closed> {
    enum Wake {
        Mail,
        Stop,
    }
    let mut how = None;
    let mut stopping = false;
    loop {
        let wake = async {
            tokio::select! {
                () = bell.notified() => Wake::Mail,
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
            }
            Err(Wake::Stop) => {
                stopping = true;
                let now = driver.clock().now();
                driver.machine_mut().close(now, StreamError::new(Condition::SystemShutdown));
            }
        }
    }
}
