//! SASL2 (XEP-0388): its elements, with what is asked for along with authentication (XEP-0386, XEP-0484, XEP-0198 section 7).
//!
//! What an exchange says is [`sasl`]'s business, and what comes when is the roles'.

mod feature;
mod request;
#[cfg(test)]
mod tests;

pub use super::malformed::Malformed;
pub use feature::{Authentication, Inline};
pub use request::{Authenticate, ClientId, Resume, UserAgent};

use super::malformed::{at_most_one, text_of};
use super::management::Management;
use super::{bind2, fast};
use crate::jid::Jid;
use crate::xml::{Element, ElementBuilder, ElementRef};
use crate::{ns, sasl};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use core::fmt;

/// What client and server say to each other. `Debug` does not show what the client proves itself with.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum Message {
    /// The client begins (section 2.3).
    Authenticate(Box<Authenticate>),
    /// The server asks (section 2.5).
    Challenge(Vec<u8>),
    /// The client answers (section 2.5).
    Response(Vec<u8>),
    /// The client gives up (section 5.5).
    Abort,
    /// The client is who it says (section 2.6.1).
    Success(Box<Success>),
    /// It is not, or may not (section 2.6.2).
    Failure(Failure),
    /// It is, but has to do more (section 2.6.3).
    Continue(Continue),
}

/// The client is authenticated, and what became of what it asked for besides.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Success {
    /// The mechanism's last word.
    pub data: Option<Vec<u8>>,
    /// Its account; with a resource if one is bound.
    pub identity: Jid,
    /// A resource is bound (XEP-0386).
    pub bound: Option<bind2::Bound>,
    /// What became of the resumption that was asked for: [`Management::Resumed`] or [`Management::Failed`].
    pub resumption: Option<Management>,
    /// A token for the next time (XEP-0484).
    pub token: Option<fast::Token>,
}

/// The client is not authenticated.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Failure {
    /// Why; `None` for a condition that is not known, which counts as [`not-authorized`](sasl::Condition::NotAuthorized).
    pub condition: Option<sasl::Condition>,
    /// Why, in words.
    pub text: Option<String>,
}

/// The client has to do one of these tasks before it is authenticated.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Continue {
    /// The mechanism's last word.
    pub data: Option<Vec<u8>>,
    /// The tasks by name.
    pub tasks: Vec<String>,
    /// Why, in words.
    pub text: Option<String>,
}

impl Message {
    /// Reads an element. What stands in namespaces that are not known is passed over.
    ///
    /// # Errors
    /// If it is no element of SASL2, or is not as it should be.
    pub fn parse(element: ElementRef<'_>) -> Result<Message, Malformed> {
        if element.ns() != ns::SASL2 {
            return Err(Malformed::new("not an element of SASL2"));
        }
        Ok(match element.name() {
            "authenticate" => Message::Authenticate(Box::new(Authenticate::parse(element)?)),
            "challenge" => Message::Challenge(data(element)?),
            "response" => Message::Response(data(element)?),
            "abort" => Message::Abort,
            "success" => Message::Success(Box::new(Success::parse(element)?)),
            "failure" => Message::Failure(Failure::parse(element)?),
            "continue" => Message::Continue(Continue::parse(element)?),
            _ => return Err(Malformed::new("SASL2 knows no such element")),
        })
    }

    /// Writes it.
    pub fn to_element(&self) -> Element {
        match self {
            Message::Authenticate(authenticate) => authenticate.builder(),
            Message::Challenge(data) => carrying("challenge", data),
            Message::Response(data) => carrying("response", data),
            Message::Abort => sasl2("abort"),
            Message::Success(success) => success.builder(),
            Message::Failure(failure) => failure.builder(),
            Message::Continue(more) => more.builder(),
        }
        .build()
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Message::Authenticate(authenticate) => authenticate.fmt(f),
            Message::Challenge(data) => {
                f.debug_tuple("Challenge").field(&data.escape_ascii().to_string()).finish()
            }
            Message::Response(_) => f.debug_struct("Response").finish_non_exhaustive(),
            Message::Abort => f.write_str("Abort"),
            Message::Success(success) => success.fmt(f),
            Message::Failure(failure) => failure.fmt(f),
            Message::Continue(more) => more.fmt(f),
        }
    }
}

impl Success {
    /// For this account or session, and nothing besides.
    pub fn new(identity: Jid) -> Success {
        Success { data: None, identity, bound: None, resumption: None, token: None }
    }

    fn parse(element: ElementRef<'_>) -> Result<Success, Malformed> {
        let identity = text_of(element, "authorization-identifier", ns::SASL2)?;
        let identity = identity.ok_or(Malformed::new("the success names nobody"))?;
        let identity = Jid::new(identity.trim());
        let identity = identity.map_err(|_| Malformed::new("the success names what is no address"))?;
        let resumed = at_most_one(element, "resumed", ns::SM)?;
        let failed = at_most_one(element, "failed", ns::SM)?;
        if resumed.is_some() && failed.is_some() {
            return Err(Malformed::new("a stream is resumed and is not"));
        }
        Ok(Success {
            data: data_of(element, "additional-data")?,
            identity,
            bound: at_most_one(element, "bound", ns::BIND2)?.map(bind2::Bound::parse).transpose()?,
            resumption: resumed.or(failed).map(Management::parse).transpose()?,
            token: at_most_one(element, "token", ns::FAST)?.map(fast::Token::parse).transpose()?,
        })
    }

    fn builder(&self) -> ElementBuilder {
        let identity = sasl2("authorization-identifier").text(self.identity.as_str());
        let mut success =
            with_data(sasl2("success"), "additional-data", self.data.as_deref()).child(identity);
        if let Some(resumption) = &self.resumption {
            success = success.element(resumption.to_element().root());
        }
        if let Some(bound) = &self.bound {
            success = success.element(bound.to_element().root());
        }
        match &self.token {
            Some(token) => success.child(token.builder()),
            None => success,
        }
    }
}

impl Failure {
    /// For this reason.
    pub fn new(condition: sasl::Condition) -> Failure {
        Failure { condition: Some(condition), text: None }
    }

    fn parse(element: ElementRef<'_>) -> Result<Failure, Malformed> {
        let conditions = element.children().filter(|child| child.ns() == ns::SASL);
        Ok(Failure {
            condition: conditions.filter_map(|child| sasl::Condition::from_name(child.name())).next(),
            text: text_of(element, "text", ns::SASL2)?,
        })
    }

    fn builder(&self) -> ElementBuilder {
        let condition = self.condition.unwrap_or(sasl::Condition::NotAuthorized);
        let failure = sasl2("failure").child(Element::builder(condition.name(), ns::SASL));
        with_text(failure, self.text.as_deref())
    }
}

impl Continue {
    fn parse(element: ElementRef<'_>) -> Result<Continue, Malformed> {
        let tasks = at_most_one(element, "tasks", ns::SASL2)?;
        let tasks = tasks.into_iter().flat_map(ElementRef::children);
        let tasks = tasks.filter(|child| child.is("task", ns::SASL2));
        Ok(Continue {
            data: data_of(element, "additional-data")?,
            tasks: tasks.map(|task| task.text().trim().to_owned()).collect(),
            text: text_of(element, "text", ns::SASL2)?,
        })
    }

    fn builder(&self) -> ElementBuilder {
        let task = |name: &String| sasl2("task").text(name);
        let tasks = self.tasks.iter().map(task).fold(sasl2("tasks"), ElementBuilder::child);
        let more = with_data(sasl2("continue"), "additional-data", self.data.as_deref()).child(tasks);
        with_text(more, self.text.as_deref())
    }
}

fn sasl2(name: &str) -> ElementBuilder {
    Element::builder(name, ns::SASL2)
}

fn carrying(name: &str, data: &[u8]) -> ElementBuilder {
    sasl2(name).text(&BASE64.encode(data))
}

fn with_data(element: ElementBuilder, name: &str, data: Option<&[u8]>) -> ElementBuilder {
    match data {
        Some(data) => element.child(carrying(name, data)),
        None => element,
    }
}

fn with_text(element: ElementBuilder, text: Option<&str>) -> ElementBuilder {
    match text {
        Some(text) => element.child(sasl2("text").text(text)),
        None => element,
    }
}

/// The data in an element: empty is the empty string, absence is that of the element (section 2.2). Space around it is
/// forgiven, space within is not.
fn data(element: ElementRef<'_>) -> Result<Vec<u8>, Malformed> {
    if element.children().next().is_some() {
        return Err(Malformed::new("base 64 has no elements in it"));
    }
    BASE64.decode(element.text().trim_ascii()).map_err(|_| Malformed::encoding())
}

/// The data in the child of this name, if it is there.
fn data_of(element: ElementRef<'_>, name: &str) -> Result<Option<Vec<u8>>, Malformed> {
    at_most_one(element, name, ns::SASL2)?.map(data).transpose()
}
