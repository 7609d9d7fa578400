//! Accounts as rows.

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, params};
use waxwing_core::jid::BareJid;
use waxwing_core::sasl::{ScramHash, ScramKeys, StoredCredentials};
use waxwing_core::server::store::{Delta, Found, Query, Record, Reply, Request, StoreError};

/// Executes a request. The outer error is SQLite's: the transaction around it must be rolled back. What the request itself
/// cannot have (an account that exists already) is in the reply, and nothing has been written then.
pub(crate) fn execute(connection: &Connection, request: &Request) -> rusqlite::Result<Reply> {
    Ok(match request {
        Request::Load { id, account } => Reply::Loaded { id: *id, result: Ok(load(connection, account)?) },
        Request::Read { id, account, query: Query::Credentials } => {
            let record = load(connection, account)?.ok_or(StoreError::Missing);
            Reply::Read { id: *id, result: record.map(|record| Found::Credentials(record.credentials)) }
        }
        Request::Create { id, account, record } => {
            Reply::Saved { id: *id, result: create(connection, account, &record.credentials)? }
        }
        Request::Save { id, account, deltas } => {
            Reply::Saved { id: *id, result: save(connection, account, deltas)? }
        }
        Request::Delete { id, account } => Reply::Saved { id: *id, result: delete(connection, account)? },
        other => other.refused(StoreError::Unavailable("this store does not know such requests".into())),
    })
}

/// True for requests that only read.
pub(crate) fn only_reads(request: &Request) -> bool {
    matches!(request, Request::Load { .. } | Request::Read { .. })
}

fn load(connection: &Connection, account: &BareJid) -> rusqlite::Result<Option<Record>> {
    let mut find = connection.prepare_cached("SELECT id, disabled FROM account WHERE jid = ?1")?;
    let row = find.query_row([account.as_str()], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?)));
    let Some((id, disabled)) = row.optional()? else { return Ok(None) };
    let mut keys = connection.prepare_cached(
        "SELECT hash, salt, iterations, stored_key, server_key FROM scram_key WHERE account = ?1 ORDER BY hash",
    )?;
    let scram = keys.query_map([id], |row| {
        Ok(ScramKeys {
            hash: hash(&row.get::<_, String>(0)?)?,
            salt: row.get(1)?,
            iterations: row.get(2)?,
            stored_key: row.get(3)?,
            server_key: row.get(4)?,
        })
    })?;
    let scram = scram.collect::<rusqlite::Result<_>>()?;
    Ok(Some(Record::new(StoredCredentials { scram, disabled })))
}

pub(crate) fn create(
    connection: &Connection,
    account: &BareJid,
    credentials: &StoredCredentials,
) -> rusqlite::Result<Result<(), StoreError>> {
    let mut insert = connection
        .prepare_cached("INSERT INTO account (jid, disabled) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?;
    if insert.execute(params![account.as_str(), credentials.disabled])? == 0 {
        return Ok(Err(StoreError::Exists));
    }
    write_keys(connection, connection.last_insert_rowid(), credentials)?;
    Ok(Ok(()))
}

pub(crate) fn save(
    connection: &Connection,
    account: &BareJid,
    deltas: &[Delta],
) -> rusqlite::Result<Result<(), StoreError>> {
    let Some(id) = find(connection, account)? else { return Ok(Err(StoreError::Missing)) };
    let known = |delta: &Delta| matches!(delta, Delta::Credentials(_));
    if !deltas.iter().all(known) {
        let error = StoreError::Unavailable("this store does not know such changes".into());
        return Ok(Err(error));
    }
    for delta in deltas {
        if let Delta::Credentials(credentials) = delta {
            let mut update = connection.prepare_cached("UPDATE account SET disabled = ?2 WHERE id = ?1")?;
            update.execute(params![id, credentials.disabled])?;
            connection.prepare_cached("DELETE FROM scram_key WHERE account = ?1")?.execute([id])?;
            write_keys(connection, id, credentials)?;
        }
    }
    Ok(Ok(()))
}

/// The rows of other tables go with it (`ON DELETE CASCADE`).
pub(crate) fn delete(connection: &Connection, account: &BareJid) -> rusqlite::Result<Result<(), StoreError>> {
    let mut delete = connection.prepare_cached("DELETE FROM account WHERE jid = ?1")?;
    Ok(if delete.execute([account.as_str()])? == 0 { Err(StoreError::Missing) } else { Ok(()) })
}

fn find(connection: &Connection, account: &BareJid) -> rusqlite::Result<Option<i64>> {
    let mut find = connection.prepare_cached("SELECT id FROM account WHERE jid = ?1")?;
    find.query_row([account.as_str()], |row| row.get(0)).optional()
}

fn write_keys(connection: &Connection, id: i64, credentials: &StoredCredentials) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO scram_key (account, hash, salt, iterations, stored_key, server_key)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for keys in &credentials.scram {
        let hash = hash_name(keys.hash);
        insert.execute(params![id, hash, keys.salt, keys.iterations, keys.stored_key, keys.server_key])?;
    }
    Ok(())
}

fn hash_name(hash: ScramHash) -> &'static str {
    match hash {
        ScramHash::Sha1 => "SHA-1",
        ScramHash::Sha256 => "SHA-256",
        ScramHash::Sha512 => "SHA-512",
    }
}

fn hash(name: &str) -> rusqlite::Result<ScramHash> {
    match name {
        "SHA-1" => Ok(ScramHash::Sha1),
        "SHA-256" => Ok(ScramHash::Sha256),
        "SHA-512" => Ok(ScramHash::Sha512),
        other => {
            let why = format!("unknown hash function {other:?}").into();
            Err(rusqlite::Error::FromSqlConversionFailure(0, Type::Text, why))
        }
    }
}
