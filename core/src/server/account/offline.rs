//! Messages for an account that nobody is there to receive (XEP-0160).
//!
//! A message is kept if it is worth keeping and there is room; if not, or if the store fails, its sender is told: no message
//! is lost in silence. Once the store has it, it stays until a session with a priority that is not negative has been given it.
//!
//! Such a session gets all that waits, page by page, oldest first. A page is removed from the store when it has been handed to
//! the session, before the next one is read. Meanwhile later messages for that session wait behind.
//!
//! What that does and does not promise:
//! - What a session did not get before it went is still in the store, and goes to the next one.
//! - A page is handed over once while the account is in memory, even if the store fails to remove it; if the process dies in
//!   between, it is handed over again.
//! - *Handed over* means that the client has acknowledged it (XEP-0198). Without acknowledgements nobody can tell how much has
//!   arrived: then it means that it has left the hub, and what a connection has not sent when it breaks is gone.
//! - What a privacy list stops by then is dropped: who has been blocked meanwhile is not heard any more (XEP-0191 section 3.3).

use super::{Account, Context, Session, no_such_user};
use crate::jid::Jid;
use crate::machine::Utc;
use crate::ns;
use crate::payload::delay::Delay;
use crate::payload::hints::Hints;
use crate::server::managed::Claim;
use crate::server::outbox::{Then, What, store_trouble};
use crate::server::output::SessionId;
use crate::server::store::{Delta, Found, OfflineCount, OfflineMessage, Query, StoreError};
use crate::stanza::{Condition, Message, Stanza};
use std::collections::VecDeque;

/// What is in motion between an account and its messages in the store.
#[derive(Debug, Default)]
pub(super) struct Offline {
    /// On their way into the store.
    pending: OfflineCount,
    /// The serial of the last message that a session has been given. The store may not have removed it yet.
    handed: u64,
    flush: Option<Box<Flush>>,
}

/// A session is being given what waits.
#[derive(Debug)]
struct Flush {
    session: SessionId,
    /// The page that it has been handed and has not acknowledged.
    page: Option<Page>,
    /// Later messages for it, in order.
    held: VecDeque<Held>,
}

#[derive(Debug)]
struct Held {
    message: Message,
    claim: Claim,
}

/// Some of the messages that wait, the oldest.
#[derive(Clone, Copy, Debug)]
struct Page {
    /// The serial of the last one that the session was handed.
    last: u64,
    /// The serial of the last one.
    through: u64,
    count: OfflineCount,
}

/// How many messages are read at once. The limit on bytes an account bounds what they can amount to.
const PAGE: u32 = 50;

impl Offline {
    /// True while the account must not leave memory.
    pub(super) fn is_busy(&self) -> bool {
        self.pending.messages > 0 || self.flush.is_some()
    }

    /// Gives a session a message, at once or behind those that it is being given.
    pub(super) fn hand(&mut self, id: SessionId, message: Message, claim: Claim, ctx: &mut Context<'_>) {
        match &mut self.flush {
            Some(flush) if flush.session == id => {
                if flush.held.len() >= ctx.config.limits.waiting_per_account {
                    // Out of order is better than not at all, and those that come late say so.
                    let held = flush.held.drain(..);
                    held.for_each(|held| ctx.outbox.deliver_as(id, held.message.into(), held.claim));
                }
                flush.held.push_back(Held { message, claim });
            }
            _ => ctx.outbox.deliver_as(id, message.into(), claim),
        }
    }

    /// The account is gone: what was held for its session alone goes back.
    pub(super) fn abandon(&mut self, ctx: &mut Context<'_>) {
        let held = self.flush.take().map(|flush| flush.held).unwrap_or_default();
        for held in held {
            if held.claim.is_lost() {
                ctx.outbox.bounce(&held.message.into(), Condition::ServiceUnavailable);
            }
        }
    }
}

impl Account {
    /// Keeps a message until somebody is there. What cannot be kept is refused. `copies`: once it is kept, resources that want
    /// copies get one. `at`: when it came.
    pub(super) fn keep(&mut self, message: Message, copies: bool, at: Utc, ctx: &mut Context<'_>) {
        if !is_worth_keeping(&message) {
            return self.unreachable(message, ctx);
        }
        let xml = Stanza::Message(message.clone()).to_xml();
        let bytes = xml.len() as u64;
        let limits = &ctx.config.limits;
        let (kept, pending) = (&self.record.offline, &mut self.offline.pending);
        let fits = kept.messages.saturating_add(pending.messages) < limits.offline_messages
            && kept.bytes.saturating_add(pending.bytes).saturating_add(bytes) <= limits.offline_bytes;
        if self.anonymous || !fits {
            // Step 3 of the process flow of section 2.
            return ctx.outbox.bounce(&message.into(), Condition::ServiceUnavailable);
        }
        pending.messages += 1;
        pending.bytes += bytes;
        let kept = OfflineMessage { serial: 0, at, stanza: xml.into() };
        let what = What::Save(vec![Delta::Offline(kept)]);
        let receipt = ctx.hold();
        ctx.outbox.ask(self.jid.clone(), what, Then::MessageKept { message, bytes, copies, receipt });
    }

    /// The store has a message, or refused it.
    pub(super) fn message_kept(
        &mut self,
        message: Message,
        bytes: u64,
        copies: bool,
        result: Result<(), StoreError>,
        ctx: &mut Context<'_>,
    ) {
        let pending = &mut self.offline.pending;
        pending.messages = pending.messages.saturating_sub(1);
        pending.bytes = pending.bytes.saturating_sub(bytes);
        match result {
            Ok(()) => {
                let kept = &mut self.record.offline;
                kept.messages = kept.messages.saturating_add(1);
                kept.bytes = kept.bytes.saturating_add(bytes);
                if copies {
                    // Who takes messages by now is given this one.
                    let has_it = |session: &Session| session.priority().is_some_and(|priority| priority >= 0);
                    if let Some(share) = self.copy_received(&message, has_it, ctx) {
                        share.settle();
                    }
                }
                self.flush_to_anybody(ctx);
            }
            Err(error) => ctx.outbox.bounce_with(&message.into(), store_trouble(&error)),
        }
    }

    /// A session has sent available presence, which has been handled: first presence, or with another priority. If the
    /// priority is not negative, the session gets what waits for the account.
    pub(super) fn became_available(&mut self, id: SessionId, ctx: &mut Context<'_>) {
        let waits = self.record.offline.messages > 0 || self.offline.pending.messages > 0;
        if waits && self.offline.flush.is_none() && self.takes_messages(id) {
            self.flush_to(id, ctx);
        }
    }

    /// Whether messages to the bare address may go to this session (RFC 6121 section 8.5.2.1.1).
    fn takes_messages(&self, id: SessionId) -> bool {
        let session = self.sessions.iter().find(|session| session.id == id);
        session.and_then(Session::priority).is_some_and(|priority| priority >= 0)
    }

    fn flush_to(&mut self, session: SessionId, ctx: &mut Context<'_>) {
        self.offline.flush = Some(Box::new(Flush { session, page: None, held: VecDeque::new() }));
        self.read_page(ctx);
    }

    /// Asks for the oldest messages. Those before them have been removed.
    fn read_page(&self, ctx: &mut Context<'_>) {
        let query = Query::Offline { after: 0, limit: PAGE };
        ctx.outbox.ask(self.jid.clone(), What::Read(query), Then::MessagesRead);
    }

    /// The oldest messages are here.
    pub(super) fn messages_read(&mut self, result: Result<Found, StoreError>, ctx: &mut Context<'_>) {
        let Some(flush) = &self.offline.flush else { return };
        let session = flush.session;
        let Ok(Found::Offline(page)) = result else {
            // They are tried again when somebody becomes available again.
            return self.end_flush(ctx);
        };
        if !self.takes_messages(session) {
            let over = self.offline.flush.take();
            self.flush_to_anybody(ctx);
            return self.release(over, ctx);
        }
        let Some(last) = page.last() else {
            // None of those that it has confirmed so far is left.
            self.record.offline = OfflineCount::default();
            return self.end_flush(ctx);
        };
        let (through, server) = (last.serial, Jid::from(self.jid.to_domain()));
        let (mut count, mut handed) = (OfflineCount::default(), None);
        for message in page {
            count.add(&message);
            if message.serial <= self.offline.handed {
                continue;
            }
            match stamped(&message, &server) {
                Some(stanza) if self.session_hears(session, &stanza) => {
                    ctx.outbox.deliver_as(session, stanza, Claim::Stored(message.serial));
                    handed = Some(message.serial);
                }
                // Somebody who is blocked by now (XEP-0016, XEP-0191) is told what he would be told now.
                Some(stanza) => no_such_user(stanza, ctx),
                None => {}
            }
        }
        match (handed, &mut self.offline.flush) {
            (Some(last), Some(flush)) if ctx.outbox.managed.is_managed(session) => {
                flush.page = Some(Page { last, through, count });
            }
            _ => self.remove_page(through, count, ctx),
        }
    }

    /// A session has acknowledged what the store has kept, up to this message.
    pub(in crate::server) fn stored_acknowledged(
        &mut self,
        id: SessionId,
        serial: u64,
        ctx: &mut Context<'_>,
    ) {
        let Some(flush) = self.offline.flush.as_mut().filter(|flush| flush.session == id) else { return };
        if let Some(page) = flush.page.take_if(|page| page.last <= serial) {
            self.remove_page(page.through, page.count, ctx);
        }
    }

    /// A page of messages has been handed over.
    fn remove_page(&mut self, through: u64, count: OfflineCount, ctx: &mut Context<'_>) {
        self.offline.handed = self.offline.handed.max(through);
        let what = What::Save(vec![Delta::OfflineRemoved { through, count }]);
        ctx.outbox.ask(self.jid.clone(), what, Then::MessagesRemoved { through, count });
    }

    /// The store has let go of a page, or could not.
    pub(super) fn messages_removed(
        &mut self,
        through: u64,
        count: OfflineCount,
        result: Result<(), StoreError>,
        ctx: &mut Context<'_>,
    ) {
        match result {
            Ok(()) => {
                self.record.apply(Delta::OfflineRemoved { through, count });
                self.read_page(ctx);
            }
            Err(_) => self.end_flush(ctx),
        }
    }

    /// A session has gone. What it has not acknowledged of what it was handed is for another.
    pub(super) fn session_left(&mut self, id: SessionId, ctx: &mut Context<'_>) {
        let left = |flush: &mut Box<Flush>| flush.session == id && flush.page.is_some();
        if let Some(over) = self.offline.flush.take_if(left) {
            self.flush_to_anybody(ctx);
            self.release(Some(over), ctx);
        }
    }

    /// Nothing more is to come: what came later is due.
    fn end_flush(&mut self, ctx: &mut Context<'_>) {
        let over = self.offline.flush.take();
        self.release(over, ctx);
    }

    /// Hands a session what was held for it. If it has gone, that takes its way anew.
    fn release(&mut self, over: Option<Box<Flush>>, ctx: &mut Context<'_>) {
        let Some(flush) = over else { return };
        let is_there = self.sessions.iter().any(|session| session.id == flush.session);
        for Held { message, claim } in flush.held {
            if is_there {
                ctx.outbox.deliver_as(flush.session, message.into(), claim);
            } else if claim.is_lost() {
                self.deliver_message(self.original(message), false, ctx);
            }
        }
    }

    fn flush_to_anybody(&mut self, ctx: &mut Context<'_>) {
        let ids: Vec<SessionId> = self.sessions.iter().map(|session| session.id).collect();
        ids.into_iter().for_each(|id| self.became_available(id, ctx));
    }
}

/// The store answered for an account that has been removed meanwhile: what it was to keep goes back.
pub(in crate::server) fn orphaned(then: Then, ctx: &mut Context<'_>) {
    if let Then::MessageKept { message, receipt, .. } = then {
        no_such_user(message.into(), ctx);
        ctx.outbox.settle(receipt);
    }
}

/// Section 3, and the hints of XEP-0334 sections 4.2 and 4.4. What may not be kept for good (4.1) may wait here. Only for
/// types that are kept at all.
pub(super) fn is_worth_keeping(message: &Message) -> bool {
    let hints = Hints::of(message);
    !hints.no_store && (hints.store || has_content(message))
}

/// Whether there is anything but notes on the state of the conversation (XEP-0085), and what belongs to them.
fn has_content(message: &Message) -> bool {
    let own = message.element().ns();
    message.element().children().any(|child| match child.ns() {
        ns::CHAT_STATES | ns::HINTS | ns::CARBONS | ns::STANZA_IDS => false,
        namespace => namespace != own || child.name() != "thread",
    })
}

/// A message as it was kept, with the time when it came (XEP-0203), unless it says already when it was sent. `None`: the
/// store has lost its wits.
fn stamped(kept: &OfflineMessage, server: &Jid) -> Option<Stanza> {
    let stanza = Stanza::from_xml(&kept.stanza)?;
    if stanza.child("delay", ns::DELAY).is_some() {
        return Some(stanza);
    }
    let delay = Delay::new(kept.at).by(server.clone()).because("Offline storage");
    Some(stanza.with_child(delay.to_builder()))
}
