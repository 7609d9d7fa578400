//! Certificates for tests.

use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use waxwing_core::stream::tls::{ClientTls, Fingerprint, ServerTls};

/// A self-signed certificate and its key, fresh for each test.
#[derive(Clone, Debug)]
pub struct SelfSigned {
    /// The certificate, as DER.
    pub certificate_der: Vec<u8>,
    /// The private key, as PKCS #8 DER.
    pub key_der: Vec<u8>,
    /// The certificate, as PEM.
    pub certificate_pem: String,
    /// The private key, as PKCS #8 PEM.
    pub key_pem: String,
}

impl SelfSigned {
    /// A certificate for these DNS names or IP addresses.
    ///
    /// # Panics
    ///
    /// If a name is neither.
    pub fn new(names: &[&str]) -> SelfSigned {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let made = rcgen::generate_simple_self_signed(names).expect("the names are valid");
        SelfSigned {
            certificate_der: made.cert.der().to_vec(),
            key_der: made.signing_key.serialize_der(),
            certificate_pem: made.cert.pem(),
            key_pem: made.signing_key.serialize_pem(),
        }
    }

    /// A server that shows this certificate.
    ///
    /// # Panics
    ///
    /// Not for certificates made here.
    pub fn server_tls(&self) -> ServerTls {
        let key = PrivatePkcs8KeyDer::from(self.key_der.clone());
        ServerTls::new(vec![self.certificate()], key.into()).expect("the key is the certificate's")
    }

    /// A client that trusts this certificate, for the names in it, and no other.
    ///
    /// # Panics
    ///
    /// Not for certificates made here.
    pub fn client_tls(&self) -> ClientTls {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate()).expect("a certificate");
        ClientTls::new(roots).expect("there is a root")
    }

    /// The certificate's fingerprint.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.certificate_der)
    }

    fn certificate(&self) -> CertificateDer<'static> {
        CertificateDer::from(self.certificate_der.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_and_der_are_both_there() {
        let made = SelfSigned::new(&["example.org", "127.0.0.1"]);
        assert!(made.certificate_pem.starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(made.key_pem.starts_with("-----BEGIN PRIVATE KEY-----"));
        assert_eq!((made.certificate_der[0], made.key_der[0]), (0x30, 0x30));
    }
}
