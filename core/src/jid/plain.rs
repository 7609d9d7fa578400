//! What can be seen at a glance: ASCII that is in canonical form already. Nearly every address on the wire is, so this is the
//! path that counts; all else takes the thorough one, which finds the same.
use super::MAX_PART;

/// RFC 1034 section 3.1: 255 octets on the wire are 253 characters with dots between the labels.
pub(super) const MAX_NAME: usize = 253;
/// RFC 1034 section 3.1.
pub(super) const MAX_LABEL: usize = 63;

/// Nodeprep leaves the byte as it is.
const LOCAL: u8 = 1;
/// A lower-case letter, a digit, or a mark.
const NAME: u8 = 2;
/// A dot or hyphen.
const MARK: u8 = 4;
/// `@` or `/`.
const SEPARATOR: u8 = 8;

const CLASS: [u8; 256] = {
    let mut table = [0; 256];
    let mut b = b'!';
    while b <= b'~' {
        let local = !b.is_ascii_uppercase() && !super::prep::excluded_from_local(b as char);
        table[b as usize] = if local { LOCAL } else { 0 }
            | match b {
                b'a'..=b'z' | b'0'..=b'9' => NAME,
                b'-' | b'.' => NAME | MARK,
                b'@' | b'/' => SEPARATOR,
                _ => 0,
            };
        b += 1;
    }
    table
};

/// Where the domain of an address begins and ends, if all of the address is plain.
#[inline]
pub(super) fn split(text: &str) -> Option<(usize, usize)> {
    let text = text.as_bytes();
    let first = Run::new(text);
    let (start, end) = match text.get(first.len) {
        Some(b'@') => {
            let start = first.len + 1;
            let rest = text.get(start..)?;
            let second = Run::new(rest);
            if !first.is_local() || !second.is_name(rest) || rest.get(second.len) == Some(&b'@') {
                return None;
            }
            (start, start + second.len)
        }
        _ if first.is_name(text) => (0, first.len),
        _ => return None,
    };
    let plain = end == text.len() || is_resource(text.get(end + 1..)?);
    plain.then_some((start, end))
}

/// True if this is a local part in canonical form.
pub(super) fn is_local(part: &str) -> bool {
    let run = Run::new(part.as_bytes());
    run.len == part.len() && run.is_local()
}

/// True if this is a domain in canonical form: a name in which dots and hyphens stand between letters and digits only. Two
/// hyphens may be the mark of an A-label, so they are for the thorough path.
pub(super) fn is_domain(part: &str) -> bool {
    let run = Run::new(part.as_bytes());
    run.len == part.len() && run.is_name(part.as_bytes())
}

/// True if this is a resource in canonical form.
#[inline]
pub(super) fn is_resource(part: &[u8]) -> bool {
    (1..=MAX_PART).contains(&part.len())
        && part.iter().fold(true, |plain, b| plain & (b' '..=b'~').contains(b))
}

/// The bytes up to the next separator, and what they have in common.
struct Run {
    len: usize,
    all: u8,
    /// Has [`MARK`] if two marks stand side by side, or one at the beginning or end.
    clash: u8,
}

impl Run {
    #[inline]
    fn new(text: &[u8]) -> Run {
        let (mut len, mut all, mut clash, mut before) = (0, LOCAL | NAME, 0, MARK);
        for &b in text {
            let class = CLASS.get(usize::from(b)).copied().unwrap_or(0);
            if class & SEPARATOR != 0 {
                break;
            }
            all &= class;
            clash |= class & before;
            before = class & MARK;
            len += 1;
        }
        Run { len, all, clash: clash | before }
    }
    #[inline]
    fn is_local(&self) -> bool {
        self.all & LOCAL != 0 && (1..=MAX_PART).contains(&self.len)
    }
    /// `text` is what the run was made from.
    #[inline]
    fn is_name(&self, text: &[u8]) -> bool {
        self.all & NAME != 0
            && self.clash & MARK == 0
            && (self.len <= MAX_LABEL || (self.len <= MAX_NAME && has_short_labels(text, self.len)))
    }
}

fn has_short_labels(text: &[u8], len: usize) -> bool {
    text.get(..len).is_some_and(|name| name.split(|&b| b == b'.').all(|label| label.len() <= MAX_LABEL))
}
