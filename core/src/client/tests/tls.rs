//! STARTTLS and TLS that the caller does (RFC 6120 section 5). TLS inside the machine is tested end to end elsewhere.

use super::*;
use crate::stream::Condition;

const STARTTLS: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const PROCEED: &str = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

fn starttls() -> Config {
    let mut config = config();
    config.tls = TlsMode::StartTlsOutside;
    config.policy.plain_without_tls = false;
    config
}

fn offering() -> String {
    format!("{HEADER}{}", features(STARTTLS))
}

#[test]
fn rfc6120_5_4_starttls_then_a_new_stream() {
    let mut script = Script::new(starttls());
    let header = script.sent();
    assert!(header.contains(" to='example.com'"), "{header}");
    assert!(!header.contains("juliet"), "section 4.7.1: not before TLS: {header}");
    assert_eq!(script.server(&offering()), STARTTLS);
    assert_eq!(script.server(PROCEED), "");
    assert_eq!(script.event(), Event::StartTls);
    assert_eq!(script.client.deadline(), None, "the caller's turn");
    script.client.secured(script.now, TlsInfo::default()).unwrap();
    let header = script.sent();
    assert!(header.starts_with("<?xml"), "{header}");
    assert!(header.contains(" from='juliet@example.com'"), "{header}");
    assert!(script.client.tls().is_some());
    let auth = script.server(&format!("{HEADER}{}", features(&mechanisms(&["PLAIN"]))));
    assert_eq!(attr(&auth, "mechanism"), "PLAIN", "secure now");
    assert_eq!(script.client.secured(script.now, TlsInfo::default()), Err(Misuse::NotSecuring));
}

#[test]
fn rfc6120_5_a_server_without_starttls_learns_nothing() {
    let mut script = Script::new(starttls());
    script.sent();
    let answer = script.server(&format!("{HEADER}{}", features(&mechanisms(&["PLAIN", "SCRAM-SHA-1"]))));
    assert_eq!(answer, "</stream:stream>");
    script.server("</stream:stream>");
    let end = script.end().unwrap_err();
    assert_eq!(end, Error::Missing(Missing::StartTls));
    assert!(!end.is_transient());
}

#[test]
fn rfc6120_5_4_2_2_a_refused_starttls_ends_it() {
    let mut script = Script::new(starttls());
    script.sent();
    script.server(&offering());
    assert_eq!(script.server("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"), "</stream:stream>");
    script.server("</stream:stream>");
    assert_eq!(script.end(), Err(Error::Missing(Missing::StartTlsRefused)));
}

#[test]
fn rfc6120_5_4_2_3_plaintext_behind_proceed_is_refused_however_it_is_split() {
    for split in [false, true] {
        let mut script = Script::new(starttls());
        script.sent();
        script.server(&offering());
        if split {
            script.server(PROCEED);
            script.server("<");
        } else {
            assert_eq!(script.server(&format!("{PROCEED}<")), "");
        }
        let events = script.events();
        let [Event::StartTls, Event::Closed(Err(Error::Protocol(error)))] = events.as_slice() else {
            panic!("{events:?}")
        };
        assert_eq!(*error.sent.condition(), Condition::PolicyViolation);
        assert!(script.client.is_finished());
        assert_eq!(script.client.secured(script.now, TlsInfo::default()), Err(Misuse::NotSecuring));
        assert_eq!(script.sent(), "", "nothing may be said in clear any more");
        assert_eq!(script.wait(100), "");
    }
}

#[test]
fn rfc6120_5_anything_but_an_answer_to_starttls_is_refused() {
    for says in [features(STARTTLS), features(&mechanisms(&["PLAIN"])), format!("<success xmlns='{SASL}'/>")]
    {
        let mut script = Script::new(starttls());
        script.sent();
        script.server(&offering());
        script.server(&says);
        assert!(matches!(script.end(), Err(Error::Protocol(_))), "{says}");
    }
}

#[test]
fn tls_outside_comes_before_the_first_byte() {
    let mut script = Script::new(Config { tls: TlsMode::Outside, ..config() });
    assert_eq!(script.sent(), "");
    assert_eq!(script.client.deadline(), None);
    script.client.secured(script.now, TlsInfo::default()).unwrap();
    assert!(script.sent().contains(" from='juliet@example.com' to='example.com'"));
    assert_eq!(script.deadline(), (30, Reason::Negotiation));
}

#[test]
fn rfc6120_4_7_4_the_header_names_the_language() {
    for (lang, named) in [(Some("cs"), " xml:lang='cs'"), (None, "")] {
        let mut script = Script::new(Config { lang: lang.map(str::to_owned), ..config() });
        let header = script.sent();
        assert!(header.contains(named), "{header}");
        assert_eq!(header.contains("xml:lang"), lang.is_some(), "{header}");
    }
}

#[test]
fn closing_or_losing_the_transport_while_the_caller_does_tls() {
    let mut script = Script::new(Config { tls: TlsMode::Outside, ..config() });
    script.client.close(script.now);
    assert_eq!(script.sent(), "");
    assert_eq!(script.end(), Ok(()));
    let mut script = Script::new(Config { tls: TlsMode::Outside, ..config() });
    script.client.receive_eof(script.now);
    assert_eq!(script.sent(), "");
    assert_eq!(script.end(), Err(Error::Environment(Environment::Disconnected)));
}

#[test]
fn plaintext_is_not_enough_for_a_server_that_requires_tls() {
    let mut script = Script::new(config());
    script.sent();
    let required = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>";
    assert_eq!(script.server(&format!("{HEADER}{}", features(required))), "</stream:stream>");
    script.server("</stream:stream>");
    assert_eq!(script.end(), Err(Error::Missing(Missing::Plaintext)));
}
