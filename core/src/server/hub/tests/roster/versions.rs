//! RFC 6121 section 2.6: versions.

use super::*;

#[test]
fn rfc6121_2_6_2_versions_are_announced_with_each_result_and_push_and_never_repeat() {
    let mut world = World::new();
    world.login("juliet/balcony");
    let mut seen = vec![ver(&world.gets())];
    for n in 0..5 {
        for inner in
            [format!("<item jid='c{n}@example.net'/>"), format!("<item jid='c{n}@example.net' name='x'/>")]
        {
            world.send("juliet/balcony", &set("s", &inner));
            let push = world.take("juliet/balcony").pop().unwrap();
            assert!(!seen.contains(&ver(&push)));
            seen.push(ver(&push));
            assert_eq!(ver(&world.gets()), ver(&push));
        }
    }
}

#[test]
fn rfc6121_2_6_3_nothing_has_changed() {
    let mut world = World::new();
    world.login("juliet/balcony");
    for contact in ["", "<item jid='a@example.net'/>"] {
        if !contact.is_empty() {
            world.send("juliet/balcony", &set("s", contact));
        }
        world.take("juliet/balcony");
        let current = ver(&world.gets());
        world.login("juliet/chamber");
        world.send("juliet/chamber", &get(&current));
        let [result] = &world.take("juliet/chamber")[..] else { panic!() };
        assert_eq!(brief(result), "iq result juliet > juliet/chamber #g");
        assert_eq!(result.element().children().count(), 0);
        // It is interested all the same.
        world.send("juliet/balcony", &set("s", "<item jid='b@example.net'/>"));
        world.got("juliet/balcony");
        assert_eq!(world.got("juliet/chamber").len(), 1);
        world.leave("juliet/chamber");
    }
    world.silence();
}

#[test]
fn rfc6121_2_6_3_only_what_has_changed_since_is_pushed_in_order_each_item_once() {
    let mut world = World::new();
    world.login("juliet/balcony");
    for n in 0..10 {
        world.sets(&format!("<item jid='c{n}@example.net'/>"));
    }
    let held = ver(&world.gets());
    world.interested("juliet/witness");
    for inner in [
        "<item jid='c7@example.net' name='once'/>",
        "<item jid='c1@example.net' subscription='remove'/>",
        "<item jid='c2@example.net' subscription='remove'/>",
        "<item jid='c2@example.net' name='back'/>",
        "<item jid='new@example.net'/>",
        "<item jid='new@example.net' subscription='remove'/>",
        "<item jid='c7@example.net' name='twice'/>",
        "<item jid='c3@example.net' subscription='remove'/>",
        "<item jid='c3@example.net'/>",
        "<item jid='c3@example.net' subscription='remove'/>",
    ] {
        world.sends_and_is_pushed(inner);
    }
    let live: BTreeMap<String, String> =
        world.take("juliet/witness").iter().map(|push| (ver(push), items(push))).collect();
    world.login("juliet/chamber");
    world.send("juliet/chamber", &get(&held));
    let got = world.take("juliet/chamber");
    let (result, pushes) = got.split_first().unwrap();
    assert_eq!(
        (brief(result).as_str(), result.element().children().count()),
        ("iq result juliet > juliet/chamber #g", 0)
    );
    let pushed: Vec<String> = pushes.iter().map(|stanza| push(stanza, "juliet/chamber")).collect();
    let expected = [
        "<item jid='c1@example.net' subscription='remove'/>",
        "<item jid='c2@example.net' name='back' subscription='none'/>",
        "<item jid='new@example.net' subscription='remove'/>",
        "<item jid='c7@example.net' name='twice' subscription='none'/>",
        "<item jid='c3@example.net' subscription='remove'/>",
    ];
    assert_eq!(pushed, expected);
    // With the versions that those who were there have seen, so a client that is cut off in between can go on from there.
    for push in pushes {
        assert_eq!(live.get(&ver(push)), Some(&items(push)));
    }
    assert_eq!(ver(pushes.last().unwrap()), ver(&world.gets()));
    world.login("juliet/garden");
    world.send("juliet/garden", &get(&ver(&pushes[2])));
    let rest: Vec<String> = world.take("juliet/garden").iter().skip(1).map(items).collect();
    assert_eq!(rest, expected[3..]);
}

#[test]
fn rfc6121_2_6_3_versions_that_are_not_on_file_get_the_whole_roster() {
    let mut world = World::new();
    world.login("juliet/balcony");
    for n in 0..5 {
        world.sets(&format!("<item jid='c{n}@example.net'/>"));
    }
    let current = world.kept().version;
    let whole = world.gets();
    for held in [
        String::new(),
        "0".into(),
        "ver14".into(),
        format!("+{current}"),
        format!("0{current}"),
        format!(" {current}"),
        (current + 1).to_string(),
        (current - (1 << 32)).to_string(),
        (current + (1 << 32)).to_string(),
        u64::MAX.to_string(),
        "9".repeat(40),
    ] {
        world.send("juliet/balcony", &get(&held));
        let [result] = &world.take("juliet/balcony")[..] else { panic!("{held}") };
        assert_eq!(*result, whole, "{held}");
    }
}

#[test]
fn rfc6121_2_6_3_the_whole_roster_is_sent_where_that_is_shorter() {
    let mut world = World::new();
    world.login("juliet/balcony");
    world.sets("<item jid='a@example.net'/>");
    let held = ver(&world.gets());
    world.sends_and_is_pushed("<item jid='a@example.net' name='A'/>");
    world.send("juliet/balcony", &get(&held));
    let [result] = &world.take("juliet/balcony")[..] else { panic!() };
    assert_eq!(items(result), "<item jid='a@example.net' name='A' subscription='none'/>");
}

#[test]
fn rfc6121_2_6_3_forgotten_removals_make_a_version_unknown() {
    let limits = Limits { contacts_per_roster: 1000, ..Limits::default() };
    let mut world = World::with(Config { limits, ..config() });
    world.login("juliet/balcony");
    for n in 0..300 {
        world.sets(&format!("<item jid='c{n}@example.net'/>"));
    }
    let remembered = crate::server::store::Roster::REMOVED;
    let mut versions = vec![world.kept().version.to_string()];
    for n in 0..=remembered {
        world.sets(&format!("<item jid='c{n}@example.net' subscription='remove'/>"));
        versions.push(world.kept().version.to_string());
    }
    // One too many has been removed since the first version. Who comes back does not make room for what was forgotten.
    for back in ["", "<item jid='c5@example.net'/>"] {
        if !back.is_empty() {
            world.sets(back);
        }
        let mut answers = |held: &str| {
            world.login("juliet/chamber");
            world.send("juliet/chamber", &get(held));
            let got = world.take("juliet/chamber").len();
            world.leave("juliet/chamber");
            got
        };
        assert_eq!(answers(&versions[0]), 1);
        assert_eq!(answers(&versions[1]), 1 + remembered);
    }
}

#[test]
fn rfc6121_2_6_3_versions_of_an_account_that_was_deleted_are_unknown_to_its_successor() {
    let mut world = World::new();
    world.login("juliet/balcony");
    world.sets("<item jid='old@example.net'/>");
    let held = ver(&world.gets());
    world.call(|hub, now| hub.delete_account(now, AdminId(1), account("juliet")));
    world.call(|hub, now| hub.create_account(now, AdminId(2), account("juliet"), credentials(1)));
    world.outputs.clear();
    world.login("juliet/balcony");
    for n in 0..3 {
        world.sets(&format!("<item jid='new{n}@example.net'/>"));
    }
    world.send("juliet/balcony", &get(&held));
    let [result] = &world.take("juliet/balcony")[..] else { panic!() };
    assert_eq!(items(result).matches("<item").count(), 3);
}
