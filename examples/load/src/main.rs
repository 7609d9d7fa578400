//! `load`: a load generator for XMPP servers. See `load --help`.

#![allow(unreachable_pub, reason = "a binary has no public interface")]

mod cli;
mod cpu;
mod overload;
mod pair;
mod presence;
mod rosters;
mod run;
mod session;

use std::process::ExitCode;
use std::time::Duration;

use cli::{Options, Target, Task};
use run::Outcome;

fn main() -> ExitCode {
    let task = match cli::parse(std::env::args_os().skip(1)) {
        Ok(Some(task)) => task,
        Ok(None) => {
            print!("{}", cli::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("load: {error}");
            return ExitCode::FAILURE;
        }
    };
    let result = match task {
        Task::Messages(options) => messages(&options),
        Task::Presence(options) => presences(&options),
        Task::Rosters(rosters) => rosters::make(&rosters).map(|()| true),
        Task::Overload(overload) => overloads(&overload),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs all targets and prints a row for each. False if anything went wrong with any of them.
fn messages(options: &Options) -> Result<bool, String> {
    println!(
        "{} messages between {} sessions over {}, at most {} of each session's under way",
        options.messages,
        options.sessions,
        if options.plaintext { "plain TCP" } else { "TLS" },
        options.window
    );
    println!(
        "{:<10} {:>8} {:>6} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>10} {:>10}",
        "server",
        "arrived",
        "lost",
        "wall s",
        "msg/s",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "max ms",
        "CPU us/msg",
        "ms/login"
    );
    each_target(options, async |target| {
        let outcome = run::run(options, target).await?;
        report(&target.name, options, &outcome);
        Ok(outcome.failures.is_empty())
    })
}

/// Attacks, one after the other. False if the server was overwhelmed.
fn overloads(options: &overload::Overload) -> Result<bool, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|e| format!("cannot start: {e}"))?.block_on(overload::run(options))
}

/// As [`messages`].
fn presences(options: &Options) -> Result<bool, String> {
    println!(
        "{} sessions over {}, {} changes of presence",
        options.sessions,
        if options.plaintext { "plain TCP" } else { "TLS" },
        options.messages
    );
    println!(
        "{:<10} {:>14} {:>14} {:>12} {:>14} {:>14}",
        "server", "presences seen", "CPU ms/login", "KiB/session", "CPU us/change", "us/delivery"
    );
    each_target(options, async |target| {
        let outcome = presence::run(options, target).await?;
        let each = |cpu: Duration, count: usize| cpu.as_secs_f64() * 1e6 / count.max(1) as f64;
        println!(
            "{:<10} {:>14} {:>14.2} {:>12.1} {:>14.1} {:>14.2}",
            target.name,
            outcome.seen,
            each(outcome.login_cpu, outcome.sessions) / 1e3,
            outcome.memory as f64 / 1024.0 / outcome.sessions.max(1) as f64,
            each(outcome.change_cpu, outcome.changes),
            each(outcome.change_cpu, outcome.deliveries),
        );
        Ok(true)
    })
}

fn each_target(
    options: &Options,
    mut run: impl AsyncFnMut(&Target) -> Result<bool, String>,
) -> Result<bool, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("cannot start: {e}"))?;
    let mut all_well = true;
    for target in &options.targets {
        all_well &= runtime.block_on(run(target)).unwrap_or_else(|error| {
            eprintln!("load: {}: {error}", target.name);
            false
        });
    }
    Ok(all_well)
}

fn report(name: &str, options: &Options, outcome: &Outcome) {
    let latency = |q: f64| quantile(&outcome.latencies, q).as_secs_f64() * 1e3;
    println!(
        "{name:<10} {:>8} {:>6} {:>8.2} {:>8.0} {:>8.2} {:>8.2} {:>8.2} {:>8.2} {:>10.1} {:>10.2}",
        outcome.arrived,
        options.messages - outcome.arrived,
        outcome.wall.as_secs_f64(),
        outcome.arrived as f64 / outcome.wall.as_secs_f64(),
        latency(0.5),
        latency(0.95),
        latency(0.99),
        latency(1.0),
        outcome.cpu.as_secs_f64() * 1e6 / outcome.arrived.max(1) as f64,
        outcome.login_cpu.as_secs_f64() * 1e3 / outcome.sessions.max(1) as f64,
    );
    for failure in &outcome.failures {
        eprintln!("load: {name}: {failure}");
    }
}

/// The smallest value that this share of all values does not exceed.
fn quantile(sorted: &[Duration], share: f64) -> Duration {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occurred() {
        let values: Vec<Duration> = (1..=10).map(Duration::from_millis).collect();
        assert_eq!(quantile(&values, 0.5), Duration::from_millis(5));
        assert_eq!(quantile(&values, 0.99), Duration::from_millis(10));
        assert_eq!(quantile(&values, 1.0), Duration::from_millis(10));
        assert_eq!(quantile(&[], 0.5), Duration::ZERO);
    }
}
