//! The conformance ledger: what RFC 6120, RFC 6121, RFC 2779, XEP-0198 and XEP-0352 ask for, and the tests that show it.
//!
//! `conformance/*.toml` has a row for each feature of RFC 6120 section 15 and RFC 6121 section 12, for each requirement of
//! RFC 2779, and for each rule of XEP-0198 and XEP-0352; a row has a part for each role that it asks something of (`client`, `server`, `protocol`, `service`):
//!
//! - `level`: what the RFC says, `MUST`, `SHOULD`, `MAY`, or `must` where it writes none of them;
//! - `tests`: those that show it, as crate, modules and function (`core::server::hub::tests::routing::…`; the modules are
//!   those of the file), or as an interop script (`interop:10-slixmpp`); a `*` at the end stands for all that begin so;
//! - `missing`: what is not there yet, or not shown. A part without tests must say so;
//! - `moot`: why there is nothing that a test could show. It stands alone;
//! - `note`: what a reader should know.
//!
//! `conformance/README.md` is made from it:
//!
//! ```sh
//! CONFORMANCE=write cargo test -p waxwing-tests --test conformance
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// File, number of rows, title.
const LEDGERS: [(&str, usize, &str); 5] = [
    ("rfc6120.toml", 63, "RFC 6120 section 15: XMPP Core"),
    ("rfc6121.toml", 17, "RFC 6121 section 12: instant messaging and presence"),
    ("rfc2779.toml", 93, "RFC 2779: requirements of instant messaging and presence"),
    ("xep0198.toml", 19, "XEP-0198: stream management"),
    ("xep0352.toml", 10, "XEP-0352: client state indication"),
];
const ROLES: [&str; 4] = ["client", "server", "protocol", "service"];
const LEVELS: [&str; 4] = ["MUST", "SHOULD", "MAY", "must"];

#[test]
fn every_row_is_complete_and_every_test_it_names_exists() {
    let known = known_tests();
    let mut wrong = Vec::new();
    for (file, rows, _) in LEDGERS {
        let ledger = Ledger::read(&read(&folder().join(file)));
        if ledger.rows.len() != rows {
            wrong.push(format!("{file}: {} rows, there are {rows} features", ledger.rows.len()));
        }
        wrong.extend(ledger.problems(&known).into_iter().map(|problem| format!("{file}: {problem}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_is_what_the_ledger_says() {
    let path = folder().join("README.md");
    let table = table();
    if std::env::var_os("CONFORMANCE").is_some_and(|value| value == "write") {
        fs::write(&path, table).expect("README.md can be written");
        return;
    }
    let differs = read(&path).lines().zip(table.lines()).position(|(old, new)| old != new);
    assert!(
        read(&path) == table,
        "tests/conformance/README.md is out of date (line {:?}): CONFORMANCE=write cargo test -p waxwing-tests --test conformance",
        differs.map(|line| line + 1)
    );
}

#[test]
fn what_is_wrong_with_a_ledger_is_found() {
    let known = BTreeMap::from([("core::a::b".to_owned(), "core/src/a.rs".to_owned())]);
    let problems = |part: &str| {
        let rows = format!("[[row]]\nid = 'x'\nsection = '1.2'\nname = 'X'\n{part}");
        Ledger::read(&rows).problems(&known)
    };
    let fine = "[row.server]\nlevel = 'MUST'\ntests = ['core::a::b']\n";
    assert_eq!(problems(fine), [""; 0]);
    assert_eq!(problems("[row.server]\nlevel = 'MAY'\nmissing = 'Later.'"), [""; 0]);
    assert_eq!(problems(&fine.replace("core::a::b", "core::a::*")), [""; 0]);
    for (part, problem) in [
        ("", "x: asks nothing of anybody"),
        ("[row.server]\nlevel = 'MUST'", "x: server: no tests, and no reason why"),
        ("[row.server]\nlevel = 'MUST'\ntests = []\nnote = 'n'", "x: server: no tests, and no reason why"),
        ("[row.server]\nlevel = 'MUST'\ntests = ['core::a::c']", "x: server: there is no test core::a::c"),
        (
            "[row.server]\nlevel = 'MUST'\ntests = ['interop:99-x']",
            "x: server: there is no test interop:99-x",
        ),
        ("[row.server]\nlevel = 'MUST'\ntests = ['core::b*']", "x: server: there is no test core::b*"),
        (
            "[row.server]\nlevel = 'MUST'\ntests = ['core::a::b', 'core::a::b']",
            "x: server: core::a::b is named twice",
        ),
        ("[row.server]\nlevel = 'mUST'\nmissing = 'm'", "x: server: level mUST"),
        ("[row.server]\nlevel = 'MUST'\ntests = ['core::a::b']\nmoot = 'm'", "x: server: moot, and more"),
        ("[row.server]\nlevel = 'MUST'\nmissing = ' '", "x: server: missing is empty"),
        ("[row.server]\nlevel = 'MUST'\ntest = ['core::a::b']\nmissing = 'm'", "x: server: unknown key test"),
        ("[row.nobody]\nlevel = 'MUST'\nmissing = 'm'", "x: unknown role nobody"),
        (&format!("{fine}[[row]]\nid = 'x'\nsection = '2'\nname = 'Y'\n{fine}"), "x: twice"),
        (&format!("{fine}[[row]]\nid = 'y'\nsection = 'two'\nname = 'Y'\n{fine}"), "y: section two"),
        (&format!("{fine}[[row]]\nid = 'z'\nsection = '2'\nname = ''\n{fine}"), "z: no name"),
    ] {
        assert_eq!(problems(part), [problem], "{part}");
    }
}

#[test]
fn tests_are_found_where_they_are() {
    let source = "#[test]\nfn one() {}\n    #[tokio::test(flavor = \"current_thread\")]\n    #[should_panic]\n    async fn two() {}\n\
                  // #[test]\nfn three() {}\n#[test]\n#[ignore = \"slow\"]\nfn four() {}\nfn five() {}\n\
                  #[test]\n/// With a word about it.\npub(crate) fn six() {}\n#[cfg(test)]\nmod tests {}\n";
    assert_eq!(tests_in(source), ["one", "two", "six"]);
    let rows = "#[test]\nfn $name() {}\nrows! {\n    seven: A;\n    eight_2: B, c;\n}\nlet x: u8 = 1;\n#[test]\nfn nine() {}";
    assert_eq!(tests_in(rows), ["seven", "eight_2", "nine"]);
    for (path, modules) in [
        ("core/src/lib.rs", "core"),
        ("core/src/server/hub/tests/routing.rs", "core::server::hub::tests::routing"),
        ("core/src/jid/mod.rs", "core::jid"),
        ("adapters/sqlite/tests/store.rs", "sqlite::store"),
        ("examples/waxwingd/src/main.rs", "waxwingd"),
        ("tests/tests/hostile.rs", "tests::hostile"),
    ] {
        assert_eq!(modules_of(path), modules);
    }
    let known = known_tests();
    assert!(known.len() > 500, "{}", known.len());
    let own = "tests::conformance::tests_are_found_where_they_are";
    assert_eq!(known.get(own).map(String::as_str), Some("tests/tests/conformance.rs"));
    assert!(known.contains_key("interop:10-slixmpp"));
}

struct Ledger {
    rows: Vec<Row>,
}

struct Row {
    id: String,
    section: String,
    name: String,
    parts: Vec<Part>,
}

/// What a row asks of one role.
struct Part {
    role: String,
    level: String,
    tests: Vec<String>,
    /// `missing`, `moot` and `note`.
    words: BTreeMap<String, String>,
    unknown: Vec<String>,
}

impl Ledger {
    fn read(text: &str) -> Ledger {
        let table: Table = text.parse().unwrap_or_else(|error| panic!("{error}"));
        let rows = table.get("row").and_then(Value::as_array).into_iter().flatten();
        Ledger { rows: rows.filter_map(Value::as_table).map(Row::read).collect() }
    }

    fn parts(&self) -> impl Iterator<Item = (&Row, &Part)> {
        self.rows.iter().flat_map(|row| row.parts.iter().map(move |part| (row, part)))
    }

    fn problems(&self, known: &BTreeMap<String, String>) -> Vec<String> {
        let mut problems = Vec::new();
        let mut ids = BTreeSet::new();
        for row in &self.rows {
            let mut wrong = |what: String| problems.push(format!("{}: {what}", row.id));
            if !ids.insert(&row.id) {
                wrong("twice".into());
            }
            if row.section.split('.').any(|number| number.parse::<u8>().is_err()) {
                wrong(format!("section {}", row.section));
            }
            if row.name.trim().is_empty() {
                wrong("no name".into());
            }
            if row.parts.is_empty() {
                wrong("asks nothing of anybody".into());
            }
            for part in &row.parts {
                if ROLES.contains(&part.role.as_str()) {
                    let found = part.problems(known).into_iter();
                    found.for_each(|problem| wrong(format!("{}: {problem}", part.role)));
                } else {
                    wrong(format!("unknown role {}", part.role));
                }
            }
        }
        problems
    }
}

impl Row {
    fn read(table: &Table) -> Row {
        let parts = table.iter().filter_map(|(role, value)| Some(Part::read(role, value.as_table()?)));
        Row {
            id: text(table, "id"),
            section: text(table, "section"),
            name: text(table, "name"),
            parts: parts.collect(),
        }
    }
}

impl Part {
    fn read(role: &str, table: &Table) -> Part {
        let tests = table.get("tests").and_then(Value::as_array).into_iter().flatten();
        let mut part = Part {
            role: role.to_owned(),
            level: text(table, "level"),
            tests: tests.filter_map(Value::as_str).map(str::to_owned).collect(),
            words: BTreeMap::new(),
            unknown: Vec::new(),
        };
        for key in table.keys() {
            match key.as_str() {
                "level" | "tests" => {}
                "missing" | "moot" | "note" => drop(part.words.insert(key.clone(), text(table, key))),
                other => part.unknown.push(other.to_owned()),
            }
        }
        part
    }

    fn problems(&self, known: &BTreeMap<String, String>) -> Vec<String> {
        let mut problems = Vec::new();
        if !LEVELS.contains(&self.level.as_str()) {
            problems.push(format!("level {}", self.level));
        }
        problems.extend(self.unknown.iter().map(|key| format!("unknown key {key}")));
        let empty = self.words.iter().filter(|(_, words)| words.trim().is_empty());
        problems.extend(empty.map(|(key, _)| format!("{key} is empty")));
        if self.words.contains_key("moot") && (!self.tests.is_empty() || self.words.len() > 1) {
            problems.push("moot, and more".into());
        }
        let excused = self.words.contains_key("missing") || self.words.contains_key("moot");
        if self.tests.is_empty() && !excused {
            problems.push("no tests, and no reason why".into());
        }
        let mut seen = BTreeSet::new();
        for test in &self.tests {
            if matching(test, known).next().is_none() {
                problems.push(format!("there is no test {test}"));
            } else if !seen.insert(test) {
                problems.push(format!("{test} is named twice"));
            }
        }
        problems
    }

    fn state(&self) -> &'static str {
        match (self.tests.is_empty(), self.words.contains_key("missing")) {
            (false, false) => "tested",
            (false, true) => "partly",
            (true, true) => "not yet",
            (true, false) => "nothing to test",
        }
    }
}

fn text(table: &Table, key: &str) -> String {
    table.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The whole of README.md.
fn table() -> String {
    let known = known_tests();
    let mut out = String::from(
        "# Conformance\n\n\
         What the specifications ask for, and the tests that show it. Made from the `.toml` files beside it, which\n\
         `tests/tests/conformance.rs` explains and checks: a test that is named exists, and what has none says why.\n\n    \
         CONFORMANCE=write cargo test -p waxwing-tests --test conformance    # makes this page anew\n\n\
         A row is counted once for each role that it asks something of.\n\n\
         | | tested | partly | not yet | nothing to test |\n|---|---|---|---|---|\n",
    );
    let ledgers = LEDGERS.map(|(file, _, title)| (title, Ledger::read(&read(&folder().join(file)))));
    for (title, ledger) in &ledgers {
        let counts = ["tested", "partly", "not yet", "nothing to test"]
            .map(|state| ledger.parts().filter(|(_, part)| part.state() == state).count().to_string());
        let _ = writeln!(out, "| {title} | {} |", counts.join(" | "));
    }
    for (title, ledger) in &ledgers {
        let _ = write!(
            out,
            "\n## {title}\n\n| id | section | what | who | state | shown by |\n|---|---|---|---|---|---|\n"
        );
        for (row, part) in ledger.parts() {
            let Row { id, section, name, .. } = row;
            let shown = shown_by(part, &known);
            let _ = writeln!(
                out,
                "| {id} | {section} | {name} | {} {} | {} | {shown} |",
                part.role,
                part.level,
                part.state()
            );
        }
    }
    out
}

fn shown_by(part: &Part, known: &BTreeMap<String, String>) -> String {
    let link = |test: &String| {
        let file = matching(test, known).next().unwrap_or_default();
        let name = test.rsplit("::").next().unwrap_or(test).replace('*', "…");
        let several = match matching(test, known).count() {
            0 | 1 => String::new(),
            count => format!(" ({count} tests)"),
        };
        format!("[{name}](../../{file}){several}")
    };
    let tests: Vec<_> = part.tests.iter().map(link).collect();
    let words = ["missing", "moot", "note"].into_iter().filter_map(|key| part.words.get(key).cloned());
    let tests = Some(tests.join(", ")).filter(|tests| !tests.is_empty());
    tests.into_iter().chain(words).collect::<Vec<_>>().join(". ").replace("|", "\\|")
}

/// The files of the tests that a name in the ledger stands for.
fn matching<'a>(test: &'a str, known: &'a BTreeMap<String, String>) -> impl Iterator<Item = &'a str> {
    let (beginning, exact) = test.strip_suffix('*').map_or((test, true), |beginning| (beginning, false));
    let from = known.range(beginning.to_owned()..);
    from.take_while(move |(name, _)| if exact { *name == test } else { name.starts_with(beginning) })
        .map(|(_, file)| file.as_str())
}

/// All tests of the workspace and the interop scripts, and the files that hold them.
fn known_tests() -> BTreeMap<String, String> {
    let mut known = BTreeMap::new();
    for top in ["core", "adapters", "examples", "tests"] {
        for file in files_under(&root().join(top)) {
            let relative =
                file.strip_prefix(root()).expect("under the root").to_string_lossy().replace('\\', "/");
            if let Some(script) =
                relative.strip_prefix("tests/interop/").and_then(|name| name.strip_suffix(".sh"))
            {
                known.insert(format!("interop:{script}"), relative);
            } else if relative.ends_with(".rs") {
                for name in tests_in(&read(&file)) {
                    known.insert(format!("{}::{name}", modules_of(&relative)), relative.clone());
                }
            }
        }
    }
    known
}

/// Crate and modules of a file: the folder of the crate, then those of the file.
fn modules_of(path: &str) -> String {
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let mut modules: Vec<_> = path.split('/').collect();
    if matches!(modules[0], "adapters" | "examples") {
        modules.remove(0);
    }
    if modules.len() > 1 && matches!(modules[1], "src" | "tests") {
        modules.remove(1);
    }
    if modules.last().is_some_and(|last| matches!(*last, "lib" | "main" | "mod")) {
        modules.pop();
    }
    modules.join("::")
}

/// The names of the tests in a source text, without those that are ignored. Where a macro makes tests of the rows of a table,
/// those are `name: row;`.
fn tests_in(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    if source.contains("fn $name()") {
        let rows = source.lines().filter_map(|line| line.trim().strip_suffix(';')?.split_once(": "));
        let is_name = |name: &str| name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        names.extend(rows.filter(|(name, _)| is_name(name)).map(|(name, _)| name.to_owned()));
    }
    let mut lines = source.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if !line.starts_with("#[test]") && !line.starts_with("#[tokio::test") {
            continue;
        }
        let is_about = |line: &&str| line.starts_with("#[") || line.starts_with("//");
        let about: Vec<_> = lines.clone().take_while(is_about).collect();
        let Some(function) = lines.nth(about.len()).and_then(|line| line.split_once("fn ")) else { continue };
        if function.1.starts_with('$') {
            continue;
        }
        if !about.iter().any(|attribute| attribute.starts_with("#[ignore")) {
            names.push(function.1.split(['(', '<']).next().unwrap_or_default().to_owned());
        }
    }
    names
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("an entry").path();
        if !path.is_dir() {
            files.push(path);
        } else if path.file_name().is_none_or(|name| name != "target") {
            files.extend(files_under(&path));
        }
    }
    files
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the workspace")
}

fn folder() -> PathBuf {
    root().join("tests/conformance")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
