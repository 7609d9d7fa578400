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

mod model;

use crate::ops::{Op, Ops};
use crate::shelf::{self, Doubt, PATIENCE, Shelf};
use crate::{bit, duration, login, start};
use model::{Asked, Books, Model, Sent, Session, number};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
use waxwing_core::jid::{BareJid, Jid};
use waxwing_core::machine::{Deadline, Entropy, Now};
use waxwing_core::sasl::{Password, StoredCredentials};
use waxwing_core::server::hub::{
    AdminId, BareDelivery, BindRequest, Config, ConflictPolicy, Enable, Envelope, Hub, Limits, LookupId,
    Output, Registration, RegistrationId, SessionId, Strangers, UnknownUsers, shard_of,
};
use waxwing_core::server::store::{Contact, Delta, Record, StoreError};
use waxwing_core::stanza::{Condition, MessageType, Stanza, StanzaError};
use waxwing_core::xml::Limits as XmlLimits;

/// What happens: see [`Play::perform`].
const LETTERS: &[u8] = b"bxvumirspkcaewflqtdoOghjJzEABVRn";
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

    fn bind(&mut self, slot: usize, op: Op) {
        if self.slots[slot].is_some() {
            return;
        }
        let (id, account) = (SessionId(self.next()), account(slot % 4));
        let request = match op.b % 4 {
            0 => BindRequest::default(),
            // That of the other client.
            1 => BindRequest::resource(format!("r{}", 1 - slot / 4)),
            _ => BindRequest::resource(format!("r{}", slot / 4)),
        };
        self.slots[slot] = Some(id);
        self.model.binding.insert(id, slot);
        let now = self.now;
        self.hub(&account).bind(now, id, account, request);
    }

    fn leave(&mut self, slot: usize) {
        let Some(id) = self.slots[slot].take() else { return };
        let connection = self.model.sessions.get(&id).map_or(Some(id), |session| session.connection);
        self.model.binding.remove(&id);
        self.model.end(id);
        let (now, account) = (self.now, account(slot % 4));
        if let Some(connection) = connection {
            self.hub(&account).session_gone(now, connection);
        }
    }

    /// The connection of a client that is bound.
    fn connection(&self, slot: usize) -> Option<SessionId> {
        self.model.sessions.get(&self.slots[slot]?)?.connection
    }

    /// A client sends a stanza, if there is one.
    fn send(&mut self, slot: usize, xml: &str) {
        self.send_stanza(slot, stanza(xml));
    }

    fn send_stanza(&mut self, slot: usize, stanza: Stanza) {
        let Some(connection) = self.connection(slot) else { return };
        let (now, account) = (self.now, account(slot % 4));
        let session = self.slots[slot].and_then(|id| self.model.sessions.get_mut(&id));
        if let Some(books) = session.and_then(|session| session.books.as_mut()) {
            books.unhandled.push_back(stanza.clone());
        }
        self.hub(&account).stanza(now, connection, stanza);
    }

    fn enable(&mut self, slot: usize, op: Op) {
        let Some(connection) = self.connection(slot) else { return };
        let (now, account) = (self.now, account(slot % 4));
        let enable = Enable { resume: !op.b.is_multiple_of(4), max: (op.b % 4 > 1).then_some(30) };
        self.hub(&account).enable(now, connection, enable);
    }

    /// A client says how much of what it was sent it has, or, seldom, what cannot be.
    fn acknowledge(&mut self, slot: usize, op: Op) {
        let Some(connection) = self.connection(slot) else { return };
        let (now, account) = (self.now, account(slot % 4));
        let session = self.slots[slot].and_then(|id| self.model.sessions.get_mut(&id));
        let Some(books) = session.and_then(|session| session.books.as_mut()) else { return };
        let had = match op.b {
            255 => books.items.len() + 1,
            b if b % 16 == 15 => books.items.len(),
            b => usize::from(b % 16).min(books.items.len()),
        };
        let h = books.acknowledged.wrapping_add(had as u32);
        if had <= books.items.len() {
            books.items.drain(..had);
            books.acknowledged = h;
        }
        self.hub(&account).acknowledged(now, connection, h);
    }

    /// The connection of a client breaks.
    fn break_off(&mut self, slot: usize) {
        let (Some(id), Some(connection)) = (self.slots[slot], self.connection(slot)) else { return };
        let session = self.model.sessions.get(&id).and_then(|session| session.books.as_ref());
        if session.is_some_and(|books| books.id.is_some()) {
            self.model.detach(id);
        } else {
            self.model.end(id);
            self.slots[slot] = None;
        }
        let (now, account) = (self.now, account(slot % 4));
        self.hub(&account).session_broken(now, connection);
    }

    /// A client comes back over another connection; or somebody else tries to.
    fn resume(&mut self, slot: usize, op: Op) {
        let Some(id) = self.slots[slot] else { return };
        let session = self.model.sessions.get(&id).and_then(|session| session.books.as_ref());
        let Some(books) = session.filter(|books| books.id.is_some()) else { return };
        let had = usize::from(op.b % 16).min(books.items.len());
        let (h, previd) = (books.acknowledged.wrapping_add(had as u32), books.id.clone().unwrap_or_default());
        let connection = SessionId(self.next());
        let (now, own) = (self.now, account(slot % 4));
        match op.b / 16 {
            // One of another account has seen the id.
            14 => {
                let other = account(slot % 4 + 1);
                self.hub(&other).resume(now, connection, &other, previd, h);
            }
            15 => self.hub(&own).resume(now, connection, &own, format!("{previd}x"), h),
            _ => {
                self.resuming.insert(connection, (slot, id, had));
                self.hub(&own).resume(now, connection, &own, previd, h);
            }
        }
    }

    fn resumed(&mut self, connection: SessionId, jid: &Jid, h: u32) {
        let Some((slot, id, had)) = self.resuming.remove(&connection) else {
            panic!("somebody else has resumed the session of {jid}");
        };
        if self.model.sessions[&id].connection.is_some() {
            panic!("{jid} has two connections");
        }
        self.model.attach(id, connection, had);
        let session = self.model.sessions.get_mut(&id).expect("it has been looked up");
        assert_eq!(session.jid, *jid);
        let books = session.books.as_mut().expect("it has been looked up");
        handled(books, h);
        // The client sends again what the server has not had.
        let again = std::mem::take(&mut books.unhandled);
        again.into_iter().for_each(|stanza| self.send_stanza(slot, stanza));
    }

    fn not_resumed(&mut self, connection: SessionId) {
        let Some((slot, id, _)) = self.resuming.remove(&connection) else { return };
        let is_gone = self.model.sessions.get(&id).is_some_and(|session| session.connection.is_none());
        assert!(is_gone, "a session that is there can be resumed");
        self.model.end(id);
        self.slots[slot] = None;
    }

    fn send_message(&mut self, slot: Option<usize>, op: Op) {
        let session = match slot {
            Some(slot) if self.connection(slot).is_none() => return,
            Some(slot) => match self.slots[slot].and_then(|id| Some((id, self.model.sessions.get(&id)?))) {
                Some((id, session)) => (Some(id), session.jid.to_string()),
                None => return,
            },
            None => (None, STRANGER.to_owned()),
        };
        let number = self.model.messages.len();
        let body = format!("<body>{number:04}</body>");
        let (kind, inner, matters) = match op.variant(8) {
            0 | 3 => ("chat", body, true),
            1 => ("normal", body, true),
            2 => ("groupchat", body, true),
            4 => ("headline", body, false),
            5 => ("chat", "<composing xmlns='http://jabber.org/protocol/chatstates'/>".into(), false),
            6 => ("chat", format!("{body}<no-store xmlns='urn:xmpp:hints'/>"), true),
            _ => (
                "error",
                "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>".into(),
                false,
            ),
        };
        let to = self.target(op);
        let from = slot.map_or(format!("from='{STRANGER}'"), |_| String::new());
        let xml = format!("<message {from} to='{to}' type='{kind}' id='m{number}'>{inner}</message>");
        let to = Jid::new(&to).expect("an address");
        // The domain says nothing; and strangers may be sent away without a word, or nobody be there to say one.
        let is_answered = !(to.is_domain() || bit(self.settings, 5) && to.local() == Some("e"));
        let kind = match kind {
            "chat" => MessageType::Chat,
            "groupchat" => MessageType::Groupchat,
            "headline" => MessageType::Headline,
            "error" => MessageType::Error,
            _ => MessageType::Normal,
        };
        let sent = Sent::new(session.0, session.1, to, kind, matters && is_answered);
        self.model.messages.push(sent);
        match slot {
            Some(slot) => self.send(slot, &xml),
            None => self.remote(&xml),
        }
    }

    fn remote(&mut self, xml: &str) {
        let (now, stanza) = (self.now, stanza(xml));
        let last = self.hubs.len() - 1;
        // Stanzas of one stream go to one hub.
        self.hubs[last].remote(now, stanza);
    }

    /// A client asks for something, of which it is told exactly once what became of it.
    fn ask(&mut self, slot: usize, kind: &str, to: &str, payload: &str) {
        let Some(from) = self.slots[slot].filter(|_| self.connection(slot).is_some()) else { return };
        let number = self.model.requests.len();
        let reached = to.contains("example.net");
        self.model.requests.push(Asked { from, reached, answers: 0, given: 0 });
        let to = if to.is_empty() { String::new() } else { format!("to='{to}'") };
        self.send(slot, &format!("<iq type='{kind}' {to} id='q{number}'>{payload}</iq>"));
    }

    fn request(&mut self, slot: usize, op: Op) {
        let to = self.target(op);
        let (kind, payload) = match op.variant(8) {
            0 | 3 => ("get", "<ping xmlns='urn:xmpp:ping'/>".to_owned()),
            1 => ("get", "<x xmlns='urn:x'/>".to_owned()),
            2 => ("get", "<query xmlns='http://jabber.org/protocol/disco#info'/>".to_owned()),
            4 => ("get", "<vCard xmlns='vcard-temp'/>".to_owned()),
            5 => ("set", "<vCard xmlns='vcard-temp'><FN>x</FN></vCard>".to_owned()),
            6 => ("get", "<query xmlns='jabber:iq:last'/>".to_owned()),
            _ => ("get", "<query xmlns='jabber:iq:roster'/>".to_owned()),
        };
        self.ask(slot, kind, &to, &payload);
    }

    fn roster(&mut self, slot: usize, op: Op) {
        let jid = self.target(op);
        let jid = Jid::new(&jid).expect("an address").bare_str().to_owned();
        let item = match op.variant(4) {
            0 => return self.ask(slot, "get", "", "<query xmlns='jabber:iq:roster'/>"),
            1 => format!("<item jid='{jid}' name='n{}'><group>g</group></item>", op.a / 8),
            2 => format!("<item jid='{jid}'/>"),
            _ => format!("<item jid='{jid}' subscription='remove'/>"),
        };
        self.ask(slot, "set", "", &format!("<query xmlns='jabber:iq:roster'>{item}</query>"));
    }

    fn block(&mut self, slot: usize, op: Op) {
        let jid = self.target(op);
        let (kind, payload) = match op.variant(4) {
            0 => ("set", format!("<block xmlns='urn:xmpp:blocking'><item jid='{jid}'/></block>")),
            1 => ("set", format!("<unblock xmlns='urn:xmpp:blocking'><item jid='{jid}'/></unblock>")),
            2 => ("set", "<unblock xmlns='urn:xmpp:blocking'/>".to_owned()),
            _ => ("get", "<blocklist xmlns='urn:xmpp:blocking'/>".to_owned()),
        };
        (self.model.is_muddled, self.model.is_troubled) = (true, true);
        self.ask(slot, kind, "", &payload);
    }

    /// A client answers the oldest request that it has got.
    fn answer_request(&mut self, slot: usize, op: Op) {
        let Some(session) = self.slots[slot].and_then(|id| self.model.sessions.get_mut(&id)) else { return };
        if session.asked.is_empty() || session.connection.is_none() {
            return;
        }
        let iq = session.asked.remove(0);
        if let Some(number) = number(Some(iq.id()), "q") {
            self.model.requests[number].given += 1;
        }
        let reply = match op.b % 2 {
            0 => Some(Stanza::Iq(iq.result(None))),
            _ => Stanza::Iq(iq).error_reply(StanzaError::new(Condition::ItemNotFound)),
        };
        reply.into_iter().for_each(|reply| self.send_stanza(slot, reply));
    }

    fn administer(&mut self, op: Op) {
        let (now, account) = (self.now, account(usize::from(op.a)));
        let id = self.next();
        let order = AdminId(id);
        match op.b % 8 {
            0 | 1 => {
                self.open.insert(('g', id));
                self.hub(&account).create_account(now, order, account, login());
            }
            2 | 3 => {
                self.lose_account(&account);
                self.open.insert(('g', id));
                self.hub(&account).delete_account(now, order, account);
            }
            4 => {
                self.open.insert(('g', id));
                let stored = StoredCredentials { disabled: true, ..login() };
                self.hub(&account).set_credentials(now, order, account, stored);
            }
            5 => self.hub(&account).account_changed(now, account),
            6 => {
                self.lose_account(&account);
                self.shelf.store.remove(&account);
                self.hub(&account).account_changed(now, account);
            }
            _ => {
                self.lose_account(&account);
                self.shelf.store.insert(account.clone(), Record::new(login()));
                self.hub(&account).account_changed(now, account);
            }
        }
    }

    /// What concerns an account that is being removed may disappear with it.
    fn lose_account(&mut self, account: &BareJid) {
        (self.model.is_troubled, self.model.is_muddled) = (true, true);
        for sent in &mut self.model.messages {
            let is_its = |jid: &str| jid.split('/').next() == Some(account.as_str());
            sent.is_excused |= is_its(sent.to.as_str()) || is_its(&sent.sender);
        }
    }

    fn hear_from_abroad(&mut self, op: Op) {
        let to = self.target(op);
        match op.a % 4 {
            0 | 1 => {
                // What is not for here is not taken.
                if !to.contains("example.net") {
                    self.send_message(None, op);
                }
            }
            2 => {
                let kind = ["probe", "subscribe", "subscribed", "unsubscribe", "unsubscribed", "unavailable"];
                let kind = kind[usize::from(op.variant(6))];
                self.remote(&format!("<presence type='{kind}' from='{STRANGER}' to='{to}'/>"));
            }
            _ => self.remote(&format!(
                "<iq type='get' from='{STRANGER}' to='{to}' id='x'><ping xmlns='urn:xmpp:ping'/></iq>"
            )),
        }
    }

    fn fail_abroad(&mut self, op: Op) {
        let Some(stanza) = self.abroad.pop_front() else { return };
        if let Some(sent) = number(stanza.id(), "m").and_then(|number| self.model.messages.get_mut(number)) {
            // Its own answers excepted.
            sent.is_abroad &= stanza.is_error();
        }
        let now = self.now;
        match op.b % 2 {
            0 => self.hubs[0].remote_failed(now, stanza),
            _ => self.hubs[0].remote_timeout(now, stanza),
        }
    }

    /// The process dies and is started again. What the store has it has.
    fn crash(&mut self, op: Op) {
        if op.b.is_multiple_of(2) {
            while self.shelf.len() > 0 && self.crashes < 200 {
                let doubt = self.shelf.lose(0, true);
                self.doubt(&doubt);
            }
        }
        let doubt = self.shelf.forget_all();
        self.doubt(&doubt);
        self.model.messages.iter_mut().for_each(|sent| sent.is_excused = true);
        (self.model.is_troubled, self.model.is_muddled) = (true, true);
        self.model.sessions.clear();
        self.model.connections.clear();
        self.model.binding.clear();
        self.slots = [None; SLOTS];
        self.envelopes.clear();
        self.abroad.clear();
        self.open.clear();
        self.crashes += 1;
        self.boot();
    }

    fn doubt(&mut self, doubt: &Doubt) {
        for id in &doubt.messages {
            if let Some(number) = number(Some(id), "m") {
                self.model.messages[number].is_doubtful = true;
            }
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

    /// Takes all that the hubs have to say, and has done what need not wait.
    fn drain(&mut self) {
        for _ in 0..10_000 {
            let mut moved = false;
            for shard in 0..self.hubs.len() {
                while let Some(output) = self.hubs[shard].poll_output() {
                    self.output(shard as u32, output);
                    moved = true;
                }
            }
            if !self.carrier_waits && self.envelopes.values().any(|all| !all.is_empty()) {
                self.carry(0);
                moved = true;
            } else if !self.store_waits && self.shelf.len() > 0 {
                self.answer(0);
                moved = true;
            }
            if !moved {
                return;
            }
        }
        panic!("the hubs do not fall silent");
    }

    fn output(&mut self, shard: u32, output: Output) {
        if bit(self.settings, 13) {
            self.log.push(format!("{output:?}"));
        }
        match output {
            Output::Deliver { session, stanza } => self.model.deliver(session, &stanza),
            Output::Bound { session, jid, .. } => {
                let slot = self.model.binding.remove(&session).expect("a session that waits to be bound");
                let full: Jid = jid.into();
                assert_eq!(full.to_bare(), account(slot % 4));
                let others = self.model.sessions.values();
                assert!(others.into_iter().all(|other| other.jid != full), "two sessions of one address");
                let session_of = Session {
                    jid: full,
                    is_available: false,
                    roster: None,
                    sees: BTreeSet::new(),
                    asked: Vec::new(),
                    connection: Some(session),
                    books: None,
                };
                self.model.sessions.insert(session, session_of);
                self.model.connections.insert(session, session);
            }
            Output::BindRefused { session, .. } => {
                let slot = self.model.binding.remove(&session).expect("a session that waits to be bound");
                self.slots[slot] = None;
            }
            Output::Close { session, .. } => self.close(session),
            Output::Enabled { session, enabled } => {
                let id = self.model.connections[&session];
                let session = self.model.sessions.get_mut(&id).expect("it has a connection");
                let id = enabled.resumption.map(|resumption| resumption.id);
                assert!(session.books.replace(Books { id, ..Books::default() }).is_none(), "enabled twice");
            }
            Output::Acknowledge { session, h } => {
                let id = self.model.connections[&session];
                let session = self.model.sessions.get_mut(&id);
                handled(session.and_then(|session| session.books.as_mut()).expect("enabled"), h);
            }
            Output::Resumed { session, jid, h, .. } => self.resumed(session, &jid.into(), h),
            Output::ResumeRefused { session, .. } => self.not_resumed(session),
            Output::Remote { stanza } => {
                assert!(!bit(self.settings, 6), "there is no federation");
                self.model.send_abroad(&stanza);
                if self.abroad.len() < 16 {
                    self.abroad.push_back(stanza);
                }
            }
            Output::Store(request) => {
                assert_eq!(request.id().shard, shard);
                assert_eq!(shard_of(request.account(), self.hubs.len() as u32), shard, "another's account");
                self.shelf.ask(self.now, request);
                assert!(self.shelf.len() < 2000, "the store is asked for too much at once");
            }
            Output::Shard { shard: other, envelope } => {
                assert_ne!(other, shard);
                self.envelopes.entry((shard, other)).or_default().push_back(envelope);
            }
            Output::Derive { id, derivation } => {
                let (now, keys) = (self.now, derivation.run());
                self.hubs[shard as usize].derived(now, id, keys);
            }
            Output::Credentials { lookup, .. } => assert!(self.open.remove(&('h', lookup.0)), "asked for"),
            Output::Administered { id, .. } => assert!(self.open.remove(&('g', id.0)), "ordered"),
            Output::Registered { id, .. } => assert!(self.open.remove(&('n', id.0)), "wanted"),
            other => panic!("{other:?}"),
        }
    }

    /// The hub ends a session, or takes it from a connection that it has no more.
    fn close(&mut self, connection: SessionId) {
        // What the client says that it has had cannot be. The session stays as it was.
        if self.resuming.remove(&connection).is_some() {
            return;
        }
        let id = *self.model.connections.get(&connection).expect("it was there");
        if self.resuming.values().any(|(_, resumed, _)| *resumed == id) {
            return self.model.detach(id);
        }
        self.model.end(id);
        let slot = self.slots.iter_mut().find(|slot| **slot == Some(id));
        *slot.expect("it was there") = None;
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
        self.model.check_losses(&self.kept());
        let accounts: Vec<BareJid> = (0..ACCOUNTS.len()).map(account).collect();
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
        assert!(self.kept().is_empty(), "kept for ever: {:?}", self.kept());
    }

    /// The ids of all messages that are kept.
    fn kept(&self) -> BTreeSet<String> {
        let accounts = (0..4).map(account);
        accounts
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
