//! `load`: a load generator for XMPP servers. See `load --help`.

#![allow(unreachable_pub, reason = "a binary has no public interface")]

mod cli;
mod cpu;
mod pair;
mod run;
mod session;

use std::process::ExitCode;
use std::time::Duration;

use cli::Options;
use run::Outcome;

fn main() -> ExitCode {
    let options = match cli::parse(std::env::args_os().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{}", cli::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("load: {error}");
            return ExitCode::FAILURE;
        }
    };
    match everything(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs all targets and prints a row for each. False if anything went wrong with any of them.
fn everything(options: &Options) -> Result<bool, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("cannot start: {e}"))?;
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
    let mut all_well = true;
    for target in &options.targets {
        match runtime.block_on(run::run(options, target)) {
            Ok(outcome) => {
                all_well &= outcome.failures.is_empty();
                report(&target.name, options, &outcome);
            }
            Err(error) => {
                all_well = false;
                eprintln!("load: {}: {error}", target.name);
            }
        }
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
