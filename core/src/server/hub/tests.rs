//! A hub, its store, its sessions and the clock, all played by hand.

mod blocking;
mod carbons;
mod delivery;
mod documents;
mod inactive;
mod leaks;
mod limits;
mod loading;
mod management;
mod offline;
mod presence;
mod privacy;
mod register;
mod roster;
mod routing;
mod services;
mod sessions;
mod shards;
mod subscription;
mod tokens;

use super::*;
use crate::machine::{Instant, Utc};
use crate::sasl::{ScramHash, ScramKeys};
use crate::server::store::{Contact, MemoryStore, Reply, Request};
use crate::xml::{Element, Scope};
use std::collections::BTreeMap;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// One hub for example.com, on which juliet and romeo have accounts.
struct World {
    hub: Hub,
    now: Now,
    store: MemoryStore,
    /// While the store is silent, what it has been asked.
    silent: bool,
    asked: Vec<Request>,
    names: BTreeMap<String, SessionId>,
    /// What sessions have received and nobody has looked at.
    received: BTreeMap<SessionId, Vec<Stanza>>,
    /// Other outputs that nobody has looked at.
    outputs: Vec<Output>,
}

fn config() -> Config {
    Config::new(BareJid::new("example.com").unwrap())
}

fn account(name: &str) -> BareJid {
    BareJid::new(&format!("{name}@example.com")).unwrap()
}

/// Credentials that differ with `mark`, without the cost of deriving any.
fn credentials(mark: u8) -> StoredCredentials {
    let hash = ScramHash::Sha256;
    let keys = ScramKeys {
        hash,
        salt: vec![mark; 16],
        iterations: 4096,
        stored_key: vec![mark; 32],
        server_key: vec![mark; 32],
    };
    StoredCredentials { scram: vec![keys], disabled: false }
}

fn stanza(xml: &str) -> Stanza {
    let end = xml.find([' ', '>', '/']).unwrap();
    let (name, rest) = xml.split_at(end);
    let xml = format!("{name} xmlns='jabber:client'{rest}");
    let limits = crate::stream::Limits::SERVER.xml;
    Stanza::parse(Element::parse(xml.as_bytes(), limits).unwrap()).unwrap()
}

/// What matters about a stanza for routing: kind, type, sender, addressee, id, error condition.
fn brief(stanza: &Stanza) -> String {
    let kind = stanza.element().name();
    let of_type = stanza.element().attr("type").map(|name| format!(" {name}")).unwrap_or_default();
    let address = |jid: Option<&crate::jid::Jid>| match jid {
        Some(jid) => jid.as_str().replace("@example.com", "").replace("example.com", "."),
        None => "-".into(),
    };
    let (from, to) = (address(stanza.from()), address(stanza.to()));
    let id = stanza.id().map(|id| format!(" #{id}")).unwrap_or_default();
    let error = stanza.error();
    let error = error.map(|error| format!(" {}/{}", error.condition().name(), error.error_type().as_str()));
    format!("{kind}{of_type} {from} > {to}{id}{}", error.unwrap_or_default())
}

/// A stanza as it stands in a client's stream.
fn xml(stanza: &Stanza) -> String {
    let mut out = Vec::new();
    stanza.write(&mut out, &Scope::stream(crate::ns::CLIENT, None));
    String::from_utf8(out).unwrap()
}

/// What a roster push says: `push romeo from out`.
fn pushed(stanza: &Stanza) -> Option<String> {
    let query =
        stanza.child("query", crate::ns::ROSTER).filter(|_| stanza.element().attr("type") == Some("set"))?;
    let item = query.children().next()?;
    let attr = |name| item.attr(name).unwrap_or_default();
    let mut text = format!("push {} {}", attr("jid").replace("@example.com", ""), attr("subscription"));
    if attr("ask") == "subscribe" {
        text.push_str(" out");
    }
    if attr("approved") == "true" {
        text.push_str(" approved");
    }
    Some(text)
}

impl World {
    fn new() -> World {
        World::with(config())
    }

    fn with(config: Config) -> World {
        let mut world = World {
            hub: Hub::new(config, Entropy::from_seed([9; 32])),
            now: Now::new(Instant::ORIGIN, Utc::from_unix_millis(1_767_225_600_000)),
            store: MemoryStore::new(),
            silent: false,
            asked: Vec::new(),
            names: BTreeMap::new(),
            received: BTreeMap::new(),
            outputs: Vec::new(),
        };
        for name in ["juliet", "romeo"] {
            world.store.insert(account(name), Record::new(credentials(1)));
        }
        world
    }

    /// Calls the hub and handles what comes out.
    fn call<R>(&mut self, call: impl FnOnce(&mut Hub, Now) -> R) -> R {
        let result = call(&mut self.hub, self.now);
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Store(request) if self.silent => self.asked.push(request),
                Output::Store(request) => {
                    let reply = self.store.execute(request);
                    self.hub.store_reply(self.now, reply);
                }
                Output::Deliver { session, stanza } => {
                    self.received.entry(session).or_default().push(stanza);
                }
                output => self.outputs.push(output),
            }
        }
        assert!(self.hub.tools.outbox.work.is_empty());
        result
    }

    /// The store answers what it has been asked while it was silent.
    fn answer(&mut self) {
        self.silent = false;
        for request in std::mem::take(&mut self.asked) {
            let reply = self.store.execute(request);
            self.reply(reply);
        }
    }

    fn reply(&mut self, reply: Reply) {
        self.call(|hub, now| hub.store_reply(now, reply));
    }

    /// Lets time pass, ticking at each deadline.
    fn pass(&mut self, time: Duration) {
        let end = self.now.after(time);
        while let Some(deadline) = self.hub.deadline().filter(|deadline| deadline.at <= end.instant) {
            self.now = self.now.after(deadline.at - self.now.instant);
            self.call(Hub::tick);
            assert!(self.hub.deadline() != Some(deadline), "ticking does not help");
        }
        self.now = self.now.after(end.instant - self.now.instant);
    }

    /// Asks for a session, `name/resource`.
    fn bind(&mut self, jid: &str) -> SessionId {
        let id = SessionId(self.names.len() as u64 + 1);
        self.names.insert(jid.into(), id);
        let (name, resource) = jid.split_once('/').unwrap();
        self.call(|hub, now| hub.bind(now, id, account(name), BindRequest::resource(resource)));
        id
    }

    /// A session that is connected, not available.
    fn login(&mut self, jid: &str) -> SessionId {
        let id = self.bind(jid);
        assert!(matches!(self.outputs.pop(), Some(Output::Bound { session, .. }) if session == id), "{jid}");
        id
    }

    /// A session that is available with this priority. What was received on account of that is forgotten.
    fn online(&mut self, jid: &str, priority: i8) -> SessionId {
        let id = self.login(jid);
        self.send(jid, &format!("<presence><priority>{priority}</priority></presence>"));
        self.received.clear();
        id
    }

    fn send(&mut self, jid: &str, xml: &str) {
        let id = self.names[jid];
        self.call(|hub, now| hub.stanza(now, id, stanza(xml)));
    }

    /// What a session has received since the last time, in brief.
    fn got(&mut self, jid: &str) -> Vec<String> {
        self.take(jid).iter().map(brief).collect()
    }

    /// What a session has received since the last time.
    fn take(&mut self, jid: &str) -> Vec<Stanza> {
        self.received.remove(&self.names[jid]).unwrap_or_default()
    }

    /// What a session has received since the last time, roster pushes by what they say.
    fn told(&mut self, jid: &str) -> Vec<String> {
        self.take(jid).iter().map(|stanza| pushed(stanza).unwrap_or_else(|| brief(stanza))).collect()
    }

    /// A stanza arrives from another domain.
    fn remote(&mut self, xml: &str) {
        self.call(|hub, now| hub.remote(now, stanza(xml)));
    }

    /// What other domains have been sent since the last time, in brief.
    fn sent(&mut self) -> Vec<String> {
        let remote = |output| match output {
            Output::Remote { stanza } => brief(&stanza),
            other => panic!("{other:?}"),
        };
        self.outputs.drain(..).map(remote).collect()
    }

    /// A session that is available and has asked for the roster. What was received on account of that is forgotten.
    fn present(&mut self, jid: &str) -> SessionId {
        let id = self.login(jid);
        self.send(jid, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
        self.send(jid, "<presence/>");
        self.received.clear();
        id
    }

    /// Puts a contact into a roster behind the hub's back: a state of RFC 6121 appendix A.1, with `approved` if it is, and
    /// `absent` for `none` where the roster has no such item.
    fn relate(&mut self, owner: &str, contact: &str, state: &str) {
        let mut record = self.store.get(&account(owner)).unwrap().clone();
        let jid =
            if contact.contains(['@', '.']) { BareJid::new(contact).unwrap() } else { account(contact) };
        let has = |word: &str| state.split(' ').any(|known| known == word);
        if !has("absent") {
            let version = record.roster.version + 1;
            let (to, from) = (has("to") || has("both"), has("from") || has("both"));
            let (ask, approved) = (has("out"), has("approved"));
            let contact = Contact { to, from, ask, approved, version, ..Contact::default() };
            record.apply(Delta::Contact { jid: jid.clone(), contact });
        }
        if has("in") {
            let xml = format!(
                "<presence xmlns='jabber:client' type='subscribe' from='{jid}' to='{owner}@example.com'/>"
            );
            record.apply(Delta::Request { jid, stanza: Some(xml.into()) });
        }
        self.store.insert(account(owner), record);
    }

    /// The state in which the store has a contact, as [`relate`](Self::relate) takes it.
    fn relation(&self, owner: &str, contact: &str) -> String {
        let record = self.store.get(&account(owner)).unwrap();
        let jid =
            if contact.contains(['@', '.']) { BareJid::new(contact).unwrap() } else { account(contact) };
        let contact = record.roster.contacts.get(&jid);
        let mut words = vec![match contact {
            None => "absent",
            Some(contact) => match (contact.to, contact.from) {
                (false, false) => "none",
                (true, false) => "to",
                (false, true) => "from",
                (true, true) => "both",
            },
        }];
        words.extend(contact.filter(|contact| contact.ask).map(|_| "out"));
        words.extend(record.requests.get(&jid).map(|_| "in"));
        words.extend(contact.filter(|contact| contact.approved).map(|_| "approved"));
        words.join(" ")
    }

    fn leave(&mut self, jid: &str) {
        let id = self.names[jid];
        self.call(|hub, now| hub.session_gone(now, id));
    }

    /// Nobody has received anything that was not looked at.
    fn silence(&self) {
        assert_eq!(self.received, BTreeMap::new());
        assert_eq!(self.outputs, []);
    }
}
