//! What the server itself answers: for its domains, and on behalf of accounts.
//!
//! # Who learns what
//!
//! Whoever asks an account is its owner, a contact that may see the account's presence, or a stranger. Strangers get exactly
//! what they would get if there were no such account (RFC 6120 section 13.11, XEP-0030 section 8), except for what an owner has
//! put up for everybody to see: the vCard.
//!
//! # Order
//!
//! What the server knows comes first, then the modules, then service-unavailable.

mod disco;
mod last;
mod private;
mod register;
mod vcard;

use super::context::Context;
use super::module::Place;
use super::store::{Delta, Document, Record};
use crate::jid::{BareJid, FullJid};
use crate::ns;
use crate::payload::datetime::Offset;
use crate::payload::time::EntityTime;
use crate::sasl::Password;
use crate::stanza::{Condition, Iq, IqType, PresenceType, Stanza, StanzaError};
use crate::xml::{Element, ElementBuilder, ElementRef, Limits, Scope};

pub(super) use disco::stream_features;

/// Who asks an account something, as far as it matters for what they may learn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Asker {
    /// One of its own sessions.
    Own,
    /// A contact that may see its presence (subscription `from` or `both`).
    Contact,
    /// A contact that may not, but knows that the account is there: the account sees its presence, or has asked to.
    Known,
    /// Anybody else, who must not learn whether there is an account.
    Stranger,
}

/// An account that is asked something.
pub(super) struct Asked<'a> {
    pub(super) asker: Asker,
    pub(super) jid: &'a BareJid,
    pub(super) record: &'a Record,
    pub(super) anonymous: bool,
    /// Somebody is connected.
    pub(super) connected: bool,
    /// Its available resources (RFC 6121 section 4.1).
    pub(super) available: &'a dyn Fn() -> Vec<FullJid>,
}

/// What an account has to do before a request can be answered.
pub(super) enum Task {
    /// Fetch a document and answer [with it](with_document).
    Fetch(Document),
    /// Make these changes, and then send an empty result.
    Save(Vec<Delta>),
    /// Change the password, and then send an empty result.
    Password(Password),
    /// Remove the account, and then send an empty result.
    Remove,
}

/// What becomes of a request.
enum Reply {
    /// A result without payload.
    Empty,
    /// A result with this payload.
    Payload(ElementBuilder),
    /// A result with a payload that was stored.
    Stored(Element),
    /// Something has to be done first.
    After(Task),
}

type Answer = Result<Reply, StanzaError>;

/// A stanza for a domain of ours (RFC 6120 sections 10.5.1 and 10.5.2).
pub(super) fn for_domain(stanza: Stanza, ctx: &mut Context<'_>) {
    match &stanza {
        Stanza::Iq(iq) if iq.kind().is_request() => {
            let to_resource = iq.to().is_some_and(|to| to.resource().is_some());
            if to_resource {
                ctx.outbox.bounce(&stanza, Condition::ServiceUnavailable);
            } else {
                let answer = domain_answer(iq, ctx);
                // A domain has nothing that would have to be fetched or changed.
                let _ = finish(iq, answer, ctx);
            }
        }
        Stanza::Message(_) => ctx.outbox.bounce(&stanza, Condition::ServiceUnavailable),
        // A domain has no presence to subscribe to, and is no secret that silence would have to keep.
        Stanza::Presence(presence)
            if matches!(presence.kind(), PresenceType::Subscribe | PresenceType::Probe) =>
        {
            ctx.outbox.decline(presence);
        }
        // Answers to requests that the server never made, and presence, which domains do not track.
        Stanza::Iq(_) | Stanza::Presence(_) => {}
    }
}

fn domain_answer(iq: &Iq, ctx: &mut Context<'_>) -> Answer {
    let (name, namespace) = names(iq);
    match (name, namespace) {
        ("ping", ns::PING) => only_get(iq).map(|()| Reply::Empty),
        ("query", ns::DISCO_INFO) => disco::domain_info(iq, ctx),
        ("query", ns::DISCO_ITEMS) => disco::domain_items(iq, ctx),
        ("query", ns::VERSION) => {
            only_get(iq)?;
            Ok(Reply::Payload(ctx.config.software.to_builder()))
        }
        ("time", ns::TIME) => {
            only_get(iq)?;
            Ok(Reply::Payload(EntityTime::new(ctx.now.utc, Offset::UTC).to_builder()))
        }
        ("query", ns::LAST) => last::of_domain(iq, ctx),
        _ => ask_modules(iq, Place::Domain, ctx),
    }
}

/// A request for an account, to its bare address: answers it, or tells what has to be done first.
#[must_use]
pub(super) fn for_account(asked: &Asked<'_>, iq: &Iq, ctx: &mut Context<'_>) -> Option<Task> {
    let answer = account_answer(asked, iq, ctx);
    finish(iq, answer, ctx)
}

fn account_answer(asked: &Asked<'_>, iq: &Iq, ctx: &mut Context<'_>) -> Answer {
    let (name, namespace) = names(iq);
    match (name, namespace, asked.asker) {
        ("vCard", ns::VCARD, _) => vcard::answer(asked, iq, ctx),
        ("query", ns::PRIVATE, Asker::Own) => private::answer(asked, iq, ctx),
        ("query", ns::REGISTER, Asker::Own) => register::answer(asked, iq, ctx),
        ("query", ns::LAST, Asker::Own | Asker::Contact) => last::of_account(asked, iq, ctx),
        ("query", ns::LAST, Asker::Known) => Err(Condition::Forbidden.into()),
        ("ping", ns::PING, Asker::Own | Asker::Contact) => only_get(iq).map(|()| Reply::Empty),
        ("query", ns::DISCO_INFO, Asker::Own | Asker::Contact) => disco::account_info(asked, iq, ctx),
        ("query", ns::DISCO_ITEMS, Asker::Own | Asker::Contact) => disco::account_items(asked, iq),
        ("query", ns::DISCO_ITEMS, _) => stranger_answer(iq),
        _ => ask_modules(iq, Place::Account { own: asked.asker == Asker::Own }, ctx),
    }
}

/// A request for an account that does not exist.
pub(super) fn for_nobody(iq: &Iq, ctx: &mut Context<'_>) {
    let _ = finish(iq, stranger_answer(iq), ctx);
}

/// What strangers are told, and those who ask for somebody who is not there (XEP-0030 section 8).
fn stranger_answer(iq: &Iq) -> Answer {
    match names(iq) {
        ("query", ns::DISCO_ITEMS) if iq.kind() == IqType::Get => Ok(disco::no_items(iq)),
        _ => Err(Condition::ServiceUnavailable.into()),
    }
}

fn ask_modules(iq: &Iq, place: Place, ctx: &mut Context<'_>) -> Answer {
    let (name, namespace) = names(iq);
    match ctx.modules.iter_mut().find(|module| module.handles(place, name, namespace)) {
        Some(module) => Ok(module.iq(ctx.now, place, iq)?.map_or(Reply::Empty, Reply::Payload)),
        None => Err(Condition::ServiceUnavailable.into()),
    }
}

/// Sends an answer, or tells what has to be done first.
fn finish(iq: &Iq, answer: Answer, ctx: &mut Context<'_>) -> Option<Task> {
    match answer {
        Ok(Reply::Empty) => ctx.outbox.send(iq.result(None).into()),
        Ok(Reply::Payload(payload)) => ctx.outbox.send(iq.result(Some(payload)).into()),
        Ok(Reply::Stored(element)) => ctx.outbox.send(iq.result_element(element.root()).into()),
        Ok(Reply::After(task)) => return Some(task),
        Err(error) => ctx.outbox.bounce_with(&Stanza::Iq(iq.clone()), error),
    }
    None
}

/// Answers a request that asked for a document with what the store has.
pub(super) fn with_document(asker: Asker, iq: &Iq, xml: Option<&str>, ctx: &mut Context<'_>) {
    let document = xml.and_then(read);
    let answer = match (names(iq).1, document) {
        (ns::VCARD, Some(card)) => Ok(Reply::Stored(card)),
        (ns::VCARD, None) => vcard::missing(asker),
        (_, document) => private::result(iq, document),
    };
    // Nothing has to be done any more.
    let _ = finish(iq, answer, ctx);
}

/// Whether a request that a user sends to the domain is about the user's own account (XEP-0077 section 3).
pub(super) fn is_for_own_account(iq: &Iq) -> bool {
    iq.kind().is_request() && names(iq) == ("query", ns::REGISTER)
}

/// Whether an account's own request reads or changes what lasts.
pub(super) fn concerns_changes(iq: &Iq) -> bool {
    matches!(names(iq).1, ns::VCARD | ns::PRIVATE | ns::REGISTER)
}

fn names(iq: &Iq) -> (&str, &str) {
    iq.payload().map_or(("", ""), |payload| (payload.name(), payload.ns()))
}

fn only_get(iq: &Iq) -> Result<(), StanzaError> {
    if iq.kind() == IqType::Get { Ok(()) } else { Err(Condition::BadRequest.into()) }
}

/// A document as it is stored. A language that it only inherited from the stream it came on is not part of it.
fn written(element: ElementRef<'_>) -> Box<str> {
    let mut xml = Vec::new();
    element.write(&mut xml, &Scope { lang: element.lang(), ..Scope::default() });
    String::from_utf8(xml).unwrap_or_default().into()
}

/// Reads a stored document. It was checked when it came.
fn read(xml: &str) -> Option<Element> {
    let limits = Limits { max_bytes: usize::MAX, max_depth: usize::MAX, max_attributes: usize::MAX };
    Element::parse(xml.as_bytes(), limits).ok()
}
