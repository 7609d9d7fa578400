//! XEP-0280: message carbons. Juliet has several resources, romeo writes to her, or she to him.

use super::*;
use crate::payload::carbons::{Carbon, Direction};
use crate::stanza::Message;

const TEXT: &str = "<body>wherefore</body>";
const ERROR: &str = "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";

impl World {
    fn carbons(&mut self, jid: &str, name: &str) -> Vec<String> {
        let xml = format!("<iq type='set' id='c'><{name} xmlns='urn:xmpp:carbons:2'/></iq>");
        self.send(jid, &xml);
        self.got(jid)
    }

    /// A session with this priority that wants copies.
    fn wants(&mut self, jid: &str, priority: Option<i8>) {
        match priority {
            Some(priority) => self.online(jid, priority),
            None => self.login(jid),
        };
        let (name, _) = jid.split_once('/').unwrap();
        assert_eq!(self.carbons(jid, "enable"), [format!("iq result {name} > {jid} #c")]);
        self.received.clear();
    }

    /// What each of juliet's resources gets: `M` for a message, `R` for a copy of one that was received, `S` of one that was
    /// sent. Romeo's errors and messages are forgotten.
    fn copies(&mut self) -> String {
        let mut copies = Vec::new();
        for name in self.names.clone().into_keys().filter(|name| name.starts_with("juliet/")) {
            let received: String = self.take(&name).iter().map(|stanza| kind(&name, stanza)).collect();
            if !received.is_empty() {
                copies.push(format!("{} {received}", name.split_once('/').unwrap().1));
            }
        }
        self.received.clear();
        assert_eq!(self.outputs, []);
        copies.join(", ")
    }
}

/// What a resource of juliet's received. A copy must be from her bare to her full address, and of the same type.
fn kind(jid: &str, stanza: &Stanza) -> &'static str {
    let Stanza::Message(message) = stanza else { panic!("{stanza:?}") };
    let Some(carbon) = Carbon::read(message, &account("juliet")) else { return "M" };
    let carbon = carbon.expect("a copy from the account");
    assert_eq!(message.from().unwrap().as_str(), "juliet@example.com");
    assert_eq!(message.to().unwrap().as_str(), jid.replace('/', "@example.com/"));
    assert_eq!(message.kind(), carbon.message.kind());
    match carbon.direction {
        Direction::Received => "R",
        Direction::Sent => "S",
    }
}

/// Romeo, juliet's `balcony` with priority 1, and with copies: `chamber` with priority 0, `cellar` with a negative one,
/// `lobby` not available.
fn house() -> World {
    let mut world = World::new();
    world.online("romeo/orchard", 0);
    world.online("juliet/balcony", 1);
    world.wants("juliet/chamber", Some(0));
    world.wants("juliet/cellar", Some(-1));
    world.wants("juliet/lobby", None);
    world.received.clear();
    world
}

const ALL_BUT_BALCONY: &str = "cellar R, chamber R, lobby R";

/// What becomes of a message of this type and content from romeo to `to`.
fn received(world: &mut World, to: &str, of_type: &str, inner: &str) -> String {
    let xml = format!("<message to='{to}' type='{of_type}' id='m'>{inner}</message>");
    world.send("romeo/orchard", &xml);
    world.copies()
}

/// What becomes of one that `juliet/balcony` sends.
fn sent(world: &mut World, to: &str, of_type: &str, inner: &str) -> String {
    let xml = format!("<message to='{to}' type='{of_type}' id='m'>{inner}</message>");
    world.send("juliet/balcony", &xml);
    world.copies()
}

#[test]
fn xep0280_4_and_5_copies_are_turned_on_and_off() {
    let mut world = World::new();
    world.online("romeo/orchard", 0);
    world.online("juliet/balcony", 1);
    world.online("juliet/chamber", 0);
    let to = "juliet@example.com/balcony";
    assert_eq!(received(&mut world, to, "chat", TEXT), "balcony M");
    // Section 11.1: as often as it likes.
    for _ in 0..2 {
        assert_eq!(world.carbons("juliet/chamber", "enable"), ["iq result juliet > juliet/chamber #c"]);
        assert_eq!(received(&mut world, to, "chat", TEXT), "balcony M, chamber R");
    }
    for _ in 0..2 {
        assert_eq!(world.carbons("juliet/chamber", "disable"), ["iq result juliet > juliet/chamber #c"]);
        assert_eq!(received(&mut world, to, "chat", TEXT), "balcony M");
    }
    assert_eq!(
        world.carbons("juliet/chamber", "private"),
        ["iq error juliet > juliet/chamber #c bad-request/modify"]
    );
    world.send("juliet/chamber", "<iq type='get' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
    assert_eq!(world.got("juliet/chamber"), ["iq error juliet > juliet/chamber #c bad-request/modify"]);
    assert_eq!(received(&mut world, to, "chat", TEXT), "balcony M");
}

#[test]
fn xep0280_4_nobody_turns_on_copies_for_others() {
    let mut world = World::new();
    world.online("romeo/orchard", 0);
    world.online("juliet/balcony", 1);
    world.online("juliet/chamber", 0);
    for to in ["juliet@example.com", "nobody@example.com", "juliet@example.com/chamber"] {
        let enable = format!("<iq type='set' to='{to}' id='c'><enable xmlns='urn:xmpp:carbons:2'/></iq>");
        world.send("romeo/orchard", &enable);
        let from = to.replace("@example.com", "");
        let expected = format!("iq error {from} > romeo/orchard #c service-unavailable/cancel");
        assert_eq!(world.got("romeo/orchard"), [expected]);
    }
    assert_eq!(received(&mut world, "juliet@example.com/balcony", "chat", TEXT), "balcony M");
    world.silence();
}

#[test]
fn xep0280_4_a_new_session_wants_none() {
    let mut world = house();
    world.leave("juliet/chamber");
    world.online("juliet/chamber", 0);
    assert_eq!(
        received(&mut world, "juliet@example.com/balcony", "chat", TEXT),
        "balcony M, cellar R, lobby R"
    );
}

#[test]
fn xep0280_3_the_server_says_that_it_makes_copies_and_keeps_messages() {
    let mut world = World::new();
    world.login("juliet/balcony");
    let query = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
    world.send("juliet/balcony", &format!("<iq type='get' to='example.com' id='d'>{query}</iq>"));
    let info = xml(&world.take("juliet/balcony")[0]);
    for feature in ["urn:xmpp:carbons:2", "msgoffline"] {
        assert!(info.contains(&format!("<feature var='{feature}'/>")), "{info}");
    }
    // Errors are told from each other by what they contain only.
    assert!(!info.contains("urn:xmpp:carbons:rules:0"));
}

#[test]
fn xep0280_7_who_has_not_received_a_message_gets_a_copy() {
    let mut world = house();
    let balcony = format!("balcony M, {ALL_BUT_BALCONY}");
    assert_eq!(received(&mut world, "juliet@example.com", "chat", TEXT), balcony);
    assert_eq!(received(&mut world, "juliet@example.com/balcony", "chat", TEXT), balcony);
    assert_eq!(received(&mut world, "juliet@example.com/gone", "chat", TEXT), balcony);
    // To one that wants copies: it has got the message itself; and the balcony does not want any.
    assert_eq!(
        received(&mut world, "juliet@example.com/cellar", "chat", TEXT),
        "cellar M, chamber R, lobby R"
    );
    world.send("juliet/chamber", "<presence><priority>1</priority></presence>");
    world.received.clear();
    assert_eq!(
        received(&mut world, "juliet@example.com", "chat", TEXT),
        "balcony M, cellar R, chamber M, lobby R"
    );
}

#[test]
fn xep0280_7_a_copy_is_the_message_as_it_was() {
    let mut world = World::new();
    world.online("romeo/orchard", 0);
    world.online("juliet/balcony", 1);
    world.wants("juliet/chamber", None);
    let inner = "<body>Hi</body><x:y xmlns:x='urn:x'/>";
    world.send(
        "romeo/orchard",
        &format!("<message to='juliet@example.com' type='chat' id='m' xml:lang='it'>{inner}</message>"),
    );
    let expected = format!(
        "<message to='juliet@example.com/chamber' type='chat' from='juliet@example.com'>\
         <received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>\
         <message xmlns='jabber:client' to='juliet@example.com' type='chat' id='m' xml:lang='it' \
         from='romeo@example.com/orchard'>{inner}</message></forwarded></received></message>"
    );
    assert_eq!(world.take("juliet/chamber").iter().map(xml).collect::<Vec<_>>(), [expected]);
}

#[test]
fn xep0280_8_others_get_copies_of_what_one_sends() {
    let mut world = house();
    for to in ["romeo@example.com", "romeo@example.com/orchard", "nobody@example.com"] {
        world.send("juliet/balcony", &format!("<message to='{to}' type='chat' id='m'>{TEXT}</message>"));
        if to == "nobody@example.com" {
            assert_eq!(world.got("juliet/balcony").len(), 1);
        }
        assert_eq!(world.copies(), "cellar S, chamber S, lobby S");
    }
    // Not to the one that sends, though it wants copies.
    world.send("juliet/chamber", &format!("<message to='romeo@example.com' type='chat'>{TEXT}</message>"));
    assert_eq!(world.copies(), "cellar S, lobby S");
}

#[test]
fn xep0280_8_a_message_to_oneself_is_copied_once() {
    let mut world = house();
    let send = |world: &mut World, session: &str, to: &str| {
        world.send(session, &format!("<message to='{to}' type='chat' id='m'>{TEXT}</message>"));
        world.copies()
    };
    assert_eq!(send(&mut world, "juliet/chamber", "juliet@example.com"), "balcony M, cellar R, lobby R");
    assert_eq!(
        send(&mut world, "juliet/chamber", "juliet@example.com/balcony"),
        "balcony M, cellar R, lobby R"
    );
    assert_eq!(
        send(&mut world, "juliet/balcony", "juliet@example.com"),
        format!("balcony M, {ALL_BUT_BALCONY}")
    );
}

#[test]
fn xep0280_6_1_what_is_copied() {
    let chat_state = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
    let receipt = "<received xmlns='urn:xmpp:receipts' id='x'/>";
    let marker = "<displayed xmlns='urn:xmpp:chat-markers:0' id='x'/>";
    let private = "<private xmlns='urn:xmpp:carbons:2'/>";
    let no_copy = "<no-copy xmlns='urn:xmpp:hints'/>";
    let other = "<x xmlns='urn:x'/>";
    let direct = "<x xmlns='jabber:x:conference' jid='r@c'/>";
    let mediated = "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='a@b'/></x>";
    let error = |inner: &str| format!("{inner}{ERROR}");
    for (of_type, inner, expected) in [
        ("chat", other.to_owned(), true),
        ("chat", String::new(), true),
        ("chat", format!("{TEXT}{private}"), false),
        ("chat", format!("{TEXT}{no_copy}"), false),
        ("chat", format!("{TEXT}{private}{no_copy}"), false),
        ("normal", TEXT.to_owned(), true),
        ("normal", other.to_owned(), false),
        ("normal", String::new(), false),
        ("normal", chat_state.to_owned(), true),
        ("normal", receipt.to_owned(), true),
        ("normal", marker.to_owned(), true),
        ("normal", format!("{TEXT}{private}"), false),
        ("normal", direct.to_owned(), true),
        ("normal", mediated.to_owned(), true),
        ("normal", format!("{mediated}{private}"), false),
        ("headline", TEXT.to_owned(), false),
        ("groupchat", TEXT.to_owned(), false),
        ("groupchat", direct.to_owned(), false),
        ("error", error(TEXT), true),
        ("error", error(receipt), true),
        ("error", error(""), false),
        ("error", error(&format!("{TEXT}{private}")), false),
    ] {
        let mut world = house();
        let expected = if expected { format!("balcony M, {ALL_BUT_BALCONY}") } else { "balcony M".into() };
        assert_eq!(
            received(&mut world, "juliet@example.com/balcony", of_type, &inner),
            expected,
            "{of_type}: {inner}"
        );
        // What one sends is judged alike.
        let expected = if expected == "balcony M" { "" } else { "cellar S, chamber S, lobby S" };
        let copies = sent(&mut world, "romeo@example.com/orchard", of_type, &inner);
        assert_eq!(copies, expected, "{of_type}: {inner}");
    }
}

#[test]
fn xep0280_6_1_private_messages_in_rooms() {
    let muc = "<x xmlns='http://jabber.org/protocol/muc#user'/>";
    let mut world = house();
    // From somebody in the room: the room sends it to all resources that are there.
    let pm = format!("{TEXT}{muc}");
    assert_eq!(received(&mut world, "juliet@example.com/balcony", "chat", &pm), "balcony M");
    // To somebody in the room.
    assert_eq!(sent(&mut world, "romeo@example.com/nick", "chat", &pm), "cellar S, chamber S, lobby S");
}

#[test]
fn xep0334_4_3_no_copy_means_nothing_for_bare_addresses() {
    let mut world = house();
    let inner = format!("{TEXT}<no-copy xmlns='urn:xmpp:hints'/>");
    let balcony = format!("balcony M, {ALL_BUT_BALCONY}");
    assert_eq!(received(&mut world, "juliet@example.com", "chat", &inner), balcony);
    assert_eq!(sent(&mut world, "romeo@example.com", "chat", &inner), "cellar S, chamber S, lobby S");
}

#[test]
fn xep0280_7_what_is_kept_is_copied_when_it_is_kept_what_is_refused_is_not() {
    let mut world = World::new();
    world.online("romeo/orchard", 0);
    world.wants("juliet/cellar", Some(-1));
    world.silent = true;
    world.send("romeo/orchard", &format!("<message to='juliet@example.com' id='m'>{TEXT}</message>"));
    assert_eq!(world.copies(), "");
    world.answer();
    assert_eq!(world.copies(), "cellar R");
    let inner = format!("{TEXT}<no-store xmlns='urn:xmpp:hints'/>");
    assert_eq!(received(&mut world, "juliet@example.com", "chat", &inner), "");
    world.silent = true;
    world.send("romeo/orchard", &format!("<message to='juliet@example.com' id='m'>{TEXT}</message>"));
    let request = world.asked.remove(0);
    world.reply(request.refused(crate::server::store::StoreError::Busy));
    assert_eq!(world.got("romeo/orchard").len(), 1);
    assert_eq!(world.copies(), "");
}

#[test]
fn xep0280_11_3_errors_about_copies_go_nowhere() {
    let mut world = house();
    received(&mut world, "juliet@example.com", "chat", TEXT);
    // To the sender of the copy, which is the account itself.
    let error = format!("<message to='juliet@example.com' type='error' id='m'>{TEXT}{ERROR}</message>");
    world.send("juliet/chamber", &error);
    world.silence();
}

#[test]
fn xep0280_12_nobody_can_forge_copies() {
    let mut world = World::with(Config { federation: true, ..config() });
    world.online("romeo/orchard", 0);
    world.online("juliet/balcony", 1);
    world.online("juliet/chamber", 0);
    let forged = |from: &str| {
        format!(
            "<message {from} to='juliet@example.com/balcony'><received xmlns='urn:xmpp:carbons:2'>\
             <forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='nurse@example.com'>{TEXT}\
             </message></forwarded></received></message>"
        )
    };
    let is_forged = |message: &Message| Carbon::read(message, &account("juliet")).unwrap().is_err();
    let own = "from='juliet@example.com'";
    world.send("romeo/orchard", &forged(own));
    // Her own other resources, too, speak in their own name only.
    world.send("juliet/chamber", &forged(own));
    for stanza in world.take("juliet/balcony") {
        let Stanza::Message(message) = stanza else { panic!("{stanza:?}") };
        assert!(is_forged(&message), "{message:?}");
    }
    let stanza = stanza(&forged(own));
    world.call(|hub, now| hub.remote(now, stanza));
    world.silence();
}

#[test]
fn copies_wait_behind_messages_that_came_before() {
    let mut world = World::new();
    world.login("romeo/orchard");
    world.send("romeo/orchard", &format!("<message to='juliet@example.com' id='1'>{TEXT}</message>"));
    world.login("juliet/chamber");
    world.wants("juliet/balcony", None);
    world.silent = true;
    world.send("juliet/balcony", "<presence/>");
    let to_chamber = format!("<message to='juliet@example.com/chamber' type='chat' id='2'>{TEXT}</message>");
    world.send("romeo/orchard", &to_chamber);
    world.answer();
    let received = world.take("juliet/balcony");
    let received = received.iter().filter(|stanza| matches!(stanza, Stanza::Message(_)));
    let received: String = received.map(|stanza| kind("juliet/balcony", stanza)).collect();
    assert_eq!(received, "MR");
}

#[test]
fn xep0016_2_who_lets_nothing_in_from_the_sender_gets_no_copy() {
    let mut world = house();
    let item = "<item type='jid' value='romeo@example.com' action='deny' order='1'/>";
    for payload in [format!("<list name='n'>{item}</list>"), "<active name='n'/>".into()] {
        let query = format!("<query xmlns='jabber:iq:privacy'>{payload}</query>");
        world.send("juliet/cellar", &format!("<iq type='set' id='p'>{query}</iq>"));
        assert!(world.got("juliet/cellar").contains(&"iq result juliet > juliet/cellar #p".into()));
    }
    world.received.clear();
    assert_eq!(received(&mut world, "juliet@example.com", "chat", TEXT), "balcony M, chamber R, lobby R");
}
