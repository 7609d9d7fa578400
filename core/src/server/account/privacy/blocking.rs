//! The block list (XEP-0191): the rules of the default list that deny an address everything.
//!
//! Where XEP-0191 leaves a choice:
//! - without a default list the first block makes one, which goes again with the last block;
//! - new blocks come before all other rules (section 5), so that nothing can let through what they stop;
//! - blocking who is blocked, and unblocking who is not, succeeds and changes nothing: nobody is told;
//! - subscriptions stay as they are ("polite blocking", section 4).

use super::lists::check_room;
use super::{Account, Context};
use crate::jid::Jid;
use crate::payload::blocking::{self as format, Change as Blocking};
use crate::server::account::effect::{Change, Effect, Push};
use crate::server::config::Limits;
use crate::server::output::SessionId;
use crate::server::privacy::{List, Privacy, block, rule_size};
use crate::server::store::Delta;
use crate::stanza::{Condition, Iq, IqType, Stanza, StanzaError};
use crate::xml::ElementRef;

/// The order of the first rule of a list that the server numbers itself; what comes before it counts down.
const MIDDLE: u32 = 1 << 20;

impl Account {
    /// A request about the block list that a session of the account makes.
    pub(super) fn receive_blocking(
        &mut self,
        id: SessionId,
        iq: &Iq,
        payload: ElementRef<'_>,
        ctx: &mut Context<'_>,
    ) -> Result<(), StanzaError> {
        if payload.name() == "blocklist" {
            return self.block_list(id, iq, ctx);
        }
        if iq.kind() != IqType::Set {
            return Err(Condition::BadRequest.into());
        }
        let mut change = match Blocking::parse(payload)? {
            Blocking::Block(jids) => self.block(jids, &ctx.config.limits)?,
            Blocking::Unblock(jids) => self.unblock(jids),
            Blocking::UnblockAll => self.unblock_all(),
        };
        change.effects.insert(0, Effect::Deliver(id, Stanza::Iq(iq.result(None))));
        change.asked_by = Some(Stanza::Iq(iq.clone()));
        self.change(change, ctx);
        Ok(())
    }

    /// Section 3.2. Whoever asks is told of changes from now on.
    fn block_list(&mut self, id: SessionId, iq: &Iq, ctx: &mut Context<'_>) -> Result<(), StanzaError> {
        if iq.kind() != IqType::Get {
            return Err(Condition::BadRequest.into());
        }
        if let Some(session) = self.sessions.iter_mut().find(|session| session.id == id) {
            session.privacy.knows_blocked = true;
        }
        let blocked = self.record.privacy.default_list().map(List::blocked).unwrap_or_default();
        let blocked: Vec<Jid> = blocked.into_iter().cloned().collect();
        ctx.outbox.deliver(id, Stanza::Iq(iq.result(Some(format::list(&blocked)))));
        Ok(())
    }

    /// Section 3.3.
    fn block(&self, mut jids: Vec<Jid>, limits: &Limits) -> Result<Change, StanzaError> {
        let privacy = &self.record.privacy;
        let list = privacy.default_list();
        jids.retain(|jid| !list.is_some_and(|list| list.blocks_first(jid)));
        if jids.is_empty() {
            return Ok(Change::default());
        }
        let known = list.map(List::blocked).unwrap_or_default();
        let new: Vec<Jid> = jids.iter().filter(|jid| !known.contains(jid)).cloned().collect();
        let (rules, bytes) = list.map_or((0, 0), |list| (list.len(), list.bytes()));
        let more: usize = jids.iter().map(|jid| rule_size(&block(jid.clone(), 0))).sum();
        check_room(privacy, list, rules + jids.len(), bytes + more, limits)?;
        let name = match &privacy.default {
            Some(name) => name.clone(),
            None => unused_name(privacy),
        };
        let mut deltas = vec![put_first(name.clone(), list, jids)];
        if privacy.default.is_none() {
            deltas.push(Delta::DefaultPrivacyList(Some(name.clone())));
        }
        Ok(Change { deltas, effects: pushes(name, new, Blocking::Block), asked_by: None })
    }

    /// Section 3.4.
    fn unblock(&self, mut jids: Vec<Jid>) -> Change {
        let privacy = &self.record.privacy;
        let (Some(name), Some(list)) = (&privacy.default, privacy.default_list()) else {
            return Change::default();
        };
        let known = list.blocked();
        jids.retain(|jid| known.contains(jid));
        let removed = list.orders_of(&jids.iter().collect());
        if removed.is_empty() {
            return Change::default();
        }
        let delta = Delta::PrivacyRules { name: name.clone(), removed, added: Vec::new() };
        Change { deltas: vec![delta], effects: pushes(name.clone(), jids, Blocking::Unblock), asked_by: None }
    }

    /// Section 3.5.
    fn unblock_all(&self) -> Change {
        let privacy = &self.record.privacy;
        let (Some(name), Some(list)) = (&privacy.default, privacy.default_list()) else {
            return Change::default();
        };
        let removed = list.orders_of(&list.blocked());
        if removed.is_empty() {
            return Change::default();
        }
        let delta = Delta::PrivacyRules { name: name.clone(), removed, added: Vec::new() };
        let effects = pushes(name.clone(), vec![], |_| Blocking::UnblockAll);
        Change { deltas: vec![delta], effects, asked_by: None }
    }
}

/// Blocks addresses before all rules that there are. Renumbers these where there is no room before them, which happens once in
/// a million blocks.
fn put_first(name: Box<str>, list: Option<&List>, jids: Vec<Jid>) -> Delta {
    let count = u32::try_from(jids.len()).unwrap_or(u32::MAX);
    let number =
        |first: u32, jids: Vec<Jid>| (first..).zip(jids).map(|(order, jid)| block(jid, order)).collect();
    let first = list.and_then(List::first_order).unwrap_or(MIDDLE);
    if let Some(first) = first.checked_sub(count) {
        return Delta::PrivacyRules { name, removed: Vec::new(), added: number(first, jids) };
    }
    let mut rules: Vec<_> = number(MIDDLE.saturating_sub(count), jids);
    for (order, mut rule) in (MIDDLE..).zip(list.map(List::rules).unwrap_or_default()) {
        rule.order = order;
        rules.push(rule);
    }
    Delta::PrivacyList { name, rules }
}

/// A name for the list that blocks make.
fn unused_name(privacy: &Privacy) -> Box<str> {
    let names = std::iter::once("blocked".to_owned()).chain((2..).map(|number| format!("blocked {number}")));
    let unused = names.into_iter().find(|name| !privacy.lists.contains_key(name.as_str()));
    unused.unwrap_or_default().into()
}

fn pushes(name: Box<str>, jids: Vec<Jid>, change: impl Fn(Vec<Jid>) -> Blocking) -> Vec<Effect> {
    let list = Effect::Privacy(Push::ListToThoseWhoKnow(name));
    match change(jids) {
        Blocking::Block(jids) | Blocking::Unblock(jids) if jids.is_empty() => vec![list],
        change => vec![Effect::Privacy(Push::Blocking(change)), list],
    }
}
