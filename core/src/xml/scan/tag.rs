//! Start tags and end tags.
use super::super::ErrorKind;
use super::super::chars;
use super::super::index::{Context, fault};
use super::{Place, Scanned, Scanner, State, Step};

impl Scanner {
    #[inline]
    pub(super) fn start_name(&mut self, data: &[u8]) -> Step {
        let Some(name) = self.qname(data, 1)? else { return Ok(None) };
        self.index.start(name)?;
        self.spaced = false;
        Ok(Some(State::InTag))
    }

    /// In a start tag, behind its name or an attribute.
    #[inline]
    pub(super) fn in_tag(&mut self, data: &[u8], context: Option<&Context>) -> Step {
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

    #[inline]
    pub(super) fn attr_name(&mut self, data: &[u8]) -> Step {
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

    pub(super) fn equals(&mut self, data: &[u8]) -> Step {
        match self.after_space(data) {
            None => Ok(None),
            Some(b'=') => {
                self.pos += 1;
                Ok(Some(State::Quote))
            }
            Some(_) => fault(ErrorKind::NotWellFormed, "attribute without value", self.pos),
        }
    }

    pub(super) fn open_quote(&mut self, data: &[u8]) -> Step {
        match self.after_space(data) {
            None => Ok(None),
            Some(b @ (b'"' | b'\'')) => {
                self.pos += 1;
                Ok(Some(self.begin_value(b)))
            }
            Some(_) => fault(ErrorKind::NotWellFormed, "attribute value without quotes", self.pos),
        }
    }

    pub(super) fn begin_value(&mut self, quote: u8) -> State {
        self.quote = quote;
        self.start = self.pos;
        self.plain = true;
        State::Value
    }

    pub(super) fn slash(&mut self, data: &[u8], context: Option<&Context>) -> Step {
        match data.get(self.pos) {
            None => Ok(None),
            Some(b'>') => {
                self.pos += 1;
                self.start_done(data, context, true)
            }
            Some(_) => fault(ErrorKind::NotWellFormed, "/ in a tag", self.pos),
        }
    }

    #[inline]
    pub(super) fn start_done(&mut self, data: &[u8], context: Option<&Context>, closed: bool) -> Step {
        self.index.start_done(data, self.pos, context)?;
        if matches!(self.place, Place::Start | Place::Prolog) {
            self.index.end(self.pos);
            return Ok(Some(State::Done(Scanned::Header { closed })));
        }
        if closed { Ok(Some(self.element_done())) } else { Ok(Some(self.begin_text())) }
    }

    /// The name of an end tag, compared as it comes.
    #[inline]
    pub(super) fn end_name(&mut self, data: &[u8], context: Option<&Context>) -> Step {
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

    #[inline]
    pub(super) fn end_space(&mut self, data: &[u8]) -> Step {
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

    pub(super) fn element_done(&mut self) -> State {
        self.index.end(self.pos);
        if self.index.depth() == 0 { State::Done(Scanned::Element) } else { self.begin_text() }
    }
}
