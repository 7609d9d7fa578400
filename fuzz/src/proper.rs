//! Peers that do everything right: our own machines on the other side. They give a fuzzer what it could not find by itself,
//! such as SCRAM proofs, and carry it past negotiation.

use crate::{bit, start};
use std::sync::{Arc, OnceLock};
use waxwing_core::client::{self, Client, Ping, SendError, TlsMode};
use waxwing_core::jid::Jid;
use waxwing_core::machine::{Entropy, Machine, Now};
use waxwing_core::sasl::{ChannelBindings, Credentials, Mechanism, Policy, ScramHash, StoredCredentials};
use waxwing_core::server::bind::Granted;
use waxwing_core::server::connection::{self, Connection, Transport};
use waxwing_core::server::store::StoredTokens;
use waxwing_core::stanza::{Message, Presence, PresenceType, Stanza};
use waxwing_core::stream::{Condition, StreamError, TlsInfo};

/// The domain of all plays.
pub const DOMAIN: &str = "im.example.com";
/// The password of all accounts.
pub const PASSWORD: &str = "r0m30 ☃";

/// What a store has of an account with [`PASSWORD`].
pub fn login() -> StoredCredentials {
    static STORED: OnceLock<StoredCredentials> = OnceLock::new();
    let derive =
        || StoredCredentials::derive(PASSWORD, 1, &mut Entropy::from_seed([1; 32])).expect("a password");
    STORED.get_or_init(derive).clone()
}

/// What TLS gives that somebody else does.
pub fn tls_info() -> TlsInfo {
    let bindings =
        ChannelBindings { tls_exporter: Some(vec![3; 32]), tls_server_end_point: Some(vec![4; 32]) };
    TlsInfo { bindings, peer_certificates: vec![vec![0x30, 0]], ..TlsInfo::default() }
}

/// A client that logs in and chats.
#[derive(Debug)]
pub struct ProperClient {
    client: Client,
    /// What it has to say and has not said.
    out: Vec<u8>,
    number: u8,
}

impl ProperClient {
    /// The settings say how it authenticates (bits 8 to 10) and how the server is secured (bits 1 and 2); `number` tells
    /// several clients apart.
    pub fn new(settings: [u8; 2], number: u8, now: Now) -> ProperClient {
        let local = if number % 3 == 2 { "romeo" } else { "juliet" };
        let resource = if number.is_multiple_of(2) { "" } else { "/balcony" };
        let tls = match (bit(settings, 1), bit(settings, 2)) {
            (true, _) => TlsMode::Outside,
            (false, true) => TlsMode::StartTlsOutside,
            (false, false) => TlsMode::Plaintext,
        };
        let choice = settings[1] & 7;
        let local = if choice == 6 { "nobody" } else { local };
        let account = match choice {
            4 => Jid::new(DOMAIN),
            _ => Jid::new(&format!("{local}@{DOMAIN}{resource}")),
        };
        let mut config = client::Config::new(account.expect("an address"), tls);
        config.policy = Policy { min_iterations: 1, plain_without_tls: true, ..Policy::default() };
        config.policy.excluded = match choice {
            1 => Mechanism::ALL.into_iter().filter(|m| matches!(m, Mechanism::Scram { .. })).collect(),
            2 => {
                let sha1 = |m: &Mechanism| matches!(m, Mechanism::Scram { hash: ScramHash::Sha1, .. });
                Mechanism::ALL.into_iter().filter(|m| !sha1(m)).collect()
            }
            _ => Vec::new(),
        };
        let username = local.to_owned();
        config.credentials = Some(match choice {
            3 => Credentials::Password { username, password: "guess".to_owned() },
            4 => Credentials::Anonymous,
            5 => Credentials::Token { username, token: "token".to_owned() },
            7 => Credentials::External,
            _ => Credentials::Password { username, password: PASSWORD.to_owned() },
        });
        let client = Client::new(config, now, Entropy::from_seed([number; 32]));
        let mut proper = ProperClient { client, out: Vec::new(), number };
        if bit(settings, 1) {
            proper.client.secured(now, tls_info()).expect("TLS is outside");
        }
        proper.drain(now);
        proper
    }

    /// Hears what the server says.
    pub fn hear(&mut self, now: Now, bytes: &[u8]) {
        self.client.receive(now, bytes);
        self.drain(now);
    }

    /// Takes at most so many of the bytes that it has to say; 255 means all of them.
    pub fn say(&mut self, n: u8) -> Vec<u8> {
        let n = if n == 255 { self.out.len() } else { usize::from(n).min(self.out.len()) };
        self.out.drain(..n).collect()
    }

    /// Its owner wants something.
    pub fn wish(&mut self, now: Now, wish: u8) {
        let jid = |jid: &str| Jid::new(jid).expect("an address");
        // All are refused unless it is online.
        let _ = match wish % 8 {
            0 => self.client.set_presence(now, Presence::builder(PresenceType::Available).build()),
            1 => self.client.send(now, Message::chat(jid("juliet@im.example.com"), "Hark ☃ & listen")),
            2 => self.client.send(now, Message::chat(jid("romeo@im.example.com/balcony"), "Who?")),
            3 => self.client.request(now, Ping { to: None }, None).map(drop).and(Err(SendError::NotOnline)),
            4 => self.client.send(now, Message::chat(jid("nurse@example.net"), "Anon!")),
            5 => {
                let to = jid("juliet@im.example.com/balcony");
                self.client.send(now, Presence::builder(PresenceType::Available).to(to).build())
            }
            6 => {
                self.client.close(now);
                Err(SendError::NotOnline)
            }
            _ => {
                let priority = i8::from_ne_bytes([wish ^ self.number]);
                let presence = Presence::builder(PresenceType::Available).priority(priority);
                self.client.set_presence(now, presence.build())
            }
        };
        self.drain(now);
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Now) {
        self.client.tick(now);
        self.drain(now);
    }

    fn drain(&mut self, now: Now) {
        loop {
            let bytes = self.client.transmit(&mut self.out);
            match self.client.poll_event() {
                Some(client::Event::StartTls) => {
                    // Refused if the end has come meanwhile.
                    let _ = self.client.secured(now, tls_info());
                }
                Some(_) => {}
                None if bytes == 0 => return,
                None => {}
            }
        }
    }
}

/// A server's connection with an owner who answers at once.
#[derive(Debug)]
pub struct ProperServer {
    connection: Connection,
    out: Vec<u8>,
    /// `<proceed/>` has been said: TLS begins with the next byte that the client says.
    pub start_tls: bool,
}

impl ProperServer {
    /// Secured, or with STARTTLS, or in the clear.
    pub fn new(secured: bool, start_tls: bool) -> ProperServer {
        let domain = DOMAIN.parse().expect("a domain");
        let mut config = connection::Config::new([domain], [7; 32]);
        config.sasl.require_tls = start_tls;
        config.sasl.plain_without_tls = true;
        config.sasl.anonymous = true;
        config.sasl.oauthbearer = true;
        config.sasl.iterations = 1;
        config.start_tls_outside = start_tls;
        let transport = if secured { Transport::Secured(tls_info()) } else { Transport::Plain };
        let connection = Connection::new(Arc::new(config), transport, Entropy::from_seed([8; 32]), start());
        ProperServer { connection, out: Vec::new(), start_tls: false }
    }

    /// Hears what the client says.
    pub fn hear(&mut self, now: Now, bytes: &[u8]) {
        self.connection.receive(now, bytes);
        self.drain(now);
    }

    /// Takes at most so many of the bytes that it has to say; 255 means all of them.
    pub fn say(&mut self, n: u8) -> Vec<u8> {
        let n = if n == 255 { self.out.len() } else { usize::from(n).min(self.out.len()) };
        self.out.drain(..n).collect()
    }

    /// Its owner wants something.
    pub fn wish(&mut self, now: Now, wish: u8) {
        const STANZAS: [&str; 6] = [
            "<message xmlns='jabber:client' from='romeo@example.net/o' type='chat'><body>\u{2603} &amp;</body></message>",
            "<iq xmlns='jabber:client' from='romeo@example.net/o' id='p1' type='get'><ping xmlns='urn:xmpp:ping'/></iq>",
            "<iq xmlns='jabber:client' from='im.example.com' id='d1' type='get'>\
             <query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
            "<iq xmlns='jabber:client' from='im.example.com' id='v1' type='set'><query xmlns='urn:x'/></iq>",
            "<presence xmlns='jabber:client' from='romeo@example.net/o'><show>dnd</show></presence>",
            "<iq xmlns='jabber:client' from='romeo@example.net/o' id='r1' type='result'/>",
        ];
        match usize::from(wish) % 8 {
            6 => self.connection.close(now, StreamError::new(Condition::SystemShutdown)),
            7 => self.connection.tick(now),
            n => {
                let limits = waxwing_core::stream::Limits::CLIENT.xml;
                let element =
                    waxwing_core::xml::Element::parse(STANZAS[n].as_bytes(), limits).expect("well-formed");
                self.connection.deliver(now, &Stanza::parse(element).expect("a stanza"));
            }
        }
        self.drain(now);
    }

    /// Both sides have done TLS.
    pub fn secured(&mut self, now: Now) {
        if std::mem::take(&mut self.start_tls) {
            self.connection.secured(now, tls_info());
            self.drain(now);
        }
    }

    fn drain(&mut self, now: Now) {
        loop {
            let bytes = self.connection.transmit(&mut self.out);
            match self.connection.poll_event() {
                Some(connection::Event::StartTls) => self.start_tls = true,
                Some(event) => answer(&mut self.connection, now, &event),
                None if bytes == 0 => return,
                None => {}
            }
        }
    }
}

/// The answer to a question of a connection's, from an owner who knows juliet and romeo.
pub fn answer(connection: &mut Connection, now: Now, event: &connection::Event) {
    match event {
        connection::Event::Lookup { account } => {
            let known = matches!(account.as_str(), "juliet@im.example.com" | "romeo@im.example.com");
            connection.credentials(now, Ok(known.then(login)));
        }
        connection::Event::LookupTokens { account, .. } => {
            let known = account.as_str() == "juliet@im.example.com";
            let stored = || StoredTokens { credentials: login(), ..StoredTokens::default() };
            connection.tokens(now, Ok(known.then(stored)));
        }
        connection::Event::ChangeTokens { .. } => connection.tokens_changed(now, Ok(())),
        connection::Event::TokenVerdict { .. } | connection::Event::CertificateVerdict { .. } => {
            connection.verdict(now, Ok("juliet".to_owned()));
        }
        connection::Event::Bind { account, request } => {
            let jid = account.with_resource(request.resource.asked().unwrap_or("made-up"));
            connection.bound(now, jid.expect("an address"), Granted::default());
        }
        connection::Event::StartTls => connection.secured(now, tls_info()),
        _ => {}
    }
}
