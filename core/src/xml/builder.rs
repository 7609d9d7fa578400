//! Building elements.
use super::element::{Element, ElementRef};
use super::limits::Limits;
use super::writer::{self, Place};
use super::{Error, ErrorKind, chars, escape_attr, escape_text};
use crate::ns;
use std::borrow::Cow;

/// Builds an [`Element`].
#[derive(Debug, Clone)]
pub struct ElementBuilder {
    name: String,
    ns: String,
    lang: Option<String>,
    /// The attributes as they will be written.
    attrs: Vec<u8>,
    /// For each attribute: where it begins in `attrs`, how long its name is.
    index: Vec<(usize, usize)>,
    /// What it contains, as it will be written.
    content: Vec<u8>,
    /// The first thing that could not be written as it was given.
    problem: Option<&'static str>,
}

const BAD_NAME: &str = "name that XML does not allow";
const BAD_TEXT: &str = "character that XML does not allow";
const BAD_NS: &str = "namespace that elements cannot be in";

/// For what we wrote ourselves.
pub(crate) const UNLIMITED: Limits =
    Limits { max_bytes: usize::MAX, max_depth: usize::MAX, max_attributes: usize::MAX };

/// A default namespace that nothing is in, so that whatever stands there declares its own.
const NOWHERE: &str = "\0";

impl Element {
    /// Starts building an element.
    pub fn builder(name: &str, ns: &str) -> ElementBuilder {
        ElementBuilder::new(name, ns)
    }

    /// The element with one more child behind what it contains, and with attributes of its start tag replaced or added
    /// (`Some`) or left out (`None`). Everything else stays as it is.
    pub fn with_child(&self, child: ElementBuilder, attrs: &[(&str, Option<&str>)]) -> Element {
        let mut xml = Vec::new();
        self.write_with(&mut xml, &super::Scope::default(), attrs);
        let end_tag = if xml.ends_with(b"/>") {
            // `/>` becomes `>`, and the name, which ends before the first space or that slash, an end tag.
            xml.truncate(xml.len() - 2);
            let name = xml.get(1..).unwrap_or_default();
            let len = name.iter().position(u8::is_ascii_whitespace).unwrap_or(name.len());
            let end_tag = [b"</", name.get(..len).unwrap_or_default(), b">"].concat();
            xml.push(b'>');
            end_tag
        } else {
            xml.split_off(xml.iter().rposition(|byte| *byte == b'<').unwrap_or(xml.len()))
        };
        child.write(NOWHERE, &mut xml);
        xml.extend_from_slice(&end_tag);
        Element::parse(&xml, UNLIMITED).unwrap_or_else(|_| self.clone())
    }
}

impl ElementBuilder {
    /// An element with these names.
    pub fn new(name: &str, ns: &str) -> ElementBuilder {
        let mut builder = ElementBuilder {
            name: String::new(),
            ns: String::new(),
            lang: None,
            attrs: Vec::new(),
            index: Vec::new(),
            content: Vec::new(),
            problem: None,
        };
        builder.name = builder.ncname(name).into_owned();
        builder.check(writer::is_writable(ns), BAD_TEXT);
        let possible = ns != ns::XML && ns != ns::XMLNS;
        builder.check(possible, BAD_NS);
        builder.ns = if possible { ns.to_owned() } else { String::new() };
        builder
    }

    /// Sets an attribute that is in no namespace; one of this name that is there already is replaced. `xml:lang` is taken
    /// for what it says, as [`lang`](Self::lang).
    pub fn attr(mut self, name: &str, value: &str) -> Self {
        if name == "xml:lang" {
            return self.lang(value);
        }
        let name = match self.ncname(name) {
            Cow::Borrowed("xmlns") => {
                self.check(false, BAD_NAME);
                Cow::Borrowed("_xmlns")
            }
            name => name,
        };
        self.check(writer::is_writable(value), BAD_TEXT);
        self.remove(&name);
        if self.index.is_empty() {
            // Room for what most have.
            self.index.reserve(4);
            self.attrs.reserve(128);
        }
        self.index.push((self.attrs.len(), name.len()));
        writer::attribute(&name, value, &mut self.attrs);
        self
    }

    /// Sets an attribute if there is a value.
    pub fn attr_opt(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.attr(name, value),
            None => self,
        }
    }

    /// Sets `xml:lang`.
    pub fn lang(mut self, lang: &str) -> Self {
        self.check(writer::is_writable(lang), BAD_TEXT);
        self.lang = Some(lang.to_owned());
        self
    }

    /// Appends text.
    pub fn text(mut self, text: &str) -> Self {
        self.check(writer::is_writable(text), BAD_TEXT);
        escape_text(text, &mut self.content);
        self
    }

    /// Appends a child that is being built.
    pub fn child(mut self, child: ElementBuilder) -> Self {
        if self.problem.is_none() {
            self.problem = child.problem;
        }
        self.content.reserve(child.size());
        child.write(&self.ns, &mut self.content);
        self
    }

    /// Appends a finished element as a child. What it leaned on where it was, an inherited `xml:lang` included, goes with it.
    pub fn element(self, child: ElementRef<'_>) -> Self {
        self.element_with(child, &[])
    }

    /// As [`element`](Self::element), with attributes of the child replaced or added (`Some`) or left out (`None`).
    pub fn element_with(mut self, child: ElementRef<'_>, attrs: &[(&str, Option<&str>)]) -> Self {
        let place = Place::within(&self.ns, self.lang.as_deref());
        writer::write(child, &mut self.content, &place, attrs);
        self
    }

    /// The element. Characters that XML 1.0 has no way to write become U+FFFD, those that names cannot have become `_`, and a
    /// namespace that no element can be in becomes none; use [`try_build`](Self::try_build) where that would lose what a user
    /// said.
    pub fn build(self) -> Element {
        self.parse().unwrap_or_else(|_| Element::placeholder())
    }

    /// The element, or what about it cannot be written.
    pub fn try_build(self) -> Result<Element, Error> {
        match self.problem {
            Some(what) => Err(Error::new(ErrorKind::NotWellFormed, what, 0)),
            None => self.parse(),
        }
    }

    /// Only size could make this fail: everything has been escaped and checked.
    fn parse(&self) -> Result<Element, Error> {
        let mut xml = Vec::with_capacity(self.size());
        self.write("", &mut xml);
        Element::parse(&xml, UNLIMITED)
    }

    /// About how many bytes it is when it is written.
    fn size(&self) -> usize {
        self.content.len() + self.attrs.len() + self.ns.len() + 2 * self.name.len() + 32
    }

    fn write(&self, default_ns: &str, out: &mut Vec<u8>) {
        out.push(b'<');
        out.extend_from_slice(self.name.as_bytes());
        if self.ns != default_ns {
            writer::declare("", &self.ns, out);
        }
        if let Some(lang) = &self.lang {
            out.extend_from_slice(b" xml:lang='");
            escape_attr(lang, out);
            out.push(b'\'');
        }
        out.extend_from_slice(&self.attrs);
        if self.content.is_empty() {
            out.extend_from_slice(b"/>");
            return;
        }
        out.push(b'>');
        out.extend_from_slice(&self.content);
        out.extend_from_slice(b"</");
        out.extend_from_slice(self.name.as_bytes());
        out.push(b'>');
    }

    fn remove(&mut self, name: &str) {
        let is_named = |&(start, len): &(usize, usize)| {
            self.attrs.get(start + 1..start + 1 + len) == Some(name.as_bytes())
        };
        let Some(at) = self.index.iter().position(is_named) else { return };
        let (start, _) = self.index.remove(at);
        let end = self.index.get(at).map_or(self.attrs.len(), |(next, _)| *next);
        self.attrs.drain(start..end);
        self.index.iter_mut().skip(at).for_each(|(s, _)| *s -= end - start);
    }

    fn ncname<'n>(&mut self, name: &'n str) -> Cow<'n, str> {
        if chars::is_ncname(name) {
            return Cow::Borrowed(name);
        }
        self.check(false, BAD_NAME);
        let mut good: String = name.chars().map(|c| if chars::is_name_char(c) { c } else { '_' }).collect();
        if !chars::is_ncname(&good) {
            good.insert(0, '_');
        }
        Cow::Owned(good)
    }

    fn check(&mut self, good: bool, problem: &'static str) {
        if !good && self.problem.is_none() {
            self.problem = Some(problem);
        }
    }
}
