//! Streams that break at any moment (XEP-0198): three real clients and a real server, and all that connections and processes can
//! do to them.
//!
//! Settings: bits 0 and 1 clients 0 and 1 only want acknowledgements, no resumption; 2 the server keeps little; 3 it asks often;
//! 4 messages that may not have arrived are sent again; 5 the store waits for orders; 6 bytes flow by themselves; 7 clients
//! look after a silent connection soon.
//!
//! What must be true of each message: it arrives once at most, and not if it was refused, unless the store was silent then; what
//! the server has acknowledged arrives, is refused or is kept, but for what was said to a session before it was managed; what never
//! left does not arrive; whoever sent it is told once what became of it; between two clients messages arrive in order. Where a session could not be resumed nobody can know what had arrived, so what was on its way then may come twice.
//! Requests have one answer.

mod checks;
mod unmanaged;

use crate::link::{Link, size};
use crate::ops::{Op, Ops};
use crate::proper::{DOMAIN, PASSWORD, login, tls_info};
use crate::{bit, duration, start};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use unmanaged::Unmanaged;
use waxwing_core::client::{
    self, Client, KeepAlive, Management, Ping, RequestId, Saved, StanzaHandle, TlsMode,
};
use waxwing_core::jid::{BareJid, Jid};
use waxwing_core::machine::{Deadline, Entropy, Machine, Now};
use waxwing_core::sasl::{Credentials, Mechanism, Policy};
use waxwing_core::server::Server;
use waxwing_core::server::connection::{self, Transport};
use waxwing_core::server::hub::{self, Hub};
use waxwing_core::server::single::ConnectionId;
use waxwing_core::server::store::{MemoryStore, Record, Request};
use waxwing_core::stanza::{Message, MessageType, Presence, PresenceType};

const PARTIES: usize = 3;
const NAMES: [&str; PARTIES] = ["juliet", "romeo", "nurse"];
const LETTERS: &[u8] = b"miudxrRkclotDqev";

/// Plays the script.
pub fn play(script: &Ops) {
    let mut play = Play::new(script.settings);
    play.settle();
    for op in &script.ops {
        play.perform(*op);
        play.settle();
    }
    play.finish();
}

/// A client, its connection, and what its owner remembers.
struct Party {
    client: Client,
    link: Option<Link>,
    /// What another process would go on with.
    saved: Option<Vec<u8>>,
    /// The stanzas that it has not been told the end of.
    open: BTreeMap<StanzaHandle, Option<usize>>,
    requests: BTreeMap<RequestId, u32>,
    is_closed: bool,
    /// Messages that it has got, latest last, notes of delay apart.
    last: BTreeMap<usize, usize>,
    /// How often it has been started.
    starts: u8,
}

#[derive(Debug)]
struct Sent {
    from: usize,
    to: usize,
    handle: StanzaHandle,
    /// Of the client that sent it and that of the addressee: neither has lost a session since.
    is_certain: bool,
    /// It had not come when time passed with a silent store.
    has_waited: bool,
    came: u32,
    refused: u32,
    end: Option<End>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Acknowledged,
    Unsent,
    Unknown,
}

struct Play {
    settings: [u8; 2],
    server: Server,
    now: Now,
    store: MemoryStore,
    requests: Vec<Request>,
    store_waits: bool,
    parties: Vec<Party>,
    /// Connections that a client has left behind without a word.
    ghosts: Vec<Link>,
    /// What connections were told before their sessions were managed.
    unmanaged: BTreeMap<ConnectionId, Unmanaged>,
    sent: Vec<Sent>,
    /// Nothing fails any more.
    is_calm: bool,
}

fn config(settings: [u8; 2], party: usize) -> client::Config {
    let account = Jid::new(&format!("{}@{DOMAIN}/here", NAMES[party])).expect("an address");
    let mut config = client::Config::new(account, TlsMode::Outside);
    config.policy = Policy { min_iterations: 1, ..Policy::default() };
    let is_scram = |m: &Mechanism| matches!(m, Mechanism::Scram { .. });
    config.policy.excluded = Mechanism::ALL.into_iter().filter(is_scram).collect();
    let (username, password) = (NAMES[party].to_owned(), PASSWORD.to_owned());
    config.credentials = Some(Credentials::Password { username, password });
    config.management = match party < 2 && bit(settings, party as u32) {
        true => Management::Acknowledge,
        false => Management::Resume { max: None },
    };
    config.resend = bit(settings, 4);
    if bit(settings, 7) {
        config.keep_alive =
            KeepAlive::Ping { after: Duration::from_secs(5), timeout: Duration::from_secs(5) };
    }
    config
}

fn account(party: usize) -> BareJid {
    BareJid::new(&format!("{}@{DOMAIN}", NAMES[party])).expect("an address")
}

impl Play {
    fn new(settings: [u8; 2]) -> Play {
        let mut config = connection::Config::new([DOMAIN.parse().expect("a domain")], [7; 32]);
        config.sasl.iterations = 1;
        if bit(settings, 3) {
            config.acknowledgements = config.acknowledgements.map(|mut often| {
                often.after = 1;
                often
            });
        }
        let mut of_hub = hub::Config::new(DOMAIN.parse().expect("a domain"));
        if bit(settings, 2) {
            of_hub.limits.unacknowledged = 55;
            of_hub.management.resumption = Duration::from_secs(60);
        }
        let hub = Hub::new(of_hub, Entropy::from_seed([5; 32]));
        let mut store = MemoryStore::new();
        (0..PARTIES).for_each(|party| store.insert(account(party), Record::new(login())));
        let mut server = Server::new(Arc::new(config), hub, Entropy::from_seed([9; 32]));
        let now = start();
        let parties =
            (0..PARTIES).map(|party| Party::new(settings, party, now, &mut server, None, 0)).collect();
        Play {
            settings,
            server,
            now,
            store,
            requests: Vec::new(),
            store_waits: bit(settings, 5),
            parties,
            ghosts: Vec::new(),
            unmanaged: BTreeMap::new(),
            sent: Vec::new(),
            is_calm: false,
        }
    }

    fn perform(&mut self, op: Op) {
        let (now, who) = (self.now, usize::from(op.a) % PARTIES);
        match op.letter(LETTERS) {
            b'm' => (0..if op.b / 16 == 7 { 20 } else { 1 }).for_each(|_| self.message(who, op)),
            b'i' => {
                let party = &mut self.parties[who];
                if let Ok(handle) = party.client.request(now, Ping { to: None }, None) {
                    party.requests.insert(handle.id(), 0);
                }
            }
            b'u' => self.up(who, op.b),
            b'd' => self.down(who, op.b),
            b'x' => self.cut(who, op),
            b'r' => self.reconnect(who),
            b'R' => {
                // The network has changed under the client, which knows it.
                self.leave(who);
                self.settle();
                self.reconnect(who);
            }
            b'k' => self.restart(who, op),
            b'c' => self.parties[who].client.close(now),
            b'l' => self.parties[who].client.abandon(now),
            b'o' => self.open(who),
            b't' => self.wait(duration(op.a)),
            b'D' => {
                if let Some(deadline) = self.deadline() {
                    self.wait(deadline.at - self.now.instant);
                }
            }
            b'q' => self.store_waits = !self.store_waits,
            b'e' => self.answer(),
            _ => {
                let kind = match op.b % 2 {
                    0 => PresenceType::Available,
                    _ => PresenceType::Unavailable,
                };
                let presence = Presence::builder(kind).priority(i8::from_ne_bytes([op.b / 16]) - 2);
                if let Ok(handle) = self.parties[who].client.set_presence(now, presence.build()) {
                    self.parties[who].open.insert(handle, None);
                }
            }
        }
    }

    fn message(&mut self, from: usize, op: Op) {
        let to = op.target() % PARTIES;
        let jid = match op.variant(2) {
            0 => Jid::new(&format!("{}@{DOMAIN}/here", NAMES[to])).expect("an address"),
            _ => account(to).into(),
        };
        let number = self.sent.len();
        let id = format!("m{number}");
        let message = Message::builder(Some(jid), MessageType::Chat).id(&id).body(None, &id).build();
        let now = self.now;
        let party = &mut self.parties[from];
        if let Ok(handle) = party.client.send(now, message) {
            assert!(party.open.insert(handle, Some(number)).is_none(), "a handle is given out twice");
            let (is_certain, has_waited) = (true, false);
            self.sent.push(Sent { from, to, handle, is_certain, has_waited, came: 0, refused: 0, end: None });
        }
    }

    fn up(&mut self, who: usize, count: u8) {
        let Some(link) = &mut self.parties[who].link else { return };
        let count = size(count, link.up.len()).min(self.server.read_budget(link.id));
        let bytes: Vec<u8> = link.up.drain(..count).collect();
        if link.has_server && count > 0 {
            self.server.receive(self.now, link.id, &bytes);
        }
    }

    fn down(&mut self, who: usize, count: u8) {
        let party = &mut self.parties[who];
        let Some(link) = &mut party.link else { return };
        let count = size(count, link.down.len()).min(party.client.read_budget());
        let bytes: Vec<u8> = link.down.drain(..count).collect();
        if link.has_client && count > 0 {
            if !party.client.is_finished() && !party.client.is_interrupted() {
                self.unmanaged.entry(link.id).or_default().read(count);
            }
            party.client.receive(self.now, &bytes);
        }
    }

    /// A connection breaks: what is on its way is gone, and both, one or none of them notice.
    fn cut(&mut self, who: usize, op: Op) {
        let now = self.now;
        let party = &mut self.parties[who];
        let Some(link) = &mut party.link else { return };
        let (id, had_server) = (link.id, link.has_server);
        link.up.clear();
        link.down.clear();
        let by_server = matches!(op.b % 4, 0 | 2);
        let by_client = matches!(op.b % 4, 0 | 1);
        if by_client {
            party.client.receive_eof(now);
            link.has_client = false;
        }
        if by_server && had_server {
            link.has_server = false;
            self.server.disconnected(now, id);
        }
        if by_client && let Some(link) = party.link.take() {
            self.ghosts.push(link);
        } else if let Some(link) = &mut party.link {
            // Nothing gets through any more; whoever has not noticed waits in vain.
            link.has_client = false;
        }
    }

    /// The client leaves its connection behind.
    fn leave(&mut self, who: usize) {
        let party = &mut self.parties[who];
        if let Some(link) = party.link.take() {
            party.client.receive_eof(self.now);
            self.ghosts.push(link);
        }
    }

    fn reconnect(&mut self, who: usize) {
        let party = &mut self.parties[who];
        if !party.client.is_interrupted() {
            return;
        }
        if let Some(link) = party.link.take() {
            self.ghosts.push(link);
        }
        let id = self.server.accept(self.now, Transport::Secured(tls_info()));
        party.link = Some(Link::new(id));
        party.client.reconnect(self.now, TlsMode::Outside).expect("it is interrupted");
        let _ = party.client.secured(self.now, tls_info());
    }

    /// The process ends, and another one goes on with what has been saved.
    fn restart(&mut self, who: usize, op: Op) {
        let party = &mut self.parties[who];
        let Some(saved) = party.saved.take().and_then(|bytes| Saved::from_bytes(&bytes).ok()) else { return };
        if let Some(link) = party.link.take() {
            match op.b % 2 {
                0 if link.has_server => self.server.disconnected(self.now, link.id),
                0 => {}
                _ => self.ghosts.push(link),
            }
        }
        let (open, last, starts) = (party.open.clone(), party.last.clone(), party.starts + 1);
        let mut next = Party::new(self.settings, who, self.now, &mut self.server, Some(saved), starts);
        // Requests end with the process that asked.
        (next.open, next.last) = (open, last);
        self.parties[who] = next;
    }

    /// A new session, if the client has none.
    fn open(&mut self, who: usize) {
        if !self.parties[who].is_closed {
            return;
        }
        if let Some(link) = self.parties[who].link.take() {
            self.ghosts.push(link);
        }
        let starts = self.parties[who].starts + 1;
        let last = self.parties[who].last.clone();
        self.parties[who] = Party::new(self.settings, who, self.now, &mut self.server, None, starts);
        self.parties[who].last = last;
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now.after(time);
        if self.store_waits {
            self.sent.iter_mut().filter(|sent| sent.came == 0).for_each(|sent| sent.has_waited = true);
        }
        self.server.tick(self.now);
        for party in &mut self.parties {
            party.client.tick(self.now);
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        let clients = self.parties.iter().map(|party| party.client.deadline());
        clients.fold(self.server.deadline(), Deadline::earlier)
    }

    fn answer(&mut self) {
        self.requests.extend(std::iter::from_fn(|| self.server.poll_store()));
        if !self.requests.is_empty() {
            let reply = self.store.execute(self.requests.remove(0));
            self.server.store_reply(self.now, reply);
        }
    }

    /// All is done that owners have to do, and no deadline is left behind.
    fn settle(&mut self) {
        self.drain();
        for _ in 0..16 {
            match self.deadline() {
                Some(deadline) if deadline.at <= self.now.instant => self.wait(Duration::ZERO),
                _ => break,
            }
            self.drain();
        }
        let deadline = self.deadline();
        assert!(deadline.is_none_or(|it| it.at > self.now.instant), "ticking does not move {deadline:?}");
    }

    fn drain(&mut self) {
        for _ in 0..10_000 {
            let mut moved = false;
            while self.server.poll_event().is_some() {
                moved = true;
            }
            while let Some(id) = self.server.poll_writable() {
                let mut out = Vec::new();
                self.server.transmit(id, &mut out);
                self.unmanaged.entry(id).or_default().write(&out);
                let links = self.parties.iter_mut().filter_map(|party| party.link.as_mut());
                if let Some(link) = links.into_iter().find(|link| link.id == id && link.has_client) {
                    link.down.extend(out);
                }
                moved = true;
            }
            for who in 0..PARTIES {
                moved |= self.listen(who);
            }
            if bit(self.settings, 6) || self.is_calm {
                for who in 0..PARTIES {
                    moved |= self.flow(who);
                }
            }
            if !self.store_waits {
                let before = self.requests.len();
                self.requests.extend(std::iter::from_fn(|| self.server.poll_store()));
                moved |= before != self.requests.len() || before > 0;
                self.answer();
            }
            if !moved {
                return;
            }
        }
        panic!("they do not fall silent");
    }

    fn flow(&mut self, who: usize) -> bool {
        let bytes = |party: &Party| party.link.as_ref().map_or(0, |link| link.up.len() + link.down.len());
        let before = bytes(&self.parties[who]);
        self.up(who, 255);
        self.down(who, 255);
        let is_over = |link: &Link| !link.has_server || self.server.is_finished(link.id);
        let party = &mut self.parties[who];
        let is_at_end = party.link.as_ref().is_some_and(|link| link.down.is_empty() && is_over(link));
        if is_at_end && !party.client.is_finished() && !party.client.is_interrupted() {
            party.client.receive_eof(self.now);
            party.link = None;
            return true;
        }
        bytes(party) != before
    }

    /// A client's owner takes events, saves, and then sends.
    fn listen(&mut self, who: usize) -> bool {
        let mut moved = false;
        while let Some(event) = self.parties[who].client.poll_event() {
            moved = true;
            self.on_event(who, event);
        }
        let party = &mut self.parties[who];
        party.saved = party.client.save().map(|saved| saved.to_bytes());
        let mut out = Vec::new();
        moved |= party.client.transmit(&mut out) > 0;
        if let Some(link) = party.link.as_mut().filter(|link| link.has_client) {
            link.up.extend(out);
        }
        moved
    }
}

impl Party {
    fn new(
        settings: [u8; 2],
        who: usize,
        now: Now,
        server: &mut Server,
        saved: Option<Saved>,
        starts: u8,
    ) -> Party {
        let mut config = config(settings, who);
        config.resume = saved;
        let seed = [who as u8 ^ starts.wrapping_mul(8); 32];
        let mut client = Client::new(config, now, Entropy::from_seed(seed));
        client.secured(now, tls_info()).expect("TLS is outside");
        let id = server.accept(now, Transport::Secured(tls_info()));
        Party {
            client,
            link: Some(Link::new(id)),
            saved: None,
            open: BTreeMap::new(),
            requests: BTreeMap::new(),
            is_closed: false,
            last: BTreeMap::new(),
            starts,
        }
    }
}

impl Party {
    /// It is available.
    fn show(&mut self, now: Now) {
        let presence = Presence::builder(PresenceType::Available).build();
        if let Ok(handle) = self.client.set_presence(now, presence) {
            self.open.insert(handle, None);
        }
    }
}
