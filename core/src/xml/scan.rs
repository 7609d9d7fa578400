//! The scanner: one pass over the bytes of a frame, validating and indexing, that can stop and go on at any byte.
//!
//! All offsets count from the frame's first byte, so it does not matter whether the frame lies in the caller's slice or has
//! been gathered in a buffer meanwhile. A state is left at a byte that has not been judged yet; nothing is scanned twice
//! except the up to three bytes of a character that a split has cut.
mod content;
mod special;
mod tag;

use super::ErrorKind;
use super::chars::{self, Decoded};
use super::index::{Context, Fault, QName, fault, parts_begin_well};
use super::indexer::Indexer;
use super::limits::Limits;

/// What stands around a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// The very first byte of a stream: an XML declaration may stand here.
    Start,
    /// Before the stream's start tag.
    Prolog,
    /// In the stream.
    Stream,
    /// An element that is no part of a stream.
    Document,
}

/// What has been scanned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scanned {
    /// An XML declaration.
    Declaration,
    /// The stream's start tag.
    Header { closed: bool },
    /// An element with all that is in it.
    Element,
    /// The stream's end tag.
    End,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Markup,
    Instruction,
    Declaration,
    Bang,
    StartName,
    InTag,
    AttrName,
    Equals,
    Quote,
    Value,
    Slash,
    EndName,
    EndSpace,
    Text,
    Cdata,
    Reference,
    EntityName,
    Decimal,
    Hex,
    Done(Scanned),
}

/// What a step came to: another state, or more bytes are needed.
type Step = Result<Option<State>, Fault>;

#[derive(Debug)]
pub(super) struct Scanner {
    pub(super) index: Indexer,
    state: State,
    place: Place,
    /// The first byte that has not been judged.
    pub(super) pos: usize,
    /// Where the token began: a name, a value, a reference, a markup declaration.
    start: usize,
    colon: Option<usize>,
    name: QName,
    quote: u8,
    /// White space stands before `pos`, so an attribute may begin.
    spaced: bool,
    /// The value or text so far reads as it is written.
    plain: bool,
    text_start: usize,
    /// How many `]` stand right before `pos`; no more than 2 are counted.
    brackets: u8,
    in_value: bool,
    reference: usize,
    code: u32,
    /// Bytes that were before the scanner when it was run, summed over all runs: more than it has ever looked at.
    #[cfg(test)]
    pub(super) offered: usize,
}

impl Scanner {
    pub(super) fn new() -> Scanner {
        Scanner {
            index: Indexer::default(),
            state: State::Markup,
            place: Place::Start,
            pos: 0,
            start: 0,
            colon: None,
            name: QName::default(),
            quote: 0,
            spaced: false,
            plain: true,
            text_start: 0,
            brackets: 0,
            in_value: false,
            reference: 0,
            code: 0,
            #[cfg(test)]
            offered: 0,
        }
    }

    /// Starts on a frame, whose first byte is a `<`.
    pub(super) fn begin(&mut self, place: Place, limits: &Limits, context: Option<&Context>) {
        self.state = State::Markup;
        self.place = place;
        self.pos = 0;
        self.index.begin(limits, context, place == Place::Stream);
    }

    /// Scans on. `data` is the frame from its first byte as far as it has come.
    pub(super) fn run(&mut self, data: &[u8], context: Option<&Context>) -> Result<Option<Scanned>, Fault> {
        #[cfg(test)]
        {
            self.offered += data.len() - self.pos;
        }
        let mut state = self.state;
        loop {
            let step = match state {
                State::Text => self.text(data),
                State::Markup => self.markup(data, context),
                State::StartName => self.start_name(data),
                State::InTag => self.in_tag(data, context),
                State::AttrName => self.attr_name(data),
                State::Equals => self.equals(data),
                State::Quote => self.open_quote(data),
                State::Value => self.value(data),
                State::Slash => self.slash(data, context),
                State::EndName => self.end_name(data, context),
                State::EndSpace => self.end_space(data),
                State::Reference => self.reference(data),
                State::EntityName => self.entity_name(data),
                State::Decimal => self.number(data, 10),
                State::Hex => self.number(data, 16),
                State::Bang => self.bang(data),
                State::Cdata => self.cdata(data),
                State::Instruction => self.instruction(data),
                State::Declaration => self.declaration(data),
                State::Done(scanned) => return Ok(Some(scanned)),
            };
            match step? {
                Some(next) => state = next,
                None => {
                    self.state = state;
                    return Ok(None);
                }
            }
            self.state = state;
        }
    }

    /// At a `<`.
    fn markup(&mut self, data: &[u8], context: Option<&Context>) -> Step {
        let Some(&b) = data.get(self.pos + 1) else { return Ok(None) };
        let outside = self.index.depth() == 0;
        let next = match b {
            b'!' => {
                self.start = self.pos;
                self.pos += 2;
                return Ok(Some(State::Bang));
            }
            b'?' => {
                self.start = self.pos;
                self.pos += 2;
                return Ok(Some(State::Instruction));
            }
            b'/' if outside && (self.place != Place::Stream || context.is_none()) => {
                return fault(ErrorKind::NotWellFormed, "end tag without start tag", self.pos);
            }
            b'/' => State::EndName,
            _ => State::StartName,
        };
        if !outside {
            self.index.text(data, self.text_start, self.pos, self.plain)?;
        }
        self.pos += if b == b'/' { 2 } else { 1 };
        self.start = self.pos;
        self.colon = None;
        Ok(Some(next))
    }

    /// Scans a name as far as it goes. `None`: it may go on behind the data.
    #[inline]
    fn qname(&mut self, data: &[u8], colons: usize) -> Result<Option<QName>, Fault> {
        let mut pos = self.pos;
        let end = loop {
            let Some(&b) = data.get(pos) else {
                self.pos = pos;
                return Ok(None);
            };
            if chars::is(b, chars::NAME) {
                pos += 1;
            } else if b == b':' {
                if self.colon.is_some() || colons == 0 {
                    return fault(ErrorKind::NotWellFormed, "colon out of place in a name", pos);
                }
                self.colon = Some(pos);
                pos += 1;
            } else if b < 0x80 {
                break pos;
            } else {
                match self.decode(data, pos)? {
                    Some((c, len)) if chars::is_name_char(c) => pos += len,
                    Some(_) => {
                        return fault(ErrorKind::NotWellFormed, "character that names cannot have", pos);
                    }
                    None => {
                        self.pos = pos;
                        return Ok(None);
                    }
                }
            }
        };
        self.pos = end;
        let Some(name) = QName::new(self.start, self.colon, end) else {
            return fault(ErrorKind::Limit, "name too long", self.start);
        };
        let letter = |at: usize| data.get(at).is_some_and(|&b| chars::is(b, chars::NAME_START));
        let usual = letter(self.start) && self.colon.is_none_or(|colon| letter(colon + 1));
        if usual || parts_begin_well(data, name) {
            return Ok(Some(name));
        }
        fault(ErrorKind::NotWellFormed, "not a name", self.start)
    }

    /// The next byte that is not white space.
    fn after_space(&mut self, data: &[u8]) -> Option<u8> {
        loop {
            let &b = data.get(self.pos)?;
            if !chars::is(b, chars::SPACE) {
                return Some(b);
            }
            self.pos += 1;
        }
    }

    fn character(&self, data: &[u8]) -> Result<Option<char>, Fault> {
        match self.decode(data, self.pos)? {
            None => Ok(None),
            Some((c, _)) if chars::is_char(c as u32) => Ok(Some(c)),
            Some(_) => fault(ErrorKind::NotWellFormed, "character that XML does not allow", self.pos),
        }
    }

    fn decode(&self, data: &[u8], pos: usize) -> Result<Option<(char, usize)>, Fault> {
        match chars::decode(data.get(pos..).unwrap_or_default()) {
            Decoded::Char(c, len) => Ok(Some((c, len))),
            Decoded::Incomplete => Ok(None),
            Decoded::Bad => fault(ErrorKind::UnsupportedEncoding, "not UTF-8", pos),
        }
    }
}
