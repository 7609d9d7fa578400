//! From one connection to the next.

use super::verdict::{Doubt, Scope, Verdict, judge};
use super::{Action, Session, State, Wish, location};
use crate::client::{Environment, Error, Event, Missing, TlsMode};
use crate::dns::{Failure, Security, Target};
use crate::machine::{Instant, Now};

impl Session {
    /// Has the owner get through.
    pub(super) fn dial(&mut self, now: Now) {
        let mut targets = self.policy.targets.clone();
        if targets.is_empty() {
            targets.push(self.domain.clone());
        }
        if self.route.shuns_direct {
            targets = without_direct(targets);
        }
        match (&self.route.redirection, &self.route.hint) {
            (Some(there), _) if self.route.is_due => targets = vec![there.clone()],
            // XEP-0198 section 3: where the hint leads nowhere, the domain decides.
            (_, Some(there)) => targets.insert(0, there.clone()),
            _ => {}
        }
        self.backoff.attempt(now.instant);
        self.state = State::Dialing;
        self.actions.push_back(Action::Dial(targets));
    }

    /// A connection has been made.
    pub(super) fn begin(&mut self, now: Now, security: Security) {
        if !core::mem::take(&mut self.route.is_due) {
            self.route.redirection = None;
        }
        self.route.security = security;
        self.state = State::Connected;
        self.client.carry_on(now, mode(&self.tls, security));
    }

    /// Looks at what the client tells its owner, and changes what does not hold for the session.
    pub(super) fn on_event(&mut self, event: Event) -> Option<Event> {
        let is_kept = matches!(self.wish, Wish::Offline | Wish::Reopen);
        match event {
            Event::Online(_) | Event::Resumed(_) => {
                self.backoff.online();
                self.online = Some(self.clock.instant);
                self.was_online = true;
                self.route.fault = None;
                Some(event)
            }
            Event::Unsent { .. } | Event::Unacknowledged { .. } if is_kept => {
                self.client.take_back(self.clock, event)
            }
            Event::Interrupted(error) => {
                self.on_lost(error);
                None
            }
            Event::Closed(result) => {
                self.on_closed(result);
                None
            }
            event => Some(event),
        }
    }

    /// The client is over in good order: errors only interrupt it.
    fn on_closed(&mut self, result: Result<(), Error>) {
        match &self.wish {
            // Somebody has closed the client itself.
            Wish::Online => self.finish(result),
            Wish::Offline => self.fall_asleep(),
            Wish::Reopen => self.reopen(),
            Wish::End(verdict) => self.finish(verdict.clone()),
        }
    }

    /// The connection is gone.
    fn on_lost(&mut self, error: Error) {
        if !self.client.is_interrupted() {
            // It has been given up since; that is told next.
            return;
        }
        if !self.client.can_resume() {
            self.client.start_over(self.clock);
        }
        let online = self.online.take();
        self.note_hint(online.is_some());
        match self.wish {
            Wish::Online => self.go_on(error, online),
            Wish::Offline => self.fall_asleep(),
            Wish::Reopen => self.reopen(),
            Wish::End(_) => self.end(),
        }
    }

    /// Remembers where to resume: where the server says, or where it sent us before.
    fn note_hint(&mut self, was_online: bool) {
        let is_of_use = was_online && self.client.can_resume() && self.client.tls().is_some();
        let said = self.client.location().and_then(|there| location::target(there, self.route.security));
        self.route.hint = said.or_else(|| self.route.redirection.clone()).filter(|_| is_of_use);
    }

    /// Decides what the end of this connection means for the next.
    fn go_on(&mut self, error: Error, online: Option<Instant>) {
        let is_secured = self.client.tls().is_some();
        let is_due = !matches!(self.tls, TlsMode::Plaintext);
        let doubt = match (is_secured, is_due && self.was_online) {
            (true, _) => Doubt::Nothing,
            (false, false) => Doubt::Redirections,
            (false, true) => Doubt::Everything,
        };
        if online.is_some_and(|since| self.clock.instant - since >= self.policy.settled_after) {
            self.route.redirections = 0;
        }
        self.route.fault = None;
        let falls_back = online.is_none() && !is_secured && self.falls_back();
        // What was left out so far may be what is right.
        self.route.shuns_direct &= online.is_some();
        self.route.shuns_direct |= falls_back;
        match judge(&error, doubt) {
            Verdict::Never if falls_back && matches!(error, Error::Tls(_)) => {
                self.route.fault = Some(error.clone());
                self.wait_until(error, self.backoff.soonest(self.clock.instant, &self.policy));
            }
            Verdict::Never => self.give_up(error),
            Verdict::Again(scope) => self.retry(error, online, scope),
            Verdict::Elsewhere(there) => match location::target(&there, self.route.security) {
                Some(there) if self.route.redirections < self.policy.redirects => {
                    self.route.redirections += 1;
                    (self.route.redirection, self.route.is_due) = (Some(there), true);
                    self.wait_until(error, self.backoff.soonest(self.clock.instant, &self.policy));
                }
                _ => self.retry(error, online, Scope::Many),
            },
        }
    }

    /// Direct TLS has not come about, and there is something else. A load balancer that does not know XMPP by its name (ALPN),
    /// or a network that lets no other TLS through than that of the web, need not be the end.
    fn falls_back(&self) -> bool {
        let is_own = self.route.redirection.is_none();
        let others = || without_direct(self.policy.targets.clone());
        is_own
            && self.route.security == Security::Direct
            && (self.policy.targets.is_empty() || !others().is_empty())
    }

    /// Nobody could be reached.
    pub(super) fn on_dial_failed(&mut self, failure: &Failure) {
        let fault = self.route.fault.take();
        let shunned = core::mem::take(&mut self.route.shuns_direct);
        // What is final of the account's own domain is not of another, nor of a part of it.
        let is_own = !self.route.is_due && self.route.hint.is_none() && !shunned;
        let text = failure.to_string();
        match (failure, fault) {
            // There is direct TLS and nothing else.
            (Failure::NotOffered, Some(fault)) => self.give_up(fault),
            (Failure::BadName | Failure::NotOffered, _) if is_own => {
                self.give_up(Error::Missing(Missing::Server(text)));
            }
            _ => self.retry(Error::Environment(Environment::Unreachable(text)), None, Scope::Alone),
        }
    }

    /// Tries again after a while, where it usually does, unless that is pointless by now.
    fn retry(&mut self, error: Error, online: Option<Instant>, scope: Scope) {
        (self.route.redirection, self.route.is_due, self.route.redirections) = (None, false, 0);
        if !self.was_online && !self.policy.from_the_start {
            return self.give_up(error);
        }
        match self.backoff.lost(self.clock.instant, online, scope, self.client.resumable_for(), &self.policy)
        {
            Some(at) => self.wait_until(error, at),
            None => self.give_up(error),
        }
    }

    fn wait_until(&mut self, error: Error, at: Instant) {
        self.state = State::Waiting(at);
        self.events.push_back(Event::Offline { error: Some(error), until: Some(at) });
    }

    /// It cannot go on.
    fn give_up(&mut self, error: Error) {
        self.wish = Wish::End(Err(error));
        self.end();
    }

    /// The owner wants no connection, now or for good.
    pub(super) fn stop(&mut self, now: Now) {
        match self.state {
            State::Connected => self.client.close(now),
            State::Dialing => {
                self.actions.push_back(Action::Abort);
                self.stopped();
            }
            State::Waiting(_) | State::Asleep => self.stopped(),
            State::Ending | State::Over => {}
        }
    }

    fn stopped(&mut self) {
        match self.wish {
            Wish::End(_) => self.end(),
            _ => self.fall_asleep(),
        }
    }

    fn fall_asleep(&mut self) {
        self.online = None;
        self.client.rest();
        if self.state != State::Asleep {
            self.state = State::Asleep;
            self.events.push_back(Event::Offline { error: None, until: None });
        }
    }

    /// The owner wanted it closed, and has changed its mind.
    pub(super) fn reopen(&mut self) {
        self.fall_asleep();
        self.wish = Wish::Online;
        self.backoff.restart(self.clock.instant);
        self.state = State::Waiting(self.backoff.soonest(self.clock.instant, &self.policy));
    }

    /// There is no connection, and there will be none. What the client has kept for the next one it tells first.
    fn end(&mut self) {
        self.state = State::Ending;
        self.client.abandon(self.clock);
    }

    fn finish(&mut self, verdict: Result<(), Error>) {
        self.state = State::Over;
        self.events.push_back(Event::Closed(verdict));
    }
}

/// What is left without direct TLS.
fn without_direct(targets: Vec<Target>) -> Vec<Target> {
    let left = targets.into_iter().filter_map(|target| match target {
        Target::Client(domain) => Some(Target::ClientStartTls(domain)),
        Target::Host { security: Security::Direct, .. } => None,
        other => Some(other),
    });
    left.collect()
}

/// TLS is done as configured, and begins when this connection says.
fn mode(configured: &TlsMode, security: Security) -> TlsMode {
    match (configured, security) {
        #[cfg(feature = "tls")]
        (TlsMode::StartTls(tls) | TlsMode::Direct(tls), Security::StartTls) => TlsMode::StartTls(tls.clone()),
        #[cfg(feature = "tls")]
        (TlsMode::StartTls(tls) | TlsMode::Direct(tls), Security::Direct) => TlsMode::Direct(tls.clone()),
        (TlsMode::Plaintext, _) => TlsMode::Plaintext,
        (TlsMode::StartTlsOutside | TlsMode::Outside, Security::StartTls) => TlsMode::StartTlsOutside,
        (TlsMode::StartTlsOutside | TlsMode::Outside, Security::Direct) => TlsMode::Outside,
    }
}
