//! Sessions that another process goes on with.

use super::management::{SM, answer, message};
use super::resumption::{jid, resumable_config, resumed};
use super::*;

const R: &str = "<r xmlns='urn:xmpp:sm:3'/>";
const HELLO: &str = "<message from='romeo@example.net/o' type='chat'><body>Hark</body></message>";

/// Another process, up to the client's wish to resume, which is returned.
fn restarted(saved: &Saved) -> (Script, String) {
    let saved = Saved::from_bytes(&saved.to_bytes()).unwrap();
    let mut script = Script::new(Config { resume: Some(saved), ..resumable_config() });
    let resume = script.authenticated(&format!("{BIND}{SM}"));
    (script, resume)
}

/// A session in the middle of things: three messages, one of which has been acknowledged and one never handed out.
fn session() -> (Script, [StanzaHandle; 3]) {
    let mut script = Script::resumable(resumable_config());
    let (one, two) = (script.say("one"), script.say("two"));
    script.sent();
    script.server(&format!("{HELLO}{HELLO}{}", answer(1)));
    script.events();
    let three = script.say("three");
    (script, [one, two, three])
}

#[test]
fn xep0198_5_a_process_that_restarts_goes_on_where_it_was() {
    let (script, [_, two, three]) = session();
    let saved = script.client.save().unwrap();
    assert_eq!((saved.jid(), saved.location()), (&jid(), Some("[2001:db8::1]:9222")));
    let kept: Vec<_> = saved.stanzas().map(|(handle, stanza)| (handle, stanza.clone())).collect();
    assert_eq!(kept, [(two, message("two").into()), (three, message("three").into())]);
    let (mut script, resume) = restarted(&saved);
    assert_eq!(resume, "<resume xmlns='urn:xmpp:sm:3' previd='s1' h='2'/>");
    let out = script.server(&resumed(1));
    assert!(out.find("two").unwrap() < out.find("three").unwrap() && !out.contains("one"), "{out}");
    assert_eq!(script.events(), [Event::Resumed(jid())]);
    assert_eq!(script.client.jid(), Some(&jid()));
    let four = script.say("four");
    assert!(four != two && four != three);
    script.sent();
    script.server(&answer(4));
    assert_eq!(
        script.events(),
        [Event::Sent(four), Event::Acknowledged(two), Event::Acknowledged(three), Event::Acknowledged(four)]
    );
    assert_eq!(script.server(&format!("{HELLO}{R}")), answer(3));
}

#[test]
fn xep0198_5_what_was_sent_between_saving_and_the_end_is_not_sent_again() {
    let (mut script, [_, two, three]) = session();
    let saved = script.client.save().unwrap();
    // The message goes out, and another one; then the process dies.
    script.say("four");
    script.sent();
    for h in [3, 4] {
        let (mut script, _) = restarted(&saved);
        assert_eq!(script.server(&resumed(h)), "");
        assert_eq!(
            script.events(),
            [Event::Acknowledged(two), Event::Acknowledged(three), Event::Resumed(jid())]
        );
        script.say("five");
        script.sent();
        script.server(&answer(h + 1));
        assert_eq!(script.events().len(), 2);
    }
    // But what is taken back breaks the rules.
    let (mut script, _) = restarted(&saved);
    script.server(&resumed(0));
    assert!(matches!(script.end(), Err(Error::Protocol(_))));
}

#[test]
fn xep0198_4_only_what_has_been_polled_is_handled_in_what_is_saved() {
    let mut script = Script::resumable(resumable_config());
    script.client.receive(script.now, format!("{HELLO}{HELLO}").as_bytes());
    assert!(script.client.poll_event().is_some());
    let (_, resume) = restarted(&script.client.save().unwrap());
    assert_eq!(resume, "<resume xmlns='urn:xmpp:sm:3' previd='s1' h='1'/>");
}

#[test]
fn xep0198_5_a_session_can_be_saved_while_it_is_interrupted() {
    let (mut script, [_, two, _]) = session();
    script.broken();
    let saved = script.client.save().unwrap();
    assert_eq!(saved.stanzas().count(), 2);
    script.client.reconnect(script.now, TlsMode::Plaintext).unwrap();
    assert_eq!(script.client.save().unwrap().to_bytes(), saved.to_bytes());
    script.client.abandon(script.now);
    assert!(script.client.save().is_none());
    // The one that goes on can be interrupted and saved in turn.
    let (mut script, _) = restarted(&saved);
    script.broken();
    assert_eq!(script.client.save().unwrap().to_bytes(), saved.to_bytes());
    script.reconnected();
    script.server(&resumed(2));
    assert_eq!(script.events()[0], Event::Acknowledged(two));
}

#[test]
fn xep0198_5_a_session_that_the_server_has_forgotten_ends_like_any() {
    let (script, [_, two, three]) = session();
    let saved = script.client.save().unwrap();
    let (mut script, _) = restarted(&saved);
    let request = script.server("<failed xmlns='urn:xmpp:sm:3'/>");
    let out = script.bound(&request, JID);
    assert!(out.contains("two") && out.contains("three") && out.contains("<delay"), "{out}");
    assert_eq!(script.event(), Event::Online(jid()));
    script.server("<enabled xmlns='urn:xmpp:sm:3'/>");
    script.server(&answer(2));
    assert_eq!(script.events(), [Event::Acknowledged(two), Event::Acknowledged(three)]);
}

#[test]
fn a_session_of_another_account_is_not_touched() {
    let (script, [_, two, three]) = session();
    let saved = script.client.save().unwrap();
    let account = Jid::new("nurse@example.com").unwrap();
    let mut script = Script::new(Config { account, resume: Some(saved), ..resumable_config() });
    let events = script.events();
    assert!(
        matches!(events.as_slice(), [
        Event::Unacknowledged { handle: a, .. },
        Event::Unacknowledged { handle: b, .. },
    ] if (*a, *b) == (two, three)),
        "{events:?}"
    );
    assert!(script.client.save().is_none() && script.client.jid().is_none());
}

#[test]
fn rfc6121_4_5_1_availability_is_remembered_over_a_restart() {
    let mut script = Script::resumable(resumable_config());
    script.client.set_presence(script.now, Presence::builder(PresenceType::Available).build()).unwrap();
    script.sent();
    script.server(&answer(1));
    let (mut script, _) = restarted(&script.client.save().unwrap());
    script.server(&resumed(1));
    script.client.close(script.now);
    assert!(script.sent().contains("<presence type='unavailable'/>"));
}

#[test]
fn nothing_can_be_saved_that_cannot_be_resumed() {
    let mut script = Script::new(resumable_config());
    assert!(script.client.save().is_none());
    script.sent();
    assert!(Script::online(resumable_config()).client.save().is_none());
}

#[test]
fn bytes_that_are_no_saved_session_are_refused_wherever_they_are_cut_or_changed() {
    let (mut script, _) = session();
    let _ping = script.client.request(script.now, Ping { to: None }, None).unwrap();
    let bytes = script.client.save().unwrap().to_bytes();
    assert_eq!(Saved::from_bytes(&bytes).unwrap().to_bytes(), bytes);
    for len in 0..bytes.len() {
        let error = Saved::from_bytes(&bytes[..len]).map(drop).unwrap_err();
        assert!(!error.to_string().is_empty());
    }
    assert_eq!(Saved::from_bytes(&[&bytes[..], b"x"].concat()).map(drop), Err(BadSaved::Length));
    let mut other = bytes.clone();
    other[3] += 1;
    assert_eq!(Saved::from_bytes(&other).map(drop), Err(BadSaved::Format));
    for at in 4..bytes.len() {
        for change in [1, 0x80, 0xff] {
            let mut bytes = bytes.clone();
            bytes[at] ^= change;
            // Whatever it is now: it can be read and used, or it is refused.
            if let Ok(saved) = Saved::from_bytes(&bytes) {
                let again = saved.to_bytes();
                assert_eq!(Saved::from_bytes(&again).unwrap().to_bytes(), again);
                let mut script = Script::new(Config { resume: Some(saved), ..resumable_config() });
                script.sent();
            }
        }
    }
}

#[test]
fn what_is_saved_does_not_show_in_logs() {
    let (script, _) = session();
    let shown = format!("{:?}", script.client.save().unwrap());
    assert!(!shown.contains("s1") && !shown.contains("two") && shown.contains(JID), "{shown}");
}

#[test]
fn xep0198_4_counting_goes_on_over_two_to_the_power_of_32() {
    let (script, _) = session();
    let bytes = script.client.save().unwrap().to_bytes();
    // Both counts stand behind the address.
    let at = bytes.windows(JID.len()).position(|window| window == JID.as_bytes()).unwrap() + JID.len();
    let mut bytes = bytes;
    let most = u64::from(u32::MAX).to_be_bytes();
    bytes[at..at + 8].copy_from_slice(&most);
    bytes[at + 8..at + 16].copy_from_slice(&most);
    let (mut script, resume) = restarted(&Saved::from_bytes(&bytes).unwrap());
    assert!(resume.contains(&format!("h='{}'", u32::MAX)), "{resume}");
    let out = script.server(&resumed(u32::MAX));
    assert!(out.contains("two") && out.contains("three"), "{out}");
    script.events();
    assert_eq!(script.server(&format!("{HELLO}{R}")), answer(0));
    script.events();
    script.server(&answer(0));
    script.server(&answer(1));
    assert_eq!(script.events().len(), 2);
}
