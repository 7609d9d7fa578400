//! Downgrade protection (XEP-0474). The hashes were computed with Python's hashlib.

use super::pair::{bindings, entropy, only, password, stored};
use crate::sasl::*;

/// Runs SCRAM to its end: what the server says it has offered, and what the client has seen.
fn login(
    mechanism: Mechanism,
    said: Option<(&[&str], Option<&[&str]>)>,
    seen: (&[&str], Option<&[&str]>),
) -> Result<(), ClientError> {
    let bindings = bindings();
    let attempt = Attempt {
        offered: seen.0,
        secure: true,
        bindings: &bindings,
        server_bindings: seen.1,
        sasl2: false,
        authzid: None,
    };
    let credentials = password("alice", "wonderland");
    let (mut client, start) =
        attempt.start(&credentials, &only(mechanism), &mut entropy(1)).expect("it begins");
    let mut server =
        ServerSession::start(mechanism, "example.com", &[mechanism], &bindings, &[9; 32], &mut entropy(2));
    if let Some((mechanisms, bindings)) = said {
        server = server.protect(mechanisms, bindings);
    }
    server.response(start.initial.as_deref());
    let ServerStep::Challenge(challenge) = server.credentials(Some(stored("wonderland"))) else { panic!() };
    let answer = client.challenge(&challenge)?;
    let ServerStep::Success { data, .. } = server.response(Some(&answer)) else { panic!("refused") };
    client.success(data.as_deref())
}

const PLUS: Mechanism = Mechanism::Scram { hash: ScramHash::Sha256, plus: true };
const LISTS: (&[&str], Option<&[&str]>) = (
    &["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "X-NEW"],
    Some(&["tls-server-end-point", "tls-exporter", "tls-new"]),
);

#[test]
fn xep0474_4_1_the_same_lists_in_any_order_are_the_same() {
    assert_eq!(login(PLUS, Some(LISTS), LISTS), Ok(()));
    let shuffled: (&[&str], Option<&[&str]>) = (
        &["X-NEW", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"],
        Some(&["tls-new", "tls-exporter", "tls-server-end-point"]),
    );
    assert_eq!(login(PLUS, Some(LISTS), shuffled), Ok(()));
    assert_eq!(login(PLUS, None, LISTS), Ok(()), "a server that does not know it says nothing");
}

#[test]
fn xep0474_4_2_lists_that_were_changed_on_the_way_end_it() {
    let (mechanisms, Some(kinds)) = LISTS else { panic!() };
    let weaker: [(&[&str], Option<&[&str]>); 4] = [
        (&["SCRAM-SHA-256-PLUS", "X-NEW"], Some(kinds)),
        (&["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "X-NEW", "PLAIN"], Some(kinds)),
        (mechanisms, Some(&["tls-server-end-point", "tls-exporter"])),
        (mechanisms, Some(&["tls-server-end-point"])),
    ];
    for seen in weaker {
        assert_eq!(login(PLUS, Some(LISTS), seen), Err(ClientError::Downgrade), "{seen:?}");
    }
    // Without channel binding just as well: that the client cannot bind does not matter.
    let scram = Mechanism::Scram { hash: ScramHash::Sha1, plus: false };
    let all: (&[&str], _) = (&["SCRAM-SHA-1", "SCRAM-SHA-512"], None);
    assert_eq!(login(scram, Some(all), (&["SCRAM-SHA-1"], None)), Err(ClientError::Downgrade));
    assert_eq!(login(scram, Some((&["SCRAM-SHA-1"], None)), (&["SCRAM-SHA-1"], None)), Ok(()));
}

#[test]
fn xep0474_5_a_strange_offer_is_believed_if_the_server_says_that_it_is_its_own() {
    let scram = Mechanism::Scram { hash: ScramHash::Sha256, plus: false };
    let strange: (&[&str], Option<&[&str]>) = (&["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"], Some(&["tls-new"]));
    let real: (&[&str], Option<&[&str]>) = (strange.0, Some(&["tls-new", "tls-exporter"]));
    // With all mechanisms allowed: it is `-PLUS` that would have been chosen.
    let policy = Policy { min_iterations: 1, ..Policy::default() };
    let run = |said| {
        let bindings = bindings();
        let (offered, server_bindings) = strange;
        let attempt = Attempt {
            offered,
            secure: true,
            bindings: &bindings,
            server_bindings,
            sasl2: true,
            authzid: None,
        };
        let (mut client, start) =
            attempt.start(&password("alice", "wonderland"), &policy, &mut entropy(1)).expect("it begins");
        assert_eq!(start.mechanism, scram);
        let mut server =
            ServerSession::start(scram, "example.com", &[scram], &bindings, &[9; 32], &mut entropy(2));
        if let Some((mechanisms, bindings)) = said {
            server = server.protect(mechanisms, bindings);
        }
        server.response(start.initial.as_deref());
        let ServerStep::Challenge(challenge) = server.credentials(Some(stored("wonderland"))) else {
            panic!()
        };
        client.challenge(&challenge).map(|_| ())
    };
    assert_eq!(run(Some(strange)), Ok(()));
    assert_eq!(run(Some(real)), Err(ClientError::Downgrade), "somebody took kinds off");
    assert_eq!(run(None), Err(ClientError::Downgrade), "nobody vouches for it");
}

#[test]
fn xep0474_4_1_the_hash_is_that_of_the_mechanism() {
    let say = |hash, mechanisms: &[&str], kinds: Option<&[&str]>| {
        let mechanism = Mechanism::Scram { hash, plus: false };
        let none = ChannelBindings::default();
        let server = ServerSession::start(mechanism, "example.com", &[], &none, &[9; 32], &mut entropy(2));
        let mut server = server.protect(mechanisms, kinds);
        server.response(Some(b"n,,n=alice,r=abc"));
        let ServerStep::Challenge(challenge) = server.credentials(None) else { panic!() };
        let challenge = String::from_utf8(challenge).expect("text");
        challenge.rsplit_once(",h=").expect("it is said").1.to_owned()
    };
    // The one of the specification's example.
    let example = say(
        ScramHash::Sha1,
        &["SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"],
        Some(&["tls-server-end-point", "tls-exporter"]),
    );
    assert_eq!(example, "G6k/rBLDqgOhRRaCuuatSDFkJ08=");
    let other = say(ScramHash::Sha256, &["SCRAM-SHA-256", "PLAIN"], None);
    assert_eq!(other, "Rgy1OtqF8B/re2ip4rVzs2herVHnECfKbsLqKQgUMgo=");
}

#[test]
fn xep0474_4_2_what_is_said_twice_is_refused() {
    let attempt = Attempt {
        offered: &["SCRAM-SHA-1"],
        secure: true,
        bindings: &ChannelBindings::default(),
        server_bindings: None,
        sasl2: false,
        authzid: None,
    };
    for (extension, error) in [
        ("h=AAAA,h=AAAA", ClientError::Malformed),
        ("h=", ClientError::Malformed),
        ("h=AAAA", ClientError::Downgrade),
    ] {
        let (mut client, start) =
            attempt.start(&password("alice", "x"), &Policy::default(), &mut entropy(1)).expect("it begins");
        let initial = String::from_utf8(start.initial.expect("SCRAM begins")).expect("text");
        let nonce = initial.rsplit_once("r=").expect("a nonce").1;
        let challenge = format!("r={nonce}x,s=c2FsdA==,i=4096,{extension}");
        assert_eq!(client.challenge(challenge.as_bytes()), Err(error), "{extension}");
    }
}
