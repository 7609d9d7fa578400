//! Stream management on the wire (XEP-0198).

use super::*;
use crate::server::bind::{Enable, Enabled, Resumption};

const SECOND: Duration = Duration::from_secs(1);
const ENABLE: &str = "<enable xmlns='urn:xmpp:sm:3' resume='true' max='60'/>";
const R: &str = "<r xmlns='urn:xmpp:sm:3'/>";

fn authenticated() -> Peer {
    let mut peer = Peer::in_the_clear();
    peer.send(&[header(), plain("juliet", PASSWORD)].concat());
    let features = peer.send(&header());
    assert!(features.contains("<sm xmlns='urn:xmpp:sm:3'/>"), "{features}");
    peer.events.clear();
    peer
}

/// Its stanzas are acknowledged.
fn managed() -> Peer {
    let mut peer = Peer::logged_in(in_the_clear());
    assert_eq!(peer.send(ENABLE), "");
    peer.events.clear();
    peer.connection.enabled(peer.now, Enabled::default());
    assert_eq!(peer.drain(), "<enabled xmlns='urn:xmpp:sm:3'/>");
    peer
}

fn failed(condition: &str) -> String {
    format!(
        "<failed xmlns='urn:xmpp:sm:3'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>"
    )
}

impl Peer {
    fn deliver(&mut self, count: usize) -> String {
        let message = Stanza::from_xml("<message xmlns='jabber:client'/>").unwrap();
        (0..count).for_each(|_| self.connection.deliver(self.now, &message));
        self.drain().replace("<message/>", "m")
    }
}

#[test]
fn xep0198_3_what_is_agreed_is_said() {
    let mut peer = Peer::logged_in(in_the_clear());
    peer.send(ENABLE);
    let Some(Event::Enable(enable)) = peer.event() else { panic!() };
    assert_eq!(enable, Enable { resume: true, max: Some(60) });
    let resumption =
        Resumption { id: "some-id".into(), within: 60 * SECOND, location: Some("here:5222".into()) };
    peer.connection.enabled(peer.now, Enabled { resumption: Some(resumption) });
    assert_eq!(
        peer.drain(),
        "<enabled xmlns='urn:xmpp:sm:3' id='some-id' resume='true' max='60' location='here:5222'/>"
    );
}

#[test]
fn xep0198_3_nobody_enables_it_twice() {
    let mut peer = Peer::logged_in(in_the_clear());
    assert_stream_error(&peer.send(&ENABLE.repeat(2)), "policy-violation");
    assert!(matches!(peer.closed(), Closed::Violation { .. }));
}

#[test]
fn xep0198_3_the_order_is_enforced() {
    let resume = "<resume xmlns='urn:xmpp:sm:3' previd='x' h='1'/>";
    let mut peer = authenticated();
    assert_eq!(peer.send(ENABLE), failed("unexpected-request"));
    assert_eq!(peer.send("<resume xmlns='urn:xmpp:sm:3' h='1'/>"), failed("bad-request"));
    assert!(peer.send(&bind("balcony")).contains("type='result'"), "it may bind all the same");
    assert_eq!(peer.send(resume), failed("unexpected-request"));
    assert_eq!(peer.send("<enable xmlns='urn:xmpp:sm:3' max='x'/>"), failed("bad-request"));
    assert_eq!(peer.send(ENABLE), "");
    for misplaced in [R, "<a xmlns='urn:xmpp:sm:3' h='1'/>", "<enabled xmlns='urn:xmpp:sm:3'/>"] {
        let mut peer = Peer::logged_in(in_the_clear());
        assert_stream_error(&peer.send(misplaced), "unsupported-stanza-type");
    }
}

#[test]
fn xep0198_6_retries_are_limited() {
    let mut peer = authenticated();
    assert_stream_error(&peer.send(&ENABLE.repeat(10)), "policy-violation");
}

#[test]
fn xep0198_3_what_is_not_offered_cannot_be_had() {
    let mut config = in_the_clear();
    config.acknowledgements = None;
    let mut peer = Peer::new(config, Transport::Plain);
    let answer = peer.send(&[header(), plain("juliet", PASSWORD), header()].concat());
    assert!(!answer.contains("urn:xmpp:sm:3"));
    let resume = "<resume xmlns='urn:xmpp:sm:3' previd='x' h='1'/>";
    assert_eq!(peer.send(resume), failed("feature-not-implemented"));
    peer.send(&bind("balcony"));
    assert_eq!(peer.send(ENABLE), failed("feature-not-implemented"));
}

#[test]
fn xep0198_5_a_session_goes_on() {
    let mut peer = authenticated();
    peer.send("<resume xmlns='urn:xmpp:sm:3' previd='some-id' h='7'/><presence/>");
    let Some(Event::Resume { account, previd, h }) = peer.event() else { panic!() };
    assert_eq!((account.as_str(), previd.as_str(), h), ("juliet@im.example.com", "some-id", 7));
    assert_eq!(peer.connection.read_budget(), 0, "the answer comes first");
    let jid = FullJid::new("juliet@im.example.com/balcony").unwrap();
    peer.connection.resumed(peer.now, jid.clone(), previd, 3);
    assert_eq!(peer.drain(), "<resumed xmlns='urn:xmpp:sm:3' previd='some-id' h='3'/>");
    let Some(Event::Stanza(stanza)) = peer.event() else { panic!() };
    assert_eq!(stanza.from().unwrap().as_str(), jid.as_str());
    peer.send(R);
    assert!(matches!(peer.event(), Some(Event::AcknowledgementRequested)));
    peer.connection.acknowledge(peer.now, 4);
    assert_eq!(peer.drain(), "<a xmlns='urn:xmpp:sm:3' h='4'/>");
}

#[test]
fn xep0198_5_who_cannot_resume_may_bind() {
    let mut peer = authenticated();
    peer.send("<resume xmlns='urn:xmpp:sm:3' previd='some-id' h='7'/>");
    peer.connection.resume_refused(peer.now, Some(5));
    let answer = peer.drain();
    assert!(answer.starts_with("<failed xmlns='urn:xmpp:sm:3' h='5'><item-not-found "), "{answer}");
    assert!(peer.send(&bind("balcony")).contains("type='result'"));
}

#[test]
fn xep0198_4_every_stanza_is_one_event() {
    let mut peer = managed();
    let session = "<iq type='set' id='s1'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>";
    for handled in [session, "<iq type='get' id='1'/>", "<message to='@'/>", "<message type='error' to='@'/>"]
    {
        assert_eq!(peer.send(handled), "", "the answer takes its place among what is delivered");
        assert!(matches!(peer.event(), Some(Event::Handled { .. })), "{handled}");
    }
    peer.send("<presence/>");
    assert!(matches!(peer.event(), Some(Event::Stanza(_))));
    assert!(peer.event().is_none());
}

#[test]
fn xep0198_4_acknowledgements_are_asked_for() {
    let mut peer = managed();
    assert_eq!(peer.deliver(1), "m");
    let deadline = peer.connection.deadline().unwrap();
    assert_eq!((deadline.at - peer.now.instant, deadline.reason), (SECOND, Reason::Acknowledgement));
    assert_eq!(peer.wait(SECOND / 2), "");
    assert_eq!(peer.deliver(18), "m".repeat(18));
    assert_eq!(peer.wait(SECOND / 2), R);
    // One question at a time.
    assert_eq!(peer.deliver(30), "m".repeat(30));
    assert_eq!(peer.wait(10 * SECOND), "");
    assert_eq!(peer.send("<a xmlns='urn:xmpp:sm:3' h='19'/>"), R);
    assert!(matches!(peer.event(), Some(Event::Acknowledged { h: 19 })));
    assert_eq!(peer.send("<a xmlns='urn:xmpp:sm:3' h='49'/>"), "");
    assert_eq!(peer.wait(10 * SECOND), "");
    assert_eq!(peer.deliver(20), format!("{}{R}", "m".repeat(20)));
    assert_eq!(peer.deliver(1), "m");
    assert_eq!(peer.send("<a xmlns='urn:xmpp:sm:3' h='69'/>"), "");
    assert_eq!(peer.wait(SECOND), R);
}

#[test]
fn xep0198_4_nothing_is_asked_of_whoever_does_not_acknowledge() {
    let mut peer = Peer::logged_in(in_the_clear());
    assert_eq!(peer.deliver(100), "m".repeat(100));
    assert_eq!(peer.wait(100 * SECOND), "");
}

#[test]
fn xep0198_7_a_question_keeps_the_connection_alive() {
    let mut peer = managed();
    assert_eq!(peer.wait(600 * SECOND), R, "no ping, which would have to be counted");
    assert_eq!(peer.send("<a xmlns='urn:xmpp:sm:3' h='0'/>"), "");
    assert_eq!(peer.wait(599 * SECOND), "");
    assert_eq!(peer.wait(SECOND), R);
    assert_stream_error(&peer.wait(60 * SECOND), "connection-timeout");
    assert!(peer.closed().is_break());
}

#[test]
fn xep0198_4_whoever_does_not_answer_in_time_is_gone() {
    let mut peer = managed();
    peer.now = peer.now.after(SECOND);
    assert_eq!(peer.deliver(1), "m");
    assert_eq!(peer.wait(SECOND), R);
    assert_eq!(peer.wait(59 * SECOND), "");
    assert_stream_error(&peer.wait(SECOND), "connection-timeout");
}

#[test]
fn xep0198_8_what_is_closed_is_no_break() {
    for (end, is_break) in [("</stream:stream>", false), ("<oops/>", false), (ENABLE, false), ("", true)] {
        let mut peer = managed();
        peer.send(end);
        peer.connection.receive_eof(peer.now);
        peer.drain();
        assert_eq!(peer.closed().is_break(), is_break, "{end}");
    }
}
