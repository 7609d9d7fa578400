//! The client's side of TLS.
use super::verify::{Recorder, Refusal};
use super::{Clock, FingerprintVerifier, default_provider, set_alpn};
use rustls::client::danger::ServerCertVerifier;
use rustls::client::{ClientConnection, Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, Error, RootCertStore};
use std::sync::{Arc, OnceLock};

/// A client's TLS configuration, shared by its connections. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
    /// The verifier inside `config`, which rustls does not give back: known where we put it there.
    verifier: Option<Arc<dyn ServerCertVerifier>>,
}

impl ClientTls {
    /// Trusts the authorities in `roots`, with the default provider.
    ///
    /// # Errors
    /// `roots` is empty.
    pub fn new(roots: RootCertStore) -> Result<ClientTls, Error> {
        ClientTls::with_roots(default_provider(), roots)
    }

    /// Trusts the authorities in `roots`, with a provider of the caller's.
    ///
    /// # Errors
    /// `roots` is empty, or the provider has nothing for TLS 1.2 and 1.3.
    pub fn with_roots(provider: Arc<CryptoProvider>, roots: RootCertStore) -> Result<ClientTls, Error> {
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .map_err(|error| Error::General(format!("the trusted certificates cannot be used: {error}")))?;
        ClientTls::with_verifier(provider, verifier)
    }

    /// Accepts exactly one certificate, whoever issued it, whatever its names and dates.
    ///
    /// # Errors
    /// The provider has nothing for TLS 1.2 and 1.3.
    pub fn with_fingerprint(
        provider: Arc<CryptoProvider>,
        fingerprint: super::Fingerprint,
    ) -> Result<ClientTls, Error> {
        let verifier = FingerprintVerifier::new(&provider, fingerprint);
        ClientTls::with_verifier(provider, Arc::new(verifier))
    }

    /// Lets `verifier` judge certificates: that of the platform, say.
    ///
    /// # Errors
    /// The provider has nothing for TLS 1.2 and 1.3.
    pub fn with_verifier(
        provider: Arc<CryptoProvider>,
        verifier: Arc<dyn ServerCertVerifier>,
    ) -> Result<ClientTls, Error> {
        let mut config = ClientConfig::builder_with_details(provider, Arc::new(Clock::default()))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&verifier))
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        config.require_ems = true;
        Ok(ClientTls { config: Arc::new(config), verifier: Some(verifier) })
    }

    /// Shows this certificate where the server asks for one (SASL EXTERNAL).
    ///
    /// # Errors
    /// The key cannot be read, or is not that of the certificate.
    pub fn with_certificate(
        mut self,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<ClientTls, Error> {
        let certified = CertifiedKey::from_der(chain, key, self.config.crypto_provider())?;
        Arc::make_mut(&mut self.config).client_auth_cert_resolver =
            Arc::new(SingleCertAndKey::from(certified));
        Ok(self)
    }

    /// A configuration that the caller made, for what is not offered here. Its time provider is replaced for each
    /// connection. Where it does not set `require_ems`, a TLS 1.2 connection offers no tls-exporter binding; errors name the
    /// server but cannot show the certificate that was refused.
    pub fn from_config(config: Arc<ClientConfig>) -> ClientTls {
        ClientTls { config, verifier: None }
    }

    /// The configuration inside.
    pub fn config(&self) -> &Arc<ClientConfig> {
        &self.config
    }

    /// A connection of its own clock and its own record of what was refused.
    pub(super) fn connect(
        &self,
        server_name: &str,
        content_ns: &str,
        direct: bool,
        clock: Arc<Clock>,
    ) -> Result<(ClientConnection, Arc<OnceLock<Refusal>>), String> {
        let name = parse_name(server_name)
            .ok_or_else(|| format!("{server_name:?} cannot be the name of a TLS server"))?;
        let refusal = Arc::new(OnceLock::new());
        let mut config = ClientConfig::clone(&self.config);
        config.time_provider = clock;
        set_alpn(&mut config.alpn_protocols, content_ns, direct);
        if let Some(verifier) = &self.verifier {
            let recorder = Recorder::new(Arc::clone(verifier), Arc::clone(&refusal));
            config.dangerous().set_certificate_verifier(Arc::new(recorder));
        }
        let connection = ClientConnection::new(Arc::new(config), name)
            .map_err(|error| format!("TLS to {server_name} cannot start: {error}"))?;
        Ok((connection, refusal))
    }
}

/// A domain in ASCII form or an IP literal, as SNI and certificates have it.
fn parse_name(domain: &str) -> Option<ServerName<'static>> {
    let bare = domain.strip_prefix('[').and_then(|d| d.strip_suffix(']')).unwrap_or(domain);
    if let Ok(address) = bare.parse::<core::net::IpAddr>() {
        return Some(ServerName::IpAddress(address.into()));
    }
    let ascii = idna::domain_to_ascii(domain).ok()?;
    ServerName::try_from(ascii).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6120_13_7_names_become_what_certificates_hold() {
        for (domain, expected) in [
            ("im.example.com", Some("im.example.com")),
            ("bücher.example", Some("xn--bcher-kva.example")),
            ("192.0.2.1", Some("192.0.2.1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("", None),
            ("a b", None),
        ] {
            let name = parse_name(domain).map(|name| match name {
                ServerName::DnsName(name) => name.as_ref().to_owned(),
                ServerName::IpAddress(address) => core::net::IpAddr::from(address).to_string(),
                other => format!("{other:?}"),
            });
            assert_eq!(name.as_deref(), expected, "{domain:?}");
        }
    }
}
