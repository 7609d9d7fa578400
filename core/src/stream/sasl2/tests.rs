use super::*;
use crate::machine::Utc;
use crate::stanza;
use crate::stream::{Feature, Features};
use crate::xml::Limits;

const LIMITS: Limits = Limits { max_bytes: 8192, max_depth: 8, max_attributes: 8 };

fn parse(xml: &str) -> Result<Message, Malformed> {
    Message::parse(Element::parse(xml.as_bytes(), LIMITS).expect("well-formed").root())
}

fn sasl2_element(name: &str, inner: &str) -> Result<Message, Malformed> {
    parse(&format!("<{name} xmlns='urn:xmpp:sasl:2' mechanism='M'>{inner}</{name}>"))
}

fn client() -> ClientId {
    ClientId::parse("d4565fa7-4d72-4749-b3d3-740edbf87770").expect("a UUID")
}

fn everything() -> Authenticate {
    Authenticate {
        mechanism: "SCRAM-SHA-1-PLUS".into(),
        initial: Some(b"\0\xff".to_vec()),
        user_agent: Some(UserAgent {
            id: Some(client()),
            software: Some("A<b>".into()),
            device: Some("&c".into()),
        }),
        bind: Some(bind2::Request { tag: Some("x".into()), carbons: true, ..bind2::Request::default() }),
        resume: Some(Resume { previd: "p'".into(), h: u32::MAX }),
        fast: Some(fast::Use { count: Some(3), invalidate: true }),
        request_token: Some(fast::RequestToken { mechanism: "HT-SHA-256-ENDP".into() }),
    }
}

#[test]
fn xep0388_2_every_message_round_trips() {
    let jid = |text| Jid::new(text).expect("an address");
    let success = Success {
        data: Some(Vec::new()),
        identity: jid("a@b/c"),
        bound: Some(bind2::Bound::default()),
        resumption: Some(Management::Failed { condition: Some(stanza::Condition::ItemNotFound), h: Some(4) }),
        token: Some(fast::Token { token: "t".into(), expiry: Utc::from_unix_millis(1000) }),
    };
    let resumed = Management::Resumed { previd: "p".into(), h: 1 };
    let more = Continue { data: Some(vec![1]), tasks: vec!["A".into(), "B".into()], text: Some("t".into()) };
    for message in [
        Message::Authenticate(Box::new(everything())),
        Message::Authenticate(Box::new(Authenticate::new("X", None))),
        Message::Authenticate(Box::new(Authenticate::new("X", Some(Vec::new())))),
        Message::Challenge(b"challenge".to_vec()),
        Message::Response(Vec::new()),
        Message::Abort,
        Message::Success(Box::new(success)),
        Message::Success(Box::new(Success::new(jid("a@b")))),
        Message::Success(Box::new(Success { resumption: Some(resumed), ..Success::new(jid("a@b")) })),
        Message::Failure(Failure { condition: Some(sasl::Condition::Aborted), text: Some("no".into()) }),
        Message::Continue(more),
        Message::Continue(Continue::default()),
    ] {
        assert_eq!(parse(&message.to_element().to_xml()), Ok(message));
    }
}

#[test]
fn xep0388_2_1_the_feature_round_trips() {
    let inline = Inline {
        bind: Some(bind2::Offer::new([ns::CARBONS, ns::CSI, ns::SM])),
        resumption: true,
        fast: Some(fast::Offer { early_data: true, ..fast::Offer::new(["HT-SHA-256-EXPR"]) }),
        other: vec![Element::builder("x", "urn:x").build()],
    };
    for inline in [Inline::default(), inline] {
        let feature = Feature::Authentication(Authentication::new(["SCRAM-SHA-1", "PLAIN"], inline));
        let features = Features { list: vec![feature] };
        let xml = features.to_element().to_xml();
        let read = Features::parse(Element::parse(xml.as_bytes(), LIMITS).expect("well-formed").root());
        assert_eq!(read, features);
        assert_eq!(read.authentication().expect("it is there").mechanisms, ["SCRAM-SHA-1", "PLAIN"]);
    }
    assert_eq!(Features::default().authentication(), None);
}

#[test]
fn xep0388_2_2_no_data_and_empty_data_are_two_things() {
    let initial = |inner| match sasl2_element("authenticate", inner) {
        Ok(Message::Authenticate(authenticate)) => authenticate.initial,
        other => panic!("{other:?}"),
    };
    assert_eq!(initial(""), None);
    assert_eq!(initial("<initial-response/>"), Some(Vec::new()));
    assert_eq!(initial("<initial-response>\n  YQ==\n</initial-response>"), Some(b"a".to_vec()));
}

#[test]
fn xep0388_2_2_base64_is_strict() {
    for wrong in ["=", "YQ", "YQ=", "Y Q==", "YR==", "Y!==", "<x/>"] {
        let error = sasl2_element("response", wrong).expect_err(wrong);
        let condition = if wrong == "<x/>" {
            sasl::Condition::MalformedRequest
        } else {
            sasl::Condition::IncorrectEncoding
        };
        assert_eq!(error.condition(), condition, "{wrong}");
    }
}

#[test]
fn xep0388_2_3_what_is_asked_for_twice_or_wrongly_is_refused() {
    for wrong in [
        "<initial-response/><initial-response/>",
        "<user-agent id='7'/>",
        "<user-agent id='d4565fa7-4d72-4749-b3d3740e-dbf87770'/>",
        "<user-agent id='d4565fa74d724749b3d3740edbf87770'/>",
        "<user-agent id='+4565fa7-4d72-4749-b3d3-740edbf87770'/>",
        "<user-agent/><user-agent/>",
        "<bind xmlns='urn:xmpp:bind:0'/><bind xmlns='urn:xmpp:bind:0'/>",
        "<resume xmlns='urn:xmpp:sm:3' h='1'/>",
        "<request-token xmlns='urn:xmpp:fast:0'/>",
        "<fast xmlns='urn:xmpp:fast:0' count='x'/>",
    ] {
        assert!(sasl2_element("authenticate", wrong).is_err(), "{wrong}");
    }
    assert!(parse("<authenticate xmlns='urn:xmpp:sasl:2'/>").is_err());
    assert!(parse("<authenticate xmlns='urn:xmpp:sasl:1' mechanism='X'/>").is_err());
    assert!(sasl2_element("authenticate", "<bind xmlns='urn:x'/><x xmlns='urn:y'/>").is_ok());
}

#[test]
fn xep0388_2_6_1_a_success_names_an_account() {
    assert!(sasl2_element("success", "").is_err());
    assert!(sasl2_element("success", "<authorization-identifier>@</authorization-identifier>").is_err());
    let both = "<authorization-identifier>a@b</authorization-identifier><failed xmlns='urn:xmpp:sm:3'/>\
                <resumed xmlns='urn:xmpp:sm:3' h='1' previd='x'/>";
    assert!(sasl2_element("success", both).is_err());
}

#[test]
fn xep0388_2_6_2_a_condition_that_is_not_known_is_none() {
    let xml = "<gone xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/><not-authorized/>";
    assert_eq!(sasl2_element("failure", xml), Ok(Message::Failure(Failure { condition: None, text: None })));
}

#[test]
fn xep0388_2_3_the_id_of_a_client_is_a_uuid_however_it_is_spelt() {
    assert_eq!(client().to_string(), "d4565fa7-4d72-4749-b3d3-740edbf87770");
    assert_eq!(ClientId::parse("D4565FA7-4D72-4749-B3D3-740EDBF87770"), Some(client()));
    assert_eq!(ClientId::from_bytes(client().to_bytes()), client());
    let made = ClientId::from_random([0xff; 16]).to_string();
    assert_eq!(made, "ffffffff-ffff-4fff-bfff-ffffffffffff");
    assert_eq!(ClientId::from_random([0; 16]).to_string(), "00000000-0000-4000-8000-000000000000");
}

#[test]
fn nothing_that_proves_who_a_client_is_is_shown() {
    let shown = format!("{:?}", Authenticate::new("PLAIN", Some(b"secret".to_vec())));
    assert!(!shown.contains("initial"), "{shown}");
    let shown = format!("{:?}", Message::Response(b"s".to_vec()));
    assert!(!shown.contains("115"), "{shown}");
}
