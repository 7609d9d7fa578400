//! Every bot answers, over real sockets, and leaves when it is told to.

use std::io::Write as _;
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use waxwing_core::client::{Client, Config, Event, TlsMode};
use waxwing_core::jid::Jid;
use waxwing_core::sasl::Credentials;
use waxwing_core::stanza::Message;
use waxwing_std::{Clock, Driver, entropy};
use waxwing_tests::{Account, Loopback};

/// Longer than anything here takes.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(60));

fn answers(program: &str) {
    let server = Loopback::start(&["bot", "alice"]);
    let (bot, alice) = (Account::new("bot", "localhost"), Account::new("alice", "localhost"));
    let mut config = Config::new(alice.jid().into(), TlsMode::StartTls(server.identity.client_tls()));
    config.credentials = Some(Credentials::Password { username: alice.local, password: alice.password });
    let clock = Clock::start();
    let client = Client::new(config, clock.now(), entropy().unwrap());
    let mut alice = Driver::new(client, TcpStream::connect(server.address).unwrap(), clock).unwrap();
    let mut event = || alice.next_event(PATIENCE).unwrap().expect("an event in time");
    assert!(matches!(event(), Event::Online(_)));
    // The bot is not there yet: its messages wait for it.
    let to = Jid::new("bot@localhost").unwrap();
    for n in 0..3 {
        alice.machine_mut().send(clock.now(), Message::chat(to.clone(), &format!("message {n}"))).unwrap();
    }
    // Whoever answers a request has seen what came before it.
    while !matches!(alice.next_event(PATIENCE).unwrap(), Some(Event::Sent(_))) {}

    let mut child = Command::new(program)
        .args(["bot@localhost", "--server", &server.address.to_string(), "--count", "3"])
        .args(["--accept-fingerprint", &server.identity.fingerprint().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{}", bot.password).unwrap();
    for n in 0..3 {
        let answer = loop {
            match alice.next_event(PATIENCE).unwrap().expect("an event in time") {
                Event::Message(message) => break message,
                Event::Closed(how) => panic!("{how:?}"),
                _ => {}
            }
        };
        assert_eq!(answer.from().unwrap().to_bare().as_str(), to.as_str());
        assert_eq!(answer.body(None).unwrap(), format!("message {n}"));
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.starts_with("online as bot@localhost/"), "{printed}");
}

#[test]
fn the_blocking_bot_answers() {
    answers(env!("CARGO_BIN_EXE_echo-std"));
}

#[test]
fn the_tokio_bot_answers() {
    answers(env!("CARGO_BIN_EXE_echo-tokio"));
}

#[test]
fn the_smol_bot_answers() {
    answers(env!("CARGO_BIN_EXE_echo-smol"));
}

#[test]
fn the_async_std_bot_answers() {
    answers(env!("CARGO_BIN_EXE_echo-async-std"));
}
