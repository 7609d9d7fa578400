//! SASL as the initiating entity (RFC 6120 section 6): the elements around what [`crate::sasl`] says.

use super::config::Management;
use super::state::{Asked, Attempt, Offer, Phase, State};
use super::{Client, Error, Event, Missing, Misuse, Refused};
use crate::machine::Now;
use crate::ns;
use crate::sasl::{
    self, ChannelBindings, ClientError, ClientSession, Condition, Credentials, Mechanism, Policy,
    SelectError, Start,
};
use crate::stream::{self, Features, StreamError, sasl2};
use crate::xml::{Element, ElementBuilder};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

impl Client {
    /// The server's features before authentication.
    pub(super) fn on_offer(&mut self, now: Now, features: &Features) {
        let offer = self.offer(features);
        if offer.mechanisms.is_empty() {
            return self.finish_with(now, Error::Missing(Missing::Authentication));
        }
        self.log_in(now, offer);
    }

    /// SASL2 where it is offered, which is under TLS only (XEP-0388 section 6).
    fn offer(&self, features: &Features) -> Offer {
        let channel_bindings = features.channel_binding_names().map(<[_]>::to_vec);
        let is_wanted = self.config.sasl2 && self.stream.tls().is_some();
        let sasl2 = features.authentication().filter(|offer| is_wanted && !offer.mechanisms.is_empty());
        let others = features.mechanisms().to_vec();
        match sasl2 {
            Some(offer) => Offer {
                mechanisms: offer.mechanisms.clone(),
                channel_bindings,
                sasl2: Some(offer.inline.clone()),
                others,
            },
            None => Offer { mechanisms: others, channel_bindings, sasl2: None, others: Vec::new() },
        }
    }

    /// With a token, if there is one, with what the caller has given, or with what it will give.
    fn log_in(&mut self, now: Now, offer: Offer) {
        let Some(offer) = self.begin_with_token(now, offer) else { return };
        match self.config.credentials.take() {
            Some(credentials) => self.begin(now, offer, credentials, self.config.policy.clone(), None),
            None => self.ask_for_credentials(now, offer),
        }
    }

    fn ask_for_credentials(&mut self, now: Now, offer: Offer) {
        self.events.push_back(Event::CredentialsNeeded { mechanisms: offer.mechanisms.clone() });
        self.enter(now, State::Credentials(offer));
    }

    /// The caller's credentials have come.
    pub(super) fn on_credentials(&mut self, now: Now, credentials: Credentials) -> Result<(), Misuse> {
        if let State::Credentials(offer) = &self.state {
            let offer = offer.clone();
            self.begin(now, offer, credentials, self.config.policy.clone(), None);
            return Ok(());
        }
        if self.state.is_before_authentication() && self.config.credentials.is_none() {
            self.config.credentials = Some(credentials);
            return Ok(());
        }
        Err(Misuse::CredentialsNotNeeded)
    }

    /// Tries the best mechanism on offer. `refused`: why the one before did not work, which is what to report when no
    /// other is left.
    fn begin(
        &mut self,
        now: Now,
        offer: Offer,
        credentials: Credentials,
        policy: Policy,
        refused: Option<Refused>,
    ) {
        let names: Vec<&str> = offer.mechanisms.iter().map(String::as_str).collect();
        let announced = offer.channel_bindings.as_ref();
        let announced = announced.map(|names| names.iter().map(String::as_str).collect::<Vec<_>>());
        let none = ChannelBindings::default();
        let tls = self.stream.tls();
        let attempt = sasl::Attempt {
            offered: &names,
            secure: tls.is_some(),
            bindings: tls.map_or(&none, |tls| &tls.bindings),
            server_bindings: announced.as_deref(),
            sasl2: offer.sasl2.is_some(),
            authzid: None,
        };
        let (session, start) = match (attempt.start(&credentials, &policy, &mut self.entropy), refused) {
            (Ok(started), _) => started,
            (Err(_), Some(refused)) => return self.finish_with(now, Error::Refused(refused)),
            // Nothing has been tried yet, and the other profile has a list of its own.
            (Err(SelectError::NothingInCommon), None) if !offer.others.is_empty() => {
                let mechanisms = offer.others;
                let offer = Offer { mechanisms, sasl2: None, others: Vec::new(), ..offer };
                return self.begin(now, offer, credentials, policy, None);
            }
            (Err(error), None) => return self.finish_with(now, no_mechanism(error, offer.mechanisms)),
        };
        // The next connection of the session is negotiated with the same.
        if self.is_kept || matches!(self.config.management, Management::Resume { .. }) {
            self.credentials = Some(credentials.clone());
        }
        self.attempt(now, offer, session, start, Some(credentials), policy);
    }

    /// Begins the exchange.
    pub(super) fn attempt(
        &mut self,
        now: Now,
        offer: Offer,
        session: ClientSession,
        start: Start,
        credentials: Option<Credentials>,
        policy: Policy,
    ) {
        let mechanism = start.mechanism;
        let (element, asked) = match &offer.sasl2 {
            Some(inline) => self.authenticate_with(inline, start, credentials.is_none()),
            None => (auth(&start), Asked::default()),
        };
        self.stream.send(&element);
        if offer.sasl2.is_some() {
            // All that an earlier session has missed may come along with the success.
            self.stream.expect_limits(self.config.limits);
        }
        self.mechanism = Some(mechanism);
        self.sasl_ns = if offer.sasl2.is_some() { ns::SASL2 } else { ns::SASL };
        let attempt = Attempt { session, mechanism, offer, credentials, policy, asked };
        self.enter(now, State::Authenticating(Box::new(attempt)));
    }

    /// An element in the namespace of the SASL profile in use, while authenticating or aborting.
    pub(super) fn on_sasl(&mut self, now: Now, element: &Element) {
        if let State::Aborting(again) = &mut self.state {
            let again = again.take();
            return match (element.name(), again) {
                // What we kept is outdated, and the caller may know better.
                ("failure", Some(offer)) => self.ask_for_credentials(now, offer),
                // Whatever the server makes of it, the attempt is over and the reason known.
                ("failure" | "success", None) => self.close_stream(now),
                _ => self.unexpected(now, element),
            };
        }
        match element.name() {
            _ if element.ns() == ns::SASL2 => self.on_sasl2(now, element),
            "challenge" => self.on_challenge(now, decode(element).map(Option::unwrap_or_default)),
            "success" => {
                if self.on_success(now, decode(element)) {
                    self.stream.restart();
                    self.open(now, Phase::Authenticated);
                }
            }
            "failure" => {
                let conditions = element.children().filter(|child| child.ns() == ns::SASL);
                let condition = conditions.filter_map(|child| Condition::from_name(child.name())).next();
                let text = element.child("text", ns::SASL).map(|text| text.text().into_owned());
                self.on_failure(now, condition, text);
            }
            _ => self.unexpected(now, element),
        }
    }

    /// The server asks something.
    pub(super) fn on_challenge(&mut self, now: Now, data: Result<Vec<u8>, ClientError>) {
        let State::Authenticating(attempt) = &mut self.state else {
            return;
        };
        let is_sasl2 = attempt.offer.sasl2.is_some();
        match data.and_then(|data| attempt.session.challenge(&data)) {
            Ok(data) if is_sasl2 => self.stream.send(&sasl2::Message::Response(data).to_element()),
            Ok(data) => {
                let response = sasl("response");
                let response = if data.is_empty() { response } else { response.text(&BASE64.encode(data)) };
                self.stream.send(&response.build());
            }
            Err(error) => self.abort(now, error),
        }
    }

    /// Section 6.4.4: the handshake is aborted, the server confirms, and the stream is closed.
    fn abort(&mut self, now: Now, error: ClientError) {
        let Some(attempt) = self.take_attempt() else {
            return;
        };
        self.stream.send(&Element::builder("abort", self.sasl_ns).build());
        if error == ClientError::KeysOutdated {
            return self.enter(now, State::Aborting(Some(attempt.offer)));
        }
        self.decide(Err(Error::Refused(refusal(attempt.mechanism, error))));
        self.enter(now, State::Aborting(None));
    }

    /// The server says that we are who we say; true if it has proved that it is who it should be.
    pub(super) fn on_success(&mut self, now: Now, data: Result<Option<Vec<u8>>, ClientError>) -> bool {
        let State::Authenticating(attempt) = &mut self.state else {
            return false;
        };
        if let Err(error) = data.and_then(|data| attempt.session.success(data.as_deref())) {
            let error = Error::Refused(refusal(attempt.mechanism, error));
            let sent = StreamError::new(stream::Condition::NotAuthorized)
                .with_text("the server did not prove itself");
            self.fail(now, sent, error);
            return false;
        }
        self.keys = attempt.session.keys().cloned();
        // Whoever has done without the password in clear once is not asked for it again (XEP-0474 section 5).
        let is_better = matches!(attempt.mechanism, Mechanism::Scram { .. } | Mechanism::External);
        if is_better && !self.config.policy.excluded.contains(&Mechanism::Plain) {
            self.config.policy.excluded.push(Mechanism::Plain);
        }
        self.stream.set_limits(now, self.config.limits);
        true
    }

    /// The server says no.
    pub(super) fn on_failure(&mut self, now: Now, condition: Option<Condition>, text: Option<String>) {
        let Some(attempt) = self.take_attempt() else {
            return;
        };
        let Attempt { mechanism, offer, credentials, mut policy, .. } = *attempt;
        let Some(credentials) = credentials else {
            // A token is given up as soon as it is refused (XEP-0484 section 4.1).
            self.config.fast_token = None;
            return self.log_in(now, offer);
        };
        let refused = Refused::Credentials { mechanism, condition, text };
        if !another_may_help(condition) {
            return self.finish_with(now, Error::Refused(refused));
        }
        policy.excluded.push(mechanism);
        // Who could make us do without channel binding could sit in the middle (RFC 5802 section 6).
        policy.require_channel_binding |= matches!(mechanism, Mechanism::Scram { plus: true, .. });
        self.begin(now, offer, credentials, policy, Some(refused));
    }

    pub(super) fn take_attempt(&mut self) -> Option<Box<Attempt>> {
        match core::mem::replace(&mut self.state, State::Ending) {
            State::Authenticating(attempt) => Some(attempt),
            other => {
                self.state = other;
                None
            }
        }
    }
}

/// Sections 6.4.5 and 6.5: the server's quarrel is with the mechanism, not with who we are. Each refused mechanism is
/// excluded, so this comes to an end. A wrong password is not tried again: only a person can mend it.
fn another_may_help(condition: Option<Condition>) -> bool {
    matches!(condition, Some(Condition::InvalidMechanism | Condition::MechanismTooWeak))
}

/// Why there is not even a first attempt.
fn no_mechanism(error: SelectError, offered: Vec<String>) -> Error {
    match error {
        SelectError::BadCredentials => Error::Local(Misuse::BadCredentials),
        SelectError::BelowFloor => Error::Missing(Missing::StrongMechanism(offered)),
        SelectError::Downgrade => Error::Refused(Refused::Downgrade(offered)),
        _ => Error::Missing(Missing::Mechanism(offered)),
    }
}

/// What it means that our side of the exchange cannot go on.
fn refusal(mechanism: Mechanism, error: ClientError) -> Refused {
    match error {
        // RFC 5802 section 7, `e=`: the server says no, only inside SCRAM.
        ClientError::Refused => {
            Refused::Credentials { mechanism, condition: Some(Condition::NotAuthorized), text: None }
        }
        error => Refused::Server { mechanism, error },
    }
}

/// `<auth/>`.
fn auth(start: &Start) -> Element {
    let auth = sasl("auth").attr("mechanism", start.mechanism.name());
    match &start.initial {
        None => auth,
        // Section 6.4.2: present but empty.
        Some(data) if data.is_empty() => auth.text("="),
        Some(data) => auth.text(&BASE64.encode(data)),
    }
    .build()
}

fn sasl(name: &str) -> ElementBuilder {
    Element::builder(name, ns::SASL)
}

/// Base 64 as section 6.3.5 wants it: strict. `None` for no data, empty for `=` (section 6.4.6).
fn decode(element: &Element) -> Result<Option<Vec<u8>>, ClientError> {
    if element.children().next().is_some() {
        return Err(ClientError::Malformed);
    }
    match &*element.text() {
        "" => Ok(None),
        "=" => Ok(Some(Vec::new())),
        text => BASE64.decode(text).map(Some).map_err(|_| ClientError::Malformed),
    }
}
