//! A client that stays: one session over as many connections as it takes (RFC 6120 section 3.3, XEP-0198 section 5).
//!
//! [`Session`] has a [`Client`] inside and is a [`Machine`] for the bytes of the connection that there is, if there is one:
//! [`is_finished`](Machine::is_finished) says that there is none, or none that is of use. Where to connect next comes out of
//! [`poll_action`](Session::poll_action); what came of it is told with [`connected`](Session::connected) or
//! [`dial_failed`](Session::dial_failed). Its owner drains three things then: bytes, events and actions.
//!
//! ```no_run
//! # use waxwing_core::client::session::{Action, Session};
//! # use waxwing_core::{dns, machine::{Instant, Machine, Now}};
//! # fn f(
//! #     mut session: Session,
//! #     dial: impl Fn(dns::Target) -> Result<dns::Security, dns::Failure>,
//! #     run_connection: impl Fn(&mut Session),
//! #     wait_until: impl Fn(Instant),
//! #     now: impl Fn() -> Now,
//! # ) {
//! while !session.is_over() {
//!     match session.poll_action() {
//!         Some(Action::Dial(targets)) => {
//!             let mut outcome = Err(dns::Failure::NoAddress);
//!             for target in targets {
//!                 outcome = outcome.or_else(|_| dial(target));
//!             }
//!             match outcome {
//!                 // From here on the run loop of every machine, until the session has finished with this connection.
//!                 Ok(security) if session.connected(now(), security).is_ok() => run_connection(&mut session),
//!                 Ok(_) => {}
//!                 Err(failure) => session.dial_failed(now(), &failure),
//!             }
//!         }
//!         Some(_) => {}
//!         None => {
//!             if let Some(deadline) = session.deadline() {
//!                 wait_until(deadline.at);
//!             }
//!             session.tick(now());
//!         }
//!     }
//!     while let Some(_event) = session.poll_event() {}
//! }
//! # }
//! ```
//!
//! # What its owner sees
//!
//! The events of its [`Client`], except that the end of a connection is [`Event::Offline`], and [`Event::Closed`] comes
//! once and last, when the session is over. After [`Event::Resumed`] nothing has happened but time: requests, roster,
//! contacts and handles go on. After [`Event::Online`] there is a new session: presence has to be sent again, and the
//! roster to be fetched.
//!
//! Stanzas can be given to [`Session::send`] at any time. What cannot be sent at once waits, within the limits of the
//! [`Config`], and keeps its handle. What a connection has not brought across goes over the next: all of it where the
//! session is resumed; in a new session the messages that never left, and where [`Config::resend`] says so also those that
//! may not have arrived, with a note of when they were written (XEP-0203). Presence, requests and messages in rooms mean
//! something else in another session: they are reported.
//!
//! # When it tries again
//!
//! | what ended the connection | what follows |
//! |---|---|
//! | the network, a time-out, a passing condition ([`Error::is_transient`]) | another attempt, after a while |
//! | direct TLS does not come about, where STARTTLS may (XEP-0368 section 4) | the next attempt leaves direct TLS out; at once where it would have been the end |
//! | `see-other-host` under TLS | an attempt there, at most [`Reconnect::redirects`] in a row; the certificate is still to name the account's domain |
//! | `see-other-host` in clear | another attempt at the account's own domain: anybody on the way can say that |
//! | anything else said in clear to an account that was online before, where TLS is due | another attempt: that need not have been the server (think of networks that want a login first) |
//! | a refused password, a broken policy, a certificate, a conflict, a defect | the end: something has to be changed first |
//!
//! A session that can be resumed is resumed; the hint of the server where (XEP-0198 section 3) is tried first, and the
//! account's domain next.
//!
//! # Congestion (BCP 41)
//!
//! A server has many clients, and they lose it all at once. RFC 2914 asks everyone on a shared network to respond to signs
//! of congestion by sending less. For one connection TCP does so, and [`read_budget`](Machine::read_budget) lets it. Connections
//! that are made again and again are another matter: each begins anew with packets and with key agreements that no window
//! holds back. So, with the defaults of [`Reconnect`]:
//!
//! - After a loss that others may have had at the same moment the first attempt comes at a random time within a minute. A
//!   thousand clients cut at once come back as about 17 each second, evenly.
//! - Each failure doubles the window, up to ten minutes, and the time within it is random each time ("full jitter"), so that
//!   those who met once do not meet again. A server that is gone sees about 15 attempts of a client in the first hour and 12 in
//!   every other.
//! - One wait in an outage is cut short, to a random time, where the session could not be resumed after it any more: to resume
//!   costs a server less than a new session does.
//! - A login that does not last counts as a failure: it has cost the server more than a refused connection. Only a minute
//!   online makes the windows short again.
//! - Losses that are a client's own (silence, no network) begin with a window of five seconds, which doubles like the other.
//! - Nothing makes one attempt follow another within a second: no redirection, no server that accepts and closes at once,
//!   and not the owner ([`retry_now`](Session::retry_now), [`network_changed`](Session::network_changed)). Who owns many
//!   sessions spreads such calls.
//! - One attempt is one TCP connection at a time, except where addresses are raced (RFC 8305), and there the second starts
//!   only when the first has not answered in a quarter of a second.

mod backoff;
mod config;
mod inside;
mod life;
mod location;
mod verdict;

pub use config::Reconnect;

use super::{Client, Config, Error, Event, Misuse, SendError, StanzaHandle, TlsMode};
use crate::dns::{Failure, Security, Target};
use crate::machine::{Deadline, Entropy, Instant, Machine, Now, Reason};
use crate::stanza::Stanza;
use backoff::Backoff;
use std::collections::VecDeque;

/// One session, over as many connections as it takes. See the [module](self).
#[derive(Debug)]
pub struct Session {
    client: Client,
    policy: Reconnect,
    /// Where the account's server is, if nobody has said anything else.
    domain: Target,
    /// How TLS is done.
    tls: TlsMode,
    backoff: Backoff,
    state: State,
    wish: Wish,
    actions: VecDeque<Action>,
    events: VecDeque<Event>,
    /// Since when the present connection is online.
    online: Option<Instant>,
    was_online: bool,
    route: Route,
    clock: Now,
}

/// What the owner of a [`Session`] is to do.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Action {
    /// Get through to one of these, tried in this order, then call [`Session::connected`], or [`Session::dial_failed`] for the
    /// last of them.
    Dial(Vec<Target>),
    /// Give up getting through: the answer is not wanted any more.
    Abort,
}

/// How far it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// The owner has been asked to get through.
    Dialing,
    /// There is a connection.
    Connected,
    /// It is not time yet.
    Waiting(Instant),
    /// Offline, as the owner wants it.
    Asleep,
    /// Over, except for what the client still has to tell.
    Ending,
    /// For good.
    Over,
}

/// What the owner wants, or what has been decided.
#[derive(Clone, PartialEq, Debug)]
enum Wish {
    Online,
    Offline,
    /// Online, but what is being closed has to be closed first.
    Reopen,
    /// The end, with this result.
    End(Result<(), Error>),
}

/// Where to connect, by what servers have said.
#[derive(Debug)]
struct Route {
    /// When TLS began on the last connection.
    security: Security,
    /// Where the server wants to see us.
    redirection: Option<Target>,
    /// That was said just now: the next attempt goes there and nowhere else.
    is_due: bool,
    /// How many times in a row it was said.
    redirections: u32,
    /// Where the session is that can be resumed.
    hint: Option<Target>,
    /// Direct TLS has been of no use, so it is left out.
    shuns_direct: bool,
    /// Why it was of none, while nothing has come of leaving it out.
    fault: Option<Error>,
}

impl Session {
    /// A session for the account of `config`. The first attempt is to be made at once.
    ///
    /// What counts of [`Config::tls`] is how TLS is done (inside, outside, not at all); when it begins is for each
    /// connection to say.
    pub fn new(config: Config, policy: Reconnect, now: Now, mut entropy: Entropy) -> Session {
        let backoff = Backoff::new(now.instant, entropy.fork());
        let mut session = Session {
            domain: Target::Client(config.account.domain().to_owned()),
            tls: config.tls.clone(),
            client: Client::unconnected(config, now, entropy),
            policy,
            backoff,
            state: State::Asleep,
            wish: Wish::Online,
            actions: VecDeque::new(),
            events: VecDeque::new(),
            online: None,
            was_online: false,
            route: Route {
                security: Security::StartTls,
                redirection: None,
                is_due: false,
                redirections: 0,
                hint: None,
                shuns_direct: false,
                fault: None,
            },
            clock: now,
        };
        session.dial(now);
        session
    }

    /// What there is to do, oldest first. To be drained as the events are.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// There is a fresh connection, on which TLS begins then. From here on its bytes are the session's.
    ///
    /// # Errors
    /// [`Misuse::NotDialing`] if none is wanted (any more): close it.
    pub fn connected(&mut self, now: Now, security: Security) -> Result<(), Misuse> {
        self.clock = now;
        if self.state != State::Dialing {
            return Err(Misuse::NotDialing);
        }
        self.begin(now, security);
        Ok(())
    }

    /// There is no connection to be had, and this is why. Nothing happens if none was wanted (any more).
    pub fn dial_failed(&mut self, now: Now, failure: &Failure) {
        self.clock = now;
        if self.state == State::Dialing {
            self.on_dial_failed(failure);
        }
    }

    /// Queues a stanza, as [`Client::send`] does, whether there is a connection or not.
    ///
    /// # Errors
    /// What is wrong; the stanza is then not queued.
    pub fn send(&mut self, now: Now, stanza: impl Into<Stanza>) -> Result<StanzaHandle, SendError> {
        self.clock = now;
        self.client.send(now, stanza)
    }

    /// The network has changed: another way out, or one again after none. What failed before says nothing any more, so the
    /// next attempt is made at once; a connection that is online is asked for a sign of life.
    pub fn network_changed(&mut self, now: Now) {
        self.clock = now;
        self.backoff.forget();
        self.route.shuns_direct = false;
        match self.state {
            State::Dialing => {
                self.actions.push_back(Action::Abort);
                self.state = State::Waiting(self.backoff.soonest(now.instant, &self.policy));
            }
            State::Waiting(_) => self.retry_now(now),
            State::Connected => self.client.probe(now),
            State::Asleep | State::Ending | State::Over => {}
        }
    }

    /// Makes the next attempt at once, if there is to be one: somebody does not want to wait.
    pub fn retry_now(&mut self, now: Now) {
        self.clock = now;
        if matches!(self.state, State::Waiting(_)) {
            self.state = State::Waiting(self.backoff.soonest(now.instant, &self.policy));
        }
    }

    /// Goes offline until [`go_online`](Session::go_online): closes the connection in good order. Messages wait from then on.
    pub fn go_offline(&mut self, now: Now) {
        self.clock = now;
        match self.wish {
            Wish::Online => {
                self.wish = Wish::Offline;
                self.stop(now);
            }
            Wish::Reopen => self.wish = Wish::Offline,
            Wish::Offline | Wish::End(_) => {}
        }
    }

    /// Goes online again, at once.
    pub fn go_online(&mut self, now: Now) {
        self.clock = now;
        match (&self.wish, self.state) {
            (Wish::Offline, State::Asleep) => self.reopen(),
            (Wish::Offline, _) => self.wish = Wish::Reopen,
            _ => {}
        }
    }

    /// Ends the session in good order. What is queued goes out first, if there is a connection that is online; what has not
    /// been sent or acknowledged is told before [`Event::Closed`].
    pub fn close(&mut self, now: Now) {
        self.clock = now;
        if !matches!(self.wish, Wish::End(_)) {
            self.wish = Wish::End(Ok(()));
            self.stop(now);
        }
    }

    /// The client inside: what is known of people, and how the connection is. There is one at all times, whether it is
    /// connected or not.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The client inside, for everything that it offers. [`Client::close`] ends the session.
    pub fn client_mut(&mut self) -> &mut Client {
        &mut self.client
    }

    /// True while stanzas can flow.
    pub fn is_online(&self) -> bool {
        self.client.is_online()
    }

    /// True once the session is over: nothing but events will come out of it.
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// When the next attempt will be made, where that is a matter of time.
    pub fn next_attempt(&self) -> Option<Instant> {
        match self.state {
            State::Waiting(until) => Some(until),
            _ => None,
        }
    }
}

impl Machine for Session {
    type Event = Event;

    fn receive(&mut self, now: Now, input: &[u8]) {
        self.clock = now;
        if self.state == State::Connected {
            self.client.receive(now, input);
        }
    }

    fn receive_eof(&mut self, now: Now) {
        self.clock = now;
        if self.state == State::Connected {
            self.client.receive_eof(now);
        }
    }

    fn transmit(&mut self, out: &mut Vec<u8>) -> usize {
        self.client.transmit(out)
    }

    fn poll_event(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            let event = self.client.poll_event()?;
            if let Some(event) = self.on_event(event) {
                return Some(event);
            }
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        let own = self.next_attempt().map(|at| Deadline { at, reason: Reason::Reconnect });
        Deadline::earlier(self.client.deadline(), own)
    }

    fn tick(&mut self, now: Now) {
        self.clock = now;
        self.client.tick(now);
        if self.next_attempt().is_some_and(|at| at <= now.instant) {
            self.dial(now);
        }
    }

    fn read_budget(&self) -> usize {
        self.client.read_budget()
    }

    /// True while there is no connection, and when the one that was there is of no use any more.
    fn is_finished(&self) -> bool {
        self.client.is_finished()
    }
}
