//! Who can find out whether an account exists, is online, or blocks somebody: RFC 6120 sections 13.10.2 and 13.11, RFC 6121
//! section 11, RFC 2779 section 5, XEP-0030 section 8.
//!
//! A sender learns of an account what comes back to it. So the same stanzas go to an account in all its states and to one that
//! does not exist, and what comes back is compared octet by octet.

use super::privacy::{relate, remote};
use super::*;
use crate::server::config::UnknownUsers;

/// What can be sent. Requests to subscribe and messages of type normal and chat are apart: see below.
const QUESTIONS: &[&str] = &[
    "<presence to='TO' id='1'/>",
    "<presence to='TO/balcony' id='1'/>",
    "<presence type='unavailable' to='TO' id='1'/>",
    "<presence type='probe' to='TO' id='1'/>",
    "<presence type='probe' to='TO'/>",
    "<presence type='probe' to='TO/balcony' id='1'/>",
    "<presence type='subscribed' to='TO' id='1'/>",
    "<presence type='unsubscribe' to='TO' id='1'/>",
    "<presence type='unsubscribed' to='TO' id='1'/>",
    "<presence type='unsubscribe' to='TO/balcony' id='1'/>",
    "<presence type='error' to='TO/balcony' id='1'><error type='cancel'/></presence>",
    "<message type='headline' to='TO' id='1'><body>x</body></message>",
    "<message type='headline' to='TO/balcony' id='1'><body>x</body></message>",
    "<message type='groupchat' to='TO' id='1'><body>x</body></message>",
    "<message type='error' to='TO' id='1'><error type='cancel'/></message>",
    "<message type='error' to='TO/balcony' id='1'><error type='cancel'/></message>",
    "<iq type='result' to='TO' id='1'/>",
    "<iq type='error' to='TO' id='1'><error type='cancel'/></iq>",
    "<iq type='error' to='TO/balcony' id='1'><error type='cancel'/></iq>",
];

const MESSAGES: &[&str] = &[
    "<message to='TO' id='1'><body>x</body></message>",
    "<message type='chat' to='TO' id='1'><body>x</body></message>",
    "<message to='TO' id='1'/>",
    "<message type='chat' to='TO' id='1'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>",
    "<message to='TO/balcony' id='1'><body>x</body></message>",
    "<message type='chat' to='TO/balcony' id='1'><body>x</body></message>",
    "<message to='TO/nowhere' id='1'><body>x</body></message>",
    "<message type='groupchat' to='TO/nowhere' id='1'><body>x</body></message>",
    "<message type='headline' to='TO/nowhere' id='1'><body>x</body></message>",
    "<message type='chat' to='TO/nowhere' id='1'><body>x</body></message>",
    "<message to='TO' id='1'><body>x</body><no-store xmlns='urn:xmpp:hints'/></message>",
    "<message type='chat' to='TO' id='1'><body>x</body><no-store xmlns='urn:xmpp:hints'/></message>",
];

/// What people write that nobody is there for, and that may not be kept, is refused, so that it is not lost in silence. From
/// that a stranger can learn that nobody is there; but if somebody is, the stranger has shown himself.
fn shows_the_stranger(stanza: &str) -> bool {
    let kept = !stanza.contains("no-store") && !stanza.contains("TO/") || stanza.contains("'chat' to='TO/");
    stanza.contains("<body>") && !stanza.contains("headline") && !kept
}

fn is_there(state: &str) -> bool {
    !matches!(state, "offline" | "not in memory")
}

/// Payloads of requests that the server knows something about, and one that it does not.
const PAYLOADS: &[&str] = &[
    "<query xmlns='http://jabber.org/protocol/disco#info'/>",
    "<query xmlns='http://jabber.org/protocol/disco#info' node='x'/>",
    "<query xmlns='http://jabber.org/protocol/disco#items'/>",
    "<query xmlns='http://jabber.org/protocol/disco#items' node='x'/>",
    "<ping xmlns='urn:xmpp:ping'/>",
    "<query xmlns='jabber:iq:version'/>",
    "<query xmlns='jabber:iq:last'/>",
    "<time xmlns='urn:xmpp:time'/>",
    "<vCard xmlns='vcard-temp'/>",
    "<query xmlns='jabber:iq:private'><x xmlns='urn:x'/></query>",
    "<query xmlns='jabber:iq:roster'/>",
    "<query xmlns='jabber:iq:roster'><item jid='a@b'/></query>",
    "<query xmlns='jabber:iq:privacy'/>",
    "<query xmlns='jabber:iq:register'/>",
    "<blocklist xmlns='urn:xmpp:blocking'/>",
    "<block xmlns='urn:xmpp:blocking'><item jid='a@b'/></block>",
    "<enable xmlns='urn:xmpp:carbons:2'/>",
    "<x xmlns='urn:x'/>",
    "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>",
    "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>",
];

fn requests() -> impl Iterator<Item = String> {
    PAYLOADS.iter().flat_map(|payload| {
        ["TO", "TO/balcony", "TO/nowhere"].into_iter().flat_map(move |to| {
            ["get", "set"].map(|kind| format!("<iq type='{kind}' to='{to}' id='1'>{payload}</iq>"))
        })
    })
}

/// The states that an account can be in.
const STATES: [&str; 6] = ["online", "connected", "offline", "not in memory", "negative", "blocking"];

/// Brings juliet into a state. Her session does not know whoever asks.
fn bring(world: &mut World, state: &str) {
    match state {
        "online" => drop(world.online("juliet/balcony", 0)),
        "negative" => drop(world.online("juliet/balcony", -1)),
        "connected" => drop(world.login("juliet/balcony")),
        "blocking" => {
            world.online("juliet/balcony", 0);
            world.send(
                "juliet/balcony",
                "<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='x@y'/></block></iq>",
            );
        }
        _ => {
            world.online("juliet/balcony", 0);
            world.leave("juliet/balcony");
        }
    }
    if state == "not in memory" {
        world.pass(SECOND * 100);
    }
    world.received.clear();
    world.outputs.clear();
}

fn config_of(unknown_users: UnknownUsers) -> Config {
    Config { federation: true, unknown_users, ..config() }
}

/// What comes back to a stranger, from here and from elsewhere, for a stanza to somebody.
fn echoes(world: &mut World, stanza: &str, name: &str) -> [String; 2] {
    let stanza = stanza.replace("TO", &format!("{name}@example.com"));
    world.send("romeo/orchard", &stanza);
    let near: Vec<String> = world.take("romeo/orchard").iter().map(xml).collect();
    remote(world, &stanza.replacen(" to=", " from='stranger@example.net/x' to=", 1));
    let far = world.outputs.drain(..).filter_map(|output| match output {
        Output::Remote { stanza } => Some(xml(&stanza)),
        _ => None,
    });
    let far: String = far.collect();
    world.received.clear();
    [near.concat(), far].map(|echo| echo.replace(&format!("{name}@"), "TO@"))
}

fn compare(unknown_users: UnknownUsers, stanzas: &[String]) {
    for state in STATES {
        for stanza in stanzas.iter().filter(|stanza| !(is_there(state) && shows_the_stranger(stanza))) {
            let mut world = World::with(config_of(unknown_users));
            world.login("romeo/orchard");
            bring(&mut world, state);
            let there = echoes(&mut world, stanza, "juliet");
            let nobody = echoes(&mut world, stanza, "nobody");
            assert_eq!(there, nobody, "{state}: {stanza}");
        }
    }
}

#[test]
fn rfc6120_13_11_strangers_cannot_tell_who_exists_or_is_online() {
    let stanzas: Vec<String> = QUESTIONS.iter().map(|stanza| stanza.to_string()).chain(requests()).collect();
    compare(UnknownUsers::default(), &stanzas);
}

/// As far as messages go it is a choice: see [`UnknownUsers`].
#[test]
fn rfc6120_13_11_strangers_cannot_tell_by_messages_either_if_so_configured() {
    let stanzas: Vec<String> = MESSAGES.iter().map(|stanza| stanza.to_string()).collect();
    compare(UnknownUsers::Ignore, &stanzas);
}

/// Whatever the choice, messages do not tell a stranger who is online, unless the user reads them.
#[test]
fn rfc6120_13_10_2_messages_do_not_tell_strangers_who_is_online() {
    for stanza in MESSAGES.iter().filter(|stanza| !shows_the_stranger(stanza)) {
        let mut seen = STATES.map(|state| {
            let mut world = World::with(config_of(UnknownUsers::Refuse));
            world.login("romeo/orchard");
            bring(&mut world, state);
            echoes(&mut world, stanza, "juliet")
        });
        seen.sort();
        assert_eq!(seen[0], seen[STATES.len() - 1], "{stanza}");
    }
}

/// A request to subscribe may wait for its answer forever, whether somebody is there or not.
#[test]
fn rfc6120_13_11_requests_to_subscribe_do_not_tell_who_is_online() {
    let mut seen = STATES.map(|state| {
        let mut world = World::with(config_of(UnknownUsers::Ignore));
        world.login("romeo/orchard");
        bring(&mut world, state);
        let request = "<presence type='subscribe' to='TO' id='1'/>";
        [echoes(&mut world, request, "juliet"), echoes(&mut world, request, "juliet")]
    });
    seen.sort();
    assert_eq!(seen[0], seen[STATES.len() - 1]);
}

/// A contact whom the user sees but who does not see the user (subscription `to`) is a stranger as far as presence goes.
#[test]
fn rfc2779_2_3_who_is_only_seen_learns_nothing_of_presence() {
    let questions = QUESTIONS.iter().chain(MESSAGES).map(|stanza| stanza.to_string()).chain(requests());
    for stanza in questions.filter(|stanza| !shows_the_stranger(stanza)) {
        let mut seen = STATES.map(|state| {
            let mut world = World::with(config_of(UnknownUsers::Ignore));
            relate(&mut world, "juliet", "romeo", true, false);
            relate(&mut world, "romeo", "juliet", false, true);
            relate(&mut world, "juliet", "stranger@example.net", true, false);
            world.login("romeo/orchard");
            bring(&mut world, state);
            echoes(&mut world, &stanza, "juliet")
        });
        seen.sort();
        assert_eq!(seen[0], seen[STATES.len() - 1], "{stanza}");
    }
}
