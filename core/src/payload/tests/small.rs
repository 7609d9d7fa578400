//! XEP-0092, XEP-0202, XEP-0012, XEP-0054, XEP-0049.

use super::super::datetime::Offset;
use super::super::last::{self, Last};
use super::super::private;
use super::super::time::{self, EntityTime};
use super::super::vcard::{self, Vcard};
use super::super::version::{self, Version};
use super::*;
use crate::machine::Utc;

#[test]
fn xep0092_4_round_trip() {
    let mut version = Version::new("Exodus & <co>", "0.7");
    for os in [None, Some("Windows".to_owned())] {
        version.os = os;
        assert_eq!(Version::parse(built(version.to_builder()).root()), Ok(version.clone()));
    }
    assert!(Version::parse(built(version::get()).root()).is_err());
    assert!(
        Version::parse(element("<query xmlns='jabber:iq:version'><name>a</name></query>").root()).is_err()
    );
}

#[test]
fn xep0202_3_round_trip() {
    for minutes in [0, 330, -360] {
        let time =
            EntityTime::new(Utc::from_unix_millis(1_166_551_115_123), Offset::from_minutes(minutes).unwrap());
        assert_eq!(EntityTime::parse(built(time.to_builder()).root()), Ok(time));
    }
}

#[test]
fn xep0202_3_the_time_is_in_utc_and_has_an_offset() {
    let parse = |inner: &str| {
        EntityTime::parse(element(&format!("<time xmlns='urn:xmpp:time'>{inner}</time>")).root())
    };
    assert!(parse("<tzo>-06:00</tzo><utc>2006-12-19T17:58:35Z</utc>").is_ok());
    for inner in [
        "",
        "<tzo>-06:00</tzo>",
        "<utc>2006-12-19T17:58:35Z</utc>",
        "<tzo>-06:00</tzo><utc>2006-12-19T17:58:35-06:00</utc>",
        "<tzo>CET</tzo><utc>2006-12-19T17:58:35Z</utc>",
        "<tzo>-06:00</tzo><utc>20061219T17:58:35Z</utc>",
    ] {
        assert!(parse(inner).is_err(), "{inner}");
    }
    assert!(EntityTime::parse(built(time::get()).root()).is_err());
}

#[test]
fn xep0012_3_round_trip() {
    for last in [Last::new(0), Last::new(u64::MAX), Last::new(903).with_status("Heading <home> & off")] {
        assert_eq!(Last::parse(built(last.to_builder()).root()), Ok(last));
    }
    assert!(Last::parse(built(last::get()).root()).is_err());
    for seconds in ["", "-1", "+1", "1.5", "x", "18446744073709551616"] {
        let xml = format!("<query xmlns='jabber:iq:last' seconds='{seconds}'/>");
        assert!(Last::parse(element(&xml).root()).is_err(), "{seconds}");
    }
}

#[test]
fn xep0054_3_what_is_read_of_a_card() {
    let xml = "<vCard xmlns='vcard-temp'><FN>Peter &amp; Paul</FN><NICKNAME>pp</NICKNAME><URL/>\
         <EMAIL><INTERNET/><USERID>a@b</USERID></EMAIL><EMAIL/><EMAIL><USERID>c@d</USERID></EMAIL>\
         <PHOTO><TYPE>image/png</TYPE><BINVAL>AAEC\n Aw==</BINVAL></PHOTO></vCard>";
    let card = Vcard::parse(element(xml).root()).unwrap();
    assert_eq!(card.full_name().as_deref(), Some("Peter & Paul"));
    assert_eq!(card.nickname().as_deref(), Some("pp"));
    assert_eq!((card.text("URL"), card.text("DESC")), (None, None));
    assert_eq!(card.emails().collect::<Vec<_>>(), ["a@b", "c@d"]);
    let photo = card.photo().unwrap();
    assert_eq!((photo.media_type.as_deref(), photo.data.as_slice()), (Some("image/png"), &[0, 1, 2, 3][..]));
    assert!(!card.is_empty());
    assert_eq!(card.element().to_xml(), element(xml).to_xml());
}

#[test]
fn xep0054_3_cards_that_are_none_and_pictures_that_are_none() {
    assert!(Vcard::parse(element("<vcard xmlns='vcard-temp'/>").root()).is_err());
    assert!(Vcard::parse(built(vcard::get()).root()).unwrap().is_empty());
    for photo in
        ["", "<PHOTO/>", "<PHOTO><BINVAL>!</BINVAL></PHOTO>", "<PHOTO><EXTVAL>http://a</EXTVAL></PHOTO>"]
    {
        let card =
            Vcard::parse(element(&format!("<vCard xmlns='vcard-temp'>{photo}</vCard>")).root()).unwrap();
        assert_eq!(card.photo(), None, "{photo}");
    }
    let card = built(vcard::with_text(vcard::get(), "FN", "A & B"));
    assert_eq!(Vcard::parse(card.root()).unwrap().full_name().as_deref(), Some("A & B"));
}

#[test]
fn xep0049_3_round_trip() {
    let elements = [
        element("<exodus xmlns='exodus:prefs'><nick>Hamlet</nick></exodus>"),
        element("<b xmlns='exodus:prefs'/>"),
    ];
    let query = built(private::wrap(&elements));
    let read: Vec<_> = private::parse(query.root()).unwrap().into_iter().map(|e| e.to_element()).collect();
    assert_eq!(read, elements);
    let query = built(private::get("exodus", "exodus:prefs"));
    assert!(private::parse_get(query.root()).unwrap().is("exodus", "exodus:prefs"));
}

#[test]
fn xep0049_3_and_4_requests_that_are_refused() {
    let query = |inner: &str| element(&format!("<query xmlns='jabber:iq:private'>{inner}</query>"));
    let two = "<a xmlns='urn:a'/><b xmlns='urn:a'/>";
    assert!(private::parse(query(two).root()).is_ok());
    for (inner, condition) in [
        ("", Condition::BadRequest),
        (two, Condition::BadRequest),
        ("<a/>", Condition::NotAcceptable),
        ("<a xmlns=''/>", Condition::NotAcceptable),
        ("<a xmlns='jabber:client'/>", Condition::NotAcceptable),
    ] {
        assert_eq!(private::parse_get(query(inner).root()).unwrap_err().condition(), condition, "{inner}");
    }
    assert!(private::parse(element("<query xmlns='urn:x'><a xmlns='urn:a'/></query>").root()).is_err());
}
