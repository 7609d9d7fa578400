//! Stream features (RFC 6120 section 4.3.2).
use super::sasl2::Authentication;
use crate::ns;
use crate::sasl::ChannelBinding;
use crate::xml::{Element, ElementBuilder, ElementRef};

/// One feature, read.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Feature {
    /// STARTTLS (RFC 6120 section 5.4.1).
    StartTls {
        /// The server insists.
        required: bool,
    },
    /// SASL mechanisms by name, in the server's order (RFC 6120 section 6.3.3).
    Mechanisms(Vec<String>),
    /// SASL2 (XEP-0388), and what can be asked for along with it.
    Authentication(Authentication),
    /// Kinds of channel binding that the server can do (XEP-0440), by name.
    ChannelBindings(Vec<String>),
    /// Resource binding (RFC 6120 section 7.2).
    Bind,
    /// Session establishment as RFC 3921 section 3 had it.
    Session {
        /// Marked as needless.
        optional: bool,
    },
    /// Anything else, as it came.
    Other(Element),
}

/// `<stream:features/>`.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Features {
    /// In order.
    pub list: Vec<Feature>,
}

impl Features {
    /// Reads them. Nothing is refused: what is not understood is kept as [`Feature::Other`].
    pub fn parse(element: ElementRef<'_>) -> Features {
        Features { list: element.children().map(Feature::parse).collect() }
    }

    /// Writes them.
    pub fn to_element(&self) -> Element {
        let features = Element::builder("features", ns::STREAM);
        self.list.iter().fold(features, |features, feature| feature.append_to(features)).build()
    }

    /// STARTTLS, and whether it is required.
    pub fn starttls(&self) -> Option<bool> {
        self.list.iter().find_map(|feature| match feature {
            Feature::StartTls { required } => Some(*required),
            _ => None,
        })
    }

    /// The SASL mechanisms; empty where none are offered.
    pub fn mechanisms(&self) -> &[String] {
        let found = self.list.iter().find_map(|feature| match feature {
            Feature::Mechanisms(names) => Some(names.as_slice()),
            _ => None,
        });
        found.unwrap_or_default()
    }

    /// SASL2, if it is offered.
    pub fn authentication(&self) -> Option<&Authentication> {
        self.list.iter().find_map(|feature| match feature {
            Feature::Authentication(authentication) => Some(authentication),
            _ => None,
        })
    }

    /// The channel-binding kinds announced (XEP-0440); `None` where the server announces nothing, which is not the same as
    /// announcing none that we know. Kinds we do not know are left out.
    pub fn channel_bindings(&self) -> Option<Vec<ChannelBinding>> {
        let names = self.channel_binding_names()?;
        Some(names.iter().filter_map(|name| ChannelBinding::from_name(name)).collect())
    }

    /// The same by name, those included that we do not know.
    pub fn channel_binding_names(&self) -> Option<&[String]> {
        self.list.iter().find_map(|feature| match feature {
            Feature::ChannelBindings(kinds) => Some(kinds.as_slice()),
            _ => None,
        })
    }

    /// A feature that has no variant of its own is offered: an element with these names.
    pub fn has(&self, name: &str, ns: &str) -> bool {
        self.list.iter().any(|feature| matches!(feature, Feature::Other(other) if other.is(name, ns)))
    }

    /// Resource binding is offered.
    pub fn bind(&self) -> bool {
        self.list.contains(&Feature::Bind)
    }

    /// The old session establishment is offered and not marked optional: it has to be done (RFC 3921 section 3).
    pub fn session_required(&self) -> bool {
        self.list.contains(&Feature::Session { optional: false })
    }
}

impl Feature {
    fn parse(element: ElementRef<'_>) -> Feature {
        let has = |name| element.child(name, element.ns()).is_some();
        match (element.name(), element.ns()) {
            ("starttls", ns::TLS) => Feature::StartTls { required: has("required") },
            ("mechanisms", ns::SASL) => {
                let names = element.children().filter(|child| child.is("mechanism", ns::SASL));
                Feature::Mechanisms(names.map(|name| name.text().trim().to_owned()).collect())
            }
            ("authentication", ns::SASL2) => Feature::Authentication(Authentication::parse(element)),
            ("sasl-channel-binding", ns::SASL_CB) => {
                let kinds = element.children().filter(|child| child.is("channel-binding", ns::SASL_CB));
                Feature::ChannelBindings(
                    kinds.filter_map(|kind| kind.attr("type").map(str::to_owned)).collect(),
                )
            }
            ("bind", ns::BIND) => Feature::Bind,
            ("session", ns::SESSION) => Feature::Session { optional: has("optional") },
            _ => Feature::Other(element.to_element()),
        }
    }

    fn append_to(&self, features: ElementBuilder) -> ElementBuilder {
        let flagged = |name, ns, flag, set| {
            let element = Element::builder(name, ns);
            if set { element.child(Element::builder(flag, ns)) } else { element }
        };
        let child = match self {
            Feature::StartTls { required } => flagged("starttls", ns::TLS, "required", *required),
            Feature::Mechanisms(names) => {
                names.iter().fold(Element::builder("mechanisms", ns::SASL), |mechanisms, name| {
                    mechanisms.child(Element::builder("mechanism", ns::SASL).text(name))
                })
            }
            Feature::Authentication(authentication) => authentication.builder(),
            Feature::ChannelBindings(names) => {
                names.iter().fold(Element::builder("sasl-channel-binding", ns::SASL_CB), |bindings, name| {
                    bindings.child(Element::builder("channel-binding", ns::SASL_CB).attr("type", name))
                })
            }
            Feature::Bind => Element::builder("bind", ns::BIND),
            Feature::Session { optional } => flagged("session", ns::SESSION, "optional", *optional),
            Feature::Other(element) => return features.element(element.root()),
        };
        features.child(child)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Limits;

    const LIMITS: Limits = Limits { max_bytes: 8192, max_depth: 8, max_attributes: 8 };

    fn parse(inner: &str) -> Features {
        let xml = format!("<s:features xmlns:s='http://etherx.jabber.org/streams'>{inner}</s:features>");
        Features::parse(Element::parse(xml.as_bytes(), LIMITS).expect("well-formed").root())
    }

    #[test]
    fn rfc6120_4_3_2_features_round_trip_in_order() {
        let features = Features {
            list: vec![
                Feature::StartTls { required: true },
                Feature::StartTls { required: false },
                Feature::Mechanisms(vec!["SCRAM-SHA-256-PLUS".into(), "PLAIN".into()]),
                Feature::ChannelBindings(vec![
                    ChannelBinding::TlsExporter.name().into(),
                    ChannelBinding::TlsServerEndPoint.name().into(),
                ]),
                Feature::Bind,
                Feature::Session { optional: true },
                Feature::Session { optional: false },
                Feature::Other(Element::builder("sm", "urn:xmpp:sm:3").build()),
            ],
        };
        let xml = features.to_element().to_xml();
        let read = Features::parse(Element::parse(xml.as_bytes(), LIMITS).expect("well-formed").root());
        assert_eq!(read, features);
        assert_eq!(parse(""), Features::default());
    }

    #[test]
    fn rfc6120_5_4_1_starttls_is_required_only_if_it_says_so() {
        assert_eq!(parse("").starttls(), None);
        assert_eq!(parse("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").starttls(), Some(false));
        let required = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>";
        assert_eq!(parse(required).starttls(), Some(true));
        let foreign =
            "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required xmlns='urn:x'/></starttls>";
        assert_eq!(parse(foreign).starttls(), Some(false));
    }

    #[test]
    fn rfc6120_6_3_3_mechanism_names_are_trimmed() {
        let xml = "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism> PLAIN\n</mechanism><x xmlns='y'/>\
                   </mechanisms>";
        assert_eq!(parse(xml).mechanisms(), ["PLAIN"]);
        assert!(parse("").mechanisms().is_empty());
    }

    #[test]
    fn xep0440_unknown_kinds_are_left_out_but_the_announcement_stays() {
        let xml = "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-unheard-of'/>\
                   </sasl-channel-binding>";
        assert_eq!(parse(xml).channel_bindings(), Some(vec![]));
        assert_eq!(parse(xml).channel_binding_names(), Some(&["tls-unheard-of".to_owned()][..]));
        assert_eq!(parse("").channel_bindings(), None);
    }

    #[test]
    fn rfc3921_3_an_optional_session_need_not_be_established() {
        assert!(parse("<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>").session_required());
        let optional = "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session>";
        assert!(!parse(optional).session_required());
        assert!(!parse("").session_required());
    }

    #[test]
    fn a_known_name_in_an_unknown_namespace_is_kept_as_it_came() {
        let features = parse("<bind xmlns='urn:other'/>");
        assert!(!features.bind());
        assert!(matches!(features.list.as_slice(), [Feature::Other(e)] if e.is("bind", "urn:other")));
    }
}
