//! Every adapter's sessions, over connections that are cut on the way (RFC 6120 section 3.3, XEP-0198 section 5).

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use waxwing_core::client::session::{Reconnect, Session};
use waxwing_core::client::{Config, Environment, Error, Event, Management, TlsMode};
use waxwing_core::dns::{self, Hosts, Resolvers, Security, Target};
use waxwing_core::machine::Now;
use waxwing_core::sasl::Credentials;
use waxwing_core::stanza::Message;
use waxwing_tests::Account;

use crate::runtimes::{StdClient, StdServer};
use crate::{PATIENCE, World, closed, jid, message};

/// A session of some adapter.
pub(crate) trait Lasts: Sized {
    fn start(config: Config, policy: Reconnect, dns: dns::Config) -> Self;
    /// The next event; `None` once the session is over.
    fn event(&mut self) -> Option<Event>;
    fn tell<R>(&mut self, f: impl FnOnce(&mut Session, Now) -> R) -> R;
}

pub(crate) struct StdSession(waxwing_std::SessionDriver);

impl Lasts for StdSession {
    fn start(config: Config, policy: Reconnect, dns: dns::Config) -> StdSession {
        StdSession(waxwing_std::SessionDriver::new(config, policy, dns).unwrap())
    }

    fn event(&mut self) -> Option<Event> {
        let event = self.0.next_event(Some(PATIENCE));
        assert!(event.is_some() || self.0.session().is_over(), "an event in time");
        event
    }

    fn tell<R>(&mut self, f: impl FnOnce(&mut Session, Now) -> R) -> R {
        let now = self.0.clock().now();
        f(self.0.session_mut(), now)
    }
}

pub(crate) struct TokioSession(tokio::runtime::Runtime, waxwing_tokio::SessionDriver);

impl Lasts for TokioSession {
    fn start(config: Config, policy: Reconnect, dns: dns::Config) -> TokioSession {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        TokioSession(runtime, waxwing_tokio::SessionDriver::new(config, policy, dns).unwrap())
    }

    fn event(&mut self) -> Option<Event> {
        let next = async { tokio::time::timeout(PATIENCE, self.1.next_event()).await };
        self.0.block_on(next).expect("an event in time")
    }

    fn tell<R>(&mut self, f: impl FnOnce(&mut Session, Now) -> R) -> R {
        let now = self.1.clock().now();
        f(self.1.session_mut(), now)
    }
}

pub(crate) struct SmolSession(waxwing_smol::SessionDriver);

impl Lasts for SmolSession {
    fn start(config: Config, policy: Reconnect, dns: dns::Config) -> SmolSession {
        SmolSession(waxwing_smol::SessionDriver::new(config, policy, dns).unwrap())
    }

    fn event(&mut self) -> Option<Event> {
        let next = smol::future::or(async { Some(self.0.next_event().await) }, async {
            smol::Timer::after(PATIENCE).await;
            None
        });
        smol::block_on(next).expect("an event in time")
    }

    fn tell<R>(&mut self, f: impl FnOnce(&mut Session, Now) -> R) -> R {
        let now = self.0.clock().now();
        f(self.0.session_mut(), now)
    }
}

pub(crate) struct AsyncStdSession(waxwing_async_std::SessionDriver);

impl Lasts for AsyncStdSession {
    fn start(config: Config, policy: Reconnect, dns: dns::Config) -> AsyncStdSession {
        AsyncStdSession(waxwing_async_std::SessionDriver::new(config, policy, dns).unwrap())
    }

    fn event(&mut self) -> Option<Event> {
        let next = async { async_std::future::timeout(PATIENCE, self.0.next_event()).await.ok() };
        async_std::task::block_on(next).expect("an event in time")
    }

    fn tell<R>(&mut self, f: impl FnOnce(&mut Session, Now) -> R) -> R {
        let now = self.0.clock().now();
        f(self.0.session_mut(), now)
    }
}

/// A way to a server that can be cut.
struct Bridge {
    address: SocketAddr,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl Bridge {
    fn to(server: SocketAddr) -> Bridge {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let open = Arc::new(Mutex::new(Vec::new()));
        let sockets = Arc::clone(&open);
        std::thread::spawn(move || {
            for near in listener.incoming() {
                let (Ok(near), Ok(far)) = (near, TcpStream::connect(server)) else { return };
                sockets.lock().unwrap().extend([near.try_clone().unwrap(), far.try_clone().unwrap()]);
                carry(near.try_clone().unwrap(), far.try_clone().unwrap());
                carry(far, near);
            }
        });
        Bridge { address, open }
    }

    fn cut(&self) {
        for socket in self.open.lock().unwrap().drain(..) {
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream) {
    std::thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
}

fn start<L: Lasts>(world: &World<StdServer>, at: SocketAddr, change: impl FnOnce(&mut Reconnect)) -> L {
    let account = Account::new("alice", "localhost");
    let own = account.jid().with_resource("a").unwrap();
    let mut config = Config::new(own.into(), TlsMode::StartTls(world.tls.clone()));
    config.credentials = Some(Credentials::Password { username: account.local, password: account.password });
    config.management = Management::Resume { max: None };
    let mut policy = Reconnect::default();
    (policy.spread, policy.alone, policy.shortest) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let (host, port) = (at.ip().to_string(), at.port());
    policy.targets = vec![Target::Host { host, port, security: Security::StartTls }];
    change(&mut policy);
    L::start(config, policy, dns::Config::new(Resolvers::parse(""), Hosts::parse("")))
}

/// Nothing is lost and nothing comes twice, however often the connection is cut.
fn a_session_outlives_its_connections<L: Lasts>() {
    let world = World::<StdServer>::new(|_| ());
    let bridge = Bridge::to(world.address);
    let mut bob: StdClient = world.log_in("bob", "b");
    let mut alice: L = start(&world, bridge.address, |_| ());
    let (mut online, mut resumed) = (0, 0);
    let (mut sent, mut acknowledged) = (Vec::new(), Vec::new());
    let send = |alice: &mut L, sent: &mut Vec<_>| {
        for _ in 0..20 {
            let message = Message::chat(jid("bob@localhost/b"), &sent.len().to_string());
            sent.push(alice.tell(|session, now| session.send(now, message)).unwrap());
        }
    };
    send(&mut alice, &mut sent);
    while acknowledged.len() < 220 {
        match alice.event().expect("it is not over") {
            Event::Online(_) => online += 1,
            Event::Resumed(_) => resumed += 1,
            Event::Acknowledged(handle) => acknowledged.push(handle),
            Event::Closed(how) => panic!("{how:?}"),
            _ => {}
        }
        if acknowledged.len() == sent.len() && sent.len() < 220 {
            // Half of them before the connection breaks, half when it is broken.
            send(&mut alice, &mut sent);
            bridge.cut();
            send(&mut alice, &mut sent);
        }
    }
    assert!(acknowledged == sent, "each once and in order");
    assert_eq!((online, resumed), (1, 5));
    for n in 0..220 {
        assert_eq!(message(&mut bob).body(None).unwrap(), n.to_string());
    }
    alice.tell(|session, now| session.close(now));
    while let Some(event) = alice.event() {
        assert!(!matches!(event, Event::Closed(Err(_))), "{event:?}");
    }
    crate::Talks::tell(&mut bob, |client, now| client.close(now));
    assert_eq!(closed(&mut bob), Ok(()));
}

/// Where nobody is there it waits, and its owner can end that.
fn a_session_waits_for_a_server<L: Lasts>() {
    let world = World::<StdServer>::new(|_| ());
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut alice: L = start(&world, nobody, |_| ());
    for _ in 0..2 {
        match alice.event() {
            Some(Event::Offline { error: Some(Error::Environment(Environment::Unreachable(_))), until }) => {
                assert!(until.is_some());
            }
            other => panic!("{other:?}"),
        }
    }
    alice.tell(|session, now| session.close(now));
    assert_eq!(alice.event(), Some(Event::Closed(Ok(()))));
    assert_eq!(alice.event(), None);
}

macro_rules! sessions {
    ($($name:ident: $session:ty;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn xep0198_5_a_session_outlives_its_connections() {
                super::a_session_outlives_its_connections::<$session>();
            }

            #[test]
            fn rfc6120_3_3_a_session_waits_for_a_server() {
                super::a_session_waits_for_a_server::<$session>();
            }
        }
    )*};
}

sessions! {
    std_session: StdSession;
    tokio_session: TokioSession;
    smol_session: SmolSession;
    async_std_session: AsyncStdSession;
}
