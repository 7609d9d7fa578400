//! Clients that break the rules.

use super::pair::{DOMAIN, ITERATIONS, Service, bindings, entropy, lax, password};
use crate::sasl::*;

const SCRAM: Mechanism = Mechanism::Scram { hash: ScramHash::Sha256, plus: false };
const PLUS: Mechanism = Mechanism::Scram { hash: ScramHash::Sha256, plus: true };

fn service(mechanism: Mechanism) -> Service {
    Service::new(mechanism, &[PLUS, SCRAM, Mechanism::Plain], &bindings())
}

fn first(mechanism: Mechanism, message: impl AsRef<[u8]>) -> ServerStep {
    service(mechanism).response(Some(message.as_ref()))
}

fn failure(step: ServerStep) -> Option<Condition> {
    match step {
        ServerStep::Failure(condition) => Some(condition),
        _ => None,
    }
}

#[test]
fn rfc5802_7_malformed_first_messages_fail() {
    let messages = [
        "",
        ",",
        ",,",
        "n",
        "n,",
        "n,,",
        "n,a,n=u,r=x",
        "n,a=,n=u,r=x",
        "n,b=u,n=u,r=x",
        "n,a=x=,n=u,r=x",
        "n,,n=u",
        "n,,n=u,r",
        "n,,n=u,r=",
        "n,,n,r=x",
        "n,,n=,r=x",
        "n,,n=u,r=x ",
        "n,,n=u,r=\u{e9}",
        "n,,r=x,n=u",
        "n,,n=u,r=x,",
        "n,,n=u,r=x,x",
        "n,,n=u,r=x,x=",
        "n,,n=u,r=x,1=a",
        "n,,n=u,r=x,r=y",
        "n,,n=u,r=x,m=a",
        "n,,m=a,n=u,r=x",
        "n,,n=u=,r=x",
        "n,,n=u=2c,r=x",
        "n,,n=u\0,r=x",
        "x,,n=u,r=x",
        "N,,n=u,r=x",
        "p,,n=u,r=x",
        "p=,,n=u,r=x",
        "p=tls exporter,,n=u,r=x",
        " n,,n=u,r=x",
    ];
    for message in messages {
        let mut service = service(SCRAM);
        let step = service.response(Some(message.as_bytes()));
        assert_eq!(failure(step), Some(Condition::MalformedRequest), "{message:?}");
        assert!(service.looked_up.is_empty());
    }
    for message in [b"n,,n=\xff,r=x".as_slice(), b"\xff", b"n,,n=u,r=x,x=\xc3"] {
        assert_eq!(failure(first(SCRAM, message)), Some(Condition::MalformedRequest), "{message:?}");
    }
}

/// Gives a server that waits for the client's proof, and the whole nonce.
fn challenged(head: &str, mechanism: Mechanism) -> (Service, String) {
    let mut service = service(mechanism);
    let step = service.response(Some(format!("{head}n=alice,r=x").as_bytes()));
    let ServerStep::Challenge(challenge) = step else { panic!("{step:?}") };
    let challenge = String::from_utf8(challenge).unwrap();
    let nonce = challenge.split(',').next().unwrap().strip_prefix("r=").unwrap().to_owned();
    (service, nonce)
}

#[test]
fn rfc5802_7_malformed_last_messages_fail() {
    let proof = "A".repeat(43) + "=";
    let templates = [
        "",
        "c",
        "c=biws",
        "c=biws,r",
        "c=biws,r=NONCE",
        "c=biws,r=NONCE,p",
        "c=biws,r=NONCE,p=",
        "c=biws,r=NONCE,p=*",
        "c=biws,r=NONCE,p=AA",
        "c=biws,r=NONCE,p=AB==",
        "c=biws,r=NONCE,p=PROOF,",
        "c=biws,r=NONCE,p=PROOF,x=y",
        "c=biws,r=NONCE,p=PROOF,p=PROOF",
        "c=,r=NONCE,p=PROOF",
        "c=b,r=NONCE,p=PROOF",
        "r=NONCE,c=biws,p=PROOF",
        "c=biws,r=NONCE,m=x,p=PROOF",
        "m=x,c=biws,r=NONCE,p=PROOF",
        "c=biws,r=NONCE,x,p=PROOF",
    ];
    for template in templates {
        let (mut service, nonce) = challenged("n,,", SCRAM);
        let message = template.replace("NONCE", &nonce).replace("PROOF", &proof);
        let step = service.response(Some(message.as_bytes()));
        assert_eq!(failure(step), Some(Condition::MalformedRequest), "{template}");
    }
    for template in
        ["c=biws,r=NONCE,p=PROOF", "c=biws,r=x,p=PROOF", "c=eSws,r=NONCE,p=PROOF", "c=biws,r=NONCE,p=AAAA"]
    {
        let (mut service, nonce) = challenged("n,,", SCRAM);
        let message = template.replace("NONCE", &nonce).replace("PROOF", &proof);
        let step = service.response(Some(message.as_bytes()));
        assert_eq!(failure(step), Some(Condition::NotAuthorized), "{template}");
    }
    let (mut service, _) = challenged("n,,", SCRAM);
    assert_eq!(failure(service.response(None)), Some(Condition::MalformedRequest));
}

#[test]
fn rfc5802_6_channel_binding_flags_that_contradict_the_mechanism_fail() {
    let mut without_plus = Service::new(SCRAM, &[SCRAM], &ChannelBindings::default());
    assert!(matches!(without_plus.response(Some(b"y,,n=u,r=x")), ServerStep::Challenge(_)));
    let cases = [
        // Someone took -PLUS off the list.
        (SCRAM, "y,,n=u,r=x", Condition::NotAuthorized),
        (SCRAM, "p=tls-exporter,,n=u,r=x", Condition::MalformedRequest),
        (PLUS, "n,,n=u,r=x", Condition::MalformedRequest),
        (PLUS, "y,,n=u,r=x", Condition::MalformedRequest),
        (PLUS, "p=tls-unique,,n=u,r=x", Condition::NotAuthorized),
        (PLUS, "p=TLS-EXPORTER,,n=u,r=x", Condition::NotAuthorized),
    ];
    for (mechanism, message, condition) in cases {
        assert_eq!(failure(first(mechanism, message)), Some(condition), "{message}");
    }
    // A kind that this connection has no data for, or empty data.
    let only_exporter = ChannelBindings { tls_server_end_point: Some(Vec::new()), ..bindings() };
    let mut service = Service::new(PLUS, &[PLUS], &only_exporter);
    let step = service.response(Some(b"p=tls-server-end-point,,n=u,r=x"));
    assert_eq!(failure(step), Some(Condition::NotAuthorized));
}

#[test]
fn rfc5802_6_other_channel_binding_data_fails() {
    let theirs = ChannelBindings { tls_exporter: Some(vec![7; 32]), tls_server_end_point: None };
    let (mut client, start) = ClientSession::start(
        &[PLUS.name()],
        &password("alice", "wonderland"),
        &lax(),
        true,
        &theirs,
        Some(&[ChannelBinding::TlsExporter]),
        &mut entropy(1),
    )
    .unwrap();
    let step = super::pair::run(&mut client, &start, &mut service(PLUS));
    assert_eq!(step, Err(Condition::NotAuthorized));
}

#[test]
fn rfc5802_9_unknown_users_look_like_known_ones_and_keep_their_salt() {
    let challenge = |username: &str| {
        let step = first(SCRAM, format!("n,,n={username},r=x"));
        let ServerStep::Challenge(challenge) = step else { panic!("{step:?}") };
        let challenge = String::from_utf8(challenge).unwrap();
        let (_, salt) = challenge.split_once(",s=").unwrap();
        salt.to_owned()
    };
    let (alice, nobody) = (challenge("alice"), challenge("nobody"));
    assert_eq!(alice.len(), nobody.len());
    assert!(alice.ends_with(&format!(",i={ITERATIONS}")) && nobody.ends_with(&format!(",i={ITERATIONS}")));
    assert_eq!(nobody, challenge("nobody"));
    assert_eq!(nobody, challenge("NoBody"), "names that mean one account have one salt");
    assert_ne!(nobody, challenge("nobody2"));
    assert_eq!(challenge("no body"), challenge("no body"));
}

#[test]
fn rfc4616_malformed_messages_fail() {
    let messages: [&[u8]; 9] = [
        b"",
        b"\0",
        b"\0\0",
        b"alice",
        b"\0alice",
        b"\0\0wonderland",
        b"\0alice\0",
        b"\0alice\0wonderland\0",
        b"\0alice\0\xff\xff",
    ];
    for message in messages {
        assert_eq!(
            failure(first(Mechanism::Plain, message)),
            Some(Condition::MalformedRequest),
            "{message:?}"
        );
    }
    // A password that cannot be one (unassigned in the tables of SASLprep) is merely wrong.
    let step = first(Mechanism::Plain, "\0alice\0\u{221}");
    assert_eq!(failure(step), Some(Condition::NotAuthorized));
}

#[test]
fn rfc4505_2_a_trace_has_255_characters_at_most() {
    let trace = |len: usize| first(Mechanism::Anonymous, "\u{e9}".repeat(len));
    assert_eq!(trace(255), ServerStep::Success { username: None, data: None });
    assert_eq!(failure(trace(256)), Some(Condition::MalformedRequest));
    assert_eq!(failure(first(Mechanism::Anonymous, b"\xff")), Some(Condition::MalformedRequest));
}

#[test]
fn rfc7628_3_1_malformed_messages_fail() {
    let messages = [
        "",
        "n,,",
        "n,,\x01",
        "n,,\x01\x01",
        "n,,\x01auth=Bearer good",
        "n,,\x01auth=Bearer good\x01",
        "n,,auth=Bearer good\x01\x01",
        "n,,\x01host=example.com\x01\x01",
        "n,,\x01auth=Bearer\x01\x01",
        "n,,\x01auth=Bearer \x01\x01",
        "n,,\x01auth=Basic good\x01\x01",
        "n,,\x01auth=Bearer good\x01auth=Bearer good\x01\x01",
        "n,,\x01auth=Bearer good\x01\x01\x01",
        "n,,\x01auth=Bearer go od\x01\x01",
        "n,,\x01auth=Bearer g\u{e9}\x01\x01",
        "n,,\x011=2\x01auth=Bearer good\x01\x01",
        "n,a=,\x01auth=Bearer good\x01\x01",
        "x,,\x01auth=Bearer good\x01\x01",
    ];
    for message in messages {
        assert_eq!(
            failure(first(Mechanism::OAuthBearer, message)),
            Some(Condition::MalformedRequest),
            "{message:?}"
        );
    }
    let bound = "p=tls-exporter,,\x01auth=Bearer good\x01\x01";
    assert_eq!(failure(first(Mechanism::OAuthBearer, bound)), Some(Condition::NotAuthorized));
    let fine =
        "y,a=alice@example.com,\x01host=example.com\x01port=5222\x01note=a=b\x01auth=bEARER good\x01\x01";
    let alice = ServerStep::Success { username: Some("alice".into()), data: None };
    assert_eq!(first(Mechanism::OAuthBearer, fine), alice);
}

#[test]
fn rfc7628_4_3_asking_what_is_accepted_gets_a_report_and_a_failure() {
    let mut session =
        ServerSession::start(Mechanism::OAuthBearer, DOMAIN, &[], &bindings(), &[0; 32], &mut entropy(1));
    let step = session.response(Some(b"n,,\x01auth=\x01\x01"));
    assert_eq!(step, ServerStep::Challenge(br#"{"status":"invalid_token"}"#.to_vec()));
    assert_eq!(session.response(Some(b"\x01")), ServerStep::Failure(Condition::NotAuthorized));
}

#[test]
fn rfc6120_6_4_3_messages_out_of_turn_end_the_attempt() {
    let mut session = ServerSession::start(SCRAM, DOMAIN, &[], &bindings(), &[0; 32], &mut entropy(1));
    assert_eq!(session.credentials(None), ServerStep::Failure(Condition::TemporaryAuthFailure));
    let mut session = ServerSession::start(SCRAM, DOMAIN, &[], &bindings(), &[0; 32], &mut entropy(1));
    let step = session.response(Some(b"n,,n=alice,r=x"));
    assert_eq!(step, ServerStep::NeedCredentials { username: "alice".into() });
    assert_eq!(session.response(Some(b"n,,n=alice,r=x")), ServerStep::Failure(Condition::MalformedRequest));
    assert_eq!(session.response(Some(b"n,,n=alice,r=x")), ServerStep::Failure(Condition::MalformedRequest));
    assert_eq!(session.verdict(Ok("alice".into())), ServerStep::Failure(Condition::TemporaryAuthFailure));
}
