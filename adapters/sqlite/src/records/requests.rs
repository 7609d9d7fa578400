//! Requests to subscribe that wait for an answer.

use super::columns::address;
use rusqlite::{Connection, params};
use std::collections::BTreeMap;
use waxwing_core::jid::BareJid;

pub(super) fn all(connection: &Connection, id: i64) -> rusqlite::Result<BTreeMap<BareJid, Box<str>>> {
    let mut select = connection.prepare_cached("SELECT jid, stanza FROM request WHERE account = ?1")?;
    let rows = select.query_map([id], |row| Ok((address(row, 0)?, row.get(1)?)))?;
    rows.collect()
}

/// `None`: it waits no longer.
pub(super) fn set(
    connection: &Connection,
    id: i64,
    jid: &BareJid,
    stanza: Option<&str>,
) -> rusqlite::Result<()> {
    let sql = match stanza {
        Some(_) => "INSERT OR REPLACE INTO request (account, jid, stanza) VALUES (?1, ?2, ?3)",
        None => "DELETE FROM request WHERE account = ?1 AND jid = ?2 AND ?3 IS NULL",
    };
    connection.prepare_cached(sql)?.execute(params![id, jid.as_str(), stanza])?;
    Ok(())
}
