//! What clients have put on the server.

use super::columns::unknown;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;
use waxwing_core::server::store::Document;

const VCARD: &str = "vcard";
const PRIVATE: &str = "private";

/// Which there are, and the bytes of each. Reads none of them: SQLite knows the length of a value beforehand.
pub(super) fn sizes(connection: &Connection, id: i64) -> rusqlite::Result<BTreeMap<Document, usize>> {
    let mut select = connection
        .prepare_cached("SELECT kind, ns, name, octet_length(xml) FROM document WHERE account = ?1")?;
    let mut rows = select.query([id])?;
    let mut sizes = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let document = match row.get_ref(0)?.as_str()? {
            VCARD => Document::Vcard,
            PRIVATE => Document::Private { ns: row.get(1)?, name: row.get(2)? },
            _ => return Err(unknown("documents")),
        };
        sizes.insert(document, row.get(3)?);
    }
    Ok(sizes)
}

pub(super) fn one(
    connection: &Connection,
    id: i64,
    document: &Document,
) -> rusqlite::Result<Option<Box<str>>> {
    let (kind, ns, name) = key(document)?;
    let mut select = connection.prepare_cached(
        "SELECT xml FROM document WHERE account = ?1 AND kind = ?2 AND ns = ?3 AND name = ?4",
    )?;
    select.query_row(params![id, kind, ns, name], |row| row.get(0)).optional()
}

/// `None`: there is none any more.
pub(super) fn set(
    connection: &Connection,
    id: i64,
    document: &Document,
    xml: Option<&str>,
) -> rusqlite::Result<()> {
    let (kind, ns, name) = key(document)?;
    let sql = match xml {
        Some(_) => {
            "INSERT OR REPLACE INTO document (account, kind, ns, name, xml) VALUES (?1, ?2, ?3, ?4, ?5)"
        }
        None => {
            "DELETE FROM document WHERE account = ?1 AND kind = ?2 AND ns = ?3 AND name = ?4 AND ?5 IS NULL"
        }
    };
    connection.prepare_cached(sql)?.execute(params![id, kind, ns, name, xml])?;
    Ok(())
}

fn key(document: &Document) -> rusqlite::Result<(&'static str, &str, &str)> {
    match document {
        Document::Vcard => Ok((VCARD, "", "")),
        Document::Private { name, ns } => Ok((PRIVATE, ns, name)),
        _ => Err(unknown("documents")),
    }
}
