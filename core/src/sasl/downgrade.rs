//! Downgrade protection (XEP-0474): the server says in SCRAM, where nobody can change it, what it has offered.

use super::ScramHash;
use super::scram::encode;

/// The lists that a server has offered, as they are hashed: sorted byte by byte.
///
/// `bindings`: the kinds of channel binding by name, `None` if it said nothing about them (XEP-0440).
pub(super) fn lists(mechanisms: &[&str], bindings: Option<&[&str]>) -> String {
    let sorted = |names: &[&str]| {
        let mut names = names.to_vec();
        names.sort_unstable();
        names.join("\x1e")
    };
    match bindings {
        Some(bindings) => format!("{}\x1f{}", sorted(mechanisms), sorted(bindings)),
        None => sorted(mechanisms),
    }
}

/// The value of the attribute `h`.
pub(super) fn hash(hash: ScramHash, lists: &str) -> String {
    encode(&hash.digest(lists.as_bytes()))
}
