//! From a domain to a connection. See the [module](super).

use super::hosts::{Hosts, Resolvers};
use super::message::{Kind, Record, Srv};
use super::race::{AttemptId, Race};
use super::resolver::{Output, QueryId, Resolver, Transport, Unanswered};
use super::srv;
use crate::machine::{Deadline, Entropy, Instant, Now, Reason};
use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
use std::collections::VecDeque;

/// How long IPv6 addresses are waited for once there are IPv4 addresses (RFC 8305 section 3).
const RESOLUTION_DELAY: Duration = Duration::from_millis(50);
/// How long the other kind of SRV records is waited for once there are some of one kind.
const SERVICES_DELAY: Duration = Duration::from_secs(1);
/// Hosts of a domain that are considered at all.
const HOSTS: usize = 16;
/// Addresses of one host that are tried.
const ADDRESSES: usize = 8;

/// Where to get through to.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Target {
    /// A domain's service for clients, wherever its records say it is. The domain of an address, as it stands there.
    Client(String),
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
    /// One of them has been answered with hosts: until then we wait for the other.
    services_until: Option<Instant>,
    offers: Vec<(Srv, Security)>,
    /// The domain, in ASCII, while it may have to do without SRV records.
    fallback: Option<String>,
    /// In the order in which they are tried.
    hosts: VecDeque<Host>,
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

/// A host that may have the service, and what is known of its addresses.
#[derive(Debug)]
struct Host {
    name: String,
    port: u16,
    security: Security,
    asked: bool,
    /// The questions that have not been answered.
    v6: Option<u64>,
    v4: Option<u64>,
    /// IPv4 has been answered, IPv6 not: until then we wait.
    grace: Option<Instant>,
    /// We have waited for IPv6 long enough.
    v6_waived: bool,
    /// What has not been tried, by family.
    addresses6: VecDeque<IpAddr>,
    addresses4: VecDeque<IpAddr>,
    last_was_v6: bool,
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
            offers: Vec::new(),
            fallback: None,
            hosts: VecDeque::new(),
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
            Target::Client(domain) if literal(&domain).is_some() => {
                connector.add_host(&domain, 5222, Security::StartTls);
            }
            Target::Client(domain) => connector.ask_services(now, &domain, direct_tls, starttls),
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
        let losers = self.race.stop();
        self.actions.extend(losers.map(|attempt| Action::Abort { attempt }));
        self.actions.push_back(Action::Connected { attempt, route });
        self.work(now);
    }

    /// An attempt has come to nothing; `why` is for people.
    pub fn failed(&mut self, now: Now, attempt: AttemptId, why: &str) {
        let Some(route) = self.race.end(now, attempt) else { return };
        self.note(&route, why);
        self.work(now);
    }

    /// The connection that won turned out to be of no use (`why` is for people): goes on with what has not been tried, with the
    /// time that is left. Nothing happens unless an attempt has won.
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
        let race = self.race.deadline(self.hosts.front().is_some_and(Host::is_ready));
        let others = [self.resolver.deadline(), race, self.services_until];
        let at = others.into_iter().flatten().chain(graces).fold(self.until, Instant::min);
        Some(Deadline { at, reason: Reason::Connecting })
    }

    /// Time has passed. Calling it early or late is harmless.
    pub fn tick(&mut self, now: Now) {
        self.resolver.tick(now);
        if self.services_until.is_some_and(|until| until <= now.instant) {
            self.services_until = None;
            self.services.clear();
        }
        for host in &mut self.hosts {
            if host.grace.is_some_and(|until| until <= now.instant) {
                (host.grace, host.v6_waived) = (None, true);
            }
        }
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
        let mut host = Host::new(String::new(), port, security);
        match (literal(name), ascii(name)) {
            (Some(address), _) => {
                host.name = address.to_string();
                host.asked = true;
                host.add(address);
            }
            (None, Some(name)) => host.name = name,
            (None, None) => return false,
        }
        self.hosts.push_back(host);
        true
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
            let offers = records.into_iter().filter_map(|record| match record {
                Record::Srv(srv) => Some((srv, security)),
                Record::Address(_) => None,
            });
            self.offers.extend(offers);
            let is_partial = !self.services.is_empty() && !self.offers.is_empty();
            self.services_until = is_partial.then_some(now.instant + SERVICES_DELAY);
            return;
        }
        let asked = |host: &&mut Host| host.v6 == Some(question) || host.v4 == Some(question);
        let Some(host) = self.hosts.iter_mut().find(asked) else { return };
        if host.v6 == Some(question) {
            (host.v6, host.grace) = (None, None);
        } else {
            host.v4 = None;
            host.grace = host.v6.is_some().then_some(now.instant + RESOLUTION_DELAY);
        }
        for record in records {
            if let Record::Address(address) = record {
                host.add(address);
            }
        }
    }

    /// Once all SRV questions are answered: which hosts there are.
    fn settle_services(&mut self) {
        if !self.services.is_empty() || !self.hosts.is_empty() {
            return;
        }
        let offers = std::mem::take(&mut self.offers);
        // A target of "." says that this kind is not there (RFC 2782).
        let is_there = |(srv, _): &(Srv, Security)| !srv.target.is_empty();
        if offers.iter().any(is_there) {
            self.fallback = None;
            let mut ordered = srv::order(offers, &mut self.entropy);
            ordered.retain(is_there);
            ordered.truncate(HOSTS);
            for (srv, security) in ordered {
                self.add_host(&srv.target, srv.port, security);
            }
        } else if offers.iter().any(|(_, security)| *security == Security::StartTls) {
            self.finish(Failure::NotOffered);
        } else if let Some(domain) = self.fallback.take() {
            // Without SRV records the domain itself is the host (RFC 6120 section 3.2.2).
            self.add_host(&domain, 5222, Security::StartTls);
        }
    }

    /// One step: a question about the host whose turn it is, an attempt, or the end. False if there is nothing to do but wait.
    fn step(&mut self, now: Now) -> bool {
        let Some(host) = self.hosts.front_mut() else {
            if self.services.is_empty() && self.race.is_idle() {
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
        let address = route.address;
        let attempt = self.race.start(now, route);
        self.actions.push_back(Action::Connect { attempt, address });
        true
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
        self.actions.extend(running.map(|attempt| Action::Abort { attempt }));
        self.actions.push_back(Action::Failed(failure));
    }
}

impl Host {
    fn new(name: String, port: u16, security: Security) -> Host {
        Host {
            name,
            port,
            security,
            asked: false,
            v6: None,
            v4: None,
            grace: None,
            v6_waived: false,
            addresses6: VecDeque::new(),
            addresses4: VecDeque::new(),
            last_was_v6: false,
        }
    }

    fn add(&mut self, address: IpAddr) {
        let family = if address.is_ipv6() { &mut self.addresses6 } else { &mut self.addresses4 };
        if family.len() < ADDRESSES && !family.contains(&address) {
            family.push_back(address);
        }
    }

    fn has_address(&self) -> bool {
        !self.addresses6.is_empty() || !self.addresses4.is_empty()
    }

    /// Nothing has been left untried, and nothing more will come.
    fn is_exhausted(&self) -> bool {
        !self.has_address() && self.v6.is_none() && self.v4.is_none()
    }

    /// There is an address, and no better one is about to come.
    fn is_ready(&self) -> bool {
        let waits = self.v6.is_some() && !self.v6_waived;
        self.has_address() && !(waits && self.addresses6.is_empty())
    }

    /// The next address, the families taking turns, IPv6 first (RFC 8305 section 4).
    fn next_route(&mut self) -> Option<Route> {
        let prefer_v4 = self.last_was_v6 || self.addresses6.is_empty();
        let (first, second) = match prefer_v4 {
            true => (&mut self.addresses4, &mut self.addresses6),
            false => (&mut self.addresses6, &mut self.addresses4),
        };
        let address = first.pop_front().or_else(|| second.pop_front())?;
        self.last_was_v6 = address.is_ipv6();
        let address = SocketAddr::new(address, self.port);
        Some(Route { address, security: self.security, host: self.name.clone() })
    }
}

/// The address that a domain or host is written as: `192.0.2.1`, `[2001:db8::1]`, or without the brackets.
fn literal(name: &str) -> Option<IpAddr> {
    let inner = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    inner.unwrap_or(name).parse().ok()
}

/// A name as name servers know it.
fn ascii(name: &str) -> Option<String> {
    let name = name.strip_suffix('.').unwrap_or(name);
    // Underscores have no place in a host's name, but some hosts have one.
    let deny = AsciiDenyList::URL;
    let ascii = Uts46::new().to_ascii(name.as_bytes(), deny, Hyphens::Allow, DnsLength::Verify).ok()?;
    Some(ascii.into_owned())
}
