//! One target, from the first login to the last message.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::cli::{self, Options, Target};
use crate::cpu;
use crate::pair::{self, Tally};
use crate::session::{self, Manner, Session};

/// Logins under way at once.
const LOGINS: usize = 16;
/// How long a session's orderly end may take.
const GOODBYE: Duration = Duration::from_secs(10);

/// What a target did, and what it took.
#[derive(Debug)]
pub struct Outcome {
    /// How many sessions logged in.
    pub sessions: usize,
    /// The server's CPU time for the logins.
    pub login_cpu: Duration,
    /// Messages that arrived, each in its turn.
    pub arrived: usize,
    /// Wall time from the first message to the last.
    pub wall: Duration,
    /// The server's CPU time for the messages.
    pub cpu: Duration,
    /// How long each message took, shortest first.
    pub latencies: Vec<Duration>,
    /// What went wrong in which pair.
    pub failures: Vec<String>,
}

/// Runs everything against one server.
pub async fn run(options: &Options, target: &Target) -> Result<Outcome, String> {
    let before = cpu::time_of(target.pid)?;
    let sessions = log_in(options, target).await?;
    let count = sessions.len();
    let online = cpu::time_of(target.pid)?;
    let start = Instant::now();
    let (sessions, tallies, failures) = talk(options, sessions).await?;
    let wall = start.elapsed();
    let done = cpu::time_of(target.pid)?;
    say_goodbye(sessions).await;
    let mut latencies: Vec<Duration> = tallies.iter().flat_map(|t| t.latencies.iter().copied()).collect();
    latencies.sort_unstable();
    Ok(Outcome {
        sessions: count,
        login_cpu: online.saturating_sub(before),
        arrived: tallies.iter().map(|t| t.arrived).sum(),
        wall,
        cpu: done.saturating_sub(online),
        latencies,
        failures,
    })
}

async fn log_in(options: &Options, target: &Target) -> Result<Vec<Session>, String> {
    let accounts = cli::accounts(&target.accounts, options.sessions)?;
    let manner = Arc::new(Manner::new(target, options)?);
    let turns = Arc::new(Semaphore::new(LOGINS));
    let mut logins = JoinSet::new();
    for account in accounts {
        let (target, manner, turns) = (target.clone(), Arc::clone(&manner), Arc::clone(&turns));
        logins.spawn(async move {
            let _turn = turns.acquire().await;
            session::log_in(&target, &manner, &account).await
        });
    }
    let mut sessions = Vec::new();
    while let Some(login) = logins.join_next().await {
        sessions.push(login.map_err(|e| e.to_string())??);
    }
    Ok(sessions)
}

/// Lets all pairs talk at once. Gives the sessions back, a tally for each direction, and what went wrong.
async fn talk(
    options: &Options,
    sessions: Vec<Session>,
) -> Result<(Vec<Session>, Vec<Tally>, Vec<String>), String> {
    let (each, rest) = (options.messages / sessions.len(), options.messages % sessions.len());
    let (window, patience) = (options.window, options.patience);
    let mut pairs = JoinSet::new();
    let mut sessions = sessions.into_iter();
    let mut number = 0;
    while let (Some(a), Some(b)) = (sessions.next(), sessions.next()) {
        let goal = |n| Tally::new(each + usize::from(n < rest));
        let (mut two, mut tallies) = ([a, b], [goal(number), goal(number + 1)]);
        number += 2;
        pairs.spawn(async move {
            let talk = timeout(patience, pair::talk(&mut two, &mut tallies, window)).await;
            let failure = talk.unwrap_or_else(|_| Err("not everything came in time".into())).err();
            let failure = failure.map(|what| {
                let (arrived, goal) =
                    (tallies[0].arrived + tallies[1].arrived, tallies[0].goal + tallies[1].goal);
                format!("{what} ({arrived} of this pair's {goal} messages came)")
            });
            (two, tallies, failure)
        });
    }
    let (mut back, mut tallies, mut failures) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(pair) = pairs.join_next().await {
        let (two, both, failure) = pair.map_err(|e| e.to_string())?;
        back.extend(two);
        tallies.extend(both);
        failures.extend(failure);
    }
    Ok((back, tallies, failures))
}

/// Closes all streams, for as long as the server takes to answer, within reason.
async fn say_goodbye(sessions: Vec<Session>) {
    let mut leaving = JoinSet::new();
    for mut session in sessions {
        leaving.spawn(async move {
            let now = session.driver.clock().now();
            session.driver.machine_mut().close(now);
            // How it ends does not matter any more.
            let _ = timeout(GOODBYE, async { while session.driver.next_event().await.is_some() {} }).await;
        });
    }
    while leaving.join_next().await.is_some() {}
}
