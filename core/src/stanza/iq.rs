//! Info/query (RFC 6120 section 8.2.3).
use super::common::{Common, addressing};
use super::{ParseError, StanzaError, error};
use crate::jid::Jid;
use crate::ns;
use crate::xml::{self, Element, ElementBuilder, ElementRef};

/// The four types.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum IqType {
    /// Asks.
    Get,
    /// Orders.
    Set,
    /// Answers.
    Result,
    /// Refuses.
    Error,
}

impl IqType {
    /// The value of the attribute `type`.
    pub fn as_str(self) -> &'static str {
        match self {
            IqType::Get => "get",
            IqType::Set => "set",
            IqType::Result => "result",
            IqType::Error => "error",
        }
    }
    /// True for get and set, which want an answer.
    pub fn is_request(self) -> bool {
        matches!(self, IqType::Get | IqType::Set)
    }
    fn read(value: Option<&str>) -> Option<IqType> {
        Some(match value? {
            "get" => IqType::Get,
            "set" => IqType::Set,
            "result" => IqType::Result,
            "error" => IqType::Error,
            _ => return None,
        })
    }
}

/// An iq stanza.
#[derive(Clone, Debug, PartialEq)]
pub struct Iq {
    pub(super) common: Common,
    kind: IqType,
}
addressing!(Iq);

impl Iq {
    /// A request that asks. Characters in the payload that XML cannot carry become U+FFFD; see [`Iq::try_request`].
    pub fn get(to: Option<Jid>, id: &str, payload: ElementBuilder) -> Iq {
        let element = request(IqType::Get, to.as_ref(), id, payload).build();
        Iq { common: Common::built(element, to, None), kind: IqType::Get }
    }
    /// A request that orders. Characters in the payload that XML cannot carry become U+FFFD; see [`Iq::try_request`].
    pub fn set(to: Option<Jid>, id: &str, payload: ElementBuilder) -> Iq {
        let element = request(IqType::Set, to.as_ref(), id, payload).build();
        Iq { common: Common::built(element, to, None), kind: IqType::Set }
    }
    /// A request, of type set if `set` and else of type get, or what about its payload XML cannot carry.
    pub fn try_request(
        set: bool,
        to: Option<Jid>,
        id: &str,
        payload: ElementBuilder,
    ) -> Result<Iq, xml::Error> {
        let kind = if set { IqType::Set } else { IqType::Get };
        let element = request(kind, to.as_ref(), id, payload).try_build()?;
        Ok(Iq { common: Common::built(element, to, None), kind })
    }
    /// The successful answer to this request: addresses swapped, same id.
    pub fn result(&self, payload: Option<ElementBuilder>) -> Iq {
        self.result_with(|iq| match payload {
            Some(payload) => iq.child(payload),
            None => iq,
        })
    }
    /// As [`result`](Self::result), with a payload that is an element already.
    pub fn result_element(&self, payload: ElementRef<'_>) -> Iq {
        self.result_with(|iq| iq.element(payload))
    }
    fn result_with(&self, fill: impl FnOnce(ElementBuilder) -> ElementBuilder) -> Iq {
        let element = Element::builder("iq", self.element().ns())
            .attr("type", "result")
            .attr("id", self.id())
            .attr_opt("to", self.from().map(Jid::as_str))
            .attr_opt("from", self.to().map(Jid::as_str));
        Iq {
            common: Common::built(fill(element).build(), self.from().cloned(), self.to().cloned()),
            kind: IqType::Result,
        }
    }
    /// The refusal of this request: addresses swapped, same id. `None` if it is no request (RFC 6120 section 8.2.3 rule 4).
    pub fn error_reply(&self, error: &StanzaError) -> Option<Iq> {
        if !self.kind.is_request() {
            return None;
        }
        let common = error::reply(self.element(), self.from().cloned(), self.to().cloned(), error, false);
        Some(Iq { common, kind: IqType::Error })
    }
    pub(super) fn read(common: Common) -> Result<Iq, ParseError> {
        let element = common.element();
        let kind = IqType::read(element.attr("type")).ok_or(ParseError::Type)?;
        if element.attr("id").is_none() {
            return Err(ParseError::NoId);
        }
        let fits = match kind {
            IqType::Get | IqType::Set => element.children().take(2).count() == 1,
            IqType::Result => element.children().take(2).count() <= 1,
            IqType::Error => common.own_child("error").is_some(),
        };
        if fits { Ok(Iq { common, kind }) } else { Err(ParseError::Children) }
    }
    /// Its type.
    pub fn kind(&self) -> IqType {
        self.kind
    }
    /// The id, which every iq has.
    pub fn id(&self) -> &str {
        self.common.id().unwrap_or_default()
    }
    /// The one child of a request; of a result there may be none. Of an error, the child of the request if that was sent along.
    pub fn payload(&self) -> Option<ElementRef<'_>> {
        let own = self.element().ns();
        self.element().children().find(|child| self.kind != IqType::Error || !child.is("error", own))
    }
    /// The error that an iq of type error carries.
    pub fn error(&self) -> Option<StanzaError> {
        if self.kind != IqType::Error {
            return None;
        }
        self.common.own_child("error").map(StanzaError::read)
    }
}

fn request(kind: IqType, to: Option<&Jid>, id: &str, payload: ElementBuilder) -> ElementBuilder {
    Element::builder("iq", ns::CLIENT)
        .attr("type", kind.as_str())
        .attr("id", id)
        .attr_opt("to", to.map(Jid::as_str))
        .child(payload)
}
