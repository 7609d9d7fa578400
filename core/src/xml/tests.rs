mod building;
mod differential;
mod framing;
mod reading;
mod refusing;
mod writing;

use super::*;

pub(super) const LIMITS: Limits = Limits { max_bytes: 64 << 10, max_depth: 64, max_attributes: 32 };
pub(super) const HEADER: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
    xml:lang='en' to='example.org' version='1.0'>";

/// What a stream came to: its frames as text, and why it was refused if it was.
#[derive(Debug, PartialEq)]
pub(super) struct Outcome {
    pub(super) frames: Vec<String>,
    pub(super) error: Option<Error>,
}

pub(super) fn feed<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limits: Limits) -> Outcome {
    let mut framer = Framer::new(limits);
    let mut outcome = Outcome { frames: Vec::new(), error: None };
    for piece in pieces {
        let mut input = piece;
        loop {
            match framer.next(&mut input) {
                Ok(None) => {
                    assert!(input.is_empty());
                    assert!(framer.buffered() <= limits.max_bytes);
                    break;
                }
                Ok(Some(frame)) => outcome.frames.push(match frame {
                    Frame::Open(e) => format!("open {} lang {:?}", e.to_xml(), e.lang()),
                    Frame::Element(e) => format!("element {} lang {:?}", e.to_xml(), e.lang()),
                    Frame::Close => "close".into(),
                }),
                Err(error) => {
                    let again = framer.next(&mut input).expect_err("stays failed");
                    assert_eq!(again, error);
                    outcome.error = Some(error);
                    return outcome;
                }
            }
        }
    }
    outcome
}

pub(super) fn parse(xml: &str) -> Element {
    Element::parse(xml.as_bytes(), LIMITS).unwrap_or_else(|e| panic!("{xml}: {e}"))
}

/// The stanza as a client stream with [`HEADER`] brings it.
pub(super) fn stanza(xml: &str) -> Element {
    stanza_after(HEADER, xml)
}

pub(super) fn stanza_after(header: &str, xml: &str) -> Element {
    let mut framer = Framer::new(LIMITS);
    let all = format!("{header}{xml}");
    let mut input = all.as_bytes();
    let Ok(Some(Frame::Open(_))) = framer.next(&mut input) else { panic!("{header}") };
    match framer.next(&mut input) {
        Ok(Some(Frame::Element(e))) if input.is_empty() => e,
        other => panic!("{xml}: {other:?}"),
    }
}

pub(super) fn written(e: &Element, scope: Scope<'_>) -> String {
    let mut out = Vec::new();
    e.write(&mut out, &scope);
    String::from_utf8(out).unwrap()
}

pub(super) fn client() -> Scope<'static> {
    Scope::stream("jabber:client", Some("en"))
}

pub(super) fn server() -> Scope<'static> {
    Scope::stream("jabber:server", Some("en"))
}
