//! Business cards (XEP-0054).

use super::{Malformed, expect};
use crate::ns;
use crate::xml::{Element, ElementBuilder, ElementRef};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::borrow::Cow;

/// A business card, as its owner wrote it. What few programs look at is read on demand; everything else is for them to find in
/// the [element](Vcard::element).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Vcard {
    element: Element,
}

/// A picture in a card.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Photo {
    /// Its media type, as the card says; it may be wrong.
    pub media_type: Option<String>,
    /// Its bytes.
    pub data: Vec<u8>,
}

impl Vcard {
    /// Takes a `vCard` element.
    pub fn parse(element: ElementRef<'_>) -> Result<Vcard, Malformed> {
        expect(element, "vCard", ns::VCARD)?;
        Ok(Vcard { element: element.to_element() })
    }

    /// The card.
    pub fn element(&self) -> &Element {
        &self.element
    }

    /// True if nothing stands on it.
    pub fn is_empty(&self) -> bool {
        self.element.children().next().is_none()
    }

    /// The name in full (`FN`).
    pub fn full_name(&self) -> Option<Cow<'_, str>> {
        self.text("FN")
    }

    /// The nickname.
    pub fn nickname(&self) -> Option<Cow<'_, str>> {
        self.text("NICKNAME")
    }

    /// The text of any field that has no parts: `URL`, `BDAY`, `TITLE`, `DESC`, ... `None` where it is missing or empty.
    pub fn text(&self, field: &str) -> Option<Cow<'_, str>> {
        self.element.child(field, ns::VCARD).map(|child| child.text()).filter(|text| !text.is_empty())
    }

    /// The addresses of electronic mail.
    pub fn emails(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let emails = self.element.children().filter(|child| child.is("EMAIL", ns::VCARD));
        emails.filter_map(|email| Some(email.child("USERID", ns::VCARD)?.text()))
    }

    /// The picture, if the card contains it and does not only say where it is. Its base64 may be broken into lines.
    pub fn photo(&self) -> Option<Photo> {
        let photo = self.element.child("PHOTO", ns::VCARD)?;
        let data = photo.child("BINVAL", ns::VCARD)?.text();
        let data: Vec<u8> = data.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let media_type = photo.child("TYPE", ns::VCARD).map(|kind| kind.text().into_owned());
        Some(Photo { media_type, data: BASE64.decode(data).ok()? })
    }
}

/// The payload of the request for a card.
pub fn get() -> ElementBuilder {
    Element::builder("vCard", ns::VCARD)
}

/// Adds a field that has no parts to a card.
pub fn with_text(card: ElementBuilder, field: &str, text: &str) -> ElementBuilder {
    card.child(Element::builder(field, ns::VCARD).text(text))
}
