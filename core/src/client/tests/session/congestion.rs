//! How many attempts there are, and when (RFC 6120 section 3.3; BCP 41, RFC 2914).

use super::*;
use std::collections::BTreeMap;

/// What becomes of an attempt.
#[derive(Clone, Copy)]
enum Server {
    /// There is none.
    Dead,
    /// It takes connections and closes them.
    Closes,
    /// It lets clients in and closes then.
    LetsInAndCloses,
}

/// All attempts that so many sessions make in so many seconds after they were cut at the same moment.
fn attempts(sessions: u32, time: u64, server: Server) -> Vec<u64> {
    let mut all = Vec::new();
    for seed in 0..sessions {
        let mut rig = Rig::online(config(), Reconnect::default(), seed);
        rig.wait(seconds(120));
        let cut = rig.now.instant;
        rig.cut();
        while rig.session.next_attempt().is_some_and(|at| at - cut < seconds(time)) {
            rig.wait_for_attempt();
            match server {
                Server::Dead => rig.failed(),
                Server::Closes => {
                    rig.connected(Security::StartTls);
                    rig.cut();
                }
                Server::LetsInAndCloses => {
                    rig.log_in();
                    rig.cut();
                }
            }
        }
        all.extend(rig.attempts.iter().filter(|at| **at > cut).map(|at| (*at - cut).as_secs()));
    }
    all.sort_unstable();
    all
}

fn per_second(attempts: &[u64]) -> BTreeMap<u64, u32> {
    let mut counts = BTreeMap::new();
    attempts.iter().for_each(|second| *counts.entry(*second).or_default() += 1);
    counts
}

#[test]
fn rfc6120_3_3_a_thousand_clients_cut_at_once_come_back_over_a_minute() {
    let attempts = attempts(1000, 3600, Server::Dead);
    let counts = per_second(&attempts);
    // 1000 in 60 seconds are 17 a second; the second attempts of the first overlap with them.
    let busiest = counts.values().max().copied().unwrap_or_default();
    assert!(busiest <= 40, "{busiest} in one second: {counts:?}");
    let first_minute: Vec<u32> = (0..60).map(|second| counts.get(&second).copied().unwrap_or(0)).collect();
    let quarters: Vec<u32> = first_minute.chunks(15).map(|quarter| quarter.iter().sum()).collect();
    assert!(quarters.iter().all(|quarter| (180..450).contains(quarter)), "{quarters:?}");
    // And ever fewer, while there is no answer.
    let within = |from: u64, to: u64| attempts.iter().filter(|at| (from..to).contains(at)).count();
    let minutes = [within(0, 60), within(300, 360), within(3000, 3060)];
    assert!(minutes[0] > 3 * minutes[1] && minutes[1] > minutes[2], "{minutes:?}");
    assert!(minutes[2] < 300, "3.3 a second are 200 a minute: {minutes:?}");
}

#[test]
fn rfc6120_3_3_a_dead_server_sees_a_client_few_times_an_hour() {
    for seed in 0..200 {
        let mut rig = Rig::new(config(), Reconnect::default(), seed);
        let mut begun = 1;
        while rig.now.instant.since_origin() < seconds(3600) {
            rig.failed();
            rig.wait_for_attempt();
            begun += 1;
        }
        assert!((8..=40).contains(&begun), "{begun} attempts with seed {seed}");
    }
}

#[test]
fn bcp41_a_server_that_accepts_and_closes_is_met_as_seldom_as_a_dead_one() {
    for server in [Server::Closes, Server::LetsInAndCloses] {
        let all = attempts(50, 3600, server);
        assert!(all.len() < 50 * 20, "{} attempts of 50 clients in an hour", all.len());
        assert!(per_second(&all).values().all(|count| *count <= 8), "{all:?}");
    }
}

#[test]
fn bcp41_a_connection_that_lasts_makes_waits_short_again_and_a_login_alone_does_not() {
    let mut rig = Rig::online(config(), Reconnect::default(), 3);
    let mut longest = Duration::ZERO;
    for _ in 0..20 {
        rig.wait(seconds(30));
        rig.cut();
        longest = longest.max(rig.wait_for_attempt());
        rig.log_in();
    }
    assert!(longest > seconds(300), "{longest:?}");
    for _ in 0..20 {
        rig.wait(seconds(60));
        rig.cut();
        assert!(rig.wait_for_attempt() <= seconds(60));
        rig.log_in();
    }
}

#[test]
fn rfc6120_4_6_a_silence_of_ones_own_is_made_good_within_seconds() {
    for seed in 0..50 {
        let mut rig = Rig::online(config(), Reconnect::default(), seed);
        rig.wait(seconds(300));
        rig.wait(seconds(30));
        assert_eq!(rig.session.deadline().map(|deadline| deadline.reason), Some(Reason::Reconnect));
        assert!(rig.wait_for_attempt() <= seconds(5));
    }
}

#[test]
fn bcp41_nothing_makes_attempts_follow_each_other_within_a_second() {
    let mut rig = Rig::online(config(), Reconnect::default(), 1);
    for round in 0..100 {
        rig.cut();
        match round % 3 {
            0 => rig.session.retry_now(rig.now),
            1 => rig.session.network_changed(rig.now),
            _ => {
                rig.session.go_offline(rig.now);
                rig.session.go_online(rig.now);
            }
        }
        rig.sent();
        while rig.dialing.is_none() {
            rig.wait(Duration::from_millis(100));
        }
        rig.log_in();
    }
    let gaps = rig.attempts.windows(2).map(|pair| pair[1] - pair[0]);
    assert!(gaps.clone().all(|gap| gap >= seconds(1)), "{:?}", gaps.min());
    assert!(gaps.skip(1).all(|gap| gap <= seconds(1)), "and they were made at once then");
}
