//! A client that logs in in the ways that SASL2 (XEP-0388) has, and checks that it was those. For `tests/interop`.
//!
//! Usage: `login ENV LOCAL WHAT`. `WHAT` says what the server can do: `fast`, with tokens; `rotation`, with a new token at each
//! login besides; `rfc6120`, nothing of it. Prints a line for each step.
//!
//! It counts round trips on a connection with direct TLS. One is for the TLS handshake and one for the stream header; then
//! comes what authentication takes, and resource, resumption and stream management where they are not part of that.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs};

use waxwing_core::client::{Client, Config, Event, FastToken, Management, Ping, RequestHandle, TlsMode};
use waxwing_core::jid::{FullJid, Jid};
use waxwing_core::machine::Machine as _;
use waxwing_core::sasl::{Credentials, Mechanism};
use waxwing_core::stream::sasl2::{ClientId, UserAgent};
use waxwing_core::stream::tls::{ClientTls, default_provider};
use waxwing_std::{Clock, entropy};

/// What the resource begins with, if the server binds it by Bind 2.
const TAG: &str = "interop";
/// TLS, and the stream header.
const BEFORE: u32 = 2;
const SCRAM: u32 = 2;
const TOKEN: u32 = 1;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    u8::from(run().inspect_err(|error| eprintln!("login: {error}")).is_err()).into()
}

fn run() -> Outcome<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [env, local, what] = arguments.as_slice() else { return Err("usage: see the source".into()) };
    let account = Account::read(env, local)?;
    match what.as_str() {
        "rfc6120" => falls_back_to_rfc_6120(&account),
        "fast" => uses_tokens(&account, false),
        "rotation" => uses_tokens(&account, true),
        _ => Err(format!("what is {what}?").into()),
    }
}

fn uses_tokens(account: &Account, rotates: bool) -> Outcome<()> {
    let mut login = account.log_in(true, None)?;
    login.expect_online(SCRAM, is_scram)?;
    let token = login.token.take().ok_or("no token came")?;
    login.ping()?;
    login.close()?;
    println!(
        "SASL2 with a password, Bind 2 with stream management, a token: {} round trips",
        login.round_trips
    );

    let mut login = account.log_in(false, Some(&token))?;
    login.expect_online(TOKEN, |mechanism| mechanism == token.mechanism)?;
    let token = match login.token.take() {
        Some(next) if next.token != token.token => next,
        None if !rotates => token,
        _ => return Err("the token was not replaced".into()),
    };
    println!("a token instead of the password: {} round trips", login.round_trips);

    // What was asked on the connection before is answered on the next.
    for _ in 0..2 {
        let ping = login.ask()?;
        login.flush()?;
        login.reconnect()?;
        login.expect_resumed()?;
        login.pong(&ping)?;
    }
    login.close()?;
    println!("resumption inline, with the token: {} round trips", login.round_trips);

    let wrong = FastToken::new(token.mechanism, "not this one", token.expiry);
    let mut login = account.log_in(true, Some(&wrong))?;
    login.expect_online(TOKEN + SCRAM, is_scram)?;
    let token = login.token.take().ok_or("no token came after a wrong one")?;
    login.ping()?;
    login.close()?;
    println!("a wrong token, and the password after it: {} round trips", login.round_trips);

    let mut login = account.log_in(false, Some(&wrong))?;
    match login.event()? {
        Event::CredentialsNeeded { .. } => {}
        event => return Err(format!("a wrong token and no password: {event:?}").into()),
    }
    println!("a wrong token and no password: the caller is asked");

    let mut login = account.log_in(false, Some(&token))?;
    login.expect_online(TOKEN, |mechanism| mechanism == token.mechanism)?;
    login.close()?;
    println!("the token that came after the password: it is good");
    Ok(())
}

/// All is wanted, and what there is has to do.
fn falls_back_to_rfc_6120(account: &Account) -> Outcome<()> {
    let token = FastToken::new(
        Mechanism::with_token("HT-SHA-256-NONE").ok_or("there is no such mechanism")?,
        "of another server",
        account.clock.now().after(Duration::from_secs(3600)).utc,
    );
    let mut login = account.log_in(true, Some(&token))?;
    match login.event()? {
        Event::Online(jid) if !is_of_bind_2(&jid) => {}
        event => return Err(format!("not online as RFC 6120 has it: {event:?}").into()),
    }
    if login.token.is_some()
        || login.client.features().is_some_and(|features| features.authentication().is_some())
    {
        return Err("the server has more than RFC 6120".into());
    }
    login.ping()?;
    login.close()?;
    println!("RFC 6120, without a word about what was wanted besides: {} round trips", login.round_trips);
    Ok(())
}

fn is_scram(mechanism: Mechanism) -> bool {
    matches!(mechanism, Mechanism::Scram { .. })
}

fn is_of_bind_2(jid: &FullJid) -> bool {
    jid.resource().is_some_and(|resource| resource.starts_with(TAG))
}

/// One client, on one connection after the other.
struct Login<'a> {
    account: &'a Account,
    client: Client,
    socket: TcpStream,
    /// How often it has said something after it had heard something.
    round_trips: u32,
    has_heard: bool,
    token: Option<FastToken>,
}

impl Login<'_> {
    fn expect_online(&mut self, round_trips: u32, is_right: impl Fn(Mechanism) -> bool) -> Outcome<()> {
        match self.event()? {
            Event::Online(jid) if is_of_bind_2(&jid) => {}
            event => return Err(format!("not online by Bind 2: {event:?}").into()),
        }
        let mechanism = self.client.mechanism();
        if !mechanism.is_some_and(is_right) {
            return Err(format!("logged in with {mechanism:?}").into());
        }
        if !self.client.can_resume() {
            return Err("the stream cannot be resumed".into());
        }
        self.expect_round_trips(round_trips)
    }

    fn expect_resumed(&mut self) -> Outcome<()> {
        match self.event()? {
            Event::Resumed(_) => {}
            event => return Err(format!("not resumed: {event:?}").into()),
        }
        if !self.client.mechanism().is_some_and(|mechanism| Mechanism::WITH_TOKEN.contains(&mechanism)) {
            return Err(format!("logged in with {:?}", self.client.mechanism()).into());
        }
        self.expect_round_trips(TOKEN)
    }

    fn expect_round_trips(&self, authentication: u32) -> Outcome<()> {
        if self.round_trips != BEFORE + authentication {
            return Err(format!("{} round trips, not {}", self.round_trips, BEFORE + authentication).into());
        }
        Ok(())
    }

    fn ask(&mut self) -> Outcome<RequestHandle<Ping>> {
        let to = Some(Jid::new(&self.account.peer["domain"])?);
        Ok(self.client.request(self.account.clock.now(), Ping { to }, None)?)
    }

    fn pong(&mut self, ping: &RequestHandle<Ping>) -> Outcome<()> {
        loop {
            if let Event::Reply(reply) = self.event()?
                && let Some(answer) = ping.read(&reply)
            {
                return Ok(answer?);
            }
        }
    }

    fn ping(&mut self) -> Outcome<()> {
        let (ping, round_trips) = (self.ask()?, self.round_trips);
        self.pong(&ping)?;
        self.round_trips = round_trips;
        Ok(())
    }

    /// The connection breaks, without a word, and there is another.
    fn reconnect(&mut self) -> Outcome<()> {
        self.socket = self.account.connect()?;
        let now = self.account.clock.now();
        self.client.receive_eof(now);
        match self.event()? {
            Event::Interrupted(_) => {}
            event => return Err(format!("not interrupted: {event:?}").into()),
        }
        (self.round_trips, self.has_heard) = (0, true);
        Ok(self.client.reconnect(now, self.account.tls()?)?)
    }

    fn close(&mut self) -> Outcome<()> {
        self.client.close(self.account.clock.now());
        let round_trips = self.round_trips;
        loop {
            if let Event::Closed(result) = self.event()? {
                self.round_trips = round_trips;
                return Ok(result?);
            }
        }
    }

    /// Sends what there is to send.
    fn flush(&mut self) -> Outcome<()> {
        let mut out = Vec::new();
        if self.client.transmit(&mut out) > 0 {
            self.round_trips += u32::from(std::mem::take(&mut self.has_heard));
            self.socket.write_all(&out)?;
        }
        Ok(())
    }

    /// The next event of note. A token is kept.
    fn event(&mut self) -> Outcome<Event> {
        loop {
            match self.client.poll_event() {
                Some(Event::Token(token)) => self.token = Some(token),
                Some(Event::Sent(_) | Event::Acknowledged(_)) => {}
                Some(event) => return Ok(event),
                None => self.turn()?,
            }
        }
    }

    fn turn(&mut self) -> Outcome<()> {
        self.flush()?;
        let mut buffer = [0; 4096];
        let count = self.socket.read(&mut buffer)?;
        let now = self.account.clock.now();
        match count {
            0 => self.client.receive_eof(now),
            _ => self.client.receive(now, &buffer[..count]),
        }
        self.has_heard = true;
        Ok(())
    }
}

struct Account {
    /// What `peer start` wrote.
    peer: BTreeMap<String, String>,
    local: String,
    password: String,
    clock: Clock,
}

impl Account {
    fn read(env: &str, local: &str) -> Outcome<Account> {
        let peer: BTreeMap<String, String> = fs::read_to_string(env)?
            .lines()
            .filter_map(|line| line.strip_prefix("peer_")?.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let accounts = fs::read_to_string(&peer["accounts"])?;
        let found =
            accounts.lines().filter_map(|line| line.split_once('\t')).find(|(name, _)| *name == local);
        let password = found.ok_or("no such account")?.1.to_owned();
        Ok(Account { peer, local: local.to_owned(), password, clock: Clock::start() })
    }

    fn log_in(&self, with_password: bool, token: Option<&FastToken>) -> Outcome<Login<'_>> {
        let account = Jid::new(&format!("{}@{}", self.local, self.peer["domain"]))?;
        let mut config = Config::new(account, self.tls()?);
        config.credentials = with_password
            .then(|| Credentials::Password { username: self.local.clone(), password: self.password.clone() });
        config.user_agent = UserAgent::default();
        config.user_agent.id =
            Some(ClientId::parse("d4565fa7-4d72-4749-b3d3-740edbf87771").ok_or("no UUID")?);
        config.user_agent.software = Some("Waxwing".to_owned());
        config.fast_token = token.cloned();
        config.resource_tag = Some(TAG.to_owned());
        config.management = Management::Resume { max: None };
        config.carbons = true;
        let client = Client::new(config, self.clock.now(), entropy()?);
        let socket = self.connect()?;
        Ok(Login { account: self, client, socket, round_trips: 0, has_heard: true, token: None })
    }

    fn connect(&self) -> Outcome<TcpStream> {
        let socket = TcpStream::connect(format!("{}:{}", self.peer["host"], self.peer["tls_port"]))?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(socket)
    }

    fn tls(&self) -> Outcome<TlsMode> {
        let fingerprint = self.peer["fingerprint"].parse()?;
        Ok(TlsMode::Direct(ClientTls::with_fingerprint(default_provider(), fingerprint)?))
    }
}
