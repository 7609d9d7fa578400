//! Client state indication: what is held back, and when it comes (XEP-0352). Romeo is inactive; juliet has his presence, and he
//! hers.

use super::*;
use crate::stream::bind2::ClientState;

const ORCHARD: &str = "romeo/orchard";
const BALCONY: &str = "juliet/balcony";
const COMPOSING: &str = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
const PAUSED: &str = "<paused xmlns='http://jabber.org/protocol/chatstates'/>";

impl World {
    /// Nobody looks at a session's client any more.
    fn sleeps(&mut self, jid: &str) {
        let session = self.names[jid];
        self.call(|hub, now| hub.client_state(now, session, ClientState::Inactive));
    }

    /// Somebody looks at it again.
    fn wakes(&mut self, jid: &str) {
        let session = self.names[jid];
        self.call(|hub, now| hub.client_state(now, session, ClientState::Active));
    }

    /// A session has received nothing, and nothing else has happened.
    #[track_caller]
    fn rests(&mut self, jid: &str) {
        assert_eq!(self.got(jid), [""; 0]);
        assert_eq!(self.outputs, []);
    }

    fn shows(&mut self, jid: &str, show: &str) {
        self.send(jid, &format!("<presence id='{show}'><show>{show}</show></presence>"));
    }

    /// Somebody writes to romeo's session.
    fn writes(&mut self, from: &str, inner: &str) {
        self.send(from, &format!("<message type='chat' to='romeo@example.com/orchard'>{inner}</message>"));
    }
}

fn verona(config: Config) -> World {
    let mut world = World::with(config);
    world.relate("romeo", "juliet", "both");
    world.relate("juliet", "romeo", "both");
    world.online(BALCONY, 0);
    world.online(ORCHARD, 0);
    world.received.clear();
    world
}

/// The same, and romeo's client sleeps.
fn asleep() -> World {
    let mut world = verona(config());
    world.sleeps(ORCHARD);
    world
}

#[test]
fn xep0352_3_2_presence_waits_and_the_latest_of_each_resource_counts() {
    let mut world = asleep();
    world.shows(BALCONY, "away");
    world.login("juliet/chamber");
    world.shows("juliet/chamber", "chat");
    world.shows(BALCONY, "xa");
    world.leave("juliet/chamber");
    world.shows(BALCONY, "dnd");
    assert_eq!(world.got(ORCHARD), [""; 0]);
    world.wakes(ORCHARD);
    assert_eq!(
        world.got(ORCHARD),
        ["presence unavailable juliet/chamber > romeo", "presence juliet/balcony > romeo #dnd"]
    );
    // From here on all is as usual; and who is awake already has nothing to wait for.
    world.shows(BALCONY, "away");
    assert_eq!(world.got(ORCHARD), ["presence juliet/balcony > romeo #away"]);
    world.wakes(ORCHARD);
    assert_eq!(world.got(ORCHARD), [""; 0]);
}

#[test]
fn xep0203_4_what_comes_late_says_since_when_it_is_true() {
    let mut world = asleep();
    let since = crate::payload::datetime::format(world.now.utc);
    let note = format!("<delay xmlns='urn:xmpp:delay' from='example.com' stamp='{since}'/>");
    world.shows(BALCONY, "away");
    world.writes(BALCONY, COMPOSING);
    world.pass(Duration::from_secs(60));
    world.login("juliet/chamber");
    world.shows("juliet/chamber", "chat");
    world.wakes(ORCHARD);
    let got: Vec<String> = world.take(ORCHARD).iter().map(xml).collect();
    assert_eq!(got.len(), 3, "{got:?}");
    assert!(got[0].contains(&note) && got[1].contains(&note), "{got:?}");
    assert!(!got[2].contains("urn:xmpp:delay"), "{got:?}");
    // Who has said so already knows better.
    world.sleeps(ORCHARD);
    let earlier = "<delay xmlns='urn:xmpp:delay' stamp='2002-09-10T23:41:07Z'/>";
    world.send(BALCONY, &format!("<presence>{earlier}</presence>"));
    world.pass(Duration::from_secs(60));
    world.wakes(ORCHARD);
    let got: Vec<String> = world.take(ORCHARD).iter().map(xml).collect();
    assert_eq!(got[0].matches("urn:xmpp:delay").count(), 1, "{got:?}");
    assert!(got[0].contains("2002-09-10"), "{got:?}");
}

#[test]
fn xep0352_4_2_a_session_begins_active_unless_it_says_otherwise() {
    let mut world = verona(config());
    world.shows(BALCONY, "away");
    assert_eq!(world.got(ORCHARD).len(), 1);
    let mut world = verona(config());
    let request = BindRequest { inactive: true, ..BindRequest::resource("garden") };
    world.call(|hub, now| hub.bind(now, SessionId(9), account("romeo"), request));
    let Some(Output::Bound { granted, .. }) = world.outputs.pop() else { panic!() };
    assert!(granted.inactive);
    world.names.insert("romeo/garden".into(), SessionId(9));
    world.send("romeo/garden", "<presence id='first'/>");
    assert_eq!(world.got("romeo/garden"), ["presence romeo/garden > romeo #first"], "its own");
    world.wakes("romeo/garden");
    let others = ["presence romeo/orchard > romeo", "presence juliet/balcony > romeo"];
    assert_eq!(world.got("romeo/garden"), others);
}

#[test]
fn xep0352_3_2_chat_states_wait_and_the_latest_of_each_sender_counts() {
    let mut world = asleep();
    world.login("juliet/chamber");
    world.writes(BALCONY, COMPOSING);
    world.writes(
        "juliet/chamber",
        &format!("{COMPOSING}<thread>t</thread><no-store xmlns='urn:xmpp:hints'/>"),
    );
    world.writes(BALCONY, PAUSED);
    assert_eq!(world.got(ORCHARD), [""; 0]);
    world.wakes(ORCHARD);
    let got = world.take(ORCHARD);
    let briefs: Vec<String> = got.iter().map(brief).collect();
    let to = "romeo/orchard";
    assert_eq!(
        briefs,
        [format!("message chat juliet/chamber > {to}"), format!("message chat juliet/balcony > {to}")]
    );
    assert!(xml(&got[1]).contains("<paused "));
}

#[test]
fn xep0352_3_2_copies_of_chat_states_wait_too() {
    let mut world = verona(config());
    world.login("romeo/garden");
    world.send("romeo/garden", "<iq type='set' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
    world.sleeps("romeo/garden");
    world.received.clear();
    world.writes(BALCONY, COMPOSING);
    let to = "<message type='chat' to='juliet@example.com/balcony'>";
    world.send(ORCHARD, &format!("{to}{COMPOSING}</message>"));
    world.writes(BALCONY, PAUSED);
    assert_eq!(world.got("romeo/garden"), [""; 0]);
    // A copy of what was written is a message like any other.
    world.writes(BALCONY, "<body>x</body>");
    let got: Vec<String> = world.take("romeo/garden").iter().map(xml).collect();
    assert_eq!(got.len(), 3, "{got:?}");
    assert!(got[0].contains("<sent ") && got[0].contains("<composing "), "{got:?}");
    assert!(got[1].contains("<received ") && got[1].contains("<paused "), "{got:?}");
    assert!(got[2].contains("<body>x</body>"), "{got:?}");
}

#[test]
fn xep0352_3_2_whatever_may_matter_comes_at_once_and_what_waited_before_it() {
    let ping = "<ping xmlns='urn:xmpp:ping'/>";
    let error = "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
    let stanzas = [
        "<message type='chat' to='TO'><body>x</body></message>".to_owned(),
        format!("<message type='chat' to='TO'>{COMPOSING}<body>x</body></message>"),
        format!("<message type='chat' to='TO'>{COMPOSING}<store xmlns='urn:xmpp:hints'/></message>"),
        format!("<message type='error' to='TO'>{COMPOSING}{error}</message>"),
        "<message type='chat' to='TO'><received xmlns='urn:xmpp:receipts' id='1'/></message>".to_owned(),
        "<message type='chat' to='TO'/>".to_owned(),
        format!("<presence type='error' to='TO'>{error}</presence>"),
        format!("<iq type='get' id='1' to='TO'>{ping}</iq>"),
        "<iq type='result' id='1' to='TO'/>".to_owned(),
    ];
    for stanza in stanzas {
        let mut world = asleep();
        world.writes(BALCONY, PAUSED);
        world.shows(BALCONY, "away");
        world.send(BALCONY, &stanza.replace("TO", "romeo@example.com/orchard"));
        let got = world.got(ORCHARD);
        assert_eq!(got.len(), 3, "{stanza}: {got:?}");
        assert_eq!(
            &got[..2],
            ["message chat juliet/balcony > romeo/orchard", "presence juliet/balcony > romeo #away"]
        );
        // The client is inactive still.
        world.shows(BALCONY, "xa");
        assert_eq!(world.got(ORCHARD), [""; 0], "{stanza}");
    }
    let mut world = asleep();
    world.relate("juliet", "romeo", "none");
    world.store.insert(account("nurse"), Record::new(credentials(1)));
    world.online("nurse/hall", 0);
    world.send("nurse/hall", "<presence type='subscribe' to='romeo@example.com'/>");
    assert_eq!(world.got(ORCHARD), ["presence subscribe nurse > romeo"]);
}

#[test]
fn xep0352_5_1_what_waited_comes_before_the_next_answer() {
    let mut world = asleep();
    world.shows(BALCONY, "away");
    world.wakes(ORCHARD);
    world.send(ORCHARD, "<iq type='get' id='ping1' to='example.com'><ping xmlns='urn:xmpp:ping'/></iq>");
    let expected = ["presence juliet/balcony > romeo #away", "iq result . > romeo/orchard #ping1"];
    assert_eq!(world.got(ORCHARD), expected);
}

#[test]
fn xep0352_5_state_and_presence_are_independent() {
    let mut world = verona(config());
    world.sleeps(ORCHARD);
    world.wakes(ORCHARD);
    world.sleeps(ORCHARD);
    world.silence();
    // What waited is from before the client's own presence, which it hears of at once.
    world.shows(BALCONY, "away");
    world.shows(ORCHARD, "xa");
    let own = "presence romeo/orchard > romeo #xa";
    assert_eq!(world.got(ORCHARD), ["presence juliet/balcony > romeo #away", own]);
    assert_eq!(world.got(BALCONY).last().map(String::as_str), Some("presence romeo/orchard > juliet #xa"));
    world.shows(BALCONY, "dnd");
    world.send(ORCHARD, "<presence type='unavailable'/>");
    let own = "presence unavailable romeo/orchard > romeo";
    assert_eq!(world.got(ORCHARD), ["presence juliet/balcony > romeo #dnd", own]);
    world.leave(BALCONY);
    world.send(ORCHARD, "<presence/>");
    world.wakes(ORCHARD);
    let got = world.got(ORCHARD);
    assert!(!got.iter().any(|line| line.ends_with("#dnd")), "stale: {got:?}");
}

#[test]
fn xep0352_5_other_sessions_of_the_account_are_not_affected() {
    let mut world = asleep();
    world.online("romeo/garden", 0);
    world.shows(BALCONY, "away");
    assert_eq!(world.got("romeo/garden"), ["presence juliet/balcony > romeo #away"]);
    assert_eq!(world.got(ORCHARD), [""; 0]);
}

#[test]
fn xep0352_6_nobody_learns_of_the_state() {
    let mut world = verona(config());
    world.online("romeo/garden", 0);
    world.received.clear();
    world.sleeps(ORCHARD);
    world.wakes(ORCHARD);
    world.silence();
}

#[test]
fn xep0352_3_2_no_more_waits_than_is_allowed() {
    let limited = |change: fn(&mut Limits)| {
        let mut config = config();
        change(&mut config.limits);
        let mut world = verona(config);
        world.sleeps(ORCHARD);
        world
    };
    let mut world = limited(|limits| limits.held_back = 2);
    for (resource, waits) in [("a", true), ("b", true), ("c", false), ("d", true)] {
        world.login(&format!("juliet/{resource}"));
        world.shows(&format!("juliet/{resource}"), "away");
        assert_eq!(world.got(ORCHARD).len(), if waits { 0 } else { 3 }, "{resource}");
    }
    world.shows("juliet/d", "xa");
    world.shows("juliet/d", "away");
    assert_eq!(world.got(ORCHARD), [""; 0], "one instead of another is not one more");
    world.wakes(ORCHARD);
    assert_eq!(world.got(ORCHARD), ["presence juliet/d > romeo #away"]);

    let mut world = limited(|limits| limits.held_back = 0);
    world.shows(BALCONY, "away");
    assert_eq!(world.got(ORCHARD).len(), 1);

    let mut per_client = limited(|limits| limits.held_back_bytes = 4000);
    let mut in_all = limited(|limits| limits.held_back_bytes_in_all = 4000);
    for world in [&mut per_client, &mut in_all] {
        let mut shown = 0;
        while world.got(ORCHARD).is_empty() {
            shown += 1;
            assert!(shown < 100, "no limit");
            let jid = format!("juliet/{shown}");
            world.login(&jid);
            world.shows(&jid, "away");
            world.leave(&format!("juliet/{shown}"));
        }
        assert!(shown > 2, "{shown}");
    }
}

#[test]
fn xep0352_3_2_what_waits_is_forgotten_with_the_session() {
    let mut world = asleep();
    world.writes(BALCONY, COMPOSING);
    world.shows(BALCONY, "away");
    world.received.clear();
    world.leave(ORCHARD);
    assert_eq!(world.got(BALCONY), ["presence unavailable romeo/orchard > juliet"], "nothing comes back");
    world.online(ORCHARD, 0);
    world.wakes(ORCHARD);
    world.silence();
    // And for whom there is no session, nothing changes.
    world.call(|hub, now| hub.client_state(now, SessionId(77), ClientState::Inactive));
    world.shows(BALCONY, "xa");
    assert_eq!(world.got(ORCHARD), ["presence juliet/balcony > romeo #xa"]);
}

#[test]
fn xep0352_4_2_the_element_is_not_counted_and_what_waits_has_no_number() {
    let mut world = verona(config());
    world.enable(ORCHARD, Enable { resume: true, max: None });
    world.sleeps(ORCHARD);
    assert_eq!(world.handled(ORCHARD), 0);
    world.shows(BALCONY, "away");
    let session = world.names[ORCHARD];
    world.call(|hub, now| hub.acknowledged(now, session, 0));
    world.rests(ORCHARD);
    world.wakes(ORCHARD);
    assert_eq!(world.got(ORCHARD).len(), 1);
    world.ack(ORCHARD, 1);
    world.rests(ORCHARD);
}

#[test]
fn xep0352_5_2_who_resumes_a_session_is_active() {
    let mut world = verona(config());
    let id = world.enable(ORCHARD, Enable { resume: true, max: None });
    world.sleeps(ORCHARD);
    world.shows(BALCONY, "away");
    world.cut(ORCHARD);
    // Until then what can wait waits on, and what was said first comes first.
    world.writes(BALCONY, "<body>x</body>");
    world.shows(BALCONY, "xa");
    world.shows(BALCONY, "dnd");
    world.rests(ORCHARD);
    world.resumed(ORCHARD, &id, 0);
    let message = "message chat juliet/balcony > romeo/orchard";
    let presence = |id: &str| format!("presence juliet/balcony > romeo #{id}");
    assert_eq!(world.got(ORCHARD), [presence("away"), message.into(), presence("dnd")]);
    world.shows(BALCONY, "chat");
    assert_eq!(world.got(ORCHARD), [presence("chat")]);
    world.ack(ORCHARD, 4);
    world.rests(ORCHARD);
    // The same where nothing broke.
    world.sleeps(ORCHARD);
    world.shows(BALCONY, "away");
    world.resumed(ORCHARD, &id, 4);
    assert_eq!(world.got(ORCHARD), [presence("away")]);
    world.outputs.clear();
}

#[test]
fn xep0352_5_2_what_waited_for_who_does_not_come_back_is_forgotten() {
    let mut world = verona(config());
    world.enable(ORCHARD, Enable { resume: true, max: None });
    world.sleeps(ORCHARD);
    world.cut(ORCHARD);
    world.writes(BALCONY, COMPOSING);
    world.shows(BALCONY, "away");
    world.received.clear();
    world.pass(Duration::from_secs(301));
    assert_eq!(world.got(BALCONY), ["presence unavailable romeo/orchard > juliet"], "nothing comes back");
    world.silence();
}
