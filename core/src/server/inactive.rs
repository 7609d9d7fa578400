//! Client state indication (XEP-0352): what is held back from clients that nobody looks at.
//!
//! Presence and mere chat states (XEP-0085) can wait, and of each sender's only the latest counts. Anything else goes to the
//! client at once, and what was held comes before it: so the order is what it would have been, and a client that is woken
//! anyway knows all there is to know. What is held has not been delivered: it has no number (XEP-0198), and is lost with the
//! session, as it would be if the client had not been there. What comes late says since when it is true (XEP-0203).
//!
//! The state belongs to the connection, so a client that resumes its session counts as active again (section 5.2). Until it
//! does, what can wait waits on.

use super::config::Limits;
use super::output::SessionId;
use crate::jid::{FullJid, Jid};
use crate::machine::Utc;
use crate::ns;
use crate::payload::carbons::Carbon;
use crate::payload::delay::Delay;
use crate::payload::hints::Hints;
use crate::stanza::{Message, MessageType, PresenceType, Stanza};
use std::collections::BTreeMap;

/// What comes so late is not news.
const LATE_MILLIS: i64 = 1000;

/// All inactive sessions of a hub.
#[derive(Debug, Default)]
pub(super) struct Inactive {
    sessions: BTreeMap<SessionId, Box<Held>>,
    /// What is held back from all of them takes so many bytes.
    bytes: usize,
}

/// What is held back from one.
#[derive(Debug)]
struct Held {
    /// The session's address.
    jid: FullJid,
    latest: BTreeMap<Key, Waiting>,
    /// The number of the next stanza: they are given in this order.
    next: u64,
    bytes: usize,
}

/// A stanza that is held back.
#[derive(Debug)]
struct Waiting {
    number: u64,
    since: Utc,
    stanza: Stanza,
}

/// What a stanza takes the place of: an earlier one with the same key.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Key {
    /// Of whom.
    Presence(Jid),
    /// Who is, or is not, writing to whom.
    ChatState(Jid, Option<Jid>),
}

impl Inactive {
    /// Whether all sessions are active.
    pub(super) fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Nobody looks at the client of a session.
    pub(super) fn begin(&mut self, session: SessionId, jid: &FullJid) {
        self.sessions.entry(session).or_insert_with(|| {
            Box::new(Held { jid: jid.clone(), latest: BTreeMap::new(), next: 0, bytes: 0 })
        });
    }

    /// Somebody looks. Gives what was held back from it, in order.
    pub(super) fn end(&mut self, session: SessionId, now: Utc) -> Vec<Stanza> {
        let held = if self.sessions.is_empty() { None } else { self.sessions.remove(&session) };
        held.map(|mut held| held.release(now, &mut self.bytes)).unwrap_or_default()
    }

    /// A session is over.
    pub(super) fn forget(&mut self, session: SessionId) {
        if !self.sessions.is_empty()
            && let Some(held) = self.sessions.remove(&session)
        {
            self.bytes = self.bytes.saturating_sub(held.bytes);
        }
    }

    /// Gives what was held back from a session, in order. The session stays inactive.
    pub(super) fn release(&mut self, session: SessionId, now: Utc) -> Vec<Stanza> {
        let held = if self.sessions.is_empty() { None } else { self.sessions.get_mut(&session) };
        held.map(|held| held.release(now, &mut self.bytes)).unwrap_or_default()
    }

    /// A session is to have a stanza. `None`: it is held back. Otherwise the session is to have these before it.
    pub(super) fn offer(
        &mut self,
        session: SessionId,
        stanza: &Stanza,
        now: Utc,
        limits: &Limits,
    ) -> Option<Vec<Stanza>> {
        let Some(held) = self.sessions.get_mut(&session) else { return Some(Vec::new()) };
        if let Some(key) = held.key(stanza) {
            held.remove(&key, &mut self.bytes);
            let bytes = stanza.element().size();
            let fits = held.latest.len() < limits.held_back
                && held.bytes.saturating_add(bytes) <= limits.held_back_bytes
                && self.bytes.saturating_add(bytes) <= limits.held_back_bytes_in_all;
            if fits {
                held.bytes += bytes;
                self.bytes += bytes;
                let waiting = Waiting { number: held.next, since: now, stanza: stanza.clone() };
                held.latest.insert(key, waiting);
                held.next += 1;
                return None;
            }
        }
        Some(held.release(now, &mut self.bytes))
    }
}

impl Held {
    fn remove(&mut self, key: &Key, in_all: &mut usize) {
        if let Some(waiting) = self.latest.remove(key) {
            let bytes = waiting.stanza.element().size();
            self.bytes = self.bytes.saturating_sub(bytes);
            *in_all = in_all.saturating_sub(bytes);
        }
    }

    fn release(&mut self, now: Utc, in_all: &mut usize) -> Vec<Stanza> {
        *in_all = in_all.saturating_sub(self.bytes);
        self.bytes = 0;
        let mut held: Vec<_> = std::mem::take(&mut self.latest).into_values().collect();
        held.sort_unstable_by_key(|waiting| waiting.number);
        let server = Jid::from(self.jid.to_domain());
        held.into_iter().map(|waiting| waiting.at_last(now, &server)).collect()
    }

    /// What a stanza takes the place of; `None`: it cannot wait.
    fn key(&self, stanza: &Stanza) -> Option<Key> {
        match stanza {
            Stanza::Presence(presence) => {
                let says_who_is_there =
                    matches!(presence.kind(), PresenceType::Available | PresenceType::Unavailable);
                // What it has sent itself answers it.
                let from = presence.from().filter(|from| says_who_is_there && **from != *self.jid)?;
                Some(Key::Presence(from.clone()))
            }
            Stanza::Message(message) if is_chat_state(message) => chat_state(message),
            Stanza::Message(message) => match Carbon::read(message, &self.jid.to_bare()) {
                Some(Ok(copy)) if is_chat_state(&copy.message) => chat_state(&copy.message),
                _ => None,
            },
            Stanza::Iq(_) => None,
        }
    }
}

impl Waiting {
    /// The stanza, with a note of the server's since when it is true, unless it has one already or has not waited for long.
    fn at_last(self, now: Utc, server: &Jid) -> Stanza {
        let is_late = now.unix_millis().saturating_sub(self.since.unix_millis()) >= LATE_MILLIS;
        match self.stanza.element().child("delay", ns::DELAY) {
            None if is_late => self.stanza.with_child(Delay::new(self.since).by(server.clone()).to_builder()),
            _ => self.stanza,
        }
    }
}

fn chat_state(message: &Message) -> Option<Key> {
    Some(Key::ChatState(message.from()?.clone(), message.to().cloned()))
}

/// Whether a message says how it stands with the conversation, and nothing else (XEP-0085 section 5.1).
fn is_chat_state(message: &Message) -> bool {
    let own = message.element().ns();
    let mut children = message.element().children();
    message.kind() != MessageType::Error
        && message.payloads().any(|child| child.ns() == ns::CHAT_STATES)
        && children.all(|child| match child.ns() {
            ns::CHAT_STATES | ns::HINTS | ns::STANZA_IDS => true,
            ns::CARBONS => child.name() == "private",
            namespace => namespace == own && child.name() == "thread",
        })
        && !Hints::of(message).store
}
