//! Verifying the server's certificate: by fingerprint, and keeping record of what was refused.
use core::fmt;
use core::str::FromStr;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use sha2::{Digest, Sha256};
use std::sync::{Arc, OnceLock};

/// The SHA-256 hash of a certificate in DER.
///
/// Prints as pairs of hexadecimal digits with colons between them; reads that, with or without colons, in either case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// Of a certificate in DER.
    pub fn of(certificate: &[u8]) -> Fingerprint {
        Fingerprint(Sha256::digest(certificate).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, byte) in self.0.iter().enumerate() {
            let colon = if n == 0 { "" } else { ":" };
            write!(f, "{colon}{byte:02X}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// A string is not 32 bytes in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotAFingerprint;

impl fmt::Display for NotAFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a SHA-256 fingerprint is 64 hexadecimal digits, with or without colons between the bytes",
        )
    }
}

impl std::error::Error for NotAFingerprint {}

impl FromStr for Fingerprint {
    type Err = NotAFingerprint;

    fn from_str(text: &str) -> Result<Fingerprint, NotAFingerprint> {
        let mut digits = Vec::with_capacity(64);
        for group in text.trim().split(':') {
            if group.len() % 2 != 0 || group.is_empty() {
                return Err(NotAFingerprint);
            }
            for digit in group.chars() {
                digits.push(digit.to_digit(16).and_then(|d| u8::try_from(d).ok()).ok_or(NotAFingerprint)?);
            }
        }
        let bytes: Vec<u8> =
            digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |b, d| b << 4 | d)).collect();
        bytes.try_into().map(Fingerprint).map_err(|_| NotAFingerprint)
    }
}

/// Accepts exactly one server certificate, whoever issued it, whatever its names and dates. That the server has its key is
/// still checked.
#[derive(Debug)]
pub struct FingerprintVerifier {
    accepted: Fingerprint,
    algorithms: WebPkiSupportedAlgorithms,
}

impl FingerprintVerifier {
    /// Accepts the certificate with this fingerprint; signatures are checked with the provider's algorithms.
    pub fn new(provider: &CryptoProvider, accepted: Fingerprint) -> FingerprintVerifier {
        FingerprintVerifier { accepted, algorithms: provider.signature_verification_algorithms }
    }
}

impl ServerCertVerifier for FingerprintVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if Fingerprint::of(end_entity) == self.accepted {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
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

/// A certificate that was refused.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) fingerprint: Fingerprint,
}

/// Passes everything to the verifier inside and notes the certificate it refused, so that the error can name it.
#[derive(Debug)]
pub(super) struct Recorder {
    inner: Arc<dyn ServerCertVerifier>,
    refusal: Arc<OnceLock<Refusal>>,
}

impl Recorder {
    pub(super) fn new(inner: Arc<dyn ServerCertVerifier>, refusal: Arc<OnceLock<Refusal>>) -> Recorder {
        Recorder { inner, refusal }
    }
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now).inspect_err(
            |_| {
                self.refusal.get_or_init(|| Refusal { fingerprint: Fingerprint::of(end_entity) });
            },
        )
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }

    fn requires_raw_public_keys(&self) -> bool {
        self.inner.requires_raw_public_keys()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        self.inner.root_hint_subjects()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_print_and_read() {
        let fingerprint = Fingerprint::of(b"abc");
        let text = fingerprint.to_string();
        assert!(text.starts_with("BA:78:16:BF:") && text.ends_with(":15:AD"), "{text}");
        assert_eq!(text.parse(), Ok(fingerprint));
        assert_eq!(text.replace(':', "").to_lowercase().parse(), Ok(fingerprint));
        for bad in
            ["", ":", "AB", "zz", &text[1..], &text[3..], &format!("{text}:00"), &text.replacen(':', "::", 1)]
        {
            assert_eq!(bad.parse::<Fingerprint>(), Err(NotAFingerprint), "{bad:?}");
        }
    }
}
