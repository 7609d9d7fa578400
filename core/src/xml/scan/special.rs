//! What begins with `<!` or `<?`: CDATA sections, the XML declaration, and what RFC 6120 section 11.1 forbids.
use super::super::index::fault;
use super::super::{ErrorKind, chars, declaration};
use super::{Place, Scanned, Scanner, State, Step};

/// Bytes an XML declaration may have.
const MAX_DECLARATION: usize = 256;

impl Scanner {
    /// Behind `<!`.
    pub(super) fn bang(&mut self, data: &[u8]) -> Step {
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

    /// Behind `<?`. Only an XML declaration may stand there, and only at the beginning of a stream.
    pub(super) fn instruction(&mut self, data: &[u8]) -> Step {
        let target = data.get(self.pos..).unwrap_or_default();
        let is_xml = target.iter().zip(b"xml").all(|(b, x)| b.eq_ignore_ascii_case(x));
        let next = match target.get(3) {
            None if is_xml => return Ok(None),
            Some(&b) if is_xml => b,
            _ => return fault(ErrorKind::Restricted, "processing instruction", self.start),
        };
        if chars::is(next, chars::NAME) || next == b':' || next >= 0x80 {
            return fault(ErrorKind::Restricted, "processing instruction", self.start);
        }
        if !target.starts_with(b"xml") {
            return fault(ErrorKind::NotWellFormed, "processing instruction called xml", self.start);
        }
        if self.place != Place::Start {
            let what = "XML declaration not at the beginning of a stream";
            return fault(ErrorKind::NotWellFormed, what, self.start);
        }
        Ok(Some(State::Declaration))
    }

    /// Judges the declaration once its `>` is there.
    pub(super) fn declaration(&mut self, data: &[u8]) -> Step {
        let rest = data.get(self.pos..).unwrap_or_default();
        let closing = memchr::memchr(b'>', rest);
        self.pos += closing.map_or(rest.len(), |n| n + 1);
        if self.pos > MAX_DECLARATION {
            return fault(ErrorKind::Limit, "XML declaration too long", MAX_DECLARATION);
        }
        if closing.is_none() {
            return Ok(None);
        }
        declaration::check(data.get(..self.pos).unwrap_or_default())?;
        Ok(Some(State::Done(Scanned::Declaration)))
    }
}
