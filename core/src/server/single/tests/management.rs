//! Sessions that outlive their connection (XEP-0198), through a whole server.

use super::*;

impl World {
    /// A session, available, whose stanzas are acknowledged. With the id under which it can be resumed.
    fn managed(&mut self, user: &str, resource: &str) -> (ConnectionId, String) {
        let id = self.login(user, resource);
        self.send(id, "<presence/>");
        self.read(id);
        self.send(id, "<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
        let enabled = self.read(id);
        let previd = enabled.split("id='").nth(1).unwrap().split('\'').next().unwrap().to_owned();
        (id, previd)
    }

    /// Another connection for that session: what it gets.
    fn resume(&mut self, user: &str, previd: &str, h: u32) -> (ConnectionId, String) {
        let id = self.connect();
        let message = BASE64.encode(format!("\0{user}\0{PASSWORD}"));
        self.send(
            id,
            &format!(
                "{header}<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{message}</auth>{header}\
                 <resume xmlns='urn:xmpp:sm:3' previd='{previd}' h='{h}'/>",
                header = header()
            ),
        );
        let answer = self.read(id);
        let rest = answer.rsplit("</stream:features>").next().unwrap().to_owned();
        (id, rest)
    }

    fn chat(&mut self, from: ConnectionId, to: &str, body: &str) {
        let xml = format!("<message type='chat' to='{to}@im.example.com'><body>{body}</body></message>");
        self.send(from, &xml);
    }
}

#[test]
fn xep0198_5_a_session_outlives_its_connection() {
    let mut world = World::new();
    let juliet = world.login("juliet", "balcony");
    let (romeo, previd) = world.managed("romeo", "orchard");
    world.chat(juliet, "romeo", "one");
    assert!(world.read(romeo).contains("<body>one</body>"));
    world.server.disconnected(world.now, romeo);
    world.run();
    world.chat(juliet, "romeo", "two");
    let (again, answer) = world.resume("romeo", &previd, 1);
    let expected = format!("<resumed xmlns='urn:xmpp:sm:3' previd='{previd}' h='0'/><message ");
    assert!(answer.starts_with(&expected), "{answer}");
    assert!(answer.contains("<body>two</body>") && !answer.contains("<body>one</body>"), "{answer}");
    world.chat(again, "juliet", "three");
    world.send(juliet, "<presence/>");
    world.send(again, "<r xmlns='urn:xmpp:sm:3'/>");
    assert!(world.read(again).contains("<a xmlns='urn:xmpp:sm:3' h='1'/>"));
    let jid = "romeo@im.example.com/orchard";
    let romeos: Vec<_> = world.onlines().into_iter().filter(|line| line.ends_with(jid)).collect();
    assert_eq!(romeos, [format!("+{jid}"), format!("-{jid}"), format!("+{jid}")]);
}

#[test]
fn xep0198_5_whoever_resumes_a_session_closes_its_old_connection() {
    let mut world = World::new();
    let (old, previd) = world.managed("romeo", "orchard");
    let (new, answer) = world.resume("romeo", &previd, 0);
    assert!(answer.starts_with("<resumed "), "{answer}");
    let farewell = world.read(old);
    assert!(farewell.contains("<conflict ") && farewell.ends_with("</stream:stream>"), "{farewell}");
    world.send(new, "<iq type='get' id='p' to='im.example.com'><ping xmlns='urn:xmpp:ping'/></iq>");
    assert!(world.read(new).contains("type='result'"));
}

#[test]
fn xep0198_5_a_session_whose_client_reads_too_slowly_is_parked() {
    let mut world = World::with(|config| config.authenticated.max_queued = 4000);
    let juliet = world.login("juliet", "balcony");
    let (romeo, previd) = world.managed("romeo", "orchard");
    let long = "x".repeat(1000);
    // It reads nothing.
    for _ in 0..6 {
        let xml = format!("<message type='chat' to='romeo@im.example.com'><body>{long}</body></message>");
        world.server.receive(world.now, juliet, xml.as_bytes());
    }
    world.run();
    assert!(world.read(romeo).contains("<resource-constraint "));
    let (_, answer) = world.resume("romeo", &previd, 4);
    assert_eq!(answer.matches(&long).count(), 2, "nothing is lost");
}

#[test]
fn xep0198_5_a_session_that_its_owner_ends_is_over() {
    let mut world = World::new();
    let (romeo, previd) = world.managed("romeo", "orchard");
    world.server.close(world.now, romeo, StreamError::new(Condition::PolicyViolation));
    world.run();
    let (again, answer) = world.resume("romeo", &previd, 0);
    assert!(answer.starts_with("<failed xmlns='urn:xmpp:sm:3' h='0'><item-not-found "), "{answer}");
    world.send(again, "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
    assert!(world.read(again).contains("<jid>romeo@im.example.com/"), "it may bind");
}

#[test]
fn xep0198_5_a_store_that_is_down_keeps_nobody_waiting_for_ever() {
    let mut world = World::new();
    let (romeo, previd) = world.managed("romeo", "orchard");
    world.store_is_up = false;
    world.chat(romeo, "juliet", "one");
    world.server.disconnected(world.now, romeo);
    world.store_is_up = true;
    // Logging in needs the store, and what it has been asked before it answers first.
    let (_, answer) = world.resume("romeo", &previd, 0);
    assert!(
        answer.starts_with(&format!("<resumed xmlns='urn:xmpp:sm:3' previd='{previd}' h='1'/>")),
        "{answer}"
    );
}

#[test]
fn xep0198_5_what_nobody_has_got_outlives_the_server() {
    let mut world = World::new();
    let juliet = world.login("juliet", "balcony");
    for (resource, gone) in [("orchard", false), ("garden", true)] {
        let (romeo, _) = world.managed("romeo", resource);
        if gone {
            world.server.disconnected(world.now, romeo);
        }
    }
    let to = "to='romeo@im.example.com/garden'";
    world.send(juliet, &format!("<message type='chat' {to}><body>one</body></message>"));
    world.chat(juliet, "romeo", "two");
    world.server.shutdown(world.now, StreamError::new(Condition::SystemShutdown));
    world.run();
    let romeo = BareJid::new("romeo@im.example.com").unwrap();
    assert_eq!(world.store.get(&romeo).unwrap().offline.messages, 2);
}
