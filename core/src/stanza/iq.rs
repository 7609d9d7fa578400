//! Info/query (RFC 6120 section 8.2.3).
use super::StanzaError;
use crate::{
    jid::Jid,
    xml::{Element, ElementBuilder, ElementRef},
};
/// The four types.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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
/// An iq stanza.
#[derive(Clone, Debug, PartialEq)]
pub struct Iq {}
impl Iq {
    /// A request that asks.
    pub fn get(_to: Option<Jid>, _id: &str, _payload: ElementBuilder) -> Iq {
        todo!()
    }
    /// A request that orders.
    pub fn set(_to: Option<Jid>, _id: &str, _payload: ElementBuilder) -> Iq {
        todo!()
    }
    /// The successful answer to this request.
    pub fn result(&self, _payload: Option<ElementBuilder>) -> Iq {
        todo!()
    }
    /// Its type.
    pub fn kind(&self) -> IqType {
        todo!()
    }
    /// The id, which every iq has.
    pub fn id(&self) -> &str {
        todo!()
    }
    /// The addressee.
    pub fn to(&self) -> Option<&Jid> {
        todo!()
    }
    /// The sender.
    pub fn from(&self) -> Option<&Jid> {
        todo!()
    }
    /// The element.
    pub fn element(&self) -> &Element {
        todo!()
    }
    /// The one child of a request; of a result there may be none.
    pub fn payload(&self) -> Option<ElementRef<'_>> {
        todo!()
    }
    /// The error that an iq of type error carries.
    pub fn error(&self) -> Option<StanzaError> {
        todo!()
    }
}
