//! XEP-0115.

use super::super::caps::{self, Caps, Hash, Verdict};
use super::super::disco::{Identity, Info};
use super::*;

const FEATURES: &str = "<feature var='http://jabber.org/protocol/muc'/><feature var='http://jabber.org/protocol/disco#items'/>\
     <feature var='http://jabber.org/protocol/disco#info'/><feature var='http://jabber.org/protocol/caps'/>";

fn info(inner: &str) -> Info {
    let xml = format!("<query xmlns='http://jabber.org/protocol/disco#info'>{inner}</query>");
    Info::parse(element(&xml).root()).unwrap()
}

/// The form of section 5.3, its fields and values in another order.
fn form(form_type: &str) -> String {
    format!(
        "<x xmlns='jabber:x:data' type='result'><field var='software_version'><value>0.11</value></field>\
         <field var='ip_version' type='text-multi'><value>ipv6</value><value>ipv4</value></field>\
         <field var='os'><value>Mac</value></field><field var='os_version'><value>10.5.1</value></field>\
         <field var='FORM_TYPE' type='hidden'><value>{form_type}</value></field>\
         <field var='software'><value>Psi</value></field></x>"
    )
}

fn psi() -> Info {
    info(&format!(
        "{}<identity category='client' type='pc' name='Psi 0.11' xml:lang='en'/>\
         <identity category='client' type='pc' name='Ψ 0.11' xml:lang='el'/>{FEATURES}",
        form("urn:xmpp:dataforms:softwareinfo")
    ))
}

fn promise(ver: &str) -> Caps {
    let xml = format!(
        "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='http://psi-im.org' ver='{ver}'/>"
    );
    Caps::parse(element(&xml).root()).unwrap()
}

#[test]
fn xep0115_5_2_simple_example() {
    let exodus = info(&format!("<identity category='client' type='pc' name='Exodus 0.9.1'/>{FEATURES}"));
    assert_eq!(caps::ver(&exodus, Hash::Sha1), "QgayPKawpkPSDYmwT/WM94uAlu0=");
}

#[test]
fn xep0115_5_3_complex_example() {
    assert_eq!(caps::ver(&psi(), Hash::Sha1), "q07IKJEyjvHSyhy//CH0CxmKi8w=");
    assert_eq!(promise("q07IKJEyjvHSyhy//CH0CxmKi8w=").verify(&psi()), Verdict::Valid);
}

#[test]
fn xep0115_4_round_trip() {
    for hash in [Hash::Sha1, Hash::Sha256, Hash::Sha512] {
        let caps = Caps::of(&psi(), "http://psi-im.org", hash);
        assert_eq!(Caps::parse(built(caps.to_builder()).root()), Ok(caps.clone()));
        assert_eq!(caps.verify(&psi()), Verdict::Valid);
        assert_eq!(caps.verify(&Info::new(Identity::new("client", "pc"))), Verdict::Invalid);
        assert_eq!(caps.query_node(), format!("http://psi-im.org#{}", caps.ver));
    }
    for bad in [
        "<c xmlns='http://jabber.org/protocol/caps' node='a'/>",
        "<c xmlns='http://jabber.org/protocol/caps' ver='a'/>",
        "<c/>",
    ] {
        assert!(Caps::parse(element(bad).root()).is_err(), "{bad}");
    }
}

#[test]
fn xep0115_5_4_what_cannot_be_verified() {
    let mut caps = Caps::of(&psi(), "n", Hash::Sha1);
    caps.hash = Some("md5".into());
    assert_eq!(caps.verify(&psi()), Verdict::Unverifiable);
    caps.hash = None;
    assert_eq!(caps.verify(&psi()), Verdict::Unverifiable);
}

#[test]
fn xep0115_5_4_ill_formed_answers_verify_nothing() {
    let identity = "<identity category='client' type='pc' name='x'/>";
    let (one, two) = (form("urn:one"), form("urn:two"));
    let good = [format!("{identity}<feature var='a'/>{one}{two}")];
    let bad = [
        format!("{identity}{identity}"),
        format!("{identity}<feature var='a'/><feature var='a'/>"),
        format!("{identity}{one}{one}"),
        format!(
            "{identity}<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'>\
             <value>a</value><value>b</value></field></x>"
        ),
        format!("{identity}<x xmlns='jabber:x:data' type='result'><field var='a'/><field var='a'/></x>"),
    ];
    for (inner, verdict) in
        good.iter().map(|g| (g, Verdict::Valid)).chain(bad.iter().map(|b| (b, Verdict::Invalid)))
    {
        let info = info(inner);
        assert_eq!(Caps::of(&info, "n", Hash::Sha1).verify(&info), verdict, "{inner}");
    }
}

#[test]
fn xep0115_5_4_a_form_without_a_hidden_type_is_ignored() {
    let identity = "<identity category='client' type='pc'/>";
    let plain = info(identity);
    for attr in ["", "type='text-single'"] {
        let form = format!(
            "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' {attr}><value>a</value></field></x>"
        );
        let with = info(&format!("{identity}{form}"));
        assert_eq!(caps::ver(&with, Hash::Sha1), caps::ver(&plain, Hash::Sha1), "{attr}");
        assert_eq!(Caps::of(&plain, "n", Hash::Sha1).verify(&with), Verdict::Valid);
    }
}

#[test]
fn xep0115_9_names_that_join_to_the_same_string_do_not_verify() {
    let honest = info("<identity category='client' type='pc' name='x'/><feature var='a'/><feature var='b'/>");
    let promise = Caps::of(&honest, "n", Hash::Sha1);
    for forged in [
        "<identity category='client' type='pc' name='x'/><feature var='a&lt;b'/>",
        "<identity category='client' type='pc' name='x&lt;a&lt;b'/>",
        "<identity category='client/pc' type='' name='x'/><feature var='a'/><feature var='b'/>",
        "<identity category='client' type='pc/' name='x'/><feature var='a'/><feature var='b'/>",
    ] {
        assert_eq!(promise.verify(&info(forged)), Verdict::Invalid, "{forged}");
    }
}

#[test]
fn xep0115_9_what_everybody_can_rely_on() {
    let simple = info(&format!("<identity category='client' type='pc' name='Exodus 0.9.1'/>{FEATURES}"));
    for info in [simple, psi()] {
        let vouched = Caps::of(&info, "n", Hash::Sha1).vouched(&info).unwrap();
        assert_eq!((&vouched.identities, &vouched.features), (&info.identities, &info.features));
        let forms =
            |info: &Info| info.forms().map(|form| form.value("os").map(str::to_owned)).collect::<Vec<_>>();
        assert_eq!(forms(&vouched), forms(&info));
        assert!(Caps::of(&info, "n", Hash::Sha1).verify(&vouched) == Verdict::Valid);
        assert_eq!(Caps::of(&Info::default(), "n", Hash::Sha1).vouched(&info), None);
    }
    // What the hash does not cover is not passed on.
    let form = "<x xmlns='jabber:x:data' type='result'><field var='a'><value>b</value></field></x><y xmlns='urn:y'/>";
    let more = info(&format!("<identity category='client' type='pc'/>{form}"));
    let vouched = Caps::of(&more, "n", Hash::Sha1).vouched(&more).unwrap();
    assert_eq!(vouched, info("<identity category='client' type='pc'/>"));
}

/// Two answers of one hash, of which the first is what its software says and the second what somebody made of it.
#[test]
fn xep0115_9_2_what_can_be_read_in_two_ways_holds_for_nobody_else() {
    let form = |inner: &str| {
        format!(
            "<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>urn:b</value>\
             </field>{inner}</x>"
        )
    };
    let identity = "<identity category='client' type='pc' name='x'/>";
    let field = "<field var='urn:c'><value>urn:d</value></field>";
    let cases = [
        // The last features, hidden in a form.
        (
            format!("{identity}<feature var='urn:a'/><feature var='urn:b'/>"),
            format!("{identity}<feature var='urn:a'/>{}", form("")),
        ),
        (
            format!("{identity}<feature var='urn:b'/><feature var='urn:c'/><feature var='urn:d'/>"),
            format!("{identity}{}", form(field)),
        ),
        // An identity, hidden among the features.
        (
            format!("{identity}<feature var='urn:a'/>"),
            "<feature var='client/pc//x'/><feature var='urn:a'/>".to_owned(),
        ),
    ];
    for (honest, forged) in cases {
        let (honest, forged) = (info(&honest), info(&forged));
        let caps = Caps::of(&honest, "n", Hash::Sha1);
        assert_eq!(caps::ver(&forged, Hash::Sha1), caps.ver, "{forged:?}");
        assert!(caps.vouched(&honest).is_some());
        assert_eq!(caps.vouched(&forged), None);
    }
    // A feature as an identity.
    let honest = info("<feature var='http://example.org/a'/>");
    let forged = info("<identity category='http:' type='' name='a'/>");
    assert!(Caps::of(&honest, "n", Hash::Sha1).vouched(&honest).is_some());
    assert_eq!(Caps::of(&forged, "n", Hash::Sha1).vouched(&forged), None);
    // Software information that says more than it may.
    for field in [
        "",
        "<field var='os'><value>a</value><value>os_version</value></field>",
        "<field var='ip_version'><value>os</value></field>",
        "<field var='x'><value>y</value></field>",
    ] {
        let software = form(field).replace("urn:b", "urn:xmpp:dataforms:softwareinfo");
        let forged = info(&format!("{identity}{software}"));
        assert_eq!(Caps::of(&forged, "n", Hash::Sha1).vouched(&forged), None, "{field}");
    }
}
