//! Tests of domains.
use super::*;

fn canonical(domain: &str) -> String {
    prepare(domain).unwrap_or_else(|e| panic!("{domain:?}: {e:?}")).into_owned()
}

#[test]
fn rfc7622_3_2_names_in_canonical_form() {
    let label = "a".repeat(63);
    let longest = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    assert_eq!(longest.len(), 253);
    for name in [
        "example.com",
        "localhost",
        "a",
        "1.2.3.4",
        "xn-",
        "a-b.c-d",
        "čechy.example",
        "faß.de",
        "例え.テスト",
        &longest,
        "☃.net",
    ] {
        // A hyphen at the end is the exception among these.
        if name == "xn-" {
            assert_eq!(prepare(name), Err(Reason::Hyphen));
            continue;
        }
        assert_eq!(canonical(name), name);
    }
}

#[test]
fn rfc7622_3_2_mapping() {
    for (name, form) in [
        ("EXAMPLE.com", "example.com"),
        ("ČECHY.example", "čechy.example"),
        ("xn--echy-fua.example", "čechy.example"),
        ("XN--ECHY-fua.Example", "čechy.example"),
        ("c\u{30C}echy.example", "čechy.example"),
        ("ｅｘａｍｐｌｅ．ｃｏｍ", "example.com"),
        ("例え。テスト", "例え.テスト"),
        ("xn--fa-hia.de", "faß.de"),
        ("βόλος.com", "βόλος.com"),
        ("ΒΌΛΟΣ.com", "βόλοσ.com"),
        ("so\u{AD}ft.example", "soft.example"),
    ] {
        assert_eq!(canonical(name), form, "{name:?}");
    }
}

#[test]
fn rfc7622_3_2_a_final_dot_is_stripped() {
    for dot in [".", "\u{3002}", "\u{FF0E}", "\u{FF61}"] {
        assert_eq!(canonical(&format!("example.com{dot}")), "example.com");
        assert_eq!(canonical(&format!("čechy.example{dot}")), "čechy.example");
        assert_eq!(prepare(dot), Err(Reason::Empty));
    }
    for name in ["example.com..", "a..b", ".example.com", "..", "例え。。テスト"] {
        assert!(
            matches!(prepare(name), Err(Reason::EmptyLabel | Reason::DnsLength)),
            "{name} {:?}",
            prepare(name)
        );
    }
}

#[test]
fn rfc1034_3_1_lengths() {
    let label = |n| "a".repeat(n);
    assert_eq!(prepare(&label(64)), Err(Reason::DnsLength));
    assert_eq!(prepare(&format!("{}.com", label(64))), Err(Reason::DnsLength));
    let long = vec![label(63); 4].join(".");
    assert_eq!(prepare(&long), Err(Reason::DnsLength));
    // As A-labels: 20 characters here, more than 63 there.
    assert_eq!(prepare(&"例え".repeat(40)), Err(Reason::DnsLength));
    assert_eq!(prepare(&"é".repeat(100_000)), Err(Reason::TooLong));
}

#[test]
fn rfc6122_2_2_only_letters_digits_and_hyphens() {
    for c in ('\0'..='\x7f').filter(|&c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '.')) {
        assert_eq!(prepare(&format!("a{c}b.example")), Err(Reason::Prohibited(c)), "{c:?}");
    }
    for name in ["-a.example", "a-.example", "a.-b", "a.b-", "-"] {
        assert_eq!(prepare(name), Err(Reason::Hyphen), "{name}");
    }
    // Hyphens elsewhere are no matter of RFC 6122, and names in use have them.
    assert_eq!(canonical("r3---sn.example"), "r3---sn.example");
    // Characters that decompose to what is not allowed.
    for name in ["a\u{FE6B}b", "a\u{FF0F}b", "a\u{2100}b", "\u{2488}com"] {
        assert!(prepare(name).is_err(), "{name:?}");
    }
}

#[test]
fn rfc5891_5_4_labels_that_idna_refuses() {
    for name in [
        "xn--",
        "xn--a",
        "xn--zzzzzzzz99999",
        "xn--example-.com",
        "xn--abc-.com",
        "\u{301}a.example",
        "אa.example",
        "a\u{200D}b.example",
        "a\u{E000}.example",
        "a\u{FFFD}.example",
        "xn--fss.example\u{378}",
    ] {
        assert!(prepare(name).is_err(), "{name:?} {:?}", prepare(name));
    }
}

#[test]
fn rfc3986_3_2_2_ip_literals() {
    for (literal, form) in [
        ("[::1]", "[::1]"),
        ("[2001:DB8:0:0:0:0:0:1]", "[2001:db8::1]"),
        ("[2001:0db8::0001]", "[2001:db8::1]"),
        ("[::FFFF:192.0.2.1]", "[::ffff:192.0.2.1]"),
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1.", "192.0.2.1"),
        ("[::1].", "[::1]"),
    ] {
        assert_eq!(canonical(literal), form, "{literal}");
        assert_eq!(canonical(form), form);
    }
    for literal in [
        "[",
        "[]",
        "[::1",
        "[::1]]",
        "[::1%25eth0]",
        "[fe80::1%eth0]",
        "[v1.x]",
        "[1.2.3.4]",
        "[::1]x",
        "[ ::1]",
        "[:::1]",
    ] {
        assert_eq!(prepare(literal), Err(Reason::IpLiteral), "{literal}");
    }
    assert_eq!(prepare("::1"), Err(Reason::Prohibited(':')));
}
