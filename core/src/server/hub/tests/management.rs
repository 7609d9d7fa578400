//! Stream management: what is acknowledged, what is kept, who may go on (XEP-0198).

mod races;
mod receipts;
mod undelivered;

use super::*;
use crate::stream;

const MINUTES: Duration = Duration::from_secs(60);

impl World {
    /// A session that is available, and whose stanzas are acknowledged. What was received on account of that is forgotten.
    pub(super) fn managed(&mut self, jid: &str) -> String {
        self.login(jid);
        let id = self.enable(jid, Enable { resume: true, max: None });
        self.send(jid, "<presence/>");
        let received = self.take(jid).len() as u32;
        self.ack(jid, received);
        id
    }

    /// Stanzas of a session are acknowledged from now on. Gives the id under which it can be resumed.
    pub(super) fn enable(&mut self, jid: &str, enable: Enable) -> String {
        let session = self.names[jid];
        self.call(|hub, now| hub.enable(now, session, enable));
        match self.outputs.pop() {
            Some(Output::Enabled { enabled, .. }) => enabled.resumption.map(|it| it.id).unwrap_or_default(),
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn ack(&mut self, jid: &str, h: u32) {
        let session = self.names[jid];
        self.call(|hub, now| hub.acknowledged(now, session, h));
    }

    /// How many stanzas of its client's a session says it has handled.
    pub(super) fn handled(&mut self, jid: &str) -> u32 {
        let session = self.names[jid];
        self.call(|hub, now| hub.acknowledgement_requested(now, session));
        match self.outputs.pop() {
            Some(Output::Acknowledge { session: of, h }) if of == session => h,
            other => panic!("{other:?}"),
        }
    }

    /// The connection of a session breaks.
    pub(super) fn cut(&mut self, jid: &str) {
        let session = self.names[jid];
        self.call(|hub, now| hub.session_broken(now, session));
    }

    /// A client of the account comes back over another connection. What comes of it is among the outputs.
    fn resume(&mut self, jid: &str, id: &str, h: u32) -> SessionId {
        let session = SessionId(1000 + self.names.len() as u64);
        let (name, _) = jid.split_once('/').unwrap();
        self.names.insert(format!("{jid} before {}", session.0), self.names[jid]);
        self.call(|hub, now| hub.resume(now, session, &account(name), id.into(), h));
        self.names.insert(jid.into(), session);
        session
    }

    /// The same, and it succeeds. How many stanzas of its client's had been handled.
    #[track_caller]
    pub(super) fn resumed(&mut self, jid: &str, id: &str, h: u32) -> u32 {
        let session = self.resume(jid, id, h);
        match self.outputs.pop() {
            Some(Output::Resumed { session: of, h, previd, .. }) if of == session && previd == id => h,
            other => panic!("{other:?}"),
        }
    }

    fn message(&mut self, from: &str, to: &str, id: &str) {
        let xml = format!("<message type='chat' to='{to}@example.com' id='{id}'><body>{id}</body></message>");
        self.send(from, &xml);
    }
}

#[test]
fn xep0198_4_stanzas_are_counted_from_when_it_was_enabled() {
    let mut world = World::new();
    world.online("romeo/orchard", 0);
    world.message("romeo/orchard", "romeo", "before");
    world.enable("romeo/orchard", Enable::default());
    assert_eq!(world.handled("romeo/orchard"), 0);
    world.message("romeo/orchard", "romeo", "1");
    world.send("romeo/orchard", "<presence/>");
    world.send("romeo/orchard", "<iq type='get' id='2' to='example.com'><ping xmlns='urn:xmpp:ping'/></iq>");
    assert_eq!(world.handled("romeo/orchard"), 3);
    let session = world.names["romeo/orchard"];
    let reply = stanza("<iq type='result' id='s'/>");
    world.call(|hub, now| hub.handled(now, session, Some(reply)));
    world.call(|hub, now| hub.handled(now, session, None));
    assert_eq!(world.handled("romeo/orchard"), 5);
    assert_eq!(world.got("romeo/orchard").last().map(String::as_str), Some("iq result - > - #s"));
}

#[test]
fn xep0198_3_nothing_is_acknowledged_that_was_not_enabled() {
    let mut world = World::new();
    let session = world.online("romeo/orchard", 0);
    world.call(|hub, now| hub.acknowledgement_requested(now, session));
    world.call(|hub, now| hub.acknowledged(now, session, 7));
    world.silence();
    world.enable("romeo/orchard", Enable::default());
    world.call(|hub, now| hub.enable(now, session, Enable::default()));
    world.silence();
}

#[test]
fn xep0198_3_the_shorter_time_is_agreed() {
    let mut world = World::new();
    for (max, agreed) in [(None, Some(300)), (Some(60), Some(60)), (Some(4000), Some(300)), (Some(0), None)] {
        let session = world.online("romeo/orchard", 0);
        world.call(|hub, now| hub.enable(now, session, Enable { resume: true, max }));
        let Some(Output::Enabled { enabled, .. }) = world.outputs.pop() else { panic!() };
        assert_eq!(enabled.resumption.map(|it| it.within.as_secs()), agreed);
        world.leave("romeo/orchard");
    }
}

#[test]
fn xep0198_3_where_to_resume_is_said() {
    let location = Some("[2001:db8::1]:5222".to_owned());
    let management = Management { location: location.clone(), ..Management::default() };
    let mut world = World::with(Config { management, ..config() });
    let session = world.login("romeo/orchard");
    world.call(|hub, now| hub.enable(now, session, Enable { resume: true, max: None }));
    let Some(Output::Enabled { enabled, .. }) = world.outputs.pop() else { panic!() };
    assert_eq!(enabled.resumption.unwrap().location, location);
}

#[test]
fn xep0198_9_management_may_begin_with_the_session() {
    let mut world = World::new();
    let request = BindRequest {
        management: Some(Enable { resume: true, max: None }),
        ..BindRequest::resource("orchard")
    };
    world.call(|hub, now| hub.bind(now, SessionId(1), account("romeo"), request));
    let Some(Output::Bound { granted, .. }) = world.outputs.pop() else { panic!() };
    let id = granted.management.unwrap().resumption.unwrap().id;
    world.names.insert("romeo/orchard".into(), SessionId(1));
    world.cut("romeo/orchard");
    assert_eq!(world.resumed("romeo/orchard", &id, 0), 0);
}

#[test]
fn xep0198_5_a_session_is_resumed_where_it_broke() {
    let mut world = World::new();
    world.online("juliet/balcony", 0);
    let id = world.managed("romeo/orchard");
    world.received.clear();
    let sent = 1;
    for id in ["1", "2", "3"] {
        world.message("juliet/balcony", "romeo", id);
    }
    assert_eq!(world.take("romeo/orchard").len(), 3);
    world.cut("romeo/orchard");
    assert_eq!(world.got("juliet/balcony"), [""; 0], "nobody hears of it");
    world.message("juliet/balcony", "romeo", "4");
    assert_eq!(world.got("romeo/orchard"), [""; 0], "there is no connection");
    let h = world.resumed("romeo/orchard", &id, sent + 1);
    assert_eq!(h, 1, "its presence");
    let messages = ["2", "3", "4"].map(|id| format!("message chat juliet/balcony > romeo #{id}"));
    assert_eq!(world.got("romeo/orchard"), messages);
    world.message("juliet/balcony", "romeo", "5");
    assert_eq!(world.got("romeo/orchard"), ["message chat juliet/balcony > romeo #5"]);
    world.ack("romeo/orchard", sent + 5);
    world.message("romeo/orchard", "juliet", "6");
    assert_eq!(world.handled("romeo/orchard"), 2, "counted on");
    assert_eq!(world.got("juliet/balcony"), ["message chat romeo/orchard > juliet #6"]);
    // And again, under the same id.
    world.cut("romeo/orchard");
    assert_eq!(world.resumed("romeo/orchard", &id, sent + 5), 2);
    world.pass(10 * MINUTES);
    world.silence();
}

#[test]
fn xep0198_8_a_session_that_was_closed_or_cannot_be_resumed_is_over() {
    for resume in [true, false] {
        let mut world = World::new();
        world.relate("romeo", "juliet", "both");
        world.online("juliet/balcony", 0);
        world.login("romeo/orchard");
        let id = world.enable("romeo/orchard", Enable { resume, max: None });
        world.send("romeo/orchard", "<presence/>");
        world.received.clear();
        match resume {
            true => world.leave("romeo/orchard"),
            false => world.cut("romeo/orchard"),
        }
        assert_eq!(world.got("juliet/balcony"), ["presence unavailable romeo/orchard > juliet"]);
        let session = world.resume("romeo/orchard", &id, 1);
        let h = resume.then_some(1);
        assert_eq!(world.outputs.pop(), Some(Output::ResumeRefused { session, h }), "{resume}");
        world.silence();
    }
}

#[test]
fn xep0198_5_a_client_that_does_not_come_back_in_time_is_unavailable() {
    let mut world = World::new();
    world.relate("romeo", "juliet", "both");
    world.online("juliet/balcony", 0);
    let id = world.managed("romeo/orchard");
    world.send("romeo/orchard", "<presence/>");
    world.received.clear();
    world.cut("romeo/orchard");
    let deadline = world.hub.deadline().unwrap();
    assert_eq!((deadline.at - world.now.instant, deadline.reason), (5 * MINUTES, Reason::Resumption));
    world.pass(5 * MINUTES - SECOND);
    world.silence();
    world.pass(SECOND);
    assert_eq!(world.got("juliet/balcony"), ["presence unavailable romeo/orchard > juliet"]);
    let session = world.resume("romeo/orchard", &id, 2);
    assert_eq!(world.outputs.pop(), Some(Output::ResumeRefused { session, h: Some(2) }));
}

#[test]
fn xep0198_6_an_impossible_count_ends_the_session() {
    let mut world = World::new();
    let id = world.managed("romeo/orchard");
    world.ack("romeo/orchard", 9);
    let Some(Output::Close { session, error }) = world.outputs.pop() else { panic!() };
    assert_eq!(session, world.names["romeo/orchard"]);
    assert!(error.to_element().to_xml().contains("<handled-count-too-high"));
    world.resume("romeo/orchard", &id, 1);
    assert!(matches!(world.outputs.pop(), Some(Output::ResumeRefused { .. })));
}

#[test]
fn xep0198_5_an_impossible_count_resumes_nothing_and_ends_nothing() {
    let mut world = World::new();
    let id = world.managed("romeo/orchard");
    world.cut("romeo/orchard");
    let session = world.resume("romeo/orchard", &id, 9);
    let Some(Output::Close { session: closed, error }) = world.outputs.pop() else { panic!() };
    assert_eq!(closed, session);
    assert!(error.to_element().to_xml().contains("<handled-count-too-high"));
    assert_eq!(world.resumed("romeo/orchard", &id, 1), 1);
}

#[test]
fn xep0198_4_a_client_that_acknowledges_nothing_is_not_fed_for_ever() {
    let mut config = config();
    config.limits.unacknowledged = 10;
    let mut world = World::with(config);
    world.online("juliet/balcony", 0);
    for absent in [false, true] {
        world.managed("romeo/orchard");
        if absent {
            world.cut("romeo/orchard");
        }
        for id in 0..11 {
            world.message("juliet/balcony", "romeo", &id.to_string());
        }
        match world.outputs.pop() {
            Some(Output::Close { error, .. }) if !absent => {
                assert_eq!(*error.condition(), stream::Condition::ResourceConstraint);
            }
            None if absent => {}
            other => panic!("{other:?}"),
        }
        // What it did not get waits for it.
        world.received.clear();
        world.online("romeo/garden", 0);
        world.leave("romeo/garden");
        assert_eq!(world.store.get(&account("romeo")).unwrap().offline.messages, 0);
    }
}

#[test]
fn xep0198_4_what_all_clients_together_do_not_acknowledge_is_limited() {
    let mut config = config();
    config.limits.unacknowledged_bytes_in_all = 20_000;
    let mut world = World::with(config);
    world.online("juliet/balcony", 0);
    world.managed("romeo/orchard");
    let mut sent = 0;
    while world.outputs.is_empty() {
        world.message("juliet/balcony", "romeo", "1");
        sent += 1;
        assert!(sent < 200, "no limit");
    }
    assert!(matches!(world.outputs.pop(), Some(Output::Close { .. })));
    assert!(sent > 10, "{sent}");
}

#[test]
fn xep0198_5_whoever_comes_is_worth_more_than_who_might_come_back() {
    let mut config = config();
    config.limits.sessions_per_account = 3;
    let mut world = World::with(config);
    world.managed("romeo/a");
    let second = world.managed("romeo/b");
    world.online("romeo/c", 0);
    world.cut("romeo/b");
    world.pass(SECOND);
    world.cut("romeo/a");
    world.login("romeo/d");
    world.login("romeo/e");
    world.bind("romeo/f");
    assert!(matches!(world.outputs.pop(), Some(Output::BindRefused { .. })));
    world.resume("romeo/b", &second, 1);
    assert!(matches!(world.outputs.pop(), Some(Output::ResumeRefused { .. })));
}
