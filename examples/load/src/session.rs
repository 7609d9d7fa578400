//! One session: from a socket to a stream that can carry messages.

use tokio::net::TcpStream;
use waxwing_core::client::{Client, Config, Event, Ping, TlsMode};
use waxwing_core::jid::{FullJid, Jid};
use waxwing_core::sasl::Credentials;
use waxwing_core::stanza::{Presence, PresenceType};
use waxwing_core::stream::tls::ClientTls;
use waxwing_tokio::{Clock, Driver, entropy};

use crate::cli::Target;

/// A session that the server knows to be available.
#[derive(Debug)]
pub struct Session {
    /// The stream.
    pub driver: Driver<Client>,
    /// Its address.
    pub jid: FullJid,
}

/// Logs in and does nothing more.
pub async fn connect(
    target: &Target,
    tls: Option<&ClientTls>,
    domain: &str,
    account: &(String, String),
) -> Result<Session, String> {
    let socket = TcpStream::connect(target.address).await;
    log_in_over(socket.map_err(|e| format!("{}@{domain}: {e}", account.0))?, tls, domain, account).await
}

/// The same over a connection that is there.
pub async fn log_in_over(
    socket: TcpStream,
    tls: Option<&ClientTls>,
    domain: &str,
    (local, password): &(String, String),
) -> Result<Session, String> {
    let failed = |what: &dyn std::fmt::Display| format!("{local}@{domain}: {what}");
    let account = Jid::new(&format!("{local}@{domain}")).map_err(|e| failed(&e))?;
    let mode = tls.cloned().map_or(TlsMode::Plaintext, TlsMode::StartTls);
    let mut config = Config::new(account, mode);
    config.credentials = Some(Credentials::Password { username: local.clone(), password: password.clone() });
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
pub async fn log_in(
    target: &Target,
    tls: Option<&ClientTls>,
    domain: &str,
    account: &(String, String),
) -> Result<Session, String> {
    let mut session = connect(target, tls, domain, account).await?;
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
