//! Direct TLS that does not come about (XEP-0368 section 4).

use super::*;

fn without_direct() -> Vec<Target> {
    vec![Target::ClientStartTls("example.com".into())]
}

/// A session whose first connection ends with this before TLS stands.
fn ended(policy: Reconnect, security: Security, error: Error) -> Rig {
    let mut rig = Rig::new(config(), policy, 1);
    fails(&mut rig, security, error);
    rig
}

fn fails(rig: &mut Rig, security: Security, error: Error) {
    assert!(rig.dialing.take().is_some());
    rig.session.connected(rig.now, security).unwrap();
    rig.session.client_mut().cut(Err(error));
    rig.sent();
}

fn broken() -> Error {
    Error::Tls("ended with the alert NoApplicationProtocol".into())
}

#[test]
fn xep0368_4_starttls_is_next_where_direct_tls_fails() {
    // Also for somebody who sits in front of it.
    let policy = Reconnect { from_the_start: false, ..Reconnect::default() };
    let mut rig = ended(policy, Security::Direct, broken());
    assert!(matches!(rig.event(), Event::Offline { error: Some(error), .. } if error == broken()));
    assert_eq!(rig.wait_for_attempt(), seconds(1));
    assert_eq!(rig.dialing, Some(without_direct()));
    rig.log_in();
    // It stays so, until the network is another or STARTTLS fails as well.
    rig.cut();
    rig.wait_for_attempt();
    assert_eq!(rig.dialing, Some(without_direct()));
    rig.failed();
    rig.wait_for_attempt();
    assert_eq!(rig.dialing, Some(domain()));
    fails(&mut rig, Security::Direct, broken());
    rig.session.network_changed(rig.now);
    rig.wait_for_attempt();
    assert_eq!(rig.dialing, Some(domain()));
}

#[test]
fn xep0368_4_a_network_that_breaks_direct_tls_leads_to_starttls_after_a_while() {
    let mut rig =
        ended(Reconnect::default(), Security::Direct, Error::Environment(Environment::Disconnected));
    rig.wait_for_attempt();
    assert_eq!(rig.dialing, Some(without_direct()));
    fails(&mut rig, Security::StartTls, Error::Environment(Environment::Disconnected));
    rig.wait_for_attempt();
    assert_eq!(rig.dialing, Some(domain()), "it may have been the server");
}

#[test]
fn rfc6120_13_7_2_a_wrong_certificate_is_the_end() {
    for security in [Security::Direct, Security::StartTls] {
        let error = Error::Certificate("it is another's".into());
        assert_eq!(ended(Reconnect::default(), security, error.clone()).end(), Err(error));
    }
    // So is TLS that fails where there is nothing else.
    assert_eq!(ended(Reconnect::default(), Security::StartTls, broken()).end(), Err(broken()));
    let targets = vec![host("192.0.2.1", 5223, Security::Direct)];
    let policy = Reconnect { targets, ..Reconnect::default() };
    assert_eq!(ended(policy, Security::Direct, broken()).end(), Err(broken()));
    let mut rig = ended(Reconnect::default(), Security::Direct, broken());
    rig.wait_for_attempt();
    rig.dialing = None;
    rig.session.dial_failed(rig.now, &Failure::NotOffered);
    assert_eq!(rig.end(), Err(broken()));
}

#[test]
fn xep0368_4_of_the_owners_targets_those_with_starttls_are_left() {
    let starttls = host("192.0.2.1", 5222, Security::StartTls);
    let targets = vec![host("192.0.2.1", 5223, Security::Direct), starttls.clone()];
    let policy = Reconnect { targets, ..Reconnect::default() };
    let mut rig = ended(policy, Security::Direct, broken());
    rig.wait_for_attempt();
    assert_eq!(rig.dialing, Some(vec![starttls]));
    rig.failed();
    rig.wait_for_attempt();
    assert_eq!(rig.dialing.map(|targets| targets.len()), Some(2), "nobody there is nothing final");
}
