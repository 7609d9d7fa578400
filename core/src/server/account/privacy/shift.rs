//! When another list comes into force, or other rules, or a contact moves to another group: who saw a session's presence and
//! may no longer is told that it is gone, and who may again gets it (XEP-0016 section 2.11, XEP-0191 sections 3.3 and 3.4). The
//! same the other way round: whom a session hears no longer is gone for it, and whom it hears again is asked (section 2.10).
//!
//! So everybody whom a change may concern is looked at twice, before it and after it.

use super::{Account, Context, Session};
use crate::jid::{BareJid, Jid};
use crate::payload::privacy::{Rule, Subject};
use crate::server::output::SessionId;
use crate::server::privacy::{List, Traffic, Verdict, matches};
use crate::server::store::Delta;
use crate::stanza::{Presence, PresenceType, Stanza};
use std::collections::{BTreeMap, BTreeSet};

/// Whom a change may concern.
#[derive(Debug)]
pub(super) enum Affected {
    /// These addresses, for all sessions.
    Addresses(BTreeSet<Jid>),
    /// Everybody, for all sessions; among them these full addresses, which new rules name.
    Everybody(BTreeSet<Jid>),
    /// Everybody, for this session.
    Session(SessionId),
}

/// How things were before a change.
#[derive(Debug)]
pub(in crate::server::account) struct Shift {
    /// For the sessions that have the same active list.
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    sessions: Vec<SessionId>,
    contacts: Vec<View>,
    /// Addresses outside the roster that a session has sent directed presence to and that saw it.
    directed: Vec<(SessionId, Jid)>,
}

/// Whether presence passes from sessions to a contact and back; `None` where no subscription entitles anybody to it.
#[derive(Debug)]
struct View {
    address: Jid,
    seen: Option<bool>,
    heard: Option<bool>,
}

impl Shift {
    /// Whether somebody with a subscription did not see a session.
    pub(in crate::server::account) fn hid(&self, session: SessionId, contact: &BareJid) -> bool {
        let groups = self.groups.iter().filter(|group| group.sessions.contains(&session));
        let mut views = groups.flat_map(|group| &group.contacts);
        views.any(|view| view.seen == Some(false) && view.address.as_str() == contact.as_str())
    }
}

impl Account {
    /// Looks at things before a change is made. `None` if it cannot concern anybody.
    pub(in crate::server::account) fn watch_changes(&self, deltas: &[Delta]) -> Option<Shift> {
        let mut addresses = BTreeSet::new();
        let mut everybody = false;
        for delta in deltas {
            match delta {
                Delta::PrivacyRules { name, removed, added } => {
                    let list = self.record.privacy.lists.get(name);
                    let removed = list.map(|list| list.rules_of(removed)).unwrap_or_default();
                    for rule in removed.iter().chain(added) {
                        match &rule.subject {
                            Subject::Jid(jid) => {
                                addresses.insert(jid.clone());
                            }
                            _ => everybody = true,
                        }
                    }
                }
                Delta::PrivacyList { rules, .. } => {
                    everybody = true;
                    addresses.extend(rules.iter().filter_map(full_address).cloned());
                }
                Delta::DefaultPrivacyList(_) => everybody = everybody || self.has_lists(),
                Delta::Contact { jid, .. } | Delta::ContactRemoved { jid, .. } if self.has_lists() => {
                    addresses.insert(jid.clone().into());
                }
                _ => {}
            }
        }
        match everybody {
            true => Some(self.watch(Affected::Everybody(addresses))),
            false if addresses.is_empty() => None,
            false => Some(self.watch(Affected::Addresses(addresses))),
        }
    }

    pub(super) fn watch(&self, affected: Affected) -> Shift {
        let only = match affected {
            Affected::Session(id) => Some(id),
            _ => None,
        };
        let addresses = self.concerned(&affected);
        let mut groups: BTreeMap<Option<&str>, Group> = BTreeMap::new();
        let concerned = |session: &&Session| {
            let seen = session.available.is_some() || !session.directed.is_empty();
            seen && only.is_none_or(|id| session.id == id)
        };
        for session in self.sessions.iter().filter(concerned) {
            let active = session.privacy.active.as_deref();
            let group = groups.entry(active).or_insert_with(|| {
                let list = self.list_in_force(active);
                let contacts = addresses.iter().filter_map(|address| self.view(list, address)).collect();
                Group { sessions: Vec::new(), contacts, directed: Vec::new() }
            });
            group.sessions.push(session.id);
            let met = |to: &&Jid| match &affected {
                Affected::Addresses(addresses) => {
                    addresses.iter().any(|address| matches(address.as_str(), to))
                }
                _ => true,
            };
            let directed = session.directed.iter().filter(met).filter(|to| self.shows(session, to));
            group.directed.extend(directed.map(|to| (session.id, to.clone())));
        }
        Shift { groups: groups.into_values().collect() }
    }

    /// The addresses of contacts that have to be looked at.
    fn concerned(&self, affected: &Affected) -> Vec<Jid> {
        let contacts = &self.record.roster.contacts;
        let full = |jid: &&Jid| jid.resource().is_some() && contacts.contains_key(jid.bare_str());
        match affected {
            Affected::Addresses(addresses) => {
                let (domains, others): (Vec<&Jid>, Vec<&Jid>) =
                    addresses.iter().partition(|jid| jid.is_domain());
                let others = others.into_iter().filter(|jid| contacts.contains_key(jid.bare_str()));
                let there = |jid: &&BareJid| domains.iter().any(|domain| domain.as_str() == jid.domain());
                let there = contacts.keys().filter(|_| !domains.is_empty()).filter(there);
                others.cloned().chain(there.map(|jid| jid.clone().into())).collect()
            }
            Affected::Everybody(_) | Affected::Session(_) => {
                let mut addresses: BTreeSet<Jid> = match affected {
                    Affected::Everybody(named) => named.iter().filter(full).cloned().collect(),
                    _ => BTreeSet::new(),
                };
                let lists = self.record.privacy.lists.values();
                addresses.extend(lists.flat_map(List::full_addresses).filter(full).cloned());
                addresses.extend(contacts.keys().map(|jid| jid.clone().into()));
                addresses.into_iter().collect()
            }
        }
    }

    /// What passes between sessions that have a list in force and a contact. `None` if there is no subscription.
    fn view(&self, list: Option<&List>, address: &Jid) -> Option<View> {
        let contact = self.record.roster.contacts.get(address.bare_str())?;
        let passes = |traffic| self.judge(list, traffic, address) == Verdict::Allow;
        let view = View {
            seen: contact.from.then(|| passes(Traffic::PresenceOut)),
            heard: contact.to.then(|| passes(Traffic::PresenceIn)),
            address: address.clone(),
        };
        (contact.from || contact.to).then_some(view)
    }

    /// Looks again, after the change, and tells whoever has to know.
    pub(in crate::server::account) fn shift(&mut self, before: Shift, ctx: &mut Context<'_>) {
        let mut heard_again = BTreeSet::new();
        for group in before.groups {
            let sessions = self.sessions.iter().filter(|session| group.sessions.contains(&session.id));
            let sessions: Vec<&Session> = sessions.collect();
            let Some(list) = sessions.first().map(|session| self.in_force(session)) else { continue };
            let mut unseen = BTreeSet::new();
            for (before, now) in
                group.contacts.iter().filter_map(|old| Some((old, self.view(list, &old.address)?)))
            {
                match (before.seen, now.seen) {
                    (Some(true), Some(false)) => {
                        unseen.insert(&before.address);
                        sessions.iter().for_each(|session| session.vanish_for(&before.address, ctx));
                    }
                    (Some(false), Some(true)) => {
                        sessions.iter().for_each(|session| session.appear_to(&before.address, ctx));
                    }
                    _ => {}
                }
                match (before.heard, now.heard) {
                    (Some(true), Some(false)) => {
                        sessions.iter().for_each(|session| session.lose(&before.address, ctx));
                    }
                    (Some(false), Some(true)) => {
                        heard_again.insert(before.address.to_bare());
                    }
                    _ => {}
                }
            }
            let told = |to: &Jid| unseen.iter().any(|address| matches(address.as_str(), to));
            let hidden = group.directed.iter().filter(|(id, to)| {
                let session = sessions.iter().find(|session| session.id == *id);
                session.is_some_and(|session| !self.shows(session, to))
            });
            let hidden: Vec<_> = hidden.map(|(id, to)| (*id, to.clone(), told(to))).collect();
            for (id, to, told) in hidden {
                self.end_directed_to(id, &to, told, ctx);
            }
        }
        if self.sessions.iter().any(|session| session.available.is_some()) {
            heard_again.iter().for_each(|contact| self.probe(contact, ctx));
        }
    }

    /// Directed presence to somebody is over. `told`: an available session has told so already.
    fn end_directed_to(&mut self, id: SessionId, to: &Jid, told: bool, ctx: &mut Context<'_>) {
        let Some(session) = self.sessions.iter_mut().find(|session| session.id == id) else { return };
        session.directed.remove(to);
        if !told || session.available.is_none() {
            ctx.outbox.send(gone(&session.jid, to));
        }
    }
}

impl Session {
    /// Is not available any more to somebody who saw it.
    fn vanish_for(&self, address: &Jid, ctx: &mut Context<'_>) {
        if self.available.is_some() {
            ctx.outbox.send(gone(&self.jid, address));
        }
    }

    /// Shows somebody its presence.
    fn appear_to(&self, address: &Jid, ctx: &mut Context<'_>) {
        if let Some(available) = &self.available {
            let mut presence = Stanza::Presence(available.presence.clone());
            presence.set_to(Some(address.clone()));
            ctx.outbox.send(presence);
        }
    }

    /// Sees somebody go whom it will not hear any more.
    fn lose(&self, address: &Jid, ctx: &mut Context<'_>) {
        if self.available.is_some() {
            ctx.outbox.deliver(self.id, gone(address, &self.jid));
        }
    }
}

fn gone(from: &Jid, to: &Jid) -> Stanza {
    let presence = Presence::builder(PresenceType::Unavailable).from(from.clone()).to(to.clone());
    Stanza::Presence(presence.build())
}

/// The full address that a rule names.
fn full_address(rule: &Rule) -> Option<&Jid> {
    match &rule.subject {
        Subject::Jid(jid) => Some(jid).filter(|jid| jid.resource().is_some()),
        _ => None,
    }
}
