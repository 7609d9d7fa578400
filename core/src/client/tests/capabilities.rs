//! Entity capabilities (XEP-0115): our own, and learning those of others.

use super::*;
use crate::payload::caps::{Caps, Hash};
use crate::payload::disco::{Identity, Info};
use crate::xml::Element;

fn jid(text: &str) -> Jid {
    Jid::new(text).unwrap()
}

/// Software with this feature.
fn software(feature: &str) -> Info {
    let mut info = Info::new(Identity::new("client", "pc").with_name("Globe"));
    info.features = vec![crate::ns::DISCO_INFO.to_owned(), feature.to_owned()];
    info
}

fn caps(info: &Info) -> Caps {
    Caps::of(info, "urn:example:globe", Hash::Sha1)
}

fn xml(element: &Caps) -> String {
    element.to_builder().build().to_xml()
}

/// Online with a roster of contacts that see us, in which stand these.
fn script(config: Config, contacts: &[&str]) -> Script {
    let mut script = Script::online(config);
    script.client.fetch_roster(script.now, None).unwrap();
    let id = attr(&script.sent(), "id");
    let item = |contact: &&str| format!("<item jid='{contact}' subscription='both'/>");
    let items: String = contacts.iter().map(item).collect();
    script
        .server(&format!("<iq type='result' id='{id}'><query xmlns='jabber:iq:roster'>{items}</query></iq>"));
    script.client.set_presence(script.now, Presence::builder(PresenceType::Available).build()).unwrap();
    script.events();
    script
}

/// Somebody becomes available; what we ask.
fn shows(script: &mut Script, from: &str, c: &str) -> String {
    script.server(&format!("<presence from='{from}'>{c}</presence>"))
}

/// Answers a question.
fn answer(script: &mut Script, asked: &str, info: &Info) -> String {
    let (id, from) = (attr(asked, "id"), attr(asked, "to"));
    let query = info.to_builder(Some("whatever")).build().to_xml();
    script.events();
    script.server(&format!("<iq type='result' id='{id}' from='{from}'>{query}</iq>"))
}

fn refuse(script: &mut Script, asked: &str) -> String {
    let (id, from) = (attr(asked, "id"), attr(asked, "to"));
    script.server(&format!(
        "<iq type='error' id='{id}' from='{from}'><error type='cancel'><service-unavailable \
         xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
    ))
}

fn has(script: &Script, who: &str, feature: &str) -> bool {
    script.client.capabilities(&jid(who)).is_some_and(|info| info.has(feature))
}

#[test]
fn xep0115_6_1_own_presence_shows_what_disco_says() {
    let mut config = config();
    config.caps_node = Some("https://example.org/globe".into());
    let mut script = Script::online(config);
    script.client.set_presence(script.now, Presence::builder(PresenceType::Available).build()).unwrap();
    let out = script.sent();
    let element = Element::parse(out.as_bytes(), Limits::SERVER.xml).unwrap();
    let shown = Caps::parse(element.child("c", crate::ns::CAPS).unwrap()).unwrap();
    assert_eq!((shown.node.as_str(), shown.hash.as_deref()), ("https://example.org/globe", Some("sha-1")));
    let ask = |node: &str| {
        format!(
            "<iq type='get' id='d' from='romeo@example.net/o'><query xmlns='http://jabber.org/protocol/disco#info' {node}/></iq>"
        )
    };
    for node in [String::new(), format!("node='{}'", shown.query_node())] {
        let answer = script.server(&ask(&node));
        let iq = Element::parse(answer.as_bytes(), Limits::SERVER.xml).unwrap();
        let query = iq.children().next().unwrap();
        assert_eq!(query.attr("node").is_some(), !node.is_empty(), "{answer}");
        let info = Info::parse(query).unwrap();
        assert!(info.has("http://jabber.org/protocol/caps"), "{answer}");
        assert!(shown.vouched(&info).is_some(), "{answer}");
    }
    assert!(script.server(&ask("node='https://example.org/globe#other'")).contains("<item-not-found"));
    // Directed presence too, what is not available or has its own not.
    let to = |kind| Presence::builder(kind).to(jid("nurse@example.com"));
    script.client.send(script.now, to(PresenceType::Available).build()).unwrap();
    assert!(script.sent().contains("<c "));
    script.client.send(script.now, to(PresenceType::Unavailable).build()).unwrap();
    assert!(!script.sent().contains("<c "));
    let own = caps(&software("urn:example:x")).to_builder();
    script.client.send(script.now, to(PresenceType::Available).child(own).build()).unwrap();
    assert_eq!(script.sent().matches("<c ").count(), 1);
}

#[test]
fn without_a_node_presence_shows_nothing() {
    let mut script = Script::online(config());
    script.client.set_presence(script.now, Presence::builder(PresenceType::Available).build()).unwrap();
    assert_eq!(script.sent(), "<presence/>");
}

#[test]
fn xep0115_6_2_each_string_is_asked_about_once() {
    let globe = software("urn:example:globe");
    let c = xml(&caps(&globe));
    let mut script = script(config(), &["romeo@example.net", "nurse@example.com"]);
    let asked = shows(&mut script, "romeo@example.net/o", &c);
    assert!(asked.contains("to='romeo@example.net/o'") && asked.contains("type='get'"), "{asked}");
    assert!(asked.contains(&format!("node='{}'", caps(&globe).query_node())), "{asked}");
    // It is being asked about.
    assert_eq!(shows(&mut script, "nurse@example.com/a", &c), "");
    assert_eq!(shows(&mut script, "romeo@example.net/o", &c), "");
    assert!(!has(&script, "romeo@example.net/o", "urn:example:globe"));
    assert_eq!(answer(&mut script, &asked, &globe), "");
    assert_eq!(script.event(), Event::Capabilities(jid("romeo@example.net/o")));
    // It is known, for everybody.
    assert_eq!(shows(&mut script, "nurse@example.com/b", &c), "");
    for who in ["romeo@example.net/o", "nurse@example.com/a", "nurse@example.com/b"] {
        assert!(has(&script, who, "urn:example:globe"), "{who}");
    }
    assert!(!has(&script, "romeo@example.net", "urn:example:globe"));
    // Also where the server leaves it out, and not any more when it is gone.
    assert_eq!(shows(&mut script, "romeo@example.net/o", ""), "");
    assert!(has(&script, "romeo@example.net/o", "urn:example:globe"));
    script.server("<presence from='romeo@example.net/o' type='unavailable'/>");
    assert!(!has(&script, "romeo@example.net/o", "urn:example:globe"));
}

#[test]
fn xep0115_what_is_learned_can_be_kept() {
    let globe = software("urn:example:globe");
    let c = xml(&caps(&globe));
    let mut first = script(config(), &["romeo@example.net"]);
    let asked = shows(&mut first, "romeo@example.net/o", &c);
    answer(&mut first, &asked, &globe);
    let kept: Vec<_> =
        first.client.caps_cache().iter().map(|(caps, info)| (caps.clone(), info.clone())).collect();
    assert_eq!(kept.len(), 1);
    let mut cache = CapsCache::default();
    assert!(cache.insert(&kept[0].0, &kept[0].1));
    // A file that somebody has tampered with is not believed.
    assert!(!cache.insert(&caps(&software("urn:example:other")), &globe));
    assert_eq!(cache.len(), 1);
    let mut second = script(Config { caps_cache: cache, ..config() }, &["romeo@example.net"]);
    assert_eq!(shows(&mut second, "romeo@example.net/o", &c), "");
    assert!(has(&second, "romeo@example.net/o", "urn:example:globe"));
}

#[test]
fn xep0115_9_nobody_can_say_what_another_can_do() {
    let (globe, bare) = (software("urn:example:encryption"), software("urn:example:none"));
    let c = xml(&caps(&globe));
    let mut script = script(config(), &["mallory@example.org", "romeo@example.net"]);
    let asked = shows(&mut script, "mallory@example.org/m", &c);
    shows(&mut script, "romeo@example.net/o", &c);
    // The answer is wrong, so the next one is asked; it holds for the liar only.
    let again = answer(&mut script, &asked, &bare);
    assert!(again.contains("to='romeo@example.net/o'"), "{again}");
    assert!(has(&script, "mallory@example.org/m", "urn:example:none"));
    assert_eq!(script.client.capabilities(&jid("romeo@example.net/o")), None);
    answer(&mut script, &again, &globe);
    assert!(has(&script, "romeo@example.net/o", "urn:example:encryption"));
    // Section 9.2: the right hash, but the last feature is hidden in a form.
    let mut other = software("urn:example:a");
    other.features.push("urn:example:b".into());
    let c = xml(&caps(&other));
    let asked = shows(&mut script, "mallory@example.org/n", &c);
    let mut forged = software("urn:example:a");
    let form = "<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'>\
         <value>urn:example:b</value></field></x>";
    forged.extensions.push(Element::parse(form.as_bytes(), Limits::SERVER.xml).unwrap());
    assert_eq!(caps(&forged).ver, caps(&other).ver);
    assert_eq!(answer(&mut script, &asked, &forged), "");
    let asked = shows(&mut script, "romeo@example.net/p", &c);
    answer(&mut script, &asked, &other);
    assert!(has(&script, "romeo@example.net/p", "urn:example:b"));
    assert!(!has(&script, "mallory@example.org/n", "urn:example:b"), "what it says of itself");
}

#[test]
fn xep0115_5_4_what_cannot_be_verified_holds_for_one_and_is_asked_once_of_each() {
    let mut script = script(config(), &["romeo@example.net", "nurse@example.com"]);
    for c in [
        "<c xmlns='http://jabber.org/protocol/caps' node='n' ver='0.9'/>",
        "<c xmlns='http://jabber.org/protocol/caps' node='n' hash='md2' ver='abc'/>",
    ] {
        for who in ["romeo@example.net/o", "nurse@example.com/a"] {
            let feature = format!("urn:example:{}", who.len() + c.len());
            let asked = shows(&mut script, who, c);
            assert!(asked.contains(&format!("to='{who}'")), "{asked}");
            answer(&mut script, &asked, &software(&feature));
            assert!(has(&script, who, &feature));
            assert_eq!(shows(&mut script, who, c), "");
        }
    }
    assert!(script.client.caps_cache().is_empty());
}

#[test]
fn who_does_not_answer_is_not_asked_again_for_the_same() {
    let (globe, other) = (software("urn:example:globe"), software("urn:example:other"));
    let c = xml(&caps(&globe));
    let mut script = script(config(), &["romeo@example.net", "nurse@example.com"]);
    let asked = shows(&mut script, "romeo@example.net/o", &c);
    assert_eq!(refuse(&mut script, &asked), "");
    assert_eq!(shows(&mut script, "romeo@example.net/o", &c), "");
    assert!(shows(&mut script, "romeo@example.net/o", &xml(&caps(&other))).contains("<query"));
    // Silence is no answer either, and the next one who shows it is asked.
    assert!(shows(&mut script, "nurse@example.com/a", &c).contains("to='nurse@example.com/a'"));
    assert_eq!(shows(&mut script, "romeo@example.net/p", &c), "");
    assert!(script.wait(30).contains("to='romeo@example.net/p'"));
}

#[test]
fn rfc6121_11_questions_go_only_to_those_who_know_that_we_are_here() {
    let c = xml(&caps(&software("urn:example:globe")));
    let mut script = script(config(), &["romeo@example.net"]);
    script.server(
        "<iq type='set' id='p'><query xmlns='jabber:iq:roster'><item jid='paris@example.net' subscription='to'/>\
         </query></iq>",
    );
    for stranger in ["tybalt@example.org/x", "paris@example.net/x", "room@rooms.example/nick"] {
        assert_eq!(shows(&mut script, stranger, &c), "", "{stranger}");
    }
    let directed = Presence::builder(PresenceType::Available).to(jid("room@rooms.example/me")).build();
    script.client.send(script.now, directed.clone()).unwrap();
    script.sent();
    assert_eq!(shows(&mut script, "room@rooms.example/nick", &c), "");
    let directed = Presence::builder(PresenceType::Available).to(jid("tybalt@example.org/x")).build();
    script.client.send(script.now, directed).unwrap();
    script.sent();
    assert!(shows(&mut script, "tybalt@example.org/x", &c).contains("to='tybalt@example.org/x'"));
    // Who comes to see us later is asked then.
    let seen = "<iq type='set' id='p'><query xmlns='jabber:iq:roster'><item jid='benvolio@example.net' \
         subscription='STATE'/></query></iq>";
    script.server(&seen.replace("STATE", "to"));
    let c2 = xml(&caps(&software("urn:example:later")));
    assert_eq!(shows(&mut script, "benvolio@example.net/x", &c2), "");
    assert!(script.server(&seen.replace("STATE", "both")).contains("to='benvolio@example.net/x'"));
    // Nobody does while we are not available.
    let c3 = xml(&caps(&software("urn:example:hidden")));
    script.client.set_presence(script.now, Presence::builder(PresenceType::Unavailable).build()).unwrap();
    script.sent();
    assert_eq!(shows(&mut script, "romeo@example.net/o", &c3), "");
    // Our own other sessions, but not ourselves.
    let c = xml(&caps(&software("urn:example:own")));
    assert_eq!(shows(&mut script, JID, &c), "");
    assert!(shows(&mut script, "juliet@example.com/other", &c).contains("to='juliet@example.com/other'"));
    let mut script = Script::online(Config { learn_capabilities: false, ..config() });
    assert_eq!(shows(&mut script, "juliet@example.com/other", &c), "");
}

#[test]
fn floods_of_capabilities_have_their_limits() {
    let mut script = script(config(), &["mallory@example.org", "romeo@example.net", "nurse@example.com"]);
    let mut asked = String::new();
    for n in 0..500 {
        let c = xml(&caps(&software(&format!("urn:example:{n}"))));
        asked += &shows(&mut script, &format!("mallory@example.org/{n}"), &c);
    }
    assert_eq!(asked.matches("<iq ").count(), 4, "of one contact only so many at a time");
    // Others have their turn all the same.
    let globe = software("urn:example:globe");
    let question = shows(&mut script, "romeo@example.net/o", &xml(&caps(&globe)));
    assert!(question.contains("to='romeo@example.net/o'"), "{question}");
    let late = shows(&mut script, "nurse@example.com/a", &xml(&caps(&software("urn:example:late"))));
    assert_eq!(late, "", "so many at once");
    assert!(answer(&mut script, &question, &globe).contains("to='nurse@example.com/a'"));
    // What is too long is not even looked at.
    let long = format!(
        "<c xmlns='http://jabber.org/protocol/caps' node='n' hash='sha-1' ver='{}'/>",
        "x".repeat(2000)
    );
    shows(&mut script, "romeo@example.net/o", &long);
    assert!(has(&script, "romeo@example.net/o", "urn:example:globe"), "as if it had not been there");
}

#[test]
fn what_is_remembered_has_its_limit() {
    let mut script = script(Config { max_caps_bytes: 4000, ..config() }, &["romeo@example.net"]);
    let info = |n: usize| software(&format!("urn:example:{n}"));
    for n in 0..20 {
        let asked = shows(&mut script, "romeo@example.net/o", &xml(&caps(&info(n))));
        answer(&mut script, &asked, &info(n));
        assert!(has(&script, "romeo@example.net/o", &format!("urn:example:{n}")));
    }
    let cache = script.client.caps_cache();
    assert!((1..10).contains(&cache.len()), "{}", cache.len());
    assert!(
        cache.get("sha-1", &caps(&info(19)).ver).is_some()
            && cache.get("sha-1", &caps(&info(0)).ver).is_none()
    );
    // One that alone is too large is not kept, and does no harm.
    let mut huge = info(100);
    huge.features.extend((0..200).map(|n| format!("urn:example:feature:{n}")));
    let asked = shows(&mut script, "romeo@example.net/o", &xml(&caps(&huge)));
    answer(&mut script, &asked, &huge);
    assert!(!script.client.caps_cache().is_empty());
    assert_eq!(script.client.capabilities(&jid("romeo@example.net/o")), None);
    assert_eq!(shows(&mut script, "romeo@example.net/o", &xml(&caps(&huge))), "", "and not asked for again");
}

#[test]
fn questions_of_the_machines_own_take_no_room_from_the_callers() {
    let mut script = script(Config { max_requests: 1, ..config() }, &["romeo@example.net"]);
    assert!(
        shows(&mut script, "romeo@example.net/o", &xml(&caps(&software("urn:example:x")))).contains("<query")
    );
    let ping = script.client.request(script.now, Ping { to: None }, None);
    assert!(ping.is_ok());
    assert_eq!(script.client.fetch_roster(script.now, None), Err(SendError::TooManyRequests));
    assert!(
        shows(&mut script, "romeo@example.net/p", &xml(&caps(&software("urn:example:y")))).contains("<query")
    );
}
