//! Bind 2 (XEP-0386): a resource, and what the session is to begin with, asked for along with authentication.

use super::malformed::{Malformed, at_most_one, text_of};
use super::management::Management;
use crate::ns;
use crate::xml::{Element, ElementBuilder, ElementRef};

/// What a session can begin with, as the server offers it (section 3.1).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Offer {
    /// The features by name, in the server's order.
    pub features: Vec<String>,
}

impl Offer {
    /// These features.
    pub fn new<'a>(features: impl IntoIterator<Item = &'a str>) -> Offer {
        Offer { features: features.into_iter().map(str::to_owned).collect() }
    }

    /// True if the feature of this name is offered.
    pub fn has(&self, feature: &str) -> bool {
        self.features.iter().any(|other| other == feature)
    }

    /// Reads `<bind/>` of the stream features. What is not understood is passed over.
    pub(super) fn parse(element: ElementRef<'_>) -> Offer {
        let inline = element.child("inline", ns::BIND2);
        let features = inline.into_iter().flat_map(ElementRef::children);
        let features = features.filter(|child| child.is("feature", ns::BIND2));
        Offer { features: features.filter_map(|feature| feature.attr("var").map(str::to_owned)).collect() }
    }

    pub(super) fn builder(&self) -> ElementBuilder {
        let bind = Element::builder("bind", ns::BIND2);
        if self.features.is_empty() {
            return bind;
        }
        let feature = |name: &String| Element::builder("feature", ns::BIND2).attr("var", name);
        bind.child(
            self.features
                .iter()
                .map(feature)
                .fold(Element::builder("inline", ns::BIND2), ElementBuilder::child),
        )
    }
}

/// Whether somebody looks at the client (XEP-0352).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum ClientState {
    /// Somebody does.
    Active,
    /// Nobody does: what can wait may wait.
    Inactive,
}

impl ClientState {
    /// Reads `<active/>` or `<inactive/>`; `None` for anything else.
    pub fn parse(element: ElementRef<'_>) -> Option<ClientState> {
        match (element.name(), element.ns()) {
            ("active", ns::CSI) => Some(ClientState::Active),
            ("inactive", ns::CSI) => Some(ClientState::Inactive),
            _ => None,
        }
    }

    /// Writes it.
    pub fn to_element(self) -> Element {
        self.builder().build()
    }

    fn builder(self) -> ElementBuilder {
        let name = match self {
            ClientState::Active => "active",
            ClientState::Inactive => "inactive",
        };
        Element::builder(name, ns::CSI)
    }
}

/// What a client asks for (section 3.2).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Request {
    /// A few characters for the resource to begin with, most often the software's name. Others may see it.
    pub tag: Option<String>,
    /// Message carbons are on from the beginning (XEP-0280).
    pub carbons: bool,
    /// So is stream management (XEP-0198).
    pub management: Option<Enable>,
    /// In which state the session begins (XEP-0352); active if it does not say.
    pub state: Option<ClientState>,
}

/// Stream management is wished for (XEP-0198 section 3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Enable {
    /// So that the session can be resumed.
    pub resume: bool,
    /// For how many seconds at most.
    pub max: Option<u32>,
}

impl Request {
    /// Reads `<bind/>` of an authentication request. Features that are not known are passed over: none of them is promised.
    ///
    /// # Errors
    /// If something that is known is not as it should be.
    pub fn parse(element: ElementRef<'_>) -> Result<Request, Malformed> {
        if !element.is("bind", ns::BIND2) {
            return Err(Malformed::new("not a request to bind a resource"));
        }
        let mut states = element.children().filter_map(ClientState::parse);
        let state = states.next();
        if states.next().is_some() {
            return Err(Malformed::new("a session begins in one state"));
        }
        let management = match at_most_one(element, "enable", ns::SM)?.map(Management::parse).transpose()? {
            Some(Management::Enable { resume, max }) => Some(Enable { resume, max }),
            _ => None,
        };
        Ok(Request {
            tag: text_of(element, "tag", ns::BIND2)?,
            carbons: at_most_one(element, "enable", ns::CARBONS)?.is_some(),
            management,
            state,
        })
    }

    /// Writes it.
    pub fn to_element(&self) -> Element {
        let bind = Element::builder("bind", ns::BIND2);
        let bind = match &self.tag {
            Some(tag) => bind.child(Element::builder("tag", ns::BIND2).text(tag)),
            None => bind,
        };
        let bind = if self.carbons { bind.child(Element::builder("enable", ns::CARBONS)) } else { bind };
        let bind = match self.management {
            Some(Enable { resume, max }) => {
                bind.element(Management::Enable { resume, max }.to_element().root())
            }
            None => bind,
        };
        match self.state {
            Some(state) => bind.child(state.builder()),
            None => bind,
        }
        .build()
    }
}

/// The session is there (section 3.2). Its address is in the success around this.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Bound {
    /// What became of stream management, where it was asked for: [`Management::Enabled`] or [`Management::Failed`].
    pub management: Option<Management>,
}

impl Bound {
    /// With this answer about stream management.
    pub fn new(management: Option<Management>) -> Bound {
        Bound { management }
    }

    /// Reads `<bound/>`. What is not known is passed over.
    ///
    /// # Errors
    /// If something that is known is not as it should be.
    pub fn parse(element: ElementRef<'_>) -> Result<Bound, Malformed> {
        if !element.is("bound", ns::BIND2) {
            return Err(Malformed::new("not a bound resource"));
        }
        let enabled = at_most_one(element, "enabled", ns::SM)?;
        let failed = at_most_one(element, "failed", ns::SM)?;
        if enabled.is_some() && failed.is_some() {
            return Err(Malformed::new("stream management is enabled and failed"));
        }
        Ok(Bound { management: enabled.or(failed).map(Management::parse).transpose()? })
    }

    /// Writes it.
    pub fn to_element(&self) -> Element {
        let bound = Element::builder("bound", ns::BIND2);
        match &self.management {
            Some(management) => bound.element(management.to_element().root()),
            None => bound,
        }
        .build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stanza::Condition;
    use crate::xml::Limits;

    const LIMITS: Limits = Limits { max_bytes: 8192, max_depth: 8, max_attributes: 8 };

    fn element(xml: &str) -> Element {
        Element::parse(xml.as_bytes(), LIMITS).expect("well-formed")
    }

    fn request(inner: &str) -> Result<Request, Malformed> {
        Request::parse(element(&format!("<bind xmlns='urn:xmpp:bind:0'>{inner}</bind>")).root())
    }

    #[test]
    fn xep0386_3_2_a_request_round_trips() {
        for state in [None, Some(ClientState::Active), Some(ClientState::Inactive)] {
            let management = Some(Enable { resume: true, max: Some(9) });
            let asked = Request { tag: Some("A<w>&".into()), carbons: true, management, state };
            assert_eq!(Request::parse(element(&asked.to_element().to_xml()).root()), Ok(asked));
        }
        assert_eq!(request(""), Ok(Request::default()));
        assert_eq!(Request::parse(Request::default().to_element().root()), Ok(Request::default()));
    }

    #[test]
    fn xep0386_3_2_what_is_not_known_is_passed_over_and_what_is_known_must_be_right() {
        assert_eq!(request("<enable xmlns='urn:x'/><tag xmlns='urn:x'>a</tag>"), Ok(Request::default()));
        assert!(request("<enable xmlns='urn:xmpp:sm:3' max='-1'/>").is_err());
        assert!(request("<tag>a</tag><tag>b</tag>").is_err());
        assert!(request("<active xmlns='urn:xmpp:csi:0'/><inactive xmlns='urn:xmpp:csi:0'/>").is_err());
        assert!(request("<enable xmlns='urn:xmpp:sm:3'/><enable xmlns='urn:xmpp:sm:3'/>").is_err());
        assert!(Request::parse(element("<bind xmlns='urn:xmpp:bind2:1'/>").root()).is_err());
    }

    #[test]
    fn xep0386_3_2_what_is_bound_round_trips() {
        let enabled =
            Management::Enabled { id: Some("x".into()), resume: true, max: Some(600), location: None };
        let failed = Management::Failed { condition: Some(Condition::InternalServerError), h: None };
        for management in [None, Some(enabled), Some(failed)] {
            let bound = Bound { management };
            assert_eq!(Bound::parse(element(&bound.to_element().to_xml()).root()), Ok(bound));
        }
        let both = "<bound xmlns='urn:xmpp:bind:0'><enabled xmlns='urn:xmpp:sm:3'/><failed xmlns='urn:xmpp:sm:3'/></bound>";
        assert!(Bound::parse(element(both).root()).is_err());
        let archive = "<bound xmlns='urn:xmpp:bind:0'><metadata xmlns='urn:xmpp:mam:2'/></bound>";
        assert_eq!(Bound::parse(element(archive).root()), Ok(Bound::default()));
    }
}
