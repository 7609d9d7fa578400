//! What a call into the hub leaves behind: outputs for the owner, stanzas that still have to be routed, and what entities ask
//! of the store.

use super::config::Limits;
use super::inactive::Inactive;
use super::managed::{Claim, Managed, Receipt, Undelivered};
use super::output::{Content, Envelope, Output, SessionId};
use super::store::{Delta, Found, OfflineCount, Query, StoreError};
use crate::jid::BareJid;
use crate::machine::Utc;
use crate::sasl::{Password, StoredCredentials};
use crate::stanza::{Condition, ErrorType, Iq, Message, Presence, PresenceType, Stanza, StanzaError};
use crate::stream::StreamError;
use std::collections::VecDeque;

#[derive(Debug)]
pub(super) struct Outbox {
    pub(super) outputs: VecDeque<Output>,
    /// Sent by entities, not yet routed. Empty between calls.
    pub(super) work: VecDeque<(Stanza, Option<Receipt>)>,
    /// Asked by entities, not yet handed to the store. Empty between calls.
    pub(super) asks: VecDeque<Ask>,
    /// Accounts that the store has removed, still in memory. Empty between calls.
    pub(super) removed: VecDeque<BareJid>,
    /// Connections whose session the hub has ended. Empty between calls.
    pub(super) closed: VecDeque<SessionId>,
    /// Sessions whose stanzas are acknowledged.
    pub(super) managed: Managed,
    /// Sessions whose clients nobody looks at.
    pub(super) inactive: Inactive,
    /// What time it is.
    pub(super) now: Utc,
    pub(super) limits: Limits,
    /// The hub's own.
    pub(super) shard: u32,
}

/// What an entity asks of the store. The answer comes back to the entity, together with `then`.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) account: BareJid,
    pub(super) what: What,
    pub(super) then: Then,
}

#[derive(Debug)]
pub(super) enum What {
    Save(Vec<Delta>),
    Read(Query),
    /// The account goes, with all that belongs to it.
    Delete,
    /// Not the store's business but the owner's: the keys of a password.
    Derive(Password),
}

/// What an entity does once the store has answered it.
#[derive(Debug)]
pub(super) enum Then {
    /// Goes on with the change that is under way.
    Change,
    /// Nothing.
    Nothing,
    /// A message is kept, or goes back (XEP-0160).
    MessageKept {
        message: Message,
        /// Its size as XML.
        bytes: u64,
        /// Whether copies are due then.
        copies: bool,
        receipt: Option<Receipt>,
    },
    /// Hands the messages that were kept to a session.
    MessagesRead,
    /// Goes on to the next messages.
    MessagesRemoved { through: u64, count: OfflineCount },
    /// Saves the new password.
    Password,
    /// The account is gone.
    Removed,
    /// Answers the request that asked for what the store was asked for.
    Answer(Iq),
}

/// What the store said. Without an answer in time it is an error, and what was to be saved may have been saved or not.
#[derive(Debug)]
pub(super) enum Answer {
    Saved(Result<(), StoreError>),
    Found(Result<Found, StoreError>),
    /// `None`: that cannot be a password.
    Derived(Result<Option<StoredCredentials>, StoreError>),
}

impl Outbox {
    pub(super) fn new(limits: Limits, shard: u32) -> Outbox {
        Outbox {
            outputs: VecDeque::new(),
            work: VecDeque::new(),
            asks: VecDeque::new(),
            removed: VecDeque::new(),
            closed: VecDeque::new(),
            managed: Managed::default(),
            inactive: Inactive::default(),
            now: Utc::default(),
            limits,
            shard,
        }
    }

    /// Hands a stanza to a session.
    pub(super) fn deliver(&mut self, session: SessionId, stanza: Stanza) {
        self.deliver_as(session, stanza, Claim::Sole);
    }

    /// As [`deliver`](Self::deliver); `claim`: what is lost if the session goes before it has got it.
    pub(super) fn deliver_as(&mut self, session: SessionId, stanza: Stanza, claim: Claim) {
        if !self.inactive.is_empty() {
            let Some(first) = self.inactive.offer(session, &stanza, self.now, &self.limits) else {
                // Nobody misses what can wait.
                return claim.settle();
            };
            self.hand_all(session, first);
        }
        self.hand(session, stanza, claim);
    }

    /// Hands a session what was held back from it; `stays`: what can wait is held back further on.
    pub(super) fn release(&mut self, session: SessionId, stays: bool) {
        let held = match stays {
            true => self.inactive.release(session, self.now),
            false => self.inactive.end(session, self.now),
        };
        self.hand_all(session, held);
    }

    /// Stanzas that were held back, and that nobody would miss.
    fn hand_all(&mut self, session: SessionId, held: Vec<Stanza>) {
        held.into_iter().for_each(|stanza| self.hand(session, stanza, Claim::Spare));
    }

    /// A stanza is for a session, now.
    fn hand(&mut self, session: SessionId, stanza: Stanza, claim: Claim) {
        let Outbox { managed, limits, now, .. } = self;
        if let Some(session) = managed.keep(session, &stanza, claim, *now, limits) {
            self.outputs.push_back(Output::Deliver { session, stanza });
        }
    }

    /// A session is over. Gives what its client has not acknowledged, oldest first.
    pub(super) fn end_session(&mut self, session: SessionId) -> VecDeque<Undelivered> {
        self.inactive.forget(session);
        self.managed.end(session, &self.limits)
    }

    /// Has the connection of a session closed, if it has one. To be called before the session ends.
    pub(super) fn close(&mut self, session: SessionId, error: StreamError) {
        if let Some(connection) = self.managed.connection(session) {
            self.outputs.push_back(Output::Close { session: connection, error });
            self.closed.push_back(connection);
        } else if let Some(connection) = self.managed.waiting(session) {
            let h = self.managed.handled(session);
            self.outputs.push_back(Output::ResumeRefused { session: connection, h });
            self.closed.push_back(connection);
        }
    }

    /// Sends a stanza to whomever its `to` names.
    pub(super) fn send(&mut self, stanza: Stanza) {
        self.send_with(stanza, None);
    }

    /// As [`send`](Self::send), for a stanza of a client's that hears when it has been handled.
    pub(super) fn send_with(&mut self, stanza: Stanza, receipt: Option<Receipt>) {
        self.work.push_back((stanza, receipt));
    }

    /// A stanza is kept for later. If it came from another shard, it is held there.
    pub(super) fn hold(&mut self, receipt: Option<Receipt>) {
        if let Some(receipt) = receipt.filter(|receipt| receipt.shard == self.shard) {
            self.managed.hold(receipt);
        }
    }

    /// A stanza has been handled.
    pub(super) fn settle(&mut self, receipt: Option<Receipt>) {
        let Some(receipt) = receipt else { return };
        if receipt.shard != self.shard {
            let envelope = Envelope { content: Content::Settled(receipt) };
            return self.outputs.push_back(Output::Shard { shard: receipt.shard, envelope });
        }
        if let Some((session, h)) = self.managed.settle(receipt) {
            self.outputs.push_back(Output::Acknowledge { session, h });
        }
    }

    /// Asks the store for something in the name of an account.
    pub(super) fn ask(&mut self, account: BareJid, what: What, then: Then) {
        self.asks.push_back(Ask { account, what, then });
    }

    /// Answers `unsubscribed` from the bare address, under the same id: there is nobody, or nobody who lets the sender see
    /// anything.
    pub(super) fn decline(&mut self, presence: &Presence) {
        let (Some(from), Some(to)) = (presence.from(), presence.to()) else { return };
        let answer = Presence::builder(PresenceType::Unsubscribed);
        let answer = answer.from(to.to_bare().into()).to(from.to_bare().into());
        let answer = match presence.id() {
            Some(id) => answer.id(id),
            None => answer,
        };
        self.send(Stanza::Presence(answer.build()));
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

/// What others get to hear of trouble with the store: that they may try again.
pub(super) fn store_trouble(error: &StoreError) -> StanzaError {
    let condition = match error {
        StoreError::Busy => Condition::ResourceConstraint,
        _ => Condition::InternalServerError,
    };
    StanzaError::new(condition).with_type(ErrorType::Wait)
}
