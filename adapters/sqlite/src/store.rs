//! The store of a running server: a thread that puts many requests into one transaction.

mod queue;
mod worker;

use crate::error::{OpenError, because};
use crate::open;
use queue::Queue;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use waxwing_core::jid::BareJid;
use waxwing_core::server::store::{Reply, Request, StoreError};
use worker::Worker;

/// What a store reports.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A request has been executed, or could not be.
    Reply(Reply),
    /// Another process changed this account: tell the hub with
    /// [`account_changed`](waxwing_core::server::hub::Hub::account_changed).
    Changed(BareJid),
}

/// What a store has done so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Requests answered.
    pub requests: u64,
    /// Transactions they took, committed or not.
    pub transactions: u64,
}

/// The store of a running server. One for each data directory.
///
/// Dropping it executes what has been submitted, then closes the database.
#[derive(Debug)]
pub struct SqliteStore {
    queue: Arc<Queue>,
    thread: Option<JoinHandle<()>>,
    /// Declared last: released when the thread is done.
    _claim: File,
}

impl SqliteStore {
    /// How many requests can wait for the store.
    pub const CAPACITY: usize = 16_384;

    /// Opens the database of a data directory; makes either where there is none. `sink` is called on the store's own thread with
    /// each event, in order; it should hand it on and return, for the store waits for it.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(
        directory: impl AsRef<Path>,
        sink: impl FnMut(Event) + Send + 'static,
    ) -> Result<SqliteStore, OpenError> {
        let directory = directory.as_ref();
        open::directory(directory)?;
        let claim = open::claim(directory)?;
        let connection = open::database(directory)?;
        let queue = Arc::new(Queue::new(SqliteStore::CAPACITY));
        let worker = Worker::new(connection, Arc::clone(&queue), Box::new(sink));
        let worker = worker.map_err(|error| because(directory, &error))?;
        let thread = Builder::new().name("waxwing-sqlite".into()).spawn(move || worker.run());
        let thread = thread.map_err(|error| OpenError::Database {
            path: directory.into(),
            detail: format!("no thread for it: {error}"),
        })?;
        Ok(SqliteStore { queue, thread: Some(thread), _claim: claim })
    }

    /// Hands in a request. Its reply goes to the sink.
    ///
    /// # Errors
    /// The reply, at once, where too many requests are waiting ([`StoreError::Busy`]) or the store's thread is gone
    /// ([`StoreError::Unavailable`]). Nothing has been done; give the reply to the hub.
    pub fn submit(&self, request: Request) -> Result<(), Reply> {
        self.queue.push(request).map_err(|(request, error)| request.refused(error))
    }

    /// Waits until all that has been submitted so far has been answered.
    pub fn flush(&self) {
        self.queue.wait_until_answered();
    }

    /// What it has done so far.
    pub fn stats(&self) -> Stats {
        self.queue.stats()
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.queue.close(StoreError::Unavailable("the store has been closed".into()));
        if let Some(thread) = self.thread.take() {
            // A sink that panicked has taken the thread with it; that was reported there.
            let _ = thread.join();
        }
    }
}
