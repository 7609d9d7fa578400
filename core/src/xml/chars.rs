//! What XML 1.0 (fifth edition) and Namespaces in XML say about single characters and names.

/// May begin an NCName.
pub(super) const NAME_START: u8 = 1;
/// May stand in an NCName.
pub(super) const NAME: u8 = 2;
/// White space (production 3).
pub(super) const SPACE: u8 = 4;

static CLASS: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut b = 0;
    while b < 0x80 {
        let c = b as u8;
        let letter = c.is_ascii_alphabetic() || c == b'_';
        let mut class = 0;
        if letter {
            class |= NAME_START;
        }
        if letter || c.is_ascii_digit() || c == b'-' || c == b'.' {
            class |= NAME;
        }
        if matches!(c, b' ' | b'\t' | b'\n' | b'\r') {
            class |= SPACE;
        }
        table[b] = class;
        b += 1;
    }
    table
}

/// True if `byte` is in one of the classes.
#[inline(always)]
pub(super) fn is(byte: u8, classes: u8) -> bool {
    CLASS[byte as usize] & classes != 0
}

/// True for what production 2 calls a character.
pub(super) fn is_char(code: u32) -> bool {
    matches!(code, 0x9 | 0xA | 0xD | 0x20..=0xD7FF | 0xE000..=0xFFFD | 0x1_0000..=0x10_FFFF)
}

/// Production 4 without the colon.
pub(super) fn is_name_start(c: char) -> bool {
    match c {
        '\0'..='\x7f' => is(c as u8, NAME_START),
        '\u{C0}'..='\u{D6}'
        | '\u{D8}'..='\u{F6}'
        | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}'
        | '\u{37F}'..='\u{1FFF}'
        | '\u{200C}'..='\u{200D}'
        | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}'
        | '\u{3001}'..='\u{D7FF}'
        | '\u{F900}'..='\u{FDCF}'
        | '\u{FDF0}'..='\u{FFFD}'
        | '\u{10000}'..='\u{EFFFF}' => true,
        _ => false,
    }
}

/// Production 4a without the colon.
pub(super) fn is_name_char(c: char) -> bool {
    match c {
        '\0'..='\x7f' => is(c as u8, NAME),
        '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}' => true,
        _ => is_name_start(c),
    }
}

/// True if `name` is an NCName (Namespaces in XML, production 4).
pub(super) fn is_ncname(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(is_name_start) && chars.all(is_name_char)
}

/// The first character of a byte string.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Decoded {
    /// A character and how many bytes it takes.
    Char(char, usize),
    /// Good so far; more bytes are needed to tell.
    Incomplete,
    /// Not UTF-8.
    Bad,
}

/// Decodes the character at the beginning of `bytes`.
pub(super) fn decode(bytes: &[u8]) -> Decoded {
    let Some(&first) = bytes.first() else { return Decoded::Incomplete };
    let (len, low, high) = match first {
        0..=0x7F => return Decoded::Char(first as char, 1),
        0xC2..=0xDF => (2, 0x80, 0xBF),
        // Overlong forms and surrogates are kept out by what may follow.
        0xE0 => (3, 0xA0, 0xBF),
        0xED => (3, 0x80, 0x9F),
        0xE1..=0xEF => (3, 0x80, 0xBF),
        0xF0 => (4, 0x90, 0xBF),
        0xF4 => (4, 0x80, 0x8F),
        0xF1..=0xF3 => (4, 0x80, 0xBF),
        _ => return Decoded::Bad,
    };
    let mut code = u32::from(first) & (0x7F >> len);
    for i in 1..len {
        let Some(&b) = bytes.get(i) else { return Decoded::Incomplete };
        let good = if i == 1 { (low..=high).contains(&b) } else { (0x80..=0xBF).contains(&b) };
        if !good {
            return Decoded::Bad;
        }
        code = code << 6 | u32::from(b & 0x3F);
    }
    char::from_u32(code).map_or(Decoded::Bad, |c| Decoded::Char(c, len))
}
