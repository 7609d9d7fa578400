//! Elements of stream management, SASL2, Bind 2 and FAST, and stream features: anything is read or refused, and what is read is
//! written so that it reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::fmt::Debug;
use waxwing_core::stream::management::Management;
use waxwing_core::stream::{Features, bind2, fast, sasl2};
use waxwing_core::xml::{Element, ElementRef, Limits};

const LIMITS: Limits = Limits { max_bytes: 16_384, max_depth: 16, max_attributes: 32 };

fuzz_target!(|data: &[u8]| {
    let Ok(element) = Element::parse(data, LIMITS) else { return };
    again(&element, Management::parse, Management::to_element);
    // A condition that is not known counts as not-authorized, and is written so.
    let message = |element: ElementRef<'_>| match sasl2::Message::parse(element) {
        Ok(sasl2::Message::Failure(failure)) if failure.condition.is_none() => Err(None),
        read => read.map_err(Some),
    };
    again(&element, message, sasl2::Message::to_element);
    again(&element, bind2::Request::parse, bind2::Request::to_element);
    again(&element, bind2::Bound::parse, bind2::Bound::to_element);
    let state =
        |element: ElementRef<'_>| bind2::ClientState::parse(element).ok_or("neither active nor inactive");
    again(&element, state, |state| (*state).to_element());
    again(&element, |element: ElementRef<'_>| Ok::<_, ()>(Features::parse(element)), Features::to_element);
    // These stand in others only.
    let _ = (fast::Use::parse(element.root()), fast::RequestToken::parse(element.root()));
    let _ = fast::Token::parse(element.root());
});

/// What is read, and written, is read the same.
fn again<T: PartialEq + Debug, E: Debug>(
    element: &Element,
    parse: impl Fn(ElementRef<'_>) -> Result<T, E>,
    write: impl Fn(&T) -> Element,
) {
    let Ok(read) = parse(element.root()) else { return };
    let written = write(&read).to_xml();
    // What is given in few bytes may take more.
    let limits = Limits { max_bytes: 1 << 20, ..LIMITS };
    let reread = Element::parse(written.as_bytes(), limits).expect("what is written is well-formed");
    let reread = parse(reread.root()).expect("what is written can be read");
    assert_eq!(reread, read, "{written}");
    assert!(!format!("{read:?}").is_empty());
}
