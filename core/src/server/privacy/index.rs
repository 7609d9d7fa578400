//! Finding the first rule that applies without trying one after the other.

use super::{Peer, Traffic, forms};
use crate::payload::privacy::{Rule, Stanzas, Subject};
use crate::payload::roster::Subscription;

/// Where to find rules in a list: positions, each of which is a `u32`, as is an order.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// Rules about addresses, by address. At most one for each kind of traffic that an address can have.
    jids: Box<[u32]>,
    /// Rules about groups, by group, likewise.
    groups: Box<[u32]>,
    /// For each subscription, the first rule for each kind of traffic.
    subscriptions: [First; 4],
    everyone: First,
}

/// The first rule that applies, for each kind of traffic.
type First = [Option<u32>; KINDS.len()];

const KINDS: [Traffic; 5] =
    [Traffic::MessageIn, Traffic::IqIn, Traffic::PresenceIn, Traffic::PresenceOut, Traffic::Other];

impl Index {
    /// For rules that stand in their order.
    pub(super) fn new(rules: &[Rule]) -> Index {
        let mut index =
            Index { jids: positions(rules, jid), groups: positions(rules, group), ..Index::default() };
        for (position, rule) in (0..).zip(rules) {
            let first = match rule.subject {
                Subject::Subscription(subscription) => index.subscription_mut(subscription),
                Subject::Everyone => &mut index.everyone,
                Subject::Jid(_) | Subject::Group(_) => continue,
            };
            for (first, traffic) in first.iter_mut().zip(KINDS) {
                if first.is_none() && applies(rule, traffic) {
                    *first = Some(position);
                }
            }
        }
        index
    }

    /// The first rule that applies.
    pub(super) fn first<'a>(&self, rules: &'a [Rule], traffic: Traffic, peer: Peer<'_>) -> Option<&'a Rule> {
        let kind = KINDS.iter().position(|kind| *kind == traffic)?;
        let [none, to, from, both] = &self.subscriptions;
        let by_subscription = match peer.subscription {
            Subscription::To => to,
            Subscription::From => from,
            Subscription::Both => both,
            Subscription::None | Subscription::Remove => none,
        };
        let fixed = [by_subscription, &self.everyone].map(|first| first.get(kind).copied().flatten());
        let jids = forms(peer.jid).into_iter();
        let jids = jids.filter_map(|form| find(&self.jids, rules, jid, form, traffic));
        let groups = peer.groups.iter();
        let groups = groups.filter_map(|name| find(&self.groups, rules, group, name, traffic));
        let position = jids.chain(groups).chain(fixed.into_iter().flatten()).min()?;
        rules.get(position as usize)
    }

    /// How many rules about addresses and groups can be reached.
    #[cfg(test)]
    pub(super) fn reach(&self) -> usize {
        self.jids.len() + self.groups.len()
    }

    fn subscription_mut(&mut self, subscription: Subscription) -> &mut First {
        let [none, to, from, both] = &mut self.subscriptions;
        match subscription {
            Subscription::To => to,
            Subscription::From => from,
            Subscription::Both => both,
            Subscription::None | Subscription::Remove => none,
        }
    }
}

/// What a rule is about, if it is what an index is made of.
type Key = fn(&Rule) -> Option<&str>;

fn jid(rule: &Rule) -> Option<&str> {
    match &rule.subject {
        Subject::Jid(jid) => Some(jid.as_str()),
        _ => None,
    }
}

fn group(rule: &Rule) -> Option<&str> {
    match &rule.subject {
        Subject::Group(group) => Some(group),
        _ => None,
    }
}

/// The positions of the rules that have a key, by key and then by position, without those that can never be the first to
/// apply.
fn positions(rules: &[Rule], key: Key) -> Box<[u32]> {
    let mut keyed: Vec<(&str, u32)> =
        (0..).zip(rules).filter_map(|(position, rule)| Some((key(rule)?, position))).collect();
    keyed.sort_unstable();
    let mut covered = ("", [false; KINDS.len()]);
    let mut useful = Vec::new();
    for (value, position) in keyed {
        let Some(rule) = rules.get(position as usize) else { continue };
        if covered.0 != value {
            covered = (value, [false; KINDS.len()]);
        }
        let mut adds = false;
        for (covered, traffic) in covered.1.iter_mut().zip(KINDS) {
            if !*covered && applies(rule, traffic) {
                *covered = true;
                adds = true;
            }
        }
        if adds {
            useful.push(position);
        }
    }
    useful.into()
}

/// The first rule with this key that applies.
fn find(positions: &[u32], rules: &[Rule], key: Key, value: &str, traffic: Traffic) -> Option<u32> {
    let rule = |position: u32| rules.get(position as usize);
    let key_at = |position: &u32| rule(*position).and_then(key).unwrap_or_default();
    let start = positions.partition_point(|position| key_at(position) < value);
    let same = positions.get(start..)?.iter().take_while(|position| key_at(position) == value);
    same.copied().find(|position| rule(*position).is_some_and(|rule| applies(rule, traffic)))
}

fn applies(rule: &Rule, traffic: Traffic) -> bool {
    match (rule.stanzas, traffic) {
        (Stanzas::All, _) => true,
        (Stanzas::Only(kinds), Traffic::MessageIn) => kinds.message,
        (Stanzas::Only(kinds), Traffic::IqIn) => kinds.iq,
        (Stanzas::Only(kinds), Traffic::PresenceIn) => kinds.presence_in,
        (Stanzas::Only(kinds), Traffic::PresenceOut) => kinds.presence_out,
        (Stanzas::Only(_), Traffic::Other) => false,
    }
}
