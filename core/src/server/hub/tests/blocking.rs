//! XEP-0191, by section. Juliet is `juliet/balcony` and blocks; romeo is a contact of hers, with a subscription both ways,
//! unless said otherwise.

use super::privacy::{relate, remote, world};
use super::*;
use crate::server::store::StoreError;

const LIST: &str = "<iq type='get' id='l'><blocklist xmlns='urn:xmpp:blocking'/></iq>";
const ERROR: &str = "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
const ROMEO: &str = "romeo@example.com";

fn items(jids: &[&str]) -> String {
    jids.iter().map(|jid| format!("<item jid='{jid}'/>")).collect()
}

fn command(name: &str, jids: &[&str]) -> String {
    format!("<iq type='set' id='b'><{name} xmlns='urn:xmpp:blocking'>{}</{name}></iq>", items(jids))
}

impl World {
    /// A session blocks. What it gets on account of it, in brief, without the result.
    fn blocks(&mut self, jid: &str, whom: &[&str]) -> Vec<String> {
        self.orders(jid, &command("block", whom))
    }

    fn unblocks(&mut self, jid: &str, whom: &[&str]) -> Vec<String> {
        self.orders(jid, &command("unblock", whom))
    }

    fn orders(&mut self, jid: &str, request: &str) -> Vec<String> {
        self.send(jid, request);
        let mut got = self.got(jid);
        let account = jid.split('/').next().unwrap();
        assert_eq!(got.remove(0), format!("iq result {account} > {jid} #b"), "{got:?}");
        got
    }

    /// The block list, as a session gets it. The session is told of changes from now on.
    fn block_list(&mut self, jid: &str) -> String {
        self.send(jid, LIST);
        let got = self.take(jid);
        let [answer] = got.as_slice() else { panic!("{got:?}") };
        assert!(brief(answer).starts_with("iq result"), "{}", brief(answer));
        payload(answer)
    }

    fn refusal(&mut self, jid: &str, request: &str) -> String {
        self.send(jid, request);
        let got = self.got(jid);
        assert_eq!(got.len(), 1, "{got:?}");
        got[0].rsplit(' ').next().unwrap().to_owned()
    }
}

/// The payload of an iq, as it stands in the stream.
fn payload(stanza: &Stanza) -> String {
    let xml = xml(stanza);
    let (_, payload) = xml.split_once('>').unwrap();
    payload.strip_suffix("</iq>").unwrap().to_owned()
}

fn push(stanza: &Stanza, to: &str) -> String {
    let brief = brief(stanza);
    let (head, id) = brief.split_once(" #").unwrap();
    assert_eq!(head, format!("iq set - > {to}"));
    assert!(id.len() >= 20, "nobody can guess it");
    payload(stanza)
}

#[test]
fn xep0191_3_2_the_block_list_is_retrieved() {
    let mut world = world();
    assert_eq!(world.block_list("juliet/balcony"), "<blocklist xmlns='urn:xmpp:blocking'/>");
    world.blocks("juliet/balcony", &[ROMEO, "example.net", "x@example.org/y"]);
    let expected = ["example.net", ROMEO, "x@example.org/y"];
    let expected = format!("<blocklist xmlns='urn:xmpp:blocking'>{}</blocklist>", items(&expected));
    world.received.clear();
    assert_eq!(world.block_list("juliet/balcony"), expected);
    // It outlives the sessions, and is nobody else's.
    world.leave("juliet/balcony");
    world.pass(SECOND * 100);
    world.login("juliet/chamber");
    assert_eq!(world.block_list("juliet/chamber"), expected);
    assert_eq!(world.block_list("romeo/orchard"), "<blocklist xmlns='urn:xmpp:blocking'/>");
}

#[test]
fn xep0191_3_3_and_3_4_changes_are_pushed_to_those_who_know_the_list() {
    let mut world = world();
    for jid in ["juliet/chamber", "juliet/garden"] {
        world.login(jid);
    }
    world.block_list("juliet/balcony");
    world.block_list("juliet/chamber");
    for name in ["block", "unblock"] {
        world.send("juliet/balcony", &command(name, &["x@example.net", "example.org"]));
        let own = world.take("juliet/balcony");
        assert_eq!(brief(&own[0]), "iq result juliet > juliet/balcony #b");
        assert_eq!(xml(&own[0]).find("urn:xmpp:blocking"), None);
        let pushed = format!(
            "<{name} xmlns='urn:xmpp:blocking'>{}</{name}>",
            items(&["x@example.net", "example.org"])
        );
        assert_eq!(push(&own[1], "juliet/balcony"), pushed);
        let other = world.take("juliet/chamber");
        assert_eq!(push(&other[0], "juliet/chamber"), pushed);
        assert_eq!((own.len(), other.len()), (2, 1));
        world.silence();
    }
}

#[test]
fn xep0191_3_5_all_are_unblocked_at_once() {
    let mut world = world();
    world.blocks("juliet/balcony", &["x@example.net", "example.org"]);
    world.block_list("juliet/balcony");
    world.send("juliet/balcony", &command("unblock", &[]));
    let own = world.take("juliet/balcony");
    assert_eq!(push(&own[1], "juliet/balcony"), "<unblock xmlns='urn:xmpp:blocking'/>");
    assert_eq!(world.block_list("juliet/balcony"), "<blocklist xmlns='urn:xmpp:blocking'/>");
    let record = world.store.get(&account("juliet")).unwrap();
    assert_eq!(record.privacy, Default::default(), "nothing of it stays");
}

#[test]
fn xep0191_3_3_and_3_4_what_is_so_already_changes_nothing() {
    let mut world = world();
    world.block_list("juliet/balcony");
    assert_eq!(world.unblocks("juliet/balcony", &["x@example.net"]), [""; 0]);
    assert_eq!(world.unblocks("juliet/balcony", &[]), [""; 0]);
    assert_eq!(world.blocks("juliet/balcony", &["x@example.net"]).len(), 1);
    assert_eq!(world.blocks("juliet/balcony", &["x@example.net"]), [""; 0]);
    // Of several, those who are new.
    world.send("juliet/balcony", &command("block", &["x@example.net", "y@example.net"]));
    let pushed = push(&world.take("juliet/balcony")[1], "juliet/balcony");
    assert_eq!(pushed, "<block xmlns='urn:xmpp:blocking'><item jid='y@example.net'/></block>");
    world.silence();
}

#[test]
fn xep0191_3_malformed_requests() {
    let mut world = world();
    let cases = [
        ("<iq type='set' id='1'><block xmlns='urn:xmpp:blocking'/></iq>", "bad-request/modify"),
        ("<iq type='set' id='1'><block xmlns='urn:xmpp:blocking'><item/></block></iq>", "bad-request/modify"),
        (
            "<iq type='set' id='1'><block xmlns='urn:xmpp:blocking'><item jid='@'/></block></iq>",
            "jid-malformed/modify",
        ),
        (
            "<iq type='get' id='1'><block xmlns='urn:xmpp:blocking'><item jid='x'/></block></iq>",
            "bad-request/modify",
        ),
        ("<iq type='set' id='1'><blocklist xmlns='urn:xmpp:blocking'/></iq>", "bad-request/modify"),
        ("<iq type='set' id='1'><other xmlns='urn:xmpp:blocking'/></iq>", "bad-request/modify"),
    ];
    for (request, error) in cases {
        assert_eq!(world.refusal("juliet/balcony", request), error, "{request}");
    }
    world.silence();
}

#[test]
fn xep0191_3_block_lists_of_others_look_like_those_of_nobody() {
    let mut world = world();
    world.login("nurse/kitchen");
    let block = command("block", &[ROMEO]);
    for request in [LIST, &block] {
        for to in ["juliet@example.com", "nobody@example.com"] {
            let request = request.replacen(" id", &format!(" to='{to}' id"), 1);
            let error = world.refusal("nurse/kitchen", &request);
            assert_eq!(error, "service-unavailable/cancel", "{request}");
        }
    }
    assert_eq!(world.block_list("juliet/balcony"), "<blocklist xmlns='urn:xmpp:blocking'/>");
}

#[test]
fn xep0191_3_3_blocking_shows_the_contact_unavailable_presence_and_unblocking_the_current_one() {
    let mut world = world();
    assert_eq!(world.blocks("juliet/balcony", &[ROMEO]), ["presence unavailable romeo > juliet/balcony"]);
    assert_eq!(world.got("romeo/orchard"), ["presence unavailable juliet/balcony > romeo"]);
    world.send("juliet/balcony", "<presence id='away'><show>away</show></presence>");
    assert_eq!(world.got("juliet/balcony"), ["presence juliet/balcony > juliet #away"]);
    world.silence();
    let got = world.unblocks("juliet/balcony", &[ROMEO]);
    assert_eq!(world.got("romeo/orchard"), ["presence juliet/balcony > romeo #away"]);
    // And juliet sees again what she has missed.
    assert_eq!(got, ["presence romeo/orchard > juliet"]);
    world.silence();
}

#[test]
fn xep0191_3_3_who_is_not_subscribed_learns_nothing() {
    let mut world = World::new();
    relate(&mut world, "juliet", "romeo", true, false);
    world.online("romeo/orchard", 0);
    world.online("juliet/balcony", 0);
    world.blocks("juliet/balcony", &[ROMEO, "example.net"]);
    world.unblocks("juliet/balcony", &[]);
    assert_eq!(world.got("romeo/orchard"), [""; 0]);
    world.silence();
}

#[test]
fn xep0191_3_3_directed_presence_ends_when_its_receiver_is_blocked() {
    let mut world = world();
    world.online("nurse/kitchen", 0);
    world.login("juliet/chamber");
    // One of the sessions is available, one is not.
    for jid in ["juliet/balcony", "juliet/chamber"] {
        world.send(jid, "<presence to='nurse@example.com/kitchen'/>");
    }
    world.received.clear();
    world.blocks("juliet/balcony", &["nurse@example.com"]);
    let expected = [
        "presence unavailable juliet/balcony > nurse/kitchen",
        "presence unavailable juliet/chamber > nurse/kitchen",
    ];
    let mut got = world.got("nurse/kitchen");
    got.sort();
    assert_eq!(got, expected);
    // It is over, so nothing comes back, and the end of the session is none of the nurse's business.
    world.unblocks("juliet/balcony", &["nurse@example.com"]);
    world.leave("juliet/balcony");
    assert_eq!(world.got("nurse/kitchen"), [""; 0]);
}

#[test]
fn xep0191_3_3_nothing_comes_in_from_who_is_blocked() {
    let mut world = world();
    world.blocks("juliet/balcony", &[ROMEO]);
    world.received.clear();
    for to in ["juliet@example.com", "juliet@example.com/balcony", "juliet@example.com/gone"] {
        for kind in ["", "type='unavailable'", "type='subscribe'", "type='subscribed'", "type='unsubscribe'"]
            .into_iter()
            .chain(["type='unsubscribed'", "type='probe'"])
        {
            world.send("romeo/orchard", &format!("<presence {kind} to='{to}'/>"));
            let silent = world.got("romeo/orchard");
            // Subscriptions are also the business of romeo's own account.
            assert!(silent.iter().all(|got| !got.contains("juliet")), "{kind}: {silent:?}");
        }
        for kind in ["", "type='chat'", "type='normal'"] {
            let error = world.refusal(
                "romeo/orchard",
                &format!("<message {kind} to='{to}' id='1'><body>x</body></message>"),
            );
            assert_eq!(error, "service-unavailable/cancel", "{kind}");
        }
        for kind in ["get", "set"] {
            let request = format!("<iq type='{kind}' to='{to}' id='1'><query xmlns='urn:x'/></iq>");
            assert_eq!(world.refusal("romeo/orchard", &request), "service-unavailable/cancel");
        }
        world.send("romeo/orchard", &format!("<iq type='result' to='{to}' id='1'/>"));
        for kind in ["iq", "message", "presence"] {
            world.send("romeo/orchard", &format!("<{kind} type='error' to='{to}' id='1'>{ERROR}</{kind}>"));
        }
    }
    world.silence();
    let contact = &world.store.get(&account("juliet")).unwrap().roster.contacts[&account("romeo")];
    assert!(contact.to && contact.from, "subscriptions stay as they are");
}

/// The stanzas that a blocked sender gets, compared byte by byte with those about an account that does not exist.
#[test]
fn xep0191_3_3_who_blocks_looks_like_who_does_not_exist() {
    let stanzas = [
        "<message to='TO' id='1'><body>x</body></message>",
        "<message type='chat' to='TO' id='1'><body>x</body></message>",
        "<message type='groupchat' to='TO' id='1'><body>x</body></message>",
        "<message type='headline' to='TO' id='1'><body>x</body></message>",
        "<message type='error' to='TO' id='1'><error type='wait'/></message>",
        "<message type='chat' to='TO/balcony' id='1'><body>x</body></message>",
        "<message type='groupchat' to='TO/balcony' id='1'><body>x</body></message>",
        "<iq type='get' to='TO' id='1'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
        "<iq type='get' to='TO' id='1'><vCard xmlns='vcard-temp'/></iq>",
        "<iq type='get' to='TO' id='1'><query xmlns='jabber:iq:last'/></iq>",
        "<iq type='get' to='TO' id='1'><query xmlns='jabber:iq:roster'/></iq>",
        "<iq type='set' to='TO' id='1'><query xmlns='jabber:iq:roster'><item jid='a@b'/></query></iq>",
        "<iq type='get' to='TO' id='1'><query xmlns='jabber:iq:privacy'/></iq>",
        "<iq type='get' to='TO' id='1'><blocklist xmlns='urn:xmpp:blocking'/></iq>",
        "<iq type='set' to='TO' id='1'><enable xmlns='urn:xmpp:carbons:2'/></iq>",
        "<iq type='get' to='TO/balcony' id='1'><query xmlns='jabber:iq:version'/></iq>",
        "<iq type='get' to='TO' id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq type='result' to='TO' id='1'/>",
    ];
    for online in [true, false] {
        let mut world = world();
        world.blocks("juliet/balcony", &[ROMEO]);
        if !online {
            world.leave("juliet/balcony");
        }
        world.received.clear();
        for stanza in stanzas {
            let [blocked, missing] = ["juliet", "nobody"].map(|name| {
                world.send("romeo/orchard", &stanza.replace("TO", &format!("{name}@example.com")));
                let got: Vec<String> = world.take("romeo/orchard").iter().map(xml).collect();
                got.concat().replace(name, "TO")
            });
            assert_eq!(blocked, missing, "{stanza}");
        }
        world.silence();
    }
}

#[test]
fn xep0191_3_3_nothing_goes_out_to_who_is_blocked() {
    let mut world = world();
    world.blocks("juliet/balcony", &[ROMEO]);
    world.received.clear();
    for to in [ROMEO, "romeo@example.com/orchard", "romeo@example.com/gone"] {
        for stanza in [
            format!("<message to='{to}' id='1'><body>x</body></message>"),
            format!("<iq type='get' to='{to}' id='1'><query xmlns='urn:x'/></iq>"),
            format!("<iq type='set' to='{to}' id='1'><query xmlns='urn:x'/></iq>"),
            format!("<presence to='{to}' id='1'/>"),
            format!("<presence type='unavailable' to='{to}' id='1'/>"),
            format!("<presence type='subscribe' to='{to}' id='1'/>"),
            format!("<presence type='unsubscribed' to='{to}' id='1'/>"),
            format!("<presence type='probe' to='{to}' id='1'/>"),
        ] {
            world.send("juliet/balcony", &stanza);
            let got = world.take("juliet/balcony");
            let [error] = got.as_slice() else { panic!("{stanza}: {got:?}") };
            assert!(brief(error).ends_with("#1 not-acceptable/cancel"), "{}", brief(error));
            assert!(xml(error).contains("<blocked xmlns='urn:xmpp:blocking:errors'/>"), "{}", xml(error));
        }
        // Answers and errors cannot be answered.
        world.send("juliet/balcony", &format!("<iq type='result' to='{to}' id='1'/>"));
        world.send("juliet/balcony", &format!("<message type='error' to='{to}' id='1'>{ERROR}</message>"));
    }
    world.silence();
}

#[test]
fn xep0191_3_3_probes_of_who_is_blocked_are_not_answered_and_none_goes_to_him() {
    let mut world = world();
    world.blocks("juliet/balcony", &[ROMEO]);
    world.received.clear();
    // Initial presence probes, and shows itself.
    world.login("romeo/tomb");
    world.send("romeo/tomb", "<presence/>");
    let got = world.got("romeo/tomb");
    assert!(got.iter().all(|got| !got.contains("juliet")), "{got:?}");
    world.received.clear();
    world.login("juliet/chamber");
    world.send("juliet/chamber", "<presence/>");
    let got = world.got("juliet/chamber");
    assert!(got.iter().all(|got| !got.contains("romeo")), "{got:?}");
    world.got("juliet/balcony");
    world.silence();
    world.leave("juliet/chamber");
    world.leave("juliet/balcony");
    world.received.remove(&world.names["juliet/balcony"]);
    world.received.remove(&world.names["juliet/chamber"]);
    world.silence();
}

#[test]
fn xep0191_3_3_a_request_to_subscribe_waits_until_its_sender_is_unblocked() {
    let mut world = World::new();
    world.online("juliet/balcony", 0);
    world.login("romeo/orchard");
    world.send("romeo/orchard", "<presence type='subscribe' to='juliet@example.com'/>");
    assert_eq!(world.got("juliet/balcony").len(), 1);
    world.blocks("juliet/balcony", &[ROMEO]);
    world.online("juliet/chamber", 0);
    world.login("juliet/garden");
    world.send("juliet/garden", "<presence/>");
    let got = world.got("juliet/garden");
    assert!(got.iter().all(|got| !got.contains("romeo")), "{got:?}");
    world.received.clear();
    world.unblocks("juliet/balcony", &[ROMEO]);
    world.login("juliet/tomb");
    world.send("juliet/tomb", "<presence/>");
    let got = world.got("juliet/tomb");
    assert!(got.iter().any(|got| got == "presence subscribe romeo > juliet"), "{got:?}");
}

#[test]
fn xep0191_3_3_and_3_4_a_block_takes_effect_at_once_in_the_order_of_requests() {
    let mut world = world();
    world.silent = true;
    world.send("juliet/balcony", &command("block", &[ROMEO]));
    world.send("juliet/balcony", LIST);
    world.silence();
    world.answer();
    let got = world.take("juliet/balcony");
    assert_eq!(brief(&got[0]), "iq result juliet > juliet/balcony #b");
    assert!(xml(got.last().unwrap()).contains(ROMEO), "{got:?}");
}

#[test]
fn xep0191_3_3_a_block_that_cannot_be_kept_is_refused() {
    let mut world = world();
    world.silent = true;
    world.send("juliet/balcony", &command("block", &[ROMEO]));
    let request = world.asked.pop().unwrap();
    world.reply(request.refused(StoreError::Unavailable("full".into())));
    assert_eq!(
        world.got("juliet/balcony"),
        ["iq error juliet > juliet/balcony #b internal-server-error/wait"]
    );
    world.send("romeo/orchard", "<message to='juliet@example.com/balcony' id='1'/>");
    assert_eq!(world.got("juliet/balcony"), ["message romeo/orchard > juliet/balcony #1"]);
    world.silence();
}

/// XEP-0191 section 5, note: whatever is blocked, one's own resources and one's own server can be reached.
#[test]
fn xep0191_5_nobody_can_block_themselves_or_their_server() {
    let mut world = world();
    world.online("juliet/chamber", 0);
    world.blocks("juliet/balcony", &["juliet@example.com", "juliet@example.com/chamber", "example.com"]);
    world.received.clear();
    world.send("juliet/balcony", "<message to='juliet@example.com/chamber' id='1'/>");
    assert_eq!(world.got("juliet/chamber"), ["message juliet/balcony > juliet/chamber #1"]);
    world.send("juliet/chamber", "<iq type='get' to='example.com' id='2'><ping xmlns='urn:xmpp:ping'/></iq>");
    assert_eq!(world.got("juliet/chamber"), ["iq result . > juliet/chamber #2"]);
    world.send("juliet/chamber", "<presence id='3'/>");
    assert_eq!(world.got("juliet/balcony"), ["presence juliet/chamber > juliet #3"]);
    assert_eq!(world.got("juliet/chamber"), ["presence juliet/chamber > juliet #3"]);
    // All others at the domain are blocked.
    let error = world.refusal("juliet/balcony", "<message to='romeo@example.com' id='4'/>");
    assert_eq!(error, "not-acceptable/cancel");
    world.silence();
}

#[test]
fn xep0191_6_addresses_match_by_form() {
    let peers = ["x@example.net", "x@example.net/a", "x@example.net/b", "y@example.net/a", "example.net"]
        .into_iter()
        .chain(["example.net/a", "x@sub.example.net"]);
    let peers: Vec<&str> = peers.collect();
    let cases: [(&str, &[&str]); 4] = [
        ("x@example.net/a", &["x@example.net/a"]),
        ("x@example.net", &["x@example.net", "x@example.net/a", "x@example.net/b"]),
        ("example.net/a", &["example.net/a"]),
        ("example.net", &peers[..6]),
    ];
    for (item, blocked) in cases {
        let mut world = World::with(Config { federation: true, ..config() });
        world.online("juliet/balcony", 0);
        world.blocks("juliet/balcony", &[item]);
        for peer in &peers {
            remote(&mut world, &format!("<message from='{peer}' to='juliet@example.com/balcony'/>"));
            let arrived = !world.got("juliet/balcony").is_empty();
            assert_eq!(arrived, !blocked.contains(peer), "{item} and {peer}");
        }
    }
}

#[test]
fn block_lists_have_limits_that_are_named() {
    let limits = Limits { privacy_rules_per_list: 3, privacy_bytes: 1000, ..Limits::default() };
    let mut world = World::with(Config { limits, ..config() });
    world.login("juliet/balcony");
    world.blocks("juliet/balcony", &["a@example.net", "b@example.net"]);
    let too_many = command("block", &["c@example.net", "d@example.net"]);
    assert_eq!(world.refusal("juliet/balcony", &too_many), "resource-constraint/wait");
    let long = format!("{}@example.net", "c".repeat(1000));
    assert_eq!(world.refusal("juliet/balcony", &command("block", &[&long])), "resource-constraint/wait");
    world.blocks("juliet/balcony", &["c@example.net"]);
    // Who is blocked already needs no room, and there is always room for less.
    world.blocks("juliet/balcony", &["c@example.net"]);
    world.unblocks("juliet/balcony", &["a@example.net"]);
    world.blocks("juliet/balcony", &["d@example.net"]);
    world.silence();
}

#[test]
fn anonymous_accounts_block_as_long_as_they_live() {
    let mut world = World::new();
    let id = SessionId(77);
    world.names.insert("guest/x".into(), id);
    world.call(|hub, now| hub.bind(now, id, account("guest"), BindRequest::resource("x").anonymous()));
    world.outputs.clear();
    world.login("romeo/orchard");
    world.blocks("guest/x", &[ROMEO]);
    let error = world.refusal("romeo/orchard", "<message to='guest@example.com/x' id='1'/>");
    assert_eq!(error, "service-unavailable/cancel");
}
