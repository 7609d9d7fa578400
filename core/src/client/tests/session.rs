//! Sessions: the owner's side of the contract, with a scripted server and a network that is whatever the test says.

mod congestion;
mod direct_tls;
mod ends;
mod messages;
mod redirection;
mod resumption;
mod wishes;

use super::*;
use crate::client::session::{Action, Reconnect, Session};
use crate::dns::{Failure, Security, Target};
use crate::stanza::Message;

/// A session, and what its owner has seen.
struct Rig {
    session: Session,
    now: Now,
    events: Vec<Event>,
    /// Where it wanted to be connected to, and has not been answered.
    dialing: Option<Vec<Target>>,
    /// When it wanted that, since the beginning.
    attempts: Vec<Instant>,
}

fn domain() -> Vec<Target> {
    vec![Target::Client("example.com".into())]
}

fn host(host: &str, port: u16, security: Security) -> Target {
    Target::Host { host: host.into(), port, security }
}

fn unreachable() -> Failure {
    Failure::Unreachable(Vec::new())
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn stream_error(condition: &str) -> String {
    format!(
        "<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"
    )
}

/// TLS is up to the owner, who does it with a stroke of the pen.
fn outside() -> Config {
    let mut config = config();
    config.tls = TlsMode::Outside;
    config
}

impl Rig {
    fn new(config: Config, policy: Reconnect, seed: u32) -> Rig {
        let mut bytes = [7; 32];
        bytes[..4].copy_from_slice(&seed.to_be_bytes());
        let now = start_of_time();
        let session = Session::new(config, policy, now, Entropy::from_seed(bytes));
        let mut rig = Rig { session, now, events: Vec::new(), dialing: None, attempts: Vec::new() };
        rig.sent();
        rig
    }

    /// One that is online.
    fn online(config: Config, policy: Reconnect, seed: u32) -> Rig {
        let mut rig = Rig::new(config, policy, seed);
        rig.log_in();
        rig
    }

    /// Everything it has to say now.
    fn sent(&mut self) -> String {
        let mut out = Vec::new();
        loop {
            let bytes = self.session.transmit(&mut out);
            let event = self.session.poll_event();
            let action = self.session.poll_action();
            if bytes == 0 && event.is_none() && action.is_none() {
                return String::from_utf8(out).unwrap();
            }
            self.events.extend(event);
            match action {
                Some(Action::Dial(targets)) => {
                    assert_eq!(self.dialing, None, "one at a time");
                    self.dialing = Some(targets);
                    self.attempts.push(self.now.instant);
                }
                Some(Action::Abort) => assert!(self.dialing.take().is_some(), "nothing to abort"),
                None => {}
            }
        }
    }

    fn server(&mut self, says: &str) -> String {
        self.session.receive(self.now, says.as_bytes());
        self.sent()
    }

    /// The owner has got through.
    fn connected(&mut self, security: Security) -> String {
        assert!(self.dialing.take().is_some(), "no connection was asked for");
        self.session.connected(self.now, security).unwrap();
        if matches!(self.session.client().config.tls, TlsMode::Outside) {
            self.session.client_mut().secured(self.now, TlsInfo::default()).unwrap();
        }
        self.sent()
    }

    fn failed(&mut self) {
        assert!(self.dialing.take().is_some(), "no connection was asked for");
        self.session.dial_failed(self.now, &unreachable());
        self.sent();
    }

    /// A fresh connection, up to `<success/>` and the new stream.
    fn authenticate(&mut self) {
        self.connected(Security::Direct);
        self.server(&format!("{HEADER}{}", features(&mechanisms(&["PLAIN"]))));
        self.server(&format!("<success xmlns='{SASL}'/>"));
    }

    /// A fresh connection and a new session on it. What comes first then.
    fn log_in(&mut self) -> String {
        self.authenticate();
        let request = self.server(&format!("{HEADER}{}", features(BIND)));
        let id = attr(&request, "id");
        let sent = self.server(&format!(
            "<iq type='result' id='{id}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>{JID}</jid></bind></iq>"
        ));
        assert!(self.session.is_online());
        sent
    }

    /// The connection breaks.
    fn cut(&mut self) {
        self.session.receive_eof(self.now);
        self.sent();
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now.after(time);
        self.session.tick(self.now);
        self.sent();
    }

    /// Waits for the next attempt. How long that took.
    fn wait_for_attempt(&mut self) -> Duration {
        let deadline = self.session.deadline().expect("there is no next attempt");
        assert_eq!(deadline.reason, Reason::Reconnect);
        assert_eq!(self.session.next_attempt(), Some(deadline.at));
        let wait = deadline.at - self.now.instant;
        self.wait(wait);
        assert!(self.dialing.is_some());
        wait
    }

    fn events(&mut self) -> Vec<Event> {
        self.sent();
        core::mem::take(&mut self.events)
    }

    fn event(&mut self) -> Event {
        let mut events = self.events();
        assert_eq!(events.len(), 1, "{events:?}");
        events.remove(0)
    }

    /// How it ended; nothing may come behind.
    fn end(&mut self) -> Result<(), Error> {
        let events = self.events();
        assert!(self.session.is_over() && self.session.is_finished());
        assert_eq!((self.session.deadline(), &self.dialing), (None, &None));
        let ends = events.iter().filter(|event| matches!(event, Event::Closed(_))).count();
        assert_eq!(ends, 1, "{events:?}");
        match events.into_iter().next_back() {
            Some(Event::Closed(end)) => end,
            other => panic!("not the last event: {other:?}"),
        }
    }
}

#[test]
fn a_session_asks_for_a_connection_at_once_and_for_another_when_that_breaks() {
    let mut rig = Rig::new(config(), Reconnect::default(), 1);
    assert_eq!(rig.dialing, Some(domain()));
    assert!(rig.session.is_finished(), "there is no connection");
    assert_eq!(rig.session.deadline(), None, "that is the owner's turn");
    assert_eq!(rig.session.connected(rig.now, Security::StartTls), Ok(()));
    rig.dialing = None;
    assert!(!rig.session.is_finished());
    assert!(rig.sent().starts_with("<?xml"));
    rig.cut();
    assert!(rig.session.is_finished());
    let until = rig.session.next_attempt().expect("it tries again");
    let error = Some(Error::Environment(Environment::Disconnected));
    assert_eq!(rig.event(), Event::Offline { error, until: Some(until) });
    rig.wait_for_attempt();
    assert_eq!(rig.dialing, Some(domain()));
    rig.log_in();
    assert!(matches!(rig.event(), Event::Online(_)));
}

#[test]
fn connections_nobody_wants_are_refused() {
    let mut rig = Rig::online(config(), Reconnect::default(), 1);
    assert_eq!(rig.session.connected(rig.now, Security::StartTls), Err(Misuse::NotDialing));
    rig.session.dial_failed(rig.now, &unreachable());
    assert!(rig.session.is_online());
    rig.cut();
    assert_eq!(rig.session.connected(rig.now, Security::StartTls), Err(Misuse::NotDialing));
}

#[test]
fn targets_of_the_owners_take_the_place_of_the_domain() {
    let own = vec![host("192.0.2.1", 5223, Security::Direct), host("im.example.com", 443, Security::Direct)];
    let mut policy = Reconnect::default();
    policy.targets.clone_from(&own);
    let mut rig = Rig::new(config(), policy, 1);
    assert_eq!(rig.dialing, Some(own));
    rig.failed();
}

#[test]
fn same_entropy_same_session() {
    let run = |seed| {
        let mut rig = Rig::new(config(), Reconnect::default(), seed);
        for _ in 0..10 {
            rig.failed();
            rig.wait_for_attempt();
        }
        let bytes = rig.connected(Security::StartTls);
        (rig.attempts, bytes)
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1).0, run(2).0);
}
