//! Tests of addresses.
use super::*;

fn canonical(text: &str) -> String {
    Jid::new(text).unwrap_or_else(|e| panic!("{text:?}: {e}")).to_string()
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
        let jid = Jid::new(text).unwrap_or_else(|e| panic!("{text:?}: {e}"));
        assert_eq!((jid.local(), jid.domain(), jid.resource()), parts, "{text:?}");
        assert_eq!(Jid::new(jid.as_str()).as_ref(), Ok(&jid));
    }
    assert_eq!(canonical("JuLiet@EXAMPLE.com/Balcony"), "juliet@example.com/Balcony");
}
