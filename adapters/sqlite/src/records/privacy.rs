//! Privacy lists, a row for each rule: blocking somebody writes one row, however long the list is. A list without rules is none.

use super::columns::unknown;
use rusqlite::types::Type;
use rusqlite::{Connection, Error, Row, params};
use std::collections::BTreeMap;
use waxwing_core::jid::Jid;
use waxwing_core::payload::privacy::{Action, Kinds, Rule, Stanzas, Subject};
use waxwing_core::payload::roster::Subscription;
use waxwing_core::server::privacy::{List, Privacy};

const ALLOW: u8 = 1;
const MESSAGE: u8 = 2;
const IQ: u8 = 4;
const PRESENCE_IN: u8 = 8;
const PRESENCE_OUT: u8 = 16;

/// All lists of an account. Which one is the default is no business of this table.
pub(super) fn lists(connection: &Connection, id: i64) -> rusqlite::Result<BTreeMap<Box<str>, List>> {
    let mut select = connection.prepare_cached(
        "SELECT list, place, subject, value, flags FROM privacy_rule WHERE account = ?1 ORDER BY list, place",
    )?;
    let mut rules: BTreeMap<Box<str>, Vec<Rule>> = BTreeMap::new();
    let mut rows = select.query([id])?;
    while let Some(row) = rows.next()? {
        rules.entry(row.get(0)?).or_default().push(rule(row)?);
    }
    Ok(rules.into_iter().map(|(name, rules)| (name, List::new(rules))).collect())
}

/// The privacy lists of an account that has none yet.
pub(super) fn write(connection: &Connection, id: i64, privacy: &Privacy) -> rusqlite::Result<()> {
    for (name, list) in &privacy.lists {
        insert(connection, id, name, &list.rules())?;
    }
    match &privacy.default {
        Some(default) => set_default(connection, id, Some(default)),
        None => Ok(()),
    }
}

/// A list has these rules and no others.
pub(super) fn put(connection: &Connection, id: i64, name: &str, rules: &[Rule]) -> rusqlite::Result<()> {
    let sql = "DELETE FROM privacy_rule WHERE account = ?1 AND list = ?2";
    connection.prepare_cached(sql)?.execute(params![id, name])?;
    insert(connection, id, name, rules)?;
    forget_if_empty(connection, id, name)
}

/// Rules leave a list, then others come into it.
pub(super) fn edit(
    connection: &Connection,
    id: i64,
    name: &str,
    removed: &[u32],
    added: &[Rule],
) -> rusqlite::Result<()> {
    let mut delete = connection
        .prepare_cached("DELETE FROM privacy_rule WHERE account = ?1 AND list = ?2 AND place = ?3")?;
    for order in removed.iter().copied().chain(added.iter().map(|rule| rule.order)) {
        delete.execute(params![id, name, order])?;
    }
    insert(connection, id, name, added)?;
    forget_if_empty(connection, id, name)
}

pub(super) fn set_default(connection: &Connection, id: i64, name: Option<&str>) -> rusqlite::Result<()> {
    let sql = "UPDATE account SET default_list = ?2 WHERE id = ?1";
    connection.prepare_cached(sql)?.execute(params![id, name])?;
    Ok(())
}

/// A list that is gone is no default any more.
fn forget_if_empty(connection: &Connection, id: i64, name: &str) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached(
        "UPDATE account SET default_list = NULL WHERE id = ?1 AND default_list = ?2
         AND NOT EXISTS (SELECT 1 FROM privacy_rule WHERE account = ?1 AND list = ?2)",
    )?;
    update.execute(params![id, name])?;
    Ok(())
}

/// Of rules with the same order, the first counts.
fn insert(connection: &Connection, id: i64, name: &str, rules: &[Rule]) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT OR IGNORE INTO privacy_rule (account, list, place, subject, value, flags)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for rule in rules {
        let (subject, value) = match &rule.subject {
            Subject::Jid(jid) => ("jid", jid.as_str()),
            Subject::Group(group) => ("group", group.as_str()),
            Subject::Subscription(subscription) => ("subscription", subscription.as_str()),
            Subject::Everyone => ("everyone", ""),
        };
        insert.execute(params![id, name, rule.order, subject, value, flags(rule)])?;
    }
    Ok(())
}

fn flags(rule: &Rule) -> u8 {
    let kinds = match rule.stanzas {
        Stanzas::All => Kinds::default(),
        Stanzas::Only(kinds) => kinds,
    };
    let flags = [
        (rule.action == Action::Allow, ALLOW),
        (kinds.message, MESSAGE),
        (kinds.iq, IQ),
        (kinds.presence_in, PRESENCE_IN),
        (kinds.presence_out, PRESENCE_OUT),
    ];
    flags.into_iter().filter(|(set, _)| *set).fold(0, |flags, (_, flag)| flags | flag)
}

fn rule(row: &Row<'_>) -> rusqlite::Result<Rule> {
    let value = row.get_ref(3)?.as_str()?;
    let subject = match row.get_ref(2)?.as_str()? {
        "jid" => {
            let jid = Jid::new(value);
            Subject::Jid(
                jid.map_err(|error| Error::FromSqlConversionFailure(3, Type::Text, Box::new(error)))?,
            )
        }
        "group" => Subject::Group(value.to_owned()),
        "subscription" => {
            let subscription = Subscription::from_name(value);
            Subject::Subscription(subscription.ok_or_else(|| unknown("subscriptions"))?)
        }
        "everyone" => Subject::Everyone,
        _ => return Err(unknown("subjects of rules")),
    };
    let flags: u8 = row.get(4)?;
    let kinds = Kinds {
        message: flags & MESSAGE != 0,
        iq: flags & IQ != 0,
        presence_in: flags & PRESENCE_IN != 0,
        presence_out: flags & PRESENCE_OUT != 0,
    };
    Ok(Rule {
        subject,
        action: if flags & ALLOW != 0 { Action::Allow } else { Action::Deny },
        order: row.get(1)?,
        stanzas: if kinds == Kinds::default() { Stanzas::All } else { Stanzas::Only(kinds) },
    })
}
