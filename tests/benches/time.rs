//! Time, or instructions, a task.
//!
//! `cargo bench -p waxwing-tests --bench time [-- [--instructions] [FILTER]]`. See README.md.

mod cases;

use cases::{Contender, Group, Meter, Work};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long contenders take turns, for each of them.
const TIME: Duration = Duration::from_secs(2);
/// What one turn should take at least, so that the clock's own cost and grain do not matter.
const TURN: Duration = Duration::from_micros(200);
const MIN_TURNS: usize = 25;
/// Repetitions when instructions are counted: they are the same each time, but for growing buffers.
const COUNTED: u32 = 20;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let filter = args.iter().find(|arg| !arg.starts_with("--")).map(String::as_str);
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    if has("--counted") {
        return run_counted(filter.expect("which one"));
    }
    for mut group in cases::all() {
        let (contenders, group) = (std::mem::take(&mut group.contenders), group);
        let wanted = contenders.into_iter().filter(|contender| contender.is_wanted(&group, filter)).collect();
        if has("--instructions") { count(&group, wanted) } else { time(&group, wanted) }
    }
}

/// One contender and what has been measured of it.
struct Timed {
    name: String,
    work: Work,
    times: u32,
    /// Nanoseconds a task, in each turn.
    turns: Vec<f64>,
}

impl Timed {
    fn new(contender: Contender) -> Timed {
        let work = (contender.prepare)();
        let mut timed = Timed { name: contender.name, work, times: 1, turns: Vec::new() };
        while timed.turn() < TURN && timed.times < 1 << 20 {
            timed.times *= 2;
        }
        timed.turns.clear();
        timed
    }

    fn turn(&mut self) -> Duration {
        let mut sum = Duration::ZERO;
        let mut stopwatch = |task: &mut dyn FnMut()| {
            let begin = Instant::now();
            task();
            sum += begin.elapsed();
        };
        (self.work)(&mut Meter(&mut stopwatch), self.times);
        self.turns.push(sum.as_nanos() as f64 / f64::from(self.times));
        sum
    }
}

fn time(group: &Group, contenders: Vec<Contender>) {
    let mut all: Vec<Timed> = contenders.into_iter().map(Timed::new).collect();
    let Some(first) = all.first() else { return };
    println!(
        "\n{:<48} {:>12} {:>12} {:>24}",
        group.name,
        "median",
        "fastest",
        format!("times {:?}", first.name)
    );
    let (begin, time) = (Instant::now(), TIME * all.len() as u32);
    while begin.elapsed() < time || all[0].turns.len() < MIN_TURNS {
        for timed in &mut all {
            timed.turn();
        }
    }
    for timed in &all {
        let fastest = timed.turns.iter().copied().fold(f64::INFINITY, f64::min);
        // Turn by turn, so that what else the machine does meets both.
        let ratios = timed.turns.iter().zip(&all[0].turns).map(|(other, first)| other / first).collect();
        println!(
            "  {:<46} {:>12} {:>12} {:>24.2}",
            timed.name,
            nanoseconds(median(timed.turns.clone())),
            nanoseconds(fastest),
            median(ratios)
        );
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn nanoseconds(value: f64) -> String {
    if value < 10_000.0 { format!("{value:.0} ns") } else { format!("{:.1} µs", value / 1000.0) }
}

/// Runs this program under valgrind for each contender. What takes long to set up is left out: valgrind is slow.
fn count(group: &Group, contenders: Vec<Contender>) {
    let program = std::env::current_exe().expect("this program has a path");
    let mut first = None;
    for contender in contenders.iter().filter(|contender| !contender.is_large) {
        let output = Command::new("valgrind")
            .args([
                "--tool=callgrind",
                "--callgrind-out-file=/dev/null",
                "--toggle-collect=*region_of_interest*",
            ])
            .arg(&program)
            .args(["--counted", &format!("{}/{}", group.name, contender.name)])
            .output()
            .expect("valgrind is installed");
        let report = String::from_utf8_lossy(&output.stderr);
        let collected =
            report.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
        let Some(collected): Option<f64> = collected else { panic!("{report}") };
        let each = collected / f64::from(COUNTED);
        if first.is_none() {
            println!(
                "\n{:<48} {:>12} {:>24}",
                group.name,
                "instructions",
                format!("times {:?}", contender.name)
            );
        }
        println!("  {:<46} {each:>12.0} {:>24.2}", contender.name, each / *first.get_or_insert(each));
    }
}

fn run_counted(wanted: &str) {
    for mut group in cases::all() {
        for contender in std::mem::take(&mut group.contenders) {
            if format!("{}/{}", group.name, contender.name) == wanted {
                let mut work = (contender.prepare)();
                work(&mut Meter(&mut |task| task()), COUNTED);
                work(&mut Meter(&mut region_of_interest), COUNTED);
            }
        }
    }
}

/// Valgrind knows by the name what to count.
#[inline(never)]
fn region_of_interest(task: &mut dyn FnMut()) {
    task();
    std::hint::black_box(());
}
