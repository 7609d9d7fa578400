//! Sessions: look-up of credentials, binding, the end.

use super::entities::{Entity, Keyed, Table, Waiting};
use super::requests::Asked;
use super::{Hub, LookupId, Output, SessionId, Unavailable};
use crate::jid::{BareJid, FullJid};
use crate::machine::{Entropy, Now};
use crate::server::account::Account;
use crate::server::bind::BindRequest;
use crate::server::store::{Query, Request};
use crate::stanza::{Condition, StanzaError};
use crate::stream::bind2::ClientState;

/// Which session, of which account, a connection has.
#[derive(Debug)]
pub(super) struct Sessions {
    /// Never iterated.
    table: Table<SessionId, Session>,
}

/// What a connection has.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) account: BareJid,
    /// `None` while the account is being loaded.
    pub(super) jid: Option<FullJid>,
    /// What the account calls the session: the id that it was bound under, whichever connection has it now.
    pub(super) id: SessionId,
}

impl Sessions {
    pub(super) fn new(entropy: &mut Entropy) -> Sessions {
        Sessions { table: Table::with_hasher(Keyed::new(entropy)) }
    }

    /// Account, address and id of the session that a connection has.
    pub(super) fn bound(&self, connection: SessionId) -> Option<(&BareJid, &FullJid, SessionId)> {
        let session = self.table.get(&connection)?;
        Some((&session.account, session.jid.as_ref()?, session.id))
    }

    pub(super) fn contains(&self, connection: SessionId) -> bool {
        self.table.contains_key(&connection)
    }

    pub(super) fn insert(&mut self, connection: SessionId, session: Session) {
        self.table.insert(connection, session);
    }

    pub(super) fn remove(&mut self, connection: SessionId) -> Option<Session> {
        self.table.remove(&connection)
    }
}

impl Hub {
    pub(super) fn look_up(&mut self, now: Now, lookup: LookupId, account: BareJid) {
        if !self.is_local(&account) || account.local().is_none() {
            return self.tools.outbox.credentials(lookup, Ok(None));
        }
        if !self.is_here(&account) {
            return self.tools.outbox.credentials(lookup, Err(Unavailable));
        }
        // Asked of the store even if the account is in memory: whoever measured that the answer comes faster then would know
        // that somebody is there.
        if self.requests.len() >= self.tools.config.limits.store_requests {
            return self.tools.outbox.credentials(lookup, Err(Unavailable));
        }
        let id = self.ask(now, Asked::Lookup(lookup));
        self.request(Request::Read { id, account, query: Query::Credentials });
    }

    pub(super) fn begin_bind(
        &mut self,
        now: Now,
        session: SessionId,
        account: BareJid,
        request: BindRequest,
    ) {
        let anonymous = request.anonymous;
        let is_used = self.sessions.contains(session) || self.tools.outbox.managed.is_managed(session);
        if is_used || !self.is_here(&account) {
            let error = StanzaError::new(Condition::InternalServerError);
            return self.tools.outbox.outputs.push_back(Output::BindRefused { session, error });
        }
        self.sessions.insert(session, Session { account: account.clone(), jid: None, id: session });
        match self.entities.get_mut(account.as_str()) {
            Some(Entity::Ready(ready)) if ready.account.is_anonymous() != anonymous => {
                return self.refuse_bind(session, StanzaError::new(Condition::Conflict));
            }
            Some(Entity::Loading(_)) if anonymous => {
                return self.refuse_bind(session, StanzaError::new(Condition::Conflict));
            }
            None if anonymous => {
                self.entities.insert(&account, Account::anonymous(account.clone()));
            }
            Some(Entity::Ready(_)) => {}
            Some(Entity::Loading(_)) | None => {
                return self.wait(now, &account, Waiting::Bind { session, request });
            }
        }
        self.admit(now, &account, Waiting::Bind { session, request });
        self.settle(now, &account);
    }

    /// Lets in what concerns an account that is in memory.
    pub(super) fn admit(&mut self, now: Now, account: &BareJid, waiting: Waiting) {
        let Some(ready) = self.entities.ready_mut(account.as_str()) else { return };
        match waiting {
            Waiting::Stanza(stanza, receipt) => {
                let mut ctx = self.tools.context(now);
                ctx.receipt = receipt;
                ready.account.receive(stanza, &mut ctx);
                ctx.done();
            }
            Waiting::Bind { session, request } => {
                let bound = ready.account.bind(session, request, &mut self.tools.context(now));
                match bound {
                    Ok(bound) => {
                        if let Some(known) = self.sessions.table.get_mut(&session) {
                            known.jid = Some(bound.jid.clone());
                        }
                        let output = Output::Bound { session, jid: bound.jid, granted: bound.granted };
                        self.tools.outbox.outputs.push_back(output);
                    }
                    Err(error) => self.refuse_bind(session, error),
                }
            }
            Waiting::Cancelled => {}
        }
    }

    pub(super) fn refuse_bind(&mut self, session: SessionId, error: StanzaError) {
        self.sessions.remove(session);
        self.tools.outbox.outputs.push_back(Output::BindRefused { session, error });
    }

    pub(super) fn change_state(&mut self, now: Now, session: SessionId, state: ClientState) {
        let Some((_, jid, id)) = self.sessions.bound(session) else { return };
        let ctx = self.tools.context(now);
        match state {
            ClientState::Active => ctx.outbox.release(id, false),
            ClientState::Inactive => ctx.outbox.inactive.begin(id, jid),
        }
    }

    pub(super) fn end_session(&mut self, now: Now, session: SessionId) {
        let Some(known) = self.sessions.remove(session) else { return };
        if known.jid.is_none() && self.stop_waiting(now, &known, session) {
            return;
        }
        let Session { account, id, .. } = known;
        match self.entities.ready_mut(account.as_str()) {
            Some(ready) => {
                ready.account.session_gone(id, &mut self.tools.context(now));
                self.settle(now, &account);
            }
            None => self.entities.cancel_bind(&account, session),
        }
    }
}
