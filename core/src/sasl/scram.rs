//! The messages of SCRAM (RFC 5802 section 7): parsing and the pieces of writing that both roles share.
//!
//! The parsers are strict: attributes in their order, no unknown letter where the grammar fixes one, canonical base64.
//! Extensions stand where the grammar allows them and are ignored but kept, since the proof covers them; the mandatory
//! one (`m=`) is refused wherever it stands.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The message breaks the grammar, or asks for an extension that nobody knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Malformed;

/// Whether the client binds the exchange to the channel (`gs2-cbind-flag`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Flag<'a> {
    /// `n`: the client cannot.
    Unable,
    /// `y`: it can, and believes that the server cannot.
    Unoffered,
    /// `p`: it does, with this kind of channel binding.
    Bound(&'a str),
}

/// The head that a client's first message starts with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Gs2<'a> {
    pub(super) flag: Flag<'a>,
    pub(super) authzid: Option<String>,
    /// As it came, both commas included: the client repeats it in its last message.
    pub(super) raw: &'a str,
}

impl<'a> Gs2<'a> {
    /// Splits the head from what follows it.
    pub(super) fn parse(message: &'a str) -> Result<(Gs2<'a>, &'a str), Malformed> {
        let (flag, rest) = message.split_once(',').ok_or(Malformed)?;
        let (authzid, rest) = rest.split_once(',').ok_or(Malformed)?;
        let raw = message.strip_suffix(rest).ok_or(Malformed)?;
        let flag = match flag {
            "n" => Flag::Unable,
            "y" => Flag::Unoffered,
            _ => Flag::Bound(flag.strip_prefix("p=").filter(|name| is_binding_name(name)).ok_or(Malformed)?),
        };
        let authzid = match authzid {
            "" => None,
            _ => Some(unescape(value(authzid, 'a')?)?),
        };
        Ok((Gs2 { flag, authzid, raw }, rest))
    }
}

/// `client-first-message`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ClientFirst<'a> {
    pub(super) gs2: Gs2<'a>,
    /// Without the head.
    pub(super) bare: &'a str,
    /// No longer escaped.
    pub(super) username: String,
    pub(super) nonce: &'a str,
}

impl<'a> ClientFirst<'a> {
    pub(super) fn parse(message: &'a [u8]) -> Result<ClientFirst<'a>, Malformed> {
        let (gs2, bare) = Gs2::parse(text(message)?)?;
        let mut parts = bare.split(',');
        let username = unescape(next(&mut parts, 'n')?)?;
        let nonce = nonce(next(&mut parts, 'r')?)?;
        extensions(parts)?;
        Ok(ClientFirst { gs2, bare, username, nonce })
    }
}

/// `server-first-message`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ServerFirst<'a> {
    pub(super) nonce: &'a str,
    pub(super) salt: Vec<u8>,
    /// One too large for the type is its maximum.
    pub(super) iterations: u32,
    /// The hash of what the server has offered (XEP-0474).
    pub(super) offered: Option<&'a str>,
}

impl<'a> ServerFirst<'a> {
    pub(super) fn parse(message: &'a [u8]) -> Result<ServerFirst<'a>, Malformed> {
        let mut parts = text(message)?.split(',');
        let nonce = nonce(next(&mut parts, 'r')?)?;
        let salt = decode(next(&mut parts, 's')?)?;
        let iterations = number(next(&mut parts, 'i')?)?;
        extensions(parts.clone())?;
        let mut hashes = parts.filter_map(|part| part.strip_prefix("h="));
        let offered = hashes.next();
        if hashes.next().is_some() {
            return Err(Malformed);
        }
        Ok(ServerFirst { nonce, salt, iterations, offered })
    }
}

/// `client-final-message`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ClientFinal<'a> {
    /// All but the proof: what the proof is about.
    pub(super) without_proof: &'a str,
    /// The head and the channel-binding data.
    pub(super) binding: Vec<u8>,
    pub(super) nonce: &'a str,
    pub(super) proof: Vec<u8>,
}

impl<'a> ClientFinal<'a> {
    pub(super) fn parse(message: &'a [u8]) -> Result<ClientFinal<'a>, Malformed> {
        let (without_proof, proof) = text(message)?.rsplit_once(',').ok_or(Malformed)?;
        let proof = decode(value(proof, 'p')?)?;
        let mut parts = without_proof.split(',');
        let binding = decode(next(&mut parts, 'c')?)?;
        let nonce = nonce(next(&mut parts, 'r')?)?;
        extensions(parts)?;
        Ok(ClientFinal { without_proof, binding, nonce, proof })
    }
}

/// `server-final-message`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum ServerFinal {
    /// The server's signature.
    Verifier(Vec<u8>),
    /// It refuses.
    Error,
}

impl ServerFinal {
    pub(super) fn parse(message: &[u8]) -> Result<ServerFinal, Malformed> {
        let mut parts = text(message)?.split(',');
        let first = parts.next().ok_or(Malformed)?;
        let outcome = match value(first, 'e') {
            Ok(_) => ServerFinal::Error,
            Err(Malformed) => ServerFinal::Verifier(decode(value(first, 'v')?)?),
        };
        extensions(parts)?;
        Ok(outcome)
    }
}

/// Writes a name so that it can stand between commas (`saslname`).
pub(super) fn escape(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

/// Writes bytes in base64.
pub(super) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn text(message: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(message).map_err(|_| Malformed)
}

/// The value of the next attribute, which must have this letter.
fn next<'a>(parts: &mut std::str::Split<'a, char>, letter: char) -> Result<&'a str, Malformed> {
    value(parts.next().ok_or(Malformed)?, letter)
}

/// The value of an attribute, which must have this letter.
fn value(attribute: &str, letter: char) -> Result<&str, Malformed> {
    let value = attribute.strip_prefix(letter).and_then(|rest| rest.strip_prefix('=')).ok_or(Malformed)?;
    if value.is_empty() || value.contains('\0') { Err(Malformed) } else { Ok(value) }
}

/// Checks what follows the attributes that we know: a letter that has a meaning elsewhere has none here.
fn extensions(parts: std::str::Split<'_, char>) -> Result<(), Malformed> {
    for part in parts {
        let letter = part.chars().next().ok_or(Malformed)?;
        if !letter.is_ascii_alphabetic() || "amnrcsipve".contains(letter) {
            return Err(Malformed);
        }
        value(part, letter)?;
    }
    Ok(())
}

fn unescape(name: &str) -> Result<String, Malformed> {
    let mut pieces = name.split('=');
    let mut out = String::with_capacity(name.len());
    out.push_str(pieces.next().ok_or(Malformed)?);
    for piece in pieces {
        let (character, rest) = match (piece.strip_prefix("2C"), piece.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            (None, None) => return Err(Malformed),
        };
        out.push(character);
        out.push_str(rest);
    }
    Ok(out)
}

fn nonce(value: &str) -> Result<&str, Malformed> {
    // The comma has been split at.
    if value.bytes().all(|byte| byte.is_ascii_graphic()) { Ok(value) } else { Err(Malformed) }
}

fn number(value: &str) -> Result<u32, Malformed> {
    if value.starts_with('0') || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Malformed);
    }
    Ok(value.parse().unwrap_or(u32::MAX))
}

fn decode(value: &str) -> Result<Vec<u8>, Malformed> {
    STANDARD.decode(value).map_err(|_| Malformed)
}

fn is_binding_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-')
}
