//! Tests of stanzas.
use super::condition::Condition as C;
use super::*;
use crate::jid::Reason;
use crate::xml::{ElementBuilder, Limits};

const LIMITS: Limits = Limits { max_bytes: 100_000, max_depth: 20, max_attributes: 50 };

fn element(xml: &str) -> Element {
    Element::parse(xml.as_bytes(), LIMITS).unwrap_or_else(|e| panic!("{xml}: {e}"))
}
fn parse(xml: &str) -> Stanza {
    Stanza::parse(element(xml)).unwrap_or_else(|e| panic!("{xml}: {e}"))
}
fn message(xml: &str) -> Message {
    match parse(xml) {
        Stanza::Message(message) => message,
        other => panic!("{other:?}"),
    }
}
fn presence(xml: &str) -> Presence {
    match parse(xml) {
        Stanza::Presence(presence) => presence,
        other => panic!("{other:?}"),
    }
}
fn iq(xml: &str) -> Iq {
    match parse(xml) {
        Stanza::Iq(iq) => iq,
        other => panic!("{other:?}"),
    }
}
fn refused(xml: &str) -> ParseError {
    match Stanza::parse(element(xml)) {
        Ok(stanza) => panic!("{xml} became {stanza:?}"),
        Err(e) => e,
    }
}
fn jid(text: &str) -> Jid {
    Jid::new(text).unwrap()
}
fn written(stanza: &Stanza) -> String {
    let mut out = Vec::new();
    stanza.write(&mut out, &Scope { default_ns: ns::CLIENT, stream_prefix: true, lang: None });
    String::from_utf8(out).unwrap()
}
/// What the stanza is once it has been written and read again.
fn again(stanza: &Stanza) -> Stanza {
    let mut out = Vec::new();
    stanza.write(&mut out, &Scope::default());
    let text = String::from_utf8(out).unwrap();
    let name = text.find([' ', '/', '>']).unwrap();
    let (head, tail) = text.split_at(name);
    // A root in a content namespace is written without declaration, so one is put in.
    parse(&if text.contains(" xmlns=\"jabber") || text.contains(" xmlns='jabber") {
        text.clone()
    } else {
        format!("{head} xmlns='jabber:client'{tail}")
    })
}
fn ping() -> ElementBuilder {
    Element::builder("ping", ns::PING)
}

#[test]
fn rfc6120_8_the_three_kinds_in_every_content_namespace() {
    for content in [ns::CLIENT, ns::SERVER, ns::COMPONENT] {
        assert!(matches!(parse(&format!("<message xmlns='{content}'/>")), Stanza::Message(_)));
        assert!(matches!(parse(&format!("<presence xmlns='{content}'/>")), Stanza::Presence(_)));
        assert!(matches!(parse(&format!("<iq type='result' id='1' xmlns='{content}'/>")), Stanza::Iq(_)));
        let body = message(&format!("<message xmlns='{content}'><body>hi</body></message>"));
        assert_eq!(body.body(None).as_deref(), Some("hi"));
    }
    for xml in [
        "<message/>",
        "<message xmlns='jabber:other'/>",
        "<Message xmlns='jabber:client'/>",
        "<r xmlns='urn:xmpp:sm:3'/>",
    ] {
        assert_eq!(refused(xml), ParseError::NotAStanza);
        assert_eq!(refuse(&element(xml), &ParseError::NotAStanza), None);
    }
}

#[test]
fn rfc6120_8_1_addresses_are_read_and_replaced() {
    let mut stanza = parse(
        "<message xmlns='jabber:client' to='Juliet@EXAMPLE.com/B' from='romeo@example.net/o' id='1' x='y'><body>&lt;hi&gt;</body></message>",
    );
    assert_eq!(stanza.to(), Some(&jid("juliet@example.com/B")));
    assert_eq!(stanza.from(), Some(&jid("romeo@example.net/o")));
    assert_eq!(stanza.id(), Some("1"));
    // RFC 6120 section 8.1.1.1: a server does not modify `to`, not even its spelling.
    assert!(written(&stanza).contains("Juliet@EXAMPLE.com/B"));

    stanza.set_from(Some(jid("oneil@example.net/o'&b")));
    stanza.set_to(None);
    assert_eq!(stanza.to(), None);
    let copy = again(&stanza);
    assert_eq!(copy, stanza);
    assert_eq!(copy.element().attr("to"), None);
    assert_eq!(copy.from(), stanza.from());
    assert_eq!(copy.element().attr("x"), Some("y"));
    let Stanza::Message(copy) = copy else { panic!() };
    assert_eq!(copy.body(None).as_deref(), Some("<hi>"));

    stanza.set_from(Some(jid("example.net/a&b<c>'\"")));
    stanza.set_to(Some(jid("example.com")));
    assert_eq!(again(&stanza), stanza);
}

#[test]
fn rfc6120_8_1_1_malformed_and_empty_addresses() {
    for bad in ["", "@example.com", "a b@example.com", "a@example.com/"] {
        let to = format!("<message xmlns='jabber:client' to='{bad}' from='a@example.com' id='7'/>");
        assert!(matches!(refused(&to), ParseError::To(_)), "{bad}");
        let from = format!("<message xmlns='jabber:client' from='{bad}'/>");
        assert!(matches!(refused(&from), ParseError::From(_)), "{bad}");
        assert_eq!(refuse(&element(&from), &refused(&from)), None);

        // Section 8.3.1 rule 2: the malformed address is not sent back.
        let reply = refuse(&element(&to), &refused(&to)).unwrap();
        assert_eq!((reply.to(), reply.from(), reply.id()), (Some(&jid("a@example.com")), None, Some("7")));
        let error = reply.error().unwrap();
        assert_eq!((error.condition(), error.error_type()), (&C::JidMalformed, ErrorType::Modify));
        assert!(error.text().is_some_and(|text| !text.is_empty()));
    }
    assert!(
        matches!(refused("<iq xmlns='jabber:client' to='' type='get' id='1'><a xmlns='b'/></iq>"), ParseError::To(e) if e.reason() == Reason::Empty)
    );
}

#[test]
fn rfc6120_8_2_3_iq_rules() {
    for (attributes, children, error) in [
        ("type='get'", "<a xmlns='b'/>", ParseError::NoId),
        ("id='1'", "<a xmlns='b'/>", ParseError::Type),
        ("id='1' type='subscribe'", "<a xmlns='b'/>", ParseError::Type),
        ("id='1' type='Get'", "<a xmlns='b'/>", ParseError::Type),
        ("id='1' type=''", "<a xmlns='b'/>", ParseError::Type),
        ("id='1' type='get'", "", ParseError::Children),
        ("id='1' type='set'", "text", ParseError::Children),
        ("id='1' type='set'", "<a xmlns='b'/><c xmlns='b'/>", ParseError::Children),
        ("id='1' type='result'", "<a xmlns='b'/><c xmlns='b'/>", ParseError::Children),
        ("id='1' type='error'", "", ParseError::Children),
        ("id='1' type='error'", "<error xmlns='urn:x'/>", ParseError::Children),
    ] {
        let xml = format!("<iq xmlns='jabber:client' from='a@example.com/x' {attributes}>{children}</iq>");
        assert_eq!(refused(&xml), error, "{xml}");
        let reply = refuse(&element(&xml), &error);
        if attributes.contains("result") || attributes.contains("error") {
            assert_eq!(reply, None, "{xml}");
        } else {
            let reply = reply.unwrap();
            // Section 8.3.1 rule 3: empty where there was none.
            assert_eq!(reply.id(), Some(if attributes.contains("id=") { "1" } else { "" }));
            assert_eq!(reply.to(), Some(&jid("a@example.com/x")));
            assert_eq!(reply.error().unwrap().condition(), &C::BadRequest);
            assert_eq!(again(&reply), reply);
        }
    }
    for xml in [
        "<iq xmlns='jabber:client' id='1' type='get'> <a xmlns='b'/>\n</iq>",
        "<iq xmlns='jabber:client' id='' type='set'><a xmlns='b'/></iq>",
        "<iq xmlns='jabber:client' id='1' type='result'/>",
        "<iq xmlns='jabber:client' id='1' type='result'><a xmlns='b'/></iq>",
        "<iq xmlns='jabber:client' id='1' type='error'><error/></iq>",
        "<iq xmlns='jabber:client' id='1' type='error'><a xmlns='b'/><error/></iq>",
    ] {
        let iq = iq(xml);
        assert_eq!(iq.payload().map(|p| p.name()), xml.contains("<a").then_some("a"), "{xml}");
    }
}

#[test]
fn rfc6120_8_2_3_requests_and_their_answers() {
    let request = Iq::get(Some(jid("example.com")), "p1", ping());
    assert_eq!((request.kind(), request.id(), request.to()), (IqType::Get, "p1", Some(&jid("example.com"))));
    assert!(request.payload().is_some_and(|p| p.is("ping", ns::PING)));
    assert_eq!(again(&request.clone().into()), request.clone().into());

    let mut received = request.clone();
    received.set_from(Some(jid("a@example.com/x")));
    let result = received.result(Some(ping()));
    assert_eq!((result.kind(), result.id()), (IqType::Result, "p1"));
    assert_eq!((result.to(), result.from()), (received.from(), received.to()));
    assert_eq!(again(&result.clone().into()), result.clone().into());
    assert_eq!(received.result(None).payload().map(|p| p.name()), None);

    let refusal = received.error_reply(&C::ServiceUnavailable.into()).unwrap();
    assert_eq!((refusal.kind(), refusal.id()), (IqType::Error, "p1"));
    assert_eq!((refusal.to(), refusal.from()), (received.from(), received.to()));
    assert_eq!(refusal.error(), Some(C::ServiceUnavailable.into()));
    assert_eq!(refusal.error_reply(&C::BadRequest.into()), None);
    assert_eq!(result.error_reply(&C::BadRequest.into()), None);
    assert_eq!(Iq::set(None, "s", ping()).kind(), IqType::Set);
}

#[test]
fn rfc6120_8_3_1_error_replies() {
    let request = parse(
        "<message xmlns='jabber:server' type='chat' id='m&apos;1' to='b@example.net' from='a@example.com/x'><body>hi</body><x xmlns='urn:x'/></message>",
    );
    let reply = request.error_reply(StanzaError::new(C::RecipientUnavailable)).unwrap();
    assert!(matches!(reply, Stanza::Message(_)) && reply.is_error());
    assert_eq!((reply.to(), reply.from(), reply.id()), (request.from(), request.to(), Some("m'1")));
    assert_eq!(reply.element().children().map(|c| c.name()).collect::<Vec<_>>(), ["error"]);
    assert_eq!(reply.element().ns(), ns::SERVER);
    assert_eq!(reply.error(), Some(C::RecipientUnavailable.into()));

    let with = request.error_reply_with_payload(StanzaError::new(C::RecipientUnavailable)).unwrap();
    assert_eq!(with.element().children().map(|c| c.name()).collect::<Vec<_>>(), ["body", "x", "error"]);
    assert_eq!(with.error(), reply.error());

    // Rule 8: never in answer to an error; section 8.2.3 rule 4: nor to a result.
    assert_eq!(reply.error_reply(C::BadRequest.into()), None);
    for xml in [
        "<presence xmlns='jabber:client' type='error' from='a@example.com'><error/></presence>",
        "<message xmlns='jabber:client' type='error' from='a@example.com'/>",
        "<iq xmlns='jabber:client' type='result' id='1' from='a@example.com'/>",
        "<iq xmlns='jabber:client' type='error' id='1' from='a@example.com'><error/></iq>",
    ] {
        assert_eq!(parse(xml).error_reply(C::BadRequest.into()), None, "{xml}");
        assert_eq!(parse(xml).error_reply_with_payload(C::BadRequest.into()), None, "{xml}");
    }

    // No id, no id; no addresses, no addresses. Addresses as they were set, not as they came.
    let reply = parse("<presence xmlns='jabber:client'/>").error_reply(C::Forbidden.into()).unwrap();
    assert_eq!((reply.to(), reply.from(), reply.id()), (None, None, None));
    let mut stamped = parse("<presence xmlns='jabber:client' from='fake@example.com' type='subscribe'/>");
    stamped.set_from(Some(jid("real@example.com")));
    assert_eq!(stamped.error_reply(C::Forbidden.into()).unwrap().to(), Some(&jid("real@example.com")));
}

#[test]
fn rfc6120_8_3_3_every_condition_with_its_default_type() {
    use ErrorType::*;
    let conditions = [
        (C::BadRequest, "bad-request", Modify),
        (C::Conflict, "conflict", Cancel),
        (C::FeatureNotImplemented, "feature-not-implemented", Cancel),
        (C::Forbidden, "forbidden", Auth),
        (C::Gone(Some("xmpp:romeo@afterlife.example.net".into())), "gone", Cancel),
        (C::Gone(None), "gone", Cancel),
        (C::InternalServerError, "internal-server-error", Cancel),
        (C::ItemNotFound, "item-not-found", Cancel),
        (C::JidMalformed, "jid-malformed", Modify),
        (C::NotAcceptable, "not-acceptable", Modify),
        (C::NotAllowed, "not-allowed", Cancel),
        (C::NotAuthorized, "not-authorized", Auth),
        (C::PolicyViolation, "policy-violation", Modify),
        (C::RecipientUnavailable, "recipient-unavailable", Wait),
        (C::Redirect(Some("xmpp:x@example.com?a;b=%26".into())), "redirect", Modify),
        (C::Redirect(None), "redirect", Modify),
        (C::RegistrationRequired, "registration-required", Auth),
        (C::RemoteServerNotFound, "remote-server-not-found", Cancel),
        (C::RemoteServerTimeout, "remote-server-timeout", Wait),
        (C::ResourceConstraint, "resource-constraint", Wait),
        (C::ServiceUnavailable, "service-unavailable", Cancel),
        (C::SubscriptionRequired, "subscription-required", Auth),
        (C::UndefinedCondition, "undefined-condition", Cancel),
        (C::UnexpectedRequest, "unexpected-request", Wait),
    ];
    assert_eq!(conditions.len(), C::all().len() + 2);
    for (condition, name, kind) in conditions {
        let error = StanzaError::new(condition.clone());
        assert_eq!((error.condition(), error.error_type()), (&condition, kind));
        let built = error.to_builder(ns::CLIENT).build();
        assert!(built.child(name, ns::STANZAS).is_some());
        assert_eq!(built.attr("type"), Some(kind.as_str()));
        assert_eq!(StanzaError::read(built.root()), error);
        assert!(error.to_string().starts_with(name));
    }
}

#[test]
fn rfc6120_8_3_2_details_survive_the_wire() {
    let application = Element::builder("too-many-parameters", "http://example.org/ns").attr("n", "9").build();
    let error = StanzaError::new(C::UndefinedCondition)
        .with_type(ErrorType::Continue)
        .with_text_in("cs", "Příliš <mnoho> & více")
        .with_by(jid("example.net"))
        .with_application(application.clone());
    let request = parse("<message xmlns='jabber:client' xml:lang='en' id='1' from='a@example.com'/>");
    let reply = again(&request.error_reply(error.clone()).unwrap());
    let read = reply.error().unwrap();
    assert_eq!(read, error);
    assert_eq!(
        (read.error_type(), read.text(), read.lang()),
        (ErrorType::Continue, error.text(), Some("cs"))
    );
    assert_eq!((read.by(), read.application()), (Some(&jid("example.net")), Some(&application)));
    assert_eq!(read.to_string(), "undefined-condition (continue) from example.net: Příliš <mnoho> & více");
}

#[test]
fn rfc6120_8_3_2_errors_of_careless_peers() {
    let read = |inner: &str| {
        message(&format!("<message xmlns='jabber:client' type='error'>{inner}</message>")).error()
    };
    let stanzas = "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'";
    for (inner, condition, kind) in [
        ("<error/>".to_owned(), C::UndefinedCondition, ErrorType::Cancel),
        (
            format!("<error type='wait'><payment-required {stanzas}/></error>"),
            C::UndefinedCondition,
            ErrorType::Wait,
        ),
        (format!("<error type='odd'><forbidden {stanzas}/></error>"), C::Forbidden, ErrorType::Auth),
        (
            format!("<error><text {stanzas}>x</text><conflict {stanzas}/></error>"),
            C::Conflict,
            ErrorType::Cancel,
        ),
        (format!("<error code='404'><conflict {stanzas}/></error>"), C::Conflict, ErrorType::Cancel),
        ("<error code='404'>Not Found</error>".to_owned(), C::ItemNotFound, ErrorType::Cancel),
        ("<error code='999'/>".to_owned(), C::UndefinedCondition, ErrorType::Cancel),
        (
            format!("<error><gone {stanzas}>\n xmpp:a@b \n</gone></error>"),
            C::Gone(Some("xmpp:a@b".into())),
            ErrorType::Cancel,
        ),
        (format!("<error><redirect {stanzas}> </redirect></error>"), C::Redirect(None), ErrorType::Modify),
        (
            format!("<error by='@@'><x xmlns='urn:x'/><conflict {stanzas}/></error>"),
            C::Conflict,
            ErrorType::Cancel,
        ),
    ] {
        let error = read(&inner).unwrap();
        assert_eq!((error.condition(), error.error_type()), (&condition, kind), "{inner}");
        assert_eq!(error.by(), None);
    }
    assert_eq!(read("<error code='404'>Not Found</error>").unwrap().text(), Some("Not Found"));
    assert_eq!(read(""), None);
    // Section 8.3.1 rule 7: without type error it is none.
    assert_eq!(message("<message xmlns='jabber:client'><error/></message>").error(), None);
}

#[test]
fn rfc6121_5_2_2_message_types() {
    for (attribute, kind) in [
        ("", MessageType::Normal),
        ("type='normal'", MessageType::Normal),
        ("type='chat'", MessageType::Chat),
        ("type='groupchat'", MessageType::Groupchat),
        ("type='headline'", MessageType::Headline),
        ("type='error'", MessageType::Error),
        ("type='Chat'", MessageType::Normal),
        ("type='unheard-of'", MessageType::Normal),
    ] {
        assert_eq!(
            message(&format!("<message xmlns='jabber:client' {attribute}/>")).kind(),
            kind,
            "{attribute}"
        );
    }
}

#[test]
fn rfc4647_3_4_choosing_a_language() {
    let message = message(
        "<message xmlns='jabber:client' xml:lang='en'><subject xml:lang='cs'>s</subject>\
         <body xml:lang='cs'>cs</body><body>en</body><body xml:lang='zh-Hant'>zh-Hant</body><body xml:lang='de-AT'>de-AT</body></message>",
    );
    for (wanted, chosen) in [
        (None, "en"),
        (Some("cs"), "cs"),
        (Some("CS-cz"), "cs"),
        (Some("en-GB"), "en"),
        (Some("zh-Hant-CN-x-private1-private2"), "zh-Hant"),
        (Some("zh-hant-x"), "zh-Hant"),
        (Some("zh-Hans"), "en"),
        (Some("de"), "de-AT"),
        (Some("d"), "en"),
        (Some("fr"), "en"),
        (Some("*"), "en"),
        (Some(""), "en"),
        (Some("-"), "en"),
        (Some("c\u{159}-x"), "en"),
    ] {
        assert_eq!(message.body(wanted).as_deref(), Some(chosen), "{wanted:?}");
    }
    assert_eq!(message.subject(None).as_deref(), Some("s"));
    assert_eq!(
        message
            .bodies()
            .map(|(lang, text)| (lang.unwrap_or("-").to_owned(), text.into_owned()))
            .collect::<Vec<_>>(),
        [("cs", "cs"), ("en", "en"), ("zh-Hant", "zh-Hant"), ("de-AT", "de-AT")]
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
    );
    assert_eq!(message.subjects().count(), 1);
}

#[test]
fn rfc6121_5_2_3_without_languages_the_first_counts() {
    let message = message(
        "<message xmlns='jabber:client'><body>a</body><body>b</body><body xml:lang='de'>c</body></message>",
    );
    assert_eq!(message.body(None).as_deref(), Some("a"));
    assert_eq!(message.body(Some("fr")).as_deref(), Some("a"));
    assert_eq!(message.body(Some("de")).as_deref(), Some("c"));
    assert_eq!(message.subject(None), None);
}

#[test]
fn rfc6121_5_2_5_threads() {
    let built = Message::builder(Some(jid("b@example.net")), MessageType::Chat)
        .id("1")
        .lang("en")
        .subject(None, "About")
        .body(Some("cs"), "Ahoj")
        .thread("t<1>", Some("t0"))
        .child(Element::builder("x", "urn:x"))
        .from(jid("a@example.com/x"))
        .build();
    let Stanza::Message(read) = again(&built.clone().into()) else { panic!() };
    assert_eq!(read, built);
    assert_eq!(read.thread(), Some(Thread { id: "t<1>".into(), parent: Some("t0") }));
    assert_eq!((read.id(), read.lang(), read.kind()), (Some("1"), Some("en"), MessageType::Chat));
    assert_eq!((read.from(), read.to()), (Some(&jid("a@example.com/x")), Some(&jid("b@example.net"))));
    assert_eq!(read.subject(None).as_deref(), Some("About"));
    assert_eq!(read.body(Some("cs")).as_deref(), Some("Ahoj"));
    assert_eq!(read.payloads().map(|p| p.name()).collect::<Vec<_>>(), ["x"]);
    assert!(read.child("x", "urn:x").is_some());
    assert_eq!(message("<message xmlns='jabber:client'/>").thread(), None);
}

#[test]
fn rfc6120_11_text_that_xml_cannot_carry() {
    let builder = Message::builder(Some(jid("b@example.net")), MessageType::Chat).body(None, "a\u{0}b");
    assert!(builder.clone().try_build().is_err());
    assert_eq!(builder.build().body(None).as_deref(), Some("a\u{FFFD}b"));
    let fine = Message::builder(None, MessageType::Chat).body(None, "]]> & <\t\n\r 😀").try_build().unwrap();
    let Stanza::Message(read) = again(&fine.into()) else { panic!() };
    assert_eq!(read.body(None).as_deref(), Some("]]> & <\t\n\r 😀"));
    assert!(Presence::builder(PresenceType::Available).status(None, "\u{1}").try_build().is_err());
    assert!(Iq::try_request(true, None, "1", ping().text("\u{1}")).is_err());
    assert_eq!(Iq::try_request(false, None, "1", ping()).unwrap(), Iq::get(None, "1", ping()));
}

#[test]
fn rfc6121_4_7_1_presence_types() {
    for (attribute, kind) in [
        ("", PresenceType::Available),
        ("type='error'", PresenceType::Error),
        ("type='probe'", PresenceType::Probe),
        ("type='subscribe'", PresenceType::Subscribe),
        ("type='subscribed'", PresenceType::Subscribed),
        ("type='unavailable'", PresenceType::Unavailable),
        ("type='unsubscribe'", PresenceType::Unsubscribe),
        ("type='unsubscribed'", PresenceType::Unsubscribed),
    ] {
        let presence = presence(&format!("<presence xmlns='jabber:client' {attribute}/>"));
        assert_eq!(presence.kind(), kind);
        assert_eq!(presence.kind().as_str(), presence.element().attr("type"));
        assert_eq!(Presence::builder(kind).build(), presence);
    }
    for bad in ["available", "", "Probe", "unheard-of"] {
        let xml = format!("<presence xmlns='jabber:client' type='{bad}' from='a@example.com'/>");
        assert_eq!(refused(&xml), ParseError::Type);
        assert_eq!(
            refuse(&element(&xml), &ParseError::Type).unwrap().error().unwrap().condition(),
            &C::BadRequest
        );
    }
}

#[test]
fn rfc6121_4_7_2_show_status_priority() {
    let built = Presence::builder(PresenceType::Available)
        .show(Show::Dnd)
        .status(None, "Wooing Juliet")
        .status(Some("cs"), "Dvořím se Julii")
        .priority(-128)
        .lang("en")
        .id("p")
        .to(jid("a@example.com"))
        .from(jid("b@example.com"))
        .child(Element::builder("c", "http://jabber.org/protocol/caps"))
        .build();
    let Stanza::Presence(read) = again(&built.clone().into()) else { panic!() };
    assert_eq!(read, built);
    assert_eq!((read.show(), read.priority(), read.id()), (Some(Show::Dnd), -128, Some("p")));
    assert_eq!(read.status(Some("cs")).as_deref(), Some("Dvořím se Julii"));
    assert_eq!(read.status(None).as_deref(), Some("Wooing Juliet"));
    assert_eq!(read.statuses().count(), 2);
    assert_eq!(read.payloads().count(), 1);

    for (text, priority) in [
        ("127", 127),
        ("-128", -128),
        (" 5\n", 5),
        ("+7", 7),
        ("128", 0),
        ("-129", 0),
        ("x", 0),
        ("", 0),
        ("1.5", 0),
    ] {
        let xml = format!("<presence xmlns='jabber:client'><priority>{text}</priority></presence>");
        assert_eq!(presence(&xml).priority(), priority, "{text:?}");
    }
    for (text, show) in [
        ("away", Some(Show::Away)),
        ("chat", Some(Show::Chat)),
        (" xa ", Some(Show::Xa)),
        ("online", None),
        ("", None),
    ] {
        let xml = format!("<presence xmlns='jabber:client'><show>{text}</show></presence>");
        assert_eq!(presence(&xml).show(), show, "{text:?}");
    }
    let bare = presence("<presence xmlns='jabber:client'/>");
    assert_eq!((bare.show(), bare.priority(), bare.status(None)), (None, 0, None));
}

#[test]
fn rfc6120_8_1_equal_stanzas_are_those_written_alike() {
    let built = Message::chat(jid("b@example.net"), "hi");
    let mut stamped = built.clone();
    stamped.set_from(Some(jid("a@example.com")));
    assert_ne!(built, stamped);
    let from_start = Message::builder(Some(jid("b@example.net")), MessageType::Chat)
        .from(jid("a@example.com"))
        .body(None, "hi")
        .build();
    assert_eq!(stamped, from_start);
    for other in [
        "<message xmlns='jabber:client' type='chat' to='b@example.net' from='a@example.com'><body>ho</body></message>",
        "<message xmlns='jabber:client' type='chat' to='b@example.net' from='a@example.com' id='1'><body>hi</body></message>",
        "<message xmlns='jabber:client' type='headline' to='b@example.net' from='a@example.com'><body>hi</body></message>",
        "<message xmlns='jabber:client' type='chat' to='c@example.net' from='a@example.com'><body>hi</body></message>",
        "<message xmlns='jabber:client' type='chat' to='b@example.net' from='a@example.com'><body>hi</body><x xmlns='urn:x'/></message>",
        "<message xmlns='jabber:client' type='chat' to='b@example.net' from='a@example.com' xml:lang='en'><body>hi</body></message>",
    ] {
        assert_ne!(stamped, message(other), "{other}");
    }
}

#[test]
fn a_stanza_on_its_own_is_addressed_as_it_is_now_and_reads_the_same() {
    let xml = "<message xmlns='jabber:client' to='a@b' id='1' xml:lang='de'><body>x</body><y xmlns='urn:y'/></message>";
    let limits = crate::xml::Limits { max_bytes: 1000, max_depth: 9, max_attributes: 9 };
    let mut stanza = Stanza::parse(Element::parse(xml.as_bytes(), limits).unwrap()).unwrap();
    stanza.set_from(Some(Jid::new("c@d/e").unwrap()));
    let text = stanza.to_xml();
    let again = Stanza::from_xml(&text).unwrap();
    assert_eq!(again, stanza, "{text}");
    assert_eq!(Stanza::from_xml("<message/>"), None);
    assert_eq!(again.from().map(Jid::as_str), Some("c@d/e"));
}
