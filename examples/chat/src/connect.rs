//! From the command line to a session that looks for its server.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use waxwing_core::client::session::Reconnect;
use waxwing_core::client::{Config, Management, TlsMode};
use waxwing_core::dns::{Security, Target};
use waxwing_core::payload::disco::Identity;
use waxwing_core::payload::version::Version;
use waxwing_core::sasl::Credentials;
use waxwing_core::stream::tls::{ClientTls, default_provider};
use waxwing_tokio::SessionDriver;
use waxwing_tokio::system_config;

use crate::cli::Options;

/// A session that will log in with this password, and again when its connection is lost.
pub fn connect(options: &Options, password: String) -> Result<SessionDriver, String> {
    let tls = match options.plaintext {
        true => TlsMode::Plaintext,
        false => TlsMode::StartTls(trust(options)?),
    };
    let mut config = Config::new(options.account.clone(), tls);
    let username = options.account.local().unwrap_or_default().to_owned();
    config.credentials = Some(Credentials::Password { username, password });
    config.management = Management::Resume { max: None };
    config.caps_node = Some("waxwing:chat".to_owned());
    config.software = Some(Version::new("Waxwing chat", env!("CARGO_PKG_VERSION")));
    if let Some(info) = &mut config.disco {
        info.identities = vec![Identity::new("client", "console").with_name("Waxwing chat")];
    }
    let mut policy = Reconnect::default();
    policy.targets.extend(target(options));
    // Who has typed something wrong is to learn it now.
    policy.from_the_start = false;
    let mut dns = system_config();
    dns.direct_tls = !options.plaintext;
    let driver = SessionDriver::new(config, policy, dns);
    let mut driver = driver.map_err(|e| format!("the operating system gives no randomness: {e}"))?;
    if options.plaintext {
        driver.permit(|route| route.address.ip().is_loopback());
    }
    Ok(driver)
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

/// Where to connect, if the command line says so. Else the account's domain does (RFC 6120 section 3.2).
fn target(options: &Options) -> Option<Target> {
    let (port, security) = match options.direct_tls {
        true => (5223, Security::Direct),
        false => (5222, Security::StartTls),
    };
    if options.server.is_none() && !options.direct_tls {
        return None;
    }
    let wanted = options.server.as_deref().unwrap_or(options.account.domain());
    let (host, port) = with_port(wanted, port);
    Some(Target::Host { host: host.into(), port, security })
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
