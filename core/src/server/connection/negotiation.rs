//! Negotiation (RFC 6120 section 4.3): stream headers, features, STARTTLS; what comes when.

use super::config::sasl_transport;
use super::exchange::Exchange;
use super::fast::Settling;
use super::sasl2::Admission;
use super::{Config, Event, Link, misconfigured};
use crate::jid::{BareJid, Jid};
use crate::machine::{Entropy, Instant, Now};
use crate::ns;
use crate::payload::register;
use crate::sasl::{ChannelBinding, Mechanism};
use crate::stanza::Iq;
use crate::stream::{Condition, Feature, Features, Header, StreamError, TlsInfo};
use crate::xml::Element;

/// All that is needed until a resource is bound, and not any longer.
#[derive(Debug)]
pub(super) struct Negotiation {
    pub(super) step: Step,
    pub(super) entropy: Entropy,
    /// The host that the client asked for.
    pub(super) domain: Option<BareJid>,
    /// Who the client says it is, said over TLS (RFC 6120 section 6.4.6).
    pub(super) claimed: Option<BareJid>,
    /// The mechanisms it was offered.
    pub(super) offered: Vec<Mechanism>,
    /// The kinds of channel binding that were announced along with them.
    pub(super) announced: Option<Vec<ChannelBinding>>,
    pub(super) auth_failures: u32,
    pub(super) bind_failures: u32,
    pub(super) registration_failures: u32,
    /// It has made an account.
    pub(super) has_registered: bool,
    /// When it must be done.
    by: Instant,
}

/// How far it has come.
#[derive(Debug)]
pub(super) enum Step {
    /// A stream header is due, possibly after a TLS handshake.
    Header,
    /// Features have been sent: `<starttls/>` or `<auth/>` is due, at the beginning or after a failure.
    Features,
    /// The owner has been asked for an account.
    Registering(Iq),
    /// `<proceed/>` has been sent: the owner does TLS.
    Securing,
    /// A challenge has been sent: a response is due.
    Challenged(Box<Exchange>),
    /// The owner has been asked who this is.
    Judging(Box<Exchange>),
    /// The owner has been told what becomes of a client's tokens.
    Settling(Box<Settling>),
    /// The owner has been asked for an earlier session, for a client that has not been told of its success yet.
    Reviving(Box<Admission>),
    /// The owner has been asked for a session, for a client that has not been told of its success yet.
    Admitting(Box<Admission>),
    /// `<success/>` has been sent: another stream header is due.
    Restart(Account),
    /// Features have been sent: a request to bind a resource is due.
    Bind(Account),
    /// The owner has been asked for a session.
    Binding(Account, Iq),
    /// The owner has been asked for an earlier session.
    Resuming(Account),
}

/// Whom the client has proved to be.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) jid: BareJid,
    pub(super) mechanism: Mechanism,
}

impl Account {
    pub(super) fn is_anonymous(&self) -> bool {
        self.mechanism == Mechanism::Anonymous
    }
}

impl Negotiation {
    pub(super) fn new(link: &mut Link, mut entropy: Entropy, now: Now) -> Negotiation {
        // Should the peer's header be none: who we are all the same (RFC 6120 section 4.9.1.2).
        link.stream.set_fallback_header(Header {
            from: link.config.domains.first().map(|domain| Jid::from(domain.clone())),
            to: None,
            id: Some(entropy.id()),
            lang: Some(link.config.lang.clone()),
            version: Some(Header::VERSION),
        });
        Negotiation {
            step: Step::Header,
            entropy,
            domain: None,
            claimed: None,
            offered: Vec::new(),
            announced: None,
            auth_failures: 0,
            bind_failures: 0,
            registration_failures: 0,
            has_registered: false,
            by: now.instant + link.config.negotiation_timeout,
        }
    }

    /// Whether the owner has to answer something first.
    pub(super) fn is_waiting(&self) -> bool {
        use Step::{Admitting, Binding, Judging, Registering, Resuming, Reviving, Securing, Settling};
        let asks = matches!(self.step, Securing | Registering(_) | Judging(_) | Settling(_));
        asks || matches!(self.step, Reviving(_) | Admitting(_) | Binding(..) | Resuming(_))
    }

    pub(super) fn account(&self) -> Option<&Account> {
        match &self.step {
            Step::Reviving(admission) | Step::Admitting(admission) => Some(&admission.account),
            Step::Restart(account)
            | Step::Bind(account)
            | Step::Binding(account, _)
            | Step::Resuming(account) => Some(account),
            _ => None,
        }
    }

    pub(super) fn by(&self) -> Instant {
        self.by
    }

    /// Is it over because it took too long? The peer may well be alive, so it is not connection-timeout (RFC 6120 sections
    /// 4.9.3.4 and 4.6.3); and if the peer waits for us, it did nothing wrong.
    pub(super) fn tick(&mut self, now: Now) -> Option<StreamError> {
        if now.instant < self.by {
            return None;
        }
        Some(match self.step {
            _ if self.is_waiting() && !matches!(self.step, Step::Securing) => {
                StreamError::new(Condition::InternalServerError)
                    .with_text("The server could not answer in time.")
            }
            _ => StreamError::new(Condition::PolicyViolation)
                .with_text("The stream was not negotiated in time."),
        })
    }

    /// TLS is up. What was said before it counts no more (RFC 6120 section 5.4.3.3).
    pub(super) fn secured(&mut self) {
        self.step = Step::Header;
        self.domain = None;
        self.claimed = None;
        self.offered = Vec::new();
    }

    /// A stream header came: ours goes out, then features or an error.
    pub(super) fn header(&mut self, link: &mut Link, now: Now, header: &Header) {
        let host = host(&link.config, header.to.as_ref(), link.stream.tls());
        let from = host.as_ref().or(link.config.domains.first());
        let claimed = header.from.as_ref().map(Jid::to_bare);
        link.stream.open(&Header {
            from: from.map(|domain| Jid::from(domain.clone())),
            to: claimed.clone().map(Jid::from),
            id: Some(self.entropy.id()),
            lang: Some(language(&link.config.lang, header.lang.as_deref())),
            version: header.common_version(),
        });
        if !header.has_features() {
            return link.violation(now, Condition::UnsupportedVersion, "This server speaks XMPP 1.0.");
        }
        let Some(host) = host else {
            return link.violation(
                now,
                Condition::HostUnknown,
                "The stream is for no host that is served here.",
            );
        };
        match std::mem::replace(&mut self.step, Step::Header) {
            Step::Restart(account) => self.authenticated_header(link, now, host, claimed, account),
            _ => self.first_header(link, now, host, claimed),
        }
    }

    /// Nobody has logged in yet: STARTTLS, mechanisms, or both.
    fn first_header(&mut self, link: &mut Link, now: Now, host: BareJid, claimed: Option<BareJid>) {
        let tls = link.stream.tls();
        let can_start_tls = tls.is_none() && link.config.can_start_tls();
        if tls.is_none() && link.config.sasl.require_tls && !can_start_tls {
            return link.stream.fail(now, misconfigured());
        }
        self.offered = link.config.sasl.offer(sasl_transport(tls));
        self.claimed = claimed.filter(|_| tls.is_some());
        self.domain = Some(host);
        let mut list = Vec::new();
        if can_start_tls {
            list.push(Feature::StartTls { required: link.config.sasl.require_tls });
        }
        if !self.offered.is_empty() {
            list.push(Feature::Mechanisms(self.offered.iter().map(|m| m.name().into()).collect()));
            list.extend(self.sasl2_feature(link).map(Feature::Authentication));
            let plus = self.offered.iter().any(|m| matches!(m, Mechanism::Scram { plus: true, .. }));
            self.announced = plus.then(|| channel_bindings(tls));
            if let Some(kinds) = &self.announced {
                list.push(Feature::ChannelBindings(kinds.iter().map(|kind| kind.name().into()).collect()));
            }
        }
        if Negotiation::offers_registration(link) {
            list.push(Feature::Other(register::feature().build()));
        }
        link.stream.send(&Features { list }.to_element());
        self.step = Step::Features;
    }

    /// The client has logged in: it may bind a resource.
    fn authenticated_header(
        &mut self,
        link: &mut Link,
        now: Now,
        host: BareJid,
        claimed: Option<BareJid>,
        account: Account,
    ) {
        if self.domain.as_ref() != Some(&host) {
            let detail = "The stream is for another host than the one that was logged in to.";
            return link.violation(now, Condition::NotAuthorized, detail);
        }
        if claimed.is_some_and(|claimed| claimed != account.jid) && !account.is_anonymous() {
            let detail = "The stream is from another account than the one that was logged in to.";
            return link.violation(now, Condition::InvalidFrom, detail);
        }
        self.send_features(link, true, true);
        self.step = Step::Bind(account);
    }

    /// What the stream offers to a client that has logged in: among it to bind a resource and to manage the stream, unless
    /// that has been done. Clients take what is offered, and what is done twice ends the stream.
    pub(super) fn send_features(&self, link: &mut Link, with_bind: bool, with_management: bool) {
        let roster_versions = Element::builder("ver", ns::ROSTER_VER).build();
        let pre_approval = Element::builder("sub", ns::PRE_APPROVAL).build();
        let mut list =
            if with_bind { vec![Feature::Bind, Feature::Session { optional: true }] } else { vec![] };
        list.extend([roster_versions, pre_approval].map(Feature::Other));
        if with_management && link.config.acknowledgements.is_some() {
            list.push(Feature::Other(Element::builder("sm", ns::SM).build()));
        }
        if link.config.client_state {
            list.push(Feature::Other(Element::builder("csi", ns::CSI).build()));
        }
        list.extend(link.config.features.iter().cloned().map(Feature::Other));
        link.stream.send(&Features { list }.to_element());
    }

    /// A first-level element came. False: nothing that follows matters.
    pub(super) fn element(&mut self, link: &mut Link, now: Now, element: Element) -> bool {
        if element.is("starttls", ns::TLS) {
            return self.start_tls(link, now, &element);
        }
        match &self.step {
            Step::Bind(_) if element.ns() == ns::SM => self.manage(link, now, &element),
            Step::Bind(_) => self.bind(link, now, element),
            Step::Challenged(exchange) if exchange.wishes.is_some() => self.sasl2(link, now, &element),
            Step::Features if element.ns() == ns::SASL2 && link.config.sasl2.enabled => {
                self.sasl2(link, now, &element);
            }
            Step::Features | Step::Challenged(_) if element.ns() == ns::SASL => {
                self.sasl(link, now, &element);
            }
            Step::Features if Negotiation::offers_registration(link) && is_about_registration(&element) => {
                self.registration(link, now, &element);
            }
            _ => link.violation(now, Condition::NotAuthorized, "Log in first."),
        }
        true
    }

    /// `<starttls/>` (RFC 6120 section 5.4.2).
    fn start_tls(&mut self, link: &mut Link, now: Now, element: &Element) -> bool {
        let offered = matches!(self.step, Step::Features) && link.stream.tls().is_none();
        let well_formed = element.children().next().is_none() && element.text().trim().is_empty();
        if offered && well_formed && self.proceed(link, now) {
            return true;
        }
        link.stream.send(&Element::builder("failure", ns::TLS).build());
        link.stream.close(now);
        false
    }

    fn proceed(&mut self, link: &mut Link, now: Now) -> bool {
        if !link.config.can_start_tls() {
            return false;
        }
        link.stream.send(&Element::builder("proceed", ns::TLS).build());
        if link.config.start_tls_outside {
            self.step = Step::Securing;
            link.event(Event::StartTls);
        } else {
            self.step = Step::Header;
            link.start_tls(now);
        }
        true
    }

    /// TLS that the owner does is up.
    pub(super) fn secured_outside(&mut self, link: &mut Link, info: TlsInfo) {
        if matches!(self.step, Step::Securing) {
            link.stream.restart();
            link.stream.secured_outside(info);
            self.secured();
        }
    }
}

/// The hosted domain that a stream is for. A client that names none in its header may have named one to TLS; and where there
/// is only one, that is the one meant (RFC 6120 section 4.7.2 asks to be liberal).
fn host(config: &Config, to: Option<&Jid>, tls: Option<&TlsInfo>) -> Option<BareJid> {
    let hosted = |name: &str| config.domains.iter().find(|domain| domain.as_str() == name).cloned();
    if let Some(to) = to {
        return hosted(to.as_str());
    }
    let named_to_tls = tls.and_then(|tls| tls.server_name.as_deref()).and_then(hosted);
    match config.domains.as_slice() {
        [only] => named_to_tls.or_else(|| Some(only.clone())),
        _ => named_to_tls,
    }
}

/// The language of our texts, written as the client writes it if it is the one that the client prefers (RFC 6120 section
/// 4.7.4).
fn language(ours: &str, preferred: Option<&str>) -> String {
    preferred.filter(|preferred| preferred.eq_ignore_ascii_case(ours)).unwrap_or(ours).into()
}

/// The types of channel binding that can be had (XEP-0440).
fn channel_bindings(tls: Option<&TlsInfo>) -> Vec<ChannelBinding> {
    let Some(TlsInfo { bindings, .. }) = tls else { return Vec::new() };
    let exporter = bindings.tls_exporter.as_ref().map(|_| ChannelBinding::TlsExporter);
    let end_point = bindings.tls_server_end_point.as_ref().map(|_| ChannelBinding::TlsServerEndPoint);
    exporter.into_iter().chain(end_point).collect()
}

/// Whether an element is a request about registration.
fn is_about_registration(element: &Element) -> bool {
    element.is("iq", ns::CLIENT) && element.child("query", ns::REGISTER).is_some()
}
