//! The client machine (RFC 6120, RFC 6121 from a client's side): connects to a server, authenticates, binds a resource,
//! and then carries stanzas.
//!
//! [`Client`] is a [`Machine`]: the crate's front page has the loop that drives it. In the order of its life:
//!
//! 1. [`Client::new`] on a fresh transport, with a [`Config`]. The first bytes are ready at once.
//! 2. Negotiation runs by itself: TLS as the configuration says, SASL, resource binding. Where credentials are not in
//!    the configuration [`Event::CredentialsNeeded`] asks for them.
//! 3. [`Event::Online`]. From here on [`send`](Client::send), [`request`](Client::request) and the rest work. Nothing
//!    is announced by itself: [`set_presence`](Client::set_presence) is what makes the session available for messages
//!    (RFC 6121 section 4.2). Who wants contacts asks for the roster first ([`fetch_roster`](Client::fetch_roster)).
//! 4. [`close`](Client::close), or whatever else ends it. [`Event::Closed`] comes once and last; before it every stanza
//!    that never left or may not have arrived comes back, and every request that waits is told.
//!
//! # What becomes of a stanza
//!
//! [`Event::Sent`] says that its bytes have been handed out, once. Where both sides count stanzas (XEP-0198,
//! [`Config::management`]; [`is_managed`](Client::is_managed) tells) more follows, also once: [`Event::Acknowledged`], the
//! server has it, or at the end of the session [`Event::Unacknowledged`], it may have arrived or not. A stanza that never left
//! ends with [`Event::Unsent`]. What is not acknowledged is kept, within limits; past them [`SendError::QueueFull`] asks to
//! wait. The other way round the server is told that a stanza has been handled when its events have been polled, and not
//! before.
//!
//! # When the connection breaks
//!
//! With [`Management::Resume`] the session outlives its connection, if the server can do that. [`Event::Interrupted`] comes
//! instead of [`Event::Closed`]: the transport is over, the machine is not. It still takes stanzas. On a fresh transport
//! [`reconnect`](Client::reconnect) goes on, and then
//! - [`Event::Resumed`]: nothing has happened. What the server has not got is sent again, in order; what it has said in
//!   the meantime follows; requests, roster, contacts and handles are as they were.
//! - or [`Event::Online`]: the server does not know the session any more, and this is a new one. Messages are sent in it, those
//!   that may have arrived only if [`Config::resend`] says so; everything else has been reported.
//!
//! [`abandon`](Client::abandon) gives up. Errors that another connection cannot mend end the session as they
//! end a stream; without a session to go on with make a new machine, unless [`Error::is_transient`] says that it is pointless.
//! Who wants to stay online whatever happens to connections has a
#![cfg_attr(feature = "dns", doc = "[`Session`]")]
#![cfg_attr(not(feature = "dns"), doc = "`Session` (feature `dns`)")]
//! look after it.
//!
//! [`save`](Client::save) and [`Config::resume`] do the same from one process to another:
//!
//! ```no_run
//! # use waxwing_core::client::{Client, Config, Saved};
//! # use waxwing_core::machine::{Entropy, Now};
//! # fn f(client: &Client, mut config: Config, now: Now, entropy: Entropy) {
//! // Before the process ends, or after each round of events and before the bytes are transmitted.
//! let file = client.save().map(|saved| saved.to_bytes());
//! // In the next one.
//! config.resume = file.and_then(|bytes| Saved::from_bytes(&bytes).ok());
//! let client = Client::new(config, now, entropy);
//! # }
//! ```
//!
//! # One round trip
//!
//! Where a server speaks SASL2 (XEP-0388), login, resource (XEP-0386), stream management, carbons and client state are one
//! question and one answer; with a token of an earlier login ([`Event::Token`], [`Config::fast_token`], XEP-0484) that takes one
//! round trip and no password. What a server does not offer is done the way of RFC 6120.
//!
//! # What it does by itself
//!
//! It answers pings and disco#info, and other questions about this client if it is told to ([`Config::software`] and
//! its neighbours), refuses iq requests that nobody wants (see [`IncomingRequests`]), keeps the connection alive,
//! acknowledges what has been polled, and times requests out. It asks contacts what they can do, once for each kind of software
//! ([`Config::learn_capabilities`]). It never retries a refused password, never goes on without TLS where that
//! is required, and never follows a redirection.
//!
//! # People
//!
//! The machine keeps what the server says about people and what they say themselves, so that the caller need not:
//!
//! | what | kept in | changed by | events |
//! |---|---|---|---|
//! | contacts (RFC 6121 section 2) | [`roster`](Client::roster) | [`SetItem`], [`RemoveItem`] | [`Event::Roster`] |
//! | subscriptions (section 3) | [`subscription_requests`](Client::subscription_requests) | [`subscribe`](Client::subscribe), [`approve`](Client::approve), [`deny`](Client::deny), [`unsubscribe`](Client::unsubscribe) | [`Event::Subscription`] |
//! | presence (section 4) | [`contacts`](Client::contacts) | [`set_presence`](Client::set_presence) | [`Event::Presence`] |
//! | blocked addresses (XEP-0191) | [`block_list`](Client::block_list) | [`Block`], [`Unblock`] | [`Event::Blocking`] |
//! | what others can do (XEP-0115) | [`capabilities`](Client::capabilities) | | [`Event::Capabilities`] |
//!
//! Messages come as [`Event::Message`], and with [`SetCarbons`] also those that other sessions of the account send and
//! receive, as [`Event::Carbon`]. All of it has limits in the [`Config`]. What only the account itself may say is believed
//! of nobody else ([`Event::Ignored`]).
//!
//! # Requests
//!
//! ```no_run
//! # use waxwing_core::client::{Client, Event, Ping, RequestHandle, SendError};
//! # use waxwing_core::{machine::{Machine, Now}, jid::Jid};
//! # fn f(client: &mut Client, now: Now, server: Jid) -> Result<(), SendError> {
//! let ping = client.request(now, Ping { to: Some(server) }, None)?;
//! while let Some(event) = client.poll_event() {
//!     if let Event::Reply(reply) = event
//!         && let Some(result) = ping.read(&reply)
//!     {
//!         match result {
//!             Ok(()) => println!("the server is there"),
//!             Err(error) => println!("no pong: {error}"),
//!         }
//!     }
//! }
//! # Ok(()) }
//! ```

mod answers;
mod authentication;
mod binding;
mod blocking;
mod capabilities;
mod caps_cache;
mod carbons;
mod config;
mod contacts;
mod csi;
mod disco;
mod effects;
mod error;
mod event;
mod handle;
mod im;
mod inbound;
mod keepalive;
mod ledger;
mod lifecycle;
mod management;
mod negotiation;
mod outbox;
mod privacy;
mod queries;
mod request;
mod resumption;
mod roster;
mod sasl2;
mod saved;
#[cfg(feature = "dns")]
pub mod session;
mod state;
mod subscription;
mod token;
mod vcard;

#[cfg(test)]
mod tests;

pub use crate::stream::bind2::ClientState;
pub use crate::stream::sasl2::{ClientId, UserAgent};
pub use blocking::{Block, BlockList, Unblock};
pub use caps_cache::CapsCache;
pub use carbons::SetCarbons;
pub use config::{Config, IncomingRequests, KeepAlive, Management, TlsMode};
pub use contacts::{Contacts, Resource};
pub use disco::{DiscoInfo, DiscoItems};
pub use error::{Environment, Error, Missing, Misuse, ProtocolError, Refused, SendError};
pub use event::{BlockEvent, Event, Ignored, RosterEvent};
pub use handle::StanzaHandle;
pub use privacy::{GetPrivacyList, GetPrivacyLists, SetPrivacyList};
pub use queries::{GetLast, GetTime, GetVersion};
pub use request::{
    Malformed, Ping, Raw, Reply, Request, RequestError, RequestHandle, RequestId, RequestKind,
};
pub use roster::{RemoveItem, Roster, SetItem};
pub use saved::{BadSaved, Saved};
#[cfg(feature = "dns")]
pub use session::Session;
pub use subscription::{Subscription, SubscriptionKind};
pub use token::FastToken;
pub use vcard::{GetVcard, SetVcard};

use crate::jid::{FullJid, Jid};
use crate::machine::{Deadline, Entropy, Machine, Now};
use crate::ns;
use crate::payload::delay::Delay;
use crate::sasl::{ClientKeys, Credentials, Mechanism};
use crate::stanza::{self, Iq, Presence, PresenceType, Stanza, StanzaError};
use crate::stream::{self, Features, Limits, Role, Stream, TlsInfo};
use crate::xml::{Element, ElementBuilder};
use core::time::Duration;
use csi::Csi;
use handle::Handles;
use im::Im;
use keepalive::Watch;
use ledger::Ledger;
use lifecycle::NegotiationClock;
use outbox::{Origin, Outbox};
use request::{Pending, Purpose};
use state::State;
use std::collections::VecDeque;

/// One session with a server, from the first byte to the last: over one connection, or over several where it can be
/// resumed.
#[derive(Debug)]
pub struct Client {
    config: Config,
    entropy: Entropy,
    stream: Stream,
    state: State,
    events: VecDeque<Event>,
    outbox: Outbox,
    pending: Pending,
    handles: Handles,
    im: Im,
    watch: Watch,
    /// What has been sent and received, where that is counted.
    ledger: Option<Ledger>,
    /// An earlier connection's session is being gone on with.
    is_continuing: bool,
    /// A [`session`] owns it and decides what ends it: no error does by itself.
    is_kept: bool,
    /// What the last connection was authenticated with, where another may follow.
    credentials: Option<Credentials>,
    negotiation: NegotiationClock,
    /// The server's domain, as an address.
    domain: Jid,
    /// When `close` was called; done with the next `transmit`, behind what is queued.
    closing: Option<Now>,
    /// How it ends, once that is decided.
    verdict: Option<Result<(), Error>>,
    /// The transport is not ours any more: not one more byte.
    is_cut: bool,
    /// The latest instant seen, for `transmit`, which is told none.
    clock: Now,
    needs_session: bool,
    csi: Csi,
    /// The server's features may follow a resumption.
    may_get_features: bool,
    /// The namespace of the SASL profile in use.
    sasl_ns: &'static str,
    jid: Option<FullJid>,
    features: Option<Features>,
    mechanism: Option<Mechanism>,
    keys: Option<ClientKeys>,
}

impl Client {
    /// A client on a transport that has just been connected (with [`TlsMode::Outside`]: and is being secured).
    ///
    /// `entropy` makes nonces and ids; equal seeds give equal bytes.
    pub fn new(mut config: Config, now: Now, mut entropy: Entropy) -> Client {
        let machine = entropy.next_u64();
        let saved = config.resume.take();
        let mut client = Client {
            stream: Client::fresh_stream(now),
            state: State::Securing { outside: false },
            events: VecDeque::new(),
            outbox: Outbox::default(),
            pending: Pending::new(machine),
            handles: Handles::new(machine),
            im: Im::new(&mut config),
            watch: Watch::new(config.keep_alive, now.instant),
            ledger: None,
            is_continuing: false,
            is_kept: false,
            credentials: None,
            negotiation: NegotiationClock::new(now.instant, config.negotiation_timeout),
            domain: config.account.to_domain().into(),
            closing: None,
            verdict: None,
            is_cut: false,
            clock: now,
            needs_session: false,
            csi: Csi::new(),
            may_get_features: false,
            sasl_ns: ns::SASL,
            jid: None,
            features: None,
            mechanism: None,
            keys: None,
            config,
            entropy,
        };
        if let Some(saved) = saved {
            client.restore(saved);
        }
        client.start(now);
        client.pump(now, &[]);
        client
    }

    fn fresh_stream(now: Now) -> Stream {
        let (role, limits) = (Role::Initiator, Limits::UNAUTHENTICATED);
        Stream::new(stream::Config { role, content_ns: ns::CLIENT, limits }, now)
    }

    /// Says who we are, when [`Event::CredentialsNeeded`] has asked, or before.
    ///
    /// # Errors
    /// [`Misuse::CredentialsNotNeeded`] if they have been given already or it is too late.
    pub fn authenticate(&mut self, now: Now, credentials: Credentials) -> Result<(), Misuse> {
        self.clock = now;
        self.on_credentials(now, credentials)?;
        self.pump(now, &[]);
        Ok(())
    }

    /// The caller has done TLS: what [`receive`](Machine::receive) takes and [`transmit`](Machine::transmit) gives is now
    /// the plaintext inside it.
    ///
    /// # Errors
    /// [`Misuse::NotSecuring`] unless the configuration leaves TLS to the caller and it is time for it.
    pub fn secured(&mut self, now: Now, info: TlsInfo) -> Result<(), Misuse> {
        self.clock = now;
        if !matches!(self.state, State::Securing { outside: true }) {
            return Err(Misuse::NotSecuring);
        }
        self.on_secured_outside(now, info);
        self.pump(now, &[]);
        Ok(())
    }

    /// Queues a stanza, also while the session is interrupted. What becomes of it comes out as [`Event::Sent`] or
    /// [`Event::Unsent`], and on a managed stream as [`Event::Acknowledged`] or [`Event::Unacknowledged`].
    ///
    /// # Errors
    /// What is wrong; the stanza is then not queued.
    pub fn send(&mut self, now: Now, stanza: impl Into<Stanza>) -> Result<StanzaHandle, SendError> {
        self.clock = now;
        let stanza = match stanza.into() {
            Stanza::Presence(presence) => self.im.capabilities.annotate(presence).into(),
            other => other,
        };
        let handle = self.handles.next();
        self.queue(now, stanza, Origin::Caller(handle))?;
        Ok(handle)
    }

    /// Queues own presence, available or unavailable, for everyone who may see it (RFC 6121 sections 4.2 to 4.5).
    ///
    /// # Errors
    /// [`SendError::NotOwnPresence`] if it is anything else, and what [`send`](Client::send) says.
    pub fn set_presence(&mut self, now: Now, presence: Presence) -> Result<StanzaHandle, SendError> {
        let is_own = matches!(presence.kind(), PresenceType::Available | PresenceType::Unavailable);
        if !is_own || presence.to().is_some() {
            return Err(SendError::NotOwnPresence);
        }
        self.send(now, presence)
    }

    /// Queues an iq request. Its [`Event::Reply`] comes in any case: with what was answered, or after `timeout` (if
    /// `None`, the configuration's) without an answer, or when the stream ends.
    ///
    /// # Errors
    /// What is wrong; the request is then not queued.
    pub fn request<R: Request>(
        &mut self,
        now: Now,
        request: R,
        timeout: Option<Duration>,
    ) -> Result<RequestHandle<R>, SendError> {
        let id = self.ask(now, Purpose::Caller, &request, timeout)?;
        Ok(RequestHandle::new(id, request))
    }

    /// Queues a request of anybody's.
    fn ask<R: Request>(
        &mut self,
        now: Now,
        purpose: Purpose,
        request: &R,
        timeout: Option<Duration>,
    ) -> Result<RequestId, SendError> {
        self.clock = now;
        if purpose.is_callers() && self.pending.callers() >= self.config.max_requests {
            return Err(SendError::TooManyRequests);
        }
        let (id, to) = (self.entropy.id(), request.to().cloned());
        let iq = match request.kind() {
            RequestKind::Get => Iq::get(to.clone(), &id, request.payload()),
            RequestKind::Set => Iq::set(to.clone(), &id, request.payload()),
        };
        self.queue(now, iq.into(), Origin::Request(id.clone()))?;
        let until = now.instant + timeout.unwrap_or(self.config.request_timeout);
        Ok(self.pending.insert(purpose, id, to, until))
    }

    /// Answers an [`Event::Iq`]: with a result, which may have a payload, or with an error.
    ///
    /// # Errors
    /// [`SendError::NotARequest`] if `iq` is a reply itself, and what [`send`](Client::send) says.
    pub fn respond(
        &mut self,
        now: Now,
        iq: &Iq,
        answer: Result<Option<ElementBuilder>, StanzaError>,
    ) -> Result<StanzaHandle, SendError> {
        if !iq.kind().is_request() {
            return Err(SendError::NotARequest);
        }
        let reply = match answer {
            Ok(payload) => Some(iq.result(payload)),
            Err(error) => iq.error_reply(&error),
        };
        let mut reply = reply.ok_or(SendError::NotARequest)?;
        // The server knows better where it comes from (RFC 6120 section 8.1.2.1).
        reply.set_from(None);
        self.send(now, reply)
    }

    /// Answers an [`Event::Iq`] that means nothing to the caller with `service-unavailable` (RFC 6120 section 8.4).
    ///
    /// # Errors
    /// As [`respond`](Client::respond).
    pub fn refuse(&mut self, now: Now, iq: &Iq) -> Result<StanzaHandle, SendError> {
        self.respond(now, iq, Err(StanzaError::new(stanza::Condition::ServiceUnavailable)))
    }

    /// Ends the stream in good order: what is queued goes out first, then unavailable presence if that is due (RFC 6121
    /// section 4.5), then `</stream:stream>`. What the server still sends until it closes as well comes out as events.
    pub fn close(&mut self, now: Now) {
        self.clock = now;
        self.begin_close(now);
        self.pump(now, &[]);
    }

    /// Who is available, as far as this session has been told.
    pub fn contacts(&self) -> &Contacts {
        &self.im.contacts
    }

    /// When and why a stanza was held back on its way (XEP-0203): what our own server says about it, and else the first
    /// to say anything. [`Delay::from`] is who that is; anybody may say anything.
    pub fn delay(&self, stanza: &Element) -> Option<Delay> {
        let notes = stanza.children().filter_map(|child| Delay::parse(child).ok());
        let is_ours = |delay: &Delay| {
            let by = delay.from.as_ref().map(Jid::as_str);
            self.jid.as_ref().is_some_and(|own| by == Some(own.domain()) || by == Some(own.bare_str()))
        };
        notes.min_by_key(|delay| !is_ours(delay))
    }

    /// Our address, once the stream is online.
    pub fn jid(&self) -> Option<&FullJid> {
        self.jid.as_ref()
    }

    /// What is known of TLS, once it is up.
    pub fn tls(&self) -> Option<&TlsInfo> {
        self.stream.tls()
    }

    /// What the server offered after authentication, on this connection or, where it has said nothing, an earlier one.
    pub fn features(&self) -> Option<&Features> {
        self.features.as_ref()
    }

    /// The SASL mechanism in use.
    pub fn mechanism(&self) -> Option<Mechanism> {
        self.mechanism
    }

    /// After a login with SCRAM: what the next one can use instead of the password ([`Credentials::Keys`]).
    pub fn keys(&self) -> Option<&ClientKeys> {
        self.keys.as_ref()
    }

    /// True from [`Event::Online`] on, until the end begins.
    pub fn is_online(&self) -> bool {
        matches!(self.state, State::Online) && self.closing.is_none() && self.verdict.is_none()
    }
}

impl Machine for Client {
    type Event = Event;

    fn receive(&mut self, now: Now, input: &[u8]) {
        self.clock = now;
        if !input.is_empty() {
            self.watch.received(now.instant);
        }
        self.pump(now, input);
    }

    fn receive_eof(&mut self, now: Now) {
        self.clock = now;
        self.stream.receive_eof(now);
        self.on_eof(now);
    }

    fn transmit(&mut self, out: &mut Vec<u8>) -> usize {
        self.hand_out(out)
    }

    fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        if let Some(ledger) = &mut self.ledger {
            ledger.polled();
        }
        Some(event)
    }

    fn deadline(&self) -> Option<Deadline> {
        self.next_deadline()
    }

    fn tick(&mut self, now: Now) {
        self.clock = now;
        self.on_tick(now);
    }

    fn read_budget(&self) -> usize {
        self.stream.read_budget()
    }

    /// Also true when the last event has not been polled yet, and while the session is interrupted.
    /// [`reconnect`](Client::reconnect) makes it false again.
    fn is_finished(&self) -> bool {
        matches!(self.state, State::Interrupted | State::Over) && (self.is_cut || self.stream.is_finished())
    }
}
