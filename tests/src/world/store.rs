//! A store that is late, refuses, falls silent, and dies with what it has not done yet.

use crate::Random;
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;
use waxwing_core::jid::BareJid;
use waxwing_core::machine::Instant;
use waxwing_core::server::store::{
    Delta, Found, MemoryStore, OfflineMessage, Query, Reply, Request, RequestId, StoreError,
};

/// A store of one server. It keeps the promises of the port (each account's requests take effect and are answered in order;
/// what is answered with success lasts) unless it is told not to answer at all.
#[derive(Debug)]
pub(super) struct Disk {
    /// What would survive if the server died now.
    pub(super) kept: MemoryStore,
    /// Names that contacts were ever given, durably.
    pub(super) names: BTreeSet<String>,
    pub(super) mood: Mood,
    /// Of the mood.
    pub(super) serial: u64,
    jobs: VecDeque<Job>,
    random: Random,
}

/// How it treats what it is asked from now on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mood {
    /// How long it takes at least.
    pub(super) delay: Duration,
    pub(super) refuses_changes: bool,
    pub(super) refuses_reads: bool,
    pub(super) is_silent: bool,
}

impl Mood {
    pub(super) fn is_upset(&self) -> bool {
        self.refuses_changes || self.refuses_reads || self.is_silent || self.delay > Duration::ZERO
    }
}

#[derive(Debug)]
struct Job {
    execute_at: Instant,
    answer_at: Instant,
    work: Work,
    is_silent: bool,
}

#[derive(Debug)]
enum Work {
    Waiting(Request),
    Refused(Reply),
    Done(Reply),
    Lost,
}

impl Disk {
    pub(super) fn new(random: Random) -> Disk {
        Disk {
            kept: MemoryStore::new(),
            names: BTreeSet::new(),
            mood: Mood::default(),
            serial: 0,
            jobs: VecDeque::new(),
            random,
        }
    }

    pub(super) fn submit(&mut self, now: Instant, request: Request) {
        let is_read = matches!(request, Request::Load { .. } | Request::Read { .. });
        let refuses = if is_read { self.mood.refuses_reads } else { self.mood.refuses_changes };
        let is_silent = self.mood.is_silent;
        let work = match () {
            () if is_silent && self.random.one_in(2) => Work::Lost,
            () if refuses => Work::Refused(request.refused(StoreError::Unavailable("disk full".into()))),
            () => Work::Waiting(request),
        };
        let mut pause = || self.random.up_to(Duration::from_millis(3));
        let (last_execution, last_answer) =
            self.jobs.back().map_or((now, now), |job| (job.execute_at, job.answer_at));
        let execute_at = last_execution.max(now + self.mood.delay + pause());
        let answer_at = last_answer.max(execute_at + pause());
        self.jobs.push_back(Job { execute_at, answer_at, work, is_silent });
    }

    pub(super) fn next(&self) -> Option<Instant> {
        let answer = self.jobs.front().map(|job| job.answer_at);
        let waits = |job: &&Job| matches!(job.work, Work::Waiting(_));
        let execution = self.jobs.iter().find(waits).map(|job| job.execute_at);
        crate::pair::earlier(answer, execution)
    }

    /// Does what is due, and returns the next answer that is.
    pub(super) fn answer(&mut self, now: Instant) -> Option<Reply> {
        loop {
            let due = |job: &Job| job.execute_at <= now;
            for job in self.jobs.iter_mut().take_while(|job| due(job)) {
                if let Work::Waiting(request) = &job.work {
                    note_names(&mut self.names, request);
                    job.work = Work::Done(self.kept.execute(request.clone()));
                }
            }
            if self.jobs.front()?.answer_at > now {
                return None;
            }
            let job = self.jobs.pop_front()?;
            match job.work {
                Work::Done(reply) | Work::Refused(reply) if !job.is_silent => return Some(reply),
                _ => {}
            }
        }
    }

    /// The process dies. What has been done stays done, whether or not anybody heard of it.
    pub(super) fn crash(&mut self) {
        self.jobs.clear();
    }

    pub(super) fn outstanding(&self) -> usize {
        self.jobs.len()
    }

    /// The messages that wait for an account.
    pub(super) fn offline(&mut self, account: &BareJid) -> Vec<OfflineMessage> {
        let id = RequestId { shard: 0, serial: 0 };
        let query = Query::Offline { after: 0, limit: u32::MAX };
        match self.kept.execute(Request::Read { id, account: account.clone(), query }) {
            Reply::Read { result: Ok(Found::Offline(messages)), .. } => messages,
            _ => Vec::new(),
        }
    }
}

fn note_names(names: &mut BTreeSet<String>, request: &Request) {
    let Request::Save { deltas, .. } = request else { return };
    for delta in deltas {
        if let Delta::Contact { contact, .. } = delta
            && let Some(name) = &contact.name
        {
            names.insert(name.to_string());
        }
    }
}
