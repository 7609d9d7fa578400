//! The session outlives the connection (XEP-0198 section 5): interruption, another connection, resumption, and what
//! becomes of everything where that fails.

use super::config::TlsMode;
use super::ledger::Ledger;
use super::lifecycle::NegotiationClock;
use super::outbox::{Entry, Origin};
use super::saved::Saved;
use super::state::State;
use super::{Client, Error, Event, Misuse};
use crate::machine::Now;
use crate::ns;
use crate::payload::delay::Delay;
use crate::stanza::{MessageType, Stanza};
use crate::stream::Condition;
use crate::stream::management::Management;
use crate::xml::Element;
use core::time::Duration;

impl Client {
    /// Goes on with the session over a fresh transport, after [`Event::Interrupted`]. It is negotiated like the first one,
    /// with the same credentials; then comes [`Event::Resumed`], or, if the server does not know the session any more,
    /// [`Event::Online`] with a new one.
    ///
    /// # Errors
    /// [`Misuse::NotInterrupted`] if there is nothing to go on with.
    pub fn reconnect(&mut self, now: Now, tls: TlsMode) -> Result<(), Misuse> {
        self.clock = now;
        if !matches!(self.state, State::Interrupted) {
            return Err(Misuse::NotInterrupted);
        }
        self.config.tls = tls;
        self.config.credentials = self.credentials.take().or_else(|| self.config.credentials.take());
        self.stream = Client::fresh_stream(now);
        self.watch.restart(now.instant);
        self.negotiation = NegotiationClock::new(now.instant, self.config.negotiation_timeout);
        (self.verdict, self.closing, self.is_cut) = (None, None, false);
        // What the server offers after authentication is not said again where the session is resumed along with it.
        (self.needs_session, self.may_get_features, self.mechanism) = (false, false, None);
        self.start(now);
        self.pump(now, &[]);
        Ok(())
    }

    /// Ends the session without another byte, whatever state it is in: what has not been acknowledged is reported, and
    /// [`Event::Closed`] follows. The server keeps its side until its patience is over. Where there is a connection,
    /// [`close`](Client::close) is better.
    pub fn abandon(&mut self, now: Now) {
        self.clock = now;
        self.cut(Ok(()));
    }

    /// True between [`Event::Interrupted`] and [`reconnect`](Client::reconnect).
    pub fn is_interrupted(&self) -> bool {
        matches!(self.state, State::Interrupted)
    }

    /// True if the session would outlive the connection: the server has agreed to resumption.
    pub fn can_resume(&self) -> bool {
        self.ledger.as_ref().is_some_and(|ledger| ledger.resumption().is_some())
    }

    /// Where the server wants to be connected to for resumption: a host, with a port or without, IPv6 in brackets (XEP-0198
    /// section 3). The certificate must be for the account's domain all the same; if nothing answers there, the usual
    /// ways are right.
    pub fn location(&self) -> Option<&str> {
        self.ledger.as_ref()?.resumption()?.location.as_deref()
    }

    /// How long the server keeps the session once the connection has broken, if it has said so (XEP-0198 section 3). Not known of
    /// a session of an earlier process.
    pub fn resumable_for(&self) -> Option<Duration> {
        let max = self.ledger.as_ref()?.resumption()?.max?;
        Some(Duration::from_secs(max.into()))
    }

    /// What another process needs to go on with this session ([`Config::resume`](super::Config::resume)); `None` if
    /// it could not be resumed.
    ///
    /// It is exact when the events have been polled. Who wants to survive a crash stores it after polling events and
    /// before the next [`transmit`](crate::machine::Machine::transmit), which tells the server what has been handled.
    pub fn save(&self) -> Option<Saved> {
        let ledger = self.ledger.as_ref()?;
        let is_ending = self.closing.is_some() || self.verdict.is_some();
        if is_ending || matches!(self.state, State::Ending | State::Over) {
            return None;
        }
        Saved::new(ledger, self.outbox.iter(), self.jid.as_ref()?, &self.handles, self.im.is_available)
    }

    /// A session of an earlier process is to be resumed.
    pub(super) fn restore(&mut self, saved: Saved) {
        let is_ours =
            self.config.account.local().is_none() || self.config.account.bare_str() == saved.jid().bare_str();
        self.handles = saved.handles();
        self.im.is_available = saved.is_available();
        let jid = saved.jid().clone();
        let ledger = saved.into_ledger(|stanza| {
            let mut bytes = Vec::new();
            stanza.write(&mut bytes, &self.stream.scope());
            bytes.len()
        });
        if is_ours {
            // All of it must fit into one go.
            let room = ledger.kept().1.saturating_mul(2);
            self.config.limits.max_queued = self.config.limits.max_queued.max(room);
            self.jid = Some(jid);
            self.is_continuing = true;
            self.ledger = Some(ledger);
        } else {
            ledger.into_unacknowledged().into_iter().for_each(|entry| self.report(entry));
        }
    }

    /// True if the end of this connection for this reason is not the end of the session.
    pub(super) fn outlives(&self, error: &Error) -> bool {
        if self.is_kept {
            return true;
        }
        let goes_on = self.can_resume() || (self.is_continuing && !self.outbox.is_empty());
        goes_on && (error.is_transient() || error.see_other_host().is_some())
    }

    /// The connection is gone. Nothing more is said on it: a closing tag would end the session.
    pub(super) fn interrupt(&mut self, error: Error) {
        self.state = State::Interrupted;
        self.is_cut = true;
        self.is_continuing = true;
        if let Some(ledger) = &mut self.ledger {
            ledger.disconnected();
        }
        self.events.push_back(Event::Interrupted(error));
    }

    /// Asks for the old stream, once authenticated. False if there is none to resume.
    pub(super) fn resume(&mut self, now: Now) -> bool {
        let Some(ledger) = &self.ledger else { return false };
        let Some(resumption) = ledger.resumption() else { return false };
        let resume = Management::Resume { previd: resumption.id.clone(), h: ledger.handled() };
        self.stream.send(&resume.to_element());
        self.enter(now, State::Resuming);
        true
    }

    /// The answer to that.
    pub(super) fn on_resuming(&mut self, now: Now, element: &Element) {
        let management = match Management::parse(element.root()) {
            Ok(management) => management,
            Err(_) if element.ns() != ns::SM => return self.unexpected(now, element),
            Err(malformed) => return self.violation(now, Condition::InvalidXml, malformed.what()),
        };
        match management {
            Management::Resumed { previd, h } => self.on_resumed(now, &previd, h),
            Management::Failed { h, .. } => {
                if self.lose_session(now, h) {
                    self.begin_binding(now);
                }
            }
            _ => self.unexpected(now, element),
        }
    }

    pub(super) fn on_resumed(&mut self, now: Now, previd: &str, h: u32) {
        let known = self.ledger.as_ref().and_then(Ledger::resumption).map(|resumption| &resumption.id);
        let (Some(id), Some(jid)) = (known, self.jid.clone()) else { return };
        if id != previd {
            return self.violation(
                now,
                Condition::InvalidXml,
                "the server resumed another stream than was asked for",
            );
        }
        if let Err(wrong) = self.acknowledged(now, h) {
            return self.wrong_count(now, wrong);
        }
        self.is_continuing = false;
        self.enter(now, State::Online);
        self.watch.restart(now.instant);
        self.events.push_back(Event::Resumed(jid));
        self.begin_state();
        if let Some(ledger) = &mut self.ledger {
            for entry in ledger.unacknowledged() {
                self.stream.send_with(|out, scope| entry.stanza.write(out, scope));
            }
            ledger.resumed(now.instant, self.config.ack_delay);
        }
    }

    /// The server does not know the session any more; it had handled so many stanzas of ours, if it says so. Messages are
    /// kept for the next session if that is wanted, everything else ends here. False if the count cannot be.
    pub(super) fn lose_session(&mut self, now: Now, h: Option<u32>) -> bool {
        if let Some(Err(wrong)) = h.map(|h| self.acknowledged(now, h)) {
            self.wrong_count(now, wrong);
            return false;
        }
        let sent = self.ledger.take().map(Ledger::into_unacknowledged).unwrap_or_default();
        let unsent = self.outbox.take_entries();
        self.outbox.discard();
        for entry in sent.into_iter().chain(unsent) {
            if self.may_be_repeated(&entry) {
                self.outbox.note(entry);
            } else {
                self.report(entry);
            }
        }
        while let Some(settled) = self.pending.disconnect() {
            self.settle(now, settled);
        }
        self.im.start_over();
        true
    }

    /// There is a new session: sends what is left of the old one, with a note of when that was (XEP-0198 section 4).
    pub(super) fn resend(&mut self) {
        self.is_continuing = false;
        let mut entries = self.outbox.take_entries();
        self.outbox.discard();
        for entry in &mut entries {
            // The old session's address is not ours any more.
            entry.stanza.set_from(None);
            if entry.stanza.child("delay", ns::DELAY).is_none() {
                let delay = Delay::new(entry.since);
                let delay = match &self.jid {
                    Some(jid) => delay.by(jid.clone().into()),
                    None => delay,
                };
                entry.stanza = entry.stanza.with_child(delay.to_builder());
            }
        }
        self.outbox.refill(entries, &self.stream);
    }

    /// Tells the caller that this stanza will not be sent any more.
    pub(super) fn report(&mut self, entry: Entry) {
        let Origin::Caller(handle) = entry.origin else { return };
        let stanza = entry.stanza;
        self.events.push_back(match entry.is_sent {
            true => Event::Unacknowledged { handle, stanza },
            false => Event::Unsent { handle, stanza },
        });
    }

    /// Messages mean the same in another session. In a room they do not: we are not in it any more (XEP-0045).
    pub(super) fn may_be_repeated(&self, entry: &Entry) -> bool {
        let is_message =
            matches!(&entry.stanza, Stanza::Message(message) if message.kind() != MessageType::Groupchat);
        // A session promises that what never left goes over the next connection.
        let is_wanted = self.config.resend || (self.is_kept && !entry.is_sent);
        is_wanted && is_message && matches!(entry.origin, Origin::Caller(_))
    }
}
