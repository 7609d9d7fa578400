//! The chat on a terminal. The first line of standard input is the password, every other one a message; an empty one, or the
//! end, says goodbye.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;

use gui::{App, Dialed, Frames as _, RealFrames};
use waxwing_core::client::{Config, TlsMode};
use waxwing_core::dns::{Security, Target};
use waxwing_core::jid::Jid;
use waxwing_core::sasl::Credentials;
use waxwing_core::stream::tls::{ClientTls, default_provider};
use waxwing_std::dial::{Dialer, system_config};
use waxwing_std::{Clock, entropy};

const USAGE: &str = "usage: gui JID TO [--server HOST:PORT] [--accept-fingerprint HEX]";

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    u8::from(run().inspect_err(|error| eprintln!("gui: {error}")).is_err()).into()
}

fn run() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let (jid, to) = (args.next().ok_or(USAGE)?, args.next().ok_or(USAGE)?);
    let (account, to) = (Jid::new(&jid)?, Jid::new(&to)?);
    let (mut target, mut fingerprint) = (Target::Client(account.domain().into()), None);
    while let Some(flag) = args.next() {
        let value = args.next().ok_or(USAGE)?;
        match flag.as_str() {
            "--server" => {
                let (host, port) = value.rsplit_once(':').ok_or(USAGE)?;
                let (host, port) = (host.to_owned(), port.parse()?);
                target = Target::Host { host, port, security: Security::StartTls };
            }
            "--accept-fingerprint" => fingerprint = Some(value.parse()?),
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
    let username = account.local().ok_or("give user@domain")?.to_owned();
    let mut config = Config::new(account, TlsMode::StartTls(tls.clone()));
    config.credentials = Some(Credentials::Password { username, password });

    // What can block does so in threads of its own: finding the server, and reading what is typed.
    let (tell, dialed) = channel();
    thread::spawn(move || drop(tell.send(dial(target, config, tls))));
    let (enter, entered) = channel();
    thread::spawn(move || io::stdin().lines().map_while(Result::ok).try_for_each(|line| enter.send(line)));
    show(App::new(to, dialed, entropy()?), &entered)
}

fn dial(target: Target, mut config: Config, tls: ClientTls) -> Dialed<std::net::TcpStream> {
    let dialer = Dialer::new(target, system_config());
    let (socket, route) = dialer.map_err(|e| e.to_string())?.dial().map_err(|e| e.to_string())?;
    if route.security == Security::Direct {
        config.tls = TlsMode::Direct(tls);
    }
    socket.set_nodelay(true).and_then(|()| socket.set_nonblocking(true)).map_err(|e| e.to_string())?;
    Ok((socket, config))
}

/// The loop that owns the time.
fn show(mut app: App<std::net::TcpStream>, entered: &Receiver<String>) -> Result<(), Failure> {
    let mut frames = RealFrames::start(Clock::start());
    let mut left = false;
    write!(io::stdout(), "\x1b[2J")?;
    while !app.is_over() {
        let now = frames.next();
        while !left {
            match entered.try_recv() {
                Ok(line) => {
                    left = line.is_empty();
                    app.enter(now, &line);
                }
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => {
                    left = true;
                    app.enter(now, "");
                }
            }
        }
        let screen = app.frame(now);
        write!(io::stdout(), "{screen}")?;
        io::stdout().flush()?;
    }
    Ok(())
}
