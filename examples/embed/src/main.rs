//! A client in a hand-written poll loop over one non-blocking socket: no runtime, no thread, no adapter. The first line
//! of standard input is its password. It leaves when N messages have come, or when the seconds (10) are over.

use rustix::{event, event::PollFlags, rand};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::{collections::BTreeMap, env, error::Error, net::TcpStream, process::ExitCode, time};
use waxwing_core::client::{Client, Config, Event, TlsMode};
use waxwing_core::machine::{self, Entropy, Machine, Now, Utc};
use waxwing_core::stanza::{Message, Presence, PresenceType};
use waxwing_core::{jid::Jid, sasl::Credentials, stream::tls};

const USAGE: &str = "usage: embed JID [--server HOST:PORT] [--accept-fingerprint HEX] [--to JID --text TEXT] \
                     [--count N] [--seconds N]";

fn main() -> ExitCode {
    u8::from(run().inspect_err(|error| eprintln!("embed: {error}")).is_err()).into()
}

fn run() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args_os().skip(1).map(|arg| arg.to_string_lossy().into()).collect();
    let (jid, rest) = args.split_first().ok_or(USAGE)?;
    let flags: BTreeMap<&str, &str> = rest.chunks_exact(2).map(|pair| (&*pair[0], &*pair[1])).collect();
    let known = |flag: &&str| USAGE.split([' ', '[']).any(|known| known == *flag);
    (rest.len() % 2 == 0 && flags.keys().all(known)).then_some(()).ok_or(USAGE)?;
    let account = Jid::new(jid).map_err(|error| format!("`{jid}` is not an address: {error}"))?;
    let username = account.local().ok_or("a server is no account: give user@domain")?.to_owned();
    let (to, text) =
        (flags.get("--to").map(|to| Jid::new(to)).transpose()?, flags.get("--text").unwrap_or(&""));
    let mut wanted: u32 = flags.get("--count").map_or(Ok(u32::MAX), |n| n.parse())?;
    let patience = time::Duration::from_secs(flags.get("--seconds").map_or(Ok(10), |n| n.parse())?);
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let tls = match flags.get("--accept-fingerprint") {
        Some(hex) => tls::ClientTls::with_fingerprint(tls::default_provider(), hex.parse()?)?,
        None => tls::ClientTls::new(roots)?,
    };
    let password = io::stdin().lines().next().ok_or("no password on standard input")??;
    let at = flags.get("--server").map_or(format!("{}:5222", account.domain()), ToString::to_string);
    let mut socket = TcpStream::connect(&at).map_err(|error| format!("cannot reach {at}: {error}"))?;
    socket.set_nonblocking(true)?;
    let mut config = Config::new(account, TlsMode::StartTls(tls));
    config.credentials = Some(Credentials::Password { username, password });
    let (mut seed, start) = ([0; 32], time::Instant::now());
    rand::getrandom(&mut seed, rand::GetRandomFlags::empty())?;
    let now = || {
        let utc = time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_millis() as i64);
        Now::new(machine::Instant::from_origin(start.elapsed()), Utc::from_unix_millis(utc))
    };
    let mut client = Client::new(config, now(), Entropy::from_seed(seed));
    let blocked = |error: &io::Error| error.kind() == ErrorKind::WouldBlock;
    let (mut input, mut output, mut leave) = ([0; 8192], Vec::new(), None);
    loop {
        // Drain: bytes to the socket as far as it takes them, events to us, until neither has more.
        loop {
            let more = output.is_empty() && client.transmit(&mut output) > 0;
            // A peer that is gone takes nothing more, but may have said why: that is still to be read.
            let written = socket.write(&output).or_else(|e| if blocked(&e) { Ok(0) } else { Err(e) });
            drop(output.drain(..written.unwrap_or(output.len())));
            match client.poll_event() {
                Some(Event::Online(jid)) => {
                    writeln!(io::stdout(), "online as {jid}")?;
                    leave = (wanted > 0).then(|| now().instant + patience);
                    client.set_presence(now(), Presence::builder(PresenceType::Available).build())?;
                    to.clone().map(|to| client.send(now(), Message::chat(to, text))).transpose()?;
                }
                Some(Event::Message(message)) => {
                    let from = message.from().map_or("your server", Jid::as_str);
                    message.error().map_or(Ok(()), |error| Err(format!("{from} did not get it: {error}")))?;
                    let Some(text) = message.body(None) else { continue };
                    writeln!(io::stdout(), "{from}: {}", text.replace(char::is_control, "\u{fffd}"))?;
                    wanted = wanted.saturating_sub(1);
                    leave = leave.filter(|_| wanted > 0);
                }
                Some(Event::Closed(result)) => result?,
                None if client.is_online() && leave <= Some(now().instant) => client.close(now()),
                None if !more => break,
                _ => {}
            }
        }
        if client.is_finished() && output.is_empty() {
            let all_came = wanted == 0 || !flags.contains_key("--count");
            return all_came.then_some(()).ok_or("too few messages in time".into());
        }
        // Wait for the socket or the next deadline, and let in no more than the machine wants to read.
        let room = client.read_budget().min(input.len());
        let interest = [(PollFlags::IN, room > 0), (PollFlags::OUT, !output.is_empty())];
        let interest = interest.into_iter().filter_map(|(flag, on)| on.then_some(flag)).collect();
        let due =
            client.deadline().map(|d| d.at).into_iter().chain(leave.filter(|_| client.is_online())).min();
        let timeout = due.map(|at| event::Timespec::try_from(at - now().instant)).transpose()?;
        event::poll(&mut [event::PollFd::new(&socket, interest)], timeout.as_ref())?;
        match socket.read(&mut input[..room]) {
            Ok(bytes) if bytes > 0 || room == 0 => client.receive(now(), &input[..bytes]),
            Err(error) if blocked(&error) => {}
            _ => client.receive_eof(now()),
        }
        client.tick(now());
    }
}
