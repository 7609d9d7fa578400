//! What an account may do about its own registration (XEP-0077 sections 3.2 and 3.3): see it, change its password, remove it.
//!
//! Passwords arrive in clear. Whether streams have to be encrypted is the connections' policy
//! ([`ServerPolicy::require_tls`](crate::sasl::ServerPolicy::require_tls)), which is strict by default.

use super::{Answer, Asked, Reply, Task};
use crate::jid::BareJid;
use crate::payload::register::{Registration, Set};
use crate::sasl::Password;
use crate::server::context::Context;
use crate::stanza::{Condition, Iq, IqType, StanzaError};

/// A request of the owner's, to the account or to its domain.
pub(super) fn answer(asked: &Asked<'_>, iq: &Iq, ctx: &Context<'_>) -> Answer {
    if ctx.config.registration.is_none() {
        return Err(Condition::ServiceUnavailable.into());
    }
    if asked.anonymous {
        return Err(Condition::NotAllowed.into());
    }
    let query = iq.payload().ok_or(Condition::BadRequest)?;
    if iq.kind() == IqType::Get {
        return Ok(Reply::Payload(known(asked.jid).to_builder()));
    }
    match Set::parse(query)? {
        Set::Remove => Ok(Reply::After(Task::Remove)),
        Set::Submit(registration) => change_password(asked.jid, &registration),
    }
}

/// Section 3.1: what is on file.
fn known(account: &BareJid) -> Registration {
    let mut registration = Registration::credentials(account.local().unwrap_or_default(), "");
    registration.registered = true;
    registration.instructions = Some("Send a new password to change it.".into());
    registration
}

/// Section 3.3.
fn change_password(account: &BareJid, registration: &Registration) -> Answer {
    let username = registration.value("username").ok_or(Condition::BadRequest)?;
    let password = registration.value("password").ok_or(Condition::BadRequest)?;
    let named = BareJid::from_parts(Some(username), account.domain());
    if named.as_ref() != Ok(account) {
        let error = StanzaError::new(Condition::Forbidden);
        return Err(error.with_text_in("en", "That is not your user name."));
    }
    Ok(Reply::After(Task::Password(Password::new(password))))
}
