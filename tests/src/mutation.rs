//! Planted bugs: what `mutations.toml` lists.

use toml::{Table, Value};

/// A bug to be planted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mutation {
    /// What is wrong then.
    pub what: String,
    /// The file, from the root of the workspace.
    pub file: String,
    /// What stands there once.
    pub find: String,
    /// What stands there instead.
    pub replace: String,
    /// The rule that is broken first, most often.
    pub rule: String,
}

impl Mutation {
    /// All of them.
    ///
    /// # Panics
    ///
    /// If the list is not as it should be.
    pub fn all() -> Vec<Mutation> {
        let table: Table = include_str!("../mutations.toml").parse().expect("TOML");
        let list = table.get("mutation").and_then(Value::as_array).expect("a list of mutations");
        list.iter().map(Mutation::read).collect()
    }

    fn read(entry: &Value) -> Mutation {
        let text = |name: &str| {
            let value = entry.get(name).and_then(Value::as_str);
            value.unwrap_or_else(|| panic!("{name} is missing: {entry:?}")).to_owned()
        };
        Mutation {
            what: text("what"),
            file: text("file"),
            find: text("find"),
            replace: text("replace"),
            rule: text("rule"),
        }
    }

    /// The file with the bug in it; `None` unless the place stands there exactly once.
    pub fn plant(&self, source: &str) -> Option<String> {
        let mut places = source.match_indices(&self.find);
        match (places.next(), places.next()) {
            (Some(_), None) => Some(source.replacen(&self.find, &self.replace, 1)),
            _ => None,
        }
    }
}
