//! Stream management (XEP-0198): acknowledgements, and sessions that outlive their connection.
//!
//! Connections translate; what is agreed, sent and acknowledged is known here and nowhere else. So a connection, its task or
//! its mailbox may go at any time, and nothing is lost: the session keeps its place in the account, goes on receiving, and
//! waits for its client to come back, for as long as was agreed. What it has not got when it ends takes its way anew (see
//! [`Account`](crate::server::account::Account)).
//!
//! A session has one connection at most. Whoever resumes it takes it from the connection that it had: what that one still
//! sends counts for nothing, since the client sends it again.

use super::sessions::Session;
use super::{Enable, Hub, Output, SessionId};
use crate::jid::{BareJid, FullJid};
use crate::machine::{Instant, Now};
use crate::stanza::Stanza;
use crate::stream::{self, StreamError};

impl Hub {
    pub(super) fn begin_management(&mut self, now: Now, session: SessionId, enable: Enable) {
        let Some((account, _, id)) = self.sessions.bound(session) else { return };
        let Some(ready) = self.entities.ready_mut(account.as_str()) else { return };
        let mut ctx = self.tools.context(now);
        if let Some(enabled) = ctx.manage(id, account, ready.account.is_anonymous(), enable) {
            ctx.outbox.outputs.push_back(Output::Enabled { session, enabled });
        }
    }

    pub(super) fn answered_by_connection(&mut self, now: Now, session: SessionId, reply: Option<Stanza>) {
        let Some((_, _, id)) = self.sessions.bound(session) else { return };
        let ctx = self.tools.context(now);
        // Nobody holds it, so its receipt may go.
        let _ = ctx.outbox.managed.received(id, ctx.config.shard);
        if let Some(reply) = reply {
            ctx.outbox.deliver(id, reply);
        }
    }

    pub(super) fn acknowledgement_asked(&mut self, session: SessionId) {
        let Some((_, _, id)) = self.sessions.bound(session) else { return };
        if let Some(h) = self.tools.outbox.managed.asked(id) {
            self.tools.outbox.outputs.push_back(Output::Acknowledge { session, h });
        }
    }

    pub(super) fn client_acknowledged(&mut self, now: Now, session: SessionId, h: u32) {
        let Some((account, _, id)) = self.sessions.bound(session) else { return };
        let account = account.clone();
        match self.tools.outbox.managed.acknowledge(id, h) {
            Ok(stored) => self.stored_acknowledged(now, &account, id, stored),
            Err(wrong) => {
                self.tools.outbox.close(id, wrong.to_stream_error());
                self.end_managed(now, id, &account);
            }
        }
    }

    /// A client has messages that the store has kept for it.
    fn stored_acknowledged(&mut self, now: Now, account: &BareJid, id: SessionId, serial: Option<u64>) {
        if let (Some(serial), Some(ready)) = (serial, self.entities.ready_mut(account.as_str())) {
            ready.account.stored_acknowledged(id, serial, &mut self.tools.context(now));
        }
    }

    pub(super) fn connection_broke(&mut self, now: Now, session: SessionId) {
        let known = self.sessions.bound(session).map(|(_, _, id)| id);
        if known.is_some_and(|id| self.tools.outbox.managed.hibernate(now.instant, id)) {
            self.sessions.remove(session);
        } else {
            self.end_session(now, session);
        }
    }

    /// A connection that waited for a session has gone. True if it did: the session waits for the next one.
    pub(super) fn stop_waiting(&mut self, now: Now, session: &Session, connection: SessionId) -> bool {
        let managed = &mut self.tools.outbox.managed;
        let waited = managed.waiting(session.id) == Some(connection);
        waited && managed.hibernate(now.instant, session.id)
    }

    pub(super) fn begin_resumption(
        &mut self,
        now: Now,
        session: SessionId,
        account: &BareJid,
        previd: String,
        h: u32,
    ) {
        let ready = self.entities.ready_mut(account.as_str());
        let managed = &self.tools.outbox.managed;
        let found = ready.and_then(|ready| ready.account.resumable(&previd, managed));
        let Some((id, jid)) = found.filter(|_| !self.sessions.contains(session)) else {
            let h = managed.handled_before_end(account, &previd);
            return self.tools.outbox.outputs.push_back(Output::ResumeRefused { session, h });
        };
        match self.tools.outbox.managed.acknowledge(id, h) {
            Ok(stored) => {
                self.take_from_others(id);
                if self.tools.outbox.managed.wait(id, session) {
                    // Once it is clear how many of the client's stanzas have been handled. The store's time-out bounds that.
                    self.sessions.insert(session, Session { account: account.clone(), jid: None, id });
                } else {
                    self.take_over(id, session, account, jid, previd);
                }
                self.stored_acknowledged(now, account, id, stored);
            }
            Err(wrong) => {
                // The session stays as it was: its client may have mistaken it for another.
                let error = wrong.to_stream_error();
                self.tools.outbox.outputs.push_back(Output::Close { session, error });
            }
        }
    }

    /// A session is to have another connection: the one that it has, or that waits for it, is closed.
    fn take_from_others(&mut self, id: SessionId) {
        let outbox = &mut self.tools.outbox;
        if let Some(old) = outbox.managed.connection(id).or(outbox.managed.waiting(id)) {
            self.sessions.remove(old);
            let error = StreamError::new(stream::Condition::Conflict)
                .with_text("The session has been resumed over another connection.");
            outbox.outputs.push_back(Output::Close { session: old, error });
        }
    }

    /// A session has handled all that it has received: the connection that waits for that gets it.
    pub(super) fn finish_resumption(&mut self, now: Now, id: SessionId, account: &BareJid) {
        let Some(connection) = self.tools.outbox.managed.waiting(id) else { return };
        let Some(ready) = self.entities.ready_mut(account.as_str()) else { return };
        let Some(jid) = ready.account.address_of(id) else { return };
        let Some(previd) = self.tools.outbox.managed.resumption_id(id) else { return };
        self.take_over(id, connection, account, jid, previd);
        self.settle(now, account);
    }

    /// A session gets another connection, and there what its client does not have.
    fn take_over(
        &mut self,
        id: SessionId,
        connection: SessionId,
        account: &BareJid,
        jid: FullJid,
        previd: String,
    ) {
        let outbox = &mut self.tools.outbox;
        outbox.managed.resume(id, connection);
        self.sessions.insert(connection, Session { account: account.clone(), jid: Some(jid.clone()), id });
        let h = outbox.managed.handled(id).unwrap_or_default();
        outbox.outputs.push_back(Output::Resumed { session: connection, jid, previd, h });
        for stanza in outbox.managed.undelivered(id) {
            outbox.outputs.push_back(Output::Deliver { session: connection, stanza: stanza.clone() });
        }
        // However it was before: over a new connection a client is active until it says otherwise (XEP-0352 section 5.2).
        outbox.release(id, false);
    }

    /// Sessions are given up whose clients have not come back by then.
    pub(super) fn give_up_sessions(&mut self, now: Now, by: Option<Instant>) {
        while let Some((id, account)) = self.tools.outbox.managed.absent(by) {
            self.end_managed(now, id, &account);
        }
    }

    /// A session that is behind by more than it may be ends.
    pub(super) fn end_behind(&mut self, now: Now, id: SessionId, account: &BareJid) {
        let error = StreamError::new(stream::Condition::ResourceConstraint)
            .with_text("Too many stanzas have not been acknowledged.");
        self.tools.outbox.close(id, error);
        self.end_managed(now, id, account);
    }

    fn end_managed(&mut self, now: Now, id: SessionId, account: &BareJid) {
        if let Some(ready) = self.entities.ready_mut(account.as_str()) {
            ready.account.session_gone(id, &mut self.tools.context(now));
        }
        // If the account does not know it, nobody does.
        self.tools.outbox.end_session(id);
        self.settle(now, account);
    }
}
