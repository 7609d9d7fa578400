//! A server and its clients in one thread, with nothing between them but buffers.

use std::sync::Arc;
use std::time::Duration;
use waxwing_core::client::{Client, Config, TlsMode};
use waxwing_core::jid::BareJid;
use waxwing_core::machine::{Machine, Now};
use waxwing_core::sasl::{Credentials, Mechanism, ScramHash};
use waxwing_core::server::Server;
use waxwing_core::server::connection::{self, Transport};
use waxwing_core::server::hub::{self, Hub};
use waxwing_core::server::single::ConnectionId;
use waxwing_core::server::store::MemoryStore;
use waxwing_core::stream::tls::ClientTls;
use waxwing_tests::{Account, Clock, Random, SelfSigned};

use super::Meter;

pub(crate) const DOMAIN: &str = "im.example.com";

/// A server whose accounts all have the same password.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    store: MemoryStore,
    tls: Option<ClientTls>,
    credentials: Credentials,
    buffer: Vec<u8>,
}

/// A client and its connection.
pub(crate) struct Peer {
    pub(crate) client: Client,
    pub(crate) id: ConnectionId,
}

/// Whose work is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    Nobodys,
    Servers,
    Everyones,
}

impl World {
    pub(crate) fn new(accounts: usize, with_tls: bool) -> World {
        let mut random = Random::new(1);
        let made = SelfSigned::new(&[DOMAIN]);
        let domain: BareJid = DOMAIN.parse().expect("a domain");
        let mut config = connection::Config::new([domain.clone()], [7; 32]);
        config.sasl.iterations = Account::ITERATIONS;
        config.sasl.require_tls = with_tls;
        config.tls = with_tls.then(|| made.server_tls());
        let mut store = MemoryStore::new();
        let first = Account::new("user000000", DOMAIN);
        let record = first.record(&mut random);
        for n in 0..accounts {
            store.insert(address(n), record.clone());
        }
        let hub = Hub::new(hub::Config::new(domain), random.entropy());
        let server = Server::new(Arc::new(config), hub, random.entropy());
        let credentials = Credentials::Password { username: first.local, password: first.password };
        let tls = with_tls.then(|| made.client_tls());
        let clock = Clock::new();
        let mut world = World { server, clock, random, store, tls, credentials, buffer: Vec::new() };
        // What clients keep after the first login: otherwise each would derive the keys again, which takes longer than
        // everything else together.
        let peer = world.log_in(0, Whose::Nobodys, &mut Meter(&mut |task| task()));
        let keys = peer.client.keys().cloned().expect("SCRAM");
        world.credentials = Credentials::Keys { username: String::new(), keys };
        world.leave(&peer);
        world
    }

    pub(crate) fn now(&self) -> Now {
        self.clock.now()
    }

    /// Connects, negotiates, authenticates with SCRAM-SHA-256 (with TLS: SCRAM-SHA-256-PLUS after STARTTLS) and binds.
    pub(crate) fn log_in(&mut self, account: usize, whose: Whose, meter: &mut Meter<'_>) -> Peer {
        self.clock.advance(Duration::from_millis(1));
        let now = self.clock.now();
        let client =
            |world: &mut World| Client::new(world.client_config(account), now, world.random.entropy());
        let client = match whose {
            Whose::Everyones => {
                let (config, entropy) = (self.client_config(account), self.random.entropy());
                meter.run(|| Client::new(config, now, entropy))
            }
            _ => client(self),
        };
        let id = match whose {
            Whose::Nobodys => self.server.accept(now, Transport::Plain),
            _ => meter.run(|| self.server.accept(now, Transport::Plain)),
        };
        let mut peer = Peer { client, id };
        while !self.round(&mut peer, whose, meter) {}
        assert!(peer.client.is_online(), "{:?}", peer.client);
        let plus = self.tls.is_some();
        assert_eq!(peer.client.mechanism(), Some(Mechanism::Scram { hash: ScramHash::Sha256, plus }));
        peer
    }

    /// The client's connection breaks.
    pub(crate) fn leave(&mut self, peer: &Peer) {
        let now = self.clock.now();
        self.server.disconnected(now, peer.id);
        self.server.run_store(now, &mut self.store);
        while self.server.poll_event().is_some() {}
        while self.server.poll_writable().is_some() {}
    }

    /// Bytes there, bytes back. True if there were none.
    fn round(&mut self, peer: &mut Peer, whose: Whose, meter: &mut Meter<'_>) -> bool {
        let now = self.clock.now();
        let mut there = Vec::new();
        let mut speak = || {
            peer.client.transmit(&mut there);
            while peer.client.poll_event().is_some() {}
        };
        if whose == Whose::Everyones {
            meter.run(speak)
        } else {
            speak()
        }
        let mut serve = || {
            self.buffer.clear();
            if !there.is_empty() {
                self.server.receive(now, peer.id, &there);
            }
            self.server.run_store(now, &mut self.store);
            while self.server.poll_event().is_some() {}
            while let Some(id) = self.server.poll_writable() {
                self.server.transmit(id, &mut self.buffer);
            }
        };
        if whose == Whose::Nobodys {
            serve()
        } else {
            meter.run(serve)
        }
        let mut hear = || peer.client.receive(now, &self.buffer);
        if !self.buffer.is_empty() {
            if whose == Whose::Everyones { meter.run(hear) } else { hear() }
        }
        there.is_empty() && self.buffer.is_empty()
    }

    fn client_config(&self, account: usize) -> Config {
        let tls = self.tls.clone().map_or(TlsMode::Plaintext, TlsMode::StartTls);
        let mut config = Config::new(address(account).into(), tls);
        let local = format!("user{account:06}");
        config.credentials = Some(match &self.credentials {
            Credentials::Password { password, .. } => {
                Credentials::Password { username: local, password: password.clone() }
            }
            Credentials::Keys { keys, .. } => Credentials::Keys { username: local, keys: keys.clone() },
            other => other.clone(),
        });
        config.policy.excluded =
            [false, true].map(|plus| Mechanism::Scram { hash: ScramHash::Sha512, plus }).into();
        config
    }
}

pub(crate) fn address(n: usize) -> BareJid {
    format!("user{n:06}@{DOMAIN}").parse().expect("an address")
}
