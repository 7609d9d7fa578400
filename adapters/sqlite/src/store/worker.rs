//! The store's thread.

use super::Event;
use super::queue::{Queue, Work};
use crate::records::{execute, only_reads};
use rusqlite::{Connection, TransactionBehavior};
use std::sync::Arc;
use std::time::{Duration, Instant};
use waxwing_core::jid::BareJid;
use waxwing_core::server::store::{Reply, Request, StoreError};

/// Requests in one transaction at most: bounds how long the first waits for the last.
const BATCH: usize = 1024;

/// How often the store looks for what others have changed.
const POLL: Duration = Duration::from_secs(1);

pub(super) struct Worker {
    connection: Connection,
    queue: Arc<Queue>,
    sink: Box<dyn FnMut(Event) + Send>,
    /// As SQLite counts commits of other connections.
    seen: i64,
    next_look: Instant,
}

impl Worker {
    /// What others changed before there was a server is of no interest: nothing is in memory yet.
    pub(super) fn new(
        connection: Connection,
        queue: Arc<Queue>,
        sink: Box<dyn FnMut(Event) + Send>,
    ) -> rusqlite::Result<Worker> {
        let seen = data_version(&connection)?;
        connection.execute("DELETE FROM change", [])?;
        Ok(Worker { connection, queue, sink, seen, next_look: Instant::now() + POLL })
    }

    pub(super) fn run(mut self) {
        let _guard = Abandon(Arc::clone(&self.queue));
        loop {
            let patience = self.next_look.saturating_duration_since(Instant::now());
            match self.queue.take(BATCH, patience) {
                Work::Requests(requests) => self.answer(&requests),
                Work::Idle => {}
                Work::Closed => return,
            }
            if Instant::now() >= self.next_look {
                self.look_for_changes();
                self.next_look = Instant::now() + POLL;
            }
        }
    }

    /// Executes requests in one transaction. Where that fails, each gets one of its own, so that it is the culprit that fails.
    fn answer(&mut self, requests: &[Request]) {
        let mut transactions = 1;
        let replies = match transact(&mut self.connection, requests) {
            Ok(replies) => replies,
            Err(error) if requests.len() == 1 => refuse(requests, &error),
            Err(_) => requests
                .iter()
                .flat_map(|request| {
                    transactions += 1;
                    let alone = std::slice::from_ref(request);
                    transact(&mut self.connection, alone).unwrap_or_else(|error| refuse(alone, &error))
                })
                .collect(),
        };
        for reply in replies {
            (self.sink)(Event::Reply(reply));
        }
        self.queue.done(requests.len(), transactions);
    }

    /// Reports accounts that other processes have changed. What cannot be read now is found the next time.
    fn look_for_changes(&mut self) {
        let Ok(version) = data_version(&self.connection) else { return };
        if version == self.seen {
            return;
        }
        if let Ok(changed) = take_changes(&mut self.connection) {
            self.seen = version;
            let changed = changed.iter().filter_map(|jid| BareJid::new(jid).ok());
            changed.for_each(|account| (self.sink)(Event::Changed(account)));
        }
    }
}

/// Tells those who wait for the thread that it is gone, also when a sink panicked.
struct Abandon(Arc<Queue>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

fn transact(connection: &mut Connection, requests: &[Request]) -> rusqlite::Result<Vec<Reply>> {
    let behavior = match requests.iter().all(only_reads) {
        true => TransactionBehavior::Deferred,
        false => TransactionBehavior::Immediate,
    };
    let transaction = connection.transaction_with_behavior(behavior)?;
    let replies = requests.iter().map(|request| execute(&transaction, request)).collect();
    let replies: rusqlite::Result<Vec<Reply>> = replies;
    let replies = replies?;
    transaction.commit()?;
    Ok(replies)
}

fn refuse(requests: &[Request], error: &rusqlite::Error) -> Vec<Reply> {
    let error = StoreError::Unavailable(error.to_string());
    requests.iter().map(|request| request.refused(error.clone())).collect()
}

/// Changes when another connection commits.
fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA data_version", [], |row| row.get(0))
}

fn take_changes(connection: &mut Connection) -> rusqlite::Result<Vec<String>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let changed = {
        let mut select = transaction.prepare_cached("SELECT jid FROM change ORDER BY serial")?;
        let rows = select.query_map([], |row| row.get(0))?;
        rows.collect::<rusqlite::Result<Vec<String>>>()?
    };
    transaction.execute("DELETE FROM change", [])?;
    transaction.commit()?;
    Ok(changed)
}
