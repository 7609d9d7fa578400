//! Against rxml, which reads XML as strictly and was written by others: both must take the same documents, and read them
//! alike. The fuzz target `xml` does this for whatever it comes up with.
use super::writing::{Dice, random};
use super::*;
use rxml::Parse;

const ACCEPTED: &[&str] = &[
    "<a/>",
    "<?xml version='1.0' encoding='UTF-8' standalone='yes'?>\n<a></a>\n",
    "<a b='1' c=\"2\" d = '\t\r\n x'  ></a  >",
    "<a>x&lt;&gt;&amp;&quot;&apos;&#65;&#x1F600;&#xd;</a>",
    "<a><![CDATA[<b>&amp;]]]]><![CDATA[>]]>x]]&gt;]]</a>",
    "<a>1\r\n2\r3\n4</a>",
    // rxml trips over a lone carriage return in a value.
    "<a b='1\r\n2\n4\t5&#10;&#9;'/>",
    "<naïve.é-1 ü·='ß'/>",
    "<\u{10000}\u{EFFFF}/>",
    "<a xmlns='u'><b/><c xmlns=''><d/></c><e xmlns='v'/></a>",
    "<p:a xmlns:p='u' p:b='1' b='2'><p:c xmlns:p='v' p:d=''/><p:e/></p:a>",
    "<a xml:lang='en' xml:space='preserve'><b xml:base='x'/></a>",
    "<a xmlns:xml='http://www.w3.org/XML/1998/namespace'/>",
    "<a xmlns='jabber&#58;client'/>",
    "<a xmlns:p='u' xmlns:q='v' p:b='' q:b=''/>",
    "<a>\u{7f}\u{85}\u{d7ff}\u{e000}\u{fffd}\u{10ffff}</a>",
    "<a><b><c>x</c>y</b>z</a>",
];

const REFUSED: &[&str] = &[
    "<a>\u{1}</a>",
    "<a>\u{fffe}</a>",
    "<a b='\u{ffff}'/>",
    "<a>&#0;</a>",
    "<a>&#xD800;</a>",
    "<a>&#xFFFE;</a>",
    "<a>]]></a>",
    "<a>&x;</a>",
    "<a>&</a>",
    "<a>&amp</a>",
    "<a b='<'/>",
    "<a b=1/>",
    "<a b/>",
    "<a b='1'c='2'/>",
    "<1/>",
    "<a$/>",
    "< a/>",
    "<>",
    "<a:b:c/>",
    "<:a/>",
    "<a:/>",
    "<a\u{d7}/>",
    "<\u{300}/>",
    "<a></b>",
    "<a></a b=''>",
    "<a b='' b=''/>",
    "<a xmlns:p='u' xmlns:q='u' p:b='' q:b=''/>",
    "<p:a/>",
    "<a p:b=''/>",
    "<a xmlns:p=''/>",
    "<a xmlns:xml='u'/>",
    "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>",
    "<a xmlns:xmlns='u'/>",
    "<a><!-- --></a>",
    "<a><?b?></a>",
    "<!DOCTYPE a><a/>",
    "<a><?xml version='1.0'?></a>",
    "<?xml version='1.1'?><a/>",
    "<?xml version='1.0' encoding='latin1'?><a/>",
    "x<a/>",
    "<a/><b/>",
    "<a/>x",
    "<a></ a>",
    "<a><![CDATA[\u{1}]]></a>",
];

#[derive(Debug, PartialEq)]
enum Event {
    Start(String, String, Vec<(String, String, String)>),
    Text(String),
    End,
}

/// The events of a whole document, or nothing if it is refused.
fn theirs(xml: &[u8]) -> Option<Vec<Event>> {
    let mut parser = rxml::Parser::new();
    let (mut events, mut input, mut depth) = (Vec::new(), xml, 0);
    while let Some(event) = parser.parse(&mut input, true).ok()? {
        match event {
            rxml::Event::XmlDeclaration(..) => {}
            rxml::Event::StartElement(_, (ns, name), attrs) => {
                let attrs = attrs.iter().map(|((ns, name), v)| (ns.to_string(), name.to_string(), v.clone()));
                let mut attrs: Vec<_> = attrs.collect();
                attrs.sort();
                events.push(Event::Start(ns.to_string(), name.to_string(), attrs));
                depth += 1;
            }
            rxml::Event::EndElement(_) => {
                events.push(Event::End);
                depth -= 1;
            }
            rxml::Event::Text(_, text) => match events.last_mut() {
                Some(Event::Text(before)) => before.push_str(&text),
                _ => events.push(Event::Text(text)),
            },
        }
    }
    assert_eq!(depth, 0);
    Some(events)
}

/// The same from a stream of which the document is the only stanza.
fn ours(xml: &str) -> Option<Vec<Event>> {
    // A declaration, and what stands around a document, belong to the stream.
    let (declaration, document) =
        xml.split_at(xml.find("?>").filter(|_| xml.starts_with("<?xml")).map_or(0, |n| n + 2));
    let stream = format!("{declaration}<s>{document}</s>");
    let mut framer = Framer::new(LIMITS);
    let mut input = stream.as_bytes();
    let mut events = Vec::new();
    loop {
        match framer.next(&mut input).ok()? {
            Some(Frame::Open(_)) => {}
            Some(Frame::Element(_)) if !events.is_empty() => return None,
            Some(Frame::Element(e)) => flatten(e.root(), &mut events),
            Some(Frame::Close) => return Some(events),
            None => return None,
        }
    }
}

fn flatten(root: ElementRef<'_>, events: &mut Vec<Event>) {
    let mut attrs: Vec<_> =
        root.attrs().map(|a| (a.ns.to_owned(), a.name.to_owned(), a.value.to_owned())).collect();
    attrs.sort();
    events.push(Event::Start(root.ns().to_owned(), root.name().to_owned(), attrs));
    for node in root.nodes() {
        match node {
            Node::Element(e) => flatten(e, events),
            Node::Text(text) => events.push(Event::Text(text.to_owned())),
        }
    }
    events.push(Event::End);
}

#[test]
fn rxml_reads_alike_what_is_accepted() {
    for xml in ACCEPTED {
        let ours = ours(xml);
        assert!(ours.is_some(), "{xml}");
        assert_eq!(ours, theirs(xml.as_bytes()), "{xml}");
    }
}

#[test]
fn rxml_refuses_what_is_refused() {
    for xml in REFUSED {
        assert_eq!((ours(xml), theirs(xml.as_bytes())), (None, None), "{xml}");
    }
}

#[test]
fn rxml_reads_alike_what_is_written() {
    for seed in 0..500 {
        let mut xml = String::new();
        random(&mut Dice(seed), 4, &[], &mut xml);
        let e = parse(&xml);
        let mut events = Vec::new();
        flatten(e.root(), &mut events);
        assert_eq!(theirs(xml.as_bytes()).as_ref(), Some(&events), "{xml}");
        assert_eq!(theirs(e.to_xml().as_bytes()).as_ref(), Some(&events), "{xml}");
    }
}
