//! A whole server for one thread: many connections and one hub.

mod event;
mod slab;
#[cfg(test)]
mod tests;

use super::connection::{self, Connection, SessionFacts, Transport};
use super::hub::{Hub, LookupId, Output, RegistrationId, SessionId};
use super::store::{self, MemoryStore};
use crate::jid::FullJid;
use crate::machine::{Deadline, Entropy, Instant, Machine, Now, Reason};
use crate::sasl;
use crate::stream::{StreamError, TlsInfo};
use slab::Slab;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

pub use event::Event;

/// Names a connection. Later connections have greater ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnectionId(u64);

/// Many connections and one hub, wired up.
///
/// # The loop
///
/// After any call that takes `&mut self`:
/// 1. for each connection that [`poll_writable`](Self::poll_writable) names: [`transmit`](Self::transmit), and if it then
///    [is finished](Self::is_finished), close its transport;
/// 2. take what [`poll_event`](Self::poll_event) and [`poll_store`](Self::poll_store) have;
/// 3. wait for input, for a reply of the store, or for [`deadline`](Self::deadline), whichever is first.
///
/// What a call costs does not depend on how many connections there are, but for a logarithm where deadlines change.
#[derive(Debug)]
pub struct Server {
    config: Arc<connection::Config>,
    hub: Hub,
    entropy: Entropy,
    connections: Slab<Entry>,
    /// When connections are to be ticked; never later than they want.
    alarms: BTreeSet<(Instant, ConnectionId)>,
    /// Connections that something has been done with.
    touched: VecDeque<ConnectionId>,
    writable: VecDeque<ConnectionId>,
    events: VecDeque<Event>,
    requests: VecDeque<store::Request>,
}

#[derive(Debug)]
struct Entry {
    connection: Connection,
    /// What `alarms` has for it.
    alarm: Option<Instant>,
    is_touched: bool,
    is_writable: bool,
    /// The hub has been asked for a session, and has not refused or ended it.
    in_hub: bool,
    jid: Option<FullJid>,
}

impl Server {
    /// A server without connections. The domains of `hub` should be those of `config`.
    pub fn new(config: Arc<connection::Config>, hub: Hub, entropy: Entropy) -> Server {
        Server {
            config,
            hub,
            entropy,
            connections: Slab::new(),
            alarms: BTreeSet::new(),
            touched: VecDeque::new(),
            writable: VecDeque::new(),
            events: VecDeque::new(),
            requests: VecDeque::new(),
        }
    }

    /// A client has connected.
    pub fn accept(&mut self, now: Now, transport: Transport) -> ConnectionId {
        let connection = Connection::new(Arc::clone(&self.config), transport, self.entropy.fork(), now);
        let entry = Entry {
            connection,
            alarm: None,
            is_touched: false,
            is_writable: false,
            in_hub: false,
            jid: None,
        };
        let id = self.connections.insert(entry);
        self.touch(id);
        self.settle(now);
        id
    }

    /// Takes bytes that came from a client, split in any way.
    pub fn receive(&mut self, now: Now, id: ConnectionId, input: &[u8]) {
        self.with(now, id, |connection| connection.receive(now, input));
    }

    /// A client will send nothing more.
    pub fn receive_eof(&mut self, now: Now, id: ConnectionId) {
        self.with(now, id, |connection| connection.receive_eof(now));
    }

    /// A transport has failed: nothing can be sent or received any more. The connection is forgotten.
    pub fn disconnected(&mut self, now: Now, id: ConnectionId) {
        self.with(now, id, |connection| connection.receive_eof(now));
        self.forget(id);
    }

    /// The answer to [`Event::StartTls`].
    pub fn secured(&mut self, now: Now, id: ConnectionId, info: TlsInfo) {
        self.with(now, id, |connection| connection.secured(now, info));
    }

    /// The answer to [`Event::TokenVerdict`] and [`Event::CertificateVerdict`].
    pub fn verdict(&mut self, now: Now, id: ConnectionId, verdict: Result<String, sasl::Condition>) {
        self.with(now, id, |connection| connection.verdict(now, verdict));
    }

    /// Ends a client's session, and its stream with an error.
    pub fn close(&mut self, now: Now, id: ConnectionId, error: StreamError) {
        self.end(now, id, error);
        self.settle(now);
    }

    fn end(&mut self, now: Now, id: ConnectionId, error: StreamError) {
        let Some(entry) = self.connections.get_mut(id) else { return };
        if std::mem::take(&mut entry.in_hub) {
            self.hub.session_gone(now, SessionId(id.0));
        }
        entry.connection.close(now, error);
        self.touch(id);
    }

    /// Ends all sessions, and all streams with an error: system-shutdown, say.
    pub fn shutdown(&mut self, now: Now, error: StreamError) {
        for id in self.connections.ids() {
            self.end(now, id, error.clone());
        }
        self.hub.give_up_absent(now);
        self.settle(now);
    }

    /// Anything else that the hub can do: accounts made and changed, stanzas of other domains.
    pub fn with_hub<R>(&mut self, now: Now, call: impl FnOnce(&mut Hub) -> R) -> R {
        let result = call(&mut self.hub);
        self.settle(now);
        result
    }

    /// The store answered.
    pub fn store_reply(&mut self, now: Now, reply: store::Reply) {
        self.with_hub(now, |hub| hub.store_reply(now, reply));
    }

    /// Executes all that waits for a store, on the spot.
    pub fn run_store(&mut self, now: Now, store: &mut MemoryStore) {
        while let Some(request) = self.poll_store() {
            let reply = store.execute(request);
            self.store_reply(now, reply);
        }
    }

    /// What the store is to do, oldest first.
    pub fn poll_store(&mut self) -> Option<store::Request> {
        self.requests.pop_front()
    }

    /// What happened, oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// A connection that has something to transmit, or is finished. Each is named once, until it has something again.
    pub fn poll_writable(&mut self) -> Option<ConnectionId> {
        while let Some(id) = self.writable.pop_front() {
            if let Some(entry) = self.connections.get_mut(id) {
                entry.is_writable = false;
                return Some(id);
            }
        }
        None
    }

    /// Appends what is to be sent to a client to `out` and returns how many bytes that were. When a finished connection has
    /// nothing left, it is forgotten.
    pub fn transmit(&mut self, id: ConnectionId, out: &mut Vec<u8>) -> usize {
        let Some(entry) = self.connections.get_mut(id) else { return 0 };
        let count = entry.connection.transmit(out);
        if entry.connection.is_finished() {
            self.forget(id);
        }
        count
    }

    /// True if the connection is over, or was never there, and nothing remains to be transmitted.
    pub fn is_finished(&self, id: ConnectionId) -> bool {
        self.connections.get(id).is_none_or(|entry| entry.connection.is_finished())
    }

    /// How much a client may send now; see [`Machine::read_budget`].
    pub fn read_budget(&self, id: ConnectionId) -> usize {
        self.connections.get(id).map_or(0, |entry| entry.connection.read_budget())
    }

    /// What is known of a connection.
    pub fn session_facts(&self, id: ConnectionId) -> Option<SessionFacts<'_>> {
        self.connections.get(id).map(|entry| entry.connection.session_facts())
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// When [`tick`](Self::tick) is to be called next, and what for.
    pub fn deadline(&self) -> Option<Deadline> {
        let alarm = self.alarms.first().map(|&(at, id)| {
            let wanted = self.connections.get(id).and_then(|entry| entry.connection.deadline());
            Deadline { at, reason: wanted.map_or(Reason::KeepAlive, |deadline| deadline.reason) }
        });
        Deadline::earlier(alarm, self.hub.deadline())
    }

    /// Time has passed. Calling it early or late is harmless.
    pub fn tick(&mut self, now: Now) {
        while let Some(&(at, id)) = self.alarms.first() {
            if at > now.instant {
                break;
            }
            self.alarms.pop_first();
            if let Some(entry) = self.connections.get_mut(id) {
                entry.alarm = None;
                entry.connection.tick(now);
                self.touch(id);
            }
        }
        self.hub.tick(now);
        self.settle(now);
    }

    fn with(&mut self, now: Now, id: ConnectionId, call: impl FnOnce(&mut Connection)) {
        if let Some(entry) = self.connections.get_mut(id) {
            call(&mut entry.connection);
            self.touch(id);
            self.settle(now);
        }
    }

    fn touch(&mut self, id: ConnectionId) {
        if let Some(entry) = self.connections.get_mut(id)
            && !std::mem::replace(&mut entry.is_touched, true)
        {
            self.touched.push_back(id);
        }
    }

    /// Carries events to the hub and outputs to connections until nothing moves.
    fn settle(&mut self, now: Now) {
        loop {
            if let Some(id) = self.touched.pop_front() {
                self.collect(now, id);
            } else if let Some(output) = self.hub.poll_output() {
                self.apply(now, output);
            } else {
                return;
            }
        }
    }

    /// What came of a connection that something has been done with.
    fn collect(&mut self, now: Now, id: ConnectionId) {
        while let Some(event) = self.connections.get_mut(id).and_then(|entry| entry.connection.poll_event()) {
            self.handle(now, id, event);
        }
        let Some(entry) = self.connections.get_mut(id) else { return };
        entry.is_touched = false;
        let is_writable = entry.connection.has_output() || entry.connection.is_finished();
        if is_writable && !std::mem::replace(&mut entry.is_writable, true) {
            self.writable.push_back(id);
        }
        // An alarm that turns out to be too early is harmless; moving it with every stanza would not be cheap.
        let wanted = entry.connection.deadline().map(|deadline| deadline.at);
        if let Some(at) = wanted.filter(|&at| entry.alarm.is_none_or(|alarm| at < alarm)) {
            if let Some(alarm) = entry.alarm.replace(at) {
                self.alarms.remove(&(alarm, id));
            }
            self.alarms.insert((at, id));
        }
    }

    /// From a connection to the hub.
    fn handle(&mut self, now: Now, id: ConnectionId, event: connection::Event) {
        let session = SessionId(id.0);
        let Some(entry) = self.connections.get_mut(id) else { return };
        match event {
            connection::Event::Lookup { account } => self.hub.lookup(now, LookupId(id.0), account),
            connection::Event::LookupTokens { account, client } => {
                self.hub.lookup_tokens(now, LookupId(id.0), account, client);
            }
            connection::Event::ChangeTokens { account, client, changes } => {
                self.hub.change_tokens(now, LookupId(id.0), account, client, changes);
            }
            connection::Event::Register { account, password } => {
                self.hub.register(now, RegistrationId(id.0), account, password);
            }
            connection::Event::Bind { account, request } => {
                entry.in_hub = true;
                self.hub.bind(now, session, account, request);
            }
            connection::Event::Stanza(stanza) => self.hub.stanza(now, session, stanza),
            connection::Event::Handled { reply } => self.hub.handled(now, session, reply),
            connection::Event::Enable(enable) => self.hub.enable(now, session, enable),
            connection::Event::AcknowledgementRequested => self.hub.acknowledgement_requested(now, session),
            connection::Event::Acknowledged { h } => self.hub.acknowledged(now, session, h),
            connection::Event::ClientState(state) => self.hub.client_state(now, session, state),
            connection::Event::Resume { account, previd, h } => {
                entry.in_hub = true;
                self.hub.resume(now, session, &account, previd, h);
            }
            connection::Event::StartTls => self.events.push_back(Event::StartTls { connection: id }),
            connection::Event::TokenVerdict { domain, username, token } => {
                self.events.push_back(Event::TokenVerdict { connection: id, domain, username, token });
            }
            connection::Event::CertificateVerdict { domain, authzid, certificates } => {
                let event = Event::CertificateVerdict { connection: id, domain, authzid, certificates };
                self.events.push_back(event);
            }
            connection::Event::AuthenticationFailed { account, mechanism, condition } => {
                let event = Event::AuthenticationFailed { connection: id, account, mechanism, condition };
                self.events.push_back(event);
            }
            connection::Event::Authenticated { .. } => {}
            connection::Event::Closed(closed) => {
                match std::mem::take(&mut entry.in_hub) {
                    true if closed.is_break() => self.hub.session_broken(now, session),
                    true => self.hub.session_gone(now, session),
                    false => {}
                }
                if let Some(jid) = entry.jid.take() {
                    self.events.push_back(Event::Offline { connection: id, jid });
                }
                self.events.push_back(Event::Closed { connection: id, closed });
            }
        }
    }

    /// From the hub to where it belongs.
    fn apply(&mut self, now: Now, output: Output) {
        match output {
            Output::Credentials { lookup, stored } => {
                self.answer(ConnectionId(lookup.0), |entry| entry.connection.credentials(now, stored));
            }
            Output::Tokens { lookup, stored } => {
                self.answer(ConnectionId(lookup.0), |entry| entry.connection.tokens(now, stored));
            }
            Output::TokensChanged { lookup, result } => {
                self.answer(ConnectionId(lookup.0), |entry| entry.connection.tokens_changed(now, result));
            }
            // There is one thread, and it pays for passwords that come in clear anyway.
            Output::Derive { id, derivation } => self.hub.derived(now, id, derivation.run()),
            Output::Registered { id, result } => {
                self.answer(ConnectionId(id.0), |entry| entry.connection.registered(now, result));
            }
            Output::Bound { session, jid, granted } => {
                let id = ConnectionId(session.0);
                if self.connections.get(id).is_some_and(|entry| entry.in_hub) {
                    self.events.push_back(Event::Online { connection: id, jid: jid.clone() });
                    self.answer(id, |entry| {
                        entry.jid = Some(jid.clone());
                        entry.connection.bound(now, jid, granted);
                    });
                }
            }
            Output::BindRefused { session, error } => self.answer(ConnectionId(session.0), |entry| {
                entry.in_hub = false;
                entry.connection.bind_refused(now, error);
            }),
            Output::Enabled { session, enabled } => {
                self.answer(ConnectionId(session.0), |entry| entry.connection.enabled(now, enabled));
            }
            Output::Acknowledge { session, h } => {
                self.answer(ConnectionId(session.0), |entry| entry.connection.acknowledge(now, h));
            }
            Output::Resumed { session, jid, previd, h } => {
                let id = ConnectionId(session.0);
                self.events.push_back(Event::Online { connection: id, jid: jid.clone() });
                self.answer(id, |entry| {
                    entry.jid = Some(jid.clone());
                    entry.connection.resumed(now, jid, previd, h);
                });
            }
            Output::ResumeRefused { session, h } => self.answer(ConnectionId(session.0), |entry| {
                entry.in_hub = false;
                entry.connection.resume_refused(now, h);
            }),
            Output::Deliver { session, stanza } => {
                self.answer(ConnectionId(session.0), |entry| entry.connection.deliver(now, &stanza));
            }
            Output::Close { session, error } => self.answer(ConnectionId(session.0), |entry| {
                entry.in_hub = false;
                entry.connection.close(now, error);
            }),
            Output::Remote { stanza } => self.events.push_back(Event::Remote(stanza)),
            Output::Store(request) => self.requests.push_back(request),
            Output::Administered { id, result } => {
                self.events.push_back(Event::Administered { id, result });
            }
            // There is one shard, and what is for it never comes out of it.
            Output::Shard { .. } => {}
        }
    }

    fn answer(&mut self, id: ConnectionId, call: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.connections.get_mut(id) {
            call(entry);
            self.touch(id);
        }
    }

    fn forget(&mut self, id: ConnectionId) {
        if let Some(Entry { alarm: Some(alarm), .. }) = self.connections.remove(id) {
            self.alarms.remove(&(alarm, id));
        }
    }
}
