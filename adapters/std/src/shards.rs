//! The hub, made thread-safe: one lock for each shard, and a mailbox for each session.
//!
//! Every server adapter drives its connections against this. A connection calls in with what its session did; the
//! hub's outputs are carried to the mailboxes of other sessions, to other shards and to the store before the call
//! returns. Nothing waits for a slow reader: a mailbox that is full ends its own session and no other.
//!
//! # Order
//!
//! Mailboxes and the inboxes of other shards are filled while the shard's lock is held, so everything leaves in the
//! order in which the hub decided it. Locks nest in one direction only: a shard's hub, then a mailbox or an inbox.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::Duration;

use waxwing_core::jid::{BareJid, FullJid};
use waxwing_core::machine::{Entropy, Instant};
use waxwing_core::sasl::{Password, StoredCredentials};
use waxwing_core::server::hub::{
    self, BindRequest, Enabled, Envelope, Granted, Hub, LookupId, Output, RegistrationId, SessionId,
    Unavailable,
};
use waxwing_core::server::store;
use waxwing_core::stanza::{Stanza, StanzaError};
use waxwing_core::stream::sasl2::ClientId;
use waxwing_core::stream::{Condition, StreamError};

use crate::Clock;
use crate::deriver::Deriver;
use crate::sync::lock;

/// Takes the hub's store requests, without waiting for their execution. Answers go to [`Shards::store_reply`]; a request
/// that is not taken is answered on the spot, with `Err`.
pub type Store = Box<dyn Fn(store::Request) -> Result<(), store::Reply> + Send + Sync>;

/// Takes stanzas for other domains.
pub type Remote = Box<dyn Fn(Stanza) + Send + Sync>;

/// What a hub has for one connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum Delivery {
    /// The answer to a look-up.
    Credentials(Result<Option<StoredCredentials>, Unavailable>),
    /// The answer to a look-up of tokens.
    Tokens(Result<Option<Box<store::StoredTokens>>, Unavailable>),
    /// The answer to a change of tokens.
    TokensChanged(Result<(), Unavailable>),
    /// The answer to a registration.
    Registered(Result<(), StanzaError>),
    /// The session is bound, with what is granted of what was asked for.
    Bound(FullJid, Granted),
    /// The session is not bound.
    BindRefused(StanzaError),
    /// Stanzas are acknowledged from here on.
    Enabled(Enabled),
    /// So many of the client's stanzas have been handled.
    Acknowledge(u32),
    /// An earlier session goes on: address, id, and how many of the client's stanzas it has handled.
    Resumed(FullJid, String, u32),
    /// No earlier session goes on; how many of the client's stanzas it had handled, if that is known.
    ResumeRefused(Option<u32>),
    /// A stanza for the session.
    Stanza(Stanza),
    /// The stream is to be closed.
    Close(StreamError),
}

/// Where deliveries for one connection wait until its task or thread takes them.
pub struct Mailbox {
    queue: Mutex<Queue>,
    cap: usize,
    wake: Box<dyn Fn() + Send + Sync>,
}

#[derive(Debug, Default)]
struct Queue {
    items: Vec<Delivery>,
    full: bool,
}

impl Mailbox {
    /// As many deliveries as a connection of a server's can have waiting. More than the hub hands over at once when a session is
    /// resumed ([`Limits::unacknowledged`](hub::Limits::unacknowledged) and [`held_back`](hub::Limits::held_back)), or nobody who is
    /// far behind could come back.
    pub const CAPACITY: usize = 8192;

    /// A mailbox for at most `cap` deliveries; `wake` is called when the first one arrives in an empty mailbox.
    pub fn new(cap: usize, wake: impl Fn() + Send + Sync + 'static) -> Mailbox {
        Mailbox { queue: Mutex::default(), cap, wake: Box::new(wake) }
    }

    /// Takes everything that waits, oldest first, by exchanging it for the (empty) vector given.
    pub fn take(&self, into: &mut Vec<Delivery>) {
        debug_assert!(into.is_empty());
        std::mem::swap(&mut lock(&self.queue).items, into);
    }

    /// Puts something in. Past the cap the connection is told to close instead, and nothing more is kept for it.
    pub fn push(&self, delivery: Delivery) {
        let first = {
            let mut queue = lock(&self.queue);
            if queue.full {
                return;
            }
            let first = queue.items.is_empty();
            if queue.items.len() < self.cap || matches!(delivery, Delivery::Close(_)) {
                queue.items.push(delivery);
            } else {
                queue.full = true;
                queue.items.clear();
                let error = StreamError::new(Condition::ResourceConstraint);
                queue.items.push(Delivery::Close(error.with_text("you read too slowly")));
            }
            first
        };
        if first {
            (self.wake)();
        }
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").field("queue", &self.queue).finish_non_exhaustive()
    }
}

/// All shards of one server's hub.
pub struct Shards {
    shards: Box<[Shard]>,
    store: Store,
    clock: Clock,
    next_id: AtomicU64,
    /// The instant that [`run_deadlines`](Self::run_deadlines) sleeps for, in nanoseconds from the clock's origin.
    /// Written under `stopped`; read without it, because every stanza looks here.
    alarm: AtomicU64,
    stopped: Mutex<bool>,
    ring: Condvar,
    remote: Option<Remote>,
    deriver: Deriver,
}

struct Shard {
    state: Mutex<State>,
    inbox: Mutex<VecDeque<Envelope>>,
}

struct State {
    hub: Hub,
    sessions: HashMap<SessionId, Arc<Mailbox>>,
    lookups: HashMap<LookupId, Arc<Mailbox>>,
    registrations: HashMap<RegistrationId, Arc<Mailbox>>,
}

/// No alarm: nothing waits.
const NEVER: u64 = u64::MAX;

impl fmt::Debug for Shards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shards").field("shards", &self.shards.len()).finish_non_exhaustive()
    }
}

impl Shards {
    /// Puts hubs together that were configured as shards of one server (`shard` 0, 1, … of `shards`).
    ///
    /// `remote` takes stanzas for other domains; without it the hubs must be configured to refuse those themselves.
    pub fn new(hubs: Vec<Hub>, store: Store, clock: Clock, remote: Option<Remote>) -> Arc<Shards> {
        let shard = |hub| Shard {
            state: Mutex::new(State {
                hub,
                sessions: HashMap::new(),
                lookups: HashMap::new(),
                registrations: HashMap::new(),
            }),
            inbox: Mutex::default(),
        };
        Arc::new_cyclic(|this: &Weak<Shards>| Shards {
            shards: hubs.into_iter().map(shard).collect(),
            store,
            clock,
            next_id: AtomicU64::new(1),
            alarm: AtomicU64::new(NEVER),
            stopped: Mutex::default(),
            ring: Condvar::new(),
            remote,
            deriver: Deriver::new(Weak::clone(this)),
        })
    }

    /// Hubs for [`Shards::new`]: `count` of them, alike but for their number.
    pub fn hubs(config: &hub::Config, count: u32, entropy: &mut Entropy) -> Vec<Hub> {
        (0..count)
            .map(|shard| Hub::new(hub::Config { shard, shards: count, ..config.clone() }, entropy.fork()))
            .collect()
    }

    /// The clock that the hubs are told the time from.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// A number that no other session or look-up of this server has.
    pub fn fresh_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Looks up credentials; the answer goes to `mailbox`.
    pub fn lookup(&self, account: BareJid, mailbox: &Arc<Mailbox>) {
        let lookup = LookupId(self.fresh_id());
        self.enter(self.shard_of(&account), |state, now| {
            state.lookups.insert(lookup, Arc::clone(mailbox));
            state.hub.lookup(now, lookup, account);
        });
    }

    /// Looks up the tokens of a client; the answer goes to `mailbox`.
    pub fn lookup_tokens(&self, account: BareJid, client: ClientId, mailbox: &Arc<Mailbox>) {
        let lookup = LookupId(self.fresh_id());
        self.enter(self.shard_of(&account), |state, now| {
            state.lookups.insert(lookup, Arc::clone(mailbox));
            state.hub.lookup_tokens(now, lookup, account, client);
        });
    }

    /// Changes the tokens of a client; the answer goes to `mailbox`.
    pub fn change_tokens(
        &self,
        account: BareJid,
        client: ClientId,
        changes: Vec<store::TokenChange>,
        mailbox: &Arc<Mailbox>,
    ) {
        let lookup = LookupId(self.fresh_id());
        self.enter(self.shard_of(&account), |state, now| {
            state.lookups.insert(lookup, Arc::clone(mailbox));
            state.hub.change_tokens(now, lookup, account, client, changes);
        });
    }

    /// Makes an account for somebody who has not logged in; the answer goes to `mailbox`.
    pub fn register(&self, account: BareJid, password: Password, mailbox: &Arc<Mailbox>) {
        let id = RegistrationId(self.fresh_id());
        self.enter(self.shard_of(&account), |state, now| {
            state.registrations.insert(id, Arc::clone(mailbox));
            state.hub.register(now, id, account, password);
        });
    }

    /// The keys of a password have been derived.
    pub(crate) fn derived(&self, id: store::RequestId, keys: Option<StoredCredentials>) {
        self.enter(id.shard as usize, |state, now| state.hub.derived(now, id, keys));
    }

    /// Binds a session; the answer goes to `mailbox`, and so does everything for the session from then on.
    pub fn bind(&self, session: SessionId, account: BareJid, request: BindRequest, mailbox: &Arc<Mailbox>) {
        self.enter(self.shard_of(&account), |state, now| {
            state.sessions.insert(session, Arc::clone(mailbox));
            state.hub.bind(now, session, account, request);
        });
    }

    /// Goes on with an earlier session of `account`; the answer goes to `mailbox`, and so does everything for the session from
    /// then on.
    pub fn resume(
        &self,
        session: SessionId,
        account: &BareJid,
        previd: String,
        h: u32,
        mailbox: &Arc<Mailbox>,
    ) {
        self.enter(self.shard_of(account), |state, now| {
            state.sessions.insert(session, Arc::clone(mailbox));
            state.hub.resume(now, session, account, previd, h);
        });
    }

    /// A session of `account` has something to say that is no stanza: calls the hub that has it.
    pub fn session(&self, account: &BareJid, call: impl FnOnce(&mut Hub, waxwing_core::machine::Now)) {
        self.enter(self.shard_of(account), |state, now| call(&mut state.hub, now));
    }

    /// A session of `account` sent a stanza.
    pub fn stanza(&self, account: &BareJid, session: SessionId, stanza: Stanza) {
        self.enter(self.shard_of(account), |state, now| state.hub.stanza(now, session, stanza));
    }

    /// A session of `account` is gone, or its connection went away before it was bound; `is_break`: it may come back.
    pub fn session_gone(&self, account: &BareJid, session: SessionId, is_break: bool) {
        self.enter(self.shard_of(account), |state, now| {
            state.sessions.remove(&session);
            match is_break {
                true => state.hub.session_broken(now, session),
                false => state.hub.session_gone(now, session),
            }
        });
    }

    /// The store has answered.
    pub fn store_reply(&self, reply: store::Reply) {
        let shard = reply.id().shard;
        self.enter(shard as usize, |state, now| state.hub.store_reply(now, reply));
    }

    /// Another process changed an account in the store.
    pub fn account_changed(&self, account: BareJid) {
        self.enter(self.shard_of(&account), |state, now| state.hub.account_changed(now, account));
    }

    /// Calls `f` with the hub that `account` belongs to, then carries its outputs: administration, modules.
    pub fn with_hub<R>(
        &self,
        account: &BareJid,
        f: impl FnOnce(&mut Hub, waxwing_core::machine::Now) -> R,
    ) -> Option<R> {
        let mut result = None;
        self.enter(self.shard_of(account), |state, now| result = Some(f(&mut state.hub, now)));
        result
    }

    /// Ticks the shards whose time has come. The next deadline, if there is one.
    pub fn tick(&self) -> Option<Instant> {
        let mut next: Option<Instant> = None;
        for (index, shard) in self.shards.iter().enumerate() {
            let now = self.clock.now().instant;
            if lock(&shard.state).hub.deadline().is_some_and(|d| d.at <= now) {
                self.enter(index, |state, now| state.hub.tick(now));
            }
            let at = lock(&shard.state).hub.deadline().map(|d| d.at);
            next = [next, at].into_iter().flatten().min();
        }
        next
    }

    /// Runs the hubs' deadlines until [`stop`](Self::stop): the body of the one thread that a server needs for them.
    pub fn run_deadlines(&self) {
        loop {
            // From here on every deadline that is set rings, so none set while we tick is missed.
            self.alarm.store(NEVER, Ordering::SeqCst);
            let next = self.tick().map_or(NEVER, nanos);
            let stopped = lock(&self.stopped);
            let at = self.alarm.fetch_min(next, Ordering::SeqCst).min(next);
            if *stopped {
                return;
            }
            let wait = at.saturating_sub(nanos(self.clock.now().instant));
            let wait = Duration::from_nanos(wait).min(Duration::from_secs(3600));
            let stopped = self.ring.wait_timeout(stopped, wait).unwrap_or_else(PoisonError::into_inner).0;
            if *stopped {
                return;
            }
        }
    }

    /// Ends [`run_deadlines`](Self::run_deadlines), and sessions that wait for their client: what they have not got is kept. To
    /// be called when all connections have ended.
    pub fn stop(&self) {
        for index in 0..self.shards.len() {
            self.enter(index, |state, now| state.hub.give_up_absent(now));
        }
        *lock(&self.stopped) = true;
        self.ring.notify_all();
    }

    fn shard_of(&self, account: &BareJid) -> usize {
        let count = u32::try_from(self.shards.len()).unwrap_or(1);
        hub::shard_of(account, count) as usize
    }

    /// Locks one shard, works on it and carries what comes out; then does the same for the shards it wrote to.
    fn enter(&self, shard: usize, work: impl FnOnce(&mut State, waxwing_core::machine::Now)) {
        let Some(first) = self.shards.get(shard) else { return };
        let mut touched = Vec::new();
        {
            let mut state = lock(&first.state);
            work(&mut state, self.clock.now());
            self.carry(&mut state, &mut touched);
            self.set_alarm(&state);
        }
        while let Some(index) = touched.pop() {
            let Some(shard) = self.shards.get(index) else { continue };
            let mut state = lock(&shard.state);
            loop {
                let Some(envelope) = lock(&shard.inbox).pop_front() else { break };
                state.hub.envelope(self.clock.now(), envelope);
                self.carry(&mut state, &mut touched);
            }
            self.set_alarm(&state);
        }
    }

    /// Carries all outputs of a locked shard. Shards whose inbox got something are added to `touched`.
    fn carry(&self, state: &mut State, touched: &mut Vec<usize>) {
        while let Some(output) = state.hub.poll_output() {
            match output {
                Output::Deliver { session, stanza } => state.push(session, Delivery::Stanza(stanza)),
                Output::Bound { session, jid, granted } => state.push(session, Delivery::Bound(jid, granted)),
                Output::Enabled { session, enabled } => state.push(session, Delivery::Enabled(enabled)),
                Output::Acknowledge { session, h } => state.push(session, Delivery::Acknowledge(h)),
                Output::Resumed { session, jid, previd, h } => {
                    state.push(session, Delivery::Resumed(jid, previd, h));
                }
                Output::ResumeRefused { session, h } => {
                    state.push(session, Delivery::ResumeRefused(h));
                    state.sessions.remove(&session);
                }
                Output::BindRefused { session, error } => {
                    state.push(session, Delivery::BindRefused(error));
                    state.sessions.remove(&session);
                }
                Output::Close { session, error } => {
                    state.push(session, Delivery::Close(error));
                    state.sessions.remove(&session);
                }
                Output::Credentials { lookup, stored } => {
                    if let Some(mailbox) = state.lookups.remove(&lookup) {
                        mailbox.push(Delivery::Credentials(stored));
                    }
                }
                Output::Tokens { lookup, stored } => {
                    if let Some(mailbox) = state.lookups.remove(&lookup) {
                        mailbox.push(Delivery::Tokens(stored.map(|stored| stored.map(Box::new))));
                    }
                }
                Output::TokensChanged { lookup, result } => {
                    if let Some(mailbox) = state.lookups.remove(&lookup) {
                        mailbox.push(Delivery::TokensChanged(result));
                    }
                }
                Output::Registered { id, result } => {
                    if let Some(mailbox) = state.registrations.remove(&id) {
                        mailbox.push(Delivery::Registered(result));
                    }
                }
                Output::Derive { id, derivation } => self.deriver.derive(id, derivation),
                Output::Store(request) => {
                    if let Err(refused) = (self.store)(request) {
                        state.hub.store_reply(self.clock.now(), refused);
                    }
                }
                Output::Shard { shard, envelope } => {
                    let index = shard as usize;
                    if let Some(shard) = self.shards.get(index) {
                        lock(&shard.inbox).push_back(envelope);
                        if !touched.contains(&index) {
                            touched.push(index);
                        }
                    }
                }
                Output::Remote { stanza } => match &self.remote {
                    Some(remote) => remote(stanza),
                    None => state.hub.remote_failed(self.clock.now(), stanza),
                },
                // Administration is asked for through `with_hub`, whose caller polls the store's outcome itself.
                _ => {}
            }
        }
    }

    /// Wakes the deadline thread where this shard's deadline lies before the one it sleeps for.
    fn set_alarm(&self, state: &State) {
        let Some(deadline) = state.hub.deadline() else { return };
        let at = nanos(deadline.at);
        if at < self.alarm.load(Ordering::SeqCst) {
            // The lock makes sure that the other side is either asleep or has yet to look.
            let _stopped = lock(&self.stopped);
            self.alarm.fetch_min(at, Ordering::SeqCst);
            self.ring.notify_one();
        }
    }
}

fn nanos(instant: Instant) -> u64 {
    u64::try_from(instant.since_origin().as_nanos()).unwrap_or(NEVER)
}

impl State {
    fn push(&self, session: SessionId, delivery: Delivery) {
        if let Some(mailbox) = self.sessions.get(&session) {
            mailbox.push(delivery);
        }
    }
}
