//! RFC 6121 section 3: subscriptions between accounts, and with other domains.

use super::*;

mod failure;
mod limits;

/// A world with other domains, in which romeo and juliet are present.
fn both_present() -> World {
    let mut world = World::with(Config { federation: true, ..config() });
    world.present("romeo/orchard");
    world.present("juliet/balcony");
    world
}

fn presence(of_type: &str, to: &str) -> String {
    format!("<presence type='{of_type}' to='{to}' id='1'/>")
}

const ROMEO: &str = "romeo@example.com";
const JULIET: &str = "juliet@example.com";

#[test]
fn rfc6121_3_1_a_request_is_made_delivered_and_approved() {
    let mut world = both_present();
    world.present("romeo/garden");
    world.present("juliet/chamber");
    world.received.clear();
    world.send("romeo/orchard", &presence("subscribe", JULIET));
    for resource in ["romeo/orchard", "romeo/garden"] {
        assert_eq!(world.told(resource), ["push juliet none out"]);
    }
    for resource in ["juliet/balcony", "juliet/chamber"] {
        assert_eq!(world.told(resource), ["presence subscribe romeo > juliet #1"]);
    }
    assert_eq!(world.relation("romeo", "juliet"), "none out");
    assert_eq!(world.relation("juliet", "romeo"), "absent in");

    world.send("juliet/chamber", "<presence type='subscribed' to='romeo@example.com' id='2'/>");
    for resource in ["juliet/balcony", "juliet/chamber"] {
        assert_eq!(world.told(resource), ["push romeo from"]);
    }
    // 3.1.6: the approval, the push, the presence of each resource.
    let expected = [
        "presence subscribed juliet > romeo #2",
        "push juliet to",
        "presence juliet/balcony > romeo",
        "presence juliet/chamber > romeo",
    ];
    for resource in ["romeo/orchard", "romeo/garden"] {
        assert_eq!(world.told(resource), expected);
    }
    assert_eq!(world.relation("romeo", "juliet"), "to");
    assert_eq!(world.relation("juliet", "romeo"), "from");
    world.silence();

    // The other way round it becomes mutual.
    world.send("juliet/chamber", &presence("subscribe", ROMEO));
    assert_eq!(world.told("juliet/chamber"), ["push romeo from out"]);
    assert_eq!(world.told("romeo/orchard"), ["presence subscribe juliet > romeo #1"]);
    world.received.clear();
    world.send("romeo/orchard", &presence("subscribed", JULIET));
    assert_eq!(world.told("romeo/orchard"), ["push juliet both"]);
    let expected = [
        "presence subscribed romeo > juliet #1",
        "push romeo both",
        "presence romeo/orchard > juliet",
        "presence romeo/garden > juliet",
    ];
    assert_eq!(world.told("juliet/balcony"), expected);
    assert_eq!(world.relation("romeo", "juliet"), "both");
    assert_eq!(world.relation("juliet", "romeo"), "both");
}

#[test]
fn rfc6121_3_1_requests_go_to_available_resources_and_the_rest_to_interested_ones() {
    let mut world = World::new();
    world.present("romeo/orchard");
    world.online("juliet/available", 0);
    world.login("juliet/interested");
    world.send("juliet/interested", "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    world.login("juliet/connected");
    world.received.clear();
    world.send("romeo/orchard", &presence("subscribe", JULIET));
    assert_eq!(world.told("juliet/available"), ["presence subscribe romeo > juliet #1"]);
    world.told("romeo/orchard");
    world.silence();
    world.send("juliet/connected", &presence("subscribe", ROMEO));
    assert_eq!(world.told("juliet/interested"), ["push romeo none out"]);
    assert_eq!(world.told("romeo/orchard"), ["presence subscribe juliet > romeo #1"]);
    world.silence();
    world.send("romeo/orchard", &presence("subscribed", JULIET));
    assert_eq!(world.told("juliet/interested"), ["presence subscribed romeo > juliet #1", "push romeo to"]);
    assert_eq!(world.told("juliet/available"), ["presence romeo/orchard > juliet"]);
}

#[test]
fn rfc6121_3_1_2_stanzas_are_stamped_with_bare_addresses_and_otherwise_left_alone() {
    let mut world = both_present();
    let content = "<status>it is me</status><nick xmlns='http://jabber.org/protocol/nick'>Ro</nick>";
    let head = "<presence type='subscribe' id='9' xml:lang='it'";
    let request = format!("{head} from='x@y/z' to='juliet@example.com/balcony'>{content}</presence>");
    world.send("romeo/orchard", &request);
    let got = world.take("juliet/balcony");
    let expected = format!("{head} from='{ROMEO}' to='{JULIET}'>{content}</presence>");
    assert_eq!(got, [stanza(&expected)]);
    for of_type in ["subscribe", "unsubscribe"] {
        world.send("romeo/orchard", &presence(of_type, "nurse@example.net/kitchen"));
        assert_eq!(world.sent(), [format!("presence {of_type} romeo > nurse@example.net #1")]);
    }
    world.relate("juliet", "nurse@example.net", "in");
    world.call(|hub, now| hub.account_changed(now, account("juliet")));
    for of_type in ["subscribed", "unsubscribed"] {
        world.send("juliet/balcony", &presence(of_type, "nurse@example.net/kitchen"));
        let mut sent = world.sent();
        sent.retain(|stanza| stanza.contains(of_type));
        assert_eq!(sent, [format!("presence {of_type} juliet > nurse@example.net #1")]);
    }
}

#[test]
fn rfc6121_3_1_2_a_request_that_cannot_be_sent_is_answered_to_the_user_and_stays() {
    let mut world = World::new();
    world.present("romeo/orchard");
    world.send("romeo/orchard", &presence("subscribe", "nurse@example.net"));
    let error = "presence error nurse@example.net > romeo #1 remote-server-not-found/cancel";
    assert_eq!(world.told("romeo/orchard"), ["push nurse@example.net none out", error]);
    assert_eq!(world.relation("romeo", "nurse@example.net"), "none out");
}

#[test]
fn rfc6121_3_1_2_requests_without_an_answer_are_sent_again_but_not_often() {
    let mut world = World::with(Config { federation: true, ..config() });
    for state in ["none out", "from out", "none out in"] {
        world.relate("juliet", &format!("{}@example.net", state.replace(' ', "-")), state);
    }
    world.relate("juliet", "done@example.net", "both");
    let requests = |world: &mut World| {
        let sent = world.sent();
        let mut to: Vec<_> =
            sent.iter().filter_map(|sent| sent.strip_prefix("presence subscribe juliet > ")).collect();
        assert!(to.iter().all(|to| to.contains(" #")), "an id: {to:?}");
        to.iter_mut().for_each(|to| *to = to.split('@').next().unwrap());
        to.join(" ")
    };
    world.login("juliet/balcony");
    world.send("juliet/balcony", "<presence/>");
    assert_eq!(requests(&mut world), "from-out none-out-in none-out");
    // Not for another resource, and not again at once.
    world.online("juliet/chamber", 0);
    for jid in ["juliet/balcony", "juliet/chamber"] {
        world.send(jid, "<presence type='unavailable'/>");
        world.outputs.clear();
        world.send(jid, "<presence/>");
        assert_eq!(requests(&mut world), "", "{jid}");
    }
    for jid in ["juliet/balcony", "juliet/chamber"] {
        world.send(jid, "<presence type='unavailable'/>");
    }
    world.outputs.clear();
    world.pass(SECOND * 3600);
    world.send("juliet/balcony", "<presence/>");
    assert_eq!(requests(&mut world), "from-out none-out-in none-out");
}

#[test]
fn rfc6121_3_1_3_a_request_waits_whole_until_it_is_answered() {
    let mut world = World::new();
    world.present("romeo/orchard");
    let content = "<status>it is me</status><nick xmlns='http://jabber.org/protocol/nick'>Ro</nick>";
    world.send(
        "romeo/orchard",
        &format!("<presence type='subscribe' to='{JULIET}' id='1'>{content}</presence>"),
    );
    world.send("romeo/orchard", &format!("<presence type='subscribe' to='{JULIET}' id='2'/>"));
    world.received.clear();
    world.pass(SECOND * 3600);
    // Each resource that becomes available gets it, once.
    for resource in ["juliet/balcony", "juliet/chamber"] {
        world.login(resource);
        world.send(resource, "<presence/>");
        let got = world.take(resource);
        let requests: Vec<_> =
            got.iter().filter(|stanza| stanza.element().attr("type") == Some("subscribe")).collect();
        let delay = "<delay xmlns='urn:xmpp:delay' from='juliet@example.com' stamp='2026-01-01T00:00:00Z'/>";
        let expected = format!(
            "<presence type='subscribe' from='{ROMEO}' to='{JULIET}' id='1'>{content}{delay}</presence>"
        );
        assert_eq!(requests, [&stanza(&expected)]);
        world.received.clear();
        world.send(resource, "<presence><show>away</show></presence>");
        assert!(!world.got(resource).iter().any(|got| got.contains("subscribe")));
    }
    world.send("juliet/chamber", &presence("unsubscribed", ROMEO));
    assert_eq!(world.told("romeo/orchard"), ["presence unsubscribed juliet > romeo #1", "push juliet none"]);
    world.login("juliet/garden");
    world.send("juliet/garden", "<presence/>");
    assert!(!world.got("juliet/garden").iter().any(|got| got.contains("subscribe")));
}

#[test]
fn rfc6121_3_1_3_requests_outlive_the_server() {
    let mut world = World::new();
    world.present("romeo/orchard");
    world.send("romeo/orchard", &presence("subscribe", JULIET));
    let store = std::mem::take(&mut world.store);
    let mut world = World { store, ..World::new() };
    assert_eq!(world.relation("romeo", "juliet"), "none out");
    world.login("juliet/balcony");
    world.send("juliet/balcony", "<presence/>");
    assert_eq!(world.got("juliet/balcony")[1..], ["presence subscribe romeo > juliet #1"]);
    world.present("romeo/orchard");
    world.received.clear();
    world.send("juliet/balcony", &presence("subscribed", ROMEO));
    let expected =
        ["presence subscribed juliet > romeo #1", "push juliet to", "presence juliet/balcony > romeo"];
    assert_eq!(world.told("romeo/orchard"), expected);
}

#[test]
fn rfc6121_3_1_3_the_roster_shows_no_request_before_it_is_approved() {
    let mut world = both_present();
    world.send("romeo/orchard", &presence("subscribe", JULIET));
    assert_eq!(world.told("juliet/balcony"), ["presence subscribe romeo > juliet #1"]);
    world.send("juliet/balcony", "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    let roster = world.take("juliet/balcony").pop().unwrap();
    assert_eq!(roster.child("query", crate::ns::ROSTER).unwrap().children().count(), 0);
    // A contact that the user has put there itself stays as it is.
    let set = format!("<query xmlns='jabber:iq:roster'><item jid='{ROMEO}' name='Ro'/></query>");
    world.send("juliet/balcony", &format!("<iq type='set' id='s'>{set}</iq>"));
    assert_eq!(world.told("juliet/balcony"), ["iq result juliet > juliet/balcony #s", "push romeo none"]);
    assert_eq!(world.relation("juliet", "romeo"), "none in");
    world.send("juliet/balcony", &presence("subscribed", ROMEO));
    assert_eq!(world.told("juliet/balcony"), ["push romeo from"]);
    let record = world.store.get(&account("juliet")).unwrap();
    assert_eq!(record.roster.contacts[&account("romeo")].name.as_deref(), Some("Ro"));
}

#[test]
fn rfc6121_3_1_3_whoever_is_subscribed_already_is_told_so_and_sees_presence() {
    let mut world = World::with(Config { federation: true, ..config() });
    world.relate("juliet", "nurse@example.net", "from");
    world.present("juliet/balcony");
    world.outputs.clear();
    world.remote("<presence type='subscribe' from='nurse@example.net/k' to='juliet@example.com' id='7'/>");
    let expected =
        ["presence subscribed juliet > nurse@example.net #7", "presence juliet/balcony > nurse@example.net"];
    assert_eq!(world.sent(), expected);
    world.silence();
}

#[test]
fn rfc6121_3_2_a_cancelled_subscriber_sees_the_resources_go_and_then_the_cancellation() {
    let mut world = World::new();
    world.relate("juliet", "romeo", "both");
    world.relate("romeo", "juliet", "both");
    world.present("romeo/orchard");
    world.present("juliet/balcony");
    world.present("juliet/chamber");
    world.login("juliet/connected");
    world.received.clear();
    world.send("juliet/balcony", &presence("unsubscribed", ROMEO));
    for resource in ["juliet/balcony", "juliet/chamber"] {
        assert_eq!(world.told(resource), ["push romeo to"]);
    }
    let expected = [
        "presence unavailable juliet/balcony > romeo",
        "presence unavailable juliet/chamber > romeo",
        "presence unsubscribed juliet > romeo #1",
        "push juliet from",
    ];
    assert_eq!(world.told("romeo/orchard"), expected);
    assert_eq!(world.relation("juliet", "romeo"), "to");
    assert_eq!(world.relation("romeo", "juliet"), "from");
    // From now on nothing more is seen, not even the end.
    world.send("juliet/balcony", "<presence><show>away</show></presence>");
    world.leave("juliet/chamber");
    assert_eq!(world.told("romeo/orchard"), [""; 0]);
}

#[test]
fn rfc6121_3_2_2_whoever_is_declined_does_not_see_any_presence() {
    let mut world = both_present();
    world.send("romeo/orchard", &presence("subscribe", JULIET));
    world.received.clear();
    world.send("juliet/balcony", &presence("unsubscribed", ROMEO));
    assert_eq!(world.told("romeo/orchard"), ["presence unsubscribed juliet > romeo #1", "push juliet none"]);
    assert_eq!(world.relation("juliet", "romeo"), "absent");
    // And there is nothing to decline twice.
    world.send("juliet/balcony", &presence("unsubscribed", ROMEO));
    world.silence();
}

#[test]
fn rfc6121_4_6_1_a_cancellation_ends_directed_presence_too() {
    let mut world = World::with(Config { federation: true, ..config() });
    world.relate("juliet", "nurse@example.net", "from");
    world.present("juliet/balcony");
    world.login("juliet/connected");
    for jid in ["juliet/balcony", "juliet/connected"] {
        world.send(jid, "<presence to='nurse@example.net/kitchen'/>");
    }
    world.outputs.clear();
    world.send("juliet/balcony", &presence("unsubscribed", "nurse@example.net"));
    let expected = [
        "presence unavailable juliet/balcony > nurse@example.net",
        "presence unavailable juliet/connected > nurse@example.net/kitchen",
        "presence unsubscribed juliet > nurse@example.net #1",
    ];
    assert_eq!(world.sent(), expected);
    world.leave("juliet/balcony");
    world.leave("juliet/connected");
    assert_eq!(world.sent(), [""; 0]);
}

#[test]
fn rfc6121_3_3_who_unsubscribes_sees_the_resources_go() {
    let mut world = World::new();
    world.relate("juliet", "romeo", "both");
    world.relate("romeo", "juliet", "both");
    world.present("romeo/orchard");
    world.present("juliet/balcony");
    world.received.clear();
    world.send("romeo/orchard", &presence("unsubscribe", JULIET));
    assert_eq!(world.told("juliet/balcony"), ["presence unsubscribe romeo > juliet #1", "push romeo to"]);
    // The automatic reply (A.3.2) means nothing to romeo any more, and is not delivered.
    assert_eq!(
        world.told("romeo/orchard"),
        ["push juliet from", "presence unavailable juliet/balcony > romeo"]
    );
    assert_eq!(world.relation("juliet", "romeo"), "to");
    assert_eq!(world.relation("romeo", "juliet"), "from");
    world.silence();
}

#[test]
fn rfc6121_3_3_3_a_request_that_is_withdrawn_waits_no_more() {
    let mut world = both_present();
    world.send("romeo/orchard", &presence("subscribe", JULIET));
    world.received.clear();
    world.send("romeo/orchard", &presence("unsubscribe", JULIET));
    assert_eq!(world.told("romeo/orchard"), ["push juliet none"]);
    assert_eq!(world.told("juliet/balcony"), ["presence unsubscribe romeo > juliet #1"]);
    assert_eq!(world.relation("juliet", "romeo"), "absent");
    world.silence();
}

#[test]
fn rfc6121_3_4_2_an_approval_in_advance_is_pushed_kept_and_not_routed() {
    let mut world = both_present();
    world.send("juliet/balcony", &presence("subscribed", ROMEO));
    assert_eq!(world.told("juliet/balcony"), ["push romeo none approved"]);
    assert_eq!(world.relation("juliet", "romeo"), "none approved");
    world.silence();
    world.send("romeo/orchard", &presence("subscribe", JULIET));
    assert_eq!(world.told("juliet/balcony"), ["push romeo from approved"], "nobody is asked");
    let expected = [
        "push juliet none out",
        "presence subscribed juliet > romeo #1",
        "push juliet to",
        "presence juliet/balcony > romeo",
    ];
    assert_eq!(world.told("romeo/orchard"), expected);
    world.silence();
    world.send("juliet/balcony", &presence("unsubscribed", ROMEO));
    assert_eq!(world.relation("juliet", "romeo"), "none");
}

#[test]
fn rfc6121_3_4_2_an_approval_in_advance_can_be_taken_back_unnoticed() {
    let mut world = both_present();
    world.send("juliet/balcony", &presence("subscribed", ROMEO));
    world.send("juliet/balcony", &presence("unsubscribed", ROMEO));
    assert_eq!(world.told("juliet/balcony"), ["push romeo none approved", "push romeo none"]);
    world.silence();
}

#[test]
fn rfc6121_2_5_2_removing_a_contact_ends_the_subscriptions() {
    for (state, sent) in [
        ("none", &[][..]),
        ("none out", &["unsubscribe"]),
        ("to", &["unsubscribe"]),
        ("from", &["unavailable", "unsubscribed"]),
        ("from out", &["unsubscribe", "unavailable", "unsubscribed"]),
        ("both", &["unsubscribe", "unavailable", "unsubscribed"]),
        ("none approved", &[]),
    ] {
        let mut world = World::with(Config { federation: true, ..config() });
        world.relate("juliet", "nurse@example.net", state);
        world.present("juliet/balcony");
        world.outputs.clear();
        let item = "<item jid='nurse@example.net' subscription='remove'/>";
        let set = format!("<iq type='set' id='s'><query xmlns='jabber:iq:roster'>{item}</query></iq>");
        world.send("juliet/balcony", &set);
        let from = |of_type: &&str| if *of_type == "unavailable" { "juliet/balcony" } else { "juliet" };
        let expected: Vec<_> = sent
            .iter()
            .map(|of_type| format!("presence {of_type} {} > nurse@example.net", from(of_type)))
            .collect();
        assert_eq!(world.sent(), expected, "{state}");
        let expected = ["iq result juliet > juliet/balcony #s", "push nurse@example.net remove"];
        assert_eq!(world.told("juliet/balcony"), expected);
        world.send("juliet/balcony", "<presence/>");
        assert_eq!(world.sent(), [""; 0], "{state}");
    }
}

#[test]
fn rfc6121_8_5_1_whether_an_account_exists_cannot_be_told_from_its_silence() {
    let mut world = World::with(Config { federation: true, ..config() });
    for to in ["nobody@example.com", JULIET] {
        for of_type in ["subscribe", "subscribed", "unsubscribe", "unsubscribed"] {
            world.remote(&format!("<presence type='{of_type}' from='x@example.net' to='{to}'/>"));
            let expected: &[&str] = match (of_type, to) {
                // The request that juliet has been made is withdrawn (A.3.2).
                ("unsubscribe", JULIET) => &["presence unsubscribed juliet > x@example.net"],
                _ => &[],
            };
            assert_eq!(world.sent(), expected, "{of_type} {to}");
        }
    }
}

#[test]
fn rfc6121_8_5_3_2_2_at_a_resource_that_is_not_there_only_requests_count() {
    let mut world = World::with(Config { federation: true, ..config() });
    world.relate("juliet", "nurse@example.net", "both");
    world.present("juliet/balcony");
    world.outputs.clear();
    for of_type in ["subscribed", "unsubscribe", "unsubscribed"] {
        world.remote(&format!("<presence type='{of_type}' from='nurse@example.net' to='{JULIET}/gone'/>"));
    }
    world.silence();
    assert_eq!(world.relation("juliet", "nurse@example.net"), "both");
    world.remote(&format!("<presence type='subscribe' from='paris@example.net' to='{JULIET}/gone'/>"));
    assert_eq!(world.told("juliet/balcony"), ["presence subscribe paris@example.net > juliet"]);
    world.remote(&format!("<presence type='unsubscribe' from='nurse@example.net' to='{JULIET}/balcony'/>"));
    let expected = ["presence unsubscribe nurse@example.net > juliet", "push nurse@example.net to"];
    assert_eq!(world.told("juliet/balcony"), expected);
}

#[test]
fn rfc6121_4_2_2_the_subscription_to_oneself_cannot_be_changed() {
    let mut world = World::new();
    world.present("juliet/balcony");
    for of_type in ["subscribe", "subscribed", "unsubscribe", "unsubscribed"] {
        for to in [JULIET, "juliet@example.com/balcony", "juliet@example.com/gone"] {
            world.send("juliet/balcony", &presence(of_type, to));
        }
    }
    world.silence();
    assert_eq!(world.store.get(&account("juliet")).unwrap().roster, Default::default());
    world.send("juliet/balcony", "<presence/>");
    assert_eq!(world.told("juliet/balcony"), ["presence juliet/balcony > juliet"]);
}

#[test]
fn a_domain_of_the_server_declines_requests() {
    let mut world = World::new();
    world.present("juliet/balcony");
    world.send("juliet/balcony", &presence("subscribe", "example.com"));
    let expected =
        ["push example.com none out", "presence unsubscribed . > juliet #1", "push example.com none"];
    assert_eq!(world.told("juliet/balcony"), expected);
    for of_type in ["subscribed", "unsubscribe", "unsubscribed"] {
        world.send("juliet/balcony", &presence(of_type, "example.com"));
    }
    world.told("juliet/balcony");
    world.silence();
}

/// Each state and stanza of appendix A, through the account: what is routed, delivered, pushed, kept.
#[test]
fn rfc6121_a_every_transition_is_carried_out() {
    use crate::server::subscription::{Kind, State};
    let kinds = [Kind::Subscribe, Kind::Subscribed, Kind::Unsubscribe, Kind::Unsubscribed];
    let states = [
        "absent",
        "none",
        "none out",
        "none in",
        "absent in",
        "none out in",
        "to",
        "to in",
        "from",
        "from out",
        "both",
    ];
    let nurse = "nurse@example.net";
    let state_of = |world: &World| {
        let record = world.store.get(&account("juliet")).unwrap();
        let jid = BareJid::new(nurse).unwrap();
        State::of(record.roster.contacts.get(&jid), record.requests.contains_key(&jid))
    };
    for ((state, kind), inbound) in states
        .iter()
        .flat_map(|state| kinds.map(|kind| (state, kind)))
        .flat_map(|case| [(case, false), (case, true)])
    {
        let mut world = World::with(Config { federation: true, ..config() });
        world.relate("juliet", nurse, state);
        let before = state_of(&world);
        world.present("juliet/balcony");
        world.outputs.clear();
        let of_type = kind.presence().as_str().unwrap();
        let case = format!("{state} {of_type} {inbound}");
        let (after, routed, delivered, reply) = if inbound {
            world.remote(&format!("<presence type='{of_type}' from='{nurse}' to='{JULIET}' id='1'/>"));
            let expected = before.receive(kind);
            (expected.state, false, expected.deliver, expected.reply)
        } else {
            world.send("juliet/balcony", &presence(of_type, nurse));
            let expected = before.send(kind);
            (expected.state, expected.route, false, None)
        };
        assert_eq!(state_of(&world), after, "{case}");
        let was_in = |line: &str, list: &[String]| list.iter().any(|known| known == line);
        let (told, sent) = (world.told("juliet/balcony"), world.sent());
        assert_eq!(was_in(&format!("presence {of_type} {nurse} > juliet #1"), &told), delivered, "{case}");
        let shown = |state: State| State { pending_in: false, ..state };
        assert_eq!(told.iter().any(|told| told.starts_with("push")), shown(before) != shown(after), "{case}");
        assert_eq!(
            was_in(&format!("presence {of_type} juliet > {nurse} #1"), &sent),
            routed || reply == Some(kind),
            "{case}"
        );
        if let Some(reply) = reply.and_then(|kind| kind.presence().as_str()) {
            assert!(was_in(&format!("presence {reply} juliet > {nurse} #1"), &sent), "{case}");
        }
        let hidden = before.from && !after.from;
        assert_eq!(
            was_in(&format!("presence unavailable juliet/balcony > {nurse}"), &sent),
            hidden,
            "{case}"
        );
        assert_eq!(
            was_in(&format!("presence juliet/balcony > {nurse}"), &sent),
            after.from && (reply == Some(Kind::Subscribed) || !before.from),
            "{case}"
        );
    }
}
