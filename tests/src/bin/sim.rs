//! Runs simulated worlds and says which of them break a rule: see `waxwing_tests::world`.

use std::io::Write;
use std::ops::Range;
use std::process::ExitCode;
use std::time::Instant;
use waxwing_tests::world::{Scenario, draw, minimise, run, run_seeds};

const USAGE: &str = "\
sim --seeds A..B [--threads N] [--most N]    the worlds of these seeds; ends after N failures (default 1)
sim --seed N                                 one world, exactly as it was, with its scenario
sim --seed N --trace FILE                    the same, drawn as a page of HTML
  --runs N                                   how often a failing scenario may be run to make it smaller (default 2000)";

struct Options {
    seeds: Range<u64>,
    threads: usize,
    most: usize,
    runs: usize,
    trace: Option<String>,
}

fn main() -> ExitCode {
    let Some(options) = options() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    // Panics are violations, and told as such.
    std::panic::set_hook(Box::new(|_| ()));
    if let Some(file) = &options.trace {
        return trace(options.seeds.start, file);
    }
    let start = Instant::now();
    let totals = run_seeds(options.seeds.clone(), options.threads, options.most, |done| {
        if done.is_multiple_of(100) {
            eprint!("\r{done} seeds");
            let _ = std::io::stderr().flush();
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    eprintln!("\r");
    println!(
        "{} seeds in {seconds:.1} s on {} threads: {:.1} seeds/s, {} stanzas ({:.0} stanzas/s), {} messages, {} resumptions, {:.1} days simulated",
        totals.seeds,
        options.threads,
        totals.seeds as f64 / seconds,
        totals.stanzas,
        totals.stanzas as f64 / seconds,
        totals.messages,
        totals.resumptions,
        totals.simulated / 86_400.0,
    );
    if options.seeds.end - options.seeds.start == 1 {
        println!("{}", Scenario::new(options.seeds.start));
    }
    for failure in &totals.failures {
        println!(
            "seed {} violates {:?}: {:?} {}",
            failure.seed, failure.violation.rule, failure.violation.at, failure.violation.text
        );
    }
    let Some(failure) = totals.failures.first() else {
        println!("no rule was violated");
        return ExitCode::SUCCESS;
    };
    if options.runs > 0 {
        let smaller = minimise(&Scenario::new(failure.seed), failure.violation.rule, options.runs);
        println!("\nseed {}, made smaller:\n{smaller}", failure.seed);
        for violation in run(&smaller).violations {
            println!("{:?} at {:?}: {}", violation.rule, violation.at, violation.text);
        }
    }
    ExitCode::FAILURE
}

fn trace(seed: u64, file: &str) -> ExitCode {
    let (outcome, page) = draw(&Scenario::new(seed));
    if let Err(error) = std::fs::write(file, page) {
        eprintln!("cannot write {file}: {error}");
        return ExitCode::from(2);
    }
    for violation in &outcome.violations {
        println!("{:?} at {:?}: {}", violation.rule, violation.at, violation.text);
    }
    println!("seed {seed}: {} stanzas, drawn in {file}", outcome.stanzas);
    ExitCode::from(u8::from(!outcome.violations.is_empty()))
}

fn options() -> Option<Options> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut options = Options { seeds: 0..1000, threads, most: 1, runs: 2000, trace: None };
    let mut args = std::env::args().skip(1);
    while let Some(name) = args.next() {
        let value = args.next()?;
        match name.as_str() {
            "--seeds" => {
                let (from, to) = value.split_once("..")?;
                options.seeds = from.parse().ok()?..to.parse().ok()?;
            }
            "--seed" => {
                let seed = value.parse().ok()?;
                options.seeds = seed..seed + 1;
            }
            "--threads" => options.threads = value.parse().ok()?,
            "--most" => options.most = value.parse().ok()?,
            "--runs" => options.runs = value.parse().ok()?,
            "--trace" => options.trace = Some(value),
            _ => return None,
        }
    }
    Some(options)
}
