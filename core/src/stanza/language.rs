//! Choosing among texts in several languages.
use crate::xml::ElementRef;
use std::borrow::Cow;

/// The text of the candidate that suits best: by look-up (RFC 4647 section 3.4) of `wanted`; else one whose language is a
/// variety of `wanted` (section 3.3.1); else one in the language `own` that the stanza is in; else the first.
pub(super) fn select<'a>(
    candidates: impl Iterator<Item = ElementRef<'a>>,
    wanted: Option<&str>,
    own: Option<&str>,
) -> Option<Cow<'a, str>> {
    let mut best: Option<(Rank, ElementRef<'a>)> = None;
    for candidate in candidates {
        let rank = rank(candidate.lang(), wanted, own);
        if best.as_ref().is_none_or(|(so_far, _)| rank > *so_far) {
            best = Some((rank, candidate));
        }
    }
    best.map(|(_, candidate)| candidate.text())
}

/// How well a candidate suits, worst first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Rank {
    Any,
    Own,
    Variety,
    /// With so many bytes of the range left when it matched: the more, the closer.
    Lookup(usize),
}

fn rank(tag: Option<&str>, wanted: Option<&str>, own: Option<&str>) -> Rank {
    if let (Some(tag), Some(wanted)) = (tag, wanted) {
        let mut range = wanted;
        while !range.is_empty() && range != "*" {
            if range.eq_ignore_ascii_case(tag) {
                return Rank::Lookup(range.len());
            }
            range = shorten(range);
        }
        if begins_with_range(tag, wanted) {
            return Rank::Variety;
        }
    }
    match (tag, own) {
        (None, None) => Rank::Own,
        (Some(tag), Some(own)) if tag.eq_ignore_ascii_case(own) => Rank::Own,
        _ => Rank::Any,
    }
}

/// Drops the last subtag, and with it a single letter or digit that would then stand last.
fn shorten(range: &str) -> &str {
    let cut = |r: &str| r.rfind('-').unwrap_or(0);
    let mut shorter = range.get(..cut(range)).unwrap_or_default();
    while shorter.len() >= 2 && shorter.as_bytes().get(shorter.len() - 2) == Some(&b'-') {
        shorter = shorter.get(..shorter.len() - 2).unwrap_or_default();
    }
    shorter
}

fn begins_with_range(tag: &str, range: &str) -> bool {
    !range.is_empty()
        && tag.get(..range.len()).is_some_and(|head| head.eq_ignore_ascii_case(range))
        && tag.as_bytes().get(range.len()) == Some(&b'-')
}
