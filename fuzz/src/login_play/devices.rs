//! The clients, and what their owners remember.

use super::model::client_id;
use super::{ACCOUNTS, PASSWORDS, Play, account};
use crate::bit;
use crate::ops::Op;
use std::time::Duration;
use waxwing_core::client::{self, Client, Event, FastToken, Management, TlsMode};
use waxwing_core::machine::{Entropy, Machine, Now, Utc};
use waxwing_core::sasl::{Credentials, Mechanism, Policy};
use waxwing_core::stream::TlsInfo;
use waxwing_core::stream::sasl2::Message;

/// An installation with one account.
#[derive(Debug)]
pub struct Device {
    pub account: usize,
    pub client: usize,
    /// It knows its channel, and would say its password inside TLS.
    pub has_bindings: bool,
    says_plain: bool,
    /// Its client has logged in by SCRAM, and so falls back to PLAIN no more (XEP-0474 section 5).
    is_past_plain: bool,
    /// Which password its owner thinks is right.
    pub password: usize,
    /// The one that is used now, if any, and whether it is given only when it is asked for.
    given: Option<usize>,
    is_late: bool,
    /// The token that its owner keeps, and earlier ones.
    pub token: Option<FastToken>,
    pub old: Vec<FastToken>,
    pub machine: Option<Client>,
    login: Option<usize>,
}

impl Device {
    /// Two of juliet's, and romeo's, which is the same installation as the first one.
    pub fn all() -> Vec<Device> {
        let new = |account, client, is_able| Device {
            account,
            client,
            has_bindings: is_able,
            says_plain: is_able,
            is_past_plain: false,
            password: 0,
            given: None,
            is_late: false,
            token: None,
            old: Vec::new(),
            machine: None,
            login: None,
        };
        vec![new(0, 0, true), new(0, 1, false), new(1, 0, true)]
    }

    pub fn close(&mut self, now: Now) {
        if let Some(machine) = &mut self.machine {
            machine.close(now);
        }
    }

    pub fn tick(&mut self, now: Now) {
        if let Some(machine) = &mut self.machine {
            machine.tick(now);
        }
    }

    fn may_say_plain(&self) -> bool {
        self.says_plain && !self.is_past_plain
    }

    fn credentials(&self) -> Option<Credentials> {
        let password = PASSWORDS[self.given?].to_owned();
        Some(Credentials::Password { username: ACCOUNTS[self.account].to_owned(), password })
    }

    fn config(&self, settings: [u8; 2], mode: TlsMode, token: Option<FastToken>) -> client::Config {
        let mut config = client::Config::new(account(self.account).into(), mode);
        config.user_agent.id = Some(client_id(self.client));
        config.policy = Policy { min_iterations: 1, plain_over_tls: self.says_plain, ..Policy::default() };
        config.credentials = self.credentials().filter(|_| !self.is_late);
        config.fast_token = token;
        if bit(settings, 12) {
            config.management = Management::Resume { max: None };
        }
        config
    }

    /// What is said on the way must not tell what it must not tell.
    fn check_said(&self, out: &[u8], is_clear: bool) {
        let out = std::str::from_utf8(out).expect("XML");
        assert!(!is_clear || !out.contains("<auth"), "logging in before TLS: {out}");
        let tokens = self.token.iter().chain(&self.old).map(|token| token.token.as_str());
        let secret = PASSWORDS.into_iter().chain(tokens).find(|secret| out.contains(secret));
        assert!(secret.is_none(), "{secret:?} is told: {out}");
        let name = ACCOUNTS[self.account];
        let plain = |password| Message::Response(format!("\0{name}\0{password}").into_bytes()).to_element();
        let in_plain = PASSWORDS.into_iter().any(|password| out.contains(&*plain(password).text()));
        assert!(!in_plain || (self.may_say_plain() && !is_clear), "the password is told");
    }
}

impl Play {
    fn mode(&self) -> TlsMode {
        if self.setup.starts_tls() { TlsMode::StartTlsOutside } else { TlsMode::Outside }
    }

    /// A client is started; the one before is forgotten.
    pub(super) fn log_in(&mut self, who: usize, op: Op) {
        let flags = [op.a / 3, 0];
        let device = &mut self.devices[who];
        let password = if bit(flags, 1) { device.password + 1 } else { device.password };
        device.given = Some(password % PASSWORDS.len()).filter(|_| !bit(flags, 0));
        device.is_late = bit(flags, 2) || bit(self.settings, 11);
        let device = &self.devices[who];
        let other = &self.devices[(who + 1 + usize::from(op.b % 2)) % self.devices.len()];
        let made_up =
            FastToken::new(Mechanism::WITH_TOKEN[2], "made up", Utc::from_unix_millis(i64::MAX / 2));
        let token = match op.b % 16 {
            7 | 8 => None,
            back @ 9..12 => device.old.iter().rev().nth(usize::from(back - 9)).cloned(),
            12 | 13 => other.token.clone(),
            14 => Some(made_up),
            15 => device
                .token
                .clone()
                .map(|token| FastToken::new(Mechanism::WITH_TOKEN[1], &token.token, token.expiry)),
            _ => device.token.clone(),
        };
        self.begin(who, token, op.b / 16);
    }

    fn begin(&mut self, who: usize, token: Option<FastToken>, middle: u8) {
        self.leave(who);
        let device = &self.devices[who];
        let (account, client, has_bindings) = (device.account, device.client, device.has_bindings);
        let Some(login) = self.connect(account, client, has_bindings, middle) else { return };
        let config = self.devices[who].config(self.settings, self.mode(), token.clone());
        let machine = Client::new(config, self.now, Entropy::from_seed([login as u8; 32]));
        (self.devices[who].machine, self.devices[who].is_past_plain) = (Some(machine), false);
        self.attach(who, login, token);
    }

    /// An interrupted client is given another connection.
    pub(super) fn reconnect(&mut self, who: usize, op: Op) {
        let (now, mode, device) = (self.now, self.mode(), &self.devices[who]);
        if !device.machine.as_ref().is_some_and(Client::is_interrupted) {
            return;
        }
        let (account, client, has_bindings) = (device.account, device.client, device.has_bindings);
        let Some(login) = self.connect(account, client, has_bindings, op.b / 16) else { return };
        if let Some(machine) = &mut self.devices[who].machine {
            machine.reconnect(now, mode).expect("it is interrupted");
        }
        self.attach(who, login, None);
    }

    /// A client begins on a connection. What can be expected?
    fn attach(&mut self, who: usize, number: usize, token: Option<FastToken>) {
        let is_busy = |play: &Play, other: usize| {
            let other = &play.logins[other];
            other.account == play.devices[who].account && !other.link.up.is_empty()
        };
        let is_busy = self.shelf.len() > 0 || (0..number).any(|other| is_busy(self, other));
        let (now, setup, device) = (self.now, self.setup, &mut self.devices[who]);
        self.logins[..number]
            .iter_mut()
            .filter(|other| other.account == device.account && !other.is_over)
            .for_each(|other| other.is_undisturbed = false);
        let login = &mut self.logins[number];
        login.is_undisturbed &= !is_busy;
        login.password = device.given;
        let right = self.model.passwords[device.account] % PASSWORDS.len();
        let with_password =
            device.given == Some(right) && setup.takes_password(device.has_bindings, device.may_say_plain());
        let held = token.filter(|token| token.expiry > now.utc).and_then(|token| {
            let number = self.model.find(&token.token)?;
            (self.model.tokens[number].token.mechanism == token.mechanism).then_some(number)
        });
        login.held = held.filter(|token| {
            let mechanism = self.model.tokens[*token].token.mechanism;
            let is_usable = device.has_bindings || mechanism == Mechanism::WITH_TOKEN[2];
            is_usable && setup.takes_token(mechanism)
        });
        let with_token =
            login.held.is_some_and(|token| self.model.is_good(token, device.account, device.client, now));
        login.hope = with_password || with_token;
        device.login = Some(number);
        if !setup.starts_tls() {
            let info = TlsInfo { bindings: login.seen.clone(), ..TlsInfo::default() };
            let machine = device.machine.as_mut().expect("it has just been started");
            machine.secured(now, info).expect("TLS is outside");
        }
    }

    /// A client is forgotten, and its connection with it.
    fn leave(&mut self, who: usize) {
        let device = &mut self.devices[who];
        device.machine = None;
        if let Some(login) = device.login.take() {
            self.logins[login].link.has_client = false;
            self.logins[login].is_over = true;
        }
    }

    /// A client's owner has had enough, whether it has got in or not.
    pub(super) fn close(&mut self, who: usize) {
        self.devices[who].close(self.now);
        if let Some(login) = self.devices[who].login {
            self.logins[login].is_undisturbed = false;
        }
    }

    /// A connection breaks: what is on its way is gone, and both, one or none of them notice.
    pub(super) fn cut(&mut self, who: usize, op: Op) {
        let now = self.now;
        let Some(number) = self.devices[who].login else { return };
        let login = &mut self.logins[number];
        login.is_undisturbed = false;
        login.link.up.clear();
        login.link.down.clear();
        login.link.has_client = false;
        let id = login.link.id;
        if matches!(op.b % 4, 0 | 2) && std::mem::take(&mut login.link.has_server) {
            self.with(None, |server, now| server.disconnected(now, id));
        }
        if matches!(op.b % 4, 0 | 1) {
            self.devices[who].login = None;
            if let Some(machine) = &mut self.devices[who].machine {
                machine.receive_eof(now);
            }
        }
    }

    pub(super) fn down(&mut self, number: usize, count: u8) -> bool {
        let now = self.now;
        let link = &mut self.logins[number].link;
        let device = self.devices.iter_mut().find(|device| device.login == Some(number));
        let parts = device.and_then(|device| Some((device.machine.as_mut()?, &mut device.is_past_plain)));
        let Some((machine, is_past_plain)) = parts else {
            link.down.clear();
            return false;
        };
        let count = crate::link::size(count, link.down.len()).min(machine.read_budget());
        if count > 0 && link.has_client {
            let bytes: Vec<u8> = link.down.drain(..count).collect();
            machine.receive(now, &bytes);
            *is_past_plain |= machine.keys().is_some();
            return true;
        }
        let is_over = !link.has_server || self.server.is_finished(link.id);
        let is_open = !machine.is_finished() && !machine.is_interrupted();
        if is_over && link.down.is_empty() && link.has_client && is_open {
            machine.receive_eof(now);
            link.has_client = false;
            return true;
        }
        false
    }

    /// A client's owner takes events, and then sends.
    pub(super) fn listen(&mut self, who: usize) -> bool {
        let mut moved = false;
        while let Some(event) = self.devices[who].machine.as_mut().and_then(Machine::poll_event) {
            moved = true;
            if event == Event::StartTls {
                self.send(who);
                self.secured(who);
            }
            self.on_event(who, event);
        }
        self.send(who) || moved
    }

    fn send(&mut self, who: usize) -> bool {
        let device = &mut self.devices[who];
        let mut out = Vec::new();
        let Some(machine) = &mut device.machine else { return false };
        if machine.transmit(&mut out) == 0 {
            return false;
        }
        if let Some(login) = device.login.and_then(|login| self.logins.get_mut(login)) {
            device.check_said(&out, login.is_clear);
            if login.link.has_client {
                login.link.up.extend(out);
            }
        }
        true
    }

    fn secured(&mut self, who: usize) {
        let device = &mut self.devices[who];
        let (Some(login), Some(machine)) = (device.login, &mut device.machine) else { return };
        let login = &mut self.logins[login];
        login.is_clear = false;
        // Refused if the end has come meanwhile.
        let _ = machine.secured(self.now, TlsInfo { bindings: login.seen.clone(), ..TlsInfo::default() });
    }

    fn on_event(&mut self, who: usize, event: Event) {
        let now = self.now;
        let device = &mut self.devices[who];
        match event {
            Event::Token(token) => {
                let known = self.model.find(&token.token).expect("a token that the server has given");
                let issued = &self.model.tokens[known];
                assert_eq!((issued.account, issued.client), (device.account, device.client));
                assert_eq!(issued.token.mechanism, token.mechanism, "for which mechanism");
                device.old.extend(device.token.replace(token));
            }
            Event::CredentialsNeeded { .. } => match device.credentials() {
                Some(credentials) => {
                    let machine = device.machine.as_mut().expect("it has asked");
                    machine.authenticate(now, credentials).expect("asked for");
                }
                None => {
                    device.close(now);
                    self.not_in(who, "it has no password");
                }
            },
            Event::Online(jid) | Event::Resumed(jid) => {
                assert_eq!(jid.bare_str(), account(device.account).as_str(), "somebody else");
                self.check_online(who);
            }
            Event::Closed(end) => {
                self.not_in(who, &format!("{end:?}"));
                self.leave(who);
            }
            Event::Interrupted(error) => {
                self.not_in(who, &format!("{error:?}"));
                if let Some(login) = self.devices[who].login.take() {
                    self.logins[login].link.has_client = false;
                }
            }
            _ => {}
        }
    }

    /// A client thinks that it is in.
    fn check_online(&mut self, who: usize) {
        let device = &self.devices[who];
        let mechanism = device.machine.as_ref().and_then(Client::mechanism).expect("it has logged in");
        let Some(login) = device.login.and_then(|login| self.logins.get_mut(login)) else { return };
        assert!(login.is_in, "the server does not think so");
        if mechanism != Mechanism::Plain {
            assert!(!login.middle.has_forged, "the server did not prove itself");
        }
        login.is_over = true;
    }

    /// A client has not got in, or is not any more.
    fn not_in(&mut self, who: usize, why: &str) {
        let device = &self.devices[who];
        let Some(login) = device.login.and_then(|login| self.logins.get_mut(login)) else { return };
        let is_locked_out = login.hope && login.is_undisturbed && !login.is_over;
        assert!(!is_locked_out, "{} is locked out: {why}", ACCOUNTS[device.account]);
        login.is_over = true;
    }

    /// Everything works, and everybody who should gets in, first with a password and then with a token. What is over is over.
    pub(super) fn finish(&mut self) {
        (self.store_waits, self.bytes_wait) = (false, false);
        self.settle();
        for device in &self.devices {
            let login = device.login.map(|login| &self.logins[login]);
            let is_stuck = login.is_some_and(|it| it.hope && it.is_undisturbed && !it.is_over);
            assert!(!is_stuck, "{} neither gets in nor is refused", ACCOUNTS[device.account]);
        }
        self.forget_connections();
        self.wait(Duration::from_secs(1200));
        self.settle();
        self.all_log_in();
        if self.setup.changed() != 0 {
            self.restart(Op { what: b'R', a: 0, b: self.setup.changed() });
            self.settle();
            self.all_log_in();
        }
    }

    fn all_log_in(&mut self) {
        for who in 0..self.devices.len() {
            let right = self.model.passwords[self.devices[who].account] % PASSWORDS.len();
            for password in [Some(right), None] {
                self.devices[who].given = password;
                let token = self.devices[who].token.clone();
                self.begin(who, token, 0);
                self.settle();
                let Some(login) = self.devices[who].login else { continue };
                let machine = self.devices[who].machine.as_ref();
                let is_online = machine.is_some_and(Client::is_online);
                assert!(is_online || !self.logins[login].hope, "{who} does not get in");
            }
            for back in 0..self.devices[who].old.len().min(3) {
                let at = self.devices[who].old.len() - 1 - back;
                let last = self.devices[who].old.len() - 1;
                self.devices[who].old.swap(at, last);
                self.by_hand(who, Op { what: b'w', a: 0, b: 32 });
                self.settle();
            }
        }
        self.forget_connections();
    }

    fn forget_connections(&mut self) {
        (0..self.devices.len()).for_each(|who| self.leave(who));
        for login in 0..self.logins.len() {
            let link = &mut self.logins[login].link;
            let id = link.id;
            link.up.clear();
            if std::mem::take(&mut link.has_server) {
                self.with(None, |server, now| server.disconnected(now, id));
            }
        }
        self.settle();
    }
}
