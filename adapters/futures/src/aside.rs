//! What blocks, in a thread of its own. Those of a runtime would keep it from ending, or have others wait.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::Builder;

/// What comes of it; `None` if there was no thread to be had, or it panicked.
pub(crate) struct Aside<T>(Arc<Mutex<Shared<T>>>);

struct Shared<T> {
    outcome: Option<T>,
    is_over: bool,
    waker: Option<Waker>,
}

/// The thread's end. Dropped, it is over.
struct Worker<T>(Arc<Mutex<Shared<T>>>);

/// Begins at once, polled or not.
pub(crate) fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Aside<T> {
    let shared = Arc::new(Mutex::new(Shared { outcome: None, is_over: false, waker: None }));
    let worker = Worker(Arc::clone(&shared));
    let work = move || {
        let outcome = work();
        worker.0.lock().unwrap_or_else(PoisonError::into_inner).outcome = Some(outcome);
    };
    // Where there is no thread the worker is dropped with the rest.
    let _ = Builder::new().name("waxwing-dial".into()).spawn(work);
    Aside(shared)
}

impl<T> Drop for Worker<T> {
    fn drop(&mut self) {
        let waker = {
            let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            shared.is_over = true;
            shared.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Future for Aside<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if shared.is_over {
            return Poll::Ready(shared.outcome.take());
        }
        shared.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}
