//! Private storage (XEP-0049): elements that a client keeps on the server, by name and namespace.
//!
//! Storing an element without attributes and content removes it: fetching one that is not there brings just such an element,
//! so nobody can tell the difference.

use super::{Answer, Asked, Reply, Task, written};
use crate::payload::private;
use crate::server::config::Limits;
use crate::server::context::Context;
use crate::server::store::{Delta, Document, Record};
use crate::stanza::{Condition, ErrorType, Iq, IqType, StanzaError};
use crate::xml::{Element, ElementRef};
use std::collections::BTreeSet;

/// A request of the owner's.
pub(super) fn answer(asked: &Asked<'_>, iq: &Iq, ctx: &Context<'_>) -> Answer {
    let query = iq.payload().ok_or(Condition::BadRequest)?;
    if iq.kind() == IqType::Set {
        return set(asked.record, query, &ctx.config.limits);
    }
    let document = document(private::parse_get(query)?);
    match asked.record.documents.contains_key(&document) {
        true => Ok(Reply::After(Task::Fetch(document))),
        false => result(iq, None),
    }
}

/// The answer to a request that fetches: what there is, or the empty element of that name.
pub(super) fn result(iq: &Iq, found: Option<Element>) -> Answer {
    let query = iq.payload().ok_or(Condition::BadRequest)?;
    let wanted = private::parse_get(query)?;
    let element = found.unwrap_or_else(|| Element::builder(wanted.name(), wanted.ns()).build());
    Ok(Reply::Payload(private::wrap(&[element])))
}

fn set(record: &Record, query: ElementRef<'_>, limits: &Limits) -> Answer {
    let elements = private::parse(query)?;
    let mut seen = BTreeSet::new();
    if !elements.iter().all(|element| seen.insert((element.name(), element.ns()))) {
        let error = StanzaError::new(Condition::BadRequest);
        return Err(error.with_text_in("en", "The same element stands there twice."));
    }
    let deltas: Vec<Delta> = elements.into_iter().map(delta).collect();
    check_room(record, &deltas, limits)?;
    Ok(Reply::After(Task::Save(deltas)))
}

fn delta(element: ElementRef<'_>) -> Delta {
    let is_empty = element.attrs().next().is_none() && element.nodes().next().is_none();
    Delta::Document { document: document(element), xml: (!is_empty).then(|| written(element)) }
}

fn document(element: ElementRef<'_>) -> Document {
    Document::Private { name: element.name().into(), ns: element.ns().into() }
}

/// Whether there is room for what is to be stored. What makes an account's storage no larger is always welcome.
fn check_room(record: &Record, deltas: &[Delta], limits: &Limits) -> Result<(), StanzaError> {
    let documents = &record.documents;
    let private = || documents.iter().filter(|(document, _)| matches!(document, Document::Private { .. }));
    let had: (usize, usize) = (private().count(), private().map(|(_, size)| size).sum());
    let (mut count, mut bytes) = had;
    for delta in deltas {
        let Delta::Document { document, xml } = delta else { continue };
        if let Some(size) = documents.get(document) {
            (count, bytes) = (count - 1, bytes - *size);
        }
        if let Some(xml) = xml {
            (count, bytes) = (count + 1, bytes + xml.len());
        }
    }
    let too_many = count > limits.private_documents && count > had.0;
    let too_much = bytes > limits.private_bytes && bytes > had.1;
    match too_many || too_much {
        true => Err(StanzaError::new(Condition::ResourceConstraint)
            .with_type(ErrorType::Wait)
            .with_text_in("en", "Private storage is full: remove something from it.")),
        false => Ok(()),
    }
}
