//! A client, played by hand.

mod bind;
mod client_state;
mod fast;
mod headers;
mod hostile;
mod login;
mod management;
mod register;
mod sasl;
mod sasl2;
mod stanzas;
mod time;

use super::*;
use crate::jid::BareJid;
use crate::machine::Utc;
use crate::sasl::{ChannelBindings, StoredCredentials};
use crate::server::bind::BindRequest;
use crate::server::store::{StoredTokens, Tokens};
use crate::stream::Closed;
use crate::stream::sasl2::ClientId;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

const PASSWORD: &str = "r0m30myr0m30";

/// A connection, its owner and its peer.
struct Peer {
    connection: Connection,
    now: Now,
    /// What the owner has been told and has not looked at.
    events: VecDeque<Event>,
    /// How the owner answers questions about juliet by itself.
    answers: Answers,
    /// Of juliet's clients, as the store has them.
    tokens: BTreeMap<ClientId, Tokens>,
    /// What the store has of juliet's password.
    credentials: StoredCredentials,
}

#[derive(Clone, Copy, PartialEq)]
enum Answers {
    AtOnce,
    Never,
}

/// No TLS, but everything else is allowed.
fn in_the_clear() -> Config {
    let mut config = Config::new([domain("im.example.com")], [7; 32]);
    config.sasl.require_tls = false;
    config.sasl.plain_without_tls = true;
    config.sasl.iterations = 4;
    config
}

/// As behind a proxy that does TLS.
fn secured() -> Transport {
    Transport::Secured(TlsInfo {
        bindings: ChannelBindings {
            tls_exporter: Some(vec![3; 32]),
            tls_server_end_point: Some(vec![4; 32]),
        },
        ..TlsInfo::default()
    })
}

fn domain(name: &str) -> BareJid {
    BareJid::new(name).unwrap()
}

fn stored() -> StoredCredentials {
    static STORED: OnceLock<StoredCredentials> = OnceLock::new();
    STORED
        .get_or_init(|| StoredCredentials::derive(PASSWORD, 4, &mut Entropy::from_seed([1; 32])).unwrap())
        .clone()
}

fn open(attrs: &str) -> String {
    format!(
        "<?xml version='1.0'?><stream:stream {attrs} xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
    )
}

fn header() -> String {
    open("to='im.example.com' version='1.0'")
}

fn auth(mechanism: &str, initial: &str) -> String {
    format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{mechanism}'>{initial}</auth>")
}

fn plain(user: &str, password: &str) -> String {
    auth("PLAIN", &BASE64.encode(format!("\0{user}\0{password}")))
}

fn bind(resource: &str) -> String {
    format!(
        "<iq type='set' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
         <resource>{resource}</resource></bind></iq>"
    )
}

/// From the first byte to a session.
fn login() -> String {
    [header(), plain("juliet", PASSWORD), header(), bind("balcony")].concat()
}

impl Peer {
    fn new(config: Config, transport: Transport) -> Peer {
        let now = Now::new(Instant::ORIGIN, Utc::from_unix_millis(1_767_225_600_000));
        let connection = Connection::new(Arc::new(config), transport, Entropy::from_seed([9; 32]), now);
        let mut peer = Peer {
            connection,
            now,
            events: VecDeque::new(),
            answers: Answers::AtOnce,
            tokens: BTreeMap::new(),
            credentials: stored(),
        };
        peer.drain();
        peer
    }

    fn in_the_clear() -> Peer {
        Peer::new(in_the_clear(), Transport::Plain)
    }

    /// A session of juliet's.
    fn logged_in(config: Config) -> Peer {
        let mut peer = Peer::new(config, Transport::Plain);
        let answer = peer.send(&login());
        assert!(answer.contains("<jid>juliet@im.example.com/balcony</jid>"), "{answer}");
        peer.events.clear();
        peer
    }

    /// Sends, and returns what comes back.
    fn send(&mut self, text: &str) -> String {
        self.connection.receive(self.now, text.as_bytes());
        self.drain()
    }

    /// Lets time pass, ticking when the connection asks for it, and returns what comes.
    fn wait(&mut self, time: Duration) -> String {
        let end = self.now.instant + time;
        let mut out = String::new();
        while let Some(due) = self.connection.deadline().filter(|due| due.at <= end) {
            self.now = self.now.after(due.at - self.now.instant);
            self.connection.tick(self.now);
            out += &self.drain();
        }
        self.now = self.now.after(end - self.now.instant);
        out
    }

    fn drain(&mut self) -> String {
        let mut out = Vec::new();
        loop {
            let count = self.connection.transmit(&mut out);
            let event = self.connection.poll_event();
            if count == 0 && event.is_none() {
                return String::from_utf8(out).unwrap();
            }
            if let Some(event) = event {
                self.answer(&event);
                self.events.push_back(event);
            }
        }
    }

    fn answer(&mut self, event: &Event) {
        if self.answers == Answers::Never {
            return;
        }
        match event {
            Event::Lookup { account } => {
                let known = account.as_str() == "juliet@im.example.com";
                self.connection.credentials(self.now, Ok(known.then(|| self.credentials.clone())));
            }
            Event::LookupTokens { account, client } => {
                let known = account.as_str() == "juliet@im.example.com";
                let tokens = self.tokens.get(client).cloned().unwrap_or_default();
                let stored = StoredTokens { credentials: self.credentials.clone(), tokens };
                self.connection.tokens(self.now, Ok(known.then_some(stored)));
            }
            Event::ChangeTokens { client, changes, .. } => {
                let tokens = self.tokens.entry(*client).or_default();
                changes.iter().for_each(|change| tokens.apply(change));
                self.connection.tokens_changed(self.now, Ok(()));
            }
            Event::Bind { account, request } => {
                let jid = account.with_resource(request.resource.asked().unwrap_or("made-up")).unwrap();
                self.connection.bound(self.now, jid, Granted::default());
            }
            _ => {}
        }
    }

    /// The next event that is not merely for logs.
    fn event(&mut self) -> Option<Event> {
        loop {
            match self.events.pop_front()? {
                Event::Authenticated { .. } | Event::AuthenticationFailed { .. } => {}
                event => return Some(event),
            }
        }
    }

    /// How the stream ended.
    fn closed(&mut self) -> Closed {
        while let Some(event) = self.events.pop_front() {
            if let Event::Closed(closed) = event {
                assert!(self.events.is_empty(), "Closed is the last event");
                return closed;
            }
        }
        panic!("not closed");
    }

    /// The stanzas that came out.
    fn stanzas(&mut self) -> Vec<Stanza> {
        let stanza = |event| match event {
            Event::Stanza(stanza) => Some(stanza),
            _ => None,
        };
        self.events.drain(..).filter_map(stanza).collect()
    }
}

/// That the answer ends the stream with this error, after any header and features.
#[track_caller]
fn assert_stream_error(answer: &str, condition: &str) {
    let error = format!("<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'");
    assert!(answer.contains(&error), "{condition} expected: {answer}");
    assert!(answer.ends_with("</stream:error></stream:stream>"), "{answer}");
}

/// That the answer is a SASL failure, and nothing else.
#[track_caller]
fn assert_failure(answer: &str, condition: &str) {
    let failure = format!("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><{condition}/></failure>");
    assert_eq!(answer, failure);
}
