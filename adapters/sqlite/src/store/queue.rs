//! Requests on their way to the store's thread.

use super::Stats;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use waxwing_core::server::store::{Request, StoreError};

#[derive(Debug)]
pub(super) struct Queue {
    capacity: usize,
    state: Mutex<State>,
    /// Something to do for the thread.
    filled: Condvar,
    /// Something done by it.
    answered: Condvar,
}

#[derive(Debug, Default)]
struct State {
    requests: VecDeque<Request>,
    /// How many have ever been pushed.
    submitted: u64,
    stats: Stats,
    /// Why nothing more is taken.
    closed: Option<StoreError>,
    /// The thread is gone; nothing more will be answered.
    abandoned: bool,
}

/// What the thread finds.
#[derive(Debug)]
pub(super) enum Work {
    Requests(Vec<Request>),
    /// Nothing for a while.
    Idle,
    /// Nothing, and nothing will come.
    Closed,
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Queue {
        Queue { capacity, state: Mutex::default(), filled: Condvar::new(), answered: Condvar::new() }
    }

    #[allow(clippy::result_large_err, reason = "handed back where it came from, and only under overload")]
    pub(super) fn push(&self, request: Request) -> Result<(), (Request, StoreError)> {
        let mut state = self.lock();
        if let Some(why) = &state.closed {
            return Err((request, why.clone()));
        }
        if state.requests.len() >= self.capacity {
            return Err((request, StoreError::Busy));
        }
        state.requests.push_back(request);
        state.submitted += 1;
        self.filled.notify_one();
        Ok(())
    }

    /// Everything that waits, at most `limit`; waits up to `patience` for the first.
    pub(super) fn take(&self, limit: usize, patience: Duration) -> Work {
        let state = self.lock();
        let waits = |state: &mut State| state.requests.is_empty() && state.closed.is_none();
        let result = self.filled.wait_timeout_while(state, patience, waits);
        let (mut state, _) = result.unwrap_or_else(PoisonError::into_inner);
        let count = state.requests.len().min(limit);
        match count {
            0 if state.closed.is_some() => Work::Closed,
            0 => Work::Idle,
            _ => Work::Requests(state.requests.drain(..count).collect()),
        }
    }

    /// Requests have been answered.
    pub(super) fn done(&self, requests: usize, transactions: u64) {
        let mut state = self.lock();
        state.stats.requests += requests as u64;
        state.stats.transactions += transactions;
        self.answered.notify_all();
    }

    pub(super) fn wait_until_answered(&self) {
        let state = self.lock();
        let target = state.submitted;
        let waits = |state: &mut State| state.stats.requests < target && !state.abandoned;
        drop(self.answered.wait_while(state, waits).unwrap_or_else(PoisonError::into_inner));
    }

    /// Nothing more is taken; what waits is still executed.
    pub(super) fn close(&self, why: StoreError) {
        self.lock().closed.get_or_insert(why);
        self.filled.notify_all();
    }

    /// The thread ends.
    pub(super) fn abandon(&self) {
        let mut state = self.lock();
        state.closed.get_or_insert(StoreError::Unavailable("the store's thread has ended".into()));
        state.abandoned = true;
        self.answered.notify_all();
    }

    pub(super) fn stats(&self) -> Stats {
        self.lock().stats
    }

    /// Nothing panics while it holds the lock, so there is nothing to be poisoned.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
