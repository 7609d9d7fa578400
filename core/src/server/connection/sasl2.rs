//! SASL2 (XEP-0388): logging in, with what is asked for along with it, on one stream.
//!
//! | the peer sends | it gets, or the owner does |
//! |---|---|
//! | `<authenticate/>`, `<response/>` | as in RFC 6120's profile: look-ups, verdicts, `<challenge/>`, `<failure/>` |
//! | the last of them | [`Event::ChangeTokens`] if a token was used or is to be given (XEP-0484) |
//! | | [`Event::Bind`] if a resource is asked for (XEP-0386) |
//! | | `<success/>` with all of it, and the features of the stream, which goes on |
//!
//! Anything else that comes in between ends the stream (section 2.4).

use super::config::sasl_transport;
use super::exchange::Exchange;
use super::negotiation::{Account, Negotiation, Step};
use super::session::Session;
use super::{Config, Event, Link, management};
use crate::jid::{FullJid, Jid};
use crate::machine::Now;
use crate::ns;
use crate::sasl::{Condition, Mechanism, ServerSession};
use crate::server::bind::{BindRequest, Enable, Granted, Resource};
use crate::stanza;
use crate::stream::management::Management;
use crate::stream::sasl2::{Authenticate, Authentication, Failure, Inline, Message, Resume, Success};
use crate::stream::{self, bind2, fast};
use crate::xml::Element;

/// What a client has asked for along with authentication.
#[derive(Debug)]
pub(super) struct Wishes {
    pub(super) asked: Box<Authenticate>,
    /// What the account's tokens hang on, as it was when the client proved itself with the password.
    pub(super) fingerprint: Option<[u8; 32]>,
}

/// A client that has proved who it is and waits for the rest.
#[derive(Debug)]
pub(super) struct Admission {
    pub(super) account: Account,
    wishes: Wishes,
    /// The mechanism's last word.
    data: Option<Vec<u8>>,
    /// What to give it, once the store has it.
    pub(super) token: Option<fast::Token>,
    resumption: Option<Management>,
}

impl Negotiation {
    /// What is offered on this stream, if SASL2 is.
    pub(super) fn sasl2_feature(&self, link: &Link) -> Option<Authentication> {
        let config = &link.config;
        let bind = config.sasl2.bind.then(|| bind2::Offer::new(inline_features(link)));
        let tokens = self.offered_tokens(link);
        let fast =
            (!tokens.is_empty()).then(|| fast::Offer::new(tokens.iter().map(|mechanism| mechanism.name())));
        let mut inline = Inline::default();
        (inline.bind, inline.fast) = (bind, fast);
        inline.resumption = config.acknowledgements.is_some();
        let offered = config.sasl2.enabled && !self.offered.is_empty();
        offered.then(|| Authentication::new(self.offered.iter().map(|mechanism| mechanism.name()), inline))
    }

    /// The mechanisms for which tokens are given and taken.
    pub(super) fn offered_tokens(&self, link: &Link) -> Vec<Mechanism> {
        let config = &link.config;
        if !config.sasl2.enabled || config.sasl2.tokens.is_none() {
            return Vec::new();
        }
        config.sasl.offer_with_token(sasl_transport(link.stream.tls()))
    }

    /// An element of SASL2 came, while features are offered or in an exchange.
    pub(super) fn sasl2(&mut self, link: &mut Link, now: Now, element: &Element) {
        let step = std::mem::replace(&mut self.step, Step::Features);
        let message = Message::parse(element.root());
        match (message, step) {
            (Ok(Message::Authenticate(asked)), Step::Features) => self.authenticate(link, now, asked),
            (Err(error), Step::Features) if element.is("authenticate", ns::SASL2) => {
                self.refuse2(link, now, None, error.condition());
            }
            (Ok(Message::Response(data)), Step::Challenged(mut exchange)) if exchange.wishes.is_some() => {
                let step = exchange.session.response(Some(&data));
                self.advance(link, now, exchange, step);
            }
            (Ok(Message::Abort), Step::Challenged(exchange)) if exchange.wishes.is_some() => {
                self.refuse2(link, now, Some(&exchange), Condition::Aborted);
            }
            (Err(error), Step::Challenged(exchange))
                if exchange.wishes.is_some() && element.is("response", ns::SASL2) =>
            {
                self.refuse2(link, now, Some(&exchange), error.condition());
            }
            _ => link.violation(now, stream::Condition::NotAuthorized, "That has no place here."),
        }
    }

    fn authenticate(&mut self, link: &mut Link, now: Now, asked: Box<Authenticate>) {
        let transport = sasl_transport(link.stream.tls());
        let policy = &link.config.sasl;
        let with_token = Mechanism::with_token(&asked.mechanism).is_some();
        let mechanism = match with_token {
            false => policy.select(&asked.mechanism, transport),
            true if self.offered_tokens(link).is_empty() => Err(Condition::InvalidMechanism),
            true => policy.select_with_token(&asked.mechanism, transport),
        };
        let mechanism = match mechanism {
            Ok(mechanism) => mechanism,
            Err(condition) => return self.refuse2(link, now, None, condition),
        };
        // A token goes with its element and with the client that it was given to (XEP-0484 sections 3.4 and 4.1).
        let has_client = asked.user_agent.as_ref().is_some_and(|client| client.id.is_some());
        if with_token != asked.fast.is_some() || (with_token && !has_client) {
            return self.refuse2(link, now, None, Condition::MalformedRequest);
        }
        let Some(session) = self.begin(link, mechanism) else { return };
        let initial = asked.initial.clone();
        let wishes = Some(Wishes { asked, fingerprint: None });
        let mut exchange = Box::new(Exchange::new(session, mechanism, wishes));
        let step = exchange.session.response(initial.as_deref());
        self.advance(link, now, exchange, step);
    }

    /// Begins an exchange, in either profile.
    pub(super) fn begin(&mut self, link: &Link, mechanism: Mechanism) -> Option<ServerSession> {
        let transport = sasl_transport(link.stream.tls());
        let policy = &link.config.sasl;
        let domain = self.domain.as_ref()?.as_str();
        let secret = link.config.secret();
        let (offered, entropy) = (&self.offered, &mut self.entropy);
        let session = ServerSession::start(mechanism, domain, offered, transport.bindings, secret, entropy);
        let session = session.decoy_iterations(policy.iterations);
        if !policy.downgrade_protection {
            return Some(session);
        }
        let offered: Vec<&str> = self.offered.iter().map(|mechanism| mechanism.name()).collect();
        let announced = self.announced.as_ref();
        let announced = announced.map(|kinds| kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>());
        Some(session.protect(&offered, announced.as_deref()))
    }

    /// Sends `<failure/>`; the client may try again, unless it has done so too often.
    pub(super) fn refuse2(
        &mut self,
        link: &mut Link,
        now: Now,
        exchange: Option<&Exchange>,
        condition: Condition,
    ) {
        self.step = Step::Features;
        link.stream.send(&Message::Failure(Failure::new(condition)).to_element());
        self.count_failure(link, now, exchange, condition);
    }

    /// The client has proved who it is.
    pub(super) fn proved(
        &mut self,
        link: &mut Link,
        now: Now,
        mut exchange: Box<Exchange>,
        account: Account,
        data: Option<Vec<u8>>,
    ) {
        let Some(wishes) = exchange.wishes.take() else { return };
        let is_other = self.claimed.as_ref().is_some_and(|claimed| *claimed != account.jid);
        if is_other && !account.is_anonymous() {
            // Section 2.3: that is a failure, not an error of the stream.
            exchange.wishes = Some(wishes);
            return self.refuse2(link, now, Some(&exchange), Condition::InvalidAuthzid);
        }
        let admission = Admission { account, wishes, data, token: None, resumption: None };
        self.settle_tokens(link, now, exchange, Box::new(admission));
    }

    /// Tokens are settled: is an earlier session wanted, or a new one?
    pub(super) fn admit(&mut self, link: &mut Link, now: Now, mut admission: Box<Admission>) {
        let account = &admission.account;
        let event = Event::Authenticated { account: account.jid.clone(), mechanism: account.mechanism };
        link.event(event);
        link.stream.set_limits(now, link.config.authenticated);
        let Some(Resume { previd, h }) = admission.wishes.asked.resume.take() else {
            return self.bind_resource(link, admission);
        };
        let refusal = match link.config.acknowledgements {
            None => stanza::Condition::FeatureNotImplemented,
            // A guest that logs in again has another account.
            Some(_) if admission.account.is_anonymous() => stanza::Condition::ItemNotFound,
            Some(_) => {
                link.event(Event::Resume { account: admission.account.jid.clone(), previd, h });
                self.step = Step::Reviving(admission);
                return;
            }
        };
        admission.resumption = Some(Management::Failed { condition: Some(refusal), h: None });
        self.bind_resource(link, admission);
    }

    /// The owner went on with an earlier session: no other is bound, and there is nothing more to negotiate (XEP-0198 section
    /// 7.2).
    pub(super) fn revived(
        &mut self,
        link: &mut Link,
        now: Now,
        mut admission: Admission,
        jid: FullJid,
        resumed: Management,
    ) -> Option<Session> {
        let domain = self.domain.clone()?;
        let account = admission.account.clone();
        admission.resumption = Some(resumed);
        link.stream.send(&admission.success(jid.clone().into(), None));
        Some(Session::new(jid, domain, account, true, now))
    }

    /// The owner has no such session: then a new one, if one is wanted.
    pub(super) fn not_revived(&mut self, link: &mut Link, mut admission: Box<Admission>, failed: Management) {
        admission.resumption = Some(failed);
        self.bind_resource(link, admission);
    }

    fn bind_resource(&mut self, link: &mut Link, admission: Box<Admission>) {
        match &admission.wishes.asked.bind {
            Some(wanted) if link.config.sasl2.bind => {
                let request = admission.bind_request(wanted, &link.config);
                link.event(Event::Bind { account: admission.account.jid.clone(), request });
                self.step = Step::Admitting(admission);
            }
            _ => self.succeed2(link, *admission, None),
        }
    }

    /// The owner made a session for a client that has just proved who it is.
    pub(super) fn admitted(
        &mut self,
        link: &mut Link,
        now: Now,
        admission: Admission,
        jid: FullJid,
        granted: &Granted,
    ) -> Option<Session> {
        let domain = self.domain.clone()?;
        let account = admission.account.clone();
        self.succeed2(link, admission, Some((&jid, granted)));
        Some(Session::new(jid, domain, account, granted.management.is_some(), now))
    }

    /// The owner made none. It is authenticated all the same, and can ask again (RFC 6120 section 7).
    pub(super) fn admitted_without(&mut self, link: &mut Link, now: Now, admission: Admission) {
        self.succeed2(link, admission, None);
        self.count_bind_failure(link, now);
    }

    /// `<success/>`, and what the stream offers from here on.
    fn succeed2(&mut self, link: &mut Link, admission: Admission, bound: Option<(&FullJid, &Granted)>) {
        let account = admission.account.clone();
        let success = match bound {
            Some((jid, granted)) => {
                let bound = bind2::Bound::new(admission.management(granted));
                admission.success(jid.clone().into(), Some(bound))
            }
            None => admission.success(account.jid.clone().into(), None),
        };
        link.stream.send(&success);
        let is_managed = bound.is_some_and(|(_, granted)| granted.management.is_some());
        self.send_features(link, bound.is_none(), !is_managed);
        self.step = Step::Bind(account);
    }
}

impl Admission {
    pub(super) fn asked(&self) -> &Authenticate {
        &self.wishes.asked
    }

    pub(super) fn fingerprint(&self) -> Option<[u8; 32]> {
        self.wishes.fingerprint
    }

    /// The element that tells the client.
    fn success(self, identity: Jid, bound: Option<bind2::Bound>) -> Element {
        let mut success = Success::new(identity);
        success.bound = bound;
        (success.data, success.token, success.resumption) = (self.data, self.token, self.resumption);
        Message::Success(Box::new(success)).to_element()
    }

    /// What is not offered here is not asked for.
    fn bind_request(&self, wanted: &bind2::Request, config: &Config) -> BindRequest {
        let client = self.asked().user_agent.as_ref().and_then(|client| client.id);
        BindRequest {
            resource: Resource::Tagged {
                tag: wanted.tag.clone().filter(|tag| !tag.is_empty()),
                client: client.map(|id| id.to_string()),
            },
            anonymous: self.account.is_anonymous(),
            carbons: wanted.carbons,
            inactive: config.client_state && wanted.state == Some(bind2::ClientState::Inactive),
            management: wanted
                .management
                .filter(|_| config.acknowledgements.is_some())
                .map(|bind2::Enable { resume, max }| Enable { resume, max }),
        }
    }

    /// What became of stream management, if it was asked for.
    fn management(&self, granted: &Granted) -> Option<Management> {
        self.asked().bind.as_ref()?.management?;
        Some(match &granted.management {
            Some(enabled) => management::enabled(enabled.clone()),
            None => Management::Failed { condition: Some(stanza::Condition::FeatureNotImplemented), h: None },
        })
    }
}

/// What a session can begin with.
fn inline_features(link: &Link) -> impl Iterator<Item = &'static str> {
    let management = link.config.acknowledgements.map(|_| ns::SM);
    let state = link.config.client_state.then_some(ns::CSI);
    [ns::CARBONS].into_iter().chain(state).chain(management)
}
