//! Tokens (draft-schmaus-kitten-sasl-ht, XEP-0484). The vectors were computed with Python's hmac.

use super::pair::{bindings, entropy};
use crate::sasl::*;

const TOKEN: &str = "secret-token:fast-1";

const EXPORTER: Mechanism = Mechanism::Ht { binding: Some(ChannelBinding::TlsExporter) };
const NONE: Mechanism = Mechanism::Ht { binding: None };

const VECTORS: [(&str, &str, &str); 3] = [
    (
        "HT-SHA-256-NONE",
        "e66a8ce321715b507d13b3b914b3d2883dd71f6cbe9190577080f3cbd35a77d7",
        "ac8ba839a9632cc2b2079f1ecf80066efa0de65db9a519ab8b3e7716ce3cdbed",
    ),
    (
        "HT-SHA-256-EXPR",
        "bd214d03ed3ead3369132e76afbc977230133515648d3d56e281ed76a99f87a8",
        "ada0a3dd49c824778b1c39523a4aa76cfb2c235ce85bf485ad390056642e900a",
    ),
    (
        "HT-SHA-256-ENDP",
        "5176d2407fae5086fca1051762acb9722639ee614a7a8309b2e48be1f7723278",
        "4084ed72963c1403e6726985b2da557911742a6ecbe68eba06a83fc3757357ca",
    ),
];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn client(mechanism: Mechanism, token: &str) -> (ClientSession, Vec<u8>) {
    let policy = Policy::default();
    let (session, start) =
        ClientSession::with_token(mechanism, "alice", token, &policy, true, &bindings()).expect("it begins");
    assert_eq!(start.mechanism, mechanism);
    (session, start.initial.expect("the client speaks first"))
}

fn server(mechanism: Mechanism) -> ServerSession {
    ServerSession::start(mechanism, "example.com", &[], &bindings(), &[9; 32], &mut entropy(2))
}

fn tokens(tokens: [Option<&str>; 2]) -> [Option<Password>; 2] {
    tokens.map(|token| token.map(Password::new))
}

/// What the server makes of a message, if these are the account's tokens.
fn judge(mechanism: Mechanism, message: &[u8], known: [Option<&str>; 2]) -> (ServerStep, Option<usize>) {
    let mut server = server(mechanism);
    match server.response(Some(message)) {
        ServerStep::NeedTokens { username } => assert_eq!(username, "alice"),
        step => return (step, None),
    }
    let step = server.tokens(&tokens(known), false);
    (step, server.proved_token())
}

#[test]
fn sasl_ht_both_sides_prove_the_token_in_one_round_trip() {
    for (name, initiator, responder) in VECTORS {
        let mechanism = Mechanism::with_token(name).expect("a mechanism");
        assert_eq!(mechanism.name(), name);
        let (mut session, message) = client(mechanism, TOKEN);
        assert_eq!(
            message.strip_prefix(b"alice\0".as_slice()).map(hex).as_deref(),
            Some(initiator),
            "{name}"
        );
        for (n, known) in [[Some(TOKEN), None], [Some("another"), Some(TOKEN)]].into_iter().enumerate() {
            let (step, proved) = judge(mechanism, &message, known);
            let ServerStep::Success { username, data: Some(data) } = step else { panic!("{step:?}") };
            assert_eq!((username.as_deref(), proved), (Some("alice"), Some(n)));
            assert_eq!(hex(&data), responder, "{name}");
            if n == 1 {
                assert_eq!(session.success(Some(&data)), Ok(()));
            }
        }
    }
}

#[test]
fn sasl_ht_no_token_another_token_and_another_channel_fail_alike() {
    let refused = (ServerStep::Failure(Condition::NotAuthorized), None);
    for mechanism in Mechanism::WITH_TOKEN {
        let (_, message) = client(mechanism, TOKEN);
        for known in [[None, None], [Some("other"), None], [Some("x"), Some("y")], [Some(""), None]] {
            assert_eq!(judge(mechanism, &message, known), refused, "{known:?}");
        }
        for other in Mechanism::WITH_TOKEN.into_iter().filter(|other| *other != mechanism) {
            assert_eq!(judge(other, &message, [Some(TOKEN), None]), refused, "{other:?}");
        }
    }
    // An empty token is none, even where it is proved.
    let empty = judge(NONE, &[b"alice\0".as_slice(), &[0; 32]].concat(), [None, None]);
    assert_eq!(empty, refused);
}

#[test]
fn sasl_ht_a_disabled_account_is_told_so_only_once_the_token_is_proved() {
    for (token, condition) in [(TOKEN, Condition::AccountDisabled), ("x", Condition::NotAuthorized)] {
        let mut server = server(EXPORTER);
        server.response(Some(&client(EXPORTER, token).1));
        assert_eq!(server.tokens(&tokens([Some(TOKEN), None]), true), ServerStep::Failure(condition));
        assert_eq!(server.proved_token(), None);
    }
}

#[test]
fn sasl_ht_a_server_that_does_not_prove_the_token_is_a_stranger() {
    for data in [None, Some(b"".as_slice()), Some([0; 32].as_slice())] {
        let (mut session, _) = client(EXPORTER, TOKEN);
        assert_eq!(session.success(data), Err(ClientError::ServerNotAuthenticated));
    }
    let (mut session, message) = client(NONE, TOKEN);
    let reflected = message.get(6..);
    assert_eq!(session.success(reflected), Err(ClientError::ServerNotAuthenticated));
    assert_eq!(client(EXPORTER, TOKEN).0.challenge(b""), Err(ClientError::Malformed));
}

#[test]
fn sasl_ht_hostile_messages_are_refused() {
    let long = [b"alice\0".as_slice(), &[0; 33]].concat();
    let short = [b"alice\0".as_slice(), &[0; 31]].concat();
    let nobody = [b"\0".as_slice(), &[0; 32]].concat();
    let no_text = [b"\xff\0".as_slice(), &[0; 32]].concat();
    for message in [b"".as_slice(), b"\0", b"alice", &long, &short, &nobody, &no_text] {
        let step = server(NONE).response(Some(message));
        assert_eq!(step, ServerStep::Failure(Condition::MalformedRequest), "{message:?}");
    }
    let no_name = [b"a@b/c\0".as_slice(), &[0; 32]].concat();
    assert_eq!(server(NONE).response(Some(&no_name)), ServerStep::Failure(Condition::NotAuthorized));
    // Out of turn.
    assert!(matches!(server(NONE).tokens(&[], false), ServerStep::Failure(_)));
    let mut plain = server(Mechanism::Plain);
    assert!(matches!(plain.tokens(&tokens([None, None]), false), ServerStep::Failure(_)));
}

#[test]
fn xep0484_3_1_tokens_are_offered_where_the_connection_has_what_they_bind_to() {
    let all = Mechanism::WITH_TOKEN.map(Mechanism::name);
    let both = bindings();
    let end_point = ChannelBindings { tls_exporter: None, ..bindings() };
    let none = ChannelBindings::default();
    let policy = ServerPolicy::default();
    let offer = |policy: &ServerPolicy, bindings: &ChannelBindings, secure| {
        let transport = Transport { secure, bindings, client_certificate: false };
        let offered = policy.offer_with_token(transport);
        for mechanism in Mechanism::WITH_TOKEN {
            let selected = policy.select_with_token(mechanism.name(), transport);
            assert_eq!(selected.is_ok(), offered.contains(&mechanism));
        }
        assert!(policy.select("HT-SHA-256-NONE", transport).is_err());
        offered.into_iter().map(Mechanism::name).collect::<Vec<_>>()
    };
    assert_eq!(offer(&policy, &both, true), all);
    assert_eq!(offer(&policy, &end_point, true), ["HT-SHA-256-ENDP", "HT-SHA-256-NONE"]);
    assert_eq!(offer(&policy, &none, true), ["HT-SHA-256-NONE"]);
    let bound = ServerPolicy { require_channel_binding: true, ..ServerPolicy::default() };
    assert_eq!(offer(&bound, &none, true), [""; 0]);
    let lax = ServerPolicy { require_tls: false, ..ServerPolicy::default() };
    assert_eq!(offer(&policy, &none, false), [""; 0]);
    assert_eq!(
        offer(&lax, &none, false),
        [""; 0],
        "a token that anyone can listen to is a password in clear"
    );
    let reckless = ServerPolicy { plain_without_tls: true, ..lax };
    assert_eq!(offer(&reckless, &none, false), ["HT-SHA-256-NONE"]);

    assert_eq!(Mechanism::best_with_token(&all, &bindings()), Some(EXPORTER));
    assert_eq!(Mechanism::best_with_token(&all, &none), Some(NONE));
    assert_eq!(Mechanism::best_with_token(&["X"], &bindings()), None);
}

#[test]
fn xep0484_6_a_client_uses_a_token_only_where_nobody_listens() {
    let begin = |mechanism, policy: &Policy, secure, bindings: &ChannelBindings| {
        ClientSession::with_token(mechanism, "alice", TOKEN, policy, secure, bindings).map(drop)
    };
    let (policy, none) = (Policy::default(), ChannelBindings::default());
    assert_eq!(begin(NONE, &policy, false, &none), Err(SelectError::BelowFloor));
    assert_eq!(begin(EXPORTER, &policy, true, &none), Err(SelectError::NothingInCommon));
    assert_eq!(begin(Mechanism::Plain, &policy, true, &none), Err(SelectError::NothingInCommon));
    let bound = Policy { require_channel_binding: true, ..Policy::default() };
    assert_eq!(begin(NONE, &bound, true, &bindings()), Err(SelectError::BelowFloor));
    assert_eq!(begin(EXPORTER, &bound, true, &bindings()), Ok(()));
    let empty = ClientSession::with_token(NONE, "alice", "", &policy, true, &none);
    assert_eq!(empty.map(drop), Err(SelectError::BadCredentials));
}

#[test]
fn xep0484_5_2_a_token_is_a_function_of_a_secret_and_of_all_that_it_is_for() {
    let derive = |secret: u8, context: &[&[u8]]| derive_token(&[secret; 32], context).as_str().to_owned();
    assert_eq!(derive(7, &[b"a", b"bc"]), "SvAqDkfjq4yNme5EzTLJgijGnp8XoJAhlJb-2cHe2c0");
    assert_ne!(derive(7, &[b"a", b"bc"]), derive(8, &[b"a", b"bc"]));
    assert_ne!(derive(7, &[b"a", b"bc"]), derive(7, &[b"ab", b"c"]));
    assert_ne!(derive(7, &[b"a", b"bc"]), derive(7, &[b"abc"]));
    let stored = |password| StoredCredentials::derive(password, 1, &mut entropy(1)).expect("keys");
    assert_eq!(stored("a").fingerprint(), stored("a").fingerprint());
    assert_ne!(stored("a").fingerprint(), stored("b").fingerprint());
}
