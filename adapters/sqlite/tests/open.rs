//! Opening: versions, damage, second servers, administration without a server.

mod common;

use common::{create, credentials, jid, open};
use rusqlite::Connection;
use std::fs;
use std::path::Path;
use waxwing_sqlite::{Admin, AdminError, OpenError};

/// The first version's schema, as it was.
const VERSION_1: &str = "
    CREATE TABLE account (id INTEGER PRIMARY KEY, jid TEXT NOT NULL UNIQUE, disabled INTEGER NOT NULL DEFAULT 0) STRICT;
    CREATE TABLE scram_key (account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE, hash TEXT NOT NULL,
        salt BLOB NOT NULL, iterations INTEGER NOT NULL, stored_key BLOB NOT NULL, server_key BLOB NOT NULL,
        PRIMARY KEY (account, hash)) STRICT, WITHOUT ROWID;
    INSERT INTO account VALUES (1, 'juliet@example.org', 0);
    PRAGMA application_id = 0x57585747;
    PRAGMA user_version = 1;";

fn database(directory: &Path) -> Connection {
    Connection::open(directory.join("waxwing.db")).unwrap()
}

fn version(directory: &Path) -> i64 {
    database(directory).query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

fn refusal(directory: &Path) -> OpenError {
    let error = open(directory).map(drop).unwrap_err();
    assert!(!error.to_string().contains('\n'), "one line");
    error
}

#[test]
fn a_directory_is_made_where_there_is_none() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("a/b");
    drop(open(&directory).unwrap());
    assert_eq!(version(&directory), 5);
}

#[test]
fn version_1_is_migrated_and_keeps_its_accounts() {
    let directory = tempfile::tempdir().unwrap();
    database(directory.path()).execute_batch(VERSION_1).unwrap();
    let fixture = open(directory.path()).unwrap();
    assert!(fixture.credentials("juliet").is_some());
    drop(fixture);
    assert_eq!(version(directory.path()), 5);
    Admin::open(directory.path()).unwrap().add(&jid("romeo"), &credentials("pass")).unwrap();
}

#[test]
fn version_4_is_migrated_and_can_keep_tokens() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()).unwrap());
    Admin::open(directory.path()).unwrap().add(&jid("juliet"), &credentials("pass")).unwrap();
    // What step 5 has added goes.
    let undo = "DROP TABLE token; PRAGMA user_version = 4;";
    database(directory.path()).execute_batch(undo).unwrap();
    let fixture = open(directory.path()).unwrap();
    assert!(fixture.credentials("juliet").is_some());
    drop(fixture);
    assert_eq!(version(directory.path()), 5);
    let insert = "INSERT INTO token VALUES (1, x'00', 0, x'00', 'HT-SHA-256-EXPR', 0, 0, 0)";
    database(directory.path()).execute_batch(insert).unwrap();
    // They go with the account, and with its password.
    let tokens = || -> i64 {
        let count = "SELECT count(*) FROM token";
        database(directory.path()).query_row(count, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(tokens(), 1);
    Admin::open(directory.path()).unwrap().set_credentials(&jid("juliet"), credentials("other")).unwrap();
    assert_eq!(tokens(), 0);
    database(directory.path()).execute_batch(insert).unwrap();
    Admin::open(directory.path()).unwrap().delete(&jid("juliet")).unwrap();
    assert_eq!(tokens(), 0);
}

#[test]
fn a_newer_version_is_refused_and_untouched() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()).unwrap());
    database(directory.path()).pragma_update(None, "user_version", 99).unwrap();
    let before = fs::read(directory.path().join("waxwing.db")).unwrap();
    let error = refusal(directory.path());
    assert!(matches!(error, OpenError::Newer { found: 99, known: 5, .. }), "{error:?}");
    assert!(Admin::open(directory.path()).is_err());
    assert_eq!(fs::read(directory.path().join("waxwing.db")).unwrap(), before);
}

#[test]
fn a_file_that_is_no_database_is_refused_and_untouched() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("waxwing.db");
    let garbage = b"not a database at all, ".repeat(500);
    fs::write(&path, &garbage).unwrap();
    assert!(matches!(refusal(directory.path()), OpenError::Corrupt { .. }));
    assert_eq!(fs::read(&path).unwrap(), garbage);
}

#[test]
fn damage_inside_is_found_when_opening() {
    let directory = tempfile::tempdir().unwrap();
    let mut admin = Admin::create(directory.path()).unwrap();
    for number in 0..200 {
        admin.add(&jid(&format!("user{number}")), &credentials("pass")).unwrap();
    }
    drop(admin);
    let path = directory.path().join("waxwing.db");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8192].fill(0xaa);
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(refusal(directory.path()), OpenError::Corrupt { .. }));
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn a_database_of_another_program_is_refused_and_untouched() {
    let directory = tempfile::tempdir().unwrap();
    database(directory.path()).execute_batch("CREATE TABLE cookies (crumbs TEXT)").unwrap();
    let before = fs::read(directory.path().join("waxwing.db")).unwrap();
    assert!(matches!(refusal(directory.path()), OpenError::Foreign { .. }));
    assert_eq!(fs::read(directory.path().join("waxwing.db")).unwrap(), before);
}

#[test]
fn a_second_server_is_refused_until_the_first_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(directory.path()).unwrap();
    assert!(matches!(refusal(directory.path()), OpenError::InUse { .. }));
    first.ask(create(1, "juliet", "pass"));
    drop(first);
    open(directory.path()).unwrap();
}

#[test]
fn a_directory_that_cannot_be_is_named() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, "").unwrap();
    let error = refusal(&file.join("data"));
    assert!(matches!(error, OpenError::Directory { .. }));
    assert!(error.to_string().contains("file/data"), "{error}");
}

#[test]
fn administration_works_without_a_server() {
    let directory = tempfile::tempdir().unwrap();
    let mut admin = Admin::create(directory.path().join("new")).unwrap();
    admin.add(&jid("romeo"), &credentials("pass")).unwrap();
    admin.add(&jid("juliet"), &credentials("pass")).unwrap();
    assert_eq!(admin.add(&jid("juliet"), &credentials("x")), Err(AdminError::Exists(jid("juliet"))));
    assert_eq!(admin.list().unwrap(), [jid("juliet"), jid("romeo")]);
    admin.set_credentials(&jid("juliet"), credentials("new")).unwrap();
    admin.delete(&jid("romeo")).unwrap();
    assert_eq!(admin.delete(&jid("romeo")), Err(AdminError::Missing(jid("romeo"))));
    let missing = admin.set_credentials(&jid("romeo"), credentials("x"));
    assert_eq!(missing, Err(AdminError::Missing(jid("romeo"))));
    drop(admin);
    let fixture = open(&directory.path().join("new")).unwrap();
    assert_eq!(fixture.credentials("juliet"), Some(credentials("new")));
    assert_eq!(fixture.credentials("romeo"), None);
}

#[test]
fn administration_that_makes_nothing_leaves_nothing_behind() {
    let parent = tempfile::tempdir().unwrap();
    for directory in [parent.path().join("typo"), parent.path().to_path_buf()] {
        let error = Admin::open(&directory).unwrap_err();
        assert_eq!(error, OpenError::Absent { path: directory.join("waxwing.db") });
        assert!(error.to_string().contains("waxwing.db"), "{error}");
    }
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
}

#[test]
#[cfg(unix)]
fn what_is_made_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("data");
    let fixture = open(&directory).unwrap();
    fixture.ask(create(1, "juliet", "pass"));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    for name in ["waxwing.db", "waxwing.db-wal", "waxwing.db-shm"] {
        assert_eq!(mode(&directory.join(name)), 0o600, "{name}");
    }
}
