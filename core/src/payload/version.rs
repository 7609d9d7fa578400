//! Software version (XEP-0092).

use super::{Malformed, expect};
use crate::ns;
use crate::xml::{Element, ElementBuilder, ElementRef};

/// What software an entity runs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Version {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it runs on, if it says so.
    pub os: Option<String>,
}

impl Version {
    /// Software that does not say what it runs on.
    pub fn new(name: &str, version: &str) -> Version {
        Version { name: name.to_owned(), version: version.to_owned(), os: None }
    }

    /// Reads the payload of an answer. Name and version must be there; they may be empty.
    pub fn parse(query: ElementRef<'_>) -> Result<Version, Malformed> {
        expect(query, "query", ns::VERSION)?;
        let text = |name: &str| query.child(name, ns::VERSION).map(|child| child.text().into_owned());
        let name = text("name").ok_or(Malformed::new("a version without a name"))?;
        let version = text("version").ok_or(Malformed::new("a version without a version"))?;
        Ok(Version { name, version, os: text("os") })
    }

    /// That payload.
    pub fn to_builder(&self) -> ElementBuilder {
        let text = |name: &str, text: &str| Element::builder(name, ns::VERSION).text(text);
        let query = get().child(text("name", &self.name)).child(text("version", &self.version));
        match &self.os {
            Some(os) => query.child(text("os", os)),
            None => query,
        }
    }
}

/// The payload of the request.
pub fn get() -> ElementBuilder {
    Element::builder("query", ns::VERSION)
}
