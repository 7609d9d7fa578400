//! XEP-0082, XEP-0203.

use super::super::datetime::{self, Offset};
use super::super::delay::Delay;
use super::*;
use crate::machine::Utc;

fn at(millis: i64) -> Option<Utc> {
    Some(Utc::from_unix_millis(millis))
}

#[test]
fn xep0082_3_2_datetimes_are_read() {
    assert_eq!(datetime::parse("1970-01-01T00:00:00Z"), at(0));
    assert_eq!(datetime::parse("1969-07-21T02:56:15Z"), at(-14_159_025_000));
    assert_eq!(datetime::parse("1969-07-20T21:56:15-05:00"), at(-14_159_025_000));
    assert_eq!(datetime::parse("2002-09-10T23:08:25Z"), at(1_031_699_305_000));
    assert_eq!(datetime::parse("2002-09-10T23:08:25.5Z"), at(1_031_699_305_500));
    assert_eq!(datetime::parse("2002-09-10T23:08:25.0129999999999999999999999Z"), at(1_031_699_305_012));
    assert_eq!(datetime::parse("2000-02-29T12:00:00+14:00"), at(951_775_200_000));
    assert_eq!(datetime::parse("1999-12-31T24:00:00Z"), datetime::parse("2000-01-01T00:00:00Z"));
}

#[test]
fn xep0082_3_2_anything_else_is_refused() {
    let bad = [
        "",
        "T",
        "Z",
        "2002-09-10",
        "2002-09-10T23:08:25",
        "2002-09-10T23:08:25z",
        "2002-09-10 23:08:25Z",
        "20020910T23:08:25",
        "2002-09-10T23:08Z",
        "2002-9-10T23:08:25Z",
        "2002-09-10T23:08:25.Z",
        "2002-09-10T23:08:25,5Z",
        "2002-13-10T23:08:25Z",
        "2002-00-10T23:08:25Z",
        "2002-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2002-04-31T00:00:00Z",
        "2002-09-00T00:00:00Z",
        "2002-09-10T24:00:01Z",
        "2002-09-10T24:00:00.1Z",
        "2002-09-10T25:00:00Z",
        "2002-09-10T23:60:00Z",
        "2002-09-10T23:59:60Z",
        "2002-09-10T23:08:25+14:01",
        "2002-09-10T23:08:25+1:00",
        "2002-09-10T23:08:25+01:60",
        "2002-09-10T23:08:25+0100",
        "2002-09-10T23:08:25Z ",
        "02002-09-10T23:08:25Z",
        "+002-09-10T23:08:25Z",
        "-002-09-10T23:08:25Z",
        "2002-09-10T+3:08:25Z",
        "2002-09-1é:08:25Z",
        "2002-09-10T23:08:2éZ",
        "2002-09-10-01T23:08:25Z",
    ];
    for text in bad {
        assert_eq!(datetime::parse(text), None, "{text}");
    }
}

#[test]
fn xep0082_3_2_what_is_written_reads_the_same() {
    for (millis, text) in [
        (0, "1970-01-01T00:00:00Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (951_782_400_000, "2000-02-29T00:00:00Z"),
        (1_031_699_305_007, "2002-09-10T23:08:25.007Z"),
        (253_402_300_799_000, "9999-12-31T23:59:59Z"),
        (-62_167_219_200_000, "0000-01-01T00:00:00Z"),
    ] {
        let time = Utc::from_unix_millis(millis);
        assert_eq!(datetime::format(time), text);
        assert_eq!(datetime::parse(text), Some(time));
    }
    // Every day of the 400 years in which the calendar repeats.
    for day in 0..146_097 {
        let time = Utc::from_unix_millis((day - 50_000) * 86_400_000 + 86_399_999);
        assert_eq!(datetime::parse(&datetime::format(time)), Some(time));
    }
}

#[test]
fn xep0082_3_2_any_time_can_be_written() {
    assert_eq!(datetime::format(Utc::from_unix_millis(i64::MAX)), "292278994-08-17T07:12:55.807Z");
    assert!(datetime::format(Utc::from_unix_millis(i64::MIN)).starts_with("-292275055-"));
}

#[test]
fn xep0082_2_1_offsets() {
    for (text, minutes) in [("Z", 0), ("+00:00", 0), ("-00:00", 0), ("+05:30", 330), ("-14:00", -840)] {
        assert_eq!(datetime::offset(text).map(Offset::minutes), Some(minutes), "{text}");
    }
    for text in ["", "z", "+", "05:30", "+5:30", "+05:3", "+15:00", "-14:01", "+05:99", "+05:30:00", "UTC"] {
        assert_eq!(datetime::offset(text), None, "{text}");
    }
    assert_eq!(Offset::from_minutes(-330).unwrap().to_string(), "-05:30");
    assert_eq!(Offset::UTC.to_string(), "+00:00");
    assert_eq!(Offset::from_minutes(841), None);
    assert_eq!(Offset::from_minutes(i16::MIN), None);
}

#[test]
fn xep0203_2_round_trip() {
    let plain = Delay::new(Utc::from_unix_millis(1_031_699_305_000));
    let full = plain.clone().by(jid("capulet.example")).because("Offline & <waiting>");
    for delay in [plain, full] {
        let element = built(delay.to_builder());
        assert_eq!(Delay::parse(element.root()), Ok(delay));
    }
}

#[test]
fn xep0203_2_the_stamp_is_a_time_and_the_sender_an_address() {
    let parse = |xml: &str| Delay::parse(element(xml).root());
    assert_eq!(parse("<delay xmlns='urn:xmpp:delay'/>"), Err(Malformed::new("a delay without stamp")));
    assert_eq!(
        parse("<delay xmlns='urn:xmpp:delay' stamp='20020910T23:08:25'/>"),
        Err(Malformed::new("a delay whose stamp is no time"))
    );
    let bad = parse("<delay xmlns='urn:xmpp:delay' stamp='2002-09-10T23:08:25Z' from='@'/>").unwrap_err();
    assert_eq!(bad.condition(), Condition::JidMalformed);
    assert!(parse("<x xmlns='jabber:x:delay' stamp='20020910T23:08:25'/>").is_err());
}

#[test]
fn xep0203_2_a_stanza_is_stamped_as_it_is_addressed_now() {
    let mut stanza = stanza("<message xmlns='jabber:client' to='a@b' type='chat'><body>hi</body> </message>");
    stanza.set_from(Some(jid("c@d/e")));
    let stamped = stanza.with_child(Delay::new(Utc::from_unix_millis(0)).to_builder());
    assert_eq!(
        stamped.element().to_xml(),
        "<message xmlns='jabber:client' to='a@b' type='chat' from='c@d/e'><body>hi</body> \
         <delay xmlns='urn:xmpp:delay' stamp='1970-01-01T00:00:00Z'/></message>"
    );
    assert_eq!((stamped.from(), stamped.to()), (stanza.from(), stanza.to()));
}

#[test]
fn a_child_can_be_added_to_whatever_way_an_element_was_written() {
    let child = || Element::builder("c", "urn:c").text("x");
    for xml in [
        "<a/>",
        "<a></a>",
        "<p:a xmlns:p='urn:p' b='1'/>",
        "<p:a xmlns:p='urn:p'>\n</p:a>",
        "<a xmlns='urn:c' ><b/></a >",
    ] {
        let element = element(xml);
        let with = element.with_child(child(), &[("n", Some("1"))]);
        let last = with.children().last().unwrap();
        assert!(with.is(element.name(), element.ns()) && last.is("c", "urn:c"), "{xml}");
        assert_eq!(last.text(), "x");
        assert_eq!(with.attr("n"), Some("1"));
        assert_eq!(with.children().count(), element.children().count() + 1);
    }
    // A child in no namespace stays in none.
    let with = element("<a xmlns='urn:a'/>").with_child(Element::builder("c", ""), &[]);
    assert!(with.child("c", "").is_some());
}
