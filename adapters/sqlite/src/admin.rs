//! Accounts from the command line: synchronous, and beside a running server.

use crate::error::OpenError;
use crate::{open, records};
use rusqlite::{Connection, TransactionBehavior};
use std::fmt;
use std::path::Path;
use waxwing_core::jid::BareJid;
use waxwing_core::sasl::StoredCredentials;
use waxwing_core::server::store::{Delta, Record, StoreError};

/// Makes, changes, removes and lists accounts in a data directory, whether or not a server is using it. A server that does
/// learns of each change within about a second ([`Event::Changed`](crate::Event::Changed)).
///
/// What has returned with success is durable.
#[derive(Debug)]
pub struct Admin {
    connection: Connection,
}

/// Why an account was not changed. Nothing has been written.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum AdminError {
    /// There is such an account already.
    Exists(BareJid),
    /// There is no such account.
    Missing(BareJid),
    /// SQLite failed; the text is what it says.
    Database(String),
}

impl Admin {
    /// Opens the database of a data directory.
    ///
    /// # Errors
    /// [`OpenError::Absent`] where there is none, and nothing is made then; see [`OpenError`] for others.
    /// [`OpenError::InUse`] is not among them.
    pub fn open(directory: impl AsRef<Path>) -> Result<Admin, OpenError> {
        Ok(Admin { connection: open::existing(directory.as_ref())? })
    }

    /// Opens the database of a data directory; makes either where there is none.
    ///
    /// # Errors
    /// See [`OpenError`]; neither [`OpenError::Absent`] nor [`OpenError::InUse`] is among them.
    pub fn create(directory: impl AsRef<Path>) -> Result<Admin, OpenError> {
        open::directory(directory.as_ref())?;
        Ok(Admin { connection: open::database(directory.as_ref())? })
    }

    /// Makes an account.
    ///
    /// # Errors
    /// [`AdminError::Exists`], [`AdminError::Database`].
    pub fn add(&mut self, account: &BareJid, credentials: &StoredCredentials) -> Result<(), AdminError> {
        self.change(account, |connection| {
            records::create(connection, account, &Record::new(credentials.clone()))
        })
    }

    /// Gives an account another password, or disables or enables it.
    ///
    /// # Errors
    /// [`AdminError::Missing`], [`AdminError::Database`].
    pub fn set_credentials(
        &mut self,
        account: &BareJid,
        credentials: StoredCredentials,
    ) -> Result<(), AdminError> {
        let deltas = [Delta::Credentials(credentials)];
        self.change(account, |connection| records::save(connection, account, &deltas))
    }

    /// Removes an account and all that belongs to it.
    ///
    /// # Errors
    /// [`AdminError::Missing`], [`AdminError::Database`].
    pub fn delete(&mut self, account: &BareJid) -> Result<(), AdminError> {
        self.change(account, |connection| records::delete(connection, account))
    }

    /// All accounts, in order of their addresses.
    ///
    /// # Errors
    /// [`AdminError::Database`].
    pub fn list(&self) -> Result<Vec<BareJid>, AdminError> {
        let mut select = self.connection.prepare("SELECT jid FROM account ORDER BY jid")?;
        let rows = select.query_map([], |row| row.get::<_, String>(0))?;
        rows.map(|row| {
            let jid = row?;
            BareJid::new(&jid)
                .map_err(|error| AdminError::Database(format!("stored address {jid:?}: {error}")))
        })
        .collect()
    }

    fn change(
        &mut self,
        account: &BareJid,
        change: impl FnOnce(&Connection) -> rusqlite::Result<Result<(), StoreError>>,
    ) -> Result<(), AdminError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        match change(&transaction)? {
            Ok(()) => {}
            Err(StoreError::Exists) => return Err(AdminError::Exists(account.clone())),
            Err(StoreError::Missing) => return Err(AdminError::Missing(account.clone())),
            Err(other) => return Err(AdminError::Database(other.to_string())),
        }
        transaction.execute("INSERT INTO change (jid) VALUES (?1)", [account.as_str()])?;
        Ok(transaction.commit()?)
    }
}

impl From<rusqlite::Error> for AdminError {
    fn from(error: rusqlite::Error) -> AdminError {
        AdminError::Database(error.to_string())
    }
}

impl fmt::Display for AdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AdminError::Exists(account) => write!(f, "the account {account} exists already"),
            AdminError::Missing(account) => write!(f, "there is no account {account}"),
            AdminError::Database(detail) => write!(f, "the database cannot be used: {detail}"),
        }
    }
}

impl std::error::Error for AdminError {}
