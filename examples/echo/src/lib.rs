//! What all the bots share, whatever moves their bytes: the command line, the configuration, and what is done with events.

use std::error::Error;
use std::io;
use std::process::ExitCode;

use waxwing_core::client::{Client, Config, Event, TlsMode};
use waxwing_core::dns::{Route, Security, Target};
use waxwing_core::jid::Jid;
use waxwing_core::machine::Now;
use waxwing_core::sasl::Credentials;
use waxwing_core::stanza::{Message, MessageType, Presence, PresenceType};
use waxwing_core::stream::tls::{ClientTls, default_provider};

const USAGE: &str = "usage: echo-RUNTIME JID [--server HOST[:PORT]] [--accept-fingerprint HEX] [--count N] \
                     (the password is the first line of standard input; --count: leave after so many messages)";

/// Anything that can go wrong, for people to read.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Answers messages with themselves.
#[derive(Debug)]
pub struct Bot {
    /// Where the server is to be found.
    pub target: Target,
    account: Jid,
    password: String,
    tls: ClientTls,
    left: Option<u64>,
}

impl Bot {
    /// Reads the command line, and the password from standard input.
    ///
    /// # Errors
    /// What is wrong with either.
    pub fn from_args() -> Result<Bot, Failure> {
        let mut args = std::env::args().skip(1);
        let account = Jid::new(&args.next().ok_or(USAGE)?)?;
        let mut target = Target::Client(account.domain().into());
        let (mut fingerprint, mut left) = (None, None);
        while let Some(flag) = args.next() {
            let value = args.next().ok_or(USAGE)?;
            match flag.as_str() {
                "--server" => {
                    let (host, port) = value.rsplit_once(':').unwrap_or((&value, "5222"));
                    let (host, port) = (host.to_owned(), port.parse()?);
                    target = Target::Host { host, port, security: Security::StartTls };
                }
                "--accept-fingerprint" => fingerprint = Some(value.parse()?),
                "--count" => left = Some(value.parse()?),
                _ => return Err(USAGE.into()),
            }
        }
        let tls = match fingerprint {
            Some(fingerprint) => ClientTls::with_fingerprint(default_provider(), fingerprint)?,
            None => {
                let mut roots = rustls::RootCertStore::empty();
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                ClientTls::new(roots)?
            }
        };
        let password = io::stdin().lines().next().ok_or("no password on standard input")??;
        Ok(Bot { target, account, password, tls, left })
    }

    /// The client's configuration for a connection that was found this way.
    pub fn config(&self, route: &Route) -> Config {
        let tls = match route.security {
            Security::Direct => TlsMode::Direct(self.tls.clone()),
            Security::StartTls => TlsMode::StartTls(self.tls.clone()),
        };
        let mut config = Config::new(self.account.clone(), tls);
        let username = self.account.local().unwrap_or_default().to_owned();
        config.credentials = Some(Credentials::Password { username, password: self.password.clone() });
        config
    }

    /// Does what an event asks for.
    ///
    /// # Errors
    /// Why the stream has ended, unless we ended it.
    pub fn react(&mut self, client: &mut Client, now: Now, event: Event) -> Result<(), Failure> {
        match event {
            Event::Online(jid) => {
                println!("online as {jid}");
                client.set_presence(now, Presence::builder(PresenceType::Available).build())?;
            }
            // Answering errors would go on for ever, answering a room would be heard by all.
            Event::Message(message)
                if matches!(message.kind(), MessageType::Chat | MessageType::Normal)
                    && self.left != Some(0) =>
            {
                let (Some(from), Some(body)) = (message.from(), message.body(None)) else { return Ok(()) };
                client.send(now, Message::chat(from.clone(), &body))?;
                self.left = self.left.map(|left| left - 1);
                if self.left == Some(0) {
                    client.close(now);
                }
            }
            Event::Closed(how) => how?,
            _ => {}
        }
        Ok(())
    }
}

/// Tells what went wrong, if anything.
pub fn exit(result: Result<(), Failure>) -> ExitCode {
    u8::from(result.inspect_err(|error| eprintln!("echo: {error}")).is_err()).into()
}
