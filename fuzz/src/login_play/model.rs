//! Which secrets are good, by what has been done to the store and what has been said on the wire: and who may be let in.

use super::middle::Middle;
use super::{CLIENTS, PASSWORDS, account};
use crate::link::Link;
use std::time::Duration;
use waxwing_core::client::ClientId;
use waxwing_core::machine::{Now, Utc};
use waxwing_core::sasl::{ChannelBindings, ClientSession, Mechanism, Policy, StoredCredentials};
use waxwing_core::server::store::{Delta, Query, Request, Token, TokenChange};
use waxwing_core::stream::fast;
use waxwing_core::stream::sasl2::Message;

/// Passwords and tokens.
#[derive(Debug, Default)]
pub struct Model {
    /// The serial of each account's password.
    pub passwords: [usize; 2],
    /// What has been derived from each of them.
    pub derived: Vec<StoredCredentials>,
    /// All tokens that there have been, oldest first.
    pub tokens: Vec<Issued>,
}

/// A token that the store has been told of.
#[derive(Debug)]
pub struct Issued {
    pub account: usize,
    pub client: usize,
    pub token: Token,
    /// Known once it has been on the wire.
    pub secret: Option<String>,
    pub state: State,
    /// The greatest count that somebody has been let in with.
    top: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    Unused,
    Used,
    Dead,
}

/// A connection, and what one could know who sees both ends of it.
#[derive(Debug)]
pub struct Login {
    pub link: Link,
    pub account: usize,
    pub client: usize,
    /// The password that its client has.
    pub password: Option<usize>,
    /// The channel as the client sees it, and as the server does.
    pub seen: ChannelBindings,
    pub real: ChannelBindings,
    pub middle: Middle,
    /// There is no TLS yet.
    pub is_clear: bool,
    /// All that the server has heard, and said.
    pub heard: Vec<u8>,
    pub told: Vec<u8>,
    /// What was heard on another connection is said here again.
    pub is_copy: bool,
    /// By hand, with a token used so.
    pub by_hand: Option<fast::Use>,
    /// Nothing has come between that could keep it from getting in.
    pub is_undisturbed: bool,
    /// The token that the client began with.
    pub held: Option<usize>,
    /// It should get in, with its token or its password.
    pub hope: bool,
    pub is_over: bool,
    /// The server has let it in.
    pub is_in: bool,
    /// What the store has said or done for it.
    read: Option<Read>,
    judged: Option<Utc>,
    used: Option<usize>,
    is_revoked: bool,
    given: Option<usize>,
    /// What it was to be given came to nothing, since the one before is gone.
    is_vain: bool,
}

/// What the store said.
#[derive(Clone, Copy, Debug)]
struct Read {
    password: usize,
    /// The token that the client has proved, and what it was then.
    token: Option<(usize, State)>,
}

impl Login {
    pub fn new(link: Link, account: usize, client: usize, seen: ChannelBindings, middle: Middle) -> Login {
        Login {
            link,
            account,
            client,
            password: None,
            real: seen.clone(),
            seen,
            is_undisturbed: !middle.is_there(),
            middle,
            is_clear: false,
            heard: Vec::new(),
            told: Vec::new(),
            is_copy: false,
            by_hand: None,
            held: None,
            hope: false,
            is_over: false,
            is_in: false,
            read: None,
            judged: None,
            used: None,
            is_revoked: false,
            given: None,
            is_vain: false,
        }
    }

    /// The store's answer is given to the server.
    pub fn judge(&mut self, now: Now) {
        self.judged = Some(now.utc);
    }

    /// The token on the wire, if there is one.
    fn token_told(&self) -> Option<&str> {
        let told = std::str::from_utf8(&self.told).ok()?;
        let at = told.find("<token xmlns='urn:xmpp:fast:0'")?;
        let (_, rest) = told[at..].split_once(" token='")?;
        Some(rest.split_once('\'')?.0)
    }
}

impl Model {
    /// The store has done what was asked for a connection, or for nobody.
    pub fn executed(&mut self, request: &Request, login: Option<&mut Login>) {
        let of = (0..2).find(|number| account(*number) == *request.account());
        let (Some(of), mut login) = (of, login) else { return };
        match request {
            Request::Read { query: Query::Credentials, .. } => {
                if let Some(login) = login {
                    login.read = Some(Read { password: self.passwords[of], token: None });
                }
            }
            Request::Read { query: Query::Tokens(_), .. } => {
                if let Some(login) = login {
                    let token = self.proved(login).map(|token| (token, self.tokens[token].state));
                    login.read = Some(Read { password: self.passwords[of], token });
                }
            }
            Request::Save { deltas, .. } => {
                for delta in deltas {
                    match delta {
                        Delta::Credentials(credentials) => {
                            let serial = self.derived.iter().position(|derived| derived == credentials);
                            self.passwords[of] = serial.expect("a password of ours");
                            self.kill(|token| token.account == of);
                        }
                        Delta::Token { client, change } => {
                            let login = login.as_deref_mut().expect("tokens change for those who log in");
                            self.change(of, *client, change, login);
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn kill(&mut self, which: impl Fn(&Issued) -> bool) {
        self.tokens.iter_mut().filter(|token| which(token)).for_each(|token| token.state = State::Dead);
    }

    /// XEP-0484 sections 3.5, 3.6 and 5.1.
    fn change(&mut self, account: usize, client: ClientId, change: &TokenChange, login: &mut Login) {
        let whose = (account, login.client);
        assert_eq!((account, client), (login.account, client_id(login.client)), "another's tokens");
        let is_its = |token: &Issued| (token.account, token.client) == whose;
        let find = |model: &Model, id| {
            let is_it = |token: &Issued| token.token.id == id && token.state != State::Dead;
            model.tokens.iter().position(is_it)
        };
        let proved = login.read.and_then(|read| read.token).map(|(token, _)| token);
        match change {
            TokenChange::Given { token, after } => {
                if after.is_some_and(|after| find(self, after).is_none()) {
                    login.is_vain = true;
                    return;
                }
                self.kill(|token| is_its(token) && token.state == State::Unused);
                // It hangs on the password that was read.
                let is_good = login.read.is_some_and(|read| read.password == self.passwords[account]);
                let state = if is_good { State::Unused } else { State::Dead };
                login.given = Some(self.tokens.len());
                self.tokens.push(Issued {
                    account,
                    client: login.client,
                    token: token.clone(),
                    secret: None,
                    state,
                    top: 0,
                });
            }
            TokenChange::Used { id, .. } => {
                let number = self.tokens.iter().position(|token| token.token.id == *id);
                assert_eq!(number, proved, "another one was used");
                login.used = number;
                if let Some(number) = find(self, *id) {
                    let older = self.tokens[..number].iter_mut().filter(|token| is_its(token));
                    older.for_each(|token| token.state = State::Dead);
                    self.tokens[number].state = State::Used;
                }
            }
            TokenChange::Revoked => {
                assert!(login.by_hand.is_some_and(|used| used.invalidate), "nobody asked for that");
                login.is_revoked = true;
                self.kill(is_its);
            }
            _ => panic!("{change:?}"),
        }
    }

    /// Which token is proved by what a client says, whether it is good or not.
    fn proved(&self, login: &Login) -> Option<usize> {
        let name = super::ACCOUNTS[login.account];
        let heard = String::from_utf8_lossy(&login.heard);
        self.tokens.iter().position(|issued| {
            let Some(secret) = &issued.secret else { return false };
            let (mechanism, policy) = (issued.token.mechanism, Policy::default());
            let begun = ClientSession::with_token(mechanism, name, secret, &policy, true, &login.seen);
            let initial = begun.ok().and_then(|(_, start)| start.initial);
            // In base 64.
            let initial = initial.map(|initial| Message::Response(initial).to_element());
            initial.is_some_and(|initial| heard.contains(&*initial.text()))
        })
    }

    /// The token of this secret.
    pub fn find(&self, secret: &str) -> Option<usize> {
        self.tokens.iter().position(|token| token.secret.as_deref() == Some(secret))
    }

    /// True if it is good for this client of this account now.
    pub fn is_good(&self, token: usize, account: usize, client: usize, now: Now) -> bool {
        let issued = &self.tokens[token];
        (issued.account, issued.client) == (account, client)
            && issued.state != State::Dead
            && issued.token.expires > now.utc
    }

    /// The server lets somebody in.
    pub fn admitted(
        &mut self,
        login: &mut Login,
        mechanism: Mechanism,
        is_protected: bool,
        rotation: Duration,
    ) {
        let read = login.read.expect("the store was asked");
        let is_same_channel = login.seen == login.real;
        match mechanism {
            Mechanism::Ht { binding } => {
                self.admitted_with_token(login, read, mechanism, rotation, binding.is_some())
            }
            Mechanism::Scram { plus, .. } => {
                assert!(!login.is_copy, "a replay");
                assert!(is_same_channel || !plus, "another channel");
                assert!(
                    !is_protected || !login.middle.has_changed_list(login.told_in_sasl2()),
                    "the list was changed (XEP-0474)"
                );
                assert!(!login.middle.has_forged, "what the server proves was changed");
                self.check_password(login, read);
            }
            Mechanism::Plain => self.check_password(login, read),
            other => panic!("{other:?}"),
        }
        login.is_in = true;
    }

    fn check_password(&self, login: &Login, read: Read) {
        let right = read.password % PASSWORDS.len();
        assert_eq!(login.password, Some(right), "a wrong password");
    }

    fn admitted_with_token(
        &mut self,
        login: &Login,
        read: Read,
        mechanism: Mechanism,
        rotation: Duration,
        is_bound: bool,
    ) {
        let (number, was) = read.token.expect("a token that somebody was given");
        let judged = login.judged.expect("the store has answered");
        let issued = &mut self.tokens[number];
        assert_eq!((issued.account, issued.client), (login.account, login.client), "another's token");
        assert_ne!(was, State::Dead, "a token that was good no more");
        assert!(issued.token.expires > judged, "an expired token");
        assert_eq!(issued.token.mechanism, mechanism, "a token for another mechanism");
        assert!(login.seen == login.real || !is_bound, "another channel");
        assert!(was == State::Used || login.used == Some(number) || login.is_revoked, "older ones live on");
        let used = login.by_hand.unwrap_or_default();
        if let Some(count) = used.count {
            assert!(count > issued.top, "a replay");
            issued.top = count;
        }
        assert!(!used.invalidate || login.is_revoked, "it was to be revoked");
        let age = judged.unix_millis() - issued.token.given.unix_millis();
        let is_due = age >= i64::try_from(rotation.as_millis()).expect("not long");
        if login.is_undisturbed && login.by_hand.is_none() {
            assert_eq!(is_due, login.given.is_some(), "rotation, of a token {age} ms old");
        }
    }

    /// The server says something: a token is told of only once the store has it.
    pub fn listen(&mut self, login: &Login) {
        let Some(secret) = login.token_told() else { return };
        let Some(given) = login.given else {
            assert!(login.is_vain, "the store does not have it");
            return;
        };
        let issued = &mut self.tokens[given];
        assert!(issued.secret.as_deref().is_none_or(|known| known == secret), "two secrets");
        issued.secret = Some(secret.to_owned());
    }
}

impl Login {
    fn told_in_sasl2(&self) -> bool {
        self.heard.windows(13).any(|window| window == b"<authenticate")
    }
}

/// The name of an installation.
pub fn client_id(number: usize) -> ClientId {
    ClientId::parse(CLIENTS[number]).expect("a UUID")
}
