//! RFC 6121 section 4.3: probes.

use super::*;
use crate::server::store::StoreError;

/// A world with other domains, in which nurse@example.net may see juliet's presence.
fn world() -> World {
    let mut world = World::with(Config { federation: true, ..config() });
    world.relate("juliet", "nurse@example.net", "from");
    world
}

impl World {
    /// What somebody is answered who probes, as XML.
    fn probed(&mut self, from: &str, to: &str) -> Vec<String> {
        self.outputs.clear();
        self.remote(&format!("<presence type='probe' from='{from}' to='{to}' id='p'/>"));
        let answer = |output| match output {
            Output::Remote { stanza } => stanza,
            other => panic!("{other:?}"),
        };
        self.outputs.drain(..).map(|output| xml(&answer(output))).collect()
    }
}

const NURSE: &str = "nurse@example.net";
const JULIET: &str = "juliet@example.com";
const BALCONY: &str = "juliet@example.com/balcony";

#[test]
fn rfc6121_4_3_2_rule_1_whoever_is_not_subscribed_is_told_so() {
    let mut world = world();
    let states =
        ["absent", "absent in", "none", "none out", "none in", "none out in", "to", "to in", "none approved"];
    for (number, state) in states.iter().enumerate() {
        world.relate("juliet", &format!("x{number}@example.net"), state);
    }
    // Whether she is not in memory, in memory, connected or online; from the bare address, whatever was probed.
    for stage in 0..4 {
        match stage {
            0 => {}
            1 => world.send_offline_message(),
            2 => drop(world.login("juliet/balcony")),
            _ => world.send("juliet/balcony", "<presence/>"),
        }
        for (number, state) in states.iter().enumerate() {
            for to in [JULIET, BALCONY] {
                let got = world.probed(&format!("x{number}@example.net/r"), to);
                let expected = format!(
                    "<presence type='unsubscribed' from='{JULIET}' to='x{number}@example.net' id='p'/>"
                );
                assert_eq!(got, [expected], "{stage} {state} {to}");
                assert_eq!(world.relation("juliet", &format!("x{number}@example.net")), *state);
            }
        }
    }
}

impl World {
    /// Brings juliet into memory.
    fn send_offline_message(&mut self) {
        self.remote(&format!("<iq type='get' from='{NURSE}' to='{JULIET}' id='1'><x xmlns='urn:x'/></iq>"));
        assert!(self.hub.entities.ready_mut(JULIET).is_some());
    }
}

#[test]
fn rfc6121_4_3_2_rule_3_while_nobody_is_there_the_answer_says_since_when() {
    let mut world = world();
    let bare = format!("<presence type='unavailable' from='{JULIET}' to='{NURSE}' id='p'");
    assert_eq!(world.probed(NURSE, JULIET), [format!("{bare}/>")], "nobody knows since when");
    world.login("juliet/chamber");
    assert_eq!(world.probed(NURSE, JULIET), [format!("{bare}/>")], "connected is not available");
    world.online("juliet/balcony", 0);
    world.pass(SECOND * 90);
    world.send("juliet/balcony", "<presence type='unavailable'><status>secret</status></presence>");
    let delayed = format!("{bare}><delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:01:30Z'/></presence>");
    world.pass(SECOND * 90);
    assert_eq!(world.probed(NURSE, JULIET), [delayed.as_str()]);
    world.leave("juliet/chamber");
    world.leave("juliet/balcony");
    assert_eq!(world.probed(NURSE, JULIET), [delayed.as_str()], "it was not available any more");
    world.pass(SECOND * 3600);
    assert_eq!(world.hub.entities.len(), 0);
    assert_eq!(world.probed(NURSE, JULIET), [delayed.as_str()], "not in memory");
    assert_eq!(world.hub.entities.len(), 0);
    let full = format!("<presence type='unavailable' from='{BALCONY}' to='{NURSE}' id='p'/>");
    assert_eq!(world.probed(NURSE, BALCONY), [full.as_str()]);
    world.send_offline_message();
    assert_eq!(world.probed(NURSE, BALCONY), [full.as_str()]);
    assert_eq!(world.probed(NURSE, JULIET), [delayed.as_str()], "in memory");
}

#[test]
fn rfc6121_4_3_2_rule_4_the_answer_is_what_each_resource_has_said_last() {
    let mut world = world();
    world.login("juliet/connected");
    for (resource, id) in [("balcony", 1), ("chamber", 2)] {
        world.online(&format!("juliet/{resource}"), 0);
        let x = "<x xmlns='urn:x'/>";
        world.send(
            &format!("juliet/{resource}"),
            &format!("<presence id='{id}'><show>dnd</show>{x}</presence>"),
        );
        // What is meant for somebody else is not for all.
        world.send(&format!("juliet/{resource}"), "<presence to='room@example.net' id='9'/>");
    }
    let answer = |resource: &str, id: u32| {
        let head = format!("<presence id='{id}' to='{NURSE}' from='{JULIET}/{resource}'>");
        format!("{head}<show>dnd</show><x xmlns='urn:x'/></presence>")
    };
    let sorted = |mut got: Vec<String>| {
        got.iter_mut().for_each(|got| *got = xml(&stanza(got)));
        got
    };
    assert_eq!(sorted(world.probed(NURSE, JULIET)), sorted(vec![answer("balcony", 1), answer("chamber", 2)]));
}

#[test]
fn rfc6121_4_3_2_a_probe_of_one_resource_is_answered_for_that_and_says_no_more_than_that_it_is_there() {
    let mut world = world();
    world.online("juliet/balcony", 0);
    world.online("juliet/chamber", 0);
    world.login("juliet/connected");
    world.send("juliet/balcony", "<presence id='1'><show>dnd</show></presence>");
    let there = format!("<presence from='{BALCONY}' to='{NURSE}/k'/>");
    assert_eq!(world.probed(&format!("{NURSE}/k"), BALCONY), [there]);
    for resource in ["gone", "connected"] {
        let gone = format!("<presence type='unavailable' from='{JULIET}/{resource}' to='{NURSE}' id='p'/>");
        assert_eq!(world.probed(NURSE, &format!("{JULIET}/{resource}")), [gone]);
    }
}

#[test]
fn rfc6121_4_6_6_directed_presence_lets_its_receiver_probe_that_resource() {
    let mut world = world();
    world.login("juliet/balcony");
    world.send("juliet/balcony", "<presence to='room@example.net/juliet'><show>dnd</show></presence>");
    world.send("juliet/balcony", "<presence to='paris@example.net'/>");
    for from in ["room@example.net/juliet", "paris@example.net", "paris@example.net/phone"] {
        assert_eq!(world.probed(from, BALCONY), [format!("<presence from='{BALCONY}' to='{from}'/>")]);
        assert!(world.probed(from, JULIET)[0].contains("unsubscribed"));
    }
    assert!(world.probed("room@example.net", BALCONY)[0].contains("unsubscribed"));
    world.send("juliet/balcony", "<presence type='unavailable' to='paris@example.net'/>");
    assert!(world.probed("paris@example.net", BALCONY)[0].contains("unsubscribed"));
}

#[test]
fn rfc6121_4_3_1_a_user_who_comes_online_sees_the_contacts_there_are() {
    let mut world = World::new();
    for (owner, contact, state) in [("romeo", "juliet", "both"), ("juliet", "romeo", "both")] {
        world.relate(owner, contact, state);
    }
    world.store.insert(account("nurse"), Record::new(credentials(1)));
    world.relate("nurse", "romeo", "from");
    world.relate("romeo", "nurse", "to");
    // The rosters disagree: nobody there, and a contact that knows nothing of the subscription.
    world.relate("romeo", "nobody", "to");
    world.store.insert(account("paris"), Record::new(credentials(1)));
    world.relate("romeo", "paris", "both");
    world.present("juliet/balcony");
    world.present("juliet/chamber");
    world.login("romeo/orchard");
    world.send("romeo/orchard", "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    world.received.clear();
    world.send("romeo/orchard", "<presence/>");
    let mut told = world.told("romeo/orchard");
    told.sort();
    let expected = [
        "presence juliet/balcony > romeo",
        "presence juliet/chamber > romeo",
        "presence romeo/orchard > romeo",
        "presence unavailable nurse > romeo",
        "presence unsubscribed nobody > romeo",
        "presence unsubscribed paris > romeo",
        "push nobody none",
        "push paris from",
    ];
    assert_eq!(told, expected);
}

#[test]
fn an_account_that_comes_into_memory_answers_the_probe_itself() {
    let mut world = World::new();
    world.relate("juliet", "romeo", "both");
    world.relate("romeo", "juliet", "both");
    world.online("romeo/orchard", 0);
    world.silent = true;
    world.send("romeo/orchard", "<presence type='unavailable'/>");
    world.send("romeo/orchard", "<presence/>");
    world.received.clear();
    let probe = world.asked.pop().unwrap();
    assert!(matches!(probe, Request::Read { .. }));
    let stale = world.store.execute(probe);
    world.silent = false;
    world.online("juliet/balcony", 0);
    world.reply(stale);
    assert_eq!(world.got("romeo/orchard"), ["presence juliet/balcony > romeo"]);
    // Also while it is on its way there.
    world.leave("juliet/balcony");
    world.pass(SECOND * 60);
    world.silent = true;
    world.send("romeo/orchard", "<presence type='unavailable'/>");
    world.send("romeo/orchard", "<presence/>");
    world.bind("juliet/chamber");
    world.received.clear();
    world.answer();
    assert_eq!(world.got("romeo/orchard"), ["presence unavailable juliet > romeo"]);
}

#[test]
fn probes_that_the_store_does_not_answer_are_not_answered_and_leave_room_for_others() {
    let limits = Limits { store_requests: 4, ..Limits::default() };
    let mut world = World::with(Config { limits, federation: true, ..config() });
    world.relate("juliet", NURSE, "from");
    world.silent = true;
    for _ in 0..5 {
        assert_eq!(world.probed(NURSE, JULIET), [""; 0]);
    }
    assert_eq!(world.asked.len(), 2);
    world.call(|hub, now| hub.lookup(now, LookupId(1), account("juliet")));
    assert_eq!(world.asked.len(), 3);
    for request in std::mem::take(&mut world.asked).into_iter().take(2) {
        world.reply(request.refused(StoreError::Unavailable("broken".into())));
    }
    world.pass(SECOND * 60);
    world.outputs.retain(|output| matches!(output, Output::Remote { .. }));
    world.silence();
}

#[test]
fn rfc6121_4_3_2_the_time_of_the_last_presence_outlives_the_server_and_its_words_are_kept() {
    let mut world = world();
    world.online("juliet/balcony", 0);
    world.online("juliet/chamber", 0);
    world.leave("juliet/balcony");
    let last = |world: &World| world.store.get(&account("juliet")).unwrap().last.clone();
    assert_eq!(last(&world), None, "the other one is there");
    world.send("juliet/chamber", "<presence type='unavailable'><status>good night</status></presence>");
    let kept = last(&world).unwrap();
    assert_eq!((kept.at, &*kept.status), (world.now.utc, "good night"));
    world.pass(SECOND * 5);
    world.send("juliet/chamber", "<presence type='unavailable'/>");
    world.leave("juliet/chamber");
    assert_eq!(last(&world), Some(kept), "it had gone already");
    let store = std::mem::take(&mut world.store);
    let mut world = World { store, ..World::with(Config { federation: true, ..config() }) };
    assert!(world.probed(NURSE, JULIET)[0].contains("stamp='2026-01-01T00:00:00Z'"));
    // Words are bounded, and cut between characters.
    world.online("juliet/balcony", 0);
    let long = format!("x{}", "ü".repeat(1000));
    world.send("juliet/balcony", &format!("<presence type='unavailable'><status>{long}</status></presence>"));
    let status = last(&world).unwrap().status;
    assert_eq!(status.len(), 1023);
    assert!(long.starts_with(&*status));
    // Whatever the store says.
    world.silent = true;
    world.send("juliet/balcony", "<presence/>");
    world.pass(SECOND * 5);
    world.leave("juliet/balcony");
    for request in std::mem::take(&mut world.asked) {
        world.reply(request.refused(StoreError::Unavailable("broken".into())));
    }
    assert!(world.probed(NURSE, JULIET)[0].contains("stamp='2026-01-01T00:00:05Z'"));
}

#[test]
fn xep0191_3_2_whoever_is_blocked_learns_nothing_from_a_probe_of_an_account_that_is_not_in_memory() {
    let mut world = world();
    world.online("juliet/balcony", 0);
    world.pass(SECOND * 5);
    let block = format!("<block xmlns='urn:xmpp:blocking'><item jid='{NURSE}'/></block>");
    world.send("juliet/balcony", &format!("<iq type='set' id='b'>{block}</iq>"));
    world.leave("juliet/balcony");
    let known = world.probed(NURSE, JULIET);
    world.pass(SECOND * 60);
    assert_eq!(world.hub.entities.len(), 0);
    assert_eq!(world.probed(NURSE, JULIET), known);
    assert!(!known.iter().any(|answer| answer.contains("delay")), "{known:?}");
}
