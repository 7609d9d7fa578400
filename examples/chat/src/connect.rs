//! From the command line to a connected machine.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::net::TcpStream;
use waxwing_core::client::{Client, Config, TlsMode};
use waxwing_core::dns::{Route, Security, Target};
use waxwing_core::payload::disco::Identity;
use waxwing_core::payload::version::Version;
use waxwing_core::sasl::Credentials;
use waxwing_core::stream::tls::{ClientTls, default_provider};
use waxwing_tokio::dial::{Dialer, system_config};
use waxwing_tokio::{Clock, Driver, entropy};

use crate::cli::Options;

/// Connects and hands the connection to a client machine that will log in with this password.
pub async fn connect(options: &Options, password: String) -> Result<Driver<Client>, String> {
    let trust = if options.plaintext { None } else { Some(trust(options)?) };
    let (socket, route) = reach(options).await?;
    let tls = match (trust, route.security) {
        (None, _) => TlsMode::Plaintext,
        (Some(trust), Security::Direct) => TlsMode::Direct(trust),
        (Some(trust), Security::StartTls) => TlsMode::StartTls(trust),
    };
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

/// Finds the server and opens the socket. The account's domain says where its service is (RFC 6120 section 3.2), unless the
/// command line does.
async fn reach(options: &Options) -> Result<(TcpStream, Route), String> {
    let (port, security) = match options.direct_tls {
        true => (5223, Security::Direct),
        false => (5222, Security::StartTls),
    };
    let domain = options.account.domain();
    let wanted = options.server.as_deref().unwrap_or(domain);
    let target = if options.server.is_some() || options.direct_tls {
        let (host, port) = with_port(wanted, port);
        Target::Host { host: host.into(), port, security }
    } else {
        Target::Client(domain.into())
    };
    let mut config = system_config();
    config.direct_tls = !options.plaintext;
    let dialer = Dialer::new(target, config);
    let mut dialer = dialer.map_err(|e| format!("the operating system gives no randomness: {e}"))?;
    let (socket, route) = dialer.dial().await.map_err(|e| format!("cannot reach {wanted}: {e}"))?;
    let address = route.address;
    if options.plaintext && !address.ip().is_loopback() {
        return Err(format!("--allow-plaintext is refused to {address}: it is not this machine"));
    }
    Ok((socket, route))
}

/// A host, and the port that stands behind it or else the usual one. IPv6 addresses stand in brackets if a port follows.
fn with_port(host: &str, usual: u16) -> (&str, u16) {
    match host.rsplit_once(':').map(|(front, back)| (front, back.parse())) {
        Some((front, Ok(port))) if !front.contains(':') || front.ends_with(']') => (front, port),
        _ => (host, usual),
    }
}

#[cfg(test)]
mod tests {
    use super::with_port;

    #[test]
    fn ports_are_added_where_missing() {
        assert_eq!(with_port("example.org", 5222), ("example.org", 5222));
        assert_eq!(with_port("example.org:15222", 5222), ("example.org", 15222));
        assert_eq!(with_port("::1", 5222), ("::1", 5222));
        assert_eq!(with_port("[::1]", 5222), ("[::1]", 5222));
        assert_eq!(with_port("[::1]:15222", 5222), ("[::1]", 15222));
        assert_eq!(with_port("example.org:", 5222), ("example.org:", 5222));
    }
}
