//! A man in the middle, behind the TLS that the client trusts: what he makes of what the server says.

use waxwing_core::stream::Features;
use waxwing_core::xml::{Element, Limits};

/// What he does. Kinds below 4 do nothing.
#[derive(Clone, Debug)]
pub struct Middle {
    kind: u8,
    account: String,
    /// What the server has offered, and what has arrived of it.
    offers: Option<[Offer; 2]>,
    /// Something has been changed that only who knows the secret could have said.
    pub has_forged: bool,
}

/// What XEP-0474 protects, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Offer {
    sasl: Vec<String>,
    sasl2: Vec<String>,
    bindings: Option<Vec<String>>,
}

const FEATURES: [&str; 2] = ["<stream:features>", "</stream:features>"];
const SASL2: &str = "<authentication xmlns='urn:xmpp:sasl:2'>";
const SASL: &str = "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>";
const XML: Limits = Limits { max_bytes: 65_536, max_depth: 16, max_attributes: 32 };

impl Middle {
    /// One who does this; where he makes a success up it is one of this account.
    pub fn new(kind: u8, account: &str) -> Middle {
        Middle { kind, account: account.to_owned(), offers: None, has_forged: false }
    }

    /// He is there.
    pub fn is_there(&self) -> bool {
        self.kind >= 4
    }

    /// The TLS that the client speaks is not that which the server speaks.
    pub fn ends_tls(&self) -> bool {
        matches!(self.kind, 12 | 13)
    }

    /// The list that counts where the client has logged in so is not what the server has offered.
    pub fn has_changed_list(&self, is_sasl2: bool) -> bool {
        let list = |offer: &Offer| if is_sasl2 { offer.sasl2.clone() } else { offer.sasl.clone() };
        if !self.is_there() {
            return false;
        }
        let [said, heard] = self.offers.as_ref().expect("features have come");
        list(said) != list(heard) || said.bindings != heard.bindings
    }

    /// What the server says is on its way, inside TLS or before.
    pub fn alter(&mut self, is_clear: bool, bytes: &[u8]) -> Vec<u8> {
        let text = std::str::from_utf8(bytes).ok().filter(|_| self.is_there());
        let Some(text) = text else { return bytes.to_vec() };
        let altered = match (is_clear, self.kind) {
            (true, _) => self.alter_before_tls(text),
            (false, 14) => self.make_up_success(text),
            (false, 15) => self.alter_proof(text),
            (false, _) => self.alter_offer(text),
        };
        if let (false, Some(said), Some(heard)) = (is_clear, Offer::parse(text), Offer::parse(&altered)) {
            self.offers.get_or_insert([said, heard]);
        }
        altered.into_bytes()
    }

    fn alter_before_tls(&self, text: &str) -> String {
        match self.kind % 3 {
            0 => without(text, "<starttls", "</starttls>"),
            1 => text.replace(
                FEATURES[0],
                &format!("{}{SASL}<mechanism>PLAIN</mechanism></mechanisms>", FEATURES[0]),
            ),
            _ => text.replace(
                "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
                "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><stream:features/>",
            ),
        }
    }

    fn alter_offer(&self, text: &str) -> String {
        if !text.contains(FEATURES[0]) {
            return text.to_owned();
        }
        let without_plus = |text: &str| without_mechanisms(text, |name| name.ends_with("-PLUS"));
        let without_bindings = |text: &str| without(text, "<sasl-channel-binding", "</sasl-channel-binding>");
        match self.kind {
            4 => without_plus(text),
            5 => without_mechanisms(text, |name| name.starts_with("SCRAM-")),
            6 => without_bindings(text),
            7 => text.replace("<channel-binding type='tls-exporter'/>", ""),
            8 => without(text, SASL2, "</authentication>"),
            9 => without(text, "<fast", "</fast>"),
            10 => without(text, "<bind xmlns='urn:xmpp:bind:0'", "</bind>"),
            11 => [SASL, SASL2].iter().fold(text.to_owned(), |text, list| {
                text.replace(list, &format!("{list}<mechanism>SCRAM-SHA-512-PLUS</mechanism>"))
            }),
            13 => without_bindings(&without_plus(text)),
            _ => text.to_owned(),
        }
    }

    /// The server has something to ask, or says no.
    fn make_up_success(&mut self, text: &str) -> String {
        let answers = ["<challenge", "<failure"];
        if self.has_forged || !answers.iter().any(|answer| text.contains(answer)) {
            return text.to_owned();
        }
        self.has_forged = true;
        if !text.contains("urn:xmpp:sasl:2") {
            return "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>".to_owned();
        }
        let account = &self.account;
        format!(
            "<success xmlns='urn:xmpp:sasl:2'><authorization-identifier>{account}</authorization-identifier></success>\
             <stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>"
        )
    }

    /// One letter of what the server proves itself with.
    fn alter_proof(&mut self, text: &str) -> String {
        let places = ["<challenge", "<additional-data", "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"];
        let at = places.iter().find_map(|place| text.find(place));
        let data = at.and_then(|at| Some(at + text[at..].find('>')? + 1 + 8));
        let Some(at) = data.filter(|at| text.as_bytes().get(*at).is_some_and(u8::is_ascii_alphanumeric))
        else {
            return text.to_owned();
        };
        self.has_forged = true;
        let other = if text.as_bytes()[at] == b'Q' { "R" } else { "Q" };
        [&text[..at], other, &text[at + 1..]].concat()
    }
}

impl Offer {
    fn parse(text: &str) -> Option<Offer> {
        let (from, to) = (text.find(FEATURES[0])?, text.find(FEATURES[1])?);
        let inner = &text[from + FEATURES[0].len()..to];
        let xml = format!(
            "<stream:features xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:client'>{inner}{}",
            FEATURES[1]
        );
        let features = Features::parse(Element::parse(xml.as_bytes(), XML).ok()?.root());
        let sorted = |names: &[String]| {
            let mut names = names.to_vec();
            names.sort_unstable();
            names
        };
        Some(Offer {
            sasl: sorted(features.mechanisms()),
            sasl2: features.authentication().map(|offer| sorted(&offer.mechanisms)).unwrap_or_default(),
            bindings: features.channel_binding_names().map(sorted),
        })
    }
}

/// Without all that begins and ends so.
fn without(text: &str, begin: &str, end: &str) -> String {
    let mut text = text.to_owned();
    while let Some(from) = text.find(begin) {
        let Some(length) = text[from..].find(end) else { return text };
        text.replace_range(from..from + length + end.len(), "");
    }
    text
}

fn without_mechanisms(text: &str, goes: impl Fn(&str) -> bool) -> String {
    let mut pieces = text.split("<mechanism>");
    let mut kept = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        match piece.split_once("</mechanism>") {
            Some((name, rest)) if goes(name) => kept += rest,
            _ => {
                kept += "<mechanism>";
                kept += piece;
            }
        }
    }
    kept
}
