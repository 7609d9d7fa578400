//! What the server itself answers: for its domains, and on behalf of accounts.

use super::context::Context;
use super::module::{Module, Place};
use crate::ns;
use crate::stanza::{Condition, Iq, IqType, PresenceType, Stanza, StanzaError};
use crate::xml::{Element, ElementBuilder};
use std::collections::BTreeSet;

/// The payload of a result, or an error.
type Answer = Result<Option<ElementBuilder>, StanzaError>;

/// A stanza for a domain of ours (RFC 6120 sections 10.5.1 and 10.5.2).
pub(super) fn for_domain(stanza: Stanza, ctx: &mut Context<'_>) {
    match &stanza {
        Stanza::Iq(iq) if iq.kind().is_request() => {
            let to_resource = iq.to().is_some_and(|to| to.resource().is_some());
            if to_resource {
                ctx.outbox.bounce(&stanza, Condition::ServiceUnavailable);
            } else {
                answer(iq, Place::Domain, ctx);
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

/// Sends the answer to a request that the server handles for a domain or an account. The order: what the server knows, then
/// the modules, then service-unavailable.
pub(super) fn answer(iq: &Iq, place: Place, ctx: &mut Context<'_>) {
    let (name, namespace) = iq.payload().map_or(("", ""), |payload| (payload.name(), payload.ns()));
    let answer = match (name, namespace) {
        ("ping", ns::PING) if discloses(place) => only_get(iq).map(|()| None),
        ("query", ns::DISCO_INFO) if discloses(place) => disco_info(iq, place, ctx.modules),
        ("query", ns::DISCO_ITEMS) if discloses(place) => disco_items(iq),
        _ => match ctx.modules.iter_mut().find(|module| module.handles(place, name, namespace)) {
            Some(module) => module.iq(ctx.now, place, iq),
            None => Err(StanzaError::new(Condition::ServiceUnavailable)),
        },
    };
    match answer {
        Ok(payload) => ctx.outbox.send(Stanza::Iq(iq.result(payload))),
        Err(error) => ctx.outbox.bounce_with(&Stanza::Iq(iq.clone()), error),
    }
}

/// Whether the requester may learn that there is somebody here. Strangers must not be able to tell an account that exists
/// from one that does not (RFC 6120 section 13.11, XEP-0030 section 8).
fn discloses(place: Place) -> bool {
    matches!(place, Place::Domain | Place::Account { own: true })
}

fn only_get(iq: &Iq) -> Result<(), StanzaError> {
    if iq.kind() == IqType::Get { Ok(()) } else { Err(StanzaError::new(Condition::BadRequest)) }
}

/// There are no nodes yet (XEP-0030 section 7).
fn no_node(iq: &Iq) -> Result<(), StanzaError> {
    match iq.payload().and_then(|query| query.attr("node")) {
        Some(_) => Err(StanzaError::new(Condition::ItemNotFound)),
        None => Ok(()),
    }
}

/// XEP-0030 section 3.
fn disco_info(iq: &Iq, place: Place, modules: &[Box<dyn Module>]) -> Answer {
    only_get(iq)?;
    no_node(iq)?;
    let (category, kind) = match place {
        Place::Domain => ("server", "im"),
        Place::Account { .. } => ("account", "registered"),
    };
    let features: BTreeSet<&str> = [ns::DISCO_INFO, ns::DISCO_ITEMS, ns::PING]
        .into_iter()
        .chain((place == Place::Domain).then_some(ns::PRE_APPROVAL))
        .chain(modules.iter().flat_map(|module| module.features(place).iter().copied()))
        .collect();
    let identity = Element::builder("identity", ns::DISCO_INFO).attr("category", category).attr("type", kind);
    let query = Element::builder("query", ns::DISCO_INFO).child(identity);
    Ok(Some(features.into_iter().fold(query, |query, feature| {
        query.child(Element::builder("feature", ns::DISCO_INFO).attr("var", feature))
    })))
}

/// XEP-0030 section 4: nothing to list yet.
fn disco_items(iq: &Iq) -> Answer {
    only_get(iq)?;
    no_node(iq)?;
    Ok(Some(Element::builder("query", ns::DISCO_ITEMS)))
}
