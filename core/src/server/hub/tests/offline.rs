//! XEP-0160 (messages that wait), with XEP-0203 (when they came) and XEP-0334 (hints). Juliet is away, romeo writes.

use super::*;
use crate::server::store::{Found, OfflineCount, Query, RequestId, StoreError};

const TEXT: &str = "<body>wherefore</body>";

impl World {
    fn write(&mut self, id: &str) {
        self.write_with(id, "chat", TEXT);
    }

    fn write_with(&mut self, id: &str, of_type: &str, inner: &str) {
        let xml = format!("<message to='juliet@example.com' type='{of_type}' id='{id}'>{inner}</message>");
        self.send("romeo/orchard", &xml);
    }

    /// The ids of the messages that the store has for juliet. What it says of their number is true.
    fn waiting(&mut self) -> Vec<String> {
        let id = RequestId { shard: 9, serial: 9 };
        let query = Query::Offline { after: 0, limit: u32::MAX };
        let reply = self.store.execute(Request::Read { id, account: account("juliet"), query });
        let Reply::Read { result: Ok(Found::Offline(messages)), .. } = reply else { panic!("{reply:?}") };
        let mut count = OfflineCount::default();
        messages.iter().for_each(|message| count.add(message));
        assert_eq!(self.store.get(&account("juliet")).unwrap().offline, count);
        let id = |xml: &str| Stanza::from_xml(xml).unwrap().id().unwrap().to_owned();
        messages.iter().map(|message| id(&message.stanza)).collect()
    }

    /// Ids of messages that a session has received; presence and the like is forgotten.
    fn messages(&mut self, jid: &str) -> Vec<String> {
        let received = self.take(jid);
        let messages = received.iter().filter(|stanza| matches!(stanza, Stanza::Message(_)));
        messages.map(|message| message.id().unwrap().to_owned()).collect()
    }

    /// Errors that romeo has received: id, condition, type.
    fn errors(&mut self) -> Vec<String> {
        let errors = self.got("romeo/orchard").into_iter();
        errors.map(|error| error.split_once('#').unwrap().1.to_owned()).collect()
    }

    fn available(&mut self, jid: &str, priority: i8) {
        self.send(jid, &format!("<presence><priority>{priority}</priority></presence>"));
    }

    /// The oldest thing that the silent store has been asked about messages.
    fn asked_next(&mut self) -> Request {
        loop {
            let request = self.asked.remove(0);
            match &request {
                Request::Read { query: Query::Offline { .. }, .. } => return request,
                Request::Save { deltas, .. }
                    if deltas
                        .iter()
                        .any(|delta| matches!(delta, Delta::Offline(_) | Delta::OfflineRemoved { .. })) =>
                {
                    return request;
                }
                _ => {
                    let reply = self.store.execute(request);
                    self.reply(reply);
                }
            }
        }
    }

    /// The silent store does that.
    fn step(&mut self) {
        let request = self.asked_next();
        let reply = self.store.execute(request);
        self.reply(reply);
    }

    /// The silent store cannot do that.
    fn fail(&mut self, error: StoreError) {
        let request = self.asked_next();
        self.reply(request.refused(error));
    }
}

fn unavailable() -> StoreError {
    StoreError::Unavailable("disk full".into())
}

fn ids(range: std::ops::RangeInclusive<usize>) -> Vec<String> {
    range.map(|id| id.to_string()).collect()
}

/// Romeo is there, and juliet has this many messages, from 1 on.
fn with_messages(count: usize) -> World {
    with_messages_and(config(), count)
}

fn with_messages_and(config: Config, count: usize) -> World {
    let mut world = World::with(config);
    world.login("romeo/orchard");
    ids(1..=count).iter().for_each(|id| world.write(id));
    assert_eq!(world.waiting(), ids(1..=count));
    world.silence();
    world
}

#[test]
fn xep0160_2_messages_wait_and_are_delivered_with_the_time_when_they_came() {
    let mut world = World::new();
    world.login("romeo/orchard");
    world.write("1");
    world.pass(90 * SECOND);
    world.send("romeo/orchard", "<message to='juliet@example.com/gone' type='chat' xml:lang='it' id='2'><body>e</body><x:y xmlns:x='urn:x'/></message>");
    world.pass(3600 * SECOND);
    world.login("juliet/balcony");
    assert_eq!(world.messages("juliet/balcony"), [""; 0]);
    world.available("juliet/balcony", 0);
    let received = world.take("juliet/balcony");
    let received: Vec<String> = received.iter().filter(|stanza| stanza.id().is_some()).map(xml).collect();
    let delay = |stamp: &str| {
        format!("<delay xmlns='urn:xmpp:delay' from='example.com' stamp='{stamp}'>Offline storage</delay>")
    };
    let expected = [
        format!(
            "<message to='juliet@example.com' type='chat' id='1' from='romeo@example.com/orchard'>{TEXT}{}</message>",
            delay("2026-01-01T00:00:00Z")
        ),
        format!(
            "<message to='juliet@example.com/gone' type='chat' xml:lang='it' id='2' from='romeo@example.com/orchard'>\
             <body>e</body><x:y xmlns:x='urn:x'/>{}</message>",
            delay("2026-01-01T00:01:30Z")
        ),
    ];
    assert_eq!(received, expected);
    // And once only.
    assert_eq!(world.waiting(), [""; 0]);
    world.available("juliet/balcony", 1);
    world.online("juliet/chamber", 9);
    assert_eq!(world.messages("juliet/balcony"), [""; 0]);
    world.silence();
}

#[test]
fn xep0160_2_a_negative_priority_gets_them_when_it_is_negative_no_more() {
    let mut world = with_messages(2);
    world.login("juliet/balcony");
    world.available("juliet/balcony", -1);
    assert_eq!(world.messages("juliet/balcony"), [""; 0]);
    assert_eq!(world.waiting(), ids(1..=2));
    world.available("juliet/balcony", 0);
    assert_eq!(world.messages("juliet/balcony"), ids(1..=2));
    assert_eq!(world.waiting(), [""; 0]);
}

#[test]
fn xep0160_3_and_xep0334_4_what_is_worth_keeping() {
    let composing = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
    let hint = |name: &str| format!("<{name} xmlns='urn:xmpp:hints'/>");
    let receipt = "<received xmlns='urn:xmpp:receipts' id='x'/>";
    let error = "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
    for (of_type, inner, expected) in [
        ("chat", TEXT.to_owned(), true),
        ("normal", TEXT.to_owned(), true),
        ("groupchat", TEXT.to_owned(), false),
        ("headline", TEXT.to_owned(), false),
        ("error", format!("{TEXT}{error}"), false),
        ("normal", "<subject>x</subject>".into(), true),
        ("chat", receipt.into(), true),
        ("chat", String::new(), false),
        ("chat", composing.into(), false),
        ("normal", composing.into(), false),
        ("chat", format!("{composing}<thread>t</thread>{}", hint("no-copy")), false),
        ("chat", format!("{composing}{TEXT}"), true),
        ("chat", format!("{TEXT}{}", hint("no-store")), false),
        ("chat", format!("{TEXT}{}", hint("no-permanent-store")), true),
        ("chat", format!("{composing}{}", hint("store")), true),
        ("chat", format!("{composing}{}{}", hint("store"), hint("no-store")), false),
        ("headline", format!("{TEXT}{}", hint("store")), false),
    ] {
        let mut world = World::new();
        world.login("romeo/orchard");
        world.write_with("1", of_type, &inner);
        assert_eq!(!world.waiting().is_empty(), expected, "{of_type}: {inner}");
        // A body that is not kept is refused, unless the type is ignored.
        let ignored = matches!(of_type, "headline" | "error");
        let refused = !expected && !ignored && inner.contains(TEXT);
        let expected = if refused { vec!["1 service-unavailable/cancel"] } else { vec![] };
        assert_eq!(world.errors(), expected, "{of_type}: {inner}");
    }
}

#[test]
fn xep0160_2_no_more_than_fits_by_number() {
    let limits = Limits { offline_messages: 2, ..Limits::default() };
    let mut world = with_messages_and(Config { limits, ..config() }, 2);
    world.write("3");
    assert_eq!(world.errors(), ["3 service-unavailable/cancel"]);
    world.online("juliet/balcony", 0);
    world.leave("juliet/balcony");
    // There is room again; what is on its way into the store counts.
    world.silent = true;
    ["4", "5", "6"].iter().for_each(|id| world.write(id));
    assert_eq!(world.errors(), ["6 service-unavailable/cancel"]);
    world.answer();
    assert_eq!(world.waiting(), ["4", "5"]);
    world.silence();
}

#[test]
fn xep0160_2_no_more_than_fits_by_size() {
    let limits = Limits { offline_bytes: 1000, ..Limits::default() };
    let mut world = with_messages_and(Config { limits, ..config() }, 1);
    let long = format!("<body>{}</body>", "x".repeat(800));
    world.write_with("2", "chat", &long);
    assert_eq!(world.errors(), ["2 service-unavailable/cancel"]);
    world.write("3");
    assert_eq!(world.waiting(), ["1", "3"]);
    world.silence();
}

#[test]
fn a_message_that_the_store_does_not_keep_goes_back() {
    let mut world = World::new();
    world.login("romeo/orchard");
    world.silent = true;
    world.write("1");
    world.answer();
    world.silent = true;
    for (error, expected) in
        [(unavailable(), "internal-server-error/wait"), (StoreError::Busy, "resource-constraint/wait")]
    {
        world.write("2");
        world.silence();
        world.fail(error);
        assert_eq!(world.errors(), [format!("2 {expected}")]);
    }
    // No answer at all.
    world.write("3");
    world.pass(10 * SECOND);
    assert_eq!(world.errors(), ["3 internal-server-error/wait"]);
    world.asked.clear();
    assert_eq!(world.waiting(), ["1"]);
    world.silence();
}

#[test]
fn an_account_stays_in_memory_until_the_store_has_answered() {
    let limits = Limits { evict_after: SECOND, idle_accounts: 0, ..Limits::default() };
    let mut world = World::with(Config { limits, ..config() });
    world.login("romeo/orchard");
    world.silent = true;
    world.write("1");
    let load = world.asked.remove(0);
    let reply = world.store.execute(load);
    world.reply(reply);
    world.pass(5 * SECOND);
    world.fail(unavailable());
    assert_eq!(world.errors(), ["1 internal-server-error/wait"]);
    assert_eq!(world.hub.entities.len(), 1);
}

#[test]
fn an_account_that_is_removed_meanwhile_gives_messages_back() {
    let mut world = with_messages(1);
    world.silent = true;
    world.write("2");
    world.store.remove(&account("juliet"));
    let keep = world.asked.remove(0);
    world.call(|hub, now| hub.account_changed(now, account("juliet")));
    world.answer();
    let reply = world.store.execute(keep);
    world.reply(reply);
    assert_eq!(world.errors(), ["2 service-unavailable/cancel"]);
    world.silence();
}

#[test]
fn nothing_waits_for_an_anonymous_account() {
    let mut world = World::new();
    world.login("romeo/orchard");
    let id = SessionId(99);
    world.names.insert("guest/x".into(), id);
    world.call(|hub, now| hub.bind(now, id, account("guest"), BindRequest::resource("x").anonymous()));
    world.outputs.clear();
    world.send("romeo/orchard", &format!("<message to='guest@example.com' id='1'>{TEXT}</message>"));
    assert_eq!(world.errors(), ["1 service-unavailable/cancel"]);
    world.silence();
}

#[test]
fn messages_are_read_in_pages_and_each_is_removed_when_it_has_been_handed_over() {
    let mut world = with_messages(120);
    world.login("juliet/balcony");
    world.silent = true;
    world.available("juliet/balcony", 0);
    for page in [1..=50, 51..=100, 101..=120] {
        assert_eq!(world.messages("juliet/balcony"), [""; 0]);
        assert!(matches!(world.asked.last(), Some(Request::Read { .. })), "{:?}", world.asked);
        world.step();
        assert_eq!(world.messages("juliet/balcony"), ids(page.clone()));
        assert_eq!(world.waiting(), ids(*page.start()..=120));
        world.step();
        assert_eq!(world.waiting(), ids(*page.end() + 1..=120));
    }
    world.step();
    assert!(world.asked.is_empty());
    world.silence();
}

#[test]
fn later_messages_wait_behind_those_that_came_before() {
    let mut world = with_messages(2);
    world.login("juliet/balcony");
    world.silent = true;
    world.available("juliet/balcony", 0);
    world.write("3");
    world.send("romeo/orchard", "<message to='juliet@example.com/balcony' type='headline' id='4'/>");
    assert_eq!(world.messages("juliet/balcony"), [""; 0]);
    world.step();
    world.write("5");
    world.step();
    assert_eq!(world.messages("juliet/balcony"), ids(1..=2));
    world.step();
    assert_eq!(world.messages("juliet/balcony"), ids(3..=5));
    world.write("6");
    assert_eq!(world.messages("juliet/balcony"), ["6"]);
    world.silence();
}

#[test]
fn no_more_than_the_limit_waits_behind() {
    let limits = Limits { waiting_per_account: 2, ..Limits::default() };
    let mut world = with_messages_and(Config { limits, ..config() }, 1);
    world.login("juliet/balcony");
    world.silent = true;
    world.available("juliet/balcony", 0);
    ids(2..=4).iter().for_each(|id| world.write(id));
    assert_eq!(world.messages("juliet/balcony"), ids(2..=3));
    world.answer();
    assert_eq!(world.messages("juliet/balcony"), ["1", "4"]);
    world.silence();
}

#[test]
fn what_a_session_did_not_get_before_it_went_stays() {
    let mut world = with_messages(60);
    world.login("juliet/balcony");
    world.silent = true;
    world.available("juliet/balcony", 0);
    world.write("later");
    world.step();
    world.leave("juliet/balcony");
    world.answer();
    let mut rest = ids(51..=60);
    rest.push("later".into());
    assert_eq!(world.waiting(), rest);
    world.login("juliet/chamber");
    world.available("juliet/chamber", 0);
    assert_eq!(world.messages("juliet/chamber"), rest);
    assert_eq!(world.waiting(), [""; 0]);
}

#[test]
fn what_a_session_did_not_get_goes_to_another_that_is_there() {
    let mut world = with_messages(60);
    world.online("juliet/cellar", -1);
    world.login("juliet/balcony");
    world.login("juliet/chamber");
    world.silent = true;
    world.available("juliet/balcony", 0);
    world.available("juliet/chamber", 0);
    world.step();
    // One for both, one for the balcony alone; then the balcony is lost.
    world.write("both");
    world.available("juliet/balcony", 5);
    world.write("alone");
    world.leave("juliet/balcony");
    world.answer();
    let mut expected = vec!["both".to_owned()];
    expected.extend(ids(51..=60));
    expected.push("alone".into());
    assert_eq!(world.messages("juliet/chamber"), expected);
    assert_eq!(world.messages("juliet/cellar"), [""; 0]);
    assert_eq!(world.waiting(), [""; 0]);
}

#[test]
fn a_session_that_takes_messages_no_more_gets_no_more() {
    for presence in ["<presence type='unavailable'/>", "<presence><priority>-1</priority></presence>"] {
        let mut world = with_messages(60);
        world.login("juliet/balcony");
        world.silent = true;
        world.available("juliet/balcony", 0);
        world.step();
        world.write("61");
        world.send("juliet/balcony", presence);
        world.write("62");
        world.answer();
        // What was addressed while it took messages it gets all the same.
        let mut expected = ids(1..=50);
        expected.push("61".into());
        assert_eq!(world.messages("juliet/balcony"), expected);
        let mut rest = ids(51..=60);
        rest.push("62".into());
        assert_eq!(world.waiting(), rest);
        world.available("juliet/balcony", 0);
        assert_eq!(world.messages("juliet/balcony"), rest);
        assert_eq!(world.waiting(), [""; 0]);
    }
}

#[test]
fn a_message_that_is_kept_while_the_last_page_is_read_is_not_forgotten() {
    let mut world = with_messages(1);
    world.login("juliet/balcony");
    world.silent = true;
    world.available("juliet/balcony", 0);
    world.step();
    world.step();
    // The store is being asked for more. Meanwhile the session goes and comes back.
    world.available("juliet/balcony", -1);
    world.write("2");
    world.available("juliet/balcony", 0);
    world.answer();
    assert_eq!(world.messages("juliet/balcony"), ids(1..=2));
    assert_eq!(world.waiting(), [""; 0]);
}

#[test]
fn a_session_that_comes_while_a_message_is_being_kept_gets_it() {
    let mut world = with_messages(0);
    world.login("juliet/balcony");
    world.silent = true;
    world.write("1");
    world.available("juliet/balcony", 0);
    world.answer();
    assert_eq!(world.messages("juliet/balcony"), ["1"]);
    assert_eq!(world.waiting(), [""; 0]);
    world.silence();
}

#[test]
fn messages_that_cannot_be_read_stay_and_those_that_come_are_delivered() {
    for silence in [false, true] {
        let mut world = with_messages(2);
        world.login("juliet/balcony");
        world.silent = true;
        world.available("juliet/balcony", 0);
        world.write("3");
        if silence {
            world.pass(10 * SECOND);
            world.asked.clear();
        } else {
            world.fail(unavailable());
        }
        assert_eq!(world.messages("juliet/balcony"), ["3"]);
        world.write("4");
        assert_eq!(world.messages("juliet/balcony"), ["4"]);
        assert_eq!(world.waiting(), ids(1..=2));
        world.silent = false;
        world.available("juliet/balcony", 0);
        assert_eq!(world.messages("juliet/balcony"), ids(1..=2));
        assert_eq!(world.waiting(), [""; 0]);
    }
}

#[test]
fn messages_that_cannot_be_removed_are_not_delivered_twice() {
    let mut world = with_messages(60);
    world.login("juliet/balcony");
    world.silent = true;
    world.available("juliet/balcony", 0);
    world.write("61");
    world.step();
    assert_eq!(world.messages("juliet/balcony"), ids(1..=50));
    world.fail(unavailable());
    assert_eq!(world.messages("juliet/balcony"), ["61"]);
    assert_eq!(world.waiting(), ids(1..=60));
    world.silent = false;
    world.available("juliet/balcony", 0);
    assert_eq!(world.messages("juliet/balcony"), ids(51..=60));
    assert_eq!(world.waiting(), [""; 0]);
    world.silence();
}

#[test]
fn a_removal_that_nobody_confirms_in_time_changes_no_count() {
    let mut world = with_messages(2);
    world.login("juliet/balcony");
    world.silent = true;
    world.available("juliet/balcony", 0);
    world.step();
    assert_eq!(world.messages("juliet/balcony"), ids(1..=2));
    // It is made, but the answer is lost.
    let removal = world.asked_next();
    let lost = world.store.execute(removal);
    world.pass(10 * SECOND);
    world.reply(lost);
    world.answer();
    assert_eq!(world.waiting(), [""; 0]);
    world.send("juliet/balcony", "<presence type='unavailable'/>");
    world.write("3");
    assert_eq!(world.waiting(), ["3"]);
    world.available("juliet/balcony", 0);
    assert_eq!(world.messages("juliet/balcony"), ["3"]);
    assert_eq!(world.waiting(), [""; 0]);
}

#[test]
fn xep0203_2_a_message_that_says_when_it_was_sent_is_stamped_no_more() {
    let mut world = with_messages(0);
    let delay = "<delay xmlns='urn:xmpp:delay' stamp='2002-09-10T23:08:25Z'/>";
    world.write_with("1", "chat", &format!("{TEXT}{delay}"));
    world.login("juliet/balcony");
    world.available("juliet/balcony", 0);
    let received = world.take("juliet/balcony");
    let message = xml(received.iter().find(|stanza| stanza.id() == Some("1")).unwrap());
    assert_eq!(message.matches("<delay").count(), 1, "{message}");
}

#[test]
fn xep0191_3_3_a_sender_who_has_been_blocked_meanwhile_is_told_so() {
    let mut world = with_messages(1);
    world.store.insert(account("nurse"), Record::new(credentials(1)));
    world.online("nurse/kitchen", 0);
    world.send("nurse/kitchen", &format!("<message to='juliet@example.com' id='2'>{TEXT}</message>"));
    world.login("juliet/balcony");
    let item = "<item jid='romeo@example.com'/>";
    world.send(
        "juliet/balcony",
        &format!("<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'>{item}</block></iq>"),
    );
    assert_eq!(world.got("juliet/balcony"), ["iq result juliet > juliet/balcony #b"]);
    world.available("juliet/balcony", 0);
    assert_eq!(world.messages("juliet/balcony"), ["2"]);
    assert_eq!(world.errors(), ["1 service-unavailable/cancel"]);
    assert_eq!(world.waiting(), [""; 0]);
}
