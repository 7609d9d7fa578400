//! Private storage (XEP-0049).

use super::{Malformed, expect};
use crate::ns;
use crate::xml::{Element, ElementBuilder, ElementRef};

/// Reads the payload of a request or an answer: the elements in it, at least one, each in a namespace of its own.
///
/// # Errors
/// bad-request where there is none (section 3); not-acceptable for elements without a namespace and for those in the
/// namespaces of stanzas and of private storage itself, which would not say what they are.
pub fn parse<'a>(query: ElementRef<'a>) -> Result<Vec<ElementRef<'a>>, Malformed> {
    expect(query, "query", ns::PRIVATE)?;
    let elements: Vec<_> = query.children().collect();
    if elements.is_empty() {
        return Err(Malformed::new("nothing to store or to fetch"));
    }
    let nameless = |element: &ElementRef<'_>| {
        element.ns().is_empty() || element.ns() == ns::PRIVATE || ns::is_content(element.ns())
    };
    match elements.iter().any(nameless) {
        true => Err(Malformed::not_acceptable("an element that is in no namespace of its own")),
        false => Ok(elements),
    }
}

/// As [`parse`], for a request that fetches: exactly one element, whose names say what is wanted.
pub fn parse_get(query: ElementRef<'_>) -> Result<ElementRef<'_>, Malformed> {
    match parse(query)?.as_slice() {
        [wanted] => Ok(*wanted),
        _ => Err(Malformed::new("one thing can be fetched at a time")),
    }
}

/// The payload of a request that fetches the element with these names.
pub fn get(name: &str, ns: &str) -> ElementBuilder {
    wrap(&[Element::builder(name, ns).build()])
}

/// The payload of a request that stores these elements, and of an answer that brings them.
pub fn wrap(elements: &[Element]) -> ElementBuilder {
    let query = Element::builder("query", ns::PRIVATE);
    elements.iter().fold(query, |query, element| query.element(element.root()))
}
