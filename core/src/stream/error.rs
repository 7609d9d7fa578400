//! Stream errors (RFC 6120 section 4.9).
use crate::ns;
use crate::xml::{Element, ElementRef, Error as XmlError, ErrorKind};
use std::fmt;

/// Defined conditions (RFC 6120 section 4.9.3). Their documentation is there.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum Condition {
    BadFormat,
    BadNamespacePrefix,
    Conflict,
    ConnectionTimeout,
    HostGone,
    HostUnknown,
    ImproperAddressing,
    InternalServerError,
    InvalidFrom,
    InvalidNamespace,
    InvalidXml,
    NotAuthorized,
    NotWellFormed,
    PolicyViolation,
    RemoteConnectionFailed,
    Reset,
    ResourceConstraint,
    RestrictedXml,
    /// The other host: `domain`, `domain:port`, or an IP address instead of the domain, IPv6 in brackets.
    SeeOtherHost(String),
    SystemShutdown,
    UndefinedCondition,
    UnsupportedEncoding,
    UnsupportedFeature,
    UnsupportedStanzaType,
    UnsupportedVersion,
}

/// Every condition without data, and its element name.
const NAMES: &[(Condition, &str)] = &[
    (Condition::BadFormat, "bad-format"),
    (Condition::BadNamespacePrefix, "bad-namespace-prefix"),
    (Condition::Conflict, "conflict"),
    (Condition::ConnectionTimeout, "connection-timeout"),
    (Condition::HostGone, "host-gone"),
    (Condition::HostUnknown, "host-unknown"),
    (Condition::ImproperAddressing, "improper-addressing"),
    (Condition::InternalServerError, "internal-server-error"),
    (Condition::InvalidFrom, "invalid-from"),
    (Condition::InvalidNamespace, "invalid-namespace"),
    (Condition::InvalidXml, "invalid-xml"),
    (Condition::NotAuthorized, "not-authorized"),
    (Condition::NotWellFormed, "not-well-formed"),
    (Condition::PolicyViolation, "policy-violation"),
    (Condition::RemoteConnectionFailed, "remote-connection-failed"),
    (Condition::Reset, "reset"),
    (Condition::ResourceConstraint, "resource-constraint"),
    (Condition::RestrictedXml, "restricted-xml"),
    (Condition::SystemShutdown, "system-shutdown"),
    (Condition::UndefinedCondition, "undefined-condition"),
    (Condition::UnsupportedEncoding, "unsupported-encoding"),
    (Condition::UnsupportedFeature, "unsupported-feature"),
    (Condition::UnsupportedStanzaType, "unsupported-stanza-type"),
    (Condition::UnsupportedVersion, "unsupported-version"),
];

impl Condition {
    /// The element's name.
    pub fn name(&self) -> &'static str {
        if let Condition::SeeOtherHost(_) = self {
            return "see-other-host";
        }
        NAMES.iter().find(|(condition, _)| condition == self).map_or("undefined-condition", |(_, name)| name)
    }

    /// Reads a condition's element. What is not known counts as `undefined-condition` (section 4.9.2).
    fn parse(element: ElementRef<'_>) -> Condition {
        match element.name() {
            "see-other-host" => Condition::SeeOtherHost(element.text().trim().to_owned()),
            // What RFC 3920 called it.
            "xml-not-well-formed" => Condition::NotWellFormed,
            name => NAMES
                .iter()
                .find(|(_, known)| *known == name)
                .map_or(Condition::UndefinedCondition, |(condition, _)| condition.clone()),
        }
    }
}

/// A stream error: condition, text and application-specific condition.
#[derive(Clone, PartialEq, Debug)]
pub struct StreamError {
    condition: Condition,
    details: Option<Box<Details>>,
}

/// What few errors have, kept apart so that all the others are small.
#[derive(Clone, PartialEq, Debug, Default)]
struct Details {
    text: Option<Text>,
    application: Option<Element>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Text {
    lang: Option<String>,
    text: String,
}

impl StreamError {
    /// Just the condition.
    pub fn new(condition: Condition) -> StreamError {
        StreamError { condition, details: None }
    }

    /// Adds text in English.
    pub fn with_text(self, text: &str) -> StreamError {
        self.with_text_in("en", text)
    }

    /// Adds text in the language with this tag (RFC 5646).
    pub fn with_text_in(mut self, lang: &str, text: &str) -> StreamError {
        self.details().text = Some(Text { lang: Some(lang.to_owned()), text: text.to_owned() });
        self
    }

    /// Adds an application-specific condition (4.9.4).
    pub fn with_application(mut self, element: Element) -> StreamError {
        self.details().application = Some(element);
        self
    }

    fn details(&mut self) -> &mut Details {
        self.details.get_or_insert_default()
    }

    fn said(&self) -> Option<&Text> {
        self.details.as_ref()?.text.as_ref()
    }

    /// The condition.
    pub fn condition(&self) -> &Condition {
        &self.condition
    }

    /// The text: for logs and debugging, not to be interpreted (section 4.9.2).
    pub fn text(&self) -> Option<&str> {
        self.said().map(|text| text.text.as_str())
    }

    /// The language of the text, where it is known.
    pub fn lang(&self) -> Option<&str> {
        self.said().and_then(|text| text.lang.as_deref())
    }

    /// The application-specific condition (4.9.4).
    pub fn application(&self) -> Option<&Element> {
        self.details.as_ref()?.application.as_ref()
    }

    /// Reads `<stream:error/>`. Whatever is missing or not known makes it an `undefined-condition`, never a failure: the
    /// stream is over in any case.
    pub fn parse(element: ElementRef<'_>) -> StreamError {
        let mut error = StreamError::new(Condition::UndefinedCondition);
        let mut seen = false;
        for child in element.children() {
            if child.ns() != ns::STREAMS {
                error.details().application.get_or_insert_with(|| child.to_element());
            } else if child.name() == "text" {
                error.details().text.get_or_insert_with(|| Text {
                    lang: child.lang().filter(|lang| !lang.is_empty()).map(str::to_owned),
                    text: child.text().into_owned(),
                });
            } else if !seen {
                seen = true;
                error.condition = Condition::parse(child);
            }
        }
        error
    }

    /// `<stream:error/>`.
    pub fn to_element(&self) -> Element {
        let condition = Element::builder(self.condition.name(), ns::STREAMS);
        let condition = match &self.condition {
            Condition::SeeOtherHost(host) => condition.text(host),
            _ => condition,
        };
        let mut error = Element::builder("error", ns::STREAM).child(condition);
        if let Some(Text { lang, text }) = self.said() {
            let element = Element::builder("text", ns::STREAMS);
            let element = match lang {
                Some(lang) => element.lang(lang),
                None => element,
            };
            error = error.child(element.text(text));
        }
        if let Some(application) = self.application() {
            error = error.element(application.root());
        }
        error.build()
    }

    /// The error that RFC 6120 names for XML that was refused (sections 4.9.3 and 11).
    pub fn from_xml(error: &XmlError) -> StreamError {
        let condition = match error.kind() {
            ErrorKind::NotWellFormed => Condition::NotWellFormed,
            ErrorKind::BadNamespacePrefix => Condition::BadNamespacePrefix,
            ErrorKind::Restricted => Condition::RestrictedXml,
            ErrorKind::UnsupportedEncoding => Condition::UnsupportedEncoding,
            ErrorKind::Limit => Condition::PolicyViolation,
            _ => Condition::BadFormat,
        };
        StreamError::new(condition).with_text(error.what())
    }
}

impl From<Condition> for StreamError {
    fn from(condition: Condition) -> StreamError {
        StreamError::new(condition)
    }
}

/// The condition's name, and the text where there is one.
impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.condition.name())?;
        if let Condition::SeeOtherHost(host) = &self.condition {
            write!(f, " ({host})")?;
        }
        match self.text() {
            Some(text) => write!(f, ": {text}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for StreamError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Limits;

    const LIMITS: Limits = Limits { max_bytes: 4096, max_depth: 8, max_attributes: 8 };

    fn round_trip(error: &StreamError) -> StreamError {
        let xml = error.to_element().to_xml();
        StreamError::parse(Element::parse(xml.as_bytes(), LIMITS).expect("well-formed").root())
    }

    fn every_condition() -> Vec<Condition> {
        let mut all: Vec<Condition> = NAMES.iter().map(|(condition, _)| condition.clone()).collect();
        all.push(Condition::SeeOtherHost("[2001:db8::1]:9222".into()));
        all
    }

    #[test]
    fn rfc6120_4_9_3_every_condition_round_trips() {
        let all = every_condition();
        assert_eq!(all.len(), 25);
        for condition in all {
            let plain = StreamError::new(condition.clone());
            assert_eq!(round_trip(&plain), plain, "{condition:?}");
            let full = StreamError::new(condition)
                .with_text_in("de-CH", "Grüezi & <tschüss>")
                .with_application(Element::builder("too-many", "urn:example:app").attr("n", "3").build());
            assert_eq!(round_trip(&full), full);
            assert_eq!(full.lang(), Some("de-CH"));
        }
    }

    #[test]
    fn rfc6120_4_9_2_unknown_conditions_count_as_undefined() {
        for xml in [
            "<error xmlns='http://etherx.jabber.org/streams'><new-one xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></error>",
            "<error xmlns='http://etherx.jabber.org/streams'/>",
            "<error xmlns='http://etherx.jabber.org/streams'>oops</error>",
        ] {
            let element = Element::parse(xml.as_bytes(), LIMITS).expect("well-formed");
            assert_eq!(StreamError::parse(element.root()).condition(), &Condition::UndefinedCondition);
        }
    }

    #[test]
    fn rfc6120_4_9_3_13_the_old_name_is_understood() {
        let xml = "<e:error xmlns:e='http://etherx.jabber.org/streams'>\
                   <xml-not-well-formed xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></e:error>";
        let element = Element::parse(xml.as_bytes(), LIMITS).expect("well-formed");
        assert_eq!(StreamError::parse(element.root()).condition(), &Condition::NotWellFormed);
    }

    #[test]
    fn rfc6120_4_9_3_19_white_space_around_the_other_host_is_dropped() {
        let xml = "<error xmlns='http://etherx.jabber.org/streams'>\
                   <see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>\n  [2001:db8::1]:9222\n</see-other-host></error>";
        let element = Element::parse(xml.as_bytes(), LIMITS).expect("well-formed");
        assert_eq!(
            StreamError::parse(element.root()).condition(),
            &Condition::SeeOtherHost("[2001:db8::1]:9222".into())
        );
    }

    #[test]
    fn rfc6120_11_refused_xml_gets_the_condition_the_rfc_names() {
        for (kind, condition) in [
            (ErrorKind::NotWellFormed, Condition::NotWellFormed),
            (ErrorKind::BadNamespacePrefix, Condition::BadNamespacePrefix),
            (ErrorKind::Restricted, Condition::RestrictedXml),
            (ErrorKind::UnsupportedEncoding, Condition::UnsupportedEncoding),
            (ErrorKind::Limit, Condition::PolicyViolation),
            (ErrorKind::BadFormat, Condition::BadFormat),
        ] {
            assert_eq!(StreamError::from_xml(&XmlError::new(kind, "x", 1)).condition(), &condition);
        }
    }

    #[test]
    fn errors_print_condition_and_text() {
        let error = StreamError::new(Condition::SystemShutdown).with_text("back at noon");
        assert_eq!(error.to_string(), "system-shutdown: back at noon");
        let error = StreamError::new(Condition::SeeOtherHost("a.example".into()));
        assert_eq!(error.to_string(), "see-other-host (a.example)");
    }
}
