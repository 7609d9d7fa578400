//! Our client and our server, against each other.

use crate::machine::Entropy;
use crate::sasl::*;

pub(super) const DOMAIN: &str = "example.com";

pub(super) fn entropy(seed: u8) -> Entropy {
    Entropy::from_seed([seed; 32])
}

pub(super) fn bindings() -> ChannelBindings {
    ChannelBindings { tls_exporter: Some(vec![1; 32]), tls_server_end_point: Some(vec![2; 32]) }
}

pub(super) fn password(username: &str, password: &str) -> Credentials {
    Credentials::Password { username: username.into(), password: password.into() }
}

/// Few iterations: tests run unoptimised. Clients get a policy that takes them.
pub(super) const ITERATIONS: u32 = 16;

pub(super) fn lax() -> Policy {
    Policy { min_iterations: 1, ..Policy::default() }
}

pub(super) fn only(mechanism: Mechanism) -> Policy {
    let excluded = Mechanism::ALL.into_iter().filter(|other| *other != mechanism).collect();
    Policy { excluded, ..lax() }
}

pub(super) fn stored(password: &str) -> StoredCredentials {
    StoredCredentials::derive(password, ITERATIONS, &mut entropy(3)).unwrap()
}

/// A server where `alice` has the password `wonderland`; tokens and certificates stand for her too.
pub(super) struct Service {
    pub(super) session: ServerSession,
    pub(super) disabled: bool,
    pub(super) looked_up: Vec<String>,
}

impl Service {
    pub(super) fn new(mechanism: Mechanism, offered: &[Mechanism], bindings: &ChannelBindings) -> Service {
        let session = ServerSession::start(mechanism, DOMAIN, offered, bindings, &[9; 32], &mut entropy(2))
            .decoy_iterations(ITERATIONS);
        Service { session, disabled: false, looked_up: Vec::new() }
    }

    /// Takes a message; answers look-ups and verdicts itself.
    pub(super) fn response(&mut self, message: Option<&[u8]>) -> ServerStep {
        match self.session.response(message) {
            ServerStep::NeedCredentials { username } => {
                let account = (username == "alice")
                    .then(|| StoredCredentials { disabled: self.disabled, ..stored("wonderland") });
                self.looked_up.push(username);
                self.session.credentials(account)
            }
            ServerStep::NeedTokenVerdict { token, .. } => {
                let good = token == "good";
                self.session.verdict(if good { Ok("alice".into()) } else { Err(Condition::NotAuthorized) })
            }
            ServerStep::NeedCertificateVerdict { .. } => self.session.verdict(Ok("alice".into())),
            step => step,
        }
    }
}

/// Runs an exchange to its end, as the streams of both sides would.
pub(super) fn run(
    client: &mut ClientSession,
    start: &Start,
    server: &mut Service,
) -> Result<Option<String>, Condition> {
    let mut step = server.response(start.initial.as_deref());
    loop {
        match step {
            ServerStep::Challenge(challenge) => {
                let answer = client.challenge(&challenge).map_err(|_| Condition::Aborted)?;
                step = server.response(Some(&answer));
            }
            ServerStep::Success { username, data } => {
                client.success(data.as_deref()).map_err(|_| Condition::Aborted)?;
                return Ok(username);
            }
            ServerStep::Failure(condition) => return Err(condition),
            other => panic!("the service answers {other:?} itself"),
        }
    }
}

fn login(mechanism: Mechanism, credentials: &Credentials) -> Result<Option<String>, Condition> {
    let offered = Mechanism::ALL.map(Mechanism::name);
    let (mut client, start) = ClientSession::start(
        &offered,
        credentials,
        &only(mechanism),
        true,
        &bindings(),
        Some(&ChannelBinding::ALL),
        &mut entropy(1),
    )
    .unwrap();
    assert_eq!(start.mechanism, mechanism);
    run(&mut client, &start, &mut Service::new(mechanism, &Mechanism::ALL, &bindings()))
}

fn with_password() -> impl Iterator<Item = Mechanism> {
    Mechanism::ALL
        .into_iter()
        .filter(|mechanism| matches!(mechanism, Mechanism::Scram { .. } | Mechanism::Plain))
}

#[test]
fn rfc6120_6_4_every_mechanism_with_a_password_logs_in() {
    for mechanism in with_password() {
        assert_eq!(
            login(mechanism, &password("alice", "wonderland")),
            Ok(Some("alice".into())),
            "{mechanism:?}"
        );
    }
}

#[test]
fn rfc6120_6_5_10_wrong_password_and_unknown_user_fail_alike() {
    for mechanism in with_password() {
        for (username, secret) in
            [("alice", "wrong"), ("nobody", "wonderland"), ("a b", "wonderland"), ("a@b", "x")]
        {
            assert_eq!(
                login(mechanism, &password(username, secret)),
                Err(Condition::NotAuthorized),
                "{mechanism:?} {username}"
            );
        }
    }
}

#[test]
fn rfc4505_rfc4422_rfc7628_the_other_mechanisms_log_in() {
    assert_eq!(login(Mechanism::Anonymous, &Credentials::Anonymous), Ok(None));
    assert_eq!(login(Mechanism::External, &Credentials::External), Ok(Some("alice".into())));
    let token = |token: &str| Credentials::Token { username: "alice".into(), token: token.into() };
    assert_eq!(login(Mechanism::OAuthBearer, &token("good")), Ok(Some("alice".into())));
    assert_eq!(login(Mechanism::OAuthBearer, &token("bad")), Err(Condition::NotAuthorized));
}
