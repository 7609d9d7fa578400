//! RFC 6121 section 8.5, cell by cell of its table, and messages from strangers.
//!
//! Romeo at `romeo/orchard` sends; he is a stranger to juliet, or a friend who may know that she is online.

use super::*;
use crate::server::hub::{BareDelivery, Strangers, UnknownUsers};

const TYPES: [&str; 5] = ["normal", "chat", "groupchat", "headline", "error"];
const ERROR: &str = "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";

/// What becomes of a message of each type: `D` and the resources that receive it, `E` for an error (which must be
/// service-unavailable), `O` if it is kept, `S` for silence.
fn fates(world: &mut World, to: &str) -> Vec<String> {
    TYPES.into_iter().map(|of_type| fate(world, of_type, to)).collect()
}

fn fate(world: &mut World, of_type: &str, to: &str) -> String {
    let kept = |world: &World| world.store.get(&account("juliet")).map(|record| record.offline.messages);
    let inner = if of_type == "error" { ERROR } else { "<body>wherefore</body>" };
    let before = kept(world);
    world.send("romeo/orchard", &format!("<message to='{to}' type='{of_type}' id='m'>{inner}</message>"));
    let bounced = world.got("romeo/orchard");
    let short = to.replace("@example.com", "");
    let mut receivers = Vec::new();
    for name in world.names.clone().into_keys() {
        for received in world.got(&name) {
            // Section 8.5.2.1.1: `to` is what it was.
            let gone = if of_type == "error" { " gone/cancel" } else { "" };
            assert_eq!(received, format!("message {of_type} romeo/orchard > {short} #m{gone}"));
            receivers.push(name.split_once('/').unwrap().1.to_owned());
        }
    }
    world.silence();
    let is_kept = kept(world) != before;
    match (bounced.as_slice(), receivers.as_slice()) {
        ([], []) if is_kept => "O".into(),
        ([], []) => "S".into(),
        ([], receivers) if !is_kept => format!("D {}", receivers.join(" ")),
        ([error], []) if !is_kept => {
            let expected = format!("message error {short} > romeo/orchard #m service-unavailable/cancel");
            assert_eq!(*error, expected);
            "E".into()
        }
        other => panic!("{of_type}: {other:?}, {is_kept}"),
    }
}

/// One row of the table: for normal, chat, groupchat, headline, error. First for a stranger, then for a friend.
fn row(config: &Config, juliet: &[(&str, Option<i8>)], to: &str, stranger: [&str; 5], friend: [&str; 5]) {
    for (is_friend, expected) in [(false, stranger), (true, friend)] {
        let mut world = World::with(config.clone());
        if is_friend {
            world.befriend("romeo@example.com", false, true);
        }
        world.login("romeo/orchard");
        for (resource, priority) in juliet {
            match priority {
                Some(priority) => world.online(&format!("juliet/{resource}"), *priority),
                None => world.login(&format!("juliet/{resource}")),
            };
        }
        world.received.clear();
        assert_eq!(fates(&mut world, to), expected, "{to}, friend: {is_friend}");
    }
}

const NEGATIVE: &[(&str, Option<i8>)] = &[("balcony", Some(-1)), ("connected", None)];
const ONE: &[(&str, Option<i8>)] = &[("balcony", Some(0)), ("cellar", Some(-1))];
const SEVERAL: &[(&str, Option<i8>)] =
    &[("balcony", Some(5)), ("cellar", Some(-1)), ("chamber", Some(0)), ("garden", Some(5))];
const BARE: &str = "juliet@example.com";
const GONE: &str = "juliet@example.com/gone";

#[test]
fn rfc6121_8_5_1_messages_to_an_account_that_does_not_exist() {
    let cells = ["E", "E", "E", "S", "S"];
    row(&config(), &[], "nobody@example.com", cells, cells);
    row(&config(), &[], "nobody@example.com/x", cells, cells);
}

#[test]
fn rfc6121_8_5_1_messages_to_an_account_that_does_not_exist_can_be_ignored() {
    let config = Config { unknown_users: UnknownUsers::Ignore, ..config() };
    let cells = ["S", "S", "E", "S", "S"];
    row(&config, &[], "nobody@example.com", cells, cells);
    // As for an account that exists and nobody is online for: what it would not keep is not lost in silence.
    let cells = ["E", "S", "E", "S", "S"];
    row(&config, &[], "nobody@example.com/x", cells, cells);
}

#[test]
fn rfc6121_8_5_2_2_1_no_resources_bare() {
    let cells = ["O", "O", "E", "S", "S"];
    row(&config(), &[], BARE, cells, cells);
}

#[test]
fn rfc6121_8_5_3_2_1_no_resources_full() {
    row(&config(), &[], GONE, ["E", "O", "E", "S", "S"], ["E", "O", "E", "E", "S"]);
}

#[test]
fn rfc6121_8_5_2_1_1_connected_but_not_available_bare() {
    let cells = ["O", "O", "E", "S", "S"];
    row(&config(), &[("connected", None)], BARE, cells, cells);
}

#[test]
fn rfc6121_8_5_2_1_1_negative_priorities_only_bare() {
    let cells = ["O", "O", "E", "S", "S"];
    row(&config(), NEGATIVE, BARE, cells, cells);
}

#[test]
fn rfc6121_8_5_3_1_negative_priorities_only_full_match() {
    row(&config(), NEGATIVE, "juliet@example.com/balcony", ["D balcony"; 5], ["D balcony"; 5]);
    row(&config(), NEGATIVE, "juliet@example.com/connected", ["D connected"; 5], ["D connected"; 5]);
}

#[test]
fn rfc6121_8_5_3_2_1_negative_priorities_only_full_no_match() {
    row(&config(), NEGATIVE, GONE, ["E", "O", "E", "S", "S"], ["E", "O", "E", "E", "S"]);
}

#[test]
fn rfc6121_8_5_2_1_1_one_non_negative_priority_bare() {
    let cells = ["D balcony", "D balcony", "E", "D balcony", "S"];
    row(&config(), ONE, BARE, cells, cells);
}

#[test]
fn rfc6121_8_5_3_1_one_non_negative_priority_full_match() {
    row(&config(), ONE, "juliet@example.com/balcony", ["D balcony"; 5], ["D balcony"; 5]);
    row(&config(), ONE, "juliet@example.com/cellar", ["D cellar"; 5], ["D cellar"; 5]);
}

#[test]
fn rfc6121_8_5_3_2_1_one_non_negative_priority_full_no_match() {
    row(&config(), ONE, GONE, ["E", "D balcony", "E", "S", "S"], ["E", "D balcony", "E", "E", "S"]);
}

#[test]
fn rfc6121_8_5_2_1_1_several_bare_to_the_most_available_headlines_to_all() {
    let best = "D balcony garden";
    let cells = [best, best, "E", "D balcony chamber garden", "S"];
    row(&config(), SEVERAL, BARE, cells, cells);
}

#[test]
fn rfc6121_8_5_2_1_1_several_bare_to_all_that_are_not_negative() {
    let config = Config { to_bare: BareDelivery::NonNegative, ..config() };
    let all = "D balcony chamber garden";
    row(&config, SEVERAL, BARE, [all, all, "E", all, "S"], [all, all, "E", all, "S"]);
    row(&config, NEGATIVE, BARE, ["O", "O", "E", "S", "S"], ["O", "O", "E", "S", "S"]);
}

#[test]
fn rfc6121_8_5_3_1_several_full_match() {
    row(&config(), SEVERAL, "juliet@example.com/chamber", ["D chamber"; 5], ["D chamber"; 5]);
}

#[test]
fn rfc6121_8_5_3_2_1_several_full_no_match() {
    let best = "D balcony garden";
    row(&config(), SEVERAL, GONE, ["E", best, "E", "S", "S"], ["E", best, "E", "E", "S"]);
}

#[test]
fn rfc6121_8_1_without_a_body_only_those_who_may_know_hear_that_nobody_is_there() {
    let mut world = World::new();
    world.login("romeo/orchard");
    world.login("juliet/balcony");
    let send = |world: &mut World| {
        let composing = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
        for (of_type, to) in [("chat", BARE), ("normal", GONE), ("groupchat", GONE), ("headline", GONE)] {
            let xml = format!("<message to='{to}' type='{of_type}' id='m'>{composing}</message>");
            world.send("romeo/orchard", &xml);
        }
        let got = world.got("romeo/orchard");
        assert!(got.iter().all(|error| error.ends_with("service-unavailable/cancel")), "{got:?}");
        world.silence();
        got.len()
    };
    assert_eq!(send(&mut world), 0);
    world.send("juliet/balcony", "<presence to='romeo@example.com'/>");
    world.received.clear();
    assert_eq!(send(&mut world), 4);
    world.send("juliet/balcony", "<presence type='unavailable' to='romeo@example.com'/>");
    world.received.clear();
    assert_eq!(send(&mut world), 0);
}

#[test]
fn rfc6121_8_5_2_1_3_and_8_5_2_2_3_an_iq_to_a_bare_address_is_never_delivered() {
    for online in [false, true] {
        let mut world = World::new();
        world.befriend("romeo@example.com", false, true);
        world.login("romeo/orchard");
        if online {
            world.online("juliet/balcony", 0);
        }
        world.received.clear();
        for (to, of_type) in [("juliet", "get"), ("juliet", "set"), ("nobody", "get"), ("nobody", "set")] {
            let to_bare = format!("to='{to}@example.com' id='1'");
            world.send("romeo/orchard", &format!("<iq type='{of_type}' {to_bare}><w xmlns='urn:w'/></iq>"));
            let expected = format!("iq error {to} > romeo/orchard #1 service-unavailable/cancel");
            assert_eq!(world.got("romeo/orchard"), [expected]);
            world.send("romeo/orchard", &format!("<iq type='result' {to_bare}/>"));
            world.send("romeo/orchard", &format!("<iq type='error' {to_bare}>{ERROR}</iq>"));
        }
        world.silence();
    }
}

/// Whether a request of romeo's reaches `juliet/balcony`; if not it must be refused as if nobody were there.
fn may_ask(world: &mut World, of_type: &str) -> bool {
    let xml = format!("<iq type='{of_type}' to='juliet@example.com/balcony' id='1'><w xmlns='urn:w'/></iq>");
    world.send("romeo/orchard", &xml);
    let (asked, refused) = (world.got("juliet/balcony"), world.got("romeo/orchard"));
    world.silence();
    if asked.is_empty() {
        assert_eq!(refused, ["iq error juliet/balcony > romeo/orchard #1 service-unavailable/cancel"]);
        return false;
    }
    assert_eq!(asked, [format!("iq {of_type} romeo/orchard > juliet/balcony #1")]);
    assert!(refused.is_empty());
    true
}

#[test]
fn rfc6121_8_5_3_1_requests_reach_a_resource_from_subscribers_only() {
    for (to, from) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut world = World::new();
        world.befriend("romeo@example.com", to, from);
        world.login("romeo/orchard");
        world.login("juliet/balcony");
        for of_type in ["get", "set"] {
            assert_eq!(may_ask(&mut world, of_type), from);
        }
    }
}

#[test]
fn rfc6121_8_5_3_1_requests_reach_a_resource_from_those_it_sent_directed_presence() {
    for to in ["romeo@example.com", "romeo@example.com/orchard", "romeo@example.com/elsewhere"] {
        let mut world = World::new();
        world.login("romeo/orchard");
        world.login("juliet/balcony");
        world.login("juliet/chamber");
        // Another resource, and neighbours in the order of the text, change nothing.
        world.send("juliet/chamber", "<presence to='romeo@example.com'/>");
        for neighbour in ["romeo@example.co", "romeo@example.com.example", "rome@example.com", "example.com"]
        {
            world.send("juliet/balcony", &format!("<presence to='{neighbour}'/>"));
        }
        world.received.clear();
        assert!(!may_ask(&mut world, "get"));
        world.send("juliet/balcony", &format!("<presence to='{to}'/>"));
        world.received.clear();
        assert!(may_ask(&mut world, "get"));
        world.send("juliet/balcony", &format!("<presence type='unavailable' to='{to}'/>"));
        world.received.clear();
        assert!(!may_ask(&mut world, "get"));
    }
}

#[test]
fn rfc6121_8_5_3_1_requests_reach_a_resource_from_the_users_own() {
    let mut world = World::new();
    world.login("juliet/balcony");
    world.login("juliet/chamber");
    let xml = "<iq type='get' to='juliet@example.com/chamber' id='1'><w xmlns='urn:w'/></iq>";
    world.send("juliet/balcony", xml);
    assert_eq!(world.got("juliet/chamber"), ["iq get juliet/balcony > juliet/chamber #1"]);
    world.silence();
}

#[test]
fn rfc6121_8_5_3_1_answers_always_reach_a_resource() {
    let mut world = World::new();
    world.login("romeo/orchard");
    world.login("juliet/balcony");
    let to = "to='juliet@example.com/balcony' id='1'";
    world.send("romeo/orchard", &format!("<iq type='result' {to}/>"));
    world.send("romeo/orchard", &format!("<iq type='error' {to}>{ERROR}</iq>"));
    let expected = [
        "iq result romeo/orchard > juliet/balcony #1",
        "iq error romeo/orchard > juliet/balcony #1 gone/cancel",
    ];
    assert_eq!(world.got("juliet/balcony"), expected);
    world.silence();
}

#[test]
fn rfc6121_8_5_1_and_8_5_3_2_3_an_iq_to_nobody_is_refused_an_answer_forgotten() {
    let mut world = World::new();
    world.befriend("romeo@example.com", true, true);
    world.login("romeo/orchard");
    for to in ["juliet@example.com/gone", "nobody@example.com", "nobody@example.com/gone"] {
        for of_type in ["get", "set"] {
            let xml = format!("<iq type='{of_type}' to='{to}' id='1'><w xmlns='urn:w'/></iq>");
            world.send("romeo/orchard", &xml);
            let from = to.replace("@example.com", "");
            let expected = format!("iq error {from} > romeo/orchard #1 service-unavailable/cancel");
            assert_eq!(world.got("romeo/orchard"), [expected]);
        }
        // RFC 6120 section 8.3.1: errors never answer errors, nor results.
        world.send("romeo/orchard", &format!("<iq type='result' to='{to}' id='1'/>"));
        world.send("romeo/orchard", &format!("<iq type='error' to='{to}' id='1'>{ERROR}</iq>"));
        world.send("romeo/orchard", &format!("<presence type='error' to='{to}' id='1'>{ERROR}</presence>"));
    }
    world.silence();
}

/// Presence of romeo's to `to`, with no type and unavailable: the resources that get it.
fn presence(juliet: &[(&str, Option<i8>)], to: &str) -> String {
    let mut world = World::new();
    world.login("romeo/orchard");
    for (resource, priority) in juliet {
        match priority {
            Some(priority) => world.online(&format!("juliet/{resource}"), *priority),
            None => world.login(&format!("juliet/{resource}")),
        };
    }
    let mut reached = Vec::new();
    for of_type in ["", " type='unavailable'"] {
        world.send("romeo/orchard", &format!("<presence{of_type} to='{to}' id='p'/>"));
        let to = to.replace("@example.com", "");
        let expected = match of_type {
            "" => format!("presence romeo/orchard > {to} #p"),
            _ => format!("presence unavailable romeo/orchard > {to} #p"),
        };
        let mut receivers = Vec::new();
        for name in world.names.clone().into_keys() {
            let got = world.got(&name);
            if !got.is_empty() {
                assert_eq!(got, [&*expected]);
                receivers.push(name.split_once('/').unwrap().1.to_owned());
            }
        }
        world.silence();
        reached.push(receivers.join(" "));
    }
    assert_eq!(reached[0], reached[1]);
    reached.remove(0)
}

#[test]
fn rfc6121_8_5_1_presence_to_an_account_that_does_not_exist_is_ignored() {
    assert_eq!(presence(&[], "nobody@example.com"), "");
    assert_eq!(presence(&[], "nobody@example.com/x"), "");
}

#[test]
fn rfc6121_8_5_2_1_2_presence_bare_goes_to_all_available_resources() {
    assert_eq!(presence(NEGATIVE, BARE), "balcony");
    assert_eq!(presence(SEVERAL, BARE), "balcony cellar chamber garden");
}

#[test]
fn rfc6121_8_5_2_2_2_presence_bare_without_resources_is_ignored() {
    assert_eq!(presence(&[], BARE), "");
    assert_eq!(presence(&[("connected", None)], BARE), "");
}

#[test]
fn rfc6121_8_5_3_1_presence_full_goes_to_the_resource() {
    assert_eq!(presence(NEGATIVE, "juliet@example.com/balcony"), "balcony");
    assert_eq!(presence(NEGATIVE, "juliet@example.com/connected"), "connected");
    assert_eq!(presence(SEVERAL, "juliet@example.com/chamber"), "chamber");
}

#[test]
fn rfc6121_8_5_3_2_2_presence_full_without_match_is_ignored() {
    assert_eq!(presence(&[], GONE), "");
    assert_eq!(presence(SEVERAL, GONE), "");
}

#[test]
fn xep0203_5_a_delay_in_the_name_of_the_server_is_forged() {
    let mut world = World::new();
    world.login("romeo/orchard");
    world.online("juliet/balcony", 0);
    let send = |world: &mut World, from: &str| {
        let delay = format!("<delay xmlns='urn:xmpp:delay' from='{from}' stamp='2002-09-10T23:08:25Z'/>");
        world.send("romeo/orchard", &format!("<message to='{BARE}' id='m'><body>x</body>{delay}</message>"));
    };
    for from in ["example.com", "EXAMPLE.com"] {
        send(&mut world, from);
        let expected = "message error juliet > romeo/orchard #m not-acceptable/modify";
        assert_eq!(world.got("romeo/orchard"), [expected]);
    }
    send(&mut world, "room@example.com");
    assert_eq!(world.got("juliet/balcony").len(), 1);
    world.silence();
}

/// What becomes of messages of romeo's with a long body, a short one, and none.
fn tries(world: &mut World) -> String {
    let mut fates = String::new();
    for body in ["<body>a body of more than ten bytes</body>", "<body>hi</body>", "<x xmlns='urn:x'/>"] {
        world.send("romeo/orchard", &format!("<message to='{BARE}' id='m'>{body}</message>"));
        let (got, bounced) = (world.got("juliet/balcony"), world.got("romeo/orchard"));
        fates.push_str(match (got.len(), bounced.first().map(String::as_str)) {
            (1, None) => "D",
            (0, Some("message error juliet > romeo/orchard #m service-unavailable/cancel")) => "E",
            (0, Some("message error juliet > romeo/orchard #m policy-violation/modify")) => "P",
            other => panic!("{other:?}"),
        });
    }
    world.silence();
    fates
}

#[test]
fn strangers_are_refused_as_configured() {
    for (strangers, expected) in
        [(Strangers::Allow, "DDD"), (Strangers::Short { bytes: 10 }, "PDD"), (Strangers::Refuse, "EEE")]
    {
        let config = Config { strangers, ..config() };
        for (contact, expected) in [(None, expected), (Some((false, false)), "DDD")] {
            let mut world = World::with(config.clone());
            if let Some((to, from)) = contact {
                world.befriend("romeo@example.com", to, from);
            }
            world.login("romeo/orchard");
            world.online("juliet/balcony", 0);
            assert_eq!(tries(&mut world), expected);
            world.send("juliet/balcony", "<presence to='romeo@example.com'/>");
            world.received.clear();
            assert_eq!(tries(&mut world), "DDD");
        }
    }
}

#[test]
fn strangers_may_answer_with_errors_and_the_user_may_write_to_herself() {
    let mut world = World::with(Config { strangers: Strangers::Refuse, ..config() });
    world.login("romeo/orchard");
    world.online("juliet/balcony", 0);
    world.login("juliet/chamber");
    let xml = format!("<message type='error' to='{BARE}/balcony' id='1'>{ERROR}</message>");
    world.send("romeo/orchard", &xml);
    assert_eq!(world.got("juliet/balcony").len(), 1);
    world.send("juliet/chamber", &format!("<message to='{BARE}' id='2'><body>note</body></message>"));
    assert_eq!(world.got("juliet/balcony"), ["message juliet/chamber > juliet #2"]);
    world.silence();
}
