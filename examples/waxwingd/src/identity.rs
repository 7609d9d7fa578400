//! The server's certificate and key: read from files, or made on the first run and kept.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::options::Options;

/// Where an identity lies.
#[derive(Clone, Debug)]
pub struct Files {
    pub cert: PathBuf,
    pub key: PathBuf,
    /// Made by us, so that it may be made again for other domains.
    pub generated: bool,
}

impl Files {
    /// The files that the options name, or those in the data directory.
    pub fn of(options: &Options) -> Files {
        match &options.identity {
            Some((cert, key)) => Files { cert: cert.clone(), key: key.clone(), generated: false },
            None => Files {
                cert: options.data.join("cert.pem"),
                key: options.data.join("key.pem"),
                generated: true,
            },
        }
    }
}

/// Reads the identity; makes it first where it is ours to make and missing, or lacks a hosted domain.
pub fn load_or_make(
    files: &Files,
    domains: &[String],
    provider: &CryptoProvider,
) -> Result<Arc<CertifiedKey>, String> {
    if files.generated {
        let stale = match load(files, provider) {
            Ok(key) => !problems(&key.cert[0], domains, None).is_empty(),
            Err(_) if !files.cert.exists() && !files.key.exists() => true,
            Err(e) => return Err(e),
        };
        if stale {
            make(files, domains)?;
        }
    }
    load(files, provider)
}

/// Reads certificate chain and key, and checks that they belong together.
pub fn load(files: &Files, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, String> {
    let cert = files.cert.display();
    let key = files.key.display();
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&files.cert)
        .and_then(Iterator::collect)
        .map_err(|e| format!("cannot read the certificate {cert}: {}", reason(e)))?;
    if chain.is_empty() {
        return Err(format!(
            "{cert} holds no certificate: it must be a PEM file with the server's certificate first"
        ));
    }
    let private = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|e| format!("cannot read the private key {key}: {}", reason(e)))?;
    CertifiedKey::from_der(chain, private, provider).map(Arc::new).map_err(|e| match e {
        rustls::Error::InconsistentKeys(_) => {
            format!("the key {key} does not belong to the certificate {cert}")
        }
        e => format!("cannot use {cert} with {key}: {e}"),
    })
}

fn reason(error: rustls_pki_types::pem::Error) -> String {
    use rustls_pki_types::pem::Error;
    match error {
        Error::Io(e) => e.to_string(),
        Error::NoItemsFound => "it holds none in PEM form".into(),
        e => format!("it is not valid PEM ({e:?})"),
    }
}

fn make(files: &Files, domains: &[String]) -> Result<(), String> {
    let fail = |what: &dyn std::fmt::Display| format!("cannot make a certificate: {what}");
    let pair = rcgen::KeyPair::generate().map_err(|e| fail(&e))?;
    let mut params = rcgen::CertificateParams::new(domains.to_vec()).map_err(|e| fail(&e))?;
    params.distinguished_name.push(rcgen::DnType::CommonName, domains[0].as_str());
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2099, 12, 31);
    let cert = params.self_signed(&pair).map_err(|e| fail(&e))?;
    write(&files.key, pair.serialize_pem().as_bytes(), 0o600)
        .and_then(|()| write(&files.cert, cert.pem().as_bytes(), 0o644))
        .map_err(|e| format!("cannot write {} and {}: {e}", files.cert.display(), files.key.display()))
}

/// Writes by way of a temporary file, so that a crash leaves the old file or the new one, never half of one.
pub fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let temporary = path.with_extension("new");
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(temporary, path)
}

/// SHA-256 of a certificate, as colon-separated hexadecimal.
pub fn fingerprint(cert: &CertificateDer<'_>) -> String {
    let mut text = String::new();
    for (i, byte) in Sha256::digest(cert).iter().enumerate() {
        let _ = write!(text, "{}{byte:02X}", if i == 0 { "" } else { ":" });
    }
    text
}

/// What clients would find wrong with this certificate: one line each. `now`: Unix time in seconds, if validity in
/// time is to be judged.
pub fn problems(cert: &CertificateDer<'_>, domains: &[String], now: Option<i64>) -> Vec<String> {
    let Ok((_, parsed)) = X509Certificate::from_der(cert) else {
        return vec!["the certificate is not a valid X.509 certificate".into()];
    };
    let names: Vec<String> = parsed
        .subject_alternative_name()
        .ok()
        .flatten()
        .map(|san| {
            let dns = |name: &GeneralName<'_>| match name {
                GeneralName::DNSName(dns) => Some(dns.to_ascii_lowercase()),
                _ => None,
            };
            san.value.general_names.iter().filter_map(dns).collect()
        })
        .unwrap_or_default();
    let mut found = Vec::new();
    for domain in domains {
        if !names.iter().any(|name| covers(name, domain)) {
            found.push(format!(
                "the certificate does not name {domain} (it names {}): clients will refuse it",
                if names.is_empty() { "nothing".into() } else { names.join(", ") }
            ));
        }
    }
    if let Some(now) = now {
        let validity = parsed.validity();
        if now < validity.not_before.timestamp() {
            found.push(format!("the certificate is not valid before {}", validity.not_before));
        }
        if now > validity.not_after.timestamp() {
            found
                .push(format!("the certificate expired on {}: renew it and send SIGHUP", validity.not_after));
        } else if now + 14 * 86_400 > validity.not_after.timestamp() {
            found.push(format!("the certificate expires on {}: renew it soon", validity.not_after));
        }
    }
    found
}

/// RFC 9525 section 6.3: a wildcard stands for one label, the leftmost.
fn covers(name: &str, domain: &str) -> bool {
    let domain = domain.to_ascii_lowercase();
    match name.strip_prefix("*.") {
        Some(rest) => domain.split_once('.').is_some_and(|(_, parent)| parent == rest),
        None => name == domain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider() -> CryptoProvider {
        rustls::crypto::ring::default_provider()
    }

    fn scratch(name: &str) -> (PathBuf, Files) {
        let dir = std::env::temp_dir().join(format!("waxwingd-identity-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let files = Files { cert: dir.join("cert.pem"), key: dir.join("key.pem"), generated: true };
        (dir, files)
    }

    #[test]
    fn an_identity_is_made_once_and_again_for_another_domain() {
        let (dir, files) = scratch("made");
        let one = vec!["localhost".to_owned()];
        let first = load_or_make(&files, &one, &provider()).unwrap();
        let again = load_or_make(&files, &one, &provider()).unwrap();
        assert_eq!(first.cert, again.cert);
        let two = vec!["localhost".to_owned(), "b.example".to_owned()];
        let other = load_or_make(&files, &two, &provider()).unwrap();
        assert_ne!(first.cert, other.cert);
        assert!(problems(&other.cert[0], &two, Some(1_900_000_000)).is_empty());
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&files.key).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let (dir, a) = scratch("mixed");
        let domains = vec!["localhost".to_owned()];
        load_or_make(&a, &domains, &provider()).unwrap();
        let b = Files { cert: a.cert.clone(), key: dir.join("other.pem"), generated: false };
        std::fs::write(&b.key, rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap();
        assert!(load(&b, &provider()).unwrap_err().contains("does not belong to"));
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_broken_file_is_named_and_left_alone() {
        let (dir, files) = scratch("broken");
        std::fs::write(&files.cert, "not a certificate").unwrap();
        std::fs::write(&files.key, "not a key").unwrap();
        let error = load_or_make(&files, &["localhost".to_owned()], &provider()).unwrap_err();
        assert!(error.contains("cert.pem") && !error.contains('\n'), "{error}");
        assert_eq!(std::fs::read_to_string(&files.cert).unwrap(), "not a certificate");
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn wildcards_cover_one_label() {
        assert!(covers("*.example.org", "im.example.org"));
        assert!(!covers("*.example.org", "example.org"));
        assert!(!covers("*.example.org", "a.im.example.org"));
        assert!(covers("example.org", "EXAMPLE.org"));
    }
}
