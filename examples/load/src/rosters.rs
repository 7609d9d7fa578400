//! Accounts that have each other as contacts, in the files of servers that do not run.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::mpsc::channel;

use waxwing_core::jid::BareJid;
use waxwing_core::sasl::{ScramHash, StoredCredentials};
use waxwing_core::server::store::{Contact, Record, Reply, Request, RequestId};
use waxwing_sqlite::{Event, SqliteStore};
use waxwing_tokio::entropy;

use crate::cli::Rosters;

/// Of all accounts.
const PASSWORD: &str = "the same for all";
/// Handed to the store at once.
const BATCH: usize = 1000;

/// Makes what [`Rosters`] asks for.
pub fn make(rosters: &Rosters) -> Result<(), String> {
    let mut entropy = entropy().map_err(|e| e.to_string())?;
    let iterations = StoredCredentials::DEFAULT_ITERATIONS;
    let credentials =
        StoredCredentials::derive(PASSWORD, iterations, &mut entropy).ok_or("no such password")?;
    fs::create_dir_all(&rosters.directory).map_err(|e| format!("{}: {e}", rosters.directory.display()))?;
    waxwingd(rosters, &credentials, &rosters.directory.join("waxwingd"))?;
    prosody(rosters, &credentials, &rosters.directory.join("prosody")).map_err(|e| e.to_string())?;
    let mut list = String::new();
    for n in 0..rosters.accounts {
        let _ = writeln!(list, "{}\t{PASSWORD}", local(n));
    }
    fs::write(rosters.directory.join("accounts"), list).map_err(|e| e.to_string())?;
    println!("{} accounts with {} contacts each", rosters.accounts, rosters.contacts);
    Ok(())
}

fn local(n: usize) -> String {
    format!("user{}", n + 1)
}

/// The accounts stand in a circle, and each knows its neighbours on both sides.
fn contacts(rosters: &Rosters, n: usize) -> impl Iterator<Item = usize> {
    let (accounts, reach) = (rosters.accounts, rosters.contacts / 2);
    (1..=reach).flat_map(move |far| [(n + far) % accounts, (n + accounts - far) % accounts])
}

fn jid(rosters: &Rosters, n: usize) -> Result<BareJid, String> {
    BareJid::new(&format!("{}@{}", local(n), rosters.domain)).map_err(|e| e.to_string())
}

fn waxwingd(rosters: &Rosters, credentials: &StoredCredentials, directory: &Path) -> Result<(), String> {
    let (sender, replies) = channel();
    let store = SqliteStore::open(directory, move |event| drop(sender.send(event)));
    let store = store.map_err(|e| e.to_string())?;
    let all: Vec<usize> = (0..rosters.accounts).collect();
    for batch in all.chunks(BATCH) {
        for &n in batch {
            let mut record = Box::new(Record::new(credentials.clone()));
            for (other, version) in contacts(rosters, n).zip(1..) {
                let name = Some(local(other).into());
                let groups = ["Friends".into()].into();
                let contact = Contact { name, groups, to: true, from: true, version, ..Contact::default() };
                record.roster.contacts.insert(jid(rosters, other)?, contact);
                record.roster.version = version;
            }
            let id = RequestId { shard: 0, serial: n as u64 };
            let request = Request::Create { id, account: jid(rosters, n)?, record };
            store.submit(request).map_err(|reply| format!("{reply:?}"))?;
        }
        for event in replies.iter().take(batch.len()) {
            if let Event::Reply(Reply::Saved { result: Err(error), .. }) = event {
                return Err(error.to_string());
            }
        }
    }
    Ok(())
}

/// As Prosody's internal storage has it (0.12): a file for each account and roster, with a Lua table.
fn prosody(rosters: &Rosters, credentials: &StoredCredentials, directory: &Path) -> std::io::Result<()> {
    let keys = credentials.scram.iter().find(|keys| keys.hash == ScramHash::Sha256);
    let Some(keys) = keys else { return Err(std::io::Error::other("no SCRAM-SHA-256")) };
    let salt: String = keys.salt.iter().map(|byte| format!("\\{byte:03}")).collect();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let account = format!(
        "return {{ [\"salt\"] = \"{salt}\"; [\"iteration_count\"] = {}; [\"stored_key\"] = \"{}\"; [\"server_key\"] = \"{}\"; }};\n",
        keys.iterations,
        hex(&keys.stored_key),
        hex(&keys.server_key)
    );
    let (accounts, lists) = (directory.join("accounts"), directory.join("roster"));
    fs::create_dir_all(&accounts)?;
    fs::create_dir_all(&lists)?;
    for n in 0..rosters.accounts {
        let mut list = String::from("return {\n");
        for other in contacts(rosters, n) {
            let (name, domain) = (local(other), &rosters.domain);
            let _ = writeln!(
                list,
                "[\"{name}@{domain}\"] = {{ [\"subscription\"] = \"both\"; [\"name\"] = \"{name}\"; \
                 [\"groups\"] = {{ [\"Friends\"] = true; }}; }};"
            );
        }
        let _ = writeln!(
            list,
            "[false] = {{ [\"version\"] = {}; [\"pending\"] = {{}}; }};\n}};",
            rosters.contacts
        );
        fs::write(lists.join(format!("{}.dat", local(n))), list)?;
        fs::write(accounts.join(format!("{}.dat", local(n))), &account)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contacts_are_mutual_and_as_many_as_asked_for() {
        let rosters = Rosters { accounts: 7, contacts: 4, domain: "x".into(), directory: "d".into() };
        for n in 0..7 {
            let all: std::collections::BTreeSet<usize> = contacts(&rosters, n).collect();
            assert!(all.len() == 4 && !all.contains(&n));
            assert!(all.iter().all(|&other| contacts(&rosters, other).any(|back| back == n)));
        }
    }
}
