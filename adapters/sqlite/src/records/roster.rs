//! Contacts, and which have been removed.

use super::columns::address;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::BTreeMap;
use waxwing_core::jid::BareJid;
use waxwing_core::server::store::{Contact, Roster};

/// Between the names of groups: a control character that XML 1.0 cannot express, so no name has it.
const SEPARATOR: char = '\u{1f}';

const TO: u8 = 1;
const FROM: u8 = 2;
const ASK: u8 = 4;
const APPROVED: u8 = 8;

pub(super) fn contacts(connection: &Connection, id: i64) -> rusqlite::Result<BTreeMap<BareJid, Contact>> {
    let mut select = connection.prepare_cached(
        "SELECT jid, name, in_groups, flags, version FROM contact WHERE account = ?1 ORDER BY jid",
    )?;
    let rows = select.query_map([id], |row| Ok((address(row, 0)?, contact(row)?)))?;
    rows.collect()
}

/// Whether a contact sees the account's presence.
pub(super) fn is_subscribed(connection: &Connection, id: i64, jid: &BareJid) -> rusqlite::Result<bool> {
    let mut select =
        connection.prepare_cached("SELECT flags FROM contact WHERE account = ?1 AND jid = ?2")?;
    let flags: Option<u8> = select.query_row(params![id, jid.as_str()], |row| row.get(0)).optional()?;
    Ok(flags.is_some_and(|flags| flags & FROM != 0))
}

/// Oldest first.
pub(super) fn removed(connection: &Connection, id: i64) -> rusqlite::Result<Vec<(u64, BareJid)>> {
    let mut select = connection
        .prepare_cached("SELECT jid, version FROM removed_contact WHERE account = ?1 ORDER BY version")?;
    let rows = select.query_map([id], |row| Ok((row.get(1)?, address(row, 0)?)))?;
    rows.collect()
}

/// A whole roster, for an account that has none yet.
pub(super) fn write(connection: &Connection, id: i64, roster: &Roster) -> rusqlite::Result<()> {
    for (jid, contact) in &roster.contacts {
        write_contact(connection, id, jid, contact)?;
    }
    for (version, jid) in &roster.removed {
        write_removed(connection, id, jid, *version)?;
    }
    if roster.version > 0 {
        set_version(connection, id, roster.version)?;
    }
    Ok(())
}

pub(super) fn set(
    connection: &Connection,
    id: i64,
    jid: &BareJid,
    contact: &Contact,
) -> rusqlite::Result<()> {
    set_version(connection, id, contact.version)?;
    write_contact(connection, id, jid, contact)
}

pub(super) fn remove(connection: &Connection, id: i64, jid: &BareJid, version: u64) -> rusqlite::Result<()> {
    set_version(connection, id, version)?;
    let mut delete = connection.prepare_cached("DELETE FROM contact WHERE account = ?1 AND jid = ?2")?;
    delete.execute(params![id, jid.as_str()])?;
    write_removed(connection, id, jid, version)?;
    let mut surplus = connection.prepare_cached(
        "DELETE FROM removed_contact WHERE account = ?1 AND version <= (
             SELECT version FROM removed_contact WHERE account = ?1 ORDER BY version DESC LIMIT 1 OFFSET ?2)",
    )?;
    surplus.execute(params![id, Roster::REMOVED])?;
    Ok(())
}

fn set_version(connection: &Connection, id: i64, version: u64) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached("UPDATE account SET roster_version = ?2 WHERE id = ?1")?;
    update.execute(params![id, version])?;
    Ok(())
}

/// A contact is a row, not a part of one value for the whole roster. Measured with 50 contacts (`benches/rosters.rs`, processor
/// time on a 2-core x86-64 server): loading takes 46 us in rows and would take 28 us as one value, but changing a contact
/// takes 17 us against 56 us, and that grows with the roster.
fn write_contact(connection: &Connection, id: i64, jid: &BareJid, contact: &Contact) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO contact (account, jid, name, in_groups, flags, version)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let groups =
        (!contact.groups.is_empty()).then(|| contact.groups.join(SEPARATOR.encode_utf8(&mut [0; 4])));
    let flags = [(contact.to, TO), (contact.from, FROM), (contact.ask, ASK), (contact.approved, APPROVED)];
    let flags = flags.iter().filter(|(set, _)| *set).fold(0, |flags, (_, flag)| flags | flag);
    insert.execute(params![id, jid.as_str(), contact.name, groups, flags, contact.version])?;
    Ok(())
}

/// Nothing where it has been written already: see [`Record::apply`](waxwing_core::server::store::Record::apply).
fn write_removed(connection: &Connection, id: i64, jid: &BareJid, version: u64) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO removed_contact (account, version, jid) SELECT ?1, ?2, ?3
         WHERE NOT EXISTS (SELECT 1 FROM removed_contact WHERE account = ?1 AND version >= ?2)",
    )?;
    insert.execute(params![id, version, jid.as_str()])?;
    Ok(())
}

fn contact(row: &Row<'_>) -> rusqlite::Result<Contact> {
    let flags: u8 = row.get(3)?;
    let groups = row.get_ref(2)?.as_str_or_null()?;
    Ok(Contact {
        name: row.get(1)?,
        groups: groups.map(|groups| groups.split(SEPARATOR).map(Box::from).collect()).unwrap_or_default(),
        to: flags & TO != 0,
        from: flags & FROM != 0,
        ask: flags & ASK != 0,
        approved: flags & APPROVED != 0,
        version: row.get(4)?,
    })
}
