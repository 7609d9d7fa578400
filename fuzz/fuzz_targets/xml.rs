//! Streams of bytes against rxml: what we accept, rxml accepts and reads alike; what we refuse and rxml accepts is one of
//! the things listed in [`explained`]. Besides: no split changes anything, and what is written reads as it was.
//!
//! The first byte says how the rest is split and written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rxml::error::EndOrError;
use rxml::{Parse, WithOptions};
use waxwing_core::ns;
use waxwing_core::xml::{Element, ElementRef, Error, ErrorKind, Frame, Framer, Limits, Node, Scope};

const LIMITS: Limits = Limits { max_bytes: 4096, max_depth: 12, max_attributes: 16 };

/// What a stream says, whoever reads it.
#[derive(Debug, PartialEq)]
enum Event {
    Start { ns: String, name: String, attrs: Vec<(String, String, String)> },
    Text(String),
    End,
}

fuzz_target!(|data: &[u8]| {
    let Some((&how, stream)) = data.split_first() else { return };
    let (frames, error) = frames([stream]);
    let step = usize::from(how & 0x0F) + 1;
    let (split, split_error) = self::frames(stream.chunks(step));
    assert_eq!(split_error, error, "split into {step}");
    assert_eq!(format!("{split:?}"), format!("{frames:?}"), "split into {step}");

    let (theirs, verdict) = rxml_events(&prepared(stream));
    let mut ours = Vec::new();
    for frame in &frames {
        match frame {
            Frame::Open(header) => {
                flatten(header.root(), &mut ours);
                ours.pop();
            }
            Frame::Element(e) => flatten(e.root(), &mut ours),
            Frame::Close => ours.push(Event::End),
        }
    }
    if let Verdict::Refused(e) = &verdict
        && ahead(e, stream)
    {
        ours.truncate(theirs.len());
        // A text before the place that stopped rxml may not have been reported in full.
        if let (Some(Event::Text(ours)), Some(Event::Text(theirs))) = (ours.last_mut(), theirs.last()) {
            assert!(ours.starts_with(theirs.as_str()));
            ours.truncate(theirs.len());
        }
    }
    assert!(theirs.len() >= ours.len(), "{:?}: rxml says {verdict:?}", &ours[theirs.len()..]);
    assert_eq!(ours, theirs[..ours.len()], "rxml says {verdict:?}");
    match (&error, &verdict) {
        (None, Verdict::Refused(e)) => assert!(ahead(e, stream) || doomed(stream), "rxml refuses: {e:?}"),
        (Some(error), Verdict::Whole) => assert!(explained(error, stream), "rxml accepts: {error}"),
        _ => {}
    }
    for frame in &frames {
        if let Frame::Open(e) | Frame::Element(e) = frame {
            writes_well(e, how);
        }
    }
});

fn frames<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Frame>, Option<Error>) {
    let mut framer = Framer::new(LIMITS);
    let mut frames = Vec::new();
    for mut input in pieces {
        loop {
            match framer.next(&mut input) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Some(error)),
            }
            assert!(framer.buffered() <= LIMITS.max_bytes);
        }
        assert!(input.is_empty());
    }
    (frames, None)
}

fn flatten(root: ElementRef<'_>, events: &mut Vec<Event>) {
    let mut attrs: Vec<_> = root.attrs().map(|a| (a.ns.into(), a.name.into(), a.value.into())).collect();
    attrs.sort();
    events.push(Event::Start { ns: root.ns().into(), name: root.name().into(), attrs });
    for node in root.nodes() {
        match node {
            Node::Element(e) => flatten(e, events),
            Node::Text(text) => events.push(Event::Text(text.into())),
        }
    }
    events.push(Event::End);
}

#[derive(Debug)]
enum Verdict {
    /// A complete document.
    Whole,
    /// Good as far as it goes.
    Part,
    Refused(rxml::Error),
}

/// rxml's events, white space between stanzas left out.
fn rxml_events(stream: &[u8]) -> (Vec<Event>, Verdict) {
    // Ours are limited by the frame.
    let options = rxml::Options { max_token_length: 2 * LIMITS.max_bytes, ..rxml::Options::default() };
    let mut parser = rxml::Parser::with_options(options);
    let (mut events, mut depth, mut input) = (Vec::new(), 0usize, stream);
    let verdict = loop {
        let at_eof = input.is_empty();
        match parser.parse(&mut input, at_eof) {
            Ok(None) => break Verdict::Whole,
            Ok(Some(rxml::Event::XmlDeclaration(..))) => {}
            Ok(Some(rxml::Event::StartElement(_, (ns, name), attrs))) => {
                depth += 1;
                let mut attrs: Vec<_> = attrs
                    .iter()
                    .map(|((ns, name), value)| (ns.to_string(), name.to_string(), value.clone()))
                    .collect();
                attrs.sort();
                events.push(Event::Start { ns: ns.to_string(), name: name.to_string(), attrs });
            }
            Ok(Some(rxml::Event::EndElement(_))) => {
                depth -= 1;
                events.push(Event::End);
            }
            Ok(Some(rxml::Event::Text(_, text))) => match events.last_mut() {
                _ if depth <= 1 => {}
                Some(Event::Text(before)) => before.push_str(&text),
                _ => events.push(Event::Text(text)),
            },
            Err(EndOrError::NeedMoreData) if !at_eof => {}
            Err(EndOrError::NeedMoreData) | Err(EndOrError::Error(rxml::Error::InvalidEof(_))) => {
                break Verdict::Part;
            }
            Err(EndOrError::Error(error)) => break Verdict::Refused(error),
        }
    };
    (events, verdict)
}

/// True if we refuse the stream once its last token is complete: names, references, start tags and the XML declaration are
/// judged as a whole. Were we content with what is there, one of these ends would take us to the probe behind it.
fn doomed(stream: &[u8]) -> bool {
    let ends: [&[u8]; 9] = [b"", b">", b"'>", b"\">", b"=''>", b";", b";'>", b";\">", b"]]>"];
    let probe: &[u8] = b"<?probe?>";
    ends.iter().all(|end| {
        let error = frames([stream, end, probe]).1;
        error.is_some_and(|e| {
            e.what() != "processing instruction" || e.offset() != (stream.len() + end.len()) as u64
        })
    })
}

/// The stream for rxml, so that what it trips over is compared all the same.
///
/// XML 1.0 section 2.11: a parser reads as if line ends had been translated before. rxml is given them translated: it trips
/// over a lone carriage return in an attribute value, and over `]]` before one in a CDATA section. It also refuses white
/// space before a document that has no XML declaration, where production 22 has `Misc*`.
fn prepared(stream: &[u8]) -> Vec<u8> {
    let space = stream.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n')).count();
    let stream = if stream[space..].starts_with(b"<?") { stream } else { &stream[space..] };
    let mut out = Vec::with_capacity(stream.len());
    for (i, &b) in stream.iter().enumerate() {
        match b {
            b'\r' => out.push(b'\n'),
            b'\n' if i > 0 && stream[i - 1] == b'\r' => {}
            _ => out.push(b),
        }
    }
    out
}

/// What rxml refuses and we rightly do not.
fn ahead(error: &rxml::Error, stream: &[u8]) -> bool {
    match error {
        // A character reference with more than eight digits, zeros in front.
        rxml::Error::UndeclaredEntity => stream.windows(3).any(|w| w == b"&#0" || w == b"&#x"),
        // rxml's ranges of name characters lack U+FDF0 to U+FFFD, which production 4 has.
        rxml::Error::UnexpectedChar(_, '\u{FDF0}'..='\u{FFFD}', _) => true,
        _ => false,
    }
}

/// What we refuse although rxml accepts it.
fn explained(error: &Error, stream: &[u8]) -> bool {
    match error.kind() {
        // Our limits are not rxml's.
        ErrorKind::Limit => true,
        // XML allows both; RFC 6120 sections 4.8.5 and 11.7 do not.
        ErrorKind::BadFormat | ErrorKind::BadNamespacePrefix => true,
        // rxml takes a reference to white space behind the root for white space; production 27 has no references there.
        _ if error.what() == "more after the stream's end" => stream.windows(2).any(|w| w == b"&#"),
        // rxml overlooks that the default namespace is declared twice if it is none the first time.
        _ => error.what() == "attribute given twice" && stream.windows(5).any(|w| w == b"xmlns"),
    }
}

/// Whatever is written is well-formed, at its new place too, and means what it meant.
fn writes_well(e: &Element, how: u8) {
    let limits = Limits { max_bytes: 1 << 20, ..LIMITS };
    let limits =
        Limits { max_depth: 2 * limits.max_depth, max_attributes: 4 * limits.max_attributes, ..limits };
    let mut parts = vec![e.root()];
    parts.extend(e.children());
    for part in parts {
        let alone = Scope { lang: part.lang(), ..Scope::default() };
        let mut out = Vec::new();
        part.write(&mut out, &alone);
        let again = Element::parse(&out, limits);
        let text = String::from_utf8_lossy(&out);
        let again = again.unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(again.root(), part, "{text}");

        let content = [ns::CLIENT, ns::SERVER, ns::COMPONENT][usize::from(how >> 4) % 3];
        let lang = (how & 0x80 != 0).then_some("en");
        let mut out = format!("<stream:stream xmlns:stream='{}' xmlns='{content}'", ns::STREAM).into_bytes();
        if lang.is_some() {
            out.extend_from_slice(b" xml:lang='en'");
        }
        out.push(b'>');
        part.write_with(&mut out, &Scope::stream(content, lang), &[("from", Some("a&b")), ("to", None)]);
        let text = String::from_utf8_lossy(&out);
        let mut framer = Framer::new(limits);
        let mut input = &out[..];
        assert!(matches!(framer.next(&mut input), Ok(Some(Frame::Open(_)))), "{text}");
        let there = match framer.next(&mut input) {
            Ok(Some(Frame::Element(there))) => there,
            // What a document may do and a stream may not. See the framer.
            Err(error) if error.kind() == ErrorKind::BadNamespacePrefix => continue,
            other => panic!("{other:?}: {text}"),
        };
        let translated = if ns::is_content(part.ns()) { content } else { part.ns() };
        assert_eq!((there.name(), there.ns()), (part.name(), translated), "{text}");
        assert_eq!((there.attr("from"), there.attr("to")), (Some("a&b"), None), "{text}");
        assert_eq!(
            there.lang(),
            part.lang().or(lang).filter(|_| part.lang().is_some() || !own_lang(part)),
            "{text}"
        );
        let (theirs, verdict) = rxml_events(&prepared(&out));
        let mut ours = Vec::new();
        flatten(there.root(), &mut ours);
        if matches!(&verdict, Verdict::Refused(e) if ahead(e, &out)) {
            continue;
        }
        assert_eq!(ours, theirs[1..], "rxml says {verdict:?}: {text}");
    }
}

fn own_lang(e: ElementRef<'_>) -> bool {
    e.attr_ns(ns::XML, "lang").is_some()
}
