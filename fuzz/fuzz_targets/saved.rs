//! A saved session from anywhere: it is read or refused, what is read is written the same, and a client that is to resume it
//! gives back every stanza in it once.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::collections::BTreeSet;
use waxwing_core::client::{Client, Config, Event, Management, Saved, TlsMode};
use waxwing_core::machine::{Entropy, Machine};
use waxwing_core::stanza::Message;
use waxwing_fuzz::start;

fuzz_target!(|data: &[u8]| {
    let saved = match Saved::from_bytes(data) {
        Ok(saved) => saved,
        Err(why) => return assert!(!why.to_string().is_empty()),
    };
    let bytes = saved.to_bytes();
    let again = Saved::from_bytes(&bytes).expect("what is written can be read");
    assert_eq!(again.to_bytes(), bytes);
    assert_eq!(again.jid(), saved.jid());
    assert_eq!(again.location(), saved.location());
    assert!(again.stanzas().eq(saved.stanzas()));
    resume(saved);
});

/// A process that is to go on with it and is stopped before it has got anywhere.
fn resume(saved: Saved) {
    let jid = saved.jid().clone();
    let mut handles = BTreeSet::new();
    let all_differ = saved.stanzas().all(|(handle, _)| handles.insert(format!("{handle:?}")));
    let mut config = Config::new(jid.clone().into(), TlsMode::Plaintext);
    (config.management, config.resume) = (Management::Resume { max: None }, Some(saved));
    let now = start();
    let mut client = Client::new(config, now, Entropy::from_seed([0; 32]));
    if let Ok(handle) = client.send(now, Message::chat(jid.into(), "x")) {
        assert!(handles.insert(format!("{handle:?}")), "a handle is given out twice");
    }
    let _ = (client.save(), client.transmit(&mut Vec::new()));
    client.abandon(now);
    let mut told = 0;
    for _ in 0..100_000 {
        match client.poll_event() {
            Some(Event::Unacknowledged { handle, .. } | Event::Unsent { handle, .. }) => {
                told += 1;
                assert!(handles.contains(&format!("{handle:?}")), "nobody knows {handle:?}");
            }
            Some(Event::Closed(_)) => {
                assert!(client.is_finished());
                assert!(
                    !all_differ || told == handles.len(),
                    "{told} of {} stanzas came back",
                    handles.len()
                );
                return;
            }
            Some(_) => {}
            None => break,
        }
    }
    panic!("it does not end");
}
