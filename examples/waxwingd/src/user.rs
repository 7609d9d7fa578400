//! `waxwingd user`: accounts, whether or not a server is running on the same data.

use std::io::{self, IsTerminal as _};

use waxwing_core::jid::{BareJid, Jid};
use waxwing_core::sasl::{ServerPolicy, StoredCredentials};
use waxwing_sqlite::{Admin, AdminError, OpenError};

use crate::cli::User;
use crate::fresh;
use crate::options::Options;

/// Carries out a `user` command.
pub fn run(options: &Options, command: &User) -> Result<(), String> {
    match command {
        User::Add { jid, password_stdin } => {
            let account = account(jid)?;
            crate::serve::prepare_directory(&options.data)?;
            let mut admin = Admin::create(&options.data).map_err(|e| e.to_string())?;
            let credentials = credentials(&password(*password_stdin)?)?;
            admin.add(&account, &credentials).map_err(explain)?;
            if !options.domains.iter().any(|domain| domain == account.domain()) {
                let domain = account.domain();
                eprintln!(
                    "waxwingd: note: {domain} must be hosted for {account} to log in: --domain {domain}"
                );
            }
            println!("added {account}");
        }
        User::Passwd { jid, password_stdin } => {
            let account = account(jid)?;
            let mut admin = open(options)?;
            let credentials = credentials(&password(*password_stdin)?)?;
            admin.set_credentials(&account, credentials).map_err(explain)?;
            println!("changed the password of {account}");
        }
        User::Delete { jid } => {
            let account = account(jid)?;
            open(options)?.delete(&account).map_err(explain)?;
            println!("deleted {account}");
        }
        User::List { domain } => {
            for account in open(options)?.list().map_err(explain)? {
                if domain.as_ref().is_none_or(|domain| domain == account.domain()) {
                    println!("{account}");
                }
            }
        }
    }
    Ok(())
}

/// Keys for a password; also used for the accounts of `--demo`.
pub fn credentials(password: &str) -> Result<StoredCredentials, String> {
    // The same count as in the made-up answers for users that do not exist, which could else be told apart.
    let iterations = ServerPolicy::default().iterations;
    StoredCredentials::derive(password, iterations, &mut fresh::entropy()?)
        .ok_or_else(|| "this password holds characters that a password must not hold: use another".to_owned())
}

/// Only [`User::Add`] makes a database: an account that is to be changed cannot be in one that is not there.
fn open(options: &Options) -> Result<Admin, String> {
    Admin::open(&options.data).map_err(|e| match e {
        OpenError::Absent { .. } => format!("{e} with --data"),
        other => other.to_string(),
    })
}

fn account(text: &str) -> Result<BareJid, String> {
    let jid = Jid::new(text).map_err(|e| format!("`{text}` is not an address: {e}"))?;
    match (jid.local(), jid.resource()) {
        (Some(_), None) => Ok(jid.to_bare()),
        _ => Err(format!("`{text}` does not name an account: give user@domain")),
    }
}

/// What went wrong, and what to do instead.
pub fn explain(error: AdminError) -> String {
    match error {
        AdminError::Exists(account) => {
            format!("{account} exists already: `waxwingd user passwd` changes its password")
        }
        AdminError::Missing(account) => {
            format!("there is no account {account}: `waxwingd user add` makes one")
        }
        other => other.to_string(),
    }
}

fn password(stdin: bool) -> Result<String, String> {
    if !stdin {
        if !io::stdin().is_terminal() {
            return Err("standard input is not a terminal: use --password-stdin".into());
        }
        let ask =
            |prompt| rpassword::prompt_password(prompt).map_err(|e| format!("cannot read a password: {e}"));
        let password = ask("Password: ")?;
        if password != ask("Again: ")? {
            return Err("the two passwords differ: nothing was changed".into());
        }
        return nonempty(&password);
    }
    let mut line = String::new();
    io::stdin().read_line(&mut line).map_err(|e| format!("cannot read a password: {e}"))?;
    nonempty(line.trim_end_matches(['\r', '\n']))
}

fn nonempty(password: &str) -> Result<String, String> {
    if password.is_empty() { Err("the password is empty".into()) } else { Ok(password.to_owned()) }
}
