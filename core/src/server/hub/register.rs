//! In-band registration (XEP-0077): accounts that clients make themselves, before they log in.
//!
//! 1. Is registration open, and the address one of ours?
//! 2. The store is asked whether the account exists.
//! 3. One registration of those that time allows is used up.
//! 4. The owner derives the keys of the password, which takes too long to be done here.
//! 5. The store makes the account, unless somebody else has meanwhile.

use super::requests::{Applicant, Asked};
use super::{Hub, Output, RegistrationId};
use crate::jid::BareJid;
use crate::machine::{Instant, Now};
use crate::sasl::{Derivation, StoredCredentials};
use crate::server::config::Registration;
use crate::server::outbox::store_trouble;
use crate::server::store::{Found, Query, Record, Request, StoreError};
use crate::stanza::{Condition, ErrorType, StanzaError};

/// How far registrations are ahead of the pace that they may have.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// When, at that pace, the last one would have been due.
    due: Instant,
}

impl Pace {
    /// Uses up one, if time allows it.
    fn take(&mut self, now: Instant, limit: &Registration, shards: u32) -> bool {
        // Each shard has its part of what the server may do.
        let every = limit.every.saturating_mul(shards.max(1));
        let burst = (limit.burst / shards.max(1)).max(1);
        let due = self.due.max(now);
        let allowed = limit.burst > 0 && due - now <= every.saturating_mul(burst - 1);
        if allowed {
            self.due = due + every;
        }
        allowed
    }
}

impl Hub {
    pub(super) fn begin_registration(&mut self, now: Now, applicant: Applicant) {
        if self.tools.config.registration.is_none() || !self.is_here(&applicant.account) {
            return self.registered(applicant.id, Err(Condition::ServiceUnavailable.into()));
        }
        if self.requests.len() >= self.tools.config.limits.store_requests {
            return self.registered(applicant.id, Err(store_trouble(&StoreError::Busy)));
        }
        let account = applicant.account.clone();
        let id = self.ask(now, Asked::WhetherTaken(applicant));
        self.request(Request::Read { id, account, query: Query::Credentials });
    }

    /// The store knows whether there is such an account.
    pub(super) fn whether_taken(&mut self, now: Now, applicant: Applicant, found: Result<Found, StoreError>) {
        let Some(limit) = self.tools.config.registration.clone() else { return };
        let refused = match found {
            Err(StoreError::Missing) if self.is_anonymous(&applicant.account) => Condition::Conflict.into(),
            Err(StoreError::Missing) if !self.pace.take(now.instant, &limit, self.tools.config.shards) => {
                let error = StanzaError::new(Condition::ResourceConstraint).with_type(ErrorType::Wait);
                error.with_text_in("en", "Too many accounts are being registered: try again later.")
            }
            Err(StoreError::Missing) => return self.derive_for(now, applicant, limit.iterations),
            Ok(_) => Condition::Conflict.into(),
            Err(error) => store_trouble(&error),
        };
        self.registered(applicant.id, Err(refused));
    }

    fn derive_for(&mut self, now: Now, applicant: Applicant, iterations: u32) {
        let Applicant { id, account, password } = applicant;
        let id = self.ask(now, Asked::KeysFor { id, account });
        let derivation = Derivation::new(password, iterations, &mut self.tools.entropy);
        self.tools.outbox.outputs.push_back(Output::Derive { id, derivation });
    }

    /// The keys have been derived, unless the password cannot be one.
    pub(super) fn keys_derived(
        &mut self,
        now: Now,
        id: RegistrationId,
        account: BareJid,
        keys: Option<StoredCredentials>,
    ) {
        let Some(keys) = keys else { return self.registered(id, Err(no_password())) };
        let request = self.ask(now, Asked::Register { id, account: account.clone() });
        self.request(Request::Create { id: request, account, record: Box::new(Record::new(keys)) });
    }

    /// The store has made the account, or not.
    pub(super) fn account_made(
        &mut self,
        id: RegistrationId,
        account: &BareJid,
        result: Result<(), StoreError>,
    ) {
        self.absent.forget(account);
        self.registered(
            id,
            result.map_err(|error| match error {
                StoreError::Exists => Condition::Conflict.into(),
                error => store_trouble(&error),
            }),
        );
    }

    pub(super) fn registered(&mut self, id: RegistrationId, result: Result<(), StanzaError>) {
        self.tools.outbox.outputs.push_back(Output::Registered { id, result });
    }

    /// Somebody without an account uses the address for the time being.
    fn is_anonymous(&mut self, account: &BareJid) -> bool {
        let ready = self.entities.ready_mut(account.as_str());
        ready.is_some_and(|ready| ready.account.is_anonymous())
    }
}

/// What is said of a password that SASLprep refuses (RFC 4013).
fn no_password() -> StanzaError {
    StanzaError::new(Condition::NotAcceptable).with_text_in("en", "That cannot be a password.")
}
