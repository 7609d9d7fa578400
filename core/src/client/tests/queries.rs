//! Small questions: asked (XEP-0012, XEP-0054, XEP-0092, XEP-0202, XEP-0016) and answered.

use super::*;
use crate::jid::BareJid;
use crate::payload::datetime::Offset;
use crate::payload::privacy::{Action, Set};
use crate::payload::vcard::{self, Vcard};
use crate::payload::version::Version;

fn jid(text: &str) -> Jid {
    Jid::new(text).unwrap()
}

/// Asks, and reads the answer with this payload.
fn ask<R: Request>(request: R, question: &str, payload: &str) -> Result<R::Reply, RequestError> {
    let mut script = Script::online(config());
    let to = request.to().map(|to| format!("from='{to}'")).unwrap_or_default();
    let handle = script.client.request(script.now, request, None).unwrap();
    let out = script.sent();
    assert!(out.contains(question), "{out}");
    script.server(&format!("<iq type='result' {to} id='{}'>{payload}</iq>", attr(&out, "id")));
    match script.event() {
        Event::Reply(reply) => handle.read(&reply).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn xep0092_version_is_asked() {
    let to = Some(jid("romeo@example.net/o"));
    let xml =
        "<query xmlns='jabber:iq:version'><name>Exodus</name><version>0.7</version><os>CP/M</os></query>";
    let version = ask(GetVersion { to: to.clone() }, "<query xmlns='jabber:iq:version'/>", xml).unwrap();
    assert_eq!((version.name.as_str(), version.os.as_deref()), ("Exodus", Some("CP/M")));
    let empty = ask(GetVersion { to }, "", "");
    assert!(matches!(empty, Err(RequestError::Malformed(_))), "{empty:?}");
}

#[test]
fn xep0202_time_is_asked() {
    let to = Some(jid("romeo@example.net/o"));
    let xml = "<time xmlns='urn:xmpp:time'><tzo>-06:00</tzo><utc>2026-01-01T00:00:00Z</utc></time>";
    let time = ask(GetTime { to }, "<time xmlns='urn:xmpp:time'/>", xml).unwrap();
    assert_eq!((time.utc, time.offset), (start_of_time().utc, Offset::from_minutes(-360).unwrap()));
}

#[test]
fn xep0012_last_activity_is_asked() {
    let to = Some(jid("romeo@example.net"));
    let xml = "<query xmlns='jabber:iq:last' seconds='903'>Heading home</query>";
    let last = ask(GetLast { to }, "<query xmlns='jabber:iq:last'/>", xml).unwrap();
    assert_eq!((last.seconds, last.status.as_str()), (903, "Heading home"));
}

#[test]
fn xep0054_cards_are_read_and_replaced() {
    let xml = "<vCard xmlns='vcard-temp'><FN>Romeo</FN><PHOTO><BINVAL>AAEC</BINVAL></PHOTO></vCard>";
    let whose = BareJid::new("romeo@example.net").unwrap();
    let card = ask(GetVcard(Some(whose)), "to='romeo@example.net'", xml).unwrap();
    assert_eq!(card.full_name().as_deref(), Some("Romeo"));
    assert_eq!(card.photo().unwrap().data, [0, 1, 2]);
    for nothing in ["", "<vCard xmlns='vcard-temp'/>"] {
        assert!(ask(GetVcard(None), "<vCard xmlns='vcard-temp'/>", nothing).unwrap().is_empty());
    }
    let fields = "<FN>Romeo</FN><PHOTO><BINVAL>AAEC</BINVAL></PHOTO></vCard>";
    assert_eq!(ask(SetVcard(card), fields, ""), Ok(()));
    let own = vcard::with_text(vcard::get(), "FN", "Juliet").build();
    let own = Vcard::parse(own.root()).unwrap();
    assert_eq!(ask(SetVcard(own), "<vCard xmlns='vcard-temp'><FN>Juliet</FN></vCard>", ""), Ok(()));
}

#[test]
fn xep0016_privacy_lists_are_read_and_replaced() {
    let names = "<query xmlns='jabber:iq:privacy'><active name='a'/><list name='a'/><list name='b'/></query>";
    let names = ask(GetPrivacyLists, "<query xmlns='jabber:iq:privacy'/>", names).unwrap();
    assert_eq!((names.active.as_deref(), names.lists.len()), (Some("a"), 2));
    let xml = "<list name='a'><item action='deny' order='1'/></list>";
    let xml = format!("<query xmlns='jabber:iq:privacy'>{xml}</query>");
    let list = ask(GetPrivacyList("a".into()), "<list name='a'/>", &xml).unwrap();
    assert_eq!(list.rules[0].action, Action::Deny);
    assert_eq!(ask(SetPrivacyList(Set::Put(list)), &xml, ""), Ok(()));
    assert_eq!(ask(SetPrivacyList(Set::Active(None)), "<active/>", ""), Ok(()));
}

#[test]
fn xep0016_2_6_changes_of_privacy_lists_are_told_and_only_the_account_tells_them() {
    let push = |from: &str, inner: &str| {
        format!("<iq type='set' id='p' {from}><query xmlns='jabber:iq:privacy'>{inner}</query></iq>")
    };
    let mut script = Script::online(config());
    let ack = script.server(&push("from='juliet@example.com'", "<list name='public'/>"));
    assert!(ack.starts_with("<iq type='result' id='p'"), "{ack}");
    assert_eq!(script.event(), Event::PrivacyListChanged("public".into()));
    assert!(script.server(&push("", "")).contains("<bad-request"));
    assert_eq!(script.server(&push("from='romeo@example.net'", "<list name='public'/>")), "");
    assert!(matches!(script.event(), Event::Ignored { reason: Ignored::ForgedPrivacyPush, .. }));
}

const QUESTIONS: [&str; 3] = [
    "<query xmlns='jabber:iq:version'/>",
    "<time xmlns='urn:xmpp:time'/>",
    "<query xmlns='jabber:iq:last'/>",
];

fn asked(script: &mut Script, from: &str, question: &str) -> String {
    script.server(&format!("<iq type='get' id='q' {from}>{question}</iq>"))
}

/// Online, everything answered, with romeo seeing us and paris not.
fn open() -> Script {
    let mut config = config();
    let mut version = Version::new("Globe", "1.0");
    version.os = Some("CP/M".into());
    config.software = Some(version);
    config.utc_offset = Offset::from_minutes(90);
    config.answer_last_activity = true;
    let mut script = Script::online(config);
    script.server(
        "<iq type='set' id='p'><query xmlns='jabber:iq:roster'><item jid='romeo@example.net' subscription='from'/>\
         </query></iq><iq type='set' id='p'><query xmlns='jabber:iq:roster'><item jid='paris@example.net' \
         subscription='to'/></query></iq>",
    );
    script.client.set_presence(script.now, Presence::builder(PresenceType::Available).build()).unwrap();
    script.events();
    script
}

#[test]
fn xep0092_and_0202_and_0012_are_answered_to_those_who_see_us() {
    let mut script = open();
    script.wait(100);
    let now = script.now;
    script.client.note_activity(now);
    script.wait(42);
    let answers = [
        "<query xmlns='jabber:iq:version'><name>Globe</name><version>1.0</version><os>CP/M</os></query>",
        "<time xmlns='urn:xmpp:time'><tzo>+01:30</tzo><utc>2026-01-01T00:02:22Z</utc></time>",
        "<query xmlns='jabber:iq:last' seconds='42'/>",
    ];
    for from in ["", "from='example.com'", "from='juliet@example.com/other'", "from='romeo@example.net/o'"] {
        for (question, expected) in QUESTIONS.iter().zip(answers) {
            let answer = asked(&mut script, from, question);
            assert!(answer.contains("type='result'") && answer.contains(expected), "{from}: {answer}");
        }
    }
    for from in ["from='paris@example.net/p'", "from='tybalt@example.org/x'"] {
        for question in QUESTIONS {
            assert!(asked(&mut script, from, question).contains("<service-unavailable"), "{from}");
        }
    }
    script.client.set_presence(script.now, Presence::builder(PresenceType::Unavailable).build()).unwrap();
    script.sent();
    assert!(asked(&mut script, "from='romeo@example.net/o'", QUESTIONS[0]).contains("<service-unavailable"));
    script.events();
    let features = asked(&mut script, "", "<query xmlns='http://jabber.org/protocol/disco#info'/>");
    for feature in ["jabber:iq:version", "urn:xmpp:time", "jabber:iq:last"] {
        assert!(features.contains(&format!("<feature var='{feature}'/>")), "{features}");
    }
    assert_eq!(script.events(), []);
}

#[test]
fn nothing_of_that_is_told_unless_it_is_configured() {
    let mut script = Script::online(config());
    for question in QUESTIONS {
        assert!(asked(&mut script, "from='example.com'", question).contains("<service-unavailable"));
    }
    let features = asked(&mut script, "", "<query xmlns='http://jabber.org/protocol/disco#info'/>");
    assert!(!features.contains("jabber:iq:") && !features.contains("urn:xmpp:time"), "{features}");
    // The caller may want to answer itself.
    let mut script = Script::online(Config { incoming: IncomingRequests::All, ..config() });
    assert_eq!(asked(&mut script, "from='example.com'", QUESTIONS[0]), "");
    assert!(matches!(script.event(), Event::Iq(_)));
}

#[test]
fn xep0012_without_other_news_activity_is_the_login() {
    let mut script = open();
    script.wait(7);
    assert!(asked(&mut script, "", QUESTIONS[2]).contains("seconds='7'"));
}
