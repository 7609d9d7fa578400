//! What a call into the hub leaves behind: outputs for the owner, stanzas that still have to be routed.

use super::hub::{Output, SessionId};
use crate::stanza::{Condition, Stanza, StanzaError};
use std::collections::VecDeque;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    pub(super) outputs: VecDeque<Output>,
    /// Sent by entities, not yet routed. Empty between calls.
    pub(super) work: VecDeque<Stanza>,
}

impl Outbox {
    /// Hands a stanza to a session.
    pub(super) fn deliver(&mut self, session: SessionId, stanza: Stanza) {
        self.outputs.push_back(Output::Deliver { session, stanza });
    }

    /// Sends a stanza to whomever its `to` names.
    pub(super) fn send(&mut self, stanza: Stanza) {
        self.work.push_back(stanza);
    }

    /// Reports an error to the sender of a stanza, where one may be reported.
    pub(super) fn bounce(&mut self, stanza: &Stanza, condition: Condition) {
        self.bounce_with(stanza, StanzaError::new(condition));
    }

    /// As [`bounce`](Self::bounce), with an error made elsewhere.
    pub(super) fn bounce_with(&mut self, stanza: &Stanza, error: StanzaError) {
        if let Some(reply) = stanza.error_reply(error) {
            self.send(reply);
        }
    }
}
