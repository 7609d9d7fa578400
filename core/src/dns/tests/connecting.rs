use super::*;

const SRV: &str = "_xmpp-client._tcp.example.com";
const SRV_TLS: &str = "_xmpps-client._tcp.example.com";

#[test]
fn xep0368_3_both_kinds_are_asked_for_and_put_into_one_order() {
    let zone: &[(&str, &[&str])] = &[
        (SRV, &["SRV 10 0 5222 b.example.com", "SRV 30 0 5223 d.example.com"]),
        (SRV_TLS, &["SRV 20 0 443 c.example.com", "SRV 5 0 443 a.example.com"]),
        ("a.example.com", &["A 192.0.2.1"]),
        ("b.example.com", &["A 192.0.2.2"]),
        ("c.example.com", &["A 192.0.2.3"]),
        ("d.example.com", &["A 192.0.2.4"]),
    ];
    let mut world = World::new("example.com", zone);
    let asked = world.did();
    assert_eq!(asked[0], format!("Udp SRV {SRV_TLS} @192.0.2.53"));
    assert_eq!(asked[1], format!("Udp SRV {SRV} @192.0.2.53"));
    assert_eq!(
        asked[2..],
        [
            "Udp AAAA a.example.com @192.0.2.53",
            "Udp A a.example.com @192.0.2.53",
            "connect 192.0.2.1:443",
            // The next host's addresses are looked up while the first is being tried.
            "Udp AAAA b.example.com @192.0.2.53",
            "Udp A b.example.com @192.0.2.53",
        ]
    );
    world.refused("192.0.2.1:443");
    world.refused("192.0.2.2:5222");
    world.refused("192.0.2.3:443");
    let expected = ["connect 192.0.2.2:5222", "connect 192.0.2.3:443", "connect 192.0.2.4:5223"];
    assert_eq!(world.connections(), expected);
    world.connected("192.0.2.4:5223");
    assert_eq!(world.did(), ["won 192.0.2.4:5223 StartTls d.example.com"]);
    assert_eq!(world.connector.deadline(), None);
    assert_eq!(world.open, []);
}

#[test]
fn xep0368_a_kind_that_is_not_wanted_is_not_asked_for() {
    let zone: &[(&str, &[&str])] = &[("example.com", &["A 192.0.2.1"])];
    let only_direct = Config { starttls: false, ..config(&["192.0.2.53"]) };
    let mut world = World::with(target("example.com"), only_direct, zone, 1);
    // There is no fallback to a port where TLS begins at once.
    assert_eq!(
        world.did(),
        [format!("Udp SRV {SRV_TLS} @192.0.2.53"), "failed: the name has no address".into()]
    );
    let only_starttls = Config { direct_tls: false, ..config(&["192.0.2.53"]) };
    let mut world = World::with(target("example.com"), only_starttls, zone, 1);
    assert_eq!(world.did()[0], format!("Udp SRV {SRV} @192.0.2.53"));
}

#[test]
fn rfc6120_3_2_2_without_srv_records_the_domain_is_the_host() {
    let mut world = World::new("example.com", &[("example.com", &["A 192.0.2.1"])]);
    assert_eq!(world.connections(), ["connect 192.0.2.1:5222"]);
    world.connected("192.0.2.1:5222");
    assert_eq!(world.did(), ["won 192.0.2.1:5222 StartTls example.com"]);
}

#[test]
fn rfc6120_3_2_1_with_srv_records_there_is_no_fallback() {
    let zone: &[(&str, &[&str])] = &[
        (SRV, &["SRV 0 0 5222 a.example.com"]),
        ("a.example.com", &["A 192.0.2.1"]),
        ("example.com", &["A 192.0.2.9"]),
    ];
    let mut world = World::new("example.com", zone);
    world.refused("192.0.2.1:5222");
    let expected = "failed: no address could be connected to; 192.0.2.1:5222: connection refused";
    assert_eq!(world.did().pop().unwrap(), expected);
    assert_eq!(world.connector.deadline(), None);
}

#[test]
fn rfc2782_a_target_of_nothing_says_that_there_is_no_service() {
    let zone: &[(&str, &[&str])] = &[(SRV, &["SRV 0 0 0 ."]), ("example.com", &["A 192.0.2.1"])];
    let mut world = World::new("example.com", zone);
    assert_eq!(world.connections(), ["failed: the domain says that it has no such service"]);
    // It says so of one kind, not of the other.
    let zone: &[(&str, &[&str])] = &[
        (SRV, &["SRV 0 0 0 ."]),
        (SRV_TLS, &["SRV 0 0 443 a.example.com"]),
        ("a.example.com", &["A 192.0.2.1"]),
    ];
    let mut world = World::new("example.com", zone);
    assert_eq!(world.connections(), ["connect 192.0.2.1:443"]);
}

#[test]
fn xep0368_3_a_target_of_nothing_for_direct_tls_leaves_records_for_starttls_but_no_fallback() {
    let zone: &[(&str, &[&str])] = &[
        (SRV_TLS, &["SRV 0 0 0 ."]),
        (SRV, &["SRV 0 0 5222 a.example.com"]),
        ("a.example.com", &["A 192.0.2.1"]),
        ("example.com", &["A 192.0.2.9"]),
    ];
    let mut world = World::new("example.com", zone);
    assert_eq!(world.connections(), ["connect 192.0.2.1:5222"]);
    let zone: &[(&str, &[&str])] = &[(SRV_TLS, &["SRV 0 0 0 ."]), ("example.com", &["A 192.0.2.1"])];
    let mut world = World::new("example.com", zone);
    assert_eq!(world.connections(), ["failed: the domain says that it has no such service"]);
    // Whoever wants nothing but direct TLS is told so, too.
    let only_direct = Config { starttls: false, ..config(&["192.0.2.53"]) };
    let mut world = World::with(target("example.com"), only_direct, zone, 1);
    assert_eq!(world.connections(), ["failed: the domain says that it has no such service"]);
}

#[test]
fn xep0368_4_where_direct_tls_is_left_out_there_is_starttls_or_nothing() {
    let shy = |zone: &[(&'static str, &[&'static str])]| {
        let target = Target::ClientStartTls("example.com".into());
        World::with(target, config(&["192.0.2.53"]), zone, 1).connections()
    };
    let zone: &[(&str, &[&str])] = &[
        (SRV_TLS, &["SRV 0 0 443 a.example.com"]),
        (SRV, &["SRV 5 0 5222 a.example.com"]),
        ("a.example.com", &["A 192.0.2.1"]),
        ("example.com", &["A 192.0.2.9"]),
    ];
    assert_eq!(shy(zone), ["connect 192.0.2.1:5222"]);
    // The domain says where its service is: that is not guessed.
    assert_eq!(shy(&[zone[0], zone[2], zone[3]]), ["failed: the domain says that it has no such service"]);
    assert_eq!(shy(&[zone[3]]), ["connect 192.0.2.9:5222"]);
}

#[test]
fn xep0368_3_equals_of_both_kinds_are_chosen_by_weight() {
    let zone: &[(&str, &[&str])] = &[
        (SRV, &["SRV 1 50 5222 a.example.com"]),
        (SRV_TLS, &["SRV 1 50 5223 a.example.com"]),
        ("a.example.com", &["A 192.0.2.1"]),
    ];
    let first = |seed| {
        World::with(target("example.com"), config(&["192.0.2.53"]), zone, seed).connections().remove(0)
    };
    let direct = (0..=255).filter(|seed| first(*seed) == "connect 192.0.2.1:5223").count();
    assert!((90..=166).contains(&direct), "{direct} of 256");
}

#[test]
fn rfc2782_equals_are_chosen_by_weight() {
    let zone: &[(&str, &[&str])] = &[
        (
            SRV,
            &["SRV 1 0 1 none.example.com", "SRV 1 30 30 some.example.com", "SRV 1 90 90 most.example.com"],
        ),
        ("none.example.com", &["A 192.0.2.1"]),
        ("some.example.com", &["A 192.0.2.1"]),
        ("most.example.com", &["A 192.0.2.1"]),
    ];
    let mut first: BTreeMap<String, u32> = BTreeMap::new();
    for seed in 0..=255 {
        let mut world = World::with(target("example.com"), config(&["192.0.2.53"]), zone, seed);
        *first.entry(world.connections().remove(0)).or_insert(0) += 1;
    }
    let of = |port: u32| first.get(&format!("connect 192.0.2.1:{port}")).copied().unwrap_or(0);
    // One in 121, 30 in 121 and 90 in 121 of 256.
    assert!(of(1) <= 12, "{first:?}");
    assert!((40..=90).contains(&of(30)), "{first:?}");
    assert!((160..=215).contains(&of(90)), "{first:?}");
}

#[test]
fn rfc8305_4_families_take_turns_beginning_with_ipv6() {
    let zone: &[(&str, &[&str])] = &[(
        "example.com",
        &["A 192.0.2.1", "A 192.0.2.2", "A 192.0.2.3", "AAAA 2001:db8::1", "AAAA 2001:db8::2"],
    )];
    let mut world = World::new("example.com", zone);
    let mut order = Vec::new();
    for _ in 0..5 {
        let line = world.connections().pop().unwrap();
        let address = line.strip_prefix("connect ").unwrap().to_owned();
        world.refused(&address);
        order.push(address);
    }
    let expected =
        ["[2001:db8::1]:5222", "192.0.2.1:5222", "[2001:db8::2]:5222", "192.0.2.2:5222", "192.0.2.3:5222"];
    assert_eq!(order, expected);
    assert!(
        world.connections()[0].starts_with("failed: no address could be connected to; [2001:db8::1]:5222")
    );
}

#[test]
fn rfc8305_5_the_next_attempt_starts_after_a_quarter_of_a_second_and_the_first_to_answer_wins() {
    let zone: &[(&str, &[&str])] = &[("example.com", &["A 192.0.2.1", "A 192.0.2.2", "AAAA 2001:db8::1"])];
    let mut world = World::new("example.com", zone);
    assert_eq!(world.connections(), ["connect [2001:db8::1]:5222"]);
    world.pass(MS * 249);
    assert_eq!(world.connections(), [""; 0]);
    world.pass(MS);
    assert_eq!(world.connections(), ["connect 192.0.2.1:5222"]);
    world.pass(MS * 250);
    assert_eq!(world.connections(), ["connect 192.0.2.2:5222"]);
    world.connected("192.0.2.1:5222");
    let expected =
        ["abort [2001:db8::1]:5222", "abort 192.0.2.2:5222", "won 192.0.2.1:5222 StartTls example.com"];
    assert_eq!(world.connections(), expected);
    // Too late.
    world.connected("192.0.2.2:5222");
    world.refused("[2001:db8::1]:5222");
    world.pass(Duration::from_secs(1000));
    assert_eq!(world.connections(), [""; 0]);
}

#[test]
fn rfc8305_5_a_failure_starts_the_next_attempt_at_once() {
    let zone: &[(&str, &[&str])] = &[("example.com", &["A 192.0.2.1", "A 192.0.2.2", "A 192.0.2.3"])];
    let mut world = World::new("example.com", zone);
    world.pass(MS * 100);
    world.refused("192.0.2.1:5222");
    assert_eq!(world.connections(), ["connect 192.0.2.1:5222", "connect 192.0.2.2:5222"]);
    world.pass(MS * 249);
    assert_eq!(world.connections(), [""; 0]);
    world.pass(MS);
    assert_eq!(world.connections(), ["connect 192.0.2.3:5222"]);
}

#[test]
fn rfc8305_3_ipv6_is_waited_for_but_not_long() {
    let zone: &[(&str, &[&str])] = &[("example.com", &["A 192.0.2.1", "AAAA 2001:db8::1"])];
    let host = || Target::Host { host: "example.com".into(), port: 5222, security: Security::StartTls };
    let begin = || {
        let mut world = World::silent(host(), config(&["192.0.2.53"]), zone, 1);
        world.held = Some(Vec::new());
        world.drain();
        assert_eq!(world.did().len(), 2);
        world
    };
    // IPv6 first: no reason to wait.
    let mut world = begin();
    world.release(0);
    assert_eq!(world.did(), ["connect [2001:db8::1]:5222"]);
    // IPv4 first, and IPv6 within 50 ms.
    let mut world = begin();
    world.release(1);
    world.pass(MS * 49);
    assert_eq!(world.did(), [""; 0]);
    world.release(0);
    assert_eq!(world.did(), ["connect [2001:db8::1]:5222"]);
    // IPv4 first, and IPv6 later: it is the next to be tried.
    let mut world = begin();
    world.release(1);
    world.pass(MS * 50);
    assert_eq!(world.did(), ["connect 192.0.2.1:5222"]);
    world.release(0);
    world.pass(MS * 250);
    assert_eq!(world.did(), ["connect [2001:db8::1]:5222"]);
}

#[test]
fn one_kind_of_srv_records_does_not_wait_long_for_the_other() {
    let zone: &[(&str, &[&str])] =
        &[(SRV, &["SRV 0 0 5222 a.example.com"]), ("a.example.com", &["A 192.0.2.1", "AAAA 2001:db8::1"])];
    let mut world = World::silent(target("example.com"), config(&["192.0.2.53"]), zone, 1);
    world.held = Some(Vec::new());
    world.drain();
    world.release(1);
    world.pass(MS * 999);
    assert_eq!(world.did().len(), 2);
    world.held = None;
    world.pass(MS);
    assert_eq!(world.connections(), ["connect [2001:db8::1]:5222"]);
}

/// Both kinds have been asked for, and nothing has been answered.
fn held(zone: &[(&'static str, &[&'static str])]) -> World {
    let mut world = World::silent(target("example.com"), config(&["192.0.2.53"]), zone, 1);
    world.held = Some(Vec::new());
    world.drain();
    assert_eq!(world.did().len(), 2);
    world
}

#[test]
fn the_other_kind_of_srv_records_is_tried_last_if_it_comes_late() {
    let zone: &[(&str, &[&str])] = &[
        (SRV, &["SRV 9 0 5222 a.example.com"]),
        (SRV_TLS, &["SRV 0 0 443 b.example.com"]),
        ("a.example.com", &["A 192.0.2.1"]),
        ("b.example.com", &["A 192.0.2.2"]),
    ];
    let mut world = held(zone);
    world.release(1);
    let late = world.held.take().unwrap();
    world.pass(Duration::from_secs(1));
    assert_eq!(world.connections(), ["connect 192.0.2.1:5222"]);
    world.refused("192.0.2.1:5222");
    assert_eq!(world.connections(), [""; 0]);
    for (query, reply) in late {
        world.reply(query, Transport::Udp, reply);
    }
    world.drain();
    assert_eq!(world.connections(), ["connect 192.0.2.2:443"]);
}

#[test]
fn that_one_kind_is_not_offered_is_no_reason_to_begin_without_the_other() {
    let zone: &[(&str, &[&str])] = &[
        (SRV_TLS, &["SRV 0 0 0 ."]),
        (SRV, &["SRV 0 0 5222 a.example.com"]),
        ("a.example.com", &["A 192.0.2.1"]),
    ];
    let mut world = held(zone);
    world.release(0);
    let late = world.held.take().unwrap();
    world.pass(Duration::from_secs(3));
    assert_eq!(world.connections(), [""; 0]);
    for (query, reply) in late {
        world.reply(query, Transport::Udp, reply);
    }
    world.drain();
    assert_eq!(world.connections(), ["connect 192.0.2.1:5222"]);
}

#[test]
fn that_one_kind_is_not_offered_says_nothing_of_the_other_if_nobody_answers() {
    let zone: &[(&str, &[&str])] = &[(SRV_TLS, &["SRV 0 0 0 ."]), ("example.com", &["A 192.0.2.1"])];
    let mut world = held(zone);
    world.release(0);
    world.servers.insert(ip("192.0.2.53"), Server::Silent);
    world.held = None;
    world.pass(Duration::from_secs(10));
    assert_eq!(world.connections(), ["failed: no name server answered; try again later"]);
}

#[test]
fn rfc6120_4_9_3_19_another_host_is_connected_to_as_it_is_named() {
    let hosts = [
        ("[2001:db8::1]", "connect [2001:db8::1]:9222"),
        ("2001:db8::1", "connect [2001:db8::1]:9222"),
        ("192.0.2.7", "connect 192.0.2.7:9222"),
        ("Bücher.example.", "connect 192.0.2.1:9222"),
    ];
    for (host, expected) in hosts {
        let target = Target::Host { host: host.into(), port: 9222, security: Security::StartTls };
        let zone: &[(&str, &[&str])] = &[("xn--bcher-kva.example", &["A 192.0.2.1"])];
        let mut world = World::with(target, config(&["192.0.2.53"]), zone, 1);
        let did = world.did();
        assert_eq!(did.last().unwrap(), expected);
        assert!(!did.iter().any(|line| line.contains("SRV")), "{did:?}");
    }
}

#[test]
fn an_attempt_that_is_never_answered_is_given_up_and_so_is_everything() {
    let zone: &[(&str, &[&str])] = &[("example.com", &["A 192.0.2.1"])];
    let mut world = World::new("example.com", zone);
    world.pass(Duration::from_secs(10));
    let expected = [
        "connect 192.0.2.1:5222",
        "abort 192.0.2.1:5222",
        "failed: no address could be connected to; 192.0.2.1:5222: no answer in time",
    ];
    assert_eq!(world.connections(), expected);

    let patient = Config { attempt_timeout: Duration::from_secs(3600), ..config(&["192.0.2.53"]) };
    let mut world = World::with(target("example.com"), patient, zone, 1);
    world.pass(Duration::from_secs(60));
    let expected = ["connect 192.0.2.1:5222", "abort 192.0.2.1:5222", "failed: it took too long"];
    assert_eq!(world.connections(), expected);
    assert_eq!(world.connector.deadline(), None);
}

#[test]
fn whoever_finds_the_winner_wanting_goes_on_behind_it() {
    let zone: &[(&str, &[&str])] = &[("example.com", &["A 192.0.2.1", "A 192.0.2.2"])];
    let mut world = World::new("example.com", zone);
    let attempt = world.attempts["192.0.2.1:5222"];
    world.connector.connected(world.now, attempt);
    let Some(Action::Connected { route, .. }) = world.connector.poll_action() else { panic!() };
    world.did();
    world.connector.go_on(world.now, &route, "no XMPP here");
    world.drain();
    assert_eq!(world.did(), ["connect 192.0.2.2:5222"]);
    // Only the winner can be given up.
    world.connector.go_on(world.now, &route, "no XMPP here");
    world.refused("192.0.2.2:5222");
    let expected = "failed: no address could be connected to; 192.0.2.1:5222: no XMPP here; \
                    192.0.2.2:5222: connection refused";
    assert_eq!(world.did(), [expected]);
}

#[test]
fn what_lost_against_a_winner_that_is_of_no_use_is_tried_again() {
    let zone: &[(&str, &[&str])] = &[("example.com", &["A 192.0.2.1", "A 192.0.2.2", "AAAA 2001:db8::1"])];
    let mut world = World::new("example.com", zone);
    world.pass(MS * 250);
    let attempt = world.attempts["192.0.2.1:5222"];
    world.connector.connected(world.now, attempt);
    let routes = std::iter::from_fn(|| world.connector.poll_action());
    let route = routes.last().and_then(|action| match action {
        Action::Connected { route, .. } => Some(route),
        _ => None,
    });
    world.did();
    world.connector.go_on(world.now, &route.unwrap(), "no XMPP here");
    world.drain();
    assert_eq!(world.did(), ["connect [2001:db8::1]:5222"]);
    world.pass(MS * 250);
    assert_eq!(world.did(), ["connect 192.0.2.2:5222"]);
    world.connected("[2001:db8::1]:5222");
    assert_eq!(world.did().pop().unwrap(), "won [2001:db8::1]:5222 StartTls example.com");
}

#[test]
fn rfc2782_a_host_with_an_underscore_in_its_name_has_the_service() {
    let zone: &[(&str, &[&str])] = &[
        (SRV, &["SRV 0 0 5222 a_b.example.com"]),
        ("a_b.example.com", &["A 192.0.2.1"]),
        ("example.com", &["A 192.0.2.9"]),
    ];
    let mut world = World::new("example.com", zone);
    assert_eq!(world.connections(), ["connect 192.0.2.1:5222"]);
    world.connected("192.0.2.1:5222");
    assert_eq!(world.did(), ["won 192.0.2.1:5222 StartTls a_b.example.com"]);
}

#[test]
fn names_outside_of_ascii_are_asked_for_in_ascii() {
    let zone: &[(&str, &[&str])] = &[("xn--bcher-kva.example", &["A 192.0.2.1"])];
    let mut world = World::new("bücher.example", zone);
    assert_eq!(world.did()[0], "Udp SRV _xmpps-client._tcp.xn--bcher-kva.example @192.0.2.53");
    world.connected("192.0.2.1:5222");
    assert_eq!(world.connections().pop().unwrap(), "won 192.0.2.1:5222 StartTls xn--bcher-kva.example");
}

#[test]
fn what_is_no_name_is_refused_without_a_question() {
    let long = format!("{}.example", "a".repeat(64));
    for name in ["", ".", "a..b", "a b", &long] {
        let mut world = World::new(name, &[]);
        assert_eq!(world.did(), ["failed: this is not the name of a host"], "{name:?}");
        let target = Target::Host { host: name.into(), port: 1, security: Security::Direct };
        let mut world = World::with(target, config(&["192.0.2.53"]), &[], 1);
        assert_eq!(world.did(), ["failed: this is not the name of a host"], "{name:?}");
    }
}
