//! Accounts as rows.
//!
//! What a store refuses as unfit (an account that exists already) is in the reply, and nothing has been written then. All
//! other errors are SQLite's: the transaction around the request must be rolled back.

mod columns;
mod credentials;
mod documents;
mod offline;
mod privacy;
mod requests;
mod roster;
mod tokens;

use columns::unknown;
use rusqlite::{Connection, OptionalExtension, params};
use waxwing_core::jid::BareJid;
use waxwing_core::machine::Utc;
use waxwing_core::sasl::StoredCredentials;
use waxwing_core::server::store::{
    Delta, Found, LastPresence, OfflineCount, Query, Record, Reply, Request, StoreError, StoredTokens,
    outdated,
};

/// More than the number of statements here, so that each is prepared once.
pub(crate) const STATEMENTS: usize = 64;

/// Executes a request.
pub(crate) fn execute(connection: &Connection, request: &Request) -> rusqlite::Result<Reply> {
    Ok(match request {
        Request::Load { id, account } => Reply::Loaded { id: *id, result: Ok(load(connection, account)?) },
        Request::Read { id, account, query } => {
            Reply::Read { id: *id, result: read(connection, account, query)? }
        }
        Request::Create { id, account, record } => {
            Reply::Saved { id: *id, result: create(connection, account, record)? }
        }
        Request::Save { id, account, deltas } => {
            Reply::Saved { id: *id, result: save(connection, account, deltas)? }
        }
        Request::Delete { id, account } => Reply::Saved { id: *id, result: delete(connection, account)? },
        _ => return Err(unknown("requests")),
    })
}

/// True for requests that only read.
pub(crate) fn only_reads(request: &Request) -> bool {
    matches!(request, Request::Load { .. } | Request::Read { .. })
}

/// One statement for each table.
fn load(connection: &Connection, account: &BareJid) -> rusqlite::Result<Option<Box<Record>>> {
    let mut find = connection.prepare_cached(
        "SELECT id, disabled, roster_version, last_at, last_status, offline_messages, offline_bytes,
             default_list
         FROM account WHERE jid = ?1",
    )?;
    let found = find.query_row([account.as_str()], |row| {
        let mut record = Record::new(StoredCredentials { disabled: row.get(1)?, ..Default::default() });
        record.roster.version = row.get(2)?;
        if let (Some(at), Some(status)) = (row.get(3)?, row.get(4)?) {
            record.last = Some(LastPresence { at: Utc::from_unix_millis(at), status });
        }
        record.offline = OfflineCount { messages: row.get(5)?, bytes: row.get(6)? };
        record.privacy.default = row.get(7)?;
        Ok((row.get(0)?, record))
    });
    let Some((id, mut record)) = found.optional()? else { return Ok(None) };
    record.credentials.scram = credentials::keys(connection, id)?;
    record.roster.contacts = roster::contacts(connection, id)?;
    record.roster.removed = roster::removed(connection, id)?;
    record.requests = requests::all(connection, id)?;
    record.privacy.lists = privacy::lists(connection, id)?;
    record.documents = documents::sizes(connection, id)?;
    Ok(Some(Box::new(record)))
}

fn read(
    connection: &Connection,
    account: &BareJid,
    query: &Query,
) -> rusqlite::Result<Result<Found, StoreError>> {
    let mut find = connection.prepare_cached(
        "SELECT id, disabled, last_at, default_list IS NOT NULL FROM account WHERE jid = ?1",
    )?;
    let found = find.query_row([account.as_str()], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get::<_, Option<i64>>(2)?, row.get(3)?))
    });
    let Some((id, disabled, last, guarded)) = found.optional()? else { return Ok(Err(StoreError::Missing)) };
    Ok(Ok(match query {
        Query::Credentials => {
            Found::Credentials(StoredCredentials { scram: credentials::keys(connection, id)?, disabled })
        }
        Query::Tokens(client) => Found::Tokens(Box::new(StoredTokens {
            credentials: StoredCredentials { scram: credentials::keys(connection, id)?, disabled },
            tokens: tokens::of_client(connection, id, *client)?,
        })),
        Query::Document(document) => Found::Document(documents::one(connection, id, document)?),
        Query::Watcher(jid) => {
            let subscribed = roster::is_subscribed(connection, id, jid)?;
            Found::Watcher { subscribed, guarded, last: last.map(Utc::from_unix_millis) }
        }
        Query::Offline { after, limit } => Found::Offline(offline::waiting(connection, id, *after, *limit)?),
        _ => return Err(unknown("queries")),
    }))
}

/// Documents and messages that the record speaks of are not made: they are no part of it.
pub(crate) fn create(
    connection: &Connection,
    account: &BareJid,
    record: &Record,
) -> rusqlite::Result<Result<(), StoreError>> {
    let mut insert = connection
        .prepare_cached("INSERT INTO account (jid, disabled) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?;
    if insert.execute(params![account.as_str(), record.credentials.disabled])? == 0 {
        return Ok(Err(StoreError::Exists));
    }
    let id = connection.last_insert_rowid();
    credentials::write_keys(connection, id, &record.credentials)?;
    roster::write(connection, id, &record.roster)?;
    for (jid, stanza) in &record.requests {
        requests::set(connection, id, jid, Some(stanza))?;
    }
    privacy::write(connection, id, &record.privacy)?;
    if record.last.is_some() {
        set_last(connection, id, record.last.as_ref())?;
    }
    Ok(Ok(()))
}

pub(crate) fn save(
    connection: &Connection,
    account: &BareJid,
    deltas: &[Delta],
) -> rusqlite::Result<Result<(), StoreError>> {
    let mut find = connection.prepare_cached("SELECT id FROM account WHERE jid = ?1")?;
    let found = find.query_row([account.as_str()], |row| row.get(0)).optional()?;
    let Some(id) = found else { return Ok(Err(StoreError::Missing)) };
    if outdated(deltas, |client| tokens::of_client(connection, id, client))? {
        return Ok(Err(StoreError::Outdated));
    }
    deltas.iter().try_for_each(|delta| apply(connection, id, delta))?;
    Ok(Ok(()))
}

fn apply(connection: &Connection, id: i64, delta: &Delta) -> rusqlite::Result<()> {
    match delta {
        Delta::Credentials(credentials) => {
            tokens::clear(connection, id)?;
            credentials::set(connection, id, credentials)
        }
        Delta::Token { client, change } => tokens::change(connection, id, *client, change),
        Delta::Contact { jid, contact } => roster::set(connection, id, jid, contact),
        Delta::ContactRemoved { jid, version } => roster::remove(connection, id, jid, *version),
        Delta::Request { jid, stanza } => requests::set(connection, id, jid, stanza.as_deref()),
        Delta::PrivacyList { name, rules } => privacy::put(connection, id, name, rules),
        Delta::PrivacyRules { name, removed, added } => privacy::edit(connection, id, name, removed, added),
        Delta::DefaultPrivacyList(name) => privacy::set_default(connection, id, name.as_deref()),
        Delta::Last(last) => set_last(connection, id, last.as_ref()),
        Delta::Document { document, xml } => documents::set(connection, id, document, xml.as_deref()),
        Delta::Offline(message) => offline::append(connection, id, message),
        Delta::OfflineRemoved { through, .. } => offline::remove(connection, id, *through),
        _ => Err(unknown("changes")),
    }
}

/// The rows of other tables go with it (`ON DELETE CASCADE`).
pub(crate) fn delete(connection: &Connection, account: &BareJid) -> rusqlite::Result<Result<(), StoreError>> {
    let mut delete = connection.prepare_cached("DELETE FROM account WHERE jid = ?1")?;
    Ok(if delete.execute([account.as_str()])? == 0 { Err(StoreError::Missing) } else { Ok(()) })
}

fn set_last(connection: &Connection, id: i64, last: Option<&LastPresence>) -> rusqlite::Result<()> {
    let at = last.map(|last| last.at.unix_millis());
    let status = last.map(|last| &*last.status);
    let mut update =
        connection.prepare_cached("UPDATE account SET last_at = ?2, last_status = ?3 WHERE id = ?1")?;
    update.execute(params![id, at, status])?;
    Ok(())
}
