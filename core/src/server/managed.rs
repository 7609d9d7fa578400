//! Sessions whose stanzas are acknowledged (XEP-0198): what is kept of each.
//!
//! A session is named by the id that it was bound under, whichever connection it has; [`Managed::connection`] says which that
//! is. Everything that is delivered to it passes [`Managed::keep`], so here stanzas are numbered, and kept until the client has
//! them.

use super::bind::{Enable, Enabled, Resumption};
use super::config::{Config, Limits};
use super::output::SessionId;
use crate::jid::BareJid;
use crate::machine::{Entropy, Instant, Utc};
use crate::stanza::Stanza;
use crate::stream::management::{Unacknowledged, WrongCount};
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// All managed sessions of a hub.
#[derive(Debug, Default)]
pub(super) struct Managed {
    states: BTreeMap<SessionId, Box<State>>,
    /// When sessions without a connection are given up.
    deadlines: BTreeSet<(Instant, SessionId)>,
    /// What all of them have not acknowledged takes so many bytes.
    bytes: usize,
    /// Sessions that are behind by more than they may. Empty between calls.
    behind: VecDeque<SessionId>,
    /// What is remembered of those that are over, oldest first.
    ended: VecDeque<Ended>,
}

#[derive(Debug)]
struct State {
    account: BareJid,
    /// `None` while the session waits for its client to come back.
    connection: Option<SessionId>,
    /// Set if it may: under this id, within this time.
    resumption: Option<(Box<str>, Duration)>,
    /// When it is given up, without a connection.
    deadline: Option<Instant>,
    /// How many stanzas have come from the client.
    received: u64,
    sent: Unacknowledged<Undelivered>,
    bytes: usize,
    /// It is among those that are behind.
    is_behind: bool,
}

/// A session that is over, for a client that wants to know how much of what it sent had arrived (section 5).
#[derive(Debug)]
struct Ended {
    id: Box<str>,
    account: BareJid,
    received: u32,
}

/// A stanza that a client has not acknowledged.
#[derive(Debug)]
pub(super) struct Undelivered {
    pub(super) stanza: Stanza,
    /// When it came.
    pub(super) at: Utc,
    pub(super) claim: Claim,
}

/// What is lost if a session goes before it has acknowledged a stanza.
#[derive(Debug)]
pub(super) enum Claim {
    /// The stanza: nobody else has it.
    Sole,
    /// The stanza, if none of the other sessions that were given it keeps it.
    Shared(Share),
    /// Nothing: it is a copy of what somebody else has.
    Spare,
    /// Nothing: the store has it, under this serial.
    Stored(u64),
}

/// Held by every session that has been given the same message.
#[derive(Clone, Debug, Default)]
pub(super) struct Share(Arc<AtomicBool>);

impl Share {
    /// Somebody has the message for good.
    pub(super) fn settle(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Nobody has the message, and this is the last who could have got it.
    fn is_lost(&self) -> bool {
        !self.0.load(Ordering::Relaxed) && Arc::strong_count(&self.0) == 1
    }
}

impl From<Option<Share>> for Claim {
    /// `None`: nobody else was given the stanza.
    fn from(share: Option<Share>) -> Claim {
        share.map_or(Claim::Sole, Claim::Shared)
    }
}

impl Claim {
    /// The stanza is lost if the session goes now.
    pub(super) fn is_lost(&self) -> bool {
        match self {
            Claim::Sole => true,
            Claim::Shared(share) => share.is_lost(),
            Claim::Spare | Claim::Stored(_) => false,
        }
    }

    /// The session has the stanza.
    fn settle(&self) {
        if let Claim::Shared(share) = self {
            share.settle();
        }
    }
}

impl Managed {
    /// From now on the stanzas of a session are acknowledged. `None`: they are already.
    pub(super) fn enable(
        &mut self,
        session: SessionId,
        account: &BareJid,
        enable: Enable,
        config: &Config,
        entropy: &mut Entropy,
    ) -> Option<Enabled> {
        if self.states.contains_key(&session) {
            return None;
        }
        let most = config.management.resumption;
        let within = enable.max.map_or(most, |max| Duration::from_secs(max.into()).min(most));
        let is_resumable = enable.resume && !within.is_zero();
        let resumption = is_resumable.then(|| Resumption {
            id: entropy.id(),
            within,
            location: config.management.location.clone(),
        });
        let state = State {
            account: account.clone(),
            connection: Some(session),
            resumption: resumption.as_ref().map(|it| (it.id.as_str().into(), it.within)),
            deadline: None,
            received: 0,
            sent: Unacknowledged::default(),
            bytes: 0,
            is_behind: false,
        };
        self.states.insert(session, Box::new(state));
        Some(Enabled { resumption })
    }

    /// A session is to have a stanza. Returns the connection that takes it, if there is one.
    pub(super) fn keep(
        &mut self,
        session: SessionId,
        stanza: &Stanza,
        claim: Claim,
        at: Utc,
        limits: &Limits,
    ) -> Option<SessionId> {
        let state = if self.states.is_empty() { None } else { self.states.get_mut(&session) };
        let Some(state) = state else {
            // Without acknowledgements nobody knows better.
            claim.settle();
            return Some(session);
        };
        let bytes = stanza.element().size();
        state.bytes += bytes;
        self.bytes += bytes;
        state.sent.push(Undelivered { stanza: stanza.clone(), at, claim });
        let is_too_much = state.sent.len() > limits.unacknowledged
            || state.bytes > limits.unacknowledged_bytes
            || self.bytes > limits.unacknowledged_bytes_in_all;
        if is_too_much && !std::mem::replace(&mut state.is_behind, true) {
            self.behind.push_back(session);
        }
        state.connection
    }

    /// The client has `h` of the stanzas that it was sent. Gives the serial of the last of them that the store still has.
    pub(super) fn acknowledge(&mut self, session: SessionId, h: u32) -> Result<Option<u64>, WrongCount> {
        let Some(state) = self.states.get_mut(&session) else { return Ok(None) };
        let (mut bytes, mut stored) = (0, None);
        for had in state.sent.acknowledge(h)? {
            bytes += had.stanza.element().size();
            had.claim.settle();
            if let Claim::Stored(serial) = had.claim {
                stored = Some(serial);
            }
        }
        state.bytes = state.bytes.saturating_sub(bytes);
        self.bytes = self.bytes.saturating_sub(bytes);
        Ok(stored)
    }

    /// A stanza has come from the client.
    pub(super) fn received(&mut self, session: SessionId) {
        if !self.states.is_empty()
            && let Some(state) = self.states.get_mut(&session)
        {
            state.received += 1;
        }
    }

    /// How many stanzas of the client's have been handled, modulo 2^32.
    pub(super) fn handled(&self, session: SessionId) -> Option<u32> {
        self.states.get(&session).map(|state| state.received as u32)
    }

    /// Whether the stanzas of a session are acknowledged.
    pub(super) fn is_managed(&self, session: SessionId) -> bool {
        self.states.contains_key(&session)
    }

    /// The connection of a session; `None` while it waits for its client to come back.
    pub(super) fn connection(&self, session: SessionId) -> Option<SessionId> {
        self.states.get(&session).map_or(Some(session), |state| state.connection)
    }

    /// A session has lost its connection. True if it outlives that.
    pub(super) fn hibernate(&mut self, now: Instant, session: SessionId) -> bool {
        let Some(state) = self.states.get_mut(&session) else { return false };
        let Some((_, within)) = state.resumption else { return false };
        let at = now + within;
        state.connection = None;
        state.deadline = Some(at);
        self.deadlines.insert((at, session));
        true
    }

    /// Whether a session can be resumed under this id.
    pub(super) fn is_resumable_as(&self, session: SessionId, id: &str) -> bool {
        let resumption = self.states.get(&session).and_then(|state| state.resumption.as_ref());
        resumption.is_some_and(|(own, _)| **own == *id)
    }

    /// A session has a connection again.
    pub(super) fn resume(&mut self, session: SessionId, connection: SessionId) {
        let Some(state) = self.states.get_mut(&session) else { return };
        state.connection = Some(connection);
        if let Some(at) = state.deadline.take() {
            self.deadlines.remove(&(at, session));
        }
    }

    /// What the client of a session has not acknowledged, oldest first.
    pub(super) fn undelivered(&self, session: SessionId) -> impl Iterator<Item = &Stanza> {
        self.states.get(&session).into_iter().flat_map(|state| state.sent.iter()).map(|item| &item.stanza)
    }

    /// A session is over. Gives what its client has not acknowledged, oldest first.
    pub(super) fn end(&mut self, session: SessionId, limits: &Limits) -> VecDeque<Undelivered> {
        let state = if self.states.is_empty() { None } else { self.states.remove(&session) };
        let Some(state) = state else { return VecDeque::new() };
        if let Some(at) = state.deadline {
            self.deadlines.remove(&(at, session));
        }
        self.bytes = self.bytes.saturating_sub(state.bytes);
        let State { account, resumption, received, sent, .. } = *state;
        if let Some((id, _)) = resumption {
            self.ended.push_back(Ended { id, account, received: received as u32 });
            while self.ended.len() > limits.ended_sessions {
                self.ended.pop_front();
            }
        }
        sent.into_items()
    }

    /// How many stanzas had been handled of a session that is over, if that is remembered.
    pub(super) fn handled_before_end(&self, account: &BareJid, id: &str) -> Option<u32> {
        let is_it = |ended: &&Ended| *ended.id == *id && ended.account == *account;
        self.ended.iter().find(is_it).map(|ended| ended.received)
    }

    /// A session that is to be ended because its client is too far behind, and its account.
    pub(super) fn pop_behind(&mut self) -> Option<(SessionId, BareJid)> {
        while let Some(session) = self.behind.pop_front() {
            if let Some(state) = self.states.get(&session) {
                return Some((session, state.account.clone()));
            }
        }
        None
    }

    /// A session whose client has not come back in time, and its account.
    pub(super) fn expired(&self, now: Instant) -> Option<(SessionId, BareJid)> {
        let (_, session) = self.deadlines.first().filter(|(at, _)| *at <= now)?;
        self.states.get(session).map(|state| (*session, state.account.clone()))
    }

    /// When the next session is given up.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// The time at which a session is given up; `None` while it has a connection.
    pub(super) fn given_up_at(&self, session: SessionId) -> Option<Instant> {
        self.states.get(&session).and_then(|state| state.deadline)
    }
}
