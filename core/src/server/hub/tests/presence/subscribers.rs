//! Presence and those who are subscribed to it, or not.

use super::*;

/// Juliet with a contact in each state, all of them in another domain, named after what they have.
fn juliet() -> World {
    let mut world = World::with(Config { federation: true, ..config() });
    for state in
        ["none", "none out", "none out in", "to", "to in", "from", "from out", "both", "none approved"]
    {
        world.relate("juliet", &format!("{}@example.net", state.replace(' ', ".")), state);
    }
    world.relate("juliet", "unknown@example.net", "absent in");
    world
}

/// Who has been sent what begins like this, sorted.
fn sent_to(world: &mut World, what: &str) -> String {
    let sent = world.sent();
    let to = sent.iter().filter_map(|sent| sent.strip_prefix(what)?.split("@example.net").next());
    let mut to: Vec<_> = to.collect();
    to.sort();
    to.join(" ")
}

#[test]
fn rfc6121_4_2_2_initial_presence_goes_to_subscribers_only() {
    let mut world = juliet();
    world.login("juliet/balcony");
    world.send("juliet/balcony", "<presence/>");
    assert_eq!(sent_to(&mut world, "presence juliet/balcony > "), "both from from.out");
}

#[test]
fn rfc6121_4_3_1_initial_presence_probes_those_whom_the_user_is_subscribed_to() {
    let mut world = juliet();
    world.login("juliet/balcony");
    world.send("juliet/balcony", "<presence/>");
    // From one bare address to the other.
    assert_eq!(sent_to(&mut world, "presence probe juliet > "), "both to to.in");
    world.send("juliet/balcony", "<presence><show>away</show></presence>");
    assert_eq!(sent_to(&mut world, "presence probe"), "");
    world.login("juliet/chamber");
    world.send("juliet/chamber", "<presence/>");
    assert_eq!(sent_to(&mut world, "presence probe juliet > "), "both to to.in");
}

#[test]
fn rfc6121_4_4_2_and_4_5_2_all_of_the_stanza_goes_to_subscribers() {
    let mut world = juliet();
    world.login("juliet/balcony");
    world.send("juliet/balcony", "<presence/>");
    for of_type in ["", " type='unavailable'"] {
        world.outputs.clear();
        let content = "<status xml:lang='it'>ciao</status><x xmlns='urn:x'>1</x>";
        world.send("juliet/balcony", &format!("<presence id='7'{of_type}>{content}</presence>"));
        let sent: Vec<_> = world.outputs.drain(..).collect();
        let expected = ["both", "from.out", "from"].map(|to| {
            let head =
                format!("<presence id='7'{of_type} from='juliet@example.com/balcony' to='{to}@example.net'>");
            Output::Remote { stanza: stanza(&format!("{head}{content}</presence>")) }
        });
        assert_eq!(sent, expected);
    }
}

#[test]
fn rfc6121_4_5_2_whoever_saw_a_resource_come_sees_it_go_however_it_goes() {
    type Ending = fn(&mut World);
    let endings: [Ending; 4] = [
        |world| world.send("juliet/balcony", "<presence type='unavailable'/>"),
        |world| world.leave("juliet/balcony"),
        // Its resource goes to another session.
        |world| {
            world.call(|hub, now| {
                hub.bind(now, SessionId(99), account("juliet"), BindRequest::resource("balcony"))
            });
            world.outputs.retain(|output| matches!(output, Output::Remote { .. }));
        },
        // Its account is removed.
        |world| {
            world.call(|hub, now| hub.delete_account(now, AdminId(1), account("juliet")));
            world.outputs.retain(|output| matches!(output, Output::Remote { .. }));
        },
    ];
    for (number, ending) in endings.into_iter().enumerate() {
        let mut world = juliet();
        world.online("juliet/balcony", 0);
        world.outputs.clear();
        ending(&mut world);
        let gone = sent_to(&mut world, "presence unavailable juliet/balcony > ");
        assert_eq!(gone, "both from from.out", "{number}");
        world.leave("juliet/balcony");
        assert_eq!(world.sent(), [""; 0], "{number}");
    }
    // Who has not come cannot go.
    let mut world = juliet();
    world.login("juliet/balcony");
    world.send("juliet/balcony", "<presence type='unavailable'/>");
    world.leave("juliet/balcony");
    world.silence();
}

#[test]
fn rfc6121_4_2_3_4_4_3_and_4_5_3_a_contacts_presence_reaches_all_available_resources() {
    let mut world = World::new();
    world.relate("juliet", "romeo", "from");
    world.relate("romeo", "juliet", "to");
    world.online("romeo/orchard", 0);
    world.online("romeo/garden", -1);
    world.login("romeo/connected");
    world.login("juliet/balcony");
    for (sent, received) in [
        ("<presence id='1'/>", "presence juliet/balcony > romeo #1"),
        ("<presence id='2'><show>away</show></presence>", "presence juliet/balcony > romeo #2"),
        ("<presence id='3' type='unavailable'/>", "presence unavailable juliet/balcony > romeo #3"),
    ] {
        world.send("juliet/balcony", sent);
        for jid in ["romeo/orchard", "romeo/garden"] {
            assert_eq!(world.got(jid), [received]);
        }
        world.got("juliet/balcony");
        world.silence();
    }
}

#[test]
fn rfc6121_4_6_3_rule_1_a_subscriber_is_told_of_the_end_once() {
    let mut world = juliet();
    world.online("juliet/balcony", 0);
    world.outputs.clear();
    for to in ["both@example.net", "both@example.net/res", "to@example.net"] {
        world.send("juliet/balcony", &format!("<presence to='{to}' id='1'/>"));
        assert_eq!(world.sent(), [format!("presence juliet/balcony > {to} #1")]);
    }
    // Directed unavailable presence ends no subscription.
    world.send("juliet/balcony", "<presence type='unavailable' to='from@example.net'/>");
    assert_eq!(world.sent(), ["presence unavailable juliet/balcony > from@example.net"]);
    world.send("juliet/balcony", "<presence/>");
    assert_eq!(sent_to(&mut world, "presence juliet/balcony > "), "both from from.out");
    world.leave("juliet/balcony");
    assert_eq!(sent_to(&mut world, "presence unavailable juliet/balcony > "), "both from from.out to");
}

#[test]
fn rfc6121_4_6_3_rule_3_directed_presence_before_initial_presence_ends_as_it_must() {
    // The resource never becomes available: nobody else is told.
    let mut world = juliet();
    world.login("juliet/balcony");
    for to in ["both@example.net/res", "to@example.net"] {
        world.send("juliet/balcony", &format!("<presence to='{to}'/>"));
    }
    world.outputs.clear();
    world.leave("juliet/balcony");
    let expected = ["both@example.net/res", "to@example.net"]
        .map(|to| format!("presence unavailable juliet/balcony > {to}"));
    assert_eq!(world.sent(), expected);
    // It does: then the broadcast is for the subscriber.
    let mut world = juliet();
    world.login("juliet/balcony");
    for to in ["both@example.net", "to@example.net"] {
        world.send("juliet/balcony", &format!("<presence to='{to}'/>"));
    }
    world.send("juliet/balcony", "<presence/>");
    world.outputs.clear();
    world.leave("juliet/balcony");
    assert_eq!(sent_to(&mut world, "presence unavailable juliet/balcony > "), "both from from.out to");
}

#[test]
fn rfc6121_4_6_1_whoever_subscribes_meanwhile_becomes_a_subscriber_like_any_other() {
    let mut world = juliet();
    world.online("juliet/balcony", 0);
    world.send("juliet/balcony", "<presence to='to.in@example.net'/>");
    world.send("juliet/balcony", "<presence type='subscribed' to='to.in@example.net'/>");
    world.outputs.clear();
    world.send("juliet/balcony", "<presence/>");
    assert_eq!(sent_to(&mut world, "presence juliet/balcony > "), "both from from.out to.in");
    world.leave("juliet/balcony");
    assert_eq!(sent_to(&mut world, "presence unavailable juliet/balcony > "), "both from from.out to.in");
}

#[test]
fn rfc6121_8_5_2_2_2_presence_loads_no_account() {
    let mut world = World::new();
    world.relate("juliet", "romeo", "both");
    world.relate("romeo", "juliet", "both");
    world.online("juliet/balcony", 0);
    assert_eq!(world.hub.entities.len(), 1, "not for the probe, either");
    for xml in [
        "<presence><show>away</show></presence>",
        "<presence to='romeo@example.com/x'/>",
        "<presence type='unavailable'/>",
    ] {
        world.silent = true;
        world.send("juliet/balcony", xml);
        world.asked.retain(|request| request.account() != &account("juliet"));
        assert_eq!(world.asked, [], "{xml}");
        world.silent = false;
    }
    assert_eq!(world.hub.entities.len(), 1);
}

#[test]
fn a_broadcast_copies_addresses_and_nothing_else() {
    let mut world = juliet();
    world.online("juliet/balcony", 0);
    world.outputs.clear();
    world.send("juliet/balcony", "<presence><status>hello</status></presence>");
    let buffers: Vec<_> = world
        .outputs
        .drain(..)
        .map(|output| match output {
            Output::Remote { stanza } => stanza.element().name().as_ptr(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(buffers.len(), 3);
    assert!(buffers.windows(2).all(|pair| pair[0] == pair[1]), "one element for all");
}

/// Whatever users do, available presence reaches nobody but subscribers and whoever has been sent it.
#[test]
fn rfc2779_2_3_1_and_5_2_1_nobody_sees_presence_who_may_not() {
    let names = ["a", "b", "c", "d"];
    let mut dice = Entropy::from_seed([5; 32]);
    let mut roll = |sides: usize| (dice.next_u64() % sides as u64) as usize;
    let mut seen = [0, 0];
    for _ in 0..60 {
        let mut world = World::new();
        for name in names {
            world.store.insert(account(name), Record::new(credentials(1)));
            world.present(&format!("{name}/r"));
        }
        for _ in 0..60 {
            let (from, to) = (names[roll(4)], names[roll(4)]);
            let (jid, to_jid) = (format!("{from}/r"), format!("{to}@example.com"));
            let before = world.store.clone();
            let kinds = ["subscribe", "subscribed", "unsubscribe", "unsubscribed"];
            let xml = match roll(12) {
                0 | 1 => "<presence><show>away</show></presence>".to_owned(),
                2 => "<presence type='unavailable'/>".to_owned(),
                3 => format!("<presence type='probe' to='{to_jid}'/>"),
                4 => format!("<presence type='probe' to='{to_jid}/r'/>"),
                _ => format!("<presence type='{}' to='{to_jid}'/>", kinds[roll(4)]),
            };
            world.send(&jid, &xml);
            let allowed = |world: &World, owner: &str, watcher: &str| {
                let from = |store: &MemoryStore| {
                    store
                        .get(&account(owner))
                        .unwrap()
                        .roster
                        .contacts
                        .get(&account(watcher))
                        .is_some_and(|c| c.from)
                };
                owner == watcher || from(&world.store) || from(&before)
            };
            for watcher in names {
                for got in world.take(&format!("{watcher}/r")) {
                    let owner = got.from().and_then(|from| from.local()).unwrap_or_default().to_owned();
                    if let Stanza::Presence(presence) = &got
                        && presence.from().is_some_and(|from| from.resource().is_some())
                    {
                        assert!(allowed(&world, &owner, watcher), "{xml} of {from}: {}", brief(&got));
                        seen[usize::from(owner != watcher)] += 1;
                    }
                }
            }
        }
    }
    assert!(seen[0] > 100 && seen[1] > 100, "{seen:?}");
}
