//! XEP-0016 sections 2.9 to 2.14: what passes, who sees whom, and what may not be found out.

use super::*;

/// Sections 2.9 to 2.13: which stanzas pass in both directions, by what a rule names.
#[test]
fn xep0016_2_9_to_2_13_kinds_of_stanzas_are_blocked_apart() {
    let incoming = [
        ("message", "<message to='juliet@example.com/balcony'/>"),
        ("iq", "<iq type='get' id='1' to='juliet@example.com/balcony'><query xmlns='urn:x'/></iq>"),
        ("presence-in", "<presence to='juliet@example.com/balcony'/>"),
        ("presence-in", "<presence type='unavailable' to='juliet@example.com/balcony'/>"),
        ("", "<presence type='unsubscribe' to='juliet@example.com'/>"),
    ];
    let outgoing = [
        ("presence-out", "<presence to='romeo@example.com/orchard'/>"),
        ("presence-out", "<presence type='unavailable' to='romeo@example.com/orchard'/>"),
        ("", "<message to='romeo@example.com/orchard'/>"),
        ("", "<iq type='get' id='1' to='romeo@example.com/orchard'><query xmlns='urn:x'/></iq>"),
    ];
    for kind in ["message", "iq", "presence-in", "presence-out", ""] {
        let children = if kind.is_empty() { String::new() } else { format!("<{kind}/>") };
        let item = format!("<item action='deny' order='1'>{children}</item>");
        for (of, xml) in incoming {
            let mut world = world();
            world.login("juliet/interested");
            world.send("juliet/interested", "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
            world.sets_list("juliet/balcony", "x", &item);
            world.defaults("juliet/balcony", "x");
            world.received.clear();
            world.send("romeo/orchard", xml);
            let passed = ["juliet/balcony", "juliet/interested"].iter().any(|jid| !world.got(jid).is_empty());
            // Whom presence is hidden from cannot ask the resource either.
            let denied = kind.is_empty() || of == kind || (kind, of) == ("presence-out", "iq");
            assert_eq!(passed, !denied, "{kind}: {xml}");
        }
        for (of, xml) in outgoing {
            let mut world = world();
            world.sets_list("juliet/balcony", "x", &item);
            world.defaults("juliet/balcony", "x");
            world.received.clear();
            world.send("juliet/balcony", xml);
            let refused =
                world.got("juliet/balcony").iter().any(|got| got.ends_with("not-acceptable/cancel"));
            assert_eq!(refused, kind.is_empty() || of == kind, "{kind}: {xml}");
            assert_eq!(world.got("romeo/orchard").is_empty(), refused, "{kind}: {xml}");
        }
    }
}

#[test]
fn xep0016_2_14_refusals_of_privacy_lists_do_not_speak_of_blocking() {
    let mut world = world();
    world.sets_list("juliet/balcony", "x", "<item action='deny' order='1'/>");
    world.activates("juliet/balcony", "x");
    world.received.clear();
    world.send("juliet/balcony", "<message to='romeo@example.com' id='1'/>");
    let got = world.take("juliet/balcony");
    assert_eq!(brief(&got[0]), "message error romeo > juliet/balcony #1 not-acceptable/cancel");
    assert!(!xml(&got[0]).contains("blocked"));
    // Its own account and server can always be reached.
    assert_eq!(world.hears_privacy("juliet/balcony", "get", "").split('/').next(), Some("<active name='x'"));
    world.send("juliet/balcony", "<iq type='get' to='example.com' id='1'><ping xmlns='urn:xmpp:ping'/></iq>");
    assert_eq!(world.got("juliet/balcony"), ["iq result . > juliet/balcony #1"]);
}

#[test]
fn xep0016_2_10_presence_of_others_ends_and_comes_back() {
    let mut world = world();
    world.sets_list("juliet/balcony", "x", "<item action='deny' order='1'><presence-in/></item>");
    assert_eq!(world.activates("juliet/balcony", "x"), ["presence unavailable romeo > juliet/balcony"]);
    world.send("romeo/orchard", "<presence><show>away</show></presence>");
    assert_eq!(world.got("juliet/balcony"), [""; 0]);
    world.received.clear();
    assert_eq!(world.orders_privacy("juliet/balcony", "<active/>"), ["presence romeo/orchard > juliet"]);
    assert_eq!(world.got("romeo/orchard"), [""; 0], "juliet was there all the time");
}

#[test]
fn xep0016_2_11_own_presence_ends_for_others_and_comes_back() {
    let mut world = world();
    world.online("juliet/chamber", 0);
    world.received.clear();
    world.sets_list("juliet/balcony", "x", "<item action='deny' order='1'><presence-out/></item>");
    world.received.clear();
    world.activates("juliet/balcony", "x");
    assert_eq!(world.got("romeo/orchard"), ["presence unavailable juliet/balcony > romeo"]);
    // Broadcasts, probes, the end: of the other session only.
    for jid in ["juliet/balcony", "juliet/chamber"] {
        world.send(jid, "<presence id='2'/>");
    }
    assert_eq!(world.got("romeo/orchard"), ["presence juliet/chamber > romeo #2"]);
    world.send("romeo/orchard", "<presence to='juliet@example.com' type='probe'/>");
    assert_eq!(world.got("romeo/orchard"), ["presence juliet/chamber > romeo/orchard #2"]);
    world.send("romeo/orchard", "<presence to='juliet@example.com/balcony' type='probe' id='3'/>");
    assert_eq!(world.got("romeo/orchard"), ["presence unavailable juliet/balcony > romeo/orchard #3"]);
    world.send("juliet/balcony", "<presence type='unavailable'/>");
    assert_eq!(world.got("romeo/orchard"), [""; 0]);
    world.send("juliet/balcony", "<presence id='4'/>");
    assert_eq!(world.got("romeo/orchard"), [""; 0]);
    world.received.clear();
    world.orders_privacy("juliet/balcony", "<active/>");
    assert_eq!(world.got("romeo/orchard"), ["presence juliet/balcony > romeo #4"]);
}

/// Whom presence is hidden from is told what somebody is told whose contact is offline.
#[test]
fn xep0016_2_11_who_does_not_see_presence_cannot_ask_for_it() {
    let mut world = world();
    let item = "<item action='deny' order='1'><presence-out/></item>";
    world.sets_list("juliet/balcony", "x", item);
    world.defaults("juliet/balcony", "x");
    world.received.clear();
    let questions = [
        "<presence type='probe' id='1' to='juliet@example.com'/>",
        "<presence type='probe' id='1' to='juliet@example.com/balcony'/>",
        "<iq type='get' id='1' to='juliet@example.com'><query xmlns='jabber:iq:last'/></iq>",
        "<iq type='get' id='1' to='juliet@example.com'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>",
        "<iq type='get' id='1' to='juliet@example.com'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
        "<iq type='get' id='1' to='juliet@example.com/balcony'><query xmlns='jabber:iq:version'/></iq>",
        "<message id='1' to='juliet@example.com/nowhere'/>",
    ];
    let answers = |world: &mut World| -> Vec<String> {
        let ask = |question: &&str| {
            world.send("romeo/orchard", question);
            world.take("romeo/orchard").iter().map(xml).collect()
        };
        let answers = questions.iter().map(ask).collect();
        world.received.clear();
        answers
    };
    let online = answers(&mut world);
    world.leave("juliet/balcony");
    world.received.clear();
    assert_eq!(answers(&mut world), online);
    world.pass(SECOND * 100);
    assert_eq!(answers(&mut world), online, "not in memory");
    assert!(!online.concat().contains("delay"), "{online:?}");
}

#[test]
fn xep0016_2_2_rule_2_probes_of_who_is_blocked_are_not_answered_while_nobody_is_there() {
    let mut world = world();
    world.sets_list("juliet/balcony", "x", &deny(1, ROMEO));
    world.defaults("juliet/balcony", "x");
    world.leave("juliet/balcony");
    world.pass(SECOND * 100);
    world.received.clear();
    world.send("romeo/orchard", "<presence type='probe' to='juliet@example.com' id='1'/>");
    world.send("romeo/orchard", "<presence type='subscribe' to='juliet@example.com' id='1'/>");
    world.silence();
}

#[test]
fn xep0016_2_11_a_subscription_that_ends_does_not_show_a_hidden_session() {
    let mut world = world();
    let item = "<item type='subscription' value='both' action='deny' order='1'><presence-out/></item>";
    world.sets_list("juliet/balcony", "x", item);
    world.defaults("juliet/balcony", "x");
    world.send("romeo/orchard", "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    world.received.clear();
    world.send("juliet/balcony", "<presence type='unsubscribed' to='romeo@example.com' id='1'/>");
    let got = world.got("romeo/orchard");
    assert!(got.iter().all(|got| !got.contains("balcony")), "{got:?}");
    assert!(got.iter().any(|got| got == "presence unsubscribed juliet > romeo #1"), "{got:?}");
}

#[test]
fn xep0016_2_11_a_new_subscriber_sees_those_who_show_themselves_to_it() {
    let mut world = World::new();
    world.online("romeo/orchard", 0);
    world.online("juliet/balcony", 0);
    world.online("juliet/chamber", 0);
    world.sets_list("juliet/balcony", "x", "<item action='deny' order='1'><presence-out/></item>");
    world.activates("juliet/balcony", "x");
    world.send("romeo/orchard", "<presence type='subscribe' to='juliet@example.com'/>");
    world.received.clear();
    world.send("juliet/balcony", "<presence type='subscribed' to='romeo@example.com'/>");
    let got = world.got("romeo/orchard");
    assert!(got.iter().any(|got| got == "presence juliet/chamber > romeo"), "{got:?}");
    assert!(got.iter().all(|got| !got.contains("balcony")), "{got:?}");
}

#[test]
fn xep0016_2_9_copies_and_stored_messages_pass_the_list_of_their_session() {
    let mut world = world();
    world.online("juliet/chamber", -1);
    for jid in ["juliet/balcony", "juliet/chamber"] {
        world.send(jid, "<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
    }
    world.received.clear();
    world.sets_list("juliet/chamber", "x", "<item action='deny' order='1'><message/></item>");
    world.activates("juliet/chamber", "x");
    world.received.clear();
    let chat = |to: &str| format!("<message type='chat' to='{to}'><body>x</body></message>");
    world.send("romeo/orchard", &chat("juliet@example.com/balcony"));
    assert_eq!(world.got("juliet/balcony").len(), 1);
    world.silence();
    // What the user sends itself is copied: it comes from the user.
    world.send("juliet/balcony", &chat(ROMEO));
    assert_eq!(world.got("juliet/chamber").len(), 1);
    world.received.clear();
    // The only one who is there does not hear it, whatever its priority.
    world.leave("juliet/balcony");
    world.send("juliet/chamber", "<presence><priority>3</priority></presence>");
    world.received.clear();
    world.send("romeo/orchard", &chat("juliet@example.com"));
    assert_eq!(
        world.got("romeo/orchard"),
        ["message error juliet > romeo/orchard service-unavailable/cancel"]
    );
    world.silence();
    assert_eq!(world.store.get(&account("juliet")).unwrap().offline, Default::default());
}

#[test]
fn xep0191_3_3_messages_kept_from_who_is_blocked_meanwhile_are_not_delivered() {
    let mut world = world();
    world.leave("juliet/balcony");
    world.online("nurse/kitchen", 0);
    for from in ["romeo/orchard", "nurse/kitchen"] {
        world.send(from, "<message to='juliet@example.com' type='chat'><body>x</body></message>");
    }
    world.login("juliet/chamber");
    world.sets_list("juliet/chamber", "x", &deny(1, ROMEO));
    world.defaults("juliet/chamber", "x");
    world.send("juliet/chamber", "<presence/>");
    let got = world.got("juliet/chamber");
    assert!(got.iter().any(|got| got.starts_with("message chat nurse/kitchen")), "{got:?}");
    assert!(got.iter().all(|got| !got.contains("message chat romeo")), "{got:?}");
}
