//! What a session wants of its client, and nobody else.

use crate::client::outbox::{Entry, Origin};
use crate::client::state::State;
use crate::client::{Client, Config, Event, TlsMode};
use crate::machine::{Entropy, Now};
use core::time::Duration;

/// How long the server may take for a sign of life that was asked for because the network has changed.
const PROBE: Duration = Duration::from_secs(10);

impl Client {
    /// A client that waits for its first connection as others do for the next.
    pub(super) fn unconnected(config: Config, now: Now, entropy: Entropy) -> Client {
        // So it has nothing to say.
        let mut client = Client::new(Config { tls: TlsMode::Outside, ..config }, now, entropy);
        client.is_kept = true;
        client.lie_down();
        client
    }

    /// There is a fresh connection.
    pub(super) fn carry_on(&mut self, now: Now, tls: TlsMode) {
        // It is interrupted: nothing else lets a session ask for a connection.
        let _ = self.reconnect(now, tls);
    }

    /// After the end: gets ready for another connection. What it has heard of others is not true any more.
    pub(super) fn rest(&mut self) {
        if matches!(self.state, State::Over) {
            self.im.start_over();
            self.lie_down();
        }
    }

    fn lie_down(&mut self) {
        self.state = State::Interrupted;
        (self.is_cut, self.is_continuing) = (true, true);
        (self.verdict, self.closing) = (None, None);
    }

    /// The server will not know this session any more: who waits for an answer will get none.
    pub(super) fn start_over(&mut self, now: Now) {
        // Without a count there is none that could be wrong.
        let _ = self.lose_session(now, None);
    }

    /// Takes back what it has given up with its last connection, if that can go over the next.
    pub(super) fn take_back(&mut self, now: Now, event: Event) -> Option<Event> {
        let (handle, stanza, is_sent) = match &event {
            Event::Unsent { handle, stanza } => (*handle, stanza.clone(), false),
            Event::Unacknowledged { handle, stanza } => (*handle, stanza.clone(), true),
            _ => return Some(event),
        };
        let entry = Entry { stanza, origin: Origin::Caller(handle), bytes: 0, since: now.utc, is_sent };
        if !self.may_be_repeated(&entry) {
            return Some(event);
        }
        self.outbox.note(entry);
        None
    }

    /// Asks for a sign of life, and gives the connection up if none comes soon.
    pub(super) fn probe(&mut self, now: Now) {
        if self.is_online() {
            self.watch.probe(now.instant + PROBE);
            self.ask_for_life(now);
        }
    }
}
