//! Logging in: with a password or a token (XEP-0388, XEP-0386, XEP-0484; RFC 6120 where the server has nothing else), by real
//! clients of a real server, over connections that somebody may sit in the middle of (XEP-0474).
//!
//! Settings: bits 0 to 7 what the server offers ([`Setup`]); 8 the store waits for orders; 9 bytes do; 10 STARTTLS; 11 a password
//! is given only when it is asked for; 12 clients resume their sessions; 13 no session is managed.
//!
//! What must be true: who has the right secret, over a connection that nobody meddles with, gets in; nobody does with a secret
//! that is wrong, another's, outdated, revoked or expired, nor with what was said on another connection, where the mechanism
//! can tell; nobody becomes somebody else; where the mechanism is SCRAM, nobody gets in if the offer was changed on the way;
//! what is told before TLS is no secret, and secrets are told inside TLS only where the mechanism wants them to be.

mod devices;
mod middle;
mod model;
mod setup;

use crate::link::{Link, size};
use crate::ops::{Op, Ops};
use crate::proper::DOMAIN;
use crate::shelf::Shelf;
use crate::{bit, duration, login, start};
use devices::Device;
use middle::Middle;
use model::{Login, Model, client_id};
use setup::Setup;
use std::collections::BTreeMap;
use std::time::Duration;
use waxwing_core::jid::BareJid;
use waxwing_core::machine::{Deadline, Entropy, Machine, Now};
use waxwing_core::sasl::{ChannelBindings, ClientSession, Mechanism, Policy, StoredCredentials};
use waxwing_core::server::hub::AdminId;
use waxwing_core::server::single::{ConnectionId, Event, Server};
use waxwing_core::server::store::{Record, Reply, RequestId, StoreError};
use waxwing_core::stream::sasl2::{Authenticate, Message, UserAgent};
use waxwing_core::stream::{TlsInfo, bind2, fast};

const ACCOUNTS: [&str; 2] = ["juliet", "romeo"];
/// Two installations. The first one knows both accounts.
const CLIENTS: [&str; 2] = ["d4565fa7-4d72-4749-b3d3-740edbf87770", "00000000-0000-4000-8000-00000000000f"];
const PASSWORDS: [&str; 3] = [crate::proper::PASSWORD, "n0 m0re", "&<third>'"];
const LETTERS: &[u8] = b"lrcudfpwPnqeEFLtDRx";
/// No play has more connections.
const MOST: usize = 80;

/// Plays the script.
pub fn play(script: &Ops) {
    let mut play = Play::new(script.settings);
    for op in &script.ops {
        play.perform(*op);
        play.settle();
    }
    play.finish();
}

struct Play {
    settings: [u8; 2],
    setup: Setup,
    server: Server,
    boots: u8,
    now: Now,
    shelf: Shelf,
    store_waits: bool,
    bytes_wait: bool,
    /// For whose sake the store was asked.
    askers: BTreeMap<RequestId, usize>,
    model: Model,
    devices: Vec<Device>,
    logins: Vec<Login>,
    orders: u64,
}

fn account(number: usize) -> BareJid {
    BareJid::new(&format!("{}@{DOMAIN}", ACCOUNTS[number])).expect("an address")
}

impl Play {
    fn new(settings: [u8; 2]) -> Play {
        let mut shelf = Shelf::default();
        shelf.done = Some(Vec::new());
        (0..2).for_each(|number| shelf.store.insert(account(number), Record::new(login())));
        let setup = Setup::new(settings);
        let model = Model { derived: vec![login()], ..Model::default() };
        Play {
            settings,
            setup,
            server: setup.server(0),
            boots: 0,
            now: start(),
            shelf,
            store_waits: bit(settings, 8),
            bytes_wait: bit(settings, 9),
            askers: BTreeMap::new(),
            model,
            devices: Device::all(),
            logins: Vec::new(),
            orders: 0,
        }
    }

    fn perform(&mut self, op: Op) {
        let who = usize::from(op.a) % self.devices.len();
        match op.letter(LETTERS) {
            b'l' => self.log_in(who, op),
            b'r' => self.reconnect(who, op),
            b'c' => self.cut(who, op),
            b'x' => self.close(who),
            b'u' => self.each_of(who, |play, login| play.up(login, op.b)),
            b'd' => self.each_of(who, |play, login| play.down(login, op.b)),
            b'f' => self.each_of(who, Play::flow),
            b'p' => self.replay(op),
            b'w' => self.by_hand(who, op),
            b'P' => self.change_password(op),
            b'n' => {
                self.devices[who].password = self.model.passwords[self.devices[who].account] % PASSWORDS.len()
            }
            b'q' => self.store_waits = !self.store_waits,
            b'e' => self.answer(op.a),
            b'E' => {
                self.shelf.execute(op.a);
                self.note_done();
            }
            b'F' => {
                self.disturb(|_| true);
                let error = match op.b % 2 {
                    0 => StoreError::Busy,
                    _ => StoreError::Unavailable("disk full".into()),
                };
                if let Some((reply, _)) = self.shelf.refuse(op.a, error) {
                    self.reply(reply);
                }
            }
            b'L' => {
                self.disturb(|_| true);
                self.shelf.lose(op.a, op.b.is_multiple_of(2));
                self.note_done();
            }
            b't' => self.wait(duration(op.a) * (1 + u32::from(op.b % 32))),
            b'D' => {
                if let Some(deadline) = self.deadline() {
                    self.wait(deadline.at - self.now.instant);
                }
            }
            _ => self.restart(op),
        }
    }

    /// Whoever is on the way may not arrive.
    fn disturb(&mut self, who: impl Fn(&Login) -> bool) {
        self.logins.iter_mut().filter(|login| who(login)).for_each(|login| login.is_undisturbed = false);
    }

    /// Something is done with the server; what it wants of the store is wanted for this login.
    fn with<R>(&mut self, login: Option<usize>, call: impl FnOnce(&mut Server, Now) -> R) -> R {
        let result = call(&mut self.server, self.now);
        while let Some(request) = self.server.poll_store() {
            if let Some(login) = login {
                self.askers.insert(request.id(), login);
            }
            self.shelf.ask(self.now, request);
        }
        for login in self.logins.iter_mut().filter(|login| login.link.has_server && !login.is_in) {
            let facts = self.server.session_facts(login.link.id);
            if let Some((jid, mechanism)) = facts.and_then(|facts| Some((facts.account?, facts.mechanism?))) {
                assert_eq!(*jid, account(login.account), "somebody else");
                let rotation = self.setup.rotation();
                self.model.admitted(login, mechanism, self.setup.is_protected(), rotation);
            }
        }
        result
    }

    /// A new connection. `middle`: who sits on it.
    fn connect(&mut self, account: usize, client: usize, has_bindings: bool, middle: u8) -> Option<usize> {
        if self.logins.len() >= MOST {
            return None;
        }
        let serial = self.logins.len() as u8;
        let bindings = |exporter, end_point| ChannelBindings {
            tls_exporter: Some(vec![exporter; 32]),
            tls_server_end_point: Some(vec![end_point; 32]),
        };
        let seen = if has_bindings { bindings(serial, 1) } else { ChannelBindings::default() };
        let middle = Middle::new(middle, self::account(account).as_str());
        let real = if middle.ends_tls() { bindings(serial ^ 128, 2) } else { bindings(serial, 1) };
        let transport = self.setup.transport(&real);
        let id = self.with(None, |server, now| server.accept(now, transport));
        let mut login = Login::new(Link::new(id), account, client, seen, middle);
        (login.real, login.is_clear) = (real, self.setup.starts_tls());
        self.logins.push(login);
        Some(self.logins.len() - 1)
    }

    /// What was said on an earlier connection is said on a new one.
    fn replay(&mut self, op: Op) {
        let Some(which) = usize::from(op.a).checked_rem(self.logins.len()) else { return };
        let earlier = &self.logins[which];
        let (account, client, heard) = (earlier.account, earlier.client, earlier.heard.clone());
        let (password, seen, by_hand) = (earlier.password, earlier.seen.clone(), earlier.by_hand);
        if self.setup.starts_tls() {
            return;
        }
        if let Some(login) = self.connect(account, client, true, 0) {
            self.disturb(|login| login.account == account);
            let login = &mut self.logins[login];
            (login.password, login.seen, login.by_hand, login.is_copy) = (password, seen, by_hand, true);
            login.link.up = heard;
        }
    }

    /// Logs in with a token and a count, or gives it back, as our client does not do.
    fn by_hand(&mut self, who: usize, op: Op) {
        let device = &self.devices[who];
        let (number, client, has_bindings) = (device.account, device.client, device.has_bindings);
        let old = device.old.last().filter(|_| bit([op.b, 0], 5));
        let Some(token) = old.or(device.token.as_ref()).cloned() else { return };
        if self.setup.starts_tls() {
            return;
        }
        let Some(login) = self.connect(number, client, has_bindings, 0) else { return };
        self.disturb(|login| login.account == number);
        let used = fast::Use {
            count: Some(u32::from(op.b % 16)).filter(|count| *count > 0),
            invalidate: bit([op.b, 0], 4),
        };
        let request = bit([op.b, 0], 6).then_some(token.mechanism);
        let login = &mut self.logins[login];
        login.by_hand = Some(used);
        let begun = ClientSession::with_token(
            token.mechanism,
            ACCOUNTS[number],
            &token.token,
            &Policy::default(),
            true,
            &login.seen,
        );
        let Ok((_, begun)) = begun else { return };
        let mut authenticate = Authenticate::new(begun.mechanism.name(), begun.initial);
        let mut agent = UserAgent::default();
        agent.id = Some(client_id(client));
        authenticate.user_agent = Some(agent);
        authenticate.fast = Some(used);
        authenticate.bind = Some(bind2::Request::default());
        authenticate.request_token =
            request.map(|mechanism: Mechanism| fast::RequestToken { mechanism: mechanism.name().to_owned() });
        let authenticate = Message::Authenticate(Box::new(authenticate)).to_element().to_xml();
        login.link.up = format!(
            "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
             from='{}' to='{DOMAIN}' version='1.0'>{authenticate}",
            account(number)
        )
        .into_bytes();
    }

    fn change_password(&mut self, op: Op) {
        let number = usize::from(op.a) % ACCOUNTS.len();
        let serial = self.model.derived.len();
        if serial >= 40 {
            return;
        }
        let mut entropy = Entropy::from_seed([serial as u8; 32]);
        let text = PASSWORDS[serial % PASSWORDS.len()];
        let derived = StoredCredentials::derive(text, 1, &mut entropy).expect("a password");
        self.model.derived.push(derived.clone());
        self.disturb(|login| login.account == number);
        self.orders += 1;
        let order = AdminId(self.orders);
        self.with(None, |server, now| {
            server.with_hub(now, |hub| hub.set_credentials(now, order, account(number), derived));
        });
        if op.b.is_multiple_of(2) {
            let devices = self.devices.iter_mut().filter(|device| device.account == number);
            devices.for_each(|device| device.password = serial % PASSWORDS.len());
        }
    }

    /// The server is started again, perhaps with another configuration. What the store has it has.
    fn restart(&mut self, op: Op) {
        self.disturb(|_| true);
        self.shelf.forget_all();
        self.note_done();
        self.askers.clear();
        self.boots = self.boots.wrapping_add(1);
        self.setup.change(op.b);
        self.server = self.setup.server(self.boots);
        for login in &mut self.logins {
            login.link.has_server = false;
            login.link.up.clear();
        }
    }

    fn wait(&mut self, time: Duration) {
        if !time.is_zero() {
            self.disturb(|_| true);
        }
        self.now = self.now.after(time);
        while self.shelf.become_late(self.now).is_some() {}
        self.with(None, |server, now| server.tick(now));
        for device in &mut self.devices {
            device.tick(self.now);
        }
    }

    fn deadline(&self) -> Option<Deadline> {
        let devices = self.devices.iter().filter_map(|device| device.machine.as_ref());
        devices.map(Machine::deadline).fold(self.server.deadline(), Deadline::earlier)
    }

    fn answer(&mut self, which: u8) {
        let reply = self.shelf.answer(which);
        self.note_done();
        if let Some(reply) = reply {
            self.reply(reply);
        }
    }

    fn reply(&mut self, reply: Reply) {
        let login = self.askers.get(&reply.id()).copied();
        if let Some(login) = login.filter(|_| matches!(reply, Reply::Read { .. })) {
            self.logins[login].judge(self.now);
        }
        self.with(login, |server, now| server.store_reply(now, reply));
    }

    /// The model learns of what the store has done.
    fn note_done(&mut self) {
        let done = self.shelf.done.as_mut().map(std::mem::take).unwrap_or_default();
        for request in done {
            let login = self.askers.get(&request.id()).and_then(|login| self.logins.get_mut(*login));
            self.model.executed(&request, login);
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
            while let Some(event) = self.server.poll_event() {
                moved = true;
                self.transmit();
                if let Event::StartTls { connection } = event {
                    self.server_secured(connection);
                }
            }
            moved |= self.transmit();
            for who in 0..self.devices.len() {
                moved |= self.listen(who);
            }
            if !self.bytes_wait {
                for login in 0..self.logins.len() {
                    moved |= self.flow(login);
                }
            }
            if !self.store_waits && self.shelf.len() > 0 {
                self.answer(0);
                moved = true;
            }
            if !moved {
                return;
            }
        }
        panic!("they do not fall silent");
    }

    /// Takes what the server has to say.
    fn transmit(&mut self) -> bool {
        let mut moved = false;
        while let Some(id) = self.server.poll_writable() {
            let mut out = Vec::new();
            self.server.transmit(id, &mut out);
            if let Some(login) =
                self.logins.iter_mut().find(|login| login.link.id == id && login.link.has_server)
            {
                let altered = login.middle.alter(login.is_clear, &out);
                login.told.extend(out);
                self.model.listen(login);
                if login.link.has_client {
                    login.link.down.extend(altered);
                }
            }
            moved = true;
        }
        moved
    }

    fn server_secured(&mut self, id: ConnectionId) {
        let found = self.logins.iter().position(|login| login.link.id == id && login.link.has_server);
        let login = found.expect("it is there");
        let info = TlsInfo { bindings: self.logins[login].real.clone(), ..TlsInfo::default() };
        self.with(Some(login), |server, now| server.secured(now, id, info));
    }

    /// For each connection of a device's.
    fn each_of(&mut self, who: usize, mut call: impl FnMut(&mut Play, usize) -> bool) {
        let (account, client) = (self.devices[who].account, self.devices[who].client);
        for login in 0..self.logins.len() {
            if (self.logins[login].account, self.logins[login].client) == (account, client) {
                call(self, login);
            }
        }
    }

    fn up(&mut self, login: usize, count: u8) -> bool {
        let link = &mut self.logins[login].link;
        if !link.has_server {
            link.up.clear();
            return false;
        }
        let count = size(count, link.up.len()).min(self.server.read_budget(link.id));
        let (id, bytes) = (link.id, link.up.drain(..count).collect::<Vec<u8>>());
        if count > 0 {
            self.logins[login].heard.extend(&bytes);
            self.with(Some(login), |server, now| server.receive(now, id, &bytes));
        }
        count > 0
    }

    fn flow(&mut self, login: usize) -> bool {
        let moved = self.up(login, 255);
        self.down(login, 255) || moved
    }
}
