//! The exchanges that the RFCs print, which need a nonce of a given value.

use super::*;
use crate::sasl::ScramHash;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

fn exchange(hash: ScramHash, nonce: &str, salt: &str, messages: [&str; 4]) {
    let salt = STANDARD.decode(salt).unwrap();
    let keys = ScramKeys::from_prepared(hash, b"pencil", &salt, 4096);
    let stored = StoredCredentials { scram: vec![keys], disabled: false };
    let mut server = ServerSession::start(
        Mechanism::Scram { hash, plus: false },
        "example.com",
        &[],
        &ChannelBindings::default(),
        &[0; 32],
        &mut Entropy::from_seed([0; 32]),
    );
    server.context.nonce = nonce.into();
    let step = server.response(Some(messages[0].as_bytes()));
    assert_eq!(step, ServerStep::NeedCredentials { username: "user".into() });
    assert_eq!(server.credentials(Some(stored)), ServerStep::Challenge(messages[1].into()));
    let success = ServerStep::Success { username: Some("user".into()), data: Some(messages[3].into()) };
    assert_eq!(server.response(Some(messages[2].as_bytes())), success);
}

#[test]
fn rfc5802_5_example_of_scram_sha_1() {
    exchange(
        ScramHash::Sha1,
        "3rfcNHYJY1ZVvWVs7j",
        "QSXCR+Q6sek8bf92",
        [
            "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
            "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
            "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
            "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
        ],
    );
}

#[test]
fn rfc7677_3_example_of_scram_sha_256() {
    exchange(
        ScramHash::Sha256,
        "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
        "W22ZaJ0SNY7soEsUEjb6gQ==",
        [
            "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        ],
    );
}
