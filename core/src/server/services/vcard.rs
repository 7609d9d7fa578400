//! Business cards (XEP-0054): everybody sees them, only their owner writes them.

use super::{Answer, Asked, Asker, Reply, Task, written};
use crate::payload::vcard::{self, Vcard};
use crate::server::context::Context;
use crate::server::store::{Delta, Document};
use crate::stanza::{Condition, Iq, IqType, StanzaError};

/// Sections 3.1 to 3.3.
pub(super) fn answer(asked: &Asked<'_>, iq: &Iq, ctx: &Context<'_>) -> Answer {
    let is_there = asked.record.documents.contains_key(&Document::Vcard);
    match (iq.kind(), asked.asker) {
        (IqType::Set, Asker::Own) => set(iq, ctx),
        // Whoever can read a card knows that it is there, and may be told that it is not theirs (section 3.2).
        (IqType::Set, _) if is_there => Err(Condition::Forbidden.into()),
        (_, asker) if !is_there => missing(asker),
        _ => Ok(Reply::After(Task::Fetch(Document::Vcard))),
    }
}

/// There is no card. The owner gets an empty one, which many clients expect where section 3.1 leaves the choice; others must
/// not learn from the answer that there is an account (section 3.3).
pub(super) fn missing(asker: Asker) -> Answer {
    match asker {
        Asker::Own => Ok(Reply::Payload(vcard::get())),
        _ => Err(Condition::ServiceUnavailable.into()),
    }
}

fn set(iq: &Iq, ctx: &Context<'_>) -> Answer {
    let payload = iq.payload().ok_or(Condition::BadRequest)?;
    Vcard::parse(payload)?;
    let xml = written(payload);
    if xml.len() > ctx.config.limits.vcard_bytes {
        let error = StanzaError::new(Condition::NotAcceptable);
        return Err(error.with_text_in("en", "The vCard is too large: use a smaller picture."));
    }
    Ok(Reply::After(Task::Save(vec![Delta::Document { document: Document::Vcard, xml: Some(xml) }])))
}
