//! Makes a failing scenario smaller while it fails in the same way.

use super::scenario::Scenario;
use super::{Rule, run};
use crate::Conditions;

/// The smallest scenario found within `budget` runs that violates the same rule.
pub fn minimise(scenario: &Scenario, rule: Rule, budget: usize) -> Scenario {
    let mut smaller = Smaller { best: scenario.clone(), rule, budget };
    smaller.steps();
    smaller.conditions();
    smaller.steps();
    smaller.best
}

struct Smaller {
    best: Scenario,
    rule: Rule,
    budget: usize,
}

impl Smaller {
    /// Takes a smaller scenario if it still fails.
    fn keep(&mut self, candidate: Scenario) -> bool {
        if self.budget == 0 {
            return false;
        }
        self.budget -= 1;
        let fails = run(&candidate).violations.first().is_some_and(|found| found.rule == self.rule);
        if fails {
            self.best = candidate;
        }
        fails
    }

    /// Leaves out what happens: halves, quarters, and so on down to one thing after the other.
    fn steps(&mut self) {
        let mut size = self.best.steps.len().div_ceil(2);
        while size > 0 {
            let mut from = 0;
            while from < self.best.steps.len() {
                let mut candidate = self.best.clone();
                let to = (from + size).min(candidate.steps.len());
                candidate.steps.drain(from..to);
                if !self.keep(candidate) {
                    from += size;
                }
            }
            size = if size == 1 { 0 } else { size / 2 };
        }
    }

    /// Makes the network perfect where it can be, and leaves out friendships.
    fn conditions(&mut self) {
        for device in 0..self.best.devices.len() {
            let mut candidate = self.best.clone();
            candidate.devices[device].conditions = Conditions::default();
            self.keep(candidate);
        }
        for friend in (0..self.best.friends.len()).rev() {
            let mut candidate = self.best.clone();
            candidate.friends.remove(friend);
            self.keep(candidate);
        }
    }
}
