//! Nobody hears of a subscription before it is kept, and nobody is overtaken meanwhile.

use super::*;
use crate::server::store::StoreError;

impl World {
    /// The store refuses what it has been asked while it was silent.
    fn refuse(&mut self) {
        for request in std::mem::take(&mut self.asked) {
            self.reply(request.refused(StoreError::Unavailable("broken".into())));
        }
    }
}

#[test]
fn a_request_is_told_nobody_before_it_is_kept_on_either_side() {
    let mut world = both_present();
    world.silent = true;
    world.send("romeo/orchard", &presence("subscribe", JULIET));
    world.silence();
    assert_eq!(world.asked.len(), 1);
    let reply = world.store.execute(world.asked.remove(0));
    world.reply(reply);
    assert_eq!(world.told("romeo/orchard"), ["push juliet none out"]);
    world.silence();
    world.answer();
    assert_eq!(world.told("juliet/balcony"), ["presence subscribe romeo > juliet #1"]);
    world.silence();
}

#[test]
fn an_approval_is_told_nobody_before_it_is_kept() {
    let mut world = World::with(Config { federation: true, ..config() });
    world.relate("juliet", "nurse@example.net", "absent in");
    world.present("juliet/balcony");
    world.silent = true;
    world.send("juliet/balcony", &presence("subscribed", "nurse@example.net"));
    world.send("juliet/balcony", "<presence><show>away</show></presence>");
    assert_eq!(world.told("juliet/balcony"), ["presence juliet/balcony > juliet"]);
    world.silence();
    world.answer();
    let sent =
        ["presence subscribed juliet > nurse@example.net #1", "presence juliet/balcony > nurse@example.net"];
    assert_eq!(world.sent(), sent);
    assert_eq!(world.told("juliet/balcony"), ["push nurse@example.net from"]);
}

#[test]
fn rfc2779_5_1_16_a_cancelled_subscriber_sees_nothing_new_while_the_cancellation_is_being_kept() {
    let mut world = World::with(Config { federation: true, ..config() });
    world.relate("juliet", "nurse@example.net", "from");
    world.relate("juliet", "paris@example.net", "from");
    world.present("juliet/balcony");
    world.outputs.clear();
    world.silent = true;
    world.send("juliet/balcony", &presence("unsubscribed", "nurse@example.net"));
    world.send("juliet/balcony", &presence("unsubscribed", "paris@example.net"));
    world.send("juliet/balcony", "<presence><status>secret</status></presence>");
    assert_eq!(world.sent(), [""; 0]);
    // That a resource goes is no secret from whoever saw it come.
    world.send("juliet/balcony", "<presence type='unavailable'/>");
    assert_eq!(world.sent().len(), 2);
    world.answer();
    let cancelled =
        ["nurse", "paris"].map(|who| format!("presence unsubscribed juliet > {who}@example.net #1"));
    assert_eq!(world.sent(), cancelled);
}

#[test]
fn a_change_that_is_not_kept_is_refused_and_changes_nothing() {
    for of_type in ["subscribe", "subscribed", "unsubscribe", "unsubscribed"] {
        let mut world = World::with(Config { federation: true, ..config() });
        world.relate(
            "juliet",
            "nurse@example.net",
            if of_type.ends_with('d') { "from in" } else { "none out" },
        );
        world.relate("juliet", "paris@example.net", "absent in");
        world.present("juliet/balcony");
        world.outputs.clear();
        let before = world.store.clone();
        let to = if of_type == "subscribed" || of_type == "subscribe" {
            "paris@example.net"
        } else {
            "nurse@example.net"
        };
        world.silent = true;
        world.send("juliet/balcony", &presence(of_type, to));
        world.refuse();
        let error = format!("presence error {to} > juliet/balcony #1 internal-server-error/wait");
        assert_eq!(world.told("juliet/balcony"), [error]);
        world.silence();
        assert_eq!(world.store, before);
        world.silent = false;
        world.send("juliet/balcony", &presence(of_type, to));
        assert!(world.told("juliet/balcony").iter().any(|told| told.starts_with("push")), "{of_type}");
    }
}

#[test]
fn rfc6121_3_1_2_a_request_that_cannot_be_kept_or_judged_is_answered_with_an_error() {
    let mut world = World::with(Config { federation: true, ..config() });
    let error = "presence error juliet > nurse@example.net #1 internal-server-error/wait";
    let request = format!("<presence type='subscribe' from='nurse@example.net' to='{JULIET}' id='1'/>");
    // Whether or not the account is in memory.
    for _ in 0..2 {
        world.silent = true;
        world.remote(&request);
        world.refuse();
        assert_eq!(world.sent(), [error]);
        world.silent = false;
        world.online("juliet/balcony", 0);
        world.leave("juliet/balcony");
        world.names.clear();
    }
    assert_eq!(world.relation("juliet", "nurse@example.net"), "absent");
    // Notifications fail in silence: their senders can do nothing about it.
    world.relate("juliet", "nurse@example.net", "both");
    world.call(|hub, now| hub.account_changed(now, account("juliet")));
    world.outputs.clear();
    world.silent = true;
    for of_type in ["unsubscribe", "unsubscribed"] {
        world.remote(&format!("<presence type='{of_type}' from='nurse@example.net' to='{JULIET}' id='1'/>"));
        world.refuse();
    }
    world.silence();
}

#[test]
fn rfc6120_10_1_what_goes_to_the_contact_waits_behind_the_request() {
    let mut world = both_present();
    world.present("romeo/garden");
    world.received.clear();
    world.silent = true;
    world.send("romeo/orchard", &presence("subscribe", JULIET));
    world.send("romeo/orchard", "<message to='juliet@example.com/balcony' id='2'/>");
    world.send("romeo/orchard", "<presence to='juliet@example.com' id='3'/>");
    // Others are not concerned.
    world.send("romeo/orchard", "<message to='romeo@example.com/garden' id='4'/>");
    assert_eq!(world.told("romeo/garden"), ["message romeo/orchard > romeo/garden #4"]);
    world.silence();
    world.answer();
    world.answer();
    let expected = [
        "presence subscribe romeo > juliet #1",
        "message romeo/orchard > juliet/balcony #2",
        "presence romeo/orchard > juliet #3",
    ];
    assert_eq!(world.told("juliet/balcony"), expected);
}

#[test]
fn rfc6121_3_1_6_presence_does_not_overtake_the_approval() {
    let mut world = World::with(Config { federation: true, ..config() });
    world.relate("juliet", "nurse@example.net", "none out");
    world.present("juliet/balcony");
    world.silent = true;
    world.remote(&format!("<presence type='subscribed' from='nurse@example.net' to='{JULIET}' id='1'/>"));
    world.remote(&format!("<presence from='nurse@example.net/kitchen' to='{JULIET}'/>"));
    assert_eq!(world.told("juliet/balcony"), [""; 0]);
    world.answer();
    let expected = [
        "presence subscribed nurse@example.net > juliet #1",
        "push nurse@example.net to",
        "presence nurse@example.net/kitchen > juliet",
    ];
    assert_eq!(world.told("juliet/balcony"), expected);
}

#[test]
fn a_request_is_carried_out_though_its_session_has_gone() {
    let mut world = World::new();
    world.online("juliet/balcony", 0);
    world.login("romeo/orchard");
    world.silent = true;
    world.send(
        "romeo/orchard",
        "<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='x@example.com'/></query></iq>",
    );
    world.send("romeo/orchard", &presence("subscribe", JULIET));
    world.leave("romeo/orchard");
    world.answer();
    assert_eq!(world.relation("romeo", "juliet"), "none out");
    assert_eq!(world.told("juliet/balcony"), ["presence subscribe romeo > juliet #1"]);
}

#[test]
fn a_change_that_the_store_made_without_saying_so_is_told_when_it_is_found() {
    for (state, of_type, expected) in [
        ("absent", "subscribe", &["presence subscribe juliet > nurse@example.net"][..]),
        ("to", "unsubscribe", &["presence unsubscribe juliet > nurse@example.net"]),
        (
            "absent in",
            "subscribed",
            &[
                "presence subscribed juliet > nurse@example.net",
                "presence juliet/balcony > nurse@example.net",
            ],
        ),
        (
            "from",
            "unsubscribed",
            &[
                "presence unavailable juliet/balcony > nurse@example.net",
                "presence unsubscribed juliet > nurse@example.net",
            ],
        ),
    ] {
        let mut world = World::with(Config { federation: true, ..config() });
        world.relate("juliet", "nurse@example.net", state);
        world.present("juliet/balcony");
        world.outputs.clear();
        world.silent = true;
        world.send("juliet/balcony", &presence(of_type, "nurse@example.net"));
        for request in std::mem::take(&mut world.asked) {
            world.store.execute(request);
        }
        world.silent = false;
        world.pass(SECOND * 10);
        let told = world.told("juliet/balcony");
        assert_eq!(
            told[0],
            "presence error nurse@example.net > juliet/balcony #1 internal-server-error/wait"
        );
        assert!(told[1].starts_with("push nurse@example.net"), "{told:?}");
        assert_eq!(world.sent(), expected, "{of_type}");
    }
}
