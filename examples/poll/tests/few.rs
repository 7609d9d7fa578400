//! Fewer clients than it is made for, over real sockets.

use std::process::Command;

#[test]
fn all_clients_in_one_thread_get_what_their_neighbours_send() {
    let poll =
        Command::new(env!("CARGO_BIN_EXE_poll")).args(["--clients", "50", "--messages", "20"]).output();
    let output = poll.unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    assert!(printed.contains("50 clients in one thread"), "{printed}");
    assert!(printed.contains("received: 1000 messages"), "{printed}");
}

#[test]
fn one_client_is_its_own_neighbour() {
    let output = Command::new(env!("CARGO_BIN_EXE_poll")).args(["--clients", "1"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
