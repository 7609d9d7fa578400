//! Managing privacy lists (XEP-0016 sections 2.3 to 2.8).
//!
//! Where XEP-0016 leaves a choice:
//! - setting what is so already succeeds and changes nothing: nobody is told;
//! - a list that a session uses itself can be removed by it, and is then neither its active list nor the default any more;
//! - the removal of a list is pushed like any other change of it.

use super::{Account, Affected, Context, Session};
use crate::jid::Jid;
use crate::payload::blocking::Change as Blocking;
use crate::payload::privacy::{Get, List as Named, Names, Rule, Set, Subject, push};
use crate::server::account::effect::{Change, Effect, Push};
use crate::server::config::Limits;
use crate::server::output::SessionId;
use crate::server::privacy::{List, Privacy};
use crate::server::store::Delta;
use crate::stanza::{Condition, Iq, IqType, Stanza, StanzaError};
use crate::xml::{ElementBuilder, ElementRef};
use std::collections::BTreeSet;

impl Account {
    /// A request about lists that a session of the account makes.
    pub(super) fn receive_lists(
        &mut self,
        id: SessionId,
        iq: &Iq,
        query: ElementRef<'_>,
        ctx: &mut Context<'_>,
    ) -> Result<(), StanzaError> {
        if let Some(session) = self.sessions.iter_mut().find(|session| session.id == id) {
            session.privacy.knows_lists = true;
        }
        if iq.kind() == IqType::Get {
            let answer = match Get::parse(query)? {
                Get::Names => self.names(id).to_builder(),
                Get::List(name) => self.list_named(name)?,
            };
            ctx.outbox.deliver(id, Stanza::Iq(iq.result(Some(answer))));
            return Ok(());
        }
        let mut change = match Set::parse(query)? {
            Set::Active(name) => return self.activate(id, iq, name.as_deref(), ctx),
            Set::Default(name) => self.make_default(id, name.as_deref())?,
            Set::Put(list) => self.put_list(list, &ctx.config.limits)?,
            Set::Remove(name) => self.remove_list(id, &name)?,
        };
        change.effects.insert(0, Effect::Deliver(id, Stanza::Iq(iq.result(None))));
        change.asked_by = Some(Stanza::Iq(iq.clone()));
        self.change(change, ctx);
        Ok(())
    }

    /// Section 2.3.
    fn names(&self, id: SessionId) -> Names {
        let privacy = &self.record.privacy;
        let session = self.sessions.iter().find(|session| session.id == id);
        let active = session.and_then(|session| session.privacy.active.as_deref());
        Names {
            active: active.filter(|name| privacy.lists.contains_key(*name)).map(str::to_owned),
            default: privacy.default.as_deref().map(str::to_owned),
            lists: privacy.lists.keys().map(|name| name.to_string()).collect(),
        }
    }

    fn list_named(&self, name: String) -> Result<ElementBuilder, StanzaError> {
        let rules = known(&self.record.privacy, &name)?.rules();
        Ok(Named { name, rules }.to_builder())
    }

    /// Section 2.4: in force before the answer goes out.
    fn activate(
        &mut self,
        id: SessionId,
        iq: &Iq,
        name: Option<&str>,
        ctx: &mut Context<'_>,
    ) -> Result<(), StanzaError> {
        if let Some(name) = name {
            known(&self.record.privacy, name)?;
        }
        let shift = self.watch(Affected::Session(id));
        if let Some(session) = self.sessions.iter_mut().find(|session| session.id == id) {
            session.privacy.active = name.map(Into::into);
        }
        ctx.outbox.deliver(id, Stanza::Iq(iq.result(None)));
        self.shift(shift, ctx);
        Ok(())
    }

    /// Section 2.5.
    fn make_default(&self, id: SessionId, name: Option<&str>) -> Result<Change, StanzaError> {
        let privacy = &self.record.privacy;
        let list = name.map(|name| known(privacy, name)).transpose()?;
        if privacy.default.as_deref() == name {
            return Ok(Change::default());
        }
        let others = self.others_use(id, |session| self.uses_default(session));
        if privacy.default.is_some() && others {
            return Err(Condition::Conflict.into());
        }
        let deltas = vec![Delta::DefaultPrivacyList(name.map(Into::into))];
        Ok(Change { deltas, effects: block_list_pushes(privacy.default_list(), list), asked_by: None })
    }

    /// Sections 2.6 and 2.7.
    fn put_list(&self, list: Named, limits: &Limits) -> Result<Change, StanzaError> {
        let privacy = &self.record.privacy;
        let (name, rules): (Box<str>, _) = (list.name.into(), List::new(list.rules));
        let old = privacy.lists.get(&name);
        if old == Some(&rules) {
            return Ok(Change::default());
        }
        if name.is_empty() || name.len() > limits.privacy_list_name_bytes {
            let error = StanzaError::new(Condition::NotAcceptable);
            return Err(error.with_text_in("en", "The name of a list is empty or too long."));
        }
        if old.is_none() && privacy.lists.len() >= limits.privacy_lists {
            return Err(full("There are too many privacy lists."));
        }
        check_room(privacy, old, rules.len(), rules.bytes(), limits)?;
        let all = rules.rules();
        self.check_groups(&all)?;
        let mut effects = vec![Effect::Privacy(Push::List(name.clone()))];
        if privacy.default.as_ref() == Some(&name) {
            effects.extend(block_list_pushes(old, Some(&rules)));
        }
        Ok(Change { deltas: vec![Delta::PrivacyList { name, rules: all }], effects, asked_by: None })
    }

    /// Section 2.8.
    fn remove_list(&self, id: SessionId, name: &str) -> Result<Change, StanzaError> {
        let privacy = &self.record.privacy;
        let list = known(privacy, name)?;
        let is_default = privacy.default.as_deref() == Some(name);
        let uses = |session: &Session| match self.active(session) {
            Some(active) => active == name,
            None => is_default,
        };
        if self.others_use(id, uses) {
            return Err(Condition::Conflict.into());
        }
        let mut effects = vec![Effect::Privacy(Push::List(name.into()))];
        if is_default {
            effects.extend(block_list_pushes(Some(list), None));
        }
        let deltas = vec![Delta::PrivacyList { name: name.into(), rules: Vec::new() }];
        Ok(Change { deltas, effects, asked_by: None })
    }

    /// Rules can only name groups that there are (section 2.1).
    fn check_groups(&self, rules: &[Rule]) -> Result<(), StanzaError> {
        let mut named = rules.iter().filter_map(|rule| match &rule.subject {
            Subject::Group(group) => Some(group.as_str()),
            _ => None,
        });
        let Some(first) = named.next() else { return Ok(()) };
        let contacts = self.record.roster.contacts.values();
        let known: BTreeSet<&str> =
            contacts.flat_map(|contact| &contact.groups).map(|group| &**group).collect();
        match std::iter::once(first).chain(named).all(|group| known.contains(group)) {
            true => Ok(()),
            false => Err(Condition::ItemNotFound.into()),
        }
    }

    /// Tells sessions of a change.
    pub(in crate::server::account) fn push_privacy(&self, change: &Push, ctx: &mut Context<'_>) {
        let query = match change {
            Push::List(name) | Push::ListToThoseWhoKnow(name) => push(name),
            Push::Blocking(change) => change.to_builder(),
        };
        let told = |session: &&Session| match change {
            Push::List(_) => true,
            Push::ListToThoseWhoKnow(_) => session.privacy.knows_lists,
            Push::Blocking(_) => session.privacy.knows_blocked,
        };
        for session in self.sessions.iter().filter(told) {
            let to = Jid::from(session.jid.clone());
            let push = Iq::set(Some(to), &ctx.entropy.id(), query.clone());
            ctx.outbox.deliver(session.id, Stanza::Iq(push));
        }
    }

    fn others_use(&self, id: SessionId, uses: impl Fn(&Session) -> bool) -> bool {
        self.sessions.iter().any(|session| session.id != id && uses(session))
    }

    fn uses_default(&self, session: &Session) -> bool {
        self.active(session).is_none()
    }

    /// The active list of a session, unless it has been removed.
    fn active<'a>(&self, session: &'a Session) -> Option<&'a str> {
        session.privacy.active.as_deref().filter(|name| self.record.privacy.lists.contains_key(*name))
    }
}

/// The list of this name.
fn known<'a>(privacy: &'a Privacy, name: &str) -> Result<&'a List, StanzaError> {
    privacy.lists.get(name).ok_or(Condition::ItemNotFound.into())
}

/// What those who know the block list hear when the default list is another or has other rules.
fn block_list_pushes(old: Option<&List>, new: Option<&List>) -> Vec<Effect> {
    let blocked = |list: Option<&List>| -> BTreeSet<Jid> {
        list.map(|list| list.blocked().into_iter().cloned().collect()).unwrap_or_default()
    };
    let (old, new) = (blocked(old), blocked(new));
    let unblocked: Vec<Jid> = old.difference(&new).cloned().collect();
    let blocked: Vec<Jid> = new.difference(&old).cloned().collect();
    let unblocked = (!unblocked.is_empty()).then_some(Blocking::Unblock(unblocked));
    let blocked = (!blocked.is_empty()).then_some(Blocking::Block(blocked));
    let push = |change| Effect::Privacy(Push::Blocking(change));
    unblocked.into_iter().chain(blocked).map(push).collect()
}

/// Whether there is room for a list of so many rules and bytes, in place of another or as one more. A list may always become
/// smaller.
pub(super) fn check_room(
    privacy: &Privacy,
    old: Option<&List>,
    rules: usize,
    bytes: usize,
    limits: &Limits,
) -> Result<(), StanzaError> {
    let (old_rules, old_bytes) = old.map_or((0, 0), |list| (list.len(), list.bytes()));
    if rules > limits.privacy_rules_per_list && rules > old_rules {
        return Err(full("The privacy list is too long."));
    }
    let others = privacy.lists.values().map(List::bytes).sum::<usize>().saturating_sub(old_bytes);
    if others + bytes > limits.privacy_bytes && bytes > old_bytes {
        return Err(full("The privacy lists are too large together."));
    }
    Ok(())
}

fn full(text: &str) -> StanzaError {
    StanzaError::new(Condition::ResourceConstraint).with_text_in("en", text)
}
