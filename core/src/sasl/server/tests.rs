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

#[test]
fn rfc5802_5_1_extensions_of_the_client_are_part_of_what_it_proves() {
    let hash = ScramHash::Sha256;
    let stored = StoredCredentials {
        scram: vec![ScramKeys::from_prepared(hash, b"pencil", b"salt", 1)],
        disabled: false,
    };
    let mut server = ServerSession::start(
        Mechanism::Scram { hash, plus: false },
        "example.com",
        &[],
        &ChannelBindings::default(),
        &[0; 32],
        &mut Entropy::from_seed([0; 32]),
    );
    let bare = "n=user,r=abc,x=y";
    server.response(Some(format!("n,,{bare}").as_bytes()));
    let ServerStep::Challenge(challenge) = server.credentials(Some(stored)) else { panic!() };
    let challenge = String::from_utf8(challenge).unwrap();
    let without_proof = format!("c=biws,{},z=z", challenge.split(',').next().unwrap());
    let salted = hash.salted_password(b"pencil", b"salt", 1);
    let key = hash.client_key(&salted);
    let signed = format!("{bare},{challenge},{without_proof}");
    let signature = hash.hmac(&hash.digest(key.bytes()), &[signed.as_bytes()]);
    let proof = STANDARD.encode(crate::sasl::hash::xor(key.bytes(), &signature));
    let step = server.response(Some(format!("{without_proof},p={proof}").as_bytes()));
    assert!(matches!(step, ServerStep::Success { .. }), "{step:?}");
}

#[test]
fn xep0474_4_3_the_example() {
    let bindings =
        ChannelBindings { tls_exporter: Some(b"THIS IS FAKE CB DATA".to_vec()), tls_server_end_point: None };
    let hash = ScramHash::Sha1;
    let keys = ScramKeys::from_prepared(hash, b"pencil", &STANDARD.decode("QSXCR+Q6sek8bf92").unwrap(), 4096);
    let mut server = ServerSession::start(
        Mechanism::Scram { hash, plus: true },
        "example.org",
        &[],
        &bindings,
        &[0; 32],
        &mut Entropy::from_seed([0; 32]),
    )
    .protect(&["SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"], Some(&["tls-server-end-point", "tls-exporter"]));
    server.context.nonce = "a09117a6-ac50-4f2f-93f1-93799c2bddf6".into();
    server.response(Some(b"p=tls-exporter,,n=user,r=12C4CD5C-E38E-4A98-8F6D-15C38F51CCC6"));
    let challenge = "r=12C4CD5C-E38E-4A98-8F6D-15C38F51CCC6a09117a6-ac50-4f2f-93f1-93799c2bddf6,\
                     s=QSXCR+Q6sek8bf92,i=4096,h=G6k/rBLDqgOhRRaCuuatSDFkJ08=";
    let stored = StoredCredentials { scram: vec![keys], disabled: false };
    assert_eq!(server.credentials(Some(stored)), ServerStep::Challenge(challenge.into()));
    let last = "c=cD10bHMtZXhwb3J0ZXIsLFRISVMgSVMgRkFLRSBDQiBEQVRB,\
                r=12C4CD5C-E38E-4A98-8F6D-15C38F51CCC6a09117a6-ac50-4f2f-93f1-93799c2bddf6,\
                x=19C6532F-1CF4-4A27-A18D-DC9CEA41BBB3,p=M/SIDjT+dfcxUh89jZEypRvFxB4=";
    let data = Some(b"v=MQrMPvv7yv4x4Cq4W4Ih25EqS2c=".to_vec());
    assert_eq!(
        server.response(Some(last.as_bytes())),
        ServerStep::Success { username: Some("user".into()), data }
    );
}
