//! Who is in a server: its listeners and its connections.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::bell::{Bell, CROWD, LEFT, STOP};

/// All tasks of a server.
#[derive(Debug, Default)]
pub(crate) struct Crowd(Mutex<Members>);

#[derive(Debug, Default)]
struct Members {
    stopped: bool,
    next: u64,
    /// Each with its bell, and whether it takes one of the places for those without a session.
    bells: BTreeMap<u64, (Arc<Bell>, bool)>,
    negotiating: usize,
    /// Those who wait for others to leave.
    waiting: Vec<Arc<Bell>>,
}

/// A task that is in, until it is dropped.
#[derive(Debug)]
pub(crate) struct Member {
    crowd: Arc<Crowd>,
    id: u64,
    pub(crate) bell: Arc<Bell>,
}

impl Crowd {
    fn members(&self) -> MutexGuard<'_, Members> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets in a listener. Its bell rings also for what has happened already.
    pub(crate) fn enter(self: &Arc<Crowd>) -> Member {
        self.admit(&mut self.members(), false)
    }

    /// Lets in a connection, if there are fewer than so many without a session. Otherwise the bell is rung when somebody leaves.
    pub(crate) fn enter_among(self: &Arc<Crowd>, most: usize, bell: &Arc<Bell>) -> Option<Member> {
        let mut members = self.members();
        if members.negotiating < most {
            return Some(self.admit(&mut members, true));
        }
        members.wait(bell);
        None
    }

    fn admit(self: &Arc<Crowd>, members: &mut Members, negotiates: bool) -> Member {
        let bell = Arc::new(Bell::default());
        if members.stopped {
            bell.ring(STOP);
        }
        members.next += 1;
        members.negotiating += usize::from(negotiates);
        members.bells.insert(members.next, (Arc::clone(&bell), negotiates));
        Member { crowd: Arc::clone(self), id: members.next, bell }
    }

    /// True if nobody is in. Otherwise the bell is rung when somebody leaves.
    pub(crate) fn is_empty(&self, bell: &Arc<Bell>) -> bool {
        let mut members = self.members();
        let is_empty = members.bells.is_empty();
        if !is_empty {
            members.wait(bell);
        }
        is_empty
    }

    /// Asks those without a session to hurry.
    pub(crate) fn hurry(&self) {
        for (bell, _) in self.members().bells.values().filter(|(_, negotiates)| *negotiates) {
            bell.ring(CROWD);
        }
    }

    /// Tells everybody that the server stops.
    pub(crate) fn stop(&self) {
        let mut members = self.members();
        members.stopped = true;
        for (bell, _) in members.bells.values() {
            bell.ring(STOP);
        }
    }
}

impl Members {
    fn wait(&mut self, bell: &Arc<Bell>) {
        if !self.waiting.iter().any(|waiting| Arc::ptr_eq(waiting, bell)) {
            self.waiting.push(Arc::clone(bell));
        }
    }

    fn ring_those_who_wait(&mut self) {
        for bell in self.waiting.drain(..) {
            bell.ring(LEFT);
        }
    }
}

impl Member {
    /// It takes no place among those without a session any more.
    pub(crate) fn has_session(&self) {
        let members = &mut *self.crowd.members();
        if let Some((_, negotiates)) = members.bells.get_mut(&self.id)
            && std::mem::take(negotiates)
        {
            members.negotiating -= 1;
            members.ring_those_who_wait();
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut members = self.crowd.members();
        if let Some((_, negotiates)) = members.bells.remove(&self.id) {
            members.negotiating -= usize::from(negotiates);
        }
        members.ring_those_who_wait();
    }
}
