//! STARTTLS and direct TLS on the server's side, with a bare stream for a client (RFC 6120 section 5, XEP-0368).

use std::sync::Arc;
use waxwing_core::jid::{BareJid, Jid};
use waxwing_core::machine::{Entropy, Machine, Now};
use waxwing_core::ns;
use waxwing_core::sasl::{ClientSession, Credentials, Mechanism, Policy, StoredCredentials};
use waxwing_core::server::bind::Granted;
use waxwing_core::server::connection::{Config, Connection, Event, Transport};
use waxwing_core::stream::tls::{ClientTls, Fingerprint, ServerTls, default_provider};
use waxwing_core::stream::{self, Closed, Condition, Features, Header, Incoming, Limits, Role, Stream};
use waxwing_core::xml::Element;
use waxwing_tests::{Clock, SelfSigned};

const PASSWORD: &str = "r0m30myr0m30";
const STARTTLS: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

/// A connection and its client.
struct Pair {
    server: Connection,
    client: Stream,
    client_tls: ClientTls,
    now: Now,
    /// What the client received.
    incoming: Vec<Incoming>,
    closed: Option<Closed>,
}

impl Pair {
    fn new(transport: Transport) -> Pair {
        let made = SelfSigned::new(&["im.example.com"]);
        let key = made.key_der.clone().try_into().expect("a key");
        let server_tls =
            ServerTls::new(vec![made.certificate_der.clone().into()], key).expect("a certificate");
        let server_tls = server_tls.requesting_certificates().expect("a configuration");
        let fingerprint = Fingerprint::of(&made.certificate_der);
        let client_tls =
            ClientTls::with_fingerprint(default_provider(), fingerprint).expect("a configuration");
        let mut config = Config::new([BareJid::new("im.example.com").expect("an address")], [7; 32]);
        config.tls = Some(server_tls);
        config.sasl.iterations = 4;
        let now = Clock::new().now();
        let stream_config =
            stream::Config { role: Role::Initiator, content_ns: ns::CLIENT, limits: Limits::SERVER };
        Pair {
            server: Connection::new(Arc::new(config), transport, Entropy::from_seed([9; 32]), now),
            client: Stream::new(stream_config, now),
            client_tls,
            now,
            incoming: Vec::new(),
            closed: None,
        }
    }

    /// Carries bytes until none are left. What the client receives goes to `incoming`.
    fn run(&mut self) {
        loop {
            let (mut up, mut down) = (Vec::new(), Vec::new());
            self.client.transmit(&mut up);
            if !up.is_empty() {
                self.server.receive(self.now, &up);
            }
            while let Some(event) = self.server.poll_event() {
                self.answer(event);
            }
            self.server.transmit(&mut down);
            let mut rest = down.as_slice();
            while let Some(item) = self.client.next(self.now, &mut rest) {
                self.incoming.push(item);
            }
            if up.is_empty() && down.is_empty() && self.client.queued() == 0 {
                return;
            }
        }
    }

    fn answer(&mut self, event: Event) {
        match event {
            Event::Lookup { .. } => {
                let stored = StoredCredentials::derive(PASSWORD, 4, &mut Entropy::from_seed([1; 32]));
                self.server.credentials(self.now, Ok(stored));
            }
            Event::Bind { account, request } => {
                let jid =
                    account.with_resource(request.resource.asked().expect("a resource")).expect("an address");
                self.server.bound(self.now, jid, Granted::default());
            }
            Event::Closed(closed) => self.closed = Some(closed),
            _ => {}
        }
    }

    /// Opens a stream; returns the server's features.
    fn open(&mut self) -> Features {
        let to = Jid::new("im.example.com").expect("an address");
        self.client.open(&Header { to: Some(to), version: Some((1, 0)), ..Header::default() });
        Features::parse(self.element().root())
    }

    fn send(&mut self, xml: &str) {
        let element = Element::parse(xml.as_bytes(), Limits::SERVER.xml).expect("well-formed");
        self.client.send(&element);
    }

    /// The next element that the client receives.
    fn element(&mut self) -> Element {
        self.run();
        let element = self.incoming.drain(..).find_map(|item| match item {
            Incoming::Element(element) => Some(element),
            _ => None,
        });
        element.expect("an element")
    }

    /// From the features after TLS to a session. Returns the mechanism used.
    fn login(&mut self, features: &Features) -> Mechanism {
        let offered: Vec<&str> = features.mechanisms().iter().map(String::as_str).collect();
        let username = "juliet".to_owned();
        let credentials = Credentials::Password { username, password: PASSWORD.to_owned() };
        let policy = Policy { min_iterations: 1, ..Policy::default() };
        let bindings = self.client.tls().expect("TLS").bindings.clone();
        let server_cb = features.channel_bindings();
        let mut entropy = Entropy::from_seed([5; 32]);
        let (mut session, start) = ClientSession::start(
            &offered,
            &credentials,
            &policy,
            true,
            &bindings,
            server_cb.as_deref(),
            &mut entropy,
        )
        .expect("a mechanism");
        let initial = base64(&start.initial.expect("SCRAM begins"));
        let name = start.mechanism.name();
        self.send(&format!("<auth xmlns='{}' mechanism='{name}'>{initial}</auth>", ns::SASL));
        let challenge = self.element();
        assert!(challenge.is("challenge", ns::SASL), "{challenge:?}");
        let response = session.challenge(&unbase64(&challenge.text())).expect("a response");
        self.send(&format!("<response xmlns='{}'>{}</response>", ns::SASL, base64(&response)));
        let success = self.element();
        assert!(success.is("success", ns::SASL), "{success:?}");
        session.success(Some(&unbase64(&success.text()))).expect("a server that knows the keys");
        self.client.restart();
        let features = self.open();
        assert!(features.bind());
        self.send(&format!(
            "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='{}'><resource>balcony</resource></bind></iq>",
            ns::BIND
        ));
        let result = self.element();
        assert!(result.attr("type") == Some("result"), "{result:?}");
        start.mechanism
    }
}

fn is_bound_scram(mechanism: Mechanism) -> bool {
    matches!(mechanism, Mechanism::Scram { plus: true, .. })
}

#[test]
fn rfc6120_5_4_starttls_then_scram_bound_to_the_channel() {
    let mut pair = Pair::new(Transport::Plain);
    let features = pair.open();
    assert_eq!(features.list.len(), 1, "RFC 6120 section 5.3.1: nothing else before TLS: {features:?}");
    assert_eq!(features.starttls(), Some(true));

    pair.send(STARTTLS);
    assert!(pair.element().is("proceed", ns::TLS));
    pair.client.start_tls_client(pair.now, &pair.client_tls.clone(), "im.example.com");
    pair.run();
    assert!(matches!(pair.incoming.as_slice(), [Incoming::Secured(_)]));
    let features = pair.open();
    assert_eq!(features.starttls(), None, "RFC 6120 section 5.4.3.3");
    assert!(!features.mechanisms().iter().any(|name| name == "EXTERNAL"), "there is no certificate");
    assert!(is_bound_scram(pair.login(&features)));
    let facts = pair.server.session_facts();
    assert_eq!(facts.jid.map(ToString::to_string).as_deref(), Some("juliet@im.example.com/balcony"));
    assert!(facts.tls.is_some_and(|tls| tls.version.is_some() && tls.alpn.is_none()));

    pair.client.close(pair.now);
    pair.run();
    assert_eq!(pair.closed, Some(Closed::Clean));
}

#[test]
fn xep0368_direct_tls() {
    let mut pair = Pair::new(Transport::DirectTls);
    pair.client.start_tls_client(pair.now, &pair.client_tls.clone(), "im.example.com");
    pair.run();
    let features = pair.open();
    assert_eq!(features.starttls(), None);
    assert!(is_bound_scram(pair.login(&features)));
    let tls = pair.server.session_facts().tls.expect("TLS");
    assert_eq!(tls.alpn.as_deref(), Some(&b"xmpp-client"[..]));
}

#[test]
fn rfc6120_6_3_4_external_is_offered_to_a_client_with_a_certificate() {
    let mut pair = Pair::new(Transport::DirectTls);
    let own = SelfSigned::new(&["juliet.example.com"]);
    let key = own.key_der.clone().try_into().expect("a key");
    let tls = pair.client_tls.clone().with_certificate(vec![own.certificate_der.clone().into()], key);
    pair.client.start_tls_client(pair.now, &tls.expect("a certificate"), "im.example.com");
    pair.run();
    assert!(pair.open().mechanisms().iter().any(|name| name == "EXTERNAL"));
    pair.send(&format!("<auth xmlns='{}' mechanism='EXTERNAL'>=</auth>", ns::SASL));
    let mut up = Vec::new();
    pair.client.transmit(&mut up);
    pair.server.receive(pair.now, &up);
    let Some(Event::CertificateVerdict { certificates, .. }) = pair.server.poll_event() else {
        panic!("nobody asked")
    };
    assert_eq!(certificates, [own.certificate_der]);
    pair.server.verdict(pair.now, Ok("juliet".to_owned()));
    assert!(pair.element().is("success", ns::SASL));
}

#[test]
fn rfc6120_6_5_4_nobody_logs_in_before_tls() {
    let mut pair = Pair::new(Transport::Plain);
    pair.open();
    pair.send(&format!("<auth xmlns='{}' mechanism='PLAIN'>AGp1bGlldAB4</auth>", ns::SASL));
    let failure = pair.element();
    assert!(failure.child("encryption-required", ns::SASL).is_some(), "{failure:?}");
}

#[test]
fn rfc6120_5_3_1_where_tls_is_voluntary_mechanisms_are_offered_beside_it() {
    let made = SelfSigned::new(&["im.example.com"]);
    let key = made.key_der.clone().try_into().expect("a key");
    let mut config = Config::new([BareJid::new("im.example.com").expect("an address")], [7; 32]);
    config.tls = Some(ServerTls::new(vec![made.certificate_der.into()], key).expect("a certificate"));
    config.sasl.require_tls = false;
    let mut pair = Pair::new(Transport::Plain);
    pair.server = Connection::new(Arc::new(config), Transport::Plain, Entropy::from_seed([9; 32]), pair.now);
    let features = pair.open();
    assert_eq!(features.starttls(), Some(false));
    assert!(features.mechanisms().iter().any(|name| name == "SCRAM-SHA-1"));
    assert!(!features.mechanisms().iter().any(|name| name == "PLAIN"));
}

/// Commands smuggled in behind `<starttls/>` must not be taken for something that came over TLS.
#[test]
fn rfc6120_5_4_3_3_plaintext_behind_starttls_is_not_looked_at() {
    let mut pair = Pair::new(Transport::Plain);
    pair.open();
    let injected = format!("{STARTTLS}<auth xmlns='{}' mechanism='PLAIN'>AGp1bGlldAB4</auth>", ns::SASL);
    pair.server.receive(pair.now, injected.as_bytes());
    let mut out = Vec::new();
    pair.server.transmit(&mut out);
    let out = String::from_utf8_lossy(&out);
    assert!(!out.contains("failure") && out.ends_with("</stream:stream>"), "{out}");
    let closed = std::iter::from_fn(|| pair.server.poll_event()).find_map(|event| match event {
        Event::Closed(closed) => Some(closed),
        _ => None,
    });
    assert!(matches!(closed, Some(Closed::Violation { .. })), "{closed:?}");
}

#[test]
fn rfc6120_5_4_2_2_starttls_under_tls_fails() {
    let mut pair = Pair::new(Transport::DirectTls);
    pair.client.start_tls_client(pair.now, &pair.client_tls.clone(), "im.example.com");
    pair.run();
    pair.open();
    pair.send(STARTTLS);
    assert!(pair.element().is("failure", ns::TLS));
}

#[test]
fn what_is_no_tls_ends_a_direct_tls_connection() {
    let mut pair = Pair::new(Transport::DirectTls);
    pair.server.receive(pair.now, b"<stream:stream to='im.example.com'>");
    let closed = std::iter::from_fn(|| pair.server.poll_event()).next();
    assert!(matches!(closed, Some(Event::Closed(Closed::Tls(_)))), "{closed:?}");
    assert!(pair.server.is_finished());
}

#[test]
fn the_handshake_is_part_of_the_time_for_negotiation() {
    for transport in [Transport::DirectTls, Transport::Plain] {
        let mut pair = Pair::new(transport);
        let due = pair.server.deadline().expect("a deadline");
        pair.now = pair.now.after(due.at - pair.now.instant);
        pair.server.tick(pair.now);
        let closed = std::iter::from_fn(|| pair.server.poll_event()).next();
        let Some(Event::Closed(Closed::Local(error))) = closed else { panic!("{closed:?}") };
        assert_eq!(*error.condition(), Condition::PolicyViolation);
        let mut out = Vec::new();
        pair.server.transmit(&mut out);
        assert!(pair.server.is_finished());
    }
}

fn base64(data: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in data.chunks(3) {
        let bits = (0..3).fold(0_u32, |bits, n| bits << 8 | u32::from(chunk.get(n).copied().unwrap_or(0)));
        for n in 0..4 {
            let sextet = ALPHABET[(bits >> (18 - 6 * n) & 63) as usize];
            text.push(if n <= chunk.len() { char::from(sextet) } else { '=' });
        }
    }
    text
}

fn unbase64(text: &str) -> Vec<u8> {
    let value = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let mut data = Vec::new();
    for chunk in text.trim_end_matches('=').as_bytes().chunks(4) {
        let bits = (0..4).fold(0_u32, |bits, n| bits << 6 | chunk.get(n).map_or(0, |&c| u32::from(value(c))));
        data.extend(bits.to_be_bytes()[1..].iter().take(chunk.len() * 3 / 4));
    }
    data
}
