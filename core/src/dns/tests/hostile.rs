//! Anybody can send datagrams.

use super::*;

fn host() -> Target {
    Target::Host { host: "a.example.com".into(), port: 5222, security: Security::Direct }
}

/// A world that has asked its questions: AAAA and A.
fn asking() -> (World, Vec<(QueryId, Vec<u8>)>) {
    let zone: &[(&str, &[&str])] = &[("a.example.com", &["A 192.0.2.1"])];
    let mut world = World::silent(host(), config(&["192.0.2.53"]), zone, 1);
    world.held = Some(Vec::new());
    world.drain();
    world.did();
    let held = world.held.take().unwrap();
    (world, held)
}

#[test]
fn what_answers_another_question_is_ignored() {
    let (mut world, held) = asking();
    let (query, reply) = &held[1];
    let wrong_id = {
        let mut reply = reply.clone();
        reply[0] ^= 1;
        reply
    };
    let a_question = {
        let mut reply = reply.clone();
        reply[2] &= 0x7f;
        reply
    };
    let other_name = {
        let mut reply = reply.clone();
        reply[13] = b'b';
        reply
    };
    for reply in [wrong_id, a_question, other_name, held[0].1.clone()] {
        world.connector.receive(world.now, *query, &reply);
    }
    world.drain();
    assert_eq!(world.did(), [""; 0]);
    // The true answer still counts, in any case of letters.
    let mut true_answer = reply.clone();
    true_answer[13] = b'A';
    world.connector.receive(world.now, *query, &true_answer);
    world.pass(MS * 50);
    assert_eq!(world.did(), ["connect 192.0.2.1:5222"]);
}

#[test]
fn every_cut_and_every_flipped_bit_of_an_answer_is_survived() {
    let (_, held) = asking();
    let (_, reply) = &held[1];
    for end in 0..reply.len() {
        let (mut world, held) = asking();
        world.connector.receive(world.now, held[1].0, &reply[..end]);
        world.drain();
        assert_eq!(world.did(), [""; 0], "cut at {end}");
    }
    for bit in 0..reply.len() * 8 {
        let (mut world, held) = asking();
        let mut reply = reply.clone();
        reply[bit / 8] ^= 1 << (bit % 8);
        world.connector.receive(world.now, held[1].0, &reply);
        world.pass(Duration::from_secs(60));
    }
}

#[test]
fn random_bytes_are_survived() {
    let mut entropy = Entropy::from_seed([3; 32]);
    let (mut world, held) = asking();
    for round in 0..2000 {
        let mut bytes = vec![0; (entropy.next_u64() % 300) as usize];
        entropy.fill(&mut bytes);
        let (query, reply) = &held[round % 2];
        // A true beginning gets it further.
        let keep = ((entropy.next_u64() % 40) as usize).min(bytes.len()).min(reply.len());
        bytes[..keep].copy_from_slice(&reply[..keep]);
        world.connector.receive(world.now, *query, &bytes);
    }
    world.drain();
}

#[test]
fn a_header_that_claims_more_than_there_is_reserves_nothing() {
    let (mut world, held) = asking();
    let mut reply = held[1].1.clone();
    for at in [6, 8, 10] {
        let mut claims = reply.clone();
        claims[at..at + 2].copy_from_slice(&[0xff, 0xff]);
        world.connector.receive(world.now, held[1].0, &claims);
    }
    reply.truncate(11);
    world.connector.receive(world.now, held[1].0, &reply);
    world.drain();
    assert_eq!(world.did(), [""; 0]);
}

#[test]
fn over_tcp_an_answer_that_is_too_long_or_nonsense_ends_the_exchange() {
    let lengths: [&[u8]; 2] = [&[0xff, 0xff], &[0, 3, 1, 2, 3]];
    for bytes in lengths {
        let zone: &[(&str, &[&str])] = &[("a.example.com", &["A 192.0.2.1"])];
        let mut world = World::silent(host(), config(&["192.0.2.53", "192.0.2.54"]), zone, 1);
        world.servers.insert(ip("192.0.2.53"), Server::Truncates);
        // Nothing is answered by itself.
        let mut tcp = Vec::new();
        let mut udp = Vec::new();
        while let Some(action) = world.connector.poll_action() {
            if let Action::Query { query, transport, message, .. } = action {
                world.open.push(query);
                match transport {
                    Transport::Udp => udp.push((query, message)),
                    Transport::Tcp => tcp.push(query),
                }
            }
        }
        for (query, message) in udp {
            let mut reply = Packet::parse(&message).unwrap().into_reply();
            reply.set_flags(PacketFlag::TRUNCATION);
            world.connector.receive(world.now, query, &reply.build_bytes_vec().unwrap());
        }
        while let Some(action) = world.connector.poll_action() {
            if let Action::Query { query, transport: Transport::Tcp, .. } = action {
                world.open.push(query);
                tcp.push(query);
            }
        }
        assert_eq!(tcp.len(), 2);
        for query in tcp {
            world.connector.receive(world.now, query, bytes);
        }
        // The next server answers.
        world.drain();
        assert_eq!(world.connections(), ["connect 192.0.2.1:5222"]);
    }
}
