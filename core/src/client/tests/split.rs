//! Splitting the input changes nothing (the invariant of [`Machine::receive`]).

use super::*;

/// What a server says in one life of the client, step by step. Ids are the client's, known from a first run.
fn transcript() -> Vec<String> {
    let mut script = Script::new(config());
    let request = script.authenticated(BIND);
    let id = attr(&request, "id");
    vec![
        format!("{HEADER}{}", features(&mechanisms(&["PLAIN", "X-A"]))),
        format!("<success xmlns='{SASL}'/>"),
        format!("{HEADER}{}", features(BIND)),
        format!(
            "<iq type='result' id='{id}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>{JID}</jid></bind></iq>"
        ),
        "<message from='romeo@example.net/\u{2603}'><body>\u{2603} &amp; &#x2603;</body></message> \
         <iq type='get' id='p' from='example.com'><ping xmlns='urn:xmpp:ping'/></iq>"
            .to_owned(),
        "</stream:stream>".to_owned(),
    ]
}

/// Bytes sent and events, for the transcript cut into pieces by `cut`.
fn run(steps: &[String], cut: impl Fn(usize, &[u8]) -> Vec<Vec<u8>>) -> (String, Vec<Event>) {
    let mut script = Script::new(config());
    let mut out = script.sent();
    let mut start = 0;
    for step in steps {
        for piece in cut(start, step.as_bytes()) {
            script.client.receive(script.now, &piece);
            out.push_str(&script.sent());
        }
        start += step.len();
    }
    (out, script.events())
}

#[test]
fn a_whole_life_split_at_every_byte() {
    let steps = transcript();
    let whole = run(&steps, |_, step| vec![step.to_vec()]);
    assert!(matches!(whole.1.last(), Some(Event::Closed(Err(_)))), "{:?}", whole.1);
    assert!(whole.0.contains("id='p'"), "{}", whole.0);
    let every_byte = run(&steps, |_, step| step.iter().map(|byte| vec![*byte]).collect());
    assert_eq!(whole, every_byte);
    let total: usize = steps.iter().map(String::len).sum();
    for at in 0..total {
        let split = run(&steps, |start, step| match at.checked_sub(start) {
            Some(at) if at < step.len() => vec![step[..at].to_vec(), step[at..].to_vec()],
            _ => vec![step.to_vec()],
        });
        assert_eq!(whole, split, "split at byte {at}");
    }
}

#[test]
fn the_same_inputs_give_the_same_outputs() {
    let steps = transcript();
    let life = || run(&steps, |_, step| vec![step.to_vec()]);
    assert_eq!(life(), life());
}
