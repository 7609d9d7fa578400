//! Authentication that fails, is aborted, or waits for a verdict (RFC 6120 section 6).

use super::login::scram;
use super::*;
use crate::sasl::{Condition as Sasl, Mechanism};

const ABORT: &str = "<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";

fn response(text: &str) -> String {
    format!("<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{text}</response>")
}

fn opened() -> Peer {
    let mut peer = Peer::in_the_clear();
    peer.send(&header());
    peer
}

#[test]
fn rfc6120_6_5_10_a_wrong_password_and_an_unknown_user_look_alike() {
    for user in ["juliet", "nobody", "not a local part@"] {
        let mut peer = opened();
        assert_failure(&peer.send(&plain(user, "wrong")), "not-authorized");
        // The stream goes on (section 6.4.5).
        assert!(peer.send(&plain("juliet", PASSWORD)).contains("<success"));
    }
    for user in ["juliet", "nobody"] {
        let mut peer = Peer::in_the_clear();
        let features = peer.send(&header());
        let failure = scram(&mut peer, &features, user, "wrong").expect_err("must fail");
        assert_failure(&failure, "not-authorized");
    }
}

#[test]
fn rfc6120_6_4_5_after_too_many_failures_the_stream_ends() {
    let mut peer = opened();
    for _ in 1..5 {
        assert_failure(&peer.send(&plain("juliet", "wrong")), "not-authorized");
    }
    let answer = peer.send(&[plain("juliet", "wrong"), plain("juliet", PASSWORD)].concat());
    assert!(answer.contains("<not-authorized/></failure>"), "{answer}");
    assert_stream_error(&answer, "policy-violation");
    let failures = peer.events.iter().filter(|event| {
        matches!(event, Event::AuthenticationFailed { account: Some(_), condition: Sasl::NotAuthorized, .. })
    });
    assert_eq!(failures.count(), 5);
    assert!(matches!(peer.closed(), Closed::Violation { .. }));
}

#[test]
fn rfc6120_6_4_5_no_kind_of_attempt_is_free() {
    for attempt in [
        auth("SCRAM-SHA-1", &BASE64.encode("n,,n=juliet,r=abc")),
        auth("CRAM-MD5", ""),
        auth("PLAIN", "!"),
        ABORT.into(),
        response(""),
    ] {
        let mut peer = opened();
        let flood = attempt.repeat(6);
        assert_stream_error(&peer.send(&flood), "policy-violation");
        let lookups = peer.events.iter().filter(|event| matches!(event, Event::Lookup { .. })).count();
        assert!(lookups <= 5, "{attempt}: {lookups}");
    }
}

#[test]
fn rfc6120_6_5_7_mechanisms_that_are_not_there() {
    let no_name = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>".to_owned();
    for attempt in [auth("CRAM-MD5", ""), auth("", ""), no_name, auth("OAUTHBEARER", "")] {
        assert_failure(&opened().send(&attempt), "invalid-mechanism");
    }
    for bound in ["EXTERNAL", "SCRAM-SHA-1-PLUS"] {
        // In the clear there is nothing to bind to; over this TLS there never will be.
        assert_failure(&opened().send(&auth(bound, "")), "invalid-mechanism");
        let mut peer = Peer::new(in_the_clear(), Transport::Secured(TlsInfo::default()));
        peer.send(&header());
        assert_failure(&peer.send(&auth(bound, "")), "invalid-mechanism");
    }
}

#[test]
fn rfc6120_6_5_4_no_password_in_the_clear() {
    let mut config = in_the_clear();
    config.sasl.plain_without_tls = false;
    let mut peer = Peer::new(config.clone(), Transport::Plain);
    assert!(!peer.send(&header()).contains("PLAIN"));
    assert_failure(&peer.send(&plain("juliet", PASSWORD)), "encryption-required");
    assert!(peer.event().is_none(), "nobody was asked");

    let mut peer = Peer::new(config, secured());
    assert!(peer.send(&header()).contains("<mechanism>PLAIN</mechanism>"));
    assert!(peer.send(&plain("juliet", PASSWORD)).contains("<success"));
}

#[test]
fn rfc6120_6_5_9_mechanisms_below_the_floor() {
    let mut config = in_the_clear();
    config.sasl.scram = Some(crate::sasl::ScramHash::Sha256);
    let mut peer = Peer::new(config, Transport::Plain);
    let features = peer.send(&header());
    assert!(!features.contains("SCRAM-SHA-1<"), "{features}");
    assert_failure(&peer.send(&auth("SCRAM-SHA-1", "")), "mechanism-too-weak");
}

#[test]
fn rfc6120_6_5_5_base64_is_strict() {
    for bad in ["!", "AGp1", " AGp1bGlldAA=", "AGp1bGlldAB4=", "AB==x", "AGp1bGlldA", "AGp1\nbGll", "===="] {
        let answer = opened().send(&auth("PLAIN", bad));
        let expected = if bad == "AGp1" { "malformed-request" } else { "incorrect-encoding" };
        assert_failure(&answer, expected);
    }
    let mut peer = opened();
    assert!(peer.send(&auth("SCRAM-SHA-1", &BASE64.encode("n,,n=juliet,r=abc"))).starts_with("<challenge"));
    assert_failure(&peer.send(&response("?")), "incorrect-encoding");
}

#[test]
fn rfc6120_6_5_8_malformed_messages() {
    for attempt in [
        auth("PLAIN", "="),
        auth("PLAIN", &BASE64.encode("juliet")),
        auth("SCRAM-SHA-1", &BASE64.encode("n,,")),
        auth("PLAIN", "<x xmlns='urn:x'/>"),
        response("AAAA"),
    ] {
        assert_failure(&opened().send(&attempt), "malformed-request");
    }
}

#[test]
fn rfc6120_6_5_6_acting_for_somebody_else() {
    let initial = BASE64.encode(format!("romeo@im.example.com\0juliet\0{PASSWORD}"));
    assert_failure(&opened().send(&auth("PLAIN", &initial)), "invalid-authzid");
}

#[test]
fn rfc6120_6_4_3_without_an_initial_response_the_client_is_asked() {
    let mut peer = opened();
    assert_eq!(peer.send(&auth("PLAIN", "")), "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    let message = BASE64.encode(format!("\0juliet\0{PASSWORD}"));
    assert!(peer.send(&response(&message)).starts_with("<success"));
}

#[test]
fn rfc6120_6_4_4_abort_gets_aborted_and_another_attempt() {
    let mut peer = opened();
    assert!(peer.send(&auth("SCRAM-SHA-1", &BASE64.encode("n,,n=juliet,r=abc"))).starts_with("<challenge"));
    assert_failure(&peer.send(ABORT), "aborted");
    assert_failure(&peer.send(&response("")), "malformed-request");
    assert!(peer.send(&plain("juliet", PASSWORD)).starts_with("<success"));
}

#[test]
fn rfc6120_6_4_2_a_second_auth_replaces_the_first() {
    let mut peer = opened();
    assert!(peer.send(&auth("SCRAM-SHA-1", &BASE64.encode("n,,n=juliet,r=abc"))).starts_with("<challenge"));
    assert!(peer.send(&plain("juliet", PASSWORD)).starts_with("<success"));
}

#[test]
fn rfc6120_6_5_2_a_disabled_account() {
    let mut peer = opened();
    peer.answers = Answers::Never;
    peer.send(&plain("juliet", PASSWORD));
    let disabled = StoredCredentials { disabled: true, ..stored() };
    peer.connection.credentials(peer.now, Ok(Some(disabled)));
    assert_failure(&peer.drain(), "account-disabled");
}

#[test]
fn rfc6120_6_5_11_credentials_that_cannot_be_read() {
    let mut peer = opened();
    peer.answers = Answers::Never;
    peer.send(&plain("juliet", PASSWORD));
    peer.connection.credentials(peer.now, Err(Unavailable));
    assert_failure(&peer.drain(), "temporary-auth-failure");
}

#[test]
fn rfc6120_4_9_3_12_nothing_but_sasl_before_authentication() {
    for early in [
        "<message to='im.example.com'/>",
        "<presence/>",
        "<iq type='get' id='1' to='im.example.com'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<enable xmlns='urn:xmpp:sm:3'/>",
        "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        &bind("balcony"),
    ] {
        let mut peer = opened();
        assert_stream_error(&peer.send(early), "not-authorized");
        assert!(!peer.events.iter().any(|event| matches!(event, Event::Stanza(_))));
    }
}

#[test]
fn rfc6120_4_9_3_12_authenticating_again_is_refused() {
    let mut peer = Peer::logged_in(in_the_clear());
    assert_stream_error(&peer.send(&plain("juliet", PASSWORD)), "not-authorized");
    let mut peer = opened();
    peer.send(&[plain("juliet", PASSWORD), header()].concat());
    assert_stream_error(&peer.send(&plain("juliet", PASSWORD)), "not-authorized");
}

#[test]
fn rfc6120_6_4_6_the_header_must_not_name_somebody_else() {
    let from_romeo = open("from='romeo@im.example.com' to='im.example.com' version='1.0'");
    let mut peer = Peer::new(in_the_clear(), secured());
    peer.send(&from_romeo);
    let answer = peer.send(&plain("juliet", PASSWORD));
    assert!(!answer.contains("<success"), "{answer}");
    assert_stream_error(&answer, "invalid-from");
    // What was said in the clear does not count.
    let mut peer = Peer::in_the_clear();
    peer.send(&from_romeo);
    assert!(peer.send(&plain("juliet", PASSWORD)).contains("<success"));
}

#[test]
fn rfc4505_anonymous_sessions_get_an_account_of_their_own() {
    let mut config = in_the_clear();
    config.sasl.anonymous = true;
    let mut seen = Vec::new();
    for seed in [1, 2] {
        let mut peer = Peer::new(config.clone(), Transport::Plain);
        peer.connection = Connection::new(
            Arc::new(config.clone()),
            Transport::Plain,
            Entropy::from_seed([seed; 32]),
            peer.now,
        );
        assert!(peer.send(&header()).contains("<mechanism>ANONYMOUS</mechanism>"));
        assert!(peer.send(&auth("ANONYMOUS", "=")).starts_with("<success"));
        peer.send(&[header(), bind("")].concat());
        let Some(Event::Bind { account, request }) = peer.event() else { panic!("no bind") };
        assert_eq!(request, BindRequest::default().anonymous());
        assert_eq!(account.domain(), "im.example.com");
        seen.push(account);
    }
    assert_ne!(seen[0], seen[1]);
}

#[test]
fn rfc7628_tokens_are_judged_by_the_owner() {
    let mut config = in_the_clear();
    config.sasl.oauthbearer = true;
    let message = BASE64.encode("n,a=juliet@im.example.com,\u{1}auth=Bearer tok\u{1}\u{1}");
    for (verdict, expected) in
        [(Ok("juliet".to_owned()), "<success"), (Err(Sasl::NotAuthorized), "<challenge")]
    {
        let mut peer = Peer::new(config.clone(), secured());
        peer.send(&header());
        assert_eq!(peer.send(&auth("OAUTHBEARER", &message)), "");
        let Some(Event::TokenVerdict { domain, token, .. }) = peer.event() else { panic!("nobody asked") };
        assert_eq!((domain.as_str(), token.as_str()), ("im.example.com", "tok"));
        // An answer to another question is none.
        peer.connection.credentials(peer.now, Ok(Some(stored())));
        assert_eq!(peer.drain(), "");
        peer.connection.verdict(peer.now, verdict);
        let answer = peer.drain();
        assert!(answer.starts_with(expected), "{answer}");
    }
}

#[test]
fn rfc6120_6_3_4_external_is_for_clients_with_a_certificate() {
    let mut config = in_the_clear();
    config.sasl.external = true;
    let info = TlsInfo { peer_certificates: vec![vec![0x30]], ..TlsInfo::default() };
    let mut peer = Peer::new(config, Transport::Secured(info));
    assert!(peer.send(&header()).contains("<mechanism>EXTERNAL</mechanism>"));
    assert_eq!(peer.send(&auth("EXTERNAL", "=")), "");
    let Some(Event::CertificateVerdict { certificates, .. }) = peer.event() else { panic!("nobody asked") };
    assert_eq!(certificates, [[0x30]]);
    peer.connection.verdict(peer.now, Ok("juliet".into()));
    assert!(peer.drain().starts_with("<success"));
    let facts = peer.connection.session_facts();
    assert_eq!(facts.account.map(ToString::to_string).as_deref(), Some("juliet@im.example.com"));
    assert_eq!(facts.mechanism, Some(Mechanism::External));
}
