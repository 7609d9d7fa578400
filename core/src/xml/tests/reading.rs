//! Reading elements.
use super::*;

#[test]
fn elements_are_read_by_expanded_name() {
    let e = stanza(
        "<message to='a@b' xml:lang='de'><body>hallo</body><x:y xmlns:x='urn:x' x:z='1' z='2'/>\
         <a xmlns='urn:a'><b/></a>tail</message>",
    );
    assert!(e.is("message", "jabber:client"));
    assert_eq!(e.attr("to"), Some("a@b"));
    assert_eq!(e.attr("from"), None);
    assert_eq!(e.attr_ns(crate::ns::XML, "lang"), Some("de"));
    assert_eq!(e.attrs().map(|a| a.name).collect::<Vec<_>>(), ["to", "lang"]);
    assert_eq!(e.child("body", "jabber:client").unwrap().text(), "hallo");
    assert_eq!(e.child("body", "jabber:client").unwrap().lang(), Some("de"));
    let y = e.child("y", "urn:x").unwrap();
    assert_eq!((y.attr("z"), y.attr_ns("urn:x", "z"), y.prefix()), (Some("2"), Some("1"), "x"));
    let b = e.child("a", "urn:a").unwrap().children().next().unwrap();
    assert!(b.is("b", "urn:a"));
    assert_eq!(e.children().count(), 3);
    assert_eq!(e.text(), "tail");
}

#[test]
fn text_is_one_node_however_it_is_written() {
    let e = parse("<a>1&lt;<![CDATA[<2>]]>&#51;\r\n4\r5<b/><![CDATA[]]><c/>]]<![CDATA[]]>></a>");
    let nodes: Vec<String> = e
        .nodes()
        .map(|n| match n {
            Node::Element(e) => e.name().to_owned(),
            Node::Text(t) => format!("{t:?}"),
        })
        .collect();
    assert_eq!(nodes, ["\"1<<2>3\\n4\\n5\"", "b", "c", "\"]]>\""]);
    assert_eq!(e.text(), "1<<2>3\n4\n5]]>");
    assert!(matches!(parse("<a>x<b/></a>").text(), std::borrow::Cow::Borrowed("x")));
}

#[test]
fn attribute_values_are_normalised() {
    let e = parse("<a b=' x\ty\nz\r\nw\rv ' c='&#9;&#10;&#13;&amp;&quot;&apos;&gt;\"'/>");
    assert_eq!(e.attr("b"), Some(" x y z w v "));
    assert_eq!(e.attr("c"), Some("\t\n\r&\"'>\""));
}

#[test]
fn a_namespace_is_what_its_declaration_means() {
    let e = parse("<a xmlns='jabber&#58;client' xmlns:p='urn:&amp;'><p:b/></a>");
    assert_eq!(e.ns(), "jabber:client");
    assert!(e.child("b", "urn:&").is_some());
    let e = parse("<a xmlns='u'><b xmlns=''><c/></b></a>");
    let b = e.child("b", "").unwrap();
    assert!(b.child("c", "").is_some());
    // The same prefix may mean another thing inside, and ends with its element.
    let e = parse("<p:a xmlns:p='u'><p:b xmlns:p='v'/><p:c/></p:a>");
    assert!(e.child("b", "v").is_some() && e.child("c", "u").is_some());
}

#[test]
fn rfc6120_8_1_5_language_is_inherited() {
    let e = stanza("<message><body/><body xml:lang='fr'><x/></body><body xml:lang=''/></message>");
    let langs: Vec<_> = e.children().map(|b| b.lang()).collect();
    assert_eq!(langs, [Some("en"), Some("fr"), None]);
    assert_eq!(e.lang(), Some("en"));
    assert_eq!(e.children().nth(1).unwrap().children().next().unwrap().lang(), Some("fr"));
    assert_eq!(parse("<a/>").lang(), None);
}

#[test]
fn equality_is_by_meaning() {
    let same = [
        ("<a xmlns='u' b='1' c='2'>x</a>", "<p:a c=\"2\" xmlns:p='u' b='&#49;'><![CDATA[x]]></p:a>"),
        ("<a/>", "<a></a >"),
        ("<a xmlns:x='u' x:b=''/>", "<a xmlns:y='u' y:b=''/>"),
        ("<a>&lt;</a>", "<a><![CDATA[<]]></a>"),
    ];
    for (a, b) in same {
        assert_eq!(parse(a), parse(b));
    }
    let different = [
        ("<a/>", "<b/>"),
        ("<a/>", "<a xmlns='u'/>"),
        ("<a b='1'/>", "<a/>"),
        ("<a b='1'/>", "<a b='2'/>"),
        ("<a b='1'/>", "<a xmlns:x='u' x:b='1'/>"),
        ("<a>x</a>", "<a>x </a>"),
        ("<a><b/><c/></a>", "<a><c/><b/></a>"),
        ("<a><b/><c/></a>", "<a><b><c/></b></a>"),
        ("<a><b><c/></b><d/></a>", "<a><b><c/><d/></b></a>"),
        ("<a>x<b/></a>", "<a><b/>x</a>"),
        ("<a><b/></a>", "<a/>"),
    ];
    for (a, b) in different {
        assert_ne!(parse(a), parse(b));
        assert_ne!(parse(b), parse(a));
    }
}

#[test]
fn parts_are_elements_of_their_own() {
    let e = stanza("<message><a xmlns='u'>x<b c='d'/></a><a/></message>");
    let a = e.child("a", "u").unwrap().to_element();
    assert_eq!(a, parse("<a xmlns='u'>x<b c='d'/></a>"));
    assert_eq!(a.children().count(), 1);
    assert_eq!(format!("{a:?}"), "<a xmlns='u' xml:lang='en'>x<b c='d'/></a>");
    fn shared<T: Send + Sync + Clone + 'static>(_: &T) {}
    shared(&a);
}

#[test]
fn depth_costs_no_stack() {
    let depth = 200_000;
    let xml = format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
    let limits = Limits { max_bytes: 16 << 20, max_depth: depth, max_attributes: 1 };
    let e = Element::parse(xml.as_bytes(), limits).unwrap();
    assert_eq!(e, e.clone());
    assert_eq!(e.to_xml().len(), xml.len() - 1 - "</".len() + "/".len() + 2);
}

#[test]
fn documents_stand_alone() {
    assert_eq!(Element::parse(b" \n<a/>\t", LIMITS).unwrap(), parse("<a/>"));
    for bad in
        ["", "  ", "x", "<a/>x", "<a/><b/>", "<a>", "<a", "</a>", "<?xml version='1.0'?><a/>", "<a/><!-- -->"]
    {
        assert!(Element::parse(bad.as_bytes(), LIMITS).is_err(), "{bad}");
    }
    let tight = Limits { max_bytes: 4, ..LIMITS };
    assert!(Element::parse(b"<a/>", tight).is_ok());
    assert_eq!(Element::parse(b"<ab/>", tight).unwrap_err().kind(), ErrorKind::Limit);
}

#[test]
fn an_entry_of_the_index_takes_40_bytes() {
    assert_eq!(size_of::<crate::xml::index::Item>(), 40);
}
