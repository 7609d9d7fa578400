//! Many client machines in one thread: a loop on epoll (by way of mio) and a heap of deadlines, no runtime, no adapter. All
//! log in, each sends messages to its neighbour, all receive theirs and leave; then the figures are printed.
//!
//! [`engine`] is what an application with a loop of its own would write; the rest is what this one does with it.

mod engine;
mod options;
mod server;
mod talk;

use std::process::ExitCode;

fn main() -> ExitCode {
    u8::from(run().inspect_err(|error| eprintln!("poll: {error}")).is_err()).into()
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let options = options::parse(std::env::args().skip(1))?;
    let target = match options.target {
        Some(target) => target,
        None => server::start(options.clients)?,
    };
    print!("{}", talk::run(&target, options.clients, options.messages)?);
    Ok(())
}
