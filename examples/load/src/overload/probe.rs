//! Sessions that behave well, and what they see of the server.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use waxwing_core::client::Event;
use waxwing_core::jid::Jid;
use waxwing_core::stanza::Message;

use super::{Field, end};
use crate::session::{Session, log_in};

/// Each pair sends a message so often.
const PACE: Duration = Duration::from_millis(50);
/// Somebody logs in so often.
const LOGIN_PACE: Duration = Duration::from_secs(1);

/// Whoever could not log in tries again after this time.
const AGAIN: Duration = Duration::from_millis(100);

/// They.
pub struct Probe {
    samples: Arc<Samples>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<Result<(), String>>,
}

/// When it began, and how long it took.
type Sample = (Instant, Duration);

#[derive(Default)]
struct Samples {
    messages: Mutex<Vec<Sample>>,
    logins: Mutex<Vec<Sample>>,
}

fn note(samples: &Mutex<Vec<Sample>>, begun: Instant) {
    samples.lock().unwrap_or_else(PoisonError::into_inner).push((begun, begun.elapsed()));
}

/// What began since, shortest first.
fn sorted_since(samples: &Mutex<Vec<Sample>>, begun: Instant) -> Vec<Duration> {
    let samples = samples.lock().unwrap_or_else(PoisonError::into_inner);
    let mut times: Vec<_> = samples.iter().filter(|(at, _)| *at >= begun).map(|(_, time)| *time).collect();
    times.sort_unstable();
    times
}

impl Probe {
    /// Logs all in but the last, who logs in again and again.
    pub async fn start(
        field: &Field,
        accounts: &[(String, String)],
        patience: Duration,
    ) -> Result<Probe, String> {
        let (stop, stopped) = watch::channel(false);
        let samples = Arc::new(Samples::default());
        let mut tasks = JoinSet::new();
        let (pairs, rest) = accounts.as_chunks::<2>();
        for [one, other] in pairs {
            let one = log_in(&field.target, &field.manner, one).await?;
            let other = log_in(&field.target, &field.manner, other).await?;
            tasks.spawn(talk([one, other], Arc::clone(&samples), stopped.clone(), patience));
        }
        for account in rest {
            let account = account.clone();
            let (field, samples, mut stopped) = (field.clone(), Arc::clone(&samples), stopped.clone());
            tasks.spawn(async move {
                let mut pace = interval(LOGIN_PACE);
                pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
                loop {
                    tokio::select! {
                        _ = pace.tick() => {}
                        () = end(&mut stopped) => return Ok(()),
                    }
                    let begun = Instant::now();
                    let login = timeout(patience, log_in_at_last(&field, &account)).await;
                    let session = login.map_err(|_| "a login took too long")?;
                    note(&samples.logins, begun);
                    leave(session).await;
                }
            });
        }
        Ok(Probe { samples, stop, tasks })
    }

    /// How long messages and logins that began since then took, shortest first.
    pub fn since(&self, begun: Instant) -> (Vec<Duration>, Vec<Duration>) {
        (sorted_since(&self.samples.messages, begun), sorted_since(&self.samples.logins, begun))
    }

    /// Lets them leave, and says what went wrong for whom.
    pub async fn stop(mut self) -> Vec<String> {
        self.stop.send_replace(true);
        let mut failures = Vec::new();
        while let Some(ended) = self.tasks.join_next().await {
            failures.extend(ended.map_err(|e| e.to_string()).and_then(|ended| ended).err());
        }
        failures
    }
}

/// Logs in, and tries again while the server is too busy.
async fn log_in_at_last(field: &Field, account: &(String, String)) -> Session {
    loop {
        match log_in(&field.target, &field.manner, account).await {
            Ok(session) => return session,
            Err(_) => sleep(AGAIN).await,
        }
    }
}

/// One message after the other, from one to the other.
async fn talk(
    mut pair: [Session; 2],
    samples: Arc<Samples>,
    mut stopped: watch::Receiver<bool>,
    patience: Duration,
) -> Result<(), String> {
    let to: Jid = pair[1].jid.clone().into();
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for n in 0_u64.. {
        loop {
            tokio::select! {
                _ = pace.tick() => break,
                () = end(&mut stopped) => {
                    for session in pair {
                        leave(session).await;
                    }
                    return Ok(());
                }
                event = next(&mut pair) => drop(event?),
            }
        }
        let begun = Instant::now();
        let (now, client) = (pair[0].driver.clock().now(), pair[0].driver.machine_mut());
        client.send(now, Message::chat(to.clone(), &n.to_string())).map_err(|e| e.to_string())?;
        let arrives = async {
            loop {
                if let Event::Message(message) = next(&mut pair).await?
                    && message.body(None).is_some_and(|body| body == n.to_string())
                {
                    return Ok::<(), String>(());
                }
            }
        };
        timeout(patience, arrives).await.map_err(|_| "a message took too long")??;
        note(&samples.messages, begun);
    }
    Ok(())
}

/// The next event of either.
async fn next([one, other]: &mut [Session; 2]) -> Result<Event, String> {
    let event = tokio::select! {
        event = one.driver.next_event() => event,
        event = other.driver.next_event() => event,
    };
    match event {
        Some(Event::Closed(Err(error))) => Err(format!("a session that behaved well was ended: {error}")),
        Some(Event::Closed(Ok(()))) | None => Err("a session that behaved well was ended".into()),
        Some(event) => Ok(event),
    }
}

/// Closes a stream in good order, within reason.
pub async fn leave(mut session: Session) {
    let now = session.driver.clock().now();
    session.driver.machine_mut().close(now);
    let _ =
        timeout(Duration::from_secs(5), async { while session.driver.next_event().await.is_some() {} }).await;
}
