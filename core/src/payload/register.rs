//! In-band registration (XEP-0077).

use super::form::{Form, FormType};
use super::{Malformed, expect};
use crate::ns;
use crate::xml::{Element, ElementBuilder, ElementRef};
use std::fmt;

/// The fields that the specification defines (section 14.1); there cannot be others.
pub const FIELDS: [&str; 16] = [
    "username", "nick", "password", "name", "first", "last", "email", "address", "city", "state", "zip",
    "phone", "url", "date", "misc", "text",
];

/// What can be filled in, or was. `Debug` does not show the values: passwords are among them.
#[derive(Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Registration {
    /// Whoever asked is registered already.
    pub registered: bool,
    /// How to fill it in, or where else to register.
    pub instructions: Option<String>,
    /// Names of fields, and their values; empty ones in a form to be filled in.
    pub fields: Vec<(String, String)>,
    /// The same as a data form, which comes before the fields (section 5).
    pub form: Option<Form>,
}

/// What a request of type set wants (sections 3.1 to 3.3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Set {
    /// To register, or to change what was registered (the password).
    Submit(Registration),
    /// Not to be registered any more.
    Remove,
}

impl Registration {
    /// What is to be filled in: these fields.
    pub fn blank(instructions: &str, fields: &[&str]) -> Registration {
        let fields = fields.iter().map(|field| ((*field).to_owned(), String::new())).collect();
        Registration { instructions: Some(instructions.to_owned()), fields, ..Registration::default() }
    }

    /// A user name and a password, to register or to change the password.
    pub fn credentials(username: &str, password: &str) -> Registration {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let fields = vec![field("username", username), field("password", password)];
        Registration { fields, ..Registration::default() }
    }

    /// The value of a field: the data form's if there is one. `None` also where it is empty.
    pub fn value(&self, field: &str) -> Option<&str> {
        let value = match &self.form {
            Some(form) => form.value(field),
            None => self.fields.iter().find(|(name, _)| name == field).map(|(_, value)| value.as_str()),
        };
        value.filter(|value| !value.is_empty())
    }

    /// Reads the payload of an answer, or of a request that submits.
    ///
    /// # Errors
    /// bad-request for fields that are not defined, for two of the same name, and for a malformed form.
    pub fn parse(query: ElementRef<'_>) -> Result<Registration, Malformed> {
        expect(query, "query", ns::REGISTER)?;
        let mut registration = Registration::default();
        for child in query.children() {
            if child.is("x", ns::DATA) {
                registration.form = Some(Form::parse(child)?);
            }
            if child.ns() != ns::REGISTER {
                continue;
            }
            match child.name() {
                "registered" => registration.registered = true,
                "instructions" => registration.instructions = Some(child.text().into_owned()),
                // Of no use any more (section 7).
                "key" => {}
                name if !FIELDS.contains(&name) => return Err(Malformed::new("a field that is not defined")),
                name if registration.fields.iter().any(|(known, _)| known == name) => {
                    return Err(Malformed::new("two fields of the same name"));
                }
                name => registration.fields.push((name.to_owned(), child.text().into_owned())),
            }
        }
        Ok(registration)
    }

    /// That payload.
    pub fn to_builder(&self) -> ElementBuilder {
        let mut query = get();
        if self.registered {
            query = query.child(Element::builder("registered", ns::REGISTER));
        }
        if let Some(instructions) = &self.instructions {
            query = query.child(Element::builder("instructions", ns::REGISTER).text(instructions));
        }
        for (name, value) in &self.fields {
            query = query.child(Element::builder(name, ns::REGISTER).text(value));
        }
        match &self.form {
            Some(form) => query.child(form.to_builder()),
            None => query,
        }
    }
}

impl Set {
    /// Reads the payload of a request.
    ///
    /// # Errors
    /// bad-request where `remove` does not stand alone (section 3.2), where a form is not submitted but something else, and for
    /// what [`Registration::parse`] refuses.
    pub fn parse(query: ElementRef<'_>) -> Result<Set, Malformed> {
        expect(query, "query", ns::REGISTER)?;
        if query.child("remove", ns::REGISTER).is_some() {
            return match query.children().count() {
                1 => Ok(Set::Remove),
                _ => Err(Malformed::new("'remove' stands alone")),
            };
        }
        let registration = Registration::parse(query)?;
        if registration.form.as_ref().is_some_and(|form| form.kind != FormType::Submit) {
            return Err(Malformed::new("a form that is not submitted"));
        }
        Ok(Set::Submit(registration))
    }

    /// The payload of the request.
    pub fn to_builder(&self) -> ElementBuilder {
        match self {
            Set::Submit(registration) => registration.to_builder(),
            Set::Remove => get().child(Element::builder("remove", ns::REGISTER)),
        }
    }
}

/// The payload of the request for what is to be filled in.
pub fn get() -> ElementBuilder {
    Element::builder("query", ns::REGISTER)
}

/// The stream feature (section 8).
pub fn feature() -> ElementBuilder {
    Element::builder("register", ns::REGISTER_FEATURE)
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields: Vec<&str> = self.fields.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Registration")
            .field("registered", &self.registered)
            .field("instructions", &self.instructions)
            .field("fields", &fields)
            .field("form", &self.form.is_some())
            .finish()
    }
}
