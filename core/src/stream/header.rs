//! Stream headers (RFC 6120 section 4.7).
use super::{Condition, Role, StreamError};
use crate::jid::Jid;
use crate::ns;
use crate::xml::{Element, escape_attr};

/// A stream header's attributes.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Header {
    /// 4.7.1
    pub from: Option<Jid>,
    /// 4.7.2
    pub to: Option<Jid>,
    /// 4.7.3. On the initiator's header there is none; one that is there anyway is not reported.
    pub id: Option<String>,
    /// 4.7.4. A value that is no language tag is not reported.
    pub lang: Option<String>,
    /// 4.7.5: major and minor; `None` where absent (a peer from before XMPP 1.0). Numbers too large to hold are cut to the
    /// largest that is not.
    pub version: Option<(u32, u32)>,
}

impl Header {
    /// The version we speak (4.7.5).
    pub const VERSION: (u32, u32) = (1, 0);

    /// The version for both directions: the lower one of the peer's and ours (4.7.5), what to answer with. `None` where the
    /// peer is from before XMPP 1.0 and gave none.
    pub fn common_version(&self) -> Option<(u32, u32)> {
        self.version.map(|version| version.min(Header::VERSION))
    }

    /// Whether the peer speaks XMPP 1.0 or later, and so stream features, TLS, SASL and stream errors (4.7.5). Where a role
    /// cannot go on without, the answer is `unsupported-version`.
    pub fn has_features(&self) -> bool {
        self.version >= Some(Header::VERSION)
    }

    /// Reads and checks the peer's header; `role` is ours.
    pub(super) fn parse(element: &Element, role: Role, content_ns: &str) -> Result<Header, Refused> {
        check_name(element)?;
        check_content_namespace(element, content_ns)?;
        let version = element.attr("version").map(parse_version).transpose()?;
        // We announced 1.0; no answer may be higher (4.7.5). The initiator's may: it is answered with ours.
        if role == Role::Initiator && version.is_some_and(|(major, _)| major > Header::VERSION.0) {
            return Err(Refused::new(
                Condition::UnsupportedVersion,
                "the answer's version is higher than ours",
            ));
        }
        Ok(Header {
            from: address(element, "from", role)?,
            to: address(element, "to", role)?,
            id: element.attr("id").filter(|_| role == Role::Initiator).map(str::to_owned),
            lang: element.attr_ns(ns::XML, "lang").filter(|tag| is_language_tag(tag)).map(str::to_owned),
            version,
        })
    }

    /// Appends the XML declaration (11.5) and the header. A receiver that does not say who it is sends an empty `from`
    /// (4.9.1.3).
    pub(super) fn write(&self, content_ns: &str, receiver: bool, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<?xml version='1.0'?><stream:stream");
        let mut attr = |name: &str, value: &str| {
            out.push(b' ');
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"='");
            escape_attr(value, out);
            out.push(b'\'');
        };
        match &self.from {
            Some(from) => attr("from", from.as_str()),
            None if receiver => attr("from", ""),
            None => {}
        }
        if let Some(to) = &self.to {
            attr("to", to.as_str());
        }
        if let Some(id) = &self.id {
            attr("id", id);
        }
        if let Some((major, minor)) = self.version {
            attr("version", &format!("{major}.{minor}"));
        }
        if let Some(lang) = &self.lang {
            attr("xml:lang", lang);
        }
        attr("xmlns", content_ns);
        attr("xmlns:stream", ns::STREAM);
        out.push(b'>');
    }
}

/// A header that the stream cannot go on with.
#[derive(Debug, PartialEq)]
pub(super) struct Refused {
    pub(super) condition: Condition,
    pub(super) what: &'static str,
}

impl Refused {
    fn new(condition: Condition, what: &'static str) -> Refused {
        Refused { condition, what }
    }

    pub(super) fn error(&self) -> StreamError {
        StreamError::new(self.condition.clone()).with_text(self.what)
    }
}

/// The wrong namespace is `invalid-namespace` (4.8.1), whatever the name; another element of the right one is
/// `bad-format` (4.9.3.1).
fn check_name(element: &Element) -> Result<(), Refused> {
    if element.ns() != ns::STREAM {
        return Err(Refused::new(Condition::InvalidNamespace, "the root is not in the stream namespace"));
    }
    if element.name() != "stream" {
        return Err(Refused::new(Condition::BadFormat, "the root is not a stream"));
    }
    Ok(())
}

/// The default namespace is the content namespace (4.8.2) or, where each stanza names its own, that of streams or none. Any
/// other is `invalid-namespace` (4.9.3.10). Which prefix stands for the stream namespace does not matter (4.8.5).
fn check_content_namespace(element: &Element, content_ns: &str) -> Result<(), Refused> {
    let default =
        element.root().declarations().find(|(prefix, _)| prefix.is_empty()).map_or("", |(_, ns)| ns);
    if default.is_empty() || default == content_ns || default == ns::STREAM {
        return Ok(());
    }
    Err(Refused::new(Condition::InvalidNamespace, "the content namespace is not supported here"))
}

/// A receiver's `to` that is no address cannot be one of its hosts: `host-unknown` (4.9.3.6). Any other malformed address is
/// `improper-addressing` (4.9.3.7). An initiator lets an empty `from` pass: that is how a receiver that does not know the
/// host introduces its error (4.9.1.3).
fn address(element: &Element, name: &str, role: Role) -> Result<Option<Jid>, Refused> {
    let Some(text) = element.attr(name) else { return Ok(None) };
    if role == Role::Initiator && name == "from" && text.is_empty() {
        return Ok(None);
    }
    Jid::new(text).map(Some).map_err(|_| match (role, name) {
        (Role::Receiver, "to") => Refused::new(Condition::HostUnknown, "the header's 'to' is no address"),
        (_, "to") => Refused::new(Condition::ImproperAddressing, "the header's 'to' is no address"),
        _ => Refused::new(Condition::ImproperAddressing, "the header's 'from' is no address"),
    })
}

/// `<major>.<minor>`, compared as numbers, leading zeros ignored (4.7.5).
fn parse_version(text: &str) -> Result<(u32, u32), Refused> {
    let number = |digits: &str| {
        let all_digits = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        all_digits.then(|| digits.parse().unwrap_or(u32::MAX))
    };
    let version = text.split_once('.').and_then(|(major, minor)| Some((number(major)?, number(minor)?)));
    version.ok_or_else(|| Refused::new(Condition::UnsupportedVersion, "the version is not of the form 1.0"))
}

/// Looks like a language tag (RFC 5646): subtags of one to eight letters and digits, the first of letters.
fn is_language_tag(tag: &str) -> bool {
    let well_formed =
        |sub: &str| (1..=8).contains(&sub.len()) && sub.bytes().all(|b| b.is_ascii_alphanumeric());
    tag.split('-').all(well_formed)
        && tag.split('-').next().is_some_and(|s| s.bytes().all(|b| b.is_ascii_alphabetic()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: crate::xml::Limits =
        crate::xml::Limits { max_bytes: 4096, max_depth: 4, max_attributes: 16 };

    fn parse(role: Role, xml: &str) -> Result<Header, Condition> {
        let element = Element::parse(xml.as_bytes(), LIMITS).expect("well-formed");
        Header::parse(&element, role, ns::CLIENT).map_err(|refused| refused.condition)
    }

    fn with(role: Role, attrs: &str) -> Result<Header, Condition> {
        parse(
            role,
            &format!("<s:stream {attrs} xmlns='jabber:client' xmlns:s='http://etherx.jabber.org/streams'/>"),
        )
    }

    #[test]
    fn rfc6120_4_7_a_full_header_is_read() {
        let attrs =
            "from='juliet@im.example.com' to='im.example.com' id='x&amp;1' version='1.0' xml:lang='de-CH'";
        let header = with(Role::Initiator, attrs).expect("valid");
        assert_eq!(header.from, Some(Jid::new("juliet@im.example.com").expect("address")));
        assert_eq!(header.to, Some(Jid::new("im.example.com").expect("address")));
        assert_eq!(header.id.as_deref(), Some("x&1"));
        assert_eq!(header.lang.as_deref(), Some("de-CH"));
        assert_eq!(header.version, Some((1, 0)));
    }

    #[test]
    fn rfc6120_4_7_3_the_initiators_id_is_ignored() {
        assert_eq!(with(Role::Receiver, "id='mine'").expect("valid").id, None);
    }

    #[test]
    fn rfc6120_4_8_1_and_4_9_3_10_the_root_must_be_a_stream() {
        for (xml, condition) in [
            ("<stream xmlns='jabber:client'/>", Condition::InvalidNamespace),
            ("<s:stream xmlns:s='http://wrong.example/'/>", Condition::InvalidNamespace),
            ("<html/>", Condition::InvalidNamespace),
            ("<streams xmlns='http://etherx.jabber.org/streams'/>", Condition::BadFormat),
        ] {
            assert_eq!(parse(Role::Receiver, xml), Err(condition), "{xml}");
        }
        assert!(parse(Role::Receiver, "<stream xmlns='http://etherx.jabber.org/streams'/>").is_ok());
    }

    #[test]
    fn rfc6120_4_8_2_and_4_9_3_10_the_content_namespace_must_be_supported() {
        for (default, ok) in [
            (" xmlns='jabber:client'", true),
            ("", true),
            (" xmlns=''", true),
            (" xmlns='jabber:server'", false),
            (" xmlns='urn:example'", false),
        ] {
            let xml = format!("<stream:stream{default} xmlns:stream='http://etherx.jabber.org/streams'/>");
            let expected = if ok { Ok(()) } else { Err(Condition::InvalidNamespace) };
            assert_eq!(parse(Role::Receiver, &xml).map(drop), expected, "{xml}");
        }
    }

    #[test]
    fn rfc6120_4_7_5_versions_are_numbers() {
        for (text, expected) in [
            ("1.0", Some((1, 0))),
            ("1.00", Some((1, 0))),
            ("01.7", Some((1, 7))),
            ("0.9", Some((0, 9))),
            ("1.13", Some((1, 13))),
            ("11.0", Some((11, 0))),
            ("1.99999999999999999999", Some((1, u32::MAX))),
            ("", None),
            ("1", None),
            (".5", None),
            ("1.", None),
            ("1.0.0", None),
            ("+1.0", None),
            ("-1.0", None),
            ("1.0 ", None),
            ("one", None),
        ] {
            let version = with(Role::Receiver, &format!("version='{text}'"));
            match expected {
                Some(expected) => assert_eq!(version.expect("valid").version, Some(expected), "{text:?}"),
                None => assert_eq!(version, Err(Condition::UnsupportedVersion), "{text:?}"),
            }
        }
    }

    #[test]
    fn rfc6120_4_7_5_the_lower_version_is_common() {
        let common = |text: &str| {
            let header = with(Role::Receiver, &format!("version='{text}'")).expect("valid");
            (header.common_version(), header.has_features())
        };
        assert_eq!(common("1.0"), (Some((1, 0)), true));
        assert_eq!(common("1.5"), (Some((1, 0)), true));
        assert_eq!(common("2.0"), (Some((1, 0)), true));
        assert_eq!(common("0.9"), (Some((0, 9)), false));
        let absent = with(Role::Receiver, "").expect("valid");
        assert_eq!((absent.common_version(), absent.has_features()), (None, false));
    }

    #[test]
    fn rfc6120_4_7_5_an_answer_is_never_a_higher_major_version() {
        assert_eq!(with(Role::Initiator, "version='2.0'"), Err(Condition::UnsupportedVersion));
        assert!(with(Role::Initiator, "version='1.9'").is_ok());
    }

    #[test]
    fn rfc6120_4_9_3_6_and_7_malformed_addresses() {
        for bad in ["", "@", "a@", "@b", "a b@c", "/r"] {
            let to = format!("to='{bad}'");
            let from = format!("from='{bad}'");
            assert_eq!(with(Role::Receiver, &to), Err(Condition::HostUnknown), "{to}");
            assert_eq!(with(Role::Initiator, &to), Err(Condition::ImproperAddressing), "{to}");
            assert_eq!(with(Role::Receiver, &from), Err(Condition::ImproperAddressing), "{from}");
            if !bad.is_empty() {
                assert_eq!(with(Role::Initiator, &from), Err(Condition::ImproperAddressing), "{from}");
            }
        }
    }

    #[test]
    fn rfc6120_4_9_1_3_an_empty_from_introduces_an_error() {
        assert_eq!(with(Role::Initiator, "from=''").expect("valid").from, None);
    }

    #[test]
    fn rfc6120_4_7_4_what_is_no_language_tag_is_not_reported() {
        for (text, ok) in [
            ("en", true),
            ("de-CH-1996", true),
            ("x-klingon", true),
            ("", false),
            ("en_US", false),
            ("1", false),
            ("en-", false),
            ("a&#10;b", false),
            ("abcdefghi", false),
        ] {
            let lang = with(Role::Receiver, &format!("xml:lang='{text}'")).expect("valid").lang;
            assert_eq!(lang.is_some(), ok, "{text:?}");
        }
    }

    #[test]
    fn rfc6120_4_2_a_header_is_written_with_its_declaration_and_escaped() {
        let header = Header {
            from: Some(Jid::new("im.example.com").expect("address")),
            to: Some(Jid::new("juliet@im.example.com").expect("address")),
            id: Some("a'b<&".into()),
            lang: Some("en".into()),
            version: Some(Header::VERSION),
        };
        let mut out = Vec::new();
        header.write(ns::CLIENT, true, &mut out);
        out.extend_from_slice(b"</stream:stream>");
        let text = String::from_utf8(out).expect("UTF-8");
        let root = text.strip_prefix("<?xml version='1.0'?>").expect("a declaration");
        assert_eq!(parse(Role::Initiator, root).expect("valid"), header);
        assert!(text.contains("xmlns='jabber:client'"), "{text}");
    }
}
