//! The tls-server-end-point channel binding (RFC 5929 section 4): a hash of the server's certificate, made with the hash
//! function of its own signature.
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Hash {
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha512_224,
    Sha512_256,
}

/// The binding data for a certificate in DER. `None` where RFC 5929 defines none: the signature has no single hash function
/// (EdDSA), or one that is not known here.
pub(super) fn server_end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    Some(match signature_hash(certificate)? {
        Hash::Sha224 => Sha224::digest(certificate).to_vec(),
        Hash::Sha256 => Sha256::digest(certificate).to_vec(),
        Hash::Sha384 => Sha384::digest(certificate).to_vec(),
        Hash::Sha512 => Sha512::digest(certificate).to_vec(),
        Hash::Sha512_224 => Sha512_224::digest(certificate).to_vec(),
        Hash::Sha512_256 => Sha512_256::digest(certificate).to_vec(),
    })
}

const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 0x06;
const EXPLICIT_0: u8 = 0xa0;

/// RSASSA-PSS (1.2.840.113549.1.1.10), whose hash function stands in its parameters.
const RSASSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];

/// `Certificate ::= SEQUENCE { tbsCertificate SEQUENCE, signatureAlgorithm SEQUENCE { OID, parameters }, signature }`
/// (RFC 5280 section 4.1).
fn signature_hash(certificate: &[u8]) -> Option<Hash> {
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (_, after_tbs) = element(certificate, SEQUENCE)?;
    let (algorithm, _) = element(after_tbs, SEQUENCE)?;
    let (oid, parameters) = element(algorithm, OBJECT_IDENTIFIER)?;
    if oid == RSASSA_PSS { pss_hash(parameters) } else { hash_of_signature(oid) }
}

/// `RSASSA-PSS-params ::= SEQUENCE { [0] EXPLICIT hashAlgorithm DEFAULT sha1, ... }` (RFC 4055 section 3.1).
fn pss_hash(parameters: &[u8]) -> Option<Hash> {
    let (parameters, _) = element(parameters, SEQUENCE)?;
    let Some((hash, _)) = element(parameters, EXPLICIT_0) else { return Some(Hash::Sha256) };
    let (algorithm, _) = element(hash, SEQUENCE)?;
    let (oid, _) = element(algorithm, OBJECT_IDENTIFIER)?;
    Some(match oid {
        // 1.3.14.3.2.26, SHA-1: RFC 5929 puts SHA-256 in its place.
        [0x2b, 0x0e, 0x03, 0x02, 0x1a] => Hash::Sha256,
        // 2.16.840.1.101.3.4.2.x
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, which] => match which {
            1 => Hash::Sha256,
            2 => Hash::Sha384,
            3 => Hash::Sha512,
            4 => Hash::Sha224,
            5 => Hash::Sha512_224,
            6 => Hash::Sha512_256,
            _ => return None,
        },
        _ => return None,
    })
}

/// Signature algorithms with one hash function each. MD5 and SHA-1 become SHA-256 (RFC 5929 section 4.1).
fn hash_of_signature(oid: &[u8]) -> Option<Hash> {
    Some(match oid {
        // 1.2.840.113549.1.1.x: PKCS #1 v1.5
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, which] => match which {
            // MD5, SHA-1, SHA-256
            4 | 5 | 11 => Hash::Sha256,
            12 => Hash::Sha384,
            13 => Hash::Sha512,
            14 => Hash::Sha224,
            15 => Hash::Sha512_224,
            16 => Hash::Sha512_256,
            _ => return None,
        },
        // 1.2.840.10045.4.1: ECDSA with SHA-1; 1.2.840.10040.4.3: DSA with SHA-1
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01] | [0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x03] => {
            Hash::Sha256
        }
        // 1.2.840.10045.4.3.x: ECDSA; 2.16.840.1.101.3.4.3.x: DSA
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, which]
        | [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, which] => match which {
            1 => Hash::Sha224,
            2 => Hash::Sha256,
            3 => Hash::Sha384,
            4 => Hash::Sha512,
            _ => return None,
        },
        _ => return None,
    })
}

/// The content of the DER element with this tag at the front of `der`, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = der.split_first()?;
    if first != tag {
        return None;
    }
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = if length < 0x80 {
        (usize::from(length), rest)
    } else {
        let count = usize::from(length & 0x7f);
        // Four bytes are more than any certificate needs; none is the indefinite form, which DER forbids.
        if !(1..=4).contains(&count) {
            return None;
        }
        let (bytes, rest) = rest.split_at_checked(count)?;
        (
            bytes
                .iter()
                .try_fold(0_usize, |sum, byte| sum.checked_mul(256)?.checked_add(usize::from(*byte)))?,
            rest,
        )
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut out = vec![tag];
        match content.len() {
            n @ 0..=0x7f => out.push(n as u8),
            n => out.extend_from_slice(&[0x82, (n >> 8) as u8, n as u8]),
        }
        out.extend_from_slice(content);
        out
    }

    /// A certificate's outline around a signature algorithm.
    fn certificate(oid: &[u8], parameters: &[u8]) -> Vec<u8> {
        let tbs = der(SEQUENCE, &[0xab; 300]);
        let algorithm = der(SEQUENCE, &[der(OBJECT_IDENTIFIER, oid), parameters.to_vec()].concat());
        der(SEQUENCE, &[tbs, algorithm, der(0x03, &[0; 65])].concat())
    }

    const RSA: [u8; 8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
    const ECDSA_SHA2: [u8; 7] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];
    const SHA2: [u8; 8] = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];

    fn with(prefix: &[u8], last: u8) -> Vec<u8> {
        [prefix, &[last]].concat()
    }

    #[test]
    fn rfc5929_4_1_the_hash_is_that_of_the_signature() {
        for (oid, expected) in [
            (with(&RSA, 4), Some(Hash::Sha256)),
            (with(&RSA, 5), Some(Hash::Sha256)),
            (with(&RSA, 11), Some(Hash::Sha256)),
            (with(&RSA, 12), Some(Hash::Sha384)),
            (with(&RSA, 13), Some(Hash::Sha512)),
            (with(&RSA, 14), Some(Hash::Sha224)),
            (with(&RSA, 1), None),
            (with(&ECDSA_SHA2, 1), Some(Hash::Sha224)),
            (with(&ECDSA_SHA2, 2), Some(Hash::Sha256)),
            (with(&ECDSA_SHA2, 3), Some(Hash::Sha384)),
            (with(&ECDSA_SHA2, 4), Some(Hash::Sha512)),
            (vec![0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01], Some(Hash::Sha256)),
            // Ed25519
            (vec![0x2b, 0x65, 0x70], None),
        ] {
            assert_eq!(signature_hash(&certificate(&oid, &[5, 0])), expected, "{oid:02x?}");
        }
    }

    #[test]
    fn rfc5929_4_1_and_rfc4055_3_1_pss_names_its_hash_in_the_parameters() {
        let pss = |hash: &[u8]| {
            let algorithm = der(SEQUENCE, &[der(OBJECT_IDENTIFIER, hash), vec![5, 0]].concat());
            let parameters = der(SEQUENCE, &der(EXPLICIT_0, &algorithm));
            signature_hash(&certificate(RSASSA_PSS, &parameters))
        };
        assert_eq!(pss(&with(&SHA2, 1)), Some(Hash::Sha256));
        assert_eq!(pss(&with(&SHA2, 2)), Some(Hash::Sha384));
        assert_eq!(pss(&with(&SHA2, 3)), Some(Hash::Sha512));
        assert_eq!(pss(&[0x2b, 0x0e, 0x03, 0x02, 0x1a]), Some(Hash::Sha256), "SHA-1");
        assert_eq!(pss(&[0x2a]), None);
        let default = signature_hash(&certificate(RSASSA_PSS, &der(SEQUENCE, &[])));
        assert_eq!(default, Some(Hash::Sha256), "SHA-1 is the default");
    }

    #[test]
    fn the_digest_is_over_the_whole_certificate() {
        let certificate = certificate(&with(&ECDSA_SHA2, 3), &[]);
        assert_eq!(server_end_point(&certificate), Some(Sha384::digest(&certificate).to_vec()));
    }

    #[test]
    fn what_is_no_certificate_gives_nothing() {
        let good = certificate(&with(&RSA, 11), &[5, 0]);
        for length in 0..good.len() - 67 {
            assert_eq!(signature_hash(good.get(..length).unwrap_or_default()), None, "{length}");
        }
        for bad in [
            &[0x30, 0x80, 0, 0][..],
            &[0x30, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1],
            &[0x30, 0x84, 255, 255, 255, 255],
        ] {
            assert_eq!(signature_hash(bad), None);
        }
    }
}
