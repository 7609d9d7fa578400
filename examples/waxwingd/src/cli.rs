//! The command line.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use lexopt::prelude::*;

use crate::options::Layer;

/// What the command line asks for.
#[derive(Debug, PartialEq)]
pub enum Command {
    /// Run the server.
    Serve(Invocation),
    /// Look for what is wrong.
    Check(Invocation),
    /// Administer an account.
    User(Invocation, User),
    /// Print the manual.
    Help,
    /// Print the version.
    Version,
}

/// The flags that all commands share.
#[derive(Debug, Default, PartialEq)]
pub struct Invocation {
    /// `--config FILE`
    pub config: Option<PathBuf>,
    /// Everything else.
    pub flags: Layer,
}

/// `waxwingd user ...`
#[derive(Debug, PartialEq)]
pub enum User {
    /// Makes an account.
    Add { jid: String, password_stdin: bool },
    /// Changes a password.
    Passwd { jid: String, password_stdin: bool },
    /// Removes an account and all that belongs to it.
    Delete { jid: String },
    /// Lists accounts, of one domain or all.
    List { domain: Option<String> },
}

/// The manual.
pub const HELP: &str = "\
waxwingd: an XMPP server

usage:
  waxwingd [serve] [options]               run the server
  waxwingd check [options]                 say what is wrong with configuration, certificate and DNS
  waxwingd user add|passwd JID [--password-stdin] [options]
  waxwingd user delete JID [options]
  waxwingd user list [DOMAIN] [options]

options:
  --config FILE         TOML; every option below is a key of the same name
  --data DIR            database and generated certificate          [waxwing-data]
  --domain NAME         hosted domain; repeatable                   [localhost]
  --c2s ADDR            clients, STARTTLS                           [127.0.0.1:5222]
  --c2s-tls ADDR        clients, direct TLS                         [127.0.0.1:5223]
  --s2s ADDR            accepted, but this version does not federate
  --component ADDR      accepted, but this version has no components
  --cert FILE --key FILE   certificate chain and key, PEM           [made on first run]
  --demo                also make alice and bob, and print their passwords
  --allow-registration  clients may make accounts, change passwords and remove accounts
  --no-sasl2            clients log in as RFC 6120 has it only, not in one round trip
  --no-tokens           clients get no tokens to log in with instead of the password
  --allow-plaintext     logins without TLS, on loopback only (tests and benchmarks)
  --max-per-address N   connections from one address at once        [10000]
  --max-attempts N      connections from one address in a minute    [30000]
  --max-negotiating N   connections without a session at once       [4096]
  --no-resumption       sessions end with their connection
  --resume-within S     seconds that a session waits for its client [300]
  --resume-at HOST[:PORT]   where clients are to come back to       [where they were]
  --max-unacknowledged N    stanzas kept for a client until it acknowledges them   [5000]
  --max-unacknowledged-bytes N          what these may take         [2097152]
  --max-unacknowledged-bytes-in-all N   what all clients' may take  [268435456]
  --no-client-state     clients cannot say that nobody looks at them
  --strangers WHAT      messages from who is not in the roster: allow, refuse, short:BYTES   [allow]
  --deliver-to WHICH    clients that get messages to the account: most-available, all   [most-available]
  --unknown-users WHAT  messages to accounts that do not exist: refuse, ignore   [refuse]
  --log FILTER          what to log to standard error, as RUST_LOG  [info]
  -h, --help  -V, --version

Port 0 picks a free port. SIGHUP reloads the certificate, SIGTERM closes every stream and exits.
";

/// Reads the command line; errors are one line.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let mut parser = lexopt::Parser::from_iter(args);
    parse_with(&mut parser).map_err(|e| format!("{e}; see waxwingd --help"))
}

fn parse_with(parser: &mut lexopt::Parser) -> Result<Command, lexopt::Error> {
    let mut words: Vec<String> = Vec::new();
    let mut invocation = Invocation::default();
    let mut password_stdin = false;
    let flags = &mut invocation.flags;
    while let Some(arg) = parser.next()? {
        match arg {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('V') | Long("version") => return Ok(Command::Version),
            Long("config") => invocation.config = Some(parser.value()?.into()),
            Long("data") => flags.data = Some(parser.value()?.into()),
            Long("domain") => flags.domains.push(parser.value()?.string()?),
            Long("demo") => flags.demo = Some(true),
            Long("c2s") => flags.c2s = Some(address(parser)?),
            Long("c2s-tls") => flags.c2s_tls = Some(address(parser)?),
            Long("s2s") => flags.s2s = Some(address(parser)?),
            Long("component") => flags.component = Some(address(parser)?),
            Long("cert") => flags.cert = Some(parser.value()?.into()),
            Long("key") => flags.key = Some(parser.value()?.into()),
            Long("allow-registration") => flags.allow_registration = Some(true),
            Long("no-sasl2") => flags.no_sasl2 = Some(true),
            Long("no-tokens") => flags.no_tokens = Some(true),
            Long("allow-plaintext") => flags.allow_plaintext = Some(true),
            Long("max-per-address") => flags.max_per_address = Some(parser.value()?.parse()?),
            Long("max-attempts") => flags.max_attempts = Some(parser.value()?.parse()?),
            Long("max-negotiating") => flags.max_negotiating = Some(parser.value()?.parse()?),
            Long("no-resumption") => flags.no_resumption = Some(true),
            Long("resume-within") => flags.resume_within = Some(parser.value()?.parse()?),
            Long("resume-at") => flags.resume_at = Some(parser.value()?.string()?),
            Long("max-unacknowledged") => flags.max_unacknowledged = Some(parser.value()?.parse()?),
            Long("max-unacknowledged-bytes") => {
                flags.max_unacknowledged_bytes = Some(parser.value()?.parse()?);
            }
            Long("max-unacknowledged-bytes-in-all") => {
                flags.max_unacknowledged_bytes_in_all = Some(parser.value()?.parse()?);
            }
            Long("no-client-state") => flags.no_client_state = Some(true),
            Long("strangers") => flags.strangers = Some(parser.value()?.string()?),
            Long("deliver-to") => flags.deliver_to = Some(parser.value()?.string()?),
            Long("unknown-users") => flags.unknown_users = Some(parser.value()?.string()?),
            Long("log") => flags.log = Some(parser.value()?.string()?),
            Long("password-stdin") => password_stdin = true,
            Value(word) => words.push(word.string()?),
            other => return Err(other.unexpected()),
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if password_stdin && !matches!(words[..], ["user", "add" | "passwd", ..]) {
        return Err("--password-stdin goes with `user add` and `user passwd`".into());
    }
    Ok(match words[..] {
        [] | ["serve"] => Command::Serve(invocation),
        ["check"] => Command::Check(invocation),
        ["user", "add", jid] => Command::User(invocation, User::Add { jid: jid.to_owned(), password_stdin }),
        ["user", "passwd", jid] => {
            Command::User(invocation, User::Passwd { jid: jid.to_owned(), password_stdin })
        }
        ["user", "delete", jid] => Command::User(invocation, User::Delete { jid: jid.to_owned() }),
        ["user", "list"] => Command::User(invocation, User::List { domain: None }),
        ["user", "list", domain] => Command::User(invocation, User::List { domain: Some(domain.to_owned()) }),
        ["user", "add" | "passwd" | "delete"] => return Err("which account? give its address".into()),
        ["user", ..] => return Err("user takes add, passwd, delete or list, and an address".into()),
        [other, ..] => return Err(format!("unknown command `{other}`").into()),
    })
}

fn address(parser: &mut lexopt::Parser) -> Result<SocketAddr, lexopt::Error> {
    let value = parser.value()?.string()?;
    value
        .parse()
        .map_err(|_| format!("`{value}` is not an address such as 127.0.0.1:5222 or [::1]:5222").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(line: &str) -> Result<Command, String> {
        parse(["waxwingd"].into_iter().chain(line.split_whitespace()).map(OsString::from))
    }

    #[test]
    fn serving_is_the_default_command() {
        assert_eq!(run(""), Ok(Command::Serve(Invocation::default())));
        assert_eq!(run("serve"), run(""));
    }

    #[test]
    fn flags_are_read_on_either_side_of_the_command() {
        for line in ["--domain a.example user list", "user list --domain a.example"] {
            let Ok(Command::User(invocation, User::List { domain: None })) = run(line) else {
                panic!("{line}")
            };
            assert_eq!(invocation.flags.domains, ["a.example"]);
        }
    }

    #[test]
    fn every_key_is_a_flag_and_in_the_manual() {
        for key in crate::options::KEYS {
            let is_known = |line: String| run(&line).map_or_else(|e| !e.contains("invalid option"), |_| true);
            assert!(is_known(format!("--{key}")), "{key}");
            let names_it = |line: &str| line.split_whitespace().any(|word| word == format!("--{key}"));
            assert!(HELP.lines().any(names_it), "{key}");
        }
        assert!(run("--nope").unwrap_err().contains("invalid option"));
    }

    #[test]
    fn user_commands() {
        let Ok(Command::User(_, add)) = run("user add alice@localhost --password-stdin") else { panic!() };
        assert_eq!(add, User::Add { jid: "alice@localhost".into(), password_stdin: true });
        assert!(run("user add").unwrap_err().contains("which account"));
        assert!(run("user frobnicate x").unwrap_err().contains("add, passwd, delete or list"));
        assert!(run("--password-stdin").unwrap_err().contains("goes with"));
    }

    #[test]
    fn mistakes_are_one_line() {
        for line in ["--c2s nonsense", "--nope", "fly", "--config"] {
            let error = run(line).unwrap_err();
            assert!(!error.contains('\n') && error.contains("--help"), "{line}: {error}");
        }
    }
}
