//! What a server offers, and as whom a client may act.

use super::pair::{DOMAIN, ITERATIONS, Service, bindings, entropy, lax, only, password, run, stored};
use crate::sasl::*;

const SCRAM: Mechanism = Mechanism::Scram { hash: ScramHash::Sha256, plus: false };
const PLUS: Mechanism = Mechanism::Scram { hash: ScramHash::Sha256, plus: true };

fn attempt(
    mechanism: Mechanism,
    credentials: &Credentials,
    authzid: Option<&str>,
) -> Result<Option<String>, Condition> {
    let offered = Mechanism::ALL.map(Mechanism::name);
    let bindings = bindings();
    let (mut client, start) = Attempt {
        offered: &offered,
        secure: true,
        bindings: &bindings,
        server_bindings: Some(&ChannelBinding::ALL.map(ChannelBinding::name)),
        sasl2: false,
        authzid,
    }
    .start(credentials, &only(mechanism), &mut entropy(1))
    .unwrap();
    run(&mut client, &start, &mut Service::new(mechanism, &Mechanism::ALL, &bindings))
}

#[test]
fn rfc6120_6_3_8_the_authorization_identity_is_ones_own_bare_jid_or_absent() {
    let token = Credentials::Token { username: "alice".into(), token: "good".into() };
    let ways = [
        (Mechanism::Plain, password("alice", "wonderland")),
        (SCRAM, password("alice", "wonderland")),
        (PLUS, password("alice", "wonderland")),
        (Mechanism::External, Credentials::External),
        (Mechanism::OAuthBearer, token),
    ];
    for (mechanism, credentials) in ways {
        for own in [None, Some("alice@example.com"), Some("ALICE@example.com")] {
            assert_eq!(
                attempt(mechanism, &credentials, own),
                Ok(Some("alice".into())),
                "{mechanism:?} {own:?}"
            );
        }
        let others = [
            "bob@example.com",
            "alice@example.org",
            "alice@example.com/x",
            "example.com",
            "alice",
            "a=b,c",
            "@",
            "/",
        ];
        for other in others {
            let outcome = attempt(mechanism, &credentials, Some(other));
            assert_eq!(outcome, Err(Condition::InvalidAuthzid), "{mechanism:?} {other}");
        }
    }
}

#[test]
fn rfc6120_6_5_10_a_bad_authorization_identity_tells_nothing_before_the_password_is_right() {
    let wrong = password("alice", "wrong");
    assert_eq!(attempt(SCRAM, &wrong, Some("bob@example.com")), Err(Condition::NotAuthorized));
    assert_eq!(attempt(Mechanism::Plain, &wrong, Some("bob@example.com")), Err(Condition::NotAuthorized));
}

#[test]
fn rfc6120_6_3_7_names_are_prepared_as_local_parts() {
    for mechanism in [SCRAM, Mechanism::Plain] {
        let outcome = attempt(mechanism, &password("ALICE", "wonderland"), None);
        assert_eq!(outcome, Ok(Some("alice".into())), "{mechanism:?}");
    }
    let mut service = Service::new(SCRAM, &[], &bindings());
    assert!(matches!(service.response(Some(b"n,,n=a=2Cb=3Dc,r=x")), ServerStep::Challenge(_)));
    assert_eq!(service.looked_up, ["a,b=c"]);
}

#[test]
fn rfc6120_6_5_2_a_disabled_account_is_told_so_once_the_password_is_right() {
    for mechanism in [SCRAM, Mechanism::Plain] {
        for (secret, condition) in
            [("wonderland", Condition::AccountDisabled), ("wrong", Condition::NotAuthorized)]
        {
            let (mut client, start) = ClientSession::start(
                &[mechanism.name()],
                &password("alice", secret),
                &lax(),
                true,
                &ChannelBindings::default(),
                None,
                &mut entropy(1),
            )
            .unwrap();
            let mut service = Service::new(mechanism, &[mechanism], &ChannelBindings::default());
            service.disabled = true;
            assert_eq!(run(&mut client, &start, &mut service), Err(condition), "{mechanism:?} {secret}");
        }
    }
}

#[test]
fn rfc6120_6_5_11_and_6_5_1_store_outage_and_abort() {
    let start =
        || ServerSession::start(Mechanism::Plain, DOMAIN, &[], &bindings(), &[0; 32], &mut entropy(1));
    let mut session = start();
    assert!(matches!(session.response(Some(b"\0alice\0x")), ServerStep::NeedCredentials { .. }));
    assert_eq!(session.unavailable(), ServerStep::Failure(Condition::TemporaryAuthFailure));
    assert_eq!(session.credentials(None), ServerStep::Failure(Condition::TemporaryAuthFailure));
    assert_eq!(start().abort(), ServerStep::Failure(Condition::Aborted));
}

#[test]
fn rfc6120_6_5_3_a_verdict_decides_the_failure() {
    for (condition, reported) in [
        (Condition::NotAuthorized, true),
        (Condition::CredentialsExpired, true),
        (Condition::AccountDisabled, false),
        (Condition::TemporaryAuthFailure, false),
    ] {
        let mut session =
            ServerSession::start(Mechanism::OAuthBearer, DOMAIN, &[], &bindings(), &[0; 32], &mut entropy(1));
        let step = session.response(Some(b"n,a=bob@example.com,\x01auth=Bearer t\x01\x01"));
        let asked = ServerStep::NeedTokenVerdict { username: Some("bob".into()), token: "t".into() };
        assert_eq!(step, asked);
        let mut step = session.verdict(Err(condition));
        if reported {
            assert!(matches!(step, ServerStep::Challenge(_)));
            step = session.response(Some(b"\x01"));
        }
        assert_eq!(step, ServerStep::Failure(condition));

        let mut session =
            ServerSession::start(Mechanism::External, DOMAIN, &[], &bindings(), &[0; 32], &mut entropy(1));
        assert_eq!(session.response(Some(b"")), ServerStep::NeedCertificateVerdict { authzid: None });
        assert_eq!(session.verdict(Err(condition)), ServerStep::Failure(condition));
    }
}

#[test]
fn rfc4422_5_1_a_client_that_sends_nothing_is_asked_to() {
    for mechanism in Mechanism::ALL {
        let mut service = Service::new(mechanism, &[mechanism], &bindings());
        assert_eq!(service.response(None), ServerStep::Challenge(Vec::new()), "{mechanism:?}");
        let step = service.response(None);
        match mechanism {
            Mechanism::Anonymous | Mechanism::External => assert!(matches!(step, ServerStep::Success { .. })),
            _ => assert_eq!(step, ServerStep::Failure(Condition::MalformedRequest), "{mechanism:?}"),
        }
    }
}

fn names(policy: &ServerPolicy, transport: Transport<'_>) -> Vec<&'static str> {
    let offer = policy.offer(transport);
    for mechanism in Mechanism::ALL {
        let selected = policy.select(mechanism.name(), transport);
        assert_eq!(selected.is_ok(), offer.contains(&mechanism), "select accepts what offer lists");
    }
    offer.into_iter().map(Mechanism::name).collect()
}

#[test]
fn rfc6120_6_4_1_the_offer_depends_on_the_connection() {
    let (with, none) = (bindings(), ChannelBindings::default());
    let plaintext = Transport { secure: false, bindings: &none, client_certificate: false };
    let tls = Transport { secure: true, bindings: &with, client_certificate: false };
    let policy = ServerPolicy::default();
    assert!(names(&policy, plaintext).is_empty());
    let all_scram = [
        "SCRAM-SHA-512-PLUS",
        "SCRAM-SHA-256-PLUS",
        "SCRAM-SHA-1-PLUS",
        "SCRAM-SHA-512",
        "SCRAM-SHA-256",
        "SCRAM-SHA-1",
    ];
    assert_eq!(names(&policy, tls), [all_scram.as_slice(), &["PLAIN"]].concat());
    let unbound = Transport { bindings: &none, ..tls };
    assert_eq!(names(&policy, unbound), [&all_scram[3..], &["PLAIN"]].concat());
    let certified = Transport { client_certificate: true, ..tls };
    assert_eq!(names(&policy, certified), [&["EXTERNAL"], all_scram.as_slice(), &["PLAIN"]].concat());
    let relaxed = ServerPolicy { require_tls: false, ..policy.clone() };
    assert_eq!(names(&relaxed, plaintext), all_scram[3..]);
    let strict = ServerPolicy { require_channel_binding: true, scram: Some(ScramHash::Sha256), ..policy };
    assert_eq!(names(&strict, tls), all_scram[..2]);
    let everything = ServerPolicy {
        oauthbearer: true,
        anonymous: true,
        plain_without_tls: true,
        require_tls: false,
        ..relaxed
    };
    assert_eq!(
        names(&everything, plaintext),
        [&all_scram[3..], &["OAUTHBEARER", "PLAIN", "ANONYMOUS"]].concat()
    );
}

#[test]
fn rfc6120_6_5_refusing_a_mechanism_says_why() {
    let (with, none) = (bindings(), ChannelBindings::default());
    let plaintext = Transport { secure: false, bindings: &none, client_certificate: false };
    let tls = Transport { secure: true, bindings: &with, client_certificate: false };
    let policy = ServerPolicy::default();
    for name in ["", "plain", "CRAM-MD5", "ANONYMOUS", "OAUTHBEARER", "EXTERNAL"] {
        assert_eq!(policy.select(name, tls), Err(Condition::InvalidMechanism), "{name}");
    }
    for name in ["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "EXTERNAL"] {
        assert_eq!(policy.select(name, plaintext), Err(Condition::EncryptionRequired), "{name}");
    }
    let relaxed = ServerPolicy { require_tls: false, ..policy.clone() };
    assert_eq!(relaxed.select("PLAIN", plaintext), Err(Condition::EncryptionRequired));
    for name in ["SCRAM-SHA-1-PLUS", "EXTERNAL"] {
        // Where TLS is not asked for there may be none to bind to.
        assert_eq!(relaxed.select(name, plaintext), Err(Condition::InvalidMechanism), "{name}");
    }
    let strict = ServerPolicy { scram: Some(ScramHash::Sha256), require_channel_binding: true, ..policy };
    for name in ["PLAIN", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256"] {
        assert_eq!(strict.select(name, tls), Err(Condition::MechanismTooWeak), "{name}");
    }
}

#[test]
fn rfc5802_3_stored_credentials_verify_and_hide() {
    let credentials = stored("wonderland");
    assert!(credentials.verify("wonderland"));
    assert!(!credentials.verify("Wonderland") && !credentials.verify("") && !credentials.verify("\u{7}"));
    assert!(!StoredCredentials::default().verify("wonderland"));
    let mut salts: Vec<_> = ScramHash::ALL.map(|hash| credentials.keys(hash).unwrap().salt.clone()).into();
    salts.dedup();
    assert_eq!(salts.len(), 3);
    assert_eq!(
        format!("{:?}", credentials.keys(ScramHash::Sha1).unwrap()),
        format!("ScramKeys {{ hash: Sha1, iterations: {ITERATIONS}, .. }}")
    );
    // SASLprep maps I<soft hyphen>X to IX and refuses control characters.
    let prepared = StoredCredentials::derive("I\u{ad}X", 1, &mut entropy(1)).unwrap();
    assert!(prepared.verify("IX"));
    for refused in ["", "\u{ad}", "\u{7}"] {
        assert_eq!(StoredCredentials::derive(refused, 1, &mut entropy(1)), None, "{refused:?}");
    }
}

#[test]
fn rfc5802_3_keys_that_no_derivation_gives_count_as_none() {
    let spoil: [fn(&mut ScramKeys); 5] = [
        |keys| keys.iterations = 0,
        |keys| keys.iterations = u32::MAX,
        |keys| keys.salt.clear(),
        |keys| keys.stored_key.clear(),
        |keys| keys.server_key.push(0),
    ];
    for spoil in spoil {
        let mut credentials = stored("wonderland");
        credentials.scram.iter_mut().for_each(spoil);
        assert_eq!(credentials.keys(ScramHash::Sha256), None);
        assert!(!credentials.verify("wonderland"));
        let mut session = ServerSession::start(SCRAM, DOMAIN, &[], &bindings(), &[0; 32], &mut entropy(1));
        session.response(Some(b"n,,n=alice,r=x"));
        assert!(matches!(session.credentials(Some(credentials)), ServerStep::Challenge(_)));
    }
}
