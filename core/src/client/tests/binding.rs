//! Resource binding (RFC 6120 section 7) and the legacy session (RFC 3921 section 3).

use super::*;
use crate::stanza::Condition;

const SESSION: &str = "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>";

fn with_resource() -> Config {
    Config { account: Jid::new(JID).unwrap(), ..config() }
}

fn error_reply(request: &str, kind: &str, condition: &str) -> String {
    format!(
        "<iq type='error' id='{}'><error type='{kind}'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
         </error></iq>",
        attr(request, "id")
    )
}

#[test]
fn rfc6120_7_6_1_the_server_makes_up_a_resource() {
    let mut script = Script::new(config());
    let request = script.authenticated(BIND);
    assert!(request.contains("type='set'"), "{request}");
    assert!(request.contains(BIND), "{request}");
    assert!(!request.contains("resource"), "{request}");
    script.bound(&request, "juliet@example.com/4db06f06");
    assert_eq!(script.event(), Event::Online(FullJid::new("juliet@example.com/4db06f06").unwrap()));
    assert_eq!(script.client.jid().unwrap().as_str(), "juliet@example.com/4db06f06");
    assert!(script.client.features().unwrap().bind());
}

#[test]
fn rfc6120_7_7_1_a_resource_is_asked_for_and_the_server_has_the_last_word() {
    let mut script = Script::new(with_resource());
    let request = script.authenticated(BIND);
    assert!(request.contains("<resource>balcony</resource>"), "{request}");
    // Section 4.3.6: another address is ours all the same. White space around it is the RFC's own layout.
    script.bound(&request, "\n  capulet@example.com/balcony 4db06f06\n");
    assert_eq!(script.event(), Event::Online(FullJid::new("capulet@example.com/balcony 4db06f06").unwrap()));
}

#[test]
fn rfc6120_7_7_2_2_a_conflict_is_solved_by_the_server_once() {
    let mut script = Script::new(with_resource());
    let request = script.authenticated(BIND);
    let again = script.server(&error_reply(&request, "modify", "conflict"));
    assert!(again.contains(BIND), "{again}");
    assert_ne!(attr(&request, "id"), attr(&again, "id"));
    assert_eq!(script.server(&error_reply(&again, "modify", "conflict")), "</stream:stream>");
    script.server("</stream:stream>");
    let end = script.end();
    assert!(
        matches!(&end, Err(Error::Refused(Refused::Binding(error))) if *error.condition() == Condition::Conflict),
        "{end:?}"
    );
}

#[test]
fn rfc6120_7_6_2_other_errors_end_it() {
    for (kind, name, condition, transient) in [
        ("wait", "resource-constraint", Condition::ResourceConstraint, true),
        ("cancel", "not-allowed", Condition::NotAllowed, false),
        ("modify", "bad-request", Condition::BadRequest, false),
    ] {
        let mut script = Script::new(with_resource());
        let request = script.authenticated(BIND);
        assert_eq!(script.server(&error_reply(&request, kind, name)), "</stream:stream>");
        script.server("</stream:stream>");
        let Err(end) = script.end() else { panic!("{name}") };
        let Error::Refused(Refused::Binding(error)) = &end else { panic!("{end:?}") };
        assert_eq!(*error.condition(), condition);
        assert_eq!(end.is_transient(), transient, "{name}");
    }
}

#[test]
fn rfc6120_7_4_no_binding_no_use() {
    let mut script = Script::new(config());
    assert_eq!(script.authenticated("<other xmlns='urn:example:other'/>"), "</stream:stream>");
    script.server("</stream:stream>");
    assert_eq!(script.end(), Err(Error::Missing(Missing::Binding)));
}

#[test]
fn rfc6120_7_a_reply_without_a_full_address_breaks_the_protocol() {
    for inner in [
        "",
        "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>",
        "<other xmlns='urn:example:other'/>",
        "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>juliet@example.com</jid></bind>",
        "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>@/</jid></bind>",
    ] {
        let mut script = Script::new(config());
        let request = script.authenticated(BIND);
        script.server(&format!("<iq type='result' id='{}'>{inner}</iq>", attr(&request, "id")));
        assert!(matches!(script.end(), Err(Error::Protocol(_))), "{inner}");
    }
}

#[test]
fn rfc3921_3_a_session_is_established_where_it_is_required() {
    let mut script = Script::new(config());
    let request = script.authenticated(&format!("{BIND}{SESSION}"));
    let session = script.bound(&request, JID);
    assert!(session.contains(SESSION), "{session}");
    assert_eq!(script.events(), [], "not online yet");
    // Somebody who knows the address may write at once; nothing is lost and nothing answered too early.
    let early = "<message from='romeo@example.net/orchard'><body>But soft</body></message>\
         <iq type='get' id='p' from='romeo@example.net/orchard'><ping xmlns='urn:xmpp:ping'/></iq>";
    assert_eq!(script.server(early), "");
    let pong = script.server(&format!("<iq type='result' id='{}'/>", attr(&session, "id")));
    assert!(pong.contains("id='p'"), "{pong}");
    let events = script.events();
    assert!(matches!(events.as_slice(), [Event::Online(_), Event::Message(_)]), "{events:?}");
}

#[test]
fn rfc3921_3_a_session_is_not_asked_for_where_it_is_optional() {
    let mut script = Script::new(config());
    let optional = "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session>";
    let request = script.authenticated(&format!("{BIND}{optional}"));
    assert_eq!(script.bound(&request, JID), "");
    assert!(matches!(script.event(), Event::Online(_)));
}

#[test]
fn rfc3921_3_a_refused_session_ends_it() {
    let mut script = Script::new(config());
    let request = script.authenticated(&format!("{BIND}{SESSION}"));
    let session = script.bound(&request, JID);
    script.server(&error_reply(&session, "auth", "forbidden"));
    script.server("</stream:stream>");
    assert!(matches!(script.end(), Err(Error::Refused(Refused::Session(_)))));
}
