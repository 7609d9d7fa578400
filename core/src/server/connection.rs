//! One client's connection: bytes on one side; questions, stanzas and the end on the other. It knows no other connection.
//!
//! # From connecting to closing
//!
//! | the peer sends | it gets, or the owner does | RFC 6120 |
//! |---|---|---|
//! | stream header | stream header, features: STARTTLS, or mechanisms | 4.3, 5.4.1, 6.4.1 |
//! | `<starttls/>` | `<proceed/>`, then TLS and all over again | 5.4.2, 5.4.3 |
//! | iq with `<query/>` of registration | what to fill in; or [`Event::Register`], then a result or an error | XEP-0077 |
//! | `<auth/>`, `<response/>` | [`Event::Lookup`] or a verdict asked for, `<challenge/>`, `<success/>` or `<failure/>` | 6.4 |
//! | `<authenticate/>` | all of that and what follows at once, on the same stream | XEP-0388, XEP-0386, XEP-0484 |
//! | stream header | stream header, features: bind | 6.4.6, 7.4 |
//! | iq with `<bind/>` | [`Event::Bind`], then the address or an error | 7.6, 7.7 |
//! | `<resume/>` | [`Event::Resume`], then `<resumed/>` or `<failed/>` | XEP-0198 |
//! | stanzas | [`Event::Stanza`] | 8 |
//! | `<enable/>`, `<r/>`, `<a/>` | [`Event::Enable`], [`Event::AcknowledgementRequested`], [`Event::Acknowledged`] | XEP-0198 |
//! | `<active/>`, `<inactive/>` | [`Event::ClientState`] | XEP-0352 |
//! | `</stream:stream>` | `</stream:stream>`, [`Event::Closed`] | 4.4 |
//!
//! # Answers that take time
//!
//! Between a question and its answer nothing of the peer's is looked at: what has come already is held back, up to a limit, and
//! [`read_budget`](Machine::read_budget) is 0. So the order of what happens never depends on how fast the owner answers.

mod auth;
mod bind;
mod config;
mod event;
mod exchange;
mod fast;
mod management;
mod negotiation;
mod register;
mod sasl2;
mod session;
#[cfg(test)]
mod tests;

use crate::jid::FullJid;
use crate::machine::{Deadline, Entropy, Instant, Machine, Now, Reason};
use crate::ns;
use crate::sasl;
use crate::server::bind::{Enabled, Granted};
use crate::server::output::Unavailable;
use crate::server::store::StoredTokens;
use crate::stanza::{Stanza, StanzaError};
use crate::stream::{self, Condition, Incoming, Role, Stream, StreamError, TlsInfo};
use std::collections::VecDeque;
use std::sync::Arc;

pub use config::{Config, KeepAlive, Sasl2, Tokens};
pub use event::{Event, SessionFacts};
pub use management::Acknowledgements;
use negotiation::Negotiation;
use session::Session;

/// How the bytes of a new connection travel.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Transport {
    /// In the clear; the client may, or must, ask for STARTTLS (RFC 6120 section 5).
    #[default]
    Plain,
    /// TLS from the first byte, done here (XEP-0368).
    DirectTls,
    /// The owner does TLS, and this is what came of it.
    Secured(TlsInfo),
}

/// The server's side of a client's connection. See the [module](self).
#[derive(Debug)]
pub struct Connection {
    link: Link,
    state: State,
    /// What the peer sent behind something that the owner has to answer first. Empty unless that is awaited.
    held: Vec<u8>,
}

#[derive(Debug)]
enum State {
    Negotiating(Box<Negotiation>),
    Bound(Session),
    /// What the peer still sends does not matter any more.
    Over,
}

/// What every stage of a connection works with.
#[derive(Debug)]
struct Link {
    config: Arc<Config>,
    stream: Stream,
    /// The next event. Most often it is the only one, and then `events` need not allocate.
    first: Option<Event>,
    /// Those behind it.
    events: VecDeque<Event>,
}

impl Connection {
    /// A connection that has just been accepted. `entropy` must not have been used for anything else.
    pub fn new(config: Arc<Config>, transport: Transport, entropy: Entropy, now: Now) -> Connection {
        let stream_config =
            stream::Config { role: Role::Receiver, content_ns: ns::CLIENT, limits: config.unauthenticated };
        let stream = Stream::new(stream_config, now);
        let mut link = Link { config, stream, first: None, events: VecDeque::new() };
        let negotiation = Negotiation::new(&mut link, entropy, now);
        let state = State::Negotiating(Box::new(negotiation));
        let mut connection = Connection { link, state, held: Vec::new() };
        match transport {
            Transport::Plain => {}
            Transport::Secured(info) => connection.link.stream.secured_outside(info),
            Transport::DirectTls => connection.start_direct_tls(now),
        }
        connection
    }

    /// The answer to [`Event::StartTls`]: the owner has done the handshake. What the client sent in the clear behind its
    /// `<starttls/>` ends the stream: it must not be taken for something that came over TLS.
    pub fn secured(&mut self, now: Now, info: TlsInfo) {
        if !self.held.is_empty() {
            let error = StreamError::new(Condition::NotAuthorized).with_text("TLS was to begin here.");
            return self.close(now, error);
        }
        if let State::Negotiating(negotiation) = &mut self.state {
            negotiation.secured_outside(&mut self.link, info);
            self.resume(now);
        }
    }

    /// The answer to [`Event::Lookup`]; `None`: there is no such account.
    pub fn credentials(&mut self, now: Now, stored: Result<Option<sasl::StoredCredentials>, Unavailable>) {
        if let State::Negotiating(negotiation) = &mut self.state {
            negotiation.credentials(&mut self.link, now, stored);
            self.resume(now);
        }
    }

    /// The answer to [`Event::LookupTokens`]; `None`: there is no such account.
    pub fn tokens(&mut self, now: Now, stored: Result<Option<StoredTokens>, Unavailable>) {
        if let State::Negotiating(negotiation) = &mut self.state {
            negotiation.tokens(&mut self.link, now, stored);
            self.resume(now);
        }
    }

    /// The answer to [`Event::ChangeTokens`]: it is durable, or it is not known whether it is.
    pub fn tokens_changed(&mut self, now: Now, result: Result<(), Unavailable>) {
        if let State::Negotiating(negotiation) = &mut self.state {
            negotiation.tokens_changed(&mut self.link, now, result);
            self.resume(now);
        }
    }

    /// The answer to [`Event::TokenVerdict`] and [`Event::CertificateVerdict`]: the local part of the account that the client
    /// may log in to, or why it may not.
    pub fn verdict(&mut self, now: Now, verdict: Result<String, sasl::Condition>) {
        if let State::Negotiating(negotiation) = &mut self.state {
            negotiation.verdict(&mut self.link, now, verdict);
            self.resume(now);
        }
    }

    /// The answer to [`Event::Register`]: the account is there, or what the client is told.
    pub fn registered(&mut self, now: Now, result: Result<(), StanzaError>) {
        if let State::Negotiating(negotiation) = &mut self.state {
            negotiation.registered(&mut self.link, now, result);
            self.resume(now);
        }
    }

    /// An answer to [`Event::Bind`]: the session exists, has this address, and of what was asked for what is granted.
    pub fn bound(&mut self, now: Now, jid: FullJid, granted: Granted) {
        if let State::Negotiating(negotiation) = &mut self.state {
            if let Some(session) = negotiation.bound(&mut self.link, now, jid, granted) {
                self.state = State::Bound(session);
                // Many sessions send little from here on.
                self.link.stream.release();
            }
            self.resume(now);
        }
    }

    /// An answer to [`Event::Bind`]: there is no such session. The client may try again.
    pub fn bind_refused(&mut self, now: Now, error: StanzaError) {
        if let State::Negotiating(negotiation) = &mut self.state {
            negotiation.bind_refused(&mut self.link, now, error);
            self.resume(now);
        }
    }

    /// An answer to [`Event::Resume`]: the connection has the session now. What its client has not got is to be delivered anew.
    pub fn resumed(&mut self, now: Now, jid: FullJid, previd: String, h: u32) {
        if let State::Negotiating(negotiation) = &mut self.state {
            if let Some(session) = negotiation.resumed(&mut self.link, now, jid, previd, h) {
                self.state = State::Bound(session);
                self.link.stream.release();
            }
            self.resume(now);
        }
    }

    /// An answer to [`Event::Resume`]: there is no such session, but there was one that had handled `h` stanzas of the client's.
    /// The client may bind a resource.
    pub fn resume_refused(&mut self, now: Now, h: Option<u32>) {
        if let State::Negotiating(negotiation) = &mut self.state {
            negotiation.resume_refused(&mut self.link, now, h);
            self.resume(now);
        }
    }

    /// The client's stanzas are acknowledged, as it has [asked](Event::Enable): what is delivered from here on is counted.
    pub fn enabled(&mut self, now: Now, enabled: Enabled) {
        if let State::Bound(session) = &mut self.state {
            session.enabled(&mut self.link, enabled);
            self.pump(now, &mut &[][..]);
        }
    }

    /// Tells the client that `h` of its stanzas have been handled, modulo 2^32.
    pub fn acknowledge(&mut self, now: Now, h: u32) {
        if let State::Bound(session) = &mut self.state {
            session.acknowledge(&mut self.link, h);
            self.pump(now, &mut &[][..]);
        }
    }

    /// Sends a stanza to the client, as it is. Dropped unless a resource is bound. A client for which too much is waiting
    /// already is closed with resource-constraint ([`Limits::max_queued`](crate::stream::Limits::max_queued)).
    pub fn deliver(&mut self, now: Now, stanza: &Stanza) {
        if let State::Bound(session) = &mut self.state {
            self.link.stream.send_with(|out, scope| stanza.write(out, scope));
            session.delivered(&mut self.link, now);
            self.pump(now, &mut &[][..]);
        }
    }

    /// Ends the stream with an error: conflict, system-shutdown, ...
    pub fn close(&mut self, now: Now, error: StreamError) {
        self.held = Vec::new();
        if !matches!(self.state, State::Over) {
            self.state = State::Over;
            self.link.stream.fail(now, error);
        }
        self.pump(now, &mut &[][..]);
    }

    /// What is known of the session.
    pub fn session_facts(&self) -> SessionFacts<'_> {
        let tls = self.link.stream.tls();
        let none = SessionFacts { jid: None, account: None, mechanism: None, tls };
        match &self.state {
            State::Negotiating(negotiation) => match negotiation.account() {
                Some(account) => {
                    SessionFacts { account: Some(&account.jid), mechanism: Some(account.mechanism), ..none }
                }
                None => none,
            },
            State::Bound(session) => SessionFacts {
                jid: Some(session.jid()),
                account: Some(session.account()),
                mechanism: Some(session.mechanism()),
                tls,
            },
            State::Over => none,
        }
    }

    /// True if [`transmit`](Machine::transmit) may have something.
    pub fn has_output(&self) -> bool {
        self.link.stream.queued() > 0
    }

    /// Lets the stream do its work and hands on what comes of it, until input runs out or an answer is awaited.
    fn pump(&mut self, now: Now, input: &mut &[u8]) {
        while !self.is_waiting() {
            let Some(item) = self.link.stream.next(now, input) else { return };
            self.take(now, item);
        }
    }

    fn take(&mut self, now: Now, item: Incoming) {
        match (item, &mut self.state) {
            (Incoming::Closed(closed), _) => {
                self.state = State::Over;
                self.held = Vec::new();
                self.link.event(Event::Closed(closed));
            }
            (Incoming::PeerClosed, _) => self.state = State::Over,
            (Incoming::Secured(_), State::Negotiating(negotiation)) => negotiation.secured(),
            (Incoming::Header(header), State::Negotiating(negotiation)) => {
                negotiation.header(&mut self.link, now, &header);
            }
            (Incoming::Element(element), State::Negotiating(negotiation)) => {
                if !negotiation.element(&mut self.link, now, element) {
                    self.state = State::Over;
                }
            }
            (Incoming::Element(element), State::Bound(session)) => {
                if !session.element(&mut self.link, now, element) {
                    self.state = State::Over;
                }
            }
            (Incoming::Secured(_) | Incoming::Header(_), State::Bound(_)) | (_, State::Over) => {}
        }
    }

    fn is_waiting(&self) -> bool {
        matches!(&self.state, State::Negotiating(negotiation) if negotiation.is_waiting())
    }

    /// The answer is here: what was held back comes first.
    fn resume(&mut self, now: Now) {
        let held = std::mem::take(&mut self.held);
        let mut input = held.as_slice();
        self.pump(now, &mut input);
        self.held = input.to_vec();
    }

    fn hold(&mut self, now: Now, input: &[u8]) {
        if matches!(self.state, State::Over) || input.is_empty() {
            return;
        }
        let needed = self.held.len() + input.len();
        if needed > Config::HELD {
            let error = StreamError::new(Condition::ResourceConstraint)
                .with_text("Too much was sent ahead of an answer that was not there yet.");
            return self.close(now, error);
        }
        if needed > self.held.capacity() {
            // Grows as vectors do, but not past the limit.
            let capacity = needed.max(2 * self.held.capacity()).min(Config::HELD);
            self.held.reserve_exact(capacity - self.held.len());
        }
        self.held.extend_from_slice(input);
    }

    fn start_direct_tls(&mut self, now: Now) {
        if self.link.start_tls(now) {
            self.pump(now, &mut &[][..]);
        } else {
            self.close(now, misconfigured());
        }
    }
}

impl Machine for Connection {
    type Event = Event;

    fn receive(&mut self, now: Now, input: &[u8]) {
        let mut rest = input;
        self.pump(now, &mut rest);
        self.hold(now, rest);
    }

    fn receive_eof(&mut self, now: Now) {
        if self.is_waiting() {
            // Whoever is gone waits for no answer.
            self.state = State::Over;
            self.held = Vec::new();
        }
        self.link.stream.receive_eof(now);
        self.pump(now, &mut &[][..]);
    }

    fn transmit(&mut self, out: &mut Vec<u8>) -> usize {
        self.link.stream.transmit(out)
    }

    fn poll_event(&mut self) -> Option<Event> {
        let event = self.link.first.take();
        self.link.first = self.link.events.pop_front();
        if self.link.first.is_none() && self.link.events.capacity() > 0 {
            // An idle connection owns no memory for events.
            self.link.events = VecDeque::new();
        }
        event
    }

    fn deadline(&self) -> Option<Deadline> {
        let own = match &self.state {
            State::Negotiating(negotiation) => {
                Some(Deadline { at: negotiation.by(), reason: Reason::Negotiation })
            }
            State::Bound(session) => session.deadline(&self.link),
            State::Over => None,
        };
        Deadline::earlier(own, self.link.stream.deadline())
    }

    fn tick(&mut self, now: Now) {
        self.link.stream.tick(now);
        self.pump(now, &mut &[][..]);
        let error = match &mut self.state {
            State::Negotiating(negotiation) => negotiation.tick(now),
            State::Bound(session) => session.tick(&mut self.link, now),
            State::Over => None,
        };
        match error {
            Some(error) => self.close(now, error),
            // A keep-alive for which there is no room has ended the stream.
            None => self.pump(now, &mut &[][..]),
        }
    }

    fn read_budget(&self) -> usize {
        match &self.state {
            State::Negotiating(negotiation) if negotiation.is_waiting() => 0,
            // No more at once than can be held back if it turns out to begin with a question.
            State::Negotiating(_) => self.link.stream.read_budget().min(Config::HELD),
            State::Bound(_) | State::Over => self.link.stream.read_budget(),
        }
    }

    fn is_finished(&self) -> bool {
        self.link.stream.is_finished()
    }
}

impl Link {
    /// Queues an event.
    fn event(&mut self, event: Event) {
        match self.first {
            None => self.first = Some(event),
            Some(_) => self.events.push_back(event),
        }
    }

    /// From the next byte on, TLS. False: there is no certificate for it.
    #[cfg(feature = "tls")]
    fn start_tls(&mut self, now: Now) -> bool {
        let Some(tls) = &self.config.tls else { return false };
        self.stream.start_tls_server(now, tls);
        true
    }

    #[cfg(not(feature = "tls"))]
    fn start_tls(&mut self, _now: Now) -> bool {
        false
    }

    /// Ends the stream over something that the peer did.
    fn violation(&mut self, now: Now, condition: Condition, detail: &str) {
        self.stream.violation(now, StreamError::new(condition).with_text(detail), detail);
    }

    /// When anything was last received.
    fn last_received(&self) -> Instant {
        self.stream.last_received()
    }
}

/// TLS is demanded that cannot be had.
fn misconfigured() -> StreamError {
    StreamError::new(Condition::InternalServerError).with_text("This server has no certificate.")
}
