//! Tokens (XEP-0484): one row each, two a client.

use super::columns::unknown;
use rusqlite::types::Type;
use rusqlite::{Connection, Error, params};
use waxwing_core::machine::Utc;
use waxwing_core::sasl::Mechanism;
use waxwing_core::server::store::{Token, TokenChange, Tokens};
use waxwing_core::stream::sasl2::ClientId;

const NEW: i64 = 1;

pub(super) fn of_client(connection: &Connection, id: i64, client: ClientId) -> rusqlite::Result<Tokens> {
    let mut select = connection.prepare_cached(
        "SELECT slot, id, mechanism, given, expires, count FROM token WHERE account = ?1 AND client = ?2",
    )?;
    let mut rows = select.query(params![id, client.to_bytes()])?;
    let mut tokens = Tokens::default();
    while let Some(row) = rows.next()? {
        let token = Token {
            id: row.get(1)?,
            mechanism: mechanism(row.get_ref(2)?.as_str()?)?,
            given: Utc::from_unix_millis(row.get(3)?),
            expires: Utc::from_unix_millis(row.get(4)?),
            count: row.get(5)?,
        };
        let slot = if row.get::<_, i64>(0)? == NEW { &mut tokens.new } else { &mut tokens.current };
        *slot = Some(token);
    }
    Ok(tokens)
}

pub(super) fn change(
    connection: &Connection,
    id: i64,
    client: ClientId,
    change: &TokenChange,
) -> rusqlite::Result<()> {
    let mut tokens = of_client(connection, id, client)?;
    tokens.apply(change);
    let mut delete = connection.prepare_cached("DELETE FROM token WHERE account = ?1 AND client = ?2")?;
    delete.execute(params![id, client.to_bytes()])?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO token (account, client, slot, id, mechanism, given, expires, count)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    for (slot, token) in [(0, &tokens.current), (NEW, &tokens.new)] {
        if let Some(Token { id: name, mechanism, given, expires, count }) = token {
            let (given, expires) = (given.unix_millis(), expires.unix_millis());
            let client = client.to_bytes();
            insert.execute(params![id, client, slot, name, mechanism.name(), given, expires, count])?;
        }
    }
    match change {
        TokenChange::Given { .. } => make_room(connection, id, client),
        TokenChange::Used { .. } | TokenChange::Revoked => Ok(()),
        _ => Err(unknown("changes of tokens")),
    }
}

/// Too many clients: those with the least time left go.
fn make_room(connection: &Connection, id: i64, client: ClientId) -> rusqlite::Result<()> {
    let mut count =
        connection.prepare_cached("SELECT count(DISTINCT client) FROM token WHERE account = ?1")?;
    let count: usize = count.query_row([id], |row| row.get(0))?;
    let surplus = count.saturating_sub(Tokens::CLIENTS);
    if surplus == 0 {
        return Ok(());
    }
    let mut delete = connection.prepare_cached(
        "DELETE FROM token WHERE account = ?1 AND client IN (
             SELECT client FROM token WHERE account = ?1 AND client <> ?2
             GROUP BY client ORDER BY max(expires), client LIMIT ?3)",
    )?;
    delete.execute(params![id, client.to_bytes(), surplus])?;
    Ok(())
}

/// The password has changed.
pub(super) fn clear(connection: &Connection, id: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM token WHERE account = ?1")?.execute([id])?;
    Ok(())
}

fn mechanism(name: &str) -> rusqlite::Result<Mechanism> {
    Mechanism::with_token(name).ok_or_else(|| {
        let why = format!("unknown mechanism {name:?}").into();
        Error::FromSqlConversionFailure(2, Type::Text, why)
    })
}
