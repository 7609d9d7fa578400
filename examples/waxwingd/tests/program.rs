//! The program as operators and scripts use it: the binary, its files, its signals.

mod common;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use common::{PATIENCE, Server, waxwingd};
use waxwing_core::client::{Client, Config, Error, Event, Management, Raw, RequestKind, TlsMode};
use waxwing_core::jid::Jid;
use waxwing_core::payload::register::{Registration, Set};
use waxwing_core::sasl::Credentials;
use waxwing_core::stanza::Message;
use waxwing_core::stream::Condition;
use waxwing_std::{Clock, Driver, entropy};

fn run(command: &mut Command, input: &str) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A program that refuses its arguments may be gone before it has read anything.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// `waxwingd user ...`: what it printed, or why it failed.
fn user(data: &Path, words: &[&str], input: &str) -> Result<String, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waxwingd"));
    let output = run(command.arg("user").args(words).arg("--data").arg(data), input);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    match output.status.code() {
        Some(0) => Ok(text(output.stdout)),
        Some(1) => Err(text(output.stderr)),
        other => panic!("exit code {other:?}"),
    }
}

fn add(data: &Path, jid: &str, password: &str) {
    user(data, &["add", jid, "--password-stdin"], &format!("{password}\n")).unwrap();
}

/// Fails to start: exit code 1 and one line, which is returned.
fn refusal(command: &mut Command) -> String {
    let output = run(command, "");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let line = String::from_utf8(output.stderr).unwrap();
    assert!(line.starts_with("waxwingd: ") && line.ends_with('\n'), "{line:?}");
    assert_eq!(line.lines().count(), 1, "{line}");
    line
}

fn log_in(address: SocketAddr, tls: TlsMode, jid: &str, password: &str) -> Result<Driver<Client>, Error> {
    log_in_with(address, tls, jid, password, Management::Acknowledge)
}

fn log_in_with(
    address: SocketAddr,
    tls: TlsMode,
    jid: &str,
    password: &str,
    management: Management,
) -> Result<Driver<Client>, Error> {
    let account = Jid::new(jid).unwrap();
    let mut config = Config::new(account.clone(), tls);
    config.management = management;
    let username = account.local().unwrap().to_owned();
    config.credentials = Some(Credentials::Password { username, password: password.to_owned() });
    let clock = Clock::start();
    let client = Client::new(config, clock.now(), entropy().unwrap());
    let mut driver = Driver::new(client, TcpStream::connect(address).unwrap(), clock).unwrap();
    loop {
        match driver.next_event(Some(PATIENCE)).unwrap().expect("an event in time") {
            Event::Online(_) => return Ok(driver),
            Event::Closed(Err(error)) => return Err(error),
            _ => {}
        }
    }
}

fn closed(driver: &mut Driver<Client>) -> Result<(), Error> {
    loop {
        if let Event::Closed(how) = driver.next_event(Some(PATIENCE)).unwrap().expect("an event in time") {
            return how;
        }
    }
}

#[test]
fn it_prints_how_to_log_in_and_one_ready_line() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(waxwingd(data.path()).arg("--demo"));
    for name in ["alice", "bob"] {
        let line = server.line(&format!("demo account {name}@localhost password ")).to_owned();
        log_in(server.c2s(), TlsMode::StartTls(server.tls()), &format!("{name}@localhost"), &line).unwrap();
        log_in(server.c2s_tls(), TlsMode::Direct(server.tls()), &format!("{name}@localhost"), &line).unwrap();
    }
    server.signal("TERM");
    let (code, rest, _) = server.wait();
    assert_eq!((code, rest.as_str()), (Some(0), ""));
}

#[test]
fn messages_pass_between_accounts() {
    let data = tempfile::tempdir().unwrap();
    add(data.path(), "alice@localhost", "wonderland");
    add(data.path(), "bob@localhost", "builder");
    let server = Server::start(&mut waxwingd(data.path()));
    let tls = || TlsMode::StartTls(server.tls());
    let mut alice = log_in(server.c2s(), tls(), "alice@localhost/a", "wonderland").unwrap();
    let mut bob = log_in(server.c2s(), tls(), "bob@localhost/b", "builder").unwrap();
    let now = alice.clock().now();
    let text = "Grüße, 世界 \u{1f980}";
    alice.machine_mut().send(now, Message::chat(Jid::new("bob@localhost/b").unwrap(), text)).unwrap();
    alice.next_event(Some(Duration::from_millis(1))).unwrap();
    let received = loop {
        if let Some(Event::Message(message)) = bob.next_event(Some(PATIENCE)).unwrap() {
            break message;
        }
    };
    assert_eq!(received.body(None).unwrap(), text);
    assert_eq!(received.from().unwrap().as_str(), "alice@localhost/a");
}

#[test]
fn a_wrong_password_is_refused() {
    let data = tempfile::tempdir().unwrap();
    add(data.path(), "alice@localhost", "wonderland");
    let server = Server::start(&mut waxwingd(data.path()));
    let error = log_in(server.c2s(), TlsMode::StartTls(server.tls()), "alice@localhost", "looking-glass")
        .unwrap_err();
    assert!(matches!(error, Error::Refused(_)), "{error:?}");
    assert!(!error.is_transient());
}

#[test]
fn sigterm_closes_every_stream_with_system_shutdown() {
    let data = tempfile::tempdir().unwrap();
    add(data.path(), "alice@localhost", "wonderland");
    let server = Server::start(&mut waxwingd(data.path()));
    let mut alice =
        log_in(server.c2s(), TlsMode::StartTls(server.tls()), "alice@localhost", "wonderland").unwrap();
    server.signal("TERM");
    match closed(&mut alice) {
        Err(Error::Stream(error)) => assert_eq!(error.condition(), &Condition::SystemShutdown),
        other => panic!("{other:?}"),
    }
    let (code, rest, log) = server.wait();
    assert_eq!((code, rest.as_str()), (Some(0), ""), "{log}");
}

#[test]
fn accounts_can_be_administered_while_the_server_runs() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(&mut waxwingd(data.path()));
    let log_in =
        |password: &str| log_in(server.c2s(), TlsMode::StartTls(server.tls()), "alice@localhost", password);
    assert!(log_in("one").is_err());
    add(data.path(), "alice@localhost", "one");
    // The server notices within about a second; until then it may remember that there was no such account.
    let mut alice = (0..50).find_map(|_| log_in("one").ok()).expect("a login with the first password");
    user(data.path(), &["passwd", "alice@localhost", "--password-stdin"], "two\n").unwrap();
    (0..50).find_map(|_| log_in("two").ok()).expect("a login with the second password");
    assert_eq!(user(data.path(), &["list"], "").unwrap(), "alice@localhost\n");
    assert_eq!(user(data.path(), &["list", "other.example"], "").unwrap(), "");
    user(data.path(), &["delete", "alice@localhost"], "").unwrap();
    assert!(closed(&mut alice).is_err(), "the session of a deleted account ends");
    assert_eq!(user(data.path(), &["list"], "").unwrap(), "");
}

#[test]
fn user_commands_explain_what_is_wrong() {
    let data = tempfile::tempdir().unwrap();
    let fails = |words: &[&str], input: &str| user(data.path(), words, input).unwrap_err();
    add(data.path(), "alice@localhost", "x");
    assert!(fails(&["add", "alice@localhost", "--password-stdin"], "y\n").contains("exists already"));
    assert!(
        fails(&["passwd", "bob@localhost", "--password-stdin"], "y\n").contains("no account bob@localhost")
    );
    assert!(fails(&["delete", "bob@localhost"], "").contains("no account bob@localhost"));
    assert!(fails(&["add", "localhost", "--password-stdin"], "y\n").contains("does not name an account"));
    assert!(fails(&["add", "bob@localhost", "--password-stdin"], "").contains("the password is empty"));
    assert!(fails(&["add", "bob@localhost"], "").contains("--password-stdin"));
    for error in [fails(&["delete"], ""), fails(&["add", "a@b@c/d", "--password-stdin"], "x\n")] {
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn user_commands_that_make_no_account_make_no_database() {
    let parent = tempfile::tempdir().unwrap();
    let typo = parent.path().join("typo");
    for words in [&["list"][..], &["delete", "a@localhost"], &["passwd", "a@localhost", "--password-stdin"]] {
        let error = user(&typo, words, "x\n").unwrap_err();
        assert!(error.contains("typo/waxwing.db") && error.contains("--data"), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    assert!(!typo.exists());
}

#[test]
fn sighup_exchanges_the_certificate_and_keeps_connections() {
    let data = tempfile::tempdir().unwrap();
    add(data.path(), "alice@localhost", "wonderland");
    // A certificate made on the first run is an ordinary pair of files to the next run.
    drop(Server::start(&mut waxwingd(data.path())));
    let (cert, key) = (data.path().join("mine.crt"), data.path().join("mine.key"));
    std::fs::copy(data.path().join("cert.pem"), &cert).unwrap();
    std::fs::copy(data.path().join("key.pem"), &key).unwrap();
    let server = Server::start(waxwingd(data.path()).arg("--cert").arg(&cert).arg("--key").arg(&key));
    let tls = server.tls();
    let mut alice =
        log_in(server.c2s(), TlsMode::StartTls(tls.clone()), "alice@localhost", "wonderland").unwrap();

    let other = tempfile::tempdir().unwrap();
    drop(Server::start(&mut waxwingd(other.path())));
    std::fs::copy(other.path().join("cert.pem"), &cert).unwrap();
    std::fs::copy(other.path().join("key.pem"), &key).unwrap();
    server.signal("HUP");
    // The old fingerprint is accepted until the signal has been handled, and never again after that.
    let refused = (0..500).find_map(|_| {
        let outcome = log_in(server.c2s(), TlsMode::StartTls(tls.clone()), "alice@localhost/2", "wonderland");
        outcome.err()
    });
    assert!(matches!(refused, Some(Error::Certificate(_))), "{refused:?}");
    let now = alice.clock().now();
    alice.machine_mut().close(now);
    assert_eq!(closed(&mut alice), Ok(()), "the connection from before is still there");
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let _server = Server::start(&mut waxwingd(data.path()));
    let line = refusal(&mut waxwingd(data.path()));
    assert!(line.contains(data.path().to_str().unwrap()), "{line}");
}

#[test]
fn a_port_in_use_is_named_and_nothing_is_written() {
    let data = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let inside = data.path().join("data");
    let line = refusal(waxwingd(&inside).args(["--c2s", &address]));
    assert!(line.contains(&address) && line.contains("--c2s"), "{line}");
    assert!(!inside.exists());
}

#[test]
fn an_unreadable_certificate_is_named_and_nothing_is_written() {
    let scratch = tempfile::tempdir().unwrap();
    let inside = scratch.path().join("data");
    let cert = scratch.path().join("server.crt");
    let line = refusal(waxwingd(&inside).arg("--cert").arg(&cert).arg("--key").arg(&cert));
    assert!(line.contains("server.crt"), "{line}");
    std::fs::write(&cert, "nonsense").unwrap();
    let line = refusal(waxwingd(&inside).arg("--cert").arg(&cert).arg("--key").arg(&cert));
    assert!(line.contains("server.crt"), "{line}");
    assert!(!inside.exists());
}

#[test]
fn a_corrupt_database_is_named_and_left_alone() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("waxwing.db");
    let junk = b"this is certainly not a database, whatever else it may be".repeat(100);
    std::fs::write(&file, &junk).unwrap();
    let line = refusal(&mut waxwingd(data.path()));
    assert!(line.contains("waxwing.db"), "{line}");
    assert_eq!(std::fs::read(&file).unwrap(), junk);
}

#[test]
fn wrong_flags_and_configurations_are_one_line() {
    let data = tempfile::tempdir().unwrap();
    let config = data.path().join("waxwing.toml");
    std::fs::write(&config, "domian = 'x'\n").unwrap();
    let line = refusal(waxwingd(data.path()).arg("--config").arg(&config));
    assert!(line.contains("did you mean `domain`"), "{line}");
    refusal(waxwingd(data.path()).arg("--nonsense"));
    refusal(waxwingd(data.path()).args(["--log", "not=a=filter"]));
    let line = refusal(waxwingd(data.path()).args(["--allow-plaintext", "--c2s", "0.0.0.0:0"]));
    assert!(line.contains("--allow-plaintext"), "{line}");
}

#[test]
fn plaintext_is_possible_on_loopback_when_asked_for() {
    let data = tempfile::tempdir().unwrap();
    add(data.path(), "alice@localhost", "wonderland");
    let server = Server::start(waxwingd(data.path()).arg("--allow-plaintext"));
    log_in(server.c2s(), TlsMode::Plaintext, "alice@localhost", "wonderland").unwrap();
    let strict = Server::start(&mut waxwingd(tempfile::tempdir().unwrap().path()));
    let error = log_in(strict.c2s(), TlsMode::Plaintext, "alice@localhost", "wonderland").unwrap_err();
    assert!(matches!(error, Error::Missing(_)), "{error:?}");
}

/// Sends the pieces on a new connection in the clear, each once the answer to the one before has what is named beside it.
/// Returns the last answer.
fn converse(address: SocketAddr, pieces: &[(&str, &str)]) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut answer = String::new();
    for (piece, wanted) in pieces {
        socket.write_all(piece.as_bytes()).unwrap();
        answer.clear();
        let mut buffer = [0; 4096];
        while !answer.contains(wanted) {
            let count = socket.read(&mut buffer).unwrap();
            assert!(count > 0, "{wanted} did not come: {answer}");
            answer.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
        }
    }
    answer
}

const HEADER: &str = "<stream:stream to='localhost' version='1.0' xmlns='jabber:client' \
     xmlns:stream='http://etherx.jabber.org/streams'>";

#[test]
fn xep0077_accounts_are_made_changed_and_removed_where_that_is_allowed() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(waxwingd(data.path()).args(["--allow-plaintext", "--allow-registration"]));
    let apply = "<iq type='set' id='r'><query xmlns='jabber:iq:register'><username>bill</username>\
         <password>Calliope</password></query></iq>";
    converse(server.c2s(), &[(HEADER, "iq-register"), (apply, "<iq type='result' id='r'")]);
    converse(server.c2s(), &[(HEADER, "iq-register"), (apply, "<conflict")]);
    let log_in = |password: &str| log_in(server.c2s(), TlsMode::Plaintext, "bill@localhost", password);
    let mut bill = log_in("Calliope").unwrap();
    let request = |bill: &mut Driver<Client>, what: &Set| {
        let raw = Raw {
            to: Some(Jid::new("localhost").unwrap()),
            kind: RequestKind::Set,
            payload: what.to_builder(),
        };
        let now = bill.clock().now();
        let _ = bill.machine_mut().request(now, raw, None).unwrap();
    };
    request(&mut bill, &Set::Submit(Registration::credentials("bill", "Thalia")));
    while !matches!(bill.next_event(Some(PATIENCE)).unwrap().expect("an event in time"), Event::Reply(_)) {}
    assert!(log_in("Calliope").is_err());
    log_in("Thalia").unwrap();
    request(&mut bill, &Set::Remove);
    match closed(&mut bill) {
        Err(Error::Stream(error)) => assert_eq!(error.condition(), &Condition::NotAuthorized),
        other => panic!("{other:?}"),
    }
    assert!(log_in("Thalia").is_err());
}

#[test]
fn xep0077_no_accounts_are_made_where_that_is_not_allowed() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(waxwingd(data.path()).arg("--allow-plaintext"));
    let get = "<iq type='get' id='r'><query xmlns='jabber:iq:register'/></iq>";
    let answer = converse(server.c2s(), &[(HEADER, "</stream:features>"), (get, "</stream:stream>")]);
    assert!(answer.contains("<not-authorized"), "{answer}");
}

/// Whether alice is offered to say that nobody looks (XEP-0352), whether she may resume her session, and where.
fn offered(data: &Path, args: &[&str]) -> (bool, bool, Option<String>) {
    let server = Server::start(waxwingd(data).arg("--allow-plaintext").args(args));
    let resume = Management::Resume { max: None };
    let mut alice =
        log_in_with(server.c2s(), TlsMode::Plaintext, "alice@localhost/a", "wonderland", resume).unwrap();
    let now = alice.clock().now();
    alice.machine_mut().send(now, Message::chat(Jid::new("alice@localhost/a").unwrap(), "x")).unwrap();
    // What has been agreed is known when this is.
    while !matches!(
        alice.next_event(Some(PATIENCE)).unwrap().expect("an event in time"),
        Event::Acknowledged(_)
    ) {}
    let client = alice.machine();
    let state = client.features().is_some_and(|features| features.has("csi", "urn:xmpp:csi:0"));
    (state, client.can_resume(), client.location().map(str::to_owned))
}

#[test]
fn xep0198_and_xep0352_are_offered_as_configured() {
    let data = tempfile::tempdir().unwrap();
    add(data.path(), "alice@localhost", "wonderland");
    let place = "im1.example.org:5222";
    assert_eq!(offered(data.path(), &["--resume-at", place]), (true, true, Some(place.into())));
    assert_eq!(offered(data.path(), &["--no-resumption", "--no-client-state"]), (false, false, None));
}

#[test]
fn check_says_what_is_wrong_with_policies() {
    let data = tempfile::tempdir().unwrap();
    let config = data.path().join("waxwing.toml");
    for (toml, wanted) in [
        ("strangers = 'fly'", "--strangers allow, refuse, or short:500"),
        ("resume-within = 0", "--no-resumption"),
        ("resume-whitin = 60", "did you mean `resume-within`"),
    ] {
        std::fs::write(&config, toml).unwrap();
        let line = refusal(waxwingd(data.path()).arg("check").arg("--config").arg(&config));
        assert!(line.contains(wanted), "{line}");
    }
    let output = run(waxwingd(data.path()).args(["check", "--resume-at", "nobody.invalid"]), "");
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("problem: --resume-at nobody.invalid"), "{text}");
}

#[test]
fn check_finds_what_is_wrong_and_changes_nothing() {
    let data = tempfile::tempdir().unwrap();
    let inside = data.path().join("data");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(waxwingd(&inside).args(["check", "--c2s", &address]), "");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("problem: ") && text.contains(&address), "{text}");
    assert!(!inside.exists());
    let output = run(waxwingd(&inside).arg("check"), "");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}
