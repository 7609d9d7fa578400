//! Tokens to log in with instead of a password (XEP-0484): what travels along with authentication.

use super::malformed::{Malformed, flag, number};
use crate::machine::Utc;
use crate::ns;
use crate::payload::datetime;
use crate::xml::{Element, ElementBuilder, ElementRef};
use core::fmt;

/// What the server offers (section 3.1).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Offer {
    /// The mechanisms by name, in the server's order.
    pub mechanisms: Vec<String>,
    /// Requests may come in TLS 0-RTT data.
    pub early_data: bool,
}

impl Offer {
    /// These mechanisms.
    pub fn new<'a>(mechanisms: impl IntoIterator<Item = &'a str>) -> Offer {
        Offer { mechanisms: mechanisms.into_iter().map(str::to_owned).collect(), early_data: false }
    }

    /// Reads `<fast/>` of the stream features. What is not understood is passed over.
    pub(super) fn parse(element: ElementRef<'_>) -> Offer {
        let mechanisms = element.children().filter(|child| child.is("mechanism", ns::FAST));
        Offer {
            mechanisms: mechanisms.map(|name| name.text().trim().to_owned()).collect(),
            early_data: flag(element, "tls-0rtt").unwrap_or_default(),
        }
    }

    pub(super) fn builder(&self) -> ElementBuilder {
        let fast = Element::builder("fast", ns::FAST);
        let fast = fast.attr_opt("tls-0rtt", self.early_data.then_some("true"));
        let mechanism = |name: &String| Element::builder("mechanism", ns::FAST).text(name);
        self.mechanisms.iter().map(mechanism).fold(fast, ElementBuilder::child)
    }
}

/// The client logs in with a token (section 3.4).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Use {
    /// How often the client has tried this token, this time included: against replays.
    pub count: Option<u32>,
    /// The token is to be good for nothing afterwards (section 3.6).
    pub invalidate: bool,
}

impl Use {
    /// Reads `<fast/>` of an authentication request.
    ///
    /// # Errors
    /// If an attribute is not as it should be.
    pub fn parse(element: ElementRef<'_>) -> Result<Use, Malformed> {
        if !element.is("fast", ns::FAST) {
            return Err(Malformed::new("not the use of a token"));
        }
        let count = number(element, "count")?;
        if count == Some(0) {
            return Err(Malformed::new("the attribute 'count' is not a positive number"));
        }
        Ok(Use { count, invalidate: flag(element, "invalidate")? })
    }

    pub(super) fn builder(self) -> ElementBuilder {
        Element::builder("fast", ns::FAST)
            .attr_opt("count", self.count.map(|count| count.to_string()).as_deref())
            .attr_opt("invalidate", self.invalidate.then_some("true"))
    }
}

/// The client wants a token for this mechanism (section 3.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestToken {
    /// Its name.
    pub mechanism: String,
}

impl RequestToken {
    /// Reads `<request-token/>`.
    ///
    /// # Errors
    /// If it names no mechanism.
    pub fn parse(element: ElementRef<'_>) -> Result<RequestToken, Malformed> {
        if !element.is("request-token", ns::FAST) {
            return Err(Malformed::new("not a request for a token"));
        }
        let mechanism = element.attr("mechanism").map(str::trim).unwrap_or_default();
        if mechanism.is_empty() {
            return Err(Malformed::new("the request for a token names no mechanism"));
        }
        Ok(RequestToken { mechanism: mechanism.to_owned() })
    }

    pub(super) fn builder(&self) -> ElementBuilder {
        Element::builder("request-token", ns::FAST).attr("mechanism", &self.mechanism)
    }
}

/// A token from the server (section 3.3): as good as a password. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// The secret.
    pub token: String,
    /// It is good until then.
    pub expiry: Utc,
}

impl Token {
    /// Reads `<token/>`.
    ///
    /// # Errors
    /// If there is no token or no time in it.
    pub fn parse(element: ElementRef<'_>) -> Result<Token, Malformed> {
        if !element.is("token", ns::FAST) {
            return Err(Malformed::new("not a token"));
        }
        let token = element.attr("token").filter(|token| !token.is_empty());
        let token = token.ok_or(Malformed::new("the token is missing"))?.to_owned();
        let expiry = element.attr("expiry").and_then(|at| datetime::parse(at.trim()));
        Ok(Token { token, expiry: expiry.ok_or(Malformed::new("it does not say when the token expires"))? })
    }

    pub(super) fn builder(&self) -> ElementBuilder {
        Element::builder("token", ns::FAST)
            .attr("token", &self.token)
            .attr("expiry", &datetime::format(self.expiry))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("expiry", &self.expiry).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Limits;

    const LIMITS: Limits = Limits { max_bytes: 8192, max_depth: 8, max_attributes: 8 };

    fn element(xml: &str) -> Element {
        Element::parse(xml.as_bytes(), LIMITS).expect("well-formed")
    }

    #[test]
    fn xep0484_3_uses_requests_and_tokens_round_trip() {
        for used in [Use::default(), Use { count: Some(u32::MAX), invalidate: true }] {
            assert_eq!(Use::parse(used.builder().build().root()), Ok(used));
        }
        let asked = RequestToken { mechanism: "HT-SHA-256-EXPR".into() };
        assert_eq!(RequestToken::parse(asked.builder().build().root()), Ok(asked));
        let token = Token { token: "a'<b>&".into(), expiry: Utc::from_unix_millis(1_584_023_775_000) };
        let written = token.builder().build();
        assert_eq!(written.attr("expiry"), Some("2020-03-12T14:36:15Z"));
        assert_eq!(Token::parse(written.root()), Ok(token));
    }

    #[test]
    fn xep0484_3_4_a_count_is_a_positive_integer() {
        let used = |attributes: &str| {
            Use::parse(element(&format!("<fast xmlns='urn:xmpp:fast:0' {attributes}/>")).root())
        };
        assert_eq!(used("count='1' invalidate='1'"), Ok(Use { count: Some(1), invalidate: true }));
        for wrong in ["count='0'", "count='-1'", "count=''", "count='4294967296'", "invalidate='yes'"] {
            assert!(used(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn xep0484_3_3_a_token_is_whole_or_none_and_is_not_shown() {
        let token = |attributes: &str| {
            Token::parse(element(&format!("<token xmlns='urn:xmpp:fast:0' {attributes}/>")).root())
        };
        let good = token("token='secret' expiry='2020-03-12T14:36:15Z'").expect("it is good");
        assert!(!format!("{good:?}").contains("secret"));
        for wrong in
            ["token='secret'", "expiry='2020-03-12T14:36:15Z'", "token='' expiry='2020-03-12T14:36:15Z'"]
        {
            assert!(token(wrong).is_err(), "{wrong}");
        }
        assert!(RequestToken::parse(element("<request-token xmlns='urn:xmpp:fast:0'/>").root()).is_err());
    }
}
