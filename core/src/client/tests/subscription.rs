//! Presence subscriptions (RFC 6121 section 3).

use super::*;
use crate::jid::BareJid;
use crate::stanza::Message;

fn bare(text: &str) -> BareJid {
    BareJid::new(text).unwrap()
}

fn subscription(script: &mut Script, kind: &str) -> Subscription {
    script.events();
    script.server(&format!(
        "<presence from='romeo@example.net' to='juliet@example.com' type='{kind}'><status>Hi</status></presence>"
    ));
    match script.event() {
        Event::Subscription(subscription) => subscription,
        other => panic!("{other:?}"),
    }
}

fn waiting(script: &Script) -> Vec<(String, Option<String>)> {
    let requests = script.client.subscription_requests();
    requests.map(|(from, text)| (from.to_string(), text.map(str::to_owned))).collect()
}

#[test]
fn rfc6121_3_1_1_requests_go_to_the_bare_address_with_an_id() {
    let mut script = Script::online(config());
    let romeo = bare("romeo@example.net");
    script.client.subscribe(script.now, &romeo, Some("It is I")).unwrap();
    let out = script.sent();
    assert!(out.contains("to='romeo@example.net'") && out.contains("type='subscribe'"), "{out}");
    assert!(out.contains(" id='") && out.contains("<status>It is I</status>"), "{out}");
    type Say = fn(&mut Client, Now, &BareJid) -> Result<StanzaHandle, SendError>;
    let says: [(Say, &str); 3] = [
        (Client::unsubscribe, "unsubscribe"),
        (Client::approve, "subscribed"),
        (Client::deny, "unsubscribed"),
    ];
    for (say, kind) in says {
        let handle = say(&mut script.client, script.now, &romeo).unwrap();
        let out = script.sent();
        assert!(out.contains(&format!("type='{kind}'")) && out.contains("to='romeo@example.net'"), "{out}");
        assert!(script.events().contains(&Event::Sent(handle)));
    }
}

#[test]
fn rfc6121_3_1_3_requests_are_told_and_remembered_until_they_are_answered() {
    let mut script = Script::online(config());
    let request = subscription(&mut script, "subscribe");
    assert_eq!((request.from.as_str(), request.kind), ("romeo@example.net", SubscriptionKind::Requested));
    assert_eq!(request.presence.status(None).as_deref(), Some("Hi"));
    subscription(&mut script, "subscribe");
    let hi = vec![("romeo@example.net".to_owned(), Some("Hi".to_owned()))];
    assert_eq!(waiting(&script), hi);
    script.client.approve(script.now, &request.from).unwrap();
    assert_eq!(waiting(&script), []);
    subscription(&mut script, "subscribe");
    script.client.deny(script.now, &request.from).unwrap();
    assert_eq!(waiting(&script), []);
    // Withdrawn, or answered by another session.
    subscription(&mut script, "subscribe");
    assert_eq!(subscription(&mut script, "unsubscribe").kind, SubscriptionKind::Ended);
    assert_eq!(waiting(&script), []);
    subscription(&mut script, "subscribe");
    script.server(
        "<iq type='set' id='p'><query xmlns='jabber:iq:roster'><item jid='romeo@example.net' \
         subscription='from'/></query></iq>",
    );
    assert_eq!(waiting(&script), []);
    // Something else said to them is no answer.
    subscription(&mut script, "subscribe");
    script.client.subscribe(script.now, &request.from, None).unwrap();
    script.client.send(script.now, Message::chat(request.from.into(), "Who are you?")).unwrap();
    assert_eq!(waiting(&script), hi);
}

#[test]
fn rfc6121_3_1_6_answers_of_others_are_told() {
    let mut script = Script::online(config());
    assert_eq!(subscription(&mut script, "subscribed").kind, SubscriptionKind::Approved);
    assert_eq!(subscription(&mut script, "unsubscribed").kind, SubscriptionKind::Denied);
    assert_eq!(waiting(&script), []);
}

#[test]
fn rfc6121_3_4_pre_approval_only_where_the_server_offers_it() {
    let romeo = bare("romeo@example.net");
    let mut script = Script::online(config());
    assert!(!script.client.can_pre_approve());
    assert_eq!(script.client.pre_approve(script.now, &romeo), Err(SendError::NotSupported));
    assert_eq!(script.sent(), "");
    let mut script = Script::online_with(config(), "<sub xmlns='urn:xmpp:features:pre-approval'/>");
    assert!(script.client.can_pre_approve());
    script.client.pre_approve(script.now, &romeo).unwrap();
    assert!(script.sent().contains("type='subscribed'"));
}

#[test]
fn a_flood_of_requests_has_its_limit() {
    let mut script = Script::online(config());
    for n in 0..1500 {
        script.server(&format!(
            "<presence from='bot{n}@example.org' type='subscribe'><status>{n}</status></presence>"
        ));
        assert!(matches!(script.event(), Event::Subscription(_)));
    }
    assert_eq!(waiting(&script).len(), 1000);
}
