//! The store of a running server: requests, transactions, crashes, other processes.

mod common;

use common::{Fixture, create, credentials, id, jid, load, open};
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use waxwing_core::sasl::StoredCredentials;
use waxwing_core::server::store::{Delta, Record, Reply, Request, StoreError};
use waxwing_sqlite::{Admin, Event, SqliteStore};

fn saved(serial: u64, result: Result<(), StoreError>) -> Reply {
    Reply::Saved { id: id(serial), result }
}

#[test]
fn an_account_is_made_loaded_changed_and_removed() {
    let directory = tempfile::tempdir().unwrap();
    let fixture = open(directory.path()).unwrap();
    let nothing = Reply::Loaded { id: id(1), result: Ok(None) };
    assert_eq!(fixture.ask(load(1, "juliet")), nothing);

    assert_eq!(fixture.ask(create(2, "juliet", "pass")), saved(2, Ok(())));
    let record = Box::new(Record::new(credentials("pass")));
    assert_eq!(fixture.ask(load(3, "juliet")), Reply::Loaded { id: id(3), result: Ok(Some(record)) });

    let disabled = StoredCredentials { disabled: true, ..credentials("other") };
    let deltas = vec![Delta::Credentials(disabled.clone())];
    let save = Request::Save { id: id(4), account: jid("juliet"), deltas };
    assert_eq!(fixture.ask(save), saved(4, Ok(())));
    assert_eq!(fixture.credentials("juliet"), Some(disabled));

    let delete = Request::Delete { id: id(5), account: jid("juliet") };
    assert_eq!(fixture.ask(delete), saved(5, Ok(())));
    assert_eq!(fixture.credentials("juliet"), None);
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let fixture = open(directory.path()).unwrap();
    fixture.ask(create(1, "juliet", "pass"));
    assert_eq!(fixture.ask(create(2, "juliet", "other")), saved(2, Err(StoreError::Exists)));
    assert_eq!(fixture.credentials("juliet"), Some(credentials("pass")));

    let deltas = vec![Delta::Credentials(credentials("x"))];
    let save = Request::Save { id: id(3), account: jid("romeo"), deltas };
    assert_eq!(fixture.ask(save), saved(3, Err(StoreError::Missing)));
    let delete = Request::Delete { id: id(4), account: jid("romeo") };
    assert_eq!(fixture.ask(delete), saved(4, Err(StoreError::Missing)));
}

#[test]
fn credentials_are_kept_as_keys_only() {
    let directory = tempfile::tempdir().unwrap();
    let fixture = open(directory.path()).unwrap();
    fixture.ask(create(1, "juliet", "correct horse battery staple"));
    drop(fixture);
    for file in fs::read_dir(directory.path()).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(13).any(|window| window == b"correct horse"));
    }
}

#[test]
fn requests_that_wait_share_a_transaction_and_are_answered_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let (release, held) = channel::<()>();
    let (sender, events) = channel();
    // The first answer holds the thread until everything else has been submitted.
    let mut first = true;
    let store = SqliteStore::open(directory.path(), move |event| {
        if std::mem::replace(&mut first, false) {
            held.recv().unwrap();
        }
        sender.send(event).unwrap();
    });
    let store = store.unwrap();
    for serial in 0..1000 {
        store.submit(create(serial, &format!("user{serial}"), "pass")).unwrap();
    }
    release.send(()).unwrap();
    store.flush();
    let stats = store.stats();
    assert_eq!(stats.requests, 1000);
    assert!(stats.transactions <= 2, "{stats:?}");
    drop(store);
    let serials: Vec<u64> = events
        .iter()
        .map(|event| match event {
            Event::Reply(reply) => reply.id().serial,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(serials, (0..1000).collect::<Vec<_>>());
}

#[test]
fn one_request_that_fails_does_not_take_others_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let fixture = open(directory.path()).unwrap();
    fixture.ask(create(1, "juliet", "pass"));
    fixture.ask(create(2, "romeo", "pass"));
    let connection = rusqlite::Connection::open(directory.path().join("waxwing.db")).unwrap();
    let spoil = "UPDATE scram_key SET hash = 'ROT13' WHERE hash = 'SHA-1'
                 AND account = (SELECT id FROM account WHERE jid = 'romeo@example.org')";
    connection.execute(spoil, []).unwrap();
    for request in [load(3, "juliet"), load(4, "romeo"), create(5, "nurse", "pass")] {
        fixture.store.submit(request).unwrap();
    }
    let mut failed = Vec::new();
    for _ in 0..3 {
        match fixture.event() {
            Event::Reply(Reply::Loaded { id, result: Err(StoreError::Unavailable(_)) }) => {
                failed.push(id.serial)
            }
            Event::Reply(Reply::Loaded { result: Ok(Some(_)), .. } | Reply::Saved { result: Ok(()), .. }) => {
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(failed, [4]);
}

#[test]
fn a_full_queue_hands_back_busy_and_recovers() {
    let directory = tempfile::tempdir().unwrap();
    let (release, held) = channel::<()>();
    let store = SqliteStore::open(directory.path(), move |_| {
        let _ = held.recv();
    })
    .unwrap();
    let busy = (0..).find_map(|serial| store.submit(load(serial, "juliet")).err()).unwrap();
    let Reply::Loaded { id, result } = busy else { panic!("{busy:?}") };
    assert_eq!(result, Err(StoreError::Busy));
    assert!(id.serial >= SqliteStore::CAPACITY as u64);
    drop(release);
    store.flush();
    assert_eq!(store.stats().requests, id.serial);
    store.submit(load(0, "juliet")).unwrap();
}

#[test]
fn dropping_the_store_executes_what_was_submitted() {
    let directory = tempfile::tempdir().unwrap();
    let fixture = open(directory.path()).unwrap();
    for serial in 0..100 {
        fixture.store.submit(create(serial, &format!("user{serial}"), "pass")).unwrap();
    }
    drop(fixture);
    assert_eq!(Admin::open(directory.path()).unwrap().list().unwrap().len(), 100);
}

#[test]
fn what_was_answered_is_in_the_files_at_that_moment() {
    let directory = tempfile::tempdir().unwrap();
    let fixture = open(directory.path()).unwrap();
    fixture.ask(create(1, "juliet", "pass"));
    // As after a power cut: the files as they are while the store has them open.
    let copy = tempfile::tempdir().unwrap();
    for name in ["waxwing.db", "waxwing.db-wal"] {
        fs::copy(directory.path().join(name), copy.path().join(name)).unwrap();
    }
    let after: Fixture = open(copy.path()).unwrap();
    assert_eq!(after.credentials("juliet"), Some(credentials("pass")));
}

/// Run by the next test in a process of its own: makes accounts and prints each when it has been confirmed.
#[test]
#[ignore = "the victim of kill_9_loses_nothing_that_was_answered"]
fn victim() {
    let Some(directory) = std::env::var_os("WAXWING_VICTIM") else { return };
    let fixture = open(directory.as_ref()).unwrap();
    for serial in 0.. {
        fixture.store.submit(create(serial, &format!("user{serial}"), "pass")).unwrap();
        if serial >= 16 {
            let Event::Reply(reply) = fixture.event() else { continue };
            println!("\nsaved {}", reply.id().serial);
        }
    }
}

#[test]
fn kill_9_loses_nothing_that_was_answered() {
    let directory = tempfile::tempdir().unwrap();
    let mut answered = Vec::new();
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["victim", "--exact", "--ignored", "--nocapture"])
        .env("WAXWING_VICTIM", directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let mut serials =
        lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("saved ")?.parse::<u64>().ok());
    answered.extend(serials.by_ref().take(100));
    victim.kill().unwrap();
    answered.extend(serials);
    victim.wait().unwrap();
    assert!(answered.len() >= 100);
    let accounts = Admin::open(directory.path()).unwrap().list().unwrap();
    for serial in answered {
        assert!(accounts.binary_search(&jid(&format!("user{serial}"))).is_ok(), "user{serial}");
    }
    // The lock died with the process.
    open(directory.path()).unwrap();
}

#[test]
fn changes_of_another_process_are_noticed_each_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut admin = Admin::create(directory.path()).unwrap();
    admin.add(&jid("early"), &credentials("pass")).unwrap();
    let fixture = open(directory.path()).unwrap();
    // Its own changes are no news.
    fixture.ask(create(1, "juliet", "pass"));

    admin.add(&jid("romeo"), &credentials("pass")).unwrap();
    admin.set_credentials(&jid("juliet"), credentials("new")).unwrap();
    admin.delete(&jid("romeo")).unwrap();
    let mut changed = vec![fixture.event(), fixture.event()];
    // One look may have come between the changes, then romeo is seen twice.
    changed.extend(fixture.events.recv_timeout(std::time::Duration::from_millis(1500)));
    changed.dedup();
    assert!(changed.contains(&Event::Changed(jid("juliet"))));
    assert!(changed.contains(&Event::Changed(jid("romeo"))));
    assert!(!changed.contains(&Event::Changed(jid("early"))));
    assert_eq!(fixture.credentials("juliet"), Some(credentials("new")));
    assert_eq!(fixture.credentials("romeo"), None);
}
