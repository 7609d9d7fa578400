//! A bound session: what its stanzas must be like (RFC 6120 section 8), and whether it is still there (section 4.6).

use super::management::Managed;
use super::negotiation::Account;
use super::{Event, KeepAlive, Link};
use crate::jid::{BareJid, FullJid, Jid};
use crate::machine::{Deadline, Instant, Now, Reason};
use crate::ns;
use crate::sasl::Mechanism;
use crate::stanza::{self, Condition, Iq, IqType, ParseError, Stanza, StanzaError};
use crate::stream::bind2::ClientState;
use crate::stream::{self, StreamError};
use crate::xml::Element;
use core::time::Duration;

/// A client with an address.
#[derive(Debug)]
pub(super) struct Session {
    jid: FullJid,
    domain: BareJid,
    account: Account,
    /// When the last keep-alive was sent, and for a ping: while nothing has come since.
    probed: Option<Instant>,
    /// Pings sent so far: names the next one.
    pings: u32,
    /// When the session began.
    since: Instant,
    /// Set from when its client has asked for acknowledgements (XEP-0198).
    pub(super) managed: Option<Box<Managed>>,
}

impl Session {
    pub(super) fn new(
        jid: FullJid,
        domain: BareJid,
        account: Account,
        is_managed: bool,
        now: Now,
    ) -> Session {
        let managed = is_managed.then(|| Box::new(Managed::on()));
        Session { jid, domain, account, probed: None, pings: 0, since: now.instant, managed }
    }

    pub(super) fn jid(&self) -> &FullJid {
        &self.jid
    }

    pub(super) fn account(&self) -> &BareJid {
        &self.account.jid
    }

    pub(super) fn mechanism(&self) -> Mechanism {
        self.account.mechanism
    }

    /// A first-level element came. False: nothing that follows matters.
    pub(super) fn element(&mut self, link: &mut Link, now: Now, element: Element) -> bool {
        if element.ns() != ns::CLIENT {
            return self.foreign(link, now, &element);
        }
        if element.attr("from").is_some_and(|from| !self.may_be_from(from)) {
            link.violation(now, stream::Condition::InvalidFrom, "That is not your address.");
            return true;
        }
        match Stanza::parse(element.clone()) {
            Ok(stanza) => self.stanza(link, stanza),
            Err(ParseError::NotAStanza) => return self.foreign(link, now, &element),
            Err(ParseError::From(_)) => {
                link.violation(now, stream::Condition::InvalidFrom, "That is not an address.");
            }
            Err(error) => self.refuse(link, &element, &error),
        }
        true
    }

    /// Absent, or the full or bare address of the session (RFC 6120 section 8.1.2.1).
    fn may_be_from(&self, from: &str) -> bool {
        let own = |from: &str| from == self.jid.as_str() || from == self.account.jid.as_str();
        own(from) || Jid::new(from).is_ok_and(|from| own(from.as_str()))
    }

    /// Something that is not a stanza.
    fn foreign(&mut self, link: &mut Link, now: Now, element: &Element) -> bool {
        match element.ns() {
            ns::SM => self.manage(link, now, element),
            ns::CSI if link.config.client_state => client_state(link, now, element),
            // RFC 6120 section 5.4.2.2: whenever it was not offered.
            ns::TLS if element.name() == "starttls" => {
                link.stream.send(&Element::builder("failure", ns::TLS).build());
                link.stream.close(now);
                return false;
            }
            ns::SASL | ns::SASL2 => {
                link.violation(now, stream::Condition::NotAuthorized, "You have logged in already.")
            }
            _ => {
                unknown(link, now);
            }
        }
        true
    }

    fn stanza(&mut self, link: &mut Link, mut stanza: Stanza) {
        stanza.set_from(Some(Jid::from(self.jid.clone())));
        if let Stanza::Iq(iq) = &stanza
            && let Some(reply) = self.own_iq(iq)
        {
            return self.answer(link, reply);
        }
        link.event(Event::Stanza(stanza));
    }

    /// Is this iq for the connection itself? Then the answer, if one is due.
    fn own_iq(&self, iq: &Iq) -> Option<Option<Stanza>> {
        if !iq.to().is_none_or(|to| self.is_ours(to)) {
            return None;
        }
        match iq.kind() {
            IqType::Set => {
                let payload = iq.payload()?;
                if payload.is("session", ns::SESSION) {
                    // Every bound session is established: RFC 6121 does away with this step.
                    return Some(Some(Stanza::Iq(iq.result(None))));
                }
                // A stream carries one resource (RFC 6120 section 7.6.2.2).
                let error = StanzaError::new(Condition::NotAllowed);
                payload.is("bind", ns::BIND).then(|| Stanza::Iq(iq.clone()).error_reply(error))
            }
            IqType::Result | IqType::Error => self.is_ping_id(iq.id()).then_some(None),
            IqType::Get => None,
        }
    }

    /// The server, or the account on it.
    fn is_ours(&self, to: &Jid) -> bool {
        to.as_str() == self.domain.as_str() || to.as_str() == self.account.jid.as_str()
    }

    fn is_ping_id(&self, id: &str) -> bool {
        id.strip_prefix(PING_ID).is_some_and(|n| n == self.pings.to_string())
    }

    /// Reports what is wrong with a stanza that could not be read.
    fn refuse(&self, link: &mut Link, element: &Element, error: &ParseError) {
        let Some(mut reply) = stanza::refuse(element, error) else { return self.answer(link, None) };
        reply.set_to(Some(Jid::from(self.jid.clone())));
        if reply.from().is_none() && element.attr("to").is_some() {
            // No reply can come from an address that is none (RFC 6120 section 8.3.1): it comes from the server.
            reply.set_from(Some(Jid::from(self.domain.clone())));
        }
        self.answer(link, Some(reply));
    }

    /// A stanza has been dealt with here.
    fn answer(&self, link: &mut Link, reply: Option<Stanza>) {
        match reply {
            // The stanza counts, and so does the answer, in order with all others.
            reply if self.managed.is_some() => link.event(Event::Handled { reply }),
            Some(reply) => link.send(&reply),
            None => {}
        }
    }

    /// When something is due.
    pub(super) fn deadline(&self, link: &Link) -> Option<Deadline> {
        Deadline::earlier(self.ask_by(), self.keep_alive(link))
    }

    /// When a keep-alive, or the end, is due.
    fn keep_alive(&self, link: &Link) -> Option<Deadline> {
        let heard = link.last_received().max(self.since);
        Some(match link.config.keep_alive {
            KeepAlive::Off => return None,
            KeepAlive::Whitespace { every } => {
                let last = self.probed.map_or(heard, |probed| probed.max(heard));
                Deadline { at: last + every.max(SHORTEST), reason: Reason::KeepAlive }
            }
            KeepAlive::Ping { after, patience } => match self.probed {
                Some(probed) if heard < probed => {
                    Deadline { at: probed + patience.max(SHORTEST), reason: Reason::Idle }
                }
                _ => Deadline { at: heard + after.max(SHORTEST), reason: Reason::KeepAlive },
            },
        })
    }

    /// Sends a keep-alive if one is due. The error is for a client that does not answer.
    pub(super) fn tick(&mut self, link: &mut Link, now: Now) -> Option<StreamError> {
        if self.ask_by().is_some_and(|deadline| deadline.at <= now.instant) {
            self.ask(link, now);
        }
        let due = self.keep_alive(link).filter(|deadline| deadline.at <= now.instant)?;
        link.stream.release();
        match (link.config.keep_alive, due.reason) {
            (KeepAlive::Ping { .. }, Reason::Idle) => {
                // It has not responded to what was sent: just what the condition is for (RFC 6120 section 4.9.3.4).
                return Some(StreamError::new(stream::Condition::ConnectionTimeout));
            }
            // Any answer will do.
            (KeepAlive::Ping { .. }, _) if self.ask(link, now) => {}
            (KeepAlive::Ping { .. }, _) => self.ping(link),
            _ => link.stream.send_whitespace(),
        }
        self.probed = Some(now.instant);
        None
    }

    /// Something has been asked that any peer answers which is still there.
    pub(super) fn expect_input(&mut self, link: &Link, now: Now) {
        let is_expected = self.probed.is_some_and(|probed| link.last_received().max(self.since) < probed);
        if matches!(link.config.keep_alive, KeepAlive::Ping { .. }) && !is_expected {
            self.probed = Some(now.instant);
        }
    }

    /// XEP-0199.
    fn ping(&mut self, link: &mut Link) {
        self.pings = self.pings.wrapping_add(1);
        let id = format!("{PING_ID}{}", self.pings);
        let ping = Iq::get(Some(Jid::from(self.jid.clone())), &id, Element::builder("ping", ns::PING));
        let mut ping = Stanza::Iq(ping);
        ping.set_from(Some(Jid::from(self.domain.clone())));
        link.send(&ping);
    }
}

/// An element of XEP-0352 came. It is no stanza, and has no answer.
fn client_state(link: &mut Link, now: Now, element: &Element) {
    match ClientState::parse(element.root()) {
        Some(state) => link.event(Event::ClientState(state)),
        None => unknown(link, now),
    }
}

/// An element came that means nothing (RFC 6120 section 4.9.3.24).
fn unknown(link: &mut Link, now: Now) {
    let detail = "That is neither a stanza nor anything else that this server knows.";
    link.violation(now, stream::Condition::UnsupportedStanzaType, detail);
}

/// No time of a keep-alive's is shorter: with none at all there would always be one due.
const SHORTEST: Duration = Duration::from_secs(1);

/// Begins the ids of the connection's own pings.
const PING_ID: &str = "server-ping-";

impl Link {
    /// Queues a stanza of the server's.
    pub(super) fn send(&mut self, stanza: &Stanza) {
        self.stream.send_with(|out, scope| stanza.write(out, scope));
    }
}
