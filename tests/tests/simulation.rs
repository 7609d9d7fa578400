//! A simulated server with clients that are written byte by byte.

use std::time::Duration;
use waxwing_core::server::connection::{self, Transport};
use waxwing_core::server::hub;
use waxwing_core::server::single::Event;
use waxwing_tests::{Account, Conditions, Pair, Raw, SelfSigned, Simulation, Split};

const SECOND: Duration = Duration::from_secs(1);
const HEADER: &str = "<?xml version='1.0'?><stream:stream to='example.org' version='1.0' xmlns='jabber:client' \
                      xmlns:stream='http://etherx.jabber.org/streams'>";

/// SASL PLAIN (RFC 4616) for `alice` with the password `secret`, a restart, binding, and presence.
const LOG_IN: [&str; 4] = [
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGFsaWNlAHNlY3JldA==</auth>",
    HEADER,
    "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
    "<presence/>",
];

fn plain_simulation(seed: u64) -> Simulation<Raw> {
    let domain: waxwing_core::jid::BareJid = "example.org".parse().expect("a domain");
    let mut config = connection::Config::new([domain.clone()], [7; 32]);
    config.sasl.require_tls = false;
    config.sasl.plain_without_tls = true;
    let mut simulation = Simulation::with_config(seed, config, hub::Config::new(domain));
    simulation.add_account(&Account { password: "secret".into(), ..Account::new("alice", "example.org") });
    simulation
}

fn log_in(simulation: &mut Simulation<Raw>) -> usize {
    let client = simulation.connect(Raw::new(HEADER), Transport::Plain);
    for step in LOG_IN {
        simulation.run_until_idle();
        simulation[client].side.machine.say(step);
    }
    simulation.run_until_idle();
    client
}

fn online(simulation: &Simulation<Raw>) -> usize {
    simulation.events.iter().filter(|(_, event)| matches!(event, Event::Online { .. })).count()
}

#[test]
fn two_sessions_of_an_account_chat_however_their_bytes_are_cut() {
    let latency = Duration::from_millis(20);
    for split in [Split::Whole, Split::EveryByte, Split::Random(9)] {
        let mut simulation = plain_simulation(11);
        simulation.set_conditions(Conditions { split, latency, ..Conditions::default() });
        let (a, b) = (log_in(&mut simulation), log_in(&mut simulation));
        assert_eq!(online(&simulation), 2, "{split:?}");
        simulation[a].side.machine.say("<message to='alice@example.org'><body>Grüße ☃</body></message>");
        simulation.run_until_idle();
        assert!(simulation[b].side.machine.text().contains("Grüße ☃"), "{split:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let run = |seed| {
        let mut simulation = plain_simulation(seed);
        let client = log_in(&mut simulation);
        simulation[client].side.machine.text().to_owned()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2), "resources and stream ids come from the seed");
}

#[test]
fn a_silent_client_is_turned_away_after_the_negotiation_time_out() {
    let mut simulation = plain_simulation(1);
    let client = simulation.connect(Raw::new(HEADER), Transport::Plain);
    simulation.run_for(29 * SECOND);
    assert!(!simulation[client].side.is_closed());
    assert!(simulation.run_until(10 * SECOND, |simulation| simulation[client].side.is_closed()));
    assert!(simulation[client].side.machine.text().ends_with("</stream:stream>"));
    assert_eq!(simulation.server.connections(), 0);
}

#[test]
fn a_broken_network_ends_the_session() {
    let mut simulation = plain_simulation(1);
    let client = log_in(&mut simulation);
    simulation.cut(client);
    simulation.run_until_idle();
    assert!(simulation.events.iter().any(|(_, event)| matches!(event, Event::Offline { .. })));
    assert!(simulation.run_until(60 * SECOND, |simulation| simulation.server.connections() == 0));
}

#[test]
fn a_pair_of_a_raw_peer_and_a_connection_shows_what_the_server_offers() {
    let mut config = connection::Config::new(["example.org".parse().expect("a domain")], [7; 32]);
    config.tls = Some(SelfSigned::new(&["example.org"]).server_tls());
    let entropy = waxwing_tests::Random::new(1).entropy();
    let now = waxwing_tests::Clock::new().now();
    let server = connection::Connection::new(config.into(), Transport::Plain, entropy, now);
    let mut pair = Pair::new(1, Raw::new(HEADER), server);
    pair.run_until_idle();
    let text = pair.a.machine.text();
    assert!(text.contains("urn:ietf:params:xml:ns:xmpp-tls") && text.contains("<required/>"), "{text}");
    assert!(!text.contains("mechanism"), "nothing to log in with before TLS: {text}");
}
