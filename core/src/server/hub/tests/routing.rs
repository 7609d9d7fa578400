//! RFC 6120 section 10: which way stanzas take. What becomes of them at their account is tested in `delivery`.

use super::*;
use crate::server::module::{Module, Verdict};
use crate::stanza::Message;
use crate::stanza::StanzaError;

#[test]
fn rfc6120_10_3_1_a_message_without_to_is_for_the_own_account() {
    let mut world = World::new();
    world.online("juliet/balcony", 0);
    world.online("juliet/chamber", 1);
    world.send("juliet/balcony", "<message id='m'><body/></message>");
    assert_eq!(world.got("juliet/chamber"), ["message juliet/balcony > juliet #m"]);
    world.silence();
}

#[test]
fn rfc6120_8_1_2_1_from_is_the_session_whatever_it_says() {
    let mut world = World::new();
    world.online("juliet/balcony", 0);
    world.login("romeo/orchard");
    let forged = "<message from='pope@example.com/rome' to='juliet@example.com' id='m'/>";
    world.send("romeo/orchard", forged);
    assert_eq!(world.got("juliet/balcony"), ["message romeo/orchard > juliet #m"]);
}

#[test]
fn rfc6120_10_3_3_an_iq_without_to_is_answered_for_the_account() {
    let mut world = World::new();
    world.login("juliet/balcony");
    world.send("juliet/balcony", "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>");
    world.send("juliet/balcony", "<iq type='get' id='2'><what xmlns='urn:what'/></iq>");
    world.send("juliet/balcony", "<iq type='result' id='3'/>");
    let expected = [
        "iq result juliet > juliet/balcony #1",
        "iq error juliet > juliet/balcony #2 service-unavailable/cancel",
    ];
    assert_eq!(world.got("juliet/balcony"), expected);
    world.silence();
}

#[test]
fn rfc6120_10_4_without_federation_other_domains_are_not_found() {
    let mut world = World::new();
    world.login("romeo/orchard");
    world.send("romeo/orchard", "<message to='x@example.net' id='1'/>");
    world.send("romeo/orchard", "<iq type='get' to='example.net' id='2'><ping xmlns='urn:xmpp:ping'/></iq>");
    let error = "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
    world
        .send("romeo/orchard", &format!("<message type='error' to='x@example.net' id='3'>{error}</message>"));
    let expected = [
        "message error x@example.net > romeo/orchard #1 remote-server-not-found/cancel",
        "iq error example.net > romeo/orchard #2 remote-server-not-found/cancel",
    ];
    assert_eq!(world.got("romeo/orchard"), expected);
    world.silence();
}

#[test]
fn rfc6120_10_4_with_federation_other_domains_are_the_owners_business() {
    let mut world = World::with(Config { federation: true, ..config() });
    world.login("romeo/orchard");
    world.send("romeo/orchard", "<message to='x@example.net' id='1'/>");
    let Some(Output::Remote { stanza }) = world.outputs.pop() else { panic!("{:?}", world.outputs) };
    assert_eq!(brief(&stanza), "message romeo/orchard > x@example.net #1");
    world.call(|hub, now| hub.remote_failed(now, stanza.clone()));
    world.call(|hub, now| hub.remote_timeout(now, stanza));
    let expected = [
        "message error x@example.net > romeo/orchard #1 remote-server-not-found/cancel",
        "message error x@example.net > romeo/orchard #1 remote-server-timeout/wait",
    ];
    assert_eq!(world.got("romeo/orchard"), expected);
}

#[test]
fn rfc6120_10_5_stanzas_of_other_domains_come_in_and_are_never_passed_on() {
    let mut world = World::with(Config { federation: true, ..config() });
    world.online("juliet/balcony", 0);
    let remote = |world: &mut World, xml: &str| {
        let stanza = stanza(xml);
        world.call(|hub, now| hub.remote(now, stanza));
    };
    remote(&mut world, "<message from='x@example.net/y' to='juliet@example.com' id='1'/>");
    assert_eq!(world.got("juliet/balcony"), ["message x@example.net/y > juliet #1"]);
    remote(&mut world, "<message from='x@example.net/y' to='z@example.org' id='2'/>");
    remote(&mut world, "<message from='romeo@example.com/y' to='juliet@example.com' id='3'/>");
    remote(&mut world, "<message from='x@example.net/y' id='4'/>");
    remote(&mut world, "<message to='juliet@example.com' id='5'/>");
    world.silence();
    remote(&mut world, "<message from='x@example.net/y' to='nobody@example.com' id='6'/>");
    let Some(Output::Remote { stanza }) = world.outputs.pop() else { panic!("{:?}", world.outputs) };
    assert_eq!(brief(&stanza), "message error nobody > x@example.net/y #6 service-unavailable/cancel");
}

#[test]
fn rfc6120_10_1_order_is_kept_between_bare_and_full_addresses() {
    let mut world = World::new();
    world.online("juliet/balcony", 0);
    world.login("romeo/orchard");
    for id in 0..10 {
        let resource = if id % 2 == 0 { "" } else { "/balcony" };
        world.send("romeo/orchard", &format!("<message to='juliet@example.com{resource}' id='{id}'/>"));
    }
    let ids =
        |briefs: Vec<String>| briefs.iter().map(|brief| brief.chars().last().unwrap()).collect::<String>();
    assert_eq!(ids(world.got("juliet/balcony")), "0123456789");
}

/// Refuses spam, swallows secrets.
#[derive(Debug)]
struct Guard;

impl Module for Guard {
    fn message(&mut self, _: Now, message: &Message) -> Verdict {
        match message.body(None).as_deref() {
            Some("spam") => Verdict::Refuse(StanzaError::new(Condition::NotAcceptable)),
            Some("secret") => Verdict::Drop,
            _ => Verdict::Pass,
        }
    }
}

#[test]
fn modules_see_messages_before_they_are_routed() {
    let mut world = World::new();
    world.hub.add_module(Box::new(Guard));
    world.online("juliet/balcony", 0);
    world.login("romeo/orchard");
    for body in ["spam", "secret", "love"] {
        let xml = format!("<message to='juliet@example.com' id='{body}'><body>{body}</body></message>");
        world.send("romeo/orchard", &xml);
    }
    assert_eq!(world.got("juliet/balcony"), ["message romeo/orchard > juliet #love"]);
    let refused = "message error juliet > romeo/orchard #spam not-acceptable/modify";
    assert_eq!(world.got("romeo/orchard"), [refused]);
    world.silence();
}
