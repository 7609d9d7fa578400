//! TLS inside the stream: STARTTLS, direct TLS, certificates, endings.
mod certificates;
mod handshake;
mod hostile;

use super::*;
use crate::stream::tls::{ClientTls, Fingerprint, ServerTls, default_provider};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SignatureAlgorithm, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};
use std::sync::Arc;

/// A certificate authority, and a certificate of its making for `im.example`, valid from 2025 to 2027.
pub(super) struct Authority {
    pub(super) root: CertificateDer<'static>,
    pub(super) leaf: CertificateDer<'static>,
    key: Vec<u8>,
}

impl Authority {
    pub(super) fn new() -> Authority {
        Authority::signing_with(&rcgen::PKCS_ECDSA_P256_SHA256)
    }

    pub(super) fn signing_with(algorithm: &'static SignatureAlgorithm) -> Authority {
        let root_key = KeyPair::generate_for(algorithm).expect("a key");
        let mut root = CertificateParams::new(Vec::new()).expect("names");
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.not_before = date_time_ymd(2020, 1, 1);
        root.not_after = date_time_ymd(2030, 1, 1);
        let root_certificate = root.self_signed(&root_key).expect("a certificate");
        let key = KeyPair::generate().expect("a key");
        let mut leaf = CertificateParams::new(vec!["im.example".to_owned()]).expect("names");
        leaf.not_before = date_time_ymd(2025, 1, 1);
        leaf.not_after = date_time_ymd(2027, 1, 1);
        let leaf = leaf.signed_by(&key, &Issuer::from_params(&root, &root_key)).expect("a certificate");
        Authority { root: root_certificate.der().clone(), leaf: leaf.der().clone(), key: key.serialize_der() }
    }

    pub(super) fn chain(&self) -> Vec<CertificateDer<'static>> {
        vec![self.leaf.clone()]
    }

    pub(super) fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.clone()).into()
    }

    pub(super) fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).expect("a root");
        roots
    }

    pub(super) fn client(&self) -> ClientTls {
        ClientTls::new(self.roots()).expect("a configuration")
    }

    pub(super) fn server(&self) -> ServerTls {
        ServerTls::new(self.chain(), self.key()).expect("a configuration")
    }

    /// A client's configuration that rustls' own builder made.
    pub(super) fn raw_client(&self, version: &'static SupportedProtocolVersion, ems: bool) -> ClientTls {
        let mut config = ClientConfig::builder_with_provider(default_provider())
            .with_protocol_versions(&[version])
            .expect("a version")
            .with_root_certificates(self.roots())
            .with_no_client_auth();
        config.require_ems = ems;
        ClientTls::from_config(Arc::new(config))
    }

    /// The same for a server.
    pub(super) fn raw_server(&self, version: &'static SupportedProtocolVersion, ems: bool) -> ServerTls {
        let mut config = ServerConfig::builder_with_provider(default_provider())
            .with_protocol_versions(&[version])
            .expect("a version")
            .with_no_client_auth()
            .with_single_cert(self.chain(), self.key())
            .expect("a certificate");
        config.require_ems = ems;
        ServerTls::from_config(Arc::new(config))
    }
}

impl Pair {
    /// Direct TLS, up to where the handshake leads.
    pub(super) fn direct(client: &ClientTls, server: &ServerTls) -> Pair {
        Pair::direct_at(client, server, noon(), "im.example")
    }

    pub(super) fn direct_at(client: &ClientTls, server: &ServerTls, now: Now, name: &str) -> Pair {
        let mut pair = Pair::new();
        pair.now = now;
        pair.client.start_tls_client(now, client, name);
        pair.server.start_tls_server(now, server);
        pair.settle();
        pair
    }

    /// Direct TLS, and both headers exchanged.
    pub(super) fn direct_open(client: &ClientTls, server: &ServerTls) -> Pair {
        let mut pair = Pair::direct(client, server);
        pair.client.open(&header(Role::Initiator));
        pair.server.open(&header(Role::Receiver));
        pair.settle();
        pair.forget();
        pair
    }

    /// What both sides reported, in a few words.
    pub(super) fn log(&self) -> Vec<String> {
        let client = self.client_items.iter().map(|item| format!("C {}", brief(item)));
        let server = self.server_items.iter().map(|item| format!("S {}", brief(item)));
        client.chain(server).collect()
    }

    pub(super) fn client_info(&self) -> &TlsInfo {
        self.client.tls().unwrap_or_else(|| panic!("{:?}", self.client_items))
    }

    pub(super) fn server_info(&self) -> &TlsInfo {
        self.server.tls().unwrap_or_else(|| panic!("{:?}", self.server_items))
    }
}

/// What a TLS failure said.
pub(super) fn failure(items: &[Incoming]) -> String {
    match end(items) {
        Closed::Tls(text) | Closed::Certificate(text) => text,
        other => panic!("not a TLS failure: {other:?}"),
    }
}
