//! XEP-0016 section 2: what a list does to a stanza.

use super::*;
use crate::payload::privacy::Kinds;

const ALL: [Traffic; 5] =
    [Traffic::MessageIn, Traffic::IqIn, Traffic::PresenceIn, Traffic::PresenceOut, Traffic::Other];

fn jid(text: &str) -> Jid {
    Jid::new(text).unwrap()
}

fn rule(order: u32, action: Action, subject: Subject) -> Rule {
    Rule { subject, action, order, stanzas: Stanzas::All }
}

fn deny(order: u32, address: &str) -> Rule {
    rule(order, Action::Deny, Subject::Jid(jid(address)))
}

fn allow(order: u32, address: &str) -> Rule {
    rule(order, Action::Allow, Subject::Jid(jid(address)))
}

fn group(name: &str) -> Subject {
    Subject::Group(name.into())
}

fn judge(list: &List, peer: &str) -> Verdict {
    list.judge(Traffic::MessageIn, stranger(&jid(peer)))
}

fn stranger(jid: &Jid) -> Peer<'_> {
    Peer { jid, subscription: Subscription::None, groups: &[] }
}

#[test]
fn xep0016_2_1_addresses_match_exactly_or_by_bare_form_or_domain() {
    let peers = ["a@x", "a@x/r", "a@x/s", "b@x", "b@x/r", "x", "x/r", "a@sub.x", "sub.x", "a@y/r"];
    let cases: [(&str, &[&str]); 4] = [
        ("a@x/r", &["a@x/r"]),
        ("a@x", &["a@x", "a@x/r", "a@x/s"]),
        ("x/r", &["x/r"]),
        ("x", &["a@x", "a@x/r", "a@x/s", "b@x", "b@x/r", "x", "x/r"]),
    ];
    for (address, matched) in cases {
        // As a rule that is tried first, and behind another.
        for before in [None, Some(allow(0, "nobody@nowhere"))] {
            let list = List::new(before.into_iter().chain([deny(1, address)]).collect());
            for peer in peers {
                let denied = judge(&list, peer) == Verdict::Blocked;
                assert_eq!(denied, matched.contains(&peer), "{address} and {peer}");
                assert_eq!(matches(address, &jid(peer)), matched.contains(&peer));
            }
        }
    }
}

#[test]
fn xep0016_2_1_subscriptions_match_exactly_and_none_includes_strangers() {
    use Subscription::*;
    let contact = jid("a@x");
    for of_rule in [None, To, From, Both] {
        let list = List::new(vec![rule(1, Action::Deny, Subject::Subscription(of_rule))]);
        for subscription in [None, To, From, Both] {
            let verdict = list.judge(Traffic::Other, Peer { jid: &contact, subscription, groups: &[] });
            assert_eq!(verdict == Verdict::Deny, subscription == of_rule, "{of_rule:?} and {subscription:?}");
        }
    }
}

#[test]
fn xep0016_2_1_groups_match_who_is_in_them() {
    let contact = jid("a@x");
    let list = List::new(vec![rule(1, Action::Deny, group("Enemies"))]);
    for (groups, verdict) in [
        (&[][..], Verdict::Allow),
        (&["Friends", "enemies"], Verdict::Allow),
        (&["Friends", "Enemies"], Verdict::Deny),
    ] {
        let groups: Vec<Box<str>> = groups.iter().map(|group| (*group).into()).collect();
        let peer = Peer { jid: &contact, subscription: Subscription::Both, groups: &groups };
        assert_eq!(list.judge(Traffic::IqIn, peer), verdict);
    }
}

#[test]
fn xep0016_2_1_kinds_limit_a_rule_to_stanzas_of_that_kind() {
    let only = |kinds| {
        let rule = Rule { stanzas: Stanzas::Only(kinds), ..rule(1, Action::Deny, Subject::Everyone) };
        let list = List::new(vec![rule]);
        ALL.into_iter().filter(|kind| list.judge(*kind, stranger(&jid("a@x"))) == Verdict::Deny).collect()
    };
    let none = Kinds::default();
    let cases: [(Kinds, &[Traffic]); 5] = [
        (Kinds { message: true, ..none }, &[Traffic::MessageIn]),
        (Kinds { iq: true, ..none }, &[Traffic::IqIn]),
        (Kinds { presence_in: true, ..none }, &[Traffic::PresenceIn]),
        (Kinds { presence_out: true, ..none }, &[Traffic::PresenceOut]),
        (Kinds { message: true, presence_out: true, ..none }, &[Traffic::MessageIn, Traffic::PresenceOut]),
    ];
    for (kinds, denied) in cases {
        let got: Vec<Traffic> = only(kinds);
        assert_eq!(got, denied);
    }
}

#[test]
fn xep0016_2_2_rules_are_tried_by_their_order_and_the_first_decides() {
    let rules = vec![
        rule(9, Action::Deny, Subject::Everyone),
        allow(3, "a@x"),
        deny(2, "a@x/r"),
        deny(5, "a@x/s"),
        rule(7, Action::Allow, Subject::Subscription(Subscription::None)),
    ];
    let list = List::new(rules);
    assert_eq!(judge(&list, "a@x/r"), Verdict::Blocked);
    assert_eq!(judge(&list, "a@x/s"), Verdict::Allow);
    assert_eq!(judge(&list, "b@x"), Verdict::Allow);
    let contact = jid("b@x");
    let peer = Peer { jid: &contact, subscription: Subscription::Both, groups: &[] };
    assert_eq!(list.judge(Traffic::MessageIn, peer), Verdict::Deny);
}

#[test]
fn xep0016_2_2_what_no_rule_applies_to_passes() {
    let list = List::new(vec![deny(1, "a@x")]);
    assert_eq!(judge(&list, "b@x"), Verdict::Allow);
    assert_eq!(judge(&List::default(), "b@x"), Verdict::Allow);
}

#[test]
fn xep0191_5_blocks_are_rules_for_an_address_that_deny_everything() {
    let message =
        Rule { stanzas: Stanzas::Only(Kinds { message: true, ..Kinds::default() }), ..deny(1, "m@x") };
    let list = List::new(vec![message, deny(2, "b@x"), allow(3, "c@x"), deny(4, "a@x")]);
    let blocked: Vec<&str> = list.blocked().into_iter().map(|jid| jid.as_str()).collect();
    assert_eq!(blocked, ["a@x", "b@x"]);
    assert_eq!(judge(&list, "m@x"), Verdict::Deny);
    let (a, b) = (jid("a@x"), jid("b@x"));
    assert_eq!(list.orders_of(&BTreeSet::from([&a, &b])), [2, 4]);
}

#[test]
fn an_edited_list_is_the_list_of_its_rules() {
    let mut list = List::new(vec![deny(5, "a@x"), deny(6, "a@x"), allow(7, "b@x"), deny(8, "c@x")]);
    list.edit(&[6], vec![deny(4, "b@x"), deny(7, "d@x")]);
    let expected = List::new(vec![deny(4, "b@x"), deny(5, "a@x"), deny(7, "d@x"), deny(8, "c@x")]);
    assert_eq!(list, expected);
    // A rule that comes before blocks makes them rules like others.
    list.edit(&[], vec![allow(0, "a@x")]);
    assert_eq!(judge(&list, "a@x"), Verdict::Allow);
    assert_eq!(judge(&list, "b@x"), Verdict::Blocked);
    assert_eq!((list.len(), list.first_order()), (5, Some(0)));
}

/// A small generator, so that the test needs no other crate.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn rule(&mut self, order: u32) -> Rule {
        let addresses = ["a@x/r", "a@x", "b@x", "x", "x/r", "y"];
        let subscriptions = [Subscription::None, Subscription::To, Subscription::From, Subscription::Both];
        let subject = match self.below(8) {
            0 => group(["g", "h"][self.below(2) as usize]),
            1 => Subject::Subscription(subscriptions[self.below(4) as usize]),
            2 if self.below(3) == 0 => Subject::Everyone,
            _ => Subject::Jid(jid(addresses[self.below(6) as usize])),
        };
        let bits = self.below(31) + 1;
        let kinds = Kinds {
            message: bits & 1 != 0,
            iq: bits & 2 != 0,
            presence_in: bits & 4 != 0,
            presence_out: bits & 8 != 0,
        };
        let stanzas = if bits & 15 == 0 || self.below(2) == 0 { Stanzas::All } else { Stanzas::Only(kinds) };
        Rule {
            subject,
            action: if self.below(2) == 0 { Action::Allow } else { Action::Deny },
            order,
            stanzas,
        }
    }
}

/// One rule after the other, as section 2.2 has it.
fn naive(rules: &[Rule], traffic: Traffic, peer: Peer<'_>) -> Action {
    let applies = |rule: &&Rule| {
        let kind = match rule.stanzas {
            Stanzas::All => true,
            Stanzas::Only(kinds) => match traffic {
                Traffic::MessageIn => kinds.message,
                Traffic::IqIn => kinds.iq,
                Traffic::PresenceIn => kinds.presence_in,
                Traffic::PresenceOut => kinds.presence_out,
                Traffic::Other => false,
            },
        };
        kind && match &rule.subject {
            Subject::Jid(jid) => matches(jid.as_str(), peer.jid),
            Subject::Group(group) => peer.groups.iter().any(|known| **known == **group),
            Subject::Subscription(subscription) => peer.subscription == *subscription,
            Subject::Everyone => true,
        }
    };
    rules.iter().find(applies).map_or(Action::Allow, |rule| rule.action)
}

#[test]
fn whatever_the_list_it_judges_as_one_rule_after_the_other_would() {
    let mut random = Random(7);
    let groups: [Vec<Box<str>>; 3] = [vec![], vec!["g".into()], vec!["h".into(), "g".into()]];
    for _ in 0..2000 {
        let mut list = List::default();
        for _ in 0..3 {
            let added = (0..random.below(6)).map(|_| random.below(20) as u32).collect::<BTreeSet<_>>();
            let added = added.into_iter().map(|order| random.rule(order)).collect();
            let removed: Vec<u32> = (0..random.below(3)).map(|_| random.below(20) as u32).collect();
            list.edit(&removed, added);
            let rules = list.rules();
            assert_eq!(list, List::new(rules.clone()));
            assert_eq!(list.bytes(), rules.iter().map(rule_size).sum::<usize>());
            for (address, groups) in
                ["a@x/r", "a@x/s", "a@x", "b@x", "x", "x/r", "y", "c@y/r"].iter().zip(groups.iter().cycle())
            {
                let address = jid(address);
                let peer = Peer { jid: &address, subscription: Subscription::To, groups };
                for traffic in ALL {
                    let verdict = list.judge(traffic, peer);
                    let expected = naive(&rules, traffic, peer);
                    assert_eq!(verdict == Verdict::Allow, expected == Action::Allow, "{rules:?} {peer:?}");
                }
            }
        }
    }
}

/// What a judgement costs does not depend on what stands in a list: of rules for the same address only those are kept in the
/// index that can ever apply.
#[test]
fn rules_that_cannot_apply_are_not_tried() {
    let message = Stanzas::Only(Kinds { message: true, ..Kinds::default() });
    let rules = (0..10_000).map(|order| Rule { stanzas: message, ..allow(order, "a@x") });
    let groups =
        (10_000..20_000).map(|order| Rule { stanzas: message, ..rule(order, Action::Allow, group("g")) });
    let list = List::new(rules.chain(groups).collect());
    assert_eq!(list.index.reach(), 2);
    assert_eq!(list.len(), 20_000);
}
