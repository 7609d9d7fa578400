//! What stands in for passwords.

use rusqlite::types::Type;
use rusqlite::{Connection, params};
use waxwing_core::sasl::{ScramHash, ScramKeys, StoredCredentials};

pub(super) fn keys(connection: &Connection, id: i64) -> rusqlite::Result<Vec<ScramKeys>> {
    let mut select = connection.prepare_cached(
        "SELECT hash, salt, iterations, stored_key, server_key FROM scram_key WHERE account = ?1 ORDER BY hash",
    )?;
    let keys = select.query_map([id], |row| {
        Ok(ScramKeys {
            hash: hash(row.get_ref(0)?.as_str()?)?,
            salt: row.get(1)?,
            iterations: row.get(2)?,
            stored_key: row.get(3)?,
            server_key: row.get(4)?,
        })
    })?;
    keys.collect()
}

pub(super) fn set(connection: &Connection, id: i64, credentials: &StoredCredentials) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached("UPDATE account SET disabled = ?2 WHERE id = ?1")?;
    update.execute(params![id, credentials.disabled])?;
    connection.prepare_cached("DELETE FROM scram_key WHERE account = ?1")?.execute([id])?;
    write_keys(connection, id, credentials)
}

pub(super) fn write_keys(
    connection: &Connection,
    id: i64,
    credentials: &StoredCredentials,
) -> rusqlite::Result<()> {
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
