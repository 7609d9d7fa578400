//! One session over as many sockets as it takes.

use std::future::{Future, pending};
use std::io;
use std::pin::pin;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};
use waxwing_core::client::session::{Action, Reconnect, Session};
use waxwing_core::client::{Config, Event};
use waxwing_core::dns::{self, Failure, Route, Target};
use waxwing_core::machine::Machine as _;
use waxwing_std::dial::NOT_PERMITTED;
use waxwing_std::{Clock, entropy};

use crate::Driver;
use crate::dial::Dialer;

/// Runs a [`Session`]: gets through to its server, drives it over the connection, and again when that breaks.
///
/// ```no_run
/// # async fn f(config: waxwing_core::client::Config) -> std::io::Result<()> {
/// use waxwing_core::client::session::Reconnect;
/// use waxwing_tokio::{SessionDriver, dial::system_config};
///
/// let mut driver = SessionDriver::new(config, Reconnect::default(), system_config())?;
/// while let Some(event) = driver.next_event().await {
///     println!("{event:?}");
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct SessionDriver {
    driver: Driver<Session>,
    dns: dns::Config,
    permits: fn(&Route) -> bool,
    dialing: Option<Dialing>,
}

impl SessionDriver {
    /// A session that begins. Nothing happens before [`next_event`](SessionDriver::next_event).
    ///
    /// # Errors
    /// Where the system has no randomness.
    pub fn new(config: Config, policy: Reconnect, dns: dns::Config) -> io::Result<SessionDriver> {
        let clock = Clock::start();
        let session = Session::new(config, policy, clock.now(), entropy()?);
        let driver = Driver::unconnected(session, clock);
        Ok(SessionDriver { driver, dns, permits: |_| true, dialing: None })
    }

    /// Takes only routes of which this is true.
    pub fn permit(&mut self, permits: fn(&Route) -> bool) {
        self.permits = permits;
    }

    /// The session, to ask.
    pub fn session(&self) -> &Session {
        self.driver.machine()
    }

    /// The session, to tell. What it wants to send goes out with the next [`next_event`](SessionDriver::next_event).
    pub fn session_mut(&mut self) -> &mut Session {
        self.driver.machine_mut()
    }

    /// The clock that goes with the session.
    pub fn clock(&self) -> Clock {
        self.driver.clock()
    }

    /// Does what there is to do until the session has an event, and returns it; `None` when the session is over.
    ///
    /// Cancel safe: dropping the future loses nothing.
    pub async fn next_event(&mut self) -> Option<Event> {
        self.next_event_or(pending::<()>()).await.ok().flatten()
    }

    /// As [`next_event`](SessionDriver::next_event), unless `interrupt` completes first: `Err` with its output.
    pub async fn next_event_or<T>(&mut self, interrupt: impl Future<Output = T>) -> Result<Option<Event>, T> {
        let mut interrupt = pin!(interrupt);
        loop {
            if let Some(event) = self.driver.next_event_or(&mut interrupt).await? {
                return Ok(Some(event));
            }
            // It has finished with this connection.
            self.driver.detach();
            if self.session().is_over() {
                return Ok(None);
            }
            self.act();
            let clock = self.clock();
            let deadline = self.session().deadline().and_then(|deadline| clock.to_std(deadline.at));
            tokio::select! {
                biased;
                output = &mut interrupt => return Err(output),
                outcome = dial(&mut self.dialing, &self.dns, self.permits) => self.dialed(outcome),
                () = alarm_at(deadline) => {}
            }
            self.session_mut().tick(clock.now());
        }
    }

    fn act(&mut self) {
        while let Some(action) = self.session_mut().poll_action() {
            match action {
                Action::Dial(targets) => {
                    self.dialing = Some(Dialing { dialer: None, rest: targets.into_iter() });
                }
                Action::Abort => self.dialing = None,
                _ => {}
            }
        }
    }

    fn dialed(&mut self, outcome: Result<(TcpStream, Route), Failure>) {
        self.dialing = None;
        let now = self.clock().now();
        match outcome {
            Ok((socket, route)) => {
                if self.session_mut().connected(now, route.security).is_ok()
                    && self.driver.attach(socket).is_err()
                {
                    // A socket that fails is a connection that is lost.
                    self.driver.detach();
                    self.session_mut().receive_eof(now);
                }
            }
            Err(failure) => self.session_mut().dial_failed(now, &failure),
        }
    }
}

/// Getting through, as far as it is.
#[derive(Debug)]
struct Dialing {
    dialer: Option<Dialer>,
    rest: std::vec::IntoIter<Target>,
}

/// Gets through to one of the targets. Cancel safe, since what has been begun stays where it is.
async fn dial(
    dialing: &mut Option<Dialing>,
    dns: &dns::Config,
    permits: fn(&Route) -> bool,
) -> Result<(TcpStream, Route), Failure> {
    let Some(Dialing { dialer, rest }) = dialing else { return pending().await };
    let mut failure = Failure::NoAddress;
    loop {
        if dialer.is_none() {
            let Some(target) = rest.next() else { return Err(failure) };
            // Without randomness no name can be asked for.
            *dialer = Some(Dialer::new(target, dns.clone()).map_err(|_| Failure::Unresolved)?);
        }
        let Some(current) = dialer else { continue };
        match current.dial().await {
            Ok((socket, route)) if permits(&route) => return Ok((socket, route)),
            Ok((_, route)) => current.give_up(&route, NOT_PERMITTED),
            Err(error) => (failure, *dialer) = (error, None),
        }
    }
}

async fn alarm_at(at: Option<std::time::Instant>) {
    match at {
        Some(at) => sleep_until(Instant::from_std(at)).await,
        None => pending().await,
    }
}
