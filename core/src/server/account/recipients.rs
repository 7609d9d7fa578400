//! How many different addresses a session may write to within a time (RFC 6120 section 13.12 item 5).
//!
//! Counted are bare addresses other than the session's own. What ends something or answers somebody is never refused: results,
//! errors and unavailable presence.

use super::{Account, Context};
use crate::machine::{Instant, Now};
use crate::server::config::Limits;
use crate::server::output::SessionId;
use crate::stanza::{Condition, ErrorType, PresenceType, Stanza, StanzaError};
use std::collections::BTreeSet;

/// Whom a session has written to lately.
#[derive(Debug, Default)]
pub(super) struct Recipients {
    /// When the time began that is counted.
    since: Option<Instant>,
    known: BTreeSet<Box<str>>,
}

impl Account {
    /// Refuses what goes to too many. Returns what does not.
    pub(super) fn check_recipient(
        &mut self,
        id: SessionId,
        stanza: Stanza,
        ctx: &mut Context<'_>,
    ) -> Option<Stanza> {
        let to = stanza.to()?;
        if self.is_own(Some(to)) || ends_or_answers(&stanza) {
            return Some(stanza);
        }
        // A session that has gone was asked when it sent this.
        let session = self.sessions.iter_mut().find(|session| session.id == id);
        if session.is_none_or(|session| session.recipients.admit(to.bare_str(), ctx.now, &ctx.config.limits))
        {
            return Some(stanza);
        }
        let error = StanzaError::new(Condition::PolicyViolation).with_type(ErrorType::Wait);
        ctx.outbox.bounce_with(&stanza, error.with_text_in("en", "You write to too many at a time."));
        None
    }
}

impl Recipients {
    fn admit(&mut self, to: &str, now: Now, limits: &Limits) -> bool {
        if self.since.is_none_or(|since| since + limits.recipients_within <= now.instant) {
            *self = Recipients { since: Some(now.instant), known: BTreeSet::new() };
        }
        if self.known.contains(to) {
            return true;
        }
        let room = self.known.len() < limits.recipients_per_session;
        if room {
            self.known.insert(to.into());
        }
        room
    }
}

fn ends_or_answers(stanza: &Stanza) -> bool {
    stanza.is_error()
        || match stanza {
            Stanza::Message(_) => false,
            Stanza::Presence(presence) => presence.kind() == PresenceType::Unavailable,
            Stanza::Iq(iq) => !iq.kind().is_request(),
        }
}
