//! The tables, and how they came about: one step for each version, never changed once released.

use crate::error::{OpenError, because};
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;

/// In the header of every database of ours ("WXWG").
const APPLICATION_ID: i64 = 0x5758_5747;

/// What leads from each version to the next; the first from an empty file.
const STEPS: [&str; 5] = [
    // 1: accounts, each with a set of SCRAM keys for every hash function.
    "CREATE TABLE account (
         id INTEGER PRIMARY KEY,
         jid TEXT NOT NULL UNIQUE,
         disabled INTEGER NOT NULL DEFAULT 0
     ) STRICT;
     CREATE TABLE scram_key (
         account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
         hash TEXT NOT NULL,
         salt BLOB NOT NULL,
         iterations INTEGER NOT NULL,
         stored_key BLOB NOT NULL,
         server_key BLOB NOT NULL,
         PRIMARY KEY (account, hash)
     ) STRICT, WITHOUT ROWID;",
    // 2: what others have changed while the server runs. One row an account, so it stays small where no server reads it.
    "CREATE TABLE change (
         serial INTEGER PRIMARY KEY AUTOINCREMENT,
         jid TEXT NOT NULL UNIQUE ON CONFLICT REPLACE
     ) STRICT;",
    // 3: rosters, requests to subscribe, last presence, documents, messages that wait. Short rows that are read together
    // stand together (WITHOUT ROWID); XML, which can be long, has tables that grow at their end. Of groups, flags and
    // versions see records/roster.rs.
    "ALTER TABLE account ADD COLUMN roster_version INTEGER NOT NULL DEFAULT 0;
     ALTER TABLE account ADD COLUMN last_at INTEGER;
     ALTER TABLE account ADD COLUMN last_status TEXT;
     ALTER TABLE account ADD COLUMN offline_serial INTEGER NOT NULL DEFAULT 0;
     ALTER TABLE account ADD COLUMN offline_messages INTEGER NOT NULL DEFAULT 0;
     ALTER TABLE account ADD COLUMN offline_bytes INTEGER NOT NULL DEFAULT 0;
     CREATE TABLE contact (
         account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
         jid TEXT NOT NULL,
         name TEXT,
         in_groups TEXT,
         flags INTEGER NOT NULL,
         version INTEGER NOT NULL,
         PRIMARY KEY (account, jid)
     ) STRICT, WITHOUT ROWID;
     CREATE TABLE removed_contact (
         account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
         version INTEGER NOT NULL,
         jid TEXT NOT NULL,
         PRIMARY KEY (account, version)
     ) STRICT, WITHOUT ROWID;
     CREATE TABLE request (
         account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
         jid TEXT NOT NULL,
         stanza TEXT NOT NULL,
         PRIMARY KEY (account, jid)
     ) STRICT;
     CREATE TABLE document (
         account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
         kind TEXT NOT NULL,
         ns TEXT NOT NULL,
         name TEXT NOT NULL,
         xml TEXT NOT NULL,
         PRIMARY KEY (account, kind, ns, name)
     ) STRICT;
     CREATE TABLE offline (
         account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
         serial INTEGER NOT NULL,
         at INTEGER NOT NULL,
         stanza TEXT NOT NULL,
         PRIMARY KEY (account, serial)
     ) STRICT;",
    // 4: privacy lists. Of subjects and flags see records/privacy.rs.
    "ALTER TABLE account ADD COLUMN default_list TEXT;
     CREATE TABLE privacy_rule (
         account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
         list TEXT NOT NULL,
         place INTEGER NOT NULL,
         subject TEXT NOT NULL,
         value TEXT NOT NULL,
         flags INTEGER NOT NULL,
         PRIMARY KEY (account, list, place)
     ) STRICT, WITHOUT ROWID;",
    // 5: tokens, at most one a slot: the one that the client uses (0), and the next (1).
    "CREATE TABLE token (
         account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
         client BLOB NOT NULL,
         slot INTEGER NOT NULL,
         id BLOB NOT NULL,
         mechanism TEXT NOT NULL,
         given INTEGER NOT NULL,
         expires INTEGER NOT NULL,
         count INTEGER NOT NULL,
         PRIMARY KEY (account, client, slot)
     ) STRICT, WITHOUT ROWID;",
];

/// The newest version, which is what [`migrate`] arrives at.
const CURRENT: i64 = STEPS.len() as i64;

/// Whether a database may be touched at all. Changes nothing.
pub(crate) fn judge(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let number = |sql: &str| {
        connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(|error| because(path, &error))
    };
    let application = number("PRAGMA application_id")?;
    let version = number("PRAGMA user_version")?;
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    let is_new = application == 0 && version == 0 && tables == 0;
    if application != APPLICATION_ID && !is_new {
        return Err(OpenError::Foreign { path: path.into() });
    }
    if version > CURRENT {
        return Err(OpenError::Newer { path: path.into(), found: version, known: CURRENT });
    }
    Ok(())
}

/// Brings the schema up to date: all of it or nothing, also where two processes try at once.
pub(crate) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    if version(connection)? == CURRENT {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = usize::try_from(version(&transaction)?).unwrap_or(0);
    for step in STEPS.iter().skip(found) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", CURRENT)?;
    transaction.commit()
}

/// Whether the tables that are there and small are intact. Larger ones (contacts, documents, messages) are not read through
/// at every start.
pub(crate) fn check(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let tables = "SELECT name FROM sqlite_schema
                  WHERE name IN ('account', 'scram_key', 'change', 'removed_contact', 'request', 'token')";
    let problem = || -> rusqlite::Result<Option<String>> {
        let mut tables = connection.prepare(tables)?;
        for table in tables.query_map([], |row| row.get::<_, String>(0))? {
            let sql = format!("PRAGMA quick_check({})", table?);
            let verdict: String = connection.query_row(&sql, [], |row| row.get(0))?;
            if verdict != "ok" {
                return Ok(Some(first_line(&verdict)));
            }
        }
        Ok(None)
    };
    match problem().map_err(|error| because(path, &error))? {
        Some(detail) => Err(OpenError::Corrupt { path: path.into(), detail }),
        None => Ok(()),
    }
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
