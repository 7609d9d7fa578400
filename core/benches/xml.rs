//! What framing, validating and indexing a message costs, beside rxml, which validates alike but builds nothing.
//!
//! `cargo bench -p waxwing-core --bench xml [-- NAME]`. Each figure is the best of many rounds: what the code costs when
//! the machine does nothing else.
#![allow(missing_docs, clippy::disallowed_methods, clippy::disallowed_types)]

use quick_xml::events::Event;
use rxml::Parse;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::hint::black_box;
use std::time::{Duration, Instant};
use waxwing_core::xml::{Element, Frame, Framer, Limits, Scope};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const LIMITS: Limits = Limits { max_bytes: 256 << 10, max_depth: 64, max_attributes: 128 };
const HEADER: &str = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
    xmlns:stream='http://etherx.jabber.org/streams' to='example.org' version='1.0' xml:lang='en'>";
/// 411 bytes, as clients of today send them.
const MESSAGE: &str = "<message to='juliet@capulet.example' type='chat' id='a3f1c2d4-5b6e-47f8-9a0b-1c2d3e4f5a6b' \
    xml:lang='en'><body>Neither, fair saint, if either thee dislike. Meet me in the orchard.</body><active \
    xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/><markable \
    xmlns='urn:xmpp:chat-markers:0'/><origin-id xmlns='urn:xmpp:sid:0' id='a3f1c2d4-5b6e-47f8-9a0b-1c2d3e4f5a6b-001'/>\
    </message>";

/// Nanoseconds a call, and allocations a call.
fn measure(name: &str, only: Option<&str>, mut f: impl FnMut()) {
    if only.is_some_and(|only| !name.contains(only)) {
        return;
    }
    for _ in 0..1000 {
        f();
    }
    let region = Region::new(ALLOCATOR);
    for _ in 0..100 {
        f();
    }
    let change = region.change();
    let allocations = change.allocations + change.reallocations;
    let mut best = Duration::MAX;
    for _ in 0..300 {
        let begin = Instant::now();
        for _ in 0..200 {
            f();
        }
        best = best.min(begin.elapsed());
    }
    println!(
        "{name:<44} {:>9.1} ns {:>6.2} allocations",
        best.as_nanos() as f64 / 200.0,
        allocations as f64 / 100.0
    );
}

fn framer() -> Framer {
    let mut framer = Framer::new(LIMITS);
    assert!(matches!(framer.next(&mut HEADER.as_bytes()), Ok(Some(Frame::Open(_)))));
    framer
}

fn frame(framer: &mut Framer, xml: &[u8]) -> Element {
    match framer.next(&mut black_box(xml)) {
        Ok(Some(Frame::Element(e))) => e,
        other => panic!("{other:?}"),
    }
}

fn rxml_parser() -> rxml::Parser {
    let mut parser = rxml::Parser::new();
    let mut header = HEADER.as_bytes();
    while !header.is_empty() {
        let _ = parser.parse(&mut header, false);
    }
    parser
}

fn rxml_parse(parser: &mut rxml::Parser, xml: &[u8]) {
    let mut input = black_box(xml);
    while !input.is_empty() {
        match parser.parse(&mut input, false) {
            Ok(event) => drop(black_box(event)),
            Err(rxml::error::EndOrError::NeedMoreData) => break,
            Err(e) => panic!("{e:?}"),
        }
    }
}

/// quick-xml's events and attributes, checked for nothing: what a second pass over a framed stanza would add.
fn quick_xml(xml: &[u8]) {
    let mut reader = quick_xml::Reader::from_reader(black_box(xml));
    reader.config_mut().check_end_names = false;
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag) | Event::Empty(tag)) => {
                for attribute in tag.attributes().with_checks(false) {
                    let _ = black_box(attribute);
                }
            }
            Ok(Event::Eof) => break,
            Ok(event) => drop(black_box(event)),
            Err(e) => panic!("{e}"),
        }
    }
}

fn main() {
    let only = std::env::args().skip(1).find(|arg| !arg.starts_with('-'));
    let only = only.as_deref();
    assert_eq!(MESSAGE.len(), 411);
    let mut ours = framer();
    measure("message 411 B: framer", only, || drop(black_box(frame(&mut ours, MESSAGE.as_bytes()))));
    let mut theirs = rxml_parser();
    measure("message 411 B: rxml", only, || rxml_parse(&mut theirs, MESSAGE.as_bytes()));
    measure("message 411 B: quick-xml, nothing checked", only, || quick_xml(MESSAGE.as_bytes()));
    let (one, two) = MESSAGE.as_bytes().split_at(200);
    measure("message 411 B: framer, in two pieces", only, || {
        assert!(matches!(ours.next(&mut &one[..]), Ok(None)));
        drop(black_box(frame(&mut ours, two)));
    });

    let mut escaped = b"<message><body>".to_vec();
    waxwing_core::xml::escape_text(MESSAGE, &mut escaped);
    escaped.extend_from_slice(b"</body></message>");
    measure("escaped text: framer", only, || drop(black_box(frame(&mut ours, &escaped))));
    for (name, text) in [
        ("8 kB ASCII text", "All the world's a stage, and all the men. ".repeat(200)),
        ("8 kB Cyrillic text", "Быть или не быть, вот в чём вопрос. ".repeat(130)),
        ("8 kB base64", "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo/".repeat(228)),
    ] {
        let xml = format!("<message><body>{text}</body></message>");
        measure(&format!("{name}: framer"), only, || drop(black_box(frame(&mut ours, xml.as_bytes()))));
        measure(&format!("{name}: rxml"), only, || rxml_parse(&mut theirs, xml.as_bytes()));
    }
    let roster: String = (0..100)
        .map(|i| {
            format!(
                "<item jid='user{i}@example.org' name='User {i}' subscription='both'><group>G</group></item>"
            )
        })
        .collect();
    let roster = format!("<iq type='result' id='1'><query xmlns='jabber:iq:roster'>{roster}</query></iq>");
    measure("roster of 100: framer", only, || drop(black_box(frame(&mut ours, roster.as_bytes()))));
    measure("roster of 100: rxml", only, || rxml_parse(&mut theirs, roster.as_bytes()));

    let message = frame(&mut ours, MESSAGE.as_bytes());
    let mut out = Vec::with_capacity(4096);
    measure("write_with from, to another stream", only, || {
        out.clear();
        message.write_with(
            &mut out,
            &Scope::stream("jabber:server", Some("en")),
            &[("from", Some("romeo@a.example/b"))],
        );
        black_box(&out);
    });
    measure("attr, child, text", only, || {
        let message = black_box(&message);
        black_box((message.attr("to"), message.attr("from")));
        black_box(message.child("body", "jabber:client").map(|body| body.text().len()));
        black_box(message.child("origin-id", "urn:xmpp:sid:0"));
    });
    measure("build a message", only, || {
        let body = Element::builder("body", "jabber:client").text("Meet me in the orchard.");
        let builder = Element::builder("message", "jabber:client")
            .attr("to", "juliet@capulet.example")
            .attr("type", "chat");
        drop(black_box(builder.attr("id", "a3f1c2d4").child(body).build()));
    });
}
