//! Logging in with SASL2, Bind 2 and tokens (XEP-0388, XEP-0386, XEP-0484).

use super::management::answer;
use super::resumption::{jid, resumable_config};
use super::*;
use crate::sasl::{ChannelBinding, ChannelBindings, Password};
use crate::stream::Condition;

const BIND2: &str = "<bind xmlns='urn:xmpp:bind:0'><inline><feature var='urn:xmpp:carbons:2'/><feature var='urn:xmpp:csi:0'/>\
     <feature var='urn:xmpp:sm:3'/></inline></bind>";
const FAST: &str = "<fast xmlns='urn:xmpp:fast:0'><mechanism>HT-SHA-256-NONE</mechanism><mechanism>HT-SHA-256-EXPR</mechanism></fast>";
const SM: &str = "<sm xmlns='urn:xmpp:sm:3'/>";
const EXPORTER: Mechanism = Mechanism::Ht { binding: Some(ChannelBinding::TlsExporter) };
const AFTER: &str = "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><sm xmlns='urn:xmpp:sm:3'/>\
     <ver xmlns='urn:xmpp:features:rosterver'/><csi xmlns='urn:xmpp:csi:0'/></stream:features>";
const ENABLED: &str = "<enabled xmlns='urn:xmpp:sm:3' id='s1' resume='true'/>";

/// TLS is done by the caller: there is none here, but it looks so.
fn under_tls(config: Config) -> Config {
    Config { tls: TlsMode::Outside, ..config }
}

fn tls() -> TlsInfo {
    let bindings = ChannelBindings { tls_exporter: Some(vec![7; 32]), ..ChannelBindings::default() };
    TlsInfo { bindings, ..TlsInfo::default() }
}

fn installation() -> UserAgent {
    UserAgent { id: ClientId::parse("d4565fa7-4d72-4749-b3d3-740edbf87770"), ..UserAgent::default() }
}

fn offer(mechanisms: &[&str], inline: &str) -> String {
    let names: String = mechanisms.iter().map(|name| format!("<mechanism>{name}</mechanism>")).collect();
    // The other profile is there, too, and stronger than it should ever be used.
    let old = self::mechanisms(&["PLAIN", "SCRAM-SHA-512"]);
    features(&format!(
        "{old}<authentication xmlns='urn:xmpp:sasl:2'>{names}<inline>{inline}</inline></authentication>"
    ))
}

fn success(who: &str, inner: &str) -> String {
    format!(
        "<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>{who}</authorization-identifier>{inner}</success>"
    )
}

fn bound(inner: &str) -> String {
    format!("<bound xmlns='urn:xmpp:bind:0'>{inner}</bound>")
}

fn failure(condition: &str) -> String {
    format!(
        "<failure xmlns='urn:xmpp:sasl:2'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></failure>"
    )
}

impl Script {
    /// Up to the first word of the client's after such an offer.
    fn offered(config: Config, offer: &str) -> (Script, String) {
        let mut script = Script::new(under_tls(config));
        let out = script.secured_and_offered(offer);
        (script, out)
    }

    fn secured_and_offered(&mut self, offer: &str) -> String {
        self.client.secured(self.now, tls()).unwrap();
        let header = self.sent();
        assert!(header.contains("from='juliet@example.com'"), "{header}");
        self.server(&format!("{HEADER}{offer}"))
    }

    /// Online and resumable, in one round trip.
    fn at_once(config: Config) -> Script {
        let (mut script, _) = Script::offered(config, &offer(&["PLAIN"], &format!("{SM}{BIND2}{FAST}")));
        script.server(&format!("{}{AFTER}", success(JID, &bound(ENABLED))));
        assert_eq!(script.event(), Event::Online(jid()));
        script
    }
}

#[test]
fn xep0388_2_one_round_trip_leads_to_a_live_session() {
    let mut config = Config { carbons: true, resource_tag: Some("Verona".into()), ..resumable_config() };
    config.user_agent = installation();
    let (mut script, out) = Script::offered(config, &offer(&["PLAIN"], &format!("{SM}{BIND2}{FAST}")));
    assert_eq!(
        out,
        "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'>\
         <initial-response>AGp1bGlldAByMG0zMG15cjBtMzA=</initial-response>\
         <user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'/>\
         <bind xmlns='urn:xmpp:bind:0'><tag>Verona</tag><enable xmlns='urn:xmpp:carbons:2'/>\
         <enable xmlns='urn:xmpp:sm:3' resume='true'/></bind>\
         <request-token xmlns='urn:xmpp:fast:0' mechanism='HT-SHA-256-EXPR'/></authenticate>"
    );
    let token = "<token xmlns='urn:xmpp:fast:0' token='t1' expiry='2026-02-01T00:00:00Z'/>";
    let out = script.server(&format!("{}{AFTER}", success(JID, &format!("{}{token}", bound(ENABLED)))));
    assert_eq!(out, "", "nothing more to say");
    let expected = FastToken::new(EXPORTER, "t1", Utc::from_unix_millis(1_769_904_000_000));
    assert!(!format!("{expected:?}").contains("t1"));
    assert_eq!(script.events(), [Event::Token(expected), Event::Online(jid())]);
    assert!(script.client.is_managed() && script.client.can_resume());
    assert_eq!(script.client.mechanism(), Some(Mechanism::Plain));
    assert!(script.client.features().unwrap().has("ver", ns::ROSTER_VER));
    // Both counts begin here.
    let handle = script.say("one");
    script.sent();
    script.server(&answer(1));
    assert_eq!(script.events(), [Event::Sent(handle), Event::Acknowledged(handle)]);
}

#[test]
fn xep0388_7_nothing_of_it_is_used_without_tls_or_if_it_is_not_wanted() {
    let mut script = Script::new(config());
    script.sent();
    let out = script.server(&format!("{HEADER}{}", offer(&["PLAIN"], BIND2)));
    assert!(out.starts_with("<auth "), "{out}");
    let (_, out) = Script::offered(Config { sasl2: false, ..config() }, &offer(&["PLAIN"], BIND2));
    assert!(out.starts_with("<auth "), "{out}");
}

#[test]
fn xep0388_what_is_not_offered_along_is_done_step_by_step() {
    let mut config = Config { carbons: true, ..resumable_config() };
    config.user_agent = installation();
    let (mut script, out) = Script::offered(config, &offer(&["PLAIN"], ""));
    assert!(!out.contains("bind") && !out.contains("token"), "{out}");
    let request = script.server(&format!("{}{AFTER}", success("juliet@example.com", "")));
    assert!(request.starts_with("<iq ") && request.contains("urn:ietf:params:xml:ns:xmpp-bind"), "{request}");
    let out = script.bound(&request, JID);
    assert!(out.starts_with("<enable xmlns='urn:xmpp:sm:3' resume='true'/>"), "{out}");
    assert!(out.contains("<enable xmlns='urn:xmpp:carbons:2'/></iq>"), "{out}");
    assert_eq!(script.event(), Event::Online(jid()));
    // Whether the server knows carbons is nobody's business.
    script.server(&format!("<iq type='error' id='{}'/>", attr(&out, "id")));
    assert_eq!(script.events(), []);
}

#[test]
fn xep0386_a_resource_of_ones_own_choice_is_bound_the_old_way() {
    let config = Config { account: Jid::new(JID).unwrap(), ..config() };
    let (mut script, out) = Script::offered(config, &offer(&["PLAIN"], BIND2));
    assert!(!out.contains("urn:xmpp:bind:0"), "{out}");
    let request = script.server(&format!("{}{AFTER}", success("juliet@example.com", "")));
    assert!(request.contains("<resource>balcony</resource>"), "{request}");
}

#[test]
fn xep0388_2_5_challenges_are_answered_and_the_server_proves_itself() {
    let none = ChannelBindings::default();
    for lies in [false, true] {
        let config = Config { policy: crate::sasl::Policy::default(), ..config() };
        let offered = ["SCRAM-SHA-256"];
        let (mut script, out) = Script::offered(config, &offer(&offered, BIND2));
        let initial = &out[..out.find("</initial-response>").unwrap() + "</initial-response>".len()];
        let mechanism = Mechanism::from_name("SCRAM-SHA-256").unwrap();
        let mut server = Scram::new(mechanism, "r0m30myr0m30", &[mechanism], &none);
        let challenge = server.answer(initial).replace(SASL, "urn:xmpp:sasl:2");
        let out = script.server(&challenge);
        assert!(out.starts_with("<response xmlns='urn:xmpp:sasl:2'>"), "{out}");
        let data = text(&server.answer(&out)).unwrap();
        let data = if lies { b"v=AAAA".to_vec() } else { data };
        let data = format!("<additional-data>{}</additional-data>", BASE64.encode(data));
        script.server(&format!("{}{AFTER}", success(JID, &format!("{data}{}", bound("")))));
        match lies {
            false => assert_eq!(script.event(), Event::Online(jid())),
            true => assert!(matches!(script.end(), Err(Error::Refused(Refused::Server { .. })))),
        }
        assert_eq!(script.client.keys().is_some(), !lies);
    }
}

#[test]
fn xep0388_2_6_2_a_refused_password_is_not_tried_the_other_way() {
    let (mut script, _) = Script::offered(config(), &offer(&["SCRAM-SHA-256", "PLAIN"], BIND2));
    let out = script.server(&failure("not-authorized"));
    assert_eq!(out, "</stream:stream>");
    script.server("</stream:stream>");
    assert!(matches!(script.end(), Err(Error::Refused(Refused::Credentials { .. }))));
    // Another mechanism of the same profile may help where the quarrel is with the mechanism.
    let (mut script, _) = Script::offered(config(), &offer(&["SCRAM-SHA-256", "SCRAM-SHA-1"], BIND2));
    let out = script.server(&failure("mechanism-too-weak"));
    assert!(out.starts_with("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='SCRAM-SHA-1'>"), "{out}");
    assert!(out.contains("urn:xmpp:bind:0"), "{out}");
    assert_eq!(script.server(&failure("mechanism-too-weak")), "</stream:stream>");
}

#[test]
fn xep0388_a_profile_that_has_nothing_in_common_leaves_the_other() {
    let (_, out) = Script::offered(config(), &offer(&["X-NEW"], BIND2));
    assert!(out.starts_with("<auth ") && out.contains("SCRAM-SHA-512"), "{out}");
}

#[test]
fn xep0388_5_nonsense_is_aborted_and_more_than_we_can_do_ends_it() {
    let (mut script, _) = Script::offered(config(), &offer(&["SCRAM-SHA-1"], BIND2));
    assert_eq!(
        script.server("<challenge xmlns='urn:xmpp:sasl:2'>!</challenge>"),
        "<abort xmlns='urn:xmpp:sasl:2'/>"
    );
    script.server(&format!("{}</stream:stream>", failure("aborted")));
    assert!(matches!(script.end(), Err(Error::Refused(Refused::Server { .. }))));

    let (mut script, _) = Script::offered(config(), &offer(&["PLAIN"], BIND2));
    let more = "<continue xmlns='urn:xmpp:sasl:2'><tasks><task>TOTP</task></tasks></continue>";
    assert_eq!(script.server(more), "<abort xmlns='urn:xmpp:sasl:2'/>");
    script.server(&format!("{}</stream:stream>", failure("aborted")));
    let end = script.end().unwrap_err();
    assert_eq!(end, Error::Refused(Refused::Tasks(vec!["TOTP".into()])));
    assert!(end.to_string().contains("TOTP") && !end.is_transient());
}

#[test]
fn xep0388_a_server_that_answers_what_was_not_asked_is_told_so() {
    let resumed = "<resumed xmlns='urn:xmpp:sm:3' previd='s1' h='0'/>";
    for (inline, answer, condition) in [
        ("", success(JID, &bound("")), Condition::PolicyViolation),
        (BIND2, success(JID, resumed), Condition::PolicyViolation),
        (BIND2, success("juliet@example.com", &bound("")), Condition::InvalidXml),
        (BIND2, "<success xmlns='urn:xmpp:sasl:2'/>".to_owned(), Condition::InvalidXml),
        (BIND2, format!("<success xmlns='{SASL}'/>"), Condition::UnsupportedStanzaType),
        (BIND2, "<response xmlns='urn:xmpp:sasl:2'/>".to_owned(), Condition::UnsupportedStanzaType),
    ] {
        let (mut script, _) = Script::offered(resumable_config(), &offer(&["PLAIN"], inline));
        script.server(&answer);
        let Err(Error::Protocol(error)) = script.end() else { panic!("{answer}") };
        assert_eq!(*error.sent.condition(), condition, "{answer}");
    }
}

#[test]
fn xep0198_7_1_stream_management_that_failed_along_with_the_resource_is_not_asked_for_again() {
    for answer in ["<failed xmlns='urn:xmpp:sm:3'/>", ""] {
        let (mut script, _) = Script::offered(resumable_config(), &offer(&["PLAIN"], BIND2));
        let out = script.server(&format!("{}{AFTER}", success(JID, &bound(answer))));
        assert_eq!(out, "");
        assert_eq!(script.event(), Event::Online(jid()));
        assert!(!script.client.is_managed());
    }
    // Where it could not be asked for along with it, it is asked for then.
    let bind = BIND2.replace("<feature var='urn:xmpp:sm:3'/>", "");
    let (mut script, out) = Script::offered(resumable_config(), &offer(&["PLAIN"], &bind));
    assert!(!out.contains("urn:xmpp:sm:3"), "{out}");
    let out = script.server(&format!("{}{AFTER}", success(JID, &bound(""))));
    assert_eq!(out, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
}

#[test]
fn stanzas_that_overtake_the_features_wait_for_them_and_count() {
    let (mut script, _) = Script::offered(resumable_config(), &offer(&["PLAIN"], BIND2));
    script.server(&success(JID, &bound(ENABLED)));
    script.server("<message from='romeo@example.net/o'><body>Hark</body></message>");
    assert_eq!(script.events(), []);
    script.server(AFTER);
    let events = script.events();
    assert!(matches!(events.as_slice(), [Event::Online(_), Event::Message(_)]), "{events:?}");
    assert_eq!(script.server("<r xmlns='urn:xmpp:sm:3'/>"), answer(1));
}

#[test]
fn xep0198_7_2_a_stream_is_resumed_in_one_round_trip() {
    for features_follow in [false, true] {
        let mut script = Script::at_once(resumable_config());
        let (one, _two) = (script.say("one"), script.say("two"));
        script.sent();
        script.broken();
        script.client.reconnect(script.now, TlsMode::Outside).unwrap();
        let out = script.secured_and_offered(&offer(&["PLAIN"], &format!("{SM}{BIND2}")));
        assert!(
            out.contains("<resume xmlns='urn:xmpp:sm:3' previd='s1' h='0'/><bind xmlns='urn:xmpp:bind:0'>"),
            "{out}"
        );
        let resumed = "<resumed xmlns='urn:xmpp:sm:3' previd='s1' h='1'/>";
        let out = script.server(&success("juliet@example.com", resumed));
        assert!(out.contains("two") && !out.contains("one<"), "{out}");
        assert_eq!(script.events(), [Event::Acknowledged(one), Event::Resumed(jid())]);
        assert!(
            script.client.features().unwrap().has("ver", ns::ROSTER_VER),
            "what was known is not forgotten"
        );
        if features_follow {
            script.server(AFTER);
        }
        assert!(script.client.is_online());
    }
}

#[test]
fn xep0198_7_2_what_cannot_be_resumed_leads_to_a_new_session_in_the_same_round_trip() {
    for lost in [
        "<failed xmlns='urn:xmpp:sm:3' h='1'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>",
        "",
    ] {
        let mut script = Script::at_once(resumable_config());
        let (one, two) = (script.say("one"), script.say("two"));
        script.sent();
        script.broken();
        script.client.reconnect(script.now, TlsMode::Outside).unwrap();
        script.secured_and_offered(&offer(&["PLAIN"], &format!("{SM}{BIND2}")));
        let enabled = ENABLED.replace("s1", "s2");
        let out = script.server(&format!("{}{AFTER}", success(JID, &format!("{lost}{}", bound(&enabled)))));
        assert!(out.contains("two") && out.contains("<delay"), "{out}");
        assert_eq!(out.contains("one<"), lost.is_empty(), "{out}");
        let sent_again = if lost.is_empty() { 2 } else { 1 };
        script.server(&answer(sent_again));
        let acknowledged: Vec<Event> =
            script.events().into_iter().filter(|event| *event != Event::Online(jid())).collect();
        assert_eq!(acknowledged, [one, two].map(Event::Acknowledged));
        assert!(script.client.can_resume());
    }
}

#[test]
fn xep0198_7_2_resumption_without_bind_2_goes_on_the_old_way() {
    let mut script = Script::at_once(resumable_config());
    script.broken();
    script.client.reconnect(script.now, TlsMode::Outside).unwrap();
    // Resumption is not offered along, but afterwards.
    script.secured_and_offered(&offer(&["PLAIN"], ""));
    let out = script.server(&format!("{}{AFTER}", success("juliet@example.com", "")));
    assert_eq!(out, "<resume xmlns='urn:xmpp:sm:3' previd='s1' h='0'/>");
}

/// The server's answer to a login with a token.
fn judge(out: &str, token: &str) -> String {
    let bindings = tls().bindings;
    let mut server = ServerSession::start(
        EXPORTER,
        "example.com",
        &[],
        &bindings,
        &[1; 32],
        &mut Entropy::from_seed([9; 32]),
    );
    let initial = &out[..out.find("</initial-response>").unwrap() + "</initial-response>".len()];
    assert!(matches!(server.response(text(initial).as_deref()), ServerStep::NeedTokens { .. }));
    match server.tokens(&[Some(Password::new(token)), None], false) {
        ServerStep::Success { data: Some(data), .. } => {
            format!("<additional-data>{}</additional-data>", BASE64.encode(data))
        }
        _ => panic!("refused"),
    }
}

fn with_token() -> Config {
    let mut config = resumable_config();
    config.user_agent = installation();
    config.fast_token =
        Some(FastToken::new(EXPORTER, "t1", start_of_time().after(Duration::from_secs(60)).utc));
    config
}

#[test]
fn xep0484_3_4_a_token_logs_in_in_one_round_trip_and_is_replaced() {
    // No password is needed.
    let config = Config { credentials: None, ..with_token() };
    let (mut script, out) = Script::offered(config, &offer(&["PLAIN"], &format!("{SM}{BIND2}{FAST}")));
    assert!(out.starts_with("<authenticate xmlns='urn:xmpp:sasl:2' mechanism='HT-SHA-256-EXPR'>"), "{out}");
    assert!(out.ends_with("<fast xmlns='urn:xmpp:fast:0'/></authenticate>"), "{out}");
    let proof = judge(&out, "t1");
    let token = "<token xmlns='urn:xmpp:fast:0' token='t2' expiry='2026-02-01T00:00:00Z'/>";
    script.server(&format!("{}{AFTER}", success(JID, &format!("{proof}{}{token}", bound(ENABLED)))));
    let events = script.events();
    assert!(
        matches!(events.as_slice(), [Event::Token(token), Event::Online(_)] if token.token == "t2" && token.mechanism == EXPORTER),
        "{events:?}"
    );
    assert_eq!(script.client.mechanism(), Some(EXPORTER));
    // The next connection uses the new one.
    script.broken();
    script.client.reconnect(script.now, TlsMode::Outside).unwrap();
    let out = script.secured_and_offered(&offer(&["PLAIN"], &format!("{SM}{BIND2}{FAST}")));
    let proof = judge(&out, "t2");
    let resumed = "<resumed xmlns='urn:xmpp:sm:3' previd='s1' h='0'/>";
    script.server(&success("juliet@example.com", &format!("{proof}{resumed}")));
    assert_eq!(script.event(), Event::Resumed(jid()));
}

#[test]
fn xep0484_4_1_a_refused_token_is_given_up_for_the_password_and_that_is_tried_once() {
    let (mut script, _) = Script::offered(with_token(), &offer(&["PLAIN"], &format!("{BIND2}{FAST}")));
    let out = script.server(&failure("credentials-expired"));
    assert!(out.contains("mechanism='PLAIN'") && out.contains("<request-token"), "{out}");
    assert_eq!(script.events(), [], "silently");
    assert_eq!(script.server(&failure("not-authorized")), "</stream:stream>");
    // Without a password the caller is asked.
    let config = Config { credentials: None, ..with_token() };
    let (mut script, _) = Script::offered(config, &offer(&["PLAIN"], &format!("{BIND2}{FAST}")));
    assert_eq!(script.server(&failure("not-authorized")), "");
    assert_eq!(script.event(), Event::CredentialsNeeded { mechanisms: vec!["PLAIN".into()] });
    script.client.authenticate(script.now, password()).unwrap();
    assert!(script.sent().contains("mechanism='PLAIN'"));
}

#[test]
fn xep0484_a_server_that_does_not_know_the_token_is_not_believed() {
    let (mut script, out) = Script::offered(with_token(), &offer(&["PLAIN"], &format!("{BIND2}{FAST}")));
    let proof = judge(&out, "t1").replace("data>", "data>AAAA");
    let proof = proof.replace("</additional-data>AAAA", "</additional-data>");
    script.server(&success(JID, &format!("{proof}{}", bound(""))));
    assert!(matches!(script.end(), Err(Error::Refused(Refused::Server { .. }))));
}

#[test]
fn xep0484_a_token_is_used_only_where_it_is_good() {
    let offered = offer(&["PLAIN"], &format!("{BIND2}{FAST}"));
    let is_used = |config: Config, offered: &str| {
        Script::offered(config, offered).1.contains("HT-SHA-256-EXPR'><initial")
    };
    assert!(is_used(with_token(), &offered));
    assert!(
        !is_used(Config { user_agent: UserAgent::default(), ..with_token() }, &offered),
        "no installation"
    );
    assert!(
        !is_used(with_token(), &offered.replace("HT-SHA-256-EXPR", "HT-SHA-256-ENDP")),
        "another mechanism"
    );
    assert!(!is_used(with_token(), &offer(&["PLAIN"], BIND2)), "no tokens at all");
    let expired = FastToken::new(EXPORTER, "t1", start_of_time().utc);
    assert!(!is_used(Config { fast_token: Some(expired), ..with_token() }, &offered), "expired");
    let domain = Jid::new("example.com").unwrap();
    let mut script = Script::new(under_tls(Config { account: domain, ..with_token() }));
    script.client.secured(script.now, tls()).unwrap();
    script.sent();
    assert!(script.server(&format!("{HEADER}{offered}")).contains("mechanism='PLAIN'"), "nobody");
}

#[test]
fn xep0484_4_1_no_token_is_asked_for_without_an_installation() {
    let (_, out) = Script::offered(config(), &offer(&["PLAIN"], &format!("{BIND2}{FAST}")));
    assert!(!out.contains("request-token") && !out.contains("user-agent"), "{out}");
}

#[test]
fn xep0352_4_the_server_is_told_whether_somebody_looks() {
    let (active, inactive) = ("<active xmlns='urn:xmpp:csi:0'/>", "<inactive xmlns='urn:xmpp:csi:0'/>");
    let mut script = Script::online_with(config(), "<csi xmlns='urn:xmpp:csi:0'/>");
    script.client.set_state(script.now, ClientState::Active);
    assert_eq!(script.sent(), "");
    script.client.set_state(script.now, ClientState::Inactive);
    assert_eq!(script.sent(), inactive);
    script.client.set_state(script.now, ClientState::Active);
    assert_eq!(script.sent(), active);
    // One that does not listen is told nothing.
    let mut script = Script::online(config());
    script.client.set_state(script.now, ClientState::Inactive);
    assert_eq!(script.sent(), "");
    // Over connections it is remembered: along with the resource, and anew after a resumption.
    let mut script = Script::new(under_tls(resumable_config()));
    script.client.set_state(script.now, ClientState::Inactive);
    let out = script.secured_and_offered(&offer(&["PLAIN"], &format!("{SM}{BIND2}")));
    assert!(out.contains(&format!("{inactive}</bind>")), "{out}");
    assert_eq!(script.server(&format!("{}{AFTER}", success(JID, &bound(ENABLED)))), "");
    script.events();
    script.broken();
    script.client.reconnect(script.now, TlsMode::Outside).unwrap();
    script.secured_and_offered(&offer(&["PLAIN"], &format!("{SM}{BIND2}")));
    let resumed = "<resumed xmlns='urn:xmpp:sm:3' previd='s1' h='0'/>";
    assert_eq!(script.server(&success("juliet@example.com", resumed)), inactive);
}
