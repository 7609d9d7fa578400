//! Servers that break the rules.

use super::pair::{Service, bindings, entropy, lax, only, password, run};
use crate::sasl::*;

const SCRAM: Mechanism = Mechanism::Scram { hash: ScramHash::Sha256, plus: false };

fn begin(mechanism: Mechanism, credentials: &Credentials, policy: &Policy) -> (ClientSession, Start) {
    let none = ChannelBindings::default();
    ClientSession::start(&[mechanism.name()], credentials, policy, true, &none, None, &mut entropy(1))
        .unwrap()
}

fn client() -> (ClientSession, String) {
    let (client, start) = begin(SCRAM, &password("alice", "wonderland"), &lax());
    let initial = String::from_utf8(start.initial.unwrap()).unwrap();
    let nonce = initial.split_once(",r=").unwrap().1.to_owned();
    (client, nonce)
}

#[test]
fn rfc5802_7_malformed_server_first_messages_fail() {
    let templates = [
        "",
        "r",
        "r=x,s",
        "r=x,s=AAAA,i=1",
        "r=NONCE",
        "r=NONCE,s=AAAA,i=1",
        "r=NONCEx",
        "r=NONCEx,s",
        "r=NONCEx,s=",
        "r=NONCEx,s=AAAA",
        "r=NONCEx,s=AAA,i=1",
        "r=NONCEx,s=AAAB=,i=1",
        "r=NONCEx,s=AAAA,i",
        "r=NONCEx,s=AAAA,i=",
        "r=NONCEx,s=AAAA,i=0",
        "r=NONCEx,s=AAAA,i=01",
        "r=NONCEx,s=AAAA,i=-1",
        "r=NONCEx,s=AAAA,i=+1",
        "r=NONCEx,s=AAAA,i= 1",
        "r=NONCEx,s=AAAA,i=1,",
        "r=NONCEx,s=AAAA,i=1,x",
        "r=NONCEx,s=AAAA,i=1,m=x",
        "m=x,r=NONCEx,s=AAAA,i=1",
        "r=NONCE\u{e9},s=AAAA,i=1",
        "s=AAAA,r=NONCEx,i=1",
        "xr=NONCEx,s=AAAA,i=1",
        "e=other-error",
        "v=AAAA",
    ];
    for template in templates {
        let (mut client, nonce) = client();
        let challenge = template.replace("NONCE", &nonce);
        assert_eq!(client.challenge(challenge.as_bytes()), Err(ClientError::Malformed), "{template}");
        // There is no way on from here.
        assert_eq!(client.challenge(b"r=x,s=AAAA,i=1"), Err(ClientError::Malformed));
        assert_eq!(client.success(None), Err(ClientError::ServerNotAuthenticated));
    }
    assert_eq!(client().0.challenge(b"\xff"), Err(ClientError::Malformed));
}

#[test]
fn rfc5802_9_iteration_counts_outside_the_policy_fail_before_any_work() {
    let counts = ["1", "9", "101", "4294967295", "4294967296", "99999999999999999999999999"];
    for count in counts {
        let policy = Policy { min_iterations: 10, max_iterations: 100, ..Policy::default() };
        let (mut client, start) = begin(SCRAM, &password("alice", "wonderland"), &policy);
        let initial = String::from_utf8(start.initial.unwrap()).unwrap();
        let nonce = initial.split_once(",r=").unwrap().1;
        let challenge = format!("r={nonce}x,s=AAAA,i={count}");
        assert_eq!(client.challenge(challenge.as_bytes()), Err(ClientError::Iterations), "{count}");
    }
    assert_eq!((Policy::default().min_iterations, Policy::default().max_iterations), (4096, 1_000_000));
}

/// A client that has sent its proof, and what the server has to answer.
fn proved() -> (ClientSession, Vec<u8>) {
    let (mut client, start) = begin(SCRAM, &password("alice", "wonderland"), &lax());
    let mut service = Service::new(SCRAM, &[SCRAM], &ChannelBindings::default());
    let ServerStep::Challenge(challenge) = service.response(start.initial.as_deref()) else { panic!() };
    let proof = client.challenge(&challenge).unwrap();
    let ServerStep::Success { data: Some(signature), .. } = service.response(Some(&proof)) else { panic!() };
    (client, signature)
}

#[test]
fn rfc5802_5_success_counts_only_with_the_servers_signature() {
    let (mut client, signature) = proved();
    assert_eq!(client.keys(), None);
    assert_eq!(client.success(Some(&signature)), Ok(()));
    assert!(client.keys().is_some());
    assert_eq!(client.success(Some(&signature)), Err(ClientError::ServerNotAuthenticated), "only once");

    let wrong = format!("v={}=", "A".repeat(43));
    let cases: [(Option<&[u8]>, ClientError); 9] = [
        (None, ClientError::ServerNotAuthenticated),
        (Some(b""), ClientError::ServerNotAuthenticated),
        (Some(wrong.as_bytes()), ClientError::ServerNotAuthenticated),
        (Some(b"v=AAAA"), ClientError::ServerNotAuthenticated),
        (Some(b"v="), ClientError::Malformed),
        (Some(b"v"), ClientError::Malformed),
        (Some(b"x=AAAA"), ClientError::Malformed),
        (Some(b"e=other-error"), ClientError::Refused),
        (Some(b"\xff"), ClientError::Malformed),
    ];
    for (data, error) in cases {
        assert_eq!(proved().0.success(data), Err(error), "{data:?}");
    }
    let (mut client, mut signature) = proved();
    signature.extend_from_slice(b",m=x");
    assert_eq!(client.success(Some(&signature)), Err(ClientError::Malformed));
    // Before any challenge, and before the proof.
    assert_eq!(self::client().0.success(None), Err(ClientError::ServerNotAuthenticated));
    assert_eq!(self::client().0.success(Some(b"v=AAAA")), Err(ClientError::ServerNotAuthenticated));
}

#[test]
fn rfc4422_4_the_signature_may_come_as_a_challenge() {
    let (mut client, signature) = proved();
    assert_eq!(client.challenge(&signature), Ok(Vec::new()));
    assert_eq!(client.success(None), Ok(()));
    let (mut client, signature) = proved();
    client.challenge(&signature).unwrap();
    assert_eq!(client.success(Some(&signature)), Err(ClientError::Malformed));
    let (mut client, signature) = proved();
    client.challenge(&signature).unwrap();
    assert_eq!(client.challenge(&signature), Err(ClientError::Malformed));
    let (mut client, _) = proved();
    assert_eq!(client.challenge(b"v=AAAA"), Err(ClientError::ServerNotAuthenticated));
    assert_eq!(client.success(None), Err(ClientError::ServerNotAuthenticated));
}

#[test]
fn rfc5802_5_1_kept_keys_log_in_until_the_salt_changes() {
    let (mut first, signature) = proved();
    first.success(Some(&signature)).unwrap();
    let keys = first.keys().unwrap().clone();
    assert!(!format!("{keys:?}").contains("client_key"));
    let credentials = Credentials::Keys { username: "alice".into(), keys: keys.clone() };
    let (mut client, start) = begin(SCRAM, &credentials, &lax());
    let mut service = Service::new(SCRAM, &[SCRAM], &ChannelBindings::default());
    assert_eq!(run(&mut client, &start, &mut service), Ok(Some("alice".into())));

    let (mut salted, mut counted) = (keys.clone(), keys);
    salted.salt = vec![0; 16];
    counted.iterations += 1;
    for outdated in [salted, counted] {
        let credentials = Credentials::Keys { username: "alice".into(), keys: outdated };
        let (mut client, start) = begin(SCRAM, &credentials, &lax());
        let mut service = Service::new(SCRAM, &[SCRAM], &ChannelBindings::default());
        let ServerStep::Challenge(challenge) = service.response(start.initial.as_deref()) else { panic!() };
        assert_eq!(client.challenge(&challenge), Err(ClientError::KeysOutdated));
    }
    // Good for their own hash only.
    let none = ChannelBindings::default();
    let other = ClientSession::start(
        &["SCRAM-SHA-1", "PLAIN"],
        &credentials,
        &lax(),
        true,
        &none,
        None,
        &mut entropy(1),
    );
    assert_eq!(other.unwrap_err(), SelectError::NothingInCommon);
}

#[test]
fn rfc4616_rfc4422_mechanisms_of_one_message_take_no_challenge_and_no_data() {
    let ways = [
        (Mechanism::Plain, password("alice", "wonderland")),
        (Mechanism::External, Credentials::External),
        (Mechanism::Anonymous, Credentials::Anonymous),
    ];
    for (mechanism, credentials) in ways {
        let begin = || begin(mechanism, &credentials, &only(mechanism)).0;
        assert_eq!(begin().challenge(b""), Err(ClientError::Malformed), "{mechanism:?}");
        assert_eq!(begin().success(Some(b"x")), Err(ClientError::Malformed));
        assert_eq!(begin().success(Some(b"")), Ok(()));
        let mut client = begin();
        assert_eq!(client.success(None), Ok(()));
        assert_eq!(client.success(None), Err(ClientError::ServerNotAuthenticated));
    }
}

#[test]
fn rfc7628_3_2_3_a_refused_token_is_acknowledged_and_cannot_succeed() {
    let credentials = Credentials::Token { username: "alice".into(), token: "t".into() };
    let (mut client, _) = begin(Mechanism::OAuthBearer, &credentials, &Policy::default());
    let report = br#"{"status":"invalid_token","scope":"a \"b\""}"#;
    assert_eq!(client.challenge(report), Ok(b"\x01".to_vec()));
    assert_eq!(client.token_error(), Some(report.as_slice()));
    assert_eq!(client.success(None), Err(ClientError::ServerNotAuthenticated));
    let (mut client, _) = begin(Mechanism::OAuthBearer, &credentials, &Policy::default());
    client.challenge(report).unwrap();
    assert_eq!(client.challenge(report), Err(ClientError::Malformed));
}

#[test]
fn debug_output_shows_no_secret() {
    let credentials = password("alice", "wonderland");
    let (client, start) = begin(Mechanism::Plain, &credentials, &only(Mechanism::Plain));
    let shown = format!("{credentials:?} {client:?} {start:?} {:?}", bindings());
    assert!(!shown.contains("wonderland"), "{shown}");
    let step = ServerStep::NeedTokenVerdict { username: None, token: "wonderland".into() };
    assert!(!format!("{step:?}").contains("wonderland"));
}
