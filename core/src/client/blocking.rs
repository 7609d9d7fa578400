//! Blocking (XEP-0191): whom the server keeps away from the account.

use super::effects::{Context, Effects};
use super::request::{Purpose, Reply, request};
use super::{BlockEvent, Client, Event, RequestError, SendError};
use crate::jid::Jid;
use crate::machine::Now;
use crate::ns;
use crate::payload::blocking;
use crate::stanza::{Condition, Iq, IqType};
use std::collections::BTreeSet;

/// Whom the account blocks, as this session knows it.
///
/// A full address stands for one resource, a bare one for all of them, a domain for everyone there (section 5).
#[derive(Clone, Debug, Default)]
pub struct BlockList {
    blocked: BTreeSet<Jid>,
    is_loaded: bool,
    is_cut: bool,
}

impl BlockList {
    /// True once the server has answered [`Client::fetch_block_list`].
    pub fn is_loaded(&self) -> bool {
        self.is_loaded
    }

    /// True if nothing had to be left out because of [`Config::max_blocked`](super::Config::max_blocked).
    pub fn is_complete(&self) -> bool {
        !self.is_cut
    }

    /// The addresses, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Jid> {
        self.blocked.iter()
    }

    /// True if an address on the list covers this one (section 5).
    pub fn blocks(&self, jid: &Jid) -> bool {
        let of_domain = jid.resource().map(|resource| format!("{}/{resource}", jid.domain()));
        let names =
            [jid.as_str(), jid.bare_str(), jid.domain(), of_domain.as_deref().unwrap_or(jid.domain())];
        names.iter().any(|name| self.blocked.contains(*name))
    }

    pub(super) fn is_push(iq: &Iq) -> bool {
        let is_push = |payload: crate::xml::ElementRef<'_>| {
            payload.is("block", ns::BLOCKING) || payload.is("unblock", ns::BLOCKING)
        };
        iq.kind() == IqType::Set && iq.payload().is_some_and(is_push)
    }

    /// A push from the account (sections 3.3 to 3.5).
    pub(super) fn on_push(&mut self, context: Context<'_>, iq: Iq, effects: &mut Effects) {
        let Some(Ok(change)) = iq.payload().map(blocking::Change::parse) else {
            return effects.refuse(iq, Condition::BadRequest);
        };
        effects.acknowledge(&iq);
        let event = match change {
            blocking::Change::Block(jids) => {
                jids.iter().for_each(|jid| self.insert(jid.clone(), context.config.max_blocked));
                BlockEvent::Blocked(jids)
            }
            blocking::Change::Unblock(jids) => {
                for jid in &jids {
                    self.blocked.remove(jid);
                }
                BlockEvent::Unblocked(jids)
            }
            blocking::Change::UnblockAll => {
                let all = core::mem::take(&mut self.blocked);
                self.is_cut = false;
                BlockEvent::Unblocked(all.into_iter().collect())
            }
        };
        effects.events.push_back(Event::Blocking(event));
    }

    /// The answer to [`Client::fetch_block_list`].
    pub(super) fn on_reply(&mut self, context: Context<'_>, reply: &Reply, effects: &mut Effects) {
        let event = match reply.outcome().map(|iq| iq.payload().map(blocking::parse_list)) {
            Ok(Some(Ok(list))) => {
                *self = BlockList { is_loaded: true, ..BlockList::default() };
                list.into_iter().for_each(|jid| self.insert(jid, context.config.max_blocked));
                BlockEvent::Loaded
            }
            Ok(Some(Err(error))) => BlockEvent::Failed(RequestError::Malformed(error.what())),
            Ok(None) => BlockEvent::Failed(RequestError::Malformed("a result without a block list")),
            Err(error) => BlockEvent::Failed(error.clone()),
        };
        effects.events.push_back(Event::Blocking(event));
    }

    fn insert(&mut self, jid: Jid, max: usize) {
        if self.blocked.len() < max {
            self.blocked.insert(jid);
        } else if !self.blocked.contains(&jid) {
            self.is_cut = true;
        }
    }
}

/// Blocks addresses (section 3.3). What takes effect comes as [`BlockEvent::Blocked`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Block(
    /// Whom; at least one.
    pub Vec<Jid>,
);

/// Unblocks addresses (sections 3.4 and 3.5). What takes effect comes as [`BlockEvent::Unblocked`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unblock(
    /// Whom; nobody in it stands for everybody.
    pub Vec<Jid>,
);

request!(Block: Set, ask |this| blocking::Change::Block(this.0.clone()).to_builder());

request!(Unblock: Set, ask |this| blocking::Change::Unblock(this.0.clone()).to_builder());

/// The request for the list; its reply is read by [`BlockList`].
struct Get;

request!(Get: Get, ask |_this| blocking::get());

impl Client {
    /// Asks for the block list. From then on the server also tells what changes in it; [`BlockEvent::Loaded`] says when
    /// it is there. Best done before blocking anybody (XEP-0191 section 3.2).
    ///
    /// # Errors
    /// As [`request`](Client::request).
    pub fn fetch_block_list(&mut self, now: Now) -> Result<(), SendError> {
        self.ask(now, Purpose::BlockList, &Get, None).map(drop)
    }

    /// Whom the account blocks, as far as that is known.
    pub fn block_list(&self) -> &BlockList {
        &self.im.blocking
    }
}
