//! A server of the blocking adapter on this machine, for tests of programs.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use waxwing_core::jid::BareJid;
use waxwing_core::server::connection::{self, Transport};
use waxwing_core::server::hub;
use waxwing_core::server::store::MemoryStore;
use waxwing_std::server::Server;
use waxwing_std::shards::Shards;
use waxwing_std::{Clock, entropy};

use crate::{Account, Random, SelfSigned};

/// The hub of a server for `localhost`, in so many shards, with these accounts in memory ([`Account::new`]).
///
/// # Panics
///
/// If a name makes no address.
pub fn shards(count: u32, names: &[&str]) -> Arc<Shards> {
    let mut memory = MemoryStore::new();
    for name in names {
        let account = Account::new(name, "localhost");
        memory.insert(account.jid(), account.record(&mut Random::new(1)));
    }
    let memory = Mutex::new(memory);
    let store = move |request| Err(memory.lock().expect("nothing panics in a store").execute(request));
    let config = hub::Config::new(BareJid::new("localhost").expect("an address"));
    let hubs = Shards::hubs(&config, count, &mut entropy().expect("the system has randomness"));
    Shards::new(hubs, Box::new(store), Clock::start(), None)
}

/// What a server for `localhost` with this certificate is told about its connections.
///
/// # Panics
///
/// Not for certificates made by [`SelfSigned`].
pub fn config(identity: &SelfSigned) -> connection::Config {
    let mut config = connection::Config::new([BareJid::new("localhost").expect("an address")], [7; 32]);
    config.tls = Some(identity.server_tls());
    config
}

/// A running server for `localhost`. Dropping it stops it.
#[derive(Debug)]
pub struct Loopback {
    server: Arc<Server>,
    /// Where it takes clients, with STARTTLS.
    pub address: SocketAddr,
    /// What it shows.
    pub identity: SelfSigned,
}

impl Loopback {
    /// A server with these accounts.
    ///
    /// # Panics
    ///
    /// If the system has no sockets, threads or randomness left.
    pub fn start(names: &[&str]) -> Loopback {
        let identity = SelfSigned::new(&["localhost"]);
        let server = Server::new(shards(1, names), entropy().expect("randomness")).expect("a thread");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let config = Arc::new(config(&identity));
        let address = server.listen(listener, config, Transport::Plain).expect("a thread");
        Loopback { server, address, identity }
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.server.shutdown(Duration::ZERO);
    }
}
