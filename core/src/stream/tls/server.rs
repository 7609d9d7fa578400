//! The server's side of TLS.
use super::{Clock, default_provider, set_alpn};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, ServerConnection};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme};
use std::sync::{Arc, OnceLock};

/// A server's TLS configuration, shared by its connections. Cloning it is cheap.
///
/// To bring in a new certificate, give new connections a new `ServerTls`, or use a resolver that knows the new one: running
/// connections keep what they have.
#[derive(Clone, Debug)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
}

impl ServerTls {
    /// One certificate for all names, with the default provider. `chain` begins with the server's own certificate.
    ///
    /// # Errors
    /// The key cannot be read, or is not that of the certificate.
    pub fn new(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<ServerTls, Error> {
        let provider = default_provider();
        let certified = CertifiedKey::from_der(chain, key, &provider)?;
        ServerTls::with_resolver(provider, Arc::new(SingleCertAndKey::from(certified)))
    }

    /// Lets `resolver` choose the certificate for each connection, by the name the client asks for.
    ///
    /// # Errors
    /// The provider has nothing for TLS 1.2 and 1.3.
    pub fn with_resolver(
        provider: Arc<CryptoProvider>,
        resolver: Arc<dyn ResolvesServerCert>,
    ) -> Result<ServerTls, Error> {
        ServerTls::build(provider, resolver, None)
    }

    /// Asks clients for a certificate (SASL EXTERNAL). None is needed, and any is let in for which the client has the key:
    /// who issued it and for whom is judged later, from [`TlsInfo`](super::super::TlsInfo), before EXTERNAL is offered.
    ///
    /// # Errors
    /// Not for a configuration made by the constructors here.
    pub fn requesting_certificates(self) -> Result<ServerTls, Error> {
        let provider = Arc::clone(self.config.crypto_provider());
        let verifier = JudgedLater { algorithms: provider.signature_verification_algorithms };
        ServerTls::build(provider, Arc::clone(&self.config.cert_resolver), Some(Arc::new(verifier)))
    }

    /// A configuration that the caller made, for what is not offered here. Its time provider and certificate resolver are
    /// wrapped for each connection. Where it does not set `require_ems`, a TLS 1.2 connection offers no tls-exporter binding.
    pub fn from_config(config: Arc<ServerConfig>) -> ServerTls {
        ServerTls { config }
    }

    /// The configuration inside.
    pub fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }

    fn build(
        provider: Arc<CryptoProvider>,
        resolver: Arc<dyn ResolvesServerCert>,
        verifier: Option<Arc<dyn ClientCertVerifier>>,
    ) -> Result<ServerTls, Error> {
        let builder = ServerConfig::builder_with_details(provider, Arc::new(Clock::default()))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?;
        let builder = match verifier {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(resolver);
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.require_ems = true;
        Ok(ServerTls { config: Arc::new(config) })
    }

    /// A connection of its own clock and its own record of the certificate that was shown.
    pub(super) fn accept(
        &self,
        content_ns: &str,
        direct: bool,
        clock: Arc<Clock>,
    ) -> Result<(ServerConnection, Shown), String> {
        let shown = Arc::new(OnceLock::new());
        let mut config = ServerConfig::clone(&self.config);
        config.time_provider = clock;
        set_alpn(&mut config.alpn_protocols, content_ns, direct);
        let inner = Arc::clone(&config.cert_resolver);
        config.cert_resolver = Arc::new(Witness { inner, shown: Arc::clone(&shown) });
        let connection =
            ServerConnection::new(Arc::new(config)).map_err(|error| format!("TLS cannot start: {error}"))?;
        Ok((connection, shown))
    }
}

/// The certificate that was shown, once it has been.
pub(super) type Shown = Arc<OnceLock<Arc<CertifiedKey>>>;

/// Notes which certificate the resolver chose: rustls does not tell, and tls-server-end-point needs it.
#[derive(Debug)]
struct Witness {
    inner: Arc<dyn ResolvesServerCert>,
    shown: Shown,
}

impl ResolvesServerCert for Witness {
    fn resolve(&self, client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let chosen = self.inner.resolve(client_hello)?;
        self.shown.get_or_init(|| Arc::clone(&chosen));
        Some(chosen)
    }

    fn only_raw_public_keys(&self) -> bool {
        self.inner.only_raw_public_keys()
    }
}

/// Lets in any client certificate whose key the client has.
#[derive(Debug)]
struct JudgedLater {
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for JudgedLater {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
