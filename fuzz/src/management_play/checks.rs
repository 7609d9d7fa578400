//! What clients are told, and whether that can be; and what has become of everything in the end.

use super::unmanaged::Unmanaged;
use super::{End, NAMES, PARTIES, Play};
use std::collections::BTreeSet;
use std::time::Duration;
use waxwing_core::client::{Event, StanzaHandle};
use waxwing_core::machine::Machine;
use waxwing_core::stanza::{Message, MessageType};

impl Play {
    pub(super) fn on_event(&mut self, who: usize, event: Event) {
        assert!(!self.parties[who].is_closed, "an event after the end: {event:?}");
        match event {
            Event::Message(message) => self.on_message(who, &message),
            Event::Acknowledged(handle) => self.end(who, handle, End::Acknowledged),
            Event::Unsent { handle, .. } => self.end(who, handle, End::Unsent),
            Event::Unacknowledged { handle, .. } => self.end(who, handle, End::Unknown),
            Event::Online(_) => {
                // Whatever was before is over.
                self.lose_session(who);
                self.parties[who].show(self.now);
            }
            Event::Reply(reply) => {
                // One that another process has asked for is nobody's.
                if let Some(answers) = self.parties[who].requests.get_mut(&reply.request()) {
                    *answers += 1;
                    assert_eq!(*answers, 1, "a request has two answers");
                }
            }
            Event::Closed(_) => {
                self.lose_session(who);
                let party = &mut self.parties[who];
                party.is_closed = true;
                assert!(party.requests.values().all(|answers| *answers == 1), "a request has no answer");
                let open = party.open.values().flatten().next();
                assert!(open.is_none(), "nobody was told what became of m{open:?}");
                party.open.clear();
            }
            Event::Malformed { element, error } => panic!("{error:?}: {}", element.to_xml()),
            _ => {}
        }
    }

    /// What a client has had or has been about to get may come again, and it may have been the only one to know of what it had
    /// sent.
    fn lose_session(&mut self, who: usize) {
        for sent in self.sent.iter_mut().filter(|sent| sent.to == who || sent.from == who) {
            sent.is_certain = false;
        }
    }

    fn on_message(&mut self, who: usize, message: &Message) {
        let id = message.id().and_then(|id| id.strip_prefix('m')).and_then(|id| id.parse::<usize>().ok());
        let number = id.expect("a message of ours");
        let sent = &mut self.sent[number];
        if message.kind() == MessageType::Error {
            assert_eq!(sent.from, who, "somebody else's error");
            sent.refused += 1;
            assert!(sent.refused == 1 || !sent.is_certain, "refused twice: {sent:?}");
            return;
        }
        assert_eq!(sent.to, who, "somebody else's message");
        sent.came += 1;
        assert!(sent.came == 1 || !sent.is_certain, "it came twice: {sent:?}");
        assert_ne!(sent.end, Some(End::Unsent), "it never left, and arrived: {sent:?}");
        let is_delayed = message.child("delay", "urn:xmpp:delay").is_some();
        if !is_delayed && sent.is_certain {
            let from = sent.from;
            let last = self.parties[who].last.insert(from, number);
            assert!(last.is_none_or(|last| last < number), "m{number} was overtaken by m{last:?}");
        }
    }

    fn end(&mut self, who: usize, handle: StanzaHandle, end: End) {
        let known = self.parties[who].open.remove(&handle);
        let known = known.unwrap_or_else(|| panic!("{end:?}: nobody knows {handle:?}, or not any more"));
        if let Some(number) = known {
            let sent = &mut self.sent[number];
            assert_eq!((sent.handle, sent.end), (handle, None));
            sent.end = Some(end);
            assert!(end != End::Unsent || sent.came == 0, "it never left, and arrived: {sent:?}");
        }
    }

    /// Everybody comes back, nothing fails, and nothing is lost.
    pub(super) fn finish(&mut self) {
        (self.is_calm, self.store_waits) = (true, false);
        for link in std::mem::take(&mut self.ghosts) {
            if link.has_server {
                self.server.disconnected(self.now, link.id);
            }
        }
        for _ in 0..40 {
            for who in 0..PARTIES {
                self.mend(who);
            }
            self.settle();
            self.wait(Duration::from_millis(1500));
            self.settle();
        }
        for _ in 0..4 {
            for party in &mut self.parties {
                party.show(self.now);
            }
            self.settle();
            self.wait(Duration::from_millis(1500));
            self.settle();
        }
        for (who, party) in self.parties.iter().enumerate() {
            assert!(party.client.is_online(), "{} cannot come back", NAMES[who]);
            assert!(party.requests.values().all(|answers| *answers == 1), "a request has no answer");
            let open = party.open.values().flatten().next();
            assert!(open.is_none() || !party.client.is_managed(), "nobody was told what became of m{open:?}");
        }
        let lost: BTreeSet<usize> = self.unmanaged.values().flat_map(Unmanaged::lost).collect();
        for (number, sent) in self.sent.iter().enumerate() {
            // A store that is silent is given up, and may keep it all the same; nor does an error reach who has gone.
            let is_unheard = sent.has_waited && !sent.is_certain;
            let is_safe = sent.end == Some(End::Acknowledged) && !lost.contains(&number) && !is_unheard;
            assert!(!is_safe || sent.came + sent.refused > 0, "m{number} is lost: {sent:?}");
            let most = if sent.has_waited { 2 } else { 1 };
            assert!(!sent.is_certain || sent.came + sent.refused <= most, "m{number}: {sent:?}");
        }
    }

    fn mend(&mut self, who: usize) {
        let party = &mut self.parties[who];
        if party.link.as_ref().is_some_and(|link| !link.has_client || !link.has_server)
            && let Some(link) = party.link.take()
        {
            if link.has_server {
                self.server.disconnected(self.now, link.id);
            }
            party.client.receive_eof(self.now);
        }
        self.settle();
        self.reconnect(who);
        self.open(who);
        self.settle();
    }
}
