//! What a session has not acknowledged when it ends for good (XEP-0198 section 5).
//!
//! - Messages take the way of RFC 6121 section 8.5 anew, as if they came now, and say since when they have been on it (XEP-0203):
//!   to another resource, to the messages that wait for the account, or back. Not those that another session has, or still may
//!   get; nor those that the store has anyway.
//! - Requests are answered as if the resource had not been there (RFC 6121 section 8.5.3.2.3).
//! - Presence, and answers, have lost their meaning.

use super::{Account, Context};
use crate::jid::Jid;
use crate::machine::Utc;
use crate::ns;
use crate::payload::carbons::Carbon;
use crate::payload::delay::Delay;
use crate::server::managed::Undelivered;
use crate::stanza::{Condition, Message, Stanza};
use std::collections::VecDeque;

impl Account {
    /// The session is not among the others any more.
    pub(super) fn redeliver(&mut self, undelivered: VecDeque<Undelivered>, ctx: &mut Context<'_>) {
        for item in undelivered {
            match item {
                Undelivered { stanza: Stanza::Message(message), at, claim } if claim.is_lost() => {
                    // Should another session hold on to it now, it may do so alone.
                    drop(claim);
                    self.deliver_late(self.original(message), at, ctx);
                }
                Undelivered { stanza, .. } => refuse(&stanza, ctx),
            }
        }
    }

    /// The message that a session was given a copy of, or the message itself. Copies come from the account, and nobody else
    /// can send in its name.
    pub(super) fn original(&self, message: Message) -> Message {
        match Carbon::read(&message, &self.jid) {
            Some(Ok(copy)) if self.is_own(message.from()) => copy.message,
            _ => message,
        }
    }

    /// A message that has been on its way since `at`.
    fn deliver_late(&mut self, message: Message, at: Utc, ctx: &mut Context<'_>) {
        match self.would_be_kept(&message, ctx) {
            true => self.keep(message, false, at, ctx),
            false => self.deliver_message(self.delayed(message, at), false, ctx),
        }
    }

    /// There are no other sessions, nor will there be: the account is gone.
    pub(super) fn refuse_undelivered(undelivered: VecDeque<Undelivered>, ctx: &mut Context<'_>) {
        for Undelivered { stanza, claim, .. } in undelivered {
            match stanza {
                Stanza::Message(_) if claim.is_lost() => {
                    ctx.outbox.bounce(&stanza, Condition::ServiceUnavailable);
                }
                stanza => refuse(&stanza, ctx),
            }
        }
    }

    /// The message, with a note by the domain of when it came, unless it says already when it was sent.
    fn delayed(&self, message: Message, at: Utc) -> Message {
        if message.child("delay", ns::DELAY).is_some() {
            return message;
        }
        let delay = Delay::new(at).by(Jid::from(self.jid.to_domain()));
        message.with_child(delay.to_builder())
    }
}

fn refuse(stanza: &Stanza, ctx: &mut Context<'_>) {
    if let Stanza::Iq(iq) = stanza
        && iq.kind().is_request()
    {
        ctx.outbox.bounce(stanza, Condition::ServiceUnavailable);
    }
}
