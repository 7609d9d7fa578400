//! From the command line to a connected machine.

use std::net::SocketAddr;
use std::time::Duration;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::net::{TcpStream, lookup_host};
use waxwing_core::client::{Client, Config, TlsMode};
use waxwing_core::payload::disco::Identity;
use waxwing_core::payload::version::Version;
use waxwing_core::sasl::Credentials;
use waxwing_core::stream::tls::{ClientTls, default_provider};
use waxwing_tokio::{Clock, Driver, entropy};

use crate::cli::Options;

/// How long one address may take to answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Connects and hands the connection to a client machine that will log in with this password.
pub async fn connect(options: &Options, password: String) -> Result<Driver<Client>, String> {
    let tls = if options.plaintext {
        TlsMode::Plaintext
    } else if options.direct_tls {
        TlsMode::Direct(trust(options)?)
    } else {
        TlsMode::StartTls(trust(options)?)
    };
    let socket = reach(options).await?;
    let mut config = Config::new(options.account.clone(), tls);
    let username = options.account.local().unwrap_or_default().to_owned();
    config.credentials = Some(Credentials::Password { username, password });
    config.caps_node = Some("waxwing:chat".to_owned());
    config.software = Some(Version::new("Waxwing chat", env!("CARGO_PKG_VERSION")));
    if let Some(info) = &mut config.disco {
        info.identities = vec![Identity::new("client", "console").with_name("Waxwing chat")];
    }
    let clock = Clock::start();
    let entropy = entropy().map_err(|e| format!("the operating system gives no randomness: {e}"))?;
    Driver::new(Client::new(config, clock.now(), entropy), socket, clock)
        .map_err(|e| format!("the connection failed: {e}"))
}

/// Whose certificates are believed.
fn trust(options: &Options) -> Result<ClientTls, String> {
    let unusable = |e: rustls::Error| format!("TLS cannot be set up: {e}");
    if let Some(fingerprint) = options.fingerprint {
        return ClientTls::with_fingerprint(default_provider(), fingerprint).map_err(unusable);
    }
    let mut roots = rustls::RootCertStore::empty();
    match &options.ca {
        Some(file) => {
            let shown = file.display();
            let certs = CertificateDer::pem_file_iter(file)
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .map_err(|e| format!("cannot read {shown}: {e}"))?;
            roots.add_parsable_certificates(certs);
            if roots.is_empty() {
                return Err(format!("{shown} holds no usable certificate in PEM form"));
            }
        }
        None => {
            let native = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(native.certs);
            if roots.is_empty() {
                return Err(
                    "this machine has no root certificates: install them (Debian: ca-certificates), \
                            or use --ca or --accept-fingerprint"
                        .into(),
                );
            }
        }
    }
    ClientTls::new(roots).map_err(unusable)
}

/// Opens the socket: every address of the host in turn.
async fn reach(options: &Options) -> Result<TcpStream, String> {
    let port = if options.direct_tls { 5223 } else { 5222 };
    let wanted = options.server.as_deref().unwrap_or(options.account.domain());
    let target = with_port(wanted, port);
    let addresses: Vec<SocketAddr> =
        lookup_host(&target).await.map_err(|e| format!("cannot find {wanted}: {e}"))?.collect();
    let mut last = format!("cannot find {wanted}: it has no address");
    for address in addresses {
        if options.plaintext && !address.ip().is_loopback() {
            return Err(format!("--allow-plaintext is refused to {address}: it is not this machine"));
        }
        match tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(socket)) => return Ok(socket),
            Ok(Err(e)) => last = format!("cannot reach {wanted} at {address}: {e}"),
            Err(_) => last = format!("cannot reach {wanted} at {address}: no answer"),
        }
    }
    Err(last)
}

/// Adds the port where the host comes without one. IPv6 addresses stand in brackets if a port follows.
fn with_port(host: &str, port: u16) -> String {
    let has_port = match host.rsplit_once(':') {
        Some((front, back)) => back.parse::<u16>().is_ok() && (!front.contains(':') || front.ends_with(']')),
        None => false,
    };
    match has_port {
        true => host.to_owned(),
        false if host.contains(':') && !host.starts_with('[') => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::with_port;

    #[test]
    fn ports_are_added_where_missing() {
        assert_eq!(with_port("example.org", 5222), "example.org:5222");
        assert_eq!(with_port("example.org:15222", 5222), "example.org:15222");
        assert_eq!(with_port("::1", 5222), "[::1]:5222");
        assert_eq!(with_port("[::1]", 5222), "[::1]:5222");
        assert_eq!(with_port("[::1]:15222", 5222), "[::1]:15222");
    }
}
