//! Runs of bytes that need no attention, sixteen at a time: the comparisons below compile to vector instructions.
use super::ErrorKind;
use super::index::{Fault, fault};

/// What kind of run it is.
#[derive(Clone, Copy)]
pub(super) enum Run {
    /// Text: stops at `<`, `&`, `]` and carriage returns.
    Text,
    /// A CDATA section: stops at `]` and carriage returns.
    Cdata,
    /// An attribute value: stops at quotes, `<`, `&` and white space but the space.
    Value,
}

impl Run {
    /// Skips ASCII that needs no attention. Stops at control characters and at what is not ASCII, too.
    #[inline(always)]
    pub(super) fn skip(self, data: &[u8], pos: usize) -> usize {
        // Below the space when signed: control characters, and all that is not ASCII.
        let odd = |b: u8| (b as i8) < 0x20;
        match self {
            Run::Text => skip(data, pos, |b| {
                (odd(b) & (b != b'\n') & (b != b'\t')) | (b == b'<') | (b == b'&') | (b == b']')
            }),
            Run::Cdata => skip(data, pos, |b| (odd(b) & (b != b'\n') & (b != b'\t')) | (b == b']')),
            Run::Value => {
                skip(data, pos, |b| odd(b) | (b == b'<') | (b == b'&') | (b == b'"') | (b == b'\''))
            }
        }
    }

    /// Skips and validates from a byte that is not ASCII to the next that needs attention. Comes back with `pos` itself if
    /// the character there is not complete yet.
    pub(super) fn beyond_ascii(self, data: &[u8], pos: usize) -> Result<usize, Fault> {
        let control = |b: u8| (b < 0x20) & (b != b'\n') & (b != b'\t');
        let end = match self {
            Run::Text => skip(data, pos, |b| control(b) | (b == b'<') | (b == b'&') | (b == b']')),
            Run::Cdata => skip(data, pos, |b| control(b) | (b == b']')),
            Run::Value => {
                skip(data, pos, |b| (b < 0x20) | (b == b'<') | (b == b'&') | (b == b'"') | (b == b'\''))
            }
        };
        let run = data.get(pos..end).unwrap_or_default();
        let (valid, good) = match std::str::from_utf8(run) {
            Ok(_) => (run.len(), true),
            Err(e) => (e.valid_up_to(), e.error_len().is_none() && end == data.len()),
        };
        let valid_run = run.get(..valid).unwrap_or_default();
        let is_noncharacter = |&at: &usize| matches!(run.get(at + 1..at + 3), Some([0xBF, 0xBE | 0xBF]));
        if let Some(at) = memchr::memchr_iter(0xEF, valid_run).find(is_noncharacter) {
            return fault(ErrorKind::NotWellFormed, "character that XML does not allow", pos + at);
        }
        if !good {
            return fault(ErrorKind::UnsupportedEncoding, "not UTF-8", pos + valid);
        }
        Ok(pos + valid)
    }
}

/// The first position from `pos` on where `stops` holds, or the end.
#[inline(always)]
fn skip(data: &[u8], pos: usize, stops: impl Fn(u8) -> bool) -> usize {
    let rest = data.get(pos..).unwrap_or_default();
    let (chunks, _) = rest.as_chunks::<16>();
    let clear =
        chunks.iter().take_while(|chunk| !chunk.iter().fold(false, |any, &b| any | stops(b))).count() * 16;
    let rest = rest.get(clear..).unwrap_or_default();
    pos + clear + rest.iter().position(|&b| stops(b)).unwrap_or(rest.len())
}
