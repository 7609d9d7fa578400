//! SASL messages: hostile clients and servers of every mechanism, SCRAM exchanges tampered with on the way, and our
//! SCRAM against rsasl's.
//!
//! The first byte of the input picks the play and the second the mechanism; the rest is lines. In the lines of a hostile
//! peer `@` stands for the other side's nonce, which is fixed but long.
//! - `s`: the lines are what a client sends. The server must not let it in: it does not know the password.
//! - `c`: the lines are what a server sends; one that starts with `$` is its success. SCRAM must not believe it.
//! - `t`: edits of an exchange, three bytes each: which message, where, and what. Both sides must not be content if
//!   anything has changed, and must be if nothing has.
//! - `o`, `r`: name, password and stored password of our client with rsasl's server, and the other way round. They
//!   agree exactly if the passwords do. rsasl panics on malformed SCRAM, so it only ever sees what our side wrote.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rsasl::callback::{Context, Request, SessionCallback, SessionData};
use rsasl::mechanisms::scram::properties::ScramStoredPassword;
use rsasl::mechanisms::scram::{SCRAM_SHA1, SCRAM_SHA256, SCRAM_SHA512};
use rsasl::prelude::{Mechanism as Entry, Mechname, Registry, SASLClient, SASLConfig, SASLServer};
use rsasl::prelude::{SessionError, Validation};
use rsasl::property::{AuthId, Password};
use rsasl::validate::{Validate, ValidationError};
use waxwing_core::jid::{Jid, saslprep};
use waxwing_core::machine::Entropy;
use waxwing_core::sasl::{
    Attempt, ChannelBindings, ClientSession, Credentials, Mechanism, Policy, ScramHash, ScramKeys,
    ServerSession, ServerStep, Start, StoredCredentials,
};

const DOMAIN: &str = "example.com";
const PASSWORD: &str = "correct horse battery staple";
const ITERATIONS: u32 = 2;

fuzz_target!(|input: &[u8]| {
    let [play, mechanism, rest @ ..] = input else { return };
    let Some(mechanism) = Mechanism::ALL.get(usize::from(mechanism % 10)).copied() else { return };
    match play {
        b's' => hostile_client(mechanism, rest),
        b'c' => hostile_server(mechanism, rest),
        b't' => tampered(mechanism, rest),
        b'o' => ours_with_theirs(mechanism, rest),
        b'r' => theirs_with_ours(mechanism, rest),
        _ => {}
    }
});

fn entropy(seed: u8) -> Entropy {
    Entropy::from_seed([seed; 32])
}

fn bindings() -> ChannelBindings {
    ChannelBindings { tls_exporter: Some(vec![b'x'; 32]), tls_server_end_point: Some(vec![b'p'; 32]) }
}

fn lines(input: &[u8]) -> impl Iterator<Item = &[u8]> {
    input.split(|byte| *byte == b'\n')
}

fn text(line: Option<&[u8]>) -> Option<&str> {
    std::str::from_utf8(line?).ok()
}

/// Puts the nonce where the line has `@`.
fn fill(line: &[u8], nonce: &str) -> Vec<u8> {
    line.iter()
        .flat_map(|byte| if *byte == b'@' { nonce.as_bytes() } else { std::slice::from_ref(byte) })
        .copied()
        .collect()
}

fn stored(password: &str) -> StoredCredentials {
    StoredCredentials::derive(password, ITERATIONS, &mut entropy(3))
        .expect("the passwords here can be prepared")
}

fn serve(mechanism: Mechanism) -> ServerSession {
    let offered = [Mechanism::Plain];
    ServerSession::start(mechanism, DOMAIN, &offered, &bindings(), &[5; 32], &mut entropy(2))
        .decoy_iterations(ITERATIONS)
}

fn hostile_client(mechanism: Mechanism, input: &[u8]) {
    let mut session = serve(mechanism);
    let mut nonce = String::new();
    for line in lines(input).take(8) {
        let message = fill(line, &nonce);
        let mut step = session.response((line != b"-").then_some(&message));
        loop {
            step = match step {
                ServerStep::NeedCredentials { username } => {
                    let jid = Jid::from_parts(Some(&username), DOMAIN, None).expect("a prepared name");
                    assert_eq!(jid.local(), Some(username.as_str()), "preparing is idempotent");
                    session.credentials((!username.starts_with('x')).then(|| stored(PASSWORD)))
                }
                ServerStep::NeedTokenVerdict { token, username } => {
                    assert!(!token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()));
                    match username {
                        Some(username) if token == "good" => session.verdict(Ok(username)),
                        _ => session.verdict(Err(waxwing_core::sasl::Condition::NotAuthorized)),
                    }
                }
                ServerStep::NeedCertificateVerdict { .. } => session.verdict(Ok("alice".into())),
                step => break step_done(mechanism, step, &mut nonce),
            }
        }
    }
}

fn step_done(mechanism: Mechanism, step: ServerStep, nonce: &mut String) {
    match step {
        ServerStep::Challenge(challenge) => {
            let head = String::from_utf8(challenge).expect("our challenges are text");
            *nonce = head
                .split(',')
                .next()
                .and_then(|part| part.strip_prefix("r="))
                .unwrap_or_default()
                .to_owned();
        }
        ServerStep::Success { .. } => {
            let guessed = matches!(mechanism, Mechanism::Scram { .. } | Mechanism::Plain);
            assert!(!guessed, "let in without the password");
        }
        _ => {}
    }
}

fn client(mechanism: Mechanism, credentials: &Credentials) -> Option<(ClientSession, Start)> {
    let policy = Policy { min_iterations: 1, max_iterations: 64, ..Policy::default() };
    Attempt {
        offered: &[mechanism.name()],
        secure: true,
        bindings: &bindings(),
        server_bindings: match mechanism {
            Mechanism::Scram { plus: true, .. } => Some(&["tls-server-end-point"]),
            _ => None,
        },
        sasl2: false,
        authzid: None,
    }
    .start(credentials, &policy, &mut entropy(1))
    .ok()
}

fn credentials(mechanism: Mechanism, username: &str, password: &str) -> Credentials {
    let (username, secret) = (username.to_owned(), password.to_owned());
    match mechanism {
        Mechanism::OAuthBearer => Credentials::Token { username, token: "token".into() },
        Mechanism::External => Credentials::External,
        Mechanism::Anonymous => Credentials::Anonymous,
        _ => Credentials::Password { username, password: secret },
    }
}

fn hostile_server(mechanism: Mechanism, input: &[u8]) {
    let Some((mut session, start)) = client(mechanism, &credentials(mechanism, "alice", PASSWORD)) else {
        return;
    };
    let initial = String::from_utf8(start.initial.unwrap_or_default()).expect("our messages are text");
    let nonce = initial.rsplit_once(",r=").map(|(_, nonce)| nonce.to_owned()).unwrap_or_default();
    for line in lines(input).take(8) {
        if let [b'$', data @ ..] = line {
            let believed = session.success((data != b"-").then_some(data)).is_ok();
            assert!(!believed || !matches!(mechanism, Mechanism::Scram { .. }), "a stranger was believed");
        } else if let Ok(answer) = session.challenge(&fill(line, &nonce)) {
            assert!(std::str::from_utf8(&answer).is_ok());
        }
    }
}

/// Changes what the edits say; true if the message is another one afterwards.
fn tamper(edits: &[u8], index: u8, message: &mut Vec<u8>) -> bool {
    let before = message.clone();
    for edit in edits.chunks_exact(3) {
        let [which, position, byte] = edit else { continue };
        if which % 4 != index {
            continue;
        }
        let position = usize::from(*position).min(message.len());
        match which / 4 % 4 {
            0 if position < message.len() => message[position] = *byte,
            1 if position < message.len() => drop(message.remove(position)),
            2 => message.truncate(position),
            _ => message.insert(position, *byte),
        }
    }
    before != *message
}

fn tampered(mechanism: Mechanism, edits: &[u8]) {
    let Mechanism::Scram { .. } = mechanism else { return };
    let Some((mut client, start)) = client(mechanism, &credentials(mechanism, "alice", PASSWORD)) else {
        return;
    };
    let mut server = serve(mechanism);
    let mut changed = false;
    let mut content = || -> Option<()> {
        let mut message = start.initial.clone()?;
        changed |= tamper(edits, 0, &mut message);
        let mut step = server.response(Some(&message));
        if let ServerStep::NeedCredentials { .. } = step {
            step = server.credentials(Some(stored(PASSWORD)));
        }
        let ServerStep::Challenge(mut message) = step else { return None };
        changed |= tamper(edits, 1, &mut message);
        let mut message = client.challenge(&message).ok()?;
        changed |= tamper(edits, 2, &mut message);
        let ServerStep::Success { data, .. } = server.response(Some(&message)) else { return None };
        let mut message = data?;
        let signature = message.clone();
        let forged = tamper(edits, 3, &mut message);
        // Extensions after the signature are covered by nothing.
        let extended = message.strip_prefix(signature.as_slice()).is_some_and(|rest| rest.starts_with(b","));
        changed |= forged && !extended;
        match client.success(Some(&message)) {
            Err(_) if extended => Some(()),
            outcome => outcome.ok(),
        }
    };
    let content = content().is_some();
    assert_eq!(content, !changed, "an exchange that was tampered with succeeded, or an intact one failed");
}

static REGISTRY: [Entry; 3] = [SCRAM_SHA1, SCRAM_SHA256, SCRAM_SHA512];

/// rsasl, in either role.
struct Peer {
    username: String,
    password: String,
    keys: Option<ScramKeys>,
}

impl SessionCallback for Peer {
    fn callback(
        &self,
        _: &SessionData,
        _: &Context<'_>,
        request: &mut Request<'_>,
    ) -> Result<(), SessionError> {
        if let Some(keys) = &self.keys {
            let keys =
                ScramStoredPassword::new(keys.iterations, &keys.salt, &keys.stored_key, &keys.server_key);
            request.satisfy::<ScramStoredPassword<'_>>(&keys)?;
        } else {
            request.satisfy::<AuthId>(&self.username)?.satisfy::<Password>(self.password.as_bytes())?;
        }
        Ok(())
    }

    fn validate(
        &self,
        _: &SessionData,
        _: &Context<'_>,
        validate: &mut Validate<'_>,
    ) -> Result<(), ValidationError> {
        validate.finalize::<Proved>(());
        Ok(())
    }
}

/// What rsasl's server says once the proof fits.
struct Proved;

impl Validation for Proved {
    type Value = ();
}

/// The names and passwords of a play between the two, and a mechanism that both have.
struct Cast<'a> {
    hash: ScramHash,
    name: &'static Mechname,
    username: &'a str,
    password: &'a str,
    stored: StoredCredentials,
    /// The client has the password that is stored.
    fits: bool,
}

fn cast(mechanism: Mechanism, input: &[u8]) -> Option<Cast<'_>> {
    let Mechanism::Scram { hash, plus: false } = mechanism else { return None };
    let mut lines = lines(input);
    let (username, password) = (text(lines.next())?, text(lines.next())?);
    let kept = text(lines.next()).unwrap_or(password);
    Some(Cast {
        hash,
        name: Mechname::parse(mechanism.name().as_bytes()).ok()?,
        username,
        password,
        stored: StoredCredentials::derive(kept, ITERATIONS, &mut entropy(3))?,
        fits: saslprep(kept)? == saslprep(password)?,
    })
}

fn ours_with_theirs(mechanism: Mechanism, input: &[u8]) {
    let Some(cast) = cast(mechanism, input) else { return };
    let Some((mut client, start)) = client(mechanism, &credentials(mechanism, cast.username, cast.password))
    else {
        return;
    };
    let keys = cast.stored.keys(cast.hash).cloned();
    let peer = Peer { username: String::new(), password: String::new(), keys };
    let config = SASLConfig::builder()
        .with_registry(Registry::with_mechanisms(&REGISTRY))
        .with_callback(peer)
        .unwrap();
    let mut server = SASLServer::<Proved>::new(config).start_suggested(cast.name).unwrap();
    let mut challenge = Vec::new();
    server.step(start.initial.as_deref(), &mut challenge).expect("rsasl understands our first message");
    let answer = client.challenge(&challenge).expect("we understand rsasl's challenge");
    let mut last = Vec::new();
    server.step(Some(&answer), &mut last).expect("rsasl understands our proof");
    assert_eq!(server.validation().is_some(), cast.fits, "rsasl judges our proof");
    assert_eq!(client.success(Some(&last)).is_ok(), cast.fits, "we judge rsasl's signature");
}

fn theirs_with_ours(mechanism: Mechanism, input: &[u8]) {
    let Some(cast) = cast(mechanism, input) else { return };
    // rsasl does not prepare passwords, and refuses these names.
    if saslprep(cast.password).is_none_or(|prepared| prepared != cast.password)
        || cast.username.is_empty()
        || cast.username.contains('\0')
    {
        return;
    }
    let peer = Peer { username: cast.username.to_owned(), password: cast.password.to_owned(), keys: None };
    let config = SASLConfig::builder()
        .with_registry(Registry::with_mechanisms(&REGISTRY))
        .with_callback(peer)
        .unwrap();
    let mut client = SASLClient::new(config).start_suggested(&[cast.name]).unwrap();
    let mut message = Vec::new();
    client.step(None, &mut message).expect("rsasl begins");
    let mut server = serve(mechanism);
    let mut step = server.response(Some(&message));
    let known = matches!(step, ServerStep::NeedCredentials { .. });
    if let ServerStep::NeedCredentials { username } = step {
        let account =
            Jid::from_parts(Some(cast.username), DOMAIN, None).expect("we look up only what can be a name");
        assert_eq!(account.local(), Some(username.as_str()), "the escapes are undone");
        step = server.credentials(Some(cast.stored));
    }
    let ServerStep::Challenge(challenge) = step else {
        panic!("rsasl's first message was refused: {step:?}")
    };
    let mut proof = Vec::new();
    client.step(Some(&challenge), &mut proof).expect("rsasl understands our challenge");
    let step = server.response(Some(&proof));
    assert_eq!(matches!(step, ServerStep::Success { .. }), cast.fits && known, "we judge rsasl's proof");
    if let ServerStep::Success { data: Some(data), .. } = step {
        client.step(Some(&data), &mut Vec::new()).expect("rsasl accepts our signature");
    }
}
