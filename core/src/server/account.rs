//! The account: an entity with sessions.
//!
//! All its logic is synchronous and looks at nothing but itself. What it wants others to know it sends them as a stanza.

mod carbons;
mod changes;
mod delivery;
mod effect;
mod offline;
mod presence;
mod privacy;
mod recipients;
mod requests;
mod roster;
mod strangers;
mod subscription;
mod undelivered;

use super::bind::{BindRequest, Granted, Resource};
use super::config::ConflictPolicy;
use super::context::Context;
use super::managed::Managed;
use super::output::SessionId;
use super::services;
use super::store::Record;
use crate::jid::{BareJid, FullJid, Jid};
use crate::machine::{Entropy, Instant};
use crate::stanza::{Condition, ErrorType, Presence, Stanza, StanzaError};
use crate::stream::{self, StreamError};
use changes::Changes;
use offline::Offline;
use presence::Broadcasts;
use recipients::Recipients;
use std::collections::BTreeSet;

pub(super) use delivery::no_such_user;
pub(super) use offline::orphaned;
pub(super) use presence::answer_absent;

#[derive(Debug)]
pub(super) struct Account {
    jid: BareJid,
    /// As the store has it. Nothing of use for an anonymous account.
    pub(super) record: Record,
    anonymous: bool,
    /// In the order in which they were bound. There are few.
    sessions: Vec<Session>,
    changes: Changes,
    /// When the user last changed the password.
    password_changed: Option<Instant>,
    offline: Offline,
    /// When its unanswered requests to subscribe to others were last sent again.
    asked_again: Option<Instant>,
}

/// A connected resource.
#[derive(Debug)]
struct Session {
    id: SessionId,
    jid: FullJid,
    /// Names the installation of the client (XEP-0386 section 4).
    client: Option<Box<str>>,
    /// Set while it is an available resource (RFC 6121 section 4.1).
    available: Option<Available>,
    /// How often it has changed its presence lately.
    broadcasts: Broadcasts,
    /// Has asked for the roster, and is told when it changes (RFC 6121 section 2.2).
    interested: bool,
    /// Whom it has sent directed presence (RFC 6121 section 4.6.1).
    directed: BTreeSet<Jid>,
    /// Whether it wants copies of messages (XEP-0280).
    carbons: bool,
    /// Whom it has written to lately (RFC 6120 section 13.12).
    recipients: Recipients,
    /// Which privacy list it has chosen (XEP-0016).
    privacy: privacy::Choice,
}

#[derive(Debug)]
struct Available {
    priority: i8,
    /// The last presence it broadcast.
    presence: Presence,
}

/// A session that has been bound.
pub(super) struct Bound {
    pub(super) jid: FullJid,
    /// What it has of what was asked for.
    pub(super) granted: Granted,
}

impl Account {
    pub(super) fn new(jid: BareJid, record: Record) -> Account {
        Account {
            jid,
            record,
            anonymous: false,
            sessions: Vec::new(),
            changes: Changes::default(),
            password_changed: None,
            asked_again: None,
            offline: Offline::default(),
        }
    }

    /// An account that lives no longer than its sessions.
    pub(super) fn anonymous(jid: BareJid) -> Account {
        Account { anonymous: true, ..Account::new(jid, Record::default()) }
    }

    pub(super) fn is_anonymous(&self) -> bool {
        self.anonymous
    }

    pub(super) fn has_sessions(&self) -> bool {
        !self.sessions.is_empty()
    }

    /// Whether it has to stay in memory: somebody is connected, or the store has not answered yet.
    pub(super) fn is_busy(&self) -> bool {
        self.has_sessions() || self.is_changing() || self.is_fetching() || self.offline.is_busy()
    }

    /// What is kept of it has been read anew.
    pub(super) fn refreshed(&mut self, record: Record, ctx: &mut Context<'_>) {
        let before = std::mem::replace(&mut self.record, record);
        self.push_differences(&before.roster, ctx);
        self.agree_anew(&before.roster, ctx);
    }

    /// A stanza that one of its sessions sends, with a sender and an addressee. Returns what is to be routed:
    ///
    /// 1. what goes to too many is refused;
    /// 2. subscriptions take their turn;
    /// 3. privacy lists stop what is for somebody who is blocked;
    /// 4. presence changes what the account knows of the session;
    /// 5. the other sessions get copies of messages;
    /// 6. what asks the domain about the account itself is answered.
    pub(super) fn send(&mut self, id: SessionId, stanza: Stanza, ctx: &mut Context<'_>) -> Option<Stanza> {
        let stanza = self.check_recipient(id, stanza, ctx)?;
        let stanza = self.sent_in_turn(id, stanza, ctx)?;
        match self.let_out(id, stanza, ctx)? {
            Stanza::Presence(presence) => self.direct(id, presence, ctx),
            Stanza::Message(message) => {
                self.copy_sent(id, &message, ctx);
                Some(message.into())
            }
            Stanza::Iq(iq) => {
                let to_domain = iq.to().is_some_and(|to| self.is_own_domain(to));
                if to_domain && services::is_for_own_account(&iq) {
                    self.receive_request(&iq, ctx);
                    return None;
                }
                Some(iq.into())
            }
        }
    }

    /// A stanza that is addressed to the account or one of its resources:
    ///
    /// 1. privacy lists stop it (XEP-0016 section 2.2 rule 4);
    /// 2. what reads or changes what lasts takes its turn, and then begins anew;
    /// 3. messages from strangers are refused, if they are to be;
    /// 4. it is delivered, kept or answered; sessions that did not get a message that was delivered get copies.
    pub(super) fn receive(&mut self, stanza: Stanza, ctx: &mut Context<'_>) {
        let Some(stanza) = self.let_in(stanza, ctx) else { return };
        let Some(stanza) = self.received_in_turn(stanza, ctx) else { return };
        match stanza {
            Stanza::Message(message) => {
                if let Some(message) = self.welcome(message, ctx) {
                    self.receive_message(message, ctx);
                }
            }
            Stanza::Presence(presence) => self.receive_presence(presence, ctx),
            Stanza::Iq(iq) => self.receive_iq(iq, ctx),
        }
    }

    /// Binds a resource (RFC 6120 section 7).
    pub(super) fn bind(
        &mut self,
        id: SessionId,
        request: BindRequest,
        ctx: &mut Context<'_>,
    ) -> Result<Bound, StanzaError> {
        let mut jid = self.address(&request.resource, ctx.entropy)?;
        let client = match request.resource {
            Resource::Tagged { client, .. } => client.map(String::into_boxed_str),
            _ => None,
        };
        let same = |session: &&Session| client.is_some() && session.client == client;
        let mut replaced: Vec<_> = self.sessions.iter().filter(same).map(|session| session.id).collect();
        let holder = self.sessions.iter().find(|session| session.jid == jid).map(|session| session.id);
        if let Some(old) = holder.filter(|old| !replaced.contains(old)) {
            match ctx.config.conflict {
                ConflictPolicy::Refuse => {
                    let conflict = StanzaError::new(Condition::Conflict);
                    return Err(conflict.with_type(ErrorType::Modify));
                }
                ConflictPolicy::Generate => {
                    jid = self.address(&Resource::Generated, ctx.entropy)?;
                }
                ConflictPolicy::Replace => replaced.push(old),
            }
        }
        if self.sessions.len() - replaced.len() >= ctx.config.limits.sessions_per_account {
            // Whoever comes is worth more than who might come back.
            let absent = |id: &SessionId| ctx.outbox.managed.given_up_at(*id).map(|at| (at, *id));
            let candidates = self.sessions.iter().map(|session| session.id);
            let candidates = candidates.filter(|id| !replaced.contains(id));
            let Some((_, oldest)) = candidates.filter_map(|id| absent(&id)).min() else {
                return Err(StanzaError::new(Condition::ResourceConstraint));
            };
            replaced.push(oldest);
        }
        for old in replaced {
            ctx.outbox.close(old, StreamError::new(stream::Condition::Conflict));
            self.end_session(old, ctx);
        }
        self.sessions.push(Session {
            id,
            jid: jid.clone(),
            client,
            available: None,
            broadcasts: Broadcasts::default(),
            interested: false,
            directed: BTreeSet::new(),
            carbons: request.carbons,
            recipients: Recipients::default(),
            privacy: privacy::Choice::default(),
        });
        let management =
            request.management.and_then(|enable| ctx.manage(id, &self.jid, self.anonymous, enable));
        if request.inactive {
            ctx.outbox.inactive.begin(id, &jid);
        }
        let granted = Granted { carbons: request.carbons, inactive: request.inactive, management };
        Ok(Bound { jid, granted })
    }

    /// The full address for a resource, or for one made up: 128 random bits, which nobody can guess (RFC 6120 section
    /// 13.10.2).
    fn address(&self, resource: &Resource, entropy: &mut Entropy) -> Result<FullJid, StanzaError> {
        let made_up;
        let resource = match resource {
            Resource::Asked(resource) => resource,
            Resource::Tagged { tag: Some(tag), .. } => {
                made_up = format!("{tag}/{}", entropy.id());
                &made_up
            }
            Resource::Tagged { tag: None, .. } | Resource::Generated => {
                made_up = entropy.id();
                &made_up
            }
        };
        self.jid.with_resource(resource).map_err(|_| StanzaError::new(Condition::BadRequest))
    }

    /// A session has ended, however it did: others are told that it is unavailable (RFC 6121 section 4.5.2).
    pub(super) fn session_gone(&mut self, id: SessionId, ctx: &mut Context<'_>) {
        self.end_session(id, ctx);
        if self.anonymous && self.sessions.is_empty() {
            self.cancel_all(ctx);
        }
    }

    fn end_session(&mut self, id: SessionId, ctx: &mut Context<'_>) {
        let Some(index) = self.sessions.iter().position(|session| session.id == id) else { return };
        let session = self.sessions.remove(index);
        let presence = session.unavailable();
        let was_available = session.available.is_some();
        self.announce_end(session, &presence, ctx);
        if was_available {
            self.note_last(&presence, ctx);
        }
        let undelivered = ctx.outbox.end_session(id);
        self.redeliver(undelivered, ctx);
        self.session_left(id, ctx);
    }

    /// The address of a session.
    pub(super) fn address_of(&self, id: SessionId) -> Option<FullJid> {
        self.sessions.iter().find(|session| session.id == id).map(|session| session.jid.clone())
    }

    /// The session that can be resumed under this id.
    pub(super) fn resumable(&self, previd: &str, managed: &Managed) -> Option<(SessionId, FullJid)> {
        let mut sessions = self.sessions.iter();
        let found = sessions.find(|session| managed.is_resumable_as(session.id, previd))?;
        Some((found.id, found.jid.clone()))
    }

    /// The account is gone: all its sessions are closed, and its contacts are told that there is nobody any more.
    pub(super) fn close_all(&mut self, error: &StreamError, ctx: &mut Context<'_>) {
        self.offline.abandon(ctx);
        for session in std::mem::take(&mut self.sessions) {
            ctx.outbox.close(session.id, error.clone());
            let undelivered = ctx.outbox.end_session(session.id);
            Account::refuse_undelivered(undelivered, ctx);
            let presence = session.unavailable();
            self.announce_end(session, &presence, ctx);
        }
        self.cancel_all(ctx);
    }

    /// The session with this resource.
    fn session(&self, resource: &str) -> Option<&Session> {
        self.sessions.iter().find(|session| session.jid.resource() == Some(resource))
    }

    /// Hands a stanza to every available resource.
    fn to_available(&self, stanza: &Stanza, ctx: &mut Context<'_>) {
        for session in self.sessions.iter().filter(|session| session.available.is_some()) {
            if self.hears_stanza(session, stanza) {
                ctx.outbox.deliver(session.id, stanza.clone());
            }
        }
    }

    /// Hands a stanza to every resource that has asked for the roster.
    fn to_interested(&self, stanza: &Stanza, ctx: &mut Context<'_>) {
        for session in self.sessions.iter().filter(|session| session.interested) {
            if self.hears_stanza(session, stanza) {
                ctx.outbox.deliver(session.id, stanza.clone());
            }
        }
    }

    /// True for the domain that the account is one of.
    fn is_own_domain(&self, jid: &Jid) -> bool {
        jid.is_domain() && jid.as_str() == self.jid.domain()
    }

    /// True for the account's own addresses.
    fn is_own(&self, jid: Option<&Jid>) -> bool {
        jid.is_some_and(|jid| jid.bare_str() == self.jid.as_str())
    }
}
