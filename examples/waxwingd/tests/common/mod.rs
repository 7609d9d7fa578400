//! A server in a process of its own. Not every file of tests uses all of it.
#![allow(dead_code)]

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use waxwing_core::stream::tls::{ClientTls, Fingerprint, default_provider};

/// Longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn waxwingd(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waxwingd"));
    command.args(["--c2s", "127.0.0.1:0", "--c2s-tls", "127.0.0.1:0", "--data"]).arg(data);
    command.env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

/// A server that runs until it is dropped.
pub(crate) struct Server {
    pub(crate) child: Child,
    /// What it printed up to and including the ready line.
    pub(crate) printed: Vec<String>,
    pub(crate) output: BufReader<std::process::ChildStdout>,
}

impl Server {
    pub(crate) fn start(command: &mut Command) -> Server {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut server = Server { child, printed: Vec::new(), output };
        while server.printed.last().is_none_or(|line| line != "waxwingd: ready") {
            let mut line = String::new();
            if server.output.read_line(&mut line).unwrap() == 0 {
                panic!("it ended before it was ready: {}", server.wait().2);
            }
            server.printed.push(line.trim_end().to_owned());
        }
        server
    }

    pub(crate) fn line(&self, start: &str) -> &str {
        let found = self.printed.iter().find_map(|line| line.strip_prefix(start));
        found.unwrap_or_else(|| panic!("no line begins with {start:?}: {:?}", self.printed))
    }

    pub(crate) fn c2s(&self) -> SocketAddr {
        self.line("c2s (STARTTLS) on ").parse().unwrap()
    }

    pub(crate) fn c2s_tls(&self) -> SocketAddr {
        self.line("c2s (direct TLS) on ").parse().unwrap()
    }

    pub(crate) fn tls(&self) -> ClientTls {
        let fingerprint: Fingerprint = self.line("certificate SHA-256 ").parse().unwrap();
        ClientTls::with_fingerprint(default_provider(), fingerprint).unwrap()
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Waits for its end: exit code, rest of standard output, standard error.
    pub(crate) fn wait(mut self) -> (Option<i32>, String, String) {
        let (mut rest, mut log) = (String::new(), String::new());
        self.output.read_to_string(&mut rest).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap().code(), rest, log)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
