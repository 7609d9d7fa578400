//! Tests of XMPP URIs.
use super::*;

fn parse(text: &str) -> XmppUri {
    XmppUri::parse(text).unwrap_or_else(|e| panic!("{text:?}: {e}"))
}
fn jid(text: &str) -> Jid {
    Jid::new(text).unwrap_or_else(|e| panic!("{text:?}: {e}"))
}

#[test]
fn rfc5122_2_2_to_2_5_examples_parse_and_print_alike() {
    type Parts<'a> = (Option<&'a str>, Option<&'a str>, Option<&'a str>, &'a [(&'a str, &'a str)]);
    let cases: &[(&str, Parts<'_>)] = &[
        ("xmpp:node@example.com", (None, Some("node@example.com"), None, &[])),
        ("xmpp://guest@example.com", (Some("guest@example.com"), None, None, &[])),
        ("xmpp:guest@example.com", (None, Some("guest@example.com"), None, &[])),
        (
            "xmpp://guest@example.com/support@example.com?message",
            (Some("guest@example.com"), Some("support@example.com"), Some("message"), &[]),
        ),
        ("xmpp:support@example.com?message", (None, Some("support@example.com"), Some("message"), &[])),
        (
            "xmpp:example-node@example.com/some-resource",
            (None, Some("example-node@example.com/some-resource"), None, &[]),
        ),
        ("xmpp:example.com", (None, Some("example.com"), None, &[])),
        (
            "xmpp:example-node@example.com?message;subject=Hello%20World",
            (None, Some("example-node@example.com"), Some("message"), &[("subject", "Hello World")]),
        ),
    ];
    for (text, (authority, address, query, pairs)) in cases {
        let uri = parse(text);
        assert_eq!(uri.authority().map(|j| j.as_str()), *authority, "{text}");
        assert_eq!(uri.jid().map(Jid::as_str), *address, "{text}");
        assert_eq!(uri.query(), *query, "{text}");
        assert_eq!(uri.pairs().collect::<Vec<_>>(), *pairs, "{text}");
        assert_eq!(uri.to_string(), *text);
        assert_eq!(uri.to_iri(), *text);
    }
}

#[test]
fn rfc5122_2_7_2_nasty_node_and_repulsive_resource() {
    for (address, uri) in [
        (
            r"nasty!#$%()*+,-.;=?[\]^_`{|}~node@example.com",
            "xmpp:nasty!%23$%25()*+,-.;=%3F%5B%5C%5D%5E_%60%7B%7C%7D~node@example.com",
        ),
        (
            r##"node@example.com/repulsive !#"$%&'()*+,-./:;<=>?@[\]^_`{|}~resource"##,
            "xmpp:node@example.com/repulsive%20!%23%22$%25&'()*+,-.%2F:;%3C=%3E%3F%40%5B%5C%5D%5E_%60%7B%7C%7D~resource",
        ),
    ] {
        assert_eq!(XmppUri::new(jid(address)).to_iri(), uri);
        assert_eq!(XmppUri::new(jid(address)).to_uri(), uri);
        assert_eq!(parse(uri).jid(), Some(&jid(address)));
    }
}

#[test]
fn rfc5122_2_7_3_internationalised_addresses_as_iri_and_uri() {
    let address = jid("jiři@čechy.example/v Praze");
    let uri = XmppUri::new(address.clone());
    assert_eq!(uri.to_iri(), "xmpp:jiři@čechy.example/v%20Praze");
    assert_eq!(uri.to_uri(), "xmpp:ji%C5%99i@%C4%8Dechy.example/v%20Praze");
    assert_eq!(parse(&uri.to_iri()).jid(), Some(&address));
    assert_eq!(parse(&uri.to_uri()).jid(), Some(&address));
}

#[test]
fn rfc5122_2_5_and_2_6_query_and_fragment_round_trip() {
    let uri = XmppUri::new(jid("romeo@example.net"))
        .with_authority(BareJid::new("juliet@example.com").unwrap())
        .unwrap()
        .with_query("message")
        .with_pair("subject", "a;b=c&d#e?f/ž %")
        .with_pair("body", "")
        .with_fragment("to be/or not? ž");
    for text in [uri.to_uri(), uri.to_iri()] {
        assert_eq!(parse(&text), uri, "{text}");
    }
    assert_eq!(uri.value("subject"), Some("a;b=c&d#e?f/ž %"));
    assert_eq!(uri.value("body"), Some(""));
    assert_eq!(uri.value("thread"), None);
    assert!(uri.to_uri().is_ascii());
}

#[test]
fn rfc5122_2_5_a_key_without_value_and_stray_separators_are_tolerated() {
    let uri = parse("xmpp:room@muc.example.com?join;password=;nick;;");
    assert_eq!(uri.query(), Some("join"));
    assert_eq!(uri.pairs().collect::<Vec<_>>(), [("password", ""), ("nick", "")]);
}

#[test]
fn rfc5122_2_8_1_scheme_in_any_case_and_ipv6() {
    assert_eq!(parse("XMPP:a@example.com").to_uri(), "xmpp:a@example.com");
    assert_eq!(parse("xmpp:a@[2001:DB8::1]/x").to_uri(), "xmpp:a@[2001:db8::1]/x");
    assert_eq!(parse("xmpp:room@muc.example.com/a@b/c").jid(), Some(&jid("room@muc.example.com/a@b/c")));
    assert_eq!(parse("xmpp://a@example.com/").jid(), None);
}

#[test]
fn rfc5122_2_8_2_encoded_separators_do_not_separate() {
    let error = |text: &str| XmppUri::parse(text).unwrap_err();
    assert!(matches!(error("xmpp:a%40example.com"), UriError::Jid(_)));
    assert!(matches!(error("xmpp:a%2Fb@example.com"), UriError::Jid(_)));
    assert_eq!(parse("xmpp:example.com/a%23b").jid(), Some(&jid("example.com/a#b")));
}

#[test]
fn rfc5122_2_2_what_is_no_xmpp_uri() {
    let jid_error = |text| UriError::Jid(Jid::new(text).unwrap_err());
    for (text, error) in [
        ("", UriError::Scheme),
        ("juliet@example.com", UriError::Scheme),
        ("http://example.com", UriError::Scheme),
        ("xmpp:", jid_error("")),
        ("xmpp:@example.com", jid_error("@example.com")),
        ("xmpp:a@example.com/", jid_error("a@example.com/")),
        ("xmpp:?message", jid_error("")),
        ("xmpp://example.com", UriError::Authority),
        ("xmpp://", UriError::Authority),
        ("xmpp:a b@example.com", UriError::Character(' ')),
        ("xmpp:a@example.com\n", UriError::Character('\n')),
        ("xmpp:<a@example.com>", UriError::Character('<')),
        ("xmpp:a%2@example.com", UriError::Percent),
        ("xmpp:a%@example.com", UriError::Percent),
        ("xmpp:a%GG@example.com", UriError::Percent),
        ("xmpp:a%+1@example.com", UriError::Percent),
        ("xmpp:a%FF@example.com", UriError::Utf8),
        ("xmpp:a%20b@example.com", jid_error("a b@example.com")),
    ] {
        assert_eq!(XmppUri::parse(text), Err(error), "{text:?}");
        assert!(!error.to_string().is_empty());
    }
    let account = BareJid::domain_only("example.com").unwrap();
    assert_eq!(XmppUri::new(jid("a@example.com")).with_authority(account), Err(UriError::Authority));
}

#[test]
fn rfc3987_4_1_what_would_mislead_a_reader_is_encoded_in_an_iri_too() {
    let uri = XmppUri::new(jid("example.com")).with_pair("k", "a\u{202E}b\u{E000}c\u{3000}d\u{1F600}");
    assert_eq!(uri.to_iri(), "xmpp:example.com?;k=a%E2%80%AEb%EE%80%80c%E3%80%80d\u{1F600}");
    assert_eq!(parse(&uri.to_iri()), uri);
}
