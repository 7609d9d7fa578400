//! Servers that do what they must not.

use super::*;
use crate::stream::Condition;

/// Says all of it and returns the stream error that the client answered with.
fn violation(script: &mut Script, says: &str) -> Condition {
    let answer = script.server(says);
    assert!(answer.ends_with("</stream:stream>"), "{says}: {answer}");
    match script.end() {
        Err(Error::Protocol(error)) => {
            assert!(answer.contains(&format!("<{} ", error.sent.condition().name())), "{answer}");
            assert!(!Error::Protocol(error.clone()).is_transient());
            error.sent.condition().clone()
        }
        other => panic!("{says}: {other:?}"),
    }
}

fn started() -> Script {
    let mut script = Script::new(config());
    script.sent();
    script
}

const MESSAGE: &str = "<message from='example.com'><body>Hear me</body></message>";

#[test]
fn rfc6120_4_3_stanzas_before_negotiation_is_complete() {
    let offer = features(&mechanisms(&["PLAIN"]));
    for before in [String::new(), offer.clone()] {
        assert_eq!(
            violation(&mut started(), &format!("{HEADER}{before}{MESSAGE}")),
            Condition::NotAuthorized
        );
    }
    let mut script = started();
    script.authenticate();
    assert_eq!(violation(&mut script, &format!("{HEADER}{MESSAGE}")), Condition::NotAuthorized);
    let mut script = Script::new(config());
    script.authenticated(BIND);
    assert_eq!(violation(&mut script, MESSAGE), Condition::NotAuthorized);
    let mut script = Script::new(config());
    script.authenticated(BIND);
    let forged = "<iq type='result' id='guess'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>a@b/c</jid></bind></iq>";
    assert_eq!(violation(&mut script, forged), Condition::NotAuthorized);
}

#[test]
fn rfc6120_4_3_elements_out_of_order() {
    let offer = features(&mechanisms(&["PLAIN"]));
    for says in [
        format!("{HEADER}<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
        format!("{HEADER}<success xmlns='{SASL}'/>"),
        format!("{HEADER}{offer}{offer}"),
        format!("{HEADER}{offer}<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
        format!("{HEADER}{offer}<auth xmlns='{SASL}' mechanism='PLAIN'/>"),
        format!("{HEADER}<unknown xmlns='urn:example:unknown'/>"),
        format!("{HEADER}<features xmlns='urn:example:unknown'/>"),
    ] {
        assert_eq!(violation(&mut started(), &says), Condition::UnsupportedStanzaType, "{says}");
    }
}

#[test]
fn rfc6120_6_success_while_the_caller_is_asked_is_refused() {
    let mut script = Script::new(Config { credentials: None, ..config() });
    script.sent();
    script.server(&format!("{HEADER}{}", features(&mechanisms(&["PLAIN"]))));
    script.events();
    let says = format!("<success xmlns='{SASL}'/>");
    assert_eq!(violation(&mut script, &says), Condition::UnsupportedStanzaType);
    assert_eq!(script.client.authenticate(script.now, password()), Err(Misuse::CredentialsNotNeeded));
}

#[test]
fn rfc6120_4_3_5_features_after_negotiation() {
    let mut script = Script::online(config());
    assert_eq!(script.server("<stream:features/>"), "");
    assert_eq!(script.events(), []);
    assert_eq!(violation(&mut script, &features(BIND)), Condition::PolicyViolation);
}

#[test]
fn rfc6120_4_9_3_24_what_is_no_stanza() {
    for says in [
        "<unknown xmlns='urn:example:unknown'/>",
        "<unknown/>",
        "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
    ] {
        assert_eq!(
            violation(&mut Script::online(config()), says),
            Condition::UnsupportedStanzaType,
            "{says}"
        );
    }
}

#[test]
fn rfc6120_4_7_1_a_stream_from_somebody_else() {
    let header = HEADER.replace("from='example.com'", "from='example.net'");
    let says = format!("{header}{}", features(&mechanisms(&["PLAIN"])));
    assert_eq!(violation(&mut started(), &says), Condition::InvalidFrom);
    // But a server that serves somebody else may say so.
    let mut script = started();
    script.server(&format!(
        "{header}<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"
    ));
    assert_eq!(script.end(), Err(Error::Stream(StreamError::new(Condition::HostUnknown))));
    // And servers from before RFC 6120 say nothing.
    let header = HEADER.replace("from='example.com'", "");
    let mut script = started();
    assert!(script.server(&format!("{header}{}", features(&mechanisms(&["PLAIN"])))).starts_with("<auth "));
}

#[test]
fn rfc6120_4_7_5_servers_older_than_xmpp_1_0() {
    for (version, expected) in [("", None), ("version='0.9'", Some((0, 9)))] {
        let header = HEADER.replace("version='1.0' xml", &format!("{version} xml"));
        let mut script = started();
        let answer = script.server(&header);
        assert!(answer.contains("<unsupported-version"), "{answer}");
        assert_eq!(script.end(), Err(Error::Missing(Missing::Version(expected))));
    }
}

#[test]
fn rfc6120_4_9_3_not_xml_or_not_xmpp() {
    for (says, condition) in [
        ("HTTP/1.1 400 Bad Request\r\n\r\n".to_owned(), None),
        (format!("{HEADER}<!-- -->"), Some(Condition::RestrictedXml)),
        (format!("{HEADER}<a></b>"), Some(Condition::NotWellFormed)),
        (format!("{HEADER}<message xmlns='jabber:server'/>"), Some(Condition::InvalidNamespace)),
    ] {
        let found = violation(&mut started(), &says);
        assert!(condition.is_none_or(|condition| condition == found), "{says}: {found:?}");
    }
}

#[test]
fn features_larger_than_the_limit_before_authentication() {
    let says = format!(
        "{HEADER}<stream:features><a xmlns='urn:example:a'>{}</a></stream:features>",
        "x".repeat(11_000)
    );
    assert_eq!(violation(&mut started(), &says), Condition::PolicyViolation);
}

#[test]
fn malformed_stanzas_that_others_wrote_end_nothing() {
    let mut script = Script::online(config());
    for (says, answered) in [
        ("<iq type='get' id='1' from='romeo@example.net/o'/>", true),
        ("<iq type='set' id='2' from='romeo@example.net/o'><a xmlns='urn:a'/><b xmlns='urn:b'/></iq>", true),
        ("<iq type='what' id='3' from='romeo@example.net/o'><a xmlns='urn:a'/></iq>", true),
        // Section 8.2.3 rule 3: the answer's id is then empty.
        ("<iq type='get' from='romeo@example.net/o'><a xmlns='urn:a'/></iq>", true),
        (
            "<iq type='result' id='4' from='romeo@example.net/o'><a xmlns='urn:a'/><b xmlns='urn:b'/></iq>",
            false,
        ),
        ("<message from='@@'><body>x</body></message>", false),
        ("<message to='@@' from='romeo@example.net/o'><body>x</body></message>", false),
        ("<presence type='what' from='romeo@example.net/o'/>", false),
    ] {
        let answer = script.server(says);
        assert_eq!(answer.contains("type='error'"), answered, "{says}: {answer}");
        assert!(!answer.contains("</stream:stream>"), "{says}: {answer}");
        let event = script.event();
        assert!(matches!(event, Event::Malformed { .. }), "{says}: {event:?}");
        assert!(script.client.is_online());
    }
}

#[test]
fn a_flood_of_requests_that_nobody_fetches_answers_to_is_cut_off() {
    let mut limits = Limits::SERVER;
    limits.max_queued = 64 << 10;
    let mut script = Script::online(Config { limits, ..config() });
    let ping =
        "<iq type='get' id='1' from='romeo@example.net/o'><ping xmlns='urn:xmpp:ping'/></iq>".repeat(1500);
    script.client.receive(script.now, ping.as_bytes());
    let out = script.sent();
    assert!(out.len() <= 64 << 10, "{}", out.len());
    assert!(matches!(script.end(), Err(Error::Environment(Environment::Ended(_)))));
}
