//! Peers that break the rules, against a whole server: each gets the stream error that RFC 6120 section 4.9.3 names, and then
//! the end; nobody else hears of it; and however the bytes are cut, every byte of the answer is the same.
//!
//! The same rules are tested closer to where they are kept: XML in `xml::tests::refusing`, headers, SASL, binding and stanzas
//! in `server::connection::tests`, TLS in `server_tls`.

use std::sync::OnceLock;
use std::time::Duration;
use waxwing_core::machine::{Entropy, Machine};
use waxwing_core::sasl::StoredCredentials;
use waxwing_core::server::connection::{Config, Transport};
use waxwing_core::server::hub;
use waxwing_core::server::single::Event;
use waxwing_core::server::store::Record;
use waxwing_core::stream::{Closed, TlsInfo};
use waxwing_tests::{Raw, SelfSigned, Simulation, Split};

const HEADER: &str = "<?xml version='1.0'?><stream:stream to='im.example.com' version='1.0' xmlns='jabber:client' \
                      xmlns:stream='http://etherx.jabber.org/streams'>";
/// `juliet` with the password `secret` (RFC 4616).
const AUTH: &str =
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldABzZWNyZXQ=</auth>";
const WRONG: &str = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldAB4</auth>";
const BIND: &str = "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
const STARTTLS: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const STARTTLS_FAILURE: &str = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>";
/// Where hostile content goes to: another session, which must never see it.
const TO_VICTIM: &str = "<message to='juliet@im.example.com/victim' type='chat'>";

/// How far a peer has come before it misbehaves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Stage {
    Connected,
    Opened,
    Authenticated,
    Reopened,
    Bound,
}

impl Stage {
    const ALL: [Stage; 5] =
        [Stage::Connected, Stage::Opened, Stage::Authenticated, Stage::Reopened, Stage::Bound];

    /// What a proper client says to get there.
    fn steps(self) -> &'static [&'static str] {
        const STEPS: [&str; 4] = [HEADER, AUTH, HEADER, BIND];
        &STEPS[..self as usize]
    }
}

/// How the hostile bytes are cut.
#[derive(Clone, Copy, Debug)]
enum Cut {
    Nowhere,
    At(usize),
    Everywhere,
}

/// A server, its peer, and another session.
struct Scene {
    simulation: Simulation<Raw>,
    peer: usize,
    victim: Option<usize>,
}

/// What came of it.
#[derive(PartialEq, Debug)]
struct Answer {
    /// What the peer received since it began to misbehave.
    text: String,
    closed: Option<Closed>,
}

fn in_the_clear() -> Config {
    let mut config = Config::new(["im.example.com".parse().expect("a domain")], [7; 32]);
    config.sasl.require_tls = false;
    config.sasl.plain_without_tls = true;
    config.sasl.iterations = 1;
    config
}

fn changed(change: impl Fn(&mut Config)) -> Config {
    let mut config = in_the_clear();
    change(&mut config);
    config
}

fn stored() -> StoredCredentials {
    static STORED: OnceLock<StoredCredentials> = OnceLock::new();
    let derive =
        || StoredCredentials::derive("secret", 1, &mut Entropy::from_seed([1; 32])).expect("a password");
    STORED.get_or_init(derive).clone()
}

impl Scene {
    fn new(config: Config, transport: Transport, stage: Stage) -> Scene {
        let hub = hub::Config::new("im.example.com".parse().expect("a domain"));
        let mut simulation = Simulation::with_config(3, config, hub);
        let juliet = "juliet@im.example.com".parse().expect("an address");
        simulation.store.insert(juliet, Record::new(stored()));
        let mut scene = Scene { simulation, peer: 0, victim: None };
        if stage == Stage::Bound {
            let victim = scene.connect(transport.clone(), Stage::Reopened);
            let bind = BIND.replace("/></iq>", "><resource>victim</resource></bind></iq><presence/>");
            scene.say(victim, bind.as_bytes());
            scene.victim = Some(victim);
        }
        scene.peer = scene.connect(transport, stage);
        if let Some(victim) = scene.victim {
            scene.simulation[victim].side.machine.take_received();
        }
        scene
    }

    fn connect(&mut self, transport: Transport, stage: Stage) -> usize {
        let peer = self.simulation.connect(Raw::default(), transport);
        for step in stage.steps() {
            self.say(peer, step.as_bytes());
        }
        self.simulation[peer].side.machine.take_received();
        peer
    }

    fn say(&mut self, peer: usize, bytes: &[u8]) {
        self.simulation[peer].side.machine.say(bytes);
        self.simulation.run_until_idle();
    }

    /// The peer says this, cut so; what becomes of it.
    fn hostile(mut self, input: &[u8], cut: Cut) -> Answer {
        let peer = self.peer;
        match cut {
            Cut::Nowhere => {}
            Cut::At(at) => self.say(peer, &input[..at]),
            Cut::Everywhere => self.simulation[peer].side.pipe.conditions.split = Split::EveryByte,
        }
        let rest = if let Cut::At(at) = cut { &input[at..] } else { input };
        self.say(peer, rest);
        if let Some(victim) = self.victim {
            let heard = self.simulation[victim].side.machine.text();
            assert_eq!(heard, "", "malformed input is never forwarded: {}", input.escape_ascii());
        }
        self.answer()
    }

    fn answer(mut self) -> Answer {
        let (peer, id) = (self.peer, self.simulation[self.peer].id);
        let text = self.simulation[peer].side.machine.take_received();
        let mut ends = self.simulation.events.drain(..).filter_map(|(_, event)| match event {
            Event::Closed { connection, closed } if connection == id => Some(closed),
            _ => None,
        });
        let closed = ends.next();
        assert_eq!(ends.next(), None, "the end is told once");
        Answer { text: String::from_utf8(text).expect("UTF-8"), closed }
    }
}

/// However these bytes are cut, what comes back is the same. (Long ones are not cut at each of their bytes by itself.)
#[track_caller]
fn unsplit(scene: impl Fn() -> Scene, input: &[u8]) -> Answer {
    let whole = scene().hostile(input, Cut::Nowhere);
    assert_eq!(whole, scene().hostile(input, Cut::Everywhere), "byte by byte: {}", input.escape_ascii());
    let step = 1 + input.len() / 256;
    for at in (1..input.len()).step_by(step) {
        assert_eq!(whole, scene().hostile(input, Cut::At(at)), "cut at {at}: {}", input.escape_ascii());
    }
    whole
}

/// Each of these, said at this stage, ends the stream with this error.
#[track_caller]
fn all(stage: Stage, condition: &str, inputs: &[&[u8]]) {
    for input in inputs {
        let answer = unsplit(|| Scene::new(in_the_clear(), Transport::Plain, stage), input);
        assert_error(&answer, condition, &input.escape_ascii().to_string());
    }
}

/// As [`all`], before authentication, and inside a message to somebody else.
#[track_caller]
fn anywhere(condition: &str, inputs: &[&str]) {
    for input in inputs {
        all(Stage::Opened, condition, &[input.as_bytes()]);
        all(Stage::Bound, condition, &[format!("{TO_VICTIM}{input}</message>").as_bytes()]);
    }
}

#[track_caller]
fn assert_error(answer: &Answer, condition: &str, what: &str) {
    let error = format!("<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'");
    assert!(answer.text.contains(&error), "{what}: {condition} expected: {}", answer.text);
    assert!(answer.text.ends_with("</stream:error></stream:stream>"), "{what}: {}", answer.text);
    assert_eq!(answer.text.matches("</stream:stream>").count(), 1, "{what}: {}", answer.text);
    let (Some(Closed::Violation { sent, .. }) | Some(Closed::Local(sent))) = &answer.closed else {
        panic!("{what}: {:?}", answer.closed);
    };
    assert_eq!(sent.condition().name(), condition, "{what}");
}

#[test]
fn rfc6120_4_9_3_1_text_outside_of_any_stanza_is_bad_format() {
    for stage in [Stage::Opened, Stage::Authenticated, Stage::Reopened, Stage::Bound] {
        let condition = if stage == Stage::Authenticated { "not-well-formed" } else { "bad-format" };
        all(stage, condition, &[b"text", b" \n text", b"&#32;"]);
    }
    all(Stage::Bound, "bad-format", &[b"<![CDATA[ ]]>"]);
}

#[test]
fn rfc6120_4_9_3_2_a_prefix_on_a_stanza_is_a_bad_namespace_prefix() {
    all(Stage::Bound, "bad-namespace-prefix", &[b"<c:message xmlns:c='jabber:client'/>"]);
    all(Stage::Opened, "bad-namespace-prefix", &[b"<c:iq xmlns:c='jabber&#58;client' type='get' id='1'/>"]);
}

#[test]
fn rfc6120_4_9_3_6_an_unknown_host_is_host_unknown() {
    for to in ["example.net", "im.example.com.", "juliet@im.example.com", "im.example.com/x", "@", "x y", ""]
    {
        let header = HEADER.replace("im.example.com", to);
        match to {
            // A trailing dot is the same domain (RFC 7622 section 3.2).
            "im.example.com." => {
                let scene = Scene::new(in_the_clear(), Transport::Plain, Stage::Connected);
                assert!(scene.hostile(header.as_bytes(), Cut::Nowhere).text.contains("<stream:features>"));
            }
            _ => all(Stage::Connected, "host-unknown", &[header.as_bytes()]),
        }
    }
}

#[test]
fn rfc6120_4_9_3_9_a_stanza_of_somebody_else_is_invalid_from() {
    for from in ["romeo@im.example.com", "juliet@im.example.com/victim", "im.example.com", "juliet", "@", ""]
    {
        let message = TO_VICTIM.replace(" type", &format!(" from='{from}' type"));
        all(Stage::Bound, "invalid-from", &[format!("{message}<body>hi</body></message>").as_bytes()]);
    }
}

#[test]
fn rfc6120_4_9_3_10_other_streams_and_contents_are_invalid_namespaces() {
    for (good, bad) in [
        ("'jabber:client'", "'jabber:server'"),
        ("'jabber:client'", "'urn:x'"),
        ("http://etherx.jabber.org/streams", "http://etherx.jabber.org/streams/"),
    ] {
        all(Stage::Connected, "invalid-namespace", &[HEADER.replace(good, bad).as_bytes()]);
        all(Stage::Authenticated, "invalid-namespace", &[HEADER.replace(good, bad).as_bytes()]);
    }
    all(Stage::Connected, "invalid-namespace", &[b"<html><body>", b"<stream xmlns='jabber:client'>"]);
    all(Stage::Bound, "invalid-namespace", &[b"<message xmlns='jabber:server'/>"]);
}

/// Too early, and out of order.
#[test]
fn rfc6120_4_9_3_12_what_comes_too_early_is_not_authorized() {
    let message = b"<message to='juliet@im.example.com/victim'><body>hi</body></message>";
    for stage in [Stage::Opened, Stage::Reopened] {
        all(
            stage,
            "not-authorized",
            &[message, b"<presence/>", b"<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>"],
        );
    }
    // A resource before authentication, and authentication twice: at once, after the restart, and in a session.
    all(Stage::Opened, "not-authorized", &[BIND.as_bytes()]);
    all(Stage::Reopened, "not-authorized", &[AUTH.as_bytes()]);
    all(Stage::Bound, "not-authorized", &[AUTH.as_bytes()]);
    all(Stage::Opened, "invalid-namespace", &[[AUTH, AUTH].concat().as_bytes()]);
    // Nor is a stanza a stream, or a stream a stanza.
    all(Stage::Connected, "bad-format", &[b"<message xmlns='http://etherx.jabber.org/streams'/>"]);
}

/// What quick-xml by itself lets through, and more.
#[test]
fn rfc6120_4_9_3_13_what_is_no_xml_is_not_well_formed() {
    // Characters that XML does not have, raw and by reference.
    anywhere("not-well-formed", &["<a>\u{1}</a>", "<a b='\u{b}'/>", "<a>\u{fffe}</a>", "<a b='\u{ffff}'/>"]);
    anywhere("not-well-formed", &["<a>&#x1;</a>", "<a b='&#0;'/>", "<a>&#xD800;</a>", "<a>&#x110000;</a>"]);
    anywhere("not-well-formed", &["<a>]]></a>", "<a b='<'/>", "<a>&</a>", "<a>&amp</a>", "<a>&#;</a>"]);
    // Names and attributes.
    anywhere("not-well-formed", &["<1a/>", "<a$b/>", "< b/>", "<>", "<a:b:c/>", "<a:/>", "<:a/>"]);
    anywhere("not-well-formed", &["<a b='1'c='2'/>", "<a b='1' b='2'/>", "<a b=1/>", "<a b/>"]);
    // Namespaces.
    anywhere("not-well-formed", &["<p:a/>", "<a p:b=''/>", "<a xmlns:p=''/>", "<a xmlns:=''/>"]);
    anywhere("not-well-formed", &["<a xmlns:p='u' xmlns:q='u' p:b='' q:b=''/>"]);
    // Ends that do not fit.
    anywhere("not-well-formed", &["<a></b>", "<a></a x=''>", "<a></ a>", "</a>"]);
    // A declaration in mid-stream, and an XML that is not 1.0.
    anywhere("not-well-formed", &["<?xml version='1.0'?>"]);
    let header = HEADER.replacen("1.0", "1.1", 1);
    all(
        Stage::Connected,
        "not-well-formed",
        &[header.as_bytes(), b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01"],
    );
}

#[test]
fn rfc6120_4_9_3_13_no_second_root_follows_the_first() {
    let answer = unsplit(
        || Scene::new(in_the_clear(), Transport::Plain, Stage::Bound),
        format!("</stream:stream>{HEADER}{TO_VICTIM}</message>").as_bytes(),
    );
    assert_eq!((answer.text.as_str(), answer.closed), ("</stream:stream>", Some(Closed::Clean)));
}

#[test]
fn rfc6120_4_9_3_14_too_much_violates_policy() {
    let attributes = |n: usize| (0..n).map(|n| format!(" a{n}=''")).collect::<String>();
    let (small, large) = (11 << 10, 257 << 10);
    for (stage, bytes, depth, width) in [(Stage::Opened, small, 17, 33), (Stage::Bound, large, 65, 129)] {
        let long = format!("{TO_VICTIM}{}", "x".repeat(bytes));
        let deep = format!("{TO_VICTIM}{}", "<a>".repeat(depth));
        let wide = format!("<message{}", attributes(width)) + "/>";
        for input in [long, deep, wide] {
            all_quickly(stage, "policy-violation", input.as_bytes());
        }
    }
    let long = HEADER.replace("to=", &format!("x='{}' to=", "x".repeat(11 << 10)));
    let wide = HEADER.replace("to=", &format!("{} to=", attributes(33)));
    let spaced = HEADER.replace(" to=", &format!("{}to=", " ".repeat(11 << 10)));
    for header in [long, wide, spaced] {
        all_quickly(Stage::Connected, "policy-violation", header.as_bytes());
    }
}

/// As [`all`], cut byte by byte but not at every single place: for what is long.
#[track_caller]
fn all_quickly(stage: Stage, condition: &str, input: &[u8]) {
    let scene = || Scene::new(in_the_clear(), Transport::Plain, stage);
    let whole = scene().hostile(input, Cut::Nowhere);
    assert_eq!(whole, scene().hostile(input, Cut::At(input.len() / 2)));
    if input.len() < 20_000 {
        assert_eq!(whole, scene().hostile(input, Cut::Everywhere));
    }
    assert_error(&whole, condition, &format!("{} bytes at {stage:?}", input.len()));
}

/// Whatever a peer does to look busy, half a minute is all it has.
#[test]
fn rfc6120_4_9_3_14_whoever_takes_too_long_to_log_in_violates_policy() {
    const SECOND: Duration = Duration::from_secs(1);
    for stage in [Stage::Connected, Stage::Opened, Stage::Authenticated, Stage::Reopened] {
        for drip in ["", " ", "<"] {
            let mut scene = Scene::new(in_the_clear(), Transport::Plain, stage);
            for second in 0..30 {
                assert!(
                    !scene.simulation[scene.peer].side.is_closed(),
                    "{stage:?} {drip:?} after {second} s"
                );
                // The second byte of an element would be a mistake of another kind.
                let said = if drip == "<" && second > 0 { "" } else { drip };
                scene.say(scene.peer, said.as_bytes());
                scene.simulation.run_for(SECOND);
            }
            assert!(scene.simulation[scene.peer].side.is_closed(), "{stage:?} {drip:?}");
            assert_eq!(scene.simulation.server.connections(), 0);
            assert_error(&scene.answer(), "policy-violation", "too slow");
        }
    }
}

#[test]
fn rfc6120_4_9_3_18_what_xmpp_forbids_is_restricted_xml() {
    anywhere("restricted-xml", &["<!-- x -->", "<?pi x?>", "<!DOCTYPE a>", "<a>&nbsp;</a>", "<a b='&x;'/>"]);
    for before in ["<!-- x -->", "<!DOCTYPE a [<!ENTITY b 'c'>]>", "<?pi?>"] {
        all(Stage::Connected, "restricted-xml", &[HEADER.replace("?><", &format!("?>{before}<")).as_bytes()]);
    }
    let billion = "<!DOCTYPE a [<!ENTITY b 'xxxxxxxx'><!ENTITY c '&b;&b;&b;&b;'>]><a>&c;</a>";
    anywhere("restricted-xml", &[billion]);
}

#[test]
fn rfc6120_4_9_3_22_anything_but_utf_8_is_an_unsupported_encoding() {
    for encoding in ["UTF-16", "ISO-8859-1", "us-ascii"] {
        let header = HEADER.replace("?>", &format!(" encoding='{encoding}'?>"));
        all(Stage::Connected, "unsupported-encoding", &[header.as_bytes()]);
    }
    // Not UTF-8, a surrogate, too long a form, beyond Unicode, and cut short.
    for bad in [&b"\xff"[..], b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\xe2\x98<"] {
        let inside = [TO_VICTIM.as_bytes(), b"<body>", bad, b"</body></message>"].concat();
        all(Stage::Bound, "unsupported-encoding", &[&inside]);
        all(Stage::Opened, "unsupported-encoding", &[&[b"<a>", bad, b"</a>"].concat()]);
    }
}

#[test]
fn rfc6120_4_9_3_24_what_is_no_stanza_is_an_unsupported_stanza_type() {
    all(
        Stage::Bound,
        "unsupported-stanza-type",
        &[b"<pubsub xmlns='urn:x'/>", b"<note/>", b"<message xmlns=''/>"],
    );
}

#[test]
fn rfc6120_4_9_3_25_a_wrong_version_is_unsupported() {
    for version in ["version='0.9'", "version='x'", "version='1'", "version=''", ""] {
        let (head, tail) = HEADER.split_at(HEADER.find(" version='1.0' xmlns").expect("a version"));
        let header = format!("{head} {version}{}", tail.replacen(" version='1.0'", "", 1));
        all(Stage::Connected, "unsupported-version", &[header.as_bytes()]);
    }
}

#[test]
fn rfc6120_5_4_2_2_starttls_at_the_wrong_time_fails() {
    for stage in [Stage::Opened, Stage::Reopened, Stage::Bound] {
        // It has not been offered.
        let answer = unsplit(|| Scene::new(in_the_clear(), Transport::Plain, stage), STARTTLS.as_bytes());
        assert_eq!(answer.text, STARTTLS_FAILURE, "{stage:?}");
        // It has been, but authentication has begun or is over, so that nothing of it would be protected.
        let optional = || changed(|config| config.start_tls_outside = true);
        if stage != Stage::Opened {
            let answer = unsplit(|| Scene::new(optional(), Transport::Plain, stage), STARTTLS.as_bytes());
            assert_eq!(answer.text, STARTTLS_FAILURE, "{stage:?}");
        }
    }
    // Twice.
    let config = || changed(|config| config.start_tls_outside = true);
    let scene = || {
        let mut scene = Scene::new(config(), Transport::Plain, Stage::Opened);
        scene.simulation.on_event(|server, now, event| {
            if let Event::StartTls { connection } = event {
                server.secured(now, *connection, TlsInfo::default());
            }
        });
        for step in [STARTTLS, HEADER] {
            scene.say(scene.peer, step.as_bytes());
        }
        scene.simulation[scene.peer].side.machine.take_received();
        scene
    };
    assert_eq!(unsplit(scene, STARTTLS.as_bytes()).text, STARTTLS_FAILURE);
}

/// Command injection: what came in the clear must not be taken for something said inside TLS.
#[test]
fn rfc6120_5_4_3_3_plaintext_behind_starttls_ends_the_stream() {
    let made = SelfSigned::new(&["im.example.com"]);
    let config = || changed(|config| config.tls = Some(made.server_tls()));
    for behind in [AUTH, HEADER, " ", "x"] {
        let scene = || Scene::new(config(), Transport::Plain, Stage::Opened);
        let answer = unsplit(scene, [STARTTLS, behind].concat().as_bytes());
        let proceed = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
        assert!(answer.text.starts_with(proceed), "{}", answer.text);
        assert_error(&answer, "not-authorized", behind);
    }
}

/// Direct TLS (XEP-0368): there is nobody who could read a stream error, so there is none, and no byte that is not TLS.
#[test]
fn xep0368_what_is_no_tls_gets_an_alert_and_the_end() {
    let made = SelfSigned::new(&["im.example.com"]);
    for input in
        [HEADER.as_bytes(), b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05\xff\0\0\x01x", &[0; 64]]
    {
        for cut in [Cut::Nowhere, Cut::Everywhere, Cut::At(3)] {
            let config = changed(|config| config.tls = Some(made.server_tls()));
            let mut scene = Scene::new(config, Transport::DirectTls, Stage::Connected);
            if let Cut::Everywhere = cut {
                scene.simulation[scene.peer].side.pipe.conditions.split = Split::EveryByte;
            }
            scene.say(scene.peer, input);
            let sent = scene.simulation[scene.peer].side.machine.take_received();
            assert!(sent.is_empty() || sent[0] == 0x15, "an alert: {sent:?}");
            assert!(scene.simulation[scene.peer].side.is_closed(), "{}", input.escape_ascii());
            assert!(matches!(scene.answer().closed, Some(Closed::Tls(_))), "{}", input.escape_ascii());
        }
    }
}

#[test]
fn rfc6120_6_4_5_a_flood_of_authentications_ends_the_stream() {
    let failure = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>";
    let scene = || Scene::new(in_the_clear(), Transport::Plain, Stage::Opened);
    let answer = unsplit(scene, WRONG.repeat(7).as_bytes());
    assert_error(&answer, "policy-violation", "five failures");
    assert_eq!(answer.text.matches(failure).count(), 5);
    // Beginning without ever going on is no way around it.
    let begin =
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>biwsbj1qdWxpZXQscj14</auth>";
    let answer = unsplit(scene, begin.repeat(6).as_bytes());
    assert_error(&answer, "policy-violation", "five beginnings");
    assert!(answer.text.matches("<challenge").count() <= 5);
}

/// The connection ends at each byte of a login and a message: what was not whole has no effect, and there is no error, just
/// the end.
#[test]
fn rfc6120_4_4_an_end_in_the_middle_is_an_end() {
    let message = format!("{TO_VICTIM}<body>&amp;\u{2603}</body></message>");
    for stage in Stage::ALL {
        let input = stage.steps().last().map_or(HEADER, |_| match stage {
            Stage::Opened => AUTH,
            Stage::Authenticated => HEADER,
            Stage::Reopened => BIND,
            _ => message.as_str(),
        });
        for at in 0..input.len() {
            let mut scene = Scene::new(in_the_clear(), Transport::Plain, stage);
            scene.say(scene.peer, &input.as_bytes()[..at]);
            scene.simulation[scene.peer].side.machine.close();
            scene.simulation.run_until_idle();
            if let Some(victim) = scene.victim {
                assert_eq!(scene.simulation[victim].side.machine.text(), "");
            }
            let answer = scene.answer();
            assert_eq!(answer.closed, Some(Closed::Eof), "{stage:?}, {at} bytes");
            assert!(!answer.text.contains("error"), "{}", answer.text);
        }
    }
}

/// A namespace is what it is after unescaping: no way to smuggle a stanza past whoever compares bytes.
#[test]
fn rfc6120_11_3_a_namespace_in_disguise_is_the_same_namespace() {
    let disguised = "<message xmlns='jabber&#58;client' to='juliet@im.example.com/victim' type='chat'><body>hi</body></message>";
    for cut in (1..disguised.len()).map(Cut::At).chain([Cut::Nowhere, Cut::Everywhere]) {
        let mut scene = Scene::new(in_the_clear(), Transport::Plain, Stage::Bound);
        if let Cut::Everywhere = cut {
            scene.simulation[scene.peer].side.pipe.conditions.split = Split::EveryByte;
        }
        let (one, two) = if let Cut::At(at) = cut { disguised.split_at(at) } else { (disguised, "") };
        scene.say(scene.peer, one.as_bytes());
        scene.say(scene.peer, two.as_bytes());
        let victim = scene.victim.expect("a victim");
        let heard = scene.simulation[victim].side.machine.text();
        assert!(
            heard.contains("from='juliet@im.example.com/") && heard.contains("<body>hi</body>"),
            "{heard}"
        );
        let forged = disguised.replace(" to=", " from='romeo@example.net' to=");
        scene.simulation[victim].side.machine.take_received();
        assert_error(&scene.hostile(forged.as_bytes(), cut), "invalid-from", "forged");
    }
}

/// What comes behind the end is not looked at, however it comes.
#[test]
fn rfc6120_4_9_1_1_after_an_error_nothing_is_heard() {
    let rest = format!("{AUTH}{HEADER}{BIND}{TO_VICTIM}<body>hi</body></message>");
    for stage in [Stage::Opened, Stage::Bound] {
        let scene = || Scene::new(in_the_clear(), Transport::Plain, stage);
        let alone = scene().hostile(b"<a></b>", Cut::Nowhere);
        assert_eq!(unsplit(scene, format!("<a></b>{rest}").as_bytes()), alone);
    }
}

/// The machine behind [`Raw`] is what the tests think it is.
#[test]
fn stages_are_reached() {
    for stage in Stage::ALL {
        let scene = Scene::new(in_the_clear(), Transport::Plain, stage);
        let facts =
            scene.simulation.server.session_facts(scene.simulation[scene.peer].id).expect("a connection");
        let bound = (facts.account.is_some(), facts.jid.is_some());
        assert_eq!(bound, (stage >= Stage::Authenticated, stage == Stage::Bound), "{stage:?}");
        assert!(!scene.simulation[scene.peer].side.machine.is_finished());
    }
}
