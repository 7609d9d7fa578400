//! What the machines do: log in, each send to its neighbour, receive, leave.

use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant, UNIX_EPOCH};

use waxwing_core::client::{Client, Config, Event, TlsMode};
use waxwing_core::jid::Jid;
use waxwing_core::machine::{self, Entropy, Now, Utc};
use waxwing_core::sasl::Credentials;
use waxwing_core::stanza::Message;
use waxwing_core::stream::tls::{ClientTls, default_provider};

use crate::engine::Engine;
use crate::options::Target;

/// Logins under way at once: each takes some milliseconds of this one thread, and servers give each a limited time.
const LOGINS: usize = 32;
/// How long it may go on without anything happening.
const PATIENCE: Duration = Duration::from_secs(30);

/// What was done, and how long it took.
#[derive(Debug)]
pub(crate) struct Figures {
    clients: usize,
    messages: usize,
    logins: Duration,
    talk: Duration,
    polls: u64,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures { clients, messages, logins, talk, polls } = self;
        let rate = |count: usize, time: &Duration| count as f64 / time.as_secs_f64();
        writeln!(f, "{clients} clients in one thread")?;
        writeln!(f, "logged in: {logins:.1?}, {:.0} a second", rate(*clients, logins))?;
        writeln!(f, "received: {messages} messages in {talk:.1?}, {:.0} a second", rate(*messages, talk))?;
        writeln!(f, "the system was asked for news {polls} times")
    }
}

/// Where everybody stands.
#[derive(Debug, Default)]
struct Progress {
    addresses: Vec<Option<Jid>>,
    online: usize,
    /// How many messages have come, to each and to all.
    received: Vec<usize>,
    total: usize,
    closed: usize,
    failure: Option<String>,
}

/// Lets `clients` machines talk, each sending `messages`.
pub(crate) fn run(target: &Target, clients: usize, messages: usize) -> Result<Figures, Box<dyn Error>> {
    let start = Instant::now();
    let now = || {
        let utc = UNIX_EPOCH.elapsed().map_or(0, |since| since.as_millis() as i64);
        Now::new(machine::Instant::from_origin(start.elapsed()), Utc::from_unix_millis(utc))
    };
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    let mut entropy = Entropy::from_seed(seed);
    let tls = ClientTls::with_fingerprint(default_provider(), target.fingerprint)?;
    let mut engine = Engine::new()?;
    let mut progress =
        Progress { addresses: vec![None; clients], received: vec![0; clients], ..Progress::default() };

    while progress.online < clients {
        while engine.len() < clients && engine.len() < progress.online + LOGINS {
            let config = config(&target.accounts[engine.len()], &tls)?;
            engine.connect(Client::new(config, now(), entropy.fork()), target.address)?;
        }
        step(&mut engine, &mut progress, messages, now)?;
    }
    let logins = start.elapsed();

    let addresses: Vec<Jid> = std::mem::take(&mut progress.addresses).into_iter().flatten().collect();
    for (number, to) in (0..clients).zip(addresses.iter().cycle().skip(1)) {
        let Some(client) = engine.call(number) else { continue };
        for count in 0..messages {
            client.send(now(), Message::chat(to.clone(), &format!("{count} of {number}")))?;
        }
    }
    while progress.closed < clients {
        step(&mut engine, &mut progress, messages, now)?;
    }
    if progress.total != clients * messages {
        return Err(format!("{} messages came instead of {}", progress.total, clients * messages).into());
    }
    Ok(Figures {
        clients,
        messages: progress.total,
        logins,
        talk: start.elapsed() - logins,
        polls: engine.polls,
    })
}

fn config((account, password): &(String, String), tls: &ClientTls) -> Result<Config, Box<dyn Error>> {
    let account = Jid::new(account)?;
    let username = account.local().unwrap_or_default().to_owned();
    let mut config = Config::new(account, TlsMode::StartTls(tls.clone()));
    config.credentials = Some(Credentials::Password { username, password: password.clone() });
    Ok(config)
}

/// Lets something happen.
fn step(
    engine: &mut Engine<Client>,
    progress: &mut Progress,
    messages: usize,
    now: impl Fn() -> Now + Copy,
) -> Result<(), Box<dyn Error>> {
    let begun = now().instant;
    let mut happened = false;
    while !happened {
        engine.turn(PATIENCE, now, |number, client, now, event| {
            happened = true;
            progress.note(number, client, now, event, messages);
        })?;
        if !happened && now().instant.saturating_since(begun) >= PATIENCE {
            return Err("nothing happens any more".into());
        }
    }
    progress.failure.take().map_or(Ok(()), |failure| Err(failure.into()))
}

impl Progress {
    fn note(&mut self, number: usize, client: &mut Client, now: Now, event: Event, goal: usize) {
        match event {
            Event::Online(jid) => {
                self.addresses[number] = Some(jid.into());
                self.online += 1;
            }
            Event::Message(message) => {
                if let Some(error) = message.error() {
                    self.failure = Some(format!("client {number} could not be heard: {error}"));
                }
                self.total += 1;
                self.received[number] += 1;
                if self.received[number] == goal {
                    client.close(now);
                }
            }
            Event::Closed(how) => {
                self.closed += 1;
                if let Err(error) = how {
                    self.failure = Some(format!("client {number}: {error}"));
                }
            }
            _ => {}
        }
    }
}
