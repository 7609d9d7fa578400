//! Which mechanism a client chooses, and how it binds it.

use super::pair::{bindings, entropy, password};
use crate::sasl::*;

const EVERYTHING: [&str; 10] = [
    "PLAIN",
    "ANONYMOUS",
    "OAUTHBEARER",
    "EXTERNAL",
    "SCRAM-SHA-1",
    "SCRAM-SHA-256",
    "SCRAM-SHA-512",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-512-PLUS",
];

struct Case<'a> {
    offered: &'a [&'a str],
    policy: Policy,
    secure: bool,
    bindings: ChannelBindings,
    announced: Option<&'a [ChannelBinding]>,
    sasl2: bool,
}

impl Default for Case<'_> {
    fn default() -> Self {
        Case {
            offered: &EVERYTHING,
            policy: Policy::default(),
            secure: true,
            bindings: bindings(),
            announced: None,
            sasl2: false,
        }
    }
}

impl Case<'_> {
    /// The mechanism, and the gs2 flag if there is one.
    fn choose(&self, credentials: &Credentials) -> Result<(&'static str, String), SelectError> {
        let names = self.announced.map(|kinds| kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>());
        let attempt = Attempt {
            offered: self.offered,
            secure: self.secure,
            bindings: &self.bindings,
            server_bindings: names.as_deref(),
            sasl2: self.sasl2,
            authzid: None,
        };
        let (_, start) = attempt.start(credentials, &self.policy, &mut entropy(1))?;
        let initial = String::from_utf8(start.initial.unwrap()).unwrap();
        let flag = initial.split_once(',').map(|(flag, _)| flag.to_owned()).unwrap_or_default();
        Ok((start.mechanism.name(), flag))
    }

    fn password(&self) -> Result<(&'static str, String), SelectError> {
        self.choose(&password("alice", "wonderland"))
    }
}

fn chosen(mechanism: &'static str, flag: &str) -> Result<(&'static str, String), SelectError> {
    Ok((mechanism, flag.to_owned()))
}

#[test]
fn rfc5802_9_the_strongest_mechanism_is_chosen_and_the_next_once_it_is_excluded() {
    let order = [
        ("SCRAM-SHA-512-PLUS", "p=tls-exporter"),
        ("SCRAM-SHA-256-PLUS", "p=tls-exporter"),
        ("SCRAM-SHA-1-PLUS", "p=tls-exporter"),
        ("SCRAM-SHA-512", "n"),
        ("SCRAM-SHA-256", "n"),
        ("SCRAM-SHA-1", "n"),
        ("PLAIN", ""),
    ];
    let announced = Some([ChannelBinding::TlsExporter].as_slice());
    let mut case = Case { announced, ..Case::default() };
    for (mechanism, flag) in order {
        assert_eq!(case.password(), chosen(mechanism, flag));
        case.policy.excluded.push(Mechanism::from_name(mechanism).unwrap());
    }
    assert_eq!(case.password(), Err(SelectError::BelowFloor));
}

#[test]
fn rfc4422_credentials_decide_what_can_be_chosen() {
    let case = Case::default();
    let token = Credentials::Token { username: "alice".into(), token: "t".into() };
    assert_eq!(case.choose(&token).unwrap().0, "OAUTHBEARER");
    assert_eq!(case.choose(&Credentials::External).unwrap().0, "EXTERNAL");
    assert_eq!(case.choose(&Credentials::Anonymous).unwrap().0, "ANONYMOUS");
    let case = Case { offered: &["PLAIN", "X-UNKNOWN", "", "scram-sha-1"], ..Case::default() };
    assert_eq!(case.choose(&token), Err(SelectError::NothingInCommon));
    assert_eq!(case.password().unwrap().0, "PLAIN");
    assert_eq!(Case { offered: &[], ..Case::default() }.password(), Err(SelectError::NothingInCommon));
}

#[test]
fn rfc6120_13_8_the_policys_floor_holds() {
    let plain =
        |policy: Policy, secure| Case { offered: &["PLAIN"], policy, secure, ..Case::default() }.password();
    assert_eq!(plain(Policy::default(), true).unwrap().0, "PLAIN");
    assert_eq!(plain(Policy::default(), false), Err(SelectError::BelowFloor));
    assert_eq!(
        plain(Policy { plain_over_tls: false, ..Policy::default() }, true),
        Err(SelectError::BelowFloor)
    );
    assert_eq!(plain(Policy { plain_without_tls: true, ..Policy::default() }, false).unwrap().0, "PLAIN");

    let policy = Policy { min_hash: ScramHash::Sha256, plain_over_tls: false, ..Policy::default() };
    let weak = Case { offered: &["SCRAM-SHA-1", "SCRAM-SHA-1-PLUS", "PLAIN"], policy, ..Case::default() };
    assert_eq!(weak.password(), Err(SelectError::BelowFloor));

    let policy = Policy { require_channel_binding: true, ..Policy::default() };
    let unbound = Case { offered: &["SCRAM-SHA-512", "PLAIN"], policy: policy.clone(), ..Case::default() };
    assert_eq!(unbound.password(), Err(SelectError::BelowFloor));
    let bound = Case { policy, ..Case::default() };
    assert_eq!(bound.password().unwrap().0, "SCRAM-SHA-512-PLUS");
    assert_eq!(bound.choose(&Credentials::External).unwrap().0, "EXTERNAL");
    assert_eq!(bound.choose(&Credentials::Anonymous), Err(SelectError::BelowFloor));
}

#[test]
fn rfc5802_6_the_flag_says_what_the_client_can_and_believes() {
    let unoffered = Case { offered: &["SCRAM-SHA-1"], ..Case::default() };
    assert_eq!(unoffered.password(), chosen("SCRAM-SHA-1", "y"));
    let unable = Case { bindings: ChannelBindings::default(), ..Case::default() };
    assert_eq!(unable.password(), chosen("SCRAM-SHA-512", "n"));
    let made_up = Case { offered: &["SCRAM-SHA-1", "X-PLUS"], ..Case::default() };
    assert_eq!(made_up.password(), chosen("SCRAM-SHA-1", "y"), "a made-up -PLUS must not hide the downgrade");
    let policy = Policy { min_hash: ScramHash::Sha256, ..Policy::default() };
    let weaker = Case { offered: &["SCRAM-SHA-256", "SCRAM-SHA-1-PLUS"], policy, ..Case::default() };
    assert_eq!(weaker.password(), chosen("SCRAM-SHA-256", "y"));
}

#[test]
fn xep0440_the_strongest_common_kind_is_used_and_contradictions_are_refused() {
    use ChannelBinding::{TlsExporter, TlsServerEndPoint};
    let (exporter, end_point) = ("p=tls-exporter", "p=tls-server-end-point");
    let only_end_point = ChannelBindings { tls_exporter: None, ..bindings() };
    let only_exporter = ChannelBindings { tls_server_end_point: None, ..bindings() };
    let flag = |bindings: &ChannelBindings, announced: Option<&[ChannelBinding]>| {
        let case = Case { bindings: bindings.clone(), announced, ..Case::default() };
        case.password().map(|(_, flag)| flag)
    };
    let both = bindings();
    assert_eq!(flag(&both, Some(&[TlsServerEndPoint, TlsExporter])).as_deref(), Ok(exporter));
    assert_eq!(flag(&both, Some(&[TlsServerEndPoint])).as_deref(), Ok(end_point));
    assert_eq!(flag(&only_end_point, Some(&[TlsExporter, TlsServerEndPoint])).as_deref(), Ok(end_point));
    assert_eq!(flag(&only_exporter, Some(&[TlsServerEndPoint])).as_deref(), Ok("n"));
    // Rule 6: every server has tls-server-end-point. Without it only SCRAM goes on, since the server says there what it has
    // offered (XEP-0474 section 5), and only with those who can do without a binding.
    assert_eq!(flag(&only_end_point, Some(&[TlsExporter])).as_deref(), Ok("n"));
    for (offered, required) in
        [(["SCRAM-SHA-1-PLUS", "PLAIN"], false), (["SCRAM-SHA-1-PLUS", "SCRAM-SHA-1"], true)]
    {
        let mut case = Case { offered: &offered, announced: Some(&[TlsExporter]), ..Case::default() };
        case.bindings = only_end_point.clone();
        case.policy.require_channel_binding = required;
        assert_eq!(case.password(), Err(SelectError::Downgrade), "{offered:?}");
    }
    // Nor where `-PLUS` would not be chosen anyway.
    let mut case = Case { announced: Some(&[TlsExporter]), bindings: only_end_point, ..Case::default() };
    case.offered = &["SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"];
    case.policy.min_hash = ScramHash::Sha256;
    case.policy.excluded = vec![Mechanism::Scram { hash: ScramHash::Sha256, plus: true }];
    assert_eq!(case.password(), chosen("SCRAM-SHA-256", "n"));
    // Rule 4: no kinds at all.
    assert_eq!(flag(&both, Some(&[])), Err(SelectError::Downgrade));
    let silent = |offered, sasl2| Case { offered, sasl2, ..Case::default() }.password();
    assert_eq!(silent(&["SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"], true), Err(SelectError::Downgrade));
    assert_eq!(silent(&["SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"], false), chosen("SCRAM-SHA-1", "n"));
    assert_eq!(silent(&["SCRAM-SHA-1"], true), chosen("SCRAM-SHA-1", "y"));
    // Rule 5: kinds, but no mechanism to use them with.
    let stripped =
        Case { offered: &["SCRAM-SHA-256", "PLAIN"], announced: Some(&[TlsExporter]), ..Case::default() };
    assert_eq!(stripped.password(), Err(SelectError::Downgrade));
    // Neither concerns those who do not use SCRAM, or cannot bind.
    assert_eq!(stripped.choose(&Credentials::Anonymous), Err(SelectError::NothingInCommon));
    let plain = Case { offered: &["PLAIN"], announced: Some(&[TlsExporter]), ..Case::default() };
    assert_eq!(plain.password().unwrap().0, "PLAIN");
    let unable = Case { bindings: ChannelBindings::default(), announced: Some(&[]), ..Case::default() };
    assert_eq!(unable.password(), chosen("SCRAM-SHA-512", "n"));
}

#[test]
fn xep0440_where_the_server_announces_no_kinds_only_who_requires_binding_guesses() {
    let required = Policy { require_channel_binding: true, ..Policy::default() };
    let end_point = ChannelBindings { tls_exporter: None, ..bindings() };
    let guess = |bindings| Case { policy: required.clone(), bindings, ..Case::default() }.password();
    assert_eq!(guess(bindings()), chosen("SCRAM-SHA-512-PLUS", "p=tls-exporter"));
    assert_eq!(guess(end_point), chosen("SCRAM-SHA-512-PLUS", "p=tls-server-end-point"));
    // Anybody else logs in, and does not claim that there was no offer.
    assert_eq!(Case::default().password(), chosen("SCRAM-SHA-512", "n"));
    let only_plus = Case { offered: &["SCRAM-SHA-1-PLUS"], ..Case::default() };
    assert_eq!(only_plus.password(), Err(SelectError::NothingInCommon));
}

#[test]
fn rfc4013_credentials_that_cannot_be_prepared_begin_nothing() {
    for offered in [["SCRAM-SHA-1"], ["PLAIN"]] {
        let case = Case { offered: &offered, ..Case::default() };
        for (username, secret) in [("", "x"), ("alice", ""), ("ali\0ce", "x"), ("alice", "a\0b")] {
            assert_eq!(
                case.choose(&password(username, secret)),
                Err(SelectError::BadCredentials),
                "{offered:?} {username:?} {secret:?}"
            );
        }
    }
    for token in ["", "a b", "a\x01b", "\u{e9}"] {
        let credentials = Credentials::Token { username: "alice".into(), token: token.into() };
        assert_eq!(Case::default().choose(&credentials), Err(SelectError::BadCredentials), "{token:?}");
    }
}
