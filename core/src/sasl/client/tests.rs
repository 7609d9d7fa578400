//! The exchanges that the RFCs print, which need a nonce of a given value.

use super::scram::Scram;
use super::*;
use crate::sasl::scram::Flag;

fn exchange(hash: ScramHash, nonce: &str, messages: [&str; 4]) {
    let credentials = Credentials::Password { username: "user".into(), password: "pencil".into() };
    let (mut scram, first) =
        Scram::start(hash, Flag::Unable, &[], None, &credentials, &Policy::default(), nonce.into()).unwrap();
    assert_eq!(first, messages[0].as_bytes());
    assert_eq!(scram.challenge(messages[1].as_bytes()).unwrap(), messages[2].as_bytes());
    let keys = scram.success(messages[3].as_bytes()).unwrap();
    assert_eq!(keys.iterations, 4096);

    // The keys that this leaves do for the next time.
    let credentials = Credentials::Keys { username: "user".into(), keys };
    let (mut scram, first) =
        Scram::start(hash, Flag::Unable, &[], None, &credentials, &Policy::default(), nonce.into()).unwrap();
    assert_eq!(first, messages[0].as_bytes());
    assert_eq!(scram.challenge(messages[1].as_bytes()).unwrap(), messages[2].as_bytes());
    assert!(scram.success(messages[3].as_bytes()).is_ok());
}

#[test]
fn rfc5802_5_example_of_scram_sha_1() {
    exchange(
        ScramHash::Sha1,
        "fyko+d2lbbFgONRv9qkxdawL",
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
        "rOprNGfwEbeRWgbNEkqO",
        [
            "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        ],
    );
}

#[test]
fn rfc5802_5_1_extensions_of_the_server_are_part_of_what_is_proved() {
    let hash = ScramHash::Sha512;
    let credentials = Credentials::Password { username: "user".into(), password: "pencil".into() };
    let policy = Policy { min_iterations: 1, ..Policy::default() };
    let (mut scram, _) =
        Scram::start(hash, Flag::Unable, &[], None, &credentials, &policy, "abc".into()).unwrap();
    let challenge = "r=abcdef,s=c2FsdA==,i=1,x=y";
    let last = String::from_utf8(scram.challenge(challenge.as_bytes()).unwrap()).unwrap();
    let (without_proof, _) = last.split_once(",p=").unwrap();
    let server_key = hash.server_key(&hash.salted_password(b"pencil", b"salt", 1));
    let signed = format!("n=user,r=abc,{challenge},{without_proof}");
    let signature = crate::sasl::scram::encode(&hash.hmac(&server_key, &[signed.as_bytes()]));
    assert!(scram.success(format!("v={signature},q=q").as_bytes()).is_ok());
}
