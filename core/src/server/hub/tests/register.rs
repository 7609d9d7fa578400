//! In-band registration (XEP-0077): making accounts, changing passwords, removing accounts.

use super::*;
use crate::sasl::Derivation;
use crate::server::config::Registration;
use crate::server::store::{Contact, RequestId, StoreError};

fn open() -> Config {
    let mut config = config();
    config.registration = Some(Registration::default());
    config
}

fn register(world: &mut World, id: u64, name: &str) {
    let password = Password::new("Calliope");
    world.call(|hub, now| hub.register(now, RegistrationId(id), account(name), password));
}

/// What the owner is to derive.
fn derivation(world: &mut World) -> Option<(RequestId, Derivation)> {
    let at = world.outputs.iter().position(|output| matches!(output, Output::Derive { .. }))?;
    match world.outputs.remove(at) {
        Output::Derive { id, derivation } => Some((id, derivation)),
        _ => None,
    }
}

/// The owner derives what there is to derive.
fn derive(world: &mut World, keys: Option<StoredCredentials>) {
    let (id, _) = derivation(world).expect("a derivation");
    world.call(|hub, now| hub.derived(now, id, keys));
}

/// How the registrations have ended.
fn ended(world: &mut World) -> Vec<(u64, String)> {
    let ended = world.outputs.drain(..).map(|output| match output {
        Output::Registered { id, result: Ok(()) } => (id.0, "made".to_owned()),
        Output::Registered { id, result: Err(error) } => {
            (id.0, format!("{}/{}", error.condition().name(), error.error_type().as_str()))
        }
        other => panic!("{other:?}"),
    });
    ended.collect()
}

fn is(id: u64, end: &str) -> Vec<(u64, String)> {
    vec![(id, end.to_owned())]
}

fn query(inner: &str) -> String {
    format!("<query xmlns='jabber:iq:register'>{inner}</query>")
}

fn set(to: &str, inner: &str) -> String {
    format!("<iq type='set' {to} id='1'>{}</iq>", query(inner))
}

fn new_password(username: &str, password: &str) -> String {
    let inner = format!("<username>{username}</username><password>{password}</password>");
    set("to='example.com'", &inner)
}

#[test]
fn xep0077_3_1_an_account_is_made_with_the_keys_that_the_owner_derives() {
    let mut world = World::with(open());
    register(&mut world, 7, "bill");
    let (id, derivation) = derivation(&mut world).unwrap();
    assert_eq!(derivation.password().as_str(), "Calliope");
    assert!(!format!("{derivation:?} {:?}", derivation.password()).contains("Calliope"));
    assert_eq!(world.store.get(&account("bill")), None);
    world.call(|hub, now| hub.derived(now, id, Some(credentials(5))));
    assert_eq!(ended(&mut world), is(7, "made"));
    assert_eq!(world.store.get(&account("bill")).unwrap().credentials, credentials(5));
    world.login("bill/globe");
}

#[test]
fn xep0077_3_1_whoever_was_not_there_a_moment_ago_is_there_at_once() {
    let mut world = World::with(open());
    world.login("juliet/balcony");
    world.send(
        "juliet/balcony",
        "<iq type='get' to='bill@example.com' id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
    );
    world.take("juliet/balcony");
    register(&mut world, 7, "bill");
    derive(&mut world, Some(credentials(5)));
    ended(&mut world);
    world.online("bill/globe", 0);
    world.send(
        "juliet/balcony",
        "<message to='bill@example.com' type='chat' id='2'><body>Hi</body></message>",
    );
    assert_eq!(world.got("bill/globe"), ["message chat juliet/balcony > bill #2"]);
}

#[test]
fn xep0077_3_1_nothing_is_said_before_the_store_has_the_account() {
    let mut world = World::with(open());
    register(&mut world, 7, "bill");
    world.silent = true;
    derive(&mut world, Some(credentials(5)));
    assert_eq!(world.outputs, []);
    world.answer();
    assert_eq!(ended(&mut world), is(7, "made"));
}

#[test]
fn xep0077_3_1_names_that_are_taken() {
    let mut world = World::with(open());
    register(&mut world, 1, "juliet");
    assert_eq!(ended(&mut world), is(1, "conflict/cancel"));
    // Two at once: the store decides.
    register(&mut world, 2, "bill");
    register(&mut world, 3, "bill");
    derive(&mut world, Some(credentials(5)));
    assert_eq!(
        world.outputs.pop().map(|o| matches!(o, Output::Registered { result: Ok(()), .. })),
        Some(true)
    );
    derive(&mut world, Some(credentials(6)));
    assert_eq!(ended(&mut world), is(3, "conflict/cancel"));
    assert_eq!(world.store.get(&account("bill")).unwrap().credentials, credentials(5));
    // Somebody uses the address for the time being.
    world.call(|hub, now| hub.bind(now, SessionId(99), account("guest"), BindRequest::default().anonymous()));
    world.outputs.clear();
    register(&mut world, 4, "guest");
    assert_eq!(ended(&mut world), is(4, "conflict/cancel"));
}

#[test]
fn xep0077_3_1_off_by_default_and_not_for_other_domains() {
    let mut world = World::new();
    register(&mut world, 1, "bill");
    assert_eq!(ended(&mut world), is(1, "service-unavailable/cancel"));
    let mut world = World::with(open());
    let other = BareJid::new("bill@other.example").unwrap();
    world.call(|hub, now| hub.register(now, RegistrationId(2), other, Password::new("x")));
    assert_eq!(ended(&mut world), is(2, "service-unavailable/cancel"));
}

#[test]
fn xep0077_3_1_a_password_that_cannot_be_one() {
    let mut world = World::with(open());
    register(&mut world, 1, "bill");
    derive(&mut world, None);
    assert_eq!(ended(&mut world), is(1, "not-acceptable/modify"));
    assert_eq!(world.store.get(&account("bill")), None);
}

#[test]
fn xep0077_3_1_a_store_or_an_owner_that_does_not_answer() {
    let mut world = World::with(open());
    world.silent = true;
    register(&mut world, 1, "bill");
    world.pass(11 * SECOND);
    assert_eq!(ended(&mut world), is(1, "internal-server-error/wait"));
    world.silent = false;
    register(&mut world, 2, "bill");
    let (id, _) = derivation(&mut world).unwrap();
    world.pass(11 * SECOND);
    assert_eq!(ended(&mut world), is(2, "internal-server-error/wait"));
    // What comes too late counts no more.
    world.call(|hub, now| hub.derived(now, id, Some(credentials(5))));
    assert_eq!(world.outputs, []);
    register(&mut world, 3, "bill");
    world.silent = true;
    derive(&mut world, Some(credentials(5)));
    world.pass(11 * SECOND);
    assert_eq!(ended(&mut world), is(3, "internal-server-error/wait"));
}

#[test]
fn xep0077_registrations_have_a_pace() {
    let mut config = open();
    config.registration = Some(Registration { burst: 2, every: 60 * SECOND, ..Registration::default() });
    let mut world = World::with(config);
    let try_one = |world: &mut World, name: &str| {
        register(world, 1, name);
        if derivation(world).is_some() { "goes on".to_owned() } else { ended(world).remove(0).1 }
    };
    assert_eq!(try_one(&mut world, "a"), "goes on");
    assert_eq!(try_one(&mut world, "b"), "goes on");
    assert_eq!(try_one(&mut world, "c"), "resource-constraint/wait");
    // Names that are taken cost nothing.
    assert_eq!(try_one(&mut world, "juliet"), "conflict/cancel");
    world.now = world.now.after(60 * SECOND);
    assert_eq!(try_one(&mut world, "c"), "goes on");
    assert_eq!(try_one(&mut world, "d"), "resource-constraint/wait");
    world.now = world.now.after(3600 * SECOND);
    for name in ["d", "e"] {
        assert_eq!(try_one(&mut world, name), "goes on");
    }
    assert_eq!(try_one(&mut world, "f"), "resource-constraint/wait");
}

#[test]
fn xep0077_no_burst_is_none_at_all() {
    let mut config = open();
    config.registration = Some(Registration { burst: 0, ..Registration::default() });
    let mut world = World::with(config);
    register(&mut world, 1, "bill");
    assert_eq!(ended(&mut world), is(1, "resource-constraint/wait"));
}

#[test]
fn xep0077_3_1_who_is_registered_sees_that() {
    let mut world = World::with(open());
    world.login("juliet/balcony");
    for to in ["", "to='example.com'", "to='juliet@example.com'"] {
        world.send("juliet/balcony", &format!("<iq type='get' {to} id='1'>{}</iq>", query("")));
        let answer = world.take("juliet/balcony").remove(0);
        let xml = xml(&answer);
        assert!(xml.contains("<registered/>") && xml.contains("<username>juliet</username>"), "{xml}");
        assert!(!to.contains("'example.com'") || answer.from().unwrap().is_domain(), "{xml}");
    }
    world.send(
        "juliet/balcony",
        "<iq type='get' to='example.com' id='1'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
    );
    assert!(xml(&world.take("juliet/balcony")[0]).contains("<feature var='jabber:iq:register'/>"));
}

#[test]
fn xep0077_3_3_the_password_is_changed_once_the_store_has_it() {
    let mut world = World::with(open());
    world.login("juliet/balcony");
    world.send("juliet/balcony", &new_password("Juliet", "new"));
    let (id, derivation) = derivation(&mut world).unwrap();
    assert_eq!(derivation.password().as_str(), "new");
    world.silent = true;
    world.call(|hub, now| hub.derived(now, id, Some(credentials(5))));
    world.silence();
    world.answer();
    assert_eq!(world.got("juliet/balcony"), ["iq result . > juliet/balcony #1"]);
    assert_eq!(world.store.get(&account("juliet")).unwrap().credentials, credentials(5));
    world.silence();
}

#[test]
fn xep0077_3_3_what_changes_the_account_waits_for_the_password() {
    let mut world = World::with(open());
    world.login("juliet/balcony");
    world.send("juliet/balcony", &new_password("juliet", "new"));
    let set =
        "<iq type='set' id='2'><query xmlns='jabber:iq:roster'><item jid='romeo@example.com'/></query></iq>";
    world.send("juliet/balcony", set);
    assert_eq!(world.got("juliet/balcony"), Vec::<String>::new());
    derive(&mut world, Some(credentials(5)));
    let expected = ["iq result . > juliet/balcony #1", "iq result juliet > juliet/balcony #2"];
    assert_eq!(world.got("juliet/balcony"), expected);
}

#[test]
fn xep0077_3_3_changes_that_are_refused() {
    let empty = set("to='example.com'", "<username>juliet</username><password/>");
    for (request, error) in [
        (new_password("romeo", "x"), "forbidden/auth"),
        (empty, "bad-request/modify"),
        (set("to='example.com'", "<password>x</password>"), "bad-request/modify"),
        (set("to='example.com'", ""), "bad-request/modify"),
        (set("to='example.com'", "<shoe-size/>"), "bad-request/modify"),
    ] {
        let mut world = World::with(open());
        world.login("juliet/balcony");
        world.send("juliet/balcony", &request);
        let expected = format!("iq error . > juliet/balcony #1 {error}");
        assert_eq!(world.got("juliet/balcony"), [expected], "{request}");
        assert!(world.outputs.is_empty());
    }
    let mut world = World::with(open());
    world.login("juliet/balcony");
    world.send("juliet/balcony", &new_password("juliet", "&#9;"));
    derive(&mut world, None);
    assert_eq!(world.got("juliet/balcony"), ["iq error . > juliet/balcony #1 not-acceptable/modify"]);
    assert_eq!(world.store.get(&account("juliet")).unwrap().credentials, credentials(1));
    // The account goes on.
    world.send("juliet/balcony", "<iq type='get' id='2'><query xmlns='jabber:iq:roster'/></iq>");
    assert_eq!(world.got("juliet/balcony"), ["iq result juliet > juliet/balcony #2"]);
}

#[test]
fn xep0077_3_3_changes_of_passwords_have_a_pace() {
    let mut world = World::with(open());
    world.login("juliet/balcony");
    world.send("juliet/balcony", &new_password("juliet", "a"));
    derive(&mut world, Some(credentials(5)));
    world.take("juliet/balcony");
    world.send("juliet/balcony", &new_password("juliet", "b"));
    assert_eq!(world.got("juliet/balcony"), ["iq error . > juliet/balcony #1 resource-constraint/wait"]);
    assert!(world.outputs.is_empty());
    world.pass(10 * SECOND);
    world.send("juliet/balcony", &new_password("juliet", "b"));
    assert!(derivation(&mut world).is_some());
}

#[test]
fn xep0077_3_2_and_3_3_not_without_registration_and_not_for_others() {
    let mut world = World::new();
    world.login("juliet/balcony");
    for request in [new_password("juliet", "x"), set("", "<remove/>"), set("to='example.com'", "<remove/>")] {
        world.send("juliet/balcony", &request);
        let got = world.got("juliet/balcony");
        assert!(got[0].ends_with("service-unavailable/cancel"), "{got:?}");
    }
    let mut world = World::with(open());
    world.login("juliet/balcony");
    for (to, name) in [("romeo@example.com", "romeo"), ("nobody@example.com", "nobody")] {
        world.send("juliet/balcony", &set(&format!("to='{to}'"), "<remove/>"));
        assert_eq!(
            world.got("juliet/balcony"),
            [format!("iq error {name} > juliet/balcony #1 service-unavailable/cancel")]
        );
    }
    assert!(world.store.get(&account("romeo")).is_some());
}

#[test]
fn xep0077_3_2_an_account_is_removed_contacts_are_told_and_sessions_closed() {
    let mut world = World::with(open());
    let mut record = Record::new(credentials(1));
    let both = Contact { to: true, from: true, version: 1, ..Contact::default() };
    record.apply(Delta::Contact { jid: account("romeo"), contact: both.clone() });
    world.store.insert(account("juliet"), record);
    let mut record = Record::new(credentials(1));
    record.apply(Delta::Contact { jid: account("juliet"), contact: both });
    world.store.insert(account("romeo"), record);
    world.online("romeo/orchard", 0);
    world.send("romeo/orchard", "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    let balcony = world.online("juliet/balcony", 0);
    let chamber = world.login("juliet/chamber");
    world.received.clear();
    world.silent = true;
    world.send("juliet/balcony", &set("", "<remove/>"));
    // What waits behind it finds nobody any more.
    world.send("juliet/chamber", "<iq type='get' id='2'><query xmlns='jabber:iq:roster'/></iq>");
    world.silence();
    world.answer();
    assert_eq!(world.got("juliet/balcony"), ["iq result juliet > juliet/balcony #1"]);
    assert_eq!(world.got("juliet/chamber"), Vec::<String>::new());
    assert_eq!(world.store.get(&account("juliet")), None);
    let closed: Vec<_> = world.outputs.drain(..).collect();
    for session in [balcony, chamber] {
        let is_closed = |output: &Output| {
            matches!(output, Output::Close { session: s, error } if *s == session
            && *error.condition() == crate::stream::Condition::NotAuthorized)
        };
        assert!(closed.iter().any(is_closed), "{closed:?}");
    }
    let told = world.got("romeo/orchard");
    for stanza in [
        "presence unavailable juliet/balcony > romeo",
        "presence unsubscribe juliet > romeo",
        "presence unsubscribed juliet > romeo",
    ] {
        assert!(told.iter().any(|got| got.starts_with(stanza)), "{stanza}: {told:?}");
    }
    let roster = &world.store.get(&account("romeo")).unwrap().roster;
    let juliet = roster.contacts.get(&account("juliet")).unwrap();
    assert!(!juliet.to && !juliet.from);
}

#[test]
fn xep0077_3_2_a_store_that_fails_removes_nothing() {
    let mut world = World::with(open());
    world.login("juliet/balcony");
    world.silent = true;
    world.send("juliet/balcony", &set("", "<remove/>"));
    let request = world.asked.pop().unwrap();
    world.reply(request.refused(StoreError::Busy));
    assert_eq!(world.got("juliet/balcony"), ["iq error juliet > juliet/balcony #1 resource-constraint/wait"]);
    world.silent = false;
    world.send("juliet/balcony", "<iq type='get' id='2'><query xmlns='jabber:iq:roster'/></iq>");
    assert_eq!(world.got("juliet/balcony"), ["iq result juliet > juliet/balcony #2"]);
    world.silence();
}

#[test]
fn xep0077_3_2_remove_stands_alone() {
    let mut world = World::with(open());
    world.login("juliet/balcony");
    world.send("juliet/balcony", &set("", "<remove/><username>juliet</username>"));
    assert_eq!(world.got("juliet/balcony"), ["iq error juliet > juliet/balcony #1 bad-request/modify"]);
}

#[test]
fn xep0077_anonymous_users_have_no_registration() {
    let mut world = World::with(open());
    let id = SessionId(99);
    world.call(|hub, now| hub.bind(now, id, account("guest"), BindRequest::resource("x").anonymous()));
    world.outputs.clear();
    world.names.insert("guest/x".into(), id);
    world.send("guest/x", &set("", "<remove/>"));
    assert_eq!(world.got("guest/x"), ["iq error guest > guest/x #1 not-allowed/cancel"]);
}
