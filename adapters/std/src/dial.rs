//! Gets through to a server: does what a [`Connector`] says, with a thread for each socket.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::Weak;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

use waxwing_core::dns::{
    Action, AttemptId, Config, Connector, Failure, Hosts, QueryId, Resolvers, Route, Target, Transport,
};

use crate::{Clock, entropy};

/// What this system knows of name servers and hosts (`/etc/resolv.conf`, `/etc/hosts`), and the usual patience. A file that
/// cannot be read is taken to be empty.
pub fn system_config() -> Config {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    Config::new(Resolvers::parse(&read("/etc/resolv.conf")), Hosts::parse(&read("/etc/hosts")))
}

/// Gets through to one server.
///
/// ```no_run
/// use waxwing_core::dns::Target;
/// use waxwing_std::dial::{Dialer, system_config};
///
/// let mut dialer = Dialer::new(Target::Client("example.com".into()), system_config())?;
/// let (socket, route) = dialer.dial()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Dialer {
    connector: Connector,
    clock: Clock,
    patience: Duration,
    told: Receiver<Told>,
    tell: Sender<Told>,
    /// Exchanges that have not been forgotten.
    open: BTreeSet<QueryId>,
    /// Attempts that have not been given up.
    attempts: BTreeSet<AttemptId>,
    /// The connection that has won.
    won: Option<(AttemptId, TcpStream)>,
    wanted_by: Option<Weak<()>>,
}

/// What a thread has to tell.
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
        let (tell, told) = channel();
        let patience = config.attempt_timeout;
        Ok(Dialer {
            connector: Connector::new(target, config, clock.now(), entropy()?),
            clock,
            patience,
            told,
            tell,
            open: BTreeSet::new(),
            attempts: BTreeSet::new(),
            won: None,
            wanted_by: None,
        })
    }

    /// Gives up once this is gone: for whoever dials in another thread than the one that waits.
    #[must_use]
    pub fn wanted_by(mut self, owner: Weak<()>) -> Dialer {
        self.wanted_by = Some(owner);
        self
    }

    /// Waits for a connection. After [`give_up`](Dialer::give_up) it can be called again; in any other case what has been
    /// said stays said.
    ///
    /// # Errors
    /// Why there is none.
    pub fn dial(&mut self) -> Result<(TcpStream, Route), Failure> {
        loop {
            while let Some(action) = self.connector.poll_action() {
                if self.wanted_by.as_ref().is_some_and(|owner| owner.strong_count() == 0) {
                    return Err(Failure::Timeout);
                }
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
            let Some(deadline) = self.connector.deadline() else { return Err(Failure::Timeout) };
            let wait = self.clock.to_std(deadline.at).map(|at| at.saturating_duration_since(Instant::now()));
            match self.told.recv_timeout(wait.unwrap_or(self.patience)) {
                Ok(told) => self.hear(told),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
            self.connector.tick(self.clock.now());
        }
    }

    /// The connection that came last is of no use; `why` is for people. [`dial`](Dialer::dial) goes on behind it.
    pub fn give_up(&mut self, route: &Route, why: &str) {
        self.connector.go_on(self.clock.now(), route, why);
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Query { query, server, transport, message } => {
                self.open.insert(query);
                let patience = self.patience;
                self.spawn(Told::Ended(query), move |tell| {
                    let _ = match transport {
                        Transport::Udp => datagrams(query, server, &message, patience, tell),
                        Transport::Tcp => stream(query, server, &message, patience, tell),
                    };
                    let _ = tell.send(Told::Ended(query));
                });
            }
            Action::Connect { attempt, address } => {
                self.attempts.insert(attempt);
                let patience = self.patience;
                let failed = Told::Attempt(attempt, Err(io::ErrorKind::OutOfMemory.into()));
                self.spawn(failed, move |tell| {
                    let socket = TcpStream::connect_timeout(&address, patience);
                    let _ = tell.send(Told::Attempt(attempt, socket));
                });
            }
            Action::Forget { query } => {
                self.open.remove(&query);
            }
            // A thread that connects cannot be stopped: what it brings is closed when it comes.
            Action::Abort { attempt } => {
                self.attempts.remove(&attempt);
            }
            _ => {}
        }
    }

    /// Runs something in a thread of its own, or says `otherwise` where there is none to be had.
    fn spawn(&self, otherwise: Told, work: impl FnOnce(&Sender<Told>) + Send + 'static) {
        let tell = self.tell.clone();
        if Builder::new().name("waxwing-dial".into()).spawn(move || work(&tell)).is_err() {
            let _ = self.tell.send(otherwise);
        }
    }

    fn hear(&mut self, told: Told) {
        let now = self.clock.now();
        match told {
            Told::Bytes(query, bytes) => self.connector.receive(now, query, &bytes),
            Told::Ended(query) if self.open.contains(&query) => self.connector.query_failed(now, query),
            Told::Ended(_) => {}
            Told::Attempt(attempt, _) if !self.attempts.remove(&attempt) => {}
            Told::Attempt(attempt, Ok(socket)) => {
                self.won = Some((attempt, socket));
                self.connector.connected(now, attempt);
            }
            Told::Attempt(attempt, Err(error)) => self.connector.failed(now, attempt, &error.to_string()),
        }
    }
}

/// Gets through to the first of these that can be got through to, by a route that is permitted. Gives up once its owner is
/// gone.
///
/// # Errors
/// Why the last of them cannot be reached.
pub fn get_through(
    targets: Vec<Target>,
    config: &Config,
    permits: fn(&Route) -> bool,
    wanted_by: &Weak<()>,
) -> Result<(TcpStream, Route), Failure> {
    let mut failure = Failure::NoAddress;
    for target in targets {
        // Without randomness no name can be asked for.
        let Ok(dialer) = Dialer::new(target, config.clone()) else { return Err(Failure::Unresolved) };
        let mut dialer = dialer.wanted_by(wanted_by.clone());
        loop {
            match dialer.dial() {
                Ok((socket, route)) if permits(&route) => return Ok((socket, route)),
                Ok((_, route)) => dialer.give_up(&route, NOT_PERMITTED),
                Err(error) => {
                    failure = error;
                    break;
                }
            }
        }
    }
    Err(failure)
}

/// Why a route is not taken that the owner does not permit.
const NOT_PERMITTED: &str = "this route is not permitted";

/// Sends one datagram and passes on what comes back, until nobody listens or for `patience` nothing comes.
fn datagrams(
    query: QueryId,
    server: SocketAddr,
    message: &[u8],
    patience: Duration,
    tell: &Sender<Told>,
) -> io::Result<()> {
    let here: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(here)?;
    // From now on the system drops what comes from elsewhere.
    socket.connect(server)?;
    socket.set_read_timeout(Some(patience))?;
    socket.send(message)?;
    let mut buffer = [0; 4096];
    loop {
        let length = socket.recv(&mut buffer)?;
        if tell.send(Told::Bytes(query, buffer[..length].to_vec())).is_err() {
            return Ok(());
        }
    }
}

/// The same over a connection.
fn stream(
    query: QueryId,
    server: SocketAddr,
    message: &[u8],
    patience: Duration,
    tell: &Sender<Told>,
) -> io::Result<()> {
    let mut socket = TcpStream::connect_timeout(&server, patience)?;
    socket.set_read_timeout(Some(patience))?;
    socket.set_write_timeout(Some(patience))?;
    socket.write_all(message)?;
    let mut buffer = [0; 4096];
    loop {
        let length = socket.read(&mut buffer)?;
        if length == 0 || tell.send(Told::Bytes(query, buffer[..length].to_vec())).is_err() {
            return Ok(());
        }
    }
}
