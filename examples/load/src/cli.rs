//! The command line.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lexopt::prelude::*;
use waxwing_core::stream::tls::Fingerprint;

use crate::overload::{Attack, Overload};

/// What is asked for.
#[derive(Debug)]
pub enum Task {
    /// Messages between sessions.
    Messages(Options),
    /// Logins and presence.
    Presence(Options),
    /// Accounts with rosters, in files.
    Rosters(Rosters),
    /// Attacks, and what others see of them.
    Overload(Overload),
}

/// What accounts to make, and where.
#[derive(Debug)]
pub struct Rosters {
    /// How many accounts.
    pub accounts: usize,
    /// How many contacts each has, an even number below that of the accounts: they are mutual.
    pub contacts: usize,
    /// Their domain.
    pub domain: String,
    /// Where: a directory for each server, and the list of accounts.
    pub directory: PathBuf,
}

/// What to do, to whom.
#[derive(Debug)]
pub struct Options {
    /// The servers, one after the other.
    pub targets: Vec<Target>,
    /// How many sessions, an even number: they talk in pairs.
    pub sessions: usize,
    /// How many messages in all; for presence, how many broadcasts.
    pub messages: usize,
    /// How many of a session's messages may be under way at once.
    pub window: usize,
    /// The accounts' domain.
    pub domain: String,
    /// No TLS, on loopback only.
    pub plaintext: bool,
    /// No stream management.
    pub unacknowledged: bool,
    /// How long one server may take.
    pub patience: Duration,
}

/// One server.
#[derive(Clone, PartialEq, Debug)]
pub struct Target {
    /// What to call it.
    pub name: String,
    /// Where it takes clients, with STARTTLS.
    pub address: SocketAddr,
    /// The process whose CPU time is the server's.
    pub pid: u32,
    /// Its certificate.
    pub fingerprint: Fingerprint,
    /// Its accounts: a line `local TAB password` for each.
    pub accounts: PathBuf,
}

/// The manual.
pub const HELP: &str = "\
load: many sessions, numbered messages, and what they cost the server

usage: load [options] --target NAME,HOST:PORT,PID,FINGERPRINT,ACCOUNTS [--target ...]
       load presence [options] --target ...
       load rosters [options] DIRECTORY
       load overload [options] --target ... [ATTACK ...]

The sessions of a target log in over STARTTLS, then talk in pairs, both ways. Every message must arrive, once and in
order. PID is the server's process: its CPU time is read from /proc. FINGERPRINT is the SHA-256 of its certificate.
ACCOUNTS is a file with a line `local TAB password` for each session.

load presence: the sessions log in, get their rosters, become available, and see who of their contacts is there; then
some of them change their presence, and all their contacts must see that.

load rosters: makes accounts that have each other as contacts. DIRECTORY gets a waxwingd data directory `waxwingd`,
`prosody` with the folders accounts and roster of Prosody's storage for the domain, and the file `accounts`. All
accounts share one password and one salt, which takes seconds instead of minutes: never use them for anything else.

load overload: while some sessions attack the server, others behave well and measure what they see of it: before, during and
after. ATTACK is slow-readers, slow-writers, silent, logins or flood; without any, all of them. ACCOUNTS needs
2 * pairs + 65 accounts. It fails if a message or a login of those who behave well takes longer than --patience (30).
  --pairs N       how many pairs behave well (8)
  --attackers N   how many connections an attack has at the most (10000)
  --seconds S     how long an attack lasts (20)

options:
  --sessions N    how many, an even number (200)
  --messages N    how many messages, or changes of presence, in all (100000)
  --accounts N    how many accounts to make (10000)
  --contacts N    how many contacts each has, an even number (50)
  --window N      how many of a session's messages may be under way at once (16)
  --domain NAME   the accounts' domain (localhost)
  --patience S    seconds that one target may take (600)
  --plaintext     no TLS, to this machine only
  --no-acknowledgements   without stream management, also where a server offers it
  -h, --help
";

/// Reads the command line, without the program's name: `None` if it asks for the manual. Errors are one line.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Option<Task>, String> {
    let mut args = args.into_iter().peekable();
    let task = args.next_if(|arg| arg == "presence" || arg == "rosters" || arg == "overload");
    let parser = &mut lexopt::Parser::from_args(args);
    match task.as_deref().and_then(|task| task.to_str()) {
        Some("overload") => parse_overload(parser).map(|overload| overload.map(Task::Overload)),
        Some("rosters") => parse_rosters(parser).map(|rosters| rosters.map(Task::Rosters)),
        Some(_) => parse_with(parser).map(|options| options.map(Task::Presence)),
        None => parse_with(parser).map(|options| options.map(Task::Messages)),
    }
    .map_err(|e| format!("{e}; see load --help"))
}

fn parse_rosters(parser: &mut lexopt::Parser) -> Result<Option<Rosters>, lexopt::Error> {
    let (mut accounts, mut contacts, mut domain, mut directory) =
        (10_000_usize, 50_usize, "localhost".to_owned(), None);
    while let Some(arg) = parser.next()? {
        match arg {
            Short('h') | Long("help") => return Ok(None),
            Long("accounts") => accounts = parser.value()?.parse()?,
            Long("contacts") => contacts = parser.value()?.parse()?,
            Long("domain") => domain = parser.value()?.string()?,
            Value(value) if directory.is_none() => directory = Some(PathBuf::from(value)),
            other => return Err(other.unexpected()),
        }
    }
    let directory = directory.ok_or("where to? give a directory")?;
    if !contacts.is_multiple_of(2) || contacts >= accounts {
        return Err("--contacts must be even and less than --accounts: contacts are mutual".into());
    }
    Ok(Some(Rosters { accounts, contacts, domain, directory }))
}

fn parse_overload(parser: &mut lexopt::Parser) -> Result<Option<Overload>, lexopt::Error> {
    let (mut target_given, mut attacks) = (None, Vec::new());
    let (mut pairs, mut attackers, mut seconds, mut patience) = (8, 10_000, 20, 30);
    let mut domain = "localhost".to_owned();
    while let Some(arg) = parser.next()? {
        match arg {
            Short('h') | Long("help") => return Ok(None),
            Long("target") => target_given = Some(target(&parser.value()?.string()?)?),
            Long("domain") => domain = parser.value()?.string()?,
            Long("pairs") => pairs = parser.value()?.parse()?,
            Long("attackers") => attackers = parser.value()?.parse()?,
            Long("seconds") => seconds = parser.value()?.parse()?,
            Long("patience") => patience = parser.value()?.parse()?,
            Value(value) => {
                let known = Attack::ALL.into_iter().find(|attack| value == attack.name());
                attacks.push(known.ok_or_else(|| format!("there is no attack {}", value.display()))?);
            }
            other => return Err(other.unexpected()),
        }
    }
    let target = target_given.ok_or("which server? give a --target")?;
    if !target.address.ip().is_loopback() {
        return Err(format!("{} is not this machine: attack nobody else's", target.address).into());
    }
    if attacks.is_empty() {
        attacks = Attack::ALL.to_vec();
    }
    let (time, patience) = (Duration::from_secs(seconds), Duration::from_secs(patience));
    Ok(Some(Overload { target, domain, attacks, pairs, attackers, time, patience }))
}

fn parse_with(parser: &mut lexopt::Parser) -> Result<Option<Options>, lexopt::Error> {
    let mut options = Options {
        targets: Vec::new(),
        sessions: 200,
        messages: 100_000,
        window: 16,
        domain: "localhost".into(),
        plaintext: false,
        unacknowledged: false,
        patience: Duration::from_secs(600),
    };
    while let Some(arg) = parser.next()? {
        match arg {
            Short('h') | Long("help") => return Ok(None),
            Long("target") => options.targets.push(target(&parser.value()?.string()?)?),
            Long("sessions") => options.sessions = parser.value()?.parse()?,
            Long("messages") => options.messages = parser.value()?.parse()?,
            Long("window") => options.window = parser.value()?.parse()?,
            Long("domain") => options.domain = parser.value()?.string()?,
            Long("patience") => options.patience = Duration::from_secs(parser.value()?.parse()?),
            Long("plaintext") => options.plaintext = true,
            Long("no-acknowledgements") => options.unacknowledged = true,
            other => return Err(other.unexpected()),
        }
    }
    if options.targets.is_empty() {
        return Err("which server? give a --target".into());
    }
    if options.sessions == 0 || !options.sessions.is_multiple_of(2) {
        return Err("--sessions must be even and not 0: they talk in pairs".into());
    }
    if options.window == 0 {
        return Err("--window must not be 0: nothing would ever be sent".into());
    }
    if let Some(far) = options.targets.iter().find(|t| options.plaintext && !t.address.ip().is_loopback()) {
        return Err(format!("--plaintext is refused to {}: it is not this machine", far.address).into());
    }
    Ok(Some(options))
}

fn target(text: &str) -> Result<Target, String> {
    let parts: Vec<&str> = text.splitn(5, ',').collect();
    let [name, address, pid, fingerprint, accounts] = parts[..] else {
        return Err(format!("`{text}` is not NAME,HOST:PORT,PID,FINGERPRINT,ACCOUNTS"));
    };
    Ok(Target {
        name: name.into(),
        address: address.parse().map_err(|_| format!("`{address}` is not an IP address and a port"))?,
        pid: pid.parse().map_err(|_| format!("`{pid}` is not a process id"))?,
        fingerprint: fingerprint
            .parse()
            .map_err(|_| format!("`{fingerprint}` is not a SHA-256 fingerprint: 64 hexadecimal digits"))?,
        accounts: accounts.into(),
    })
}

/// The first `count` accounts of a file: names and passwords.
pub fn accounts(file: &Path, count: usize) -> Result<Vec<(String, String)>, String> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).map_err(|e| format!("cannot read {shown}: {e}"))?;
    let accounts: Vec<_> = text
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .take(count)
        .map(|(local, password)| (local.to_owned(), password.to_owned()))
        .collect();
    match accounts.len() {
        found if found < count => Err(format!("{shown} has {found} accounts, {count} are needed")),
        _ => Ok(accounts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Result<Option<Options>, String> {
        parse(args.iter().map(OsString::from)).map(|task| match task? {
            Task::Messages(options) | Task::Presence(options) => Some(options),
            Task::Rosters(_) | Task::Overload(_) => None,
        })
    }

    #[test]
    fn the_first_word_may_name_another_task() {
        let target = format!("x,127.0.0.1:1,17,{},f", "ab".repeat(32));
        let args = ["presence", "--target", &target].map(OsString::from);
        assert!(matches!(parse(args), Ok(Some(Task::Presence(_)))));
        let rosters = |args: &[&str]| parse(args.iter().map(OsString::from));
        let made = rosters(&["rosters", "--accounts", "8", "--contacts", "4", "d"]);
        assert!(matches!(made, Ok(Some(Task::Rosters(Rosters { accounts: 8, contacts: 4, .. })))));
        assert!(rosters(&["rosters", "--contacts", "3", "d"]).unwrap_err().contains("even"));
        assert!(rosters(&["rosters"]).unwrap_err().contains("directory"));
    }

    #[test]
    fn nobody_elses_server_is_attacked() {
        let target = |host: &str| format!("x,{host}:1,17,{},f", "ab".repeat(32));
        let parsed = |args: &[&str]| parse(args.iter().map(OsString::from));
        let near = target("127.0.0.1");
        assert!(matches!(parsed(&["overload", "--target", &near, "silent"]), Ok(Some(Task::Overload(_)))));
        assert!(parsed(&["overload", "--target", &near, "loud"]).unwrap_err().contains("no attack"));
        assert!(
            parsed(&["overload", "--target", &target("192.0.2.1")]).unwrap_err().contains("nobody else's")
        );
    }

    #[test]
    fn a_target_has_five_parts() {
        let hex = "ab".repeat(32);
        let good = format!("waxwingd,127.0.0.1:5222,17,{hex},/tmp/with,comma");
        let options = parsed(&["--target", &good]).unwrap().unwrap();
        assert_eq!(options.targets[0].accounts, Path::new("/tmp/with,comma"));
        assert_eq!(options.targets[0].pid, 17);
        assert!(parsed(&["--target", "waxwingd"]).unwrap_err().contains("not NAME,HOST:PORT"));
        assert!(parsed(&[]).unwrap_err().contains("--target"));
    }

    #[test]
    fn plaintext_is_refused_off_loopback_and_odd_sessions_always() {
        let far = format!("x,192.0.2.1:5222,17,{},f", "ab".repeat(32));
        assert!(parsed(&["--plaintext", "--target", &far]).unwrap_err().contains("refused"));
        assert!(parsed(&["--target", &far]).is_ok());
        assert!(parsed(&["--sessions", "3", "--target", &far]).unwrap_err().contains("even"));
        assert!(parsed(&["--window", "0", "--target", &far]).unwrap_err().contains("--window"));
    }
}
