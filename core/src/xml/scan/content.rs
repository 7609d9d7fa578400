//! Text, CDATA sections, attribute values and the references in them.
use super::super::ErrorKind;
use super::super::bulk::Run;
use super::super::chars;
use super::super::index::{Fault, fault};
use super::{Scanner, State, Step};

impl Scanner {
    #[inline]
    pub(super) fn text(&mut self, data: &[u8]) -> Step {
        let mut pos = self.pos;
        loop {
            if self.brackets == 0 {
                pos = Run::Text.skip(data, pos);
            }
            let Some(&b) = data.get(pos) else {
                self.pos = pos;
                return Ok(None);
            };
            match b {
                b'<' => {
                    self.pos = pos;
                    return Ok(Some(State::Markup));
                }
                b'&' => {
                    self.in_value = false;
                    self.brackets = 0;
                    return self.ampersand(pos);
                }
                b']' => {
                    self.brackets = (self.brackets + 1).min(2);
                    pos += 1;
                    continue;
                }
                b'>' if self.brackets == 2 => {
                    return fault(ErrorKind::NotWellFormed, "]]> in text", pos - 2);
                }
                b'\r' => {
                    self.plain = false;
                    pos += 1;
                }
                _ => match self.odd(Run::Text, data, pos)? {
                    Some(next) => pos = next,
                    None => return Ok(None),
                },
            }
            self.brackets = 0;
        }
    }

    #[inline]
    pub(super) fn value(&mut self, data: &[u8]) -> Step {
        let mut pos = self.pos;
        loop {
            pos = Run::Value.skip(data, pos);
            let Some(&b) = data.get(pos) else {
                self.pos = pos;
                return Ok(None);
            };
            match b {
                _ if b == self.quote => {
                    self.pos = pos + 1;
                    self.index.attribute(data, self.name, (self.start, pos), self.plain)?;
                    self.spaced = false;
                    return Ok(Some(State::InTag));
                }
                b'"' | b'\'' => pos += 1,
                b'\t' | b'\n' | b'\r' => {
                    self.plain = false;
                    pos += 1;
                }
                b'&' => {
                    self.in_value = true;
                    return self.ampersand(pos);
                }
                b'<' => return fault(ErrorKind::NotWellFormed, "< in an attribute value", pos),
                _ => match self.odd(Run::Value, data, pos)? {
                    Some(next) => pos = next,
                    None => return Ok(None),
                },
            }
        }
    }

    pub(super) fn cdata(&mut self, data: &[u8]) -> Step {
        let mut pos = self.pos;
        loop {
            if self.brackets == 0 {
                pos = Run::Cdata.skip(data, pos);
            }
            let Some(&b) = data.get(pos) else {
                self.pos = pos;
                return Ok(None);
            };
            match b {
                b']' => {
                    self.brackets = (self.brackets + 1).min(2);
                    pos += 1;
                    continue;
                }
                b'>' if self.brackets == 2 => {
                    self.pos = pos + 1;
                    self.brackets = 0;
                    return Ok(Some(State::Text));
                }
                b'\r' => pos += 1,
                _ => match self.odd(Run::Cdata, data, pos)? {
                    Some(next) => pos = next,
                    None => return Ok(None),
                },
            }
            self.brackets = 0;
        }
    }

    pub(super) fn begin_text(&mut self) -> State {
        self.text_start = self.pos;
        self.plain = true;
        self.brackets = 0;
        State::Text
    }

    pub(super) fn ampersand(&mut self, at: usize) -> Step {
        self.plain = false;
        self.reference = at;
        self.pos = at + 1;
        Ok(Some(State::Reference))
    }

    pub(super) fn reference(&mut self, data: &[u8]) -> Step {
        match data.get(self.pos) {
            None => Ok(None),
            Some(b'#') => match data.get(self.pos + 1) {
                None => Ok(None),
                Some(b'x') => {
                    self.pos += 2;
                    self.code = 0;
                    Ok(Some(State::Hex))
                }
                Some(_) => {
                    self.pos += 1;
                    self.code = 0;
                    Ok(Some(State::Decimal))
                }
            },
            Some(_) => Ok(Some(State::EntityName)),
        }
    }

    pub(super) fn number(&mut self, data: &[u8], radix: u32) -> Step {
        loop {
            let Some(&b) = data.get(self.pos) else { return Ok(None) };
            if let Some(digit) = (b as char).to_digit(radix) {
                self.code = self.code.saturating_mul(radix).saturating_add(digit);
                self.pos += 1;
                continue;
            }
            let first_digit = self.reference + if radix == 16 { 3 } else { 2 };
            if b != b';' || self.pos == first_digit {
                return fault(ErrorKind::NotWellFormed, "malformed character reference", self.reference);
            }
            if !chars::is_char(self.code) {
                return fault(
                    ErrorKind::NotWellFormed,
                    "reference to what is no XML character",
                    self.reference,
                );
            }
            return Ok(Some(self.reference_done()));
        }
    }

    pub(super) fn entity_name(&mut self, data: &[u8]) -> Step {
        // The value's start must survive; a name in a reference needs no colon.
        let start = std::mem::replace(&mut self.start, self.reference + 1);
        let colon = self.colon.take();
        let name = self.qname(data, 0);
        self.start = start;
        self.colon = colon;
        let Some(name) = name? else { return Ok(None) };
        if data.get(self.pos) != Some(&b';') {
            return fault(ErrorKind::NotWellFormed, "& that begins no reference", self.reference);
        }
        let from = name.start as usize;
        match data.get(from..self.pos) {
            Some(b"amp" | b"lt" | b"gt" | b"quot" | b"apos") => Ok(Some(self.reference_done())),
            _ => fault(ErrorKind::Restricted, "reference to an entity", self.reference),
        }
    }

    pub(super) fn reference_done(&mut self) -> State {
        self.pos += 1;
        if self.in_value { State::Value } else { State::Text }
    }

    /// At a byte that the fast loops leave, and that is no markup: goes on behind it if it may stand in such a run.
    pub(super) fn odd(&mut self, run: Run, data: &[u8], pos: usize) -> Result<Option<usize>, Fault> {
        self.pos = pos;
        match data.get(pos) {
            Some(0..0x80) => Ok(self.character(data)?.map(|c| pos + c.len_utf8())),
            _ => Ok(Some(run.beyond_ascii(data, pos)?).filter(|&next| next > pos)),
        }
    }
}
