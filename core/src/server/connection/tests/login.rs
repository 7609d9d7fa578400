//! Whole logins.

use super::*;
use crate::sasl::{ChannelBinding, ClientSession, Credentials, Mechanism, Policy};

#[test]
fn rfc6120_9_1_a_login_from_header_to_close() {
    let mut peer = Peer::in_the_clear();
    let answer = peer.send(&header());
    assert!(answer.starts_with("<?xml version='1.0'?><stream:stream "), "{answer}");
    assert!(answer.contains("from='im.example.com'"), "{answer}");
    assert!(answer.contains("<mechanism>SCRAM-SHA-1</mechanism>"), "{answer}");
    assert!(answer.contains("<mechanism>PLAIN</mechanism>"), "{answer}");
    assert!(!answer.contains("-PLUS"), "nothing to bind to: {answer}");
    assert!(
        !answer.contains("urn:ietf:params:xml:ns:xmpp-bind"),
        "RFC 6120 section 7.4: not before authentication: {answer}"
    );

    let answer = peer.send(&plain("juliet", PASSWORD));
    assert_eq!(answer, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");

    let answer = peer.send(&header());
    assert!(answer.contains("<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>"), "{answer}");
    assert!(answer.contains("<session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session>"));
    assert!(answer.contains("<ver xmlns='urn:xmpp:features:rosterver'/>"), "RFC 6121 section 2.6.1");
    assert!(!answer.contains("mechanism"), "{answer}");

    let answer = peer.send(&bind("balcony"));
    assert_eq!(
        answer,
        "<iq type='result' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
         <jid>juliet@im.example.com/balcony</jid></bind></iq>"
    );

    assert_eq!(peer.send("</stream:stream>"), "</stream:stream>");
    assert_eq!(peer.closed(), Closed::Clean);
}

#[test]
fn what_the_owner_is_told() {
    let mut peer = Peer::in_the_clear();
    peer.send(&login());
    peer.send("<message to='romeo@example.net'><body>hi</body></message>");
    peer.connection.receive_eof(peer.now);
    peer.drain();
    let events = format!("{:?}", peer.events);
    let order = ["Lookup", "Authenticated", "Bind", "Stanza", "Closed"].map(|name| events.find(name));
    assert!(order.is_sorted() && order[0].is_some(), "{events}");
    assert_eq!(peer.closed(), Closed::Eof);
    assert!(peer.connection.is_finished());
}

#[test]
fn facts_are_known_once_they_are() {
    let mut peer = Peer::in_the_clear();
    assert!(peer.connection.session_facts().account.is_none());
    peer.send(&[header(), plain("juliet", PASSWORD)].concat());
    let facts = peer.connection.session_facts();
    assert_eq!(facts.account.map(ToString::to_string).as_deref(), Some("juliet@im.example.com"));
    assert_eq!((facts.mechanism, facts.jid), (Some(Mechanism::Plain), None));
    peer.send(&[header(), bind("balcony")].concat());
    let facts = peer.connection.session_facts();
    assert_eq!(facts.jid.map(ToString::to_string).as_deref(), Some("juliet@im.example.com/balcony"));
    assert!(facts.tls.is_none());
}

/// The same input, split at every byte: same answers, same events.
#[test]
fn rfc6120_11_splitting_the_input_changes_nothing() {
    let input = [
        login(),
        "<presence/> <message to='romeo@example.net' xml:lang='de'><body>&lt;ä☃</body></message>".into(),
        "<iq type='get'/><iq type='set' id='s'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>"
            .into(),
        "</stream:stream>".into(),
    ]
    .concat();
    let whole = run(&[input.as_bytes()]);
    assert!(whole.0.ends_with("</stream:stream>") && whole.1.contains("Clean"), "{whole:?}");
    for at in 1..input.len() {
        let (head, tail) = input.as_bytes().split_at(at);
        assert_eq!(run(&[head, tail]), whole, "split at {at}");
    }
    let bytes: Vec<&[u8]> = input.as_bytes().chunks(1).collect();
    assert_eq!(run(&bytes), whole, "byte by byte");
}

fn run(pieces: &[&[u8]]) -> (String, String) {
    let mut peer = Peer::in_the_clear();
    let mut out = String::new();
    for piece in pieces {
        peer.connection.receive(peer.now, piece);
        out += &peer.drain();
    }
    (out, format!("{:?}", peer.events))
}

#[test]
fn a_client_may_send_everything_at_once() {
    let mut peer = Peer::in_the_clear();
    let answer = peer.send(&[login(), "<message to='a@b'/>".into(), "</stream:stream>".into()].concat());
    assert!(answer.contains("/balcony</jid>"), "{answer}");
    assert!(answer.ends_with("</stream:stream>"), "{answer}");
    assert!(matches!(peer.events.iter().rev().nth(1), Some(Event::Stanza(Stanza::Message(_)))));
    assert_eq!(peer.closed(), Closed::Clean);
}

#[test]
fn rfc5802_scram_with_and_without_channel_binding() {
    for (transport, expected) in [(Transport::Plain, false), (secured(), true)] {
        let mut peer = Peer::new(in_the_clear(), transport);
        let features = peer.send(&header());
        let used = scram(&mut peer, &features, "juliet", PASSWORD).expect("success");
        assert!(matches!(used, Mechanism::Scram { plus, .. } if plus == expected), "{used:?}");
        let answer = peer.send(&[header(), bind("balcony")].concat());
        assert!(answer.contains("/balcony</jid>"), "{answer}");
        assert_eq!(peer.connection.session_facts().mechanism, Some(used));
    }
}

/// Logs in with the strongest mechanism that is offered; the error is what the server answered last.
pub(super) fn scram(
    peer: &mut Peer,
    features: &str,
    username: &str,
    password: &str,
) -> Result<Mechanism, String> {
    let (_, mechanisms) = features.split_once("<mechanisms ").ok_or(features)?;
    let (mechanisms, _) = mechanisms.split_once("</mechanisms>").ok_or(features)?;
    let offered: Vec<&str> = mechanisms
        .split("<mechanism>")
        .skip(1)
        .filter_map(|rest| rest.split_once("</mechanism>").map(|(name, _)| name))
        .collect();
    let credentials = Credentials::Password { username: username.into(), password: password.into() };
    let tls = peer.connection.session_facts().tls.cloned();
    let policy = Policy { min_iterations: 1, ..Policy::default() };
    let (mut session, start) = ClientSession::start(
        &offered,
        &credentials,
        &policy,
        tls.is_some(),
        &tls.map(|tls| tls.bindings).unwrap_or_default(),
        features.contains("<sasl-channel-binding ").then_some(ChannelBinding::ALL.as_slice()),
        &mut Entropy::from_seed([5; 32]),
    )
    .map_err(|error| format!("{error:?}"))?;
    let initial = start.initial.map(|data| BASE64.encode(data)).unwrap_or_default();
    let mut answer = peer.send(&auth(start.mechanism.name(), &initial));
    while let Some(challenge) = content(&answer, "challenge") {
        let response = session.challenge(&challenge).map_err(|error| format!("{error:?}"))?;
        let response = BASE64.encode(response);
        answer =
            peer.send(&format!("<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{response}</response>"));
    }
    let Some(data) = content(&answer, "success") else { return Err(answer) };
    session.success(Some(&data)).map_err(|error| format!("{error:?}"))?;
    Ok(start.mechanism)
}

fn content(answer: &str, name: &str) -> Option<Vec<u8>> {
    let rest = answer.strip_prefix(&format!("<{name} xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"))?;
    BASE64.decode(rest.strip_suffix(&format!("</{name}>"))?).ok()
}
