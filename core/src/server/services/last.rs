//! Last activity (XEP-0012).

use super::{Answer, Asked, Reply, only_get};
use crate::payload::last::Last;
use crate::server::context::Context;
use crate::stanza::{Condition, Iq};

/// How long the server has been running (section 5).
pub(super) fn of_domain(iq: &Iq, ctx: &Context<'_>) -> Answer {
    only_get(iq)?;
    let uptime = ctx.now.instant - ctx.started;
    Ok(Reply::Payload(Last::new(uptime.as_secs()).to_builder()))
}

/// When the account went offline and in what words; 0 while it is connected (section 3).
pub(super) fn of_account(asked: &Asked<'_>, iq: &Iq, ctx: &Context<'_>) -> Answer {
    only_get(iq)?;
    if asked.connected {
        return Ok(Reply::Payload(Last::new(0).to_builder()));
    }
    // Nobody has logged in yet: there is no such thing as the last time.
    let last = asked.record.last.as_ref().ok_or(Condition::ItemNotFound)?;
    let millis = ctx.now.utc.unix_millis().saturating_sub(last.at.unix_millis());
    let seconds = u64::try_from(millis / 1000).unwrap_or(0);
    Ok(Reply::Payload(Last::new(seconds).with_status(&last.status).to_builder()))
}
