//! Input, output, time and the end: what drives the other parts.

use super::keepalive::Due;
use super::negotiation::State;
use super::outbox::Entry;
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

    /// Writes a stanza of any origin into the queue.
    pub(super) fn queue(&mut self, stanza: &Stanza) -> Result<(), SendError> {
        if !self.is_online() {
            return Err(SendError::NotOnline);
        }
        if let (Some(from), Some(own)) = (stanza.from(), &self.jid)
            && from.as_str() != own.as_str()
            && from.as_str() != own.bare_str()
        {
            return Err(SendError::ForeignSender);
        }
        let (max_stanza, max_queued) = (self.config.max_stanza_bytes, self.config.limits.max_queued);
        self.outbox.push(stanza, &self.stream, max_stanza, max_queued)
    }

    /// Remembers what others have been told of us.
    pub(super) fn note_presence(&mut self, stanza: &Stanza) {
        if let Stanza::Presence(presence) = stanza {
            self.im.on_sent(presence);
        }
    }

    /// Machine::transmit.
    pub(super) fn hand_out(&mut self, out: &mut Vec<u8>) -> usize {
        if self.is_cut {
            return 0;
        }
        if matches!(self.state, State::Online) && self.verdict.as_ref().is_none_or(Result::is_ok) {
            self.outbox.flush(&mut self.stream);
            for entry in self.outbox.take_entries() {
                match entry {
                    Entry::Stanza(handle, _) => self.events.push_back(Event::Sent(handle)),
                    Entry::Request(id) => self.pending.mark_sent(&id),
                }
            }
            if let Some(now) = self.closing.take() {
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
        if self.is_cut {
            return None;
        }
        let at = |at: Option<Instant>, reason| at.map(|at| Deadline { at, reason });
        let own = match self.state {
            State::Over => None,
            State::Ending => None,
            State::Online if self.is_online() => self.watch.deadline(),
            // Nobody asks for what is queued.
            State::Online => at(self.close_by(), Reason::Close),
            _ => at(self.negotiation.deadline(), Reason::Negotiation),
        };
        let requests = at(self.pending.deadline(), Reason::Request);
        Deadline::earlier(Deadline::earlier(own, requests), self.stream.deadline())
    }

    /// Machine::tick.
    pub(super) fn on_tick(&mut self, now: Now) {
        if self.is_cut {
            return;
        }
        self.stream.tick(now);
        self.pump(now, &[]);
        while let Some(settled) = self.pending.expire(now.instant) {
            self.settle(now, settled);
        }
        match self.state {
            State::Online if self.is_online() => self.on_keep_alive(now),
            State::Online if self.close_by().is_some_and(|at| at <= now.instant) => {
                let error = StreamError::new(Condition::ConnectionTimeout);
                self.stream.fail(now, error.with_text("the peer reads too slowly"));
            }
            State::Online | State::Ending | State::Over => {}
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
            Due::Ping => {
                let id = self.entropy.id();
                let payload = Ping { to: None }.payload();
                let ping = Stanza::Iq(Iq::get(Some(self.domain.clone()), &id, payload));
                // With a full queue there is plenty that the server can answer.
                if self.queue(&ping).is_ok() {
                    self.watch.pinged(id);
                }
            }
            // RFC 6120 section 4.6.2.
            Due::GiveUp => {
                let error = StreamError::new(Condition::ConnectionTimeout);
                self.fail(now, error, Error::Environment(Environment::Silent));
            }
        }
    }

    /// The caller wants to end it.
    pub(super) fn begin_close(&mut self, now: Now) {
        match self.state {
            State::Online if self.is_online() => {
                if self.im.is_available {
                    let presence = Presence::builder(PresenceType::Unavailable).build();
                    // If there is no room, the server notices by itself that we are gone.
                    let _ = self.queue(&presence.into());
                    self.im.is_available = false;
                }
                self.closing = Some(now);
            }
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
        self.enter(now, State::Ending);
        self.stream.violation(now, StreamError::new(condition), detail);
    }

    /// Ends without another byte.
    fn cut(&mut self, verdict: Result<(), Error>) {
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
        });
    }

    /// Reports what never left, who will get no answer, and the end. `otherwise`: how it ends if that is not decided.
    fn over(&mut self, otherwise: Result<(), Error>) {
        if matches!(self.state, State::Over) {
            return;
        }
        self.state = State::Over;
        self.outbox.discard();
        for entry in self.outbox.take_entries() {
            if let Entry::Stanza(handle, stanza) = entry {
                self.events.push_back(Event::Unsent { handle, stanza: *stanza });
            }
        }
        while let Some(settled) = self.pending.disconnect() {
            self.settle(self.clock, settled);
        }
        self.im.leave();
        let verdict = self.verdict.take().unwrap_or(otherwise);
        self.events.push_back(Event::Closed(verdict));
    }
}
