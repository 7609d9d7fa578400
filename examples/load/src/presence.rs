//! Logins with rosters, and presence for contacts.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;
use waxwing_core::client::{Event, RosterEvent};
use waxwing_core::jid::BareJid;
use waxwing_core::stanza::{Presence, PresenceType, Show};

use crate::cli::{self, Options, Target};
use crate::cpu;
use crate::session::{self, Manner, Session};

/// Logins under way at once.
const LOGINS: usize = 16;
/// Changes of presence that have not reached all contacts yet.
const WINDOW: usize = 64;

/// What a target did, and what it took.
#[derive(Debug)]
pub struct Outcome {
    /// How many sessions logged in.
    pub sessions: usize,
    /// How often a session came to know that a contact is there.
    pub seen: usize,
    /// The server's CPU time from the first connection until everybody knew who is there.
    pub login_cpu: Duration,
    /// How much memory the server had more by then.
    pub memory: u64,
    /// How many sessions changed their presence.
    pub changes: usize,
    /// How many contacts saw that, in all.
    pub deliveries: usize,
    /// The server's CPU time for that.
    pub change_cpu: Duration,
}

/// What has happened in all sessions.
#[derive(Debug, Default)]
struct Counts {
    seen: AtomicUsize,
    to_see: AtomicUsize,
    delivered: AtomicUsize,
    news: Notify,
}

/// A session that is available: tell it to change its presence.
struct Member {
    change: mpsc::UnboundedSender<()>,
    /// How many contacts will see that.
    watchers: usize,
}

/// Runs everything against one server.
pub async fn run(options: &Options, target: &Target) -> Result<Outcome, String> {
    let counts = Arc::new(Counts::default());
    let memory = cpu::memory_of(target.pid)?;
    let before = cpu::time_of(target.pid)?;
    let (members, mut tasks) = log_in(options, target, &counts).await?;
    let to_see = counts.to_see.load(Relaxed);
    wait(options, &counts, &mut tasks, |counts| counts.seen.load(Relaxed) >= to_see).await?;
    let online = cpu::time_of(target.pid)?;
    let memory = cpu::memory_of(target.pid)?.saturating_sub(memory);

    let (mut changes, mut deliveries) = (0, 0);
    for member in members.iter().cycle().take(options.messages) {
        // A session's next change is not sent before all have seen its last one, as there are more sessions than this.
        let enough = WINDOW * member.watchers.max(1);
        let least = usize::saturating_sub(deliveries, enough);
        wait(options, &counts, &mut tasks, |counts| counts.delivered.load(Relaxed) >= least).await?;
        let _ = member.change.send(());
        changes += 1;
        deliveries += member.watchers;
    }
    wait(options, &counts, &mut tasks, |counts| counts.delivered.load(Relaxed) >= deliveries).await?;
    let done = cpu::time_of(target.pid)?;
    Ok(Outcome {
        sessions: members.len(),
        seen: counts.seen.load(Relaxed),
        login_cpu: online.saturating_sub(before),
        memory,
        changes,
        deliveries,
        change_cpu: done.saturating_sub(online),
    })
}

/// Waits until something has happened; fails if a session ends before, or it takes too long.
async fn wait(
    options: &Options,
    counts: &Counts,
    tasks: &mut JoinSet<Result<(), String>>,
    done: impl Fn(&Counts) -> bool,
) -> Result<(), String> {
    let waiting = async {
        loop {
            let news = counts.news.notified();
            if done(counts) {
                return Ok(());
            }
            tokio::select! {
                () = news => {}
                ended = tasks.join_next() => match ended {
                    Some(Ok(Err(error))) => return Err(error),
                    other => return Err(format!("a session ended: {other:?}")),
                },
            }
        }
    };
    timeout(options.patience, waiting).await.map_err(|_| {
        let (seen, to_see) = (counts.seen.load(Relaxed), counts.to_see.load(Relaxed));
        let delivered = counts.delivered.load(Relaxed);
        format!(
            "not everything came in time: {seen} of {to_see} contacts seen, {delivered} changes delivered"
        )
    })?
}

async fn log_in(
    options: &Options,
    target: &Target,
    counts: &Arc<Counts>,
) -> Result<(Vec<Member>, JoinSet<Result<(), String>>), String> {
    let accounts = cli::accounts(&target.accounts, options.sessions)?;
    let present = accounts.iter().map(|(local, _)| BareJid::new(&format!("{local}@{}", options.domain)));
    let present: Result<HashSet<BareJid>, _> = present.collect();
    let present = Arc::new(present.map_err(|e| e.to_string())?);
    let manner = Arc::new(Manner::new(target, options)?);
    let turns = Arc::new(Semaphore::new(LOGINS));
    let mut tasks = JoinSet::new();
    let (report, mut reports) = mpsc::unbounded_channel();
    for account in accounts {
        let (target, manner) = (target.clone(), Arc::clone(&manner));
        let (present, turns, counts, report) =
            (Arc::clone(&present), Arc::clone(&turns), Arc::clone(counts), report.clone());
        tasks.spawn(async move {
            let turn = turns.acquire_owned().await;
            let mut session = session::connect(&target, &manner, &account).await?;
            fetch_roster(&mut session).await?;
            let contacts = session.driver.machine().roster().iter().map(|item| item.jid.to_bare());
            let watchers = contacts.filter(|contact| present.contains(contact)).count();
            counts.to_see.fetch_add(watchers, Relaxed);
            show(&mut session, None)?;
            drop(turn);
            let (change, changes) = mpsc::unbounded_channel();
            let _ = report.send(Member { change, watchers });
            live(session, changes, &counts).await
        });
    }
    drop(report);
    let mut members = Vec::new();
    let all = async {
        while members.len() < options.sessions {
            tokio::select! {
                Some(member) = reports.recv() => members.push(member),
                Some(ended) = tasks.join_next() => return Err(format!("{ended:?}")),
            }
        }
        Ok(())
    };
    timeout(options.patience, all).await.map_err(|_| "the logins took too long".to_owned())??;
    Ok((members, tasks))
}

async fn fetch_roster(session: &mut Session) -> Result<(), String> {
    let now = session.driver.clock().now();
    session.driver.machine_mut().fetch_roster(now, None).map_err(|e| e.to_string())?;
    loop {
        match session.driver.next_event().await {
            Some(Event::Roster(RosterEvent::Loaded)) => return Ok(()),
            Some(Event::Roster(RosterEvent::Failed(error))) => return Err(error.to_string()),
            Some(Event::Closed(how)) => return Err(format!("{}: {how:?}", session.jid)),
            Some(_) => {}
            None => return Err("the stream ended".into()),
        }
    }
}

fn show(session: &mut Session, status: Option<&str>) -> Result<(), String> {
    let mut presence = Presence::builder(PresenceType::Available);
    if let Some(status) = status {
        presence = presence.show(Show::Away).status(None, status);
    }
    let now = session.driver.clock().now();
    session.driver.machine_mut().set_presence(now, presence.build()).map_err(|e| e.to_string())?;
    Ok(())
}

/// Counts what comes and does what it is told, until the server ends it.
async fn live(
    mut session: Session,
    mut changes: mpsc::UnboundedReceiver<()>,
    counts: &Counts,
) -> Result<(), String> {
    let own = session.jid.to_bare();
    let mut seen = HashSet::new();
    loop {
        let event = tokio::select! {
            Some(()) = changes.recv() => {
                show(&mut session, Some("Away from the keyboard"))?;
                continue;
            }
            event = session.driver.next_event() => event,
        };
        match event {
            Some(Event::Presence(presence)) if presence.kind() == PresenceType::Available => {
                let Some(from) = presence.from().map(|from| from.to_bare()).filter(|from| *from != own)
                else {
                    continue;
                };
                if presence.status(None).is_some() {
                    counts.delivered.fetch_add(1, Relaxed);
                } else if seen.insert(from) {
                    counts.seen.fetch_add(1, Relaxed);
                }
                counts.news.notify_one();
            }
            Some(Event::Closed(how)) => return Err(format!("{}: {how:?}", session.jid)),
            Some(_) => {}
            None => return Err("the stream ended".into()),
        }
    }
}
