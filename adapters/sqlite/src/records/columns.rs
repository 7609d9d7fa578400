//! What is not a column's own type, and what fits no column.

use rusqlite::types::Type;
use rusqlite::{Error, Result, Row};
use waxwing_core::jid::BareJid;

/// What has been stored is an address, unless somebody else wrote it.
pub(super) fn address(row: &Row<'_>, column: usize) -> Result<BareJid> {
    BareJid::new(row.get_ref(column)?.as_str()?)
        .map_err(|error| Error::FromSqlConversionFailure(column, Type::Text, Box::new(error)))
}

/// The port has grown by something that this version does not know.
pub(super) fn unknown(what: &str) -> Error {
    Error::ToSqlConversionFailure(format!("this store does not know such {what}").into())
}
