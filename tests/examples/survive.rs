//! A client that sends numbered messages and tells those it receives, over connections that break, and over a restart of its
//! own process in the middle. For `tests/interop`, where `survive_slixmpp.py` says what such a client is told and prints.
//!
//! Usage: `survive ENV LOCAL TO COUNT PORT [--restart-at N] [--state FILE]`. Once N messages have come it writes what it needs
//! to FILE and executes itself anew, without a word to the server.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};
use std::time::Duration;
use std::{env, fs, io, thread};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{Instant, sleep_until};
use waxwing_core::client::session::Reconnect;
use waxwing_core::client::{Config, Event, Management, Ping, RequestHandle, Saved, SendError, TlsMode};
use waxwing_core::dns::{Security, Target};
use waxwing_core::jid::Jid;
use waxwing_core::machine::Machine as _;
use waxwing_core::sasl::Credentials;
use waxwing_core::stanza::{Message, Presence, PresenceType};
use waxwing_core::stream::tls::{ClientTls, default_provider};
use waxwing_tokio::SessionDriver;
use waxwing_tokio::system_config;

/// How many messages it sends in a row, and then rests.
const BURST: u32 = 10;
const REST: Duration = Duration::from_millis(100);

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    u8::from(run().inspect_err(|error| eprintln!("survive: {error}")).is_err()).into()
}

#[tokio::main(flavor = "current_thread")]
async fn run() -> Outcome<()> {
    let arguments = Arguments::parse()?;
    let progress = arguments.progress()?;
    let mut survivor = Survivor::new(arguments, progress)?;
    let mut orders = orders();
    loop {
        let pause = survivor.pause_until();
        let interrupt = async {
            tokio::select! {
                order = orders.recv() => Some(order),
                () = sleep_until(pause.unwrap_or_else(Instant::now)), if pause.is_some() => None,
            }
        };
        match survivor.driver.next_event_or(interrupt).await {
            Ok(Some(event)) => survivor.take(event)?,
            Ok(None) => return Ok(()),
            Err(Some(Some(()))) => survivor.progress.may_send = true,
            Err(Some(None)) => survivor.close(),
            Err(None) => {}
        }
        survivor.send()?;
    }
}

/// A message for each line of standard input; its end is the end.
fn orders() -> UnboundedReceiver<()> {
    let (sender, orders) = unbounded_channel();
    thread::spawn(move || io::stdin().lines().map_while(Result::ok).try_for_each(|_| sender.send(())));
    orders
}

struct Survivor {
    arguments: Arguments,
    driver: SessionDriver,
    to: Jid,
    progress: Progress,
    ping: Option<RequestHandle<Ping>>,
    rest_until: Option<Instant>,
    is_closing: bool,
}

/// What is known of the messages; it outlives the process.
#[derive(Default)]
struct Progress {
    may_send: bool,
    sent: u32,
    acknowledged: u32,
    received: u32,
    sessions: u32,
}

impl Survivor {
    fn new(arguments: Arguments, progress: Progress) -> Outcome<Survivor> {
        let tls = ClientTls::with_fingerprint(default_provider(), arguments.peer["fingerprint"].parse()?)?;
        let mut config = Config::new(arguments.jid(&arguments.local)?, TlsMode::StartTls(tls));
        config.credentials = Some(Credentials::Password {
            username: arguments.local.clone(),
            password: arguments.password.clone(),
        });
        config.management = Management::Resume { max: Some(Duration::from_secs(300)) };
        config.resume = arguments.saved()?;
        let mut reconnect = Reconnect::default();
        reconnect.targets = vec![Target::Host {
            host: arguments.peer["host"].clone(),
            port: arguments.port,
            security: Security::StartTls,
        }];
        // Tests have no patience, and the server has nobody else.
        (reconnect.spread, reconnect.alone) = (Duration::from_millis(200), Duration::from_millis(200));
        (reconnect.longest, reconnect.shortest) = (Duration::from_secs(1), Duration::from_millis(100));
        let to = arguments.jid(&arguments.to)?;
        let driver = SessionDriver::new(config, reconnect, system_config())?;
        Ok(Survivor { arguments, driver, to, progress, ping: None, rest_until: None, is_closing: false })
    }

    fn take(&mut self, event: Event) -> Outcome<()> {
        let now = self.driver.clock().now();
        match event {
            Event::Online(_) => {
                let client = self.driver.session_mut().client_mut();
                client.set_presence(now, Presence::builder(PresenceType::Available).build())?;
                // The answer proves that the server has seen the presence, which bare addresses need.
                let to = Some(Jid::new(&self.arguments.peer["domain"])?);
                self.ping = Some(client.request(now, Ping { to }, None)?);
            }
            Event::Reply(reply)
                if self
                    .ping
                    .as_ref()
                    .and_then(|ping| ping.read(&reply))
                    .is_some_and(|answer| answer.is_ok()) =>
            {
                self.progress.sessions += 1;
                tell(if self.progress.sessions == 1 { "online" } else { "fresh" })?;
            }
            Event::Resumed(_) => tell("resumed")?,
            Event::Message(message) => {
                let text = message.body(None).unwrap_or_default();
                let number = text.strip_prefix("number ").ok_or_else(|| format!("what is this? {text}"))?;
                tell(&format!("got {number}"))?;
                self.progress.received += 1;
                if Some(self.progress.received) == self.arguments.restart_at {
                    self.restart()?;
                }
            }
            Event::Acknowledged(_) => {
                self.progress.acknowledged += 1;
                // The first one is presence.
                if self.progress.acknowledged == self.arguments.count + self.progress.sessions {
                    tell("all sent")?;
                }
            }
            Event::Unsent { stanza, .. } | Event::Unacknowledged { stanza, .. } if !self.is_closing => {
                tell(&format!("given up: {stanza:?}"))?;
            }
            Event::Closed(result) => result?,
            _ => {}
        }
        Ok(())
    }

    /// Sends the next few, whether there is a connection or not.
    fn send(&mut self) -> Outcome<()> {
        let now = self.driver.clock().now();
        if self.pause_until().is_none_or(|until| until > Instant::now()) {
            return Ok(());
        }
        for _ in 0..BURST.min(self.arguments.count - self.progress.sent) {
            let text = format!("number {}", self.progress.sent + 1);
            match self.driver.session_mut().send(now, Message::chat(self.to.clone(), &text)) {
                Ok(_) => self.progress.sent += 1,
                Err(SendError::QueueFull) => break,
                Err(error) => return Err(error.into()),
            }
        }
        self.rest_until = Some(Instant::now() + REST);
        Ok(())
    }

    /// When the next message is due, if one is.
    fn pause_until(&self) -> Option<Instant> {
        let has_more =
            self.progress.may_send && self.progress.sent < self.arguments.count && !self.is_closing;
        has_more.then(|| self.rest_until.unwrap_or_else(Instant::now))
    }

    fn close(&mut self) {
        self.is_closing = true;
        let now = self.driver.clock().now();
        self.driver.session_mut().close(now);
    }

    /// The next process goes on where this one ends: what has been saved is exact once no event is left.
    fn restart(&mut self) -> Outcome<()> {
        self.arguments.restart_at = None;
        while let Some(event) = self.driver.session_mut().poll_event() {
            self.take(event)?;
        }
        let Some(saved) = self.driver.session().client().save() else {
            return Err("there is no session to resume".into());
        };
        let Progress { may_send, sent, acknowledged, received, sessions } = self.progress;
        let numbers = [u32::from(may_send), sent, acknowledged, received, sessions];
        let mut bytes: Vec<u8> = numbers.into_iter().flat_map(u32::to_be_bytes).collect();
        bytes.extend(saved.to_bytes());
        fs::write(&self.arguments.state, bytes)?;
        tell("restarted")?;
        Err(Command::new(env::current_exe()?).args(self.arguments.again()).exec().into())
    }
}

fn tell(line: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{line}")?;
    output.flush()
}

struct Arguments {
    env: String,
    peer: BTreeMap<String, String>,
    local: String,
    password: String,
    to: String,
    count: u32,
    port: u16,
    restart_at: Option<u32>,
    state: String,
    is_again: bool,
}

impl Arguments {
    fn parse() -> Outcome<Arguments> {
        let given: Vec<String> = env::args().skip(1).collect();
        let (five, options) = given.split_first_chunk::<5>().ok_or("usage: see the source")?;
        let [env, local, to, count, port] = five.clone();
        let option = |name: &str| {
            let at = options.iter().position(|option| option == name)?;
            options.get(at + 1).cloned()
        };
        let peer: BTreeMap<String, String> = fs::read_to_string(&env)?
            .lines()
            .filter_map(|line| line.strip_prefix("peer_")?.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let accounts = fs::read_to_string(&peer["accounts"])?;
        let password =
            accounts.lines().filter_map(|line| line.split_once('\t')).find(|(name, _)| *name == local);
        Ok(Arguments {
            password: password.ok_or("no such account")?.1.to_owned(),
            restart_at: option("--restart-at").map(|at| at.parse()).transpose()?,
            state: option("--state").unwrap_or_default(),
            is_again: options.iter().any(|option| option == "--again"),
            count: count.parse()?,
            port: port.parse()?,
            env,
            peer,
            local,
            to,
        })
    }

    fn jid(&self, local: &str) -> Outcome<Jid> {
        Ok(Jid::new(&format!("{local}@{}", self.peer["domain"]))?)
    }

    /// For the process that goes on.
    fn again(&self) -> Vec<String> {
        let (count, port) = (self.count.to_string(), self.port.to_string());
        let all: [&str; 8] =
            [&self.env, &self.local, &self.to, &count, &port, "--state", &self.state, "--again"];
        all.map(str::to_owned).into()
    }

    fn progress(&self) -> Outcome<Progress> {
        if !self.is_again {
            return Ok(Progress::default());
        }
        let bytes = fs::read(&self.state)?;
        let mut numbers =
            bytes.chunks_exact(4).map(|four| u32::from_be_bytes(four.try_into().unwrap_or_default()));
        let mut next = || numbers.next().unwrap_or_default();
        Ok(Progress {
            may_send: next() == 1,
            sent: next(),
            acknowledged: next(),
            received: next(),
            sessions: next(),
        })
    }

    fn saved(&self) -> Outcome<Option<Saved>> {
        if !self.is_again {
            return Ok(None);
        }
        let bytes = fs::read(&self.state)?;
        Ok(Some(Saved::from_bytes(bytes.get(20..).unwrap_or_default())?))
    }
}
