//! SASL on the wire (RFC 6120 section 6): elements to messages and back, attempts counted, questions asked.

use super::config::sasl_transport;
use super::exchange::{Exchange, Question};
use super::negotiation::{Account, Negotiation, Step};
use super::{Event, Link};
use crate::jid::{BareJid, Jid};
use crate::machine::Now;
use crate::ns;
use crate::sasl::{Condition, ServerStep, StoredCredentials};
use crate::server::output::Unavailable;
use crate::stream;
use crate::stream::sasl2::Message;
use crate::xml::Element;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

impl Negotiation {
    /// An element of SASL came, and one is due.
    pub(super) fn sasl(&mut self, link: &mut Link, now: Now, element: &Element) {
        match (element.name(), std::mem::replace(&mut self.step, Step::Features)) {
            // A new attempt replaces the one under way (RFC 6120 section 6.4.2), which then counts as one that failed.
            ("auth", Step::Challenged(exchange)) => {
                if self.count_failure(link, now, Some(&exchange), Condition::Aborted) {
                    self.auth(link, now, element);
                }
            }
            ("auth", _) => self.auth(link, now, element),
            ("response", Step::Challenged(exchange)) => self.response(link, now, exchange, element),
            ("response", _) => self.refuse(link, now, None, Condition::MalformedRequest),
            ("abort", Step::Challenged(exchange)) => {
                self.refuse(link, now, Some(&exchange), Condition::Aborted);
            }
            ("abort", _) => self.refuse(link, now, None, Condition::Aborted),
            _ => link.violation(now, stream::Condition::NotAuthorized, "Log in first."),
        }
    }

    fn auth(&mut self, link: &mut Link, now: Now, element: &Element) {
        let transport = sasl_transport(link.stream.tls());
        let policy = &link.config.sasl;
        let name = element.attr("mechanism").unwrap_or_default();
        let mechanism = match policy.select(name, transport) {
            Ok(mechanism) => mechanism,
            Err(condition) => return self.refuse(link, now, None, condition),
        };
        let Some(session) = self.begin(link, mechanism) else { return };
        let mut exchange = Box::new(Exchange::new(session, mechanism, None));
        match decode(element) {
            Ok(initial) => {
                let step = exchange.session.response(initial.as_deref());
                self.advance(link, now, exchange, step);
            }
            Err(condition) => self.refuse(link, now, Some(&exchange), condition),
        }
    }

    fn response(&mut self, link: &mut Link, now: Now, mut exchange: Box<Exchange>, element: &Element) {
        match decode(element) {
            Ok(response) => {
                let step = exchange.session.response(Some(response.as_deref().unwrap_or_default()));
                self.advance(link, now, exchange, step);
            }
            Err(condition) => self.refuse(link, now, Some(&exchange), condition),
        }
    }

    /// The owner's answer to a look-up.
    pub(super) fn credentials(
        &mut self,
        link: &mut Link,
        now: Now,
        stored: Result<Option<StoredCredentials>, Unavailable>,
    ) {
        let Some(mut exchange) = self.answered(Question::Credentials) else { return };
        let step = match stored {
            Ok(stored) => {
                if let Some(wishes) = &mut exchange.wishes {
                    wishes.fingerprint = stored.as_ref().map(StoredCredentials::fingerprint);
                }
                exchange.session.credentials(stored)
            }
            Err(Unavailable) => exchange.session.unavailable(),
        };
        self.advance(link, now, exchange, step);
    }

    /// The owner's verdict on a token or certificate.
    pub(super) fn verdict(&mut self, link: &mut Link, now: Now, verdict: Result<String, Condition>) {
        let Some(mut exchange) = self.answered(Question::Verdict) else { return };
        let step = exchange.session.verdict(verdict);
        self.advance(link, now, exchange, step);
    }

    /// The exchange that waits for the answer to such a question.
    pub(super) fn answered(&mut self, question: Question) -> Option<Box<Exchange>> {
        match std::mem::replace(&mut self.step, Step::Features) {
            Step::Judging(exchange) if exchange.question == Some(question) => Some(exchange),
            other => {
                self.step = other;
                None
            }
        }
    }

    pub(super) fn advance(
        &mut self,
        link: &mut Link,
        now: Now,
        mut exchange: Box<Exchange>,
        step: ServerStep,
    ) {
        match step {
            ServerStep::Challenge(data) => {
                link.stream.send(&match exchange.wishes {
                    Some(_) => Message::Challenge(data).to_element(),
                    None => message("challenge", Some(&data).filter(|data| !data.is_empty())),
                });
                self.step = Step::Challenged(exchange);
            }
            ServerStep::NeedCredentials { username } => match self.account_of(&username) {
                Some(account) => {
                    exchange.account = Some(account.clone());
                    self.ask(link, exchange, Question::Credentials, Event::Lookup { account });
                }
                // A name that is no local part is nobody's.
                None => {
                    let step = exchange.session.credentials(None);
                    self.advance(link, now, exchange, step);
                }
            },
            ServerStep::NeedTokens { username } => match (self.account_of(&username), exchange.client()) {
                (Some(account), Some(client)) => {
                    exchange.account = Some(account.clone());
                    self.ask(link, exchange, Question::Tokens, Event::LookupTokens { account, client });
                }
                _ => {
                    let step = exchange.session.tokens(&[], false);
                    self.advance(link, now, exchange, step);
                }
            },
            ServerStep::NeedTokenVerdict { username, token } => {
                let Some(domain) = self.domain.clone() else { return };
                let event = Event::TokenVerdict { domain, username, token };
                self.ask(link, exchange, Question::Verdict, event);
            }
            ServerStep::NeedCertificateVerdict { authzid } => {
                let Some(domain) = self.domain.clone() else { return };
                let tls = link.stream.tls();
                let certificates = tls.map(|tls| tls.peer_certificates.clone()).unwrap_or_default();
                let event = Event::CertificateVerdict { domain, authzid, certificates };
                self.ask(link, exchange, Question::Verdict, event);
            }
            ServerStep::Success { username, data } => {
                let local = username.unwrap_or_else(|| self.entropy.id());
                match self.account_of(&local) {
                    Some(jid) => {
                        let account = Account { jid, mechanism: exchange.mechanism };
                        match exchange.wishes {
                            Some(_) if self.asks_for_fingerprint(link, &exchange, &account) => {
                                self.ask_for_fingerprint(link, exchange, account, data);
                            }
                            Some(_) => self.proved(link, now, exchange, account, data),
                            None => self.succeed(link, now, account, data.as_ref()),
                        }
                    }
                    None => self.refuse(link, now, Some(&exchange), Condition::NotAuthorized),
                }
            }
            ServerStep::Failure(condition) => self.refuse(link, now, Some(&exchange), condition),
        }
    }

    fn ask_for_fingerprint(
        &mut self,
        link: &mut Link,
        mut exchange: Box<Exchange>,
        account: Account,
        data: Option<Vec<u8>>,
    ) {
        let Some(client) = exchange.client() else { return };
        let event = Event::LookupTokens { account: account.jid.clone(), client };
        exchange.outcome = Some((account, data));
        self.ask(link, exchange, Question::Fingerprint, event);
    }

    fn ask(&mut self, link: &mut Link, mut exchange: Box<Exchange>, question: Question, event: Event) {
        exchange.question = Some(question);
        self.step = Step::Judging(exchange);
        link.event(event);
    }

    fn account_of(&self, local: &str) -> Option<BareJid> {
        let jid = Jid::from_parts(Some(local), self.domain.as_ref()?.as_str(), None).ok()?;
        jid.as_bare()
    }

    fn succeed(&mut self, link: &mut Link, now: Now, account: Account, data: Option<&Vec<u8>>) {
        let is_other = self.claimed.as_ref().is_some_and(|claimed| *claimed != account.jid);
        if is_other && !account.is_anonymous() {
            let detail = "The stream was opened from another account than the one logged in to.";
            return link.violation(now, stream::Condition::InvalidFrom, detail);
        }
        link.stream.send(&message("success", data));
        link.stream.restart();
        link.stream.set_limits(now, link.config.authenticated);
        let event = Event::Authenticated { account: account.jid.clone(), mechanism: account.mechanism };
        link.event(event);
        self.step = Step::Restart(account);
    }

    /// Sends `<failure/>`; the client may try again, unless it has done so too often.
    fn refuse(&mut self, link: &mut Link, now: Now, exchange: Option<&Exchange>, condition: Condition) {
        if exchange.is_some_and(|exchange| exchange.wishes.is_some()) {
            return self.refuse2(link, now, exchange, condition);
        }
        let reason = Element::builder(condition.name(), ns::SASL);
        link.stream.send(&Element::builder("failure", ns::SASL).child(reason).build());
        self.count_failure(link, now, exchange, condition);
    }

    /// False if it was one too many (RFC 6120 section 6.4.5).
    pub(super) fn count_failure(
        &mut self,
        link: &mut Link,
        now: Now,
        exchange: Option<&Exchange>,
        condition: Condition,
    ) -> bool {
        link.event(Event::AuthenticationFailed {
            account: exchange.and_then(|exchange| exchange.account.clone()),
            mechanism: exchange.map(|exchange| exchange.mechanism),
            condition,
        });
        self.auth_failures += 1;
        let again = self.auth_failures < link.config.max_auth_failures;
        if !again {
            link.violation(now, stream::Condition::PolicyViolation, "Too many failed authentications.");
        }
        again
    }
}

/// What an element of SASL carries: `None` for nothing, `=` for a message of no bytes (RFC 6120 section 6.4.2).
fn decode(element: &Element) -> Result<Option<Vec<u8>>, Condition> {
    if element.children().next().is_some() {
        return Err(Condition::MalformedRequest);
    }
    match &*element.text() {
        "" => Ok(None),
        "=" => Ok(Some(Vec::new())),
        text => BASE64.decode(text).map(Some).map_err(|_| Condition::IncorrectEncoding),
    }
}

/// An element of SASL that carries a message, or none.
fn message(name: &str, data: Option<&Vec<u8>>) -> Element {
    let element = Element::builder(name, ns::SASL);
    match data {
        None => element.build(),
        Some(data) if data.is_empty() => element.text("=").build(),
        Some(data) => element.text(&BASE64.encode(data)).build(),
    }
}
