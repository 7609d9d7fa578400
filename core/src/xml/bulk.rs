//! Runs of bytes that need no attention: sixteen at a time, by comparisons that compile to vector instructions, as long as
//! that goes; byte by byte, by a table, where it stops.
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

/// Below the space when signed: control characters, and all that is not ASCII.
const fn odd(b: u8) -> bool {
    (b as i8) < 0x20
}

const fn stops_text(b: u8) -> bool {
    (odd(b) & (b != b'\n') & (b != b'\t')) | (b == b'<') | (b == b'&') | (b == b']')
}

const fn stops_cdata(b: u8) -> bool {
    (odd(b) & (b != b'\n') & (b != b'\t')) | (b == b']')
}

const fn stops_value(b: u8) -> bool {
    odd(b) | (b == b'<') | (b == b'&') | (b == b'"') | (b == b'\'')
}

/// For each byte, which runs it stops: bit 0 text, bit 1 CDATA sections, bit 2 values.
static STOPS: [u8; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let b = i as u8;
        table[i] = stops_text(b) as u8 | (stops_cdata(b) as u8) << 1 | (stops_value(b) as u8) << 2;
        i += 1;
    }
    table
};

impl Run {
    /// Skips ASCII that needs no attention. Stops at control characters and at what is not ASCII, too.
    #[inline(always)]
    pub(super) fn skip(self, data: &[u8], pos: usize) -> usize {
        let listed = |bit: u8| move |b: u8| STOPS[b as usize] & bit != 0;
        match self {
            Run::Text => skip(data, pos, stops_text, listed(1)),
            Run::Cdata => skip(data, pos, stops_cdata, listed(2)),
            Run::Value => skip(data, pos, stops_value, listed(4)),
        }
    }

    /// Skips and validates from a byte that is not ASCII to the next that needs attention. Comes back with `pos` itself if
    /// the character there is not complete yet.
    #[cold]
    pub(super) fn beyond_ascii(self, data: &[u8], pos: usize) -> Result<usize, Fault> {
        let ascii = |stops: fn(u8) -> bool| move |b: u8| b < 0x80 && stops(b);
        let end = match self {
            Run::Text => skip(data, pos, |b| (b < 0x80) & stops_text(b), ascii(stops_text)),
            Run::Cdata => skip(data, pos, |b| (b < 0x80) & stops_cdata(b), ascii(stops_cdata)),
            Run::Value => skip(data, pos, |b| (b < 0x80) & stops_value(b), ascii(stops_value)),
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

/// The first position from `pos` on where `stops` holds, or the end. `one` says the same of a single byte.
#[inline(always)]
fn skip(data: &[u8], mut pos: usize, stops: impl Fn(u8) -> bool, one: impl Fn(u8) -> bool) -> usize {
    let rest = data.get(pos..).unwrap_or_default();
    for chunk in rest.as_chunks::<16>().0 {
        if chunk.iter().fold(0, |any, &b| any | u8::from(stops(b))) != 0 {
            break;
        }
        pos += 16;
    }
    let rest = data.get(pos..).unwrap_or_default();
    pos + rest.iter().position(|&b| one(b)).unwrap_or(rest.len())
}
