//! Clients and a server, whole: contacts, subscriptions, presence, copies, blocking and capabilities from end to end.

use std::time::Duration;
use waxwing_core::client::{
    Block, Client, Config, Event, GetVcard, Request, RequestError, Roster, RosterEvent, SetCarbons, SetItem,
    SetVcard, SubscriptionKind, TlsMode, Unblock,
};
use waxwing_core::jid::{BareJid, Jid};
use waxwing_core::payload::carbons::Direction;
use waxwing_core::payload::roster::{Item, Subscription};
use waxwing_core::payload::vcard::{self, Vcard};
use waxwing_core::sasl::Credentials;
use waxwing_core::server::connection::Transport;
use waxwing_core::stanza::{Message, Presence, PresenceType};
use waxwing_tests::{Account, Conditions, Simulation, Split};

const DOMAIN: &str = "example.org";

struct World {
    simulation: Simulation<Client>,
    /// For each client, up to where its events have been looked at.
    seen: Vec<usize>,
}

impl World {
    fn new(seed: u64) -> World {
        let mut simulation = Simulation::new(seed, DOMAIN);
        for name in ["alice", "bob"] {
            simulation.add_account(&Account::new(name, DOMAIN));
        }
        World { simulation, seen: Vec::new() }
    }

    /// Logs in, gets the roster, and becomes available.
    fn log_in(&mut self, name: &str, cached: Option<Roster>) -> usize {
        let account = Account::new(name, DOMAIN);
        let mut config = Config::new(account.jid().into(), TlsMode::Plaintext);
        config.policy.plain_without_tls = true;
        config.credentials =
            Some(Credentials::Password { username: name.into(), password: account.password });
        config.caps_node = Some("urn:example:client".into());
        let entropy = self.simulation.random().entropy();
        let client = Client::new(config, self.simulation.now(), entropy);
        let at = self.simulation.connect(client, Transport::Plain);
        self.seen.push(0);
        self.simulation.run_until_idle();
        self.act(at, |client, now| client.fetch_roster(now, cached).unwrap());
        assert!(self.news(at).contains(&Event::Roster(RosterEvent::Loaded)));
        let here = Presence::builder(PresenceType::Available).build();
        self.act(at, |client, now| client.set_presence(now, here).unwrap());
        at
    }

    fn act<T>(&mut self, at: usize, act: impl FnOnce(&mut Client, waxwing_core::machine::Now) -> T) -> T {
        let now = self.simulation.now();
        let result = act(&mut self.simulation[at].side.machine, now);
        self.simulation.run_until_idle();
        result
    }

    /// Asks, and waits for the answer.
    fn ask<R: Request>(&mut self, at: usize, request: R) -> Result<R::Reply, RequestError> {
        let handle = self.act(at, |client, now| client.request(now, request, None).unwrap());
        let replies = self.simulation[at].side.events().filter_map(|event| match event {
            Event::Reply(reply) => handle.read(reply),
            _ => None,
        });
        replies.last().expect("an answer")
    }

    /// What has happened to a client since the last time.
    fn news(&mut self, at: usize) -> Vec<Event> {
        let all: Vec<Event> = self.simulation[at].side.events().cloned().collect();
        let from = std::mem::replace(&mut self.seen[at], all.len());
        all[from..].to_vec()
    }

    fn client(&self, at: usize) -> &Client {
        &self.simulation[at].side.machine
    }

    fn befriend(&mut self, one: usize, other: usize) {
        for (asks, answers) in [(one, other), (other, one)] {
            let (asker, answerer) = (self.bare(asks), self.bare(answers));
            self.act(asks, |client, now| client.subscribe(now, &answerer, None).unwrap());
            self.act(answers, |client, now| client.approve(now, &asker).unwrap());
        }
    }

    fn bare(&self, at: usize) -> BareJid {
        self.client(at).jid().expect("online").to_bare()
    }
}

fn jid(text: &str) -> Jid {
    Jid::new(text).unwrap()
}

#[test]
fn rfc6121_3_1_two_people_come_to_see_each_other_however_their_bytes_are_cut() {
    let latency = Duration::from_millis(20);
    for split in [Split::Whole, Split::EveryByte, Split::Random(9)] {
        let mut world = World::new(3);
        world.simulation.set_conditions(Conditions { split, latency, ..Conditions::default() });
        let (alice, bob) = (world.log_in("alice", None), world.log_in("bob", None));
        let (alice_jid, bob_jid) = (world.bare(alice), world.bare(bob));
        let item = Item::new(bob_jid.clone().into()).with_name("Bob").in_group("Friends");
        assert_eq!(world.ask(alice, SetItem(item)), Ok(()));
        world.act(alice, |client, now| client.subscribe(now, &bob_jid, Some("Hi")).unwrap());
        let news = world.news(bob);
        let asked = news.iter().find_map(|event| match event {
            Event::Subscription(subscription) => Some(subscription),
            _ => None,
        });
        assert_eq!(
            asked.map(|asked| (asked.kind, &asked.from)),
            Some((SubscriptionKind::Requested, &alice_jid))
        );
        assert_eq!(world.client(bob).subscription_requests().collect::<Vec<_>>(), [(&alice_jid, Some("Hi"))]);
        world.act(bob, |client, now| client.approve(now, &alice_jid).unwrap());
        assert_eq!(world.client(bob).subscription_requests().count(), 0);
        assert!(world.client(alice).contacts().is_available(&bob_jid));
        assert!(!world.client(bob).contacts().is_available(&alice_jid));
        world.befriend(bob, alice);
        let state = |at, whom: &BareJid| world.client(at).roster().get(whom).map(|item| item.subscription);
        assert_eq!(state(alice, &bob_jid), Some(Subscription::Both));
        assert_eq!(state(bob, &alice_jid), Some(Subscription::Both));
        assert!(world.client(bob).contacts().is_available(&alice_jid));
        assert_eq!(world.client(alice).roster().get(&bob_jid).unwrap().name.as_deref(), Some("Bob"));
        // One leaves; then they part.
        world.simulation.cut(bob);
        world.simulation.run_until_idle();
        assert!(!world.client(alice).contacts().is_available(&bob_jid));
        let bob = world.log_in("bob", None);
        assert!(world.client(alice).contacts().is_available(&bob_jid));
        assert!(world.client(bob).contacts().is_available(&alice_jid));
        world.act(alice, |client, now| client.deny(now, &bob_jid).unwrap());
        assert!(!world.client(bob).contacts().is_available(&alice_jid));
        assert!(world.client(alice).contacts().is_available(&bob_jid));
    }
}

#[test]
fn rfc6121_2_6_a_kept_roster_is_brought_up_to_date_at_the_next_login() {
    let mut world = World::new(5);
    let alice = world.log_in("alice", None);
    for name in ["a", "b", "c"] {
        let item = Item::new(jid(&format!("{name}@example.net")));
        assert_eq!(world.ask(alice, SetItem(item)), Ok(()));
    }
    let roster = world.client(alice).roster();
    let kept = Roster::cached(roster.version().expect("versions"), roster.iter().cloned());
    // Another session changes one while this one is away.
    world.act(alice, Client::close);
    let other = world.log_in("alice", None);
    assert_eq!(world.ask(other, SetItem(Item::new(jid("b@example.net")).with_name("B"))), Ok(()));
    let before = world.simulation[other].side.events().count();
    let again = world.log_in("alice", Some(kept));
    let news: Vec<Event> = world.simulation[again].side.events().cloned().collect();
    let changes = news.iter().filter(|event| matches!(event, Event::Roster(RosterEvent::Changed { .. })));
    assert_eq!(changes.count(), 1, "only what has changed: {news:?}");
    let (roster, whole) = (world.client(again).roster(), world.client(other).roster());
    assert_eq!(roster.version(), whole.version());
    assert!(roster.iter().eq(whole.iter()));
    assert!(world.simulation[other].side.events().count() >= before);
}

#[test]
fn xep0115_contacts_learn_what_each_other_can_do() {
    let mut world = World::new(7);
    let (alice, bob) = (world.log_in("alice", None), world.log_in("bob", None));
    world.befriend(alice, bob);
    let bob_full: Jid = world.client(bob).jid().unwrap().clone().into();
    let info = world.client(alice).capabilities(&bob_full).expect("known");
    assert!(info.has("urn:xmpp:ping"));
    assert_eq!(world.client(alice).caps_cache().len(), 1, "all run the same software");
}

#[test]
fn xep0280_sessions_hear_what_the_others_say_and_are_told() {
    let mut world = World::new(9);
    let (alice, bob, bob2) =
        (world.log_in("alice", None), world.log_in("bob", None), world.log_in("bob", None));
    assert_eq!(world.ask(bob2, SetCarbons(true)), Ok(()));
    let (alice_full, bob_full) =
        (world.client(alice).jid().unwrap().clone(), world.client(bob).jid().unwrap().clone());
    world.news(bob2);
    world.act(alice, |client, now| client.send(now, Message::chat(bob_full.into(), "to one")).unwrap());
    world.act(bob, |client, now| client.send(now, Message::chat(alice_full.into(), "from one")).unwrap());
    let heard = world.news(bob2).into_iter().filter_map(|event| match event {
        Event::Carbon(carbon) => Some((carbon.direction, carbon.message.body(None)?.into_owned())),
        _ => None,
    });
    assert_eq!(
        heard.collect::<Vec<_>>(),
        [(Direction::Received, "to one".into()), (Direction::Sent, "from one".into())]
    );
}

#[test]
fn xep0160_what_comes_while_nobody_is_here_comes_later_and_says_when() {
    let mut world = World::new(11);
    let alice = world.log_in("alice", None);
    let then = world.simulation.now().utc;
    let bob_jid = jid("bob@example.org");
    world.act(alice, |client, now| client.send(now, Message::chat(bob_jid, "see you")).unwrap());
    world.simulation.run_for(Duration::from_secs(100));
    let bob = world.log_in("bob", None);
    let news = world.news(bob);
    let late = news.iter().find_map(|event| match event {
        Event::Message(message) => Some(message),
        _ => None,
    });
    let late = late.expect("the message");
    let delay = world.client(bob).delay(late.element()).expect("a delay");
    assert_eq!(late.body(None).as_deref(), Some("see you"));
    assert_eq!(delay.from.as_ref().map(Jid::as_str), Some(DOMAIN));
    assert!(delay.stamp.unix_millis() - then.unix_millis() < 1000, "{delay:?}");
}

#[test]
fn xep0054_cards_are_kept() {
    let mut world = World::new(13);
    let (alice, bob) = (world.log_in("alice", None), world.log_in("bob", None));
    let card = vcard::with_text(vcard::get(), "FN", "Bob").build();
    assert_eq!(world.ask(bob, SetVcard(Vcard::parse(card.root()).unwrap())), Ok(()));
    let bob_jid = world.bare(bob);
    assert_eq!(world.ask(alice, GetVcard(Some(bob_jid))).unwrap().full_name().as_deref(), Some("Bob"));
}

#[test]
fn xep0191_who_is_blocked_sees_nothing_and_is_not_heard() {
    let mut world = World::new(15);
    let (alice, bob) = (world.log_in("alice", None), world.log_in("bob", None));
    world.befriend(alice, bob);
    world.act(alice, |client, now| client.fetch_block_list(now).unwrap());
    let (alice_jid, bob_jid) = (world.bare(alice), world.bare(bob));
    assert_eq!(world.ask(alice, Block(vec![bob_jid.clone().into()])), Ok(()));
    assert!(world.client(alice).block_list().blocks(&bob_jid));
    assert!(!world.client(bob).contacts().is_available(&alice_jid));
    world.news(alice);
    world.act(bob, |client, now| {
        client.send(now, Message::chat(alice_jid.clone().into(), "hear me")).unwrap()
    });
    let heard = world.news(alice).into_iter().any(|event| matches!(event, Event::Message(_)));
    assert!(!heard);
    assert_eq!(world.ask(alice, Unblock(vec![])), Ok(()));
    assert!(!world.client(alice).block_list().blocks(&bob_jid));
    assert!(world.client(bob).contacts().is_available(&alice_jid));
}
