//! The clients' side of a world.

use super::hosts::{account_jid, letter_of};
use super::model::{Sending, SessionKey};
use super::orders::Order;
use super::trace::Lane;
use super::wire::{NodeClock, Wire};
use super::{Rule, Timer, World};
use crate::{Account, Arrival, Random};
use std::collections::BTreeMap;
use std::time::Duration;
use waxwing_core::client::session::{Action, Reconnect, Session};
use waxwing_core::client::{
    Client, Config, Event, KeepAlive, Management, Roster, RosterEvent, Saved, StanzaHandle, TlsMode,
};
use waxwing_core::dns::{Failure, Security};
use waxwing_core::jid::{BareJid, Jid};
use waxwing_core::machine::{Instant, Machine};
use waxwing_core::ns;
use waxwing_core::sasl::Credentials;
use waxwing_core::server::connection::Transport;
use waxwing_core::stanza::{Message, MessageType, Presence, PresenceType, Show};
use waxwing_core::stream::bind2::ClientState;

/// A client, and what its user remembers while its process is not there.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) account: usize,
    pub(super) session: Option<Session>,
    pub(super) wire: Option<u64>,
    /// It is to be online.
    pub(super) wants: bool,
    pub(super) clock: NodeClock,
    /// Which session this is.
    pub(super) serial: u32,
    /// What it shows of itself: priority, availability.
    pub(super) shows: (i8, Option<Show>),
    /// What it has said of itself in this session, status text included.
    pub(super) said: Option<Said>,
    /// It reads nothing before.
    pub(super) reads_from: Instant,
    pub(super) random: Random,
    pub(super) ticks: u32,
    /// Its process is not there before.
    away_until: Instant,
    pub(super) letters: BTreeMap<StanzaHandle, usize>,
    pub(super) orders: Vec<Order>,
    cached: Option<Roster>,
    /// What its process left of its session when it died.
    saved: Option<Saved>,
}

/// What a device has said of itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Said {
    pub(super) priority: i8,
    pub(super) show: Option<&'static str>,
    pub(super) status: String,
}

impl Device {
    /// It has one, or what is left of one, to go on with.
    pub(super) fn has_a_session(&self) -> bool {
        self.session.is_some() || self.saved.is_some()
    }

    pub(super) fn new(account: usize, random: Random) -> Device {
        Device {
            account,
            session: None,
            wire: None,
            wants: false,
            clock: NodeClock::default(),
            serial: 0,
            shows: (0, None),
            said: None,
            reads_from: Instant::ORIGIN,
            random,
            ticks: 0,
            away_until: Instant::ORIGIN,
            letters: BTreeMap::new(),
            orders: Vec::new(),
            cached: None,
            saved: None,
        }
    }

    pub(super) fn is_online(&self) -> bool {
        self.session.as_ref().is_some_and(Session::is_online)
    }

    /// What is inside of its session, if it has one.
    pub(super) fn client(&self) -> Option<&Client> {
        self.session.as_ref().map(Session::client)
    }
}

impl World {
    /// Its own address.
    pub(super) fn device_jid(&self, number: usize) -> Jid {
        let bare = self.bare_of(self.devices[number].account);
        bare.with_resource(&format!("d{number}")).expect("an address").into()
    }

    pub(super) fn bare_of(&self, account: usize) -> BareJid {
        account_jid(account, self.scenario.accounts[account])
    }

    pub(super) fn session_of(&self, number: usize) -> SessionKey {
        SessionKey { device: number, serial: self.devices[number].serial }
    }

    /// It wants to be online from now on.
    pub(super) fn log_in(&mut self, number: usize) {
        self.devices[number].wants = true;
        self.begin_session(number);
        let device = &mut self.devices[number];
        let now = device.clock.now(self.now);
        if let Some(session) = &mut device.session {
            session.go_online(now);
        }
    }

    /// Somebody looks at it, or nobody does.
    pub(super) fn look_at(&mut self, number: usize, active: bool) {
        let device = &mut self.devices[number];
        let now = device.clock.now(self.now);
        let state = if active { ClientState::Active } else { ClientState::Inactive };
        if let Some(session) = &mut device.session {
            session.client_mut().set_state(now, state);
        }
    }

    /// It does not: for now, or for good.
    pub(super) fn log_out(&mut self, number: usize, for_good: bool) {
        self.model.session_left(self.session_of(number));
        let device = &mut self.devices[number];
        device.wants = false;
        let now = device.clock.now(self.now);
        match &mut device.session {
            Some(session) if for_good => session.close(now),
            Some(session) => session.go_offline(now),
            None => {}
        }
    }

    /// Its process dies, and begins again: with what it has saved of its session, or with nothing.
    pub(super) fn restart(&mut self, number: usize, away: Duration, saved: bool) {
        let device = &mut self.devices[number];
        device.away_until = self.now + away;
        self.set_timer(away, Timer::Begin { device: number });
        let device = &mut self.devices[number];
        let Some(session) = device.session.take() else { return };
        // As it would be read from its file.
        let kept = session.client().save().filter(|_| saved).map(|saved| saved.to_bytes());
        device.saved = kept.and_then(|bytes| Saved::from_bytes(&bytes).ok());
        let survives = device.saved.is_some();
        if let Some(wire) = device.wire.and_then(|key| self.wires.get_mut(&key)) {
            wire.up.close(self.now);
        }
        self.trace.mark(self.now, Lane::Device(number), "its process dies", true);
        self.connection_over(number, true);
        // What it knew of others' presence is gone, and is told nobody twice in one session.
        self.is_lossy = true;
        self.devices[number].orders.clear();
        if !survives {
            self.forget_letters(number);
            self.session_over(number);
        }
    }

    /// Nobody is left to say what became of what it has sent.
    fn forget_letters(&mut self, number: usize) {
        for letter in std::mem::take(&mut self.devices[number].letters).into_values() {
            let letter = &mut self.model.letters[letter];
            if letter.sending != Sending::Acknowledged {
                letter.sending = Sending::Unknown;
            }
        }
    }

    /// Starts its process, unless it runs.
    pub(super) fn begin_session(&mut self, number: usize) {
        let device = &mut self.devices[number];
        if device.session.is_some() || !device.wants || self.now < device.away_until {
            return;
        }
        let now = device.clock.now(self.now);
        let account = account_jid(device.account, self.scenario.accounts[device.account]);
        let plan = &self.scenario.devices[number];
        let mut config = config(self.keys.clone(), account, number);
        config.management = plan.management;
        config.resend = plan.resend;
        config.resume = device.saved.take();
        if config.resume.is_none() {
            device.serial += 1;
        }
        let mut policy = Reconnect::default();
        (policy.spread, policy.alone) = (Duration::from_secs(8), Duration::from_secs(3));
        policy.longest = Duration::from_secs(30);
        device.session = Some(Session::new(config, policy, now, device.random.entropy()));
    }

    /// Connects, if there is somebody to connect to.
    fn dial(&mut self, number: usize) {
        let device = &mut self.devices[number];
        let now = device.clock.now(self.now);
        let host_number = self.scenario.accounts[device.account];
        let host = &mut self.hosts[host_number];
        let Some(session) = &mut device.session else { return };
        let Some(server) = host.server.as_mut() else { return session.dial_failed(now, &Failure::Timeout) };
        if session.connected(now, Security::StartTls).is_err() {
            return;
        }
        let id = server.accept(host.clock.now(self.now), Transport::Plain);
        let plan = &self.scenario.devices[number];
        let wire = Wire::new((number, host_number), id, &plan.conditions, &mut device.random);
        self.next_wire += 1;
        let key = self.next_wire;
        device.wire = Some(key);
        self.trace.connect(self.now, key, number, host_number);
        self.wires.insert(key, wire);
    }

    /// Everything that clients do now. True if anything happened.
    pub(super) fn run_devices(&mut self) -> bool {
        let mut busy = false;
        for number in 0..self.devices.len() {
            busy |= self.tick_device(number);
            busy |= self.drain_device(number);
            busy |= self.read_into_device(number);
        }
        busy
    }

    fn tick_device(&mut self, number: usize) -> bool {
        let device = &mut self.devices[number];
        let now = device.clock.now(self.now);
        let Some(client) = &mut device.session else { return false };
        let due = |client: &Session| client.deadline().is_some_and(|deadline| deadline.at <= now.instant);
        if !due(client) {
            return false;
        }
        device.ticks += 1;
        client.tick(now);
        if device.ticks > super::FAR_TOO_OFTEN && due(client) {
            let text = format!("d{number} wants a tick again and again: {:?}", client.deadline());
            self.model.fail(self.now, Rule::Deadline, text);
        }
        true
    }

    fn drain_device(&mut self, number: usize) -> bool {
        let mut busy = false;
        loop {
            let device = &mut self.devices[number];
            let Some(client) = &mut device.session else { break };
            if let Some(action) = client.poll_action() {
                busy = true;
                if let Action::Dial(_) = action {
                    self.dial(number);
                }
                continue;
            }
            let mut bytes = Vec::new();
            if let Some(key) = device.wire
                && let Some(wire) = self.wires.get_mut(&key)
                && wire.up.is_writable()
            {
                client.transmit(&mut bytes);
                if !bytes.is_empty() {
                    self.trace.write(self.now, key, true, &bytes);
                    wire.up.write(self.now, &bytes);
                }
            }
            let event = client.poll_event();
            if bytes.is_empty() && event.is_none() {
                break;
            }
            busy = true;
            if let Some(event) = event {
                self.on_client_event(number, event);
            }
        }
        self.finish_device(number) | busy
    }

    /// What has come to an end is cleared away.
    fn finish_device(&mut self, number: usize) -> bool {
        let device = &mut self.devices[number];
        let Some(session) = &device.session else { return false };
        if device.wire.is_some() && session.is_finished() {
            self.connection_over(number, false);
            return true;
        }
        if !session.is_over() {
            return false;
        }
        device.cached = Some(session.client().roster().clone());
        device.session = None;
        self.session_over(number);
        if self.devices[number].wants {
            self.set_timer(Duration::from_secs(4), Timer::Begin { device: number });
        }
        true
    }

    /// A device has no connection any more.
    fn connection_over(&mut self, number: usize, died: bool) {
        let Some(key) = self.devices[number].wire else { return };
        if let Some(wire) = self.wires.get_mut(&key) {
            wire.client_done = true;
            wire.up.close(self.now);
            // What the server still sends, or has sent, is read by nobody.
            if died || !wire.server_done || !wire.down.at_end() || wire.broken {
                self.break_wire(key, "its connection broke");
            } else if wire.managed_at.is_some() {
                self.model.reroute(self.devices[number].account);
            }
        }
        self.devices[number].wire = None;
    }

    /// Its session is over: another one will be another.
    fn session_over(&mut self, number: usize) {
        let over = self.session_of(number);
        let device = &mut self.devices[number];
        device.said = None;
        device.letters.clear();
        device.orders.clear();
        self.model.session_over(over);
    }

    fn read_into_device(&mut self, number: usize) -> bool {
        let device = &mut self.devices[number];
        let (Some(key), Some(client)) = (device.wire, &mut device.session) else { return false };
        if device.reads_from > self.now {
            return false;
        }
        let Some(wire) = self.wires.get_mut(&key) else { return false };
        let now = device.clock.now(self.now);
        match wire.down.read(self.now, client.read_budget()) {
            Some(Arrival::Bytes(piece)) => {
                self.trace.read(self.now, key, false, piece.len());
                client.receive(now, &piece);
            }
            Some(Arrival::Eof) => {
                self.trace.mark(self.now, Lane::Device(number), "end of stream", false);
                client.receive_eof(now);
            }
            None => return false,
        }
        true
    }

    pub(super) fn on_client_event(&mut self, number: usize, event: Event) {
        let session = self.session_of(number);
        match event {
            Event::Online(_) => self.on_online(number),
            Event::Resumed(_) => self.on_resumed(number),
            Event::Offline { error, .. } => {
                let why = error.map_or("offline".to_owned(), |error| format!("offline: {error}"));
                self.trace.mark(self.now, Lane::Device(number), &why, false);
            }
            Event::Acknowledged(handle) => self.on_handle(number, handle, Sending::Acknowledged),
            Event::Unacknowledged { handle, .. } => self.on_handle(number, handle, Sending::Unknown),
            Event::Message(message) => self.on_message(number, session, &message),
            Event::Presence(_) | Event::Subscription(_) | Event::Iq(_) => self.stanzas += 1,
            Event::Roster(RosterEvent::Loaded) => self.say(number),
            Event::Roster(RosterEvent::Failed(_)) => {
                // Another try, later: everything else waits for it.
                self.set_timer(
                    Duration::from_secs(3),
                    Timer::FetchRoster { device: number, serial: session.serial },
                );
            }
            Event::Reply(reply) => self.on_reply(number, &reply),
            Event::Sent(handle) => self.on_handle(number, handle, Sending::Out),
            Event::Unsent { handle, .. } => self.on_handle(number, handle, Sending::Unsent),
            Event::Closed(result) => {
                let text = result.map_or_else(|error| format!("closed: {error}"), |()| "closed".into());
                self.trace.mark(self.now, Lane::Device(number), &text, false);
            }
            Event::Malformed { element, error } => {
                let text = format!("d{number} was sent something malformed: {error:?}: {element:?}");
                self.model.fail(self.now, Rule::Leak, text);
            }
            Event::Ignored { stanza, reason } => {
                let text = format!("d{number} was sent a forgery: {reason:?}: {}", stanza.to_xml());
                self.model.fail(self.now, Rule::Leak, text);
            }
            _ => {}
        }
    }

    /// The session goes on.
    fn on_resumed(&mut self, number: usize) {
        self.trace.mark(self.now, Lane::Device(number), "resumed", false);
        self.resumptions += 1;
        let is_new_process = self.devices[number].client().is_some_and(|client| !client.roster().is_loaded());
        if is_new_process {
            self.fetch_roster(number);
        }
    }

    /// There is a new session. If an old one has been lost, what it left is sent again.
    fn on_online(&mut self, number: usize) {
        self.trace.mark(self.now, Lane::Device(number), "online", false);
        let device = &mut self.devices[number];
        for letter in device.letters.values() {
            let letter = &mut self.model.letters[*letter];
            letter.again |= letter.sending == Sending::Out;
        }
        let was_somebody = !device.letters.is_empty() || device.said.is_some();
        if was_somebody {
            let old = self.session_of(number);
            self.model.session_over(old);
            let device = &mut self.devices[number];
            device.serial += 1;
            device.said = None;
            device.orders.clear();
        }
        self.fetch_roster(number);
        let device = &mut self.devices[number];
        let now = device.clock.now(self.now);
        if let Some(session) = &mut device.session {
            let _ = session.client_mut().fetch_block_list(now);
        }
    }

    pub(super) fn fetch_roster(&mut self, number: usize) {
        let device = &mut self.devices[number];
        let now = device.clock.now(self.now);
        // Half of them remember what they knew.
        let cached = device.cached.take().filter(|_| number % 2 == 1);
        let cached =
            cached.and_then(|roster| Some(Roster::cached(roster.version()?, roster.iter().cloned())));
        if let Some(session) = &mut device.session {
            let _ = session.client_mut().fetch_roster(now, cached);
        }
    }

    /// Says how available it is, in words that have not been used before.
    pub(super) fn say(&mut self, number: usize) {
        self.words += 1;
        let status = format!("p{}", self.words);
        let device = &mut self.devices[number];
        let now = device.clock.now(self.now);
        let (priority, show) = device.shows;
        let session = device.session.as_mut().filter(|session| session.is_online());
        let Some(client) = session.map(Session::client_mut) else { return };
        if device.said.is_none() && !client.roster().is_loaded() {
            return;
        }
        let presence = Presence::builder(PresenceType::Available).priority(priority).status(None, &status);
        let presence = match show {
            Some(show) => presence.show(show),
            None => presence,
        };
        if client.set_presence(now, presence.build()).is_ok() {
            self.stanzas += 1;
            device.said = Some(Said { priority, show: show.map(Show::as_str), status });
        }
    }

    fn on_message(&mut self, number: usize, session: SessionKey, message: &Message) {
        self.stanzas += 1;
        if message.kind() == MessageType::Error {
            if let Some(letter) = message.id().and_then(letter_of) {
                self.model.refused(self.now, session, letter);
            }
            return;
        }
        let Some(letter) = message.body(None).as_deref().and_then(letter_of) else { return };
        let is_delayed = message.child("delay", ns::DELAY).is_some();
        let account = self.devices[number].account;
        // What comes behind the end of a session at the server has begun another way there.
        let wire = self.devices[number].wire.and_then(|key| self.wires.get(&key));
        let has_ended = wire.is_none_or(|wire| !wire.in_session);
        let is_counted = self.scenario.devices[number].management != Management::Off;
        let is_leaving = is_counted && !self.devices[number].wants;
        self.model.receive(self.now, session, account, letter, (is_delayed, has_ended, is_leaving));
        let sender = self.model.letters.get(letter).map(|letter| letter.from.device);
        let is_from = sender.is_some_and(|sender| message.from() == Some(&self.device_jid(sender)));
        if !is_from {
            self.model.fail(self.now, Rule::Leak, format!("m{letter} came from {:?}", message.from()));
        }
    }

    fn on_handle(&mut self, number: usize, handle: StanzaHandle, sending: Sending) {
        if let Some(letter) = self.devices[number].letters.get(&handle).copied() {
            self.model.sending(self.now, letter, sending);
        }
    }

    /// When a client wants something.
    pub(super) fn next_for_devices(&self) -> Option<Instant> {
        let deadlines = self.devices.iter().filter_map(|device| {
            let deadline = device.session.as_ref()?.deadline()?;
            Some(device.clock.when(deadline.at))
        });
        deadlines.min()
    }
}

fn config(keys: waxwing_core::sasl::ClientKeys, account: BareJid, number: usize) -> Config {
    let username = account.local().unwrap_or_default().to_owned();
    let jid = account.with_resource(&format!("d{number}")).expect("an address");
    let mut config = Config::new(jid.into(), TlsMode::Plaintext);
    config.credentials = Some(Credentials::Keys { username, keys });
    config.keep_alive = KeepAlive::Ping { after: Duration::from_secs(70), timeout: Duration::from_secs(20) };
    config
}

/// Keys that fit every account: deriving them each time would cost more than all the rest.
pub(super) fn shared_account()
-> &'static (waxwing_core::sasl::ClientKeys, waxwing_core::server::store::Record) {
    static SHARED: std::sync::OnceLock<(
        waxwing_core::sasl::ClientKeys,
        waxwing_core::server::store::Record,
    )> = std::sync::OnceLock::new();
    SHARED.get_or_init(|| {
        let account = Account::new("a", "h.example");
        let record = account.record(&mut Random::new(1));
        let mut simulation = crate::Simulation::<Client>::new(1, "h.example");
        simulation.store.insert(account.jid(), record.clone());
        let mut config = Config::new(account.jid().into(), TlsMode::Plaintext);
        config.credentials =
            Some(Credentials::Password { username: account.local.clone(), password: account.password });
        let client = Client::new(config, simulation.now(), Random::new(2).entropy());
        let client = simulation.connect(client, Transport::Plain);
        simulation.run_until_idle();
        let keys = simulation[client].side.machine.keys().cloned().expect("a login with SCRAM");
        (keys, record)
    })
}
