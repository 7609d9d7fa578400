//! Opening the database, and every reason not to.

use crate::schema;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fmt;
use std::fs::{DirBuilder, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long another process may hold the database before an operation is given up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a data directory cannot be used. Nothing in the database has been changed. Each is one line that says what is wrong and
/// how to mend it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory cannot be made, or files in it cannot be written.
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        detail: String,
    },
    /// Another server uses it.
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The file is no SQLite database any more.
    Corrupt {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// The file is an SQLite database of another program.
    Foreign {
        /// The database.
        path: PathBuf,
    },
    /// A newer version has written it.
    Newer {
        /// The database.
        path: PathBuf,
        /// Version of its schema.
        found: i64,
        /// The newest that this version knows.
        known: i64,
    },
    /// SQLite cannot use it for another reason.
    Database {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Directory { path, detail } => {
                let path = path.display();
                write!(
                    f,
                    "cannot write to the data directory {path}: {detail}; choose another or mend its permissions"
                )
            }
            OpenError::InUse { path } => {
                let path = path.display();
                write!(
                    f,
                    "another server is using the data directory {path}; stop it or choose another directory"
                )
            }
            OpenError::Corrupt { path, detail } => {
                let path = path.display();
                write!(
                    f,
                    "the database {path} is damaged ({detail}); restore it from a backup or move it away"
                )
            }
            OpenError::Foreign { path } => {
                let path = path.display();
                write!(f, "{path} is a database of another program; move it away or choose another directory")
            }
            OpenError::Newer { path, found, known } => {
                let path = path.display();
                write!(
                    f,
                    "the database {path} was written by a newer version (schema {found}, known up to {known}); \
                     run that version or restore an older backup"
                )
            }
            OpenError::Database { path, detail } => {
                let path = path.display();
                write!(
                    f,
                    "cannot use the database {path}: {detail}; mend that or choose another data directory"
                )
            }
        }
    }
}

impl std::error::Error for OpenError {}

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

/// Opens the database of a directory: judges it first, then migrates it to the current schema.
pub(crate) fn database(directory: &Path) -> Result<Connection, OpenError> {
    let path = directory.join("waxwing.db");
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
    schema::migrate(&mut connection).map_err(failed)?;
    Ok(connection)
}

/// What an error of SQLite means for opening.
pub(crate) fn because(path: &Path, error: &rusqlite::Error) -> OpenError {
    let (path, detail) = (path.to_path_buf(), error.to_string());
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => OpenError::Corrupt { path, detail },
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => OpenError::Directory { path, detail },
        _ => OpenError::Database { path, detail },
    }
}
