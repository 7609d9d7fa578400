//! What ends a session, and what does not.

use super::*;
use crate::client::{Missing, Refused};
use crate::sasl::ChannelBindings;
use crate::stream::Condition;

/// Ends a fresh session's first login with this answer to `<auth/>`.
fn refused(condition: &str) -> Rig {
    let mut rig = Rig::new(config(), Reconnect::default(), 1);
    rig.connected(Security::StartTls);
    rig.server(&format!("{HEADER}{}", features(&mechanisms(&["PLAIN"]))));
    rig.server(&format!("<failure xmlns='{SASL}'><{condition}/></failure>"));
    rig.server("</stream:stream>");
    rig
}

#[test]
fn rfc6120_6_5_a_refused_password_is_never_tried_again() {
    let mut rig = refused("not-authorized");
    assert!(matches!(rig.end(), Err(Error::Refused(Refused::Credentials { .. }))));
    assert_eq!(rig.attempts.len(), 1);
}

#[test]
fn xep0474_5_who_has_logged_in_with_scram_does_not_give_the_password_away() {
    let scram = Mechanism::Scram { hash: ScramHash::Sha256, plus: false };
    let mut rig = Rig::new(config(), Reconnect::default(), 1);
    rig.connected(Security::StartTls);
    let auth = rig.server(&format!("{HEADER}{}", features(&mechanisms(&["PLAIN", "SCRAM-SHA-256"]))));
    let mut server = Scram::new(scram, "r0m30myr0m30", &[scram], &ChannelBindings::default());
    let response = rig.server(&server.answer(&auth));
    assert!(rig.server(&server.answer(&response)).contains("<stream:stream "));
    rig.cut();
    rig.wait_for_attempt();
    rig.connected(Security::StartTls);
    assert_eq!(rig.server(&format!("{HEADER}{}", features(&mechanisms(&["PLAIN"])))), "</stream:stream>");
    rig.server("</stream:stream>");
    assert_eq!(rig.end(), Err(Error::Missing(Missing::StrongMechanism(vec!["PLAIN".into()]))));
}

#[test]
fn rfc6120_6_5_11_a_server_that_cannot_check_it_now_is_asked_later() {
    let mut rig = refused("temporary-auth-failure");
    assert!(rig.wait_for_attempt() >= seconds(1));
    rig.log_in();
}

#[test]
fn rfc6120_4_9_3_what_does_not_pass_ends_it() {
    for condition in ["conflict", "policy-violation", "host-gone", "not-authorized", "invalid-xml"] {
        let mut rig = Rig::online(outside(), Reconnect::default(), 1);
        rig.server(&stream_error(condition));
        match rig.end() {
            Err(Error::Stream(error)) => assert_eq!(error.condition().name(), condition),
            other => panic!("{condition}: {other:?}"),
        }
    }
}

#[test]
fn rfc6120_4_9_3_20_a_server_that_stops_is_waited_for() {
    for condition in ["system-shutdown", "reset", "resource-constraint", "internal-server-error"] {
        let mut rig = Rig::online(outside(), Reconnect::default(), 1);
        rig.server(&stream_error(condition));
        assert!(matches!(
            rig.events().as_slice(),
            [Event::Online(_), Event::Offline { error: Some(Error::Stream(_)), until: Some(_) }]
        ));
        rig.wait_for_attempt();
        rig.log_in();
    }
}

#[test]
fn rfc6120_13_who_was_online_is_not_ended_by_what_is_said_in_clear() {
    let mut config = outside();
    config.tls = TlsMode::StartTlsOutside;
    // A stranger in the way of the first login is believed: there is nobody yet to tell it from.
    let said = format!("{HEADER}{}", stream_error("host-unknown"));
    let mut rig = Rig::new(config, Reconnect::default(), 1);
    rig.connected(Security::StartTls);
    rig.server(&said);
    assert!(matches!(rig.end(), Err(Error::Stream(error)) if *error.condition() == Condition::HostUnknown));

    for said in [said.as_str(), "HTTP/1.1 302 Found\r\n\r\n"] {
        let mut rig = Rig::online(outside(), Reconnect::default(), 1);
        rig.cut();
        rig.wait_for_attempt();
        rig.connected(Security::StartTls);
        rig.server(said);
        rig.cut();
        rig.wait_for_attempt();
        rig.log_in();
    }
}

#[test]
fn rfc6120_3_2_a_domain_without_a_server_ends_it() {
    for failure in [Failure::NotOffered, Failure::BadName] {
        let mut rig = Rig::new(config(), Reconnect::default(), 1);
        rig.dialing = None;
        rig.session.dial_failed(rig.now, &failure);
        assert_eq!(rig.end(), Err(Error::Missing(Missing::Server(failure.to_string()))));
    }
    for failure in [Failure::Unresolved, Failure::NoAddress, unreachable(), Failure::Timeout] {
        let mut rig = Rig::new(config(), Reconnect::default(), 1);
        rig.dialing = None;
        rig.session.dial_failed(rig.now, &failure);
        rig.wait_for_attempt();
    }
}

#[test]
fn who_sits_in_front_of_it_learns_at_once_why_it_does_not_begin() {
    let policy = Reconnect { from_the_start: false, ..Reconnect::default() };
    let mut rig = Rig::new(config(), policy.clone(), 1);
    rig.failed();
    assert!(matches!(rig.end(), Err(Error::Environment(Environment::Unreachable(_)))));
    // Once it was online it stays.
    let mut rig = Rig::online(config(), policy, 1);
    rig.cut();
    rig.wait_for_attempt();
    rig.failed();
    rig.wait_for_attempt();
}

#[test]
fn patience_ends_where_the_owner_says_so() {
    let policy = Reconnect { give_up_after: Some(seconds(1800)), ..Reconnect::default() };
    let mut rig = Rig::online(config(), policy, 1);
    rig.wait(seconds(7200));
    let cut = rig.now.instant;
    rig.cut();
    while !rig.session.is_over() {
        rig.wait_for_attempt();
        rig.failed();
    }
    assert!(matches!(rig.end(), Err(Error::Environment(Environment::Unreachable(_)))));
    let last = *rig.attempts.last().unwrap() - cut;
    assert!((seconds(900)..=seconds(1800)).contains(&last), "{last:?}");
}

#[test]
fn a_server_that_says_nothing_is_given_up_and_met_again() {
    let mut rig = Rig::new(config(), Reconnect::default(), 1);
    rig.connected(Security::StartTls);
    let deadline = rig.session.deadline().unwrap();
    assert_eq!(deadline.reason, Reason::Negotiation);
    rig.wait(seconds(30));
    rig.cut();
    rig.wait_for_attempt();
}

#[test]
fn who_closes_the_client_has_closed_the_session() {
    let mut rig = Rig::online(config(), Reconnect::default(), 1);
    rig.session.client_mut().close(rig.now);
    assert_eq!(rig.sent(), "</stream:stream>");
    rig.server("</stream:stream>");
    assert_eq!(rig.end(), Ok(()));
}
