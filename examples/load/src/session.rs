//! One session: from a socket to a stream that can carry messages.

use tokio::net::TcpStream;
use waxwing_core::client::{Client, Config, Event, Management, Ping, TlsMode};
use waxwing_core::jid::{FullJid, Jid};
use waxwing_core::sasl::Credentials;
use waxwing_core::stanza::{Presence, PresenceType};
use waxwing_core::stream::tls::{ClientTls, default_provider};
use waxwing_tokio::{Clock, Driver, entropy};

use crate::cli::{Options, Target};

/// A session that the server knows to be available.
#[derive(Debug)]
pub struct Session {
    /// The stream.
    pub driver: Driver<Client>,
    /// Its address.
    pub jid: FullJid,
}

/// How to log in.
#[derive(Clone, Debug)]
pub struct Manner {
    /// Without: in the clear.
    pub tls: Option<ClientTls>,
    /// The accounts' domain.
    pub domain: String,
    /// Whether stanzas are acknowledged.
    pub management: Management,
}

impl Manner {
    /// Over TLS, with acknowledgements where the server has them.
    pub fn usual(target: &Target, domain: &str) -> Result<Manner, String> {
        let tls = ClientTls::with_fingerprint(default_provider(), target.fingerprint);
        let tls = tls.map_err(|e| format!("TLS cannot be set up: {e}"))?;
        Ok(Manner { tls: Some(tls), domain: domain.to_owned(), management: Management::Acknowledge })
    }

    /// As the command line says.
    pub fn new(target: &Target, options: &Options) -> Result<Manner, String> {
        let usual = Manner::usual(target, &options.domain)?;
        Ok(Manner {
            tls: usual.tls.filter(|_| !options.plaintext),
            management: if options.unacknowledged { Management::Off } else { usual.management },
            ..usual
        })
    }
}

/// Logs in and does nothing more.
pub async fn connect(
    target: &Target,
    manner: &Manner,
    account: &(String, String),
) -> Result<Session, String> {
    let socket = TcpStream::connect(target.address).await;
    let socket = socket.map_err(|e| format!("{}@{}: {e}", account.0, manner.domain))?;
    log_in_over(socket, manner, account).await
}

/// The same over a connection that is there.
pub async fn log_in_over(
    socket: TcpStream,
    manner: &Manner,
    (local, password): &(String, String),
) -> Result<Session, String> {
    let domain = &manner.domain;
    let failed = |what: &dyn std::fmt::Display| format!("{local}@{domain}: {what}");
    let account = Jid::new(&format!("{local}@{domain}")).map_err(|e| failed(&e))?;
    let mode = manner.tls.clone().map_or(TlsMode::Plaintext, TlsMode::StartTls);
    let mut config = Config::new(account, mode);
    config.credentials = Some(Credentials::Password { username: local.clone(), password: password.clone() });
    config.management = manner.management;
    let clock = Clock::start();
    let client = Client::new(config, clock.now(), entropy().map_err(|e| failed(&e))?);
    let mut driver = Driver::new(client, socket, clock).map_err(|e| failed(&e))?;
    loop {
        match driver.next_event().await {
            Some(Event::Online(jid)) => return Ok(Session { driver, jid }),
            Some(Event::Closed(Err(error))) => return Err(failed(&error)),
            Some(Event::Closed(Ok(()))) | None => return Err(failed(&"the stream ended")),
            Some(_) => {}
        }
    }
}

/// Logs in, tells the server that the session is available, and waits until it has seen that.
pub async fn log_in(target: &Target, manner: &Manner, account: &(String, String)) -> Result<Session, String> {
    let domain = &manner.domain;
    let mut session = connect(target, manner, account).await?;
    let failed = |what: &dyn std::fmt::Display| format!("{}@{domain}: {what}", account.0);
    let (now, client) = (session.driver.clock().now(), session.driver.machine_mut());
    let available = Presence::builder(PresenceType::Available).build();
    client.set_presence(now, available).map_err(|e| failed(&e))?;
    // What is answered after the presence proves that the presence has been seen.
    let to = Some(Jid::new(domain).map_err(|e| failed(&e))?);
    let ping = client.request(now, Ping { to }, None).map_err(|e| failed(&e))?;
    loop {
        match session.driver.next_event().await {
            Some(Event::Reply(reply)) if reply.is(&ping) => return Ok(session),
            Some(Event::Closed(Err(error))) => return Err(failed(&error)),
            Some(Event::Closed(Ok(()))) | None => return Err(failed(&"the stream ended")),
            Some(_) => {}
        }
    }
}
