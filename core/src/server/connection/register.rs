//! In-band registration (XEP-0077) before a client logs in.
//!
//! It is offered where logging in is: if TLS is required, then only over TLS, for the password comes in clear. One connection
//! makes one account, and has as many attempts as it has to log in.

use super::negotiation::{Negotiation, Step};
use super::{Event, Link};
use crate::jid::BareJid;
use crate::machine::Now;
use crate::payload::register::{Registration, Set};
use crate::sasl::Password;
use crate::stanza::{self, Condition, Iq, IqType, ParseError, Stanza, StanzaError};
use crate::stream;
use crate::xml::Element;

/// An account that is asked for.
struct Wanted {
    account: BareJid,
    password: Password,
}

impl Negotiation {
    /// Whether accounts can be made on this stream as it is now.
    pub(super) fn offers_registration(link: &Link) -> bool {
        link.config.registration && (link.stream.tls().is_some() || !link.config.sasl.require_tls)
    }

    /// A request about registration came while features are offered.
    pub(super) fn registration(&mut self, link: &mut Link, now: Now, element: &Element) {
        let iq = match Stanza::parse(element.clone()) {
            Ok(Stanza::Iq(iq)) if iq.kind().is_request() => iq,
            Err(ParseError::From(_)) => {
                return link.violation(now, stream::Condition::InvalidFrom, "That is not an address.");
            }
            Err(error) => {
                if let Some(reply) = stanza::refuse(element, &error) {
                    link.send(&reply);
                }
                return self.count_registration_failure(link, now);
            }
            Ok(_) => return self.count_registration_failure(link, now),
        };
        let other_domain = iq.to().is_some_and(|to| self.domain.as_ref().is_none_or(|own| **own != *to));
        if other_domain {
            return self.refuse_registration(link, now, &iq, Condition::ServiceUnavailable.into());
        }
        if iq.kind() == IqType::Get {
            let blank = Registration::blank("Choose a user name and a password.", &["username", "password"]);
            return link.send(&iq.result(Some(blank.to_builder())).into());
        }
        match self.wanted(&iq) {
            Ok(Wanted { account, password }) => {
                link.event(Event::Register { account, password });
                self.step = Step::Registering(iq);
            }
            Err(error) => self.refuse_registration(link, now, &iq, error),
        }
    }

    /// What a request of type set asks for (section 3.1).
    fn wanted(&self, iq: &Iq) -> Result<Wanted, StanzaError> {
        if self.has_registered {
            let error = StanzaError::new(Condition::NotAllowed);
            return Err(error.with_text_in("en", "One account is enough: log in to it."));
        }
        let query = iq.payload().ok_or(Condition::BadRequest)?;
        let Set::Submit(registration) = Set::parse(query)? else {
            // Nobody is registered here, so nobody can stop being it (section 3.2).
            return Err(Condition::UnexpectedRequest.into());
        };
        let value = |field| registration.value(field).ok_or(Condition::NotAcceptable);
        let (username, password) = (value("username")?, value("password")?);
        let domain = self.domain.as_ref().ok_or(Condition::InternalServerError)?;
        let account = BareJid::from_parts(Some(username), domain.as_str()).map_err(|_| {
            let error = StanzaError::new(Condition::NotAcceptable);
            error.with_text_in("en", "That cannot be a user name.")
        })?;
        Ok(Wanted { account, password: Password::new(password) })
    }

    /// The owner made the account, or not.
    pub(super) fn registered(&mut self, link: &mut Link, now: Now, result: Result<(), StanzaError>) {
        let iq = match std::mem::replace(&mut self.step, Step::Features) {
            Step::Registering(iq) => iq,
            other => {
                self.step = other;
                return;
            }
        };
        match result {
            Ok(()) => {
                self.has_registered = true;
                link.send(&iq.result(None).into());
            }
            Err(error) => self.refuse_registration(link, now, &iq, error),
        }
    }

    fn refuse_registration(&mut self, link: &mut Link, now: Now, iq: &Iq, error: StanzaError) {
        if let Some(reply) = iq.error_reply(&error) {
            link.send(&reply.into());
        }
        self.count_registration_failure(link, now);
    }

    fn count_registration_failure(&mut self, link: &mut Link, now: Now) {
        self.registration_failures += 1;
        if self.registration_failures >= link.config.max_auth_failures {
            link.violation(now, stream::Condition::PolicyViolation, "Too many refused registrations.");
        }
    }
}
