//! XEP-0004, XEP-0068.

use super::super::form::{Field, FieldType, Form, FormType};
use super::*;

fn form(inner: &str) -> Result<Form, Malformed> {
    Form::parse(element(&format!("<x xmlns='jabber:x:data' type='form'>{inner}</x>")).root())
}

#[test]
fn xep0004_3_round_trip() {
    let mut field = Field::multi("public", &["a & b", ""]);
    field.kind = Some(FieldType::ListMulti);
    (field.label, field.desc, field.required) = (Some("L".into()), Some("D".into()), true);
    field.options = vec![("a & b".into(), Some("A".into())), (String::new(), None)];
    let mut fixed = Field::default();
    (fixed.kind, fixed.values) = (Some(FieldType::Fixed), vec!["Section".into()]);
    let mut full = Form::of_type(FormType::Form, "urn:x").with(field).with(fixed);
    (full.title, full.instructions) = (Some("T".into()), vec!["one".into(), "two".into()]);
    let mut table = Form::new(FormType::Result);
    table.reported = vec![Field::multi("a", &[]), Field::multi("b", &[])];
    table.items = vec![vec![Field::new("a", "1"), Field::new("b", "2")], vec![Field::new("a", "3")]];
    for form in
        [full, table, Form::new(FormType::Cancel), Form::new(FormType::Submit).with(Field::new("a", "1"))]
    {
        assert_eq!(Form::parse(built(form.to_builder()).root()), Ok(form));
    }
}

#[test]
fn xep0004_3_3_every_type_of_field_reads_back_and_unknown_ones_are_text() {
    for name in [
        "boolean",
        "fixed",
        "hidden",
        "jid-multi",
        "jid-single",
        "list-multi",
        "list-single",
        "text-multi",
        "text-private",
        "text-single",
    ] {
        let form = form(&format!("<field var='a' type='{name}'/>")).unwrap();
        assert!(built(form.to_builder()).to_xml().contains(&format!("type='{name}'")), "{name}");
    }
    let unknown = form("<field var='a' type='colour'/>").unwrap();
    assert_eq!(unknown.field("a").unwrap().kind, Some(FieldType::TextSingle));
}

#[test]
fn xep0004_3_malformed_forms() {
    for inner in [
        "<field/>",
        "<field type='hidden'/>",
        "<field var='a'/><field var='a'/>",
        "<field var='a'><option/></field>",
        "<field var='a'><option><value/><value/></option></field>",
        "<item><field var='a'/><field var='a'/></item>",
        "<reported><field/></reported>",
    ] {
        assert_eq!(form(inner).unwrap_err().condition(), Condition::BadRequest, "{inner}");
    }
    for x in ["<x xmlns='jabber:x:data'/>", "<x xmlns='jabber:x:data' type='Form'/>", "<x type='form'/>"] {
        assert!(Form::parse(element(x).root()).is_err(), "{x}");
    }
    // Two fixed fields without names are fine.
    assert!(form("<field type='fixed'/><field type='fixed'/>").is_ok());
}

#[test]
fn xep0068_3_the_form_type_is_hidden() {
    let with = |kind: &str, attr: &str| {
        let xml = format!(
            "<x xmlns='jabber:x:data' type='{kind}'><field var='FORM_TYPE' {attr}><value>urn:x</value></field></x>"
        );
        Form::parse(element(&xml).root()).unwrap().form_type().map(str::to_owned)
    };
    assert_eq!(with("result", "type='hidden'").as_deref(), Some("urn:x"));
    assert_eq!(with("submit", "").as_deref(), Some("urn:x"));
    assert_eq!(with("result", ""), None);
    assert_eq!(with("submit", "type='text-single'"), None);
}

#[test]
fn xep0004_3_3_booleans() {
    for (value, expected) in
        [("true", Some(true)), ("1", Some(true)), ("false", Some(false)), ("0", Some(false)), ("yes", None)]
    {
        assert_eq!(Field::new("a", value).boolean(), expected, "{value}");
    }
    assert_eq!(Field::multi("a", &[]).boolean(), None);
}
