//! The hub: accounts, presence, routing and services, without bytes or sockets.
//!
//! Sessions are bound to it, stanzas go in, deliveries come out. **After every call that takes `&mut self`, drain
//! [`Hub::poll_output`]** and see that [`Hub::tick`] is called at [`Hub::deadline`]. Nothing is done in between: a call does all
//! the work that its input causes, without recursion, before it returns.
//!
//! # Entities
//!
//! Everything that has a bare address is an entity: today accounts, later rooms and services. *An entity never reads another
//! entity's state: it sends it a stanza.* What entities of one hub send each other goes through a work queue inside the hub.
//!
//! # Shards
//!
//! Therefore a server may run many hubs, each with the entities that [`shard_of`] assigns to it. Calls that concern an account
//! ([`lookup`](Hub::lookup), [`bind`](Hub::bind), what follows for that session, administration) go to the shard of its bare
//! address; an [`Envelope`] that comes out for a shard goes into that shard's [`envelope`](Hub::envelope), in order; replies of
//! the store go to the shard that [`RequestId`] names. Everything else may go to any shard, as long
//! as stanzas of one remote stream go to one shard, in order.
//!
//! # Order
//!
//! Stanzas from one session, or from one remote stream, to one bare address arrive in the order in which they were sent (RFC
//! 6120 section 10.1).

mod absent;
mod accounts;
mod admin;
mod entities;
mod management;
mod probes;
mod register;
mod requests;
mod routing;
mod sessions;
#[cfg(test)]
mod tests;
mod tokens;

use super::context::Context;
use super::module::Module;
use super::outbox::Outbox;
use super::services;
use super::store::{self, Delta, Record, RequestId, TokenChange};
use crate::jid::BareJid;
use crate::machine::{Deadline, Entropy, Instant, Now, Reason};
use crate::sasl::{Password, StoredCredentials};
use crate::stanza::{Condition, Stanza};
use crate::stream::bind2::ClientState;
use crate::stream::sasl2::ClientId;
use crate::xml::Element;
use absent::Absent;
use entities::Entities;
use register::Pace;
use requests::{Applicant, Order, Requests};
use sessions::Sessions;

pub use super::bind::{BindRequest, Enable, Enabled, Granted, Resource, Resumption};
pub use super::config::{
    BareDelivery, Config, ConflictPolicy, Limits, Management, Registration, Strangers, UnknownUsers,
};
pub use super::output::{
    AdminError, AdminId, Envelope, LookupId, Output, RegistrationId, SessionId, Unavailable,
};

/// Accounts and the routing between them. See the [module](self).
#[derive(Debug)]
pub struct Hub {
    tools: Tools,
    /// The domains of the configuration, sorted.
    domains: Vec<Box<str>>,
    entities: Entities,
    absent: Absent,
    sessions: Sessions,
    requests: Requests,
    pace: Pace,
}

/// What entities are lent while they work.
#[derive(Debug)]
struct Tools {
    config: Config,
    entropy: Entropy,
    modules: Vec<Box<dyn Module>>,
    outbox: Outbox,
    /// When the first thing happened.
    started: Option<Instant>,
}

impl Tools {
    fn context(&mut self, now: Now) -> Context<'_> {
        let started = *self.started.get_or_insert(now.instant);
        let Tools { config, entropy, modules, outbox, .. } = self;
        outbox.now = now.utc;
        Context { now, started, config, entropy, modules, outbox, receipt: None }
    }
}

/// The shard, of `shards`, that an address belongs to; resources make no difference.
///
/// FNV-1a over the bare address as UTF-8, 64 bits, the upper half folded onto the lower, modulo `shards`. This is part of what
/// a deployment may rely on: it does not change between versions.
pub fn shard_of(account: &BareJid, shards: u32) -> u32 {
    shard_of_str(account.as_str(), shards)
}

fn shard_of_str(bare: &str, shards: u32) -> u32 {
    let hash = bare.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let folded = (hash ^ (hash >> 32)) as u32;
    folded.checked_rem(shards).unwrap_or(0)
}

impl Hub {
    /// A hub without sessions. `entropy` serves resources that the server makes up.
    pub fn new(config: Config, mut entropy: Entropy) -> Hub {
        let mut domains: Vec<Box<str>> = config.domains.iter().map(|domain| domain.domain().into()).collect();
        domains.sort_unstable();
        let entities = Entities::new(&mut entropy);
        let absent = Absent::new(&mut entropy);
        let sessions = Sessions::new(&mut entropy);
        let outbox = Outbox::new(config.limits, config.shard);
        let tools = Tools { config, entropy, modules: Vec::new(), outbox, started: None };
        let (requests, pace) = (Requests::default(), Pace::default());
        Hub { tools, domains, entities, absent, sessions, requests, pace }
    }

    /// Adds a module, behind those added before.
    pub fn add_module(&mut self, module: Box<dyn Module>) {
        self.tools.modules.push(module);
    }

    /// The configuration it was made with.
    pub fn config(&self) -> &Config {
        &self.tools.config
    }

    /// What a stream may announce of the server behind it: goes into
    /// [`connection::Config::features`](super::connection::Config::features). Depends on the configuration and the modules.
    pub fn stream_features(&self) -> Vec<Element> {
        services::stream_features(&self.tools.config, &self.tools.modules)
    }

    /// Asks for the credentials of an account. Answered with [`Output::Credentials`], at once or later.
    ///
    /// The store is asked for each account of this hub's domains, whether it is there, is in memory, or neither: so the
    /// time that an answer takes does not tell who is online (RFC 6120 section 13.11). And only for the credentials: a login
    /// that fails brings no account into memory.
    pub fn lookup(&mut self, now: Now, lookup: LookupId, account: BareJid) {
        self.look_up(now, lookup, account);
    }

    /// Asks for the tokens of one client of an account (XEP-0484). Answered with [`Output::Tokens`], at once or later.
    ///
    /// The store is asked, as for [`lookup`](Self::lookup), and for the same reasons.
    pub fn lookup_tokens(&mut self, now: Now, lookup: LookupId, account: BareJid, client: ClientId) {
        self.look_up_tokens(now, lookup, account, client);
    }

    /// Changes the tokens of one client of an account. Answered with [`Output::TokensChanged`]: once that is durable.
    pub fn change_tokens(
        &mut self,
        now: Now,
        lookup: LookupId,
        account: BareJid,
        client: ClientId,
        changes: Vec<TokenChange>,
    ) {
        self.begin_token_changes(now, lookup, account, client, changes);
    }

    /// An authenticated client wants a session (RFC 6120 section 7). Answered with [`Output::Bound`] or
    /// [`Output::BindRefused`], at once or later.
    pub fn bind(&mut self, now: Now, session: SessionId, account: BareJid, request: BindRequest) {
        self.begin_bind(now, session, account, request);
        self.route_all(now);
    }

    /// A stanza came from a session. Its `from` is set to the session's full address, whatever it was. Ignored where the
    /// session is unknown or not bound yet.
    pub fn stanza(&mut self, now: Now, session: SessionId, stanza: Stanza) {
        self.session_sent(now, session, stanza);
        self.route_all(now);
    }

    /// A session's client wants its stanzas acknowledged (XEP-0198 section 3). Answered with [`Output::Enabled`] at once; a
    /// second time with nothing. From here on every stanza of its client's has to become one call: of
    /// [`stanza`](Self::stanza), or of [`handled`](Self::handled).
    pub fn enable(&mut self, now: Now, session: SessionId, enable: Enable) {
        self.begin_management(now, session, enable);
    }

    /// A stanza came from a session that its connection has dealt with itself; `reply`: what it has to say to it.
    pub fn handled(&mut self, now: Now, session: SessionId, reply: Option<Stanza>) {
        self.answered_by_connection(now, session, reply);
        self.route_all(now);
    }

    /// A session's client wants to know how many of its stanzas have been handled. Answered with [`Output::Acknowledge`].
    pub fn acknowledgement_requested(&mut self, _now: Now, session: SessionId) {
        self.acknowledgement_asked(session);
    }

    /// A session's client has handled `h` of the stanzas that it was sent, modulo 2^32.
    pub fn acknowledged(&mut self, now: Now, session: SessionId, h: u32) {
        self.client_acknowledged(now, session, h);
        self.route_all(now);
    }

    /// A session's client says whether somebody looks at it (XEP-0352). While nobody does, presence and mere chat states
    /// are held back, within [limits](Limits::held_back), the latest of each sender; anything else brings them along, and so
    /// does the client's own presence. A session begins as its [`BindRequest`] says, and goes on active when it is
    /// [resumed](Self::resume).
    pub fn client_state(&mut self, now: Now, session: SessionId, state: ClientState) {
        self.change_state(now, session, state);
        self.route_all(now);
    }

    /// An authenticated client wants to go on with an earlier session of its account (XEP-0198 section 5), over the connection
    /// that `session` names; `h`: as in [`acknowledged`](Self::acknowledged). Answered with [`Output::Resumed`],
    /// [`Output::ResumeRefused`], or, if its count cannot be, [`Output::Close`].
    pub fn resume(&mut self, now: Now, session: SessionId, account: &BareJid, previd: String, h: u32) {
        self.begin_resumption(now, session, account, previd, h);
        self.route_all(now);
    }

    /// A session's connection has broken, without a word of its client's. The session waits for it, if that was agreed; else
    /// this is as [`session_gone`](Self::session_gone).
    pub fn session_broken(&mut self, now: Now, session: SessionId) {
        self.connection_broke(now, session);
        self.route_all(now);
    }

    /// A session's connection is gone for good, or gone before it was bound.
    pub fn session_gone(&mut self, now: Now, session: SessionId) {
        self.end_session(now, session);
        self.route_all(now);
    }

    /// A stanza came from another domain, whose right to its `from` has been proved. Ignored where `to` is not one of this
    /// hub's domains, or `from` is one.
    pub fn remote(&mut self, now: Now, stanza: Stanza) {
        self.remote_sent(now, stanza);
        self.route_all(now);
    }

    /// A stanza that came out as [`Output::Remote`] cannot be sent: its domain cannot be found, or is not to be spoken to (RFC
    /// 6120 section 10.4.3).
    pub fn remote_failed(&mut self, now: Now, stanza: Stanza) {
        self.tools.outbox.bounce(&stanza, Condition::RemoteServerNotFound);
        self.route_all(now);
    }

    /// As [`remote_failed`](Self::remote_failed), where the domain was found but no stream to it came about.
    pub fn remote_timeout(&mut self, now: Now, stanza: Stanza) {
        self.tools.outbox.bounce(&stanza, Condition::RemoteServerTimeout);
        self.route_all(now);
    }

    /// Another shard sent something.
    pub fn envelope(&mut self, now: Now, envelope: Envelope) {
        self.shard_sent(envelope);
        self.route_all(now);
    }

    /// The store answered.
    pub fn store_reply(&mut self, now: Now, reply: store::Reply) {
        self.answered(now, reply);
        self.route_all(now);
    }

    /// Somebody who has not logged in wants an account (XEP-0077). Answered with [`Output::Registered`]: once the account is
    /// there for good, or with the error that the client is to get. The account's shard has to be asked.
    pub fn register(&mut self, now: Now, id: RegistrationId, account: BareJid, password: Password) {
        self.begin_registration(now, Applicant { id, account, password });
        self.route_all(now);
    }

    /// The answer to [`Output::Derive`]; `None`: that cannot be a password (SASLprep, RFC 4013). One that does not come is given
    /// up like one of the store's.
    pub fn derived(&mut self, now: Now, id: RequestId, keys: Option<StoredCredentials>) {
        self.keys(now, id, keys);
        self.route_all(now);
    }

    /// Makes an account. Answered with [`Output::Administered`].
    pub fn create_account(
        &mut self,
        now: Now,
        id: AdminId,
        account: BareJid,
        credentials: StoredCredentials,
    ) {
        self.administer(now, id, account, Order::Create(Record::new(credentials)));
    }

    /// Gives an account another password; sessions stay. Answered with [`Output::Administered`].
    pub fn set_credentials(
        &mut self,
        now: Now,
        id: AdminId,
        account: BareJid,
        credentials: StoredCredentials,
    ) {
        self.administer(now, id, account, Order::Save(Delta::Credentials(credentials)));
    }

    /// Removes an account; its sessions are closed with `not-authorized`. Answered with [`Output::Administered`].
    pub fn delete_account(&mut self, now: Now, id: AdminId, account: BareJid) {
        self.administer(now, id, account, Order::Delete);
    }

    /// Somebody else changed an account in the store: whatever is held of it is read anew, and if it is gone its sessions are
    /// closed with `not-authorized`. Harmless for accounts that did not change or that belong to other shards.
    pub fn account_changed(&mut self, now: Now, account: BareJid) {
        self.refresh(now, &account);
    }

    /// The server stops: sessions that wait for their client are given up, so that what they have not got is kept. To be called
    /// when all connections have ended.
    pub fn give_up_absent(&mut self, now: Now) {
        self.give_up_sessions(now, None);
        self.route_all(now);
    }

    /// When [`tick`](Self::tick) is to be called next, and what for.
    pub fn deadline(&self) -> Option<Deadline> {
        let evict_after = self.tools.config.limits.evict_after;
        let idle = [self.entities.longest_idle(), self.absent.longest_idle()];
        let eviction = idle.into_iter().flatten().min();
        let eviction = eviction.map(|since| Deadline { at: since + evict_after, reason: Reason::Eviction });
        let resumption = self.tools.outbox.managed.deadline();
        let resumption = resumption.map(|at| Deadline { at, reason: Reason::Resumption });
        Deadline::earlier(Deadline::earlier(self.requests.deadline(), resumption), eviction)
    }

    /// Time has passed. Calling it early or late is harmless.
    pub fn tick(&mut self, now: Now) {
        self.give_up_requests(now);
        self.give_up_sessions(now, Some(now.instant));
        self.entities.evict(now, &self.tools.config.limits);
        self.absent.evict(now, &self.tools.config.limits);
        self.route_all(now);
    }

    /// What there is to do, oldest first.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.tools.outbox.outputs.pop_front()
    }
}
