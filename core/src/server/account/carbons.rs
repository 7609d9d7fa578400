//! Copies of messages for the account's other resources (XEP-0280).
//!
//! Copies go straight to sessions, never over the routing: so they cannot be forged (nobody else can send in the name of the
//! bare address), are not copied again, and cannot come back as errors to whoever sent the original (section 11.3).
//!
//! What is copied follows section 6.1, with two differences, for which `urn:xmpp:carbons:rules:0` is not announced: an error is
//! copied if it shows that it answers a message worth copying, since nobody keeps track of what was sent; and the hint no-copy
//! counts where it may stand (XEP-0334 section 4.3).

use super::{Account, Context, Session};
use crate::ns;
use crate::payload::Malformed;
use crate::payload::carbons::{self, Direction};
use crate::payload::hints::Hints;
use crate::server::managed::{Claim, Share};
use crate::server::output::SessionId;
use crate::stanza::{Iq, IqType, Message, MessageType, Stanza, StanzaError};

impl Account {
    /// A request that turns copies on or off for the session that makes it (sections 4, 5 and 11.1). False: it is another
    /// request, or somebody else's, who gets the answer that all accounts give, so that nobody learns which ones exist.
    pub(super) fn switch_carbons(&mut self, iq: &Iq, ctx: &mut Context<'_>) -> bool {
        let Some(payload) = iq.payload().filter(|payload| payload.ns() == ns::CARBONS) else { return false };
        let Some(session) = self.sessions.iter_mut().find(|session| iq.from() == Some(&session.jid)) else {
            return false;
        };
        let switch = match iq.kind() {
            IqType::Set => carbons::parse_switch(payload),
            _ => Err(Malformed::new("copies are turned on or off with a request of type set")),
        };
        match switch {
            Ok(on) => {
                session.carbons = on;
                ctx.outbox.send(Stanza::Iq(iq.result(None)));
            }
            Err(malformed) => {
                ctx.outbox.bounce_with(&Stanza::Iq(iq.clone()), StanzaError::from(malformed));
            }
        }
        true
    }

    /// Copies a message that a session sends for the others (section 8). One to the account itself is copied when it arrives.
    pub(super) fn copy_sent(&mut self, sender: SessionId, message: &Message, ctx: &mut Context<'_>) {
        if !self.is_own(message.to()) {
            let _ = self.copy(Direction::Sent, message, |session| session.id != sender, ctx);
        }
    }

    /// Copies a message that has been delivered for those of the resources that have not got it (section 7): not the one
    /// that sent it either, nor those that a privacy list spares it. What those who got one share, if anybody did.
    pub(super) fn copy_received(
        &mut self,
        message: &Message,
        has_it: impl Fn(&Session) -> bool,
        ctx: &mut Context<'_>,
    ) -> Option<Share> {
        let deaf = self.deaf_to(message.from());
        let lacks_it = |session: &Session| {
            !has_it(session) && message.from() != Some(&session.jid) && !deaf.contains(&session.id)
        };
        self.copy(Direction::Received, message, lacks_it, ctx)
    }

    fn copy(
        &mut self,
        direction: Direction,
        message: &Message,
        to: impl Fn(&Session) -> bool,
        ctx: &mut Context<'_>,
    ) -> Option<Share> {
        let Account { jid, sessions, offline, .. } = self;
        let mut receivers = sessions.iter().filter(|session| session.carbons && to(session)).peekable();
        let first = receivers.peek()?;
        if !is_eligible(direction, message) {
            return None;
        }
        // What its own user has sent is not lost with a copy.
        let share = (direction == Direction::Received).then(Share::default);
        let copy = carbons::wrap(direction, message, jid, &first.jid);
        for session in receivers {
            let mut copy = copy.clone();
            copy.set_to(Some(session.jid.clone().into()));
            let claim = share.clone().map_or(Claim::Spare, Claim::Shared);
            offline.hand(session.id, copy, claim, ctx);
        }
        share
    }
}

/// Section 6.1.
fn is_eligible(direction: Direction, message: &Message) -> bool {
    let to_resource = message.to().is_some_and(|to| to.resource().is_some());
    let kind = message.kind();
    if kind == MessageType::Groupchat
        || carbons::is_private(message)
        || to_resource && Hints::of(message).no_copy
    {
        return false;
    }
    let room = message.child("x", ns::MUC_USER);
    let invites = room.is_some_and(|x| x.child("invite", ns::MUC_USER).is_some())
        || message.child("x", ns::CONFERENCE).is_some();
    if invites {
        return true;
    }
    if room.is_some() {
        // Private messages in rooms: the room itself sends them to all resources that are in it.
        let from_resource = message.from().is_some_and(|from| from.resource().is_some());
        match direction {
            Direction::Received if from_resource => return false,
            Direction::Sent if to_resource => return true,
            _ => {}
        }
    }
    match kind {
        MessageType::Chat => true,
        MessageType::Normal | MessageType::Error => has_body(message) || has_im_payload(message),
        MessageType::Headline => has_im_payload(message),
        MessageType::Groupchat => false,
    }
}

fn has_body(message: &Message) -> bool {
    message.child("body", message.element().ns()).is_some()
}

/// Receipts, chat states, markers.
fn has_im_payload(message: &Message) -> bool {
    message.payloads().any(|child| matches!(child.ns(), ns::RECEIPTS | ns::CHAT_STATES | ns::CHAT_MARKERS))
}
