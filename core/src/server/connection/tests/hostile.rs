//! Peers and owners that do anything at all, at any time.

use super::*;
use crate::stanza;

/// Chance, small and repeatable.
struct Dice(Entropy);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        (self.0.next_u64() % n as u64) as usize
    }
}

/// Transcripts cut up, mixed, damaged and split anywhere, with calls of the owner's at any time: nothing panics, the end is
/// told once and last, and after it there is silence.
#[test]
fn whatever_happens_the_end_comes_once_and_last() {
    for seed in 0..400_u16 {
        let mut bytes = [0; 32];
        bytes[..2].copy_from_slice(&seed.to_be_bytes());
        let mut dice = Dice(Entropy::from_seed(bytes));
        let mut config = in_the_clear();
        config.sasl.anonymous = true;
        config.sasl.oauthbearer = true;
        config.start_tls_outside = dice.below(2) == 0;
        let transport = if dice.below(2) == 0 { Transport::Plain } else { secured() };
        let mut peer = Peer::new(config, transport);
        for _ in 0..dice.below(60) {
            if dice.below(3) == 0 {
                peer.answers = if dice.below(2) == 0 { Answers::AtOnce } else { Answers::Never };
            }
            call(&mut peer, &mut dice);
            out(&mut peer);
        }
        peer.connection.receive_eof(peer.now);
        out(&mut peer);
        let ends = peer.events.iter().filter(|event| matches!(event, Event::Closed(_))).count();
        assert_eq!(ends, 1, "seed {seed}: {:?}", peer.events);
        assert!(matches!(peer.events.back(), Some(Event::Closed(_))), "seed {seed}");
        assert!(peer.connection.is_finished(), "seed {seed}");
        for _ in 0..5 {
            call(&mut peer, &mut dice);
            assert!(out(&mut peer).is_empty(), "seed {seed}");
            assert_eq!(peer.connection.deadline(), None, "seed {seed}");
        }
        assert_eq!(peer.connection.held.capacity(), 0, "seed {seed}");
    }
}

fn out(peer: &mut Peer) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let count = peer.connection.transmit(&mut out);
        let Some(event) = peer.connection.poll_event() else {
            match count {
                0 => return out,
                _ => continue,
            }
        };
        peer.answer(&event);
        peer.events.push_back(event);
    }
}

fn call(peer: &mut Peer, dice: &mut Dice) {
    let now = peer.now;
    match dice.below(24) {
        0 => peer.connection.credentials(now, Ok(Some(stored()))),
        1 => peer.connection.credentials(now, Err(Unavailable)),
        2 => peer.connection.verdict(now, Ok("juliet".into())),
        3 => peer.connection.verdict(now, Err(crate::sasl::Condition::NotAuthorized)),
        4 => peer.connection.bound(
            now,
            FullJid::new("juliet@im.example.com/balcony").unwrap(),
            Granted::default(),
        ),
        5 => peer.connection.bind_refused(now, StanzaError::new(stanza::Condition::Conflict)),
        6 => peer.connection.secured(now, TlsInfo::default()),
        7 => {
            let to = crate::jid::Jid::new("juliet@im.example.com").unwrap();
            peer.connection.deliver(now, &Stanza::Message(stanza::Message::chat(to, "hi")));
        }
        8 => {
            let seconds = [0, 1, 10, 700][dice.below(4)];
            peer.now = peer.now.after(Duration::from_secs(seconds));
            peer.connection.tick(peer.now);
        }
        9 if dice.below(20) == 0 => {
            peer.connection.close(now, StreamError::new(Condition::SystemShutdown));
        }
        10 if dice.below(20) == 0 => peer.connection.receive_eof(now),
        _ => {
            let mut input = phrase(dice).into_bytes();
            if dice.below(10) == 0 && !input.is_empty() {
                let at = dice.below(input.len());
                input[at] = dice.below(256) as u8;
            }
            let at = dice.below(input.len() + 1);
            let (head, tail) = input.split_at(at);
            peer.connection.receive(now, head);
            if dice.below(4) > 0 {
                peer.connection.receive(now, tail);
            }
        }
    }
}

fn phrase(dice: &mut Dice) -> String {
    match dice.below(16) {
        0..4 => header(),
        4..6 => plain("juliet", PASSWORD),
        6 => plain("juliet", "wrong"),
        7 => auth("SCRAM-SHA-1", &BASE64.encode("n,,n=juliet,r=abc")),
        8 => auth("OAUTHBEARER", &BASE64.encode("n,,\u{1}auth=Bearer tok\u{1}\u{1}")),
        9 => auth("ANONYMOUS", "="),
        10 => "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>=</response>".into(),
        11..13 => bind("balcony"),
        13 => "<message to='romeo@example.net'><body>hi</body></message><iq type='get' id='1'/><presence to='@'/>".into(),
        14 => login(),
        _ => [
            "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
            "<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
            "</stream:stream>",
            "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
            " \n",
        ][dice.below(5)]
        .into(),
    }
}
