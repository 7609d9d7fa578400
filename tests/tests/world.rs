//! Simulated worlds: some dozens of seeds, and what the simulation promises of itself.

use waxwing_tests::world::{Action, Rule, Scenario, Step, draw, minimise, run, run_seeds};

/// How many run with the ordinary tests; `sim` runs as many as one likes.
const SEEDS: u64 = 40;

#[test]
fn some_dozens_of_seeds_keep_all_rules() {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let totals = run_seeds(0..SEEDS, threads, usize::MAX, |_| ());
    assert_eq!(totals.seeds, SEEDS);
    assert!(totals.messages > 20 * SEEDS && totals.stanzas > 200 * SEEDS, "{totals:?}");
    assert!(totals.failures.is_empty(), "{:#?}", totals.failures);
}

#[test]
fn the_same_seed_gives_the_same_trace_byte_for_byte() {
    for seed in [3, 4] {
        let scenario = Scenario::new(seed);
        let (first, page) = draw(&scenario);
        let (second, again) = draw(&scenario);
        assert_eq!(first, second);
        assert!(page == again, "the pages of seed {seed} differ");
        assert!(page.contains("<svg") && page.contains("&lt;message"), "it shows what was sent");
        assert!(!page.contains("href=") && !page.contains("src="), "it needs nothing else");
    }
}

#[test]
fn drawing_a_world_does_not_change_it() {
    let scenario = Scenario::new(5);
    assert_eq!(run(&scenario), draw(&scenario).0);
}

#[test]
fn what_is_left_out_of_a_scenario_is_not_missed() {
    let scenario = Scenario::new(6);
    // What cannot be: this rule is broken by no scenario.
    assert_eq!(minimise(&scenario, Rule::Panic, 3).steps.len(), scenario.steps.len());
    let nothing = Scenario { steps: Vec::new(), ..scenario };
    assert_eq!(run(&nothing).violations, []);
    assert_eq!(run(&nothing).messages, 0);
}

#[test]
fn every_kind_of_trouble_comes_up() {
    let mut kinds = std::collections::BTreeSet::new();
    for seed in 0..300 {
        for Step { action, .. } in Scenario::new(seed).steps.iter().filter(|step| step.action.is_fault()) {
            kinds.insert(format!("{action:?}").split(' ').next().unwrap_or_default().to_owned());
        }
        if let Some(Step { action: Action::Crash { silent, .. }, .. }) =
            Scenario::new(seed).steps.iter().find(|step| matches!(step.action, Action::Crash { .. }))
        {
            kinds.insert(format!("silent crash: {silent}"));
        }
    }
    assert_eq!(kinds.len(), 14, "{kinds:?}");
}
