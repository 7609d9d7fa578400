//! What a message costs a server, from the sender's bytes to the receiver's.

use super::world::{Peer, Whose, World};
use super::{Group, Meter, Work};
use std::time::Duration;
use waxwing_core::jid::Jid;
use waxwing_core::machine::Machine;
use waxwing_core::server::single::ConnectionId;
use waxwing_core::stanza::{Message, MessageType, Stanza};
use waxwing_core::xml::Element;

pub(crate) fn groups() -> Vec<Group> {
    let mut group = Group::new("a message routed");
    for (with_tls, how) in [(false, "in the clear"), (true, "TLS 1.3")] {
        for sessions in [200, 10_000] {
            let name = format!("{how}, {sessions} sessions");
            group = group.with_work(&name, sessions > 200, move || work(sessions, with_tls));
        }
    }
    vec![group]
}

/// Sessions that write to each other at random: whatever is not in a cache, stays so.
pub(crate) struct Traffic {
    world: World,
    /// The clients. They can be dropped; the server does not notice.
    pub(crate) peers: Vec<Peer>,
    out: Vec<u8>,
}

fn work(sessions: usize, with_tls: bool) -> Work {
    let mut traffic = Traffic::new(World::new(sessions, with_tls), sessions);
    Box::new(move |meter, times| traffic.run(meter, times))
}

impl Traffic {
    /// Logs the first so many accounts in.
    pub(crate) fn new(mut world: World, sessions: usize) -> Traffic {
        let mut meter = |task: &mut dyn FnMut()| task();
        let peers = (0..sessions).map(|n| world.log_in(n, Whose::Nobodys, &mut Meter(&mut meter))).collect();
        Traffic { world, peers, out: Vec::new() }
    }

    /// So many messages. The meter runs the server.
    pub(crate) fn run(&mut self, meter: &mut Meter<'_>, times: u32) {
        // No session sends more than its rate allows.
        self.world.clock.advance(Duration::from_secs(1));
        let inputs: Vec<_> = (0..times).map(|_| self.send()).collect();
        meter.run(|| inputs.iter().for_each(|(id, bytes)| self.route(*id, bytes)));
    }

    /// A message of one session to another, as it comes over the wire.
    fn send(&mut self) -> (ConnectionId, Vec<u8>) {
        let [from, to] = [(); 2].map(|()| self.world.random.below(self.peers.len()));
        let to = self.peers[to].client.jid().expect("bound").clone();
        let now = self.world.now();
        let peer = &mut self.peers[from];
        let mut bytes = Vec::new();
        peer.client.send(now, message(to.into())).expect("it is online");
        peer.client.transmit(&mut bytes);
        while peer.client.poll_event().is_some() {}
        (peer.id, bytes)
    }

    fn route(&mut self, id: ConnectionId, bytes: &[u8]) {
        let server = &mut self.world.server;
        server.receive(self.world.clock.now(), id, bytes);
        let mut sent = 0;
        while let Some(id) = server.poll_writable() {
            self.out.clear();
            sent += server.transmit(id, &mut self.out);
        }
        assert!(sent > 400, "the message has arrived");
        assert!(server.poll_event().is_none() && server.poll_store().is_none());
    }
}

/// The message of 411 bytes that is used for XML, but for the length of the address.
fn message(to: Jid) -> Stanza {
    let id = "a3f1c2d4-5b6e-47f8-9a0b-1c2d3e4f5a6b";
    let body = "Neither, fair saint, if either thee dislike. Meet me in the orchard at eight tonight; bring the rope ladder.";
    Message::builder(Some(to), MessageType::Chat)
        .id(id)
        .body(None, body)
        .thread("e0ffe42b28561960c6b12b944a092794", None)
        .child(Element::builder("active", "http://jabber.org/protocol/chatstates"))
        .child(Element::builder("origin-id", "urn:xmpp:sid:0").attr("id", id))
        .build()
        .into()
}
