//! Anything at all happens to a [`Client`]: any server, any owner.
//!
//! Settings: bits 0 and 1 how it is secured; 2 and 3 its credentials; 4 it asks for a resource; 5 it answers requests itself; 6
//! tight limits; 7 the proper server wants STARTTLS; 8 and 9 keep-alive; 10 only PLAIN; 11 the second time
//! the owner acts after each piece (where it does nothing by itself that depends on when it acts).
//!
//! In what a hostile server sends the byte 0xFD stands for the id that the client used last.

use crate::proper::{DOMAIN, PASSWORD, tls_info};
use crate::{Pieces, Player, ProperServer, Script, Step, assert_same, bit, duration, flood, start};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use waxwing_core::client::{
    BlockEvent, Client, Config, DiscoInfo, Event, IncomingRequests, KeepAlive, Ping, RequestId, Roster,
    RosterEvent, SendError, StanzaHandle, TlsMode,
};
use waxwing_core::jid::{BareJid, Jid};
use waxwing_core::machine::{Entropy, Machine, Now};
use waxwing_core::payload::roster::Item;
use waxwing_core::sasl::{Credentials, Mechanism, Policy};
use waxwing_core::stanza::{self, Iq, Message, Presence, PresenceType, Stanza, StanzaError};
use waxwing_core::stream::TlsInfo;

/// Stands for the client's last id.
pub const ID: u8 = 0xFD;

/// Plays the script, twice: how the server's bytes are cut must change nothing.
pub fn play(script: &Script<'_>) {
    let whole = Play::new(script.settings, Pieces::Whole).play(&script.steps);
    let is_quiet = !bit(script.settings, 5) && script.settings[0] & 3 != 2;
    let pieces = if bit(script.settings, 11) && is_quiet { Pieces::Drained } else { Pieces::Small };
    let small = Play::new(script.settings, pieces).play(&script.steps);
    // Whoever acts in time needs less room for what waits.
    let is_full = |log: &[String]| log.iter().any(|event| event.contains("ResourceConstraint"));
    if pieces == Pieces::Small || !is_full(&whole.player.log) {
        assert_eq!(whole.player.log, small.player.log, "split into small pieces");
        assert_same(&whole.player.wire.sent, &small.player.wire.sent);
    }
}

/// What the proper server says in this script, step by step, the client's ids marked.
pub fn record(script: &Script<'_>) -> Vec<Vec<u8>> {
    Play::new(script.settings, Pieces::Whole).play(&script.steps).transcript
}

struct Play {
    player: Player<Client>,
    owner: Owner,
    server: ProperServer,
    pieces: Pieces,
    lazy: u8,
    /// Nothing has happened since the owner acted.
    is_drained: bool,
    heard: usize,
    transcript: Vec<Vec<u8>>,
}

/// What the client has promised.
#[derive(Default)]
struct Owner {
    stanzas: BTreeSet<StanzaHandle>,
    requests: BTreeSet<RequestId>,
    stanzas_done: BTreeMap<StanzaHandle, u32>,
    requests_done: BTreeMap<RequestId, u32>,
    iqs: Vec<Iq>,
    is_online: bool,
    start_tls: bool,
    /// Rosters and block lists that were asked for and have neither come nor been refused.
    fetched: u32,
}

fn config(settings: [u8; 2]) -> (Config, usize) {
    let tls = match settings[0] & 3 {
        0 | 1 => TlsMode::Plaintext,
        2 => TlsMode::StartTlsOutside,
        _ => TlsMode::Outside,
    };
    let resource = if bit(settings, 4) { "/balcony" } else { "" };
    let account = Jid::new(&format!("juliet@{DOMAIN}{resource}")).expect("an address");
    let mut config = Config::new(account, tls);
    config.credentials = match settings[0] >> 2 & 3 {
        0 | 1 => Some(password()),
        2 => None,
        _ => Some(Credentials::Token { username: "juliet".to_owned(), token: "token".to_owned() }),
    };
    config.policy =
        Policy { min_iterations: 1, max_iterations: 2, plain_without_tls: true, ..Policy::default() };
    if bit(settings, 10) {
        let other = |m: &Mechanism| *m != Mechanism::Plain;
        config.policy.excluded = Mechanism::ALL.into_iter().filter(other).collect();
    }
    if bit(settings, 5) {
        config.incoming = IncomingRequests::All;
    }
    if bit(settings, 6) {
        config.limits.xml.max_bytes = 1000;
        config.limits.xml.max_depth = 5;
        config.limits.max_queued = 6000;
        config.max_stanza_bytes = 1000;
        config.max_requests = 3;
    }
    config.keep_alive = match settings[1] & 3 {
        0 => config.keep_alive,
        1 => KeepAlive::Off,
        2 => KeepAlive::Whitespace { after: Duration::from_secs(0) },
        _ => KeepAlive::Ping { after: Duration::from_secs(5), timeout: Duration::from_secs(5) },
    };
    // Before authentication there are limits of their own; an error and the end still fit in.
    let queued = config.limits.max_queued.max(64 << 10) + (4 << 10);
    (config, queued)
}

fn password() -> Credentials {
    Credentials::Password { username: "juliet".to_owned(), password: PASSWORD.to_owned() }
}

impl Play {
    fn new(settings: [u8; 2], pieces: Pieces) -> Play {
        let (config, most_queued) = config(settings);
        let client = Client::new(config, start(), Entropy::from_seed([6; 32]));
        let server = ProperServer::new(settings[0] & 3 == 3, bit(settings, 7));
        let mut play = Play {
            player: Player::new(client, most_queued),
            owner: Owner::default(),
            server,
            pieces,
            lazy: 0,
            is_drained: true,
            heard: 0,
            transcript: Vec::new(),
        };
        play.drain();
        play
    }

    fn play(mut self, steps: &[Step<'_>]) -> Play {
        for step in steps {
            self.step(step);
            self.player.check_deadline();
            match self.lazy.checked_sub(1) {
                Some(left) => (self.lazy, self.is_drained) = (left, false),
                None => {
                    self.drain();
                    self.is_drained = true;
                    self.check();
                }
            }
        }
        self.finish(steps);
        self
    }

    fn step(&mut self, step: &Step<'_>) {
        let now = self.player.now;
        match *step {
            Step::Send(bytes) => self.receive(&self.with_ids(bytes)),
            Step::Flood(times, bytes) => self.receive(&flood(times, &self.with_ids(bytes))),
            Step::Peer(n) => {
                let bytes = self.server.say(n);
                self.transcript.push(self.without_ids(&bytes));
                self.receive(&bytes);
            }
            Step::Wish(wish) => self.server.wish(now, wish),
            Step::Call(call) => {
                if call % 16 == 6 {
                    // What is to go out in the clear goes out first.
                    self.drain();
                }
                self.owner.call(&mut self.player.machine, now, call);
            }
            Step::Switch(_) => {}
            Step::Eof => self.player.machine.receive_eof(now),
            Step::Wait(n) => self.player.wait(duration(n)),
            Step::Deadline => self.player.wait_for_deadline(),
            Step::Lazy(n) => self.lazy = n % 8,
        }
    }

    fn receive(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (piece, rest) = bytes.split_at(self.pieces.size(bytes.len()));
            self.player.machine.receive(self.player.now, piece);
            bytes = rest;
            if self.pieces == Pieces::Drained && self.is_drained && !bytes.is_empty() {
                self.drain();
            }
        }
    }

    /// The id that the client used last.
    fn last_id(&self) -> &[u8] {
        let sent = self.player.wire.sent.as_slice();
        let start = sent.windows(5).rposition(|window| window == b" id='").map_or(sent.len(), |at| at + 5);
        let rest = sent.get(start..).unwrap_or_default();
        rest.split(|&byte| byte == b'\'').next().unwrap_or_default()
    }

    fn with_ids(&self, bytes: &[u8]) -> Vec<u8> {
        if !bytes.contains(&ID) {
            return bytes.to_vec();
        }
        let parts: Vec<&[u8]> = bytes.split(|&byte| byte == ID).collect();
        parts.join(self.last_id())
    }

    fn without_ids(&self, bytes: &[u8]) -> Vec<u8> {
        let id = self.last_id();
        match bytes.windows(id.len().max(1)).position(|window| window == id) {
            Some(at) => [&bytes[..at], &[ID], &bytes[at + id.len()..]].concat(),
            None => bytes.to_vec(),
        }
    }

    fn drain(&mut self) {
        let owner = &mut self.owner;
        self.player.drain(|client, now, event| owner.on_event(client, now, event));
        let new = self.player.wire.sent.get(self.heard..).unwrap_or_default();
        self.heard = self.player.wire.sent.len();
        if !new.is_empty() {
            self.server.hear(self.player.now, new);
        }
        if std::mem::take(&mut self.owner.start_tls) {
            self.server.secured(self.player.now);
            let _ = self.player.machine.secured(self.player.now, tls_info());
            self.drain();
        }
    }

    /// What holds whenever the machine has been drained.
    fn check(&self) {
        let client = &self.player.machine;
        if client.is_online() {
            assert!(client.jid().is_some() && client.mechanism().is_some());
        }
        if !self.owner.is_online {
            assert!(self.player.wire.stanzas == 0, "stanzas are for sessions");
        }
        if client.is_finished() {
            assert!(self.player.has_ended());
            assert!(client.contacts().is_empty() && client.subscription_requests().next().is_none());
        }
        let contacts = client.contacts();
        let resources = |contact: &BareJid| contacts.resources(contact).len();
        assert_eq!(contacts.len(), contacts.available().map(resources).sum::<usize>());
    }

    /// The end comes, once; every stanza taken has been sent or given back by then, and every request has ended.
    fn finish(&mut self, steps: &[Step<'_>]) {
        for _ in 0..24 {
            self.drain();
            self.player.wait_for_deadline();
            self.player.check_deadline();
        }
        self.drain();
        self.player.machine.receive_eof(self.player.now);
        self.drain();
        assert!(self.player.has_ended() && self.player.machine.is_finished());
        let (sent, told) = (self.player.wire.sent.len(), self.player.log.len());
        for step in steps.iter().take(8) {
            self.step(step);
            self.player.check_deadline();
        }
        self.drain();
        assert_eq!(
            (self.player.wire.sent.len(), self.player.log.len()),
            (sent, told),
            "nothing follows the end"
        );
        self.owner.check_promises();
    }
}

impl Owner {
    fn on_event(&mut self, client: &mut Client, now: Now, event: &Event) {
        match event {
            Event::Sent(handle) | Event::Unsent { handle, .. } => {
                *self.stanzas_done.entry(*handle).or_default() += 1;
            }
            Event::Reply(reply) => *self.requests_done.entry(reply.request()).or_default() += 1,
            Event::Online(jid) => {
                assert!(!self.is_online, "online once");
                assert_eq!(client.jid(), Some(jid));
                self.is_online = true;
            }
            Event::Iq(iq) => {
                assert!(self.is_online);
                self.iqs.push(iq.clone());
                // Every other one is answered at once.
                if self.iqs.len() % 2 == 1 {
                    self.note(client.respond(now, iq, Ok(None)));
                }
            }
            Event::Message(_) | Event::Presence(_) | Event::Carbon(_) | Event::Subscription(_) => {
                assert!(self.is_online);
            }
            Event::Roster(RosterEvent::Loaded | RosterEvent::Failed(_))
            | Event::Blocking(BlockEvent::Loaded | BlockEvent::Failed(_)) => self.fetched -= 1,
            Event::StartTls => self.start_tls = true,
            Event::Closed(Err(error)) => assert!(!error.to_string().is_empty()),
            _ => {}
        }
    }

    fn note(&mut self, result: Result<StanzaHandle, SendError>) {
        if let Ok(handle) = result {
            assert!(self.stanzas.insert(handle), "handles are not used twice");
        }
    }

    /// Any call at any time.
    fn call(&mut self, client: &mut Client, now: Now, call: u8) {
        let friend = || Jid::new("romeo@example.net/orchard").expect("an address");
        let presence = |kind| Presence::builder(kind).build();
        match call % 16 {
            0 => self.note(client.send(now, Message::chat(friend(), "Hark ☃ & listen"))),
            1 => self.note(client.set_presence(now, presence(PresenceType::Available))),
            2 => self.note(client.set_presence(now, presence(PresenceType::Unavailable))),
            3 => self.ask(client.request(now, Ping { to: None }, None).map(|handle| handle.id())),
            4 => {
                let timeout = Some(Duration::from_secs(u64::from(call / 16)));
                self.ask(client.request(now, Ping { to: Some(friend()) }, timeout).map(|handle| handle.id()));
            }
            5 => {
                let _ = client.authenticate(now, password());
            }
            6 => {
                let _ = client.secured(now, TlsInfo::default());
            }
            7 => client.close(now),
            8 => {
                if let Some(iq) = self.iqs.pop() {
                    self.note(client.refuse(now, &iq));
                }
            }
            9 => self.note(client.send(now, Message::chat(friend(), &"long ".repeat(usize::from(call) * 4)))),
            10 => {
                let mut stanza = Stanza::Message(Message::chat(friend(), "forged"));
                stanza.set_from(Some(friend()));
                assert!(client.send(now, stanza).is_err(), "only what is ours");
            }
            11 => {
                let disco = DiscoInfo { to: Some(friend()), node: None };
                self.ask(client.request(now, disco, None).map(|handle| handle.id()));
            }
            12 if call < 128 => {
                let _ = client.authenticate(now, Credentials::Anonymous);
            }
            12 => self.look_after(client, now, call / 16 % 8),
            13 => {
                let _ = client.authenticate(now, Credentials::External);
            }
            14 => {
                if let Some(iq) = self.iqs.pop() {
                    let error = StanzaError::new(stanza::Condition::Forbidden);
                    self.note(client.respond(now, &iq, Err(error)));
                }
            }
            _ => {
                // A mailbox full of them, which must fit or be refused.
                for _ in 0..20 {
                    self.note(client.send(now, Message::chat(friend(), &"many ".repeat(100))));
                }
            }
        }
    }

    /// What concerns people.
    fn look_after(&mut self, client: &mut Client, now: Now, call: u8) {
        let romeo = BareJid::new("romeo@example.net").expect("an address");
        match call {
            0 => self.fetched += u32::from(client.fetch_roster(now, None).is_ok()),
            1 => {
                let item = Item::new(romeo.into()).with_name("Romeo");
                let cached = Roster::cached("v", [item]);
                self.fetched += u32::from(client.fetch_roster(now, Some(cached)).is_ok());
            }
            2 => self.fetched += u32::from(client.fetch_block_list(now).is_ok()),
            3 => self.note(client.subscribe(now, &romeo, Some("It is I"))),
            4 => self.note(client.approve(now, &romeo)),
            5 => self.note(client.deny(now, &romeo)),
            6 => self.note(client.pre_approve(now, &romeo)),
            _ => client.note_activity(now),
        }
    }

    fn ask(&mut self, result: Result<RequestId, SendError>) {
        if let Ok(id) = result {
            assert!(self.requests.insert(id), "ids are not used twice");
        }
    }

    fn check_promises(&self) {
        assert_eq!(self.fetched, 0, "each roster and block list comes or is refused");
        let once = |count: &u32| *count == 1;
        assert!(self.stanzas_done.values().all(once) && self.requests_done.values().all(once));
        assert!(self.stanzas_done.keys().eq(self.stanzas.iter()), "each stanza is sent or given back");
        assert!(self.requests_done.keys().eq(self.requests.iter()), "each request ends");
    }
}
