//! Plants the bugs of `tests/mutations.toml` one at a time and counts the seeds that the simulation needs to find each.
//!
//! Works on a copy of the workspace in `target/mutants`. Each bug costs a build of the core; see tests/README.md.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use waxwing_tests::Mutation;

const USAGE: &str = "\
mutants [--seeds N] [--only WORDS] [--profile NAME]
  up to N seeds for each (default 3000); only bugs whose text has the words; built with that profile of Cargo's (default sim; dev is
  built sooner and runs slower)";
/// A bug that makes the simulation run for so long has been found as well.
const PATIENCE: Duration = Duration::from_secs(900);

fn main() -> ExitCode {
    let (mut seeds, mut only, mut profile) = (3000, String::new(), "sim".to_owned());
    let mut args = std::env::args().skip(1);
    while let Some(name) = args.next() {
        match (name.as_str(), args.next()) {
            ("--seeds", Some(value)) => seeds = value.parse().unwrap_or(seeds),
            ("--only", Some(value)) => only = value,
            ("--profile", Some(value)) => profile = value,
            _ => {
                eprintln!("{USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    match plant_all(seeds, &only, &profile) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(missed) => {
            println!("{missed} not found");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Returns how many were not found.
fn plant_all(seeds: u64, only: &str, profile: &str) -> Result<usize, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let copy = root.join("target/mutants/workspace");
    copy_workspace(&root, &copy)?;
    let mut missed = 0;
    println!("| planted bug | expected | found by | seeds |\n|---|---|---|---|");
    for mutation in Mutation::all().into_iter().filter(|mutation| mutation.what.contains(only)) {
        let file = copy.join(&mutation.file);
        let source = std::fs::read_to_string(&file)?;
        let planted = mutation.plant(&source).ok_or("a place is not unique; run the tests")?;
        std::fs::write(&file, planted)?;
        let found = try_it(&copy, seeds, profile);
        std::fs::write(&file, source)?;
        let (by, count) = match found? {
            Some((rule, count)) => (rule, count.to_string()),
            None => {
                missed += 1;
                ("nothing".to_owned(), format!("more than {seeds}"))
            }
        };
        println!("| {} | {} | {by} | {count} |", mutation.what, mutation.rule);
    }
    Ok(missed)
}

/// Builds the simulation and runs it until a rule is broken: which, and by the how manieth seed.
fn try_it(copy: &Path, seeds: u64, profile: &str) -> Result<Option<(String, u64)>, Box<dyn Error>> {
    let target = copy.with_file_name("target");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--quiet", "--locked", "--all-features", "-p", "waxwing-tests", "--bin", "sim"]);
    let built =
        cargo.args(["--profile", profile]).current_dir(copy).env("CARGO_TARGET_DIR", &target).output()?;
    if !built.status.success() {
        return Err(String::from_utf8_lossy(&built.stderr).into_owned().into());
    }
    let output = copy.with_file_name("output");
    let folder = if profile == "dev" { "debug" } else { profile };
    let mut sim = Command::new(target.join(folder).join("sim"))
        .args(["--seeds", &format!("0..{seeds}"), "--runs", "0"])
        .stdout(std::fs::File::create(&output)?)
        .stderr(Stdio::null())
        .spawn()?;
    let start = Instant::now();
    while sim.try_wait()?.is_none() {
        if start.elapsed() > PATIENCE {
            sim.kill()?;
            sim.wait()?;
            return Ok(Some(("does not end".to_owned(), 0)));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(read(&std::fs::read_to_string(output)?))
}

/// The first line begins with the number of seeds, and a violation is told as `seed N violates RULE: …`.
fn read(output: &str) -> Option<(String, u64)> {
    let violation = output.lines().find_map(|line| line.split_once(" violates "))?;
    let rule = violation.1.split(':').next()?.to_owned();
    let seed: u64 = violation.0.strip_prefix("seed ")?.parse().ok()?;
    Some((rule, seed + 1))
}

/// Everything that is needed to build, without what has been built. What has not changed keeps its time.
fn copy_workspace(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    const LEFT_OUT: [&str; 4] = ["target", ".git", "fuzz", ".ci"];
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        let (source, goal): (PathBuf, PathBuf) = (entry.path(), to.join(&name));
        if LEFT_OUT.iter().any(|left_out| name == *left_out) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy_workspace(&source, &goal)?;
        } else {
            let bytes = std::fs::read(&source)?;
            if std::fs::read(&goal).ok().as_ref() != Some(&bytes) {
                std::fs::write(&goal, bytes)?;
            }
        }
    }
    Ok(())
}
