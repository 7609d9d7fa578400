//! Every reason not to use a data directory.

use rusqlite::ErrorCode;
use std::fmt;
use std::path::{Path, PathBuf};

/// Why a data directory cannot be used. Nothing in the database has been changed. Each is one line that says what is wrong and
/// how to mend it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no database, and none was to be made.
    Absent {
        /// The database.
        path: PathBuf,
    },
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
            OpenError::Absent { path } => {
                let path = path.display();
                write!(f, "there is no database {path}; choose the directory that has it")
            }
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

/// What an error of SQLite means for opening.
pub(crate) fn because(path: &Path, error: &rusqlite::Error) -> OpenError {
    let (path, detail) = (path.to_path_buf(), error.to_string());
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => OpenError::Corrupt { path, detail },
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => OpenError::Directory { path, detail },
        _ => OpenError::Database { path, detail },
    }
}
