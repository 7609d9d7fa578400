//! A login, from the first byte until a resource is bound.

use super::world::{DOMAIN, Whose, World};
use super::{Group, Meter, Work};
use rustls::time_provider::DefaultTimeProvider;
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection};
use std::sync::Arc;
use waxwing_tests::SelfSigned;

pub(crate) fn groups() -> Vec<Group> {
    vec![
        Group::new("login over TLS 1.3, SCRAM-SHA-256-PLUS")
            .with_work("server's side", false, || login(true, Whose::Servers))
            .with_work("both sides", false, || login(true, Whose::Everyones))
            .with_work("rustls alone, server's side", false, || handshake(Whose::Servers))
            .with_work("rustls alone, both sides", false, || handshake(Whose::Everyones)),
        Group::new("login in the clear, SCRAM-SHA-256")
            .with_work("server's side", false, || login(false, Whose::Servers))
            .with_work("both sides", false, || login(false, Whose::Everyones)),
    ]
}

fn login(with_tls: bool, whose: Whose) -> Work {
    let mut world = World::new(100, with_tls);
    let mut account = 0;
    Box::new(move |meter: &mut Meter<'_>, times| {
        for _ in 0..times {
            account = (account + 1) % 100;
            let peer = world.log_in(account, whose, meter);
            world.leave(&peer);
        }
    })
}

/// A full handshake, with the configurations that a login has.
fn handshake(whose: Whose) -> Work {
    let made = SelfSigned::new(&[DOMAIN]);
    let mut client = ClientConfig::clone(made.client_tls().config());
    client.time_provider = Arc::new(DefaultTimeProvider);
    let mut server = ServerConfig::clone(made.server_tls().config());
    server.time_provider = Arc::new(DefaultTimeProvider);
    let (client, server) = (Arc::new(client), Arc::new(server));
    Box::new(move |meter: &mut Meter<'_>, times| {
        for _ in 0..times {
            shake(&client, &server, whose, meter);
        }
    })
}

fn shake(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>, whose: Whose, meter: &mut Meter<'_>) {
    let name = DOMAIN.try_into().expect("a name");
    let connect = || ClientConnection::new(Arc::clone(client), name).expect("a configuration");
    let mut client = if whose == Whose::Everyones { meter.run(connect) } else { connect() };
    let mut server = meter.run(|| ServerConnection::new(Arc::clone(server)).expect("a configuration"));
    while client.is_handshaking() || server.is_handshaking() {
        let (mut there, mut back) = (Vec::new(), Vec::new());
        let mut speak = || {
            while client.wants_write() {
                client.write_tls(&mut there).expect("memory");
            }
        };
        if whose == Whose::Everyones {
            meter.run(speak)
        } else {
            speak()
        }
        meter.run(|| {
            let mut input = there.as_slice();
            while !input.is_empty() {
                server.read_tls(&mut input).expect("memory");
                server.process_new_packets().expect("a handshake");
            }
            while server.wants_write() {
                server.write_tls(&mut back).expect("memory");
            }
        });
        let mut hear = || {
            let mut input = back.as_slice();
            while !input.is_empty() {
                client.read_tls(&mut input).expect("memory");
                client.process_new_packets().expect("a handshake");
            }
        };
        if whose == Whose::Everyones { meter.run(hear) } else { hear() }
    }
}
