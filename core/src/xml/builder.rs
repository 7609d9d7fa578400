//! Building elements.
use super::{Element, ElementRef, Error};
/// Builds an [`Element`].
#[derive(Debug, Clone)]
pub struct ElementBuilder {}
impl ElementBuilder {
    /// An element with these names.
    pub fn new(_name: &str, _ns: &str) -> ElementBuilder {
        todo!()
    }
    /// Sets an attribute that is in no namespace.
    pub fn attr(self, _name: &str, _value: &str) -> Self {
        todo!()
    }
    /// Sets an attribute if there is a value.
    pub fn attr_opt(self, _name: &str, _value: Option<&str>) -> Self {
        todo!()
    }
    /// Sets `xml:lang`.
    pub fn lang(self, _lang: &str) -> Self {
        todo!()
    }
    /// Appends text.
    pub fn text(self, _text: &str) -> Self {
        todo!()
    }
    /// Appends a child that is being built.
    pub fn child(self, _child: ElementBuilder) -> Self {
        todo!()
    }
    /// Appends a finished element as a child.
    pub fn element(self, _child: ElementRef<'_>) -> Self {
        todo!()
    }
    /// The element. Characters that XML 1.0 has no way to write become U+FFFD; use [`try_build`](Self::try_build) where that
    /// would lose what a user said.
    pub fn build(self) -> Element {
        todo!()
    }
    /// The element, or what about it cannot be written.
    pub fn try_build(self) -> Result<Element, Error> {
        todo!()
    }
}
