//! Which certificates are accepted, and what is said of those that are not.
use super::*;
use rustls::pki_types::ServerName;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

fn far(years: u64) -> Now {
    noon().after(Duration::from_secs(years * 365 * 86_400))
}

#[test]
fn rfc6120_13_7_2_validity_is_judged_by_the_time_that_comes_in() {
    let authority = Authority::new();
    let (client, server) = (authority.client(), authority.server());
    assert!(Pair::direct_at(&client, &server, noon(), "im.example").client.tls().is_some());
    let expired = Pair::direct_at(&client, &server, far(2), "im.example");
    let text = failure(&expired.client_items);
    assert!(text.contains("im.example") && text.contains("expired"), "{text}");
    let early = Now::new(Instant::ORIGIN, Utc::from_unix_millis(1_600_000_000_000));
    let text = failure(&Pair::direct_at(&client, &server, early, "im.example").client_items);
    assert!(text.contains("not valid yet"), "{text}");
    // Two connections of one configuration, each at its own time.
    assert!(Pair::direct_at(&client, &server, noon(), "im.example").client.tls().is_some());
}

#[test]
fn rfc6120_13_7_2_a_certificate_for_another_name_is_refused_by_name() {
    let authority = Authority::new();
    let pair = Pair::direct_at(&authority.client(), &authority.server(), noon(), "other.example");
    let text = failure(&pair.client_items);
    let fingerprint = Fingerprint::of(&authority.leaf).to_string();
    for part in ["other.example", "im.example", &fingerprint] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let text = failure(&pair.server_items);
    assert!(text.contains("alert BadCertificate"), "the server learns of it: {text}");
}

#[test]
fn an_unknown_authority_is_refused() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let pair = Pair::direct(&ours.client(), &theirs.server());
    let text = failure(&pair.client_items);
    assert!(text.contains(&Fingerprint::of(&theirs.leaf).to_string()), "{text}");
    assert!(matches!(end(&pair.server_items), Closed::Tls(_)));
    let text = failure(
        &Pair::direct(&ours.raw_client(&rustls::version::TLS13, true), &theirs.server()).client_items,
    );
    assert!(text.contains("the certificate of im.example was refused"), "{text}");
}

#[test]
fn a_fingerprint_accepts_one_certificate_and_no_other() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let client = ClientTls::with_fingerprint(default_provider(), Fingerprint::of(&ours.leaf)).expect("tls");
    let accepted = Pair::direct_at(&client, &ours.server(), far(5), "whatever.example");
    assert!(accepted.client.tls().is_some(), "{:?}", accepted.client_items);
    let text = failure(&Pair::direct(&client, &theirs.server()).client_items);
    assert!(text.contains(&Fingerprint::of(&theirs.leaf).to_string()), "{text}");
    // Having seen the certificate is not enough: the key signs the handshake.
    let stolen = CertifiedKey::new(ours.chain(), key_of(&theirs));
    let impostor =
        ServerTls::with_resolver(default_provider(), Arc::new(Fixed(Arc::new(stolen)))).expect("tls");
    assert!(matches!(end(&Pair::direct(&client, &impostor).client_items), Closed::Certificate(_)));
}

fn key_of(authority: &Authority) -> Arc<dyn rustls::sign::SigningKey> {
    default_provider().key_provider.load_private_key(authority.key()).expect("a key")
}

#[derive(Debug)]
struct Fixed(Arc<CertifiedKey>);

impl ResolvesServerCert for Fixed {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

#[test]
fn a_resolver_chooses_and_both_sides_bind_to_its_choice() {
    let authority = Authority::new();
    let certified = CertifiedKey::new(authority.chain(), key_of(&authority));
    let server =
        ServerTls::with_resolver(default_provider(), Arc::new(Fixed(Arc::new(certified)))).expect("tls");
    let pair = Pair::direct(&authority.client(), &server);
    assert_eq!(pair.client_info().bindings, pair.server_info().bindings);
    assert!(pair.server_info().bindings.tls_server_end_point.is_some());
}

#[test]
fn xep0178_a_client_certificate_is_let_in_to_be_judged_later() {
    let (ours, client) = (Authority::new(), Authority::new());
    let server = ours.server().requesting_certificates().expect("tls");
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let tls = ours.raw_client(version, true).with_certificate(client.chain(), client.key()).expect("tls");
        let pair = Pair::direct(&tls, &server);
        assert_eq!(pair.server_info().peer_certificates, [client.leaf.to_vec()]);
        let pair = Pair::direct(&ours.raw_client(version, true), &server);
        assert!(pair.server_info().peer_certificates.is_empty(), "none is needed");
        let pair = Pair::direct(&tls, &ours.server());
        assert!(pair.server_info().peer_certificates.is_empty(), "none was asked for");
    }
}

#[test]
fn xep0178_a_client_certificate_without_its_key_is_refused() {
    let (ours, client) = (Authority::new(), Authority::new());
    let server = ours.server().requesting_certificates().expect("tls");
    let stolen = Arc::new(CertifiedKey::new(client.chain(), key_of(&ours)));
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let mut config = rustls::ClientConfig::clone(ours.raw_client(version, true).config());
        config.client_auth_cert_resolver = Arc::new(Shown(Arc::clone(&stolen)));
        let pair = Pair::direct(&ClientTls::from_config(Arc::new(config)), &server);
        assert!(matches!(end(&pair.server_items), Closed::Certificate(_)), "{:?}", pair.server_items);
    }
}

#[derive(Debug)]
struct Shown(Arc<CertifiedKey>);

impl rustls::client::ResolvesClientCert for Shown {
    fn resolve(&self, _: &[&[u8]], _: &[rustls::SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[test]
fn a_key_that_does_not_fit_is_refused_at_once() {
    let (one, other) = (Authority::new(), Authority::new());
    assert!(ServerTls::new(one.chain(), other.key()).is_err());
    assert!(one.client().with_certificate(one.chain(), other.key()).is_err());
    assert!(ClientTls::new(RootCertStore::empty()).is_err());
}

#[test]
fn a_name_that_no_certificate_can_have_is_refused() {
    let authority = Authority::new();
    let mut client = stream(Role::Initiator);
    client.start_tls_client(noon(), &authority.client(), "not a name");
    let text = failure(&feed(&mut client, noon(), b"", 1));
    assert!(text.contains("not a name"), "{text}");
    assert!(ServerName::try_from("im.example").is_ok());
}
