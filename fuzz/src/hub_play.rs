//! Operations of all kinds on one hub or two, with a store that is slow, refuses or dies, held against a [`Model`].
//!
//! Settings: bit 0 two shards; 1 limits are tight; 2 and 3 what becomes of resource conflicts; 4 messages to the bare address go
//! to all resources; 5 messages to nobody are ignored; 6 no federation; 7 in-band registration; 8 the store waits for orders;
//! 9 so do envelopes between shards; 10 and 11 what strangers may send; 12 contacts know each other already; 13 the play is
//! played twice, and must give the same.
//!
//! After each operation: outputs are for sessions that are there; nobody gets anything twice or out of order; no message is both
//! delivered and refused; a deadline that has come moves. At the end, with a store that works again: no message and no request
//! has disappeared without a word; clients know their rosters as the store has them; if nothing has failed, both sides of
//! a subscription agree, and everybody sees who is there and may be seen. Where stanzas are acknowledged (XEP-0198), what a client
//! has not had when its connection breaks comes again, to it or to whoever has a right to it then.

mod around;
mod clients;
mod model;
mod outputs;
mod streams;

use crate::ops::{Op, Ops};
use crate::shelf::{self, PATIENCE, Shelf};
use crate::{bit, duration, login, start};
use model::{Books, Model};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
use waxwing_core::jid::BareJid;
use waxwing_core::machine::{Deadline, Entropy, Instant, Now};
use waxwing_core::sasl::Password;
use waxwing_core::server::hub::{
    BareDelivery, Config, ConflictPolicy, Envelope, Hub, Limits, LookupId, Registration, RegistrationId,
    SessionId, Strangers, UnknownUsers, shard_of,
};
use waxwing_core::server::store::{Contact, Delta, Record, StoreError};
use waxwing_core::stanza::Stanza;
use waxwing_core::xml::Limits as XmlLimits;

/// What happens: see [`Play::perform`].
const LETTERS: &[u8] = b"bxvumirspkcaewflqtdoOghjJzEABVRnI";
const DOMAIN: &str = "example.com";
/// Who has an account; the last one has none in the beginning.
const ACCOUNTS: [&str; 5] = ["a", "b", "c", "d", "e"];
/// Clients that there may be: each account but the last has two.
const SLOTS: usize = 8;
/// Somebody of another domain.
const STRANGER: &str = "u@example.net/x";
const XML: XmlLimits = XmlLimits { max_bytes: 65_536, max_depth: 16, max_attributes: 32 };

/// Plays the script.
pub fn play(script: &Ops) {
    let first = Play::new(script.settings).play(&script.ops);
    if bit(script.settings, 13) {
        let second = Play::new(script.settings).play(&script.ops);
        assert_eq!(first.log, second.log, "played again");
    }
}

/// Hubs, their store, and what is known of them.
struct Play {
    settings: [u8; 2],
    hubs: Vec<Hub>,
    now: Now,
    shelf: Shelf,
    model: Model,
    /// What is on its way from one shard to another, by both.
    envelopes: BTreeMap<(u32, u32), VecDeque<Envelope>>,
    abroad: VecDeque<Stanza>,
    store_waits: bool,
    carrier_waits: bool,
    /// Who is bound in which place.
    slots: [Option<SessionId>; SLOTS],
    /// Who wants to go on with which session, and how many stanzas he has had that he did not acknowledge.
    resuming: BTreeMap<SessionId, (usize, SessionId, usize)>,
    serial: u64,
    /// Orders, look-ups and registrations that have not been answered.
    open: BTreeSet<(char, u64)>,
    /// When sessions that wait for their client are given up.
    until: BTreeMap<SessionId, Instant>,
    /// Accounts that have been removed, and perhaps made again.
    removed: BTreeSet<BareJid>,
    /// Orders to remove an account.
    leaving: BTreeMap<u64, BareJid>,
    crashes: u8,
    log: Vec<String>,
}

fn account(number: usize) -> BareJid {
    BareJid::new(&format!("{}@{DOMAIN}", ACCOUNTS[number % ACCOUNTS.len()])).expect("an address")
}

fn config(settings: [u8; 2], shard: u32) -> Config {
    let mut config = Config::new(BareJid::new(DOMAIN).expect("an address"));
    (config.shard, config.shards) = (shard, 1 + u32::from(bit(settings, 0)));
    config.limits.store_timeout = PATIENCE;
    if bit(settings, 1) {
        config.limits = Limits {
            sessions_per_account: 1,
            directed_per_session: 2,
            recipients_per_session: 4,
            broadcasts_per_session: 4,
            requests_per_account: 1,
            contacts_per_roster: 2,
            waiting_per_account: 2,
            waiting: 4,
            store_requests: 4,
            offline_messages: 3,
            idle_accounts: 1,
            absent_accounts: 0,
            unacknowledged: 4,
            held_back: 2,
            evict_after: Duration::from_secs(5),
            ..config.limits
        };
    }
    config.conflict = match (bit(settings, 2), bit(settings, 3)) {
        (false, _) => ConflictPolicy::Replace,
        (true, false) => ConflictPolicy::Refuse,
        (true, true) => ConflictPolicy::Generate,
    };
    if bit(settings, 4) {
        config.to_bare = BareDelivery::NonNegative;
    }
    if bit(settings, 5) {
        config.unknown_users = UnknownUsers::Ignore;
    }
    config.federation = !bit(settings, 6);
    if bit(settings, 7) {
        config.registration = Some(Registration::default()).map(|mut registration| {
            (registration.iterations, registration.every) = (1, Duration::from_secs(1));
            registration
        });
    }
    config.strangers = match (bit(settings, 10), bit(settings, 11)) {
        (false, _) => Strangers::Allow,
        (true, false) => Strangers::Short { bytes: 3 },
        (true, true) => Strangers::Refuse,
    };
    config
}

impl Play {
    fn new(settings: [u8; 2]) -> Play {
        let mut shelf = Shelf::default();
        for number in 0..ACCOUNTS.len() - 1 {
            let mut record = Record::new(login());
            if bit(settings, 12) {
                let others = (0..ACCOUNTS.len() - 1).filter(|other| *other != number);
                for (version, other) in (1u64..).zip(others) {
                    let contact = Contact { to: true, from: true, version, ..Contact::default() };
                    record.apply(Delta::Contact { jid: account(other), contact });
                }
            }
            shelf.store.insert(account(number), record);
        }
        let mut play = Play {
            settings,
            hubs: Vec::new(),
            now: start(),
            shelf,
            model: Model::default(),
            envelopes: BTreeMap::new(),
            abroad: VecDeque::new(),
            store_waits: bit(settings, 8),
            carrier_waits: bit(settings, 9),
            slots: [None; SLOTS],
            resuming: BTreeMap::new(),
            serial: 0,
            open: BTreeSet::new(),
            until: BTreeMap::new(),
            removed: BTreeSet::new(),
            leaving: BTreeMap::new(),
            crashes: 0,
            log: Vec::new(),
        };
        // Where something is refused for want of room, or of trust, not everything can work.
        play.model.is_troubled = bit(settings, 1) || bit(settings, 10);
        play.boot();
        play
    }

    fn boot(&mut self) {
        let shards = 1 + u32::from(bit(self.settings, 0));
        let hub = |shard: u32| {
            let seed = [self.settings[1] ^ shard as u8 ^ self.crashes.wrapping_mul(16); 32];
            Hub::new(config(self.settings, shard), Entropy::from_seed(seed))
        };
        self.hubs = (0..shards).map(hub).collect();
    }

    fn play(mut self, ops: &[Op]) -> Play {
        for op in ops {
            self.perform(*op);
            self.settle();
        }
        self.finish();
        self
    }

    /// The hub that an account belongs to.
    fn hub(&mut self, account: &BareJid) -> &mut Hub {
        let shard = shard_of(account, self.hubs.len() as u32) as usize;
        &mut self.hubs[shard]
    }

    fn next(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    fn perform(&mut self, op: Op) {
        let (now, slot) = (self.now, usize::from(op.a) % SLOTS);
        match op.letter(LETTERS) {
            b'b' => self.bind(slot, op),
            b'x' => self.leave(slot),
            b'v' => {
                self.send(
                    slot,
                    &format!("<presence><priority>{}</priority></presence>", i32::from(op.b % 4) - 1),
                );
                // Others learn of it again.
                let id = self.slots[slot];
                let session = id.and_then(|id| self.model.sessions.get_mut(&id));
                session.into_iter().for_each(|session| session.is_available = true);
            }
            b'u' => {
                let id = self.slots[slot];
                let session = id.and_then(|id| self.model.sessions.get_mut(&id));
                session.into_iter().for_each(|session| session.is_available = false);
                self.send(slot, "<presence type='unavailable'/>");
                self.settle();
                let session = id.and_then(|id| self.model.sessions.get_mut(&id));
                session.into_iter().for_each(|session| session.sees.clear());
            }
            b'm' => self.send_message(Some(slot), op),
            b'i' => self.request(slot, op),
            b'r' => self.roster(slot, op),
            b's' => {
                let kind = ["subscribe", "subscribed", "unsubscribe", "unsubscribed"];
                let (kind, to) = (kind[usize::from(op.variant(4))], self.target(op));
                self.send(slot, &format!("<presence type='{kind}' to='{to}'/>"));
            }
            b'p' => {
                self.model.is_muddled = true;
                let kind = ["", "type='unavailable'", "type='probe'", "type='error'"];
                let (kind, to) = (kind[usize::from(op.variant(4))], self.target(op));
                self.send(slot, &format!("<presence {kind} to='{to}'/>"));
            }
            b'k' => self.block(slot, op),
            b'c' => {
                let switch = if op.b.is_multiple_of(2) { "enable" } else { "disable" };
                self.ask(slot, "set", "", &format!("<{switch} xmlns='urn:xmpp:carbons:2'/>"));
            }
            b'a' => self.answer_request(slot, op),
            b'e' => {
                for _ in 0..=op.b % 4 {
                    self.answer(op.a);
                    self.drain();
                }
            }
            b'w' => self.shelf.execute(op.a),
            b'f' => {
                let error = match op.b % 2 {
                    0 => StoreError::Busy,
                    _ => StoreError::Unavailable("disk full".into()),
                };
                self.model.is_troubled = true;
                if let Some((reply, doubt)) = self.shelf.refuse(op.a, error) {
                    self.doubt(&doubt);
                    self.hubs[reply.id().shard as usize].store_reply(now, reply);
                }
            }
            b'l' => {
                self.model.is_troubled |= self.shelf.len() > 0;
                let doubt = self.shelf.lose(op.a, op.b.is_multiple_of(2));
                self.doubt(&doubt);
            }
            b'q' => self.store_waits = !self.store_waits,
            b't' => self.wait(duration(op.a)),
            b'd' => {
                if let Some(deadline) = self.deadline() {
                    self.wait(deadline.at - self.now.instant);
                }
            }
            b'o' => self.carry(op.a),
            b'O' => self.carrier_waits = !self.carrier_waits,
            b'g' => self.administer(op),
            b'h' => {
                let (id, account) = (self.next(), account(usize::from(op.a)));
                self.open.insert(('h', id));
                self.hub(&account).lookup(now, LookupId(id), account);
            }
            b'j' => self.hear_from_abroad(op),
            b'J' => self.fail_abroad(op),
            b'z' => self.crash(op),
            b'E' => self.enable(slot, op),
            b'A' => self.acknowledge(slot, op),
            b'B' => self.break_off(slot),
            b'V' => self.resume(slot, op),
            b'I' => self.change_state(slot, op.b),
            b'R' => {
                if let Some(connection) = self.connection(slot) {
                    self.hub(&account(slot % 4)).acknowledgement_requested(now, connection);
                }
            }
            _ => {
                let (id, account) = (self.next(), account(usize::from(op.a)));
                self.open.insert(('n', id));
                let password = Password::new("secret");
                self.hub(&account).register(now, RegistrationId(id), account, password);
            }
        }
    }

    /// Who is addressed: accounts, somebody elsewhere, the domain, nobody, and then clients.
    fn target(&self, op: Op) -> String {
        match op.target() {
            number @ 0..=4 => account(number).to_string(),
            5 => STRANGER.to_owned(),
            6 => DOMAIN.to_owned(),
            7 => format!("{}/gone", account(usize::from(op.a / 8))),
            other => address(other - 8),
        }
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now.after(time);
        while let Some(doubt) = self.shelf.become_late(self.now) {
            self.model.is_troubled = true;
            self.doubt(&doubt);
        }
        self.tick();
    }

    fn tick(&mut self) {
        for hub in &mut self.hubs {
            hub.tick(self.now);
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        self.hubs.iter().map(Hub::deadline).fold(None, Deadline::earlier)
    }

    fn answer(&mut self, which: u8) {
        if let Some(reply) = self.shelf.answer(which) {
            let now = self.now;
            self.hubs[reply.id().shard as usize].store_reply(now, reply);
        }
    }

    fn carry(&mut self, which: u8) {
        let ways: Vec<(u32, u32)> =
            self.envelopes.iter().filter(|(_, all)| !all.is_empty()).map(|(way, _)| *way).collect();
        let Some(way) = usize::from(which).checked_rem(ways.len()).and_then(|index| ways.get(index)) else {
            return;
        };
        if let Some(envelope) = self.envelopes.get_mut(way).and_then(VecDeque::pop_front) {
            self.hubs[way.1 as usize].envelope(self.now, envelope);
        }
    }

    /// After each operation: all is done that can be, and no deadline is left behind.
    fn settle(&mut self) {
        self.drain();
        for _ in 0..16 {
            match self.deadline() {
                Some(deadline) if deadline.at <= self.now.instant => self.tick(),
                _ => break,
            }
            self.drain();
        }
        let deadline = self.deadline();
        assert!(deadline.is_none_or(|it| it.at > self.now.instant), "ticking does not move {deadline:?}");
    }

    /// The store works, nothing is on its way, and time passes until nobody waits for anything.
    fn calm(&mut self) {
        (self.store_waits, self.carrier_waits) = (false, false);
        self.settle();
        for _ in 0..200 {
            for slot in 0..SLOTS {
                self.change_state(slot, 0);
                self.drain();
                self.acknowledge(slot, Op { what: b'A', a: 0, b: 15 });
                self.drain();
            }
            let mut live = self.model.sessions.values().filter(|session| session.connection.is_some());
            let is_done = live.all(|live| live.books.as_ref().is_none_or(|books| books.items.is_empty()));
            match self.deadline() {
                Some(deadline) => self.wait(deadline.at - self.now.instant),
                None if is_done => return self.forget(),
                None => {}
            }
            self.settle();
        }
        panic!("it does not come to rest");
    }

    /// Sessions whose clients have not come back are over.
    fn forget(&mut self) {
        for slot in &mut self.slots {
            let session = slot.and_then(|id| self.model.sessions.get(&id));
            if let Some(id) = slot.filter(|_| session.is_some_and(|session| session.connection.is_none())) {
                self.model.end(id);
                *slot = None;
            }
        }
    }

    fn finish(&mut self) {
        self.calm();
        assert!(self.open.is_empty(), "not answered: {:?}", self.open);
        assert!(self.model.binding.is_empty(), "neither bound nor refused: {:?}", self.model.binding);
        for slot in 0..SLOTS {
            self.perform(Op { what: b'R', a: slot as u8, b: 0 });
            self.drain();
        }
        let books = self.model.sessions.values().filter_map(|session| session.books.as_ref());
        books.for_each(|books| assert!(books.unhandled.is_empty(), "never handled: {:?}", books.unhandled));
        let accounts: Vec<BareJid> = (0..ACCOUNTS.len()).map(account).collect();
        self.model.check_losses(&self.kept(&accounts));
        let store = self.shelf.store.clone();
        let record = |account: &BareJid| store.get(account).cloned();
        self.model.check_rosters(record);
        self.model.check_agreement(record, &accounts);

        // Whoever comes back gets all that was kept.
        for slot in 0..SLOTS {
            self.leave(slot);
            self.drain();
        }
        self.calm();
        for slot in 0..4 {
            self.bind(slot, Op { what: b'b', a: slot as u8, b: 2 });
            self.settle();
            self.send(slot, "<presence/>");
            self.settle();
        }
        self.calm();
        let lacking = self.slots[..4].iter().zip(0..).filter(|(slot, _)| slot.is_none());
        let lacking: Vec<BareJid> = lacking.map(|(_, number)| account(number)).collect();
        assert!(
            lacking.iter().all(|lacking| self.shelf.store.get(lacking).is_none()),
            "{lacking:?} are locked out"
        );
        // The last account has no clients.
        let kept = self.kept(&accounts[..4]);
        assert!(kept.is_empty(), "kept for ever: {kept:?}");
    }

    /// The ids of all messages that are kept for some accounts.
    fn kept(&self, accounts: &[BareJid]) -> BTreeSet<String> {
        accounts
            .iter()
            .flat_map(|account| self.shelf.kept(account.as_str()))
            .filter_map(|kept| shelf::id(&kept))
            .collect()
    }
}

/// The address of a client, if it got what it asked for.
fn address(slot: usize) -> String {
    format!("{}/r{}", account(slot % 4), slot / 4)
}

fn stanza(xml: &str) -> Stanza {
    let end = xml.find([' ', '>', '/']).unwrap_or(xml.len());
    let (name, rest) = xml.split_at(end);
    let xml = format!("{name} xmlns='jabber:client'{rest}");
    let element = waxwing_core::xml::Element::parse(xml.as_bytes(), XML).expect("well-formed");
    Stanza::parse(element).expect("a stanza")
}

/// The server says how many of a client's stanzas it has handled.
fn handled(books: &mut Books, h: u32) {
    let more = h.wrapping_sub(books.handled) as usize;
    assert!(more <= books.unhandled.len(), "{more} more than were sent have been handled");
    books.unhandled.drain(..more);
    books.handled = h;
}
