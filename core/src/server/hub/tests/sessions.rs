//! Binding and its conflicts (RFC 6120 section 7).

use super::*;
use crate::stanza::ErrorType;
use crate::stream;

fn conflict(policy: ConflictPolicy) -> World {
    let mut world = World::with(Config { conflict: policy, ..config() });
    world.online("juliet/balcony", 0);
    world.online("juliet/chamber", 0);
    world
}

/// Binds `juliet/balcony` once more, as session 9.
fn bind_again(world: &mut World) -> Vec<Output> {
    let request = BindRequest::resource("balcony");
    world.call(|hub, now| hub.bind(now, SessionId(9), account("juliet"), request));
    std::mem::take(&mut world.outputs)
}

#[test]
fn rfc6120_7_7_2_2_the_new_session_replaces_the_old_one() {
    let mut world = conflict(ConflictPolicy::Replace);
    let old = world.names["juliet/balcony"];
    let outputs = bind_again(&mut world);
    let [Output::Close { session, error }, Output::Bound { session: new, jid, .. }] = outputs.as_slice()
    else {
        panic!("{outputs:?}")
    };
    assert_eq!((*session, *new), (old, SessionId(9)));
    assert_eq!(*error.condition(), stream::Condition::Conflict);
    assert_eq!(jid.as_str(), "juliet@example.com/balcony");
    assert_eq!(world.got("juliet/chamber"), ["presence unavailable juliet/balcony > juliet"]);
    // The old session is history: it can neither speak nor end the new one.
    world.send("juliet/balcony", "<message to='juliet@example.com/chamber'/>");
    world.leave("juliet/balcony");
    world.silence();
    world.send("juliet/chamber", "<message to='juliet@example.com/balcony'/>");
    assert_eq!(world.received.remove(&SessionId(9)).unwrap().len(), 1);
}

#[test]
fn rfc6120_7_7_2_2_the_new_session_is_refused() {
    let mut world = conflict(ConflictPolicy::Refuse);
    let outputs = bind_again(&mut world);
    let [Output::BindRefused { session: SessionId(9), error }] = outputs.as_slice() else {
        panic!("{outputs:?}")
    };
    assert_eq!((error.condition(), error.error_type()), (&Condition::Conflict, ErrorType::Modify));
    // The session may try again with another resource.
    world.call(|hub, now| hub.bind(now, SessionId(9), account("juliet"), BindRequest::resource("garden")));
    assert!(matches!(world.outputs.as_slice(), [Output::Bound { session: SessionId(9), .. }]));
}

#[test]
fn rfc6120_7_7_2_2_the_new_session_gets_another_resource() {
    let mut world = conflict(ConflictPolicy::Generate);
    let outputs = bind_again(&mut world);
    let [Output::Bound { jid, .. }] = outputs.as_slice() else { panic!("{outputs:?}") };
    assert_eq!(jid.resource().unwrap().len(), 26);
}

#[test]
fn rfc6120_7_6_the_server_makes_up_resources_nobody_can_guess() {
    let mut world = World::new();
    for session in [1, 2] {
        world.call(|hub, now| hub.bind(now, SessionId(session), account("juliet"), BindRequest::default()));
    }
    let [Output::Bound { jid: a, .. }, Output::Bound { jid: b, .. }] = world.outputs.as_slice() else {
        panic!("{:?}", world.outputs)
    };
    assert_ne!(a, b);
    assert_eq!(a.resource().unwrap().len(), 26);
}

#[test]
fn rfc6120_7_6_2_1_too_many_sessions_are_refused() {
    let limits = Limits { sessions_per_account: 2, ..Limits::default() };
    let mut world = World::with(Config { limits, ..config() });
    world.login("juliet/balcony");
    world.login("juliet/chamber");
    world.bind("juliet/garden");
    let Some(Output::BindRefused { error, .. }) = world.outputs.pop() else { panic!() };
    assert_eq!(*error.condition(), Condition::ResourceConstraint);
    // Replacing one of them is no more than before.
    assert!(matches!(bind_again(&mut world).last(), Some(Output::Bound { .. })));
    world.leave("juliet/chamber");
    world.login("juliet/garden");
}

#[test]
fn rfc6120_7_7_2_1_a_resource_that_is_none_is_refused() {
    let mut world = World::new();
    world.call(|hub, now| {
        hub.bind(now, SessionId(1), account("juliet"), BindRequest::resource(String::new()))
    });
    let Some(Output::BindRefused { error, .. }) = world.outputs.pop() else { panic!() };
    assert_eq!(*error.condition(), Condition::BadRequest);
}

#[test]
fn sessions_of_accounts_that_are_not_here_are_refused() {
    let mut world = World::new();
    for jid in ["nobody@example.com", "juliet@example.net", "example.com"] {
        let account = BareJid::new(jid).unwrap();
        world.call(|hub, now| hub.bind(now, SessionId(1), account, BindRequest::default()));
        assert!(matches!(world.outputs.pop(), Some(Output::BindRefused { .. })), "{jid}");
    }
    assert_eq!(world.hub.entities.len(), 0);
}

#[test]
fn an_anonymous_account_lives_as_long_as_its_session_and_the_store_never_hears_of_it() {
    let mut world = World::new();
    world.silent = true;
    let guest = account("guest");
    world.call(|hub, now| hub.bind(now, SessionId(5), guest.clone(), BindRequest::default().anonymous()));
    let Some(Output::Bound { jid, .. }) = world.outputs.pop() else { panic!() };
    world.call(|hub, now| {
        let to_self = format!("<message to='{jid}'/>");
        hub.stanza(now, SessionId(5), stanza(&to_self));
    });
    assert_eq!(world.received.remove(&SessionId(5)).unwrap().len(), 1);
    world.call(|hub, now| hub.bind(now, SessionId(6), guest.clone(), BindRequest::default()));
    assert!(matches!(world.outputs.pop(), Some(Output::BindRefused { .. })));

    assert_eq!(world.asked, []);
    // Nobody can log in to it: the store knows no password for it.
    world.silent = false;
    world.call(|hub, now| hub.lookup(now, LookupId(1), guest.clone()));
    assert_eq!(world.outputs.pop(), Some(Output::Credentials { lookup: LookupId(1), stored: Ok(None) }));
    world.call(|hub, now| hub.session_gone(now, SessionId(5)));
    assert_eq!(world.hub.entities.len(), 0);
    assert_eq!(world.hub.deadline(), None);
}

#[test]
fn an_anonymous_session_gets_no_account_that_exists() {
    let mut world = World::new();
    world.login("juliet/balcony");
    world.call(|hub, now| hub.bind(now, SessionId(5), account("juliet"), BindRequest::default().anonymous()));
    assert!(matches!(world.outputs.pop(), Some(Output::BindRefused { .. })));
}

#[test]
fn unknown_sessions_are_ignored() {
    let mut world = World::new();
    world.call(|hub, now| hub.stanza(now, SessionId(7), stanza("<message to='juliet@example.com'/>")));
    world.call(|hub, now| hub.session_gone(now, SessionId(7)));
    world.silence();
}

/// As Bind 2 asks for it.
fn tagged(tag: &str, client: &str) -> BindRequest {
    let resource = Resource::Tagged { tag: Some(tag.into()), client: Some(client.into()) };
    BindRequest { resource, carbons: true, ..BindRequest::default() }
}

#[test]
fn xep0386_4_1_a_tag_begins_the_resource_and_the_same_clients_earlier_session_ends() {
    let mut world = World::new();
    world.call(|hub, now| hub.bind(now, SessionId(1), account("juliet"), tagged("Balcony", "4f2c")));
    world.call(|hub, now| hub.bind(now, SessionId(2), account("juliet"), tagged("Balcony", "other")));
    let [Output::Bound { jid, granted, .. }, Output::Bound { .. }] = world.outputs.as_slice() else {
        panic!()
    };
    let (tag, rest) = jid.resource().unwrap().split_once('/').unwrap();
    assert_eq!((tag, rest.len()), ("Balcony", 26));
    assert!(granted.carbons);
    world.outputs.clear();
    world.call(|hub, now| hub.bind(now, SessionId(3), account("juliet"), tagged("Balcony", "4f2c")));
    let [Output::Close { session, error }, Output::Bound { session: new, .. }] = world.outputs.as_slice()
    else {
        panic!("{:?}", world.outputs)
    };
    assert_eq!((*session, *new), (SessionId(1), SessionId(3)));
    assert_eq!(*error.condition(), stream::Condition::Conflict);
}

#[test]
fn xep0386_4_1_a_tag_that_can_be_in_no_resource_is_refused() {
    let mut world = World::new();
    world.call(|hub, now| hub.bind(now, SessionId(1), account("juliet"), tagged("bell\u{7}", "4f2c")));
    assert!(matches!(world.outputs.as_slice(), [Output::BindRefused { .. }]));
}
