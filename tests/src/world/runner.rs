//! Many seeds, on as many threads as there are cores.

use super::{Scenario, Violation, run};
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

/// What came of many worlds.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// How many worlds there were.
    pub seeds: u64,
    /// Stanzas in all of them.
    pub stanzas: u64,
    /// Resumptions in all of them.
    pub resumptions: u64,
    /// Messages in all of them.
    pub messages: u64,
    /// Seconds that passed in them.
    pub simulated: f64,
    /// Seeds with violations, in order.
    pub failures: Vec<Failure>,
}

/// A seed that broke a rule.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Which.
    pub seed: u64,
    /// What was seen first.
    pub violation: Violation,
}

/// Runs the worlds of `seeds` on `threads` threads. Ends early once `most` have failed. `progress` is told after each seed how
/// many are done.
pub fn run_seeds(seeds: Range<u64>, threads: usize, most: usize, progress: impl Fn(u64) + Sync) -> Totals {
    let (next, is_enough) = (AtomicU64::new(seeds.start), AtomicBool::new(false));
    let totals = Mutex::new(Totals::default());
    let work = || {
        while !is_enough.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let outcome = run(&Scenario::new(seed));
            let Ok(mut totals) = totals.lock() else { return };
            totals.seeds += 1;
            totals.stanzas += outcome.stanzas;
            totals.resumptions += outcome.resumptions;
            totals.messages += outcome.messages as u64;
            totals.simulated += outcome.time.as_secs_f64();
            let failure = outcome.violations.into_iter().next();
            totals.failures.extend(failure.map(|violation| Failure { seed, violation }));
            if totals.failures.len() >= most {
                is_enough.store(true, Ordering::Relaxed);
            }
            progress(totals.seeds);
        }
    };
    thread::scope(|scope| (0..threads.max(1)).for_each(|_| drop(scope.spawn(work))));
    let mut totals = totals.into_inner().unwrap_or_default();
    totals.failures.sort_by_key(|failure| failure.seed);
    totals
}
