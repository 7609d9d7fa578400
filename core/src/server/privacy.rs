//! What privacy lists do to stanzas (XEP-0016 section 2, RFC 3921 section 10): pure functions.
//!
//! A blocked address (XEP-0191) is a rule that denies it everything and stands before all others of the default list, as its
//! section 5 has it. There are few lists, but one may hold thousands of addresses, and the most frequent change is one more of
//! them. So these stand apart from the other rules, and of the others only those can be reached that are not hidden by earlier
//! ones: what a judgement costs grows with the logarithm of a list's length, whatever stands in it.
//!
//! Where RFC 3921 and XEP-0016 differ the latter, which replaced it, is followed: a domain does not stand for its subdomains.

mod index;

use crate::jid::Jid;
use crate::payload::privacy::{Action, Rule, Stanzas, Subject};
use crate::payload::roster::Subscription;
use crate::stanza::{PresenceType, Stanza};
use index::Index;
use std::collections::{BTreeMap, BTreeSet};

/// The privacy lists of an account.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Privacy {
    /// By name. None is empty.
    pub lists: BTreeMap<Box<str>, List>,
    /// The name of the list that is in force where a session has not chosen another, and while nobody is online.
    pub default: Option<Box<str>>,
}

/// A privacy list, ready to judge.
#[derive(Clone, Debug, Default)]
pub struct List {
    /// The addresses that are denied everything before any other rule is tried, and the place of each.
    blocked: BTreeMap<Jid, u32>,
    /// The other rules, in their order.
    rules: Vec<Rule>,
    index: Index,
    bytes: usize,
}

/// What a list tells apart (XEP-0016 section 2.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Traffic {
    /// A message that comes in.
    MessageIn,
    /// An iq that comes in, whatever its type.
    IqIn,
    /// Somebody's presence (available or unavailable) that comes in.
    PresenceIn,
    /// The user's presence (available or unavailable) that goes out.
    PresenceOut,
    /// Everything else: what goes out, and what concerns subscriptions. Only rules for all stanzas apply to it.
    Other,
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug)]
pub struct Peer<'a> {
    /// The address that the stanza comes from or goes to.
    pub jid: &'a Jid,
    /// The state of the subscription; [`Subscription::None`] for strangers.
    pub subscription: Subscription,
    /// The groups of the roster that the contact is in.
    pub groups: &'a [Box<str>],
}

/// What becomes of a stanza.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It passes.
    Allow,
    /// It does not.
    Deny,
    /// It does not, for its peer is blocked: denied everything by address (XEP-0191).
    Blocked,
}

impl Privacy {
    /// The default list, if there is one.
    pub fn default_list(&self) -> Option<&List> {
        self.lists.get(self.default.as_deref()?)
    }

    /// A list has these rules now; without any it is gone, and no default any more.
    pub(super) fn put(&mut self, name: Box<str>, rules: Vec<Rule>) {
        if rules.is_empty() {
            self.remove(&name);
        } else {
            self.lists.insert(name, List::new(rules));
        }
    }

    /// Rules leave a list, then others come into it.
    pub(super) fn edit(&mut self, name: Box<str>, removed: &[u32], added: Vec<Rule>) {
        let list = self.lists.entry(name.clone()).or_default();
        list.edit(removed, added);
        if list.is_empty() {
            self.remove(&name);
        }
    }

    fn remove(&mut self, name: &str) {
        self.lists.remove(name);
        self.default.take_if(|default| **default == *name);
    }
}

impl List {
    /// A list with these rules, in any order. Of rules with the same order, one counts.
    pub fn new(rules: Vec<Rule>) -> List {
        let mut list = List::default();
        list.edit(&[], rules);
        list
    }

    /// Adds rules, after having removed those of these orders.
    fn edit(&mut self, removed: &[u32], mut added: Vec<Rule>) {
        let gone: BTreeSet<u32> =
            removed.iter().copied().chain(added.iter().map(|rule| rule.order)).collect();
        self.blocked.retain(|_, order| !gone.contains(order));
        let before = self.rules.len();
        self.rules.retain(|rule| !gone.contains(&rule.order));
        let mut changed = self.rules.len() < before;
        added.sort_by_key(|rule| rule.order);
        added.dedup_by_key(|rule| rule.order);
        // A rule that denies an address everything and has none but its like before it may as well be tried first.
        let others = self.rules.iter().chain(&added).filter(|rule| blocks(rule).is_none());
        let first = others.map(|rule| rule.order).min();
        let leads = |order: u32| first.is_none_or(|first| order < first);
        if self.blocked.values().any(|order| !leads(*order)) {
            let (blocked, others) =
                std::mem::take(&mut self.blocked).into_iter().partition(|(_, order)| leads(*order));
            self.blocked = blocked;
            added.extend(BTreeMap::into_iter(others).map(|(jid, order)| block(jid, order)));
        }
        for rule in added {
            match blocks(&rule) {
                Some(jid) if leads(rule.order) && !self.blocked.contains_key(jid) => {
                    self.blocked.insert(jid.clone(), rule.order);
                }
                _ => {
                    self.rules.push(rule);
                    changed = true;
                }
            }
        }
        if changed {
            self.rules.sort_by_key(|rule| rule.order);
            self.index = Index::new(&self.rules);
        }
        self.bytes = self.blocked.keys().map(|jid| size(jid.as_str())).sum();
        self.bytes += self.rules.iter().map(rule_size).sum::<usize>();
    }

    /// True if there are no rules. Such a list is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.blocked.len() + self.rules.len()
    }

    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// All rules, in their order.
    pub fn rules(&self) -> Vec<Rule> {
        let blocked = self.blocked.iter().map(|(jid, order)| block(jid.clone(), *order));
        let mut rules: Vec<Rule> = blocked.chain(self.rules.iter().cloned()).collect();
        rules.sort_by_key(|rule| rule.order);
        rules
    }

    /// The block list that it stands for (XEP-0191 section 5): the addresses that are denied everything.
    pub fn blocked(&self) -> BTreeSet<&Jid> {
        self.blocked.keys().chain(self.rules.iter().filter_map(blocks)).collect()
    }

    /// True if an address is denied everything before any other rule is tried.
    pub(super) fn blocks_first(&self, jid: &Jid) -> bool {
        self.blocked.contains_key(jid)
    }

    /// The orders of the rules that put these addresses onto the block list.
    pub(super) fn orders_of(&self, jids: &BTreeSet<&Jid>) -> Vec<u32> {
        let first = jids.iter().filter_map(|jid| self.blocked.get(*jid).copied());
        let others = self.rules.iter().filter(|rule| blocks(rule).is_some_and(|jid| jids.contains(jid)));
        first.chain(others.map(|rule| rule.order)).collect()
    }

    /// The rules of these orders.
    pub(super) fn rules_of(&self, orders: &[u32]) -> Vec<Rule> {
        let orders: BTreeSet<u32> = orders.iter().copied().collect();
        let blocked = self.blocked.iter().filter(|(_, order)| orders.contains(order));
        let blocked = blocked.map(|(jid, order)| block(jid.clone(), *order));
        blocked.chain(self.rules.iter().filter(|rule| orders.contains(&rule.order)).cloned()).collect()
    }

    /// The addresses with a resource that rules name.
    pub(super) fn full_addresses(&self) -> impl Iterator<Item = &Jid> {
        let named = self.rules.iter().filter_map(|rule| match &rule.subject {
            Subject::Jid(jid) => Some(jid),
            _ => None,
        });
        self.blocked.keys().chain(named).filter(|jid| jid.resource().is_some())
    }

    /// The lowest order of all.
    pub(super) fn first_order(&self) -> Option<u32> {
        self.blocked.values().copied().chain(self.rules.first().map(|rule| rule.order)).min()
    }

    /// What becomes of a stanza from or to somebody (section 2.2). The first rule that applies decides; without one it passes.
    pub fn judge(&self, traffic: Traffic, peer: Peer<'_>) -> Verdict {
        if !self.blocked.is_empty() && forms(peer.jid).iter().any(|form| self.blocked.contains_key(*form)) {
            return Verdict::Blocked;
        }
        let Some(rule) = self.index.first(&self.rules, traffic, peer) else { return Verdict::Allow };
        match rule.action {
            Action::Allow => Verdict::Allow,
            Action::Deny if blocks(rule).is_some() => Verdict::Blocked,
            Action::Deny => Verdict::Deny,
        }
    }
}

/// Lists with the same rules are the same.
impl PartialEq for List {
    fn eq(&self, other: &List) -> bool {
        self.len() == other.len() && self.rules() == other.rules()
    }
}
impl Eq for List {}

impl Traffic {
    /// Of a stanza that comes in.
    pub fn incoming(stanza: &Stanza) -> Traffic {
        match stanza {
            Stanza::Message(_) => Traffic::MessageIn,
            Stanza::Iq(_) => Traffic::IqIn,
            Stanza::Presence(presence) if notifies(presence.kind()) => Traffic::PresenceIn,
            Stanza::Presence(_) => Traffic::Other,
        }
    }

    /// Of a stanza that goes out.
    pub fn outgoing(stanza: &Stanza) -> Traffic {
        match stanza {
            Stanza::Presence(presence) if notifies(presence.kind()) => Traffic::PresenceOut,
            _ => Traffic::Other,
        }
    }
}

fn notifies(kind: PresenceType) -> bool {
    matches!(kind, PresenceType::Available | PresenceType::Unavailable)
}

/// The rule that blocks an address.
pub(super) fn block(jid: Jid, order: u32) -> Rule {
    Rule { subject: Subject::Jid(jid), action: Action::Deny, order, stanzas: Stanzas::All }
}

/// The address that a rule denies everything.
pub(super) fn blocks(rule: &Rule) -> Option<&Jid> {
    match (&rule.subject, rule.action, rule.stanzas) {
        (Subject::Jid(jid), Action::Deny, Stanzas::All) => Some(jid),
        _ => None,
    }
}

/// Whether an address is meant by a rule's address.
pub(super) fn matches(rule: &str, peer: &Jid) -> bool {
    forms(peer).contains(&rule)
}

/// The addresses that stand for an address in a rule (section 2.1): itself, its bare form, its domain.
fn forms(peer: &Jid) -> [&str; 3] {
    [peer.as_str(), peer.bare_str(), peer.domain()]
}

/// About how much memory a rule takes.
pub(super) fn rule_size(rule: &Rule) -> usize {
    size(match &rule.subject {
        Subject::Jid(jid) => jid.as_str(),
        Subject::Group(group) => group,
        Subject::Subscription(_) | Subject::Everyone => "",
    })
}

fn size(value: &str) -> usize {
    const BESIDES: usize = 64;
    value.len() + BESIDES
}

#[cfg(test)]
mod tests;
