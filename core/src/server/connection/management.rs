//! Stream management on the wire (XEP-0198). What is counted, and what becomes of it, is the hub's business; here its elements
//! become events, its answers elements, and it is decided when an acknowledgement is asked for.

use super::negotiation::{Negotiation, Step};
use super::session::Session;
use super::{Event, Link};
use crate::jid::FullJid;
use crate::machine::{Deadline, Instant, Now, Reason};
use crate::server::bind::{Enable, Enabled};
use crate::stanza::Condition;
use crate::stream::{self, management::Management};
use crate::xml::Element;
use core::time::Duration;

/// When clients whose stanzas are acknowledged are asked what they have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Acknowledgements {
    /// After so many stanzas; 0 is read as 1. No two questions are open at once.
    pub after: u32,
    /// So long after a stanza at the latest.
    pub within: Duration,
}

impl Default for Acknowledgements {
    /// After 20 stanzas, or a second.
    fn default() -> Acknowledgements {
        Acknowledgements { after: 20, within: Duration::from_secs(1) }
    }
}

/// Of a session whose stanzas are acknowledged.
#[derive(Debug, Default)]
pub(super) struct Managed {
    /// The hub has agreed: what is delivered from now on is counted.
    is_on: bool,
    /// Stanzas delivered since an acknowledgement was last asked for.
    unasked: u32,
    /// When it is to be asked for at the latest.
    ask_by: Option<Instant>,
    /// It has been asked for and has not come.
    is_asked: bool,
}

impl Managed {
    pub(super) fn on() -> Managed {
        Managed { is_on: true, ..Managed::default() }
    }
}

impl Session {
    /// An element of stream management came. What it does not know ends the stream.
    pub(super) fn manage(&mut self, link: &mut Link, now: Now, element: &Element) {
        let is_on = self.managed.is_some();
        match Management::parse(element.root()) {
            Ok(Management::Enable { .. }) if link.config.acknowledgements.is_none() => {
                fail(link, Condition::FeatureNotImplemented);
            }
            Ok(Management::Enable { .. }) if is_on => {
                // Section 3: at most one attempt.
                link.violation(now, stream::Condition::PolicyViolation, "Stanzas are acknowledged already.");
            }
            Ok(Management::Enable { resume, max }) => {
                self.managed = Some(Box::default());
                link.event(Event::Enable(Enable { resume, max }));
            }
            Ok(Management::Resume { .. }) => fail(link, Condition::UnexpectedRequest),
            Ok(Management::Request) if is_on => link.event(Event::AcknowledgementRequested),
            Ok(Management::Answer { h }) if is_on => {
                self.acknowledged(link, now);
                link.event(Event::Acknowledged { h });
            }
            Err(_) if matches!(element.name(), "enable" | "resume") => fail(link, Condition::BadRequest),
            Ok(_) | Err(_) => {
                let detail = "That has no place in a stream of a client's.";
                link.violation(now, stream::Condition::UnsupportedStanzaType, detail);
            }
        }
    }

    /// The hub has agreed.
    pub(super) fn enabled(&mut self, link: &mut Link, enabled: Enabled) {
        let Some(managed) = &mut self.managed else { return };
        managed.is_on = true;
        link.stream.send(&self::enabled(enabled).to_element());
    }

    /// The client is told how many of its stanzas have been handled.
    pub(super) fn acknowledge(&mut self, link: &mut Link, h: u32) {
        if self.managed.is_some() {
            link.stream.send(&Management::Answer { h }.to_element());
        }
    }

    /// A stanza of the hub's has been sent.
    pub(super) fn delivered(&mut self, link: &mut Link, now: Now) {
        let Some(managed) = self.managed.as_mut().filter(|managed| managed.is_on) else { return };
        let Some(policy) = link.config.acknowledgements else { return };
        managed.unasked = managed.unasked.saturating_add(1);
        if managed.is_asked {
            return;
        }
        if managed.unasked >= policy.after {
            self.ask(link, now);
        } else if managed.ask_by.is_none() {
            managed.ask_by = Some(now.instant + policy.within);
        }
    }

    /// The client has said what it has.
    fn acknowledged(&mut self, link: &mut Link, now: Now) {
        let Some(managed) = self.managed.as_mut().filter(|managed| managed.is_on) else { return };
        let Some(policy) = link.config.acknowledgements else { return };
        managed.is_asked = false;
        if managed.unasked >= policy.after.max(1) {
            self.ask(link, now);
        } else if managed.unasked > 0 && managed.ask_by.is_none() {
            managed.ask_by = Some(now.instant + policy.within);
        }
    }

    /// Asks the client what it has. False: nothing is acknowledged here.
    pub(super) fn ask(&mut self, link: &mut Link, now: Now) -> bool {
        let Some(managed) = self.managed.as_mut().filter(|managed| managed.is_on) else { return false };
        **managed = Managed { is_asked: true, ..Managed::on() };
        link.stream.send(&Management::Request.to_element());
        self.expect_input(link, now);
        true
    }

    /// When an acknowledgement is to be asked for.
    pub(super) fn ask_by(&self) -> Option<Deadline> {
        let at = self.managed.as_ref()?.ask_by?;
        Some(Deadline { at, reason: Reason::Acknowledgement })
    }
}

impl Negotiation {
    /// An element of stream management came, and a resource is to be bound: an earlier session is to be resumed, or the order is
    /// wrong (section 3).
    pub(super) fn manage(&mut self, link: &mut Link, now: Now, element: &Element) {
        let condition = match Management::parse(element.root()) {
            Ok(Management::Resume { previd, h }) => match self.resume(link, previd, h) {
                Ok(()) => return,
                Err(condition) => condition,
            },
            Ok(Management::Enable { .. }) => Condition::UnexpectedRequest,
            Err(_) if matches!(element.name(), "enable" | "resume") => Condition::BadRequest,
            Ok(_) | Err(_) => {
                return link.violation(now, stream::Condition::NotAuthorized, "Bind a resource first.");
            }
        };
        fail(link, condition);
        self.count_bind_failure(link, now);
    }

    /// Asks for an earlier session of the account.
    fn resume(&mut self, link: &mut Link, previd: String, h: u32) -> Result<(), Condition> {
        if link.config.acknowledgements.is_none() {
            return Err(Condition::FeatureNotImplemented);
        }
        match std::mem::replace(&mut self.step, Step::Header) {
            // A guest that logs in again has another account.
            Step::Bind(account) if !account.is_anonymous() => {
                link.event(Event::Resume { account: account.jid.clone(), previd, h });
                self.step = Step::Resuming(account);
                Ok(())
            }
            step => {
                self.step = step;
                Err(Condition::ItemNotFound)
            }
        }
    }

    /// The owner went on with the session.
    pub(super) fn resumed(
        &mut self,
        link: &mut Link,
        now: Now,
        jid: FullJid,
        previd: String,
        h: u32,
    ) -> Option<Session> {
        if let Step::Reviving(_) = self.step
            && let Step::Reviving(admission) = std::mem::replace(&mut self.step, Step::Header)
        {
            return self.revived(link, now, *admission, jid, Management::Resumed { previd, h });
        }
        let account = self.resuming()?;
        let domain = self.domain.clone()?;
        link.stream.send(&Management::Resumed { previd, h }.to_element());
        Some(Session::new(jid, domain, account, true, now))
    }

    /// The owner has no such session. The client may bind a resource instead (section 5).
    pub(super) fn resume_refused(&mut self, link: &mut Link, now: Now, h: Option<u32>) {
        let failed = Management::Failed { condition: Some(Condition::ItemNotFound), h };
        if let Step::Reviving(_) = self.step
            && let Step::Reviving(admission) = std::mem::replace(&mut self.step, Step::Header)
        {
            return self.not_revived(link, admission, failed);
        }
        let Some(account) = self.resuming() else { return };
        self.step = Step::Bind(account);
        link.stream.send(&failed.to_element());
        self.count_bind_failure(link, now);
    }

    fn resuming(&mut self) -> Option<super::negotiation::Account> {
        match std::mem::replace(&mut self.step, Step::Header) {
            Step::Resuming(account) => Some(account),
            other => {
                self.step = other;
                None
            }
        }
    }
}

fn fail(link: &mut Link, condition: Condition) {
    link.stream.send(&Management::Failed { condition: Some(condition), h: None }.to_element());
}

/// What was agreed, as the client is told (section 3).
pub(super) fn enabled(enabled: Enabled) -> Management {
    match enabled.resumption {
        Some(it) => Management::Enabled {
            id: Some(it.id),
            resume: true,
            max: u32::try_from(it.within.as_secs()).ok(),
            location: it.location,
        },
        None => Management::Enabled { id: None, resume: false, max: None, location: None },
    }
}
