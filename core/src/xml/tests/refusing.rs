//! Every mistake is refused, and as the kind that RFC 6120 section 4.9.3 has for it.
use super::*;
use ErrorKind::*;

fn kind(stream: &[u8]) -> Option<ErrorKind> {
    feed([stream], LIMITS).error.map(|e| e.kind())
}

/// As a stanza of a stream.
fn all(wanted: ErrorKind, stanzas: &[&str]) {
    for xml in stanzas {
        assert_eq!(kind(format!("{HEADER}{xml}").as_bytes()), Some(wanted), "{xml}");
        let inner = format!("{HEADER}<message xmlns:d='urn:d'>{xml}</message>");
        assert_eq!(kind(inner.as_bytes()), Some(wanted), "{xml} inside");
    }
}

#[test]
fn rfc6120_4_9_3_18_restricted_xml() {
    all(Restricted, &["<!-- c -->", "<?php x?>", "<?xml-stylesheet x?>", "<!DOCTYPE a>", "<!ENTITY a 'b'>"]);
    all(Restricted, &["<a>&nbsp;</a>", "<a b='&foo;'/>", "<a>&ampx;</a>", "<a>&Amp;</a>"]);
    for stream in ["<!DOCTYPE s><s>", "<!-- --><s>", "<?php ?><s>", "<?xml version='1.0'?><!DOCTYPE s>"] {
        assert_eq!(kind(stream.as_bytes()), Some(Restricted), "{stream}");
    }
}

#[test]
fn rfc6120_4_9_3_13_characters() {
    all(
        NotWellFormed,
        &["<a>\u{1}</a>", "<a>\0</a>", "<a>\u{b}</a>", "<a>\u{1f}</a>", "<a>\u{fffe}</a>", "<a>\u{ffff}</a>"],
    );
    all(
        NotWellFormed,
        &["<a b='\u{1}'/>", "<a b='\u{ffff}'/>", "<a><![CDATA[\u{1}]]></a>", "<a><![CDATA[\u{fffe}]]></a>"],
    );
    all(
        NotWellFormed,
        &["<a>&#0;</a>", "<a>&#x1;</a>", "<a>&#xD800;</a>", "<a>&#xFFFE;</a>", "<a>&#x110000;</a>"],
    );
    all(
        NotWellFormed,
        &["<a>&#99999999999999999999;</a>", "<a>&#;</a>", "<a>&#x;</a>", "<a>&#xg;</a>", "<a>&#X41;</a>"],
    );
    all(
        NotWellFormed,
        &["<a>& </a>", "<a>&;</a>", "<a>&amp</a>", "<a b='&'/>", "<a>&a:b;</a>", "<a>&1;</a>", "<a>]]></a>"],
    );
}

#[test]
fn rfc6120_4_9_3_13_tags() {
    all(
        NotWellFormed,
        &[
            "<1a/>",
            "<a$b/>",
            "< b/>",
            "<>",
            "</>",
            "<-a/>",
            "<.a/>",
            "<a\u{d7}/>",
            "<\u{300}a/>",
            "<\u{37e}/>",
        ],
    );
    all(NotWellFormed, &["<a:b:c/>", "<:a/>", "<a:/>", "<d:1/>", "<a :b=''/>", "<a d:=''/>", "<a 1=''/>"]);
    all(
        NotWellFormed,
        &["<a b='1'c='2'/>", "<a b/>", "<a b=1/>", "<a b=''/ >", "<a /b>", "<a b='<'/>", "<a b=\"<\"/>"],
    );
    all(
        NotWellFormed,
        &["<a></b>", "<a></ab>", "<ab></a>", "<a></a b=''>", "<a></a/>", "<a></A>", "<d:a></a>", "<a></ a>"],
    );
    all(NotWellFormed, &["<a b='' b=''/>", "<a xmlns='' xmlns=''/>", "<a xmlns:p='u' xmlns:p='u'/>"]);
    all(NotWellFormed, &["<!a>", "<![cdata[", "<!-a", "<!>", "<a><![CDATA [", "<a \u{1}/>", "<\u{1}/>"]);
    let twenty: String = (0..20).map(|i| format!(" a{i}=''")).collect();
    all(NotWellFormed, &[&format!("<a{twenty} a7=''/>")]);
}

#[test]
fn rfc6120_11_3_namespaces() {
    all(
        NotWellFormed,
        &["<x:a/>", "<a x:b=''/>", "<a xmlns:p=''/>", "<a xmlns:xml='u'/>", "<a xmlns:xmlns='u'/>"],
    );
    all(
        NotWellFormed,
        &[
            "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>",
            "<a xmlns:p='http://www.w3.org/2000/xmlns/'/>",
        ],
    );
    all(
        NotWellFormed,
        &["<a xmlns='http://www.w3.org/XML/1998/namespace'/>", "<a xmlns='http://www.w3.org/2000/xmlns/'/>"],
    );
    all(
        NotWellFormed,
        &[
            "<xmlns:a/>",
            "<a xmlns:xmlns='http://www.w3.org/2000/xmlns/'/>",
            "<a xmlns:=''/>",
            "<a xmlns:a:b=''/>",
        ],
    );
    all(
        NotWellFormed,
        &["<a xmlns:p='u' xmlns:q='u' p:b='' q:b=''/>", "<a xmlns:p='u' xmlns:q='&#117;' p:b='' q:b=''/>"],
    );
    all(NotWellFormed, &["<a><b xmlns:x='u'/><x:c/></a>"]);
    let good = "<a xmlns:xml='http://www.w3.org/XML/1998/namespace' xmlns:p='u' p:b='' b=''/>";
    assert_eq!(kind(format!("{HEADER}{good}").as_bytes()), None);
}

#[test]
fn rfc6120_4_8_5_content_takes_no_prefix() {
    all(
        BadNamespacePrefix,
        &["<c:message xmlns:c='jabber:client'/>", "<iq><c:a xmlns:c='jabber&#58;client'/></iq>"],
    );
    // Nor may what a server would have to route to the other kind of stream.
    all(BadNamespacePrefix, &["<a><c:message xmlns:c='jabber:server'/></a>"]);
    assert_eq!(kind(b"<s><c:message xmlns:c='jabber:client'/>"), None);
}

#[test]
fn rfc6120_4_9_3_22_encodings() {
    for stream in [
        &b"\xFE\xFF\0<\0s"[..],
        b"\xFF\xFE<\0s\0",
        b"\0<\0s",
        b"<?xml version='1.0' encoding='UTF-16'?><s>",
        b"<?xml version='1.0' encoding='ISO-8859-1'?><s>",
        b"<s>\xFF",
        b"<s><a>\xE4</a>",
    ] {
        assert_eq!(kind(stream), Some(UnsupportedEncoding), "{stream:x?}");
    }
}

#[test]
fn rfc6120_11_5_declarations() {
    for good in [
        "<?xml version='1.0'?><s>",
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<s>",
        "<?xml\tversion = '1.0' encoding='Utf-8'\nstandalone='no' ?><s>",
        " \n<s>",
    ] {
        assert_eq!(kind(good.as_bytes()), None, "{good}");
    }
    for bad in [
        "<?xml?><s>",
        "<?xml ?><s>",
        "<?xml version='1.1'?><s>",
        "<?xml version='2.0'?><s>",
        "<?xml version=1.0?><s>",
        "<?xml version='1.0\"?><s>",
        "<?xml version='1.0'encoding='UTF-8'?><s>",
        "<?xml encoding='UTF-8'?><s>",
        "<?xml encoding='UTF-8' version='1.0'?><s>",
        "<?xml version='1.0' standalone='maybe'?><s>",
        "<?xml version='1.0' version='1.0'?><s>",
        "<?xml version='1.0' x='y'?><s>",
        "<?xml version='1.0'><s>",
        "<?xml version='1.0' ? ><s>",
        "<?XML version='1.0'?><s>",
        " <?xml version='1.0'?><s>",
        "<?xml version='1.0'?><?xml version='1.0'?><s>",
        "<s><?xml version='1.0'?>",
        "<s><a><?xml version='1.0'?></a>",
        "\u{FEFF}<s>",
        "\u{FEFF}<?xml version='1.0'?><s>",
    ] {
        assert_eq!(kind(bad.as_bytes()), Some(NotWellFormed), "{bad}");
    }
}

#[test]
fn rfc6120_4_9_3_1_text_between_stanzas() {
    for text in ["x", "&amp;", "]]>", "ä", "<![CDATA[x]]>", " x"] {
        assert_eq!(kind(format!("{HEADER}{text}").as_bytes()), Some(BadFormat), "{text}");
    }
    assert_eq!(kind(format!("{HEADER}\u{1}").as_bytes()), Some(NotWellFormed));
    for stream in [
        "GET / HTTP/1.1\r\n",
        "\x16\x03\x01",
        "</s>",
        "<![CDATA[x]]><s>",
        "<s></s>x",
        "<s></s><s>",
        "<s></t>",
    ] {
        assert_eq!(kind(stream.as_bytes()), Some(NotWellFormed), "{stream}");
    }
}

#[test]
fn errors_say_where() {
    let error = feed([&b"<s>\n<a>\x01"[..]], LIMITS).error.unwrap();
    assert_eq!(error.offset(), 7);
    assert_eq!(error.to_string(), "character that XML does not allow (at byte 7)");
}

#[test]
fn rfc6120_13_12_the_index_of_a_small_frame_is_small_too() {
    let elements = |n: usize| format!("<a>{}</a>", "<b/>".repeat(n));
    let limits = Limits { max_bytes: 10 << 10, max_depth: 16, max_attributes: 32 };
    assert!(Element::parse(elements(10_240 / 32 + 31).as_bytes(), limits).is_ok());
    let error = Element::parse(elements(10_240 / 32 + 32).as_bytes(), limits).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    // A roster comes after authentication, and there each entry of the index may take 12 bytes.
    let limits = Limits { max_bytes: 256 << 10, ..limits };
    assert!(Element::parse(elements(20_000).as_bytes(), limits).is_ok());
}
