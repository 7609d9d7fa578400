//! Our client at our server: TLS, authentication, stanzas between clients, and the end (RFC 6120).

use std::time::Duration;
use waxwing_core::client::{
    Client, ClientId, Config, DiscoInfo, Environment, Error, Event, Management, Ping, Refused, SendError,
    SetCarbons, TlsMode,
};
use waxwing_core::jid::{BareJid, Jid};
use waxwing_core::machine::Entropy;
use waxwing_core::sasl::{Condition, Credentials, Mechanism, ScramHash};
use waxwing_core::server::connection::{self, Transport};
use waxwing_core::server::hub;
use waxwing_core::stanza::{Message, Presence, PresenceType};
use waxwing_core::stream::tls::ClientTls;
use waxwing_tests::{Account, Conditions, SelfSigned, Simulation, Split};

const DOMAIN: &str = "im.example.com";

/// A server with TLS and the accounts juliet and romeo.
struct World {
    simulation: Simulation<Client>,
    tls: ClientTls,
}

impl World {
    fn new(seed: u64) -> World {
        World::with(seed, |_| {})
    }

    fn with(seed: u64, change: impl FnOnce(&mut connection::Config)) -> World {
        let made = SelfSigned::new(&[DOMAIN]);
        let domain: BareJid = DOMAIN.parse().expect("a domain");
        let mut config = connection::Config::new([domain.clone()], [7; 32]);
        config.tls = Some(made.server_tls());
        config.sasl.iterations = Account::ITERATIONS;
        change(&mut config);
        let mut simulation = Simulation::with_config(seed, config, hub::Config::new(domain));
        for local in ["juliet", "romeo"] {
            simulation.add_account(&Account::new(local, DOMAIN));
        }
        World { simulation, tls: made.client_tls() }
    }

    fn config(&self, local: &str) -> Config {
        let account = Account::new(local, DOMAIN);
        let mut config = Config::new(account.jid().into(), TlsMode::StartTls(self.tls.clone()));
        config.policy.min_iterations = 1;
        config.credentials =
            Some(Credentials::Password { username: account.local, password: account.password });
        config
    }

    fn connect(&mut self, config: Config) -> usize {
        let transport = match config.tls {
            TlsMode::Direct(_) => Transport::DirectTls,
            _ => Transport::Plain,
        };
        let entropy: Entropy = self.simulation.random().entropy();
        let client = Client::new(config, self.simulation.now(), entropy);
        self.simulation.connect(client, transport)
    }

    fn online(&mut self, local: &str) -> usize {
        let config = self.config(local);
        let client = self.connect(config);
        self.simulation.run_until_idle();
        assert!(self.client(client).is_online(), "{:?}", self.simulation[client].side.log);
        client
    }

    fn client(&mut self, client: usize) -> &mut Client {
        &mut self.simulation[client].side.machine
    }

    fn events(&self, client: usize) -> Vec<Event> {
        self.simulation[client].side.events().cloned().collect()
    }

    /// How a client ended: reported once and last.
    fn end(&self, client: usize) -> Result<(), Error> {
        let events = self.events(client);
        assert_eq!(events.iter().filter(|event| matches!(event, Event::Closed(_))).count(), 1, "{events:?}");
        match events.last() {
            Some(Event::Closed(end)) => end.clone(),
            other => panic!("not last: {other:?}"),
        }
    }
}

#[test]
fn rfc6120_5_starttls_then_scram_bound_to_the_channel() {
    let mut world = World::new(1);
    let juliet = world.online("juliet");
    let client = world.client(juliet);
    assert!(
        matches!(client.mechanism(), Some(Mechanism::Scram { plus: true, .. })),
        "{:?}",
        client.mechanism()
    );
    let tls = client.tls().expect("TLS");
    assert_eq!(tls.version.as_deref(), Some("TLSv1.3"));
    assert_eq!(tls.alpn, None);
    assert!(tls.bindings.tls_exporter.is_some());
    assert!(client.jid().is_some_and(|jid| jid.bare_str() == "juliet@im.example.com"));
    assert!(client.features().is_some_and(|features| features.has("ver", "urn:xmpp:features:rosterver")));
}

#[test]
fn xep0388_and_xep0484_one_login_leaves_a_token_and_the_next_resumes_with_it() {
    let mut world = World::new(21);
    let config = |world: &World| {
        let mut config = world.config("juliet");
        config.management = Management::Resume { max: None };
        config.user_agent.id = ClientId::parse("d4565fa7-4d72-4749-b3d3-740edbf87770");
        config.carbons = true;
        config
    };
    let first = config(&world);
    let first = world.connect(first);
    world.simulation.run_until_idle();
    let events = world.events(first);
    let [Event::Token(token), Event::Online(jid)] = events.as_slice() else { panic!("{events:?}") };
    assert!(world.client(first).can_resume() && world.client(first).is_managed());
    let saved = world.client(first).save().expect("resumable");
    world.simulation.cut(first);
    world.simulation.run_for(Duration::from_secs(1));
    // Another process, that has no password.
    let mut second = config(&world);
    second.credentials = None;
    second.fast_token = Some(token.clone());
    second.resume = Some(saved);
    let second = world.connect(second);
    world.simulation.run_until_idle();
    assert_eq!(world.events(second), [Event::Resumed(jid.clone())]);
    let mechanism = world.client(second).mechanism();
    assert!(matches!(mechanism, Some(Mechanism::Ht { binding: Some(_) })), "{mechanism:?}");
    world.simulation.run_for(Duration::from_secs(5));
    assert!(world.client(second).is_online());
}

#[test]
fn xep0198_7_2_much_that_was_missed_comes_along_with_the_success() {
    let mut world = World::new(22);
    let config = |world: &World| {
        let mut config = world.config("juliet");
        config.management = Management::Resume { max: None };
        config
    };
    let first = config(&world);
    let first = world.connect(first);
    let romeo = world.online("romeo");
    let saved = world.client(first).save().expect("resumable");
    world.simulation.cut(first);
    world.simulation.run_for(Duration::from_secs(1));
    let now = world.simulation.now();
    // More than fits into a stanza before authentication, and into a TLS record.
    for number in 0..200 {
        let message = Message::chat(saved.jid().clone().into(), &format!("{number} {}", "x".repeat(200)));
        world.client(romeo).send(now, message).expect("online");
    }
    world.simulation.run_for(Duration::from_secs(1));
    let mut second = config(&world);
    second.resume = Some(saved.clone());
    let second = world.connect(second);
    world.simulation.run_for(Duration::from_secs(5));
    let events = world.events(second);
    assert_eq!(events.first(), Some(&Event::Resumed(saved.jid().clone())), "{events:?}");
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Message(_))).count(), 200);
}

#[test]
fn xep0368_direct_tls() {
    let mut world = World::new(2);
    let mut config = world.config("juliet");
    config.tls = TlsMode::Direct(world.tls.clone());
    config.account = Jid::new("juliet@im.example.com/balcony").expect("an address");
    let juliet = world.connect(config);
    world.simulation.run_until_idle();
    let client = world.client(juliet);
    assert!(client.is_online());
    assert_eq!(client.tls().and_then(|tls| tls.alpn.clone()).as_deref(), Some(&b"xmpp-client"[..]));
    assert_eq!(client.jid().map(|jid| jid.as_str()), Some("juliet@im.example.com/balcony"));
}

#[test]
fn rfc6120_6_every_scram_and_plain() {
    let all = [ScramHash::Sha1, ScramHash::Sha256, ScramHash::Sha512]
        .into_iter()
        .flat_map(|hash| [true, false].map(|plus| Mechanism::Scram { hash, plus }))
        .chain([Mechanism::Plain]);
    for mechanism in all {
        let mut world = World::with(3, |config| config.sasl.plain_over_tls = true);
        let mut config = world.config("juliet");
        config.policy.excluded = Mechanism::ALL.into_iter().filter(|other| *other != mechanism).collect();
        let juliet = world.connect(config);
        world.simulation.run_until_idle();
        assert!(world.client(juliet).is_online());
        assert_eq!(world.client(juliet).mechanism(), Some(mechanism));
    }
}

#[test]
fn the_keys_of_one_login_serve_for_the_next() {
    let mut world = World::new(4);
    let first = world.online("juliet");
    let keys = world.client(first).keys().expect("SCRAM leaves keys").clone();
    let mut config = world.config("juliet");
    config.credentials = Some(Credentials::Keys { username: "juliet".into(), keys });
    let second = world.connect(config);
    world.simulation.run_until_idle();
    assert!(world.client(second).is_online());
}

#[test]
fn rfc6120_6_5_10_a_wrong_password_ends_it_with_one_attempt() {
    let mut world = World::new(5);
    let mut config = world.config("juliet");
    config.credentials = Some(Credentials::Password { username: "juliet".into(), password: "wrong".into() });
    let juliet = world.connect(config);
    world.simulation.run_for(Duration::from_secs(60));
    let end = world.end(juliet).expect_err("refused");
    assert!(
        matches!(end, Error::Refused(Refused::Credentials { condition: Some(Condition::NotAuthorized), .. })),
        "{end:?}"
    );
    assert!(!end.is_transient());
}

#[test]
fn rfc6120_13_7_2_a_certificate_for_another_domain_is_refused() {
    let mut world = World::new(6);
    let other = SelfSigned::new(&["other.example.com"]);
    for direct in [false, true] {
        let mut config = world.config("juliet");
        let tls = other.client_tls();
        config.tls = if direct { TlsMode::Direct(tls) } else { TlsMode::StartTls(tls) };
        let juliet = world.connect(config);
        world.simulation.run_for(Duration::from_secs(60));
        let end = world.end(juliet).expect_err("not to be trusted");
        assert!(matches!(end, Error::Certificate(_)), "{end:?}");
        assert!(!end.is_transient());
    }
}

#[test]
fn rfc6120_5_a_server_that_does_not_offer_starttls_learns_nothing() {
    let mut world = World::with(7, |config| {
        config.tls = None;
        config.sasl.require_tls = false;
    });
    let config = world.config("juliet");
    let juliet = world.connect(config);
    world.simulation.run_for(Duration::from_secs(60));
    assert!(matches!(world.end(juliet), Err(Error::Missing(_))));
    let sent = String::from_utf8_lossy(&world.simulation[juliet].side.sent).into_owned();
    assert!(!sent.contains("juliet") && !sent.contains("auth"), "{sent}");
}

#[test]
fn rfc6120_10_messages_and_requests_between_clients() {
    let mut world = World::new(8);
    let (juliet, romeo) = (world.online("juliet"), world.online("romeo"));
    let now = world.simulation.now();
    let to: Jid = world.client(romeo).jid().expect("online").clone().into();
    // Who does not see romeo's presence may not ask his client (RFC 6121 section 8.5.3.1).
    let asks = world.client(juliet).jid().expect("online").clone();
    let available = Presence::builder(PresenceType::Available).to(asks.into()).build();
    world.client(romeo).send(now, available).expect("online");
    world.simulation.run_until_idle();
    let now = world.simulation.now();
    let client = world.client(juliet);
    let handles: Vec<_> = (0..10)
        .map(|n| client.send(now, Message::chat(to.clone(), &format!("☃ {n}"))).expect("online"))
        .collect();
    let ping = client.request(now, Ping { to: Some(to.clone()) }, None).expect("online");
    let info = client.request(now, DiscoInfo { to: Some(to), node: None }, None).expect("online");
    let server = Jid::new(DOMAIN).expect("a domain");
    let of_server = client.request(now, DiscoInfo { to: Some(server), node: None }, None).expect("online");
    world.simulation.run_until_idle();

    let bodies: Vec<String> = world
        .events(romeo)
        .iter()
        .filter_map(|event| match event {
            Event::Message(message) => message.body(None).map(|body| body.into_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(bodies, (0..10).map(|n| format!("☃ {n}")).collect::<Vec<_>>());
    let events = world.events(juliet);
    for handle in handles {
        assert!(events.contains(&Event::Sent(handle)));
    }
    let replies: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Reply(reply) => Some(reply),
            _ => None,
        })
        .collect();
    assert_eq!(replies.len(), 3);
    assert_eq!(replies.iter().find_map(|reply| ping.read(reply)), Some(Ok(())));
    let found = replies.iter().find_map(|reply| info.read(reply)).expect("a reply").expect("a result");
    assert!(found.has("urn:xmpp:ping"), "{found:?}");
    let found = replies.iter().find_map(|reply| of_server.read(reply)).expect("a reply").expect("a result");
    assert_eq!(found.identities.first().map(|identity| identity.category.as_str()), Some("server"));
}

#[test]
fn xep0160_and_xep0280_what_one_missed_and_what_others_write() {
    let mut world = World::new(11);
    let juliet = world.online("juliet");
    let send = |world: &mut World, client: usize, to: &Jid, body: &str| {
        let now = world.simulation.now();
        world.client(client).send(now, Message::chat(to.clone(), body)).expect("online");
        world.simulation.run_until_idle();
    };
    let romeo: Jid = Account::new("romeo", DOMAIN).jid().into();
    send(&mut world, juliet, &romeo, "missed");
    world.simulation.run_for(Duration::from_secs(90));

    // The first session of romeo's gets what he missed, with the time.
    let come = |world: &mut World| {
        let client = world.online("romeo");
        let now = world.simulation.now();
        let available = Presence::builder(PresenceType::Available).build();
        world.client(client).set_presence(now, available).expect("online");
        let _ = world.client(client).request(now, SetCarbons(true), None).expect("online");
        world.simulation.run_until_idle();
        client
    };
    let (first, second) = (come(&mut world), come(&mut world));
    let bodies = |world: &World, client: usize| {
        let of = |message: &Message| message.body(None).map(|body| body.into_owned()).unwrap_or_default();
        let events = world.events(client).into_iter().filter_map(|event| match event {
            Event::Message(message) => {
                Some((of(&message), message.child("delay", "urn:xmpp:delay").is_some()))
            }
            Event::Carbon(carbon) => Some((format!("{:?} {}", carbon.direction, of(&carbon.message)), false)),
            _ => None,
        });
        events.collect::<Vec<_>>()
    };
    assert_eq!(bodies(&world, first), [("missed".to_owned(), true)]);
    assert_eq!(bodies(&world, second), []);

    // What waited has been handed over once the client has acknowledged it (XEP-0198); until then the rest waits behind it.
    world.simulation.run_for(Duration::from_secs(5));
    // Each sees what the other receives and sends.
    let to: Jid = world.client(first).jid().expect("online").clone().into();
    send(&mut world, juliet, &to, "to one");
    let to: Jid = world.client(juliet).jid().expect("online").clone().into();
    send(&mut world, first, &to, "from one");
    assert_eq!(bodies(&world, first)[1..], [("to one".to_owned(), false)]);
    let copies = ["Received to one", "Sent from one"].map(|copy| (copy.to_owned(), false));
    assert_eq!(bodies(&world, second), copies);
    assert_eq!(bodies(&world, juliet), [("from one".to_owned(), false)]);
}

#[test]
fn rfc6120_4_4_both_sides_close_cleanly() {
    let mut world = World::new(9);
    let juliet = world.online("juliet");
    let now = world.simulation.now();
    world.client(juliet).close(now);
    world.simulation.run_until_idle();
    assert_eq!(world.end(juliet), Ok(()));
    let to = Jid::new(DOMAIN).expect("a domain");
    let late = world.client(juliet).send(now, Message::chat(to, "late"));
    assert_eq!(late, Err(SendError::NotOnline));
}

#[test]
fn a_broken_network_ends_it_and_the_next_client_takes_over() {
    let mut world = World::new(10);
    let juliet = world.online("juliet");
    world.simulation.cut(juliet);
    world.simulation.run_for(Duration::from_secs(1));
    assert_eq!(world.end(juliet), Err(Error::Environment(Environment::Disconnected)));
    world.online("juliet");
}

#[test]
fn idle_streams_live_on_by_their_keep_alives() {
    let mut world = World::new(11);
    let juliet = world.online("juliet");
    world.simulation.run_for(Duration::from_secs(24 * 3600));
    assert!(world.client(juliet).is_online(), "{:?}", world.events(juliet).last());
    assert_eq!(world.events(juliet).len(), 1, "nothing but that it is online");
}

#[test]
fn any_split_and_latency_will_do() {
    for (seed, split) in [(12, Split::EveryByte), (13, Split::Random(100)), (14, Split::Whole)] {
        let mut world = World::new(seed);
        let jitter = Duration::from_millis(200);
        world.simulation.set_conditions(Conditions { split, jitter, ..Conditions::default() });
        let juliet = world.online("juliet");
        let now = world.simulation.now();
        world.client(juliet).close(now);
        world.simulation.run_until_idle();
        assert_eq!(world.end(juliet), Ok(()));
    }
}
