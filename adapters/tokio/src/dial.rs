//! Gets through to a server: does what a [`Connector`] says, with a task for each socket.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until};
use waxwing_core::dns::{Action, AttemptId, Config, Connector, Failure, QueryId, Route, Target, Transport};
use waxwing_std::{Clock, entropy};

pub use waxwing_std::dial::system_config;

/// Gets through to one server. Dropping it closes all sockets but those it has handed out.
///
/// ```no_run
/// use waxwing_core::dns::Target;
/// use waxwing_tokio::dial::{Dialer, system_config};
///
/// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let mut dialer = Dialer::new(Target::Client("example.com".into()), system_config())?;
/// let (socket, route) = dialer.dial().await?;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Dialer {
    connector: Connector,
    clock: Clock,
    told: UnboundedReceiver<Told>,
    tell: UnboundedSender<Told>,
    tasks: JoinSet<()>,
    queries: BTreeMap<QueryId, AbortHandle>,
    attempts: BTreeMap<AttemptId, AbortHandle>,
    /// The connection that has won.
    won: Option<(AttemptId, TcpStream)>,
}

/// What a task has to tell.
#[derive(Debug)]
enum Told {
    Bytes(QueryId, Vec<u8>),
    Ended(QueryId),
    Attempt(AttemptId, io::Result<TcpStream>),
}

impl Dialer {
    /// A dialer for one server. Nothing happens before [`dial`](Dialer::dial).
    ///
    /// # Errors
    /// Where the system has no randomness.
    pub fn new(target: Target, config: Config) -> io::Result<Dialer> {
        let clock = Clock::start();
        let (tell, told) = unbounded_channel();
        Ok(Dialer {
            connector: Connector::new(target, config, clock.now(), entropy()?),
            clock,
            told,
            tell,
            tasks: JoinSet::new(),
            queries: BTreeMap::new(),
            attempts: BTreeMap::new(),
            won: None,
        })
    }

    /// Waits for a connection. After [`give_up`](Dialer::give_up) it can be called again; in any other case what has been
    /// said stays said. Cancel safe: the next call goes on where this one stopped.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn dial(&mut self) -> Result<(TcpStream, Route), Failure> {
        loop {
            while let Some(action) = self.connector.poll_action() {
                match action {
                    Action::Failed(failure) => return Err(failure),
                    Action::Connected { attempt, route } => {
                        if let Some((winner, socket)) = self.won.take()
                            && winner == attempt
                        {
                            return Ok((socket, route));
                        }
                    }
                    action => self.act(action),
                }
            }
            while self.tasks.try_join_next().is_some() {}
            let Some(deadline) = self.connector.deadline() else { return Err(Failure::Timeout) };
            let at = self.clock.to_std(deadline.at).map(Instant::from_std);
            let at = at.unwrap_or_else(|| Instant::now() + Duration::from_secs(60));
            tokio::select! {
                Some(told) = self.told.recv() => self.hear(told),
                () = sleep_until(at) => {}
            }
            self.connector.tick(self.clock.now());
        }
    }

    /// The connection that came last is of no use; `why` is for people. [`dial`](Dialer::dial) goes on behind it.
    pub fn give_up(&mut self, route: &Route, why: &str) {
        self.connector.go_on(self.clock.now(), route, why);
    }

    fn act(&mut self, action: Action) {
        let tell = self.tell.clone();
        match action {
            Action::Query { query, server, transport, message } => {
                let task = self.tasks.spawn(async move {
                    let _ = match transport {
                        Transport::Udp => datagrams(query, server, &message, &tell).await,
                        Transport::Tcp => stream(query, server, &message, &tell).await,
                    };
                    let _ = tell.send(Told::Ended(query));
                });
                self.queries.insert(query, task);
            }
            Action::Connect { attempt, address } => {
                let task = self.tasks.spawn(async move {
                    let _ = tell.send(Told::Attempt(attempt, TcpStream::connect(address).await));
                });
                self.attempts.insert(attempt, task);
            }
            Action::Forget { query } => stop(self.queries.remove(&query)),
            Action::Abort { attempt } => stop(self.attempts.remove(&attempt)),
            _ => {}
        }
    }

    fn hear(&mut self, told: Told) {
        let now = self.clock.now();
        match told {
            Told::Bytes(query, bytes) => self.connector.receive(now, query, &bytes),
            Told::Ended(query) if self.queries.contains_key(&query) => {
                self.connector.query_failed(now, query)
            }
            Told::Ended(_) => {}
            Told::Attempt(attempt, result) => {
                // One that has been given up was too late.
                if self.attempts.remove(&attempt).is_none() {
                    return;
                }
                match result {
                    Ok(socket) => {
                        self.won = Some((attempt, socket));
                        self.connector.connected(now, attempt);
                    }
                    Err(error) => self.connector.failed(now, attempt, &error.to_string()),
                }
            }
        }
    }
}

fn stop(task: Option<AbortHandle>) {
    if let Some(task) = task {
        task.abort();
    }
}

/// Sends one datagram and passes on what comes back.
async fn datagrams(
    query: QueryId,
    server: SocketAddr,
    message: &[u8],
    tell: &UnboundedSender<Told>,
) -> io::Result<()> {
    let here: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(here).await?;
    // From now on the system drops what comes from elsewhere.
    socket.connect(server).await?;
    socket.send(message).await?;
    let mut buffer = [0; 4096];
    loop {
        let length = socket.recv(&mut buffer).await?;
        let _ = tell.send(Told::Bytes(query, buffer[..length].to_vec()));
    }
}

/// The same over a connection.
async fn stream(
    query: QueryId,
    server: SocketAddr,
    message: &[u8],
    tell: &UnboundedSender<Told>,
) -> io::Result<()> {
    let mut socket = TcpStream::connect(server).await?;
    socket.write_all(message).await?;
    let mut buffer = [0; 4096];
    loop {
        match socket.read(&mut buffer).await? {
            0 => return Ok(()),
            length => {
                let _ = tell.send(Told::Bytes(query, buffer[..length].to_vec()));
            }
        }
    }
}
