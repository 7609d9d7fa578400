//! Resumable framing with strict validation.
use super::element::Element;
use super::index::{Context, Fault, MAX_FRAME};
use super::limits::Limits;
use super::scan::{Place, Scanned, Scanner};
use super::{Error, ErrorKind, chars};
use std::sync::Arc;

/// One complete, validated piece of a stream.
#[derive(Clone, Debug)]
pub enum Frame {
    /// The stream's start tag, as an element without children.
    Open(Element),
    /// A first-level child of the stream.
    Element(Element),
    /// The stream's end tag.
    Close,
}

/// Where the stream stands between frames.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// Nothing but white space can come, then what belongs here.
    Between(Place),
    /// In a frame.
    Within(Place),
    /// The header closed itself; that has not been told yet.
    Ending,
    /// The stream is over.
    Over,
}

/// How much of the input is gathered at a time where a frame does not lie in one piece of input.
const STEP: usize = 4096;

/// Cuts a stream into [`Frame`]s, in one pass, whatever the split of the input.
///
/// A frame that lies in one piece of input is read where it lies; only of an incomplete one is a copy kept. A byte order mark
/// is refused: RFC 6120 section 11.6 makes U+FEFF text wherever it stands, and no text may stand before the stream's header.
/// An XML declaration may be the very first thing; without one, white space may precede the header.
#[derive(Debug)]
pub struct Framer {
    stage: Stage,
    /// Limits of the current frame, and from the next on.
    limits: Limits,
    next_limits: Limits,
    pub(super) scanner: Scanner,
    context: Option<Arc<Context>>,
    buffer: Vec<u8>,
    /// Offset in the stream of the current frame, or of the next byte between frames.
    offset: u64,
    failed: Option<Error>,
}

impl Framer {
    /// A framer that expects the beginning of a stream.
    pub fn new(limits: Limits) -> Framer {
        Framer {
            stage: Stage::Between(Place::Start),
            limits,
            next_limits: limits,
            scanner: Scanner::new(),
            context: None,
            buffer: Vec::new(),
            offset: 0,
            failed: None,
        }
    }

    /// Changes the limits from the next frame on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.next_limits = limits;
    }

    /// A new stream begins with the next byte (RFC 6120 section 4.3.3). Drops any partial frame.
    pub fn restart(&mut self) {
        self.stage = Stage::Between(Place::Start);
        self.context = None;
        self.buffer = Vec::new();
        self.offset = 0;
        self.failed = None;
    }

    /// Takes bytes from the front of `input` up to and including the end of the next frame. Leaves what follows the frame in
    /// `input`. `None`: all of `input` was taken and the frame is not complete. After an error the framer stays failed until
    /// [`restart`](Self::restart).
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Option<Frame>, Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.advance(input).map_err(|fault| {
            let error = Error::new(fault.kind, fault.what, self.offset + fault.at as u64);
            self.failed = Some(error.clone());
            self.buffer = Vec::new();
            error
        })
    }

    /// Bytes of an incomplete frame held in memory.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// Gives back the buffers that are kept between frames to make the next one cheaper (up to 3 KiB); for connections that
    /// have gone idle. Changes nothing else.
    pub fn release(&mut self) {
        if matches!(self.stage, Stage::Between(_) | Stage::Over) {
            self.scanner.index.release();
        }
    }

    fn advance(&mut self, input: &mut &[u8]) -> Result<Option<Frame>, Fault> {
        loop {
            let place = match self.stage {
                Stage::Ending => {
                    self.stage = Stage::Over;
                    return Ok(Some(Frame::Close));
                }
                Stage::Over => {
                    self.skip_space(input);
                    return match input.first() {
                        None => Ok(None),
                        Some(_) => misplaced(input, ErrorKind::NotWellFormed, "more after the stream's end"),
                    };
                }
                Stage::Between(place) => match self.between(place, input)? {
                    None => return Ok(None),
                    Some(place) => place,
                },
                Stage::Within(place) => place,
            };
            let Some((scanned, element)) = self.scan(input)? else { return Ok(None) };
            let (stage, frame) = match (scanned, element) {
                (Scanned::Declaration, _) => (Stage::Between(Place::Prolog), None),
                (Scanned::Header { closed }, Some(element)) => {
                    self.context = element.context().map(Arc::new);
                    let stage = if closed { Stage::Ending } else { Stage::Between(Place::Stream) };
                    (stage, Some(Frame::Open(element)))
                }
                (Scanned::Element, Some(element)) => (Stage::Between(place), Some(Frame::Element(element))),
                _ => (Stage::Over, Some(Frame::Close)),
            };
            self.stage = stage;
            if frame.is_some() {
                return Ok(frame);
            }
        }
    }

    /// Skips white space up to the next frame and starts on it.
    fn between(&mut self, place: Place, input: &mut &[u8]) -> Result<Option<Place>, Fault> {
        let skipped = self.skip_space(input);
        let place = if skipped && place == Place::Start { Place::Prolog } else { place };
        self.stage = Stage::Between(place);
        match input.first() {
            None => return Ok(None),
            Some(b'<') => {}
            Some(_) if place == Place::Stream => {
                return misplaced(input, ErrorKind::BadFormat, "text between stanzas");
            }
            Some(_) => return misplaced(input, ErrorKind::NotWellFormed, "text before the stream's header"),
        }
        self.limits = self.next_limits;
        self.limits.max_bytes = self.limits.max_bytes.min(MAX_FRAME);
        self.scanner.begin(place, &self.limits, self.context.as_deref());
        self.stage = Stage::Within(place);
        Ok(Some(place))
    }

    fn skip_space(&mut self, input: &mut &[u8]) -> bool {
        let n = input.iter().position(|&b| !chars::is(b, chars::SPACE)).unwrap_or(input.len());
        *input = input.get(n..).unwrap_or_default();
        self.offset += n as u64;
        n > 0
    }

    /// Scans on in the current frame: where it lies if all of it is in `input`, in the buffer if not.
    fn scan(&mut self, input: &mut &[u8]) -> Result<Option<(Scanned, Option<Element>)>, Fault> {
        if self.buffer.is_empty() {
            let data = input.get(..self.limits.max_bytes).unwrap_or(input);
            if let Some(scanned) = self.scanner.run(data, self.context.as_deref())? {
                let (raw, rest) = input.split_at_checked(self.scanner.pos).unwrap_or((input, &[]));
                *input = rest;
                let element = finish(&mut self.scanner, scanned, raw, self.context.as_ref())?;
                self.offset += raw.len() as u64;
                return Ok(Some((scanned, element)));
            }
            self.check_size(data.len())?;
            self.hold(data);
            *input = &[];
            return Ok(None);
        }
        while !input.is_empty() {
            let held = self.buffer.len();
            let n = input.len().min(STEP).min(self.limits.max_bytes - held);
            let (taken, rest) = input.split_at_checked(n).unwrap_or((input, &[]));
            self.hold(taken);
            if let Some(scanned) = self.scanner.run(&self.buffer, self.context.as_deref())? {
                let used = self.scanner.pos;
                *input = input.get(used - held..).unwrap_or_default();
                self.buffer.truncate(used);
                let element = finish(&mut self.scanner, scanned, &self.buffer, self.context.as_ref())?;
                self.offset += used as u64;
                self.buffer = Vec::new();
                return Ok(Some((scanned, element)));
            }
            self.check_size(self.buffer.len())?;
            *input = rest;
        }
        Ok(None)
    }

    /// Keeps bytes of an incomplete frame. The buffer grows by doubling, but not beyond what a frame may have.
    fn hold(&mut self, bytes: &[u8]) {
        let needed = self.buffer.len() + bytes.len();
        if needed > self.buffer.capacity() {
            let size = (2 * self.buffer.capacity()).max(256).min(self.limits.max_bytes).max(needed);
            self.buffer.reserve_exact(size - self.buffer.len());
        }
        self.buffer.extend_from_slice(bytes);
    }

    fn check_size(&self, size: usize) -> Result<(), Fault> {
        if size < self.limits.max_bytes {
            return Ok(());
        }
        Err(Fault { kind: ErrorKind::Limit, what: "too many bytes", at: size })
    }
}

fn finish(
    scanner: &mut Scanner,
    scanned: Scanned,
    raw: &[u8],
    context: Option<&Arc<Context>>,
) -> Result<Option<Element>, Fault> {
    let element = match scanned {
        Scanned::Element => Element::assemble(scanner.index.finish(raw), context),
        Scanned::Header { closed: true } => Element::assemble(scanner.index.finish(raw), None),
        Scanned::Header { closed: false } => {
            let mut text = raw.get(..raw.len().saturating_sub(1)).unwrap_or_default().to_vec();
            text.extend_from_slice(b"/>");
            scanner.index.lengthen_root();
            Element::assemble(scanner.index.finish(&text), None)
        }
        Scanned::Declaration | Scanned::End => return Ok(None),
    };
    match element {
        Some(element) => Ok(Some(element)),
        None => Err(Fault { kind: ErrorKind::UnsupportedEncoding, what: "not UTF-8", at: 0 }),
    }
}

/// Something other than markup stands where only white space may.
fn misplaced<T>(input: &[u8], kind: ErrorKind, what: &'static str) -> Result<T, Fault> {
    let (kind, what) = match input.first() {
        // What UTF-8 never has: UTF-16 with its byte order mark begins like this; without one it has zeros.
        Some(0x80..=0xC1 | 0xF5..) => (ErrorKind::UnsupportedEncoding, "not UTF-8"),
        Some(0) => (ErrorKind::UnsupportedEncoding, "zero byte: not UTF-8"),
        Some(0..0x20) => (ErrorKind::NotWellFormed, "character that XML does not allow"),
        _ => (kind, what),
    };
    Err(Fault { kind, what, at: 0 })
}

impl Element {
    /// Parses one complete element, with nothing before or after it but white space. The same restrictions hold as on a
    /// stream, but nothing is inherited.
    pub fn parse(xml: &[u8], limits: Limits) -> Result<Element, Error> {
        document(xml, limits)
    }
}

/// One element that is no part of a stream.
fn document(xml: &[u8], mut limits: Limits) -> Result<Element, Error> {
    limits.max_bytes = limits.max_bytes.min(MAX_FRAME);
    let fail = |fault: Fault, base: usize| Error::new(fault.kind, fault.what, (base + fault.at) as u64);
    let skip = |from: usize| {
        let rest = xml.get(from..).unwrap_or_default();
        from + rest.iter().position(|&b| !chars::is(b, chars::SPACE)).unwrap_or(rest.len())
    };
    let begin = skip(0);
    let mut scanner = Scanner::new();
    let rest = xml.get(begin..).unwrap_or_default();
    if rest.first() != Some(&b'<') {
        return misplaced(rest, ErrorKind::NotWellFormed, "no element").map_err(|fault| fail(fault, begin));
    }
    scanner.index.reserve(xml.len());
    scanner.begin(Place::Document, &limits, None);
    let data = rest.get(..limits.max_bytes).unwrap_or(rest);
    let scanned = scanner.run(data, None).map_err(|fault| fail(fault, begin))?;
    let Some(scanned) = scanned else {
        let (kind, what) = if rest.len() >= limits.max_bytes {
            (ErrorKind::Limit, "too many bytes")
        } else {
            (ErrorKind::NotWellFormed, "the end is missing")
        };
        return Err(Error::new(kind, what, (begin + data.len()) as u64));
    };
    let end = skip(begin + scanner.pos);
    if let Some(more) = xml.get(end..).filter(|more| !more.is_empty()) {
        return misplaced(more, ErrorKind::NotWellFormed, "more after the element")
            .map_err(|fault| fail(fault, end));
    }
    let raw = data.get(..scanner.pos).unwrap_or_default();
    let element = finish(&mut scanner, scanned, raw, None).map_err(|fault| fail(fault, begin))?;
    element.ok_or_else(|| Error::new(ErrorKind::NotWellFormed, "no element", begin as u64))
}
