//! What stands on the wire.

use super::pair::{Service, bindings, entropy, lax, only, password, run};
use crate::sasl::*;

const SCRAM: Mechanism = Mechanism::Scram { hash: ScramHash::Sha1, plus: false };

fn initial(mechanism: Mechanism, credentials: &Credentials, authzid: Option<&str>) -> Vec<u8> {
    let none = ChannelBindings::default();
    let offered = [mechanism.name()];
    Attempt { offered: &offered, secure: true, bindings: &none, server_bindings: None, sasl2: false, authzid }
        .start(credentials, &only(mechanism), &mut entropy(1))
        .unwrap()
        .1
        .initial
        .unwrap()
}

#[test]
fn rfc4616_2_plain_sends_identity_name_and_password() {
    let alice = password("alice", "wonder land");
    assert_eq!(initial(Mechanism::Plain, &alice, None), b"\0alice\0wonder land");
    assert_eq!(initial(Mechanism::Plain, &alice, Some("a@b")), b"a@b\0alice\0wonder land");
}

#[test]
fn rfc4422_a_external_sends_the_identity_or_an_empty_message() {
    assert_eq!(initial(Mechanism::External, &Credentials::External, None), b"");
    assert_eq!(initial(Mechanism::External, &Credentials::External, Some("example.com")), b"example.com");
    assert_eq!(initial(Mechanism::Anonymous, &Credentials::Anonymous, None), b"");
}

#[test]
fn rfc7628_3_1_oauthbearer_sends_the_token_and_escapes_the_identity() {
    let credentials = Credentials::Token { username: "alice".into(), token: "vF9dft4qmT".into() };
    assert_eq!(initial(Mechanism::OAuthBearer, &credentials, None), b"n,,\x01auth=Bearer vF9dft4qmT\x01\x01");
    assert_eq!(
        initial(Mechanism::OAuthBearer, &credentials, Some("a,b=c@d")),
        b"n,a=a=2Cb=3Dc@d,\x01auth=Bearer vF9dft4qmT\x01\x01"
    );
}

#[test]
fn rfc5802_5_1_scram_escapes_and_prepares_names() {
    let text = |message: Vec<u8>| String::from_utf8(message).unwrap();
    let message = text(initial(SCRAM, &password("a,b=c", "x"), Some("d=,e@f")));
    assert!(message.starts_with("n,a=d=3D=2Ce@f,n=a=2Cb=3Dc,r="), "{message}");
    let message = text(initial(SCRAM, &password("a\u{ad}b", "x"), None));
    assert!(message.starts_with("n,,n=ab,r="), "{message}");
}

#[test]
fn rfc5802_5_1_optional_extensions_are_ignored_but_proved() {
    // A server that adds an extension: what it signs and checks includes it.
    let none = ChannelBindings::default();
    let start = || {
        let entropy = &mut entropy(1);
        ClientSession::start(
            &["SCRAM-SHA-1"],
            &password("alice", "wonderland"),
            &lax(),
            true,
            &none,
            None,
            entropy,
        )
    };
    let (mut client, first) = start().unwrap();
    let mut service = Service::new(SCRAM, &[SCRAM], &none);
    let ServerStep::Challenge(plain) = service.response(first.initial.as_deref()) else { panic!() };
    let extended = [plain.as_slice(), b",x=anything=at,z=all"].concat();
    let with = client.challenge(&extended).unwrap();
    let (mut client, _) = start().unwrap();
    let without = client.challenge(&plain).unwrap();
    let proof =
        |message: &[u8]| String::from_utf8(message.to_vec()).unwrap().split_once(",p=").unwrap().1.to_owned();
    assert_ne!(proof(&with), proof(&without));
    assert_eq!(service.response(Some(&with)), ServerStep::Failure(Condition::NotAuthorized));

    // A client that does: its first message counts as it came.
    let (mut client, first) = start().unwrap();
    let mut service = Service::new(SCRAM, &[SCRAM], &none);
    let message = [first.initial.unwrap().as_slice(), b",x=y"].concat();
    let ServerStep::Challenge(challenge) = service.response(Some(&message)) else { panic!() };
    let nonce = String::from_utf8(message).unwrap().split_once(",r=").unwrap().1.replace(",x=y", "");
    assert!(challenge.starts_with(format!("r={nonce}").as_bytes()), "an extension is not part of the nonce");
    let answer = client.challenge(&challenge).unwrap();
    assert_eq!(service.response(Some(&answer)), ServerStep::Failure(Condition::NotAuthorized));
}

#[test]
fn rfc5802_7_any_changed_byte_makes_both_sides_fail() {
    let plus = Mechanism::Scram { hash: ScramHash::Sha1, plus: true };
    // Positions past the end of a message change nothing: the exchange then has to succeed.
    let mut succeeded = 0;
    for which in 0..4 {
        for position in 0..140 {
            let tamper = |index: usize, mut message: Vec<u8>| {
                if let (true, Some(byte)) = (index == which, message.get_mut(position)) {
                    *byte ^= 1;
                }
                message
            };
            let outcome = exchange(plus, tamper);
            let untouched = exchange_lengths(plus)[which] <= position;
            assert_eq!(outcome, untouched, "message {which}, byte {position}");
            succeeded += usize::from(outcome);
        }
    }
    assert!(succeeded > 0);
}

/// Runs an exchange whose messages pass through `tamper`; true if both sides end content.
fn exchange(mechanism: Mechanism, mut tamper: impl FnMut(usize, Vec<u8>) -> Vec<u8>) -> bool {
    let policy = Policy { max_iterations: 64, ..lax() };
    let (mut client, start) = ClientSession::start(
        &[mechanism.name()],
        &password("alice", "wonderland"),
        &policy,
        true,
        &bindings(),
        mechanism.is_bound().then_some(ChannelBinding::ALL.as_slice()),
        &mut entropy(1),
    )
    .unwrap();
    let mut service = Service::new(mechanism, &[mechanism], &bindings());
    let first = tamper(0, start.initial.unwrap());
    let ServerStep::Challenge(challenge) = service.response(Some(&first)) else { return false };
    let Ok(last) = client.challenge(&tamper(1, challenge)) else { return false };
    let step = service.response(Some(&tamper(2, last)));
    let ServerStep::Success { data: Some(data), .. } = step else { return false };
    client.success(Some(&tamper(3, data))).is_ok()
}

fn exchange_lengths(mechanism: Mechanism) -> [usize; 4] {
    let mut lengths = [0; 4];
    assert!(exchange(mechanism, |index, message| {
        lengths[index] = message.len();
        message
    }));
    lengths
}

#[test]
fn rfc6120_6_5_names_and_mechanisms_round_trip() {
    for condition in Condition::ALL {
        assert_eq!(Condition::from_name(condition.name()), Some(condition));
    }
    for mechanism in Mechanism::ALL {
        assert_eq!(Mechanism::from_name(mechanism.name()), Some(mechanism));
    }
    for binding in ChannelBinding::ALL {
        assert_eq!(ChannelBinding::from_name(binding.name()), Some(binding));
    }
    assert_eq!(Condition::from_name("x"), None);
    assert_eq!(Mechanism::from_name("plain"), None);
    assert_eq!(ChannelBinding::from_name("tls-unique"), None);
}

#[test]
fn same_seed_same_messages() {
    let first = |seed| {
        let none = ChannelBindings::default();
        let start = ClientSession::start(
            &["SCRAM-SHA-1"],
            &password("alice", "x"),
            &lax(),
            true,
            &none,
            None,
            &mut entropy(seed),
        );
        start.unwrap().1.initial
    };
    assert_eq!(first(1), first(1));
    assert_ne!(first(1), first(2));
    let (mut client, start) = ClientSession::start(
        &["SCRAM-SHA-1"],
        &password("alice", "wonderland"),
        &lax(),
        true,
        &ChannelBindings::default(),
        None,
        &mut entropy(5),
    )
    .unwrap();
    let mut service = Service::new(SCRAM, &[SCRAM], &ChannelBindings::default());
    assert_eq!(run(&mut client, &start, &mut service), Ok(Some("alice".into())));
}
