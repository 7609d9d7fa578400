//! Elements made of the right words in the wrong places: nothing panics, and what is read is written the same.

use super::super::blocking::{self, Change};
use super::super::caps::{Caps, Hash};
use super::super::delay::Delay;
use super::super::disco::{self, Info};
use super::super::form::Form;
use super::super::forward::Forwarded;
use super::super::last::Last;
use super::super::privacy::{Get, List, Names, Set};
use super::super::register::{self, Registration};
use super::super::roster::{self, Roster};
use super::super::time::EntityTime;
use super::super::vcard::Vcard;
use super::super::version::Version;
use super::super::{forward, private};
use super::*;
use crate::machine::Entropy;
use crate::ns;

/// Elements that something is read from, and what may stand in them.
const ROOTS: [(&str, &str, &[&str]); 16] = [
    ("query", ns::ROSTER, &["item", "item", "group"]),
    ("delay", ns::DELAY, &["x"]),
    ("forwarded", ns::FORWARD, &["x"]),
    ("block", ns::BLOCKING, &["item"]),
    ("unblock", ns::BLOCKING, &["item"]),
    ("blocklist", ns::BLOCKING, &["item"]),
    ("query", ns::PRIVACY, &["list", "list", "item", "active", "default", "message"]),
    ("query", ns::DISCO_INFO, &["identity", "feature"]),
    ("query", ns::DISCO_ITEMS, &["item"]),
    ("x", ns::DATA, &["field", "value", "option", "title", "item", "reported"]),
    ("c", ns::CAPS, &["x"]),
    ("query", ns::REGISTER, &["username", "password", "remove", "instructions", "shoe-size"]),
    ("query", ns::PRIVATE, &["x"]),
    ("query", ns::LAST, &["x"]),
    ("vCard", ns::VCARD, &["FN", "EMAIL", "USERID", "PHOTO", "BINVAL"]),
    ("message", ns::CLIENT, &["body"]),
];
const ATTRIBUTES: [(&str, &[&str]); 17] = [
    ("jid", &["a@b", "a@b", "c@d/e", "@"]),
    ("name", &["n", "x<&>'\""]),
    ("subscription", &["both", "remove", "none", "all"]),
    ("ask", &["subscribe"]),
    ("approved", &["true", "no"]),
    ("stamp", &["2002-09-10T23:08:25Z", "2002-09-10T23:08:25.5-06:00", "now"]),
    ("from", &["a@b", "@"]),
    ("type", &["jid", "group", "form", "submit", "hidden", "pc", "set"]),
    ("value", &["a@b", "both", "x"]),
    ("action", &["deny", "allow", "eat"]),
    ("order", &["0", "1", "2", "3", "-1"]),
    ("category", &["client"]),
    ("var", &["FORM_TYPE", "urn:a", "urn:b", "urn:c"]),
    ("node", &["n"]),
    ("ver", &["v"]),
    ("seconds", &["0", "903", "x"]),
    ("id", &["1"]),
];

fn pick<T: Copy>(words: &[T], entropy: &mut Entropy) -> T {
    words[(entropy.next_u64() % words.len() as u64) as usize]
}

fn soup(entropy: &mut Entropy, depth: u32) -> ElementBuilder {
    let (name, namespace, children) = pick(&ROOTS, entropy);
    stir(entropy, name, namespace, children, depth)
}

fn stir(entropy: &mut Entropy, name: &str, namespace: &str, children: &[&str], depth: u32) -> ElementBuilder {
    let mut element = Element::builder(name, namespace);
    for (name, values) in ATTRIBUTES {
        if entropy.next_u64().is_multiple_of(2) {
            element = element.attr(name, pick(values, entropy));
        }
    }
    if entropy.next_u64().is_multiple_of(4) {
        element = element.text(pick(&["urn:a", "x<&>", "AAEC"], entropy));
    }
    for _ in 0..if depth == 0 { 0 } else { entropy.next_u64() % 4 } {
        let child = match entropy.next_u64() % 5 {
            0 => soup(entropy, depth - 1),
            _ => {
                let name = pick(children, entropy);
                stir(entropy, name, namespace, children, depth - 1)
            }
        };
        element = element.child(child);
    }
    element
}

/// Reads, and if that is possible writes and reads again. True if it was possible.
fn again<T: PartialEq + fmt::Debug>(
    element: &Element,
    read: impl Fn(ElementRef<'_>) -> Result<T, Malformed>,
    write: impl Fn(&T) -> ElementBuilder,
) -> bool {
    let Ok(value) = read(element.root()) else { return false };
    let written = write(&value).try_build().unwrap();
    assert_eq!(read(written.root()).as_ref(), Ok(&value), "{element:?} became {written:?}");
    true
}

#[test]
fn whatever_is_read_is_written_the_same_and_nothing_panics() {
    let mut entropy = Entropy::from_seed([5; 32]);
    let mut read = [0; 17];
    for _ in 0..4_000 {
        let element = soup(&mut entropy, 3).build();
        let results = [
            again(&element, Roster::parse, Roster::to_builder),
            again(&element, roster::parse_set, roster::set),
            again(&element, Delay::parse, Delay::to_builder),
            again(&element, Forwarded::parse, |f| forward::wrap(&f.stanza, f.delay.as_ref())),
            again(&element, Change::parse, Change::to_builder),
            again(&element, blocking::parse_list, |list| blocking::list(list)),
            again(&element, Set::parse, Set::to_builder) | again(&element, Get::parse, Get::to_builder),
            again(&element, List::parse_answer, List::to_builder),
            again(&element, Names::parse, Names::to_builder),
            again(&element, Info::parse, |info| info.to_builder(None)),
            again(&element, disco::parse_items, |items| disco::item_list(None, items)),
            again(&element, Form::parse, Form::to_builder),
            again(&element, Caps::parse, Caps::to_builder),
            again(&element, Registration::parse, Registration::to_builder),
            again(&element, register::Set::parse, register::Set::to_builder),
            again(&element, Last::parse, Last::to_builder),
            again(
                &element,
                |e| private::parse(e).map(|all| all.iter().map(|e| e.to_element()).collect()),
                |all: &Vec<Element>| private::wrap(all),
            ),
        ];
        read.iter_mut().zip(results).for_each(|(count, ok)| *count += usize::from(ok));
        let _ = (EntityTime::parse(element.root()), Version::parse(element.root()));
        if let Ok(info) = Info::parse(element.root()) {
            let _ = Caps::of(&info, "n", Hash::Sha1).verify(&info);
        }
        if let Ok(card) = Vcard::parse(element.root()) {
            let _ = (card.photo(), card.emails().count());
        }
    }
    assert!(read.iter().all(|count| *count > 0), "the soup is too thin: {read:?}");
}
