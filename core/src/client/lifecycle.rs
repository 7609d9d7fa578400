//! Input, output, time and the end: what drives the other parts.

use super::keepalive::Due;
use super::ledger::Ledger;
use super::outbox::{Entry, Origin, RESERVE};
use super::state::State;
use super::{Client, Environment, Error, Event, Ping, Request, SendError};
use crate::machine::{Deadline, Instant, Now, Reason};
use crate::stanza::{Iq, Presence, PresenceType, Stanza};
use crate::stream::{Closed, Condition, Incoming, StreamError};
use core::time::Duration;

/// The time that the server may take over negotiation. Stands still while it is the caller's turn.
#[derive(Debug)]
pub(super) struct NegotiationClock {
    left: Duration,
    /// Since when it runs.
    since: Option<Instant>,
}

impl NegotiationClock {
    pub(super) fn new(now: Instant, limit: Duration) -> NegotiationClock {
        NegotiationClock { left: limit, since: Some(now) }
    }

    pub(super) fn run(&mut self, now: Instant, run: bool) {
        if let Some(since) = self.since.take() {
            self.left = self.left.saturating_sub(now - since);
        }
        self.since = run.then_some(now);
    }

    fn deadline(&self) -> Option<Instant> {
        self.since.map(|since| since + self.left)
    }
}

impl Client {
    /// Lets the stream work through the input and everything that follows from it.
    pub(super) fn pump(&mut self, now: Now, mut input: &[u8]) {
        while !self.is_cut {
            if matches!(self.state, State::Securing { outside: true }) {
                if !input.is_empty() {
                    self.on_early_bytes();
                }
                return;
            }
            match self.stream.next(now, &mut input) {
                Some(incoming) => self.on_incoming(now, incoming),
                None => return,
            }
        }
    }

    fn on_incoming(&mut self, now: Now, incoming: Incoming) {
        match incoming {
            Incoming::Secured(_) => self.on_secured(now),
            Incoming::Header(header) => self.on_header(now, &header),
            Incoming::Element(element) => match self.state {
                State::Online => self.on_stanza(now, element),
                _ => self.on_negotiation(now, element),
            },
            // Our closing tag is on its way, too: nothing can be sent behind it.
            Incoming::PeerClosed => self.enter(now, State::Ending),
            Incoming::Closed(closed) => self.on_closed(closed),
        }
    }

    /// Bytes while the caller is doing TLS: the server has nothing to say before the handshake, so this was put in by
    /// somebody to be taken for something said inside TLS. No answer: only TLS may be spoken now.
    fn on_early_bytes(&mut self) {
        let sent = StreamError::new(Condition::PolicyViolation);
        let detail = "plaintext where TLS should begin".to_owned();
        self.cut(Err(Error::protocol(sent, detail)));
    }

    /// The transport is closed on the server's side.
    pub(super) fn on_eof(&mut self, now: Now) {
        if matches!(self.state, State::Securing { outside: true }) {
            return self.cut(Err(Error::Environment(Environment::Disconnected)));
        }
        self.pump(now, &[]);
    }

    /// True if stanzas can be queued: for the stream, or for the next one.
    pub(super) fn takes_stanzas(&self) -> bool {
        self.is_online() || (self.is_continuing && self.verdict.is_none() && self.closing.is_none())
    }

    /// Writes a stanza of any origin into the queue.
    pub(super) fn queue(&mut self, now: Now, stanza: Stanza, origin: Origin) -> Result<(), SendError> {
        if !self.takes_stanzas() {
            return Err(SendError::NotOnline);
        }
        if let (Some(from), Some(own)) = (stanza.from(), &self.jid)
            && from.as_str() != own.as_str()
            && from.as_str() != own.bare_str()
        {
            return Err(SendError::ForeignSender);
        }
        let (max_stanza, max_queued) = (self.config.max_stanza_bytes, self.config.limits.max_queued);
        let bytes = self.outbox.push(&stanza, &self.stream, max_stanza, max_queued)?;
        if !self.has_room(&origin) {
            self.outbox.unpush(bytes);
            return Err(SendError::QueueFull);
        }
        if let (Stanza::Presence(presence), Origin::Caller(_)) = (&stanza, &origin) {
            self.im.on_sent(presence);
        }
        self.outbox.note(Entry { stanza, origin, bytes, since: now.utc, is_sent: false });
        Ok(())
    }

    /// True if what has just been put into the queue can be kept until it is acknowledged. What the machine says by itself
    /// has as much room again: a caller that fills the queue must not keep it from answering.
    fn has_room(&self, origin: &Origin) -> bool {
        if self.ledger.is_none() && !self.is_continuing {
            return true;
        }
        let share = if *origin == Origin::Own { 2 } else { 1 };
        let most = self.config.limits.max_queued.saturating_sub(RESERVE);
        let (stanzas, bytes) = self.ledger.as_ref().map(Ledger::kept).unwrap_or_default();
        stanzas + self.outbox.len() < self.config.max_unacknowledged.saturating_mul(share)
            && bytes + self.outbox.bytes()
                <= self.config.max_unacknowledged_bytes.saturating_mul(share).min(most)
    }

    /// Machine::transmit.
    pub(super) fn hand_out(&mut self, out: &mut Vec<u8>) -> usize {
        if self.is_cut {
            return 0;
        }
        if matches!(self.state, State::Online) && self.verdict.as_ref().is_none_or(Result::is_ok) {
            self.outbox.flush(&mut self.stream);
            for entry in self.outbox.take_entries() {
                self.count_sent(entry);
            }
            self.flush_management();
            if let Some(now) = self.closing.take() {
                self.close_management();
                self.decide(Ok(()));
                self.stream.close(now);
            }
        }
        let bytes = self.stream.transmit(out);
        if bytes > 0 {
            self.watch.sent(self.clock.instant);
        }
        bytes
    }

    pub(super) fn next_deadline(&self) -> Option<Deadline> {
        let at = |at: Option<Instant>, reason| at.map(|at| Deadline { at, reason });
        let requests = at(self.pending.deadline(), Reason::Request);
        if self.is_cut {
            return requests;
        }
        let own = match self.state {
            State::Interrupted | State::Ending | State::Over => None,
            State::Online if self.is_online() => {
                let asking = at(self.ledger.as_ref().and_then(Ledger::ask_at), Reason::Acknowledgement);
                Deadline::earlier(asking, self.watch.deadline())
            }
            // Nobody asks for what is queued.
            State::Online => at(self.close_by(), Reason::Close),
            _ => at(self.negotiation.deadline(), Reason::Negotiation),
        };
        Deadline::earlier(Deadline::earlier(own, requests), self.stream.deadline())
    }

    /// Machine::tick.
    pub(super) fn on_tick(&mut self, now: Now) {
        if !self.is_cut {
            self.stream.tick(now);
            self.pump(now, &[]);
        }
        while let Some(settled) = self.pending.expire(now.instant) {
            self.settle(now, settled);
        }
        match self.state {
            State::Online if self.is_online() => {
                if self.ledger.as_ref().and_then(Ledger::ask_at).is_some_and(|at| at <= now.instant) {
                    self.ask_acknowledgement();
                }
                self.on_keep_alive(now);
            }
            State::Online if self.close_by().is_some_and(|at| at <= now.instant) => {
                let error = StreamError::new(Condition::ConnectionTimeout);
                self.stream.fail(now, error.with_text("the peer reads too slowly"));
            }
            State::Online | State::Interrupted | State::Ending | State::Over => {}
            _ if self.negotiation.deadline().is_some_and(|at| at <= now.instant) => {
                self.on_negotiation_timeout(now)
            }
            _ => {}
        }
        self.pump(now, &[]);
    }

    /// How long a caller that wants to close waits for what it has queued to be handed out.
    fn close_by(&self) -> Option<Instant> {
        self.closing.map(|since| since.instant + self.config.limits.close_timeout)
    }

    fn on_keep_alive(&mut self, now: Now) {
        match self.watch.tick(now.instant) {
            Due::Nothing => {}
            Due::Whitespace => self.stream.send_whitespace(),
            Due::Ping => self.ask_for_life(now),
            // RFC 6120 section 4.6.2.
            Due::GiveUp => {
                let error = StreamError::new(Condition::ConnectionTimeout);
                self.fail(now, error, Error::Environment(Environment::Silent));
            }
        }
    }

    /// Asks for a sign of life.
    pub(super) fn ask_for_life(&mut self, now: Now) {
        if self.is_managed() {
            return self.ask_acknowledgement();
        }
        let id = self.entropy.id();
        let payload = Ping { to: None }.payload();
        let ping = Stanza::Iq(Iq::get(Some(self.domain.clone()), &id, payload));
        // With a full queue there is plenty that the server can answer.
        if self.queue(now, ping, Origin::Own).is_ok() {
            self.watch.pinged(id);
        }
    }

    /// The caller wants to end it.
    pub(super) fn begin_close(&mut self, now: Now) {
        match self.state {
            State::Online if self.is_online() => {
                if self.im.is_available {
                    let presence = Presence::builder(PresenceType::Unavailable).build();
                    // If there is no room, the server notices by itself that we are gone.
                    let _ = self.queue(now, presence.into(), Origin::Own);
                    self.im.is_available = false;
                }
                self.closing = Some(now);
            }
            // There is nobody to say it to.
            State::Interrupted => self.cut(Ok(())),
            State::Online | State::Ending | State::Over => {}
            // Nothing may be said in clear any more, and the caller has TLS in its hands.
            State::Securing { outside: true } => self.cut(Ok(())),
            _ => {
                self.decide(Ok(()));
                self.close_stream(now);
            }
        }
    }

    /// Fixes how it ends; the first reason is the one that counts.
    pub(super) fn decide(&mut self, verdict: Result<(), Error>) {
        self.verdict.get_or_insert(verdict);
    }

    /// Ends the stream in good order, for this reason.
    pub(super) fn finish_with(&mut self, now: Now, error: Error) {
        self.decide(Err(error));
        self.close_stream(now);
    }

    /// Sends `</stream:stream>`; how it ends is decided.
    pub(super) fn close_stream(&mut self, now: Now) {
        self.enter(now, State::Ending);
        self.stream.close(now);
    }

    /// Ends the stream with a stream error, for a reason that is not the server's fault.
    pub(super) fn fail(&mut self, now: Now, sent: StreamError, error: Error) {
        self.decide(Err(error));
        self.enter(now, State::Ending);
        self.stream.fail(now, sent);
    }

    /// Ends the stream with a stream error, because the server broke the protocol.
    pub(super) fn violation(&mut self, now: Now, condition: Condition, detail: &str) {
        self.violation_with(now, StreamError::new(condition), detail);
    }

    /// The same, where the error says more.
    pub(super) fn violation_with(&mut self, now: Now, error: StreamError, detail: &str) {
        self.enter(now, State::Ending);
        self.stream.violation(now, error, detail);
    }

    /// Ends without another byte.
    pub(super) fn cut(&mut self, verdict: Result<(), Error>) {
        self.is_cut = true;
        self.decide(verdict);
        self.over(Ok(()));
    }

    /// The stream is over.
    fn on_closed(&mut self, closed: Closed) {
        let was_requested = self.closing.is_some();
        self.over(match closed {
            Closed::Clean | Closed::Eof | Closed::Local(_) if was_requested => Ok(()),
            Closed::Clean => Err(Error::Environment(Environment::ClosedByServer)),
            Closed::Eof => Err(Error::Environment(Environment::Disconnected)),
            Closed::PeerError(error) => Err(Error::Stream(error)),
            Closed::Violation { sent, detail } => Err(Error::protocol(sent, detail)),
            Closed::Local(error) => Err(Error::Environment(Environment::Ended(error))),
            Closed::Tls(what) => Err(Error::Tls(what)),
            Closed::Certificate(what) => Err(Error::Certificate(what)),
        });
    }

    /// The connection is over, and the session if it cannot go on. `otherwise`: how it ends if that is not decided.
    fn over(&mut self, otherwise: Result<(), Error>) {
        if matches!(self.state, State::Over) {
            return;
        }
        match self.verdict.take().unwrap_or(otherwise) {
            Err(error) if self.outlives(&error) => self.interrupt(error),
            verdict => self.end(verdict),
        }
    }

    /// Reports what may not have arrived, what never left, who will get no answer, and the end.
    fn end(&mut self, verdict: Result<(), Error>) {
        self.state = State::Over;
        self.is_continuing = false;
        self.outbox.discard();
        let sent = self.ledger.take().map(Ledger::into_unacknowledged).unwrap_or_default();
        for entry in sent.into_iter().chain(self.outbox.take_entries()) {
            self.report(entry);
        }
        while let Some(settled) = self.pending.disconnect() {
            self.settle(self.clock, settled);
        }
        self.im.leave();
        self.events.push_back(Event::Closed(verdict));
    }
}
