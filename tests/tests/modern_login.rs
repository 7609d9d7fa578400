//! SASL2, Bind 2 and tokens over real TLS, with a hub and a store behind them, and a bare stream for a client.

use std::sync::Arc;
use std::time::Duration;
use waxwing_core::jid::{BareJid, Jid};
use waxwing_core::machine::{Entropy, Now};
use waxwing_core::ns;
use waxwing_core::sasl::{ClientSession, Credentials, Mechanism, Policy, StoredCredentials};
use waxwing_core::server::connection::{Config, Transport};
use waxwing_core::server::hub::{self, AdminId, Hub};
use waxwing_core::server::single::{ConnectionId, Server};
use waxwing_core::server::store::{MemoryStore, Record};
use waxwing_core::stream::management::Management;
use waxwing_core::stream::sasl2::{Authenticate, ClientId, Message, Resume, Success, UserAgent};
use waxwing_core::stream::tls::{ClientTls, Fingerprint, ServerTls, default_provider};
use waxwing_core::stream::{self, Features, Header, Incoming, Limits, Role, Stream, bind2, fast};
use waxwing_core::xml::Element;
use waxwing_tests::{Clock, SelfSigned};

const PASSWORD: &str = "r0m30myr0m30";

struct World {
    server: Server,
    store: MemoryStore,
    tls: ClientTls,
    now: Now,
}

/// A client's connection.
struct Peer {
    id: ConnectionId,
    stream: Stream,
    received: Vec<Element>,
    is_over: bool,
}

fn credentials(password: &str) -> StoredCredentials {
    StoredCredentials::derive(password, 4, &mut Entropy::from_seed([1; 32])).expect("a password")
}

fn juliet() -> BareJid {
    BareJid::new("juliet@im.example.com").expect("an address")
}

impl World {
    fn new() -> World {
        let made = SelfSigned::new(&["im.example.com"]);
        let key = made.key_der.clone().try_into().expect("a key");
        let tls = ServerTls::new(vec![made.certificate_der.clone().into()], key).expect("a certificate");
        let fingerprint = Fingerprint::of(&made.certificate_der);
        let domain = BareJid::new("im.example.com").expect("an address");
        let mut config = Config::new([domain.clone()], [7; 32]);
        config.tls = Some(tls);
        config.sasl.iterations = 4;
        let hub = Hub::new(hub::Config::new(domain), Entropy::from_seed([2; 32]));
        let mut store = MemoryStore::new();
        store.insert(juliet(), Record::new(credentials(PASSWORD)));
        World {
            server: Server::new(Arc::new(config), hub, Entropy::from_seed([3; 32])),
            store,
            tls: ClientTls::with_fingerprint(default_provider(), fingerprint).expect("a configuration"),
            now: Clock::new().now(),
        }
    }

    /// Over TLS; with the server's features.
    fn connect(&mut self) -> (Peer, Features) {
        let config = stream::Config { role: Role::Initiator, content_ns: ns::CLIENT, limits: Limits::SERVER };
        let id = self.server.accept(self.now, Transport::DirectTls);
        let mut peer =
            Peer { id, stream: Stream::new(config, self.now), received: Vec::new(), is_over: false };
        peer.stream.start_tls_client(self.now, &self.tls, "im.example.com");
        self.run(&mut peer);
        let to = Jid::new("im.example.com").expect("an address");
        peer.stream.open(&Header {
            to: Some(to),
            from: Some(juliet().into()),
            version: Some((1, 0)),
            ..Header::default()
        });
        let features = Features::parse(self.element(&mut peer).root());
        (peer, features)
    }

    /// Carries bytes until none are left.
    fn run(&mut self, peer: &mut Peer) {
        loop {
            let (mut up, mut down) = (Vec::new(), Vec::new());
            peer.stream.transmit(&mut up);
            if !up.is_empty() {
                self.server.receive(self.now, peer.id, &up);
            }
            self.server.run_store(self.now, &mut self.store);
            self.server.transmit(peer.id, &mut down);
            let mut rest = down.as_slice();
            while let Some(item) = peer.stream.next(self.now, &mut rest) {
                match item {
                    Incoming::Element(element) => peer.received.push(element),
                    Incoming::Closed(_) => peer.is_over = true,
                    _ => {}
                }
            }
            if up.is_empty() && down.is_empty() && peer.stream.queued() == 0 {
                return;
            }
        }
    }

    fn element(&mut self, peer: &mut Peer) -> Element {
        self.run(peer);
        assert!(!peer.received.is_empty(), "nothing came");
        peer.received.remove(0)
    }

    fn message(&mut self, peer: &mut Peer) -> Message {
        let element = self.element(peer);
        Message::parse(element.root()).unwrap_or_else(|error| panic!("{error}: {element:?}"))
    }

    /// With the password; asks for a token and for a session that can be resumed.
    fn login(&mut self, password: &str) -> Option<(Peer, Success)> {
        let (mut peer, features) = self.connect();
        let offered = features.authentication().expect("SASL2");
        let names: Vec<&str> = offered.mechanisms.iter().map(String::as_str).collect();
        let tls = peer.stream.tls().expect("TLS").bindings.clone();
        let username = "juliet".to_owned();
        let credentials = Credentials::Password { username, password: password.to_owned() };
        let policy = Policy { min_iterations: 1, ..Policy::default() };
        let announced = features.channel_bindings();
        let mut entropy = Entropy::from_seed([5; 32]);
        let (mut session, start) = ClientSession::start(
            &names,
            &credentials,
            &policy,
            true,
            &tls,
            announced.as_deref(),
            &mut entropy,
        )
        .expect("a mechanism");
        assert!(matches!(start.mechanism, Mechanism::Scram { plus: true, .. }));
        let fast = offered.inline.fast.as_ref().expect("tokens");
        let names: Vec<&str> = fast.mechanisms.iter().map(String::as_str).collect();
        let mechanism = Mechanism::best_with_token(&names, &tls).expect("one of them").name().to_owned();
        assert_eq!(mechanism, "HT-SHA-256-EXPR");
        let mut request = request(start.mechanism, start.initial);
        request.request_token = Some(fast::RequestToken { mechanism });
        peer.stream.send(&Message::Authenticate(Box::new(request)).to_element());
        let Message::Challenge(challenge) = self.message(&mut peer) else { panic!("a challenge") };
        let answer = session.challenge(&challenge).expect("nobody has changed what was offered");
        peer.stream.send(&Message::Response(answer).to_element());
        match self.message(&mut peer) {
            Message::Success(success) => {
                session.success(success.data.as_deref()).expect("a server that knows the keys");
                Some((peer, *success))
            }
            Message::Failure(_) => None,
            other => panic!("{other:?}"),
        }
    }

    /// With a token: one round trip.
    fn with_token(&mut self, token: &str, resume: Option<Resume>) -> Option<(Peer, Success)> {
        let (mut peer, _) = self.connect();
        let tls = peer.stream.tls().expect("TLS").bindings.clone();
        let mechanism = Mechanism::with_token("HT-SHA-256-EXPR").expect("a mechanism");
        let (mut session, start) =
            ClientSession::with_token(mechanism, "juliet", token, &Policy::default(), true, &tls)
                .expect("it begins");
        let mut request = request(mechanism, start.initial);
        request.fast = Some(fast::Use::default());
        request.resume = resume;
        peer.stream.send(&Message::Authenticate(Box::new(request)).to_element());
        match self.message(&mut peer) {
            Message::Success(success) => {
                session.success(success.data.as_deref()).expect("a server that knows the token");
                Some((peer, *success))
            }
            Message::Failure(_) => None,
            other => panic!("{other:?}"),
        }
    }
}

fn request(mechanism: Mechanism, initial: Option<Vec<u8>>) -> Authenticate {
    let mut client = UserAgent::default();
    client.id = Some(ClientId::from_random([6; 16]));
    let mut bind = bind2::Request::default();
    bind.tag = Some("Balcony".to_owned());
    bind.management = Some(bind2::Enable { resume: true, max: None });
    let mut request = Authenticate::new(mechanism.name(), initial);
    request.user_agent = Some(client);
    request.bind = Some(bind);
    request
}

fn previd(success: &Success) -> String {
    match success.bound.as_ref().and_then(|bound| bound.management.clone()) {
        Some(Management::Enabled { id: Some(id), resume: true, .. }) => id,
        other => panic!("{other:?}"),
    }
}

#[test]
fn xep0388_xep0386_xep0484_from_the_password_to_a_session_and_back_with_a_token() {
    let mut world = World::new();
    let (mut peer, first) = world.login(PASSWORD).expect("success");
    assert!(first.identity.to_string().starts_with("juliet@im.example.com/Balcony/"), "{first:?}");
    let token = first.token.clone().expect("a token").token;
    previd(&first);
    assert!(world.element(&mut peer).is("features", ns::STREAM));

    // The client's earlier session ends with its next one (XEP-0386 section 3.2).
    let (mut next, second) = world.with_token(&token, None).expect("success");
    assert_ne!(first.identity, second.identity);
    assert_eq!(second.token, None, "not due");
    world.run(&mut peer);
    assert!(peer.is_over);
    let features = world.element(&mut next);
    assert!(features.is("features", ns::STREAM) && features.child("bind", ns::BIND).is_none());

    // It is a session like any other: of what follows, everything is acknowledged.
    let ping = format!("<iq xmlns='jabber:client' type='get' id='p'><ping xmlns='{}'/></iq>", ns::PING);
    next.stream.send(&Element::parse(ping.as_bytes(), Limits::SERVER.xml).expect("well-formed"));
    next.stream.send(&Management::Request.to_element());
    let answer = world.element(&mut next);
    assert_eq!((answer.name(), answer.attr("type")), ("iq", Some("result")), "{answer:?}");
    assert_eq!(Management::parse(world.element(&mut next).root()), Ok(Management::Answer { h: 1 }));

    // Bound to the channel: what another connection has proved proves nothing here, and guesses do not either.
    assert!(world.with_token("guess", None).is_none());
}

#[test]
fn xep0198_7_2_a_broken_session_is_resumed_in_one_round_trip() {
    let mut world = World::new();
    let (peer, first) = world.login(PASSWORD).expect("success");
    let token = first.token.clone().expect("a token").token;
    let id = previd(&first);
    world.server.disconnected(world.now, peer.id);

    let resume = Resume { previd: id.clone(), h: 0 };
    let (mut next, success) = world.with_token(&token, Some(resume)).expect("success");
    assert_eq!(success.resumption, Some(Management::Resumed { previd: id.clone(), h: 0 }));
    assert_eq!((success.identity, success.bound), (first.identity, None));
    world.run(&mut next);
    assert!(next.received.is_empty(), "no features: {:?}", next.received);

    // What cannot be resumed is bound anew, in the same round trip.
    let resume = Resume { previd: "another".to_owned(), h: 0 };
    let (_, success) = world.with_token(&token, Some(resume)).expect("success");
    assert!(matches!(success.resumption, Some(Management::Failed { .. })));
    previd(&success);
}

#[test]
fn xep0484_5_a_token_goes_with_the_password_and_with_the_account() {
    let mut world = World::new();
    let (_, success) = world.login(PASSWORD).expect("success");
    let token = success.token.expect("a token").token;
    let now = world.now;
    let other = credentials("another one");
    world.server.with_hub(now, |hub| hub.set_credentials(now, AdminId(1), juliet(), other));
    world.server.run_store(now, &mut world.store);
    assert!(world.with_token(&token, None).is_none());
    assert!(world.login(PASSWORD).is_none());

    let (_, success) = world.login("another one").expect("success");
    let token = success.token.expect("a token").token;
    world.server.with_hub(now, |hub| hub.delete_account(now, AdminId(2), juliet()));
    world.server.run_store(now, &mut world.store);
    assert!(world.with_token(&token, None).is_none());
    world.store.insert(juliet(), Record::new(credentials("another one")));
    assert!(world.with_token(&token, None).is_none(), "another account of the same name");
}

#[test]
fn xep0484_3_5_a_token_is_renewed_while_it_is_used() {
    let mut world = World::new();
    let (_, success) = world.login(PASSWORD).expect("success");
    let mut token = success.token.expect("a token").token;
    for _ in 0..30 {
        world.now = world.now.after(Duration::from_secs(24 * 60 * 60));
        let (_, success) = world.with_token(&token, None).expect("success");
        token = success.token.expect("it is due").token;
    }
    world.now = world.now.after(Duration::from_secs(21 * 24 * 60 * 60));
    assert!(world.with_token(&token, None).is_none());
}
