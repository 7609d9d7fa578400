//! Addresses and XMPP URIs: whatever is accepted is canonical (preparing it again changes nothing), survives being taken apart
//! and put together, written into a URI or an IRI and read back; whatever is refused says why.
#![no_main]

use libfuzzer_sys::fuzz_target;
use waxwing_core::jid::{BareJid, FullJid, Jid, MAX_PART, Strings, XmppUri, saslprep_as};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    match Jid::new(&text) {
        Ok(jid) => accepted(&jid),
        Err(e) => assert!(!e.to_string().is_empty()),
    }
    // The same bytes as parts, so that separators can stand where no whole address would have them.
    let mut parts = text.splitn(3, '\n');
    let (local, domain, resource) = (parts.next(), parts.next(), parts.next());
    if let Ok(jid) = Jid::from_parts(local, domain.unwrap_or_default(), resource) {
        accepted(&jid);
    }
    match XmppUri::parse(&text) {
        Ok(uri) => round_trip(&uri),
        Err(e) => assert!(!e.to_string().is_empty()),
    }
    for strings in [Strings::Stored, Strings::Query] {
        if let Ok(once) = saslprep_as(&text, strings) {
            assert_eq!(saslprep_as(&once, strings).as_deref(), Ok(&*once));
        }
    }
});

fn accepted(jid: &Jid) {
    for part in [jid.local(), Some(jid.domain()), jid.resource()].into_iter().flatten() {
        assert!((1..=MAX_PART).contains(&part.len()), "{jid:?}");
        assert!(!part.chars().any(|c| c.is_control()), "{jid:?}");
    }
    assert!(!jid.bare_str().contains('/') && !jid.domain().contains('@'), "{jid:?}");

    let again = Jid::new(jid.as_str()).expect("an address in canonical form is one");
    assert_eq!(&again, jid);
    assert_eq!(
        (again.local(), again.domain(), again.resource()),
        (jid.local(), jid.domain(), jid.resource())
    );
    assert_eq!(Jid::from_parts(jid.local(), jid.domain(), jid.resource()).as_ref(), Ok(jid));
    assert_eq!(jid.to_string(), jid.as_str());

    let bare = jid.to_bare();
    assert_eq!(bare.as_str(), jid.bare_str());
    assert_eq!(BareJid::new(jid.bare_str()).as_ref(), Ok(&bare));
    assert_eq!(BareJid::domain_only(jid.domain()), Ok(jid.to_domain()));
    if let Some(resource) = jid.resource() {
        let full = FullJid::new(jid.as_str()).expect("it has a resource");
        assert_eq!(bare.with_resource(resource), Ok(full));
    }
    round_trip(&XmppUri::new(jid.clone()));
    if bare.local().is_some() {
        round_trip(&XmppUri::new(jid.clone()).with_authority(bare).expect("it has a local part"));
    }
}

fn round_trip(uri: &XmppUri) {
    let ascii = uri.to_uri();
    assert!(ascii.bytes().all(|b| b.is_ascii_graphic()), "{ascii}");
    assert_eq!(XmppUri::parse(&ascii).as_ref(), Ok(uri), "{ascii}");
    assert_eq!(XmppUri::parse(&uri.to_iri()).as_ref(), Ok(uri), "{}", uri.to_iri());
}
