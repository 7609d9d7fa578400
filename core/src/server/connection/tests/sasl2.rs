//! SASL2 and Bind 2 (XEP-0388, XEP-0386).

use super::*;
use crate::sasl::{self, ClientSession, Credentials, Mechanism, Policy};
use crate::server::bind::Resource;
use crate::stream::Features;
use crate::stream::management::Management;
use crate::stream::sasl2::Message;
use crate::xml::{Element, Limits};

pub(super) const CLIENT: &str = "d4565fa7-4d72-4749-b3d3-740edbf87770";

pub(super) fn authenticate(mechanism: &str, initial: &[u8], besides: &str) -> String {
    let initial = BASE64.encode(initial);
    format!(
        "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='{mechanism}'>\
         <initial-response>{initial}</initial-response>{besides}</authenticate>"
    )
}

pub(super) fn user_agent(id: &str) -> String {
    format!("<user-agent id='{id}'><software>Balcony</software></user-agent>")
}

/// PLAIN, as juliet.
fn plain2(besides: &str) -> String {
    authenticate("PLAIN", format!("\0juliet\0{PASSWORD}").as_bytes(), besides)
}

fn wrong() -> String {
    authenticate("PLAIN", b"\0juliet\0wrong", "")
}

fn response2(data: &[u8]) -> String {
    format!("<response xmlns='urn:xmpp:sasl:2'>{}</response>", BASE64.encode(data))
}

const BIND: &str = "<bind xmlns='urn:xmpp:bind:0'><tag>Balcony</tag><enable xmlns='urn:xmpp:carbons:2'/>\
                    <inactive xmlns='urn:xmpp:csi:0'/></bind>";

const ABORT: &str = "<abort xmlns='urn:xmpp:sasl:2'/>";

/// The elements of an answer, which may begin with a stream header and end the stream.
pub(super) fn elements(answer: &str) -> Vec<Element> {
    let start =
        answer.find("xmlns:stream=").and_then(|at| Some(at + answer[at..].find('>')? + 1)).unwrap_or(0);
    let inner = answer[start..].trim_end_matches("</stream:stream>");
    let xml = format!("<x xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>{inner}</x>");
    let limits = Limits { max_bytes: 1 << 20, max_depth: 32, max_attributes: 32 };
    let whole = Element::parse(xml.as_bytes(), limits).expect(answer);
    whole.children().map(|child| child.to_element()).collect()
}

pub(super) fn messages(answer: &str) -> Vec<Message> {
    elements(answer).iter().filter_map(|element| Message::parse(element.root()).ok()).collect()
}

/// The success in an answer, and the features behind it.
#[track_caller]
pub(super) fn success(answer: &str) -> (stream::sasl2::Success, Features) {
    let elements = elements(answer);
    let [success, features] = elements.as_slice() else { panic!("{answer}") };
    let Ok(Message::Success(success)) = Message::parse(success.root()) else { panic!("{answer}") };
    assert_eq!(features.name(), "features", "{answer}");
    (*success, Features::parse(features.root()))
}

/// That the answer is a failure, and nothing else.
#[track_caller]
pub(super) fn assert_failure2(answer: &str, condition: &str) {
    let sasl = "urn:ietf:params:xml:ns:xmpp-sasl";
    assert_eq!(answer, format!("<failure xmlns='urn:xmpp:sasl:2'><{condition} xmlns='{sasl}'/></failure>"));
}

fn features(config: Config, transport: Transport) -> Features {
    let answer = Peer::new(config, transport).send(&header());
    Features::parse(elements(&answer).last().expect("features").root())
}

pub(super) fn opened(config: Config) -> Peer {
    let mut peer = Peer::new(config, secured());
    peer.send(&header());
    peer
}

fn peer() -> Peer {
    opened(in_the_clear())
}

#[test]
fn xep0388_2_1_what_is_offered_is_what_rfc6120s_profile_offers() {
    let mut strict = in_the_clear();
    strict.sasl.require_tls = true;
    strict.start_tls_outside = true;
    assert_eq!(features(strict.clone(), Transport::Plain).authentication(), None, "not without TLS");
    let offered = features(strict, secured());
    let feature = offered.authentication().expect("it is offered");
    assert_eq!(feature.mechanisms, offered.mechanisms());
    assert!(feature.mechanisms.iter().any(|name| name == "SCRAM-SHA-256-PLUS"));
    let bind = feature.inline.bind.as_ref().expect("it is offered");
    assert!(bind.has("urn:xmpp:carbons:2") && bind.has("urn:xmpp:sm:3"));
    assert!(feature.inline.resumption);
    let fast = feature.inline.fast.as_ref().expect("it is offered");
    assert_eq!(fast.mechanisms, ["HT-SHA-256-EXPR", "HT-SHA-256-ENDP", "HT-SHA-256-NONE"]);
    assert!(!fast.early_data);

    // Where the policy allows plaintext, both profiles do; but no token goes where no password may.
    let mut plaintext = in_the_clear();
    plaintext.sasl.plain_without_tls = false;
    let offered = features(plaintext, Transport::Plain);
    let feature = offered.authentication().expect("it is offered");
    assert_eq!(feature.mechanisms, offered.mechanisms());
    assert_eq!(feature.inline.fast, None);
}

#[test]
fn xep0388_each_part_can_be_turned_off() {
    let mut config = in_the_clear();
    config.sasl2.tokens = None;
    let inline = features(config.clone(), secured()).authentication().expect("it is offered").inline.clone();
    assert!(inline.fast.is_none() && inline.bind.is_some());
    config.sasl2.bind = false;
    config.acknowledgements = None;
    assert_eq!(
        features(config.clone(), secured()).authentication().expect("it is offered").inline,
        Default::default()
    );
    let mut peer = opened(config.clone());
    let (success, _) = success(&peer.send(&plain2(BIND)));
    assert_eq!((success.bound, success.identity.to_string()), (None, "juliet@im.example.com".into()));
    config.sasl2.enabled = false;
    assert_eq!(features(config.clone(), secured()).authentication(), None);
    assert_stream_error(&opened(config).send(&plain2("")), "not-authorized");
}

#[test]
fn xep0386_3_2_one_round_trip_to_a_session() {
    let mut peer = peer();
    let answer = peer.send(&plain2(&[&user_agent(CLIENT), BIND].concat()));
    let (success, features) = success(&answer);
    assert_eq!(success.identity.to_string(), "juliet@im.example.com/made-up");
    assert_eq!(success.bound, Some(stream::bind2::Bound::default()));
    assert_eq!((success.data, success.token, success.resumption), (None, None, None));
    assert!(!features.bind() && features.mechanisms().is_empty() && features.authentication().is_none());
    assert!(answer.contains("urn:xmpp:features:rosterver"), "{answer}");

    let Some(Event::Lookup { .. }) = peer.event() else { panic!() };
    let Some(Event::Bind { account, request }) = peer.event() else { panic!() };
    assert_eq!(account.as_str(), "juliet@im.example.com");
    let resource = Resource::Tagged { tag: Some("Balcony".into()), client: Some(CLIENT.into()) };
    assert_eq!(request, BindRequest { resource, carbons: true, inactive: true, ..BindRequest::default() });
    let facts = peer.connection.session_facts();
    assert_eq!(facts.mechanism, Some(Mechanism::Plain));
    assert_eq!(facts.jid.map(ToString::to_string).as_deref(), Some("juliet@im.example.com/made-up"));
    // The stream goes on, as a session's.
    peer.send("<presence/>");
    assert_eq!(peer.stanzas().len(), 1);
    assert!(!answer.contains(CLIENT), "XEP-0386 section 3.2.1: nobody is told");
}

#[test]
fn xep0386_3_2_a_tag_is_not_needed() {
    let mut peer = peer();
    peer.send(&plain2("<bind xmlns='urn:xmpp:bind:0'><tag/></bind>"));
    let bind = peer.events.iter().find_map(|event| match event {
        Event::Bind { request, .. } => Some(request.clone()),
        _ => None,
    });
    let resource = Resource::Tagged { tag: None, client: None };
    assert_eq!(bind, Some(BindRequest { resource, ..BindRequest::default() }));
}

/// Runs SCRAM in SASL2; the answer to the client's last message.
fn scram2(peer: &mut Peer, username: &str, password: &str, besides: &str) -> (String, Option<ClientSession>) {
    let offered = peer.send(&header());
    let offered = Features::parse(elements(&offered).last().expect("features").root());
    let names: Vec<&str> =
        offered.authentication().expect("offered").mechanisms.iter().map(String::as_str).collect();
    let tls = peer.connection.session_facts().tls.expect("TLS").clone();
    let credentials = Credentials::Password { username: username.into(), password: password.into() };
    let policy = Policy { min_iterations: 1, ..Policy::default() };
    let (mut session, start) = ClientSession::start(
        &names,
        &credentials,
        &policy,
        true,
        &tls.bindings,
        offered.channel_bindings().as_deref(),
        &mut Entropy::from_seed([5; 32]),
    )
    .expect("a mechanism");
    let initial = start.initial.expect("SCRAM begins");
    let answer = peer.send(&authenticate(start.mechanism.name(), &initial, besides));
    let Some(Message::Challenge(challenge)) = messages(&answer).pop() else { panic!("{answer}") };
    assert!(String::from_utf8_lossy(&challenge).contains(",h="), "XEP-0474");
    let answer = session.challenge(&challenge).expect("what was offered is what was seen");
    (peer.send(&response2(&answer)), Some(session))
}

#[test]
fn xep0388_2_6_1_scram_proves_the_server_in_the_success() {
    let mut peer = Peer::new(in_the_clear(), secured());
    let (answer, session) = scram2(&mut peer, "juliet", PASSWORD, BIND);
    let (success, _) = success(&answer);
    assert_eq!(session.expect("a session").success(success.data.as_deref()), Ok(()));
    assert!(success.bound.is_some());
    let facts = peer.connection.session_facts();
    assert!(matches!(facts.mechanism, Some(Mechanism::Scram { plus: true, .. })));
}

#[test]
fn xep0388_2_6_1_without_a_restart_the_stream_offers_to_bind() {
    let mut peer = peer();
    let (success, features) = success(&peer.send(&plain2("")));
    assert_eq!(success.identity.to_string(), "juliet@im.example.com");
    assert_eq!(success.bound, None);
    assert!(features.bind());
    assert!(peer.send(&bind("balcony")).contains("<jid>juliet@im.example.com/balcony</jid>"));
}

#[test]
fn xep0388_2_2_without_an_initial_response_the_client_is_asked() {
    let mut peer = peer();
    let answer = peer.send("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'/>");
    assert_eq!(messages(&answer), [Message::Challenge(Vec::new())]);
    success(&peer.send(&response2(format!("\0juliet\0{PASSWORD}").as_bytes())));
}

#[test]
fn xep0388_2_6_2_after_a_failure_there_is_another_attempt_but_not_for_ever() {
    let mut peer = peer();
    for _ in 0..2 {
        assert_failure2(&peer.send(&wrong()), "not-authorized");
    }
    // Both profiles count together.
    for _ in 0..2 {
        assert_failure(&peer.send(&plain("juliet", "wrong")), "not-authorized");
    }
    assert!(peer.event().is_some_and(|event| matches!(event, Event::Lookup { .. })));
    let answer = peer.send(&[wrong(), plain2(BIND)].concat());
    assert_stream_error(&answer, "policy-violation");
    let failures = peer.events.iter().filter(|event| {
        matches!(
            event,
            Event::AuthenticationFailed { account: Some(_), condition: sasl::Condition::NotAuthorized, .. }
        )
    });
    assert_eq!(failures.count(), 5);
    assert!(matches!(peer.closed(), Closed::Violation { .. }));
    assert!(!answer.contains("<success"));

    let mut peer = opened(in_the_clear());
    assert_failure2(&peer.send(&wrong()), "not-authorized");
    success(&peer.send(&plain2(BIND)));
}

#[test]
fn xep0388_2_6_2_nothing_that_was_asked_for_happens_without_success() {
    let mut peer = peer();
    let besides =
        [&user_agent(CLIENT), BIND, "<request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-EXPR'/>"];
    peer.send(&authenticate("PLAIN", b"\0juliet\0wrong", &besides.concat()));
    let harmless = |event: &Event| matches!(event, Event::Lookup { .. } | Event::AuthenticationFailed { .. });
    assert!(peer.events.iter().all(harmless), "{:?}", peer.events);
}

#[test]
fn xep0388_5_2_somebody_unknown_gets_the_same_octets() {
    for password in ["wrong", PASSWORD] {
        let mut answers = Vec::new();
        for user in ["nobody", "nobody-else"] {
            let mut peer = peer();
            let initial = format!("\0{user}\0{password}");
            answers.push(peer.send(&authenticate("PLAIN", initial.as_bytes(), BIND)));
        }
        answers.push(peer().send(&wrong()));
        answers.dedup();
        assert_eq!(answers.len(), 1, "{answers:?}");
    }
    // SCRAM: as long a challenge with as many iterations, and the same refusal.
    let challenge = |user: &str| {
        let mut peer = peer();
        let initial = format!("n,,n={user},r=abc");
        let answer = peer.send(&authenticate("SCRAM-SHA-256", initial.as_bytes(), BIND));
        let Some(Message::Challenge(challenge)) = messages(&answer).pop() else { panic!("{answer}") };
        let challenge = String::from_utf8(challenge).expect("text");
        let (nonce, _) = challenge.split_once(",s=").expect("a salt");
        let proof = format!("c=biws,{nonce},p={}", BASE64.encode([0; 32]));
        let refusal = peer.send(&response2(proof.as_bytes()));
        assert_failure2(&refusal, "not-authorized");
        let rest = challenge.split(',').skip(2).map(str::to_owned).collect::<Vec<_>>();
        (challenge.len(), rest)
    };
    assert_eq!(challenge("juliet"), challenge("nobody"));
}

#[test]
fn xep0388_2_4_anything_else_in_between_ends_the_stream() {
    let start = authenticate("SCRAM-SHA-256", b"n,,n=juliet,r=abc", "");
    for foreign in [
        "<presence/>".to_owned(),
        "<iq type='get' id='1'><query xmlns='jabber:iq:register'/></iq>".into(),
        plain2(""),
        plain("juliet", PASSWORD),
        "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>YQ==</response>".into(),
        "<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>".into(),
        "<success xmlns='urn:xmpp:sasl:2'/>".into(),
        "<next xmlns='urn:xmpp:sasl:2' task='X'/>".into(),
        "<x xmlns='urn:x'/>".into(),
        "<resume xmlns='urn:xmpp:sm:3' previd='x' h='0'/>".into(),
        "text".into(),
    ] {
        let mut config = in_the_clear();
        config.registration = true;
        let mut peer = opened(config);
        assert!(peer.send(&start).starts_with("<challenge"));
        let answer = peer.send(&[&foreign, BIND].concat());
        assert!(
            answer.contains("<stream:error>") && answer.ends_with("</stream:stream>"),
            "{foreign}: {answer}"
        );
        assert!(!answer.contains("<success"), "{foreign}: {answer}");
        assert!(matches!(peer.closed(), Closed::Violation { .. }), "{foreign}");
    }
    // The other way round: an exchange of RFC 6120's profile is not gone on with in SASL2.
    for foreign in [response2(b"x"), ABORT.into(), plain2("")] {
        let mut peer = peer();
        assert!(
            peer.send(&auth("SCRAM-SHA-256", &BASE64.encode("n,,n=juliet,r=abc"))).starts_with("<challenge")
        );
        assert_stream_error(&peer.send(&foreign), "not-authorized");
    }
    for early in [response2(b"x"), ABORT.into()] {
        assert_stream_error(&peer().send(&early), "not-authorized");
    }
}

#[test]
fn xep0388_5_5_abort_gets_aborted_and_another_attempt() {
    let mut peer = peer();
    peer.send(&authenticate("SCRAM-SHA-256", b"n,,n=juliet,r=abc", ""));
    assert_failure2(&peer.send("<abort xmlns='urn:xmpp:sasl:2'><text>why</text></abort>"), "aborted");
    success(&peer.send(&plain2(BIND)));
}

#[test]
fn xep0388_5_8_authenticating_again_ends_the_stream() {
    for besides in ["", BIND] {
        let mut peer = peer();
        success(&peer.send(&plain2(besides)));
        assert_stream_error(&peer.send(&plain2(besides)), "not-authorized");
    }
    // Nor after RFC 6120's profile.
    let mut peer = peer();
    peer.send(&[plain("juliet", PASSWORD), header()].concat());
    assert_stream_error(&peer.send(&plain2("")), "not-authorized");
}

#[test]
fn xep0388_2_3_malformed_requests_are_refused_and_counted() {
    let raw = |inner: &str| {
        format!("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'>{inner}</authenticate>")
    };
    for (request, condition) in [
        (raw("<initial-response>!</initial-response>"), "incorrect-encoding"),
        (raw("<initial-response>AGp1</initial-response>"), "malformed-request"),
        (raw("<user-agent id='1'/>"), "malformed-request"),
        (raw("<bind xmlns='urn:xmpp:bind:0'/><bind xmlns='urn:xmpp:bind:0'/>"), "malformed-request"),
        ("<authenticate xmlns='urn:xmpp:sasl:2'/>".into(), "malformed-request"),
        (authenticate("CRAM-MD5", b"", ""), "invalid-mechanism"),
        (authenticate("HT-SHA-256-UNIQ", b"", "<fast xmlns='urn:xmpp:fast:0'/>"), "invalid-mechanism"),
    ] {
        let mut peer = peer();
        assert_failure2(&peer.send(&request), condition);
        assert_eq!(peer.event().map(|event| format!("{event:?}")), None, "nobody was asked: {request}");
        assert_stream_error(&peer.send(&request.repeat(5)), "policy-violation");
    }
    let mut peer = peer();
    peer.send(&authenticate("SCRAM-SHA-256", b"n,,n=juliet,r=abc", ""));
    assert_failure2(&peer.send("<response xmlns='urn:xmpp:sasl:2'>!</response>"), "incorrect-encoding");
}

#[test]
fn xep0388_2_3_whoever_opened_the_stream_logs_in() {
    for (from, refused) in [("romeo@im.example.com", true), ("juliet@im.example.com", false)] {
        let mut peer = Peer::new(in_the_clear(), secured());
        peer.send(&open(&format!("from='{from}' to='im.example.com' version='1.0'")));
        let answer = peer.send(&plain2(BIND));
        if refused {
            assert_failure2(&answer, "invalid-authzid");
            assert!(!peer.events.iter().any(|event| matches!(event, Event::Bind { .. })));
        } else {
            success(&answer);
        }
    }
}

#[test]
fn xep0386_3_2_a_refused_resource_leaves_a_client_that_can_ask_again() {
    let mut peer = peer();
    peer.answers = Answers::Never;
    peer.send(&plain2(BIND));
    peer.connection.credentials(peer.now, Ok(Some(stored())));
    assert_eq!(peer.drain(), "", "nothing before there is an answer");
    let error = StanzaError::new(crate::stanza::Condition::ResourceConstraint);
    peer.connection.bind_refused(peer.now, error);
    let (success, features) = success(&peer.drain());
    assert_eq!((success.bound, success.identity.to_string()), (None, "juliet@im.example.com".into()));
    assert!(features.bind());
    peer.answers = Answers::AtOnce;
    assert!(peer.send(&bind("balcony")).contains("/balcony</jid>"));
}

const RESUME: &str = "<resume xmlns='urn:xmpp:sm:3' previd='x' h='7'/>";

fn jid(resource: &str) -> crate::jid::FullJid {
    domain("juliet@im.example.com").with_resource(resource).expect("an address")
}

#[test]
fn xep0198_7_2_a_session_is_resumed_before_any_is_bound() {
    let mut peer = peer();
    peer.send(&plain2(&[RESUME, BIND].concat()));
    peer.event();
    let Some(Event::Resume { account, previd, h }) = peer.event() else { panic!() };
    assert_eq!((account.as_str(), previd.as_str(), h), ("juliet@im.example.com", "x", 7));
    assert_eq!(peer.connection.read_budget(), 0);
    peer.connection.resumed(peer.now, jid("balcony"), previd, 3);
    let answer = peer.drain();
    let Some(Message::Success(success)) = messages(&answer).pop() else { panic!("{answer}") };
    assert_eq!(elements(&answer).len(), 1, "no features: {answer}");
    assert_eq!(success.resumption, Some(Management::Resumed { previd: "x".into(), h: 3 }));
    assert_eq!(success.bound, None, "the request to bind counts for nothing");
    assert!(!peer.events.iter().any(|event| matches!(event, Event::Bind { .. })));
    peer.send("<presence/><r xmlns='urn:xmpp:sm:3'/>");
    let events = format!("{:?}", peer.events);
    assert!(events.contains("Presence") && events.contains("AcknowledgementRequested"), "{events}");
}

#[test]
fn xep0198_7_2_what_cannot_be_resumed_is_bound() {
    let mut peer = peer();
    peer.send(&plain2(&[RESUME, BIND].concat()));
    peer.connection.resume_refused(peer.now, Some(5));
    let (success, _) = success(&peer.drain());
    let condition = Some(crate::stanza::Condition::ItemNotFound);
    assert_eq!(success.resumption, Some(Management::Failed { condition, h: Some(5) }));
    assert_eq!((success.bound.is_some(), success.identity), (true, jid("made-up").into()));

    // Where nothing else was asked for, the client can bind as RFC 6120 has it.
    let mut peer = opened(in_the_clear());
    peer.send(&plain2(RESUME));
    peer.connection.resume_refused(peer.now, None);
    let (success, features) = self::success(&peer.drain());
    assert_eq!((success.bound, features.bind()), (None, true));
    assert!(peer.send(&bind("balcony")).contains("/balcony</jid>"));

    let mut config = in_the_clear();
    config.acknowledgements = None;
    let (success, _) = self::success(&opened(config).send(&plain2(&[RESUME, BIND].concat())));
    let condition = Some(crate::stanza::Condition::FeatureNotImplemented);
    assert_eq!(success.resumption, Some(Management::Failed { condition, h: None }));
    assert!(success.bound.is_some());
}

#[test]
fn xep0198_7_1_stanzas_are_acknowledged_from_the_start() {
    let wanted =
        "<bind xmlns='urn:xmpp:bind:0'><enable xmlns='urn:xmpp:sm:3' resume='true' max='90'/></bind>";
    let resumption = crate::server::bind::Resumption {
        id: "long".into(),
        within: Duration::from_secs(60),
        location: Some("im.example.com:5222".into()),
    };
    let enabled = crate::server::bind::Enabled { resumption: Some(resumption) };
    for management in [Some(enabled), None] {
        let mut peer = peer();
        peer.answers = Answers::Never;
        peer.send(&plain2(wanted));
        peer.connection.credentials(peer.now, Ok(Some(stored())));
        peer.drain();
        let asked = peer.events.iter().find_map(|event| match event {
            Event::Bind { request, .. } => request.management,
            _ => None,
        });
        assert_eq!(asked, Some(crate::server::bind::Enable { resume: true, max: Some(90) }));
        let granted = Granted { management: management.clone(), ..Granted::default() };
        peer.connection.bound(peer.now, jid("x"), granted);
        let (success, features) = success(&peer.drain());
        // Some clients would enable it again.
        assert_eq!(features.has("sm", "urn:xmpp:sm:3"), management.is_none());
        match (success.bound.expect("bound").management, management) {
            (Some(Management::Enabled { id, resume: true, max: Some(60), location }), Some(_)) => {
                assert_eq!((id.as_deref(), location.as_deref()), (Some("long"), Some("im.example.com:5222")));
                assert_eq!(peer.send("<r xmlns='urn:xmpp:sm:3'/>"), "");
                assert!(format!("{:?}", peer.events).contains("AcknowledgementRequested"));
            }
            (Some(Management::Failed { .. }), None) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn xep0388_guests_log_in_as_well() {
    let mut config = in_the_clear();
    config.sasl.anonymous = true;
    let mut peer = opened(config);
    let (success, _) = success(&peer.send(&authenticate("ANONYMOUS", b"", BIND)));
    assert!(success.identity.to_string().ends_with("@im.example.com/made-up"));
    let anonymous = |event: &Event| matches!(event, Event::Bind { request, .. } if request.anonymous);
    assert!(peer.events.iter().any(anonymous));
}

#[test]
fn xep0388_2_4_a_server_that_cannot_answer_says_so() {
    let mut peer = peer();
    peer.answers = Answers::Never;
    peer.send(&plain2(BIND));
    peer.connection.credentials(peer.now, Err(Unavailable));
    assert_failure2(&peer.drain(), "temporary-auth-failure");
    peer.send(&plain2(BIND));
    peer.connection.credentials(peer.now, Ok(Some(stored())));
    assert_eq!(peer.connection.read_budget(), 0, "a session is awaited");
    let answer = peer.wait(Duration::from_secs(31));
    assert_stream_error(&answer, "internal-server-error");
}

#[test]
fn xep0388_splitting_the_input_changes_nothing() {
    let input = [header(), wrong(), plain2(BIND), "<presence/>".into()].concat();
    let run = |at: usize| {
        let mut peer = Peer::new(in_the_clear(), secured());
        let (head, tail) = input.split_at(at);
        let answer = [peer.send(head), peer.send(tail)].concat();
        (answer, format!("{:?}", peer.events))
    };
    let whole = run(0);
    assert!(whole.0.contains("<bound") && whole.1.contains("Presence"), "{whole:?}");
    for at in 1..input.len() {
        assert_eq!(run(at), whole, "split at {at}");
    }
}

#[test]
fn xep0388_what_a_client_may_cost_grows_with_its_success() {
    let mut peer = peer();
    success(&peer.send(&plain2(BIND)));
    let long = format!("<message><body>{}</body></message>", "x".repeat(20 << 10));
    assert_eq!(peer.send(&long), "");
    assert_eq!(peer.stanzas().len(), 1);
}
