//! Blocking (XEP-0191).

use super::*;

fn jid(text: &str) -> Jid {
    Jid::new(text).unwrap()
}

fn items(names: &[&str]) -> String {
    names.iter().map(|name| format!("<item jid='{name}'/>")).collect()
}

fn push(script: &mut Script, from: &str, name: &str, names: &[&str]) -> String {
    let items = items(names);
    script.server(&format!(
        "<iq type='set' id='push' {from}><{name} xmlns='urn:xmpp:blocking'>{items}</{name}></iq>"
    ))
}

fn loaded(config: Config, names: &[&str]) -> Script {
    let mut script = Script::online(config);
    script.client.fetch_block_list(script.now).unwrap();
    let out = script.sent();
    assert!(out.contains("type='get'") && out.contains("<blocklist xmlns='urn:xmpp:blocking'/>"), "{out}");
    assert!(!script.client.block_list().is_loaded());
    script.server(&format!(
        "<iq type='result' id='{}'><blocklist xmlns='urn:xmpp:blocking'>{}</blocklist></iq>",
        attr(&out, "id"),
        items(names)
    ));
    assert_eq!(script.event(), Event::Blocking(BlockEvent::Loaded));
    script
}

fn blocked(script: &Script) -> Vec<&str> {
    script.client.block_list().iter().map(Jid::as_str).collect()
}

#[test]
fn xep0191_3_2_the_list_is_fetched_and_read() {
    let script =
        loaded(config(), &["romeo@example.net", "iago@example.org/pc", "spam.example", "gate.example/x"]);
    let list = script.client.block_list();
    assert!(list.is_loaded() && list.is_complete());
    for (who, is_blocked) in [
        ("romeo@example.net", true),
        ("romeo@example.net/any", true),
        ("iago@example.org/pc", true),
        ("iago@example.org", false),
        ("iago@example.org/other", false),
        ("spam.example", true),
        ("x@spam.example/y", true),
        ("sub.spam.example", false),
        ("gate.example", false),
        ("gate.example/x", true),
    ] {
        assert_eq!(list.blocks(&jid(who)), is_blocked, "{who}");
    }
}

#[test]
fn xep0191_3_3_pushes_are_applied_and_acknowledged() {
    let mut script = loaded(config(), &[]);
    let ack = push(&mut script, "", "block", &["romeo@example.net", "iago@example.org"]);
    assert!(ack.starts_with("<iq type='result' id='push'"), "{ack}");
    let both = vec![jid("romeo@example.net"), jid("iago@example.org")];
    assert_eq!(script.event(), Event::Blocking(BlockEvent::Blocked(both)));
    assert_eq!(blocked(&script), ["iago@example.org", "romeo@example.net"]);
    push(&mut script, "from='juliet@example.com'", "unblock", &["iago@example.org"]);
    assert_eq!(script.event(), Event::Blocking(BlockEvent::Unblocked(vec![jid("iago@example.org")])));
    push(&mut script, "", "unblock", &[]);
    assert_eq!(script.event(), Event::Blocking(BlockEvent::Unblocked(vec![jid("romeo@example.net")])));
    assert_eq!(blocked(&script), Vec::<&str>::new());
    assert!(push(&mut script, "", "block", &[]).contains("<bad-request"));
    assert_eq!(script.events(), []);
}

#[test]
fn xep0191_pushes_from_others_have_no_effect_and_no_answer() {
    let mut script = loaded(config(), &["romeo@example.net"]);
    for from in ["romeo@example.net/o", "example.com", JID] {
        for (name, names) in [("unblock", &[][..]), ("block", &["nurse@example.com"])] {
            assert_eq!(push(&mut script, &format!("from='{from}'"), name, names), "");
            let event = script.event();
            assert!(matches!(event, Event::Ignored { reason: Ignored::ForgedBlockPush, .. }), "{event:?}");
        }
    }
    assert_eq!(blocked(&script), ["romeo@example.net"]);
}

#[test]
fn xep0191_3_3_blocking_and_unblocking() {
    let mut script = loaded(config(), &[]);
    let block = script.client.request(script.now, Block(vec![jid("romeo@example.net")]), None).unwrap();
    let out = script.sent();
    let payload = "<block xmlns='urn:xmpp:blocking'><item jid='romeo@example.net'/></block>";
    assert!(out.contains("type='set'") && out.contains(payload), "{out}");
    script.server(&format!("<iq type='result' id='{}'/>", attr(&out, "id")));
    let Event::Reply(reply) = script.event() else { panic!() };
    assert_eq!(block.read(&reply), Some(Ok(())));
    let _all = script.client.request(script.now, Unblock(vec![]), None).unwrap();
    assert!(script.sent().contains("<unblock xmlns='urn:xmpp:blocking'/>"));
}

#[test]
fn a_block_list_has_its_limit_and_one_that_does_not_come_is_told() {
    let mut script =
        loaded(Config { max_blocked: 2, ..config() }, &["a@x.example", "b@x.example", "c@x.example"]);
    assert!(!script.client.block_list().is_complete());
    assert_eq!(script.client.block_list().iter().count(), 2);
    push(&mut script, "", "unblock", &[]);
    assert!(script.client.block_list().is_complete());
    script.events();
    script.client.fetch_block_list(script.now).unwrap();
    script.sent();
    script.wait(60);
    assert_eq!(script.event(), Event::Blocking(BlockEvent::Failed(RequestError::Timeout)));
}
