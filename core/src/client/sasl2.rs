//! Logging in with SASL2 (XEP-0388): resource, resumption and tokens are asked for along with authentication (XEP-0386,
//! XEP-0198 section 7, XEP-0484), so that one round trip leads to a live session.
//!
//! What the server does not offer is done one step after the other, as RFC 6120 has it. A refused password is not tried
//! again the other way: whoever can make one profile fail must not learn more from the other.

use super::config::Management as Wanted;
use super::ledger::Ledger;
use super::management::seconds;
use super::state::{Asked, Offer, Phase, State};
use super::token::FastToken;
use super::{Client, Error, Event, Refused};
use crate::jid::FullJid;
use crate::machine::Now;
use crate::ns;
use crate::sasl::{ChannelBindings, ClientError, ClientSession, Mechanism, Start};
use crate::stream::bind2::{self, ClientState};
use crate::stream::management::Management;
use crate::stream::sasl2::{Authenticate, Inline, Message, Resume, Success, UserAgent};
use crate::stream::{Condition, Features, fast};
use crate::xml::Element;

/// Stanzas that may come between the success and the features.
const EARLY: usize = 64;

impl Client {
    /// Logs in with a token, if there is one that is good here; else gives the offer back.
    pub(super) fn begin_with_token(&mut self, now: Now, offer: Offer) -> Option<Offer> {
        let Some((session, start)) = self.token_session(now, &offer) else { return Some(offer) };
        let policy = self.config.policy.clone();
        self.attempt(now, offer, session, start, None, policy);
        None
    }

    fn token_session(&self, now: Now, offer: &Offer) -> Option<(ClientSession, Start)> {
        let token = self.config.fast_token.as_ref().filter(|token| token.expiry > now.utc)?;
        let offered = offer.sasl2.as_ref()?.fast.as_ref()?;
        // A token is given to one installation (XEP-0484 section 4.1).
        self.config.user_agent.id?;
        if !offered.mechanisms.iter().any(|name| name == token.mechanism.name()) {
            return None;
        }
        let tls = self.stream.tls()?;
        let username = self.config.account.local()?;
        let (mechanism, policy) = (token.mechanism, &self.config.policy);
        ClientSession::with_token(mechanism, username, &token.token, policy, true, &tls.bindings).ok()
    }

    /// `<authenticate/>`, with all that can be asked for along with it.
    pub(super) fn authenticate_with(
        &mut self,
        inline: &Inline,
        start: Start,
        with_token: bool,
    ) -> (Element, Asked) {
        let mut authenticate = Authenticate::new(start.mechanism.name(), start.initial);
        let mut asked = Asked::default();
        let user_agent = &self.config.user_agent;
        authenticate.user_agent = (*user_agent != UserAgent::default()).then(|| user_agent.clone());
        if with_token {
            // The server gives another when it is time.
            authenticate.fast = Some(fast::Use::default());
            asked.token = Some(start.mechanism);
        } else if let Some(mechanism) = self.wanted_token(inline) {
            authenticate.request_token = Some(fast::RequestToken { mechanism: mechanism.name().to_owned() });
            asked.token = Some(mechanism);
        }
        if inline.resumption {
            let resumption = self.ledger.as_ref().and_then(|ledger| Some((ledger, ledger.resumption()?)));
            authenticate.resume = resumption
                .map(|(ledger, resumption)| Resume { previd: resumption.id.clone(), h: ledger.handled() });
            asked.resume = authenticate.resume.is_some();
        }
        // A resource of one's own choice can only be had the old way.
        if let Some(offer) = inline.bind.as_ref().filter(|_| self.config.account.resource().is_none()) {
            authenticate.bind = Some(self.bind_with(offer, &mut asked));
        }
        (Message::Authenticate(Box::new(authenticate)).to_element(), asked)
    }

    /// For which mechanism to ask for a token.
    fn wanted_token(&self, inline: &Inline) -> Option<Mechanism> {
        self.config.user_agent.id?;
        let names: Vec<&str> = inline.fast.as_ref()?.mechanisms.iter().map(String::as_str).collect();
        let none = ChannelBindings::default();
        Mechanism::best_with_token(&names, self.stream.tls().map_or(&none, |tls| &tls.bindings))
    }

    fn bind_with(&mut self, offer: &bind2::Offer, asked: &mut Asked) -> bind2::Request {
        let mut request = bind2::Request::default();
        asked.bind = true;
        asked.carbons = self.config.carbons && offer.has(ns::CARBONS);
        request.tag.clone_from(&self.config.resource_tag);
        request.carbons = asked.carbons;
        request.management = match self.config.management {
            Wanted::Off => None,
            _ if !offer.has(ns::SM) => None,
            Wanted::Acknowledge => Some(bind2::Enable::default()),
            Wanted::Resume { max } => Some(bind2::Enable { resume: true, max: max.map(seconds) }),
        };
        asked.management = request.management.is_some();
        self.csi.is_offered_inline = offer.has(ns::CSI);
        if self.csi.is_offered_inline && self.csi.wanted == ClientState::Inactive {
            request.state = Some(ClientState::Inactive);
            self.csi.is_told_inline = true;
        }
        request
    }

    /// An element of SASL2, while authenticating.
    pub(super) fn on_sasl2(&mut self, now: Now, element: &Element) {
        match Message::parse(element.root()) {
            Ok(Message::Challenge(data)) => self.on_challenge(now, Ok(data)),
            Ok(Message::Success(success)) => self.on_authenticated(now, *success),
            Ok(Message::Failure(failure)) => self.on_failure(now, failure.condition, failure.text),
            Ok(Message::Continue(more)) => {
                let tasks = more.tasks.into_iter().take(20).collect();
                let _ = self.take_attempt();
                self.stream.send(&Message::Abort.to_element());
                self.decide(Err(Error::Refused(Refused::Tasks(tasks))));
                self.enter(now, State::Aborting(None));
            }
            Ok(_) => self.unexpected(now, element),
            Err(_) if element.name() == "challenge" => self.on_challenge(now, Err(ClientError::Malformed)),
            Err(malformed) => self.violation(now, Condition::InvalidXml, malformed.what()),
        }
    }

    /// We are who we say, and this is what became of the rest.
    fn on_authenticated(&mut self, now: Now, mut success: Success) {
        if !self.on_success(now, Ok(success.data.take())) {
            return;
        }
        let Some(attempt) = self.take_attempt() else { return };
        let asked = attempt.asked;
        if (success.resumption.is_some() && !asked.resume) || (success.bound.is_some() && !asked.bind) {
            return self.violation(now, Condition::PolicyViolation, "the success answers what was not asked");
        }
        if let (Some(token), Some(mechanism)) = (success.token, asked.token) {
            let token = FastToken::new(mechanism, &token.token, token.expiry);
            self.config.fast_token = Some(token.clone());
            self.events.push_back(Event::Token(token));
        }
        // A session that goes on begins active.
        self.csi.is_told_inline &= success.bound.is_some();
        match success.resumption {
            Some(Management::Resumed { previd, h }) => {
                self.may_get_features = true;
                return self.on_resumed(now, &previd, h);
            }
            Some(Management::Failed { h, .. }) if !self.lose_session(now, h) => return,
            // There is another one now.
            None if success.bound.is_some() && self.is_continuing && !self.lose_session(now, None) => return,
            _ => {}
        }
        let Some(bound) = success.bound else {
            // No new stream begins; its features follow at once.
            return self.enter(now, State::Features { phase: Phase::Authenticated, wrong_host: false });
        };
        let Ok(jid) = FullJid::new(success.identity.as_str()) else {
            return self.violation(
                now,
                Condition::InvalidXml,
                "a resource is bound and the success does not name it",
            );
        };
        let management = bound.management;
        self.enter(now, State::Bound { jid, asked, management, early: Vec::new() });
    }

    /// What follows a resource that was bound along with authentication.
    pub(super) fn on_bound(&mut self, now: Now, element: Element) {
        if !element.is("features", ns::STREAM) {
            return match &mut self.state {
                State::Bound { early, .. } if element.ns() == ns::CLIENT && early.len() < EARLY => {
                    early.push(element);
                }
                _ => self.unexpected(now, &element),
            };
        }
        self.features = Some(Features::parse(element.root()));
        let State::Bound { jid, asked, management, early } =
            core::mem::replace(&mut self.state, State::Ending)
        else {
            return;
        };
        let ledger = match (asked.management, management) {
            (false, _) => self.begin_management(),
            // One attempt is all there is (XEP-0198 section 3).
            (true, Some(Management::Enabled { id, resume, location, max })) => {
                Some(Ledger::agreed(self.resumption_of(id, resume, location, max)))
            }
            (true, _) => None,
        };
        self.go_online(now, jid, ledger, asked.carbons);
        for element in early {
            self.on_stanza(now, element);
        }
    }
}
