//! `load overload`: what happens to well-behaved sessions while others misbehave, and what that costs the server.
//!
//! Some pairs of sessions exchange a message every few milliseconds, and somebody logs in every second, all the time: before an
//! attack, during it, and after. The attackers live in a thread of their own. Everything is bounded, in number and in time.

mod attack;
mod probe;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use crate::cli::{self, Target};
use crate::cpu;
use crate::session::Manner;
pub use attack::Attack;
use probe::Probe;

/// What to do, to whom.
#[derive(Debug)]
pub struct Overload {
    /// The server.
    pub target: Target,
    /// The accounts' domain.
    pub domain: String,
    /// Which attacks, one after the other.
    pub attacks: Vec<Attack>,
    /// How many pairs of sessions behave well.
    pub pairs: usize,
    /// How many connections, or sessions, an attack has at the most.
    pub attackers: usize,
    /// How long an attack lasts, and as long before and after it.
    pub time: Duration,
    /// How long a message or a login of those who behave well may take before the server counts as overwhelmed.
    pub patience: Duration,
}

/// Those who attack, as they see the server.
#[derive(Clone, Debug)]
pub struct Field {
    target: Target,
    manner: Manner,
    /// Accounts that nobody else uses.
    accounts: Arc<Vec<(String, String)>>,
    /// How many may attack.
    attackers: usize,
}

/// Accounts that attackers need, besides those who behave well.
const SPARE: usize = 64;
/// How often the server's memory is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Runs everything and prints a row for each attack. False if the server was overwhelmed.
pub async fn run(options: &Overload) -> Result<bool, String> {
    cpu::raise_file_limit();
    let accounts = cli::accounts(&options.target.accounts, 2 * options.pairs + 1 + SPARE)?;
    let (behaved, spare) = accounts.split_at(2 * options.pairs + 1);
    let field = Field {
        target: options.target.clone(),
        manner: Manner::usual(&options.target, &options.domain)?,
        accounts: Arc::new(spare.to_vec()),
        attackers: options.attackers,
    };
    println!("{} pairs of sessions behave well; {:?} before, during and after", options.pairs, options.time);
    println!("times in milliseconds: of a message (median, 99th percentile), of a login (median, longest)\n");
    println!(
        "{:<13} {:<7} {:>8} {:>8} {:>8} {:>8} {:>8}  what the attackers did",
        "attack", "", "p50", "p99", "login", "longest", "RSS MiB"
    );
    let mut well = true;
    for attack in &options.attacks {
        well &= one(options, *attack, &field, behaved).await?;
    }
    Ok(well)
}

/// One attack, with the time before and after it.
async fn one(
    options: &Overload,
    attack: Attack,
    field: &Field,
    behaved: &[(String, String)],
) -> Result<bool, String> {
    let probe = Probe::start(field, behaved, options.patience).await?;
    let mut rows = Vec::new();
    rows.push(("before", measure(&probe, options).await?, String::new()));

    let (stop, stopped) = watch::channel(false);
    let (ready, begun) = oneshot::channel();
    let fielded = field.clone();
    let attacking = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|e| format!("cannot start: {e}"))?.block_on(attack.run(&fielded, ready, stopped))
    });
    // An attack that cannot begin says why when it is asked how it went.
    let _ = begun.await;
    let during = measure(&probe, options).await;
    stop.send_replace(true);
    let attacked = tokio::task::spawn_blocking(move || attacking.join()).await;
    let what = attacked.map_err(|e| e.to_string())?.map_err(|_| "the attack panicked")??;
    rows.push(("during", during?, what));
    rows.push(("after", measure(&probe, options).await?, String::new()));

    for (when, seen, what) in &rows {
        let name = if *when == "before" { attack.name() } else { "" };
        println!("{name:<13} {when:<7} {seen} {what}");
    }
    let failures = probe.stop().await;
    for failure in &failures {
        println!("{:<13} {failure}", "");
    }
    Ok(failures.is_empty())
}

/// What was seen in some time.
struct Seen {
    messages: Vec<Duration>,
    logins: Vec<Duration>,
    memory: u64,
}

/// Waits until it is time to stop.
async fn end(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Lets time pass, and says what those who behave well saw in it.
async fn measure(probe: &Probe, options: &Overload) -> Result<Seen, String> {
    let begun = Instant::now();
    let mut memory = 0;
    while begun.elapsed() < options.time {
        tokio::time::sleep(LOOK).await;
        memory = memory.max(cpu::memory_of(options.target.pid)?);
    }
    let (messages, logins) = probe.since(begun);
    Ok(Seen { messages, logins, memory })
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = |sorted: &[Duration], share: f64| {
            let index = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
            sorted.get(index).map_or("-".to_owned(), |time| format!("{:.1}", time.as_secs_f64() * 1e3))
        };
        for (sorted, share) in
            [(&self.messages, 0.5), (&self.messages, 0.99), (&self.logins, 0.5), (&self.logins, 1.0)]
        {
            write!(f, "{:>8} ", shown(sorted, share))?;
        }
        write!(f, "{:>8.1} ", self.memory as f64 / f64::from(1 << 20))
    }
}
