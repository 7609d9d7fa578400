//! Messages that wait for an account.

use rusqlite::{Connection, params};
use waxwing_core::machine::Utc;
use waxwing_core::server::store::OfflineMessage;

/// Oldest first.
pub(super) fn waiting(
    connection: &Connection,
    id: i64,
    after: u64,
    limit: u32,
) -> rusqlite::Result<Vec<OfflineMessage>> {
    let mut select = connection.prepare_cached(
        "SELECT serial, at, stanza FROM offline WHERE account = ?1 AND serial > ?2 ORDER BY serial LIMIT ?3",
    )?;
    let messages = select.query_map(params![id, number(after), limit], |row| {
        Ok(OfflineMessage {
            serial: row.get(0)?,
            at: Utc::from_unix_millis(row.get(1)?),
            stanza: row.get(2)?,
        })
    })?;
    messages.collect()
}

/// The account's row has the last serial, so that none is given twice, and the sums, so that loading an account counts
/// nothing.
pub(super) fn append(connection: &Connection, id: i64, message: &OfflineMessage) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached(
        "UPDATE account SET offline_serial = offline_serial + 1, offline_messages = offline_messages + 1,
             offline_bytes = offline_bytes + ?2
         WHERE id = ?1 RETURNING offline_serial",
    )?;
    let serial: i64 = update.query_row(params![id, message.stanza.len()], |row| row.get(0))?;
    let mut insert = connection
        .prepare_cached("INSERT INTO offline (account, serial, at, stanza) VALUES (?1, ?2, ?3, ?4)")?;
    insert.execute(params![id, serial, message.at.unix_millis(), message.stanza])?;
    Ok(())
}

pub(super) fn remove(connection: &Connection, id: i64, through: u64) -> rusqlite::Result<()> {
    let mut delete = connection.prepare_cached("DELETE FROM offline WHERE account = ?1 AND serial <= ?2")?;
    delete.execute(params![id, number(through)])?;
    // Counted anew, although the hub has counted too: what is loaded is what is there.
    let mut update = connection.prepare_cached(
        "UPDATE account SET (offline_messages, offline_bytes) =
             (SELECT count(*), coalesce(sum(octet_length(stanza)), 0) FROM offline WHERE account = ?1)
         WHERE id = ?1",
    )?;
    update.execute([id])?;
    Ok(())
}

/// SQLite's numbers end at half of ours, and so do serials.
fn number(serial: u64) -> i64 {
    i64::try_from(serial).unwrap_or(i64::MAX)
}
