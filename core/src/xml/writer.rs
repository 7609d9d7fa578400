//! Writing XML.

/// What is declared at the place where an element is to be written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scope<'a> {
    /// The default namespace there; empty if none. On a stream: its content namespace. A root element in any content namespace
    /// ([`crate::ns::is_content`]) is then written without a declaration and so takes on this one.
    pub default_ns: &'a str,
    /// The prefix `stream` is declared there (RFC 6120 section 4.8.5).
    pub stream_prefix: bool,
    /// The `xml:lang` in force there.
    pub lang: Option<&'a str>,
}
/// Appends text content, escaped.
pub fn escape_text(_text: &str, _out: &mut Vec<u8>) {
    todo!()
}
/// Appends an attribute value (without the quotes), escaped for either kind of quote.
pub fn escape_attr(_value: &str, _out: &mut Vec<u8>) {
    todo!()
}
