//! The command line.

use std::error::Error;
use std::net::SocketAddr;

use waxwing_core::stream::tls::Fingerprint;

const USAGE: &str = "usage: poll [--clients N] [--messages N] [--server IP:PORT --accept-fingerprint HEX --accounts FILE]
  --clients N   how many machines in the one thread (1000)
  --messages N  how many each sends to its neighbour (10)
Without --server there is one in this process, in a thread of its own. FILE has a line `user@domain TAB password` for each.";

/// What to do.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) clients: usize,
    pub(crate) messages: usize,
    /// A server that is there already.
    pub(crate) target: Option<Target>,
}

/// A server, and who logs in to it.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) fingerprint: Fingerprint,
    /// Addresses and passwords.
    pub(crate) accounts: Vec<(String, String)>,
}

pub(crate) fn parse(mut args: impl Iterator<Item = String>) -> Result<Options, Box<dyn Error>> {
    let (mut clients, mut messages) = (1000, 10);
    let (mut address, mut fingerprint, mut accounts) = (None, None, None);
    while let Some(flag) = args.next() {
        let value = args.next().ok_or(USAGE)?;
        match flag.as_str() {
            "--clients" => clients = value.parse()?,
            "--messages" => messages = value.parse()?,
            "--server" => address = Some(value.parse()?),
            "--accept-fingerprint" => fingerprint = Some(value.parse()?),
            "--accounts" => accounts = Some(read(&value)?),
            _ => return Err(USAGE.into()),
        }
    }
    let target = match (address, fingerprint, accounts) {
        (None, None, None) => None,
        (Some(address), Some(fingerprint), Some(accounts)) => Some(Target { address, fingerprint, accounts }),
        _ => return Err(USAGE.into()),
    };
    if clients == 0 || messages == 0 {
        return Err("there is nothing to do".into());
    }
    if target.as_ref().is_some_and(|target| target.accounts.len() < clients) {
        return Err("there are more clients than accounts".into());
    }
    Ok(Options { clients, messages, target })
}

fn read(file: &str) -> Result<Vec<(String, String)>, Box<dyn Error>> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("cannot read {file}: {error}"))?;
    let pair =
        |line: &str| line.split_once('\t').map(|(jid, password)| (jid.to_owned(), password.to_owned()));
    let accounts: Option<_> = text.lines().map(pair).collect();
    accounts.ok_or_else(|| format!("{file}: a line is not `user@domain TAB password`").into())
}
