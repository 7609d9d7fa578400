//! Resource binding (RFC 6120 section 7) and the legacy session (RFC 3921 section 3).

use super::ledger::Ledger;
use super::request::Purpose;
use super::state::State;
use super::{Client, Error, Event, Missing, Refused, SetCarbons};
use crate::jid::FullJid;
use crate::machine::Now;
use crate::ns;
use crate::stanza::{self, Iq, IqType, Stanza, StanzaError};
use crate::stream::{self, Features};
use crate::xml::{Element, ElementBuilder};

/// Stanzas that may come while the legacy session is being established; somebody may know our address by then.
const EARLY: usize = 64;

impl Client {
    /// Asks for a new session, if the server has any.
    pub(super) fn begin_binding(&mut self, now: Now) {
        if !self.features.as_ref().is_some_and(Features::bind) {
            return self.finish_with(now, Error::Missing(Missing::Binding));
        }
        self.bind(now, true);
    }

    /// Asks for a resource: the configured one, if it is to be `submitted` and there is one, or one of the server's.
    fn bind(&mut self, now: Now, submitted: bool) {
        let mut bind = Element::builder("bind", ns::BIND);
        let resource = self.config.account.resource().filter(|_| submitted);
        if let Some(resource) = resource {
            bind = bind.child(Element::builder("resource", ns::BIND).text(resource));
        }
        let submitted = resource.is_some();
        let id = self.ask_server(bind);
        self.enter(now, State::Binding { id, submitted });
    }

    pub(super) fn on_binding(&mut self, now: Now, element: Element) {
        let State::Binding { id, submitted } = &self.state else {
            return;
        };
        let submitted = *submitted;
        let Some(reply) = reply_to(id, &element) else {
            return self.unexpected(now, &element);
        };
        match outcome(&reply) {
            Ok(()) => match bound(&reply) {
                Some(jid) if self.needs_session => {
                    let id = self.ask_server(Element::builder("session", ns::SESSION));
                    self.enter(now, State::Session { id, jid, early: Vec::new() });
                }
                Some(jid) => self.bound(now, jid),
                None => {
                    let what = "the reply to resource binding contains no full address";
                    self.violation(now, stream::Condition::InvalidXml, what);
                }
            },
            Err(error) if submitted && *error.condition() == stanza::Condition::Conflict => {
                self.bind(now, false)
            }
            Err(error) => self.finish_with(now, Error::Refused(Refused::Binding(error))),
        }
    }

    pub(super) fn on_session(&mut self, now: Now, element: Element) {
        let State::Session { id, jid, early } = &mut self.state else {
            return;
        };
        let Some(reply) = reply_to(id, &element) else {
            if element.ns() == ns::CLIENT && early.len() < EARLY {
                return early.push(element);
            }
            return self.unexpected(now, &element);
        };
        let (jid, early) = (jid.clone(), core::mem::take(early));
        match outcome(&reply) {
            Ok(()) => {
                self.bound(now, jid);
                for element in early {
                    self.on_stanza(now, element);
                }
            }
            Err(error) => self.finish_with(now, Error::Refused(Refused::Session(error))),
        }
    }

    fn bound(&mut self, now: Now, jid: FullJid) {
        let ledger = self.begin_management();
        self.go_online(now, jid, ledger, false);
    }

    /// There is a session: with stream management if there is a `ledger`, with carbons if the server has been told.
    pub(super) fn go_online(&mut self, now: Now, jid: FullJid, ledger: Option<Ledger>, carbons: bool) {
        self.events.push_back(Event::Online(jid.clone()));
        self.jid = Some(jid);
        self.im.active = now.instant;
        self.enter(now, State::Online);
        self.watch.restart(now.instant);
        self.ledger = ledger;
        self.resend();
        self.begin_state();
        if self.config.carbons && !carbons {
            // A server that does not know them says so, and that is that.
            let _ = self.ask(now, Purpose::Carbons, &SetCarbons(true), None);
        }
    }

    /// Sends an iq that belongs to negotiation and returns its id.
    fn ask_server(&mut self, payload: ElementBuilder) -> String {
        let id = self.entropy.id();
        let stanza = Stanza::Iq(Iq::set(None, &id, payload));
        self.stream.send_with(|out, scope| stanza.write(out, scope));
        id
    }
}

/// The element, if it is the reply to the request with this id. Until a resource is bound only the server itself can
/// speak on the stream.
fn reply_to(id: &str, element: &Element) -> Option<Iq> {
    match Stanza::parse(element.clone()) {
        Ok(Stanza::Iq(iq)) if iq.id() == id && matches!(iq.kind(), IqType::Result | IqType::Error) => {
            Some(iq)
        }
        _ => None,
    }
}

fn outcome(reply: &Iq) -> Result<(), StanzaError> {
    match reply.kind() {
        IqType::Error => {
            Err(reply.error().unwrap_or_else(|| StanzaError::new(stanza::Condition::UndefinedCondition)))
        }
        _ => Ok(()),
    }
}

/// The address in the reply: whatever the server says it is (RFC 6120 section 4.3.6).
fn bound(reply: &Iq) -> Option<FullJid> {
    let bind = reply.payload().filter(|payload| payload.is("bind", ns::BIND))?;
    FullJid::new(bind.child("jid", ns::BIND)?.text().trim()).ok()
}
