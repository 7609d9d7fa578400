//! What the machine answers by itself: questions about this client, as far as the configuration wants them answered.
//!
//! Whoever knows our full address may ask for a sign of life (XEP-0199) and what we can do (XEP-0030). What software we
//! run (XEP-0092), our time zone (XEP-0202) and when our user last did something (XEP-0012) are told to those only who
//! may know that we are here: those who see our presence.

use super::effects::Context;
use super::im::Im;
use super::{Client, Config};
use crate::machine::Now;
use crate::ns;
use crate::payload::last::Last;
use crate::payload::time::EntityTime;
use crate::stanza::{Condition, Iq, IqType};
use crate::xml::ElementBuilder;

/// The payload of a result, or an error.
type Answer = Result<Option<ElementBuilder>, Condition>;

/// The answer to a request, if it is the machine's to give.
pub(super) fn answer(im: &Im, context: Context<'_>, iq: &Iq) -> Option<Answer> {
    let payload = iq.payload().filter(|_| iq.kind() == IqType::Get)?;
    let config = context.config;
    let answer = match (payload.name(), payload.ns()) {
        ("ping", ns::PING) if config.answer_pings => return Some(Ok(None)),
        ("query", ns::DISCO_INFO) => {
            let node = payload.attr("node");
            let info = im.capabilities.answer(node)?;
            return Some(info.map(|info| Some(info.to_builder(node))));
        }
        ("query", ns::VERSION) => config.software.as_ref()?.to_builder(),
        ("time", ns::TIME) => EntityTime::new(context.now.utc, config.utc_offset?).to_builder(),
        ("query", ns::LAST) if config.answer_last_activity => {
            Last::new((context.now.instant - im.active).as_secs()).to_builder()
        }
        _ => return None,
    };
    let may_know = iq.from().is_none_or(|from| im.may_see_us(context, from));
    Some(if may_know { Ok(Some(answer)) } else { Err(Condition::ServiceUnavailable) })
}

/// The features that these answers are, for service discovery.
pub(super) fn features(config: &Config) -> impl Iterator<Item = &'static str> {
    let features = [
        (config.caps_node.is_some(), ns::CAPS),
        (config.software.is_some(), ns::VERSION),
        (config.utc_offset.is_some(), ns::TIME),
        (config.answer_last_activity, ns::LAST),
    ];
    features.into_iter().filter(|(is_on, _)| *is_on).map(|(_, feature)| feature)
}

impl Client {
    /// The user has just done something. What [`Config::answer_last_activity`] counts from; before the first call, the
    /// login does.
    pub fn note_activity(&mut self, now: Now) {
        self.clock = now;
        self.im.active = now.instant;
    }
}
