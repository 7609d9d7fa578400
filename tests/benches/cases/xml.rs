//! Text and elements, beside rxml (validates alike, hands out events, builds nothing) and minidom (builds trees with rxml).

use super::Group;
use minidom::rxml::{self, NcName, Parse};
use std::hint::black_box;
use waxwing_core::stanza::Stanza;
use waxwing_core::xml::{Element, Frame, Framer, Limits, Scope};

const LIMITS: Limits = Limits { max_bytes: 256 << 10, max_depth: 64, max_attributes: 128 };

const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
    xmlns:stream='http://etherx.jabber.org/streams' to='example.org' version='1.0' xml:lang='en'>";

/// A chat message as clients send it: 411 bytes.
const MESSAGE: &str = "<message to='juliet@capulet.example/balcony' type='chat' \
    id='a3f1c2d4-5b6e-47f8-9a0b-1c2d3e4f5a6b'><body>Neither, fair saint, if either thee dislike. Meet me in the orchard \
    at eight tonight; bring the rope ladder.</body><thread>e0ffe42b28561960c6b12b944a092794</thread><active \
    xmlns='http://jabber.org/protocol/chatstates'/><origin-id xmlns='urn:xmpp:sid:0' \
    id='a3f1c2d4-5b6e-47f8-9a0b-1c2d3e4f5a6b'/></message>";

pub(crate) fn groups() -> Vec<Group> {
    assert_eq!(MESSAGE.len(), 411);
    let long = |text: &str, times| format!("<message><body>{}</body></message>", text.repeat(times));
    let roster: String = (0..100)
        .map(|i| {
            format!(
                "<item jid='user{i}@example.org' name='User {i}' subscription='both'><group>G</group></item>"
            )
        })
        .collect();
    let roster = format!("<iq type='result' id='1'><query xmlns='jabber:iq:roster'>{roster}</query></iq>");
    vec![
        stream("message, 411 bytes, from a stream", MESSAGE.into()),
        stream("message, 8 KB ASCII", long("All the world's a stage, and all the men. ", 194)),
        stream("message, 8 KB Cyrillic", long("Быть или не быть, вот в чём вопрос. ", 130)),
        stream("roster of 100, 8 KB", roster),
        drip(),
        standalone(),
        build(),
        write(),
        stanza(),
    ]
}

/// Stanzas on a stream that is open: validated, and made something that can be read.
fn stream(name: &'static str, xml: String) -> Group {
    let (a, b, c) = (xml.clone(), xml.clone(), xml);
    let mut framer = framer();
    let mut parser = parser();
    Group::new(name)
        .with("waxwing", move || frame(&mut framer, a.as_bytes()))
        .with("rxml", move || events(&mut parser, b.as_bytes()))
        .with("minidom", move || tree(c.as_bytes()))
}

fn drip() -> Group {
    let mut framer = framer();
    let mut parser = parser();
    Group::new("message, 411 bytes, one at a time")
        .with("waxwing", move || {
            let mut bytes = black_box(MESSAGE.as_bytes()).chunks(1);
            bytes.find_map(|mut byte| framer.next(&mut byte).expect("valid"))
        })
        .with("rxml", move || {
            for byte in black_box(MESSAGE.as_bytes()).chunks(1) {
                events(&mut parser, byte);
            }
        })
}

fn standalone() -> Group {
    let xml = MESSAGE.replacen("<message", "<message xmlns='jabber:client'", 1);
    let copy = xml.clone();
    Group::new("element from text that stands alone")
        .with("waxwing", move || Element::parse(black_box(xml.as_bytes()), LIMITS).expect("valid"))
        .with("minidom", move || minidom::Element::from_reader(black_box(copy.as_bytes())).expect("valid"))
}

fn build() -> Group {
    const NS: &str = "jabber:client";
    let [to, kind, id] = names(["to", "type", "id"]);
    Group::new("build a message")
        .with("waxwing", || {
            Element::builder("message", NS)
                .attr("to", black_box("juliet@capulet.example"))
                .attr("type", "chat")
                .attr("id", "a3f1c2d4")
                .child(Element::builder("body", NS).text(black_box("Meet me in the orchard.")))
                .build()
        })
        .with("minidom", move || {
            minidom::Element::builder("message", NS)
                .attr(to.clone(), black_box("juliet@capulet.example"))
                .attr(kind.clone(), "chat")
                .attr(id.clone(), "a3f1c2d4")
                .append(minidom::Element::builder("body", NS).append(black_box("Meet me in the orchard.")))
                .build()
        })
}

/// What a server does with a message that it passes on: another `from`, the rest as it came.
fn write() -> Group {
    const FROM: &str = "romeo@montague.example/orchard";
    let element = frame(&mut framer(), MESSAGE.as_bytes());
    let mut out = Vec::new();
    let mut theirs = tree(MESSAGE.as_bytes());
    let [from] = names(["from"]);
    let mut their_out = Vec::new();
    Group::new("write a message with another from")
        .with("waxwing", move || {
            out.clear();
            let scope = Scope::stream("jabber:client", Some("en"));
            element.write_with(&mut out, &scope, &[("from", Some(black_box(FROM)))]);
            out.len()
        })
        .with("minidom", move || {
            their_out.clear();
            theirs.set_attr(rxml::Namespace::NONE, from.clone(), black_box(FROM));
            theirs.write_to(&mut their_out).expect("memory takes everything");
            their_out.len()
        })
}

fn stanza() -> Group {
    let element = frame(&mut framer(), MESSAGE.as_bytes());
    let to_read = element.clone();
    Group::new("read an element")
        .with("as a stanza", move || Stanza::parse(element.clone()).expect("a message"))
        .with("attributes, a child, its text", move || {
            let element = black_box(&to_read);
            let body = element.child("body", "jabber:client").map(|body| body.text().len());
            (element.attr("to").map(str::len), element.attr("from").map(str::len), body)
        })
}

fn framer() -> Framer {
    let mut framer = Framer::new(LIMITS);
    assert!(matches!(framer.next(&mut HEADER.as_bytes()), Ok(Some(Frame::Open(_)))));
    framer
}

fn frame(framer: &mut Framer, xml: &[u8]) -> Element {
    match framer.next(&mut black_box(xml)) {
        Ok(Some(Frame::Element(element))) => element,
        other => panic!("{other:?}"),
    }
}

fn parser() -> rxml::Parser {
    let mut parser = rxml::Parser::new();
    events(&mut parser, HEADER.as_bytes());
    parser
}

fn events(parser: &mut rxml::Parser, xml: &[u8]) {
    let mut input = black_box(xml);
    while !input.is_empty() {
        match parser.parse(&mut input, false) {
            Ok(event) => drop(black_box(event)),
            Err(rxml::error::EndOrError::NeedMoreData) => break,
            Err(error) => panic!("{error:?}"),
        }
    }
}

fn tree(xml: &[u8]) -> minidom::Element {
    let ns = String::from("jabber:client");
    minidom::Element::from_reader_with_prefixes(black_box(xml), Some(ns)).expect("valid")
}

fn names<const N: usize>(names: [&str; N]) -> [NcName; N] {
    names.map(|name| name.try_into().expect("a name"))
}
