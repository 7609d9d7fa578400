//! Every attack, in small, on a server in this process: those who behave well are served all the time.

use std::process::Command;
use std::sync::Arc;

use waxwing_core::server::connection::Transport;
use waxwing_std::door::Limits;
use waxwing_tests::{Account, SelfSigned, loopback};
use waxwing_tokio::{Server, entropy};

fn attack(name: &str, attackers: usize) -> String {
    let names: Vec<String> = (0..2 * 2 + 1 + 64).map(|n| format!("user-{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let identity = SelfSigned::new(&["localhost"]);
    let mut config = loopback::config(&identity);
    // So that a slow reader is noticed before sockets' buffers hide it.
    config.authenticated.max_queued = 256 << 10;
    (config.authenticated.rate.burst, config.authenticated.rate.rate) = (1 << 30, 1 << 30);
    // Fewer than there are attackers: they must not keep out those who behave well.
    let limits = Limits { negotiating: 100, haste: std::time::Duration::from_secs(1), ..Limits::default() };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = Server::with_limits(loopback::shards(2, &names), entropy().unwrap(), None, limits).unwrap();
    let address = runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        server.listen(listener, Arc::new(config), Transport::Plain);
        address
    });
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("accounts");
    let line = |name: &&str| format!("{name}\t{}\n", Account::new(name, "localhost").password);
    std::fs::write(&file, names.iter().map(line).collect::<String>()).unwrap();
    let (pid, file) = (std::process::id(), file.display());
    let target = format!("here,{address},{pid},{},{file}", identity.fingerprint());
    let output = Command::new(env!("CARGO_BIN_EXE_load"))
        .args(["overload", "--pairs", "2", "--seconds", "3", "--patience", "50", "--target", &target])
        .args(["--attackers", &attackers.to_string(), name])
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    println!("{printed}");
    printed.lines().find(|line| line.trim_start().starts_with("during ")).unwrap().to_owned()
}

#[test]
fn rfc6120_13_12_slow_readers_hurt_nobody_else() {
    let row = attack("slow-readers", 1);
    assert!(row.ends_with("the server closed 1"), "{row}");
}

#[test]
fn rfc6120_13_12_slow_writers_hurt_nobody_else() {
    attack("slow-writers", 300);
}

#[test]
fn rfc6120_13_12_silent_connections_hurt_nobody_else() {
    attack("silent", 300);
}

#[test]
fn rfc6120_13_12_a_flood_of_logins_hurts_nobody_else() {
    let row = attack("logins", 8);
    assert!(row.contains("logins refused"), "{row}");
}

#[test]
fn rfc6120_13_12_a_flood_of_one_session_hurts_nobody_else() {
    attack("flood", 2);
}
