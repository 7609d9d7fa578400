//! SASL (RFC 6120 section 6).

use super::*;
use crate::sasl::{ChannelBindings, ClientError, Condition};

const SHA256: Mechanism = Mechanism::Scram { hash: ScramHash::Sha256, plus: false };
const SHA256_PLUS: Mechanism = Mechanism::Scram { hash: ScramHash::Sha256, plus: true };

fn failure(condition: &str) -> String {
    format!("<failure xmlns='{SASL}'><{condition}/><text xml:lang='en'>No.</text></failure>")
}

fn refused(mechanism: Mechanism, condition: Option<Condition>) -> Result<(), Error> {
    Err(Error::Refused(Refused::Credentials { mechanism, condition, text: Some("No.".into()) }))
}

/// A client that has sent `<auth/>`, and that.
fn authenticating(config: Config, offered: &[&str]) -> (Script, String) {
    let mut script = Script::new(config);
    script.sent();
    let auth = script.server(&format!("{HEADER}{}", features(&mechanisms(offered))));
    (script, auth)
}

#[test]
fn rfc6120_6_4_scram_sha_256_proves_both_sides() {
    let (mut script, auth) = authenticating(config(), &["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"]);
    assert_eq!(attr(&auth, "mechanism"), "SCRAM-SHA-256", "the strongest, whatever the server's order");
    let mut server = Scram::new(SHA256, "r0m30myr0m30", &[SHA256], &ChannelBindings::default());
    let response = script.server(&server.answer(&auth));
    let header = script.server(&server.answer(&response));
    assert!(header.contains("<stream:stream "), "{header}");
    assert_eq!(script.client.mechanism(), Some(SHA256));
    assert!(script.client.keys().is_some());
    assert_eq!(script.events(), []);
}

#[test]
fn rfc6120_6_4_4_a_server_that_proves_nothing_is_refused() {
    for success in [format!("<success xmlns='{SASL}'/>"), {
        let mut other = Scram::new(SHA256, "another", &[SHA256], &ChannelBindings::default());
        let (_, auth) = authenticating(config(), &["SCRAM-SHA-256"]);
        let _ = other.answer(&auth);
        format!("<success xmlns='{SASL}'>{}</success>", BASE64.encode("v=AAAA"))
    }] {
        let (mut script, auth) = authenticating(config(), &["SCRAM-SHA-256"]);
        let mut server = Scram::new(SHA256, "r0m30myr0m30", &[SHA256], &ChannelBindings::default());
        script.server(&server.answer(&auth));
        let answer = script.server(&success);
        assert!(answer.contains("<not-authorized"), "{answer}");
        assert!(answer.ends_with("</stream:stream>"), "{answer}");
        let Err(Error::Refused(Refused::Server { mechanism, error })) = script.end() else {
            panic!("{success}");
        };
        assert_eq!(mechanism, SHA256);
        assert_ne!(error, ClientError::Iterations);
    }
}

#[test]
fn rfc6120_6_4_4_success_instead_of_a_challenge_proves_nothing() {
    let (mut script, _) = authenticating(config(), &["SCRAM-SHA-256"]);
    let answer = script.server(&format!("<success xmlns='{SASL}'/>"));
    assert!(!answer.contains("<stream:stream "), "{answer}");
    assert!(matches!(script.end(), Err(Error::Refused(Refused::Server { .. }))));
}

#[test]
fn rfc6120_6_4_4_nonsense_is_aborted_and_the_stream_closed() {
    for challenge in ["", "=", "%%%", "AA", "bm9uc2Vuc2U=", "<a xmlns='b'/>"] {
        let (mut script, _) = authenticating(config(), &["SCRAM-SHA-256"]);
        let abort = script.server(&format!("<challenge xmlns='{SASL}'>{challenge}</challenge>"));
        assert_eq!(abort, format!("<abort xmlns='{SASL}'/>"), "{challenge}");
        assert_eq!(script.server(&failure("aborted")), "</stream:stream>");
        script.server("</stream:stream>");
        let error = Refused::Server { mechanism: SHA256, error: ClientError::Malformed };
        assert_eq!(script.end(), Err(Error::Refused(error)));
    }
}

#[test]
fn rfc6120_6_4_4_an_abort_that_nobody_answers_times_out_with_the_first_reason() {
    let (mut script, _) = authenticating(config(), &["SCRAM-SHA-256"]);
    script.server(&format!("<challenge xmlns='{SASL}'>AAAA</challenge>"));
    assert_eq!(script.deadline(), (30, Reason::Negotiation));
    script.wait(30);
    assert!(matches!(script.end(), Err(Error::Refused(Refused::Server { .. }))));
}

#[test]
fn rfc6120_6_4_2_an_empty_initial_response_is_an_equals_sign() {
    let mut config = config();
    config.account = Jid::new("example.com").unwrap();
    config.credentials = Some(Credentials::External);
    let (_, auth) = authenticating(config, &["EXTERNAL"]);
    assert_eq!(auth, format!("<auth xmlns='{SASL}' mechanism='EXTERNAL'>=</auth>"));
}

#[test]
fn rfc6120_6_5_10_a_wrong_password_ends_it_without_another_try() {
    let (mut script, auth) = authenticating(config(), &["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256"]);
    let mut server = Scram::new(SHA256, "something else", &[SHA256], &ChannelBindings::default());
    let response = script.server(&server.answer(&auth));
    let verdict = server.answer(&response);
    assert!(verdict.contains("<not-authorized"), "{verdict}");
    assert_eq!(script.server(&verdict), "</stream:stream>");
    assert_eq!(script.events(), [], "the end comes when the stream is closed");
    script.server("</stream:stream>");
    let end = script.end().unwrap_err();
    let condition = Some(Condition::NotAuthorized);
    assert_eq!(end, Error::Refused(Refused::Credentials { mechanism: SHA256, condition, text: None }));
    assert!(!end.is_transient());
    assert!(end.to_string().contains("check the user name and the password"), "{end}");
}

#[test]
fn rfc5802_7_a_server_error_in_scram_is_a_refusal() {
    let (mut script, auth) = authenticating(config(), &["SCRAM-SHA-256"]);
    let mut server = Scram::new(SHA256, "r0m30myr0m30", &[SHA256], &ChannelBindings::default());
    script.server(&server.answer(&auth));
    let error = BASE64.encode("e=invalid-proof");
    let abort = script.server(&format!("<success xmlns='{SASL}'>{error}</success>"));
    assert!(abort.ends_with("</stream:stream>"), "{abort}");
    let end = script.end();
    assert!(
        matches!(
            end,
            Err(Error::Refused(Refused::Credentials { condition: Some(Condition::NotAuthorized), .. }))
        ),
        "{end:?}"
    );
}

#[test]
fn rfc6120_6_5_every_condition_ends_it_typed_or_leads_to_another_mechanism() {
    for (name, condition, transient) in [
        ("aborted", Condition::Aborted, false),
        ("account-disabled", Condition::AccountDisabled, false),
        ("credentials-expired", Condition::CredentialsExpired, false),
        ("encryption-required", Condition::EncryptionRequired, false),
        ("incorrect-encoding", Condition::IncorrectEncoding, false),
        ("invalid-authzid", Condition::InvalidAuthzid, false),
        ("malformed-request", Condition::MalformedRequest, false),
        ("not-authorized", Condition::NotAuthorized, false),
        ("temporary-auth-failure", Condition::TemporaryAuthFailure, true),
    ] {
        let (mut script, _) = authenticating(config(), &["PLAIN", "SCRAM-SHA-1"]);
        assert_eq!(script.server(&failure(name)), "</stream:stream>", "{name}");
        script.server("</stream:stream>");
        let end = script.end();
        let mechanism = Mechanism::Scram { hash: ScramHash::Sha1, plus: false };
        assert_eq!(end, refused(mechanism, Some(condition)), "{name}");
        assert_eq!(end.unwrap_err().is_transient(), transient, "{name}");
    }
    for name in ["invalid-mechanism", "mechanism-too-weak"] {
        let (mut script, _) = authenticating(config(), &["PLAIN", "SCRAM-SHA-1"]);
        let auth = script.server(&failure(name));
        assert_eq!(attr(&auth, "mechanism"), "PLAIN", "{name}");
        assert_eq!(script.server(&failure(name)), "</stream:stream>", "{name}: none is left");
        script.server("</stream:stream>");
        assert_eq!(script.end(), refused(Mechanism::Plain, Condition::from_name(name)));
    }
    let (mut script, _) = authenticating(config(), &["PLAIN"]);
    script.server(&failure("something-else"));
    script.server("</stream:stream>");
    assert_eq!(script.end(), refused(Mechanism::Plain, None));
}

#[test]
fn rfc6120_6_4_1_no_mechanisms_and_none_in_common() {
    let (mut script, answer) = authenticating(config(), &["X-OTHER", "GSSAPI"]);
    assert_eq!(answer, "</stream:stream>");
    script.server("</stream:stream>");
    assert_eq!(
        script.end(),
        Err(Error::Missing(Missing::Mechanism(vec!["X-OTHER".into(), "GSSAPI".into()])))
    );

    let mut script = Script::new(config());
    script.sent();
    assert_eq!(script.server(&format!("{HEADER}<stream:features/>")), "</stream:stream>");
    script.server("</stream:stream>");
    assert_eq!(script.end(), Err(Error::Missing(Missing::Authentication)));
}

#[test]
fn a_password_is_not_sent_in_clear_unless_the_policy_says_so() {
    let mut config = config();
    config.policy.plain_without_tls = false;
    let (mut script, answer) = authenticating(config, &["PLAIN"]);
    assert_eq!(answer, "</stream:stream>");
    script.server("</stream:stream>");
    assert_eq!(script.end(), Err(Error::Missing(Missing::StrongMechanism(vec!["PLAIN".into()]))));
}

#[test]
fn credentials_that_no_account_can_have_are_the_callers_fault() {
    let mut config = config();
    config.credentials = Some(Credentials::Password { username: "juliet".into(), password: "\u{7}".into() });
    let (mut script, answer) = authenticating(config, &["SCRAM-SHA-1"]);
    // Preparation may be put off until the server's salt is known; either way nothing of it is sent.
    if answer.contains("<auth") {
        return;
    }
    script.server("</stream:stream>");
    assert_eq!(script.end(), Err(Error::Local(Misuse::BadCredentials)));
}

#[test]
fn credentials_arrive_as_an_input_and_the_time_until_then_is_the_callers() {
    let mut config = config();
    config.credentials = None;
    let mut script = Script::new(config);
    script.sent();
    script.wait(10);
    assert_eq!(script.server(&format!("{HEADER}{}", features(&mechanisms(&["PLAIN", "X-Y"])))), "");
    assert_eq!(script.event(), Event::CredentialsNeeded { mechanisms: vec!["PLAIN".into(), "X-Y".into()] });
    assert_eq!(script.client.deadline(), None);
    assert_eq!(script.wait(3600), "");
    assert_eq!(script.client.authenticate(script.now, password()), Ok(()));
    assert!(script.sent().starts_with("<auth "));
    assert_eq!(script.deadline(), (20, Reason::Negotiation), "10 of the 30 seconds were used");
    let again = script.client.authenticate(script.now, password());
    assert_eq!(again, Err(Misuse::CredentialsNotNeeded));
}

#[test]
fn credentials_may_come_before_they_are_asked_for() {
    let mut config = config();
    config.credentials = None;
    let mut script = Script::new(config);
    assert_eq!(script.client.authenticate(script.now, password()), Ok(()));
    assert_eq!(script.client.authenticate(script.now, password()), Err(Misuse::CredentialsNotNeeded));
    script.authenticate();
    assert_eq!(script.events(), []);
}

#[test]
fn keys_serve_in_place_of_the_password_and_the_caller_is_asked_when_they_are_outdated() {
    let offered = ["SCRAM-SHA-256"];
    let (mut script, auth) = authenticating(config(), &offered);
    let mut server = Scram::new(SHA256, "r0m30myr0m30", &[SHA256], &ChannelBindings::default());
    let response = script.server(&server.answer(&auth));
    script.server(&server.answer(&response));
    let keys = script.client.keys().unwrap().clone();

    let mut with_keys = config();
    with_keys.credentials = Some(Credentials::Keys { username: "juliet".into(), keys: keys.clone() });
    let (mut script, auth) = authenticating(with_keys.clone(), &offered);
    let mut server = Scram::new(SHA256, "r0m30myr0m30", &[SHA256], &ChannelBindings::default());
    let response = script.server(&server.answer(&auth));
    assert!(script.server(&server.answer(&response)).contains("<stream:stream "));

    let (mut script, auth) = authenticating(with_keys, &offered);
    let mut server = Scram::new(SHA256, "r0m30myr0m30", &[SHA256], &ChannelBindings::default());
    let keys = server.1.scram.iter_mut().find(|keys| keys.hash == ScramHash::Sha256).unwrap();
    keys.salt = b"a new salt, 16 b".to_vec();
    assert_eq!(script.server(&server.answer(&auth)), format!("<abort xmlns='{SASL}'/>"));
    assert_eq!(script.server(&failure("aborted")), "");
    assert_eq!(script.event(), Event::CredentialsNeeded { mechanisms: vec!["SCRAM-SHA-256".into()] });
    script.client.authenticate(script.now, password()).unwrap();
    let mut server = Scram::new(SHA256, "r0m30myr0m30", &[SHA256], &ChannelBindings::default());
    let auth = script.sent();
    let response = script.server(&server.answer(&auth));
    assert!(script.server(&server.answer(&response)).contains("<stream:stream "));
}

fn with_bindings() -> TlsInfo {
    let bindings = ChannelBindings { tls_exporter: Some(vec![5; 32]), tls_server_end_point: None };
    TlsInfo { bindings, ..TlsInfo::default() }
}

/// What a server announces with its `-PLUS` (XEP-0440).
const KINDS: &str = "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/>\
                     </sasl-channel-binding>";

/// A client on a transport that the caller has secured, and its `<auth/>`.
fn secured(offered: &[&str]) -> (Script, String) {
    let mut config = config();
    config.tls = TlsMode::Outside;
    let mut script = Script::new(config);
    script.client.secured(script.now, with_bindings()).unwrap();
    script.sent();
    let offer = features(&format!("{}{KINDS}", mechanisms(offered)));
    let auth = script.server(&format!("{HEADER}{offer}"));
    (script, auth)
}

#[test]
fn rfc5802_6_channel_binding_is_used_where_tls_gives_it() {
    let (mut script, auth) = secured(&["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"]);
    assert_eq!(attr(&auth, "mechanism"), "SCRAM-SHA-256-PLUS");
    assert!(text(&auth).unwrap().starts_with(b"p=tls-exporter,"));
    let mut server =
        Scram::new(SHA256_PLUS, "r0m30myr0m30", &[SHA256, SHA256_PLUS], &with_bindings().bindings);
    let response = script.server(&server.answer(&auth));
    let header = script.server(&server.answer(&response));
    assert!(header.contains(" from='juliet@example.com'"), "{header}");
}

#[test]
fn rfc5802_6_another_channel_is_noticed() {
    let (mut script, auth) = secured(&["SCRAM-SHA-256-PLUS"]);
    let bindings = ChannelBindings { tls_exporter: Some(vec![6; 32]), ..ChannelBindings::default() };
    let mut server = Scram::new(SHA256_PLUS, "r0m30myr0m30", &[SHA256_PLUS], &bindings);
    let response = script.server(&server.answer(&auth));
    let verdict = server.answer(&response);
    assert!(verdict.contains("<failure"), "{verdict}");
    assert_eq!(script.server(&verdict), "</stream:stream>");
}

#[test]
fn rfc5802_6_nobody_talks_the_client_out_of_channel_binding() {
    let (mut script, auth) = secured(&["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "PLAIN"]);
    assert_eq!(attr(&auth, "mechanism"), "SCRAM-SHA-256-PLUS");
    let auth = script.server(&failure("invalid-mechanism"));
    assert_eq!(attr(&auth, "mechanism"), "SCRAM-SHA-1-PLUS");
    assert_eq!(script.server(&failure("invalid-mechanism")), "</stream:stream>");
}

#[test]
fn xep0440_a_contradicting_offer_is_taken_for_an_attack() {
    let mut config = config();
    config.tls = TlsMode::Outside;
    let mut script = Script::new(config);
    script.client.secured(script.now, with_bindings()).unwrap();
    script.sent();
    let offer = features(&format!("{}{KINDS}", mechanisms(&["SCRAM-SHA-256"])));
    assert_eq!(script.server(&format!("{HEADER}{offer}")), "</stream:stream>");
    script.server("</stream:stream>");
    assert_eq!(script.end(), Err(Error::Refused(Refused::Downgrade(vec!["SCRAM-SHA-256".into()]))));
}
