//! Waxwing's embedded store: a [storage port](waxwing_core::server::store) over SQLite.
//!
//! # Files
//!
//! All is in one *data directory*: `waxwing.db` (with SQLite's `-wal` and `-shm` beside it) and `waxwing.lock`. The lock is held
//! by a [`SqliteStore`], which belongs to a running server, so that a second server on the same directory is refused. An
//! [`Admin`] works beside it, from another process too; the store notices what it changes and reports it.
//!
//! # Durability
//!
//! A change is answered only when its transaction has been committed and synchronised to the disk (WAL, `synchronous=FULL`):
//! whatever was answered is there after `kill -9` or a power cut. Requests that arrive while a transaction is being committed
//! share the next one.
//!
//! # When it is too slow
//!
//! At most [`SqliteStore::CAPACITY`] requests wait. With more, [`SqliteStore::submit`] hands back the reply that says so
//! ([`StoreError::Busy`](waxwing_core::server::store::StoreError::Busy)), and nothing has been done.
//!
//! # Secrets
//!
//! Passwords are never stored: an account has the keys of SCRAM (RFC 5802 section 3), from which a password can only be
//! guessed. A directory and a database that this crate makes can be read by their owner only (on Unix).

mod admin;
mod error;
mod open;
mod records;
mod schema;
mod store;

pub use admin::{Admin, AdminError};
pub use error::OpenError;
pub use store::{Event, SqliteStore, Stats};
