//! Resuming somebody else's session is impossible, also by race (XEP-0198 sections 5 and 10).

use super::*;

fn is_refused(world: &mut World) -> bool {
    matches!(world.outputs.pop(), Some(Output::ResumeRefused { .. }))
}

#[test]
fn xep0198_10_nobody_resumes_a_session_of_another_account() {
    let mut world = World::new();
    world.online("juliet/balcony", 0);
    let id = world.managed("romeo/orchard");
    world.cut("romeo/orchard");
    let session = world.resume("juliet/balcony", &id, 0);
    assert_eq!(world.outputs.pop(), Some(Output::ResumeRefused { session, h: None }));
    assert_eq!(world.resumed("romeo/orchard", &id, 1), 1);
    // Nor does it tell how much was handled once it is over.
    world.leave("romeo/orchard");
    let session = world.resume("juliet/balcony", &id, 0);
    assert_eq!(world.outputs.pop(), Some(Output::ResumeRefused { session, h: None }));
}

#[test]
fn xep0198_10_ids_cannot_be_guessed() {
    let mut world = World::new();
    let first = world.managed("romeo/orchard");
    let second = world.managed("romeo/garden");
    assert_ne!(first, second);
    assert_eq!((first.len(), second.len()), (26, 26), "128 bits");
    world.cut("romeo/orchard");
    for guess in ["", &first[1..], &format!("{first} "), "romeo@example.com/orchard"] {
        world.resume("romeo/orchard", guess, 0);
        assert!(is_refused(&mut world), "{guess}");
    }
    assert_eq!(world.resumed("romeo/orchard", &first, 1), 1);
}

#[test]
fn xep0198_5_a_session_that_still_has_a_connection_moves_to_the_new_one() {
    let mut world = World::new();
    world.online("juliet/balcony", 0);
    let id = world.managed("romeo/orchard");
    let old = world.names["romeo/orchard"];
    world.message("juliet/balcony", "romeo", "1");
    world.received.clear();
    let new = world.resume("romeo/orchard", &id, 1);
    let outputs = std::mem::take(&mut world.outputs);
    let [Output::Close { session, error }, Output::Resumed { session: to, h: 1, .. }] = outputs.as_slice()
    else {
        panic!("{outputs:?}")
    };
    assert_eq!((*session, *to), (old, new));
    assert_eq!(*error.condition(), stream::Condition::Conflict);
    assert_eq!(world.got("romeo/orchard"), ["message chat juliet/balcony > romeo #1"]);
    // The old one is history: it can neither speak, nor acknowledge, nor end the session.
    world.call(|hub, now| hub.stanza(now, old, stanza("<message to='juliet@example.com'/>")));
    world.call(|hub, now| hub.acknowledged(now, old, 2));
    world.call(|hub, now| hub.acknowledgement_requested(now, old));
    world.call(|hub, now| hub.handled(now, old, None));
    world.call(|hub, now| hub.session_broken(now, old));
    world.call(|hub, now| hub.session_gone(now, old));
    world.silence();
    assert_eq!(world.handled("romeo/orchard"), 1);
    world.cut("romeo/orchard");
    assert_eq!(world.resumed("romeo/orchard", &id, 1), 1);
    assert_eq!(world.got("romeo/orchard"), ["message chat juliet/balcony > romeo #1"]);
}

#[test]
fn xep0198_5_of_two_that_resume_the_later_has_the_session() {
    let mut world = World::new();
    let id = world.managed("romeo/orchard");
    world.cut("romeo/orchard");
    let first = world.resume("romeo/orchard", &id, 1);
    let second = world.resume("romeo/orchard", &id, 1);
    let outputs = std::mem::take(&mut world.outputs);
    let [
        Output::Resumed { session: a, .. },
        Output::Close { session: b, .. },
        Output::Resumed { session: c, .. },
    ] = outputs.as_slice()
    else {
        panic!("{outputs:?}")
    };
    assert_eq!((*a, *b, *c), (first, first, second));
    // Whoever has lost cannot take it back by ending.
    world.call(|hub, now| hub.session_gone(now, first));
    assert_eq!(world.handled("romeo/orchard"), 1);
}

#[test]
fn xep0198_5_a_session_is_resumed_or_given_up_but_not_both() {
    for late in [false, true] {
        let mut world = World::new();
        world.relate("romeo", "juliet", "both");
        world.online("juliet/balcony", 0);
        let id = world.managed("romeo/orchard");
        world.received.clear();
        world.cut("romeo/orchard");
        world.now = world.now.after(5 * MINUTES);
        if late {
            world.call(Hub::tick);
            world.resume("romeo/orchard", &id, 1);
            assert!(is_refused(&mut world));
            assert_eq!(world.got("juliet/balcony"), ["presence unavailable romeo/orchard > juliet"]);
        } else {
            world.resumed("romeo/orchard", &id, 1);
            world.call(Hub::tick);
            world.pass(10 * MINUTES);
            world.received.remove(&world.names["romeo/orchard"]);
            world.silence();
        }
    }
}

#[test]
fn xep0198_5_the_resource_of_a_session_that_waits_can_be_bound() {
    let mut world = World::new();
    let id = world.managed("romeo/orchard");
    world.cut("romeo/orchard");
    world.login("romeo/orchard");
    assert_eq!(world.outputs, [], "nobody is there to be told of a conflict");
    world.resume("romeo/orchard", &id, 1);
    assert!(is_refused(&mut world));
}

#[test]
fn xep0198_5_no_session_outlives_its_account() {
    let mut world = World::new();
    let id = world.managed("romeo/orchard");
    world.cut("romeo/orchard");
    world.call(|hub, now| hub.delete_account(now, AdminId(1), account("romeo")));
    assert_eq!(world.outputs, [Output::Administered { id: AdminId(1), result: Ok(()) }]);
    world.outputs.clear();
    world.resume("romeo/orchard", &id, 1);
    assert!(is_refused(&mut world));
    assert_eq!(world.hub.deadline().map(|deadline| deadline.reason), None);
}

#[test]
fn xep0198_5_a_guest_cannot_come_back() {
    let mut world = World::new();
    let request =
        BindRequest { management: Some(Enable { resume: true, max: None }), ..BindRequest::default() };
    world.call(|hub, now| hub.bind(now, SessionId(1), account("guest"), request.anonymous()));
    let Some(Output::Bound { granted, .. }) = world.outputs.pop() else { panic!() };
    assert_eq!(granted.management, Some(Enabled::default()));
    world.call(|hub, now| hub.session_broken(now, SessionId(1)));
    assert_eq!(world.hub.deadline(), None);
}

#[test]
fn xep0198_5_no_connection_has_two_sessions() {
    let mut world = World::new();
    let id = world.managed("romeo/orchard");
    world.cut("romeo/orchard");
    let other = world.login("romeo/garden");
    world.call(|hub, now| hub.resume(now, other, &account("romeo"), id.clone(), 1));
    assert!(is_refused(&mut world));
    assert_eq!(world.resumed("romeo/orchard", &id, 1), 1);
}
