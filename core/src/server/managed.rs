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
    /// How many stanzas of clients are held.
    held: usize,
    /// Sessions whose client waits to resume them, and which have handled all that it sent. Empty between calls.
    settled: VecDeque<SessionId>,
    /// What is remembered of those that are over, oldest first.
    ended: VecDeque<Ended>,
}

/// That a stanza came from a client which is to hear once it has been handled (section 4).
///
/// It travels with the stanza. Whoever keeps the stanza for later takes it, [holds](super::outbox::Outbox::hold) it, and keeps
/// it too; whoever is done [settles](super::outbox::Outbox::settle) it. What nobody holds has been handled when the call ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Receipt {
    /// The shard that has the session.
    pub(super) shard: u32,
    session: SessionId,
    /// Which of the stanzas that the client has sent there, from 1.
    number: u64,
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
    /// Which of them have not been handled.
    held: BTreeSet<u64>,
    /// The client has asked, and has not been told of all that it had sent.
    is_asked: bool,
    /// A connection of the client's that is to have the session once it has handled all that it has received.
    waiting: Option<SessionId>,
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
    /// Nothing: it is a copy of what somebody else has, or nobody would miss it.
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
    pub(super) fn settle(&self) {
        if let Claim::Shared(share) = self {
            share.settle();
        }
    }
}

impl Undelivered {
    /// What it counts as. What the store keeps is limited there, and handed over a page at a time.
    fn bytes(&self) -> usize {
        match self.claim {
            Claim::Stored(_) => 0,
            _ => self.stanza.element().size(),
        }
    }
}

impl State {
    /// How many stanzas of the client's have been handled, up to the first that has not, modulo 2^32.
    fn handled(&self) -> u32 {
        self.held.first().map_or(self.received, |first| first - 1) as u32
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
            held: BTreeSet::new(),
            is_asked: false,
            waiting: None,
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
        let item = Undelivered { stanza: stanza.clone(), at, claim };
        let bytes = item.bytes();
        state.bytes += bytes;
        self.bytes += bytes;
        state.sent.push(item);
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
            bytes += had.bytes();
            had.claim.settle();
            if let Claim::Stored(serial) = had.claim {
                stored = Some(serial);
            }
        }
        // Presence comes in bursts, and sessions are many.
        state.sent.shrink();
        state.bytes = state.bytes.saturating_sub(bytes);
        self.bytes = self.bytes.saturating_sub(bytes);
        Ok(stored)
    }

    /// A stanza has come from the client.
    pub(super) fn received(&mut self, session: SessionId, shard: u32) -> Option<Receipt> {
        let state = if self.states.is_empty() { None } else { self.states.get_mut(&session) }?;
        state.received += 1;
        Some(Receipt { shard, session, number: state.received })
    }

    /// How many stanzas of the client's have been handled, modulo 2^32.
    pub(super) fn handled(&self, session: SessionId) -> Option<u32> {
        self.states.get(&session).map(|state| state.handled())
    }

    /// As [`handled`](Self::handled), for a client that has asked, and is told once more when it is more.
    pub(super) fn asked(&mut self, session: SessionId) -> Option<u32> {
        let state = self.states.get_mut(&session)?;
        state.is_asked = !state.held.is_empty();
        Some(state.handled())
    }

    /// A stanza of a client's has not been handled when the call ends.
    pub(super) fn hold(&mut self, receipt: Receipt) {
        if let Some(state) = self.states.get_mut(&receipt.session)
            && state.held.insert(receipt.number)
        {
            self.held += 1;
        }
    }

    /// A stanza of a client's has been handled. Gives the connection that is to hear of it, and what.
    pub(super) fn settle(&mut self, receipt: Receipt) -> Option<(SessionId, u32)> {
        if self.held == 0 {
            return None;
        }
        let state = self.states.get_mut(&receipt.session)?;
        let before = state.handled();
        if !state.held.remove(&receipt.number) {
            return None;
        }
        self.held -= 1;
        if state.held.is_empty() && state.waiting.is_some() {
            self.settled.push_back(receipt.session);
        }
        let (h, is_asked) = (state.handled(), state.is_asked);
        state.is_asked &= !state.held.is_empty();
        state.connection.filter(|_| is_asked && h != before).map(|connection| (connection, h))
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
        state.waiting = None;
        state.deadline = Some(at);
        self.deadlines.insert((at, session));
        true
    }

    /// Lets a connection wait for a session until that has handled all it has received; it has no other connection. False:
    /// it has.
    pub(super) fn wait(&mut self, session: SessionId, connection: SessionId) -> bool {
        let Some(state) = self.states.get_mut(&session) else { return false };
        if state.held.is_empty() {
            return false;
        }
        state.connection = None;
        state.waiting = Some(connection);
        if let Some(at) = state.deadline.take() {
            self.deadlines.remove(&(at, session));
        }
        true
    }

    /// The connection that waits for a session.
    pub(super) fn waiting(&self, session: SessionId) -> Option<SessionId> {
        self.states.get(&session).and_then(|state| state.waiting)
    }

    /// A session that has handled all that its client has sent, and which the client wants to resume.
    pub(super) fn pop_settled(&mut self) -> Option<(SessionId, BareJid)> {
        let session = self.settled.pop_front()?;
        self.states.get(&session).map(|state| (session, state.account.clone()))
    }

    /// Whether a session can be resumed under this id.
    pub(super) fn is_resumable_as(&self, session: SessionId, id: &str) -> bool {
        let resumption = self.states.get(&session).and_then(|state| state.resumption.as_ref());
        resumption.is_some_and(|(own, _)| **own == *id)
    }

    /// The id under which a session can be resumed.
    pub(super) fn resumption_id(&self, session: SessionId) -> Option<String> {
        let (id, _) = self.states.get(&session)?.resumption.as_ref()?;
        Some(id.to_string())
    }

    /// A session has a connection again.
    pub(super) fn resume(&mut self, session: SessionId, connection: SessionId) {
        let Some(state) = self.states.get_mut(&session) else { return };
        state.connection = Some(connection);
        (state.waiting, state.is_asked) = (None, false);
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
        self.held -= state.held.len();
        let received = state.handled();
        let State { account, resumption, sent, .. } = *state;
        if let Some((id, _)) = resumption {
            self.ended.push_back(Ended { id, account, received });
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

    /// A session that waits for its client, and its account: the first that is to be given up by then.
    pub(super) fn absent(&self, by: Option<Instant>) -> Option<(SessionId, BareJid)> {
        let (_, session) = self.deadlines.first().filter(|(at, _)| by.is_none_or(|by| *at <= by))?;
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
