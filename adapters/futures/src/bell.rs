//! Wakes a task, and says what for.

use std::future::{Future, poll_fn};
use std::sync::{Mutex, PoisonError};
use std::task::{Poll, Waker};

/// Rung by anybody, heard by one task. What it is rung for adds up until it is heard.
#[derive(Debug, Default)]
pub(crate) struct Bell(Mutex<Rung>);

#[derive(Debug, Default)]
struct Rung {
    signs: u8,
    waker: Option<Waker>,
}

/// The mailbox has something.
pub(crate) const MAIL: u8 = 1;
/// Others wait to be let in.
pub(crate) const CROWD: u8 = 2;
/// The server stops.
pub(crate) const STOP: u8 = 4;
/// Somebody has left, or needs a place among those without a session no more.
pub(crate) const LEFT: u8 = 8;

impl Bell {
    pub(crate) fn ring(&self, sign: u8) {
        let waker = {
            let mut rung = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            rung.signs |= sign;
            rung.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Waits until it has been rung, and says for what.
    pub(crate) fn rung(&self) -> impl Future<Output = u8> + '_ {
        poll_fn(|cx| {
            let mut rung = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match std::mem::take(&mut rung.signs) {
                0 => {
                    match &mut rung.waker {
                        Some(waker) => waker.clone_from(cx.waker()),
                        none => *none = Some(cx.waker().clone()),
                    }
                    Poll::Pending
                }
                signs => Poll::Ready(signs),
            }
        })
    }
}
