//! Building.
use super::*;

#[test]
fn elements_are_built_as_they_would_be_parsed() {
    let e = Element::builder("iq", "jabber:client")
        .attr("type", "get")
        .attr("id", "1")
        .attr("type", "set")
        .attr_opt("to", None)
        .attr_opt("from", Some("a\"'<&>"))
        .lang("en")
        .text("x < y ")
        .child(
            Element::builder("query", "jabber:iq:roster").child(Element::builder("item", "jabber:iq:roster")),
        )
        .text("&")
        .text("z")
        .element(parse("<p:a xmlns:p='u'><p:b/></p:a>").root())
        .element(stanza("<message/>").root())
        .build();
    let same = parse(
        "<iq xmlns='jabber:client' id='1' type='set' from='a&quot;&apos;&lt;&amp;>' xml:lang='en'>x &lt; y \
         <query xmlns='jabber:iq:roster'><item/></query>&amp;z<a xmlns='u'><b/></a><message/></iq>",
    );
    assert_eq!(e, same);
    assert_eq!(e, parse(&e.to_xml()));
    assert_eq!(e.attr("from"), Some("a\"'<&>"));
}

#[test]
fn content_namespaces_of_children_stay_as_they_are() {
    let e =
        Element::builder("a", "jabber:client").element(parse("<b xmlns='jabber:server'/>").root()).build();
    assert!(e.child("b", "jabber:server").is_some());
    let e = Element::builder("a", "jabber:client").child(Element::builder("b", "")).build();
    assert!(e.child("b", "").is_some());
    assert_eq!(written(&e, server()), "<a><b xmlns=''/></a>");
}

#[test]
fn what_cannot_be_written_is_told_or_replaced() {
    let bad = [
        Element::builder("a b", "u"),
        Element::builder("", "u"),
        Element::builder("1", "u"),
        Element::builder("p:a", "u"),
        Element::builder("a", crate::ns::XML),
        Element::builder("a", crate::ns::XMLNS),
        Element::builder("a", "u\u{1}"),
        Element::builder("a", "u").attr("b c", "1"),
        Element::builder("a", "u").attr("xmlns", "1"),
        Element::builder("a", "u").attr("xmlns:b", "1"),
        Element::builder("a", "u").attr("", "1"),
        Element::builder("a", "u").attr("b", "\u{0}"),
        Element::builder("a", "u").lang("\u{ffff}"),
        Element::builder("a", "u").text("\u{8}"),
        Element::builder("a", "u").child(Element::builder("b", "u").text("\u{fffe}")),
    ];
    for builder in bad {
        assert_eq!(builder.clone().try_build().unwrap_err().kind(), ErrorKind::NotWellFormed, "{builder:?}");
        let e = builder.build();
        assert_eq!(parse(&e.to_xml()), e);
        assert_ne!(e.to_xml(), "<_/>");
    }
    let e = Element::builder("a", "u").text("b\u{8}c").attr("x y", "\u{0}").build();
    assert_eq!((&*e.text(), e.attr("x_y")), ("b\u{FFFD}c", Some("\u{FFFD}")));
    assert_eq!(Element::builder("", "").build().name(), "_");
    assert!(Element::builder("a", "u").text("\u{1F600}\r\n]]>").try_build().is_ok());
}

#[test]
fn the_language_attribute_is_the_language() {
    let e = Element::builder("a", "u").attr("xml:lang", "de").build();
    assert_eq!(e.lang(), Some("de"));
    assert_eq!(e.attr_ns(crate::ns::XML, "lang"), Some("de"));
}

#[test]
fn deep_building_costs_no_stack() {
    let mut builder = Element::builder("a", "u");
    for _ in 0..2000 {
        builder = Element::builder("a", "u").child(builder);
    }
    assert_eq!(builder.build().root().descendants().count(), 2001);
}
