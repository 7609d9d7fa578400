//! Client state indication on the wire (XEP-0352).

use super::sasl2::{authenticate, elements, opened, success};
use super::*;
use crate::server::bind::Enabled;
use crate::stream::bind2::ClientState;
use crate::stream::{Features, sasl2};

const ACTIVE: &str = "<active xmlns='urn:xmpp:csi:0'/>";
const INACTIVE: &str = "<inactive xmlns='urn:xmpp:csi:0'/>";

fn silent() -> Config {
    let mut config = in_the_clear();
    config.client_state = false;
    config
}

/// What a client is offered that has logged in, by RFC 6120.
fn offered(config: Config) -> String {
    let mut peer = Peer::new(config, Transport::Plain);
    peer.send(&[header(), plain("juliet", PASSWORD)].concat());
    peer.send(&header())
}

#[test]
fn xep0352_4_1_it_is_offered_to_who_has_logged_in() {
    assert!(!Peer::in_the_clear().send(&header()).contains("<csi "), "not before");
    let features = offered(in_the_clear());
    assert!(features.contains("<csi xmlns='urn:xmpp:csi:0'/>"), "{features}");
    assert!(!offered(silent()).contains("csi"));
}

#[test]
fn xep0352_4_2_the_owner_is_told_and_there_is_no_answer() {
    let mut peer = Peer::logged_in(in_the_clear());
    assert_eq!(peer.send(&[INACTIVE, "<presence/>", ACTIVE].concat()), "");
    assert!(matches!(peer.event(), Some(Event::ClientState(ClientState::Inactive))));
    assert!(matches!(peer.event(), Some(Event::Stanza(Stanza::Presence(_)))));
    assert!(matches!(peer.event(), Some(Event::ClientState(ClientState::Active))));
    // It is no stanza: where those are counted, it is told in the same way.
    peer.send("<enable xmlns='urn:xmpp:sm:3'/>");
    peer.connection.enabled(peer.now, Enabled::default());
    peer.drain();
    peer.events.clear();
    assert_eq!(peer.send(INACTIVE), "");
    assert!(matches!(peer.event(), Some(Event::ClientState(ClientState::Inactive))));
    assert!(peer.event().is_none());
}

#[test]
fn xep0352_4_2_where_it_has_no_place_it_ends_the_stream() {
    let mut peer = Peer::in_the_clear();
    assert_stream_error(&peer.send(&[&header(), INACTIVE].concat()), "not-authorized");
    let mut peer = Peer::in_the_clear();
    let answer = peer.send(&[&header(), &*plain("juliet", PASSWORD), &header(), INACTIVE].concat());
    assert_stream_error(&answer, "not-authorized");
    let mut peer = Peer::logged_in(silent());
    assert_stream_error(&peer.send(INACTIVE), "unsupported-stanza-type");
    let mut peer = Peer::logged_in(in_the_clear());
    assert_stream_error(&peer.send("<csi xmlns='urn:xmpp:csi:0'/>"), "unsupported-stanza-type");
}

#[test]
fn xep0386_3_2_a_session_may_begin_inactive() {
    let initial = format!("\0juliet\0{PASSWORD}");
    for (config, is_offered) in [(in_the_clear(), true), (silent(), false)] {
        let answer = Peer::new(config.clone(), secured()).send(&header());
        let features = Features::parse(elements(&answer).last().unwrap().root());
        let inline: &sasl2::Inline = &features.authentication().unwrap().inline;
        assert_eq!(inline.bind.as_ref().unwrap().has("urn:xmpp:csi:0"), is_offered);
        let mut peer = opened(config);
        let bind = format!("<bind xmlns='urn:xmpp:bind:0'>{INACTIVE}</bind>");
        let (_, features) = success(&peer.send(&authenticate("PLAIN", initial.as_bytes(), &bind)));
        assert_eq!(features.has("csi", "urn:xmpp:csi:0"), is_offered, "for what comes later");
        let Some(Event::Lookup { .. }) = peer.event() else { panic!() };
        let Some(Event::Bind { request, .. }) = peer.event() else { panic!() };
        assert_eq!(request.inactive, is_offered);
    }
}
