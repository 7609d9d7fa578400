//! One session over as many sockets as it takes, in the caller's thread.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

use waxwing_core::client::session::{Action, Reconnect, Session};
use waxwing_core::client::{Config, Event};
use waxwing_core::dns::{self, Failure, Route, Target};
use waxwing_core::machine::Machine as _;

use crate::dial::get_through;
use crate::{Clock, Driver, entropy};

/// As long as anything can take that ends by itself.
const LONG: Duration = Duration::from_secs(3600);

/// Runs a [`Session`]: gets through to its server (in a thread, since that blocks), drives it over the connection, and again
/// when that breaks.
///
/// ```no_run
/// # fn f(config: waxwing_core::client::Config) -> std::io::Result<()> {
/// use waxwing_core::client::session::Reconnect;
/// use waxwing_std::{SessionDriver, dial::system_config};
///
/// let mut driver = SessionDriver::new(config, Reconnect::default(), system_config())?;
/// while let Some(event) = driver.next_event(None) {
///     println!("{event:?}");
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct SessionDriver {
    driver: Driver<Session>,
    dns: dns::Config,
    permits: fn(&Route) -> bool,
    /// What comes of getting through, and the sign that somebody waits for it.
    dialing: Option<(Receiver<Outcome>, Arc<()>)>,
}

type Outcome = Result<(TcpStream, Route), Failure>;

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

    /// Does what there is to do and waits for the next event, at most for `patience` (`None`: as long as it takes).
    ///
    /// `None`: patience is over, or the session is and everything has been reported, or it is offline because the caller
    /// wants it so.
    pub fn next_event(&mut self, patience: Option<Duration>) -> Option<Event> {
        let give_up = patience.and_then(|patience| Instant::now().checked_add(patience));
        loop {
            let left = give_up.map(|at| at.saturating_duration_since(Instant::now()));
            match self.driver.next_event(left) {
                Ok(Some(event)) => return Some(event),
                Ok(None) if !self.session().is_finished() => return None,
                Ok(None) => {}
                // A socket that fails is a connection that is lost.
                Err(_) => {
                    self.driver.lose();
                    continue;
                }
            }
            self.act();
            let now = Instant::now();
            if self.session().is_over() || give_up.is_some_and(|at| at <= now) {
                return None;
            }
            let clock = self.clock();
            let deadline = self.session().deadline().and_then(|deadline| clock.to_std(deadline.at));
            match [give_up, deadline].into_iter().flatten().min() {
                Some(at) => self.wait(at.saturating_duration_since(now)),
                None if self.dialing.is_some() => self.wait(LONG),
                // It is offline on purpose, and only the caller can change that.
                None => return None,
            }
            self.session_mut().tick(clock.now());
        }
    }

    fn act(&mut self) {
        while let Some(action) = self.session_mut().poll_action() {
            match action {
                Action::Dial(targets) => self.dialing = Some(dial(targets, &self.dns, self.permits)),
                // The thread notices that nobody waits any more.
                Action::Abort => self.dialing = None,
                _ => {}
            }
        }
    }

    /// Waits for a connection, or just lets the time pass.
    fn wait(&mut self, wait: Duration) {
        let Some((dialing, _)) = &self.dialing else { return std::thread::sleep(wait) };
        let outcome = match dialing.recv_timeout(wait) {
            Ok(outcome) => outcome,
            Err(RecvTimeoutError::Timeout) => return,
            Err(RecvTimeoutError::Disconnected) => Err(Failure::Timeout),
        };
        self.dialing = None;
        let now = self.clock().now();
        match outcome {
            Ok((socket, route)) => {
                if self.session_mut().connected(now, route.security).is_ok()
                    && self.driver.attach(socket).is_err()
                {
                    self.driver.lose();
                }
            }
            Err(failure) => self.session_mut().dial_failed(now, &failure),
        }
    }
}

/// Gets through in a thread. One that is not wanted any more opens no further socket, and ends.
fn dial(
    targets: Vec<Target>,
    dns: &dns::Config,
    permits: fn(&Route) -> bool,
) -> (Receiver<Outcome>, Arc<()>) {
    let (tell, told) = channel();
    let owner = Arc::new(());
    let wanted_by = Arc::downgrade(&owner);
    let dns = dns.clone();
    let work = move || {
        let _ = tell.send(get_through(targets, &dns, permits, &wanted_by));
    };
    // Where there is no thread to be had the channel is closed, which counts as a failure.
    let _ = Builder::new().name("waxwing-session".into()).spawn(work);
    (told, owner)
}
