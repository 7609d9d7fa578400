//! What the hubs want, and what the model makes of it.

use super::model::{Books, Session};
use super::{Play, account, config, handled};
use crate::bit;
use std::collections::BTreeSet;
use waxwing_core::jid::Jid;
use waxwing_core::server::hub::{ConflictPolicy, Output, SessionId, shard_of};

impl Play {
    /// Takes all that the hubs have to say, and has done what need not wait.
    pub(super) fn drain(&mut self) {
        for _ in 0..10_000 {
            let mut moved = false;
            for shard in 0..self.hubs.len() {
                while let Some(output) = self.hubs[shard].poll_output() {
                    self.output(shard as u32, output);
                    moved = true;
                }
            }
            if !self.carrier_waits && self.envelopes.values().any(|all| !all.is_empty()) {
                self.carry(0);
                moved = true;
            } else if !self.store_waits && self.shelf.len() > 0 {
                self.answer(0);
                moved = true;
            }
            if !moved {
                return;
            }
        }
        panic!("the hubs do not fall silent");
    }

    pub(super) fn output(&mut self, shard: u32, output: Output) {
        if bit(self.settings, 13) {
            self.log.push(format!("{output:?}"));
        }
        match output {
            Output::Deliver { session, stanza } => self.model.deliver(session, &stanza),
            Output::Bound { session, jid, .. } => {
                let slot = self.model.binding.remove(&session).expect("a session that waits to be bound");
                let full: Jid = jid.into();
                assert_eq!(full.to_bare(), account(slot % 4));
                self.replace_absent(&full);
                let mut others = self.model.sessions.values();
                assert!(others.all(|other| other.jid != full), "two sessions of one address");
                let session_of = Session {
                    jid: full,
                    is_available: false,
                    roster: None,
                    sees: BTreeSet::new(),
                    asked: Vec::new(),
                    connection: Some(session),
                    books: None,
                };
                self.model.sessions.insert(session, session_of);
                self.model.connections.insert(session, session);
            }
            Output::BindRefused { session, .. } => {
                let slot = self.model.binding.remove(&session).expect("a session that waits to be bound");
                self.slots[slot] = None;
            }
            Output::Close { session, .. } => self.close(session),
            Output::Enabled { session, enabled } => {
                let id = self.model.connections[&session];
                let session = self.model.sessions.get_mut(&id).expect("it has a connection");
                let within = enabled.resumption.as_ref().map(|it| it.within).unwrap_or_default();
                let id = enabled.resumption.map(|resumption| resumption.id);
                let books = Books { id, within, ..Books::default() };
                assert!(session.books.replace(books).is_none(), "enabled twice");
            }
            Output::Acknowledge { session, h } => {
                let id = self.model.connections[&session];
                let session = self.model.sessions.get_mut(&id);
                handled(session.and_then(|session| session.books.as_mut()).expect("enabled"), h);
            }
            Output::Resumed { session, jid, h, .. } => self.resumed(session, &jid.into(), h),
            Output::ResumeRefused { session, .. } => self.not_resumed(session),
            Output::Remote { stanza } => {
                assert!(!bit(self.settings, 6), "there is no federation");
                self.model.send_abroad(&stanza);
                if self.abroad.len() < 16 {
                    self.abroad.push_back(stanza);
                }
            }
            Output::Store(request) => {
                assert_eq!(request.id().shard, shard);
                assert_eq!(shard_of(request.account(), self.hubs.len() as u32), shard, "another's account");
                self.shelf.ask(self.now, request);
                assert!(self.shelf.len() < 2000, "the store is asked for too much at once");
            }
            Output::Shard { shard: other, envelope } => {
                assert_ne!(other, shard);
                self.envelopes.entry((shard, other)).or_default().push_back(envelope);
            }
            Output::Derive { id, derivation } => {
                let (now, keys) = (self.now, derivation.run());
                self.hubs[shard as usize].derived(now, id, keys);
            }
            Output::Credentials { lookup, .. } => assert!(self.open.remove(&('h', lookup.0)), "asked for"),
            Output::Administered { id, .. } => assert!(self.open.remove(&('g', id.0)), "ordered"),
            Output::Registered { id, .. } => assert!(self.open.remove(&('n', id.0)), "wanted"),
            other => panic!("{other:?}"),
        }
    }

    /// Somebody has been given an address: a session of that address which waited for its client is over.
    fn replace_absent(&mut self, jid: &Jid) {
        let is_it = |session: &Session| session.connection.is_none() && session.jid == *jid;
        let replaced = self.model.sessions.iter().find(|(_, session)| is_it(session)).map(|(id, _)| *id);
        let Some(id) = replaced else { return };
        let is_late = self.until.get(&id).is_some_and(|until| *until <= self.now.instant);
        // Where there is little room those who are away make way, or get too far behind.
        let may_be_over = is_late || bit(self.settings, 1) || self.removed.contains(&jid.to_bare());
        let is_replaced = config(self.settings, 0).conflict == ConflictPolicy::Replace;
        assert!(may_be_over || is_replaced, "{jid} was not free");
        self.model.end(id);
        self.slots.iter_mut().filter(|slot| **slot == Some(id)).for_each(|slot| *slot = None);
    }

    /// The hub ends a session, or takes it from a connection that it has no more.
    pub(super) fn close(&mut self, connection: SessionId) {
        // What the client says that it has had cannot be. The session stays as it was.
        if self.resuming.remove(&connection).is_some() {
            return;
        }
        let id = *self.model.connections.get(&connection).expect("it was there");
        if self.resuming.values().any(|(_, resumed, _)| *resumed == id) {
            return self.model.detach(id);
        }
        self.model.end(id);
        let slot = self.slots.iter_mut().find(|slot| **slot == Some(id));
        *slot.expect("it was there") = None;
    }
}
