//! The scanner: one pass over the bytes of a frame, validating and indexing, that can stop and go on at any byte.
//!
//! All offsets count from the frame's first byte, so it does not matter whether the frame lies in the caller's slice or has
//! been gathered in a buffer meanwhile. A state is left at a byte that has not been judged yet; nothing is scanned twice
//! except the up to three bytes of a character that a split has cut.
use super::bulk::Run;
use super::chars::{self, Decoded};
use super::index::{Context, Fault, QName, fault, parts_begin_well};
use super::indexer::Indexer;
use super::{ErrorKind, Limits};

/// Bytes an XML declaration may have.
const MAX_DECLARATION: usize = 256;

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
        if end == self.start || self.colon == Some(self.start) || !parts_begin_well(data, name) {
            return fault(ErrorKind::NotWellFormed, "not a name", self.start);
        }
        Ok(Some(name))
    }

    fn start_name(&mut self, data: &[u8]) -> Step {
        let Some(name) = self.qname(data, 1)? else { return Ok(None) };
        self.index.start(name)?;
        self.spaced = false;
        Ok(Some(State::InTag))
    }

    /// In a start tag, behind its name or an attribute.
    fn in_tag(&mut self, data: &[u8], context: Option<&Context>) -> Step {
        loop {
            let Some(&b) = data.get(self.pos) else { return Ok(None) };
            match b {
                b'>' => {
                    self.pos += 1;
                    return self.start_done(data, context, false);
                }
                b'/' => {
                    self.pos += 1;
                    return Ok(Some(State::Slash));
                }
                _ if chars::is(b, chars::SPACE) => {
                    self.spaced = true;
                    self.pos += 1;
                }
                _ if !self.spaced => {
                    return match self.character(data)? {
                        None => Ok(None),
                        Some(_) => {
                            fault(ErrorKind::NotWellFormed, "no white space before an attribute", self.pos)
                        }
                    };
                }
                _ => {
                    self.start = self.pos;
                    self.colon = None;
                    return Ok(Some(State::AttrName));
                }
            }
        }
    }

    fn attr_name(&mut self, data: &[u8]) -> Step {
        let Some(name) = self.qname(data, 1)? else { return Ok(None) };
        self.name = name;
        // Nearly always the quote follows at once.
        match data.get(self.pos..self.pos + 2) {
            Some([b'=', quote @ (b'"' | b'\'')]) => {
                self.pos += 2;
                Ok(Some(self.begin_value(*quote)))
            }
            _ => Ok(Some(State::Equals)),
        }
    }

    fn equals(&mut self, data: &[u8]) -> Step {
        match self.after_space(data) {
            None => Ok(None),
            Some(b'=') => {
                self.pos += 1;
                Ok(Some(State::Quote))
            }
            Some(_) => fault(ErrorKind::NotWellFormed, "attribute without value", self.pos),
        }
    }

    fn open_quote(&mut self, data: &[u8]) -> Step {
        match self.after_space(data) {
            None => Ok(None),
            Some(b @ (b'"' | b'\'')) => {
                self.pos += 1;
                Ok(Some(self.begin_value(b)))
            }
            Some(_) => fault(ErrorKind::NotWellFormed, "attribute value without quotes", self.pos),
        }
    }

    fn begin_value(&mut self, quote: u8) -> State {
        self.quote = quote;
        self.start = self.pos;
        self.plain = true;
        State::Value
    }

    fn value(&mut self, data: &[u8]) -> Step {
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

    fn slash(&mut self, data: &[u8], context: Option<&Context>) -> Step {
        match data.get(self.pos) {
            None => Ok(None),
            Some(b'>') => {
                self.pos += 1;
                self.start_done(data, context, true)
            }
            Some(_) => fault(ErrorKind::NotWellFormed, "/ in a tag", self.pos),
        }
    }

    fn start_done(&mut self, data: &[u8], context: Option<&Context>, closed: bool) -> Step {
        self.index.start_done(data, self.pos, context)?;
        if matches!(self.place, Place::Start | Place::Prolog) {
            self.index.end(self.pos);
            return Ok(Some(State::Done(Scanned::Header { closed })));
        }
        if closed { Ok(Some(self.element_done())) } else { Ok(Some(self.begin_text())) }
    }

    /// The name of an end tag, compared as it comes.
    fn end_name(&mut self, data: &[u8], context: Option<&Context>) -> Step {
        let header = context.map_or("", |c| c.str(c.name)).as_bytes();
        let want = self.index.innermost(data).unwrap_or(header);
        let want = want.get(self.pos - self.start..).unwrap_or_default();
        let have = data.get(self.pos..).unwrap_or_default();
        let n = want.len().min(have.len());
        if want.get(..n) != have.get(..n) {
            return fault(ErrorKind::NotWellFormed, "end tag of another element", self.start);
        }
        self.pos += n;
        if n < want.len() {
            return Ok(None);
        }
        self.spaced = false;
        Ok(Some(State::EndSpace))
    }

    fn end_space(&mut self, data: &[u8]) -> Step {
        let before = self.pos;
        let next = self.after_space(data);
        self.spaced |= self.pos > before;
        match next {
            None => Ok(None),
            Some(b'>') => {
                self.pos += 1;
                if self.index.depth() == 0 {
                    return Ok(Some(State::Done(Scanned::End)));
                }
                Ok(Some(self.element_done()))
            }
            Some(_) if !self.spaced => {
                fault(ErrorKind::NotWellFormed, "end tag of another element", self.start)
            }
            Some(_) => fault(ErrorKind::NotWellFormed, "end tag with more than a name", self.pos),
        }
    }

    fn element_done(&mut self) -> State {
        self.index.end(self.pos);
        if self.index.depth() == 0 { State::Done(Scanned::Element) } else { self.begin_text() }
    }

    fn begin_text(&mut self) -> State {
        self.text_start = self.pos;
        self.plain = true;
        self.brackets = 0;
        State::Text
    }

    fn text(&mut self, data: &[u8]) -> Step {
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

    fn cdata(&mut self, data: &[u8]) -> Step {
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

    fn ampersand(&mut self, at: usize) -> Step {
        self.plain = false;
        self.reference = at;
        self.pos = at + 1;
        Ok(Some(State::Reference))
    }

    fn reference(&mut self, data: &[u8]) -> Step {
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

    fn number(&mut self, data: &[u8], radix: u32) -> Step {
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

    fn entity_name(&mut self, data: &[u8]) -> Step {
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

    fn reference_done(&mut self) -> State {
        self.pos += 1;
        if self.in_value { State::Value } else { State::Text }
    }

    /// Behind `<!`.
    fn bang(&mut self, data: &[u8]) -> Step {
        let have = data.get(self.start..).unwrap_or_default();
        for (word, kind, what) in [
            (&b"<!--"[..], ErrorKind::Restricted, "comment"),
            (b"<!DOCTYPE", ErrorKind::Restricted, "document type declaration"),
            (b"<!ENTITY", ErrorKind::Restricted, "entity declaration"),
            (b"<!ELEMENT", ErrorKind::Restricted, "element type declaration"),
            (b"<!ATTLIST", ErrorKind::Restricted, "attribute list declaration"),
            (b"<!NOTATION", ErrorKind::Restricted, "notation declaration"),
        ] {
            if have.starts_with(word) {
                return fault(kind, what, self.start);
            }
            if word.starts_with(have) {
                return Ok(None);
            }
        }
        let word = b"<![CDATA[";
        if !have.starts_with(word) {
            if word.starts_with(have) {
                return Ok(None);
            }
            return fault(ErrorKind::NotWellFormed, "<! that begins nothing", self.start);
        }
        if self.index.depth() == 0 {
            return match self.place {
                Place::Stream => fault(ErrorKind::BadFormat, "text between stanzas", self.start),
                _ => fault(ErrorKind::NotWellFormed, "text outside the root element", self.start),
            };
        }
        self.pos = self.start + word.len();
        self.plain = false;
        self.brackets = 0;
        Ok(Some(State::Cdata))
    }

    /// Behind `<?`.
    fn instruction(&mut self, data: &[u8]) -> Step {
        let target = data.get(self.pos..).unwrap_or_default();
        let n = target.len().min(3);
        let is_xml = target.iter().zip(b"xml").all(|(b, x)| b.eq_ignore_ascii_case(x));
        if !is_xml {
            return fault(ErrorKind::Restricted, "processing instruction", self.start);
        }
        let Some(&b) = target.get(3) else {
            debug_assert!(n <= 3);
            return Ok(None);
        };
        if chars::is(b, chars::NAME) || b == b':' || b >= 0x80 {
            return fault(ErrorKind::Restricted, "processing instruction", self.start);
        }
        if !target.starts_with(b"xml") {
            return fault(ErrorKind::NotWellFormed, "processing instruction called xml", self.start);
        }
        if self.place != Place::Start {
            return fault(
                ErrorKind::NotWellFormed,
                "XML declaration not at the beginning of a stream",
                self.start,
            );
        }
        Ok(Some(State::Declaration))
    }

    fn declaration(&mut self, data: &[u8]) -> Step {
        let Some(&b) = data.get(self.pos) else { return Ok(None) };
        let end = match memchr::memchr(b'>', data.get(self.pos..).unwrap_or_default()) {
            Some(n) => self.pos + n + 1,
            None => data.len(),
        };
        debug_assert!(b != b'<' || self.pos > 0);
        self.pos = end;
        if end > MAX_DECLARATION {
            return fault(ErrorKind::Limit, "XML declaration too long", MAX_DECLARATION);
        }
        let Some(text) = data.get(..end).filter(|text| text.ends_with(b">")) else { return Ok(None) };
        super::declaration::check(text)?;
        Ok(Some(State::Done(Scanned::Declaration)))
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

    /// At a byte that the fast loops leave, and that is no markup: goes on behind it if it may stand in such a run.
    fn odd(&mut self, run: Run, data: &[u8], pos: usize) -> Result<Option<usize>, Fault> {
        self.pos = pos;
        match data.get(pos) {
            Some(0..0x80) => Ok(self.character(data)?.map(|c| pos + c.len_utf8())),
            _ => Ok(Some(run.beyond_ascii(data, pos)?).filter(|&next| next > pos)),
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
