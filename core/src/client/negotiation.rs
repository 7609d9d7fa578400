//! Stream negotiation as a client (RFC 6120 section 4.3): what has been agreed on, and what comes next.

use super::config::TlsMode;
use super::management::offers_management;
use super::state::{Phase, State};
use super::{Client, Environment, Error, Event, Missing};
use crate::machine::Now;
use crate::ns;
use crate::stream::{Condition, Features, Header, StreamError, TlsInfo};
use crate::xml::Element;

impl Client {
    /// The first step on a fresh transport.
    pub(super) fn start(&mut self, now: Now) {
        match &self.config.tls {
            #[cfg(feature = "tls")]
            TlsMode::Direct(tls) => {
                self.stream.start_tls_client(now, tls, self.config.account.domain());
                self.enter(now, State::Securing { outside: false });
            }
            #[cfg(feature = "tls")]
            TlsMode::StartTls(_) => self.open(now, Phase::BeforeTls),
            TlsMode::StartTlsOutside => self.open(now, Phase::BeforeTls),
            TlsMode::Outside => self.enter(now, State::Securing { outside: true }),
            TlsMode::Plaintext => self.open(now, Phase::BeforeAuth),
        }
    }

    /// Changes the state, and stops the negotiation clock while it is the caller's turn.
    pub(super) fn enter(&mut self, now: Now, state: State) {
        self.state = state;
        self.negotiation.run(now.instant, !self.state.is_callers_turn());
    }

    /// Sends our header. Who we are is told only under TLS (RFC 6120 section 4.7.1).
    pub(super) fn open(&mut self, now: Now, phase: Phase) {
        let account = &self.config.account;
        let known = account.local().is_some() && self.stream.tls().is_some();
        let header = Header {
            from: known.then(|| account.to_bare().into()),
            to: Some(self.domain.clone()),
            id: None,
            lang: self.config.lang.clone(),
            version: Some(Header::VERSION),
        };
        self.stream.open(&header);
        self.enter(now, State::Header(phase));
    }

    /// TLS is up, one way or the other.
    pub(super) fn on_secured(&mut self, now: Now) {
        if matches!(self.state, State::Securing { .. }) {
            self.open(now, Phase::BeforeAuth);
        }
    }

    /// The server's header (RFC 6120 section 4.7).
    pub(super) fn on_header(&mut self, now: Now, header: &Header) {
        let State::Header(phase) = self.state else {
            return;
        };
        if header.version.is_none_or(|(major, _)| major < 1) {
            let error = StreamError::new(Condition::UnsupportedVersion);
            return self.fail(now, error, Error::Missing(Missing::Version(header.version)));
        }
        // Judged with the features: a server that is about to say host-unknown may name itself first (section 4.9.1.3).
        let wrong_host = header.from.as_ref().is_some_and(|from| *from != self.domain);
        self.enter(now, State::Features { phase, wrong_host });
    }

    /// Anything the server sends while the stream is being negotiated.
    pub(super) fn on_negotiation(&mut self, now: Now, element: Element) {
        match &self.state {
            State::Features { phase, wrong_host } if element.is("features", ns::STREAM) => {
                let (phase, wrong_host) = (*phase, *wrong_host);
                self.on_features(now, phase, wrong_host, Features::parse(element.root()));
            }
            State::Proceed if element.is("proceed", ns::TLS) => self.on_proceed(now),
            State::Proceed if element.is("failure", ns::TLS) => {
                self.finish_with(now, Error::Missing(Missing::StartTlsRefused));
            }
            State::Authenticating(_) | State::Aborting(_) if element.ns() == self.sasl_ns => {
                self.on_sasl(now, &element)
            }
            State::Bound { .. } => self.on_bound(now, element),
            State::Resuming => self.on_resuming(now, &element),
            State::Binding { .. } => self.on_binding(now, element),
            State::Session { .. } => self.on_session(now, element),
            State::Online | State::Interrupted | State::Ending | State::Over => {}
            _ => self.unexpected(now, &element),
        }
    }

    fn on_features(&mut self, now: Now, phase: Phase, wrong_host: bool, features: Features) {
        if wrong_host {
            return self.violation(now, Condition::InvalidFrom, "the stream's `from` is another domain");
        }
        let starttls = features.starttls();
        match phase {
            Phase::BeforeTls if starttls.is_none() => {
                self.finish_with(now, Error::Missing(Missing::StartTls));
            }
            Phase::BeforeTls => {
                self.stream.send(&Element::builder("starttls", ns::TLS).build());
                self.enter(now, State::Proceed);
            }
            Phase::BeforeAuth if starttls == Some(true) && self.stream.tls().is_none() => {
                self.finish_with(now, Error::Missing(Missing::Plaintext));
            }
            Phase::BeforeAuth => self.on_offer(now, &features),
            Phase::Authenticated => {
                let is_managed = offers_management(&features);
                self.needs_session = features.session_required();
                self.features = Some(features);
                if is_managed && self.resume(now) {
                    return;
                }
                // Without stream management there is nobody to resume with.
                if !self.is_continuing || self.lose_session(now, None) {
                    self.begin_binding(now);
                }
            }
        }
    }

    fn on_proceed(&mut self, now: Now) {
        match &self.config.tls {
            #[cfg(feature = "tls")]
            TlsMode::StartTls(tls) => {
                self.stream.start_tls_client(now, tls, self.config.account.domain());
                self.enter(now, State::Securing { outside: false });
            }
            _ => {
                self.events.push_back(Event::StartTls);
                self.enter(now, State::Securing { outside: true });
            }
        }
    }

    /// The caller has done TLS.
    pub(super) fn on_secured_outside(&mut self, now: Now, info: TlsInfo) {
        // With STARTTLS a new stream begins inside TLS; on a fresh transport this changes nothing.
        self.stream.restart();
        self.stream.secured_outside(info);
        self.on_secured(now);
    }

    /// An element that has no place here: told apart as RFC 6120 sections 4.9.3.12 and 4.9.3.24 do.
    pub(super) fn unexpected(&mut self, now: Now, element: &Element) {
        let (condition, what) = if ns::is_content(element.ns()) {
            (Condition::NotAuthorized, "a stanza before negotiation was complete")
        } else {
            (Condition::UnsupportedStanzaType, "an element out of order")
        };
        let name: String = element.name().chars().take(40).collect();
        self.violation(
            now,
            condition,
            &format!("{what}: <{name}/> while waiting for {}", self.state.waiting_for()),
        );
    }

    /// Negotiation has taken too long.
    pub(super) fn on_negotiation_timeout(&mut self, now: Now) {
        let error = Error::Environment(Environment::NegotiationTimeout(self.state.waiting_for()));
        self.fail(now, StreamError::new(Condition::ConnectionTimeout), error);
    }
}
