//! Resource binding (RFC 6120 section 7).

use super::negotiation::{Account, Negotiation, Step};
use super::sasl2::Admission;
use super::session::Session;
use super::{Event, Link};
use crate::jid::FullJid;
use crate::machine::Now;
use crate::ns;
use crate::server::bind::{BindRequest, Granted, Resource};
use crate::stanza::{self, Condition, Iq, IqType, ParseError, Stanza, StanzaError};
use crate::stream;
use crate::xml::Element;

impl Negotiation {
    /// An element came, and a request to bind a resource is due. Other stanzas are refused: there is no address yet that they
    /// could come from (RFC 6120 section 7.1).
    pub(super) fn bind(&mut self, link: &mut Link, now: Now, element: Element) {
        let is_bind = element.is("iq", ns::CLIENT) && element.child("bind", ns::BIND).is_some();
        if !is_bind {
            let detail = "Bind a resource first.";
            return link.violation(now, stream::Condition::NotAuthorized, detail);
        }
        let (request, reply) = match Stanza::parse(element.clone()) {
            Ok(Stanza::Iq(iq)) if iq.kind() == IqType::Set => (Some(iq), None),
            Ok(stanza) => (None, stanza.error_reply(StanzaError::new(Condition::BadRequest))),
            Err(ParseError::From(_)) => {
                return link.violation(now, stream::Condition::InvalidFrom, "That is not an address.");
            }
            Err(error) => (None, stanza::refuse(&element, &error)),
        };
        let Some(request) = request else {
            if let Some(reply) = reply {
                link.send(&reply);
            }
            return self.count_bind_failure(link, now);
        };
        match std::mem::replace(&mut self.step, Step::Header) {
            Step::Bind(account) => self.ask_for_session(link, now, account, request),
            other => self.step = other,
        }
    }

    fn ask_for_session(&mut self, link: &mut Link, now: Now, account: Account, iq: Iq) {
        if iq.from().is_some_and(|from| *from != *account.jid) {
            return link.violation(now, stream::Condition::InvalidFrom, "That is not your address.");
        }
        match resource(&account, &iq) {
            Ok(resource) => {
                let anonymous = account.is_anonymous();
                let request = BindRequest { resource, anonymous, ..BindRequest::default() };
                link.event(Event::Bind { account: account.jid.clone(), request });
                self.step = Step::Binding(account, iq);
            }
            Err(error) => {
                self.step = Step::Bind(account);
                self.refuse_bind(link, now, &iq, error);
            }
        }
    }

    /// The owner made a session of that address.
    pub(super) fn bound(
        &mut self,
        link: &mut Link,
        now: Now,
        jid: FullJid,
        granted: Granted,
    ) -> Option<Session> {
        if let Some(admission) = self.admission() {
            return self.admitted(link, now, admission, jid, &granted);
        }
        let (account, request) = self.binding()?;
        let domain = self.domain.clone()?;
        let address = Element::builder("jid", ns::BIND).text(jid.as_str());
        let result = request.result(Some(Element::builder("bind", ns::BIND).child(address)));
        link.send(&Stanza::Iq(result));
        Some(Session::new(jid, domain, account, granted.management.is_some(), now))
    }

    /// The owner made no session.
    pub(super) fn bind_refused(&mut self, link: &mut Link, now: Now, error: StanzaError) {
        if let Some(admission) = self.admission() {
            return self.admitted_without(link, now, admission);
        }
        let Some((account, request)) = self.binding() else { return };
        self.step = Step::Bind(account);
        self.refuse_bind(link, now, &request, error);
    }

    /// The client that waits for an answer before it is told of its success.
    fn admission(&mut self) -> Option<Admission> {
        match std::mem::replace(&mut self.step, Step::Header) {
            Step::Admitting(admission) => Some(*admission),
            other => {
                self.step = other;
                None
            }
        }
    }

    /// The request that waits for an answer.
    fn binding(&mut self) -> Option<(Account, Iq)> {
        match std::mem::replace(&mut self.step, Step::Header) {
            Step::Binding(account, request) => Some((account, request)),
            other => {
                self.step = other;
                None
            }
        }
    }

    fn refuse_bind(&mut self, link: &mut Link, now: Now, request: &Iq, error: StanzaError) {
        if let Some(reply) = Stanza::Iq(request.clone()).error_reply(error) {
            link.send(&reply);
        }
        self.count_bind_failure(link, now);
    }

    /// Retries are limited (RFC 6120 section 7.7.3).
    pub(super) fn count_bind_failure(&mut self, link: &mut Link, now: Now) {
        self.bind_failures += 1;
        if self.bind_failures >= link.config.max_bind_failures {
            link.violation(now, stream::Condition::PolicyViolation, "Too many refused resources.");
        }
    }
}

/// The resource that a request asks for, prepared; none, or an empty one, leaves the choice to the server (RFC 6120 sections
/// 7.6.1 and 7.7.2.1).
fn resource(account: &Account, request: &Iq) -> Result<Resource, StanzaError> {
    let bad = || StanzaError::new(Condition::BadRequest);
    let bind = request.payload().ok_or_else(bad)?;
    let asked = bind.children().find(|child| child.is("resource", ns::BIND)).map(|child| child.text());
    match asked.as_deref() {
        None | Some("") => Ok(Resource::Generated),
        Some(asked) => {
            let jid = account.jid.with_resource(asked).map_err(|_| bad())?;
            Ok(jid.resource().map_or(Resource::Generated, |resource| Resource::Asked(resource.to_owned())))
        }
    }
}
