//! What has been sent is acknowledged once it is safe (XEP-0198 section 4).

use super::*;

/// Romeo writes to juliet, who is not there, and the store is silent.
fn held() -> (World, String) {
    let mut world = World::new();
    let id = world.managed("romeo/orchard");
    world.silent = true;
    world.message("romeo/orchard", "juliet", "1");
    (world, id)
}

/// What a session is told it has handled, without having asked again.
fn told(world: &mut World) -> Vec<u32> {
    let told = |output| match output {
        Output::Acknowledge { h, .. } => h,
        other => panic!("{other:?}"),
    };
    world.outputs.drain(..).map(told).collect()
}

#[test]
fn xep0198_4_a_message_is_acknowledged_once_the_store_has_it() {
    let (mut world, _) = held();
    world.send("romeo/orchard", "<iq type='get' id='2' to='example.com'><ping xmlns='urn:xmpp:ping'/></iq>");
    assert_eq!(world.got("romeo/orchard"), ["iq result . > romeo/orchard #2"], "others go on");
    assert_eq!(world.handled("romeo/orchard"), 1, "its presence");
    // The account is loaded, and then the message is kept.
    let load = world.asked.remove(0);
    let reply = world.store.execute(load);
    world.reply(reply);
    assert_eq!((world.handled("romeo/orchard"), world.asked.len()), (1, 1));
    world.answer();
    assert_eq!(told(&mut world), [3], "what follows it was handled long ago");
    world.message("romeo/orchard", "juliet", "3");
    assert_eq!(told(&mut world), [0; 0], "nobody has asked again");
}

#[test]
fn xep0198_4_a_message_that_is_refused_has_been_handled() {
    let (mut world, _) = held();
    assert_eq!(world.handled("romeo/orchard"), 1);
    world.pass(30 * SECOND);
    assert_eq!(told(&mut world), [2]);
    let error = "message error juliet > romeo/orchard #1 internal-server-error/wait";
    assert_eq!(world.got("romeo/orchard"), [error]);
}

#[test]
fn xep0198_4_acknowledgements_keep_the_order() {
    let (mut world, _) = held();
    world.store.insert(account("benvolio"), Record::new(credentials(1)));
    world.message("romeo/orchard", "benvolio", "2");
    assert_eq!(world.handled("romeo/orchard"), 1);
    // Both loads are answered, the second message is kept, and only then the first.
    for _ in 0..2 {
        let reply = world.store.execute(world.asked.remove(0));
        world.reply(reply);
    }
    let save = world.asked.remove(1);
    let reply = world.store.execute(save);
    world.reply(reply);
    assert_eq!(told(&mut world), [0; 0]);
    world.answer();
    assert_eq!(told(&mut world), [3]);
}

#[test]
fn xep0198_4_a_change_is_acknowledged_once_the_store_has_it() {
    let mut world = World::new();
    world.managed("romeo/orchard");
    world.silent = true;
    world.send("romeo/orchard", "<presence type='subscribe' to='juliet@example.com'/>");
    world.send("romeo/orchard", "<presence type='unsubscribe' to='juliet@example.com'/>");
    assert_eq!(world.handled("romeo/orchard"), 1);
    while !world.asked.is_empty() {
        let reply = world.store.execute(world.asked.remove(0));
        world.reply(reply);
    }
    assert_eq!(told(&mut world).last(), Some(&3));
}

#[test]
fn xep0198_5_who_resumes_waits_until_it_is_clear_what_has_been_handled() {
    let (mut world, id) = held();
    world.cut("romeo/orchard");
    let session = world.resume("romeo/orchard", &id, 1);
    assert_eq!(world.outputs, [], "not yet");
    world.answer();
    let [Output::Resumed { session: to, h: 2, previd, .. }] = world.outputs.as_slice() else {
        panic!("{:?}", world.outputs)
    };
    assert_eq!((*to, previd), (session, &id));
    world.outputs.clear();
    assert_eq!(world.handled("romeo/orchard"), 2);
}

#[test]
fn xep0198_5_the_stores_time_out_bounds_that() {
    let (mut world, id) = held();
    world.cut("romeo/orchard");
    world.resume("romeo/orchard", &id, 1);
    world.pass(30 * SECOND);
    let [Output::Resumed { h: 2, .. }] = world.outputs.as_slice() else { panic!("{:?}", world.outputs) };
    let error = "message error juliet > romeo/orchard #1 internal-server-error/wait";
    assert_eq!(world.got("romeo/orchard"), [error]);
}

#[test]
fn xep0198_5_who_waits_can_be_overtaken_or_go() {
    for goes in [false, true] {
        let (mut world, id) = held();
        world.cut("romeo/orchard");
        let first = world.resume("romeo/orchard", &id, 1);
        if goes {
            world.cut("romeo/orchard");
            assert_eq!(world.hub.deadline().map(|deadline| deadline.reason), Some(Reason::Store));
        }
        let second = world.resume("romeo/orchard", &id, 1);
        match (goes, world.outputs.pop()) {
            (true, None) => {}
            (false, Some(Output::Close { session, .. })) => assert_eq!(session, first),
            other => panic!("{other:?}"),
        }
        world.call(|hub, now| hub.session_gone(now, first));
        world.answer();
        let [Output::Resumed { session, h: 2, .. }] = world.outputs.as_slice() else {
            panic!("{:?}", world.outputs)
        };
        assert_eq!(*session, second);
    }
}

#[test]
fn xep0198_5_who_waits_and_goes_is_waited_for_and_given_up() {
    let (mut world, id) = held();
    world.cut("romeo/orchard");
    world.resume("romeo/orchard", &id, 1);
    world.cut("romeo/orchard");
    world.answer();
    assert_eq!(world.outputs, []);
    world.pass(5 * MINUTES);
    let session = world.resume("romeo/orchard", &id, 1);
    assert_eq!(world.outputs.pop(), Some(Output::ResumeRefused { session, h: Some(2) }));
}

#[test]
fn xep0198_5_who_waits_is_told_when_the_session_ends() {
    let (mut world, id) = held();
    world.cut("romeo/orchard");
    let session = world.resume("romeo/orchard", &id, 1);
    world.bind("romeo/orchard");
    let refused = Output::ResumeRefused { session, h: Some(1) };
    assert_eq!(world.outputs.first(), Some(&refused));
    world.outputs.clear();
    world.answer();
    world.call(|hub, now| hub.stanza(now, session, stanza("<presence/>")));
    assert_eq!(world.outputs, []);
}

#[test]
fn xep0198_4_a_message_to_another_shard_is_acknowledged_once_it_is_safe_there() {
    let mut hubs: Vec<World> =
        (0..2).map(|shard| World::with(Config { shard, shards: 2, ..config() })).collect();
    let shard = |name: &str| shard_of(&account(name), 2) as usize;
    let names = ["romeo", "juliet", "benvolio", "mercutio", "tybalt", "nurse"];
    let there = names.into_iter().find(|name| shard(name) != shard("romeo")).unwrap();
    let (here, away) = (shard("romeo"), shard(there));
    hubs[away].store.insert(account(there), Record::new(credentials(1)));
    hubs[here].managed("romeo/orchard");
    hubs[away].silent = true;
    hubs[here].message("romeo/orchard", there, "1");
    let Some(Output::Shard { shard, envelope }) = hubs[here].outputs.pop() else { panic!() };
    assert_eq!((shard as usize, hubs[here].handled("romeo/orchard")), (away, 1));
    hubs[away].call(|hub, now| hub.envelope(now, envelope));
    hubs[away].silence();
    hubs[away].answer();
    let Some(Output::Shard { shard, envelope }) = hubs[away].outputs.pop() else { panic!() };
    assert_eq!(shard as usize, here);
    hubs[here].call(|hub, now| hub.envelope(now, envelope));
    assert_eq!(told(&mut hubs[here]), [2]);
    // To somebody who is there, too, and to whom nobody is.
    for to in [there, "nobody"] {
        hubs[here].message("romeo/orchard", to, "2");
        while let Some(Output::Shard { shard, envelope }) = hubs[here].outputs.pop() {
            hubs[shard as usize].call(|hub, now| hub.envelope(now, envelope));
            let back: Vec<_> = hubs[away].outputs.drain(..).collect();
            for output in back {
                let Output::Shard { envelope, .. } = output else { panic!() };
                hubs[here].call(|hub, now| hub.envelope(now, envelope));
            }
        }
    }
    assert_eq!(hubs[here].handled("romeo/orchard"), 4);
}
