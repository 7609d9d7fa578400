//! Client state indication through a whole server (XEP-0352).

use super::*;

const ACTIVE: &str = "<active xmlns='urn:xmpp:csi:0'/>";
const INACTIVE: &str = "<inactive xmlns='urn:xmpp:csi:0'/>";

#[test]
fn xep0352_4_2_what_can_wait_waits_until_somebody_looks() {
    let mut world = World::new();
    let (juliet, romeo) = (world.login("juliet", "balcony"), world.login("romeo", "orchard"));
    world.send(romeo, INACTIVE);
    for show in ["away", "xa"] {
        let presence =
            format!("<presence to='romeo@im.example.com/orchard' id='{show}'><show>{show}</show></presence>");
        world.send(juliet, &presence);
    }
    assert_eq!(world.read(romeo), "");
    world.send(
        romeo,
        &format!("{ACTIVE}<iq type='get' id='p' to='im.example.com'><ping xmlns='urn:xmpp:ping'/></iq>"),
    );
    let got = world.read(romeo);
    assert!(!got.contains("id='away'"), "{got}");
    let (presence, answer) = (got.find("id='xa'").unwrap(), got.find("id='p'").unwrap());
    assert!(presence < answer, "{got}");
}

#[test]
fn xep0352_4_2_a_session_that_is_asked_for_inactive_begins_so() {
    let mut world = World::new();
    let juliet = world.login("juliet", "balcony");
    let romeo = world.connect();
    let initial = BASE64.encode(format!("\0romeo\0{PASSWORD}"));
    world.send(
        romeo,
        &format!(
            "{}<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>{initial}</initial-response>\
             <bind xmlns='urn:xmpp:bind:0'><tag>x</tag>{INACTIVE}</bind></authenticate>",
            header()
        ),
    );
    let answer = world.read(romeo);
    let jid = answer.split("<authorization-identifier>").nth(1).expect(&answer).split('<').next().unwrap();
    world.send(juliet, &format!("<presence to='{jid}' id='p'/>"));
    assert_eq!(world.read(romeo), "");
    world.send(romeo, ACTIVE);
    assert!(world.read(romeo).contains("id='p'"));
}
