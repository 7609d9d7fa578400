//! `waxwingd check`: what is wrong, and how to mend it. Changes nothing.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::crypto::ring;

use crate::identity::{self, Files};
use crate::options::Options;

/// Prints what was looked at and what was found. `Err` if anything is wrong.
pub fn run(options: &Options) -> Result<(), String> {
    let mut found = Vec::new();
    println!("configuration: domains {}, data in {}", options.domains.join(", "), options.data.display());
    database(options, &mut found);
    certificate(options, &mut found);
    for (flag, address) in [("--c2s", options.c2s), ("--c2s-tls", options.c2s_tls)] {
        listener(flag, address, &mut found);
    }
    if let Some(place) = &options.policy.resume_at {
        location(place, &mut found);
    }
    for domain in &options.domains {
        dns(domain, &mut found);
    }
    for problem in &found {
        println!("problem: {problem}");
    }
    match found.len() {
        0 => {
            println!("nothing is wrong");
            Ok(())
        }
        1 => Err("1 problem".into()),
        n => Err(format!("{n} problems")),
    }
}

fn database(options: &Options, found: &mut Vec<String>) {
    if !options.data.join("waxwing.db").exists() {
        println!("database: none yet; it is made on the first run");
        return;
    }
    match waxwing_sqlite::Admin::open(&options.data) {
        Ok(admin) => match admin.list() {
            Ok(accounts) => {
                println!("database: {} accounts", accounts.len());
                let hosted = |domain: &str| options.domains.iter().any(|d| d == domain);
                for account in accounts.iter().filter(|account| !hosted(account.domain())).take(5) {
                    let domain = account.domain();
                    found.push(format!(
                        "{account} cannot log in: add --domain {domain}, or delete the account"
                    ));
                }
            }
            Err(error) => found.push(error.to_string()),
        },
        Err(error) => found.push(error.to_string()),
    }
}

fn certificate(options: &Options, found: &mut Vec<String>) {
    let files = Files::of(options);
    if files.generated && !files.cert.exists() {
        println!("certificate: none yet; a self-signed one is made on the first run");
        return;
    }
    match identity::load(&files, &ring::default_provider()) {
        Ok(key) => {
            println!(
                "certificate: {}, SHA-256 {}",
                files.cert.display(),
                identity::fingerprint(&key.cert[0])
            );
            let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
            found.extend(identity::problems(&key.cert[0], &options.domains, i64::try_from(now).ok()));
        }
        Err(error) => found.push(error),
    }
}

fn listener(flag: &str, address: SocketAddr, found: &mut Vec<String>) {
    match TcpListener::bind(address) {
        Ok(_) => println!("{flag}: {address} is free"),
        Err(error) => found.push(crate::serve::cannot_listen(flag, address, &error)),
    }
}

/// Clients that are to resume their sessions somewhere else must be able to find it.
fn location(place: &str, found: &mut Vec<String>) {
    let has_port = place.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
    let whole = if has_port { place.to_owned() } else { format!("{place}:5222") };
    match whole.to_socket_addrs() {
        Ok(_) => println!("--resume-at: {place} has an address"),
        Err(error) => found.push(format!(
            "--resume-at {place} has no address in DNS ({error}): clients could not come back; give another, or drop it"
        )),
    }
}

/// Clients that know nothing else connect to the domain itself. SRV records, which would lead them elsewhere, are not
/// looked at.
fn dns(domain: &str, found: &mut Vec<String>) {
    match (domain, 5222).to_socket_addrs() {
        Ok(addresses) => {
            let list: Vec<String> = addresses.map(|a| a.ip().to_string()).collect();
            println!("DNS: {domain} is {}", list.join(", "));
        }
        Err(error) => found.push(format!(
            "{domain} has no address in DNS ({error}): clients find this server only through SRV records, which this check does not look at"
        )),
    }
}
