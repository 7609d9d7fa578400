//! Tests of addresses.
use super::*;
use std::collections::BTreeSet;
use std::hash::DefaultHasher;

fn jid(text: &str) -> Jid {
    Jid::new(text).unwrap_or_else(|e| panic!("{text:?}: {e}"))
}
fn refusal(text: &str) -> (Part, Reason) {
    match Jid::new(text) {
        Ok(jid) => panic!("{text:?} became {jid:?}"),
        Err(e) => (e.part(), e.reason()),
    }
}
fn hash(value: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

#[test]
fn rfc7622_3_5_addresses() {
    for (text, parts) in [
        ("juliet@example.com", (Some("juliet"), "example.com", None)),
        ("juliet@example.com/foo", (Some("juliet"), "example.com", Some("foo"))),
        ("juliet@example.com/foo bar", (Some("juliet"), "example.com", Some("foo bar"))),
        ("juliet@example.com/foo@bar", (Some("juliet"), "example.com", Some("foo@bar"))),
        ("foo\\20bar@example.com", (Some("foo\\20bar"), "example.com", None)),
        ("fussball@example.com", (Some("fussball"), "example.com", None)),
        ("π@example.com", (Some("π"), "example.com", None)),
        ("Σ@example.com/foo", (Some("σ"), "example.com", Some("foo"))),
        ("σ@example.com/foo", (Some("σ"), "example.com", Some("foo"))),
        ("king@example.com/♚", (Some("king"), "example.com", Some("♚"))),
        ("example.com", (None, "example.com", None)),
        ("example.com/foobar", (None, "example.com", Some("foobar"))),
        ("a.example.com/b@example.net", (None, "a.example.com", Some("b@example.net"))),
    ] {
        let jid = jid(text);
        assert_eq!((jid.local(), jid.domain(), jid.resource()), parts, "{text:?}");
        assert_eq!(Jid::from_parts(parts.0, parts.1, parts.2).as_ref(), Ok(&jid));
    }
}

#[test]
fn rfc7622_3_5_what_is_no_address() {
    for (text, part, reason) in [
        ("\"juliet\"@example.com", Part::Local, Reason::Prohibited('"')),
        ("foo bar@example.com", Part::Local, Reason::Prohibited(' ')),
        ("@example.com/", Part::Local, Reason::Empty),
        ("juliet@", Part::Domain, Reason::Empty),
        ("/foobar", Part::Domain, Reason::Empty),
        ("", Part::Domain, Reason::Empty),
        ("@", Part::Local, Reason::Empty),
        ("juliet@/foo", Part::Domain, Reason::Empty),
        ("juliet@example.com/", Part::Resource, Reason::Empty),
        ("@example.com", Part::Local, Reason::Empty),
        ("a@b@example.com", Part::Domain, Reason::Prohibited('@')),
        ("a@example.com/\u{7}", Part::Resource, Reason::Prohibited('\u{7}')),
    ] {
        assert_eq!(refusal(text), (part, reason), "{text:?}");
    }
}

/// Where RFC 7622 (PRECIS) and RFC 6122 (stringprep) differ, this is stringprep, by which servers route.
#[test]
fn rfc6122_a_stringprep_decides_where_precis_differs() {
    for (text, canonical) in [
        ("fußball@example.com", "fussball@example.com"),
        ("ς@example.com/foo", "σ@example.com/foo"),
        ("henryⅣ@example.com", "henryiv@example.com"),
        ("♚@example.com", "♚@example.com"),
        ("ﬁ@example.com", "fi@example.com"),
        ("x²@example.com", "x2@example.com"),
        ("juliet@example.com/ foo", "juliet@example.com/ foo"),
        ("a@example.com/ﬁ²", "a@example.com/fi2"),
        ("so\u{AD}ft@example.com/ha\u{AD}rd", "soft@example.com/hard"),
    ] {
        assert_eq!(jid(text).as_str(), canonical, "{text:?}");
    }
    assert_eq!(jid("JuLiet@EXAMPLE.com/Balcony").as_str(), "juliet@example.com/Balcony");
    assert_eq!(jid("ÉLISE@example.com/É").as_str(), "élise@example.com/É");
}

#[test]
fn rfc7622_3_3_1_excluded_characters() {
    for c in ['"', '&', '\'', '/', ':', '<', '>', '@', ' '] {
        let error = Jid::from_parts(Some(&format!("a{c}b")), "example.com", None).unwrap_err();
        assert_eq!((error.part(), error.reason()), (Part::Local, Reason::Prohibited(c)));
        assert!(error.to_string().contains(&format!("U+{:04X}", u32::from(c))), "{error}");
    }
    // RFC 6122 appendix A.7: these turn into one of them.
    for c in "\u{2100}\u{2101}\u{2105}\u{2106}\u{226E}\u{226F}\u{FE60}\u{FE64}\u{FE65}\u{FE6B}\u{FF02}\u{FF06}\u{FF07}\u{FF0F}\u{FF1A}\u{FF1C}\u{FF1E}\u{FF20}".chars() {
        let reason = Jid::from_parts(Some(&c.to_string()), "example.com", None).map_err(|e| e.reason());
        // The two signs with a stroke keep it: NFKC composes what it took apart.
        let survives = matches!(c, '\u{226E}' | '\u{226F}');
        assert_eq!(reason.is_ok(), survives, "{c:?} {reason:?}");
    }
}

#[test]
fn rfc7622_3_2_first_slash_then_first_at() {
    let jid = jid("example.com/a/b@c/d");
    assert_eq!((jid.local(), jid.domain(), jid.resource()), (None, "example.com", Some("a/b@c/d")));
    // Separators count before anything is mapped: the small at sign is none.
    assert_eq!(refusal("a\u{FE6B}example.com").0, Part::Domain);
}

#[test]
fn rfc7622_3_1_each_part_has_1_to_1023_bytes_after_preparation() {
    let a = |n| "a".repeat(n);
    assert_eq!(jid(&format!("{}@example.com/{}", a(1023), a(1023))).as_str().len(), 1023 + 13 + 1023);
    for (local, resource, part) in [
        (a(1024), a(1), Part::Local),
        (a(1), a(1024), Part::Resource),
        ("é".repeat(512), a(1), Part::Local),
        (a(1), "é".repeat(512), Part::Resource),
        (a(100_000), a(1), Part::Local),
        (a(1), "é".repeat(100_000), Part::Resource),
    ] {
        let error = Jid::from_parts(Some(&local), "example.com", Some(&resource)).unwrap_err();
        assert_eq!((error.part(), error.reason()), (part, Reason::TooLong));
    }
    // Mapped to nothing, nothing is left; written wide, it fits when it is prepared.
    assert_eq!(refusal("\u{AD}@example.com"), (Part::Local, Reason::Empty));
    assert_eq!(refusal("example.com/\u{AD}"), (Part::Resource, Reason::Empty));
    assert_eq!(jid(&format!("{}@example.com", "\u{FF41}".repeat(1023))).local().map(str::len), Some(1023));
    // One square sign becomes four letters: 3 bytes become 12.
    assert_eq!(jid(&format!("{}@example.com", "㌀".repeat(85))).local().map(str::len), Some(1020));
    assert_eq!(refusal(&format!("{}@example.com", "㌀".repeat(86))), (Part::Local, Reason::TooLong));
}

#[test]
fn rfc3454_7_resources_may_hold_new_characters_and_local_parts_may_not() {
    for resource in ["😀", "Tür 🚪", "\u{1F1E9}\u{1F1EA}", "ꙮ\u{A66F}", "\u{1D2C}", "\u{1E9E}", "₿ and ₴"]
    {
        let jid = Jid::from_parts(None, "example.com", Some(resource)).unwrap();
        assert_eq!(jid.resource(), Some(resource));
        let error = Jid::from_parts(Some(resource), "example.com", None).unwrap_err();
        assert!(matches!(error.reason(), Reason::Unassigned(_)), "{resource} {error}");
    }
    // Joiners and variation selectors are mapped to nothing (table B.1), as in any other text.
    assert_eq!(jid("example.com/👨\u{200D}👩\u{200D}👧❤\u{FE0F}").resource(), Some("👨👩👧❤"));
    // What was assigned is normalised all the same, and prohibited characters stay prohibited.
    assert_eq!(jid("example.com/e\u{301}😀\u{FF21}").resource(), Some("é😀A"));
    assert_eq!(refusal("example.com/😀\u{E000}"), (Part::Resource, Reason::Prohibited('\u{E000}')));
}

#[test]
fn rfc3454_6_directions() {
    assert_eq!(jid("שלום@example.com/שלום").local(), Some("שלום"));
    for (text, part) in [
        ("שלוםa@example.com", Part::Local),
        ("aשלום@example.com", Part::Local),
        ("שלום1@example.com", Part::Local),
        ("example.com/שלום א b", Part::Resource),
    ] {
        assert_eq!(refusal(text), (part, Reason::Bidi), "{text}");
    }
    assert_eq!(jid("example.com/ש1ם").resource(), Some("ש1ם"));
    // As of Unicode 3.2: Braille has no direction, and new characters have none either.
    assert_eq!(jid("example.com/ש⠃ם").resource(), Some("ש⠃ם"));
    assert_eq!(jid("example.com/ש😀\u{A722}ם").resource(), Some("ש😀\u{A722}ם"));
    assert_eq!(refusal("example.com/ש😀").1, Reason::Bidi);
}

/// Every character that Unicode knows, and of the planes that hold nothing but private or unassigned characters some.
fn characters() -> impl Iterator<Item = char> {
    ('\0'..=char::MAX).filter(|&c| matches!(u32::from(c) >> 16, 0..=3 | 14) || u32::from(c) % 251 == 0)
}

/// Every character: prepared once is prepared for good, or it is refused. Those that only change a second time (132 by
/// nodeprep alone) are all refused in local parts.
#[test]
fn rfc7622_3_3_preparation_is_idempotent_for_every_character() {
    let mut unstable = 0;
    for c in characters() {
        let text = c.to_string();
        for (local, domain, resource) in [
            (Some(text.as_str()), "example.com", None),
            (None, text.as_str(), None),
            (None, "example.com", Some(text.as_str())),
        ] {
            let Ok(jid) = Jid::from_parts(local, domain, resource) else { continue };
            assert_eq!(Jid::new(jid.as_str()).as_ref(), Ok(&jid), "{c:?}");
            assert_eq!(
                Jid::from_parts(jid.local(), jid.domain(), jid.resource()).as_ref(),
                Ok(&jid),
                "{c:?}"
            );
        }
    }
    for c in '\0'..=char::MAX {
        let text = c.to_string();
        let ours = prepare_local(&text).ok();
        let Ok(once) = stringprep::nodeprep(&text) else {
            assert_eq!(ours, None, "{c:?}");
            continue;
        };
        let stable = stringprep::nodeprep(&once).is_ok_and(|twice| twice == once);
        unstable += usize::from(!stable);
        let wanted = stable && !once.is_empty() && !stringprep::tables::unassigned_code_point(c);
        assert_eq!(ours, wanted.then_some(once), "{c:?}");
    }
    assert_eq!(unstable, 132);
}

/// Our resourceprep and that of the stringprep crate agree wherever that one takes the character.
#[test]
fn rfc6122_b_resourceprep_for_every_character() {
    for c in characters() {
        let text = format!("x{c}");
        let ours = prepare_resource(&text).ok();
        if stringprep::tables::unassigned_code_point(c) {
            assert_eq!(ours.as_deref(), Some(text.as_str()), "{c:?}");
        } else {
            assert_eq!(ours, stringprep::resourceprep(&text).ok(), "{c:?}");
        }
    }
}

#[test]
fn rfc7622_3_order_equality_and_hash_are_those_of_the_text() {
    let texts = [
        "a@example.com",
        "a@example.com/x",
        "a@example.com/y",
        "b@example.com",
        "example.com",
        "example.com/a",
        "é@example.com",
    ];
    let jids: Vec<Jid> = texts.map(jid).to_vec();
    assert!(jids.is_sorted());
    for a in &jids {
        for b in &jids {
            assert_eq!(a.cmp(b), a.as_str().cmp(b.as_str()));
            assert_eq!(a == b, a.as_str() == b.as_str());
        }
        assert_eq!(hash(a), hash(a.as_str()));
    }
    // Addresses that share another's text are no different from those that have their own.
    let shared = jid("juliet@example.com/balcony");
    for (a, b) in [
        (Jid::from(shared.to_bare()), jid("juliet@example.com")),
        (Jid::from(shared.to_domain()), jid("example.com")),
        (Jid::from(shared.to_domain().with_resource("x").unwrap()), jid("example.com/x")),
        (Jid::from(shared.to_bare().with_resource("y").unwrap()), jid("juliet@example.com/y")),
        (Jid::from(shared.to_bare().to_domain().to_bare()), jid("example.com")),
    ] {
        assert_eq!(a, b);
        assert_eq!(hash(&a), hash(&b));
        assert_eq!((a.local(), a.domain(), a.resource()), (b.local(), b.domain(), b.resource()));
        assert_eq!((a.bare_str(), a.is_bare(), a.is_domain()), (b.bare_str(), b.is_bare(), b.is_domain()));
    }
    let set: BTreeSet<BareJid> = [shared.to_bare()].into();
    assert!(set.contains("juliet@example.com") && set.contains(&jid("juliet@example.com")));
}

#[test]
fn rfc7622_3_1_bare_and_full() {
    let full = FullJid::new("Juliet@example.com/balcony").unwrap();
    assert_eq!(BareJid::from(full.clone()).as_str(), "juliet@example.com");
    assert_eq!(full.as_full(), Some(full.clone()));
    assert_eq!(full.as_bare(), None);
    assert_eq!(full.to_bare().as_full(), None);
    assert_eq!(full.to_bare().as_bare(), Some(full.to_bare()));
    assert_eq!(BareJid::domain_only("Example.COM.").unwrap(), full.to_domain());
    let error = BareJid::new("a@example.com/b").unwrap_err();
    assert_eq!((error.part(), error.reason()), (Part::Resource, Reason::Unexpected));
    let error = "a@example.com".parse::<FullJid>().unwrap_err();
    assert_eq!((error.part(), error.reason()), (Part::Resource, Reason::Missing));
    assert_eq!(BareJid::domain_only("a@example.com").unwrap_err().reason(), Reason::Prohibited('@'));
    assert_eq!(BareJid::try_from("a@example.com").unwrap().to_string(), "a@example.com");
    assert_eq!(FullJid::try_from(String::from("a@example.com/b")).unwrap().resource(), Some("b"));
    assert_eq!(
        format!("{full} {full:?} {:>14}|", full.to_domain()),
        "juliet@example.com/balcony \"juliet@example.com/balcony\"    example.com|"
    );
}

#[test]
fn rfc4013_3_examples() {
    for (text, prepared) in [
        ("I\u{AD}X", Some("IX")),
        ("user", Some("user")),
        ("USER", Some("USER")),
        ("\u{AA}", Some("a")),
        ("\u{2168}", Some("IX")),
        ("\u{7}", None),
        ("\u{627}1", None),
        ("", Some("")),
        ("a\u{A0}b", Some("a b")),
        ("a\u{200B}b", Some("a b")),
    ] {
        assert_eq!(saslprep(text).as_deref(), prepared, "{text:?}");
        assert_eq!(saslprep_as(text, Strings::Query).ok().as_deref(), prepared, "{text:?}");
    }
}

#[test]
fn rfc4013_2_5_stored_strings_refuse_what_queries_may_hold() {
    assert_eq!(saslprep_as("pass😀", Strings::Stored), Err(PrepError::Unassigned('😀')));
    assert_eq!(saslprep_as("pass😀", Strings::Query).as_deref(), Ok("pass😀"));
    assert_eq!(saslprep("\u{1D2C}"), None);
    assert_eq!(saslprep_as(&"é".repeat(10_000), Strings::Query), Err(PrepError::TooLong));
}

#[test]
fn rfc4013_2_saslprep_for_every_character() {
    for c in characters() {
        let text = format!("x{c}");
        let ours = saslprep(&text);
        if stringprep::tables::unassigned_code_point(c) {
            assert_eq!(ours, None, "{c:?}");
            assert_eq!(saslprep_as(&text, Strings::Query).as_deref(), Ok(text.as_str()), "{c:?}");
        } else {
            assert_eq!(ours, stringprep::saslprep(&text).ok(), "{c:?}");
            assert_eq!(saslprep_as(&text, Strings::Query).ok(), ours, "{c:?}");
        }
    }
}

/// The quick path and the thorough one say the same.
#[test]
fn rfc7622_3_2_ascii_at_a_glance() {
    let label = "a".repeat(63);
    let name = format!("{label}.{label}.{label}.{}", "a".repeat(61));
    let local = "b".repeat(1023);
    for text in [
        "a@b",
        "a@b/c",
        "a/b",
        "a",
        "a.b",
        "a-b",
        "a@b/@",
        "a@b//",
        "a@b/ ",
        "1.2.3.4",
        "a@b-c.d/~",
        "$%()*+,-.;=?[\\]^_`{|}~!#@b",
        &name,
        &local.replace('b', "c"),
        &format!("{local}@{name}/{}", "d".repeat(1023)),
    ] {
        if text.len() == 1023 {
            assert_eq!(refusal(text), (Part::Domain, Reason::DnsLength));
            continue;
        }
        assert!(plain::split(text).is_some(), "{text}");
        let jid = jid(text);
        assert_eq!(jid.as_str(), text);
        assert_eq!(Jid::from_parts(jid.local(), jid.domain(), jid.resource()).as_ref(), Ok(&jid));
    }
    for text in [
        "",
        "@",
        "/",
        "a@",
        "@a",
        "a/",
        "a@b/",
        "a@b@c",
        "a b@c",
        "A@b",
        "a@B",
        "a@b.",
        "a@.b",
        "a@b..c",
        "a@-b",
        "a@b-",
        "a@b.-c",
        "a@b-.c",
        "a@xn--b",
        "a@b/\t",
        "a@b/é",
        "é@b",
        "a@é",
        "a:b@c",
        "a'b@c",
        "a@b_c",
        "a@[::1]",
        &format!("a@{name}a"),
        &format!("a@{label}a.b"),
        &format!("{local}b@c"),
        &format!("a@b/{local}c"),
    ] {
        assert_eq!(plain::split(text), None, "{text}");
    }
}
