//! Entity capabilities (XEP-0115): what an entity can do, as a hash in its presence.

use super::disco::{Identity, Info};
use super::form::{Field, FieldType, Form, FormType};
use super::{Malformed, expect, required};
use crate::ns;
use crate::xml::{Element, ElementBuilder, ElementRef};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use std::collections::BTreeSet;

/// What presence says of an entity's capabilities (section 4).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
#[non_exhaustive]
pub struct Caps {
    /// The software, as a URI.
    pub node: String,
    /// The verification string.
    pub ver: String,
    /// The name of the hash function that made it. `None`: the format of old (section 10), of which nothing can be verified.
    pub hash: Option<String>,
}

/// The hash functions that we can verify with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
#[non_exhaustive]
pub enum Hash {
    /// The one that everybody has.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// What comes of comparing an [`Info`] with the caps that promise it (section 5.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// It is what was promised: it holds for everybody with the same caps, as far as [`Caps::vouched`] says.
    Valid,
    /// It is something else, or may be taken for something else: it holds for the entity that sent it only, and the caps for
    /// nothing.
    Invalid,
    /// There is no telling: the hash function is not known, or there is none. It holds for the entity that sent it only.
    Unverifiable,
}

impl Caps {
    /// The caps of an entity with this [`Info`]. `node` names the software.
    pub fn of(info: &Info, node: &str, hash: Hash) -> Caps {
        Caps { node: node.to_owned(), ver: ver(info, hash), hash: Some(hash.name().to_owned()) }
    }

    /// Reads a `c` element.
    pub fn parse(c: ElementRef<'_>) -> Result<Caps, Malformed> {
        expect(c, "c", ns::CAPS)?;
        Ok(Caps {
            node: required(c, "node", "caps without node")?.to_owned(),
            ver: required(c, "ver", "caps without ver")?.to_owned(),
            hash: c.attr("hash").map(str::to_owned),
        })
    }

    /// The `c` element.
    pub fn to_builder(&self) -> ElementBuilder {
        Element::builder("c", ns::CAPS)
            .attr_opt("hash", self.hash.as_deref())
            .attr("node", &self.node)
            .attr("ver", &self.ver)
    }

    /// The node to ask the entity about (section 6.2).
    pub fn query_node(&self) -> String {
        format!("{}#{}", self.node, self.ver)
    }

    /// Compares what the entity answered with what it promised.
    ///
    /// Names with a `<` in them never verify: the string that is hashed joins names with that character, so that other
    /// names could make the same string. The string does not tell either where the features end and a form begins: see
    /// [`vouched`](Self::vouched).
    pub fn verify(&self, info: &Info) -> Verdict {
        let Some(hash) = self.hash.as_deref().and_then(Hash::from_name) else { return Verdict::Unverifiable };
        if is_sound(info) && ver(info, hash) == self.ver { Verdict::Valid } else { Verdict::Invalid }
    }

    /// What of an answer holds for everybody with the same caps, whoever gave it; `None` if nothing does.
    ///
    /// Section 5.4 alone lets an answer be forged: the string that is hashed does not tell a feature from an identity of
    /// the same spelling, nor the last features from a form (section 9.2), and does not cover all that an answer may hold.
    /// So only what is hashed is vouched for, and only if the string can be read in no other way. That is so where no
    /// feature looks like an identity and there is no form but the one about the software, which has names that cannot
    /// stand behind its own in a sorted list of features.
    pub fn vouched(&self, info: &Info) -> Option<Info> {
        let is_valid = self.verify(info) == Verdict::Valid;
        let is_identity = |identity: &Identity| !identity.category.is_empty() && !identity.kind.is_empty();
        let readable = info.identities.iter().all(is_identity)
            && !info.features.iter().any(|feature| looks_like_identity(feature));
        let forms: Vec<Form> = info.forms().filter(|form| form_type(form).is_some()).collect();
        if !is_valid || !readable || !forms.iter().all(is_about_software) {
            return None;
        }
        let extensions = forms.iter().map(|form| stripped(form).to_builder().build()).collect();
        Some(Info { identities: info.identities.clone(), features: info.features.clone(), extensions })
    }
}

impl Hash {
    /// As it is written in the attribute `hash`: the name that IANA registered.
    pub fn name(self) -> &'static str {
        match self {
            Hash::Sha1 => "sha-1",
            Hash::Sha256 => "sha-256",
            Hash::Sha512 => "sha-512",
        }
    }

    /// Reads such a name.
    pub fn from_name(name: &str) -> Option<Hash> {
        [Hash::Sha1, Hash::Sha256, Hash::Sha512].into_iter().find(|hash| hash.name() == name)
    }

    fn digest(self, data: &[u8]) -> String {
        match self {
            Hash::Sha1 => BASE64.encode(Sha1::digest(data)),
            Hash::Sha256 => BASE64.encode(Sha256::digest(data)),
            Hash::Sha512 => BASE64.encode(Sha512::digest(data)),
        }
    }
}

/// The verification string of an [`Info`] (section 5.1). Forms without a hidden `FORM_TYPE` do not count.
pub fn ver(info: &Info, hash: Hash) -> String {
    hash.digest(hashed(info).as_bytes())
}

/// The string that is hashed.
fn hashed(info: &Info) -> String {
    let mut identities: Vec<_> = info.identities.iter().collect();
    identities.sort();
    let mut s = String::new();
    for identity in identities {
        let (lang, name) = (identity.lang.as_deref(), identity.name.as_deref());
        let (category, kind) = (identity.category.as_str(), identity.kind.as_str());
        let parts = [category, kind, lang.unwrap_or_default(), name.unwrap_or_default()];
        append(&mut s, &parts.join("/"));
    }
    append_sorted(&mut s, info.features.iter().map(String::as_str));
    let mut forms: Vec<Form> = info.forms().filter(|form| form_type(form).is_some()).collect();
    forms.sort_by(|a, b| form_type(a).cmp(&form_type(b)));
    for form in &forms {
        append(&mut s, form_type(form).unwrap_or_default());
        let mut fields: Vec<_> = form
            .fields
            .iter()
            .filter_map(|field| {
                Some((field.var.as_deref().filter(|var| *var != "FORM_TYPE")?, &field.values))
            })
            .collect();
        fields.sort();
        for (var, values) in fields {
            append(&mut s, var);
            append_sorted(&mut s, values.iter().map(String::as_str));
        }
    }
    s
}

/// What a form says about its fields' names; it counts only where it is hidden (section 5.4 rule 3, step 6).
fn form_type(form: &Form) -> Option<&str> {
    form.field("FORM_TYPE").filter(|field| field.kind == Some(FieldType::Hidden))?.value()
}

fn append_sorted<'a>(s: &mut String, items: impl Iterator<Item = &'a str>) {
    let mut items: Vec<&str> = items.collect();
    items.sort_unstable();
    items.into_iter().for_each(|item| append(s, item));
}

fn append(s: &mut String, item: &str) {
    s.push_str(item);
    s.push('<');
}

/// Section 5.4 rule 3, steps 3 to 5, and what would make two different answers hash alike.
fn is_sound(info: &Info) -> bool {
    let (mut identities, mut features, mut types) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let malformed_form =
        |extension: &Element| extension.is("x", ns::DATA) && Form::parse(extension.root()).is_err();
    let plain = |text: &str| !text.contains('<');
    info.identities.iter().all(|identity| {
        let (lang, name) = (identity.lang.as_deref(), identity.name.as_deref());
        let parts = [identity.category.as_str(), &identity.kind, lang.unwrap_or_default()];
        identities.insert(identity)
            && parts.iter().all(|part| plain(part) && !part.contains('/'))
            && name.is_none_or(plain)
    }) && info.features.iter().all(|feature| features.insert(feature) && plain(feature))
        && !info.extensions.iter().any(malformed_form)
        && info.forms().all(|form| {
            let Some(form_type) = form_type(&form) else { return true };
            let one_type =
                form.field("FORM_TYPE").is_some_and(|field| field.values.iter().all(|v| v == form_type));
            let mut all = form.fields.iter().flat_map(|field| field.var.iter().chain(&field.values));
            one_type && all.all(|text| plain(text)) && types.insert(form_type.to_owned())
        })
}

/// The form about software (XEP-0232), and what it may say: field names, with the only values that a list may have.
const SOFTWARE: &str = "urn:xmpp:dataforms:softwareinfo";
const SOFTWARE_TEXTS: [&str; 4] = ["os", "os_version", "software", "software_version"];
const SOFTWARE_LIST: (&str, [&str; 2]) = ("ip_version", ["ipv4", "ipv6"]);

/// True for what could also be an identity: category/type/lang/name.
fn looks_like_identity(feature: &str) -> bool {
    let mut parts = feature.split('/');
    let is_filled = |part: Option<&str>| part.is_some_and(|part| !part.is_empty());
    is_filled(parts.next()) && is_filled(parts.next()) && parts.next().is_some() && parts.next().is_some()
}

/// True for a form of which each name and value can be told apart however they are joined.
fn is_about_software(form: &Form) -> bool {
    let (list, list_values) = SOFTWARE_LIST;
    let is_allowed = |field: &Field| {
        let var = field.var.as_deref().unwrap_or_default();
        let is_text = SOFTWARE_TEXTS.contains(&var) && field.values.len() == 1;
        is_text || (var == list && field.values.iter().all(|value| list_values.contains(&value.as_str())))
    };
    let mut fields = form.fields.iter().filter(|field| field.var.as_deref() != Some("FORM_TYPE")).peekable();
    form_type(form) == Some(SOFTWARE) && fields.peek().is_some() && fields.all(is_allowed)
}

/// The form with nothing but what is hashed.
fn stripped(form: &Form) -> Form {
    let fields = form.fields.iter().filter(|field| field.var.as_deref() != Some("FORM_TYPE"));
    fields.fold(Form::of_type(FormType::Result, form_type(form).unwrap_or_default()), |form, field| {
        form.with(Field { var: field.var.clone(), values: field.values.clone(), ..Field::default() })
    })
}
