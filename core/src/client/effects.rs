//! What the parts that know people are told, and what follows from what they do: so that none of them knows the stream, the
//! outgoing queue or the requests that wait.

use super::{Config, DiscoInfo, Event, Ignored};
use crate::jid::{FullJid, Jid};
use crate::machine::Now;
use crate::stanza::{Condition, Iq, Stanza};
use std::collections::VecDeque;

/// What the parts may know of the session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    pub(super) own: &'a FullJid,
    pub(super) config: &'a Config,
    pub(super) now: Now,
}

/// What follows from a stanza, in order.
#[derive(Debug, Default)]
pub(super) struct Effects {
    /// For the caller, behind what waits for it already.
    pub(super) events: VecDeque<Event>,
    /// For whoever asked.
    pub(super) answers: Vec<Stanza>,
    /// Questions of the machine's own about what others can do.
    pub(super) lookups: Vec<DiscoInfo>,
}

impl Context<'_> {
    /// True if only the account itself, which is to say its server, can have sent this: without a sender (RFC 6120
    /// section 8.1.2.1) or from the account's bare address.
    pub(super) fn is_from_account(&self, from: Option<&Jid>) -> bool {
        from.is_none_or(|from| from.as_str() == self.own.bare_str())
    }

    /// True for the account and all its sessions.
    pub(super) fn is_own(&self, jid: &Jid) -> bool {
        jid.bare_str() == self.own.bare_str()
    }
}

impl Effects {
    pub(super) fn ignore(&mut self, stanza: Stanza, reason: Ignored) {
        self.events.push_back(Event::Ignored { stanza, reason });
    }

    /// Answers a request with an empty result.
    pub(super) fn acknowledge(&mut self, iq: &Iq) {
        self.answers.push(iq.result(None).into());
    }

    /// Answers a request with an error.
    pub(super) fn refuse(&mut self, iq: Iq, condition: Condition) {
        self.answers.extend(Stanza::Iq(iq).error_reply(condition.into()));
    }
}
