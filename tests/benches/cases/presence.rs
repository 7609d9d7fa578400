//! What presence costs a hub: 10,000 accounts, each with 50 contacts who see each other's.

use super::{Group, Meter, Work};
use waxwing_core::jid::BareJid;
use waxwing_core::sasl::StoredCredentials;
use waxwing_core::server::hub::{self, BindRequest, Hub, Output, SessionId};
use waxwing_core::server::store::{Contact, Delta, MemoryStore, Record};
use waxwing_core::stanza::{Presence, PresenceType, Show, Stanza};
use waxwing_tests::{Clock, Random};

const ACCOUNTS: usize = 10_000;
/// An even number: half of them on either side.
const CONTACTS: usize = 50;

pub(crate) fn groups() -> Vec<Group> {
    let cases = [("none of them online", 1), ("all of them online", CONTACTS + 1)];
    let mut broadcast = Group::new("presence broadcast to 50 contacts");
    let mut initial = Group::new("presence of a user who goes and comes, 50 contacts");
    for (name, online) in cases {
        broadcast = broadcast.with_work(name, true, move || {
            let mut world = World::new(online);
            Box::new(move |meter: &mut Meter<'_>, times| world.change(meter, times)) as Work
        });
        initial = initial.with_work(name, true, move || {
            let mut world = World::new(online);
            Box::new(move |meter: &mut Meter<'_>, times| world.come_and_go(meter, times)) as Work
        });
    }
    vec![broadcast, initial]
}

struct World {
    hub: Hub,
    store: MemoryStore,
    clock: Clock,
    delivered: usize,
}

impl World {
    /// So many sessions are online, in the middle of which is the one that is measured: number 0.
    fn new(online: usize) -> World {
        let mut random = Random::new(1);
        let domain: BareJid = "im.example.com".parse().expect("a domain");
        let mut store = MemoryStore::new();
        for number in 0..ACCOUNTS {
            store.insert(account(number), record(number));
        }
        let mut config = hub::Config::new(domain);
        config.limits.broadcasts_per_session = usize::MAX;
        let hub = Hub::new(config, random.entropy());
        let mut world = World { hub, store, clock: Clock::new(), delivered: 0 };
        for number in 0..online {
            world.bind(around(number));
            world.send(around(number), PresenceType::Available);
        }
        world
    }

    fn change(&mut self, meter: &mut Meter<'_>, times: u32) {
        meter.run(|| (0..times).for_each(|_| self.send(0, PresenceType::Available)));
    }

    fn come_and_go(&mut self, meter: &mut Meter<'_>, times: u32) {
        meter.run(|| {
            for _ in 0..times {
                self.send(0, PresenceType::Unavailable);
                self.send(0, PresenceType::Available);
            }
        });
    }

    fn bind(&mut self, number: usize) {
        let id = SessionId(number as u64);
        self.hub.bind(self.clock.now(), id, account(number), BindRequest::resource("resource"));
        self.drain();
    }

    fn send(&mut self, number: usize, kind: PresenceType) {
        let presence = Presence::builder(kind).show(Show::Away).status(None, "Back in half an hour").build();
        self.hub.stanza(self.clock.now(), SessionId(number as u64), Stanza::Presence(presence));
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Store(request) => {
                    let reply = self.store.execute(request);
                    self.hub.store_reply(self.clock.now(), reply);
                }
                Output::Deliver { .. } => self.delivered += 1,
                _ => {}
            }
        }
    }
}

fn account(number: usize) -> BareJid {
    format!("user{number:06}@im.example.com").parse().expect("an address")
}

/// Account 0, then its contacts: 1 behind, 1 ahead, 2 behind ...
fn around(number: usize) -> usize {
    let distance = number.div_ceil(2);
    if number.is_multiple_of(2) { distance } else { ACCOUNTS - distance }
}

fn record(number: usize) -> Record {
    let mut record = Record::new(StoredCredentials::default());
    for version in 1..=CONTACTS {
        let jid = account((number + around(version)) % ACCOUNTS);
        let contact = Contact { to: true, from: true, version: version as u64, ..Contact::default() };
        record.apply(Delta::Contact { jid, contact });
    }
    record
}
