use super::*;

#[test]
fn resolv_conf_is_read_as_the_system_reads_it() {
    let text = "# made by hand\nsearch example.com\nnameserver 192.0.2.1\nnameserver  2001:db8::1 # two\n\
                options edns0 timeout:3 attempts:9 timeout:x\nnameserver nonsense\nnameserver\n; nameserver 192.0.2.9\n\
                nameserver 192.0.2.2\nnameserver 192.0.2.3\n";
    let resolvers = Resolvers::parse(text);
    let servers: Vec<String> = resolvers.servers.iter().map(SocketAddr::to_string).collect();
    assert_eq!(servers, ["192.0.2.1:53", "[2001:db8::1]:53", "192.0.2.2:53"]);
    assert_eq!((resolvers.timeout, resolvers.attempts), (Duration::from_secs(3), 5));
}

#[test]
fn without_a_name_server_it_is_this_host() {
    for text in ["", "nameserver", "options timeout:0"] {
        let resolvers = Resolvers::parse(text);
        assert_eq!(resolvers.servers, ["127.0.0.1:53".parse().unwrap()]);
        assert!(resolvers.timeout >= Duration::from_secs(1));
    }
}

#[test]
fn rfc7622_3_2_search_domains_are_not_appended() {
    let resolvers =
        Resolvers::parse("search example.net\ndomain example.org\noptions ndots:5\nnameserver 192.0.2.53");
    let config = || Config::new(resolvers.clone(), Hosts::default());
    let zone: &[(&str, &[&str])] =
        &[("im.example.net", &["A 192.0.2.1"]), ("im.example.org", &["A 192.0.2.2"])];
    let targets = [target("im"), Target::Host { host: "im".into(), port: 1, security: Security::Direct }];
    for target in targets {
        let mut world = World::with(target, config(), zone, 1);
        let did = world.did();
        assert_eq!(did.last().unwrap(), "failed: the name has no address");
        assert!(did.iter().all(|line| !line.contains("example")), "{did:?}");
    }
}

#[test]
fn hosts_are_not_asked_for() {
    let hosts = Hosts::parse(
        "192.0.2.7 Server.example.com. server # comment\n2001:db8::7 server\nnonsense x\n192.0.2.8",
    );
    let target = Target::Host { host: "SERVER".into(), port: 5000, security: Security::StartTls };
    let config = Config { hosts, ..config(&["192.0.2.53"]) };
    let mut world = World::with(target, config, &[], 1);
    assert_eq!(world.did(), ["connect [2001:db8::7]:5000"]);
    world.refused("[2001:db8::7]:5000");
    assert_eq!(world.did(), ["connect 192.0.2.7:5000"]);
}

#[test]
fn rfc6761_6_3_localhost_is_never_asked_for() {
    for name in ["localhost", "Chat.LOCALHOST."] {
        let target = Target::Host { host: name.into(), port: 5222, security: Security::StartTls };
        let mut world = World::with(target, config(&["192.0.2.53"]), &[], 1);
        assert_eq!(world.did(), ["connect [::1]:5222"]);
    }
    let mut world = World::new("localhost", &[]);
    assert_eq!(world.did(), ["connect [::1]:5222"]);
}

#[test]
fn rfc6120_3_2_3_an_address_is_connected_to_as_it_is() {
    for (domain, address) in [("192.0.2.1", "192.0.2.1:5222"), ("[2001:db8::1]", "[2001:db8::1]:5222")] {
        let mut world = World::new(domain, &[]);
        assert_eq!(world.did(), [format!("connect {address}")]);
        world.connected(address);
        assert!(world.did()[0].starts_with(&format!("won {address} StartTls")));
    }
}
