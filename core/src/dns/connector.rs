//! From a domain to a connection. See the [module](super).

use super::host::{Host, ascii};
use super::hosts::{Hosts, Resolvers};
use super::message::{Kind, Record, Srv};
use super::race::{AttemptId, Race};
use super::resolver::{Output, QueryId, Resolver, Transport, Unanswered};
use super::srv;
use crate::machine::{Deadline, Entropy, Instant, Now, Reason};
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;
use std::collections::VecDeque;

/// How long the other kind of SRV records is waited for once there are some of one kind.
const SERVICES_DELAY: Duration = Duration::from_secs(1);
/// Hosts of a domain that are considered at all.
const HOSTS: usize = 16;

/// Where to get through to.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Target {
    /// A domain's service for clients, wherever its records say it is. The domain of an address, as it stands there.
    Client(String),
    /// The same, but for direct TLS: that has been of no use.
    ClientStartTls(String),
    /// A host that is known, by name or address.
    Host {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
        /// What it speaks there.
        security: Security,
    },
}

/// When TLS begins.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Security {
    /// At once (XEP-0368).
    Direct,
    /// Once the stream has been opened (RFC 6120 section 5).
    StartTls,
}

/// How to get through.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// Whom to ask for names.
    pub resolvers: Resolvers,
    /// Which names need not be asked for.
    pub hosts: Hosts,
    /// Whether to look for direct TLS.
    pub direct_tls: bool,
    /// Whether to look for STARTTLS.
    pub starttls: bool,
    /// How long one address is tried before the next is tried beside it (RFC 8305 section 5 recommends 250 ms).
    pub attempt_delay: Duration,
    /// How long one address is tried at all.
    pub attempt_timeout: Duration,
    /// How long everything may take.
    pub timeout: Duration,
}

impl Config {
    /// Both kinds of TLS, and the usual patience: 250 ms, 10 seconds, a minute.
    pub fn new(resolvers: Resolvers, hosts: Hosts) -> Config {
        Config {
            resolvers,
            hosts,
            direct_tls: true,
            starttls: true,
            attempt_delay: Duration::from_millis(250),
            attempt_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(60),
        }
    }
}

/// A way to a server.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Route {
    /// The address to connect to.
    pub address: SocketAddr,
    /// When TLS begins there.
    pub security: Security,
    /// The host whose address it is, in ASCII, for messages. The certificate has to name the domain, not the host (RFC 6120
    /// section 13.7.1.2.1).
    pub host: String,
}

/// What a connector wants done, or has to tell.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Action {
    /// Send this to a name server. What comes back goes to [`Connector::receive`].
    Query {
        /// Names the exchange.
        query: QueryId,
        /// The name server.
        server: SocketAddr,
        /// How.
        transport: Transport,
        /// All bytes to send.
        message: Vec<u8>,
    },
    /// Nothing more is expected of this exchange: close its socket.
    Forget {
        /// Which.
        query: QueryId,
    },
    /// Connect over TCP. What comes of it goes to [`Connector::connected`] or [`Connector::failed`].
    Connect {
        /// Names the attempt.
        attempt: AttemptId,
        /// To where.
        address: SocketAddr,
    },
    /// Give up an attempt: close its socket.
    Abort {
        /// Which.
        attempt: AttemptId,
    },
    /// This attempt has won; its connection is the owner's.
    Connected {
        /// Which.
        attempt: AttemptId,
        /// What is at its end.
        route: Route,
    },
    /// There is no way, or none that is left.
    Failed(Failure),
}

/// Why there is no connection.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Failure {
    /// The name is none that could have an address.
    BadName,
    /// The domain says that it has no such service (RFC 2782, a target of `.`).
    NotOffered,
    /// No name server answered: try again later.
    Unresolved,
    /// No address is known.
    NoAddress,
    /// None of the addresses that were tried could be connected to; the last errors, oldest first.
    Unreachable(Vec<(SocketAddr, String)>),
    /// Everything together took too long.
    Timeout,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::BadName => f.write_str("this is not the name of a host"),
            Failure::NotOffered => f.write_str("the domain says that it has no such service"),
            Failure::Unresolved => f.write_str("no name server answered; try again later"),
            Failure::NoAddress => f.write_str("the name has no address"),
            Failure::Unreachable(tried) => {
                f.write_str("no address could be connected to")?;
                tried.iter().try_for_each(|(address, why)| write!(f, "; {address}: {why}"))
            }
            Failure::Timeout => f.write_str("it took too long"),
        }
    }
}

impl std::error::Error for Failure {}

/// Gets through to a server. See the [module](super).
///
/// **After every call that takes `&mut self`, drain [`poll_action`](Connector::poll_action)** and see that
/// [`tick`](Connector::tick) is called at [`deadline`](Connector::deadline).
#[derive(Debug)]
pub struct Connector {
    resolver: Resolver,
    entropy: Entropy,
    race: Race<Route>,
    /// The SRV questions that have not been answered.
    services: Vec<(u64, Security)>,
    /// One of them has been answered with hosts: until then we wait for the other before we begin.
    services_until: Option<Instant>,
    /// We have waited for the other long enough. What it says when it comes is tried last.
    services_waived: bool,
    /// What SRV records have said and has not been put into order yet.
    offers: Vec<(Srv, Security)>,
    /// How many hosts they have named.
    offered: usize,
    /// What they say of direct TLS is not used.
    shuns_direct: bool,
    /// They have said of a kind that there is no such service.
    denied: bool,
    /// The domain, in ASCII, while it may have to do without SRV records.
    fallback: Option<String>,
    /// In the order in which they are tried.
    hosts: VecDeque<Host>,
    /// What was being tried when another attempt won: first to be tried if that one was of no use.
    again: VecDeque<Route>,
    until: Instant,
    actions: VecDeque<Action>,
    state: State,
    /// At least one name server did not answer.
    is_unresolved: bool,
    tried: Vec<(SocketAddr, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Searching,
    /// The last attempt has won.
    Won,
    Over,
}

impl Connector {
    /// Begins. `entropy` serves ids of queries and the choice among equal servers.
    pub fn new(target: Target, config: Config, now: Now, mut entropy: Entropy) -> Connector {
        let Config { resolvers, hosts, direct_tls, starttls, attempt_delay, attempt_timeout, timeout } =
            config;
        let mut connector = Connector {
            resolver: Resolver::new(resolvers, hosts, entropy.fork()),
            entropy,
            race: Race::new(attempt_delay, attempt_timeout),
            services: Vec::new(),
            services_until: None,
            services_waived: false,
            offers: Vec::new(),
            offered: 0,
            shuns_direct: false,
            denied: false,
            fallback: None,
            hosts: VecDeque::new(),
            again: VecDeque::new(),
            until: now.instant + timeout,
            actions: VecDeque::new(),
            state: State::Searching,
            is_unresolved: false,
            tried: Vec::new(),
        };
        match target {
            Target::Host { host, port, security } => {
                if !connector.add_host(&host, port, security) {
                    connector.finish(Failure::BadName);
                }
            }
            // An address has no SRV records (RFC 6120 section 3.2.3).
            Target::Client(domain) | Target::ClientStartTls(domain) if Host::is_literal(&domain) => {
                connector.add_host(&domain, 5222, Security::StartTls);
            }
            Target::Client(domain) => connector.ask_services(now, &domain, direct_tls, starttls),
            Target::ClientStartTls(domain) => {
                connector.shuns_direct = true;
                connector.ask_services(now, &domain, direct_tls, starttls);
            }
        }
        connector.work(now);
        connector
    }

    /// Bytes came from a name server: a datagram, or a piece of what comes over a connection.
    pub fn receive(&mut self, now: Now, query: QueryId, bytes: &[u8]) {
        self.resolver.receive(now, query, bytes);
        self.work(now);
    }

    /// A name server cannot be reached, or has closed the connection.
    pub fn query_failed(&mut self, now: Now, query: QueryId) {
        self.resolver.failed(now, query);
        self.work(now);
    }

    /// An attempt has been established. Unless it comes too late, it has won: [`Action::Connected`] follows.
    pub fn connected(&mut self, now: Now, attempt: AttemptId) {
        let Some(route) = self.race.end(now, attempt) else { return };
        self.state = State::Won;
        for (attempt, route) in self.race.stop() {
            self.actions.push_back(Action::Abort { attempt });
            self.again.push_back(route);
        }
        self.actions.push_back(Action::Connected { attempt, route });
        self.work(now);
    }

    /// An attempt has come to nothing; `why` is for people.
    pub fn failed(&mut self, now: Now, attempt: AttemptId, why: &str) {
        let Some(route) = self.race.end(now, attempt) else { return };
        self.note(&route, why);
        self.work(now);
    }

    /// The connection that won turned out to be of no use (`why` is for people): goes on with what lost against it, then with what
    /// has not been tried, with the time that is left. Nothing happens unless an attempt has won.
    pub fn go_on(&mut self, now: Now, route: &Route, why: &str) {
        if self.state == State::Won {
            self.note(route, why);
            self.state = State::Searching;
            self.work(now);
        }
    }

    /// What there is to do, oldest first.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`tick`](Self::tick) is to be called next.
    pub fn deadline(&self) -> Option<Deadline> {
        if self.state != State::Searching {
            return None;
        }
        let graces = self.hosts.iter().filter_map(|host| host.grace);
        let waits = !self.again.is_empty() || self.hosts.front().is_some_and(Host::is_ready);
        let race = self.race.deadline(waits);
        let others = [self.resolver.deadline(), race, self.services_until];
        let at = others.into_iter().flatten().chain(graces).fold(self.until, Instant::min);
        Some(Deadline { at, reason: Reason::Connecting })
    }

    /// Time has passed. Calling it early or late is harmless.
    pub fn tick(&mut self, now: Now) {
        self.resolver.tick(now);
        if self.services_until.is_some_and(|until| until <= now.instant) {
            (self.services_until, self.services_waived) = (None, true);
        }
        self.hosts.iter_mut().for_each(|host| host.tick(now));
        while let Some(attempt) = self.race.late(now) {
            self.actions.push_back(Action::Abort { attempt });
            if let Some(route) = self.race.end(now, attempt) {
                self.note(&route, "no answer in time");
            }
        }
        self.work(now);
    }

    fn note(&mut self, route: &Route, why: &str) {
        self.tried.push((route.address, why.to_owned()));
        let surplus = self.tried.len().saturating_sub(HOSTS);
        self.tried.drain(..surplus);
    }

    fn ask_services(&mut self, now: Now, domain: &str, direct_tls: bool, starttls: bool) {
        let Some(domain) = ascii(domain) else { return self.finish(Failure::BadName) };
        let wanted = [
            (direct_tls, "_xmpps-client._tcp", Security::Direct),
            (starttls, "_xmpp-client._tcp", Security::StartTls),
        ];
        for (_, service, security) in wanted.into_iter().filter(|(wanted, _, _)| *wanted) {
            let question = self.resolver.ask(now, &format!("{service}.{domain}"), Kind::Srv);
            self.services.push((question, security));
        }
        self.fallback = starttls.then_some(domain);
    }

    /// False if the name cannot be a host's.
    fn add_host(&mut self, name: &str, port: u16, security: Security) -> bool {
        let host = Host::new(name, port, security);
        let is_one = host.is_some();
        self.hosts.extend(host);
        is_one
    }

    /// Does what can be done now.
    fn work(&mut self, now: Now) {
        if self.state == State::Searching && self.until <= now.instant {
            self.finish(Failure::Timeout);
        }
        loop {
            self.collect(now);
            if self.state != State::Searching {
                return;
            }
            self.settle_services();
            if !self.step(now) {
                return;
            }
        }
    }

    /// Takes what the resolver has.
    fn collect(&mut self, now: Now) {
        while let Some(output) = self.resolver.poll() {
            match output {
                Output::Send { query, server, transport, message } => {
                    self.actions.push_back(Action::Query { query, server, transport, message });
                }
                Output::Forget { query } => self.actions.push_back(Action::Forget { query }),
                Output::Found { question, result } => self.found(now, question, result),
            }
        }
    }

    fn found(&mut self, now: Now, question: u64, result: Result<Vec<Record>, Unanswered>) {
        self.is_unresolved |= result.is_err();
        let records = result.unwrap_or_default();
        if let Some(index) = self.services.iter().position(|(asked, _)| *asked == question) {
            let (_, security) = self.services.swap_remove(index);
            for record in records {
                match record {
                    // A target of "." says that this kind is not there (RFC 2782).
                    Record::Srv(srv) if srv.target.is_empty() => self.denied = true,
                    // There is a service, though not of the kind that is wanted: no falling back to the bare domain.
                    Record::Srv(_) if self.shuns_direct && security == Security::Direct => self.denied = true,
                    Record::Srv(srv) => self.offers.push((srv, security)),
                    Record::Address(_) => {}
                }
            }
            let is_partial = !self.services.is_empty() && !self.offers.is_empty();
            self.services_until = is_partial.then_some(now.instant + SERVICES_DELAY);
            return;
        }
        let asked = |host: &&mut Host| host.v6 == Some(question) || host.v4 == Some(question);
        let Some(host) = self.hosts.iter_mut().find(asked) else { return };
        host.answered(now, question);
        for record in records {
            if let Record::Address(address) = record {
                host.add(address);
            }
        }
    }

    /// Once SRV questions are answered: which hosts there are.
    fn settle_services(&mut self) {
        if !self.services.is_empty() && !self.services_waived {
            return;
        }
        let offers = std::mem::take(&mut self.offers);
        if !offers.is_empty() {
            self.fallback = None;
            let room = HOSTS.saturating_sub(self.offered);
            for (srv, security) in srv::order(offers, &mut self.entropy).into_iter().take(room) {
                self.offered += 1;
                self.add_host(&srv.target, srv.port, security);
            }
        }
        if !self.services.is_empty() {
            return;
        }
        if self.denied && self.offered == 0 {
            // Of either kind: then there is no falling back (XEP-0368 section 3, RFC 2782).
            self.finish(if self.is_unresolved { Failure::Unresolved } else { Failure::NotOffered });
        } else if let Some(domain) = self.fallback.take() {
            // Without SRV records the domain itself is the host (RFC 6120 section 3.2.2).
            self.add_host(&domain, 5222, Security::StartTls);
        }
    }

    /// One step: a question about the host whose turn it is, an attempt, or the end. False if there is nothing to do but wait.
    fn step(&mut self, now: Now) -> bool {
        if self.race.has_room(now)
            && let Some(route) = self.again.pop_front()
        {
            self.attempt(now, route);
            return true;
        }
        let Some(host) = self.hosts.front_mut() else {
            if self.services.is_empty() && self.race.is_idle() && self.again.is_empty() {
                let failure = self.why_not();
                self.finish(failure);
            }
            return false;
        };
        if !host.asked {
            host.asked = true;
            host.v6 = Some(self.resolver.ask(now, &host.name, Kind::Aaaa));
            host.v4 = Some(self.resolver.ask(now, &host.name, Kind::A));
            return true;
        }
        if host.is_exhausted() {
            self.hosts.pop_front();
            return true;
        }
        if !self.race.has_room(now) || !host.is_ready() {
            return false;
        }
        let Some(route) = host.next_route() else { return false };
        self.attempt(now, route);
        true
    }

    fn attempt(&mut self, now: Now, route: Route) {
        let address = route.address;
        let attempt = self.race.start(now, route);
        self.actions.push_back(Action::Connect { attempt, address });
    }

    fn why_not(&mut self) -> Failure {
        if !self.tried.is_empty() {
            Failure::Unreachable(std::mem::take(&mut self.tried))
        } else if self.is_unresolved {
            Failure::Unresolved
        } else {
            Failure::NoAddress
        }
    }

    fn finish(&mut self, failure: Failure) {
        if self.state == State::Over {
            return;
        }
        self.state = State::Over;
        self.resolver.stop();
        while let Some(Output::Forget { query }) = self.resolver.poll() {
            self.actions.push_back(Action::Forget { query });
        }
        let running = self.race.stop();
        self.actions.extend(running.map(|(attempt, _)| Action::Abort { attempt }));
        self.actions.push_back(Action::Failed(failure));
    }
}
