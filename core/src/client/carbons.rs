//! Copies of what the account's other sessions send and receive (XEP-0280).
//!
//! Whoever could forge a copy could put words into anybody's mouth (CVE-2017-5589). So a copy becomes
//! [`Event::Carbon`] only if the account itself sent it, and a message that claims to carry one and comes from anyone
//! else never becomes [`Event::Message`]: nobody can unwrap it by mistake.

use super::Ignored;
use super::effects::Context;
use super::request::request;
use crate::payload::carbons::{self, Carbon, Direction};
use crate::stanza::Message;

/// Turns copies on or off for this session (XEP-0280 sections 4 and 5). They are off at first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SetCarbons(
    /// On.
    pub bool,
);

request!(SetCarbons: Set, ask |this| carbons::switch(this.0));

/// What a message carries, if it claims to carry a copy.
pub(super) fn open(context: Context<'_>, message: &Message) -> Option<Result<Carbon, Ignored>> {
    let account = context.own.to_bare();
    let carbon = Carbon::read(message, &account)?.map_err(|_| Ignored::ForgedCarbon);
    Some(carbon.and_then(|carbon| {
        // The account can only have sent what it sent, and received what was for it.
        let ours = match carbon.direction {
            Direction::Received => carbon.message.to(),
            Direction::Sent => carbon.message.from(),
        };
        match ours.is_none_or(|ours| context.is_own(ours)) {
            true => Ok(carbon),
            false => Err(Ignored::ForgedCarbon),
        }
    }))
}
