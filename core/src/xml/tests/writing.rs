//! Writing: what an element leaned on goes with it, and only its start tag changes.
use super::*;

#[test]
fn rfc6120_4_8_3_stanzas_change_their_content_namespace() {
    let e = stanza("<message to='a'><body>x</body></message>");
    assert_eq!(written(&e, client()), "<message to='a'><body>x</body></message>");
    assert_eq!(written(&e, server()), "<message to='a'><body>x</body></message>");
    let explicit = stanza("<message xmlns='jabber:client' to='a'><body>x</body></message>");
    assert_eq!(written(&explicit, server()), "<message to='a'><body>x</body></message>");
    assert_eq!(
        written(&e, Scope { lang: Some("en"), ..Scope::default() }),
        "<message xmlns='jabber:client' to='a'><body>x</body></message>"
    );
}

#[test]
fn xep0297_a_forwarded_stanza_keeps_its_namespace() {
    let inner =
        "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'><body/></message></forwarded>";
    let e = stanza(&format!("<message xmlns='jabber:client'>{inner}</message>"));
    assert_eq!(written(&e, server()), format!("<message>{inner}</message>"));
    let message =
        e.child("forwarded", "urn:xmpp:forward:0").unwrap().child("message", "jabber:client").unwrap();
    assert_eq!(written(&message.to_element(), server()), "<message><body/></message>");
}

#[test]
fn prefixes_of_the_old_header_are_declared_again() {
    let header = "<s:stream xmlns='jabber:client' xmlns:s='http://etherx.jabber.org/streams' xmlns:x='urn:x' xmlns:y='urn:y'>";
    let e = stanza_after(header, "<iq><x:a/></iq>");
    assert_eq!(written(&e, client()), "<iq xmlns:x='urn:x'><x:a/></iq>");
    let e = stanza_after(header, "<iq x:b='1'/>");
    assert_eq!(written(&e, client()), "<iq xmlns:x='urn:x' x:b='1'/>");
    let a = stanza_after(header, "<iq xmlns:z='urn:z'><a xmlns:w='urn:w'><z:b/></a></iq>");
    let a = a.children().next().unwrap().to_element();
    assert_eq!(written(&a, client()), "<a xmlns:w='urn:w' xmlns:z='urn:z'><z:b/></a>");
    // The nearest declaration of a prefix counts.
    let e = stanza_after(header, "<iq xmlns:x='urn:near'><a><x:b/></a></iq>");
    let a = e.children().next().unwrap();
    assert_eq!(a.to_xml(), "<a xmlns='jabber:client' xmlns:x='urn:near'><x:b/></a>");
    let e = stanza_after(header, "<s:features><s:a/></s:features>");
    assert_eq!(
        written(&e, client()),
        "<stream:features xmlns:s='http://etherx.jabber.org/streams'><s:a/></stream:features>"
    );
}

#[test]
fn rfc6120_4_8_5_the_prefix_stream_is_used_where_it_is_declared() {
    let ns = crate::ns::STREAM;
    let e = parse(&format!("<features xmlns='{ns}'><mechanisms xmlns='urn:m'/></features>"));
    assert_eq!(written(&e, client()), "<stream:features><mechanisms xmlns='urn:m'/></stream:features>");
    let e = parse(&format!("<features xmlns='{ns}'><a/></features>"));
    assert_eq!(written(&e, client()), format!("<stream:features xmlns='{ns}'><a/></stream:features>"));
    let e = parse(&format!("<x:features xmlns:x='{ns}' xmlns:stream='urn:other'><stream:a/></x:features>"));
    assert_eq!(parse(&e.to_xml()), e);
    assert_eq!(
        written(&e, client()),
        format!("<features xmlns='{ns}' xmlns:stream='urn:other'><stream:a/></features>")
    );
    let e = stanza("<stream:error><a xmlns='u'/></stream:error>");
    assert_eq!(written(&e, client()), "<stream:error><a xmlns='u'/></stream:error>");
    assert_eq!(e.to_xml(), format!("<error xmlns='{ns}' xml:lang='en'><a xmlns='u'/></error>"));
}

#[test]
fn default_namespaces_stay_what_they_are() {
    let e = parse("<a xmlns='u'><b/></a>");
    assert_eq!(written(&e, client()), "<a xmlns='u'><b/></a>");
    let e = parse("<a><b/></a>");
    assert_eq!(written(&e, client()), "<a xmlns=''><b/></a>");
    // A prefixed root whose content leans on another default namespace.
    let e = parse("<p:a xmlns:p='u' xmlns='v'><b/></p:a>");
    assert_eq!(written(&e, client()), "<p:a xmlns='v' xmlns:p='u'><b/></p:a>");
    let e = parse("<p:a xmlns:p='u'><b xmlns='v'/><p:c/></p:a>");
    assert_eq!(written(&e, client()), "<a xmlns='u' xmlns:p='u'><b xmlns='v'/><p:c/></a>");
    let e = parse("<c:message xmlns:c='jabber:client'><c:body/></c:message>");
    assert_eq!(written(&e, server()), "<message xmlns:c='jabber:server'><c:body/></message>");
    let e = parse("<c:message xmlns:c='jabber:client'><x/></c:message>");
    assert_eq!(written(&e, server()), "<c:message xmlns='' xmlns:c='jabber:server'><x/></c:message>");
}

#[test]
fn rfc6120_8_1_5_an_inherited_language_is_written_out() {
    let e = stanza("<message><body/></message>");
    assert_eq!(
        written(&e, Scope::stream("jabber:client", Some("de"))),
        "<message xml:lang='en'><body/></message>"
    );
    assert_eq!(written(&e, Scope::stream("jabber:client", None)), "<message xml:lang='en'><body/></message>");
    let own = stanza("<message xml:lang='fr'/>");
    assert_eq!(written(&own, client()), "<message xml:lang='fr'/>");
    let body = stanza("<message xml:lang='fr'><body/></message>").children().next().unwrap().to_element();
    assert_eq!(written(&body, client()), "<body xml:lang='fr'/>");
}

#[test]
fn attributes_of_the_start_tag_are_replaced_by_name() {
    let e = stanza("<message from='evil' id=\"a'b\" to='x from=&apos;y&apos;'><from from='z'/></message>");
    let with = |attrs: &[(&str, Option<&str>)]| {
        let mut out = Vec::new();
        e.write_with(&mut out, &client(), attrs);
        String::from_utf8(out).unwrap()
    };
    assert_eq!(
        with(&[("from", Some("a&b"))]),
        "<message from='a&amp;b' id=\"a'b\" to='x from=&apos;y&apos;'><from from='z'/></message>"
    );
    assert_eq!(
        with(&[("from", None), ("to", None), ("nope", None)]),
        "<message id=\"a'b\"><from from='z'/></message>"
    );
    assert_eq!(
        with(&[("from", None), ("to", None), ("id", Some("1")), ("type", Some("chat"))]),
        "<message id='1' type='chat'><from from='z'/></message>"
    );
    // The last word counts, and nothing that is no name gets in.
    assert_eq!(
        with(&[
            ("from", None),
            ("to", None),
            ("id", Some("1")),
            ("id", Some("2")),
            ("b c", Some("3")),
            ("xmlns", Some("u"))
        ]),
        "<message id='2'><from from='z'/></message>"
    );
}

#[test]
fn what_is_inside_is_copied_as_it_is() {
    let inner = "\n <b  c=\"1\"\td='&#65;'></b ><![CDATA[x]]>&#x41;\r\n";
    let e = stanza(&format!("<message>{inner}</message >"));
    assert_eq!(written(&e, client()), format!("<message>{inner}</message>"));
}

#[test]
fn escaping_survives_parsing() {
    let all = "<>&'\"\t\n\r]]>\u{1F600}\u{0}\u{1}\u{FFFE}\u{FFFF}x";
    let (mut text, mut attr) = (Vec::new(), Vec::new());
    escape_text(all, &mut text);
    escape_attr(all, &mut attr);
    for quote in ["'", "\""] {
        let xml = format!(
            "<a b={quote}{}{quote}>{}</a>",
            str::from_utf8(&attr).unwrap(),
            str::from_utf8(&text).unwrap()
        );
        let e = parse(&xml);
        let wanted = "<>&'\"\t\n\r]]>\u{1F600}\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}x";
        assert_eq!((e.attr("b"), &*e.text()), (Some(wanted), wanted));
    }
}

/// A small generator: the core has no random numbers of its own, and the same seeds must fail again.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((self.0 >> 33) as usize) % sides
    }
    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len())]
    }
}

const SPACES: &[&str] =
    &["jabber:client", "jabber:server", "urn:a", "http://etherx.jabber.org/streams", "a&amp;b"];
const PREFIXES: &[&str] = &["p", "q", "stream"];

/// A random element that is well-formed where `declared` prefixes are.
pub(super) fn random(dice: &mut Dice, depth: usize, declared: &[&str], out: &mut String) {
    let mut declared = declared.to_vec();
    let mut start = String::new();
    if dice.roll(3) == 0 {
        start += &format!(" xmlns='{}'", if dice.roll(4) == 0 { "" } else { dice.pick(SPACES) });
    }
    let fresh = PREFIXES[dice.roll(3)];
    if dice.roll(3) == 0 {
        start += &format!(" xmlns:{fresh}=\"{}\"", dice.pick(SPACES));
        declared.push(fresh);
    }
    let prefix = |dice: &mut Dice| match dice.roll(3) {
        0 if !declared.is_empty() => format!("{}:", dice.pick(&declared)),
        _ => String::new(),
    };
    let name = prefix(dice) + dice.pick(&["message", "a", "b"]);
    if dice.roll(2) == 0 {
        start += &format!(" {}x='{}'", prefix(dice), dice.pick(&["", "1", "&lt;\t", "é"]));
    }
    if dice.roll(5) == 0 {
        start += &format!(" xml:lang='{}'", dice.pick(&["", "de", "en"]));
    }
    *out += &format!("<{name}{start}");
    let children = if depth == 0 { 0 } else { dice.roll(4) };
    if children == 0 {
        *out += "/>";
        return;
    }
    *out += ">";
    for _ in 0..children {
        if dice.roll(2) == 0 {
            *out += dice.pick(&["x", "&amp;", "<![CDATA[<]]>", "\r\n", " "]);
        }
        random(dice, depth - 1, &declared, out);
    }
    *out += &format!("</{name}>");
}

#[test]
fn what_is_written_reads_as_it_was() {
    let header = "<stream:stream xmlns='urn:h' xmlns:stream='http://etherx.jabber.org/streams' xmlns:p='urn:p' xml:lang='de'>";
    for seed in 0..1000 {
        let mut xml = String::new();
        random(&mut Dice(seed), 4, &["p", "stream"], &mut xml);
        let e = stanza_after(header, &xml);
        for part in e.root().descendants() {
            let alone = Scope { lang: part.lang(), ..Scope::default() };
            let again = parse(&written(&part.to_element(), alone));
            assert_eq!(again.root(), part, "seed {seed}: {xml} as {}", part.to_xml());
            assert_eq!(parse(&part.to_xml()).lang(), part.lang(), "seed {seed}: {xml}");
            // In a scope that is no stream nothing changes either.
            let scope = Scope { default_ns: "urn:a", ..alone };
            let inside = format!("<r xmlns='urn:a'>{}</r>", written(&part.to_element(), scope));
            assert_eq!(parse(&inside).children().next(), Some(part), "seed {seed}: {xml} as {inside}");
            // On a stream all but the content namespace stays.
            let component = Scope::stream(crate::ns::COMPONENT, Some("en"));
            let header = HEADER.replace(crate::ns::CLIENT, crate::ns::COMPONENT);
            let there = stanza_after(&header, &written(&part.to_element(), component));
            if !crate::ns::is_content(part.ns()) {
                assert_eq!(there.ns(), part.ns(), "seed {seed}: {xml}");
            } else {
                assert_eq!(there.ns(), crate::ns::COMPONENT, "seed {seed}: {xml}");
            }
            assert_eq!(
                (there.name(), there.lang()),
                (part.name(), part.lang().or(there.lang())),
                "seed {seed}: {xml}"
            );
        }
    }
}
