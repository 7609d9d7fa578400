use super::*;

const HOST: &[(&str, &[&str])] = &[("a.example.com", &["A 192.0.2.1"])];

fn host(name: &str) -> Target {
    Target::Host { host: name.into(), port: 5222, security: Security::Direct }
}

fn with_servers(servers: &[(&str, Server)], zone: &[(&'static str, &[&'static str])]) -> World {
    let names: Vec<&str> = servers.iter().map(|(server, _)| *server).collect();
    let mut world = World::silent(host("a.example.com"), config(&names), zone, 1);
    world.servers = servers.iter().map(|(server, what)| (ip(server), *what)).collect();
    world.drain();
    world
}

#[test]
fn a_silent_server_is_followed_by_the_next() {
    let mut world = with_servers(&[("192.0.2.53", Server::Silent), ("192.0.2.54", Server::Answers)], HOST);
    assert_eq!(world.did(), ["Udp AAAA a.example.com @192.0.2.53", "Udp A a.example.com @192.0.2.53"]);
    world.pass(MS * 4999);
    assert_eq!(world.did(), [""; 0]);
    world.pass(MS);
    let expected =
        ["Udp AAAA a.example.com @192.0.2.54", "Udp A a.example.com @192.0.2.54", "connect 192.0.2.1:5222"];
    assert_eq!(world.did(), expected);
}

#[test]
fn each_server_is_asked_as_often_as_configured_and_that_is_the_end() {
    let mut world = with_servers(&[("192.0.2.53", Server::Silent), ("192.0.2.54", Server::Silent)], HOST);
    world.pass(Duration::from_secs(20));
    let did = world.did();
    assert_eq!(did.iter().filter(|line| line.starts_with("Udp A ")).count(), 4);
    assert_eq!(did.last().unwrap(), "failed: no name server answered; try again later");
    assert_eq!((world.open.len(), world.connector.deadline()), (0, None));
}

#[test]
fn what_would_be_asked_at_the_very_end_is_not_asked() {
    let brief = Config { timeout: Duration::from_secs(5), ..config(&["192.0.2.53"]) };
    let mut world = World::silent(host("a.example.com"), brief, HOST, 1);
    world.servers.insert(ip("192.0.2.53"), Server::Silent);
    world.drain();
    assert_eq!(world.did().len(), 2);
    // The next question is due when everything has taken too long. What is not sent is not forgotten either.
    world.pass(Duration::from_secs(5));
    assert_eq!(world.did(), ["failed: it took too long"]);
    assert_eq!(world.open, []);
}

#[test]
fn a_server_that_cannot_say_is_followed_by_the_next_at_once() {
    for code in [RCODE::ServerFailure, RCODE::Refused, RCODE::NotImplemented, RCODE::FormatError] {
        let mut world =
            with_servers(&[("192.0.2.53", Server::Refuses(code)), ("192.0.2.54", Server::Answers)], HOST);
        assert_eq!(world.connections(), ["connect 192.0.2.1:5222"]);
    }
}

#[test]
fn a_server_that_cannot_be_reached_is_followed_by_the_next() {
    let mut world = with_servers(&[("192.0.2.53", Server::Silent), ("192.0.2.54", Server::Answers)], HOST);
    for query in world.open.clone() {
        world.connector.query_failed(world.now, query);
    }
    world.drain();
    assert_eq!(world.connections(), ["connect 192.0.2.1:5222"]);
}

#[test]
fn a_name_that_does_not_exist_is_an_answer() {
    let mut world = with_servers(
        &[("192.0.2.53", Server::Refuses(RCODE::NameError)), ("192.0.2.54", Server::Answers)],
        HOST,
    );
    assert_eq!(world.connections(), ["failed: the name has no address"]);
}

#[test]
fn rfc7766_5_an_answer_that_does_not_fit_is_asked_for_over_tcp() {
    let mut world = with_servers(&[("192.0.2.53", Server::Truncates)], HOST);
    let did = world.did();
    assert!(did.contains(&"Tcp A a.example.com @192.0.2.53".into()), "{did:?}");
    assert_eq!(did.last().unwrap(), "connect 192.0.2.1:5222");
    assert_eq!(world.open, []);
}

#[test]
fn aliases_are_followed_within_an_answer_and_from_answer_to_answer() {
    let zone: &[(&str, &[&str])] = &[
        ("a.example.com", &["CNAME b.example.com"]),
        ("b.example.com", &["ALIAS c.example.net"]),
        ("c.example.net", &["A 192.0.2.3", "AAAA 2001:db8::3"]),
    ];
    let mut world = with_servers(&[("192.0.2.53", Server::Answers)], zone);
    let did = world.did();
    assert!(did.contains(&"Udp A c.example.net @192.0.2.53".into()), "{did:?}");
    assert!(!did.contains(&"Udp A b.example.com @192.0.2.53".into()), "{did:?}");
    assert!(did.contains(&"connect [2001:db8::3]:5222".into()), "{did:?}");
}

#[test]
fn aliases_that_go_in_circles_come_to_an_end() {
    let zone: &[(&str, &[&str])] =
        &[("a.example.com", &["ALIAS b.example.com"]), ("b.example.com", &["ALIAS a.example.com"])];
    let mut world = with_servers(&[("192.0.2.53", Server::Answers)], zone);
    assert_eq!(world.did().last().unwrap(), "failed: the name has no address");
    let zone: &[(&str, &[&str])] = &[("a.example.com", &["ALIAS a.example.com"])];
    let mut world = with_servers(&[("192.0.2.53", Server::Answers)], zone);
    assert_eq!(world.did().last().unwrap(), "failed: the name has no address");
}

#[test]
fn equal_seeds_give_equal_questions_and_ids_differ() {
    let messages = |seed: u8| {
        let mut connector = Connector::new(
            target("example.com"),
            config(&["192.0.2.53"]),
            Now::default(),
            Entropy::from_seed([seed; 32]),
        );
        let mut messages = Vec::new();
        while let Some(Action::Query { message, .. }) = connector.poll_action() {
            messages.push(message);
        }
        messages
    };
    assert_eq!(messages(1), messages(1));
    assert_ne!(messages(1), messages(2));
    let two = messages(1);
    assert_ne!(two[0][..2], two[1][..2]);
}

#[test]
fn no_more_than_a_handful_of_addresses_and_hosts_is_tried() {
    let addresses: Vec<String> = (1..=100).map(|n| format!("A 192.0.2.{n}")).collect();
    let leaked: Vec<&'static str> = addresses.iter().map(|text| &*text.clone().leak()).collect();
    let zone: &[(&'static str, &[&'static str])] = &[("a.example.com", &leaked)];
    let mut world = with_servers(&[("192.0.2.53", Server::Answers)], zone);
    world.pass(Duration::from_secs(60));
    assert_eq!(world.did().iter().filter(|line| line.starts_with("connect")).count(), 8);
}
