//! Business cards (XEP-0054).

use super::request::request;
use crate::jid::BareJid;
use crate::payload::vcard::{self, Vcard};
use crate::xml::{Element, ElementBuilder};

/// Asks for somebody's card. Who has none answers with an empty one, or with `item-not-found` or `service-unavailable`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GetVcard(
    /// Whose; `None` for one's own.
    pub Option<BareJid>,
);

/// Replaces one's own card, all of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetVcard(
    /// The card.
    pub Vcard,
);

request!(GetVcard => Vcard: Get, to |this| this.0.as_deref(), ask |_this| vcard::get(),
read |iq| match iq.payload() {
    Some(card) => Ok(Vcard::parse(card)?),
    None => Ok(Vcard::parse(vcard::get().build().root())?),
});

request!(SetVcard: Set, ask |this| copy(this.0.element()));

/// The card as it was where it comes from; what is said once for all of it is not repeated in each field.
fn copy(card: &Element) -> ElementBuilder {
    let copy = match card.lang() {
        Some(lang) => vcard::get().lang(lang),
        None => vcard::get(),
    };
    card.children().fold(copy, |copy, field| copy.element(field))
}
