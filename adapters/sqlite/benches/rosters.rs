//! What rosters cost: 10,000 accounts with 50 contacts each, made, loaded and changed. Prints processor time (user and system,
//! all threads), which other work on the machine disturbs less than it does the clock.
//!
//! ```text
//! cargo bench -p waxwing-sqlite --bench rosters
//! ```

use std::sync::mpsc::channel;
use waxwing_core::jid::BareJid;
use waxwing_core::server::store::{Contact, Delta, Query, Record, Reply, Request, RequestId};
use waxwing_sqlite::{Event, SqliteStore};

const ACCOUNTS: u64 = 10_000;
const CONTACTS: u64 = 50;

fn main() {
    let directory = tempfile::tempdir().expect("a directory");
    let (sender, replies) = channel();
    let open = || {
        let sender = sender.clone();
        SqliteStore::open(directory.path(), move |event| drop(sender.send(event))).expect("a store")
    };
    let store = open();
    // A thousand at a time, as a busy server would have it.
    let measure = |what: &str, store: &SqliteStore, request: &dyn Fn(u64, RequestId) -> Request| {
        let before = cpu_ms();
        let serials: Vec<u64> = (0..ACCOUNTS).collect();
        for serials in serials.chunks(1000) {
            for &serial in serials {
                let id = RequestId { shard: 0, serial };
                // Neighbours in time are not neighbours in the file.
                store.submit(request(serial * 7919 % ACCOUNTS, id)).expect("room in the queue");
            }
            replies.iter().take(serials.len()).for_each(succeeded);
        }
        let each = (cpu_ms() - before) as f64 * 1000.0 / ACCOUNTS as f64;
        println!("{what:<48} {each:>8.1} us of CPU");
    };
    let load = |number, id| Request::Load { id, account: account(number) };

    measure("make an account with 50 contacts", &store, &|number, id| {
        let record = Box::new(record(number));
        Request::Create { id, account: account(number), record }
    });
    drop(store);
    let before = cpu_ms();
    let store = open();
    println!("{:<48} {:>8.1} ms of CPU", "open and check", (cpu_ms() - before) as f64);
    measure("load an account with 50 contacts, first time", &store, &load);
    measure("load an account with 50 contacts, again", &store, &load);
    measure("read credentials", &store, &|number, id| {
        let query = Query::Credentials;
        Request::Read { id, account: account(number), query }
    });
    measure("change a contact", &store, &|number, id| {
        let contact = Contact { ask: true, ..contact(51) };
        let deltas = vec![Delta::Contact { jid: account((number + 3) % ACCOUNTS), contact }];
        Request::Save { id, account: account(number), deltas }
    });
    let size = std::fs::metadata(directory.path().join("waxwing.db")).map_or(0, |file| file.len());
    println!("{:<48} {:>8.1} MiB", "database", size as f64 / 1_048_576.0);
}

fn succeeded(event: Event) {
    match event {
        Event::Reply(Reply::Loaded { result: Ok(Some(record)), .. }) => {
            assert!(record.roster.contacts.len() as u64 >= CONTACTS);
        }
        Event::Reply(Reply::Saved { result: Ok(()), .. } | Reply::Read { result: Ok(_), .. }) => {}
        other => panic!("{other:?}"),
    }
}

fn account(number: u64) -> BareJid {
    BareJid::new(&format!("user{number}@example.org")).expect("an address")
}

fn record(number: u64) -> Record {
    let mut record = Record::default();
    for other in 1..=CONTACTS {
        record.roster.contacts.insert(account((number + other * 131) % ACCOUNTS), contact(other));
    }
    record.roster.version = CONTACTS;
    record
}

fn contact(version: u64) -> Contact {
    let groups = ["Friends".into()].into();
    Contact { name: Some("Somebody".into()), groups, to: true, from: true, version, ..Contact::default() }
}

/// Of this process so far, in steps of 10 ms.
fn cpu_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    fields.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10
}
