//! `waxwingd`: a ready-to-run XMPP server. See `waxwingd --help`.

#![allow(unreachable_pub, reason = "a binary has no public interface")]

mod check;
mod cli;
mod fresh;
mod identity;
mod options;
mod policy;
mod serve;
mod user;

use std::io::Write as _;
use std::process::ExitCode;

use cli::{Command, Invocation};
use options::{Layer, Options};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("waxwingd: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    match cli::parse(std::env::args_os())? {
        Command::Help => print(cli::HELP),
        Command::Version => print(concat!("waxwingd ", env!("CARGO_PKG_VERSION"), "\n")),
        Command::Serve(invocation) => {
            let options = options(&invocation)?;
            start_logging(&options)?;
            serve::run(&options, &invocation)?;
        }
        Command::Check(invocation) => check::run(&options(&invocation)?)?,
        Command::User(invocation, command) => user::run(&options(&invocation)?, &command)?,
    }
    Ok(())
}

/// Reads the configuration file, if there is one, and puts the flags over it.
fn options(invocation: &Invocation) -> Result<Options, String> {
    let file = match &invocation.config {
        Some(path) => Layer::from_file(path).map_err(|e| e.to_string())?,
        None => Layer::default(),
    };
    invocation.flags.clone().over(file).resolve().map_err(|e| e.to_string())
}

/// Logs to standard error: what `--log` says, or else `RUST_LOG`, or else `info`.
fn start_logging(options: &Options) -> Result<(), String> {
    let given = options.log.clone().or_else(|| std::env::var("RUST_LOG").ok());
    let text = given.as_deref().unwrap_or("info");
    env_filter::Builder::new()
        .try_parse(text)
        .map_err(|e| format!("--log: {e}; write a level such as debug, or RUST_LOG's syntax"))?;
    env_logger::Builder::new().parse_filters(text).try_init().map_err(|e| format!("cannot log: {e}"))
}

fn print(text: &str) {
    // A closed pipe is no reason to panic.
    let _ = std::io::stdout().write_all(text.as_bytes());
}
