//! What every store must do, and does in memory.

mod common;

use common::{Fixture, open};
use std::path::PathBuf;
use waxwing_core::server::store::{Reply, Request};
use waxwing_sqlite::Event;
use waxwing_tests::stores::{self, Store};

struct Subject {
    directory: PathBuf,
    fixture: Option<Fixture>,
}

impl Store for Subject {
    fn execute(&mut self, requests: Vec<Request>) -> Vec<Reply> {
        let fixture = self.fixture.as_ref().unwrap();
        let count = requests.len();
        requests.into_iter().for_each(|request| fixture.store.submit(request).unwrap());
        let reply = |_| match fixture.event() {
            Event::Reply(reply) => reply,
            other => panic!("{other:?}"),
        };
        (0..count).map(reply).collect()
    }

    fn reopen(&mut self) {
        drop(self.fixture.take());
        self.fixture = Some(open(&self.directory).unwrap());
    }
}

fn subject(directory: &tempfile::TempDir) -> Subject {
    let mut subject = Subject { directory: directory.path().into(), fixture: None };
    subject.reopen();
    subject
}

#[test]
fn it_keeps_the_rules_of_every_store() {
    let directory = tempfile::tempdir().unwrap();
    stores::rules(subject(&directory));
}

#[test]
fn it_answers_as_the_store_in_memory_does() {
    for seed in 0..3 {
        let directory = tempfile::tempdir().unwrap();
        stores::like_memory(seed, 1000, subject(&directory));
    }
}

/// Nothing of an account is left when it is gone, not even in tables that nobody reads for it.
#[test]
fn no_row_survives_its_account() {
    let directory = tempfile::tempdir().unwrap();
    stores::like_memory(5, 1000, subject(&directory));
    let mut admin = waxwing_sqlite::Admin::open(directory.path()).unwrap();
    let accounts = admin.list().unwrap();
    assert!(!accounts.is_empty());
    accounts.iter().for_each(|account| admin.delete(account).unwrap());
    let connection = rusqlite::Connection::open(directory.path().join("waxwing.db")).unwrap();
    let mut tables = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").unwrap();
    let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap);
    for table in tables.filter(|name| !name.starts_with("sqlite_") && name != "change") {
        let rows: i64 =
            connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 0, "{table}");
    }
}
