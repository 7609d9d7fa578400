//! Anything at all happens to a server's [`Connection`].
//!
//! Settings: bit 1 the transport is secured already; 2 STARTTLS is offered; 3 TLS is required; 4 weak mechanisms are on; 5 the
//! owner answers only by calls; 6 tight limits; 8 to 10 how the proper client authenticates; 11 and 12 keep-alive;
//! 13 the second time the owner acts after each piece.

use crate::proper::{DOMAIN, answer, tls_info};
use crate::{Pieces, Player, ProperClient, Script, Step, assert_same, bit, duration, flood, login, start};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use waxwing_core::jid::{FullJid, Jid};
use waxwing_core::machine::{Entropy, Machine, Now};
use waxwing_core::sasl::{self, StoredCredentials};
use waxwing_core::server::bind::Granted;
use waxwing_core::server::connection::{Config, Connection, Event, KeepAlive, Transport};
use waxwing_core::server::hub::Unavailable;
use waxwing_core::stanza::{self, Message, Stanza, StanzaError};
use waxwing_core::stream::{Condition, Limits, StreamError};
use waxwing_core::xml::Element;

/// Plays the script, twice: how the peer's bytes are cut must change nothing.
pub fn play(script: &Script<'_>) {
    let whole = Play::new(script.settings, Pieces::Whole).play(&script.steps);
    let pieces = if bit(script.settings, 13) { Pieces::Drained } else { Pieces::Small };
    let small = Play::new(script.settings, pieces).play(&script.steps);
    // Whoever acts in time needs less room for what waits.
    let is_full = |log: &[String]| log.last().is_some_and(|end| end.contains("ResourceConstraint"));
    if pieces == Pieces::Small || !is_full(&whole.log) {
        assert_eq!(whole.log, small.log, "split into small pieces");
        assert_same(&whole.wire.sent, &small.wire.sent);
    }
}

/// What the proper client says in this script, step by step.
pub fn record(script: &Script<'_>) -> Vec<Vec<u8>> {
    Play::new(script.settings, Pieces::Whole).run(&script.steps).transcript
}

/// A configuration that the settings describe, and how much may wait to be sent.
pub fn config(settings: [u8; 2]) -> (Config, usize) {
    let mut config = Config::new([DOMAIN.parse().expect("a domain")], [7; 32]);
    config.start_tls_outside = bit(settings, 2);
    config.sasl.require_tls = bit(settings, 3);
    config.sasl.iterations = 1;
    if bit(settings, 4) {
        config.sasl.plain_without_tls = true;
        config.sasl.anonymous = true;
        config.sasl.oauthbearer = true;
    }
    if bit(settings, 6) {
        for limits in [&mut config.unauthenticated, &mut config.authenticated] {
            limits.xml.max_bytes = 1000;
            limits.xml.max_depth = 5;
            limits.max_queued = 2500;
        }
    }
    config.keep_alive = match settings[1] >> 3 & 3 {
        0 => config.keep_alive,
        1 => KeepAlive::Off,
        2 => KeepAlive::Whitespace { every: Duration::from_secs(30) },
        _ => KeepAlive::Ping { after: Duration::from_secs(5), patience: Duration::from_secs(5) },
    };
    // Whatever is queued, a header and the error that ends the stream still fit in.
    let queued = config.unauthenticated.max_queued.max(config.authenticated.max_queued) + (24 << 10);
    (config, queued)
}

/// The transport that the settings describe.
pub fn transport(settings: [u8; 2]) -> Transport {
    if bit(settings, 1) { Transport::Secured(tls_info()) } else { Transport::Plain }
}

struct Play {
    player: Player<Connection>,
    owner: Owner,
    client: ProperClient,
    pieces: Pieces,
    lazy: u8,
    /// Nothing has happened since the owner acted.
    is_drained: bool,
    /// How much of what was sent the client has heard.
    heard: usize,
    transcript: Vec<Vec<u8>>,
}

/// Who answers the connection's questions.
struct Owner {
    answers: bool,
    /// What has been asked and not answered.
    open: VecDeque<Event>,
    /// There is a session, or there has been one, or perhaps not: somebody has said so.
    is_bound: bool,
    /// More bytes have come already. They must not be taken for what comes after a handshake, so there is none yet.
    in_the_middle: bool,
}

impl Play {
    fn new(settings: [u8; 2], pieces: Pieces) -> Play {
        let (config, most_queued) = config(settings);
        let connection =
            Connection::new(Arc::new(config), transport(settings), Entropy::from_seed([9; 32]), start());
        let owner = Owner {
            answers: !bit(settings, 5),
            open: VecDeque::new(),
            is_bound: false,
            in_the_middle: false,
        };
        let client = ProperClient::new(settings, 0, start());
        Play {
            player: Player::new(connection, most_queued),
            owner,
            client,
            pieces,
            lazy: 0,
            is_drained: true,
            heard: 0,
            transcript: Vec::new(),
        }
    }

    fn play(self, steps: &[Step<'_>]) -> Player<Connection> {
        self.run(steps).player
    }

    fn run(mut self, steps: &[Step<'_>]) -> Play {
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
            Step::Send(bytes) => self.receive(bytes),
            Step::Flood(times, bytes) => self.receive(&flood(times, bytes)),
            Step::Peer(n) => {
                let bytes = self.client.say(n);
                self.transcript.push(bytes.clone());
                self.receive(&bytes);
            }
            Step::Wish(wish) => self.client.wish(now, wish),
            Step::Call(call) => {
                if call % 16 == 9 {
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
        if matches!(step, Step::Wait(_) | Step::Deadline) {
            self.client.tick(self.player.now);
        }
    }

    fn receive(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (piece, rest) = bytes.split_at(self.pieces.size(bytes.len()));
            self.player.machine.receive(self.player.now, piece);
            bytes = rest;
            if self.pieces == Pieces::Drained && self.is_drained && !bytes.is_empty() {
                self.owner.in_the_middle = true;
                self.drain();
                self.owner.in_the_middle = false;
            }
        }
    }

    fn drain(&mut self) {
        let owner = &mut self.owner;
        if owner.answers && !owner.in_the_middle && !owner.open.is_empty() {
            // Put off until now; what went before goes out first.
            self.player.drain(|connection, now, event| owner.on_event(connection, now, event));
            owner.answer(&mut self.player.machine, self.player.now);
        }
        if owner.answers && !owner.in_the_middle && !owner.open.is_empty() {
            // Put off until now; what went before goes out first.
            self.player.drain(|connection, now, event| owner.on_event(connection, now, event));
            owner.answer(&mut self.player.machine, self.player.now);
        }
        self.player.drain(|connection, now, event| owner.on_event(connection, now, event));
        let new = self.player.wire.sent.get(self.heard..).unwrap_or_default();
        self.heard = self.player.wire.sent.len();
        if !new.is_empty() {
            self.client.hear(self.player.now, new);
        }
    }

    /// What holds whenever the machine has been drained.
    fn check(&self) {
        let machine = &self.player.machine;
        let facts = machine.session_facts();
        if !self.player.has_ended() && facts.jid.is_none() && !self.owner.is_bound {
            let deadline = machine.deadline().expect("nobody may stay for long without a session");
            assert!(deadline.at.since_origin() <= Duration::from_secs(30 + 5) + self.closing_slack());
        }
        if !self.owner.is_bound {
            assert_eq!(self.player.wire.stanzas, 0, "stanzas are for sessions");
        }
        if machine.is_finished() {
            assert!(self.player.wire.is_complete(), "{}", self.player.wire.sent.escape_ascii());
        }
    }

    /// A stream that is being closed may wait for the peer to do the same, from when it was.
    fn closing_slack(&self) -> Duration {
        match self.player.machine.deadline() {
            Some(deadline) if deadline.reason == waxwing_core::machine::Reason::Close => {
                self.player.now.instant.since_origin()
            }
            _ => Duration::ZERO,
        }
    }

    /// Left alone, a connection without a session ends in time; the end of the transport ends any. After that nothing comes.
    fn finish(&mut self, steps: &[Step<'_>]) {
        for _ in 0..64 {
            self.drain();
            if self.player.machine.deadline().is_none() {
                break;
            }
            self.player.wait_for_deadline();
            self.player.check_deadline();
        }
        self.drain();
        assert!(
            self.player.has_ended() || self.owner.is_bound,
            "a connection without a session ends by itself"
        );
        self.player.machine.receive_eof(self.player.now);
        self.drain();
        assert!(self.player.has_ended() && self.player.machine.is_finished());
        assert!(self.player.wire.is_complete());
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
        assert_eq!(self.player.machine.session_facts().jid, None);
    }
}

impl Owner {
    fn on_event(&mut self, connection: &mut Connection, now: Now, event: &Event) {
        match event {
            Event::StartTls
            | Event::Lookup { .. }
            | Event::LookupTokens { .. }
            | Event::ChangeTokens { .. }
            | Event::TokenVerdict { .. }
            | Event::CertificateVerdict { .. }
            | Event::Bind { .. } => {
                self.open.push_back(event.clone());
                let is_too_early = self.in_the_middle && matches!(event, Event::StartTls);
                if self.answers && !is_too_early {
                    self.answer(connection, now);
                }
            }
            Event::Stanza(stanza) => {
                assert!(self.is_bound, "a stanza without a session");
                let from = stanza.from().expect("stamped");
                if let Some(jid) = connection.session_facts().jid {
                    assert_eq!(from.as_str(), jid.as_str());
                }
            }
            _ => {}
        }
    }

    fn answer(&mut self, connection: &mut Connection, now: Now) {
        if let Some(event) = self.open.pop_front() {
            self.is_bound |= matches!(event, Event::Bind { .. });
            answer(connection, now, &event);
        }
    }

    /// Any call at any time; most of them answer a question, if it is the one that is open.
    fn call(&mut self, connection: &mut Connection, now: Now, call: u8) {
        let error = || StreamError::new(Condition::Conflict).with_text("<&☃>");
        match call % 16 {
            0 => connection.credentials(now, Ok(Some(login()))),
            1 => connection.credentials(now, Ok(None)),
            2 => connection.credentials(now, Err(Unavailable)),
            3 => connection.credentials(now, Ok(Some(StoredCredentials { disabled: true, ..login() }))),
            4 => connection.verdict(now, Ok("juliet".to_owned())),
            5 => connection.verdict(now, Err(sasl::Condition::NotAuthorized)),
            6 => connection.verdict(now, Ok("no such@local part".to_owned())),
            7 => {
                self.is_bound = true;
                connection.bound(
                    now,
                    FullJid::new("juliet@im.example.com/balcony").expect("an address"),
                    Granted::default(),
                );
            }
            8 => connection.bind_refused(now, StanzaError::new(stanza::Condition::Conflict)),
            9 => connection.secured(now, tls_info()),
            10 => deliver(
                connection,
                now,
                "<message xmlns='jabber:client' from='a@b'><body>hi</body></message>",
            ),
            11 => {
                let message = Message::chat(Jid::new("a@b").expect("an address"), &"long ".repeat(300));
                connection.deliver(now, &Stanza::Message(message));
            }
            12 => deliver(
                connection,
                now,
                "<iq xmlns='jabber:server' xml:lang='de' xmlns:x='urn:x' type='set' id='&quot;'><x:y x:z='&lt;'/></iq>",
            ),
            13 => connection.close(now, error()),
            _ => self.answer(connection, now),
        }
    }
}

fn deliver(connection: &mut Connection, now: Now, xml: &str) {
    let element = Element::parse(xml.as_bytes(), Limits::SERVER.xml).expect("well-formed");
    connection.deliver(now, &Stanza::parse(element).expect("a stanza"));
}
