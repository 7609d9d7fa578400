//! Every adapter's client against every adapter's server, over loopback sockets: one suite, one instance for each pair.

mod last_out;
mod resumption;
mod runtimes;
mod sessions;
mod two_threads;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use waxwing_core::client::{Config, Environment, Error, Event, TlsMode};
use waxwing_core::jid::Jid;
use waxwing_core::ns;
use waxwing_core::sasl::Credentials;
use waxwing_core::server::connection::{self, Transport};
use waxwing_core::stanza::{Message, MessageType, Presence, PresenceType};
use waxwing_core::stream::Condition;
use waxwing_core::stream::bind2::ClientState;
use waxwing_core::stream::tls::ClientTls;
use waxwing_core::xml::Element;
use waxwing_std::door::Limits;
use waxwing_tests::{Account, SelfSigned, loopback};

use runtimes::{
    AsyncStdClient, AsyncStdServer, Serves, SmolClient, SmolServer, StdClient, StdDuplex, StdServer, Talks,
    TokioClient, TokioServer,
};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// More than one, so that stanzas cross between them.
const SHARDS: u32 = 3;

/// A running server with the accounts `alice` and `bob`.
struct World<S> {
    server: S,
    address: SocketAddr,
    tls: ClientTls,
    /// TLS begins with the first byte.
    direct: bool,
}

impl<S: Serves> World<S> {
    fn new(change: impl FnOnce(&mut connection::Config)) -> World<S> {
        World::with(Limits::default(), change)
    }

    fn with(limits: Limits, change: impl FnOnce(&mut connection::Config)) -> World<S> {
        World::with_accounts(&["alice", "bob"], limits, Transport::Plain, change)
    }

    fn with_accounts(
        names: &[&str],
        limits: Limits,
        transport: Transport,
        change: impl FnOnce(&mut connection::Config),
    ) -> World<S> {
        let identity = SelfSigned::new(&["localhost"]);
        let mut config = loopback::config(&identity);
        change(&mut config);
        let direct = transport == Transport::DirectTls;
        let (server, address) = S::start(loopback::shards(SHARDS, names), config, limits, transport);
        World { server, address, tls: identity.client_tls(), direct }
    }

    fn log_in<C: Talks>(&self, name: &str, resource: &str) -> C {
        let account = Account::new(name, "localhost");
        let jid = account.jid().with_resource(resource).unwrap();
        let tls = self.tls.clone();
        let tls = if self.direct { TlsMode::Direct(tls) } else { TlsMode::StartTls(tls) };
        let mut config = Config::new(jid.into(), tls);
        config.credentials =
            Some(Credentials::Password { username: account.local, password: account.password });
        let mut client = C::connect(self.address, config);
        match client.event() {
            Event::Online(_) => client,
            other => panic!("{other:?}"),
        }
    }
}

fn jid(text: &str) -> Jid {
    Jid::new(text).unwrap()
}

fn message(client: &mut impl Talks) -> Message {
    loop {
        match client.event() {
            Event::Message(message) => return message,
            Event::Closed(how) => panic!("{how:?}"),
            _ => {}
        }
    }
}

fn closed(client: &mut impl Talks) -> Result<(), Error> {
    loop {
        if let Event::Closed(how) = client.event() {
            return how;
        }
    }
}

/// Sends `count` messages of about `size` bytes each, and lets the client work until the server has all of them.
fn send_many(client: &mut impl Talks, to: &str, count: usize, size: usize) {
    let mut waiting = 0;
    for n in 0..count {
        let body = format!("{n} {}", "x".repeat(size));
        client.tell(|client, now| client.send(now, Message::chat(jid(to), &body))).unwrap();
        waiting += 1;
        while waiting == 50 || n + 1 == count && waiting > 0 {
            if let Event::Acknowledged(_) = client.event() {
                waiting -= 1;
            }
        }
    }
}

/// Nothing is lost, and what one client sends another receives in order (RFC 6120 section 10.1).
fn messages_arrive_in_order<S: Serves, C: Talks>() {
    let world = World::<S>::new(|_| ());
    let mut alice: C = world.log_in("alice", "a");
    let mut bob: C = world.log_in("bob", "b");
    for _ in 0..3 {
        send_many(&mut alice, "bob@localhost/b", 200, 1000);
        for n in 0..200 {
            let received = message(&mut bob);
            assert_eq!(received.from().unwrap().as_str(), "alice@localhost/a");
            assert!(received.body(None).unwrap().starts_with(&format!("{n} ")), "message {n}");
        }
        send_many(&mut bob, "alice@localhost/a", 1, 10);
        message(&mut alice);
    }
    for client in [&mut alice, &mut bob] {
        client.tell(|client, now| client.close(now));
        assert_eq!(closed(client), Ok(()));
    }
    assert!(world.server.shutdown());
}

/// However a connection ends, its session ends, and the account's other resources learn of it (RFC 6121 section 4.5).
fn a_lost_connection_ends_the_session<S: Serves, C: Talks>() {
    let world = World::<S>::new(|_| ());
    let mut one: C = world.log_in("alice", "one");
    let mut two: C = world.log_in("alice", "two");
    let available = || Presence::builder(PresenceType::Available).build();
    one.tell(|client, now| client.send(now, available())).unwrap();
    two.tell(|client, now| client.send(now, available())).unwrap();
    let mut hear = |kind| loop {
        if let Event::Presence(presence) = one.event() {
            let from = presence.from().unwrap().as_str().to_owned();
            if from == "alice@localhost/two" && presence.kind() == kind {
                return;
            }
        }
    };
    // The second one needs a turn to send its presence.
    two.tell(|client, now| client.send(now, Message::chat(jid("alice@localhost/two"), "to myself"))).unwrap();
    message(&mut two);
    hear(PresenceType::Available);
    drop(two);
    hear(PresenceType::Unavailable);
}

/// For those who want to send much in a short time.
fn at_full_speed(config: &mut connection::Config) {
    config.authenticated.max_queued = 256 << 10;
    config.authenticated.rate.burst = 1 << 30;
    config.authenticated.rate.rate = 1 << 30;
}

/// A client that does not read is closed once too much waits for it; nobody else is held up.
fn a_slow_reader_hurts_only_itself<S: Serves, C: Talks>() {
    let world = World::<S>::new(at_full_speed);
    let mut alice: C = world.log_in("alice", "a");
    let mut slow: C = world.log_in("bob", "slow");
    let mut quick: C = world.log_in("bob", "quick");
    // More than the socket buffers and the queue take together.
    send_many(&mut alice, "bob@localhost/slow", 160, 100_000);
    send_many(&mut alice, "bob@localhost/quick", 1, 10);
    message(&mut quick);
    match closed(&mut slow) {
        Err(Error::Stream(error)) => assert_eq!(error.condition(), &Condition::ResourceConstraint),
        // What was in the socket's way may have kept the error from getting out.
        Err(Error::Environment(_)) => {}
        other => panic!("{other:?}"),
    }
}

/// A server that stops tells every client so (RFC 6120 section 4.9.3.20).
fn shutdown_says_so<S: Serves, C: Talks>() {
    let world = World::<S>::new(|_| ());
    let mut alice: C = world.log_in("alice", "a");
    let ended = std::thread::scope(|scope| {
        let stopping = scope.spawn(|| world.server.shutdown());
        match closed(&mut alice) {
            Err(Error::Stream(error)) => assert_eq!(error.condition(), &Condition::SystemShutdown),
            other => panic!("{other:?}"),
        }
        drop(alice);
        stopping.join().unwrap()
    });
    assert!(ended);
}

/// What a message to an account that does not exist gets is an error, also across shards (RFC 6121 section 8.5.1).
fn nobody_there_is_an_error<S: Serves, C: Talks>() {
    let world = World::<S>::new(|_| ());
    let mut alice: C = world.log_in("alice", "a");
    for nobody in ["nobody@localhost", "no-one@localhost/none"] {
        alice.tell(|client, now| client.send(now, Message::chat(jid(nobody), "are you there?"))).unwrap();
        let reply = message(&mut alice);
        assert_eq!(reply.kind(), MessageType::Error);
        assert_eq!(reply.from(), Some(&jid(nobody)));
    }
}

/// What can wait is held back from a client that nobody looks at, and comes before what cannot. All servers share what tells
/// the hub.
#[test]
fn xep0352_3_2_what_can_wait_waits_for_who_is_inactive() {
    let world = World::<StdServer>::new(|_| ());
    let (mut alice, mut bob): (StdClient, StdClient) = (world.log_in("alice", "a"), world.log_in("bob", "b"));
    alice.tell(|client, now| client.set_state(now, ClientState::Inactive));
    // What is acknowledged came after it.
    send_many(&mut alice, "bob@localhost/b", 1, 1);
    for status in ["one", "two"] {
        let presence = Presence::builder(PresenceType::Available).to(jid("alice@localhost/a"));
        let presence = presence.child(Element::builder("status", ns::CLIENT).text(status)).build();
        bob.tell(|client, now| client.send(now, presence)).unwrap();
    }
    send_many(&mut bob, "alice@localhost/a", 1, 1);
    let mut got = Vec::new();
    while got.len() < 2 {
        match alice.event() {
            Event::Presence(presence) => got.push(presence.status(None).unwrap().into_owned()),
            Event::Message(message) => got.push(message.body(None).unwrap().into_owned()),
            Event::Closed(how) => panic!("{how:?}"),
            _ => {}
        }
    }
    assert_eq!(got, ["two", "0 x"]);
}

/// A client that never reads is closed and given up: it holds neither memory nor a socket of the server's for good.
fn a_peer_that_reads_no_more_is_given_up<S: Serves>() {
    let limits = Limits { last_words: Duration::from_millis(100), ..Limits::default() };
    let world = World::<S>::with(limits, at_full_speed);
    let mut alice: StdClient = world.log_in("alice", "a");
    let slow: StdClient = world.log_in("bob", "slow");
    send_many(&mut alice, "bob@localhost/slow", 160, 100_000);
    drop(alice);
    // All connections have ended, and so has this one, though its socket is open and full.
    assert!(world.server.shutdown());
    drop(slow);
}

/// More connections from one address than are allowed are closed, until there is room again.
fn connections_from_one_address_are_limited<S: Serves>() {
    let world = World::<S>::with(Limits { per_address: 1, ..Limits::default() }, |_| ());
    let first: StdClient = world.log_in("alice", "a");
    let mut second = TcpStream::connect(world.address).unwrap();
    second.set_read_timeout(Some(PATIENCE)).unwrap();
    let end = second.read(&mut [0; 1]);
    assert!(matches!(end, Ok(0)) || end.is_err_and(|e| e.kind() == ErrorKind::ConnectionReset));
    drop(first);
    loop {
        let mut third = TcpStream::connect(world.address).unwrap();
        third.set_read_timeout(Some(PATIENCE)).unwrap();
        // What is let in is answered, the rest is closed.
        if third.write_all(b"<x/>").is_ok() && third.read(&mut [0; 1]).is_ok_and(|n| n == 1) {
            return;
        }
    }
}

/// Connections that say nothing keep nobody out.
fn silent_connections_make_room<S: Serves>() {
    let limits = Limits { negotiating: 3, haste: Duration::ZERO, ..Limits::default() };
    let world = World::<S>::with(limits, |_| ());
    let silent: Vec<TcpStream> = (0..8).map(|_| TcpStream::connect(world.address).unwrap()).collect();
    let client: StdClient = world.log_in("alice", "a");
    drop(client);
    let mut said = Vec::new();
    let mut first = &silent[0];
    first.set_read_timeout(Some(PATIENCE)).unwrap();
    first.read_to_end(&mut said).unwrap();
    assert!(String::from_utf8(said).unwrap().contains("<resource-constraint "));
}

/// TLS from the first byte (XEP-0368), both ways.
fn direct_tls_carries_messages<S: Serves, C: Talks>() {
    let world = World::<S>::with_accounts(&["alice", "bob"], Limits::default(), Transport::DirectTls, |_| ());
    let (mut alice, mut bob): (C, C) = (world.log_in("alice", "a"), world.log_in("bob", "b"));
    send_many(&mut alice, "bob@localhost/b", 1, 100_000);
    message(&mut bob);
    send_many(&mut bob, "alice@localhost/a", 1, 100_000);
    message(&mut alice);
}

/// A connection that is cut in the middle of a stanza is the client's to hear of (RFC 6120 section 4.4).
fn a_client_hears_that_its_connection_was_cut<C: Talks>() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let cut = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        // Without having read all of what the client says, so that the connection is reset.
        socket.read_exact(&mut [0; 10]).unwrap();
        socket.write_all(b"<?xml version='1.0'?><stream:strea").unwrap();
    });
    let mut config = Config::new(jid("alice@localhost"), TlsMode::StartTls(trusts_nobody()));
    config.credentials = None;
    let mut client = C::connect(address, config);
    assert_eq!(closed(&mut client), Err(Error::Environment(Environment::Disconnected)));
    cut.join().unwrap();
}

fn trusts_nobody() -> ClientTls {
    SelfSigned::new(&["localhost"]).client_tls()
}

/// Many clients at once: each has a session, each hears from its neighbour, and all are told when the server stops.
fn many_clients_are_served<S: Serves, C: Talks>() {
    const CLIENTS: usize = 32;
    let names: Vec<String> = (0..CLIENTS).map(|n| format!("client-{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let world = World::<S>::with_accounts(&names, Limits::default(), Transport::Plain, |_| ());
    let mut clients: Vec<C> = names.iter().map(|name| world.log_in(name, "r")).collect();
    // What comes while a client still sends counts too.
    let mut received = [0; CLIENTS];
    for (n, client) in clients.iter_mut().enumerate() {
        let to = jid(&format!("client-{}@localhost/r", (n + 1) % CLIENTS));
        client.tell(|client, now| client.send(now, Message::chat(to, "hello"))).unwrap();
        loop {
            match client.event() {
                Event::Sent(_) => break,
                Event::Message(_) => received[n] += 1,
                _ => {}
            }
        }
    }
    for (client, received) in clients.iter_mut().zip(received) {
        if received == 0 {
            assert_eq!(message(client).body(None).unwrap(), "hello");
        }
    }
    std::thread::scope(|scope| {
        let stopping = scope.spawn(|| world.server.shutdown());
        for client in &mut clients {
            assert!(matches!(closed(client), Err(Error::Stream(_))));
        }
        drop(clients);
        assert!(stopping.join().unwrap());
    });
}

macro_rules! suite {
    ($($name:ident: $server:ty, $client:ty;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn rfc6120_10_1_messages_arrive_in_order() {
                super::messages_arrive_in_order::<$server, $client>();
            }

            #[test]
            fn rfc6121_4_5_a_lost_connection_ends_the_session() {
                super::a_lost_connection_ends_the_session::<$server, $client>();
            }

            #[test]
            fn rfc6120_4_9_3_17_a_slow_reader_hurts_only_itself() {
                super::a_slow_reader_hurts_only_itself::<$server, $client>();
            }

            #[test]
            fn rfc6120_4_9_3_20_shutdown_says_so() {
                super::shutdown_says_so::<$server, $client>();
            }

            #[test]
            fn xep0368_direct_tls_carries_messages() {
                super::direct_tls_carries_messages::<$server, $client>();
            }

            #[test]
            fn rfc6120_10_5_4_nobody_there_is_an_error() {
                super::nobody_there_is_an_error::<$server, $client>();
            }
        }
    )*};
}

macro_rules! limits {
    ($($name:ident: $server:ty, $client:ty;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn rfc6120_4_4_a_client_hears_that_its_connection_was_cut() {
                super::a_client_hears_that_its_connection_was_cut::<$client>();
            }

            #[test]
            fn many_clients_are_served() {
                super::many_clients_are_served::<$server, $client>();
            }

            #[test]
            fn rfc6120_4_9_3_17_a_peer_that_reads_no_more_is_given_up() {
                super::a_peer_that_reads_no_more_is_given_up::<$server>();
            }

            #[test]
            fn rfc6120_13_12_connections_from_one_address_are_limited() {
                super::connections_from_one_address_are_limited::<$server>();
            }

            #[test]
            fn xep0198_5_all_that_may_wait_comes_back() {
                resumption::all_that_may_wait_comes_back::<$server>();
            }

            #[test]
            fn xep0198_5_a_session_is_resumed_over_another_connection() {
                resumption::a_session_is_resumed_over_another_connection::<$server>();
            }

            #[test]
            fn xep0198_5_a_session_moves() {
                resumption::a_session_moves::<$server>();
            }

            #[test]
            fn xep0198_10_nobody_else_resumes_a_session() {
                resumption::nobody_else_resumes_a_session::<$server>();
            }

            #[test]
            fn rfc6120_13_12_silent_connections_make_room() {
                super::silent_connections_make_room::<$server>();
            }
        }
    )*};
}

limits! {
    std_server: StdServer, StdClient;
    std_duplex: StdServer, StdDuplex;
    tokio_server: TokioServer, TokioClient;
    smol_server: SmolServer, SmolClient;
    async_std_server: AsyncStdServer, AsyncStdClient;
}

suite! {
    std_server_std_client: StdServer, StdClient;
    std_server_std_duplex: StdServer, StdDuplex;
    tokio_server_std_duplex: TokioServer, StdDuplex;
    std_server_tokio_client: StdServer, TokioClient;
    tokio_server_std_client: TokioServer, StdClient;
    tokio_server_tokio_client: TokioServer, TokioClient;
    smol_server_smol_client: SmolServer, SmolClient;
    smol_server_tokio_client: SmolServer, TokioClient;
    tokio_server_smol_client: TokioServer, SmolClient;
    async_std_server_async_std_client: AsyncStdServer, AsyncStdClient;
    async_std_server_std_client: AsyncStdServer, StdClient;
    std_server_async_std_client: StdServer, AsyncStdClient;
}
