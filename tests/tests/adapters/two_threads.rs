//! The blocking adapter's connections that several threads use at once.

use std::thread;

use waxwing_core::stanza::Message;

use crate::runtimes::{Serves, StdDuplex, StdServer, Talks as _, TokioServer};
use crate::{World, at_full_speed, closed, jid, message};

/// Fewer than a client may leave unacknowledged (XEP-0198): a crowded machine does not end this.
const MESSAGES: usize = 1000;

/// Two threads for each of two clients: one sends, the other receives, all at the same time (RFC 6120 section 10.1).
fn everybody_sends_while_they_receive<S: Serves>() {
    let world = World::<S>::new(|config| {
        at_full_speed(config);
        // Nobody is to be cut off for being slow: this is not about that.
        config.authenticated.max_queued = 64 << 20;
    });
    let clients: [StdDuplex; 2] = [world.log_in("alice", "a"), world.log_in("bob", "b")];
    thread::scope(|scope| {
        for (client, to) in clients.iter().zip(["bob@localhost/b", "alice@localhost/a"]) {
            scope.spawn(move || {
                for n in 0..MESSAGES {
                    let message = Message::chat(jid(to), &format!("{n} {}", "x".repeat(400)));
                    client.0.tell(|client, now| client.send(now, message)).unwrap();
                }
            });
            scope.spawn(move || {
                let mut client = StdDuplex(client.0.clone());
                for n in 0..MESSAGES {
                    let received = message(&mut client);
                    assert!(received.body(None).unwrap().starts_with(&format!("{n} ")), "message {n}");
                }
            });
        }
    });
    for mut client in clients {
        client.tell(|client, now| client.close(now));
        assert_eq!(closed(&mut client), Ok(()));
    }
    assert!(world.server.shutdown());
}

#[test]
fn rfc6120_10_1_everybody_sends_while_they_receive_from_a_blocking_server() {
    everybody_sends_while_they_receive::<StdServer>();
}

#[test]
fn rfc6120_10_1_everybody_sends_while_they_receive_from_a_tokio_server() {
    everybody_sends_while_they_receive::<TokioServer>();
}
