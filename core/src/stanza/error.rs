//! Stanza errors (RFC 6120 section 8.3).
use super::common::Common;
use super::condition::{Condition, ErrorType};
use crate::jid::Jid;
use crate::ns;
use crate::xml::{Element, ElementBuilder, ElementRef};
use std::fmt;

/// A stanza error: a defined condition and what the sender can do about it, with optional details.
///
/// Reading is lenient where old or careless peers are known to differ: a condition that is not defined is read as
/// undefined-condition (as section 8.3.2 demands); one that is missing is made out from the numeric `code` of RFC 3920's
/// predecessors (XEP-0086), if there is one; a type that is missing or unknown is the condition's usual one; text may stand
/// directly in the error, as it once did.
#[derive(Clone, PartialEq, Debug)]
pub struct StanzaError {
    condition: Condition,
    kind: ErrorType,
    details: Option<Box<Details>>,
}

/// What few errors have, kept apart so that all the others are small.
#[derive(Clone, PartialEq, Debug, Default)]
struct Details {
    text: Option<String>,
    lang: Option<String>,
    by: Option<Jid>,
    application: Option<Element>,
}

impl StanzaError {
    /// An error with the condition's default type.
    pub fn new(condition: Condition) -> StanzaError {
        StanzaError { kind: condition.default_type(), condition, details: None }
    }
    /// Sets another type than the condition's default.
    pub fn with_type(mut self, kind: ErrorType) -> StanzaError {
        self.kind = kind;
        self
    }
    /// Adds descriptive text.
    pub fn with_text(mut self, text: &str) -> StanzaError {
        self.details().text = Some(text.to_owned());
        self
    }
    /// Adds descriptive text in a language.
    pub fn with_text_in(self, lang: &str, text: &str) -> StanzaError {
        let mut error = self.with_text(text);
        error.details().lang = Some(lang.to_owned());
        error
    }
    /// Says who found the error (section 8.3.1 rule 5).
    pub fn with_by(mut self, by: Jid) -> StanzaError {
        self.details().by = Some(by);
        self
    }
    /// Adds an application-specific condition (section 8.3.4), which must be in a namespace of its own.
    pub fn with_application(mut self, condition: Element) -> StanzaError {
        self.details().application = Some(condition);
        self
    }
    fn details(&mut self) -> &mut Details {
        self.details.get_or_insert_default()
    }

    /// The condition.
    pub fn condition(&self) -> &Condition {
        &self.condition
    }
    /// The type.
    pub fn error_type(&self) -> ErrorType {
        self.kind
    }
    /// The descriptive text. Not to be interpreted by programs (section 8.3.2).
    pub fn text(&self) -> Option<&str> {
        self.details.as_ref()?.text.as_deref()
    }
    /// The language of the text.
    pub fn lang(&self) -> Option<&str> {
        self.details.as_ref()?.lang.as_deref()
    }
    /// Who found the error.
    pub fn by(&self) -> Option<&Jid> {
        self.details.as_ref()?.by.as_ref()
    }
    /// The application-specific condition.
    pub fn application(&self) -> Option<&Element> {
        self.details.as_ref()?.application.as_ref()
    }

    /// Reads an `error` element.
    pub fn read(element: ElementRef<'_>) -> StanzaError {
        let defined = element.children().find(|c| c.ns() == ns::STANZAS && c.name() != "text");
        let condition = match defined {
            Some(child) => Condition::from_name(child.name()).map(|condition| with_address(condition, child)),
            None => element.attr("code").and_then(Condition::from_code),
        };
        let mut error = StanzaError::new(condition.unwrap_or(Condition::UndefinedCondition));
        if let Some(kind) = ErrorType::read(element.attr("type")) {
            error.kind = kind;
        }
        match element.child("text", ns::STANZAS) {
            Some(text) => {
                error = error.with_text(&text.text());
                if let Some(lang) = text.lang() {
                    error.details().lang = Some(lang.to_owned());
                }
            }
            None if defined.is_none() && !element.text().trim().is_empty() => {
                error = error.with_text(element.text().trim());
            }
            None => {}
        }
        if let Some(by) = element.attr("by").and_then(|by| Jid::new(by).ok()) {
            error = error.with_by(by);
        }
        let own = element.ns();
        if let Some(application) = element.children().find(|c| c.ns() != ns::STANZAS && c.ns() != own) {
            error = error.with_application(application.to_element());
        }
        error
    }

    /// The `error` element, for a stanza in the namespace `content`.
    pub fn to_builder(&self, content: &str) -> ElementBuilder {
        let mut condition = Element::builder(self.condition.name(), ns::STANZAS);
        if let Condition::Gone(Some(uri)) | Condition::Redirect(Some(uri)) = &self.condition {
            condition = condition.text(uri);
        }
        let mut error = Element::builder("error", content)
            .attr("type", self.kind.as_str())
            .attr_opt("by", self.by().map(Jid::as_str))
            .child(condition);
        if let Some(text) = self.text() {
            let mut element = Element::builder("text", ns::STANZAS).text(text);
            if let Some(lang) = self.lang() {
                element = element.lang(lang);
            }
            error = error.child(element);
        }
        match self.application() {
            Some(application) => error.element(application.root()),
            None => error,
        }
    }
}

/// The address that gone and redirect may carry.
fn with_address(condition: Condition, element: ElementRef<'_>) -> Condition {
    let address = || {
        let text = element.text();
        let uri = text.trim();
        (!uri.is_empty()).then(|| uri.to_owned())
    };
    match condition {
        Condition::Gone(_) => Condition::Gone(address()),
        Condition::Redirect(_) => Condition::Redirect(address()),
        other => other,
    }
}

/// The error stanza that answers `element` (section 8.3.1): same kind, same id, to the sender, from the addressee.
pub(super) fn reply(
    element: &Element,
    to: Option<Jid>,
    from: Option<Jid>,
    error: &StanzaError,
    with_payload: bool,
) -> Common {
    // An iq must have an id even where it answers one without (rule 3).
    let id = element.attr("id").or((element.name() == "iq").then_some(""));
    let mut reply = Element::builder(element.name(), element.ns())
        .attr("type", "error")
        .attr_opt("id", id)
        .attr_opt("to", to.as_ref().map(Jid::as_str))
        .attr_opt("from", from.as_ref().map(Jid::as_str));
    if with_payload {
        for child in element.children() {
            reply = reply.element(child);
        }
    }
    Common::built(reply.child(error.to_builder(element.ns())).build(), to, from)
}

impl fmt::Display for StanzaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.condition.name(), self.kind.as_str())?;
        if let Condition::Gone(Some(uri)) | Condition::Redirect(Some(uri)) = &self.condition {
            write!(f, " to {uri}")?;
        }
        if let Some(by) = self.by() {
            write!(f, " from {by}")?;
        }
        match self.text() {
            Some(text) => write!(f, ": {text}"),
            None => Ok(()),
        }
    }
}
impl std::error::Error for StanzaError {}
impl From<Condition> for StanzaError {
    fn from(condition: Condition) -> StanzaError {
        StanzaError::new(condition)
    }
}
