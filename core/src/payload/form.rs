//! Data forms (XEP-0004).

use super::{Malformed, boolean, expect};
use crate::ns;
use crate::xml::{Element, ElementBuilder, ElementRef};
use std::collections::BTreeSet;

/// What a form is for (section 3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum FormType {
    /// To be filled in.
    Form,
    /// Filled in.
    Submit,
    /// Not going to be filled in.
    Cancel,
    /// Data.
    Result,
}

/// What kind of value a field has (section 3.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub enum FieldType {
    /// Yes or no.
    Boolean,
    /// Text that is shown.
    Fixed,
    /// Not shown, but returned.
    Hidden,
    /// Addresses.
    JidMulti,
    /// An address.
    JidSingle,
    /// Some of the options.
    ListMulti,
    /// One of the options.
    ListSingle,
    /// Lines of text.
    TextMulti,
    /// A line of text that nobody else should see.
    TextPrivate,
    /// A line of text. Any type that is not known is taken for this one.
    #[default]
    TextSingle,
}

/// A form, empty or filled in, or data (section 3).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Form {
    /// What it is for.
    pub kind: FormType,
    /// Its title.
    pub title: Option<String>,
    /// How to fill it in, in paragraphs.
    pub instructions: Vec<String>,
    /// Its fields.
    pub fields: Vec<Field>,
    /// For a table: the fields that each row has.
    pub reported: Vec<Field>,
    /// For a table: its rows.
    pub items: Vec<Vec<Field>>,
}

/// A field of a form (section 3.2).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Field {
    /// Its name. Only fixed fields may have none.
    pub var: Option<String>,
    /// Its kind. Only forms to be filled in need to say it.
    pub kind: Option<FieldType>,
    /// Its name for people.
    pub label: Option<String>,
    /// What it is, for people.
    pub desc: Option<String>,
    /// It has to be filled in.
    pub required: bool,
    /// Its value or values.
    pub values: Vec<String>,
    /// What its values can be chosen from: value, and name for people.
    pub options: Vec<(String, Option<String>)>,
}

impl Form {
    /// An empty form of this type.
    pub fn new(kind: FormType) -> Form {
        Form {
            kind,
            title: None,
            instructions: Vec::new(),
            fields: Vec::new(),
            reported: Vec::new(),
            items: Vec::new(),
        }
    }

    /// A form of this type whose field names `form_type` defines (XEP-0068).
    pub fn of_type(kind: FormType, form_type: &str) -> Form {
        Form::new(kind).with(Field { kind: Some(FieldType::Hidden), ..Field::new("FORM_TYPE", form_type) })
    }

    /// Adds a field.
    pub fn with(mut self, field: Field) -> Form {
        self.fields.push(field);
        self
    }

    /// The field of this name.
    pub fn field(&self, var: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.var.as_deref() == Some(var))
    }

    /// The first value of the field of this name.
    pub fn value(&self, var: &str) -> Option<&str> {
        self.field(var)?.value()
    }

    /// What defines the names of the fields (XEP-0068): the value of the field `FORM_TYPE`, if it is hidden. In a form that is
    /// submitted it need not say that it is.
    pub fn form_type(&self) -> Option<&str> {
        let field = self.field("FORM_TYPE")?;
        match field.kind {
            Some(FieldType::Hidden) => field.value(),
            None if self.kind == FormType::Submit => field.value(),
            _ => None,
        }
    }

    /// Reads an `x` element.
    ///
    /// # Errors
    /// bad-request for a type that is not defined, for a field other than fixed without name, for two fields of the same name,
    /// and for an option without exactly one value.
    pub fn parse(x: ElementRef<'_>) -> Result<Form, Malformed> {
        expect(x, "x", ns::DATA)?;
        let kind = FormType::read(x.attr("type")).ok_or(Malformed::new("a form of unknown type"))?;
        let mut form = Form::new(kind);
        form.fields = fields(x)?;
        for child in x.children().filter(|child| child.ns() == ns::DATA) {
            match child.name() {
                "title" => form.title = Some(child.text().into_owned()),
                "instructions" => form.instructions.push(child.text().into_owned()),
                "reported" => form.reported = fields(child)?,
                "item" => form.items.push(fields(child)?),
                _ => {}
            }
        }
        Ok(form)
    }

    /// The `x` element.
    pub fn to_builder(&self) -> ElementBuilder {
        let mut x = Element::builder("x", ns::DATA).attr("type", self.kind.as_str());
        if let Some(title) = &self.title {
            x = x.child(text("title", title));
        }
        x = self.instructions.iter().fold(x, |x, paragraph| x.child(text("instructions", paragraph)));
        x = with_fields(x, &self.fields);
        if !self.reported.is_empty() {
            x = x.child(with_fields(Element::builder("reported", ns::DATA), &self.reported));
        }
        let row = |row: &Vec<Field>| with_fields(Element::builder("item", ns::DATA), row);
        self.items.iter().map(row).fold(x, ElementBuilder::child)
    }
}

impl Field {
    /// A field with this value.
    pub fn new(var: &str, value: &str) -> Field {
        Field { var: Some(var.to_owned()), values: vec![value.to_owned()], ..Field::default() }
    }

    /// A field with these values.
    pub fn multi(var: &str, values: &[&str]) -> Field {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        Field { var: Some(var.to_owned()), values, ..Field::default() }
    }

    /// Its first value.
    pub fn value(&self) -> Option<&str> {
        self.values.first().map(String::as_str)
    }

    /// Its value as a boolean (section 3.3).
    pub fn boolean(&self) -> Option<bool> {
        boolean(self.value()?)
    }

    fn parse(element: ElementRef<'_>) -> Result<Field, Malformed> {
        let kind = element.attr("type").map(FieldType::read);
        let var = element.attr("var").map(str::to_owned);
        if var.is_none() && kind != Some(FieldType::Fixed) {
            return Err(Malformed::new("a field without a name"));
        }
        let mut field =
            Field { var, kind, label: element.attr("label").map(str::to_owned), ..Field::default() };
        for child in element.children().filter(|child| child.ns() == ns::DATA) {
            match child.name() {
                "desc" => field.desc = Some(child.text().into_owned()),
                "required" => field.required = true,
                "value" => field.values.push(child.text().into_owned()),
                "option" => field.options.push(option(child)?),
                _ => {}
            }
        }
        Ok(field)
    }

    fn to_builder(&self) -> ElementBuilder {
        let mut field = Element::builder("field", ns::DATA)
            .attr_opt("var", self.var.as_deref())
            .attr_opt("type", self.kind.map(FieldType::as_str))
            .attr_opt("label", self.label.as_deref());
        if let Some(desc) = &self.desc {
            field = field.child(text("desc", desc));
        }
        if self.required {
            field = field.child(Element::builder("required", ns::DATA));
        }
        field = self.values.iter().fold(field, |field, value| field.child(text("value", value)));
        self.options.iter().fold(field, |field, (value, label)| {
            let option = Element::builder("option", ns::DATA).attr_opt("label", label.as_deref());
            field.child(option.child(text("value", value)))
        })
    }
}

impl FormType {
    fn as_str(self) -> &'static str {
        match self {
            FormType::Form => "form",
            FormType::Submit => "submit",
            FormType::Cancel => "cancel",
            FormType::Result => "result",
        }
    }

    fn read(value: Option<&str>) -> Option<FormType> {
        let all = [FormType::Form, FormType::Submit, FormType::Cancel, FormType::Result];
        all.into_iter().find(|kind| Some(kind.as_str()) == value)
    }
}

impl FieldType {
    const ALL: [FieldType; 10] = [
        FieldType::Boolean,
        FieldType::Fixed,
        FieldType::Hidden,
        FieldType::JidMulti,
        FieldType::JidSingle,
        FieldType::ListMulti,
        FieldType::ListSingle,
        FieldType::TextMulti,
        FieldType::TextPrivate,
        FieldType::TextSingle,
    ];

    fn as_str(self) -> &'static str {
        match self {
            FieldType::Boolean => "boolean",
            FieldType::Fixed => "fixed",
            FieldType::Hidden => "hidden",
            FieldType::JidMulti => "jid-multi",
            FieldType::JidSingle => "jid-single",
            FieldType::ListMulti => "list-multi",
            FieldType::ListSingle => "list-single",
            FieldType::TextMulti => "text-multi",
            FieldType::TextPrivate => "text-private",
            FieldType::TextSingle => "text-single",
        }
    }

    fn read(value: &str) -> FieldType {
        FieldType::ALL.into_iter().find(|kind| kind.as_str() == value).unwrap_or_default()
    }
}

fn fields(element: ElementRef<'_>) -> Result<Vec<Field>, Malformed> {
    let fields = element.children().filter(|child| child.is("field", ns::DATA));
    let fields = fields.map(Field::parse).collect::<Result<Vec<_>, _>>()?;
    let mut seen = BTreeSet::new();
    if fields.iter().filter_map(|field| field.var.as_deref()).any(|var| !seen.insert(var)) {
        return Err(Malformed::new("two fields of the same name"));
    }
    Ok(fields)
}

fn option(element: ElementRef<'_>) -> Result<(String, Option<String>), Malformed> {
    let mut values = element.children().filter(|child| child.is("value", ns::DATA));
    match (values.next(), values.next()) {
        (Some(value), None) => Ok((value.text().into_owned(), element.attr("label").map(str::to_owned))),
        _ => Err(Malformed::new("an option needs exactly one value")),
    }
}

fn with_fields(element: ElementBuilder, fields: &[Field]) -> ElementBuilder {
    fields.iter().map(Field::to_builder).fold(element, ElementBuilder::child)
}

fn text(name: &str, text: &str) -> ElementBuilder {
    Element::builder(name, ns::DATA).text(text)
}
