//! Extending a hub with namespaces of one's own.

use crate::machine::Now;
use crate::stanza::{Condition, Iq, Message, StanzaError};
use crate::xml::ElementBuilder;
use std::fmt::Debug;

/// An extension of a [hub](super::hub): pure and synchronous like everything else in the core. It sees requests and messages,
/// and answers from what it holds itself.
///
/// Every shard of a hub has its own instances, so a module must not rely on seeing all traffic of a domain. What the server
/// itself knows how to do comes first; then modules are asked in the order in which they were added, and the first one that
/// says it [handles](Module::handles) a request answers it.
pub trait Module: Debug + Send {
    /// Features to list in service discovery (XEP-0030) at this place, in any order. Only for requesters that may see them.
    fn features(&self, at: Place) -> &[&'static str] {
        let _ = at;
        &[]
    }

    /// Does this module answer iq requests whose payload has this name and namespace?
    fn handles(&self, at: Place, name: &str, ns: &str) -> bool {
        let _ = (at, name, ns);
        false
    }

    /// Answers a request of type get or set that it [handles](Module::handles): the payload of the result (`None`: an empty
    /// result), or an error.
    ///
    /// # Errors
    /// What the requester gets to see, as a stanza error.
    fn iq(&mut self, now: Now, at: Place, request: &Iq) -> Result<Option<ElementBuilder>, StanzaError> {
        let _ = (now, at, request);
        Err(StanzaError::new(Condition::ServiceUnavailable))
    }

    /// Looks at a message before it is routed: each one once, when it comes in from a session or from another server.
    fn message(&mut self, now: Now, message: &Message) -> Verdict {
        let _ = (now, message);
        Verdict::Pass
    }
}

/// Who a request is addressed to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Place {
    /// One of the hub's domains.
    Domain,
    /// The bare address of an account, on whose behalf the server answers (RFC 6120 section 10.5.3.2).
    Account {
        /// The requester is a session of that very account. Others learn from an answer that the account exists
        /// (RFC 6120 section 13.11).
        own: bool,
    },
}

/// What a module wants done with a message.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// Go on.
    Pass,
    /// Forget it; the sender learns nothing.
    Drop,
    /// Send it back with this error.
    Refuse(StanzaError),
}
