//! What the tests share. Not every file of them uses all of it.
#![allow(dead_code)]

use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use waxwing_core::jid::BareJid;
use waxwing_core::machine::Entropy;
use waxwing_core::sasl::StoredCredentials;
use waxwing_core::server::store::{Record, Reply, Request, RequestId};
use waxwing_sqlite::{Event, OpenError, SqliteStore};

pub(crate) fn jid(name: &str) -> BareJid {
    BareJid::new(&format!("{name}@example.org")).unwrap()
}

pub(crate) fn credentials(password: &str) -> StoredCredentials {
    StoredCredentials::derive(password, 1, &mut Entropy::from_seed([7; 32])).unwrap()
}

pub(crate) fn id(serial: u64) -> RequestId {
    RequestId { shard: 0, serial }
}

pub(crate) fn create(serial: u64, name: &str, password: &str) -> Request {
    let record = Box::new(Record::new(credentials(password)));
    Request::Create { id: id(serial), account: jid(name), record }
}

pub(crate) fn load(serial: u64, name: &str) -> Request {
    Request::Load { id: id(serial), account: jid(name) }
}

/// A store whose events can be waited for.
pub(crate) struct Fixture {
    pub(crate) store: SqliteStore,
    pub(crate) events: Receiver<Event>,
}

pub(crate) fn open(directory: &Path) -> Result<Fixture, OpenError> {
    let (sender, events) = channel();
    let store = SqliteStore::open(directory, move |event| drop(sender.send(event)))?;
    Ok(Fixture { store, events })
}

impl Fixture {
    pub(crate) fn ask(&self, request: Request) -> Reply {
        self.store.submit(request).unwrap();
        match self.event() {
            Event::Reply(reply) => reply,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn event(&self) -> Event {
        self.events.recv_timeout(Duration::from_secs(20)).expect("the store says something")
    }

    /// The stored credentials of an account that exists.
    pub(crate) fn credentials(&self, name: &str) -> Option<StoredCredentials> {
        match self.ask(load(999, name)) {
            Reply::Loaded { result, .. } => result.unwrap().map(|record| record.credentials),
            other => panic!("{other:?}"),
        }
    }
}
