//! The conversation comes to its end, and is the same in every run.

use std::process::Command;

#[test]
fn two_runs_print_the_same_conversation() {
    let run = || {
        let output = Command::new(env!("CARGO_BIN_EXE_pair")).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let first = run();
    assert_eq!(first.matches("<body>wherefore art thou?</body>").count(), 2, "sent and received: {first}");
    assert_eq!(first.matches("</stream:stream>").count(), 2, "both sides close: {first}");
    assert_eq!(first, run());
}
