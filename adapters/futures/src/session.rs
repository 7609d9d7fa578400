//! One session over as many streams as it takes.

use std::future::{Future, pending, poll_fn};
use std::io;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Instant;

use waxwing_core::client::session::{Action, Reconnect, Session};
use waxwing_core::client::{Config, Event};
use waxwing_core::dns::{self, Route};
use waxwing_core::machine::Machine as _;
use waxwing_std::{Clock, entropy};

use crate::dial::{Outcome, get_through};
use crate::{Adopts, Driver, Runtime, Task};

/// Runs a [`Session`]: gets through to its server, drives it over the connection, and again when that breaks.
pub struct SessionDriver<R: Runtime> {
    driver: Driver<Session, R>,
    dns: dns::Config,
    permits: fn(&Route) -> bool,
    dialing: Option<Task<Outcome<R>>>,
    alarm: Option<(Instant, Task<()>)>,
}

impl<R: Runtime> std::fmt::Debug for SessionDriver<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionDriver").field("driver", &self.driver).finish_non_exhaustive()
    }
}

impl<R: Adopts> SessionDriver<R> {
    /// A session that begins. Nothing happens before [`next_event`](SessionDriver::next_event).
    ///
    /// # Errors
    /// Where the system has no randomness.
    pub fn new(config: Config, policy: Reconnect, dns: dns::Config) -> io::Result<SessionDriver<R>> {
        let clock = Clock::start();
        let session = Session::new(config, policy, clock.now(), entropy()?);
        let driver = Driver::unconnected(session, clock);
        Ok(SessionDriver { driver, dns, permits: |_| true, dialing: None, alarm: None })
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
            poll_fn(|cx| match interrupt.as_mut().poll(cx) {
                Poll::Ready(output) => Poll::Ready(Err(output)),
                Poll::Pending => self.poll_dialing(cx).map(Ok),
            })
            .await?;
        }
    }

    fn act(&mut self) {
        while let Some(action) = self.session_mut().poll_action() {
            match action {
                Action::Dial(targets) => {
                    let (dns, permits) = (self.dns.clone(), self.permits);
                    self.dialing = Some(get_through::<R>(targets, dns, permits));
                }
                Action::Abort => self.dialing = None,
                _ => {}
            }
        }
    }

    /// Ready when something has come of getting through, or of waiting for it.
    fn poll_dialing(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(dialing) = &mut self.dialing
            && let Poll::Ready(outcome) = dialing.as_mut().poll(cx)
        {
            self.dialing = None;
            self.dialed(outcome);
            return Poll::Ready(());
        }
        let clock = self.clock();
        let deadline = self.session().deadline().and_then(|deadline| clock.to_std(deadline.at));
        let Some(at) = deadline else { return Poll::Pending };
        if self.alarm.as_ref().is_none_or(|(set, _)| *set != at) {
            self.alarm = Some((at, R::sleep(at.saturating_duration_since(Instant::now()))));
        }
        let Some((_, alarm)) = &mut self.alarm else { return Poll::Pending };
        if alarm.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.alarm = None;
        self.session_mut().tick(clock.now());
        Poll::Ready(())
    }

    fn dialed(&mut self, outcome: Outcome<R>) {
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
