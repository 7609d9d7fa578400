//! What the machine answers by itself: questions about this client (XEP-0030, XEP-0199).

use super::im::{Im, Session};
use crate::ns;
use crate::stanza::{Condition, Iq, IqType};
use crate::xml::ElementBuilder;

/// The answer to a request, if it is the machine's to give: the payload of a result, or an error.
pub(super) fn answer(
    im: &Im,
    session: Session<'_>,
    iq: &Iq,
) -> Option<Result<Option<ElementBuilder>, Condition>> {
    let payload = iq.payload().filter(|_| iq.kind() == IqType::Get)?;
    match (payload.name(), payload.ns()) {
        ("ping", ns::PING) if session.config.answer_pings => Some(Ok(None)),
        ("query", ns::DISCO_INFO) => {
            let node = payload.attr("node");
            let info = im.capabilities.answer(node)?;
            Some(info.map(|info| Some(info.to_builder(node))))
        }
        _ => None,
    }
}
