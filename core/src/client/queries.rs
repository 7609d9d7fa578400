//! Small questions to others: what software they run (XEP-0092), what time it is there (XEP-0202), when they were last
//! active (XEP-0012).

use super::request::{payload, request};
use crate::jid::Jid;
use crate::payload::last::{self, Last};
use crate::payload::time::{self, EntityTime};
use crate::payload::version::{self, Version};

/// Asks an entity what software it runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GetVersion {
    /// Whom: a full address, or a server or service.
    pub to: Option<Jid>,
}

/// Asks an entity what time it is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GetTime {
    /// Whom: a full address, or a server or service.
    pub to: Option<Jid>,
}

/// Asks when an entity was last active. A bare address: when the contact was last online; a full one: when its user last
/// did something; a server: when it started.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GetLast {
    /// Whom.
    pub to: Option<Jid>,
}

request!(GetVersion => Version: Get, to |this| this.to.as_ref(),
    ask |_this| version::get(), read |iq| Ok(Version::parse(payload(iq)?)?));

request!(GetTime => EntityTime: Get, to |this| this.to.as_ref(),
    ask |_this| time::get(), read |iq| Ok(EntityTime::parse(payload(iq)?)?));

request!(GetLast => Last: Get, to |this| this.to.as_ref(),
    ask |_this| last::get(), read |iq| Ok(Last::parse(payload(iq)?)?));
