//! Adapters stay small: ARCHITECTURE.md says how small, and this counts.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What a file without a row may have.
const OTHERS: usize = 150;

/// Lines of code: no blank ones, no comments, no tests.
fn lines(file: &Path) -> usize {
    let text = fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    let code = text.lines().map(str::trim).take_while(|line| *line != "#[cfg(test)]");
    code.filter(|line| !line.is_empty() && !line.starts_with("//")).count()
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            sources(&entry.path(), found);
        } else if entry.path().extension().is_some_and(|extension| extension == "rs") {
            found.push(entry.path());
        }
    }
}

/// The texts in backquotes.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn adapters_have_no_more_lines_than_the_architecture_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut unlisted = BTreeMap::new();
    for adapter in ["async-std", "futures", "smol", "std", "tokio"] {
        let mut found = Vec::new();
        sources(&root.join("adapters").join(adapter).join("src"), &mut found);
        unlisted.extend(found.into_iter().map(|file| (file.clone(), lines(&file))));
    }
    let mut faults = Vec::new();
    let architecture = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let mut rows = 0;
    for row in architecture.lines() {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [adapter, what, files, most] = cells[..] else { continue };
        let (Some(adapter), Ok(most)) = (quoted(adapter).next(), most.parse::<usize>()) else { continue };
        rows += 1;
        let source = root.join("adapters").join(adapter).join("src");
        let count = |file| unlisted.remove(&source.join(file)).ok_or(file);
        match quoted(files).map(count).sum::<Result<usize, _>>() {
            Ok(count) if count <= most => {}
            Ok(count) => faults.push(format!("{adapter}, {what}: {count} lines, at most {most} are allowed")),
            Err(file) => faults.push(format!("{adapter}, {what}: there is no {file}, or it is in two rows")),
        }
    }
    assert!(rows > 5, "the table is not found");
    for (file, count) in unlisted.into_iter().filter(|(_, count)| *count > OTHERS) {
        faults.push(format!("{}: {count} lines, at most {OTHERS} are allowed without a row", file.display()));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
