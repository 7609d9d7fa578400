//! What must be true of what a hub does, whoever it is and however it does it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;
use waxwing_core::jid::{BareJid, Jid};
use waxwing_core::payload::carbons::{Carbon, Direction};
use waxwing_core::payload::roster::{self, Item, Roster, Subscription};
use waxwing_core::server::hub::SessionId;
use waxwing_core::server::store::{Contact, Record};
use waxwing_core::stanza::{Iq, Message, MessageType, Presence, PresenceType, Stanza};

/// All that is remembered of a play.
#[derive(Debug, Default)]
pub struct Model {
    /// Sessions that have been asked for and are neither bound, refused nor gone.
    pub binding: BTreeMap<SessionId, usize>,
    /// Sessions that are there, by the id that they were bound under.
    pub sessions: BTreeMap<SessionId, Session>,
    /// Which session a connection has.
    pub connections: BTreeMap<SessionId, SessionId>,
    /// Messages, in the order in which they were sent; their ids are their places.
    pub messages: Vec<Sent>,
    /// Requests, in the same way.
    pub requests: Vec<Asked>,
    /// The last message that a session has got from another, over one connection, without a note of delay.
    order: BTreeMap<(Option<SessionId>, SessionId), usize>,
    /// Who wants to hear nothing more of whom, and the request that says so.
    blocks: Vec<(BareJid, String, usize)>,
    /// Something has failed, been late, or been refused: what needs everything to work is not asked for any more.
    pub is_troubled: bool,
    /// Presence does not follow from subscriptions alone: it has been sent directly, or somebody has been blocked.
    pub is_muddled: bool,
}

/// A session, as its client sees the world.
#[derive(Debug)]
pub struct Session {
    /// Its address.
    pub jid: Jid,
    /// It has sent presence, and none of type unavailable since.
    pub is_available: bool,
    /// What it knows of its roster, once it has asked.
    pub roster: Option<BTreeMap<String, String>>,
    /// Who is available, as far as it has been told.
    pub sees: BTreeSet<String>,
    /// Requests that it has not answered.
    pub asked: Vec<Iq>,
    /// Its connection; `None` while it may be resumed.
    pub connection: Option<SessionId>,
    /// Set where stanzas are acknowledged.
    pub books: Option<Books>,
}

/// What a client and its server know of each other's stanzas (XEP-0198).
#[derive(Debug, Default)]
pub struct Books {
    /// The id under which the session can be resumed.
    pub id: Option<String>,
    /// And within which time.
    pub within: Duration,
    /// How many of the server's the client has acknowledged.
    pub acknowledged: u32,
    /// What it has been sent since.
    pub items: VecDeque<Delivery>,
    /// How many of the client's the server has handled, as far as it has said.
    pub handled: u32,
    /// What the client has sent since.
    pub unhandled: VecDeque<Stanza>,
}

/// A stanza that has been sent to a client and not been acknowledged.
#[derive(Clone, Copy, Debug)]
pub enum Delivery {
    Message(usize),
    /// A copy; true: of one that another resource has sent.
    Copy(usize, bool),
    /// The news that one has not arrived.
    Refusal(usize),
    Request(usize),
    Answer(usize),
    Other,
}

/// A message on its way.
#[derive(Debug)]
pub struct Sent {
    /// Who has sent it; `None`: somebody of another domain.
    pub from: Option<SessionId>,
    /// Its sender's address.
    pub sender: String,
    /// Its addressee.
    pub to: Jid,
    /// Its type.
    pub kind: MessageType,
    /// It must not disappear without a word.
    pub matters: bool,
    /// Who has got it, and how often.
    got: BTreeMap<SessionId, u32>,
    /// Who has got a copy, and how often.
    copies: BTreeMap<(SessionId, bool), u32>,
    /// It has gone to another domain.
    pub is_abroad: bool,
    /// How often its sender has been told that it did not arrive.
    errors: u32,
    /// The store may have it, or may not have let go of it.
    pub is_doubtful: bool,
    /// It may have disappeared: with an account or with the hub.
    pub is_excused: bool,
}

/// A request on its way.
#[derive(Debug)]
pub struct Asked {
    /// Who asks.
    pub from: SessionId,
    /// Its address.
    pub address: Jid,
    /// Who is asked; `None`: its own account.
    pub to: Option<Jid>,
    /// The answer may not be let through.
    pub is_excused: bool,
    /// Whether one that may answer or not has got it.
    pub reached: bool,
    /// How many answers have come.
    pub answers: u32,
    /// How many a client has given, or may have.
    pub given: u32,
}

impl Sent {
    /// A message that nothing has become of.
    pub fn new(from: Option<SessionId>, sender: String, to: Jid, kind: MessageType, matters: bool) -> Sent {
        Sent {
            from,
            sender,
            to,
            kind,
            matters,
            got: BTreeMap::new(),
            copies: BTreeMap::new(),
            is_abroad: false,
            errors: 0,
            is_doubtful: false,
            is_excused: false,
        }
    }

    /// Somebody has it, or a copy of it.
    fn is_had(&self) -> bool {
        !self.got.is_empty() || self.copies.keys().any(|(_, is_sent)| !is_sent)
    }

    fn check(&self) {
        if self.is_doubtful {
            return;
        }
        assert!(self.errors <= 1, "refused more than once: {self:?}");
        assert!(self.got.values().all(|times| *times == 1), "delivered twice to the same session: {self:?}");
        assert!(self.copies.values().all(|times| *times == 1), "copied twice for the same session: {self:?}");
        assert!(self.errors == 0 || self.got.is_empty(), "delivered and refused: {self:?}");
        assert!(!self.is_abroad || self.got.is_empty(), "here and abroad: {self:?}");
        assert!(!self.is_abroad || self.errors == 0, "sent on and refused: {self:?}");
    }
}

impl Model {
    /// A connection is to receive a stanza.
    ///
    /// # Panics
    ///
    /// If it must not.
    pub fn deliver(&mut self, connection: SessionId, stanza: &Stanza) {
        let id = self.connections.get(&connection).copied();
        let id = id.unwrap_or_else(|| panic!("{connection:?} is not there: {}", stanza.to_xml()));
        let jid = self.sessions[&id].jid.clone();
        if let Some(to) = stanza.to() {
            assert_eq!(to.bare_str(), jid.bare_str(), "a stanza of somebody else: {}", stanza.to_xml());
            let is_others = to.resource().is_some() && *to != jid && !matches!(stanza, Stanza::Message(_));
            assert!(!is_others, "a stanza of another resource: {}", stanza.to_xml());
        }
        let item = match stanza {
            Stanza::Message(message) => self.deliver_message(id, &jid, message),
            Stanza::Presence(presence) => self.deliver_presence(id, presence),
            Stanza::Iq(iq) => self.deliver_iq(id, iq),
        };
        if let Some(books) = self.sessions.get_mut(&id).and_then(|session| session.books.as_mut()) {
            books.items.push_back(item);
        }
    }

    fn deliver_message(&mut self, id: SessionId, jid: &Jid, message: &Message) -> Delivery {
        if let Some(copy) = Carbon::read(message, &jid.to_bare()) {
            let Carbon { direction, message, .. } = copy.expect("a copy that the hub has made");
            let Some(number) = number(message.id(), "m") else { return Delivery::Other };
            let is_sent = direction == Direction::Sent;
            // Copies of errors are copies of answers.
            if message.kind() != self.messages[number].kind {
                return Delivery::Other;
            }
            return self.count(id, Delivery::Copy(number, is_sent));
        }
        let Some(number) = number(message.id(), "m") else { return Delivery::Other };
        let sent = &self.messages[number];
        if message.kind() == MessageType::Error && sent.kind != MessageType::Error {
            assert_eq!(sent.sender, jid.as_str(), "somebody else's error");
            return self.count(id, Delivery::Refusal(number));
        }
        assert_eq!(message.from().map(Jid::as_str), Some(sent.sender.as_str()), "a forged sender");
        assert_eq!(message.to(), Some(&sent.to), "another addressee");
        let is_delayed = message.child("delay", "urn:xmpp:delay").is_some();
        if !is_delayed && !sent.got.contains_key(&id) && !sent.is_doubtful {
            let last = self.order.insert((sent.from, id), number);
            assert!(last.is_none_or(|last| last < number), "m{number} was overtaken by {last:?}");
        }
        self.count(id, Delivery::Message(number))
    }

    /// A client gets something that may not come twice.
    fn count(&mut self, id: SessionId, item: Delivery) -> Delivery {
        match item {
            Delivery::Message(number) => {
                let sent = &mut self.messages[number];
                *sent.got.entry(id).or_insert(0) += 1;
                sent.check();
            }
            Delivery::Copy(number, is_sent) => {
                let sent = &mut self.messages[number];
                *sent.copies.entry((id, is_sent)).or_insert(0) += 1;
                sent.check();
            }
            Delivery::Refusal(number) => {
                self.messages[number].errors += 1;
                self.messages[number].check();
            }
            Delivery::Request(number) => {
                let asked = &mut self.requests[number];
                assert!(!asked.reached, "asked twice: q{number}");
                asked.reached = true;
            }
            Delivery::Answer(number) => {
                let asked = &mut self.requests[number];
                // What is addressed to a resource goes to whoever has it by then.
                let has_its_address = || self.sessions.get(&id).is_some_and(|it| it.jid == asked.address);
                let is_inherited = !self.sessions.contains_key(&asked.from) && has_its_address();
                assert!(asked.from == id || is_inherited, "somebody else's answer: {asked:?} for {id:?}");
                asked.answers += 1;
                assert!(asked.answers <= asked.given.max(1), "{} answers", asked.answers);
            }
            Delivery::Other => {}
        }
        item
    }

    /// A client has not got something, whatever became of it.
    fn discount(&mut self, id: SessionId, item: Delivery) {
        match item {
            Delivery::Message(number) => drop(self.messages[number].got.remove(&id)),
            Delivery::Copy(number, is_sent) => drop(self.messages[number].copies.remove(&(id, is_sent))),
            Delivery::Refusal(number) => {
                let errors = &mut self.messages[number].errors;
                *errors = errors.saturating_sub(1);
            }
            Delivery::Request(number) => {
                let asked = &mut self.requests[number];
                // Refused in its name, and perhaps answered by it.
                (asked.reached, asked.given) = (false, asked.given + 1);
            }
            Delivery::Answer(number) => {
                let answers = &mut self.requests[number].answers;
                *answers = answers.saturating_sub(1);
            }
            Delivery::Other => {}
        }
    }

    /// Somebody wants to hear nothing more of an address: not even that what has been sent there did not arrive (XEP-0191
    /// section 3.3).
    pub fn begin_block(&mut self, request: usize, account: BareJid, jid: String) {
        let is_own = |sender: &str| is_of(sender, account.as_str());
        for sent in self.messages.iter_mut().filter(|sent| is_own(&sent.sender) && covers(&jid, &sent.to)) {
            sent.is_excused = true;
        }
        for asked in self.requests.iter_mut().filter(|asked| is_own(asked.address.as_str())) {
            asked.is_excused |= asked.to.as_ref().is_some_and(|to| covers(&jid, to));
        }
        self.blocks.push((account, jid, request));
    }

    /// Somebody has asked not to hear of an address, and has not been told that this is so: until then what is sent there goes
    /// on its way, and it may be so when the answer comes.
    pub fn is_being_blocked(&self, account: &BareJid, to: &Jid) -> bool {
        let is_it = |(by, jid, request): &&(BareJid, String, usize)| {
            by == account && covers(jid, to) && self.requests[*request].answers == 0
        };
        self.blocks.iter().any(|block| is_it(&block))
    }

    /// A session has lost its connection: what has not been acknowledged may not have arrived.
    pub fn detach(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if let Some(connection) = session.connection.take() {
            self.connections.remove(&connection);
        }
        let items = session.books.as_ref().map(|books| books.items.clone()).unwrap_or_default();
        items.into_iter().for_each(|item| self.discount(id, item));
        self.order.retain(|(_, to), _| *to != id);
    }

    /// A session is over.
    pub fn end(&mut self, id: SessionId) {
        if self.sessions.get(&id).is_some_and(|session| session.connection.is_some()) {
            self.detach(id);
        }
        self.sessions.remove(&id);
    }

    /// A session has another connection, and its client has had so many of what it was sent before.
    pub fn attach(&mut self, id: SessionId, connection: SessionId, had: usize) {
        let session = self.sessions.get_mut(&id).expect("a session that can be resumed");
        session.connection = Some(connection);
        self.connections.insert(connection, id);
        let books = session.books.as_mut().expect("a session that can be resumed");
        books.acknowledged = books.acknowledged.wrapping_add(had as u32);
        let had: Vec<Delivery> = books.items.drain(..had).collect();
        books.items.clear();
        for item in had {
            self.count(id, item);
        }
    }

    /// Something leaves for another domain.
    pub fn send_abroad(&mut self, stanza: &Stanza) {
        let Stanza::Message(message) = stanza else { return };
        let Some(number) = number(message.id(), "m") else { return };
        let sent = &mut self.messages[number];
        match message.kind() == MessageType::Error && sent.kind != MessageType::Error {
            true => sent.errors += 1,
            false => {
                assert!(!sent.is_abroad, "sent on twice");
                sent.is_abroad = true;
            }
        }
        sent.check();
    }

    fn deliver_presence(&mut self, id: SessionId, presence: &Presence) -> Delivery {
        let session = self.sessions.get_mut(&id).expect("it has been looked up");
        let Some(from) = presence.from() else { return Delivery::Other };
        match presence.kind() {
            PresenceType::Available => {
                session.sees.insert(from.as_str().to_owned());
            }
            PresenceType::Unavailable => session.sees.retain(|seen| !is_of(seen, from.as_str())),
            PresenceType::Error => self.is_troubled = true,
            _ => {}
        }
        Delivery::Other
    }

    fn deliver_iq(&mut self, id: SessionId, iq: &Iq) -> Delivery {
        let session = self.sessions.get_mut(&id).expect("it has been looked up");
        let number = number(Some(iq.id()), "q");
        if iq.kind().is_request() {
            if let Some(Ok((_, item))) = iq.payload().map(roster::parse_push)
                && let Some(view) = &mut session.roster
            {
                put(view, &item);
            }
            if session.asked.len() < 16 {
                session.asked.push(iq.clone());
            }
            return number.map_or(Delivery::Other, |number| self.count(id, Delivery::Request(number)));
        }
        let Some(number) = number else { return Delivery::Other };
        let query = iq.payload().filter(|payload| payload.is("query", "jabber:iq:roster"));
        if let Some(roster) = query.and_then(|query| Roster::parse(query).ok()) {
            let view = session.roster.insert(BTreeMap::new());
            roster.items.iter().for_each(|item| put(view, item));
        }
        self.count(id, Delivery::Answer(number))
    }

    /// Everything has been done that was to be done, and all sessions are still there: nothing has been lost.
    ///
    /// # Panics
    ///
    /// If something has.
    pub fn check_losses(&self, kept: &BTreeSet<String>) {
        for (number, sent) in self.messages.iter().enumerate() {
            let is_kept = kept.contains(&format!("m{number}"));
            if !sent.is_doubtful {
                assert!(!is_kept || sent.errors == 0, "kept and refused: {sent:?}");
                assert!(!is_kept || sent.got.is_empty(), "kept and delivered: {sent:?}");
            }
            let is_answerable = sent.from.is_none_or(|from| self.sessions.contains_key(&from));
            let is_seen = is_kept || sent.is_abroad || sent.errors > 0 || sent.is_had();
            let is_lost = sent.matters && is_answerable && !sent.is_excused && !sent.is_doubtful && !is_seen;
            assert!(!is_lost, "m{number} is lost: {sent:?}");
        }
        for (number, asked) in self.requests.iter().enumerate() {
            let is_there = self.sessions.contains_key(&asked.from);
            let is_answered = asked.reached || asked.answers > 0;
            assert!(!is_there || is_answered || asked.is_excused, "q{number} has no answer: {asked:?}");
        }
    }

    /// Whoever has asked for a roster knows what the store has.
    pub fn check_rosters(&self, record: impl Fn(&BareJid) -> Option<Record>) {
        for session in self.sessions.values() {
            let Some(view) = &session.roster else { continue };
            let Some(record) = record(&session.jid.to_bare()) else { continue };
            let items = record.roster.contacts.iter();
            let kept: BTreeMap<String, String> =
                items.map(|(jid, contact)| (jid.to_string(), text_of(contact))).collect();
            assert_eq!(*view, kept, "what {} knows of its roster, and what is kept", session.jid);
        }
    }

    /// Both sides agree on subscriptions, and everybody sees whom they may see.
    pub fn check_agreement(&self, record: impl Fn(&BareJid) -> Option<Record>, accounts: &[BareJid]) {
        if self.is_troubled {
            return;
        }
        let records: BTreeMap<&BareJid, Record> =
            accounts.iter().filter_map(|account| Some((account, record(account)?))).collect();
        for (a, of_a) in &records {
            for (b, of_b) in records.iter().filter(|(b, _)| *b != a) {
                let to = of_a.roster.contacts.get(b.as_str()).is_some_and(|contact| contact.to);
                let from = of_b.roster.contacts.get(a.as_str()).is_some_and(|contact| contact.from);
                assert_eq!(to, from, "whether {a} is subscribed to {b}");
                let ask =
                    of_a.roster.contacts.get(b.as_str()).is_some_and(|contact| contact.ask && !contact.to);
                let asked = !from && of_b.requests.contains_key(a.as_str());
                assert_eq!(ask, asked, "whether {a} has asked to subscribe to {b}");
            }
        }
        if self.is_muddled {
            return;
        }
        for viewer in self.sessions.values().filter(|session| session.is_available) {
            let own = viewer.jid.to_bare();
            let may_see = |other: &Session| {
                let account = other.jid.to_bare();
                let contacts = records.get(&account).map(|record| &record.roster.contacts);
                account == own || contacts.and_then(|all| all.get(&own)).is_some_and(|contact| contact.from)
            };
            let there = self.sessions.values().filter(|other| other.is_available && may_see(other));
            let there: BTreeSet<String> = there.map(|other| other.jid.to_string()).collect();
            assert_eq!(viewer.sees, there, "whom {} sees", viewer.jid);
        }
    }
}

/// What stands in a roster item.
fn text(subscription: &str, ask: bool, approved: bool, name: Option<&str>, groups: &[&str]) -> String {
    format!("{subscription} ask={ask} approved={approved} {name:?} {groups:?}")
}

fn put(view: &mut BTreeMap<String, String>, item: &Item) {
    let jid = item.jid.as_str().to_owned();
    if item.subscription == Subscription::Remove {
        view.remove(&jid);
        return;
    }
    let groups: Vec<&str> = item.groups.iter().map(String::as_str).collect();
    let of = text(item.subscription.as_str(), item.ask, item.approved, item.name.as_deref(), &groups);
    view.insert(jid, of);
}

fn text_of(contact: &Contact) -> String {
    let subscription = match (contact.to, contact.from) {
        (false, false) => "none",
        (true, false) => "to",
        (false, true) => "from",
        (true, true) => "both",
    };
    let groups: Vec<&str> = contact.groups.iter().map(|group| &**group).collect();
    text(subscription, contact.ask, contact.approved, contact.name.as_deref(), &groups)
}

/// Whether who blocks `jid` blocks `peer` (XEP-0016 section 2.1).
fn covers(jid: &str, peer: &Jid) -> bool {
    [peer.as_str(), peer.bare_str(), peer.domain()].contains(&jid)
}

fn is_of(full: &str, bare: &str) -> bool {
    full.strip_prefix(bare).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The place of what has an id like `m7`.
pub fn number(id: Option<&str>, prefix: &str) -> Option<usize> {
    id?.strip_prefix(prefix)?.parse().ok()
}
