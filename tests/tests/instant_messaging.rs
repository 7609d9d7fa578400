//! Our clients at our server, end to end: rosters, subscriptions, presence, chat and messages that wait (RFC 6121).

use std::collections::BTreeMap;
use std::time::Duration;
use waxwing_core::client::{
    Block, BlockEvent, Client, Config, Event, Ignored, RemoveItem, Request, Roster, RosterEvent, SetCarbons,
    SetItem, SubscriptionKind, TlsMode,
};
use waxwing_core::jid::{BareJid, Jid};
use waxwing_core::machine::Now;
use waxwing_core::payload::roster::{self, Item};
use waxwing_core::sasl::Credentials;
use waxwing_core::server::connection::Transport;
use waxwing_core::stanza::{Iq, Message, MessageType, Presence, PresenceType, Show};
use waxwing_tests::{Account, Conditions, Simulation, Split};

const DOMAIN: &str = "example.com";

/// The house of Capulet, its enemies, and a server for all of them.
struct World {
    simulation: Simulation<Client>,
    /// By resource, for no two people have the same.
    clients: BTreeMap<&'static str, usize>,
    /// How many events of a client have been looked at.
    seen: BTreeMap<usize, usize>,
}

fn jid(text: &str) -> Jid {
    let text = match text.split_once('/') {
        Some((local, resource)) => format!("{local}@{DOMAIN}/{resource}"),
        None => format!("{text}@{DOMAIN}"),
    };
    Jid::new(&text).expect("an address")
}

fn bare(local: &str) -> BareJid {
    jid(local).to_bare()
}

fn short(jid: Option<&Jid>) -> String {
    jid.map_or("-".into(), |jid| jid.as_str().replace("@example.com", ""))
}

fn available() -> Presence {
    Presence::builder(PresenceType::Available).build()
}

/// What matters about a roster item.
fn state(item: &Item) -> String {
    let flag = |set, name| if set { name } else { "" };
    let (ask, approved) = (flag(item.ask, "+ask"), flag(item.approved, "+approved"));
    format!("{} {}{ask}{approved}", short(Some(&item.jid)), item.subscription.as_str())
}

/// What matters about an event; `None` for those that only say how a request went.
fn brief(event: &Event) -> Option<String> {
    Some(match event {
        Event::Message(message) => {
            let body = message.error().map_or_else(
                || message.body(None).unwrap_or_default().into_owned(),
                |error| error.condition().name().to_owned(),
            );
            format!("message {}: {body}", short(message.from()))
        }
        Event::Carbon(carbon) => {
            let (from, to) = (short(carbon.message.from()), short(carbon.message.to()));
            format!("copy {from} > {to}: {}", carbon.message.body(None).unwrap_or_default())
        }
        Event::Presence(presence) => {
            let kind = presence.kind().as_str().map(|kind| format!(" {kind}")).unwrap_or_default();
            let show = presence.show().map(|show| format!(" {}", show.as_str())).unwrap_or_default();
            let status = presence.status(None).map(|status| format!(": {status}")).unwrap_or_default();
            format!("presence {}{kind}{show}{status}", short(presence.from()))
        }
        Event::Subscription(subscription) => {
            let kind = match subscription.kind {
                SubscriptionKind::Requested => "asks",
                SubscriptionKind::Approved => "approves",
                SubscriptionKind::Ended => "leaves",
                SubscriptionKind::Denied => "denies",
            };
            format!("{} {kind}", short(Some(&subscription.from)))
        }
        Event::Roster(RosterEvent::Loaded) => "roster".into(),
        Event::Roster(RosterEvent::Changed { item, .. }) => format!("item {}", state(item)),
        Event::Roster(RosterEvent::Removed(item)) => format!("item {} gone", short(Some(&item.jid))),
        Event::Online(_)
        | Event::Sent(_)
        | Event::Acknowledged(_)
        | Event::Reply(_)
        | Event::Capabilities(_) => return None,
        other => format!("{other:?}"),
    })
}

impl World {
    fn new(seed: u64) -> World {
        let mut simulation = Simulation::new(seed, DOMAIN);
        for local in ["romeo", "juliet", "benvolio", "mercutio", "nurse"] {
            simulation.add_account(&Account::new(local, DOMAIN));
        }
        World { simulation, clients: BTreeMap::new(), seen: BTreeMap::new() }
    }

    /// Logs in, `local/resource`, and no more. The resource is the name to use from then on.
    fn connect(&mut self, who: &'static str) -> &'static str {
        let (local, resource) = who.split_once('/').expect("a full address");
        let account = Account::new(local, DOMAIN);
        let mut config = Config::new(jid(who), TlsMode::Plaintext);
        config.policy.min_iterations = 1;
        config.credentials =
            Some(Credentials::Password { username: account.local, password: account.password });
        let entropy = self.simulation.random().entropy();
        let client = Client::new(config, self.simulation.now(), entropy);
        let client = self.simulation.connect(client, Transport::Plain);
        self.clients.insert(resource, client);
        self.simulation.run_until_idle();
        assert!(self.client(resource).is_online(), "{:?}", self.simulation[client].side.log);
        resource
    }

    /// Logs in, asks for the roster, becomes available. What happens on account of that stays to be looked at.
    fn login(&mut self, who: &'static str) -> &'static str {
        let client = self.connect(who);
        self.act(client, |client, now| client.fetch_roster(now, None).expect("online"));
        self.act(client, |client, now| client.set_presence(now, available()).expect("online"));
        client
    }

    fn client(&mut self, name: &str) -> &mut Client {
        &mut self.simulation[self.clients[name]].side.machine
    }

    /// A client does something, and everything that comes of it happens.
    fn act<T>(&mut self, name: &str, act: impl FnOnce(&mut Client, Now) -> T) -> T {
        let now = self.simulation.now();
        let result = act(self.client(name), now);
        self.simulation.run_until_idle();
        result
    }

    /// A client asks for something, and gets it.
    fn request<R: Request>(&mut self, name: &str, request: R) {
        let handle = self.act(name, |client, now| client.request(now, request, None).expect("online"));
        let replies = self.simulation[self.clients[name]].side.events().filter_map(|event| match event {
            Event::Reply(reply) => handle.read(reply),
            _ => None,
        });
        let replies: Vec<bool> = replies.map(|reply| reply.is_ok()).collect();
        assert_eq!(replies, [true]);
    }

    fn say(&mut self, name: &str, to: &str, body: &str) {
        self.act(name, |client, now| client.send(now, Message::chat(jid(to), body)).expect("online"));
    }

    /// What has happened to a client since the last look.
    fn news(&mut self, name: &str) -> Vec<String> {
        let client = self.clients[name];
        let events: Vec<Event> = self.simulation[client].side.events().cloned().collect();
        let seen = self.seen.insert(client, events.len()).unwrap_or_default();
        events[seen..].iter().filter_map(brief).collect()
    }

    fn forget_news(&mut self) {
        for name in self.clients.keys().copied().collect::<Vec<_>>() {
            self.news(name);
        }
    }

    /// A client's roster.
    fn roster(&mut self, name: &str) -> Vec<String> {
        self.client(name).roster().iter().map(state).collect()
    }

    /// What the server keeps of a contact of an account.
    fn kept(&self, account: &str, contact: &str) -> Option<(bool, bool)> {
        let record = self.simulation.store.get(&bare(account)).expect("an account");
        record.roster.contacts.get(&bare(contact)).map(|contact| (contact.to, contact.from))
    }

    /// One account sees another's presence from now on; both are connected, by these clients.
    fn befriend(&mut self, who: &str, (local, whom): (&str, &str)) {
        let asker = self.client(who).jid().expect("online").to_bare();
        self.act(who, |client, now| client.subscribe(now, &bare(local), None).expect("online"));
        self.act(whom, |client, now| client.approve(now, &asker).expect("online"));
    }

    fn close(&mut self, name: &str) {
        self.act(name, |client, now| client.close(now));
    }
}

/// The people of section 7 and their subscriptions, nobody online.
fn cast(seed: u64) -> World {
    let mut world = World::new(seed);
    let romeo = world.login("romeo/setup-r");
    let juliet = world.login("juliet/setup-j");
    let benvolio = world.login("benvolio/setup-b");
    let mercutio = world.login("mercutio/setup-m");
    for (contact, name, group) in [
        ("juliet", "Juliet", Some("Friends")),
        ("benvolio", "Benvolio", None),
        ("mercutio", "Mercutio", None),
    ] {
        let item = Item::new(jid(contact)).with_name(name);
        let item = group.into_iter().fold(item, |item, group| item.in_group(group));
        world.request(romeo, SetItem(item));
    }
    world.befriend(romeo, ("juliet", juliet));
    world.befriend(juliet, ("romeo", romeo));
    world.befriend(romeo, ("benvolio", benvolio));
    world.befriend(mercutio, ("romeo", romeo));
    for client in [romeo, juliet, benvolio, mercutio] {
        world.close(client);
    }
    world
}

/// Networks on which nothing may depend.
fn networks() -> [Conditions; 3] {
    let latency = Duration::from_millis(80);
    [
        Conditions::default(),
        Conditions { latency, jitter: latency, split: Split::Random(40), ..Conditions::default() },
        Conditions { bytes_per_second: Some(20_000), split: Split::EveryByte, ..Conditions::default() },
    ]
}

#[test]
fn rfc6121_7_a_sample_session() {
    for (seed, network) in networks().into_iter().enumerate() {
        let mut world = cast(seed as u64);
        world.simulation.set_conditions(network);
        let balcony = world.login("juliet/balcony");
        let away = Presence::builder(PresenceType::Available).show(Show::Away).status(None, "be right back");
        world.act(balcony, |client, now| client.set_presence(now, away.build()).expect("online"));
        let chamber = world.login("juliet/chamber");
        let one = Presence::builder(PresenceType::Available).priority(1);
        world.act(chamber, |client, now| client.set_presence(now, one.build()).expect("online"));
        let (pda, queen, kitchen) =
            (world.login("benvolio/pda"), world.login("mercutio/queen"), world.login("nurse/kitchen"));
        let dnd = Presence::builder(PresenceType::Available).show(Show::Dnd).status(None, "gallivanting");
        world.act(pda, |client, now| client.set_presence(now, dnd.build()).expect("online"));
        world.forget_news();

        // Examples 1 and 2: the roster.
        let orchard = world.connect("romeo/orchard");
        world.act(orchard, |client, now| client.fetch_roster(now, None).expect("online"));
        assert_eq!(world.news(orchard), ["roster"]);
        assert_eq!(world.roster(orchard), ["benvolio to", "juliet both", "mercutio from"]);
        let juliet = world.client(orchard).roster().get(&jid("juliet")).cloned().expect("a contact");
        assert_eq!((juliet.name.as_deref(), juliet.groups), (Some("Juliet"), vec!["Friends".to_owned()]));

        // Examples 3 to 7: initial presence, seen by those who may, answered by those whom he may see.
        world.act(orchard, |client, now| client.set_presence(now, available()).expect("online"));
        let mut seen = world.news(orchard);
        seen.sort();
        let expected = [
            "presence benvolio/pda dnd: gallivanting",
            "presence juliet/balcony away: be right back",
            "presence juliet/chamber",
            "presence romeo/orchard",
        ];
        assert_eq!(seen, expected);
        let best = world.client(orchard).contacts().best(&jid("juliet")).map(|best| best.jid.clone());
        assert_eq!(best, Some(jid("juliet/chamber")));
        for witness in [balcony, chamber, queen] {
            assert_eq!(world.news(witness), ["presence romeo/orchard"], "{witness}");
        }
        assert_eq!((world.news(pda), world.news(kitchen)), (Vec::new(), Vec::new()));

        // Example 8: directed presence to somebody who is not in the roster.
        let courting =
            Presence::builder(PresenceType::Available).show(Show::Dnd).status(None, "courting Juliet");
        let courting = courting.to(jid("nurse")).build();
        world.act(orchard, |client, now| client.send(now, courting).expect("online"));
        assert_eq!(world.news(kitchen), ["presence romeo/orchard dnd: courting Juliet"]);

        // Example 9: a conversation, in order, first to the account, then to the resource that answered.
        let said = [
            "My ears have not yet drunk a hundred words",
            "Of that tongue's utterance",
            "Art thou not Romeo?",
        ];
        for body in said {
            world.say(balcony, "romeo", body);
        }
        assert_eq!(world.news(orchard), said.map(|body| format!("message juliet/balcony: {body}")));
        world.say(orchard, "juliet/balcony", "Neither, fair saint, if either thee dislike.");
        assert_eq!(
            world.news(balcony),
            ["message romeo/orchard: Neither, fair saint, if either thee dislike."]
        );
        world.say(balcony, "romeo/orchard", "How cam'st thou hither?");
        assert_eq!(world.news(orchard), ["message juliet/balcony: How cam'st thou hither?"]);
        // To the account it would have gone to her most available resource.
        world.say(orchard, "juliet", "By love");
        assert_eq!(
            (world.news(chamber), world.news(balcony)),
            (vec!["message romeo/orchard: By love".into()], vec![])
        );

        // Examples 10 to 12: later presence, not for those who got it directed.
        let soon =
            Presence::builder(PresenceType::Available).show(Show::Away).status(None, "I shall return!");
        world.act(orchard, |client, now| client.set_presence(now, soon.build()).expect("online"));
        for witness in [balcony, chamber, queen, orchard] {
            assert_eq!(world.news(witness), ["presence romeo/orchard away: I shall return!"], "{witness}");
        }
        assert_eq!((world.news(pda), world.news(kitchen)), (Vec::new(), Vec::new()));

        // Examples 13 to 15: one of her resources leaves; then he does, and all who knew of him learn of it.
        world.close(balcony);
        assert_eq!(world.news(orchard), ["presence juliet/balcony unavailable"]);
        world.news(chamber);
        let home = Presence::builder(PresenceType::Unavailable).status(None, "gone home").build();
        world.act(orchard, |client, now| client.set_presence(now, home).expect("online"));
        for witness in [chamber, queen, kitchen] {
            assert_eq!(world.news(witness), ["presence romeo/orchard unavailable: gone home"], "{witness}");
            assert!(!world.client(witness).contacts().is_available(&jid("romeo")));
        }
        assert_eq!(world.news(pda), [""; 0]);
        world.close(orchard);
        assert_eq!(world.news(chamber), [""; 0]);
    }
}

#[test]
fn rfc6121_3_1_a_request_an_approval_and_a_request_back() {
    let mut world = World::new(10);
    let (orchard, balcony) = (world.login("romeo/orchard"), world.login("juliet/balcony"));
    let chamber = world.login("juliet/chamber");
    world.forget_news();
    let please = Some("It is I");
    world.act(orchard, |client, now| client.subscribe(now, &bare("juliet"), please).expect("online"));
    assert_eq!(world.news(orchard), ["item juliet none+ask"]);
    for client in [balcony, chamber] {
        assert_eq!(world.news(client), ["romeo asks"]);
        assert_eq!(world.roster(client), [""; 0], "3.1.3: not in the roster yet");
        let waiting: Vec<_> =
            world.client(client).subscription_requests().map(|(_, text)| text.is_some()).collect();
        assert_eq!(waiting, [true]);
    }
    world.act(balcony, |client, now| client.approve(now, &bare("romeo")).expect("online"));
    assert_eq!(world.news(balcony), ["item romeo from"]);
    assert_eq!(world.news(chamber), ["item romeo from"]);
    let mut told = world.news(orchard);
    told.sort();
    let expected =
        ["item juliet to", "juliet approves", "presence juliet/balcony", "presence juliet/chamber"];
    assert_eq!(told, expected);
    // And the other way round.
    world.befriend(balcony, ("romeo", orchard));
    assert_eq!(
        (world.roster(orchard), world.roster(balcony)),
        (vec!["juliet both".into()], vec!["romeo both".into()])
    );
    assert_eq!(
        (world.kept("romeo", "juliet"), world.kept("juliet", "romeo")),
        (Some((true, true)), Some((true, true)))
    );
    assert!(world.client(chamber).contacts().is_available(&jid("romeo")));
}

#[test]
fn rfc6121_3_1_3_a_request_waits_until_somebody_answers_it() {
    let mut world = World::new(11);
    let orchard = world.login("romeo/orchard");
    world.act(orchard, |client, now| client.subscribe(now, &bare("juliet"), None).expect("online"));
    // The account goes out of memory, and comes back.
    world.simulation.run_for(Duration::from_secs(120));
    for _ in 0..2 {
        let balcony = world.login("juliet/balcony");
        assert!(world.news(balcony).contains(&"romeo asks".into()), "at each login");
        world.close(balcony);
    }
    world.close(orchard);
    let balcony = world.login("juliet/balcony");
    world.act(balcony, |client, now| client.deny(now, &bare("romeo")).expect("online"));
    world.close(balcony);
    // Nobody was there to be told; the roster says it.
    let orchard = world.login("romeo/orchard");
    assert_eq!(world.roster(orchard), ["juliet none"]);
    let balcony = world.login("juliet/balcony");
    assert!(!world.news(balcony).contains(&"romeo asks".into()));
}

#[test]
fn rfc6121_3_2_and_3_3_subscriptions_end_from_either_side() {
    for cancelled in [false, true] {
        let mut world = cast(12);
        let (orchard, balcony) = (world.login("romeo/orchard"), world.login("juliet/balcony"));
        world.forget_news();
        if cancelled {
            world.act(balcony, |client, now| client.deny(now, &bare("romeo")).expect("online"));
        } else {
            world.act(orchard, |client, now| client.unsubscribe(now, &bare("juliet")).expect("online"));
        }
        assert_eq!((world.roster(orchard), world.roster(balcony)).0[1], "juliet from");
        assert_eq!(world.roster(balcony), ["romeo to"]);
        assert!(!world.client(orchard).contacts().is_available(&jid("juliet")));
        let news = world.news(orchard);
        assert!(news.contains(&"presence juliet/balcony unavailable".into()), "{news:?}");
        // Her presence is no longer his business, his is still hers.
        world.forget_news();
        world.act(balcony, |client, now| client.set_presence(now, available()).expect("online"));
        world.act(orchard, |client, now| client.set_presence(now, available()).expect("online"));
        assert_eq!(world.news(orchard), ["presence romeo/orchard"]);
        assert_eq!(world.news(balcony), ["presence juliet/balcony", "presence romeo/orchard"]);
    }
}

#[test]
fn rfc6121_3_4_a_request_that_was_approved_in_advance_is_granted_at_once() {
    let mut world = World::new(13);
    let balcony = world.login("juliet/balcony");
    assert!(world.client(balcony).can_pre_approve());
    world.act(balcony, |client, now| client.pre_approve(now, &bare("romeo")).expect("online"));
    assert_eq!(world.roster(balcony), ["romeo none+approved"]);
    let orchard = world.login("romeo/orchard");
    world.forget_news();
    world.act(orchard, |client, now| client.subscribe(now, &bare("juliet"), None).expect("online"));
    assert_eq!(world.roster(orchard), ["juliet to"]);
    assert!(world.client(orchard).contacts().is_available(&jid("juliet")));
    let news = world.news(balcony);
    assert!(!news.contains(&"romeo asks".into()), "{news:?}");
    assert!(world.roster(balcony)[0].starts_with("romeo from"), "{:?}", world.roster(balcony));
}

#[test]
fn rfc6121_2_5_2_a_contact_that_is_removed_loses_sight() {
    let mut world = cast(14);
    let (orchard, balcony) = (world.login("romeo/orchard"), world.login("juliet/balcony"));
    let garden = world.login("romeo/garden");
    world.forget_news();
    world.request(orchard, RemoveItem(jid("juliet")));
    for client in [orchard, garden] {
        assert_eq!(world.roster(client), ["benvolio to", "mercutio from"]);
        assert!(!world.client(client).contacts().is_available(&jid("juliet")));
    }
    assert_eq!(world.roster(balcony), ["romeo none"]);
    assert!(!world.client(balcony).contacts().is_available(&jid("romeo")));
    assert_eq!((world.kept("romeo", "juliet"), world.kept("juliet", "romeo")), (None, Some((false, false))));
}

#[test]
fn rfc6121_2_6_a_client_that_kept_its_roster_gets_what_has_changed() {
    let mut world = cast(15);
    let orchard = world.login("romeo/orchard");
    for n in 0..20 {
        let item = SetItem(Item::new(jid(&format!("friend{n}"))));
        world.request(orchard, item);
    }
    let kept = world.client(orchard).roster().clone();
    let version = kept.version().expect("a version").to_owned();
    let kept = || Roster::cached(&version, kept.iter().cloned());
    world.close(orchard);
    // Nothing has changed.
    let orchard = world.connect("romeo/orchard");
    world.act(orchard, |client, now| client.fetch_roster(now, Some(kept())).expect("online"));
    assert_eq!(world.news(orchard), ["roster"]);
    assert_eq!(world.client(orchard).roster().len(), 23);
    // Elsewhere one is removed, one renamed, one is new.
    let garden = world.login("romeo/garden");
    world.request(garden, RemoveItem(jid("friend3")));
    for item in [Item::new(jid("friend7")).with_name("Seven"), Item::new(jid("latecomer"))] {
        world.request(garden, SetItem(item));
    }
    world.close(orchard);
    let orchard = world.connect("romeo/orchard");
    world.act(orchard, |client, now| client.fetch_roster(now, Some(kept())).expect("online"));
    let expected = ["roster", "item friend3 gone", "item friend7 none", "item latecomer none"];
    assert_eq!(world.news(orchard), expected);
    let (here, there) = (world.client(orchard).roster().clone(), world.client(garden).roster().clone());
    assert!(here.iter().eq(there.iter()));
    assert_eq!(here.version(), there.version());
}

#[test]
fn rfc6121_8_5_2_2_and_xep0160_messages_wait_with_the_time_at_which_they_came() {
    for (seed, network) in networks().into_iter().enumerate().take(2) {
        let mut world = cast(20 + seed as u64);
        world.simulation.set_conditions(network);
        let orchard = world.login("romeo/orchard");
        world.forget_news();
        for body in ["one", "two", "three ☃"] {
            world.say(orchard, "juliet", body);
            world.simulation.run_for(Duration::from_secs(3600));
        }
        let headline =
            Message::builder(Some(jid("juliet")), MessageType::Headline).body(None, "news").build();
        world.act(orchard, |client, now| client.send(now, headline).expect("online"));
        assert_eq!(world.news(orchard), [""; 0]);
        // Who does not want messages does not get them.
        let chamber = world.connect("juliet/chamber");
        let never = Presence::builder(PresenceType::Available).priority(-1).build();
        world.act(chamber, |client, now| client.set_presence(now, never).expect("online"));
        let news = world.news(chamber);
        assert!(!news.iter().any(|news| news.starts_with("message")), "{news:?}");
        let balcony = world.login("juliet/balcony");
        let news = world.news(balcony);
        let messages: Vec<_> = news.iter().filter(|news| news.starts_with("message")).collect();
        let expected = ["one", "two", "three ☃"].map(|body| format!("message romeo/orchard: {body}"));
        assert_eq!(messages, expected.iter().collect::<Vec<_>>());
        let side = &world.simulation[world.clients[balcony]].side;
        let times: Vec<_> = side
            .events()
            .filter_map(|event| match event {
                Event::Message(message) => side.machine.delay(message.element()),
                _ => None,
            })
            .map(|delay| delay.stamp.unix_millis() / 1000)
            .collect();
        assert_eq!(times.len(), 3);
        // The network takes its time.
        for pair in times.windows(2) {
            assert!((3595..=3605).contains(&(pair[1] - pair[0])), "{times:?}");
        }
        // Once.
        world.close(balcony);
        let balcony = world.login("juliet/balcony");
        assert!(!world.news(balcony).iter().any(|news| news.starts_with("message")));
    }
}

#[test]
fn rfc6121_4_5_2_whoever_loses_the_connection_is_shown_as_gone() {
    let mut world = cast(30);
    let (orchard, balcony) = (world.login("romeo/orchard"), world.login("juliet/balcony"));
    world.forget_news();
    world.simulation.cut(world.clients[orchard]);
    world.simulation.run_until_idle();
    assert_eq!(world.news(balcony), ["presence romeo/orchard unavailable"]);
    // What is sent to him now waits.
    world.say(balcony, "romeo", "Romeo?");
    assert_eq!(world.news(balcony), [""; 0]);
    let garden = world.login("romeo/garden");
    assert!(world.news(garden).contains(&"message juliet/balcony: Romeo?".into()));
    assert_eq!(world.news(balcony), ["presence romeo/garden"]);
}

#[test]
fn xep0280_the_other_sessions_see_both_sides_of_a_conversation() {
    let mut world = cast(31);
    let (orchard, balcony) = (world.login("romeo/orchard"), world.login("juliet/balcony"));
    let chamber = world.login("juliet/chamber");
    world.request(chamber, SetCarbons(true));
    world.forget_news();
    world.say(orchard, "juliet/balcony", "Wilt thou be gone?");
    world.say(balcony, "romeo/orchard", "It is not yet near day");
    assert_eq!(world.news(balcony), ["message romeo/orchard: Wilt thou be gone?"]);
    assert_eq!(world.news(orchard), ["message juliet/balcony: It is not yet near day"]);
    let copies = [
        "copy romeo/orchard > juliet/balcony: Wilt thou be gone?",
        "copy juliet/balcony > romeo/orchard: It is not yet near day",
    ];
    assert_eq!(world.news(chamber), copies);
}

#[test]
fn xep0191_whoever_is_blocked_sees_nobody_and_reaches_nobody() {
    let mut world = cast(32);
    let (orchard, balcony) = (world.login("romeo/orchard"), world.login("juliet/balcony"));
    world.act(balcony, |client, now| client.fetch_block_list(now).expect("online"));
    world.forget_news();
    let block = Block(vec![jid("romeo")]);
    world.request(balcony, block);
    let news = world.news(balcony);
    let blocked = format!("{:?}", Event::Blocking(BlockEvent::Blocked(vec![jid("romeo")])));
    assert!(news.contains(&blocked), "{news:?}");
    assert_eq!(world.news(orchard), ["presence juliet/balcony unavailable"]);
    world.say(orchard, "juliet", "O speak again");
    world.act(orchard, |client, now| client.set_presence(now, available()).expect("online"));
    assert_eq!(world.news(balcony), [""; 0]);
    let news = world.news(orchard);
    assert_eq!(news, ["message juliet: service-unavailable", "presence romeo/orchard"]);
}

#[test]
fn rfc6121_2_1_6_nobody_else_can_change_a_roster() {
    let mut world = cast(33);
    let (orchard, balcony) = (world.login("romeo/orchard"), world.login("juliet/balcony"));
    world.forget_news();
    let before = world.roster(balcony);
    let forged = roster::push(None, &Item::new(jid("mercutio")));
    // At her client, which would be told that it is a push; and at her account.
    for to in ["juliet/balcony", "juliet"] {
        let iq = Iq::set(Some(jid(to)), "forged", forged.clone());
        world.act(orchard, |client, now| client.send(now, iq).expect("online"));
    }
    assert_eq!(world.roster(balcony), before);
    let events = world.simulation[world.clients[balcony]].side.events();
    let ignored =
        events.filter(|event| matches!(event, Event::Ignored { reason: Ignored::ForgedRosterPush, .. }));
    assert_eq!(ignored.count(), 1);
    let answers = world.simulation[world.clients[orchard]].side.events();
    let conditions: Vec<_> = answers
        .filter_map(|event| match event {
            Event::StrayReply(iq) => iq.error().map(|error| error.condition().name().to_owned()),
            _ => None,
        })
        .collect();
    assert!(conditions.contains(&"forbidden".to_owned()), "{conditions:?}");
    assert_eq!(world.kept("juliet", "mercutio"), None);
}
