//! `chat`: a terminal client. See `chat --help`.

#![allow(unreachable_pub, reason = "a binary has no public interface")]

mod cli;
mod command;
mod connect;
mod input;
mod people;
mod say;
mod talk;

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use cli::{Command, Options};

fn main() -> ExitCode {
    match cli::parse(std::env::args_os()) {
        Ok(Command::Help) => print!("{}", cli::HELP),
        Ok(Command::Version) => println!("chat {}", env!("CARGO_PKG_VERSION")),
        Ok(Command::Chat(options)) => {
            if let Err(error) = run(&options) {
                eprintln!("chat: {error}");
                return ExitCode::FAILURE;
            }
        }
        Err(error) => {
            eprintln!("chat: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn run(options: &Options) -> Result<(), String> {
    let password = password(options)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("cannot start: {e}"))?;
    let result = runtime.block_on(async {
        let driver = connect::connect(options, password)?;
        let (screen, lines) = input::start(options.no_color, options.password_stdin);
        talk::talk(driver, options.to.clone(), &screen, lines).await
    });
    // The thread that reads lines may be waiting for one; the process does not wait for it.
    runtime.shutdown_background();
    result
}

fn password(options: &Options) -> Result<String, String> {
    if !options.password_stdin {
        if !io::stdin().is_terminal() {
            return Err("standard input is not a terminal: use --password-stdin".into());
        }
        return rpassword::prompt_password(format!("Password of {}: ", options.account.bare_str()))
            .map_err(|e| format!("cannot read the password: {e}"));
    }
    let mut line = String::new();
    io::stdin().read_line(&mut line).map_err(|e| format!("cannot read the password: {e}"))?;
    let password = line.trim_end_matches(['\r', '\n']);
    match password.is_empty() {
        true => Err("standard input holds no password".into()),
        false => Ok(password.to_owned()),
    }
}
