//! RFC 6121 section 4: presence.

use super::*;

mod probes;
mod subscribers;

#[test]
fn rfc6121_4_2_2_initial_presence_goes_to_all_own_resources_and_shows_them() {
    let mut world = World::new();
    world.online("juliet/balcony", 0);
    world.login("juliet/connected");
    world.login("juliet/chamber");
    world.send("juliet/chamber", "<presence id='1'/>");
    assert_eq!(world.got("juliet/balcony"), ["presence juliet/chamber > juliet #1"]);
    let expected = ["presence juliet/chamber > juliet #1", "presence juliet/balcony > juliet"];
    assert_eq!(world.got("juliet/chamber"), expected);
    world.silence();
}

#[test]
fn rfc6121_4_4_2_subsequent_presence_goes_to_all_own_resources() {
    let mut world = World::new();
    world.online("juliet/balcony", 0);
    world.online("juliet/chamber", 0);
    world.send("juliet/chamber", "<presence id='2'><show>away</show></presence>");
    for receiver in ["juliet/balcony", "juliet/chamber"] {
        assert_eq!(world.got(receiver), ["presence juliet/chamber > juliet #2"]);
    }
    world.silence();
}

#[test]
fn rfc6121_4_5_2_unavailable_presence_goes_to_all_and_ends_the_presence_session() {
    let mut world = World::new();
    world.online("juliet/balcony", 0);
    world.online("juliet/chamber", 0);
    world.send("juliet/chamber", "<presence type='unavailable' id='1'/>");
    for receiver in ["juliet/balcony", "juliet/chamber"] {
        assert_eq!(world.got(receiver), ["presence unavailable juliet/chamber > juliet #1"]);
    }
    // Not available any more: nothing to announce, no messages to the bare address.
    world.send("juliet/chamber", "<presence type='unavailable' id='2'/>");
    world.send("juliet/balcony", "<presence id='3'/>");
    assert_eq!(world.got("juliet/balcony"), ["presence juliet/balcony > juliet #3"]);
    world.silence();
    // And then initial presence again.
    world.send("juliet/chamber", "<presence id='4'/>");
    assert_eq!(world.got("juliet/balcony"), ["presence juliet/chamber > juliet #4"]);
    let expected = ["presence juliet/chamber > juliet #4", "presence juliet/balcony > juliet #3"];
    assert_eq!(world.got("juliet/chamber"), expected);
}

#[test]
fn rfc6121_4_5_2_a_lost_session_is_announced_as_unavailable() {
    let mut world = World::new();
    world.online("juliet/balcony", 0);
    world.online("juliet/chamber", 0);
    world.login("juliet/connected");
    world.leave("juliet/chamber");
    assert_eq!(world.got("juliet/balcony"), ["presence unavailable juliet/chamber > juliet"]);
    world.leave("juliet/connected");
    world.leave("juliet/connected");
    world.silence();
}

#[test]
fn rfc6121_4_6_3_directed_presence_is_delivered_and_ended_with_the_session() {
    let mut world = World::new();
    world.online("romeo/orchard", 0);
    world.login("romeo/connected");
    world.online("juliet/balcony", 0);
    world.send("juliet/balcony", "<presence to='romeo@example.com' id='1'/>");
    world.send("juliet/balcony", "<presence to='romeo@example.com/connected' id='2'/>");
    world.send("juliet/balcony", "<presence to='nobody@example.com' id='3'/>");
    assert_eq!(world.got("romeo/orchard"), ["presence juliet/balcony > romeo #1"]);
    assert_eq!(world.got("romeo/connected"), ["presence juliet/balcony > romeo/connected #2"]);
    // Broadcasts are none of their business.
    world.send("juliet/balcony", "<presence id='4'/>");
    world.got("juliet/balcony");
    world.silence();
    world.leave("juliet/balcony");
    assert_eq!(world.got("romeo/orchard"), ["presence unavailable juliet/balcony > romeo"]);
    assert_eq!(world.got("romeo/connected"), ["presence unavailable juliet/balcony > romeo/connected"]);
    world.silence();
}

#[test]
fn rfc6121_4_6_3_directed_presence_ends_with_the_sessions_own_farewell() {
    let mut world = World::new();
    world.online("romeo/orchard", 0);
    world.login("juliet/balcony");
    world.send("juliet/balcony", "<presence to='romeo@example.com' id='1'/>");
    world.send("juliet/balcony", "<presence type='unavailable' id='2'><status>bye</status></presence>");
    let expected = ["presence juliet/balcony > romeo #1", "presence unavailable juliet/balcony > romeo #2"];
    assert_eq!(world.got("romeo/orchard"), expected);
    world.leave("juliet/balcony");
    world.silence();
}

#[test]
fn rfc6121_4_6_1_who_was_told_or_has_gone_is_not_told_again() {
    let mut world = World::new();
    world.online("romeo/orchard", 0);
    world.online("juliet/balcony", 0);
    world.send("juliet/balcony", "<presence to='romeo@example.com/orchard'/>");
    world.send("juliet/balcony", "<presence type='unavailable' to='romeo@example.com/orchard'/>");
    assert_eq!(world.got("romeo/orchard").len(), 2);
    world.send("juliet/balcony", "<presence to='romeo@example.com/orchard'/>");
    world.send("romeo/orchard", "<presence type='unavailable' to='juliet@example.com/balcony' id='bye'/>");
    assert_eq!(world.got("juliet/balcony"), ["presence unavailable romeo/orchard > juliet/balcony #bye"]);
    world.got("romeo/orchard");
    world.leave("juliet/balcony");
    world.silence();
}

#[test]
fn directed_presence_is_bounded() {
    let limits = Limits { directed_per_session: 2, ..Limits::default() };
    let mut world = World::with(Config { limits, federation: true, ..config() });
    world.login("juliet/balcony");
    for id in 1..=3 {
        world.send("juliet/balcony", &format!("<presence to='room{id}@example.net' id='{id}'/>"));
    }
    // One that is known already is fine.
    world.send("juliet/balcony", "<presence to='room1@example.net' id='4'/>");
    let error = "presence error room3@example.net > juliet/balcony #3 resource-constraint/wait";
    assert_eq!(world.got("juliet/balcony"), [error]);
    assert_eq!(world.outputs.drain(..).count(), 3);
    world.leave("juliet/balcony");
    assert_eq!(world.outputs.drain(..).count(), 2);
}

#[test]
fn rfc6121_8_5_1_8_5_2_and_8_5_3_presence_to_those_who_are_not_there_is_ignored() {
    let mut world = World::new();
    world.login("romeo/orchard");
    for to in ["nobody@example.com", "juliet@example.com", "juliet@example.com/gone"] {
        world.send("romeo/orchard", &format!("<presence to='{to}'/>"));
        world.send("romeo/orchard", &format!("<presence type='unavailable' to='{to}'/>"));
    }
    world.silence();
}

#[test]
fn rfc6121_4_3_2_a_strangers_probe_is_answered_alike_for_accounts_that_exist_and_do_not() {
    let mut world = World::with(Config { federation: true, ..config() });
    world.online("juliet/balcony", 0);
    for to in ["juliet", "nobody"] {
        let probe =
            stanza(&format!("<presence type='probe' from='x@example.net' to='{to}@example.com' id='1'/>"));
        world.call(|hub, now| hub.remote(now, probe));
        let Some(Output::Remote { stanza }) = world.outputs.pop() else { panic!() };
        assert_eq!(brief(&stanza), format!("presence unsubscribed {to} > x@example.net #1"));
    }
    world.silence();
}

#[test]
fn rfc6121_4_6_6_a_probe_is_answered_to_whoever_has_directed_presence() {
    let mut world = World::with(Config { federation: true, ..config() });
    world.online("juliet/balcony", 0);
    world.send("juliet/balcony", "<presence to='room@example.net/juliet'><show>dnd</show></presence>");
    world.outputs.clear();
    let mut probe = |from: &str, to: &str| {
        let probe = stanza(&format!("<presence type='probe' from='{from}' to='{to}'/>"));
        world.call(|hub, now| hub.remote(now, probe));
        let Some(Output::Remote { stanza }) = world.outputs.pop() else { panic!() };
        assert_eq!(stanza.payloads().count(), 0, "mere presence");
        brief(&stanza)
    };
    let told = probe("room@example.net/juliet", "juliet@example.com/balcony");
    assert_eq!(told, "presence juliet/balcony > room@example.net/juliet");
    let untold = probe("room@example.net/nurse", "juliet@example.com/balcony");
    assert_eq!(untold, "presence unsubscribed juliet > room@example.net");
}

#[test]
fn rfc6121_4_3_an_own_resource_may_probe() {
    let mut world = World::new();
    world.online("juliet/balcony", 0);
    world.login("juliet/chamber");
    world.send("juliet/chamber", "<presence type='probe' to='juliet@example.com'/>");
    assert_eq!(world.got("juliet/chamber"), ["presence juliet/balcony > juliet/chamber"]);
    world.send("juliet/chamber", "<presence type='probe'/>");
    world.silence();
    world.leave("juliet/balcony");
    world.send("juliet/chamber", "<presence type='probe' to='juliet@example.com' id='1'/>");
    assert_eq!(world.got("juliet/chamber"), ["presence unavailable juliet > juliet/chamber #1"]);
    world.silence();
}

#[test]
fn rfc6121_3_1_1_a_subscription_is_with_somebody() {
    let mut world = World::new();
    world.login("romeo/orchard");
    for of_type in ["subscribe", "subscribed", "unsubscribe", "unsubscribed"] {
        world.send("romeo/orchard", &format!("<presence type='{of_type}' id='1'/>"));
        let error = "presence error - > romeo/orchard #1 bad-request/modify";
        assert_eq!(world.got("romeo/orchard"), [error]);
    }
    world.silence();
}

#[test]
fn rfc6121_3_1_2_presence_errors_reach_whomever_they_are_addressed_to() {
    let mut world = World::with(Config { federation: true, ..config() });
    world.online("juliet/balcony", 0);
    let error = "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
    for to in ["juliet@example.com", "juliet@example.com/balcony", "juliet@example.com/gone"] {
        let xml = format!("<presence type='error' from='x@example.net' to='{to}'>{error}</presence>");
        world.call(|hub, now| hub.remote(now, stanza(&xml)));
    }
    // What the server sends in the user's name it sends from the bare address, so errors come back to that.
    let expected =
        ["juliet", "juliet/balcony"].map(|to| format!("presence error x@example.net > {to} gone/cancel"));
    assert_eq!(world.got("juliet/balcony"), expected);
    world.silence();
}

#[test]
fn presence_that_changes_too_often_is_refused_and_does_not_count() {
    let limits = Limits { broadcasts_per_session: 3, broadcasts_within: SECOND * 60, ..Limits::default() };
    let mut world = World::with(Config { limits, federation: true, ..config() });
    world.relate("juliet", "nurse@example.net", "from");
    world.login("juliet/balcony");
    let xml = |id: u32| format!("<presence id='{id}'/>");
    for id in 1..=3 {
        world.send("juliet/balcony", &xml(id));
        assert_eq!(world.got("juliet/balcony"), [format!("presence juliet/balcony > juliet #{id}")]);
    }
    assert_eq!(world.sent().len(), 3);
    // To go is always possible; to come again is to change.
    world.send("juliet/balcony", "<presence type='unavailable' id='4'/>");
    assert_eq!(world.sent(), ["presence unavailable juliet/balcony > nurse@example.net #4"]);
    world.got("juliet/balcony");
    world.send("juliet/balcony", &xml(5));
    assert_eq!(world.got("juliet/balcony"), ["presence error - > juliet/balcony #5 policy-violation/wait"]);
    world.silence();
    world.online("juliet/chamber", 0);
    assert_eq!(
        world.sent(),
        ["presence juliet/chamber > nurse@example.net"],
        "another session's are its own"
    );
    world.pass(SECOND * 60);
    world.send("juliet/balcony", &xml(6));
    assert_eq!(world.sent(), ["presence juliet/balcony > nurse@example.net #6"]);
}
