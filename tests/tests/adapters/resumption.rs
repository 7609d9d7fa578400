//! Sessions that outlive their connection (XEP-0198), over real sockets: another thread, another task, often another shard has
//! the next connection.

use super::{PATIENCE, Serves, World};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use waxwing_core::server::connection;

/// A client, played by hand.
struct Wire {
    socket: TcpStream,
    text: String,
}

fn in_the_clear(config: &mut connection::Config) {
    config.sasl.require_tls = false;
    config.sasl.plain_without_tls = true;
}

impl Wire {
    /// A client that has logged in, and has no session yet.
    fn connect(address: SocketAddr, name: &str) -> Wire {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut wire = Wire { socket, text: String::new() };
        let header = "<stream:stream to='localhost' version='1.0' xmlns='jabber:client' \
                      xmlns:stream='http://etherx.jabber.org/streams'>";
        // As PLAIN wants it: `waxwing_tests::Account` says what their passwords are.
        let message = match name {
            "alice" => "AGFsaWNlAGFsaWNlJ3Mg4piDIHBhc3M=",
            _ => "AGJvYgBib2IncyDimIMgcGFzcw==",
        };
        wire.say(header);
        wire.until("</stream:features>");
        wire.say(&format!(
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{message}</auth>"
        ));
        wire.until("<success");
        wire.say(header);
        wire.until("</stream:features>");
        wire
    }

    /// One with a session, available. With the id under which it can be resumed; nothing has been counted yet.
    fn log_in(address: SocketAddr, name: &str) -> (Wire, String) {
        let mut wire = Wire::connect(address, name);
        wire.say("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
        wire.until("</iq>");
        wire.say("<presence/>");
        wire.until("<presence");
        wire.say("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
        wire.until("<enabled ");
        let enabled = wire.until("/>");
        let id = enabled.split("id='").nth(1).unwrap().split('\'').next().unwrap().to_owned();
        (wire, id)
    }

    fn say(&mut self, xml: &str) {
        self.socket.write_all(xml.as_bytes()).unwrap();
    }

    /// Reads until something has come; what came before it, and it, are taken.
    fn until(&mut self, what: &str) -> String {
        loop {
            if let Some(at) = self.text.find(what) {
                let rest = self.text.split_off(at + what.len());
                return std::mem::replace(&mut self.text, rest);
            }
            let mut bytes = [0; 4096];
            let count = self.socket.read(&mut bytes).unwrap();
            assert!(count > 0, "no {what:?} in {:?}", self.text);
            self.text.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
        }
    }

    fn chat(&mut self, to: &str, number: u32) {
        self.say(&format!("<message type='chat' to='{to}@localhost'><body>{number}</body></message>"));
    }

    /// Reads these messages, in order, and nothing else.
    fn read(&mut self, numbers: impl IntoIterator<Item = u32>) {
        for number in numbers {
            let message = self.until("</message>");
            assert!(message.ends_with(&format!("<body>{number}</body></message>")), "{number}: {message}");
            assert_eq!(message.matches("<message").count(), 1);
        }
    }

    fn resume(&mut self, id: &str, h: u32) {
        self.say(&format!("<resume xmlns='urn:xmpp:sm:3' previd='{id}' h='{h}'/>"));
    }

    /// Asks what the server has, and so waits until it has handled everything.
    fn handled(&mut self) -> u32 {
        self.say("<r xmlns='urn:xmpp:sm:3'/>");
        self.until("<a xmlns='urn:xmpp:sm:3' h='");
        self.until("'/>").trim_end_matches("'/>").parse().unwrap()
    }
}

/// The socket is cut again and again, at times with something in it that nobody has read: nothing is lost, nothing doubled.
pub(crate) fn a_session_is_resumed_over_another_connection<S: Serves>() {
    let world = World::<S>::new(in_the_clear);
    let (mut alice, id) = Wire::log_in(world.address, "alice");
    let (mut bob, _) = Wire::log_in(world.address, "bob");
    let mut sent = 0;
    for round in 0..10 {
        for _ in 0..20 {
            sent += 1;
            bob.chat("alice", sent);
        }
        assert_eq!(bob.handled(), sent);
        // Of these it reads some, and then it is gone.
        alice.read(sent - 19..sent - round);
        if round % 2 == 0 {
            alice.socket.shutdown(Shutdown::Both).unwrap();
        }
        alice = Wire::connect(world.address, "alice");
        alice.resume(&id, sent - round - 1);
        alice.until("<resumed ");
        alice.until("/>");
        alice.read(sent - round..=sent);
        alice.chat("bob", sent);
        bob.read([sent]);
    }
    assert_eq!(alice.handled(), 10);
    assert!(world.server.shutdown());
}

/// A client that is as far behind as it may be gets everything at once when it is back.
pub(crate) fn all_that_may_wait_comes_back<S: Serves>() {
    let world = World::<S>::new(in_the_clear);
    let most = waxwing_core::server::hub::Limits::default().unacknowledged as u32;
    let (alice, id) = Wire::log_in(world.address, "alice");
    let (mut bob, _) = Wire::log_in(world.address, "bob");
    alice.socket.shutdown(Shutdown::Both).unwrap();
    let messages: String = (1..=most)
        .map(|number| format!("<message type='chat' to='alice@localhost'><body>{number}</body></message>"))
        .collect();
    bob.say(&messages);
    assert_eq!(bob.handled(), most);
    let mut alice = Wire::connect(world.address, "alice");
    alice.resume(&id, 0);
    alice.until("<resumed ");
    alice.until("/>");
    alice.read(1..=most);
    assert_eq!(alice.handled(), 0);
}

/// Who resumes takes the session from the connection that still has it.
pub(crate) fn a_session_moves<S: Serves>() {
    let world = World::<S>::new(in_the_clear);
    let (mut alice, id) = Wire::log_in(world.address, "alice");
    let mut again = Wire::connect(world.address, "alice");
    again.resume(&id, 0);
    again.until("<resumed ");
    alice.until("<conflict ");
    alice.until("</stream:stream>");
    assert_eq!(again.handled(), 0);
}

/// Nobody else can resume it, however many try at once; of those who may, one has it in the end.
pub(crate) fn nobody_else_resumes_a_session<S: Serves>() {
    let world = World::<S>::new(in_the_clear);
    let (alice, id) = Wire::log_in(world.address, "alice");
    alice.socket.shutdown(Shutdown::Both).unwrap();
    let race = |name: &'static str| {
        let (id, address) = (id.clone(), world.address);
        move || {
            let mut wire = Wire::connect(address, name);
            wire.resume(&id, 0);
            let answer = wire.until("urn:xmpp:sm:3'");
            (answer.contains("<resumed "), wire)
        }
    };
    let results: Vec<(bool, Wire)> = std::thread::scope(|scope| {
        let racers = ["alice", "bob", "alice", "bob", "alice", "bob"].map(|name| scope.spawn(race(name)));
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    let resumed: Vec<bool> = results.iter().map(|(resumed, _)| *resumed).collect();
    assert_eq!(resumed, [true, false, true, false, true, false]);
    // The others of alice's have been closed.
    let mut open = 0;
    for (_, mut wire) in results.into_iter().filter(|(resumed, _)| *resumed) {
        wire.say("<r xmlns='urn:xmpp:sm:3'/>");
        let mut text = std::mem::take(&mut wire.text);
        let mut bytes = [0; 4096];
        while !text.contains("<a ") && !text.contains("<conflict ") {
            let count = wire.socket.read(&mut bytes).unwrap();
            assert!(count > 0, "{text}");
            text.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
        }
        open += u32::from(!text.contains("<conflict "));
    }
    assert_eq!(open, 1);
}
