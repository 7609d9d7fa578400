//! Noticing that the server is gone (RFC 6120 section 4.6, XEP-0199).

use super::config::KeepAlive;
use crate::machine::{Deadline, Instant, Reason};
use core::time::Duration;

/// Shortest idle time that is honoured: anything less would only be a busy loop.
const SHORTEST: Duration = Duration::from_secs(1);

/// Watches the traffic of one stream.
#[derive(Debug)]
pub(super) struct Watch {
    policy: KeepAlive,
    received: Instant,
    sent: Instant,
    /// A ping is out; a sign of life is due then.
    awaiting: Option<Instant>,
    /// The id of the last ping, whose reply nobody else wants to see.
    ping: Option<String>,
}

/// What to do now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Due {
    Nothing,
    Whitespace,
    Ping,
    GiveUp,
}

impl Watch {
    pub(super) fn new(policy: KeepAlive, now: Instant) -> Watch {
        Watch { policy, received: now, sent: now, awaiting: None, ping: None }
    }

    /// A connection has just been made, or the stream on it established.
    pub(super) fn restart(&mut self, now: Instant) {
        *self = Watch::new(self.policy, now);
    }

    /// Bytes came: the server lives.
    pub(super) fn received(&mut self, now: Instant) {
        self.received = now;
        self.awaiting = None;
    }

    /// Bytes were handed out.
    pub(super) fn sent(&mut self, now: Instant) {
        self.sent = now;
    }

    pub(super) fn deadline(&self) -> Option<Deadline> {
        match (self.policy, self.awaiting) {
            (_, Some(at)) => Some(Deadline { at, reason: Reason::Idle }),
            (KeepAlive::Off, None) => None,
            (KeepAlive::Whitespace { after }, None) => {
                let at = self.received.max(self.sent) + after.max(SHORTEST);
                Some(Deadline { at, reason: Reason::KeepAlive })
            }
            (KeepAlive::Ping { after, .. }, None) => {
                Some(Deadline { at: self.received + after.max(SHORTEST), reason: Reason::KeepAlive })
            }
        }
    }

    /// Says what is due, and takes it as done.
    pub(super) fn tick(&mut self, now: Instant) -> Due {
        if self.deadline().is_none_or(|deadline| deadline.at > now) {
            return Due::Nothing;
        }
        match self.policy {
            _ if self.awaiting.is_some() => Due::GiveUp,
            KeepAlive::Off => Due::Nothing,
            KeepAlive::Whitespace { .. } => {
                self.sent = now;
                Due::Whitespace
            }
            KeepAlive::Ping { timeout, .. } => {
                self.awaiting = Some(now + timeout);
                Due::Ping
            }
        }
    }

    /// The server is asked for a sign of life out of turn, due then.
    #[cfg(feature = "dns")]
    pub(super) fn probe(&mut self, until: Instant) {
        self.awaiting = Some(until);
    }

    /// This is the id of the ping that has just been queued.
    pub(super) fn pinged(&mut self, id: String) {
        self.ping = Some(id);
    }

    /// True, once, for the reply to the ping.
    pub(super) fn is_pong(&mut self, id: &str) -> bool {
        self.ping.take_if(|ping| ping == id).is_some()
    }
}
