//! Our client at our server over connections that break (XEP-0198): nothing is lost, and nothing comes twice.

use std::collections::BTreeMap;
use std::time::Duration;
use waxwing_core::client::{Client, Config, Event, Management, Saved, StanzaHandle, TlsMode};
use waxwing_core::jid::Jid;
use waxwing_core::machine::{Entropy, Machine};
use waxwing_core::sasl::Credentials;
use waxwing_core::server::connection::Transport;
use waxwing_core::stanza::{Message, Presence, PresenceType};
use waxwing_tests::{Account, Simulation};

const DOMAIN: &str = "im.example.com";

/// Two people, and the connections that each has had; the last one counts.
struct World {
    simulation: Simulation<Client>,
    people: Vec<Person>,
}

struct Person {
    name: &'static str,
    /// The numbers of its connections in the simulation.
    connections: Vec<usize>,
    /// What it has heard, in order.
    heard: Vec<String>,
    /// What has become of what it said.
    handles: BTreeMap<StanzaHandle, Vec<&'static str>>,
    said: u32,
    /// Events of the last connection that have been looked at.
    seen: usize,
    resumed: u32,
    online: u32,
}

fn config(name: &str) -> Config {
    let account = Account::new(name, DOMAIN);
    let mut config = Config::new(account.jid().into(), TlsMode::Plaintext);
    config.policy.min_iterations = 1;
    config.management = Management::Resume { max: None };
    config.credentials = Some(Credentials::Password { username: account.local, password: account.password });
    config
}

impl World {
    fn new(seed: u64) -> World {
        let mut simulation = Simulation::new(seed, DOMAIN);
        for name in ["juliet", "romeo"] {
            simulation.add_account(&Account::new(name, DOMAIN));
        }
        let mut world = World { simulation, people: Vec::new() };
        for name in ["juliet", "romeo"] {
            let client = world.client(config(name));
            let connection = world.simulation.connect(client, Transport::Plain);
            world.people.push(Person {
                name,
                connections: vec![connection],
                heard: Vec::new(),
                handles: BTreeMap::new(),
                said: 0,
                seen: 0,
                resumed: 0,
                online: 0,
            });
        }
        world.simulation.run_until_idle();
        for person in 0..2 {
            let presence = Presence::builder(PresenceType::Available).build();
            let now = world.simulation.now();
            world.machine(person).set_presence(now, presence).expect("online");
        }
        world.simulation.run_until_idle();
        world.look();
        world
    }

    fn client(&mut self, config: Config) -> Client {
        let entropy: Entropy = self.simulation.random().entropy();
        Client::new(config, self.simulation.now(), entropy)
    }

    fn connection(&self, person: usize) -> usize {
        *self.people[person].connections.last().expect("there is one")
    }

    fn machine(&mut self, person: usize) -> &mut Client {
        let connection = self.connection(person);
        &mut self.simulation[connection].side.machine
    }

    fn say(&mut self, person: usize) {
        let to = Jid::new(&format!("{}@{DOMAIN}", self.people[1 - person].name)).expect("an address");
        let body = self.people[person].said.to_string();
        let now = self.simulation.now();
        let handle = self.machine(person).send(now, Message::chat(to, &body)).expect("there is room");
        self.people[person].said += 1;
        self.people[person].handles.insert(handle, Vec::new());
    }

    /// Reads what has happened.
    fn look(&mut self) {
        for person in 0..2 {
            let connection = self.connection(person);
            let events: Vec<Event> =
                self.simulation[connection].side.events().skip(self.people[person].seen).cloned().collect();
            self.people[person].seen += events.len();
            for event in events {
                self.people[person].on_event(event);
            }
        }
    }

    /// The connection breaks, and there is another.
    fn cut(&mut self, person: usize) {
        let connection = self.connection(person);
        self.simulation.cut(connection);
        self.simulation.run_for(Duration::ZERO);
        self.look();
        let stand_in = self.client(config("romeo"));
        let mut client = std::mem::replace(self.machine(person), stand_in);
        client.reconnect(self.simulation.now(), TlsMode::Plaintext).expect("interrupted");
        self.attach(person, client);
    }

    /// The process dies, and another goes on with what the old one had written down.
    fn restart(&mut self, person: usize) {
        self.look();
        let saved = self.machine(person).save().expect("resumable").to_bytes();
        let connection = self.connection(person);
        self.simulation.cut(connection);
        self.simulation.run_for(Duration::ZERO);
        let mut config = config(self.people[person].name);
        config.resume = Some(Saved::from_bytes(&saved).expect("what was saved"));
        let client = self.client(config);
        self.attach(person, client);
    }

    fn attach(&mut self, person: usize, client: Client) {
        let connection = self.simulation.connect(client, Transport::Plain);
        self.people[person].connections.push(connection);
        self.people[person].seen = 0;
    }

    /// Everything has come, once and in order, and every handle has ended well.
    fn judge(&mut self) {
        self.simulation.run_for(Duration::from_secs(60));
        self.look();
        for person in 0..2 {
            let said = self.people[1 - person].said;
            let expected: Vec<String> = (0..said).map(|n| n.to_string()).collect();
            assert_eq!(self.people[person].heard, expected, "what {} has heard", self.people[person].name);
            for (handle, fate) in &self.people[person].handles {
                assert_eq!(fate.last(), Some(&"acknowledged"), "{handle:?}");
                assert_eq!(fate.iter().filter(|what| **what == "acknowledged").count(), 1, "{handle:?}");
                assert!(fate.iter().filter(|what| **what == "sent").count() <= 1, "{handle:?}");
            }
        }
    }
}

impl Person {
    fn on_event(&mut self, event: Event) {
        match event {
            Event::Message(message) => self.heard.extend(message.body(None).map(|body| body.into_owned())),
            Event::Sent(handle) => {
                self.handles.entry(handle).and_modify(|fate| fate.push("sent"));
            }
            Event::Acknowledged(handle) => {
                self.handles.entry(handle).and_modify(|fate| fate.push("acknowledged"));
            }
            Event::Resumed(_) => self.resumed += 1,
            Event::Online(_) => self.online += 1,
            Event::Unsent { .. } | Event::Unacknowledged { .. } | Event::Closed(_) => panic!("{event:?}"),
            _ => {}
        }
    }
}

#[test]
fn xep0198_5_connections_that_break_lose_and_repeat_nothing() {
    let (mut resumed, mut said) = (0, 0);
    for seed in 0..4 {
        let mut world = World::new(seed);
        for _ in 0..150 {
            match world.simulation.random().below(12) {
                0 => world.cut(0),
                1 => world.cut(1),
                2 => world.simulation.run_until_idle(),
                3 => world.simulation.run_for(Duration::from_millis(700)),
                n => world.say(n % 2),
            }
            world.look();
        }
        world.judge();
        resumed += world.people.iter().map(|person| person.resumed).sum::<u32>();
        said += world.people.iter().map(|person| person.said).sum::<u32>();
        assert!(world.people.iter().all(|person| person.online == 1), "there was one session all along");
    }
    assert!(resumed > 30 && said > 300, "{resumed} {said}");
}

#[test]
fn xep0198_5_processes_that_die_and_come_back_lose_and_repeat_nothing() {
    for seed in 100..104 {
        let mut world = World::new(seed);
        for _ in 0..100 {
            match world.simulation.random().below(12) {
                0 => world.restart(0),
                1 => world.restart(1),
                2 => world.simulation.run_until_idle(),
                n => world.say(n % 2),
            }
            world.look();
        }
        world.judge();
    }
}

#[test]
fn xep0198_5_a_session_that_has_died_in_the_meantime_is_followed_by_another() {
    let mut world = World::new(7);
    world.say(0);
    world.simulation.run_until_idle();
    let connection = world.connection(0);
    world.simulation.cut(connection);
    world.simulation.run_for(Duration::ZERO);
    world.look();
    world.say(0);
    // Longer than any server waits.
    world.simulation.run_for(Duration::from_secs(3 * 86_400));
    world.cut(0);
    world.simulation.run_until_idle();
    world.look();
    assert_eq!((world.people[0].online, world.people[0].resumed), (2, 0));
    assert!(world.machine(0).can_resume());
    world.judge();
    assert!(world.machine(0).deadline().is_some());
}
