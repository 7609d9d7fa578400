//! What clients put on the server: vCards (XEP-0054) and private storage (XEP-0049).

use super::*;

const VCARD: &str = "<vCard xmlns='vcard-temp'><FN>Juliet &amp; co</FN><N><FAMILY/></N></vCard>";

const EMPTY: &str = "<vCard xmlns='vcard-temp'/>";

fn ask(world: &mut World, jid: &str, xml: &str) -> Stanza {
    world.send(jid, xml);
    let mut answers = world.take(jid);
    assert_eq!(answers.len(), 1, "{answers:?}");
    answers.remove(0)
}

fn iq(kind: &str, to: &str, payload: &str) -> String {
    let to = if to.is_empty() { String::new() } else { format!(" to='{to}@example.com'") };
    format!("<iq type='{kind}'{to} id='1'>{payload}</iq>")
}

fn get_vcard(to: &str) -> String {
    iq("get", to, "<vCard xmlns='vcard-temp'/>")
}

fn private(kind: &str, inner: &str) -> String {
    iq(kind, "", &format!("<query xmlns='jabber:iq:private'>{inner}</query>"))
}

#[test]
fn xep0054_3_a_card_that_was_stored_is_there_for_its_owner_and_everybody() {
    let mut world = World::new();
    world.login("juliet/balcony");
    world.login("romeo/orchard");
    for missing in [get_vcard(""), get_vcard("juliet")] {
        let answer = ask(&mut world, "juliet/balcony", &missing);
        assert_eq!(brief(&answer), "iq result juliet > juliet/balcony #1");
        assert!(xml(&answer).contains(EMPTY), "{}", xml(&answer));
    }
    let answer = ask(&mut world, "juliet/balcony", &iq("set", "", VCARD));
    assert_eq!(brief(&answer), "iq result juliet > juliet/balcony #1");
    for (who, to) in [("juliet/balcony", ""), ("juliet/balcony", "juliet"), ("romeo/orchard", "juliet")] {
        let answer = ask(&mut world, who, &get_vcard(to));
        assert!(xml(&answer).contains(VCARD), "{}", xml(&answer));
    }
    // An empty card is one, too: whoever publishes it wants it to be seen.
    ask(&mut world, "juliet/balcony", &iq("set", "", EMPTY));
    for (who, to) in [("juliet/balcony", ""), ("romeo/orchard", "juliet")] {
        let answer = ask(&mut world, who, &get_vcard(to));
        assert!(xml(&answer).contains(EMPTY), "{}", xml(&answer));
    }
}

#[test]
fn xep0054_3_2_the_answer_comes_once_the_store_has_the_card() {
    let mut world = World::new();
    world.login("juliet/balcony");
    world.silent = true;
    world.send("juliet/balcony", &iq("set", "", VCARD));
    world.send("juliet/balcony", &get_vcard(""));
    world.silence();
    world.answer();
    let answers = world.take("juliet/balcony");
    assert_eq!(brief(&answers[0]), "iq result juliet > juliet/balcony #1");
    assert!(xml(&answers[1]).contains(VCARD), "{answers:?}");
}

#[test]
fn xep0054_3_2_a_store_that_fails_changes_nothing() {
    let mut world = World::new();
    world.login("juliet/balcony");
    world.silent = true;
    world.send("juliet/balcony", &iq("set", "", VCARD));
    let Some(request) = world.asked.pop() else { panic!() };
    world.reply(request.refused(crate::server::store::StoreError::Unavailable("broken".into())));
    assert_eq!(
        world.got("juliet/balcony"),
        ["iq error juliet > juliet/balcony #1 internal-server-error/wait"]
    );
    world.silent = false;
    let answer = ask(&mut world, "juliet/balcony", &get_vcard(""));
    assert!(xml(&answer).contains(EMPTY), "{}", xml(&answer));
}

#[test]
fn xep0054_3_3_no_card_and_no_account_are_the_same() {
    let mut world = World::new();
    world.login("romeo/orchard");
    for request in [get_vcard, |to: &str| iq("set", to, VCARD)] {
        let mut answer =
            |to: &str| xml(&ask(&mut world, "romeo/orchard", &request(to))).replace(to, "somebody");
        let of_juliet = answer("juliet");
        assert_eq!(of_juliet, answer("nobody"));
        assert!(of_juliet.contains("service-unavailable"), "{of_juliet}");
    }
}

#[test]
fn xep0054_3_2_nobody_writes_anothers_card() {
    let mut world = World::new();
    world.login("juliet/balcony");
    world.login("romeo/orchard");
    ask(&mut world, "juliet/balcony", &iq("set", "", VCARD));
    let answer = ask(&mut world, "romeo/orchard", &iq("set", "juliet", "<vCard xmlns='vcard-temp'/>"));
    assert_eq!(brief(&answer), "iq error juliet > romeo/orchard #1 forbidden/auth");
    assert!(xml(&ask(&mut world, "romeo/orchard", &get_vcard("juliet"))).contains(VCARD));
}

#[test]
fn xep0054_a_giant_card_is_not_acceptable() {
    let mut config = config();
    config.limits.vcard_bytes = VCARD.len();
    let mut world = World::with(config);
    world.login("juliet/balcony");
    let answer = ask(&mut world, "juliet/balcony", &iq("set", "", VCARD));
    assert_eq!(brief(&answer), "iq result juliet > juliet/balcony #1");
    let answer = ask(&mut world, "juliet/balcony", &iq("set", "", &VCARD.replace("Juliet", "Juliett")));
    assert_eq!(brief(&answer), "iq error juliet > juliet/balcony #1 not-acceptable/modify");
    assert!(answer.error().unwrap().text().unwrap().contains("too large"));
}

#[test]
fn xep0054_a_card_of_somebody_who_is_not_online_is_fetched_though_nothing_is_kept_in_memory() {
    let mut config = config();
    config.limits.idle_accounts = 0;
    let mut world = World::with(config);
    world.login("juliet/balcony");
    ask(&mut world, "juliet/balcony", &iq("set", "", VCARD));
    world.leave("juliet/balcony");
    world.login("romeo/orchard");
    assert!(xml(&ask(&mut world, "romeo/orchard", &get_vcard("juliet"))).contains(VCARD));
}

#[test]
fn xep0049_3_what_was_stored_comes_back_and_what_was_not_is_empty() {
    let mut world = World::new();
    world.login("juliet/balcony");
    let prefs = "<exodus xmlns='exodus:prefs'><nick xml:lang='en'>Hamlet &lt;3</nick></exodus>";
    let marks = "<storage xmlns='storage:bookmarks' a='b'/>";
    let empty = ask(&mut world, "juliet/balcony", &private("get", "<exodus xmlns='exodus:prefs'/>"));
    assert!(xml(&empty).contains("<query xmlns='jabber:iq:private'><exodus xmlns='exodus:prefs'/></query>"));
    let answer = ask(&mut world, "juliet/balcony", &private("set", &format!("{prefs}{marks}")));
    assert_eq!(brief(&answer), "iq result juliet > juliet/balcony #1");
    for (wanted, stored) in
        [("<exodus xmlns='exodus:prefs'/>", prefs), ("<storage xmlns='storage:bookmarks'/>", marks)]
    {
        let answer = ask(&mut world, "juliet/balcony", &private("get", wanted));
        assert!(
            xml(&answer).contains(&format!("<query xmlns='jabber:iq:private'>{stored}</query>")),
            "{}",
            xml(&answer)
        );
    }
    // The empty element is nothing, and takes no room.
    ask(
        &mut world,
        "juliet/balcony",
        &private("set", "<exodus xmlns='exodus:prefs'/><storage xmlns='storage:bookmarks'/>"),
    );
    assert_eq!(world.store.get(&account("juliet")).unwrap().documents.len(), 0);
}

#[test]
fn xep0049_5_others_get_nothing_and_learn_nothing() {
    let mut world = World::new();
    world.login("juliet/balcony");
    world.login("romeo/orchard");
    ask(&mut world, "juliet/balcony", &private("set", "<a xmlns='urn:a' b='c'/>"));
    for kind in ["get", "set"] {
        let mut answer = |to: &str| {
            let xml_ = iq(kind, to, "<query xmlns='jabber:iq:private'><a xmlns='urn:a'/></query>");
            xml(&ask(&mut world, "romeo/orchard", &xml_)).replace(to, "somebody")
        };
        let of_juliet = answer("juliet");
        assert_eq!(of_juliet, answer("nobody"));
        assert!(of_juliet.contains("service-unavailable"), "{of_juliet}");
    }
    assert_eq!(world.store.get(&account("juliet")).unwrap().documents.len(), 1);
}

#[test]
fn xep0049_3_and_4_malformed_requests() {
    let mut world = World::new();
    world.login("juliet/balcony");
    for (kind, inner, error) in [
        ("get", "", "bad-request/modify"),
        ("set", "", "bad-request/modify"),
        ("get", "<a xmlns='urn:a'/><b xmlns='urn:a'/>", "bad-request/modify"),
        ("set", "<a xmlns='urn:a'/><a xmlns='urn:a'/>", "bad-request/modify"),
        ("set", "<a/>", "not-acceptable/modify"),
    ] {
        let answer = ask(&mut world, "juliet/balcony", &private(kind, inner));
        assert_eq!(brief(&answer), format!("iq error juliet > juliet/balcony #1 {error}"), "{inner}");
    }
}

#[test]
fn xep0049_storage_has_a_limit_in_elements_and_bytes() {
    let mut config = config();
    (config.limits.private_documents, config.limits.private_bytes) = (2, 60);
    let mut world = World::with(config);
    world.login("juliet/balcony");
    let mut set = |inner: &str| brief(&ask(&mut world, "juliet/balcony", &private("set", inner)));
    let fine = "iq result juliet > juliet/balcony #1";
    let full = "iq error juliet > juliet/balcony #1 resource-constraint/wait";
    assert_eq!(set("<a xmlns='urn:a' x='1'/><b xmlns='urn:a' x='1'/>"), fine);
    assert_eq!(set("<c xmlns='urn:a' x='1'/>"), full);
    assert_eq!(set("<a xmlns='urn:a' x='1234567890123456789'/>"), full);
    assert_eq!(set("<a xmlns='urn:a' x='123456789012'/>"), fine);
    // One for another.
    assert_eq!(set("<a xmlns='urn:a'/><c xmlns='urn:a' x='1'/>"), fine);
}

#[test]
fn xep0049_and_xep0054_nothing_is_kept_of_anonymous_accounts() {
    let mut world = World::new();
    let id = SessionId(99);
    world.call(|hub, now| hub.bind(now, id, account("guest"), BindRequest::resource("x").anonymous()));
    world.outputs.clear();
    world.names.insert("guest/x".into(), id);
    for request in [iq("set", "", VCARD), private("set", "<a xmlns='urn:a' x='1'/>")] {
        let answer = ask(&mut world, "guest/x", &request);
        assert_eq!(brief(&answer), "iq error guest > guest/x #1 not-allowed/cancel");
    }
    let answer = ask(&mut world, "guest/x", &get_vcard(""));
    assert!(xml(&answer).contains(EMPTY), "{}", xml(&answer));
}
