//! Privacy lists and blocking (XEP-0016, RFC 3921 section 10; XEP-0191): which stanzas of an account pass.
//!
//! Of each session the *active* list is in force if it has chosen one, else the account's *default* list, which is also in
//! force for what the server does while nobody is there (XEP-0016 section 2.2 rules 1 to 3). The block list is a part of the
//! default list (XEP-0191 section 5), so there is one mechanism for both, [`List::judge`], and these are the places that ask it:
//!
//! - what sessions send and what reaches the account: [`let_out`](Account::let_out) and [`let_in`](Account::let_in);
//! - which of several sessions something is for: [`hears`](Account::hears);
//! - who sees a session's presence, in broadcasts, in answers to probes and to whoever begins to subscribe:
//!   [`shows`](Account::shows);
//! - what is kept or done for sessions that are to come: [`keeps`](Account::keeps);
//! - what others have to be told, and have to tell, when the answers change: [`shift`].
//!
//! Whatever the lists say, an account's sessions can always reach each other, the account and their server.
//!
//! To somebody who is blocked an account looks as one that does not exist, which is the least that can be known about it:
//! messages and requests are answered alike, and presence of any kind is not answered at all (XEP-0191 section 3.3).

mod blocking;
mod lists;
mod shift;

use super::{Account, Context, Session, no_such_user};
use crate::jid::Jid;
use crate::ns;
use crate::payload::blocking::refusal;
use crate::payload::roster::Subscription;
use crate::server::output::SessionId;
use crate::server::privacy::{List, Peer, Traffic, Verdict};
use crate::server::store::Contact;
use crate::stanza::{Condition, ErrorType, Iq, Stanza, StanzaError};
use shift::Affected;

pub(super) use shift::Shift;

/// What a session has chosen.
#[derive(Debug, Default)]
pub(super) struct Choice {
    /// The name of its active list. If there is no such list any more, it has none.
    active: Option<Box<str>>,
    /// Has asked for the block list, and is told when it changes (XEP-0191 section 3.3).
    knows_blocked: bool,
    /// Has asked about lists, so it wants to know when blocking changes one.
    knows_lists: bool,
}

/// Whether a request is about privacy lists or blocking.
pub(super) fn is_about_privacy(iq: &Iq) -> bool {
    iq.payload().is_some_and(|payload| matches!(payload.ns(), ns::PRIVACY | ns::BLOCKING))
}

impl Account {
    /// What a session sends passes, or is refused (XEP-0016 section 2.14, XEP-0191 section 3.3). The session may have gone while
    /// the stanza waited for its turn.
    pub(super) fn let_out(&self, id: SessionId, stanza: Stanza, ctx: &mut Context<'_>) -> Option<Stanza> {
        if !self.has_lists() {
            return Some(stanza);
        }
        let session = self.sessions.iter().find(|session| session.id == id);
        let list = self.list_in_force(session.and_then(|session| session.privacy.active.as_deref()));
        let verdict = self.judge(list, Traffic::outgoing(&stanza), stanza.to()?);
        let error = match verdict {
            Verdict::Allow => return Some(stanza),
            Verdict::Deny => StanzaError::new(Condition::NotAcceptable).with_type(ErrorType::Cancel),
            Verdict::Blocked => refusal(),
        };
        // Not over the routing: it comes from somebody whom nothing comes in from.
        if let Some(refused) = stanza.error_reply(error) {
            ctx.outbox.deliver(id, refused);
        }
        None
    }

    /// What is addressed to the account or one of its resources passes, or is refused as if there were no such account.
    pub(super) fn let_in(&self, stanza: Stanza, ctx: &mut Context<'_>) -> Option<Stanza> {
        if !self.has_lists() || self.admits(&stanza) {
            return Some(stanza);
        }
        if !matches!(stanza, Stanza::Presence(_)) {
            no_such_user(stanza, ctx);
        }
        None
    }

    /// What is addressed to the account itself passes if one of those it may go to hears it, or, if there are none or it is for
    /// the account alone, by the default list.
    fn admits(&self, stanza: &Stanza) -> bool {
        let Some(from) = stanza.from() else { return true };
        let traffic = Traffic::incoming(stanza);
        if let Some(session) = stanza.to().and_then(|to| to.resource()).and_then(|name| self.session(name)) {
            return self.hears(session, traffic, from);
        }
        let listens = |session: &&Session| match traffic {
            Traffic::MessageIn => session.available.as_ref().is_some_and(|available| available.priority >= 0),
            Traffic::PresenceIn => session.available.is_some(),
            _ => false,
        };
        let mut listeners = self.sessions.iter().filter(listens).peekable();
        match listeners.peek() {
            Some(_) => listeners.any(|session| self.hears(session, traffic, from)),
            None => self.judge(self.record.privacy.default_list(), traffic, from) == Verdict::Allow,
        }
    }

    /// Whether a session lets in what comes from somebody.
    pub(super) fn hears(&self, session: &Session, traffic: Traffic, from: &Jid) -> bool {
        !self.has_lists() || self.judge(self.in_force(session), traffic, from) == Verdict::Allow
    }

    /// Whether a session lets in a stanza. Those without a sender come from its own server.
    pub(super) fn hears_stanza(&self, session: &Session, stanza: &Stanza) -> bool {
        stanza.from().is_none_or(|from| self.hears(session, Traffic::incoming(stanza), from))
    }

    /// As [`hears_stanza`](Self::hears_stanza), for a session that may have gone.
    pub(super) fn session_hears(&self, id: SessionId, stanza: &Stanza) -> bool {
        let session = self.sessions.iter().find(|session| session.id == id);
        session.is_some_and(|session| self.hears_stanza(session, stanza))
    }

    /// The sessions that a message from somebody is not for.
    pub(super) fn deaf_to(&self, from: Option<&Jid>) -> Vec<SessionId> {
        let Some(from) = from.filter(|_| self.has_lists()) else { return Vec::new() };
        let deaf = self.sessions.iter().filter(|session| !self.hears(session, Traffic::MessageIn, from));
        deaf.map(|session| session.id).collect()
    }

    /// Whether somebody who is entitled to presence does not see all sessions, those to come included.
    pub(super) fn hides_from(&self, who: &Jid) -> bool {
        let mut sessions = self.sessions.iter();
        !self.keeps(Traffic::PresenceOut, who) || sessions.any(|session| !self.shows(session, who))
    }

    /// Whether presence is asked for in the name of a session: it is of no use to one that does not hear the answer.
    pub(super) fn asks(&self, session: &Session, contact: &Jid) -> bool {
        [Traffic::PresenceIn, Traffic::Other].iter().all(|traffic| self.hears(session, *traffic, contact))
    }

    /// Whether a session's presence may be shown to somebody who is otherwise entitled to it.
    pub(super) fn shows(&self, session: &Session, to: &Jid) -> bool {
        !self.has_lists() || self.judge(self.in_force(session), Traffic::PresenceOut, to) == Verdict::Allow
    }

    /// Whether something that came from somebody may be kept, or done, while no session is there to decide.
    pub(super) fn keeps(&self, traffic: Traffic, from: &Jid) -> bool {
        !self.has_lists() || self.judge(self.record.privacy.default_list(), traffic, from) == Verdict::Allow
    }

    /// A request about privacy lists or blocking that a session makes of its account. Those of others were never let near it.
    pub(super) fn receive_privacy(&mut self, iq: Iq, ctx: &mut Context<'_>) {
        let from = iq.from();
        let session = self.sessions.iter().find(|session| from.is_some_and(|from| *from == *session.jid));
        let (Some(id), Some(payload)) = (session.map(|session| session.id), iq.payload()) else {
            return ctx.outbox.bounce(&Stanza::Iq(iq), Condition::ServiceUnavailable);
        };
        let done = match payload.ns() {
            ns::BLOCKING => self.receive_blocking(id, &iq, payload, ctx),
            _ => self.receive_lists(id, &iq, payload, ctx),
        };
        if let Err(error) = done {
            ctx.outbox.bounce_with(&Stanza::Iq(iq), error);
        }
    }

    /// False for the accounts, by far the most, that no list can concern.
    fn has_lists(&self) -> bool {
        !self.record.privacy.lists.is_empty()
    }

    /// The list that is in force for a session.
    fn in_force(&self, session: &Session) -> Option<&List> {
        self.list_in_force(session.privacy.active.as_deref())
    }

    fn list_in_force(&self, active: Option<&str>) -> Option<&List> {
        let active = active.and_then(|name| self.record.privacy.lists.get(name));
        active.or_else(|| self.record.privacy.default_list())
    }

    fn judge(&self, list: Option<&List>, traffic: Traffic, peer: &Jid) -> Verdict {
        let Some(list) = list else { return Verdict::Allow };
        let own_server = peer.local().is_none() && peer.domain() == self.jid.domain();
        if own_server || self.is_own(Some(peer)) {
            return Verdict::Allow;
        }
        let contact = self.record.roster.contacts.get(peer.bare_str());
        list.judge(traffic, self.standing(peer, contact))
    }

    /// Who somebody is to the account.
    fn standing<'a>(&self, jid: &'a Jid, contact: Option<&'a Contact>) -> Peer<'a> {
        let subscription = match contact.map_or((false, false), |contact| (contact.to, contact.from)) {
            (false, false) => Subscription::None,
            (true, false) => Subscription::To,
            (false, true) => Subscription::From,
            (true, true) => Subscription::Both,
        };
        Peer { jid, subscription, groups: contact.map_or(&[], |contact| &contact.groups) }
    }
}
