//! Framing: splits, limits, what a stream is made of.
use super::*;

const STREAMS: &[&str] = &[
    "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' xml:lang='en'>\
     <message to='a@b' from=\"c@d/e\"><body>hi &amp; bye &#x1F600; \u{1F600} ä</body></message>\r\n \
     <iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq></stream:stream> \n",
    "\n <stream xmlns='http://etherx.jabber.org/streams' xmlns:x='urn:x'><x:a x:b='1'/><a xmlns='jabber:client'/></stream>",
    "<s:stream xmlns='jabber:server' xmlns:s='http://etherx.jabber.org/streams'/>",
    "<?xml version=\"1.0\" encoding='utf-8' standalone='yes' ?>\n<s><a>]] ]&gt;&#x5d;]<![CDATA[<b>&amp;]]]]><![CDATA[>]]]></a>\
     <b a='&#9;&lt;&quot;'  c = \"'\t\r\n\" ></b ></s>",
    "<s><a>x\r\ny\rz</a><naïve-é:a xmlns:naïve-é='ü'/><a><b><c/>t</b>u</a></s >",
    // And what is refused, wherever it is split.
    "<s><a>]]></a>",
    "<s><a>]]x]]]></a>",
    "<s><a b='<'/>",
    "<s><a>\u{FFFE}</a>",
    "<s><a>&bogus;</a>",
    "<s><a>&#1;</a>",
    "<s><a></b></a>",
    "<s><a></ab></a>",
    "<s><!-- c --></s>",
    "<s><![CDATB[",
    "<s><a b='1' b='2'/>",
    "<s><a x:b='1'/>",
    "<s>text",
    "<s><?xml version='1.0'?>",
    "<?xml version='1.0' encoding='latin1'?>",
    "<?xml version='1.0'",
    "<s></s><a/>",
];

#[test]
fn splitting_at_every_byte_changes_nothing() {
    for stream in STREAMS {
        let bytes = stream.as_bytes();
        let whole = feed([bytes], LIMITS);
        for at in 0..=bytes.len() {
            let (one, two) = bytes.split_at(at);
            assert_eq!(feed([one, two], LIMITS), whole, "{stream} split at {at}");
        }
        assert_eq!(feed(bytes.chunks(1), LIMITS), whole, "{stream} byte by byte");
        assert_eq!(feed(bytes.chunks(3), LIMITS), whole, "{stream} by threes");
    }
}

#[test]
fn bad_utf8_is_refused_alike_wherever_it_is_split() {
    for bad in [
        &b"\xC0\x80"[..],
        b"\xED\xA0\x80",
        b"\xF4\x90\x80\x80",
        b"\xE2\x82x",
        b"\xFF",
        b"\x80",
        b"\xF0\x9F\x98<",
    ] {
        for (before, after) in
            [("<s><a>", "</a>"), ("<s><a b='", "'/>"), ("<s><a", "/>"), ("<s><a><![CDATA[", "]]></a>")]
        {
            let bytes = [before.as_bytes(), bad, after.as_bytes()].concat();
            let whole = feed([&bytes[..]], LIMITS);
            assert_eq!(
                whole.error.as_ref().map(Error::kind),
                Some(ErrorKind::UnsupportedEncoding),
                "{bytes:x?}"
            );
            for at in 0..=bytes.len() {
                let (one, two) = bytes.split_at(at);
                assert_eq!(feed([one, two], LIMITS), whole, "{bytes:x?} split at {at}");
            }
        }
    }
}

#[test]
fn rfc6120_4_3_a_stream_comes_in_frames() {
    let outcome = feed([STREAMS[0].as_bytes()], LIMITS);
    assert_eq!(outcome.error, None);
    assert_eq!(outcome.frames.len(), 4);
    assert!(outcome.frames[0].starts_with("open <stream xmlns='http://etherx"));
    assert!(outcome.frames[1].starts_with("element <message"));
    assert!(outcome.frames[1].contains(" xmlns='jabber:client'"));
    assert!(outcome.frames[1].ends_with("lang Some(\"en\")"));
    assert_eq!(outcome.frames[3], "close");
}

#[test]
fn a_header_that_closes_itself_opens_and_closes() {
    let mut framer = Framer::new(LIMITS);
    let mut input = &b"<s:stream xmlns:s='http://etherx.jabber.org/streams'/>"[..];
    assert!(matches!(framer.next(&mut input), Ok(Some(Frame::Open(_)))));
    assert!(input.is_empty());
    assert!(matches!(framer.next(&mut input), Ok(Some(Frame::Close))));
    assert!(matches!(framer.next(&mut input), Ok(None)));
}

#[test]
fn what_follows_a_frame_stays_in_the_input() {
    let mut framer = Framer::new(LIMITS);
    let mut input = &b"<s><a/>\x16\x03\x01"[..];
    assert!(matches!(framer.next(&mut input), Ok(Some(Frame::Open(_)))));
    assert!(matches!(framer.next(&mut input), Ok(Some(Frame::Element(_)))));
    assert_eq!(input, b"\x16\x03\x01");
    // The same where the frame began in an earlier piece.
    let mut framer = Framer::new(LIMITS);
    assert!(matches!(framer.next(&mut &b"<s"[..]), Ok(None)));
    let mut input = &b"><a"[..];
    assert!(matches!(framer.next(&mut input), Ok(Some(Frame::Open(_)))));
    assert_eq!(input, b"<a");
}

#[test]
fn rfc6120_4_3_3_a_restart_forgets_everything() {
    let mut framer = Framer::new(LIMITS);
    let mut input = &b"<x:s xmlns:x='urn:x' xmlns='urn:d' xml:lang='de'><a"[..];
    assert!(matches!(framer.next(&mut input), Ok(Some(Frame::Open(_)))));
    assert!(matches!(framer.next(&mut input), Ok(None)));
    assert_eq!(framer.buffered(), 2);
    framer.restart();
    assert_eq!(framer.buffered(), 0);
    let mut input = &b"\n<s><a/><x:b/>"[..];
    assert!(matches!(framer.next(&mut input), Ok(Some(Frame::Open(_)))));
    let Ok(Some(Frame::Element(a))) = framer.next(&mut input) else { panic!() };
    assert_eq!((a.ns(), a.lang()), ("", None));
    let error = framer.next(&mut input).unwrap_err();
    assert_eq!((error.kind(), error.offset()), (ErrorKind::NotWellFormed, 9));
    framer.restart();
    assert!(matches!(framer.next(&mut &b"<?xml version='1.0'?><s>"[..]), Ok(Some(Frame::Open(_)))));
}

#[test]
fn limits_are_hard_and_hold_for_any_split() {
    let limits = Limits { max_bytes: 600, max_depth: 3, max_attributes: 4 };
    let body = "x".repeat(600 - "<a></a>".len());
    let good = [
        format!("<s><a>{}</a></s>", &body[1..]),
        "<s><a><a><a/></a></a></s>".into(),
        "<s><a b='' c='' d='' xmlns='u'/></s>".into(),
    ];
    let bad = [
        format!("<s><a>{body}x</a></s>"),
        format!("<s><a b='{body}'/></s>"),
        format!("<s><{body}abcde/></s>"),
        format!("<s a='{body}'>"),
        "<s><a><a><a><a/></a></a></a></s>".into(),
        "<s><a b='' c='' d='' e='' xmlns='u'/></s>".into(),
        format!("<s><a>{}</a></s>", "<b/>".repeat(82)),
        format!("<?xml version='1.0'{}?><s>", " ".repeat(300)),
    ];
    for (streams, wanted) in [(&good[..], None), (&bad[..], Some(ErrorKind::Limit))] {
        for stream in streams {
            let whole = feed([stream.as_bytes()], limits);
            assert_eq!(whole.error.as_ref().map(Error::kind), wanted, "{stream}");
            assert_eq!(feed(stream.as_bytes().chunks(1), limits), whole);
            assert_eq!(feed(stream.as_bytes().chunks(100), limits), whole);
        }
    }
}

#[test]
fn the_number_of_prefixes_in_scope_is_limited() {
    let limits = Limits { max_attributes: 1000, ..LIMITS };
    let with = |n: usize| {
        let declarations: String = (0..n).map(|i| format!(" xmlns:p{i}='u'")).collect();
        feed([format!("<s><a{declarations}><b/></a></s>").as_bytes()], limits)
    };
    assert_eq!(with(64).error, None);
    assert_eq!(with(65).error.map(|e| e.kind()), Some(ErrorKind::Limit));
}

#[test]
fn new_limits_hold_from_the_next_frame_on() {
    let mut framer = Framer::new(Limits { max_bytes: 10, ..LIMITS });
    let mut input = &b"<s><a>12"[..];
    assert!(matches!(framer.next(&mut input), Ok(Some(Frame::Open(_)))));
    assert!(matches!(framer.next(&mut input), Ok(None)));
    framer.set_limits(LIMITS);
    assert_eq!(framer.next(&mut &b"3456</a>"[..]).unwrap_err().kind(), ErrorKind::Limit);
    framer.restart();
    let mut input = &b"<s><a>12345678</a>"[..];
    assert!(matches!(framer.next(&mut input), Ok(Some(Frame::Open(_)))));
    assert!(matches!(framer.next(&mut input), Ok(Some(Frame::Element(_)))));
}

#[test]
fn dripping_input_costs_linear_work() {
    let long = "x".repeat(3000);
    let entities = "&amp;&#65;".repeat(300);
    let names = "é".repeat(1500);
    let stanzas = [
        format!("<a b='{long}'>{long}</a>"),
        format!("<a b='{entities}'>{entities}<![CDATA[{long}]]><![CDATA[x]]></a>"),
        format!("<{names}>{names}</{names}>"),
        format!("<a {long}=''>&#{}65;</a>", "0".repeat(3000)),
        format!("<a{}b=''{}></a{}>", " ".repeat(2000), "\n".repeat(2000), "\t".repeat(2000)),
        "<![CDATA[]]>]]".repeat(300).replace("]]>]]", "]]>]] ").replacen("<![", "<a><![", 1) + "</a>",
    ];
    for stanza in &stanzas {
        let mut framer = Framer::new(LIMITS);
        assert!(matches!(framer.next(&mut &b"<s>"[..]), Ok(Some(_))));
        framer.scanner.offered = 0;
        let mut frame = None;
        for byte in stanza.as_bytes().chunks(1) {
            assert!(frame.is_none());
            frame = framer.next(&mut &byte[..]).unwrap();
        }
        assert!(matches!(frame, Some(Frame::Element(_))), "{stanza}");
        assert!(
            framer.scanner.offered <= 6 * stanza.len(),
            "{} for {}",
            framer.scanner.offered,
            stanza.len()
        );
    }
}

#[test]
fn releasing_buffers_changes_nothing() {
    let mut framer = Framer::new(LIMITS);
    let mut input = &b"<s xmlns='u' xmlns:p='v'><a><p:b/>"[..];
    assert!(matches!(framer.next(&mut input), Ok(Some(Frame::Open(_)))));
    framer.release();
    assert!(matches!(framer.next(&mut input), Ok(None)));
    framer.release();
    let Ok(Some(Frame::Element(a))) = framer.next(&mut &b"</a>"[..]) else { panic!() };
    assert!(a.is("a", "u") && a.child("b", "v").is_some());
}
