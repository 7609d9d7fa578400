//! The adapters, as the suite sees them.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use tokio::runtime::Runtime;
use waxwing_core::client::{Client, Config, Event};
use waxwing_core::machine::Now;
use waxwing_core::server::connection::{self, Transport};
use waxwing_std::door::Limits;
use waxwing_std::shards::Shards;
use waxwing_std::{Clock, entropy};

use crate::PATIENCE;

/// A server of some adapter.
pub(crate) trait Serves: Sized + Sync {
    fn start(
        shards: Arc<Shards>,
        config: connection::Config,
        limits: Limits,
        transport: Transport,
    ) -> (Self, SocketAddr);
    fn shutdown(&self) -> bool;
}

pub(crate) struct StdServer(Arc<waxwing_std::server::Server>);

impl Serves for StdServer {
    fn start(
        shards: Arc<Shards>,
        config: connection::Config,
        limits: Limits,
        transport: Transport,
    ) -> (StdServer, SocketAddr) {
        let server = waxwing_std::server::Server::with_limits(shards, entropy().unwrap(), limits).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = server.listen(listener, Arc::new(config), transport).unwrap();
        (StdServer(server), address)
    }

    fn shutdown(&self) -> bool {
        self.0.shutdown(PATIENCE)
    }
}

pub(crate) struct TokioServer(Runtime, Arc<waxwing_tokio::Server>);

impl Serves for TokioServer {
    fn start(
        shards: Arc<Shards>,
        config: connection::Config,
        limits: Limits,
        transport: Transport,
    ) -> (TokioServer, SocketAddr) {
        let runtime = Runtime::new().unwrap();
        let server = waxwing_tokio::Server::with_limits(shards, entropy().unwrap(), None, limits).unwrap();
        let address = runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            server.listen(listener, Arc::new(config), transport);
            address
        });
        (TokioServer(runtime, server), address)
    }

    fn shutdown(&self) -> bool {
        self.0.block_on(self.1.shutdown(PATIENCE))
    }
}

/// A client of some adapter.
pub(crate) trait Talks: Sized {
    fn connect(address: SocketAddr, config: Config) -> Self;
    fn event(&mut self) -> Event;
    fn tell<R>(&mut self, f: impl FnOnce(&mut Client, Now) -> R) -> R;
}

pub(crate) struct StdClient(waxwing_std::Driver<Client>);

impl Talks for StdClient {
    fn connect(address: SocketAddr, config: Config) -> StdClient {
        let clock = Clock::start();
        let client = Client::new(config, clock.now(), entropy().unwrap());
        let socket = TcpStream::connect(address).unwrap();
        StdClient(waxwing_std::Driver::new(client, socket, clock).unwrap())
    }

    fn event(&mut self) -> Event {
        self.0.next_event(Some(PATIENCE)).unwrap().expect("an event in time")
    }

    fn tell<R>(&mut self, f: impl FnOnce(&mut Client, Now) -> R) -> R {
        let now = self.0.clock().now();
        f(self.0.machine_mut(), now)
    }
}

/// Two threads for each client, and as many for each server connection.
pub(crate) struct StdDuplex(pub(crate) waxwing_std::Duplex<Client>);

impl Talks for StdDuplex {
    fn connect(address: SocketAddr, config: Config) -> StdDuplex {
        let clock = Clock::start();
        let client = Client::new(config, clock.now(), entropy().unwrap());
        let socket = TcpStream::connect(address).unwrap();
        StdDuplex(waxwing_std::Duplex::new(client, socket, clock).unwrap())
    }

    fn event(&mut self) -> Event {
        self.0.next_event(Some(PATIENCE)).expect("an event in time")
    }

    fn tell<R>(&mut self, f: impl FnOnce(&mut Client, Now) -> R) -> R {
        self.0.tell(f)
    }
}

pub(crate) struct TokioClient(Runtime, waxwing_tokio::Driver<Client>);

impl Talks for TokioClient {
    fn connect(address: SocketAddr, config: Config) -> TokioClient {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let clock = Clock::start();
        let client = Client::new(config, clock.now(), entropy().unwrap());
        let driver = runtime.block_on(async {
            let socket = tokio::net::TcpStream::connect(address).await.unwrap();
            waxwing_tokio::Driver::new(client, socket, clock).unwrap()
        });
        TokioClient(runtime, driver)
    }

    fn event(&mut self) -> Event {
        let next = async { tokio::time::timeout(PATIENCE, self.1.next_event()).await };
        self.0.block_on(next).expect("an event in time").expect("not finished")
    }

    fn tell<R>(&mut self, f: impl FnOnce(&mut Client, Now) -> R) -> R {
        let now = self.1.clock().now();
        f(self.1.machine_mut(), now)
    }
}

pub(crate) struct SmolServer(Arc<waxwing_smol::Server>);

impl Serves for SmolServer {
    fn start(
        shards: Arc<Shards>,
        config: connection::Config,
        limits: Limits,
        transport: Transport,
    ) -> (SmolServer, SocketAddr) {
        let server = waxwing_smol::Server::with_limits(shards, entropy().unwrap(), None, limits).unwrap();
        let address = smol::block_on(async {
            let listener = smol::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            server.listen(listener, Arc::new(config), transport);
            address
        });
        (SmolServer(server), address)
    }

    fn shutdown(&self) -> bool {
        smol::block_on(self.0.shutdown(PATIENCE))
    }
}

pub(crate) struct SmolClient(waxwing_smol::Driver<Client>);

impl Talks for SmolClient {
    fn connect(address: SocketAddr, config: Config) -> SmolClient {
        let clock = Clock::start();
        let client = Client::new(config, clock.now(), entropy().unwrap());
        let socket = smol::block_on(smol::net::TcpStream::connect(address)).unwrap();
        SmolClient(waxwing_smol::Driver::new(client, socket, clock).unwrap())
    }

    fn event(&mut self) -> Event {
        let next = smol::future::or(async { Some(self.0.next_event().await) }, async {
            smol::Timer::after(PATIENCE).await;
            None
        });
        smol::block_on(next).expect("an event in time").expect("not finished")
    }

    fn tell<R>(&mut self, f: impl FnOnce(&mut Client, Now) -> R) -> R {
        let now = self.0.clock().now();
        f(self.0.machine_mut(), now)
    }
}

pub(crate) struct AsyncStdServer(Arc<waxwing_async_std::Server>);

impl Serves for AsyncStdServer {
    fn start(
        shards: Arc<Shards>,
        config: connection::Config,
        limits: Limits,
        transport: Transport,
    ) -> (AsyncStdServer, SocketAddr) {
        let server =
            waxwing_async_std::Server::with_limits(shards, entropy().unwrap(), None, limits).unwrap();
        let address = async_std::task::block_on(async {
            let listener = async_std::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            server.listen(listener, Arc::new(config), transport);
            address
        });
        (AsyncStdServer(server), address)
    }

    fn shutdown(&self) -> bool {
        async_std::task::block_on(self.0.shutdown(PATIENCE))
    }
}

pub(crate) struct AsyncStdClient(waxwing_async_std::Driver<Client>);

impl Talks for AsyncStdClient {
    fn connect(address: SocketAddr, config: Config) -> AsyncStdClient {
        let clock = Clock::start();
        let client = Client::new(config, clock.now(), entropy().unwrap());
        let socket = async_std::task::block_on(async_std::net::TcpStream::connect(address)).unwrap();
        AsyncStdClient(waxwing_async_std::Driver::new(client, socket, clock).unwrap())
    }

    fn event(&mut self) -> Event {
        let next = async { async_std::future::timeout(PATIENCE, self.0.next_event()).await.ok() };
        async_std::task::block_on(next).expect("an event in time").expect("not finished")
    }

    fn tell<R>(&mut self, f: impl FnOnce(&mut Client, Now) -> R) -> R {
        let now = self.0.clock().now();
        f(self.0.machine_mut(), now)
    }
}
