//! Opening the database.

use crate::error::{OpenError, because};
use crate::{records, schema};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::fs::{DirBuilder, File, TryLockError};
use std::path::Path;
use std::time::Duration;

/// The database in its directory.
const NAME: &str = "waxwing.db";

/// How long another process may hold the database before an operation is given up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Makes the directory if there is none, for its owner only.
pub(crate) fn directory(path: &Path) -> Result<(), OpenError> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .recursive(true)
        .create(path)
        .map_err(|error| OpenError::Directory { path: path.into(), detail: error.to_string() })
}

/// Makes the database's file if there is none, for its owner only. SQLite makes the files beside it alike.
fn private_file(path: &Path) {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // It may be there already. Whatever else is wrong with it, SQLite says more clearly.
    let _ = options.open(path);
}

/// Claims the directory for one server. The claim ends with the file, or with the process, however that ends.
pub(crate) fn claim(directory: &Path) -> Result<File, OpenError> {
    let failed =
        |error: std::io::Error| OpenError::Directory { path: directory.into(), detail: error.to_string() };
    let mut options = File::options();
    let file = options.write(true).create(true).truncate(false).open(directory.join("waxwing.lock"));
    let file = file.map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path: directory.into() }),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Opens the database of a directory where there is one.
pub(crate) fn existing(directory: &Path) -> Result<Connection, OpenError> {
    let path = directory.join(NAME);
    if path.exists() { database(directory) } else { Err(OpenError::Absent { path }) }
}

/// Opens the database of a directory, or makes it: judges it first, then migrates it to the current schema.
pub(crate) fn database(directory: &Path) -> Result<Connection, OpenError> {
    let path = directory.join(NAME);
    let failed = |error: rusqlite::Error| because(&path, &error);
    private_file(&path);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let mut connection = Connection::open_with_flags(&path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    schema::judge(&connection, &path)?;
    if connection.is_readonly("main").map_err(failed)? {
        return Err(OpenError::Directory {
            path: directory.into(),
            detail: "the database is read-only".into(),
        });
    }
    schema::check(&connection, &path)?;
    let mode: String =
        connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).map_err(failed)?;
    if mode != "wal" {
        let detail = format!("its journal cannot be a write-ahead log, only {mode}");
        return Err(OpenError::Database { path, detail });
    }
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;").map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(records::STATEMENTS);
    // Else a plan may depend on the values bound, and a statement is prepared again whenever those change.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(failed)?;
    schema::migrate(&mut connection).map_err(failed)?;
    Ok(connection)
}
