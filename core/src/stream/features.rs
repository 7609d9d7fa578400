//! Stream features (RFC 6120 section 4.3.2).
use crate::{
    sasl::ChannelBinding,
    xml::{Element, ElementRef},
};
/// One feature, read.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum Feature {
    StartTls { required: bool },
    Mechanisms(Vec<String>),
    ChannelBindings(Vec<ChannelBinding>),
    Bind,
    Session { optional: bool },
    Other(Element),
}
/// `<stream:features/>`.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Features {
    /** In order. */
    pub list: Vec<Feature>,
}
impl Features {
    /// Reads them.
    pub fn parse(_element: ElementRef<'_>) -> Features {
        todo!()
    }
    /// Writes them.
    pub fn to_element(&self) -> Element {
        todo!()
    }
}
