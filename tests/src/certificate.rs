//! Certificates for tests.

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
