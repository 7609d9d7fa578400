//! Stream management (XEP-0198) on a live stream: enabling it, acknowledging, and being acknowledged.

use super::config::Management as Wanted;
use super::ledger::{Ledger, Resumption};
use super::outbox::{Entry, Origin};
use super::{Client, Event};
use crate::machine::Now;
use crate::ns;
use crate::stream::management::{Management, WrongCount};
use crate::stream::{Condition, Features};
use crate::xml::Element;
use core::time::Duration;

impl Client {
    /// A resource has been bound: asks for stream management, if it is wanted and offered (XEP-0198 section 3).
    pub(super) fn begin_management(&mut self) -> Option<Ledger> {
        if !self.features.as_ref().is_some_and(offers_management) {
            return None;
        }
        let (resume, max) = match self.config.management {
            Wanted::Off => return None,
            Wanted::Acknowledge => (false, None),
            Wanted::Resume { max } => (true, max),
        };
        self.stream.send(&Management::Enable { resume, max: max.map(seconds) }.to_element());
        Some(Ledger::asked())
    }

    /// With what the stream can be resumed, if we want to and the server lets us.
    pub(super) fn resumption_of(
        &self,
        id: Option<String>,
        resume: bool,
        location: Option<String>,
        max: Option<u32>,
    ) -> Option<Resumption> {
        let is_wanted = matches!(self.config.management, Wanted::Resume { .. });
        id.filter(|_| resume && is_wanted).map(|id| Resumption { id, location, max })
    }

    /// An element of stream management on an established stream.
    pub(super) fn on_management(&mut self, now: Now, element: &Element) {
        let Some(ledger) = &self.ledger else {
            return self.unsupported(now, element);
        };
        let is_on = ledger.is_on();
        let management = match Management::parse(element.root()) {
            Ok(management) => management,
            Err(malformed) => return self.violation(now, Condition::InvalidXml, malformed.what()),
        };
        let events = self.events.len();
        match (management, is_on) {
            (Management::Enabled { id, resume, location, max }, false) => {
                let resumption = self.resumption_of(id, resume, location, max);
                if let Some(ledger) = &mut self.ledger {
                    ledger.enabled(resumption);
                }
            }
            // From here on it is a stream like any other (section 6).
            (Management::Failed { .. }, false) => self.ledger = None,
            (Management::Request, true) => {
                if let Some(ledger) = &mut self.ledger {
                    ledger.requested(events);
                }
            }
            (Management::Answer { h }, true) => {
                if let Err(wrong) = self.acknowledged(now, h) {
                    self.wrong_count(now, wrong);
                }
            }
            _ => self.out_of_order(now, element),
        }
    }

    fn out_of_order(&mut self, now: Now, element: &Element) {
        let name: String = element.name().chars().take(40).collect();
        let detail = format!("stream management has no place for <{name}/> here");
        self.violation(now, Condition::UnsupportedStanzaType, &detail);
    }

    /// The server counts what was never sent, or takes back what it has said (section 6).
    pub(super) fn wrong_count(&mut self, now: Now, wrong: WrongCount) {
        let detail = format!("it acknowledges {} stanzas of {}", wrong.h, wrong.sent);
        self.violation_with(now, wrong.to_stream_error(), &detail);
    }

    /// The server has handled so many stanzas of ours.
    pub(super) fn acknowledged(&mut self, now: Now, h: u32) -> Result<(), WrongCount> {
        let patience = self.config.ack_delay;
        let Some(ledger) = &mut self.ledger else { return Ok(()) };
        for entry in ledger.acknowledge(h, now.instant, patience)? {
            if let Origin::Caller(handle) = entry.origin {
                self.events.push_back(Event::Acknowledged(handle));
            }
        }
        Ok(())
    }

    /// A stanza of the server's has been worked through.
    pub(super) fn count_received(&mut self) {
        if let Some(ledger) = self.ledger.as_mut().filter(|ledger| ledger.is_on()) {
            ledger.received(self.events.len());
        }
    }

    /// A stanza has been handed out.
    pub(super) fn count_sent(&mut self, mut entry: Entry) {
        match &entry.origin {
            Origin::Caller(handle) if !entry.is_sent => self.events.push_back(Event::Sent(*handle)),
            Origin::Request(id) => self.pending.mark_sent(id),
            Origin::Caller(_) | Origin::Own => {}
        }
        entry.is_sent = true;
        if let Some(ledger) = &mut self.ledger {
            ledger.sent(entry, self.clock.instant, self.config.ack_delay);
        }
    }

    /// Puts behind the stanzas that are being handed out what stream management has to say.
    pub(super) fn flush_management(&mut self) {
        let Some(ledger) = &mut self.ledger else { return };
        if let Some(h) = ledger.take_answer() {
            self.stream.send(&Management::Answer { h }.to_element());
        }
        if ledger.must_ask(self.config.ack_after) {
            self.ask_acknowledgement();
        }
    }

    /// Before the stream is closed: what has been handled, so that nobody sends it again, and what has become of ours
    /// (section 4).
    pub(super) fn close_management(&mut self) {
        let Some(ledger) = self.ledger.as_ref().filter(|ledger| ledger.is_on()) else { return };
        let (h, is_settled) = (ledger.handled(), ledger.kept().0 == 0);
        if !is_settled {
            self.ask_acknowledgement();
        }
        self.stream.send(&Management::Answer { h }.to_element());
    }

    /// Sends `<r/>`.
    pub(super) fn ask_acknowledgement(&mut self) {
        if let Some(ledger) = &mut self.ledger {
            ledger.asks();
            self.stream.send(&Management::Request.to_element());
        }
    }

    /// True while stanzas are counted and acknowledged on both sides (XEP-0198): the server has agreed to it.
    pub fn is_managed(&self) -> bool {
        self.ledger.as_ref().is_some_and(Ledger::is_on)
    }
}

/// XEP-0198 section 2.
pub(super) fn offers_management(features: &Features) -> bool {
    features.has("sm", ns::SM)
}

/// As XEP-0198 section 3 counts them.
pub(super) fn seconds(max: Duration) -> u32 {
    u32::try_from(max.as_secs()).unwrap_or(u32::MAX).max(1)
}
