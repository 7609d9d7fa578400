//! Messages from strangers.

use super::{Account, Context};
use crate::jid::Jid;
use crate::server::config::Strangers;
use crate::stanza::{Condition, Message, MessageType};

impl Account {
    /// Turns away what strangers may not send. Returns the message if it is welcome.
    ///
    /// Errors are: they are answers. Others hear service-unavailable, as from an account that does not exist.
    pub(super) fn welcome(&self, message: Message, ctx: &mut Context<'_>) -> Option<Message> {
        let condition = match ctx.config.strangers {
            Strangers::Allow => return Some(message),
            Strangers::Short { bytes } if body_bytes(&message) <= bytes => return Some(message),
            Strangers::Short { .. } => Condition::PolicyViolation,
            Strangers::Refuse => Condition::ServiceUnavailable,
        };
        if message.kind() == MessageType::Error || !self.is_stranger(message.from()) {
            return Some(message);
        }
        ctx.outbox.bounce(&message.into(), condition);
        None
    }

    /// Neither the user's own, nor the server, nor in the roster (RFC 6121 section 8.1), nor somebody to whom one of the
    /// sessions has shown itself, as it does to rooms (section 4.6).
    fn is_stranger(&self, who: Option<&Jid>) -> bool {
        let Some(who) = who else { return false };
        let known = self.is_own(Some(who))
            || who.as_str() == self.jid.domain()
            || self.record.roster.contacts.contains_key(who.bare_str())
            || self.sessions.iter().any(|session| session.has_shown_itself_to(who));
        !known
    }
}

fn body_bytes(message: &Message) -> usize {
    message.bodies().map(|(_, body)| body.len()).sum()
}
