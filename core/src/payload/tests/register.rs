//! XEP-0077.

use super::super::form::{Field, Form, FormType};
use super::super::register::{self, FIELDS, Registration, Set};
use super::*;

fn set(inner: &str) -> Result<Set, Malformed> {
    Set::parse(element(&format!("<query xmlns='jabber:iq:register'>{inner}</query>")).root())
}

#[test]
fn xep0077_3_round_trip() {
    let mut known = Registration::blank("Choose & write", &FIELDS);
    known.registered = true;
    let form = Form::of_type(FormType::Submit, "jabber:iq:register").with(Field::new("username", "bill"));
    let with_form = Registration { form: Some(form), ..Registration::default() };
    for registration in [known, with_form.clone(), Registration::credentials("bill", "a&b")] {
        assert_eq!(Registration::parse(built(registration.to_builder()).root()), Ok(registration));
    }
    for set in [Set::Submit(with_form), Set::Submit(Registration::credentials("bill", "a&b")), Set::Remove] {
        assert_eq!(Set::parse(built(set.to_builder()).root()), Ok(set));
    }
    assert_eq!(Registration::parse(built(register::get()).root()), Ok(Registration::default()));
}

#[test]
fn xep0077_3_1_empty_values_are_none_and_the_form_comes_first() {
    let mut registration = Registration::credentials("bill", "");
    assert_eq!((registration.value("username"), registration.value("password")), (Some("bill"), None));
    registration.form = Some(Form::new(FormType::Submit).with(Field::new("password", "x")));
    assert_eq!((registration.value("username"), registration.value("password")), (None, Some("x")));
}

#[test]
fn xep0077_3_2_remove_stands_alone() {
    assert_eq!(set("<remove/>"), Ok(Set::Remove));
    for inner in ["<remove/><username>a</username>", "<username/><remove/>", "<remove/><remove/>"] {
        assert_eq!(set(inner).unwrap_err().condition(), Condition::BadRequest, "{inner}");
    }
}

#[test]
fn xep0077_4_no_other_fields() {
    for inner in [
        "<shoe-size>44</shoe-size>",
        "<username>a</username><username>b</username>",
        "<x xmlns='jabber:x:data' type='form'/>",
        "<x xmlns='jabber:x:data'/>",
    ] {
        assert_eq!(set(inner).unwrap_err().condition(), Condition::BadRequest, "{inner}");
    }
    assert!(set("<key>a</key><x xmlns='jabber:x:oob'/>").is_ok());
}

#[test]
fn passwords_are_not_shown() {
    let shown = format!("{:?}", Set::Submit(Registration::credentials("bill", "Calliope")));
    assert!(!shown.contains("Calliope"), "{shown}");
}
