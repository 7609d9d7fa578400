//! What threads wait with.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A thread that panicked while it held the lock has left the data whole (every change is a single call of the core);
/// the others go on.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits to be notified, at most for so long. It may return early.
pub(crate) fn wait<'a, T>(
    condvar: &Condvar,
    guard: MutexGuard<'a, T>,
    at_most: Option<Duration>,
) -> MutexGuard<'a, T> {
    match at_most {
        Some(time) => condvar.wait_timeout(guard, time).unwrap_or_else(PoisonError::into_inner).0,
        None => condvar.wait(guard).unwrap_or_else(PoisonError::into_inner),
    }
}

/// Wakes a thread that waits for something to do. Raised while nobody waits, it is kept for who waits next.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    raised: Mutex<bool>,
    condvar: Condvar,
}

impl Signal {
    pub(crate) fn raise(&self) {
        *lock(&self.raised) = true;
        self.condvar.notify_all();
    }

    pub(crate) fn wait(&self, at_most: Option<Duration>) {
        let mut raised = lock(&self.raised);
        if !*raised {
            raised = wait(&self.condvar, raised, at_most);
        }
        *raised = false;
    }
}
