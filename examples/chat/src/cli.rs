//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::prelude::*;
use waxwing_core::jid::Jid;
use waxwing_core::stream::tls::Fingerprint;

/// What the command line asks for.
#[derive(Debug)]
pub enum Command {
    /// Chat.
    Chat(Box<Options>),
    /// Print the manual.
    Help,
    /// Print the version.
    Version,
}

/// How to chat.
#[derive(Debug)]
pub struct Options {
    /// The account, with a resource or without.
    pub account: Jid,
    /// Whom to talk to first.
    pub to: Option<Jid>,
    /// Host and port, where they are not the domain and the port of the protocol.
    pub server: Option<String>,
    /// TLS from the first byte.
    pub direct_tls: bool,
    /// No TLS, on loopback only.
    pub plaintext: bool,
    /// The password is the first line of standard input.
    pub password_stdin: bool,
    /// Accept exactly this certificate, whoever issued it.
    pub fingerprint: Option<Fingerprint>,
    /// Trust these authorities instead of the platform's.
    pub ca: Option<PathBuf>,
    /// No colours even on a terminal.
    pub no_color: bool,
}

/// The manual.
pub const HELP: &str = "\
chat: talk to someone over XMPP

usage: chat [options] JID

options:
  --to JID                   whom to talk to
  --server HOST[:PORT]       where to connect, instead of where the JID's domain says (its SRV records)
  --direct-tls               TLS from the first byte at the domain or server (port 5223), whatever the records say
  --password-stdin           the first line of standard input is the password
  --accept-fingerprint HEX   accept exactly the certificate with this SHA-256 fingerprint
  --ca FILE                  trust the authorities in this PEM file instead of the platform's
  --allow-plaintext          no TLS, to a server on this machine (tests)
  --no-color                 no colours
  -h, --help  -V, --version

What you type is sent to the person you talk to; /help lists the commands.
";

/// Reads the command line; errors are one line.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    parse_with(&mut lexopt::Parser::from_iter(args)).map_err(|e| format!("{e}; see chat --help"))
}

fn parse_with(parser: &mut lexopt::Parser) -> Result<Command, lexopt::Error> {
    let mut account = None;
    let mut options = Options {
        account: Jid::new("localhost").map_err(|e| e.to_string())?,
        to: None,
        server: None,
        direct_tls: false,
        plaintext: false,
        password_stdin: false,
        fingerprint: None,
        ca: None,
        no_color: false,
    };
    while let Some(arg) = parser.next()? {
        match arg {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('V') | Long("version") => return Ok(Command::Version),
            Long("to") => options.to = Some(jid(&parser.value()?.string()?)?),
            Long("server") => options.server = Some(parser.value()?.string()?),
            Long("direct-tls") => options.direct_tls = true,
            Long("allow-plaintext") => options.plaintext = true,
            Long("password-stdin") => options.password_stdin = true,
            Long("accept-fingerprint") => {
                let text = parser.value()?.string()?;
                options.fingerprint = Some(text.parse().map_err(|_| {
                    format!(
                        "`{text}` is not a SHA-256 fingerprint: 64 hexadecimal digits, with or without colons"
                    )
                })?);
            }
            Long("ca") => options.ca = Some(parser.value()?.into()),
            Long("no-color") => options.no_color = true,
            Value(word) if account.is_none() => account = Some(jid(&word.string()?)?),
            other => return Err(other.unexpected()),
        }
    }
    options.account = account.ok_or("whose account? give an address such as alice@example.org")?;
    if options.account.local().is_none() {
        return Err(format!("`{}` names a server, not an account: give user@domain", options.account).into());
    }
    if options.direct_tls && options.plaintext {
        return Err("--direct-tls and --allow-plaintext exclude each other".into());
    }
    Ok(Command::Chat(Box::new(options)))
}

/// Reads an address.
pub fn jid(text: &str) -> Result<Jid, String> {
    Jid::new(text).map_err(|e| format!("`{text}` is not an address: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(line: &str) -> Result<Command, String> {
        parse(["chat"].into_iter().chain(line.split_whitespace()).map(OsString::from))
    }

    #[test]
    fn an_account_is_required_and_must_be_one() {
        assert!(run("").unwrap_err().contains("whose account"));
        assert!(run("example.org").unwrap_err().contains("names a server"));
        assert!(run("@@").unwrap_err().contains("not an address"));
    }

    #[test]
    fn options_are_read() {
        let fingerprint = "00".repeat(32);
        let line = format!(
            "alice@example.org/pc --to bob@example.org --direct-tls --accept-fingerprint {fingerprint}"
        );
        let Ok(Command::Chat(options)) = run(&line) else { panic!("{line}") };
        assert_eq!(options.account.as_str(), "alice@example.org/pc");
        assert_eq!(options.to.unwrap().as_str(), "bob@example.org");
        assert!(options.direct_tls && options.fingerprint.is_some());
        assert!(run("a@b --accept-fingerprint 12").unwrap_err().contains("64 hexadecimal digits"));
    }
}
