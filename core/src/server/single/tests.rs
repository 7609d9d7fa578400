//! Clients, played by hand, on a whole server.

mod client_state;
mod management;

use super::*;
use crate::jid::BareJid;
use crate::machine::Utc;
use crate::sasl::StoredCredentials;
use crate::server::connection::Config;
use crate::server::hub;
use crate::server::store::Record;
use crate::stream::{Closed, Condition};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

const PASSWORD: &str = "r0m30myr0m30";
const SECOND: Duration = Duration::from_secs(1);

struct World {
    server: Server,
    store: MemoryStore,
    store_is_up: bool,
    now: Now,
    /// What clients have received and nobody has looked at.
    received: BTreeMap<ConnectionId, String>,
    events: Vec<Event>,
    closed: Vec<ConnectionId>,
}

fn domain() -> BareJid {
    BareJid::new("im.example.com").unwrap()
}

fn stored() -> StoredCredentials {
    static STORED: OnceLock<StoredCredentials> = OnceLock::new();
    STORED
        .get_or_init(|| StoredCredentials::derive(PASSWORD, 4, &mut Entropy::from_seed([1; 32])).unwrap())
        .clone()
}

impl World {
    /// A server that knows juliet and romeo.
    fn new() -> World {
        World::with(|_| ())
    }

    fn with(change: impl FnOnce(&mut Config)) -> World {
        let mut config = Config::new([domain()], [7; 32]);
        config.sasl.require_tls = false;
        config.sasl.plain_without_tls = true;
        config.sasl.anonymous = true;
        config.sasl.iterations = 4;
        change(&mut config);
        let hub = Hub::new(hub::Config::new(domain()), Entropy::from_seed([2; 32]));
        let mut store = MemoryStore::new();
        for name in ["juliet", "romeo"] {
            let account = BareJid::new(&format!("{name}@im.example.com")).unwrap();
            store.insert(account, Record::new(stored()));
        }
        World {
            server: Server::new(Arc::new(config), hub, Entropy::from_seed([3; 32])),
            store,
            store_is_up: true,
            now: Now::new(Instant::ORIGIN, Utc::from_unix_millis(1_767_225_600_000)),
            received: BTreeMap::new(),
            events: Vec::new(),
            closed: Vec::new(),
        }
    }

    fn connect(&mut self) -> ConnectionId {
        let id = self.server.accept(self.now, Transport::Plain);
        self.run();
        id
    }

    fn login(&mut self, user: &str, resource: &str) -> ConnectionId {
        let id = self.connect();
        self.send(id, &login(user, PASSWORD, resource));
        let answer = self.read(id);
        assert!(answer.contains(&format!("<jid>{user}@im.example.com/{resource}</jid>")), "{answer}");
        id
    }

    fn send(&mut self, id: ConnectionId, text: &str) {
        self.server.receive(self.now, id, text.as_bytes());
        self.run();
    }

    fn read(&mut self, id: ConnectionId) -> String {
        self.received.remove(&id).unwrap_or_default()
    }

    /// Lets time pass, ticking when the server asks for it.
    fn wait(&mut self, time: Duration) {
        let end = self.now.instant + time;
        while let Some(due) = self.server.deadline().filter(|due| due.at <= end) {
            self.now = self.now.after(due.at - self.now.instant);
            self.server.tick(self.now);
            self.run();
        }
        self.now = self.now.after(end - self.now.instant);
    }

    fn run(&mut self) {
        if self.store_is_up {
            self.server.run_store(self.now, &mut self.store);
        }
        while let Some(id) = self.server.poll_writable() {
            let mut out = Vec::new();
            self.server.transmit(id, &mut out);
            *self.received.entry(id).or_default() += std::str::from_utf8(&out).unwrap();
            if self.server.is_finished(id) {
                self.closed.push(id);
            }
        }
        self.events.extend(std::iter::from_fn(|| self.server.poll_event()));
    }

    fn onlines(&self) -> Vec<String> {
        let line = |event: &Event| match event {
            Event::Online { jid, .. } => Some(format!("+{jid}")),
            Event::Offline { jid, .. } => Some(format!("-{jid}")),
            _ => None,
        };
        self.events.iter().filter_map(line).collect()
    }
}

fn header() -> &'static str {
    "<stream:stream to='im.example.com' version='1.0' xmlns='jabber:client' \
     xmlns:stream='http://etherx.jabber.org/streams'>"
}

fn login(user: &str, password: &str, resource: &str) -> String {
    let message = BASE64.encode(format!("\0{user}\0{password}"));
    format!(
        "{header}<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{message}</auth>{header}\
         <iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>{resource}</resource></bind></iq>",
        header = header()
    )
}

#[test]
fn two_sessions_chat() {
    let mut world = World::new();
    let (juliet, romeo) = (world.login("juliet", "balcony"), world.login("romeo", "orchard"));
    world.send(juliet, "<presence/>");
    world.send(romeo, "<presence/>");
    world.read(juliet);
    world.read(romeo);
    world.send(
        juliet,
        "<message type='chat' to='romeo@im.example.com' id='1'><body>hi &amp; ☃</body></message>",
    );
    assert_eq!(world.read(juliet), "");
    let got = world.read(romeo);
    assert!(got.contains("from='juliet@im.example.com/balcony'"), "{got}");
    assert!(got.contains("<body>hi &amp; ☃</body></message>"), "{got}");
    world.send(romeo, "<message type='chat' to='juliet@im.example.com/balcony'><body>ho</body></message>");
    assert!(world.read(juliet).contains("<body>ho</body>"));
    assert_eq!(world.onlines(), ["+juliet@im.example.com/balcony", "+romeo@im.example.com/orchard"]);
}

#[test]
fn a_session_ends_with_its_connection() {
    let mut world = World::new();
    let juliet = world.login("juliet", "balcony");
    world.send(juliet, "</stream:stream>");
    assert_eq!(world.read(juliet), "</stream:stream>");
    assert_eq!(world.closed, [juliet]);
    assert_eq!(world.server.connections(), 0, "forgotten once it has nothing left to send");
    assert_eq!(world.onlines(), ["+juliet@im.example.com/balcony", "-juliet@im.example.com/balcony"]);
    assert!(matches!(world.events.last(), Some(Event::Closed { closed: Closed::Clean, .. })));

    let again = world.login("juliet", "balcony");
    assert_ne!(again, juliet);
    world.server.receive(world.now, juliet, b"<presence/>");
    world.run();
    assert_eq!((world.read(juliet), world.read(again)), (String::new(), String::new()));
}

#[test]
fn a_transport_that_fails_is_forgotten_at_once() {
    let mut world = World::new();
    let juliet = world.login("juliet", "balcony");
    world.server.disconnected(world.now, juliet);
    assert_eq!(world.server.connections(), 0);
    assert!(world.server.is_finished(juliet));
    world.run();
    assert_eq!(world.onlines(), ["+juliet@im.example.com/balcony", "-juliet@im.example.com/balcony"]);
    world.login("juliet", "balcony");
}

#[test]
fn rfc6120_7_7_2_2_a_new_session_may_replace_one_with_its_resource() {
    let mut world = World::new();
    let old = world.login("juliet", "balcony");
    let new = world.login("juliet", "balcony");
    let farewell = world.read(old);
    assert!(farewell.contains("<conflict ") && farewell.ends_with("</stream:stream>"), "{farewell}");
    assert_eq!(world.server.connections(), 1);
    world.send(new, "<iq type='get' id='p' to='im.example.com'><ping xmlns='urn:xmpp:ping'/></iq>");
    assert!(world.read(new).contains("type='result'"));
}

#[test]
fn a_wrong_password_is_reported() {
    let mut world = World::new();
    let id = world.connect();
    world.send(id, &login("juliet", "wrong", "balcony"));
    assert!(world.read(id).contains("<not-authorized/></failure>"));
    assert!(world.events.iter().any(|event| matches!(event,
        Event::AuthenticationFailed { account: Some(account), .. } if account.as_str() == "juliet@im.example.com")));
}

#[test]
fn rfc6120_6_5_11_a_store_that_does_not_answer_costs_a_login_and_no_more() {
    let mut world = World::new();
    let juliet = world.login("juliet", "balcony");
    world.store_is_up = false;
    let romeo = world.connect();
    world.send(romeo, &login("romeo", PASSWORD, "orchard"));
    assert!(!world.read(romeo).contains("<success"));
    world.send(juliet, "<iq type='get' id='p' to='im.example.com'><ping xmlns='urn:xmpp:ping'/></iq>");
    assert!(world.read(juliet).contains("type='result'"), "routing goes on");
    world.wait(15 * SECOND);
    let answer = world.read(romeo);
    assert!(answer.contains("<temporary-auth-failure/>"), "{answer}");
}

#[test]
fn a_connection_that_is_gone_before_its_answer_comes() {
    let mut world = World::new();
    world.store_is_up = false;
    let id = world.connect();
    world.send(id, &login("juliet", PASSWORD, "balcony"));
    world.server.disconnected(world.now, id);
    world.store_is_up = true;
    world.run();
    assert_eq!(world.server.connections(), 0);
    assert!(world.onlines().is_empty());
    world.login("juliet", "balcony");
}

#[test]
fn rfc6120_4_9_3_20_shutdown_ends_every_stream() {
    let mut world = World::new();
    let ids = [world.login("juliet", "balcony"), world.login("romeo", "orchard"), world.connect()];
    world.server.shutdown(world.now, StreamError::new(Condition::SystemShutdown));
    world.run();
    for id in ids {
        let farewell = world.read(id);
        assert!(farewell.contains("<system-shutdown "), "{farewell}");
        assert!(farewell.ends_with("</stream:stream>"), "{farewell}");
    }
    assert_eq!((world.closed.len(), world.server.connections()), (3, 0));
    assert!(world.server.alarms.is_empty());
}

#[test]
fn every_connection_has_its_own_deadline() {
    let mut world = World::new();
    let juliet = world.login("juliet", "balcony");
    for _ in 0..100 {
        world.connect();
        world.wait(SECOND / 10);
    }
    assert_eq!(world.server.connections(), 101);
    world.wait(19 * SECOND);
    assert_eq!(world.server.connections(), 101);
    world.wait(6 * SECOND);
    let left = world.server.connections();
    assert!((45..=55).contains(&left), "half of them have run out of time: {left}");
    world.wait(6 * SECOND);
    assert_eq!(world.server.connections(), 1);
    assert!(!world.server.is_finished(juliet));
}

#[test]
fn equal_inputs_give_equal_outputs() {
    let run = || {
        let mut world = World::new();
        let juliet = world.login("juliet", "balcony");
        let anonymous = world.connect();
        let auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'>=</auth>";
        world.send(anonymous, &[header(), auth, header()].concat());
        world.send(anonymous, "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
        world.send(juliet, "<presence/>");
        world.wait(2000 * SECOND);
        (world.received, format!("{:?}", world.events))
    };
    assert_eq!(run(), run());
}
