//! Servers that want to see us elsewhere (RFC 6120 section 4.9.3.19).

use super::*;

fn elsewhere(host: &str) -> String {
    format!(
        "<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>{host}</see-other-host>\
         </stream:error></stream:stream>"
    )
}

/// A session whose first connection ends with this redirection, said behind TLS.
fn redirected(there: &str) -> Rig {
    let mut rig = Rig::new(outside(), Reconnect::default(), 1);
    rig.connected(Security::Direct);
    rig.server(&format!("{HEADER}{}", elsewhere(there)));
    rig
}

#[test]
fn rfc6120_4_9_3_19_behind_tls_it_is_followed_after_a_second() {
    for (there, target) in [
        ("im2.example.com", Target::Client("im2.example.com".into())),
        ("im2.example.com:9222", host("im2.example.com", 9222, Security::Direct)),
        ("[2001:41D0:1:A49b::1]:9222", host("[2001:41d0:1:a49b::1]", 9222, Security::Direct)),
    ] {
        let mut rig = redirected(there);
        assert!(
            matches!(rig.event(), Event::Offline { error: Some(error), .. } if error.see_other_host() == Some(there))
        );
        assert_eq!(rig.wait_for_attempt(), seconds(1));
        assert_eq!(rig.dialing, Some(vec![target]));
        let header = rig.connected(Security::Direct);
        assert!(header.contains(" to='example.com'"), "the domain stays the same: {header}");
    }
}

#[test]
fn rfc6120_4_9_3_19_in_clear_it_is_not_followed() {
    let mut config = outside();
    config.tls = TlsMode::StartTlsOutside;
    let mut rig = Rig::new(config, Reconnect::default(), 1);
    rig.connected(Security::StartTls);
    rig.server(&format!("{HEADER}{}", elsewhere("evil.example")));
    rig.wait_for_attempt();
    assert_eq!(rig.dialing, Some(domain()));
}

#[test]
fn rfc6120_4_9_3_19_redirections_in_a_row_are_bounded() {
    let mut rig = redirected("im0.example.com:1");
    let mut hosts = Vec::new();
    for n in 1..40 {
        rig.wait_for_attempt();
        hosts.push(rig.dialing.clone().unwrap());
        rig.connected(Security::Direct);
        rig.server(&format!("{HEADER}{}", elsewhere(&format!("im{n}.example.com:1"))));
    }
    // Three hops, then the domain again after a back-off, and so on.
    let chunks: Vec<_> = hosts.chunks(4).collect();
    for chunk in &chunks[..9] {
        assert!(chunk[..3].iter().all(|targets| *targets != domain()), "{chunk:?}");
        assert_eq!(chunk[3], domain());
    }
    let time = rig.now.instant.since_origin();
    assert!(time > seconds(1000), "back-off holds for those who are sent around: {time:?}");
}

#[test]
fn rfc6120_4_9_3_19_who_is_sent_away_after_each_login_does_not_run_in_circles() {
    let mut rig = redirected("im0.example.com:1");
    for n in 0..40 {
        rig.wait_for_attempt();
        rig.log_in();
        rig.server(&elsewhere(&format!("im{n}.example.com:1")));
    }
    assert!(rig.now.instant.since_origin() > seconds(1000));
}

#[test]
fn rfc6120_4_9_3_19_a_host_that_is_none_or_does_not_answer_leads_back() {
    for nonsense in ["", "not a host", "host:0", "user@host"] {
        let mut rig = redirected(nonsense);
        rig.wait_for_attempt();
        assert_eq!(rig.dialing, Some(domain()), "{nonsense:?}");
    }
    let mut rig = redirected("im2.example.com");
    rig.wait_for_attempt();
    rig.dialing = None;
    // What is final of the account's own domain is not of another.
    rig.session.dial_failed(rig.now, &Failure::NotOffered);
    rig.wait_for_attempt();
    assert_eq!(rig.dialing, Some(domain()));
}

#[test]
fn rfc6120_4_9_3_19_the_next_connection_begins_at_the_domain_again() {
    let mut rig = redirected("im2.example.com:5222");
    rig.wait_for_attempt();
    rig.log_in();
    rig.wait(seconds(100));
    rig.cut();
    rig.wait_for_attempt();
    assert_eq!(rig.dialing, Some(domain()));
}
