//! String preparation: the profiles of stringprep (RFC 3454) that XMPP uses.
//!
//! The tables are those of the `stringprep` crate. The steps are walked here, because that crate's ready-made profiles refuse
//! every character newer than Unicode 3.2 in queries too, look for unassigned characters only after normalisation (which
//! lets some in that turn into others), and do not say which character they refuse.
//!
//! RFC 3454 section 7 tells *stored strings*, which name an entity and must not hold unassigned characters, from *queries*,
//! which may. Normalisation is that of Unicode 3.2: it leaves unassigned characters alone, whatever a newer version of
//! Unicode makes of them, so that two implementations with tables of different age agree.
use std::borrow::Cow;
use std::fmt;
use stringprep::tables;
use unicode_normalization::UnicodeNormalization;

/// More than this many bytes are refused without being looked at. Preparation can shorten a string, but nothing that
/// anybody means to be an address or a password shrinks to an eighth.
pub(super) const MAX_INPUT: usize = 8 * super::MAX_PART;

/// A stringprep profile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Profile {
    /// Local parts (RFC 6122 appendix A).
    Node,
    /// Resources (RFC 6122 appendix B).
    Resource,
    /// User names and passwords (RFC 4013).
    Sasl,
}

/// Whether unassigned code points pass (RFC 3454 section 7).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Strings {
    /// The string names or becomes something that is kept: unassigned code points are refused.
    Stored,
    /// The string is looked up, or its owner alone decides about it: unassigned code points pass as they are.
    Query,
}

/// Why a string cannot be prepared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum PrepError {
    /// This character, which may be what another one was mapped to, is prohibited.
    Prohibited(char),
    /// This character is newer than Unicode 3.2.
    Unassigned(char),
    /// Left-to-right and right-to-left characters are mixed, or right-to-left text does not begin and end with a
    /// right-to-left character (RFC 3454 section 6).
    Bidi,
    /// Preparing the prepared string changes it again, so it has no canonical form.
    Unstable,
    /// The string is far longer than anything it could be used for.
    TooLong,
}

impl fmt::Display for PrepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PrepError::Prohibited(c) => {
                write!(f, "the character {} is not allowed; leave it out", Show(*c))
            }
            PrepError::Unassigned(c) => {
                write!(f, "the character {} is newer than Unicode 3.2; use an older one", Show(*c))
            }
            PrepError::Bidi => f.write_str(
                "right-to-left text is mixed with left-to-right letters or does not begin and end with a right-to-left \
                 letter; use one direction only",
            ),
            PrepError::Unstable => {
                f.write_str("a character in it has no canonical form; replace it with its plain form")
            }
            PrepError::TooLong => f.write_str("it is too long; shorten it"),
        }
    }
}
impl std::error::Error for PrepError {}

/// A character for error messages: visible where it can be, and always by number.
pub(super) struct Show(pub(super) char);
impl fmt::Display for Show {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_ascii_graphic() {
            write!(f, "'{}' (U+{:04X})", self.0, u32::from(self.0))
        } else {
            write!(f, "U+{:04X}", u32::from(self.0))
        }
    }
}

/// Prepares a password or user name as a stored string (SASLprep, RFC 4013), as SCRAM asks for both (RFC 5802 section 2.2).
/// `None` if it holds what the profile prohibits, or characters newer than Unicode 3.2. The result may be empty, which
/// RFC 5802 and RFC 4616 tell their users to refuse.
pub fn saslprep(text: &str) -> Option<Cow<'_, str>> {
    saslprep_as(text, Strings::Stored).ok()
}

/// Prepares a password or user name (SASLprep, RFC 4013): as [`Strings::Stored`] what is kept or hashed to be kept, as
/// [`Strings::Query`] what is presented to be compared (RFC 4616 section 2).
pub fn saslprep_as(text: &str, strings: Strings) -> Result<Cow<'_, str>, PrepError> {
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return Ok(Cow::Borrowed(text));
    }
    prepare(text, Profile::Sasl, strings).map(Cow::Owned)
}

/// Prepares, and proves that the result is canonical by preparing it once more.
pub(super) fn prepare(text: &str, profile: Profile, strings: Strings) -> Result<String, PrepError> {
    if text.len() > MAX_INPUT {
        return Err(PrepError::TooLong);
    }
    let once = pass(text, profile, strings)?;
    match pass(&once, profile, strings) {
        Ok(twice) if twice == once => Ok(once),
        _ => Err(PrepError::Unstable),
    }
}

/// The steps of RFC 3454 section 2: map, normalise, prohibit, check directions.
fn pass(text: &str, profile: Profile, strings: Strings) -> Result<String, PrepError> {
    if strings == Strings::Stored {
        refuse_unassigned(text)?;
    }
    let normal = normalise(&map(text, profile));
    if let Some(c) = normal.chars().find(|&c| prohibited(c, profile)) {
        return Err(PrepError::Prohibited(c));
    }
    if strings == Strings::Stored {
        refuse_unassigned(&normal)?;
    }
    check_directions(&normal)?;
    Ok(normal)
}

fn refuse_unassigned(text: &str) -> Result<(), PrepError> {
    match text.chars().find(|&c| tables::unassigned_code_point(c)) {
        Some(c) => Err(PrepError::Unassigned(c)),
        None => Ok(()),
    }
}

fn map(text: &str, profile: Profile) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match profile {
            // U+200B stands both among the spaces (C.1.2) and among what is mapped to nothing (B.1): a space it is, as
            // RFC 4013 section 2.1 names that mapping first.
            Profile::Sasl if tables::non_ascii_space_character(c) => out.push(' '),
            _ if tables::commonly_mapped_to_nothing(c) => {}
            Profile::Node => out.extend(tables::case_fold_for_nfkc(c)),
            Profile::Resource | Profile::Sasl => out.push(c),
        }
    }
    out
}

/// NFKC as of Unicode 3.2: what was unassigned then neither changes nor reorders nor composes, and so parts the text into
/// runs that are normalised each on its own.
fn normalise(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((at, c)) = rest.char_indices().find(|&(_, c)| tables::unassigned_code_point(c)) {
        let (run, tail) = rest.split_at(at);
        out.extend(run.nfkc());
        out.push(c);
        rest = tail.get(c.len_utf8()..).unwrap_or_default();
    }
    out.extend(rest.nfkc());
    out
}

/// The tables of prohibited output that all three profiles name, and what a local part must not hold besides.
fn prohibited(c: char, profile: Profile) -> bool {
    tables::non_ascii_space_character(c)
        || tables::ascii_control_character(c)
        || tables::non_ascii_control_character(c)
        || tables::private_use(c)
        || tables::non_character_code_point(c)
        || tables::inappropriate_for_plain_text(c)
        || tables::inappropriate_for_canonical_representation(c)
        || tables::change_display_properties_or_deprecated(c)
        || tables::tagging_character(c)
        || (profile == Profile::Node && (c == ' ' || excluded_from_local(c)))
}

/// RFC 7622 section 3.3.1, the same set as in RFC 6122 appendix A.5.
pub(super) const fn excluded_from_local(c: char) -> bool {
    matches!(c, '"' | '&' | '\'' | '/' | ':' | '<' | '>' | '@')
}

/// RFC 3454 section 6.
fn check_directions(text: &str) -> Result<(), PrepError> {
    if !text.contains(is_rtl) {
        return Ok(());
    }
    let framed = text.starts_with(is_rtl) && text.ends_with(is_rtl);
    if framed && !text.contains(is_ltr) { Ok(()) } else { Err(PrepError::Bidi) }
}

/// Table D.1. The crate answers from today's Unicode data, which gives unassigned code points a direction too.
fn is_rtl(c: char) -> bool {
    tables::bidi_r_or_al(c) && !tables::unassigned_code_point(c)
}

/// Table D.2. Some characters had another direction in Unicode 3.2 than today; those that normalisation or prohibition remove
/// anyway are not among them.
fn is_ltr(c: char) -> bool {
    match c {
        '\u{17B4}' | '\u{17B5}' | '\u{1885}' | '\u{1886}' => true,
        '\u{CBF}'
        | '\u{CC6}'
        | '\u{1734}'
        | '\u{2132}'
        | '\u{2800}'..='\u{28FF}'
        | '\u{302E}'
        | '\u{302F}' => false,
        _ => tables::bidi_l(c) && !tables::unassigned_code_point(c),
    }
}
